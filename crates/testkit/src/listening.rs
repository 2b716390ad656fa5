//! A site on a real port of loopback, for real browsers.
//!
//! The clock still stands until it is moved. Call nothing of the site that waits
//! from inside a runtime; use a blocking thread.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::Request;
use nightlatch_storage::testing::TestDatabase;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::site::{RUNTIME, Site, SiteOptions};

/// A site that listens.
pub struct ListeningSite {
    site: Arc<Site>,
    serving: JoinHandle<()>,
}

impl ListeningSite {
    /// The usual site on a free port; it is reached at its `origin()`.
    ///
    /// # Panics
    ///
    /// If no port is free.
    pub fn new(which: TestDatabase) -> Self {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        socket.set_nonblocking(true).expect("a socket");
        let port = socket.local_addr().expect("an address").port();
        let options = SiteOptions {
            public_url: format!("http://localhost:{port}"),
            ..SiteOptions::default()
        };
        let site = Arc::new(Site::with(which, options));
        let served = Arc::clone(&site);
        let door = Router::new().fallback(
            move |ConnectInfo(peer): ConnectInfo<SocketAddr>, request: Request<Body>| {
                let site = Arc::clone(&served);
                async move { site.connect(request, peer).await }
            },
        );
        let serving = RUNTIME.spawn(async move {
            let listener = TcpListener::from_std(socket).expect("a listener");
            let service = door.into_make_service_with_connect_info::<SocketAddr>();
            axum::serve(listener, service).await.expect("a server");
        });
        Self { site, serving }
    }
}

impl Deref for ListeningSite {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

impl Drop for ListeningSite {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
