//! Telling open pages and workers of this process that sessions ended, and that an
//! app has answered.
//!
//! A signal only says "look again": whoever hears it asks the database, and
//! whoever misses it (or lags) asks too. Truth never travels here.

use nightlatch_domain::ids::{EndingId, OrganizationId, UserId};
use nightlatch_domain::secret::TokenDigest;
use tokio::sync::broadcast;

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
}

impl Default for Signals {
    fn default() -> Self {
        Self {
            endings: broadcast::channel(BACKLOG).0,
            notices: broadcast::channel(BACKLOG).0,
        }
    }
}

impl Signals {
    /// Says that something ended. Call it after the commit.
    pub fn ended(&self, concern: Concern) {
        // Nobody listening is no error.
        drop(self.endings.send(concern));
    }

    /// Says that the state of a notice of this ending changed: an app has confirmed
    /// it, refused it, or was given up. Call it after the commit.
    pub fn notice_changed(&self, ending: EndingId) {
        drop(self.notices.send(ending));
    }

    /// Hears every signal of endings from now on.
    pub fn listen(&self) -> broadcast::Receiver<Concern> {
        self.endings.subscribe()
    }

    /// Hears from now on of which endings a notice changed.
    pub fn listen_to_notices(&self) -> broadcast::Receiver<EndingId> {
        self.notices.subscribe()
    }
}
