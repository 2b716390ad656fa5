//! What a person does in a browser, in one step.

use std::time::Duration;

use nightlatch_domain::secret::Token;
use serde_json::Value;

use crate::answer::Answer;
use crate::browser::Browser;
use crate::jar::Jar;
use crate::operator::{Account, PASSWORD};
use crate::rows::SessionRow;

/// What a person chooses in the sign-in form.
#[derive(Debug, Clone, Copy, Default)]
pub struct Choices {
    /// "Stay signed in on this browser".
    pub remember: bool,
    /// "This is a shared or public computer".
    pub shared: bool,
}

impl Browser<'_> {
    /// Opens the sign-in page and signs in, without special wishes.
    pub fn sign_in(&mut self, account: &Account) -> Answer {
        self.sign_in_with(account, Choices::default())
    }

    /// Opens the sign-in page and signs in.
    ///
    /// # Panics
    ///
    /// If that does not lead into the account.
    pub fn sign_in_with(&mut self, account: &Account, choices: Choices) -> Answer {
        let answer = self.try_to_sign_in(&account.email, PASSWORD, choices);
        assert_eq!(
            answer.status.as_u16(),
            303,
            "{} could not sign in: {}",
            account.email,
            answer.text()
        );
        self.follow(answer).expect(200)
    }

    /// Opens the sign-in page and signs in, at the very instant that it is; for
    /// many at once.
    ///
    /// # Panics
    ///
    /// If that does not lead into the account.
    pub fn sign_in_here(&mut self, account: &Account) {
        self.open("/login").expect(200);
        self.fill("E-mail address", &account.email);
        self.fill("Password", PASSWORD);
        let answer = self.press_once("Sign in");
        drop(answer.expect_redirect("/"));
    }

    /// Changes the password on the page Security.
    pub fn change_password(&mut self, present: &str, new: &str) -> Answer {
        self.open("/account/security");
        self.fill("Current password", present);
        self.fill("New password", new);
        self.fill("New password once more", new);
        self.press("Change password")
    }

    /// Fills the sign-in form with this and sends it; the answer is the first.
    pub fn try_to_sign_in(&mut self, email: &str, password: &str, choices: Choices) -> Answer {
        // No two sign-ins at the very same instant, so that stories can tell
        // their order.
        self.site.advance(Duration::from_millis(1));
        self.open("/login?switch=yes");
        self.fill("E-mail address", email);
        self.fill("Password", password);
        if choices.remember {
            self.check("Stay signed in on this browser");
        }
        if choices.shared {
            self.check("This is a shared or public computer");
        }
        self.press_once("Sign in")
    }

    /// Opens the start page and logs out by the menu.
    ///
    /// # Panics
    ///
    /// If that does not work.
    pub fn log_out(&mut self) -> Answer {
        self.open("/").expect(200);
        self.press("Log out").expect(200)
    }

    /// A program in this browser calls the API, as it is documented.
    pub fn api(&mut self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let ask = self
            .ask(method, path)
            .by_script()
            .header("x-nightlatch", "1");
        match body {
            Some(body) => ask.json(body).send(),
            None => ask.send(),
        }
    }

    /// Whether the site says that this browser is signed in; asking changes
    /// nothing and is no activity.
    ///
    /// # Panics
    ///
    /// If it says neither yes nor no.
    pub fn is_signed_in(&mut self) -> bool {
        let answer = self
            .ask("GET", "/session/status")
            .by_script()
            .send()
            .expect(200);
        match answer.json().get("state").and_then(Value::as_str) {
            Some("live") => true,
            Some("ended" | "replaced") => false,
            _ => panic!("neither live nor ended: {}", answer.text()),
        }
    }

    /// The browser is closed and opened again.
    pub fn restart(&mut self) {
        self.jar.close_browser();
        self.page = None;
    }

    /// A copy of the cookies, for somebody else or for later.
    pub fn steal_cookies(&self) -> Jar {
        self.jar.clone()
    }

    /// The value of the session cookie.
    pub fn session_cookie(&self) -> Option<&str> {
        self.jar.get("__Host-nightlatch")
    }

    /// The row of the session that the cookie names, ended or not.
    pub fn session_row(&self) -> Option<SessionRow> {
        let token = Token::parse(self.session_cookie()?)?;
        self.site.session_of_token(token.digest())
    }

    /// The public id of the session that the cookie names.
    ///
    /// # Panics
    ///
    /// If it names none.
    pub fn session_id(&self) -> String {
        let row = self.session_row().expect("a cookie that names a session");
        row.id.to_string()
    }
}
