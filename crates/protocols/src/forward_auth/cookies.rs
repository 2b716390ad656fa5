//! The names of our cookies on protected hosts, and a `Cookie` header without them.
//!
//! An app never gets them (FWD-08): whoever breaks into it must not be able to collect
//! cookies that open it, nor, where several share one, others.

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use nightlatch_domain::ids::ClientId;

/// The cookie of a browser on a protected host.
pub const HOST_COOKIE: &str = "__Host-nightlatch-app";

/// What a browser was given when it was sent away to sign in.
pub const STATE_COOKIE: &str = "__Host-nightlatch-app-state";

const OF_DOMAIN: &str = "__Secure-nightlatch-app-";

/// The cookie of an app that has one for all of its hosts. It carries the name of its
/// app, since several may have hosts below one domain.
pub fn domain_cookie(app: ClientId) -> String {
    format!("{OF_DOMAIN}{app}")
}

/// The app that such a cookie is named after.
pub fn app_of_domain_cookie(name: &str) -> Option<ClientId> {
    name.strip_prefix(OF_DOMAIN)?.parse().ok()
}

/// Whether a cookie of this name is ours, in any spelling that a careless server might
/// take for it.
fn is_ours(name: &[u8]) -> bool {
    let starts_with = |prefix: &[u8]| {
        name.get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    starts_with(b"__Host-nightlatch") || starts_with(b"__Secure-nightlatch")
}

/// The cookies of a request without ours, as one header; empty if none is left.
pub fn without_ours(headers: &HeaderMap) -> HeaderValue {
    let mut kept: Vec<u8> = Vec::new();
    for header in headers.get_all(COOKIE) {
        for pair in header.as_bytes().split(|byte| *byte == b';') {
            let pair = pair.trim_ascii();
            let name = pair
                .split(|byte| *byte == b'=')
                .next()
                .unwrap_or_default()
                .trim_ascii();
            if pair.is_empty() || is_ours(name) {
                continue;
            }
            if !kept.is_empty() {
                kept.extend_from_slice(b"; ");
            }
            kept.extend_from_slice(pair);
        }
    }
    // They came as a header, so they make one.
    HeaderValue::try_from(kept).unwrap_or(HeaderValue::from_static(""))
}
