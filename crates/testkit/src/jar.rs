//! Cookies, kept by the rules of browsers, and the exact rules of ours.

use std::collections::BTreeMap;
use std::time::Duration;

use nightlatch_domain::Timestamp;

/// The attributes of every cookie of ours, to the letter (COOK-01).
const ATTRIBUTES: &str = "Path=/; Secure; HttpOnly; SameSite=Lax";

/// 400 days, the longest a browser keeps any cookie (COOK-04).
const LONGEST: u64 = 34_560_000;

#[derive(Debug, Clone)]
struct Kept {
    value: String,
    until: Option<Timestamp>,
}

/// The cookies that a browser keeps for the site.
#[derive(Debug, Clone, Default)]
pub struct Jar(BTreeMap<String, Kept>);

impl Jar {
    /// A jar with one cookie in it.
    pub fn with(name: &str, value: &str) -> Self {
        let mut jar = Self::default();
        jar.put(name, value);
        jar
    }

    /// Puts a cookie in, as somebody does who writes their own headers.
    pub fn put(&mut self, name: &str, value: &str) {
        let kept = Kept {
            value: value.to_owned(),
            until: None,
        };
        self.0.insert(name.to_owned(), kept);
    }

    /// Takes one out.
    pub fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// The value of a cookie.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|kept| kept.value.as_str())
    }

    /// The names of the cookies.
    pub fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// The names of the cookies that outlive the browser.
    pub fn persistent_names(&self) -> Vec<&str> {
        self.0
            .iter()
            .filter(|(_, kept)| kept.until.is_some())
            .map(|(name, _)| name.as_str())
            .collect()
    }

    /// The `Cookie` header of a request at that instant.
    pub(crate) fn header(&mut self, now: Timestamp) -> Option<String> {
        self.0
            .retain(|_, kept| kept.until.is_none_or(|until| now < until));
        let pairs: Vec<String> = self
            .0
            .iter()
            .map(|(name, kept)| format!("{name}={}", kept.value))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// Takes a `Set-Cookie` header at that instant. A browser refuses a cookie
    /// of this prefix whose attributes are not right, and so does this jar.
    pub fn take(&mut self, header: &str, now: Timestamp) {
        let Ok(cookie) = read(header) else { return };
        match cookie.max_age {
            Some(0) => {
                self.0.remove(cookie.name);
            }
            age => {
                let kept = Kept {
                    value: cookie.value.to_owned(),
                    until: age.map(|seconds| now.plus(Duration::from_secs(seconds))),
                };
                self.0.insert(cookie.name.to_owned(), kept);
            }
        }
    }

    /// The browser closes: what has no term is forgotten.
    pub(crate) fn close_browser(&mut self) {
        self.0.retain(|_, kept| kept.until.is_some());
    }
}

/// A cookie as a header sets it.
pub(crate) struct SetCookie<'a> {
    name: &'a str,
    value: &'a str,
    max_age: Option<u64>,
}

/// Reads a `Set-Cookie` header, to the letter (COOK-01, COOK-03, COOK-04, COOK-05).
pub(crate) fn read(header: &str) -> Result<SetCookie<'_>, String> {
    let (pair, rest) = header
        .split_once("; ")
        .ok_or_else(|| format!("no attributes: {header}"))?;
    let (name, value) = pair
        .split_once('=')
        .ok_or_else(|| format!("no value: {header}"))?;
    // The one cookie that several hosts share, where an app was registered so (FWD-05).
    let rest = match rest.strip_prefix("Domain=") {
        Some(with_domain) if name.starts_with("__Secure-nightlatch-app-") => {
            with_domain
                .split_once("; ")
                .ok_or_else(|| format!("a domain and nothing else: {header}"))?
                .1
        }
        _ => rest,
    };
    let term = rest
        .strip_prefix(ATTRIBUTES)
        .ok_or_else(|| format!("not exactly “{ATTRIBUTES}”: {header}"))?;
    let max_age = match term {
        "" => None,
        term => Some(
            term.strip_prefix("; Max-Age=")
                .and_then(|seconds| seconds.parse().ok())
                .filter(|seconds| *seconds <= LONGEST)
                .ok_or_else(|| format!("an odd term: {header}"))?,
        ),
    };
    let removed = max_age == Some(0);
    if removed != value.is_empty() {
        return Err(format!("empty exactly if it is removed: {header}"));
    }
    let is_sealed = value.len() <= 3_800
        && value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    let is_token = value.len() == 43 && is_sealed;
    let is_code = value.len() < 40
        && value.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte)
        });
    let fits = match name {
        "__Host-nightlatch" => is_token,
        "__Host-nightlatch-visitor"
        | "__Host-nightlatch-sign-in"
        | "__Host-nightlatch-phone"
        | "__Host-nightlatch-way"
        | "__Host-nightlatch-app" => is_token && max_age.is_none(),
        "__Host-nightlatch-browser" => is_token && max_age == Some(LONGEST),
        "__Host-nightlatch-receipt" => is_token && max_age.is_none_or(|age| age == 900),
        "__Host-nightlatch-trusted" => is_token && max_age.is_some_and(|age| age <= 2_592_000),
        "__Host-nightlatch-app-state" => is_token && max_age == Some(3_600),
        "__Host-nightlatch-log-out" => is_sealed && max_age.is_none(),
        "__Host-nightlatch-flash" => is_code && max_age.is_none(),
        name if name.starts_with("__Secure-nightlatch-app-") => is_token && max_age.is_none(),
        _ => return Err(format!("a cookie we do not know: {header}")),
    };
    if !fits && !removed {
        return Err(format!("not how this cookie is set: {header}"));
    }
    Ok(SetCookie {
        name,
        value,
        max_age,
    })
}
