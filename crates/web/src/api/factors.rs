//! What one can prove oneself with besides the password, and taking it away.

use axum::extract::Path;
use axum::response::Response;
use nightlatch_domain::Timestamp;
use nightlatch_flows::factors::{Change, FactorOutcome, authenticator_app, enrolled};
use nightlatch_storage::StorageError;
use nightlatch_storage::authenticator_apps::AuthenticatorApp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::body::answer;
use crate::api::proof::{highest_proof_needed, session_over};
use crate::cookies::Jar;
use crate::failure::Failure;
use crate::guard::Person;
use crate::pages::factors::{acting, follow_up};
use crate::pages::flash::LAST_FACTOR;
use crate::views::Problem;

/// An authenticator app.
#[derive(Serialize, ToSchema)]
pub(crate) struct AppEntry {
    /// Identifies it.
    id: String,
    /// The person's name for it.
    name: String,
    /// When it was set up (RFC 3339).
    added_at: Option<String>,
    /// When a code of it was last used to sign in (RFC 3339).
    last_used_at: Option<String>,
}

/// What the signed-in person can prove themselves with besides the password.
#[derive(Serialize, ToSchema)]
pub(crate) struct FactorList {
    /// Oldest first.
    authenticator_apps: Vec<AppEntry>,
    /// Recovery codes that are not used up.
    recovery_codes_left: i64,
    /// When the present set of recovery codes was made (RFC 3339).
    recovery_codes_made_at: Option<String>,
}

fn entry(app: &AuthenticatorApp) -> AppEntry {
    AppEntry {
        id: app.id.to_string(),
        name: app.name.clone(),
        added_at: app.confirmed_at.map(Timestamp::to_rfc3339),
        last_used_at: app.last_used_at.map(Timestamp::to_rfc3339),
    }
}

/// What the signed-in person can prove themselves with besides the password.
#[utoipa::path(
    get, path = "/api/v1/factors", tag = "factors",
    responses((status = 200, body = FactorList), (status = 401, description = "No live session"))
)]
pub(crate) async fn list(person: Person) -> Result<Response, Failure> {
    let user = person.live.owned.user.id;
    let store = &person.visit.app.store;
    let found: Result<_, StorageError> = store.read(move |tx| enrolled(tx, user)).await;
    let found = found?;
    let body = FactorList {
        authenticator_apps: found.authenticator_apps.iter().map(entry).collect(),
        recovery_codes_left: found.recovery_codes_left,
        recovery_codes_made_at: found.recovery_codes_made_at.map(Timestamp::to_rfc3339),
    };
    Ok(answer(body, Jar::default()))
}

/// The app was removed.
#[derive(Serialize, ToSchema)]
pub(crate) struct AppRemoved {
    /// Its id.
    id: String,
    /// How many other sessions ended with it so far.
    sessions: i64,
}

/// Removes an authenticator app and logs out all other sessions; this one goes on
/// under a new cookie.
#[utoipa::path(
    delete, path = "/api/v1/factors/authenticator-apps/{id}", tag = "factors",
    params(("id" = String, Path, description = "The id of the app")),
    responses(
        (status = 200, body = AppRemoved),
        (status = 401, description = "No live session"),
        (status = 403, description = "A proof of the last ten minutes by a second factor is needed, or it is the last factor and the organization demands one"),
        (status = 404, description = "No authenticator app of yours has this id")
    )
)]
pub(crate) async fn remove_app(
    person: Person,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let missing = || Failure::not_found().with_code("no-such-factor");
    let id = id.parse().map_err(|_| missing())?;
    let app = &person.visit.app;
    let (moment, acting) = (app.moment(), acting(&person, true));
    let removed: Result<_, StorageError> = app
        .store
        .write(move |tx| authenticator_app::remove(tx, &moment, &acting, id))
        .await;
    match removed? {
        Change::Done(FactorOutcome::Done(changed)) => {
            let mut jar = Jar::default();
            follow_up(&person, &mut jar, &changed);
            let body = AppRemoved {
                id: id.to_string(),
                sessions: changed.others,
            };
            Ok(answer(body, jar))
        }
        Change::Done(FactorOutcome::NotFound) => Err(missing()),
        Change::Done(FactorOutcome::LastDemanded) => {
            Err(Failure::saying(Problem::Forbidden, LAST_FACTOR).with_code("last-factor"))
        }
        Change::ProofNeeded => Err(highest_proof_needed("Removing a factor")),
        Change::SessionOver => Err(session_over()),
    }
}
