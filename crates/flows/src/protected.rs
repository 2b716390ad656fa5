//! Apps behind a proxy: the way in, and the question that each request asks.
//!
//! A browser gets a cookie for a protected host by a code that can be used once
//! ([`enter`]). The cookie names a session and says nothing more: [`check`] reads what
//! is known of that session now and lets `domain` decide. What the decision needs
//! stands in [`HostRule`] and [`HostFacts`], which can be remembered by whoever drops
//! them when anything of it changes.

use std::sync::Arc;
use std::time::Duration;

use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::{ClientId, GroupId, OrganizationId, SessionId, UserId};
use nightlatch_domain::relying_party::protection::{
    Facts, PathClass, ProtectedHost, Protection, Verdict, decide,
};
use nightlatch_domain::relying_party::{RelyingParty, RelyingPartyStatus};
use nightlatch_domain::secret::{Token, TokenDigest};
use nightlatch_domain::session::{Life, Standing, are_two_factors};
use nightlatch_domain::user::User;
use nightlatch_storage::host_sessions::{self, HostSession};
use nightlatch_storage::sessions::OwnedSession;
use nightlatch_storage::{
    StorageError, Tx, authorization_codes, groups, relying_parties, sessions,
};

use crate::Moment;
use crate::activity::Activity;
use crate::grants::{CodeUse, enter_app, mismatch};
use crate::sessions::{find_live, must_set_up_factor_from};

/// How many groups of one person are looked at.
const MOST_GROUPS: i64 = 1_000;

/// For how long the row of a cookie is kept beyond the end of its session, so that
/// Log out can still say what ended it.
pub(crate) const KEPT_AFTER: Duration = Duration::from_hours(24);

/// What is registered of the app that a host belongs to.
#[derive(Debug, Clone)]
pub struct HostRule {
    /// The app.
    pub client_id: ClientId,
    /// What people call it.
    pub name: String,
    /// Whose people it lets in.
    pub organization_id: OrganizationId,
    /// Whether it can be entered at all.
    pub status: RelyingPartyStatus,
    /// Its counter.
    pub epoch: i64,
    /// Whom it lets in, and how.
    pub protection: Protection,
}

impl HostRule {
    /// That of an app, if a proxy protects it.
    pub fn of(app: RelyingParty) -> Option<Self> {
        Some(Self {
            client_id: app.id,
            name: app.name,
            organization_id: app.organization_id,
            status: app.status,
            epoch: app.epoch,
            protection: app.registration.protection?,
        })
    }

    /// Decides about a request for a path, from what is known of its cookie.
    pub fn decide(&self, facts: Option<&HostFacts>, path: &str, now: Timestamp) -> Verdict {
        self.decide_for(facts, self.protection.class_of(path), now)
    }

    /// Decides about a page of ours on the host. No rule makes one of these public: where
    /// everything else is, they still tell who is in from who is not.
    pub fn decide_there(&self, facts: Option<&HostFacts>, now: Timestamp) -> Verdict {
        self.decide_for(facts, PathClass::Ordinary, now)
    }

    fn decide_for(&self, facts: Option<&HostFacts>, class: PathClass, now: Timestamp) -> Verdict {
        let borrowed = facts.map(|facts| facts.borrow(self));
        let of_app = (self.status, self.epoch);
        decide(&self.protection, of_app, borrowed.as_ref(), class, now)
    }
}

/// What is known of a cookie: everything that the decision needs, and whom an app is
/// told of.
#[derive(Debug, Clone)]
pub struct HostFacts {
    /// The session for which it speaks.
    pub session_id: SessionId,
    /// The person.
    pub user_id: UserId,
    /// Where they belong.
    pub organization_id: OrganizationId,
    /// The life of the session; activity that is not written yet is laid over it.
    pub life: Life,
    /// What that is measured against.
    pub standing: Standing,
    /// From when on the session must set up a second factor first (POL-04).
    pub must_set_up_factor_from: Option<Timestamp>,
    /// Whether the proofs make two factors.
    pub has_two_factors: bool,
    /// The last proof.
    pub proved_at: Timestamp,
    /// The app's counter as it stood when the cookie was issued.
    pub issued_at_epoch: i64,
    /// The cookie, by its digest.
    pub cookie: TokenDigest,
    /// Who the person is.
    pub person: Arc<Person>,
}

/// What is known of a person besides their session; shared, since it is passed on with
/// every request.
#[derive(Debug, PartialEq, Eq)]
pub struct Person {
    /// The groups that they are in.
    pub groups: Box<[GroupId]>,
    /// Whom the app is told of.
    pub identity: Identity,
}

/// Whom an app is told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Their address.
    pub email: Box<str>,
    /// Their name.
    pub name: Box<str>,
    /// The names of their groups.
    pub groups: Box<[String]>,
}

impl HostFacts {
    fn borrow(&self, rule: &HostRule) -> Facts<'_> {
        Facts {
            life: self.life,
            standing: self.standing,
            must_set_up_factor_from: self.must_set_up_factor_from,
            is_of_one_organization: self.organization_id == rule.organization_id,
            user: self.user_id,
            groups: &self.person.groups,
            has_two_factors: self.has_two_factors,
            proved_at: self.proved_at,
            issued_at_epoch: self.issued_at_epoch,
        }
    }
}

/// What the cookies of a request are worth on a host.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "the large one is the usual one, and a box would be one allocation for each request"
)]
pub enum HostCheck {
    /// No app has this host.
    NoSuchHost,
    /// What is registered of the app, and what is known of the cookie, if it is one.
    Known(Arc<HostRule>, Option<HostFacts>),
}

/// The cookies of a request that could be for a host.
#[derive(Debug, Clone, Default)]
pub struct Presented {
    /// The host's own.
    pub own: Option<TokenDigest>,
    /// Those that apps have for several hosts, with the app each is named after.
    pub shared: Vec<(ClientId, TokenDigest)>,
}

impl Presented {
    /// Those that count for an app, the host's own first.
    pub(crate) fn for_app<'a>(
        &'a self,
        rule: &HostRule,
    ) -> impl Iterator<Item = TokenDigest> + use<'a> {
        let (app, is_shared) = (rule.client_id, rule.protection.cookie_domain.is_some());
        let shared = self
            .shared
            .iter()
            .filter(move |(named, _)| is_shared && *named == app)
            .map(|(_, digest)| *digest);
        self.own.into_iter().chain(shared)
    }
}

/// Reads what decides about a request for a host.
pub fn check(
    tx: &mut Tx<'_>,
    host: &ProtectedHost,
    presented: &Presented,
    activity: &Activity,
) -> Result<HostCheck, StorageError> {
    let Some(rule) = find_rule(tx, host)? else {
        return Ok(HostCheck::NoSuchHost);
    };
    let mut facts = None;
    for digest in presented.for_app(&rule) {
        facts = find_facts(tx, &rule, host, digest, activity)?;
        if facts.is_some() {
            break;
        }
    }
    Ok(HostCheck::Known(Arc::new(rule), facts))
}

/// What is registered of the app that a host belongs to. The whole origin must fit:
/// the same name over plain HTTP is another host.
pub fn find_rule(tx: &mut Tx<'_>, host: &ProtectedHost) -> Result<Option<HostRule>, StorageError> {
    let found = relying_parties::find_by_host(tx, host.authority())?;
    let rule = found.and_then(HostRule::of);
    Ok(rule.filter(|rule| rule.protection.find_host(host).is_some()))
}

/// What is known of a cookie on a host.
pub fn find_facts(
    tx: &mut Tx<'_>,
    rule: &HostRule,
    host: &ProtectedHost,
    digest: TokenDigest,
    activity: &Activity,
) -> Result<Option<HostFacts>, StorageError> {
    let Some(cookie) = find_cookie(tx, rule, host, digest)? else {
        return Ok(None);
    };
    let Some(owned) = sessions::find(tx, cookie.session_id)? else {
        return Ok(None);
    };
    facts_of(tx, (digest, &cookie), owned, activity).map(Some)
}

/// The cookie of this digest, if it is one for this host (FWD-05): one of another host
/// of the same app is good only where the app has one cookie for all of them.
fn find_cookie(
    tx: &mut Tx<'_>,
    rule: &HostRule,
    host: &ProtectedHost,
    digest: TokenDigest,
) -> Result<Option<HostSession>, StorageError> {
    let found = host_sessions::find(tx, digest)?;
    Ok(found.filter(|cookie| {
        let is_shared = rule.protection.cookie_domain.is_some();
        cookie.client_id == rule.client_id && (is_shared || cookie.host == *host)
    }))
}

fn facts_of(
    tx: &mut Tx<'_>,
    (digest, cookie): (TokenDigest, &HostSession),
    owned: OwnedSession,
    activity: &Activity,
) -> Result<HostFacts, StorageError> {
    let standing = owned.standing();
    let must_set_up_factor_from = must_set_up_factor_from(tx, &owned)?;
    let mut memberships = groups::list_of_user(tx, owned.user.id, MOST_GROUPS)?;
    memberships.retain(|group| group.organization_id == owned.user.organization_id);
    let session = owned.session;
    Ok(HostFacts {
        session_id: session.id,
        user_id: session.user_id,
        organization_id: session.organization_id,
        life: activity.overlay(session.id, session.life),
        standing,
        must_set_up_factor_from,
        has_two_factors: are_two_factors(&session.proofs),
        proved_at: session.proved_at(),
        issued_at_epoch: cookie.client_epoch,
        cookie: digest,
        person: Arc::new(Person {
            groups: memberships.iter().map(|group| group.id).collect(),
            identity: Identity {
                email: owned.user.email.to_string().into(),
                name: owned.user.name.into(),
                groups: memberships.into_iter().map(|group| group.name).collect(),
            },
        }),
    })
}

/// Whether an app lets a person in; every app that no proxy protects does.
pub(crate) fn lets_in(
    tx: &mut Tx<'_>,
    app: &RelyingParty,
    user: &User,
) -> Result<bool, StorageError> {
    let Some(rule) = &app.registration.protection else {
        return Ok(true);
    };
    let memberships = groups::list_of_user(tx, user.id, MOST_GROUPS)?;
    let own: Vec<GroupId> = memberships
        .iter()
        .filter(|group| group.organization_id == user.organization_id)
        .map(|group| group.id)
        .collect();
    Ok(rule.entrance.lets_in(user.id, &own))
}

/// A code as it comes back to a protected host.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The host on which it arrived.
    pub host: ProtectedHost,
    /// The code.
    pub code: Token,
    /// What this browser was given on this host when it was sent away. Without it, a
    /// stranger could sign somebody in under the stranger's name.
    pub state: Token,
    /// The cookies that it has on this host already.
    pub before: Presented,
}

/// What came of it.
#[derive(Debug)]
pub enum ArrivalOutcome {
    /// The browser is let in; what its code remembered of the request.
    Entered {
        /// The cookie, known to nobody else.
        cookie: Token,
        /// What is registered of the app.
        rule: Box<HostRule>,
        /// As it was written when the code was issued.
        request: String,
    },
    /// Not a code for this host and this browser, or no longer one. One answer for
    /// all; the log knows which.
    Refused(&'static str),
}

/// What the code of this text remembered, if it is for this host; for the way back of
/// somebody who is in already, in another tab.
pub fn remembered(
    tx: &mut Tx<'_>,
    host: &ProtectedHost,
    code: &Token,
) -> Result<Option<String>, StorageError> {
    let found = authorization_codes::find(tx, code.digest())?;
    let own = found.filter(|code| code.redirect_uri == host.callback());
    Ok(own.map(|code| code.request))
}

/// Uses a code and issues the cookie (FWD-05). The session must be live in this very
/// transaction: a logout that comes first leaves nothing to use, and one that comes
/// later finds the entry.
pub fn enter(
    tx: &mut Tx<'_>,
    moment: &Moment,
    arrival: &Arrival,
) -> Result<ArrivalOutcome, StorageError> {
    use ArrivalOutcome::Refused;
    let digest = arrival.code.digest();
    let Some(code) = authorization_codes::find(tx, digest)? else {
        return Ok(Refused("there is no such code"));
    };
    let Some(app) = relying_parties::find_by_host(tx, arrival.host.authority())? else {
        return Ok(Refused("no app has this host"));
    };
    let presented = CodeUse {
        client: app.id,
        code: arrival.code.clone(),
        redirect_uri: arrival.host.callback(),
        verifier: Some(arrival.state.reveal()),
    };
    if let Some(problem) = mismatch(&code, &presented, &app) {
        return Ok(Refused(problem));
    }
    if code.used_at.is_some() {
        return Ok(Refused("the code was used before"));
    }
    if moment.now >= code.expires_at {
        return Ok(Refused("the code has expired"));
    }
    if app.status != RelyingPartyStatus::Active || app.epoch != code.client_epoch {
        return Ok(Refused("the app was withdrawn"));
    }
    if !app.registration.is_host_callback(&presented.redirect_uri) {
        return Ok(Refused("the host is no longer the app's"));
    }
    let live = find_live(tx, code.session_id, &moment.activity, moment.now)?;
    let Some(owned) = live.filter(|owned| owned.session.user_id == code.user_id) else {
        return Ok(Refused("the session is over"));
    };
    if owned.session.organization_id != app.organization_id || !lets_in(tx, &app, &owned.user)? {
        return Ok(Refused("the app does not let this person in"));
    }
    let Some(rule) = HostRule::of(app.clone()) else {
        return Ok(Refused("the app is not protected"));
    };
    if !authorization_codes::use_up(tx, digest, moment.now, None)? {
        return Err(StorageError::Conflict);
    }
    // The browser forgets it with this answer.
    for before in arrival.before.for_app(&rule) {
        host_sessions::delete(tx, before)?;
    }
    let session = &owned.session;
    let cookie = Token::generate(moment.random.as_ref());
    let row = HostSession {
        session_id: session.id,
        client_id: app.id,
        host: arrival.host.clone(),
        client_epoch: app.epoch,
        created_at: moment.now,
        keep_until: session.life.deadlines.overall.plus(KEPT_AFTER),
    };
    host_sessions::add(tx, &row, cookie.digest())?;
    enter_app(tx, moment, session, &app)?;
    Ok(ArrivalOutcome::Entered {
        cookie,
        rule: Box::new(rule),
        request: code.request,
    })
}

/// Whose session a cookie on a host speaks for, live or over; for Log out, which
/// never asks for more.
pub fn find_session(
    tx: &mut Tx<'_>,
    host: &ProtectedHost,
    presented: &Presented,
) -> Result<Option<(HostRule, OwnedSession)>, StorageError> {
    let Some(rule) = find_rule(tx, host)? else {
        return Ok(None);
    };
    for digest in presented.for_app(&rule) {
        if let Some(cookie) = find_cookie(tx, &rule, host, digest)?
            && let Some(owned) = sessions::find(tx, cookie.session_id)?
        {
            return Ok(Some((rule, owned)));
        }
    }
    Ok(None)
}
