//! What a sign-in still needs.
//!
//! Every step of signing in comes back to [`next_step`], which looks at what was
//! proved and decides; no step names its successor, and nothing that a browser
//! sends is asked (AUTH-12). The same rules tell a signed-in person from when on
//! a second factor is demanded of them ([`demanded_from`], POL-04).

use std::time::Duration;

use crate::policy::{SecondFactorPolicy, SecondFactorRule};
use crate::session::{Epochs, Proof, ProofMethod};
use crate::time::Timestamp;
use crate::user::{Power, Role, UserStatus};

/// How long a sign-in may wait for its second factor (SES-07).
pub const PENDING_LIFE: Duration = Duration::from_mins(10);

/// After this many wrong codes the password is asked for again. The account's
/// own counter goes on over all of them (MFA-03).
pub const MOST_WRONG_CODES: i64 = 5;

/// What a person can prove with, besides their password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// A code from an authenticator app.
    pub authenticator_app: bool,
    /// A passkey or security key.
    pub passkey: bool,
    /// An unused recovery code.
    pub recovery_code: bool,
}

impl Options {
    /// Whether the person has set up a second factor. Recovery codes stand in for
    /// one and are none by themselves.
    pub fn has_factor(self) -> bool {
        self.authenticator_app || self.passkey
    }
}

/// Everything that the decision follows from.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    /// What was proved in this sign-in.
    pub proofs: &'a [Proof],
    /// What the person has set up.
    pub options: Options,
    /// Whether this browser stands in for the second factor. It never is a factor
    /// by itself (SES-13).
    pub is_remembered: bool,
    /// What the organization asks.
    pub policy: SecondFactorPolicy,
    /// What the person may do.
    pub role: Role,
    /// When the account began.
    pub account_since: Timestamp,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextStep {
    /// Who it is must be proved first.
    Password,
    /// One of these as well.
    SecondFactor(Options),
    /// A second factor must be set up before anything else: the session that begins
    /// can do that, or be logged out, and nothing else.
    SetUpFactor {
        /// The end of the time that there was for it.
        until: Timestamp,
    },
    /// Nothing: the session may begin.
    Done,
}

/// Decides what a sign-in still needs.
pub fn next_step(progress: &Progress<'_>, now: Timestamp) -> NextStep {
    let proved =
        |wanted: fn(ProofMethod) -> bool| progress.proofs.iter().any(|proof| wanted(proof.method));
    if !proved(ProofMethod::is_first) {
        return NextStep::Password;
    }
    if progress.policy.rule == SecondFactorRule::Off || proved(ProofMethod::is_second) {
        return NextStep::Done;
    }
    if progress.options.has_factor() {
        return if progress.is_remembered {
            NextStep::Done
        } else {
            NextStep::SecondFactor(progress.options)
        };
    }
    match demanded_from(&progress.policy, progress.role, progress.account_since) {
        Some(until) if now >= until => NextStep::SetUpFactor { until },
        Some(_) | None => NextStep::Done,
    }
}

/// From when on a second factor is demanded of a person; `None` for never.
pub fn demanded_from(
    policy: &SecondFactorPolicy,
    role: Role,
    account_since: Timestamp,
) -> Option<Timestamp> {
    let is_meant = match policy.rule {
        SecondFactorRule::Off | SecondFactorRule::Optional => false,
        // Whoever sees other people's things is worth attacking, too.
        SecondFactorRule::Administrators => role.has(Power::Read),
        SecondFactorRule::Everybody => true,
    };
    let since = policy
        .since
        .map_or(account_since, |since| since.max(account_since));
    let grace = Duration::from_hours(24 * u64::from(policy.grace_days));
    is_meant.then(|| since.plus(grace))
}

impl ProofMethod {
    /// Whether it tells who somebody is, so that a sign-in can begin with it.
    pub const fn is_first(self) -> bool {
        match self {
            Self::Password | Self::Passkey => true,
            Self::AuthenticatorApp | Self::RecoveryCode | Self::Phone => false,
        }
    }

    /// Whether it proves more than a password can.
    pub const fn is_second(self) -> bool {
        match self {
            Self::AuthenticatorApp | Self::RecoveryCode | Self::Passkey => true,
            Self::Password | Self::Phone => false,
        }
    }
}

/// What decides whether a sign-in that waits for its second factor is still
/// good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingLife {
    /// The epochs that stood when its password was looked at.
    pub epochs: Epochs,
    /// When that password was set.
    pub password_set_at: Option<Timestamp>,
    /// Not used from this instant on.
    pub expires_at: Timestamp,
    /// Wrong codes so far.
    pub wrong_codes: i64,
}

/// What it is measured against, as it stands now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Present {
    /// The counters.
    pub epochs: Epochs,
    /// When the password was set.
    pub password_set_at: Option<Timestamp>,
    /// Whether the account may be used.
    pub status: UserStatus,
}

impl PendingLife {
    /// Whether it may go on. Without the epochs, a thief who knows the password
    /// could hold a sign-in open over "log out of all sessions" (OUT-12).
    pub fn is_open(&self, present: &Present, now: Timestamp) -> bool {
        now < self.expires_at
            && self.wrong_codes < MOST_WRONG_CODES
            && self.epochs == present.epochs
            && self.password_set_at == present.password_set_at
            && present.status == UserStatus::Active
    }
}

/// What decides whether a remembered browser still stands in for the second
/// factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RememberedLife {
    /// The epochs when it was remembered.
    pub epochs: Epochs,
    /// When the password was set that was used then.
    pub password_set_at: Option<Timestamp>,
    /// When it was remembered.
    pub created_at: Timestamp,
    /// Not used from this instant on.
    pub expires_at: Timestamp,
}

impl RememberedLife {
    /// Until when it holds: as granted, or as today's policy allows if that is
    /// stricter (POL-02); `None` if the policy allows it no more.
    pub fn deadline(&self, policy: &SecondFactorPolicy) -> Option<Timestamp> {
        let longest = policy.remembered_for()?;
        Some(self.expires_at.min(self.created_at.plus(longest)))
    }

    /// Whether it still holds (SES-13, F3).
    pub fn holds(&self, present: &Present, policy: &SecondFactorPolicy, now: Timestamp) -> bool {
        self.deadline(policy).is_some_and(|deadline| now < deadline)
            && self.epochs == present.epochs
            && self.password_set_at == present.password_set_at
            && present.status == UserStatus::Active
    }
}

#[cfg(test)]
mod tests;
