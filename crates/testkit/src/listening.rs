//! A site on a real port of loopback, for real browsers.
//!
//! The clock still stands until it is moved. Call nothing of the site that waits
//! from inside a runtime; use a blocking thread. What browsers were answered is
//! written down, since nothing else looks over their shoulder.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::IntoResponse as _;
use http::{Request, StatusCode};
use nightlatch_storage::testing::TestDatabase;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::site::{RUNTIME, Site, SiteOptions};

/// A site that listens.
pub struct ListeningSite {
    site: Arc<Site>,
    serving: JoinHandle<()>,
    answered: Arc<Mutex<Vec<Answered>>>,
}

/// A request over the network, and how it was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The method.
    pub method: String,
    /// The path, without a query.
    pub path: String,
    /// The status code.
    pub status: u16,
}

impl ListeningSite {
    /// The usual site on a free port; it is reached at its `origin()`.
    pub fn new(which: TestDatabase) -> Self {
        Self::with(which, SiteOptions::default())
    }

    /// A site that differs from the usual one in more than its address, which is
    /// chosen here.
    ///
    /// # Panics
    ///
    /// If no port is free.
    pub fn with(which: TestDatabase, options: SiteOptions) -> Self {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        socket.set_nonblocking(true).expect("a socket");
        let port = socket.local_addr().expect("an address").port();
        let options = SiteOptions {
            public_url: format!("http://localhost:{port}"),
            ..options
        };
        let site = Arc::new(Site::with(which, options));
        let answered = Arc::<Mutex<Vec<Answered>>>::default();
        let notes = Arc::clone(&answered);
        // Connections outlive the server's task, and must not outlive the site.
        let served = Arc::downgrade(&site);
        let door = Router::new().fallback(
            move |ConnectInfo(peer): ConnectInfo<SocketAddr>, request: Request<Body>| {
                let (site, notes) = (served.upgrade(), Arc::clone(&notes));
                async move {
                    let Some(site) = site else {
                        return StatusCode::SERVICE_UNAVAILABLE.into_response();
                    };
                    let method = request.method().to_string();
                    let path = request.uri().path().to_owned();
                    let answer = site.connect(request, peer).await;
                    let status = answer.status().as_u16();
                    let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
                    notes.push(Answered {
                        method,
                        path,
                        status,
                    });
                    answer
                }
            },
        );
        let serving = RUNTIME.spawn(async move {
            let listener = TcpListener::from_std(socket).expect("a listener");
            let service = door.into_make_service_with_connect_info::<SocketAddr>();
            axum::serve(listener, service).await.expect("a server");
        });
        Self {
            site,
            serving,
            answered,
        }
    }

    /// Everything that was answered over the network since the last time that
    /// somebody asked, oldest first.
    pub fn take_answered(&self) -> Vec<Answered> {
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *answered)
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
