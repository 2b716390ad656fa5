//! The smallest client that can sign in and log out over a socket.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

pub(crate) struct Client {
    port: u16,
    session: Option<String>,
    visitor: Option<String>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn location(&self) -> &str {
        self.all("location").next().unwrap_or_default()
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers
            .iter()
            .filter(move |(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

impl Client {
    pub(crate) fn new(port: u16) -> Self {
        Self {
            port,
            session: None,
            visitor: None,
        }
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, "")
    }

    pub(crate) fn sign_in(&mut self, password: &str) {
        let page = self.get("/login");
        let token = between(&page.body, "name=\"csrf\" value=\"", "\"");
        let password = password.replace(' ', "+");
        let form = format!("csrf={token}&email=ada%40example.test&password={password}");
        let answer = self.send("POST", "/login", &form);
        assert_eq!(answer.status, 303, "{}", answer.body);
        assert!(self.session.is_some(), "a session cookie");
    }

    pub(crate) fn log_out(&mut self) -> Answer {
        self.send("POST", "/logout", "x=y")
    }

    /// The same while somebody kills the server; says whether it was answered.
    pub(crate) fn try_to_log_out(&mut self) -> bool {
        let port = self.port;
        let cookie = self.session_cookie();
        let request = format!(
            "POST /logout HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\
             Origin: http://localhost:{port}\r\nCookie: __Host-nightlatch={cookie}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\nx=y"
        );
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else {
            return false;
        };
        let mut bytes = Vec::new();
        let sent = stream.write_all(request.as_bytes());
        sent.and_then(|()| stream.read_to_end(&mut bytes)).is_ok()
            && bytes.starts_with(b"HTTP/1.1 303")
    }

    pub(crate) fn session_cookie(&self) -> String {
        self.session.clone().expect("a session cookie")
    }

    pub(crate) fn put_session_cookie(&mut self, value: &str) {
        self.session = Some(value.to_owned());
    }

    fn send(&mut self, method: &str, path: &str, body: &str) -> Answer {
        let port = self.port;
        let mut cookies = Vec::new();
        for (name, value) in [
            ("__Host-nightlatch", &self.session),
            ("__Host-nightlatch-visitor", &self.visitor),
        ] {
            cookies.extend(value.as_ref().map(|value| format!("{name}={value}")));
        }
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\
             Origin: http://localhost:{port}\r\nCookie: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            cookies.join("; "),
            body.len()
        );
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
        stream.write_all(request.as_bytes()).expect("a request");
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("an answer");
        let answer = parse(&String::from_utf8_lossy(&bytes));
        for cookie in answer.all("set-cookie") {
            let (name, rest) = cookie.split_once('=').expect("a cookie");
            let value = rest.split(';').next().unwrap_or_default().to_owned();
            let value = Some(value).filter(|value| !value.is_empty());
            match name {
                "__Host-nightlatch" => self.session = value,
                "__Host-nightlatch-visitor" => self.visitor = value,
                _ => {}
            }
        }
        answer
    }
}

fn parse(text: &str) -> Answer {
    let (head, body) = text.split_once("\r\n\r\n").expect("an answer");
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .and_then(|status| status.parse().ok())
        .expect("a status");
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    Answer {
        status,
        headers,
        body: body.to_owned(),
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = text.split_once(before).expect("the form's token");
    rest.split(after).next().unwrap_or_default()
}
