//! Paths of a protected app that are treated differently.
//!
//! A path is compared as it stands in the request, letter by letter. What a server
//! behind the proxy could read as another path is never public, however it is written
//! (FWD-07): a rule can then be too narrow, which people notice, and never too wide,
//! which only an attacker would.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest path of a rule, in bytes.
const LONGEST: usize = 512;

/// What a request for a path means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PathClass {
    /// Anybody may read it.
    Public,
    /// It takes a session, and is no activity of the person.
    Quiet,
    /// It takes a session.
    Ordinary,
}

/// A path, or with a slash at its end everything below it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PathRule(String);

impl PathRule {
    /// Reads a rule: `/robots.txt` is that path alone, `/static/` everything below.
    pub fn parse(text: &str) -> Result<Self, PathProblem> {
        let is_good = text.starts_with('/')
            && text.len() <= LONGEST
            && !text.contains(['%', '?', '#'])
            && is_unambiguous(text);
        is_good.then(|| Self(text.to_owned())).ok_or(PathProblem)
    }

    /// As it was registered.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it lets anybody read this path.
    pub(super) fn allows(&self, path: &str) -> bool {
        self.covers(path) && is_unambiguous(path)
    }

    /// Whether it speaks of this path.
    pub(super) fn covers(&self, path: &str) -> bool {
        if self.0.ends_with('/') {
            path.starts_with(self.0.as_str())
        } else {
            path == self.0
        }
    }
}

impl TryFrom<String> for PathRule {
    type Error = PathProblem;

    fn try_from(text: String) -> Result<Self, PathProblem> {
        Self::parse(&text)
    }
}

impl From<PathRule> for String {
    fn from(rule: PathRule) -> Self {
        rule.0
    }
}

/// It is no path for a rule; prints how to mend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathProblem;

impl fmt::Display for PathProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(
            "write a path such as /robots.txt, or /static/ for everything below it, without encoded characters, //, . or ..",
        )
    }
}

impl std::error::Error for PathProblem {}

/// Whether every server reads the path alike: no segment that leads elsewhere, none
/// that is empty, none with parameters, and nothing encoded that could become one of
/// these.
fn is_unambiguous(path: &str) -> bool {
    let bytes = path.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'%' => {
                let decoded = bytes
                    .get(at + 1..at + 3)
                    .and_then(|digits| std::str::from_utf8(digits).ok())
                    .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
                    .and_then(|digits| u8::from_str_radix(digits, 16).ok());
                // Beyond ASCII there are spellings that some servers fold into these.
                if !decoded.is_some_and(|byte| {
                    (byte.is_ascii_graphic() || byte == b' ') && !b"%./\\;?#".contains(&byte)
                }) {
                    return false;
                }
                at += 3;
            }
            b'\\' | b';' => return false,
            byte if !byte.is_ascii_graphic() => return false,
            _ => at += 1,
        }
    }
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        if (segment.is_empty() && !is_last) || segment == "." || segment == ".." {
            return false;
        }
    }
    true
}
