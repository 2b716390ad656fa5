//! What apps call; see [`crate::oidc_tokens`].

use axum::routing::options;
use nightlatch_protocols::oidc::discovery::paths;

use super::{Access, Route, facts, read, route, send};
use crate::oidc_tokens::{self, bearer, published};

pub(super) fn routes() -> Vec<Route> {
    use Access::Apps;
    let preflight = |path| {
        route(
            facts("OPTIONS", path, Apps),
            options(oidc_tokens::preflight),
        )
    };
    vec![
        read(paths::DISCOVERY, Apps, published::configuration),
        read(paths::JWKS, Apps, published::keys),
        send(paths::TOKEN, Apps, oidc_tokens::token),
        preflight(paths::TOKEN),
        read(paths::USERINFO, Apps, bearer::userinfo),
        send(paths::USERINFO, Apps, bearer::userinfo),
        preflight(paths::USERINFO),
        send(paths::INTROSPECT, Apps, oidc_tokens::introspect),
        send(paths::REVOKE, Apps, oidc_tokens::revoke),
        send("/api/v1/activity", Apps, bearer::activity),
        send("/api/v1/log-out", Apps, bearer::end_session),
    ]
}
