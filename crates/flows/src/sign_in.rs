//! Signing in with a password.
//!
//! Three steps: [`begin`] counts the attempt and captures the epochs before any
//! credential is looked at; the password is verified outside of transactions;
//! [`finish`] goes on under the condition that nothing was ended meanwhile: to
//! [`crate::dispatch`], which decides whether that is enough. An unknown address takes the same steps with the same work
//! (AUTH-07). [`with_password`] is the three in a row, used by every surface
//! (AUTH-12).
//!
//! Longer than 400 lines, since the three steps are read in a row.

use std::sync::Arc;
use std::time::Duration;

use nightlatch_domain::Timestamp;
use nightlatch_domain::alert::{AlertKind, MANY_FAILURES};
use nightlatch_domain::client::ClientDetails;
use nightlatch_domain::ending::Actor;
use nightlatch_domain::event::{Event, EventKind};
use nightlatch_domain::ids::EventId;
use nightlatch_domain::secret::{Password, Token, TokenDigest};
use nightlatch_domain::session::{Epochs, Proof, ProofMethod, Session};
use nightlatch_domain::throttle::{self, Lane, Verdict};
use nightlatch_domain::user::{EmailKey, User, UserStatus};
use nightlatch_storage::browsers::Browser;
use nightlatch_storage::{StorageError, Store, Tx, browsers, epochs, events, throttles, users};

use crate::Moment;
use crate::alerts::{Alert, raise};
use crate::dispatch;
use crate::password_hashing::{PasswordHashing, PasswordVerdict};
use crate::remembered_browsers::Trusted;
use crate::session_start::Start;
use crate::under_way::{Entered, Patience};

/// Failed sign-ins of one account from one address within this time are one
/// line in its history (DEV-06).
pub(crate) const GATHERED: Duration = Duration::from_hours(1);

/// Everything a sign-in form brings.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The address as typed.
    pub email: EmailKey,
    /// The password as typed.
    pub password: Password,
    /// "Stay signed in on this browser".
    pub remember: bool,
    /// "This is a shared or public computer".
    pub shared: bool,
    /// The browser's own token, if it sent one.
    pub browser: Option<TokenDigest>,
    /// The token of a session that this browser holds; it is replaced.
    pub replaces: Option<TokenDigest>,
    /// The token by which a remembered browser stands in for the second factor.
    pub trusted: Option<TokenDigest>,
    /// Where to go afterwards: a checked path, or empty.
    pub return_to: String,
    /// Where it comes from.
    pub client: ClientDetails,
}

/// What came of a sign-in.
#[derive(Debug)]
pub enum SignInOutcome {
    /// A session began.
    SignedIn(Box<SignedIn>),
    /// The password was right; this is not enough. The token reaches the sign-in
    /// that waits for the rest, and nothing else (SES-07).
    MoreNeeded(Token),
    /// Unknown address, wrong password, disabled account: one answer.
    Refused,
    /// Too many failures; not before this instant.
    Wait(Timestamp),
    /// Too many failures in a row; the password is off on unknown browsers until
    /// it is right on a known one, or is set anew.
    Off,
    /// Everything was ended while this sign-in was under way.
    Overtaken,
    /// More sessions than the organization allows, and its rule is to refuse.
    TooManySessions,
    /// The server is hashing as many passwords as it can.
    Overloaded,
}

/// A session that began.
#[derive(Debug)]
pub struct SignedIn {
    /// The session.
    pub session: Session,
    /// Its token, for the cookie.
    pub token: Token,
    /// A token for a browser that had none.
    pub browser_token: Option<Token>,
    /// The new token of a browser that stands in for the second factor.
    pub trusted: Option<Trusted>,
}

/// An attempt that may go on to the verification of its password.
#[derive(Debug, Clone)]
pub struct Candidate {
    user: Option<User>,
    epochs: Option<Epochs>,
    record: Option<String>,
    binding: throttle::Binding,
    browser: Option<Browser>,
    lanes: Vec<(Lane, TokenDigest)>,
}

impl Candidate {
    fn keys(&self) -> Vec<TokenDigest> {
        self.lanes.iter().map(|(_, key)| *key).collect()
    }

    /// The record to verify the password against.
    pub fn record(&self) -> Option<String> {
        self.record.clone()
    }
}

/// Whether an attempt may go on.
#[derive(Debug)]
pub enum Begun {
    /// It may.
    Proceed(Box<Candidate>),
    /// Not before this instant, because of this counter.
    Wait(Timestamp, TokenDigest),
    /// Not until the password is set anew, or is right in another lane.
    Off,
}

/// Counts the attempt as failed until it succeeds, so that parallel guesses
/// cannot slip through, and captures the epochs (OUT-13).
pub fn begin(
    tx: &mut Tx<'_>,
    moment: &Moment,
    email: &EmailKey,
    browser: Option<TokenDigest>,
    client: &ClientDetails,
) -> Result<Begun, StorageError> {
    let now = moment.now;
    let browser = match browser {
        Some(token) => browsers::find_by_token(tx, token)?,
        None => None,
    };
    let user = users::find_by_email(tx, email)?;
    let (epochs, record, binding) = match &user {
        Some(user) => (
            epochs::find_of_user(tx, user.id)?,
            users::find_password(tx, user.id)?,
            users::find_password_set_at(tx, user.id)?,
        ),
        None => (None, None, None),
    };
    let known = match (&user, &browser) {
        (Some(user), Some(browser)) => browsers::is_known(tx, user.id, browser.id)?,
        _ => false,
    };
    let mut keys = Vec::with_capacity(2);
    match &browser {
        Some(browser) if known => keys.push((
            Lane::KnownBrowser,
            throttle::known_browser_key(email, binding, browser.id),
        )),
        _ => {
            keys.push((Lane::Stranger, throttle::stranger_key(email, binding)));
            if let Some(address) = client.address {
                keys.push((Lane::Network, throttle::network_key(address)));
            }
        }
    }
    let mut lanes = Vec::with_capacity(keys.len());
    for (lane, key) in keys {
        let failures = throttles::get(tx, key)?;
        match failures.verdict(lane, now) {
            Verdict::Allowed => lanes.push((lane, key, failures)),
            Verdict::Wait(until) => return Ok(Begun::Wait(until, key)),
            Verdict::Off => return Ok(Begun::Off),
        }
    }
    for (lane, key, before) in &lanes {
        throttles::set(tx, *key, before.failed(*lane, now).count, now)?;
    }
    Ok(Begun::Proceed(Box::new(Candidate {
        user,
        epochs,
        record,
        binding,
        browser,
        lanes: lanes
            .into_iter()
            .map(|(lane, key, _)| (lane, key))
            .collect(),
    })))
}

/// Goes on to what comes next if the password was right and nothing that the
/// attempt relied on has changed.
pub fn finish(
    tx: &mut Tx<'_>,
    moment: &Moment,
    attempt: &Attempt,
    candidate: &Candidate,
    verdict: &PasswordVerdict,
) -> Result<SignInOutcome, StorageError> {
    let (Some(user), Some(began_with)) = (&candidate.user, candidate.epochs) else {
        write_as_much(tx, candidate)?;
        return Ok(SignInOutcome::Refused);
    };
    let PasswordVerdict::Right { rehashed } = verdict else {
        let kind = EventKind::SignInFailed;
        record_failure(tx, moment, attempt, candidate, user, kind)?;
        return Ok(SignInOutcome::Refused);
    };
    let user = users::get(tx, user.id)?;
    if user.status != UserStatus::Active {
        let kind = EventKind::SignInFailed;
        record_failure(tx, moment, attempt, candidate, &user, kind)?;
        return Ok(SignInOutcome::Refused);
    }
    // Without this, a sign-in that a thief began before "log out of all
    // sessions" would complete after it.
    if epochs::find_of_user(tx, user.id)? != Some(began_with)
        || users::find_password_set_at(tx, user.id)? != candidate.binding
    {
        // The password was right: it must not count as a wrong try, or whoever
        // keeps ending everything would use up the owner's tries (F5).
        forgive(tx, attempt, candidate)?;
        let kind = EventKind::SignInOvertaken;
        record_failure(tx, moment, attempt, candidate, &user, kind)?;
        return Ok(SignInOutcome::Overtaken);
    }
    let failures = failures_before(tx, candidate)?;
    forgive(tx, attempt, candidate)?;
    if let (Some(new), Some(old)) = (rehashed, &candidate.record) {
        users::rehash_password(tx, user.id, old, new)?;
    }
    let start = Start {
        user: &user,
        epochs: began_with,
        proofs: vec![Proof {
            method: ProofMethod::Password,
            at: moment.now,
        }],
        browser: candidate.browser,
        replaces: attempt.replaces,
        remember: attempt.remember,
        shared: attempt.shared,
        client: &attempt.client,
    };
    let trusted = attempt.trusted;
    let outcome = dispatch::after_first_step(tx, moment, start, trusted, &attempt.return_to)?;
    if matches!(outcome, SignInOutcome::TooManySessions) {
        // Somebody has the right password: its owner must be able to see that.
        let kind = EventKind::SignInOverLimit;
        record_failure(tx, moment, attempt, candidate, &user, kind)?;
    }
    if let SignInOutcome::SignedIn(signed_in) = &outcome
        && failures >= MANY_FAILURES
    {
        let alert = Alert {
            kind: AlertKind::AfterManyFailures,
            user: &user,
            session: Some(signed_in.session.id),
            client: Some(&attempt.client),
            detail: Some(failures.to_string()),
        };
        raise(tx, moment, &alert)?;
    }
    Ok(outcome)
}

/// Wrong tries on the account's lane before this one.
fn failures_before(tx: &mut Tx<'_>, candidate: &Candidate) -> Result<i64, StorageError> {
    for (lane, key) in &candidate.lanes {
        if *lane != Lane::Network {
            // This attempt was counted when it began.
            return Ok(throttles::get(tx, *key)?.count - 1);
        }
    }
    Ok(0)
}

/// A failure of an existing account is written into its history, and its answer
/// waits for the disk. An unknown address waits too, or the time would tell which
/// is which (AUTH-07).
fn write_as_much(tx: &mut Tx<'_>, candidate: &Candidate) -> Result<(), StorageError> {
    for (_, key) in &candidate.lanes {
        let failures = throttles::get(tx, *key)?;
        if let Some(last_at) = failures.last_at {
            throttles::set(tx, *key, failures.count, last_at)?;
        }
    }
    Ok(())
}

/// Success costs no throttle: the counter of the account's lane is cleared, that
/// of a shared network is as if this attempt had not been.
fn forgive(tx: &mut Tx<'_>, attempt: &Attempt, candidate: &Candidate) -> Result<(), StorageError> {
    for (lane, key) in &candidate.lanes {
        match lane {
            Lane::Network => uncount(tx, *key)?,
            Lane::KnownBrowser => {
                throttles::clear(tx, *key)?;
                reopen_to_strangers(tx, &attempt.email, candidate.binding)?;
            }
            _ => throttles::clear(tx, *key)?,
        }
    }
    Ok(())
}

/// The owner is there, so a row of wrong tries by strangers is over; see
/// [`throttle::Failures::reopened`].
pub(crate) fn reopen_to_strangers(
    tx: &mut Tx<'_>,
    email: &EmailKey,
    binding: throttle::Binding,
) -> Result<(), StorageError> {
    let key = throttle::stranger_key(email, binding);
    let reopened = throttles::get(tx, key)?.reopened();
    match reopened.and_then(|failures| Some((failures.count, failures.last_at?))) {
        Some((count, last_at)) => throttles::set(tx, key, count, last_at),
        None => Ok(()),
    }
}

/// Takes back the one failure that [`begin`] counted, and no more: clearing
/// here would let an attacker reset counters by overloading the server.
pub(crate) fn uncount(tx: &mut Tx<'_>, key: TokenDigest) -> Result<(), StorageError> {
    let failures = throttles::get(tx, key)?;
    match failures.last_at {
        Some(last_at) if failures.count > 1 => throttles::set(tx, key, failures.count - 1, last_at),
        _ => throttles::clear(tx, key),
    }
}

fn record_failure(
    tx: &mut Tx<'_>,
    moment: &Moment,
    attempt: &Attempt,
    candidate: &Candidate,
    user: &User,
    kind: EventKind,
) -> Result<(), StorageError> {
    let event = Event {
        id: EventId::sortable(moment.now, moment.random.as_ref()),
        at: moment.now,
        organization_id: Some(user.organization_id),
        user_id: Some(user.id),
        actor: Actor::System,
        kind,
        session_id: None,
        browser_id: candidate.browser.map(|browser| browser.id),
        ending_id: None,
        cause: None,
        client: attempt.client.clone(),
        count: 1,
        detail: None,
    };
    add_or_gather(tx, &event, moment.now.minus(GATHERED))
}

/// Adds a line, or counts on one like it, so that whoever tries again and again
/// cannot push everything else out of sight.
pub(crate) fn add_or_gather(
    tx: &mut Tx<'_>,
    event: &Event,
    since: Timestamp,
) -> Result<(), StorageError> {
    if events::gather(tx, event, since)? {
        return Ok(());
    }
    events::add(tx, event)
}

/// Signs in with a password: the one way for pages, API and command line.
pub async fn with_password(
    store: &Store,
    hashing: &PasswordHashing,
    moment: &Moment,
    attempt: Attempt,
) -> Result<SignInOutcome, StorageError> {
    let attempt = Arc::new(attempt);
    let mut patience = Patience::default();
    let (candidate, _under_way) = loop {
        let begun: (Begun, Option<Entered>) = {
            let (attempt, moment) = (Arc::clone(&attempt), moment.clone());
            let registry = Arc::clone(hashing.under_way());
            store
                .write(move |tx| -> Result<_, StorageError> {
                    let begun = begin(
                        tx,
                        &moment,
                        &attempt.email,
                        attempt.browser,
                        &attempt.client,
                    )?;
                    let entered = match &begun {
                        Begun::Proceed(candidate) => Some(registry.enter(&candidate.keys())),
                        Begun::Wait(..) | Begun::Off => None,
                    };
                    Ok((begun, entered))
                })
                .await?
        };
        match begun.0 {
            Begun::Proceed(candidate) => break (candidate, begun.1),
            Begun::Wait(until, key) => {
                if !patience.wait(hashing.under_way(), key).await {
                    return Ok(SignInOutcome::Wait(until));
                }
            }
            Begun::Off => return Ok(SignInOutcome::Off),
        }
    };
    let verified = hashing
        .verify(attempt.password.clone(), candidate.record())
        .await;
    let Ok(verdict) = verified else {
        // Not the person's fault: it does not count.
        let take_back = move |tx: &mut Tx<'_>| {
            candidate
                .lanes
                .iter()
                .try_for_each(|(_, key)| uncount(tx, *key))
        };
        store.write(take_back).await?;
        return Ok(SignInOutcome::Overloaded);
    };
    let moment = moment.clone();
    store
        .write(move |tx| finish(tx, &moment, &attempt, &candidate, &verdict))
        .await
}
