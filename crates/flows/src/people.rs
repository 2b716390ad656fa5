//! Accounts and organizations, as the operator (later: administrators) runs
//! them.

use nightlatch_domain::alert::AlertKind;
use nightlatch_domain::client::ClientDetails;
use nightlatch_domain::ending::{Actor, Cause};
use nightlatch_domain::event::{Event, EventKind};
use nightlatch_domain::ids::{EventId, OrganizationId, UserId};
use nightlatch_domain::organization::{Organization, Settings};
use nightlatch_domain::throttle;
use nightlatch_domain::user::{Appearance, EmailAddress, Role, User, UserStatus};
use nightlatch_storage::{
    StorageError, Tx, email_changes, events, mail_links, mails, organizations, throttles, users,
};

use crate::Moment;
use crate::alerts::{Alert, raise};
use crate::log_out::{EndingDone, end_all_of};

/// A person to add.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Where they belong.
    pub organization_id: OrganizationId,
    /// Their address, unique in the deployment.
    pub email: EmailAddress,
    /// What people call them.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The record of their password.
    pub password_record: String,
}

/// What came of adding a person.
#[derive(Debug)]
pub enum AddUserOutcome {
    /// Added.
    Added(UserId),
    /// Somebody has this address.
    AddressTaken,
}

/// Adds a person.
pub fn add_user(
    tx: &mut Tx<'_>,
    moment: &Moment,
    new: &NewUser,
    actor: Actor,
) -> Result<AddUserOutcome, StorageError> {
    // Somebody may still be given it back, and a second account would be in the way.
    let held = email_changes::is_held(tx, &new.email.key(), None, moment.now)?;
    if held || users::find_by_email(tx, &new.email.key())?.is_some() {
        return Ok(AddUserOutcome::AddressTaken);
    }
    let user = User {
        id: UserId::sortable(moment.now, moment.random.as_ref()),
        organization_id: new.organization_id,
        email: new.email.clone(),
        name: new.name.clone(),
        role: new.role,
        status: UserStatus::Active,
        appearance: Appearance::System,
        picture_version: None,
        created_at: moment.now,
    };
    users::add(tx, &user)?;
    users::set_password(tx, user.id, &new.password_record, moment.now)?;
    let detail = Some(new.role.name().to_owned());
    record(tx, moment, &user, EventKind::UserCreated, actor, detail)?;
    Ok(AddUserOutcome::Added(user.id))
}

/// Disables an account and ends everything it has, in one transaction (F4).
pub fn disable(
    tx: &mut Tx<'_>,
    moment: &Moment,
    id: UserId,
    actor: Actor,
) -> Result<EndingDone, StorageError> {
    let user = users::get(tx, id)?;
    users::set_status(tx, id, UserStatus::Disabled)?;
    record(tx, moment, &user, EventKind::UserDisabled, actor, None)?;
    end_all_of(tx, moment, id, Cause::UserDisabled, actor)
}

/// Lets an account be used again. Nothing that was ended comes back.
pub fn enable(
    tx: &mut Tx<'_>,
    moment: &Moment,
    id: UserId,
    actor: Actor,
) -> Result<(), StorageError> {
    let user = users::get(tx, id)?;
    users::set_status(tx, id, UserStatus::Active)?;
    record(tx, moment, &user, EventKind::UserEnabled, actor, None)
}

/// Deletes an account and ends everything it has, in one transaction. A nameless
/// row stays.
pub fn delete(
    tx: &mut Tx<'_>,
    moment: &Moment,
    id: UserId,
    actor: Actor,
) -> Result<EndingDone, StorageError> {
    let user = users::get(tx, id)?;
    let done = end_all_of(tx, moment, id, Cause::UserDeleted, actor)?;
    record(tx, moment, &user, EventKind::UserDeleted, actor, None)?;
    mails::delete_of_user(tx, id)?;
    mail_links::delete_of_user(tx, id)?;
    users::erase(tx, id)?;
    Ok(done)
}

/// Sets a password at the operator's word; ends everything the account has, and
/// starts its counters of failures anew.
pub fn set_password(
    tx: &mut Tx<'_>,
    moment: &Moment,
    id: UserId,
    password_record: &str,
) -> Result<EndingDone, StorageError> {
    let user = users::get(tx, id)?;
    let binding = users::find_password_set_at(tx, id)?;
    // Nothing else deletes a counter that is off.
    throttles::clear(tx, throttle::stranger_key(&user.email.key(), binding))?;
    users::set_password(tx, id, password_record, moment.now)?;
    let kind = EventKind::PasswordSetByOperator;
    record(tx, moment, &user, kind, Actor::Operator, None)?;
    let alert = Alert {
        kind: AlertKind::PasswordSetByOperator,
        user: &user,
        session: None,
        client: None,
        detail: None,
    };
    raise(tx, moment, &alert)?;
    end_all_of(tx, moment, id, Cause::PasswordChanged, Actor::Operator)
}

/// What came of adding an organization.
#[derive(Debug)]
pub enum AddOrganizationOutcome {
    /// Added.
    Added(OrganizationId),
    /// Another one has this name.
    NameTaken,
}

/// Adds an organization with default settings.
pub fn add_organization(
    tx: &mut Tx<'_>,
    moment: &Moment,
    name: &str,
) -> Result<AddOrganizationOutcome, StorageError> {
    if organizations::find_by_name(tx, name)?.is_some() {
        return Ok(AddOrganizationOutcome::NameTaken);
    }
    let organization = Organization {
        id: OrganizationId::sortable(moment.now, moment.random.as_ref()),
        name: name.to_owned(),
        settings: Settings::default(),
        created_at: moment.now,
    };
    organizations::add(tx, &organization)?;
    Ok(AddOrganizationOutcome::Added(organization.id))
}

/// Stores an organization's settings, and what changed (POL-07). A changed rule
/// for the second factor counts its grace from now (POL-04).
pub fn set_settings(
    tx: &mut Tx<'_>,
    moment: &Moment,
    organization: &Organization,
    actor: Actor,
    change: String,
) -> Result<(), StorageError> {
    let before = organizations::get(tx, organization.id)?;
    let mut after = organization.clone();
    let rule = &mut after.settings.policy.second_factor;
    if before.settings.policy.second_factor.rule != rule.rule {
        rule.since = Some(moment.now);
    }
    organizations::update(tx, &after)?;
    events::add(
        tx,
        &Event {
            id: EventId::sortable(moment.now, moment.random.as_ref()),
            at: moment.now,
            organization_id: Some(organization.id),
            user_id: None,
            actor,
            kind: EventKind::SettingsChanged,
            session_id: None,
            browser_id: None,
            ending_id: None,
            cause: None,
            client: ClientDetails::new(None, None, ""),
            count: 1,
            detail: Some(change),
        },
    )
}

/// Writes what was done to an account into its history.
pub(crate) fn record(
    tx: &mut Tx<'_>,
    moment: &Moment,
    user: &User,
    kind: EventKind,
    actor: Actor,
    detail: Option<String>,
) -> Result<(), StorageError> {
    events::add(
        tx,
        &Event {
            id: EventId::sortable(moment.now, moment.random.as_ref()),
            at: moment.now,
            organization_id: Some(user.organization_id),
            user_id: Some(user.id),
            actor,
            kind,
            session_id: None,
            browser_id: None,
            ending_id: None,
            cause: None,
            client: ClientDetails::new(None, None, ""),
            count: 1,
            detail,
        },
    )
}
