//! How it stands with telling each app; see `domain::notice`.
//!
//! One row for each app, of one size however much it was told.

use nightlatch_domain::ids::ClientId;
use nightlatch_domain::notice::Health;

use crate::columns::{Json, to_json};
use crate::{StorageError, Tx};

/// How it stands with telling an app; nothing, if it was never told anything.
pub fn find(tx: &mut Tx<'_>, client_id: ClientId) -> Result<Option<Health>, StorageError> {
    tx.query_optional(
        "SELECT health FROM app_health WHERE client_id = $1",
        &[client_id.into()],
        |row| row.get::<Json<Health>>(0).map(|health| health.0),
    )
}

/// Writes it down.
pub fn put(tx: &mut Tx<'_>, client_id: ClientId, health: &Health) -> Result<(), StorageError> {
    tx.execute_one(
        "INSERT INTO app_health (client_id, health) VALUES ($1, $2)
         ON CONFLICT (client_id) DO UPDATE SET health = $2",
        &[client_id.into(), to_json(health)?.into()],
    )
}
