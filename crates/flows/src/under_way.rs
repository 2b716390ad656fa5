//! Sign-ins that this node is verifying right now, by the counters they are on.
//!
//! An attempt counts as failed until it succeeds, so that parallel guesses cannot
//! slip through. Without this, the sixth of several people (or windows) that give
//! a right password at once would be told to wait for wrong tries that nobody
//! made. So an attempt that would be told to wait while others are under way on
//! the same counter waits for one of them to end, and asks again: right ones leave
//! nothing behind, and wrong ones stand. No more passwords are looked at than
//! before. Other nodes' attempts are not known here; there the counter alone
//! decides.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nightlatch_domain::secret::TokenDigest;
use tokio::sync::watch;

/// Attempts that may wait for others at a time; further ones are told to come
/// back. A flood must not become a queue without end.
const MOST_WAITING: usize = 100;

/// The bytes of a counter's key.
type Key = [u8; 32];

#[derive(Debug)]
struct Counter {
    attempts: usize,
    /// Told whenever one of them ends; dropped with the last.
    ended: watch::Sender<()>,
}

/// What is under way.
#[derive(Debug, Default)]
pub(crate) struct UnderWay {
    counters: Mutex<HashMap<Key, Counter>>,
    waiting: AtomicUsize,
}

impl UnderWay {
    /// An attempt on these counters begins; it ends with what is returned.
    pub(crate) fn enter(self: &Arc<Self>, keys: &[TokenDigest]) -> Entered {
        let keys: Vec<Key> = keys.iter().map(|key| key.to_bytes()).collect();
        let mut counters = self.lock();
        for key in &keys {
            let counter = counters.entry(*key).or_insert_with(|| Counter {
                attempts: 0,
                ended: watch::Sender::new(()),
            });
            counter.attempts += 1;
        }
        drop(counters);
        Entered {
            registry: Arc::clone(self),
            keys,
        }
    }

    fn listen(&self, key: TokenDigest) -> Option<watch::Receiver<()>> {
        self.lock()
            .get(&key.to_bytes())
            .map(|counter| counter.ended.subscribe())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Counter>> {
        // Each change is whole before anything can panic.
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An attempt that is under way.
#[derive(Debug)]
pub(crate) struct Entered {
    registry: Arc<UnderWay>,
    keys: Vec<Key>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut counters = self.registry.lock();
        for key in &self.keys {
            let Some(counter) = counters.get_mut(key) else {
                continue;
            };
            counter.attempts -= 1;
            counter.ended.send_replace(());
            if counter.attempts == 0 {
                counters.remove(key);
            }
        }
    }
}

/// How long one attempt has waited for others.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    asked_again: bool,
}

impl Patience {
    /// Waits until an attempt on this counter ends; false if asking again is of no
    /// use, or too many wait already.
    pub(crate) async fn wait(&mut self, registry: &UnderWay, key: TokenDigest) -> bool {
        let Some(mut ended) = registry.listen(key) else {
            // The last one may have ended between the question and now.
            return !std::mem::replace(&mut self.asked_again, true);
        };
        self.asked_again = false;
        if registry.waiting.fetch_add(1, Ordering::Relaxed) >= MOST_WAITING {
            registry.waiting.fetch_sub(1, Ordering::Relaxed);
            return false;
        }
        let _leaving = Leaving(&registry.waiting);
        // An error says that the last one has ended.
        let _ = ended.changed().await;
        true
    }
}

/// Counts down also if the wait is given up.
struct Leaving<'a>(&'a AtomicUsize);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
