//! One's own apps, leaving them, and what they said to a log-out.

use axum::extract::Path;
use axum::response::Response;
use nightlatch_domain::ids::EndingId;
use nightlatch_flows::own_apps::AppOutcome;
use nightlatch_flows::receipts::AppOutcome as Told;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::body::answer;
use crate::cookies::Jar;
use crate::failure::Failure;
use crate::guard::Person;
use crate::pages::apps::{Act, act, list as list_apps};
use crate::pages::ending_details;
use crate::receipts::Reader;
use crate::views::Problem;

/// An app that one is signed in to, or that has access.
#[derive(Serialize, ToSchema)]
pub(crate) struct OwnAppEntry {
    /// Identifies the app.
    id: String,
    /// What people call it.
    name: String,
    /// The live sessions that are in it.
    sessions: Vec<String>,
    /// How many grants let it go on when nobody is there.
    long_lived_grants: usize,
    /// What was agreed to, as scopes separated by spaces; missing if nothing was.
    agreed: Option<String>,
}

/// The apps of the signed-in person.
#[derive(Serialize, ToSchema)]
pub(crate) struct OwnAppList {
    /// By name.
    apps: Vec<OwnAppEntry>,
}

/// The apps that the signed-in person is in, and those that have access.
#[utoipa::path(
    get, path = "/api/v1/apps", tag = "apps",
    responses((status = 200, body = OwnAppList), (status = 401, description = "No live session"))
)]
pub(crate) async fn list(person: Person) -> Result<Response, Failure> {
    let found = list_apps(&person).await?;
    let apps = found
        .iter()
        .map(|own| OwnAppEntry {
            id: own.app.id.to_string(),
            name: own.app.name.clone(),
            sessions: own.sessions.iter().map(ToString::to_string).collect(),
            long_lived_grants: own.long_lived.len(),
            agreed: own
                .consent
                .as_ref()
                .map(|consent| consent.scopes.to_string()),
        })
        .collect();
    Ok(answer(OwnAppList { apps }, Jar::default()))
}

/// What was done.
#[derive(Serialize, ToSchema)]
pub(crate) struct AppLeft {
    /// The ending that says what the app was told; missing if it had to be told
    /// nothing.
    ending: Option<String>,
}

fn done(outcome: AppOutcome) -> Result<Response, Failure> {
    match outcome {
        AppOutcome::Done(ending) => {
            let ending = ending.map(|ending: EndingId| ending.to_string());
            Ok(answer(AppLeft { ending }, Jar::default()))
        }
        AppOutcome::NotFound => Err(Failure::not_found().with_code("no-such-app")),
        AppOutcome::SessionOver => {
            Err(Failure::new(Problem::Unauthorized).with_code("not-signed-in"))
        }
    }
}

/// Leaves an app in the session of this call; the session goes on.
#[utoipa::path(
    post, path = "/api/v1/apps/{id}/leave", tag = "apps",
    params(("id" = String, Path, description = "The id of the app")),
    responses(
        (status = 200, body = AppLeft),
        (status = 401, description = "No live session"),
        (status = 404, description = "The session is in no app of this id")
    )
)]
pub(crate) async fn leave(person: Person, Path(id): Path<String>) -> Result<Response, Failure> {
    done(act(&person, &id, Act::Leave).await?)
}

/// Takes everything from an app: it is left in all sessions, and goes on nowhere.
#[utoipa::path(
    delete, path = "/api/v1/apps/{id}", tag = "apps",
    params(("id" = String, Path, description = "The id of the app")),
    responses(
        (status = 200, body = AppLeft),
        (status = 401, description = "No live session"),
        (status = 404, description = "No app of this id holds anything of yours")
    )
)]
pub(crate) async fn remove(person: Person, Path(id): Path<String>) -> Result<Response, Failure> {
    done(act(&person, &id, Act::RemoveAccess).await?)
}

/// What became of telling one app.
#[derive(Serialize, ToSchema)]
pub(crate) struct ToldApp {
    /// Identifies the app.
    id: String,
    /// What people call it.
    name: String,
    /// `waiting`, `confirmed`, `failed`, `gave_up`, `superseded` or
    /// `cannot_be_told`; of several notices the one furthest from confirmed.
    state: String,
    /// How many notices there are: one for each session and address.
    notices: usize,
    /// How many of them are confirmed.
    confirmed: usize,
    /// When that state was reached (RFC 3339); missing while it is waiting.
    at: Option<String>,
    /// For how long the app may go on by itself, in minutes.
    worst_case_minutes: u32,
    /// The last HTTP status; told to administrators only.
    last_status: Option<i64>,
}

/// One ending.
#[derive(Serialize, ToSchema)]
pub(crate) struct EndingEntry {
    /// Identifies the act.
    id: String,
    /// When (RFC 3339).
    at: String,
    /// Why, for example `logged_out_everywhere`.
    cause: String,
    /// `user`, `administrator`, `operator` or `system`.
    actor: String,
    /// How many sessions of the signed-in person it ended.
    sessions: i64,
    /// What became of telling the apps.
    apps: Vec<ToldApp>,
}

fn told(app: &Told, reader: Reader) -> ToldApp {
    let notice = &app.notice;
    ToldApp {
        id: notice.client_id.to_string(),
        name: notice.envelope.app.clone(),
        state: notice.state.name().to_owned(),
        notices: app.notices,
        confirmed: app.confirmed,
        at: notice
            .finished_at
            .map(nightlatch_domain::Timestamp::to_rfc3339),
        worst_case_minutes: notice.envelope.worst_case_minutes,
        last_status: notice
            .last_status
            .filter(|_| reader == Reader::Administrator),
    }
}

/// One ending of the signed-in person's sessions, with what their apps said.
#[utoipa::path(
    get, path = "/api/v1/endings/{id}", tag = "apps",
    params(("id" = String, Path, description = "The id of the ending")),
    responses(
        (status = 200, body = EndingEntry),
        (status = 401, description = "No live session"),
        (status = 404, description = "No ending of this id concerned the signed-in person")
    )
)]
pub(crate) async fn ending(person: Person, Path(id): Path<String>) -> Result<Response, Failure> {
    let details = ending_details::find(&person, &id).await?;
    let reader = ending_details::reader(&person);
    let ending = &details.ending;
    let body = EndingEntry {
        id: ending.id.to_string(),
        at: ending.at.to_rfc3339(),
        cause: ending.cause.name().to_owned(),
        actor: ending.actor.kind().to_owned(),
        sessions: details.sessions,
        apps: details.apps.iter().map(|app| told(app, reader)).collect(),
    };
    Ok(answer(body, Jar::default()))
}
