//! `/admin/people`: who has an account.

use axum::response::Response;
use nightlatch_domain::user::{Role, User, UserStatus};
use nightlatch_storage::directory::{self, FoundBy, Position, Wanted};
use url::form_urlencoded::Serializer;

use super::href;
use crate::administering::look;
use crate::failure::Failure;
use crate::guard::Person;
use crate::pages::{Query, profile};
use crate::views::{FoundPersonView, Nav, PeoplePage, initials};
use crate::{links, show};

/// People on one page.
const PAGE: usize = 30;

/// Reads what narrows the list; anything unknown narrows nothing.
pub(crate) fn wanted(query: &Query) -> Wanted {
    let status = UserStatus::from_name(query.get("status"));
    Wanted {
        beginning: query.get("q").trim().chars().take(200).collect(),
        role: Role::from_name(query.get("role")),
        status: status.filter(|status| *status != UserStatus::Deleted),
    }
}

/// A place in the list as it stands in an address.
pub(crate) fn write_position(position: Position) -> String {
    let found_by = match position.found_by {
        FoundBy::Name => "name",
        FoundBy::Family => "family",
        FoundBy::Email => "email",
    };
    format!("{found_by}.{}", position.user)
}

/// Reads it back; anything else begins at the top.
pub(crate) fn read_position(text: &str) -> Option<Position> {
    let (found_by, user) = text.split_once('.')?;
    let found_by = match found_by {
        "name" => FoundBy::Name,
        "family" => FoundBy::Family,
        "email" => FoundBy::Email,
        _ => return None,
    };
    let user = user.parse().ok()?;
    Some(Position { found_by, user })
}

/// One page of the people of the reader's organization, and where the next begins.
pub(crate) async fn page(
    person: &Person,
    wanted: Wanted,
    after: Option<Position>,
    size: usize,
) -> Result<(Vec<User>, Option<Position>), Failure> {
    let found = look(person, move |tx, administrator| {
        let limit = i64::try_from(size + 1).unwrap_or(i64::MAX);
        directory::list(tx, administrator.organization, &wanted, after, limit)
    });
    let mut found = found.await?;
    let more = found.len() > size;
    found.truncate(size);
    let next = found.last().filter(|_| more).map(|(position, _)| *position);
    Ok((found.into_iter().map(|(_, user)| user).collect(), next))
}

/// `GET /admin/people`.
pub(crate) async fn get(person: Person, query: Query) -> Result<Response, Failure> {
    let (wanted, after) = (wanted(&query), read_position(query.get("after")));
    let (found, next) = page(&person, wanted.clone(), after, PAGE).await?;
    let link = |position: Option<Position>| {
        let mut pairs = Serializer::new(String::new());
        pairs.append_pair("q", &wanted.beginning);
        pairs.append_pair("role", wanted.role.map_or("", Role::name));
        pairs.append_pair("status", wanted.status.map_or("", UserStatus::name));
        if let Some(position) = position {
            pairs.append_pair("after", &write_position(position));
        }
        format!("{}?{}", links::ADMIN_PEOPLE, pairs.finish())
    };
    let mut roles = vec![("", "Any role", wanted.role.is_none())];
    roles.extend(
        Role::ALL.map(|role| (role.name(), profile::role(role), wanted.role == Some(role))),
    );
    let status = |status: UserStatus, words| (status.name(), words, wanted.status == Some(status));
    let page = PeoplePage {
        frame: show::frame(&person.visit, Nav::People).await?,
        query: wanted.beginning.clone(),
        roles,
        statuses: vec![
            ("", "Active or disabled", wanted.status.is_none()),
            status(UserStatus::Active, "Active"),
            status(UserStatus::Disabled, "Disabled"),
        ],
        narrowed: !wanted.beginning.is_empty() || wanted.role.is_some() || wanted.status.is_some(),
        people: found.iter().map(found_person).collect(),
        newer: after.map(|_| link(None)),
        older: next.map(|next| link(Some(next))),
    };
    show::page(&person.visit, &page)
}

fn found_person(user: &User) -> FoundPersonView {
    FoundPersonView {
        href: href(user.id),
        name: user.name.clone(),
        initials: initials(&user.name),
        email: user.email.to_string(),
        role: (user.role != Role::Member).then(|| profile::role(user.role)),
        disabled: user.status == UserStatus::Disabled,
    }
}
