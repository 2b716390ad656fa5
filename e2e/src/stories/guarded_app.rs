//! An app that knows nothing of signing in, behind a real nginx with the configuration of `docs/forward-auth`, as
//! browsers see it: it greets whom the proxy names, and leaves its pages by `leave.js`.

use axum::Router;
use axum::http::{HeaderMap, Uri};
use axum::response::Html;
use nightlatch_domain::relying_party::Registration;
use nightlatch_domain::relying_party::protection::{ProtectedHost, Protection};
use nightlatch_testkit::ProtectedApp;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

use super::ground::Ground;
use crate::failure::{Failure, Outcome};
use crate::programs::mail_server::free_port;
use crate::programs::process::Process;
use crate::programs::proxies::kind::{Kind, Ports};
use crate::programs::scratch::Scratch;

/// An app that runs, and its proxy.
pub(crate) struct GuardedApp {
    /// `http://wiki.localhost:1234`.
    pub(crate) origin: String,
    /// As it is registered.
    pub(crate) registered: ProtectedApp,
    server: JoinHandle<()>,
    _proxy: Process,
    // Dropped last: the proxy writes into it.
    _scratch: Scratch,
}

impl GuardedApp {
    /// Starts both, and registers the app under `http://{host}:{port}`. Apps of one story need hosts of their own:
    /// cookies do not know ports.
    pub(crate) async fn start(
        ground: &Ground,
        (name, host): (&'static str, &'static str),
        change: impl FnOnce(&mut Protection) + Send + 'static,
    ) -> Outcome<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let app = listener.local_addr()?.port();
        let server = tokio::spawn(async move {
            let router = Router::new().fallback(page);
            let _ = axum::serve(listener, router).await;
        });
        let site = Url::parse(&ground.site().url)?;
        let ports = Ports {
            host,
            proxy: free_port()?,
            nightlatch: site.port().ok_or_else(|| Failure::new("no port"))?,
            app,
        };
        let origin = format!("http://{host}:{}", ports.proxy);
        let own = ProtectedHost::parse(&origin)
            .map_err(|problem| Failure::new(format!("{origin}: {problem:?}")))?;
        let registered = ground
            .with(move |site| {
                let mut rule = Protection {
                    hosts: vec![own.clone()],
                    ..Protection::default()
                };
                change(&mut rule);
                let app = site.connect_app(name, |registration| {
                    *registration = Registration {
                        protection: Some(rule),
                        ..Registration::default()
                    };
                });
                ProtectedApp { app, host: own }
            })
            .await?;
        let scratch = Scratch::new()?;
        let command = Kind::Nginx.command(&scratch, ports)?;
        let log = scratch.path().join("proxy.log");
        let proxy = Process::start(command, ports.proxy, log).await?;
        Ok(Self {
            origin,
            registered,
            server,
            _proxy: proxy,
            _scratch: scratch,
        })
    }

    /// An address of the app.
    pub(crate) fn address(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }
}

impl Drop for GuardedApp {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn page(uri: Uri, headers: HeaderMap) -> Html<String> {
    let reader = headers
        .get("x-nightlatch-name")
        .and_then(|name| name.to_str().ok())
        .unwrap_or("stranger")
        .replace("%20", " ");
    Html(format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>The app</title>\
         <script src=\"/.nightlatch/leave.js\" defer></script></head>\
         <body><h1>This is the app at {path}</h1><p>Hello {reader}</p>\
         <p><a href=\"/.nightlatch/log-out\">Leave…</a></p>\
         <form method=\"post\" action=\"/.nightlatch/log-out\"><button>Log out</button></form></body></html>",
        path = uri.path()
    ))
}
