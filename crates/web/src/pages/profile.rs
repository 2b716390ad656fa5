//! `/account/profile`: Profile & Preferences.

use std::sync::Arc;

use axum::extract::{Multipart, Path};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use nightlatch_domain::user::{Appearance, LONGEST_NAME, Role, parse_name};
use nightlatch_flows::profile::{self, LARGEST_PICTURE, picture_type};
use nightlatch_storage::StorageError;
use nightlatch_storage::users::{self, Picture};

use crate::cookies::Jar;
use crate::failure::Failure;
use crate::guard::Person;
use crate::links;
use crate::pages::flash::Flash;
use crate::pages::{Fields, email_change};
use crate::show;
use crate::views::{Field, Nav, Problem, ProfilePage};

/// `GET /account`, and of the addresses of this page's forms.
pub(crate) async fn account() -> Response {
    show::see_other(links::PROFILE, Jar::default())
}

/// `GET /account/profile`.
pub(crate) async fn get(person: Person) -> Result<Response, Failure> {
    let name = Field::new(&person.live.owned.user.name);
    show_page(&person, StatusCode::OK, name, None).await
}

async fn show_page(
    person: &Person,
    status: StatusCode,
    name: Field,
    picture_error: Option<String>,
) -> Result<Response, Failure> {
    let page = ProfilePage {
        frame: show::frame(&person.visit, Nav::Profile).await?,
        name,
        picture_error,
        picture_hint: "PNG, JPEG or WebP, up to 512 KB.".to_owned(),
        picture_accept: "image/png,image/jpeg,image/webp".to_owned(),
        role: role(person.live.owned.user.role).to_owned(),
        email: email_change::row(person),
        pending_email: email_change::pending(person).await?,
    };
    show::page_with(&person.visit, status, &page, Jar::default())
}

/// A role in words.
pub(crate) const fn role(role: Role) -> &'static str {
    match role {
        Role::Owner => "Owner",
        Role::Administrator => "Administrator",
        Role::Auditor => "Auditor",
        Role::Member => "Member",
    }
}

/// `POST /account/profile/name`.
pub(crate) async fn name(person: Person, fields: Fields) -> Result<Response, Failure> {
    person.visit.check_form(fields.get("csrf"))?;
    let Some(name) = parse_name(fields.get("name")) else {
        let name = Field {
            value: fields.get("name").chars().take(LONGEST_NAME).collect(),
            error: Some(format!(
                "Please enter a name of 1 to {LONGEST_NAME} characters."
            )),
        };
        return show_page(&person, StatusCode::UNPROCESSABLE_ENTITY, name, None).await;
    };
    let appearance = person.live.owned.user.appearance;
    save(&person, name, appearance).await?;
    Ok(back(Flash::NameSaved))
}

/// `POST /account/profile/appearance`.
pub(crate) async fn appearance(person: Person, fields: Fields) -> Result<Response, Failure> {
    person.visit.check_form(fields.get("csrf"))?;
    let appearance =
        Appearance::from_name(fields.get("theme")).ok_or(Failure::new(Problem::BadRequest))?;
    let name = person.live.owned.user.name.clone();
    save(&person, name, appearance).await?;
    Ok(back(Flash::AppearanceSaved))
}

/// Stores name and appearance; pages and API both come here.
pub(crate) async fn save(
    person: &Person,
    name: String,
    appearance: Appearance,
) -> Result<(), Failure> {
    let app = &person.visit.app;
    let moment = app.moment();
    let session = person.live.owned.session.clone();
    app.store
        .write(move |tx| profile::change(tx, &moment, &session, &name, appearance))
        .await
        .map_err(|error: StorageError| error.into())
}

fn back(flash: Flash) -> Response {
    let mut jar = Jar::default();
    flash.set(&mut jar);
    show::see_other(links::PROFILE, jar)
}

/// `POST /account/profile/picture`.
pub(crate) async fn picture(person: Person, mut form: Multipart) -> Result<Response, Failure> {
    let mut token = String::new();
    let mut content = None;
    while let Some(field) = form
        .next_field()
        .await
        .map_err(|error| unreadable(&error))?
    {
        match field.name() {
            Some("csrf") => token = field.text().await.map_err(|error| unreadable(&error))?,
            Some("picture") => {
                content = Some(field.bytes().await.map_err(|error| unreadable(&error))?);
            }
            _ => {}
        }
    }
    person.visit.check_form(&token)?;
    let content = content.unwrap_or_default();
    let problem = if content.is_empty() {
        Some("Please choose a picture first.")
    } else if content.len() > LARGEST_PICTURE {
        Some("This picture is larger than 512 KB. Please choose a smaller one.")
    } else if picture_type(&content).is_none() {
        Some("This is not a PNG, JPEG or WebP picture. Please choose another file.")
    } else {
        None
    };
    if let Some(problem) = problem {
        let name = Field::new(&person.live.owned.user.name);
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return show_page(&person, status, name, Some(problem.to_owned())).await;
    }
    let picture = picture_type(&content).map(|media_type| Picture {
        media_type: media_type.to_owned(),
        content: content.to_vec(),
    });
    store_picture(&person, picture).await?;
    Ok(back(Flash::PictureSaved))
}

fn unreadable(error: &axum::extract::multipart::MultipartError) -> Failure {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Failure::saying(
            Problem::TooLarge,
            "This picture is larger than 512 KB. Please choose a smaller one.",
        ),
        _ => Failure::new(Problem::BadRequest),
    }
}

/// `POST /account/profile/picture/remove`.
pub(crate) async fn remove_picture(person: Person, fields: Fields) -> Result<Response, Failure> {
    person.visit.check_form(fields.get("csrf"))?;
    store_picture(&person, None).await?;
    Ok(back(Flash::PictureRemoved))
}

async fn store_picture(person: &Person, picture: Option<Picture>) -> Result<(), Failure> {
    let app = &person.visit.app;
    let moment = app.moment();
    let session = person.live.owned.session.clone();
    let picture = Arc::new(picture);
    app.store
        .write(move |tx| profile::change_picture(tx, &moment, &session, picture.as_ref().as_ref()))
        .await
        .map_err(|error: StorageError| error.into())
}

/// `GET /account/picture/{version}`: one's own picture. The file is somebody's
/// upload, so it is shown as nothing but a picture.
pub(crate) async fn show_picture(
    person: Person,
    Path(_version): Path<String>,
) -> Result<Response, Failure> {
    let user = person.live.owned.user.id;
    let found: Result<_, StorageError> = person
        .visit
        .app
        .store
        .read(move |tx| users::find_picture(tx, user))
        .await;
    let picture = found?.ok_or(Failure::not_found())?;
    Ok((
        [
            (CONTENT_TYPE, picture.media_type.as_str()),
            (CACHE_CONTROL, "no-store"),
            (CONTENT_DISPOSITION, "inline; filename=\"picture\""),
        ],
        picture.content,
    )
        .into_response())
}
