//! The one error of starting and of commands: a sentence for the operator.
//!
//! Whoever makes one says what is wrong, where, and what to do about it; there
//! is nobody further up who would know better.

use std::fmt;

use nightlatch_storage::StorageError;

use crate::config::ConfigError;

/// Why something could not be done, in words for whoever runs the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble(String);

impl Trouble {
    /// Takes the sentence.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Trouble {}

impl From<ConfigError> for Trouble {
    fn from(error: ConfigError) -> Self {
        Self(error.to_string())
    }
}

impl From<StorageError> for Trouble {
    fn from(error: StorageError) -> Self {
        Self(error.to_string())
    }
}
