//! The security check-up: what of an account is good, and what to do next.
//!
//! A pure rule from facts to findings, in the order in which they matter. What a
//! finding says and where its one button leads is the page's business.

use std::time::Duration;

use crate::time::Timestamp;

/// A session that was not used for so long may be forgotten somewhere.
pub const OLD_SESSION: Duration = Duration::from_hours(14 * 24);

/// With fewer recovery codes than this, new ones are due.
pub const FEW_CODES: i64 = 4;

/// What is known about an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Facts {
    /// Authenticator apps that are set up.
    pub authenticator_apps: i64,
    /// Passkeys.
    pub passkeys: i64,
    /// Recovery codes that still work.
    pub recovery_codes: i64,
    /// Live sessions other than this one that were not used for
    /// [`OLD_SESSION`].
    pub old_sessions: i64,
    /// Browsers where no second factor is asked for.
    pub remembered_browsers: i64,
    /// Sign-ins from new browsers that nobody has looked at since.
    pub unseen_sign_ins: i64,
    /// Whether looking at the login history is due.
    pub review_due: bool,
}

/// One thing worth saying.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// So many sign-ins from new browsers were not looked at.
    UnseenSignIns(i64),
    /// A password alone opens the account.
    NoSecondFactor,
    /// Whoever loses the second factor is locked out.
    NoWayBack,
    /// Only so many recovery codes are left.
    FewRecoveryCodes(i64),
    /// So many sessions were not used for a while.
    OldSessions(i64),
    /// So many browsers are not asked for the second factor.
    RememberedBrowsers(i64),
    /// The login history was not looked at for longer than the organization
    /// wants.
    ReviewDue,
    /// There is a second factor.
    HasSecondFactor,
    /// There is a way back after losing it.
    HasWayBack,
    /// Nothing in the login history waits to be looked at.
    HistorySeen,
}

impl Finding {
    /// Whether something is to be done about it. Remembered browsers are a
    /// choice, so they are shown and not held against anybody.
    pub const fn asks_for_action(self) -> bool {
        !matches!(
            self,
            Self::HasSecondFactor
                | Self::HasWayBack
                | Self::HistorySeen
                | Self::RememberedBrowsers(_)
        )
    }
}

/// What to say about an account: first what is to be done, the most important
/// first, then what is good.
pub fn findings(facts: &Facts) -> Vec<Finding> {
    let has_factor = facts.authenticator_apps + facts.passkeys > 0;
    // A second device is a way back as good as codes.
    let spare = facts.authenticator_apps + facts.passkeys > 1;
    let mut found = Vec::new();
    if facts.unseen_sign_ins > 0 {
        found.push(Finding::UnseenSignIns(facts.unseen_sign_ins));
    }
    if !has_factor {
        found.push(Finding::NoSecondFactor);
    }
    if has_factor && !spare && facts.recovery_codes == 0 {
        found.push(Finding::NoWayBack);
    }
    if has_factor && (1..FEW_CODES).contains(&facts.recovery_codes) {
        found.push(Finding::FewRecoveryCodes(facts.recovery_codes));
    }
    if facts.old_sessions > 0 {
        found.push(Finding::OldSessions(facts.old_sessions));
    }
    if facts.review_due && facts.unseen_sign_ins == 0 {
        found.push(Finding::ReviewDue);
    }
    if facts.remembered_browsers > 0 {
        found.push(Finding::RememberedBrowsers(facts.remembered_browsers));
    }
    if has_factor {
        found.push(Finding::HasSecondFactor);
    }
    if has_factor && (spare || facts.recovery_codes > 0) {
        found.push(Finding::HasWayBack);
    }
    if facts.unseen_sign_ins == 0 && !facts.review_due {
        found.push(Finding::HistorySeen);
    }
    found
}

/// Whether looking at the login history is due: `interval` after the last time,
/// or after the account was made. An interval of nought never asks.
pub fn review_due(
    reviewed_at: Option<Timestamp>,
    account_since: Timestamp,
    interval: Duration,
    now: Timestamp,
) -> bool {
    !interval.is_zero() && now.since(reviewed_at.unwrap_or(account_since)) >= interval
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Facts = Facts {
        authenticator_apps: 1,
        passkeys: 0,
        recovery_codes: 10,
        old_sessions: 0,
        remembered_browsers: 0,
        unseen_sign_ins: 0,
        review_due: false,
    };

    fn to_do(facts: &Facts) -> Vec<Finding> {
        let found = findings(facts);
        found
            .into_iter()
            .filter(|one| one.asks_for_action())
            .collect()
    }

    #[test]
    fn a_good_account_has_nothing_to_do_and_is_told_why() {
        assert_eq!(to_do(&GOOD), []);
        assert_eq!(
            findings(&GOOD),
            [
                Finding::HasSecondFactor,
                Finding::HasWayBack,
                Finding::HistorySeen
            ]
        );
    }

    #[test]
    fn what_is_worst_comes_first() {
        let facts = Facts {
            unseen_sign_ins: 2,
            old_sessions: 3,
            remembered_browsers: 1,
            ..Facts::default()
        };
        assert_eq!(
            to_do(&facts),
            [
                Finding::UnseenSignIns(2),
                Finding::NoSecondFactor,
                Finding::OldSessions(3)
            ]
        );
    }

    #[test]
    fn a_lost_phone_must_not_lock_anybody_out() {
        let facts = |authenticator_apps, passkeys, recovery_codes| Facts {
            authenticator_apps,
            passkeys,
            recovery_codes,
            ..GOOD
        };
        assert_eq!(to_do(&facts(1, 0, 0)), [Finding::NoWayBack]);
        assert_eq!(to_do(&facts(0, 1, 0)), [Finding::NoWayBack]);
        assert_eq!(to_do(&facts(1, 1, 0)), []);
        assert_eq!(to_do(&facts(1, 0, 3)), [Finding::FewRecoveryCodes(3)]);
        assert_eq!(to_do(&facts(1, 0, 4)), []);
        // Codes without a factor are of no use, and no worry.
        assert_eq!(to_do(&facts(0, 0, 1)), [Finding::NoSecondFactor]);
    }

    #[test]
    fn looking_at_the_history_is_due_after_the_interval_to_the_second() {
        let start = Timestamp::from_milliseconds(1_000_000);
        let month = Duration::from_hours(30 * 24);
        let due = |reviewed, after: Duration| review_due(reviewed, start, month, start.plus(after));
        assert!(!due(None, month.saturating_sub(Duration::from_secs(1))));
        assert!(due(None, month));
        assert!(!due(
            Some(start.plus(month)),
            (month * 2).saturating_sub(Duration::from_secs(1))
        ));
        assert!(due(Some(start.plus(month)), month * 2));
        assert!(!review_due(
            None,
            start,
            Duration::ZERO,
            start.plus(month * 99)
        ));
    }
}
