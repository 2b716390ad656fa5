//! What an operator asks for, as it travels.

use std::fmt;

use nightlatch_domain::audit::Head;
use nightlatch_domain::ids::{AuthenticatorAppId, ClientId, EndingId, NoticeId, SessionId};
use nightlatch_domain::user::Role;
use nightlatch_flows::factor_removal::Kind;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::AppWish;

/// A password on its way from the command line. It prints as nothing.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TypedPassword(String);

impl TypedPassword {
    /// Takes what was typed.
    pub fn new(text: &Zeroizing<String>) -> Self {
        Self(text.as_str().to_owned())
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl Drop for TypedPassword {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}

impl fmt::Debug for TypedPassword {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TypedPassword(…)")
    }
}

/// What can be taken away of how somebody signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum FactorKind {
    /// Authenticator apps
    AuthenticatorApps,
    /// Passkeys
    Passkeys,
    /// Recovery codes
    RecoveryCodes,
    /// Browsers that are not asked for the second step
    RememberedBrowsers,
}

impl FactorKind {
    /// The same for the flow.
    pub(super) const fn meaning(self) -> Kind {
        match self {
            Self::AuthenticatorApps => Kind::AuthenticatorApps,
            Self::Passkeys => Kind::Passkeys,
            Self::RecoveryCodes => Kind::RecoveryCodes,
            Self::RememberedBrowsers => Kind::RememberedBrowsers,
        }
    }
}

/// Whose sessions to end.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whom {
    /// One person's, by e-mail address.
    User(String),
    /// Those of everybody in an organization, by name.
    Organization(String),
    /// Everybody's.
    Everyone,
}

/// What an operator asks for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "the fields are the options of the command line"
)]
pub enum Command {
    /// `user add`.
    UserAdd {
        email: String,
        name: String,
        organization: Option<String>,
        role: Role,
        password: TypedPassword,
    },
    /// `user list`.
    UserList,
    /// `user disable`.
    UserDisable { email: String },
    /// `user enable`.
    UserEnable { email: String },
    /// `user delete`.
    UserDelete { email: String },
    /// `user set-password`.
    UserSetPassword {
        email: String,
        password: TypedPassword,
    },
    /// `user set-email`.
    UserSetEmail { email: String, new_email: String },
    /// `user remove-factors`; no kinds mean all of them.
    UserRemoveFactors {
        email: String,
        only: Vec<FactorKind>,
        reason: String,
    },
    /// `session list`.
    SessionList { email: String },
    /// `session end`.
    SessionEnd {
        id: SessionId,
        reason: Option<String>,
    },
    /// `log-out`.
    LogOut { whom: Whom, reason: Option<String> },
    /// `organization add`.
    OrganizationAdd { name: String },
    /// `organization list`.
    OrganizationList,
    /// `organization set`.
    OrganizationSet {
        organization: Option<String>,
        changes: Vec<(String, String)>,
    },
    /// `group add`.
    GroupAdd {
        name: String,
        organization: Option<String>,
    },
    /// `group list`.
    GroupList { organization: Option<String> },
    /// `group remove`.
    GroupRemove {
        name: String,
        organization: Option<String>,
    },
    /// `group add-member` and `group remove-member`.
    GroupMember {
        name: String,
        organization: Option<String>,
        email: String,
        is_member: bool,
    },
    /// `app add`.
    AppAdd {
        name: String,
        organization: Option<String>,
        wish: Box<AppWish>,
    },
    /// `app list`.
    AppList { organization: Option<String> },
    /// `app set`.
    AppSet {
        client_id: ClientId,
        name: Option<String>,
        wish: Box<AppWish>,
    },
    /// `app replace-secret`.
    AppReplaceSecret { client_id: ClientId },
    /// `app withdraw`.
    AppWithdraw {
        client_id: ClientId,
        reason: Option<String>,
    },
    /// `app restore`.
    AppRestore { client_id: ClientId },
    /// `app test`.
    AppTest { client_id: ClientId },
    /// `notice list`.
    NoticeList,
    /// `notice show`: what became of telling apps of one ending.
    NoticeShow { ending: EndingId },
    /// `notice resend`; without an id everything that failed or was given up.
    NoticeResend { id: Option<NoticeId> },
    /// A step of `audit verify`; without an organization, of what concerns none.
    AuditCheck {
        organization: Option<String>,
        checked: Option<Head>,
    },
    /// A step of `audit export`, likewise.
    AuditRead {
        organization: Option<String>,
        behind: i64,
    },
    /// `key prepare`.
    KeyPrepare,
    /// `key rotate`, its first step.
    KeyRotate { only_node: bool },
    /// `key reseal`, and the further steps of `key rotate`: one batch.
    KeyReseal { after: Option<AuthenticatorAppId> },
}

impl Command {
    /// Whether it makes sense where no database exists yet.
    pub const fn may_begin(&self) -> bool {
        matches!(self, Self::UserAdd { .. } | Self::OrganizationAdd { .. })
    }
}
