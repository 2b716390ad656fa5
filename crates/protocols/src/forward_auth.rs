//! What reverse proxies ask about each request, and what they are answered.
//!
//! Each proxy has a small file that reads what it sends into one [`Target`]; what comes
//! of it is decided elsewhere (`domain::relying_party::protection::decide`), and
//! [`answer`] says it in the words that the proxy understands. Nothing here reads a
//! database, or knows a web framework. That the one who asks is a proxy at all was
//! established before (FWD-03).

pub mod answer;
mod caddy;
mod cookies;
mod envoy;
pub mod identity;
mod nginx;
pub mod request;
mod target;
pub mod token;
mod traefik;

#[cfg(test)]
mod tests;

use http::{HeaderMap, HeaderName, Method};

pub use cookies::{HOST_COOKIE, STATE_COOKIE, app_of_domain_cookie, domain_cookie, without_ours};
pub use target::{Target, Unreadable};

/// The header that leads a refused call to the sign-in page (D3).
pub static LOGIN_HEADER: HeaderName = HeaderName::from_static("x-nightlatch-login");

/// The header that tells nginx where to lead a person; only there for navigations.
pub static REDIRECT_HEADER: HeaderName = HeaderName::from_static("x-nightlatch-redirect");

/// A call of an app's script that carries it with the value 1 is activity of the
/// person (G1).
pub static ACTIVE_HEADER: HeaderName = HeaderName::from_static("x-nightlatch-active");

/// Where a browser begins to sign in, on each protected host.
pub const SIGN_IN_PATH: &str = "/.nightlatch/sign-in";

/// The addresses at which proxies ask.
pub const PATH: &str = "/forward-auth/";

/// A proxy that asks us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Proxy {
    /// nginx, `auth_request`.
    Nginx,
    /// Traefik, `forwardAuth`.
    Traefik,
    /// Caddy, `forward_auth`.
    Caddy,
    /// Envoy, `ext_authz` over HTTP.
    Envoy,
}

impl Proxy {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Nginx, Self::Traefik, Self::Caddy, Self::Envoy];

    /// The name in the address at which it asks.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Traefik => "traefik",
            Self::Caddy => "caddy",
            Self::Envoy => "envoy",
        }
    }

    /// Reads a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|proxy| proxy.name() == name)
    }

    /// Reads what it asks about.
    pub fn read(self, asked: &Asked<'_>) -> Result<Target, Unreadable> {
        match self {
            Self::Nginx => nginx::read(asked),
            Self::Traefik => traefik::read(asked),
            Self::Caddy => caddy::read(asked),
            Self::Envoy => envoy::read(asked),
        }
    }
}

/// A question as it came.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The method of the question.
    pub method: &'a Method,
    /// Path and query of the question.
    pub path_and_query: &'a str,
    /// Its headers.
    pub headers: &'a HeaderMap,
}

impl<'a> Asked<'a> {
    /// A header that stands there exactly once. A second one may be the client's, and
    /// nobody can say which.
    fn single(&self, name: &'static HeaderName) -> Result<&'a str, Unreadable> {
        let mut values = self.headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().map_err(|_| Unreadable(name.as_str())),
            _ => Err(Unreadable(name.as_str())),
        }
    }
}
