//! The room of those who have a say over an organization.

use askama::Template;

use super::{BrowserView, Frame, HistoryEntryView, Proof, TimeView};

/// `GET /admin/people`.
#[derive(Clone, Debug, Template)]
#[template(path = "admin_people.html")]
pub struct PeoplePage {
    /// What all pages share; `person` is set, `nav` is [`super::Nav::People`].
    pub frame: Frame,
    /// What is looked up.
    pub query: String,
    /// Value, words, whether it is chosen.
    pub roles: Vec<(&'static str, &'static str, bool)>,
    /// Likewise.
    pub statuses: Vec<(&'static str, &'static str, bool)>,
    /// Whether anything narrows the list.
    pub narrowed: bool,
    /// Who was found.
    pub people: Vec<FoundPersonView>,
    /// Back to the first page.
    pub newer: Option<String>,
    /// The next page.
    pub older: Option<String>,
}

/// One person of the list.
#[derive(Clone, Debug)]
pub struct FoundPersonView {
    /// Their page.
    pub href: String,
    /// Their name.
    pub name: String,
    /// The letters that stand for them.
    pub initials: String,
    /// Their address.
    pub email: String,
    /// "Administrator"; nothing for members.
    pub role: Option<&'static str>,
    /// Whether the account is disabled.
    pub disabled: bool,
}

impl PeoplePage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        "People"
    }
}

/// `GET /admin/people/{id}`.
#[derive(Clone, Debug, Template)]
#[template(path = "admin_person.html")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, stated by its name"
)]
pub struct MemberPage {
    /// What all pages share; `person` is set, `nav` is [`super::Nav::People`].
    pub frame: Frame,
    /// Where this page is.
    pub href: String,
    /// Their name.
    pub name: String,
    /// Their address.
    pub email: String,
    /// "Administrator".
    pub role: &'static str,
    /// Whether the account is disabled.
    pub disabled: bool,
    /// Since when they have the account.
    pub since: TimeView,
    /// What they prove themselves with, by name only.
    pub factors: Vec<String>,
    /// Their groups.
    pub groups: Vec<String>,
    /// Their apps.
    pub apps: Vec<String>,
    /// Where they are signed in.
    pub browsers: Vec<BrowserView>,
    /// In how many sessions.
    pub sessions: u64,
    /// The newest lines of their history.
    pub entries: Vec<HistoryEntryView>,
    /// Older ones.
    pub older: Option<String>,
    /// Whether the reader may change anything here.
    pub may_act: bool,
    /// Whether they are the reader.
    pub oneself: bool,
    /// Whether links can be sent.
    pub mail_works: bool,
    /// The roles that the reader can give: value, words, whether it is the present one.
    pub roles: Vec<(&'static str, &'static str, bool)>,
}

impl MemberPage {
    /// The heading.
    pub fn title(&self) -> &str {
        &self.name
    }
}

/// The question before an act.
#[derive(Clone, Debug, Template)]
#[template(path = "admin_confirm.html")]
pub struct MemberActPage {
    /// What all pages share; `person` is set, `nav` is [`super::Nav::People`].
    pub frame: Frame,
    /// "Disable this account?"
    pub title: &'static str,
    /// Who that is.
    pub name: String,
    /// Their address.
    pub email: String,
    /// What will happen, the first line with numbers.
    pub effects: Vec<String>,
    /// Where the form goes.
    pub action: String,
    /// The role that is given, if one is.
    pub role: Option<&'static str>,
    /// Whether a reason can be given, and what was typed.
    pub reason: Option<String>,
    /// What is wrong with it.
    pub reason_error: Option<String>,
    /// What the button says.
    pub button: String,
    /// Whether it takes something away.
    pub destructive: bool,
    /// Back to the person.
    pub cancel_href: String,
    /// Whether the reader proves who they are.
    pub proof: Proof,
}

impl MemberActPage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        self.title
    }
}
