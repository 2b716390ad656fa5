//! The counters that end everything below them.
//!
//! Raising one is the whole cost of "log out of all sessions", whatever their
//! number. Only `flows::log_out` raises them.

use nightlatch_domain::ids::{OrganizationId, UserId};
use nightlatch_domain::session::Epochs;

use crate::{Concern, StorageError, Tx};

/// The present counters that concern a user; `None` if there is no such user.
pub fn find_of_user(tx: &mut Tx<'_>, user_id: UserId) -> Result<Option<Epochs>, StorageError> {
    tx.query_optional(
        "SELECT u.epoch, o.epoch, d.epoch
         FROM users u
         JOIN organizations o ON o.id = u.organization_id
         JOIN deployment d ON d.id = 1
         WHERE u.id = $1",
        &[user_id.into()],
        |row| {
            Ok(Epochs {
                user: row.get(0)?,
                organization: row.get(1)?,
                deployment: row.get(2)?,
            })
        },
    )
}

/// Ends everything of a user; returns the new count.
pub fn raise_user(tx: &mut Tx<'_>, user_id: UserId) -> Result<i64, StorageError> {
    tx.concerns(Concern::User(user_id));
    tx.query_one(
        "UPDATE users SET epoch = epoch + 1 WHERE id = $1 RETURNING epoch",
        &[user_id.into()],
        |row| row.get(0),
    )
}

/// Ends everything in an organization; returns the new count.
pub fn raise_organization(
    tx: &mut Tx<'_>,
    organization_id: OrganizationId,
) -> Result<i64, StorageError> {
    tx.concerns(Concern::Organization(organization_id));
    tx.query_one(
        "UPDATE organizations SET epoch = epoch + 1 WHERE id = $1 RETURNING epoch",
        &[organization_id.into()],
        |row| row.get(0),
    )
}

/// Ends everything; returns the new count.
pub fn raise_deployment(tx: &mut Tx<'_>) -> Result<i64, StorageError> {
    tx.concerns(Concern::Deployment);
    tx.query_one(
        "UPDATE deployment SET epoch = epoch + 1 WHERE id = 1 RETURNING epoch",
        &[],
        |row| row.get(0),
    )
}
