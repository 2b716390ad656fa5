//! Many at once: nothing is lost, and nothing happens that could not have happened one after another.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nightlatch_storage::testing::{TestDatabase, fresh_store};
use nightlatch_storage::{StorageError, Store, Tx, Value, on_both_databases};

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
);
