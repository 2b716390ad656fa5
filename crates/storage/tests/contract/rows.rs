//! Rows to put into tables: small numbers name them, and nothing in them is left at a default.

use std::fmt::Debug;

use nightlatch_domain::Timestamp;
use nightlatch_domain::client::ClientDetails;
use nightlatch_domain::ending::{Actor, Cause, ScopeKind};
use nightlatch_domain::event::{Event, EventKind};
use nightlatch_domain::ids::{Id, UserId};
use nightlatch_domain::organization::{Organization, Settings};
use nightlatch_domain::policy::Deadlines;
use nightlatch_domain::secret::TokenDigest;
use nightlatch_domain::session::{Ended, Epochs, Life, Proof, ProofMethod, Session, SessionKind};
use nightlatch_domain::user::{Appearance, EmailAddress, LONGEST_NAME, Role, User, UserStatus};
use nightlatch_storage::authenticator_apps::AuthenticatorApp;
use nightlatch_storage::browsers::{self, Browser};
use nightlatch_storage::endings::Ending;
use nightlatch_storage::recovery_codes::NewRecoveryCode;
use nightlatch_storage::{StorageError, Store, Tx, organizations, sessions, users};

/// Text as people write it: several planes, right to left, joined emoji, marks, quotes, no order of its own.
pub(super) const ODD_TEXT: &str =
    "👩‍👩‍👧‍👦 مريم הדר e\u{301} Ω \u{10ffff} '; DROP TABLE users; -- $1 \\ \" %_\n\tİß";

pub(super) fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_milliseconds(milliseconds)
}

pub(super) fn id<Kind>(number: u8) -> Id<Kind> {
    Id::from_bytes([number; 16])
}

pub(super) fn digest(number: u8) -> TokenDigest {
    TokenDigest::from_bytes([number; 32])
}

/// As long as the domain lets a name be, in characters of four bytes.
pub(super) fn longest_name() -> String {
    "🧑".repeat(LONGEST_NAME)
}

/// Many bytes in one text; longer than a page of either database.
pub(super) fn long_text() -> String {
    "ﷺ👩‍🚀".repeat(5_000)
}

pub(super) fn write<T: Send + 'static>(
    store: &Store,
    flow: impl FnMut(&mut Tx<'_>) -> Result<T, StorageError> + Send + 'static,
) -> T {
    store.write_blocking(flow).unwrap()
}

pub(super) fn refusal<T: Debug + Send + 'static>(
    store: &Store,
    flow: impl FnMut(&mut Tx<'_>) -> Result<T, StorageError> + Send + 'static,
) -> StorageError {
    store.write_blocking(flow).unwrap_err()
}

pub(super) fn constraint(name: &str) -> StorageError {
    StorageError::Constraint {
        name: name.to_owned(),
    }
}

/// A row of this many where exactly one was relied on.
pub(super) fn is_wrong_row_count(error: &StorageError) -> bool {
    matches!(error, StorageError::WrongRowCount { found: 0, .. })
}

/// The rows of the domain print every field and compare none.
#[track_caller]
pub(super) fn same<T: Debug>(found: &T, expected: &T) {
    assert_eq!(format!("{found:#?}"), format!("{expected:#?}"));
}

pub(super) fn organization(number: u8) -> Organization {
    Organization {
        id: id(number),
        name: format!("Company {number}"),
        settings: Settings::default(),
        created_at: at(i64::from(number)),
    }
}

pub(super) fn user(number: u8, organization: u8) -> User {
    User {
        id: id(number),
        organization_id: id(organization),
        email: EmailAddress::parse(&format!("Person{number}@Example.com")).unwrap(),
        name: format!("Person {number}"),
        role: Role::Member,
        status: UserStatus::Active,
        appearance: Appearance::System,
        picture_version: None,
        created_at: at(i64::from(number)),
    }
}

/// An open session of a user of organization 1 that began at nought, below all counters.
pub(super) fn session(number: u8, user: u8) -> Session {
    Session {
        id: id(number),
        user_id: id(user),
        organization_id: id(1),
        browser_id: None,
        created_at: at(0),
        life: Life {
            epochs: Epochs {
                user: 0,
                organization: 0,
                deployment: 0,
            },
            kind: SessionKind::Ordinary,
            authenticated_at: at(0),
            last_active_at: at(1_000),
            deadlines: Deadlines {
                idle: at(5_000),
                overall: at(9_000),
            },
            ended: None,
        },
        proofs: vec![Proof {
            method: ProofMethod::Password,
            at: at(0),
        }],
        client: client(None, None, ""),
    }
}

pub(super) fn client(
    address: Option<&str>,
    place: Option<&str>,
    user_agent: &str,
) -> ClientDetails {
    ClientDetails {
        address: address.map(|address| address.parse().unwrap()),
        place: place.map(ToOwned::to_owned),
        user_agent: user_agent.to_owned(),
    }
}

pub(super) fn ended(milliseconds: i64, cause: Cause, ending: u8) -> Ended {
    Ended {
        at: at(milliseconds),
        cause,
        ending_id: id(ending),
    }
}

/// An expanded ending that concerns nobody and has no counter.
pub(super) fn ending(number: u8, milliseconds: i64, scope: ScopeKind) -> Ending {
    Ending {
        id: id(number),
        at: at(milliseconds),
        scope,
        organization_id: None,
        user_id: None,
        kept_session_id: None,
        client_id: None,
        epoch: None,
        cause: Cause::LoggedOut,
        actor: Actor::System,
        reason: None,
        sessions_ended: 0,
        browsers_ended: 0,
        expanded: true,
    }
}

pub(super) fn event(
    number: u8,
    milliseconds: i64,
    kind: EventKind,
    user_id: Option<UserId>,
) -> Event {
    Event {
        id: id(number),
        at: at(milliseconds),
        organization_id: None,
        user_id,
        actor: Actor::System,
        kind,
        session_id: None,
        browser_id: None,
        ending_id: None,
        cause: None,
        client: client(None, None, ""),
        count: 1,
        detail: None,
    }
}

/// An app of a user whose set-up began at its number and is not finished.
pub(super) fn authenticator_app(number: u8, user: u8) -> AuthenticatorApp {
    AuthenticatorApp {
        id: id(number),
        user_id: id(user),
        name: format!("Phone {number}"),
        sealed_seed: vec![number; 57],
        last_used_step: None,
        created_at: at(i64::from(number)),
        confirmed_at: None,
        last_used_at: None,
    }
}

pub(super) fn recovery_code(number: u8, label: &str) -> NewRecoveryCode {
    NewRecoveryCode {
        id: id(number),
        label: label.to_owned(),
        hash: format!("$argon2id$hash {number}"),
    }
}

/// Organizations 1 and 2; users 1 and 2 in the first, 3 in the second.
pub(super) fn people(store: &Store) {
    write(store, |tx| {
        organizations::add(tx, &organization(1))?;
        organizations::add(tx, &organization(2))?;
        users::add(tx, &user(1, 1))?;
        users::add(tx, &user(2, 1))?;
        users::add(tx, &user(3, 2))
    });
}

/// Adds sessions, each with the digest of its own number.
pub(super) fn add_sessions(store: &Store, added: Vec<Session>) {
    write(store, move |tx| {
        added.iter().try_for_each(|session| {
            sessions::add(tx, session, TokenDigest::of(&session.id.to_bytes()))
        })
    });
}

/// A browser with the digest of its number that was last used at some time.
pub(super) fn add_browser(store: &Store, number: u8, always_shared: bool, used_at: i64) {
    write(store, move |tx| {
        let browser = Browser {
            id: id(number),
            always_shared,
        };
        browsers::add(tx, &browser, digest(number), at(used_at))
    });
}

/// The first byte of each id, which is the number that the row was made with.
pub(super) fn numbers<Kind>(ids: impl IntoIterator<Item = Id<Kind>>) -> Vec<u8> {
    ids.into_iter().map(|id| id.to_bytes()[0]).collect()
}
