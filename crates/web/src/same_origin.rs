//! Where a request came from, by what only a browser can write.
//!
//! Fetch metadata decides first (CSRF-01), then `Origin`, then `Referer`
//! (CSRF-02), compared with the configured address and never with `Host`.
//! Sibling hosts share the registrable domain, and `SameSite` cookies do not
//! stop them; this does.

use axum::http::header::{ORIGIN, REFERER};
use axum::http::{HeaderMap, HeaderName};

/// What the headers prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Provenance {
    /// One of our own pages sent it.
    SameOrigin,
    /// Another site or host sent it.
    Foreign,
    /// The headers say nothing; old browsers, or no browser at all.
    Unproven,
}

/// Reads the headers of a request; `ours` is the origin whose pages count as ours.
pub(crate) fn provenance(headers: &HeaderMap, ours: &str) -> Provenance {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    match text(HeaderName::from_static("sec-fetch-site")) {
        Some("same-origin") => return Provenance::SameOrigin,
        // A typed address or a bookmark never sends a form.
        Some(_) => return Provenance::Foreign,
        None => {}
    }
    match text(ORIGIN) {
        Some(origin) if origin.eq_ignore_ascii_case(ours) => {
            return Provenance::SameOrigin;
        }
        Some(_) => return Provenance::Foreign,
        None => {}
    }
    match text(REFERER) {
        Some(referer) if is_below(referer, ours) => Provenance::SameOrigin,
        Some(_) => Provenance::Foreign,
        None => Provenance::Unproven,
    }
}

/// Whether an address lies below an origin; `https://host.evil` does not lie
/// below `https://host`.
fn is_below(address: &str, origin: &str) -> bool {
    url::Url::parse(address).is_ok_and(|url| url.origin().ascii_serialization() == origin)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn of(pairs: &[(&'static str, &'static str)]) -> Provenance {
        let headers = pairs
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect();
        provenance(&headers, "https://login.example.com")
    }

    #[test]
    fn csrf_01_fetch_metadata_decides_first() {
        assert_eq!(
            of(&[("sec-fetch-site", "same-origin")]),
            Provenance::SameOrigin
        );
        for foreign in ["same-site", "cross-site", "none", "", "nonsense"] {
            assert_eq!(
                of(&[("sec-fetch-site", foreign)]),
                Provenance::Foreign,
                "{foreign}"
            );
        }
        // CSRF-03: a form on a no-referrer page sends `Origin: null`.
        assert_eq!(
            of(&[("sec-fetch-site", "same-origin"), ("origin", "null")]),
            Provenance::SameOrigin
        );
        assert_eq!(
            of(&[
                ("sec-fetch-site", "same-site"),
                ("origin", "https://login.example.com")
            ]),
            Provenance::Foreign
        );
    }

    #[test]
    fn csrf_02_then_origin_then_referer_then_nothing() {
        assert_eq!(
            of(&[("origin", "https://login.example.com")]),
            Provenance::SameOrigin
        );
        assert_eq!(
            of(&[("origin", "https://login.example.com.evil.test")]),
            Provenance::Foreign
        );
        assert_eq!(of(&[("origin", "null")]), Provenance::Foreign);
        assert_eq!(
            of(&[("referer", "https://login.example.com/account")]),
            Provenance::SameOrigin
        );
        assert_eq!(
            of(&[("referer", "https://login.example.com.evil.test/")]),
            Provenance::Foreign
        );
        assert_eq!(
            of(&[("referer", "https://login.example.com@evil.test/")]),
            Provenance::Foreign
        );
        assert_eq!(of(&[]), Provenance::Unproven);
    }
}
