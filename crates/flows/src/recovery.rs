//! A new password by mail.
//!
//! Asking answers the same, and does the same, for every address: a row in the
//! queue, and whether there is such an account is looked up when the row's turn
//! comes ([`resolve`]; AUTH-07). The link works once and for an hour, does not sign
//! in and does not replace a second factor (AUTH-09). Finishing ends every session
//! in the same transaction (F2); no session that it ends can cancel it (F5).

use nightlatch_domain::alert::AlertKind;
use nightlatch_domain::client::ClientDetails;
use nightlatch_domain::ending::{Actor, Cause};
use nightlatch_domain::event::{Event, EventKind};
use nightlatch_domain::ids::{EventId, MailLinkId};
use nightlatch_domain::mail::{LinkKind, LinkRefusal, Message, PasswordResetMail};
use nightlatch_domain::throttle::{self, Lane, Verdict};
use nightlatch_domain::user::{EmailAddress, User, UserStatus};
use nightlatch_storage::mails::{self, Mail};
use nightlatch_storage::{StorageError, Tx, events, mail_links, throttles, users};

use crate::Moment;
use crate::alerts::{Alert, account_words, raise};
use crate::log_out::{EndingDone, end_all_of};
use crate::mail::enqueue;
use crate::mail_links::{NewLink, look, make};

/// What came of asking. None of it depends on whether there is an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskOutcome {
    /// If there is an account, a mail is on its way, or was a moment ago.
    Noted,
    /// Too many requests from this network; not before this instant.
    Wait(nightlatch_domain::Timestamp),
}

/// Somebody asks for a new password for the account with this address.
pub fn ask(
    tx: &mut Tx<'_>,
    moment: &Moment,
    email: &EmailAddress,
    client: &ClientDetails,
) -> Result<AskOutcome, StorageError> {
    let now = moment.now;
    if let Some(address) = client.address {
        let key = throttle::recovery_network_key(address);
        let asked = throttles::get(tx, key)?;
        if let Verdict::Wait(until) = asked.verdict(Lane::Network, now) {
            return Ok(AskOutcome::Wait(until));
        }
        let count = asked.failed(Lane::Network, now).count;
        throttles::set(tx, key, count, now)?;
    }
    let key = throttle::recovery_key(&email.key());
    let asked = throttles::get(tx, key)?;
    // Whoever asked: the mails go to the owner, so a stranger who keeps asking keeps
    // nobody from recovering, and fills no mailbox.
    if asked.verdict(Lane::Recovery, now) == Verdict::Allowed {
        throttles::set(tx, key, asked.failed(Lane::Recovery, now).count, now)?;
        enqueue(tx, moment, email, None, Message::RecoveryAsked)?;
    }
    Ok(AskOutcome::Noted)
}

/// Makes the mail of a request, if there is an account with its address; `None` if
/// not, and the request is forgotten.
pub fn resolve(
    tx: &mut Tx<'_>,
    moment: &Moment,
    asked: &Mail,
) -> Result<Option<Mail>, StorageError> {
    let found = users::find_by_email(tx, &asked.recipient.key())?;
    let Some(user) = found.filter(|user| user.status == UserStatus::Active) else {
        mails::delete(tx, asked.id)?;
        return Ok(None);
    };
    let message = reset_message(tx, moment, &user)?;
    mails::rewrite(tx, asked.id, &message, Some(user.id))?;
    Ok(Some(Mail {
        // As the account has it, and not as somebody typed it.
        recipient: user.email.clone(),
        message,
        user_id: Some(user.id),
        ..asked.clone()
    }))
}

/// Sends a link to a new password to the account's own address.
pub(crate) fn start(tx: &mut Tx<'_>, moment: &Moment, user: &User) -> Result<(), StorageError> {
    let message = reset_message(tx, moment, user)?;
    enqueue(tx, moment, &user.email, Some(user.id), message)
}

fn reset_message(tx: &mut Tx<'_>, moment: &Moment, user: &User) -> Result<Message, StorageError> {
    let new = NewLink {
        kind: LinkKind::Reset,
        user,
        recipient: &user.email,
        session_id: None,
        life: LinkKind::Reset.life(),
    };
    let link = make(tx, moment, &new)?;
    let account = account_words(tx, user)?;
    Ok(Message::PasswordReset(PasswordResetMail { account, link }))
}

/// What came of setting a new password.
#[derive(Debug)]
pub enum ResetOutcome {
    /// It is set, and every session of the account is over.
    Done(Box<User>, EndingDone),
    /// The link does nothing any more.
    Refused(LinkRefusal),
}

/// Sets a new password that was found good enough, and ends everything that the
/// account had. Whoever remembers second factors binds them to when the password
/// was set, so those are forgotten too (F3).
pub fn finish(
    tx: &mut Tx<'_>,
    moment: &Moment,
    link: MailLinkId,
    password_record: &str,
    client: &ClientDetails,
) -> Result<ResetOutcome, StorageError> {
    let (link, user) = match look(tx, moment, LinkKind::Reset, link)? {
        Ok(found) => found,
        Err(refusal) => return Ok(ResetOutcome::Refused(refusal)),
    };
    if !mail_links::use_up(tx, link.id, moment.now)? {
        return Ok(ResetOutcome::Refused(LinkRefusal::Used));
    }
    users::set_password(tx, user.id, password_record, moment.now)?;
    // Its link went to this mailbox, and whoever reads it has opened it.
    if link.recipient.key() == user.email.key() {
        users::set_email_verified(tx, user.id, moment.now)?;
    }
    events::add(
        tx,
        &event(moment, &user, EventKind::PasswordChanged, client),
    )?;
    let actor = Actor::User(user.id);
    let done = end_all_of(tx, moment, user.id, Cause::AccountRecovered, actor)?;
    let alert = Alert {
        kind: AlertKind::PasswordReset,
        user: &user,
        session: None,
        client: Some(client),
        detail: None,
    };
    raise(tx, moment, &alert)?;
    Ok(ResetOutcome::Done(Box::new(user), done))
}

/// A line of the history by the holder of a link.
pub(crate) fn event(
    moment: &Moment,
    user: &User,
    kind: EventKind,
    client: &ClientDetails,
) -> Event {
    Event {
        id: EventId::sortable(moment.now, moment.random.as_ref()),
        at: moment.now,
        organization_id: Some(user.organization_id),
        user_id: Some(user.id),
        actor: Actor::User(user.id),
        kind,
        session_id: None,
        browser_id: None,
        ending_id: None,
        cause: None,
        client: client.clone(),
        count: 1,
        detail: Some("by a link in a mail".to_owned()),
    }
}
