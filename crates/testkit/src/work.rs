//! The steps of the workers, one at a time and when a story says so.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nightlatch_domain::Timestamp;
use nightlatch_flows::activity::INTERVAL;
use nightlatch_flows::audit;
use nightlatch_flows::housekeeping;
use nightlatch_flows::log_out::{self, Expansion};

use tokio::sync::OwnedSemaphorePermit;

use crate::site::Site;

/// How long a story waits for another thread before it gives up.
const PATIENCE: Duration = Duration::from_mins(1);

impl Site {
    /// Writes noted activity; returns how many sessions it was noted for.
    ///
    /// # Panics
    ///
    /// If it cannot be written.
    pub fn flush_activity(&self) -> usize {
        let app = self.app();
        self.block_on(async move { app.activity.flush(&app.store).await })
            .expect("activity that can be written")
    }

    /// Ends what is overdue, as the sweep does: one interval of written activity
    /// behind the present. Returns how many sessions.
    pub fn sweep(&self) -> usize {
        let before = self.now().minus(INTERVAL);
        let mut ended = 0;
        loop {
            let moment = self.moment();
            let owners = self.write(move |tx| log_out::end_overdue(tx, &moment, before, 100));
            ended += owners.len();
            if owners.is_empty() {
                return ended;
            }
        }
    }

    /// Writes down one batch of a wide ending; whether there was one.
    pub fn expand_once(&self) -> bool {
        let moment = self.moment();
        self.write(move |tx| log_out::expand_next(tx, &moment)) == Expansion::Continue
    }

    /// Writes down everything that wide endings have ended; returns the number of
    /// batches.
    pub fn expand(&self) -> u32 {
        let mut batches = 0;
        while self.expand_once() {
            batches += 1;
        }
        batches
    }

    /// Gives every line of the history its place in the audit trail.
    pub fn seal_audit(&self) {
        self.seal_audit_at(self.now());
    }

    fn seal_audit_at(&self, now: Timestamp) {
        loop {
            let random = Arc::clone(&self.app().random);
            if self.write(move |tx| audit::seal(tx, random.as_ref(), now, 50)) == 0 {
                return;
            }
        }
    }

    /// Deletes what is too old; returns how many rows.
    pub fn prune(&self) -> u64 {
        self.prune_at(self.now())
    }

    fn prune_at(&self, now: Timestamp) -> u64 {
        // Only what has its place goes.
        self.seal_audit_at(now);
        let mut gone = 0;
        loop {
            let step = self.write(move |tx| housekeeping::prune(tx, now, 50));
            gone += step;
            if step == 0 {
                return gone;
            }
        }
    }

    /// Holds every password back at the point where it would be verified, until
    /// what is returned is dropped.
    ///
    /// # Panics
    ///
    /// If they cannot be held.
    pub fn hold_passwords(&self) -> OwnedSemaphorePermit {
        let app = self.app();
        self.block_on(async move { app.hashing.pause().await })
            .expect("hashing that can be paused")
    }

    /// Waits until other threads have begun so many attempts that count: the
    /// sum of all counters of failures.
    ///
    /// # Panics
    ///
    /// If that never comes.
    pub fn wait_for_attempts(&self, count: i64) {
        let began = Instant::now();
        let sum = "SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) FROM throttles";
        while self.count_rows(sum) < count {
            assert!(began.elapsed() < PATIENCE, "nobody tries to sign in");
            std::thread::yield_now();
        }
    }
}
