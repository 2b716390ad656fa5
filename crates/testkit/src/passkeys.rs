//! What the script for passkeys does in a browser, step by step.

use std::time::Duration;

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::browser::Browser;
use crate::form::Form;
use crate::passkey_device::{Lie, PasskeyDevice};

const REGISTRATION: &str = "/account/security/passkeys";
const SIGN_IN: &str = "/login/passkey";
const PROOF: &str = "/api/v1/proof/passkey";

/// The name of what went wrong, for programs; empty if nothing did.
pub fn passkey_problem(answer: &Answer) -> String {
    if answer.status.is_success() {
        return String::new();
    }
    let document = answer.json();
    let kind = document.get("type").and_then(Value::as_str);
    let kind = kind.unwrap_or_default();
    kind.rsplit(':').next().unwrap_or_default().to_owned()
}

/// Where the script goes after it signed somebody in.
///
/// # Panics
///
/// If it did not.
pub fn signed_in_to(answer: &Answer) -> String {
    assert!(answer.status.is_success(), "{}", answer.text());
    let said = answer.json();
    let to = said.get("to").and_then(Value::as_str);
    to.expect("a place to go").to_owned()
}

/// What the script writes into the field of a form.
fn written(begun: &Value, credential: &Value) -> Value {
    json!({ "ceremony": ceremony(begun), "credential": credential })
}

/// The field of a form that takes what a passkey answered.
fn passkey_field(form: &Form) -> Option<&'static str> {
    ["proof_passkey", "passkey"]
        .into_iter()
        .find(|name| form.find(name).is_some())
}

fn ceremony(begun: &Value) -> Value {
    begun.get("ceremony").cloned().unwrap_or_default()
}

impl Browser<'_> {
    /// Asks for a challenge to add a passkey.
    pub fn begin_passkey(&mut self) -> Answer {
        self.api("POST", &format!("{REGISTRATION}/begin"), Some(&json!({})))
    }

    /// Sends what an authenticator made for a challenge.
    pub fn finish_passkey(&mut self, begun: &Value, credential: &Value, name: &str) -> Answer {
        let body = json!({
            "ceremony": ceremony(begun),
            "credential": credential,
            "name": name,
        });
        self.api("POST", &format!("{REGISTRATION}/finish"), Some(&body))
    }

    /// Adds a passkey.
    ///
    /// # Panics
    ///
    /// If that does not work.
    pub fn add_passkey(&mut self, device: &mut PasskeyDevice, name: &str) {
        let begun = self.begin_passkey().expect(200).json();
        let made = device.create(&begun, Lie::Honest);
        drop(self.finish_passkey(&begun, &made, name).expect(200));
    }

    /// Opens the sign-in page and asks for a challenge.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn begin_passkey_sign_in(&mut self) -> Value {
        // No two sign-ins at the very same instant.
        self.site.advance(Duration::from_millis(1));
        self.open("/login?switch=yes").expect(200);
        let address = format!("{SIGN_IN}/begin");
        self.api("POST", &address, Some(&json!({})))
            .expect(200)
            .json()
    }

    /// Sends what an authenticator answered; `more` is what the form says.
    pub fn finish_passkey_sign_in(
        &mut self,
        begun: &Value,
        credential: &Value,
        more: &Value,
    ) -> Answer {
        let mut body = more.clone();
        if let Some(fields) = body.as_object_mut() {
            fields.insert("ceremony".to_owned(), ceremony(begun));
            fields.insert("credential".to_owned(), credential.clone());
        }
        self.api("POST", &format!("{SIGN_IN}/finish"), Some(&body))
    }

    /// Asks for a challenge to prove again who one is.
    pub fn begin_passkey_proof(&mut self) -> Answer {
        self.api("POST", PROOF, Some(&json!({})))
    }

    /// Sends what an authenticator answered as a proof, without a form.
    pub fn prove_with_passkey(&mut self, begun: &Value, credential: &Value) -> Answer {
        let passkey = written(begun, credential);
        let body = json!({ "passkey": passkey });
        self.api("POST", "/api/v1/proof", Some(&body))
    }

    /// Proves with the newest passkey of a device, without a form.
    ///
    /// # Panics
    ///
    /// If that does not work.
    pub fn prove_with_passkey_of(&mut self, device: &mut PasskeyDevice) -> Answer {
        let begun = self.begin_passkey_proof().expect(200).json();
        let answer = device.get(&begun, Lie::Honest);
        self.prove_with_passkey(&begun, &answer).expect(200)
    }

    /// Asks for a challenge in the second step of a sign-in.
    pub fn begin_passkey_second_step(&mut self) -> Answer {
        self.api("POST", &format!("{SIGN_IN}/second-step"), Some(&json!({})))
    }

    /// Writes what an authenticator answered into the form that has this button or
    /// field and offers a passkey, as the script does. Returns the form.
    ///
    /// # Panics
    ///
    /// If no such form offers one.
    pub fn fill_in_passkey(&mut self, words: &str, begun: &Value, credential: &Value) -> Form {
        let offers = |form: &&Form| {
            let is_meant = form.has_button(words) || form.find(words).is_some();
            is_meant && passkey_field(form).is_some()
        };
        let found = self.page().forms.iter().find(offers).cloned();
        let mut form = found.unwrap_or_else(|| panic!("no passkey is offered beside “{words}”"));
        let name = passkey_field(&form).expect("a field").to_owned();
        form.fill(&name, &written(begun, credential).to_string());
        form
    }

    /// Presses "Use a passkey" beside this button: the script asks for a challenge,
    /// the device answers, and the form goes on. Stays at the first answer.
    ///
    /// # Panics
    ///
    /// If no passkey is offered there.
    pub fn use_passkey(&mut self, button: &str, device: &mut PasskeyDevice) -> Answer {
        let begun = self.begin_passkey_proof().expect(200).json();
        let answer = device.get(&begun, Lie::Honest);
        let form = self.fill_in_passkey(button, &begun, &answer);
        self.submit(&form)
    }

    /// Takes the second step of a sign-in with a passkey.
    ///
    /// # Panics
    ///
    /// If none is offered.
    pub fn take_second_step_with(&mut self, device: &mut PasskeyDevice) -> Answer {
        let begun = self.begin_passkey_second_step().expect(200).json();
        let answer = device.get(&begun, Lie::Honest);
        let form = self.fill_in_passkey("way", &begun, &answer);
        self.submit(&form)
    }

    /// Signs in with the newest passkey of a device.
    pub fn sign_in_with_passkey(&mut self, device: &mut PasskeyDevice) -> Answer {
        let begun = self.begin_passkey_sign_in();
        let answer = device.get(&begun, Lie::Honest);
        self.finish_passkey_sign_in(&begun, &answer, &json!({}))
    }
}
