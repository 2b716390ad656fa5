//! A few lines that any protected app may include to leave its page when the session
//! ends (A14), and what they ask. None of it is activity of the person.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::CONTENT_TYPE;
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures_util::stream;
use nightlatch_domain::relying_party::protection::Verdict;
use nightlatch_storage::StorageError;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::HostVisit;
use crate::failure::Failure;
use crate::live::{answer, no_place, retry_after};
use crate::signals::Concern;
use crate::streams::Listener;

/// How often a stream looks again although it heard nothing: for timeouts, and in case
/// a signal was lost.
const LOOK_AGAIN: Duration = Duration::from_secs(12);

/// Within which time the streams of many people look after a signal for all.
const WIDE_SPREAD: Duration = Duration::from_secs(1);

const SCRIPT: &str = include_str!("../../static/leave.js");

/// `GET /.nightlatch/leave.js`.
pub(crate) async fn script() -> Response {
    ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], SCRIPT).into_response()
}

/// Whether the person may still be on this page. A proof that grew too old asks at the
/// next page and takes none away.
async fn is_in(visit: &HostVisit) -> Result<bool, StorageError> {
    let Some(known) = visit.check().await? else {
        return Ok(false);
    };
    Ok(!matches!(
        known.verdict,
        Verdict::NoSession | Verdict::SessionOver(_) | Verdict::Withdrawn | Verdict::NotLetIn
    ))
}

/// `GET /.nightlatch/status`.
pub(crate) async fn status(
    Extension(visit): Extension<Arc<HostVisit>>,
) -> Result<Response, Failure> {
    let state = if is_in(&visit).await? {
        "live"
    } else {
        "ended"
    };
    Ok(Json(serde_json::json!({ "state": state })).into_response())
}

/// `GET /.nightlatch/events`: a stream that ends with the session.
pub(crate) async fn events(
    Extension(visit): Extension<Arc<HostVisit>>,
) -> Result<Response, Failure> {
    // Listening begins before the session is looked at, so that an ending in between
    // is heard.
    let signals = visit.app.signals.listen();
    let known = visit.check().await?;
    let facts = known.and_then(|known| known.facts);
    let place = match &facts {
        None => None,
        Some(facts) => {
            let listener = Listener::Session(facts.session_id);
            match visit.app.streams.take_place(listener) {
                Some(place) => Some(place),
                None => return Ok(no_place().into_response()),
            }
        }
    };
    let stream = stream::once(async move {
        if let Some(facts) = &facts {
            let whose = Whose {
                user: Concern::User(facts.user_id),
                organization: Concern::Organization(facts.organization_id),
            };
            until_over(&visit, signals, whose).await;
        }
        drop(place);
        Ok::<_, Infallible>(Event::default().event("ended").data("{}"))
    });
    Ok(answer(stream))
}

#[derive(Clone, Copy)]
struct Whose {
    user: Concern,
    organization: Concern,
}

/// Returns once the person is no longer in.
async fn until_over(visit: &HostVisit, mut signals: Receiver<Concern>, whose: Whose) {
    let mut failures = 0;
    loop {
        let looked = {
            let _turn = visit.app.streams.turn_to_look().await;
            is_in(visit).await
        };
        match looked {
            Ok(false) => return,
            Ok(true) => {
                failures = 0;
                let heard = tokio::time::timeout(LOOK_AGAIN, hear(&mut signals, whose));
                if let Ok(true) = heard.await {
                    tokio::time::sleep(part_of(visit, WIDE_SPREAD)).await;
                }
            }
            // A fault of the database is no ending.
            Err(_) => {
                failures += 1;
                tokio::time::sleep(retry_after(failures)).await;
            }
        }
    }
}

/// Waits for a signal that may concern this person; whether many others heard it too.
async fn hear(signals: &mut Receiver<Concern>, whose: Whose) -> bool {
    loop {
        match signals.recv().await {
            Ok(concern) if concern == whose.user => return false,
            Ok(concern) if concern == whose.organization || concern == Concern::Everybody => {
                return true;
            }
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => return true,
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// A random part of a length of time.
fn part_of(visit: &HostVisit, whole: Duration) -> Duration {
    let mut dice = [0; 4];
    visit.app.random.fill(&mut dice);
    whole.mul_f64(f64::from(u32::from_le_bytes(dice)) / f64::from(u32::MAX))
}
