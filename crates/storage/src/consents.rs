//! What people agreed that apps may have (OIDC-18). One row per person and app.

use nightlatch_domain::Timestamp;
use nightlatch_domain::grant::Scopes;
use nightlatch_domain::ids::{ClientId, UserId};

use crate::{Row, StorageError, Tx};

/// What a person agreed that one app may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// The app.
    pub client_id: ClientId,
    /// What it may have.
    pub scopes: Scopes,
    /// When the person agreed last.
    pub given_at: Timestamp,
}

fn read(row: &Row<'_>) -> Result<Consent, StorageError> {
    Ok(Consent {
        client_id: row.get(0)?,
        scopes: row.get(1)?,
        given_at: row.get(2)?,
    })
}

/// Stores a consent in the place of an earlier one to the same app.
pub fn put(tx: &mut Tx<'_>, user_id: UserId, consent: &Consent) -> Result<(), StorageError> {
    tx.execute_one(
        "INSERT INTO consents (user_id, client_id, scopes, given_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (user_id, client_id)
         DO UPDATE SET scopes = excluded.scopes, given_at = excluded.given_at",
        &[
            user_id.into(),
            consent.client_id.into(),
            consent.scopes.to_string().into(),
            consent.given_at.into(),
        ],
    )
}

/// What a person agreed that an app may have.
pub fn find(
    tx: &mut Tx<'_>,
    user_id: UserId,
    client_id: ClientId,
) -> Result<Option<Consent>, StorageError> {
    tx.query_optional(
        "SELECT client_id, scopes, given_at FROM consents WHERE user_id = $1 AND client_id = $2",
        &[user_id.into(), client_id.into()],
        read,
    )
}

/// Up to `limit` consents of a person.
pub fn list_of_user(
    tx: &mut Tx<'_>,
    user_id: UserId,
    limit: i64,
) -> Result<Vec<Consent>, StorageError> {
    tx.query(
        "SELECT client_id, scopes, given_at FROM consents
         WHERE user_id = $1 ORDER BY client_id LIMIT $2",
        &[user_id.into(), limit.into()],
        read,
    )
}

/// Takes a consent back; false if there was none.
pub fn delete(tx: &mut Tx<'_>, user_id: UserId, client_id: ClientId) -> Result<bool, StorageError> {
    tx.execute(
        "DELETE FROM consents WHERE user_id = $1 AND client_id = $2",
        &[user_id.into(), client_id.into()],
    )
    .map(|count| count == 1)
}
