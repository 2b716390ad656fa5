//! The people of an organization as administrators look them up.
//!
//! Each question is answered by a range of one index, from where the page before ended, so
//! that the thousandth page of a million people costs what the first one does.

use nightlatch_domain::ids::{OrganizationId, UserId};
use nightlatch_domain::user::{Role, User, UserStatus};

use crate::users::{name_key, read};
use crate::{StorageError, Tx, Value};

/// Whom to list. Deleted accounts name nobody and are never listed.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// How a name, its last word or an address begins, in any letter case; empty for all.
    pub beginning: String,
    /// Only those with this role.
    pub role: Option<Role>,
    /// Only those whose account is so.
    pub status: Option<UserStatus>,
}

/// By what somebody was found, in the order in which they are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoundBy {
    /// The beginning of the name.
    Name,
    /// The beginning of its last word.
    Family,
    /// The beginning of the address; everybody, if nothing is looked up.
    Email,
}

/// Where a page ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// By what the last one was found.
    pub found_by: FoundBy,
    /// Who that was.
    pub user: UserId,
}

/// The keys of whoever stands at a position.
struct Keys {
    name: String,
    family: String,
    email: String,
}

/// Up to `limit` people with where each stands, after a position. One of another
/// organization is as good as none.
pub fn list(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    wanted: &Wanted,
    after: Option<Position>,
    limit: i64,
) -> Result<Vec<(Position, User)>, StorageError> {
    let keys = match after {
        Some(position) => keys(tx, organization, position.user)?,
        None => None,
    };
    let after = after.zip(keys);
    let role = wanted.role.map_or("", Role::name);
    let status = wanted.status.map_or("", UserStatus::name);
    let first = name_key(wanted.beginning.trim());
    if first.is_empty() {
        let email = after.map_or_else(String::new, |(_, keys)| keys.email);
        let found = everybody(tx, organization, (role, status), &email, limit)?;
        return Ok(placed(found, FoundBy::Email));
    }
    let last = format!("{first}\u{10ffff}");
    let mut listed = Vec::new();
    let phases = [FoundBy::Name, FoundBy::Family, FoundBy::Email];
    let begin = after
        .as_ref()
        .map_or(0, |(position, _)| position.found_by as usize);
    for phase in phases.into_iter().skip(begin) {
        let left = limit - i64::try_from(listed.len()).unwrap_or(limit);
        if left <= 0 {
            break;
        }
        let here = after
            .as_ref()
            .filter(|(position, _)| position.found_by == phase);
        let (from, from_id) = match here {
            Some((position, keys)) => (keys.of(phase), Some(position.user)),
            None => (first.as_str(), None),
        };
        let params: [Value<'_>; 8] = [
            organization.into(),
            from.into(),
            from_id
                .unwrap_or_else(|| UserId::from_bytes([0; 16]))
                .into(),
            last.as_str().into(),
            role.into(),
            status.into(),
            left.into(),
            first.as_str().into(),
        ];
        let found = match phase {
            FoundBy::Name => tx.query(BY_NAME, &params[..7], |row| read(row, 0))?,
            FoundBy::Family => tx.query(BY_FAMILY, &params, |row| read(row, 0))?,
            FoundBy::Email => tx.query(BY_EMAIL, &params, |row| read(row, 0))?,
        };
        listed.extend(placed(found, phase));
    }
    Ok(listed)
}

impl Keys {
    fn of(&self, phase: FoundBy) -> &str {
        match phase {
            FoundBy::Name => &self.name,
            FoundBy::Family => &self.family,
            FoundBy::Email => &self.email,
        }
    }
}

fn placed(found: Vec<User>, found_by: FoundBy) -> Vec<(Position, User)> {
    let place = |user: User| {
        let position = Position {
            found_by,
            user: user.id,
        };
        (position, user)
    };
    found.into_iter().map(place).collect()
}

fn keys(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    user: UserId,
) -> Result<Option<Keys>, StorageError> {
    tx.query_optional(
        "SELECT name_key, family_key, email_key FROM users WHERE id = $1 AND organization_id = $2",
        &[user.into(), organization.into()],
        |row| {
            Ok(Keys {
                name: row.get(0)?,
                family: row.get(1)?,
                email: row.get(2)?,
            })
        },
    )
}

const BY_NAME: &str = "SELECT id, organization_id, email, name, role, status, appearance,
        picture_version, created_at
 FROM users
 WHERE organization_id = $1 AND (name_key, id) > ($2, $3) AND name_key < $4
   AND status <> 'deleted' AND ($5 = '' OR role = $5) AND ($6 = '' OR status = $6)
 ORDER BY name_key, id LIMIT $7";

const BY_FAMILY: &str = "SELECT id, organization_id, email, name, role, status, appearance,
        picture_version, created_at
 FROM users
 WHERE organization_id = $1 AND (family_key, id) > ($2, $3) AND family_key < $4
   AND status <> 'deleted' AND ($5 = '' OR role = $5) AND ($6 = '' OR status = $6)
   AND NOT (name_key >= $8 AND name_key < $4)
 ORDER BY family_key, id LIMIT $7";

// Addresses are unique; the id only makes the three alike.
const BY_EMAIL: &str = "SELECT id, organization_id, email, name, role, status, appearance,
        picture_version, created_at
 FROM users
 WHERE organization_id = $1 AND email_key >= $2 AND id <> $3 AND email_key < $4
   AND status <> 'deleted' AND ($5 = '' OR role = $5) AND ($6 = '' OR status = $6)
   AND NOT (name_key >= $8 AND name_key < $4)
   AND NOT (family_key >= $8 AND family_key < $4)
 ORDER BY email_key LIMIT $7";

fn everybody(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    (role, status): (&str, &str),
    after: &str,
    limit: i64,
) -> Result<Vec<User>, StorageError> {
    if !role.is_empty() {
        return tx.query(
            "SELECT id, organization_id, email, name, role, status, appearance,
                    picture_version, created_at
             FROM users
             WHERE organization_id = $1 AND role = $2 AND email_key > $3
               AND status <> 'deleted' AND ($4 = '' OR status = $4)
             ORDER BY email_key LIMIT $5",
            &[
                organization.into(),
                role.into(),
                after.into(),
                status.into(),
                limit.into(),
            ],
            |row| read(row, 0),
        );
    }
    if !status.is_empty() {
        return tx.query(
            "SELECT id, organization_id, email, name, role, status, appearance,
                    picture_version, created_at
             FROM users
             WHERE organization_id = $1 AND status = $2 AND email_key > $3
               AND status <> 'deleted'
             ORDER BY email_key LIMIT $4",
            &[
                organization.into(),
                status.into(),
                after.into(),
                limit.into(),
            ],
            |row| read(row, 0),
        );
    }
    tx.query(
        "SELECT id, organization_id, email, name, role, status, appearance,
                picture_version, created_at
         FROM users
         WHERE organization_id = $1 AND email_key > $2 AND status <> 'deleted'
         ORDER BY email_key LIMIT $3",
        &[organization.into(), after.into(), limit.into()],
        |row| read(row, 0),
    )
}

/// Whether the organization has another owner who may sign in.
pub fn has_other_owner(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    but: UserId,
) -> Result<bool, StorageError> {
    let found = tx.query(
        "SELECT id FROM users
         WHERE organization_id = $1 AND role = 'owner' AND status = 'active' AND id <> $2
         LIMIT 1",
        &[organization.into(), but.into()],
        |row| row.get::<UserId>(0),
    )?;
    Ok(!found.is_empty())
}
