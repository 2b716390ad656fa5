//! Made-up people and what they hold, put into a store without the way over pages.

use std::time::Duration;

use nightlatch_domain::client::ClientDetails;
use nightlatch_domain::ids::{ClientId, Id, OrganizationId, UserId};
use nightlatch_domain::organization::{Organization, Settings};
use nightlatch_domain::policy::Deadlines;
use nightlatch_domain::relying_party::protection::{ProtectedHost, Protection};
use nightlatch_domain::relying_party::{Registration, RelyingParty, RelyingPartyStatus};
use nightlatch_domain::secret::Token;
use nightlatch_domain::session::{Epochs, Life, Session, SessionKind};
use nightlatch_domain::user::{Appearance, EmailAddress, Role, User, UserStatus};
use nightlatch_domain::{Random, Timestamp};
use nightlatch_storage::host_sessions::{self, HostSession};
use nightlatch_storage::{StorageError, Store, organizations, relying_parties, sessions, users};

const DAY: Duration = Duration::from_hours(24);

/// The host of the protected app.
pub const HOST: &str = "https://wiki.example.net";

/// An organization.
pub fn organization(now: Timestamp) -> Organization {
    Organization {
        id: OrganizationId::from_bytes([1; 16]),
        name: "Brightwater Trading".to_owned(),
        settings: Settings::default(),
        created_at: now,
    }
}

/// One of its people.
pub fn person(id: UserId, now: Timestamp) -> User {
    User {
        id,
        organization_id: OrganizationId::from_bytes([1; 16]),
        email: EmailAddress::parse(&format!("{id}@brightwater.example")).expect("an address"),
        name: "Ada Lovelace".to_owned(),
        role: Role::Member,
        status: UserStatus::Active,
        appearance: Appearance::System,
        picture_version: None,
        created_at: now,
    }
}

/// A session of theirs.
pub fn session(user: UserId, now: Timestamp, random: &dyn Random) -> Session {
    Session {
        id: Id::random(random),
        user_id: user,
        organization_id: OrganizationId::from_bytes([1; 16]),
        browser_id: None,
        created_at: now,
        life: Life {
            epochs: Epochs {
                user: 0,
                organization: 0,
                deployment: 0,
            },
            kind: SessionKind::Ordinary,
            authenticated_at: now,
            last_active_at: now,
            deadlines: Deadlines {
                idle: now.plus(DAY),
                overall: now.plus(DAY * 7),
            },
            ended: None,
        },
        proofs: Vec::new(),
        client: ClientDetails::new(None, None, "a browser"),
    }
}

/// An app behind a proxy that lets everybody in.
pub fn app(now: Timestamp) -> RelyingParty {
    let host = ProtectedHost::parse(HOST).expect("a host");
    let protection = Protection {
        hosts: vec![host],
        ..Protection::default()
    };
    RelyingParty {
        id: ClientId::from_bytes([9; 16]),
        organization_id: OrganizationId::from_bytes([1; 16]),
        name: "Wiki".to_owned(),
        registration: Registration {
            protection: Some(protection),
            ..Registration::default()
        },
        secret: None,
        status: RelyingPartyStatus::Active,
        epoch: 0,
        created_at: now,
    }
}

/// Puts the organization and the app into a store.
pub fn found(store: &Store, now: Timestamp) {
    write(store, move |tx| {
        organizations::add(tx, &organization(now))?;
        relying_parties::add(tx, &app(now))
    });
}

/// Adds a person with so many sessions; returns them with the token of a cookie of the first session on the app's
/// host.
pub fn add_person(
    store: &Store,
    now: Timestamp,
    random: &'static dyn Random,
    count: usize,
) -> (UserId, Token) {
    let user = UserId::sortable(now, random);
    write(store, move |tx| users::add(tx, &person(user, now)));
    let cookie = Token::generate(random);
    let digest = cookie.digest();
    for from in (0..count).step_by(1_000) {
        let batch = (count - from).min(1_000);
        write(store, move |tx| {
            for number in 0..batch {
                let session = session(user, now, random);
                sessions::add(tx, &session, Token::generate(random).digest())?;
                if from + number == 0 {
                    let row = HostSession {
                        session_id: session.id,
                        client_id: app(now).id,
                        host: ProtectedHost::parse(HOST).expect("a host"),
                        client_epoch: 0,
                        created_at: now,
                        keep_until: now.plus(DAY * 8),
                    };
                    host_sessions::add(tx, &row, digest)?;
                }
            }
            Ok(())
        });
    }
    (user, cookie)
}

/// Runs a flow and waits for it. Off the asynchronous threads.
pub fn write<T: Send + 'static>(
    store: &Store,
    mut flow: impl FnMut(&mut nightlatch_storage::Tx<'_>) -> Result<T, StorageError> + Send + 'static,
) -> T {
    let done: Result<T, StorageError> = store.write_blocking(move |tx| flow(tx));
    done.expect("a flow that works")
}
