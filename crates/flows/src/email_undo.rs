//! A change of the e-mail address taken back from the old mailbox (F5).
//!
//! Works without signing in, for a week, whatever has become of the account
//! meanwhile: see [`crate::email_change`]. It only takes away, and leads to a new
//! password.

use nightlatch_domain::alert::AlertKind;
use nightlatch_domain::client::ClientDetails;
use nightlatch_domain::email_change::{EmailChange, EmailChangeState, shortened};
use nightlatch_domain::ending::{Actor, Cause, Scope};
use nightlatch_domain::event::{Event, EventKind};
use nightlatch_domain::ids::MailLinkId;
use nightlatch_domain::mail::{DOUBTFUL_BEFORE, LinkKind, LinkRefusal};
use nightlatch_domain::user::User;
use nightlatch_storage::{
    StorageError, Tx, browsers, email_changes, events, mail_links, sessions, users,
};

use crate::Moment;
use crate::alerts::{Alert, raise};
use crate::email_change::is_free;
use crate::log_out::{EndingDone, EndingRequest, end_sessions};
use crate::mail_links::look;
use crate::planted::{self, Planted, Suspects, Word};
use crate::recovery;

/// What the page of the link shows.
#[derive(Debug)]
pub struct Undoable {
    /// The change.
    pub change: EmailChange,
    /// Whose account.
    pub user: User,
    /// What goes with it: added in the session that asked, or since the day before.
    pub planted: Planted,
}

/// What the link to the old mailbox is about. Changes nothing (AUTH-10).
pub fn show(
    tx: &mut Tx<'_>,
    moment: &Moment,
    link: MailLinkId,
) -> Result<Result<Undoable, LinkRefusal>, StorageError> {
    let user = match look(tx, moment, LinkKind::UndoEmail, link)? {
        Ok((_, user)) => user,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let found = email_changes::find_by_undo_link(tx, link)?;
    let Some(change) = found.filter(|change| change.state != EmailChangeState::Void) else {
        return Ok(Err(LinkRefusal::Overtaken));
    };
    let suspects = Suspects {
        session: Some(change.session_id),
        since: Some(change.asked_at.minus(DOUBTFUL_BEFORE)),
        word: Word::Mailed,
    };
    let planted = planted::find(tx, moment, user.id, suspects)?;
    Ok(Ok(Undoable {
        change,
        user,
        planted,
    }))
}

/// What was undone.
#[derive(Debug)]
pub struct Undone {
    /// The account, with its old address.
    pub user: User,
    /// What was taken away with it.
    pub removed: Planted,
    /// What ended: all.
    pub done: EndingDone,
    /// Why, for the counters.
    pub cause: Cause,
}

/// "This wasn't me" from the old mailbox: gives the account its old address back,
/// whatever it has now, ends every session and sends a link to a new password to the
/// old address. Changes that were asked for later are void with it, and their links
/// too: they went to whoever took the account. So does what was added to the account
/// there, or a passkey that they left behind would go on opening it (F2).
pub fn undo(
    tx: &mut Tx<'_>,
    moment: &Moment,
    link: MailLinkId,
    client: &ClientDetails,
) -> Result<Result<Undone, LinkRefusal>, StorageError> {
    let undoable = match show(tx, moment, link)? {
        Ok(found) => found,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let Undoable {
        change,
        mut user,
        planted,
    } = undoable;
    // While it was only asked for, nobody kept the address free.
    if !is_free(tx, &change.old.key(), user.id, moment)? {
        return Ok(Err(LinkRefusal::Overtaken));
    }
    if !mail_links::use_up(tx, link, moment.now)? {
        return Ok(Err(LinkRefusal::Used));
    }
    email_changes::void_since(tx, user.id, change.asked_at)?;
    // The link that undoes went to this mailbox.
    users::set_email(tx, user.id, &change.old, Some(moment.now), moment.now)?;
    user.email = change.old.clone();
    let mut entry = recovery::event(moment, &user, EventKind::EmailChangeUndone, client);
    entry.detail = Some(shortened(&change.old));
    if let Some(owned) = sessions::find(tx, change.session_id)? {
        entry.session_id = Some(owned.session.id);
        if let Some(browser) = owned.session.browser_id {
            entry.browser_id = Some(browser);
            browsers::forget(tx, user.id, browser)?;
        }
    }
    finish(tx, moment, user, planted, (&entry, client)).map(Ok)
}

fn finish(
    tx: &mut Tx<'_>,
    moment: &Moment,
    user: User,
    removed: Planted,
    (entry, client): (&Event, &ClientDetails),
) -> Result<Undone, StorageError> {
    events::add(tx, entry)?;
    planted::remove(tx, moment, &user, &removed, entry)?;
    let alert = Alert {
        kind: AlertKind::EmailChangeUndone,
        user: &user,
        session: None,
        client: Some(client),
        detail: None,
    };
    raise(tx, moment, &alert)?;
    let cause = Cause::ReportedByUser;
    let request = EndingRequest {
        scope: Scope::AllOf(user.id),
        cause,
        actor: Actor::User(user.id),
        reason: None,
    };
    let done = end_sessions(tx, moment, &request)?;
    recovery::start(tx, moment, &user)?;
    Ok(Undone {
        user,
        removed,
        done,
        cause,
    })
}
