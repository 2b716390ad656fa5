//! The migrations are twins: the schema that each database says it has is the same.
//!
//! Both are asked, not their files; what they answer is brought into one wording first.

use std::collections::BTreeMap;

use nightlatch_storage::testing::{TestDatabase, fresh_store};
use nightlatch_storage::{StorageError, Store, Tx};

use super::first;

type Lines = Result<Vec<String>, StorageError>;

/// What there may be in a schema, and how to ask for it.
type Question = (&'static str, fn(&mut Tx<'_>) -> Lines);

/// Descriptions by the kind of thing they describe.
fn schema(store: &Store, questions: &'static [Question]) -> BTreeMap<&'static str, Vec<String>> {
    let answers = store.read_blocking(move |tx| {
        questions
            .iter()
            .map(|(subject, ask)| {
                let mut lines = ask(tx)?;
                lines.sort_unstable();
                Ok::<_, StorageError>((*subject, lines))
            })
            .collect()
    });
    answers.unwrap()
}

const SQLITE: &[Question] = &[
    ("columns", |tx| {
        // What a flag is, SQLite can only say with a check.
        tx.query(
            "SELECT t.name || '.' || c.name || ' place ' || c.cid || ' ' ||
                    CASE WHEN t.sql LIKE '%' || c.name || ' INTEGER NOT NULL CHECK (' || c.name || ' IN (0, 1))%'
                         THEN 'boolean'
                         ELSE CASE c.type WHEN 'INTEGER' THEN 'bigint' WHEN 'BLOB' THEN 'bytea'
                                          WHEN 'TEXT' THEN 'text' ELSE c.type END
                    END ||
                    CASE WHEN c.\"notnull\" OR c.pk > 0 THEN ' not null' ELSE '' END ||
                    coalesce(' default ' || c.dflt_value, '')
             FROM sqlite_master t JOIN pragma_table_info(t.name) c
             WHERE t.type = 'table' AND t.name <> 'schema_migrations'",
            &[],
            first,
        )
    }),
    ("primary keys", |tx| {
        tx.query(
            "SELECT t.name || ': ' || c.name || ' ' || c.pk
             FROM sqlite_master t JOIN pragma_table_info(t.name) c
             WHERE t.type = 'table' AND t.name <> 'schema_migrations' AND c.pk > 0",
            &[],
            first,
        )
    }),
    ("foreign keys", |tx| {
        tx.query(
            "SELECT t.name || ': ' || k.\"from\" || ' to ' || k.\"table\" || '.' || k.\"to\" || ' ' || k.on_delete
             FROM sqlite_master t JOIN pragma_foreign_key_list(t.name) k WHERE t.type = 'table'",
            &[],
            first,
        )
    }),
    ("indexes", |tx| {
        let found: Vec<String> = tx.query(
            "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
            &[],
            first,
        )?;
        Ok(found.iter().map(|sql| in_one_wording(sql)).collect())
    }),
    ("checks", |tx| {
        let tables: Vec<String> = tx.query(
            "SELECT sql FROM sqlite_master WHERE type = 'table'",
            &[],
            first,
        )?;
        let checks = tables
            .iter()
            .flat_map(|sql| sql.lines())
            .filter(|line| !line.contains("IN (0, 1)"));
        Ok(checks
            .filter_map(|line| line.split_once("CHECK "))
            .map(|(_, rule)| in_one_wording(rule))
            .collect())
    }),
];

const POSTGRES: &[Question] = &[
    ("columns", |tx| {
        tx.query(
            "SELECT CAST(table_name || '.' || column_name || ' place ' || (ordinal_position - 1) || ' ' || data_type ||
                    CASE is_nullable WHEN 'NO' THEN ' not null' ELSE '' END ||
                    coalesce(' default ' || column_default, '') AS TEXT)
             FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name <> 'schema_migrations'",
            &[],
            first,
        )
    }),
    ("primary keys", |tx| {
        tx.query(
            "SELECT CAST(k.table_name || ': ' || k.column_name || ' ' || k.ordinal_position AS TEXT)
             FROM information_schema.key_column_usage k
             JOIN information_schema.table_constraints c USING (constraint_schema, constraint_name, table_name)
             WHERE c.constraint_type = 'PRIMARY KEY' AND k.table_schema = 'public'
               AND k.table_name <> 'schema_migrations'",
            &[],
            first,
        )
    }),
    ("foreign keys", |tx| {
        tx.query(
            "SELECT CAST(k.table_name || ': ' || k.column_name || ' to ' || u.table_name || '.' || u.column_name ||
                         ' ' || r.delete_rule AS TEXT)
             FROM information_schema.referential_constraints r
             JOIN information_schema.key_column_usage k USING (constraint_schema, constraint_name)
             JOIN information_schema.constraint_column_usage u USING (constraint_schema, constraint_name)
             WHERE k.table_schema = 'public'",
            &[],
            first,
        )
    }),
    ("indexes", |tx| {
        let found: Vec<String> = tx.query(
            "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND indexname NOT LIKE '%\\_pkey'",
            &[],
            first,
        )?;
        Ok(found.iter().map(|sql| in_one_wording(sql)).collect())
    }),
    ("checks", |tx| {
        let found: Vec<String> = tx.query(
            "SELECT pg_get_constraintdef(c.oid) FROM pg_constraint c
             JOIN pg_namespace n ON n.oid = c.connamespace
             WHERE c.contype = 'c' AND n.nspname = 'public'",
            &[],
            first,
        )?;
        Ok(found
            .iter()
            .map(|rule| in_one_wording(rule.trim_start_matches("CHECK ")))
            .collect())
    }),
];

/// PostgreSQL says its own wording back: more brackets, casts, and defaults that nobody wrote.
fn in_one_wording(sql: &str) -> String {
    let plain = sql
        .replace("public.", "")
        .replace("USING btree ", "")
        .replace("::text", "");
    let bare = plain.replace(['(', ')', ','], " ");
    bare.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn both_migrations_make_the_same_schema() {
    let sqlite = schema(&fresh_store(TestDatabase::Sqlite), SQLITE);
    let postgres = schema(&fresh_store(TestDatabase::Postgres), POSTGRES);
    assert_eq!(
        sqlite.keys().collect::<Vec<_>>(),
        postgres.keys().collect::<Vec<_>>()
    );
    for (subject, lines) in &sqlite {
        assert!(
            !lines.is_empty(),
            "{subject}: a schema without any says that the question was wrong"
        );
        assert_eq!(lines, &postgres[subject], "{subject}");
    }
}

#[test]
fn text_that_orders_pages_is_ordered_by_its_bytes() {
    let store = fresh_store(TestDatabase::Postgres);
    let columns: Vec<String> = store
        .read_blocking(|tx| {
            tx.query(
                "SELECT CAST(table_name || '.' || column_name AS TEXT) FROM information_schema.columns
                 WHERE table_schema = 'public' AND collation_name = 'C' ORDER BY 1",
                &[],
                first,
            )
        })
        .unwrap_or_else(|error: StorageError| panic!("{error}"));
    assert_eq!(
        columns,
        [
            "organizations.name_key",
            "users.email_key",
            "users.family_key",
            "users.name_key"
        ]
    );
}
