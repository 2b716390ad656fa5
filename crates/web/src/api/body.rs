//! Reading JSON bodies, and writing answers that carry cookies.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cookies::Jar;
use crate::failure::Failure;
use crate::views::Problem;

/// A JSON body. Anything but `application/json` is refused: forms of other sites
/// can send text and form types, but not this one (CSRF-05).
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let is_json = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| {
                let essence = value.split(';').next().unwrap_or_default().trim();
                essence.eq_ignore_ascii_case("application/json")
            });
        if !is_json {
            let sentence = "Send the body as application/json.";
            return Err(Failure::saying(Problem::UnsupportedType, sentence));
        }
        let bytes =
            Bytes::from_request(request, state)
                .await
                .map_err(|rejection| match rejection.into_response().status() {
                    StatusCode::PAYLOAD_TOO_LARGE => Failure::new(Problem::TooLarge),
                    _ => Failure::new(Problem::BadRequest),
                })?;
        // Only where it went wrong: the message could repeat what was sent.
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            Failure::saying(
                Problem::BadRequest,
                format!("The body is not what this call takes (line {line}, column {column})."),
            )
            .with_code("unreadable-body")
        })
    }
}

/// A JSON answer with cookies.
pub(crate) fn answer<T: Serialize>(value: T, jar: Jar) -> Response {
    let mut response = Json(value).into_response();
    jar.apply(response.headers_mut());
    response
}
