//! Traefik (`forwardAuth`). It writes `X-Forwarded-*` itself and overwrites what the
//! client sent, unless it is told to trust it.

use super::{Asked, Target, Unreadable};

pub(super) const METHOD: &str = "x-forwarded-method";
pub(super) const PROTOCOL: &str = "x-forwarded-proto";
pub(super) const HOST: &str = "x-forwarded-host";
pub(super) const ADDRESS: &str = "x-forwarded-uri";

pub(super) fn read(asked: &Asked<'_>) -> Result<Target, Unreadable> {
    let scheme = match asked.single(PROTOCOL)? {
        // Of a WebSocket it names that, and the origin is the page's all the same.
        "wss" => "https",
        "ws" => "http",
        scheme => scheme,
    };
    let origin = (scheme, asked.single(HOST)?);
    Target::new(origin, asked.single(METHOD)?, asked.single(ADDRESS)?)
}
