//! What is to be sent by mail; see `domain::mail`.
//!
//! A row is queued until it was accepted or given up. Whoever tries to send it
//! takes it out of everybody's sight for the length of a lease; if the process
//! dies meanwhile, the row comes back by itself.

use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::{MailId, UserId};
use nightlatch_domain::mail::Message;
use nightlatch_domain::user::EmailAddress;

use crate::columns::{Json, to_json};
use crate::{Row, StorageError, Tx};

/// A message to somebody.
#[derive(Debug, Clone)]
pub struct Mail {
    /// Sorts by time.
    pub id: MailId,
    /// When it was written.
    pub created_at: Timestamp,
    /// To whom.
    pub recipient: EmailAddress,
    /// What it says.
    pub message: Message,
    /// Whose account it is about.
    pub user_id: Option<UserId>,
    /// How often sending was tried.
    pub attempts: i64,
    /// When it is tried next; while it is being tried, the end of the lease.
    pub next_at: Timestamp,
    /// When it was accepted or given up.
    pub finished_at: Option<Timestamp>,
}

fn read(row: &Row<'_>) -> Result<Mail, StorageError> {
    Ok(Mail {
        id: row.get(0)?,
        created_at: row.get(1)?,
        recipient: row.get(2)?,
        message: row.get::<Json<Message>>(3)?.0,
        user_id: row.get(4)?,
        attempts: row.get(5)?,
        next_at: row.get(6)?,
        finished_at: row.get(7)?,
    })
}

/// Adds a message to the queue.
pub fn add(tx: &mut Tx<'_>, mail: &Mail) -> Result<(), StorageError> {
    tx.execute_one(
        "INSERT INTO mails (id, created_at, recipient, kind, message, user_id, state, attempts, next_at)
         VALUES ($1, $2, $3, $4, $5, $6, 'queued', $7, $8)",
        &[
            mail.id.into(),
            mail.created_at.into(),
            mail.recipient.as_str().into(),
            mail.message.kind().into(),
            to_json(&mail.message)?.into(),
            mail.user_id.into(),
            mail.attempts.into(),
            mail.next_at.into(),
        ],
    )
}

/// Up to `limit` messages that are due and in nobody's hands, longest due first.
pub fn list_due(tx: &mut Tx<'_>, now: Timestamp, limit: i64) -> Result<Vec<Mail>, StorageError> {
    tx.query(
        "SELECT id, created_at, recipient, message, user_id, attempts, next_at, finished_at
         FROM mails WHERE finished_at IS NULL AND next_at <= $1 ORDER BY next_at LIMIT $2",
        &[now.into(), limit.into()],
        read,
    )
}

/// When the next message is due.
pub fn find_next_due(tx: &mut Tx<'_>) -> Result<Option<Timestamp>, StorageError> {
    tx.query_optional(
        "SELECT next_at FROM mails WHERE finished_at IS NULL ORDER BY next_at LIMIT 1",
        &[],
        |row| row.get(0),
    )
}

/// Takes a message out of sight until an instant and counts the attempt.
pub fn lease(tx: &mut Tx<'_>, id: MailId, until: Timestamp) -> Result<(), StorageError> {
    tx.execute_one(
        "UPDATE mails SET attempts = attempts + 1, next_at = $2
         WHERE id = $1 AND finished_at IS NULL",
        &[id.into(), until.into()],
    )
}

/// Replaces what a queued message says.
pub fn rewrite(
    tx: &mut Tx<'_>,
    id: MailId,
    message: &Message,
    user_id: Option<UserId>,
) -> Result<(), StorageError> {
    tx.execute_one(
        "UPDATE mails SET kind = $2, message = $3, user_id = $4
         WHERE id = $1 AND finished_at IS NULL",
        &[
            id.into(),
            message.kind().into(),
            to_json(message)?.into(),
            user_id.into(),
        ],
    )
}

/// Records that a message was accepted. Whoever had it before, it is not sent
/// again.
pub fn finish_sent(tx: &mut Tx<'_>, id: MailId, now: Timestamp) -> Result<(), StorageError> {
    tx.execute(
        "UPDATE mails SET state = 'sent', finished_at = $2, last_error = NULL
         WHERE id = $1 AND finished_at IS NULL",
        &[id.into(), now.into()],
    )
    .map(|_| ())
}

/// Gives a message up.
pub fn finish_failed(
    tx: &mut Tx<'_>,
    id: MailId,
    now: Timestamp,
    error: &str,
) -> Result<(), StorageError> {
    tx.execute(
        "UPDATE mails SET state = 'failed', finished_at = $2, last_error = $3
         WHERE id = $1 AND finished_at IS NULL",
        &[id.into(), now.into(), error.into()],
    )
    .map(|_| ())
}

/// Puts a message back until an instant, unless its lease is over: then it is in
/// other hands. `leased_until` names the lease.
pub fn postpone(
    tx: &mut Tx<'_>,
    id: MailId,
    leased_until: Timestamp,
    next_at: Timestamp,
    error: &str,
) -> Result<(), StorageError> {
    tx.execute(
        "UPDATE mails SET next_at = $3, last_error = $4
         WHERE id = $1 AND finished_at IS NULL AND next_at = $2",
        &[id.into(), leased_until.into(), next_at.into(), error.into()],
    )
    .map(|_| ())
}

/// The last message of this kind about an account.
pub fn find_last_of_user(
    tx: &mut Tx<'_>,
    user_id: UserId,
    kind: &str,
) -> Result<Option<Mail>, StorageError> {
    tx.query_optional(
        "SELECT id, created_at, recipient, message, user_id, attempts, next_at, finished_at
         FROM mails WHERE user_id = $1 AND kind = $2 ORDER BY created_at DESC LIMIT 1",
        &[user_id.into(), kind.into()],
        read,
    )
}

/// Deletes a message.
pub fn delete(tx: &mut Tx<'_>, id: MailId) -> Result<(), StorageError> {
    tx.execute("DELETE FROM mails WHERE id = $1", &[id.into()])
        .map(|_| ())
}

/// Deletes every message about an account that is deleted.
pub fn delete_of_user(tx: &mut Tx<'_>, user_id: UserId) -> Result<(), StorageError> {
    tx.execute("DELETE FROM mails WHERE user_id = $1", &[user_id.into()])
        .map(|_| ())
}

/// Deletes up to `limit` messages that were accepted or given up before `before`.
pub fn prune(tx: &mut Tx<'_>, before: Timestamp, limit: i64) -> Result<u64, StorageError> {
    tx.execute(
        "DELETE FROM mails
         WHERE id IN (SELECT id FROM mails WHERE finished_at IS NOT NULL AND finished_at < $1 LIMIT $2)",
        &[before.into(), limit.into()],
    )
}
