//! An app's logout address on loopback: it writes down what it is sent, and answers as
//! it is told, badly too.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::site::RUNTIME;

/// How long a test waits for another thread before it gives up.
const PATIENCE: Duration = Duration::from_mins(1);

/// How an app answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manner {
    /// With this status and nothing else.
    Status(u16),
    /// With this status, and when to come back.
    Busy {
        /// Usually 429 or 503.
        status: u16,
        /// `Retry-After`: seconds or a date.
        retry_after: String,
    },
    /// With 400, in its own words (Back-Channel Logout 2.8).
    Refusing {
        /// `error_description`.
        words: String,
    },
    /// With something that is not HTTP.
    Garbage,
    /// By sending the caller elsewhere.
    Redirecting {
        /// `Location`.
        to: String,
    },
    /// Not at all: it holds the connection.
    Hanging,
    /// With 200, after a while.
    Slow(Duration),
}

/// What an app was sent.
#[derive(Debug, Clone)]
pub struct Received {
    /// The path, with its query.
    pub path: String,
    /// The head as it came.
    pub head: String,
    /// `logout_token` of the form.
    pub token: String,
}

#[derive(Debug)]
struct Inner {
    manner: Mutex<Manner>,
    next: Mutex<VecDeque<Manner>>,
    received: Mutex<Vec<Received>>,
    open: AtomicUsize,
    most_open: AtomicUsize,
}

/// An app's logout address.
#[derive(Debug)]
pub struct LogoutReceiver {
    port: u16,
    inner: Arc<Inner>,
    listening: JoinHandle<()>,
}

impl LogoutReceiver {
    /// One that answers 200.
    ///
    /// # Panics
    ///
    /// If no port is free.
    pub fn new() -> Self {
        Self::answering(Manner::Status(200))
    }

    /// One that answers so.
    ///
    /// # Panics
    ///
    /// If no port is free.
    pub fn answering(manner: Manner) -> Self {
        Self::listening(0, manner)
    }

    /// One that answers 200 at the address of an app that was down.
    ///
    /// # Panics
    ///
    /// If somebody else is there.
    pub fn back_at(port: u16) -> Self {
        Self::listening(port, Manner::Status(200))
    }

    fn listening(port: u16, manner: Manner) -> Self {
        let socket = std::net::TcpListener::bind(("127.0.0.1", port)).expect("a free port");
        socket.set_nonblocking(true).expect("a socket");
        let port = socket.local_addr().expect("an address").port();
        let inner = Arc::new(Inner {
            manner: Mutex::new(manner),
            next: Mutex::default(),
            received: Mutex::default(),
            open: AtomicUsize::new(0),
            most_open: AtomicUsize::new(0),
        });
        let served = Arc::clone(&inner);
        let listening = RUNTIME.spawn(async move {
            let listener = TcpListener::from_std(socket).expect("a listener");
            while let Ok((stream, _)) = listener.accept().await {
                let inner = Arc::clone(&served);
                tokio::spawn(async move {
                    let open = inner.open.fetch_add(1, Ordering::SeqCst) + 1;
                    inner.most_open.fetch_max(open, Ordering::SeqCst);
                    serve(&inner, stream).await;
                    inner.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self {
            port,
            inner,
            listening,
        }
    }

    /// Its address with this path.
    pub fn address(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// From now on it answers so.
    pub fn answer(&self, manner: Manner) {
        *lock(&self.inner.manner) = manner;
    }

    /// It answers so to the next calls, one after the other.
    pub fn answer_next(&self, manners: impl IntoIterator<Item = Manner>) {
        lock(&self.inner.next).extend(manners);
    }

    /// Everything that it was sent, oldest first.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.inner.received).clone()
    }

    /// The most connections that were open at once.
    pub fn most_open(&self) -> usize {
        self.inner.most_open.load(Ordering::SeqCst)
    }

    /// Waits until it was sent so many tokens.
    ///
    /// # Panics
    ///
    /// If that never comes.
    pub fn wait_for(&self, count: usize) {
        let began = Instant::now();
        while lock(&self.inner.received).len() < count {
            assert!(began.elapsed() < PATIENCE, "the app is told nothing");
            std::thread::yield_now();
        }
    }
}

impl Default for LogoutReceiver {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for LogoutReceiver {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(inner: &Inner, mut stream: TcpStream) {
    let mut kept = Vec::new();
    while let Some(received) = read(&mut stream, &mut kept).await {
        lock(&inner.received).push(received);
        let next = lock(&inner.next).pop_front();
        let manner = next.unwrap_or_else(|| lock(&inner.manner).clone());
        let answer = match manner {
            Manner::Status(status) => empty(status, ""),
            Manner::Busy {
                status,
                retry_after,
            } => empty(status, &format!("Retry-After: {retry_after}\r\n")),
            Manner::Refusing { words } => {
                let body = serde_json::json!({
                    "error": "invalid_request",
                    "error_description": words,
                })
                .to_string();
                let length = body.len();
                format!("HTTP/1.1 400 Bad\r\nContent-Length: {length}\r\n\r\n{body}")
            }
            Manner::Garbage => "\u{1}\u{2} this is not the web\r\n\r\n".to_owned(),
            Manner::Redirecting { to } => empty(307, &format!("Location: {to}\r\n")),
            Manner::Hanging => return std::future::pending().await,
            Manner::Slow(wait) => {
                tokio::time::sleep(wait).await;
                empty(200, "")
            }
        };
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn empty(status: u16, headers: &str) -> String {
    // 204 has no body and no length (RFC 9110 section 8.6).
    let length = if status == 204 {
        ""
    } else {
        "Content-Length: 0\r\n"
    };
    format!("HTTP/1.1 {status} So\r\n{headers}{length}\r\n")
}

/// Reads one request; nothing at the end of the connection. `kept` are bytes that came
/// with the request before.
async fn read(stream: &mut TcpStream, kept: &mut Vec<u8>) -> Option<Received> {
    let mut buffer = vec![0; 8 * 1024];
    loop {
        let text = String::from_utf8_lossy(kept).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length: usize = head
                .lines()
                .filter_map(|line| line.split_once(": "))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .and_then(|(_, value)| value.parse().ok())
                .unwrap_or_default();
            if body.len() >= length {
                let form: Vec<(String, String)> =
                    serde_urlencoded::from_str(body.get(..length)?).unwrap_or_default();
                let token = form.into_iter().find(|(name, _)| name == "logout_token");
                kept.drain(..head.len() + 4 + length);
                return Some(Received {
                    path: head.split(' ').nth(1)?.to_owned(),
                    head: head.to_owned(),
                    token: token.map(|(_, token)| token).unwrap_or_default(),
                });
            }
        }
        let read = stream.read(&mut buffer).await.ok()?;
        if read == 0 {
            return None;
        }
        kept.extend_from_slice(buffer.get(..read)?);
    }
}
