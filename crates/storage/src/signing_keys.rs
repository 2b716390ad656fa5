//! Keys that sign tokens.
//!
//! The public half of a key is never deleted: an ID token of last year must still
//! be good for logging out (OIDC-20, B3). The private half is sealed, and unreadable
//! here.

use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::SigningKeyId;
use nightlatch_domain::relying_party::SigningAlgorithm;

use crate::{Row, StorageError, Tx};

/// A key that signs tokens, signed them once, or will.
#[derive(Clone)]
pub struct SigningKey {
    /// `kid`.
    pub id: SigningKeyId,
    /// What it signs with.
    pub algorithm: SigningAlgorithm,
    /// The public half, as the text of a JWK.
    pub public_jwk: String,
    /// The private half, sealed; nothing once it is retired.
    pub sealed_private: Option<Vec<u8>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// It signs from then on; it is published before (OIDC-20).
    pub signs_from: Timestamp,
    /// It signed until then.
    pub signs_until: Option<Timestamp>,
}

/// Without the private half: sealed or not, it has no business in a log.
impl std::fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("SigningKey")
            .field("id", &self.id)
            .field("algorithm", &self.algorithm)
            .field("created_at", &self.created_at)
            .field("signs_from", &self.signs_from)
            .field("signs_until", &self.signs_until)
            .finish_non_exhaustive()
    }
}

fn read(row: &Row<'_>) -> Result<SigningKey, StorageError> {
    Ok(SigningKey {
        id: row.get(0)?,
        algorithm: row.get(1)?,
        public_jwk: row.get(2)?,
        sealed_private: row.get(3)?,
        created_at: row.get(4)?,
        signs_from: row.get(5)?,
        signs_until: row.get(6)?,
    })
}

/// Adds a key.
pub fn add(tx: &mut Tx<'_>, key: &SigningKey) -> Result<(), StorageError> {
    tx.execute_one(
        "INSERT INTO signing_keys (id, algorithm, public_jwk, sealed_private, created_at, signs_from,
                                   signs_until)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            key.id.into(),
            key.algorithm.name().into(),
            (&key.public_jwk).into(),
            key.sealed_private.clone().into(),
            key.created_at.into(),
            key.signs_from.into(),
            key.signs_until.into(),
        ],
    )
}

/// All keys there ever were, oldest first: a few a year.
pub fn list(tx: &mut Tx<'_>) -> Result<Vec<SigningKey>, StorageError> {
    tx.query(
        "SELECT id, algorithm, public_jwk, sealed_private, created_at, signs_from, signs_until
         FROM signing_keys ORDER BY id",
        &[],
        read,
    )
}

/// Lets a key sign no longer from an instant on, and forgets its private half
/// once that has passed (`forget`).
pub fn retire(
    tx: &mut Tx<'_>,
    id: SigningKeyId,
    signs_until: Timestamp,
) -> Result<(), StorageError> {
    tx.execute_one(
        "UPDATE signing_keys SET signs_until = $2 WHERE id = $1",
        &[id.into(), signs_until.into()],
    )
}

/// Deletes the private halves of keys that sign no longer.
pub fn forget_private(tx: &mut Tx<'_>, now: Timestamp) -> Result<u64, StorageError> {
    tx.execute(
        "UPDATE signing_keys SET sealed_private = NULL
         WHERE signs_until IS NOT NULL AND signs_until <= $1 AND sealed_private IS NOT NULL",
        &[now.into()],
    )
}

/// Seals the private half anew, unless somebody else has meanwhile.
pub fn reseal(
    tx: &mut Tx<'_>,
    id: SigningKeyId,
    before: &[u8],
    after: &[u8],
) -> Result<bool, StorageError> {
    tx.execute(
        "UPDATE signing_keys SET sealed_private = $3 WHERE id = $1 AND sealed_private = $2",
        &[id.into(), before.into(), after.into()],
    )
    .map(|count| count == 1)
}
