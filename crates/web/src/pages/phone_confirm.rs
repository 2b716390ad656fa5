//! `/account/phone`: letting another computer in from one's own device.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use nightlatch_domain::phone_sign_in::{Nearness, Refusal, UserCode};
use nightlatch_flows::phone_sign_in::{self as phone, AnswerOutcome, Look, Request};
use nightlatch_storage::StorageError;

use crate::cookies::Jar;
use crate::failure::Failure;
use crate::guard::Person;
use crate::links;
use crate::pages::proof::{Takes, asked, asked_if, to_sign_in};
use crate::pages::{Fields, wait_sentence, with_proof};
use crate::show;
use crate::views::{Nav, PhoneConfirmPage, PhoneConfirmState, PhoneRequestView, Proof};

/// `GET /account/phone`: asks for the code. A picture may lead here, but it
/// carries no code: whoever photographs it must still read the screen.
pub(crate) async fn get(person: Person) -> Result<Response, Failure> {
    let rule = person.live.owned.organization.settings.policy.phone_sign_in;
    let state = match phone::may_confirm(&person.live.owned, rule) {
        Ok(()) => PhoneConfirmState::Code {
            typed: String::new(),
            error: None,
        },
        Err(refusal) => not_here(refusal),
    };
    answer(&person, StatusCode::OK, state).await
}

/// `GET` of the addresses of this page's forms.
pub(crate) async fn to_page() -> Response {
    show::see_other(links::PHONE, Jar::default())
}

async fn answer(
    person: &Person,
    status: StatusCode,
    state: PhoneConfirmState,
) -> Result<Response, Failure> {
    let page = PhoneConfirmPage {
        frame: show::frame(&person.visit, Nav::Security).await?,
        state,
    };
    show::page_with(&person.visit, status, &page, Jar::default())
}

fn not_here(refusal: Refusal) -> PhoneConfirmState {
    let sentence = match refusal {
        Refusal::SwitchedOff => {
            "Your organization has switched off signing in on other computers with a phone."
        }
        Refusal::Administrator => {
            "Administrators cannot do this: too much depends on your account. Please sign in over there with a passkey on your phone, or use your own device."
        }
        Refusal::NotFromHere => {
            "You are on a shared computer yourself. Please use your own phone or laptop for this."
        }
        Refusal::TooFarApart => {
            "That computer is far away from you, as far as we can see, so we did not let it in. If somebody sent you this code, they were trying to get into your account."
        }
    };
    PhoneConfirmState::NotHere {
        sentence: sentence.to_owned(),
    }
}

fn ask_again(typed: &str, error: String) -> PhoneConfirmState {
    PhoneConfirmState::Code {
        typed: typed.chars().take(20).collect(),
        error: Some(error),
    }
}

fn unknown() -> String {
    "No computer shows this code now. Please look again; a code works for three minutes.".to_owned()
}

/// What to show instead of a computer that waits.
fn instead(person: &Person, typed: &str, look: &Look) -> (StatusCode, PhoneConfirmState) {
    let refused = StatusCode::UNPROCESSABLE_ENTITY;
    match look {
        Look::Refused(refusal) => (StatusCode::FORBIDDEN, not_here(*refusal)),
        Look::Wait(until) => {
            let sentence = wait_sentence(&person.visit, *until);
            (StatusCode::TOO_MANY_REQUESTS, ask_again(typed, sentence))
        }
        Look::Off => (
            StatusCode::TOO_MANY_REQUESTS,
            PhoneConfirmState::NotHere {
                sentence: "There were too many wrong codes in this session. Log out and sign in again to go on.".to_owned(),
            },
        ),
        Look::Found(_) | Look::Unknown | Look::SessionOver => (refused, ask_again(typed, unknown())),
    }
}

/// `POST /account/phone`: looks the code up and shows what it would let in.
pub(crate) async fn post(person: Person, fields: Fields) -> Result<Response, Failure> {
    person.visit.check_form(fields.get("csrf"))?;
    let typed = fields.get("code").to_owned();
    match look_up(&person, &typed).await? {
        Look::Found(request) => confirm(&person, &typed, &request, Asking::default()).await,
        other => {
            let (status, state) = instead(&person, &typed, &other);
            answer(&person, status, state).await
        }
    }
}

async fn look_up(person: &Person, typed: &str) -> Result<Look, Failure> {
    let Some(code) = UserCode::typed(typed) else {
        return Ok(Look::Unknown);
    };
    let app = &person.visit.app;
    let (moment, activity) = (app.moment(), Arc::clone(&app.activity));
    let (session, client) = (person.live.owned.session.id, person.visit.client.clone());
    let found: Result<Look, StorageError> = app
        .store
        .write(move |tx| phone::look(tx, &moment, &activity, session, &client, &code))
        .await;
    Ok(found?)
}

/// What was wrong with the last try to confirm.
#[derive(Default)]
struct Asking {
    /// The proof to ask for; usually one if the last is too old.
    proof: Option<Proof>,
    in_front: Option<String>,
}

fn must_be_in_front(nearness: Nearness) -> bool {
    nearness != Nearness::SameNetwork
}

async fn confirm(
    person: &Person,
    typed: &str,
    request: &Request,
    asking: Asking,
) -> Result<Response, Failure> {
    let warning = match request.nearness {
        Nearness::SameNetwork => None,
        Nearness::SamePlace | Nearness::Unknown => Some(
            "That computer is in another network than this device. This is usual if your phone uses mobile data.",
        ),
        Nearness::OtherTown | Nearness::OtherCountry => Some(
            "That computer seems to be in another place than this device. Go on only if you stand in front of it.",
        ),
    };
    let proof = match asking.proof {
        Some(proof) => proof,
        None => asked_if(person, true).await?,
    };
    let failed = proof.error().is_some() || asking.in_front.is_some();
    let status = if failed {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let client = &request.client;
    let view = PhoneRequestView {
        code: typed.to_owned(),
        device: client.description().phrase(),
        place: client.place.clone(),
        address: client.address.map(|address| address.to_string()),
        asked: show::time(request.asked_at, person.visit.now),
        warning: warning.map(str::to_owned),
        must_be_in_front: must_be_in_front(request.nearness),
        in_front_error: asking.in_front,
        proof,
    };
    let state = PhoneConfirmState::Confirm(Box::new(view));
    answer(person, status, state).await
}

/// `POST /account/phone/confirm`: lets the computer in.
pub(crate) async fn let_in(person: Person, fields: Fields) -> Result<Response, Failure> {
    person.visit.check_form(fields.get("csrf"))?;
    let typed = fields.get("code").to_owned();
    let request = match look_up(&person, &typed).await? {
        Look::Found(request) => request,
        other => {
            let (status, state) = instead(&person, &typed, &other);
            return answer(&person, status, state).await;
        }
    };
    if must_be_in_front(request.nearness) && !fields.is_checked("in_front") {
        let asking = Asking {
            in_front: Some("Please confirm that you are in front of it.".to_owned()),
            ..Asking::default()
        };
        return confirm(&person, &typed, &request, asking).await;
    }
    let Some(code) = UserCode::typed(&typed) else {
        return Err(Failure::internal("a code was read once and not twice"));
    };
    let app = &person.visit.app;
    let act = || {
        let (moment, activity) = (app.moment(), Arc::clone(&app.activity));
        let (session, client) = (person.live.owned.session.id, person.visit.client.clone());
        let code = code.clone();
        async move {
            let outcome: Result<AnswerOutcome, StorageError> = app
                .store
                .write(move |tx| phone::approve(tx, &moment, &activity, session, &client, &code))
                .await;
            Ok(outcome?)
        }
    };
    let ask = |error| async {
        let asking = Asking {
            proof: Some(asked(&person, Takes::AnyProof, error).await?),
            in_front: None,
        };
        confirm(&person, &typed, &request, asking).await
    };
    let done = |outcome| async {
        let (status, state) = match outcome {
            AnswerOutcome::Approved => (StatusCode::OK, PhoneConfirmState::Done),
            AnswerOutcome::Not(look) => instead(&person, &typed, &look),
            AnswerOutcome::ProofNeeded => return Ok(to_sign_in()),
        };
        answer(&person, status, state).await
    };
    Ok(with_proof(&person, &fields, act, ask, done).await)
}

/// `POST /account/phone/refuse`: turns the computer away.
pub(crate) async fn turn_away(person: Person, fields: Fields) -> Result<Response, Failure> {
    person.visit.check_form(fields.get("csrf"))?;
    if let Some(code) = UserCode::typed(fields.get("code")) {
        let app = &person.visit.app;
        let (moment, activity) = (app.moment(), Arc::clone(&app.activity));
        let (session, client) = (person.live.owned.session.id, person.visit.client.clone());
        let done: Result<(), StorageError> = app
            .store
            .write(move |tx| phone::refuse(tx, &moment, &activity, session, &client, &code))
            .await;
        done?;
    }
    Ok(show::see_other(links::SECURITY, Jar::default()))
}
