//! What administrators of an organization do.
//!
//! Owns the one door before it: whoever asks must be live, have the role for it, and where
//! it counts freshly proved, in the very transaction that acts. What lies behind the door
//! are the same flows that the command line uses; they get the administrator's
//! organization from here, so that ids of other organizations lead nowhere (POL-03).

use nightlatch_domain::ending::Actor;
use nightlatch_domain::ids::{OrganizationId, SessionId, UserId};
use nightlatch_domain::user::{Power, Role};
use nightlatch_storage::{StorageError, Tx};

use crate::Moment;
use crate::proof_level::suffices;
use crate::sessions::find_live;

/// What an act asks of whoever does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demand {
    /// Of their role.
    pub power: Power,
    /// Whether it takes a proof of the last ten minutes, of the highest level that the
    /// person has: the act changes what people can enter, or hands out a secret.
    pub fresh_proof: bool,
}

impl Demand {
    /// It shows something.
    pub const READ: Self = Self {
        power: Power::Read,
        fresh_proof: false,
    };

    /// It repeats what was decided before, or can do nobody harm.
    pub const ACT: Self = Self {
        power: Power::Administer,
        fresh_proof: false,
    };

    /// It counts.
    pub const PROVED: Self = Self {
        power: Power::Administer,
        fresh_proof: true,
    };
}

/// Who acts.
#[derive(Debug, Clone, Copy)]
pub struct Administrator {
    /// The person.
    pub user: UserId,
    /// All that they have a say in.
    pub organization: OrganizationId,
    /// What they may do in it.
    pub role: Role,
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
    /// The person's role does not allow it.
    NotAllowed,
    /// The session that asked is over.
    SessionOver,
}

/// Lets somebody with a role act, or look.
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
    if !owned.user.role.has(demand.power) {
        return Ok(Administered::NotAllowed);
    }
    if demand.fresh_proof && !suffices(tx, &owned.session, moment.now)? {
        return Ok(Administered::ProofNeeded);
    }
    let administrator = Administrator {
        user: owned.user.id,
        organization: owned.user.organization_id,
        role: owned.user.role,
    };
    work(tx, administrator).map(Administered::Done)
}
