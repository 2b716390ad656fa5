//! A code becomes tokens (RFC 6749 section 4.1.3).

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nightlatch_domain::ending::Actor;
use nightlatch_domain::event::{Event, EventKind};
use nightlatch_domain::grant::{Grant, RevokedCause, Scope};
use nightlatch_domain::ids::{ClientId, EventId, GrantId};
use nightlatch_domain::relying_party::protection::is_callback;
use nightlatch_domain::relying_party::{RelyingParty, RelyingPartyStatus};
use nightlatch_domain::secret::Token;
use nightlatch_domain::session::{Session, SessionKind};
use nightlatch_storage::authorization_codes::{self, AuthorizationCode};
use nightlatch_storage::{StorageError, Tx, entries, events, grants, relying_parties};
use subtle::ConstantTimeEq as _;

use super::{Described, Issued, issue};
use crate::Moment;
use crate::protected::lets_in;
use crate::sessions::find_live;
use crate::token_key::TokenKey;

/// A code as an app presents it.
#[derive(Debug, Clone)]
pub struct CodeUse {
    /// The app, which has proved that it is.
    pub client: ClientId,
    /// The code.
    pub code: Token,
    /// Where it says that the code was sent.
    pub redirect_uri: String,
    /// What the challenge was made from (RFC 7636), if it sent one.
    pub verifier: Option<String>,
}

/// What came of it.
#[derive(Debug)]
pub enum ExchangeOutcome {
    /// Tokens.
    Exchanged(Box<Exchanged>),
    /// Not a code for this app, this address and this verifier, or no longer one, or
    /// the session behind it is over. One answer for all, so that nothing can be
    /// learned from it; the log knows which.
    Refused(&'static str),
    /// It was used before; what that use issued is revoked (OIDC-05).
    UsedBefore,
}

/// The tokens, and what the ID token says.
#[derive(Debug)]
pub struct Exchanged {
    /// The tokens.
    pub issued: Issued,
    /// Whose they are.
    pub person: Described,
    /// What was registered of the app.
    pub client: RelyingParty,
    /// Goes into the ID token as it came.
    pub nonce: Option<String>,
}

/// Uses a code. The session must be live in this very transaction (OIDC-06): a
/// logout that comes first leaves nothing to exchange, and one that comes later
/// finds the entry and owes the app its notice (BCL-06).
pub fn exchange(
    tx: &mut Tx<'_>,
    moment: &Moment,
    key: &TokenKey,
    presented: &CodeUse,
) -> Result<ExchangeOutcome, StorageError> {
    let digest = presented.code.digest();
    let Some(code) = authorization_codes::find(tx, digest)? else {
        return Ok(ExchangeOutcome::Refused("there is no such code"));
    };
    let Some(client) = relying_parties::find(tx, presented.client)? else {
        return Ok(ExchangeOutcome::Refused("there is no such app"));
    };
    // It was issued to a browser for a host behind a proxy, which sees it pass.
    if is_callback(&presented.redirect_uri) {
        return Ok(ExchangeOutcome::Refused("the code is for a protected host"));
    }
    // Before anything is used up or revoked: whoever saw a code pass by has neither
    // the verifier nor the app's word, and must not be able to end anything with it.
    if let Some(problem) = mismatch(&code, presented, &client) {
        return Ok(ExchangeOutcome::Refused(problem));
    }
    if code.used_at.is_some() {
        return used_before(tx, moment, &code, &client);
    }
    if moment.now >= code.expires_at {
        return Ok(ExchangeOutcome::Refused("the code has expired"));
    }
    if client.status != RelyingPartyStatus::Active || client.epoch != code.client_epoch {
        return Ok(ExchangeOutcome::Refused("the app was withdrawn"));
    }
    let live = find_live(tx, code.session_id, &moment.activity, moment.now)?;
    let Some(owned) = live.filter(|owned| owned.session.user_id == code.user_id) else {
        return Ok(ExchangeOutcome::Refused("the session is over"));
    };
    if owned.session.organization_id != client.organization_id {
        return Ok(ExchangeOutcome::Refused(
            "the app is another organization's",
        ));
    }
    if !lets_in(tx, &client, &owned.user)? {
        return Ok(ExchangeOutcome::Refused(
            "the app does not let this person in",
        ));
    }
    let Some(epochs) = grants::find_epochs(tx, code.user_id, client.id)? else {
        return Ok(ExchangeOutcome::Refused("there is no such account"));
    };
    let id = GrantId::random(moment.random.as_ref());
    if !authorization_codes::use_up(tx, digest, moment.now, Some(id))? {
        // Somebody was faster since it was read. Both databases notice it before, and
        // run the flow again.
        return Err(StorageError::Conflict);
    }
    let offline = may_be_long_lived(&code, &client, &owned.session);
    let scopes = if offline {
        code.scopes
    } else {
        code.scopes.without(Scope::OfflineAccess)
    };
    let mut seed = [0; 32];
    moment.random.fill(&mut seed);
    let lifetimes = client.registration.lifetimes;
    let deadlines = owned.session.life.deadlines;
    let (idle, overall) = if offline {
        (
            moment.now.plus(lifetimes.offline_idle()),
            moment.now.plus(lifetimes.offline_overall()),
        )
    } else {
        // Its session decides; these only say when the row may be deleted.
        (deadlines.overall, deadlines.overall)
    };
    let grant = Grant {
        id,
        client_id: client.id,
        user_id: code.user_id,
        organization_id: owned.session.organization_id,
        session_id: code.session_id,
        offline,
        epochs,
        scopes,
        authenticated_at: code.authenticated_at,
        proofs: code.proofs,
        request: code.request,
        seed,
        generation: 0,
        rotated_at: moment.now,
        idle_deadline: idle.min(overall),
        overall_deadline: overall,
        access_from: moment.now,
        created_at: moment.now,
        last_used_at: moment.now,
        revoked: None,
    };
    grants::add(tx, &grant)?;
    enter_app(tx, moment, &owned.session, &client)?;
    Ok(ExchangeOutcome::Exchanged(Box::new(Exchanged {
        issued: issue(grant, scopes, key, moment.now),
        person: Described::of(tx, owned.user)?,
        client,
        nonce: code.nonce,
    })))
}

/// What does not fit, if anything does not.
pub(crate) fn mismatch(
    code: &AuthorizationCode,
    presented: &CodeUse,
    client: &RelyingParty,
) -> Option<&'static str> {
    if code.client_id != presented.client {
        return Some("the code was issued to another app");
    }
    if code.redirect_uri != presented.redirect_uri {
        return Some("the code was sent to another address");
    }
    match (&code.challenge, &presented.verifier) {
        (Some(challenge), Some(verifier)) => {
            let hashed = digest(&SHA256, verifier.as_bytes());
            let made = URL_SAFE_NO_PAD.encode(hashed.as_ref());
            let is_same: bool = made.as_bytes().ct_eq(challenge.as_bytes()).into();
            (!is_same).then_some("the verifier does not belong to the challenge")
        }
        (Some(_), None) => Some("the verifier is missing"),
        // Somebody took the challenge out of the request, to put a code of their own
        // into a sign-in that is protected by it (BCP 4.8.2).
        (None, Some(_)) => Some("there was no challenge for this verifier"),
        (None, None) => {
            let may = client.registration.without_pkce && !client.registration.is_public();
            (!may).then_some("the app must use PKCE")
        }
    }
}

/// Whether what was asked for may outlive the session. Nothing of a shared computer
/// does (SHR-01), and whoever was let in by a phone gets no lasting power (F5).
fn may_be_long_lived(code: &AuthorizationCode, client: &RelyingParty, session: &Session) -> bool {
    code.scopes.has(Scope::OfflineAccess)
        && client.registration.offline_access
        && session.life.kind != SessionKind::Shared
        && !session.was_let_in_by_phone()
}

/// A code that comes a second time was copied: one of the two who hold its verifier
/// should not, and nobody knows which (OIDC-05).
fn used_before(
    tx: &mut Tx<'_>,
    moment: &Moment,
    code: &AuthorizationCode,
    client: &RelyingParty,
) -> Result<ExchangeOutcome, StorageError> {
    if let Some(grant) = code.grant_id
        && grants::revoke(tx, grant, moment.now, RevokedCause::CodeReused)?
        && let Some(owned) = grants::find(tx, grant)?
    {
        tracing::warn!(app = %client.id, %grant, "a code was used twice; its tokens are revoked");
        events::add(tx, &reused(moment, &owned.grant, client))?;
    }
    Ok(ExchangeOutcome::UsedBefore)
}

/// The line of the history for a token that was used twice.
pub(super) fn reused(moment: &Moment, grant: &Grant, client: &RelyingParty) -> Event {
    Event {
        id: EventId::sortable(moment.now, moment.random.as_ref()),
        at: moment.now,
        organization_id: Some(grant.organization_id),
        user_id: Some(grant.user_id),
        actor: Actor::System,
        kind: EventKind::TokenReused,
        session_id: Some(grant.session_id),
        browser_id: None,
        ending_id: None,
        cause: None,
        client: nightlatch_domain::client::ClientDetails::new(None, None, ""),
        count: 1,
        detail: Some(client.name.clone()),
    }
}

/// Records that the session is in the app, so that the app hears of its end. The
/// history has a line for the first time, and for each after having left.
pub(crate) fn enter_app(
    tx: &mut Tx<'_>,
    moment: &Moment,
    session: &Session,
    client: &RelyingParty,
) -> Result<(), StorageError> {
    let before = entries::find(tx, session.id, client.id)?;
    entries::record(tx, session.id, client.id, session.user_id, moment.now)?;
    if before.is_some_and(|entry| entry.left_at.is_none()) {
        return Ok(());
    }
    let event = Event {
        id: EventId::sortable(moment.now, moment.random.as_ref()),
        at: moment.now,
        organization_id: Some(session.organization_id),
        user_id: Some(session.user_id),
        actor: Actor::User(session.user_id),
        kind: EventKind::AppEntered,
        session_id: Some(session.id),
        browser_id: session.browser_id,
        ending_id: None,
        cause: None,
        client: session.client.clone(),
        count: 1,
        detail: Some(client.name.clone()),
    };
    events::add(tx, &event)
}
