//! Who is signed in here, and the index by which the provider names them.
//!
//! A logout can overtake the sign-in that it is about: the code is still being
//! exchanged when the notice arrives. So the session that a notice names is
//! remembered for a while, and a sign-in into it is refused.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;

/// How long a notice is remembered, in seconds: longer than a code and a logout
/// token live.
const REMEMBERED: i64 = 15 * 60;

/// The longest session without a word of the provider, in seconds.
const LONGEST: i64 = 12 * 3600;

/// How long a sign-in may take, in seconds.
const PENDING: i64 = 15 * 60;

/// A person who is signed in here.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    /// The person, as the provider names them.
    pub(crate) subject: String,
    /// What to call them.
    pub(crate) name: String,
    /// The session at the provider.
    pub(crate) sid: Option<String>,
    /// Proves at logout whose session it was.
    pub(crate) id_token: String,
    /// When it began here.
    pub(crate) began: i64,
}

/// A sign-in that has gone to the provider.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    /// Bound to this browser.
    pub(crate) cookie: String,
    /// Comes back in the ID token.
    pub(crate) nonce: String,
    /// Proves that we began it (PKCE).
    pub(crate) verifier: String,
    began: i64,
}

impl Pending {
    pub(crate) fn new(cookie: String, nonce: String, verifier: String, now: i64) -> Self {
        Self {
            cookie,
            nonce,
            verifier,
            began: now,
        }
    }
}

#[derive(Default)]
struct State {
    sessions: HashMap<String, Session>,
    pending: HashMap<String, Pending>,
    /// Sessions at the provider that ended, with when.
    ended_sids: HashMap<String, i64>,
    /// Notices that were used.
    used: HashMap<String, i64>,
}

/// Everything that is remembered.
pub(crate) struct Sessions {
    state: Mutex<State>,
    changes: broadcast::Sender<()>,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            changes: broadcast::channel(16).0,
        }
    }
}

impl Sessions {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a sign-in under its state.
    pub(crate) fn begin(&self, state: String, pending: Pending) {
        let mut all = self.state();
        let now = pending.began;
        all.pending.retain(|_, one| now - one.began < PENDING);
        all.pending.insert(state, pending);
    }

    /// The sign-in of this state and this browser, once.
    pub(crate) fn take_pending(&self, state: &str, cookie: &str, now: i64) -> Option<Pending> {
        let mut all = self.state();
        let pending = all.pending.get(state)?;
        // Else somebody could have their own sign-in finished in another's browser.
        if pending.cookie != cookie || now - pending.began >= PENDING {
            return None;
        }
        all.pending.remove(state)
    }

    /// Signs somebody in, unless that session has ended meanwhile.
    pub(crate) fn add(&self, cookie: String, session: Session) -> bool {
        let mut all = self.state();
        let over = session
            .sid
            .as_ref()
            .is_some_and(|sid| all.ended_sids.contains_key(sid));
        if !over {
            all.sessions.insert(cookie, session);
        }
        !over
    }

    /// Who holds this cookie.
    pub(crate) fn find(&self, cookie: &str, now: i64) -> Option<Session> {
        let mut all = self.state();
        let session = all.sessions.get(cookie)?;
        if now - session.began >= LONGEST {
            all.sessions.remove(cookie);
            return None;
        }
        all.sessions.get(cookie).cloned()
    }

    /// Signs one browser out here.
    pub(crate) fn remove(&self, cookie: &str) -> Option<Session> {
        let removed = self.state().sessions.remove(cookie);
        self.tell();
        removed
    }

    /// Whether a notice is new; it is not from now on.
    pub(crate) fn use_once(&self, jti: &str, now: i64) -> bool {
        let mut all = self.state();
        all.used.retain(|_, at| now - *at < REMEMBERED);
        all.used.insert(jti.to_owned(), now).is_none()
    }

    /// Ends what a notice names: one session, or, without `sid`, those of a person that
    /// began before it was made. Returns how many.
    pub(crate) fn end(
        &self,
        sid: Option<&str>,
        subject: Option<&str>,
        made: i64,
        now: i64,
    ) -> usize {
        let mut all = self.state();
        all.ended_sids.retain(|_, at| now - *at < REMEMBERED);
        if let Some(sid) = sid {
            all.ended_sids.insert(sid.to_owned(), now);
        }
        let before = all.sessions.len();
        all.sessions.retain(|_, session| match (sid, subject) {
            (Some(sid), _) => session.sid.as_deref() != Some(sid),
            (None, Some(subject)) => session.subject != subject || session.began > made,
            (None, None) => true,
        });
        let ended = before - all.sessions.len();
        drop(all);
        self.tell();
        ended
    }

    /// Wakes open pages, which then look whether they are still signed in.
    pub(crate) fn listen(&self) -> broadcast::Receiver<()> {
        self.changes.subscribe()
    }

    fn tell(&self) {
        // Nobody may listen, and that is fine.
        drop(self.changes.send(()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(sid: &str, subject: &str, began: i64) -> Session {
        Session {
            subject: subject.to_owned(),
            name: "Ada".to_owned(),
            sid: Some(sid.to_owned()),
            id_token: String::new(),
            began,
        }
    }

    #[test]
    fn c12_the_end_of_one_session_ends_one() {
        let sessions = Sessions::default();
        assert!(sessions.add("a".to_owned(), session("s1", "ada", 10)));
        assert!(sessions.add("b".to_owned(), session("s2", "ada", 10)));
        assert_eq!(sessions.end(Some("s1"), Some("ada"), 20, 20), 1);
        assert!(sessions.find("a", 20).is_none());
        assert!(sessions.find("b", 20).is_some());
    }

    #[test]
    fn bcl_07_a_notice_that_comes_early_is_kept_and_one_that_comes_late_ends_nothing_newer() {
        let sessions = Sessions::default();
        assert_eq!(sessions.end(Some("s1"), None, 20, 20), 0);
        assert!(!sessions.add("a".to_owned(), session("s1", "ada", 21)));
        assert!(sessions.add("b".to_owned(), session("s2", "ada", 30)));
        assert_eq!(sessions.end(None, Some("ada"), 29, 31), 0);
        assert!(sessions.find("b", 31).is_some());
        assert_eq!(sessions.end(None, Some("ada"), 30, 31), 1);
    }

    #[test]
    fn a_sign_in_is_finished_once_and_in_the_browser_that_began_it() {
        let sessions = Sessions::default();
        let pending = |now| Pending::new("cookie".to_owned(), "n".to_owned(), "v".to_owned(), now);
        sessions.begin("state".to_owned(), pending(0));
        assert!(sessions.take_pending("state", "other", 1).is_none());
        assert!(sessions.take_pending("state", "cookie", 1).is_some());
        assert!(sessions.take_pending("state", "cookie", 1).is_none());
        sessions.begin("old".to_owned(), pending(0));
        assert!(sessions.take_pending("old", "cookie", PENDING).is_none());
    }

    #[test]
    fn a_notice_is_used_once() {
        let sessions = Sessions::default();
        assert!(sessions.use_once("a", 1));
        assert!(!sessions.use_once("a", 2));
    }
}
