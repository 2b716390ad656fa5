//! Signing in on a computer one does not trust, with a phone: the shared
//! machine's page and the person's.

use askama::Template;

use super::{Frame, Proof, ReplaceView, TimeView};

/// `/login/phone`, on the computer that is not trusted.
#[derive(Clone, Debug, Template)]
#[template(path = "phone_wait.html")]
pub struct PhoneWaitPage {
    /// What all pages share.
    pub frame: Frame,
    /// The pre-session token.
    pub csrf: String,
    /// The sign-in page; leads to the app that the person is on the way to, if there is one.
    pub sign_in_href: String,
    /// How far it is.
    pub state: PhoneWaitState,
}

/// How far a computer's waiting has come.
#[derive(Clone, Debug)]
pub enum PhoneWaitState {
    /// Nothing has begun.
    Before {
        /// Why the last try led nowhere, as one sentence.
        problem: Option<String>,
    },
    /// The code is shown.
    Waiting {
        /// The code in two groups.
        code: String,
        /// Where the person goes on their phone, without the scheme.
        address: String,
        /// The same as a picture: an inline SVG of our own making.
        picture: String,
        /// Until when the code works.
        until: TimeView,
    },
    /// Somebody said yes.
    Approved {
        /// Their name.
        name: String,
        /// Their e-mail address.
        email: String,
        /// Who else is signed in here and will be logged out (E3).
        replace: Option<ReplaceView>,
    },
}

impl PhoneWaitPage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        match self.state {
            PhoneWaitState::Before { .. } => "Sign in with your phone",
            PhoneWaitState::Waiting { .. } => "Type this code on your phone",
            PhoneWaitState::Approved { .. } => "Your phone said yes",
        }
    }

    /// Whether the page asks the server again by itself.
    pub fn is_waiting(&self) -> bool {
        matches!(self.state, PhoneWaitState::Waiting { .. })
    }
}

/// `/account/phone`, on the person's own device.
#[derive(Clone, Debug, Template)]
#[template(path = "phone_confirm.html")]
pub struct PhoneConfirmPage {
    /// What all pages share; `person` is set.
    pub frame: Frame,
    /// How far it is.
    pub state: PhoneConfirmState,
}

/// How far the person is.
#[derive(Clone, Debug)]
pub enum PhoneConfirmState {
    /// Asks for the code.
    Code {
        /// What was typed.
        typed: String,
        /// What is wrong with it.
        error: Option<String>,
    },
    /// It cannot be done here, as one or two sentences.
    NotHere {
        /// Why.
        sentence: String,
    },
    /// Shows what would be let in, and asks.
    Confirm(Box<PhoneRequestView>),
    /// It was let in.
    Done,
}

/// A computer that waits.
#[derive(Clone, Debug)]
pub struct PhoneRequestView {
    /// The code, which the form carries along.
    pub code: String,
    /// "Firefox on Windows".
    pub device: String,
    /// Its rough place.
    pub place: Option<String>,
    /// Its address.
    pub address: Option<String>,
    /// When it asked.
    pub asked: TimeView,
    /// What to be careful about, as one sentence; absent in one network.
    pub warning: Option<String>,
    /// Whether the person must say that the computer is in front of them.
    pub must_be_in_front: bool,
    /// What was wrong with that box.
    pub in_front_error: Option<String>,
    /// Whether a proof is asked for.
    pub proof: Proof,
}

impl PhoneConfirmPage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        match self.state {
            PhoneConfirmState::Confirm(_) => "Sign in on this computer?",
            PhoneConfirmState::Done => "You are signed in over there",
            _ => "Sign in on another computer",
        }
    }
}
