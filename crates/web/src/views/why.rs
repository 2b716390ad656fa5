//! Why a session ended, in the words a person reads.

use super::{LinkView, NoticeKind, NoticeView, TimeView};

/// The cause of an ending, as far as the person is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyEnded {
    /// The person pressed Log out in this browser.
    LoggedOutHere,
    /// The person ended it from another device.
    AnotherDevice,
    /// The person logged out of all sessions.
    AllSessions,
    /// The person logged out of all other sessions, on another device.
    AllOthers,
    /// Not used for too long.
    Idle,
    /// The overall time of a session was over.
    Overall,
    /// The person's password was changed.
    PasswordChanged,
    /// The account's e-mail address was changed.
    EmailChanged,
    /// How the person signs in was changed: a factor added or removed.
    FactorChanged,
    /// An administrator ended it.
    Administrator,
    /// The account was closed or paused.
    AccountDisabled,
    /// The policy allows fewer sessions at a time.
    TooManySessions,
    /// Somebody signed in in this browser afterwards.
    Replaced,
    /// The person, or the server, suspected that somebody else used it.
    Compromise,
    /// The organization's rules changed (network, apps, limits).
    PolicyChanged,
    /// Anything else.
    Other,
}

impl WhyEnded {
    /// A sentence to the person whose session it was.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::LoggedOutHere => "You logged out in this browser.",
            Self::AnotherDevice => "You were logged out from another device.",
            Self::AllSessions => {
                "You logged out of all sessions, and this browser was one of them."
            }
            Self::AllOthers => {
                "On another device, you logged out of all other sessions. This browser was one of them."
            }
            Self::Idle => "You were logged out because this browser was not used for a while.",
            Self::Overall => {
                "You were logged out because a session lasts only so long. This keeps your account safe."
            }
            Self::PasswordChanged => "You were logged out because your password was changed.",
            Self::EmailChanged => {
                "You were logged out because the e-mail address of your account was changed."
            }
            Self::FactorChanged => {
                "You were logged out because the way you sign in was changed in your account."
            }
            Self::Administrator => "An administrator logged you out.",
            Self::AccountDisabled => {
                "You were logged out because your account is not active at the moment."
            }
            Self::TooManySessions => {
                "You were logged out because you signed in on more devices than your organization allows."
            }
            Self::Replaced => {
                "You were logged out here because somebody signed in again in this browser."
            }
            Self::Compromise => {
                "You were logged out because this session was reported as not yours."
            }
            Self::PolicyChanged => {
                "You were logged out because your organization's rules have changed."
            }
            Self::Other => "Your session has ended.",
        }
    }

    /// A few words for the login history.
    pub fn short(self) -> &'static str {
        match self {
            Self::LoggedOutHere => "Logged out in that browser",
            Self::AnotherDevice => "Logged out from another device",
            Self::AllSessions => "Logged out of all sessions",
            Self::AllOthers => "Logged out of all other sessions",
            Self::Idle => "Not used for a while",
            Self::Overall => "The overall time was over",
            Self::PasswordChanged => "The password was changed",
            Self::EmailChanged => "The e-mail address was changed",
            Self::FactorChanged => "Two-step sign-in was changed",
            Self::Administrator => "Ended by an administrator",
            Self::AccountDisabled => "The account was paused or closed",
            Self::TooManySessions => "More sessions than the organization allows",
            Self::Replaced => "Somebody signed in again in that browser",
            Self::Compromise => "Reported as not yours",
            Self::PolicyChanged => "The organization's rules changed",
            Self::Other => "Ended",
        }
    }

    /// The notice above the sign-in form.
    pub fn notice(self, when: Option<TimeView>) -> NoticeView {
        let expected = matches!(
            self,
            Self::LoggedOutHere | Self::AllSessions | Self::AllOthers | Self::Idle | Self::Overall
        );
        NoticeView {
            kind: if expected {
                NoticeKind::Info
            } else {
                NoticeKind::Attention
            },
            text: if self == Self::LoggedOutHere {
                "You are logged out."
            } else {
                self.sentence()
            }
            .to_owned(),
            when,
            link: Some(LinkView {
                label: "What happened?".to_owned(),
                href: "/signed-out".to_owned(),
            }),
        }
    }
}
