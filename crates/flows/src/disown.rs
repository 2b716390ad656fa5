//! "This wasn't me", from the link in an alert (H2).
//!
//! Works without signing in, once, for a day, or for a week if the alert told of a change
//! to what opens the account: it ends the session that the alert is about, or all of
//! them, takes away what was added to the account there (F2), and sends a link to a new
//! password to the account's own address. It gives nothing to whoever holds it, so a mail
//! that was forwarded gives nobody the account; nor does it take the only second factors
//! away once they have settled (MFA-07).

use nightlatch_domain::Timestamp;
use nightlatch_domain::client::ClientDetails;
use nightlatch_domain::email_change::shortened;
use nightlatch_domain::ending::{Actor, Cause, Scope};
use nightlatch_domain::event::EventKind;
use nightlatch_domain::ids::MailLinkId;
use nightlatch_domain::mail::{DOUBTFUL_BEFORE, LinkKind, LinkRefusal, MailLink};
use nightlatch_domain::session::Session;
use nightlatch_domain::user::User;
use nightlatch_storage::{
    StorageError, Tx, browsers, events, mail_links, remembered_factors, sessions,
};

use crate::Moment;
use crate::email_change::cancel_of_session;
use crate::log_out::{EndingDone, EndingRequest, end_sessions};
use crate::mail_links::look;
use crate::planted::{self, Planted, Suspects, Word};
use crate::recovery::{event, start};

/// What the page of the link shows.
#[derive(Debug)]
pub struct Reported {
    /// Whose account.
    pub user: User,
    /// Its address, shortened if it is another than the one that the alert went to:
    /// somebody else may read that mailbox by now.
    pub address: String,
    /// The session, if the alert is about one.
    pub session: Option<Session>,
    /// Whether that session is over already.
    pub over: bool,
    /// What disowning that session takes away.
    pub of_session: Planted,
    /// What disowning all of them takes away: what was added there, or since
    /// `doubtful_since`.
    pub of_all: Planted,
    /// Since when everything that is new is doubtful.
    pub doubtful_since: Timestamp,
}

fn doubtful_since(link: &MailLink) -> Timestamp {
    link.created_at.minus(DOUBTFUL_BEFORE)
}

/// What an alert is about. Changes nothing (AUTH-10).
pub fn show(
    tx: &mut Tx<'_>,
    moment: &Moment,
    link: MailLinkId,
) -> Result<Result<Reported, LinkRefusal>, StorageError> {
    let (link, user) = match look(tx, moment, LinkKind::Alert, link)? {
        Ok(found) => found,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let owned = match link.session_id {
        Some(id) => sessions::find(tx, id)?.filter(|owned| owned.session.user_id == user.id),
        None => None,
    };
    let over = owned.as_ref().is_some_and(|owned| {
        nightlatch_domain::session::admit(&owned.session.life, &owned.standing(), moment.now)
            .is_err()
    });
    let session = owned.map(|owned| owned.session);
    let mut suspects = Suspects {
        session: session.as_ref().map(|session| session.id),
        since: None,
        word: Word::Mailed,
    };
    let of_session = planted::find(tx, moment, user.id, suspects)?;
    let doubtful_since = doubtful_since(&link);
    suspects.since = Some(doubtful_since);
    let of_all = planted::find(tx, moment, user.id, suspects)?;
    Ok(Ok(Reported {
        address: if link.recipient.key() == user.email.key() {
            user.email.to_string()
        } else {
            shortened(&user.email)
        },
        doubtful_since,
        user,
        session,
        over,
        of_session,
        of_all,
    }))
}

/// How far to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// The session of the alert.
    ThatSession,
    /// Everything.
    AllSessions,
}

/// What was done.
#[derive(Debug)]
pub struct Disowned {
    /// Whose account.
    pub user: User,
    /// What ended.
    pub done: EndingDone,
    /// Why, for the counters.
    pub cause: Cause,
    /// What was taken away from the account.
    pub removed: Planted,
    /// Whether a link to a new password is on its way. Not if the account has
    /// another address than the one that the alert went to: then that address may
    /// be the thief's.
    pub recovery_sent: bool,
}

/// Ends what an alert is about, takes away what was added there, and starts recovery.
/// Without a session to end it ends all.
pub fn disown(
    tx: &mut Tx<'_>,
    moment: &Moment,
    link: MailLinkId,
    extent: Extent,
    client: &ClientDetails,
) -> Result<Result<Disowned, LinkRefusal>, StorageError> {
    let (link, user) = match look(tx, moment, LinkKind::Alert, link)? {
        Ok(found) => found,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if !mail_links::use_up(tx, link.id, moment.now)? {
        return Ok(Err(LinkRefusal::Used));
    }
    let session = match link.session_id {
        Some(id) => sessions::find(tx, id)?
            .map(|owned| owned.session)
            .filter(|session| session.user_id == user.id),
        None => None,
    };
    let mut report = event(moment, &user, EventKind::ReportedByUser, client);
    if let Some(session) = &session {
        report.session_id = Some(session.id);
        report.browser_id = session.browser_id;
        if let Some(browser) = session.browser_id {
            browsers::forget(tx, user.id, browser)?;
            // Ending one session raises no counter that would end it (F3).
            remembered_factors::delete_of_browser(tx, user.id, browser)?;
        }
    }
    events::add(tx, &report)?;
    let scope = match (extent, &session) {
        (Extent::ThatSession, Some(session)) => Scope::Session(session.id),
        _ => Scope::AllOf(user.id),
    };
    let suspects = Suspects {
        session: session.as_ref().map(|session| session.id),
        since: matches!(scope, Scope::AllOf(_)).then(|| doubtful_since(&link)),
        word: Word::Mailed,
    };
    let removed = planted::find(tx, moment, user.id, suspects)?;
    let by = event(moment, &user, EventKind::ReportedByUser, client);
    planted::remove(tx, moment, &user, &removed, &by)?;
    if let Some(session) = &session {
        cancel_of_session(tx, moment, user.id, session.id, &by)?;
    }
    let cause = Cause::ReportedByUser;
    let request = EndingRequest {
        scope,
        cause,
        actor: Actor::User(user.id),
        reason: None,
    };
    let done = end_sessions(tx, moment, &request)?;
    let recovery_sent = link.recipient.key() == user.email.key();
    if recovery_sent {
        start(tx, moment, &user)?;
    }
    Ok(Ok(Disowned {
        user,
        done,
        cause,
        removed,
        recovery_sent,
    }))
}
