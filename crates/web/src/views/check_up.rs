//! The security check-up.

use askama::Template;

use super::Frame;

/// `GET /account/security/check-up`.
#[derive(Clone, Debug, Template)]
#[template(path = "check_up.html")]
pub struct CheckUpPage {
    /// What all pages share; `person` is set.
    pub frame: Frame,
    /// What is to be done, the most important first.
    pub to_do: Vec<CheckUpView>,
    /// What is good, or a choice of the person's.
    pub good: Vec<CheckUpView>,
}

/// One finding.
#[derive(Clone, Debug)]
pub struct CheckUpView {
    /// What is the case, in a few words.
    pub title: String,
    /// Why it matters, as one sentence.
    pub text: String,
    /// The one button: its words and where it leads; absent where nothing is to do.
    pub button: Option<(&'static str, &'static str)>,
}

impl CheckUpPage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        "Security check-up"
    }
}
