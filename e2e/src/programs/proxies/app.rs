//! The app behind the proxy: it believes whoever reaches it, keeps what came, and says it back.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::failure::Outcome;

/// Whoever says nothing for so long is hung up on.
const SILENCE: Duration = Duration::from_secs(10);

/// A request that reached the app.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// Method, path and version.
    pub(super) line: String,
    /// Names in lower case, and values.
    pub(super) headers: Vec<(String, String)>,
}

impl Seen {
    /// All values of a header.
    pub(super) fn values(&self, name: &str) -> Vec<&str> {
        self.headers
            .iter()
            .filter(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
            .collect()
    }
}

/// A running app. Its thread waits for connections for as long as the program runs.
pub(super) struct App {
    port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl App {
    pub(super) fn start() -> Outcome<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let kept = Arc::clone(&kept);
                // A proxy that breaks off is its own affair.
                std::thread::spawn(move || serve(stream, &kept).is_ok());
            }
        });
        Ok(Self { port, seen })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// What came since this was asked last.
    pub(super) fn take(&self) -> Vec<Seen> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *seen)
    }
}

fn serve(stream: TcpStream, kept: &Mutex<Vec<Seen>>) -> Outcome {
    stream.set_read_timeout(Some(SILENCE))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        lines.push(line.to_owned());
    }
    let line = lines.first().cloned().unwrap_or_default();
    let headers = lines[1..]
        .iter()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let seen = Seen { line, headers };
    let length = seen
        .values("content-length")
        .first()
        .copied()
        .unwrap_or("0");
    let mut body = vec![0; length.parse()?];
    reader.read_exact(&mut body)?;
    let is_socket = seen.values("upgrade") == ["websocket"];
    let said = format!(
        "The app saw {}\n{}",
        lines.join("\n"),
        String::from_utf8_lossy(&body)
    );
    kept.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(seen);
    let mut stream = stream;
    if is_socket {
        // The key is the one of RFC 6455, section 1.3.
        stream.write_all(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
              Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
        )?;
        return Ok(());
    }
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        said.len()
    );
    stream.write_all(head.as_bytes())?;
    if !lines[0].starts_with("HEAD ") {
        stream.write_all(said.as_bytes())?;
    }
    Ok(())
}
