//! Logouts that apps must be told of; see `domain::notice`.
//!
//! Written only by `flows::log_out`, with the end of the session. Whoever tries to
//! tell one takes it out of everybody's sight for the length of a claim.

use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::{EndingId, NoticeId, SessionId, UserId};
use nightlatch_domain::notice::{Envelope, Notice};

use crate::columns::{Json, to_json};
use crate::{Row, StorageError, Tx};

fn read(row: &Row<'_>) -> Result<Notice, StorageError> {
    Ok(Notice {
        id: row.get(0)?,
        ending_id: row.get(1)?,
        client_id: row.get(2)?,
        session_id: row.get(3)?,
        user_id: row.get(4)?,
        organization_id: row.get(5)?,
        channel: row.get(6)?,
        envelope: row.get::<Json<Envelope>>(7)?.0,
        ended_at: row.get(8)?,
        lane: row.get(9)?,
        state: row.get(10)?,
        attempts: row.get(11)?,
        next_at: row.get(12)?,
        created_at: row.get(13)?,
        finished_at: row.get(14)?,
        last_status: row.get(15)?,
        last_error: row.get(16)?,
    })
}

/// Adds a notice.
pub fn add(tx: &mut Tx<'_>, notice: &Notice) -> Result<(), StorageError> {
    tx.execute_one(
        "INSERT INTO notices (id, ending_id, client_id, session_id, user_id, organization_id, channel,
                              envelope, ended_at, lane, state, attempts, next_at, created_at,
                              finished_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        &[
            notice.id.into(),
            notice.ending_id.into(),
            notice.client_id.into(),
            notice.session_id.into(),
            notice.user_id.into(),
            notice.organization_id.into(),
            notice.channel.name().into(),
            to_json(&notice.envelope)?.into(),
            notice.ended_at.into(),
            notice.lane.name().into(),
            notice.state.name().into(),
            notice.attempts.into(),
            notice.next_at.into(),
            notice.created_at.into(),
            notice.finished_at.into(),
        ],
    )
}

/// The notice of this id.
pub fn find(tx: &mut Tx<'_>, id: NoticeId) -> Result<Option<Notice>, StorageError> {
    tx.query_optional(
        "SELECT id, ending_id, client_id, session_id, user_id, organization_id, channel, envelope,
                ended_at, lane, state, attempts, next_at, created_at, finished_at, last_status,
                last_error
         FROM notices WHERE id = $1",
        &[id.into()],
        read,
    )
}

/// Up to `limit` notices of an ending, in the order in which they were written.
pub fn list_of_ending(
    tx: &mut Tx<'_>,
    ending_id: EndingId,
    limit: i64,
) -> Result<Vec<Notice>, StorageError> {
    tx.query(
        "SELECT id, ending_id, client_id, session_id, user_id, organization_id, channel, envelope,
                ended_at, lane, state, attempts, next_at, created_at, finished_at, last_status,
                last_error
         FROM notices WHERE ending_id = $1 ORDER BY id LIMIT $2",
        &[ending_id.into(), limit.into()],
        read,
    )
}

/// Up to `limit` notices of an ending about sessions of one user, in the order in
/// which they were written. Only for endings of one user: it reads all of them.
pub fn list_of_user_in_ending(
    tx: &mut Tx<'_>,
    ending_id: EndingId,
    user_id: UserId,
    limit: i64,
) -> Result<Vec<Notice>, StorageError> {
    tx.query(
        "SELECT id, ending_id, client_id, session_id, user_id, organization_id, channel, envelope,
                ended_at, lane, state, attempts, next_at, created_at, finished_at, last_status,
                last_error
         FROM notices WHERE ending_id = $1 AND user_id = $2 ORDER BY id LIMIT $3",
        &[ending_id.into(), user_id.into(), limit.into()],
        read,
    )
}

/// Up to `limit` notices of an ending about one session, in the order in which they
/// were written.
pub fn list_of_session_in_ending(
    tx: &mut Tx<'_>,
    ending_id: EndingId,
    session_id: SessionId,
    limit: i64,
) -> Result<Vec<Notice>, StorageError> {
    tx.query(
        "SELECT id, ending_id, client_id, session_id, user_id, organization_id, channel, envelope,
                ended_at, lane, state, attempts, next_at, created_at, finished_at, last_status,
                last_error
         FROM notices WHERE session_id = $1 AND ending_id = $2 ORDER BY id LIMIT $3",
        &[session_id.into(), ending_id.into(), limit.into()],
        read,
    )
}

/// Deletes up to `limit` notices that were confirmed or given up before `before`.
pub fn prune(tx: &mut Tx<'_>, before: Timestamp, limit: i64) -> Result<u64, StorageError> {
    tx.execute(
        "DELETE FROM notices
         WHERE id IN (SELECT id FROM notices WHERE finished_at IS NOT NULL AND finished_at < $1 LIMIT $2)",
        &[before.into(), limit.into()],
    )
}
