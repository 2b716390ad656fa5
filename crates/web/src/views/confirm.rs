//! Pages that ask before something ends.

use askama::Template;

use super::{Frame, TimeView};

/// Whether the person must show again who they are (field `password`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Proof {
    /// The last proof is fresh enough.
    #[default]
    Fresh,
    /// The form asks for the password (or a code, field `proof_code`).
    Needed {
        /// What was wrong with the last try.
        error: Option<String>,
        /// Whether a code from an authenticator app will do instead.
        code: bool,
    },
    /// The form asks for the second step, since it changes how the person signs in.
    Second {
        /// What was wrong with the last try.
        error: Option<String>,
        /// Whether it takes a code from an authenticator app (field `proof_code`).
        code: bool,
        /// Whether it takes a recovery code (field `proof_recovery_code`).
        recovery: bool,
        /// Whether the person has a passkey, with which they can sign in anew.
        passkey: bool,
    },
}

impl Proof {
    /// Whether the form asks for anything.
    pub fn is_needed(&self) -> bool {
        *self != Self::Fresh
    }

    /// Whether it asks for the second step and takes no password.
    pub fn is_second(&self) -> bool {
        matches!(self, Self::Second { .. })
    }

    /// What was wrong with the last try.
    pub fn error(&self) -> Option<&String> {
        match self {
            Self::Needed { error, .. } | Self::Second { error, .. } => error.as_ref(),
            Self::Fresh => None,
        }
    }

    /// Whether a code from an authenticator app will do.
    pub fn takes_code(&self) -> bool {
        matches!(
            self,
            Self::Needed { code: true, .. } | Self::Second { code: true, .. }
        )
    }

    /// Whether a recovery code will do.
    pub fn takes_recovery_code(&self) -> bool {
        matches!(self, Self::Second { recovery: true, .. })
    }

    /// Whether a new sign-in with a passkey will do.
    pub fn has_passkey(&self) -> bool {
        matches!(self, Self::Second { passkey: true, .. })
    }
}

/// Which sessions end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogOutScope {
    /// All, this one included: `/account/sessions/log-out-all`.
    All,
    /// All but this one: `/account/sessions/log-out-others`.
    Others,
}

/// `GET /account/sessions/log-out-all` and `…/log-out-others`; posts to the same address with `csrf` and,
/// if asked for, `password`.
#[derive(Clone, Debug, Template)]
#[template(path = "log_out_many.html")]
pub struct LogOutManyPage {
    /// What all pages share; `person` is set, `nav` is [`super::Nav::Sessions`].
    pub frame: Frame,
    /// Which sessions end.
    pub scope: LogOutScope,
    /// How many sessions end.
    pub sessions: u64,
    /// On how many browsers.
    pub browsers: u64,
    /// Whether the password is asked for.
    pub proof: Proof,
}

impl LogOutManyPage {
    /// The heading.
    pub fn title(&self) -> String {
        format!("{}?", self.button())
    }

    /// The words on the main button.
    pub fn button(&self) -> &'static str {
        match self.scope {
            LogOutScope::All => "Log out of all sessions",
            LogOutScope::Others => "Log out all other sessions",
        }
    }

    /// Where the form posts.
    pub fn action(&self) -> &'static str {
        match self.scope {
            LogOutScope::All => "/account/sessions/log-out-all",
            LogOutScope::Others => "/account/sessions/log-out-others",
        }
    }

    /// Whether this browser's session ends too.
    pub fn ends_this(&self) -> bool {
        self.scope == LogOutScope::All
    }
}

/// "Confirm it's you": asks for the password before one thing happens. Posts `csrf`, `password` and the
/// hidden fields to `action`.
#[derive(Clone, Debug, Template)]
#[template(path = "confirm_its_you.html")]
pub struct ConfirmItsYouPage {
    /// What all pages share; `person` is set.
    pub frame: Frame,
    /// The first words of the sentence that says what will happen: "This logs out".
    pub does: String,
    /// The rest of it, set apart since a person may have typed it: "Firefox on Windows, Vienna".
    pub what: String,
    /// Where the form posts.
    pub action: String,
    /// What the form carries along (`act`, `session`, …).
    pub fields: Vec<HiddenField>,
    /// The words on the main button, exactly what it does: "Log out".
    pub button: String,
    /// Whether the button ends something (red) or not.
    pub destructive: bool,
    /// Where Cancel leads.
    pub cancel_href: String,
    /// Always needed here: what was wrong with the last try, and what will do.
    pub proof: Proof,
}

/// A hidden form field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HiddenField {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl ConfirmItsYouPage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        "Confirm it's you"
    }
}

/// "This wasn't me": ends that session (if it still lives) and leads to the password form. Posts `csrf`
/// and, if asked for, `password` to `action`.
#[derive(Clone, Debug, Template)]
#[template(path = "not_me.html")]
pub struct NotMePage {
    /// What all pages share; `person` is set.
    pub frame: Frame,
    /// "Firefox on Windows".
    pub device: String,
    /// Roughly where, or the address.
    pub place: Option<String>,
    /// When it signed in.
    pub time: TimeView,
    /// Whether that session still lives.
    pub live: bool,
    /// Where the form posts: `/account/sessions/{id}/not-me` or `/account/history/{id}/not-me`.
    pub action: String,
    /// Where Cancel leads.
    pub cancel_href: String,
    /// Whether the password is asked for.
    pub proof: Proof,
}

impl NotMePage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        "This wasn't me"
    }
}
