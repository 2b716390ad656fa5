//! One request, written by hand where a browser would write it otherwise.

use std::io;
use std::net::SocketAddr;

use axum::body::Body;
use bytes::Bytes;
use futures_util::{TryStreamExt as _, stream};
use http::{Method, Request};
use serde_json::Value;

use crate::answer::Answer;
use crate::browser::Browser;

/// A request in the making.
#[derive(Debug)]
pub struct Ask<'b, 'a> {
    browser: &'b mut Browser<'a>,
    method: Method,
    path: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl<'b, 'a> Ask<'b, 'a> {
    pub(crate) fn new(
        browser: &'b mut Browser<'a>,
        method: &str,
        path: &str,
        headers: Vec<(String, Vec<u8>)>,
    ) -> Self {
        Self {
            browser,
            method: method.parse().expect("a method"),
            path: path.to_owned(),
            headers,
            body: Vec::new(),
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(self, name: &str, value: &str) -> Self {
        self.header_bytes(name, value.as_bytes())
    }

    /// Adds a header of any bytes.
    #[must_use]
    pub fn header_bytes(mut self, name: &str, value: &[u8]) -> Self {
        self.headers.push((name.to_owned(), value.to_vec()));
        self
    }

    /// Takes every header of this name away.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(found, _)| found != name);
        self
    }

    /// Says that a form on one of our own pages sends it.
    #[must_use]
    pub fn by_own_page(self) -> Self {
        let origin = self.browser.origin();
        self.header("sec-fetch-site", "same-origin")
            .header("origin", &origin)
    }

    /// Says that a script on one of our own pages sends it.
    #[must_use]
    pub fn by_script(self) -> Self {
        let own = self.by_own_page();
        own.header("sec-fetch-mode", "cors")
            .header("sec-fetch-dest", "empty")
    }

    /// Sends fields of a form.
    #[must_use]
    pub fn form(self, pairs: &str) -> Self {
        self.header("content-type", "application/x-www-form-urlencoded")
            .body(pairs.as_bytes())
    }

    /// Sends JSON.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json")
            .body(body.to_string().as_bytes())
    }

    /// Sends these bytes.
    #[must_use]
    pub fn body(mut self, bytes: &[u8]) -> Self {
        self.body = bytes.to_vec();
        self
    }

    /// The request with the cookies of now, for stories that hand it in
    /// themselves, and where it comes from.
    ///
    /// # Panics
    ///
    /// If it cannot be written.
    pub fn build(self) -> (Request<Body>, SocketAddr) {
        let now = self.browser.site.now();
        let mut request = Request::builder().method(self.method).uri(&self.path);
        for (name, value) in &self.headers {
            request = request.header(name, value.as_slice());
        }
        if let Some(cookies) = self.browser.jar.header(now) {
            request = request.header("cookie", cookies);
        }
        if !self.body.is_empty() {
            request = request.header("content-length", self.body.len());
        }
        let request = request
            .body(Body::from(self.body))
            .expect("a request that can be written");
        (request, self.browser.peer)
    }

    /// Sends the head, and the body only after the site has begun to wait for it
    /// and something has happened meanwhile.
    ///
    /// # Panics
    ///
    /// If the site never asks for the body.
    pub fn send_slowly(mut self, meanwhile: impl FnOnce()) -> Answer {
        let bytes = Bytes::from(std::mem::take(&mut self.body));
        let site = self.browser.site;
        let (request, peer) = self
            .header("content-length", &bytes.len().to_string())
            .build();
        let (asked, is_asked) = std::sync::mpsc::channel();
        let (come, comes) = tokio::sync::oneshot::channel();
        let slow = stream::once(async move {
            asked.send(()).map_err(|_| io::ErrorKind::BrokenPipe)?;
            comes.await.map_err(|_| io::ErrorKind::BrokenPipe)?;
            Ok::<_, io::ErrorKind>(bytes)
        });
        let request = request.map(|_| Body::from_stream(slow.map_err(io::Error::from)));
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| site.block_on(site.exchange(request, peer)));
            is_asked.recv().expect("a site that asks for the body");
            meanwhile();
            come.send(()).expect("a site that waits");
            thread.join().expect("an answer")
        })
    }

    /// Sends it, and keeps the cookies of the answer.
    pub fn send(self) -> Answer {
        let Ask {
            browser,
            method,
            path,
            headers,
            body,
        } = self;
        let site = browser.site;
        let again = Ask {
            browser: &mut *browser,
            method,
            path,
            headers,
            body,
        };
        let (request, peer) = again.build();
        let answer = site.block_on(site.exchange(request, peer));
        for header in answer.cookies() {
            browser.jar.take(header, site.now());
        }
        answer
    }
}
