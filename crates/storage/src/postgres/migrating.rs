//! Migrations of a PostgreSQL database, one process at a time.

use ::postgres::types::ToSql;
use ::postgres::{Client, Error};

use super::errors::describe;
use crate::error::StorageError;
use crate::migrate::{self, Migration, Record, Target};
use crate::tls::Connector;

/// Migrations of all processes on this database take turns under this number, `nightlat` in ASCII.
const MIGRATION_LOCK: i64 = 0x6e69_6768_746c_6174;

/// Migrates on a connection of its own: its lock ends with it, whatever happens.
pub(super) fn migrate(connector: &Connector) -> Result<(), StorageError> {
    let unavailable = |error: Error| StorageError::Unavailable(describe(&error));
    let mut client = connector.connect().map_err(unavailable)?;
    client
        .execute("SELECT pg_advisory_lock($1)", &[&MIGRATION_LOCK])
        .map_err(unavailable)?;
    migrate::run(&mut Migrating { client })
}

struct Migrating {
    client: Client,
}

impl Target for Migrating {
    fn text(&self, migration: &Migration) -> &'static str {
        migration.postgres
    }

    fn records(&mut self) -> Result<Vec<Record>, StorageError> {
        let failed = |error: Error| StorageError::Other(describe(&error));
        self.client
            .batch_execute(migrate::CREATE_RECORD_TABLE)
            .map_err(failed)?;
        let rows = self
            .client
            .query(migrate::LIST_RECORDS, &[])
            .map_err(failed)?;
        let read = |row: &::postgres::Row| {
            Ok(Record {
                number: row.try_get(0)?,
                name: row.try_get(1)?,
                checksum: row.try_get(2)?,
            })
        };
        rows.iter()
            .map(read)
            .collect::<Result<_, _>>()
            .map_err(failed)
    }

    fn apply(&mut self, text: &'static str, record: &Record) -> Result<(), StorageError> {
        let mut apply = || {
            let mut migration = self.client.transaction()?;
            migration.batch_execute(text)?;
            let values: [&(dyn ToSql + Sync); 3] = [&record.number, &record.name, &record.checksum];
            migration.execute(migrate::INSERT_RECORD, &values)?;
            migration.commit()
        };
        apply().map_err(|error| {
            StorageError::Other(format!(
                "migration {} failed: {}",
                record.name,
                describe(&error)
            ))
        })
    }
}
