//! Groups of people, by which apps say whom they let in.

use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::{GroupId, OrganizationId, UserId};
use nightlatch_domain::user::User;

use crate::{Concern, Row, StorageError, Tx, users};

/// A group of an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Which.
    pub id: GroupId,
    /// Whose.
    pub organization_id: OrganizationId,
    /// What people call it; unique in the organization.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

fn read(row: &Row<'_>) -> Result<Group, StorageError> {
    Ok(Group {
        id: row.get(0)?,
        organization_id: row.get(1)?,
        name: row.get(2)?,
        created_at: row.get(3)?,
    })
}

/// Adds a group. A name that is taken in its organization is the constraint
/// `user_groups_name_key`.
pub fn add(tx: &mut Tx<'_>, group: &Group) -> Result<(), StorageError> {
    tx.execute_one(
        "INSERT INTO user_groups (id, organization_id, name, name_key, created_at)
         VALUES ($1, $2, $3, $4, $5)",
        &[
            group.id.into(),
            group.organization_id.into(),
            (&group.name).into(),
            group.name.to_lowercase().into(),
            group.created_at.into(),
        ],
    )
}

/// The group of an organization with that name, in any letter case.
pub fn find_by_name(
    tx: &mut Tx<'_>,
    organization_id: OrganizationId,
    name: &str,
) -> Result<Option<Group>, StorageError> {
    tx.query_optional(
        "SELECT id, organization_id, name, created_at FROM user_groups
         WHERE organization_id = $1 AND name_key = $2",
        &[organization_id.into(), name.to_lowercase().into()],
        read,
    )
}

/// The group of this id.
pub fn find(tx: &mut Tx<'_>, id: GroupId) -> Result<Option<Group>, StorageError> {
    tx.query_optional(
        "SELECT id, organization_id, name, created_at FROM user_groups WHERE id = $1",
        &[id.into()],
        read,
    )
}

/// Up to `limit` groups of an organization by name; those behind this name, if there is one.
pub fn list_of_organization(
    tx: &mut Tx<'_>,
    organization_id: OrganizationId,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Group>, StorageError> {
    tx.query(
        "SELECT id, organization_id, name, created_at FROM user_groups
         WHERE organization_id = $1 AND name_key > $2 ORDER BY name_key LIMIT $3",
        &[
            organization_id.into(),
            // No name is empty, so that everything comes behind it.
            after.unwrap_or_default().to_lowercase().into(),
            limit.into(),
        ],
        read,
    )
}

/// Up to `limit` groups that a person is in.
pub fn list_of_user(
    tx: &mut Tx<'_>,
    user_id: UserId,
    limit: i64,
) -> Result<Vec<Group>, StorageError> {
    tx.query(
        "SELECT g.id, g.organization_id, g.name, g.created_at
         FROM group_members m JOIN user_groups g ON g.id = m.group_id
         WHERE m.user_id = $1 ORDER BY m.group_id LIMIT $2",
        &[user_id.into(), limit.into()],
        read,
    )
}

/// Up to `limit` people who are in a group, by id; those behind this one, if there is one.
pub fn list_members(
    tx: &mut Tx<'_>,
    group_id: GroupId,
    after: Option<UserId>,
    limit: i64,
) -> Result<Vec<User>, StorageError> {
    let after = after.unwrap_or_else(|| UserId::from_bytes([0; 16]));
    tx.query(
        "SELECT u.id, u.organization_id, u.email, u.name, u.role, u.status, u.appearance,
                u.picture_version, u.created_at
         FROM group_members m JOIN users u ON u.id = m.user_id
         WHERE m.group_id = $1 AND m.user_id > $2 ORDER BY m.user_id LIMIT $3",
        &[group_id.into(), after.into(), limit.into()],
        |row| users::read(row, 0),
    )
}

/// Takes a person into a group; says whether they were not in it.
pub fn add_member(
    tx: &mut Tx<'_>,
    group_id: GroupId,
    user_id: UserId,
) -> Result<bool, StorageError> {
    tx.concerns(Concern::User(user_id));
    tx.execute(
        "INSERT INTO group_members (user_id, group_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        &[user_id.into(), group_id.into()],
    )
    .map(|count| count == 1)
}

/// Takes a person out of a group; says whether they were in it.
pub fn remove_member(
    tx: &mut Tx<'_>,
    group_id: GroupId,
    user_id: UserId,
) -> Result<bool, StorageError> {
    tx.concerns(Concern::User(user_id));
    tx.execute(
        "DELETE FROM group_members WHERE user_id = $1 AND group_id = $2",
        &[user_id.into(), group_id.into()],
    )
    .map(|count| count == 1)
}

/// Deletes a group and who is in it.
pub fn delete(tx: &mut Tx<'_>, group: &Group) -> Result<(), StorageError> {
    tx.concerns(Concern::Organization(group.organization_id));
    tx.execute_one("DELETE FROM user_groups WHERE id = $1", &[group.id.into()])
}
