//! A mail, as text and as HTML.

use askama::Template;

/// What a mail says.
#[derive(Clone, Debug)]
pub struct LetterView {
    /// The heading, and most of the subject.
    pub title: String,
    /// Who writes.
    pub organization: String,
    /// To whom.
    pub name: String,
    /// The address with which the account signs in.
    pub account: String,
    /// What its reader should know.
    pub sentence: String,
    /// What happened, one list of facts for each.
    pub events: Vec<Vec<LetterFact>>,
    /// How much is not listed.
    pub more: Option<String>,
    /// What can be done.
    pub link: Option<LetterLink>,
    /// A last sentence.
    pub closing: Option<String>,
}

/// A fact with its label.
#[derive(Clone, Debug)]
pub struct LetterFact {
    /// "When".
    pub label: String,
    /// "Monday, November 23, 2026 at 11:31 UTC".
    pub value: String,
}

/// The one link of a mail.
#[derive(Clone, Debug)]
pub struct LetterLink {
    /// Its words.
    pub label: String,
    /// A whole address.
    pub href: String,
    /// What it does, and for how long.
    pub hint: String,
}

impl LetterView {
    /// The subject.
    pub fn subject(&self) -> String {
        format!("{} ({})", self.title, self.organization)
    }

    /// The same without line breaks or other control characters in what people
    /// typed: a name must not begin a line of its own, neither in a header nor in
    /// the text.
    #[must_use]
    pub fn in_single_lines(mut self) -> Self {
        let flat = |text: &mut String| {
            *text = text
                .chars()
                .map(|c| if c.is_control() { ' ' } else { c })
                .collect();
        };
        for text in [&mut self.organization, &mut self.name, &mut self.account] {
            flat(text);
        }
        for fact in self.events.iter_mut().flatten() {
            flat(&mut fact.value);
        }
        self
    }
}

/// The plain text.
#[derive(Debug, Template)]
#[template(path = "mail/letter.txt")]
pub struct LetterText<'a> {
    /// What it says.
    pub letter: &'a LetterView,
}

/// The HTML.
#[derive(Debug, Template)]
#[template(path = "mail/letter.html")]
pub struct LetterHtml<'a> {
    /// What it says.
    pub letter: &'a LetterView,
}
