//! One's own passkeys: the section of Security, and the pages that add and remove one.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use nightlatch_domain::ids::PasskeyId;
use nightlatch_domain::passkey::parse_passkey_name;
use nightlatch_flows::factors::FactorOutcome;
use nightlatch_flows::passkeys::manage::{self, PasskeySummary};
use nightlatch_storage::StorageError;

use crate::cookies::Jar;
use crate::failure::Failure;
use crate::guard::{Person, Visit};
use crate::links;
use crate::pages::confirm::status_of;
use crate::pages::factors::{LOG_OUT_OTHERS, Question, acting, change, follow_up, to_security};
use crate::pages::flash::{Flash, Others};
use crate::pages::proof::{Taken, Takes, asked, asked_to_change, take_proof, to_sign_in};
use crate::pages::{Fields, security};
use crate::show;
use crate::views::{
    AddPasskeyPage, Nav, PasskeyView, PasskeysView, PasswordErrors, Proof, RemovePasskeyPage,
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
    let proof = asked_to_change(&person).await?;
    show_add(&person, StatusCode::OK, proof).await
}

async fn show_add(person: &Person, status: StatusCode, proof: Proof) -> Result<Response, Failure> {
    are_possible(person)?;
    let page = AddPasskeyPage {
        frame: show::frame(&person.visit, Nav::Security).await?,
        log_out_others: true,
        proof,
    };
    show::page_with(&person.visit, status, &page, Jar::default())
}

/// `POST /account/security/passkeys/add`: the proof that adding one takes.
pub(crate) async fn prove_to_add(person: Person, fields: Fields) -> Result<Response, Failure> {
    person.visit.check_form(fields.get("csrf"))?;
    if asked_to_change(&person).await? == Proof::Fresh {
        return Ok(show::see_other(links::PASSKEY_ADD, Jar::default()));
    }
    Ok(
        match take_proof(&person, Takes::TheHighest, &fields).await? {
            Taken::Yes(jar) => show::see_other(links::PASSKEY_ADD, jar),
            Taken::Ask(error) => {
                let status = status_of(error.as_ref());
                let proof = asked(&person, Takes::TheHighest, error).await?;
                show_add(&person, status, proof).await?
            }
            Taken::SessionOver => to_sign_in(),
        },
    )
}

fn address(id: PasskeyId, act: &str) -> String {
    format!("/account/security/passkeys/{id}/{act}")
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
    let question = Question {
        does: "This renames a passkey to",
        what: name.clone(),
        action: address(id, "name"),
        button: "Save name",
        destructive: false,
        carries: &["name"],
    };
    let app = &visit.app;
    let act = || {
        let (moment, acting, name) = (app.moment(), acting(&person, false), name.clone());
        async move {
            let renamed: Result<_, StorageError> = app
                .store
                .write(move |tx| manage::rename(tx, &moment, &acting, id, &name))
                .await;
            Ok(renamed?)
        }
    };
    let answer = change(&person, &fields, &question, act, |outcome| async move {
        match outcome {
            FactorOutcome::NotFound => Err(Failure::not_found()),
            FactorOutcome::LastDemanded => {
                Ok(to_security(Flash::LastFactorDemanded, Jar::default()))
            }
            FactorOutcome::Done(_) => Ok(to_security(Flash::PasskeyRenamed, Jar::default())),
        }
    });
    Ok(answer.await)
}

/// `GET /account/security/passkeys/{id}/remove`.
pub(crate) async fn ask_to_remove(
    person: Person,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let visit = &person.visit;
    let id = parse_id(&id)?;
    let user = person.live.owned.user.id;
    let found: Result<_, StorageError> = visit
        .app
        .store
        .read(move |tx| manage::find(tx, user, id))
        .await;
    let page = RemovePasskeyPage {
        frame: show::frame(visit, Nav::Security).await?,
        passkey: show_one(visit, found?.ok_or(Failure::not_found())?),
        log_out_others: true,
        proof: asked_to_change(&person).await?,
    };
    show::page(visit, &page)
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
    let question = Question {
        does: "This removes",
        what: "a passkey from your account".to_owned(),
        action: address(id, "remove"),
        button: "Remove this passkey",
        destructive: true,
        carries: &[LOG_OUT_OTHERS],
    };
    let log_out_others = fields.is_checked(LOG_OUT_OTHERS);
    let app = &visit.app;
    let act = || {
        let (moment, acting) = (app.moment(), acting(&person, log_out_others));
        async move {
            let removed: Result<_, StorageError> = app
                .store
                .write(move |tx| manage::remove(tx, &moment, &acting, id))
                .await;
            Ok(removed?)
        }
    };
    let answer = |outcome| async {
        let changed = match outcome {
            FactorOutcome::Done(changed) => changed,
            FactorOutcome::NotFound => return Err(Failure::not_found()),
            FactorOutcome::LastDemanded => {
                return Ok(to_security(Flash::LastFactorDemanded, Jar::default()));
            }
        };
        let mut jar = Jar::default();
        follow_up(&person, &mut jar, &changed);
        Ok(to_security(
            Flash::PasskeyRemoved(Others::of(&changed)),
            jar,
        ))
    };
    Ok(change(&person, &fields, &question, act, answer).await)
}
