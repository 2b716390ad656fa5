//! Apps that sign people in through us; see `domain::relying_party`.
//!
//! A row is never deleted: codes, grants, entries and notices name it. An app that
//! is withdrawn keeps its row, and its hosts: nobody else's app gets their cookies.

use nightlatch_domain::ids::{ClientId, OrganizationId};
use nightlatch_domain::relying_party::{Registration, RelyingParty, RelyingPartyStatus};
use nightlatch_domain::secret::TokenDigest;

use crate::columns::{Json, to_json};
use crate::{Concern, Row, StorageError, Tx};

pub(crate) fn read(row: &Row<'_>) -> Result<RelyingParty, StorageError> {
    Ok(RelyingParty {
        id: row.get(0)?,
        organization_id: row.get(1)?,
        name: row.get(2)?,
        registration: row.get::<Json<Registration>>(3)?.0,
        secret: row.get(4)?,
        status: row.get(5)?,
        epoch: row.get(6)?,
        created_at: row.get(7)?,
    })
}

/// Adds an app. A name that is taken in its organization is the constraint
/// `relying_parties_name_key`.
pub fn add(tx: &mut Tx<'_>, app: &RelyingParty) -> Result<(), StorageError> {
    tx.execute_one(
        "INSERT INTO relying_parties (id, organization_id, name, name_key, registration,
                                      secret_digest, status, epoch, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &[
            app.id.into(),
            app.organization_id.into(),
            (&app.name).into(),
            app.name.to_lowercase().into(),
            to_json(&app.registration)?.into(),
            app.secret.into(),
            app.status.name().into(),
            app.epoch.into(),
            app.created_at.into(),
        ],
    )?;
    add_hosts(tx, app)
}

/// A host that is another app's is the constraint `protected_hosts_pkey`.
fn add_hosts(tx: &mut Tx<'_>, app: &RelyingParty) -> Result<(), StorageError> {
    let protection = app.registration.protection.as_ref();
    for host in protection.map_or(&[][..], |rule| rule.hosts.as_slice()) {
        tx.execute_one(
            "INSERT INTO protected_hosts (host, client_id) VALUES ($1, $2)",
            &[host.authority().into(), app.id.into()],
        )?;
    }
    Ok(())
}

/// The app that a host belongs to, withdrawn or not; by what `Host` says, in lower
/// case, without the usual port.
pub fn find_by_host(tx: &mut Tx<'_>, host: &str) -> Result<Option<RelyingParty>, StorageError> {
    tx.query_optional(
        "SELECT r.id, r.organization_id, r.name, r.registration, r.secret_digest, r.status, r.epoch,
                r.created_at
         FROM protected_hosts h JOIN relying_parties r ON r.id = h.client_id
         WHERE h.host = $1",
        &[host.into()],
        read,
    )
}

/// The app of this id, withdrawn or not.
pub fn find(tx: &mut Tx<'_>, id: ClientId) -> Result<Option<RelyingParty>, StorageError> {
    tx.query_optional(
        "SELECT id, organization_id, name, registration, secret_digest, status, epoch, created_at
         FROM relying_parties WHERE id = $1",
        &[id.into()],
        read,
    )
}

/// The app of an organization with that name, in any letter case.
pub fn find_by_name(
    tx: &mut Tx<'_>,
    organization_id: OrganizationId,
    name: &str,
) -> Result<Option<RelyingParty>, StorageError> {
    tx.query_optional(
        "SELECT id, organization_id, name, registration, secret_digest, status, epoch, created_at
         FROM relying_parties WHERE organization_id = $1 AND name_key = $2",
        &[organization_id.into(), name.to_lowercase().into()],
        read,
    )
}

/// Up to `limit` apps of an organization by name, withdrawn ones too; those behind this
/// name, if there is one.
pub fn list_of_organization(
    tx: &mut Tx<'_>,
    organization_id: OrganizationId,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<RelyingParty>, StorageError> {
    tx.query(
        "SELECT id, organization_id, name, registration, secret_digest, status, epoch, created_at
         FROM relying_parties WHERE organization_id = $1 AND name_key > $2
         ORDER BY name_key LIMIT $3",
        &[
            organization_id.into(),
            // No name is empty, so that everything comes behind it.
            after.unwrap_or_default().to_lowercase().into(),
            limit.into(),
        ],
        read,
    )
}

/// Stores name and registration anew.
pub fn update(tx: &mut Tx<'_>, app: &RelyingParty) -> Result<(), StorageError> {
    tx.concerns(Concern::Client(app.id));
    tx.execute(
        "DELETE FROM protected_hosts WHERE client_id = $1",
        &[app.id.into()],
    )?;
    add_hosts(tx, app)?;
    tx.execute_one(
        "UPDATE relying_parties SET name = $2, name_key = $3, registration = $4 WHERE id = $1",
        &[
            app.id.into(),
            (&app.name).into(),
            app.name.to_lowercase().into(),
            to_json(&app.registration)?.into(),
        ],
    )
}

/// Replaces the secret.
pub fn set_secret(
    tx: &mut Tx<'_>,
    id: ClientId,
    secret: Option<TokenDigest>,
) -> Result<(), StorageError> {
    tx.concerns(Concern::Client(id));
    tx.execute_one(
        "UPDATE relying_parties SET secret_digest = $2 WHERE id = $1",
        &[id.into(), secret.into()],
    )
}

/// Lets people enter it, or not.
pub fn set_status(
    tx: &mut Tx<'_>,
    id: ClientId,
    status: RelyingPartyStatus,
) -> Result<(), StorageError> {
    tx.concerns(Concern::Client(id));
    tx.execute_one(
        "UPDATE relying_parties SET status = $2 WHERE id = $1",
        &[id.into(), status.name().into()],
    )
}

/// Ends everything that the app holds; returns the new count. Only
/// `flows::log_out` calls it.
pub fn raise_epoch(tx: &mut Tx<'_>, id: ClientId) -> Result<i64, StorageError> {
    tx.concerns(Concern::Client(id));
    tx.query_one(
        "UPDATE relying_parties SET epoch = epoch + 1 WHERE id = $1 RETURNING epoch",
        &[id.into()],
        |row| row.get(0),
    )
}
