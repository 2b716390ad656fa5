//! `/account/security`: the password, and the limits of this session.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use nightlatch_domain::ids::PasskeyId;
use nightlatch_domain::policy::{Policy, RememberRule};
use nightlatch_domain::session::SessionKind;
use nightlatch_domain::user::Power;
use nightlatch_flows::factors::enrolled;
use nightlatch_flows::log_out::INLINE;
use nightlatch_flows::passkeys::manage;
use nightlatch_flows::passwords::{self, ChangeOutcome};
use nightlatch_flows::profile;
use nightlatch_flows::sessions::list_live;
use nightlatch_storage::{StorageError, browsers};

use crate::cookies::Jar;
use crate::failure::Failure;
use crate::guard::{OWN_DEVICE, Person};
use crate::links;
use crate::pages::factors::two_step;
use crate::pages::flash::Flash;
use crate::pages::remembered_browsers;
use crate::pages::{Fields, passkeys, wait_sentence, way_back};
use crate::show;
use crate::signals::Concern;
use crate::views::{
    LimitView, MarkSharedView, Nav, PasswordErrors, Problem, SecurityPage, ThisSessionView,
};

/// `GET /.well-known/change-password` (UI-04), and of the addresses of this page's
/// forms.
pub(crate) async fn to_page() -> Response {
    show::see_other(links::SECURITY, Jar::default())
}

/// `GET /account/security`.
pub(crate) async fn get(person: Person) -> Result<Response, Failure> {
    show_page(&person, StatusCode::OK, PasswordErrors::default(), None).await
}

/// The page; `passkey_error` says what is wrong with the name of which passkey.
pub(crate) async fn show_page(
    person: &Person,
    status: StatusCode,
    password: PasswordErrors,
    passkey_error: Option<(PasskeyId, String)>,
) -> Result<Response, Failure> {
    let visit = &person.visit;
    let user = &person.live.owned.user;
    let (user_id, now) = (user.id, visit.now);
    let (activity, browser) = (Arc::clone(&visit.app.activity), visit.browser_token());
    let found: Result<_, StorageError> = visit
        .app
        .store
        .read(move |tx| {
            let live = list_live(tx, user_id, &activity, now)?.len();
            let held = manage::list(tx, user_id)?;
            let browser = match browser {
                Some(token) => browsers::find_by_token(tx, token)?,
                None => None,
            };
            let enrolled = enrolled(tx, user_id)?;
            let marked = browser.is_some_and(|browser| browser.always_shared);
            Ok((live, marked, enrolled, held))
        })
        .await;
    let (sessions, marked, enrolled, held) = found?;
    let page = SecurityPage {
        frame: show::frame(visit, Nav::Security).await?,
        password,
        password_hint:
            "At least 15 characters. A few words that only you would put together work well."
                .to_owned(),
        // While it must be set up, nothing leads on yet.
        way: if person.live.must_set_up_factor {
            None
        } else {
            way_back::find(visit).await?
        },
        own_device: person
            .live
            .owned
            .session
            .was_let_in_by_phone()
            .then(|| OWN_DEVICE.to_owned()),
        two_step: two_step(person, &enrolled),
        passkeys: passkeys::view(visit, held, passkey_error),
        this_session: this_session(person),
        sessions: sessions as u64,
        remembered: remembered_browsers::list(person).await?,
        factor_notice: remembered_browsers::notice(person).await?,
        mark_shared: user
            .role
            .has(Power::Administer)
            .then_some(MarkSharedView { marked }),
    };
    show::page_with(visit, status, &page, Jar::default())
}

/// The limits of this session, where they come from, and when it will end (G8).
fn this_session(person: &Person) -> ThisSessionView {
    let now = person.visit.now;
    let owned = &person.live.owned;
    let session = &owned.session;
    let kind = session.life.kind;
    let limits = owned.standing().limits;
    let standard = Policy::default().limits(kind);
    let deadlines = person.visit.deadlines(&person.live);
    let nobody_is_asked = owned.organization.settings.policy.remember == RememberRule::Always;
    let source = |set: bool| {
        let organization = if set {
            " (set by your organization)"
        } else {
            ""
        };
        let base = match kind {
            SessionKind::Ordinary if set => return "Set by your organization".to_owned(),
            SessionKind::Ordinary => "The usual limit",
            // It was not the person's choice (G8).
            SessionKind::Remembered if nobody_is_asked => {
                return "Set by your organization".to_owned();
            }
            SessionKind::Remembered => "You chose to stay signed in",
            SessionKind::Shared => "Shared computer",
        };
        format!("{base}{organization}")
    };
    ThisSessionView {
        signed_in: show::time(session.created_at, now),
        method: show::method(session),
        limits: vec![
            LimitView {
                name: "Without use".to_owned(),
                length: show::length(limits.idle()),
                source: source(limits.idle_seconds != standard.idle_seconds),
                ends: show::time(deadlines.idle, now),
            },
            LimitView {
                name: "In any case".to_owned(),
                length: show::length(limits.overall()),
                source: source(limits.overall_seconds != standard.overall_seconds),
                ends: show::time(deadlines.overall, now),
            },
        ],
    }
}

/// `POST /account/security/password`.
pub(crate) async fn password(person: Person, fields: Fields) -> Result<Response, Failure> {
    let visit = &person.visit;
    visit.check_form(fields.get("csrf"))?;
    let mut errors = PasswordErrors::default();
    let wrong = StatusCode::UNPROCESSABLE_ENTITY;
    if fields.get("new_password") != fields.get("new_password_again") {
        errors.again =
            Some("The two new passwords differ. Please type the same one twice.".to_owned());
        return show_page(&person, wrong, errors, None).await;
    }
    let (present, new) = match (
        fields.password("current_password"),
        fields.password("new_password"),
    ) {
        (Some(present), Some(new)) => (present, new),
        (None, _) => {
            errors.current = Some("That is not your password. Please try again.".to_owned());
            return show_page(&person, wrong, errors, None).await;
        }
        (_, None) => {
            let problem = nightlatch_domain::password::PasswordProblem::TooLong;
            errors.new = Some(problem.sentence().to_owned());
            return show_page(&person, wrong, errors, None).await;
        }
    };
    let app = &visit.app;
    let outcome: Result<ChangeOutcome, StorageError> = passwords::change(
        &app.store,
        &app.hashing,
        &app.moment(),
        &app.activity,
        person.live.owned.session.id,
        (present, new),
    )
    .await;
    match outcome? {
        ChangeOutcome::Changed { renewed, others } => {
            app.metrics
                .ending(nightlatch_domain::ending::Cause::PasswordChanged);
            app.signals.ended(Concern::User(person.live.owned.user.id));
            let mut jar = Jar::default();
            jar.renew_session(&renewed, visit.now);
            // So many are ended before the answer; with more, the rest follows.
            let complete = others < i64::from(INLINE);
            Flash::PasswordChanged { others, complete }.set(&mut jar);
            return Ok(show::see_other(links::SECURITY, jar));
        }
        ChangeOutcome::NotGoodEnough(problem) => {
            errors.new = Some(problem.sentence().to_owned());
        }
        ChangeOutcome::Refused => {
            errors.current = Some("That is not your password. Please try again.".to_owned());
        }
        ChangeOutcome::Wait(until) => errors.current = Some(wait_sentence(visit, until)),
        ChangeOutcome::Off => {
            errors.current = Some(
                "There were too many wrong tries in this session. Log out and sign in again to go on."
                    .to_owned(),
            );
        }
        ChangeOutcome::SessionOver => return Ok(show::see_other(links::LOGIN, Jar::default())),
        ChangeOutcome::Overloaded => return Err(Failure::new(Problem::Unavailable)),
    }
    show_page(&person, wrong, errors, None).await
}

/// `POST /account/security/mark-shared`: for administrators, at the computer
/// concerned (G6).
pub(crate) async fn mark_shared(person: Person, fields: Fields) -> Result<Response, Failure> {
    let visit = &person.visit;
    visit.check_form(fields.get("csrf"))?;
    if !person.live.owned.user.role.has(Power::Administer) {
        return Err(Failure::new(Problem::Forbidden));
    }
    let shared = fields.is_checked("shared");
    let (moment, browser) = (visit.app.moment(), visit.browser_token());
    let session = person.live.owned.session.clone();
    let token = visit
        .app
        .store
        .write(move |tx| profile::mark_shared_computer(tx, &moment, &session, browser, shared))
        .await
        .map_err(|error: StorageError| Failure::from(error))?;
    let mut jar = Jar::default();
    if let Some(token) = &token {
        jar.set_browser(token);
    }
    if shared {
        Flash::MarkedShared.set(&mut jar);
    } else {
        Flash::UnmarkedShared.set(&mut jar);
    }
    Ok(show::see_other(links::SECURITY, jar))
}
