//! What grows with the total: a server on a large database beside one on a small database,
//! both filled by `fill`, asked in turns.
//!
//! `scale [--sqlite DIRECTORY | --postgres URL] [--people N] [--sessions N] [--live N]`. The
//! databases are made and removed here; on PostgreSQL at a server whose role may do so.

mod client;
mod rig;
mod served;

use std::time::Duration;

use nightlatch_bench::history::History;
use nightlatch_domain::Clock as _;
use nightlatch_server::wire::SystemClock;

use crate::{median, row};
use rig::{Rig, Running};
pub(crate) use served::serve;

/// The small database: as many sessions for each person as the large one has.
const SMALL: u64 = 1_000;

/// Starts of each, one after the other.
const STARTS: usize = 5;

/// Rounds in which both are asked, and how often in each.
const ROUNDS: u64 = 5;
const ASKED: u64 = 40;

/// Sessions of the one person who has very many, and how often they log out.
const CROWD: u64 = 100_000;
const CROWDS: usize = 3;

/// What people open.
const PAGES: [(&str, &str); 5] = [
    ("check of a session, status", "/session/status"),
    ("page Sessions", "/account/sessions"),
    ("page Login history", "/account/history"),
    ("page Security", "/account/security"),
    ("list of sessions, API", "/api/v1/sessions"),
];

pub(crate) fn run(mut words: impl Iterator<Item = String>) {
    let mut large = History {
        people: 1_000_000,
        sessions: 10_000_000,
        live: 1_000_000,
        seed: 1,
        now: SystemClock.now(),
    };
    let mut place = rig::Place::Sqlite(std::env::temp_dir());
    while let Some(word) = words.next() {
        let value = words
            .next()
            .unwrap_or_else(|| panic!("{word} takes a value"));
        let number = || {
            value
                .parse()
                .unwrap_or_else(|_| panic!("{word} takes a number"))
        };
        match word.as_str() {
            "--people" => large.people = number(),
            "--sessions" => large.sessions = number(),
            "--live" => large.live = number(),
            "--sqlite" => place = rig::Place::Sqlite(value.clone().into()),
            "--postgres" => place = rig::Place::Postgres(value.clone()),
            other => panic!("scale takes no {other}"),
        }
    }
    let small = History {
        people: SMALL,
        sessions: (large.sessions * SMALL / large.people).max(SMALL),
        live: (large.live * SMALL / large.people).max(1),
        ..large
    };
    let empty = Rig::make(&place, "empty", None);
    let small = Rig::make(&place, "small", Some(small));
    let large = Rig::make(&place, "large", Some(large));
    starts(&large, &empty);
    let (mut ours, mut beside) = (large.start(), small.start());
    pages(&mut ours, &mut beside);
    in_process(&mut ours, &mut beside);
    crowds(&mut ours);
    everybody(&mut ours, &mut beside);
}

/// Start of the program until the first page has come, and what it holds then.
fn starts(large: &Rig, empty: &Rig) {
    let (mut ours, mut beside) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
    for _ in 0..STARTS {
        for (rig, (times, sizes)) in [(large, &mut ours), (empty, &mut beside)] {
            let running = rig.start();
            times.push(running.started_in.as_secs_f64() * 1_000.0);
            sizes.push(running.resident() / 1e6);
        }
    }
    row(
        "start until the first page",
        median(ours.0),
        median(beside.0),
        "ms",
    );
    row(
        "resident after the first page",
        median(ours.1),
        median(beside.1),
        "MB",
    );
}

/// What people open, each time somebody else: from rows that nobody read before.
fn pages(ours: &mut Running, beside: &mut Running) {
    for (what, path) in PAGES {
        compare(what, ours, beside, |running, turn| running.open(path, turn));
    }
    compare(
        "check of a session, status, once more",
        ours,
        beside,
        |running, turn| running.open("/session/status", turn),
    );
    compare("signing in, POST /login", ours, beside, |running, turn| {
        if turn % ASKED < 6 {
            running.sign_in(turn)
        } else {
            Duration::ZERO
        }
    });
}

/// Asks both in turns and prints the medians.
fn compare(
    what: &str,
    ours: &mut Running,
    beside: &mut Running,
    mut ask: impl FnMut(&mut Running, u64) -> Duration,
) {
    let (mut times, mut others) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        for (running, times) in [(&mut *ours, &mut times), (&mut *beside, &mut others)] {
            for number in 0..ASKED {
                let took = ask(running, round * ASKED + number);
                if took > Duration::ZERO {
                    times.push(took.as_secs_f64() * 1e6);
                }
            }
        }
    }
    row(what, median(times), median(others), "us");
}

/// What the pages stand on, without HTTP and hashing.
fn in_process(ours: &mut Running, beside: &mut Running) {
    for (what, command) in [
        ("transactions of a sign-in, no hashing", "sign-in"),
        ("check from the database, first time", "check-first"),
        ("check from the database, again", "check-again"),
        ("list of a person's sessions, in process", "list"),
        ("log out everywhere, of one person", "log-out-all"),
    ] {
        let (mut times, mut others) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            for (running, times) in [(&mut *ours, &mut times), (&mut *beside, &mut others)] {
                let from = round * ASKED;
                times.extend(running.numbers(&format!("{command} {from} {ASKED}")));
            }
        }
        row(what, median(times), median(others), "us");
    }
}

/// One person with very many sessions logs out everywhere, beside one with one.
fn crowds(ours: &mut Running) {
    let (mut many, mut one) = (Vec::new(), Vec::new());
    for _ in 0..CROWDS {
        one.extend(ours.numbers("crowd 1"));
        many.extend(ours.numbers(&format!("crowd {CROWD}")));
    }
    row(
        "log out of all of 100,000 sessions, beside 1 session",
        median(many),
        median(one),
        "us",
    );
}

/// Everybody is logged out. Only the last time is for good: it is taken back until then.
fn everybody(ours: &mut Running, beside: &mut Running) {
    let (mut times, mut others) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        times.extend(ours.numbers("rehearse-everybody"));
        others.extend(beside.numbers("rehearse-everybody"));
    }
    row(
        "log out everybody, taken back",
        median(times),
        median(others),
        "us",
    );
    // Seconds until it was answered, until it was written down, and how many; megabytes
    // before and at most; microseconds of the sign-ins meanwhile, at the median and at most.
    let large = ours.numbers("everybody");
    let small = beside.numbers("everybody");
    let of = |numbers: &[f64], place: usize| numbers.get(place).copied().unwrap_or(f64::NAN);
    row(
        "log out everybody, answered",
        of(&large, 0) * 1e6,
        of(&small, 0) * 1e6,
        "us",
    );
    row(
        "written down, thousand sessions a second",
        of(&large, 2) / of(&large, 1) / 1e3,
        10.0,
        "k",
    );
    row(
        "resident meanwhile, beside before",
        of(&large, 4),
        of(&large, 3),
        "MB",
    );
    row(
        "signing in meanwhile, at most, beside median",
        of(&large, 6),
        of(&large, 5),
        "us",
    );
}
