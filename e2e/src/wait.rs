//! Waiting for a condition with a deadline. No test sleeps for a fixed time.

use std::future::Future;
use std::time::{Duration, Instant};

use crate::failure::{Failure, Outcome};

/// How long a person waits before deciding that it does not happen.
pub const PATIENCE: Duration = Duration::from_secs(10);

const BETWEEN_LOOKS: Duration = Duration::from_millis(40);

/// Looks until `look` returns a value, at most `patience`.
///
/// An error counts as "not yet": while a page is being replaced, elements vanish between two commands.
/// The last error is part of the failure.
pub async fn until<T, F, L>(
    what: impl std::fmt::Display,
    patience: Duration,
    mut look: F,
) -> Outcome<T>
where
    F: FnMut() -> L,
    L: Future<Output = Outcome<Option<T>>>,
{
    let deadline = Instant::now() + patience;
    loop {
        let last = look().await;
        if let Ok(Some(found)) = last {
            return Ok(found);
        }
        if Instant::now() >= deadline {
            let reason = last
                .err()
                .map(|error| format!("; last: {error}"))
                .unwrap_or_default();
            return Err(Failure::new(format!(
                "waited {} s for {what}{reason}",
                patience.as_secs_f32()
            )));
        }
        pause().await;
    }
}

/// The pause between two looks.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that waits, always below a deadline"
)]
pub(crate) async fn pause() {
    tokio::time::sleep(BETWEEN_LOOKS).await;
}
