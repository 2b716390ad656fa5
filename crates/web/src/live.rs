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
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::SessionId;
use nightlatch_domain::policy::Deadlines;
use nightlatch_flows::sessions;
use nightlatch_storage::StorageError;
use serde::Serialize;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::cookies;
use crate::failure::Failure;
use crate::guard::{Person, Presence, Visit};
use crate::show::milliseconds;
use crate::signals::Concern;
use crate::state::App;
use crate::streams::{Listener, Place};
use crate::views::Problem;

/// How often a stream looks again although it heard nothing: for timeouts, and
/// in case a signal was lost.
const LOOK_AGAIN: Duration = Duration::from_secs(12);

/// By up to how much streams look later than that, each at its own time.
const LOOK_AGAIN_SPREAD: Duration = Duration::from_secs(3);

/// Within which time the streams of many people look after a signal for all.
const WIDE_SPREAD: Duration = Duration::from_secs(1);

/// The longest wait before a stream asks again that got no answer, at first and
/// after several times.
const FIRST_RETRY: Duration = Duration::from_millis(200);
const LAST_RETRY: Duration = Duration::from_secs(3);

/// A session that may idle out so soon is read before its page is told until when:
/// activity that was written since it was kept in memory has moved that, and nobody
/// is to be warned for nothing.
const SOON: Duration = Duration::from_mins(10);

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
    live_until(live.owned.session.id, visit.deadlines(live), visit.now)
}

fn live_until(session: SessionId, deadlines: Deadlines, now: Timestamp) -> Status {
    Status::Live {
        session: session.to_string(),
        idle_deadline: milliseconds(deadlines.idle),
        overall_deadline: milliseconds(deadlines.overall),
        now: milliseconds(now),
    }
}

/// The answer to `GET /session/status` if memory knows it; the database is asked by
/// whoever gets nothing here.
pub(crate) fn status_from_memory(app: &App, headers: &HeaderMap) -> Option<Response> {
    let token = cookies::find_token(headers, cookies::SESSION)?.digest();
    let now = app.clock.now();
    let live = app.check_cache.find(token, &app.activity, now)?;
    let deadlines = live.admission.deadlines;
    if deadlines.idle.since(now) < SOON {
        return None;
    }
    Some(Json(live_until(live.session_id, deadlines, now)).into_response())
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
    let app = &visit.app;
    if matches!(visit.presence, Presence::Replaced { .. }) {
        // A stream that closes without its word; the browser opens it again, with
        // the cookie that it has by now.
        return Ok(answer(stream::empty()));
    }
    // Listening begins before the session is looked at again, so that an ending
    // in between is heard.
    let signals = app.signals.listen();
    let watch = match visit.live() {
        None => None,
        Some(live) => match app
            .streams
            .take_place(Listener::Session(live.owned.session.id))
        {
            Some(place) => Some(Watch {
                visit: Arc::clone(&visit),
                signals,
                _place: place,
            }),
            None => return Ok(no_place().into_response()),
        },
    };
    let stream = stream::once(async move {
        if let Some(watch) = watch {
            watch.until_over().await;
        }
        Ok::<_, Infallible>(Event::default().event("ended").data("{}"))
    });
    Ok(answer(stream))
}

/// The page goes on without a stream, and asks now and then.
pub(crate) fn no_place() -> Failure {
    Failure::saying(
        Problem::TooMany,
        "Too many pages are listening. Ask /session/status now and then instead.",
    )
    .with_code("too-many-streams")
}

pub(crate) fn answer(
    stream: impl Stream<Item = Result<Event, Infallible>> + Send + 'static,
) -> Response {
    let keep_alive = KeepAlive::new().interval(Duration::from_secs(20));
    let mut answer = Sse::new(stream).keep_alive(keep_alive).into_response();
    let headers = answer.headers_mut();
    // Without this, nginx in front would hold the word back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    // Like every other answer (OUT-07); the framework's own word would let caches
    // keep it.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

struct Watch {
    visit: Arc<Visit>,
    signals: Receiver<Concern>,
    _place: Place,
}

impl Watch {
    /// Returns once the session is over.
    async fn until_over(mut self) {
        let mut failures = 0;
        loop {
            match self.is_live().await {
                Ok(false) => return,
                Ok(true) => {
                    failures = 0;
                    self.wait().await;
                }
                // A fault of the database is no ending: the stream keeps asking, soon,
                // since the ending that it may have heard of is not known yet.
                Err(_) => {
                    failures += 1;
                    let longest = retry_after(failures);
                    tokio::time::sleep(longest / 2 + self.part_of(longest / 2)).await;
                }
            }
        }
    }

    /// Asks for the session by its token, which is quick, and if that does not open
    /// one by its id: a proof given in another tab replaces the token.
    async fn is_live(&self) -> Result<bool, StorageError> {
        let Some(live) = self.visit.live() else {
            return Ok(false);
        };
        let app = &self.visit.app;
        let _turn = app.streams.turn_to_look().await;
        let (id, now) = (live.owned.session.id, app.clock.now());
        if let Some(token) = self.visit.session_token {
            let asked = app.check_cache.look(&app.store, token, &app.activity, now);
            if asked.await?.is_some() {
                return Ok(true);
            }
        }
        let activity = Arc::clone(&app.activity);
        let found = app
            .store
            .read(move |tx| sessions::find_live(tx, id, &activity, now))
            .await?;
        Ok(found.is_some())
    }

    async fn wait(&mut self) {
        let patience = LOOK_AGAIN + self.part_of(LOOK_AGAIN_SPREAD);
        // Either way the next step is to look.
        if let Ok(true) = tokio::time::timeout(patience, self.heard()).await {
            tokio::time::sleep(self.part_of(WIDE_SPREAD)).await;
        }
    }

    /// Waits for a signal; whether many others heard it too.
    async fn heard(&mut self) -> bool {
        loop {
            match self.signals.recv().await {
                Ok(concern) if self.concerns_us(concern) => return concern.is_wide(),
                Ok(_) => {}
                // Missed some, as others will have: look.
                Err(RecvError::Lagged(_)) => return true,
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }

    fn concerns_us(&self, concern: Concern) -> bool {
        let Some(live) = self.visit.live() else {
            return true;
        };
        match concern {
            Concern::User(id) => id == live.owned.user.id,
            Concern::Browser(token) => self.visit.browser_token() == Some(token),
            Concern::Organization(id) => id == live.owned.organization.id,
            Concern::Everybody => true,
        }
    }

    /// A random part of a length of time.
    fn part_of(&self, whole: Duration) -> Duration {
        let mut dice = [0; 4];
        self.visit.app.random.fill(&mut dice);
        whole.mul_f64(f64::from(u32::from_le_bytes(dice)) / f64::from(u32::MAX))
    }
}

/// The longest wait after so many failures in a row.
pub(crate) fn retry_after(failures: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
    FIRST_RETRY.saturating_mul(doubled).min(LAST_RETRY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn out_11_a_busy_database_is_asked_again_within_seconds() {
        assert_eq!(retry_after(1), FIRST_RETRY);
        assert_eq!(retry_after(2), FIRST_RETRY * 2);
        assert_eq!(retry_after(1_000_000), LAST_RETRY);
        // Time to hear the word, and to close (OUT-11: five seconds in all).
        assert!(LAST_RETRY + WIDE_SPREAD < Duration::from_secs(5));
    }
}
