//! Who pulls logouts, and which reader has acknowledged which (RFC 8936); see
//! [`crate::notices`].
//!
//! A reader is one replica of an app, under a name of its own choice. A notice is
//! offered to each until that one has acknowledged it.

use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::{ClientId, NoticeId};
use nightlatch_domain::notice::Notice;

use crate::{Row, StorageError, Tx, notices};

/// One replica of an app that pulls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// What it calls itself.
    pub name: String,
    /// When it first asked.
    pub first_at: Timestamp,
    /// When it last did.
    pub last_at: Timestamp,
}

fn read(row: &Row<'_>) -> Result<Reader, StorageError> {
    Ok(Reader {
        name: row.get(0)?,
        first_at: row.get(1)?,
        last_at: row.get(2)?,
    })
}

/// The reader of this name.
pub fn find_reader(
    tx: &mut Tx<'_>,
    client_id: ClientId,
    name: &str,
) -> Result<Option<Reader>, StorageError> {
    tx.query_optional(
        "SELECT reader, first_at, last_at FROM feed_readers WHERE client_id = $1 AND reader = $2",
        &[client_id.into(), name.into()],
        read,
    )
}

/// Records that a reader asked.
pub fn record_reader(
    tx: &mut Tx<'_>,
    client_id: ClientId,
    name: &str,
    now: Timestamp,
) -> Result<(), StorageError> {
    tx.execute_one(
        "INSERT INTO feed_readers (client_id, reader, first_at, last_at) VALUES ($1, $2, $3, $3)
         ON CONFLICT (client_id, reader) DO UPDATE SET last_at = $3",
        &[client_id.into(), name.into(), now.into()],
    )
}

/// Up to `limit` readers of an app, by name.
pub fn list_readers(
    tx: &mut Tx<'_>,
    client_id: ClientId,
    limit: i64,
) -> Result<Vec<Reader>, StorageError> {
    tx.query(
        "SELECT reader, first_at, last_at FROM feed_readers WHERE client_id = $1
         ORDER BY reader LIMIT $2",
        &[client_id.into(), limit.into()],
        read,
    )
}

/// Up to `limit` notices for a reader, oldest first: what the app does not know yet,
/// and what it confirmed without this reader since that one began to ask. None is
/// older than `since`.
pub fn list_for_reader(
    tx: &mut Tx<'_>,
    client_id: ClientId,
    reader: &Reader,
    since: NoticeId,
    limit: i64,
) -> Result<Vec<Notice>, StorageError> {
    tx.query(
        "SELECT id, ending_id, client_id, session_id, user_id, organization_id, channel, envelope,
                ended_at, lane, state, attempts, next_at, created_at, give_up_at, finished_at,
                last_status, last_error
         FROM notices n
         WHERE client_id = $1 AND channel = 'pull' AND id > $2
               AND (finished_at IS NULL OR (state = 'confirmed' AND created_at >= $3))
               AND NOT EXISTS (SELECT 1 FROM feed_acknowledgements a
                               WHERE a.notice_id = n.id AND a.reader = $4)
         ORDER BY id LIMIT $5",
        &[
            client_id.into(),
            since.into(),
            reader.first_at.into(),
            (&reader.name).into(),
            limit.into(),
        ],
        notices::read,
    )
}

/// Up to `limit` notices that this reader has acknowledged and the app as a whole
/// has not, oldest first.
pub fn list_half_acknowledged(
    tx: &mut Tx<'_>,
    client_id: ClientId,
    reader: &str,
    limit: i64,
) -> Result<Vec<NoticeId>, StorageError> {
    tx.query(
        "SELECT id FROM notices n
         WHERE client_id = $1 AND finished_at IS NULL AND channel = 'pull'
               AND EXISTS (SELECT 1 FROM feed_acknowledgements a
                           WHERE a.notice_id = n.id AND a.reader = $2)
         ORDER BY id LIMIT $3",
        &[client_id.into(), reader.into(), limit.into()],
        |row| row.get(0),
    )
}

/// Records that a reader has a notice. More than once is as good as once.
pub fn acknowledge(
    tx: &mut Tx<'_>,
    notice_id: NoticeId,
    reader: &str,
    now: Timestamp,
) -> Result<(), StorageError> {
    tx.execute(
        "INSERT INTO feed_acknowledgements (notice_id, reader, acknowledged_at) VALUES ($1, $2, $3)
         ON CONFLICT (notice_id, reader) DO NOTHING",
        &[notice_id.into(), reader.into(), now.into()],
    )
    .map(|_| ())
}

/// Whether a reader has a notice.
pub fn has_acknowledged(
    tx: &mut Tx<'_>,
    notice_id: NoticeId,
    reader: &str,
) -> Result<bool, StorageError> {
    tx.query_optional(
        "SELECT acknowledged_at FROM feed_acknowledgements WHERE notice_id = $1 AND reader = $2",
        &[notice_id.into(), reader.into()],
        |row| row.get::<Timestamp>(0),
    )
    .map(|found| found.is_some())
}

/// Forgets who has a notice, so that it is offered again.
pub fn forget_acknowledgements(tx: &mut Tx<'_>, notice_id: NoticeId) -> Result<(), StorageError> {
    tx.execute(
        "DELETE FROM feed_acknowledgements WHERE notice_id = $1",
        &[notice_id.into()],
    )
    .map(|_| ())
}

/// Deletes up to `limit` readers that did not ask since `before`.
pub fn prune_readers(tx: &mut Tx<'_>, before: Timestamp, limit: i64) -> Result<u64, StorageError> {
    tx.execute(
        "DELETE FROM feed_readers
         WHERE (client_id, reader) IN (SELECT client_id, reader FROM feed_readers
                                       WHERE last_at < $1 LIMIT $2)",
        &[before.into(), limit.into()],
    )
}
