//! Loading very much into an empty database: see [`crate::bulk`].
//!
//! A row-by-row load would wait for the network ten million times. Here the `INSERT`
//! statements of the tables are read once for what stands where, and their parameters go
//! out by `COPY`.

use std::fmt::Write as _;
use std::io::Write as _;

use ::postgres::{Client, Error};

use super::errors::explain;
use super::migrating;
use crate::backend::Tx;
use crate::error::{StorageError, shorten};
use crate::tls::Connector;
use crate::value::Value;

/// How many bytes of rows wait before they are sent.
const MOST_WAITING: usize = 32 << 20;

/// Indexes that belong to no constraint, and how to make them again.
const INDEXES: &str = "SELECT i.relname::text, pg_get_indexdef(i.oid)
     FROM pg_index x
     JOIN pg_class i ON i.oid = x.indexrelid
     JOIN pg_class t ON t.oid = x.indrelid
     WHERE t.relnamespace = current_schema()::regnamespace
       AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.oid)";

pub(crate) fn fill(
    url: &str,
    fill: &mut dyn FnMut(&mut Tx<'_>) -> Result<(), StorageError>,
) -> Result<(), StorageError> {
    let connector = Connector::new(url)?;
    migrating::migrate(&connector)?;
    let failed = |error: Error| explain(&error);
    let mut client = connector.connect().map_err(failed)?;
    if client
        .query_opt("SELECT id FROM users LIMIT 1", &[])
        .map_err(failed)?
        .is_some()
    {
        return Err(StorageError::Other("there are users already".to_owned()));
    }
    // Only superusers may; the others wait for the checks.
    let _ = client.batch_execute("SET session_replication_role = replica");
    client
        .batch_execute("SET synchronous_commit = off; SET maintenance_work_mem = '512MB'")
        .map_err(failed)?;
    let indexes: Vec<(String, String)> = client
        .query(INDEXES, &[])
        .map_err(failed)?
        .iter()
        .map(|row| (row.get(0), row.get(1)))
        .collect();
    for (name, _) in &indexes {
        client
            .batch_execute(&format!("DROP INDEX \"{name}\""))
            .map_err(failed)?;
    }
    client.batch_execute("BEGIN").map_err(failed)?;
    let mut copies = Copies::default();
    fill(&mut Tx::from(Copying {
        client: &mut client,
        copies: &mut copies,
    }))?;
    copies.send(&mut client)?;
    client.batch_execute("COMMIT").map_err(failed)?;
    for (_, definition) in &indexes {
        client.batch_execute(definition).map_err(failed)?;
    }
    // As the database itself would have done in the time that such a history takes.
    client.batch_execute("VACUUM ANALYZE").map_err(failed)
}

/// Rows that wait for their `COPY`, in the order in which their statements came first: a
/// row that another one points to is sent before it.
#[derive(Default)]
struct Copies {
    tables: Vec<Copy>,
    waiting: usize,
}

struct Copy {
    statement: &'static str,
    command: String,
    fields: Vec<Field>,
    rows: String,
}

enum Field {
    Parameter(usize),
    Literal(String),
}

impl Copies {
    fn add(&mut self, sql: &'static str, params: &[Value<'_>]) -> Result<(), StorageError> {
        let known = self
            .tables
            .iter()
            .position(|copy| std::ptr::eq(copy.statement, sql));
        if known.is_none() {
            self.tables.push(understand(sql)?);
        }
        let place = known.unwrap_or(self.tables.len() - 1);
        let Some(copy) = self.tables.get_mut(place) else {
            return Ok(());
        };
        let before = copy.rows.len();
        for (number, field) in copy.fields.iter().enumerate() {
            if number > 0 {
                copy.rows.push('\t');
            }
            match field {
                Field::Literal(text) => copy.rows.push_str(text),
                Field::Parameter(number) => match params.get(*number) {
                    Some(value) => spell(&mut copy.rows, value),
                    None => return Err(Copying::refusal(sql)),
                },
            }
        }
        copy.rows.push('\n');
        self.waiting += copy.rows.len() - before;
        Ok(())
    }

    fn send(&mut self, client: &mut Client) -> Result<(), StorageError> {
        let lost = |error: std::io::Error| StorageError::Unavailable(error.to_string());
        for copy in self.tables.iter_mut().filter(|copy| !copy.rows.is_empty()) {
            let failed = |error: Error| explain(&error);
            let mut writer = client.copy_in(copy.command.as_str()).map_err(failed)?;
            writer.write_all(copy.rows.as_bytes()).map_err(lost)?;
            writer.finish().map_err(failed)?;
            copy.rows.clear();
        }
        self.waiting = 0;
        Ok(())
    }
}

/// Reads `INSERT INTO table (columns) VALUES (places)`. What follows is about rows that
/// exist already, and none does.
fn understand(sql: &'static str) -> Result<Copy, StorageError> {
    let read = || {
        let (table, rest) = sql.strip_prefix("INSERT INTO ")?.split_once('(')?;
        let (columns, rest) = rest.split_once(')')?;
        let (places, _) = rest
            .trim_start()
            .strip_prefix("VALUES")?
            .trim_start()
            .strip_prefix('(')?
            .split_once(')')?;
        let fields = places
            .split(',')
            .map(|place| match place.trim() {
                "NULL" => Some(Field::Literal("\\N".to_owned())),
                place => match place.strip_prefix('$') {
                    Some(number) => Some(Field::Parameter(number.parse::<usize>().ok()? - 1)),
                    None => place
                        .parse::<i64>()
                        .ok()
                        .map(|_| Field::Literal(place.to_owned())),
                },
            })
            .collect::<Option<Vec<_>>>()?;
        Some(Copy {
            statement: sql,
            command: format!("COPY {table} ({columns}) FROM STDIN"),
            fields,
            rows: String::new(),
        })
    };
    read().ok_or_else(|| Copying::refusal(sql))
}

/// A value in the text format of `COPY`.
fn spell(row: &mut String, value: &Value<'_>) {
    match value {
        Value::Null => row.push_str("\\N"),
        Value::Integer(number) => {
            // Writing to a string does not fail.
            let _ = write!(row, "{number}");
        }
        Value::Boolean(flag) => row.push(if *flag { 't' } else { 'f' }),
        Value::Text(text) => {
            for character in text.chars() {
                match character {
                    '\\' => row.push_str("\\\\"),
                    '\t' => row.push_str("\\t"),
                    '\n' => row.push_str("\\n"),
                    '\r' => row.push_str("\\r"),
                    other => row.push(other),
                }
            }
        }
        Value::Bytes(bytes) => spell_bytes(row, bytes),
        Value::Id(id) => spell_bytes(row, id),
        Value::Digest(digest) => spell_bytes(row, digest),
    }
}

fn spell_bytes(row: &mut String, bytes: &[u8]) {
    row.push_str("\\\\x");
    for byte in bytes {
        for half in [byte >> 4, byte & 15] {
            row.push(char::from_digit(u32::from(half), 16).unwrap_or('0'));
        }
    }
}

/// A transaction that only adds.
pub(crate) struct Copying<'a> {
    client: &'a mut Client,
    copies: &'a mut Copies,
}

impl Copying<'_> {
    pub(crate) fn execute(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
    ) -> Result<u64, StorageError> {
        self.copies.add(sql, params)?;
        if self.copies.waiting > MOST_WAITING {
            self.copies.send(self.client)?;
        }
        Ok(1)
    }

    pub(crate) fn refusal(sql: &str) -> StorageError {
        StorageError::Other(format!(
            "a load only adds rows; it cannot run `{}`",
            shorten(sql)
        ))
    }
}
