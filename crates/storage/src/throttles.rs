//! Counters of failed attempts, shared by all nodes; see `domain::throttle`.

use nightlatch_domain::Timestamp;
use nightlatch_domain::secret::TokenDigest;
use nightlatch_domain::throttle::Failures;

use crate::{StorageError, Tx};

/// The state of a counter; zero if there is none.
pub fn get(tx: &mut Tx<'_>, key: TokenDigest) -> Result<Failures, StorageError> {
    tx.query_optional(
        "SELECT count, last_at FROM throttles WHERE key = $1",
        &[key.into()],
        |row| {
            Ok(Failures {
                count: row.get(0)?,
                last_at: Some(row.get(1)?),
            })
        },
    )
    .map(Option::unwrap_or_default)
}

/// Stores the state of a counter.
pub fn set(
    tx: &mut Tx<'_>,
    key: TokenDigest,
    count: i64,
    last_at: Timestamp,
) -> Result<(), StorageError> {
    tx.execute_one(
        "INSERT INTO throttles (key, count, last_at) VALUES ($1, $2, $3)
         ON CONFLICT (key) DO UPDATE SET count = excluded.count, last_at = excluded.last_at",
        &[key.into(), count.into(), last_at.into()],
    )
}

/// Forgets a counter.
pub fn clear(tx: &mut Tx<'_>, key: TokenDigest) -> Result<(), StorageError> {
    tx.execute("DELETE FROM throttles WHERE key = $1", &[key.into()])
        .map(|_| ())
}

/// Deletes up to `limit` counters that last moved before `before`, but none that
/// is off: whoever waited long enough would have their tries back. They go when
/// the password is set anew. Those of addresses that do not exist stay too, or
/// time would tell which is which (AUTH-07); each costs its maker a day.
pub fn prune(tx: &mut Tx<'_>, before: Timestamp, limit: i64) -> Result<u64, StorageError> {
    tx.execute(
        "DELETE FROM throttles
         WHERE key IN (SELECT key FROM throttles WHERE last_at < $1 AND count < 100 LIMIT $2)",
        &[before.into(), limit.into()],
    )
}
