//! What a person has besides their password, and what shows it.

use std::sync::Arc;
use std::time::Duration;

use nightlatch_domain::ids::AuthenticatorAppId;
use nightlatch_domain::one_time_code::{SEED_LENGTH, Seed};
use nightlatch_flows::factors::authenticator_app::{self, BeginOutcome, ConfirmOutcome, Finish};
use nightlatch_flows::factors::{Acting, Change, recovery_codes};

use crate::answer::Answer;
use crate::browser::Browser;
use crate::operator::{Account, PASSWORD};
use crate::person::Choices;
use crate::site::Site;

/// An authenticator app, as it is on somebody's phone.
#[derive(Debug, Clone)]
pub struct PhoneApp {
    /// The app.
    pub id: AuthenticatorAppId,
    seed: Seed,
}

impl PhoneApp {
    /// The next code that was not shown before: time goes on by one step.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn next_code(&self, site: &Site) -> String {
        site.advance(Duration::from_secs(30));
        self.seed.code_at(site.now()).expect("a code")
    }
}

/// Reads base32, as an app does with what its owner types in.
fn from_base32(text: &str) -> Vec<u8> {
    let mut bits = 0_u32;
    let mut count = 0;
    let mut bytes = Vec::with_capacity(SEED_LENGTH);
    for letter in text.chars() {
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let value = alphabet.find(letter).expect("a letter of base32");
        bits = (bits << 5) | u32::try_from(value).expect("five bits");
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 255).expect("eight bits"));
        }
    }
    bytes
}

impl Browser<'_> {
    fn acting(&self) -> Acting {
        Acting {
            activity: Arc::clone(&self.site.app().activity),
            session: self.session_row().expect("a signed-in browser").id,
            log_out_others: false,
        }
    }

    /// The signed-in person sets up an authenticator app.
    ///
    /// # Panics
    ///
    /// If they cannot.
    pub fn set_up_app(&self) -> PhoneApp {
        let (site, acting) = (self.site, self.acting());
        let (app, moment) = (site.app(), site.moment());
        let setup = site.write(move |tx| {
            let begun = authenticator_app::begin_setup(tx, &moment, &app.sealer, &acting, "Phone")?;
            let Change::Done(BeginOutcome::Begun(id)) = begun else {
                panic!("no app can be set up: {begun:?}");
            };
            authenticator_app::find_setup(tx, &moment, &app.sealer, &acting, id)
        });
        let Change::Done(Some(setup)) = setup else {
            panic!("nothing is being set up: {setup:?}");
        };
        let seed = Seed::from_bytes(&from_base32(&setup.text_key)).expect("a seed");
        let phone = PhoneApp { id: setup.id, seed };
        let code = phone.next_code(site);
        let (app, moment, acting) = (site.app(), site.moment(), self.acting());
        let id = phone.id;
        let confirmed = site.write(move |tx| {
            let finish = Finish {
                id,
                name: "Phone",
                code: &code,
            };
            authenticator_app::confirm_setup(tx, &moment, &app.sealer, &acting, &finish)
        });
        assert!(
            matches!(confirmed, Change::Done(ConfirmOutcome::Confirmed { .. })),
            "{confirmed:?}"
        );
        phone
    }

    /// The signed-in person removes an authenticator app.
    ///
    /// # Panics
    ///
    /// If they cannot.
    pub fn remove_app(&self, phone: &PhoneApp) {
        let (moment, acting, id) = (self.site.moment(), self.acting(), phone.id);
        let removed = self
            .site
            .write(move |tx| authenticator_app::remove(tx, &moment, &acting, id));
        assert!(matches!(removed, Change::Done(_)), "{removed:?}");
    }

    /// The signed-in person makes recovery codes; returns them.
    ///
    /// # Panics
    ///
    /// If they cannot.
    pub fn make_recovery_codes(&self) -> Vec<String> {
        let (app, moment, acting) = (self.site.app(), self.site.moment(), self.acting());
        let made = self.site.block_on(async move {
            recovery_codes::make_new_set(&app.store, &app.hashing, &moment, &acting).await
        });
        match made {
            Ok(Change::Done(set)) => set
                .codes
                .iter()
                .map(|code| code.grouped().to_string())
                .collect(),
            other => panic!("no recovery codes can be made: {other:?}"),
        }
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
