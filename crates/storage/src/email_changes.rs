//! Changes of e-mail addresses; see `domain::email_change`.

use nightlatch_domain::Timestamp;
use nightlatch_domain::email_change::EmailChange;
use nightlatch_domain::ids::{EmailChangeId, MailLinkId, SessionId, UserId};
use nightlatch_domain::user::EmailKey;

use crate::{Row, StorageError, Tx};

fn read(row: &Row<'_>) -> Result<EmailChange, StorageError> {
    Ok(EmailChange {
        id: row.get(0)?,
        user_id: row.get(1)?,
        old: row.get(2)?,
        new: row.get(3)?,
        session_id: row.get(4)?,
        asked_at: row.get(5)?,
        state: row.get(6)?,
        confirm_link: row.get(7)?,
        undo_link: row.get(8)?,
        undo_until: row.get(9)?,
    })
}

/// Adds a change.
pub fn add(tx: &mut Tx<'_>, change: &EmailChange) -> Result<(), StorageError> {
    tx.execute_one(
        "INSERT INTO email_changes (id, user_id, old_email, old_email_key, new_email, session_id,
                                    asked_at, state, confirm_link, undo_link, undo_until)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        &[
            change.id.into(),
            change.user_id.into(),
            change.old.as_str().into(),
            change.old.key().as_str().into(),
            change.new.as_str().into(),
            change.session_id.into(),
            change.asked_at.into(),
            change.state.name().into(),
            change.confirm_link.into(),
            change.undo_link.into(),
            change.undo_until.into(),
        ],
    )
}

/// The change that a link confirms.
pub fn find_by_confirm_link(
    tx: &mut Tx<'_>,
    link: MailLinkId,
) -> Result<Option<EmailChange>, StorageError> {
    tx.query_optional(
        "SELECT id, user_id, old_email, new_email, session_id, asked_at, state, confirm_link, undo_link, undo_until
         FROM email_changes WHERE confirm_link = $1",
        &[link.into()],
        read,
    )
}

/// The change that a link undoes.
pub fn find_by_undo_link(
    tx: &mut Tx<'_>,
    link: MailLinkId,
) -> Result<Option<EmailChange>, StorageError> {
    tx.query_optional(
        "SELECT id, user_id, old_email, new_email, session_id, asked_at, state, confirm_link, undo_link, undo_until
         FROM email_changes WHERE undo_link = $1",
        &[link.into()],
        read,
    )
}

/// The change of an account that waits for its confirmation, however long.
pub fn find_waiting(tx: &mut Tx<'_>, user: UserId) -> Result<Option<EmailChange>, StorageError> {
    tx.query_optional(
        "SELECT id, user_id, old_email, new_email, session_id, asked_at, state, confirm_link, undo_link, undo_until
         FROM email_changes WHERE user_id = $1 AND state = 'waiting' ORDER BY asked_at DESC LIMIT 1",
        &[user.into()],
        read,
    )
}

/// How many changes an account has asked for since an instant.
pub fn count_since(tx: &mut Tx<'_>, user: UserId, since: Timestamp) -> Result<i64, StorageError> {
    tx.query_one(
        "SELECT COUNT(*) FROM email_changes WHERE user_id = $1 AND asked_at > $2",
        &[user.into(), since.into()],
        |row| row.get(0),
    )
}

/// Whether an address can still be given back to another account than this.
pub fn is_held(
    tx: &mut Tx<'_>,
    address: &EmailKey,
    by_others_than: Option<UserId>,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let holders = tx.query(
        "SELECT user_id FROM email_changes
         WHERE old_email_key = $1 AND undo_until > $2 AND state = 'confirmed' LIMIT 100",
        &[address.as_str().into(), now.into()],
        |row| row.get::<UserId>(0),
    )?;
    Ok(holders.into_iter().any(|held| Some(held) != by_others_than))
}

/// Writes down that the new mailbox confirmed; false if the change does not wait.
pub fn confirm(
    tx: &mut Tx<'_>,
    id: EmailChangeId,
    undo_until: Timestamp,
) -> Result<bool, StorageError> {
    Ok(tx.execute(
        "UPDATE email_changes SET state = 'confirmed', undo_until = $2
         WHERE id = $1 AND state = 'waiting'",
        &[id.into(), undo_until.into()],
    )? == 1)
}

/// Takes back whatever waits of an account; returns how many changes did.
pub fn cancel_waiting(tx: &mut Tx<'_>, user: UserId) -> Result<u64, StorageError> {
    tx.execute(
        "UPDATE email_changes SET state = 'cancelled' WHERE user_id = $1 AND state = 'waiting'",
        &[user.into()],
    )
}

/// Takes back whatever waits of an account and was asked for in one session; returns how
/// many changes did.
pub fn cancel_waiting_of_session(
    tx: &mut Tx<'_>,
    user: UserId,
    session: SessionId,
) -> Result<u64, StorageError> {
    tx.execute(
        "UPDATE email_changes SET state = 'cancelled'
         WHERE user_id = $1 AND session_id = $2 AND state = 'waiting'",
        &[user.into(), session.into()],
    )
}

/// Takes the effect away from every change of an account that was asked for at an
/// instant or later.
pub fn void_since(tx: &mut Tx<'_>, user: UserId, since: Timestamp) -> Result<(), StorageError> {
    tx.execute(
        "UPDATE email_changes SET state = 'void' WHERE user_id = $1 AND asked_at >= $2",
        &[user.into(), since.into()],
    )
    .map(|_| ())
}

/// Deletes up to `limit` changes that could be undone until `before`.
pub fn prune(tx: &mut Tx<'_>, before: Timestamp, limit: i64) -> Result<u64, StorageError> {
    tx.execute(
        "DELETE FROM email_changes
         WHERE id IN (SELECT id FROM email_changes WHERE undo_until < $1 LIMIT $2)",
        &[before.into(), limit.into()],
    )
}
