//! A virtual authenticator, so that passkeys can be made and used without a finger.

use serde_json::{Value, json};

use super::Browser;
use super::engine::Engine;
use crate::failure::{Failure, Outcome};

impl Browser {
    /// Plugs in a platform authenticator whose person always agrees. Returns its id.
    ///
    /// Works on `http://localhost:PORT` with the relying-party id `localhost`; lost at a restart.
    pub async fn add_authenticator(&self) -> Outcome<String> {
        self.note("plug in an authenticator");
        let id = self
            .post_command(
                "webauthn/authenticator",
                json!({
                    "protocol": "ctap2",
                    "transport": "internal",
                    "hasResidentKey": true,
                    "hasUserVerification": true,
                    "isUserConsenting": true,
                    "isUserVerified": true,
                }),
            )
            .await?;
        id.as_str()
            .map(str::to_owned)
            .ok_or_else(|| Failure::new(format!("an authenticator without an id: {id}")))
    }

    /// Pulls it out again: a device that was lost.
    pub async fn remove_authenticator(&self, id: &str) -> Outcome {
        self.note("remove the authenticator");
        self.delete_command(format!("webauthn/authenticator/{id}"))
            .await
            .map(drop)
    }

    /// What the authenticator holds, private keys included.
    pub async fn credentials(&self, id: &str) -> Outcome<Vec<Value>> {
        let held = self
            .read_command(format!("webauthn/authenticator/{id}/credentials"))
            .await?;
        Ok(serde_json::from_value(held)?)
    }

    /// Puts a passkey into the authenticator, as `credentials` tells it: a copy, or one that lies.
    pub async fn add_credential(&self, id: &str, credential: &Value) -> Outcome {
        self.note("put a passkey into the authenticator");
        self.post_command(
            format!("webauthn/authenticator/{id}/credential"),
            credential.clone(),
        )
        .await
        .map(drop)
    }

    /// Takes every passkey out of the authenticator.
    pub async fn remove_credentials(&self, id: &str) -> Outcome {
        self.note("empty the authenticator");
        self.delete_command(format!("webauthn/authenticator/{id}/credentials"))
            .await
            .map(drop)
    }

    /// From now on the authenticator knows its person, or does not: a wrong finger.
    pub async fn set_user_verified(&self, id: &str, verified: bool) -> Outcome {
        self.note(format_args!("the finger is the right one: {verified}"));
        self.post_command(
            format!("webauthn/authenticator/{id}/uv"),
            json!({ "isUserVerified": verified }),
        )
        .await
        .map(drop)
    }

    /// Lays the authenticator aside, or takes it to hand: only then it answers. Otherwise Chromium's would answer at
    /// once when a page merely offers passkeys among the suggestions of a field, as if the person had picked one.
    /// Firefox offers none there.
    pub async fn lay_authenticator_aside(&self, id: &str, aside: bool) -> Outcome {
        self.note(format_args!("the authenticator is aside: {aside}"));
        match self.options().engine {
            Engine::Chromium => self
                .developer_tools(
                    "WebAuthn.setAutomaticPresenceSimulation",
                    json!({ "authenticatorId": id, "enabled": !aside }),
                )
                .await
                .map(drop),
            Engine::Firefox => Ok(()),
        }
    }
}
