//! `/login/recover` and `/login/reset/{token}`: a new password by mail (AUTH-09).
//!
//! Asking answers the same for every address. The link's page sets the password,
//! signs nobody in and skips no second step.

use std::sync::Arc;

use axum::Extension;
use axum::extract::Path;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use nightlatch_domain::ending::Cause;
use nightlatch_domain::ids::MailLinkId;
use nightlatch_domain::mail::{LinkKind, LinkRefusal, MailLink};
use nightlatch_domain::password::{PasswordProblem, check_new_password};
use nightlatch_domain::user::{EmailAddress, User};
use nightlatch_flows::mail_links;
use nightlatch_flows::recovery::{self, AskOutcome, ResetOutcome};
use nightlatch_storage::{StorageError, organizations};

use crate::cookies::Jar;
use crate::failure::Failure;
use crate::guard::Visit;
use crate::pages::{Fields, seconds_until, way_back};
use crate::show;
use crate::signals::Concern;
use crate::views::{Nav, Problem, RecoverPage, RecoverState, ResetForm, ResetPage, ResetState};

async fn show_recover(
    visit: &Visit,
    status: StatusCode,
    state: RecoverState,
) -> Result<Response, Failure> {
    let page = RecoverPage {
        frame: show::frame(visit, Nav::Elsewhere).await?,
        sign_in_href: way_back::login(visit).await?,
        state,
    };
    show::page_with(visit, status, &page, Jar::default())
}

/// `GET /login/recover`.
pub(crate) async fn get(Extension(visit): Extension<Arc<Visit>>) -> Result<Response, Failure> {
    let state = if visit.app.mail_works() {
        RecoverState::Form {
            csrf: visit.form_token(),
            email: String::new(),
            error: None,
        }
    } else {
        RecoverState::NotOffered
    };
    show_recover(&visit, StatusCode::OK, state).await
}

/// `POST /login/recover`.
pub(crate) async fn post(
    Extension(visit): Extension<Arc<Visit>>,
    fields: Fields,
) -> Result<Response, Failure> {
    if !visit.app.mail_works() {
        return show_recover(&visit, StatusCode::OK, RecoverState::NotOffered).await;
    }
    let again = |error: &str| RecoverState::Form {
        csrf: visit.form_token(),
        email: fields.get("email").trim().chars().take(254).collect(),
        error: Some(error.to_owned()),
    };
    if !visit.is_own_form(fields.get("csrf")) {
        let state = again("This page had been open for too long. Please send it once more.");
        return show_recover(&visit, StatusCode::FORBIDDEN, state).await;
    }
    let Some(email) = EmailAddress::parse(fields.get("email")) else {
        let state = again("Please enter an e-mail address, like ada@example.com.");
        return show_recover(&visit, StatusCode::UNPROCESSABLE_ENTITY, state).await;
    };
    let (moment, client) = (visit.app.moment(), visit.client.clone());
    let outcome: AskOutcome = visit
        .app
        .store
        .write(move |tx| -> Result<_, StorageError> { recovery::ask(tx, &moment, &email, &client) })
        .await?;
    match outcome {
        AskOutcome::Noted => show_recover(&visit, StatusCode::OK, RecoverState::Noted).await,
        AskOutcome::Wait(until) => {
            let state =
                again("Very many people here asked for this. Please try again in a minute.");
            let mut answer = show_recover(&visit, StatusCode::TOO_MANY_REQUESTS, state).await?;
            let seconds = HeaderValue::from(seconds_until(&visit, until));
            answer.headers_mut().insert(RETRY_AFTER, seconds);
            Ok(answer)
        }
    }
}

async fn show_reset(
    visit: &Visit,
    status: StatusCode,
    state: ResetState,
) -> Result<Response, Failure> {
    let mut frame = show::frame(visit, Nav::Elsewhere).await?;
    // What was done may have ended this browser's own session. A page that still
    // watched it would leave at once, and nobody could read what happened.
    if matches!(state, ResetState::Done) {
        frame.person = None;
    }
    let page = ResetPage {
        frame,
        sign_in_href: way_back::login(visit).await?,
        state,
    };
    show::page_with(visit, status, &page, Jar::default())
}

async fn gone(visit: &Visit, refusal: LinkRefusal) -> Result<Response, Failure> {
    let sentence = match refusal {
        LinkRefusal::Used => "This link was used already; each works once.",
        LinkRefusal::Expired => "Such links work for one hour, and this one is older.",
        LinkRefusal::Overtaken => {
            "The account has changed since this link was sent, so it no longer works."
        }
        LinkRefusal::Unknown => {
            "This is not one of our links. Please check that you opened all of it."
        }
    };
    show_reset(visit, StatusCode::GONE, ResetState::Gone { sentence }).await
}

/// The link and its account; looking consumes nothing.
async fn look(
    visit: &Visit,
    token: &str,
) -> Result<Result<(MailLinkId, User), LinkRefusal>, Failure> {
    let Some(link) = visit.app.link_key.verify(LinkKind::Reset, token) else {
        return Ok(Err(LinkRefusal::Unknown));
    };
    let moment = visit.app.moment();
    let found: Result<(MailLink, User), LinkRefusal> = visit
        .app
        .store
        .read(move |tx| -> Result<_, StorageError> {
            mail_links::look(tx, &moment, LinkKind::Reset, link)
        })
        .await?;
    Ok(found.map(|(link, user)| (link.id, user)))
}

/// `GET /login/reset/{token}`.
pub(crate) async fn get_reset(
    Extension(visit): Extension<Arc<Visit>>,
    Path(token): Path<String>,
) -> Result<Response, Failure> {
    match look(&visit, &token).await? {
        Err(refusal) => gone(&visit, refusal).await,
        Ok((_, user)) => {
            let form = empty_form(&token, &user);
            show_reset(&visit, StatusCode::OK, ResetState::Form(form)).await
        }
    }
}

fn empty_form(token: &str, user: &User) -> ResetForm {
    ResetForm {
        action: format!("/login/reset/{token}"),
        email: user.email.to_string(),
        ..ResetForm::default()
    }
}

/// `POST /login/reset/{token}`.
pub(crate) async fn post_reset(
    Extension(visit): Extension<Arc<Visit>>,
    Path(token): Path<String>,
    fields: Fields,
) -> Result<Response, Failure> {
    let (link, user) = match look(&visit, &token).await? {
        Ok(found) => found,
        Err(refusal) => return gone(&visit, refusal).await,
    };
    let app = &visit.app;
    let organization_id = user.organization_id;
    let organization: Result<_, StorageError> = app
        .store
        .read(move |tx| organizations::get(tx, organization_id))
        .await;
    let organization = organization?;
    let mut form = empty_form(&token, &user);
    let password = fields.password("password");
    let context = [
        user.name.as_str(),
        user.email.as_str(),
        organization.name.as_str(),
    ];
    let problem = match &password {
        Some(password) => check_new_password(password, &context).err(),
        None => Some(PasswordProblem::TooLong),
    };
    form.password_error = problem.map(|problem| problem.sentence().to_owned());
    if fields.get("password") != fields.get("password_again") {
        form.again_error =
            Some("The two passwords differ. Please type the same one twice.".to_owned());
    }
    let (Some(password), None, None) = (password, &form.password_error, &form.again_error) else {
        let state = ResetState::Form(form);
        return show_reset(&visit, StatusCode::UNPROCESSABLE_ENTITY, state).await;
    };
    let Ok(record) = app.hashing.hash(password).await else {
        return Err(Failure::new(Problem::Unavailable));
    };
    let (moment, client) = (app.moment(), visit.client.clone());
    let outcome: ResetOutcome = app
        .store
        .write(move |tx| -> Result<_, StorageError> {
            recovery::finish(tx, &moment, link, &record, &client)
        })
        .await?;
    match outcome {
        ResetOutcome::Refused(refusal) => gone(&visit, refusal).await,
        ResetOutcome::Done(user, _) => {
            app.metrics.ending(Cause::AccountRecovered);
            app.signals.ended(Concern::User(user.id));
            show_reset(&visit, StatusCode::OK, ResetState::Done).await
        }
    }
}
