//! The PostgreSQL engine: a bounded number of threads, each with a connection of its own.
//!
//! Owns connecting, retrying and the translation of PostgreSQL's errors. It does not know what a flow does,
//! and does not choose SQL.
//!
//! A flow is run again when PostgreSQL asks for it (serialization failure, deadlock) or when the connection was
//! lost before COMMIT was sent. It is never run again after that: whether a commit whose answer got lost
//! has happened is not known, and a repeated one might count twice.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use ::postgres::types::ToSql;
use ::postgres::{Client, Error, Statement};

use crate::backend::Tx;
use crate::concern::{Commits, Concern};
use crate::error::{StorageError, shorten};
use crate::job::{Access, BoxedJob, Verdict, Workers};
use crate::queue::Queue;
use crate::store::StoreSettings;
use crate::tls::Connector;
use crate::value::Value;

#[cfg(feature = "bulk")]
mod bulk;
mod encoding;
mod errors;
mod migrating;

#[cfg(feature = "bulk")]
pub(crate) use bulk::{Copying, fill};

pub(crate) use encoding::{cell, column_name};
use errors::{describe, explain, is_ordinary, is_stale_plan};

/// How often a flow is run before its caller hears of the conflict. Each round lets at least one through.
const CONFLICT_ATTEMPTS: u32 = 60;
/// How often a flow may lose its connection: once because it had died while idle, once by bad luck.
const LOST_CONNECTIONS: u32 = 2;
/// A frozen node must not hold locks that everybody else waits for.
const SESSION_LIMITS: &str = "SET idle_in_transaction_session_timeout = '5s';
     SET lock_timeout = '10s';
     SET statement_timeout = '30s'";

/// Migrates the database and starts the threads. The first connection of each is made here, so that a wrong
/// address is told at the start and not by the first visitor.
pub(crate) fn open(
    url: &str,
    settings: &StoreSettings,
    commits: &Arc<Commits>,
) -> Result<Workers, StorageError> {
    let connector = Connector::new(url)?;
    migrating::migrate(&connector)?;
    let (mut workers, reads, writes) = Workers::new(settings.queued_jobs);
    let lanes = [
        (Access::Write, "write", settings.writers, writes),
        (Access::Read, "read", settings.readers, reads),
    ];
    for (access, name, count, jobs) in lanes {
        for number in 0..count.max(1) {
            let mut worker = Worker::new(connector.clone(), access, number, Arc::clone(commits))?;
            let jobs = jobs.clone();
            workers.add(format!("nightlatch-{name}-{number}"), move || {
                worker.serve(&jobs);
            })?;
        }
    }
    Ok(workers)
}

struct Connection {
    client: Client,
    statements: HashMap<&'static str, Statement>,
    /// A transaction was left in an unknown state; a BEGIN might silently join it.
    broken: bool,
}

impl Connection {
    fn open(connector: &Connector) -> Result<Self, StorageError> {
        let refused = |error: Error| StorageError::Unavailable(describe(&error));
        let mut client = connector.connect().map_err(refused)?;
        client.batch_execute(SESSION_LIMITS).map_err(refused)?;
        Ok(Self {
            client,
            statements: HashMap::new(),
            broken: false,
        })
    }
}

/// What became of one attempt to run a job.
enum Attempt {
    /// The job holds its answer.
    Done,
    /// PostgreSQL wants it run again.
    Again,
    /// The connection is gone, and nothing was committed.
    Lost(StorageError),
}

struct Worker {
    connector: Connector,
    access: Access,
    number: usize,
    commits: Arc<Commits>,
    connection: Option<Connection>,
    /// After failed attempts to connect: how many, and when the next is due.
    outage: Option<(u32, Instant)>,
}

impl Worker {
    fn new(
        connector: Connector,
        access: Access,
        number: usize,
        commits: Arc<Commits>,
    ) -> Result<Self, StorageError> {
        let connection = Some(Connection::open(&connector)?);
        Ok(Self {
            connector,
            access,
            number,
            commits,
            connection,
            outage: None,
        })
    }

    fn serve(&mut self, jobs: &Queue<BoxedJob>) {
        while let Some(mut job) = jobs.next() {
            if self.access == Access::Read && job.is_abandoned() {
                continue;
            }
            if let Err(error) = self.run(&mut job) {
                job.fail(error);
            }
            job.answer();
        }
    }

    /// Runs a job until it holds its answer; an error takes the place of one.
    fn run(&mut self, job: &mut BoxedJob) -> Result<(), StorageError> {
        let mut conflicts = 0;
        let mut lost = 0;
        while conflicts < CONFLICT_ATTEMPTS {
            let mut connection = self.connected()?;
            let attempt = attempt(&mut connection, self.access, job, &self.commits);
            match attempt {
                Attempt::Done => {
                    self.keep(connection);
                    return Ok(());
                }
                Attempt::Again => {
                    self.keep(connection);
                    self.step_aside(conflicts);
                    conflicts += 1;
                }
                Attempt::Lost(error) => {
                    tracing::warn!(%error, "a connection to PostgreSQL was lost");
                    lost += 1;
                    if lost > LOST_CONNECTIONS {
                        return Err(error);
                    }
                }
            }
        }
        Err(StorageError::Conflict)
    }

    fn keep(&mut self, connection: Connection) {
        if !connection.broken && !connection.client.is_closed() {
            self.connection = Some(connection);
        }
    }

    fn connected(&mut self) -> Result<Connection, StorageError> {
        if let Some(connection) = self.connection.take() {
            return Ok(connection);
        }
        let failures = match self.outage {
            // Fail at once while the next attempt is not due: callers hear the truth quickly, and a database
            // that is coming back is not trampled.
            Some((_, due)) if Instant::now() < due => {
                return Err(StorageError::Unavailable(
                    "PostgreSQL does not answer".to_owned(),
                ));
            }
            Some((failures, _)) => failures,
            None => 0,
        };
        match Connection::open(&self.connector) {
            Ok(connection) => {
                self.outage = None;
                Ok(connection)
            }
            Err(error) => {
                tracing::warn!(%error, "no connection to PostgreSQL");
                let pause = Duration::from_millis(50 << failures.min(4)) + self.jitter(failures);
                self.outage = Some((failures.saturating_add(1), Instant::now() + pause));
                Err(error)
            }
        }
    }

    /// Waits longer with every conflict, and each worker differently, so that the same two do not meet again.
    #[expect(
        clippy::disallowed_methods,
        reason = "backing off from a conflict in another process has no other signal"
    )]
    fn step_aside(&self, conflicts: u32) {
        thread::sleep(Duration::from_micros(200 << conflicts.min(6)) + self.jitter(conflicts));
    }

    /// Between 0 and 16 ms, scattered over workers and rounds by multiplication with a large odd number; the
    /// process number tells nodes apart.
    fn jitter(&self, round: u32) -> Duration {
        let seed =
            (u64::from(std::process::id()) << 32) ^ ((self.number as u64) << 16) ^ u64::from(round);
        let scattered = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 50;
        Duration::from_micros(scattered >> (4 - round.min(4)))
    }
}

fn attempt(
    connection: &mut Connection,
    access: Access,
    job: &mut BoxedJob,
    commits: &Commits,
) -> Attempt {
    let begin = match access {
        Access::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        Access::Write => "BEGIN ISOLATION LEVEL SERIALIZABLE",
    };
    if let Err(error) = connection.client.batch_execute(begin) {
        return Attempt::Lost(StorageError::Unavailable(describe(&error)));
    }
    let mut tx = Tx::from(Session { connection });
    let verdict = job.run(&mut tx);
    let failure = tx.failure().cloned();
    let concerns = tx.into_concerns();
    if verdict != Verdict::Panicked {
        match failure {
            // Whatever the flow made of it: what it saw was not a possible state of the world.
            Some(StorageError::Conflict) => {
                return match connection.client.batch_execute("ROLLBACK") {
                    Ok(()) => Attempt::Again,
                    Err(error) => Attempt::Lost(StorageError::Unavailable(describe(&error))),
                };
            }
            Some(error @ StorageError::Unavailable(_)) => return Attempt::Lost(error),
            _ => {}
        }
    }
    if verdict == Verdict::Keep {
        return commit(connection, job, &concerns, commits);
    }
    // If even this fails the server rolls back what it loses, and the job has its answer.
    connection.broken = connection.client.batch_execute("ROLLBACK").is_err();
    Attempt::Done
}

/// Commits, and tells this process whom that concerns. Other nodes do not hear of it: until they do, nothing that
/// was read from PostgreSQL is kept in memory for later checks.
fn commit(
    connection: &mut Connection,
    job: &mut BoxedJob,
    concerns: &[Concern],
    commits: &Commits,
) -> Attempt {
    let Err(error) = connection.client.batch_execute("COMMIT") else {
        commits.tell(concerns);
        return Attempt::Done;
    };
    // An ordinary error to COMMIT means that it did not happen. A fatal one, or none at all, leaves it open: the
    // commit may be durable already, and only the word of it was lost.
    if error.as_db_error().is_some_and(is_ordinary) {
        return match explain(&error) {
            StorageError::Conflict => Attempt::Again,
            refusal => {
                job.fail(refusal);
                Attempt::Done
            }
        };
    }
    commits.tell(concerns);
    connection.broken = true;
    job.fail(StorageError::Unavailable(format!(
        "the connection was lost during COMMIT, whether it happened is unknown: {}",
        describe(&error)
    )));
    Attempt::Done
}

/// The statements of one transaction.
pub(crate) struct Session<'a> {
    connection: &'a mut Connection,
}

impl Session<'_> {
    /// Gives each row to `read` until it answers `false`.
    pub(crate) fn query(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
        read: &mut dyn FnMut(&::postgres::Row) -> bool,
    ) -> Result<(), StorageError> {
        let statement = self.prepare(sql, params)?;
        let rows = self
            .connection
            .client
            .query(&statement, &bound(params))
            .map_err(|error| self.refusal(sql, &error))?;
        for row in &rows {
            if !read(row) {
                break;
            }
        }
        Ok(())
    }

    pub(crate) fn execute(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
    ) -> Result<u64, StorageError> {
        let statement = self.prepare(sql, params)?;
        if !statement.columns().is_empty() {
            let short = shorten(sql);
            return Err(StorageError::Other(format!(
                "`{short}` gives rows back, use a query"
            )));
        }
        self.connection
            .client
            .execute(&statement, &bound(params))
            .map_err(|error| self.refusal(sql, &error))
    }

    fn prepare(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
    ) -> Result<Statement, StorageError> {
        if !self.connection.statements.contains_key(sql) {
            let prepared = self.connection.client.prepare(sql);
            let statement = prepared.map_err(|error| self.refusal(sql, &error))?;
            self.connection.statements.insert(sql, statement);
        }
        let statement = self.connection.statements.get(sql).cloned();
        let statement = statement.ok_or(StorageError::Conflict)?;
        // The driver answers a wrong number with a panic.
        if statement.params().len() == params.len() {
            Ok(statement)
        } else {
            Err(StorageError::Other(format!(
                "`{}` takes {} parameters and was given {}",
                shorten(sql),
                statement.params().len(),
                params.len()
            )))
        }
    }

    /// The meaning of an error that a statement met.
    fn refusal(&mut self, sql: &str, error: &Error) -> StorageError {
        if is_stale_plan(error) {
            // Another node migrated the schema, or a pooler gave us another session: prepare again.
            self.connection.statements.clear();
            return StorageError::Conflict;
        }
        if self.connection.client.is_closed() {
            return StorageError::Unavailable(describe(error));
        }
        match explain(error) {
            StorageError::Other(message) => {
                StorageError::Other(format!("{message} in `{}`", shorten(sql)))
            }
            other => other,
        }
    }
}

fn bound<'a>(params: &'a [Value<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    params
        .iter()
        .map(|param| param as &(dyn ToSql + Sync))
        .collect()
}
