//! Proving again who one is.
//!
//! Ending other sessions and changing credentials ask for a proof not older
//! than [`nightlatch_domain::policy::PROOF_AGE`]: the password, or any other of
//! the person's factors ([`crate::step_up_code`], [`crate::step_up_passkey`]). A
//! right proof is a full authentication: it moves the deadlines and replaces the
//! token (SES-05, SES-10).

use std::sync::Arc;

use nightlatch_domain::Timestamp;
use nightlatch_domain::ending::Actor;
use nightlatch_domain::event::{Event, EventKind};
use nightlatch_domain::ids::{EventId, SessionId, UserId};
use nightlatch_domain::secret::{Password, Token, TokenDigest};
use nightlatch_domain::session::{Proof, ProofMethod, Session};
use nightlatch_domain::throttle::{self, Lane, Verdict};
use nightlatch_storage::sessions::OwnedSession;
use nightlatch_storage::{StorageError, Store, Tx, events, sessions, throttles, users};

use crate::Moment;
use crate::activity::Activity;
use crate::log_out::Renewed;
use crate::password_hashing::{Overloaded, PasswordHashing, PasswordVerdict};
use crate::second_factor;
use crate::sessions::find_live;
use crate::sign_in::{GATHERED, add_or_gather, reopen_to_strangers, uncount};

/// Proofs kept with a session: the first, and the latest of the others.
const MOST_PROOFS: usize = 10;

/// What came of it.
#[derive(Debug)]
pub enum StepUpOutcome {
    /// Right; the session goes on under a new token.
    Proved(Box<Renewed>),
    /// Wrong.
    Refused,
    /// Too many failures; not before this instant.
    Wait(Timestamp),
    /// Too many failures in a row in this session.
    Off,
    /// Too many wrong codes in a row on this account; the password still works.
    CodesOff,
    /// The challenge that a passkey answered is over, or was used. A new one may
    /// work.
    ChallengeOver,
    /// The session is over.
    SessionOver,
    /// The server is hashing as many passwords as it can.
    Overloaded,
}

/// An attempt whose password is to be verified.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) owned: OwnedSession,
    pub(crate) record: Option<String>,
    binding: throttle::Binding,
    lane: TokenDigest,
}

/// Whether the password may be verified.
#[derive(Debug)]
pub(crate) enum Begun {
    Proceed(Box<Asked>),
    Wait(Timestamp),
    Off,
    SessionOver,
}

/// The session that is to be proved, if it lives.
pub(crate) fn look(
    tx: &mut Tx<'_>,
    moment: &Moment,
    activity: &Activity,
    id: SessionId,
) -> Result<Option<Asked>, StorageError> {
    let Some(owned) = find_live(tx, id, activity, moment.now)? else {
        return Ok(None);
    };
    let user_id = owned.user.id;
    let binding = users::find_password_set_at(tx, user_id)?;
    Ok(Some(Asked {
        record: users::find_password(tx, user_id)?,
        lane: throttle::session_key(&owned.user.email.key(), binding, id),
        binding,
        owned,
    }))
}

/// Counts the attempt as failed until it succeeds.
pub(crate) fn begin(
    tx: &mut Tx<'_>,
    moment: &Moment,
    activity: &Activity,
    id: SessionId,
) -> Result<Begun, StorageError> {
    let Some(asked) = look(tx, moment, activity, id)? else {
        return Ok(Begun::SessionOver);
    };
    let failures = throttles::get(tx, asked.lane)?;
    match failures.verdict(Lane::KnownBrowser, moment.now) {
        Verdict::Allowed => {}
        Verdict::Wait(until) => return Ok(Begun::Wait(until)),
        Verdict::Off => return Ok(Begun::Off),
    }
    let failed = failures.failed(Lane::KnownBrowser, moment.now);
    throttles::set(tx, asked.lane, failed.count, moment.now)?;
    Ok(Begun::Proceed(Box::new(asked)))
}

/// What a person can prove with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ways {
    /// Their password.
    pub password: bool,
    /// A code from an authenticator app.
    pub code: bool,
    /// A passkey.
    pub passkey: bool,
}

/// What a person can prove with, where any one of it is enough. Not with a recovery
/// code: those are few, and for getting in and for changing factors.
pub fn ways(tx: &mut Tx<'_>, user: UserId) -> Result<Ways, StorageError> {
    let options = second_factor::available(tx, user)?;
    Ok(Ways {
        password: users::find_password(tx, user)?.is_some(),
        code: options.authenticator_app,
        passkey: options.passkey,
    })
}

/// Whether the right password still is what it was when it was verified.
pub(crate) fn still_holds(
    tx: &mut Tx<'_>,
    moment: &Moment,
    activity: &Activity,
    asked: &Asked,
) -> Result<Option<Session>, StorageError> {
    let Some(owned) = find_live(tx, asked.owned.session.id, activity, moment.now)? else {
        return Ok(None);
    };
    if users::find_password_set_at(tx, owned.user.id)? != asked.binding {
        return Ok(None);
    }
    throttles::clear(tx, asked.lane)?;
    reopen_to_strangers(tx, &owned.user.email.key(), asked.binding)?;
    Ok(Some(owned.session))
}

/// Leaves a line in the history: whoever sits at an unlocked screen and guesses
/// must not do it unseen.
pub(crate) fn record_wrong(
    tx: &mut Tx<'_>,
    moment: &Moment,
    session: &Session,
) -> Result<(), StorageError> {
    let wrong = event(moment, session, EventKind::ProofFailed);
    add_or_gather(tx, &wrong, moment.now.minus(GATHERED))
}

/// The same, in a transaction of its own.
pub(crate) async fn note_wrong(
    store: &Store,
    moment: &Moment,
    asked: &Asked,
) -> Result<(), StorageError> {
    let (moment, session) = (moment.clone(), asked.owned.session.clone());
    store
        .write(move |tx| record_wrong(tx, &moment, &session))
        .await
}

/// The attempt was no wrong try: the password was right, or could not be
/// verified.
pub(crate) async fn take_back(store: &Store, asked: &Asked) -> Result<(), StorageError> {
    let lane = asked.lane;
    store.write(move |tx| uncount(tx, lane)).await
}

/// The attempt was none: it is uncounted, within this transaction.
pub(crate) fn forgive(tx: &mut Tx<'_>, asked: &Asked) -> Result<(), StorageError> {
    uncount(tx, asked.lane)
}

/// A right proof: the session goes on under a new token.
pub(crate) fn finish(
    tx: &mut Tx<'_>,
    moment: &Moment,
    activity: &Activity,
    asked: &Asked,
    method: ProofMethod,
) -> Result<StepUpOutcome, StorageError> {
    let Some(mut session) = still_holds(tx, moment, activity, asked)? else {
        return Ok(StepUpOutcome::SessionOver);
    };
    let limits = asked.owned.standing().limits;
    session.life = session.life.after_authentication(moment.now, limits);
    add_proof(&mut session, method, moment.now);
    let token = Token::generate(moment.random.as_ref());
    sessions::renew(tx, &session, token.digest())?;
    events::add(tx, &event(moment, &session, EventKind::ProofGiven))?;
    Ok(StepUpOutcome::Proved(Box::new(Renewed { session, token })))
}

/// Writes down that somebody has shown a factor by setting it up. With `renew` the
/// session gets a new token (SES-05); without, an ending that follows gives it one.
pub(crate) fn prove_set_up(
    tx: &mut Tx<'_>,
    moment: &Moment,
    owned: &OwnedSession,
    method: ProofMethod,
    renew: bool,
) -> Result<Option<Box<Renewed>>, StorageError> {
    let mut session = owned.session.clone();
    add_proof(&mut session, method, moment.now);
    if !renew {
        sessions::record_authentication(tx, &session)?;
        return Ok(None);
    }
    let token = Token::generate(moment.random.as_ref());
    sessions::renew(tx, &session, token.digest())?;
    Ok(Some(Box::new(Renewed { session, token })))
}

pub(crate) fn add_proof(session: &mut Session, method: ProofMethod, at: Timestamp) {
    session.proofs.push(Proof { method, at });
    if session.proofs.len() > MOST_PROOFS {
        session.proofs.remove(1);
    }
}

pub(crate) fn event(moment: &Moment, session: &Session, kind: EventKind) -> Event {
    Event {
        id: EventId::sortable(moment.now, moment.random.as_ref()),
        at: moment.now,
        organization_id: Some(session.organization_id),
        user_id: Some(session.user_id),
        actor: Actor::User(session.user_id),
        kind,
        session_id: Some(session.id),
        browser_id: session.browser_id,
        ending_id: None,
        cause: None,
        client: session.client.clone(),
        count: 1,
        detail: None,
    }
}

/// Proves with the password that the person in front of a session is its owner.
pub async fn with_password(
    store: &Store,
    hashing: &PasswordHashing,
    moment: &Moment,
    activity: &Arc<Activity>,
    id: SessionId,
    password: Password,
) -> Result<StepUpOutcome, StorageError> {
    let begun = {
        let (moment, activity) = (moment.clone(), Arc::clone(activity));
        store
            .write(move |tx| begin(tx, &moment, &activity, id))
            .await?
    };
    let asked = match begun {
        Begun::Proceed(asked) => asked,
        Begun::Wait(until) => return Ok(StepUpOutcome::Wait(until)),
        Begun::Off => return Ok(StepUpOutcome::Off),
        Begun::SessionOver => return Ok(StepUpOutcome::SessionOver),
    };
    match hashing.verify(password, asked.record.clone()).await {
        Ok(PasswordVerdict::Right { .. }) => {
            let (moment, activity) = (moment.clone(), Arc::clone(activity));
            store
                .write(move |tx| finish(tx, &moment, &activity, &asked, ProofMethod::Password))
                .await
        }
        Ok(PasswordVerdict::Wrong) => {
            note_wrong(store, moment, &asked).await?;
            Ok(StepUpOutcome::Refused)
        }
        Err(Overloaded) => {
            take_back(store, &asked).await?;
            Ok(StepUpOutcome::Overloaded)
        }
    }
}
