//! Passkeys, what authenticators call their owners, and challenges that wait for
//! an answer.

use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::{PasskeyId, UserId};
use nightlatch_domain::passkey::{CeremonyKind, UserHandle};
use nightlatch_domain::secret::TokenDigest;

use crate::{Concern, Row, StorageError, Tx};

/// A passkey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPasskey {
    /// Its name in pages and the history.
    pub id: PasskeyId,
    /// Whose it is.
    pub user_id: UserId,
    /// What the authenticator calls it; unique in the deployment (WAN-06).
    pub credential_id: Vec<u8>,
    /// The public key and what belongs to it, in the verifier's own format.
    pub credential: String,
    /// The version of that format.
    pub format: i64,
    /// What its owner calls it.
    pub name: String,
    /// The highest signature counter seen; zero for most (WAN-05).
    pub counter: i64,
    /// Whether it may be copied to other devices; never changes (WAN-04).
    pub backup_eligible: bool,
    /// Whether it was copied when it was used last.
    pub backed_up: bool,
    /// Whether it can be used without naming an account first.
    pub discoverable: bool,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was used last.
    pub last_used_at: Option<Timestamp>,
    /// When its counter last went backwards.
    pub suspicious_at: Option<Timestamp>,
}

fn read(row: &Row<'_>) -> Result<StoredPasskey, StorageError> {
    Ok(StoredPasskey {
        id: row.get(0)?,
        user_id: row.get(1)?,
        credential_id: row.get(2)?,
        credential: row.get(3)?,
        format: row.get(4)?,
        name: row.get(5)?,
        counter: row.get(6)?,
        backup_eligible: row.get(7)?,
        backed_up: row.get(8)?,
        discoverable: row.get(9)?,
        created_at: row.get(10)?,
        last_used_at: row.get(11)?,
        suspicious_at: row.get(12)?,
    })
}

/// Adds a passkey. A credential id that somebody has is the constraint
/// `passkeys_credential_id`.
pub fn add(tx: &mut Tx<'_>, passkey: &StoredPasskey) -> Result<(), StorageError> {
    tx.execute_one(
        "INSERT INTO passkeys (id, user_id, credential_id, credential, format, name, counter,
                               backup_eligible, backed_up, discoverable, created_at, last_used_at,
                               suspicious_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        &[
            passkey.id.into(),
            passkey.user_id.into(),
            passkey.credential_id.as_slice().into(),
            (&passkey.credential).into(),
            passkey.format.into(),
            (&passkey.name).into(),
            passkey.counter.into(),
            passkey.backup_eligible.into(),
            passkey.backed_up.into(),
            passkey.discoverable.into(),
            passkey.created_at.into(),
            passkey.last_used_at.into(),
            passkey.suspicious_at.into(),
        ],
    )
}

/// The passkey that an authenticator calls so, whoever owns it.
pub fn find_by_credential_id(
    tx: &mut Tx<'_>,
    credential_id: &[u8],
) -> Result<Option<StoredPasskey>, StorageError> {
    tx.query_optional(
        "SELECT id, user_id, credential_id, credential, format, name, counter, backup_eligible,
                backed_up, discoverable, created_at, last_used_at, suspicious_at
         FROM passkeys WHERE credential_id = $1",
        &[credential_id.into()],
        read,
    )
}

/// The passkey of this account with this id.
pub fn find(
    tx: &mut Tx<'_>,
    user_id: UserId,
    id: PasskeyId,
) -> Result<Option<StoredPasskey>, StorageError> {
    tx.query_optional(
        "SELECT id, user_id, credential_id, credential, format, name, counter, backup_eligible,
                backed_up, discoverable, created_at, last_used_at, suspicious_at
         FROM passkeys WHERE id = $1 AND user_id = $2",
        &[id.into(), user_id.into()],
        read,
    )
}

/// The passkeys of an account, in the order in which they were added.
pub fn list_of_user(
    tx: &mut Tx<'_>,
    user_id: UserId,
    limit: i64,
) -> Result<Vec<StoredPasskey>, StorageError> {
    tx.query(
        "SELECT id, user_id, credential_id, credential, format, name, counter, backup_eligible,
                backed_up, discoverable, created_at, last_used_at, suspicious_at
         FROM passkeys WHERE user_id = $1 ORDER BY created_at, id LIMIT $2",
        &[user_id.into(), limit.into()],
        read,
    )
}

/// Stores what a use has changed: the credential, its counter, whether it is
/// backed up, and when it was used or counted backwards.
pub fn update_use(tx: &mut Tx<'_>, passkey: &StoredPasskey) -> Result<(), StorageError> {
    tx.execute_one(
        "UPDATE passkeys SET credential = $2, counter = $3, backed_up = $4, last_used_at = $5,
                             suspicious_at = $6
         WHERE id = $1",
        &[
            passkey.id.into(),
            (&passkey.credential).into(),
            passkey.counter.into(),
            passkey.backed_up.into(),
            passkey.last_used_at.into(),
            passkey.suspicious_at.into(),
        ],
    )
}

/// Renames a passkey; false if the account has none with this id.
pub fn rename(
    tx: &mut Tx<'_>,
    user_id: UserId,
    id: PasskeyId,
    name: &str,
) -> Result<bool, StorageError> {
    Ok(tx.execute(
        "UPDATE passkeys SET name = $3 WHERE id = $1 AND user_id = $2",
        &[id.into(), user_id.into(), name.into()],
    )? == 1)
}

/// Removes a passkey; false if the account has none with this id.
pub fn remove(tx: &mut Tx<'_>, user_id: UserId, id: PasskeyId) -> Result<bool, StorageError> {
    tx.concerns(Concern::User(user_id));
    Ok(tx.execute(
        "DELETE FROM passkeys WHERE id = $1 AND user_id = $2",
        &[id.into(), user_id.into()],
    )? == 1)
}

/// Removes every passkey of an account; returns how many. What authenticators call
/// the account stays.
pub fn remove_all_of_user(tx: &mut Tx<'_>, user_id: UserId) -> Result<u64, StorageError> {
    tx.concerns(Concern::User(user_id));
    tx.execute("DELETE FROM passkeys WHERE user_id = $1", &[user_id.into()])
}

/// Removes all that an account has here.
pub(crate) fn erase(tx: &mut Tx<'_>, user_id: UserId) -> Result<(), StorageError> {
    remove_all_of_user(tx, user_id)?;
    tx.execute(
        "DELETE FROM user_handles WHERE user_id = $1",
        &[user_id.into()],
    )
    .map(|_| ())
}

/// What authenticators call this account, if any was told yet.
pub fn find_handle(tx: &mut Tx<'_>, user_id: UserId) -> Result<Option<UserHandle>, StorageError> {
    tx.query_optional(
        "SELECT handle FROM user_handles WHERE user_id = $1",
        &[user_id.into()],
        |row| row.get(0),
    )
}

/// Settles what authenticators will call this account, once.
pub fn add_handle(
    tx: &mut Tx<'_>,
    user_id: UserId,
    handle: &UserHandle,
) -> Result<(), StorageError> {
    tx.execute_one(
        "INSERT INTO user_handles (user_id, handle) VALUES ($1, $2)",
        &[user_id.into(), handle.as_bytes().into()],
    )
}

/// A challenge that waits for its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ceremony {
    /// What it is for.
    pub kind: CeremonyKind,
    /// Whose passkey is to answer; `None` if that is to be found out.
    pub user_id: Option<UserId>,
    /// Who asked: the digest of a session's id, or of a pre-session's token.
    pub holder: TokenDigest,
    /// The challenge, in the verifier's own format.
    pub state: String,
    /// Not to be answered from then on.
    pub expires_at: Timestamp,
}

/// Adds a challenge under the digest of its token.
pub fn add_ceremony(
    tx: &mut Tx<'_>,
    token: TokenDigest,
    ceremony: &Ceremony,
) -> Result<(), StorageError> {
    tx.execute_one(
        "INSERT INTO ceremonies (token_digest, kind, user_id, holder, state, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        &[
            token.into(),
            ceremony.kind.name().into(),
            ceremony.user_id.into(),
            ceremony.holder.into(),
            (&ceremony.state).into(),
            ceremony.expires_at.into(),
        ],
    )
}

/// Uses up a challenge that stands in no row, by a digest of its own; false if that was
/// done before: of several that ask at once, one hears yes (WAN-01). The row is found by
/// nobody who looks for a challenge.
pub fn use_up_challenge(
    tx: &mut Tx<'_>,
    challenge: TokenDigest,
    holder: TokenDigest,
    keep_until: Timestamp,
) -> Result<bool, StorageError> {
    tx.execute(
        "INSERT INTO ceremonies (token_digest, kind, user_id, holder, state, expires_at)
         VALUES ($1, 'used_up', NULL, $2, '', $3) ON CONFLICT (token_digest) DO NOTHING",
        &[challenge.into(), holder.into(), keep_until.into()],
    )
    .map(|added| added == 1)
}

/// Takes a challenge out: whatever comes of it, nobody finds it again (WAN-01).
pub fn take_ceremony(
    tx: &mut Tx<'_>,
    token: TokenDigest,
) -> Result<Option<Ceremony>, StorageError> {
    tx.query_optional(
        "DELETE FROM ceremonies WHERE token_digest = $1 AND kind <> 'used_up'
         RETURNING kind, user_id, holder, state, expires_at",
        &[token.into()],
        |row| {
            Ok(Ceremony {
                kind: row.get(0)?,
                user_id: row.get(1)?,
                holder: row.get(2)?,
                state: row.get(3)?,
                expires_at: row.get(4)?,
            })
        },
    )
}

/// Deletes up to `limit` challenges that may not be answered any more, and what says
/// that some were.
pub fn prune_ceremonies(tx: &mut Tx<'_>, now: Timestamp, limit: i64) -> Result<u64, StorageError> {
    tx.execute(
        "DELETE FROM ceremonies
         WHERE token_digest IN (SELECT token_digest FROM ceremonies WHERE expires_at <= $1 LIMIT $2)",
        &[now.into(), limit.into()],
    )
}
