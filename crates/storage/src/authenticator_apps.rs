//! Authenticator apps, with their sealed seeds.
//!
//! Owns the rows and the one statement that makes a code count once. What a seed
//! is and how it is sealed is unknown here.

use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::{AuthenticatorAppId, UserId};

use crate::{Concern, Row, StorageError, Tx};

/// An authenticator app of an account.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthenticatorApp {
    /// Names it; authenticates nobody.
    pub id: AuthenticatorAppId,
    /// Whose it is.
    pub user_id: UserId,
    /// What its owner calls it.
    pub name: String,
    /// The seed, sealed with a key that is not in the database (MFA-01).
    pub sealed_seed: Vec<u8>,
    /// The newest time step whose code was accepted.
    pub last_used_step: Option<i64>,
    /// When its set-up began.
    pub created_at: Timestamp,
    /// When its first code proved right; until then it counts for nothing.
    pub confirmed_at: Option<Timestamp>,
    /// When a code of it last proved right at a sign-in.
    pub last_used_at: Option<Timestamp>,
}

/// Without the seed: sealed or not, it has no business in a log.
impl std::fmt::Debug for AuthenticatorApp {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("AuthenticatorApp")
            .field("id", &self.id)
            .field("user_id", &self.user_id)
            .field("name", &self.name)
            .field("last_used_step", &self.last_used_step)
            .field("created_at", &self.created_at)
            .field("confirmed_at", &self.confirmed_at)
            .field("last_used_at", &self.last_used_at)
            .finish_non_exhaustive()
    }
}

fn read(row: &Row<'_>) -> Result<AuthenticatorApp, StorageError> {
    Ok(AuthenticatorApp {
        id: row.get(0)?,
        user_id: row.get(1)?,
        name: row.get(2)?,
        sealed_seed: row.get(3)?,
        last_used_step: row.get(4)?,
        created_at: row.get(5)?,
        confirmed_at: row.get(6)?,
        last_used_at: row.get(7)?,
    })
}

/// Adds an app.
pub fn add(tx: &mut Tx<'_>, app: &AuthenticatorApp) -> Result<(), StorageError> {
    tx.execute_one(
        "INSERT INTO authenticator_apps (id, user_id, name, sealed_seed, last_used_step, created_at,
                                         confirmed_at, last_used_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &[
            app.id.into(),
            app.user_id.into(),
            (&app.name).into(),
            app.sealed_seed.as_slice().into(),
            app.last_used_step.into(),
            app.created_at.into(),
            app.confirmed_at.into(),
            app.last_used_at.into(),
        ],
    )
}

/// An app of this user, confirmed or not.
pub fn find_of_user(
    tx: &mut Tx<'_>,
    user_id: UserId,
    id: AuthenticatorAppId,
) -> Result<Option<AuthenticatorApp>, StorageError> {
    tx.query_optional(
        "SELECT id, user_id, name, sealed_seed, last_used_step, created_at, confirmed_at, last_used_at
         FROM authenticator_apps WHERE id = $1 AND user_id = $2",
        &[id.into(), user_id.into()],
        read,
    )
}

/// All apps of a user, confirmed or not, oldest first, up to `limit`.
pub fn list_of_user(
    tx: &mut Tx<'_>,
    user_id: UserId,
    limit: i64,
) -> Result<Vec<AuthenticatorApp>, StorageError> {
    tx.query(
        "SELECT id, user_id, name, sealed_seed, last_used_step, created_at, confirmed_at, last_used_at
         FROM authenticator_apps WHERE user_id = $1 ORDER BY created_at, id LIMIT $2",
        &[user_id.into(), limit.into()],
        read,
    )
}

/// Makes an app count, with the step of the code that proved it. Says whether
/// there was one of this user that did not count yet.
pub fn confirm(
    tx: &mut Tx<'_>,
    user_id: UserId,
    id: AuthenticatorAppId,
    step: i64,
    at: Timestamp,
) -> Result<bool, StorageError> {
    tx.execute(
        "UPDATE authenticator_apps SET confirmed_at = $4, last_used_step = $3
         WHERE id = $1 AND user_id = $2 AND confirmed_at IS NULL",
        &[id.into(), user_id.into(), step.into(), at.into()],
    )
    .map(|changed| changed > 0)
}

/// Spends a time step. Says whether it was unspent: the same or an older step
/// changes nothing, whichever node asks and however many ask at once (MFA-02).
pub fn spend_step(
    tx: &mut Tx<'_>,
    id: AuthenticatorAppId,
    step: i64,
    at: Timestamp,
) -> Result<bool, StorageError> {
    tx.execute(
        "UPDATE authenticator_apps SET last_used_step = $2, last_used_at = $3
         WHERE id = $1 AND confirmed_at IS NOT NULL
           AND (last_used_step IS NULL OR last_used_step < $2)",
        &[id.into(), step.into(), at.into()],
    )
    .map(|changed| changed > 0)
}

/// Gives a confirmed app of this user another name. Says whether there is one.
pub fn rename(
    tx: &mut Tx<'_>,
    user_id: UserId,
    id: AuthenticatorAppId,
    name: &str,
) -> Result<bool, StorageError> {
    tx.execute(
        "UPDATE authenticator_apps SET name = $3
         WHERE id = $1 AND user_id = $2 AND confirmed_at IS NOT NULL",
        &[id.into(), user_id.into(), name.into()],
    )
    .map(|changed| changed > 0)
}

/// Deletes an app of this user. Says whether there was one.
pub fn delete(
    tx: &mut Tx<'_>,
    user_id: UserId,
    id: AuthenticatorAppId,
) -> Result<bool, StorageError> {
    tx.concerns(Concern::User(user_id));
    tx.execute(
        "DELETE FROM authenticator_apps WHERE id = $1 AND user_id = $2",
        &[id.into(), user_id.into()],
    )
    .map(|changed| changed > 0)
}

/// Deletes the apps of a user whose set-up was not finished.
pub fn delete_unconfirmed(tx: &mut Tx<'_>, user_id: UserId) -> Result<u64, StorageError> {
    tx.execute(
        "DELETE FROM authenticator_apps WHERE user_id = $1 AND confirmed_at IS NULL",
        &[user_id.into()],
    )
}

/// Deletes all apps of a user.
pub fn delete_all_of_user(tx: &mut Tx<'_>, user_id: UserId) -> Result<u64, StorageError> {
    tx.concerns(Concern::User(user_id));
    tx.execute(
        "DELETE FROM authenticator_apps WHERE user_id = $1",
        &[user_id.into()],
    )
}

/// Apps of all users by id, after a given one; for sealing them anew.
pub fn list_after(
    tx: &mut Tx<'_>,
    after: Option<AuthenticatorAppId>,
    limit: i64,
) -> Result<Vec<AuthenticatorApp>, StorageError> {
    let after = after.unwrap_or_else(|| AuthenticatorAppId::from_bytes([0; 16]));
    tx.query(
        "SELECT id, user_id, name, sealed_seed, last_used_step, created_at, confirmed_at, last_used_at
         FROM authenticator_apps WHERE id > $1 ORDER BY id LIMIT $2",
        &[after.into(), limit.into()],
        read,
    )
}

/// Replaces a sealed seed, if it still is the one that was opened.
pub fn replace_seed(
    tx: &mut Tx<'_>,
    id: AuthenticatorAppId,
    old: &[u8],
    new: &[u8],
) -> Result<bool, StorageError> {
    tx.execute(
        "UPDATE authenticator_apps SET sealed_seed = $3 WHERE id = $1 AND sealed_seed = $2",
        &[id.into(), old.into(), new.into()],
    )
    .map(|changed| changed > 0)
}

/// Deletes up to `limit` apps whose set-up began before `before` and was not
/// finished.
pub fn prune(tx: &mut Tx<'_>, before: Timestamp, limit: i64) -> Result<u64, StorageError> {
    tx.execute(
        "DELETE FROM authenticator_apps
         WHERE id IN (SELECT id FROM authenticator_apps
                      WHERE confirmed_at IS NULL AND created_at < $1 LIMIT $2)",
        &[before.into(), limit.into()],
    )
}
