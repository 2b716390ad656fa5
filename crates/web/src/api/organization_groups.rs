//! The groups of an organization, for its administrators: the same acts as
//! `nightlatch group`, through the same flows.
//!
//! Who may enter an app hangs on them, so whatever changes one takes a fresh proof and
//! counts for the next request (POL-02). Groups and people of other organizations are as
//! good as none (POL-03).

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use nightlatch_domain::ids::{GroupId, UserId};
use nightlatch_domain::user::{EmailKey, User, parse_name};
use nightlatch_flows::administration::Demand;
use nightlatch_flows::groups::{self, AddOutcome, MemberOutcome};
use nightlatch_storage::groups::{self as stored, Group};
use nightlatch_storage::users;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::administering::{act, look};
use crate::api::body::{Body, answer};
use crate::cookies::Jar;
use crate::failure::Failure;
use crate::guard::Person;
use crate::pages::Query;
use crate::signals::Concern;
use crate::views::Problem;

/// Groups, or members of one, in one answer.
const PAGE: usize = 50;

fn no_such_group() -> Failure {
    Failure::not_found().with_code("no-such-group")
}

fn no_such_member() -> Failure {
    Failure::not_found().with_code("no-such-member")
}

fn refused(sentence: &str, code: &'static str) -> Failure {
    Failure::saying(Problem::BadRequest, sentence).with_code(code)
}

fn parse_id(id: &str) -> Result<GroupId, Failure> {
    id.parse().map_err(|_| no_such_group())
}

/// The `next` of an earlier answer.
fn after<T: std::str::FromStr>(query: &Query) -> Result<Option<T>, Failure> {
    match query.get("after") {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| unknown_after()),
    }
}

fn unknown_after() -> Failure {
    Failure::new(Problem::BadRequest).with_code("after")
}

/// One more than a page, so that it is known whether there is more.
fn limit() -> i64 {
    i64::try_from(PAGE + 1).unwrap_or(i64::MAX)
}

/// A group.
#[derive(Serialize, ToSchema)]
pub(crate) struct GroupEntry {
    /// Identifies the group.
    id: String,
    /// What people call it; unique in the organization, whatever the letter case.
    name: String,
    /// When it was made (RFC 3339).
    created_at: String,
}

impl From<&Group> for GroupEntry {
    fn from(group: &Group) -> Self {
        Self {
            id: group.id.to_string(),
            name: group.name.clone(),
            created_at: group.created_at.to_rfc3339(),
        }
    }
}

/// The groups of an organization.
#[derive(Serialize, ToSchema)]
pub(crate) struct GroupPage {
    /// By name.
    groups: Vec<GroupEntry>,
    /// Send as `after` for what comes next; missing at the end.
    next: Option<String>,
}

/// The groups of the administrator's organization.
#[utoipa::path(
    get, path = "/api/v1/organization/groups", tag = "organization",
    params(("after" = Option<String>, Query, description = "The `next` of an earlier answer")),
    responses(
        (status = 200, body = GroupPage),
        (status = 400, description = "There is no group that `after` names"),
        (status = 401, description = "No live session"),
        (status = 403, description = "The signed-in person is no administrator")
    )
)]
pub(crate) async fn list(person: Person, query: Query) -> Result<Response, Failure> {
    let after: Option<GroupId> = after(&query)?;
    let found = look(&person, move |tx, administrator| {
        let organization = administrator.organization;
        let name = match after {
            None => None,
            Some(id) => match groups::find(tx, organization, id)? {
                Some(group) => Some(group.name),
                None => return Ok(None),
            },
        };
        stored::list_of_organization(tx, organization, name.as_deref(), limit()).map(Some)
    });
    let mut found = found.await?.ok_or_else(unknown_after)?;
    let more = found.len() > PAGE;
    found.truncate(PAGE);
    let next = found.last().filter(|_| more);
    let body = GroupPage {
        next: next.map(|group| group.id.to_string()),
        groups: found.iter().map(Into::into).collect(),
    };
    Ok(answer(body, Jar::default()))
}

/// A group to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewGroup {
    /// What people call it: 1 to 200 characters.
    name: String,
}

/// Makes a group without members.
#[utoipa::path(
    post, path = "/api/v1/organization/groups", tag = "organization", request_body = NewGroup,
    responses(
        (status = 201, body = GroupEntry),
        (status = 400, description = "The name is taken or is none; the detail says which"),
        (status = 401, description = "No live session"),
        (status = 403, description = "No administrator, or a proof of the last ten minutes is needed")
    )
)]
pub(crate) async fn add(
    person: Person,
    Body(request): Body<NewGroup>,
) -> Result<Response, Failure> {
    let name = parse_name(&request.name)
        .ok_or_else(|| refused("The name of a group has 1 to 200 characters.", "name"))?;
    let demand = (Demand::PROVED, "Making a group");
    let outcome = act(&person, demand, move |tx, moment, administrator| {
        let (organization, actor) = (administrator.organization, administrator.actor());
        groups::add(tx, moment, organization, &name, actor)
    });
    match outcome.await? {
        AddOutcome::Added(group) => {
            let mut response = answer(GroupEntry::from(&group), Jar::default());
            *response.status_mut() = StatusCode::CREATED;
            Ok(response)
        }
        AddOutcome::NameTaken => Err(refused(
            "Your organization has a group of this name already.",
            "name-taken",
        )),
    }
}

/// The group was removed.
#[derive(Serialize, ToSchema)]
pub(crate) struct GroupRemoved {
    /// Identified the group.
    id: String,
}

/// Removes a group. An app that lets nobody in but its members lets nobody in from then on:
/// a rule never opens by losing what it names.
#[utoipa::path(
    delete, path = "/api/v1/organization/groups/{id}", tag = "organization",
    params(("id" = String, Path, description = "The id of the group")),
    responses(
        (status = 200, body = GroupRemoved),
        (status = 401, description = "No live session"),
        (status = 403, description = "No administrator, or a proof of the last ten minutes is needed"),
        (status = 404, description = "The organization has no group of this id")
    )
)]
pub(crate) async fn remove(person: Person, Path(id): Path<String>) -> Result<Response, Failure> {
    let id = parse_id(&id)?;
    let demand = (Demand::PROVED, "Removing a group");
    let outcome = act(&person, demand, move |tx, moment, administrator| {
        let Some(group) = groups::find(tx, administrator.organization, id)? else {
            return Ok(None);
        };
        groups::remove(tx, moment, &group, administrator.actor()).map(Some)
    });
    outcome.await?.ok_or_else(no_such_group)?;
    // Open pages of apps that its members may not enter any more are left.
    let organization = person.live.owned.organization.id;
    let signals = &person.visit.app.signals;
    signals.ended(Concern::Organization(organization));
    let id = id.to_string();
    Ok(answer(GroupRemoved { id }, Jar::default()))
}

/// Somebody in a group.
#[derive(Serialize, ToSchema)]
pub(crate) struct MemberEntry {
    /// Identifies the person.
    id: String,
    /// Their address.
    email: String,
    /// Their name.
    name: String,
}

impl From<&User> for MemberEntry {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.to_string(),
            email: user.email.to_string(),
            name: user.name.clone(),
        }
    }
}

/// The people in a group.
#[derive(Serialize, ToSchema)]
pub(crate) struct MemberPage {
    /// In an order that does not change when names and addresses do.
    members: Vec<MemberEntry>,
    /// Send as `after` for what comes next; missing at the end.
    next: Option<String>,
}

/// The people in a group of the administrator's organization.
#[utoipa::path(
    get, path = "/api/v1/organization/groups/{id}/members", tag = "organization",
    params(
        ("id" = String, Path, description = "The id of the group"),
        ("after" = Option<String>, Query, description = "The `next` of an earlier answer")
    ),
    responses(
        (status = 200, body = MemberPage),
        (status = 400, description = "`after` is no id"),
        (status = 401, description = "No live session"),
        (status = 403, description = "The signed-in person is no administrator"),
        (status = 404, description = "The organization has no group of this id")
    )
)]
pub(crate) async fn members(
    person: Person,
    Path(id): Path<String>,
    query: Query,
) -> Result<Response, Failure> {
    let id = parse_id(&id)?;
    let after: Option<UserId> = after(&query)?;
    let found = look(&person, move |tx, administrator| {
        if groups::find(tx, administrator.organization, id)?.is_none() {
            return Ok(None);
        }
        stored::list_members(tx, id, after, limit()).map(Some)
    });
    let mut found = found.await?.ok_or_else(no_such_group)?;
    let more = found.len() > PAGE;
    found.truncate(PAGE);
    let next = found.last().filter(|_| more);
    let body = MemberPage {
        next: next.map(|user| user.id.to_string()),
        members: found.iter().map(Into::into).collect(),
    };
    Ok(answer(body, Jar::default()))
}

/// Whom to take into a group.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewMember {
    /// Their address.
    email: String,
}

/// Takes somebody of the organization into a group.
#[utoipa::path(
    post, path = "/api/v1/organization/groups/{id}/members", tag = "organization",
    request_body = NewMember,
    params(("id" = String, Path, description = "The id of the group")),
    responses(
        (status = 201, body = MemberEntry),
        (status = 400, description = "They are in it already, or the organization has nobody of this address"),
        (status = 401, description = "No live session"),
        (status = 403, description = "No administrator, or a proof of the last ten minutes is needed"),
        (status = 404, description = "The organization has no group of this id")
    )
)]
pub(crate) async fn add_member(
    person: Person,
    Path(id): Path<String>,
    Body(request): Body<NewMember>,
) -> Result<Response, Failure> {
    let id = parse_id(&id)?;
    let key = EmailKey::of_typed(&request.email);
    let demand = (Demand::PROVED, "Taking somebody into a group");
    let outcome = act(&person, demand, move |tx, moment, administrator| {
        let Some(group) = groups::find(tx, administrator.organization, id)? else {
            return Ok(None);
        };
        let Some(user) = users::find_by_email(tx, &key)? else {
            return Ok(Some(None));
        };
        let actor = administrator.actor();
        let done = groups::add_member(tx, moment, (&group, &user), actor)?;
        Ok(Some(Some((done, user))))
    });
    match outcome.await?.ok_or_else(no_such_group)? {
        Some((MemberOutcome::Done, user)) => {
            let mut response = answer(MemberEntry::from(&user), Jar::default());
            *response.status_mut() = StatusCode::CREATED;
            Ok(response)
        }
        Some((MemberOutcome::AsBefore, _)) => Err(refused(
            "This person is in the group already.",
            "member-already",
        )),
        // One answer: who has an account elsewhere is nobody's business here.
        Some((MemberOutcome::Stranger, _)) | None => Err(refused(
            "Your organization has nobody of this address.",
            "no-such-user",
        )),
    }
}

/// The person was taken out.
#[derive(Serialize, ToSchema)]
pub(crate) struct MemberRemoved {
    /// Identifies the person.
    id: String,
}

/// Takes somebody out of a group. What only its members may enter refuses their next request.
#[utoipa::path(
    delete, path = "/api/v1/organization/groups/{id}/members/{user}", tag = "organization",
    params(
        ("id" = String, Path, description = "The id of the group"),
        ("user" = String, Path, description = "The id of the person")
    ),
    responses(
        (status = 200, body = MemberRemoved),
        (status = 401, description = "No live session"),
        (status = 403, description = "No administrator, or a proof of the last ten minutes is needed"),
        (status = 404, description = "The organization has no group of this id, or nobody of this id is in it")
    )
)]
pub(crate) async fn remove_member(
    person: Person,
    Path((id, user)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let id = parse_id(&id)?;
    let user: UserId = user.parse().map_err(|_| no_such_member())?;
    let demand = (Demand::PROVED, "Taking somebody out of a group");
    let outcome = act(&person, demand, move |tx, moment, administrator| {
        let Some(group) = groups::find(tx, administrator.organization, id)? else {
            return Ok(None);
        };
        let actor = administrator.actor();
        groups::remove_member(tx, moment, (&group, user), actor).map(Some)
    });
    match outcome.await?.ok_or_else(no_such_group)? {
        MemberOutcome::Done => {
            // Open pages of apps that they may not enter any more are left.
            person.visit.app.signals.ended(Concern::User(user));
            let id = user.to_string();
            Ok(answer(MemberRemoved { id }, Jar::default()))
        }
        MemberOutcome::AsBefore | MemberOutcome::Stranger => Err(no_such_member()),
    }
}
