//! `POST /oauth2/events/poll`: apps come for their logouts (RFC 8936).

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::header::{CACHE_CONTROL, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use nightlatch_flows::feed::{self, Page, Poll, PollOutcome};
use nightlatch_protocols::feed::{PollAnswer, read_poll};
use nightlatch_protocols::oidc::client_auth;
use nightlatch_storage::StorageError;
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, broadcast};
use tokio::time::Instant;

use crate::failure::Failure;
use crate::oidc_tokens::authorization;
use crate::state::App;
use crate::views::Problem;

/// How long a poll waits for news; shorter than proxies usually wait for an answer.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How often a waiting poll looks although it heard nothing: other nodes write notices
/// and wake nobody here.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Polls that wait at once; the others are answered at once.
static PLACES: Semaphore = Semaphore::const_new(512);

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
    let authorization = authorization(&headers).unwrap_or_default();
    let proved = client_auth::authenticate_reader(&app.store, authorization.as_deref());
    let Some(client) = proved.await? else {
        let words = "Authenticate as the app, with its client id and secret (HTTP Basic).";
        return Ok(refused(
            StatusCode::UNAUTHORIZED,
            "authentication_failed",
            words,
        ));
    };
    let request = match read_poll(client.id, asked.reader.as_deref(), &body) {
        Ok(request) => request,
        Err(problem) => {
            let words = problem.to_string();
            return Ok(refused(StatusCode::BAD_REQUEST, "invalid_request", words));
        }
    };
    // Listening begins before the first look, so that what is written in between is
    // heard.
    let signals = app.signals.listen();
    let mut page = look(app, &request.poll).await?;
    if page.notices.is_empty()
        && request.may_wait
        && let Ok(_place) = PLACES.try_acquire()
        && wait_for_news(app, &request.poll, signals).await?
    {
        // What was acknowledged is written; saying it once more changes nothing.
        page = look(app, &request.poll).await?;
    }
    answer(app, &page).await
}

async fn look(app: &App, poll: &Poll) -> Result<Page, Failure> {
    let (moment, asked) = (app.moment(), poll.clone());
    let outcome = app
        .store
        .write(move |tx| -> Result<_, StorageError> { feed::poll(tx, &moment, &asked) })
        .await?;
    match outcome {
        PollOutcome::Answer(page) => {
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
        let (now, client_id, reader) = (app.clock.now(), poll.client_id, poll.reader.clone());
        let news = app
            .store
            .read(move |tx| -> Result<_, StorageError> {
                feed::has_news(tx, now, client_id, &reader)
            })
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
