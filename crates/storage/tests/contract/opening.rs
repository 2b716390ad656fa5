//! Opening a database: migrated once, refused when it is not what this program knows.

use std::thread;

use nightlatch_storage::testing::TestDatabase;
use nightlatch_storage::{DatabaseLocation, StorageError, Store, on_both_databases};

use super::{counter, first, increment, number, run};

on_both_databases! {
    fn a_database_keeps_its_content_when_it_is_opened_again(store) {
        counter(store);
        store.write_blocking(increment).unwrap();
        let again = store.open_again().unwrap();
        assert_eq!(number(&again), 1);
        again.write_blocking(increment).unwrap();
        assert_eq!(number(store), 2, "two stores on one database see each other");
    }

    fn every_migration_is_recorded_once(store) {
        drop(store.open_again().unwrap());
        let numbers: Vec<i64> = store
            .read_blocking(|tx| tx.query("SELECT number FROM schema_migrations ORDER BY number", &[], first))
            .unwrap_or_else(|error: StorageError| panic!("{error}"));
        let expected: Vec<i64> = (1..).take(numbers.len()).collect();
        assert_eq!(numbers, expected);
        assert!(!numbers.is_empty());
    }

    fn a_newer_schema_is_refused(store) {
        run(store, "INSERT INTO schema_migrations (number, name, checksum) VALUES (9999, '9999_future', 'x')");
        let refused = store.open_again().unwrap_err();
        assert!(matches!(refused, StorageError::NewerSchema { database: 9999, .. }), "{refused:?}");
        assert!(refused.to_string().contains("newer release"), "{refused}");
    }

    fn a_migration_that_was_changed_afterwards_is_refused(store) {
        run(store, "UPDATE schema_migrations SET checksum = 'other' WHERE number = 1");
        let refused = store.open_again().unwrap_err();
        assert!(refused.to_string().contains("was changed after"), "{refused}");
    }

    fn many_may_open_an_empty_database_at_once(store) {
        let location = match store.location() {
            DatabaseLocation::Sqlite(path) => DatabaseLocation::Sqlite(path.with_file_name("empty.db")),
            postgres => {
                run(store, "DROP SCHEMA public CASCADE");
                run(store, "CREATE SCHEMA public");
                postgres
            }
        };
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let location = location.clone();
                thread::spawn(move || Store::open(&location).map(|_| ()))
            })
            .collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), Ok(()));
        }
    }
}

#[test]
fn databases_in_memory_are_strangers_and_leave_nothing_behind() {
    let first_store = Store::open(&DatabaseLocation::SqliteInMemory).unwrap();
    let second_store = Store::open(&DatabaseLocation::SqliteInMemory).unwrap();
    counter(&first_store);
    let found: Result<i64, StorageError> = second_store.read_blocking(|tx| {
        tx.query_one(
            "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'counter'",
            &[],
            first,
        )
    });
    assert_eq!(found, Ok(0));
    let file: String = first_store
        .read_blocking(|tx| {
            tx.query_one::<String>("SELECT file FROM pragma_database_list", &[], first)
        })
        .unwrap_or_else(|error: StorageError| panic!("{error}"));
    let directory = std::path::Path::new(&file).parent().unwrap();
    assert!(directory.exists());
    drop(first_store);
    assert!(!directory.exists());
}

#[cfg(unix)]
#[test]
fn a_database_file_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let store = nightlatch_storage::testing::fresh_store(TestDatabase::Sqlite);
    run(&store, "CREATE TABLE anything (id BIGINT)");
    let DatabaseLocation::Sqlite(path) = store.location() else {
        panic!()
    };
    for suffix in ["", "-wal", "-shm"] {
        let file = format!("{}{suffix}", path.display());
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[test]
fn a_place_that_cannot_be_opened_says_which() {
    let nowhere = DatabaseLocation::Sqlite("/nowhere/at/all.db".into());
    let refused = Store::open(&nowhere).unwrap_err();
    assert!(
        refused.to_string().contains("/nowhere/at/all.db"),
        "{refused}"
    );
    let nobody = DatabaseLocation::Postgres("postgres://user:hunter2@127.0.0.1:1/x".to_owned());
    let refused = Store::open(&nobody).unwrap_err();
    assert!(
        matches!(refused, StorageError::Unavailable(_)),
        "{refused:?}"
    );
    assert!(!refused.to_string().contains("hunter2"), "{refused}");
}
