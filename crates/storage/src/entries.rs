//! Which apps a session entered (BCL-06).
//!
//! A row is written when the app gets its first tokens in the session, and stays
//! as long as ended sessions do: whom to tell is never asked of a browser. *Open*
//! is one whose app has not been told, or is not about to be, that it is over.

use std::sync::LazyLock;

use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::{ClientId, SessionId, UserId};
use nightlatch_domain::relying_party::RelyingParty;

use crate::{Concern, Row, StorageError, Tx, Value, many, relying_parties};

/// An app that a session entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Which session.
    pub session_id: SessionId,
    /// Which app.
    pub client_id: ClientId,
    /// Whose session.
    pub user_id: UserId,
    /// When the app first got tokens in it.
    pub first_at: Timestamp,
    /// When it last did by a sign-in; a refresh is none.
    pub last_at: Timestamp,
    /// When that was over.
    pub left_at: Option<Timestamp>,
}

fn read(row: &Row<'_>) -> Result<Entry, StorageError> {
    Ok(Entry {
        session_id: row.get(0)?,
        client_id: row.get(1)?,
        user_id: row.get(2)?,
        first_at: row.get(3)?,
        last_at: row.get(4)?,
        left_at: row.get(5)?,
    })
}

/// Records that a session entered an app, or entered it again.
pub fn record(
    tx: &mut Tx<'_>,
    session_id: SessionId,
    client_id: ClientId,
    user_id: UserId,
    now: Timestamp,
) -> Result<(), StorageError> {
    tx.execute_one(
        "INSERT INTO entries (session_id, client_id, user_id, first_at, last_at, left_at)
         VALUES ($1, $2, $3, $4, $4, NULL)
         ON CONFLICT (session_id, client_id) DO UPDATE SET last_at = $4, left_at = NULL",
        &[
            session_id.into(),
            client_id.into(),
            user_id.into(),
            now.into(),
        ],
    )
}

/// The entry of a session into an app, open or not.
pub fn find(
    tx: &mut Tx<'_>,
    session_id: SessionId,
    client_id: ClientId,
) -> Result<Option<Entry>, StorageError> {
    tx.query_optional(
        "SELECT session_id, client_id, user_id, first_at, last_at, left_at
         FROM entries WHERE session_id = $1 AND client_id = $2",
        &[session_id.into(), client_id.into()],
        read,
    )
}

/// Which apps each of these sessions is in. All of them: each is owed a notice.
pub fn list_open_of_sessions(
    tx: &mut Tx<'_>,
    ids: &[SessionId],
) -> Result<Vec<(SessionId, ClientId)>, StorageError> {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT session_id, client_id FROM entries
             WHERE session_id IN ({}) AND left_at IS NULL",
            many::keys(1)
        )
    });
    let mut found = Vec::new();
    for ids in ids.chunks(many::KEYS) {
        let values: Vec<Value<'_>> = many::padded(ids).map(Value::from).collect();
        found.extend(tx.query(&SQL, &values, |row| Ok((row.get(0)?, row.get(1)?)))?);
    }
    Ok(found)
}

/// Up to `limit` open entries into an app.
pub fn list_open_of_client(
    tx: &mut Tx<'_>,
    client_id: ClientId,
    limit: i64,
) -> Result<Vec<Entry>, StorageError> {
    tx.query(
        "SELECT session_id, client_id, user_id, first_at, last_at, left_at
         FROM entries WHERE client_id = $1 AND left_at IS NULL ORDER BY session_id LIMIT $2",
        &[client_id.into(), limit.into()],
        read,
    )
}

/// Up to `limit` open entries of sessions of a user that are not written down as
/// ended; those of the session used last come first.
pub fn list_open_of_user(
    tx: &mut Tx<'_>,
    user_id: UserId,
    limit: i64,
) -> Result<Vec<Entry>, StorageError> {
    tx.query(
        "SELECT e.session_id, e.client_id, e.user_id, e.first_at, e.last_at, e.left_at
         FROM sessions s JOIN entries e ON e.session_id = s.id
         WHERE s.user_id = $1 AND s.ended_at IS NULL AND e.left_at IS NULL
         ORDER BY s.last_active_at DESC LIMIT $2",
        &[user_id.into(), limit.into()],
        read,
    )
}

/// The apps that a session was in until this instant.
pub fn list_apps_left_at(
    tx: &mut Tx<'_>,
    session_id: SessionId,
    at: Timestamp,
) -> Result<Vec<RelyingParty>, StorageError> {
    tx.query(
        "SELECT r.id, r.organization_id, r.name, r.registration, r.secret_digest, r.status, r.epoch,
                r.created_at
         FROM entries e JOIN relying_parties r ON r.id = e.client_id
         WHERE e.session_id = $1 AND e.left_at = $2",
        &[session_id.into(), at.into()],
        relying_parties::read,
    )
}

/// Whether a person is in an app by a sign-in later than this instant.
pub fn is_in_since(
    tx: &mut Tx<'_>,
    user_id: UserId,
    client_id: ClientId,
    since: Timestamp,
) -> Result<bool, StorageError> {
    tx.query_optional(
        "SELECT last_at FROM entries
         WHERE user_id = $1 AND client_id = $2 AND left_at IS NULL AND last_at > $3 LIMIT 1",
        &[user_id.into(), client_id.into(), since.into()],
        |row| row.get::<Timestamp>(0),
    )
    .map(|found| found.is_some())
}

/// Closes an entry; says whether it was open. Only `flows::log_out` calls it.
pub fn leave(
    tx: &mut Tx<'_>,
    session_id: SessionId,
    client_id: ClientId,
    at: Timestamp,
) -> Result<bool, StorageError> {
    tx.concerns(Concern::Session(session_id));
    tx.execute(
        "UPDATE entries SET left_at = $3
         WHERE session_id = $1 AND client_id = $2 AND left_at IS NULL",
        &[session_id.into(), client_id.into(), at.into()],
    )
    .map(|count| count == 1)
}

/// Deletes up to `limit` entries that were over before `before`.
pub fn prune(tx: &mut Tx<'_>, before: Timestamp, limit: i64) -> Result<u64, StorageError> {
    tx.execute(
        "DELETE FROM entries
         WHERE (session_id, client_id) IN (SELECT session_id, client_id FROM entries
                                           WHERE left_at IS NOT NULL AND left_at < $1 LIMIT $2)",
        &[before.into(), limit.into()],
    )
}
