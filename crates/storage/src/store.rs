//! The store: where flows are handed in and their answers come out.
//!
//! Owns the public face and its promises. It does not know which databases there are; `backend` does.

use std::fmt;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::backend::{self, DatabaseKind, DatabaseLocation, Opened, Tx};
use crate::concern::CommitObserver;
use crate::error::StorageError;
use crate::job::{Lane, closed, package};

/// How large a store may become. The defaults suit one server process.
#[derive(Debug, Clone)]
pub struct StoreSettings {
    /// Threads, each with a connection, that serve reads.
    pub readers: usize,
    /// Threads, each with a connection, that serve writes on PostgreSQL. SQLite always has exactly one.
    pub writers: usize,
    /// How many flows may wait in each of the two queues before [`StorageError::Busy`] is the answer.
    pub queued_jobs: usize,
    /// Whether a commit on SQLite waits for the disk. Only databases that vanish anyway go without.
    pub(crate) durable: bool,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self {
            readers: 4,
            writers: 4,
            queued_jobs: 4096,
            durable: true,
        }
    }
}

/// A database, migrated and ready. Clones are the same store; the last one to go closes it.
#[derive(Clone)]
pub struct Store {
    opened: Arc<Opened>,
    #[cfg(feature = "testing")]
    pub(crate) outage: Arc<crate::testing::Outage>,
}

impl fmt::Debug for Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Store")
            .field("kind", &self.opened.kind)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Connects and brings the schema up to date. Refuses a schema newer than this program.
    pub fn open(location: &DatabaseLocation) -> Result<Self, StorageError> {
        Self::open_with(location, &StoreSettings::default())
    }

    /// As [`Store::open`], with other limits.
    pub fn open_with(
        location: &DatabaseLocation,
        settings: &StoreSettings,
    ) -> Result<Self, StorageError> {
        Ok(Self {
            opened: Arc::new(backend::open(location, settings)?),
            #[cfg(feature = "testing")]
            outage: Arc::default(),
        })
    }

    /// Runs a flow in one transaction and commits it if it answers `Ok`. The answer comes after the commit.
    ///
    /// Flows run one after another, or as if they did (PostgreSQL: `SERIALIZABLE`). A flow may run several
    /// times when others get in its way, so it must touch the outside world only through rows, and must not
    /// call the store. Dropping the future does not stop the flow.
    pub async fn write<T, E, F>(&self, flow: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StorageError> + Send + 'static,
    {
        let answer = self.submit(Lane::Write, flow)?;
        answer.await.unwrap_or_else(|_| Err(closed().into()))
    }

    /// [`write`](Store::write) for a flow that ends what a person asked to end. It waits in a queue of its own
    /// and goes before other writes, so that nobody can keep people from logging out by writing much else.
    pub async fn write_ending<T, E, F>(&self, flow: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StorageError> + Send + 'static,
    {
        let answer = self.submit(Lane::Ending, flow)?;
        answer.await.unwrap_or_else(|_| Err(closed().into()))
    }

    /// Runs a flow that only reads, all of it from one moment. It sees everything that any
    /// [`write`](Store::write) has answered before this call.
    pub async fn read<T, E, F>(&self, flow: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StorageError> + Send + 'static,
    {
        let answer = self.submit(Lane::Read, flow)?;
        answer.await.unwrap_or_else(|_| Err(closed().into()))
    }

    /// [`write`](Store::write) for the command line and for tests. Never call it from async code.
    pub fn write_blocking<T, E, F>(&self, flow: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StorageError> + Send + 'static,
    {
        let answer = self.submit(Lane::Write, flow)?;
        answer
            .blocking_recv()
            .unwrap_or_else(|_| Err(closed().into()))
    }

    /// [`read`](Store::read) for the command line and for tests. Never call it from async code.
    pub fn read_blocking<T, E, F>(&self, flow: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StorageError> + Send + 'static,
    {
        let answer = self.submit(Lane::Read, flow)?;
        answer
            .blocking_recv()
            .unwrap_or_else(|_| Err(closed().into()))
    }

    /// From now on tells whom commits of this store concern, see [`CommitObserver`]. What other processes commit
    /// is not heard here.
    pub fn observe(&self, observer: Arc<dyn CommitObserver>) {
        self.opened.commits.observe(observer);
    }

    /// The number of the last commit that all observers have been told of. A read that begins after this call sees
    /// that commit and all before it.
    pub fn last_told(&self) -> u64 {
        self.opened.commits.last()
    }

    /// Which database this is; for messages to operators, not for choosing SQL.
    pub fn kind(&self) -> DatabaseKind {
        self.opened.kind
    }

    fn submit<T, E, F>(
        &self,
        lane: Lane,
        flow: F,
    ) -> Result<oneshot::Receiver<Result<T, E>>, StorageError>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StorageError> + Send + 'static,
    {
        #[cfg(feature = "testing")]
        self.outage.pass()?;
        let (job, answer) = package(flow);
        self.opened.workers.submit(lane, job)?;
        Ok(answer)
    }
}
