//! Whoever keeps an answer in memory hears of every commit that may turn it into a no: after the commit, before
//! anybody is answered, and of nothing that was rolled back.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use nightlatch_domain::ending::Cause;
use nightlatch_storage::{
    CommitObserver, Concern, StorageError, Store, Tx, epochs, on_both_databases, sessions,
};

use super::rows::{add_sessions, digest, ended, id, people, session};
use super::{Refused, counter, increment};

/// Long enough for anything that must happen; only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// What was told, commit by commit.
#[derive(Default)]
struct Heard(Mutex<Vec<(u64, Vec<Concern>)>>);

impl Heard {
    fn at(store: &Store) -> Arc<Self> {
        let heard = Arc::new(Self::default());
        store.observe(Arc::<Self>::clone(&heard));
        heard
    }

    fn all(&self) -> Vec<(u64, Vec<Concern>)> {
        self.0.lock().unwrap().clone()
    }
}

impl CommitObserver for Heard {
    fn committed(&self, number: u64, concerns: &[Concern]) {
        self.0.lock().unwrap().push((number, concerns.to_vec()));
    }
}

/// One that stands still until it is let go.
struct Slow {
    entered: Mutex<Sender<()>>,
    go_on: Mutex<Receiver<()>>,
}

impl CommitObserver for Slow {
    fn committed(&self, _: u64, _: &[Concern]) {
        self.entered.lock().unwrap().send(()).unwrap();
        self.go_on.lock().unwrap().recv_timeout(PATIENCE).unwrap();
    }
}

fn raise(user: u8) -> impl FnMut(&mut Tx<'_>) -> Result<(), StorageError> {
    move |tx| epochs::raise_user(tx, id(user)).map(|_| ())
}

on_both_databases! {
    fn what_is_kept_is_told_under_rising_numbers(store) {
        people(store);
        add_sessions(store, vec![session(1, 1)]);
        let heard = Heard::at(store);
        assert_eq!(store.last_told(), 0);
        store.write_blocking(raise(1)).unwrap();
        store
            .write_blocking(|tx| {
                sessions::renew(tx, &session(1, 1), digest(77))?;
                sessions::close(tx, id(1), &ended(5, Cause::LoggedOut, 1)).map(|_| ())
            })
            .unwrap_or_else(|error: StorageError| panic!("{error}"));
        let expected = vec![
            (1, vec![Concern::User(id(1))]),
            (2, vec![Concern::Session(id(1)), Concern::Session(id(1))]),
        ];
        assert_eq!(heard.all(), expected);
        assert_eq!(store.last_told(), 2);
    }

    fn what_concerns_nobody_takes_no_number(store) {
        counter(store);
        let heard = Heard::at(store);
        store.write_blocking(increment).unwrap();
        assert_eq!((heard.all(), store.last_told()), (vec![], 0));
    }

    fn nobody_is_told_of_what_was_rolled_back(store) {
        people(store);
        let heard = Heard::at(store);
        let refused: Result<(), Refused> = store.write_blocking(|tx| {
            epochs::raise_deployment(tx)?;
            Err(Refused::ByFlow)
        });
        assert_eq!(refused, Err(Refused::ByFlow));
        let panicked: Result<(), StorageError> = store.write_blocking(|tx| {
            epochs::raise_deployment(tx)?;
            panic!("a flow that panics, on purpose")
        });
        panicked.unwrap_err();
        let doomed: Result<(), StorageError> = store.write_blocking(|tx| {
            epochs::raise_deployment(tx)?;
            let _ = tx.execute("INSERT INTO deployment (id, epoch) VALUES (1, 0)", &[]);
            Ok(())
        });
        doomed.unwrap_err();
        assert_eq!((heard.all(), store.last_told()), (vec![], 0));
    }

    // A log-out is answered, and a check from memory a moment later must know of it.
    fn nobody_is_answered_before_everybody_was_told(store) {
        people(store);
        let (entered, has_entered) = mpsc::channel();
        let (let_go, go_on) = mpsc::channel();
        store.observe(Arc::new(Slow { entered: Mutex::new(entered), go_on: Mutex::new(go_on) }));
        let (answer, answered) = mpsc::channel();
        let asking = Store::clone(store);
        let asked = thread::spawn(move || {
            asking.write_blocking(raise(1)).unwrap();
            answer.send(()).unwrap();
        });
        has_entered.recv_timeout(PATIENCE).unwrap();
        assert_eq!(store.last_told(), 0, "not everybody was told yet");
        // It is committed: who reads now sees it.
        let seen = store
            .read_blocking(|tx| epochs::find_of_user(tx, id(1)))
            .unwrap_or_else(|error: StorageError| panic!("{error}"));
        assert_eq!(seen.map(|epochs| epochs.user), Some(1));
        let early = answered.recv_timeout(Duration::from_millis(200));
        let_go.send(()).unwrap();
        asked.join().unwrap();
        assert!(early.is_err(), "the caller was answered while an observer still worked");
        assert_eq!(store.last_told(), 1);
    }

    // PostgreSQL runs it again, SQLite does not have to.
    fn a_flow_that_runs_again_is_told_once(store) {
        people(store);
        counter(store);
        let heard = Heard::at(store);
        let runs = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let (store, runs) = (Store::clone(store), Arc::clone(&runs));
                thread::spawn(move || {
                    store.write_blocking(move |tx| {
                        runs.fetch_add(1, Ordering::SeqCst);
                        epochs::raise_user(tx, id(1))?;
                        increment(tx)
                    })
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap().unwrap();
        }
        let mut told: Vec<Concern> = Vec::new();
        for (_, concerns) in heard.all() {
            told.extend(concerns);
        }
        assert_eq!(told, vec![Concern::User(id(1)); 8], "{} runs", runs.load(Ordering::SeqCst));
    }

    // SQLite commits what is queued together; each keeps or loses its own.
    fn neighbors_in_a_grouped_commit_are_told_each_for_itself(store) {
        people(store);
        let heard = Heard::at(store);
        let (begun, has_begun) = mpsc::channel();
        let (open, opened) = mpsc::channel::<()>();
        let first = Store::clone(store);
        let gate = thread::spawn(move || {
            first.write_blocking(move |_| {
                let _ = begun.send(());
                let _ = opened.recv_timeout(PATIENCE);
                Ok::<_, StorageError>(())
            })
        });
        has_begun.recv_timeout(PATIENCE).unwrap();
        let waiting: Vec<_> = (1..=2)
            .map(|user| {
                let store = Store::clone(store);
                thread::spawn(move || {
                    store.write_blocking(move |tx| {
                        epochs::raise_user(tx, id(user))?;
                        if user == 1 { Ok(()) } else { Err(Refused::ByFlow) }
                    })
                })
            })
            .collect();
        open.send(()).unwrap();
        gate.join().unwrap().unwrap();
        let outcomes: Vec<_> = waiting.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert_eq!(outcomes, [Ok(()), Err(Refused::ByFlow)]);
        assert_eq!(heard.all(), vec![(1, vec![Concern::User(id(1))])]);
    }
}

/// The disk says no to the commit itself. What it holds then is not known for sure, so what it concerns is told: to
/// forget for nothing costs one read.
#[test]
fn a_commit_whose_outcome_is_unknown_is_told() {
    let store =
        nightlatch_storage::testing::fresh_store(nightlatch_storage::testing::TestDatabase::Sqlite);
    people(&store);
    let heard = Heard::at(&store);
    let outcome: Result<(), StorageError> = store.write_blocking(|tx| {
        tx.execute("PRAGMA defer_foreign_keys = 1", &[])?;
        epochs::raise_user(tx, id(1))?;
        tx.execute(
            "UPDATE users SET organization_id = id WHERE email_key IS NOT NULL",
            &[],
        )
        .map(|_| ())
    });
    outcome.unwrap_err();
    assert_eq!(heard.all(), vec![(1, vec![Concern::User(id(1))])]);
    let epochs: Result<_, StorageError> = store.read_blocking(|tx| epochs::find_of_user(tx, id(1)));
    assert_eq!(epochs.unwrap().map(|epochs| epochs.user), Some(0));
}
