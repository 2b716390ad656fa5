//! Signing in with a password, beside verifying one: both on all processors.

use std::sync::Arc;
use std::time::Instant;

use nightlatch_domain::client::ClientDetails;
use nightlatch_domain::ids::UserId;
use nightlatch_domain::secret::Password;
use nightlatch_domain::user::EmailKey;
use nightlatch_domain::{Clock as _, Random};
use nightlatch_flows::Moment;
use nightlatch_flows::password_hashing::PasswordHashing;
use nightlatch_flows::sign_in::{Attempt, SignInOutcome, with_password};
use nightlatch_server::wire::{SystemClock, SystemRandom};
use nightlatch_storage::{DatabaseLocation, Store, users};
use tokio::runtime::Runtime;

use crate::{machine, median, row};
use nightlatch_bench::population::{found, person, write};

const ROUNDS: usize = 5;
const IN_A_ROUND: usize = 16;
const PASSWORD: &str = "seven lanterns beneath a quiet harbor";

pub(crate) fn run(runtime: &Runtime) {
    let now = SystemClock.now();
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let store = Store::open(&DatabaseLocation::SqliteInMemory).expect("a store");
    found(&store, now);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let hashing = Arc::new(PasswordHashing::new(threads, Arc::clone(&random)).expect("hashing"));
    let typed = || Password::typed(PASSWORD).expect("a password");
    let record = hashing.hash_blocking(&typed()).expect("a record");
    let emails: Vec<String> = (0..IN_A_ROUND)
        .map(|_| {
            let user = UserId::sortable(now, &SystemRandom);
            let (record, email) = (record.clone(), person(user, now).email.to_string());
            write(&store, move |tx| {
                users::add(tx, &person(user, now))?;
                users::set_password(tx, user, &record, now)
            });
            email
        })
        .collect();
    let mut ours = Vec::new();
    let mut beside = Vec::new();
    for _ in 0..ROUNDS {
        let cost = |work: &dyn Fn()| {
            let used = machine::processor_seconds(&[std::process::id()]);
            let began = Instant::now();
            work();
            let took = began.elapsed().as_secs_f64();
            let used = machine::processor_seconds(&[std::process::id()]) - used;
            let each = IN_A_ROUND as f64;
            (used * 1_000.0 / each, each / took)
        };
        ours.push(cost(&|| {
            runtime.block_on(async {
                let mut under_way = tokio::task::JoinSet::new();
                for email in &emails {
                    let attempt = Attempt {
                        email: EmailKey::of_typed(email),
                        password: typed(),
                        remember: false,
                        shared: false,
                        browser: None,
                        replaces: None,
                        trusted: None,
                        return_to: String::new(),
                        client: ClientDetails::new(None, None, "a browser"),
                    };
                    let moment = Moment {
                        now: SystemClock.now(),
                        random: Arc::clone(&random),
                        activity: Arc::default(),
                    };
                    let (store, hashing) = (store.clone(), Arc::clone(&hashing));
                    under_way.spawn(async move {
                        with_password(&store, &hashing, &moment, attempt).await
                    });
                }
                while let Some(done) = under_way.join_next().await {
                    let outcome = done.expect("a task").expect("a store");
                    assert!(matches!(outcome, SignInOutcome::SignedIn(_)), "{outcome:?}");
                }
            });
        }));
        beside.push(cost(&|| {
            runtime.block_on(async {
                let mut under_way = tokio::task::JoinSet::new();
                for _ in 0..IN_A_ROUND {
                    let (hashing, record) = (Arc::clone(&hashing), record.clone());
                    let password = typed();
                    under_way.spawn(async move { hashing.verify(password, Some(record)).await });
                }
                while let Some(done) = under_way.join_next().await {
                    drop(done.expect("a task").expect("a verdict"));
                }
            });
        }));
    }
    let (our_cost, our_rate): (Vec<_>, Vec<_>) = ours.into_iter().unzip();
    let (cost, rate): (Vec<_>, Vec<_>) = beside.into_iter().unzip();
    row(
        "processor time of a sign-in, beside Argon2id alone",
        median(our_cost),
        median(cost),
        "ms",
    );
    row(
        "sign-ins a second, beside Argon2id alone",
        median(our_rate),
        median(rate),
        "/s",
    );
}
