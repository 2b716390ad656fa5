//! What people end of their own, with the proof that it takes.
//!
//! Decides who may end what; [`crate::log_out`] does it.
//!
//! Longer than 400 lines, since each kind of ending is weighed against the others.

use std::collections::HashSet;
use std::time::Duration;

use nightlatch_domain::alert::AlertKind;
use nightlatch_domain::ending::{Actor, Cause, Scope};
use nightlatch_domain::event::{Event, EventKind};
use nightlatch_domain::ids::{EndingId, EventId, SessionId, UserId};
use nightlatch_domain::policy::MOST_SESSIONS;
use nightlatch_domain::secret::{Token, TokenDigest};
use nightlatch_domain::session::SessionKind;
use nightlatch_storage::endings::Receipt;
use nightlatch_storage::sessions::OwnedSession;
use nightlatch_storage::{
    StorageError, Tx, browsers, endings, events, remembered_factors, sessions,
};

use crate::Moment;
use crate::activity::Activity;
use crate::alerts::{Alert, raise};
use crate::email_change::cancel_of_session;
use crate::log_out::{EndingDone, EndingRequest, Renewed, end_long_lived_grants, end_sessions};
use crate::planted::{self, Planted, Suspects, Word};
use crate::proof_level::suffices;
use crate::sessions::{find_live, list_live};
use crate::step_up;

/// How long the signed-out page of an ending can be opened again.
pub(crate) const RECEIPT_LIFE: Duration = Duration::from_mins(15);

/// What a person may end of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnEnding {
    /// The session they are using. Never asks for anything.
    This,
    /// One session, possibly this one.
    One(SessionId),
    /// These sessions, possibly with this one.
    Selected(Vec<SessionId>),
    /// All but this one.
    AllOthers,
    /// All.
    All {
        /// Whether apps that go on when the person is not there end too (A8).
        long_lived: bool,
    },
    /// "This wasn't me": a session, live or over, that somebody else began.
    NotMe(SessionId),
}

/// The most sessions that one form or call may name; a person has no more.
pub const MOST_SELECTED: usize = MOST_SESSIONS as usize;

/// A selection as it came in, each session once; `None` if it names more than
/// [`MOST_SELECTED`]. Without a bound, one request could keep the writer of the
/// database busy for everybody.
pub fn selection(ids: Vec<SessionId>) -> Option<OwnEnding> {
    let mut seen = HashSet::new();
    let ids: Vec<_> = ids.into_iter().filter(|id| seen.insert(*id)).collect();
    (ids.len() <= MOST_SELECTED).then_some(OwnEnding::Selected(ids))
}

/// What came of it.
#[derive(Debug)]
pub enum OwnEndingOutcome {
    /// Done.
    Done(OwnEndingDone),
    /// It ends other sessions and the last proof is too old (DEV-03, F5).
    ProofNeeded,
    /// It takes away what was added to the account, and that takes the highest proof
    /// (MFA-04): otherwise a password alone could call its owner's second factor an
    /// intruder's. The session alone can be ended without it.
    HighestProofNeeded,
    /// What they asked to end had ended before.
    EndedBefore,
    /// There are no other sessions to end.
    NoOthers,
    /// Nothing of this person's has that id.
    NotFound,
    /// The session that asked is over itself.
    SessionOver,
}

/// What was ended.
#[derive(Debug)]
pub struct OwnEndingDone {
    /// The ending.
    pub ending_id: EndingId,
    /// Why.
    pub cause: Cause,
    /// Sessions ended so far.
    pub sessions: i64,
    /// On how many browsers.
    pub browsers: i64,
    /// Whether these are all.
    pub complete: bool,
    /// Whether the session that asked was among them.
    pub this_one_too: bool,
    /// Whether it was one on a shared computer.
    pub shared: bool,
    /// The session that asked, if it was kept and renewed.
    pub kept: Option<Box<Renewed>>,
    /// Opens the signed-out page, if this session ended.
    pub receipt: Option<Token>,
    /// What "This wasn't me" took away from the account.
    pub removed: Planted,
}

/// Ends what a person asks to end. Ending one's own session needs no proof and
/// no live session; ending others needs a proof of the last ten minutes.
///
/// `presented` is the token that the request came with, if it named the acting
/// session: after a proof in the same request it is the one that the browser's
/// other tabs still send, and with it they can log out.
pub fn end_own(
    tx: &mut Tx<'_>,
    moment: &Moment,
    activity: &Activity,
    acting: SessionId,
    presented: Option<TokenDigest>,
    wanted: &OwnEnding,
) -> Result<OwnEndingOutcome, StorageError> {
    let only_this = match wanted {
        OwnEnding::This => true,
        OwnEnding::One(id) => *id == acting,
        OwnEnding::Selected(ids) => !ids.is_empty() && ids.iter().all(|id| *id == acting),
        OwnEnding::AllOthers | OwnEnding::All { .. } | OwnEnding::NotMe(_) => false,
    };
    if only_this {
        let Some(owned) = sessions::find(tx, acting)? else {
            return Ok(OwnEndingOutcome::SessionOver);
        };
        if let Some((ending_id, cause)) = ended_before(tx, &owned)? {
            return receipt_of_earlier(tx, moment, &owned, ending_id, cause);
        }
        let actor = Actor::User(owned.session.user_id);
        let scope = Scope::Session(acting);
        return finish(tx, moment, &owned, scope, Cause::LoggedOut, actor);
    }
    let Some(owned) = find_live(tx, acting, activity, moment.now)? else {
        return Ok(OwnEndingOutcome::SessionOver);
    };
    let user_id = owned.session.user_id;
    let actor = Actor::User(user_id);
    let ends_others = match wanted {
        OwnEnding::All { .. } | OwnEnding::AllOthers => {
            list_live(tx, user_id, activity, moment.now)?
                .iter()
                .any(|listed| listed.session.id != acting)
        }
        _ => true,
    };
    if let OwnEnding::NotMe(id) = wanted
        && needs_highest(tx, moment, &owned, *id)?
    {
        return Ok(OwnEndingOutcome::HighestProofNeeded);
    }
    if !owned.session.has_fresh_proof(moment.now) {
        if ends_others {
            return Ok(OwnEndingOutcome::ProofNeeded);
        }
        if *wanted == OwnEnding::AllOthers {
            // Raising the counter also overtakes sign-ins under way. Without a
            // proof, a thief could do that again and again, and the owner would
            // never get in (F5).
            return Ok(OwnEndingOutcome::NoOthers);
        }
    }
    let own_live = |tx: &mut Tx<'_>, ids: &[SessionId]| {
        let mut found = Vec::with_capacity(ids.len());
        let mut missing = OwnEndingOutcome::NotFound;
        for id in ids {
            let one = sessions::find(tx, *id)?;
            // Another person's session is as good as none (DEV-03).
            if one.is_none_or(|one| one.session.user_id != user_id) {
                continue;
            }
            match find_live(tx, *id, activity, moment.now)? {
                Some(_) => found.push(*id),
                None => missing = OwnEndingOutcome::EndedBefore,
            }
        }
        Ok::<_, StorageError>(if found.is_empty() {
            Err(missing)
        } else {
            Ok(found)
        })
    };
    match wanted {
        OwnEnding::This => Ok(OwnEndingOutcome::SessionOver),
        OwnEnding::One(id) => {
            if let Err(missing) = own_live(tx, &[*id])? {
                return Ok(missing);
            }
            let cause = Cause::EndedFromOtherDevice;
            finish(tx, moment, &owned, Scope::Session(*id), cause, actor)
        }
        OwnEnding::Selected(ids) => {
            let live = match own_live(tx, ids)? {
                Ok(live) => live,
                Err(missing) => return Ok(missing),
            };
            end_selected(tx, moment, &owned, live, actor)
        }
        OwnEnding::AllOthers => {
            let scope = Scope::OthersOf {
                user: user_id,
                keep: acting,
            };
            let cause = Cause::LoggedOutOfOthers;
            let outcome = finish(tx, moment, &owned, scope, cause, actor)?;
            if let Some(presented) = presented {
                sessions::set_previous_token(tx, acting, presented)?;
            }
            Ok(outcome)
        }
        OwnEnding::All { long_lived } => {
            if *long_lived {
                end_long_lived_grants(tx, user_id)?;
            }
            let scope = Scope::AllOf(user_id);
            finish(tx, moment, &owned, scope, Cause::LoggedOutEverywhere, actor)
        }
        OwnEnding::NotMe(id) => report(tx, moment, &owned, *id),
    }
}

/// Ends chosen sessions. If the one that asked is among them, it is logged out in
/// its own browser and not "from another device".
fn end_selected(
    tx: &mut Tx<'_>,
    moment: &Moment,
    acting: &OwnedSession,
    mut live: Vec<SessionId>,
    actor: Actor,
) -> Result<OwnEndingOutcome, StorageError> {
    let own = acting.session.id;
    let own_too = live.contains(&own);
    live.retain(|id| *id != own);
    let cause = Cause::EndedFromOtherDevice;
    let others = finish(tx, moment, acting, Scope::Selection(live), cause, actor)?;
    let (true, OwnEndingOutcome::Done(others)) = (own_too, &others) else {
        return Ok(others);
    };
    let request = EndingRequest {
        scope: Scope::Session(own),
        cause: Cause::LoggedOut,
        actor,
        reason: None,
    };
    let mut done = end_one(
        tx,
        moment,
        acting,
        &request,
        (others.sessions, others.browsers),
    )?;
    done.sessions += others.sessions;
    done.browsers += others.browsers;
    Ok(OwnEndingOutcome::Done(done))
}

/// The ending that a session has met already, written down with it or not yet.
fn ended_before(
    tx: &mut Tx<'_>,
    owned: &OwnedSession,
) -> Result<Option<(EndingId, Cause)>, StorageError> {
    let session = &owned.session;
    if let Some(ended) = session.life.ended {
        return Ok(Some((ended.ending_id, ended.cause)));
    }
    if session.life.epochs == owned.epochs {
        return Ok(None);
    }
    let found = endings::find_first_after_epochs(
        tx,
        session.user_id,
        session.organization_id,
        session.life.epochs,
    )?;
    Ok(found.map(|ending| (ending.id, ending.cause)))
}

/// Log out, pressed in a session that is over: nothing ends twice, and the
/// person is told what ended it (B2).
fn receipt_of_earlier(
    tx: &mut Tx<'_>,
    moment: &Moment,
    owned: &OwnedSession,
    ending_id: EndingId,
    cause: Cause,
) -> Result<OwnEndingOutcome, StorageError> {
    let shared = owned.session.life.kind == SessionKind::Shared;
    let receipt = issue_receipt(tx, moment, owned.session.id, ending_id, shared, (0, 0))?;
    Ok(OwnEndingOutcome::Done(OwnEndingDone {
        ending_id,
        cause,
        sessions: 0,
        browsers: 0,
        complete: true,
        this_one_too: true,
        shared,
        kept: None,
        receipt: Some(receipt),
        removed: Planted::default(),
    }))
}

/// What "This wasn't me" about this session would take away from the account.
pub fn planted_in(
    tx: &mut Tx<'_>,
    moment: &Moment,
    user: UserId,
    reported: SessionId,
) -> Result<Planted, StorageError> {
    let suspects = Suspects {
        session: Some(reported),
        since: None,
        word: Word::Proved,
    };
    planted::find(tx, moment, user, suspects)
}

/// Whether "This wasn't me" about this session takes more than has been proved.
fn needs_highest(
    tx: &mut Tx<'_>,
    moment: &Moment,
    owned: &OwnedSession,
    reported: SessionId,
) -> Result<bool, StorageError> {
    let planted = planted_in(tx, moment, owned.user.id, reported)?;
    Ok(planted.count() > 0 && !suffices(tx, &owned.session, moment.now)?)
}

/// "This wasn't me" (DEV-07): ends that session if it still lives, takes away what was
/// added to the account in it (F2), stops treating its browser as known, and leaves a
/// line in the history.
fn report(
    tx: &mut Tx<'_>,
    moment: &Moment,
    owned: &OwnedSession,
    reported: SessionId,
) -> Result<OwnEndingOutcome, StorageError> {
    let user_id = owned.session.user_id;
    if reported == owned.session.id {
        return Ok(OwnEndingOutcome::NotFound);
    }
    let Some(sign_in) = events::find_sign_in_of_session(tx, user_id, reported)? else {
        return Ok(OwnEndingOutcome::NotFound);
    };
    let removed = planted_in(tx, moment, user_id, reported)?;
    if let Some(browser) = sign_in.browser_id {
        browsers::forget(tx, user_id, browser)?;
        remembered_factors::delete_of_browser(tx, user_id, browser)?;
    }
    let event = Event {
        id: EventId::sortable(moment.now, moment.random.as_ref()),
        at: moment.now,
        actor: Actor::User(user_id),
        kind: EventKind::ReportedByUser,
        ..sign_in
    };
    events::add(tx, &event)?;
    let by = step_up::event(moment, &owned.session, EventKind::ReportedByUser);
    planted::remove(tx, moment, &owned.user, &removed, &by)?;
    cancel_of_session(tx, moment, user_id, reported, &by)?;
    let request = EndingRequest {
        scope: Scope::Session(reported),
        cause: Cause::ReportedByUser,
        actor: Actor::User(user_id),
        reason: None,
    };
    let done = end_one(tx, moment, owned, &request, (0, 0))?;
    Ok(OwnEndingOutcome::Done(OwnEndingDone { removed, ..done }))
}

fn finish(
    tx: &mut Tx<'_>,
    moment: &Moment,
    acting: &OwnedSession,
    scope: Scope,
    cause: Cause,
    actor: Actor,
) -> Result<OwnEndingOutcome, StorageError> {
    let request = EndingRequest {
        scope,
        cause,
        actor,
        reason: None,
    };
    end_one(tx, moment, acting, &request, (0, 0)).map(OwnEndingOutcome::Done)
}

/// Makes one ending, and the receipt if it ended the session that asked; `more`
/// counts the sessions and browsers that the same act ended before.
fn end_one(
    tx: &mut Tx<'_>,
    moment: &Moment,
    acting: &OwnedSession,
    request: &EndingRequest,
    more: (i64, i64),
) -> Result<OwnEndingDone, StorageError> {
    let acting_id = acting.session.id;
    let this_one_too = match &request.scope {
        Scope::Session(id) => *id == acting_id,
        Scope::Selection(ids) => ids.contains(&acting_id),
        Scope::OthersOf { .. } | Scope::AppInSession { .. } | Scope::Client(_) => false,
        Scope::AllOf(_) | Scope::Organization(_) | Scope::Deployment => true,
    };
    let done: EndingDone = end_sessions(tx, moment, request)?;
    let wide = matches!(
        request.cause,
        Cause::LoggedOutEverywhere | Cause::LoggedOutOfOthers
    );
    if wide && done.sessions > i64::from(this_one_too) {
        let alert = Alert {
            kind: AlertKind::AllSessionsEnded,
            user: &acting.user,
            session: (!this_one_too).then_some(acting_id),
            client: Some(&acting.session.client),
            detail: None,
        };
        raise(tx, moment, &alert)?;
    }
    let shared = acting.session.life.kind == SessionKind::Shared;
    let receipt = if this_one_too {
        // Not always the ending just made: the session may have timed out before
        // its owner pressed Log out, and the receipt tells that.
        let ended = sessions::find(tx, acting_id)?.and_then(|owned| owned.session.life.ended);
        let ending_id = ended.map_or(done.id, |ended| ended.ending_id);
        Some(issue_receipt(
            tx, moment, acting_id, ending_id, shared, more,
        )?)
    } else {
        None
    };
    Ok(OwnEndingDone {
        ending_id: done.id,
        cause: request.cause,
        sessions: done.sessions,
        browsers: done.browsers,
        complete: done.complete,
        this_one_too,
        shared,
        kept: done.kept,
        receipt,
        removed: Planted::default(),
    })
}

fn issue_receipt(
    tx: &mut Tx<'_>,
    moment: &Moment,
    session_id: SessionId,
    ending_id: EndingId,
    shared: bool,
    (more_sessions, more_browsers): (i64, i64),
) -> Result<Token, StorageError> {
    let token = Token::generate(moment.random.as_ref());
    let receipt = Receipt {
        ending_id,
        session_id: Some(session_id),
        shared,
        more_sessions,
        more_browsers,
    };
    let expires_at = moment.now.plus(RECEIPT_LIFE);
    endings::add_receipt(tx, token.digest(), &receipt, expires_at)?;
    Ok(token)
}
