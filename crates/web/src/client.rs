//! Where a request comes from, for the history and the list of sessions.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use axum::http::header::USER_AGENT;
use axum::http::{Extensions, HeaderMap};
use nightlatch_domain::client::{ClientDetails, client_address};

use crate::state::App;

/// Address (as far as trusted proxies vouch for it), rough place and browser.
pub(crate) fn details(app: &App, headers: &HeaderMap, extensions: &Extensions) -> ClientDetails {
    let peer = extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map(|ConnectInfo(peer)| peer.ip());
    // Lossily: a client that smuggles odd bytes in must not make what the proxy
    // appended behind them vanish too.
    let values: Vec<_> = headers
        .get_all("x-forwarded-for")
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .collect();
    let forwarded: Vec<&str> = values.iter().map(AsRef::as_ref).collect();
    let address = peer.map(|peer| client_address(peer, &forwarded, &app.trusted_proxies));
    let place = address.and_then(|address| app.places.find(address));
    let agent = headers
        .get(USER_AGENT)
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .unwrap_or_default();
    ClientDetails::new(address, place, &agent)
}
