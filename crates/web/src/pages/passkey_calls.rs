//! What the script for passkeys calls in the name of a signed-in person.

use std::sync::Arc;

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nightlatch_domain::passkey::parse_passkey_name;
use nightlatch_flows::passkeys::manage::{self, MayChange};
use nightlatch_flows::passkeys::register::{
    BegunRegistration, NewPasskey, Registered, begin_registration, finish_registration,
};
use nightlatch_flows::passkeys::{
    CeremonyToken, CreationChallengeResponse, RegisterPublicKeyCredential,
};
use nightlatch_flows::sessions::find_live;
use nightlatch_storage::StorageError;
use serde::{Deserialize, Serialize};

use crate::api::body::{Body, answer};
use crate::cookies::Jar;
use crate::failure::Failure;
use crate::guard::Person;
use crate::links;
use crate::pages::flash::Flash;
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
        "You signed in a while ago. Reload the page and confirm that it is you, then add the passkey.",
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
    let (moment, session) = (app.moment(), person.live.owned.session.id);
    let inner = Arc::clone(&app);
    let begun: Result<Result<BegunRegistration, Failure>, StorageError> = app
        .store
        .write(move |tx| {
            let owned = match manage::may_change(tx, &moment, &inner.activity, session)? {
                MayChange::Yes(owned) => owned,
                MayChange::ProofNeeded => return Ok(Err(proof_needed())),
                MayChange::SessionOver => return Ok(Err(session_over())),
            };
            begin_registration(tx, &moment, &inner.passkeys, &owned.user, &owned.session).map(Ok)
        })
        .await;
    match begun?? {
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
    let (moment, session) = (app.moment(), person.live.owned.session.id);
    let inner = Arc::clone(&app);
    let registered: Result<Option<Registered>, StorageError> = app
        .store
        .write(move |tx| {
            // The challenge was drawn under a fresh proof; five minutes later it
            // may have grown too old, and the person did not dawdle.
            let live = find_live(tx, session, &inner.activity, moment.now)?;
            let Some(owned) = live else { return Ok(None) };
            finish_registration(tx, &moment, &inner.passkeys, &owned, &new).map(Some)
        })
        .await;
    match registered? {
        None => Err(session_over()),
        Some(Registered::Added(_, renewed)) => {
            let mut jar = Jar::default();
            if let Some(renewed) = &renewed {
                jar.renew_session(renewed, person.visit.now);
            }
            Flash::PasskeyAdded.set(&mut jar);
            let to = links::SECURITY.to_owned();
            Ok(answer(Next { to }, jar))
        }
        Some(Registered::TooMany) => Err(too_many()),
        Some(Registered::Expired) => Err(expired()),
        Some(Registered::AlreadyBound) => Err(Failure::saying(
            Problem::Forbidden,
            "This passkey is in use already. Choose another device or security key.",
        )
        .with_code("passkey-in-use")),
        Some(Registered::Refused) => Err(Failure::saying(
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
