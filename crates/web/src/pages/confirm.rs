//! Pages that ask before other sessions end.

use std::sync::Arc;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use nightlatch_domain::ids::SessionId;
use nightlatch_flows::own_apps;
use nightlatch_flows::own_endings::{OwnEnding, planted_in};
use nightlatch_flows::sessions::ListedSession;
use nightlatch_storage::{StorageError, events};

use crate::cookies::Jar;
use crate::failure::Failure;
use crate::guard::Person;
use crate::links;
use crate::pages::proof::Takes;
use crate::pages::sessions::{act, count, device, list};
use crate::pages::{Fields, proof};
use crate::show;
use crate::views::{
    ConfirmItsYouPage, HiddenField, LogOutManyPage, LogOutScope, Nav, NotMePage, Proof,
};

/// `GET /account/sessions/log-out-all`: counts what will end (UI-09).
pub(crate) async fn all(person: Person) -> Result<Response, Failure> {
    show_many(&person, LogOutScope::All, false, Asking::IfStale).await
}

/// `GET /account/sessions/log-out-others`.
pub(crate) async fn others(person: Person) -> Result<Response, Failure> {
    show_many(&person, LogOutScope::Others, false, Asking::IfStale).await
}

/// `POST /account/sessions/log-out-all`.
pub(crate) async fn log_out_all(person: Person, fields: Fields) -> Result<Response, Failure> {
    person.visit.check_form(fields.get("csrf"))?;
    let long_lived = fields.is_checked("long_lived");
    act(&person, OwnEnding::All { long_lived }, &fields).await
}

/// `POST /account/sessions/log-out-others`.
pub(crate) async fn log_out_others(person: Person, fields: Fields) -> Result<Response, Failure> {
    person.visit.check_form(fields.get("csrf"))?;
    act(&person, OwnEnding::AllOthers, &fields).await
}

fn others_of(person: &Person, listed: Vec<ListedSession>) -> Vec<ListedSession> {
    let current = person.live.owned.session.id;
    listed
        .into_iter()
        .filter(|one| one.session.id != current)
        .collect()
}

/// How a page asks for a proof.
enum Asking {
    /// It was opened: if the last one is too old.
    IfStale,
    /// Its form was sent and takes one; what was wrong with the last try.
    Again(Option<String>),
}

impl Asking {
    fn status(&self) -> StatusCode {
        match self {
            Self::Again(error) => status_of(error.as_ref()),
            Self::IfStale => StatusCode::OK,
        }
    }

    async fn proof(self, person: &Person, takes_one: bool) -> Result<Proof, Failure> {
        match self {
            Self::IfStale => proof::asked_if(person, takes_one).await,
            Self::Again(error) => proof::asked(person, Takes::AnyProof, error).await,
        }
    }
}

async fn show_many(
    person: &Person,
    scope: LogOutScope,
    long_lived_checked: bool,
    asking: Asking,
) -> Result<Response, Failure> {
    let long_lived = match scope {
        LogOutScope::All => count_long_lived(person).await?,
        LogOutScope::Others => 0,
    };
    let listed = list(person).await?;
    let others = others_of(person, listed.clone());
    let (sessions, browsers) = match scope {
        LogOutScope::All => count(&listed),
        LogOutScope::Others => count(&others),
    };
    let status = asking.status();
    let page = LogOutManyPage {
        frame: show::frame(&person.visit, Nav::Sessions).await?,
        scope,
        sessions,
        browsers,
        long_lived,
        long_lived_checked,
        proof: asking.proof(person, !others.is_empty()).await?,
    };
    show::page_with(&person.visit, status, &page, Jar::default())
}

/// How many apps may go on when the person is not there.
pub(crate) async fn count_long_lived(person: &Person) -> Result<u64, Failure> {
    let (user, now) = (person.live.owned.user.clone(), person.visit.now);
    let found: Result<_, StorageError> = person
        .visit
        .app
        .store
        .read(move |tx| own_apps::count_long_lived(tx, &user, now))
        .await;
    Ok(found?)
}

/// The status of a page that asks for a proof.
pub(crate) fn status_of(error: Option<&String>) -> StatusCode {
    match error {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    }
}

/// Asks for a proof before an act, on the page that belongs to the act, so
/// that the person goes on exactly where they were (UI-06).
pub(crate) async fn ask_for_proof(
    person: &Person,
    wanted: &OwnEnding,
    error: Option<String>,
) -> Result<Response, Failure> {
    let (what, action, ids) = match wanted {
        OwnEnding::All { long_lived } => {
            let asking = Asking::Again(error);
            return show_many(person, LogOutScope::All, *long_lived, asking).await;
        }
        OwnEnding::AllOthers => {
            return show_many(person, LogOutScope::Others, false, Asking::Again(error)).await;
        }
        OwnEnding::NotMe(id) => return show_not_me(person, *id, Asking::Again(error)).await,
        OwnEnding::This => ("this browser".to_owned(), "/logout".to_owned(), Vec::new()),
        OwnEnding::One(id) => {
            let listed = list(person).await?;
            let Some(one) = listed.iter().find(|one| one.session.id == *id) else {
                return Err(Failure::not_found());
            };
            let place = one.session.client.place.as_ref();
            let place = place.map_or_else(String::new, |place| format!(", {place}"));
            (
                format!("{}{place}", device(one)),
                format!("{}/{id}/log-out", links::SESSIONS),
                Vec::new(),
            )
        }
        OwnEnding::Selected(ids) => {
            let words = match ids.len() {
                1 => "the session that you chose".to_owned(),
                number => format!("the {number} sessions that you chose"),
            };
            let action = format!("{}/log-out-selected", links::SESSIONS);
            (words, action, ids.clone())
        }
    };
    let status = status_of(error.as_ref());
    let page = ConfirmItsYouPage {
        frame: show::frame(&person.visit, Nav::Sessions).await?,
        does: "This logs out".to_owned(),
        what,
        action,
        fields: ids
            .iter()
            .map(|id| HiddenField {
                name: "session".to_owned(),
                value: id.to_string(),
            })
            .collect(),
        button: "Log out".to_owned(),
        destructive: true,
        cancel_href: links::SESSIONS.to_owned(),
        proof: proof::asked(person, Takes::AnyProof, error).await?,
    };
    show::page_with(&person.visit, status, &page, Jar::default())
}

/// `GET /account/sessions/{id}/not-me`.
pub(crate) async fn not_me(person: Person, Path(id): Path<String>) -> Result<Response, Failure> {
    let id = id.parse().map_err(|_| Failure::not_found())?;
    show_not_me(&person, id, Asking::IfStale).await
}

/// `POST /account/sessions/{id}/not-me`.
pub(crate) async fn report_not_me(
    person: Person,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Failure> {
    person.visit.check_form(fields.get("csrf"))?;
    let id = id.parse().map_err(|_| Failure::not_found())?;
    act(&person, OwnEnding::NotMe(id), &fields).await
}

async fn show_not_me(person: &Person, id: SessionId, asking: Asking) -> Result<Response, Failure> {
    let visit = &person.visit;
    let (user, now) = (person.live.owned.user.id, visit.now);
    let (moment, activity) = (visit.app.moment(), Arc::clone(&visit.app.activity));
    let found: Result<_, StorageError> = visit
        .app
        .store
        .read(move |tx| {
            let sign_in = events::find_sign_in_of_session(tx, user, id)?;
            let live = nightlatch_flows::sessions::find_live(tx, id, &activity, now)?;
            let planted = planted_in(tx, &moment, user, id)?;
            Ok((sign_in, live.is_some(), planted))
        })
        .await;
    let (Some(sign_in), live, planted) = found? else {
        return Err(Failure::not_found());
    };
    let client = &sign_in.client;
    let status = asking.status();
    // What takes second factors away takes the highest proof (MFA-04).
    let proof = match asking {
        asking if planted.count() == 0 => asking.proof(person, true).await?,
        Asking::IfStale => proof::asked_to_change(person).await?,
        Asking::Again(error) => proof::asked(person, Takes::TheHighest, error).await?,
    };
    let page = NotMePage {
        frame: show::frame(visit, Nav::Sessions).await?,
        device: client.description().phrase(),
        place: client
            .place
            .clone()
            .or_else(|| client.address.map(|address| address.to_string())),
        time: show::time(sign_in.at, visit.now),
        live,
        removes: planted.words(),
        action: format!("{}/{id}/not-me", links::SESSIONS),
        log_out_action: live.then(|| format!("{}/{id}/log-out", links::SESSIONS)),
        cancel_href: links::SESSIONS.to_owned(),
        proof,
    };
    show::page_with(visit, status, &page, Jar::default())
}
