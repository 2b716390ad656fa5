//! Browsers that show a code and wait for a phone.

use nightlatch_domain::session::Epochs;
use nightlatch_storage::phone_sign_ins::{self, Approval, Handles, PhoneSignIn};
use nightlatch_storage::{Store, on_both_databases};

use super::rows::{ODD_TEXT, at, client, constraint, digest, id, people, refusal, same, write};

/// One that waits from 1,000 to 5,000, with token, code and network of its number.
pub(super) fn phone_sign_in(number: u8) -> (PhoneSignIn, Handles) {
    let waiting = PhoneSignIn {
        id: id(number),
        client: client(Some("192.0.2.7"), Some("Vienna, Austria"), ODD_TEXT),
        created_at: at(1_000),
        expires_at: at(5_000),
        refused: false,
        approval: None,
    };
    let handles = Handles {
        token: digest(number),
        code: digest(100 + number),
        network: Some(digest(200)),
    };
    (waiting, handles)
}

/// The yes of a user in the session of the same number.
pub(super) fn approval(user: u8) -> Approval {
    Approval {
        user_id: id(user),
        session_id: id(user),
        epochs: Epochs {
            user: 3,
            organization: 2,
            deployment: 1,
        },
        at: at(2_000),
    }
}

fn add(store: &Store, number: u8) -> bool {
    let (waiting, handles) = phone_sign_in(number);
    write(store, move |tx| phone_sign_ins::add(tx, &waiting, &handles))
}

fn by_token(store: &Store, number: u8, now: i64) -> Option<PhoneSignIn> {
    write(store, move |tx| {
        phone_sign_ins::find_by_token(tx, digest(number), at(now))
    })
}

fn by_code(store: &Store, number: u8, now: i64) -> Option<PhoneSignIn> {
    write(store, move |tx| {
        phone_sign_ins::find_waiting_by_code(tx, digest(100 + number), at(now))
    })
}

fn approve(store: &Store, number: u8, until: i64) -> bool {
    write(store, move |tx| {
        phone_sign_ins::approve(tx, id(number), &approval(1), at(until))
    })
}

fn refuse(store: &Store, number: u8) -> bool {
    write(store, move |tx| {
        phone_sign_ins::refuse(tx, id(number), at(2_000))
    })
}

on_both_databases! {
    fn a_browser_that_waits_is_found_by_token_and_by_code_until_it_expires(store) {
        assert!(add(store, 1));
        let expected = Some(phone_sign_in(1).0);
        same(&by_token(store, 1, 4_999), &expected);
        same(&by_code(store, 1, 4_999), &expected);
        assert!(by_token(store, 1, 5_000).is_none());
        assert!(by_code(store, 1, 5_000).is_none());
        assert!(by_token(store, 2, 4_999).is_none());
        // Neither opens what the other one is for.
        assert!(by_token(store, 101, 4_999).is_none());
    }

    fn two_browsers_never_show_one_code(store) {
        assert!(add(store, 1));
        let (waiting, handles) = phone_sign_in(2);
        let same_code = Handles { code: digest(101), ..handles };
        let second = write(store, move |tx| phone_sign_ins::add(tx, &waiting, &same_code));
        assert!(!second);
        assert!(by_token(store, 2, 2_000).is_none());
        let (waiting, handles) = phone_sign_in(3);
        let same_token = Handles { token: digest(1), ..handles };
        let error = refusal(store, move |tx| phone_sign_ins::add(tx, &waiting, &same_token));
        assert_eq!(error, constraint("phone_sign_ins_token_digest"));
    }

    fn the_first_answer_counts(store) {
        people(store);
        assert!(add(store, 1));
        assert!(approve(store, 1, 7_000));
        let found = by_token(store, 1, 6_999).unwrap();
        same(&found.approval, &Some(approval(1)));
        assert!(by_code(store, 1, 2_500).is_none());
        assert!(!approve(store, 1, 9_000));
        assert!(!refuse(store, 1));
        assert!(by_token(store, 1, 7_000).is_none());

        assert!(add(store, 2));
        assert!(refuse(store, 2));
        assert!(!approve(store, 2, 7_000));
        let found = by_token(store, 2, 2_500).unwrap();
        assert!(found.refused && found.approval.is_none());
    }

    fn what_expired_cannot_be_approved(store) {
        people(store);
        assert!(add(store, 1));
        let late = Approval { at: at(5_000), ..approval(1) };
        assert!(!write(store, move |tx| phone_sign_ins::approve(tx, id(1), &late, at(9_000))));
    }

    fn an_approval_is_used_up_once(store) {
        assert!(add(store, 1));
        assert!(write(store, |tx| phone_sign_ins::delete(tx, id(1))));
        assert!(!write(store, |tx| phone_sign_ins::delete(tx, id(1))));
    }

    fn waiting_ones_of_a_network_are_counted_and_old_ones_pruned(store) {
        for number in 1..=4 {
            assert!(add(store, number));
        }
        let count = |now| {
            write(store, move |tx| {
                phone_sign_ins::count_of_network(tx, digest(200), at(now))
            })
        };
        assert_eq!([count(4_999), count(5_000)], [4, 0]);
        let prune = |before, limit| {
            write(store, move |tx| phone_sign_ins::prune(tx, at(before), limit))
        };
        assert_eq!([prune(5_000, 9), prune(5_001, 3), prune(5_001, 3)], [0, 3, 1]);
    }
}
