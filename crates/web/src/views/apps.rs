//! The apps of a person.

use askama::Template;

use super::{Frame, TimeView};

/// `GET /account/apps`.
///
/// Posts: `/account/apps/{id}/leave`, `/account/apps/{id}/remove`; each with `csrf`.
#[derive(Clone, Debug, Template)]
#[template(path = "apps.html")]
pub struct AppsPage {
    /// What all pages share; `person` is set, `nav` is [`super::Nav::Apps`].
    pub frame: Frame,
    /// The apps, by name; empty shows what will be here.
    pub apps: Vec<OwnAppView>,
}

/// An app that a session of the person is in, or that holds access of theirs.
#[derive(Clone, Debug)]
pub struct OwnAppView {
    /// Its public id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its start page, a checked `https:` address.
    pub href: Option<String>,
    /// Whether this browser's session is in it.
    pub is_here: bool,
    /// How many live sessions are in it, this one included.
    pub sessions: u64,
    /// When one of them entered it last.
    pub last_entered: Option<TimeView>,
    /// Until when it may go on when the person is not there; nothing if it may not.
    pub long_lived_until: Option<TimeView>,
    /// What the person agreed to: "your name, your e-mail address".
    pub agreed: Option<String>,
}

impl AppsPage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        "Apps"
    }
}
