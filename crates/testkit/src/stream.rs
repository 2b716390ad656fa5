//! The stream on which an open page hears that its session ended.

use std::time::Duration;

use axum::body::Body;
use http_body_util::BodyExt as _;

use crate::browser::Browser;
use crate::site::Site;

/// An open page that listens.
#[derive(Debug)]
pub struct Stream<'a> {
    site: &'a Site,
    body: Body,
}

impl<'a> Browser<'a> {
    /// A page in this browser begins to listen.
    ///
    /// # Panics
    ///
    /// If the answer might be kept by a cache (OUT-07).
    pub fn listen(&mut self) -> Stream<'a> {
        self.listen_at("/session/events")
    }

    /// The same at another address.
    ///
    /// # Panics
    ///
    /// If the answer might be kept by a cache (OUT-07).
    pub fn listen_at(&mut self, path: &str) -> Stream<'a> {
        let site = self.site;
        let (request, peer) = self.ask("GET", path).by_script().build();
        let answer = site.block_on(site.connect(request, peer));
        let caching = answer.headers().get("cache-control");
        assert_eq!(
            caching.map(http::HeaderValue::as_bytes),
            Some(&b"no-store"[..])
        );
        Stream {
            site,
            body: answer.into_body(),
        }
    }
}

impl Stream<'_> {
    /// What is heard within that time of the real clock; `None` if nothing is,
    /// or the stream is over.
    ///
    /// # Panics
    ///
    /// If the stream breaks.
    pub fn hear(&mut self, patience: Duration) -> Option<String> {
        let body = &mut self.body;
        let frame = self.site.block_on(async move {
            let frame = tokio::time::timeout(patience, body.frame()).await;
            frame.ok().flatten()
        });
        let data = frame?.expect("a whole frame").into_data().ok()?;
        Some(String::from_utf8_lossy(&data).into_owned())
    }
}
