//! What people prove themselves with besides a password: authenticator apps and
//! recovery codes.
//!
//! Owns setting them up, verifying them and taking them away, and the door that
//! passkeys go through as well. That a sign-in asks for them is decided elsewhere.
//! Every change takes a proof of the last ten minutes, of the highest level that the
//! person has (AUTH-08, MFA-04), leaves a line in the history, and ends the other
//! sessions in the same transaction when the person wants that (OUT-14).

pub mod authenticator_app;
pub mod recovery_codes;

use std::sync::Arc;

use nightlatch_domain::Timestamp;
use nightlatch_domain::alert::AlertKind;
use nightlatch_domain::ending::{Actor, Cause, Scope};
use nightlatch_domain::event::EventKind;
use nightlatch_domain::ids::{SessionId, UserId};
use nightlatch_domain::secret::TokenDigest;
use nightlatch_domain::throttle::{Lane, Verdict};
use nightlatch_storage::authenticator_apps::{self, AuthenticatorApp};
use nightlatch_storage::sessions::OwnedSession;
use nightlatch_storage::{StorageError, Tx, events, recovery_codes as stored_codes, throttles};

use crate::Moment;
use crate::activity::Activity;
use crate::alerts::tell_of;
use crate::log_out::{EndingRequest, Renewed, end_sessions};
use crate::proof_level::suffices;
use crate::sessions::find_live;
use crate::step_up::event;

/// How many authenticator apps an account may have, unfinished ones included.
pub const MOST_APPS: i64 = 10;

/// What an account can prove itself with besides its password.
#[derive(Debug, Clone)]
pub struct Enrolled {
    /// Its authenticator apps; confirmed ones only (MFA-04).
    pub authenticator_apps: Vec<AuthenticatorApp>,
    /// Recovery codes that are not used up.
    pub recovery_codes_left: i64,
    /// When the present set was made; `None` without one.
    pub recovery_codes_made_at: Option<Timestamp>,
}

/// What an account can prove itself with.
pub fn enrolled(tx: &mut Tx<'_>, user: UserId) -> Result<Enrolled, StorageError> {
    let mut apps = authenticator_apps::list_of_user(tx, user, MOST_APPS)?;
    apps.retain(|app| app.confirmed_at.is_some());
    let codes = stored_codes::count_of_user(tx, user)?;
    Ok(Enrolled {
        authenticator_apps: apps,
        recovery_codes_left: codes.left,
        recovery_codes_made_at: codes.made_at,
    })
}

/// What a typed code is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeVerdict {
    /// Right, and spent with this answer.
    Right,
    /// Wrong, or used before; it counts as a failure.
    Wrong,
    /// Too many failures; not before this instant. The code was not looked at.
    Wait(Timestamp),
    /// Too many failures in a row: off until a recovery code is used, the password
    /// is set anew, or an authenticator app is set up anew.
    Off,
}

/// In whose name factors are changed.
#[derive(Debug, Clone)]
pub struct Acting {
    /// Activity that is not written yet.
    pub activity: Arc<Activity>,
    /// The session that asks.
    pub session: SessionId,
    /// "Log out all other sessions" (OUT-14).
    pub log_out_others: bool,
}

/// What came of a change that somebody asked for.
#[derive(Debug)]
pub enum Change<T> {
    /// It went through the door; what it found there.
    Done(T),
    /// The last proof is too old, or too weak for what the person has (AUTH-08,
    /// MFA-04).
    ProofNeeded,
    /// The session that asked is over.
    SessionOver,
}

/// What came of renaming or removing a factor.
#[derive(Debug)]
pub enum FactorOutcome {
    /// Done.
    Done(Changed),
    /// The person has no such factor.
    NotFound,
    /// It is their only second factor, and their organization demands one (MFA-08).
    /// They can add another first.
    LastDemanded,
}

/// What a change of factors brought with it.
#[derive(Debug, Default)]
pub struct Changed {
    /// The session that asked, if it goes on under a new token: others were ended,
    /// or it has proved more than before.
    pub kept: Option<Box<Renewed>>,
    /// Whether the others were ended.
    pub ended: bool,
    /// Other sessions ended so far.
    pub others: i64,
}

/// The live session that asks, if it has proved enough. Asked inside of
/// the transaction that changes something: a session that ended a moment ago must
/// not leave a factor behind (OUT-02).
pub(crate) fn admit(
    tx: &mut Tx<'_>,
    moment: &Moment,
    acting: &Acting,
) -> Result<Change<Box<OwnedSession>>, StorageError> {
    let Some(owned) = find_live(tx, acting.session, &acting.activity, moment.now)? else {
        return Ok(Change::SessionOver);
    };
    if !suffices(tx, &owned.session, moment.now)? {
        return Ok(Change::ProofNeeded);
    }
    Ok(Change::Done(Box::new(owned)))
}

/// Writes a change into the history, and tells its owner by mail.
pub(crate) fn record(
    tx: &mut Tx<'_>,
    moment: &Moment,
    owned: &OwnedSession,
    kind: EventKind,
    detail: Option<&str>,
) -> Result<(), StorageError> {
    let mut line = event(moment, &owned.session, kind);
    line.detail = detail.map(str::to_owned);
    events::add(tx, &line)?;
    let told = match kind {
        EventKind::AuthenticatorAppAdded | EventKind::PasskeyAdded => AlertKind::FactorAdded,
        EventKind::AuthenticatorAppRemoved | EventKind::PasskeyRemoved => AlertKind::FactorRemoved,
        EventKind::RecoveryCodesMade => AlertKind::RecoveryCodesMade,
        _ => return Ok(()),
    };
    tell_of(tx, moment, &owned.user, told, &line)
}

/// Ends the other sessions, if that is wanted (OUT-14).
pub(crate) fn end_others(
    tx: &mut Tx<'_>,
    moment: &Moment,
    owned: &OwnedSession,
    wanted: bool,
) -> Result<Changed, StorageError> {
    if !wanted {
        return Ok(Changed::default());
    }
    let user = owned.user.id;
    let request = EndingRequest {
        scope: Scope::OthersOf {
            user,
            keep: owned.session.id,
        },
        cause: Cause::FactorChanged,
        actor: Actor::User(user),
        reason: None,
    };
    let done = end_sessions(tx, moment, &request)?;
    Ok(Changed {
        kept: done.kept,
        ended: true,
        others: done.sessions,
    })
}

/// Counts an attempt as failed until it succeeds, so that parallel guesses cannot
/// slip through; or says why it may not go on.
fn count_attempt(
    tx: &mut Tx<'_>,
    lane: Lane,
    key: TokenDigest,
    now: Timestamp,
) -> Result<Option<CodeVerdict>, StorageError> {
    let failures = throttles::get(tx, key)?;
    match failures.verdict(lane, now) {
        Verdict::Allowed => {
            throttles::set(tx, key, failures.failed(lane, now).count, now)?;
            Ok(None)
        }
        Verdict::Wait(until) => Ok(Some(CodeVerdict::Wait(until))),
        Verdict::Off => Ok(Some(CodeVerdict::Off)),
    }
}
