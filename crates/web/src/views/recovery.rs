//! The pages that links in mails open, and the one that asks for such a mail.

use askama::Template;

use super::{Frame, TimeView};

/// `/alert/{token}`: "This wasn't me", without signing in.
#[derive(Clone, Debug, Template)]
#[template(path = "alert.html")]
pub struct AlertPage {
    /// What all pages share.
    pub frame: Frame,
    /// What the page shows.
    pub state: AlertState,
}

/// The faces of the alert's page.
#[derive(Clone, Debug)]
pub enum AlertState {
    /// It asks; nothing has happened.
    Asking(Box<AlertView>),
    /// Done.
    Done(DisownedView),
    /// The link does nothing any more.
    Gone {
        /// Why.
        sentence: &'static str,
    },
}

/// What an alert is about.
#[derive(Clone, Debug)]
pub struct AlertView {
    /// Where the forms post.
    pub action: String,
    /// The person's name.
    pub name: String,
    /// The address of the account.
    pub email: String,
    /// The session, if it is about one.
    pub session: Option<AlertSessionView>,
    /// Since when everything that is new is doubtful.
    pub doubtful_since: TimeView,
    /// What logging out all sessions also takes away: "Passkey “Laptop”".
    pub all_removes: Vec<String>,
}

/// The session of an alert.
#[derive(Clone, Debug)]
pub struct AlertSessionView {
    /// "Firefox on Windows".
    pub device: String,
    /// "Vienna, Austria", or an address.
    pub place: Option<String>,
    /// When it began.
    pub time: TimeView,
    /// Whether it is over already.
    pub over: bool,
    /// What was added to the account there, and goes with it: "Passkey “Laptop”".
    pub removes: Vec<String>,
}

/// What was done.
#[derive(Clone, Debug)]
pub struct DisownedView {
    /// How many sessions ended.
    pub sessions: i64,
    /// What was taken away from the account: "Passkey “Laptop”".
    pub removed: Vec<String>,
    /// Where the link to a new password went, if it was sent.
    pub recovery_to: Option<String>,
}

impl AlertPage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        match self.state {
            AlertState::Asking(_) => "Was this not you?",
            AlertState::Done(_) => "They are logged out",
            AlertState::Gone { .. } => "This link has done its work",
        }
    }
}

/// `/login/recover`: asks for the address.
#[derive(Clone, Debug, Template)]
#[template(path = "recover.html")]
pub struct RecoverPage {
    /// What all pages share.
    pub frame: Frame,
    /// The sign-in page; leads to the app that the person is on the way to, if there is one.
    pub sign_in_href: String,
    /// What the page shows.
    pub state: RecoverState,
}

/// The faces of the page.
#[derive(Clone, Debug)]
pub enum RecoverState {
    /// The form.
    Form {
        /// The visitor's token.
        csrf: String,
        /// What was typed.
        email: String,
        /// What is wrong.
        error: Option<String>,
    },
    /// The same words for every address.
    Noted,
    /// Mail is not set up.
    NotOffered,
}

impl RecoverPage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        match self.state {
            RecoverState::Form { .. } | RecoverState::NotOffered => "Forgot your password?",
            RecoverState::Noted => "Look at your mail",
        }
    }

    /// The field that takes the cursor.
    pub fn focus(&self) -> &'static str {
        "email"
    }
}

/// `/login/reset/{token}`: sets a new password.
#[derive(Clone, Debug, Template)]
#[template(path = "reset.html")]
pub struct ResetPage {
    /// What all pages share.
    pub frame: Frame,
    /// The sign-in page; leads to the app that the person is on the way to, if there is one.
    pub sign_in_href: String,
    /// What the page shows.
    pub state: ResetState,
}

/// The faces of the page.
#[derive(Clone, Debug)]
pub enum ResetState {
    /// The form.
    Form(ResetForm),
    /// The password is set.
    Done,
    /// The link does nothing any more.
    Gone {
        /// Why.
        sentence: &'static str,
    },
}

/// The form. Posts `password` and `password_again`.
#[derive(Clone, Debug, Default)]
pub struct ResetForm {
    /// Where it posts.
    pub action: String,
    /// The address of the account; password managers read it.
    pub email: String,
    /// What is wrong with the password.
    pub password_error: Option<String>,
    /// What is wrong with its repetition.
    pub again_error: Option<String>,
}

impl ResetPage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        match self.state {
            ResetState::Form(_) => "Choose a new password",
            ResetState::Done => "Your new password is set",
            ResetState::Gone { .. } => "This link no longer works",
        }
    }

    /// The field that takes the cursor.
    pub fn focus(&self) -> &'static str {
        match &self.state {
            ResetState::Form(form)
                if form.password_error.is_none() && form.again_error.is_some() =>
            {
                "password_again"
            }
            _ => "password",
        }
    }
}

/// `/demo/mail`: what the demonstration would have sent.
#[derive(Clone, Debug, Template)]
#[template(path = "demo_mail.html")]
pub struct DemoMailPage {
    /// What all pages share.
    pub frame: Frame,
    /// The letters, newest first.
    pub letters: Vec<DemoLetterView>,
}

/// One letter.
#[derive(Clone, Debug)]
pub struct DemoLetterView {
    /// To whom.
    pub recipient: String,
    /// The subject.
    pub subject: String,
    /// The plain text.
    pub lines: Vec<DemoLineView>,
}

/// One line of a letter.
#[derive(Clone, Debug)]
pub enum DemoLineView {
    /// Words.
    Words(String),
    /// A link into this site; its path.
    Link(String),
}

impl DemoMailPage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        "Mails of this demonstration"
    }
}
