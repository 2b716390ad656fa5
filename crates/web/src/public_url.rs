//! The one address under which browsers reach this server.
//!
//! Links, redirects and the check of `Host` and `Origin` come from here and
//! never from what a request says of itself: otherwise whoever sends a `Host`
//! header writes our links.

use std::fmt;

use url::Url;

/// An origin: scheme, host and port, without a path.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicUrl {
    origin: String,
    authority: String,
    is_https: bool,
}

impl PublicUrl {
    /// Reads an address such as `https://login.example.com`. Plain HTTP is for
    /// loopback only: cookies of `__Host-` names would not survive elsewhere,
    /// and passwords would be readable on the way. The error says how to mend it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| {
            format!("`{text}` is not an address ({error}); write it like https://login.example.com")
        })?;
        let Some(host) = url.host_str() else {
            return Err(format!("`{text}` names no host"));
        };
        let is_https = match url.scheme() {
            "https" => true,
            "http" if is_loopback(&url) => false,
            "http" => {
                return Err(format!(
                    "`{text}` is plain HTTP on a host that is not loopback; use https:// (and set \
                     tls_certificate and tls_key, or let a proxy in front speak TLS)"
                ));
            }
            scheme => return Err(format!("`{scheme}://` is not served; use https://")),
        };
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(format!(
                "`{text}` has a path; Nightlatch is served at the root of a host of its own"
            ));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("an address with a user name in it is not served".to_owned());
        }
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        Ok(Self {
            origin: format!("{}://{authority}", url.scheme()),
            authority,
            is_https,
        })
    }

    /// `https://login.example.com`, without a slash at the end.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The whole address of a path of ours.
    pub fn address_of(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// Whether a `Host` header names this server. The default port may be
    /// written or not.
    pub fn is_host(&self, host: &str) -> bool {
        let default_port = if self.is_https { ":443" } else { ":80" };
        let named = host.strip_suffix(default_port).unwrap_or(host);
        named.eq_ignore_ascii_case(&self.authority) || host.eq_ignore_ascii_case(&self.authority)
    }

    /// Whether browsers reach it over TLS.
    pub const fn is_https(&self) -> bool {
        self.is_https
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.origin)
    }
}

impl fmt::Debug for PublicUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_anywhere_and_http_on_loopback_only() {
        for good in [
            "https://login.example.com",
            "https://login.example.com:8443/",
            "http://localhost:8080",
            "http://127.0.0.1:1",
        ] {
            assert!(PublicUrl::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "http://login.example.com",
            "login.example.com",
            "https://x.example/path",
            "ftp://localhost",
            "https://a:b@x.example",
        ] {
            assert!(PublicUrl::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_our_own_host_is_ours() {
        let url = PublicUrl::parse("https://login.example.com").expect("an address");
        assert!(url.is_host("login.example.com"));
        assert!(url.is_host("LOGIN.example.com:443"));
        for other in [
            "login.example.com:80",
            "login.example.com.evil.test",
            "evil.test",
            "",
            "login.example.com@evil.test",
        ] {
            assert!(!url.is_host(other), "{other}");
        }
        let local = PublicUrl::parse("http://localhost:8080").expect("an address");
        assert!(local.is_host("localhost:8080"));
        assert!(!local.is_host("localhost"));
        assert!(!local.is_host("127.0.0.1:8080"));
    }
}
