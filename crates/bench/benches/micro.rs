//! The pieces of a check, each alone, with what it allocates.
//!
//! `scripts/bench micro`.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement that fails says so and ends"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue, Method};
use nightlatch_bench::population;
use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::UserId;
use nightlatch_domain::policy::{Deadlines, Limits};
use nightlatch_domain::random::SeededRandom;
use nightlatch_domain::relying_party::protection::ProtectedHost;
use nightlatch_domain::secret::Token;
use nightlatch_domain::session::{Epochs, Life, SessionKind, Standing, admit};
use nightlatch_domain::user::UserStatus;
use nightlatch_flows::activity::Activity;
use nightlatch_flows::check_cache::{CheckCache, HostQuestion};
use nightlatch_flows::protected::{HostCheck, Presented};
use nightlatch_protocols::forward_auth::{Asked, Proxy, identity, without_ours};
use nightlatch_storage::sessions::OwnedSession;
use nightlatch_storage::{DatabaseLocation, Store};

const ROUNDS: usize = 201;
const IN_A_ROUND: u128 = 1_000;

/// So many people take turns, so that not all is in the nearest memory.
const PEOPLE: usize = 10_000;

fn main() {
    println!(
        "{:<58} {:>10} {:>12} {:>12}",
        "what", "ns", "allocations", "bytes"
    );
    admit_a_live_session();
    overlay_of_noted_activity();
    token_from_its_text_and_its_digest();
    what_a_proxy_asks_about();
    cookies_without_ours();
    forged_identity_headers();
    check_of_a_session_from_memory();
    check_of_a_protected_host_from_memory();
    identity_headers_of_a_person();
}

/// Prints the median time of one run, and what one run allocates.
fn measure<T>(what: &str, mut run: impl FnMut() -> T) {
    let allocated = allocation_counter::measure(|| drop(black_box(run())));
    let mut times: Vec<u128> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            for _ in 0..IN_A_ROUND {
                drop(black_box(run()));
            }
            began.elapsed().as_nanos() / IN_A_ROUND
        })
        .collect();
    times.sort_unstable();
    let median = times.get(ROUNDS / 2).expect("a round");
    let (count, bytes) = (allocated.count_total, allocated.bytes_total);
    println!("{what:<58} {median:>10} {count:>12} {bytes:>12}");
}

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_milliseconds(milliseconds)
}

fn life() -> Life {
    Life {
        epochs: Epochs {
            user: 1,
            organization: 1,
            deployment: 1,
        },
        kind: SessionKind::Ordinary,
        authenticated_at: at(0),
        last_active_at: at(0),
        deadlines: Deadlines {
            idle: at(86_400_000),
            overall: at(604_800_000),
        },
        ended: None,
    }
}

fn admit_a_live_session() {
    let standing = Standing {
        user_status: UserStatus::Active,
        epochs: life().epochs,
        limits: Limits {
            idle_seconds: 86_400,
            overall_seconds: 604_800,
        },
    };
    let life = life();
    measure("admit", || {
        admit(black_box(&life), black_box(&standing), black_box(at(1_000)))
    });
}

fn overlay_of_noted_activity() {
    let activity = Arc::new(Activity::default());
    let id = nightlatch_domain::ids::SessionId::from_bytes([7; 16]);
    let limits = Limits {
        idle_seconds: 86_400,
        overall_seconds: 604_800,
    };
    activity.note(id, &life(), limits, at(5));
    let life = life();
    measure("noted activity of a session", || {
        activity.overlay(black_box(id), black_box(life))
    });
}

fn token_from_its_text_and_its_digest() {
    let text = Token::generate(&SeededRandom::new(1)).reveal();
    measure("token: from its text to its digest", || {
        Token::parse(black_box(&text)).map(|token| token.digest())
    });
}

fn headers() -> HeaderMap {
    let token = Token::generate(&SeededRandom::new(1)).reveal();
    let cookies = format!("theme=dark; __Host-nightlatch-app={token}; language=en");
    let mut headers = HeaderMap::new();
    headers.insert(COOKIE, HeaderValue::try_from(cookies).expect("cookies"));
    for (name, value) in [
        ("x-original-url", "https://wiki.example.net/page?id=7"),
        ("x-original-method", "GET"),
        ("accept", "text/html"),
        ("accept-encoding", "gzip, br"),
        ("accept-language", "en"),
        ("user-agent", "Mozilla/5.0"),
        ("sec-fetch-mode", "navigate"),
        ("host", "wiki.example.net"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
}

fn what_a_proxy_asks_about() {
    let headers = headers();
    measure("what a proxy asks about", || {
        let asked = Asked {
            method: &Method::GET,
            path_and_query: "/forward-auth/nginx",
            headers: black_box(&headers),
        };
        Proxy::Nginx.read(&asked)
    });
}

fn cookies_without_ours() {
    let headers = headers();
    measure("cookies without ours", || without_ours(black_box(&headers)));
}

fn forged_identity_headers() {
    let headers = headers();
    measure("no forged identity headers", || {
        identity::is_forged(black_box(&headers))
    });
}

fn check_of_a_session_from_memory() {
    let random = &SeededRandom::new(2);
    let store = Store::open(&DatabaseLocation::SqliteInMemory).expect("a store");
    let cache = CheckCache::of(&store, PEOPLE * 2);
    let reading = cache.begin(&store);
    let now = at(1_000);
    let tokens: Vec<_> = (0..PEOPLE)
        .map(|_| {
            let user = UserId::sortable(now, random);
            let session = population::session(user, now, random);
            let owned = OwnedSession {
                epochs: session.life.epochs,
                session,
                user: population::person(user, now),
                organization: population::organization(now),
            };
            let token = Token::generate(random).digest();
            cache.keep(reading, token, &owned, now);
            token
        })
        .collect();
    let activity = Activity::default();
    let mut asked = tokens.iter().cycle();
    measure("session from memory, with admit", || {
        let token = asked.next().expect("somebody");
        let found = cache.find(black_box(*token), &activity, now);
        assert!(found.is_some());
        found
    });
}

/// A warm cache of a protected host, and the cookies that are in it.
fn warm(people: usize) -> (CheckCache, Arc<Activity>, Vec<Presented>) {
    // Random names as in the product, but the same each time.
    static RANDOM: std::sync::LazyLock<SeededRandom> =
        std::sync::LazyLock::new(|| SeededRandom::new(3));
    let store = Store::open(&DatabaseLocation::SqliteInMemory).expect("a store");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let cache = CheckCache::of(&store, PEOPLE * 2);
    let activity = Arc::new(Activity::default());
    let now = at(1_000);
    population::found(&store, now);
    let host = ProtectedHost::parse(population::HOST).expect("a host");
    let presented: Vec<_> = (0..people)
        .map(|_| Presented {
            own: Some(population::add_person(&store, now, &*RANDOM, 1).1.digest()),
            shared: Vec::new(),
        })
        .collect();
    for presented in &presented {
        let question = HostQuestion {
            host: &host,
            path: "/page",
            presented,
            now,
        };
        let looked = cache.look_on_host(&store, question, &activity);
        runtime.block_on(looked).expect("an answer");
    }
    (cache, activity, presented)
}

fn check_of_a_protected_host_from_memory() {
    let (cache, activity, presented) = warm(1_000);
    let host = ProtectedHost::parse(population::HOST).expect("a host");
    let mut asked = presented.iter().cycle();
    measure("protected host from memory, with its decision", || {
        let question = HostQuestion {
            host: black_box(&host),
            path: "/page",
            presented: asked.next().expect("somebody"),
            now: at(1_000),
        };
        let found = cache.find_on_host(question, &activity);
        let Some(HostCheck::Known(rule, facts)) = &found else {
            panic!("not in memory");
        };
        let verdict = rule.decide(facts.as_ref(), "/page", at(1_000));
        (verdict, found)
    });
}

fn identity_headers_of_a_person() {
    let (cache, activity, presented) = warm(1);
    let host = ProtectedHost::parse(population::HOST).expect("a host");
    let question = HostQuestion {
        host: &host,
        path: "/page",
        presented: presented.first().expect("somebody"),
        now: at(1_000),
    };
    let Some(HostCheck::Known(_, Some(facts))) = cache.find_on_host(question, &activity) else {
        panic!("not in memory");
    };
    measure("identity headers of a person", || {
        let mut headers = HeaderMap::with_capacity(16);
        identity::set(&mut headers, Some(black_box(&facts)), None);
        headers
    });
}
