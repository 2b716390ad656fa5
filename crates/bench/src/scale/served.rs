//! The child: a server on a filled database that also does things in its process, one
//! line each, and says how long they took.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nightlatch_bench::history::History;
use nightlatch_bench::population::session;
use nightlatch_domain::client::ClientDetails;
use nightlatch_domain::ending::Scope;
use nightlatch_domain::ids::UserId;
use nightlatch_domain::secret::{Password, Token};
use nightlatch_domain::user::EmailKey;
use nightlatch_domain::{Clock as _, Timestamp};
use nightlatch_flows::operator_endings::end_for_operator;
use nightlatch_flows::password_hashing::PasswordVerdict;
use nightlatch_flows::sessions::{Check, check, list_live};
use nightlatch_flows::sign_in::{Attempt, Begun, SignInOutcome, begin, finish};
use nightlatch_server::config::Config;
use nightlatch_server::serve::{Server, set_up_link};
use nightlatch_server::wire::{SystemClock, SystemRandom, World};
use nightlatch_storage::{StorageError, endings, sessions, users};
use nightlatch_web::state::App;

use crate::fill::{PASSWORD, location};
use crate::machine::resident_bytes;
use crate::median;

/// `scale-serve DATABASE DIRECTORY [PEOPLE SESSIONS LIVE SEED NOW]`.
pub(crate) async fn serve(words: Vec<String>) {
    let (database, rest) = words.split_first().expect("a database");
    let (directory, numbers) = rest.split_first().expect("a directory");
    let mut config = Config::local(&PathBuf::from(directory));
    config.database = location(database);
    let server = Server::start(config, &World::system()).await;
    let server = server.unwrap_or_else(|trouble| panic!("{trouble}"));
    let app = Arc::clone(server.app());
    let _ = set_up_link(&app).await;
    println!("{}", server.address().port());
    let numbers: Vec<u64> = numbers
        .iter()
        .filter_map(|number| number.parse().ok())
        .collect();
    let history = match numbers.as_slice() {
        &[people, sessions, live, seed, now] => Some(History {
            people,
            sessions,
            live,
            seed,
            now: Timestamp::from_milliseconds(i64::try_from(now).expect("a time")),
        }),
        _ => None,
    };
    // Lines come from a thread of their own; its end is the end of our input.
    let (heard, mut lines) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            let _ = heard.send(line);
        }
    });
    while let Some(line) = lines.recv().await {
        let inside = Inside {
            app: Arc::clone(&app),
            history: history.expect("people"),
        };
        let said: Vec<String> = inside.act(&line).await.iter().map(f64::to_string).collect();
        println!("{}", said.join(" "));
    }
    server.stop().await;
}

struct Inside {
    app: Arc<App>,
    history: History,
}

impl Inside {
    async fn act(&self, line: &str) -> Vec<f64> {
        let mut words = line.split(' ');
        let command = words.next().unwrap_or_default();
        let numbers: Vec<u64> = words.filter_map(|word| word.parse().ok()).collect();
        let (from, count) = match *numbers.as_slice() {
            [from, count] => (from, count),
            [count] => (0, count),
            _ => (0, 0),
        };
        match command {
            "crowd" => vec![self.crowd(count).await],
            "rehearse-everybody" => vec![self.rehearse().await],
            "everybody" => self.everybody().await,
            _ => {
                let mut times = Vec::new();
                for turn in from..from + count {
                    let began = Instant::now();
                    self.do_once(command, turn).await;
                    times.push(began.elapsed().as_secs_f64() * 1e6);
                }
                times
            }
        }
    }

    async fn do_once(&self, command: &str, turn: u64) {
        // Other people than those who opened pages; what is asked again was asked by
        // `check-first`.
        let place = turn * (self.history.live / 223).max(1) + 3;
        let session = self.history.live_session(place);
        let user = self.history.user_id(self.history.person_of(session));
        match command {
            "sign-in" => self.sign_in(place % self.history.people).await,
            "check-first" | "check-again" => {
                let token = self.history.token(session).digest();
                let (activity, now) = (Arc::clone(&self.app.activity), self.app.clock.now());
                let read = self
                    .app
                    .store
                    .read(move |tx| check(tx, token, &activity, now));
                let checked: Result<_, StorageError> = read.await;
                let live = matches!(checked, Ok(Check::Live(_)));
                assert!(live, "a live session is live: {checked:?}");
            }
            "list" => {
                let (activity, now) = (Arc::clone(&self.app.activity), self.app.clock.now());
                let read = self
                    .app
                    .store
                    .read(move |tx| list_live(tx, user, &activity, now));
                let listed: Result<Vec<_>, StorageError> = read.await;
                assert!(
                    !listed.expect("a list").is_empty(),
                    "somebody without a session"
                );
            }
            "log-out-all" => self.end(Scope::AllOf(user)).await,
            other => panic!("there is no {other}"),
        }
    }

    /// What signing in writes, with the password taken for right.
    async fn sign_in(&self, person: u64) {
        let attempt = Attempt {
            email: EmailKey::of_typed(&History::email(person)),
            password: Password::typed(PASSWORD).expect("a password"),
            remember: false,
            shared: false,
            browser: None,
            replaces: None,
            trusted: None,
            return_to: String::new(),
            client: ClientDetails::new(None, None, "a browser"),
        };
        let attempt = Arc::new(attempt);
        let (moment, first) = (self.app.moment(), Arc::clone(&attempt));
        let begun = self
            .app
            .store
            .write(move |tx| begin(tx, &moment, &first.email, first.browser, &first.client));
        let begun: Result<Begun, StorageError> = begun.await;
        let Ok(Begun::Proceed(candidate)) = begun else {
            panic!("a sign-in was refused");
        };
        let (moment, right) = (self.app.moment(), PasswordVerdict::Right { rehashed: None });
        let finished = self
            .app
            .store
            .write(move |tx| finish(tx, &moment, &attempt, &candidate, &right));
        let finished: Result<SignInOutcome, StorageError> = finished.await;
        assert!(
            matches!(finished, Ok(SignInOutcome::SignedIn(_))),
            "a sign-in was refused"
        );
    }

    async fn end(&self, scope: Scope) {
        let moment = self.app.moment();
        let ended = self.app.store.write_ending(move |tx| {
            end_for_operator(tx, &moment, scope.clone(), Some("a drill".to_owned()))
        });
        let _ = ended.await.expect("an ending");
        self.app
            .signals
            .ended(nightlatch_web::signals::Concern::Everybody);
    }

    /// Somebody new with so many sessions logs out everywhere; waits until it is written
    /// down.
    async fn crowd(&self, count: u64) -> f64 {
        let now = SystemClock.now();
        let user = UserId::sortable(now, &SystemRandom);
        let (organization, email) = (self.history.user_id(0), format!("{user}@example.net"));
        let made = self.app.store.write(move |tx| {
            let mut new = users::get(tx, organization)?;
            new.id = user;
            new.email = nightlatch_domain::user::EmailAddress::parse(&email).expect("an address");
            users::add(tx, &new)?;
            Ok::<_, StorageError>(new.organization_id)
        });
        let organization = made.await.expect("somebody new");
        let mut left = count;
        while left > 0 {
            let batch = left.min(1_000);
            let added: Result<(), StorageError> = self
                .app
                .store
                .write(move |tx| {
                    for _ in 0..batch {
                        let mut session = session(user, now, &SystemRandom);
                        session.organization_id = organization;
                        sessions::add(tx, &session, Token::generate(&SystemRandom).digest())?;
                    }
                    Ok(())
                })
                .await;
            added.expect("sessions");
            left -= batch;
        }
        let began = Instant::now();
        self.end(Scope::AllOf(user)).await;
        let took = began.elapsed().as_secs_f64() * 1e6;
        self.settle().await;
        took
    }

    /// Waits until every ending is written down.
    async fn settle(&self) {
        loop {
            let open = self.app.store.read(|tx| endings::list_open(tx, 1));
            let open: Result<Vec<_>, StorageError> = open.await;
            if open.expect("a list").is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Everything but the commit.
    async fn rehearse(&self) -> f64 {
        let moment = self.app.moment();
        let began = Instant::now();
        let undone = self.app.store.write_ending(move |tx| {
            end_for_operator(tx, &moment, Scope::Deployment, None)?;
            Err::<(), _>(StorageError::Busy)
        });
        assert_eq!(undone.await, Err(StorageError::Busy));
        began.elapsed().as_secs_f64() * 1e6
    }

    async fn everybody(&self) -> Vec<f64> {
        let before = resident_bytes("self") / 1e6;
        let began = Instant::now();
        self.end(Scope::Deployment).await;
        let answered = began.elapsed().as_secs_f64();
        let (mut most, mut signing_in) = (before, Vec::new());
        let ending = loop {
            let turn = signing_in.len() as u64 * 7 + 5;
            let at = Instant::now();
            self.sign_in(turn % self.history.people).await;
            signing_in.push(at.elapsed().as_secs_f64() * 1e6);
            most = most.max(resident_bytes("self") / 1e6);
            let now = self.app.clock.now().minus(Duration::from_hours(2));
            let read = self
                .app
                .store
                .read(move |tx| endings::list_since(tx, now, 1_000));
            let recent: Result<Vec<endings::Ending>, StorageError> = read.await;
            let mut recent = recent.expect("a list").into_iter();
            let found = recent
                .find(|ending| ending.scope == nightlatch_domain::ending::ScopeKind::Deployment);
            if let Some(done) = found.filter(|ending| ending.expanded) {
                break done;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        let took = began.elapsed().as_secs_f64();
        let slowest = signing_in.iter().copied().fold(0.0, f64::max);
        vec![
            answered,
            took,
            ending.sessions_ended as f64,
            before,
            most,
            median(signing_in),
            slowest,
        ]
    }
}
