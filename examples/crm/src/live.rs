//! What open pages hear: that somebody's session may be over, and that a record changed.
//!
//! News carry no content. A page that hears something looks again, and is then shown
//! what its person may see.

use tokio::sync::broadcast;

/// Something that open pages should hear.
#[derive(Debug, Clone)]
pub(crate) enum News {
    /// A session ended, or several: everybody looks whether it was theirs.
    Sessions,
    /// The record at this address changed.
    Changed(String),
}

/// Where news go.
#[derive(Debug, Clone)]
pub(crate) struct Live(broadcast::Sender<News>);

impl Default for Live {
    fn default() -> Self {
        Self(broadcast::channel(64).0)
    }
}

impl Live {
    pub(crate) fn tell(&self, news: News) {
        // Nobody may listen, and that is fine.
        drop(self.0.send(news));
    }

    pub(crate) fn listen(&self) -> broadcast::Receiver<News> {
        self.0.subscribe()
    }
}
