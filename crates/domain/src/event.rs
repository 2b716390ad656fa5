//! One line of the history.
//!
//! Events are written in the transaction of what they report. People see those
//! about themselves in Login history; the audit trail is made of all of them.

use serde::{Deserialize, Serialize};

use crate::client::ClientDetails;
use crate::ending::{Actor, Cause};
use crate::ids::{BrowserId, EndingId, EventId, OrganizationId, SessionId, UserId};
use crate::time::Timestamp;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A session began.
    SignedIn,
    /// A session began in a browser this account had not used before.
    SignedInFromNewBrowser,
    /// A wrong password; failures of one hour from one address are one line.
    SignInFailed,
    /// A right password, and more sessions than the organization allows; gathered
    /// like failures.
    SignInOverLimit,
    /// A right password, and everything was ended while the sign-in was under way;
    /// gathered like failures.
    SignInOvertaken,
    /// The password was right and the second factor was not; failures of one hour
    /// from one address are one line.
    SecondFactorFailed,
    /// A browser was remembered, so that it is not asked for the second factor.
    BrowserRemembered,
    /// A remembered browser was forgotten by its owner.
    BrowserForgotten,
    /// A session ended.
    SessionEnded,
    /// A proof was asked for again, and was right.
    ProofGiven,
    /// The password was asked for again, and was wrong; gathered like failures.
    ProofFailed,
    /// The password was set by the person.
    PasswordChanged,
    /// The password was set by the operator.
    PasswordSetByOperator,
    /// Another e-mail address was asked for; it counts once its mailbox has
    /// confirmed it. The detail is that address, shortened.
    EmailChangeAsked,
    /// A change of the e-mail address was taken back before it was confirmed.
    EmailChangeCancelled,
    /// The account has another e-mail address; the detail is that address,
    /// shortened.
    EmailChanged,
    /// A change of the e-mail address was undone with the link in a mail; the
    /// detail is the address that is in force again, shortened.
    EmailChangeUndone,
    /// Second steps were removed by the operator; the detail says which and why.
    FactorsRemovedByOperator,
    /// A sign-in on another computer was approved in a session.
    PhoneSignInApproved,
    /// A passkey was added; the detail is its name.
    PasskeyAdded,
    /// A passkey was removed; the detail is its name.
    PasskeyRemoved,
    /// A passkey counted backwards, as a copy of it would (WAN-05); the detail
    /// is its name.
    PasskeySuspicious,
    /// The account was made.
    UserCreated,
    /// The account was disabled.
    UserDisabled,
    /// The account was enabled again.
    UserEnabled,
    /// The account was deleted.
    UserDeleted,
    /// The person may do more or less; the detail says what before and now.
    RoleChanged,
    /// An administrator had a link for a new password sent to the person.
    PasswordResetStarted,
    /// An administrator took the password away, and had such a link sent; the detail is
    /// the reason.
    NewCredentialsRequired,
    /// Name, picture or preferences changed.
    ProfileChanged,
    /// A device got a name of its own.
    BrowserNamed,
    /// A computer was marked as shared by an administrator.
    BrowserMarkedShared,
    /// A setting of the organization changed.
    SettingsChanged,
    /// A session or sign-in was reported: "This wasn't me".
    ReportedByUser,
    /// An authenticator app was set up and proved.
    AuthenticatorAppAdded,
    /// An authenticator app got another name.
    AuthenticatorAppRenamed,
    /// An authenticator app was removed.
    AuthenticatorAppRemoved,
    /// A new set of recovery codes was made; older ones are void.
    RecoveryCodesMade,
    /// The recovery codes were removed, since somebody else had made them.
    RecoveryCodesRemoved,
    /// A recovery code was used up.
    RecoveryCodeUsed,
    /// The person agreed that an app gets something; the detail is its name.
    ConsentGiven,
    /// A session entered an app; the detail is the app's name.
    AppEntered,
    /// A token of an app was used after its successor, or a code twice; what the
    /// app held of it was revoked (TOK-02). The detail is the app's name.
    TokenReused,
    /// An app was registered; the detail names it, here and in the following.
    AppRegistered,
    /// What is registered of an app was changed.
    AppChanged,
    /// An app got another secret.
    AppSecretReplaced,
    /// An app was withdrawn.
    AppWithdrawn,
    /// A withdrawn app can be entered again.
    AppRestored,
    /// A group was made; the detail names it, here and in the following.
    GroupAdded,
    /// A group was removed.
    GroupRemoved,
    /// Somebody was taken into a group.
    GroupMemberAdded,
    /// Somebody was taken out of a group.
    GroupMemberRemoved,
    /// The person left an app while their session went on; the detail is its name.
    AppLeft,
    /// The person took an app's access away; the detail is its name.
    AppAccessRemoved,
    /// The audit trail was checked from its beginning; the detail says what came of it
    /// (LOG-05).
    AuditChecked,
    /// Lines of the audit trail were read; the detail says how many.
    AuditRead,
}

impl EventKind {
    const ALL: &[Self] = &[
        Self::SignedIn,
        Self::SignedInFromNewBrowser,
        Self::SignInFailed,
        Self::SignInOverLimit,
        Self::SignInOvertaken,
        Self::SecondFactorFailed,
        Self::BrowserRemembered,
        Self::BrowserForgotten,
        Self::SessionEnded,
        Self::ProofGiven,
        Self::ProofFailed,
        Self::PasswordChanged,
        Self::PasswordSetByOperator,
        Self::EmailChangeAsked,
        Self::EmailChangeCancelled,
        Self::EmailChanged,
        Self::EmailChangeUndone,
        Self::FactorsRemovedByOperator,
        Self::PhoneSignInApproved,
        Self::PasskeyAdded,
        Self::PasskeyRemoved,
        Self::PasskeySuspicious,
        Self::UserCreated,
        Self::UserDisabled,
        Self::UserEnabled,
        Self::UserDeleted,
        Self::RoleChanged,
        Self::PasswordResetStarted,
        Self::NewCredentialsRequired,
        Self::ProfileChanged,
        Self::BrowserNamed,
        Self::BrowserMarkedShared,
        Self::SettingsChanged,
        Self::ReportedByUser,
        Self::AuthenticatorAppAdded,
        Self::AuthenticatorAppRenamed,
        Self::AuthenticatorAppRemoved,
        Self::RecoveryCodesMade,
        Self::RecoveryCodesRemoved,
        Self::RecoveryCodeUsed,
        Self::AppRegistered,
        Self::AppChanged,
        Self::AppSecretReplaced,
        Self::AppWithdrawn,
        Self::AppRestored,
        Self::GroupAdded,
        Self::GroupRemoved,
        Self::GroupMemberAdded,
        Self::GroupMemberRemoved,
        Self::ConsentGiven,
        Self::AppEntered,
        Self::TokenReused,
        Self::AppLeft,
        Self::AppAccessRemoved,
        Self::AuditChecked,
        Self::AuditRead,
    ];

    /// The stored and programmatic name; stable (LOG-01).
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignedIn => "signed_in",
            Self::SignedInFromNewBrowser => "signed_in_from_new_browser",
            Self::SignInFailed => "sign_in_failed",
            Self::SignInOverLimit => "sign_in_over_limit",
            Self::SignInOvertaken => "sign_in_overtaken",
            Self::SecondFactorFailed => "second_factor_failed",
            Self::BrowserRemembered => "browser_remembered",
            Self::BrowserForgotten => "browser_forgotten",
            Self::SessionEnded => "session_ended",
            Self::ProofGiven => "proof_given",
            Self::ProofFailed => "proof_failed",
            Self::PasswordChanged => "password_changed",
            Self::PasswordSetByOperator => "password_set_by_operator",
            Self::EmailChangeAsked => "email_change_asked",
            Self::EmailChangeCancelled => "email_change_cancelled",
            Self::EmailChanged => "email_changed",
            Self::EmailChangeUndone => "email_change_undone",
            Self::FactorsRemovedByOperator => "factors_removed_by_operator",
            Self::PhoneSignInApproved => "phone_sign_in_approved",
            Self::PasskeyAdded => "passkey_added",
            Self::PasskeyRemoved => "passkey_removed",
            Self::PasskeySuspicious => "passkey_suspicious",
            Self::UserCreated => "user_created",
            Self::UserDisabled => "user_disabled",
            Self::UserEnabled => "user_enabled",
            Self::UserDeleted => "user_deleted",
            Self::RoleChanged => "role_changed",
            Self::PasswordResetStarted => "password_reset_started",
            Self::NewCredentialsRequired => "new_credentials_required",
            Self::ProfileChanged => "profile_changed",
            Self::BrowserNamed => "browser_named",
            Self::BrowserMarkedShared => "browser_marked_shared",
            Self::SettingsChanged => "settings_changed",
            Self::ReportedByUser => "reported_by_user",
            Self::AuthenticatorAppAdded => "authenticator_app_added",
            Self::AuthenticatorAppRenamed => "authenticator_app_renamed",
            Self::AuthenticatorAppRemoved => "authenticator_app_removed",
            Self::RecoveryCodesMade => "recovery_codes_made",
            Self::RecoveryCodesRemoved => "recovery_codes_removed",
            Self::RecoveryCodeUsed => "recovery_code_used",
            Self::AppRegistered => "app_registered",
            Self::AppChanged => "app_changed",
            Self::AppSecretReplaced => "app_secret_replaced",
            Self::AppWithdrawn => "app_withdrawn",
            Self::AppRestored => "app_restored",
            Self::GroupAdded => "group_added",
            Self::GroupRemoved => "group_removed",
            Self::GroupMemberAdded => "group_member_added",
            Self::GroupMemberRemoved => "group_member_removed",
            Self::ConsentGiven => "consent_given",
            Self::AppEntered => "app_entered",
            Self::TokenReused => "token_reused",
            Self::AppLeft => "app_left",
            Self::AppAccessRemoved => "app_access_removed",
            Self::AuditChecked => "audit_checked",
            Self::AuditRead => "audit_read",
        }
    }

    /// Reads a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

/// Something that happened, with who did it to whom, from where and why.
#[derive(Debug, Clone)]
pub struct Event {
    /// Sorts by time.
    pub id: EventId,
    /// When; for failures that were gathered, the latest.
    pub at: Timestamp,
    /// Where it belongs; `None` for the deployment.
    pub organization_id: Option<OrganizationId>,
    /// Whose account.
    pub user_id: Option<UserId>,
    /// Who did it.
    pub actor: Actor,
    /// What.
    pub kind: EventKind,
    /// The session concerned.
    pub session_id: Option<SessionId>,
    /// The browser concerned.
    pub browser_id: Option<BrowserId>,
    /// The ending that this belongs to.
    pub ending_id: Option<EndingId>,
    /// Why a session ended.
    pub cause: Option<Cause>,
    /// Where it came from.
    pub client: ClientDetails,
    /// How many were gathered into this line; 1 for most.
    pub count: i64,
    /// A reason given in words, or what was changed; never a secret (LOG-03).
    pub detail: Option<String>,
}
