//! The smallest browser that can sign in over a socket: it keeps cookies and nothing else.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::nightlatch::{ADA, PASSWORD};
use crate::failure::{Failure, Outcome, ensure};

/// Longer than any answer takes; a server that hangs fails instead of holding up everything.
const LONGEST: Duration = Duration::from_secs(30);

/// A browser on one server of this machine.
pub(crate) struct Visitor {
    port: u16,
    cookies: BTreeMap<String, String>,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Visitor {
    /// A browser that nobody has used yet.
    pub(crate) fn new(port: u16) -> Self {
        Self {
            port,
            cookies: BTreeMap::new(),
        }
    }

    /// Asks for a page.
    pub(crate) fn get(&mut self, path: &str) -> Outcome<Answer> {
        self.send("GET", path, "")
    }

    /// Sends a form.
    pub(crate) fn post(&mut self, path: &str, form: &str) -> Outcome<Answer> {
        self.send("POST", path, form)
    }

    /// Opens a page and reads the token of its form.
    pub(crate) fn form_token(&mut self, path: &str) -> Outcome<String> {
        let page = self.get(path)?;
        page.body
            .split_once("name=\"csrf\" value=\"")
            .and_then(|(_, rest)| rest.split('"').next())
            .map(str::to_owned)
            .ok_or_else(|| Failure::new(format!("no form on {path}")))
    }

    /// Signs in as Ada.
    pub(super) fn sign_in(&mut self) -> Outcome {
        let token = self.form_token("/login")?;
        let (email, password) = (ADA.replace('@', "%40"), PASSWORD.replace(' ', "+"));
        let answer = self.post(
            "/login",
            &format!("csrf={token}&email={email}&password={password}"),
        )?;
        ensure(
            answer.status == 303 && self.cookies.contains_key("__Host-nightlatch"),
            || format!("Ada cannot sign in: {}", answer.status),
        )
    }

    fn send(&mut self, method: &str, path: &str, body: &str) -> Outcome<Answer> {
        let port = self.port;
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\
             Origin: http://localhost:{port}\r\nCookie: {}\r\n\
             User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            cookies.join("; "),
            body.len()
        );
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(LONGEST))?;
        stream.write_all(request.as_bytes())?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        self.read(&String::from_utf8_lossy(&bytes))
    }

    fn read(&mut self, text: &str) -> Outcome<Answer> {
        let (head, body) = text
            .split_once("\r\n\r\n")
            .ok_or_else(|| Failure::new("no whole answer"))?;
        let mut lines = head.lines();
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1))
            .ok_or_else(|| Failure::new("no status"))?
            .parse()?;
        for line in lines {
            let Some((name, value)) = line.split_once(": ") else {
                continue;
            };
            if !name.eq_ignore_ascii_case("set-cookie") {
                continue;
            }
            let (name, rest) = value.split_once('=').unwrap_or((value, ""));
            let value = rest.split(';').next().unwrap_or_default();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok(Answer {
            status,
            body: body.to_owned(),
        })
    }
}
