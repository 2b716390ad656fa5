//! Looking after one's passkeys.

use nightlatch_domain::Timestamp;
use nightlatch_domain::event::EventKind;
use nightlatch_domain::ids::{PasskeyId, UserId};
use nightlatch_domain::passkey::{MOST_PASSKEYS, UserHandle};
use nightlatch_storage::passkeys::StoredPasskey;
use nightlatch_storage::{StorageError, Tx, passkeys};

use crate::Moment;
use crate::factors::{Acting, Change, Changed, FactorOutcome, admit, end_others, record};
use crate::proof_level::must_keep_last;

/// A passkey as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeySummary {
    /// Its name in addresses.
    pub id: PasskeyId,
    /// What its owner calls it.
    pub name: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was used last.
    pub last_used_at: Option<Timestamp>,
    /// Whether it was copied to an account of its maker, and so to other devices.
    pub backed_up: bool,
    /// When its counter last went backwards (WAN-05).
    pub suspicious_at: Option<Timestamp>,
}

impl From<StoredPasskey> for PasskeySummary {
    fn from(stored: StoredPasskey) -> Self {
        Self {
            id: stored.id,
            name: stored.name,
            created_at: stored.created_at,
            last_used_at: stored.last_used_at,
            backed_up: stored.backed_up,
            suspicious_at: stored.suspicious_at,
        }
    }
}

/// All passkeys of an account, in the order in which they were added.
pub fn list(tx: &mut Tx<'_>, user: UserId) -> Result<Vec<PasskeySummary>, StorageError> {
    let held = passkeys::list_of_user(tx, user, MOST_PASSKEYS)?;
    Ok(held.into_iter().map(PasskeySummary::from).collect())
}

/// One passkey of an account.
pub fn find(
    tx: &mut Tx<'_>,
    user: UserId,
    id: PasskeyId,
) -> Result<Option<PasskeySummary>, StorageError> {
    Ok(passkeys::find(tx, user, id)?.map(PasskeySummary::from))
}

/// Gives a passkey another name, which was read by
/// [`nightlatch_domain::passkey::parse_passkey_name`].
pub fn rename(
    tx: &mut Tx<'_>,
    moment: &Moment,
    acting: &Acting,
    id: PasskeyId,
    name: &str,
) -> Result<Change<FactorOutcome>, StorageError> {
    let owned = match admit(tx, moment, acting)? {
        Change::Done(owned) => owned,
        Change::ProofNeeded => return Ok(Change::ProofNeeded),
        Change::SessionOver => return Ok(Change::SessionOver),
    };
    Ok(Change::Done(
        if passkeys::rename(tx, owned.user.id, id, name)? {
            FactorOutcome::Done(Changed::default())
        } else {
            FactorOutcome::NotFound
        },
    ))
}

/// Removes a passkey: from then on it opens nothing (MFA-08).
pub fn remove(
    tx: &mut Tx<'_>,
    moment: &Moment,
    acting: &Acting,
    id: PasskeyId,
) -> Result<Change<FactorOutcome>, StorageError> {
    let owned = match admit(tx, moment, acting)? {
        Change::Done(owned) => owned,
        Change::ProofNeeded => return Ok(Change::ProofNeeded),
        Change::SessionOver => return Ok(Change::SessionOver),
    };
    let Some(held) = passkeys::find(tx, owned.user.id, id)? else {
        return Ok(Change::Done(FactorOutcome::NotFound));
    };
    if must_keep_last(tx, &owned.user, &owned.organization, moment.now)? {
        return Ok(Change::Done(FactorOutcome::LastDemanded));
    }
    passkeys::remove(tx, owned.user.id, id)?;
    let kind = EventKind::PasskeyRemoved;
    record(tx, moment, &owned, kind, Some(&held.name))?;
    let changed = end_others(tx, moment, &owned, acting.log_out_others)?;
    Ok(Change::Done(FactorOutcome::Done(changed)))
}

/// What authenticators may be told so that they offer what works (WAN-08).
#[derive(Debug, Clone)]
pub struct Accepted {
    /// What they call the account.
    pub handle: UserHandle,
    /// Every credential id that it accepts. One left out may be hidden for good.
    pub credential_ids: Vec<Vec<u8>>,
}

/// What authenticators may be told about an account; `None` if it never had a
/// passkey.
pub fn accepted(tx: &mut Tx<'_>, user: UserId) -> Result<Option<Accepted>, StorageError> {
    let Some(handle) = passkeys::find_handle(tx, user)? else {
        return Ok(None);
    };
    let held = passkeys::list_of_user(tx, user, MOST_PASSKEYS)?;
    Ok(Some(Accepted {
        handle,
        credential_ids: held.into_iter().map(|held| held.credential_id).collect(),
    }))
}
