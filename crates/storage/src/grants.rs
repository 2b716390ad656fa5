//! What apps may do in people's names; see `domain::grant`.
//!
//! Whether a grant is good is decided by `domain::grant::admit` from what is read
//! here.

use std::sync::LazyLock;

use nightlatch_domain::Timestamp;
use nightlatch_domain::grant::{Grant, GrantEpochs, RevokedCause};
use nightlatch_domain::ids::{ClientId, GrantId, SessionId, UserId};
use nightlatch_domain::relying_party::RelyingPartyStatus;
use nightlatch_domain::session::Proof;
use nightlatch_domain::user::UserStatus;

use crate::columns::{Json, to_json};
use crate::{Concern, Row, StorageError, Tx, Value, many};

/// A grant with the present state of what it depends on, but for its session.
#[derive(Debug, Clone)]
pub struct OwnedGrant {
    /// The grant.
    pub grant: Grant,
    /// The present counters.
    pub epochs: GrantEpochs,
    /// Whether the account may be used.
    pub user_status: UserStatus,
    /// Whether the app may be entered.
    pub client_status: RelyingPartyStatus,
}

fn read(row: &Row<'_>) -> Result<Grant, StorageError> {
    let revoked = match row.get(22)? {
        None => None,
        Some(at) => Some((at, row.get(23)?)),
    };
    Ok(Grant {
        id: row.get(0)?,
        client_id: row.get(1)?,
        user_id: row.get(2)?,
        organization_id: row.get(3)?,
        session_id: row.get(4)?,
        offline: row.get(5)?,
        epochs: GrantEpochs {
            organization: row.get(6)?,
            deployment: row.get(7)?,
            offline: row.get(8)?,
            client: row.get(9)?,
        },
        scopes: row.get(10)?,
        authenticated_at: row.get(11)?,
        proofs: row.get::<Json<Vec<Proof>>>(12)?.0,
        // Grants from before the column asked for nothing else.
        request: row
            .get::<Option<String>>(13)?
            .unwrap_or_else(|| "{}".to_owned()),
        seed: row.get(14)?,
        generation: row.get(15)?,
        rotated_at: row.get(16)?,
        idle_deadline: row.get(17)?,
        overall_deadline: row.get(18)?,
        access_from: row.get(19)?,
        created_at: row.get(20)?,
        last_used_at: row.get(21)?,
        revoked,
    })
}

/// Adds a grant.
pub fn add(tx: &mut Tx<'_>, grant: &Grant) -> Result<(), StorageError> {
    tx.execute_one(
        "INSERT INTO grants (id, client_id, user_id, organization_id, session_id, offline,
                             organization_epoch, deployment_epoch, offline_epoch, client_epoch,
                             scopes, authenticated_at, proofs, request, seed, generation, rotated_at,
                             idle_deadline, overall_deadline, access_from, created_at, last_used_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
                 $19, $20, $21, $22)",
        &[
            grant.id.into(),
            grant.client_id.into(),
            grant.user_id.into(),
            grant.organization_id.into(),
            grant.session_id.into(),
            grant.offline.into(),
            grant.epochs.organization.into(),
            grant.epochs.deployment.into(),
            grant.epochs.offline.into(),
            grant.epochs.client.into(),
            grant.scopes.to_string().into(),
            grant.authenticated_at.into(),
            to_json(&grant.proofs)?.into(),
            (&grant.request).into(),
            grant.seed.into(),
            grant.generation.into(),
            grant.rotated_at.into(),
            grant.idle_deadline.into(),
            grant.overall_deadline.into(),
            grant.access_from.into(),
            grant.created_at.into(),
            grant.last_used_at.into(),
        ],
    )
}

/// The grant of this id, good or not.
pub fn find(tx: &mut Tx<'_>, id: GrantId) -> Result<Option<OwnedGrant>, StorageError> {
    tx.query_optional(
        "SELECT g.id, g.client_id, g.user_id, g.organization_id, g.session_id, g.offline,
                g.organization_epoch, g.deployment_epoch, g.offline_epoch, g.client_epoch,
                g.scopes, g.authenticated_at, g.proofs, g.request, g.seed, g.generation, g.rotated_at,
                g.idle_deadline, g.overall_deadline, g.access_from, g.created_at, g.last_used_at,
                g.revoked_at, g.revoked_cause,
                o.epoch, d.epoch, u.offline_epoch, r.epoch, u.status, r.status
         FROM grants g
         JOIN users u ON u.id = g.user_id
         JOIN organizations o ON o.id = g.organization_id
         JOIN relying_parties r ON r.id = g.client_id
         JOIN deployment d ON d.id = 1
         WHERE g.id = $1",
        &[id.into()],
        |row| {
            Ok(OwnedGrant {
                grant: read(row)?,
                epochs: GrantEpochs {
                    organization: row.get(24)?,
                    deployment: row.get(25)?,
                    offline: row.get(26)?,
                    client: row.get(27)?,
                },
                user_status: row.get(28)?,
                client_status: row.get(29)?,
            })
        },
    )
}

/// The present counters that a grant of this user to this app would carry; `None`
/// if there is no such user or app.
pub fn find_epochs(
    tx: &mut Tx<'_>,
    user_id: UserId,
    client_id: ClientId,
) -> Result<Option<GrantEpochs>, StorageError> {
    tx.query_optional(
        "SELECT o.epoch, d.epoch, u.offline_epoch, r.epoch
         FROM users u
         JOIN organizations o ON o.id = u.organization_id
         JOIN relying_parties r ON r.id = $2
         JOIN deployment d ON d.id = 1
         WHERE u.id = $1",
        &[user_id.into(), client_id.into()],
        |row| {
            Ok(GrantEpochs {
                organization: row.get(0)?,
                deployment: row.get(1)?,
                offline: row.get(2)?,
                client: row.get(3)?,
            })
        },
    )
}

/// Stores what a refresh changed: generation, its instant, the idle end and the
/// last use. `generation` is the one before; false if somebody was faster (TOK-03).
pub fn rotate(tx: &mut Tx<'_>, grant: &Grant, generation: i64) -> Result<bool, StorageError> {
    tx.concerns(Concern::Grant(grant.id));
    tx.execute(
        "UPDATE grants SET generation = $3, rotated_at = $4, idle_deadline = $5, last_used_at = $6
         WHERE id = $1 AND generation = $2 AND revoked_at IS NULL",
        &[
            grant.id.into(),
            generation.into(),
            grant.generation.into(),
            grant.rotated_at.into(),
            grant.idle_deadline.into(),
            grant.last_used_at.into(),
        ],
    )
    .map(|count| count == 1)
}

/// Voids the access tokens issued before an instant.
pub fn void_access_tokens(
    tx: &mut Tx<'_>,
    id: GrantId,
    from: Timestamp,
) -> Result<(), StorageError> {
    tx.concerns(Concern::Grant(id));
    tx.execute(
        "UPDATE grants SET access_from = $2 WHERE id = $1 AND access_from < $2",
        &[id.into(), from.into()],
    )
    .map(|_| ())
}

/// Revokes a grant; says whether it was not revoked before.
pub fn revoke(
    tx: &mut Tx<'_>,
    id: GrantId,
    at: Timestamp,
    cause: RevokedCause,
) -> Result<bool, StorageError> {
    tx.concerns(Concern::Grant(id));
    tx.execute(
        "UPDATE grants SET revoked_at = $2, revoked_cause = $3 WHERE id = $1 AND revoked_at IS NULL",
        &[id.into(), at.into(), cause.name().into()],
    )
    .map(|count| count == 1)
}

/// Revokes what an app got in one session, except what outlives it.
pub fn revoke_of_session(
    tx: &mut Tx<'_>,
    session_id: SessionId,
    client_id: ClientId,
    at: Timestamp,
    cause: RevokedCause,
) -> Result<u64, StorageError> {
    tx.concerns(Concern::Session(session_id));
    tx.execute(
        "UPDATE grants SET revoked_at = $3, revoked_cause = $4
         WHERE session_id = $1 AND client_id = $2 AND NOT offline AND revoked_at IS NULL",
        &[
            session_id.into(),
            client_id.into(),
            at.into(),
            cause.name().into(),
        ],
    )
}

/// Revokes everything that was granted in these sessions, long-lived or not.
pub fn revoke_all_of_sessions(
    tx: &mut Tx<'_>,
    ids: &[SessionId],
    at: Timestamp,
    cause: RevokedCause,
) -> Result<u64, StorageError> {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        format!(
            "UPDATE grants SET revoked_at = $1, revoked_cause = $2
             WHERE session_id IN ({}) AND revoked_at IS NULL",
            many::keys(3)
        )
    });
    let mut revoked = 0;
    for ids in ids.chunks(many::KEYS) {
        for id in ids {
            tx.concerns(Concern::Session(*id));
        }
        let mut values = vec![at.into(), cause.name().into()];
        values.extend(many::padded(ids).map(Value::from));
        revoked += tx.execute(&SQL, &values)?;
    }
    Ok(revoked)
}

/// Revokes what an app may do when the person is not there.
pub fn revoke_offline_of_client(
    tx: &mut Tx<'_>,
    user_id: UserId,
    client_id: ClientId,
    at: Timestamp,
    cause: RevokedCause,
) -> Result<u64, StorageError> {
    tx.concerns(Concern::User(user_id));
    tx.execute(
        "UPDATE grants SET revoked_at = $3, revoked_cause = $4
         WHERE user_id = $1 AND client_id = $2 AND offline AND revoked_at IS NULL",
        &[
            user_id.into(),
            client_id.into(),
            at.into(),
            cause.name().into(),
        ],
    )
}

/// Up to `limit` long-lived grants of a user that were not revoked; others may have
/// ended them since, see `domain::grant::admit`.
pub fn list_offline_of_user(
    tx: &mut Tx<'_>,
    user_id: UserId,
    limit: i64,
) -> Result<Vec<Grant>, StorageError> {
    tx.query(
        "SELECT id, client_id, user_id, organization_id, session_id, offline, organization_epoch,
                deployment_epoch, offline_epoch, client_epoch, scopes, authenticated_at, proofs,
                request, seed, generation, rotated_at, idle_deadline, overall_deadline, access_from,
                created_at, last_used_at, revoked_at, revoked_cause
         FROM grants WHERE user_id = $1 AND offline AND revoked_at IS NULL
         ORDER BY client_id LIMIT $2",
        &[user_id.into(), limit.into()],
        read,
    )
}

/// Ends all long-lived grants of a user; returns the new count. Only
/// `flows::log_out` calls it.
pub fn raise_offline_epoch(tx: &mut Tx<'_>, user_id: UserId) -> Result<i64, StorageError> {
    tx.concerns(Concern::User(user_id));
    tx.query_one(
        "UPDATE users SET offline_epoch = offline_epoch + 1 WHERE id = $1 RETURNING offline_epoch",
        &[user_id.into()],
        |row| row.get(0),
    )
}

/// Deletes up to `limit` grants that were over before `before` in any case: a session
/// that was proved anew lasts longer than it should have when the grant was made.
pub fn prune(tx: &mut Tx<'_>, before: Timestamp, limit: i64) -> Result<u64, StorageError> {
    tx.execute(
        "DELETE FROM grants
         WHERE id IN (SELECT g.id FROM grants g
                      LEFT JOIN sessions s ON s.id = g.session_id
                      WHERE g.overall_deadline < $1 AND (s.id IS NULL OR s.ended_at IS NOT NULL)
                      LIMIT $2)",
        &[before.into(), limit.into()],
    )
}
