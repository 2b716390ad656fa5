//! What stands in the database, for stories that must know.

use nightlatch_domain::Timestamp;
use nightlatch_domain::ending::Cause;
use nightlatch_domain::event::{Event, EventKind};
use nightlatch_domain::ids::{EndingId, SessionId, UserId};
use nightlatch_domain::secret::TokenDigest;
use nightlatch_domain::session::Ended;
use nightlatch_storage::endings::{self, Ending};
use nightlatch_storage::events::{self, EventFilter};
use nightlatch_storage::{Row, StorageError, Tx};

use crate::operator::Account;
use crate::site::Site;

/// An event of the history.
pub type EventRow = Event;

/// A session as it is stored.
#[derive(Debug, Clone)]
pub struct SessionRow {
    /// Its public id.
    pub id: SessionId,
    /// The digest of its token.
    pub token: TokenDigest,
    /// Whose it is.
    pub user: UserId,
    /// When it began.
    pub created_at: Timestamp,
    /// The last activity that was written.
    pub last_active_at: Timestamp,
    /// The deadline without activity.
    pub idle_deadline: Timestamp,
    /// The deadline in any case.
    pub overall_deadline: Timestamp,
    /// How it ended.
    pub ended: Option<Ended>,
}

impl SessionRow {
    /// Why it ended, if its row says so.
    pub fn cause(&self) -> Option<Cause> {
        self.ended.map(|ended| ended.cause)
    }
}

fn read(row: &Row<'_>) -> Result<SessionRow, StorageError> {
    let ended = match row.get::<Option<Timestamp>>(7)? {
        None => None,
        Some(at) => Some(Ended {
            at,
            cause: row.get(8)?,
            ending_id: row.get(9)?,
        }),
    };
    Ok(SessionRow {
        id: row.get(0)?,
        token: row.get(1)?,
        user: row.get(2)?,
        created_at: row.get(3)?,
        last_active_at: row.get(4)?,
        idle_deadline: row.get(5)?,
        overall_deadline: row.get(6)?,
        ended,
    })
}

/// All sessions, oldest first.
pub(crate) fn all_sessions(tx: &mut Tx<'_>) -> Result<Vec<SessionRow>, StorageError> {
    tx.query(
        "SELECT id, token_digest, user_id, created_at, last_active_at, idle_deadline, overall_deadline,
                ended_at, ended_cause, ending_id
         FROM sessions ORDER BY created_at, id",
        &[],
        read,
    )
}

impl Site {
    /// All sessions of an account, ended or not, oldest first.
    pub fn sessions_of(&self, account: &Account) -> Vec<SessionRow> {
        let id = account.id;
        let mut rows = self.read(all_sessions);
        rows.retain(|row| row.user == id);
        rows
    }

    /// The sessions of an account that their rows call open.
    pub fn open_sessions_of(&self, account: &Account) -> usize {
        let rows = self.sessions_of(account);
        rows.iter().filter(|row| row.ended.is_none()).count()
    }

    /// The session of a token.
    pub fn session_of_token(&self, token: TokenDigest) -> Option<SessionRow> {
        let rows = self.read(all_sessions);
        rows.into_iter().find(|row| row.token == token)
    }

    /// The whole history of an account, new to old.
    pub fn history_of(&self, account: &Account) -> Vec<EventRow> {
        let id = account.id;
        self.read(move |tx| events::list_of_user(tx, id, EventFilter::All, None, 100_000))
    }

    /// How many lines of this kind the history of an account has.
    pub fn count_events(&self, account: &Account, kind: EventKind) -> usize {
        let history = self.history_of(account);
        history.iter().filter(|event| event.kind == kind).count()
    }

    /// An ending.
    ///
    /// # Panics
    ///
    /// If there is none of this id.
    pub fn ending(&self, id: EndingId) -> Ending {
        self.read(move |tx| endings::find(tx, id))
            .expect("an ending of this id")
    }

    /// Why the sessions of an account ended, oldest first; `None` for those that
    /// are open.
    pub fn causes_of(&self, account: &Account) -> Vec<Option<Cause>> {
        let rows = self.sessions_of(account);
        rows.iter().map(SessionRow::cause).collect()
    }

    /// The counter that ends everything of an account.
    ///
    /// # Panics
    ///
    /// If there is no such account.
    pub fn epoch_of(&self, account: &Account) -> i64 {
        let id = account.id;
        self.read(move |tx| nightlatch_storage::epochs::find_of_user(tx, id))
            .expect("an account")
            .user
    }

    /// How many rows a table has.
    pub fn count_rows(&self, count: &'static str) -> i64 {
        self.read(move |tx| tx.query_one(count, &[], |row| row.get(0)))
    }
}
