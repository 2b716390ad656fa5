//! What a request behind a proxy says of itself: whether a person sees its answer, and
//! whether it is their act.

use http::header::{ACCEPT, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{ACTIVE_HEADER, Target};

/// Names of headers, read once and not with every request.
static AHEAD: [HeaderName; 3] = [
    HeaderName::from_static("sec-purpose"),
    HeaderName::from_static("purpose"),
    HeaderName::from_static("x-moz"),
];
static FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
static FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

/// Whether the browser asks before the person does.
fn is_ahead(headers: &HeaderMap) -> bool {
    AHEAD.iter().any(|name| {
        text(headers, name).is_some_and(|value| value.to_ascii_lowercase().contains("prefetch"))
    })
}

/// Whether the answer becomes the page in the window: only then does a redirect to the
/// sign-in page reach anybody, everything else dies of it (D3). Browsers that send no
/// fetch metadata say by `Accept` that they show documents.
fn is_document(headers: &HeaderMap) -> bool {
    if let Some(mode) = text(headers, &FETCH_MODE) {
        mode.eq_ignore_ascii_case("navigate")
            && text(headers, &FETCH_DEST).is_none_or(|dest| dest.eq_ignore_ascii_case("document"))
    } else {
        let accepts = text(headers, &ACCEPT)
            .is_some_and(|value| value.to_ascii_lowercase().contains("text/html"));
        accepts && !headers.contains_key(UPGRADE) && !headers.contains_key("x-requested-with")
    }
}

/// What only comes along with a wish for another protocol (RFC 7540 section 3.2.1).
static HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");

/// Whether the connection is to become one of another protocol than WebSocket. A proxy
/// that hands that on would be asked once, about a public path say, and the client would
/// then send whatever requests it likes past it, and past us (`h2c`). No browser does.
pub fn is_tunnel(headers: &HeaderMap) -> bool {
    let is_socket = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"websocket");
    headers.contains_key(&HTTP2_SETTINGS) || !headers.get_all(UPGRADE).iter().all(is_socket)
}

/// Whether somebody opens a page, and can be led elsewhere.
pub fn is_navigation(target: &Target, headers: &HeaderMap) -> bool {
    target.method == "GET" && is_document(headers) && !is_ahead(headers)
}

/// Whether the person does something: opens a page, sends a form, or an app's script
/// says so (G1). Polls, pictures and what is loaded ahead are no acts.
pub fn is_act(headers: &HeaderMap) -> bool {
    let is_said = text(headers, &ACTIVE_HEADER) == Some("1");
    !is_ahead(headers) && (is_said || is_document(headers))
}
