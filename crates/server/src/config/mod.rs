//! Configuration: read once, at the start.
//!
//! [`as_written`] reads the file and the environment and knows where each value
//! came from; [`meaning`] says what the values mean and refuses what cannot be
//! served safely. Everything that is wrong is reported at once, each with its
//! place and its remedy. The wall clock, the network and the database are not
//! asked here.

pub mod as_written;
mod mail;
pub mod meaning;

use std::fmt;
use std::path::{Path, PathBuf};

pub use mail::{MailRoute, MailSettings, SmtpEncryption, SmtpServer};
pub use meaning::{Config, LogFormat, TlsFiles};

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a line of a file.
    Line(PathBuf, usize),
    /// In the file as a whole.
    File(PathBuf),
    /// In an environment variable.
    Environment(String),
    /// Nowhere: a default applies.
    Default,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(path, line) => write!(formatter, "{}, line {line}", path.display()),
            Self::File(path) => write!(formatter, "{}", path.display()),
            Self::Environment(name) => write!(formatter, "environment variable {name}"),
            Self::Default => formatter.write_str("default"),
        }
    }
}

/// One thing that is wrong, where, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// What is wrong and how to mend it. Never contains a secret value.
    pub sentence: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Default => formatter.write_str(&self.sentence),
            place => write!(formatter, "{place}: {}", self.sentence),
        }
    }
}

/// Everything that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError(pub Vec<Problem>);

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.0.iter().enumerate() {
            if number > 0 {
                formatter.write_str("\n")?;
            }
            write!(formatter, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// Reads the file, if one is named, lays the environment over it, and makes
/// sense of both.
pub fn load(file: Option<&Path>, environment: &[(String, String)]) -> Result<Config, ConfigError> {
    let (written, problems) = as_written::read(file, environment);
    meaning::understand(&written, problems)
}

/// The environment variables that may concern us. Ones that are not text
/// cannot.
pub fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with(as_written::PREFIX))
        .collect()
}

#[cfg(test)]
mod tests;
