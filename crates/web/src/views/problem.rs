//! The page for everything that went wrong.

use askama::Template;

use super::Frame;

/// What went wrong, as far as the person is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// 400.
    BadRequest,
    /// 401, for programs; people are led to the sign-in page.
    Unauthorized,
    /// 403.
    Forbidden,
    /// 403: the form did not come from our own page, or was too old.
    StaleForm,
    /// 404.
    NotFound,
    /// 405.
    WrongMethod,
    /// 413.
    TooLarge,
    /// 415.
    UnsupportedType,
    /// 421: a name that is not ours.
    WrongHost,
    /// 429.
    TooMany,
    /// 500.
    Internal,
    /// 503.
    Unavailable,
}

impl Problem {
    /// The problem that fits a status code best.
    pub fn from_status(status: u16) -> Self {
        match status {
            401 => Self::Unauthorized,
            403 => Self::Forbidden,
            404 | 410 => Self::NotFound,
            405 => Self::WrongMethod,
            413 => Self::TooLarge,
            415 => Self::UnsupportedType,
            421 => Self::WrongHost,
            429 => Self::TooMany,
            503 | 504 => Self::Unavailable,
            status if status >= 500 => Self::Internal,
            _ => Self::BadRequest,
        }
    }

    /// Its status code.
    pub fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Unauthorized => 401,
            Self::Forbidden | Self::StaleForm => 403,
            Self::NotFound => 404,
            Self::WrongMethod => 405,
            Self::TooLarge => 413,
            Self::UnsupportedType => 415,
            Self::WrongHost => 421,
            Self::TooMany => 429,
            Self::Internal => 500,
            Self::Unavailable => 503,
        }
    }

    /// The heading, what happened, and what to do.
    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::BadRequest => (
                "That did not work",
                "Something in the address or in the form was not as we expected, so nothing was changed.",
                "Go back to the page you came from, reload it and try once more.",
            ),
            Self::Unauthorized => (
                "You are not signed in",
                "This needs somebody who is signed in.",
                "Sign in and try again.",
            ),
            Self::Forbidden => (
                "You cannot open this page",
                "Your account does not have the right to see this page.",
                "If you need it for your work, ask for access.",
            ),
            Self::StaleForm => (
                "Please try that once more",
                "The page you came from was open for a long time, so we did not act on it. Nothing was changed.",
                "Go back, reload the page and send the form again.",
            ),
            Self::NotFound => (
                "This page does not exist",
                "The address may be mistyped, or the page may have moved.",
                "Check the address, or start again from the home page.",
            ),
            Self::WrongMethod => (
                "This address cannot be opened like that",
                "It only receives forms from our own pages. Nothing was changed.",
                "Start again from the home page.",
            ),
            Self::TooLarge => (
                "That was too large",
                "What you sent is larger than we accept, so it was not saved.",
                "Choose a smaller file and try again.",
            ),
            Self::UnsupportedType => (
                "We cannot read that kind of file",
                "What you sent has a format that we do not accept, so it was not saved.",
                "Choose a file of another kind and try again.",
            ),
            Self::WrongHost => (
                "This is not our address",
                "You reached this server under a name it does not answer to.",
                "Check the address in your browser's address bar, or use the link that your organization gave you.",
            ),
            Self::TooMany => (
                "Too many tries in a short time",
                "To protect accounts, we pause for a moment. Nothing was changed.",
                "Wait a little, then try again.",
            ),
            Self::Internal => (
                "Something went wrong on our side",
                "It is not your fault, and it has been recorded.",
                "Try again in a minute.",
            ),
            Self::Unavailable => (
                "We cannot answer right now",
                "To be safe, we let nobody in until we can check sessions again. This usually takes a moment.",
                "Try again in a minute.",
            ),
        }
    }
}

/// What an error page offers besides the way home; the account menu of somebody
/// who is signed in has Log out anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WayOn {
    /// Nothing more.
    Neither,
    /// Nobody is signed in: sign in.
    SignIn,
    /// It is not known whether somebody is signed in: log out all the same
    /// (OUT-04). The page claims neither.
    LogOut,
}

/// Any error, as a page.
#[derive(Clone, Debug, Template)]
#[template(path = "problem.html")]
pub struct ProblemPage {
    /// What all pages share; [`Frame::new`] is enough.
    pub frame: Frame,
    /// What went wrong.
    pub problem: Problem,
    /// A more helpful sentence than the usual one, if there is one; never anything internal.
    pub detail: Option<String>,
    /// What support can look up.
    pub reference: String,
    /// What it offers.
    pub way_on: WayOn,
}

impl ProblemPage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        self.problem.words().0
    }

    /// What happened.
    pub fn sentence(&self) -> &str {
        self.detail.as_deref().unwrap_or(self.problem.words().1)
    }

    /// What to do.
    pub fn advice(&self) -> &'static str {
        self.problem.words().2
    }
}

/// What is shown under a name that is not ours. It stands alone: the style and
/// the pages behind its links answer under our own name only.
#[derive(Clone, Debug, Template)]
#[template(path = "wrong_address.html")]
pub struct WrongAddressPage {
    /// The product's name.
    pub product: String,
    /// The CSP nonce of this answer.
    pub nonce: String,
    /// Our own address.
    pub address: String,
    /// The reference of this answer.
    pub reference: String,
}

impl WrongAddressPage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        "This is not our address"
    }
}
