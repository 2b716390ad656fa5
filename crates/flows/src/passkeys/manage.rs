//! Looking after one's passkeys.

use nightlatch_domain::Timestamp;
use nightlatch_domain::alert::AlertKind;
use nightlatch_domain::event::EventKind;
use nightlatch_domain::ids::{PasskeyId, SessionId, UserId};
use nightlatch_domain::passkey::{MOST_PASSKEYS, UserHandle};
use nightlatch_domain::session::Session;
use nightlatch_storage::passkeys::StoredPasskey;
use nightlatch_storage::sessions::OwnedSession;
use nightlatch_storage::{StorageError, Tx, events, passkeys, users};

use crate::Moment;
use crate::activity::Activity;
use crate::alerts::tell_of;
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

/// Removes a passkey: from then on it opens nothing. False if the account has
/// none with this id. The caller has made sure of a fresh proof (MFA-08).
pub fn remove(
    tx: &mut Tx<'_>,
    moment: &Moment,
    session: &Session,
    id: PasskeyId,
) -> Result<bool, StorageError> {
    let Some(held) = passkeys::find(tx, session.user_id, id)? else {
        return Ok(false);
    };
    passkeys::remove(tx, session.user_id, id)?;
    let mut line = event(moment, session, EventKind::PasskeyRemoved);
    line.detail = Some(held.name);
    events::add(tx, &line)?;
    let owner = users::get(tx, session.user_id)?;
    tell_of(tx, moment, &owner, AlertKind::FactorRemoved, &line)?;
    Ok(true)
}

/// Whether a session may change passkeys.
#[derive(Debug)]
pub enum MayChange {
    /// It lives, and its last proof is fresh.
    Yes(Box<OwnedSession>),
    /// It lives, and takes a new proof first (AUTH-08).
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
    Ok(match find_live(tx, session, activity, moment.now)? {
        None => MayChange::SessionOver,
        Some(owned) if owned.session.has_fresh_proof(moment.now) => MayChange::Yes(Box::new(owned)),
        Some(_) => MayChange::ProofNeeded,
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
