//! Fills an empty database with a made-up year.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nightlatch_bench::history::{History, Written};
use nightlatch_domain::Clock as _;
use nightlatch_domain::random::SeededRandom;
use nightlatch_domain::secret::Password;
use nightlatch_flows::password_hashing::PasswordHashing;
use nightlatch_server::wire::SystemClock;
use nightlatch_storage::{DatabaseLocation, bulk};

/// Everybody's password.
pub(crate) const PASSWORD: &str = "seven lanterns beneath a quiet harbor";

/// `fill DATABASE [--people N] [--sessions N] [--live N] [--seed N]`.
pub(crate) fn run(mut words: impl Iterator<Item = String>) {
    let database = words
        .next()
        .expect("a file of SQLite or postgres://… to be filled");
    let mut history = History {
        people: 1_000_000,
        sessions: 10_000_000,
        live: 1_000_000,
        seed: 1,
        now: SystemClock.now(),
    };
    while let Some(word) = words.next() {
        let number = words.next().and_then(|number| number.parse().ok());
        let number = number.unwrap_or_else(|| panic!("{word} takes a number"));
        match word.as_str() {
            "--people" => history.people = number,
            "--sessions" => history.sessions = number,
            "--live" => history.live = number,
            "--seed" => history.seed = number,
            other => panic!("fill takes no {other}"),
        }
    }
    let (written, took) = fill(&location(&database), &history, true);
    println!("{written:?} in {:.0} s", took.as_secs_f64());
}

/// Where a database is, as `database` in the configuration says it.
pub(crate) fn location(text: &str) -> DatabaseLocation {
    if text.starts_with("postgres") {
        DatabaseLocation::Postgres(text.to_owned())
    } else {
        DatabaseLocation::Sqlite(PathBuf::from(text))
    }
}

/// Fills an empty database; says how far it is, if asked to.
pub(crate) fn fill(
    location: &DatabaseLocation,
    history: &History,
    aloud: bool,
) -> (Written, Duration) {
    assert!(history.people > 0, "sessions are somebody's");
    assert!(history.live <= history.sessions, "live ones are sessions");
    let began = Instant::now();
    let hashing = PasswordHashing::new(1, Arc::new(SeededRandom::new(history.seed)));
    let typed = Password::typed(PASSWORD).expect("a password");
    let record = hashing.and_then(|hashing| hashing.hash_blocking(&typed));
    let record = record.expect("a record");
    let mut written = Written::default();
    let filled = bulk::fill(location, |tx| {
        written = history.write(tx, &record, &mut |sessions| {
            if aloud && sessions % 1_000_000 == 0 {
                let seconds = began.elapsed().as_secs();
                println!("{sessions} sessions after {seconds} s");
            }
        })?;
        Ok(())
    });
    filled.expect("an empty database");
    (written, began.elapsed())
}
