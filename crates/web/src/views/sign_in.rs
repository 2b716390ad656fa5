//! The public pages: sign in, log out, help and the first start.

use askama::Template;

use super::{Field, Frame, NoticeView};

/// `GET /login`, and `POST /login` when it did not succeed.
#[derive(Clone, Debug, Template)]
#[template(path = "login.html")]
pub struct LoginPage {
    /// What all pages share. `person` must be set exactly if this browser is signed in.
    pub frame: Frame,
    /// The form, or "you are signed in".
    pub state: LoginState,
}

/// The two faces of `/login`.
#[derive(Clone, Debug)]
pub enum LoginState {
    /// The sign-in form.
    Form(SignInForm),
    /// This browser is signed in (`frame.person` says as whom): continue, log out, or another account.
    SignedIn {
        /// Where Continue leads: a checked path, `/` by default.
        continue_href: String,
        /// The form for another account, which leads to the same place.
        switch_href: String,
    },
}

/// The sign-in form. Posts `email`, `password`, `remember`, `shared`, `csrf`, `return_to`, `replace`.
#[derive(Clone, Debug)]
pub struct SignInForm {
    /// The pre-session token.
    pub csrf: String,
    /// Where to go afterwards; a checked path, or empty.
    pub return_to: String,
    /// What was typed before, never on a shared computer.
    pub email: String,
    /// Why it did not work: one sentence that does not tell whether the account exists.
    pub error: Option<String>,
    /// Why one was signed out, and the like.
    pub notices: Vec<NoticeView>,
    /// Whether "Stay signed in on this browser" is shown.
    pub remember: RememberChoice,
    /// How "This is a shared or public computer" is shown.
    pub shared: SharedChoice,
    /// The app that the person is on the way to.
    pub app: Option<String>,
    /// Whether one can sign in with a passkey at this address.
    pub passkeys: bool,
    /// Whether a new password can be asked for by mail.
    pub can_recover: bool,
    /// Set when somebody is signed in here and the form replaces them (`/login?switch=yes`).
    pub replace: Option<ReplaceView>,
}

/// "Stay signed in on this browser", field `remember` (value `yes`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RememberChoice {
    /// The organization decides; nothing is shown.
    NotAsked,
    /// The person decides.
    Asked {
        /// Whether it was checked before.
        checked: bool,
    },
}

/// "This is a shared or public computer", field `shared` (value `yes`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SharedChoice {
    /// The person decides.
    Offered {
        /// Whether it was checked before.
        checked: bool,
    },
    /// Shown checked and locked; a hidden field carries the value.
    Forced {
        /// "An administrator marked this computer as shared."
        sentence: String,
    },
}

/// Who is logged out here when somebody else signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplaceView {
    /// Public id of the session that is replaced, the hidden field `replace`.
    pub id: String,
    /// The name of the person who is signed in now.
    pub name: String,
}

impl LoginPage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        match &self.state {
            LoginState::Form(form) if form.replace.is_some() => "Sign in as someone else",
            LoginState::Form(_) => "Sign in",
            LoginState::SignedIn { .. } => "You are signed in",
        }
    }
}

impl SignInForm {
    /// Whether the cursor starts in the password field: the address is known already.
    pub fn starts_at_password(&self) -> bool {
        !self.email.is_empty()
    }
}

/// `GET /logout`: asks, or says that nobody is signed in (`frame.person` is `None`). Also shown by
/// `POST /logout` when the request does not prove that it came from our own page.
#[derive(Clone, Debug, Template)]
#[template(path = "logout.html")]
pub struct LogoutPage {
    /// What all pages share.
    pub frame: Frame,
}

impl LogoutPage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        if self.frame.person.is_some() {
            "Log out of this browser?"
        } else {
            "You are not signed in"
        }
    }
}

/// `GET /help`: public.
#[derive(Clone, Debug, Template)]
#[template(path = "help.html")]
pub struct HelpPage {
    /// What all pages share.
    pub frame: Frame,
    /// The token of "Reset this browser": the session's, or the pre-session one.
    pub csrf: String,
}

impl HelpPage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        "Help with signing in and logging out"
    }
}

/// `GET` and `POST /set-up/{code}`. Posts `organization`, `name`, `email`, `password`, `password_again`, `csrf`.
#[derive(Clone, Debug, Template)]
#[template(path = "set_up.html")]
pub struct SetUpPage {
    /// What all pages share.
    pub frame: Frame,
    /// The pre-session token.
    pub csrf: String,
    /// Where the form posts: `/set-up/{code}`.
    pub action: String,
    /// An error that belongs to no field: the link was used already, for example.
    pub error: Option<String>,
    /// The organization's name.
    pub organization: Field,
    /// The person's name.
    pub name: Field,
    /// The person's e-mail address.
    pub email: Field,
    /// What is wrong with the password.
    pub password_error: Option<String>,
    /// What is wrong with its repetition.
    pub again_error: Option<String>,
}

impl SetUpPage {
    /// The heading.
    pub fn title(&self) -> String {
        format!("Set up {}", self.frame.product)
    }

    /// Where the cursor starts: the first wrong field, or the first.
    pub fn focus(&self) -> &'static str {
        let wrong = [
            ("name", &self.name.error),
            ("email", &self.email.error),
            ("password", &self.password_error),
            ("password_again", &self.again_error),
        ];
        if self.organization.error.is_some() {
            return "organization";
        }
        wrong
            .into_iter()
            .find(|(_, error)| error.is_some())
            .map_or("organization", |(name, _)| name)
    }
}
