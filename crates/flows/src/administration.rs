//! What administrators of an organization do.
//!
//! Owns the one door before it: whoever asks must be live, an administrator, and where
//! it counts freshly proved, in the very transaction that acts. What lies behind the door
//! are the same flows that the command line uses; they get the administrator's
//! organization from here, so that ids of other organizations lead nowhere (POL-03).

use nightlatch_domain::ending::Actor;
use nightlatch_domain::ids::{OrganizationId, SessionId, UserId};
use nightlatch_domain::user::Role;
use nightlatch_storage::{StorageError, Tx};

use crate::Moment;
use crate::proof_level::suffices;
use crate::sessions::find_live;

/// What an act asks for besides the role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// Nothing: it shows something, or repeats what was decided before.
    Role,
    /// A proof of the last ten minutes, of the highest level that the person has: the
    /// act changes what people can enter, or hands out a secret.
    FreshProof,
}

/// Who acts.
#[derive(Debug, Clone, Copy)]
pub struct Administrator {
    /// The person.
    pub user: UserId,
    /// All that they have a say in.
    pub organization: OrganizationId,
}

impl Administrator {
    /// As it stands in the records.
    pub const fn actor(self) -> Actor {
        Actor::Administrator(self.user)
    }
}

/// What came of it.
#[derive(Debug)]
pub enum Administered<T> {
    /// It went through the door; what it found there.
    Done(T),
    /// The last proof is too old, or too weak for what the person has.
    ProofNeeded,
    /// The person is a member.
    NotAdministrator,
    /// The session that asked is over.
    SessionOver,
}

/// Lets an administrator act.
pub fn act<T>(
    tx: &mut Tx<'_>,
    moment: &Moment,
    session: SessionId,
    demand: Demand,
    work: impl FnOnce(&mut Tx<'_>, Administrator) -> Result<T, StorageError>,
) -> Result<Administered<T>, StorageError> {
    let Some(owned) = find_live(tx, session, &moment.activity, moment.now)? else {
        return Ok(Administered::SessionOver);
    };
    if owned.user.role != Role::Administrator {
        return Ok(Administered::NotAdministrator);
    }
    if demand == Demand::FreshProof && !suffices(tx, &owned.session, moment.now)? {
        return Ok(Administered::ProofNeeded);
    }
    let administrator = Administrator {
        user: owned.user.id,
        organization: owned.user.organization_id,
    };
    work(tx, administrator).map(Administered::Done)
}
