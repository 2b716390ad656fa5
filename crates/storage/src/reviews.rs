//! When people last looked at their login history.

use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::UserId;

use crate::{StorageError, Tx};

/// Writes down that a person looked; the time never moves back.
pub fn record(tx: &mut Tx<'_>, user_id: UserId, at: Timestamp) -> Result<(), StorageError> {
    tx.execute(
        "INSERT INTO reviews (user_id, reviewed_at) VALUES ($1, $2)
         ON CONFLICT (user_id) DO UPDATE SET reviewed_at = excluded.reviewed_at
         WHERE reviews.reviewed_at < excluded.reviewed_at",
        &[user_id.into(), at.into()],
    )
    .map(|_| ())
}

/// When a person last looked.
pub fn find(tx: &mut Tx<'_>, user_id: UserId) -> Result<Option<Timestamp>, StorageError> {
    tx.query_optional(
        "SELECT reviewed_at FROM reviews WHERE user_id = $1",
        &[user_id.into()],
        |row| row.get(0),
    )
}

/// Forgets it.
pub fn delete(tx: &mut Tx<'_>, user_id: UserId) -> Result<(), StorageError> {
    tx.execute("DELETE FROM reviews WHERE user_id = $1", &[user_id.into()])
        .map(|_| ())
}
