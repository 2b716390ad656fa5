//! What one attempt to tell an app came to, and what follows from it.
//!
//! Only what may mend itself is tried again: the network, an app that says that it
//! is busy, an app that is broken. Everything else is an answer (BCL-05).

use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use crate::Random;
use crate::time::Timestamp;

/// For how long a notice is tried.
pub const GIVE_UP_AFTER: Duration = Duration::from_hours(72);

/// The wait after the first attempt.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// How much longer each wait is than the one before.
const GROWTH: u32 = 3;

/// The longest wait of our own choice.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// The longest wait that an app may ask for. Whoever can answer for an app must not
/// be able to put its logouts off until nobody remembers them.
const LONGEST_ASKED: Duration = Duration::from_hours(1);

/// What one attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// There was no answer: no address, no connection, no encryption, no time left.
    NoAnswer,
    /// It was not made, because it never may be: the address as it was registered is
    /// forbidden (BCL-08).
    Forbidden,
    /// The app answered.
    Answered {
        /// The HTTP status.
        status: u16,
        /// For how long it asks to be left alone.
        retry_after: Option<Duration>,
    },
}

impl Attempt {
    /// The HTTP status, if there was one.
    pub fn status(self) -> Option<i64> {
        match self {
            Self::Answered { status, .. } => Some(status.into()),
            Self::NoAnswer | Self::Forbidden => None,
        }
    }

    /// Whether the app confirmed.
    pub const fn is_success(self) -> bool {
        matches!(
            self,
            Self::Answered {
                status: 200 | 204,
                ..
            }
        )
    }

    /// Whether another attempt may end better. Of the answers that blame us only 408
    /// says nothing about the message: it did not arrive in time.
    pub const fn may_mend(self) -> bool {
        match self {
            Self::NoAnswer => true,
            Self::Forbidden => false,
            Self::Answered { status, .. } => matches!(status, 408 | 429 | 500..=599),
        }
    }

    /// For how long the app asks to be left alone, within reason.
    pub fn asked_wait(self) -> Option<Duration> {
        match self {
            Self::Answered { retry_after, .. } => retry_after.map(|wait| wait.min(LONGEST_ASKED)),
            Self::NoAnswer | Self::Forbidden => None,
        }
    }
}

/// What follows from an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The app knows.
    Confirmed,
    /// The app refused for good.
    Failed,
    /// It is tried again.
    RetryAt(Timestamp),
    /// It has been tried for long enough.
    GaveUp,
}

/// Judges the attempt that was the `attempts`th of a notice that is tried until
/// `give_up_at`. Waits grow, and lie up to a fifth beside the rule, so that what
/// failed together does not come back together (DLV-03).
pub fn judge(
    attempt: Attempt,
    attempts: i64,
    give_up_at: Timestamp,
    now: Timestamp,
    random: &dyn Random,
) -> Verdict {
    if attempt.is_success() {
        return Verdict::Confirmed;
    }
    if !attempt.may_mend() {
        return Verdict::Failed;
    }
    let mut wait = scatter(usual_wait(attempts), random);
    if let Some(asked) = attempt.asked_wait() {
        // Not a moment before; a little later, since others were asked the same.
        wait = wait.max(asked + scatter(FIRST_WAIT, random));
    }
    let next = now.plus(wait);
    if next <= give_up_at {
        Verdict::RetryAt(next)
    } else {
        Verdict::GaveUp
    }
}

fn usual_wait(attempts: i64) -> Duration {
    let growths = u32::try_from(attempts.max(1) - 1).unwrap_or(u32::MAX);
    GROWTH
        .checked_pow(growths)
        .and_then(|factor| FIRST_WAIT.checked_mul(factor))
        .map_or(LONGEST_WAIT, |wait| wait.min(LONGEST_WAIT))
}

fn scatter(wait: Duration, random: &dyn Random) -> Duration {
    let mut dice = [0; 2];
    random.fill(&mut dice);
    // From 80 to 120 hundredths.
    wait * (80 + u32::from(u16::from_le_bytes(dice) % 41)) / 100
}

/// Reads `Retry-After`: seconds, or a date (RFC 9110 section 10.2.3). What cannot be
/// read asks for nothing.
pub fn read_retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit mean a very long time.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = OffsetDateTime::parse(text, &Rfc2822).ok()?;
    let milliseconds = i64::try_from(date.unix_timestamp_nanos() / 1_000_000).ok()?;
    Some(Timestamp::from_milliseconds(milliseconds).since(now))
}

#[cfg(test)]
mod tests;
