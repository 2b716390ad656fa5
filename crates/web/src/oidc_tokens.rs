//! The endpoints of OpenID Connect that apps call, and nobody's browser page does.
//!
//! Thin: reading a request and writing an answer is here, what it means is in
//! `protocols::oidc`. No cookie is read on any of them, so there is nothing that a
//! form of another site could borrow; whoever calls proves it with what it sends.
//! That is also why scripts of any site may call some of them (OIDC-16): without
//! credentials of the browser they learn what anybody can learn.

pub(crate) mod bearer;
pub(crate) mod published;

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use nightlatch_flows::Moment;
use nightlatch_protocols::oidc::parameters::Parameters;
use nightlatch_protocols::oidc::refusal::{EndpointError, Refusal, RefusalCode};
use nightlatch_protocols::oidc::{Provider, introspect, revoke, token};
use serde::Serialize;
use serde_json::json;

use crate::failure::Failure;
use crate::state::App;

/// What an app sent.
struct Call {
    authorization: Option<String>,
    parameters: Parameters,
}

impl Call {
    fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, Refusal> {
        if !is_form(headers) {
            return Err(Refusal::request(
                "Send the parameters as application/x-www-form-urlencoded.",
            ));
        }
        Ok(Self {
            authorization: authorization(headers)?,
            parameters: Parameters::parse(body)?,
        })
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|essence| {
            essence
                .trim()
                .eq_ignore_ascii_case("application/x-www-form-urlencoded")
        })
}

/// The header `Authorization`, which may come once.
pub(crate) fn authorization(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => Ok(Some(String::from_utf8_lossy(value.as_bytes()).into_owned())),
        (Some(_), Some(_)) => Err(Refusal::request("Authorization comes more than once.")),
    }
}

pub(crate) fn provider<'a>(app: &'a App, moment: &'a Moment) -> Provider<'a> {
    Provider {
        store: &app.store,
        sealer: &app.sealer,
        signing: &app.signing,
        token_key: &app.token_key,
        issuer: app.public_url.origin(),
        moment,
    }
}

/// `POST /oauth2/token`.
pub(crate) async fn token(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    let moment = app.moment();
    let answered = match Call::read(&headers, &body) {
        Ok(call) => {
            let authorization = call.authorization.as_deref();
            token::token(&provider(&app, &moment), authorization, &call.parameters).await
        }
        Err(refusal) => Err(refusal.into()),
    };
    answer(&headers, answered).map(for_any_site)
}

/// `POST /oauth2/introspect`.
pub(crate) async fn introspect(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    let moment = app.moment();
    let answered = match Call::read(&headers, &body) {
        Ok(call) => {
            let authorization = call.authorization.as_deref();
            introspect::introspect(&provider(&app, &moment), authorization, &call.parameters).await
        }
        Err(refusal) => Err(refusal.into()),
    };
    answer(&headers, answered)
}

/// `POST /oauth2/revoke`.
pub(crate) async fn revoke(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    let moment = app.moment();
    let answered = match Call::read(&headers, &body) {
        Ok(call) => {
            let authorization = call.authorization.as_deref();
            revoke::revoke(&provider(&app, &moment), authorization, &call.parameters).await
        }
        Err(refusal) => Err(refusal.into()),
    };
    match answered {
        Ok(()) => Ok(StatusCode::OK.into_response()),
        Err(error) => refuse(&headers, error),
    }
}

fn answer<T: Serialize>(
    headers: &HeaderMap,
    answered: Result<T, EndpointError>,
) -> Result<Response, Failure> {
    match answered {
        Ok(body) => Ok(Json(body).into_response()),
        Err(error) => refuse(headers, error),
    }
}

/// RFC 6749 section 5.2. A fault of ours is none of its errors: an app that is told
/// `invalid_grant` signs its people out.
fn refuse(headers: &HeaderMap, error: EndpointError) -> Result<Response, Failure> {
    let refusal = match error {
        EndpointError::Refused(refusal) => refusal,
        EndpointError::Storage(error) => return Err(error.into()),
        EndpointError::Signing(error) => return Err(Failure::internal(error.to_string())),
    };
    let status = match refusal.code {
        RefusalCode::InvalidClient => StatusCode::UNAUTHORIZED,
        _ => StatusCode::BAD_REQUEST,
    };
    let body = json!({"error": refusal.code.name(), "error_description": refusal.description});
    let mut response = (status, Json(body)).into_response();
    if status == StatusCode::UNAUTHORIZED && headers.contains_key(AUTHORIZATION) {
        let challenge = HeaderValue::from_static("Basic realm=\"nightlatch\"");
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    Ok(response)
}

/// Lets scripts of any site read an answer; never with credentials (OIDC-16).
pub(crate) fn for_any_site(mut response: Response) -> Response {
    let everybody = HeaderValue::from_static("*");
    response
        .headers_mut()
        .insert(ACCESS_CONTROL_ALLOW_ORIGIN, everybody);
    response
}

/// Tells a browser that it may send what a script of another site wants to send.
pub(crate) async fn preflight() -> Response {
    let mut response = for_any_site(StatusCode::NO_CONTENT.into_response());
    let headers = response.headers_mut();
    let fixed = [
        (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        (ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type"),
        (ACCESS_CONTROL_MAX_AGE, "7200"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
