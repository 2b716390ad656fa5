//! `/login/factor`: the second step of signing in.
//!
//! The cookie of a sign-in that waits opens these pages and nothing else (SES-07).
//! What is asked for is decided anew on each request; the query chooses only
//! between the ways that the person has.

use std::sync::Arc;

use axum::Extension;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use nightlatch_domain::next_step::Options;
use nightlatch_flows::pending_passkey;
use nightlatch_flows::pending_sign_in::{self, Carried, Found, Given, StepOutcome, Waiting};
use nightlatch_flows::second_factor::{CodeKind, TypedCode};
use nightlatch_storage::StorageError;

use crate::cookies::{self, Jar};
use crate::failure::Failure;
use crate::guard::Visit;
use crate::links::{self, ReturnPath, login_returning_to};
use crate::pages::flash::Flash;
use crate::pages::log_in::welcome;
use crate::pages::proof::{challenge_over, wrong_code, wrong_passkey};
use crate::pages::{Fields, Query, passkey_answer, seconds_until, wait_sentence};
use crate::show;
use crate::views::{FactorPage, FactorWay, LinkView, Nav, Problem};

/// What a page shows again.
#[derive(Default)]
struct Again {
    way: Option<FactorWay>,
    error: Option<String>,
    remember_checked: bool,
}

/// `GET /login/factor`.
pub(crate) async fn get(
    Extension(visit): Extension<Arc<Visit>>,
    query: Query,
) -> Result<Response, Failure> {
    let again = Again {
        way: parse_way(query.get("way")),
        ..Again::default()
    };
    show_page(&visit, StatusCode::OK, again).await
}

/// `GET` of the address of this page's other form.
pub(crate) async fn to_page() -> Response {
    show::see_other(links::FACTOR, Jar::default())
}

/// `POST /login/factor`.
pub(crate) async fn post(
    Extension(visit): Extension<Arc<Visit>>,
    fields: Fields,
) -> Result<Response, Failure> {
    let way = parse_way(fields.get("way"));
    let mut again = Again {
        way,
        error: None,
        remember_checked: fields.is_checked("remember_browser"),
    };
    if !visit.is_own_form(fields.get("csrf")) {
        if visit.pending_token.is_none() {
            return Err(Failure::new(Problem::StaleForm).with_code("stale-form"));
        }
        again.error = Some(
            "This page had been open for too long, so we did not use what you sent. Please try once more."
                .to_owned(),
        );
        return show_page(&visit, StatusCode::FORBIDDEN, again).await;
    }
    let Some(carried) = carried(&visit) else {
        return Ok(over(&visit, ""));
    };
    let app = &visit.app;
    let outcome = go_on(&visit, carried, way, &fields, again.remember_checked).await?;
    let (counted, status, error) = match outcome {
        StepOutcome::SignedIn {
            signed_in,
            return_to,
        } => {
            app.metrics.sign_in("signed_in");
            let to = match way {
                Some(FactorWay::Recovery) => links::recovery_code_used(&return_to),
                Some(FactorWay::App | FactorWay::Passkey) | None => return_to,
            };
            return Ok(welcome(&visit, &signed_in, &to));
        }
        StepOutcome::Over { return_to } => {
            app.metrics.sign_in("step_over");
            return Ok(over(&visit, &return_to));
        }
        StepOutcome::TooManySessions => {
            app.metrics.sign_in("too_many");
            let mut jar = Jar::default();
            jar.remove(cookies::PENDING);
            Flash::TooManySessions.set(&mut jar);
            return Ok(show::see_other(links::LOGIN, jar));
        }
        StepOutcome::Wait(until) => {
            app.metrics.sign_in("throttled");
            again.error = Some(wait_sentence(&visit, until));
            let mut answer = show_page(&visit, StatusCode::TOO_MANY_REQUESTS, again).await?;
            let seconds = seconds_until(&visit, until);
            answer
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from(seconds));
            return Ok(answer);
        }
        StepOutcome::Wrong => {
            let sentence = match way {
                Some(FactorWay::Recovery) => {
                    "That is none of your recovery codes, or it was used before. Please check it and try again."
                        .to_owned()
                }
                Some(FactorWay::Passkey) => wrong_passkey(),
                Some(FactorWay::App) | None => wrong_code(),
            };
            ("wrong_code", StatusCode::UNPROCESSABLE_ENTITY, sentence)
        }
        StepOutcome::ChallengeOver => (
            "expired",
            StatusCode::UNPROCESSABLE_ENTITY,
            challenge_over(),
        ),
        StepOutcome::Off => (
            "codes_off",
            StatusCode::TOO_MANY_REQUESTS,
            "There were very many wrong codes, so codes of this kind are off for this account. Please use another way."
                .to_owned(),
        ),
    };
    app.metrics.sign_in(counted);
    again.error = Some(error);
    show_page(&visit, status, again).await
}

/// Takes what was given as the second step.
async fn go_on(
    visit: &Visit,
    carried: Carried,
    way: Option<FactorWay>,
    fields: &Fields,
    remember_browser: bool,
) -> Result<StepOutcome, Failure> {
    let app = &visit.app;
    let moment = app.moment();
    let kind = match way {
        Some(FactorWay::Passkey) => {
            // What cannot be read answers no challenge, and nothing was tried.
            let Some(answer) = passkey_answer::of_field(fields.get("passkey")) else {
                return Ok(StepOutcome::ChallengeOver);
            };
            let inner = Arc::clone(app);
            let outcome: Result<_, StorageError> = app
                .store
                .write(move |tx| {
                    let passkeys = &inner.passkeys;
                    let remember = remember_browser;
                    pending_passkey::with_passkey(
                        tx, &moment, passkeys, &carried, &answer, remember,
                    )
                })
                .await;
            return Ok(outcome?);
        }
        Some(FactorWay::Recovery) => CodeKind::Recovery,
        Some(FactorWay::App) | None => CodeKind::AuthenticatorApp,
    };
    let given = Given {
        code: TypedCode::typed(kind, fields.get("code")),
        remember_browser,
    };
    let (store, hashing, sealer) = (&app.store, &app.hashing, &app.sealer);
    let outcome: Result<_, StorageError> =
        pending_sign_in::with_code(store, hashing, sealer, &moment, carried, given).await;
    Ok(outcome?)
}

/// `POST /login/factor/start-again`: "Not you?"
pub(crate) async fn start_again(
    Extension(visit): Extension<Arc<Visit>>,
    fields: Fields,
) -> Result<Response, Failure> {
    visit.check_form(fields.get("csrf"))?;
    if let Some(token) = visit.pending_token {
        let given_up: Result<(), StorageError> = visit
            .app
            .store
            .write(move |tx| pending_sign_in::cancel(tx, token))
            .await;
        given_up?;
    }
    let mut jar = Jar::default();
    jar.remove(cookies::PENDING);
    Ok(show::see_other(links::LOGIN, jar))
}

fn parse_way(text: &str) -> Option<FactorWay> {
    [FactorWay::App, FactorWay::Passkey, FactorWay::Recovery]
        .into_iter()
        .find(|way| way.value() == text)
}

/// What this browser brings to the second step, if it is at one.
pub(crate) fn carried(visit: &Visit) -> Option<Carried> {
    Some(Carried {
        token: visit.pending_token?,
        browser: visit.browser_token(),
        trusted: visit.trusted_token,
        client: visit.client.clone(),
    })
}

/// The way back to the password, kindly, and afterwards to where one wanted to go.
fn over(visit: &Visit, return_to: &str) -> Response {
    let mut jar = Jar::default();
    if visit.pending_token.is_some() {
        jar.remove(cookies::PENDING);
        Flash::SignInOver.set(&mut jar);
    }
    let back = ReturnPath::parse(return_to, &visit.app.public_url);
    show::see_other(&login_returning_to(back.as_ref()), jar)
}

async fn show_page(visit: &Visit, status: StatusCode, again: Again) -> Result<Response, Failure> {
    let Some(carried) = carried(visit) else {
        return Ok(over(visit, ""));
    };
    let moment = visit.app.moment();
    let found: Result<Found, StorageError> = visit
        .app
        .store
        .read(move |tx| pending_sign_in::find(tx, &moment, &carried))
        .await;
    let waiting = match found? {
        Found::Waiting(waiting) => waiting,
        Found::Over { return_to } => return Ok(over(visit, &return_to)),
        Found::Unknown => return Ok(over(visit, "")),
    };
    ask(visit, status, &waiting, again).await
}

/// The ways that the person has, the most usual first.
fn ways(options: Options) -> Vec<FactorWay> {
    let all = [
        (options.authenticator_app, FactorWay::App),
        (options.passkey, FactorWay::Passkey),
        (options.recovery_code, FactorWay::Recovery),
    ];
    all.into_iter()
        .filter_map(|(has, way)| has.then_some(way))
        .collect()
}

async fn ask(
    visit: &Visit,
    status: StatusCode,
    waiting: &Waiting,
    again: Again,
) -> Result<Response, Failure> {
    let ways = ways(waiting.options);
    let way = again
        .way
        .filter(|way| ways.contains(way))
        .or_else(|| ways.first().copied())
        .unwrap_or(FactorWay::Recovery);
    let others = ways
        .into_iter()
        .filter(|other| *other != way)
        .map(|other| LinkView {
            label: other.instead().to_owned(),
            href: format!("{}?way={}", links::FACTOR, other.value()),
        })
        .collect();
    let page = FactorPage {
        frame: show::frame(visit, Nav::Elsewhere).await?,
        csrf: visit.form_token(),
        name: waiting.user.name.clone(),
        way,
        others,
        error: again.error,
        remember: waiting.may_remember_for.map(show::length),
        remember_checked: again.remember_checked,
    };
    show::page_with(visit, status, &page, Jar::default())
}
