//! Telling open pages and workers of this process that sessions ended.
//!
//! A signal only says "look again": whoever hears it asks the database, and
//! whoever misses it (or lags) asks too. Truth never travels here.

use std::sync::Arc;

use nightlatch_domain::ids::{EndingId, OrganizationId, UserId};
use nightlatch_domain::notice::Lane;
use nightlatch_domain::secret::TokenDigest;
use tokio::sync::{Notify, broadcast};

/// Signals that may wait for a slow listener before it is told that it lags.
const BACKLOG: usize = 1024;

/// Whom an ending concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concern {
    /// Sessions of one user.
    User(UserId),
    /// Sessions in the browser that holds this browser cookie, whosever they are.
    Browser(TokenDigest),
    /// Sessions of an organization.
    Organization(OrganizationId),
    /// Everybody's.
    Everybody,
}

impl Concern {
    /// Whether so many pages may hear it that they should not all ask at once.
    pub(crate) fn is_wide(self) -> bool {
        match self {
            Self::User(_) | Self::Browser(_) => false,
            Self::Organization(_) | Self::Everybody => true,
        }
    }
}

/// Carries signals to all listeners.
#[derive(Debug, Clone)]
pub struct Signals {
    endings: broadcast::Sender<Concern>,
    notices: broadcast::Sender<EndingId>,
    /// For those who tell apps, one for each lane.
    interactive: Arc<Notify>,
    mass: Arc<Notify>,
}

impl Default for Signals {
    fn default() -> Self {
        Self {
            endings: broadcast::channel(BACKLOG).0,
            notices: broadcast::channel(BACKLOG).0,
            interactive: Arc::default(),
            mass: Arc::default(),
        }
    }
}

impl Signals {
    /// Says that something ended. Call it after the commit.
    pub fn ended(&self, concern: Concern) {
        // Nobody listening is no error.
        drop(self.endings.send(concern));
        self.wake_delivery();
    }

    /// Says that apps may have to be told something. Call it after the commit; calling
    /// it for nothing costs one look.
    pub fn wake_delivery(&self) {
        self.interactive.notify_one();
        self.mass.notify_one();
    }

    /// Waits until somebody says so.
    pub async fn delivery_woken(&self, lane: Lane) {
        match lane {
            Lane::Interactive => self.interactive.notified().await,
            Lane::Mass => self.mass.notified().await,
        }
    }

    /// Says that something became of a notice of this ending. Call it after the commit.
    pub fn notice_changed(&self, ending: EndingId) {
        drop(self.notices.send(ending));
    }

    /// Hears of notices from now on.
    pub fn listen_to_notices(&self) -> broadcast::Receiver<EndingId> {
        self.notices.subscribe()
    }

    /// Hears every signal from now on.
    pub fn listen(&self) -> broadcast::Receiver<Concern> {
        self.endings.subscribe()
    }
}
