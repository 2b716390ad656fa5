//! `group …`: groups of people, by which apps say whom they let in.

use nightlatch_domain::ending::Actor;
use nightlatch_domain::organization::Organization;
use nightlatch_domain::user::parse_name;
use nightlatch_flows::groups::{self, AddOutcome, MemberOutcome};
use nightlatch_storage::Tx;
use nightlatch_storage::groups::{self as stored, Group};

use super::{Context, GroupLine, Reply, Stop, get_organization, get_user, refused};

/// How many groups are listed, and how many people of each.
const MOST_LISTED: i64 = 1_000;

pub(super) async fn add(
    context: Context<'_>,
    name: &str,
    organization: Option<String>,
) -> Result<Reply, Stop> {
    let Some(name) = parse_name(name) else {
        return refused("The name of a group has 1 to 200 characters.");
    };
    let moment = context.moment.clone();
    context
        .store
        .write(move |tx| {
            let home = get_organization(tx, organization.as_deref())?;
            match groups::add(tx, &moment, home.id, &name, Actor::Operator)? {
                AddOutcome::Added(group) => Ok(Reply::GroupAdded {
                    id: group.id,
                    name: group.name,
                    organization: home.name,
                }),
                AddOutcome::NameTaken => {
                    refused(format!("{} has a group called {name} already.", home.name))
                }
            }
        })
        .await
}

pub(super) async fn list(
    context: Context<'_>,
    organization: Option<String>,
) -> Result<Reply, Stop> {
    context
        .store
        .read(move |tx| {
            let home = get_organization(tx, organization.as_deref())?;
            let mut lines = Vec::new();
            for group in stored::list_of_organization(tx, home.id, None, MOST_LISTED)? {
                let members = stored::list_members(tx, group.id, None, MOST_LISTED)?;
                lines.push(GroupLine {
                    id: group.id,
                    name: group.name,
                    organization: home.name.clone(),
                    members: members.iter().map(|user| user.email.to_string()).collect(),
                });
            }
            Ok(Reply::Groups { groups: lines })
        })
        .await
}

pub(super) async fn remove(
    context: Context<'_>,
    name: String,
    organization: Option<String>,
) -> Result<Reply, Stop> {
    let moment = context.moment.clone();
    context
        .store
        .write(move |tx| {
            let (_, group) = get(tx, &name, organization.as_deref())?;
            groups::remove(tx, &moment, &group, Actor::Operator)?;
            Ok(Reply::GroupRemoved { name: group.name })
        })
        .await
}

pub(super) async fn member(
    context: Context<'_>,
    (name, organization): (String, Option<String>),
    email: String,
    is_member: bool,
) -> Result<Reply, Stop> {
    let moment = context.moment.clone();
    context
        .store
        .write(move |tx| {
            let (home, group) = get(tx, &name, organization.as_deref())?;
            let user = get_user(tx, &email)?;
            let outcome = if is_member {
                groups::add_member(tx, &moment, (&group, &user), Actor::Operator)?
            } else {
                groups::remove_member(tx, &moment, (&group, user.id), Actor::Operator)?
            };
            match outcome {
                MemberOutcome::Done => Ok(Reply::GroupMemberChanged {
                    name: group.name,
                    email: user.email.to_string(),
                    is_member,
                }),
                MemberOutcome::AsBefore if is_member => {
                    refused(format!("{} is in {} already.", user.email, group.name))
                }
                MemberOutcome::AsBefore => {
                    refused(format!("{} is not in {}.", user.email, group.name))
                }
                MemberOutcome::Stranger => {
                    refused(format!("{} does not belong to {}.", user.email, home.name))
                }
            }
        })
        .await
}

fn get(
    tx: &mut Tx<'_>,
    name: &str,
    organization: Option<&str>,
) -> Result<(Organization, Group), Stop> {
    let home = get_organization(tx, organization)?;
    match stored::find_by_name(tx, home.id, name)? {
        Some(group) => Ok((home, group)),
        None => refused(format!(
            "{} has no group called {name}. `nightlatch group list` shows all.",
            home.name
        )),
    }
}
