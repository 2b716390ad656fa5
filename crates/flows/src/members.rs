//! What administrators do with the people of their organization.
//!
//! Owns who has a say over whom: nobody over people of other organizations, who are as
//! good as none (POL-03); administrators not over owners; nobody takes the last owner
//! away. It neither sees nor sets a password (AUTH-11), and ends sessions in the one way.

use nightlatch_domain::ending::{Cause, Scope};
use nightlatch_domain::event::EventKind;
use nightlatch_domain::ids::{SessionId, UserId};
use nightlatch_domain::user::{Role, User, UserStatus};
use nightlatch_storage::{StorageError, Tx, directory, sessions, users};

use crate::Moment;
use crate::administration::{Administrator, Demand};
use crate::log_out::{EndingDone, end_all_of};
use crate::operator_endings::end_at_the_word_of;
use crate::{people, recovery};

/// What is done to one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Ends one of their sessions.
    EndSession(SessionId),
    /// Ends all of them.
    EndAll,
    /// Lets them do more or less.
    SetRole(Role),
    /// Lets nobody in with the account until it is enabled.
    Disable,
    /// Lets it be used again.
    Enable,
    /// Removes it for good.
    Delete,
    /// Sends them a link with which they choose a new password.
    StartReset,
    /// Takes the password away, ends everything, and sends the link.
    RequireNewCredentials,
}

impl Act {
    /// What it asks of whoever does it.
    pub const fn demand(&self) -> Demand {
        match self {
            Self::EndSession(_) => Demand::ACT,
            Self::EndAll
            | Self::SetRole(_)
            | Self::Disable
            | Self::Enable
            | Self::Delete
            | Self::StartReset
            | Self::RequireNewCredentials => Demand::PROVED,
        }
    }

    /// Why what it ends is over; `None` if it ends nothing.
    pub const fn cause(&self) -> Option<Cause> {
        match self {
            Self::EndSession(_) | Self::EndAll | Self::RequireNewCredentials => {
                Some(Cause::EndedByAdministrator)
            }
            Self::Disable => Some(Cause::UserDisabled),
            Self::Delete => Some(Cause::UserDeleted),
            Self::SetRole(_) | Self::Enable | Self::StartReset => None,
        }
    }
}

/// What came of it.
#[derive(Debug)]
pub enum ActOutcome {
    /// Done; what it ended, if anything.
    Done(Option<EndingDone>),
    /// It is so already.
    AsBefore,
    /// The organization has no such person, or the person no such session.
    NotFound,
    /// They are an owner, or are to become one, and whoever asked is not.
    OwnersOnly,
    /// Nobody else owns the organization.
    LastOwner,
    /// It would shut out whoever does it.
    Oneself,
    /// Nobody can sign in with the account, so a new password opens nothing.
    NotActive,
}

/// The person of that id, if they belong to the organization; deleted accounts name nobody.
pub fn find(
    tx: &mut Tx<'_>,
    administrator: Administrator,
    id: UserId,
) -> Result<Option<User>, StorageError> {
    let found = users::find(tx, id)?;
    Ok(found.filter(|user| {
        user.organization_id == administrator.organization && user.status != UserStatus::Deleted
    }))
}

/// Does something to a person. The reason is shown to those concerned.
pub fn act(
    tx: &mut Tx<'_>,
    moment: &Moment,
    administrator: Administrator,
    id: UserId,
    (act, reason): (&Act, Option<String>),
) -> Result<ActOutcome, StorageError> {
    let Some(user) = find(tx, administrator, id)? else {
        return Ok(ActOutcome::NotFound);
    };
    if let Some(refused) = refuse(tx, administrator, &user, act)? {
        return Ok(refused);
    }
    let actor = administrator.actor();
    let is = |status| user.status == status;
    let ending = match act {
        Act::EndSession(session) => {
            let owned = sessions::find(tx, *session)?;
            if owned.is_none_or(|owned| owned.session.user_id != id) {
                return Ok(ActOutcome::NotFound);
            }
            let scope = Scope::Session(*session);
            Some(end_at_the_word_of(tx, moment, actor, scope, reason)?)
        }
        Act::EndAll => {
            let scope = Scope::AllOf(id);
            Some(end_at_the_word_of(tx, moment, actor, scope, reason)?)
        }
        Act::SetRole(role) if *role == user.role => return Ok(ActOutcome::AsBefore),
        Act::SetRole(role) => {
            users::set_role(tx, id, *role)?;
            let change = format!("{} to {}", user.role.name(), role.name());
            people::record(
                tx,
                moment,
                &user,
                EventKind::RoleChanged,
                actor,
                Some(change),
            )?;
            None
        }
        Act::Disable if is(UserStatus::Disabled) => return Ok(ActOutcome::AsBefore),
        Act::Disable => Some(people::disable(tx, moment, id, actor)?),
        Act::Enable if is(UserStatus::Active) => return Ok(ActOutcome::AsBefore),
        Act::Enable => {
            people::enable(tx, moment, id, actor)?;
            None
        }
        Act::Delete => Some(people::delete(tx, moment, id, actor)?),
        Act::StartReset => {
            let kind = EventKind::PasswordResetStarted;
            people::record(tx, moment, &user, kind, actor, None)?;
            recovery::start(tx, moment, &user)?;
            None
        }
        Act::RequireNewCredentials => {
            users::delete_password(tx, id)?;
            let kind = EventKind::NewCredentialsRequired;
            people::record(tx, moment, &user, kind, actor, reason)?;
            let done = end_all_of(tx, moment, id, Cause::EndedByAdministrator, actor)?;
            // After the ending: a link from before it would be overtaken by it.
            recovery::start(tx, moment, &user)?;
            Some(done)
        }
    };
    Ok(ActOutcome::Done(ending))
}

/// Why an act is refused, if it is.
fn refuse(
    tx: &mut Tx<'_>,
    administrator: Administrator,
    user: &User,
    act: &Act,
) -> Result<Option<ActOutcome>, StorageError> {
    let role = administrator.role;
    let gives_ownership = matches!(act, Act::SetRole(to) if !role.has_say_over(*to));
    if !role.has_say_over(user.role) || gives_ownership {
        return Ok(Some(ActOutcome::OwnersOnly));
    }
    let oneself = user.id == administrator.user;
    let takes_away = match act {
        Act::Disable | Act::Delete | Act::RequireNewCredentials if oneself => {
            return Ok(Some(ActOutcome::Oneself));
        }
        Act::StartReset | Act::RequireNewCredentials if user.status != UserStatus::Active => {
            return Ok(Some(ActOutcome::NotActive));
        }
        Act::Disable | Act::Delete => true,
        Act::SetRole(to) => *to != Role::Owner,
        Act::EndSession(_)
        | Act::EndAll
        | Act::Enable
        | Act::StartReset
        | Act::RequireNewCredentials => false,
    };
    // Two owners who demote each other at the same instant: the second is run again
    // after the first, or comes after it.
    let is_last = takes_away
        && user.role == Role::Owner
        && !directory::has_other_owner(tx, user.organization_id, user.id)?;
    Ok(is_last.then_some(ActOutcome::LastOwner))
}
