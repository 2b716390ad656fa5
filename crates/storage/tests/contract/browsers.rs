//! Browser profiles and the accounts that know them.

use nightlatch_domain::ending::Cause;
use nightlatch_domain::ids::BrowserId;
use nightlatch_domain::session::Session;
use nightlatch_storage::browsers::{self, Browser};
use nightlatch_storage::{Store, on_both_databases, sessions};

use super::rows::{
    ODD_TEXT, add_browser, add_sessions, at, constraint, digest, ended, id, is_wrong_row_count,
    numbers, people, refusal, same, session, write,
};

fn find(store: &Store, number: u8) -> Option<Browser> {
    write(store, move |tx| browsers::find_by_token(tx, digest(number)))
}

fn present(store: &Store, up_to: u8) -> Vec<u8> {
    numbers(
        (1..=up_to)
            .filter_map(|number| find(store, number))
            .map(|browser| browser.id),
    )
}

fn remember(store: &Store, user: u8, browser: u8, milliseconds: i64) {
    write(store, move |tx| {
        browsers::remember_use(tx, id(user), id(browser), at(milliseconds))
    });
}

fn is_known(store: &Store, user: u8, browser: u8) -> bool {
    write(store, move |tx| {
        browsers::is_known(tx, id(user), id(browser))
    })
}

fn set_name(store: &Store, user: u8, browser: u8, name: Option<&'static str>) -> bool {
    write(store, move |tx| {
        browsers::set_name(tx, id(user), id(browser), name)
    })
}

fn names(store: &Store, user: u8) -> Vec<(BrowserId, String)> {
    let mut names = write(store, move |tx| browsers::list_names(tx, id(user), 100));
    names.sort();
    names
}

fn prune(store: &Store, before: i64, limit: i64) -> u64 {
    write(store, move |tx| browsers::prune(tx, at(before), limit))
}

/// The times of use of a browser, and of what an account knows of it.
fn uses(store: &Store, user: u8, browser: u8) -> (i64, i64, i64, i64) {
    write(store, move |tx| {
        tx.query_one(
            "SELECT b.created_at, b.last_used_at, k.first_used_at, k.last_used_at
             FROM browsers b JOIN known_browsers k ON k.browser_id = b.id
             WHERE b.id = $1 AND k.user_id = $2",
            &[id::<()>(browser).into(), id::<()>(user).into()],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        )
    })
}

on_both_databases! {
    fn a_browser_is_found_by_its_token_only(store) {
        add_browser(store, 1, false, 1);
        add_browser(store, 255, true, i64::MIN);
        for (number, always_shared) in [(1, false), (255, true)] {
            same(&find(store, number), &Some(Browser { id: id(number), always_shared }));
        }
        assert!(find(store, 2).is_none());
        let twin = Browser { id: id(3), always_shared: false };
        assert_eq!(
            refusal(store, move |tx| browsers::add(tx, &twin, digest(1), at(1))),
            constraint("browsers_token_digest")
        );
        let again = Browser { id: id(1), always_shared: false };
        assert_eq!(
            refusal(store, move |tx| browsers::add(tx, &again, digest(3), at(1))),
            constraint("browsers_pkey")
        );
    }

    fn the_mark_of_a_shared_computer_comes_and_goes(store) {
        add_browser(store, 1, false, 1);
        add_browser(store, 2, false, 1);
        for always_shared in [true, true, false] {
            write(store, move |tx| browsers::set_always_shared(tx, id(1), always_shared));
            assert_eq!(find(store, 1).map(|found| found.always_shared), Some(always_shared));
            assert_eq!(find(store, 2).map(|found| found.always_shared), Some(false));
        }
        assert!(is_wrong_row_count(&refusal(store, |tx| browsers::set_always_shared(tx, id(9), true))));
    }

    fn a_use_is_remembered_with_its_first_and_last_time(store) {
        people(store);
        add_browser(store, 1, false, 5);
        assert!(!is_known(store, 1, 1));
        remember(store, 1, 1, 10);
        assert_eq!(uses(store, 1, 1), (5, 10, 10, 10));
        remember(store, 1, 1, 20);
        assert_eq!(uses(store, 1, 1), (5, 20, 10, 20));
        remember(store, 2, 1, 30);
        assert_eq!(uses(store, 1, 1), (5, 30, 10, 20));
        // A node whose clock is behind moves nothing back.
        remember(store, 2, 1, 25);
        assert_eq!((uses(store, 1, 1), uses(store, 2, 1)), ((5, 30, 10, 20), (5, 30, 30, 30)));
        assert!(is_known(store, 1, 1) && is_known(store, 2, 1) && !is_known(store, 3, 1));
        assert!(is_wrong_row_count(&refusal(store, |tx| browsers::remember_use(tx, id(1), id(9), at(1)))));
        assert_eq!(
            refusal(store, |tx| browsers::remember_use(tx, id(9), id(1), at(1))),
            constraint("foreign_key")
        );
    }

    fn forgetting_concerns_one_account_and_one_browser(store) {
        people(store);
        for browser in [1, 2] {
            add_browser(store, browser, false, 1);
            remember(store, 1, browser, 1);
            remember(store, 2, browser, 1);
        }
        for _ in 0..2 {
            write(store, |tx| browsers::forget(tx, id(1), id(1)));
            let known = [(1, 1), (1, 2), (2, 1), (2, 2)].map(|(user, browser)| is_known(store, user, browser));
            assert_eq!(known, [false, true, true, true]);
        }
        assert!(find(store, 1).is_some(), "the browser itself stays");
    }

    fn names_belong_to_the_account_and_outlast_a_use(store) {
        people(store);
        for browser in [1, 2] {
            add_browser(store, browser, false, 1);
            remember(store, 1, browser, 1);
        }
        remember(store, 2, 1, 1);
        assert!(names(store, 1).is_empty());
        assert!(set_name(store, 1, 1, Some(ODD_TEXT)));
        assert!(set_name(store, 2, 1, Some("")));
        assert!(!set_name(store, 2, 2, Some("never used here")));
        assert!(!set_name(store, 3, 1, None));
        remember(store, 1, 1, 2);
        assert_eq!(names(store, 1), [(id(1), ODD_TEXT.to_owned())]);
        assert_eq!(names(store, 2), [(id(1), String::new())]);
        assert!(set_name(store, 1, 1, None));
        assert!(names(store, 1).is_empty());
    }

    fn pruning_spares_the_young_the_shared_and_those_in_use(store) {
        people(store);
        for number in 1..=6 {
            add_browser(store, number, number == 3, 10);
        }
        add_browser(store, 7, false, 100);
        add_browser(store, 8, false, 99);
        for user in [1, 2] {
            remember(store, user, 5, 11);
        }
        let in_browser = |number: u8, browser: u8| Session { browser_id: Some(id(browser)), ..session(number, 1) };
        add_sessions(store, vec![in_browser(1, 4), in_browser(2, 6), in_browser(3, 1)]);
        write(store, |tx| sessions::close(tx, id(3), &ended(50, Cause::LoggedOut, 1)));
        assert_eq!(prune(store, 100, 2), 2, "no more than the batch");
        assert_eq!(present(store, 8).len(), 6);
        assert_eq!(prune(store, 100, 100), 2);
        assert_eq!(present(store, 8), [3, 4, 6, 7]);
        assert!(!is_known(store, 1, 5) && !is_known(store, 2, 5), "what accounts knew of it goes with it");
        assert_eq!(prune(store, 100, 100), 0);
        write(store, |tx| sessions::close(tx, id(1), &ended(50, Cause::LoggedOut, 1)));
        assert_eq!(prune(store, 100, 0), 0);
        assert_eq!(prune(store, 100, 100), 1);
        assert_eq!(present(store, 8), [3, 6, 7]);
    }
}
