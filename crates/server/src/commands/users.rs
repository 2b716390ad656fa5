//! `user …`: accounts, as the operator runs them.

use std::collections::HashMap;

use nightlatch_domain::ending::{Actor, Cause};
use nightlatch_domain::password::check_new_password;
use nightlatch_domain::secret::Password;
use nightlatch_domain::user::{EmailAddress, EmailKey, Role, User, UserStatus, parse_name};
use nightlatch_flows::email_by_operator::{self, SetOutcome};
use nightlatch_flows::factor_removal::{self, Kind};
use nightlatch_flows::people::{self, AddOrganizationOutcome, AddUserOutcome, NewUser};
use nightlatch_storage::{Tx, organizations, users};
use nightlatch_web::signals::Concern;

use super::{
    Context, FactorKind, Reply, Stop, TypedPassword, UserChange, UserLine, get_organization,
    get_user, refused,
};

/// The organization that a first account gets if none is named.
const FIRST_ORGANIZATION: &str = "My organization";

/// How many people one transaction lists.
const PAGE: i64 = 500;

/// A person to add, as typed.
#[derive(Debug, Clone)]
pub(super) struct New {
    pub(super) email: String,
    pub(super) name: String,
    pub(super) organization: Option<String>,
    pub(super) role: Role,
}

pub(super) async fn add(
    context: Context<'_>,
    typed: New,
    password: &TypedPassword,
) -> Result<Reply, Stop> {
    let Some(email) = EmailAddress::parse(&typed.email) else {
        return refused(format!("{} is not an e-mail address.", typed.email));
    };
    let Some(name) = parse_name(&typed.name) else {
        return refused("A name has 1 to 200 characters.");
    };
    // Asked before the password is judged, and again when the account is made.
    let organization = {
        let (email, wanted) = (email.clone(), typed.organization.clone());
        context
            .store
            .read(move |tx| {
                refuse_taken(tx, &email)?;
                find_home(tx, wanted.as_deref()).map(|home| home.name().to_owned())
            })
            .await?
    };
    let record = make_record(
        context,
        password,
        &[&name, email.as_str(), organization.as_str()],
    )
    .await?;
    let (moment, wanted, role) = (context.moment.clone(), typed.organization, typed.role);
    let make = move |tx: &mut Tx<'_>| {
        refuse_taken(tx, &email)?;
        let home = find_home(tx, wanted.as_deref())?;
        let (organization_id, organization, is_new) = match home {
            Home::Existing(found) => (found.id, found.name, false),
            Home::New(name) => match people::add_organization(tx, &moment, &name)? {
                AddOrganizationOutcome::Added(id) => (id, name, true),
                AddOrganizationOutcome::NameTaken => {
                    return refused(format!("Somebody has just added {name}. Please try again."));
                }
            },
        };
        let new = NewUser {
            organization_id,
            email: email.clone(),
            name: name.clone(),
            role,
            password_record: record.clone(),
        };
        match people::add_user(tx, &moment, &new, Actor::Operator)? {
            AddUserOutcome::Added(id) => Ok(Reply::UserAdded {
                id,
                email: email.to_string(),
                role,
                organization,
                organization_is_new: is_new,
            }),
            AddUserOutcome::AddressTaken => taken(&email),
        }
    };
    context.store.write(make).await
}

/// Where a new account belongs.
enum Home {
    Existing(nightlatch_domain::organization::Organization),
    New(String),
}

impl Home {
    fn name(&self) -> &str {
        match self {
            Self::Existing(found) => &found.name,
            Self::New(name) => name,
        }
    }
}

fn find_home(tx: &mut Tx<'_>, wanted: Option<&str>) -> Result<Home, Stop> {
    if !organizations::list(tx, 1)?.is_empty() {
        return get_organization(tx, wanted).map(Home::Existing);
    }
    match parse_name(wanted.unwrap_or(FIRST_ORGANIZATION)) {
        Some(name) => Ok(Home::New(name)),
        None => refused("The name of an organization has 1 to 200 characters."),
    }
}

fn refuse_taken(tx: &mut Tx<'_>, email: &EmailAddress) -> Result<(), Stop> {
    match users::find_by_email(tx, &email.key())? {
        Some(_) => taken(email),
        None => Ok(()),
    }
}

fn taken<T>(email: &EmailAddress) -> Result<T, Stop> {
    refused(format!(
        "There is an account with the address {email} already."
    ))
}

/// Judges a new password and makes its record, outside of transactions.
async fn make_record(
    context: Context<'_>,
    typed: &TypedPassword,
    names: &[&str],
) -> Result<String, Stop> {
    let Some(password) = Password::typed(typed.reveal()) else {
        return refused(nightlatch_domain::password::PasswordProblem::TooLong.sentence());
    };
    if let Err(problem) = check_new_password(&password, names) {
        return refused(problem.sentence());
    }
    match context.hashing.hash(password).await {
        Ok(record) => Ok(record),
        Err(overloaded) => refused(format!(
            "The server is busy ({overloaded}). Please try again."
        )),
    }
}

pub(super) async fn list(context: Context<'_>) -> Result<Reply, Stop> {
    let mut lines = Vec::new();
    let mut after = EmailKey::of_typed("");
    loop {
        let from = after.clone();
        let page: Vec<UserLine> = context.store.read(move |tx| list_page(tx, &from)).await?;
        let Some(last) = page.last() else { break };
        after = EmailKey::of_typed(&last.email);
        lines.extend(page);
    }
    Ok(Reply::Users { users: lines })
}

fn list_page(tx: &mut Tx<'_>, after: &EmailKey) -> Result<Vec<UserLine>, Stop> {
    let mut names = HashMap::new();
    let mut lines = Vec::new();
    for user in users::list_after(tx, after, PAGE)? {
        let organization = if let Some(name) = names.get(&user.organization_id) {
            String::clone(name)
        } else {
            let name = organizations::get(tx, user.organization_id)?.name;
            names.insert(user.organization_id, name.clone());
            name
        };
        lines.push(UserLine {
            id: user.id,
            email: user.email.to_string(),
            name: user.name,
            role: user.role,
            status: user.status,
            organization,
            created_at: user.created_at.to_rfc3339(),
        });
    }
    Ok(lines)
}

pub(super) async fn disable(context: Context<'_>, email: String) -> Result<Reply, Stop> {
    let moment = context.moment.clone();
    let (user, done) = context
        .store
        .write(move |tx| {
            let user = get_user(tx, &email)?;
            if user.status == UserStatus::Disabled {
                return refused(format!("{} is disabled already.", user.email));
            }
            let done = people::disable(tx, &moment, user.id, Actor::Operator)?;
            Ok((user, (&done).into()))
        })
        .await?;
    context.announce(Concern::User(user.id), Cause::UserDisabled);
    Ok(changed(&user, UserChange::Disabled, Some(done)))
}

pub(super) async fn enable(context: Context<'_>, email: String) -> Result<Reply, Stop> {
    let moment = context.moment.clone();
    let user = context
        .store
        .write(move |tx| {
            let user = get_user(tx, &email)?;
            if user.status == UserStatus::Active {
                return refused(format!("{} is enabled already.", user.email));
            }
            people::enable(tx, &moment, user.id, Actor::Operator)?;
            Ok(user)
        })
        .await?;
    Ok(changed(&user, UserChange::Enabled, None))
}

pub(super) async fn delete(context: Context<'_>, email: String) -> Result<Reply, Stop> {
    let moment = context.moment.clone();
    let (user, done) = context
        .store
        .write(move |tx| -> Result<_, Stop> {
            let user = get_user(tx, &email)?;
            let done = people::delete(tx, &moment, user.id, Actor::Operator)?;
            Ok((user, (&done).into()))
        })
        .await?;
    context.announce(Concern::User(user.id), Cause::UserDeleted);
    Ok(changed(&user, UserChange::Deleted, Some(done)))
}

pub(super) async fn set_password(
    context: Context<'_>,
    email: String,
    password: &TypedPassword,
) -> Result<Reply, Stop> {
    let (user, organization) = context
        .store
        .read(move |tx| -> Result<_, Stop> {
            let user = get_user(tx, &email)?;
            let organization = organizations::get(tx, user.organization_id)?;
            Ok((user, organization.name))
        })
        .await?;
    let names = [user.name.as_str(), user.email.as_str(), &organization];
    let record = make_record(context, password, &names).await?;
    let (moment, email) = (context.moment.clone(), user.email.to_string());
    let done = context
        .store
        .write(move |tx| -> Result<_, Stop> {
            // By address again: the account may have gone meanwhile.
            let user = get_user(tx, &email)?;
            let done = people::set_password(tx, &moment, user.id, &record)?;
            Ok((&done).into())
        })
        .await?;
    context.announce(Concern::User(user.id), Cause::PasswordChanged);
    Ok(changed(&user, UserChange::PasswordSet, Some(done)))
}

pub(super) async fn set_email(
    context: Context<'_>,
    email: String,
    typed: &str,
) -> Result<Reply, Stop> {
    let Some(new) = EmailAddress::parse(typed) else {
        return refused(format!("{typed} is not an e-mail address."));
    };
    let moment = context.moment.clone();
    let (user, done) = context
        .store
        .write(move |tx| {
            let mut user = get_user(tx, &email)?;
            let done = match email_by_operator::set_by_operator(tx, &moment, user.id, &new)? {
                SetOutcome::Set(done) => (&done).into(),
                SetOutcome::Same => {
                    return refused(format!("{new} is the address of that account already."));
                }
                SetOutcome::Taken => {
                    return refused(format!(
                        "{new} belongs to another account, or was changed less than 7 days ago and can \
                         still be given back to it."
                    ));
                }
            };
            user.email = new.clone();
            Ok((user, done))
        })
        .await?;
    context.announce(Concern::User(user.id), Cause::EmailChanged);
    Ok(changed(&user, UserChange::EmailSet, Some(done)))
}

pub(super) async fn remove_factors(
    context: Context<'_>,
    email: String,
    only: &[FactorKind],
    reason: String,
) -> Result<Reply, Stop> {
    let kinds: Vec<Kind> = if only.is_empty() {
        Kind::ALL.to_vec()
    } else {
        only.iter().map(|kind| kind.meaning()).collect()
    };
    let moment = context.moment.clone();
    let (user, removed) = context
        .store
        .write(move |tx| {
            let user = get_user(tx, &email)?;
            if !factor_removal::has_any(tx, user.id, &kinds)? {
                return refused(format!("{} has none of these.", user.email));
            }
            let removed = factor_removal::remove_factors(tx, &moment, user.id, &kinds, &reason)?;
            Ok((user, removed))
        })
        .await?;
    context.announce(Concern::User(user.id), Cause::FactorChanged);
    Ok(Reply::FactorsRemoved {
        email: user.email.to_string(),
        authenticator_apps: removed.authenticator_apps,
        passkeys: removed.passkeys,
        recovery_codes: removed.recovery_codes,
        remembered_browsers: removed.remembered_browsers,
        ended: (&removed.done).into(),
    })
}

fn changed(user: &User, change: UserChange, ended: Option<super::EndedLine>) -> Reply {
    Reply::UserChanged {
        email: user.email.to_string(),
        change,
        ended,
    }
}
