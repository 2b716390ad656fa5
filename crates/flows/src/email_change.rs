//! Another e-mail address for an account (AUTH-09, AUTH-10, F1, F5).
//!
//! Asking takes the highest proof that the person has. The new mailbox gets a link
//! that confirms; the old one is told at once, with a link that undoes all of it for
//! a week, without signing in. Whether an address has an account is told to its
//! mailbox and to nobody who asks. A confirmed change ends the other sessions in the
//! same transaction.

use nightlatch_domain::alert::AlertKind;
use nightlatch_domain::client::ClientDetails;
use nightlatch_domain::email_change::{
    EmailChange, EmailChangeState, MOST_ASKED, MOST_ASKED_WITHIN, UNDO_EMAIL_LIFE, outlives,
    shortened,
};
use nightlatch_domain::ending::{Actor, Cause, Scope};
use nightlatch_domain::event::{Event, EventKind};
use nightlatch_domain::ids::{EmailChangeId, EventId, MailLinkId, SessionId, UserId};
use nightlatch_domain::mail::{
    ClientWords, EmailChangeMail, EmailChangeStep, LinkKind, LinkRefusal, Message, Occurrence,
};
use nightlatch_domain::session::{Session, SessionKind, admit};
use nightlatch_domain::user::{EmailAddress, EmailKey, User};
use nightlatch_storage::{StorageError, Tx, email_changes, events, mail_links, sessions, users};

use crate::Moment;
use crate::activity::Activity;
use crate::alerts::{Alert, account_words, raise};
use crate::log_out::{EndingDone, EndingRequest, end_sessions};
use crate::mail::enqueue;
use crate::mail_links::{NewLink, look, make};
use crate::proof_level::suffices;
use crate::recovery;
use crate::sessions::find_live;
use crate::step_up::event as session_event;

/// What came of asking. Nothing of it tells whether an address is taken.
#[derive(Debug)]
pub enum AskOutcome {
    /// It waits for the new mailbox.
    Waiting(Box<EmailChange>),
    /// It is the address that the account has.
    Same,
    /// As many as a person may ask for in a day.
    TooMany,
    /// The last proof is too old or too weak (AUTH-08, MFA-04).
    ProofNeeded,
    /// The session is one of a shared computer, or a phone let it in.
    NotFromHere,
    /// The session that asked is over.
    SessionOver,
}

/// Whether a session is on a device of the person's own. Others have no power over
/// the account (F5).
pub fn is_own_device(session: &Session) -> bool {
    session.life.kind != SessionKind::Shared && !session.was_let_in_by_phone()
}

/// Asks for another address. A change that waits already is taken back for it.
pub fn ask(
    tx: &mut Tx<'_>,
    moment: &Moment,
    activity: &Activity,
    session: SessionId,
    new: &EmailAddress,
) -> Result<AskOutcome, StorageError> {
    let now = moment.now;
    let Some(owned) = find_live(tx, session, activity, now)? else {
        return Ok(AskOutcome::SessionOver);
    };
    let (session, user) = (&owned.session, &owned.user);
    if !is_own_device(session) {
        return Ok(AskOutcome::NotFromHere);
    }
    if !suffices(tx, session, now)? {
        return Ok(AskOutcome::ProofNeeded);
    }
    if new.key() == user.email.key() {
        return Ok(AskOutcome::Same);
    }
    let asked = email_changes::count_since(tx, user.id, now.minus(MOST_ASKED_WITHIN))?;
    if asked >= MOST_ASKED {
        return Ok(AskOutcome::TooMany);
    }
    email_changes::cancel_waiting(tx, user.id)?;
    let link = |kind: LinkKind, recipient| NewLink {
        kind,
        user,
        recipient,
        session_id: Some(session.id),
        life: kind.life(),
    };
    let change = EmailChange {
        id: EmailChangeId::sortable(now, moment.random.as_ref()),
        user_id: user.id,
        old: user.email.clone(),
        new: new.clone(),
        session_id: session.id,
        asked_at: now,
        state: EmailChangeState::Waiting,
        confirm_link: make(tx, moment, &link(LinkKind::ConfirmEmail, new))?,
        undo_link: make(tx, moment, &link(LinkKind::UndoEmail, &user.email))?,
        undo_until: now.plus(UNDO_EMAIL_LIFE),
    };
    email_changes::add(tx, &change)?;
    let mut entry = session_event(moment, session, EventKind::EmailChangeAsked);
    entry.detail = Some(shortened(new));
    events::add(tx, &entry)?;
    // The same rows either way: neither words nor time tell whoever asks.
    let step = if is_free(tx, &new.key(), user.id, moment)? {
        EmailChangeStep::Confirm
    } else {
        EmailChangeStep::Taken
    };
    let kind = AlertKind::EmailChangeAsked;
    let told = Told::of(&change, kind, Some(&session.client));
    told.send(tx, moment, user, &change.new, step)?;
    told.send(tx, moment, user, &change.old, EmailChangeStep::Tell)?;
    Ok(AskOutcome::Waiting(Box::new(change)))
}

/// Whether an account may have an address: nobody else has it, and nobody else
/// can still be given it back.
pub(crate) fn is_free(
    tx: &mut Tx<'_>,
    address: &EmailKey,
    account: UserId,
    moment: &Moment,
) -> Result<bool, StorageError> {
    let held = email_changes::is_held(tx, address, Some(account), moment.now)?;
    let found = users::find_by_email(tx, address)?;
    Ok(!held && found.is_none_or(|found| found.id == account))
}

/// What mails tell of a change.
pub(crate) struct Told {
    pub(crate) kind: AlertKind,
    pub(crate) session: Option<SessionId>,
    pub(crate) client: Option<ClientWords>,
    pub(crate) new: EmailAddress,
    pub(crate) links: Option<(MailLinkId, MailLinkId)>,
}

impl Told {
    fn of(change: &EmailChange, kind: AlertKind, client: Option<&ClientDetails>) -> Self {
        Self {
            kind,
            session: Some(change.session_id),
            client: client.map(ClientWords::of),
            new: change.new.clone(),
            links: Some((change.confirm_link, change.undo_link)),
        }
    }

    pub(crate) fn send(
        &self,
        tx: &mut Tx<'_>,
        moment: &Moment,
        user: &User,
        recipient: &EmailAddress,
        step: EmailChangeStep,
    ) -> Result<(), StorageError> {
        let link = self.links.and_then(|(confirm, undo)| match step {
            EmailChangeStep::Confirm => Some(confirm),
            EmailChangeStep::Taken => None,
            EmailChangeStep::Tell => Some(undo),
        });
        let mail = EmailChangeMail {
            account: account_words(tx, user)?,
            step,
            occurrence: Occurrence {
                kind: self.kind,
                at: moment.now,
                session: self.session,
                client: self.client.clone(),
                detail: Some(shortened(&self.new)),
            },
            link,
        };
        enqueue(
            tx,
            moment,
            recipient,
            Some(user.id),
            Message::EmailChange(mail),
        )
    }
}

/// Whether a change that waits can still be confirmed: the account has the address
/// that it had, and nobody has thrown the session out that asked.
fn stands(
    tx: &mut Tx<'_>,
    moment: &Moment,
    change: &EmailChange,
    user: &User,
) -> Result<bool, StorageError> {
    if !change.is_waiting(moment.now) || change.old.key() != user.email.key() {
        return Ok(false);
    }
    let Some(owned) = sessions::find(tx, change.session_id)? else {
        return Ok(false);
    };
    let life = &owned.session.life;
    Ok(match admit(life, &owned.standing(), moment.now) {
        Ok(_) => true,
        // Whoever logs out before they are thrown out is told to have logged out; what
        // has thrown out all sessions since then has its change go all the same.
        Err(refusal) => outlives(refusal) && life.epochs == owned.epochs,
    })
}

/// The change of an account that waits for its confirmation, for its owner's eyes.
pub fn find_waiting(
    tx: &mut Tx<'_>,
    moment: &Moment,
    user: &User,
) -> Result<Option<EmailChange>, StorageError> {
    let Some(change) = email_changes::find_waiting(tx, user.id)? else {
        return Ok(None);
    };
    // The link knows more: a new password has voided it.
    let link = look(tx, moment, LinkKind::ConfirmEmail, change.confirm_link)?;
    let stands = link.is_ok() && stands(tx, moment, &change, user)?;
    Ok(Some(change).filter(|_| stands))
}

/// Takes back what waits; false if nothing did. It takes no proof, since it only
/// leaves things as they are.
pub fn cancel(tx: &mut Tx<'_>, moment: &Moment, session: &Session) -> Result<bool, StorageError> {
    if email_changes::cancel_waiting(tx, session.user_id)? == 0 {
        return Ok(false);
    }
    let entry = session_event(moment, session, EventKind::EmailChangeCancelled);
    events::add(tx, &entry)?;
    Ok(true)
}

/// Takes back what somebody else asked for in a session, also if they have left it by
/// now (OUT-13). `by` says who does it.
pub(crate) fn cancel_of_session(
    tx: &mut Tx<'_>,
    moment: &Moment,
    user: UserId,
    session: SessionId,
    by: &Event,
) -> Result<(), StorageError> {
    if email_changes::cancel_waiting_of_session(tx, user, session)? == 0 {
        return Ok(());
    }
    let entry = Event {
        id: EventId::sortable(moment.now, moment.random.as_ref()),
        kind: EventKind::EmailChangeCancelled,
        ..by.clone()
    };
    events::add(tx, &entry)
}

/// What the link to the new mailbox is about. Changes nothing (AUTH-10).
pub fn show_confirm(
    tx: &mut Tx<'_>,
    moment: &Moment,
    link: MailLinkId,
) -> Result<Result<(EmailChange, User), LinkRefusal>, StorageError> {
    let user = match look(tx, moment, LinkKind::ConfirmEmail, link)? {
        Ok((_, user)) => user,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let Some(change) = email_changes::find_by_confirm_link(tx, link)? else {
        return Ok(Err(LinkRefusal::Unknown));
    };
    if !stands(tx, moment, &change, &user)? {
        return Ok(Err(LinkRefusal::Overtaken));
    }
    Ok(Ok((change, user)))
}

/// What came of confirming.
#[derive(Debug)]
pub enum ConfirmOutcome {
    /// The account has the new address.
    Done(Box<Confirmed>),
    /// Another account has the address. Its mailbox asks, so it may know.
    Taken,
    /// The link does nothing any more.
    Refused(LinkRefusal),
}

/// A confirmed change.
#[derive(Debug)]
pub struct Confirmed {
    /// The account as it is now.
    pub user: User,
    /// What ended; the session of the browser that confirmed goes on.
    pub done: EndingDone,
}

/// Gives the account its new address. `keep` is the session of the browser that
/// confirms, if it has one of the account; all others end (F1).
pub fn confirm(
    tx: &mut Tx<'_>,
    moment: &Moment,
    activity: &Activity,
    link: MailLinkId,
    keep: Option<SessionId>,
    client: &ClientDetails,
) -> Result<ConfirmOutcome, StorageError> {
    let (change, mut user) = match show_confirm(tx, moment, link)? {
        Ok(found) => found,
        Err(refusal) => return Ok(ConfirmOutcome::Refused(refusal)),
    };
    if !is_free(tx, &change.new.key(), user.id, moment)? {
        return Ok(ConfirmOutcome::Taken);
    }
    let undo_until = moment.now.plus(UNDO_EMAIL_LIFE);
    if !mail_links::use_up(tx, link, moment.now)?
        || !email_changes::confirm(tx, change.id, undo_until)?
    {
        return Ok(ConfirmOutcome::Refused(LinkRefusal::Used));
    }
    mail_links::set_expiry(tx, change.undo_link, undo_until)?;
    users::set_email(tx, user.id, &change.new, Some(moment.now), moment.now)?;
    let mut entry = recovery::event(moment, &user, EventKind::EmailChanged, client);
    entry.detail = Some(shortened(&change.new));
    events::add(tx, &entry)?;
    let told = Told::of(&change, AlertKind::EmailChanged, Some(client));
    told.send(tx, moment, &user, &change.old, EmailChangeStep::Tell)?;
    user.email = change.new.clone();
    let alert = Alert {
        kind: AlertKind::EmailChanged,
        user: &user,
        session: None,
        client: Some(client),
        detail: Some(shortened(&change.new)),
    };
    raise(tx, moment, &alert)?;
    let kept = match keep {
        Some(id) => find_live(tx, id, activity, moment.now)?,
        None => None,
    };
    let kept = kept.filter(|owned| owned.user.id == user.id && is_own_device(&owned.session));
    let request = EndingRequest {
        scope: match kept {
            Some(owned) => Scope::OthersOf {
                user: user.id,
                keep: owned.session.id,
            },
            None => Scope::AllOf(user.id),
        },
        cause: Cause::EmailChanged,
        actor: Actor::User(user.id),
        reason: None,
    };
    let done = end_sessions(tx, moment, &request)?;
    Ok(ConfirmOutcome::Done(Box::new(Confirmed { user, done })))
}
