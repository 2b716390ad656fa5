//! PostgreSQL goes away and comes back, and other things that only a server does; SQLite lives in this process.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nightlatch_storage::testing::{TestDatabase, fresh_store};
use nightlatch_storage::{StorageError, Tx, epochs};

use super::rows::{id, people};
use super::{counter, first, increment, number, run};

const END_ALL_OTHERS: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()";

fn end_own_connection(tx: &mut Tx<'_>) -> Result<bool, StorageError> {
    tx.query_one("SELECT pg_terminate_backend(pg_backend_pid())", &[], first)
}

#[test]
fn connections_that_died_while_idle_are_replaced_unnoticed() {
    let store = fresh_store(TestDatabase::Postgres);
    counter(&store);
    for round in 1..=10 {
        let ended: Result<Vec<bool>, StorageError> =
            store.read_blocking(|tx| tx.query(END_ALL_OTHERS, &[], first));
        assert!(!ended.unwrap().is_empty());
        store.write_blocking(increment).unwrap();
        assert_eq!(number(&store), round);
    }
}

#[test]
fn a_connection_lost_before_the_commit_is_replaced_and_the_flow_runs_again() {
    let store = fresh_store(TestDatabase::Postgres);
    counter(&store);
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let outcome: Result<(), StorageError> = store.write_blocking(move |tx| {
        increment(tx)?;
        if counted.fetch_add(1, Ordering::SeqCst) == 0 {
            end_own_connection(tx)?;
        }
        Ok(())
    });
    assert_eq!(outcome, Ok(()));
    assert_eq!(runs.load(Ordering::SeqCst), 2);
    assert_eq!(number(&store), 1);
}

#[test]
fn a_flow_that_keeps_losing_its_connection_gives_up() {
    let store = fresh_store(TestDatabase::Postgres);
    counter(&store);
    let outcome: Result<bool, StorageError> = store.write_blocking(end_own_connection);
    assert!(
        matches!(outcome, Err(StorageError::Unavailable(_))),
        "{outcome:?}"
    );
    store.write_blocking(increment).unwrap();
    assert_eq!(number(&store), 1);
}

#[test]
fn a_connection_lost_during_the_commit_is_reported_and_never_repeated() {
    let store = fresh_store(TestDatabase::Postgres);
    counter(&store);
    run(
        &store,
        "CREATE FUNCTION hang_up() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$",
    );
    // Deferred, so that it strikes inside COMMIT.
    run(
        &store,
        "CREATE CONSTRAINT TRIGGER hang_up AFTER UPDATE ON counter DEFERRABLE INITIALLY DEFERRED
         FOR EACH ROW EXECUTE FUNCTION hang_up()",
    );
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let outcome: Result<(), StorageError> = store.write_blocking(move |tx| {
        counted.fetch_add(1, Ordering::SeqCst);
        increment(tx)
    });
    let error = outcome.unwrap_err();
    assert!(matches!(&error, StorageError::Unavailable(_)), "{error:?}");
    assert!(error.to_string().contains("unknown"), "{error}");
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    assert_eq!(number(&store), 0);
}

/// It may have happened: who keeps answers in memory must let go of what it would concern.
#[test]
fn a_connection_lost_during_the_commit_is_told_to_observers() {
    let store = fresh_store(TestDatabase::Postgres);
    people(&store);
    run(
        &store,
        "CREATE FUNCTION hang_up() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$",
    );
    run(
        &store,
        "CREATE CONSTRAINT TRIGGER hang_up AFTER UPDATE ON users DEFERRABLE INITIALLY DEFERRED
         FOR EACH ROW EXECUTE FUNCTION hang_up()",
    );
    let outcome: Result<i64, StorageError> =
        store.write_blocking(|tx| epochs::raise_user(tx, id(1)));
    assert!(matches!(outcome, Err(StorageError::Unavailable(_))));
    assert_eq!(store.last_told(), 1);
}

#[test]
fn a_constraint_that_strikes_inside_the_commit_is_an_ordinary_refusal() {
    let store = fresh_store(TestDatabase::Postgres);
    run(
        &store,
        "CREATE TABLE late (id BIGINT CONSTRAINT late_once UNIQUE DEFERRABLE INITIALLY DEFERRED)",
    );
    let outcome: Result<u64, StorageError> =
        store.write_blocking(|tx| tx.execute("INSERT INTO late (id) VALUES (1), (1)", &[]));
    assert_eq!(
        outcome,
        Err(StorageError::Constraint {
            name: "late_once".to_owned()
        })
    );
}

#[test]
fn a_plan_that_a_migration_made_stale_is_prepared_again() {
    let store = fresh_store(TestDatabase::Postgres);
    counter(&store);
    let read = || -> Result<Vec<i64>, StorageError> {
        store.read_blocking(|tx| tx.query("SELECT * FROM counter", &[], |row| row.get(1)))
    };
    for _ in 0..4 {
        assert_eq!(read(), Ok(vec![0]));
    }
    run(&store, "ALTER TABLE counter ADD COLUMN note TEXT");
    for _ in 0..4 {
        assert_eq!(read(), Ok(vec![0]));
    }
}

#[test]
fn a_session_that_idles_inside_a_transaction_would_be_ended_by_the_server() {
    let store = fresh_store(TestDatabase::Postgres);
    let limit: Result<String, StorageError> = store
        .write_blocking(|tx| tx.query_one("SHOW idle_in_transaction_session_timeout", &[], first));
    assert_eq!(limit, Ok("5s".to_owned()));
    let isolation: Result<String, StorageError> =
        store.write_blocking(|tx| tx.query_one("SHOW transaction_isolation", &[], first));
    assert_eq!(isolation, Ok("serializable".to_owned()));
}

#[test]
fn a_value_that_the_server_quotes_is_not_repeated() {
    let store = fresh_store(TestDatabase::Postgres);
    let outcome: Result<Option<i64>, StorageError> = store.read_blocking(|tx| {
        let sql = "SELECT CAST(CAST($1 AS TEXT) AS BIGINT)";
        tx.query_optional(sql, &["hunter2".into()], first)
    });
    let error = outcome.unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
    assert!(error.to_string().contains("22P02"), "{error}");
}
