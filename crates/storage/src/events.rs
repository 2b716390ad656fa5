//! The history.

use std::sync::LazyLock;

use nightlatch_domain::Timestamp;
use nightlatch_domain::client::ClientDetails;
use nightlatch_domain::ending::Actor;
use nightlatch_domain::event::{Event, EventKind};
use nightlatch_domain::ids::{EndingId, EventId, SessionId, UserId};

use crate::{ColumnProblem, Row, StorageError, Tx, Value, many};

pub(crate) fn read(row: &Row<'_>) -> Result<Event, StorageError> {
    Ok(Event {
        id: row.get(0)?,
        at: row.get(1)?,
        organization_id: row.get(2)?,
        user_id: row.get(3)?,
        actor: read_actor(row, 4)?,
        kind: row.get(6)?,
        session_id: row.get(7)?,
        browser_id: row.get(8)?,
        ending_id: row.get(9)?,
        cause: row.get(10)?,
        client: ClientDetails {
            address: row.get(11)?,
            place: row.get(12)?,
            user_agent: row.get(13)?,
        },
        count: row.get(14)?,
        detail: row.get(15)?,
    })
}

/// An actor from two columns, its kind and then its id.
pub(crate) fn read_actor(row: &Row<'_>, from: usize) -> Result<Actor, StorageError> {
    let kind: String = row.get(from)?;
    Actor::from_parts(&kind, row.get(from + 1)?)
        .ok_or_else(|| row.corrupt(from, ColumnProblem("it does not fit the actor's id")))
}

const INSERT: &str =
    "INSERT INTO events (id, at, organization_id, user_id, actor_kind, actor_user_id, kind,
                     session_id, browser_id, ending_id, cause, address, place, user_agent, count,
                     detail) VALUES ";

fn values(event: &Event) -> [Value<'_>; 16] {
    [
        event.id.into(),
        event.at.into(),
        event.organization_id.into(),
        event.user_id.into(),
        event.actor.kind().into(),
        event.actor.user_id().into(),
        event.kind.name().into(),
        event.session_id.into(),
        event.browser_id.into(),
        event.ending_id.into(),
        event
            .cause
            .map(nightlatch_domain::ending::Cause::name)
            .into(),
        event.client.address.into(),
        event.client.place.as_deref().into(),
        (&event.client.user_agent).into(),
        event.count.into(),
        event.detail.as_deref().into(),
    ]
}

/// Adds a line.
pub fn add(tx: &mut Tx<'_>, event: &Event) -> Result<(), StorageError> {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        format!("{INSERT}($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)")
    });
    tx.execute_one(&SQL, &values(event))
}

/// Adds many lines.
pub fn add_all(tx: &mut Tx<'_>, events: &[Event]) -> Result<(), StorageError> {
    static SQL: LazyLock<String> = LazyLock::new(|| format!("{INSERT}{}", many::rows(16)));
    let (whole, rest) = events.as_chunks::<{ many::ROWS }>();
    for events in whole {
        let values: Vec<Value<'_>> = events.iter().flat_map(values).collect();
        tx.execute(&SQL, &values)?;
    }
    rest.iter().try_for_each(|event| add(tx, event))
}

/// Counts once more on the latest line of the same kind, session and address
/// since an instant; false if there is none. Its time moves forward only.
pub fn gather(tx: &mut Tx<'_>, event: &Event, since: Timestamp) -> Result<bool, StorageError> {
    let address: Option<String> = event.client.address.map(|address| address.to_string());
    Ok(tx.execute(
        "UPDATE events SET count = count + 1, at = CASE WHEN at < $3 THEN $3 ELSE at END
         WHERE id = (SELECT id FROM events
                     WHERE user_id = $1 AND at >= $2 AND kind = $5 AND address = $4
                       AND session_id IS NOT DISTINCT FROM $6 AND NOT sealed
                     ORDER BY at DESC LIMIT 1)",
        &[
            event.user_id.into(),
            since.into(),
            event.at.into(),
            address.into(),
            event.kind.name().into(),
            event.session_id.into(),
        ],
    )? == 1)
}

/// Whether anybody has signed in to this account before.
pub fn any_sign_in(tx: &mut Tx<'_>, user_id: UserId) -> Result<bool, StorageError> {
    tx.query_optional(
        "SELECT id FROM events
         WHERE user_id = $1 AND kind IN ('signed_in', 'signed_in_from_new_browser') LIMIT 1",
        &[user_id.into()],
        |row| row.get::<EventId>(0),
    )
    .map(|found| found.is_some())
}

/// A place in a list ordered from new to old.
#[derive(Debug, Clone, Copy)]
pub struct EventPosition {
    /// The time of the last line seen.
    pub at: Timestamp,
    /// Its id, for lines of the same time.
    pub id: EventId,
}

/// What of the history to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventFilter {
    /// Everything.
    All,
    /// Sign-ins and failed attempts.
    SignIns,
    /// Endings.
    Endings,
}

/// Up to `limit` lines about a user, new to old, after a position.
pub fn list_of_user(
    tx: &mut Tx<'_>,
    user_id: UserId,
    filter: EventFilter,
    after: Option<EventPosition>,
    limit: i64,
) -> Result<Vec<Event>, StorageError> {
    let (at, id) = after.map_or(
        (Timestamp::from_milliseconds(i64::MAX), [255; 16]),
        |position| (position.at, position.id.to_bytes()),
    );
    let sql = match filter {
        EventFilter::All => {
            "SELECT id, at, organization_id, user_id, actor_kind, actor_user_id, kind, session_id,
                    browser_id, ending_id, cause, address, place, user_agent, count, detail
             FROM events WHERE user_id = $1 AND (at, id) < ($2, $3)
             ORDER BY at DESC, id DESC LIMIT $4"
        }
        EventFilter::SignIns => {
            "SELECT id, at, organization_id, user_id, actor_kind, actor_user_id, kind, session_id,
                    browser_id, ending_id, cause, address, place, user_agent, count, detail
             FROM events WHERE user_id = $1 AND (at, id) < ($2, $3)
               AND kind IN ('signed_in', 'signed_in_from_new_browser', 'sign_in_failed',
                            'sign_in_over_limit', 'sign_in_overtaken', 'proof_failed',
                            'second_factor_failed')
             ORDER BY at DESC, id DESC LIMIT $4"
        }
        EventFilter::Endings => {
            "SELECT id, at, organization_id, user_id, actor_kind, actor_user_id, kind, session_id,
                    browser_id, ending_id, cause, address, place, user_agent, count, detail
             FROM events WHERE user_id = $1 AND (at, id) < ($2, $3) AND kind = 'session_ended'
             ORDER BY at DESC, id DESC LIMIT $4"
        }
    };
    tx.query(
        sql,
        &[user_id.into(), at.into(), id.into(), limit.into()],
        read,
    )
}

/// The latest sign-in of a user before an instant.
pub fn find_sign_in_before(
    tx: &mut Tx<'_>,
    user_id: UserId,
    before: Timestamp,
) -> Result<Option<Event>, StorageError> {
    tx.query_optional(
        "SELECT id, at, organization_id, user_id, actor_kind, actor_user_id, kind, session_id,
                browser_id, ending_id, cause, address, place, user_agent, count, detail
         FROM events
         WHERE user_id = $1 AND at < $2 AND kind IN ('signed_in', 'signed_in_from_new_browser')
         ORDER BY at DESC, id DESC LIMIT 1",
        &[user_id.into(), before.into()],
        read,
    )
}

/// The sign-in that began a session of this user.
pub fn find_sign_in_of_session(
    tx: &mut Tx<'_>,
    user_id: UserId,
    session_id: SessionId,
) -> Result<Option<Event>, StorageError> {
    tx.query_optional(
        "SELECT id, at, organization_id, user_id, actor_kind, actor_user_id, kind, session_id,
                browser_id, ending_id, cause, address, place, user_agent, count, detail
         FROM events
         WHERE user_id = $1 AND session_id = $2
           AND kind IN ('signed_in', 'signed_in_from_new_browser')
         ORDER BY at LIMIT 1",
        &[user_id.into(), session_id.into()],
        read,
    )
}

/// Whether something of this kind happened to a user in one of their sessions at this
/// very instant.
pub fn happened_in_session(
    tx: &mut Tx<'_>,
    user_id: UserId,
    session_id: SessionId,
    kind: EventKind,
    at: Timestamp,
) -> Result<bool, StorageError> {
    tx.query_optional(
        "SELECT id FROM events WHERE user_id = $1 AND at = $2 AND session_id = $3 AND kind = $4 LIMIT 1",
        &[user_id.into(), at.into(), session_id.into(), kind.name().into()],
        |row| row.get::<EventId>(0),
    )
    .map(|found| found.is_some())
}

/// Counts what happened of one kind to a user since an instant; a line into
/// which several were gathered counts for all of them.
pub fn count_of_user(
    tx: &mut Tx<'_>,
    user_id: UserId,
    kind: EventKind,
    since: Timestamp,
) -> Result<i64, StorageError> {
    tx.query_one(
        "SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) FROM events
         WHERE user_id = $1 AND at >= $2 AND kind = $3",
        &[user_id.into(), since.into(), kind.name().into()],
        |row| row.get(0),
    )
}

/// Up to `limit` sessions of a user that this ending has ended.
pub fn list_sessions_of_ending(
    tx: &mut Tx<'_>,
    user_id: UserId,
    ending_id: EndingId,
    limit: i64,
) -> Result<Vec<SessionId>, StorageError> {
    tx.query(
        "SELECT session_id FROM events
         WHERE user_id = $1 AND ending_id = $2 AND session_id IS NOT NULL
         ORDER BY at, id LIMIT $3",
        &[user_id.into(), ending_id.into(), limit.into()],
        |row| row.get(0),
    )
}
