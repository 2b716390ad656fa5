//! What every database has to do alike, run on all of them.
//!
//! `cargo test -p nightlatch-storage` runs it on SQLite; with `--features postgres-tests` and an address from
//! `scripts/postgres start` in `NIGHTLATCH_TEST_POSTGRES` on PostgreSQL too. A test that passes on one and not
//! on the other is a fault of ours, found before anybody else finds it.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that meets the unexpected fails"
)]

mod audit;
mod authenticator_apps;
mod authorization;
mod browsers;
mod concerned_statements;
mod concerns;
mod concurrency;
mod constraints;
mod corrupt_rows;
mod counters;
mod directory;
mod email_changes;
mod endings;
mod events;
mod grants;
mod mails;
mod notices;
mod opening;
mod organizations;
#[cfg(feature = "postgres-tests")]
mod outages;
mod passkeys;
mod phone_sign_ins;
mod planned_functions;
mod plans;
mod protected_apps;
mod recovery_codes;
mod rows;
mod session_lists;
mod session_model;
mod sessions;
mod sign_in_steps;
mod signing_keys;
mod statements;
mod transactions;
#[cfg(feature = "postgres-tests")]
mod twins;
mod users;

use nightlatch_storage::{Row, StorageError, Store, Tx, Value};

/// An error of a flow's own, as the flows of the product have them.
#[derive(Debug, PartialEq, Eq)]
enum Refused {
    ByFlow,
    ByStorage(StorageError),
}

impl From<StorageError> for Refused {
    fn from(error: StorageError) -> Self {
        Self::ByStorage(error)
    }
}

/// Runs one statement in a transaction of its own.
fn run(store: &Store, sql: &'static str) {
    store
        .write_blocking(move |tx| tx.execute(sql, &[]))
        .unwrap();
}

/// A counter table with one row.
fn counter(store: &Store) {
    run(
        store,
        "CREATE TABLE counter (id BIGINT PRIMARY KEY, number BIGINT NOT NULL)",
    );
    run(store, "INSERT INTO counter (id, number) VALUES (1, 0)");
}

fn increment(tx: &mut Tx<'_>) -> Result<(), StorageError> {
    let number = read_number(tx)?;
    tx.execute_one(
        "UPDATE counter SET number = $1 WHERE id = 1",
        &[Value::Integer(number + 1)],
    )
}

fn read_number(tx: &mut Tx<'_>) -> Result<i64, StorageError> {
    tx.query_one("SELECT number FROM counter WHERE id = 1", &[], first)
}

fn number(store: &Store) -> i64 {
    store.read_blocking(read_number).unwrap()
}

fn first<T: nightlatch_storage::Column>(row: &Row<'_>) -> Result<T, StorageError> {
    row.get(0)
}
