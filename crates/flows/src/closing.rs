//! Writing down the end of sessions that an ending has ended.
//!
//! Only [`crate::log_out`] calls this. The cause that came first in time counts:
//! a session may have timed out, or been overtaken by an earlier wide ending that
//! is still being written down.

use std::collections::{HashMap, HashSet};

use nightlatch_domain::ending::{Actor, Cause, Scope};
use nightlatch_domain::event::{Event, EventKind};
use nightlatch_domain::grant::RevokedCause;
use nightlatch_domain::ids::{BrowserId, EventId};
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
    let mut seen: HashSet<BrowserId> = HashSet::new();
    let mut closed = Closed::default();
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
        if !sessions::close(tx, session.id, &ended)? {
            continue;
        }
        events::add(tx, &closing_event(moment, owned, &ended, &belongs_to))?;
        notices::owe_for_session(tx, moment, owned, &ended, lane)?;
        if cause.ends_long_lived_grants() {
            let revoked = RevokedCause::SessionEnded;
            grants::revoke_all_of_session(tx, session.id, moment.now, revoked)?;
        }
        if let Some(browser) = session.browser_id.filter(|_| takes_trust_away(cause)) {
            remembered_factors::delete_of_browser(tx, session.user_id, browser)?;
        }
        let new_browser = session
            .browser_id
            .is_none_or(|browser| seen.insert(browser));
        if belongs_to.id == ending.id {
            closed.sessions += 1;
            closed.browsers += i64::from(new_browser);
        } else {
            endings::count(
                tx,
                belongs_to.id,
                1,
                i64::from(new_browser),
                belongs_to.expanded,
            )?;
        }
    }
    Ok(closed)
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
