//! How often a secret may be guessed.
//!
//! Only arithmetic: counters live in the database, so that they hold across
//! nodes and restarts. Three lanes count apart (AUTH-05, AUTH-06):
//!
//! * a *stranger* lane per e-mail address, whether it exists or not;
//! * a *known browser* lane per address and browser, so that strangers who
//!   hammer an account never delay its owner on their own browser;
//! * a *network* lane per client address, against one machine trying many
//!   accounts.
//!
//! The second step of a sign-in has two lanes of its own per account, over all
//! sign-ins that are under way (MFA-03): whoever gets there has the password, so
//! a fresh sign-in must not bring fresh tries.

use std::net::IpAddr;
use std::time::Duration;

use crate::ids::{BrowserId, SessionId, UserId};
use crate::secret::TokenDigest;
use crate::time::Timestamp;
use crate::user::EmailKey;

/// Failures in a row after which a password is off for that lane
/// (NIST SP 800-63B-4 3.2.2: at most 100).
pub const OFF_AT: i64 = 100;

/// Where a lane that was off goes on when the owner has shown elsewhere that the
/// password is theirs: at the longest wait.
const REOPENED_AT: i64 = 15;

/// Which counter an attempt counts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Anybody who tries this account.
    Stranger,
    /// A browser that this account has signed in from before.
    KnownBrowser,
    /// One client address (IPv6: its /64 network).
    Network,
    /// Codes of an account's authenticator apps. Six digits can be guessed, so
    /// it turns off; a recovery code and a password set anew turn it on again.
    OneTimeCode,
    /// Recovery codes of an account. They cannot be guessed (75 bits), and are
    /// the way out when everything else is off: this lane slows down and never
    /// turns off.
    RecoveryCode,
    /// Mails that open an account again, to one address.
    Recovery,
}

impl Lane {
    /// Failures that cost nothing.
    const fn free(self) -> i64 {
        match self {
            Self::Stranger | Self::KnownBrowser | Self::OneTimeCode | Self::RecoveryCode => 5,
            // Whole offices share one address.
            Self::Network => 50,
            Self::Recovery => 3,
        }
    }

    /// The longest wait.
    const fn longest(self) -> Duration {
        match self {
            Self::Stranger | Self::OneTimeCode | Self::RecoveryCode | Self::Recovery => {
                Duration::from_mins(15)
            }
            Self::KnownBrowser | Self::Network => Duration::from_mins(1),
        }
    }

    /// In this time one failure is forgotten. Failures on an account count in a
    /// row, however far apart; a network leaks, so that the typing errors of a
    /// whole office never add up to a wall.
    const fn forgets_one_in(self) -> Option<Duration> {
        match self {
            Self::Stranger | Self::KnownBrowser | Self::OneTimeCode | Self::RecoveryCode => None,
            Self::Network => Some(Duration::from_secs(10)),
            Self::Recovery => Some(Duration::from_hours(1)),
        }
    }
}

/// The state of one counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Failures {
    /// Failures in a row.
    pub count: i64,
    /// The latest.
    pub last_at: Option<Timestamp>,
}

/// Whether an attempt may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Allowed,
    /// Not before this instant.
    Wait(Timestamp),
    /// Not until the password is set anew, or is right in another lane.
    Off,
}

impl Failures {
    /// The counter as it stands at `now`.
    #[must_use]
    pub fn at(self, lane: Lane, now: Timestamp) -> Self {
        let (Some(one), Some(last)) = (lane.forgets_one_in(), self.last_at) else {
            return self;
        };
        let forgotten = now.since(last).as_secs() / one.as_secs();
        let forgotten = i64::try_from(forgotten).unwrap_or(i64::MAX);
        Self {
            count: self.count.saturating_sub(forgotten).max(0),
            last_at: self.last_at,
        }
    }

    /// Whether an attempt may go on now.
    pub fn verdict(self, lane: Lane, now: Timestamp) -> Verdict {
        let state = self.at(lane, now);
        let Some(last) = state.last_at else {
            return Verdict::Allowed;
        };
        let never_off = matches!(lane, Lane::Network | Lane::RecoveryCode | Lane::Recovery);
        if state.count >= OFF_AT && !never_off {
            return Verdict::Off;
        }
        let beyond = state.count - lane.free();
        if beyond < 0 {
            return Verdict::Allowed;
        }
        let seconds = 1_u64 << beyond.clamp(0, 20);
        let until = last.plus(Duration::from_secs(seconds).min(lane.longest()));
        if now < until {
            Verdict::Wait(until)
        } else {
            Verdict::Allowed
        }
    }

    /// The counter of the strangers' lane after its owner gave the right password
    /// in a browser that the account knows, or in a session; `None` if it stays as
    /// it is.
    ///
    /// A lane must go off after [`OFF_AT`] failures in a row (SP 800-63B-4 3.2.2),
    /// and a stranger can bring that about for anybody whose address they know. A
    /// success ends the row, so the owner gets a new browser in again, by signing
    /// in once where they are known. A stranger gains at most another 85 slow
    /// guesses for each time that the owner signs in; clearing the counter would
    /// give them quick ones.
    #[must_use]
    pub fn reopened(self) -> Option<Self> {
        (self.count >= OFF_AT).then_some(Self {
            count: REOPENED_AT,
            last_at: self.last_at,
        })
    }

    /// The counter after one more failure.
    #[must_use]
    pub fn failed(self, lane: Lane, now: Timestamp) -> Self {
        Self {
            count: self.at(lane, now).count.saturating_add(1),
            last_at: Some(now),
        }
    }
}

/// The present binding of a password: when it was set. It is part of the keys, so
/// that a password set anew starts with fresh counters everywhere; zero for
/// accounts that do not exist.
pub type Binding = Option<Timestamp>;

fn account_key(lane: &str, holder: &str, email: &EmailKey, binding: Binding) -> TokenDigest {
    let bound_at = binding.map_or(0, Timestamp::milliseconds);
    let email = email.as_str();
    // A digest, so that the table does not collect what people type.
    TokenDigest::of(format!("{lane}\n{holder}\n{bound_at}\n{email}").as_bytes())
}

/// The key of the stranger lane.
pub fn stranger_key(email: &EmailKey, binding: Binding) -> TokenDigest {
    account_key("stranger", "", email, binding)
}

/// The key of the known-browser lane.
pub fn known_browser_key(email: &EmailKey, binding: Binding, browser: BrowserId) -> TokenDigest {
    account_key("browser", &browser.to_string(), email, binding)
}

/// The key for proofs asked of a session that is already signed in; it counts as
/// a known browser. A thief who guesses there must not use up the owner's tries
/// elsewhere.
pub fn session_key(email: &EmailKey, binding: Binding, session: SessionId) -> TokenDigest {
    account_key("session", &session.to_string(), email, binding)
}

/// The key of the lane of one-time codes. A password set anew starts it afresh:
/// whoever guessed there knew the old one.
pub fn one_time_code_key(user: UserId, binding: Binding) -> TokenDigest {
    second_step_key("one-time code", user, binding)
}

/// The key of the lane of recovery codes.
pub fn recovery_code_key(user: UserId, binding: Binding) -> TokenDigest {
    second_step_key("recovery code", user, binding)
}

fn second_step_key(lane: &str, user: UserId, binding: Binding) -> TokenDigest {
    let bound_at = binding.map_or(0, Timestamp::milliseconds);
    TokenDigest::of(format!("{lane}\n{user}\n{bound_at}").as_bytes())
}

/// The key for mails that open an account again. Without a binding: a new password
/// is no reason for more mails.
pub fn recovery_key(email: &EmailKey) -> TokenDigest {
    account_key("recovery", "", email, None)
}

/// The key for requests of such mails from one network.
pub fn recovery_network_key(address: IpAddr) -> TokenDigest {
    TokenDigest::of(format!("recovery network\n{}", network(address)).as_bytes())
}

/// The key of what a network leaves here while its people sign in to apps.
pub fn waiting_requests_key(address: IpAddr) -> TokenDigest {
    TokenDigest::of(format!("waiting requests\n{}", network(address)).as_bytes())
}

/// The key for codes of other computers that are typed in a session.
pub fn phone_code_key(session: SessionId) -> TokenDigest {
    TokenDigest::of(format!("phone code\n{session}").as_bytes())
}

/// The key of the network lane.
pub fn network_key(address: IpAddr) -> TokenDigest {
    TokenDigest::of(format!("network\n{}", network(address)).as_bytes())
}

fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_milliseconds(1_000_000_000)
    }

    fn after_failures(lane: Lane, count: usize) -> Failures {
        (0..count).fold(Failures::default(), |state, _| state.failed(lane, now()))
    }

    #[test]
    fn auth_05_delay_starts_at_five_grows_and_ends_at_a_hundred() {
        assert_eq!(
            after_failures(Lane::Stranger, 4).verdict(Lane::Stranger, now()),
            Verdict::Allowed
        );
        let waits: Vec<_> = [5, 6, 10, 50]
            .into_iter()
            .map(|count| {
                match after_failures(Lane::Stranger, count).verdict(Lane::Stranger, now()) {
                    Verdict::Wait(until) => until.since(now()).as_secs(),
                    other => panic!("{count}: {other:?}"),
                }
            })
            .collect();
        assert_eq!(waits, [1, 2, 32, 900]);
        assert_eq!(
            after_failures(Lane::Stranger, 100)
                .verdict(Lane::Stranger, now().plus(Duration::from_hours(8760))),
            Verdict::Off
        );
    }

    #[test]
    fn auth_06_a_lane_that_was_off_reopens_at_the_longest_wait_and_no_other_changes() {
        let off = after_failures(Lane::Stranger, 100);
        let reopened = off.reopened().expect("it was off");
        assert_eq!(
            reopened.verdict(Lane::Stranger, now()),
            Verdict::Wait(now().plus(Duration::from_mins(15)))
        );
        assert_eq!(after_failures(Lane::Stranger, 99).reopened(), None);
    }

    #[test]
    fn mfa_03_one_time_codes_turn_off_and_recovery_codes_stay_the_way_out() {
        let much_later = now().plus(Duration::from_hours(8760));
        let verdict = |lane| after_failures(lane, 100).verdict(lane, much_later);
        assert_eq!(verdict(Lane::OneTimeCode), Verdict::Off);
        assert_eq!(verdict(Lane::RecoveryCode), Verdict::Allowed);
        assert_eq!(
            after_failures(Lane::RecoveryCode, 100).verdict(Lane::RecoveryCode, now()),
            Verdict::Wait(now().plus(Duration::from_mins(15)))
        );
    }

    #[test]
    fn auth_06_a_network_is_slowed_but_never_off_and_forgets() {
        let many = after_failures(Lane::Network, 500);
        assert!(matches!(
            many.verdict(Lane::Network, now()),
            Verdict::Wait(_)
        ));
        assert_eq!(
            many.verdict(Lane::Network, now().plus(Duration::from_mins(1))),
            Verdict::Allowed
        );
        assert_eq!(
            many.at(Lane::Network, now().plus(Duration::from_mins(10)))
                .count,
            440
        );
        assert_eq!(
            many.at(Lane::Network, now().plus(Duration::from_hours(2)))
                .count,
            0
        );
    }

    #[test]
    fn neighbors_in_one_ipv6_network_share_a_counter() {
        let key = |text: &str| network_key(text.parse().expect("an address"));
        assert_eq!(key("2001:db8::1"), key("2001:db8::2"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
    }
}
