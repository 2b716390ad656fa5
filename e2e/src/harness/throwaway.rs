//! A tiny site with one account and no protection, to try browsers on.

use std::net::Ipv4Addr;

use axum::Router;
use axum::extract::Form;
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{AppendHeaders, Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::pages;
use crate::failure::Outcome;
use crate::site::Site;

/// The cookie of whoever signed in.
pub(crate) const COOKIE: &str = "__Host-throwaway";

/// The running site; gone when dropped.
pub(crate) struct Throwaway {
    port: u16,
    server: JoinHandle<()>,
}

impl Throwaway {
    pub(crate) async fn start() -> Outcome<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, router()).await;
        });
        Ok(Self { port, server })
    }

    /// By name: `http://localhost` counts as secure, which `__Host-` cookies ask for.
    pub(crate) fn site(&self) -> Site {
        Site::at(format!("http://localhost:{}", self.port))
    }
}

impl Drop for Throwaway {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn router() -> Router {
    Router::new()
        .route("/", get(async || page(pages::START)))
        .route("/sign-in", post(sign_in))
        .route("/sign-out", post(async || sign_out("/left")))
        .route("/sign-out-carelessly", post(async || sign_out("/")))
        .route("/left", get(left))
        .route("/private", get(private))
        .route("/kept", get(async || page(pages::KEPT)))
        .route("/channel", get(async || page(pages::CHANNEL)))
        .route("/devices", get(async || page(pages::DEVICES)))
        .route("/flawed", get(async || page(pages::FLAWED)))
        .route("/strict", get(strict))
        .route("/looks", get(async || page(pages::LOOKS)))
}

fn page(body: &'static str) -> Html<String> {
    Html(pages::document(body))
}

/// A page as strict as the product's: the checker must get past it.
async fn strict() -> Response {
    let policy = "default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self'; \
                  frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'";
    let headers = AppendHeaders([(header::CONTENT_SECURITY_POLICY, policy)]);
    (headers, page(pages::STRICT)).into_response()
}

#[derive(Deserialize)]
struct SignIn {
    name: String,
    password: String,
    remember: Option<String>,
}

async fn sign_in(Form(form): Form<SignIn>) -> Response {
    if form.password != "correct horse" {
        return page(pages::REFUSED).into_response();
    }
    let lasting = if form.remember.is_some() {
        "; Max-Age=86400"
    } else {
        ""
    };
    let cookie = format!(
        "{COOKIE}={}; Path=/; Secure; HttpOnly; SameSite=Lax{lasting}",
        form.name
    );
    (
        AppendHeaders([(header::SET_COOKIE, cookie)]),
        Redirect::to("/private"),
    )
        .into_response()
}

fn sign_out(next: &'static str) -> Response {
    let cookie = format!("{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0");
    (
        AppendHeaders([(header::SET_COOKIE, cookie)]),
        Redirect::to(next),
    )
        .into_response()
}

/// Chromium keeps pages alive for Back although they said `no-store`, until a cookie is set after the page
/// was left. The answer to the form comes too early for that, this one does not.
async fn left() -> Response {
    let cookie = "__Host-left=1; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=60";
    (
        AppendHeaders([(header::SET_COOKIE, cookie)]),
        page(pages::LEFT),
    )
        .into_response()
}

async fn private(headers: HeaderMap) -> Response {
    let Some(name) = cookie(&headers) else {
        return Redirect::to("/").into_response();
    };
    let no_store: [(HeaderName, &str); 1] = [(header::CACHE_CONTROL, "no-store")];
    (no_store, Html(pages::document(&pages::private(&name)))).into_response()
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    let all = headers.get(header::COOKIE)?.to_str().ok()?;
    all.split("; ")
        .find_map(|pair| pair.strip_prefix(COOKIE)?.strip_prefix('='))
        .map(str::to_owned)
}
