//! Fresh, migrated stores for the tests of this and other crates.
//!
//! Owns the making and removing of test databases. It knows nothing of what tests put into them. PostgreSQL's
//! come from the server that `scripts/postgres start` makes and `NIGHTLATCH_TEST_POSTGRES` names.
#![expect(
    clippy::panic,
    clippy::expect_used,
    reason = "a test without a database can only fail, and should say why"
)]

use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use ::postgres::{Client, NoTls};

use crate::backend::{DatabaseLocation, Tx};
use crate::error::StorageError;
use crate::migrate::{MIGRATIONS, checksum};
use crate::sqlite::ScratchDirectory;
use crate::store::{Store, StoreSettings};

/// The database a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestDatabase {
    /// A file in a private temporary directory.
    Sqlite,
    /// A database of its own on the server that `NIGHTLATCH_TEST_POSTGRES` names.
    Postgres,
}

/// A store with nothing in it but the schema; its database goes with it.
#[derive(Debug)]
pub struct TestStore {
    // Dropped in this order: the store closes before its database goes.
    store: Store,
    database: Database,
}

#[derive(Debug)]
enum Database {
    Sqlite(ScratchDirectory),
    Postgres { server: String, name: String },
}

impl Database {
    fn location(&self) -> DatabaseLocation {
        match self {
            Self::Sqlite(directory) => DatabaseLocation::Sqlite(directory.database()),
            Self::Postgres { server, name } => DatabaseLocation::Postgres(within(server, name)),
        }
    }
}

/// Makes a migrated store on a database of its own.
///
/// # Panics
///
/// If there is no database to be had.
pub fn fresh_store(which: TestDatabase) -> TestStore {
    let database = match which {
        TestDatabase::Sqlite => {
            Database::Sqlite(ScratchDirectory::create().expect("a temporary directory"))
        }
        TestDatabase::Postgres => fresh_postgres(),
    };
    let store = open(&database).expect("a fresh database opens");
    TestStore { store, database }
}

impl TestStore {
    /// Where the database is, for tests that open it once more.
    pub fn location(&self) -> DatabaseLocation {
        self.database.location()
    }

    /// Opens the same database once more, as a second process would.
    pub fn open_again(&self) -> Result<Store, StorageError> {
        open(&self.database)
    }
}

/// Lets a store fail as one whose database has gone, for tests of what people are told then.
#[derive(Debug, Default)]
pub(crate) struct Outage(Mutex<Option<u64>>);

impl Outage {
    /// Whether the next transaction may be tried.
    pub(crate) fn pass(&self) -> Result<(), StorageError> {
        match self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_mut()
        {
            None => Ok(()),
            Some(0) => Err(StorageError::Unavailable(
                "an outage made by a test".to_owned(),
            )),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }
}

/// From now on this store, all its clones included, runs so many transactions and then fails until
/// [`mend`] is called.
pub fn break_after(store: &Store, transactions: u64) {
    *store
        .outage
        .0
        .lock()
        .unwrap_or_else(PoisonError::into_inner) = Some(transactions);
}

/// The database of a store is back.
pub fn mend(store: &Store) {
    *store
        .outage
        .0
        .lock()
        .unwrap_or_else(PoisonError::into_inner) = None;
}

/// The statements that a transaction has run so far, for tests that ask the database about them.
pub fn statements(tx: &Tx<'_>) -> Vec<&'static str> {
    tx.statements.clone()
}

impl Deref for TestStore {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

/// Few threads, since many tests run at once; and no waiting for the disk, since nothing is to survive.
fn open(database: &Database) -> Result<Store, StorageError> {
    let settings = StoreSettings {
        readers: 2,
        writers: 3,
        durable: false,
        ..StoreSettings::default()
    };
    Store::open_with(&database.location(), &settings)
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Self::Postgres { server, name } = self {
            // A test that leaks a clone of its store must not leak its database.
            let dropped = Client::connect(server, NoTls).and_then(|mut client| {
                client.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
            });
            if let Err(error) = dropped {
                tracing::warn!(%error, "a test database was left behind");
            }
        }
    }
}

/// A copy of the migrated template. The template's name follows from the migrations, so that an edited
/// migration gets a new one; all test processes of a server share it.
fn fresh_postgres() -> Database {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let server = server();
    let mut client = Client::connect(&server, NoTls).unwrap_or_else(|error| {
        panic!("NIGHTLATCH_TEST_POSTGRES names a server that does not answer: {error}")
    });
    let migrations: String = MIGRATIONS
        .iter()
        .map(|migration| migration.postgres)
        .collect();
    let template = format!("nightlatch_template_{}", checksum(&migrations));
    ensure_template(&mut client, &server, &template).expect("the template database");
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("nightlatch_test_{}_{number}", std::process::id());
    // An earlier process of the same number may have been killed before it could clean up.
    client
        .batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        .and_then(|()| client.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {template}")))
        .expect("a copy of the template database");
    Database::Postgres { server, name }
}

/// Made under another name and renamed when it is complete; a test process may be killed at any point.
fn ensure_template(client: &mut Client, server: &str, template: &str) -> Result<(), StorageError> {
    let failed = |error: ::postgres::Error| StorageError::Other(error.to_string());
    client
        .batch_execute("SELECT pg_advisory_lock(77210)")
        .map_err(failed)?;
    let existing = client
        .query("SELECT 1 FROM pg_database WHERE datname = $1", &[&template])
        .map_err(failed)?;
    if existing.is_empty() {
        let draft = format!("{template}_draft");
        client
            .batch_execute(&format!("DROP DATABASE IF EXISTS {draft} WITH (FORCE)"))
            .map_err(failed)?;
        client
            .batch_execute(&format!("CREATE DATABASE {draft}"))
            .map_err(failed)?;
        let settings = StoreSettings {
            readers: 1,
            writers: 1,
            ..StoreSettings::default()
        };
        drop(Store::open_with(
            &DatabaseLocation::Postgres(within(server, &draft)),
            &settings,
        )?);
        // Nobody, the vacuum included, may be connected to a database while it is copied.
        client
            .batch_execute(&format!(
                "ALTER DATABASE {draft} WITH ALLOW_CONNECTIONS false"
            ))
            .map_err(failed)?;
        client
            .batch_execute(&format!("ALTER DATABASE {draft} RENAME TO {template}"))
            .map_err(failed)?;
    }
    client
        .batch_execute("SELECT pg_advisory_unlock(77210)")
        .map_err(failed)
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests have no configuration to read this from"
)]
fn server() -> String {
    std::env::var("NIGHTLATCH_TEST_POSTGRES").unwrap_or_else(|_| {
        panic!(
            "NIGHTLATCH_TEST_POSTGRES is not set; run `scripts/postgres start` and set it to the \
             address that it prints, like postgres://postgres@127.0.0.1:5433/postgres"
        )
    })
}

/// The address of another database on the same server.
fn within(server: &str, database: &str) -> String {
    let (address, options) = server.split_once('?').unwrap_or((server, ""));
    let (base, _) = address
        .rsplit_once('/')
        .filter(|(base, _)| !base.ends_with('/'))
        .expect("NIGHTLATCH_TEST_POSTGRES must end in the name of a database");
    format!("{base}/{database}?{options}")
}

/// Makes two tests of every function: `name::sqlite`, and with the feature `postgres-tests` of the crate that
/// uses it `name::postgres`.
///
/// Either `on_both_databases! { fn name(store) { … } … }`, where `store` is a [`&TestStore`](TestStore) and the
/// surroundings of the macro are in scope; or `on_both_databases!(first, second, …)` for functions
/// `fn(TestDatabase)` that stand beside it and make their own stores.
#[macro_export]
macro_rules! on_both_databases {
    ($($(#[$attribute:meta])* fn $name:ident($store:ident) $body:block)+) => {$(
        $(#[$attribute])*
        fn $name(which: $crate::testing::TestDatabase) {
            let $store = &$crate::testing::fresh_store(which);
            $body
        }
        $crate::on_both_databases!($name);
    )+};
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[test]
            fn sqlite() {
                super::$name($crate::testing::TestDatabase::Sqlite);
            }

            #[cfg(feature = "postgres-tests")]
            #[test]
            fn postgres() {
                super::$name($crate::testing::TestDatabase::Postgres);
            }
        }
    )+};
}
