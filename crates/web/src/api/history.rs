//! What happened to one's own account.

use axum::response::Response;
use nightlatch_domain::ending::Cause;
use nightlatch_domain::event::{Event, EventKind};
use nightlatch_flows::history;
use nightlatch_storage::StorageError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::body::answer;
use crate::cookies::Jar;
use crate::failure::Failure;
use crate::guard::Person;
use crate::pages::Query;
use crate::pages::history::{filter, read_position, write_position};
use crate::views::HistoryFilter;

/// Entries in one answer.
const PAGE: u16 = 50;

/// One line of the history.
#[derive(Serialize, ToSchema)]
pub(crate) struct HistoryEntry {
    /// Identifies the line.
    id: String,
    /// When (RFC 3339).
    at: String,
    /// What, for example `signed_in` or `session_ended`.
    kind: String,
    /// `user`, `administrator`, `operator` or `system`.
    actor: String,
    /// Why a session ended, for example `logged_out_everywhere`.
    cause: Option<String>,
    /// A reason that somebody gave in words for ending a session.
    reason: Option<String>,
    /// The session concerned.
    session: Option<String>,
    /// The ending that it belongs to; see `/api/v1/endings/{id}`.
    ending: Option<String>,
    /// The browser in plain words.
    browser: Option<String>,
    /// The address.
    address: Option<String>,
    /// Roughly where that is.
    place: Option<String>,
    /// How many events were gathered into this line.
    count: i64,
}

/// A part of the history.
#[derive(Serialize, ToSchema)]
pub(crate) struct HistoryAnswer {
    /// Newest first.
    entries: Vec<HistoryEntry>,
    /// Send as `after` for what comes next; missing at the end.
    next: Option<String>,
}

fn entry(event: &Event) -> HistoryEntry {
    let client = &event.client;
    HistoryEntry {
        id: event.id.to_string(),
        at: event.at.to_rfc3339(),
        kind: event.kind.name().to_owned(),
        actor: event.actor.kind().to_owned(),
        cause: event.cause.map(Cause::name).map(str::to_owned),
        // Other details (what an operator changed, a name) are no reasons.
        reason: event
            .detail
            .clone()
            .filter(|_| event.kind == EventKind::SessionEnded),
        session: event.session_id.map(|id| id.to_string()),
        ending: event.ending_id.map(|id| id.to_string()),
        browser: (!client.user_agent.is_empty()).then(|| client.description().phrase()),
        address: client.address.map(|address| address.to_string()),
        place: client.place.clone(),
        count: event.count,
    }
}

/// What happened to the signed-in person's account, newest first.
#[utoipa::path(
    get, path = "/api/v1/history", tag = "history",
    params(
        ("show" = Option<String>, Query, description = "`all`, `sign-ins` or `endings`"),
        ("after" = Option<String>, Query, description = "The `next` of an earlier answer")
    ),
    responses((status = 200, body = HistoryAnswer), (status = 401, description = "No live session"))
)]
pub(crate) async fn list(person: Person, query: Query) -> Result<Response, Failure> {
    let shown = HistoryFilter::from_value(query.get("show"));
    let after = read_position(query.get("after"));
    let user = person.live.owned.user.id;
    let found: Result<_, StorageError> = person
        .visit
        .app
        .store
        .read(move |tx| history::page(tx, user, filter(shown), after, PAGE))
        .await;
    let found = found?;
    let body = HistoryAnswer {
        entries: found.events.iter().map(entry).collect(),
        next: found.next.map(write_position),
    };
    Ok(answer(body, Jar::default()))
}
