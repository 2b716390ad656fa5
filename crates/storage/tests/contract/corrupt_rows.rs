//! A row that this program cannot have written is an error that names column and statement, and never a panic.

use nightlatch_domain::ending::{Cause, ScopeKind};
use nightlatch_domain::event::EventKind;
use nightlatch_storage::events::EventFilter;
use nightlatch_storage::{
    StorageError, Store, Tx, Value, browsers, endings, events, on_both_databases, organizations,
    sessions, users,
};

use super::rows::{
    add_browser, add_sessions, at, client, digest, ended, ending, event, id, people, session, write,
};

/// Writes garbage, reads, and takes both back: the error of the reading.
fn corruption<T>(
    store: &Store,
    garbage: &'static str,
    value: &Value<'static>,
    mut read: impl FnMut(&mut Tx<'_>) -> Result<T, StorageError> + Send + 'static,
) -> StorageError {
    let value = value.clone();
    let outcome: Result<(), StorageError> = store.write_blocking(move |tx| {
        read(tx).map(|_| ())?;
        assert!(
            tx.execute(garbage, std::slice::from_ref(&value))? > 0,
            "{garbage} touches nothing"
        );
        Err(read(tx)
            .err()
            .unwrap_or_else(|| panic!("{garbage} was read")))
    });
    outcome.unwrap_err()
}

/// Each statement of `garbage` names the column that it spoils.
fn all_are_named<T>(
    store: &Store,
    garbage: &[(&'static str, &'static str, Value<'static>)],
    read: impl FnMut(&mut Tx<'_>) -> Result<T, StorageError> + Clone + Send + 'static,
) {
    for (spoiled, sql, value) in garbage {
        let error = corruption(store, sql, value, read.clone());
        let StorageError::Corrupt { what, column, .. } = &error else {
            panic!("{sql}: {error:?}")
        };
        assert_eq!(column, spoiled, "{sql}");
        assert!(what.starts_with("SELECT "), "{what}");
        assert!(!error.to_string().contains("garbage"), "{error}");
    }
}

fn text(garbage: &'static str) -> Value<'static> {
    garbage.into()
}

fn short() -> Value<'static> {
    Value::from(vec![1, 2, 3])
}

on_both_databases! {
    fn a_corrupt_session_is_named(store) {
        people(store);
        let mut stored = session(1, 1);
        stored.client = client(Some("192.0.2.1"), None, "");
        add_sessions(store, vec![stored]);
        write(store, |tx| sessions::close(tx, id(1), &ended(1, Cause::LoggedOut, 1)));
        let garbage = [
            ("kind", "UPDATE sessions SET kind = $1", text("garbage")),
            ("proofs", "UPDATE sessions SET proofs = $1", text("{\"garbage\"")),
            ("proofs", "UPDATE sessions SET proofs = $1", text("[{\"method\":\"garbage\",\"at\":1}]")),
            ("address", "UPDATE sessions SET address = $1", text("garbage")),
            ("browser_id", "UPDATE sessions SET browser_id = $1", short()),
            ("ended_cause", "UPDATE sessions SET ended_cause = $1", text("garbage")),
            ("ending_id", "UPDATE sessions SET ending_id = $1", short()),
            ("email", "UPDATE users SET email = $1 WHERE name = 'Person 1'", text("garbage")),
            ("role", "UPDATE users SET role = $1", text("garbage")),
            ("status", "UPDATE users SET status = $1", text("garbage")),
            ("appearance", "UPDATE users SET appearance = $1", text("garbage")),
            ("settings", "UPDATE organizations SET settings = $1", text("{\"garbage\":1}")),
        ];
        all_are_named(store, &garbage, |tx| sessions::find(tx, id(1)));
    }

    fn a_corrupt_ending_is_named(store) {
        write(store, |tx| endings::add(tx, &ending(1, 1, ScopeKind::Session)));
        let garbage = [
            ("scope", "UPDATE endings SET scope = $1", text("garbage")),
            ("cause", "UPDATE endings SET cause = $1", text("garbage")),
            ("actor_kind", "UPDATE endings SET actor_kind = $1", text("garbage")),
            ("actor_kind", "UPDATE endings SET actor_kind = $1", text("user")),
            ("actor_kind", "UPDATE endings SET actor_user_id = $1", Value::Id([1; 16])),
            ("actor_user_id", "UPDATE endings SET actor_user_id = $1", short()),
            ("organization_id", "UPDATE endings SET organization_id = $1", short()),
            ("user_id", "UPDATE endings SET user_id = $1", short()),
            ("kept_session_id", "UPDATE endings SET kept_session_id = $1", short()),
        ];
        all_are_named(store, &garbage, |tx| endings::find(tx, id(1)));
        all_are_named(store, &garbage[..6], |tx| endings::list_since(tx, at(0), 9));
    }

    fn a_corrupt_line_of_the_history_is_named(store) {
        write(store, |tx| events::add(tx, &event(1, 1, EventKind::SignedIn, Some(id(1)))));
        let garbage = [
            ("kind", "UPDATE events SET kind = $1", text("garbage")),
            ("cause", "UPDATE events SET cause = $1", text("garbage")),
            ("address", "UPDATE events SET address = $1", text("garbage")),
            ("actor_kind", "UPDATE events SET actor_kind = $1", text("operator garbage")),
            ("actor_kind", "UPDATE events SET actor_kind = $1", text("administrator")),
            ("actor_user_id", "UPDATE events SET actor_user_id = $1", short()),
            ("organization_id", "UPDATE events SET organization_id = $1", short()),
            ("session_id", "UPDATE events SET session_id = $1", short()),
            ("browser_id", "UPDATE events SET browser_id = $1", short()),
            ("ending_id", "UPDATE events SET ending_id = $1", short()),
        ];
        all_are_named(store, &garbage, |tx| events::list_of_user(tx, id(1), EventFilter::All, None, 9));
    }

    fn a_corrupt_account_is_named(store) {
        people(store);
        let garbage = [
            ("email", "UPDATE users SET email = $1", text("garbage")),
            ("role", "UPDATE users SET role = $1", text("garbage")),
            ("status", "UPDATE users SET status = $1", text("garbage")),
            ("appearance", "UPDATE users SET appearance = $1", text("garbage")),
        ];
        all_are_named(store, &garbage, |tx| users::get(tx, id(1)));
        let key = super::rows::user(1, 1).email.key();
        all_are_named(store, &garbage, move |tx| users::find_by_email(tx, &key));
    }

    fn a_corrupt_organization_is_named(store) {
        people(store);
        let settings = "UPDATE organizations SET settings = $1";
        let garbage = [
            ("settings", settings, text("garbage")),
            ("settings", settings, text("")),
            ("settings", settings, text("null")),
            ("settings", settings, text("{\"accent\":\"garbage\"}")),
            ("settings", settings, text("{\"policy\":{\"session_limit\":-1}}")),
        ];
        all_are_named(store, &garbage, |tx| organizations::get(tx, id(1)));
        all_are_named(store, &garbage, |tx| organizations::list(tx, 9));
    }

    fn a_corrupt_id_is_named_wherever_it_is_the_key(store) {
        add_browser(store, 1, false, 1);
        let garbage = [("id", "UPDATE browsers SET id = $1", short())];
        all_are_named(store, &garbage, |tx| browsers::find_by_token(tx, digest(1)));
    }
}
