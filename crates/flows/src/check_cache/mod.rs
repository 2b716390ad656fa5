//! Answers to checks, kept in memory.
//!
//! On SQLite one process holds the database, and hears of each of its own commits
//! before anybody is answered. So a yes that was read may be said again without a
//! read, as long as no commit since has concerned it; `marks` knows that. Only a yes
//! is kept: a no is read, and explained, each time. A deadline that has passed here is
//! read again before anybody is refused. Deciding is left to `domain`, from what is
//! kept.
//!
//! How an ending and a read that cross each other are kept apart: whoever fills takes
//! the number of the last commit that was told *before* its read begins
//! ([`CheckCache::begin`]). An ending that the read did not see has a higher one, and
//! its mark makes what was read worthless, whether it comes before the fill or after.
//!
//! Clocks may step: everything kept is an instant, and no length of time is measured.
//!
//! On PostgreSQL other nodes commit too and nobody here hears of it, so nothing is
//! kept there until nodes hold leases.

mod hosts;
mod kept;
mod marks;
mod table;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::SessionId;
use nightlatch_domain::secret::TokenDigest;
use nightlatch_domain::session::Admission;
use nightlatch_storage::sessions::OwnedSession;
use nightlatch_storage::{CommitObserver, Concern, DatabaseKind, StorageError, Store, sessions};

pub use self::hosts::HostQuestion;
use self::hosts::Hosts;
use self::kept::Kept;
use self::marks::Marks;
use self::table::Table;
use crate::activity::Activity;
use crate::protected::{self, HostCheck};

/// How many sessions are kept unless an operator says otherwise.
pub const USUAL_SIZE: usize = 1_000_000;

/// The most that makes sense on one machine.
pub const LARGEST_SIZE: usize = 100_000_000;

/// One place for so many sessions. More places would keep more of what nothing
/// concerned, and cost memory.
const SESSIONS_A_PLACE: usize = 8;

/// The fewest places, so that a small cache does not forget everything at once.
const FEWEST_PLACES: usize = 4096;

/// What is kept in memory for one store.
pub struct CheckCache {
    /// Nothing where nothing may be kept.
    keeping: Option<Arc<Keeping>>,
}

struct Keeping {
    marks: Marks,
    sessions: Table<Kept>,
    hosts: Hosts,
    fills: AtomicU64,
}

impl CommitObserver for Keeping {
    fn committed(&self, number: u64, concerns: &[Concern]) {
        self.marks.mark(number, concerns);
    }
}

/// A read that is about to begin.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    since: u64,
}

/// A session that is live, as far as a check needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveCheck {
    /// Its public id.
    pub session_id: SessionId,
    /// Until when. Read again, the idle deadline may turn out to be later.
    pub admission: Admission,
}

impl CheckCache {
    /// Keeps up to `size` sessions of this store, and as many cookies of protected
    /// hosts, if answers from it may be kept.
    pub fn of(store: &Store, size: usize) -> Self {
        if size == 0 || store.kind() != DatabaseKind::Sqlite {
            return Self::off();
        }
        let size = size.min(LARGEST_SIZE);
        let keeping = Arc::new(Keeping {
            marks: Marks::new((size / SESSIONS_A_PLACE).max(FEWEST_PLACES)),
            sessions: Table::new(size),
            hosts: Hosts::new(size),
            fills: AtomicU64::new(0),
        });
        store.observe(Arc::<Keeping>::clone(&keeping));
        Self {
            keeping: Some(keeping),
        }
    }

    /// Keeps nothing: every check reads.
    pub fn off() -> Self {
        Self { keeping: None }
    }

    /// Whether anything is kept.
    pub fn is_on(&self) -> bool {
        self.keeping.is_some()
    }

    /// How many answers are kept, those that hold no more included.
    pub fn length(&self) -> usize {
        let keeping = self.keeping.as_ref();
        keeping.map_or(0, |keeping| {
            keeping.sessions.length() + keeping.hosts.length()
        })
    }

    /// How often an answer was in memory since the start, those that held no more
    /// included.
    pub fn found(&self) -> u64 {
        let keeping = self.keeping.as_ref();
        keeping.map_or(0, |keeping| {
            keeping.sessions.found() + keeping.hosts.found()
        })
    }

    /// How many answers were put in since the start.
    pub fn fills(&self) -> u64 {
        let keeping = self.keeping.as_ref();
        keeping.map_or(0, |keeping| keeping.fills.load(Ordering::Relaxed))
    }

    /// The session of a token, if it is known here to be live. Nothing means that this
    /// must be read, and never that it is not live.
    pub fn find(
        &self,
        token: TokenDigest,
        activity: &Activity,
        now: Timestamp,
    ) -> Option<LiveCheck> {
        let keeping = self.keeping.as_ref()?;
        let kept = keeping.sessions.find(token)?;
        // The mark is looked at after what it may void.
        if !kept.stands(&keeping.marks) {
            return None;
        }
        Some(LiveCheck {
            session_id: kept.session,
            admission: kept.admit(activity, now)?,
        })
    }

    /// Call it before a read whose answer is to be kept.
    pub fn begin(&self, store: &Store) -> Reading {
        Reading {
            since: store.last_told(),
        }
    }

    /// Keeps the session of a token as it was read.
    pub fn keep(&self, reading: Reading, token: TokenDigest, owned: &OwnedSession, now: Timestamp) {
        let Some(keeping) = &self.keeping else { return };
        let Some(kept) = Kept::of(owned, reading.since, now) else {
            return;
        };
        keeping.fills.fetch_add(1, Ordering::Relaxed);
        let may_go = |kept: &Kept| kept.is_over(now) || !kept.stands(&keeping.marks);
        keeping.sessions.put(token, kept, may_go);
    }

    /// What is known here of a request for a protected host. Nothing means that this
    /// must be read.
    pub fn find_on_host(
        &self,
        question: HostQuestion<'_>,
        activity: &Activity,
    ) -> Option<HostCheck> {
        let keeping = self.keeping.as_ref()?;
        keeping.hosts.find(&keeping.marks, question, activity)
    }

    /// Keeps what was read of a request for a protected host.
    pub fn keep_on_host(&self, reading: Reading, question: HostQuestion<'_>, read: &HostCheck) {
        let Some(keeping) = &self.keeping else { return };
        keeping.fills.fetch_add(1, Ordering::Relaxed);
        keeping
            .hosts
            .keep(&keeping.marks, question, reading.since, read);
    }

    /// What decides about a request for a protected host, from memory or else read and
    /// kept.
    pub async fn look_on_host(
        &self,
        store: &Store,
        question: HostQuestion<'_>,
        activity: &Arc<Activity>,
    ) -> Result<HostCheck, StorageError> {
        if let Some(known) = self.find_on_host(question, activity) {
            return Ok(known);
        }
        let reading = self.begin(store);
        let (host, presented) = (question.host.clone(), question.presented.clone());
        let noted = Arc::clone(activity);
        let read = store
            .read(move |tx| protected::check(tx, &host, &presented, &noted))
            .await?;
        self.keep_on_host(reading, question, &read);
        Ok(read)
    }

    /// The session of a token if it is live, from memory or else read and kept. Nothing
    /// means that it is not; why not is the business of [`crate::sessions::check`].
    pub async fn look(
        &self,
        store: &Store,
        token: TokenDigest,
        activity: &Arc<Activity>,
        now: Timestamp,
    ) -> Result<Option<LiveCheck>, StorageError> {
        if let Some(live) = self.find(token, activity, now) {
            return Ok(Some(live));
        }
        let reading = self.begin(store);
        let noted = Arc::clone(activity);
        let found = store
            .read(move |tx| {
                let found = sessions::find_by_token(tx, token)?;
                Ok::<_, StorageError>(found.map(|mut owned| {
                    let session = &mut owned.session;
                    session.life = noted.overlay(session.id, session.life);
                    owned
                }))
            })
            .await?;
        let Some(owned) = found else { return Ok(None) };
        self.keep(reading, token, &owned, now);
        let session = &owned.session;
        let admission = nightlatch_domain::session::admit(&session.life, &owned.standing(), now);
        Ok(admission.ok().map(|admission| LiveCheck {
            session_id: session.id,
            admission,
        }))
    }
}

impl fmt::Debug for CheckCache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CheckCache")
            .field("is_on", &self.is_on())
            .field("length", &self.length())
            .finish_non_exhaustive()
    }
}
