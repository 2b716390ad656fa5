//! Which sessions a list finds, in which order, and where it stops.

use nightlatch_domain::ending::Cause;
use nightlatch_domain::session::Session;
use nightlatch_storage::sessions::{self, OwnedSession};
use nightlatch_storage::{StorageError, Store, Tx, on_both_databases};

use super::rows::{add_sessions, at, ended, id, numbers, people, session, write};

type Listed = Result<Vec<OwnedSession>, StorageError>;

/// The sessions that a list finds, in its order.
fn list(store: &Store, query: impl FnMut(&mut Tx<'_>) -> Listed + Send + 'static) -> Vec<u8> {
    let found = write(store, query);
    numbers(found.iter().map(|owned| owned.session.id))
}

fn sorted(mut numbers: Vec<u8>) -> Vec<u8> {
    numbers.sort_unstable();
    numbers
}

fn end(store: &Store, number: u8, milliseconds: i64, ending: u8) {
    let ended = ended(milliseconds, Cause::LoggedOut, ending);
    assert!(write(store, move |tx| sessions::close(
        tx,
        id(number),
        &ended
    )));
}

fn active(number: u8, user: u8, milliseconds: i64) -> Session {
    let mut session = session(number, user);
    session.life.last_active_at = at(milliseconds);
    session
}

/// Of user 1: 5 is the latest, then 2 and 4 of one time, then 3; 1 has ended. Of user 2: 6.
fn several(store: &Store) {
    people(store);
    add_sessions(
        store,
        vec![
            active(4, 1, 200),
            active(1, 1, 400),
            active(2, 1, 200),
            active(6, 2, 250),
            active(5, 1, 300),
            active(3, 1, 100),
        ],
    );
    end(store, 1, 500, 1);
}

fn begun_at(number: u8, user: u8, organization: u8, epochs: (i64, i64, i64)) -> Session {
    let mut session = Session {
        organization_id: id(organization),
        ..session(number, user)
    };
    (
        session.life.epochs.user,
        session.life.epochs.organization,
        session.life.epochs.deployment,
    ) = epochs;
    session
}

fn overdue_at(number: u8, milliseconds: i64) -> Session {
    let mut session = session(number, 1);
    session.life.deadlines.idle = at(milliseconds);
    session
}

on_both_databases! {
    fn open_sessions_are_listed_from_the_latest_and_from_the_oldest(store) {
        several(store);
        let latest = |user, limit| list(store, move |tx| sessions::list_open_of_user(tx, id(user), limit));
        let oldest = |user, limit| list(store, move |tx| sessions::list_oldest_open_of_user(tx, id(user), limit));
        assert_eq!(latest(1, 100), [5, 2, 4, 3]);
        assert_eq!(oldest(1, 100), [3, 2, 4, 5]);
        assert_eq!((latest(1, 2), oldest(1, 2)), (vec![5, 2], vec![3, 2]));
        assert_eq!((latest(2, 100), oldest(2, 100)), (vec![6], vec![6]));
        assert_eq!((latest(3, 100), oldest(3, 100)), (vec![], vec![]));
        assert_eq!((latest(1, 0), oldest(1, 0)), (vec![], vec![]));
    }

    fn open_sessions_are_counted_up_to_a_limit(store) {
        several(store);
        let count = |user, limit| write(store, move |tx| sessions::count_open_of_user(tx, id(user), limit));
        assert_eq!([count(1, 100), count(1, 4), count(1, 3), count(1, 0)], [4, 4, 3, 0]);
        assert_eq!([count(2, 100), count(3, 100)], [1, 0]);
    }

    fn the_sessions_of_a_browser_are_those_open_in_it(store) {
        people(store);
        let within = |number, user, browser: Option<u8>| Session {
            browser_id: browser.map(id),
            ..session(number, user)
        };
        add_sessions(store, vec![
            within(1, 1, Some(7)), within(2, 2, Some(7)), within(3, 1, Some(8)), within(4, 1, None),
            within(5, 1, Some(7)),
        ]);
        end(store, 5, 1, 1);
        let of_browser = |number| sorted(list(store, move |tx| sessions::list_open_of_browser(tx, id(number), 100)));
        assert_eq!((of_browser(7), of_browser(8), of_browser(9)), (vec![1, 2], vec![3], vec![]));
    }

    fn what_began_below_a_counter_is_found_and_nothing_else(store) {
        people(store);
        add_sessions(store, vec![
            begun_at(1, 1, 1, (4, 9, 9)),
            begun_at(2, 1, 1, (5, 4, 9)),
            begun_at(3, 1, 1, (6, 5, 4)),
            begun_at(4, 2, 1, (4, 6, 5)),
            begun_at(5, 3, 2, (4, 4, 6)),
            begun_at(6, 1, 1, (0, 0, 0)),
        ]);
        end(store, 6, 1, 1);
        let below = |limit: i64| {
            [
                list(store, move |tx| sessions::list_open_of_user_below(tx, id(1), 5, limit)),
                list(store, move |tx| sessions::list_open_of_organization_below(tx, id(1), 5, limit)),
                list(store, move |tx| sessions::list_open_of_deployment_below(tx, 5, limit)),
            ]
        };
        assert_eq!(below(100), [[1], [2], [3]], "less than the counter, not equal to it; neither ended nor another's");
        assert!(below(0).iter().all(Vec::is_empty));
        let all = [
            sorted(list(store, |tx| sessions::list_open_of_user_below(tx, id(1), 100, 100))),
            sorted(list(store, |tx| sessions::list_open_of_organization_below(tx, id(1), 100, 100))),
            sorted(list(store, |tx| sessions::list_open_of_deployment_below(tx, 100, 100))),
        ];
        assert_eq!(all, [vec![1, 2, 3], vec![1, 2, 3, 4], vec![1, 2, 3, 4, 5]]);
        let batches = [
            list(store, |tx| sessions::list_open_of_user_below(tx, id(1), 100, 2)).len(),
            list(store, |tx| sessions::list_open_of_organization_below(tx, id(1), 100, 2)).len(),
            list(store, |tx| sessions::list_open_of_deployment_below(tx, 100, 2)).len(),
        ];
        assert_eq!(batches, [2, 2, 2]);
    }

    fn batches_below_a_counter_come_to_an_end(store) {
        several(store);
        let mut order = Vec::new();
        loop {
            let batch = list(store, |tx| sessions::list_open_of_user_below(tx, id(1), 1, 2));
            if batch.is_empty() {
                break;
            }
            for number in &batch {
                end(store, *number, 600, 2);
            }
            order.push(sorted(batch));
        }
        assert_eq!(order.concat().len(), 4);
        assert_eq!(order.first().map(|batch| batch.contains(&3)), Some(true), "the longest unused goes first");
        assert_eq!(order.last().map(|batch| batch.contains(&5)), Some(true));
    }

    fn overdue_sessions_come_by_deadline_and_those_at_it_are_not_overdue(store) {
        people(store);
        add_sessions(store, vec![
            overdue_at(1, 300), overdue_at(2, 100), overdue_at(3, 200), overdue_at(4, 301), overdue_at(5, 50),
            overdue_at(6, 200),
        ]);
        end(store, 5, 60, 1);
        let overdue = |before, limit| list(store, move |tx| sessions::list_overdue(tx, at(before), limit));
        let all = overdue(301, 100);
        assert_eq!((all[0], all[3], all.len()), (2, 1, 4));
        assert_eq!(sorted(all), [1, 2, 3, 6]);
        assert_eq!(overdue(300, 1), [2]);
        assert!(overdue(100, 100).is_empty() && overdue(i64::MAX, 0).is_empty());
    }

    fn pruning_takes_what_ended_long_ago_and_no_more_than_a_batch(store) {
        people(store);
        add_sessions(store, (1..=6).map(|number| session(number, 1)).collect());
        for (number, milliseconds) in [(1, 10), (2, 99), (3, 100), (4, 11), (5, 12)] {
            end(store, number, milliseconds, number);
        }
        let prune = |limit| write(store, move |tx| sessions::prune(tx, at(100), limit));
        let left = || {
            let mut left = write(store, |tx| tx.query("SELECT id FROM sessions", &[], super::first));
            left.sort_unstable();
            numbers::<nightlatch_domain::ids::kind::Session>(left)
        };
        assert_eq!(prune(0), 0);
        assert_eq!(prune(3), 3);
        assert_eq!(left().len(), 3);
        assert_eq!(prune(3), 1);
        assert_eq!(left(), [3, 6], "the one that ended just now and the open one");
        assert_eq!(prune(3), 0);
    }
}
