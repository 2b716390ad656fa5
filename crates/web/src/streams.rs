//! How many pages may listen, and how many of them may ask at once.
//!
//! A stream costs a connection and memory for as long as a page stays open, so
//! their number is bounded: otherwise one signed-in browser could exhaust the
//! server for everybody. Who finds no place asks now and then instead
//! (`/session/status`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nightlatch_domain::ids::{EndingId, SessionId};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Streams of one session, or of one receipt. The tabs of a browser share one; the rest is for
/// browsers in which they cannot, and for those that are just being closed.
pub const MOST_OF_A_SESSION: usize = 8;

/// Streams of this process.
pub const MOST: usize = 8192;

/// Streams that look at the database at the same time. An ending that concerns
/// many thousands must not fill the queue of reads: pages that people wait for
/// go through it as well.
const LOOKING_AT_ONCE: usize = 16;

/// Whose pages listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Listener {
    /// Those of a session.
    Session(SessionId),
    /// Those that show the receipt of an ending.
    Receipt(EndingId),
}

/// The streams of this process.
#[derive(Debug)]
pub struct Streams {
    open: Arc<Mutex<Open>>,
    looking: Semaphore,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    by_listener: HashMap<Listener, usize>,
}

impl Default for Streams {
    fn default() -> Self {
        Self {
            open: Arc::default(),
            looking: Semaphore::new(LOOKING_AT_ONCE),
        }
    }
}

impl Streams {
    /// How many there are.
    pub fn count(&self) -> usize {
        lock(&self.open).all
    }

    /// Takes a place for a stream, if there is one.
    pub(crate) fn take_place(&self, listener: Listener) -> Option<Place> {
        let mut open = lock(&self.open);
        let of_listener = open.by_listener.get(&listener).copied().unwrap_or_default();
        if open.all >= MOST || of_listener >= MOST_OF_A_SESSION {
            return None;
        }
        open.all += 1;
        open.by_listener.insert(listener, of_listener + 1);
        Some(Place {
            open: Arc::clone(&self.open),
            listener,
        })
    }

    /// Waits for one's turn to look at the database.
    pub(crate) async fn turn_to_look(&self) -> Option<SemaphorePermit<'_>> {
        // Nobody closes it.
        self.looking.acquire().await.ok()
    }
}

/// The place of a stream, free again once this is dropped: with the stream,
/// however that ended.
#[derive(Debug)]
pub(crate) struct Place {
    open: Arc<Mutex<Open>>,
    listener: Listener,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = lock(&self.open);
        open.all = open.all.saturating_sub(1);
        if let Some(count) = open.by_listener.get_mut(&self.listener) {
            *count -= 1;
            if *count == 0 {
                open.by_listener.remove(&self.listener);
            }
        }
    }
}

fn lock(open: &Mutex<Open>) -> MutexGuard<'_, Open> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use nightlatch_domain::random::SeededRandom;

    use super::*;

    #[test]
    fn places_are_bounded_and_come_free_again() {
        let random = SeededRandom::new(1);
        let streams = Streams::default();
        let session = Listener::Session(SessionId::random(&random));
        let mut places: Vec<_> = (0..MOST_OF_A_SESSION)
            .filter_map(|_| streams.take_place(session))
            .collect();
        assert_eq!(places.len(), MOST_OF_A_SESSION);
        assert!(streams.take_place(session).is_none());
        // Others are not kept out by that.
        places.extend(streams.take_place(Listener::Session(SessionId::random(&random))));
        assert_eq!(streams.count(), MOST_OF_A_SESSION + 1);
        places.clear();
        assert_eq!(streams.count(), 0);
        assert!(
            lock(&streams.open).by_listener.is_empty(),
            "nothing is kept"
        );
        assert!(streams.take_place(session).is_some());
    }

    #[test]
    fn the_process_has_a_bound_too() {
        let random = SeededRandom::new(2);
        let streams = Streams::default();
        let places: Vec<_> = (0..MOST + 5)
            .filter_map(|_| streams.take_place(Listener::Session(SessionId::random(&random))))
            .collect();
        assert_eq!(places.len(), MOST);
    }
}
