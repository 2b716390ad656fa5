//! Resuming and listing sessions.
//!
//! [`check`] is how every surface learns whether a token is good. Ending is in
//! [`crate::own_endings`] and [`crate::log_out`].

use nightlatch_domain::Timestamp;
use nightlatch_domain::ending::{Actor, Cause};
use nightlatch_domain::event::{Event, EventKind};
use nightlatch_domain::ids::{BrowserId, EventId, SessionId, UserId};
use nightlatch_domain::next_step::demanded_from;
use nightlatch_domain::policy::MOST_SESSIONS;
use nightlatch_domain::secret::TokenDigest;
use nightlatch_domain::session::{self, Admission, Refusal};
use nightlatch_storage::endings::{Ending, Receipt};
use nightlatch_storage::sessions::OwnedSession;
use nightlatch_storage::{StorageError, Tx, browsers, endings, events, sessions};

use crate::Moment;
use crate::activity::Activity;
use crate::second_factor;

/// How many open rows a page or an act looks at: every session that a person may
/// have, and as many again that are over and not written down yet.
pub const MOST_LISTED: i64 = 2 * MOST_SESSIONS as i64;

/// How many names of browsers are looked at.
pub const MOST_NAMES: i64 = MOST_LISTED;

/// A live session.
#[derive(Debug, Clone)]
pub struct LiveSession {
    /// The session, its user and organization.
    pub owned: OwnedSession,
    /// Until when.
    pub admission: Admission,
    /// A second factor is demanded, the time for it is over and none is set up:
    /// this session may do that, or log out, and nothing else (POL-04, MFA-08).
    pub must_set_up_factor: bool,
}

/// What a presented token turned out to be.
#[derive(Debug)]
pub enum Check {
    /// Live.
    Live(Box<LiveSession>),
    /// It was a session once; why it is over.
    Over(Over),
    /// It was replaced a moment ago by the present token of this live session,
    /// and the browser has or will have the new one: the request was under way
    /// meanwhile, in another tab. It admits nothing, and may only log out.
    ///
    /// Whoever stole the replaced token gains one thing: they can log its owner
    /// out of this one session, which costs a sign-in. Refusing instead would say
    /// "you are logged out" on a shared computer while the session lives.
    Replaced {
        /// The session that goes on.
        session_id: SessionId,
        /// Whose it is.
        user_id: UserId,
    },
    /// No session of ours, and never adopted as one (SES-04).
    Unknown,
}

/// Why a session is over, for the next page that its browser opens (H6).
#[derive(Debug, Clone)]
pub struct Over {
    /// The session.
    pub session_id: SessionId,
    /// Whose it was.
    pub user_id: UserId,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub cause: Cause,
    /// By whom.
    pub actor: Actor,
    /// A reason in words.
    pub reason: Option<String>,
}

/// Looks a token up and decides. Activity noted on this node but not yet
/// written counts.
pub fn check(
    tx: &mut Tx<'_>,
    token: TokenDigest,
    activity: &Activity,
    now: Timestamp,
) -> Result<Check, StorageError> {
    let Some(mut owned) = sessions::find_by_token(tx, token)? else {
        return replaced(tx, token, activity, now);
    };
    let standing = owned.standing();
    owned.session.life = activity.overlay(owned.session.id, owned.session.life);
    match session::admit(&owned.session.life, &standing, now) {
        Ok(admission) => {
            let must_set_up_factor = must_set_up_factor(tx, &owned, now)?;
            Ok(Check::Live(Box::new(LiveSession {
                owned,
                admission,
                must_set_up_factor,
            })))
        }
        Err(refusal) => explain(tx, &owned, refusal, now).map(Check::Over),
    }
}

fn replaced(
    tx: &mut Tx<'_>,
    token: TokenDigest,
    activity: &Activity,
    now: Timestamp,
) -> Result<Check, StorageError> {
    let Some(mut owned) = sessions::find_by_previous_token(tx, token)? else {
        return Ok(Check::Unknown);
    };
    owned.session.life = activity.overlay(owned.session.id, owned.session.life);
    // Of a session that is over, only the present token learns why.
    Ok(
        match session::admit(&owned.session.life, &owned.standing(), now) {
            Ok(_) => Check::Replaced {
                session_id: owned.session.id,
                user_id: owned.session.user_id,
            },
            Err(_) => Check::Unknown,
        },
    )
}

/// Asked anew each time, so that a tightened policy, the end of the grace and a
/// removed factor act on sessions that exist already (POL-02).
pub(crate) fn must_set_up_factor(
    tx: &mut Tx<'_>,
    owned: &OwnedSession,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let from = must_set_up_factor_from(tx, owned)?;
    Ok(from.is_some_and(|from| now >= from))
}

/// From when on a session may do nothing but set up a second factor; never, if one is
/// set up or none is demanded.
pub(crate) fn must_set_up_factor_from(
    tx: &mut Tx<'_>,
    owned: &OwnedSession,
) -> Result<Option<Timestamp>, StorageError> {
    let policy = &owned.organization.settings.policy.second_factor;
    let user = &owned.user;
    match demanded_from(policy, user.role, user.created_at) {
        Some(from) if !second_factor::available(tx, user.id)?.has_factor() => Ok(Some(from)),
        _ => Ok(None),
    }
}

fn explain(
    tx: &mut Tx<'_>,
    owned: &OwnedSession,
    refusal: Refusal,
    now: Timestamp,
) -> Result<Over, StorageError> {
    let session = &owned.session;
    let limits = owned.standing().limits;
    let first = |ending| session::first_cause(&session.life, limits, ending, now);
    let by_ending = |ending: Option<Ending>, at, cause| Over {
        session_id: session.id,
        user_id: session.user_id,
        at,
        cause,
        actor: ending.as_ref().map_or(Actor::System, |ending| ending.actor),
        reason: ending.and_then(|ending| ending.reason),
    };
    Ok(match (refusal, session.life.ended) {
        (Refusal::Ended(_), Some(ended)) => {
            by_ending(endings::find(tx, ended.ending_id)?, ended.at, ended.cause)
        }
        (Refusal::EpochPassed, _) => {
            let ending = endings::find_first_after_epochs(
                tx,
                session.user_id,
                session.organization_id,
                session.life.epochs,
            )?;
            let (ended_at, ended_for) = ending
                .as_ref()
                .map_or((now, Cause::LoggedOutEverywhere), |e| (e.at, e.cause));
            let (cause, at) = first((ended_for, ended_at));
            by_ending(ending.filter(|_| cause == ended_for), at, cause)
        }
        (Refusal::IdleTimeout | Refusal::OverallTimeout, _) => {
            // The same words before and after the sweep has written them down.
            let (cause, at) = first((Cause::OverallTimeout, now));
            by_ending(None, at, cause)
        }
        (Refusal::UserNotActive | Refusal::Ended(_), _) => {
            by_ending(None, now, Cause::UserDisabled)
        }
    })
}

/// Why a session is over; nothing if it is live.
pub fn find_over(
    tx: &mut Tx<'_>,
    owned: &OwnedSession,
    activity: &Activity,
    now: Timestamp,
) -> Result<Option<Over>, StorageError> {
    let mut owned = owned.clone();
    owned.session.life = activity.overlay(owned.session.id, owned.session.life);
    match session::admit(&owned.session.life, &owned.standing(), now) {
        Ok(_) => Ok(None),
        Err(refusal) => explain(tx, &owned, refusal, now).map(Some),
    }
}

/// The session, if it is live now; for acts that must not be done in the name
/// of a session that ended since its request was admitted.
pub fn find_live(
    tx: &mut Tx<'_>,
    id: SessionId,
    activity: &Activity,
    now: Timestamp,
) -> Result<Option<OwnedSession>, StorageError> {
    let Some(mut owned) = sessions::find(tx, id)? else {
        return Ok(None);
    };
    let standing = owned.standing();
    owned.session.life = activity.overlay(id, owned.session.life);
    Ok(session::admit(&owned.session.life, &standing, now)
        .is_ok()
        .then_some(owned))
}

/// A live session in someone's list.
#[derive(Debug, Clone)]
pub struct ListedSession {
    /// The session.
    pub session: session::Session,
    /// Until when.
    pub admission: Admission,
    /// The person's own name for the browser.
    pub browser_name: Option<String>,
}

/// All live sessions of the owner of a session, most recently used first; the
/// same rows and the same decision as the check (DEV-02).
pub fn list_live(
    tx: &mut Tx<'_>,
    user_id: UserId,
    activity: &Activity,
    now: Timestamp,
) -> Result<Vec<ListedSession>, StorageError> {
    let names = browsers::list_names(tx, user_id, MOST_NAMES)?;
    let mut listed = Vec::new();
    for mut owned in sessions::list_open_of_user(tx, user_id, MOST_LISTED)? {
        let standing = owned.standing();
        owned.session.life = activity.overlay(owned.session.id, owned.session.life);
        if let Ok(admission) = session::admit(&owned.session.life, &standing, now) {
            let browser_name = names
                .iter()
                .find(|(browser, _)| Some(*browser) == owned.session.browser_id)
                .map(|(_, name)| name.clone());
            listed.push(ListedSession {
                session: owned.session,
                admission,
                browser_name,
            });
        }
    }
    Ok(listed)
}

/// The ending that a receipt opens.
pub fn find_receipt(
    tx: &mut Tx<'_>,
    token: TokenDigest,
    now: Timestamp,
) -> Result<Option<(Receipt, Ending)>, StorageError> {
    let Some(receipt) = endings::find_receipt(tx, token, now)? else {
        return Ok(None);
    };
    Ok(endings::find(tx, receipt.ending_id)?.map(|ending| (receipt, ending)))
}

/// Gives the browser of one of the person's sessions a name of their own;
/// false if they have no such browser.
pub fn name_browser(
    tx: &mut Tx<'_>,
    moment: &Moment,
    acting: &session::Session,
    browser: BrowserId,
    name: Option<&str>,
) -> Result<bool, StorageError> {
    if !browsers::set_name(tx, acting.user_id, browser, name)? {
        return Ok(false);
    }
    let event = Event {
        id: EventId::sortable(moment.now, moment.random.as_ref()),
        at: moment.now,
        organization_id: Some(acting.organization_id),
        user_id: Some(acting.user_id),
        actor: Actor::User(acting.user_id),
        kind: EventKind::BrowserNamed,
        session_id: Some(acting.id),
        browser_id: Some(browser),
        ending_id: None,
        cause: None,
        client: acting.client.clone(),
        count: 1,
        detail: name.map(str::to_owned),
    };
    events::add(tx, &event)?;
    Ok(true)
}
