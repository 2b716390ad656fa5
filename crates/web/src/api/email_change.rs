//! Another e-mail address for the signed-in person. Its mailbox confirms on a page.

use axum::response::Response;
use nightlatch_domain::email_change::EmailChange;
use nightlatch_domain::user::EmailAddress;
use nightlatch_flows::email_change::AskOutcome;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::body::{Body, answer};
use crate::api::proof::{highest_proof_needed, session_over};
use crate::cookies::Jar;
use crate::failure::Failure;
use crate::guard::Person;
use crate::pages::email_change::{self, SAME, TOO_MANY};
use crate::views::Problem;

/// An address that waits for its mailbox to confirm.
#[derive(Serialize, ToSchema)]
pub(crate) struct PendingEmail {
    /// The address.
    email: String,
    /// Until when it can be confirmed (RFC 3339).
    confirm_until: String,
}

impl PendingEmail {
    /// What programs see of a change.
    pub(crate) fn of(change: &EmailChange) -> Self {
        Self {
            email: change.new.to_string(),
            confirm_until: change.confirm_until().to_rfc3339(),
        }
    }
}

/// The address that is to be in force.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmailRequest {
    /// The new address.
    email: String,
}

fn refused(problem: Problem, sentence: &'static str, code: &'static str) -> Failure {
    Failure::saying(problem, sentence).with_code(code)
}

/// Asks for another e-mail address. A mail with a link goes there, and another one
/// to the present address, which stays in force until the link is confirmed. The
/// answer is the same whether the address has an account or not.
#[utoipa::path(
    post, path = "/api/v1/profile/email", tag = "profile", request_body = EmailRequest,
    responses(
        (status = 200, body = PendingEmail),
        (status = 400, description = "Not an address, or the present one"),
        (status = 401, description = "No live session"),
        (status = 403, description = "A proof of the last ten minutes is needed, by a second factor if the person has one; or it cannot be done here, or not so often"),
        (status = 503, description = "This server sends no mail; an administrator changes addresses")
    )
)]
pub(crate) async fn ask(
    person: Person,
    Body(request): Body<EmailRequest>,
) -> Result<Response, Failure> {
    if let Some(sentence) = email_change::obstacle(&person) {
        return Err(if person.visit.app.mail_works() {
            refused(Problem::Forbidden, sentence, "own-device-needed")
        } else {
            refused(Problem::Unavailable, sentence, "no-mail")
        });
    }
    let Some(email) = EmailAddress::parse(&request.email) else {
        let sentence = "`email` takes an e-mail address, like ada@example.com.";
        return Err(refused(Problem::BadRequest, sentence, "email"));
    };
    match email_change::ask(&person, email).await? {
        AskOutcome::Waiting(change) => Ok(answer(PendingEmail::of(&change), Jar::default())),
        AskOutcome::Same => Err(refused(Problem::BadRequest, SAME, "email")),
        AskOutcome::TooMany => Err(refused(Problem::Forbidden, TOO_MANY, "too-many-changes")),
        AskOutcome::ProofNeeded => Err(highest_proof_needed("Changing the address")),
        AskOutcome::NotFromHere => Err(refused(
            Problem::Forbidden,
            "This takes a device of your own.",
            "own-device-needed",
        )),
        AskOutcome::SessionOver => Err(session_over()),
    }
}

/// What was taken back.
#[derive(Serialize, ToSchema)]
pub(crate) struct EmailKept {
    /// Whether a change waited.
    cancelled: bool,
}

/// Takes back a change of the e-mail address that waits for its confirmation.
#[utoipa::path(
    delete, path = "/api/v1/profile/email", tag = "profile",
    responses((status = 200, body = EmailKept), (status = 401, description = "No live session"))
)]
pub(crate) async fn cancel(person: Person) -> Result<Response, Failure> {
    let cancelled = email_change::take_back(&person).await?;
    Ok(answer(EmailKept { cancelled }, Jar::default()))
}
