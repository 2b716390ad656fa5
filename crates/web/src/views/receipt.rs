//! What happened at a log-out, and what the apps said: the signed-out page, the details of an ending, and
//! the question that an app's own Log out may lead to.

use askama::Template;

use super::{Frame, LinkView, TimeView};

/// `GET /signed-out`, and `GET /oauth2/logout/continue` when nobody is signed in: what happened. Set
/// `frame.ended` when it happened in this browser.
#[derive(Clone, Debug, Template)]
#[template(path = "signed_out.html")]
pub struct SignedOutPage {
    /// What all pages share.
    pub frame: Frame,
    /// What is known of the ending; `None` if this browser has no receipt.
    pub receipt: Option<ReceiptView>,
    /// Whether this is a shared computer: then nobody is named.
    pub shared: bool,
    /// Back to the app that sent the person here.
    pub back: Option<LinkView>,
    /// Pages of apps that are loaded in frames, unseen; the answer's `frame-src` lists them.
    pub frames: Vec<String>,
}

/// What one ending did.
#[derive(Clone, Debug)]
pub struct ReceiptView {
    /// Why, as one sentence, usually [`super::WhyEnded::sentence`].
    pub why: String,
    /// When.
    pub when: TimeView,
    /// How many sessions ended.
    pub sessions: u64,
    /// On how many browsers.
    pub browsers: u64,
    /// Whether these are all; if not, more of them are just being counted.
    pub complete: bool,
    /// What the apps answered.
    pub apps: ReceiptApps,
    /// Whether any of this may still change; the page then looks again.
    pub is_open: bool,
}

/// The apps of a receipt.
#[derive(Clone, Debug)]
pub enum ReceiptApps {
    /// No app was concerned.
    None,
    /// One line each.
    Named(Vec<AppReceiptView>),
    /// On a shared computer: how many are how far.
    Counted(AppCountsView),
}

/// One app's line of the receipt.
#[derive(Clone, Debug)]
pub struct AppReceiptView {
    /// The app's name.
    pub name: String,
    /// "The app confirmed it 2 minutes ago."
    pub text: String,
    /// How far it is.
    pub state: AppReceiptState,
}

/// How many apps are how far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AppCountsView {
    /// They have confirmed.
    pub confirmed: usize,
    /// They are being told.
    pub still_telling: usize,
    /// They offer no way to be told.
    pub cannot_be_told: usize,
    /// They refused, or never answered.
    pub failed: usize,
    /// They were opened again since.
    pub superseded: usize,
    /// They were over with the session.
    pub ended: usize,
}

impl AppCountsView {
    /// The lines that are not empty: state and number.
    pub fn lines(&self) -> Vec<(AppReceiptState, usize)> {
        [
            (AppReceiptState::Ended, self.ended),
            (AppReceiptState::Confirmed, self.confirmed),
            (AppReceiptState::StillTelling, self.still_telling),
            (AppReceiptState::CannotBeTold, self.cannot_be_told),
            (AppReceiptState::Failed, self.failed),
            (AppReceiptState::Superseded, self.superseded),
        ]
        .into_iter()
        .filter(|(_, number)| *number > 0)
        .collect()
    }
}

/// How far telling an app is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppReceiptState {
    /// The app has confirmed.
    Confirmed,
    /// We are still telling it.
    StillTelling,
    /// The app offers no way to be told.
    CannotBeTold,
    /// The app refused.
    Failed,
    /// It never answered, and we stopped.
    GaveUp,
    /// The person has opened the app again since.
    Superseded,
    /// The app was over with the session; nothing needs telling.
    Ended,
}

impl AppReceiptState {
    /// The icon.
    pub fn icon(self) -> &'static str {
        match self {
            Self::Confirmed | Self::Ended => "check",
            Self::StillTelling => "clock",
            Self::CannotBeTold | Self::Superseded => "info",
            Self::Failed | Self::GaveUp => "warning",
        }
    }

    /// The style class.
    pub fn class(self) -> &'static str {
        match self {
            Self::Confirmed | Self::Ended => "confirmed",
            Self::StillTelling => "still-telling",
            Self::CannotBeTold => "cannot-be-told",
            Self::Superseded => "superseded",
            Self::Failed | Self::GaveUp => "failed",
        }
    }

    /// The short label in front of the text.
    pub fn label(self) -> &'static str {
        match self {
            Self::Confirmed => "Logged out",
            Self::StillTelling => "Still telling it",
            Self::CannotBeTold => "Cannot be told",
            Self::Failed => "Could not be told",
            Self::GaveUp => "Did not answer",
            Self::Superseded => "Opened again",
            Self::Ended => "Ended",
        }
    }
}

impl SignedOutPage {
    /// The heading. Says the truth if somebody is (still, or again) signed in.
    pub fn title(&self) -> &'static str {
        match (&self.frame.person, &self.receipt) {
            (Some(_), _) => "You are signed in",
            (None, Some(_)) => "You are logged out",
            (None, None) => "You are not signed in",
        }
    }

    /// Whether the page looks again by itself.
    pub fn looks_again(&self) -> bool {
        self.frame.person.is_none() && self.receipt.as_ref().is_some_and(|receipt| receipt.is_open)
    }
}

/// `GET /account/endings/{id}`: one ending of the person's sessions, and what their apps said.
#[derive(Clone, Debug, Template)]
#[template(path = "ending.html")]
pub struct EndingPage {
    /// What all pages share; `person` is set, `nav` is [`super::Nav::History`].
    pub frame: Frame,
    /// Why, as one sentence.
    pub why: String,
    /// Who did it.
    pub who: String,
    /// The reason somebody gave in words.
    pub reason: Option<String>,
    /// When.
    pub when: TimeView,
    /// How many sessions of the person ended; none when only an app was left.
    pub sessions: u64,
    /// The apps, one line each; empty if none was concerned.
    pub apps: Vec<AppReceiptView>,
    /// Whether any of this may still change; the page then looks again.
    pub is_open: bool,
}

impl EndingPage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        if self.sessions == 0 {
            "An app was left"
        } else {
            "Log-out"
        }
    }
}

/// `GET /oauth2/logout/continue` when somebody is signed in: an app asks to log out, and nothing proves that
/// it means this session. Posts `csrf` and `request` to the same address.
#[derive(Clone, Debug, Template)]
#[template(path = "end_session.html")]
pub struct EndSessionPage {
    /// What all pages share; `person` is set.
    pub frame: Frame,
    /// The form's token.
    pub csrf: String,
    /// The request, sealed.
    pub request: String,
    /// The app that asks, if it is known.
    pub app: Option<String>,
    /// Whether the app meant another account than the one that is signed in here.
    pub for_somebody_else: bool,
}

impl EndSessionPage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        if self.frame.person.is_some() {
            "Log out of this browser?"
        } else {
            "You are not signed in"
        }
    }
}
