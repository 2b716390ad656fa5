//! The routes of apps behind a proxy: what proxies ask, and what browsers find below
//! `/.nightlatch/` on protected hosts.

use axum::routing::any;

use super::{Access, Forgery, Route, facts, read, route, send};
use crate::protected::{self, paths};
use crate::{assets, forward_auth};

pub(super) fn routes() -> Vec<Route> {
    use Access::{Everyone, ProtectedHosts, Proxies};
    // nginx, Traefik and Caddy ask with GET; Envoy with the method of the request, and
    // with its path behind ours.
    let ask = |path| route(facts("GET", path, Proxies), any(forward_auth::check));
    let mut log_out = send(paths::LOG_OUT, ProtectedHosts, protected::log_out);
    log_out.facts.rule.forgery = Forgery::AskedAbout;
    vec![
        ask("/forward-auth/nginx"),
        ask("/forward-auth/traefik"),
        ask("/forward-auth/caddy"),
        ask("/forward-auth/envoy"),
        ask("/forward-auth/envoy/"),
        ask("/forward-auth/envoy/{*path}"),
        read(paths::SIGN_IN, ProtectedHosts, protected::sign_in),
        read(paths::CALLBACK, ProtectedHosts, protected::callback),
        read(paths::LOG_OUT, ProtectedHosts, protected::ask),
        log_out,
        read(paths::LEFT, ProtectedHosts, protected::left),
        read(paths::SCRIPT, ProtectedHosts, protected::script),
        read(paths::STATUS, ProtectedHosts, protected::status),
        read(paths::EVENTS, ProtectedHosts, protected::events),
        read(paths::ASSETS, ProtectedHosts, assets::get),
        read(
            "/signed-out/take/{token}",
            Everyone,
            protected::take_receipt,
        ),
    ]
}
