//! Who an app behind a proxy is told that the person is.
//!
//! Every header stands in every answer that lets a request pass, empty where there is
//! nothing to say, so that a proxy overwrites whatever a client sent (FWD-02).

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue};
use nightlatch_flows::protected::HostFacts;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// The signed variant of all of them; see [`super::token`].
pub static TOKEN: HeaderName = HeaderName::from_static("x-nightlatch-token");

/// How many headers there are.
pub const NAMES_COUNT: usize = 10;

/// The headers, ours and those that apps of the field expect. `Remote-User` is the
/// address, which is what such apps show and search by; the name that never changes is
/// `X-Nightlatch-User`.
pub static NAMES: [HeaderName; NAMES_COUNT] = [
    HeaderName::from_static("x-nightlatch-user"),
    HeaderName::from_static("x-nightlatch-email"),
    HeaderName::from_static("x-nightlatch-name"),
    HeaderName::from_static("x-nightlatch-groups"),
    HeaderName::from_static("x-nightlatch-session"),
    HeaderName::from_static("remote-user"),
    HeaderName::from_static("remote-email"),
    HeaderName::from_static("remote-name"),
    HeaderName::from_static("remote-groups"),
    HeaderName::from_static("x-nightlatch-token"),
];

/// What is encoded in a value: whatever is not printable ASCII, and the signs that
/// encode or separate. A name can hold anything; a header must not (CR and LF would
/// begin another one).
const IN_VALUE: &AsciiSet = &CONTROLS.add(b'%').add(b',').add(b';').add(b'"').add(b'\\');

fn encoded(text: &str) -> Cow<'_, str> {
    utf8_percent_encode(text.trim(), IN_VALUE).into()
}

fn value(text: &str) -> HeaderValue {
    // What is encoded makes a header.
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

/// The bytes are handed over, not copied.
fn id(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

/// Sets the headers of a request that may pass, in the name of a person or in nobody's.
pub fn set(headers: &mut HeaderMap, facts: Option<&HostFacts>, token: Option<&str>) {
    let nothing = || HeaderValue::from_static("");
    let values = match facts {
        None => [(); NAMES_COUNT].map(|()| nothing()),
        Some(facts) => {
            let identity = &facts.person.identity;
            let email = value(&encoded(&identity.email));
            let name = value(&encoded(&identity.name));
            let groups = groups(&identity.groups);
            [
                id(facts.user_id.to_string()),
                email.clone(),
                name.clone(),
                groups.clone(),
                id(facts.session_id.to_string()),
                // The same bytes, not a copy of them.
                email.clone(),
                email,
                name,
                groups,
                token.map_or_else(nothing, value),
            ]
        }
    };
    for (name, value) in NAMES.iter().zip(values) {
        headers.insert(name, value);
    }
}

fn groups(names: &[String]) -> HeaderValue {
    if names.is_empty() {
        return HeaderValue::from_static("");
    }
    let names: Vec<Cow<'_, str>> = names.iter().map(|name| encoded(name)).collect();
    value(&names.join(","))
}

/// Whether a client sent one of these headers itself, in a spelling that some server
/// takes for it: CGI and WSGI make `-` and `_` one, and some every other sign as well. No
/// browser does, and no answer could make sure that what is behind the proxy reads ours
/// and not theirs.
pub fn is_forged(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| {
        NAMES
            .iter()
            .any(|own| is_spelled_like(name.as_str(), own.as_str()))
    })
}

/// Compares without a copy: every header of every request comes here.
fn is_spelled_like(name: &str, own: &str) -> bool {
    let folded = |byte: u8| {
        if byte.is_ascii_alphanumeric() {
            byte
        } else {
            b'-'
        }
    };
    name.len() == own.len() && name.bytes().map(folded).eq(own.bytes())
}
