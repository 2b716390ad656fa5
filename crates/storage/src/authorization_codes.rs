//! Authorization codes (RFC 6749 section 4.1), by their digest.
//!
//! A used code stays until it expires: its second use must be noticed, and revokes
//! what the first issued (OIDC-05).

use nightlatch_domain::Timestamp;
use nightlatch_domain::grant::Scopes;
use nightlatch_domain::ids::{ClientId, GrantId, SessionId, UserId};
use nightlatch_domain::secret::TokenDigest;
use nightlatch_domain::session::Proof;

use crate::columns::{Json, to_json};
use crate::{Row, StorageError, Tx};

/// What a code stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationCode {
    /// For which app.
    pub client_id: ClientId,
    /// In which session it was issued; it must be live when the code is used.
    pub session_id: SessionId,
    /// Whose session.
    pub user_id: UserId,
    /// The app's counter as it stood then.
    pub client_epoch: i64,
    /// Where it was sent; must be named again.
    pub redirect_uri: String,
    /// What was granted.
    pub scopes: Scopes,
    /// Comes back in the ID token.
    pub nonce: Option<String>,
    /// S256 of the verifier (RFC 7636); nothing for an app that may leave PKCE out.
    pub challenge: Option<String>,
    /// What else was asked for; JSON of whoever wrote it.
    pub request: String,
    /// The last active authentication.
    pub authenticated_at: Timestamp,
    /// How the person proved themselves.
    pub proofs: Vec<Proof>,
    /// When it was issued.
    pub created_at: Timestamp,
    /// Until when it can be used.
    pub expires_at: Timestamp,
    /// When it was used.
    pub used_at: Option<Timestamp>,
    /// What its use issued.
    pub grant_id: Option<GrantId>,
}

fn read(row: &Row<'_>) -> Result<AuthorizationCode, StorageError> {
    Ok(AuthorizationCode {
        client_id: row.get(0)?,
        session_id: row.get(1)?,
        user_id: row.get(2)?,
        client_epoch: row.get(3)?,
        redirect_uri: row.get(4)?,
        scopes: row.get(5)?,
        nonce: row.get(6)?,
        // Empty is none: no digest is, and the column was made when each code had one.
        challenge: Some(row.get::<String>(7)?).filter(|challenge| !challenge.is_empty()),
        request: row.get(8)?,
        authenticated_at: row.get(9)?,
        proofs: row.get::<Json<Vec<Proof>>>(10)?.0,
        created_at: row.get(11)?,
        expires_at: row.get(12)?,
        used_at: row.get(13)?,
        grant_id: row.get(14)?,
    })
}

/// Adds a code under the digest of its secret.
pub fn add(
    tx: &mut Tx<'_>,
    code: &AuthorizationCode,
    digest: TokenDigest,
) -> Result<(), StorageError> {
    tx.execute_one(
        "INSERT INTO authorization_codes (digest, client_id, session_id, user_id, client_epoch,
                                          redirect_uri, scopes, nonce, challenge, request,
                                          authenticated_at, proofs, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        &[
            digest.into(),
            code.client_id.into(),
            code.session_id.into(),
            code.user_id.into(),
            code.client_epoch.into(),
            (&code.redirect_uri).into(),
            code.scopes.to_string().into(),
            code.nonce.as_deref().into(),
            code.challenge.as_deref().unwrap_or_default().into(),
            (&code.request).into(),
            code.authenticated_at.into(),
            to_json(&code.proofs)?.into(),
            code.created_at.into(),
            code.expires_at.into(),
        ],
    )
}

/// The code of this digest, used or not, expired or not.
pub fn find(
    tx: &mut Tx<'_>,
    digest: TokenDigest,
) -> Result<Option<AuthorizationCode>, StorageError> {
    tx.query_optional(
        "SELECT client_id, session_id, user_id, client_epoch, redirect_uri, scopes, nonce, challenge,
                request, authenticated_at, proofs, created_at, expires_at, used_at, grant_id
         FROM authorization_codes WHERE digest = $1",
        &[digest.into()],
        read,
    )
}

/// Uses a code up; false if it was used before.
pub fn use_up(
    tx: &mut Tx<'_>,
    digest: TokenDigest,
    at: Timestamp,
    grant_id: Option<GrantId>,
) -> Result<bool, StorageError> {
    tx.execute(
        "UPDATE authorization_codes SET used_at = $2, grant_id = $3
         WHERE digest = $1 AND used_at IS NULL",
        &[digest.into(), at.into(), grant_id.into()],
    )
    .map(|count| count == 1)
}

/// Voids the codes that are under way in one session to an app, because the person
/// leaves it there. Used ones stay: their second use must be noticed.
pub fn void_of_session(
    tx: &mut Tx<'_>,
    user_id: UserId,
    session_id: SessionId,
    client_id: ClientId,
) -> Result<u64, StorageError> {
    tx.execute(
        "DELETE FROM authorization_codes
         WHERE user_id = $1 AND client_id = $2 AND session_id = $3 AND used_at IS NULL",
        &[user_id.into(), client_id.into(), session_id.into()],
    )
}

/// Voids the codes that are under way to an app in all sessions of a user.
pub fn void_of_user(
    tx: &mut Tx<'_>,
    user_id: UserId,
    client_id: ClientId,
) -> Result<u64, StorageError> {
    tx.execute(
        "DELETE FROM authorization_codes
         WHERE user_id = $1 AND client_id = $2 AND used_at IS NULL",
        &[user_id.into(), client_id.into()],
    )
}

/// Deletes up to `limit` codes that expired before `before`.
pub fn prune(tx: &mut Tx<'_>, before: Timestamp, limit: i64) -> Result<u64, StorageError> {
    tx.execute(
        "DELETE FROM authorization_codes
         WHERE digest IN (SELECT digest FROM authorization_codes WHERE expires_at <= $1 LIMIT $2)",
        &[before.into(), limit.into()],
    )
}
