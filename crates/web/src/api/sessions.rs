//! One's own sessions, and ending them.

use axum::body::Bytes;
use axum::extract::Path;
use axum::response::Response;
use nightlatch_domain::ids::SessionId;
use nightlatch_domain::session::{Proof, ProofMethod};
use nightlatch_flows::own_endings::{
    self, MOST_SELECTED, OwnEnding, OwnEndingDone, OwnEndingOutcome,
};
use nightlatch_flows::sessions::ListedSession;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::body::{Body, answer};
use crate::api::proof::{highest_proof_needed, proof_needed, session_over};
use crate::cookies::{self, Jar};
use crate::failure::Failure;
use crate::guard::Person;
use crate::pages::end;
use crate::pages::sessions::{AppsOfSessions, apps_of_sessions, list as list_sessions, names};
use crate::views::Problem;

/// A live session.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionEntry {
    /// Identifies the session; authenticates nothing.
    id: String,
    /// Whether this call was made in it.
    current: bool,
    /// `ordinary`, `remembered` or `shared`.
    kind: String,
    /// The person's own name for the browser.
    name: Option<String>,
    /// The browser and system in plain words; a hint, never a fact.
    browser: String,
    /// The address it was signed in from.
    address: Option<String>,
    /// Roughly where that is.
    place: Option<String>,
    /// How and when the person proved who they are.
    proofs: Vec<ProofEntry>,
    /// The names of the apps that it is in.
    apps: Vec<String>,
    /// When it began (RFC 3339).
    created_at: String,
    /// The last activity (RFC 3339).
    last_active_at: String,
    /// When it ends without further activity (RFC 3339).
    idle_deadline: String,
    /// When it ends in any case (RFC 3339).
    overall_deadline: String,
}

/// One authentication event.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProofEntry {
    /// `password` or `passkey`.
    method: Method,
    /// When (RFC 3339).
    at: String,
}

/// How somebody proved who they are.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Method {
    /// With their password.
    Password,
    /// With a code from an authenticator app.
    AuthenticatorApp,
    /// With a recovery code.
    RecoveryCode,
    /// With a passkey that verified them.
    Passkey,
    /// By the word of a session on another device.
    Phone,
}

/// The live sessions of the signed-in person.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionList {
    /// Most recently used first.
    sessions: Vec<SessionEntry>,
}

fn entry(person: &Person, listed: &ListedSession, apps: &AppsOfSessions) -> SessionEntry {
    let session = &listed.session;
    let client = &session.client;
    let deadlines = listed.admission.deadlines;
    SessionEntry {
        id: session.id.to_string(),
        current: session.id == person.live.owned.session.id,
        kind: session.life.kind.name().to_owned(),
        name: listed.browser_name.clone(),
        browser: client.description().phrase(),
        address: client.address.map(|address| address.to_string()),
        place: client.place.clone(),
        proofs: session.proofs.iter().copied().map(proof_entry).collect(),
        apps: names(apps, session.id),
        created_at: session.created_at.to_rfc3339(),
        last_active_at: session.life.last_active_at.to_rfc3339(),
        idle_deadline: deadlines.idle.to_rfc3339(),
        overall_deadline: deadlines.overall.to_rfc3339(),
    }
}

fn proof_entry(proof: Proof) -> ProofEntry {
    ProofEntry {
        method: match proof.method {
            ProofMethod::Password => Method::Password,
            ProofMethod::AuthenticatorApp => Method::AuthenticatorApp,
            ProofMethod::RecoveryCode => Method::RecoveryCode,
            ProofMethod::Passkey => Method::Passkey,
            ProofMethod::Phone => Method::Phone,
        },
        at: proof.at.to_rfc3339(),
    }
}

/// The live sessions of the signed-in person.
#[utoipa::path(
    get, path = "/api/v1/sessions", tag = "sessions",
    responses((status = 200, body = SessionList), (status = 401, description = "No live session"))
)]
pub(crate) async fn list(person: Person) -> Result<Response, Failure> {
    let listed = list_sessions(&person).await?;
    let apps = apps_of_sessions(&person).await?;
    let sessions = listed
        .iter()
        .map(|one| entry(&person, one, &apps))
        .collect();
    Ok(answer(SessionList { sessions }, Jar::default()))
}

/// What was ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct EndedSessions {
    /// Identifies the act; missing if there was nothing to end.
    ending: Option<String>,
    /// How many sessions it has ended so far.
    sessions: i64,
    /// Whether these are all; if not, the rest is over already and is being
    /// written down.
    complete: bool,
    /// Whether the session of this call was among them.
    this_one_too: bool,
    /// What "This wasn't me" took away from the account, each in words.
    removed: Vec<String>,
}

/// The sessions to end.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Selection {
    /// Their ids, at most 1000.
    #[schema(value_type = Vec<String>)]
    ids: Vec<SessionId>,
}

async fn act(person: &Person, wanted: OwnEnding) -> Result<Response, Failure> {
    match end(&person.visit, wanted).await? {
        OwnEndingOutcome::Done(done) => Ok(ended(person, &done)),
        OwnEndingOutcome::NoOthers => Ok(answer(
            EndedSessions {
                ending: None,
                sessions: 0,
                complete: true,
                this_one_too: false,
                removed: Vec::new(),
            },
            Jar::default(),
        )),
        OwnEndingOutcome::EndedBefore | OwnEndingOutcome::NotFound => {
            Err(Failure::not_found().with_code("no-such-session"))
        }
        OwnEndingOutcome::ProofNeeded => Err(proof_needed("Ending other sessions")),
        OwnEndingOutcome::HighestProofNeeded => Err(highest_proof_needed(
            "Taking away what was added in that session",
        )),
        OwnEndingOutcome::SessionOver => Err(session_over()),
    }
}

fn ended(person: &Person, done: &OwnEndingDone) -> Response {
    let mut jar = Jar::default();
    if done.this_one_too {
        jar.remove(cookies::SESSION);
    }
    if let Some(renewed) = &done.kept {
        jar.renew_session(renewed, person.visit.now);
    }
    let body = EndedSessions {
        ending: Some(done.ending_id.to_string()),
        sessions: done.sessions,
        complete: done.complete,
        this_one_too: done.this_one_too,
        removed: done.removed.words(),
    };
    answer(body, jar)
}

/// Ends one session. Ending the session of this very call needs no proof.
#[utoipa::path(
    delete, path = "/api/v1/sessions/{id}", tag = "sessions",
    params(("id" = String, Path, description = "The id of the session")),
    responses(
        (status = 200, body = EndedSessions),
        (status = 401, description = "No live session"),
        (status = 403, description = "A proof of the last ten minutes is needed"),
        (status = 404, description = "No live session of yours has this id")
    )
)]
pub(crate) async fn end_one(person: Person, Path(id): Path<String>) -> Result<Response, Failure> {
    let id = id
        .parse()
        .map_err(|_| Failure::not_found().with_code("no-such-session"))?;
    act(&person, OwnEnding::One(id)).await
}

/// "This wasn't me": reports a session, live or over, that somebody else began; the
/// history names it. Ends it, takes away what was added to the account in it, and
/// forgets its browser. After that the person should choose a new password, on the
/// page `/account/security`.
#[utoipa::path(
    post, path = "/api/v1/sessions/{id}/not-me", tag = "sessions",
    params(("id" = String, Path, description = "The id of the session")),
    responses(
        (status = 200, body = EndedSessions),
        (status = 401, description = "No live session"),
        (status = 403, description = "A proof of the last ten minutes is needed; by a second factor, if you have one and something was added in that session"),
        (status = 404, description = "No sign-in of yours began a session with this id, or it is the one of this call")
    )
)]
pub(crate) async fn not_me(person: Person, Path(id): Path<String>) -> Result<Response, Failure> {
    let id = id
        .parse()
        .map_err(|_| Failure::not_found().with_code("no-such-session"))?;
    act(&person, OwnEnding::NotMe(id)).await
}

/// Ends several sessions.
#[utoipa::path(
    post, path = "/api/v1/sessions/log-out-selected", tag = "sessions", request_body = Selection,
    responses(
        (status = 200, body = EndedSessions),
        (status = 401, description = "No live session"),
        (status = 403, description = "A proof of the last ten minutes is needed"),
        (status = 404, description = "None of them is a live session of yours")
    )
)]
pub(crate) async fn end_selected(
    person: Person,
    Body(selection): Body<Selection>,
) -> Result<Response, Failure> {
    if selection.ids.is_empty() {
        let sentence = "`ids` names no session.";
        return Err(Failure::saying(Problem::BadRequest, sentence).with_code("ids"));
    }
    let Some(wanted) = own_endings::selection(selection.ids) else {
        let sentence = format!("`ids` names more than {MOST_SELECTED} sessions.");
        return Err(Failure::saying(Problem::BadRequest, sentence).with_code("ids"));
    };
    act(&person, wanted).await
}

/// Logs out all other sessions; this one goes on under a new cookie.
#[utoipa::path(
    post, path = "/api/v1/sessions/log-out-others", tag = "sessions",
    responses(
        (status = 200, body = EndedSessions),
        (status = 401, description = "No live session"),
        (status = 403, description = "A proof of the last ten minutes is needed")
    )
)]
pub(crate) async fn end_others(person: Person) -> Result<Response, Failure> {
    act(&person, OwnEnding::AllOthers).await
}

/// What else ends.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct LogOutAll {
    /// Whether apps that may go on when nobody is there lose that too. An ordinary
    /// log-out leaves it to them.
    long_lived_grants: bool,
}

/// Logs out of all sessions, this one included. A body is not needed; `GET
/// /api/v1/apps` says which apps hold long-lived grants.
#[utoipa::path(
    post, path = "/api/v1/sessions/log-out-all", tag = "sessions", request_body = Option<LogOutAll>,
    responses(
        (status = 200, body = EndedSessions),
        (status = 401, description = "No live session"),
        (status = 403, description = "A proof of the last ten minutes is needed")
    )
)]
pub(crate) async fn end_all(person: Person, body: Bytes) -> Result<Response, Failure> {
    let wanted = if body.is_empty() {
        LogOutAll::default()
    } else {
        let read = serde_json::from_slice(&body);
        read.map_err(|_| Failure::new(Problem::BadRequest).with_code("unreadable-body"))?
    };
    let long_lived = wanted.long_lived_grants;
    act(&person, OwnEnding::All { long_lived }).await
}
