//! `/account/apps`: the apps that one is signed in to or that have access, leaving
//! one, and taking access away (E11, E12, OIDC-18).

use std::sync::Arc;

use axum::extract::Path;
use axum::response::Response;
use nightlatch_domain::grant::{Scope, Scopes};
use nightlatch_domain::ids::{ClientId, EndingId};
use nightlatch_domain::relying_party::RegisteredUri;
use nightlatch_flows::own_apps::{self, AppOutcome, OwnApp};
use nightlatch_storage::StorageError;

use crate::cookies::Jar;
use crate::failure::Failure;
use crate::guard::Person;
use crate::links;
use crate::pages::Fields;
use crate::pages::flash::Flash;
use crate::show;
use crate::signals::Concern;
use crate::views::{AppsPage, Nav, OwnAppView};

/// `GET` of the addresses of this page's forms.
pub(crate) async fn to_page() -> Response {
    show::see_other(links::APPS, Jar::default())
}

/// The apps of the person.
pub(crate) async fn list(person: &Person) -> Result<Vec<OwnApp>, Failure> {
    let visit = &person.visit;
    let (user, now) = (person.live.owned.user.clone(), visit.now);
    let activity = Arc::clone(&visit.app.activity);
    let found: Result<_, StorageError> = visit
        .app
        .store
        .read(move |tx| own_apps::list(tx, &activity, &user, now))
        .await;
    Ok(found?)
}

/// `GET /account/apps`.
pub(crate) async fn get(person: Person) -> Result<Response, Failure> {
    let apps = list(&person).await?;
    let page = AppsPage {
        frame: show::frame(&person.visit, Nav::Apps).await?,
        apps: apps.iter().map(|own| view(&person, own)).collect(),
    };
    show::page(&person.visit, &page)
}

fn view(person: &Person, own: &OwnApp) -> OwnAppView {
    let now = person.visit.now;
    let until = own
        .long_lived
        .iter()
        .map(|grant| grant.idle_deadline.min(grant.overall_deadline))
        .max();
    OwnAppView {
        id: own.app.id.to_string(),
        name: own.app.name.clone(),
        href: own.app.registration.home.as_ref().and_then(page_of),
        is_here: own.sessions.contains(&person.live.owned.session.id),
        sessions: own.sessions.len() as u64,
        last_entered: own.last_entered_at.map(|at| show::time(at, now)),
        long_lived_until: until.map(|until| show::time(until, now)),
        agreed: own.consent.as_ref().map(|consent| agreed(consent.scopes)),
    }
}

/// An address that a link of ours may have: a page, and nothing that runs.
pub(crate) fn page_of(uri: &RegisteredUri) -> Option<String> {
    let text = uri.as_str();
    let is_page = text.starts_with("https://") || text.starts_with("http://");
    is_page.then(|| text.to_owned())
}

/// What somebody agreed to, in words.
fn agreed(scopes: Scopes) -> String {
    let words: Vec<&str> = scopes
        .iter()
        .map(|scope| match scope {
            Scope::OpenId => "knowing that it is you",
            Scope::Profile => "your name and picture",
            Scope::Email => "your e-mail address",
            Scope::OfflineAccess => "going on when you are away",
        })
        .collect();
    words.join(", ")
}

/// `POST /account/apps/{id}/leave`: out of this app, in this browser.
pub(crate) async fn leave(
    person: Person,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Failure> {
    person.visit.check_form(fields.get("csrf"))?;
    let done = act(&person, &id, Act::Leave).await?;
    Ok(said(done, Flash::AppLeft))
}

/// `POST /account/apps/{id}/remove`: out of this app everywhere, with all that it
/// may do.
pub(crate) async fn remove(
    person: Person,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Failure> {
    person.visit.check_form(fields.get("csrf"))?;
    let done = act(&person, &id, Act::RemoveAccess).await?;
    Ok(said(done, Flash::AppAccessRemoved))
}

/// What is done to an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Leave,
    RemoveAccess,
}

/// Does it, and tells open pages; for pages and the API.
pub(crate) async fn act(person: &Person, id: &str, act: Act) -> Result<AppOutcome, Failure> {
    let Ok(client) = id.parse::<ClientId>() else {
        return Ok(AppOutcome::NotFound);
    };
    let app = &person.visit.app;
    let (moment, activity) = (app.moment(), Arc::clone(&app.activity));
    let (acting, user) = {
        let session = &person.live.owned.session;
        (session.id, session.user_id)
    };
    let done: AppOutcome = app
        .store
        .write_ending(move |tx| match act {
            Act::Leave => own_apps::leave(tx, &moment, &activity, acting, client),
            Act::RemoveAccess => own_apps::remove_access(tx, &moment, &activity, acting, client),
        })
        .await?;
    if let AppOutcome::Done(_) = done {
        // Wakes whoever tells the app.
        app.signals.ended(Concern::User(user));
    }
    Ok(done)
}

fn said(done: AppOutcome, flash: Flash) -> Response {
    let mut jar = Jar::default();
    match done {
        // There the person sees what the app says to it.
        AppOutcome::Done(Some(ending)) => {
            flash.set(&mut jar);
            show::see_other(&ending_href(ending), jar)
        }
        AppOutcome::Done(None) => {
            flash.set(&mut jar);
            show::see_other(links::APPS, jar)
        }
        AppOutcome::NotFound => {
            Flash::NotInApp.set(&mut jar);
            show::see_other(links::APPS, jar)
        }
        AppOutcome::SessionOver => show::see_other(links::LOGIN, jar),
    }
}

/// The page of an ending.
pub(crate) fn ending_href(ending: EndingId) -> String {
    format!("{}/{ending}", links::ENDINGS)
}
