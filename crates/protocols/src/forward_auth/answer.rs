//! What a proxy is answered, in its own words (FWD-01, D3).

use http::header::{CACHE_CONTROL, COOKIE, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use nightlatch_domain::relying_party::protection::{ProtectedHost, Verdict};
use nightlatch_flows::protected::HostFacts;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::request::is_navigation;
use super::{LOGIN_HEADER, Proxy, REDIRECT_HEADER, SIGN_IN_PATH, Target, identity, without_ours};

/// A way back longer than this is left out: with it, the address would be longer than
/// proxies take, and nobody would get to the sign-in page at all.
const LONGEST_WAY_BACK: usize = 6_000;

/// How many headers an answer has room for from the start: all that it may have, and
/// those of the connection.
const MOST_HEADERS: usize = identity::NAMES_COUNT + 4;

/// What stays readable inside a query value.
const IN_QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'/');

/// An answer without a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// 200, 302, 401 or 403.
    pub status: StatusCode,
    /// Everything else.
    pub headers: HeaderMap,
}

impl Answer {
    fn new(status: StatusCode) -> Self {
        let mut headers = HeaderMap::with_capacity(MOST_HEADERS);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Self { status, headers }
    }

    fn with(mut self, name: &HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::try_from(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// Nobody is let in, whoever they are: it is not clear what the request is for, or
    /// it claims to be somebody.
    pub fn refused() -> Self {
        Self::new(StatusCode::FORBIDDEN)
    }
}

/// Where somebody signs in for a host, and comes back to; a page of that host, so that
/// the way begins and ends there.
pub fn sign_in_address(host: &ProtectedHost, to: Option<&str>) -> String {
    let to = to
        .map(|to| utf8_percent_encode(to, IN_QUERY).to_string())
        .filter(|to| to.len() <= LONGEST_WAY_BACK);
    match to {
        Some(to) => format!("{}?to={to}", host.address_of(SIGN_IN_PATH)),
        None => host.address_of(SIGN_IN_PATH),
    }
}

/// The answer to a request that was decided about. `headers` are those of the request;
/// `token` is the signed variant of who the person is, for apps that want it.
pub fn answer(
    proxy: Proxy,
    target: &Target,
    headers: &HeaderMap,
    (verdict, facts): (Verdict, Option<&HostFacts>),
    token: Option<&str>,
) -> Answer {
    let named = match verdict {
        Verdict::Allowed(_) => facts,
        Verdict::Public => None,
        _ => return refusal(proxy, target, headers, verdict),
    };
    let mut passed = Answer::new(StatusCode::OK);
    identity::set(&mut passed.headers, named, token);
    // For the proxy to hand on in the place of the request's own (FWD-08).
    passed.headers.insert(COOKIE, without_ours(headers));
    passed
}

fn refusal(proxy: Proxy, target: &Target, headers: &HeaderMap, verdict: Verdict) -> Answer {
    if is_navigation(target, headers) {
        // Also whoever may not enter: the page there says so, and who they are (B12).
        let to = sign_in_address(&target.host, Some(&target.path_and_query));
        return match proxy {
            // It knows only 401 and 403; its own `error_page` makes the redirect.
            Proxy::Nginx => Answer::new(StatusCode::UNAUTHORIZED)
                .with(&REDIRECT_HEADER, &to)
                .with(&LOGIN_HEADER, &to),
            Proxy::Traefik | Proxy::Caddy | Proxy::Envoy => {
                Answer::new(StatusCode::FOUND).with(&LOCATION, &to)
            }
        };
    }
    let status = match verdict {
        Verdict::NotLetIn => StatusCode::FORBIDDEN,
        _ => StatusCode::UNAUTHORIZED,
    };
    let login = sign_in_address(&target.host, None);
    Answer::new(status).with(&LOGIN_HEADER, &login)
}
