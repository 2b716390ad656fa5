//! What the script for passkeys does in a browser, step by step.

use std::time::Duration;

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::browser::Browser;
use crate::passkey_device::{Lie, PasskeyDevice};

const REGISTRATION: &str = "/account/security/passkeys";
const SIGN_IN: &str = "/login/passkey";

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

    /// Signs in with the newest passkey of a device.
    pub fn sign_in_with_passkey(&mut self, device: &mut PasskeyDevice) -> Answer {
        let begun = self.begin_passkey_sign_in();
        let answer = device.get(&begun, Lie::Honest);
        self.finish_passkey_sign_in(&begun, &answer, &json!({}))
    }
}
