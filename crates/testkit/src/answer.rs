//! One answer of the site.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

use crate::page::Page;
use crate::reading;

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What was asked: the method.
    pub method: Method,
    /// What was asked: the address.
    pub path: String,
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// The one value of a header, as text.
    ///
    /// # Panics
    ///
    /// If it comes several times.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let first = values.next();
        assert!(values.next().is_none(), "{name} comes several times");
        first.map(|value| value.to_str().expect("a header of ours is text"))
    }

    /// Where a redirect leads.
    pub fn location(&self) -> Option<&str> {
        self.header("location")
    }

    /// All cookies that it sets, as they stand in the headers.
    ///
    /// # Panics
    ///
    /// If one is not text.
    pub fn cookies(&self) -> Vec<&str> {
        self.headers
            .get_all("set-cookie")
            .iter()
            .map(|value| value.to_str().expect("a cookie of ours is text"))
            .collect()
    }

    /// The header that sets the cookie of this name.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies().into_iter().find(|header| {
            header
                .split_once('=')
                .is_some_and(|(found, _)| found == name)
        })
    }

    /// Whether the body is HTML.
    pub fn is_html(&self) -> bool {
        self.media_type() == "text/html"
    }

    /// The media type without its parameters.
    pub fn media_type(&self) -> &str {
        let whole = self.header("content-type").unwrap_or_default();
        whole.split(';').next().unwrap_or_default().trim()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The page.
    ///
    /// # Panics
    ///
    /// If it is not HTML.
    pub fn page(&self) -> Page {
        assert!(
            self.is_html(),
            "{} {} answered {} as {}: {}",
            self.method,
            self.path,
            self.status,
            self.media_type(),
            self.text()
        );
        reading::read(&self.text())
    }

    /// The body as JSON.
    ///
    /// # Panics
    ///
    /// If it is not JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!("{} answered no JSON ({error}): {}", self.path, self.text())
        })
    }

    /// Checks the status.
    ///
    /// # Panics
    ///
    /// If it is another one.
    #[expect(clippy::return_self_not_must_use, reason = "the check is its use")]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(
            self.status.as_u16(),
            status,
            "{} {} answered: {:?} {}",
            self.method,
            self.path,
            self.location(),
            if self.is_html() {
                self.page().text
            } else {
                self.text()
            }
        );
        self
    }

    /// Checks that it is a redirect after a form, and where it leads.
    ///
    /// # Panics
    ///
    /// If it is not.
    #[expect(clippy::return_self_not_must_use, reason = "the check is its use")]
    pub fn expect_redirect(self, to: &str) -> Self {
        let answer = self.expect(303);
        assert_eq!(answer.location(), Some(to));
        answer
    }

    /// Checks that it is an error of whoever asked (4xx).
    ///
    /// # Panics
    ///
    /// If it is not.
    #[expect(clippy::return_self_not_must_use, reason = "the check is its use")]
    pub fn expect_error(self, what: &str) -> Self {
        assert!(
            self.status.is_client_error(),
            "{what} was answered with {}",
            self.status
        );
        self
    }
}
