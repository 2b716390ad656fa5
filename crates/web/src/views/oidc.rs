//! What people see on the way into an app.

use askama::Template;

use super::{Frame, HiddenField, Proof};

/// What all pages on the way into an app share.
#[derive(Clone, Debug)]
pub struct AppWay {
    /// What people call the app.
    pub app: String,
    /// The host where the person goes on, `crm.example.com`.
    pub host: String,
    /// Where the page's own form posts.
    pub action: String,
    /// Where the form posts that says no.
    pub decline: String,
    /// The sign-in page for another account, which leads back to the app.
    pub switch_href: String,
}

/// The app that a person is on the way to, on a page that is about something else.
#[derive(Clone, Debug)]
pub struct TowardApp {
    /// Leads on to it.
    pub href: String,
    /// What people call it.
    pub app: String,
}

/// Asks whether an app may have something.
#[derive(Clone, Debug, Template)]
#[template(path = "consent.html")]
pub struct ConsentPage {
    /// What all pages share; `person` is set.
    pub frame: Frame,
    /// Which app, and the ways on.
    pub way: AppWay,
    /// Whether it gets name and picture.
    pub profile: bool,
    /// Whether it gets the e-mail address.
    pub email: bool,
    /// For how long it may go on when the person is not there: "365 days".
    pub lasting: Option<String>,
}

impl ConsentPage {
    /// The heading.
    pub fn title(&self) -> String {
        format!("Allow {}?", self.way.app)
    }
}

/// Asks whether this is the right account, or says that it is not.
#[derive(Clone, Debug, Template)]
#[template(path = "choose_account.html")]
pub struct ChooseAccountPage {
    /// What all pages share; `person` is set.
    pub frame: Frame,
    /// Which app, and the ways on.
    pub way: AppWay,
    /// Whether this account can open the app at all.
    pub fits: bool,
}

impl ChooseAccountPage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        if self.fits {
            "Choose an account"
        } else {
            "This account cannot open the app"
        }
    }
}

/// Asks for a proof, because the app wants one.
#[derive(Clone, Debug, Template)]
#[template(path = "app_proof.html")]
pub struct AppProofPage {
    /// What all pages share; `person` is set.
    pub frame: Frame,
    /// Which app, and the ways on.
    pub way: AppWay,
    /// What goes on after "asks you to confirm it's you before you go on".
    pub wanted: &'static str,
    /// What to ask for.
    pub proof: Proof,
}

impl AppProofPage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        "Confirm it's you"
    }
}

/// Carries an answer to an app: the script sends the form at once, without scripts
/// a button does.
#[derive(Clone, Debug, Template)]
#[template(path = "form_post.html")]
pub struct FormPostPage {
    /// What all pages share.
    pub frame: Frame,
    /// The redirect address of the app, exactly as it was registered.
    pub action: String,
    /// What is sent.
    pub fields: Vec<HiddenField>,
}

impl FormPostPage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        "Back to the app"
    }
}

/// Why nobody can go on to an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppProblem {
    /// No app is registered so.
    Unknown,
    /// It was withdrawn.
    Withdrawn,
    /// It wants its answer at an address that is not registered.
    Address,
    /// The request makes no sense, or is too long.
    Request,
    /// The request waited too long, or was answered before.
    Gone,
}

/// Says why nobody can go on to an app, and what to do.
#[derive(Clone, Debug, Template)]
#[template(path = "app_problem.html")]
pub struct AppProblemPage {
    /// What all pages share.
    pub frame: Frame,
    /// Why.
    pub problem: AppProblem,
    /// What people call the app, if it is known.
    pub app: Option<String>,
    /// Where the app begins, if that is registered.
    pub home: Option<String>,
    /// What support can look up.
    pub reference: String,
}

impl AppProblemPage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        match self.problem {
            AppProblem::Unknown => "We do not know this app",
            AppProblem::Withdrawn => "This app is not in use any more",
            AppProblem::Address | AppProblem::Request => "The app sent us a wrong address",
            AppProblem::Gone => "This sign-in is over",
        }
    }

    /// What happened.
    pub fn sentence(&self) -> &'static str {
        match self.problem {
            AppProblem::Unknown => {
                "The app that sent you here is not connected to this server, so we did not send \
                 you back to it."
            }
            AppProblem::Withdrawn => {
                "Your organization has disconnected this app, so nobody can sign in to it here."
            }
            AppProblem::Address => {
                "It wants you back at an address that is not registered for it. To be safe, we \
                 did not send you there."
            }
            AppProblem::Request => {
                "What it asked us for cannot be understood. To be safe, we did not send you back."
            }
            AppProblem::Gone => "It was finished already, or was open for more than an hour.",
        }
    }

    /// What to do.
    pub fn advice(&self) -> &'static str {
        match self.problem {
            AppProblem::Gone => "Go back to the app and start again there.",
            AppProblem::Withdrawn => {
                "If you need it for your work, tell your organization's administrator."
            }
            _ => {
                "Tell whoever runs the app, and mention the reference below: the log of this \
                 server says what has to be corrected."
            }
        }
    }
}
