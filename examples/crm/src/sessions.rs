//! Who is signed in here, and the index by which the provider names them.
//!
//! A logout can overtake the sign-in that it is about: the code is still being
//! exchanged when the notice arrives. So what a notice names is remembered for a
//! while, and a sign-in into it is refused.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::live::{Live, News};
use crate::logout_token::LogoutToken;
use crate::provider::Ticket;

/// How long a notice is remembered, in seconds: longer than a code and a logout
/// token live.
const REMEMBERED: i64 = 15 * 60;

/// The longest session without a word of the provider, in seconds.
const LONGEST: i64 = 12 * 3600;

/// How long a sign-in may take, in seconds.
const PENDING: i64 = 15 * 60;

/// How many sign-ins may be under way. Anybody can begin one.
const MOST_PENDING: usize = 10_000;

/// A person who is signed in here.
#[derive(Clone)]
pub(crate) struct Session {
    /// The person, as the provider names them.
    pub(crate) subject: String,
    /// What to call them.
    pub(crate) name: String,
    /// Their address, or nothing.
    pub(crate) email: String,
    /// The session at the provider.
    pub(crate) sid: Option<String>,
    /// When they proved at the provider who they are, in seconds since 1970.
    pub(crate) authenticated: i64,
    /// Proves at logout whose session it was.
    pub(crate) id_token: String,
    /// When it began here.
    pub(crate) began: i64,
}

/// A sign-in that has gone to the provider.
pub(crate) struct Pending {
    /// Bound to this browser.
    pub(crate) cookie: String,
    /// What proves that the answer belongs to it.
    pub(crate) ticket: Ticket,
    /// The page that the person wanted.
    pub(crate) to: String,
    /// When it began.
    pub(crate) began: i64,
}

#[derive(Default)]
struct State {
    sessions: HashMap<String, Session>,
    pending: HashMap<String, Pending>,
    /// Sessions at the provider that ended, with when we heard.
    ended_sids: HashMap<String, i64>,
    /// People of whom everything ended: up to which instant, and when we heard.
    ended_people: HashMap<String, (i64, i64)>,
    /// Notices that were used.
    used: HashMap<String, i64>,
}

impl State {
    /// Whether the provider has said already that this is over.
    fn is_over(&self, session: &Session) -> bool {
        let sid = session.sid.as_ref();
        sid.is_some_and(|sid| self.ended_sids.contains_key(sid))
            || self
                .ended_people
                .get(&session.subject)
                .is_some_and(|(instant, _)| session.authenticated <= *instant)
    }
}

/// Everything that is remembered.
pub(crate) struct Sessions {
    state: Mutex<State>,
    live: Live,
}

impl Sessions {
    pub(crate) fn new(live: Live) -> Self {
        Self {
            state: Mutex::default(),
            live,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a sign-in under its state.
    pub(crate) fn begin(&self, state: String, pending: Pending) {
        let mut all = self.state();
        let now = pending.began;
        all.pending.retain(|_, one| now - one.began < PENDING);
        if all.pending.len() >= MOST_PENDING {
            let oldest = all.pending.iter().min_by_key(|(_, one)| one.began);
            let oldest = oldest.map(|(state, _)| state.clone());
            oldest.and_then(|state| all.pending.remove(&state));
        }
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

    /// Signs somebody in, unless that has ended meanwhile.
    pub(crate) fn add(&self, cookie: String, session: Session) -> bool {
        let mut all = self.state();
        let now = session.began;
        all.sessions.retain(|_, one| now - one.began < LONGEST);
        let over = all.is_over(&session);
        if !over {
            all.sessions.insert(cookie, session);
        }
        !over
    }

    /// Who holds this cookie.
    pub(crate) fn find(&self, cookie: &str, now: i64) -> Option<Session> {
        let all = self.state();
        let session = all.sessions.get(cookie)?;
        (now - session.began < LONGEST).then(|| session.clone())
    }

    /// Signs one browser out here.
    pub(crate) fn remove(&self, cookie: &str) -> Option<Session> {
        let removed = self.state().sessions.remove(cookie);
        self.live.tell(News::Sessions);
        removed
    }

    /// Ends what a notice names: one session, or, without `sid`, those of a person who
    /// proved themselves at or before the instant of the ending (BCL-07), so that a late
    /// notice ends no newer sign-in. Returns how many; `None` if the notice was used before.
    pub(crate) fn end(&self, notice: &LogoutToken, now: i64) -> Option<usize> {
        let mut all = self.state();
        all.used.retain(|_, at| now - *at < REMEMBERED);
        all.ended_sids.retain(|_, at| now - *at < REMEMBERED);
        all.ended_people.retain(|_, (_, at)| now - *at < REMEMBERED);
        if all.used.insert(notice.jti.clone(), now).is_some() {
            return None;
        }
        match (&notice.sid, &notice.sub) {
            (Some(sid), _) => {
                all.ended_sids.insert(sid.clone(), now);
            }
            (None, Some(subject)) => {
                let known = all.ended_people.get(subject).map_or(i64::MIN, |one| one.0);
                let instant = known.max(notice.ended_at());
                all.ended_people.insert(subject.clone(), (instant, now));
            }
            (None, None) => {}
        }
        let mut sessions = std::mem::take(&mut all.sessions);
        let before = sessions.len();
        sessions.retain(|_, session| !all.is_over(session));
        let ended = before - sessions.len();
        all.sessions = sessions;
        drop(all);
        self.live.tell(News::Sessions);
        Some(ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions() -> Sessions {
        Sessions::new(Live::default())
    }

    fn session(sid: &str, subject: &str, authenticated: i64) -> Session {
        Session {
            subject: subject.to_owned(),
            name: "Ada".to_owned(),
            email: String::new(),
            sid: Some(sid.to_owned()),
            authenticated,
            id_token: String::new(),
            began: authenticated,
        }
    }

    fn notice(jti: &str, sid: Option<&str>, sub: Option<&str>, made: i64) -> LogoutToken {
        LogoutToken::example(jti, sid, sub, made)
    }

    #[test]
    fn c12_the_end_of_one_session_ends_one() {
        let sessions = sessions();
        assert!(sessions.add("a".to_owned(), session("s1", "ada", 10)));
        assert!(sessions.add("b".to_owned(), session("s2", "ada", 10)));
        let one = notice("1", Some("s1"), Some("ada"), 20);
        assert_eq!(sessions.end(&one, 20), Some(1));
        assert!(sessions.find("a", 20).is_none());
        assert!(sessions.find("b", 20).is_some());
    }

    #[test]
    fn bcl_07_a_notice_that_comes_before_its_session_is_kept() {
        let sessions = sessions();
        assert_eq!(
            sessions.end(&notice("1", Some("s1"), None, 20), 20),
            Some(0)
        );
        assert!(!sessions.add("a".to_owned(), session("s1", "ada", 19)));
        assert!(sessions.add("b".to_owned(), session("s2", "ada", 19)));
        assert_eq!(
            sessions.end(&notice("2", None, Some("bob"), 20), 20),
            Some(0)
        );
        assert!(!sessions.add("c".to_owned(), session("s3", "bob", 20)));
        assert!(sessions.add("d".to_owned(), session("s4", "bob", 21)));
    }

    #[test]
    fn bcl_07_a_notice_about_a_person_ends_nothing_that_was_authenticated_later() {
        let sessions = sessions();
        assert!(sessions.add("a".to_owned(), session("s1", "ada", 30)));
        assert_eq!(
            sessions.end(&notice("1", None, Some("ada"), 29), 31),
            Some(0)
        );
        assert!(sessions.find("a", 31).is_some());
        // Sent again later, but about the same ending.
        let mut again = notice("2", None, Some("ada"), 300);
        again.toe = Some(29);
        assert_eq!(sessions.end(&again, 300), Some(0));
        assert_eq!(
            sessions.end(&notice("3", None, Some("ada"), 30), 301),
            Some(1)
        );
    }

    #[test]
    fn a_sign_in_is_finished_once_and_in_the_browser_that_began_it() {
        let sessions = sessions();
        let pending = |began| Pending {
            cookie: "cookie".to_owned(),
            ticket: Ticket::example(),
            to: "/".to_owned(),
            began,
        };
        sessions.begin("state".to_owned(), pending(0));
        assert!(sessions.take_pending("state", "other", 1).is_none());
        assert!(sessions.take_pending("state", "cookie", 1).is_some());
        assert!(sessions.take_pending("state", "cookie", 1).is_none());
        sessions.begin("old".to_owned(), pending(0));
        assert!(sessions.take_pending("old", "cookie", PENDING).is_none());
        for number in 0..=MOST_PENDING {
            sessions.begin(number.to_string(), pending(1 + i64::from(number > 0)));
        }
        assert!(sessions.take_pending("0", "cookie", 2).is_none());
        assert!(sessions.take_pending("1", "cookie", 2).is_some());
    }

    #[test]
    fn a_notice_is_used_once() {
        let sessions = sessions();
        assert!(sessions.end(&notice("1", Some("s1"), None, 1), 1).is_some());
        assert!(sessions.end(&notice("1", Some("s2"), None, 1), 2).is_none());
        assert!(sessions.add("a".to_owned(), session("s2", "ada", 2)));
    }
}
