//! Logouts that apps must be told of; see `domain::notice`.
//!
//! Written only by `flows::log_out`, with the end of the session. Whoever tries to
//! tell one takes it out of everybody's sight for the length of a claim, which the
//! instant of its end names: only its holder says what came of it (DLV-06). What the
//! pull feed needs besides is in [`crate::feed`].

use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::{ClientId, EndingId, NoticeId, SessionId, UserId};
use nightlatch_domain::notice::{Channel, Envelope, Lane, Notice, NoticeState};

use crate::columns::{Json, to_json};
use crate::{Row, StorageError, Tx};

pub(crate) fn read(row: &Row<'_>) -> Result<Notice, StorageError> {
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
        give_up_at: row.get(14)?,
        finished_at: row.get(15)?,
        last_status: row.get(16)?,
        last_error: row.get(17)?,
    })
}

/// Adds a notice.
pub fn add(tx: &mut Tx<'_>, notice: &Notice) -> Result<(), StorageError> {
    tx.execute_one(
        "INSERT INTO notices (id, ending_id, client_id, session_id, user_id, organization_id, channel,
                              envelope, ended_at, lane, state, attempts, next_at, created_at,
                              give_up_at, finished_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
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
            notice.give_up_at.into(),
            notice.finished_at.into(),
        ],
    )
}

/// The notice of this id.
pub fn find(tx: &mut Tx<'_>, id: NoticeId) -> Result<Option<Notice>, StorageError> {
    tx.query_optional(
        "SELECT id, ending_id, client_id, session_id, user_id, organization_id, channel, envelope,
                ended_at, lane, state, attempts, next_at, created_at, give_up_at, finished_at,
                last_status, last_error
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
                ended_at, lane, state, attempts, next_at, created_at, give_up_at, finished_at,
                last_status, last_error
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
                ended_at, lane, state, attempts, next_at, created_at, give_up_at, finished_at,
                last_status, last_error
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
                ended_at, lane, state, attempts, next_at, created_at, give_up_at, finished_at,
                last_status, last_error
         FROM notices WHERE session_id = $1 AND ending_id = $2 ORDER BY id LIMIT $3",
        &[session_id.into(), ending_id.into(), limit.into()],
        read,
    )
}

/// Up to `limit` notices that we call for, that are due and in nobody's hands,
/// longest due first.
pub fn list_due(
    tx: &mut Tx<'_>,
    lane: Lane,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Notice>, StorageError> {
    tx.query(
        "SELECT id, ending_id, client_id, session_id, user_id, organization_id, channel, envelope,
                ended_at, lane, state, attempts, next_at, created_at, give_up_at, finished_at,
                last_status, last_error
         FROM notices
         WHERE finished_at IS NULL AND channel = 'back_channel' AND lane = $1 AND next_at <= $2
         ORDER BY next_at LIMIT $3",
        &[lane.name().into(), now.into(), limit.into()],
        read,
    )
}

/// The next app after this one, in the order of ids, that has something to learn by a
/// channel; so that apps are met in turn, however much waits for one of them.
pub fn find_waiting_client_after(
    tx: &mut Tx<'_>,
    channel: Channel,
    lane: Lane,
    after: ClientId,
) -> Result<Option<ClientId>, StorageError> {
    tx.query_optional(
        "SELECT client_id FROM notices
         WHERE finished_at IS NULL AND channel = $1 AND lane = $2 AND client_id > $3
         ORDER BY client_id LIMIT 1",
        &[channel.name().into(), lane.name().into(), after.into()],
        |row| row.get(0),
    )
}

/// As [`list_due`], of one app.
pub fn list_due_of_client(
    tx: &mut Tx<'_>,
    lane: Lane,
    client_id: ClientId,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Notice>, StorageError> {
    tx.query(
        "SELECT id, ending_id, client_id, session_id, user_id, organization_id, channel, envelope,
                ended_at, lane, state, attempts, next_at, created_at, give_up_at, finished_at,
                last_status, last_error
         FROM notices
         WHERE finished_at IS NULL AND channel = 'back_channel' AND lane = $1 AND client_id = $2
               AND next_at <= $3
         ORDER BY next_at LIMIT $4",
        &[
            lane.name().into(),
            client_id.into(),
            now.into(),
            limit.into(),
        ],
        read,
    )
}

/// When the next notice of a lane is due.
pub fn find_next_due(tx: &mut Tx<'_>, lane: Lane) -> Result<Option<Timestamp>, StorageError> {
    tx.query_optional(
        "SELECT next_at FROM notices
         WHERE finished_at IS NULL AND channel = 'back_channel' AND lane = $1
         ORDER BY next_at LIMIT 1",
        &[lane.name().into()],
        |row| row.get(0),
    )
}

/// Takes a notice out of sight until an instant and counts the attempt, unless
/// somebody else was faster: then it is no longer due at `seen`.
pub fn claim(
    tx: &mut Tx<'_>,
    id: NoticeId,
    seen: Timestamp,
    until: Timestamp,
) -> Result<bool, StorageError> {
    tx.execute(
        "UPDATE notices SET attempts = attempts + 1, next_at = $3
         WHERE id = $1 AND next_at = $2 AND finished_at IS NULL",
        &[id.into(), seen.into(), until.into()],
    )
    .map(|count| count == 1)
}

/// What came of a notice, as it is written down.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// The HTTP status, if the app answered.
    pub status: Option<i64>,
    /// Why it did not do, in words for administrators.
    pub error: Option<&'a str>,
}

/// Records that the app confirmed a notice. Whoever has it now, it need not be told
/// again. Says whether that was news.
pub fn confirm(
    tx: &mut Tx<'_>,
    id: NoticeId,
    now: Timestamp,
    status: Option<i64>,
) -> Result<bool, StorageError> {
    tx.execute(
        "UPDATE notices
         SET state = 'confirmed', finished_at = $2, last_status = $3, last_error = NULL
         WHERE id = $1 AND finished_at IS NULL",
        &[id.into(), now.into(), status.into()],
    )
    .map(|count| count == 1)
}

/// Finishes a notice without success, unless the claim is over: then it is in other
/// hands. `held_until` names the claim; of a notice that nobody has, it is when it
/// is due. Says whether it was done.
pub fn finish(
    tx: &mut Tx<'_>,
    id: NoticeId,
    held_until: Timestamp,
    state: NoticeState,
    now: Timestamp,
    report: Report<'_>,
) -> Result<bool, StorageError> {
    tx.execute(
        "UPDATE notices SET state = $3, finished_at = $4, last_status = $5, last_error = $6
         WHERE id = $1 AND next_at = $2 AND finished_at IS NULL",
        &[
            id.into(),
            held_until.into(),
            state.name().into(),
            now.into(),
            report.status.into(),
            report.error.into(),
        ],
    )
    .map(|count| count == 1)
}

/// Puts a notice back until an instant, unless the claim is over. Says whether it
/// was done.
pub fn postpone(
    tx: &mut Tx<'_>,
    id: NoticeId,
    held_until: Timestamp,
    next_at: Timestamp,
    report: Report<'_>,
) -> Result<bool, StorageError> {
    tx.execute(
        "UPDATE notices SET next_at = $3, last_status = $4, last_error = $5
         WHERE id = $1 AND next_at = $2 AND finished_at IS NULL",
        &[
            id.into(),
            held_until.into(),
            next_at.into(),
            report.status.into(),
            report.error.into(),
        ],
    )
    .map(|count| count == 1)
}

/// Makes a notice that failed or was given up due again, as if it were new, with
/// what is registered of the app now. Says whether it was one of those.
pub fn revive(
    tx: &mut Tx<'_>,
    id: NoticeId,
    envelope: &Envelope,
    now: Timestamp,
    give_up_at: Timestamp,
) -> Result<bool, StorageError> {
    tx.execute(
        "UPDATE notices
         SET state = 'waiting', finished_at = NULL, attempts = 0, envelope = $2, next_at = $3,
             give_up_at = $4
         WHERE id = $1 AND state IN ('failed', 'gave_up')",
        &[
            id.into(),
            to_json(envelope)?.into(),
            now.into(),
            give_up_at.into(),
        ],
    )
    .map(|count| count == 1)
}

/// Up to `limit` notices that wait to be pulled for longer than we wait.
pub fn list_pulled_too_late(
    tx: &mut Tx<'_>,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Notice>, StorageError> {
    tx.query(
        "SELECT id, ending_id, client_id, session_id, user_id, organization_id, channel, envelope,
                ended_at, lane, state, attempts, next_at, created_at, give_up_at, finished_at,
                last_status, last_error
         FROM notices WHERE finished_at IS NULL AND channel = 'pull' AND give_up_at < $1 LIMIT $2",
        &[now.into(), limit.into()],
        read,
    )
}

/// Up to `limit` notices that failed or were given up, newest first, older than
/// `before`.
pub fn list_undelivered(
    tx: &mut Tx<'_>,
    before: NoticeId,
    limit: i64,
) -> Result<Vec<Notice>, StorageError> {
    tx.query(
        "SELECT id, ending_id, client_id, session_id, user_id, organization_id, channel, envelope,
                ended_at, lane, state, attempts, next_at, created_at, give_up_at, finished_at,
                last_status, last_error
         FROM notices WHERE (state = 'failed' OR state = 'gave_up') AND id < $1 ORDER BY id DESC LIMIT $2",
        &[before.into(), limit.into()],
        read,
    )
}

/// As [`list_undelivered`], of one app.
pub fn list_undelivered_of_client(
    tx: &mut Tx<'_>,
    client_id: ClientId,
    before: NoticeId,
    limit: i64,
) -> Result<Vec<Notice>, StorageError> {
    tx.query(
        "SELECT id, ending_id, client_id, session_id, user_id, organization_id, channel, envelope,
                ended_at, lane, state, attempts, next_at, created_at, give_up_at, finished_at,
                last_status, last_error
         FROM notices
         WHERE (state = 'failed' OR state = 'gave_up') AND client_id = $1 AND id < $2
         ORDER BY id DESC LIMIT $3",
        &[client_id.into(), before.into(), limit.into()],
        read,
    )
}

/// Behind every notice: where lists begin that go backwards.
pub fn last_id() -> NoticeId {
    NoticeId::from_bytes([0xff; 16])
}

/// Up to `limit` notices that an app does not know yet, oldest first.
pub fn list_waiting_of_client(
    tx: &mut Tx<'_>,
    client_id: ClientId,
    limit: i64,
) -> Result<Vec<Notice>, StorageError> {
    tx.query(
        "SELECT id, ending_id, client_id, session_id, user_id, organization_id, channel, envelope,
                ended_at, lane, state, attempts, next_at, created_at, give_up_at, finished_at,
                last_status, last_error
         FROM notices WHERE finished_at IS NULL AND client_id = $1 ORDER BY id LIMIT $2",
        &[client_id.into(), limit.into()],
        read,
    )
}

/// An app that has something to learn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingClient {
    /// Which.
    pub client_id: ClientId,
    /// How many notices.
    pub notices: i64,
}

/// Up to `limit` apps that have something to learn, and how much. Reads all of that.
pub fn count_waiting_by_client(
    tx: &mut Tx<'_>,
    limit: i64,
) -> Result<Vec<WaitingClient>, StorageError> {
    tx.query(
        "SELECT client_id, COUNT(*) FROM notices WHERE finished_at IS NULL
         GROUP BY client_id ORDER BY client_id LIMIT $1",
        &[limit.into()],
        |row| {
            Ok(WaitingClient {
                client_id: row.get(0)?,
                notices: row.get(1)?,
            })
        },
    )
}

/// How many notices of an app wait, counted up to `limit`.
pub fn count_waiting_of_client(
    tx: &mut Tx<'_>,
    client_id: ClientId,
    limit: i64,
) -> Result<i64, StorageError> {
    tx.query_one(
        "SELECT COUNT(*) FROM (SELECT id FROM notices
                               WHERE finished_at IS NULL AND client_id = $1 LIMIT $2) AS open",
        &[client_id.into(), limit.into()],
        |row| row.get(0),
    )
}

/// How many notices of an app failed or were given up, counted up to `limit`.
pub fn count_undelivered_of_client(
    tx: &mut Tx<'_>,
    client_id: ClientId,
    limit: i64,
) -> Result<i64, StorageError> {
    tx.query_one(
        "SELECT COUNT(*) FROM (SELECT id FROM notices
                               WHERE (state = 'failed' OR state = 'gave_up') AND client_id = $1
                               LIMIT $2) AS open",
        &[client_id.into(), limit.into()],
        |row| row.get(0),
    )
}

/// How many notices wait, counted up to `limit`.
pub fn count_waiting(tx: &mut Tx<'_>, limit: i64) -> Result<i64, StorageError> {
    tx.query_one(
        "SELECT COUNT(*) FROM (SELECT id FROM notices WHERE finished_at IS NULL LIMIT $1) AS open",
        &[limit.into()],
        |row| row.get(0),
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
