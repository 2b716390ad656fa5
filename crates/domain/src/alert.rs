//! What people are told about their account, and how often.
//!
//! The rule is pure: which events become a mail, which are gathered into one
//! (ALR-02, H1), and which are told at once whatever happened before (ALR-04).
//! There is no switch that turns any of them off. An alert is about a sign-in or
//! an act, never about an address or a version that changed: those are not kinds.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::mail::{ALERT_LINK_LIFE, CREDENTIAL_ALERT_LINK_LIFE};
use crate::time::Timestamp;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// A sign-in in a browser that this account had not used before.
    NewBrowser,
    /// A sign-in after ten or more wrong passwords.
    AfterManyFailures,
    /// A sign-in that was approved with a phone.
    ApprovedFromPhone,
    /// The password was right and the second step was not.
    SecondFactorFailed,
    /// A second step was added.
    FactorAdded,
    /// A second step was removed.
    FactorRemoved,
    /// A new set of recovery codes was made.
    RecoveryCodesMade,
    /// A recovery code was used to sign in.
    RecoveryCodeUsed,
    /// Few recovery codes are left.
    RecoveryCodesLow,
    /// The password was changed in a session.
    PasswordChanged,
    /// The password was set anew by a link in a mail.
    PasswordReset,
    /// The people who run the server set a password.
    PasswordSetByOperator,
    /// Somebody asked for another e-mail address for the account.
    EmailChangeAsked,
    /// The account has another e-mail address.
    EmailChanged,
    /// The people who run the server gave the account another e-mail address.
    EmailSetByOperator,
    /// A change of the e-mail address was undone with the link in a mail.
    EmailChangeUndone,
    /// The people who run the server removed what the account had as second steps.
    FactorsRemovedByOperator,
    /// All sessions, or all others, were logged out.
    AllSessionsEnded,
    /// An administrator signed the person out.
    SignedOutByAdministrator,
    /// A token of an app was used after its successor (TOK-02).
    AppTokenReused,
    /// An app of the organization fails repeatedly to learn of logouts (DLV-04).
    AppNotTold,
    /// That app has learned of all that it had missed.
    AppToldAgain,
}

/// Alerts that are gathered together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertClass {
    /// Somebody signed in.
    SignIn,
    /// Somebody has the password and nothing more.
    SecondFactor,
    /// What opens the account changed. Never held back.
    Credential,
    /// Sessions were ended by their owner.
    Sessions,
    /// Somebody else may hold what an app was given.
    Apps,
    /// Somebody else acted on the account. Never held back.
    Administrator,
    /// About apps of the organization, to those who administer it; not about their
    /// account, so there is nothing that was not them.
    Delivery,
}

impl AlertKind {
    /// Every kind.
    pub const ALL: [Self; 22] = [
        Self::NewBrowser,
        Self::AfterManyFailures,
        Self::ApprovedFromPhone,
        Self::SecondFactorFailed,
        Self::FactorAdded,
        Self::FactorRemoved,
        Self::RecoveryCodesMade,
        Self::RecoveryCodeUsed,
        Self::RecoveryCodesLow,
        Self::PasswordChanged,
        Self::PasswordReset,
        Self::PasswordSetByOperator,
        Self::EmailChangeAsked,
        Self::EmailChanged,
        Self::EmailSetByOperator,
        Self::EmailChangeUndone,
        Self::FactorsRemovedByOperator,
        Self::AllSessionsEnded,
        Self::SignedOutByAdministrator,
        Self::AppTokenReused,
        Self::AppNotTold,
        Self::AppToldAgain,
    ];

    /// With which others it is gathered.
    pub const fn class(self) -> AlertClass {
        match self {
            Self::NewBrowser | Self::AfterManyFailures | Self::ApprovedFromPhone => {
                AlertClass::SignIn
            }
            Self::SecondFactorFailed => AlertClass::SecondFactor,
            Self::FactorAdded
            | Self::FactorRemoved
            | Self::RecoveryCodesMade
            | Self::RecoveryCodeUsed
            | Self::RecoveryCodesLow
            | Self::PasswordChanged
            | Self::PasswordReset
            | Self::PasswordSetByOperator
            | Self::EmailChangeAsked
            | Self::EmailChanged
            | Self::EmailSetByOperator
            | Self::EmailChangeUndone
            | Self::FactorsRemovedByOperator => AlertClass::Credential,
            Self::AllSessionsEnded => AlertClass::Sessions,
            Self::SignedOutByAdministrator => AlertClass::Administrator,
            Self::AppTokenReused => AlertClass::Apps,
            Self::AppNotTold | Self::AppToldAgain => AlertClass::Delivery,
        }
    }

    /// Which of two reports of one sign-in is told, and which of several things gives a
    /// mail its heading: the higher one.
    pub const fn weight(self) -> u8 {
        match self {
            Self::AfterManyFailures => 2,
            Self::NewBrowser | Self::AppNotTold => 1,
            _ => 0,
        }
    }
}

impl AlertClass {
    /// The stored name, by which earlier mails of the class are found.
    pub const fn mail_kind(self) -> &'static str {
        match self {
            Self::SignIn => "alert_sign_in",
            Self::SecondFactor => "alert_second_factor",
            Self::Credential => "alert_credential",
            Self::Sessions => "alert_sessions",
            Self::Apps => "alert_apps",
            Self::Administrator => "alert_administrator",
            Self::Delivery => "alert_delivery",
        }
    }

    /// The least time between two mails of the class to one account. What happens
    /// in between is gathered into the next, so nothing is kept from anybody.
    pub const fn spacing(self) -> Option<Duration> {
        match self {
            Self::SignIn | Self::Sessions => Some(Duration::from_mins(10)),
            // Whoever holds a stolen password tries often; so does an app with a fault.
            // When a network is down, so are many apps.
            Self::SecondFactor | Self::Apps | Self::Delivery => Some(Duration::from_hours(1)),
            Self::Credential | Self::Administrator => None,
        }
    }

    /// Whether its mails are about the account of whoever gets them, and so offer
    /// "This wasn't me".
    pub const fn is_about_the_account(self) -> bool {
        !matches!(self, Self::Delivery)
    }

    /// How long the link works that a mail of the class holds (H2).
    pub const fn link_life(self) -> Duration {
        match self {
            Self::Credential => CREDENTIAL_ALERT_LINK_LIFE,
            Self::SignIn
            | Self::SecondFactor
            | Self::Sessions
            | Self::Apps
            | Self::Administrator
            | Self::Delivery => ALERT_LINK_LIFE,
        }
    }

    /// When a mail about something that happens now is sent. `last` is when the
    /// last one of this class was, or will be.
    pub fn due(self, last: Option<Timestamp>, now: Timestamp) -> Timestamp {
        match (self.spacing(), last) {
            (Some(spacing), Some(last)) => last.plus(spacing).max(now),
            _ => now,
        }
    }
}

/// So many wrong passwords in a row make the right one worth a mail.
pub const MANY_FAILURES: i64 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h1_sign_ins_are_told_at_most_once_in_ten_minutes() {
        let now = Timestamp::from_milliseconds(1_000_000_000);
        let due =
            |minutes| AlertClass::SignIn.due(Some(now.minus(Duration::from_mins(minutes))), now);
        assert_eq!(AlertClass::SignIn.due(None, now), now);
        assert_eq!(due(0), now.plus(Duration::from_mins(10)));
        assert_eq!(due(9), now.plus(Duration::from_mins(1)));
        assert_eq!(due(10), now);
        assert_eq!(due(60), now);
    }

    #[test]
    fn alr_04_what_opens_the_account_is_told_at_once() {
        let now = Timestamp::from_milliseconds(1_000_000_000);
        for kind in AlertKind::ALL {
            let is_held_back = kind.class().due(Some(now), now) > now;
            let may_be = matches!(
                kind.class(),
                AlertClass::SignIn
                    | AlertClass::SecondFactor
                    | AlertClass::Sessions
                    | AlertClass::Apps
                    | AlertClass::Delivery
            );
            assert_eq!(is_held_back, may_be, "{kind:?}");
        }
    }
}
