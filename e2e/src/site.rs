//! Where a story takes place.

/// A running server, known by its address alone.
#[derive(Clone, Debug)]
pub struct Site {
    /// Scheme, host and port, without a slash at the end.
    pub url: String,
}

impl Site {
    /// A site at this address.
    pub fn at(url: impl Into<String>) -> Self {
        let url: String = url.into();
        Self {
            url: url.trim_end_matches('/').to_owned(),
        }
    }

    /// The full address of a path; an absolute address is left alone.
    pub fn address(&self, path: &str) -> String {
        if path.contains("://") || path.starts_with("about:") {
            path.to_owned()
        } else {
            format!("{}{path}", self.url)
        }
    }
}
