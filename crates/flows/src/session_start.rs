//! The last step of signing in: the session begins.
//!
//! Decides which limits and cookie it gets, ends what its browser held before,
//! and keeps to the session limit. Whether enough was proved is decided in
//! [`crate::dispatch`], which calls [`start`].

use nightlatch_domain::alert::AlertKind;
use nightlatch_domain::client::ClientDetails;
use nightlatch_domain::ending::{Actor, Cause, Scope};
use nightlatch_domain::event::{Event, EventKind};
use nightlatch_domain::ids::{BrowserId, EventId, SessionId};
use nightlatch_domain::policy::{AtSessionLimit, MOST_SESSIONS, Policy, RememberRule};
use nightlatch_domain::secret::{Token, TokenDigest};
use nightlatch_domain::session::{self, Epochs, Life, Proof, Session, SessionKind};
use nightlatch_domain::user::User;
use nightlatch_storage::browsers::Browser;
use nightlatch_storage::{StorageError, Tx, browsers, events, organizations, sessions};

use crate::Moment;
use crate::alerts::{Alert, raise};
use crate::log_out::{EndingRequest, end_sessions};
use crate::sessions::MOST_LISTED;
use crate::sign_in::{SignInOutcome, SignedIn};

/// What a session begins with.
#[derive(Debug)]
pub(crate) struct Start<'a> {
    /// Whose it will be.
    pub(crate) user: &'a User,
    /// The epochs that stood before the first credential was looked at.
    pub(crate) epochs: Epochs,
    /// All that was proved (SES-12).
    pub(crate) proofs: Vec<Proof>,
    /// The browser, if it was known before.
    pub(crate) browser: Option<Browser>,
    /// The token of a session that the browser holds.
    pub(crate) replaces: Option<TokenDigest>,
    /// "Stay signed in on this browser".
    pub(crate) remember: bool,
    /// "This is a shared or public computer".
    pub(crate) shared: bool,
    /// Where it comes from.
    pub(crate) client: &'a ClientDetails,
}

/// Starts a session for a person who has proved all that [`crate::dispatch`]
/// asks for.
pub(crate) fn start(
    tx: &mut Tx<'_>,
    moment: &Moment,
    start: Start<'_>,
) -> Result<SignInOutcome, StorageError> {
    let (user, browser) = (start.user, start.browser);
    let policy = organizations::get(tx, user.organization_id)?
        .settings
        .policy;
    let kind = session_kind(&policy, &start);
    let held = held_by_browser(tx, start.replaces, browser)?;
    // First, since a sign-in that is refused must not end what the browser holds.
    if !make_room(tx, moment, user, &policy, &held)? {
        return Ok(SignInOutcome::TooManySessions);
    }
    replace(tx, moment, user, held)?;
    let is_news = is_news(tx, &policy, &start)?;
    let (browser_id, browser_token, first_time) = if kind == SessionKind::Shared {
        (None, None, false)
    } else {
        remember_browser(tx, moment, browser, user)?
    };
    let session = Session {
        id: SessionId::random(moment.random.as_ref()),
        user_id: user.id,
        organization_id: user.organization_id,
        browser_id,
        created_at: moment.now,
        life: Life {
            epochs: start.epochs,
            kind,
            authenticated_at: moment.now,
            last_active_at: moment.now,
            deadlines: policy.limits(kind).deadlines(moment.now, moment.now),
            ended: None,
        },
        proofs: start.proofs,
        client: start.client.clone(),
    };
    let token = Token::generate(moment.random.as_ref());
    sessions::add(tx, &session, token.digest())?;
    let event_kind = if first_time {
        EventKind::SignedInFromNewBrowser
    } else {
        EventKind::SignedIn
    };
    events::add(tx, &sign_in_event(moment, &session, event_kind))?;
    if is_news || session.was_let_in_by_phone() {
        let alert = Alert {
            kind: if session.was_let_in_by_phone() {
                AlertKind::ApprovedFromPhone
            } else {
                AlertKind::NewBrowser
            },
            user,
            session: Some(session.id),
            client: Some(&session.client),
            detail: None,
        };
        raise(tx, moment, &alert)?;
    }
    Ok(SignInOutcome::SignedIn(Box::new(SignedIn {
        session,
        token,
        browser_token,
        trusted: None,
    })))
}

/// Whether the owner is told of this sign-in: it comes from a browser that does not
/// carry our identifier for this account, and is not the first ever (H1). The
/// shared mode leaves no identifier, so it is told too, or a thief would only have
/// to tick the box; not where an administrator said that the computer or network
/// is shared, since people there sign in all day.
fn is_news(tx: &mut Tx<'_>, policy: &Policy, start: &Start<'_>) -> Result<bool, StorageError> {
    if is_always_shared(policy, start) {
        return Ok(false);
    }
    if let Some(browser) = start.browser
        && browsers::is_known(tx, start.user.id, browser.id)?
    {
        return Ok(false);
    }
    events::any_sign_in(tx, start.user.id)
}

/// Whether an administrator said that whoever sits there sits at a shared computer.
fn is_always_shared(policy: &Policy, start: &Start<'_>) -> bool {
    start.browser.is_some_and(|browser| browser.always_shared)
        || start
            .client
            .address
            .is_some_and(|address| policy.is_shared_network(address))
}

/// What limits and which cookie this sign-in gets. A person may choose the
/// shared mode but not leave it where the organization demands it (SHR-04).
pub(crate) fn session_kind(policy: &Policy, start: &Start<'_>) -> SessionKind {
    if start.shared || is_always_shared(policy, start) {
        return SessionKind::Shared;
    }
    match policy.remember {
        RememberRule::Always => SessionKind::Remembered,
        RememberRule::Ask if start.remember => SessionKind::Remembered,
        RememberRule::Ask | RememberRule::Never => SessionKind::Ordinary,
    }
}

/// What this browser holds, including a session whose cookie was lost when the
/// browser closed.
fn held_by_browser(
    tx: &mut Tx<'_>,
    replaces: Option<TokenDigest>,
    browser: Option<Browser>,
) -> Result<Vec<SessionId>, StorageError> {
    let mut held = Vec::new();
    if let Some(token) = replaces {
        held.extend(sessions::find_by_token(tx, token)?);
    }
    if let Some(browser) = browser {
        held.extend(sessions::list_open_of_browser(tx, browser.id, MOST_LISTED)?);
    }
    let mut ids: Vec<SessionId> = held
        .iter()
        .filter(|owned| owned.session.life.ended.is_none())
        .map(|owned| owned.session.id)
        .collect();
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// One browser profile holds one session: whatever it held before ends (E3).
fn replace(
    tx: &mut Tx<'_>,
    moment: &Moment,
    user: &User,
    held: Vec<SessionId>,
) -> Result<(), StorageError> {
    if held.is_empty() {
        return Ok(());
    }
    let request = EndingRequest {
        scope: Scope::Selection(held),
        cause: Cause::ReplacedByNewSignIn,
        actor: Actor::User(user.id),
        reason: None,
    };
    end_sessions(tx, moment, &request).map(|_| ())
}

/// Keeps to the session limit (SES-14): false if the sign-in must be refused.
/// Sessions that are about to be replaced take no room.
fn make_room(
    tx: &mut Tx<'_>,
    moment: &Moment,
    user: &User,
    policy: &Policy,
    replaced: &[SessionId],
) -> Result<bool, StorageError> {
    // Never more than a list shows: nobody could end the rest by hand.
    let limit = i64::from(policy.session_limit.clamp(1, MOST_SESSIONS));
    let open = sessions::count_open_of_user(tx, user.id, limit)?;
    if open < limit {
        return Ok(true);
    }
    // Only now is the exact number of live ones worth its price.
    let mut live: Vec<_> = sessions::list_oldest_open_of_user(tx, user.id, limit + MOST_LISTED)?
        .into_iter()
        .filter(|owned| !replaced.contains(&owned.session.id))
        .filter_map(|owned| {
            let id = owned.session.id;
            let life = moment.activity.overlay(id, owned.session.life);
            let is_live = session::admit(&life, &owned.standing(), moment.now).is_ok();
            is_live.then_some((life.last_active_at, id))
        })
        .collect();
    // Who was active a moment ago is not the least recently used, although the
    // row does not say so yet.
    live.sort_unstable();
    let live_count = i64::try_from(live.len()).unwrap_or(i64::MAX);
    if live_count < limit {
        return Ok(true);
    }
    if policy.at_session_limit == AtSessionLimit::Refuse {
        return Ok(false);
    }
    let excess = usize::try_from(live_count - limit + 1).unwrap_or(usize::MAX);
    let request = EndingRequest {
        scope: Scope::Selection(live.into_iter().take(excess).map(|(_, id)| id).collect()),
        cause: Cause::SessionLimit,
        actor: Actor::System,
        reason: None,
    };
    end_sessions(tx, moment, &request)?;
    Ok(true)
}

/// The browser of this sign-in: known or added. The last value says whether
/// this account has not used it before.
fn remember_browser(
    tx: &mut Tx<'_>,
    moment: &Moment,
    browser: Option<Browser>,
    user: &User,
) -> Result<(Option<BrowserId>, Option<Token>, bool), StorageError> {
    let (id, token) = if let Some(browser) = browser {
        (browser.id, None)
    } else {
        let browser = Browser {
            id: BrowserId::random(moment.random.as_ref()),
            always_shared: false,
        };
        let token = Token::generate(moment.random.as_ref());
        browsers::add(tx, &browser, token.digest(), moment.now)?;
        (browser.id, Some(token))
    };
    let known = browsers::is_known(tx, user.id, id)?;
    browsers::remember_use(tx, user.id, id, moment.now)?;
    Ok((Some(id), token, !known))
}

/// The line of a sign-in, with how the person proved who they are.
fn sign_in_event(moment: &Moment, session: &Session, kind: EventKind) -> Event {
    let methods: Vec<&str> = session
        .proofs
        .iter()
        .map(|proof| proof.method.name())
        .collect();
    Event {
        id: EventId::sortable(moment.now, moment.random.as_ref()),
        at: moment.now,
        organization_id: Some(session.organization_id),
        user_id: Some(session.user_id),
        actor: Actor::User(session.user_id),
        kind,
        session_id: Some(session.id),
        browser_id: session.browser_id,
        ending_id: None,
        cause: None,
        client: session.client.clone(),
        count: 1,
        detail: Some(methods.join(",")),
    }
}
