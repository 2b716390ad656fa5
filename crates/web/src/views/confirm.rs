//! Pages that ask before something ends.

use askama::Template;

use super::{Frame, TimeView};

/// Whether the person must show again who they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Proof {
    /// The last proof is fresh enough.
    #[default]
    Fresh,
    /// The form asks for one of these.
    Needed {
        /// What was wrong with the last try.
        error: Option<String>,
        /// What will do.
        ways: ProofWays,
    },
}

/// What a person can prove with: any one of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProofWays {
    /// How much is asked for, and what else will do.
    pub level: ProofLevel,
    /// A code from an authenticator app, field `proof_code`.
    pub code: bool,
    /// A passkey, field `proof_passkey`, which a script fills.
    pub passkey: bool,
}

/// How much a form asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofLevel {
    /// Any proof.
    Any {
        /// Their password will do, field `password`.
        password: bool,
    },
    /// The second step, since the act changes how the person signs in; no password.
    Second {
        /// A recovery code will do, field `proof_recovery_code`.
        recovery_code: bool,
    },
    /// What an app asks for, and its page says why; no password.
    ForApp,
}

impl ProofWays {
    /// Whether the password will do.
    pub fn take_password(&self) -> bool {
        self.level == ProofLevel::Any { password: true }
    }

    /// Whether a recovery code will do.
    pub fn take_recovery_code(&self) -> bool {
        let recovery_code = true;
        self.level == ProofLevel::Second { recovery_code }
    }

    /// Whether they ask for the second step.
    pub fn are_second(&self) -> bool {
        matches!(self.level, ProofLevel::Second { .. })
    }

    /// Whether an app asks for them, and its page has said why.
    pub fn are_for_app(&self) -> bool {
        self.level == ProofLevel::ForApp
    }

    /// Whether there is nothing but the password, as for most people.
    pub fn are_password_alone(&self) -> bool {
        self.take_password() && !self.code && !self.passkey
    }

    fn are_typed(self) -> bool {
        self.code || self.take_password() || self.take_recovery_code()
    }

    /// Whether there is nothing to type, so that all depends on a script.
    pub fn take_a_script(&self) -> bool {
        self.passkey && !self.are_typed()
    }

    /// Whether there is nothing at all.
    pub fn are_none(&self) -> bool {
        !self.passkey && !self.are_typed()
    }

    /// What to say when nothing was given.
    pub fn missing(&self) -> String {
        let typed = match (self.level, self.code) {
            (ProofLevel::Any { password: true }, true) => "enter your password or a code",
            (ProofLevel::Any { password: true }, false) => "enter your password",
            (ProofLevel::Any { password: false } | ProofLevel::ForApp, true) => {
                "enter a code from your app"
            }
            _ if self.are_typed() => "enter a code",
            _ if self.passkey => return "Please use a passkey.".to_owned(),
            (ProofLevel::Any { .. }, _) => return "Please set a password first.".to_owned(),
            (ProofLevel::Second { .. } | ProofLevel::ForApp, _) => {
                return "Please ask an administrator of your organization.".to_owned();
            }
        };
        let passkey = if self.passkey {
            ", or use a passkey"
        } else {
            ""
        };
        format!("Please {typed}{passkey}.")
    }
}

impl Proof {
    /// Whether the form asks for anything.
    pub fn is_needed(&self) -> bool {
        matches!(self, Self::Needed { .. })
    }

    /// What was wrong with the last try.
    pub fn error(&self) -> Option<&String> {
        match self {
            Self::Needed { error, .. } => error.as_ref(),
            Self::Fresh => None,
        }
    }

    /// What the form asks for.
    pub fn ways(&self) -> Option<ProofWays> {
        match self {
            Self::Needed { ways, .. } => Some(*ways),
            Self::Fresh => None,
        }
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
/// if asked for, `password` and `long_lived`.
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
    /// How many apps may go on when the person is not there; asked about in the box `long_lived`.
    pub long_lived: u64,
    /// Whether that box was checked before.
    pub long_lived_checked: bool,
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
    /// What was added to the account there, and goes with it: "Passkey “Laptop”".
    pub removes: Vec<String>,
    /// Where the form posts: `/account/sessions/{id}/not-me` or `/account/history/{id}/not-me`.
    pub action: String,
    /// Where a form posts that only logs that session out, if it still lives. That takes less of a proof than
    /// taking second steps away.
    pub log_out_action: Option<String>,
    /// Where Cancel leads.
    pub cancel_href: String,
    /// Whether a proof is asked for: the highest if something is removed.
    pub proof: Proof,
}

impl NotMePage {
    /// Whether the person is asked for a second step that may itself be the intruder's.
    pub fn takes_a_second_step(&self) -> bool {
        !self.removes.is_empty() && self.proof.ways().is_some_and(|ways| ways.are_second())
    }

    /// The heading.
    pub fn title(&self) -> &'static str {
        "This wasn't me"
    }
}
