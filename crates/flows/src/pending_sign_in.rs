//! The second step of signing in.
//!
//! A right password alone leads to a sign-in that waits. Its token opens the
//! pages of this step and nothing else; it is no session, stands in no list of
//! sessions, and dies after ten minutes, with the password, with "log out of all
//! sessions" and after a few wrong codes (SES-07, OUT-12). How often codes may be
//! guessed is counted on the account, over all its sign-ins (MFA-03).

use std::sync::Arc;
use std::time::Duration;

use nightlatch_domain::Timestamp;
use nightlatch_domain::alert::AlertKind;
use nightlatch_domain::client::ClientDetails;
use nightlatch_domain::ending::Actor;
use nightlatch_domain::event::{Event, EventKind};
use nightlatch_domain::ids::EventId;
use nightlatch_domain::next_step::{MOST_WRONG_CODES, NextStep, Options};
use nightlatch_domain::organization::Organization;
use nightlatch_domain::secret::TokenDigest;
use nightlatch_domain::session::{Proof, ProofMethod, SessionKind};
use nightlatch_domain::user::User;
use nightlatch_storage::browsers::{self, Browser};
use nightlatch_storage::pending_sign_ins::{self, PendingSignIn};
use nightlatch_storage::{StorageError, Store, Tx, events, organizations, users};

use crate::Moment;
use crate::alerts::tell_of;
use crate::dispatch::decide;
use crate::factors::recovery_codes::{self, RightCode};
use crate::password_hashing::PasswordHashing;
use crate::remembered_browsers::{self, present};
use crate::sealing::Sealer;
use crate::second_factor::{self, CodeKind, CodeVerdict, TypedCode};
use crate::session_start::{self, Start, session_kind};
use crate::sign_in::{SignInOutcome, SignedIn};

/// Wrong codes of one account from one address within this time are one line in
/// its history (DEV-06).
const GATHERED: Duration = Duration::from_hours(1);

/// What the browser brings to this step.
#[derive(Debug, Clone)]
pub struct Carried {
    /// The token of the sign-in that waits.
    pub token: TokenDigest,
    /// The browser's own token, if it sent one.
    pub browser: Option<TokenDigest>,
    /// The token by which the browser stands in for people's second factor.
    pub trusted: Option<TokenDigest>,
    /// Where it comes from.
    pub client: ClientDetails,
}

/// A sign-in that may go on.
#[derive(Debug)]
pub struct Waiting {
    /// Who signs in.
    pub user: User,
    /// Where they belong.
    pub organization: Organization,
    /// What will do as the second factor.
    pub options: Options,
    /// For how long this browser may be remembered; `None` if it must not be.
    pub may_remember_for: Option<Duration>,
    /// Whether the person said that this computer is shared, or it is.
    pub shared: bool,
    /// Until when.
    pub expires_at: Timestamp,
    pending: PendingSignIn,
    browser: Option<Browser>,
}

/// What a token of this step turned out to be.
#[derive(Debug)]
pub enum Found {
    /// It may go on.
    Waiting(Box<Waiting>),
    /// It was one once; where it would have led.
    Over {
        /// A checked path, or empty.
        return_to: String,
    },
    /// None of ours, or forgotten by now.
    Unknown,
}

/// Looks up a sign-in that waits, and decides anew what it needs.
pub fn find(tx: &mut Tx<'_>, moment: &Moment, carried: &Carried) -> Result<Found, StorageError> {
    let Some(pending) = pending_sign_ins::find_by_token(tx, carried.token)? else {
        return Ok(Found::Unknown);
    };
    let return_to = pending.return_to.clone();
    let is_open = present(tx, pending.user_id)?
        .is_some_and(|present| pending.life.is_open(&present, moment.now));
    if !is_open {
        return Ok(Found::Over { return_to });
    }
    let user = users::get(tx, pending.user_id)?;
    let organization = organizations::get(tx, user.organization_id)?;
    let policy = &organization.settings.policy;
    // If no second factor is asked for any more, this is over too: what is left is a
    // sign-in by password, and that begins anew.
    let step = decide(tx, moment, &user, policy, &pending.proofs, false)?.step;
    let NextStep::SecondFactor(options) = step else {
        return Ok(Found::Over { return_to });
    };
    let browser = match carried.browser {
        Some(token) => browsers::find_by_token(tx, token)?,
        None => None,
    };
    let browser = browser.filter(|browser| Some(browser.id) == pending.browser_id);
    let start = start_of(&user, &pending, browser, &carried.client);
    let shared = session_kind(policy, &start) == SessionKind::Shared;
    let may_remember_for = policy.second_factor.remembered_for().filter(|_| !shared);
    Ok(Found::Waiting(Box::new(Waiting {
        options,
        may_remember_for,
        shared,
        expires_at: pending.life.expires_at,
        user,
        organization,
        pending,
        browser,
    })))
}

fn start_of<'a>(
    user: &'a User,
    pending: &PendingSignIn,
    browser: Option<Browser>,
    client: &'a ClientDetails,
) -> Start<'a> {
    Start {
        user,
        epochs: pending.life.epochs,
        proofs: pending.proofs.clone(),
        browser,
        replaces: pending.replaces,
        remember: pending.remember,
        shared: pending.shared,
        client,
    }
}

/// What came of a step.
#[derive(Debug)]
pub enum StepOutcome {
    /// A session began; where to go now.
    SignedIn {
        /// The session.
        signed_in: Box<SignedIn>,
        /// A checked path, or empty.
        return_to: String,
    },
    /// Wrong; the same sign-in may try again.
    Wrong,
    /// Too many wrong ones, over all sign-ins of the account; not before this
    /// instant.
    Wait(Timestamp),
    /// Codes of this kind are off for this account.
    Off,
    /// The challenge that a passkey answered is over, or was used. A new one may
    /// work.
    ChallengeOver,
    /// It may not go on: the password is asked for again.
    Over {
        /// A checked path, or empty.
        return_to: String,
    },
    /// More sessions than the organization allows, and its rule is to refuse.
    TooManySessions,
}

/// What was found, if it may go on.
pub(crate) fn asks_for_factor(found: Found) -> Result<Box<Waiting>, StepOutcome> {
    let return_to = match found {
        Found::Waiting(waiting) => return Ok(waiting),
        Found::Over { return_to } => return_to,
        Found::Unknown => String::new(),
    };
    Err(StepOutcome::Over { return_to })
}

/// A code, and whether this browser is to be remembered.
#[derive(Debug)]
pub struct Given {
    /// The code.
    pub code: TypedCode,
    /// "Remember this browser".
    pub remember_browser: bool,
}

/// Goes on with a code.
pub async fn with_code(
    store: &Store,
    hashing: &PasswordHashing,
    sealer: &Arc<Sealer>,
    moment: &Moment,
    carried: Carried,
    given: Given,
) -> Result<StepOutcome, StorageError> {
    let remember_browser = given.remember_browser;
    let (carried, code) = (Arc::new(carried), given.code);
    if code.kind() == CodeKind::AuthenticatorApp {
        let (moment, sealer) = (moment.clone(), Arc::clone(sealer));
        // One transaction: a code that is used up always signs in.
        return store
            .write(move |tx| {
                let waiting = match asks_for_factor(find(tx, &moment, &carried)?) {
                    Ok(waiting) => waiting,
                    Err(over) => return Ok(over),
                };
                let verdict =
                    second_factor::verify_app_code(tx, &moment, &sealer, waiting.user.id, &code)?;
                let method = ProofMethod::AuthenticatorApp;
                judge(
                    tx,
                    &moment,
                    &carried,
                    &waiting,
                    (verdict, method),
                    remember_browser,
                )
            })
            .await;
    }
    let found = {
        let (moment, carried) = (moment.clone(), Arc::clone(&carried));
        store.read(move |tx| find(tx, &moment, &carried)).await?
    };
    let user = match asks_for_factor(found) {
        Ok(waiting) => waiting.user.id,
        Err(over) => return Ok(over),
    };
    let checked = second_factor::check_recovery_code(store, hashing, moment, user, &code).await?;
    let moment = moment.clone();
    store
        .write(move |tx| {
            // Looked at again: everything may have been ended meanwhile (OUT-13).
            let waiting = match asks_for_factor(find(tx, &moment, &carried)?) {
                Ok(waiting) => waiting,
                Err(over) => {
                    if let Ok(right) = &checked {
                        recovery_codes::give_back(tx, right)?;
                    }
                    return Ok(over);
                }
            };
            match &checked {
                Ok(right) => {
                    with_right_code(tx, &moment, &carried, &waiting, right, remember_browser)
                }
                Err(verdict) => {
                    let verdict = (*verdict, ProofMethod::RecoveryCode);
                    judge(tx, &moment, &carried, &waiting, verdict, remember_browser)
                }
            }
        })
        .await
}

/// Begins the session and uses the recovery code up, in one transaction: a sign-in
/// that leads nowhere takes no code away, and no code opens two sessions.
fn with_right_code(
    tx: &mut Tx<'_>,
    moment: &Moment,
    carried: &Carried,
    waiting: &Waiting,
    code: &RightCode,
    remember_browser: bool,
) -> Result<StepOutcome, StorageError> {
    if !recovery_codes::still_works(tx, code)? {
        return fail(tx, moment, carried, waiting);
    }
    let method = ProofMethod::RecoveryCode;
    let outcome = complete(tx, moment, carried, waiting, method, remember_browser)?;
    match &outcome {
        StepOutcome::SignedIn { signed_in, .. } => {
            if !recovery_codes::spend(tx, moment, code, &signed_in.session)? {
                // It worked a moment ago in this transaction; nothing of it is kept.
                return Err(StorageError::Conflict);
            }
        }
        _ => recovery_codes::give_back(tx, code)?,
    }
    Ok(outcome)
}

fn judge(
    tx: &mut Tx<'_>,
    moment: &Moment,
    carried: &Carried,
    waiting: &Waiting,
    (verdict, method): (CodeVerdict, ProofMethod),
    remember_browser: bool,
) -> Result<StepOutcome, StorageError> {
    match verdict {
        CodeVerdict::Right => complete(tx, moment, carried, waiting, method, remember_browser),
        CodeVerdict::Wrong => fail(tx, moment, carried, waiting),
        CodeVerdict::Wait(until) => Ok(StepOutcome::Wait(until)),
        CodeVerdict::Off => Ok(StepOutcome::Off),
    }
}

/// A right password and a wrong second factor: it stands in the history, since
/// whoever did it knows the password.
pub(crate) fn fail(
    tx: &mut Tx<'_>,
    moment: &Moment,
    carried: &Carried,
    waiting: &Waiting,
) -> Result<StepOutcome, StorageError> {
    let event = Event {
        id: EventId::sortable(moment.now, moment.random.as_ref()),
        at: moment.now,
        organization_id: Some(waiting.user.organization_id),
        user_id: Some(waiting.user.id),
        actor: Actor::System,
        kind: EventKind::SecondFactorFailed,
        session_id: None,
        browser_id: waiting.pending.browser_id,
        ending_id: None,
        cause: None,
        client: carried.client.clone(),
        count: 1,
        detail: None,
    };
    if !events::gather(tx, &event, moment.now.minus(GATHERED))? {
        events::add(tx, &event)?;
    }
    let kind = AlertKind::SecondFactorFailed;
    tell_of(tx, moment, &waiting.user, kind, &event)?;
    let wrong = pending_sign_ins::count_wrong_code(tx, carried.token)?;
    if wrong.is_some_and(|wrong| wrong < MOST_WRONG_CODES) {
        return Ok(StepOutcome::Wrong);
    }
    Ok(StepOutcome::Over {
        return_to: waiting.pending.return_to.clone(),
    })
}

/// Adds a proof that was given, and begins the session if nothing else is
/// missing. The sign-in is used up by it, in the same transaction.
pub(crate) fn complete(
    tx: &mut Tx<'_>,
    moment: &Moment,
    carried: &Carried,
    waiting: &Waiting,
    method: ProofMethod,
    remember_browser: bool,
) -> Result<StepOutcome, StorageError> {
    let policy = &waiting.organization.settings.policy;
    let mut start = start_of(
        &waiting.user,
        &waiting.pending,
        waiting.browser,
        &carried.client,
    );
    start.proofs.push(Proof {
        method,
        at: moment.now,
    });
    let over = StepOutcome::Over {
        return_to: waiting.pending.return_to.clone(),
    };
    let step = decide(tx, moment, &waiting.user, policy, &start.proofs, false)?.step;
    if step != NextStep::Done || !pending_sign_ins::delete(tx, carried.token)? {
        return Ok(over);
    }
    let mut signed_in = match session_start::start(tx, moment, start)? {
        SignInOutcome::SignedIn(signed_in) => signed_in,
        SignInOutcome::TooManySessions => return Ok(StepOutcome::TooManySessions),
        _ => return Ok(over),
    };
    if remember_browser && waiting.may_remember_for.is_some() {
        let (session, old) = (&signed_in.session, carried.trusted);
        signed_in.trusted =
            remembered_browsers::remember(tx, moment, session, old, &policy.second_factor)?;
    }
    Ok(StepOutcome::SignedIn {
        signed_in,
        return_to: waiting.pending.return_to.clone(),
    })
}

/// Gives a sign-in up.
pub fn cancel(tx: &mut Tx<'_>, token: TokenDigest) -> Result<(), StorageError> {
    pending_sign_ins::delete(tx, token).map(|_| ())
}
