//! Accounts, their passwords and pictures.

use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::{OrganizationId, UserId};
use nightlatch_domain::user::{EmailAddress, EmailKey, Role, User, UserStatus, Vouched};

use crate::{Concern, Row, StorageError, Tx, authenticator_apps, recovery_codes};

pub(crate) fn read(row: &Row<'_>, from: usize) -> Result<User, StorageError> {
    Ok(User {
        id: row.get(from)?,
        organization_id: row.get(from + 1)?,
        email: row.get(from + 2)?,
        name: row.get(from + 3)?,
        role: row.get(from + 4)?,
        status: row.get(from + 5)?,
        appearance: row.get(from + 6)?,
        picture_version: row.get(from + 7)?,
        created_at: row.get(from + 8)?,
    })
}

/// The form in which names are looked up.
pub(crate) fn name_key(name: &str) -> String {
    name.to_lowercase()
}

/// The last word of a name, likewise.
fn family_key(name: &str) -> String {
    let name = name_key(name);
    name.split_whitespace().next_back().unwrap_or("").to_owned()
}

/// Adds a user. A taken address is the constraint `users_email_key`.
pub fn add(tx: &mut Tx<'_>, user: &User) -> Result<(), StorageError> {
    tx.execute_one(
        "INSERT INTO users (id, organization_id, email, email_key, name, role, status, epoch,
                            appearance, picture_version, created_at, name_key, family_key)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9, $10, $11, $12)",
        &[
            user.id.into(),
            user.organization_id.into(),
            user.email.as_str().into(),
            user.email.key().as_str().into(),
            (&user.name).into(),
            user.role.name().into(),
            user.status.name().into(),
            user.appearance.name().into(),
            user.picture_version.into(),
            user.created_at.into(),
            name_key(&user.name).into(),
            family_key(&user.name).into(),
        ],
    )
}

/// The user, which must exist.
pub fn get(tx: &mut Tx<'_>, id: UserId) -> Result<User, StorageError> {
    tx.query_one(
        "SELECT id, organization_id, email, name, role, status, appearance, picture_version, created_at
         FROM users WHERE id = $1",
        &[id.into()],
        |row| read(row, 0),
    )
}

/// The user of this id, if there is one.
pub fn find(tx: &mut Tx<'_>, id: UserId) -> Result<Option<User>, StorageError> {
    tx.query_optional(
        "SELECT id, organization_id, email, name, role, status, appearance, picture_version, created_at
         FROM users WHERE id = $1",
        &[id.into()],
        |row| read(row, 0),
    )
}

/// The user with that address.
pub fn find_by_email(tx: &mut Tx<'_>, key: &EmailKey) -> Result<Option<User>, StorageError> {
    tx.query_optional(
        "SELECT id, organization_id, email, name, role, status, appearance, picture_version, created_at
         FROM users WHERE email_key = $1",
        &[key.as_str().into()],
        |row| read(row, 0),
    )
}

/// Whether there is any user who is not deleted.
pub fn any_exists(tx: &mut Tx<'_>) -> Result<bool, StorageError> {
    Ok(!tx
        .query(
            "SELECT id FROM users WHERE status <> 'deleted' LIMIT 1",
            &[],
            |row| row.get::<UserId>(0),
        )?
        .is_empty())
}

/// Users that are not deleted, by address, after a given address; for listing
/// in pages.
pub fn list_after(
    tx: &mut Tx<'_>,
    after: &EmailKey,
    limit: i64,
) -> Result<Vec<User>, StorageError> {
    tx.query(
        "SELECT id, organization_id, email, name, role, status, appearance, picture_version, created_at
         FROM users WHERE email_key > $1 AND status <> 'deleted' ORDER BY email_key LIMIT $2",
        &[after.as_str().into(), limit.into()],
        |row| read(row, 0),
    )
}

/// Up to `limit` people who administer an organization and may sign in: owners first, and
/// of each the oldest first.
pub fn list_administrators(
    tx: &mut Tx<'_>,
    organization_id: OrganizationId,
    limit: i64,
) -> Result<Vec<User>, StorageError> {
    let mut found = tx.query(
        "SELECT id, organization_id, email, name, role, status, appearance, picture_version, created_at
         FROM users WHERE organization_id = $1 AND role = 'owner' AND status = 'active'
         ORDER BY id LIMIT $2",
        &[organization_id.into(), limit.into()],
        |row| read(row, 0),
    )?;
    let left = limit - i64::try_from(found.len()).unwrap_or(limit);
    found.extend(tx.query(
        "SELECT id, organization_id, email, name, role, status, appearance, picture_version, created_at
         FROM users WHERE organization_id = $1 AND role = 'administrator' AND status = 'active'
         ORDER BY id LIMIT $2",
        &[organization_id.into(), left.into()],
        |row| read(row, 0),
    )?);
    Ok(found)
}

/// What is known about what an account says of itself; it must exist.
pub fn vouched(tx: &mut Tx<'_>, id: UserId) -> Result<Vouched, StorageError> {
    tx.query_one(
        "SELECT email_verified_at, updated_at, created_at FROM users WHERE id = $1",
        &[id.into()],
        |row| {
            let updated_at: Option<Timestamp> = row.get(1)?;
            Ok(Vouched {
                email_verified_at: row.get(0)?,
                updated_at: match updated_at {
                    Some(at) => at,
                    None => row.get(2)?,
                },
            })
        },
    )
}

/// A link that went to the present address of an account was opened.
pub fn set_email_verified(tx: &mut Tx<'_>, id: UserId, at: Timestamp) -> Result<(), StorageError> {
    tx.concerns(Concern::User(id));
    tx.execute_one(
        "UPDATE users SET email_verified_at = $2 WHERE id = $1",
        &[id.into(), at.into()],
    )
}

/// Stores what a person may change about themselves.
pub fn update_profile(tx: &mut Tx<'_>, user: &User, at: Timestamp) -> Result<(), StorageError> {
    tx.concerns(Concern::User(user.id));
    tx.execute_one(
        "UPDATE users SET name = $2, appearance = $3, picture_version = $4, updated_at = $5,
                          name_key = $6, family_key = $7
         WHERE id = $1",
        &[
            user.id.into(),
            (&user.name).into(),
            user.appearance.name().into(),
            user.picture_version.into(),
            at.into(),
            name_key(&user.name).into(),
            family_key(&user.name).into(),
        ],
    )
}

/// Gives an account another address, and says when a link to it was opened, if one
/// was. A taken one is the constraint `users_email_key`. Ending its sessions is the
/// caller's duty, in the same transaction.
pub fn set_email(
    tx: &mut Tx<'_>,
    id: UserId,
    email: &EmailAddress,
    verified_at: Option<Timestamp>,
    at: Timestamp,
) -> Result<(), StorageError> {
    tx.concerns(Concern::User(id));
    tx.execute_one(
        "UPDATE users SET email = $2, email_key = $3, email_verified_at = $4, updated_at = $5
         WHERE id = $1",
        &[
            id.into(),
            email.as_str().into(),
            email.key().as_str().into(),
            verified_at.into(),
            at.into(),
        ],
    )
}

/// Sets whether the account may be used. Ending its sessions is the caller's
/// duty, in the same transaction.
pub fn set_status(tx: &mut Tx<'_>, id: UserId, status: UserStatus) -> Result<(), StorageError> {
    tx.concerns(Concern::User(id));
    tx.execute_one(
        "UPDATE users SET status = $2 WHERE id = $1",
        &[id.into(), status.name().into()],
    )
}

/// Sets what a person may do. It counts for their next request.
pub fn set_role(tx: &mut Tx<'_>, id: UserId, role: Role) -> Result<(), StorageError> {
    tx.concerns(Concern::User(id));
    tx.execute_one(
        "UPDATE users SET role = $2 WHERE id = $1",
        &[id.into(), role.name().into()],
    )
}

/// Takes the password away: until another is set, none lets anybody in.
pub fn delete_password(tx: &mut Tx<'_>, id: UserId) -> Result<bool, StorageError> {
    let deleted = tx.execute("DELETE FROM passwords WHERE user_id = $1", &[id.into()])?;
    Ok(deleted == 1)
}

/// Empties a deleted account: what names the person goes, and the address
/// becomes free. The row stays, since the history refers to it.
pub fn erase(tx: &mut Tx<'_>, id: UserId) -> Result<(), StorageError> {
    tx.concerns(Concern::User(id));
    let nameless = format!("deleted-{id}@invalid");
    tx.execute_one(
        "UPDATE users SET email = $2, email_key = $2, name = 'Deleted user', name_key = '',
                          family_key = '', picture_version = NULL, email_verified_at = NULL, status = 'deleted' WHERE id = $1",
        &[id.into(), nameless.into()],
    )?;
    tx.execute("DELETE FROM passwords WHERE user_id = $1", &[id.into()])?;
    tx.execute("DELETE FROM pictures WHERE user_id = $1", &[id.into()])?;
    authenticator_apps::delete_all_of_user(tx, id)?;
    recovery_codes::delete_of_user(tx, id)?;
    for forget in [
        "DELETE FROM known_browsers WHERE user_id = $1",
        "DELETE FROM pending_sign_ins WHERE user_id = $1",
        "DELETE FROM remembered_factors WHERE user_id = $1",
        "DELETE FROM phone_sign_ins WHERE user_id = $1",
        "DELETE FROM reviews WHERE user_id = $1",
        "DELETE FROM consents WHERE user_id = $1",
        "DELETE FROM email_changes WHERE user_id = $1",
        "DELETE FROM group_members WHERE user_id = $1",
    ] {
        tx.execute(forget, &[id.into()])?;
    }
    crate::passkeys::erase(tx, id)
}

/// The stored hash of a password, a PHC string.
pub fn find_password(tx: &mut Tx<'_>, user_id: UserId) -> Result<Option<String>, StorageError> {
    tx.query_optional(
        "SELECT hash FROM passwords WHERE user_id = $1",
        &[user_id.into()],
        |row| row.get(0),
    )
}

/// When the password was set.
pub fn find_password_set_at(
    tx: &mut Tx<'_>,
    user_id: UserId,
) -> Result<Option<Timestamp>, StorageError> {
    tx.query_optional(
        "SELECT set_at FROM passwords WHERE user_id = $1",
        &[user_id.into()],
        |row| row.get(0),
    )
}

/// Sets the password's hash.
pub fn set_password(
    tx: &mut Tx<'_>,
    user_id: UserId,
    hash: &str,
    now: Timestamp,
) -> Result<(), StorageError> {
    tx.execute_one(
        "INSERT INTO passwords (user_id, hash, set_at) VALUES ($1, $2, $3)
         ON CONFLICT (user_id) DO UPDATE SET hash = excluded.hash, set_at = excluded.set_at",
        &[user_id.into(), hash.into(), now.into()],
    )
}

/// Replaces a hash by one of the same password with stronger parameters, unless
/// the password was changed meanwhile.
pub fn rehash_password(
    tx: &mut Tx<'_>,
    user_id: UserId,
    old: &str,
    new: &str,
) -> Result<bool, StorageError> {
    Ok(tx.execute(
        "UPDATE passwords SET hash = $3 WHERE user_id = $1 AND hash = $2",
        &[user_id.into(), old.into(), new.into()],
    )? == 1)
}

/// A profile picture.
#[derive(Debug, Clone)]
pub struct Picture {
    /// Its media type, one of the accepted ones.
    pub media_type: String,
    /// The file.
    pub content: Vec<u8>,
}

/// The picture of a user.
pub fn find_picture(tx: &mut Tx<'_>, user_id: UserId) -> Result<Option<Picture>, StorageError> {
    tx.query_optional(
        "SELECT media_type, content FROM pictures WHERE user_id = $1",
        &[user_id.into()],
        |row| {
            Ok(Picture {
                media_type: row.get(0)?,
                content: row.get(1)?,
            })
        },
    )
}

/// Stores or, with `None`, removes a picture.
pub fn set_picture(
    tx: &mut Tx<'_>,
    user_id: UserId,
    picture: Option<&Picture>,
) -> Result<(), StorageError> {
    match picture {
        Some(picture) => tx.execute_one(
            "INSERT INTO pictures (user_id, media_type, content) VALUES ($1, $2, $3)
             ON CONFLICT (user_id) DO UPDATE
             SET media_type = excluded.media_type, content = excluded.content",
            &[
                user_id.into(),
                (&picture.media_type).into(),
                picture.content.as_slice().into(),
            ],
        ),
        None => tx
            .execute("DELETE FROM pictures WHERE user_id = $1", &[user_id.into()])
            .map(|_| ()),
    }
}
