//! A refused statement names the same constraint on both databases.

use nightlatch_storage::{StorageError, Store, on_both_databases};

use super::run;

fn schema(store: &Store) {
    run(
        store,
        "CREATE TABLE houses (id BIGINT NOT NULL PRIMARY KEY, street TEXT NOT NULL, number BIGINT NOT NULL,
         color TEXT UNIQUE, doors BIGINT, CONSTRAINT houses_have_doors CHECK (doors > 0), UNIQUE (street, number))",
    );
    run(
        store,
        "CREATE UNIQUE INDEX one_red_house_a_street ON houses (street) WHERE color = 'red'",
    );
    run(
        store,
        "CREATE UNIQUE INDEX doors_are_special ON houses (doors)",
    );
    run(store, "CREATE TABLE streets (name TEXT NOT NULL)");
    run(store, "INSERT INTO streets (name) VALUES ('Elm')");
    run(
        store,
        "CREATE UNIQUE INDEX streets_whatever_their_case ON streets (lower(name))",
    );
    run(
        store,
        "CREATE TABLE rooms (id BIGINT PRIMARY KEY, house_id BIGINT REFERENCES houses (id))",
    );
    run(
        store,
        "INSERT INTO houses (id, street, number, color, doors) VALUES (1, 'Elm', 1, 'red', 3)",
    );
}

fn refused(store: &Store, sql: &'static str) -> String {
    match store.write_blocking(move |tx| tx.execute(sql, &[])) {
        Err(StorageError::Constraint { name }) => name,
        other => panic!("{sql}: {other:?}"),
    }
}

on_both_databases! {
    fn constraints_have_one_name_on_both(store) {
        schema(store);
        let cases = [
            ("INSERT INTO houses (id, street, number) VALUES (1, 'Oak', 1)", "houses_pkey"),
            ("INSERT INTO houses (id, street, number) VALUES (2, 'Elm', 1)", "houses_street_number_key"),
            ("INSERT INTO houses (id, street, number, color) VALUES (2, 'Oak', 1, 'red')", "houses_color_key"),
            ("INSERT INTO streets (name) VALUES ('ELM')", "streets_whatever_their_case"),
            ("INSERT INTO houses (id, street, number, doors) VALUES (2, 'Oak', 1, 3)", "doors_are_special"),
            ("INSERT INTO houses (id, street, number, doors) VALUES (2, 'Oak', 1, 0)", "houses_have_doors"),
            ("INSERT INTO houses (id, number) VALUES (2, 1)", "houses_street_not_null"),
            ("INSERT INTO rooms (id, house_id) VALUES (1, 2)", "foreign_key"),
        ];
        for (sql, name) in cases {
            assert_eq!(refused(store, sql), name, "{sql}");
        }
    }

    fn deleting_what_others_point_to_is_refused(store) {
        schema(store);
        run(store, "INSERT INTO rooms (id, house_id) VALUES (1, 1)");
        assert_eq!(refused(store, "DELETE FROM houses WHERE id = 1"), "foreign_key");
    }

    fn a_partial_unique_index_is_named(store) {
        run(store, "CREATE TABLE seats (id BIGINT PRIMARY KEY, person TEXT, taken BOOLEAN NOT NULL)");
        run(store, "CREATE UNIQUE INDEX one_seat_a_person ON seats (person) WHERE taken");
        run(store, "INSERT INTO seats (id, person, taken) VALUES (1, 'ann', TRUE), (2, 'ann', FALSE), (3, 'ann', FALSE)");
        assert_eq!(refused(store, "UPDATE seats SET taken = TRUE WHERE id = 2"), "one_seat_a_person");
    }

    fn no_error_shows_the_refused_values(store) {
        schema(store);
        let outcome: Result<u64, StorageError> = store.write_blocking(|tx| {
            tx.execute(
                "INSERT INTO houses (id, street, number, color) VALUES ($1, $2, $3, $4)",
                &[2.into(), "a-secret-street".into(), 1.into(), "red".into()],
            )
        });
        let error = outcome.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
}
