//! A small run of the large fill: what is measured on is what the product itself would
//! have left.
#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected fails")]

use std::collections::BTreeSet;
use std::time::Duration;

use nightlatch_bench::history::{History, Written};
use nightlatch_domain::Timestamp;
use nightlatch_domain::event::EventKind;
use nightlatch_domain::ids::{EndingId, SessionId};
use nightlatch_flows::activity::Activity;
use nightlatch_flows::housekeeping;
use nightlatch_flows::log_out::end_overdue;
use nightlatch_flows::sessions::{Check, check, list_live};
use nightlatch_storage::events::EventFilter;
use nightlatch_storage::testing::TestStore;
use nightlatch_storage::{
    DatabaseKind, DatabaseLocation, StorageError, Store, bulk, endings, events, on_both_databases,
    sessions,
};

const HISTORY: History = History {
    people: 300,
    sessions: 3_000,
    live: 400,
    seed: 7,
    now: Timestamp::from_milliseconds(1_795_433_500_000),
};

/// Beside the file of an open store, whose journal could not be turned off.
fn place(beside: &TestStore) -> DatabaseLocation {
    match beside.location() {
        DatabaseLocation::Sqlite(path) => {
            DatabaseLocation::Sqlite(path.with_file_name("filled.db"))
        }
        other => other,
    }
}

fn filled(location: &DatabaseLocation) -> (Store, Written) {
    let mut written = Written::default();
    bulk::fill(location, |tx| {
        written = HISTORY.write(tx, "a record", &mut |_| {})?;
        Ok(())
    })
    .unwrap();
    (Store::open(location).unwrap(), written)
}

fn read<T: Send + 'static>(
    store: &Store,
    mut flow: impl FnMut(&mut nightlatch_storage::Tx<'_>) -> Result<T, StorageError> + Send + 'static,
) -> T {
    store.read_blocking(move |tx| flow(tx)).unwrap()
}

/// The indexes of a database, by name.
fn indexes(store: &Store) -> BTreeSet<String> {
    let sql = match store.kind() {
        DatabaseKind::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'index'",
        DatabaseKind::Postgres => {
            "SELECT indexname::text FROM pg_indexes WHERE schemaname = current_schema()::text"
        }
    };
    read(store, move |tx| tx.query(sql, &[], |row| row.get(0)))
        .into_iter()
        .collect()
}

on_both_databases! {
    fn a_filled_database_is_one_that_the_product_could_have_left(fresh) {
        let untouched = indexes(fresh);
        let (store, written) = filled(&place(fresh));
        assert_eq!(indexes(&store), untouched, "measured without an index, nothing is measured");
        assert_eq!(
            (written.people, written.sessions, written.live, written.events),
            (300, 3_000, 400, 3_000 + 2_600)
        );
        for number in 0..HISTORY.sessions {
            every_session_has_one_life(&store, number);
        }
        for turn in 0..HISTORY.live {
            let session = HISTORY.live_session(turn);
            let (token, id) = (HISTORY.token(session).digest(), HISTORY.session_id(session));
            let checked = read(&store, move |tx| check(tx, token, &Activity::default(), HISTORY.now));
            assert!(matches!(checked, Check::Live(live) if live.owned.session.id == id), "{session}");
        }
        let mut live = 0;
        for person in 0..HISTORY.people {
            let user = HISTORY.user_id(person);
            live += read(&store, move |tx| list_live(tx, user, &Activity::default(), HISTORY.now)).len();
        }
        assert_eq!(live, 400);
    }

    fn nothing_of_it_is_due_for_deletion_or_overdue_while_something_is_measured(fresh) {
        let (store, _) = filled(&place(fresh));
        let soon = HISTORY.now.plus(Duration::from_hours(24));
        let gone: Result<u64, StorageError> = store.write_blocking(move |tx| housekeeping::prune(tx, soon, 500));
        assert_eq!(gone.unwrap(), 0);
        let moment = nightlatch_flows::Moment {
            now: soon,
            random: std::sync::Arc::new(nightlatch_domain::random::SeededRandom::new(1)),
            activity: std::sync::Arc::default(),
        };
        let overdue: Result<_, StorageError> = store.write_blocking(move |tx| end_overdue(tx, &moment, soon, 500));
        assert!(overdue.unwrap().is_empty());
    }

    fn what_is_there_already_is_not_filled_over(fresh) {
        let location = place(fresh);
        drop(filled(&location));
        let again = bulk::fill(&location, |_| Ok(()));
        assert!(again.is_err(), "a database with people would lose its indexes meanwhile");
    }
}

/// Its row, its lines and its ending say the same.
fn every_session_has_one_life(store: &Store, number: u64) {
    let (id, user) = (
        HISTORY.session_id(number),
        HISTORY.user_id(HISTORY.person_of(number)),
    );
    let (owned, lines) = read(store, move |tx| {
        let owned = sessions::find(tx, id)?;
        Ok((
            owned,
            events::list_of_user(tx, user, EventFilter::All, None, 1_000)?,
        ))
    });
    let session = owned.unwrap().session;
    assert_eq!(session.user_id, user);
    let of_it: Vec<_> = lines
        .iter()
        .filter(|line| line.session_id == Some(id))
        .collect();
    let (ends, begins): (Vec<_>, Vec<_>) = of_it
        .into_iter()
        .partition(|line| line.kind == EventKind::SessionEnded);
    assert_eq!(begins.len(), 1, "{number}");
    match session.life.ended {
        None => assert!(ends.is_empty(), "{number}"),
        Some(ended) => {
            let [line] = ends.as_slice() else {
                unreachable!("{number} ended {} times", ends.len());
            };
            assert_eq!(
                (line.at, line.cause, line.ending_id),
                (ended.at, Some(ended.cause), Some(ended.ending_id))
            );
            let counted = count_of_ending(store, ended.ending_id);
            let ending = read(store, move |tx| endings::find(tx, ended.ending_id)).unwrap();
            assert_eq!(
                (
                    ending.sessions_ended,
                    ending.cause,
                    ending.actor,
                    ending.expanded
                ),
                (counted, ended.cause, line.actor, true)
            );
        }
    }
}

fn count_of_ending(store: &Store, ending: EndingId) -> i64 {
    let found: Vec<SessionId> = read(store, move |tx| {
        tx.query(
            "SELECT id FROM sessions WHERE ending_id = $1",
            &[ending.into()],
            |row| row.get(0),
        )
    });
    i64::try_from(found.len()).unwrap()
}
