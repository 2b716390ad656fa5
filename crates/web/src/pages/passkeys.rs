//! One's own passkeys: the section of Security, and the pages that add and remove one.

use std::sync::Arc;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use nightlatch_domain::ids::PasskeyId;
use nightlatch_domain::passkey::parse_passkey_name;
use nightlatch_flows::passkeys::manage::{self, MayChange, PasskeySummary, RemoveOutcome};
use nightlatch_storage::StorageError;

use crate::cookies::Jar;
use crate::failure::Failure;
use crate::guard::{Person, Visit};
use crate::links;
use crate::pages::flash::Flash;
use crate::pages::highest_proof::{self, Proven};
use crate::pages::{Fields, security};
use crate::show;
use crate::views::{
    AddPasskeyPage, Nav, PasskeyView, PasskeysView, PasswordErrors, RemovePasskeyPage,
};

/// The section of Security; `error` says what is wrong with the name of one.
pub(crate) fn view(
    visit: &Visit,
    held: Vec<PasskeySummary>,
    error: Option<(PasskeyId, String)>,
) -> Option<PasskeysView> {
    let (wrong, sentence) = error.unzip();
    visit.app.passkeys.are_possible().then(|| PasskeysView {
        held: held
            .into_iter()
            .map(|one| {
                let is_wrong = wrong == Some(one.id);
                let mut shown = show_one(visit, one);
                shown.error = sentence.clone().filter(|_| is_wrong);
                shown
            })
            .collect(),
    })
}

fn show_one(visit: &Visit, one: PasskeySummary) -> PasskeyView {
    PasskeyView {
        id: one.id.to_string(),
        name: one.name,
        added: show::time(one.created_at, visit.now),
        last_used: one.last_used_at.map(|at| show::time(at, visit.now)),
        synced: one.backed_up,
        suspicious: one.suspicious_at.is_some(),
        error: None,
    }
}

/// Passkeys at an address that can have none are nowhere.
fn are_possible(person: &Person) -> Result<(), Failure> {
    if person.visit.app.passkeys.are_possible() {
        Ok(())
    } else {
        Err(Failure::not_found())
    }
}

/// `GET /account/security/passkeys/add`.
pub(crate) async fn add(person: Person) -> Result<Response, Failure> {
    show_add(&person, None).await
}

async fn show_add(person: &Person, error: Option<String>) -> Result<Response, Failure> {
    are_possible(person)?;
    let status = status_of(error.as_ref());
    let page = AddPasskeyPage {
        frame: show::frame(&person.visit, Nav::Security).await?,
        proof: highest_proof::proof(person, error).await?,
    };
    show::page_with(&person.visit, status, &page, Jar::default())
}

const fn status_of(error: Option<&String>) -> StatusCode {
    match error {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    }
}

/// `POST /account/security/passkeys/add`: the proof that adding one takes.
pub(crate) async fn prove_to_add(person: Person, fields: Fields) -> Result<Response, Failure> {
    person.visit.check_form(fields.get("csrf"))?;
    Ok(match highest_proof::take(&person, &fields).await? {
        Proven::Yes(jar) => show::see_other(links::PASSKEY_ADD, jar),
        Proven::No(sentence) => show_add(&person, Some(sentence)).await?,
        Proven::SessionOver => show::see_other(links::LOGIN, Jar::default()),
    })
}

fn parse_id(text: &str) -> Result<PasskeyId, Failure> {
    text.parse().map_err(|_| Failure::not_found())
}

/// `POST /account/security/passkeys/{id}/name`.
pub(crate) async fn name(
    person: Person,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Failure> {
    let visit = &person.visit;
    visit.check_form(fields.get("csrf"))?;
    let id = parse_id(&id)?;
    let Some(name) = parse_passkey_name(fields.get("name")) else {
        let problem = "Please use a name of 1 to 60 characters.".to_owned();
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        let errors = PasswordErrors::default();
        return security::show_page(&person, status, errors, Some((id, problem))).await;
    };
    let user = person.live.owned.user.id;
    let renamed: Result<bool, StorageError> = visit
        .app
        .store
        .write(move |tx| manage::rename(tx, user, id, &name))
        .await;
    if !renamed? {
        return Err(Failure::not_found());
    }
    let mut jar = Jar::default();
    Flash::PasskeyRenamed.set(&mut jar);
    Ok(show::see_other(links::SECURITY, jar))
}

/// `GET /account/security/passkeys/{id}/remove`.
pub(crate) async fn ask_to_remove(
    person: Person,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    show_remove(&person, parse_id(&id)?, None).await
}

async fn show_remove(
    person: &Person,
    id: PasskeyId,
    error: Option<String>,
) -> Result<Response, Failure> {
    let visit = &person.visit;
    let user = person.live.owned.user.id;
    let found: Result<_, StorageError> = visit
        .app
        .store
        .read(move |tx| manage::find(tx, user, id))
        .await;
    let found = found?.ok_or(Failure::not_found())?;
    let status = status_of(error.as_ref());
    let page = RemovePasskeyPage {
        frame: show::frame(visit, Nav::Security).await?,
        passkey: show_one(visit, found),
        proof: highest_proof::proof(person, error).await?,
    };
    show::page_with(visit, status, &page, Jar::default())
}

/// `POST /account/security/passkeys/{id}/remove`.
pub(crate) async fn remove(
    person: Person,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Failure> {
    let visit = &person.visit;
    visit.check_form(fields.get("csrf"))?;
    let id = parse_id(&id)?;
    let mut jar = match highest_proof::take(&person, &fields).await? {
        Proven::Yes(jar) => jar,
        Proven::No(sentence) => return show_remove(&person, id, Some(sentence)).await,
        Proven::SessionOver => return Ok(show::see_other(links::LOGIN, Jar::default())),
    };
    let app = Arc::clone(&visit.app);
    let (moment, session) = (app.moment(), person.live.owned.session.id);
    let inner = Arc::clone(&app);
    let removed: Result<Option<RemoveOutcome>, StorageError> = app
        .store
        .write(
            move |tx| match manage::may_change(tx, &moment, &inner.activity, session)? {
                MayChange::Yes(owned) => manage::remove(tx, &moment, &owned, id).map(Some),
                MayChange::ProofNeeded | MayChange::SessionOver => Ok(None),
            },
        )
        .await;
    match removed? {
        None => Ok(show::see_other(links::SECURITY, jar)),
        Some(RemoveOutcome::LastDemanded) => {
            Flash::LastFactorDemanded.set(&mut jar);
            Ok(show::see_other(links::SECURITY, jar))
        }
        Some(RemoveOutcome::Removed) => {
            Flash::PasskeyRemoved.set(&mut jar);
            Ok(show::see_other(links::SECURITY, jar))
        }
        Some(RemoveOutcome::NotFound) => {
            let mut answer = Failure::not_found().into_response();
            // The proof may have given this session a new cookie.
            jar.apply(answer.headers_mut());
            Ok(answer)
        }
    }
}
