//! What SQLite's errors mean here, and the names of constraints, which SQLite does not tell.

use rusqlite::{Connection, Error, ErrorCode, ffi};

use crate::error::{StorageError, shorten};

/// The meaning of an error without a statement of ours at fault.
pub(super) fn explain(error: &Error) -> StorageError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StorageError::Busy,
        Some(
            ErrorCode::CannotOpen
            | ErrorCode::DatabaseCorrupt
            | ErrorCode::DiskFull
            | ErrorCode::NotADatabase
            | ErrorCode::PermissionDenied
            | ErrorCode::SystemIoFailure,
        ) => StorageError::Unavailable(error.to_string()),
        _ => StorageError::Other(error.to_string()),
    }
}

/// The meaning of an error that a statement met.
pub(super) fn refusal(connection: &Connection, sql: &str, error: &Error) -> StorageError {
    if let Error::SqliteFailure(failure, Some(message)) = error
        && failure.code == ErrorCode::ConstraintViolation
        && let Some(name) = constraint_name(connection, failure.extended_code, message)
    {
        return StorageError::Constraint { name };
    }
    match explain(error) {
        StorageError::Other(message) => {
            StorageError::Other(format!("{message} in `{}`", shorten(sql)))
        }
        other => other,
    }
}

/// SQLite tells columns where PostgreSQL tells a name; this finds the name.
fn constraint_name(connection: &Connection, code: i32, message: &str) -> Option<String> {
    let detail = message
        .split_once("constraint failed: ")
        .map(|(_, detail)| detail);
    match code {
        ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            Some(format!("{}_pkey", detail?.split_once('.')?.0))
        }
        ffi::SQLITE_CONSTRAINT_UNIQUE => unique_index_name(connection, detail?),
        ffi::SQLITE_CONSTRAINT_NOTNULL => {
            Some(format!("{}_not_null", detail?.replacen('.', "_", 1)))
        }
        ffi::SQLITE_CONSTRAINT_CHECK => detail.map(ToOwned::to_owned),
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Some("foreign_key".to_owned()),
        ffi::SQLITE_CONSTRAINT_TRIGGER => Some(message.to_owned()),
        // A wrong type in a strict table is a fault of the program.
        _ => None,
    }
}

/// From `table.first, table.second`, or from `index 'name'` for an index over expressions.
fn unique_index_name(connection: &Connection, detail: &str) -> Option<String> {
    if let Some(name) = detail.strip_prefix("index '") {
        return Some(name.trim_end_matches('\'').to_owned());
    }
    let table = detail.split_once('.')?.0;
    let columns: Vec<&str> = detail
        .split(", ")
        .filter_map(|column| Some(column.split_once('.')?.1))
        .collect();
    let mut indexes = connection
        .prepare_cached("SELECT name FROM pragma_index_list($1) WHERE \"unique\" AND origin = 'c' ORDER BY name")
        .ok()?;
    let mut members = connection
        .prepare_cached("SELECT name FROM pragma_index_info($1) ORDER BY seqno")
        .ok()?;
    let names: Vec<String> = indexes
        .query_map([table], |row| row.get(0))
        .ok()?
        .filter_map(Result::ok)
        .collect();
    for name in names {
        let found: Vec<Option<String>> = members
            .query_map([&name], |row| row.get(0))
            .ok()?
            .filter_map(Result::ok)
            .collect();
        if found
            .iter()
            .map(Option::as_deref)
            .eq(columns.iter().copied().map(Some))
        {
            return Some(name);
        }
    }
    Some(format!("{table}_{}_key", columns.join("_")))
}
