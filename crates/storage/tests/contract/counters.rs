//! Epochs, throttles and set-up links.

use nightlatch_domain::session::Epochs;
use nightlatch_domain::throttle::{Failures, OFF_AT};
use nightlatch_storage::{Store, epochs, on_both_databases, set_up_links, throttles};

use super::rows::{at, digest, id, is_wrong_row_count, people, refusal, write};

fn of_user(store: &Store, number: u8) -> Option<(i64, i64, i64)> {
    let found = write(store, move |tx| epochs::find_of_user(tx, id(number)));
    found.map(
        |Epochs {
             user,
             organization,
             deployment,
         }| (user, organization, deployment),
    )
}

fn failures(store: &Store, key: u8) -> (i64, Option<i64>) {
    let Failures { count, last_at } = write(store, move |tx| throttles::get(tx, digest(key)));
    (
        count,
        last_at.map(nightlatch_domain::Timestamp::milliseconds),
    )
}

fn set_failures(store: &Store, key: u8, count: i64, milliseconds: i64) {
    write(store, move |tx| {
        throttles::set(tx, digest(key), count, at(milliseconds))
    });
}

fn is_valid(store: &Store, token: u8, now: i64) -> bool {
    write(store, move |tx| {
        set_up_links::is_valid(tx, digest(token), at(now))
    })
}

on_both_databases! {
    fn each_counter_concerns_those_within_its_reach(store) {
        people(store);
        assert_eq!(of_user(store, 1), Some((0, 0, 0)));
        assert_eq!(of_user(store, 9), None);
        assert_eq!(write(store, |tx| epochs::raise_user(tx, id(1))), 1);
        assert_eq!(write(store, |tx| epochs::raise_user(tx, id(1))), 2);
        assert_eq!(write(store, |tx| epochs::raise_organization(tx, id(1))), 1);
        assert_eq!(write(store, epochs::raise_deployment), 1);
        assert_eq!(write(store, epochs::raise_deployment), 2);
        let all = [1, 2, 3].map(|number| of_user(store, number));
        assert_eq!(all, [Some((2, 1, 2)), Some((0, 1, 2)), Some((0, 0, 2))]);
    }

    fn a_counter_of_nobody_cannot_be_raised(store) {
        people(store);
        assert!(is_wrong_row_count(&refusal(store, |tx| epochs::raise_user(tx, id(9)))));
        assert!(is_wrong_row_count(&refusal(store, |tx| epochs::raise_organization(tx, id(9)))));
    }

    fn there_is_one_deployment(store) {
        for sql in ["INSERT INTO deployment (id, epoch) VALUES (2, 0)", "INSERT INTO deployment (id, epoch) VALUES (1, 0)"] {
            let refused = refusal(store, move |tx| tx.execute(sql, &[]));
            assert!(matches!(refused, nightlatch_storage::StorageError::Constraint { .. }), "{refused:?}");
        }
    }

    fn failures_are_set_anew_and_forgotten(store) {
        assert_eq!(failures(store, 1), (0, None));
        set_failures(store, 1, 3, 10);
        set_failures(store, 2, i64::MAX, i64::MIN);
        assert_eq!((failures(store, 1), failures(store, 2)), ((3, Some(10)), (i64::MAX, Some(i64::MIN))));
        set_failures(store, 1, 1, 5);
        assert_eq!(failures(store, 1), (1, Some(5)));
        for _ in 0..2 {
            write(store, |tx| throttles::clear(tx, digest(1)));
            assert_eq!((failures(store, 1).0, failures(store, 2).0), (0, i64::MAX));
        }
    }

    fn throttles_are_pruned_by_their_last_move(store) {
        for (key, milliseconds) in [(1, 10), (2, 99), (3, 100), (4, 11), (5, 12)] {
            set_failures(store, key, 1, milliseconds);
        }
        set_failures(store, 5, 2, 200);
        let prune = |limit| write(store, move |tx| throttles::prune(tx, at(100), limit));
        assert_eq!([prune(0), prune(2), prune(2), prune(2)], [0, 2, 1, 0]);
        let left: Vec<u8> = (1..=5).filter(|key| failures(store, *key).0 > 0).collect();
        assert_eq!(left, [3, 5]);
    }

    fn the_latest_set_up_link_is_the_only_one_and_ends_at_its_time(store) {
        assert!(!is_valid(store, 1, 0));
        write(store, |tx| set_up_links::replace(tx, digest(1), at(100)));
        assert!(is_valid(store, 1, 99) && !is_valid(store, 1, 100) && !is_valid(store, 2, 0));
        write(store, |tx| set_up_links::replace(tx, digest(2), at(50)));
        assert!(!is_valid(store, 1, 0) && is_valid(store, 2, 49));
        write(store, |tx| set_up_links::replace(tx, digest(2), at(60)));
        assert!(is_valid(store, 2, 59));
        write(store, set_up_links::delete_all);
        write(store, set_up_links::delete_all);
        assert!(!is_valid(store, 2, 0));
    }

    fn a_counter_that_is_off_is_not_pruned(store) {
        set_failures(store, 1, OFF_AT - 1, 1);
        set_failures(store, 2, OFF_AT, 1);
        assert_eq!(write(store, |tx| throttles::prune(tx, at(i64::MAX), 9)), 1);
        assert_eq!(failures(store, 1), (0, None));
        assert_eq!(failures(store, 2), (OFF_AT, Some(1)));
    }
}
