//! What links in mails may do; see `domain::mail`.

use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::{MailLinkId, SessionId, UserId};
use nightlatch_domain::mail::MailLink;

use crate::{Row, StorageError, Tx};

fn read(row: &Row<'_>) -> Result<MailLink, StorageError> {
    Ok(MailLink {
        id: row.get(0)?,
        kind: row.get(1)?,
        user_id: row.get(2)?,
        recipient: row.get(3)?,
        session_id: row.get(4)?,
        password_set_at: row.get(5)?,
        created_at: row.get(6)?,
        expires_at: row.get(7)?,
        used_at: row.get(8)?,
    })
}

/// Adds a link.
pub fn add(tx: &mut Tx<'_>, link: &MailLink) -> Result<(), StorageError> {
    tx.execute_one(
        "INSERT INTO mail_links (id, kind, user_id, recipient, session_id, password_set_at,
                                 created_at, expires_at, used_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &[
            link.id.into(),
            link.kind.name().into(),
            link.user_id.into(),
            link.recipient.as_str().into(),
            link.session_id.into(),
            link.password_set_at.into(),
            link.created_at.into(),
            link.expires_at.into(),
            link.used_at.into(),
        ],
    )
}

/// The link of this id.
pub fn find(tx: &mut Tx<'_>, id: MailLinkId) -> Result<Option<MailLink>, StorageError> {
    tx.query_optional(
        "SELECT id, kind, user_id, recipient, session_id, password_set_at, created_at, expires_at, used_at
         FROM mail_links WHERE id = $1",
        &[id.into()],
        read,
    )
}

/// Makes a link about another session, or about none in particular.
pub fn set_session(
    tx: &mut Tx<'_>,
    id: MailLinkId,
    session_id: Option<SessionId>,
) -> Result<(), StorageError> {
    tx.execute_one(
        "UPDATE mail_links SET session_id = $2 WHERE id = $1",
        &[id.into(), session_id.into()],
    )
}

/// Lets a link work until another instant: it is told once more.
pub fn set_expiry(
    tx: &mut Tx<'_>,
    id: MailLinkId,
    expires_at: Timestamp,
) -> Result<(), StorageError> {
    tx.execute_one(
        "UPDATE mail_links SET expires_at = $2 WHERE id = $1",
        &[id.into(), expires_at.into()],
    )
}

/// Uses a link up; false if somebody was faster.
pub fn use_up(tx: &mut Tx<'_>, id: MailLinkId, now: Timestamp) -> Result<bool, StorageError> {
    Ok(tx.execute(
        "UPDATE mail_links SET used_at = $2 WHERE id = $1 AND used_at IS NULL",
        &[id.into(), now.into()],
    )? == 1)
}

/// Deletes every link of an account that is deleted.
pub fn delete_of_user(tx: &mut Tx<'_>, user_id: UserId) -> Result<(), StorageError> {
    tx.execute(
        "DELETE FROM mail_links WHERE user_id = $1",
        &[user_id.into()],
    )
    .map(|_| ())
}

/// Deletes up to `limit` links that stopped working before `before`.
pub fn prune(tx: &mut Tx<'_>, before: Timestamp, limit: i64) -> Result<u64, StorageError> {
    tx.execute(
        "DELETE FROM mail_links
         WHERE id IN (SELECT id FROM mail_links WHERE expires_at < $1 LIMIT $2)",
        &[before.into(), limit.into()],
    )
}
