//! The login history.

use askama::Template;

use super::{DeviceKind, Frame, TimeView};

/// `GET /account/history?show=all|sign-ins|endings`.
#[derive(Clone, Debug, Template)]
#[template(path = "history.html")]
pub struct HistoryPage {
    /// What all pages share; `person` is set, `nav` is [`super::Nav::History`].
    pub frame: Frame,
    /// Which entries are shown.
    pub filter: HistoryFilter,
    /// The entries, newest first.
    pub entries: Vec<HistoryEntryView>,
    /// Link to newer entries.
    pub newer: Option<String>,
    /// Link to older entries.
    pub older: Option<String>,
    /// The hidden field `until` of "All of this was me": when this page was made, in
    /// milliseconds. Without it the button is left out.
    pub reviewed_until: Option<String>,
    /// "Entries are kept for 12 months." Left out if nothing is ever removed.
    pub kept: Option<String>,
}

/// Which entries are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HistoryFilter {
    /// Everything.
    #[default]
    All,
    /// Sign-ins and failed attempts.
    SignIns,
    /// Endings.
    Endings,
}

impl HistoryFilter {
    /// The value of `show`.
    pub fn value(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::SignIns => "sign-ins",
            Self::Endings => "endings",
        }
    }

    /// Reads the value of `show`; anything unknown shows everything.
    pub fn from_value(value: &str) -> Self {
        [Self::SignIns, Self::Endings]
            .into_iter()
            .find(|filter| filter.value() == value)
            .unwrap_or_default()
    }
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryKind {
    /// A sign-in.
    SignIn,
    /// A sign-in with a browser not seen before.
    SignInNewDevice,
    /// Failed attempts, counted.
    Failed,
    /// Sign-ins that were refused because there were too many sessions.
    OverLimit,
    /// Sign-ins that were stopped because everything was logged out meanwhile.
    Overtaken,
    /// Wrong passwords in a session, counted.
    WrongProof,
    /// A right password with a wrong second step, counted.
    FactorFailed,
    /// A sign-in on another computer was approved.
    PhoneApproved,
    /// A browser was remembered for the second step.
    BrowserRemembered,
    /// A remembered browser was forgotten.
    BrowserForgotten,
    /// A session ended, or several by one act.
    Ended,
    /// The password was changed.
    PasswordChanged,
    /// Another e-mail address was asked for.
    EmailChangeAsked,
    /// That was taken back.
    EmailChangeCancelled,
    /// The e-mail address was changed.
    EmailChanged,
    /// The old e-mail address was given back.
    EmailChangeUndone,
    /// Second steps were removed by the people who run the server.
    FactorsRemoved,
    /// The password was asked for again, and was right.
    Proved,
    /// A passkey was added.
    PasskeyAdded,
    /// A passkey was removed.
    PasskeyRemoved,
    /// A passkey counted backwards.
    PasskeySuspicious,
    /// "This wasn't me".
    Reported,
    /// The account was made.
    AccountCreated,
    /// The account was paused.
    AccountDisabled,
    /// The account was opened again.
    AccountEnabled,
    /// Another role.
    RoleChanged,
    /// An administrator had a link for a new password sent.
    ResetStarted,
    /// An administrator took the password away.
    NewCredentials,
    /// A computer was marked as shared, or no longer.
    ComputerMarked,
    /// Authenticator app added.
    AppAdded,
    /// Authenticator app renamed.
    AppRenamed,
    /// Authenticator app removed.
    AppRemoved,
    /// New recovery codes made.
    RecoveryCodesMade,
    /// Recovery codes removed.
    RecoveryCodesRemoved,
    /// Recovery code used.
    RecoveryCodeUsed,
    /// An app was allowed something.
    ConsentGiven,
    /// Signed in to an app.
    AppEntered,
    /// A token of an app was used twice.
    TokenReused,
    /// An app was left.
    LeftApp,
    /// An app's access was taken away.
    AppAccessRemoved,
}

/// One entry.
#[derive(Clone, Debug)]
pub struct HistoryEntryView {
    /// What happened.
    pub kind: HistoryKind,
    /// How many attempts or sessions this entry stands for, at least 1.
    pub count: u64,
    /// For an ending its cause ([`super::WhyEnded::short`]); for a sign-in how ("Password").
    pub detail: Option<String>,
    /// Who did it: "You", "Grace Hopper (administrator)", "This server, by itself".
    pub who: Option<String>,
    /// The reason somebody gave in words.
    pub reason: Option<String>,
    /// The icon of the device.
    pub device_kind: DeviceKind,
    /// "Firefox on Windows".
    pub device: Option<String>,
    /// The address.
    pub address: Option<String>,
    /// Roughly where that is.
    pub place: Option<String>,
    /// When (the latest, if it stands for several).
    pub time: TimeView,
    /// Where "This wasn't me" leads; left out if it cannot be asked.
    pub not_me_href: Option<String>,
    /// Where the details are: what the apps said.
    pub details_href: Option<String>,
}

impl HistoryEntryView {
    /// The entry's own heading.
    pub fn title(&self) -> String {
        match (self.kind, self.count) {
            (HistoryKind::SignIn, _) => "Signed in".to_owned(),
            (HistoryKind::SignInNewDevice, _) => "Signed in with a new browser".to_owned(),
            (HistoryKind::Failed, 0 | 1) => "Failed sign-in".to_owned(),
            (HistoryKind::Failed, count) => format!("{count} failed sign-ins"),
            (HistoryKind::OverLimit, 0 | 1) => {
                "Sign-in refused: too many sessions at a time".to_owned()
            }
            (HistoryKind::OverLimit, count) => {
                format!("{count} sign-ins refused: too many sessions at a time")
            }
            (HistoryKind::Overtaken, 0 | 1) => {
                "Sign-in stopped: everything was logged out meanwhile".to_owned()
            }
            (HistoryKind::Overtaken, count) => {
                format!("{count} sign-ins stopped: everything was logged out meanwhile")
            }
            (HistoryKind::WrongProof, 0 | 1) => "Wrong answer when we asked who you are".to_owned(),
            (HistoryKind::WrongProof, count) => {
                format!("{count} wrong answers when we asked who you are")
            }
            (HistoryKind::FactorFailed, 0 | 1) => {
                "Right password, but a wrong second step".to_owned()
            }
            (HistoryKind::FactorFailed, count) => {
                format!("Right password, but {count} wrong second steps")
            }
            (HistoryKind::PhoneApproved, _) => "Sign-in on another computer approved".to_owned(),
            (HistoryKind::BrowserRemembered, _) => {
                "Browser remembered for the second step".to_owned()
            }
            (HistoryKind::BrowserForgotten, _) => "Remembered browser forgotten".to_owned(),
            (HistoryKind::Ended, 0 | 1) => "Session ended".to_owned(),
            (HistoryKind::Ended, count) => format!("{count} sessions ended"),
            (HistoryKind::PasswordChanged, _) => "Password changed".to_owned(),
            (HistoryKind::EmailChangeAsked, _) => "Change of e-mail address asked for".to_owned(),
            (HistoryKind::EmailChangeCancelled, _) => "E-mail address kept as it was".to_owned(),
            (HistoryKind::EmailChanged, _) => "E-mail address changed".to_owned(),
            (HistoryKind::EmailChangeUndone, _) => "Change of e-mail address undone".to_owned(),
            (HistoryKind::FactorsRemoved, _) => "Second steps removed".to_owned(),
            (HistoryKind::Proved, _) => "Confirmed that it was you".to_owned(),
            (HistoryKind::PasskeyAdded, _) => "Passkey added".to_owned(),
            (HistoryKind::PasskeyRemoved, _) => "Passkey removed".to_owned(),
            (HistoryKind::PasskeySuspicious, _) => "There may be a copy of a passkey".to_owned(),
            (HistoryKind::Reported, _) => "Reported as not yours".to_owned(),
            (HistoryKind::AccountCreated, _) => "Account created".to_owned(),
            (HistoryKind::AccountDisabled, _) => "Account paused".to_owned(),
            (HistoryKind::AccountEnabled, _) => "Account opened again".to_owned(),
            (HistoryKind::AppAdded, _) => "Authenticator app added".to_owned(),
            (HistoryKind::AppRenamed, _) => "Authenticator app renamed".to_owned(),
            (HistoryKind::AppRemoved, _) => "Authenticator app removed".to_owned(),
            (HistoryKind::RecoveryCodesMade, _) => "New recovery codes made".to_owned(),
            (HistoryKind::RecoveryCodesRemoved, _) => "Recovery codes removed".to_owned(),
            (HistoryKind::RecoveryCodeUsed, _) => "Recovery code used".to_owned(),
            (HistoryKind::ConsentGiven, _) => "Allowed an app to know who you are".to_owned(),
            (HistoryKind::AppEntered, _) => "Signed in to an app".to_owned(),
            (HistoryKind::TokenReused, _) => {
                "There may be a copy of what keeps an app signed in".to_owned()
            }
            (HistoryKind::LeftApp, _) => "Logged out of an app".to_owned(),
            (HistoryKind::RoleChanged, _) => "Role changed".to_owned(),
            (HistoryKind::ResetStarted, _) => "Link for a new password sent".to_owned(),
            (HistoryKind::NewCredentials, _) => "New password required".to_owned(),
            (HistoryKind::AppAccessRemoved, _) => "Access of an app removed".to_owned(),
            (HistoryKind::ComputerMarked, _) => "Shared-computer mark changed".to_owned(),
        }
    }

    /// The icon and the style class of what happened.
    pub fn icon(&self) -> &'static str {
        match self.kind {
            HistoryKind::SignIn | HistoryKind::SignInNewDevice | HistoryKind::AppEntered => "enter",
            HistoryKind::Ended | HistoryKind::LeftApp | HistoryKind::AppAccessRemoved => "leave",
            HistoryKind::PasswordChanged
            | HistoryKind::EmailChangeAsked
            | HistoryKind::EmailChangeCancelled
            | HistoryKind::EmailChanged
            | HistoryKind::FactorsRemoved
            | HistoryKind::Proved
            | HistoryKind::PhoneApproved
            | HistoryKind::BrowserRemembered
            | HistoryKind::BrowserForgotten
            | HistoryKind::RecoveryCodesMade
            | HistoryKind::RecoveryCodesRemoved
            | HistoryKind::RecoveryCodeUsed
            | HistoryKind::PasskeyAdded
            | HistoryKind::PasskeyRemoved
            | HistoryKind::ResetStarted
            | HistoryKind::NewCredentials => "key",
            HistoryKind::AppAdded | HistoryKind::AppRenamed | HistoryKind::AppRemoved => "phone",
            HistoryKind::FactorFailed
            | HistoryKind::Failed
            | HistoryKind::OverLimit
            | HistoryKind::Overtaken
            | HistoryKind::WrongProof
            | HistoryKind::Reported
            | HistoryKind::EmailChangeUndone
            | HistoryKind::AccountDisabled
            | HistoryKind::PasskeySuspicious
            | HistoryKind::TokenReused => "warning",
            HistoryKind::ConsentGiven => "apps",
            HistoryKind::AccountCreated
            | HistoryKind::AccountEnabled
            | HistoryKind::RoleChanged => "person",
            HistoryKind::ComputerMarked => "people",
        }
    }
}

impl HistoryPage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        "Login history"
    }

    /// The filters: value, words, whether it is the current one.
    pub fn filters(&self) -> [(&'static str, &'static str, bool); 3] {
        [
            (HistoryFilter::All, "All"),
            (HistoryFilter::SignIns, "Sign-ins"),
            (HistoryFilter::Endings, "Endings"),
        ]
        .map(|(filter, words)| (filter.value(), words, filter == self.filter))
    }
}
