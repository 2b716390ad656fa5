//! Who an app behind a proxy is told that the person is.
//!
//! Every header stands in every answer that lets a request pass, empty where there is
//! nothing to say, so that a proxy overwrites whatever a client sent (FWD-02).

use http::{HeaderMap, HeaderName, HeaderValue};
use nightlatch_flows::protected::HostFacts;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// The signed variant of all of them; see [`super::token`].
pub const TOKEN: &str = "x-nightlatch-token";

/// The headers, ours and those that apps of the field expect. `Remote-User` is the
/// address, which is what such apps show and search by; the name that never changes is
/// `X-Nightlatch-User`.
pub const NAMES: [&str; 10] = [
    "x-nightlatch-user",
    "x-nightlatch-email",
    "x-nightlatch-name",
    "x-nightlatch-groups",
    "x-nightlatch-session",
    "remote-user",
    "remote-email",
    "remote-name",
    "remote-groups",
    TOKEN,
];

/// What is encoded in a value: whatever is not printable ASCII, and the signs that
/// encode or separate. A name can hold anything; a header must not (CR and LF would
/// begin another one).
const IN_VALUE: &AsciiSet = &CONTROLS.add(b'%').add(b',').add(b';').add(b'"').add(b'\\');

fn encoded(text: &str) -> String {
    utf8_percent_encode(text.trim(), IN_VALUE).to_string()
}

/// The headers of a request that may pass, in the name of a person or in nobody's.
pub fn headers(facts: Option<&HostFacts>, token: Option<&str>) -> Vec<(HeaderName, HeaderValue)> {
    let values = facts.map(|facts| {
        let identity = &facts.person.identity;
        let groups: Vec<String> = identity.groups.iter().map(|name| encoded(name)).collect();
        let (email, name) = (encoded(&identity.email), encoded(&identity.name));
        let groups = groups.join(",");
        [
            facts.user_id.to_string(),
            email.clone(),
            name.clone(),
            groups.clone(),
            facts.session_id.to_string(),
            email.clone(),
            email,
            name,
            groups,
            token.unwrap_or_default().to_owned(),
        ]
    });
    let values = values.unwrap_or_default();
    NAMES
        .into_iter()
        .zip(values)
        .filter_map(|(name, value)| {
            let value = HeaderValue::try_from(value).ok()?;
            Some((HeaderName::from_static(name), value))
        })
        .collect()
}

/// Whether a client sent one of these headers itself, in a spelling that some server
/// takes for it: CGI and WSGI make `-` and `_` one. No browser does, and no answer
/// could make sure that what is behind the proxy reads ours and not theirs.
pub fn is_forged(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| {
        let folded = name.as_str().replace('_', "-");
        NAMES.contains(&folded.as_str())
    })
}
