//! `/admin`: the room of those who have a say over their organization.
//!
//! Who may come here stands in `routes::powers` and is asked once more inside of each
//! transaction (`flows::administration`).

pub(crate) mod acts;
pub(crate) mod people;
pub(crate) mod person;

use axum::response::Response;
use nightlatch_domain::ids::UserId;

use crate::cookies::Jar;
use crate::failure::Failure;
use crate::{links, show};

/// `GET /admin`.
pub(crate) async fn get() -> Response {
    show::see_other(links::ADMIN_PEOPLE, Jar::default())
}

/// The page of a person.
pub(crate) fn href(id: UserId) -> String {
    format!("{}/{id}", links::ADMIN_PEOPLE)
}

fn parse_user(text: &str) -> Result<UserId, Failure> {
    text.parse().map_err(|_| Failure::not_found())
}
