//! The queue of mails: written with what it reports, sent afterwards.
//!
//! A message is enqueued in the transaction of the event itself, so neither is
//! there without the other (ALR-04). Whoever sends takes a lease first, so that
//! several nodes do not send twice; a process that dies holding one is forgotten
//! when the lease is over. The network is never touched here.

use std::time::Duration;

use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::{MailId, UserId};
use nightlatch_domain::mail::{Message, next_attempt};
use nightlatch_domain::user::EmailAddress;
use nightlatch_storage::mails::{self, Mail};
use nightlatch_storage::{StorageError, Tx};

use crate::Moment;

/// How long one attempt may hold a message. Longer than any attempt takes, so that
/// a slow server is not asked twice.
pub const LEASE: Duration = Duration::from_mins(2);

/// Longest part of an error that is kept.
const LONGEST_ERROR: usize = 300;

/// Puts a message into the queue. Call it in the transaction of what it reports.
pub fn enqueue(
    tx: &mut Tx<'_>,
    moment: &Moment,
    recipient: &EmailAddress,
    user_id: Option<UserId>,
    message: Message,
) -> Result<(), StorageError> {
    enqueue_at(tx, moment, recipient, user_id, (message, moment.now))
}

/// The same for a message that is not sent before an instant.
pub(crate) fn enqueue_at(
    tx: &mut Tx<'_>,
    moment: &Moment,
    recipient: &EmailAddress,
    user_id: Option<UserId>,
    (message, due): (Message, Timestamp),
) -> Result<(), StorageError> {
    let mail = Mail {
        id: MailId::sortable(moment.now, moment.random.as_ref()),
        created_at: moment.now,
        recipient: recipient.clone(),
        message,
        user_id,
        attempts: 0,
        next_at: due,
        finished_at: None,
    };
    mails::add(tx, &mail)
}

/// Takes up to `limit` due messages into one's own hands.
pub fn claim_due(tx: &mut Tx<'_>, moment: &Moment, limit: i64) -> Result<Vec<Mail>, StorageError> {
    let until = moment.now.plus(LEASE);
    let mut claimed = mails::list_due(tx, moment.now, limit)?;
    for mail in &mut claimed {
        mails::lease(tx, mail.id, until)?;
        mail.attempts += 1;
        mail.next_at = until;
    }
    Ok(claimed)
}

/// When the next message is due, if any waits.
pub fn next_due(tx: &mut Tx<'_>) -> Result<Option<Timestamp>, StorageError> {
    mails::find_next_due(tx)
}

/// Records that a message was accepted.
pub fn sent(tx: &mut Tx<'_>, moment: &Moment, mail: &Mail) -> Result<(), StorageError> {
    mails::finish_sent(tx, mail.id, moment.now)
}

/// Why a message was not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAccepted {
    /// Trying again is pointless: the other side said so (SMTP 5xx), or the message
    /// cannot be written.
    pub permanent: bool,
    /// What was said, for operators.
    pub error: String,
}

/// Records that a message was not accepted: it is tried again later, or given up.
/// Returns when.
pub fn failed(
    tx: &mut Tx<'_>,
    moment: &Moment,
    mail: &Mail,
    why: &NotAccepted,
) -> Result<Option<Timestamp>, StorageError> {
    let error: String = why
        .error
        .chars()
        .filter(|character| !character.is_control())
        .take(LONGEST_ERROR)
        .collect();
    let next = next_attempt(
        mail.created_at,
        mail.message.life(),
        mail.attempts,
        moment.now,
        moment.random.as_ref(),
    )
    .filter(|_| !why.permanent);
    match next {
        Some(next) => mails::postpone(tx, mail.id, mail.next_at, next, &error)?,
        None => mails::finish_failed(tx, mail.id, moment.now, &error)?,
    }
    Ok(next)
}
