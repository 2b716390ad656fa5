//! The chain of the history (LOG-05).
//!
//! Lines get their place some time after they were written, by one statement for each,
//! under the lock of their chain's head. Nothing here is changed afterwards; only whole
//! beginnings go, when their time is over.

use nightlatch_domain::Timestamp;
use nightlatch_domain::audit::{ChainDigest, ChainKey, Commitment, Head, Link, Salt};
use nightlatch_domain::event::Event;
use nightlatch_domain::ids::EventId;

use crate::events::read;
use crate::{Row, StorageError, Tx};

/// A line's place, and the line if it is still there.
#[derive(Debug, Clone)]
pub struct Chained {
    /// The place.
    pub link: Link,
    /// The line.
    pub event: Option<Event>,
}

/// Where a chain begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    /// What was deleted last because its time was over; the first line kept follows it.
    pub pruned: Head,
    /// The last line.
    pub head: Head,
}

/// Up to `limit` lines without a place, old to new. Kinds that gather more of the same
/// are ready only once they are older than `gathered_before`.
pub fn list_unsealed(
    tx: &mut Tx<'_>,
    gathered_before: Timestamp,
    limit: i64,
) -> Result<Vec<Event>, StorageError> {
    tx.query(
        "SELECT id, at, organization_id, user_id, actor_kind, actor_user_id, kind, session_id,
                browser_id, ending_id, cause, address, place, user_agent, count, detail
         FROM events
         WHERE NOT sealed AND at <= $3
           AND (at < $1 OR kind NOT IN ('sign_in_failed', 'sign_in_over_limit',
                                        'sign_in_overtaken', 'proof_failed',
                                        'second_factor_failed'))
         ORDER BY at, id LIMIT $2",
        &[
            gathered_before.into(),
            limit.into(),
            // All of them; said so that the index is searched and not read through.
            Timestamp::from_milliseconds(i64::MAX).into(),
        ],
        read,
    )
}

/// Takes a line for its chain; false if somebody else did.
pub fn seal(tx: &mut Tx<'_>, id: EventId) -> Result<bool, StorageError> {
    Ok(tx.execute(
        "UPDATE events SET sealed = TRUE WHERE id = $1 AND NOT sealed",
        &[id.into()],
    )? == 1)
}

/// The head of a chain, locked: nobody else appends until this transaction ends.
pub fn lock_head(tx: &mut Tx<'_>, chain: ChainKey) -> Result<Head, StorageError> {
    tx.execute(
        "INSERT INTO audit_heads (chain, number, digest, pruned_number, pruned_digest)
         VALUES ($1, 0, $2, 0, $2) ON CONFLICT (chain) DO NOTHING",
        &[chain.into(), ChainDigest::BEGINNING.into()],
    )?;
    tx.query_one(
        "UPDATE audit_heads SET number = number WHERE chain = $1 RETURNING number, digest",
        &[chain.into()],
        |row| read_head(row, 0),
    )
}

/// Writes down how far a chain has come.
pub fn set_head(tx: &mut Tx<'_>, chain: ChainKey, head: Head) -> Result<(), StorageError> {
    tx.execute_one(
        "UPDATE audit_heads SET number = $2, digest = $3 WHERE chain = $1",
        &[chain.into(), head.number.into(), head.digest.into()],
    )
}

/// Gives a line its place.
pub fn append(
    tx: &mut Tx<'_>,
    chain: ChainKey,
    event: EventId,
    link: &Link,
) -> Result<(), StorageError> {
    tx.execute_one(
        "INSERT INTO audit_chain (chain, number, event_id, salt, commitment, digest)
         VALUES ($1, $2, $3, $4, $5, $6)",
        &[
            chain.into(),
            link.number.into(),
            event.into(),
            link.salt.into(),
            link.commitment.into(),
            link.digest.into(),
        ],
    )
}

/// Where a chain begins and ends; nothing if it has no line yet.
pub fn find_ends(tx: &mut Tx<'_>, chain: ChainKey) -> Result<Option<Ends>, StorageError> {
    tx.query_optional(
        "SELECT pruned_number, pruned_digest, number, digest FROM audit_heads WHERE chain = $1",
        &[chain.into()],
        |row| {
            Ok(Ends {
                pruned: read_head(row, 0)?,
                head: read_head(row, 2)?,
            })
        },
    )
}

/// Up to `limit` places of a chain behind a number, in their order.
pub fn list_behind(
    tx: &mut Tx<'_>,
    chain: ChainKey,
    number: i64,
    limit: i64,
) -> Result<Vec<Chained>, StorageError> {
    tx.query(
        "SELECT e.id, e.at, e.organization_id, e.user_id, e.actor_kind, e.actor_user_id, e.kind,
                e.session_id, e.browser_id, e.ending_id, e.cause, e.address, e.place,
                e.user_agent, e.count, e.detail, c.number, c.salt, c.commitment, c.digest
         FROM audit_chain c LEFT JOIN events e ON e.id = c.event_id
         WHERE c.chain = $1 AND c.number > $2 ORDER BY c.number LIMIT $3",
        &[chain.into(), number.into(), limit.into()],
        |row| {
            let event = match row.get::<Option<EventId>>(0)? {
                Some(_) => Some(read(row)?),
                None => None,
            };
            Ok(Chained {
                link: Link {
                    number: row.get(16)?,
                    salt: row.get(17)?,
                    commitment: row.get(18)?,
                    digest: row.get(19)?,
                },
                event,
            })
        },
    )
}

/// Chains that hold a line older than `before`, looking at up to `limit` such lines.
pub fn list_chains_with_older(
    tx: &mut Tx<'_>,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<ChainKey>, StorageError> {
    let found = tx.query(
        "SELECT c.chain FROM events e JOIN audit_chain c ON c.event_id = e.id
         WHERE e.at < $1 ORDER BY e.at LIMIT $2",
        &[before.into(), limit.into()],
        |row| row.get(0),
    )?;
    let mut chains: Vec<ChainKey> = found;
    chains.sort_unstable();
    chains.dedup();
    Ok(chains)
}

/// Deletes a line whose time is over.
pub fn delete_event(tx: &mut Tx<'_>, id: EventId) -> Result<u64, StorageError> {
    tx.execute("DELETE FROM events WHERE id = $1", &[id.into()])
}

/// Deletes the places of a chain up to here, and remembers what stood there.
pub fn cut_beginning(tx: &mut Tx<'_>, chain: ChainKey, upto: Head) -> Result<(), StorageError> {
    tx.execute(
        "DELETE FROM audit_chain WHERE chain = $1 AND number <= $2",
        &[chain.into(), upto.number.into()],
    )?;
    tx.execute_one(
        "UPDATE audit_heads SET pruned_number = $2, pruned_digest = $3 WHERE chain = $1",
        &[chain.into(), upto.number.into(), upto.digest.into()],
    )
}

fn read_head(row: &Row<'_>, from: usize) -> Result<Head, StorageError> {
    Ok(Head {
        number: row.get(from)?,
        digest: row.get(from + 1)?,
    })
}

macro_rules! bytes_of {
    ($($kind:ty: $length:literal),*) => {$(
        impl From<$kind> for crate::Value<'_> {
            fn from(value: $kind) -> Self {
                Self::from(value.to_bytes().to_vec())
            }
        }

        impl crate::value::Column for $kind {
            fn read(cell: crate::value::Cell<'_>) -> Result<Self, crate::ColumnProblem> {
                <[u8; $length]>::read(cell).map(Self::from_bytes)
            }
        }
    )*};
}

bytes_of!(ChainKey: 16, ChainDigest: 32, Commitment: 32, Salt: 16);
