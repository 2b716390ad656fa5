//! Sessions as rows.
//!
//! Whether one is live is decided by `domain::session::admit` from what is read
//! here; queries only narrow down. [`close`], and [`close_many`] for many at once, is
//! all that ends a session, and only `flows::log_out` calls it.

use std::sync::LazyLock;

use nightlatch_domain::Timestamp;
use nightlatch_domain::client::ClientDetails;
use nightlatch_domain::ids::{BrowserId, OrganizationId, SessionId, UserId};
use nightlatch_domain::organization::{Organization, Settings};
use nightlatch_domain::policy::Deadlines;
use nightlatch_domain::secret::TokenDigest;
use nightlatch_domain::session::{Ended, Epochs, Life, Proof, Session, Standing};
use nightlatch_domain::user::User;

use crate::columns::{Json, to_json};
use crate::{Concern, Row, StorageError, Tx, Value, many, users};

/// The columns in the order in which [`read`] takes them.
const COLUMNS: &str = "s.id, s.user_id, s.organization_id, s.browser_id, s.user_epoch, \
    s.organization_epoch, s.deployment_epoch, s.kind, s.created_at, s.authenticated_at, \
    s.last_active_at, s.idle_deadline, s.overall_deadline, s.proofs, s.address, s.place, \
    s.user_agent, s.ended_at, s.ended_cause, s.ending_id";
const COLUMN_COUNT: usize = 20;

fn read(row: &Row<'_>) -> Result<Session, StorageError> {
    let ended = match row.get(17)? {
        None => None,
        Some(at) => Some(Ended {
            at,
            cause: row.get(18)?,
            ending_id: row.get(19)?,
        }),
    };
    Ok(Session {
        id: row.get(0)?,
        user_id: row.get(1)?,
        organization_id: row.get(2)?,
        browser_id: row.get(3)?,
        created_at: row.get(8)?,
        life: Life {
            epochs: Epochs {
                user: row.get(4)?,
                organization: row.get(5)?,
                deployment: row.get(6)?,
            },
            kind: row.get(7)?,
            authenticated_at: row.get(9)?,
            last_active_at: row.get(10)?,
            deadlines: Deadlines {
                idle: row.get(11)?,
                overall: row.get(12)?,
            },
            ended,
        },
        proofs: row.get::<Json<Vec<Proof>>>(13)?.0,
        client: ClientDetails {
            address: row.get(14)?,
            place: row.get(15)?,
            user_agent: row.get(16)?,
        },
    })
}

/// A session together with all that `admit` measures it against.
#[derive(Debug, Clone)]
pub struct OwnedSession {
    /// The session.
    pub session: Session,
    /// Whose it is.
    pub user: User,
    /// Where they belong.
    pub organization: Organization,
    /// The present counters.
    pub epochs: Epochs,
}

impl OwnedSession {
    /// What the session is measured against.
    pub fn standing(&self) -> Standing {
        Standing {
            user_status: self.user.status,
            epochs: self.epochs,
            limits: self
                .organization
                .settings
                .policy
                .limits(self.session.life.kind),
        }
    }
}

fn read_owned(row: &Row<'_>) -> Result<OwnedSession, StorageError> {
    let session = read(row)?;
    let user = users::read(row, COLUMN_COUNT)?;
    let next = COLUMN_COUNT + 9;
    Ok(OwnedSession {
        organization: Organization {
            id: session.organization_id,
            name: row.get(next)?,
            settings: row.get::<Json<Settings>>(next + 1)?.0,
            created_at: row.get(next + 2)?,
        },
        epochs: Epochs {
            user: row.get(next + 3)?,
            organization: row.get(next + 4)?,
            deployment: row.get(next + 5)?,
        },
        session,
        user,
    })
}

fn owned_where(condition: &str) -> String {
    format!(
        "SELECT {COLUMNS},
                u.id, u.organization_id, u.email, u.name, u.role, u.status, u.appearance,
                u.picture_version, u.created_at,
                o.name, o.settings, o.created_at, u.epoch, o.epoch, d.epoch
         FROM sessions s
         JOIN users u ON u.id = s.user_id
         JOIN organizations o ON o.id = s.organization_id
         JOIN deployment d ON d.id = 1
         WHERE {condition}"
    )
}

/// The session that this token belongs to, ended or not.
pub fn find_by_token(
    tx: &mut Tx<'_>,
    token: TokenDigest,
) -> Result<Option<OwnedSession>, StorageError> {
    static SQL: LazyLock<String> = LazyLock::new(|| owned_where("s.token_digest = $1"));
    tx.query_optional(&SQL, &[token.into()], read_owned)
}

/// The open session that had this token before its present one; for Log out only,
/// see `flows::sessions::Check::Replaced`.
pub fn find_by_previous_token(
    tx: &mut Tx<'_>,
    token: TokenDigest,
) -> Result<Option<OwnedSession>, StorageError> {
    static SQL: LazyLock<String> =
        LazyLock::new(|| owned_where("s.previous_token_digest = $1 AND s.ended_at IS NULL"));
    tx.query_optional(&SQL, &[token.into()], read_owned)
}

/// The session of this id, ended or not.
pub fn find(tx: &mut Tx<'_>, id: SessionId) -> Result<Option<OwnedSession>, StorageError> {
    static SQL: LazyLock<String> = LazyLock::new(|| owned_where("s.id = $1"));
    tx.query_optional(&SQL, &[id.into()], read_owned)
}

/// Adds a session that is reached by the token of this digest.
pub fn add(tx: &mut Tx<'_>, session: &Session, token: TokenDigest) -> Result<(), StorageError> {
    let life = &session.life;
    tx.execute_one(
        "INSERT INTO sessions (id, token_digest, user_id, organization_id, browser_id, user_epoch,
                               organization_epoch, deployment_epoch, kind, created_at,
                               authenticated_at, last_active_at, idle_deadline, overall_deadline,
                               proofs, address, place, user_agent)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
        &[
            session.id.into(),
            token.into(),
            session.user_id.into(),
            session.organization_id.into(),
            session.browser_id.into(),
            life.epochs.user.into(),
            life.epochs.organization.into(),
            life.epochs.deployment.into(),
            life.kind.name().into(),
            session.created_at.into(),
            life.authenticated_at.into(),
            life.last_active_at.into(),
            life.deadlines.idle.into(),
            life.deadlines.overall.into(),
            to_json(&session.proofs)?.into(),
            session.client.address.into(),
            session.client.place.as_deref().into(),
            (&session.client.user_agent).into(),
        ],
    )
}

/// Gives a session that goes on a new token and stores its present state: the old
/// token admits nothing from this commit on (SES-05). It is kept, for Log out alone.
pub fn renew(tx: &mut Tx<'_>, session: &Session, token: TokenDigest) -> Result<(), StorageError> {
    let life = &session.life;
    tx.concerns(Concern::Session(session.id));
    tx.execute_one(
        "UPDATE sessions SET previous_token_digest = token_digest, token_digest = $2, user_epoch = $3, organization_epoch = $4,
                deployment_epoch = $5, authenticated_at = $6, last_active_at = $7,
                idle_deadline = $8, overall_deadline = $9, proofs = $10
         WHERE id = $1 AND ended_at IS NULL",
        &[
            session.id.into(),
            token.into(),
            life.epochs.user.into(),
            life.epochs.organization.into(),
            life.epochs.deployment.into(),
            life.authenticated_at.into(),
            life.last_active_at.into(),
            life.deadlines.idle.into(),
            life.deadlines.overall.into(),
            to_json(&session.proofs)?.into(),
        ],
    )
}

/// Names the token that the browser held before the present one, where one made
/// in between never reached it.
pub fn set_previous_token(
    tx: &mut Tx<'_>,
    id: SessionId,
    token: TokenDigest,
) -> Result<(), StorageError> {
    tx.execute(
        "UPDATE sessions SET previous_token_digest = $2 WHERE id = $1 AND ended_at IS NULL",
        &[id.into(), token.into()],
    )
    .map(|_| ())
}

/// Stores deadlines and proofs after an authentication; the token stays.
pub fn record_authentication(tx: &mut Tx<'_>, session: &Session) -> Result<(), StorageError> {
    let life = &session.life;
    tx.concerns(Concern::Session(session.id));
    tx.execute_one(
        "UPDATE sessions SET authenticated_at = $2, last_active_at = $3, idle_deadline = $4,
                overall_deadline = $5, proofs = $6
         WHERE id = $1 AND ended_at IS NULL",
        &[
            session.id.into(),
            life.authenticated_at.into(),
            life.last_active_at.into(),
            life.deadlines.idle.into(),
            life.deadlines.overall.into(),
            to_json(&session.proofs)?.into(),
        ],
    )
}

/// Ends a session. False if it had ended before: the first cause stays.
pub fn close(tx: &mut Tx<'_>, id: SessionId, ended: &Ended) -> Result<bool, StorageError> {
    tx.concerns(Concern::Session(id));
    Ok(tx.execute(
        "UPDATE sessions SET ended_at = $2, ended_cause = $3, ending_id = $4,
                previous_token_digest = NULL
         WHERE id = $1 AND ended_at IS NULL",
        &[
            id.into(),
            ended.at.into(),
            ended.cause.name().into(),
            ended.ending_id.into(),
        ],
    )? == 1)
}

/// [`close`] for many that end alike; returns those that had not ended before. That they had not is asked in a way
/// that no index of open sessions answers: PostgreSQL would read all of one to save a few rows.
pub fn close_many(
    tx: &mut Tx<'_>,
    ids: &[SessionId],
    ended: &Ended,
) -> Result<Vec<SessionId>, StorageError> {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        format!(
            "UPDATE sessions SET ended_at = $1, ended_cause = $2, ending_id = $3,
                    previous_token_digest = NULL
             WHERE id IN ({}) AND COALESCE(ended_cause, '') = ''
             RETURNING id",
            many::keys(4)
        )
    });
    let mut closed = Vec::with_capacity(ids.len());
    for ids in ids.chunks(many::KEYS) {
        if let &[id] = ids {
            closed.extend(close(tx, id, ended)?.then_some(id));
            continue;
        }
        for id in ids {
            tx.concerns(Concern::Session(*id));
        }
        let mut values = vec![
            ended.at.into(),
            ended.cause.name().into(),
            ended.ending_id.into(),
        ];
        values.extend(many::padded(ids).map(Value::from));
        closed.extend(tx.query(&SQL, &values, |row| row.get::<SessionId>(0))?);
    }
    Ok(closed)
}

/// Records activity: it moves the idle deadline forward and nothing else, and
/// never touches an ended session.
pub fn record_activity(
    tx: &mut Tx<'_>,
    id: SessionId,
    active_at: Timestamp,
    idle_deadline: Timestamp,
) -> Result<(), StorageError> {
    tx.execute(
        "UPDATE sessions SET last_active_at = $2, idle_deadline = $3
         WHERE id = $1 AND ended_at IS NULL AND last_active_at < $2",
        &[id.into(), active_at.into(), idle_deadline.into()],
    )
    .map(|_| ())
}

/// Up to `limit` sessions of a user that no row says have ended, the most
/// recently used first. `admit` decides which of them are live.
pub fn list_open_of_user(
    tx: &mut Tx<'_>,
    user_id: UserId,
    limit: i64,
) -> Result<Vec<OwnedSession>, StorageError> {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        owned_where(
            "s.user_id = $1 AND s.ended_at IS NULL ORDER BY s.last_active_at DESC, s.id LIMIT $2",
        )
    });
    tx.query(&SQL, &[user_id.into(), limit.into()], read_owned)
}

/// Up to `limit` open sessions of a user, the least recently used first.
pub fn list_oldest_open_of_user(
    tx: &mut Tx<'_>,
    user_id: UserId,
    limit: i64,
) -> Result<Vec<OwnedSession>, StorageError> {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        owned_where(
            "s.user_id = $1 AND s.ended_at IS NULL ORDER BY s.last_active_at, s.id LIMIT $2",
        )
    });
    tx.query(&SQL, &[user_id.into(), limit.into()], read_owned)
}

/// How many sessions of a user no row says have ended, counted up to `limit`.
pub fn count_open_of_user(
    tx: &mut Tx<'_>,
    user_id: UserId,
    limit: i64,
) -> Result<i64, StorageError> {
    tx.query_one(
        "SELECT count(*) FROM
             (SELECT id FROM sessions WHERE user_id = $1 AND ended_at IS NULL LIMIT $2) AS open",
        &[user_id.into(), limit.into()],
        |row| row.get(0),
    )
}

/// Up to `limit` open sessions of a browser.
pub fn list_open_of_browser(
    tx: &mut Tx<'_>,
    browser_id: BrowserId,
    limit: i64,
) -> Result<Vec<OwnedSession>, StorageError> {
    static SQL: LazyLock<String> =
        LazyLock::new(|| owned_where("s.browser_id = $1 AND s.ended_at IS NULL LIMIT $2"));
    tx.query(&SQL, &[browser_id.into(), limit.into()], read_owned)
}

/// Up to `limit` open sessions of a user that began below this epoch.
pub fn list_open_of_user_below(
    tx: &mut Tx<'_>,
    user_id: UserId,
    epoch: i64,
    limit: i64,
) -> Result<Vec<OwnedSession>, StorageError> {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        owned_where(
            "s.user_id = $1 AND s.ended_at IS NULL AND s.user_epoch < $2
             ORDER BY s.last_active_at LIMIT $3",
        )
    });
    tx.query(
        &SQL,
        &[user_id.into(), epoch.into(), limit.into()],
        read_owned,
    )
}

/// Up to `limit` open sessions of an organization that began below this epoch.
pub fn list_open_of_organization_below(
    tx: &mut Tx<'_>,
    organization_id: OrganizationId,
    epoch: i64,
    limit: i64,
) -> Result<Vec<OwnedSession>, StorageError> {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        owned_where(
            "s.organization_id = $1 AND s.ended_at IS NULL AND s.organization_epoch < $2 LIMIT $3",
        )
    });
    tx.query(
        &SQL,
        &[organization_id.into(), epoch.into(), limit.into()],
        read_owned,
    )
}

/// Up to `limit` open sessions of the deployment that began below this epoch.
pub fn list_open_of_deployment_below(
    tx: &mut Tx<'_>,
    epoch: i64,
    limit: i64,
) -> Result<Vec<OwnedSession>, StorageError> {
    static SQL: LazyLock<String> =
        LazyLock::new(|| owned_where("s.ended_at IS NULL AND s.deployment_epoch < $1 LIMIT $2"));
    tx.query(&SQL, &[epoch.into(), limit.into()], read_owned)
}

/// Up to `limit` open sessions whose idle deadline (never behind the overall
/// one) lies before an instant.
pub fn list_overdue(
    tx: &mut Tx<'_>,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<OwnedSession>, StorageError> {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        owned_where("s.ended_at IS NULL AND s.idle_deadline < $1 ORDER BY s.idle_deadline LIMIT $2")
    });
    tx.query(&SQL, &[before.into(), limit.into()], read_owned)
}

/// Deletes up to `limit` sessions that ended before an instant (E14).
pub fn prune(tx: &mut Tx<'_>, before: Timestamp, limit: i64) -> Result<u64, StorageError> {
    tx.execute(
        "DELETE FROM sessions
         WHERE id IN (SELECT id FROM sessions WHERE ended_at < $1 LIMIT $2)",
        &[before.into(), limit.into()],
    )
}
