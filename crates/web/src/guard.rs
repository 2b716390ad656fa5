//! Who is asking, and whether this route lets them.
//!
//! Resolves the session behind the cookie, enforces the access that
//! [`crate::routes`] states, refuses forged forms, and notes activity. Handlers
//! behind it find a [`Visit`], and on routes for signed-in people a [`Person`].
//!
//! Longer than 400 lines, since all that stands before a handler is here.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::header::REFERER;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::LengthLimitError;
use nightlatch_domain::Timestamp;
use nightlatch_domain::client::ClientDetails;
use nightlatch_domain::ids::{SessionId, UserId};
use nightlatch_domain::policy::Deadlines;
use nightlatch_domain::secret::{Token, TokenDigest};
use nightlatch_domain::session::{SessionKind, effective_deadlines};
use nightlatch_flows::sessions::{self, Check, LiveSession, Over};
use nightlatch_storage::StorageError;

use crate::administering::not_allowed;
use crate::cookies;
use crate::envelope::{Asker, Envelope};
use crate::failure::Failure;
use crate::forms::FormHolder;
use crate::links::{self, ReturnPath, login_returning_to};
use crate::live;
use crate::pages::flash::Flash;
use crate::protected;
use crate::routes::{Access, Forgery, Rule};
use crate::same_origin::{Provenance, provenance};
use crate::show;
use crate::state::App;
use crate::views::Problem;

/// What a session that a phone let in is told about power over the account.
pub(crate) const OWN_DEVICE: &str = "You were let in here by another device, for a short time. \
     Changes to your account are made on your own phone or laptop.";

/// How long a body may take to arrive.
const LONGEST_UPLOAD: Duration = Duration::from_secs(30);

/// What the session cookie turned out to be.
#[derive(Debug, Clone)]
pub(crate) enum Presence {
    /// Nobody is signed in.
    Nobody,
    /// A session that is over; its next page says why.
    Over(Over),
    /// Nobody, as far as pages, the API and activity go: the token was replaced
    /// while the request was under way. Log out alone looks at this.
    Replaced {
        session_id: SessionId,
        user_id: UserId,
    },
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
    /// The cookie of a sign-in that waits for its second step. Nothing here looks
    /// at it: only the pages of that step do (SES-07).
    pub(crate) pending_token: Option<TokenDigest>,
    /// The cookie by which this browser stands in for a second factor.
    pub(crate) trusted_token: Option<TokenDigest>,
    /// The visitor cookie, fresh if the browser had none.
    pub(crate) visitor: Token,
    pub(crate) visitor_is_new: bool,
    /// The request of an app that waits for this person.
    pub(crate) way: Option<Token>,
    /// The token of a browser that waits for a phone.
    pub(crate) phone: Option<Token>,
    /// The code of what the last action did.
    pub(crate) flash: Option<String>,
    /// What an app asked for when it sent the person here to log out; sealed.
    pub(crate) parked: Option<String>,
}

impl Visit {
    /// The live session, if somebody is signed in.
    pub(crate) fn live(&self) -> Option<&LiveSession> {
        match &self.presence {
            Presence::SignedIn(live) => Some(live),
            Presence::Nobody | Presence::Over(_) | Presence::Replaced { .. } => None,
        }
    }

    /// When the session ends, activity of this very request included.
    pub(crate) fn deadlines(&self, live: &LiveSession) -> Deadlines {
        let session = &live.owned.session;
        let limits = live.owned.standing().limits;
        let latest = self.app.activity.overlay(session.id, session.life);
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

    /// Whether a form was made for the session whose token was replaced while it
    /// was sent.
    pub(crate) fn is_form_of_replaced(&self, token: &str) -> bool {
        match &self.presence {
            Presence::Replaced { session_id, .. } => self
                .app
                .form_key
                .is_valid(FormHolder::Session(*session_id), token),
            Presence::Nobody | Presence::Over(_) | Presence::SignedIn(_) => false,
        }
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
    match rule.access {
        Access::Apps => return for_app(&app, rule, request, next).await,
        Access::Proxies => return for_proxy(&app, request, next).await,
        Access::ProtectedHosts => return protected::guard(&app, rule, request, next).await,
        Access::Operations | Access::Everyone | Access::People | Access::Programs => {}
    }
    if rule.from_memory
        && request.method() == Method::GET
        && let Some(answer) = live::status_from_memory(&app, request.headers())
    {
        return answer;
    }
    let (mut parts, body) = request.into_parts();
    // The body comes first: whoever holds back its last byte must not act later in
    // the name of a session that was live when the head arrived (OUT-02).
    let body = if is_safe(&parts.method) {
        Ok(Bytes::new())
    } else {
        match read_body(body, rule.body_limit).await {
            // Log out works with any body.
            Err(_) if rule.forgery == Forgery::AskedAbout => Ok(Bytes::new()),
            read => read.map_err(Refusal::Failure),
        }
    };
    let visit = match visit(&app, &parts).await {
        Ok(visit) => Arc::new(visit),
        Err(error) => return Failure::from(error).into_response(),
    };
    let mut answer = match body.and_then(|body| admit(&visit, rule, &parts).map(|()| body)) {
        Ok(body) => {
            note_activity(&visit, rule, &parts);
            parts.extensions.insert(Arc::clone(&visit));
            let acts = !is_safe(&parts.method);
            let answer = next.run(Request::from_parts(parts, Body::from(body))).await;
            if acts {
                // Whatever was done may have put something into the queue.
                app.mailing.wake();
                app.signals.wake_delivery();
            }
            answer
        }
        Err(refusal) => refusal.into_response(),
    };
    if answer.status().as_u16() >= 400 {
        let asker = match visit.live() {
            Some(live) => Asker::SignedIn(Box::new(show::frame_of(&visit, live))),
            None => Asker::Nobody,
        };
        answer.extensions_mut().insert(asker);
    }
    answer
}

/// Lets an app through: there is nobody whose cookie could be looked at.
async fn for_app(app: &App, rule: Rule, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let acts = !is_safe(&parts.method);
    let body = match read_body(body, rule.body_limit).await {
        Ok(body) => body,
        Err(failure) => return failure.into_response(),
    };
    let answer = next.run(Request::from_parts(parts, Body::from(body))).await;
    if acts {
        // A token that was used twice is told to its owner.
        app.mailing.wake();
        app.signals.wake_delivery();
    }
    answer
}

/// Lets a proxy ask, if it is one of those that the operator named: what it says of
/// the request is believed, so anybody else could have it say anything (FWD-03).
async fn for_proxy(app: &App, request: Request, next: Next) -> Response {
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map(|ConnectInfo(peer)| *peer);
    if peer.is_some_and(|peer| is_proxy(app, peer)) {
        return next.run(request).await;
    }
    tracing::warn!(
        peer = peer.map(|peer| tracing::field::display(peer.ip().to_canonical())),
        "forward-auth was asked by somebody who is not among `trusted_proxies`; refused"
    );
    StatusCode::FORBIDDEN.into_response()
}

/// Whether this is a proxy that the operator named.
pub(crate) fn is_proxy(app: &App, peer: SocketAddr) -> bool {
    let address = peer.ip().to_canonical();
    let mut trusted = app.trusted_proxies.iter();
    trusted.any(|network| network.contains(&address))
}

/// Reads a body to its end, within its limit and in reasonable time.
pub(crate) async fn read_body(body: Body, limit: usize) -> Result<Bytes, Failure> {
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
        provenance: provenance(headers, app.public_url.origin()),
        session_token,
        browser: cookies::find_token(headers, cookies::BROWSER),
        receipt_token: cookies::find_token(headers, cookies::RECEIPT).map(|token| token.digest()),
        pending_token: cookies::find_token(headers, cookies::PENDING).map(|token| token.digest()),
        trusted_token: cookies::find_token(headers, cookies::TRUSTED).map(|token| token.digest()),
        visitor_is_new: visitor.is_none(),
        visitor: visitor.unwrap_or_else(|| Token::generate(app.random.as_ref())),
        way: cookies::find_token(headers, cookies::WAY),
        phone: cookies::find_token(headers, cookies::PHONE),
        flash: cookies::find(headers, cookies::FLASH).map(str::to_owned),
        parked: cookies::find(headers, cookies::PARKED).map(str::to_owned),
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
    let reading = app.check_cache.begin(&app.store);
    let check: Check = app
        .store
        .read(move |tx| sessions::check(tx, token, &activity, now))
        .await?;
    Ok(match check {
        Check::Live(live) => {
            // A page needs more than is kept; what its background asks later does not.
            app.check_cache.keep(reading, token, &live.owned, now);
            Presence::SignedIn(live)
        }
        Check::Over(over) => Presence::Over(over),
        Check::Replaced {
            session_id,
            user_id,
        } => Presence::Replaced {
            session_id,
            user_id,
        },
        Check::Unknown => {
            app.metrics.unknown_token();
            tracing::info!("a request carried an unknown session token");
            Presence::Nobody
        }
    })
}

/// Why a request does not get to its handler.
enum Refusal {
    Failure(Failure),
    /// To the sign-in page, and back to there.
    SignIn(Option<ReturnPath>),
    /// To where a second factor is set up.
    SetUpFactor,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Failure(failure) => failure.into_response(),
            Self::SignIn(back) => {
                show::see_other(&login_returning_to(back.as_ref()), cookies::Jar::default())
            }
            Self::SetUpFactor => {
                let mut jar = cookies::Jar::default();
                Flash::SetUpFactor.set(&mut jar);
                show::see_other(links::SECURITY, jar)
            }
        }
    }
}

fn admit(visit: &Visit, rule: Rule, request: &Parts) -> Result<(), Refusal> {
    let headers = &request.headers;
    let safe = is_safe(&request.method);
    if !safe && rule.forgery == Forgery::Refused && visit.provenance != Provenance::SameOrigin {
        let failure = Failure::new(Problem::StaleForm).with_code("not-same-origin");
        return Err(Refusal::Failure(failure));
    }
    if let Some(refusal) = refuse_without_factor(visit, rule) {
        return Err(refusal);
    }
    let by_phone = visit
        .live()
        .is_some_and(|live| live.owned.session.was_let_in_by_phone());
    if by_phone && rule.own_device {
        let failure =
            Failure::saying(Problem::Forbidden, OWN_DEVICE).with_code("own-device-needed");
        return Err(Refusal::Failure(failure));
    }
    if let (Some(power), Some(live)) = (rule.power, visit.live())
        && !live.owned.user.role.has(power)
    {
        return Err(Refusal::Failure(not_allowed(power)));
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
            Err(Refusal::SignIn(back))
        }
        Access::Programs if visit.live().is_none() => Err(Refusal::Failure(not_signed_in())),
        Access::Programs if !safe && !headers.contains_key("x-nightlatch") => {
            let sentence = "Requests that change something need the header X-Nightlatch: 1.";
            let failure = Failure::saying(Problem::Forbidden, sentence).with_code("header-missing");
            Err(Refusal::Failure(failure))
        }
        Access::Operations
        | Access::Everyone
        | Access::Programs
        | Access::Apps
        | Access::Proxies
        | Access::ProtectedHosts => Ok(()),
    }
}

/// Keeps a session that must set up a second factor to the pages on which that is
/// done (POL-04); whoever holds only the password gets nowhere else.
fn refuse_without_factor(visit: &Visit, rule: Rule) -> Option<Refusal> {
    let must = visit.live().is_some_and(|live| live.must_set_up_factor);
    if !must || rule.sets_up_factor {
        return None;
    }
    match rule.access {
        Access::People => Some(Refusal::SetUpFactor),
        Access::Programs => {
            let sentence = "Set up a second step on the page Security first.";
            let failure = Failure::saying(Problem::Forbidden, sentence);
            Some(Refusal::Failure(failure.with_code("second-factor-needed")))
        }
        Access::Everyone
        | Access::Operations
        | Access::Apps
        | Access::Proxies
        | Access::ProtectedHosts => None,
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

pub(crate) fn is_safe(method: &Method) -> bool {
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
