//! Writing down the end of sessions that an ending has ended.
//!
//! Only [`crate::log_out`] calls this. The cause that came first in time counts:
//! a session may have timed out, or been overtaken by an earlier wide ending that
//! is still being written down.

use std::collections::{HashMap, HashSet};

use nightlatch_domain::ending::{Actor, Cause, Scope};
use nightlatch_domain::event::{Event, EventKind};
use nightlatch_domain::grant::RevokedCause;
use nightlatch_domain::ids::{BrowserId, EventId, SessionId, UserId};
use nightlatch_domain::notice::Lane;
use nightlatch_domain::session::{self, Ended};
use nightlatch_storage::endings::{self, Ending};
use nightlatch_storage::sessions::OwnedSession;
use nightlatch_storage::{StorageError, Tx, events, grants, remembered_factors, sessions};

use crate::Moment;
use crate::log_out::{EndingRequest, new_ending};
use crate::notices;

/// How many were written down.
#[derive(Debug, Default)]
pub(crate) struct Closed {
    pub(crate) sessions: i64,
    pub(crate) browsers: i64,
}

/// Writes down the end of each session with the cause that came first in time:
/// it may have timed out, or been overtaken by an earlier wide ending, before.
pub(crate) fn close_all(
    tx: &mut Tx<'_>,
    moment: &Moment,
    ending: &Ending,
    lane: Lane,
    targets: &[OwnedSession],
) -> Result<Closed, StorageError> {
    let earlier_open = endings::list_open(tx, 2)?
        .iter()
        .any(|open| open.id != ending.id);
    let mut timeouts: HashMap<Cause, Ending> = HashMap::new();
    // What ends alike is written together: on PostgreSQL each statement is a way there and back.
    let mut alike: Vec<Alike<'_>> = Vec::new();
    for owned in targets {
        let session = &owned.session;
        let overtaken =
            session.life.epochs != owned.epochs && (earlier_open || ending.epoch.is_none());
        let first = if overtaken {
            let found = endings::find_first_after_epochs(
                tx,
                session.user_id,
                session.organization_id,
                session.life.epochs,
            )?;
            found.filter(|found| found.id != ending.id && found.at <= ending.at)
        } else {
            None
        };
        let first = first.as_ref().unwrap_or(ending);
        // Activity that this node has noted but not written yet saves a session
        // from being called idle.
        let life = moment.activity.overlay(session.id, session.life);
        let limits = owned.standing().limits;
        let (cause, at) = session::first_cause(&life, limits, (first.cause, first.at), moment.now);
        let belongs_to = if cause == first.cause {
            first.clone()
        } else {
            timeout_ending(tx, moment, &mut timeouts, cause, owned)?
        };
        let ended = Ended {
            at,
            cause,
            ending_id: belongs_to.id,
        };
        match alike.iter_mut().find(|alike| alike.ended == ended) {
            Some(alike) => alike.sessions.push(owned),
            None => alike.push(Alike {
                ended,
                belongs_to,
                sessions: vec![owned],
            }),
        }
    }
    let mut seen: HashSet<BrowserId> = HashSet::new();
    let mut closed = Closed::default();
    for alike in alike {
        let (sessions, browsers) = close_alike(tx, moment, lane, &alike, &mut seen)?;
        if alike.belongs_to.id == ending.id {
            closed.sessions += sessions;
            closed.browsers += browsers;
        } else if sessions > 0 {
            let belongs_to = &alike.belongs_to;
            endings::count(tx, belongs_to.id, sessions, browsers, belongs_to.expanded)?;
        }
    }
    Ok(closed)
}

/// Sessions that end at the same instant, for the same cause, by the same act.
struct Alike<'a> {
    ended: Ended,
    belongs_to: Ending,
    sessions: Vec<&'a OwnedSession>,
}

/// Writes them down; says how many had not ended before, and in how many browsers that
/// were not `seen`.
fn close_alike(
    tx: &mut Tx<'_>,
    moment: &Moment,
    lane: Lane,
    alike: &Alike<'_>,
    seen: &mut HashSet<BrowserId>,
) -> Result<(i64, i64), StorageError> {
    let ended = &alike.ended;
    let ids: Vec<SessionId> = alike
        .sessions
        .iter()
        .map(|owned| owned.session.id)
        .collect();
    let ids = sessions::close_many(tx, &ids, ended)?;
    let closed: HashSet<SessionId> = ids.iter().copied().collect();
    let closed: Vec<&OwnedSession> = alike
        .sessions
        .iter()
        .copied()
        .filter(|owned| closed.contains(&owned.session.id))
        .collect();
    let lines: Vec<Event> = closed
        .iter()
        .map(|owned| closing_event(moment, owned, ended, &alike.belongs_to))
        .collect();
    events::add_all(tx, &lines)?;
    notices::owe_for_sessions(tx, moment, &closed, ended, lane)?;
    if ended.cause.ends_long_lived_grants() {
        let revoked = RevokedCause::SessionEnded;
        grants::revoke_all_of_sessions(tx, &ids, moment.now, revoked)?;
    }
    if takes_trust_away(ended.cause) {
        forget_browsers(tx, &closed)?;
    }
    let browsers = closed
        .iter()
        .filter(|owned| {
            owned
                .session
                .browser_id
                .is_none_or(|browser| seen.insert(browser))
        })
        .count();
    let count = |length| i64::try_from(length).unwrap_or(i64::MAX);
    Ok((count(closed.len()), count(browsers)))
}

/// Where these sessions were, nobody's second factor is remembered any more.
fn forget_browsers(tx: &mut Tx<'_>, closed: &[&OwnedSession]) -> Result<(), StorageError> {
    let held: HashSet<(UserId, BrowserId)> = closed
        .iter()
        .filter_map(|owned| Some((owned.session.user_id, owned.session.browser_id?)))
        .collect();
    let mut users: Vec<UserId> = held.iter().map(|(user, _)| *user).collect();
    users.sort_unstable();
    users.dedup();
    for (user, browser) in remembered_factors::list_browsers_of_users(tx, &users)? {
        if held.contains(&(user, browser)) {
            remembered_factors::delete_of_browser(tx, user, browser)?;
        }
    }
    Ok(())
}

/// Whether a browser whose session ended so must show the second factor again
/// (F3). Somebody ended it from elsewhere: it may be the laptop that was lost.
fn takes_trust_away(cause: Cause) -> bool {
    !matches!(
        cause,
        Cause::LoggedOut
            | Cause::IdleTimeout
            | Cause::OverallTimeout
            | Cause::ReplacedByNewSignIn
            | Cause::SessionLimit
    )
}

/// The ending, one for each batch and limit, of sessions that were over before
/// anybody ended them.
fn timeout_ending(
    tx: &mut Tx<'_>,
    moment: &Moment,
    timeouts: &mut HashMap<Cause, Ending>,
    cause: Cause,
    owned: &OwnedSession,
) -> Result<Ending, StorageError> {
    if let Some(ending) = timeouts.get(&cause) {
        return Ok(ending.clone());
    }
    let ending = Ending {
        organization_id: Some(owned.session.organization_id),
        ..new_ending(
            moment,
            &EndingRequest {
                scope: Scope::Selection(Vec::new()),
                cause,
                actor: Actor::System,
                reason: None,
            },
        )
    };
    endings::add(tx, &ending)?;
    timeouts.insert(cause, ending.clone());
    Ok(ending)
}

fn closing_event(moment: &Moment, owned: &OwnedSession, ended: &Ended, ending: &Ending) -> Event {
    let session = &owned.session;
    Event {
        id: EventId::sortable(ended.at, moment.random.as_ref()),
        at: ended.at,
        organization_id: Some(session.organization_id),
        user_id: Some(session.user_id),
        actor: ending.actor,
        kind: EventKind::SessionEnded,
        session_id: Some(session.id),
        browser_id: session.browser_id,
        ending_id: Some(ended.ending_id),
        cause: Some(ended.cause),
        client: session.client.clone(),
        count: 1,
        detail: ending.reason.clone(),
    }
}
