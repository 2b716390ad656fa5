//! Why, by whom and how far sessions end.
//!
//! An *ending* is one act that ends sessions. The words here are stored, shown
//! and (later) sent to apps; the act itself is in the flows.

use serde::{Deserialize, Serialize};

use crate::ids::{ClientId, OrganizationId, SessionId, UserId};

/// Why a session ended. Where several apply, the first in time wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The person pressed Log out in that browser.
    LoggedOut,
    /// The person ended it from another of their sessions.
    EndedFromOtherDevice,
    /// The person logged out of all sessions.
    LoggedOutEverywhere,
    /// The person logged out of all other sessions, in one that goes on.
    LoggedOutOfOthers,
    /// An administrator or the operator ended it.
    EndedByAdministrator,
    /// An administrator asked people to sign in again.
    AccessRefreshRequested,
    /// The account was disabled.
    UserDisabled,
    /// The account was deleted.
    UserDeleted,
    /// The password was changed.
    PasswordChanged,
    /// The account was recovered.
    AccountRecovered,
    /// The account has another e-mail address.
    EmailChanged,
    /// A second factor was added, replaced or removed.
    FactorChanged,
    /// A rule of the organization was tightened.
    Policy,
    /// More sessions than the organization allows.
    SessionLimit,
    /// Too long without activity.
    IdleTimeout,
    /// It had lasted as long as it may.
    OverallTimeout,
    /// A token was used that had been replaced.
    TokenReuse,
    /// The app was withdrawn.
    AppWithdrawn,
    /// Somebody signed in anew in the same browser.
    ReplacedByNewSignIn,
    /// A rule about suspicious activity said so.
    SuspiciousActivity,
    /// A backup was restored.
    RestoredFromBackup,
    /// The person said: this wasn't me.
    ReportedByUser,
}

impl Cause {
    /// Every cause, for tables and tests.
    pub const ALL: [Self; 22] = [
        Self::LoggedOut,
        Self::EndedFromOtherDevice,
        Self::LoggedOutEverywhere,
        Self::LoggedOutOfOthers,
        Self::EndedByAdministrator,
        Self::AccessRefreshRequested,
        Self::UserDisabled,
        Self::UserDeleted,
        Self::PasswordChanged,
        Self::AccountRecovered,
        Self::EmailChanged,
        Self::FactorChanged,
        Self::Policy,
        Self::SessionLimit,
        Self::IdleTimeout,
        Self::OverallTimeout,
        Self::TokenReuse,
        Self::AppWithdrawn,
        Self::ReplacedByNewSignIn,
        Self::SuspiciousActivity,
        Self::RestoredFromBackup,
        Self::ReportedByUser,
    ];

    /// The stored and programmatic name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LoggedOut => "logged_out",
            Self::EndedFromOtherDevice => "ended_from_other_device",
            Self::LoggedOutEverywhere => "logged_out_everywhere",
            Self::LoggedOutOfOthers => "logged_out_of_others",
            Self::EndedByAdministrator => "ended_by_administrator",
            Self::AccessRefreshRequested => "access_refresh_requested",
            Self::UserDisabled => "user_disabled",
            Self::UserDeleted => "user_deleted",
            Self::PasswordChanged => "password_changed",
            Self::AccountRecovered => "account_recovered",
            Self::EmailChanged => "email_changed",
            Self::FactorChanged => "factor_changed",
            Self::Policy => "policy",
            Self::SessionLimit => "session_limit",
            Self::IdleTimeout => "idle_timeout",
            Self::OverallTimeout => "overall_timeout",
            Self::TokenReuse => "token_reuse",
            Self::AppWithdrawn => "app_withdrawn",
            Self::ReplacedByNewSignIn => "replaced_by_new_sign_in",
            Self::SuspiciousActivity => "suspicious_activity",
            Self::RestoredFromBackup => "restored_from_backup",
            Self::ReportedByUser => "reported_by_user",
        }
    }

    /// Reads a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.name() == name)
    }

    /// Whether long-lived grants of apps end too without being asked (TOK-04, A8):
    /// somebody else may have made them, or the person is to have no access at all.
    /// An ordinary log-out never does.
    pub const fn ends_long_lived_grants(self) -> bool {
        matches!(
            self,
            Self::EndedByAdministrator
                | Self::UserDisabled
                | Self::UserDeleted
                | Self::PasswordChanged
                | Self::AccountRecovered
                | Self::TokenReuse
                | Self::SuspiciousActivity
                | Self::RestoredFromBackup
                | Self::ReportedByUser
        )
    }
}

/// Who ended it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// The person, for themselves.
    User(UserId),
    /// An administrator of the organization.
    Administrator(UserId),
    /// Whoever runs the server, at its command line.
    Operator,
    /// The server itself: a limit or a rule.
    System,
}

/// The longest reason, in characters.
const LONGEST_REASON: usize = 500;

/// A reason in words as it is kept: one line of bounded length, or none. Otherwise a
/// sentence that says what is wrong.
pub fn parse_reason(reason: &str) -> Result<Option<String>, String> {
    let tidy: String = reason.trim().chars().filter(|c| !c.is_control()).collect();
    if tidy.chars().count() > LONGEST_REASON {
        return Err(format!("A reason has at most {LONGEST_REASON} characters."));
    }
    Ok((!tidy.is_empty()).then_some(tidy))
}

impl Actor {
    /// The stored and programmatic name of the kind.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Administrator(_) => "administrator",
            Self::Operator => "operator",
            Self::System => "system",
        }
    }

    /// The person, if it was one.
    pub const fn user_id(self) -> Option<UserId> {
        match self {
            Self::User(id) | Self::Administrator(id) => Some(id),
            Self::Operator | Self::System => None,
        }
    }

    /// Reads a stored actor; `None` if the two parts do not fit.
    pub fn from_parts(kind: &str, user_id: Option<UserId>) -> Option<Self> {
        match (kind, user_id) {
            ("user", Some(id)) => Some(Self::User(id)),
            ("administrator", Some(id)) => Some(Self::Administrator(id)),
            ("operator", None) => Some(Self::Operator),
            ("system", None) => Some(Self::System),
            _ => None,
        }
    }
}

/// What ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// One session.
    Session(SessionId),
    /// These sessions.
    Selection(Vec<SessionId>),
    /// All of a user's sessions but the kept one, which gets a new token.
    OthersOf {
        /// Whose.
        user: UserId,
        /// The one that stays.
        keep: SessionId,
    },
    /// All of a user's sessions.
    AllOf(UserId),
    /// Everybody in an organization.
    Organization(OrganizationId),
    /// Everybody.
    Deployment,
    /// One app in one session, which goes on (E11).
    AppInSession {
        /// Which session.
        session: SessionId,
        /// The app that it leaves.
        client: ClientId,
    },
    /// One app, everywhere; the sessions go on.
    Client(ClientId),
}

impl Scope {
    /// The stored and programmatic name of the kind.
    pub const fn kind(&self) -> ScopeKind {
        match self {
            Self::Session(_) => ScopeKind::Session,
            Self::Selection(_) => ScopeKind::Selection,
            Self::OthersOf { .. } => ScopeKind::OthersOfUser,
            Self::AllOf(_) => ScopeKind::AllOfUser,
            Self::Organization(_) => ScopeKind::Organization,
            Self::Deployment => ScopeKind::Deployment,
            Self::AppInSession { .. } => ScopeKind::AppInSession,
            Self::Client(_) => ScopeKind::Client,
        }
    }
}

/// A scope without the names in it, as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopeKind {
    /// See [`Scope::Session`].
    Session,
    /// See [`Scope::Selection`].
    Selection,
    /// See [`Scope::OthersOf`].
    OthersOfUser,
    /// See [`Scope::AllOf`].
    AllOfUser,
    /// See [`Scope::Organization`].
    Organization,
    /// See [`Scope::Deployment`].
    Deployment,
    /// See [`Scope::AppInSession`].
    AppInSession,
    /// See [`Scope::Client`].
    Client,
}

impl ScopeKind {
    const ALL: [Self; 8] = [
        Self::Session,
        Self::Selection,
        Self::OthersOfUser,
        Self::AllOfUser,
        Self::Organization,
        Self::Deployment,
        Self::AppInSession,
        Self::Client,
    ];

    /// The stored name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Selection => "selection",
            Self::OthersOfUser => "others_of_user",
            Self::AllOfUser => "all_of_user",
            Self::Organization => "organization",
            Self::Deployment => "deployment",
            Self::AppInSession => "app_in_session",
            Self::Client => "client",
        }
    }

    /// Reads a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}
