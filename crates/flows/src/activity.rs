//! Activity on its way to the database.
//!
//! A request that counts as activity is noted here in memory and written in
//! batches, never one database write per request. What is noted but not yet
//! written counts for this node's checks. A batch lost in a crash ends sessions
//! early by at most [`INTERVAL`], never late.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::SessionId;
use nightlatch_domain::policy::Limits;
use nightlatch_domain::session::Life;
use nightlatch_storage::{StorageError, Store, sessions};

/// How often noted activity is written.
pub const INTERVAL: Duration = Duration::from_secs(10);

/// How many sessions one transaction writes.
const BATCH: usize = 500;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Noted {
    active_at: Timestamp,
    idle_deadline: Timestamp,
}

/// Noted activity of sessions on this node.
#[derive(Debug, Default)]
pub struct Activity {
    noted: Mutex<HashMap<SessionId, Noted>>,
}

impl Activity {
    /// Notes that the person was active. `life` must have been admitted at `at`:
    /// activity moves the deadline of a live session and revives none.
    pub fn note(&self, id: SessionId, life: &Life, limits: Limits, at: Timestamp) {
        let after = life.after_activity(at, limits);
        let noted = Noted {
            active_at: at,
            idle_deadline: after.deadlines.idle,
        };
        // Requests of one session may come to this line in any order.
        let mut map = self.lock();
        let newest = map.entry(id).or_insert(noted);
        if newest.active_at < at {
            *newest = noted;
        }
    }

    /// The life of a session with what is noted but not yet written.
    pub fn overlay(&self, id: SessionId, life: Life) -> Life {
        match self.lock().get(&id) {
            Some(noted) => life.with_activity(noted.active_at, noted.idle_deadline),
            None => life,
        }
    }

    /// Writes what is noted. Each entry counts for checks until its write is
    /// committed, and longer if there was newer activity meanwhile: a check during
    /// the write must not take its session for idle.
    pub async fn flush(&self, store: &Store) -> Result<usize, StorageError> {
        let noted: Vec<_> = self.lock().iter().map(|(id, one)| (*id, *one)).collect();
        let mut written = 0;
        for batch in noted.chunks(BATCH) {
            let rows = batch.to_vec();
            let result: Result<(), StorageError> = store
                .write(move |tx| {
                    for (id, noted) in &rows {
                        sessions::record_activity(tx, *id, noted.active_at, noted.idle_deadline)?;
                    }
                    Ok(())
                })
                .await;
            result?;
            let mut map = self.lock();
            for (id, done) in batch {
                if map.get(id) == Some(done) {
                    map.remove(id);
                }
            }
            drop(map);
            written += batch.len();
        }
        Ok(written)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<SessionId, Noted>> {
        // A panic while the map was held leaves it whole: single inserts only.
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
