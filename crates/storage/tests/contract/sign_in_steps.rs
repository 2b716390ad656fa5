//! Sign-ins that wait for a second factor, and browsers that stand in for one.

use nightlatch_domain::next_step::{PendingLife, RememberedLife};
use nightlatch_domain::session::{Epochs, Proof, ProofMethod};
use nightlatch_storage::pending_sign_ins::{self, PendingSignIn};
use nightlatch_storage::remembered_factors::{self, RememberedFactor};
use nightlatch_storage::{Store, on_both_databases};

use super::rows::{
    ODD_TEXT, at, digest, id, is_wrong_row_count, numbers, people, refusal, same, write,
};

const EPOCHS: Epochs = Epochs {
    user: 3,
    organization: 2,
    deployment: 1,
};

/// A pending sign-in of a user; nothing in it is left at a default.
pub(super) fn pending(user: u8) -> PendingSignIn {
    PendingSignIn {
        user_id: id(user),
        life: PendingLife {
            epochs: EPOCHS,
            password_set_at: Some(at(7)),
            expires_at: at(600),
            wrong_codes: 0,
        },
        browser_id: Some(id(9)),
        replaces: Some(digest(8)),
        remember: true,
        shared: false,
        return_to: format!("/account/sessions?{ODD_TEXT}"),
        proofs: vec![Proof {
            method: ProofMethod::Password,
            at: at(5),
        }],
        created_at: at(5),
    }
}

/// What is remembered of a user in a browser.
pub(super) fn remembered(number: u8, user: u8, browser: u8) -> RememberedFactor {
    RememberedFactor {
        id: id(number),
        user_id: id(user),
        browser_id: id(browser),
        life: RememberedLife {
            epochs: EPOCHS,
            password_set_at: Some(at(7)),
            created_at: at(i64::from(number)),
            expires_at: at(1_000 + i64::from(number)),
        },
        factors: digest(77),
        user_agent: ODD_TEXT.to_owned(),
        last_used_at: at(i64::from(number)),
    }
}

fn add(store: &Store, row: PendingSignIn, token: u8) {
    write(store, move |tx| {
        pending_sign_ins::add(tx, &row, digest(token))
    });
}

fn find(store: &Store, token: u8) -> Option<PendingSignIn> {
    write(store, move |tx| {
        pending_sign_ins::find_by_token(tx, digest(token))
    })
}

fn put(store: &Store, row: RememberedFactor, token: u8) {
    write(store, move |tx| {
        remembered_factors::put(tx, &row, digest(token))
    });
}

fn found(store: &Store, user: u8, browser: u8, token: u8) -> Option<RememberedFactor> {
    write(store, move |tx| {
        remembered_factors::find(tx, id(user), id(browser), digest(token))
    })
}

fn listed(store: &Store, user: u8) -> Vec<u8> {
    numbers(
        write(store, move |tx| {
            remembered_factors::list_of_user(tx, id(user), 9)
        })
        .into_iter()
        .map(|row| row.id),
    )
}

on_both_databases! {
    fn a_pending_sign_in_comes_back_as_it_was(store) {
        people(store);
        add(store, pending(1), 1);
        same(&find(store, 1), &Some(pending(1)));
        let bare = PendingSignIn {
            life: PendingLife { password_set_at: None, ..pending(2).life },
            browser_id: None,
            replaces: None,
            remember: false,
            shared: true,
            return_to: String::new(),
            proofs: Vec::new(),
            ..pending(2)
        };
        add(store, bare.clone(), 2);
        same(&find(store, 2), &Some(bare));
        same(&find(store, 3), &None);
    }

    fn a_pending_sign_in_is_used_up_once(store) {
        people(store);
        add(store, pending(1), 1);
        let delete = || write(store, |tx| pending_sign_ins::delete(tx, digest(1)));
        assert!(delete());
        assert!(!delete());
        same(&find(store, 1), &None);
    }

    fn wrong_codes_are_counted_on_their_own_sign_in(store) {
        people(store);
        add(store, pending(1), 1);
        add(store, pending(1), 2);
        let count = |token| write(store, move |tx| pending_sign_ins::count_wrong_code(tx, digest(token)));
        assert_eq!(count(1), Some(1));
        assert_eq!(count(1), Some(2));
        assert_eq!(count(3), None);
        assert_eq!(find(store, 1).map(|row| row.life.wrong_codes), Some(2));
        assert_eq!(find(store, 2).map(|row| row.life.wrong_codes), Some(0));
    }

    fn pending_sign_ins_go_with_their_user_and_their_time(store) {
        people(store);
        add(store, pending(1), 1);
        add(store, pending(1), 2);
        add(store, pending(2), 3);
        let later = PendingSignIn {
            life: PendingLife { expires_at: at(601), ..pending(2).life },
            ..pending(2)
        };
        add(store, later, 4);
        assert_eq!(write(store, |tx| pending_sign_ins::delete_of_user(tx, id(1))), 2);
        assert_eq!(write(store, |tx| pending_sign_ins::prune(tx, at(600), 9)), 0);
        assert_eq!(write(store, |tx| pending_sign_ins::prune(tx, at(601), 9)), 1);
        assert!(find(store, 3).is_none() && find(store, 4).is_some());
        assert_eq!(write(store, |tx| pending_sign_ins::prune(tx, at(9_999), 0)), 0);
    }

    fn a_pending_sign_in_belongs_to_somebody_and_to_one_token(store) {
        people(store);
        add(store, pending(1), 1);
        let again = refusal(store, |tx| pending_sign_ins::add(tx, &pending(2), digest(1)));
        assert!(matches!(again, nightlatch_storage::StorageError::Constraint { .. }));
        let nobody = refusal(store, |tx| pending_sign_ins::add(tx, &pending(200), digest(2)));
        assert!(matches!(nobody, nightlatch_storage::StorageError::Constraint { .. }));
    }

    fn a_remembered_browser_comes_back_to_its_user_browser_and_token_only(store) {
        people(store);
        put(store, remembered(1, 1, 9), 5);
        same(&found(store, 1, 9, 5), &Some(remembered(1, 1, 9)));
        for (user, browser, token) in [(2, 9, 5), (1, 8, 5), (1, 9, 6)] {
            same(&found(store, user, browser, token), &None);
        }
    }

    fn a_browser_is_remembered_once_for_each_of_its_people(store) {
        people(store);
        put(store, remembered(1, 1, 9), 5);
        put(store, remembered(2, 2, 9), 5);
        put(store, remembered(3, 1, 9), 5);
        same(&found(store, 1, 9, 5), &Some(remembered(3, 1, 9)));
        assert_eq!((listed(store, 1), listed(store, 2)), (vec![3], vec![2]));
        let taken = refusal(store, |tx| remembered_factors::put(tx, &remembered(3, 2, 8), digest(5)));
        assert!(matches!(taken, nightlatch_storage::StorageError::Constraint { .. }));
    }

    fn ses_13_after_a_rotation_the_old_token_finds_nothing(store) {
        people(store);
        put(store, remembered(1, 1, 9), 5);
        put(store, remembered(2, 2, 9), 5);
        put(store, remembered(3, 2, 8), 6);
        let rotate = |browser, old, new| {
            write(store, move |tx| remembered_factors::rotate(tx, id(browser), digest(old), digest(new)))
        };
        assert_eq!(rotate(8, 5, 7), 0);
        assert_eq!(rotate(9, 5, 7), 2);
        assert!(found(store, 1, 9, 5).is_none() && found(store, 2, 9, 5).is_none());
        assert!(found(store, 1, 9, 7).is_some() && found(store, 2, 9, 7).is_some());
        assert!(found(store, 2, 8, 6).is_some());
    }

    fn remembered_browsers_are_listed_by_use_and_forgotten_one_by_one(store) {
        people(store);
        for number in 1..=3 {
            put(store, remembered(number, 1, number), number);
        }
        put(store, remembered(4, 2, 1), 1);
        write(store, |tx| remembered_factors::record_use(tx, id(2), at(50)));
        assert_eq!(listed(store, 1), [2, 3, 1]);
        let unknown = refusal(store, |tx| remembered_factors::record_use(tx, id(99), at(50)));
        assert!(is_wrong_row_count(&unknown));
        let delete = |user, number| write(store, move |tx| remembered_factors::delete(tx, id(user), id(number)));
        assert!(!delete(2, 1));
        assert!(delete(1, 1));
        assert_eq!(listed(store, 1), [2, 3]);
        let mut held = write(store, |tx| remembered_factors::list_browsers_of_users(tx, &[id(1), id(2), id(9)]));
        held.sort_unstable();
        assert_eq!(held, [(id(1), id(2)), (id(1), id(3)), (id(2), id(1))]);
        assert_eq!(write(store, |tx| remembered_factors::delete_of_browser(tx, id(1), id(3))), 1);
        assert_eq!(write(store, |tx| remembered_factors::delete_of_user(tx, id(1))), 1);
        assert_eq!((listed(store, 1), listed(store, 2)), (vec![], vec![4]));
    }

    fn remembered_browsers_go_with_their_time(store) {
        people(store);
        put(store, remembered(1, 1, 1), 1);
        put(store, remembered(2, 1, 2), 2);
        assert_eq!(write(store, |tx| remembered_factors::prune(tx, at(1_002), 9)), 1);
        assert_eq!(listed(store, 1), [2]);
    }
}
