//! The one-time link of a first start (AUTH-11).

use nightlatch_domain::Timestamp;
use nightlatch_domain::secret::TokenDigest;

use crate::{StorageError, Tx};

/// Makes this the only valid link.
pub fn replace(
    tx: &mut Tx<'_>,
    token: TokenDigest,
    expires_at: Timestamp,
) -> Result<(), StorageError> {
    tx.execute("DELETE FROM set_up_links", &[])?;
    tx.execute_one(
        "INSERT INTO set_up_links (token_digest, expires_at) VALUES ($1, $2)",
        &[token.into(), expires_at.into()],
    )
}

/// Whether the link may still be used.
pub fn is_valid(tx: &mut Tx<'_>, token: TokenDigest, now: Timestamp) -> Result<bool, StorageError> {
    tx.query_optional(
        "SELECT expires_at FROM set_up_links WHERE token_digest = $1 AND expires_at > $2",
        &[token.into(), now.into()],
        |row| row.get::<Timestamp>(0),
    )
    .map(|found| found.is_some())
}

/// Voids every link.
pub fn delete_all(tx: &mut Tx<'_>) -> Result<(), StorageError> {
    tx.execute("DELETE FROM set_up_links", &[]).map(|_| ())
}
