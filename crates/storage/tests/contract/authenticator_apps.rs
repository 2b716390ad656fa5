//! Authenticator apps: whose they are, when they count, and that a step counts once.

use nightlatch_domain::ids::AuthenticatorAppId;
use nightlatch_storage::authenticator_apps::{self, AuthenticatorApp};
use nightlatch_storage::{Store, on_both_databases, users};

use super::rows::{
    ODD_TEXT, at, authenticator_app, constraint, id, long_text, numbers, people, refusal, same,
    write,
};

fn add(store: &Store, number: u8, user: u8) {
    write(store, move |tx| {
        authenticator_apps::add(tx, &authenticator_app(number, user))
    });
}

fn confirm(store: &Store, user: u8, number: u8, step: i64) -> bool {
    write(store, move |tx| {
        authenticator_apps::confirm(tx, id(user), id(number), step, at(50))
    })
}

fn spend(store: &Store, number: u8, step: i64) -> bool {
    write(store, move |tx| {
        authenticator_apps::spend_step(tx, id(number), step, at(60))
    })
}

fn list(store: &Store, user: u8) -> Vec<AuthenticatorApp> {
    write(store, move |tx| {
        authenticator_apps::list_of_user(tx, id(user), 99)
    })
}

fn present(store: &Store, user: u8) -> Vec<u8> {
    numbers(list(store, user).into_iter().map(|app| app.id))
}

on_both_databases! {
    fn an_app_comes_back_as_it_was_stored(store) {
        people(store);
        let app = AuthenticatorApp {
            name: long_text() + ODD_TEXT,
            sealed_seed: (0..=255).collect(),
            last_used_step: Some(i64::MAX),
            created_at: at(i64::MIN),
            confirmed_at: Some(at(0)),
            last_used_at: Some(at(-1)),
            ..authenticator_app(1, 1)
        };
        let added = app.clone();
        write(store, move |tx| authenticator_apps::add(tx, &added));
        let found = write(store, |tx| authenticator_apps::find_of_user(tx, id(1), id(1)));
        assert_eq!(found.as_ref(), Some(&app));
        same(&list(store, 1), &vec![app]);
        assert!(write(store, |tx| authenticator_apps::find_of_user(tx, id(2), id(1))).is_none());
        assert_eq!(
            refusal(store, |tx| authenticator_apps::add(tx, &authenticator_app(1, 2))),
            constraint("authenticator_apps_pkey")
        );
        assert_eq!(
            refusal(store, |tx| authenticator_apps::add(tx, &authenticator_app(2, 9))),
            constraint("foreign_key")
        );
    }

    fn an_app_is_confirmed_once_and_by_its_owner(store) {
        people(store);
        add(store, 1, 1);
        assert!(!spend(store, 1, 5), "what is not confirmed accepts nothing");
        assert!(!confirm(store, 2, 1, 5));
        assert!(confirm(store, 1, 1, 5));
        assert!(!confirm(store, 1, 1, 6));
        let app = &list(store, 1)[0];
        assert_eq!((app.confirmed_at, app.last_used_step, app.last_used_at), (Some(at(50)), Some(5), None));
    }

    fn mfa_02_a_step_is_spent_once_and_older_ones_with_it(store) {
        people(store);
        add(store, 1, 1);
        add(store, 2, 1);
        assert!(confirm(store, 1, 1, 5) && confirm(store, 1, 2, 5));
        assert!(!spend(store, 1, 5), "the code of the set-up is spent");
        assert!(spend(store, 1, 6));
        assert!(!spend(store, 1, 6));
        assert!(!spend(store, 1, 4));
        assert!(spend(store, 1, 8));
        assert!(!spend(store, 1, 7));
        assert!(spend(store, 2, 6), "another app has steps of its own");
        let steps: Vec<_> = list(store, 1).iter().map(|app| (app.last_used_step, app.last_used_at)).collect();
        assert_eq!(steps, [(Some(8), Some(at(60))), (Some(6), Some(at(60)))]);
    }

    fn names_and_removals_concern_the_owner_only(store) {
        people(store);
        for number in 1..=3 {
            add(store, number, 1);
        }
        add(store, 4, 2);
        assert!(confirm(store, 1, 1, 1) && confirm(store, 1, 2, 1));
        let rename = |user, number| write(store, move |tx| authenticator_apps::rename(tx, id(user), id(number), ODD_TEXT));
        assert!(rename(1, 1) && !rename(2, 1) && !rename(1, 3), "nobody else's, and no unfinished one");
        assert_eq!(list(store, 1)[0].name, ODD_TEXT);
        let delete = |user, number| write(store, move |tx| authenticator_apps::delete(tx, id(user), id(number)));
        assert!(!delete(2, 1) && delete(1, 1) && !delete(1, 1));
        assert_eq!(write(store, |tx| authenticator_apps::delete_unconfirmed(tx, id(1))), 1);
        assert_eq!((present(store, 1), present(store, 2)), (vec![2], vec![4]));
        assert_eq!(write(store, |tx| authenticator_apps::delete_all_of_user(tx, id(1))), 1);
        assert_eq!((present(store, 1), present(store, 2)), (vec![], vec![4]));
        write(store, |tx| users::erase(tx, id(2)));
        assert_eq!(present(store, 2), [0; 0]);
    }

    fn sealing_anew_walks_everybody_and_never_overwrites_what_changed(store) {
        people(store);
        for number in 1..=5 {
            add(store, number, 1 + number % 2);
        }
        let mut seen = Vec::new();
        let mut after: Option<AuthenticatorAppId> = None;
        loop {
            let page = write(store, move |tx| authenticator_apps::list_after(tx, after, 2));
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            seen.extend(page.iter().map(|app| app.id));
        }
        assert_eq!(numbers(seen), [1, 2, 3, 4, 5]);
        let replace = |old: u8| {
            write(store, move |tx| authenticator_apps::replace_seed(tx, id(1), &[old; 57], &[9]))
        };
        assert!(!replace(7) && replace(1) && !replace(1));
        assert_eq!(list(store, 2)[0].sealed_seed, [9]);
        assert_eq!(list(store, 2)[1].sealed_seed, [3; 57]);
    }

    fn unfinished_set_ups_are_pruned_and_nothing_else(store) {
        people(store);
        for number in 1..=4 {
            add(store, number, 1);
        }
        assert!(confirm(store, 1, 1, 1));
        let prune = |before, limit| write(store, move |tx| authenticator_apps::prune(tx, at(before), limit));
        assert_eq!(prune(4, 1), 1);
        assert_eq!(prune(4, 9), 1);
        assert_eq!(prune(4, 9), 0);
        assert_eq!(present(store, 1), [1, 4]);
    }
}
