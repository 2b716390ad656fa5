//! Recovery codes: one set per account, and each code once.

use nightlatch_storage::recovery_codes::{self, RecoveryCodeCount};
use nightlatch_storage::{Store, on_both_databases, users};

use super::rows::{at, constraint, id, people, recovery_code, refusal, write};

fn replace(store: &Store, user: u8, from: u8, labels: &'static [&'static str]) {
    write(store, move |tx| {
        let codes: Vec<_> = (from..)
            .zip(labels)
            .map(|(number, label)| recovery_code(number, label))
            .collect();
        recovery_codes::replace_set(tx, id(user), id(from), &codes, at(i64::from(from)))
    });
}

fn find(store: &Store, user: u8, label: &'static str) -> Option<u8> {
    write(store, move |tx| {
        recovery_codes::find_unused(tx, id(user), label)
    })
    .map(|(id, hash)| {
        let number = id.to_bytes()[0];
        assert_eq!(hash, format!("$argon2id$hash {number}"));
        number
    })
}

fn spend(store: &Store, number: u8, user: u8) -> bool {
    write(store, move |tx| {
        recovery_codes::spend(tx, id(number), id(user), at(90))
    })
}

fn count(store: &Store, user: u8) -> (i64, Option<i64>) {
    let RecoveryCodeCount { left, made_at } =
        write(store, move |tx| recovery_codes::count_of_user(tx, id(user)));
    (
        left,
        made_at.map(nightlatch_domain::Timestamp::milliseconds),
    )
}

on_both_databases! {
    fn a_code_is_found_by_its_owner_and_label_and_spent_once(store) {
        people(store);
        replace(store, 1, 1, &["A", "a", "0"]);
        replace(store, 2, 11, &["A"]);
        assert_eq!((find(store, 1, "A"), find(store, 1, "a"), find(store, 2, "A")), (Some(1), Some(2), Some(11)));
        assert_eq!((find(store, 1, "B"), find(store, 2, "0"), find(store, 3, "A")), (None, None, None));
        assert!(!spend(store, 1, 2), "another account's");
        let unused = |number: u8, user: u8| {
            write(store, move |tx| recovery_codes::is_unused(tx, id(number), id(user)))
        };
        assert!(unused(1, 1) && !unused(1, 2) && !unused(99, 1));
        assert!(spend(store, 1, 1));
        assert!(!unused(1, 1) && unused(2, 1));
        assert!(!spend(store, 1, 1));
        assert_eq!((find(store, 1, "A"), find(store, 2, "A")), (None, Some(11)));
        assert_eq!((count(store, 1), count(store, 2), count(store, 3)), ((2, Some(1)), (1, Some(11)), (0, None)));
    }

    fn mfa_05_a_new_set_voids_the_old_one_of_that_account_alone(store) {
        people(store);
        replace(store, 1, 1, &["A", "B"]);
        replace(store, 2, 11, &["A"]);
        assert!(spend(store, 1, 1));
        replace(store, 1, 21, &["B", "C"]);
        assert_eq!((find(store, 1, "A"), find(store, 1, "B"), find(store, 1, "C")), (None, Some(21), Some(22)));
        assert!(!spend(store, 2, 1), "a code of the old set");
        assert_eq!((count(store, 1), count(store, 2)), ((2, Some(21)), (1, Some(11))));
        assert_eq!(write(store, |tx| recovery_codes::delete_of_user(tx, id(1))), 2);
        assert_eq!((count(store, 1), count(store, 2)), ((0, None), (1, Some(11))));
        write(store, |tx| users::erase(tx, id(2)));
        assert_eq!(count(store, 2), (0, None));
    }

    fn labels_of_one_account_differ(store) {
        people(store);
        let twins = |tx: &mut nightlatch_storage::Tx<'_>| {
            let codes = [recovery_code(1, "A"), recovery_code(2, "A")];
            recovery_codes::replace_set(tx, id(1), id(1), &codes, at(1))
        };
        assert_eq!(refusal(store, twins), constraint("recovery_codes_label"));
        assert_eq!(count(store, 1), (0, None), "all or nothing");
    }
}
