//! An app that is told of logouts, on a port of loopback.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// What an app was told: the session, by which path, and when.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) session: String,
    pub(crate) path: String,
    pub(crate) at: Instant,
}

pub(crate) struct App {
    port: u16,
    told: Receiver<Told>,
    most_open: Arc<AtomicUsize>,
    /// How often it was told of each session.
    pub(crate) sessions: HashMap<String, u32>,
}

impl App {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let (tell, told) = mpsc::channel();
        let open = Arc::new(AtomicUsize::new(0));
        let most_open = Arc::new(AtomicUsize::new(0));
        let most = Arc::clone(&most_open);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (tell, open, most) = (tell.clone(), Arc::clone(&open), Arc::clone(&most));
                most.fetch_max(open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::spawn(move || {
                    // Whoever called may be dead by now.
                    if let Some(news) = answer(stream) {
                        let _ = tell.send(news);
                    }
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self {
            port,
            told,
            most_open,
            sessions: HashMap::new(),
        }
    }

    pub(crate) fn address(&self) -> String {
        self.address_of("/logout")
    }

    pub(crate) fn address_of(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The most connections that were open at once.
    pub(crate) fn most_open(&self) -> usize {
        self.most_open.load(Ordering::SeqCst)
    }

    /// What it is told next, if that comes in time.
    pub(crate) fn next(&mut self, patience: Duration) -> Option<Told> {
        let told = self.told.recv_timeout(patience).ok()?;
        *self.sessions.entry(told.session.clone()).or_default() += 1;
        Some(told)
    }

    /// Hears until all of these were told or time is up.
    pub(crate) fn hear(&mut self, expected: &[String], patience: Duration) {
        let began = Instant::now();
        let is_known = |sessions: &HashMap<String, u32>| {
            expected
                .iter()
                .all(|session| sessions.contains_key(session))
        };
        while !is_known(&self.sessions) && began.elapsed() < patience {
            self.next(Duration::from_millis(50));
        }
    }
}

/// Reads a logout token, answers 200, and says which session it names.
fn answer(mut stream: TcpStream) -> Option<Told> {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    let (body, at) = loop {
        let read = stream.read(&mut buffer).ok().filter(|read| *read > 0)?;
        text.push_str(&String::from_utf8_lossy(buffer.get(..read)?));
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_lowercase();
            let (_, length) = head.split_once("content-length: ")?;
            let length: usize = length.lines().next()?.trim().parse().ok()?;
            if body.len() >= length {
                break (body.to_owned(), Instant::now());
            }
        }
    };
    let good = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    stream.write_all(good.as_bytes()).ok()?;
    let claims = body.strip_prefix("logout_token=")?.split('.').nth(1)?;
    let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&claims).ok()?;
    Some(Told {
        session: claims.get("sid")?.as_str()?.to_owned(),
        path: text.split(' ').nth(1)?.to_owned(),
        at,
    })
}
