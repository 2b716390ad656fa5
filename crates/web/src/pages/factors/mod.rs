//! Two-step sign-in in Security: authenticator apps and recovery codes.
//!
//! Owns the one path from these pages to the flows: a change that takes a proof
//! asks for it, carries along what was typed, and goes on (UI-06).

pub(crate) mod authenticator_apps;
pub(crate) mod recovery_codes;

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use nightlatch_domain::ending::Cause;
use nightlatch_flows::factors::{Acting, Change, Changed, Enrolled};

use crate::cookies::Jar;
use crate::failure::Failure;
use crate::guard::Person;
use crate::links;
use crate::pages::highest_proof::refuse_unfit;
use crate::pages::{Evidence, Fields, Proved, highest_proof, prove_with};
use crate::show;
use crate::signals::Concern;
use crate::views::{AuthenticatorAppView, ConfirmItsYouPage, HiddenField, Nav, Proof, TwoStepView};

/// The name of the box, here and in the templates.
const LOG_OUT_OTHERS: &str = "log_out_others";

/// In whose name the flows act.
pub(crate) fn acting(person: &Person, log_out_others: bool) -> Acting {
    Acting {
        activity: Arc::clone(&person.visit.app.activity),
        session: person.live.owned.session.id,
        log_out_others,
    }
}

/// The section of Security.
pub(crate) fn two_step(person: &Person, enrolled: &Enrolled) -> TwoStepView {
    let now = person.visit.now;
    TwoStepView {
        apps: enrolled
            .authenticator_apps
            .iter()
            .map(|app| AuthenticatorAppView {
                id: app.id.to_string(),
                name: app.name.clone(),
                added: show::time(app.confirmed_at.unwrap_or(app.created_at), now),
                last_used: app.last_used_at.map(|at| show::time(at, now)),
            })
            .collect(),
        codes_left: enrolled.recovery_codes_left,
        codes_made: enrolled
            .recovery_codes_made_at
            .map(|at| show::time(at, now)),
    }
}

/// What a page asks for right away.
async fn proof(person: &Person) -> Result<Proof, Failure> {
    highest_proof::proof(person, None).await
}

/// What a page says when it asks for the password before a change.
struct Question {
    does: &'static str,
    what: String,
    action: String,
    button: &'static str,
    destructive: bool,
    /// Names of the fields that are carried along.
    carries: &'static [&'static str],
}

impl Question {
    async fn ask(
        &self,
        person: &Person,
        fields: &Fields,
        error: Option<String>,
    ) -> Result<Response, Failure> {
        let status = match error {
            Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
            None => StatusCode::OK,
        };
        let proof = highest_proof::proof(person, error).await?;
        let page = ConfirmItsYouPage {
            frame: show::frame(&person.visit, Nav::Security).await?,
            does: self.does.to_owned(),
            what: self.what.clone(),
            action: self.action.clone(),
            fields: self
                .carries
                .iter()
                .filter(|name| !fields.get(name).is_empty())
                .map(|name| HiddenField {
                    name: (*name).to_owned(),
                    value: fields.get(name).to_owned(),
                })
                .collect(),
            button: self.button.to_owned(),
            destructive: self.destructive,
            cancel_href: links::SECURITY.to_owned(),
            proof,
        };
        show::page_with(&person.visit, status, &page, Jar::default())
    }
}

/// Whether a change went through.
enum Went<T> {
    Through(T, Jar),
    Answer(Response),
}

/// Does a change, with the proof that came along if one is needed.
async fn with_proof<T, F>(
    person: &Person,
    fields: &Fields,
    question: &Question,
    change: impl Fn() -> F + Send,
) -> Result<Went<T>, Failure>
where
    F: Future<Output = Result<Change<T>, Failure>> + Send,
{
    let mut jar = Jar::default();
    let mut outcome = change().await?;
    if matches!(outcome, Change::ProofNeeded) {
        let came = ["password", "proof_code", "proof_recovery_code"]
            .iter()
            .any(|name| fields.all(name).next().is_some());
        let missing = highest_proof::missing(person).await?;
        let evidence = match refuse_unfit(missing, Evidence::of_form(fields)) {
            Ok(evidence) => evidence,
            Err(sentence) => {
                let error = came.then(|| sentence.to_owned());
                return question.ask(person, fields, error).await.map(Went::Answer);
            }
        };
        match prove_with(person, evidence).await? {
            Proved::Yes(renewed) => jar.renew_session(&renewed, person.visit.now),
            Proved::No(sentence) => {
                let asked = question.ask(person, fields, Some(sentence)).await?;
                return Ok(Went::Answer(asked));
            }
            Proved::SessionOver => return Ok(Went::Answer(show::see_other(links::LOGIN, jar))),
        }
        outcome = match change().await {
            Ok(outcome) => outcome,
            Err(failure) => {
                let mut answer = failure.into_response();
                // The proof has given this session a new cookie.
                jar.apply(answer.headers_mut());
                return Ok(Went::Answer(answer));
            }
        };
    }
    match outcome {
        Change::Done(done) => Ok(Went::Through(done, jar)),
        Change::SessionOver => Ok(Went::Answer(show::see_other(links::LOGIN, jar))),
        Change::ProofNeeded => Err(Failure::internal("a fresh proof was not accepted")),
    }
}

/// Follows a change up: the kept session's new cookie, open pages, counters.
pub(crate) fn follow_up(person: &Person, jar: &mut Jar, changed: &Changed) {
    if let Some(renewed) = &changed.kept {
        jar.renew_session(renewed, person.visit.now);
    }
    if changed.ended {
        let app = &person.visit.app;
        app.metrics.ending(Cause::FactorChanged);
        app.signals.ended(Concern::User(person.live.owned.user.id));
    }
}
