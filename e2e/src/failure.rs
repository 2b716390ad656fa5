//! What a story reports when something did not happen: one sentence a person can act on.

use std::fmt;

/// Why a step of a story failed.
///
/// Deliberately not an `Error` itself, so that any error converts into it with `?`.
pub struct Failure(String);

/// The result of a step.
pub type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// A failure with its sentence.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }

    /// Says what was being attempted when this happened.
    #[must_use]
    pub fn during(self, attempt: impl fmt::Display) -> Self {
        Self(format!("{attempt}: {}", self.0))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

// `unwrap` on an outcome should print the sentence, not a structure.
impl fmt::Debug for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut sentence = error.to_string();
        let mut source = error.source();
        while let Some(inner) = source {
            let text = inner.to_string();
            if !sentence.contains(&text) {
                sentence = format!("{sentence}: {text}");
            }
            source = inner.source();
        }
        Self(sentence)
    }
}

/// Fails with the sentence unless the condition holds.
pub fn ensure(condition: bool, sentence: impl FnOnce() -> String) -> Outcome {
    if condition {
        Ok(())
    } else {
        Err(Failure::new(sentence()))
    }
}
