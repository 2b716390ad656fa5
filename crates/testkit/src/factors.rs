//! Signing in with a second factor, in one step.

use std::sync::Arc;
use std::time::Duration;

use nightlatch_domain::ids::AuthenticatorAppId;
use nightlatch_flows::factors::{Acting, Change, authenticator_app, enrolled};

use crate::answer::Answer;
use crate::authenticator::Authenticator;
use crate::browser::Browser;
use crate::operator::{Account, PASSWORD};
use crate::person::Choices;
use crate::site::Site;

/// An authenticator app that somebody has set up.
#[derive(Debug, Clone)]
pub struct PhoneApp {
    /// The app.
    pub id: AuthenticatorAppId,
    app: Authenticator,
}

impl PhoneApp {
    /// The next code that was not shown before: time goes on by one step.
    pub fn next_code(&self, site: &Site) -> String {
        site.advance(Duration::from_secs(30));
        self.app.code(site)
    }
}

impl Browser<'_> {
    /// The signed-in person sets up an authenticator app.
    ///
    /// # Panics
    ///
    /// If they cannot.
    pub fn set_up_app(&mut self) -> PhoneApp {
        let app = self.add_authenticator_app("Phone");
        let user = self.session_row().expect("a signed-in browser").user;
        let have = self.site.read(move |tx| enrolled(tx, user));
        let newest = have
            .authenticator_apps
            .iter()
            .max_by_key(|app| app.confirmed_at);
        PhoneApp {
            id: newest.expect("an app").id,
            app,
        }
    }

    /// The signed-in person removes an authenticator app.
    ///
    /// # Panics
    ///
    /// If they cannot.
    pub fn remove_app(&self, phone: &PhoneApp) {
        let acting = Acting {
            activity: Arc::clone(&self.site.app().activity),
            session: self.session_row().expect("a signed-in browser").id,
            log_out_others: false,
        };
        let (moment, id) = (self.site.moment(), phone.id);
        let removed = self
            .site
            .write(move |tx| authenticator_app::remove(tx, &moment, &acting, id));
        assert!(matches!(removed, Change::Done(_)), "{removed:?}");
    }

    /// Signs in with the right password, up to the page of the second step.
    ///
    /// # Panics
    ///
    /// If that page does not come.
    pub fn come_to_second_step(&mut self, account: &Account) {
        let answer = self.try_to_sign_in(&account.email, PASSWORD, Choices::default());
        drop(answer.expect_redirect("/login/factor"));
        self.open("/login/factor").expect(200);
    }

    /// Types a code on the page of the second step and sends it.
    pub fn give_code(&mut self, code: &str) -> Answer {
        self.fill("Code from your authenticator app", code);
        self.press_once("Continue")
    }

    /// Signs in with password and code.
    ///
    /// # Panics
    ///
    /// If that does not work.
    pub fn sign_in_with_code(&mut self, account: &Account, phone: &PhoneApp) {
        self.come_to_second_step(account);
        let answer = self.give_code(&phone.next_code(self.site));
        let answer = answer.expect(303);
        self.follow(answer).expect(200);
    }

    /// The same, and this browser is to be remembered.
    ///
    /// # Panics
    ///
    /// If that does not work.
    pub fn sign_in_and_be_remembered(&mut self, account: &Account, phone: &PhoneApp) {
        self.come_to_second_step(account);
        self.check("Remember this browser for 30 days");
        let answer = self.give_code(&phone.next_code(self.site));
        let answer = answer.expect(303);
        self.follow(answer).expect(200);
    }
}
