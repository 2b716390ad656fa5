//! Another e-mail address for an account.
//!
//! A change waits until the new mailbox has confirmed it; until then the old address
//! stays in force. The old address is told at once, and can undo the change for
//! some days, also after it was confirmed: whoever took a session over must not
//! be able to take the account over with it (F5).

use std::time::Duration;

use crate::ending::Cause;
use crate::ids::{EmailChangeId, MailLinkId, SessionId, UserId};
use crate::session::Refusal;
use crate::time::Timestamp;
use crate::user::EmailAddress;

/// How long the new mailbox has to confirm.
pub const CONFIRM_EMAIL_LIFE: Duration = Duration::from_hours(24);

/// How long the old mailbox can undo a change, counted from its last step: a
/// holiday of a week does not cost the account.
pub const UNDO_EMAIL_LIFE: Duration = Duration::from_hours(7 * 24);

/// Changes that a person may ask for in [`MOST_ASKED_WITHIN`]. Each sends a mail to
/// an address that somebody typed, which may be a stranger's.
pub const MOST_ASKED: i64 = 5;

/// See [`MOST_ASKED`].
pub const MOST_ASKED_WITHIN: Duration = Duration::from_hours(24);

/// How far a change has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmailChangeState {
    /// It waits for the new mailbox.
    Waiting,
    /// The account has the new address.
    Confirmed,
    /// Taken back before it was confirmed, by its owner or for a newer one. The
    /// old mailbox can still say that it was somebody else.
    Cancelled,
    /// Undone, or overtaken by what wins: nothing follows from it any more.
    Void,
}

impl EmailChangeState {
    const ALL: [Self; 4] = [Self::Waiting, Self::Confirmed, Self::Cancelled, Self::Void];

    /// The stored name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Confirmed => "confirmed",
            Self::Cancelled => "cancelled",
            Self::Void => "void",
        }
    }

    /// Reads a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// A change of an account's address.
#[derive(Debug, Clone)]
pub struct EmailChange {
    /// Sorts by time.
    pub id: EmailChangeId,
    /// Whose.
    pub user_id: UserId,
    /// The address in force when it was asked for.
    pub old: EmailAddress,
    /// The address that is to be in force.
    pub new: EmailAddress,
    /// The session that asked.
    pub session_id: SessionId,
    /// When.
    pub asked_at: Timestamp,
    /// How far it has come.
    pub state: EmailChangeState,
    /// Opens the page that confirms it.
    pub confirm_link: MailLinkId,
    /// Opens the page that undoes it.
    pub undo_link: MailLinkId,
    /// Until when it can be undone. Until then nobody else gets the old address.
    pub undo_until: Timestamp,
}

impl EmailChange {
    /// Until when it can be confirmed.
    pub fn confirm_until(&self) -> Timestamp {
        self.asked_at.plus(CONFIRM_EMAIL_LIFE)
    }

    /// Whether it can still be confirmed, as far as time and state tell.
    pub fn is_waiting(&self, now: Timestamp) -> bool {
        self.state == EmailChangeState::Waiting && now < self.confirm_until()
    }
}

/// Whether a change stands although the session that asked for it is not live, for
/// this reason. A person may log out and confirm on another device; but whatever
/// throws a session out takes along what it has begun, or an intruder's change
/// would outlive the intruder (OUT-13).
pub const fn outlives(refusal: Refusal) -> bool {
    match refusal {
        Refusal::IdleTimeout
        | Refusal::OverallTimeout
        | Refusal::Ended(
            Cause::LoggedOut
            | Cause::IdleTimeout
            | Cause::OverallTimeout
            | Cause::SessionLimit
            | Cause::ReplacedByNewSignIn,
        ) => true,
        Refusal::Ended(_) | Refusal::EpochPassed | Refusal::UserNotActive => false,
    }
}

/// An address for eyes that need not know all of it: its first letter and its
/// host. The old mailbox may belong to somebody else by now, and the history
/// outlives the account.
pub fn shortened(address: &EmailAddress) -> String {
    let text = address.as_str();
    let first: String = text.chars().take(1).collect();
    let host = text.rsplit_once('@').map_or("", |(_, host)| host);
    format!("{first}…@{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn out_13_what_throws_a_session_out_takes_its_change_along() {
        for cause in Cause::ALL {
            let by_itself = matches!(
                cause,
                Cause::LoggedOut
                    | Cause::IdleTimeout
                    | Cause::OverallTimeout
                    | Cause::SessionLimit
                    | Cause::ReplacedByNewSignIn
            );
            assert_eq!(outlives(Refusal::Ended(cause)), by_itself, "{cause:?}");
        }
        assert!(!outlives(Refusal::EpochPassed) && !outlives(Refusal::UserNotActive));
        assert!(outlives(Refusal::IdleTimeout) && outlives(Refusal::OverallTimeout));
    }

    #[test]
    fn prv_an_address_is_told_by_its_first_letter_and_host() {
        let short = |text| shortened(&EmailAddress::parse(text).expect("an address"));
        assert_eq!(short("ada@brightwater.example"), "a…@brightwater.example");
        assert_eq!(short("é@x"), "é…@x");
    }
}
