//! The cookies of browsers on protected hosts, by their digest.
//!
//! A row says which session a cookie speaks for and decides nothing: whether that
//! session is live, and may be on this host, is asked anew at each request.

use std::time::Duration;

use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::{ClientId, SessionId};
use nightlatch_domain::relying_party::protection::ProtectedHost;
use nightlatch_domain::secret::TokenDigest;

use crate::{Concern, Row, StorageError, Tx};

/// A cookie of a browser on a protected host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostSession {
    /// The session for which it speaks.
    pub session_id: SessionId,
    /// The app.
    pub client_id: ClientId,
    /// The host for which it was issued.
    pub host: ProtectedHost,
    /// The app's counter as it stood then.
    pub client_epoch: i64,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When the row may be deleted, unless its session lasts longer by then.
    pub keep_until: Timestamp,
}

fn read(row: &Row<'_>) -> Result<HostSession, StorageError> {
    Ok(HostSession {
        session_id: row.get(0)?,
        client_id: row.get(1)?,
        host: row.get(2)?,
        client_epoch: row.get(3)?,
        created_at: row.get(4)?,
        keep_until: row.get(5)?,
    })
}

/// Adds a cookie under the digest of its secret.
pub fn add(tx: &mut Tx<'_>, cookie: &HostSession, digest: TokenDigest) -> Result<(), StorageError> {
    tx.execute_one(
        "INSERT INTO host_sessions (digest, session_id, client_id, host, client_epoch, created_at, keep_until)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            digest.into(),
            cookie.session_id.into(),
            cookie.client_id.into(),
            cookie.host.origin().into(),
            cookie.client_epoch.into(),
            cookie.created_at.into(),
            cookie.keep_until.into(),
        ],
    )
}

/// The cookie of this digest.
pub fn find(tx: &mut Tx<'_>, digest: TokenDigest) -> Result<Option<HostSession>, StorageError> {
    tx.query_optional(
        "SELECT session_id, client_id, host, client_epoch, created_at, keep_until
         FROM host_sessions WHERE digest = $1",
        &[digest.into()],
        read,
    )
}

/// Deletes one cookie: its browser has another.
pub fn delete(tx: &mut Tx<'_>, digest: TokenDigest) -> Result<(), StorageError> {
    let session: Option<SessionId> = tx.query_optional(
        "DELETE FROM host_sessions WHERE digest = $1 RETURNING session_id",
        &[digest.into()],
        |row| row.get(0),
    )?;
    if let Some(session) = session {
        tx.concerns(Concern::Session(session));
    }
    Ok(())
}

/// Deletes the cookies of an app in a session. Only `flows::log_out` calls it.
pub fn delete_of_entry(
    tx: &mut Tx<'_>,
    session_id: SessionId,
    client_id: ClientId,
) -> Result<u64, StorageError> {
    tx.concerns(Concern::Session(session_id));
    tx.execute(
        "DELETE FROM host_sessions WHERE session_id = $1 AND client_id = $2",
        &[session_id.into(), client_id.into()],
    )
}

/// Deletes up to `limit` cookies that need not be kept any more; `kept_after` is how long
/// one is kept beyond its session. A session lasts longer when somebody proves anew who
/// they are (SES-10), and its cookies with it: they are not refused while it lives (D7).
pub fn prune(
    tx: &mut Tx<'_>,
    now: Timestamp,
    kept_after: Duration,
    limit: i64,
) -> Result<u64, StorageError> {
    let kept_after = i64::try_from(kept_after.as_millis()).unwrap_or(i64::MAX / 2);
    tx.execute(
        "UPDATE host_sessions
         SET keep_until = (SELECT s.overall_deadline + $2 FROM sessions s WHERE s.id = session_id)
         WHERE digest IN (SELECT h.digest FROM host_sessions h JOIN sessions s ON s.id = h.session_id
                          WHERE h.keep_until <= $1 AND s.ended_at IS NULL AND s.overall_deadline > $1
                          LIMIT $3)",
        &[now.into(), kept_after.into(), limit.into()],
    )?;
    let sessions = tx.query(
        "DELETE FROM host_sessions
         WHERE digest IN (SELECT h.digest FROM host_sessions h
                          WHERE h.keep_until <= $1
                            AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.id = h.session_id
                                            AND s.ended_at IS NULL AND s.overall_deadline > $1)
                          LIMIT $2)
         RETURNING session_id",
        &[now.into(), limit.into()],
        |row| row.get(0),
    )?;
    let gone = sessions.len() as u64;
    for session in sessions {
        tx.concerns(Concern::Session(session));
    }
    Ok(gone)
}
