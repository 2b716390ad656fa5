//! Browsers that show a code and wait for a phone; see `domain::phone_sign_in`.

use nightlatch_domain::Timestamp;
use nightlatch_domain::client::ClientDetails;
use nightlatch_domain::ids::{PhoneSignInId, SessionId, UserId};
use nightlatch_domain::secret::TokenDigest;
use nightlatch_domain::session::Epochs;

use crate::{Row, StorageError, Tx};

/// A browser that waits.
#[derive(Debug, Clone)]
pub struct PhoneSignIn {
    /// Names it; authenticates nothing.
    pub id: PhoneSignInId,
    /// The browser that asks.
    pub client: ClientDetails,
    /// When it began.
    pub created_at: Timestamp,
    /// From then on it is worth nothing.
    pub expires_at: Timestamp,
    /// Somebody signed in said no.
    pub refused: bool,
    /// Somebody signed in said yes.
    pub approval: Option<Approval>,
}

/// The word of somebody signed in elsewhere.
#[derive(Debug, Clone, Copy)]
pub struct Approval {
    /// Who.
    pub user_id: UserId,
    /// In which session of theirs.
    pub session_id: SessionId,
    /// The epochs of that session, which the new one inherits.
    pub epochs: Epochs,
    /// When.
    pub at: Timestamp,
}

/// What a browser is found by.
#[derive(Debug, Clone, Copy)]
pub struct Handles {
    /// Of the token that the browser holds.
    pub token: TokenDigest,
    /// Of the code that it shows.
    pub code: TokenDigest,
    /// Of the network that it is in.
    pub network: Option<TokenDigest>,
}

fn read(row: &Row<'_>) -> Result<PhoneSignIn, StorageError> {
    let approved_at: Option<Timestamp> = row.get(7)?;
    let approval = match approved_at {
        Some(at) => Some(Approval {
            user_id: row.get(8)?,
            session_id: row.get(9)?,
            epochs: Epochs {
                user: row.get(10)?,
                organization: row.get(11)?,
                deployment: row.get(12)?,
            },
            at,
        }),
        None => None,
    };
    Ok(PhoneSignIn {
        id: row.get(0)?,
        client: ClientDetails {
            address: row.get(1)?,
            place: row.get(2)?,
            user_agent: row.get(3)?,
        },
        created_at: row.get(4)?,
        expires_at: row.get(5)?,
        refused: row.get::<Option<Timestamp>>(6)?.is_some(),
        approval,
    })
}

/// Adds one that waits; false if another shows the same code just now.
pub fn add(
    tx: &mut Tx<'_>,
    waiting: &PhoneSignIn,
    handles: &Handles,
) -> Result<bool, StorageError> {
    let client = &waiting.client;
    Ok(tx.execute(
        "INSERT INTO phone_sign_ins (id, token_digest, code_digest, network_digest, address, place,
                                     user_agent, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (code_digest) DO NOTHING",
        &[
            waiting.id.into(),
            handles.token.into(),
            handles.code.into(),
            handles.network.into(),
            client.address.into(),
            client.place.as_deref().into(),
            (&client.user_agent).into(),
            waiting.created_at.into(),
            waiting.expires_at.into(),
        ],
    )? == 1)
}

/// How many of one network have not expired.
pub fn count_of_network(
    tx: &mut Tx<'_>,
    network: TokenDigest,
    now: Timestamp,
) -> Result<i64, StorageError> {
    tx.query_one(
        "SELECT COUNT(*) FROM phone_sign_ins WHERE network_digest = $1 AND expires_at > $2",
        &[network.into(), now.into()],
        |row| row.get(0),
    )
}

/// The one whose browser holds this token.
pub fn find_by_token(
    tx: &mut Tx<'_>,
    token: TokenDigest,
    now: Timestamp,
) -> Result<Option<PhoneSignIn>, StorageError> {
    tx.query_optional(
        "SELECT id, address, place, user_agent, created_at, expires_at, refused_at, approved_at,
                user_id, session_id, user_epoch, organization_epoch, deployment_epoch
         FROM phone_sign_ins WHERE token_digest = $1 AND expires_at > $2",
        &[token.into(), now.into()],
        read,
    )
}

/// The one whose browser shows this code and has no answer yet.
pub fn find_waiting_by_code(
    tx: &mut Tx<'_>,
    code: TokenDigest,
    now: Timestamp,
) -> Result<Option<PhoneSignIn>, StorageError> {
    tx.query_optional(
        "SELECT id, address, place, user_agent, created_at, expires_at, refused_at, approved_at,
                user_id, session_id, user_epoch, organization_epoch, deployment_epoch
         FROM phone_sign_ins
         WHERE code_digest = $1 AND expires_at > $2 AND approved_at IS NULL AND refused_at IS NULL",
        &[code.into(), now.into()],
        read,
    )
}

/// Writes down a yes; false if there is an answer already, or it expired. Its
/// time to be used counts from here.
pub fn approve(
    tx: &mut Tx<'_>,
    id: PhoneSignInId,
    approval: &Approval,
    expires_at: Timestamp,
) -> Result<bool, StorageError> {
    Ok(tx.execute(
        "UPDATE phone_sign_ins
         SET approved_at = $2, user_id = $3, session_id = $4, user_epoch = $5,
             organization_epoch = $6, deployment_epoch = $7, expires_at = $8
         WHERE id = $1 AND expires_at > $2 AND approved_at IS NULL AND refused_at IS NULL",
        &[
            id.into(),
            approval.at.into(),
            approval.user_id.into(),
            approval.session_id.into(),
            approval.epochs.user.into(),
            approval.epochs.organization.into(),
            approval.epochs.deployment.into(),
            expires_at.into(),
        ],
    )? == 1)
}

/// Writes down a no; false if there is an answer already.
pub fn refuse(tx: &mut Tx<'_>, id: PhoneSignInId, now: Timestamp) -> Result<bool, StorageError> {
    Ok(tx.execute(
        "UPDATE phone_sign_ins SET refused_at = $2
         WHERE id = $1 AND approved_at IS NULL AND refused_at IS NULL",
        &[id.into(), now.into()],
    )? == 1)
}

/// Deletes one; false if it was gone before. Whoever got true used it up.
pub fn delete(tx: &mut Tx<'_>, id: PhoneSignInId) -> Result<bool, StorageError> {
    Ok(tx.execute("DELETE FROM phone_sign_ins WHERE id = $1", &[id.into()])? == 1)
}

/// Deletes up to `limit` that expired before an instant.
pub fn prune(tx: &mut Tx<'_>, before: Timestamp, limit: i64) -> Result<u64, StorageError> {
    tx.execute(
        "DELETE FROM phone_sign_ins
         WHERE id IN (SELECT id FROM phone_sign_ins WHERE expires_at < $1 LIMIT $2)",
        &[before.into(), limit.into()],
    )
}
