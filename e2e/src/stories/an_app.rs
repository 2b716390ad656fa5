//! An app on a site of its own, `127.0.0.1`, as far as browsers see it: whatever is asked for there is a page that
//! says where one has arrived.

use std::net::Ipv4Addr;

use axum::Router;
use axum::http::Uri;
use axum::response::Html;
use nightlatch_domain::relying_party::{RegisteredUri, Registration};
use nightlatch_testkit::RelyingPartyClient;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::ground::Ground;
use crate::browser::Browser;
use crate::failure::Outcome;

/// What a native app registers.
pub(crate) const OWN_SCHEME: &str = "com.example.app:/signed-out";

/// An app that runs.
pub(crate) struct AnApp {
    port: u16,
    server: JoinHandle<()>,
    client: RelyingPartyClient,
}

impl AnApp {
    /// Starts and registers it.
    pub(crate) async fn start(
        ground: &Ground,
        name: &'static str,
        change: impl FnOnce(&mut Registration) + Send + 'static,
    ) -> Outcome<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let router = Router::new().fallback(async |uri: Uri| {
            let query = uri.query().unwrap_or_default();
            let arrived = match query {
                _ if query.contains("error=access_denied") => "It was told no.",
                _ if query.contains("error=login_required") => "It was told to ask anew.",
                _ if query.contains("code=") => "It has let you in.",
                _ => "You were here before.",
            };
            let path = uri.path();
            Html(format!(
                "<!doctype html><html lang=\"en\"><head><title>The app</title></head>\
                 <body><h1>This is the app at {path}</h1><p>{arrived}</p></body></html>"
            ))
        });
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        let client = ground
            .with(move |site| {
                let uri = |path: &str| {
                    let text = format!("http://127.0.0.1:{port}{path}");
                    RegisteredUri::parse(&text).expect("an address")
                };
                let mut client = RelyingPartyClient::register(site, name, |app| {
                    app.redirect_uris = vec![uri("/callback")];
                    app.post_logout_redirect_uris = vec![
                        uri("/goodbye"),
                        RegisteredUri::parse(OWN_SCHEME).expect("an address"),
                    ];
                    app.home = Some(uri("/"));
                    change(app);
                });
                client.redirect_uri = uri("/callback").to_string();
                client
            })
            .await?;
        Ok(Self {
            port,
            server,
            client,
        })
    }

    /// An address of the app.
    pub(crate) fn address(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// `client_id`.
    pub(crate) fn client_id(&self) -> String {
        self.client.id.to_string()
    }

    /// Where it sends people to sign in, with these parameters replaced or added.
    pub(crate) fn way_in(&self, changes: &[(&str, &str)]) -> String {
        self.client.authorize_url_with(changes)
    }

    /// Where it sends people to log out, without a hint that would prove anything.
    pub(crate) fn way_out(&self, back: &str) -> String {
        let id = &self.client.id;
        format!("/oauth2/logout?client_id={id}&post_logout_redirect_uri={back}")
    }

    /// The browser has arrived, and was let in.
    pub(crate) async fn lets_in(&self, browser: &Browser) -> Outcome {
        browser.see("This is the app at /callback").await?;
        browser.see("It has let you in.").await
    }
}

impl Drop for AnApp {
    fn drop(&mut self) {
        self.server.abort();
    }
}
