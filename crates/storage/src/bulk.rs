//! Fills an empty database with very much at once, for measurements.
//!
//! Owns what a load does otherwise than the product: no durability, indexes built
//! afterwards, rows by `COPY` on PostgreSQL. What a row looks like it takes from the
//! functions of the tables, which run here as in the product; only what those write in
//! two steps (a session begins, and later ends) has a statement of its own here.
//!
//! A load that fails leaves a database without indexes: throw it away.

use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::{BrowserId, UserId};
use nightlatch_domain::secret::TokenDigest;
use nightlatch_domain::session::{Ended, Session};

use crate::backend;
use crate::columns::to_json;
use crate::{DatabaseLocation, StorageError, Tx};

/// Migrates a database, which must hold no users, and runs `fill` in one transaction on
/// it. `fill` may add rows and do nothing else; foreign keys are not looked at.
///
/// On PostgreSQL the role must own the tables. A superuser loads faster: nobody else may
/// leave foreign keys unchecked.
pub fn fill(
    location: &DatabaseLocation,
    mut fill: impl FnMut(&mut Tx<'_>) -> Result<(), StorageError>,
) -> Result<(), StorageError> {
    backend::fill(location, &mut fill)
}

/// Adds a session that is over.
pub fn add_ended_session(
    tx: &mut Tx<'_>,
    session: &Session,
    ended: &Ended,
    token: TokenDigest,
) -> Result<(), StorageError> {
    let life = &session.life;
    tx.execute_one(
        "INSERT INTO sessions (id, token_digest, user_id, organization_id, browser_id, user_epoch,
                               organization_epoch, deployment_epoch, kind, created_at,
                               authenticated_at, last_active_at, idle_deadline, overall_deadline,
                               proofs, address, place, user_agent, ended_at, ended_cause, ending_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
                 $19, $20, $21)",
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
            ended.at.into(),
            ended.cause.name().into(),
            ended.ending_id.into(),
        ],
    )
}

/// Adds that an account has used a browser, once.
pub fn add_known_browser(
    tx: &mut Tx<'_>,
    user_id: UserId,
    browser_id: BrowserId,
    used_at: Timestamp,
) -> Result<(), StorageError> {
    tx.execute_one(
        "INSERT INTO known_browsers (user_id, browser_id, name, first_used_at, last_used_at)
         VALUES ($1, $2, NULL, $3, $3)",
        &[user_id.into(), browser_id.into(), used_at.into()],
    )
}
