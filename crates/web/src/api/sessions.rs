//! One's own sessions, and ending them.

use axum::extract::Path;
use axum::response::Response;
use nightlatch_domain::ids::SessionId;
use nightlatch_domain::secret::Password;
use nightlatch_domain::session::{Proof, ProofMethod};
use nightlatch_flows::own_endings::{self, MOST_SELECTED, OwnEnding, OwnEndingDone};
use nightlatch_flows::sessions::ListedSession;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::body::{Body, answer};
use crate::cookies::{self, Jar};
use crate::failure::Failure;
use crate::guard::Person;
use crate::pages::sessions::list as list_sessions;
use crate::pages::{Ending, Evidence, Proved, end, prove_with};
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

fn entry(person: &Person, listed: &ListedSession) -> SessionEntry {
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
    let sessions = listed.iter().map(|one| entry(&person, one)).collect();
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
        Ending::Done(done) => Ok(ended(person, &done)),
        Ending::NoOthers => Ok(answer(
            EndedSessions {
                ending: None,
                sessions: 0,
                complete: true,
                this_one_too: false,
            },
            Jar::default(),
        )),
        Ending::EndedBefore | Ending::NotFound => {
            Err(Failure::not_found().with_code("no-such-session"))
        }
        Ending::ProofNeeded => Err(Failure::saying(
            Problem::Forbidden,
            "Ending other sessions takes a proof of the last ten minutes. Send the password to /api/v1/proof first.",
        )
        .with_code("proof-needed")),
        Ending::SessionOver => Err(Failure::new(Problem::Unauthorized).with_code("not-signed-in")),
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

/// Logs out of all sessions, this one included.
#[utoipa::path(
    post, path = "/api/v1/sessions/log-out-all", tag = "sessions",
    responses(
        (status = 200, body = EndedSessions),
        (status = 401, description = "No live session"),
        (status = 403, description = "A proof of the last ten minutes is needed")
    )
)]
pub(crate) async fn end_all(person: Person) -> Result<Response, Failure> {
    act(&person, OwnEnding::All).await
}

/// A proof that the caller is the owner of the account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProofRequest {
    /// The person's password.
    password: Option<String>,
    /// Instead of it, a code from their authenticator app.
    code: Option<String>,
    /// Instead of both, one of their recovery codes; it is used up.
    recovery_code: Option<String>,
}

/// The proof was right; the session goes on under a new cookie.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProofGiven {
    /// When (RFC 3339).
    at: String,
}

/// Proves with the password, with a code from an authenticator app or with a
/// recovery code that the caller is the owner of the account. Changing factors or the
/// address takes one of the codes, if the person has a second factor.
#[utoipa::path(
    post, path = "/api/v1/proof", tag = "sessions", request_body = ProofRequest,
    responses(
        (status = 200, body = ProofGiven),
        (status = 400, description = "Not exactly one of password, code and recovery code"),
        (status = 401, description = "No live session"),
        (status = 403, description = "Not right, or too many wrong tries; the detail says which")
    )
)]
pub(crate) async fn give_proof(
    person: Person,
    Body(request): Body<ProofRequest>,
) -> Result<Response, Failure> {
    let evidence = match (&request.password, &request.code, &request.recovery_code) {
        (Some(password), None, None) => Evidence::Password(Password::typed(password)),
        (None, Some(code), None) => Evidence::code(code),
        (None, None, Some(code)) => Evidence::recovery_code(code),
        _ => {
            let sentence = "Send one of `password`, `code` and `recovery_code`.";
            return Err(Failure::saying(Problem::BadRequest, sentence).with_code("proof"));
        }
    };
    match prove_with(&person, evidence).await? {
        Proved::Yes(renewed) => {
            let now = person.visit.now;
            let mut jar = Jar::default();
            jar.renew_session(&renewed, now);
            Ok(answer(
                ProofGiven {
                    at: now.to_rfc3339(),
                },
                jar,
            ))
        }
        Proved::No(sentence) => {
            Err(Failure::saying(Problem::Forbidden, sentence).with_code("proof-refused"))
        }
        Proved::SessionOver => Err(Failure::new(Problem::Unauthorized).with_code("not-signed-in")),
    }
}
