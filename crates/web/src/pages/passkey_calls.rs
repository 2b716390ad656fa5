//! What the script for passkeys calls in the name of a signed-in person.

use std::sync::Arc;

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nightlatch_domain::passkey::parse_passkey_name;
use nightlatch_flows::factors::Change;
use nightlatch_flows::passkeys::manage;
use nightlatch_flows::passkeys::register::{
    BegunRegistration, NewPasskey, Registered, begin_registration, finish_registration,
};
use nightlatch_flows::passkeys::{
    CeremonyToken, CreationChallengeResponse, RegisterPublicKeyCredential,
};
use nightlatch_storage::StorageError;
use serde::{Deserialize, Serialize};

use crate::api::body::{Body, answer};
use crate::cookies::Jar;
use crate::failure::Failure;
use crate::guard::Person;
use crate::links;
use crate::pages::factors::{acting, follow_up};
use crate::pages::flash::{Flash, Others};
use crate::pages::way_back;
use crate::views::Problem;

/// Nothing is needed to begin.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// A challenge, and what to send back with its answer.
#[derive(Serialize)]
pub(crate) struct Begun<T: Serialize> {
    pub(crate) ceremony: String,
    #[serde(flatten)]
    pub(crate) challenge: T,
}

fn proof_needed() -> Failure {
    Failure::saying(
        Problem::Forbidden,
        "You signed in a while ago. Reload the page to confirm that it's you, then add the passkey.",
    )
    .with_code("proof-needed")
}

fn session_over() -> Failure {
    Failure::new(Problem::Unauthorized).with_code("not-signed-in")
}

fn too_many() -> Failure {
    Failure::saying(
        Problem::Forbidden,
        "You have as many passkeys as an account can have. Remove one that you no longer use first.",
    )
    .with_code("too-many-passkeys")
}

/// `POST /account/security/passkeys/begin`.
pub(crate) async fn begin(person: Person, Body(_): Body<Nothing>) -> Result<Response, Failure> {
    let app = Arc::clone(&person.visit.app);
    let (moment, acting) = (app.moment(), acting(&person, false));
    let inner = Arc::clone(&app);
    let begun: Result<Change<BegunRegistration>, StorageError> = app
        .store
        .write(move |tx| begin_registration(tx, &moment, &inner.passkeys, &acting))
        .await;
    let begun = match begun? {
        Change::Done(begun) => begun,
        Change::ProofNeeded => return Err(proof_needed()),
        Change::SessionOver => return Err(session_over()),
    };
    match begun {
        BegunRegistration::Begun(token, challenge) => {
            let begun: Begun<CreationChallengeResponse> = Begun {
                ceremony: token.reveal(),
                challenge: *challenge,
            };
            Ok(answer(begun, Jar::default()))
        }
        BegunRegistration::TooMany => Err(too_many()),
        BegunRegistration::NotPossible => Err(Failure::not_found()),
    }
}

/// What the browser made.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Finish {
    ceremony: String,
    credential: RegisterPublicKeyCredential,
    #[serde(default)]
    name: String,
    /// "Log out all other sessions" (OUT-14).
    #[serde(default)]
    log_out_others: bool,
}

/// Where the script goes next.
#[derive(Serialize)]
pub(crate) struct Next {
    pub(crate) to: String,
}

/// `POST /account/security/passkeys/finish`.
pub(crate) async fn finish(
    person: Person,
    Body(finish): Body<Finish>,
) -> Result<Response, Failure> {
    let Some(token) = CeremonyToken::parse(&finish.ceremony) else {
        return Err(expired());
    };
    let new = NewPasskey {
        token,
        credential: finish.credential,
        name: parse_passkey_name(&finish.name),
    };
    let app = Arc::clone(&person.visit.app);
    let (moment, acting) = (app.moment(), acting(&person, finish.log_out_others));
    let inner = Arc::clone(&app);
    let registered: Result<Change<Registered>, StorageError> = app
        .store
        .write(move |tx| finish_registration(tx, &moment, &inner.passkeys, &acting, &new))
        .await;
    let registered = match registered? {
        Change::Done(registered) => registered,
        Change::ProofNeeded => return Err(proof_needed()),
        Change::SessionOver => return Err(session_over()),
    };
    match registered {
        Registered::Added(_, changed) => {
            let mut jar = Jar::default();
            follow_up(&person, &mut jar, &changed);
            let to = way_back::or(&person.visit, links::SECURITY, &mut jar).await?;
            // Said on a page of ours, or not at all.
            if to == links::SECURITY {
                Flash::PasskeyAdded(Others::of(&changed)).set(&mut jar);
            }
            Ok(answer(Next { to }, jar))
        }
        Registered::TooMany => Err(too_many()),
        Registered::Expired => Err(expired()),
        Registered::AlreadyBound => Err(Failure::saying(
            Problem::Forbidden,
            "This passkey is in use already. Choose another device or security key.",
        )
        .with_code("passkey-in-use")),
        Registered::Refused => Err(Failure::saying(
            Problem::Forbidden,
            "This passkey could not be added. It has to ask for a fingerprint, a face or a PIN; please try \
             again, or choose another device.",
        )
        .with_code("passkey-refused")),
    }
}

/// The challenge is over.
pub(crate) fn expired() -> Failure {
    Failure::saying(
        Problem::Forbidden,
        "That took too long, or was tried before. Please try again.",
    )
    .with_code("passkey-expired")
}

/// What authenticators may be told (WAN-08); empty if the person never had a
/// passkey.
#[derive(Serialize)]
struct AcceptedBody {
    rp_id: String,
    user_id: Option<String>,
    name: String,
    display_name: String,
    credential_ids: Vec<String>,
}

/// `GET /account/security/passkeys/accepted`.
pub(crate) async fn accepted(person: Person) -> Result<Response, Failure> {
    let user = &person.live.owned.user;
    let id = user.id;
    let found: Result<_, StorageError> = person
        .visit
        .app
        .store
        .read(move |tx| manage::accepted(tx, id))
        .await;
    let found = found?;
    let body = AcceptedBody {
        rp_id: person.visit.app.passkeys.relying_party().to_owned(),
        user_id: found
            .as_ref()
            .map(|accepted| URL_SAFE_NO_PAD.encode(accepted.handle.as_bytes())),
        name: user.email.to_string(),
        display_name: user.name.clone(),
        credential_ids: found
            .into_iter()
            .flat_map(|accepted| accepted.credential_ids)
            .map(|id| URL_SAFE_NO_PAD.encode(id))
            .collect(),
    };
    Ok(answer(body, Jar::default()))
}
