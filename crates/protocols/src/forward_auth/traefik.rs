//! Traefik (`forwardAuth`). It writes `X-Forwarded-*` itself and overwrites what the
//! client sent, unless it is told to trust it.

use http::HeaderName;

use super::{Asked, Target, Unreadable};

pub(super) static METHOD: HeaderName = HeaderName::from_static("x-forwarded-method");
pub(super) static PROTOCOL: HeaderName = HeaderName::from_static("x-forwarded-proto");
pub(super) static HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
pub(super) static ADDRESS: HeaderName = HeaderName::from_static("x-forwarded-uri");

pub(super) fn read(asked: &Asked<'_>) -> Result<Target, Unreadable> {
    let scheme = match asked.single(&PROTOCOL)? {
        // Of a WebSocket it names that, and the origin is the page's all the same.
        "wss" => "https",
        "ws" => "http",
        scheme => scheme,
    };
    let origin = (scheme, asked.single(&HOST)?);
    Target::new(origin, asked.single(&METHOD)?, asked.single(&ADDRESS)?)
}
