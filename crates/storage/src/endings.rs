//! Endings: why, by whom and how far sessions were ended.
//!
//! Written only by `flows::log_out`. A wide ending is stored with its counter
//! first and expanded into sessions afterwards, in batches.

use nightlatch_domain::Timestamp;
use nightlatch_domain::ending::{Actor, Cause, ScopeKind};
use nightlatch_domain::ids::{ClientId, EndingId, OrganizationId, SessionId, UserId};
use nightlatch_domain::secret::TokenDigest;
use nightlatch_domain::session::Epochs;

use crate::events::read_actor;
use crate::{Row, StorageError, Tx};

/// One act that ended sessions.
#[derive(Debug, Clone)]
pub struct Ending {
    /// Sorts by time.
    pub id: EndingId,
    /// When it was done; sessions are over from here on.
    pub at: Timestamp,
    /// How far.
    pub scope: ScopeKind,
    /// The organization, for scopes within one.
    pub organization_id: Option<OrganizationId>,
    /// The user, for scopes of one.
    pub user_id: Option<UserId>,
    /// The session that was kept.
    pub kept_session_id: Option<SessionId>,
    /// The app, for scopes of one.
    pub client_id: Option<ClientId>,
    /// The counter of that scope after the act; sessions below it are over.
    pub epoch: Option<i64>,
    /// Why.
    pub cause: Cause,
    /// By whom.
    pub actor: Actor,
    /// The reason given in words.
    pub reason: Option<String>,
    /// Sessions ended so far.
    pub sessions_ended: i64,
    /// Browsers on which they were.
    pub browsers_ended: i64,
    /// Whether every session of the scope has its row ended.
    pub expanded: bool,
}

fn read(row: &Row<'_>) -> Result<Ending, StorageError> {
    Ok(Ending {
        id: row.get(0)?,
        at: row.get(1)?,
        scope: row.get(2)?,
        organization_id: row.get(3)?,
        user_id: row.get(4)?,
        kept_session_id: row.get(5)?,
        epoch: row.get(6)?,
        cause: row.get(7)?,
        actor: read_actor(row, 8)?,
        reason: row.get(10)?,
        sessions_ended: row.get(11)?,
        browsers_ended: row.get(12)?,
        expanded: row.get(13)?,
        client_id: row.get(14)?,
    })
}

/// Adds an ending.
pub fn add(tx: &mut Tx<'_>, ending: &Ending) -> Result<(), StorageError> {
    tx.execute_one(
        "INSERT INTO endings (id, at, scope, organization_id, user_id, kept_session_id, epoch, cause,
                              actor_kind, actor_user_id, reason, sessions_ended, browsers_ended,
                              expanded, client_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        &[
            ending.id.into(),
            ending.at.into(),
            ending.scope.name().into(),
            ending.organization_id.into(),
            ending.user_id.into(),
            ending.kept_session_id.into(),
            ending.epoch.into(),
            ending.cause.name().into(),
            ending.actor.kind().into(),
            ending.actor.user_id().into(),
            ending.reason.as_deref().into(),
            ending.sessions_ended.into(),
            ending.browsers_ended.into(),
            ending.expanded.into(),
            ending.client_id.into(),
        ],
    )
}

/// Adds to the counts of an ending, and says whether it is complete.
pub fn count(
    tx: &mut Tx<'_>,
    id: EndingId,
    sessions: i64,
    browsers: i64,
    expanded: bool,
) -> Result<(), StorageError> {
    tx.execute_one(
        "UPDATE endings SET sessions_ended = sessions_ended + $2,
                browsers_ended = browsers_ended + $3, expanded = $4
         WHERE id = $1",
        &[id.into(), sessions.into(), browsers.into(), expanded.into()],
    )
}

/// The ending of this id.
pub fn find(tx: &mut Tx<'_>, id: EndingId) -> Result<Option<Ending>, StorageError> {
    tx.query_optional(
        "SELECT id, at, scope, organization_id, user_id, kept_session_id, epoch, cause, actor_kind,
                actor_user_id, reason, sessions_ended, browsers_ended, expanded, client_id
         FROM endings WHERE id = $1",
        &[id.into()],
        read,
    )
}

/// Endings that are not yet expanded, oldest first.
pub fn list_open(tx: &mut Tx<'_>, limit: i64) -> Result<Vec<Ending>, StorageError> {
    tx.query(
        "SELECT id, at, scope, organization_id, user_id, kept_session_id, epoch, cause, actor_kind,
                actor_user_id, reason, sessions_ended, browsers_ended, expanded, client_id
         FROM endings WHERE NOT expanded ORDER BY id LIMIT $1",
        &[limit.into()],
        read,
    )
}

/// Up to `limit` endings from an instant on, oldest first; for nodes that learn
/// of each other's endings by asking.
pub fn list_since(
    tx: &mut Tx<'_>,
    since: Timestamp,
    limit: i64,
) -> Result<Vec<Ending>, StorageError> {
    tx.query(
        "SELECT id, at, scope, organization_id, user_id, kept_session_id, epoch, cause, actor_kind,
                actor_user_id, reason, sessions_ended, browsers_ended, expanded, client_id
         FROM endings WHERE at >= $1 ORDER BY at LIMIT $2",
        &[since.into(), limit.into()],
        read,
    )
}

/// The first ending that left these epochs behind: why a session that carries
/// them is over although its own row does not say so yet.
pub fn find_first_after_epochs(
    tx: &mut Tx<'_>,
    user_id: UserId,
    organization_id: OrganizationId,
    epochs: Epochs,
) -> Result<Option<Ending>, StorageError> {
    let of_user = tx.query_optional(
        "SELECT id, at, scope, organization_id, user_id, kept_session_id, epoch, cause, actor_kind,
                actor_user_id, reason, sessions_ended, browsers_ended, expanded, client_id
         FROM endings WHERE user_id = $1 AND epoch > $2 ORDER BY epoch LIMIT 1",
        &[user_id.into(), epochs.user.into()],
        read,
    )?;
    let of_organization = tx.query_optional(
        "SELECT id, at, scope, organization_id, user_id, kept_session_id, epoch, cause, actor_kind,
                actor_user_id, reason, sessions_ended, browsers_ended, expanded, client_id
         FROM endings WHERE scope = 'organization' AND organization_id = $1 AND epoch > $2
         ORDER BY epoch LIMIT 1",
        &[organization_id.into(), epochs.organization.into()],
        read,
    )?;
    let of_deployment = tx.query_optional(
        "SELECT id, at, scope, organization_id, user_id, kept_session_id, epoch, cause, actor_kind,
                actor_user_id, reason, sessions_ended, browsers_ended, expanded, client_id
         FROM endings WHERE scope = 'deployment' AND epoch > $1 ORDER BY epoch LIMIT 1",
        &[epochs.deployment.into()],
        read,
    )?;
    Ok([of_user, of_organization, of_deployment]
        .into_iter()
        .flatten()
        .min_by_key(|ending| ending.at))
}

/// What the signed-out page of a browser shows.
#[derive(Debug, Clone, Copy)]
pub struct Receipt {
    /// The ending that this browser caused.
    pub ending_id: EndingId,
    /// The session that it ended in this browser; receipts of earlier versions do
    /// not say.
    pub session_id: Option<SessionId>,
    /// It was a shared computer: the page names nobody.
    pub shared: bool,
    /// Sessions that the same act ended under another cause: a selection that this
    /// browser's own session was part of.
    pub more_sessions: i64,
    /// On how many browsers those were.
    pub more_browsers: i64,
}

/// Adds a receipt that is opened by the token of this digest.
pub fn add_receipt(
    tx: &mut Tx<'_>,
    token: TokenDigest,
    receipt: &Receipt,
    expires_at: Timestamp,
) -> Result<(), StorageError> {
    tx.execute_one(
        "INSERT INTO receipts (token_digest, ending_id, shared, more_sessions, more_browsers, expires_at,
                               session_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            token.into(),
            receipt.ending_id.into(),
            receipt.shared.into(),
            receipt.more_sessions.into(),
            receipt.more_browsers.into(),
            expires_at.into(),
            receipt.session_id.into(),
        ],
    )
}

/// The receipt that this token opens, while it is valid.
pub fn find_receipt(
    tx: &mut Tx<'_>,
    token: TokenDigest,
    now: Timestamp,
) -> Result<Option<Receipt>, StorageError> {
    tx.query_optional(
        "SELECT ending_id, shared, more_sessions, more_browsers, session_id
         FROM receipts WHERE token_digest = $1 AND expires_at > $2",
        &[token.into(), now.into()],
        |row| {
            Ok(Receipt {
                ending_id: row.get(0)?,
                shared: row.get(1)?,
                more_sessions: row.get(2)?,
                more_browsers: row.get(3)?,
                session_id: row.get(4)?,
            })
        },
    )
}

/// Lets another token open a receipt that is valid beyond `good_until`; false if there
/// is none.
pub fn replace_receipt_token(
    tx: &mut Tx<'_>,
    token: TokenDigest,
    fresh: TokenDigest,
    good_until: Timestamp,
) -> Result<bool, StorageError> {
    tx.execute(
        "UPDATE receipts SET token_digest = $2 WHERE token_digest = $1 AND expires_at > $3",
        &[token.into(), fresh.into(), good_until.into()],
    )
    .map(|count| count == 1)
}

/// Deletes up to `limit` receipts that are no longer valid.
pub fn prune_receipts(tx: &mut Tx<'_>, now: Timestamp, limit: i64) -> Result<u64, StorageError> {
    tx.execute(
        "DELETE FROM receipts
         WHERE token_digest IN (SELECT token_digest FROM receipts WHERE expires_at <= $1 LIMIT $2)",
        &[now.into(), limit.into()],
    )
}

/// Deletes up to `limit` endings older than `before` that no session names any
/// more.
pub fn prune(tx: &mut Tx<'_>, before: Timestamp, limit: i64) -> Result<u64, StorageError> {
    tx.execute(
        "DELETE FROM endings
         WHERE id IN (SELECT e.id FROM endings e
                      WHERE e.at < $1 AND e.expanded
                        AND NOT EXISTS (SELECT 1 FROM sessions s
                                        WHERE s.ended_at IS NOT NULL AND s.ending_id = e.id)
                        AND NOT EXISTS (SELECT 1 FROM receipts r WHERE r.ending_id = e.id)
                        AND NOT EXISTS (SELECT 1 FROM notices n WHERE n.ending_id = e.id)
                      LIMIT $2)",
        &[before.into(), limit.into()],
    )
}
