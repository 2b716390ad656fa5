//! One text, two databases: every construction that our statements rely on.

use nightlatch_storage::{StorageError, Store, Value, on_both_databases};

use super::{first, run};

fn things(store: &Store) {
    // SQLite takes any name for a type; where it matters the product's migrations are twins.
    run(
        store,
        "CREATE TABLE things (
            id BYTEA NOT NULL PRIMARY KEY,
            name TEXT NOT NULL,
            size BIGINT,
            flag BOOLEAN NOT NULL,
            body TEXT
        )",
    );
    run(store, "CREATE UNIQUE INDEX things_name ON things (name)");
    let rows = [
        ("a", Some(10), true),
        ("b", Some(20), false),
        ("c", None, true),
        ("d", Some(40), false),
    ];
    store
        .write_blocking(move |tx| {
            for (number, (name, size, flag)) in (1..).zip(rows) {
                tx.execute_one(
                    "INSERT INTO things (id, name, size, flag) VALUES ($1, $2, $3, $4)",
                    &[
                        Value::Id([number; 16]),
                        name.into(),
                        size.into(),
                        flag.into(),
                    ],
                )?;
            }
            Ok::<_, StorageError>(())
        })
        .unwrap();
}

fn names(store: &Store, sql: &'static str, params: Vec<Value<'static>>) -> Vec<String> {
    store
        .read_blocking(move |tx| tx.query(sql, &params, first))
        .unwrap()
}

on_both_databases! {
    fn upsert_returns_the_row_whether_it_is_new_or_old(store) {
        things(store);
        let upsert = |size: i64| {
            store.write_blocking(move |tx| {
                tx.query_one(
                    "INSERT INTO things (id, name, size, flag) VALUES ($1, $2, $3, TRUE)
                     ON CONFLICT (name) DO UPDATE SET size = excluded.size + things.size
                     RETURNING id, size",
                    &[Value::Id([9; 16]), "a".into(), size.into()],
                    |row| Ok::<([u8; 16], i64), _>((row.get(0)?, row.get(1)?)),
                )
            })
        };
        assert_eq!(upsert(5).unwrap(), ([1; 16], 15));
        assert_eq!(upsert(5).unwrap(), ([1; 16], 20));
    }

    fn an_insert_that_meets_its_like_returns_nothing(store) {
        things(store);
        let insert = |name: &'static str| {
            store.write_blocking(move |tx| {
                tx.query_optional::<String>(
                    "INSERT INTO things (id, name, flag) VALUES ($1, $2, FALSE)
                     ON CONFLICT (name) DO NOTHING RETURNING name",
                    &[Value::Id([9; 16]), name.into()],
                    first,
                )
            })
        };
        assert_eq!(insert("a").unwrap(), None);
        assert_eq!(insert("e").unwrap().as_deref(), Some("e"));
    }

    fn update_and_delete_return_what_they_touched(store) {
        things(store);
        let (mut grown, gone) = store
            .write_blocking(|tx| {
                let grown = tx.query::<i64>(
                    "UPDATE things SET size = size + $1 WHERE size < $2 RETURNING size",
                    &[1.into(), 30.into()],
                    first,
                )?;
                let gone =
                    tx.query::<String>("DELETE FROM things WHERE size = $1 RETURNING name", &[40.into()], first)?;
                Ok::<_, StorageError>((grown, gone))
            })
            .unwrap();
        grown.sort_unstable();
        assert_eq!((grown, gone), (vec![11, 21], vec!["d".to_owned()]));
    }

    fn times_are_whole_numbers_over_the_full_range(store) {
        things(store);
        let times = [i64::MIN, -1, 0, 1_790_000_000_000, i64::MAX];
        for time in times {
            let read: i64 = store
                .write_blocking(move |tx| {
                    tx.execute_one("UPDATE things SET size = $1 WHERE name = 'a'", &[time.into()])?;
                    tx.query_one("SELECT size FROM things WHERE name = 'a'", &[], first)
                })
                .unwrap();
            assert_eq!(read, time);
        }
        run(store, "UPDATE things SET size = 1790000000000 WHERE name = 'a'");
        let due = "SELECT name FROM things WHERE size + $1 <= $2 ORDER BY name";
        assert_eq!(names(store, due, vec![1000.into(), 1_790_000_001_000.into()]), ["a", "b", "d"]);
        assert_eq!(names(store, due, vec![1001.into(), 1_790_000_001_000.into()]), ["b", "d"]);
    }

    fn flags_stand_alone_in_conditions_and_come_back_as_booleans(store) {
        things(store);
        assert_eq!(names(store, "SELECT name FROM things WHERE flag ORDER BY name", vec![]), ["a", "c"]);
        assert_eq!(names(store, "SELECT name FROM things WHERE NOT flag ORDER BY name", vec![]), ["b", "d"]);
        let by_value = "SELECT name FROM things WHERE flag = $1 ORDER BY name";
        assert_eq!(names(store, by_value, vec![false.into()]), ["b", "d"]);
        let flags: Vec<bool> = store
            .read_blocking(|tx| tx.query("SELECT flag FROM things ORDER BY name", &[], first))
            .unwrap();
        assert_eq!(flags, [true, false, true, false]);
        let computed: Vec<Option<bool>> = store
            .read_blocking(|tx| tx.query("SELECT size > 15 FROM things ORDER BY name", &[], first))
            .unwrap();
        assert_eq!(computed, [Some(false), Some(true), None, Some(true)]);
    }

    fn null_goes_in_comes_out_and_switches_a_filter_off(store) {
        things(store);
        let size: Option<i64> = store
            .write_blocking(|tx| {
                tx.execute_one("UPDATE things SET size = $1 WHERE name = 'a'", &[Value::Null])?;
                tx.query_one("SELECT size FROM things WHERE name = 'a'", &[], first)
            })
            .unwrap();
        assert_eq!(size, None);
        let filtered = "SELECT name FROM things WHERE (size = $1 OR $1 IS NULL) ORDER BY name";
        assert_eq!(names(store, filtered, vec![20.into()]), ["b"]);
        assert_eq!(names(store, filtered, vec![None::<i64>.into()]), ["a", "b", "c", "d"]);
        let ordered = "SELECT name FROM things ORDER BY size IS NULL, size DESC, name";
        assert_eq!(names(store, ordered, vec![]), ["d", "b", "a", "c"]);
    }

    fn bytes_come_back_as_they_were(store) {
        things(store);
        run(store, "CREATE TABLE blobs (content BYTEA, digest BYTEA)");
        for content in [vec![], vec![0], (0..=255).collect::<Vec<u8>>()] {
            let expected = content.clone();
            let (read, digest): (Vec<u8>, [u8; 32]) = store
                .write_blocking(move |tx| {
                    tx.execute("DELETE FROM blobs", &[])?;
                    tx.execute_one(
                        "INSERT INTO blobs (content, digest) VALUES ($1, $2)",
                        &[content.as_slice().into(), Value::Digest([7; 32])],
                    )?;
                    tx.query_one(
                        "SELECT content, digest FROM blobs WHERE digest = $1",
                        &[Value::Digest([7; 32])],
                        |row| Ok::<_, StorageError>((row.get(0)?, row.get(1)?)),
                    )
                })
                .unwrap();
            assert_eq!((read, digest), (expected, [7; 32]));
        }
    }

    fn json_is_text_and_stays_as_it_was_written(store) {
        things(store);
        let written = serde_json::json!({"z": 1, "a": [true, null, "\u{1F511} \"quoted\" \u{0}"], "n": 1.5});
        let text = serde_json::to_string_pretty(&written).unwrap();
        let stored = text.clone();
        let read: String = store
            .write_blocking(move |tx| {
                tx.execute_one("UPDATE things SET body = $1 WHERE name = 'a'", &[stored.as_str().into()])?;
                tx.query_one("SELECT body FROM things WHERE name = 'a'", &[], first)
            })
            .unwrap();
        assert_eq!(read, text);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&read).unwrap(), written);
    }

    fn text_with_a_nul_is_refused_and_other_odd_text_is_not(store) {
        things(store);
        let rename = |name: &'static str| {
            store.write_blocking(move |tx| {
                tx.execute_one("UPDATE things SET name = $1 WHERE name = 'a'", &[name.into()])
            })
        };
        let refused: StorageError = rename("a\0b").unwrap_err();
        assert!(refused.to_string().contains("NUL"), "{refused}");
        assert_eq!(rename("'; DROP TABLE things; -- \u{202e}\u{FFFF}").err(), None);
    }

    fn limits_are_parameters(store) {
        things(store);
        let page = "SELECT name FROM things WHERE name > $1 ORDER BY name LIMIT $2";
        assert_eq!(names(store, page, vec!["a".into(), 2.into()]), ["b", "c"]);
        assert_eq!(names(store, page, vec!["c".into(), 2.into()]), ["d"]);
    }

    fn a_batch_can_be_updated_by_a_limited_selection(store) {
        things(store);
        let batch = || {
            store.write_blocking(|tx| {
                tx.execute(
                    "UPDATE things SET flag = TRUE WHERE id IN
                     (SELECT id FROM things WHERE NOT flag ORDER BY name LIMIT $1)",
                    &[1.into()],
                )
            })
        };
        let touched: Vec<u64> = (0..3).map(|_| batch().unwrap_or_else(|error: StorageError| panic!("{error}"))).collect();
        assert_eq!(touched, [1, 1, 0]);
    }

    fn placeholders_mean_their_number_in_any_order_and_any_number_of_times(store) {
        things(store);
        let out_of_order = "SELECT name FROM things WHERE size > $2 AND name <> $1 AND size < $3 ORDER BY name";
        assert_eq!(names(store, out_of_order, vec!["b".into(), 5.into(), 30.into()]), ["a"]);
        let repeated = "SELECT name FROM things WHERE (size = $2 AND name = $1) OR (name = $1 AND size > $2)
                        OR name = $1 ORDER BY name";
        assert_eq!(names(store, repeated, vec!["b".into(), 20.into()]), ["b"]);
        let eleven = "SELECT name FROM things WHERE size IN ($11, $10, $9, $8, $7, $6, $5, $4, $3, $2) AND name = $1";
        let mut params: Vec<Value<'static>> = vec!["d".into()];
        params.extend((31..=40).map(Value::Integer));
        assert_eq!(names(store, eleven, params), ["d"]);
    }

    fn a_wrong_number_of_parameters_is_an_error(store) {
        things(store);
        for params in [vec![], vec![1.into(), 2.into()]] {
            let outcome: Result<Vec<String>, StorageError> = store.read_blocking(move |tx| {
                tx.query("SELECT name FROM things WHERE size = $1", &params, first)
            });
            assert!(matches!(outcome, Err(StorageError::Other(_))), "{outcome:?}");
        }
    }

    fn the_number_of_rows_is_checked_where_it_is_relied_on(store) {
        things(store);
        let wrong = |outcome: Result<(), StorageError>, rows: u64| match outcome {
            Err(StorageError::WrongRowCount { found, statement, .. }) => {
                assert_eq!(found, rows);
                assert!(statement.contains("things"), "{statement}");
            }
            other => panic!("{other:?}"),
        };
        wrong(store.write_blocking(|tx| tx.execute_one("UPDATE things SET size = 1", &[])), 4);
        wrong(store.write_blocking(|tx| tx.execute_one("DELETE FROM things WHERE name = 'z'", &[])), 0);
        let select = |sql: &'static str| {
            store.read_blocking(move |tx| tx.query_one::<String>(sql, &[], first).map(|_| ()))
        };
        wrong(select("SELECT name FROM things"), 2);
        wrong(select("SELECT name FROM things WHERE name = 'z'"), 0);
        wrong(
            store.read_blocking(|tx| {
                tx.query_optional::<String>("SELECT name FROM things", &[], first).map(|_| ())
            }),
            2,
        );
        let size: i64 = store
            .read_blocking(|tx| tx.query_one::<i64>("SELECT COUNT(*) FROM things WHERE size = 1", &[], first))
            .unwrap_or_else(|error: StorageError| panic!("{error}"));
        assert_eq!(size, 0, "what failed was rolled back");
    }

    fn execute_refuses_statements_that_give_rows_back(store) {
        things(store);
        for sql in ["SELECT name FROM things", "UPDATE things SET size = 1 WHERE name = 'z' RETURNING name"] {
            let outcome: Result<u64, StorageError> = store.write_blocking(move |tx| tx.execute(sql, &[]));
            assert!(matches!(outcome, Err(StorageError::Other(_))), "{sql}: {outcome:?}");
        }
    }

    fn an_unreadable_column_is_named_and_not_shown(store) {
        things(store);
        let read = |sql: &'static str| -> StorageError {
            store.read_blocking(move |tx| tx.query_one::<[u8; 16]>(sql, &[], first)).unwrap_err()
        };
        let text = read("SELECT name AS owner FROM things WHERE name = 'a'");
        let StorageError::Corrupt { what, column, problem } = &text else { panic!("{text:?}") };
        assert_eq!((column.as_str(), *problem), ("owner", "it is text"));
        assert!(what.starts_with("SELECT name AS owner"), "{what}");
        let null = read("SELECT size FROM things WHERE size IS NULL");
        assert!(null.to_string().contains("column size"), "{null}");
        assert!(null.to_string().contains("NULL"), "{null}");
        let wide: StorageError = store
            .read_blocking(|tx| tx.query::<String>("SELECT name FROM things", &[], |row| row.get(1)))
            .unwrap_err();
        assert!(wide.to_string().contains("number 1"), "{wide}");
    }

    fn sums_and_results_from_parameters_are_cast(store) {
        things(store);
        let (sum, number, text): (i64, i64, String) = store
            .read_blocking(|tx| {
                tx.query_one(
                    "SELECT CAST(SUM(size) AS BIGINT), CAST($1 AS BIGINT), CAST($2 AS TEXT) FROM things",
                    &[7.into(), "x".into()],
                    |row| Ok::<_, StorageError>((row.get(0)?, row.get(1)?, row.get(2)?)),
                )
            })
            .unwrap();
        assert_eq!((sum, number, text.as_str()), (70, 7, "x"));
    }

    fn a_statement_the_database_does_not_understand_is_quoted_in_the_error(store) {
        let error: StorageError = store
            .read_blocking(|tx| tx.query::<i64>("SELECT nothing FROM nowhere", &[], first))
            .unwrap_err();
        assert!(error.to_string().contains("`SELECT nothing FROM nowhere`"), "{error}");
    }
}
