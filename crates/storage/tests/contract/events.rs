//! The history: every column, paging from new to old, gathering of failures.

use nightlatch_domain::ending::{Actor, Cause};
use nightlatch_domain::event::{Event, EventKind};
use nightlatch_storage::events::{self, EventFilter, EventPosition};
use nightlatch_storage::{Store, on_both_databases};

use super::rows::{
    ODD_TEXT, at, client, constraint, event, id, long_text, numbers, refusal, same, write,
};

const EVERY_KIND: [EventKind; 22] = [
    EventKind::SignedIn,
    EventKind::SignedInFromNewBrowser,
    EventKind::SignInFailed,
    EventKind::SignInOverLimit,
    EventKind::SignInOvertaken,
    EventKind::SessionEnded,
    EventKind::ProofGiven,
    EventKind::ProofFailed,
    EventKind::PasswordChanged,
    EventKind::PasswordSetByOperator,
    EventKind::UserCreated,
    EventKind::UserDisabled,
    EventKind::UserEnabled,
    EventKind::UserDeleted,
    EventKind::RoleChanged,
    EventKind::PasswordResetStarted,
    EventKind::NewCredentialsRequired,
    EventKind::ProfileChanged,
    EventKind::BrowserNamed,
    EventKind::BrowserMarkedShared,
    EventKind::SettingsChanged,
    EventKind::ReportedByUser,
];

fn add(store: &Store, added: Vec<Event>) {
    write(store, move |tx| {
        added.iter().try_for_each(|event| events::add(tx, event))
    });
}

/// A line about user 1.
fn line(number: u8, milliseconds: i64, kind: EventKind) -> Event {
    event(number, milliseconds, kind, Some(id(1)))
}

fn failure(number: u8, milliseconds: i64, address: Option<&str>) -> Event {
    Event {
        client: client(address, None, ""),
        ..line(number, milliseconds, EventKind::SignInFailed)
    }
}

fn list(
    store: &Store,
    filter: EventFilter,
    after: Option<EventPosition>,
    limit: i64,
) -> Vec<Event> {
    write(store, move |tx| {
        events::list_of_user(tx, id(1), filter, after, limit)
    })
}

fn all(store: &Store) -> Vec<Event> {
    list(store, EventFilter::All, None, 1_000)
}

/// Every line of a list, fetched in pages of `size`.
fn pages(store: &Store, filter: EventFilter, size: i64) -> Vec<u8> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = list(store, filter, after, size);
        let Some(last) = page.last() else {
            return found;
        };
        after = Some(EventPosition {
            at: last.at,
            id: last.id,
        });
        found.extend(numbers(page.iter().map(|event| event.id)));
    }
}

fn gather(store: &Store, attempt: Event, since: i64) -> bool {
    write(store, move |tx| events::gather(tx, &attempt, at(since)))
}

/// Number, time and count of the lines about user 1, from new to old.
fn counts(store: &Store) -> Vec<(u8, i64, i64)> {
    let counted = |event: &Event| (event.id.to_bytes()[0], event.at.milliseconds(), event.count);
    all(store).iter().map(counted).collect()
}

on_both_databases! {
    fn many_lines_at_once_come_back_like_one(store) {
        // More than two statements take, and a rest.
        let lines: Vec<Event> = (1..=70)
            .map(|number| Event { detail: Some(format!("number {number}")), ..event(number, i64::from(number), EventKind::SignedIn, Some(id(1))) })
            .collect();
        let added = lines.clone();
        write(store, move |tx| events::add_all(tx, &added));
        let listed = write(store, |tx| events::list_of_user(tx, id(1), EventFilter::All, None, 99));
        same(&listed, &lines.into_iter().rev().collect());
    }

    fn a_line_comes_back_as_it_was_stored(store) {
        let everything = Event {
            id: id(255),
            at: at(i64::MAX - 1),
            organization_id: Some(id(2)),
            user_id: Some(id(1)),
            actor: Actor::Administrator(id(3)),
            kind: EventKind::SessionEnded,
            session_id: Some(id(4)),
            browser_id: Some(id(5)),
            ending_id: Some(id(6)),
            cause: Some(Cause::SuspiciousActivity),
            client: client(Some("2001:db8::1"), Some(ODD_TEXT), &long_text()),
            count: i64::MAX,
            detail: Some(long_text()),
        };
        let by_user = Event {
            actor: Actor::User(id(1)),
            client: client(Some("192.0.2.1"), Some(""), ODD_TEXT),
            detail: Some(String::new()),
            ..line(2, i64::MIN, EventKind::ProfileChanged)
        };
        let by_operator = Event { actor: Actor::Operator, count: 0, ..line(3, 0, EventKind::UserCreated) };
        add(store, vec![by_user.clone(), everything.clone(), by_operator.clone()]);
        same(&all(store), &vec![everything, by_operator, by_user]);
        assert_eq!(
            refusal(store, |tx| events::add(tx, &line(2, 1, EventKind::SignedIn))),
            constraint("events_pkey")
        );
    }

    fn every_kind_and_cause_can_be_stored(store) {
        for ((number, cause), kind) in (1..).zip(Cause::ALL).zip(EVERY_KIND.into_iter().cycle()) {
            let stored = Event { cause: Some(cause), ..line(number, i64::from(number), kind) };
            add(store, vec![stored.clone()]);
            same(&list(store, EventFilter::All, None, 1), &vec![stored]);
        }
    }

    fn pages_of_any_size_show_every_line_once_also_of_one_time(store) {
        let times = [(1, 5), (200, 5), (3, 5), (127, 5), (128, 5), (2, 9), (9, 1), (8, 9)];
        add(store, times.map(|(number, milliseconds)| line(number, milliseconds, EventKind::SignedIn)).to_vec());
        add(store, vec![event(50, 5, EventKind::SignedIn, Some(id(2))), event(51, 5, EventKind::SignedIn, None)]);
        for size in [1, 2, 3, 5, 8, 100] {
            assert_eq!(pages(store, EventFilter::All, size), [8, 2, 200, 128, 127, 3, 1, 9], "pages of {size}");
        }
        assert!(list(store, EventFilter::All, None, 0).is_empty());
        let nowhere = Some(EventPosition { at: at(5), id: id(126) });
        let rest = list(store, EventFilter::All, nowhere, 100);
        assert_eq!(numbers(rest.iter().map(|event| event.id)), [3, 1, 9], "a position need not be a line");
    }

    fn filters_show_their_kinds_and_page_like_the_whole(store) {
        add(store, (1..).zip(EVERY_KIND).map(|(number, kind)| line(number, 7, kind)).collect());
        for size in [1, 2, 100] {
            assert_eq!(pages(store, EventFilter::SignIns, size), [8, 5, 4, 3, 2, 1]);
            assert_eq!(pages(store, EventFilter::Endings, size), [6]);
            assert_eq!(pages(store, EventFilter::All, size).len(), EVERY_KIND.len());
        }
    }

    fn a_failure_is_gathered_on_the_latest_line_of_its_address(store) {
        add(store, vec![failure(1, 100, Some("192.0.2.1")), failure(2, 200, Some("192.0.2.1")), failure(3, 300, Some("192.0.2.2"))]);
        assert!(gather(store, failure(9, 400, Some("192.0.2.1")), 150));
        assert!(gather(store, failure(9, 401, Some("192.0.2.1")), 150));
        assert_eq!(counts(store), [(2, 401, 3), (3, 300, 1), (1, 100, 1)]);
    }

    fn a_failure_is_not_gathered_on_anything_else(store) {
        let success = Event { client: client(Some("192.0.2.1"), None, ""), ..line(2, 500, EventKind::SignedIn) };
        let of_another = Event { user_id: Some(id(2)), ..failure(3, 500, Some("192.0.2.1")) };
        add(store, vec![failure(1, 99, Some("192.0.2.1")), success, of_another, failure(4, 500, None)]);
        let before = counts(store);
        assert!(!gather(store, failure(9, 600, Some("192.0.2.1")), 100), "the only one is too old");
        assert!(!gather(store, failure(9, 600, Some("192.0.2.2")), 0));
        assert!(!gather(store, failure(9, 600, None), 0), "no address is not the same address");
        assert!(!gather(store, Event { user_id: None, ..failure(9, 600, Some("192.0.2.1")) }, 0));
        assert_eq!(counts(store), before);
        assert!(gather(store, failure(9, 600, Some("192.0.2.1")), 99), "from that instant on");
    }

    fn gathering_keeps_kinds_and_sessions_apart_and_moves_no_time_back(store) {
        let of = |number, kind, session: Option<u8>| Event {
            kind,
            session_id: session.map(id),
            ..failure(number, 500, Some("192.0.2.1"))
        };
        add(store, vec![of(1, EventKind::ProofFailed, Some(7)), of(2, EventKind::SignInOverLimit, None)]);
        assert!(!gather(store, of(9, EventKind::ProofFailed, Some(8)), 0));
        assert!(!gather(store, of(9, EventKind::ProofFailed, None), 0));
        assert!(!gather(store, of(9, EventKind::SignInFailed, None), 0));
        assert!(gather(store, of(9, EventKind::ProofFailed, Some(7)), 0));
        let late = Event { at: at(400), ..of(9, EventKind::SignInOverLimit, None) };
        assert!(gather(store, late, 0), "a node whose clock is behind");
        assert_eq!(counts(store), [(2, 500, 2), (1, 500, 2)]);
    }

    fn the_latest_sign_in_before_an_instant_is_of_either_kind(store) {
        add(store, vec![
            line(1, 100, EventKind::SignedIn),
            line(2, 200, EventKind::SignedInFromNewBrowser),
            line(3, 200, EventKind::SignedIn),
            line(4, 250, EventKind::SignInFailed),
            line(5, 300, EventKind::SignedIn),
            event(6, 260, EventKind::SignedIn, Some(id(2))),
        ]);
        let before = |milliseconds| {
            let found = write(store, move |tx| events::find_sign_in_before(tx, id(1), at(milliseconds)));
            found.map(|found| found.id.to_bytes()[0])
        };
        let found = [before(i64::MAX), before(300), before(200), before(100)];
        assert_eq!(found, [Some(5), Some(3), Some(1), None]);
    }

    fn the_sign_in_of_a_session_is_found_among_its_lines(store) {
        let of_session = |number, kind, user: u8, session: u8| Event {
            session_id: Some(id(session)),
            ..event(number, i64::from(number), kind, Some(id(user)))
        };
        add(store, vec![
            of_session(1, EventKind::ProofGiven, 1, 7),
            of_session(2, EventKind::SignedInFromNewBrowser, 1, 7),
            of_session(3, EventKind::SessionEnded, 1, 7),
            of_session(4, EventKind::SignedIn, 1, 8),
            of_session(5, EventKind::SignedIn, 2, 9),
        ]);
        let sign_in = |session: u8| {
            let found = write(store, move |tx| events::find_sign_in_of_session(tx, id(1), id(session)));
            found.map(|found| found.id.to_bytes()[0])
        };
        assert_eq!([sign_in(7), sign_in(8), sign_in(9), sign_in(10)], [Some(2), Some(4), None, None]);
        let happened = |session: u8, kind, milliseconds| {
            write(store, move |tx| events::happened_in_session(tx, id(1), id(session), kind, at(milliseconds)))
        };
        assert!(happened(7, EventKind::ProofGiven, 1));
        // Another session, kind, instant or person.
        assert!(!happened(8, EventKind::ProofGiven, 1));
        assert!(!happened(7, EventKind::SessionEnded, 1));
        assert!(!happened(7, EventKind::ProofGiven, 2));
        assert!(!happened(9, EventKind::SignedIn, 5));
    }

    fn lines_are_counted_by_kind_from_an_instant_on(store) {
        add(store, vec![
            line(1, 99, EventKind::SignedIn), line(2, 100, EventKind::SignedIn), line(3, 101, EventKind::SignedIn),
            line(4, 101, EventKind::SessionEnded), event(5, 101, EventKind::SignedIn, Some(id(2))),
        ]);
        let count = |kind| write(store, move |tx| events::count_of_user(tx, id(1), kind, at(100)));
        assert_eq!([EventKind::SignedIn, EventKind::SessionEnded, EventKind::UserCreated].map(count), [2, 1, 0]);
    }
}
