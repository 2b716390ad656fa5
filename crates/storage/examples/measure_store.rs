//! Measures what the decision record 0002 claims: how long a look-up takes, and how many durable commits fit
//! into a second, one after another and grouped.
//!
//! ```text
//! cargo run --release -p nightlatch-storage --example measure_store -- FILE.db
//! cargo run --release -p nightlatch-storage --example measure_store -- "$(scripts/postgres start --durable)"
//! ```
//!
//! The database must be new or one that this program has used before.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement speaks to a terminal and may fail"
)]

use std::time::{Duration, Instant};

use nightlatch_storage::{DatabaseLocation, StorageError, Store, Tx, Value};

const ROWS: u64 = 100_000;
const TIME: Duration = Duration::from_secs(3);

fn main() {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "measure.db".to_owned());
    let location = if address.starts_with("postgres") {
        DatabaseLocation::Postgres(address)
    } else {
        DatabaseLocation::Sqlite(address.into())
    };
    let store = Store::open(&location).unwrap();
    fill(&store);

    println!(
        "{:?}, {ROWS} rows, look-up by a 32-byte unique key",
        store.kind()
    );
    let mut times = look_ups(&store);
    times.sort_unstable();
    let at = |per_mille: usize| {
        times
            .get(times.len() * per_mille / 1000)
            .copied()
            .unwrap_or_default()
    };
    println!(
        "one look-up after another: median {:?}, 99 % within {:?}",
        at(500),
        at(990)
    );

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    for tasks in [8, 64] {
        let rate = runtime.block_on(crowd(&store, tasks, Store::look_up));
        println!("look-ups from {tasks} tasks: {rate} a second");
    }
    for tasks in [1, 8, 64, 256] {
        let rate = runtime.block_on(crowd(&store, tasks, Store::touch));
        println!("durable commits from {tasks} tasks: {rate} a second");
    }
}

/// The two transactions that are measured.
trait Measured {
    async fn look_up(self, number: u64) -> Result<(), StorageError>;
    async fn touch(self, number: u64) -> Result<(), StorageError>;
}

impl Measured for Store {
    async fn look_up(self, number: u64) -> Result<(), StorageError> {
        self.read(move |tx| find(tx, number)).await
    }

    async fn touch(self, number: u64) -> Result<(), StorageError> {
        self.write(move |tx| {
            tx.execute_one(
                "UPDATE measured SET seen = seen + 1 WHERE digest = $1",
                &[Value::Digest(digest(number))],
            )
        })
        .await
    }
}

fn find(tx: &mut Tx<'_>, number: u64) -> Result<(), StorageError> {
    let sql = "SELECT seen FROM measured WHERE digest = $1";
    tx.query_one::<i64>(sql, &[Value::Digest(digest(number))], |row| row.get(0))
        .map(|_| ())
}

fn look_ups(store: &Store) -> Vec<Duration> {
    let started = Instant::now();
    let mut times = Vec::new();
    let mut number = 0;
    while started.elapsed() < TIME {
        number = next(number);
        let row = number;
        let before = Instant::now();
        let found: Result<(), StorageError> = store.read_blocking(move |tx| find(tx, row));
        found.unwrap();
        times.push(before.elapsed());
    }
    times
}

/// How many of something happen in a second when so many tasks each do one after another.
async fn crowd<F>(store: &Store, tasks: u64, act: impl Fn(Store, u64) -> F) -> u128
where
    F: Future<Output = Result<(), StorageError>> + Send + 'static,
    F::Output: Send,
{
    let started = Instant::now();
    let mut numbers: Vec<u64> = (0..tasks).map(|task| task * 7919).collect();
    let mut done: u128 = 0;
    // Rounds rather than free-running tasks would leave the writer idle between them; so each task's next
    // transaction starts as soon as its last one is answered.
    let mut running = tokio::task::JoinSet::new();
    let spawn = |running: &mut tokio::task::JoinSet<_>, task: usize, number: u64| {
        let transaction = act(store.clone(), number);
        running.spawn(async move { (task, transaction.await) });
    };
    for (task, number) in numbers.iter_mut().enumerate() {
        *number = next(*number);
        spawn(&mut running, task, *number);
    }
    while let Some(finished) = running.join_next().await {
        let (task, outcome) = finished.unwrap();
        outcome.unwrap();
        done += 1;
        if started.elapsed() < TIME
            && let Some(number) = numbers.get_mut(task)
        {
            *number = next(*number);
            spawn(&mut running, task, *number);
        }
    }
    done * 1000 / started.elapsed().as_millis()
}

/// Walks over all rows in an order that no cache likes.
fn next(number: u64) -> u64 {
    (number + 61_403) % ROWS
}

/// Spread like a real digest, which is what makes an index on one slow.
fn digest(number: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    let mut state = number.wrapping_add(1);
    for byte in &mut bytes {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        *byte = state.to_be_bytes()[0];
    }
    bytes
}

fn fill(store: &Store) {
    let made: Result<u64, StorageError> = store.write_blocking(|tx| {
        tx.execute("DROP TABLE IF EXISTS measured", &[])?;
        tx.execute(
            "CREATE TABLE measured (digest BYTEA NOT NULL PRIMARY KEY, seen BIGINT NOT NULL)",
            &[],
        )
    });
    made.unwrap();
    for batch in 0..ROWS / 1000 {
        let filled: Result<(), StorageError> = store.write_blocking(move |tx| {
            for number in batch * 1000..(batch + 1) * 1000 {
                let digest = Value::Digest(digest(number));
                tx.execute_one(
                    "INSERT INTO measured (digest, seen) VALUES ($1, 0)",
                    &[digest],
                )?;
            }
            Ok(())
        });
        filled.unwrap();
    }
}
