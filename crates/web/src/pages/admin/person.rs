//! `/admin/people/{id}`: one person of the organization.

use std::sync::Arc;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use nightlatch_domain::event::Event;
use nightlatch_domain::ids::SessionId;
use nightlatch_domain::user::{Power, Role, User, UserStatus};
use nightlatch_flows::sessions::{ListedSession, list_live};
use nightlatch_flows::{factors, history, members, own_apps};
use nightlatch_storage::events::{EventFilter, EventPosition};
use nightlatch_storage::{StorageError, Tx, groups, passkeys, users};

use super::{href, parse_user};
use crate::administering::look;
use crate::cookies::Jar;
use crate::failure::Failure;
use crate::guard::Person;
use crate::pages::history::{entry, read_position, write_position};
use crate::pages::sessions::group;
use crate::pages::{Query, profile};
use crate::show;
use crate::views::{HistoryEntryView, MemberPage, Nav};

/// Lines of the history on the page.
const LINES: u16 = 20;

/// Groups that are shown.
const MOST_GROUPS: i64 = 100;

/// Everything that is shown of a person.
pub(crate) struct Seen {
    pub(crate) user: User,
    pub(crate) sessions: Vec<ListedSession>,
    pub(crate) apps_of_sessions: Vec<(SessionId, String)>,
    pub(crate) apps: Vec<String>,
    pub(crate) factors: Vec<String>,
    pub(crate) groups: Vec<String>,
    pub(crate) events: Vec<Event>,
    pub(crate) next: Option<EventPosition>,
}

/// Looks at a person of the reader's organization.
pub(crate) async fn see(
    person: &Person,
    id: &str,
    after: Option<EventPosition>,
) -> Result<Seen, Failure> {
    let (id, now) = (parse_user(id)?, person.visit.now);
    let activity = Arc::clone(&person.visit.app.activity);
    let seen = look(person, move |tx, administrator| {
        let Some(user) = members::find(tx, administrator, id)? else {
            return Ok(None);
        };
        let apps = own_apps::list(tx, &activity, &user, now)?;
        let page = history::page(tx, id, EventFilter::All, after, LINES)?;
        let groups = groups::list_of_user(tx, id, MOST_GROUPS)?;
        Ok(Some(Seen {
            sessions: list_live(tx, id, &activity, now)?,
            apps_of_sessions: own_apps::list_of_sessions(tx, id)?,
            apps: apps.into_iter().map(|own| own.app.name).collect(),
            factors: factor_names(tx, &user)?,
            groups: groups.into_iter().map(|group| group.name).collect(),
            events: page.events,
            next: page.next,
            user,
        }))
    });
    seen.await?.ok_or_else(Failure::not_found)
}

/// What somebody proves themselves with, in words; never what it is made of.
fn factor_names(tx: &mut Tx<'_>, user: &User) -> Result<Vec<String>, StorageError> {
    let mut names = Vec::new();
    if users::find_password_set_at(tx, user.id)?.is_some() {
        names.push("password".to_owned());
    }
    let enrolled = factors::enrolled(tx, user.id)?;
    let several = |count: usize, one: &str, many: &str| match count {
        0 => None,
        1 => Some(one.to_owned()),
        count => Some(format!("{count} {many}")),
    };
    let keys = passkeys::list_of_user(tx, user.id, MOST_GROUPS)?.len();
    names.extend(several(keys, "passkey", "passkeys"));
    let apps = enrolled.authenticator_apps.len();
    names.extend(several(apps, "authenticator app", "authenticator apps"));
    if enrolled.recovery_codes_left > 0 {
        names.push("recovery codes".to_owned());
    }
    if let Some(first) = names.first_mut() {
        let mut characters = first.chars();
        *first = characters.next().map_or_else(String::new, |c| {
            c.to_uppercase().chain(characters).collect()
        });
    }
    Ok(names)
}

/// `GET /admin/people/{id}`.
pub(crate) async fn get(
    person: Person,
    Path(id): Path<String>,
    query: Query,
) -> Result<Response, Failure> {
    let seen = see(&person, &id, read_position(query.get("after"))).await?;
    let (user, reader) = (&seen.user, &person.live.owned.user);
    let roles = Role::ALL
        .into_iter()
        .filter(|role| reader.role.has_say_over(*role) || *role == user.role);
    let page = MemberPage {
        frame: show::frame(&person.visit, Nav::People).await?,
        href: href(user.id),
        name: user.name.clone(),
        email: user.email.to_string(),
        role: profile::role(user.role),
        disabled: user.status == UserStatus::Disabled,
        since: show::time(user.created_at, person.visit.now),
        factors: seen.factors,
        groups: seen.groups,
        apps: seen.apps,
        browsers: group(&person, &seen.sessions, &seen.apps_of_sessions),
        sessions: seen.sessions.len() as u64,
        entries: seen
            .events
            .iter()
            .filter_map(|event| line(&person, event))
            .collect(),
        older: seen
            .next
            .map(|next| format!("{}?after={}", href(user.id), write_position(next))),
        may_act: reader.role.has(Power::Administer) && reader.role.has_say_over(user.role),
        oneself: user.id == reader.id,
        mail_works: person.visit.app.mail_works(),
        roles: roles
            .map(|role| (role.name(), profile::role(role), role == user.role))
            .collect(),
    };
    show::page_with(&person.visit, StatusCode::OK, &page, Jar::default())
}

/// A line of somebody else's history.
fn line(person: &Person, event: &Event) -> Option<HistoryEntryView> {
    let mut view = entry(person, event)?;
    view.not_me_href = None;
    view.details_href = None;
    view.who = view.who.map(|who| match who.as_str() {
        "You" => "They themselves".to_owned(),
        _ => who,
    });
    Some(view)
}
