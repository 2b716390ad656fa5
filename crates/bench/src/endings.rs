//! Log out of all sessions: of one, and of a hundred thousand.

use std::time::Instant;

use nightlatch_domain::Clock as _;
use nightlatch_domain::ending::Scope;
use nightlatch_flows::Moment;
use nightlatch_flows::operator_endings::end_for_operator;
use nightlatch_server::wire::{SystemClock, SystemRandom};
use nightlatch_storage::{DatabaseLocation, Store};
use tokio::runtime::Runtime;

use crate::{median, row};
use nightlatch_bench::population::{add_person, found};

const PAIRS: usize = 5;
const MANY: usize = 100_000;

pub(crate) fn run(runtime: &Runtime) {
    let now = SystemClock.now();
    let directory = std::env::temp_dir().join(format!("nightlatch-bench-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    // On disk and durable, as in the product.
    let location = DatabaseLocation::Sqlite(directory.join("endings.db"));
    let store = Store::open(&location).expect("a store");
    found(&store, now);
    let moment = Moment {
        now,
        random: std::sync::Arc::new(SystemRandom),
        activity: std::sync::Arc::default(),
    };
    let mut one = Vec::new();
    let mut many = Vec::new();
    for _ in 0..PAIRS {
        for (count, times) in [(1, &mut one), (MANY, &mut many)] {
            let (user, _) = add_person(&store, now, &SystemRandom, count);
            let moment = moment.clone();
            let began = Instant::now();
            let ended = store.write_ending(move |tx| {
                end_for_operator(tx, &moment, Scope::AllOf(user), Some("a drill".to_owned()))
            });
            runtime.block_on(ended).expect("an ending");
            times.push(began.elapsed().as_secs_f64() * 1_000.0);
        }
    }
    drop(store);
    std::fs::remove_dir_all(&directory).expect("what was made");
    row(
        "log out of all of 100,000 sessions, beside 1 session",
        median(many),
        median(one),
        "ms",
    );
}
