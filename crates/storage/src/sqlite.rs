//! The SQLite engine: one writer thread, a few reader threads, one file.
//!
//! Owns connections, grouped commits and the translation of SQLite's errors. It does not know what a flow does,
//! and does not choose SQL.
//!
//! The writer takes whatever is queued, gives each flow a savepoint in one transaction, and commits them
//! together. With `synchronous=FULL` a commit waits for the disk, and the wait is the same for one flow as for
//! a hundred. Callers are answered after that commit and never before: an answer is a promise that survives a
//! power cut, and a reader that starts after it must see the change.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, Error, OpenFlags, ToSql};

use crate::backend::Tx;
use crate::concern::{Commits, Concern};
use crate::error::StorageError;
use crate::job::{BoxedJob, Verdict, Workers};
use crate::migrate::{self, Migration, Record, Target};
use crate::queue::Queue;
use crate::store::StoreSettings;
use crate::value::{Cell, ColumnProblem, Value};

#[cfg(feature = "bulk")]
mod bulk;
mod errors;
mod scratch;

#[cfg(feature = "bulk")]
pub(crate) use bulk::fill;

use errors::{explain, refusal};
pub(crate) use scratch::ScratchDirectory;

/// The most flows that one commit carries. Larger groups gain nothing, and all of them wait for the slowest.
const LARGEST_GROUP: usize = 128;
/// How long to wait for another process that holds the file, a backup for instance.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
/// Far more than the program has statements, so that each is parsed once a thread.
const CACHED_STATEMENTS: usize = 512;
/// How much of the file the writer keeps in memory, in KiB; it takes so much only once it has read so much. A batch
/// of a mass ending changes some thousand pages, and with the usual 2 MB each would be written several times.
const WRITER_CACHE: &str = "-32768";

/// Opens the file, migrates it and starts the threads.
pub(crate) fn open(
    path: &Path,
    settings: &StoreSettings,
    commits: &Arc<Commits>,
) -> Result<Workers, StorageError> {
    create_private_file(path)?;
    let writer = connect(path, settings)?;
    // Rebuilding a table needs this off; it cannot be changed inside a transaction.
    set(&writer, "foreign_keys", "OFF")?;
    migrate::run(&mut Migrating {
        connection: &writer,
    })?;
    set(&writer, "foreign_keys", "ON")?;
    set(&writer, "cache_size", WRITER_CACHE)?;

    let (mut workers, read_jobs, write_jobs) = Workers::new(settings.queued_jobs);
    let commits = Arc::clone(commits);
    workers.add("nightlatch-write".to_owned(), move || {
        write_all(&writer, &write_jobs, &commits);
    })?;
    for number in 0..settings.readers.max(1) {
        let reader = connect(path, settings)?;
        set(&reader, "query_only", "ON")?;
        let read_jobs = read_jobs.clone();
        workers.add(format!("nightlatch-read-{number}"), move || {
            read_all(&reader, &read_jobs);
        })?;
    }
    Ok(workers)
}

/// Digests and addresses are nobody else's business. SQLite gives its side files the same mode.
fn create_private_file(path: &Path) -> Result<(), StorageError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(StorageError::Unavailable(format!(
            "{}: {error}",
            path.display()
        ))),
    }
}

fn connect(path: &Path, settings: &StoreSettings) -> Result<Connection, StorageError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| explain(&error))?;
    connection
        .busy_timeout(LOCK_PATIENCE)
        .map_err(|error| explain(&error))?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    set(&connection, "journal_mode", "WAL")?;
    set(
        &connection,
        "synchronous",
        if settings.durable { "FULL" } else { "OFF" },
    )?;
    set(&connection, "foreign_keys", "ON")?;
    set(&connection, "trusted_schema", "OFF")?;
    Ok(connection)
}

fn set(connection: &Connection, pragma: &str, value: &str) -> Result<(), StorageError> {
    connection
        .pragma_update(None, pragma, value)
        .map_err(|error| explain(&error))
}

fn write_all(connection: &Connection, jobs: &Queue<BoxedJob>, commits: &Commits) {
    let places = Places::default();
    while let Some(first) = jobs.next() {
        let session = || Session {
            connection,
            places: &places,
        };
        commit_together(&session, first, jobs, commits);
    }
}

/// Runs the job and what is queued behind it in one transaction, commits, tells whom it concerns, and only then
/// answers: an answer in between would be a log-out that a check from memory does not know of yet.
fn commit_together<'a>(
    session: &dyn Fn() -> Session<'a>,
    first: BoxedJob,
    jobs: &Queue<BoxedJob>,
    commits: &Commits,
) {
    let connection = session().connection;
    let mut group = Vec::new();
    let mut concerns = Vec::new();
    let mut next = Some(first);
    let mut outcome = control(connection, "BEGIN IMMEDIATE");
    while let Some(mut job) = next.take() {
        if outcome.is_ok() {
            outcome = run_in_savepoint(session(), &mut job, &mut concerns);
        }
        group.push(job);
        if outcome.is_ok() && group.len() < LARGEST_GROUP {
            next = jobs.take();
        }
    }
    if outcome.is_ok() {
        outcome = control(connection, "COMMIT");
        // Also if it failed: what the disk holds after that is not known for sure.
        commits.tell(&concerns);
    }
    if let Err(error) = outcome {
        tracing::error!(%error, jobs = group.len(), "a group of transactions was not committed");
        if !connection.is_autocommit() {
            // What cannot be rolled back blocks the next BEGIN, which then says so.
            let _ = control(connection, "ROLLBACK");
        }
        for job in &mut group {
            job.fail(error.clone());
        }
    }
    for job in group {
        job.answer();
    }
}

/// An error means that the transaction around the savepoint is gone, with everybody's work.
fn run_in_savepoint(
    session: Session<'_>,
    job: &mut BoxedJob,
    concerns: &mut Vec<Concern>,
) -> Result<(), StorageError> {
    let connection = session.connection;
    control(connection, "SAVEPOINT flow")?;
    let mut tx = Tx::from(session);
    let verdict = job.run(&mut tx);
    let concerned = tx.into_concerns();
    if connection.is_autocommit() {
        // SQLite itself rolls back on a full disk and the like.
        return Err(StorageError::Unavailable(
            "SQLite rolled the transaction back".to_owned(),
        ));
    }
    if verdict == Verdict::Keep {
        concerns.extend(concerned);
    } else {
        control(connection, "ROLLBACK TO flow")?;
    }
    control(connection, "RELEASE flow")
}

fn read_all(connection: &Connection, jobs: &Queue<BoxedJob>) {
    let places = Places::default();
    while let Some(mut job) = jobs.next() {
        if job.is_abandoned() {
            continue;
        }
        match control(connection, "BEGIN DEFERRED") {
            Ok(()) => {
                job.run(&mut Tx::from(Session {
                    connection,
                    places: &places,
                }));
                if let Err(error) = control(connection, "ROLLBACK") {
                    tracing::error!(%error, "a read did not end");
                }
            }
            Err(error) => job.fail(error),
        }
        job.answer();
    }
}

fn control(connection: &Connection, sql: &'static str) -> Result<(), StorageError> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute([]))
        .map(|_| ())
        .map_err(|error| explain(&error))
}

/// The statements of one transaction.
pub(crate) struct Session<'a> {
    connection: &'a Connection,
    places: &'a Places,
}

/// Where each parameter of each text goes, by the address of the text: finding that out compares names, and
/// with a thousand parameters would take longer than the statement.
#[derive(Default)]
struct Places(RefCell<HashMap<*const u8, Rc<[usize]>>>);

impl Session<'_> {
    /// Gives each row to `read` until it answers `false`.
    pub(crate) fn query(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
        read: &mut dyn FnMut(&rusqlite::Row<'_>) -> bool,
    ) -> Result<(), StorageError> {
        self.prepare(sql, params)
            .and_then(|mut statement| {
                let mut rows = statement.raw_query();
                while let Some(row) = rows.next()? {
                    if !read(row) {
                        break;
                    }
                }
                Ok(())
            })
            .map_err(|error| refusal(self.connection, sql, &error))
    }

    pub(crate) fn execute(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
    ) -> Result<u64, StorageError> {
        self.prepare(sql, params)
            .and_then(|mut statement| {
                if statement.column_count() > 0 {
                    return Err(Error::ExecuteReturnedResults);
                }
                statement.raw_execute()
            })
            .map(|touched| u64::try_from(touched).unwrap_or(u64::MAX))
            .map_err(|error| refusal(self.connection, sql, &error))
    }

    /// SQLite numbers placeholders by their first appearance in the text, whatever they are called. Binding by
    /// name makes `$2 … $1` mean what it says.
    fn prepare(
        &self,
        sql: &'static str,
        params: &[Value<'_>],
    ) -> Result<CachedStatement<'_>, Error> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let expected = statement.parameter_count();
        if expected != params.len() {
            return Err(Error::InvalidParameterCount(params.len(), expected));
        }
        let places = self.places(sql, &statement)?;
        for (place, param) in places.iter().zip(params) {
            statement.raw_bind_parameter(*place, param)?;
        }
        Ok(statement)
    }

    fn places(
        &self,
        sql: &'static str,
        statement: &CachedStatement<'_>,
    ) -> Result<Rc<[usize]>, Error> {
        let count = statement.parameter_count();
        let mut known = self.places.0.borrow_mut();
        // A shorter text may begin at the same address.
        if let Some(places) = known
            .get(&sql.as_ptr())
            .filter(|places| places.len() == count)
        {
            return Ok(Rc::clone(places));
        }
        let places: Rc<[usize]> = (1..=count)
            .map(|number| {
                let name = format!("${number}");
                let place = statement.parameter_index(&name)?;
                place.ok_or(Error::InvalidParameterName(name))
            })
            .collect::<Result<_, _>>()?;
        known.insert(sql.as_ptr(), Rc::clone(&places));
        Ok(places)
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>, Error> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Integer(number) => ValueRef::Integer(*number),
            Value::Boolean(flag) => ValueRef::Integer(i64::from(*flag)),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
            Value::Id(id) => ValueRef::Blob(id),
            Value::Digest(digest) => ValueRef::Blob(digest),
        }))
    }
}

pub(crate) fn cell<'a>(
    row: &'a rusqlite::Row<'_>,
    index: usize,
) -> Result<Cell<'a>, ColumnProblem> {
    match row
        .get_ref(index)
        .map_err(|_| ColumnProblem("the statement has no such column"))?
    {
        ValueRef::Null => Ok(Cell::Null),
        ValueRef::Integer(number) => Ok(Cell::Integer(number)),
        ValueRef::Real(_) => Err(ColumnProblem("it is a floating point number")),
        ValueRef::Text(text) => std::str::from_utf8(text)
            .map(Cell::Text)
            .map_err(|_| ColumnProblem("it is text that is not UTF-8")),
        ValueRef::Blob(bytes) => Ok(Cell::Bytes(bytes)),
    }
}

pub(crate) fn column_name(row: &rusqlite::Row<'_>, index: usize) -> Option<String> {
    row.as_ref().column_name(index).ok().map(ToOwned::to_owned)
}

struct Migrating<'a> {
    connection: &'a Connection,
}

impl Target for Migrating<'_> {
    fn text(&self, migration: &Migration) -> &'static str {
        migration.sqlite
    }

    fn records(&mut self) -> Result<Vec<Record>, StorageError> {
        let read = || {
            self.connection
                .execute_batch(migrate::CREATE_RECORD_TABLE)?;
            let mut statement = self.connection.prepare(migrate::LIST_RECORDS)?;
            let records = statement.query_map([], |row| {
                Ok(Record {
                    number: row.get(0)?,
                    name: row.get(1)?,
                    checksum: row.get(2)?,
                })
            })?;
            records.collect::<Result<Vec<_>, Error>>()
        };
        read().map_err(|error| explain(&error))
    }

    fn apply(&mut self, text: &'static str, record: &Record) -> Result<(), StorageError> {
        let apply = || {
            let migration = self.connection.unchecked_transaction()?;
            let values = (record.number, &record.name, &record.checksum);
            // The record goes first: it takes the lock, and tells whether another process was faster.
            if migration.execute(migrate::INSERT_RECORD, values)? == 0 {
                return migration.rollback();
            }
            migration.execute_batch(text)?;
            if migration.prepare("PRAGMA foreign_key_check")?.exists([])? {
                return Err(Error::InvalidQuery);
            }
            migration.commit()
        };
        apply().map_err(|error| match error {
            Error::InvalidQuery => StorageError::Other(format!(
                "migration {} would leave rows that point nowhere",
                record.name
            )),
            other => StorageError::Other(format!("migration {} failed: {other}", record.name)),
        })
    }
}
