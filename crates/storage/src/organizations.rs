//! Companies and their settings.

use nightlatch_domain::ids::OrganizationId;
use nightlatch_domain::organization::{Organization, Settings};

use crate::columns::{Json, to_json};
use crate::{Concern, Row, StorageError, Tx};

fn read(row: &Row<'_>) -> Result<Organization, StorageError> {
    Ok(Organization {
        id: row.get(0)?,
        name: row.get(1)?,
        settings: row.get::<Json<Settings>>(2)?.0,
        created_at: row.get(3)?,
    })
}

/// Adds an organization. A taken name is the constraint
/// `organizations_name_key`.
pub fn add(tx: &mut Tx<'_>, organization: &Organization) -> Result<(), StorageError> {
    tx.execute_one(
        "INSERT INTO organizations (id, name, name_key, epoch, settings, created_at)
         VALUES ($1, $2, $3, 0, $4, $5)",
        &[
            organization.id.into(),
            (&organization.name).into(),
            organization.name.to_lowercase().into(),
            to_json(&organization.settings)?.into(),
            organization.created_at.into(),
        ],
    )
}

/// The organization, which must exist.
pub fn get(tx: &mut Tx<'_>, id: OrganizationId) -> Result<Organization, StorageError> {
    tx.query_one(
        "SELECT id, name, settings, created_at FROM organizations WHERE id = $1",
        &[id.into()],
        read,
    )
}

/// The organization of that name, in any letter case.
pub fn find_by_name(tx: &mut Tx<'_>, name: &str) -> Result<Option<Organization>, StorageError> {
    tx.query_optional(
        "SELECT id, name, settings, created_at FROM organizations WHERE name_key = $1",
        &[name.to_lowercase().into()],
        read,
    )
}

/// Up to `limit` organizations by name.
pub fn list(tx: &mut Tx<'_>, limit: i64) -> Result<Vec<Organization>, StorageError> {
    tx.query(
        "SELECT id, name, settings, created_at FROM organizations ORDER BY name_key LIMIT $1",
        &[limit.into()],
        read,
    )
}

/// Stores name and settings anew.
pub fn update(tx: &mut Tx<'_>, organization: &Organization) -> Result<(), StorageError> {
    tx.concerns(Concern::Organization(organization.id));
    tx.execute_one(
        "UPDATE organizations SET name = $2, name_key = $3, settings = $4 WHERE id = $1",
        &[
            organization.id.into(),
            (&organization.name).into(),
            organization.name.to_lowercase().into(),
            to_json(&organization.settings)?.into(),
        ],
    )
}
