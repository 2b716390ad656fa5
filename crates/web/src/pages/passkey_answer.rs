//! What the script writes when somebody who is known by then used a passkey, and
//! the challenge that it asks for before.
//!
//! The answer comes in a field of the very form that asked, so that the form goes
//! on as if a password had been typed (UI-06).

use std::sync::Arc;

use axum::Extension;
use axum::response::Response;
use nightlatch_flows::passkeys::known::{BegunKnown, PasskeyAnswer};
use nightlatch_flows::passkeys::{CeremonyToken, PublicKeyCredential};
use nightlatch_flows::pending_passkey;
use nightlatch_storage::StorageError;
use serde::Deserialize;

use crate::api::body::{Body, answer};
use crate::cookies::Jar;
use crate::failure::Failure;
use crate::guard::Visit;
use crate::pages::factor::carried;
use crate::pages::passkey_calls::{Begun, Nothing};
use crate::pages::passkey_sign_in::ByScript;
use crate::views::Problem;

/// The challenge that is answered, and what the browser made of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Written {
    ceremony: String,
    credential: PublicKeyCredential,
}

impl Written {
    /// The answer, if it names a challenge at all.
    pub(crate) fn read(self) -> Option<Box<PasskeyAnswer>> {
        let token = CeremonyToken::parse(&self.ceremony)?;
        let credential = self.credential;
        Some(Box::new(PasskeyAnswer { token, credential }))
    }
}

/// Reads the field of a form.
pub(crate) fn of_field(text: &str) -> Option<Box<PasskeyAnswer>> {
    serde_json::from_str::<Written>(text).ok()?.read()
}

/// The answer to a script that asks for a challenge.
pub(crate) fn begun(begun: BegunKnown) -> Result<Response, Failure> {
    match begun {
        BegunKnown::Begun(token, challenge) => {
            let begun = Begun {
                ceremony: token.reveal(),
                challenge: *challenge,
            };
            Ok(answer(begun, Jar::default()))
        }
        BegunKnown::NoPasskey => Err(Failure::not_found().with_code("no-passkey")),
        BegunKnown::Over => Err(Failure::saying(
            Problem::Unauthorized,
            "You are not signed in any more. Please reload this page.",
        )
        .with_code("not-signed-in")),
    }
}

/// `POST /login/passkey/second-step`: a challenge for who has given the password.
pub(crate) async fn begin_second_step(
    Extension(visit): Extension<Arc<Visit>>,
    _: ByScript,
    Body(_): Body<Nothing>,
) -> Result<Response, Failure> {
    let Some(carried) = carried(&visit) else {
        return begun(BegunKnown::Over);
    };
    let app = Arc::clone(&visit.app);
    let (moment, inner) = (app.moment(), Arc::clone(&app));
    let asked: Result<BegunKnown, StorageError> = app
        .store
        .write(move |tx| pending_passkey::begin(tx, &moment, &inner.passkeys, &carried))
        .await;
    begun(asked?)
}
