//! `/oauth2/logout`: an app sends the person here to log out (RP-Initiated Logout).
//!
//! What the request says is judged by `protocols::oidc::end_session`. No page is
//! ever shown at this address, because a hint in it would stay in the history and
//! travel in `Referer` (RPL-09): the request is parked, without its hint, in a
//! sealed cookie, and the page stands at `/oauth2/logout/continue`. The same hop
//! brings the session cookie along, which browsers do not send with a form of
//! another site (RPL-08).

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nightlatch_domain::Timestamp;
use nightlatch_flows::own_endings::{OwnEnding, OwnEndingOutcome};
use nightlatch_flows::sealing::Place;
use nightlatch_protocols::oidc::end_session::{
    Asked, Decision, EndSessionRequest, Facts, Here, Hinted, Way, decide, facts, unregistered,
    way_home,
};
use nightlatch_storage::StorageError;
use serde::{Deserialize, Serialize};

use crate::cookies::{self, Jar};
use crate::failure::Failure;
use crate::guard::{Presence, Visit};
use crate::links;
use crate::pages::log_out::{farewell, is_forged};
use crate::pages::{Fields, end, signed_out};
use crate::receipts;
use crate::same_origin::Provenance;
use crate::show;
use crate::views::{EndSessionPage, LinkView, Nav};

/// How long a parked request is good.
const PARKED_FOR: Duration = Duration::from_mins(15);

/// The longest value of a cookie that every browser takes, with some room for its
/// name and attributes.
const LONGEST_COOKIE: usize = 3_800;

const PLACE: Place<'static> = Place {
    purpose: "request of an app to log out",
    table: "",
    row: b"",
    owner: b"",
};

/// What is parked.
#[derive(Serialize, Deserialize)]
struct Parked {
    asked: Asked,
    at: i64,
}

/// `GET /oauth2/logout`.
pub(crate) async fn get(
    Extension(visit): Extension<Arc<Visit>>,
    method: Method,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Failure> {
    if !is_navigation(&method, &headers) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let asked = read(&visit, uri.query().unwrap_or_default().as_bytes()).await?;
    answer(&visit, &asked, Step::First).await
}

/// `POST /oauth2/logout`.
pub(crate) async fn post(
    Extension(visit): Extension<Arc<Visit>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    let is_form = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"));
    if !is_navigation(&Method::GET, &headers) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let asked = read(&visit, if is_form { &body } else { b"" }).await?;
    // RPL-08: that no cookie came along says nothing yet about this browser.
    if visit.session_token.is_none() && visit.provenance != Provenance::SameOrigin {
        let known = look(&visit, &asked).await?;
        log_refused_address(&asked, &known);
        return Ok(hop(&visit, &asked, &known, Jar::default()));
    }
    answer(&visit, &asked, Step::First).await
}

/// `GET /oauth2/logout/continue`: the same request, by its cookie.
pub(crate) async fn resume(
    Extension(visit): Extension<Arc<Visit>>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    if !is_navigation(&method, &headers) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let asked = visit.parked.as_deref().and_then(|text| open(&visit, text));
    answer(&visit, &asked.unwrap_or_default(), Step::Resumed).await
}

/// `POST /oauth2/logout/continue`: the person said yes. The same protection as the
/// button Log out: our own page, or the token of a form of ours (B9, B10).
pub(crate) async fn confirm(
    Extension(visit): Extension<Arc<Visit>>,
    fields: Result<Fields, Failure>,
) -> Result<Response, Failure> {
    if is_forged(&visit, fields.as_ref().ok()) {
        return Ok(show::see_other(links::END_SESSION_CONTINUE, Jar::default()));
    }
    let asked = match &fields {
        Ok(fields) => open(&visit, fields.get("request")),
        Err(_) => None,
    };
    let asked = asked.unwrap_or_default();
    let known = look(&visit, &asked).await?;
    let way = way_home(&asked, &known);
    log_out(&visit, &asked, &known, way).await
}

/// Whether the browser is going to show the answer. Images, frames, scripts and
/// pages loaded ahead of a click end nothing (B9).
fn is_navigation(method: &Method, headers: &HeaderMap) -> bool {
    let header = |name: &str| {
        headers
            .get(name)
            .map(|value| value.to_str().unwrap_or("?").to_ascii_lowercase())
    };
    let ahead = ["sec-purpose", "purpose", "x-moz"]
        .iter()
        .any(|name| header(name).is_some_and(|value| value.contains("prefetch")));
    let shown = header("sec-fetch-dest").is_none_or(|dest| dest == "document")
        && header("sec-fetch-mode").is_none_or(|mode| mode == "navigate");
    *method == Method::GET && shown && !ahead
}

/// Reads a request. Keys are looked up once more if this process has none yet.
async fn read(visit: &Visit, encoded: &[u8]) -> Result<Asked, Failure> {
    let app = &visit.app;
    let mut keys = app.signing.current();
    if keys.published(visit.now).is_empty() {
        let refreshed = app
            .signing
            .refresh(&app.store, &app.sealer, &app.moment(), &[])
            .await;
        if let Err(error) = refreshed {
            return Err(Failure::internal(error.to_string()));
        }
        keys = app.signing.current();
    }
    let request = EndSessionRequest::parse(encoded);
    Ok(Asked::of(request, &keys, app.public_url.origin()))
}

async fn look(visit: &Visit, asked: &Asked) -> Result<Facts, Failure> {
    let (asked, activity) = (asked.clone(), Arc::clone(&visit.app.activity));
    let now = visit.now;
    let found: Result<Facts, StorageError> = visit
        .app
        .store
        .read(move |tx| facts(tx, &activity, &asked, now))
        .await;
    Ok(found?)
}

const fn here(visit: &Visit) -> Here {
    match &visit.presence {
        Presence::Nobody => Here::Nobody,
        Presence::Over(over) => Here::Over(over.session_id, over.user_id),
        // It lives, and may log out with the token that it had a moment ago.
        Presence::Replaced {
            session_id,
            user_id,
        } => Here::SignedIn(*session_id, *user_id),
        Presence::SignedIn(live) => {
            Here::SignedIn(live.owned.session.id, live.owned.session.user_id)
        }
    }
}

/// How far a request has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// It stands in the address or the form: nothing is shown yet.
    First,
    /// It came back by its cookie.
    Resumed,
}

async fn answer(visit: &Visit, asked: &Asked, step: Step) -> Result<Response, Failure> {
    let known = look(visit, asked).await?;
    if step == Step::First {
        log_refused_address(asked, &known);
    }
    match decide(asked, here(visit), &known) {
        Decision::End(way) => log_out(visit, asked, &known, way).await,
        Decision::Leave(Way::Return(address)) => {
            let mut jar = Jar::default();
            jar.remove(cookies::PARKED);
            Ok(show::see_other(&address, jar))
        }
        Decision::Ask | Decision::Leave(Way::Page) if step == Step::First => {
            Ok(hop(visit, asked, &known, Jar::default()))
        }
        Decision::Ask => ask(visit, asked, &known).await,
        Decision::Leave(Way::Page) => signed_out::show(visit, way_back(asked, &known)).await,
    }
}

/// To the page of this request, which stands at an address without it.
fn hop(visit: &Visit, asked: &Asked, known: &Facts, mut jar: Jar) -> Response {
    match park(visit, asked, known) {
        Some(sealed) => jar.set_parked(&sealed),
        None if visit.parked.is_some() => jar.remove(cookies::PARKED),
        None => {}
    }
    show::see_other(links::END_SESSION_CONTINUE, jar)
}

/// Ends the session of this browser, tells the apps, and sends the person on.
async fn log_out(
    visit: &Visit,
    asked: &Asked,
    known: &Facts,
    way: Way,
) -> Result<Response, Failure> {
    let mut jar = Jar::default();
    let (mut receipt, mut shared) = (None, visit.is_shared());
    if let OwnEndingOutcome::Done(done) = end(visit, OwnEnding::This).await? {
        shared = done.shared;
        if let Some(token) = done.receipt {
            jar.set_receipt(&token, done.shared);
            receipt = Some(token.digest());
        }
    }
    jar.remove(cookies::SESSION);
    let to = match way {
        Way::Return(address) => {
            jar.remove(cookies::PARKED);
            if let Some(receipt) = receipt {
                // The session is over, come what may: a database that fails now must
                // not keep anybody here.
                drop(receipts::wait_for_answers(&visit.app, receipt).await);
            }
            address
        }
        // The page that leads back to the app.
        Way::Page if known.app.is_some() => {
            match park(visit, asked, known) {
                Some(sealed) => jar.set_parked(&sealed),
                None => jar.remove(cookies::PARKED),
            }
            links::END_SESSION_CONTINUE.to_owned()
        }
        Way::Page => {
            jar.remove(cookies::PARKED);
            links::SIGNED_OUT.to_owned()
        }
    };
    Ok(farewell(jar, &to, shared))
}

async fn ask(visit: &Visit, asked: &Asked, known: &Facts) -> Result<Response, Failure> {
    let other = asked
        .hint
        .filter(|_| known.hinted != Hinted::Unknown)
        .is_some_and(|hint| match here(visit) {
            Here::SignedIn(_, user) => hint.user != user,
            Here::Nobody | Here::Over(..) => false,
        });
    let page = EndSessionPage {
        frame: show::frame(visit, Nav::Elsewhere).await?,
        csrf: visit.form_token(),
        request: park(visit, asked, known).unwrap_or_default(),
        app: known.app.as_ref().map(|app| app.name.clone()),
        for_somebody_else: other,
    };
    show::page(visit, &page)
}

/// A link to where the person came from: the address that the app asked for, if it is
/// registered, or the app's start page (B6).
fn way_back(asked: &Asked, known: &Facts) -> Option<LinkView> {
    let app = known.app.as_ref()?;
    let home = app.registration.home.as_ref();
    let href = match way_home(asked, known) {
        Way::Return(address) => address,
        Way::Page => home?.as_str().to_owned(),
    };
    Some(LinkView {
        label: format!("Back to {}", app.name),
        href,
    })
}

/// The one line that tells an operator why nobody is sent back (B6). It never holds
/// the query of the request, nor what the hint says (RPL-09).
fn log_refused_address(asked: &Asked, known: &Facts) {
    if let Some(refused) = unregistered(asked, known) {
        tracing::warn!(
            app = refused.app,
            received = refused.received,
            nearest_registered = refused.nearest,
            "an app asked for a return address after logout that is not registered for it; \
             the person was logged out and stays on our page"
        );
    }
}

/// Seals what must survive the hop. What is not registered is left behind, and so is
/// what does not fit into a cookie.
fn park(visit: &Visit, asked: &Asked, known: &Facts) -> Option<String> {
    let mut asked = asked.clone();
    if way_home(&asked, known) == Way::Page {
        asked.return_to = None;
        asked.state = None;
    }
    if asked == Asked::default() {
        return None;
    }
    for attempt in 0..3 {
        match attempt {
            0 => {}
            1 => asked.state = None,
            _ => asked.return_to = None,
        }
        let parked = Parked {
            asked: asked.clone(),
            at: visit.now.milliseconds(),
        };
        let text = serde_json::to_vec(&parked).ok()?;
        let app = &visit.app;
        let sealed = app.sealer.seal(&PLACE, app.random.as_ref(), &text).ok()?;
        let encoded = URL_SAFE_NO_PAD.encode(sealed);
        if encoded.len() <= LONGEST_COOKIE {
            return Some(encoded);
        }
    }
    None
}

fn open(visit: &Visit, text: &str) -> Option<Asked> {
    let sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
    let opened = visit.app.sealer.open(&PLACE, &sealed).ok()?;
    let parked: Parked = serde_json::from_slice(&opened).ok()?;
    let at = Timestamp::from_milliseconds(parked.at);
    (visit.now < at.plus(PARKED_FOR)).then_some(parked.asked)
}
