//! What went wrong, translated once.
//!
//! A handler returns a [`Failure`]; the envelope turns it into a page or a
//! problem document and writes the one log line. The sentence for people and the
//! detail for operators are different fields (HDR-05).

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use nightlatch_storage::StorageError;

use crate::views::Problem;

/// When to try again what failed for the moment, in seconds. Programs keep to it;
/// people are told "in a minute".
const RETRY_AFTER_SECONDS: u32 = 10;

/// A request that cannot be answered as asked.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    /// What people are told.
    pub(crate) problem: Problem,
    /// A more helpful sentence than the usual one; never anything internal.
    pub(crate) sentence: Option<String>,
    /// A stable name for programs, in the problem document.
    pub(crate) code: Option<&'static str>,
    /// What operators are told, in the log only.
    pub(crate) internal: Option<String>,
}

impl Failure {
    /// A failure with its usual words.
    pub(crate) const fn new(problem: Problem) -> Self {
        Self {
            problem,
            sentence: None,
            code: None,
            internal: None,
        }
    }

    /// The same with a sentence of its own.
    pub(crate) fn saying(problem: Problem, sentence: impl Into<String>) -> Self {
        Self {
            sentence: Some(sentence.into()),
            ..Self::new(problem)
        }
    }

    /// The same with a stable name for programs.
    #[must_use]
    pub(crate) const fn with_code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// There is nothing here, or nothing of yours: the same answer for both, so
    /// that ids of others cannot be probed (DEV-03).
    pub(crate) const fn not_found() -> Self {
        Self::new(Problem::NotFound)
    }

    /// A fault of ours.
    pub(crate) fn internal(detail: impl Into<String>) -> Self {
        Self {
            internal: Some(detail.into()),
            ..Self::new(Problem::Internal)
        }
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        let problem = match error {
            StorageError::Busy | StorageError::Conflict | StorageError::Unavailable(_) => {
                Problem::Unavailable
            }
            _ => Problem::Internal,
        };
        Self {
            internal: Some(error.to_string()),
            ..Self::new(problem)
        }
    }
}

impl From<askama::Error> for Failure {
    fn from(error: askama::Error) -> Self {
        Self::internal(format!("a page could not be rendered: {error}"))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.problem.status())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        if matches!(self.problem, Problem::Unavailable | Problem::TooMany) {
            let headers = response.headers_mut();
            headers.insert(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
        }
        response.extensions_mut().insert(self);
        response
    }
}
