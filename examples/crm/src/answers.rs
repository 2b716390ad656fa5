//! Answers and what is read of requests: cookies, headers, whose form it is.

use askama::Template;
use axum::http::header::{COOKIE, HOST, LOCATION, ORIGIN, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse as _, Response};

use crate::sessions::Session;
use crate::{Crm, now};

/// Who is signed in.
pub(crate) const SESSION: &str = "crm-session";

/// A sign-in that is under way.
pub(crate) const PENDING: &str = "crm-sign-in";

/// What every page says of itself. There is no `form-action`: Log out is a form whose answer
/// leads to the provider, and browsers would stop it on the way.
const HEADERS: [(&str, &str); 4] = [
    // Back shows nothing of the person before.
    ("cache-control", "no-store"),
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; script-src 'self'; worker-src 'self'; \
         connect-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
];

/// A page that nobody stores.
pub(crate) fn page(status: StatusCode, template: &impl Template) -> Response {
    let Ok(html) = template.render() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut answer = (status, Html(html)).into_response();
    for (name, value) in HEADERS {
        answer
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// Leads elsewhere, with these cookies.
pub(crate) fn see_other(to: &str, cookies: &[String]) -> Response {
    let mut answer = StatusCode::SEE_OTHER.into_response();
    let headers = answer.headers_mut();
    headers.insert("cache-control", HeaderValue::from_static("no-store"));
    if let Ok(to) = HeaderValue::from_str(to) {
        headers.insert(LOCATION, to);
    }
    for cookie in cookies {
        if let Ok(cookie) = HeaderValue::from_str(cookie) {
            headers.append(SET_COOKIE, cookie);
        }
    }
    answer
}

/// A page of this app, or its first page: never an address of somebody else.
pub(crate) fn own_path(wanted: Option<&str>) -> &str {
    wanted
        .filter(|path| path.starts_with('/') && !path.starts_with("//"))
        .filter(|path| {
            path.chars()
                .all(|one| one.is_ascii_graphic() && one != '\\')
        })
        .unwrap_or("/companies")
}

/// Whether one of our own pages sent this form. Browsers say so, whatever a page wants.
pub(crate) fn is_own_form(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let origin = text(ORIGIN).and_then(|origin| origin.split_once("://"));
    matches!((origin, text(HOST)), (Some((_, origin)), Some(host)) if origin == host)
}

impl Crm {
    /// What a cookie of ours is called; over HTTPS with the prefix that keeps sibling hosts
    /// from setting it.
    fn cookie_name(&self, name: &str) -> String {
        if self.is_secure() {
            format!("__Host-{name}")
        } else {
            name.to_owned()
        }
    }

    fn is_secure(&self) -> bool {
        self.settings.base_url.starts_with("https://")
    }

    /// Until the browser closes, or for so many seconds.
    pub(crate) fn set_cookie(&self, name: &str, value: &str, seconds: Option<i64>) -> String {
        let secure = if self.is_secure() { "; Secure" } else { "" };
        let age = seconds.map_or_else(String::new, |seconds| format!("; Max-Age={seconds}"));
        let name = self.cookie_name(name);
        format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}")
    }

    /// What the browser sent back.
    pub(crate) fn cookie(&self, headers: &HeaderMap, name: &str) -> Option<String> {
        let wanted = self.cookie_name(name);
        let all = headers.get_all(COOKIE).iter();
        all.filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(name, _)| *name == wanted)
            .map(|(_, value)| value.to_owned())
    }

    /// Who is signed in. Asked for every request: there is no other check.
    pub(crate) fn session(&self, headers: &HeaderMap) -> Option<Session> {
        let cookie = self.cookie(headers, SESSION)?;
        self.sessions.find(&cookie, now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_led_to_pages_of_ours_only() {
        assert_eq!(own_path(Some("/contacts/3?q=a")), "/contacts/3?q=a");
        for elsewhere in [
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "",
            "/a b",
        ] {
            assert_eq!(own_path(Some(elsewhere)), "/companies", "{elsewhere}");
        }
    }

    #[test]
    fn a_form_of_another_site_is_told_apart() {
        let headers = |pairs: &[(&'static str, &str)]| -> HeaderMap {
            let pair = |(name, value): &(&'static str, &str)| {
                (name.parse().unwrap(), value.parse().unwrap())
            };
            pairs.iter().map(pair).collect()
        };
        assert!(is_own_form(&headers(&[("sec-fetch-site", "same-origin")])));
        for site in ["cross-site", "same-site", "none"] {
            assert!(
                !is_own_form(&headers(&[("sec-fetch-site", site)])),
                "{site}"
            );
        }
        let own = [
            ("origin", "http://crm.example:1"),
            ("host", "crm.example:1"),
        ];
        assert!(is_own_form(&headers(&own)));
        assert!(!is_own_form(&headers(&[("origin", "null"), ("host", "a")])));
        assert!(!is_own_form(&headers(&[("host", "a")])));
    }
}
