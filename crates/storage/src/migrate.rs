//! The schema's history: which migrations there are, and which of them a database still needs.
//!
//! Owns the list, the plan and the record table `schema_migrations`. The engines lend a connection and a lock
//! through [`Target`]. Migrations go forward only; each runs in a transaction of its own together with its
//! record; the previous release must be able to work with the result while nodes are being replaced.

use crate::error::StorageError;

/// One step of the schema, as twins with one number and one name.
pub(crate) struct Migration {
    pub(crate) number: i64,
    pub(crate) name: &'static str,
    pub(crate) sqlite: &'static str,
    pub(crate) postgres: &'static str,
}

macro_rules! migrations {
    ($(($number:literal, $name:literal)),* $(,)?) => {
        &[$(Migration {
            number: $number,
            name: $name,
            sqlite: include_str!(concat!("../migrations/", $name, "/sqlite.sql")),
            postgres: include_str!(concat!("../migrations/", $name, "/postgres.sql")),
        }),*]
    };
}

/// Every migration, in order. The name is the directory's.
pub(crate) const MIGRATIONS: &[Migration] = migrations![
    (1, "0001_foundation"),
    (2, "0002_factors"),
    (3, "0003_sign_in_steps"),
    (4, "0004_passkeys"),
    (5, "0005_mail"),
    (6, "0006_phone_sign_in"),
    (7, "0007_reviews"),
    (8, "0008_apps"),
    (9, "0009_email_changes"),
    (10, "0010_app_health"),
    (11, "0011_app_claims"),
    (12, "0012_protected_apps"),
    (13, "0013_audit"),
    (14, "0014_people"),
];

/// Both databases understand this one alike.
pub(crate) const CREATE_RECORD_TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    number BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL
)";
pub(crate) const LIST_RECORDS: &str =
    "SELECT number, name, checksum FROM schema_migrations ORDER BY number";
/// Touches no row if another process was faster.
pub(crate) const INSERT_RECORD: &str = "INSERT INTO schema_migrations (number, name, checksum) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";

/// What a database remembers of a migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) number: i64,
    pub(crate) name: String,
    pub(crate) checksum: String,
}

/// A database that can be migrated, already locked against other processes that would do the same.
pub(crate) trait Target {
    /// The text of a migration in this database's dialect.
    fn text(&self, migration: &Migration) -> &'static str;
    /// What was applied so far, in order. Creates the record table if it is missing.
    fn records(&mut self) -> Result<Vec<Record>, StorageError>;
    /// Runs the text and writes the record in one transaction.
    fn apply(&mut self, text: &'static str, record: &Record) -> Result<(), StorageError>;
}

/// Brings the schema up to date, or says why not.
pub(crate) fn run(target: &mut dyn Target) -> Result<(), StorageError> {
    run_list(target, MIGRATIONS)
}

fn run_list(target: &mut dyn Target, known: &[Migration]) -> Result<(), StorageError> {
    let applied = target.records()?;
    let newest_known = known.last().map_or(0, |migration| migration.number);
    if let Some(newest) = applied.last().filter(|newest| newest.number > newest_known) {
        return Err(StorageError::NewerSchema {
            database: newest.number,
            program: newest_known,
        });
    }
    let mut applied = applied.into_iter();
    for migration in known {
        let text = target.text(migration);
        let record = Record {
            number: migration.number,
            name: migration.name.to_owned(),
            checksum: checksum(text),
        };
        match applied.next() {
            None => {
                tracing::info!(migration = migration.name, "migrating the database");
                target.apply(text, &record)?;
            }
            Some(earlier) if earlier == record => {}
            Some(earlier) => return Err(changed(&earlier, &record)),
        }
    }
    Ok(())
}

fn changed(earlier: &Record, record: &Record) -> StorageError {
    StorageError::Other(
        if earlier.number == record.number && earlier.name == record.name {
            format!(
                "migration {} was changed after this database had applied it (checksum {} became {}); \
             an applied migration is never edited, add a new one",
                record.name, earlier.checksum, record.checksum
            )
        } else {
            format!(
                "the database applied migration {} where this program knows {}",
                earlier.name, record.name
            )
        },
    )
}

/// FNV-1a. It notices an edit by mistake, which is all that is asked of it: whoever wants to deceive it can
/// change the database itself. Line ends do not count, since version control may change them.
pub(crate) fn checksum(text: &str) -> String {
    let hash = text
        .bytes()
        .filter(|byte| *byte != b'\r')
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Memory {
        records: Vec<Record>,
        ran: Vec<&'static str>,
    }

    impl Target for Memory {
        fn text(&self, migration: &Migration) -> &'static str {
            migration.sqlite
        }

        fn records(&mut self) -> Result<Vec<Record>, StorageError> {
            Ok(self.records.clone())
        }

        fn apply(&mut self, text: &'static str, record: &Record) -> Result<(), StorageError> {
            self.ran.push(text);
            self.records.push(record.clone());
            Ok(())
        }
    }

    fn step(number: i64, name: &'static str, sqlite: &'static str) -> Migration {
        Migration {
            number,
            name,
            sqlite,
            postgres: "",
        }
    }

    #[test]
    fn only_what_is_missing_is_applied_in_order() {
        let mut target = Memory::default();
        run_list(&mut target, &[step(1, "one", "a")]).unwrap();
        let longer = [
            step(1, "one", "a"),
            step(2, "two", "b"),
            step(3, "three", "c"),
        ];
        run_list(&mut target, &longer).unwrap();
        run_list(&mut target, &longer).unwrap();
        assert_eq!(target.ran, ["a", "b", "c"]);
    }

    #[test]
    fn an_edited_or_renamed_migration_is_refused_and_line_ends_are_not_an_edit() {
        let mut target = Memory::default();
        run_list(&mut target, &[step(1, "one", "a\nb")]).unwrap();
        run_list(&mut target, &[step(1, "one", "a\r\nb")]).unwrap();
        let edited = run_list(&mut target, &[step(1, "one", "a\nc")]).unwrap_err();
        assert!(edited.to_string().contains("was changed after"), "{edited}");
        let renamed = run_list(&mut target, &[step(1, "uno", "a\nb")]).unwrap_err();
        assert!(renamed.to_string().contains("knows uno"), "{renamed}");
        assert_eq!(target.ran.len(), 1);
    }

    #[test]
    fn a_newer_schema_is_refused_before_anything_runs() {
        let mut target = Memory::default();
        run_list(&mut target, &[step(1, "one", "a"), step(2, "two", "b")]).unwrap();
        let refused = run_list(&mut target, &[step(1, "one", "a")]).unwrap_err();
        assert_eq!(
            refused,
            StorageError::NewerSchema {
                database: 2,
                program: 1
            }
        );
    }

    #[test]
    fn the_list_is_numbered_as_it_is_named_and_defers_no_constraint() {
        for (place, migration) in MIGRATIONS.iter().enumerate() {
            assert_eq!(migration.number, i64::try_from(place + 1).unwrap());
            assert!(
                migration
                    .name
                    .starts_with(&format!("{:04}_", migration.number))
            );
            for text in [migration.sqlite, migration.postgres] {
                // A deferred constraint fails at COMMIT, and on SQLite that is the commit of the neighbours too.
                assert!(
                    !text.to_uppercase().contains("DEFERR"),
                    "{} defers",
                    migration.name
                );
            }
        }
    }
}
