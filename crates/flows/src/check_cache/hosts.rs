//! What is kept for protected hosts: the rule of each, and the cookies that let in.
//!
//! What is kept is turned back into the facts that the database gives, and the same
//! function decides from them. Only what was let in when it was read is kept, so the
//! counter of the app and the organization of the person are those of the rule.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use nightlatch_domain::Timestamp;
use nightlatch_domain::relying_party::protection::{ProtectedHost, Verdict};
use nightlatch_domain::secret::TokenDigest;
use nightlatch_storage::Concern;

use super::kept::Kept;
use super::marks::{Marks, Place};
use super::table::Table;
use crate::activity::Activity;
use crate::protected::{HostCheck, HostFacts, HostRule, Person, Presented};

/// Hosts whose rules are kept. Only hosts of registered apps come here; if there are
/// more, all are read again now and then.
const MOST_HOSTS: usize = 100_000;

/// The rule of a host.
#[derive(Debug)]
struct KeptRule {
    rule: Arc<HostRule>,
    since: u64,
    app: Place,
    /// Names this reading of the rule for this host. A cookie is kept under its digest
    /// together with this name: one that was let in on another host, or under another
    /// rule, is not found.
    serial: u64,
}

impl KeptRule {
    fn stands(&self, marks: &Marks) -> bool {
        marks.stands(self.since, &[self.app])
    }
}

/// A cookie that let in.
#[derive(Debug, Clone)]
struct KeptCookie {
    session: Kept,
    app: Place,
    has_two_factors: bool,
    proved_at: Timestamp,
    must_set_up_factor_from: Option<Timestamp>,
    person: Arc<Person>,
}

impl KeptCookie {
    fn of(rule: &KeptRule, facts: &HostFacts, since: u64, now: Timestamp) -> Option<Self> {
        let whose = (facts.session_id, facts.user_id, facts.organization_id);
        Some(Self {
            session: Kept::new(whose, (&facts.life, &facts.standing), since, now)?,
            app: rule.app,
            has_two_factors: facts.has_two_factors,
            proved_at: facts.proved_at,
            must_set_up_factor_from: facts.must_set_up_factor_from,
            person: Arc::clone(&facts.person),
        })
    }

    fn stands(&self, marks: &Marks) -> bool {
        self.session.stands(marks) && marks.stands(self.session.since(), &[self.app])
    }

    fn facts(self, rule: &HostRule, cookie: TokenDigest, activity: &Activity) -> HostFacts {
        HostFacts {
            session_id: self.session.session,
            user_id: self.session.user,
            organization_id: rule.organization_id,
            life: self.session.life(activity),
            standing: self.session.standing(),
            must_set_up_factor_from: self.must_set_up_factor_from,
            has_two_factors: self.has_two_factors,
            proved_at: self.proved_at,
            issued_at_epoch: rule.epoch,
            cookie,
            person: self.person,
        }
    }
}

/// All of it.
#[derive(Debug)]
pub(super) struct Hosts {
    rules: RwLock<HashMap<String, Arc<KeptRule>>>,
    serials: AtomicU64,
    cookies: Table<KeptCookie>,
}

/// What a browser presented on a host, and when.
#[derive(Debug, Clone, Copy)]
pub struct HostQuestion<'a> {
    /// The host.
    pub host: &'a ProtectedHost,
    /// The path that is asked for.
    pub path: &'a str,
    /// The cookies that came along.
    pub presented: &'a Presented,
    /// The present instant.
    pub now: Timestamp,
}

impl Hosts {
    pub(super) fn new(size: usize) -> Self {
        Self {
            rules: RwLock::default(),
            serials: AtomicU64::new(1),
            cookies: Table::new(size),
        }
    }

    pub(super) fn length(&self) -> usize {
        self.cookies.length()
    }

    pub(super) fn found(&self) -> u64 {
        self.cookies.found()
    }

    /// What is known of a question, if that is a yes, or nobody asks for anybody.
    pub(super) fn find(
        &self,
        marks: &Marks,
        question: HostQuestion<'_>,
        activity: &Activity,
    ) -> Option<HostCheck> {
        let kept = self.rule(question.host)?;
        if !kept.stands(marks) {
            return None;
        }
        let rule = &kept.rule;
        // The first that counts is the one that the database would look at first; if it
        // is not known here, there may be no such cookie, and then another counts.
        let Some(digest) = question.presented.for_app(rule).next() else {
            return Some(HostCheck::Known(Arc::clone(rule), None));
        };
        let cookie = self.cookies.find(key(digest, kept.serial))?;
        if !cookie.stands(marks) {
            return None;
        }
        let facts = cookie.facts(rule, digest, activity);
        // A deadline that has passed here may have been moved: it is read again.
        is_allowed(rule, Some(&facts), question)
            .then(|| HostCheck::Known(Arc::clone(rule), Some(facts)))
    }

    /// Keeps what was read for a question.
    pub(super) fn keep(
        &self,
        marks: &Marks,
        question: HostQuestion<'_>,
        since: u64,
        read: &HostCheck,
    ) {
        let HostCheck::Known(rule, facts) = read else {
            return;
        };
        let kept = self.keep_rule(marks, question.host, rule, since);
        let Some(facts) = facts else { return };
        if !is_allowed(rule, Some(facts), question) {
            return;
        }
        let Some(cookie) = KeptCookie::of(&kept, facts, since, question.now) else {
            return;
        };
        let may_go =
            |cookie: &KeptCookie| cookie.session.is_over(question.now) || !cookie.stands(marks);
        self.cookies
            .put(key(facts.cookie, kept.serial), cookie, may_go);
    }

    fn rule(&self, host: &ProtectedHost) -> Option<Arc<KeptRule>> {
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        rules.get(host.origin()).cloned()
    }

    /// Keeps a rule, unless one is kept that still stands: with that the cookies of the
    /// host stay known.
    fn keep_rule(
        &self,
        marks: &Marks,
        host: &ProtectedHost,
        rule: &Arc<HostRule>,
        since: u64,
    ) -> Arc<KeptRule> {
        if let Some(kept) = self.rule(host).filter(|kept| kept.stands(marks)) {
            return kept;
        }
        let kept = Arc::new(KeptRule {
            rule: Arc::clone(rule),
            since,
            app: Place::of(Concern::Client(rule.client_id)),
            serial: self.serials.fetch_add(1, Ordering::Relaxed),
        });
        let mut rules = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        if rules.len() >= MOST_HOSTS {
            rules.clear();
        }
        rules.insert(host.origin().to_owned(), Arc::clone(&kept));
        kept
    }
}

fn is_allowed(rule: &HostRule, facts: Option<&HostFacts>, question: HostQuestion<'_>) -> bool {
    matches!(
        rule.decide(facts, question.path, question.now),
        Verdict::Allowed(_)
    )
}

/// Under what a cookie is kept. Nobody can find a token whose digest differs from
/// another one's in just these bytes and just so.
fn key(digest: TokenDigest, serial: u64) -> TokenDigest {
    let mut bytes = digest.to_bytes();
    for (byte, of_serial) in bytes.iter_mut().rev().zip(serial.to_le_bytes()) {
        *byte ^= of_serial;
    }
    TokenDigest::from_bytes(bytes)
}
