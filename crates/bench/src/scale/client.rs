//! A browser with one connection, as little as pages need.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Sends one request on a connection of its own; returns the whole answer.
pub(crate) struct Client {
    port: u16,
    stream: BufReader<TcpStream>,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
    /// From the first byte sent to the last byte received.
    pub(crate) took: Duration,
}

impl Client {
    pub(crate) fn new(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
        stream.set_nodelay(true).expect("an option");
        Self {
            port,
            stream: BufReader::new(stream),
        }
    }

    /// Opens a page with these cookies.
    pub(crate) fn get(&mut self, path: &str, cookies: &str) -> Answer {
        self.send("GET", path, cookies, "")
    }

    pub(crate) fn send(&mut self, method: &str, path: &str, cookies: &str, body: &str) -> Answer {
        let port = self.port;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost:{port}\r\nSec-Fetch-Site: same-origin\r\n\
             Origin: http://localhost:{port}\r\nCookie: {cookies}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let began = Instant::now();
        self.stream
            .get_mut()
            .write_all(request.as_bytes())
            .expect("somebody who listens");
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let read = self.stream.read_line(&mut head).expect("an answer");
            assert!(read > 0, "the connection ended: {head}");
        }
        let length = header(&head, "content-length").and_then(|text| text.parse().ok());
        let mut bytes = vec![0; length.unwrap_or(0)];
        self.stream
            .read_exact(&mut bytes)
            .expect("the answer's body");
        let took = began.elapsed();
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        Answer {
            status: status.expect("a status"),
            body: String::from_utf8_lossy(&bytes).into_owned(),
            head,
            took,
        }
    }
}

impl Answer {
    /// The value of a cookie that was set.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .filter(|(header, _)| header.eq_ignore_ascii_case("set-cookie"))
            .filter_map(|(_, cookie)| cookie.split_once('='))
            .find(|(found, _)| *found == name)
            .and_then(|(_, rest)| rest.split(';').next())
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}
