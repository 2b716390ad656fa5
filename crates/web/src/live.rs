//! What open pages ask in the background, and what they hear.
//!
//! Asking is never activity (SES-10). The stream says one word, `ended`, and
//! closes: within moments of the ending on this node (OUT-10, OUT-11), and at
//! the latest when it looks again by itself.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::Json;
use axum::http::HeaderValue;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use nightlatch_flows::sessions;
use nightlatch_storage::StorageError;
use serde::Serialize;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::failure::Failure;
use crate::guard::{Person, Presence, Visit};
use crate::show::milliseconds;
use crate::signals::Concern;

/// How often a stream looks again although it heard nothing: for timeouts, and
/// in case a signal was lost.
const LOOK_AGAIN: Duration = Duration::from_secs(15);

/// Whether the session lives, and until when by today's clock of the server.
#[derive(Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
enum Status {
    Live {
        /// The public id, so that a page notices that somebody else signed in.
        session: String,
        idle_deadline: u64,
        overall_deadline: u64,
        now: u64,
    },
    /// The session lives, but the question came with a token that it had before;
    /// the browser has the new one by now and asks again.
    Replaced,
    Ended,
}

fn status_of(visit: &Visit) -> Status {
    let Some(live) = visit.live() else {
        return match visit.presence {
            Presence::Replaced { .. } => Status::Replaced,
            _ => Status::Ended,
        };
    };
    let deadlines = visit.deadlines(live);
    Status::Live {
        session: live.owned.session.id.to_string(),
        idle_deadline: milliseconds(deadlines.idle),
        overall_deadline: milliseconds(deadlines.overall),
        now: milliseconds(visit.now),
    }
}

/// `GET /session/status`.
pub(crate) async fn status(Extension(visit): Extension<Arc<Visit>>) -> Response {
    Json(status_of(&visit)).into_response()
}

/// `POST /session/stay`: the person says that they are there. The guard has noted
/// it as activity already.
pub(crate) async fn stay(person: Person) -> Response {
    Json(status_of(&person.visit)).into_response()
}

/// `GET /session/events`: a stream that ends with the session.
pub(crate) async fn events(Extension(visit): Extension<Arc<Visit>>) -> Result<Response, Failure> {
    if matches!(visit.presence, Presence::Replaced { .. }) {
        // A stream that closes without its word; the browser opens it again, with
        // the cookie that it has by now.
        return Ok(answer(stream::empty()));
    }
    // Listening begins before the session is looked at again, so that an ending
    // in between is heard.
    let signals = visit.app.signals.listen();
    let watch = Watch { visit, signals };
    let stream = stream::unfold(Some(watch), |watch| async {
        let mut watch = watch?;
        watch.until_over().await;
        Some((
            Ok::<_, Infallible>(Event::default().event("ended").data("{}")),
            None,
        ))
    });
    Ok(answer(stream))
}

fn answer(stream: impl Stream<Item = Result<Event, Infallible>> + Send + 'static) -> Response {
    let keep_alive = KeepAlive::new().interval(Duration::from_secs(20));
    let mut answer = Sse::new(stream).keep_alive(keep_alive).into_response();
    // Without this, nginx in front would hold the word back.
    answer
        .headers_mut()
        .insert("x-accel-buffering", HeaderValue::from_static("no"));
    answer
}

struct Watch {
    visit: Arc<Visit>,
    signals: Receiver<Concern>,
}

impl Watch {
    /// Returns once the session is over.
    async fn until_over(&mut self) {
        while self.is_live().await {
            self.wait().await;
        }
    }

    /// Asks for the session by its id and not its token, which a proof given in
    /// another tab replaces. A fault of the database is no ending: the stream
    /// keeps asking.
    async fn is_live(&self) -> bool {
        let Some(live) = self.visit.live() else {
            return false;
        };
        let app = &self.visit.app;
        let (id, now) = (live.owned.session.id, app.clock.now());
        let activity = Arc::clone(&app.activity);
        let found: Result<_, StorageError> = app
            .store
            .read(move |tx| sessions::find_live(tx, id, &activity, now))
            .await;
        !matches!(found, Ok(None))
    }

    async fn wait(&mut self) {
        let visit = Arc::clone(&self.visit);
        let concerns_us = move |concern: Concern| match (concern, visit.live()) {
            (Concern::User(id), Some(live)) => id == live.owned.user.id,
            (Concern::Organization(id), Some(live)) => id == live.owned.organization.id,
            (Concern::Everybody, _) | (_, None) => true,
        };
        let heard = async {
            loop {
                match self.signals.recv().await {
                    Ok(concern) if concerns_us(concern) => break,
                    Ok(_) => {}
                    // Missed some: look.
                    Err(RecvError::Lagged(_)) => break,
                    Err(RecvError::Closed) => std::future::pending().await,
                }
            }
        };
        // Either way the next step is to look.
        let _ = tokio::time::timeout(LOOK_AGAIN, heard).await;
    }
}
