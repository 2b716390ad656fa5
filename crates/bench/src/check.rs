//! The check from memory, in this process: beside the same check from the database.

use std::sync::Arc;
use std::time::Instant;

use nightlatch_domain::Clock as _;
use nightlatch_domain::relying_party::protection::{ProtectedHost, Verdict};
use nightlatch_flows::activity::Activity;
use nightlatch_flows::check_cache::{CheckCache, HostQuestion};
use nightlatch_flows::protected::{HostCheck, Presented};
use nightlatch_server::wire::{SystemClock, SystemRandom};
use nightlatch_storage::{DatabaseLocation, Store};
use tokio::runtime::Runtime;

use crate::{median, row};
use nightlatch_bench::population::{HOST, add_person, found};

const ROUNDS: usize = 101;
const IN_A_ROUND: u32 = 10_000;

pub(crate) fn run(runtime: &Runtime) {
    let now = SystemClock.now();
    let store = Store::open(&DatabaseLocation::SqliteInMemory).expect("a store");
    found(&store, now);
    let cookies: Vec<_> = (0..1_000)
        .map(|_| add_person(&store, now, &SystemRandom, 1).1.digest())
        .collect();
    let kept = CheckCache::of(&store, 1_000_000);
    let read = CheckCache::off();
    let host = ProtectedHost::parse(HOST).expect("a host");
    let activity = Arc::new(Activity::default());
    let presented: Vec<_> = cookies
        .iter()
        .map(|cookie| Presented {
            own: Some(*cookie),
            shared: Vec::new(),
        })
        .collect();
    let ask = |cache: &CheckCache, presented: &Presented| {
        let question = HostQuestion {
            host: &host,
            path: "/page",
            presented,
            now,
        };
        let answer = runtime.block_on(cache.look_on_host(&store, question, &activity));
        let HostCheck::Known(rule, facts) = answer.expect("an answer") else {
            panic!("the host is not known");
        };
        let verdict = rule.decide(facts.as_ref(), "/page", now);
        assert!(matches!(verdict, Verdict::Allowed(_)), "{verdict:?}");
    };
    let nanoseconds = |cache: &CheckCache, count: u32| {
        let began = Instant::now();
        let mut asked = presented.iter().cycle();
        for _ in 0..count {
            ask(cache, asked.next().expect("somebody"));
        }
        began.elapsed().as_nanos() as f64 / f64::from(count)
    };
    nanoseconds(&kept, 1_000);
    let from_memory = || {
        let began = Instant::now();
        for presented in presented.iter().cycle().take(IN_A_ROUND as usize) {
            let question = HostQuestion {
                host: &host,
                path: "/page",
                presented,
                now,
            };
            assert!(kept.find_on_host(question, &activity).is_some());
        }
        began.elapsed().as_nanos() as f64 / f64::from(IN_A_ROUND)
    };
    let mut ours = Vec::new();
    let mut beside = Vec::new();
    for _ in 0..ROUNDS {
        ours.push(from_memory());
        beside.push(nanoseconds(&read, 20));
    }
    row(
        "check and decision from memory, beside a read",
        median(ours),
        median(beside),
        "ns",
    );
}
