//! Endings and the receipts that open their page.

use nightlatch_domain::ending::{Actor, Cause, ScopeKind};
use nightlatch_domain::session::Epochs;
use nightlatch_storage::endings::{self, Ending, Receipt};
use nightlatch_storage::{Store, on_both_databases, sessions};

use super::rows::{
    ODD_TEXT, add_sessions, at, constraint, digest, ended, ending, id, is_wrong_row_count,
    long_text, numbers, people, refusal, same, session, write,
};

fn add(store: &Store, added: Vec<Ending>) {
    write(store, move |tx| {
        added.iter().try_for_each(|ending| endings::add(tx, ending))
    });
}

fn find(store: &Store, number: u8) -> Option<Ending> {
    write(store, move |tx| endings::find(tx, id(number)))
}

fn add_receipt(store: &Store, token: u8, ending: u8, shared: bool, expires_at: i64) {
    let receipt = Receipt {
        ending_id: id(ending),
        session_id: Some(id(3)),
        shared,
        more_sessions: 2,
        more_browsers: 1,
    };
    write(store, move |tx| {
        endings::add_receipt(tx, digest(token), &receipt, at(expires_at))
    });
}

fn find_receipt(store: &Store, token: u8, now: i64) -> Option<Receipt> {
    write(store, move |tx| {
        endings::find_receipt(tx, digest(token), at(now))
    })
}

/// An ending of user 1, organization 1 or everybody, with the counter that it left.
fn wide(number: u8, milliseconds: i64, scope: ScopeKind, epoch: i64) -> Ending {
    let mut wide = ending(number, milliseconds, scope);
    wide.epoch = Some(epoch);
    wide.organization_id = (scope != ScopeKind::Deployment).then(|| id(1));
    wide.user_id = matches!(scope, ScopeKind::AllOfUser | ScopeKind::OthersOfUser).then(|| id(1));
    wide
}

/// The ending that user 1 of organization 1 meets with a session of these counters.
fn first_after(store: &Store, user: i64, organization: i64, deployment: i64) -> Option<u8> {
    let epochs = Epochs {
        user,
        organization,
        deployment,
    };
    let found = write(store, move |tx| {
        endings::find_first_after_epochs(tx, id(1), id(1), epochs)
    });
    found.map(|found| found.id.to_bytes()[0])
}

on_both_databases! {
    fn an_ending_comes_back_as_it_was_stored(store) {
        let everything = Ending {
            id: id(255),
            at: at(i64::MIN),
            scope: ScopeKind::OthersOfUser,
            organization_id: Some(id(1)),
            user_id: Some(id(2)),
            kept_session_id: Some(id(3)),
            client_id: Some(id(5)),
            epoch: Some(i64::MAX),
            cause: Cause::ReportedByUser,
            actor: Actor::Administrator(id(4)),
            reason: Some(ODD_TEXT.to_owned()),
            sessions_ended: i64::MAX,
            browsers_ended: 7,
            expanded: false,
        };
        let by_user = Ending { actor: Actor::User(id(9)), reason: Some(long_text()), ..ending(2, 1, ScopeKind::Session) };
        let by_operator = Ending { actor: Actor::Operator, reason: Some(String::new()), ..ending(3, 1, ScopeKind::Selection) };
        for stored in [everything, by_user, by_operator, ending(4, 0, ScopeKind::Deployment)] {
            add(store, vec![stored.clone()]);
            let id = stored.id;
            same(&write(store, move |tx| endings::find(tx, id)), &Some(stored));
        }
        assert!(find(store, 99).is_none());
        assert_eq!(
            refusal(store, |tx| endings::add(tx, &ending(4, 1, ScopeKind::Session))),
            constraint("endings_pkey")
        );
    }

    fn every_scope_and_cause_can_be_stored(store) {
        let scopes = [
            ScopeKind::Session, ScopeKind::Selection, ScopeKind::OthersOfUser,
            ScopeKind::AllOfUser, ScopeKind::Organization, ScopeKind::Deployment,
        ];
        for ((number, cause), scope) in (1..).zip(Cause::ALL).zip(scopes.into_iter().cycle()) {
            let stored = Ending { cause, ..ending(number, 1, scope) };
            add(store, vec![stored.clone()]);
            same(&find(store, number), &Some(stored));
        }
    }

    fn counts_add_up_and_the_last_word_on_completeness_stays(store) {
        add(store, vec![Ending { expanded: false, ..ending(1, 1, ScopeKind::AllOfUser) }, ending(2, 1, ScopeKind::Session)]);
        for (sessions, browsers, expanded) in [(100, 3, false), (0, 0, false), (20, 2, true)] {
            write(store, move |tx| endings::count(tx, id(1), sessions, browsers, expanded));
        }
        let expected = Ending { sessions_ended: 120, browsers_ended: 5, ..ending(1, 1, ScopeKind::AllOfUser) };
        same(&find(store, 1), &Some(expected));
        same(&find(store, 2), &Some(ending(2, 1, ScopeKind::Session)));
        assert!(is_wrong_row_count(&refusal(store, |tx| endings::count(tx, id(9), 1, 1, true))));
    }

    fn open_endings_are_listed_by_id_until_they_are_expanded(store) {
        let open = |number| Ending { expanded: false, ..ending(number, 1, ScopeKind::AllOfUser) };
        add(store, vec![open(200), open(3), ending(2, 1, ScopeKind::AllOfUser), open(127), open(128)]);
        let listed = |limit| numbers(write(store, move |tx| endings::list_open(tx, limit)).iter().map(|found| found.id));
        assert_eq!(listed(100), [3, 127, 128, 200]);
        assert_eq!((listed(2), listed(0)), (vec![3, 127], vec![]));
        write(store, |tx| endings::count(tx, id(3), 0, 0, true));
        assert_eq!(listed(2), [127, 128]);
    }

    fn endings_since_an_instant_include_it(store) {
        let times = [(1, 300), (2, 100), (3, 200), (4, 99)];
        add(store, times.map(|(number, milliseconds)| ending(number, milliseconds, ScopeKind::Session)).to_vec());
        let since = |milliseconds, limit| {
            numbers(write(store, move |tx| endings::list_since(tx, at(milliseconds), limit)).iter().map(|found| found.id))
        };
        assert_eq!(since(100, 100), [2, 3, 1]);
        assert_eq!((since(100, 2), since(301, 100), since(0, 0)), (vec![2, 3], vec![], vec![]));
    }

    fn the_first_ending_that_left_the_counters_behind_is_the_earliest_of_three(store) {
        assert_eq!(first_after(store, 0, 0, 0), None);
        add(store, vec![
            wide(1, 100, ScopeKind::AllOfUser, 1),
            wide(2, 400, ScopeKind::OthersOfUser, 2),
            wide(3, 200, ScopeKind::Organization, 1),
            wide(4, 500, ScopeKind::Organization, 2),
            wide(5, 300, ScopeKind::Deployment, 1),
            wide(6, 600, ScopeKind::Deployment, 2),
        ]);
        assert_eq!(first_after(store, 0, 0, 0), Some(1));
        assert_eq!(first_after(store, 1, 0, 0), Some(3));
        assert_eq!(first_after(store, 1, 1, 0), Some(5));
        assert_eq!(first_after(store, 1, 1, 1), Some(2));
        assert_eq!(first_after(store, 2, 1, 1), Some(4));
        assert_eq!(first_after(store, 2, 2, 1), Some(6));
        assert_eq!(first_after(store, 2, 2, 2), None);
        assert_eq!(first_after(store, 2, 0, 2), Some(3), "an earlier one of another reach does not count");
    }

    fn endings_of_others_and_those_without_a_counter_leave_nobody_behind(store) {
        let mut of_another = wide(1, 100, ScopeKind::AllOfUser, 9);
        of_another.user_id = Some(id(2));
        let mut of_another_company = wide(2, 100, ScopeKind::Organization, 9);
        of_another_company.organization_id = Some(id(2));
        let mut of_one_session = wide(3, 100, ScopeKind::Session, 9);
        (of_one_session.user_id, of_one_session.epoch) = (Some(id(1)), None);
        add(store, vec![of_another, of_another_company, of_one_session]);
        assert_eq!(first_after(store, 0, 0, 0), None);
    }

    fn a_receipt_opens_until_it_expires(store) {
        add(store, vec![ending(1, 1, ScopeKind::Session)]);
        add_receipt(store, 1, 1, true, 100);
        add_receipt(store, 2, 1, false, 100);
        for (token, shared) in [(1, true), (2, false)] {
            same(&find_receipt(store, token, 99), &Some(Receipt { ending_id: id(1), session_id: Some(id(3)), shared, more_sessions: 2, more_browsers: 1 }));
            assert!(find_receipt(store, token, 100).is_none());
        }
        assert!(find_receipt(store, 3, 0).is_none());
        let of_nothing = Receipt { ending_id: id(9), session_id: None, shared: false, more_sessions: 0, more_browsers: 0 };
        assert_eq!(
            refusal(store, move |tx| endings::add_receipt(tx, digest(3), &of_nothing, at(1))),
            constraint("foreign_key")
        );
        let again = Receipt { ending_id: id(1), session_id: Some(id(3)), shared: false, more_sessions: 0, more_browsers: 0 };
        assert_eq!(
            refusal(store, move |tx| endings::add_receipt(tx, digest(1), &again, at(1))),
            constraint("receipts_pkey")
        );
    }

    fn receipts_are_pruned_once_they_no_longer_open(store) {
        add(store, vec![ending(1, 1, ScopeKind::Session)]);
        for (token, expires_at) in [(1, 10), (2, 20), (3, 100), (4, 101), (5, 30)] {
            add_receipt(store, token, 1, false, expires_at);
        }
        let prune = |limit| write(store, move |tx| endings::prune_receipts(tx, at(100), limit));
        assert_eq!([prune(0), prune(3), prune(3), prune(3)], [0, 3, 1, 0]);
        let left: Vec<u8> = (1..=5).filter(|token| find_receipt(store, *token, 0).is_some()).collect();
        assert_eq!(left, [4]);
    }

    fn pruning_spares_endings_that_something_still_names(store) {
        people(store);
        add(store, (1..=5).map(|number| ending(number, 10, ScopeKind::Session)).collect());
        add(store, vec![
            Ending { expanded: false, ..ending(6, 10, ScopeKind::AllOfUser) },
            ending(7, 100, ScopeKind::Session),
            ending(8, 99, ScopeKind::Session),
        ]);
        add_sessions(store, vec![session(1, 1)]);
        write(store, |tx| sessions::close(tx, id(1), &ended(10, Cause::LoggedOut, 4)));
        add_receipt(store, 1, 5, false, 50);
        let prune = |limit| write(store, move |tx| endings::prune(tx, at(100), limit));
        let left = || (1..=8).filter(|number| find(store, *number).is_some()).collect::<Vec<u8>>();
        assert_eq!([prune(0), prune(3), prune(3)], [0, 3, 1]);
        assert_eq!(left(), [4, 5, 6, 7]);
        write(store, |tx| {
            endings::prune_receipts(tx, at(50), 1)?;
            sessions::prune(tx, at(11), 1)
        });
        assert_eq!(prune(100), 2);
        assert_eq!(left(), [6, 7]);
    }
}
