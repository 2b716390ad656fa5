//! Signed assertions of apps that were used (RFC 7523), so that none is used twice.

use nightlatch_domain::Timestamp;
use nightlatch_domain::secret::TokenDigest;

use crate::{StorageError, Tx};

/// Uses an assertion up; false if it was used before. It is remembered until it
/// could not be used anyway.
pub fn use_up(
    tx: &mut Tx<'_>,
    digest: TokenDigest,
    expires_at: Timestamp,
) -> Result<bool, StorageError> {
    tx.execute(
        "INSERT INTO used_assertions (digest, expires_at) VALUES ($1, $2)
         ON CONFLICT (digest) DO NOTHING",
        &[digest.into(), expires_at.into()],
    )
    .map(|count| count == 1)
}

/// Deletes up to `limit` that expired before `before`.
pub fn prune(tx: &mut Tx<'_>, before: Timestamp, limit: i64) -> Result<u64, StorageError> {
    tx.execute(
        "DELETE FROM used_assertions
         WHERE digest IN (SELECT digest FROM used_assertions WHERE expires_at < $1 LIMIT $2)",
        &[before.into(), limit.into()],
    )
}
