//! What people see on protected hosts, and on the way to them.

use askama::Template;

use super::{AppWay, Frame, WhyEnded};

/// `GET /.nightlatch/log-out`: asks how far. Posts `csrf` and `scope` to the same
/// address.
#[derive(Clone, Debug, Template)]
#[template(path = "host_log_out.html")]
pub struct HostLogOutPage {
    /// What all pages share; it names nobody.
    pub frame: Frame,
    /// What people call the app.
    pub app: String,
    /// The person's name.
    pub name: String,
    /// The person's e-mail address.
    pub email: String,
    /// The form's token.
    pub csrf: String,
    /// Whether "this site only" is offered as the second choice (D5).
    pub this_site_only: bool,
}

impl HostLogOutPage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        "Log out of this browser?"
    }
}

/// `GET /.nightlatch/left`: this site was left, or the session is over.
#[derive(Clone, Debug, Template)]
#[template(path = "host_left.html")]
pub struct HostLeftPage {
    /// What all pages share; it names nobody.
    pub frame: Frame,
    /// What people call the app.
    pub app: String,
    /// Why the whole session is over, if it is.
    pub over: Option<WhyEnded>,
    /// Where the app begins.
    pub again: String,
    /// Where everything in this browser is logged out of.
    pub everything: String,
}

impl HostLeftPage {
    /// The heading.
    pub fn title(&self) -> String {
        format!("You are logged out of {}", self.app)
    }
}

/// Why somebody did not get into a protected app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostProblem {
    /// They stopped on the way.
    NotSignedIn,
    /// The app wants a second step, and they have none.
    NeedsSecondStep,
    /// The code was not good, or belongs to another browser.
    DidNotWork,
}

/// Says why somebody did not get into a protected app, and what to do.
#[derive(Clone, Debug, Template)]
#[template(path = "host_problem.html")]
pub struct HostProblemPage {
    /// What all pages share; it names nobody.
    pub frame: Frame,
    /// Why.
    pub problem: HostProblem,
    /// What people call the app.
    pub app: String,
    /// Where they try again.
    pub again: String,
    /// Where a second step is set up.
    pub security: String,
    /// What support can look up.
    pub reference: String,
}

impl HostProblemPage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        match self.problem {
            HostProblem::NotSignedIn => "You did not go on to the app",
            HostProblem::NeedsSecondStep => "This app needs a second step",
            HostProblem::DidNotWork => "Signing in did not work",
        }
    }

    /// What happened.
    pub fn sentence(&self) -> &'static str {
        match self.problem {
            HostProblem::NotSignedIn => "You stopped on the way, so you are not signed in there.",
            HostProblem::NeedsSecondStep => {
                "Your password alone does not open it. Set up an authenticator app or a passkey \
                 for your account, then come back."
            }
            HostProblem::DidNotWork => {
                "It took too long, was finished in another window, or began in another browser."
            }
        }
    }
}

/// The app does not let this person in (B12).
#[derive(Clone, Debug, Template)]
#[template(path = "no_access.html")]
pub struct NoAccessPage {
    /// What all pages share; `person` is set.
    pub frame: Frame,
    /// Which app, and the ways on.
    pub way: AppWay,
}

impl NoAccessPage {
    /// The heading.
    pub fn title(&self) -> &'static str {
        "You do not have access to this app"
    }
}
