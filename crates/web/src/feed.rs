//! `POST /oauth2/events/poll`: apps come for their logouts (RFC 8936).

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::header::{CACHE_CONTROL, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use nightlatch_domain::ids::OrganizationId;
use nightlatch_domain::relying_party::RelyingPartyStatus;
use nightlatch_flows::feed::{self, Page, Poll, PollOutcome};
use nightlatch_protocols::feed::{PollAnswer, PollObject, PollRequest, read_poll};
use nightlatch_protocols::oidc::client_auth;
use nightlatch_protocols::oidc::refusal::{EndpointError, RefusalCode};
use nightlatch_storage::StorageError;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use tokio::time::Instant;

use crate::failure::Failure;
use crate::fair_places::FairPlaces;
use crate::oidc_tokens::{authorization, provider};
use crate::state::App;
use crate::views::Problem;

/// How long a poll waits for news; shorter than proxies usually wait for an answer.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How often a waiting poll looks although it heard nothing: other nodes write notices
/// and wake nobody here.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Polls that wait at once; the others are answered at once.
/// One organization gets half of them at most.
static PLACES: FairPlaces = FairPlaces::new(1024);

/// What stands behind the question mark.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    /// Which replica of the app asks.
    reader: Option<String>,
}

/// An error as RFC 8935 section 2.4 writes it.
#[derive(Serialize)]
struct Refused {
    err: &'static str,
    description: String,
}

fn refused(status: StatusCode, err: &'static str, description: impl Into<String>) -> Response {
    let description = description.into();
    let mut answer = (status, Json(Refused { err, description })).into_response();
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::UNAUTHORIZED {
        let basic = HeaderValue::from_static("Basic realm=\"nightlatch\"");
        headers.insert(WWW_AUTHENTICATE, basic);
    }
    answer
}

/// `POST /oauth2/events/poll`.
pub(crate) async fn poll(
    State(app): State<Arc<App>>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    let app = app.as_ref();
    let (request, organization) = match admit(app, &asked, &headers, &body).await? {
        Ok(request) => request,
        Err(refusal) => return Ok(refusal),
    };
    // Listening begins before the first look, so that what is written in between is
    // heard.
    let signals = app.signals.listen();
    let mut page = look(app, &request.poll).await?;
    if page.notices.is_empty()
        && request.may_wait
        && let Some(_place) = PLACES.take(organization)
        && wait_for_news(app, &request.poll, signals).await?
    {
        // What was acknowledged is written; saying it once more changes nothing.
        page = look(app, &request.poll).await?;
    }
    answer(app, &page).await
}

/// The poll of an app that has proved itself, in the one way that apps do; or the answer
/// that refuses it.
async fn admit(
    app: &App,
    asked: &Asked,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Result<(PollRequest, OrganizationId), Response>, Failure> {
    const NOT_PROVED: &str = "Authenticate as the app was registered: with its secret (HTTP \
         Basic, or client_id and client_secret in the object), or with client_assertion.";
    let not_proved = || {
        let status = StatusCode::UNAUTHORIZED;
        Ok(Err(refused(status, "authentication_failed", NOT_PROVED)))
    };
    let bad = |problem: &dyn std::fmt::Display| {
        let words = problem.to_string();
        Ok(Err(refused(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            words,
        )))
    };
    let object = match PollObject::parse(body) {
        Ok(object) => object,
        Err(problem) => return bad(&problem),
    };
    let Ok(authorization) = authorization(headers) else {
        return not_proved();
    };
    let moment = app.moment();
    let parameters = object.parameters();
    let provider = provider(app, &moment);
    let proved = client_auth::authenticate_reader(&provider, authorization.as_deref(), &parameters);
    let client = match proved.await {
        Ok(client) => client,
        Err(EndpointError::Refused(refusal)) if refusal.code == RefusalCode::InvalidClient => {
            return not_proved();
        }
        Err(EndpointError::Refused(refusal)) => return bad(&refusal.description),
        Err(EndpointError::Storage(error)) => return Err(error.into()),
        Err(EndpointError::Signing(error)) => return Err(Failure::internal(error.to_string())),
    };
    let mut request = match read_poll(client.id, asked.reader.as_deref(), object) {
        Ok(request) => request,
        Err(problem) => return bad(&problem),
    };
    if client.status == RelyingPartyStatus::Withdrawn {
        let (now, id) = (moment.now, client.id);
        let owed: Result<bool, StorageError> = app
            .store
            .read(move |tx| feed::is_owed_anything(tx, now, id))
            .await;
        if !owed? {
            return not_proved();
        }
        // Nobody enters it any more, so nothing will come while it waits.
        request.may_wait = false;
    }
    Ok(Ok((request, client.organization_id)))
}

async fn look(app: &App, poll: &Poll) -> Result<Page, Failure> {
    let (moment, asked) = (app.moment(), poll.clone());
    let outcome = app
        .store
        .write(move |tx| -> Result<_, StorageError> { feed::poll(tx, &moment, &asked) })
        .await?;
    match outcome {
        PollOutcome::Answer(page) => {
            if page.has_mail {
                app.mailing.wake();
            }
            for ending in &page.changed {
                app.metrics.notice("pulled");
                app.signals.notice_changed(*ending);
            }
            Ok(page)
        }
        PollOutcome::TooManyReaders => Err(Failure::saying(
            Problem::TooMany,
            "Too many readers of this app have asked lately. Let each replica keep its name.",
        )
        .with_code("too-many-readers")),
    }
}

/// Whether something to learn came in time.
async fn wait_for_news(
    app: &App,
    poll: &Poll,
    mut signals: broadcast::Receiver<crate::signals::Concern>,
) -> Result<bool, Failure> {
    let until = Instant::now() + LONGEST_WAIT;
    while Instant::now() < until {
        // Whatever it was that was heard or missed: look.
        drop(tokio::time::timeout(LOOK_AGAIN, signals.recv()).await);
        let (client_id, reader) = (poll.client_id, poll.reader.clone());
        let news = app
            .store
            .read(move |tx| -> Result<_, StorageError> { feed::has_news(tx, client_id, &reader) })
            .await?;
        if news {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn answer(app: &App, page: &Page) -> Result<Response, Failure> {
    let moment = app.moment();
    let mut keys = app.signing.current();
    for notice in &page.notices {
        let algorithm = notice.envelope.algorithm;
        keys = app
            .signing
            .for_signing(&app.store, &app.sealer, &moment, algorithm)
            .await
            .map_err(|error| Failure::internal(error.to_string()))?;
    }
    let issuer = app.public_url.origin();
    let answer = PollAnswer::of(&page.notices, page.more, issuer, &keys, &moment)
        .map_err(|error| Failure::internal(error.to_string()))?;
    let mut answer = Json(answer).into_response();
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(answer)
}
