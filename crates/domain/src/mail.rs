//! What is told by mail, what its links may do, and when sending is tried again.
//!
//! A [`Message`] is stored as JSON until it is sent. It holds no secret: the token
//! of a link is derived from its id when the mail is written (AUTH-09), so that
//! whoever reads the database can open nothing.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Random;
use crate::alert::{AlertClass, AlertKind};
use crate::client::ClientDetails;
use crate::email_change::{CONFIRM_EMAIL_LIFE, UNDO_EMAIL_LIFE};
use crate::ids::{MailLinkId, SessionId, UserId};
use crate::time::Timestamp;
use crate::user::EmailAddress;

/// How long sending is tried (ALR-04).
pub const GIVE_UP_AFTER: Duration = Duration::from_hours(72);

/// How long the link of an alert works (H2).
pub const ALERT_LINK_LIFE: Duration = Duration::from_hours(24);

/// How long the link of an alert works that tells of a change to what opens the account:
/// as long as a change of the address can be undone, so that a holiday of a week does not
/// leave the account to whoever planted a second factor in it (F5).
pub const CREDENTIAL_ALERT_LINK_LIFE: Duration = UNDO_EMAIL_LIFE;

/// How long before what a mail tells of everything added to the account is doubtful.
pub const DOUBTFUL_BEFORE: Duration = Duration::from_hours(24);

/// From this age on a second factor has settled: nobody takes the only ones away by a
/// link in a mail alone (MFA-07), since that and a link to a new password come to the same
/// mailbox.
pub const SETTLED_AFTER: Duration = CREDENTIAL_ALERT_LINK_LIFE;

/// How long a link to a new password works (AUTH-09).
pub const RESET_LINK_LIFE: Duration = Duration::from_hours(1);

/// Sign-ins that one mail lists; of more it says how many.
pub const MOST_LISTED: usize = 10;

/// Whose account a mail is about, as it was when it happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountWords {
    /// The person's name.
    pub name: String,
    /// The address with which they sign in.
    pub email: String,
    /// Their organization.
    pub organization: String,
}

/// Where something came from, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientWords {
    /// "Firefox on Windows".
    pub browser: String,
    /// "Vienna, Austria".
    pub place: Option<String>,
    /// The client's address.
    pub address: Option<IpAddr>,
}

impl ClientWords {
    /// The words for a client.
    pub fn of(client: &ClientDetails) -> Self {
        Self {
            browser: client.description().phrase(),
            place: client.place.clone(),
            address: client.address,
        }
    }
}

/// One thing that an alert tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    /// What happened.
    pub kind: AlertKind,
    /// When.
    pub at: Timestamp,
    /// The session that began, or that acted.
    pub session: Option<SessionId>,
    /// Where it came from.
    pub client: Option<ClientWords>,
    /// The name of a factor, a reason, a number: whatever the words need.
    pub detail: Option<String>,
}

/// Something happened in an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertMail {
    /// With what it is gathered.
    pub class: AlertClass,
    /// Whose account.
    pub account: AccountWords,
    /// What happened, oldest first; at least one.
    pub occurrences: Vec<Occurrence>,
    /// How many more there were than are listed.
    pub more: i64,
    /// "This wasn't me".
    pub link: Option<MailLinkId>,
}

impl AlertMail {
    /// Adds what happened since. Two reports of one sign-in become one, the graver.
    pub fn gather(&mut self, next: Occurrence) {
        let is_same =
            |known: &&mut Occurrence| known.session.is_some() && known.session == next.session;
        if let Some(known) = self.occurrences.iter_mut().find(is_same) {
            if next.kind.weight() > known.kind.weight() {
                *known = next;
            }
        } else if self.occurrences.len() < MOST_LISTED {
            self.occurrences.push(next);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    /// The one session that it is about, if it is about one.
    pub fn only_session(&self) -> Option<SessionId> {
        match self.occurrences.as_slice() {
            [one] if self.more == 0 => one.session,
            _ => None,
        }
    }
}

/// Somebody asked for a new password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordResetMail {
    /// Whose.
    pub account: AccountWords,
    /// What opens the page.
    pub link: MailLinkId,
}

/// An account is to get another address, or has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailChangeMail {
    /// Whose account. To an address that has not confirmed yet, name and
    /// organization are all that is told.
    pub account: AccountWords,
    /// What the mail is for.
    pub step: EmailChangeStep,
    /// What happened, when and from where; the detail is the new address,
    /// shortened.
    pub occurrence: Occurrence,
    /// What opens the page that confirms, or the one that undoes.
    pub link: Option<MailLinkId>,
}

/// What a mail about a change of address is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmailChangeStep {
    /// To the new address: please confirm.
    Confirm,
    /// To the new address, which has an account already: nothing will change.
    Taken,
    /// To the old address, at once and when it is done: was it you? With a link
    /// that undoes it, unless an operator did it.
    Tell,
}

/// A message to somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "snake_case")]
pub enum Message {
    /// Something happened in an account.
    Alert(AlertMail),
    /// Somebody typed this address and asked for a new password. Whether it has an
    /// account is looked up when it is this row's turn, so that asking takes the
    /// same time for every address (AUTH-07). Never sent as it is.
    RecoveryAsked,
    /// A link to a new password.
    PasswordReset(PasswordResetMail),
    /// About a change of the account's address, to the old address or the new.
    EmailChange(EmailChangeMail),
}

impl Message {
    /// The stored name of its kind.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Alert(alert) => alert.class.mail_kind(),
            Self::RecoveryAsked => "recovery_asked",
            Self::PasswordReset(_) => "password_reset",
            Self::EmailChange(_) => "email_change",
        }
    }

    /// How long after it was written sending still makes sense: a link that no
    /// longer works is not sent.
    pub const fn life(&self) -> Duration {
        match self {
            Self::EmailChange(EmailChangeMail {
                step: EmailChangeStep::Confirm | EmailChangeStep::Taken,
                ..
            }) => CONFIRM_EMAIL_LIFE,
            Self::Alert(_) | Self::EmailChange(_) => GIVE_UP_AFTER,
            Self::RecoveryAsked | Self::PasswordReset(_) => RESET_LINK_LIFE,
        }
    }
}

/// Waits between attempts; the last one goes on.
const DELAYS: [Duration; 7] = [
    Duration::from_secs(10),
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(15),
    Duration::from_hours(1),
    Duration::from_hours(3),
    Duration::from_hours(6),
];

/// When to try again after the given number of attempts, a fifth earlier or later
/// so that what failed together does not come back together; `None` to give up.
pub fn next_attempt(
    created_at: Timestamp,
    life: Duration,
    attempts: i64,
    now: Timestamp,
    random: &dyn Random,
) -> Option<Timestamp> {
    let place = usize::try_from(attempts.max(1) - 1).unwrap_or(usize::MAX);
    let delay = DELAYS.get(place).or(DELAYS.last())?;
    let mut dice = [0; 2];
    random.fill(&mut dice);
    // From 80 to 120 hundredths.
    let hundredths = 80 + u32::from(u16::from_le_bytes(dice) % 41);
    let next = now.plus(*delay * hundredths / 100);
    (next <= created_at.plus(life)).then_some(next)
}

/// What a link in a mail may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LinkKind {
    /// "This wasn't me": ends sessions and starts recovery.
    Alert,
    /// Sets a new password.
    Reset,
    /// Gives the account the address that the mail went to.
    ConfirmEmail,
    /// Gives the account its old address back, ends its sessions and starts
    /// recovery.
    UndoEmail,
}

impl LinkKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [
        Self::Alert,
        Self::Reset,
        Self::ConfirmEmail,
        Self::UndoEmail,
    ];

    /// The stored name. It is part of what tokens are derived from, so that the
    /// token of one kind is worth nothing as another.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Reset => "reset",
            Self::ConfirmEmail => "confirm_email",
            Self::UndoEmail => "undo_email",
        }
    }

    /// Reads a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// How long it works; that of an alert may work longer, see
    /// [`AlertClass::link_life`].
    pub const fn life(self) -> Duration {
        match self {
            Self::Alert => ALERT_LINK_LIFE,
            Self::Reset => RESET_LINK_LIFE,
            Self::ConfirmEmail => CONFIRM_EMAIL_LIFE,
            Self::UndoEmail => UNDO_EMAIL_LIFE,
        }
    }
}

/// A link as it is stored.
#[derive(Debug, Clone)]
pub struct MailLink {
    /// Half of its token.
    pub id: MailLinkId,
    /// What it may do.
    pub kind: LinkKind,
    /// Whose account.
    pub user_id: UserId,
    /// Where the mail went.
    pub recipient: EmailAddress,
    /// The session it is about.
    pub session_id: Option<SessionId>,
    /// When the password was set, as of then.
    pub password_set_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working.
    pub expires_at: Timestamp,
    /// When it was used, once.
    pub used_at: Option<Timestamp>,
}

/// Why a link does nothing any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkRefusal {
    /// There is none of this id and kind.
    Unknown,
    /// It was used.
    Used,
    /// It is too old.
    Expired,
    /// The account changed in a way that makes it void.
    Overtaken,
}

/// What of an account a link was bound to, as it stands now.
#[derive(Debug, Clone)]
pub struct LinkStanding {
    /// The account's address.
    pub email: EmailAddress,
    /// When its password was set.
    pub password_set_at: Option<Timestamp>,
}

impl MailLink {
    /// Whether the link may be used now.
    ///
    /// A reset is void once the password was set anew or the account has another
    /// address, but not because sessions were ended: a thief who presses "Log out
    /// of all sessions" must not cancel the owner's recovery (F5). An alert depends on
    /// neither, and neither does undoing a change of the address: whoever changed it
    /// also knew the password. A change that waits for its confirmation is void once
    /// the password was set anew; what else it depends on stands in the change.
    pub fn admit(&self, standing: &LinkStanding, now: Timestamp) -> Result<(), LinkRefusal> {
        if self.used_at.is_some() {
            return Err(LinkRefusal::Used);
        }
        if now >= self.expires_at {
            return Err(LinkRefusal::Expired);
        }
        let same_password = self.password_set_at == standing.password_set_at;
        let holds = match self.kind {
            LinkKind::Alert | LinkKind::UndoEmail => true,
            LinkKind::ConfirmEmail => same_password,
            LinkKind::Reset => same_password && self.recipient.key() == standing.email.key(),
        };
        if holds {
            Ok(())
        } else {
            Err(LinkRefusal::Overtaken)
        }
    }
}

#[cfg(test)]
mod tests;
