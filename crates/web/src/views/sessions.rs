//! The list of live sessions, grouped by browser.

use askama::Template;

use super::{DeviceKind, Frame, TimeView};

/// `GET /account/sessions`.
///
/// Posts: `/account/sessions/{id}/log-out`, `/account/sessions/{id}/name` (`name`),
/// `/account/sessions/log-out-selected` (`session`, repeated), and `/logout` for this browser's own
/// session; each with `csrf`. "This wasn't me" is a GET form to `/account/sessions/{id}/not-me`.
#[derive(Clone, Debug, Template)]
#[template(path = "sessions.html")]
pub struct SessionsPage {
    /// What all pages share; `person` is set, `nav` is [`super::Nav::Sessions`].
    pub frame: Frame,
    /// The browsers on this page; the one in use comes first.
    pub browsers: Vec<BrowserView>,
    /// All live sessions of the person, this one included, also those on other pages.
    pub sessions_total: u64,
    /// All browsers that hold them.
    pub browsers_total: u64,
    /// How many apps may go on when the person is not there, in no session at all (DEV-01).
    pub long_lived: u64,
    /// Link to newer entries.
    pub newer: Option<String>,
    /// Link to older entries.
    pub older: Option<String>,
}

/// One browser and the sessions in it.
#[derive(Clone, Debug)]
pub struct BrowserView {
    /// Public id of (any) one of its sessions, used in the address of the name form.
    pub id: String,
    /// What kind of device it seems to be.
    pub kind: DeviceKind,
    /// The person's own name for it.
    pub own_name: Option<String>,
    /// "Firefox on Windows".
    pub label: String,
    /// Whether the page is read in it.
    pub is_this: bool,
    /// Whether it is (or its session is) marked as a shared computer.
    pub shared: bool,
    /// The sessions in it, newest first; rarely more than one.
    pub sessions: Vec<SessionView>,
}

impl BrowserView {
    /// The heading of the card.
    pub fn name(&self) -> &str {
        self.own_name.as_deref().unwrap_or(&self.label)
    }
}

/// One live session.
#[derive(Clone, Debug)]
pub struct SessionView {
    /// The public id.
    pub id: String,
    /// Whether the page is read in it.
    pub is_this: bool,
    /// When it began.
    pub first_used: TimeView,
    /// When it was used last.
    pub last_used: TimeView,
    /// The address it was used from last.
    pub address: Option<String>,
    /// Roughly where that is.
    pub place: Option<String>,
    /// "Password".
    pub method: String,
    /// When it will end.
    pub until: TimeView,
    /// The apps that it is in.
    pub apps: Vec<String>,
}

impl SessionsPage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        "Sessions"
    }

    /// All sessions but this one.
    pub fn others(&self) -> u64 {
        self.sessions_total.saturating_sub(1)
    }
}
