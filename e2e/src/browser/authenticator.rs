//! A virtual authenticator, so that passkeys can be made and used without a finger.

use serde_json::json;

use super::Browser;
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
}
