//! Many at once: nothing is lost, and nothing happens that could not have happened one after another.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nightlatch_storage::testing::{TestDatabase, fresh_store};
use nightlatch_storage::{StorageError, Store, StoreSettings, Tx, Value, on_both_databases};

use super::{Refused, counter, first, increment, number, run};

on_both_databases! {
    fn a_hundred_increments_from_twenty_threads_are_a_hundred(store) {
        counter(store);
        let threads: Vec<_> = (0..20)
            .map(|_| {
                let store = Store::clone(store);
                thread::spawn(move || {
                    for _ in 0..5 {
                        // The flow hides the conflict behind an error of its own, and is run again all the same.
                        let outcome = store.write_blocking(|tx| increment(tx).map_err(|_| Refused::ByFlow));
                        assert_eq!(outcome, Ok(()));
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(number(store), 100);
    }

    fn the_asynchronous_side_carries_a_crowd(store) {
        counter(store);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        runtime.block_on(async {
            let tasks: Vec<_> = (0..100)
                .map(|_| {
                    let store = Store::clone(store);
                    tokio::spawn(async move {
                        store.write(increment).await?;
                        store.read(super::read_number).await
                    })
                })
                .collect();
            for task in tasks {
                let seen: Result<i64, StorageError> = task.await.unwrap();
                assert!(seen.unwrap() >= 1);
            }
        });
        assert_eq!(number(store), 100);
    }
}

/// OUT-03: log out is answered although everything else that waits to be written fills the queue.
fn an_ending_goes_before_a_flood_of_other_writes(which: TestDatabase) {
    let fresh = fresh_store(which);
    counter(&fresh);
    let mut settings = StoreSettings::default();
    settings.writers = 1;
    settings.queued_jobs = 3;
    let store = Store::open_with(&fresh.location(), &settings).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let (begun, has_begun) = std::sync::mpsc::channel();
    let (release, released) = std::sync::mpsc::channel();
    let slow = runtime.spawn({
        let store = store.clone();
        async move {
            store
                .write(move |_| {
                    begun.send(()).unwrap();
                    released.recv().unwrap();
                    Ok::<_, StorageError>(())
                })
                .await
        }
    });
    has_begun.recv().unwrap();
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let note = |what: &'static str| {
        let order = Arc::clone(&order);
        move |_: &mut Tx<'_>| {
            order.lock().unwrap().push(what);
            Ok::<_, StorageError>(())
        }
    };
    // Polled once, each is in the queue.
    let mut waiting = Vec::new();
    for _ in 0..3 {
        let mut write = Box::pin(store.write(note("write")));
        assert!(poll_once(write.as_mut()).is_none());
        waiting.push(write);
    }
    assert_eq!(
        poll_once(Box::pin(store.write(note("late"))).as_mut()),
        Some(Err(StorageError::Busy))
    );
    let mut ending = Box::pin(store.write_ending(note("ending")));
    assert!(poll_once(ending.as_mut()).is_none());
    release.send(()).unwrap();
    runtime.block_on(async {
        assert_eq!(slow.await.unwrap(), Ok(()));
        assert_eq!(ending.await, Ok(()));
        for write in waiting {
            assert_eq!(write.await, Ok(()));
        }
    });
    assert_eq!(
        *order.lock().unwrap(),
        ["ending", "write", "write", "write"]
    );
}

fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.poll(&mut context) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}

/// Two doctors on call; either may leave if the other stays. Each looks first, then leaves.
fn two_flows_that_read_what_the_other_writes_do_not_both_win(which: TestDatabase) {
    let store = fresh_store(which);
    run(
        &store,
        "CREATE TABLE doctors (id BIGINT NOT NULL PRIMARY KEY, on_call BOOLEAN NOT NULL)",
    );
    run(
        &store,
        "INSERT INTO doctors (id, on_call) VALUES (1, TRUE), (2, TRUE)",
    );
    let steps = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let leaving: Vec<_> = [1, 2]
        .into_iter()
        .map(|doctor| {
            let (store, steps) = (Store::clone(&store), Arc::clone(&steps));
            thread::spawn(move || store.write_blocking(move |tx| leave(tx, doctor, &steps)))
        })
        .collect();
    let mut outcomes: Vec<_> = leaving
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect();
    outcomes.sort_by_key(Result::is_err);
    assert_eq!(outcomes, [Ok(()), Err(Refused::ByFlow)]);
}

fn leave(tx: &mut Tx<'_>, doctor: i64, steps: &[AtomicUsize; 2]) -> Result<(), Refused> {
    let on_call: i64 = tx.query_one("SELECT COUNT(*) FROM doctors WHERE on_call", &[], first)?;
    meet(&steps[0]);
    if on_call < 2 {
        return Err(Refused::ByFlow);
    }
    tx.execute_one(
        "UPDATE doctors SET on_call = FALSE WHERE id = $1",
        &[Value::Integer(doctor)],
    )?;
    // Both have written: PostgreSQL can say no to nothing any more but the COMMIT.
    meet(&steps[1]);
    Ok(())
}

/// Waits until both are here. On SQLite, with one writer, the other comes later: goes on then.
fn meet(step: &AtomicUsize) {
    step.fetch_add(1, Ordering::SeqCst);
    let deadline = Instant::now() + Duration::from_millis(300);
    while step.load(Ordering::SeqCst) < 2 && Instant::now() < deadline {
        thread::yield_now();
    }
}

/// Locks taken in opposite orders: on PostgreSQL a deadlock, which one of the two survives by being run again.
fn opposite_orders_do_not_lock_up(which: TestDatabase) {
    let store = fresh_store(which);
    run(
        &store,
        "CREATE TABLE accounts (id BIGINT NOT NULL PRIMARY KEY, amount BIGINT NOT NULL)",
    );
    run(
        &store,
        "INSERT INTO accounts (id, amount) VALUES (1, 0), (2, 0)",
    );
    let threads: Vec<_> = [(1, 2), (2, 1)]
        .into_iter()
        .map(|(near, far)| {
            let store = Store::clone(&store);
            thread::spawn(move || {
                for _ in 0..10 {
                    let moved: Result<(), StorageError> = store.write_blocking(move |tx| {
                        let add = "UPDATE accounts SET amount = amount + $1 WHERE id = $2";
                        tx.execute_one(add, &[1.into(), Value::Integer(near)])?;
                        tx.execute_one(add, &[1.into(), Value::Integer(far)])
                    });
                    moved.unwrap();
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let amounts: Result<Vec<i64>, StorageError> =
        store.read_blocking(|tx| tx.query("SELECT amount FROM accounts ORDER BY id", &[], first));
    assert_eq!(amounts, Ok(vec![20, 20]));
}

on_both_databases!(
    two_flows_that_read_what_the_other_writes_do_not_both_win,
    opposite_orders_do_not_lock_up,
    an_ending_goes_before_a_flood_of_other_writes,
);
