//! What a request behind a proxy is for.

use nightlatch_domain::relying_party::protection::ProtectedHost;

/// The longest address that is looked at, in bytes; proxies take no longer ones.
const LONGEST: usize = 32 * 1024;

/// The request that a proxy asks about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The origin that the browser asked.
    pub host: ProtectedHost,
    /// The method, as it was written.
    pub method: String,
    /// Path and query, as they were written.
    pub path_and_query: String,
}

/// What a proxy said cannot be understood, so nobody is let in (FWD-03). Names the
/// part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the proxy's {0} is missing, is there twice or cannot be understood")]
pub struct Unreadable(pub &'static str);

impl Target {
    /// Puts together what a proxy says.
    pub(super) fn new(
        (scheme, authority): (&str, &str),
        method: &str,
        path_and_query: &str,
    ) -> Result<Self, Unreadable> {
        let host = ProtectedHost::of(scheme, authority).ok_or(Unreadable("host"))?;
        let is_method = (1..=32).contains(&method.len())
            && method
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if !is_method {
            return Err(Unreadable("method"));
        }
        // Written as in a request line: an absolute address, a fragment or bytes that
        // no browser sends would be read differently behind the proxy.
        let is_path = path_and_query.starts_with('/')
            && path_and_query.len() <= LONGEST
            && path_and_query
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b'#');
        if !is_path {
            return Err(Unreadable("address"));
        }
        Ok(Self {
            host,
            method: method.to_owned(),
            path_and_query: path_and_query.to_owned(),
        })
    }

    /// The path without its query.
    pub fn path(&self) -> &str {
        self.path_and_query
            .split('?')
            .next()
            .unwrap_or(&self.path_and_query)
    }
}
