//! The limits of sessions, and what a deadline follows from.
//!
//! Owns the numbers an organization may set and their defaults (design: idle
//! 24 h, overall 7 days, 30 days when remembered, shared computer 15 min and
//! 2 h). Whether a session is live is decided in [`crate::session`].

use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::phone_sign_in::PhoneSignInRule;
use crate::session::SessionKind;
use crate::time::Timestamp;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// How old the last proof may be before ending someone's other sessions or
/// changing credentials (F5, DEV-03).
pub const PROOF_AGE: Duration = Duration::from_secs(10 * MINUTE);

/// The most live sessions that a person may have: as many as one list shows, so
/// that each can be seen and ended.
pub const MOST_SESSIONS: u32 = 1000;

/// The shortest limit of a session. Activity is written every few seconds and
/// pages announce the end a minute ahead; below this, people would be logged out
/// while they read.
pub const SHORTEST_LIMIT: Duration = Duration::from_secs(MINUTE);

/// How long a session may rest, and how long it may last in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Seconds without activity after which a session ends.
    pub idle_seconds: u64,
    /// Seconds after the last full authentication after which it ends.
    pub overall_seconds: u64,
}

impl Limits {
    /// Without activity for this long, a session ends.
    pub const fn idle(self) -> Duration {
        Duration::from_secs(self.idle_seconds)
    }

    /// This long after the authentication, a session ends in any case.
    pub const fn overall(self) -> Duration {
        Duration::from_secs(self.overall_seconds)
    }

    /// The deadlines of a session that was authenticated and last active then.
    /// The idle deadline never lies behind the overall one.
    pub fn deadlines(self, authenticated_at: Timestamp, active_at: Timestamp) -> Deadlines {
        let overall = authenticated_at.plus(self.overall());
        Deadlines {
            idle: active_at.plus(self.idle()).min(overall),
            overall,
        }
    }
}

/// When a session ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// Moves with activity; at or before `overall`.
    pub idle: Timestamp,
    /// Moves only with a new authentication.
    pub overall: Timestamp,
}

impl Deadlines {
    /// The earlier of each: the strictest rule wins (POL-01).
    #[must_use]
    pub fn strictest(self, other: Self) -> Self {
        Self {
            idle: self.idle.min(other.idle),
            overall: self.overall.min(other.overall),
        }
    }
}

/// Whether people may stay signed in after closing the browser (G4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RememberRule {
    /// Every sign-in is remembered, unless it is on a shared computer.
    Always,
    /// The person is asked at sign-in.
    Ask,
    /// Nobody is remembered.
    Never,
}

/// What happens to a sign-in beyond the session limit (SES-14).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AtSessionLimit {
    /// The least recently used sessions end (F7).
    EndOldest,
    /// The sign-in is refused.
    Refuse,
}

/// Who needs a second factor (POL-04).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecondFactorRule {
    /// Nobody is asked for one, whatever they have set up.
    Off,
    /// Whoever has set one up is asked for it.
    Optional,
    /// The same, and administrators must have one.
    Administrators,
    /// Everybody must have one.
    Everybody,
}

/// What an organization asks of the second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SecondFactorPolicy {
    /// Who needs one.
    pub rule: SecondFactorRule,
    /// Days from the demand (or the beginning of the account, if that is later)
    /// until nobody gets in without one.
    pub grace_days: u32,
    /// Days for which a browser may stand in for the second factor; zero for
    /// never.
    pub remember_days: u32,
    /// Since when the rule is as it is; `None` if it never was another one.
    pub since: Option<Timestamp>,
}

impl SecondFactorPolicy {
    /// The most days for which a browser is remembered; an organization can only
    /// tighten it (POL-01).
    pub const MOST_REMEMBERED_DAYS: u32 = 30;

    /// For how long a browser may stand in for the second factor, if at all.
    pub fn remembered_for(&self) -> Option<Duration> {
        let days = self.remember_days.min(Self::MOST_REMEMBERED_DAYS);
        (days > 0).then(|| Duration::from_secs(u64::from(days) * DAY))
    }
}

impl Default for SecondFactorPolicy {
    fn default() -> Self {
        Self {
            rule: SecondFactorRule::Administrators,
            grace_days: 14,
            remember_days: Self::MOST_REMEMBERED_DAYS,
            since: None,
        }
    }
}

/// The rules of one organization. Unset values take the defaults of
/// [`Policy::default`], so that stored settings survive new releases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Limits of ordinary sessions.
    pub ordinary: Limits,
    /// Limits of remembered sessions ("Stay signed in").
    pub remembered: Limits,
    /// Limits on shared and public computers (SHR-01).
    pub shared: Limits,
    /// Whether people may stay signed in.
    pub remember: RememberRule,
    /// Live sessions per person, 1 to [`MOST_SESSIONS`].
    pub session_limit: u32,
    /// What happens beyond it.
    pub at_session_limit: AtSessionLimit,
    /// Networks whose computers are always treated as shared (SHR-04).
    pub shared_networks: Vec<IpNet>,
    /// Who needs a second factor, and from when.
    pub second_factor: SecondFactorPolicy,
    /// Whether people may sign in on a computer with their phone.
    pub phone_sign_in: PhoneSignInRule,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            ordinary: Limits {
                idle_seconds: DAY,
                overall_seconds: 7 * DAY,
            },
            // An idle limit of a day would make "Stay signed in" end on every
            // free weekend (G8), so only the overall limit counts here.
            remembered: Limits {
                idle_seconds: 30 * DAY,
                overall_seconds: 30 * DAY,
            },
            shared: Limits {
                idle_seconds: 15 * MINUTE,
                overall_seconds: 2 * HOUR,
            },
            remember: RememberRule::Ask,
            session_limit: MOST_SESSIONS,
            at_session_limit: AtSessionLimit::EndOldest,
            shared_networks: Vec::new(),
            second_factor: SecondFactorPolicy::default(),
            phone_sign_in: PhoneSignInRule::Allowed,
        }
    }
}

impl Policy {
    /// The preset *NIST AAL2* (SP 800-63B-4 2.2.3): 1 h idle, 24 h overall.
    pub const NIST_AAL2: Limits = Limits {
        idle_seconds: HOUR,
        overall_seconds: DAY,
    };

    /// The preset *NIST AAL3* (SP 800-63B-4 2.3.3): 15 min idle, 12 h overall.
    pub const NIST_AAL3: Limits = Limits {
        idle_seconds: 15 * MINUTE,
        overall_seconds: 12 * HOUR,
    };

    /// The limits of one kind of session.
    pub fn limits(&self, kind: SessionKind) -> Limits {
        match kind {
            SessionKind::Ordinary => self.ordinary,
            SessionKind::Remembered => self.remembered,
            SessionKind::Shared => self.shared,
        }
    }

    /// Whether a computer at this address must be treated as shared.
    pub fn is_shared_network(&self, address: std::net::IpAddr) -> bool {
        self.shared_networks
            .iter()
            .any(|network| network.contains(&address))
    }
}
