//! What a commit may have turned from a yes into a no, and who is told of it.
//!
//! Owns the numbers of such commits and the order in which they are told. It does
//! not know what is kept in memory about whom: that is the observers' business.
//!
//! A function here that writes what decides a check calls [`Tx::concerns`] beside
//! its statement, so that no flow can forget it; `tests/contract/concerns.rs` walks
//! all statements. After the commit, and before anybody is answered, the concerns
//! of what was kept are told under the next number. Whoever keeps an answer in
//! memory remembers [`Store::last_told`](crate::Store::last_told) from before its
//! read, and may use the answer as long as nothing that concerns it was told under
//! a higher number: a row read before an ending can then never be used after it.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nightlatch_domain::ids::{ClientId, GrantId, OrganizationId, SessionId, UserId};

#[cfg(doc)]
use crate::Tx;

/// Whose answers may have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Concern {
    /// One session: it ended, has another token, or left an app.
    Session(SessionId),
    /// A user and everything of theirs: status, role, factors, groups, counters.
    User(UserId),
    /// Everything in an organization: its policy, its counter.
    Organization(OrganizationId),
    /// Everything.
    Deployment,
    /// Everything in an app: whether it may be entered, by whom, its counter.
    Client(ClientId),
    /// What one grant allows.
    Grant(GrantId),
}

/// Hears of commits.
pub trait CommitObserver: Send + Sync {
    /// A commit that concerns these has happened, or may have: its outcome is
    /// unknown. Whoever asked for it is answered only after this returns, so it must
    /// be quick, must not call the store and must not panic. Numbers rise by one.
    fn committed(&self, number: u64, concerns: &[Concern]);
}

/// The commits of one store that concerned somebody.
#[derive(Default)]
pub(crate) struct Commits {
    last: AtomicU64,
    observers: Mutex<Vec<Arc<dyn CommitObserver>>>,
}

impl Commits {
    /// Tells everybody, under the next number. Call it after the commit and before
    /// any answer, also if nobody knows whether the commit happened: what is
    /// forgotten for nothing is read again.
    pub(crate) fn tell(&self, concerns: &[Concern]) {
        if concerns.is_empty() {
            return;
        }
        // The lock makes one commit's telling end before the next one's begins.
        let observers = self.observers();
        let number = self.last.load(Ordering::Relaxed).saturating_add(1);
        for observer in observers.iter() {
            observer.committed(number, concerns);
        }
        self.last.store(number, Ordering::Release);
    }

    /// The number of the last commit that everybody has been told of.
    pub(crate) fn last(&self) -> u64 {
        self.last.load(Ordering::Acquire)
    }

    pub(crate) fn observe(&self, observer: Arc<dyn CommitObserver>) {
        self.observers().push(observer);
    }

    fn observers(&self) -> MutexGuard<'_, Vec<Arc<dyn CommitObserver>>> {
        self.observers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Commits {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Commits")
            .field("last", &self.last)
            .finish_non_exhaustive()
    }
}
