//! What can go wrong between the program and its database, said once for both databases.
//!
//! Owns the error type and its wording. It does not own the translation from an engine's errors; that stands
//! beside each engine. No message carries a parameter, a row or a password: errors end up in logs.

/// Why a transaction did not happen, or why a row could not be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// Concurrent transactions kept getting in each other's way, and every attempt was used up.
    #[error("the transaction conflicted with others too many times")]
    Conflict,
    /// Too much work is waiting, or a lock was not to be had in time. Nothing was changed.
    #[error("the database is busy")]
    Busy,
    /// The database cannot be reached or has failed. If the text speaks of an unknown outcome, ask before
    /// repeating; otherwise nothing was changed.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// A constraint of the schema refused the statement.
    ///
    /// The name is the same on both databases: a unique index by its own name; inline keys as PostgreSQL names
    /// them (`table_pkey`, `table_column_key`); `table_column_not_null`; a check by its name; `foreign_key` for
    /// every foreign key, since SQLite does not say which; for `RAISE` in a trigger, its message.
    #[error("the constraint {name} does not allow this")]
    Constraint {
        /// The constraint.
        name: String,
    },
    /// A stored value is not what the program can have written.
    #[error("column {column} of `{what}` is unreadable: {problem}")]
    Corrupt {
        /// The statement that read it, shortened.
        what: String,
        /// The column as the statement names it.
        column: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A statement touched or found another number of rows than the program relies on.
    #[error("`{statement}` met {found} rows where {expected} was expected")]
    WrongRowCount {
        /// The statement, shortened.
        statement: String,
        /// What the program relies on.
        expected: &'static str,
        /// How many there were; for reads, two stands for "two or more".
        found: u64,
    },
    /// The database was migrated by a newer release.
    #[error(
        "the database has schema {database} and this program knows only schema {program}; \
         run the newer release, or restore the backup made before the upgrade"
    )]
    NewerSchema {
        /// The newest migration that the database has seen.
        database: i64,
        /// The newest migration that this program knows.
        program: i64,
    },
    /// Everything else; a fault of the program or of the schema rather than of the moment.
    #[error("{0}")]
    Other(String),
}

/// Shortens a statement to something that fits into a line of a log. Statements are constants of the program,
/// so this can say nothing about a person.
pub(crate) fn shorten(sql: &str) -> String {
    const LONGEST: usize = 100;
    let mut short = String::with_capacity(LONGEST);
    for word in sql.split_whitespace() {
        if short.len() + word.len() > LONGEST {
            short.push('…');
            break;
        }
        if !short.is_empty() {
            short.push(' ');
        }
        short.push_str(word);
    }
    short
}
