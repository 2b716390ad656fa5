//! The apps of an organization, for its administrators: the same acts as `nightlatch app`
//! and `nightlatch notice`, through the same flows.
//!
//! Who may come here is stated in the list of routes and asked once more inside of each
//! transaction (`flows::administration`). Apps of other organizations are as good as none
//! (POL-03).

mod notices;
mod shape;
mod test;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use nightlatch_domain::ending::{Cause, parse_reason};
use nightlatch_domain::ids::ClientId;
use nightlatch_domain::relying_party::{Registration, RelyingParty};
use nightlatch_flows::administration::Demand;
use nightlatch_flows::app_health;
use nightlatch_flows::apps::{self, NewApp, RegisterOutcome};
use nightlatch_protocols::registration::{AppWish, parse_name};
use nightlatch_storage::relying_parties;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) use notices::{
    __path_list as __path_notices, __path_resend, __path_resend_all, list as notices, resend,
    resend_all,
};
pub(crate) use test::{__path_run as __path_test, run as test};

use self::shape::{AppEntry, AppSettings};
use crate::administering::{act, look};
use crate::api::body::{Body, answer};
use crate::cookies::Jar;
use crate::failure::Failure;
use crate::guard::Person;
use crate::pages::Query;
use crate::signals::Concern;
use crate::views::Problem;

/// Apps in one answer.
const PAGE: usize = 50;

fn no_such_app() -> Failure {
    Failure::not_found().with_code("no-such-app")
}

fn parse_id(id: &str) -> Result<ClientId, Failure> {
    id.parse().map_err(|_| no_such_app())
}

async fn get_app(person: &Person, id: &str) -> Result<RelyingParty, Failure> {
    let id = parse_id(id)?;
    let found = look(person, move |tx, administrator| {
        apps::find(tx, administrator.organization, id)
    });
    found.await?.ok_or_else(no_such_app)
}

/// The apps of an organization.
#[derive(Serialize, ToSchema)]
pub(crate) struct AppPage {
    /// By name, withdrawn ones too.
    apps: Vec<AppEntry>,
    /// Send as `after` for what comes next; missing at the end.
    next: Option<String>,
}

/// The apps of the administrator's organization.
#[utoipa::path(
    get, path = "/api/v1/organization/apps", tag = "organization",
    params(("after" = Option<String>, Query, description = "The `next` of an earlier answer")),
    responses(
        (status = 200, body = AppPage),
        (status = 400, description = "There is no app that `after` names"),
        (status = 401, description = "No live session"),
        (status = 403, description = "The signed-in person is no administrator")
    )
)]
pub(crate) async fn list(person: Person, query: Query) -> Result<Response, Failure> {
    let unknown = || Failure::new(Problem::BadRequest).with_code("after");
    let after = Some(query.get("after")).filter(|text| !text.is_empty());
    let after: Option<ClientId> = after
        .map(|text| text.parse().map_err(|_| unknown()))
        .transpose()?;
    let found = look(&person, move |tx, administrator| {
        let organization = administrator.organization;
        let name = match after {
            None => None,
            Some(id) => match apps::find(tx, organization, id)? {
                Some(app) => Some(app.name),
                None => return Ok(None),
            },
        };
        let limit = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
        relying_parties::list_of_organization(tx, organization, name.as_deref(), limit).map(Some)
    });
    let mut found = found.await?.ok_or_else(unknown)?;
    let more = found.len() > PAGE;
    found.truncate(PAGE);
    let next = found.last().filter(|_| more).map(|app| app.id.to_string());
    let apps = found.iter().map(AppEntry::of).collect();
    Ok(answer(AppPage { apps, next }, Jar::default()))
}

/// An app, and the secret that it got just now.
#[derive(Serialize, ToSchema)]
pub(crate) struct AppAnswer {
    /// `client_id` in OpenID Connect.
    client_id: String,
    /// The secret, if it got one: shown here and never again.
    client_secret: Option<String>,
    /// What is registered.
    app: AppEntry,
}

/// What came of an act that stores a registration.
enum Stored {
    Outcome(RegisterOutcome),
    /// A sentence that says what is wrong with what was asked for.
    Wrong(String),
}

fn stored(stored: Stored, status: StatusCode) -> Result<Response, Failure> {
    let refused = |sentence: String, code| {
        Err(Failure::saying(Problem::BadRequest, sentence).with_code(code))
    };
    match stored {
        Stored::Outcome(RegisterOutcome::Done { app, secret }) => {
            let body = AppAnswer {
                client_id: app.id.to_string(),
                client_secret: secret.map(|secret| secret.reveal()),
                app: AppEntry::of(&app),
            };
            let mut response = answer(body, Jar::default());
            *response.status_mut() = status;
            Ok(response)
        }
        Stored::Outcome(RegisterOutcome::NotFound) => Err(no_such_app()),
        Stored::Outcome(RegisterOutcome::NameTaken) => refused(
            "Your organization has an app of this name already.".to_owned(),
            "name-taken",
        ),
        Stored::Outcome(RegisterOutcome::HostTaken(host)) => refused(
            format!("{host} belongs to another app. A host can be protected for one app only."),
            "host-taken",
        ),
        Stored::Outcome(RegisterOutcome::PrivateNetwork) => Err(Failure::saying(
            Problem::Forbidden,
            "Several organizations share this server, so only whoever runs it can let an app be called in its private network.",
        )
        .with_code("operator-only")),
        Stored::Outcome(RegisterOutcome::HostOfOperator) => Err(Failure::saying(
            Problem::Forbidden,
            "Several organizations share this server, so only whoever runs it can say which hosts its proxies protect for yours.",
        )
        .with_code("operator-only")),
        Stored::Wrong(sentence) => refused(sentence, "registration"),
    }
}

fn wrong(sentence: String) -> Failure {
    Failure::saying(Problem::BadRequest, sentence).with_code("registration")
}

/// Registers an app. Without further words it proves itself with a secret, which is in
/// the answer and nowhere else.
#[utoipa::path(
    post, path = "/api/v1/organization/apps", tag = "organization", request_body = AppSettings,
    responses(
        (status = 201, body = AppAnswer),
        (status = 400, description = "It cannot be registered so; the detail says what is wrong"),
        (status = 401, description = "No live session"),
        (status = 403, description = "No administrator, or a proof of the last ten minutes is needed")
    )
)]
pub(crate) async fn register(
    person: Person,
    Body(settings): Body<AppSettings>,
) -> Result<Response, Failure> {
    let name = parse_name(settings.name.as_deref().unwrap_or_default()).map_err(wrong)?;
    let wish = settings.into_wish().map_err(wrong)?;
    let own_address = person.visit.app.public_url.origin().to_owned();
    let demand = (Demand::PROVED, "Registering an app");
    let outcome = act(&person, demand, move |tx, moment, administrator| {
        let (organization, before) = (administrator.organization, Registration::default());
        let registration = match wish.grant(tx, organization, &before, Some(&own_address))? {
            Ok(registration) => registration,
            Err(sentence) => return Ok(Stored::Wrong(sentence)),
        };
        let new = NewApp {
            organization,
            name: name.clone(),
            registration,
        };
        apps::register(tx, moment, &new, administrator.actor()).map(Stored::Outcome)
    });
    stored(outcome.await?, StatusCode::CREATED)
}

/// One app of the administrator's organization.
#[utoipa::path(
    get, path = "/api/v1/organization/apps/{id}", tag = "organization",
    params(("id" = String, Path, description = "The client id of the app")),
    responses(
        (status = 200, body = AppEntry),
        (status = 401, description = "No live session"),
        (status = 403, description = "The signed-in person is no administrator"),
        (status = 404, description = "The organization has no app of this id")
    )
)]
pub(crate) async fn get(person: Person, Path(id): Path<String>) -> Result<Response, Failure> {
    let id = parse_id(&id)?;
    let now = person.visit.now;
    let found = look(&person, move |tx, administrator| {
        let Some(app) = apps::find(tx, administrator.organization, id)? else {
            return Ok(None);
        };
        Ok(Some((app, app_health::overview(tx, now, id)?)))
    });
    let (app, overview) = found.await?.ok_or_else(no_such_app)?;
    let mut body = AppEntry::of(&app);
    body.delivery = Some(overview.into());
    Ok(answer(body, Jar::default()))
}

/// Changes an app. What is left out stays as it is; a list replaces the one before. An
/// app that begins to prove itself with a secret gets one in the answer.
#[utoipa::path(
    patch, path = "/api/v1/organization/apps/{id}", tag = "organization",
    request_body = AppSettings,
    params(("id" = String, Path, description = "The client id of the app")),
    responses(
        (status = 200, body = AppAnswer),
        (status = 400, description = "It cannot be registered so; the detail says what is wrong"),
        (status = 401, description = "No live session"),
        (status = 403, description = "No administrator, or a proof of the last ten minutes is needed"),
        (status = 404, description = "The organization has no app of this id")
    )
)]
pub(crate) async fn change(
    person: Person,
    Path(id): Path<String>,
    Body(settings): Body<AppSettings>,
) -> Result<Response, Failure> {
    let id = parse_id(&id)?;
    let name = settings.name.as_deref().map(parse_name).transpose();
    let name = name.map_err(wrong)?;
    let wish: AppWish = settings.into_wish().map_err(wrong)?;
    let own_address = person.visit.app.public_url.origin().to_owned();
    let demand = (Demand::PROVED, "Changing an app");
    let outcome = act(&person, demand, move |tx, moment, administrator| {
        let place = (administrator.organization, id);
        let Some(before) = apps::find(tx, administrator.organization, id)? else {
            return Ok(Stored::Outcome(RegisterOutcome::NotFound));
        };
        let (organization, own) = (administrator.organization, Some(own_address.as_str()));
        let registration = match wish.grant(tx, organization, &before.registration, own)? {
            Ok(registration) => registration,
            Err(sentence) => return Ok(Stored::Wrong(sentence)),
        };
        let name = name.as_deref().unwrap_or(&before.name);
        let actor = administrator.actor();
        apps::change(tx, moment, place, name, &registration, actor).map(Stored::Outcome)
    });
    stored(outcome.await?, StatusCode::OK)
}

/// Gives an app another secret; the one before is worth nothing at once.
#[utoipa::path(
    post, path = "/api/v1/organization/apps/{id}/replace-secret", tag = "organization",
    params(("id" = String, Path, description = "The client id of the app")),
    responses(
        (status = 200, body = AppAnswer),
        (status = 400, description = "The app does not use a secret"),
        (status = 401, description = "No live session"),
        (status = 403, description = "No administrator, or a proof of the last ten minutes is needed"),
        (status = 404, description = "The organization has no app of this id")
    )
)]
pub(crate) async fn replace_secret(
    person: Person,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let id = parse_id(&id)?;
    let demand = (Demand::PROVED, "Replacing the secret of an app");
    let outcome = act(&person, demand, move |tx, moment, administrator| {
        let place = (administrator.organization, id);
        let done = apps::replace_secret(tx, moment, place, administrator.actor())?;
        let without = matches!(done, RegisterOutcome::NotFound)
            && apps::find(tx, administrator.organization, id)?.is_some();
        Ok(if without {
            Stored::Wrong("This app does not use a secret.".to_owned())
        } else {
            Stored::Outcome(done)
        })
    });
    stored(outcome.await?, StatusCode::OK)
}

/// Why.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WithdrawRequest {
    /// A reason in words, for the records.
    reason: Option<String>,
}

/// The app was withdrawn.
#[derive(Serialize, ToSchema)]
pub(crate) struct AppWithdrawn {
    /// `client_id` in OpenID Connect.
    client_id: String,
    /// The ending that says what the app was told.
    ending: String,
    /// Whether all of it is written down; if not, telling the app goes on.
    complete: bool,
}

/// Lets nobody enter an app any more, ends what it holds, and tells it. The sessions of
/// people go on.
#[utoipa::path(
    post, path = "/api/v1/organization/apps/{id}/withdraw", tag = "organization",
    request_body = WithdrawRequest,
    params(("id" = String, Path, description = "The client id of the app")),
    responses(
        (status = 200, body = AppWithdrawn),
        (status = 400, description = "It was withdrawn before"),
        (status = 401, description = "No live session"),
        (status = 403, description = "No administrator, or a proof of the last ten minutes is needed"),
        (status = 404, description = "The organization has no app of this id")
    )
)]
pub(crate) async fn withdraw(
    person: Person,
    Path(id): Path<String>,
    Body(request): Body<WithdrawRequest>,
) -> Result<Response, Failure> {
    let id = parse_id(&id)?;
    let reason = parse_reason(request.reason.as_deref().unwrap_or_default())
        .map_err(|sentence| Failure::saying(Problem::BadRequest, sentence).with_code("reason"))?;
    let demand = (Demand::PROVED, "Withdrawing an app");
    let outcome = act(&person, demand, move |tx, moment, administrator| {
        let organization = administrator.organization;
        if apps::find(tx, organization, id)?.is_none() {
            return Ok(None);
        }
        let (place, actor) = ((organization, id), administrator.actor());
        apps::withdraw(tx, moment, place, actor, reason.clone()).map(Some)
    });
    let done = outcome.await?.ok_or_else(no_such_app)?.ok_or_else(|| {
        Failure::saying(Problem::BadRequest, "This app was withdrawn before.")
            .with_code("withdrawn-before")
    })?;
    let app = &person.visit.app;
    app.metrics.ending(Cause::AppWithdrawn);
    let organization = person.live.owned.organization.id;
    app.signals.ended(Concern::Organization(organization));
    let body = AppWithdrawn {
        client_id: id.to_string(),
        ending: done.id.to_string(),
        complete: done.complete,
    };
    Ok(answer(body, Jar::default()))
}

/// Lets people enter a withdrawn app again. Nothing that was ended comes back.
#[utoipa::path(
    post, path = "/api/v1/organization/apps/{id}/restore", tag = "organization",
    params(("id" = String, Path, description = "The client id of the app")),
    responses(
        (status = 200, body = AppEntry),
        (status = 400, description = "It is not withdrawn"),
        (status = 401, description = "No live session"),
        (status = 403, description = "No administrator, or a proof of the last ten minutes is needed"),
        (status = 404, description = "The organization has no app of this id")
    )
)]
pub(crate) async fn restore(person: Person, Path(id): Path<String>) -> Result<Response, Failure> {
    let id = parse_id(&id)?;
    let demand = (Demand::PROVED, "Restoring an app");
    let outcome = act(&person, demand, move |tx, moment, administrator| {
        let organization = administrator.organization;
        let restored = apps::restore(tx, moment, (organization, id), administrator.actor())?;
        let found = apps::find(tx, organization, id)?;
        Ok(found.map(|app| (app, restored)))
    });
    let (app, restored) = outcome.await?.ok_or_else(no_such_app)?;
    if !restored {
        return Err(
            Failure::saying(Problem::BadRequest, "This app is not withdrawn.")
                .with_code("not-withdrawn"),
        );
    }
    Ok(answer(AppEntry::of(&app), Jar::default()))
}
