//! The life of a session, and the one decision whether it is live.
//!
//! [`admit`] is a pure function and the only place that decides; pages, the API
//! and (later) forward-auth and the token endpoints all ask it, so that no
//! surface can disagree with another (SES-08, DEV-02).

use serde::{Deserialize, Serialize};

use crate::client::ClientDetails;
use crate::ending::Cause;
use crate::ids::{BrowserId, EndingId, OrganizationId, SessionId, UserId};
use crate::policy::{Deadlines, Limits};
use crate::time::Timestamp;
use crate::user::UserStatus;

/// Counters that move when everything below them ends. A session carries those
/// that stood when its sign-in began; "log out of all sessions" is one
/// increment, and whatever carries an older number is dead, including a sign-in
/// that was under way (OUT-13).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epochs {
    /// Of the user.
    pub user: i64,
    /// Of the user's organization.
    pub organization: i64,
    /// Of the whole deployment.
    pub deployment: i64,
}

/// What the person chose at sign-in, which decides the limits and the cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionKind {
    /// Forgotten by the browser when it closes.
    Ordinary,
    /// "Stay signed in on this browser".
    Remembered,
    /// "This is a shared or public computer": short limits, nothing kept.
    Shared,
}

impl SessionKind {
    /// The stored and programmatic name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ordinary => "ordinary",
            Self::Remembered => "remembered",
            Self::Shared => "shared",
        }
    }

    /// Reads a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "ordinary" => Some(Self::Ordinary),
            "remembered" => Some(Self::Remembered),
            "shared" => Some(Self::Shared),
            _ => None,
        }
    }
}

/// How a person proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProofMethod {
    /// Their password.
    Password,
    /// A code from an authenticator app.
    AuthenticatorApp,
    /// A recovery code, spent by this proof.
    RecoveryCode,
    /// A passkey that asked for a fingerprint, a face or a PIN: possession and
    /// knowledge or inherence in one act, so two factors (WAN-03). One that did
    /// not ask is refused before it could be written down here.
    Passkey,
    /// The word of a session of theirs on another device; see
    /// [`crate::phone_sign_in`]. It lets in and proves nothing afterwards.
    Phone,
}

impl ProofMethod {
    const ALL: [Self; 5] = [
        Self::Password,
        Self::AuthenticatorApp,
        Self::RecoveryCode,
        Self::Passkey,
        Self::Phone,
    ];

    /// The stored and programmatic name; stable.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::AuthenticatorApp => "authenticator_app",
            Self::RecoveryCode => "recovery_code",
            Self::Passkey => "passkey",
            Self::Phone => "phone",
        }
    }

    /// Reads a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }
}

/// One authentication event of a session (SES-12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// How.
    pub method: ProofMethod,
    /// When.
    pub at: Timestamp,
}

/// The facts that decide whether a session is live: small and `Copy`, so that a
/// check allocates nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// The epochs that stood when its sign-in began.
    pub epochs: Epochs,
    /// What the person chose at sign-in.
    pub kind: SessionKind,
    /// The last full authentication; the overall limit counts from here.
    pub authenticated_at: Timestamp,
    /// The last activity of the person.
    pub last_active_at: Timestamp,
    /// The deadlines granted; a policy loosened later moves them no further.
    pub deadlines: Deadlines,
    /// Set once, never unset.
    pub ended: Option<Ended>,
}

impl Life {
    /// The same life after activity at that instant, which moves the idle
    /// deadline and nothing else (SES-10).
    #[must_use]
    pub fn after_activity(self, at: Timestamp, limits: Limits) -> Self {
        self.with_activity(at, at.plus(limits.idle()))
    }

    /// The same life after activity that was noted with the idle deadline that it
    /// was granted then.
    #[must_use]
    pub fn with_activity(self, at: Timestamp, idle_deadline: Timestamp) -> Self {
        if at <= self.last_active_at {
            return self;
        }
        Self {
            last_active_at: at,
            deadlines: Deadlines {
                idle: idle_deadline.min(self.deadlines.overall),
                overall: self.deadlines.overall,
            },
            ..self
        }
    }

    /// The same life after a new full authentication, which moves both
    /// deadlines (SES-10), except on shared computers, whose overall limit is
    /// a promise to the next person in front of it.
    #[must_use]
    pub fn after_authentication(self, at: Timestamp, limits: Limits) -> Self {
        if self.kind == SessionKind::Shared {
            return self.after_activity(at, limits);
        }
        Self {
            authenticated_at: at,
            last_active_at: at,
            deadlines: limits.deadlines(at, at),
            ..self
        }
    }
}

/// That and how a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub cause: Cause,
    /// The act, which knows by whom and for what reason.
    pub ending_id: EndingId,
}

/// A signed-in browser.
#[derive(Debug, Clone)]
pub struct Session {
    /// The public name of the session; authenticates nothing.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// The user's organization.
    pub organization_id: OrganizationId,
    /// The browser profile; `None` on shared computers, which are not remembered.
    pub browser_id: Option<BrowserId>,
    /// When it began.
    pub created_at: Timestamp,
    /// What decides whether it is live.
    pub life: Life,
    /// How and when the person proved who they are, oldest first.
    pub proofs: Vec<Proof>,
    /// Where it was signed in from.
    pub client: ClientDetails,
}

impl Session {
    /// The latest proof, or the beginning of the session if none is recorded.
    pub fn proved_at(&self) -> Timestamp {
        self.proofs
            .iter()
            .map(|proof| proof.at)
            .max()
            .unwrap_or(self.created_at)
    }

    /// Whether another device of the person let this session in. Such a session
    /// never gets rights over the account: whoever talked somebody into typing a
    /// code must not be able to lock the owner out (F5).
    pub fn was_let_in_by_phone(&self) -> bool {
        self.proofs
            .iter()
            .any(|proof| proof.method == ProofMethod::Phone)
    }

    /// Whether the latest proof is young enough for sensitive acts.
    pub fn has_fresh_proof(&self, now: Timestamp) -> bool {
        !self.was_let_in_by_phone() && now.since(self.proved_at()) < crate::policy::PROOF_AGE
    }

    /// Whether a proof that a password alone cannot give is young enough. Changing
    /// what opens the account asks for it from whoever has set one up (MFA-04):
    /// otherwise the password alone could take the second step away.
    pub fn has_fresh_second_proof(&self, now: Timestamp) -> bool {
        let is_young = |proof: &Proof| {
            proof.method.is_second() && now.since(proof.at) < crate::policy::PROOF_AGE
        };
        !self.was_let_in_by_phone() && self.proofs.iter().any(is_young)
    }
}

/// Whether proofs make two factors: a passkey, or a password and a code (OIDC-12).
pub fn are_two_factors(proofs: &[Proof]) -> bool {
    let has = |method| proofs.iter().any(|proof| proof.method == method);
    has(ProofMethod::Passkey)
        || (has(ProofMethod::Password)
            && (has(ProofMethod::AuthenticatorApp) || has(ProofMethod::RecoveryCode)))
}

/// What the session is measured against: the present state of its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whether the account may be used.
    pub user_status: UserStatus,
    /// The present epochs.
    pub epochs: Epochs,
    /// The present limits of this kind of session.
    pub limits: Limits,
}

/// A live session may go on until these deadlines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    /// Granted deadlines and present policy, the strictest of both.
    pub deadlines: Deadlines,
}

/// Why a session is not live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It was ended, for the cause recorded with it.
    Ended(Cause),
    /// Everything of its user, organization or deployment was ended since; the
    /// row of the ending knows the cause.
    EpochPassed,
    /// The account may not be used.
    UserNotActive,
    /// It had lasted as long as it may.
    OverallTimeout,
    /// Too long without activity.
    IdleTimeout,
}

/// Decides whether a session is live (SES-08). Nothing else does.
///
/// Deadlines are exclusive: at the deadline the session is over. Equality of
/// epochs, not order, is asked for, so that a row with a number from the future
/// (a restored backup) is refused too.
pub fn admit(life: &Life, standing: &Standing, now: Timestamp) -> Result<Admission, Refusal> {
    if let Some(ended) = life.ended {
        return Err(Refusal::Ended(ended.cause));
    }
    if life.epochs != standing.epochs {
        return Err(Refusal::EpochPassed);
    }
    if standing.user_status != UserStatus::Active {
        return Err(Refusal::UserNotActive);
    }
    let deadlines = effective_deadlines(life, standing.limits);
    if now >= deadlines.overall {
        return Err(Refusal::OverallTimeout);
    }
    if now >= deadlines.idle {
        return Err(Refusal::IdleTimeout);
    }
    Ok(Admission { deadlines })
}

/// The deadlines that count: those granted, or those of today's policy if it is
/// stricter (POL-02).
pub fn effective_deadlines(life: &Life, limits: Limits) -> Deadlines {
    life.deadlines
        .strictest(limits.deadlines(life.authenticated_at, life.last_active_at))
}

/// The cause of an ending that was made at `at` and is written down at `now`,
/// where the session may have been over before by itself: the first in time wins.
/// Returns the cause and the instant of the end.
///
/// The deadlines granted ended it at their own instant. If only today's stricter
/// policy has, nobody knows since when that rule holds: the cause is the policy,
/// and the end is when it was noticed. An ending that was made before `now` may be
/// older than the rule and stays what it was.
pub fn first_cause(
    life: &Life,
    limits: Limits,
    (cause, at): (Cause, Timestamp),
    now: Timestamp,
) -> (Cause, Timestamp) {
    let granted = life.deadlines;
    if at >= granted.idle && granted.idle < granted.overall {
        return (Cause::IdleTimeout, granted.idle);
    }
    if at >= granted.overall {
        return (Cause::OverallTimeout, granted.overall);
    }
    let today = effective_deadlines(life, limits);
    if at >= now && now >= today.idle.min(today.overall) {
        return (Cause::Policy, now);
    }
    (cause, at)
}

#[cfg(test)]
mod tests;
