//! `/account/sessions`: where one is signed in, and ending it there.

use std::collections::HashSet;
use std::sync::Arc;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use nightlatch_domain::ids::SessionId;
use nightlatch_domain::session::SessionKind;
use nightlatch_domain::user::parse_name;
use nightlatch_flows::own_apps;
use nightlatch_flows::own_endings::{MOST_SELECTED, OwnEnding, OwnEndingOutcome, selection};
use nightlatch_flows::sessions::{ListedSession, find_live, list_live, name_browser};
use nightlatch_storage::StorageError;

use crate::cookies::Jar;
use crate::failure::Failure;
use crate::guard::Person;
use crate::links;
use crate::pages::confirm::{ask_for_proof, count_long_lived};
use crate::pages::flash::Flash;
use crate::pages::proof::to_sign_in;
use crate::pages::{Fields, Query, end, log_out, with_proof};
use crate::show;
use crate::views::{BrowserView, FlashView, Nav, Problem, SessionView, SessionsPage};

/// Browsers on one page of the list.
const PAGE: usize = 20;

/// All live sessions of the person.
pub(crate) async fn list(person: &Person) -> Result<Vec<ListedSession>, Failure> {
    let visit = &person.visit;
    let (user, now) = (person.live.owned.user.id, visit.now);
    let activity = Arc::clone(&visit.app.activity);
    let found: Result<_, StorageError> = visit
        .app
        .store
        .read(move |tx| list_live(tx, user, &activity, now))
        .await;
    Ok(found?)
}

/// Names of apps, by the session that is in them.
pub(crate) type AppsOfSessions = [(SessionId, String)];

/// The apps that the sessions of the person are in.
pub(crate) async fn apps_of_sessions(person: &Person) -> Result<Vec<(SessionId, String)>, Failure> {
    let user = person.live.owned.user.id;
    let found: Result<_, StorageError> = person
        .visit
        .app
        .store
        .read(move |tx| own_apps::list_of_sessions(tx, user))
        .await;
    Ok(found?)
}

/// Those of one session.
pub(crate) fn names(apps: &AppsOfSessions, session: SessionId) -> Vec<String> {
    apps.iter()
        .filter(|(id, _)| *id == session)
        .map(|(_, name)| name.clone())
        .collect()
}

/// How many sessions on how many browsers.
pub(crate) fn count(sessions: &[ListedSession]) -> (u64, u64) {
    let browsers: HashSet<_> = sessions
        .iter()
        .filter_map(|listed| listed.session.browser_id)
        .collect();
    let unnamed = sessions
        .iter()
        .filter(|listed| listed.session.browser_id.is_none())
        .count();
    (sessions.len() as u64, (browsers.len() + unnamed) as u64)
}

/// `GET` of the addresses of this page's forms.
pub(crate) async fn to_page() -> Response {
    show::see_other(links::SESSIONS, Jar::default())
}

/// `GET /account/sessions`.
pub(crate) async fn get(person: Person, query: Query) -> Result<Response, Failure> {
    let page_number: usize = query.get("page").parse().unwrap_or(1).clamp(1, 10_000);
    show_page(&person, StatusCode::OK, page_number, None).await
}

async fn show_page(
    person: &Person,
    status: StatusCode,
    number: usize,
    problem: Option<String>,
) -> Result<Response, Failure> {
    let visit = &person.visit;
    let listed = list(person).await?;
    let (sessions_total, browsers_total) = count(&listed);
    let apps = apps_of_sessions(person).await?;
    let browsers = group(person, &listed, &apps);
    let pages = browsers.len().div_ceil(PAGE).max(1);
    let number = number.min(pages);
    let mut frame = show::frame(visit, Nav::Sessions).await?;
    if let Some(problem) = problem {
        frame.flash = Some(FlashView::problem(problem));
    }
    let link = |number: usize| format!("{}?page={number}", links::SESSIONS);
    let page = SessionsPage {
        frame,
        browsers: browsers
            .into_iter()
            .skip((number - 1) * PAGE)
            .take(PAGE)
            .collect(),
        sessions_total,
        browsers_total,
        long_lived: count_long_lived(person).await?,
        newer: (number > 1).then(|| link(number - 1)),
        older: (number < pages).then(|| link(number + 1)),
    };
    show::page_with(visit, status, &page, Jar::default())
}

/// One card a browser, the one in use first.
pub(crate) fn group(
    person: &Person,
    listed: &[ListedSession],
    apps: &AppsOfSessions,
) -> Vec<BrowserView> {
    let current = person.live.owned.session.id;
    let mut cards: Vec<(Option<nightlatch_domain::ids::BrowserId>, BrowserView)> = Vec::new();
    for one in listed {
        let session = &one.session;
        let view = session_view(person, one, apps);
        let card = cards
            .iter_mut()
            .find(|(browser, _)| browser.is_some() && *browser == session.browser_id);
        if let Some((_, card)) = card {
            card.is_this |= view.is_this;
            card.sessions.push(view);
            continue;
        }
        let card = BrowserView {
            id: session.id.to_string(),
            kind: show::device_kind(&session.client),
            own_name: one.browser_name.clone(),
            label: session.client.description().phrase(),
            is_this: session.id == current,
            shared: session.life.kind == SessionKind::Shared,
            sessions: vec![view],
        };
        cards.push((session.browser_id, card));
    }
    let mut cards: Vec<_> = cards.into_iter().map(|(_, card)| card).collect();
    cards.sort_by_key(|card| !card.is_this);
    cards
}

fn session_view(person: &Person, listed: &ListedSession, apps: &AppsOfSessions) -> SessionView {
    let now = person.visit.now;
    let session = &listed.session;
    SessionView {
        id: session.id.to_string(),
        is_this: session.id == person.live.owned.session.id,
        first_used: show::time(session.created_at, now),
        last_used: show::time(session.life.last_active_at, now),
        address: session.client.address.map(|address| address.to_string()),
        place: session.client.place.clone(),
        method: show::method(session),
        until: show::time(listed.admission.deadlines.idle, now),
        apps: names(apps, session.id),
    }
}

fn parse_id(text: &str) -> Result<SessionId, Failure> {
    text.parse().map_err(|_| Failure::not_found())
}

/// The name of a session's device, for sentences.
pub(crate) fn device(listed: &ListedSession) -> String {
    listed
        .browser_name
        .clone()
        .unwrap_or_else(|| listed.session.client.description().phrase())
}

/// `POST /account/sessions/{id}/log-out`.
pub(crate) async fn log_out_one(
    person: Person,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Failure> {
    person.visit.check_form(fields.get("csrf"))?;
    let id = parse_id(&id)?;
    act(&person, OwnEnding::One(id), &fields).await
}

/// `POST /account/sessions/log-out-selected`.
pub(crate) async fn log_out_selected(person: Person, fields: Fields) -> Result<Response, Failure> {
    person.visit.check_form(fields.get("csrf"))?;
    let ids: Vec<SessionId> = fields
        .all("session")
        .filter_map(|id| id.parse().ok())
        .collect();
    if ids.is_empty() {
        let problem = "Please choose at least one session first.".to_owned();
        return show_page(&person, StatusCode::UNPROCESSABLE_ENTITY, 1, Some(problem)).await;
    }
    let Some(wanted) = selection(ids) else {
        let problem = format!("Please choose at most {MOST_SELECTED} sessions at once.");
        return show_page(&person, StatusCode::UNPROCESSABLE_ENTITY, 1, Some(problem)).await;
    };
    act(&person, wanted, &fields).await
}

/// Ends what was asked for, with the proof that came along if one is needed.
/// Every form that ends other sessions comes here.
pub(crate) async fn act(
    person: &Person,
    wanted: OwnEnding,
    fields: &Fields,
) -> Result<Response, Failure> {
    let answer = with_proof(
        person,
        fields,
        || end(&person.visit, wanted.clone()),
        |error| ask_for_proof(person, &wanted, error),
        |outcome| async { ended(person, &wanted, outcome) },
    );
    Ok(answer.await)
}

fn ended(
    person: &Person,
    wanted: &OwnEnding,
    outcome: OwnEndingOutcome,
) -> Result<Response, Failure> {
    let mut jar = Jar::default();
    let (flash, to) = match outcome {
        OwnEndingOutcome::Done(done) if done.this_one_too => {
            return Ok(log_out::signed_out(&person.visit, &done));
        }
        OwnEndingOutcome::Done(done) => {
            if let Some(renewed) = &done.kept {
                jar.renew_session(renewed, person.visit.now);
            }
            match wanted {
                OwnEnding::NotMe(_) => {
                    let removed = done.removed.count();
                    (Flash::Reported { removed }, links::SECURITY)
                }
                OwnEnding::AllOthers if done.sessions == 0 && done.complete => {
                    (Flash::NoOthers, links::SESSIONS)
                }
                _ => {
                    let flash = Flash::Ended {
                        sessions: done.sessions,
                        complete: done.complete,
                    };
                    (flash, links::SESSIONS)
                }
            }
        }
        // What the person wanted is the case.
        OwnEndingOutcome::NoOthers => (Flash::NoOthers, links::SESSIONS),
        OwnEndingOutcome::EndedBefore => (Flash::AlreadyEnded, links::SESSIONS),
        OwnEndingOutcome::NotFound => return Err(Failure::not_found()),
        OwnEndingOutcome::SessionOver
        | OwnEndingOutcome::ProofNeeded
        | OwnEndingOutcome::HighestProofNeeded => return Ok(to_sign_in()),
    };
    flash.set(&mut jar);
    Ok(show::see_other(to, jar))
}

/// `POST /account/sessions/{id}/name`: the person's own name for the browser of
/// one of their sessions; empty takes it away.
pub(crate) async fn name(
    person: Person,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Failure> {
    let visit = &person.visit;
    visit.check_form(fields.get("csrf"))?;
    let id = parse_id(&id)?;
    let typed = fields.get("name").trim();
    let name = if typed.is_empty() {
        None
    } else {
        let name = parse_name(typed).filter(|name| name.chars().count() <= 60);
        if name.is_none() {
            let problem = "Please use a name of at most 60 characters.".to_owned();
            return show_page(&person, StatusCode::UNPROCESSABLE_ENTITY, 1, Some(problem)).await;
        }
        name
    };
    let (moment, acting) = (visit.app.moment(), person.live.owned.session.clone());
    let activity = Arc::clone(&visit.app.activity);
    let named: Result<bool, StorageError> = visit
        .app
        .store
        .write(move |tx| {
            let target = find_live(tx, id, &activity, moment.now)?;
            let browser = target
                .filter(|owned| owned.session.user_id == acting.user_id)
                .and_then(|owned| owned.session.browser_id);
            match browser {
                Some(browser) => name_browser(tx, &moment, &acting, browser, name.as_deref()),
                None => Ok(false),
            }
        })
        .await;
    if !named? {
        return Err(Failure::saying(
            Problem::NotFound,
            "There is no such browser among your sessions; it may have logged out meanwhile.",
        ));
    }
    let mut jar = Jar::default();
    Flash::BrowserNamed.set(&mut jar);
    Ok(show::see_other(links::SESSIONS, jar))
}
