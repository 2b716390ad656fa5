//! The hosts of protected apps: exact origins, compared after parsing (FWD-04).

use std::fmt;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::relying_party::LONGEST_URI;

/// What begins so on a protected host is ours; its proxy routes it to us.
pub const OWN_PATHS: &str = "/.nightlatch/";

/// Where a code arrives on a protected host.
pub const CALLBACK_PATH: &str = "/.nightlatch/callback";

/// Whether an address is where codes for a protected host arrive. No app may have its
/// own codes sent there, and no app may use one that was.
pub fn is_callback(uri: &str) -> bool {
    Url::parse(uri).is_ok_and(|url| url.path().starts_with("/.nightlatch"))
}

/// The origin under which browsers reach a protected app: `https://wiki.example.com`,
/// without path, the port only if it is not the usual one, the name in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProtectedHost(String);

impl ProtectedHost {
    /// Reads an origin. A name with a dot at its end is another name to browsers and
    /// proxies, and is refused.
    pub fn parse(text: &str) -> Result<Self, HostProblem> {
        if let Some(origin) = usual_origin(text) {
            return Ok(Self(origin));
        }
        Self::parse_any(text)
    }

    fn parse_any(text: &str) -> Result<Self, HostProblem> {
        if text.len() > LONGEST_URI || text.bytes().any(|byte| !byte.is_ascii_graphic()) {
            return Err(HostProblem::NotAnOrigin);
        }
        let after_scheme = text
            .split_once("://")
            .map(|(_, rest)| rest.strip_suffix('/').unwrap_or(rest));
        let is_bare = after_scheme.is_some_and(|rest| !rest.contains(['/', '\\', '?', '#', '@']));
        let url = Url::parse(text).map_err(|_| HostProblem::NotAnOrigin)?;
        let Some(host) = url.host().filter(|_| is_bare) else {
            return Err(HostProblem::NotAnOrigin);
        };
        if matches!(host, Host::Domain(name) if name.ends_with('.') || name.contains('*')) {
            return Err(HostProblem::NotAnOrigin);
        }
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&host) => {}
            "http" => return Err(HostProblem::PlainHttp),
            _ => return Err(HostProblem::NotAnOrigin),
        }
        Ok(Self(url.origin().ascii_serialization()))
    }

    /// The origin of what a proxy says of a request. The authority is as it stood in
    /// the request, so that no address can hide in it.
    pub fn of(scheme: &str, authority: &str) -> Option<Self> {
        let is_plain = !authority.is_empty()
            && authority
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte));
        if !is_plain || !matches!(scheme, "https" | "http") {
            return None;
        }
        Self::parse(&format!("{scheme}://{authority}")).ok()
    }

    /// `https://wiki.example.com`.
    pub fn origin(&self) -> &str {
        &self.0
    }

    /// The host as `Host` names it: `wiki.example.com`, or `localhost:3000`.
    pub fn authority(&self) -> &str {
        self.0.split_once("://").map_or("", |(_, rest)| rest)
    }

    /// The name without the port.
    pub fn name(&self) -> &str {
        let authority = self.authority();
        match authority.rsplit_once(':') {
            Some((name, port)) if !port.contains(']') => name,
            _ => authority,
        }
    }

    /// Whether a `Host` header names it; the usual port may be written or not.
    pub fn is_named(&self, header: &str) -> bool {
        let usual = if self.0.starts_with("https:") {
            ":443"
        } else {
            ":80"
        };
        let named = header.strip_suffix(usual).unwrap_or(header);
        named.eq_ignore_ascii_case(self.authority())
    }

    /// The whole address of a path there.
    pub fn address_of(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// Where a code for it arrives.
    pub fn callback(&self) -> String {
        self.address_of(CALLBACK_PATH)
    }

    /// A path of this very origin to send somebody to, as it would stand in a request;
    /// nothing for anything that a browser would read as another place (FWD-04), and
    /// nothing for what is ours, which would lead in circles.
    pub fn return_path(&self, text: &str) -> Option<String> {
        let is_plain = text.starts_with('/')
            && !text.contains('\\')
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_plain {
            return None;
        }
        // Put behind the origin and not resolved against it: `//evil.example` then is
        // a path with two slashes, and stays what the person asked for.
        let url = Url::parse(&self.address_of(text)).ok()?;
        let is_here = url.origin().ascii_serialization() == self.0
            && url.username().is_empty()
            && url.password().is_none();
        let path = url.path().to_ascii_lowercase();
        let is_ours = path.trim_start_matches('/').starts_with(".nightlatch");
        (is_here && !is_ours && url.fragment().is_none()).then(|| text.to_owned())
    }
}

/// An origin that is written as origins usually are, and stays as it is when it is
/// parsed: every request of every protected app brings one. Nothing for whatever needs
/// a closer look.
fn usual_origin(text: &str) -> Option<String> {
    let name = text.strip_prefix("https://")?;
    let is_label = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        (1..=63).contains(&label.len())
            && label.bytes().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
            // Those of names in other scripts have rules of their own.
            && !label.starts_with("xn--")
    };
    let (_, last) = name.rsplit_once('.')?;
    let is_usual = name.len() <= 253
        && name.split('.').all(is_label)
        // With a digit, it might be a number for an address.
        && last.bytes().all(|byte| byte.is_ascii_lowercase());
    is_usual.then(|| text.to_owned())
}

impl TryFrom<String> for ProtectedHost {
    type Error = HostProblem;

    fn try_from(text: String) -> Result<Self, HostProblem> {
        Self::parse(&text)
    }
}

impl From<ProtectedHost> for String {
    fn from(host: ProtectedHost) -> Self {
        host.0
    }
}

impl fmt::Display for ProtectedHost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Why an address cannot be protected; prints how to mend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostProblem {
    /// It is no scheme and host, or more than that.
    NotAnOrigin,
    /// It is `http` and not loopback.
    PlainHttp,
    /// It is no domain that a cookie may be for.
    NotADomain,
}

impl fmt::Display for HostProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NotAnOrigin => {
                "write scheme and host and nothing more, for example https://wiki.example.com"
            }
            Self::PlainHttp => {
                "the address must begin with https://; http:// is for this machine only (127.0.0.1, [::1], localhost)"
            }
            Self::NotADomain => {
                "the domain of a cookie has at least two parts, for example apps.example.com"
            }
        })
    }
}

impl std::error::Error for HostProblem {}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
        Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
    }
}

/// A parent domain for one cookie on several hosts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CookieDomain(String);

impl CookieDomain {
    /// Reads a domain. One of a single part would be a whole top-level domain; browsers
    /// refuse the cookie of other public suffixes themselves (RFC 6265 section 5.3).
    pub fn parse(text: &str) -> Result<Self, HostProblem> {
        let name = text.strip_prefix('.').unwrap_or(text).to_ascii_lowercase();
        let is_domain = name.contains('.') || name == "localhost";
        let is_plain = name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
        let parts_are_good = name.split('.').all(|part| !part.is_empty());
        let is_address = name.parse::<std::net::IpAddr>().is_ok();
        if is_domain && is_plain && parts_are_good && !is_address {
            Ok(Self(name))
        } else {
            Err(HostProblem::NotADomain)
        }
    }

    /// The value of the attribute `Domain`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether its cookies reach a host.
    pub fn covers(&self, host: &ProtectedHost) -> bool {
        let name = host.name();
        name == self.0
            || name
                .strip_suffix(self.0.as_str())
                .is_some_and(|rest| rest.ends_with('.'))
    }
}

impl TryFrom<String> for CookieDomain {
    type Error = HostProblem;

    fn try_from(text: String) -> Result<Self, HostProblem> {
        Self::parse(&text)
    }
}

impl From<CookieDomain> for String {
    fn from(domain: CookieDomain) -> Self {
        domain.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        // FWD-04: the short way says what the long one says, or nothing.
        #[test]
        fn an_origin_that_looks_usual_is_what_parsing_makes_of_it(
            text in prop_oneof![
                "https://[a-z0-9.-]{1,20}",
                "https://([a-z0-9]{1,5}[.-]){1,4}[a-z0-9]{1,6}",
                "https?://(xn--)?[a-zA-Z0-9._~:@/-]{1,20}",
                "https://[a-z]{1,70}[.][a-z]{2,4}",
            ],
        ) {
            if let Some(usual) = usual_origin(&text) {
                prop_assert_eq!(Ok(ProtectedHost(usual)), ProtectedHost::parse_any(&text));
            }
        }
    }

    #[test]
    fn hosts_of_every_day_are_usual() {
        for text in ["https://wiki.example.com", "https://a-1.b2.example.co"] {
            assert_eq!(usual_origin(text).as_deref(), Some(text));
        }
        for text in [
            "https://wiki.example.com.",
            "https://1.2.3.4",
            "https://WIKI.example.com",
            "https://wiki",
            "http://wiki.example.com",
        ] {
            assert_eq!(usual_origin(text), None, "{text}");
        }
    }
}
