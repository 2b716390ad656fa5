//! Calls that are made with a token alone: who the person is, that they are active,
//! and that they log out.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use nightlatch_domain::ending::Cause;
use nightlatch_flows::grants::{ActivityOutcome, LoggedOut, log_out, report_activity};
use nightlatch_flows::token_key::Presented;
use nightlatch_protocols::oidc::parameters::Parameters;
use nightlatch_protocols::oidc::userinfo::{self, BearerProblem};
use nightlatch_storage::StorageError;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{authorization, for_any_site, is_form, provider};
use crate::failure::Failure;
use crate::signals::Concern;
use crate::state::App;

/// `GET` and `POST /oauth2/userinfo`.
pub(crate) async fn userinfo(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    let moment = app.moment();
    let answered = match token_of(&headers, &body) {
        Ok(token) => userinfo::userinfo(&provider(&app, &moment), &token).await?,
        Err(problem) => Err(problem),
    };
    Ok(for_any_site(match answered {
        Ok(claims) => Json(claims).into_response(),
        Err(problem) => refuse(problem),
    }))
}

/// The token of a call.
fn token_of(headers: &HeaderMap, body: &[u8]) -> Result<String, BearerProblem> {
    let header = authorization(headers).map_err(|_| BearerProblem::Malformed)?;
    let form = if is_form(headers) {
        Some(Parameters::parse(body).map_err(|_| BearerProblem::Malformed)?)
    } else {
        None
    };
    let in_form = form.as_ref().and_then(|form| form.get("access_token"));
    userinfo::bearer(header.as_deref(), in_form).map(str::to_owned)
}

/// RFC 6750 section 3.
fn refuse(problem: BearerProblem) -> Response {
    let status = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::UNAUTHORIZED);
    let mut response = match problem.name() {
        Some(name) => (status, Json(json!({"error": name}))).into_response(),
        None => (status, Json(json!({}))).into_response(),
    };
    let challenge = HeaderValue::from_static(problem.challenge());
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}

fn presented(headers: &HeaderMap, body: &[u8]) -> Result<Presented, BearerProblem> {
    Presented::parse(&token_of(headers, body)?).ok_or(BearerProblem::Invalid)
}

/// What became of the report.
#[derive(Serialize, ToSchema)]
pub(crate) struct ActivityNoted {
    /// Whether the session in which the token was issued is live. A token of a
    /// long-lived grant can be good after its session.
    live: bool,
    /// When the session ends without further activity (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_deadline: Option<String>,
    /// When it ends in any case (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    overall_deadline: Option<String>,
}

/// Says that the person is active in the app, so that their session does not end
/// while they work there. Call it when they do something, at most every half minute
/// (more often changes nothing), and never on a timer. Refreshing a token is not
/// activity.
#[utoipa::path(
    post, path = "/api/v1/activity", tag = "apps",
    responses(
        (status = 200, body = ActivityNoted),
        (status = 401, description = "The access token in the header Authorization is not good")
    )
)]
pub(crate) async fn activity(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    let token = match presented(&headers, &body) {
        Ok(token) => token,
        Err(problem) => return Ok(refuse(problem)),
    };
    let (moment, key) = (app.moment(), Arc::clone(&app.token_key));
    let outcome = app
        .store
        .read::<_, StorageError, _>(move |tx| report_activity(tx, &moment, &key, &token))
        .await?;
    let noted = match outcome {
        ActivityOutcome::NotGood => return Ok(refuse(BearerProblem::Invalid)),
        ActivityOutcome::SessionOver => ActivityNoted {
            live: false,
            idle_deadline: None,
            overall_deadline: None,
        },
        ActivityOutcome::Live(_, deadlines) => ActivityNoted {
            live: true,
            idle_deadline: Some(deadlines.idle.to_rfc3339()),
            overall_deadline: Some(deadlines.overall.to_rfc3339()),
        },
    };
    Ok(Json(noted).into_response())
}

/// What was ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct AppLoggedOut {
    /// Whether a session was ended; false if it was over before.
    ended: bool,
    /// Identifies the act; the same as in the person's history.
    #[serde(skip_serializing_if = "Option::is_none")]
    ending: Option<String>,
}

/// Logs the person out, for apps that have no browser at hand: ends the session in
/// which the token was issued, as Log out in a browser does, and tells every app that
/// it was in. The access token or the refresh token of the app is the proof.
#[utoipa::path(
    post, path = "/api/v1/log-out", tag = "apps",
    responses(
        (status = 200, body = AppLoggedOut),
        (status = 401, description = "The token in the header Authorization is not one of yours, or is too old")
    )
)]
pub(crate) async fn end_session(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    let token = match presented(&headers, &body) {
        Ok(token) => token,
        Err(problem) => return Ok(refuse(problem)),
    };
    let (moment, key) = (app.moment(), Arc::clone(&app.token_key));
    let outcome = app
        .store
        .write_ending::<_, StorageError, _>(move |tx| log_out(tx, &moment, &key, &token))
        .await?;
    let answer = match outcome {
        LoggedOut::NotGood => return Ok(refuse(BearerProblem::Invalid)),
        LoggedOut::EndedBefore => AppLoggedOut {
            ended: false,
            ending: None,
        },
        LoggedOut::Ended(user, done) => {
            app.metrics.ending(Cause::LoggedOut);
            app.signals.ended(Concern::User(user));
            AppLoggedOut {
                ended: true,
                ending: Some(done.id.to_string()),
            }
        }
    };
    Ok(Json(answer).into_response())
}
