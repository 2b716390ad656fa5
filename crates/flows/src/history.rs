//! Reading the login history.

use nightlatch_domain::event::Event;
use nightlatch_domain::ids::UserId;
use nightlatch_storage::events::{self, EventFilter, EventPosition};
use nightlatch_storage::{StorageError, Tx};

/// One page of a history.
#[derive(Debug)]
pub struct HistoryPage {
    /// New to old.
    pub events: Vec<Event>,
    /// Where the next page begins, if there is one.
    pub next: Option<EventPosition>,
}

/// One page of what happened to an account, new to old.
pub fn page(
    tx: &mut Tx<'_>,
    user_id: UserId,
    filter: EventFilter,
    after: Option<EventPosition>,
    size: u16,
) -> Result<HistoryPage, StorageError> {
    let mut events = events::list_of_user(tx, user_id, filter, after, i64::from(size) + 1)?;
    let more = events.len() > usize::from(size);
    events.truncate(usize::from(size));
    let next = events.last().filter(|_| more).map(|event| EventPosition {
        at: event.at,
        id: event.id,
    });
    Ok(HistoryPage { events, next })
}
