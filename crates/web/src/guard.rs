//! Who is asking, and whether this route lets them.
//!
//! Resolves the session behind the cookie, enforces the access that
//! [`crate::routes`] states, refuses forged forms, and notes activity. Handlers
//! behind it find a [`Visit`], and on routes for signed-in people a [`Person`].

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::REFERER;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::LengthLimitError;
use nightlatch_domain::Timestamp;
use nightlatch_domain::client::ClientDetails;
use nightlatch_domain::policy::Deadlines;
use nightlatch_domain::secret::{Token, TokenDigest};
use nightlatch_domain::session::{SessionKind, effective_deadlines};
use nightlatch_flows::sessions::{self, Check, LiveSession, Over};
use nightlatch_storage::StorageError;

use crate::cookies;
use crate::envelope::{Envelope, OnBehalfOf};
use crate::failure::Failure;
use crate::forms::FormHolder;
use crate::links::{ReturnPath, login_returning_to};
use crate::routes::{Access, Forgery, Rule};
use crate::same_origin::{Provenance, provenance};
use crate::show;
use crate::state::App;
use crate::views::Problem;

/// How long a body may take to arrive.
const LONGEST_UPLOAD: Duration = Duration::from_secs(30);

/// What the session cookie turned out to be.
#[derive(Debug, Clone)]
pub(crate) enum Presence {
    /// Nobody is signed in.
    Nobody,
    /// A session that is over; its next page says why.
    Over(Over),
    /// Somebody is signed in.
    SignedIn(Box<LiveSession>),
}

/// One request, as handlers see it.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) app: Arc<App>,
    pub(crate) envelope: Envelope,
    pub(crate) now: Timestamp,
    pub(crate) client: ClientDetails,
    pub(crate) presence: Presence,
    pub(crate) provenance: Provenance,
    /// The session cookie, whatever it is worth.
    pub(crate) session_token: Option<TokenDigest>,
    pub(crate) browser: Option<Token>,
    pub(crate) receipt_token: Option<TokenDigest>,
    /// The visitor cookie, fresh if the browser had none.
    pub(crate) visitor: Token,
    pub(crate) visitor_is_new: bool,
    /// The code of what the last action did.
    pub(crate) flash: Option<String>,
}

impl Visit {
    /// The live session, if somebody is signed in.
    pub(crate) fn live(&self) -> Option<&LiveSession> {
        match &self.presence {
            Presence::SignedIn(live) => Some(live),
            Presence::Nobody | Presence::Over(_) => None,
        }
    }

    /// When the session ends, activity of this very request included.
    pub(crate) fn deadlines(&self, live: &LiveSession) -> Deadlines {
        let session = &live.owned.session;
        let limits = live.owned.standing().limits;
        let latest = self.app.activity.overlay(session.id, session.life, limits);
        effective_deadlines(&latest, limits)
    }

    /// The digest of the browser cookie.
    pub(crate) fn browser_token(&self) -> Option<TokenDigest> {
        self.browser.as_ref().map(Token::digest)
    }

    /// For whom forms on this page are made.
    pub(crate) fn form_holder(&self) -> FormHolder {
        match self.live() {
            Some(live) => FormHolder::Session(live.owned.session.id),
            None => FormHolder::Visitor(self.visitor.digest()),
        }
    }

    /// A token for a form on this page.
    pub(crate) fn form_token(&self) -> String {
        self.app
            .form_key
            .issue(self.form_holder(), self.app.random.as_ref())
    }

    /// Whether a form was made for whoever sends it.
    pub(crate) fn is_own_form(&self, token: &str) -> bool {
        self.app.form_key.is_valid(self.form_holder(), token)
    }

    /// Refuses a form that was not made for whoever sends it (CSRF-04).
    pub(crate) fn check_form(&self, token: &str) -> Result<(), Failure> {
        if self.is_own_form(token) {
            Ok(())
        } else {
            Err(Failure::new(Problem::StaleForm).with_code("stale-form"))
        }
    }

    /// Whether this browser is in the shared-computer mode.
    pub(crate) fn is_shared(&self) -> bool {
        self.live()
            .is_some_and(|live| live.owned.session.life.kind == SessionKind::Shared)
    }
}

/// A signed-in person and their request.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) visit: Arc<Visit>,
    pub(crate) live: LiveSession,
}

impl Person {
    /// Whether the last proof is young enough for sensitive acts.
    pub(crate) fn has_fresh_proof(&self) -> bool {
        self.live.owned.session.has_fresh_proof(self.visit.now)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Person {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Failure> {
        let visit = parts
            .extensions
            .get::<Arc<Visit>>()
            .ok_or_else(|| Failure::internal("a handler stands outside of the guard"))?;
        let live = visit
            .live()
            .ok_or_else(|| Failure::internal("a person's page is open to nobody"))?;
        Ok(Self {
            live: live.clone(),
            visit: Arc::clone(visit),
        })
    }
}

/// Lets a request through to its handler, or answers it.
pub(crate) async fn guard(
    State((app, rule)): State<(Arc<App>, Rule)>,
    request: Request,
    next: Next,
) -> Response {
    if rule.access == Access::Operations {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    // The body comes first: whoever holds back its last byte must not act later in
    // the name of a session that was live when the head arrived (OUT-02).
    let body = if is_safe(&parts.method) {
        Bytes::new()
    } else {
        match read_body(body, rule.body_limit).await {
            Ok(bytes) => bytes,
            // Log out works with any body.
            Err(_) if rule.forgery == Forgery::AskedAbout => Bytes::new(),
            Err(failure) => return failure.into_response(),
        }
    };
    let visit = match visit(&app, &parts).await {
        Ok(visit) => Arc::new(visit),
        Err(error) => return Failure::from(error).into_response(),
    };
    if let Err(answer) = admit(&visit, rule, &parts) {
        return answer;
    }
    note_activity(&visit, rule, &parts);
    let organization = visit.live().map(|live| live.owned.organization.clone());
    parts.extensions.insert(visit);
    let acts = !is_safe(&parts.method);
    let mut answer = next.run(Request::from_parts(parts, Body::from(body))).await;
    if acts {
        // Whatever was done may have put something into the queue.
        app.mailing.wake();
    }
    if let Some(organization) = organization
        && answer.status().as_u16() >= 400
    {
        answer.extensions_mut().insert(OnBehalfOf(organization));
    }
    answer
}

/// Reads a body to its end, within its limit and in reasonable time.
async fn read_body(body: Body, limit: usize) -> Result<Bytes, Failure> {
    match tokio::time::timeout(LONGEST_UPLOAD, to_bytes(body, limit)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => {
            let too_large = std::error::Error::source(&error)
                .is_some_and(<dyn std::error::Error>::is::<LengthLimitError>);
            Err(Failure::new(if too_large {
                Problem::TooLarge
            } else {
                Problem::BadRequest
            }))
        }
        Err(_) => Err(Failure::saying(
            Problem::BadRequest,
            "What you sent took too long to arrive, so nothing was changed.",
        )),
    }
}

async fn visit(app: &Arc<App>, request: &Parts) -> Result<Visit, StorageError> {
    let headers = &request.headers;
    let now = app.clock.now();
    let session_token = cookies::find_token(headers, cookies::SESSION).map(|token| token.digest());
    let presence = match session_token {
        Some(token) => resolve(app, token, now).await?,
        None => Presence::Nobody,
    };
    let visitor = cookies::find_token(headers, cookies::VISITOR);
    let envelope = request
        .extensions
        .get::<Envelope>()
        .cloned()
        .ok_or_else(|| StorageError::Other("a route stands outside of the envelope".to_owned()))?;
    Ok(Visit {
        app: Arc::clone(app),
        envelope,
        now,
        client: crate::client::details(app, headers, &request.extensions),
        presence,
        provenance: provenance(headers, &app.public_url),
        session_token,
        browser: cookies::find_token(headers, cookies::BROWSER),
        receipt_token: cookies::find_token(headers, cookies::RECEIPT).map(|token| token.digest()),
        visitor_is_new: visitor.is_none(),
        visitor: visitor.unwrap_or_else(|| Token::generate(app.random.as_ref())),
        flash: cookies::find(headers, cookies::FLASH).map(str::to_owned),
    })
}

/// Looks up what a session token is worth. A token that this server never issued
/// is never adopted (SES-04).
pub(crate) async fn resolve(
    app: &App,
    token: TokenDigest,
    now: Timestamp,
) -> Result<Presence, StorageError> {
    let activity = Arc::clone(&app.activity);
    let check: Check = app
        .store
        .read(move |tx| sessions::check(tx, token, &activity, now))
        .await?;
    Ok(match check {
        Check::Live(live) => Presence::SignedIn(live),
        Check::Over(over) => Presence::Over(over),
        Check::Unknown => {
            app.metrics.unknown_token();
            tracing::info!("a request carried an unknown session token");
            Presence::Nobody
        }
    })
}

#[expect(
    clippy::result_large_err,
    reason = "the error is the answer itself, made once and passed on"
)]
fn admit(visit: &Visit, rule: Rule, request: &Parts) -> Result<(), Response> {
    let headers = &request.headers;
    let safe = is_safe(&request.method);
    if !safe && rule.forgery == Forgery::Refused && visit.provenance != Provenance::SameOrigin {
        return Err(Failure::new(Problem::StaleForm)
            .with_code("not-same-origin")
            .into_response());
    }
    match rule.access {
        Access::People if visit.live().is_some() => Ok(()),
        Access::People => {
            let back = if safe {
                request.uri.path_and_query().map(ToString::to_string)
            } else {
                referring_page(headers)
            };
            let back = back.and_then(|path| ReturnPath::parse(&path, &visit.app.public_url));
            Err(show::see_other(
                &login_returning_to(back.as_ref()),
                cookies::Jar::default(),
            ))
        }
        Access::Programs if visit.live().is_none() => Err(not_signed_in().into_response()),
        Access::Programs if !safe && !headers.contains_key("x-nightlatch") => {
            let sentence = "Requests that change something need the header X-Nightlatch: 1.";
            Err(Failure::saying(Problem::Forbidden, sentence)
                .with_code("header-missing")
                .into_response())
        }
        Access::Operations | Access::Everyone | Access::Programs => Ok(()),
    }
}

/// The answer of the API to a request without a live session.
fn not_signed_in() -> Failure {
    Failure::saying(
        Problem::Unauthorized,
        "This needs a live session. Sign in first.",
    )
    .with_code("not-signed-in")
}

/// The page on which a form was sent, so that its sender gets back there.
fn referring_page(headers: &HeaderMap) -> Option<String> {
    let referer = headers.get(REFERER)?.to_str().ok()?;
    let url = url::Url::parse(referer).ok()?;
    Some(match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    })
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Navigations and acts count as activity; polls, scripts and prefetches do not
/// (SES-10, G1).
fn note_activity(visit: &Visit, rule: Rule, request: &Parts) {
    let Some(live) = visit.live() else { return };
    if !matches!(rule.access, Access::People | Access::Programs) {
        return;
    }
    let header = |name: &str| {
        request
            .headers
            .get(name)
            .map(|value| value.to_str().unwrap_or("").to_ascii_lowercase())
    };
    let prefetch = ["sec-purpose", "purpose", "x-moz"]
        .iter()
        .any(|name| header(name).is_some_and(|value| value.contains("prefetch")));
    let navigation = header("sec-fetch-mode").is_none_or(|mode| mode == "navigate");
    let act = !is_safe(&request.method);
    let counts = match rule.access {
        Access::People => act || (navigation && !prefetch),
        _ => act,
    };
    if counts {
        let session = &live.owned.session;
        let limits = live.owned.standing().limits;
        visit
            .app
            .activity
            .note(session.id, &session.life, limits, visit.now);
    }
}
