//! Authorization requests that wait for a person: for a sign-in, a proof or
//! consent.
//!
//! The browser holds a random token and nothing else; what was asked stands here,
//! so that an address edited on the way changes nothing (OIDC-10).

use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::ClientId;
use nightlatch_domain::secret::TokenDigest;

use crate::{StorageError, Tx};

/// A request that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingRequest {
    /// Who asked.
    pub client_id: ClientId,
    /// What was asked; JSON of whoever wrote it.
    pub request: String,
    /// When it was asked; proofs and consent older than this are not the answer to a
    /// demand for new ones.
    pub created_at: Timestamp,
    /// Until when it can be answered.
    pub expires_at: Timestamp,
    /// From which network it came, as a digest, if that is known.
    pub network: Option<TokenDigest>,
}

/// Adds one that is reached by the token of this digest.
pub fn add(
    tx: &mut Tx<'_>,
    waiting: &WaitingRequest,
    digest: TokenDigest,
) -> Result<(), StorageError> {
    tx.execute_one(
        "INSERT INTO authorization_requests (digest, client_id, request, created_at, expires_at,
                                             network)
         VALUES ($1, $2, $3, $4, $5, $6)",
        &[
            digest.into(),
            waiting.client_id.into(),
            (&waiting.request).into(),
            waiting.created_at.into(),
            waiting.expires_at.into(),
            waiting.network.into(),
        ],
    )
}

/// The one of this digest, expired or not.
pub fn find(tx: &mut Tx<'_>, digest: TokenDigest) -> Result<Option<WaitingRequest>, StorageError> {
    tx.query_optional(
        "SELECT client_id, request, created_at, expires_at, network
         FROM authorization_requests WHERE digest = $1",
        &[digest.into()],
        |row| {
            Ok(WaitingRequest {
                client_id: row.get(0)?,
                request: row.get(1)?,
                created_at: row.get(2)?,
                expires_at: row.get(3)?,
                network: row.get(4)?,
            })
        },
    )
}

/// Writes down what the person has answered so far; false if it is gone.
pub fn update(tx: &mut Tx<'_>, digest: TokenDigest, request: &str) -> Result<bool, StorageError> {
    tx.execute(
        "UPDATE authorization_requests SET request = $2 WHERE digest = $1",
        &[digest.into(), request.into()],
    )
    .map(|count| count == 1)
}

/// Deletes one; false if it was gone before. Whoever got true answers it.
pub fn delete(tx: &mut Tx<'_>, digest: TokenDigest) -> Result<bool, StorageError> {
    tx.execute(
        "DELETE FROM authorization_requests WHERE digest = $1",
        &[digest.into()],
    )
    .map(|count| count == 1)
}

/// Deletes up to `limit` requests of a network beyond the `kept` that came last.
pub fn drop_oldest(
    tx: &mut Tx<'_>,
    network: TokenDigest,
    kept: i64,
    limit: i64,
) -> Result<u64, StorageError> {
    tx.execute(
        "DELETE FROM authorization_requests
         WHERE digest IN (SELECT digest FROM authorization_requests WHERE network = $1
                          ORDER BY created_at DESC LIMIT $3 OFFSET $2)",
        &[network.into(), kept.into(), limit.into()],
    )
}

/// Deletes up to `limit` that expired before `before`.
pub fn prune(tx: &mut Tx<'_>, before: Timestamp, limit: i64) -> Result<u64, StorageError> {
    tx.execute(
        "DELETE FROM authorization_requests
         WHERE digest IN (SELECT digest FROM authorization_requests WHERE expires_at <= $1 LIMIT $2)",
        &[before.into(), limit.into()],
    )
}
