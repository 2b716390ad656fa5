//! The addresses of the CRM, and signing in and out.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::extract::{Form, Query, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use futures_util::{Stream, StreamExt as _};
use openidconnect::CsrfToken;
use serde::Deserialize;
use tokio_stream::wrappers::{BroadcastStream, IntervalStream};
use url::form_urlencoded::byte_serialize;

use crate::answers::{PENDING, SESSION, is_own_form, own_path, page, see_other};
use crate::live::News;
use crate::pages::{TroublePage, WelcomePage};
use crate::sessions::{Pending, Session};
use crate::{Crm, Trouble, now, records};

/// How long a sign-in may take, in seconds.
const PENDING_SECONDS: i64 = 15 * 60;

/// Chromium keeps a page for Back although it says `no-store`, until a later answer sets a
/// cookie. The pages that people land on when they are signed out do.
const LET_GO: &str = "crm-let-go";

/// How often an open page is looked after without news: time ends sessions, too.
const LOOK: Duration = Duration::from_secs(30);

pub(crate) fn routes(crm: Crm) -> Router {
    Router::new()
        .route("/", get(first))
        .route("/sign-in", get(sign_in))
        .route("/callback", get(callback))
        .route("/log-out", post(log_out))
        .route("/signed-out", get(signed_out))
        .route("/back-channel-logout", post(back_channel_logout))
        .route("/events", get(events))
        .route("/style.css", get(style))
        .route("/live.js", get(script))
        .route("/live-worker.js", get(worker))
        .merge(records::routes())
        .with_state(crm)
}

/// A secret for a cookie: 256 random bits.
fn random_text() -> String {
    CsrfToken::new_random_len(32).into_secret()
}

#[derive(Deserialize)]
struct Wanted {
    to: Option<String>,
}

async fn first(
    State(crm): State<Crm>,
    headers: HeaderMap,
    Query(wanted): Query<Wanted>,
) -> Response {
    let to = own_path(wanted.to.as_deref());
    if crm.session(&headers).is_some() {
        return see_other(to, &[]);
    }
    let to: String = byte_serialize(to.as_bytes()).collect();
    let was_here = crm.cookie(&headers, SESSION).is_some();
    let sentence = if was_here {
        "You have been signed out. Sign in to go on."
    } else {
        "Sign in to see your customers."
    };
    let template = WelcomePage {
        sentence,
        sign_in: format!("/sign-in?to={to}"),
        provider: None,
    };
    crm.goodbye(&template)
}

#[derive(Deserialize)]
struct SignedOut {
    only_here: Option<String>,
}

async fn signed_out(State(crm): State<Crm>, Query(how): Query<SignedOut>) -> Response {
    let template = if how.only_here.is_some() {
        WelcomePage {
            sentence: "You are signed out of the CRM. The sign-in service could not be reached, \
                       so you may still be signed in there.",
            sign_in: "/sign-in".to_owned(),
            provider: Some(&crm.settings.issuer),
        }
    } else {
        WelcomePage {
            sentence: "You are signed out of the CRM.",
            sign_in: "/sign-in".to_owned(),
            provider: None,
        }
    };
    crm.goodbye(&template)
}

impl Crm {
    /// A page for somebody who is not signed in, with nothing of theirs behind it.
    fn goodbye(&self, template: &WelcomePage<'_>) -> Response {
        let mut answer = page(StatusCode::OK, template);
        let cookie = self.set_cookie(LET_GO, &random_text(), Some(60));
        if let Ok(cookie) = cookie.parse() {
            answer.headers_mut().append(SET_COOKIE, cookie);
        }
        answer
    }
}

#[derive(Deserialize)]
struct SignIn {
    to: Option<String>,
    /// Whether the person wants to be asked which account to use.
    choose: Option<String>,
}

async fn sign_in(State(crm): State<Crm>, Query(wanted): Query<SignIn>) -> Response {
    let journey = match crm.provider.journey(wanted.choose.is_some(), now()).await {
        Ok(journey) => journey,
        Err(trouble) => return in_trouble(&trouble),
    };
    let browser = random_text();
    let bound = crm.set_cookie(PENDING, &browser, Some(PENDING_SECONDS));
    let pending = Pending {
        cookie: browser,
        ticket: journey.ticket,
        to: own_path(wanted.to.as_deref()).to_owned(),
        began: now(),
    };
    crm.sessions.begin(journey.state, pending);
    see_other(&journey.address, &[bound])
}

fn in_trouble(trouble: &Trouble) -> Response {
    tracing::warn!(%trouble, "a sign-in at the CRM did not work");
    let (status, title, sentence) = match trouble {
        Trouble::Refused(why) if why == "access_denied" => (
            StatusCode::OK,
            "You are not signed in",
            "The sign-in was cancelled. Nothing else has happened.",
        ),
        Trouble::NotBegunHere => (
            StatusCode::BAD_REQUEST,
            "Please sign in once more",
            "This sign-in took too long, or was begun in another browser.",
        ),
        Trouble::Provider(_) => (
            StatusCode::BAD_GATEWAY,
            "The sign-in service does not answer",
            "You could not be signed in. Nothing is wrong with your account; \
             please try again in a moment.",
        ),
        Trouble::Refused(_) | Trouble::OtherProvider | Trouble::IdToken(_) => (
            StatusCode::BAD_REQUEST,
            "You could not be signed in",
            "Nothing is wrong with your account; please try once more.",
        ),
    };
    let template = TroublePage {
        title,
        sentence,
        way_out: ("Try again", "/sign-in"),
    };
    page(status, &template)
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
    let browser = crm.cookie(headers, PENDING).ok_or(Trouble::NotBegunHere)?;
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
        .exchange(code, issuer, pending.ticket, now())
        .await?;
    // A new cookie for each sign-in, so that none can be planted before.
    let token = random_text();
    let session = Session {
        subject: arrived.subject,
        name: arrived.name,
        email: arrived.email,
        sid: arrived.sid,
        authenticated: arrived.authenticated,
        id_token: arrived.id_token,
        began: now(),
    };
    if let Some(before) = crm.cookie(headers, SESSION) {
        crm.sessions.remove(&before);
    }
    if !crm.sessions.add(token.clone(), session) {
        // It ended at the provider while the code was being exchanged.
        return Ok(see_other("/signed-out", &[done]));
    }
    let signed_in = crm.set_cookie(SESSION, &token, None);
    Ok(see_other(&pending.to, &[done, signed_in]))
}

/// Ends the session here first, so that it is over whatever happens next; then the
/// provider ends it everywhere.
async fn log_out(State(crm): State<Crm>, headers: HeaderMap) -> Response {
    // Else any page could sign people out.
    if !is_own_form(&headers) {
        return see_other("/", &[]);
    }
    let gone = crm.set_cookie(SESSION, "", Some(0));
    let cookie = crm.cookie(&headers, SESSION);
    let Some(session) = cookie.and_then(|cookie| crm.sessions.remove(&cookie)) else {
        return see_other("/signed-out", &[gone]);
    };
    match crm.provider.log_out_address(&session.id_token, now()).await {
        Ok(to) => see_other(&to, &[gone]),
        Err(trouble) => {
            tracing::warn!(%trouble, "the provider cannot be told of a logout");
            see_other("/signed-out?only_here", &[gone])
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
        Ok(Ok(notice)) => match crm.sessions.end(&notice, now()) {
            Some(ended) => {
                tracing::info!(ended, "the provider told of a logout");
                StatusCode::OK
            }
            None => StatusCode::BAD_REQUEST,
        },
        Ok(Err(problem)) => {
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

/// Says `ended` once the person is no longer signed in here, and stops; until then, which
/// records were changed.
async fn events(
    State(crm): State<Crm>,
    headers: HeaderMap,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    // Who has missed news looks as if there were some.
    let news = BroadcastStream::new(crm.live.listen()).map(|news| news.unwrap_or(News::Sessions));
    // The first look is at once: it may have ended while the page was loading.
    let looks = IntervalStream::new(tokio::time::interval(LOOK)).map(|_| News::Sessions);
    let stream = futures_util::stream::select(looks, news)
        .map(move |news| (crm.session(&headers).is_none(), news))
        .scan(false, |was_over, (is_over, news)| {
            let said = (!*was_over).then_some((is_over, news));
            *was_over = is_over;
            std::future::ready(said)
        })
        .filter_map(|(is_over, news)| {
            let event = match (is_over, news) {
                // Browsers pass over an event without data.
                (true, _) => Some(Event::default().event("ended").data("now")),
                (false, News::Changed(path)) => Some(Event::default().event("changed").data(path)),
                (false, News::Sessions) => None,
            };
            std::future::ready(event.map(Ok))
        });
    Sse::new(stream).keep_alive(KeepAlive::default())
}

async fn style() -> Response {
    let text = include_str!("../templates/style.css");
    ([("content-type", "text/css; charset=utf-8")], text).into_response()
}

async fn script() -> Response {
    let text = include_str!("../templates/live.js");
    ([("content-type", "text/javascript; charset=utf-8")], text).into_response()
}

async fn worker() -> Response {
    let text = include_str!("../templates/live-worker.js");
    ([("content-type", "text/javascript; charset=utf-8")], text).into_response()
}
