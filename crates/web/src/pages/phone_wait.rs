//! `/login/phone`: signing in here by the word of a phone. No secret is typed on
//! this computer.

use std::sync::Arc;

use axum::Extension;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use nightlatch_domain::phone_sign_in::UserCode;
use nightlatch_domain::secret::Token;
use nightlatch_flows::phone_sign_in::{self as phone, AskOutcome, Held, Progress, RedeemOutcome};
use nightlatch_flows::sign_in::SignInOutcome;
use nightlatch_storage::StorageError;

use crate::cookies::{self, Jar};
use crate::failure::Failure;
use crate::guard::Visit;
use crate::links;
use crate::pages::flash::TOO_MANY_SESSIONS;
use crate::pages::{Fields, log_in, way_back};
use crate::qr_code::qr_code;
use crate::show;
use crate::views::{Nav, PhoneWaitPage, PhoneWaitState, ReplaceView};

/// `GET /login/phone`: shows how far it is, and changes nothing.
pub(crate) async fn get(
    Extension(visit): Extension<Arc<Visit>>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    // The script of the page looks first, and loads it when there is news: the cookie
    // stays until the person has been told.
    let mode = headers.get("sec-fetch-mode").map(HeaderValue::as_bytes);
    let is_look = mode.is_some_and(|mode| mode != b"navigate");
    let Some(token) = visit.phone.clone() else {
        return before(&visit, StatusCode::OK, None, Jar::default()).await;
    };
    let (moment, activity) = (visit.app.moment(), Arc::clone(&visit.app.activity));
    let digest = token.digest();
    let progress: Result<Progress, StorageError> = visit
        .app
        .store
        .read(move |tx| phone::progress(tx, &moment, &activity, digest))
        .await;
    let state = match progress? {
        Progress::Waiting { until } => {
            let address = visit.app.public_url.address_of(links::PHONE);
            PhoneWaitState::Waiting {
                code: UserCode::of(&token).grouped(),
                picture: qr_code(&address, "QR code of the same address")?,
                address: address
                    .split_once("://")
                    .map_or(address.clone(), |(_, rest)| rest.to_owned()),
                until: show::time(until, visit.now),
            }
        }
        Progress::Approved(user) => PhoneWaitState::Approved {
            name: user.name.clone(),
            email: user.email.to_string(),
            replace: visit
                .live()
                .filter(|live| live.owned.user.id != user.id)
                .map(|live| ReplaceView {
                    id: live.owned.session.id.to_string(),
                    name: live.owned.user.name.clone(),
                }),
        },
        Progress::Refused => {
            let sentence = "The phone said no, so nobody was signed in here.";
            return say_over(&visit, sentence, is_look).await;
        }
        Progress::Over => return say_over(&visit, over(), is_look).await,
    };
    show_state(&visit, StatusCode::OK, state, Jar::default()).await
}

/// `GET` of the addresses of this page's forms.
pub(crate) async fn to_page() -> Response {
    show::see_other(links::LOGIN_PHONE, Jar::default())
}

fn over() -> &'static str {
    "That code is too old, or it was used. Please begin again with a new one."
}

async fn say_over(visit: &Visit, sentence: &str, is_look: bool) -> Result<Response, Failure> {
    if is_look {
        let problem = Some(sentence.to_owned());
        return before(visit, StatusCode::OK, problem, Jar::default()).await;
    }
    start_over(visit, sentence).await
}

async fn start_over(visit: &Visit, sentence: &str) -> Result<Response, Failure> {
    let mut jar = Jar::default();
    jar.remove(cookies::PHONE);
    before(visit, StatusCode::OK, Some(sentence.to_owned()), jar).await
}

async fn before(
    visit: &Visit,
    status: StatusCode,
    problem: Option<String>,
    jar: Jar,
) -> Result<Response, Failure> {
    show_state(visit, status, PhoneWaitState::Before { problem }, jar).await
}

async fn show_state(
    visit: &Visit,
    status: StatusCode,
    state: PhoneWaitState,
    jar: Jar,
) -> Result<Response, Failure> {
    let page = PhoneWaitPage {
        frame: show::frame(visit, Nav::Elsewhere).await?,
        csrf: visit.form_token(),
        sign_in_href: way_back::login(visit).await?,
        state,
    };
    show::page_with(visit, status, &page, jar)
}

/// `POST /login/phone`: a code is shown from now on.
pub(crate) async fn post(
    Extension(visit): Extension<Arc<Visit>>,
    fields: Fields,
) -> Result<Response, Failure> {
    visit.check_form(fields.get("csrf"))?;
    let (moment, client) = (visit.app.moment(), visit.client.clone());
    let asked: Result<AskOutcome, StorageError> = visit
        .app
        .store
        .write(move |tx| phone::ask(tx, &moment, &client))
        .await;
    match asked? {
        AskOutcome::Waiting(token) => {
            let mut jar = Jar::default();
            jar.set_phone(&token);
            Ok(show::see_other(links::LOGIN_PHONE, jar))
        }
        AskOutcome::TooMany => {
            let sentence = "Many computers near you are waiting for a phone just now. Please try again in three minutes.";
            let status = StatusCode::TOO_MANY_REQUESTS;
            before(&visit, status, Some(sentence.to_owned()), Jar::default()).await
        }
    }
}

/// `POST /login/phone/cancel`: forgets the code. The row expires by itself.
pub(crate) async fn cancel(
    Extension(visit): Extension<Arc<Visit>>,
    fields: Fields,
) -> Result<Response, Failure> {
    visit.check_form(fields.get("csrf"))?;
    let mut jar = Jar::default();
    jar.remove(cookies::PHONE);
    Ok(show::see_other(&way_back::login(&visit).await?, jar))
}

/// `POST /login/phone/continue`: the session begins.
pub(crate) async fn go_on(
    Extension(visit): Extension<Arc<Visit>>,
    fields: Fields,
) -> Result<Response, Failure> {
    visit.check_form(fields.get("csrf"))?;
    let Some(token) = visit.phone.as_ref().map(Token::digest) else {
        return start_over(&visit, over()).await;
    };
    let back = way_back::find(&visit).await?.map(|way| way.href);
    let (moment, activity) = (visit.app.moment(), Arc::clone(&visit.app.activity));
    let held = Held {
        replaces: visit.session_token,
        keeps: visit
            .live()
            .filter(|live| fields.get("replace") != live.owned.session.id.to_string())
            .map(|live| live.owned.user.id),
    };
    let client = visit.client.clone();
    let outcome: Result<RedeemOutcome, StorageError> = visit
        .app
        .store
        .write(move |tx| phone::redeem(tx, &moment, &activity, token, held, &client))
        .await;
    match outcome? {
        RedeemOutcome::SignIn(SignInOutcome::SignedIn(signed_in)) => {
            let mut answer = log_in::welcome(&visit, &signed_in, &back.unwrap_or_default());
            let mut jar = Jar::default();
            jar.remove(cookies::PHONE);
            jar.apply(answer.headers_mut());
            Ok(answer)
        }
        RedeemOutcome::SignIn(SignInOutcome::TooManySessions) => {
            start_over(&visit, TOO_MANY_SESSIONS).await
        }
        // Somebody signed in here since the page was made: it says so now.
        RedeemOutcome::SomebodyElse => Ok(show::see_other(links::LOGIN_PHONE, Jar::default())),
        RedeemOutcome::Elsewhere => {
            let sentence = "This computer is not where the code was shown, so nobody was signed in. Please begin again \
                            here, with a new code.";
            start_over(&visit, sentence).await
        }
        RedeemOutcome::SignIn(_) | RedeemOutcome::Over => start_over(&visit, over()).await,
    }
}
