//! HTTP and HTML.
//!
//! Owns the list of routes, cookies, headers, pages and the API; knows no SQL and
//! decides nothing that can be stated without HTTP. A handler does three things:
//! read, call a flow, show.
//!
//! How a request passes through: [`front`] answers at once what memory knows of the
//! checks of proxies; [`envelope`] gives it a reference and a nonce,
//! refuses a foreign `Host`, and dresses the answer (headers, error pages);
//! [`guard`] resolves the session by its cookie and enforces what
//! [`routes`] says about the route; the handler in `pages` or `api` does the
//! rest.

mod administering;
mod api;
mod assets;
mod client;
mod cookies;
pub mod delivering;
mod envelope;
mod failure;
mod fair_places;
mod feed;
pub mod forms;
mod forward_auth;
pub mod front;
mod guard;
mod health;
pub mod house;
pub mod link_key;
mod links;
mod live;
pub mod mailing;
mod mails;
pub mod metrics;
mod oidc;
mod oidc_tokens;
mod pages;
mod protected;
pub mod public_url;
mod qr_code;
mod receipts;
pub mod routes;
mod same_origin;
mod show;
pub mod signals;
pub mod state;
pub mod streams;
pub mod views;

use std::sync::Arc;

use axum::Router;

use crate::state::App;

/// The routes as a service. It expects `ConnectInfo<SocketAddr>` of the connection in
/// each request; [`front::Front`] stands before it.
pub fn router(app: Arc<App>) -> Router {
    routes::build(app)
}
