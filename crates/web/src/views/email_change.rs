//! Another e-mail address: the page that asks, and those that links in mails open.

use askama::Template;

use super::{Field, Frame, Proof, TimeView};

/// A change that waits, on Profile & Preferences.
#[derive(Clone, Debug)]
pub struct PendingEmailView {
    /// The new address.
    pub email: String,
    /// Until when its mailbox can confirm.
    pub until: TimeView,
}

/// Whether the address can be changed from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmailRow {
    /// It can.
    Changeable,
    /// It cannot; says why and who can.
    Fixed(&'static str),
}

/// `/account/profile/email`: asks for the new address. Posts `email` and a proof.
#[derive(Clone, Debug, Template)]
#[template(path = "email_change.html")]
pub struct EmailChangePage {
    /// What all pages share; `person` is set, `nav` is [`super::Nav::Profile`].
    pub frame: Frame,
    /// What was typed, and what is wrong with it.
    pub email: Field,
    /// Why it cannot be done here; the form is then left out.
    pub not_here: Option<&'static str>,
    /// What is asked for as proof.
    pub proof: Proof,
}

impl EmailChangePage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        "Change your e-mail address"
    }

    /// The field that takes the cursor.
    pub fn focus(&self) -> &'static str {
        if self.proof.error().is_some() {
            ""
        } else {
            "email"
        }
    }
}

/// `/email/confirm/{token}`: the new mailbox confirms, without signing in.
#[derive(Clone, Debug, Template)]
#[template(path = "email_confirm.html")]
pub struct EmailConfirmPage {
    /// What all pages share.
    pub frame: Frame,
    /// What the page shows.
    pub state: EmailConfirmState,
}

/// The faces of the page.
#[derive(Clone, Debug)]
pub enum EmailConfirmState {
    /// It asks; nothing has happened.
    Asking {
        /// Where the form posts.
        action: String,
        /// The person's name.
        name: String,
        /// The new address.
        email: String,
        /// Whether this browser stays signed in.
        stays: bool,
    },
    /// Done.
    Done {
        /// The new address.
        email: String,
        /// How many sessions ended.
        sessions: i64,
        /// Whether this browser stays signed in.
        stays: bool,
    },
    /// Another account has the address.
    Taken,
    /// The link does nothing any more.
    Gone {
        /// Why.
        sentence: &'static str,
    },
}

impl EmailConfirmPage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        match self.state {
            EmailConfirmState::Asking { .. } => "Use this e-mail address?",
            EmailConfirmState::Done { .. } => "Your e-mail address is changed",
            EmailConfirmState::Taken => "This address is in use already",
            EmailConfirmState::Gone { .. } => "This link no longer works",
        }
    }
}

/// `/email/undo/{token}`: the old mailbox says no, without signing in.
#[derive(Clone, Debug, Template)]
#[template(path = "email_undo.html")]
pub struct EmailUndoPage {
    /// What all pages share.
    pub frame: Frame,
    /// What the page shows.
    pub state: EmailUndoState,
}

/// The faces of the page.
#[derive(Clone, Debug)]
pub enum EmailUndoState {
    /// It asks; nothing has happened.
    Asking {
        /// Where the form posts.
        action: String,
        /// The person's name.
        name: String,
        /// The address that the account gets back.
        old: String,
        /// The address that was asked for, shortened.
        new: String,
        /// When.
        asked: TimeView,
        /// What goes with it: "Passkey “Laptop”".
        removes: Vec<String>,
    },
    /// Done.
    Done {
        /// The address that is in force again.
        email: String,
        /// How many sessions ended.
        sessions: i64,
        /// What was taken away with it: "Passkey “Laptop”".
        removed: Vec<String>,
    },
    /// The link does nothing any more.
    Gone {
        /// Why.
        sentence: &'static str,
    },
}

impl EmailUndoPage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        match self.state {
            EmailUndoState::Asking { .. } => "Was this not you?",
            EmailUndoState::Done { .. } => "Your account is yours again",
            EmailUndoState::Gone { .. } => "This link has done its work",
        }
    }
}
