//! The second step of signing in, and the browsers remembered for it.

use askama::Template;

use super::{Frame, LinkView, TimeView};

/// `GET /login/factor`, and its `POST` when it did not succeed. Posts `way`, `code`, `remember_browser` and
/// `csrf`; "Start again" posts `csrf` to `/login/factor/start-again`.
#[derive(Clone, Debug, Template)]
#[template(path = "factor.html")]
pub struct FactorPage {
    /// What all pages share.
    pub frame: Frame,
    /// The pre-session token.
    pub csrf: String,
    /// Who signs in.
    pub name: String,
    /// What is asked for.
    pub way: FactorWay,
    /// The other ways that the person has: "Use a recovery code instead".
    pub others: Vec<LinkView>,
    /// What was wrong with the last try.
    pub error: Option<String>,
    /// "30 days": for how long this browser may be remembered; `None` where it must not be.
    pub remember: Option<String>,
    /// Whether that was checked before.
    pub remember_checked: bool,
}

/// A way to take the second step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactorWay {
    /// A code from an authenticator app.
    App,
    /// A passkey or security key; needs scripts.
    Passkey,
    /// A recovery code.
    Recovery,
}

impl FactorWay {
    /// The value of the field and of the query `way`.
    pub fn value(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Passkey => "passkey",
            Self::Recovery => "recovery",
        }
    }

    /// The words of a link that leads to this way.
    pub fn instead(self) -> &'static str {
        match self {
            Self::App => "Use a code from your app instead",
            Self::Passkey => "Use a passkey instead",
            Self::Recovery => "Use a recovery code instead",
        }
    }
}

impl FactorPage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        "One more step"
    }
}

/// A browser that is not asked for the second step. Forms post `csrf` to
/// `/account/security/remembered-browsers/{id}/forget` and `…/forget-all`.
#[derive(Clone, Debug)]
pub struct RememberedBrowserView {
    /// The id in the form's address.
    pub id: String,
    /// The person's own name for it, or "Firefox on Windows".
    pub label: String,
    /// Whether it is the one in which the page is read.
    pub is_this: bool,
    /// Since when.
    pub since: TimeView,
    /// When it was last used instead of the second step.
    pub last_used: TimeView,
    /// Until when.
    pub until: TimeView,
}
