//! Notices in the queue, whose turn it is, and what readers of the feed have.

use nightlatch_domain::notice::{Channel, Envelope, Happened, Health, Lane, Notice, NoticeState};
use nightlatch_domain::relying_party::{
    Registration, RelyingParty, RelyingPartyStatus, SigningAlgorithm,
};
use nightlatch_storage::feed::{self, Missed, Reader};
use nightlatch_storage::notices::{self, Report, WaitingClient};
use nightlatch_storage::{Store, app_health, entries, on_both_databases, relying_parties};

use super::rows::{
    ODD_TEXT, at, constraint, id, is_wrong_row_count, numbers, people, refusal, same, write,
};

pub(super) fn app(number: u8) -> RelyingParty {
    RelyingParty {
        id: id(number),
        organization_id: id(1),
        name: format!("App {number}"),
        registration: Registration::default(),
        secret: None,
        status: RelyingPartyStatus::Active,
        epoch: 0,
        created_at: at(0),
    }
}

/// A waiting notice for an app of its own number, due at an instant.
pub(super) fn notice(number: u8, client: u8, due: i64) -> Notice {
    Notice {
        id: id(number),
        ending_id: id(1),
        client_id: id(client),
        session_id: id(number),
        user_id: id(1),
        organization_id: id(1),
        channel: Channel::BackChannel,
        envelope: Envelope {
            app: ODD_TEXT.to_owned(),
            address: Some("https://app.example/logout?a=b".to_owned()),
            algorithm: SigningAlgorithm::EdDsa,
            by_subject: true,
            allow_private_network: true,
            ca_certificates: Some(ODD_TEXT.to_owned()),
            worst_case_minutes: 7,
        },
        ended_at: at(2),
        lane: Lane::Interactive,
        state: NoticeState::Waiting,
        attempts: 0,
        next_at: at(due),
        created_at: at(3),
        give_up_at: at(9_000),
        finished_at: None,
        last_status: None,
        last_error: None,
    }
}

pub(super) const SAID: Report<'_> = Report {
    status: Some(503),
    error: Some("busy"),
};

fn add(store: &Store, added: Vec<Notice>) {
    write(store, move |tx| {
        added.iter().try_for_each(|notice| notices::add(tx, notice))
    });
}

fn find(store: &Store, number: u8) -> Notice {
    write(store, move |tx| notices::find(tx, id(number))).unwrap()
}

fn due(store: &Store, lane: Lane, now: i64) -> Vec<u8> {
    numbers(
        write(store, move |tx| notices::list_due(tx, lane, at(now), 10))
            .into_iter()
            .map(|notice| notice.id),
    )
}

fn pulled(number: u8, client: u8) -> Notice {
    Notice {
        channel: Channel::Pull,
        ..notice(number, client, 1)
    }
}

/// What of the open notices is offered to a reader that has everything up to a number.
fn open_for(store: &Store, client: u8, reader: &'static str, after: u8) -> Vec<u8> {
    numbers(
        write(store, move |tx| {
            feed::list_open_for_reader(tx, id(client), reader, id(after), 10)
        })
        .into_iter()
        .map(|notice| notice.id),
    )
}

fn missed_by(store: &Store, reader: &'static str, after: u8, until: u8) -> Vec<u8> {
    let missed = Missed {
        after: id(after),
        until: id(until),
    };
    numbers(
        write(store, move |tx| {
            feed::list_missed_by_reader(tx, id(1), reader, missed, 10)
        })
        .into_iter()
        .map(|notice| notice.id),
    )
}

pub(super) fn reader(name: &str, first_at: i64, last_at: i64) -> Reader {
    Reader {
        name: name.to_owned(),
        first_at: at(first_at),
        last_at: at(last_at),
        has_until: Some(id(5)),
        missed: Some(Missed {
            after: id(2),
            until: id(4),
        }),
    }
}

fn apps(store: &Store) {
    people(store);
    write(store, |tx| {
        relying_parties::add(tx, &app(1))?;
        relying_parties::add(tx, &app(2))
    });
}

on_both_databases! {
    fn a_notice_comes_back_as_it_was_stored(store) {
        let stored = notice(1, 1, 5);
        add(store, vec![stored.clone(), notice(2, 1, 5)]);
        same(&write(store, |tx| notices::find(tx, id(1))), &Some(stored));
        assert!(write(store, |tx| notices::find(tx, id(9))).is_none());
        let of_ending = write(store, |tx| notices::list_of_ending(tx, id(1), 10));
        assert_eq!(numbers(of_ending.iter().map(|notice| notice.id)), [1, 2]);
        assert_eq!(refusal(store, |tx| notices::add(tx, &notice(1, 1, 5))), constraint("notices_pkey"));
    }

    fn due_notices_come_longest_due_first_of_one_lane_and_only_those_we_call_for(store) {
        let mass = Notice { lane: Lane::Mass, ..notice(4, 1, 1) };
        add(store, vec![notice(1, 1, 30), notice(2, 1, 10), notice(3, 2, 20), mass, pulled(5, 1)]);
        assert_eq!(due(store, Lane::Interactive, 30), [2, 3, 1]);
        assert_eq!(due(store, Lane::Interactive, 15), [2]);
        assert_eq!(due(store, Lane::Mass, 15), [4]);
        assert_eq!(write(store, |tx| notices::find_next_due(tx, Lane::Interactive)), Some(at(10)));
        let of_app = write(store, |tx| notices::list_due_of_client(tx, Lane::Interactive, id(1), at(30), 9));
        assert_eq!(numbers(of_app.iter().map(|notice| notice.id)), [2, 1]);
        let after = |app: u8| move |tx: &mut nightlatch_storage::Tx<'_>| {
            notices::find_waiting_client_after(tx, Channel::BackChannel, Lane::Interactive, id(app))
        };
        assert_eq!(write(store, after(0)), Some(id(1)));
        assert_eq!(write(store, after(1)), Some(id(2)));
        assert_eq!(write(store, after(2)), None);
        let pulling = write(store, |tx| {
            notices::find_waiting_client_after(tx, Channel::Pull, Lane::Interactive, id(0))
        });
        assert_eq!(pulling, Some(id(1)));
    }

    fn a_claim_is_had_by_one_and_only_its_holder_says_what_came_of_it(store) {
        add(store, vec![notice(1, 1, 10)]);
        assert!(write(store, |tx| notices::claim(tx, id(1), at(10), at(20))));
        // Somebody else saw the same row.
        assert!(!write(store, |tx| notices::claim(tx, id(1), at(10), at(21))));
        assert!(due(store, Lane::Interactive, 19).is_empty());
        // A process that dies with a claim loses it.
        assert_eq!(due(store, Lane::Interactive, 20), [1]);
        assert!(write(store, |tx| notices::claim(tx, id(1), at(20), at(30))));
        assert_eq!(find(store, 1).attempts, 2);
        // The one that had it before comes late.
        assert!(!write(store, |tx| notices::postpone(tx, id(1), at(20), at(25), SAID)));
        assert!(!write(store, |tx| notices::finish(tx, id(1), at(20), NoticeState::Failed, at(25), SAID)));
        assert_eq!(find(store, 1).state, NoticeState::Waiting);
        assert!(write(store, |tx| notices::postpone(tx, id(1), at(30), at(50), SAID)));
        let postponed = find(store, 1);
        assert_eq!(postponed.next_at, at(50));
        assert_eq!((postponed.last_status, postponed.last_error.as_deref()), (Some(503), Some("busy")));
        // That the app knows is true, whoever says so.
        assert!(write(store, |tx| notices::confirm(tx, id(1), at(40), Some(200))));
        assert!(!write(store, |tx| notices::confirm(tx, id(1), at(41), Some(200))));
        let confirmed = find(store, 1);
        assert_eq!((confirmed.state, confirmed.finished_at), (NoticeState::Confirmed, Some(at(40))));
        assert_eq!((confirmed.last_status, confirmed.last_error), (Some(200), None));
        assert!(due(store, Lane::Interactive, 1_000).is_empty());
        assert!(!write(store, |tx| notices::claim(tx, id(1), at(50), at(60))));
        assert!(!write(store, |tx| notices::finish(tx, id(1), at(50), NoticeState::Failed, at(60), SAID)));
    }

    fn only_what_failed_or_was_given_up_is_revived(store) {
        add(store, vec![notice(1, 1, 1), notice(2, 1, 1), notice(3, 1, 1), notice(4, 1, 1)]);
        write(store, |tx| notices::finish(tx, id(1), at(1), NoticeState::Failed, at(5), SAID));
        write(store, |tx| notices::finish(tx, id(2), at(1), NoticeState::GaveUp, at(5), SAID));
        write(store, |tx| notices::finish(tx, id(3), at(1), NoticeState::Superseded, at(5), SAID));
        let undelivered = write(store, |tx| notices::list_undelivered(tx, id(9), 9));
        assert_eq!(numbers(undelivered.iter().map(|notice| notice.id)), [2, 1]);
        let older = write(store, |tx| notices::list_undelivered(tx, id(2), 9));
        assert_eq!(numbers(older.iter().map(|notice| notice.id)), [1]);
        for (number, expected) in [(1, true), (2, true), (3, false), (4, false), (9, false)] {
            let mut envelope = notice(1, 1, 1).envelope;
            envelope.worst_case_minutes = 99;
            let done = write(store, move |tx| notices::revive(tx, id(number), &envelope, at(100), at(900)));
            assert_eq!(done, expected, "{number}");
        }
        let revived = find(store, 1);
        assert_eq!((revived.state, revived.attempts), (NoticeState::Waiting, 0));
        assert_eq!((revived.next_at, revived.give_up_at), (at(100), at(900)));
        assert_eq!((revived.finished_at, revived.envelope.worst_case_minutes), (None, 99));
    }

    fn what_waits_is_listed_and_counted(store) {
        add(store, vec![notice(3, 1, 1), notice(1, 1, 9), notice(2, 2, 1), pulled(4, 2)]);
        write(store, |tx| notices::confirm(tx, id(2), at(5), None));
        let of_app = write(store, |tx| notices::list_waiting_of_client(tx, id(1), 9));
        assert_eq!(numbers(of_app.iter().map(|notice| notice.id)), [1, 3]);
        assert_eq!(
            write(store, |tx| notices::count_waiting_by_client(tx, 9)),
            [(1, 2), (2, 1)].map(|(app, notices)| WaitingClient { client_id: id(app), notices })
        );
        assert_eq!(write(store, |tx| notices::count_waiting(tx, 9)), 3);
        assert_eq!(write(store, |tx| notices::count_waiting(tx, 2)), 2);
        assert!(write(store, |tx| notices::list_pulled_too_late(tx, at(9_000), 9)).is_empty());
        let late = write(store, |tx| notices::list_pulled_too_late(tx, at(9_001), 9));
        assert_eq!(numbers(late.iter().map(|notice| notice.id)), [4]);
        assert_eq!(write(store, |tx| notices::prune(tx, at(5), 9)), 0);
        assert_eq!(write(store, |tx| notices::prune(tx, at(6), 9)), 1);
    }

    fn each_reader_has_a_position_of_its_own(store) {
        apps(store);
        add(store, vec![pulled(1, 1), pulled(2, 1), pulled(3, 2), notice(4, 1, 1)]);
        let half = |reader: &'static str, limit: i64| {
            write(store, move |tx| feed::list_half_acknowledged(tx, id(1), reader, limit))
        };
        let lacking = |notice: u8, since: i64| {
            write(store, move |tx| feed::is_lacking(tx, id(1), id(notice), at(since)))
        };
        write(store, |tx| feed::put_reader(tx, id(1), &reader("one", 1, 9)));
        write(store, |tx| feed::put_reader(tx, id(1), &reader("two", 1, 5)));
        write(store, |tx| feed::put_reader(tx, id(2), &reader("three", 1, 9)));
        assert_eq!(open_for(store, 1, "one", 0), [1, 2]);
        assert_eq!(open_for(store, 1, "one", 1), [2]);
        assert!(lacking(1, 1));
        write(store, |tx| feed::acknowledge(tx, id(1), "one", at(5)));
        write(store, |tx| feed::acknowledge(tx, id(1), "one", at(6)));
        // Who asked at the instant counts, who asked before it does not.
        assert!(lacking(1, 5));
        assert!(!lacking(1, 6));
        assert!(lacking(2, 6));
        assert_eq!(open_for(store, 1, "one", 0), [2]);
        assert_eq!(open_for(store, 1, "two", 0), [1, 2]);
        assert_eq!(half("one", 9), [id(1)]);
        write(store, |tx| feed::acknowledge(tx, id(2), "two", at(7)));
        assert_eq!(half("two", 9), [id(2)]);
        assert!(half("two", 1).is_empty(), "only the oldest are looked at");
        // Confirmed without the second.
        write(store, |tx| notices::confirm(tx, id(1), at(7), None));
        assert_eq!(open_for(store, 1, "two", 0), [] as [u8; 0]);
        assert_eq!(missed_by(store, "two", 0, 9), [1]);
        assert!(missed_by(store, "two", 1, 9).is_empty());
        assert!(missed_by(store, "two", 0, 0).is_empty());
        assert!(missed_by(store, "one", 0, 9).is_empty());
        assert!(half("one", 9).is_empty());
        // Offered again, to those who have been there as well.
        write(store, |tx| notices::finish(tx, id(2), at(1), NoticeState::Failed, at(8), SAID));
        write(store, |tx| feed::offer_again(tx, id(1), id(2)));
        write(store, |tx| notices::revive(tx, id(2), &notice(1, 1, 1).envelope, at(9), at(99)));
        assert_eq!(open_for(store, 1, "two", 0), [2]);
        let found = write(store, |tx| feed::find_reader(tx, id(1), "two")).unwrap();
        assert_eq!(found.has_until, None);
        let other = write(store, |tx| feed::find_reader(tx, id(2), "three")).unwrap();
        assert_eq!(other.has_until, Some(id(5)), "another app's readers stay where they are");
        let owed = |client: u8, after: u8| {
            write(store, move |tx| feed::is_owed_anything(tx, id(client), id(after)))
        };
        assert!(owed(1, 0) && owed(1, 9), "something is open");
        write(store, |tx| notices::confirm(tx, id(2), at(9), None));
        assert!(owed(1, 1) && !owed(1, 2));
        // They go with their notice.
        write(store, |tx| feed::acknowledge(tx, id(1), "two", at(8)));
        assert_eq!(write(store, |tx| notices::prune(tx, at(8), 9)), 1);
        add(store, vec![pulled(1, 1)]);
        assert!(lacking(1, 6), "an acknowledgement of the one before is gone");
    }

    fn readers_are_remembered_while_they_ask(store) {
        apps(store);
        write(store, |tx| feed::put_reader(tx, id(1), &reader("two", 1, 1)));
        write(store, |tx| feed::put_reader(tx, id(1), &reader("one", 2, 2)));
        let stands = Reader { has_until: Some(id(7)), missed: None, ..reader("two", 1, 3) };
        let put = stands.clone();
        write(store, move |tx| feed::put_reader(tx, id(1), &put));
        write(store, |tx| feed::put_reader(tx, id(2), &reader("one", 9, 9)));
        assert_eq!(write(store, |tx| feed::count_readers(tx, id(1), 9)), 2);
        assert_eq!(write(store, |tx| feed::count_readers(tx, id(1), 1)), 1);
        assert_eq!(write(store, |tx| feed::find_reader(tx, id(1), "two")), Some(stands));
        assert_eq!(write(store, |tx| feed::find_reader(tx, id(1), "one")), Some(reader("one", 2, 2)));
        assert_eq!(write(store, |tx| feed::prune_readers(tx, at(3), 9)), 1);
        assert_eq!(write(store, |tx| feed::find_reader(tx, id(1), "one")), None);
    }

    fn how_it_stands_with_an_app_is_one_row(store) {
        apps(store);
        assert_eq!(write(store, |tx| app_health::find(tx, id(1))), None);
        let mut health = Health::default();
        for number in 0..3 {
            health.note(&Happened::Lost(ODD_TEXT.to_owned()), at(number));
            let put = health.clone();
            write(store, move |tx| app_health::put(tx, id(1), &put));
        }
        assert_eq!(write(store, |tx| app_health::find(tx, id(1))), Some(health));
        assert_eq!(write(store, |tx| app_health::find(tx, id(2))), None);
        add(store, vec![notice(1, 1, 1), notice(2, 1, 1), notice(3, 1, 1), notice(4, 2, 1)]);
        write(store, |tx| notices::finish(tx, id(1), at(1), NoticeState::Failed, at(5), SAID));
        write(store, |tx| notices::finish(tx, id(2), at(1), NoticeState::GaveUp, at(5), SAID));
        let counted = |limit: i64| {
            write(store, move |tx| {
                let waiting = notices::count_waiting_of_client(tx, id(1), limit)?;
                Ok((waiting, notices::count_undelivered_of_client(tx, id(1), limit)?))
            })
        };
        assert_eq!(counted(9), (1, 2));
        assert_eq!(counted(1), (1, 1));
    }

    fn an_entry_is_open_until_it_is_left_and_again_when_entered_again(store) {
        apps(store);
        write(store, |tx| entries::record(tx, id(7), id(1), id(1), at(10)));
        write(store, |tx| entries::record(tx, id(8), id(1), id(2), at(11)));
        let mut open = write(store, |tx| entries::list_open_of_sessions(tx, &[id(7), id(8), id(9)]));
        open.sort_unstable();
        assert_eq!(open, [(id(7), id(1)), (id(8), id(1))]);
        let is_in = |since: i64| move |tx: &mut nightlatch_storage::Tx<'_>| {
            entries::is_in_since(tx, id(1), id(1), at(since))
        };
        assert!(write(store, is_in(9)));
        assert!(!write(store, is_in(10)));
        assert!(write(store, |tx| entries::leave(tx, id(7), id(1), at(20))));
        assert!(!write(store, |tx| entries::leave(tx, id(7), id(1), at(21))));
        assert!(!write(store, is_in(9)));
        assert!(write(store, |tx| entries::list_open_of_sessions(tx, &[id(7)])).is_empty());
        let open = write(store, |tx| entries::list_open_of_client(tx, id(1), 9));
        assert_eq!(numbers(open.iter().map(|entry| entry.session_id)), [8]);
        write(store, |tx| entries::record(tx, id(7), id(1), id(1), at(30)));
        let entry = write(store, |tx| entries::find(tx, id(7), id(1))).unwrap();
        assert_eq!((entry.first_at, entry.last_at, entry.left_at), (at(10), at(30), None));
        write(store, |tx| entries::leave(tx, id(7), id(1), at(40)));
        assert_eq!(write(store, |tx| entries::prune(tx, at(40), 9)), 0);
        assert_eq!(write(store, |tx| entries::prune(tx, at(41), 9)), 1);
        // Nobody enters an app that does not exist.
        assert!(!is_wrong_row_count(&refusal(store, |tx| entries::record(tx, id(7), id(9), id(1), at(1)))));
    }
}
