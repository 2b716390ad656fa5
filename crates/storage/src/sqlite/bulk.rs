//! Loading very much into an empty file: see [`crate::bulk`].

use std::path::Path;

use rusqlite::{Connection, Error, OpenFlags};

use super::{CACHED_STATEMENTS, Migrating, Places, Session, create_private_file, explain, set};
use crate::backend::Tx;
use crate::error::StorageError;
use crate::migrate;

/// Page cache in KiB. The keys that no index can be dropped for come in no order; with
/// less than they take together, each row would wait for the disk.
const CACHE: &str = "-1048576";

pub(crate) fn fill(
    path: &Path,
    fill: &mut dyn FnMut(&mut Tx<'_>) -> Result<(), StorageError>,
) -> Result<(), StorageError> {
    create_private_file(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| explain(&error))?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    set(&connection, "foreign_keys", "OFF")?;
    migrate::run(&mut Migrating {
        connection: &connection,
    })?;
    // Nothing is there that a power cut could take.
    for (pragma, value) in [
        ("journal_mode", "OFF"),
        ("synchronous", "OFF"),
        ("locking_mode", "EXCLUSIVE"),
        ("cache_size", CACHE),
        ("threads", "2"),
    ] {
        set(&connection, pragma, value)?;
    }
    let indexes = drop_indexes(&connection).map_err(|error| explain(&error))?;
    run(&connection, "BEGIN")?;
    fill(&mut Tx::from(Session {
        connection: &connection,
        places: &Places::default(),
    }))?;
    for index in &indexes {
        run(&connection, index)?;
    }
    run(&connection, "COMMIT")
}

/// Drops the indexes that can be made again; returns how. An error if somebody is there.
fn drop_indexes(connection: &Connection) -> Result<Vec<String>, Error> {
    if connection
        .prepare("SELECT id FROM users LIMIT 1")?
        .exists([])?
    {
        return Err(Error::InvalidQuery);
    }
    let mut statement = connection
        .prepare("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")?;
    let found: Vec<(String, String)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    drop(statement);
    for (name, _) in &found {
        connection.execute_batch(&format!("DROP INDEX {name}"))?;
    }
    Ok(found.into_iter().map(|(_, sql)| sql).collect())
}

fn run(connection: &Connection, sql: &str) -> Result<(), StorageError> {
    connection
        .execute_batch(sql)
        .map_err(|error| explain(&error))
}
