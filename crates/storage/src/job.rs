//! A unit of work on its way from a caller to a database thread and back, and the threads themselves.
//!
//! Owns the bounded queues, the thread handles and the promise that each caller gets exactly one answer.
//! It does not know what a transaction is: an engine decides when a job runs, runs again and is answered.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Sender, TrySendError};
use tokio::sync::oneshot;

use crate::backend::Tx;
use crate::error::StorageError;
use crate::queue::{Queue, queue};

/// What the engine is to do with the transaction in which a job just ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Commit it.
    Keep,
    /// Roll it back; the flow said no.
    Undo,
    /// Roll it back and never run the flow again: a panic may have left its captured state half changed.
    Panicked,
}

/// A flow together with its answer. An engine may run it several times, and answers once, after the commit.
pub(crate) trait Job: Send {
    fn run(&mut self, tx: &mut Tx<'_>) -> Verdict;
    /// Replaces the answer; for what befalls a job outside its flow.
    fn fail(&mut self, error: StorageError);
    fn answer(self: Box<Self>);
    /// Nobody waits any more. Only reads may be skipped for it: a log-out whose browser hung up still counts.
    fn is_abandoned(&self) -> bool;
}

pub(crate) type BoxedJob = Box<dyn Job>;

struct Pending<T, E, F> {
    flow: F,
    outcome: Result<T, E>,
    reply: oneshot::Sender<Result<T, E>>,
}

/// Wraps a flow into a job and the place where its answer will arrive.
pub(crate) fn package<T, E, F>(flow: F) -> (BoxedJob, oneshot::Receiver<Result<T, E>>)
where
    F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<StorageError> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    let outcome = Err(StorageError::Unavailable("the transaction never ran".to_owned()).into());
    (
        Box::new(Pending {
            flow,
            outcome,
            reply,
        }),
        answer,
    )
}

impl<T, E, F> Job for Pending<T, E, F>
where
    F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<StorageError> + Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> Verdict {
        let flow = &mut self.flow;
        let (outcome, verdict) = match catch_unwind(AssertUnwindSafe(|| flow(&mut *tx))) {
            // PostgreSQL rolls back a transaction in which any statement failed, and says nothing at COMMIT.
            // A flow that ignored the failure must not be told that its writes are there.
            Ok(Ok(value)) => match tx.failure() {
                None => (Ok(value), Verdict::Keep),
                Some(failure) => (Err(failure.clone().into()), Verdict::Undo),
            },
            Ok(Err(error)) => (Err(error), Verdict::Undo),
            Err(_) => {
                let error = StorageError::Other(
                    "a flow panicked; its transaction was rolled back".to_owned(),
                );
                (Err(error.into()), Verdict::Panicked)
            }
        };
        self.outcome = outcome;
        verdict
    }

    fn fail(&mut self, error: StorageError) {
        self.outcome = Err(error.into());
    }

    fn answer(self: Box<Self>) {
        // The caller may have gone; what happened, happened.
        let _ = self.reply.send(self.outcome);
    }

    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }
}

/// Whether a flow may change anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// Where a job waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Among all reads.
    Read,
    /// Among all writes but those of [`Lane::Ending`].
    Write,
    /// Before other writes, in a queue of its own that they cannot fill.
    Ending,
}

/// The threads of one store and the queues that feed them. Dropping it lets queued work finish, then
/// joins the threads.
pub(crate) struct Workers {
    queues: Option<Lanes>,
    threads: Vec<JoinHandle<()>>,
}

struct Lanes {
    read: Sender<BoxedJob>,
    write: Sender<BoxedJob>,
    ending: Sender<BoxedJob>,
}

impl Workers {
    /// Makes the queues. The receivers are for the threads that the caller adds.
    pub(crate) fn new(queued_jobs: usize) -> (Self, Queue<BoxedJob>, Queue<BoxedJob>) {
        // Nobody jumps the queue of reads: its second sender goes at once.
        let (read, _, reads) = queue(queued_jobs);
        let (write, ending, writes) = queue(queued_jobs);
        (
            Self {
                queues: Some(Lanes {
                    read,
                    write,
                    ending,
                }),
                threads: Vec::new(),
            },
            reads,
            writes,
        )
    }

    pub(crate) fn add(
        &mut self,
        name: String,
        body: impl FnOnce() + Send + 'static,
    ) -> Result<(), StorageError> {
        let thread = thread::Builder::new()
            .name(name)
            .spawn(body)
            .map_err(|error| {
                StorageError::Unavailable(format!("a database thread did not start: {error}"))
            })?;
        self.threads.push(thread);
        Ok(())
    }

    /// Queues a job, or says at once that too much is queued already: waiting longer helps nobody, and memory
    /// must not grow with the crowd at the door.
    pub(crate) fn submit(&self, lane: Lane, job: BoxedJob) -> Result<(), StorageError> {
        let Some(lanes) = &self.queues else {
            return Err(closed());
        };
        let queue = match lane {
            Lane::Read => &lanes.read,
            Lane::Write => &lanes.write,
            Lane::Ending => &lanes.ending,
        };
        queue.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) => StorageError::Busy,
            TrySendError::Disconnected(_) => closed(),
        })
    }
}

pub(crate) fn closed() -> StorageError {
    StorageError::Unavailable("the store is closed".to_owned())
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.queues = None;
        for thread in self.threads.drain(..) {
            // A flow may hold the last clone of its own store; a thread cannot wait for itself.
            if thread.thread().id() != thread::current().id() && thread.join().is_err() {
                tracing::error!("a database thread had died of a panic");
            }
        }
    }
}
