//! Signing in with a passkey and nothing else.
//!
//! One transaction: the epochs are read before the answer is judged, and what
//! was ended meanwhile makes the transaction run again (OUT-13). No throttle
//! stands here: a signature cannot be guessed, and whoever keeps trying an
//! account's password must not keep its owner's passkey out (AUTH-06).

use nightlatch_domain::client::ClientDetails;
use nightlatch_domain::ending::Actor;
use nightlatch_domain::event::{Event, EventKind};
use nightlatch_domain::ids::{EventId, UserId};
use nightlatch_domain::secret::TokenDigest;
use nightlatch_domain::session::{Proof, ProofMethod};
use nightlatch_domain::user::UserStatus;
use nightlatch_storage::browsers::Browser;
use nightlatch_storage::{StorageError, Tx, browsers, epochs, events, passkeys, users};
use webauthn_rs::prelude::PublicKeyCredential;

use super::Passkeys;
use super::authenticate::{PasskeyVerdict, judge};
use super::open_challenge::{SealedChallenge, take};
use crate::Moment;
use crate::dispatch;
use crate::sealing::Sealer;
use crate::session_start::Start;
use crate::sign_in::{GATHERED, SignInOutcome};

/// What the page that signs in brings besides the answer.
#[derive(Debug, Clone)]
pub struct PasskeyAttempt {
    /// The pre-session that asked for the challenge.
    pub pre_session: TokenDigest,
    /// "Stay signed in on this browser".
    pub remember: bool,
    /// "This is a shared or public computer".
    pub shared: bool,
    /// The browser's own token, if it sent one.
    pub browser: Option<TokenDigest>,
    /// The token of a session that this browser holds; it is replaced.
    pub replaces: Option<TokenDigest>,
    /// Who is signed in in this browser and was not said to be replaced.
    pub keeps: Option<UserId>,
    /// Where it comes from.
    pub client: ClientDetails,
}

/// What came of it.
#[derive(Debug)]
pub enum PasskeySignIn {
    /// The passkey was right; what came of the session.
    Right(SignInOutcome),
    /// It was right, and would have replaced somebody else without asking (E3).
    SomebodyElse,
    /// Nobody has such a passkey here.
    UnknownCredential,
    /// The challenge is over or was used; a new one may work.
    Expired,
    /// It proves nothing, or the account may not be used: one answer (AUTH-07).
    Refused,
}

/// What verifies an answer, and opens the challenge that it answers.
#[derive(Debug, Clone, Copy)]
pub struct Verifier<'a> {
    /// What passkeys are bound to here.
    pub passkeys: &'a Passkeys,
    /// What sealed the challenge.
    pub sealer: &'a Sealer,
}

/// Starts a session if the answer is right.
pub fn sign_in(
    tx: &mut Tx<'_>,
    moment: &Moment,
    verifier: Verifier<'_>,
    attempt: &PasskeyAttempt,
    challenge: &SealedChallenge,
    answer: &PublicKeyCredential,
) -> Result<PasskeySignIn, StorageError> {
    let browser = match attempt.browser {
        Some(token) => browsers::find_by_token(tx, token)?,
        None => None,
    };
    let named = passkeys::find_by_credential_id(tx, &answer.raw_id)?;
    let began_with = match &named {
        Some(passkey) => epochs::find_of_user(tx, passkey.user_id)?,
        None => None,
    };
    let Verifier { passkeys, sealer } = verifier;
    let ceremony = take(tx, moment.now, sealer, challenge, attempt.pre_session)?;
    let (user, user_verified) = match judge(tx, moment, passkeys, ceremony.as_ref(), answer)? {
        PasskeyVerdict::Right {
            user,
            user_verified,
            ..
        } => (user, user_verified),
        PasskeyVerdict::UnknownCredential => return Ok(PasskeySignIn::UnknownCredential),
        PasskeyVerdict::Refused(refused) if refused.is_expired() => {
            return Ok(PasskeySignIn::Expired);
        }
        PasskeyVerdict::Refused(refused) => {
            if let Some(owner) = refused.owner() {
                record_failure(tx, moment, attempt, browser, owner)?;
            }
            return Ok(PasskeySignIn::Refused);
        }
    };
    let user = users::get(tx, user)?;
    // Without the second condition a found security key alone would open the
    // account (WAN-03).
    let (Some(began_with), true) = (began_with, user_verified) else {
        record_failure(tx, moment, attempt, browser, user.id)?;
        return Ok(PasskeySignIn::Refused);
    };
    if user.status != UserStatus::Active {
        record_failure(tx, moment, attempt, browser, user.id)?;
        return Ok(PasskeySignIn::Refused);
    }
    if attempt.keeps.is_some_and(|keeps| keeps != user.id) {
        return Ok(PasskeySignIn::SomebodyElse);
    }
    let start = Start {
        user: &user,
        epochs: began_with,
        proofs: vec![Proof {
            method: ProofMethod::Passkey,
            at: moment.now,
        }],
        browser,
        replaces: attempt.replaces,
        remember: attempt.remember,
        shared: attempt.shared,
        client: &attempt.client,
    };
    // Two factors in one, so nothing stands in for anything, and nothing waits.
    dispatch::after_first_step(tx, moment, start, None, "").map(PasskeySignIn::Right)
}

/// A failure that names somebody's passkey stands in their history, like a wrong
/// password.
fn record_failure(
    tx: &mut Tx<'_>,
    moment: &Moment,
    attempt: &PasskeyAttempt,
    browser: Option<Browser>,
    owner: UserId,
) -> Result<(), StorageError> {
    let user = users::get(tx, owner)?;
    let line = Event {
        id: EventId::sortable(moment.now, moment.random.as_ref()),
        at: moment.now,
        organization_id: Some(user.organization_id),
        user_id: Some(user.id),
        actor: Actor::System,
        kind: EventKind::SignInFailed,
        session_id: None,
        browser_id: browser.map(|browser| browser.id),
        ending_id: None,
        cause: None,
        client: attempt.client.clone(),
        count: 1,
        detail: None,
    };
    if !events::gather(tx, &line, moment.now.minus(GATHERED))? {
        events::add(tx, &line)?;
    }
    Ok(())
}
