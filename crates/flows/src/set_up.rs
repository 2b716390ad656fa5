//! The first start: a one-time link that makes the first administrator.
//!
//! There are no default accounts (AUTH-11). The link is random, works once,
//! expires, and dies as soon as any account exists.

use std::time::Duration;

use nightlatch_domain::Timestamp;
use nightlatch_domain::ending::Actor;
use nightlatch_domain::ids::UserId;
use nightlatch_domain::secret::{Token, TokenDigest};
use nightlatch_domain::user::{EmailAddress, Role};
use nightlatch_storage::{StorageError, Tx, set_up_links, users};

use crate::Moment;
use crate::people::{AddOrganizationOutcome, AddUserOutcome, NewUser, add_organization, add_user};

/// How long a link works.
pub const LINK_LIFE: Duration = Duration::from_hours(24);

/// Makes a link if there is nobody yet; it voids every earlier one.
pub fn issue_link(tx: &mut Tx<'_>, moment: &Moment) -> Result<Option<Token>, StorageError> {
    if users::any_exists(tx)? {
        return Ok(None);
    }
    let token = Token::generate(moment.random.as_ref());
    set_up_links::replace(tx, token.digest(), moment.now.plus(LINK_LIFE))?;
    Ok(Some(token))
}

/// Whether a link may still be used. Asking consumes nothing.
pub fn is_open(tx: &mut Tx<'_>, token: TokenDigest, now: Timestamp) -> Result<bool, StorageError> {
    Ok(!users::any_exists(tx)? && set_up_links::is_valid(tx, token, now)?)
}

/// The first organization and its administrator.
#[derive(Debug, Clone)]
pub struct Founding {
    /// The company.
    pub organization: String,
    /// The person's address.
    pub email: EmailAddress,
    /// The person's name.
    pub name: String,
    /// The record of their password.
    pub password_record: String,
}

/// What came of it.
#[derive(Debug)]
pub enum FoundingOutcome {
    /// There is an administrator now.
    Founded(UserId),
    /// The link is not valid, or somebody was faster.
    LinkClosed,
    /// Another organization has this name.
    NameTaken,
    /// Another account has this address.
    AddressTaken,
}

/// Makes the first organization and its administrator, and voids the link.
pub fn found(
    tx: &mut Tx<'_>,
    moment: &Moment,
    token: TokenDigest,
    founding: &Founding,
) -> Result<FoundingOutcome, StorageError> {
    if !is_open(tx, token, moment.now)? {
        return Ok(FoundingOutcome::LinkClosed);
    }
    // Before anything is written: what is refused leaves no organization behind.
    if users::find_by_email(tx, &founding.email.key())?.is_some() {
        return Ok(FoundingOutcome::AddressTaken);
    }
    let organization_id = match add_organization(tx, moment, &founding.organization)? {
        AddOrganizationOutcome::Added(id) => id,
        AddOrganizationOutcome::NameTaken => return Ok(FoundingOutcome::NameTaken),
    };
    let new = NewUser {
        organization_id,
        email: founding.email.clone(),
        name: founding.name.clone(),
        role: Role::Owner,
        password_record: founding.password_record.clone(),
    };
    match add_user(tx, moment, &new, Actor::Operator)? {
        AddUserOutcome::Added(id) => {
            set_up_links::delete_all(tx)?;
            Ok(FoundingOutcome::Founded(id))
        }
        AddUserOutcome::AddressTaken => Ok(FoundingOutcome::AddressTaken),
    }
}
