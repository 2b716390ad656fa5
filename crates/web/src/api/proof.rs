//! Proving again who one is.

use std::sync::Arc;

use axum::response::Response;
use nightlatch_domain::secret::Password;
use nightlatch_flows::passkeys::known::BegunKnown;
use nightlatch_flows::step_up_passkey;
use nightlatch_storage::StorageError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::body::{Body, answer};
use crate::cookies::Jar;
use crate::failure::Failure;
use crate::guard::Person;
use crate::pages::passkey_answer::{self, Written};
use crate::pages::passkey_calls::Nothing;
use crate::pages::proof::{Evidence, Proved, prove_with};
use crate::views::Problem;

/// The answer to a call that takes a fresh proof; `what` begins the sentence.
pub(crate) fn proof_needed(what: &str) -> Failure {
    Failure::saying(
        Problem::Forbidden,
        format!(
            "{what} takes a proof of the last ten minutes. Send the password to /api/v1/proof first."
        ),
    )
    .with_code("proof-needed")
}

/// The answer to a call that takes a fresh proof of the highest level that the person
/// has (MFA-04); `what` begins the sentence.
pub(crate) fn highest_proof_needed(what: &str) -> Failure {
    Failure::saying(
        Problem::Forbidden,
        format!(
            "{what} takes a proof of the last ten minutes, by a second factor if you have one. Send it to /api/v1/proof first."
        ),
    )
    .with_code("proof-needed")
}

/// The answer to a call whose session ended while it was under way.
pub(crate) fn session_over() -> Failure {
    Failure::new(Problem::Unauthorized).with_code("not-signed-in")
}

/// A proof that the caller is the owner of the account: one of these.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProofRequest {
    /// The person's password.
    password: Option<String>,
    /// A code from their authenticator app.
    code: Option<String>,
    /// One of their recovery codes; it is used up.
    recovery_code: Option<String>,
    /// An answer of one of their passkeys to a challenge of
    /// `/api/v1/proof/passkey`: `ceremony` as it came, and `credential` as
    /// WebAuthn's `PublicKeyCredential` writes itself in JSON.
    #[schema(value_type = Option<Object>)]
    passkey: Option<Written>,
}

/// The proof was right; the session goes on under a new cookie.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProofGiven {
    /// When (RFC 3339).
    at: String,
}

/// Proves with the password, a code from an authenticator app, a recovery code or a
/// passkey that the caller is the owner of the account. Changing factors or the
/// address takes something else than the password, if the person has it.
#[utoipa::path(
    post, path = "/api/v1/proof", tag = "sessions", request_body = ProofRequest,
    responses(
        (status = 200, body = ProofGiven),
        (status = 400, description = "No proof, or several"),
        (status = 401, description = "No live session"),
        (status = 403, description = "Not right, or too many wrong tries; the detail says which")
    )
)]
pub(crate) async fn give(
    person: Person,
    Body(request): Body<ProofRequest>,
) -> Result<Response, Failure> {
    let given = [
        request
            .password
            .map(|password| Evidence::Password(Password::typed(&password))),
        request.code.map(|code| Evidence::code(&code)),
        request
            .recovery_code
            .map(|code| Evidence::recovery_code(&code)),
        request
            .passkey
            .map(|written| Evidence::Passkey(written.read())),
    ];
    let mut given = given.into_iter().flatten();
    let (Some(evidence), None) = (given.next(), given.next()) else {
        let sentence = "Send one of `password`, `code`, `recovery_code` and `passkey`.";
        return Err(Failure::saying(Problem::BadRequest, sentence).with_code("proof"));
    };
    match prove_with(&person, evidence).await? {
        Proved::Yes(renewed) => {
            let now = person.visit.now;
            let mut jar = Jar::default();
            jar.renew_session(&renewed, now);
            Ok(answer(
                ProofGiven {
                    at: now.to_rfc3339(),
                },
                jar,
            ))
        }
        Proved::No(sentence) => {
            Err(Failure::saying(Problem::Forbidden, sentence).with_code("proof-refused"))
        }
        Proved::SessionOver => Err(session_over()),
    }
}

/// Draws a challenge for one of the person's passkeys. It belongs to this session,
/// lives for five minutes, and is used up by the first answer.
#[utoipa::path(
    post, path = "/api/v1/proof/passkey", tag = "sessions",
    responses(
        (status = 200, description = "`ceremony`, and `publicKey` for the browser", body = Object),
        (status = 401, description = "No live session"),
        (status = 404, description = "The person has no passkey")
    )
)]
pub(crate) async fn begin_passkey(
    person: Person,
    Body(_): Body<Nothing>,
) -> Result<Response, Failure> {
    let app = Arc::clone(&person.visit.app);
    let (moment, session) = (app.moment(), person.live.owned.session.id);
    let inner = Arc::clone(&app);
    let begun: Result<BegunKnown, StorageError> = app
        .store
        .write(move |tx| {
            let (activity, passkeys) = (&inner.activity, &inner.passkeys);
            step_up_passkey::begin(tx, &moment, activity, passkeys, session)
        })
        .await;
    passkey_answer::begun(begun?)
}
