//! The addresses of the CRM.

use std::convert::Infallible;

use axum::Router;
use axum::extract::{Form, Query, State};
use axum::http::header::{COOKIE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use futures_util::{Stream, StreamExt as _};
use serde::Deserialize;
use tokio_stream::wrappers::BroadcastStream;

use crate::pages::{CUSTOMERS, CustomersPage, TroublePage, WelcomePage, page};
use crate::sessions::{Pending, Session};
use crate::{Crm, Trouble, random_text};

/// Who is signed in.
const SESSION: &str = "crm-session";

/// A sign-in that is under way.
const PENDING: &str = "crm-sign-in";

pub(crate) fn routes(crm: Crm) -> Router {
    Router::new()
        .route("/", get(customers))
        .route("/sign-in", get(sign_in))
        .route("/callback", get(callback))
        .route("/log-out", post(log_out))
        .route("/signed-out", get(signed_out))
        .route("/back-channel-logout", post(back_channel_logout))
        .route("/events", get(events))
        .route("/style.css", get(style))
        .route("/leave.js", get(script))
        .with_state(crm)
}

#[expect(
    clippy::disallowed_methods,
    reason = "an app of its own has no clock handed in"
)]
fn now() -> i64 {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let all = headers.get(COOKIE)?.to_str().ok()?;
    let mut pairs = all
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='));
    pairs
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
}

impl Crm {
    /// Only over HTTPS where this app is reached so.
    fn set_cookie(&self, name: &str, value: &str, seconds: Option<i64>) -> String {
        let secure = if self.settings.base_url.starts_with("https://") {
            "; Secure"
        } else {
            ""
        };
        let age = seconds.map_or_else(String::new, |seconds| format!("; Max-Age={seconds}"));
        format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}")
    }

    fn session(&self, headers: &HeaderMap) -> Option<Session> {
        let cookie = cookie(headers, SESSION)?;
        self.sessions.find(&cookie, now())
    }
}

fn see_other(to: &str, cookies: &[String]) -> Response {
    let mut answer = StatusCode::SEE_OTHER.into_response();
    let headers = answer.headers_mut();
    headers.insert("cache-control", HeaderValue::from_static("no-store"));
    if let Ok(to) = HeaderValue::from_str(to) {
        headers.insert(LOCATION, to);
    }
    for cookie in cookies {
        if let Ok(cookie) = HeaderValue::from_str(cookie) {
            headers.append(SET_COOKIE, cookie);
        }
    }
    answer
}

fn in_trouble(trouble: &Trouble) -> Response {
    tracing::warn!(%trouble, "a sign-in at the CRM did not work");
    page(StatusCode::BAD_GATEWAY, &TroublePage)
}

async fn customers(State(crm): State<Crm>, headers: HeaderMap) -> Response {
    if let Some(session) = crm.session(&headers) {
        let name = &session.name;
        let customers = &CUSTOMERS;
        page(StatusCode::OK, &CustomersPage { name, customers })
    } else {
        let sentence = "Sign in to see your customers.";
        page(StatusCode::OK, &WelcomePage { sentence })
    }
}

async fn signed_out() -> Response {
    let sentence = "You are signed out of the CRM.";
    page(StatusCode::OK, &WelcomePage { sentence })
}

async fn sign_in(State(crm): State<Crm>) -> Response {
    match begin(&crm).await {
        Ok(answer) => answer,
        Err(trouble) => in_trouble(&trouble),
    }
}

async fn begin(crm: &Crm) -> Result<Response, Trouble> {
    let (state, browser) = (random_text()?, random_text()?);
    let pending = Pending::new(browser.clone(), random_text()?, random_text()?, now());
    let to = crm.provider.sign_in_address(&state, &pending).await?;
    crm.sessions.begin(state, pending);
    let bound = crm.set_cookie(PENDING, &browser, Some(15 * 60));
    Ok(see_other(&to, &[bound]))
}

#[derive(Deserialize)]
struct Answer {
    code: Option<String>,
    state: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

async fn callback(
    State(crm): State<Crm>,
    headers: HeaderMap,
    Query(answer): Query<Answer>,
) -> Response {
    match arrive(&crm, &headers, answer).await {
        Ok(answer) => answer,
        Err(trouble) => in_trouble(&trouble),
    }
}

async fn arrive(crm: &Crm, headers: &HeaderMap, answer: Answer) -> Result<Response, Trouble> {
    let browser = cookie(headers, PENDING).ok_or(Trouble::NotBegunHere)?;
    let state = answer.state.ok_or(Trouble::NotBegunHere)?;
    let pending = crm
        .sessions
        .take_pending(&state, &browser, now())
        .ok_or(Trouble::NotBegunHere)?;
    let done = crm.set_cookie(PENDING, "", Some(0));
    let Some(code) = answer.code else {
        return Err(Trouble::Refused(answer.error.unwrap_or_default()));
    };
    let issuer = answer.iss.as_deref();
    let arrived = crm
        .provider
        .exchange(&code, issuer, &pending, now())
        .await?;
    // A new cookie for each sign-in, so that none can be planted before.
    let token = random_text()?;
    let session = Session {
        subject: arrived.claims.sub,
        name: arrived.name,
        sid: arrived.claims.sid,
        id_token: arrived.id_token,
        began: now(),
    };
    if let Some(before) = cookie(headers, SESSION) {
        crm.sessions.remove(&before);
    }
    if !crm.sessions.add(token.clone(), session) {
        // It ended at the provider while the code was being exchanged.
        return Ok(see_other("/signed-out", &[done]));
    }
    let signed_in = crm.set_cookie(SESSION, &token, None);
    Ok(see_other("/", &[done, signed_in]))
}

/// Ends the session here first, so that it is over whatever happens next; then the
/// provider ends it everywhere.
async fn log_out(State(crm): State<Crm>, headers: HeaderMap) -> Response {
    // A form of another site: browsers send no cookie with it, and say so.
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    if site.is_some_and(|site| site != b"same-origin") {
        return see_other("/", &[]);
    }
    let gone = crm.set_cookie(SESSION, "", Some(0));
    let session = cookie(&headers, SESSION).and_then(|cookie| crm.sessions.remove(&cookie));
    let Some(session) = session else {
        return see_other("/signed-out", &[gone]);
    };
    match crm.provider.log_out_address(&session.id_token).await {
        Ok(to) => see_other(&to, &[gone]),
        Err(trouble) => {
            tracing::warn!(%trouble, "the provider cannot be told of a logout");
            see_other("/signed-out", &[gone])
        }
    }
}

#[derive(Deserialize)]
struct LogoutForm {
    logout_token: String,
}

/// Back-Channel Logout 2.5: 200 once the session is over here, 400 if the token is
/// not good.
async fn back_channel_logout(State(crm): State<Crm>, Form(form): Form<LogoutForm>) -> Response {
    let status = match crm.provider.check_logout(&form.logout_token, now()).await {
        Ok(token) if !crm.sessions.use_once(&token.jti, now()) => StatusCode::BAD_REQUEST,
        Ok(token) => {
            let (sid, subject) = (token.sid.as_deref(), token.sub.as_deref());
            let ended = crm.sessions.end(sid, subject, token.iat, now());
            tracing::info!(ended, "the provider told of a logout");
            StatusCode::OK
        }
        Err(Trouble::Token(problem)) => {
            tracing::warn!(%problem, "a notice of a logout was refused");
            StatusCode::BAD_REQUEST
        }
        // Not the token's fault: the provider tries again.
        Err(trouble) => {
            tracing::warn!(%trouble, "a notice of a logout could not be checked");
            StatusCode::SERVICE_UNAVAILABLE
        }
    };
    (status, [("cache-control", "no-store")]).into_response()
}

/// Says `ended` once the person is no longer signed in here, and stops.
async fn events(
    State(crm): State<Crm>,
    headers: HeaderMap,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let changes = BroadcastStream::new(crm.sessions.listen());
    // Once at the beginning: it may have ended while the page was loading.
    let begin = futures_util::stream::once(async {});
    let stream = begin
        .chain(changes.map(|_| ()))
        .filter_map(move |()| {
            let over = crm.session(&headers).is_none();
            async move { over.then(|| Ok(Event::default().event("ended").data(""))) }
        })
        .take(1);
    Sse::new(stream).keep_alive(KeepAlive::default())
}

async fn style() -> Response {
    let text = include_str!("../templates/style.css");
    ([("content-type", "text/css; charset=utf-8")], text).into_response()
}

async fn script() -> Response {
    let text = include_str!("../templates/leave.js");
    ([("content-type", "text/javascript; charset=utf-8")], text).into_response()
}
