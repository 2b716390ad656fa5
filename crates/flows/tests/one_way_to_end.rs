//! Sessions end in one way, whatever the cause (design: one way to end; A3).
#![expect(clippy::expect_used, reason = "a test that meets the unexpected fails")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use nightlatch_domain::Timestamp;
use nightlatch_domain::client::ClientDetails;
use nightlatch_domain::ending::{Actor, Cause, Scope};
use nightlatch_domain::event::EventKind;
use nightlatch_domain::ids::{OrganizationId, SessionId, UserId};
use nightlatch_domain::organization::{Organization, Settings};
use nightlatch_domain::policy::Policy;
use nightlatch_domain::random::SeededRandom;
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
    StorageError, Tx, endings, epochs, events, on_both_databases, organizations, sessions, users,
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

    fn end(&self, scope: Scope, cause: Cause) {
        let moment = self.moment.clone();
        let request = EndingRequest {
            scope,
            cause,
            actor: Actor::Operator,
            reason: Some("because".to_owned()),
        };
        self.store
            .write_blocking(move |tx: &mut Tx<'_>| end_sessions(tx, &moment, &request).map(|_| ()))
            .expect("an ending");
    }
}

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
    ends_with(
        files_with("sessions::close("),
        &["src/closing.rs"],
        "its callers",
    );
    ends_with(files_with("close_all(tx"), &["src/log_out.rs"], "theirs");
    ends_with(
        files_with("epoch = epoch + 1"),
        &[
            "storage/src/epochs.rs",
            // Long-lived grants, and what an app holds.
            "storage/src/grants.rs",
            "storage/src/relying_parties.rs",
        ],
        "counters",
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
        files_with("notices::owe_for_session("),
        &["src/closing.rs"],
        "who owes for a session",
    );
    ends_with(
        files_with("notices::owe_for_entry("),
        &["src/log_out.rs"],
        "who owes for an entry",
    );
}
