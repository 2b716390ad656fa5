//! How it stands with telling one app, and when its administrators hear of it (DLV-04).
//!
//! One record for each app, of one size however much was told: totals, the last
//! attempts as bits, and since when nothing was confirmed.
//!
//! **The rule.** An app *fails* when, since it last confirmed anything,
//!
//! - at least five attempts failed, over at least ten minutes; or
//! - at least three logouts were refused or given up for good; or
//! - a logout waits for more than an hour, and nothing was confirmed for as long: so it
//!   is noticed of an app that should come for its logouts and does not.
//!
//! Administrators hear of it once, and not again before a day is over, however often it
//! comes and goes. That it is mended they hear at most once for each time that they
//! heard it fails: when it confirms and nothing has waited for ten minutes. One answer out
//! of many is not called mended; and an app that people leave all day long, for which
//! something always waits, is not called broken for ever, or nobody would hear of the next
//! time.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Failed attempts without one success in between.
const IN_A_ROW: u32 = 5;

/// For how long they fail, or something waits: a restart of the app is none of anybody's
/// business.
const FOR_SO_LONG: Duration = Duration::from_mins(10);

/// Logouts in a row of which the app will not be told any more.
const LOST_IN_A_ROW: u32 = 3;

/// How long a logout may wait while nothing is confirmed.
const OVERDUE: Duration = Duration::from_hours(1);

/// The least time between two reports that one app fails.
const SILENCE: Duration = Duration::from_hours(24);

/// The last attempts that are remembered one by one.
const REMEMBERED: u32 = 64;

/// How much the newest answer counts in the usual time to answer: one part of so many.
const NEWEST_PART: u64 = 8;

/// What telling an app came to, as far as its health is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// It confirmed a logout.
    Confirmed {
        /// Time from our call, or for an app that comes itself from the logout.
        after: Duration,
    },
    /// An attempt failed, and is made again. In words for administrators.
    Failed(String),
    /// It refused a logout, or was tried for long enough. In words for administrators.
    Lost(String),
}

/// How it stands with telling one app.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Health {
    /// Logouts that it has confirmed, ever.
    pub confirmed: i64,
    /// The last attempts, newest lowest; a one failed.
    attempts: u64,
    /// How many of these bits are attempts.
    remembered: u32,
    /// Attempts that failed since the last success.
    pub failures_in_a_row: u32,
    /// Logouts lost since the last success.
    pub lost_in_a_row: u32,
    /// The first failure since the last success.
    pub failing_since: Option<Timestamp>,
    /// When it last confirmed anything.
    pub last_success_at: Option<Timestamp>,
    /// When an attempt last failed.
    pub last_failure_at: Option<Timestamp>,
    /// Why, in words for administrators.
    pub last_error: Option<String>,
    /// How long it usually takes to confirm, in milliseconds; the newest counts an
    /// eighth.
    pub latency_milliseconds: Option<u64>,
    /// When administrators last heard that it fails.
    pub told_at: Option<Timestamp>,
    /// They heard that it fails, and not yet that it is mended.
    pub is_told: bool,
}

/// What administrators are to hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// It fails repeatedly.
    Fails,
    /// It does not any more.
    Mended,
}

impl Health {
    /// Notes what an attempt came to.
    pub fn note(&mut self, happened: &Happened, at: Timestamp) {
        let failed = match happened {
            Happened::Confirmed { after } => {
                self.confirmed = self.confirmed.saturating_add(1);
                self.failures_in_a_row = 0;
                self.lost_in_a_row = 0;
                self.failing_since = None;
                self.last_success_at = Some(at);
                self.note_latency(*after);
                false
            }
            Happened::Failed(words) | Happened::Lost(words) => {
                let lost = u32::from(matches!(happened, Happened::Lost(_)));
                self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
                self.lost_in_a_row = self.lost_in_a_row.saturating_add(lost);
                self.failing_since.get_or_insert(at);
                self.last_failure_at = Some(at);
                self.last_error = Some(words.clone());
                true
            }
        };
        self.attempts = (self.attempts << 1) | u64::from(failed);
        self.remembered = (self.remembered + 1).min(REMEMBERED);
    }

    fn note_latency(&mut self, after: Duration) {
        let newest = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        self.latency_milliseconds = Some(match self.latency_milliseconds {
            None => newest,
            Some(usual) => {
                let (usual, newest) = (u128::from(usual), u128::from(newest));
                let parts = u128::from(NEWEST_PART);
                u64::try_from((usual * (parts - 1) + newest) / parts).unwrap_or(u64::MAX)
            }
        });
    }

    /// Of the last attempts, at most [`REMEMBERED`]: how many failed, and how many they
    /// are.
    pub fn recent(&self) -> (u32, u32) {
        let mask = match self.remembered {
            0 => 0,
            some => u64::MAX >> (REMEMBERED - some.min(REMEMBERED)),
        };
        ((self.attempts & mask).count_ones(), self.remembered)
    }

    /// Whether it fails repeatedly. `oldest_waiting` is when the oldest logout happened
    /// that it does not know yet.
    pub fn is_failing(&self, oldest_waiting: Option<Timestamp>, now: Timestamp) -> bool {
        let in_a_row = self.failures_in_a_row >= IN_A_ROW
            && self
                .failing_since
                .is_some_and(|since| now.since(since) >= FOR_SO_LONG);
        let long_ago = |at: Timestamp| now.since(at) > OVERDUE;
        let overdue =
            oldest_waiting.is_some_and(long_ago) && self.last_success_at.is_none_or(long_ago);
        in_a_row || self.lost_in_a_row >= LOST_IN_A_ROW || overdue
    }

    /// What administrators are to hear now; notes that they did.
    pub fn news(&mut self, oldest_waiting: Option<Timestamp>, now: Timestamp) -> Option<News> {
        if self.is_told {
            let mended = self.failures_in_a_row == 0
                && self.last_success_at.is_some()
                && oldest_waiting.is_none_or(|at| now.since(at) < FOR_SO_LONG);
            self.is_told = !mended;
            return mended.then_some(News::Mended);
        }
        let quiet = self.told_at.is_none_or(|at| now.since(at) >= SILENCE);
        if quiet && self.is_failing(oldest_waiting, now) {
            self.is_told = true;
            self.told_at = Some(now);
            return Some(News::Fails);
        }
        None
    }
}

#[cfg(test)]
mod tests;
