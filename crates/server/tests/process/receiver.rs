//! An app that is told of logouts, on a port of loopback.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

pub(crate) struct App {
    port: u16,
    told: Receiver<String>,
    /// How often it was told of each session.
    pub(crate) sessions: HashMap<String, u32>,
}

impl App {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let tell = tell.clone();
                std::thread::spawn(move || {
                    // Whoever called may be dead by now.
                    if let Some(session) = answer(stream) {
                        let _ = tell.send(session);
                    }
                });
            }
        });
        Self {
            port,
            told,
            sessions: HashMap::new(),
        }
    }

    pub(crate) fn address(&self) -> String {
        format!("http://127.0.0.1:{}/logout", self.port)
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
            if let Ok(session) = self.told.recv_timeout(Duration::from_millis(50)) {
                *self.sessions.entry(session).or_default() += 1;
            }
        }
    }
}

/// Reads a logout token, answers 200, and says which session it names.
fn answer(mut stream: TcpStream) -> Option<String> {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    let body = loop {
        let read = stream.read(&mut buffer).ok().filter(|read| *read > 0)?;
        text.push_str(&String::from_utf8_lossy(buffer.get(..read)?));
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_lowercase();
            let (_, length) = head.split_once("content-length: ")?;
            let length: usize = length.lines().next()?.trim().parse().ok()?;
            if body.len() >= length {
                break body.to_owned();
            }
        }
    };
    let good = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    stream.write_all(good.as_bytes()).ok()?;
    let claims = body.strip_prefix("logout_token=")?.split('.').nth(1)?;
    let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&claims).ok()?;
    Some(claims.get("sid")?.as_str()?.to_owned())
}
