//! Two-step sign-in: authenticator apps and recovery codes.

use askama::Template;

use super::{Field, Frame, Proof, TimeView, TowardApp};

/// The section "Two-step sign-in" of Security.
///
/// Posts: `/account/security/authenticator-apps` (`csrf`), `…/{id}/rename` (`csrf`, `name`). GET
/// forms: `…/{id}/remove`, `/account/security/recovery-codes`.
#[derive(Clone, Debug, Default)]
pub struct TwoStepView {
    /// The apps, oldest first.
    pub apps: Vec<AuthenticatorAppView>,
    /// Recovery codes that are not used up.
    pub codes_left: i64,
    /// When the present set was made.
    pub codes_made: Option<TimeView>,
}

/// An authenticator app in the list.
#[derive(Clone, Debug)]
pub struct AuthenticatorAppView {
    /// Its id.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// When it was set up.
    pub added: TimeView,
    /// When it was last used to sign in.
    pub last_used: Option<TimeView>,
}

/// "Add an authenticator app". Posts `csrf`, `code`, `name` and `log_out_others` to its own address.
#[derive(Clone, Template)]
#[template(path = "authenticator_app_add.html")]
pub struct AddAppPage {
    /// What all pages share; `person` is set.
    pub frame: Frame,
    /// Where the form posts.
    pub action: String,
    /// The QR code: an `<svg>` element of our own making.
    pub picture: String,
    /// The key for typing in, in groups of four.
    pub key_groups: Vec<String>,
    /// The person's name for the app.
    pub name: Field,
    /// What is wrong with the code.
    pub code_error: Option<String>,
    /// Whether "Log out all other sessions" is checked.
    pub log_out_others: bool,
}

impl AddAppPage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        "Add an authenticator app"
    }

    /// Which field takes the cursor.
    pub fn focus(&self) -> &'static str {
        if self.name.error.is_some() {
            "name"
        } else if self.code_error.is_some() {
            "code"
        } else {
            ""
        }
    }
}

/// "Remove this authenticator app?". Posts `csrf`, `log_out_others` and, if asked for, `password` to
/// its own address.
#[derive(Clone, Debug, Template)]
#[template(path = "authenticator_app_remove.html")]
pub struct RemoveAppPage {
    /// What all pages share; `person` is set.
    pub frame: Frame,
    /// Where the form posts.
    pub action: String,
    /// What its owner calls it.
    pub name: String,
    /// Whether it is the last one: signing in then takes the password alone.
    pub is_last: bool,
    /// Whether "Log out all other sessions" is checked.
    pub log_out_others: bool,
    /// Whether the password is asked for.
    pub proof: Proof,
}

impl RemoveAppPage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        "Remove this authenticator app?"
    }
}

/// "Make new recovery codes". Posts `csrf`, `log_out_others` and, if asked for, `password` to
/// `/account/security/recovery-codes`.
#[derive(Clone, Debug, Template)]
#[template(path = "recovery_codes_new.html")]
pub struct NewRecoveryCodesPage {
    /// What all pages share; `person` is set.
    pub frame: Frame,
    /// Whether there is a set already, which becomes void.
    pub has_set: bool,
    /// Whether "Log out all other sessions" is checked.
    pub log_out_others: bool,
    /// Whether the password is asked for.
    pub proof: Proof,
}

impl NewRecoveryCodesPage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        "Make new recovery codes"
    }
}

/// The new codes, shown once. Posts `csrf` and every `code` to
/// `/account/security/recovery-codes/download`.
#[derive(Clone, Template)]
#[template(path = "recovery_codes.html")]
pub struct RecoveryCodesPage {
    /// What all pages share; `person` is set.
    pub frame: Frame,
    /// The app that the person is on the way to, if there is one.
    pub way: Option<TowardApp>,
    /// The codes in groups.
    pub codes: Vec<String>,
}

impl RecoveryCodesPage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        "Your recovery codes"
    }
}

/// After a sign-in with a recovery code.
#[derive(Clone, Debug, Template)]
#[template(path = "recovery_code_used.html")]
pub struct RecoveryCodeUsedPage {
    /// What all pages share; `person` is set.
    pub frame: Frame,
    /// How many codes still work.
    pub left: i64,
    /// Where the person wanted to go.
    pub continue_href: String,
}

impl RecoveryCodeUsedPage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        "You used a recovery code"
    }
}
