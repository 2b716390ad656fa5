//! Asking somebody who is known by then for one of their passkeys: as the second
//! step of a sign-in, or to prove again who they are.
//!
//! Credential ids are told only to who has proved the password or holds a
//! session: to anybody else they would say that an account exists (AUTH-07). No
//! throttle stands here, since a signature cannot be guessed.

use nightlatch_domain::ids::{SessionId, UserId};
use nightlatch_domain::passkey::{CeremonyKind, MOST_PASSKEYS};
use nightlatch_domain::secret::TokenDigest;
use nightlatch_storage::{StorageError, Tx, passkeys};
use webauthn_rs::prelude::{PublicKeyCredential, RequestChallengeResponse};
use webauthn_rs_proto::AllowCredentials;

use super::authenticate::{PasskeyVerdict, draw, judge};
use super::{CeremonyToken, Passkeys, holder_of, take};
use crate::Moment;

/// What a page sends back.
#[derive(Debug, Clone)]
pub struct PasskeyAnswer {
    /// The challenge that it answers.
    pub token: CeremonyToken,
    /// What the browser made of it.
    pub credential: PublicKeyCredential,
}

/// What came of asking for a challenge.
#[derive(Debug)]
pub enum BegunKnown {
    /// The browser may ask for a passkey.
    Begun(CeremonyToken, Box<RequestChallengeResponse>),
    /// The person has none, or there can be none at this address.
    NoPasskey,
    /// The session or the sign-in that asked is over.
    Over,
}

/// Who is asked, and for what. An answer is good for exactly this (WAN-01).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking {
    kind: CeremonyKind,
    user: UserId,
    holder: TokenDigest,
}

impl Asking {
    /// For the second step of the sign-in with this token.
    pub(crate) fn second_step(user: UserId, pending: TokenDigest) -> Self {
        Self {
            kind: CeremonyKind::SecondFactor,
            user,
            holder: pending,
        }
    }

    /// To prove again who is in front of this session.
    pub(crate) fn step_up(user: UserId, session: SessionId) -> Self {
        Self {
            kind: CeremonyKind::StepUp,
            user,
            holder: holder_of(session),
        }
    }
}

/// What an answer of somebody who is known is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KnownVerdict {
    /// A passkey of exactly this person, which verified them.
    Right,
    /// The challenge is over, used, or was drawn for something or somebody else. A
    /// new one may work; nothing was tried.
    Expired,
    /// It proves nothing.
    Refused,
}

/// Draws a challenge that names the credentials of this person.
pub(crate) fn begin(
    tx: &mut Tx<'_>,
    moment: &Moment,
    passkeys: &Passkeys,
    asking: Asking,
) -> Result<BegunKnown, StorageError> {
    let held = passkeys::list_of_user(tx, asking.user, MOST_PASSKEYS)?;
    if held.is_empty() {
        return Ok(BegunKnown::NoPasskey);
    }
    let allowed = held
        .into_iter()
        .map(|held| AllowCredentials {
            type_: "public-key".to_owned(),
            id: held.credential_id,
            transports: None,
        })
        .collect();
    let known = (asking.kind, asking.user, asking.holder);
    Ok(match draw(tx, moment, passkeys, known, allowed)? {
        Some((token, challenge)) => BegunKnown::Begun(token, Box::new(challenge)),
        None => BegunKnown::NoPasskey,
    })
}

/// Judges an answer, and uses its challenge up, whatever it is worth.
pub(crate) fn finish(
    tx: &mut Tx<'_>,
    moment: &Moment,
    passkeys: &Passkeys,
    asking: Asking,
    answer: &PasskeyAnswer,
) -> Result<KnownVerdict, StorageError> {
    let taken = take(tx, moment.now, &answer.token, asking.holder, &[asking.kind])?;
    let ceremony = taken.filter(|ceremony| ceremony.user_id == Some(asking.user));
    let verdict = judge(tx, moment, passkeys, ceremony.as_ref(), &answer.credential)?;
    Ok(match verdict {
        // Without the second condition whoever finds a security key has a proof
        // (WAN-03).
        PasskeyVerdict::Right {
            user,
            user_verified: true,
            ..
        } if user == asking.user => KnownVerdict::Right,
        PasskeyVerdict::Refused(refused) if refused.is_expired() => KnownVerdict::Expired,
        PasskeyVerdict::Right { .. }
        | PasskeyVerdict::UnknownCredential
        | PasskeyVerdict::Refused(_) => KnownVerdict::Refused,
    })
}
