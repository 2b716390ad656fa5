//! One's own profile.

use axum::response::Response;
use nightlatch_domain::user::{Appearance, LONGEST_NAME, Role, parse_name};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::body::{Body, answer};
use crate::api::email_change::PendingEmail;
use crate::cookies::Jar;
use crate::failure::Failure;
use crate::guard::Person;
use crate::pages::email_change::find_waiting;
use crate::pages::profile::save;
use crate::views::Problem;

/// The signed-in person.
#[derive(Serialize, ToSchema)]
pub(crate) struct Profile {
    /// Identifies the account.
    id: String,
    /// What people call them.
    name: String,
    /// Their e-mail address.
    email: String,
    /// Another address that waits for its mailbox to confirm.
    pending_email: Option<PendingEmail>,
    /// The organization they belong to.
    organization: String,
    /// `administrator` or `member`.
    role: String,
    /// `system`, `light` or `dark`.
    appearance: String,
}

/// What may be changed; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProfileChange {
    /// 1 to 200 characters.
    name: Option<String>,
    /// `system`, `light` or `dark`.
    appearance: Option<String>,
}

async fn profile(person: &Person, name: &str, appearance: Appearance) -> Result<Profile, Failure> {
    let user = &person.live.owned.user;
    Ok(Profile {
        id: user.id.to_string(),
        name: name.to_owned(),
        email: user.email.to_string(),
        pending_email: find_waiting(person).await?.as_ref().map(PendingEmail::of),
        organization: person.live.owned.organization.name.clone(),
        role: Role::name(user.role).to_owned(),
        appearance: appearance.name().to_owned(),
    })
}

/// The signed-in person's profile.
#[utoipa::path(
    get, path = "/api/v1/profile", tag = "profile",
    responses((status = 200, body = Profile), (status = 401, description = "No live session"))
)]
pub(crate) async fn get(person: Person) -> Result<Response, Failure> {
    let user = &person.live.owned.user;
    let body = profile(&person, &user.name, user.appearance).await?;
    Ok(answer(body, Jar::default()))
}

/// Changes the signed-in person's profile.
#[utoipa::path(
    patch, path = "/api/v1/profile", tag = "profile", request_body = ProfileChange,
    responses(
        (status = 200, body = Profile),
        (status = 400, description = "A value is not acceptable; the detail says which"),
        (status = 401, description = "No live session")
    )
)]
pub(crate) async fn change(
    person: Person,
    Body(change): Body<ProfileChange>,
) -> Result<Response, Failure> {
    let user = &person.live.owned.user;
    let name = match change.name {
        None => user.name.clone(),
        Some(name) => parse_name(&name).ok_or_else(|| {
            let sentence = format!("`name` takes 1 to {LONGEST_NAME} characters.");
            Failure::saying(Problem::BadRequest, sentence).with_code("name")
        })?,
    };
    let appearance = match change.appearance {
        None => user.appearance,
        Some(text) => Appearance::from_name(&text).ok_or_else(|| {
            let sentence = "`appearance` takes system, light or dark.";
            Failure::saying(Problem::BadRequest, sentence).with_code("appearance")
        })?,
    };
    save(&person, name.clone(), appearance).await?;
    let body = profile(&person, &name, appearance).await?;
    Ok(answer(body, Jar::default()))
}
