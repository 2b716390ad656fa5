//! Looking after one's passkeys.

use nightlatch_domain::Timestamp;
use nightlatch_domain::alert::AlertKind;
use nightlatch_domain::event::EventKind;
use nightlatch_domain::ids::{PasskeyId, SessionId, UserId};
use nightlatch_domain::passkey::{MOST_PASSKEYS, UserHandle};
use nightlatch_storage::passkeys::StoredPasskey;
use nightlatch_storage::sessions::OwnedSession;
use nightlatch_storage::{StorageError, Tx, events, passkeys};

use crate::Moment;
use crate::activity::Activity;
use crate::alerts::tell_of;
use crate::proof_level::{must_keep_last, suffices};
use crate::sessions::find_live;
use crate::step_up::event;

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

/// Renames a passkey; false if the account has none with this id. The name was
/// read by [`nightlatch_domain::passkey::parse_passkey_name`].
pub fn rename(
    tx: &mut Tx<'_>,
    user: UserId,
    id: PasskeyId,
    name: &str,
) -> Result<bool, StorageError> {
    passkeys::rename(tx, user, id, name)
}

/// What came of removing a passkey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoveOutcome {
    /// It opens nothing any more.
    Removed,
    /// The account has none with this id.
    NotFound,
    /// It is the only second factor, and the organization demands one (MFA-08). The
    /// person can add another first.
    LastDemanded,
}

/// Removes a passkey: from then on it opens nothing. The caller has asked
/// [`may_change`] in the same transaction (MFA-08).
pub fn remove(
    tx: &mut Tx<'_>,
    moment: &Moment,
    owned: &OwnedSession,
    id: PasskeyId,
) -> Result<RemoveOutcome, StorageError> {
    let session = &owned.session;
    let Some(held) = passkeys::find(tx, session.user_id, id)? else {
        return Ok(RemoveOutcome::NotFound);
    };
    if must_keep_last(tx, &owned.user, &owned.organization, moment.now)? {
        return Ok(RemoveOutcome::LastDemanded);
    }
    passkeys::remove(tx, session.user_id, id)?;
    let mut line = event(moment, session, EventKind::PasskeyRemoved);
    line.detail = Some(held.name);
    events::add(tx, &line)?;
    tell_of(tx, moment, &owned.user, AlertKind::FactorRemoved, &line)?;
    Ok(RemoveOutcome::Removed)
}

/// Whether a session may change passkeys.
#[derive(Debug)]
pub enum MayChange {
    /// It lives, and has proved enough.
    Yes(Box<OwnedSession>),
    /// It lives, and takes a new proof first, of the highest level that the person
    /// has (AUTH-08, MFA-04).
    ProofNeeded,
    /// It is over.
    SessionOver,
}

/// Asks again, in the transaction of the change itself: a request that began
/// before its session was ended must not plant a passkey after it (OUT-02).
pub fn may_change(
    tx: &mut Tx<'_>,
    moment: &Moment,
    activity: &Activity,
    session: SessionId,
) -> Result<MayChange, StorageError> {
    let Some(owned) = find_live(tx, session, activity, moment.now)? else {
        return Ok(MayChange::SessionOver);
    };
    Ok(if suffices(tx, &owned.session, moment.now)? {
        MayChange::Yes(Box::new(owned))
    } else {
        MayChange::ProofNeeded
    })
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
