//! The one file that knows there are two databases.
//!
//! Owns the transaction a flow works in, the row it reads, and the choice of the engine behind each.
//! It holds no SQL and no schema, and the engines know nothing of each other.
//!
//! # One text for both
//!
//! Statements are written once, with numbered placeholders (`$1`), and are never rewritten. What both databases
//! understand alike is proven by `tests/contract`. What a statement has to mind:
//!
//! | subject | write | because |
//! |---|---|---|
//! | flags | `INTEGER CHECK (flag IN (0, 1))` / `BOOLEAN`; then `WHERE flag`, `NOT flag` | SQLite has no boolean type; never compare a flag with 1 |
//! | optional filter | `(column = $1 OR $1 IS NULL)`, in this order | PostgreSQL takes the type of `$1` from its first use |
//! | a bare parameter as a result | `CAST($1 AS BIGINT)` or `CAST($1 AS TEXT)` | the same; bytes cannot be cast on both |
//! | sums | `CAST(SUM(x) AS BIGINT)` | PostgreSQL sums to `NUMERIC` |
//! | order of text | `COLLATE "C"` in PostgreSQL's migration | SQLite compares bytes, PostgreSQL by locale |
//! | order with nulls | `ORDER BY x IS NULL, x` | SQLite puts nulls first, PostgreSQL last |
//! | search | a folded key column and `LIKE` on it | SQLite's `LIKE` ignores ASCII case, PostgreSQL's does not |
//! | a row that may exist already | `ON CONFLICT … DO NOTHING` or `DO UPDATE`, and look at the rows returned | after a failed statement both refuse to go on, see [`Tx`] |
//! | constraints | none `DEFERRABLE` | on SQLite it would fail the neighbours of a grouped commit |
//! | foreign keys | do not tell them apart by name | SQLite does not say which one |

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::concern::{Commits, Concern};
use crate::error::{StorageError, shorten};
use crate::job::Workers;
use crate::store::StoreSettings;
use crate::value::{Cell, Column, ColumnProblem, Value};
use crate::{postgres, sqlite};

/// Which database a store speaks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DatabaseKind {
    /// SQLite, in this process.
    Sqlite,
    /// PostgreSQL, over a connection.
    Postgres,
}

/// Where a database is.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseLocation {
    /// A file, created if it is missing; its directory must exist.
    Sqlite(PathBuf),
    /// A database of this store alone that vanishes with it. (A private temporary file: several connections
    /// read it at once, which a database in memory does only with table locks.)
    SqliteInMemory,
    /// A connection URL, `postgres://user:password@host:port/database?sslmode=require`.
    Postgres(String),
}

/// Prints no password.
impl fmt::Debug for DatabaseLocation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => formatter.debug_tuple("Sqlite").field(path).finish(),
            Self::SqliteInMemory => formatter.write_str("SqliteInMemory"),
            Self::Postgres(url) => formatter
                .debug_tuple("Postgres")
                .field(&crate::tls::describe(url))
                .finish(),
        }
    }
}

/// An opened database: its threads, and the file under them if it is to vanish.
pub(crate) struct Opened {
    pub(crate) kind: DatabaseKind,
    // Dropped in this order: the threads end before the file under them goes.
    pub(crate) workers: Workers,
    pub(crate) commits: Arc<Commits>,
    _scratch: Option<sqlite::ScratchDirectory>,
}

pub(crate) fn open(
    location: &DatabaseLocation,
    settings: &StoreSettings,
) -> Result<Opened, StorageError> {
    let commits = Arc::<Commits>::default();
    let (kind, workers, scratch) = match location {
        DatabaseLocation::Sqlite(path) => {
            let workers = sqlite::open(path, settings, &commits)?;
            (DatabaseKind::Sqlite, workers, None)
        }
        DatabaseLocation::SqliteInMemory => {
            let scratch = sqlite::ScratchDirectory::create()?;
            let settings = StoreSettings {
                durable: false,
                ..settings.clone()
            };
            let workers = sqlite::open(&scratch.database(), &settings, &commits)?;
            (DatabaseKind::Sqlite, workers, Some(scratch))
        }
        DatabaseLocation::Postgres(url) => {
            let workers = postgres::open(url, settings, &commits)?;
            (DatabaseKind::Postgres, workers, None)
        }
    };
    Ok(Opened {
        kind,
        workers,
        commits,
        _scratch: scratch,
    })
}

/// The transaction a flow works in.
///
/// Once the database has refused a statement the transaction is lost, on both databases alike: every further
/// statement repeats the error, and a flow that answers `Ok` all the same gets the error instead. To turn a
/// refusal into an outcome, answer it as an error of the flow's own type.
pub struct Tx<'a> {
    session: Session<'a>,
    failure: Option<StorageError>,
    /// Whom this transaction concerns once it is committed.
    concerns: Vec<Concern>,
    /// What has been run, for tests that look at statements.
    #[cfg(feature = "testing")]
    pub(crate) statements: Vec<&'static str>,
}

enum Session<'a> {
    Sqlite(sqlite::Session<'a>),
    Postgres(postgres::Session<'a>),
    #[cfg(feature = "bulk")]
    Copying(postgres::Copying<'a>),
}

impl<'a> From<sqlite::Session<'a>> for Tx<'a> {
    fn from(session: sqlite::Session<'a>) -> Self {
        Self {
            session: Session::Sqlite(session),
            failure: None,
            concerns: Vec::new(),
            #[cfg(feature = "testing")]
            statements: Vec::new(),
        }
    }
}

impl<'a> From<postgres::Session<'a>> for Tx<'a> {
    fn from(session: postgres::Session<'a>) -> Self {
        Self {
            session: Session::Postgres(session),
            failure: None,
            concerns: Vec::new(),
            #[cfg(feature = "testing")]
            statements: Vec::new(),
        }
    }
}

#[cfg(feature = "bulk")]
impl<'a> From<postgres::Copying<'a>> for Tx<'a> {
    fn from(session: postgres::Copying<'a>) -> Self {
        Self {
            session: Session::Copying(session),
            failure: None,
            concerns: Vec::new(),
            #[cfg(feature = "testing")]
            statements: Vec::new(),
        }
    }
}

/// Runs `fill` in one transaction of an empty database, see [`crate::bulk`].
#[cfg(feature = "bulk")]
pub(crate) fn fill(
    location: &DatabaseLocation,
    fill: &mut dyn FnMut(&mut Tx<'_>) -> Result<(), StorageError>,
) -> Result<(), StorageError> {
    match location {
        DatabaseLocation::Sqlite(path) => sqlite::fill(path, fill),
        DatabaseLocation::Postgres(url) => postgres::fill(url, fill),
        DatabaseLocation::SqliteInMemory => Err(StorageError::Other(
            "a database that vanishes when it is closed cannot be filled in advance".to_owned(),
        )),
    }
}

impl Tx<'_> {
    /// All rows of a query, each turned into a value.
    pub fn query<T>(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, StorageError>,
    ) -> Result<Vec<T>, StorageError> {
        let mut found = Vec::new();
        self.each_row(sql, params, &mut |row| {
            found.push(read(row)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// The only row of a query, or none. Two rows are an error.
    pub fn query_optional<T>(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, StorageError>,
    ) -> Result<Option<T>, StorageError> {
        let mut found = None;
        self.each_row(sql, params, &mut |row| {
            if found.is_some() {
                return Err(wrong_row_count(sql, "at most one row", 2));
            }
            found = Some(read(row)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// The only row of a query. None and two are errors.
    pub fn query_one<T>(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
        read: impl FnMut(&Row<'_>) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        self.query_optional(sql, params, read)?
            .ok_or_else(|| wrong_row_count(sql, "exactly one row", 0))
    }

    /// Runs a statement that gives no rows back, and says how many it touched.
    pub fn execute(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
    ) -> Result<u64, StorageError> {
        self.guarded(sql, params, |session| match session {
            Session::Sqlite(session) => session.execute(sql, params),
            Session::Postgres(session) => session.execute(sql, params),
            #[cfg(feature = "bulk")]
            Session::Copying(session) => session.execute(sql, params),
        })
    }

    /// As [`Tx::execute`], and an error unless exactly one row was touched.
    pub fn execute_one(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
    ) -> Result<(), StorageError> {
        match self.execute(sql, params)? {
            1 => Ok(()),
            touched => Err(wrong_row_count(sql, "exactly one row", touched)),
        }
    }

    /// Says whose answers this transaction may turn from a yes into a no. They are
    /// told after the commit, see [`crate::CommitObserver`]; nobody is told of what was
    /// rolled back. Called beside the statement, so that no flow can forget it.
    pub(crate) fn concerns(&mut self, concern: Concern) {
        self.concerns.push(concern);
    }

    /// Whom this transaction concerns, for the engine that commits it.
    pub(crate) fn into_concerns(self) -> Vec<Concern> {
        self.concerns
    }

    /// The refusal that has doomed this transaction, if there was one.
    pub(crate) fn failure(&self) -> Option<&StorageError> {
        self.failure.as_ref()
    }

    fn each_row(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
        read: &mut dyn FnMut(&Row<'_>) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        // A row that does not read is the flow's to judge; only the database's refusals doom a transaction.
        let mut unreadable = Ok(());
        self.guarded(sql, params, |session| match session {
            Session::Sqlite(session) => session.query(sql, params, &mut |row| {
                unreadable = read(&Row {
                    sql,
                    source: Source::Sqlite(row),
                });
                unreadable.is_ok()
            }),
            Session::Postgres(session) => session.query(sql, params, &mut |row| {
                unreadable = read(&Row {
                    sql,
                    source: Source::Postgres(row),
                });
                unreadable.is_ok()
            }),
            #[cfg(feature = "bulk")]
            Session::Copying(_) => Err(postgres::Copying::refusal(sql)),
        })?;
        unreadable
    }

    #[cfg_attr(
        not(feature = "testing"),
        expect(unused_variables, reason = "only tests look at statements")
    )]
    fn guarded<T>(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
        statement: impl FnOnce(&mut Session<'_>) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        #[cfg(feature = "testing")]
        self.statements.push(sql);
        // PostgreSQL cannot store this character; SQLite could, and its data could then never move.
        if params
            .iter()
            .any(|param| matches!(param, Value::Text(text) if text.contains('\0')))
        {
            return Err(StorageError::Other(
                "text with a NUL character cannot be stored".to_owned(),
            ));
        }
        let done = statement(&mut self.session);
        if let Err(failure) = &done {
            self.failure = Some(failure.clone());
        }
        done
    }
}

fn wrong_row_count(sql: &str, expected: &'static str, found: u64) -> StorageError {
    StorageError::WrongRowCount {
        statement: shorten(sql),
        expected,
        found,
    }
}

/// One row of a result, valid while it is being read.
pub struct Row<'a> {
    sql: &'static str,
    source: Source<'a>,
}

enum Source<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a ::postgres::Row),
}

impl Row<'_> {
    /// Reads a column by its place, counted from zero.
    pub fn get<T: Column>(&self, index: usize) -> Result<T, StorageError> {
        let cell: Result<Cell<'_>, _> = match self.source {
            Source::Sqlite(row) => sqlite::cell(row, index),
            Source::Postgres(row) => postgres::cell(row, index),
        };
        cell.and_then(T::read)
            .map_err(|problem| self.corrupt(index, problem))
    }

    /// The error for a column whose content this program cannot have written.
    pub(crate) fn corrupt(&self, index: usize, problem: ColumnProblem) -> StorageError {
        let column = match self.source {
            Source::Sqlite(row) => sqlite::column_name(row, index),
            Source::Postgres(row) => postgres::column_name(row, index),
        };
        StorageError::Corrupt {
            what: shorten(self.sql),
            column: column.unwrap_or_else(|| format!("number {index}")),
            problem: problem.0,
        }
    }
}
