//! Who pulls logouts, and which reader has acknowledged which (RFC 8936); see
//! [`crate::notices`].
//!
//! A reader is one replica of an app, under a name of its own choice. A notice is
//! offered to each until that one has acknowledged it. What is looked at for that is
//! what is open, and what was confirmed while the reader was away: never all that the
//! app was told.

use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::{ClientId, NoticeId};
use nightlatch_domain::notice::Notice;

use crate::{Row, StorageError, Tx, notices};

/// What was confirmed without a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missed {
    /// Behind this id.
    pub after: NoticeId,
    /// Up to this one.
    pub until: NoticeId,
}

/// One replica of an app that pulls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// What it calls itself.
    pub name: String,
    /// When it first asked.
    pub first_at: Timestamp,
    /// When it last did.
    pub last_at: Timestamp,
    /// Of what is open, it has everything up to this id.
    pub has_until: Option<NoticeId>,
    /// What it is still to learn of the time when it was away.
    pub missed: Option<Missed>,
}

fn read(row: &Row<'_>) -> Result<Reader, StorageError> {
    let (after, until): (Option<NoticeId>, Option<NoticeId>) = (row.get(4)?, row.get(5)?);
    Ok(Reader {
        name: row.get(0)?,
        first_at: row.get(1)?,
        last_at: row.get(2)?,
        has_until: row.get(3)?,
        missed: after
            .zip(until)
            .map(|(after, until)| Missed { after, until }),
    })
}

/// The reader of this name.
pub fn find_reader(
    tx: &mut Tx<'_>,
    client_id: ClientId,
    name: &str,
) -> Result<Option<Reader>, StorageError> {
    tx.query_optional(
        "SELECT reader, first_at, last_at, has_until, missed_after, missed_until
         FROM feed_readers WHERE client_id = $1 AND reader = $2",
        &[client_id.into(), name.into()],
        read,
    )
}

/// Writes down where a reader stands.
pub fn put_reader(
    tx: &mut Tx<'_>,
    client_id: ClientId,
    reader: &Reader,
) -> Result<(), StorageError> {
    tx.execute_one(
        "INSERT INTO feed_readers (client_id, reader, first_at, last_at, has_until, missed_after, missed_until)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (client_id, reader)
         DO UPDATE SET last_at = $4, has_until = $5, missed_after = $6, missed_until = $7",
        &[
            client_id.into(),
            (&reader.name).into(),
            reader.first_at.into(),
            reader.last_at.into(),
            reader.has_until.into(),
            reader.missed.map(|missed| missed.after).into(),
            reader.missed.map(|missed| missed.until).into(),
        ],
    )
}

/// How many readers an app has, counted up to `limit`.
pub fn count_readers(
    tx: &mut Tx<'_>,
    client_id: ClientId,
    limit: i64,
) -> Result<i64, StorageError> {
    tx.query_one(
        "SELECT COUNT(*) FROM (SELECT reader FROM feed_readers WHERE client_id = $1 LIMIT $2) AS open",
        &[client_id.into(), limit.into()],
        |row| row.get(0),
    )
}

/// Up to `limit` notices behind `after` that the app does not know yet and this reader
/// has not, oldest first.
pub fn list_open_for_reader(
    tx: &mut Tx<'_>,
    client_id: ClientId,
    reader: &str,
    after: NoticeId,
    limit: i64,
) -> Result<Vec<Notice>, StorageError> {
    tx.query(
        "SELECT id, ending_id, client_id, session_id, user_id, organization_id, channel, envelope,
                ended_at, lane, state, attempts, next_at, created_at, give_up_at, finished_at,
                last_status, last_error
         FROM notices n
         WHERE client_id = $1 AND finished_at IS NULL AND channel = 'pull' AND id > $2
               AND NOT EXISTS (SELECT 1 FROM feed_acknowledgements a
                               WHERE a.notice_id = n.id AND a.reader = $3)
         ORDER BY id LIMIT $4",
        &[client_id.into(), after.into(), reader.into(), limit.into()],
        notices::read,
    )
}

/// Up to `limit` notices that the app confirmed without this reader while that was
/// away, oldest first.
pub fn list_missed_by_reader(
    tx: &mut Tx<'_>,
    client_id: ClientId,
    reader: &str,
    missed: Missed,
    limit: i64,
) -> Result<Vec<Notice>, StorageError> {
    tx.query(
        "SELECT id, ending_id, client_id, session_id, user_id, organization_id, channel, envelope,
                ended_at, lane, state, attempts, next_at, created_at, give_up_at, finished_at,
                last_status, last_error
         FROM notices n
         WHERE client_id = $1 AND channel = 'pull' AND id > $2 AND id <= $3 AND state = 'confirmed'
               AND NOT EXISTS (SELECT 1 FROM feed_acknowledgements a
                               WHERE a.notice_id = n.id AND a.reader = $4)
         ORDER BY id LIMIT $5",
        &[
            client_id.into(),
            missed.after.into(),
            missed.until.into(),
            reader.into(),
            limit.into(),
        ],
        notices::read,
    )
}

/// Of the `limit` oldest notices that the app does not know yet, those that this reader
/// has.
pub fn list_half_acknowledged(
    tx: &mut Tx<'_>,
    client_id: ClientId,
    reader: &str,
    limit: i64,
) -> Result<Vec<NoticeId>, StorageError> {
    tx.query(
        "SELECT open.id
         FROM (SELECT id FROM notices
               WHERE client_id = $1 AND finished_at IS NULL AND channel = 'pull'
               ORDER BY id LIMIT $3) AS open
         WHERE EXISTS (SELECT 1 FROM feed_acknowledgements a
                       WHERE a.notice_id = open.id AND a.reader = $2)",
        &[client_id.into(), reader.into(), limit.into()],
        |row| row.get(0),
    )
}

/// Whether a notice is lacking to a reader that asked since an instant.
pub fn is_lacking(
    tx: &mut Tx<'_>,
    client_id: ClientId,
    notice_id: NoticeId,
    since: Timestamp,
) -> Result<bool, StorageError> {
    tx.query_optional(
        "SELECT reader FROM feed_readers r
         WHERE client_id = $1 AND last_at >= $3
               AND NOT EXISTS (SELECT 1 FROM feed_acknowledgements a
                               WHERE a.notice_id = $2 AND a.reader = r.reader)
         LIMIT 1",
        &[client_id.into(), notice_id.into(), since.into()],
        |row| row.get::<String>(0),
    )
    .map(|found| found.is_some())
}

/// Whether this app has confirmed anything behind an id that it pulled, or anything is
/// open.
pub fn is_owed_anything(
    tx: &mut Tx<'_>,
    client_id: ClientId,
    after: NoticeId,
) -> Result<bool, StorageError> {
    let lately = tx.query_optional(
        "SELECT id FROM notices
         WHERE client_id = $1 AND channel = 'pull' AND state = 'confirmed' AND id > $2
         ORDER BY id LIMIT 1",
        &[client_id.into(), after.into()],
        |row| row.get::<NoticeId>(0),
    )?;
    if lately.is_some() {
        return Ok(true);
    }
    tx.query_optional(
        "SELECT id FROM notices WHERE client_id = $1 AND finished_at IS NULL AND channel = 'pull'
         ORDER BY id LIMIT 1",
        &[client_id.into()],
        |row| row.get::<NoticeId>(0),
    )
    .map(|found| found.is_some())
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

/// Forgets who has a notice, so that it is offered again to every reader of the app.
pub fn offer_again(
    tx: &mut Tx<'_>,
    client_id: ClientId,
    notice_id: NoticeId,
) -> Result<(), StorageError> {
    tx.execute(
        "DELETE FROM feed_acknowledgements WHERE notice_id = $1",
        &[notice_id.into()],
    )?;
    tx.execute(
        "UPDATE feed_readers SET has_until = NULL WHERE client_id = $1 AND has_until >= $2",
        &[client_id.into(), notice_id.into()],
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
