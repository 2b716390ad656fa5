//! Groups: made, filled and removed, and what stands for who may enter an app.
//!
//! Who may do that is decided by the callers. Everything that happens stands in the
//! audit trail, and counts for the next request (POL-02).

use nightlatch_domain::client::ClientDetails;
use nightlatch_domain::ending::Actor;
use nightlatch_domain::event::{Event, EventKind};
use nightlatch_domain::ids::{EventId, GroupId, OrganizationId, UserId};
use nightlatch_domain::relying_party::protection::Entrance;
use nightlatch_domain::user::{EmailKey, User};
use nightlatch_storage::groups::{self as stored, Group};
use nightlatch_storage::{StorageError, Tx, events, users};

use crate::Moment;

/// The group of this organization; those of others do not exist for it.
pub fn find(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    id: GroupId,
) -> Result<Option<Group>, StorageError> {
    let found = stored::find(tx, id)?;
    Ok(found.filter(|group| group.organization_id == organization))
}

/// What came of making a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddOutcome {
    /// There it is.
    Added(Group),
    /// Another group of the organization has this name.
    NameTaken,
}

/// Makes a group without members.
pub fn add(
    tx: &mut Tx<'_>,
    moment: &Moment,
    organization_id: OrganizationId,
    name: &str,
    actor: Actor,
) -> Result<AddOutcome, StorageError> {
    if stored::find_by_name(tx, organization_id, name)?.is_some() {
        return Ok(AddOutcome::NameTaken);
    }
    let group = Group {
        id: GroupId::random(moment.random.as_ref()),
        organization_id,
        name: name.to_owned(),
        created_at: moment.now,
    };
    stored::add(tx, &group)?;
    record(tx, moment, &group, (EventKind::GroupAdded, None), actor)?;
    Ok(AddOutcome::Added(group))
}

/// Removes a group. An app that lets nobody in but its members lets nobody in from then
/// on: a rule never opens by losing what it names.
pub fn remove(
    tx: &mut Tx<'_>,
    moment: &Moment,
    group: &Group,
    actor: Actor,
) -> Result<(), StorageError> {
    stored::delete(tx, group)?;
    record(tx, moment, group, (EventKind::GroupRemoved, None), actor)
}

/// What came of taking somebody into a group, or out of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberOutcome {
    /// Done.
    Done,
    /// They were in it already, or were not.
    AsBefore,
    /// They belong to another organization.
    Stranger,
}

/// Takes somebody into a group of their organization.
pub fn add_member(
    tx: &mut Tx<'_>,
    moment: &Moment,
    (group, user): (&Group, &User),
    actor: Actor,
) -> Result<MemberOutcome, StorageError> {
    if user.organization_id != group.organization_id {
        return Ok(MemberOutcome::Stranger);
    }
    if !stored::add_member(tx, group.id, user.id)? {
        return Ok(MemberOutcome::AsBefore);
    }
    let what = (EventKind::GroupMemberAdded, Some(user.id));
    record(tx, moment, group, what, actor)?;
    Ok(MemberOutcome::Done)
}

/// Takes somebody out of a group; what only its members may enter refuses their next
/// request.
pub fn remove_member(
    tx: &mut Tx<'_>,
    moment: &Moment,
    (group, user): (&Group, UserId),
    actor: Actor,
) -> Result<MemberOutcome, StorageError> {
    if !stored::remove_member(tx, group.id, user)? {
        return Ok(MemberOutcome::AsBefore);
    }
    let what = (EventKind::GroupMemberRemoved, Some(user));
    record(tx, moment, group, what, actor)?;
    Ok(MemberOutcome::Done)
}

/// Whom a rule should let in, as typed: people by address, groups by name, and both by
/// the ids with which the rule names them already. What is left out stays as it is.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    /// People.
    pub users: Option<&'a [String]>,
    /// Groups.
    pub groups: Option<&'a [String]>,
}

/// A name that nothing of the organization has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unknown {
    /// No account of it has this address or id.
    User(String),
    /// No group of it has this name or id.
    Group(String),
}

/// Who may enter, once the wish is granted. With neither people nor groups it is
/// everybody of the organization.
pub fn entrance(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    before: &Entrance,
    named: Named<'_>,
) -> Result<Result<Entrance, Unknown>, StorageError> {
    if named.users.is_none() && named.groups.is_none() {
        return Ok(Ok(before.clone()));
    }
    let (mut users, mut groups) = match before {
        Entrance::Everyone => (Vec::new(), Vec::new()),
        Entrance::Named { users, groups } => (users.clone(), groups.clone()),
    };
    if let Some(typed) = named.users {
        let before = std::mem::take(&mut users);
        for text in typed {
            match find_user(tx, organization, &before, text)? {
                Some(id) if users.contains(&id) => {}
                Some(id) => users.push(id),
                None => return Ok(Err(Unknown::User(text.clone()))),
            }
        }
    }
    if let Some(typed) = named.groups {
        let before = std::mem::take(&mut groups);
        for text in typed {
            match find_group(tx, organization, &before, text)? {
                Some(id) if groups.contains(&id) => {}
                Some(id) => groups.push(id),
                None => return Ok(Err(Unknown::Group(text.clone()))),
            }
        }
    }
    Ok(Ok(if users.is_empty() && groups.is_empty() {
        Entrance::Everyone
    } else {
        Entrance::Named { users, groups }
    }))
}

fn find_user(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    before: &[UserId],
    text: &str,
) -> Result<Option<UserId>, StorageError> {
    if let Ok(id) = text.parse() {
        return Ok(before.contains(&id).then_some(id));
    }
    let found = users::find_by_email(tx, &EmailKey::of_typed(text))?;
    let own = found.filter(|user| user.organization_id == organization);
    Ok(own.map(|user| user.id))
}

fn find_group(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    before: &[GroupId],
    text: &str,
) -> Result<Option<GroupId>, StorageError> {
    if let Ok(id) = text.parse()
        && before.contains(&id)
    {
        return Ok(Some(id));
    }
    let found = stored::find_by_name(tx, organization, text)?;
    Ok(found.map(|group| group.id))
}

fn record(
    tx: &mut Tx<'_>,
    moment: &Moment,
    group: &Group,
    (kind, user_id): (EventKind, Option<UserId>),
    actor: Actor,
) -> Result<(), StorageError> {
    events::add(
        tx,
        &Event {
            id: EventId::sortable(moment.now, moment.random.as_ref()),
            at: moment.now,
            organization_id: Some(group.organization_id),
            user_id,
            actor,
            kind,
            session_id: None,
            browser_id: None,
            ending_id: None,
            cause: None,
            client: ClientDetails::new(None, None, ""),
            count: 1,
            detail: Some(format!("{} ({})", group.name, group.id)),
        },
    )
}
