//! Sessions end in one way, whatever the cause (design: one way to end; A3).
#![expect(clippy::expect_used, reason = "a test that meets the unexpected fails")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use nightlatch_domain::Timestamp;
use nightlatch_domain::client::ClientDetails;
use nightlatch_domain::ending::{Actor, Cause, Scope};
use nightlatch_domain::event::EventKind;
use nightlatch_domain::ids::{ClientId, EndingId, OrganizationId, SessionId, UserId};
use nightlatch_domain::notice::{Channel, Lane, NoticeState};
use nightlatch_domain::organization::{Organization, Settings};
use nightlatch_domain::policy::Policy;
use nightlatch_domain::random::SeededRandom;
use nightlatch_domain::relying_party::{
    RegisteredUri, Registration, RelyingParty, RelyingPartyStatus,
};
use nightlatch_domain::secret::Token;
use nightlatch_domain::session::{Life, Session, SessionKind};
use nightlatch_domain::user::{Appearance, EmailAddress, Role, User, UserStatus};
use nightlatch_flows::Moment;
use nightlatch_flows::activity::Activity;
use nightlatch_flows::log_out::{EndingRequest, end_sessions};
use nightlatch_flows::sessions::{Check, check};
use nightlatch_storage::events::EventFilter;
use nightlatch_storage::testing::{TestDatabase, TestStore, fresh_store};
use nightlatch_storage::{
    StorageError, Tx, endings, entries, epochs, events, notices, on_both_databases, organizations,
    relying_parties, sessions, users,
};

fn moment() -> Moment {
    Moment {
        now: Timestamp::from_milliseconds(1_795_433_500_000),
        random: Arc::new(SeededRandom::new(3)),
        activity: Arc::default(),
    }
}

struct House {
    store: TestStore,
    moment: Moment,
    organization: OrganizationId,
    user: UserId,
}

impl House {
    fn new(which: TestDatabase) -> Self {
        let (store, moment) = (fresh_store(which), moment());
        let organization = Organization {
            id: OrganizationId::sortable(moment.now, moment.random.as_ref()),
            name: "Brightwater".to_owned(),
            settings: Settings::default(),
            created_at: moment.now,
        };
        let user = User {
            id: UserId::sortable(moment.now, moment.random.as_ref()),
            organization_id: organization.id,
            email: EmailAddress::parse("ada@example.test").expect("an address"),
            name: "Ada".to_owned(),
            role: Role::Member,
            status: UserStatus::Active,
            appearance: Appearance::System,
            picture_version: None,
            created_at: moment.now,
        };
        let (organization_id, user_id) = (organization.id, user.id);
        store
            .write_blocking(move |tx: &mut Tx<'_>| {
                organizations::add(tx, &organization)?;
                users::add(tx, &user)
            })
            .expect("a house");
        Self {
            store,
            moment,
            organization: organization_id,
            user: user_id,
        }
    }

    fn begin_session(&self) -> (SessionId, Token) {
        let token = Token::generate(self.moment.random.as_ref());
        let digest = token.digest();
        let (moment, user, organization) = (self.moment.clone(), self.user, self.organization);
        let id = SessionId::random(moment.random.as_ref());
        self.store
            .write_blocking(move |tx: &mut Tx<'_>| {
                let epochs = epochs::find_of_user(tx, user)?
                    .ok_or_else(|| StorageError::Other("no such user".to_owned()))?;
                let session = Session {
                    id,
                    user_id: user,
                    organization_id: organization,
                    browser_id: None,
                    created_at: moment.now,
                    life: Life {
                        epochs,
                        kind: SessionKind::Ordinary,
                        authenticated_at: moment.now,
                        last_active_at: moment.now,
                        deadlines: Policy::default().ordinary.deadlines(moment.now, moment.now),
                        ended: None,
                    },
                    proofs: Vec::new(),
                    client: ClientDetails::new(None, None, "test"),
                };
                sessions::add(tx, &session, digest)
            })
            .expect("a session");
        (id, token)
    }

    /// Registers an app that learns of logouts in this way.
    fn add_app(&self, kind: AppKind) -> ClientId {
        let id = ClientId::random(self.moment.random.as_ref());
        let app = RelyingParty {
            id,
            organization_id: self.organization,
            name: format!("{kind:?} {id}"),
            registration: kind.registration(),
            secret: None,
            status: match kind {
                AppKind::Withdrawn => RelyingPartyStatus::Withdrawn,
                _ => RelyingPartyStatus::Active,
            },
            epoch: 0,
            created_at: self.moment.now,
        };
        self.store
            .write_blocking(move |tx: &mut Tx<'_>| relying_parties::add(tx, &app))
            .expect("an app");
        id
    }

    fn enter(&self, session: SessionId, app: ClientId) {
        let (user, now) = (self.user, self.moment.now);
        self.store
            .write_blocking(move |tx: &mut Tx<'_>| entries::record(tx, session, app, user, now))
            .expect("an entry");
    }

    fn end(&self, scope: Scope, cause: Cause) -> EndingId {
        let moment = self.moment.clone();
        let request = EndingRequest {
            scope,
            cause,
            actor: Actor::Operator,
            reason: Some("because".to_owned()),
        };
        self.store
            .write_blocking(move |tx: &mut Tx<'_>| {
                end_sessions(tx, &moment, &request).map(|done| done.id)
            })
            .expect("an ending")
    }
}

/// How an app learns of logouts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AppKind {
    BySession,
    BySubject,
    SeveralAddresses,
    Pull,
    PullAndAddress,
    None,
    /// It lets nobody in any more; what was in it before is owed the word.
    Withdrawn,
}

impl AppKind {
    const ALL: [Self; 7] = [
        Self::BySession,
        Self::BySubject,
        Self::SeveralAddresses,
        Self::Pull,
        Self::PullAndAddress,
        Self::None,
        Self::Withdrawn,
    ];

    fn addresses(self) -> &'static [&'static str] {
        match self {
            Self::BySession | Self::BySubject | Self::PullAndAddress | Self::Withdrawn => {
                &["https://app.example/a"]
            }
            Self::SeveralAddresses => &["https://app.example/a", "https://app.example/b"],
            Self::Pull | Self::None => &[],
        }
    }

    fn registration(self) -> Registration {
        let parse = |text: &&str| RegisteredUri::parse(text).expect("an address");
        Registration {
            backchannel_logout_uris: self.addresses().iter().map(parse).collect(),
            backchannel_logout_session_required: self != Self::BySubject,
            pulls_logouts: matches!(self, Self::Pull | Self::PullAndAddress),
            ..Registration::default()
        }
    }

    /// What it is owed for one session: how, where, naming the person, and whether
    /// that waits.
    fn owed(self) -> Vec<Owed> {
        let by_subject = self == Self::BySubject;
        let waiting = NoticeState::Waiting;
        let mut owed: Vec<Owed> = self
            .addresses()
            .iter()
            .map(|address| {
                let address = Some((*address).to_owned());
                (Channel::BackChannel, address, by_subject, waiting)
            })
            .collect();
        if matches!(self, Self::Pull | Self::PullAndAddress) {
            owed.push((Channel::Pull, None, by_subject, waiting));
        }
        if owed.is_empty() {
            owed.push((Channel::None, None, by_subject, NoticeState::CannotBeTold));
        }
        owed
    }
}

type Owed = (Channel, Option<String>, bool, NoticeState);

/// Design 6, A3, A4, C12: every cause, every scope and every kind of app, and exactly
/// the notices that are owed: one for each session that ended, app and address, and
/// none for a session that goes on or an app that it was not in.
#[expect(clippy::too_many_lines, reason = "one table, read from top to bottom")]
fn every_ending_owes_exactly_the_notices_of_its_sessions(which: TestDatabase) {
    const SCOPES: [&str; 8] = [
        "session",
        "selection",
        "others",
        "user",
        "organization",
        "deployment",
        "app in session",
        "app",
    ];
    let house = House::new(which);
    for cause in Cause::ALL {
        for name in SCOPES {
            let apps = AppKind::ALL.map(|kind| (kind, house.add_app(kind)));
            let elsewhere = house.add_app(AppKind::BySession);
            let sessions = [(); 3].map(|()| house.begin_session().0);
            let [first, second, third] = sessions;
            for session in sessions {
                for (_, app) in apps {
                    house.enter(session, app);
                }
            }
            // One that was left before is owed nothing more.
            house.enter(first, elsewhere);
            let scope = Scope::AppInSession {
                session: first,
                client: elsewhere,
            };
            house.end(scope, Cause::LoggedOut);
            let (one_kind, one_app) = apps[0];
            let (scope, over, concerned): (_, &[SessionId], Option<ClientId>) = match name {
                "session" => (Scope::Session(first), &[first], None),
                "selection" => (
                    Scope::Selection(vec![first, second]),
                    &[first, second],
                    None,
                ),
                "others" => {
                    let scope = Scope::OthersOf {
                        user: house.user,
                        keep: third,
                    };
                    (scope, &[first, second], None)
                }
                "user" => (Scope::AllOf(house.user), &sessions, None),
                "organization" => (Scope::Organization(house.organization), &sessions, None),
                "deployment" => (Scope::Deployment, &sessions, None),
                "app in session" => {
                    let scope = Scope::AppInSession {
                        session: second,
                        client: one_app,
                    };
                    (scope, &[second], Some(one_app))
                }
                _ => (Scope::Client(one_app), &sessions, Some(one_app)),
            };
            let ending = house.end(scope, cause);
            let mut expected: Vec<(SessionId, ClientId, Owed)> = Vec::new();
            for session in over {
                for (kind, app) in apps {
                    if concerned.is_none_or(|only| only == app) {
                        expected.extend(kind.owed().into_iter().map(|owed| (*session, app, owed)));
                    }
                }
            }
            if concerned.is_some() {
                assert_eq!(expected.len(), over.len() * one_kind.owed().len());
            }
            let written = house
                .store
                .read_blocking(move |tx: &mut Tx<'_>| notices::list_of_ending(tx, ending, 10_000))
                .expect("a list");
            let lane = match name {
                "organization" | "deployment" | "app" => Lane::Mass,
                _ => Lane::Interactive,
            };
            for notice in &written {
                assert_eq!(notice.lane, lane, "{name}");
                assert_eq!(
                    (notice.user_id, notice.ended_at),
                    (house.user, house.moment.now)
                );
                assert_eq!((notice.attempts, notice.next_at), (0, house.moment.now));
            }
            let found = written.into_iter().map(|notice| {
                let envelope = notice.envelope;
                let owed = (
                    notice.channel,
                    envelope.address,
                    envelope.by_subject,
                    notice.state,
                );
                (notice.session_id, notice.client_id, owed)
            });
            let sorted = |all: Vec<_>| {
                let mut texts: Vec<_> = all.iter().map(|one| format!("{one:?}")).collect();
                texts.sort();
                texts
            };
            assert_eq!(
                sorted(found.collect()),
                sorted(expected),
                "{name} {cause:?}"
            );
            // Nobody is told a second time, whatever ends later.
            let ending = house.end(Scope::Selection(over.to_vec()), cause);
            if concerned.is_none() {
                let again = house
                    .store
                    .read_blocking(move |tx: &mut Tx<'_>| notices::list_of_ending(tx, ending, 9))
                    .expect("a list");
                assert!(again.is_empty(), "{name} {cause:?}");
            }
            house.end(Scope::AllOf(house.user), Cause::LoggedOut);
        }
    }
}

on_both_databases!(every_ending_owes_exactly_the_notices_of_its_sessions);

/// Every cause and every scope leave the same traces: the row of the session
/// with its cause, one line in the history, one ending with actor and reason, and
/// a token that is good for nothing.
fn every_cause_and_scope_has_the_same_consequences(which: TestDatabase) {
    let house = House::new(which);
    for cause in Cause::ALL {
        for wide in ["session", "selection", "user", "organization", "deployment"] {
            let (id, token) = house.begin_session();
            let scope = match wide {
                "session" => Scope::Session(id),
                "selection" => Scope::Selection(vec![id]),
                "user" => Scope::AllOf(house.user),
                "organization" => Scope::Organization(house.organization),
                _ => Scope::Deployment,
            };
            house.end(scope, cause);
            let (user, digest, now) = (house.user, token.digest(), house.moment.now);
            let (row, lines, ending, verdict) = house
                .store
                .read_blocking(move |tx: &mut Tx<'_>| {
                    let row = sessions::find(tx, id)?.and_then(|owned| owned.session.life.ended);
                    let lines = events::list_of_user(tx, user, EventFilter::Endings, None, 1000)?;
                    let ending = match row {
                        Some(ended) => endings::find(tx, ended.ending_id)?,
                        None => None,
                    };
                    let verdict = check(tx, digest, &Activity::default(), now)?;
                    Ok::<_, StorageError>((row, lines, ending, verdict))
                })
                .expect("a look");
            let row = row.expect("the row says that it ended");
            assert_eq!((row.cause, row.at), (cause, now), "{wide}");
            let lines: Vec<_> = lines
                .iter()
                .filter(|line| line.session_id == Some(id))
                .collect();
            assert_eq!(lines.len(), 1, "{wide} {cause:?}");
            let line = lines.first().expect("one line");
            assert_eq!(line.kind, EventKind::SessionEnded);
            assert_eq!(line.cause, Some(cause));
            assert_eq!(line.actor, Actor::Operator);
            let ending = ending.expect("the ending");
            assert_eq!(ending.cause, cause);
            assert_eq!(ending.actor, Actor::Operator);
            assert_eq!(ending.reason.as_deref(), Some("because"));
            assert_eq!((ending.sessions_ended, ending.browsers_ended), (1, 1));
            assert!(
                matches!(verdict, Check::Over(over) if over.cause == cause),
                "{wide}"
            );
        }
    }
}

on_both_databases!(every_cause_and_scope_has_the_same_consequences);

/// Sources of all crates but the tests.
fn sources() -> Vec<(PathBuf, String)> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = Vec::new();
    let mut directories = vec![crates];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if path.is_dir()
                && !matches!(name.as_str(), "tests" | "target" | "testkit" | "examples")
            {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("a source");
                found.push((path, text));
            }
        }
    }
    found
}

fn files_with(needle: &str) -> Vec<String> {
    let mut files: Vec<String> = sources()
        .into_iter()
        .filter(|(_, text)| text.contains(needle))
        .map(|(path, _)| {
            let text = path.to_string_lossy().into_owned();
            text.rsplit("crates/")
                .next()
                .unwrap_or_default()
                .replace("../", "")
        })
        .map(|text| text.trim_start_matches("flows/").to_owned())
        .collect();
    files.sort();
    files
}

#[test]
fn only_one_statement_ends_a_session_and_only_one_room_runs_it() {
    let ends_with = |files: Vec<String>, expected: &[&str], what: &str| {
        assert_eq!(files.len(), expected.len(), "{what}: {files:?}");
        for (file, end) in files.iter().zip(expected) {
            assert!(file.ends_with(end), "{what}: {file}");
        }
    };
    ends_with(
        files_with("SET ended_at"),
        &["storage/src/sessions.rs"],
        "the statement",
    );
    for caller in ["sessions::close(", "sessions::close_many("] {
        let callers: &[&str] = match caller {
            "sessions::close(" => &[],
            _ => &["src/closing.rs"],
        };
        ends_with(files_with(caller), callers, "its callers");
    }
    ends_with(files_with("close_all(tx"), &["src/log_out.rs"], "theirs");
    ends_with(
        files_with("epoch = epoch + 1"),
        &["storage/src/epochs.rs", "storage/src/relying_parties.rs"],
        "counters",
    );
    ends_with(
        files_with("epoch = offline_epoch + 1"),
        &["storage/src/grants.rs"],
        "the counter of long-lived grants",
    );
    for raise in [
        "raise_user(",
        "raise_organization(",
        "raise_deployment(",
        "raise_offline_epoch(",
        "raise_epoch(",
    ] {
        let mut files = files_with(raise);
        files.retain(|file| !file.contains("storage/src/"));
        ends_with(files, &["src/log_out.rs"], raise);
    }
    // Neither is an app left or told in any other way.
    ends_with(
        files_with("SET left_at"),
        &["storage/src/entries.rs"],
        "the statement that closes an entry",
    );
    ends_with(
        files_with("entries::leave("),
        &["src/notices.rs"],
        "its callers",
    );
    ends_with(
        files_with("INSERT INTO notices"),
        &["storage/src/notices.rs"],
        "the statement that owes a notice",
    );
    ends_with(
        files_with("notices::add("),
        &["src/notices.rs"],
        "its callers",
    );
    ends_with(
        files_with("notices::owe_for_sessions("),
        &["src/closing.rs"],
        "who owes for sessions",
    );
    ends_with(
        files_with("notices::owe_for_entry("),
        &["src/log_out.rs"],
        "who owes for an entry",
    );
}
