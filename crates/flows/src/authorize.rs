//! Letting a signed-in person into an app: what is known, the wait, consent, and
//! the code.
//!
//! What must happen next is decided elsewhere, by a pure function over
//! [`Standing`]. Whatever was decided is looked at again in the transaction that
//! acts on it, so that a code is never issued in a session that ended meanwhile.

use std::time::Duration;

use nightlatch_domain::Timestamp;
use nightlatch_domain::ending::Actor;
use nightlatch_domain::event::{Event, EventKind};
use nightlatch_domain::grant::{Scope, Scopes};
use nightlatch_domain::ids::{ClientId, EventId, SessionId};
use nightlatch_domain::next_step::Options;
use nightlatch_domain::relying_party::{RelyingParty, RelyingPartyStatus};
use nightlatch_domain::secret::{Token, TokenDigest};
use nightlatch_storage::authorization_codes::{self, AuthorizationCode};
use nightlatch_storage::authorization_requests::{self, WaitingRequest};
use nightlatch_storage::consents::{self, Consent};
use nightlatch_storage::sessions::OwnedSession;
use nightlatch_storage::{StorageError, Tx, events, relying_parties};

use crate::Moment;
use crate::protected::lets_in;
use crate::second_factor;
use crate::sessions::{find_live, must_set_up_factor};

/// For how long a code can be used (OIDC-05).
pub const CODE_LIFE: Duration = Duration::from_mins(1);

/// For how long a request waits for its person.
pub const REQUEST_LIFE: Duration = Duration::from_hours(1);

/// How many requests of one network may wait at a time. Whoever comes next is always
/// let in; it is the oldest that goes, and its person begins anew at the app. A limit
/// that refused would let anybody behind the same address lock a whole office out.
pub const MOST_WAITING: i64 = 500;

/// How many too old ones are dropped at a time.
const DROPPED: i64 = 1_000;

/// What is known when somebody wants to enter an app.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The app, withdrawn or not.
    pub client: RelyingParty,
    /// The session, if one is live.
    pub session: Option<OwnedSession>,
    /// Whether that session must set up a second factor before anything else.
    pub must_set_up_factor: bool,
    /// What its owner could prove with, besides the password.
    pub options: Options,
    /// What its owner agreed that the app may have.
    pub consent: Option<Consent>,
    /// Whether the app lets its owner in (FWD-09).
    pub may_enter: bool,
}

impl Standing {
    /// Whether the app belongs to the organization of whoever is signed in.
    pub fn is_of_one_organization(&self) -> bool {
        self.session
            .as_ref()
            .is_some_and(|owned| owned.user.organization_id == self.client.organization_id)
    }

    /// What of these scopes the session may pass on: long-lived access only where
    /// the app was registered for it, and never from a session that a phone let in,
    /// which would outlive the word of that phone (F5).
    pub fn allowed(&self, wanted: Scopes) -> Scopes {
        let by_phone = self
            .session
            .as_ref()
            .is_some_and(|owned| owned.session.was_let_in_by_phone());
        if self.client.registration.offline_access && !by_phone {
            wanted
        } else {
            wanted.without(Scope::OfflineAccess)
        }
    }

    /// Whether nobody needs to be asked for these scopes.
    pub fn is_agreed(&self, scopes: Scopes) -> bool {
        self.client.registration.first_party
            || self
                .consent
                .as_ref()
                .is_some_and(|consent| scopes.are_within(consent.scopes))
    }
}

/// Looks at everything that decides; nothing if there is no such app.
pub fn look(
    tx: &mut Tx<'_>,
    moment: &Moment,
    client_id: ClientId,
    session: Option<SessionId>,
) -> Result<Option<Standing>, StorageError> {
    let Some(client) = relying_parties::find(tx, client_id)? else {
        return Ok(None);
    };
    let session = match session {
        Some(id) => find_live(tx, id, &moment.activity, moment.now)?,
        None => None,
    };
    let Some(owned) = session else {
        return Ok(Some(Standing {
            client,
            session: None,
            must_set_up_factor: false,
            options: Options::default(),
            consent: None,
            may_enter: false,
        }));
    };
    Ok(Some(Standing {
        must_set_up_factor: must_set_up_factor(tx, &owned, moment.now)?,
        options: second_factor::available(tx, owned.user.id)?,
        consent: consents::find(tx, owned.user.id, client.id)?,
        may_enter: lets_in(tx, &client, &owned.user)?,
        client,
        session: Some(owned),
    }))
}

/// A code that is to be issued, as it was decided.
#[derive(Debug, Clone)]
pub struct WantedCode {
    /// For which app.
    pub client_id: ClientId,
    /// In which session.
    pub session_id: SessionId,
    /// Where it is sent.
    pub redirect_uri: String,
    /// What it grants.
    pub scopes: Scopes,
    /// What the app learns by it, which is what the person must have agreed to: the
    /// scopes, and those that single claims belong to.
    pub disclosed: Scopes,
    /// Comes back in the ID token.
    pub nonce: Option<String>,
    /// S256 of the verifier, unless the app may leave PKCE out.
    pub challenge: Option<String>,
    /// What else was asked for, as JSON.
    pub request: String,
    /// The last proof of the session when it was decided (`auth_time`).
    pub proved_at: Timestamp,
}

/// What came of it.
#[derive(Debug)]
pub enum CodeOutcome {
    /// The code, known to nobody else.
    Issued(Token),
    /// What was decided upon holds no longer: decide anew.
    Changed,
    /// The request that waited was answered already, in another tab.
    Answered,
}

/// Issues a code. `waiting` is the request that it answers, if that had to wait; it
/// is answered once.
pub fn issue_code(
    tx: &mut Tx<'_>,
    moment: &Moment,
    wanted: &WantedCode,
    waiting: Option<TokenDigest>,
) -> Result<CodeOutcome, StorageError> {
    let found = look(tx, moment, wanted.client_id, Some(wanted.session_id))?;
    let Some(standing) = found.filter(|standing| still_holds(standing, wanted)) else {
        return Ok(CodeOutcome::Changed);
    };
    let Some(owned) = standing.session else {
        return Ok(CodeOutcome::Changed);
    };
    if let Some(digest) = waiting
        && !authorization_requests::delete(tx, digest)?
    {
        return Ok(CodeOutcome::Answered);
    }
    let code = AuthorizationCode {
        client_id: standing.client.id,
        session_id: owned.session.id,
        user_id: owned.user.id,
        client_epoch: standing.client.epoch,
        redirect_uri: wanted.redirect_uri.clone(),
        scopes: wanted.scopes,
        nonce: wanted.nonce.clone(),
        challenge: wanted.challenge.clone(),
        request: wanted.request.clone(),
        authenticated_at: owned.session.proved_at(),
        proofs: owned.session.proofs.clone(),
        created_at: moment.now,
        expires_at: moment.now.plus(CODE_LIFE),
        used_at: None,
        grant_id: None,
    };
    let token = Token::generate(moment.random.as_ref());
    authorization_codes::add(tx, &code, token.digest())?;
    Ok(CodeOutcome::Issued(token))
}

fn still_holds(standing: &Standing, wanted: &WantedCode) -> bool {
    standing.client.status == RelyingPartyStatus::Active
        && standing.is_of_one_organization()
        && standing.may_enter
        && !standing.must_set_up_factor
        && standing.allowed(wanted.scopes) == wanted.scopes
        && (wanted.challenge.is_some() || standing.client.registration.without_pkce)
        && may_be_sent(standing, wanted)
        && standing
            .session
            .as_ref()
            .is_some_and(|owned| owned.session.proved_at() == wanted.proved_at)
}

/// Whether the code may go where it is wanted. A protected host gets nothing in
/// anybody's name that would have to be agreed to.
fn may_be_sent(standing: &Standing, wanted: &WantedCode) -> bool {
    let registration = &standing.client.registration;
    let to_app = registration.is_redirect_uri(&wanted.redirect_uri);
    (to_app && standing.is_agreed(wanted.disclosed))
        || registration.is_host_callback(&wanted.redirect_uri)
}

/// Lets a request wait for its person; the token leads back to it.
pub fn wait(
    tx: &mut Tx<'_>,
    moment: &Moment,
    client_id: ClientId,
    request: &str,
    network: Option<TokenDigest>,
) -> Result<Token, StorageError> {
    let waiting = WaitingRequest {
        client_id,
        request: request.to_owned(),
        created_at: moment.now,
        expires_at: moment.now.plus(REQUEST_LIFE),
        network,
    };
    let token = Token::generate(moment.random.as_ref());
    authorization_requests::add(tx, &waiting, token.digest())?;
    Ok(token)
}

/// Drops what waits of a network beyond [`MOST_WAITING`], the oldest first.
pub fn drop_oldest_waiting(tx: &mut Tx<'_>, network: TokenDigest) -> Result<u64, StorageError> {
    authorization_requests::drop_oldest(tx, network, MOST_WAITING, DROPPED)
}

/// The request that waits under a token, unless its time is over.
pub fn find_waiting(
    tx: &mut Tx<'_>,
    now: Timestamp,
    digest: TokenDigest,
) -> Result<Option<WaitingRequest>, StorageError> {
    let found = authorization_requests::find(tx, digest)?;
    Ok(found.filter(|waiting| now < waiting.expires_at))
}

/// What came of saying yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsentOutcome {
    /// It is written down.
    Given,
    /// The session, the app or the account would not do any more: look again.
    Changed,
}

/// Writes down that the owner of a session agrees that an app gets these scopes,
/// besides those that it had.
pub fn give_consent(
    tx: &mut Tx<'_>,
    moment: &Moment,
    session: SessionId,
    client_id: ClientId,
    scopes: Scopes,
) -> Result<ConsentOutcome, StorageError> {
    let Some(standing) = look(tx, moment, client_id, Some(session))? else {
        return Ok(ConsentOutcome::Changed);
    };
    let is_open = standing.client.status == RelyingPartyStatus::Active
        && standing.is_of_one_organization()
        && standing.allowed(scopes) == scopes;
    let Some(owned) = standing.session.filter(|_| is_open) else {
        return Ok(ConsentOutcome::Changed);
    };
    let before = standing.consent.map(|consent| consent.scopes);
    let consent = Consent {
        client_id,
        scopes: before.unwrap_or_default().iter().fold(scopes, Scopes::with),
        given_at: moment.now,
    };
    consents::put(tx, owned.user.id, &consent)?;
    let event = Event {
        id: EventId::sortable(moment.now, moment.random.as_ref()),
        at: moment.now,
        organization_id: Some(owned.user.organization_id),
        user_id: Some(owned.user.id),
        actor: Actor::User(owned.user.id),
        kind: EventKind::ConsentGiven,
        session_id: Some(owned.session.id),
        browser_id: owned.session.browser_id,
        ending_id: None,
        cause: None,
        client: owned.session.client.clone(),
        count: 1,
        detail: Some(standing.client.name),
    };
    events::add(tx, &event)?;
    Ok(ConsentOutcome::Given)
}
