//! What an app was not told of, and telling it once more.

use axum::extract::Path;
use axum::response::Response;
use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::NoticeId;
use nightlatch_domain::notice::Notice;
use nightlatch_flows::administration::Demand;
use nightlatch_flows::apps;
use nightlatch_flows::delivery::{self, ResendOutcome};
use nightlatch_storage::notices;
use serde::Serialize;
use utoipa::ToSchema;

use super::{act, look, no_such_app, parse_id};
use crate::api::body::answer;
use crate::cookies::Jar;
use crate::failure::Failure;
use crate::guard::Person;
use crate::pages::Query;
use crate::views::Problem;

/// Notices in one answer.
const PAGE: usize = 50;

/// The most notices that one call sends again.
const MOST: i64 = 1000;

/// Up to how many waiting notices are counted.
const MOST_COUNTED: i64 = 10_000;

/// A logout that an app was not told of.
#[derive(Serialize, ToSchema)]
pub(crate) struct NoticeEntry {
    /// Identifies it.
    id: String,
    /// The ending that it belongs to.
    ending: String,
    /// `back_channel` or `pull`.
    channel: String,
    /// Where the app was called.
    address: Option<String>,
    /// `failed`, `gave_up` or `waiting`.
    state: String,
    /// How often it was tried.
    attempts: i64,
    /// When the session ended (RFC 3339).
    ended_at: String,
    /// When it was given up (RFC 3339); missing while it waits.
    finished_at: Option<String>,
    /// The last HTTP status.
    last_status: Option<i64>,
    /// Why it did not do, and what usually helps.
    last_error: Option<String>,
}

fn entry(notice: &Notice) -> NoticeEntry {
    NoticeEntry {
        id: notice.id.to_string(),
        ending: notice.ending_id.to_string(),
        channel: notice.channel.name().to_owned(),
        address: notice.envelope.address.clone(),
        state: notice.state.name().to_owned(),
        attempts: notice.attempts,
        ended_at: notice.ended_at.to_rfc3339(),
        finished_at: notice.finished_at.map(Timestamp::to_rfc3339),
        last_status: notice.last_status,
        last_error: notice.last_error.clone(),
    }
}

/// What an app does not know.
#[derive(Serialize, ToSchema)]
pub(crate) struct NoticePage {
    /// What failed or was given up, newest first; it can be sent again.
    undelivered: Vec<NoticeEntry>,
    /// Send as `after` for what comes next; missing at the end.
    next: Option<String>,
    /// How many are being told or will be tried again; counted up to 10000.
    waiting: i64,
    /// The oldest of those.
    oldest_waiting: Option<NoticeEntry>,
}

/// The logouts that an app was not told of.
#[utoipa::path(
    get, path = "/api/v1/organization/apps/{id}/notices", tag = "organization",
    params(
        ("id" = String, Path, description = "The client id of the app"),
        ("after" = Option<String>, Query, description = "The `next` of an earlier answer")
    ),
    responses(
        (status = 200, body = NoticePage),
        (status = 400, description = "`after` is no id"),
        (status = 401, description = "No live session"),
        (status = 403, description = "The signed-in person is no administrator"),
        (status = 404, description = "The organization has no app of this id")
    )
)]
pub(crate) async fn list(
    person: Person,
    Path(id): Path<String>,
    query: Query,
) -> Result<Response, Failure> {
    let id = parse_id(&id)?;
    let before: NoticeId = match query.get("after") {
        "" => notices::last_id(),
        text => text
            .parse()
            .map_err(|_| Failure::new(Problem::BadRequest).with_code("after"))?,
    };
    let found = look(&person, move |tx, administrator| {
        if apps::find(tx, administrator.organization, id)?.is_none() {
            return Ok(None);
        }
        let limit = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
        let undelivered = notices::list_undelivered_of_client(tx, id, before, limit)?;
        let waiting = notices::count_waiting_of_client(tx, id, MOST_COUNTED)?;
        let oldest = notices::list_waiting_of_client(tx, id, 1)?;
        Ok(Some((undelivered, waiting, oldest)))
    });
    let (mut undelivered, waiting, oldest) = found.await?.ok_or_else(no_such_app)?;
    let more = undelivered.len() > PAGE;
    undelivered.truncate(PAGE);
    let last = undelivered.last().filter(|_| more);
    let body = NoticePage {
        next: last.map(|notice| notice.id.to_string()),
        undelivered: undelivered.iter().map(entry).collect(),
        waiting,
        oldest_waiting: oldest.first().map(entry),
    };
    Ok(answer(body, Jar::default()))
}

/// What is sent again.
#[derive(Serialize, ToSchema)]
pub(crate) struct NoticesResent {
    /// How many notices.
    count: u64,
}

/// Sends one notice again that failed or was given up, for another 72 hours, with what is
/// registered of the app now.
#[utoipa::path(
    post, path = "/api/v1/organization/apps/{id}/notices/{notice}/resend", tag = "organization",
    params(
        ("id" = String, Path, description = "The client id of the app"),
        ("notice" = String, Path, description = "The id of the notice")
    ),
    responses(
        (status = 200, body = NoticesResent),
        (status = 400, description = "It is on its way, or needs not be sent"),
        (status = 401, description = "No live session"),
        (status = 403, description = "The signed-in person is no administrator"),
        (status = 404, description = "The organization has no such app, or the app no such notice")
    )
)]
pub(crate) async fn resend(
    person: Person,
    Path((id, notice)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let unknown = || Failure::not_found().with_code("no-such-notice");
    let id = parse_id(&id)?;
    let notice: NoticeId = notice.parse().map_err(|_| unknown())?;
    let demand = (Demand::ACT, "Sending a notice again");
    let outcome = act(
        &person,
        demand,
        move |tx, moment, administrator| match apps::find(tx, administrator.organization, id)? {
            Some(_) => delivery::resend_of(tx, moment, id, notice).map(Some),
            None => Ok(None),
        },
    );
    match outcome.await? {
        None => Err(no_such_app()),
        Some(ResendOutcome::Unknown) => Err(unknown()),
        Some(ResendOutcome::NotUndelivered) => Err(Failure::saying(
            Problem::BadRequest,
            "Only what failed or was given up can be sent again.",
        )
        .with_code("not-undelivered")),
        Some(ResendOutcome::Due) => Ok(resent(&person, 1)),
    }
}

/// Sends everything again that failed or was given up for an app, up to 1000 notices.
#[utoipa::path(
    post, path = "/api/v1/organization/apps/{id}/notices/resend", tag = "organization",
    params(("id" = String, Path, description = "The client id of the app")),
    responses(
        (status = 200, body = NoticesResent),
        (status = 401, description = "No live session"),
        (status = 403, description = "The signed-in person is no administrator"),
        (status = 404, description = "The organization has no app of this id")
    )
)]
pub(crate) async fn resend_all(
    person: Person,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let id = parse_id(&id)?;
    let demand = (Demand::ACT, "Sending notices again");
    let outcome = act(
        &person,
        demand,
        move |tx, moment, administrator| match apps::find(tx, administrator.organization, id)? {
            Some(_) => delivery::resend_undelivered(tx, moment, Some(id), MOST).map(Some),
            None => Ok(None),
        },
    );
    let count = outcome.await?.ok_or_else(no_such_app)?;
    Ok(resent(&person, count))
}

fn resent(person: &Person, count: u64) -> Response {
    person.visit.app.signals.wake_delivery();
    answer(NoticesResent { count }, Jar::default())
}
