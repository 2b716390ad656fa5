//! How fast apps hear, and what very many of them cost (C2, C3, promise 3), measured at the
//! real program. Each prints what it measured (`--nocapture`); what it demands leaves room
//! for a machine that is busy with other tests.
//!
//! ```text
//! NIGHTLATCH_SESSIONS=20000 cargo test -p nightlatch-server --test process a_mass -- --nocapture
//! ```

use std::collections::HashMap;
use std::time::{Duration, Instant};

use nightlatch_domain::ids::{ClientId, SessionId};
use nightlatch_domain::relying_party::{
    RegisteredUri, Registration, RelyingParty, RelyingPartyStatus, SigningAlgorithm,
};
use nightlatch_domain::secret::{Token, TokenDigest};
use nightlatch_domain::session::Session;
use nightlatch_storage::testing::TestDatabase;
use nightlatch_storage::{StorageError, Store, Tx, entries, relying_parties, sessions};

use crate::PASSWORD;
use crate::client::Client;
use crate::program::Program;
use crate::receiver::App;

/// Longer than anything takes that works.
const PATIENCE: Duration = Duration::from_mins(2);

/// Sessions that end at once. More with NIGHTLATCH_SESSIONS in the environment.
const SESSIONS: usize = 600;

/// Among how many apps they are shared.
const APPS: usize = 10;

/// Logouts in a series, and series until one is good: other tests run beside.
const LOGOUTS: usize = 50;
const SERIES: usize = 5;

fn how_many_sessions() -> usize {
    #[expect(
        clippy::disallowed_methods,
        reason = "how large a test is is no configuration"
    )]
    let asked = std::env::var("NIGHTLATCH_SESSIONS").ok();
    asked
        .and_then(|asked| asked.parse().ok())
        .unwrap_or(SESSIONS)
}

#[expect(
    clippy::print_stderr,
    reason = "what was measured is for whoever runs it"
)]
fn say(text: &str) {
    eprintln!("{text}");
}

fn client_id(number: usize) -> ClientId {
    let mut bytes = [7; 16];
    bytes[8..].copy_from_slice(&(number as u64).to_be_bytes());
    ClientId::from_bytes(bytes)
}

fn session_id(number: usize) -> SessionId {
    let mut bytes = [9; 16];
    bytes[8..].copy_from_slice(&(number as u64).to_be_bytes());
    SessionId::from_bytes(bytes)
}

fn registered(number: usize, address: &str, session: &Session) -> RelyingParty {
    let uri = RegisteredUri::parse_logout(address, true).expect("an address");
    RelyingParty {
        id: client_id(number),
        organization_id: session.organization_id,
        name: format!("App {number}"),
        registration: Registration {
            backchannel_logout_uris: vec![uri],
            allow_private_network: true,
            signing_algorithm: SigningAlgorithm::Es256,
            ..Registration::default()
        },
        secret: None,
        status: RelyingPartyStatus::Active,
        epoch: 0,
        created_at: session.created_at,
    }
}

/// Registers apps that are told by their own path.
fn add_apps(store: &Store, app: &App, session: &Session, count: usize) {
    let apps: Vec<_> = (0..count)
        .map(|number| registered(number, &app.address_of(&format!("/{number}")), session))
        .collect();
    store
        .write_blocking(move |tx: &mut Tx<'_>| -> Result<_, StorageError> {
            apps.iter()
                .try_for_each(|app| relying_parties::add(tx, app))
        })
        .expect("apps");
}

fn session_of(store: &Store, cookie: &str) -> Session {
    let digest = Token::parse(cookie).expect("a token").digest();
    store
        .read_blocking(move |tx: &mut Tx<'_>| sessions::find_by_token(tx, digest))
        .expect("a look")
        .expect("a session")
        .session
}

/// A session enters apps.
fn enter(store: &Store, session: &Session, apps: std::ops::Range<usize>) {
    let session = session.clone();
    store
        .write_blocking(move |tx: &mut Tx<'_>| -> Result<_, StorageError> {
            apps.clone().try_for_each(|app| {
                let now = session.created_at;
                entries::record(tx, session.id, client_id(app), session.user_id, now)
            })
        })
        .expect("entries");
}

fn of(sorted: &[Duration], hundredths: usize) -> Duration {
    let place = (sorted.len() * hundredths / 100).min(sorted.len() - 1);
    sorted.get(place).copied().unwrap_or_default()
}

/// From when the logout was sent, which is before its commit, until the app has the token.
pub(crate) fn c3_an_app_hears_within_a_moment(which: TestDatabase) {
    let mut app = App::start();
    let mut program = Program::with_one_person(which, PASSWORD);
    program.start();
    let mut seen = Vec::new();
    for series in 0..SERIES {
        let mut clients: Vec<Client> = (0..LOGOUTS).map(|_| Client::new(program.port())).collect();
        for client in &mut clients {
            client.sign_in(PASSWORD);
        }
        let store = program.open_store();
        for client in &clients {
            let session = session_of(&store, &client.session_cookie());
            if series == 0 && app.sessions.is_empty() && !has_apps(&store) {
                add_apps(&store, &app, &session, 1);
            }
            enter(&store, &session, 0..1);
        }
        drop(store);
        let mut took = Vec::new();
        for client in &mut clients {
            let began = Instant::now();
            client.log_out();
            let told = app.next(PATIENCE).expect("word of it");
            took.push(told.at.duration_since(began));
        }
        took.sort_unstable();
        let (median, last) = (of(&took, 50), of(&took, 99));
        say(&format!(
            "{which:?}: from the click to the app: median {median:?}, 99 of 100 within {last:?}, \
             {LOGOUTS} logouts"
        ));
        if median < Duration::from_millis(20) && last < Duration::from_millis(100) {
            program.stop();
            return;
        }
        seen.push((median, last));
    }
    panic!("no series was fast: {seen:?}");
}

fn has_apps(store: &Store) -> bool {
    let id = client_id(0);
    let found = store.read_blocking(move |tx: &mut Tx<'_>| relying_parties::find(tx, id));
    found.expect("a look").is_some()
}

pub(crate) fn a_thousand_apps_in_one_session_take_bounded_memory(which: TestDatabase) {
    const MANY: usize = 1000;
    let mut app = App::start();
    let mut program = Program::with_one_person(which, PASSWORD);
    program.start();
    let mut client = Client::new(program.port());
    client.sign_in(PASSWORD);
    let store = program.open_store();
    let session = session_of(&store, &client.session_cookie());
    add_apps(&store, &app, &session, MANY);
    enter(&store, &session, 0..MANY);
    drop(store);
    let before = program.resident_kilobytes();
    let began = Instant::now();
    client.log_out();
    let answered = began.elapsed();
    let (mut peak, mut paths) = (before, HashMap::new());
    while paths.len() < MANY {
        let told = app.next(PATIENCE).expect("word of it");
        *paths.entry(told.path).or_insert(0) += 1;
        if paths.len() % 50 == 0 {
            peak = peak.max(program.resident_kilobytes());
        }
    }
    let all = began.elapsed();
    say(&format!(
        "{which:?}: {MANY} apps in one session: answered after {answered:?}, all told after {all:?}, \
         at most {} connections, memory {before} kB before and {peak} kB at most",
        app.most_open()
    ));
    assert!(answered < Duration::from_secs(2), "{answered:?}");
    assert!(paths.values().all(|told| *told == 1), "each once");
    assert!(app.most_open() <= 64 + 4, "{}", app.most_open());
    assert!(peak < before + 64 * 1024, "{before} kB, then {peak} kB");
    program.stop();
}

/// Copies of a session: rows as a sign-in leaves them.
fn add_sessions(store: &Store, like: &Session, count: usize) {
    for batch in (0..count).collect::<Vec<_>>().chunks(1000) {
        let (like, batch) = (like.clone(), batch.to_vec());
        store
            .write_blocking(move |tx: &mut Tx<'_>| -> Result<_, StorageError> {
                for number in &batch {
                    let session = Session {
                        id: session_id(*number),
                        ..like.clone()
                    };
                    let digest = TokenDigest::of(number.to_string().as_bytes());
                    sessions::add(tx, &session, digest)?;
                    let (app, now) = (client_id(number % APPS), session.created_at);
                    entries::record(tx, session.id, app, session.user_id, now)?;
                }
                Ok(())
            })
            .expect("sessions");
    }
}

pub(crate) fn a_mass_ending_takes_flat_memory_and_delays_nobody(which: TestDatabase) {
    let count = how_many_sessions();
    let mut app = App::start();
    let mut single = App::start();
    let mut program = Program::with_one_person(which, PASSWORD);
    program.start();
    let mut client = Client::new(program.port());
    client.sign_in(PASSWORD);
    let store = program.open_store();
    let session = session_of(&store, &client.session_cookie());
    add_apps(&store, &app, &session, APPS);
    let other = registered(APPS, &single.address(), &session);
    store
        .write_blocking(move |tx: &mut Tx<'_>| relying_parties::add(tx, &other))
        .expect("an app");
    add_sessions(&store, &session, count);
    let before = program.resident_kilobytes();
    let began = Instant::now();
    program.run(&["log-out", "--everyone", "--reason", "an exercise"], None);
    let answered = began.elapsed();
    let (mut peak, mut told, mut looked) = (before, 0, Instant::now());
    let mut seconds: HashMap<(String, u64), u32> = HashMap::new();
    let mut persons = Vec::new();
    while told < count {
        if let Some(news) = app.next(PATIENCE) {
            told += 1;
            let second = news.at.duration_since(began).as_secs();
            *seconds.entry((news.path, second)).or_default() += 1;
        } else {
            panic!("{told} of {count} were told");
        }
        if looked.elapsed() > Duration::from_millis(500) || persons.is_empty() {
            peak = peak.max(program.resident_kilobytes());
            // Somebody comes and goes meanwhile.
            let mut person = Client::new(program.port());
            person.sign_in(PASSWORD);
            enter(
                &store,
                &session_of(&store, &person.session_cookie()),
                APPS..APPS + 1,
            );
            let clicked = Instant::now();
            person.log_out();
            let heard = single.next(PATIENCE).expect("word of it");
            persons.push(heard.at.duration_since(clicked));
            looked = Instant::now();
        }
    }
    let all = began.elapsed();
    peak = peak.max(program.resident_kilobytes());
    persons.sort_unstable();
    let rate = seconds.values().max().copied().unwrap_or_default();
    let slowest = persons.last().copied().unwrap_or_default();
    say(&format!(
        "{which:?}: {count} sessions in {APPS} apps: answered after {answered:?}, all told after \
         {all:?}, at most {rate} in a second to one app, {} connections; memory {before} kB before \
         and {peak} kB at most; {} persons who logged out meanwhile: their app heard after {:?} in the \
         median, {slowest:?} at most",
        app.most_open(),
        persons.len(),
        of(&persons, 50),
    ));
    assert_eq!(app.sessions.len(), count, "each session once");
    assert!(peak < before + 64 * 1024, "{before} kB, then {peak} kB");
    // A second of the server's is none of ours: two of its may lie in one.
    assert!(rate <= 2 * 200, "{rate}");
    // Behind what is on its way for the many they would wait for seconds, each.
    let median = of(&persons, 50);
    assert!(median < Duration::from_secs(1), "{persons:?}");
    program.stop();
}
