//! A browser without a screen: it follows redirects from host to host, keeps cookies for each host, and says where
//! a request comes from, as browsers do.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use url::Url;
use url::form_urlencoded::Serializer;

use super::nightlatch::{ADA, PASSWORD};
use crate::failure::{Failure, Outcome, ensure};

/// Longer than any answer takes; a program that hangs fails instead of holding up everything.
const LONGEST: Duration = Duration::from_secs(40);

/// More redirects in a row are a circle.
const MOST_REDIRECTS: usize = 12;

/// The browser.
#[derive(Default)]
pub(super) struct Browser {
    /// By host. Ports share cookies, as they do in every browser.
    jars: BTreeMap<String, BTreeMap<String, String>>,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) url: Url,
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Answer {
    /// A header of the answer.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Where it sends the browser.
    pub(super) fn leads_to(&self) -> Outcome<Option<Url>> {
        if !(300..400).contains(&self.status) {
            return Ok(None);
        }
        let to = self.header("location");
        Ok(to.map(|to| self.url.join(to)).transpose()?)
    }

    /// The page that was asked for, with these words on it.
    pub(super) fn is_page(&self, words: &str) -> Outcome {
        ensure(self.status == 200 && self.body.contains(words), || {
            format!("no page with “{words}”: {}", self.in_short())
        })
    }

    /// One line about it for a person who looks for a fault.
    pub(super) fn in_short(&self) -> String {
        let words: String = self.body.chars().take(600).collect();
        let to = self.header("location").unwrap_or_default();
        format!("{} {} {to} {words}", self.status, self.url)
    }
}

/// A request in the making.
struct Request {
    method: &'static str,
    body: String,
    /// The page that led here, or nothing if a person typed the address.
    from: Option<Url>,
}

impl Browser {
    /// Types an address and goes wherever that leads.
    pub(super) fn open(&mut self, address: &str) -> Outcome<Answer> {
        self.travel(Url::parse(address)?, typed())
    }

    /// Types an address and goes nowhere from there.
    pub(super) fn look(&mut self, address: &str) -> Outcome<Answer> {
        self.send(&Url::parse(address)?, &typed(), "none")
    }

    /// Signs in as Ada on Nightlatch's page, and goes wherever that leads.
    pub(super) fn sign_in(&mut self, page: &Answer) -> Outcome<Answer> {
        page.is_page("name=\"password\"")?;
        let mut form = Serializer::new(String::new());
        for name in ["csrf", "return_to"] {
            let value = field(&page.body, name)
                .ok_or_else(|| Failure::new(format!("no field {name}: {}", page.in_short())))?;
            form.append_pair(name, value);
        }
        form.append_pair("email", ADA);
        form.append_pair("password", PASSWORD);
        let request = Request {
            method: "POST",
            body: form.finish(),
            from: Some(page.url.clone()),
        };
        self.travel(page.url.join("/login")?, request)
    }

    /// Sends a form from a page, and goes wherever that leads.
    pub(super) fn submit(&mut self, page: &Url, path: &str, body: &str) -> Outcome<Answer> {
        let request = Request {
            method: "POST",
            body: body.to_owned(),
            from: Some(page.clone()),
        };
        self.travel(page.join(path)?, request)
    }

    /// The cookies that it keeps for a host, as it sends them.
    pub(super) fn cookies(&self, host: &str) -> String {
        let jar = self.jars.get(host).into_iter().flatten();
        let cookies: Vec<String> = jar.map(|(name, value)| format!("{name}={value}")).collect();
        cookies.join("; ")
    }

    /// Keeps a cookie for a host, as a script of its pages may have it do.
    pub(super) fn keep_cookie(&mut self, host: &str, name: &str, value: &str) {
        let jar = self.jars.entry(host.to_owned()).or_default();
        jar.insert(name.to_owned(), value.to_owned());
    }

    fn travel(&mut self, mut url: Url, mut request: Request) -> Outcome<Answer> {
        let mut site = "same-origin";
        for _ in 0..MOST_REDIRECTS {
            site = match &request.from {
                None => "none",
                Some(from) => farther(site, from, &url),
            };
            let answer = self.send(&url, &request, site)?;
            let Some(to) = answer.leads_to()? else {
                return Ok(answer);
            };
            ensure(answer.status < 304, || {
                format!("nobody here repeats a form: {}", answer.in_short())
            })?;
            request.method = "GET";
            request.body.clear();
            url = to;
        }
        Err(Failure::new(format!("redirects without end at {url}")))
    }

    fn send(&mut self, url: &Url, request: &Request, site: &str) -> Outcome<Answer> {
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or_default();
        let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let cookies = self.cookies(host);
        let mut head = vec![
            format!("{} {path} HTTP/1.1", request.method),
            format!("Host: {host}:{port}"),
            "Connection: close".to_owned(),
            "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"
                .to_owned(),
            "Accept: text/html,application/xhtml+xml,*/*;q=0.8".to_owned(),
            format!("Sec-Fetch-Site: {site}"),
            "Sec-Fetch-Mode: navigate".to_owned(),
            "Sec-Fetch-Dest: document".to_owned(),
            "Sec-Fetch-User: ?1".to_owned(),
        ];
        if !cookies.is_empty() {
            head.push(format!("Cookie: {cookies}"));
        }
        if let ("POST", Some(from)) = (request.method, &request.from) {
            head.push(format!("Origin: {}", from.origin().ascii_serialization()));
            head.push("Content-Type: application/x-www-form-urlencoded".to_owned());
            head.push(format!("Content-Length: {}", request.body.len()));
        }
        let whole = format!("{}\r\n\r\n{}", head.join("\r\n"), request.body);
        let answer = exchange(url, &whole)?;
        keep_cookies(self.jars.entry(host.to_owned()).or_default(), &answer);
        Ok(answer)
    }
}

/// Sends this request, letter by letter, to where the address is, and reads the answer: as much as it says that it is
/// long, or until the connection closes.
pub(super) fn exchange(url: &Url, whole: &str) -> Outcome<Answer> {
    let port = url.port_or_known_default().unwrap_or_default();
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(LONGEST))?;
    stream.write_all(whole.as_bytes())?;
    let (mut bytes, mut piece) = (Vec::new(), [0; 16 * 1024]);
    while !is_whole(&bytes) {
        match stream.read(&mut piece)? {
            0 => break,
            length => bytes.extend_from_slice(&piece[..length]),
        }
    }
    read(url, &String::from_utf8_lossy(&bytes))
}

/// Whether an answer is there as far as its length says.
fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    let Some((head, _)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .and_then(|length| length.trim().parse::<usize>().ok());
    // What is not UTF-8 only makes the text longer, and no head here is anything but ASCII.
    length.is_some_and(|length| bytes.len() >= head.len() + 4 + length)
}

fn typed() -> Request {
    Request {
        method: "GET",
        body: String::new(),
        from: None,
    }
}

/// The value of a field, which is written as our pages write it.
fn field<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    body.split_once(&format!("name=\"{name}\" value=\""))
        .and_then(|(_, rest)| rest.split('"').next())
}

/// How far the page that leads is from where it leads, on the farthest step so far (Fetch Metadata, section 2.3).
fn farther(before: &'static str, from: &Url, to: &Url) -> &'static str {
    if before == "cross-site" || from.host_str() != to.host_str() {
        "cross-site"
    } else if before == "same-site" || from.origin() != to.origin() {
        "same-site"
    } else {
        "same-origin"
    }
}

fn keep_cookies(jar: &mut BTreeMap<String, String>, answer: &Answer) {
    for (name, value) in &answer.headers {
        if !name.eq_ignore_ascii_case("set-cookie") {
            continue;
        }
        let mut parts = value.split(';');
        let (name, value) = parts
            .next()
            .and_then(|pair| pair.split_once('='))
            .unwrap_or_default();
        let over = parts
            .map(|part| part.trim().to_ascii_lowercase())
            .any(|part| part == "max-age=0" || part.starts_with("expires=thu, 01 jan 1970"));
        if over || value.is_empty() {
            jar.remove(name);
        } else {
            jar.insert(name.to_owned(), value.to_owned());
        }
    }
}

fn read(url: &Url, text: &str) -> Outcome<Answer> {
    let (head, body) = text
        .split_once("\r\n\r\n")
        .ok_or_else(|| Failure::new(format!("no whole answer from {url}")))?;
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .ok_or_else(|| Failure::new("no status"))?
        .parse()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut answer = Answer {
        url: url.clone(),
        status,
        headers,
        body: body.to_owned(),
    };
    if answer.header("transfer-encoding") == Some("chunked") {
        answer.body = unchunked(body)?;
    }
    Ok(answer)
}

/// The pieces of a body put together (RFC 9112 section 7.1). What is asked for here is plain ASCII.
fn unchunked(mut rest: &str) -> Outcome<String> {
    let mut whole = String::new();
    loop {
        let (size, after) = rest
            .split_once("\r\n")
            .ok_or_else(|| Failure::new("a piece without a length"))?;
        let size = usize::from_str_radix(size, 16)?;
        if size == 0 {
            return Ok(whole);
        }
        let piece = after
            .get(..size)
            .ok_or_else(|| Failure::new("a piece is cut off"))?;
        whole += piece;
        rest = after.get(size + 2..).unwrap_or_default();
    }
}
