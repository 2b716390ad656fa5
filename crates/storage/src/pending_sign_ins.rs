//! Sign-ins whose password was right and that wait for a second factor.
//!
//! Whether one may go on is decided by `domain::next_step::PendingLife` from what
//! is read here. None of them is a session, and no statement of
//! [`crate::sessions`] finds them (SES-07).

use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::{BrowserId, UserId};
use nightlatch_domain::next_step::PendingLife;
use nightlatch_domain::secret::TokenDigest;
use nightlatch_domain::session::{Epochs, Proof};

use crate::columns::{Json, to_json};
use crate::{StorageError, Tx};

/// A sign-in that waits for its second factor.
#[derive(Debug, Clone)]
pub struct PendingSignIn {
    /// Whose it is.
    pub user_id: UserId,
    /// What decides whether it may go on.
    pub life: PendingLife,
    /// The browser that it began in, if it was a known one.
    pub browser_id: Option<BrowserId>,
    /// The token of a session that the browser held; it is replaced.
    pub replaces: Option<TokenDigest>,
    /// "Stay signed in on this browser".
    pub remember: bool,
    /// "This is a shared or public computer".
    pub shared: bool,
    /// Where to go afterwards: a checked path, or empty.
    pub return_to: String,
    /// What was proved so far, oldest first.
    pub proofs: Vec<Proof>,
    /// When the password was right.
    pub created_at: Timestamp,
}

/// Adds one that is reached by the token of this digest.
pub fn add(
    tx: &mut Tx<'_>,
    pending: &PendingSignIn,
    token: TokenDigest,
) -> Result<(), StorageError> {
    let life = &pending.life;
    tx.execute_one(
        "INSERT INTO pending_sign_ins (token_digest, user_id, user_epoch, organization_epoch,
                                       deployment_epoch, password_set_at, browser_id, replaces,
                                       remember, shared, return_to, proofs, wrong_codes,
                                       created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        &[
            token.into(),
            pending.user_id.into(),
            life.epochs.user.into(),
            life.epochs.organization.into(),
            life.epochs.deployment.into(),
            life.password_set_at.into(),
            pending.browser_id.into(),
            pending.replaces.into(),
            pending.remember.into(),
            pending.shared.into(),
            (&pending.return_to).into(),
            to_json(&pending.proofs)?.into(),
            life.wrong_codes.into(),
            pending.created_at.into(),
            life.expires_at.into(),
        ],
    )
}

/// The one that this token belongs to, whether it may go on or not.
pub fn find_by_token(
    tx: &mut Tx<'_>,
    token: TokenDigest,
) -> Result<Option<PendingSignIn>, StorageError> {
    tx.query_optional(
        "SELECT user_id, user_epoch, organization_epoch, deployment_epoch, password_set_at,
                browser_id, replaces, remember, shared, return_to, proofs, wrong_codes,
                created_at, expires_at
         FROM pending_sign_ins WHERE token_digest = $1",
        &[token.into()],
        |row| {
            Ok(PendingSignIn {
                user_id: row.get(0)?,
                life: PendingLife {
                    epochs: Epochs {
                        user: row.get(1)?,
                        organization: row.get(2)?,
                        deployment: row.get(3)?,
                    },
                    password_set_at: row.get(4)?,
                    expires_at: row.get(13)?,
                    wrong_codes: row.get(11)?,
                },
                browser_id: row.get(5)?,
                replaces: row.get(6)?,
                remember: row.get(7)?,
                shared: row.get(8)?,
                return_to: row.get(9)?,
                proofs: row.get::<Json<Vec<Proof>>>(10)?.0,
                created_at: row.get(12)?,
            })
        },
    )
}

/// Counts one more wrong code; returns how many there were, or nothing if the
/// sign-in is gone.
pub fn count_wrong_code(tx: &mut Tx<'_>, token: TokenDigest) -> Result<Option<i64>, StorageError> {
    tx.query_optional(
        "UPDATE pending_sign_ins SET wrong_codes = wrong_codes + 1 WHERE token_digest = $1
         RETURNING wrong_codes",
        &[token.into()],
        |row| row.get(0),
    )
}

/// Deletes one; false if it was gone before. Whoever got true used it up.
pub fn delete(tx: &mut Tx<'_>, token: TokenDigest) -> Result<bool, StorageError> {
    Ok(tx.execute(
        "DELETE FROM pending_sign_ins WHERE token_digest = $1",
        &[token.into()],
    )? == 1)
}

/// Deletes all of a user.
pub fn delete_of_user(tx: &mut Tx<'_>, user_id: UserId) -> Result<u64, StorageError> {
    tx.execute(
        "DELETE FROM pending_sign_ins WHERE user_id = $1",
        &[user_id.into()],
    )
}

/// Deletes up to `limit` that expired before `before`.
pub fn prune(tx: &mut Tx<'_>, before: Timestamp, limit: i64) -> Result<u64, StorageError> {
    tx.execute(
        "DELETE FROM pending_sign_ins
         WHERE token_digest IN
             (SELECT token_digest FROM pending_sign_ins WHERE expires_at < $1 LIMIT $2)",
        &[before.into(), limit.into()],
    )
}
