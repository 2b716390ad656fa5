//! All or nothing, and neighbours that do not feel each other.

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use nightlatch_storage::testing::{TestDatabase, TestStore, fresh_store};
use nightlatch_storage::{
    DatabaseKind, StorageError, Store, StoreSettings, Value, on_both_databases,
};

use super::{Refused, counter, first, increment, number, read_number, run};

/// Long enough for anything that must happen; only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// A flow that says when it has begun and ends when it is told to. Dropping the sender lets it go as well.
fn gate(store: &Store) -> (Receiver<()>, Sender<()>, thread::JoinHandle<()>) {
    let (begun, has_begun) = mpsc::channel();
    let (open, opened) = mpsc::channel::<()>();
    let store = store.clone();
    let thread = thread::spawn(move || {
        let outcome: Result<(), StorageError> = store.write_blocking(move |_| {
            let _ = begun.send(());
            let _ = opened.recv_timeout(PATIENCE);
            Ok(())
        });
        outcome.unwrap();
    });
    (has_begun, open, thread)
}

fn insert(store: &Store, name: &'static str) -> thread::JoinHandle<Result<(), Refused>> {
    let store = store.clone();
    thread::spawn(move || {
        store.write_blocking(move |tx| {
            tx.execute_one("INSERT INTO names (name) VALUES ($1)", &[name.into()])?;
            match name {
                "refused" => Err(Refused::ByFlow),
                "panics" => panic!("a flow that panics, on purpose"),
                _ => Ok(()),
            }
        })
    })
}

fn names(store: &Store) -> Vec<String> {
    store
        .read_blocking(|tx| tx.query("SELECT name FROM names ORDER BY name", &[], first))
        .unwrap_or_else(|error: StorageError| panic!("{error}"))
}

fn store_for_names(which: TestDatabase) -> TestStore {
    let store = fresh_store(which);
    run(
        &store,
        "CREATE TABLE names (name TEXT NOT NULL PRIMARY KEY)",
    );
    store
}

on_both_databases! {
    fn an_error_of_the_flow_rolls_back_and_is_answered_as_it_is(store) {
        counter(store);
        let outcome: Result<(), Refused> = store.write_blocking(|tx| {
            increment(tx)?;
            Err(Refused::ByFlow)
        });
        assert_eq!(outcome, Err(Refused::ByFlow));
        assert_eq!(number(store), 0);
    }

    fn a_flow_sees_its_own_writes(store) {
        counter(store);
        let seen: Result<i64, StorageError> = store.write_blocking(|tx| {
            increment(tx)?;
            increment(tx)?;
            read_number(tx)
        });
        assert_eq!(seen, Ok(2));
    }

    fn after_a_refused_statement_the_transaction_is_lost_even_if_the_flow_does_not_mind(store) {
        counter(store);
        let outcome: Result<(), StorageError> = store.write_blocking(|tx| {
            increment(tx)?;
            let refused = tx.execute("INSERT INTO counter (id, number) VALUES (1, 1)", &[]).unwrap_err();
            let further = increment(tx).unwrap_err();
            assert_eq!(further, refused);
            Ok(())
        });
        assert_eq!(outcome, Err(StorageError::Constraint { name: "counter_pkey".to_owned() }));
        assert_eq!(number(store), 0);
    }

    fn a_refusal_can_become_an_outcome_of_the_flow(store) {
        counter(store);
        let outcome: Result<(), Refused> = store.write_blocking(|tx| {
            match tx.execute("INSERT INTO counter (id, number) VALUES (1, 1)", &[]) {
                Err(StorageError::Constraint { name }) if name == "counter_pkey" => Err(Refused::ByFlow),
                other => Ok(other.map(|_| ())?),
            }
        });
        assert_eq!(outcome, Err(Refused::ByFlow));
    }

    fn reads_cannot_write(store) {
        counter(store);
        let outcome: Result<(), StorageError> = store.read_blocking(increment);
        assert!(matches!(outcome, Err(StorageError::Other(_))), "{outcome:?}");
        assert_eq!(number(store), 0);
        run(store, "UPDATE counter SET number = 5");
        assert_eq!(number(store), 5, "the reader is still of use");
    }

    fn a_read_sees_one_moment_from_its_first_statement_to_its_last(store) {
        counter(store);
        let (looked, has_looked) = mpsc::channel();
        let (written, was_written) = mpsc::channel();
        let reader = Store::clone(store);
        let reading = thread::spawn(move || {
            reader.read_blocking(move |tx| {
                let before = read_number(tx)?;
                looked.send(()).unwrap();
                was_written.recv_timeout(PATIENCE).unwrap();
                Ok::<_, StorageError>((before, read_number(tx)?))
            })
        });
        has_looked.recv_timeout(PATIENCE).unwrap();
        store.write_blocking(increment).unwrap();
        written.send(()).unwrap();
        assert_eq!(reading.join().unwrap(), Ok((0, 0)));
        assert_eq!(number(store), 1);
    }

    fn a_change_is_visible_as_soon_as_it_is_answered(store) {
        counter(store);
        // Company for the writer, so that groups form.
        run(store, "CREATE TABLE noise (id BIGINT NOT NULL, text TEXT)");
        let noise = Store::clone(store);
        let (stop, stopped) = mpsc::channel::<()>();
        let company = thread::spawn(move || {
            while stopped.try_recv() == Err(mpsc::TryRecvError::Empty) {
                let one: Result<u64, StorageError> = noise
                    .write_blocking(|tx| tx.execute("INSERT INTO noise (id, text) VALUES (1, 'x')", &[]));
                one.unwrap();
            }
        });
        for expected in 1..=100 {
            store.write_blocking(increment).unwrap();
            assert_eq!(number(store), expected);
        }
        drop(stop);
        company.join().unwrap();
    }

    fn a_full_queue_is_an_answer_and_not_a_wait(store) {
        counter(store);
        let mut settings = StoreSettings::default();
        settings.writers = 1;
        settings.queued_jobs = 1;
        let small = Store::open_with(&store.location(), &settings).unwrap();
        let (begun, open, thread) = gate(&small);
        begun.recv_timeout(PATIENCE).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut waiting = Box::pin(small.write(increment));
            // The first poll puts it into the queue, which is full then.
            assert!(futures_poll_once(&mut waiting).await.is_none());
            assert_eq!(small.write(increment).await, Err(StorageError::Busy));
            open.send(()).unwrap();
            waiting.await.unwrap();
        });
        thread.join().unwrap();
        assert_eq!(number(store), 1, "the refused one did not happen, the waiting one did");
    }

    fn work_that_is_queued_is_done_before_the_store_closes(store) {
        counter(store);
        let other = store.open_again().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            // Whoever asked has gone; a log-out whose browser hung up counts all the same.
            for _ in 0..20 {
                let mut abandoned = Box::pin(other.write(increment));
                let _ = futures_poll_once(&mut abandoned).await;
            }
        });
        drop(other);
        assert_eq!(number(store), 20);
    }

    fn a_flow_may_hold_the_last_clone_of_its_store(store) {
        counter(store);
        let other = store.open_again().unwrap();
        let (gone, is_gone) = mpsc::channel::<()>();
        let (dropped, was_dropped) = mpsc::channel();
        let held = LastClone { _store: other.clone(), _probe: Probe(dropped) };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut asked = Box::pin(other.write(move |tx| {
                let _ = is_gone.recv_timeout(PATIENCE);
                let _ = &held;
                increment(tx)
            }));
            let _ = futures_poll_once(&mut asked).await;
        });
        drop(other);
        gone.send(()).unwrap();
        assert!(!was_dropped.recv_timeout(PATIENCE).unwrap(), "the thread panicked closing its own store");
        assert_eq!(number(store), 1);
    }
}

/// Dropped in this order: the store closes, then the probe tells how that went.
struct LastClone {
    _store: Store,
    _probe: Probe,
}

struct Probe(Sender<bool>);

impl Drop for Probe {
    fn drop(&mut self) {
        let _ = self.0.send(thread::panicking());
    }
}

/// Polls a future once; some answer if it was ready.
async fn futures_poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match std::pin::Pin::new(&mut *future).poll(context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

fn one_failure_and_one_panic_spare_the_neighbours(which: TestDatabase) {
    let store = store_for_names(which);
    let (begun, open, gate) = gate(&store);
    begun.recv_timeout(PATIENCE).unwrap();
    // On SQLite these queue up behind the gate and share its commit.
    let jobs: Vec<_> = ["first", "refused", "panics", "last"]
        .map(|name| {
            let job = insert(&store, name);
            // Keeps the order; the queue is not otherwise visible from here.
            wait_a_moment();
            job
        })
        .into_iter()
        .collect();
    open.send(()).unwrap();
    gate.join().unwrap();
    let outcomes: Vec<_> = jobs.into_iter().map(|job| job.join().unwrap()).collect();
    assert_eq!(outcomes[0], Ok(()));
    assert_eq!(outcomes[1], Err(Refused::ByFlow));
    assert!(
        matches!(&outcomes[2], Err(Refused::ByStorage(StorageError::Other(text))) if text.contains("panicked")),
        "{:?}",
        outcomes[2]
    );
    assert_eq!(outcomes[3], Ok(()));
    assert_eq!(names(&store), ["first", "last"]);
}

fn nobody_is_answered_before_the_commit(which: TestDatabase) {
    let store = store_for_names(which);
    let (first_begun, open_first, first_gate) = gate(&store);
    first_begun.recv_timeout(PATIENCE).unwrap();
    let job = insert(&store, "early");
    wait_a_moment();
    let (second_begun, open_second, second_gate) = gate(&store);
    wait_a_moment();
    open_first.send(()).unwrap();
    second_begun.recv_timeout(PATIENCE).unwrap();
    if store.kind() == DatabaseKind::Sqlite {
        // The job has run, and shares its commit with the second gate, which is still shut.
        wait_a_moment();
        assert!(!job.is_finished(), "answered before its commit");
        assert!(!first_gate.is_finished(), "answered before its commit");
        assert_eq!(names(&store), Vec::<String>::new());
    }
    open_second.send(()).unwrap();
    assert_eq!(job.join().unwrap(), Ok(()));
    assert_eq!(names(&store), ["early"]);
    first_gate.join().unwrap();
    second_gate.join().unwrap();
}

fn readers_do_not_wait_for_a_writer(which: TestDatabase) {
    let store = store_for_names(which);
    let (begun, open, gate) = gate(&store);
    begun.recv_timeout(PATIENCE).unwrap();
    assert_eq!(names(&store), Vec::<String>::new());
    open.send(()).unwrap();
    gate.join().unwrap();
}

on_both_databases!(
    one_failure_and_one_panic_spare_the_neighbours,
    nobody_is_answered_before_the_commit,
    readers_do_not_wait_for_a_writer,
);

/// For what must *not* happen there is no signal to wait for.
#[expect(
    clippy::disallowed_methods,
    reason = "gives another thread time to do what it must not do"
)]
fn wait_a_moment() {
    thread::sleep(Duration::from_millis(60));
}

#[test]
fn values_and_locations_do_not_print_what_they_hold() {
    let secret = Value::from("hunter2");
    assert_eq!(format!("{secret:?}"), "Text(…)");
    let location = nightlatch_storage::DatabaseLocation::Postgres(
        "postgres://user:hunter2@db.example:5432/nightlatch".to_owned(),
    );
    assert_eq!(
        format!("{location:?}"),
        "Postgres(\"postgres://user@db.example:5432/nightlatch\")"
    );
}
