//! What PostgreSQL's errors mean here.

use ::postgres::Error;
use ::postgres::error::{DbError, Severity, SqlState};

use crate::error::StorageError;

/// Error code and message, never the detail: that one quotes the row. In the class of bad data (22) the message
/// quotes the value as well.
pub(super) fn describe(error: &Error) -> String {
    if let Some(refusal) = error.as_db_error() {
        let code = refusal.code().code();
        return if code.starts_with("22") {
            format!("PostgreSQL could not use a value ({code})")
        } else {
            format!("{} ({code})", refusal.message())
        };
    }
    std::error::Error::source(error)
        .map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

pub(super) fn is_stale_plan(error: &Error) -> bool {
    error.as_db_error().is_some_and(|refusal| {
        refusal.code() == &SqlState::INVALID_SQL_STATEMENT_NAME
            || (refusal.code() == &SqlState::FEATURE_NOT_SUPPORTED
                && refusal.routine() == Some("RevalidateCachedQuery"))
    })
}

/// The statement or the transaction failed, not the session. (Poolers may leave the untranslated field out.)
pub(super) fn is_ordinary(refusal: &DbError) -> bool {
    refusal
        .parsed_severity()
        .map_or(refusal.severity() == "ERROR", |severity| {
            severity == Severity::Error
        })
}

pub(super) fn explain(error: &Error) -> StorageError {
    let Some(refusal) = error.as_db_error() else {
        let is_line = error.is_closed()
            || std::error::Error::source(error)
                .is_some_and(<dyn std::error::Error>::is::<std::io::Error>);
        let message = describe(error);
        return if is_line {
            StorageError::Unavailable(message)
        } else {
            StorageError::Other(message)
        };
    };
    if !is_ordinary(refusal) {
        return StorageError::Unavailable(describe(error));
    }
    let code = refusal.code();
    match (code, code.code().get(..2)) {
        (&SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED, _) => {
            StorageError::Conflict
        }
        (&SqlState::LOCK_NOT_AVAILABLE | &SqlState::QUERY_CANCELED, _) => StorageError::Busy,
        (&SqlState::RAISE_EXCEPTION, _) => StorageError::Constraint {
            name: refusal.message().to_owned(),
        },
        (_, Some("23")) => StorageError::Constraint {
            name: constraint_name(refusal),
        },
        (_, Some("08" | "53" | "57" | "58")) => StorageError::Unavailable(describe(error)),
        _ => StorageError::Other(describe(error)),
    }
}

/// The name that both databases can tell; see [`StorageError::Constraint`].
fn constraint_name(refusal: &DbError) -> String {
    let table = refusal.table().unwrap_or_default();
    match *refusal.code() {
        SqlState::FOREIGN_KEY_VIOLATION => "foreign_key".to_owned(),
        SqlState::NOT_NULL_VIOLATION => {
            format!("{table}_{}_not_null", refusal.column().unwrap_or_default())
        }
        _ => refusal.constraint().unwrap_or(table).to_owned(),
    }
}
