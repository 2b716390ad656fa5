//! The last step of signing in: the session begins.
//!
//! Decides which limits and cookie it gets, ends what its browser held before,
//! and keeps to the session limit. Whether the password was right is decided in
//! [`crate::sign_in`], which calls [`start`].

use nightlatch_domain::alert::AlertKind;
use nightlatch_domain::ending::{Actor, Cause, Scope};
use nightlatch_domain::event::{Event, EventKind};
use nightlatch_domain::ids::{BrowserId, EventId, SessionId};
use nightlatch_domain::policy::{AtSessionLimit, Policy, RememberRule};
use nightlatch_domain::secret::Token;
use nightlatch_domain::session::{self, Epochs, Life, Proof, ProofMethod, Session, SessionKind};
use nightlatch_domain::user::User;
use nightlatch_storage::browsers::Browser;
use nightlatch_storage::{StorageError, Tx, browsers, events, organizations, sessions};

use crate::Moment;
use crate::alerts::{Alert, raise};
use crate::log_out::{EndingRequest, end_sessions};
use crate::sessions::MOST_LISTED;
use crate::sign_in::{Attempt, SignInOutcome, SignedIn};

/// Starts a session for a person who has proved who they are.
pub(crate) fn start(
    tx: &mut Tx<'_>,
    moment: &Moment,
    attempt: &Attempt,
    browser: Option<Browser>,
    user: &User,
    epochs: Epochs,
) -> Result<SignInOutcome, StorageError> {
    let policy = organizations::get(tx, user.organization_id)?
        .settings
        .policy;
    let kind = session_kind(&policy, attempt, browser.as_ref());
    let held = held_by_browser(tx, attempt, browser)?;
    // First, since a sign-in that is refused must not end what the browser holds.
    if !make_room(tx, moment, user, &policy, &held)? {
        return Ok(SignInOutcome::TooManySessions);
    }
    replace(tx, moment, user, held)?;
    let is_news = is_news(tx, &policy, attempt, browser.as_ref(), user)?;
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
            epochs,
            kind,
            authenticated_at: moment.now,
            last_active_at: moment.now,
            deadlines: policy.limits(kind).deadlines(moment.now, moment.now),
            ended: None,
        },
        proofs: vec![Proof {
            method: ProofMethod::Password,
            at: moment.now,
        }],
        client: attempt.client.clone(),
    };
    let token = Token::generate(moment.random.as_ref());
    sessions::add(tx, &session, token.digest())?;
    let event_kind = if first_time {
        EventKind::SignedInFromNewBrowser
    } else {
        EventKind::SignedIn
    };
    events::add(tx, &sign_in_event(moment, &session, event_kind))?;
    if is_news {
        let alert = Alert {
            kind: AlertKind::NewBrowser,
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
    })))
}

/// Whether the owner is told of this sign-in: it comes from a browser that does not
/// carry our identifier for this account, and is not the first ever (H1). The
/// shared mode leaves no identifier, so it is told too, or a thief would only have
/// to tick the box; not where an administrator said that the computer or network
/// is shared, since people there sign in all day.
fn is_news(
    tx: &mut Tx<'_>,
    policy: &Policy,
    attempt: &Attempt,
    browser: Option<&Browser>,
    user: &User,
) -> Result<bool, StorageError> {
    if is_always_shared(policy, attempt, browser) {
        return Ok(false);
    }
    if let Some(browser) = browser
        && browsers::is_known(tx, user.id, browser.id)?
    {
        return Ok(false);
    }
    events::any_sign_in(tx, user.id)
}

/// Whether an administrator said that whoever sits there sits at a shared computer.
fn is_always_shared(policy: &Policy, attempt: &Attempt, browser: Option<&Browser>) -> bool {
    browser.is_some_and(|browser| browser.always_shared)
        || attempt
            .client
            .address
            .is_some_and(|address| policy.is_shared_network(address))
}

/// What limits and which cookie this sign-in gets. A person may choose the
/// shared mode but not leave it where the organization demands it (SHR-04).
fn session_kind(policy: &Policy, attempt: &Attempt, browser: Option<&Browser>) -> SessionKind {
    if attempt.shared || is_always_shared(policy, attempt, browser) {
        return SessionKind::Shared;
    }
    match policy.remember {
        RememberRule::Always => SessionKind::Remembered,
        RememberRule::Ask if attempt.remember => SessionKind::Remembered,
        RememberRule::Ask | RememberRule::Never => SessionKind::Ordinary,
    }
}

/// What this browser holds, including a session whose cookie was lost when the
/// browser closed.
fn held_by_browser(
    tx: &mut Tx<'_>,
    attempt: &Attempt,
    browser: Option<Browser>,
) -> Result<Vec<SessionId>, StorageError> {
    let mut held = Vec::new();
    if let Some(token) = attempt.replaces {
        held.extend(sessions::find_by_token(tx, token)?);
    }
    if let Some(browser) = browser {
        held.extend(sessions::list_open_of_browser(tx, browser.id)?);
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
    let limit = i64::from(policy.session_limit.max(1));
    let open = sessions::count_open_of_user(tx, user.id, limit)?;
    if open < limit {
        return Ok(true);
    }
    // Only now is the exact number of live ones worth its price.
    let live: Vec<_> = sessions::list_oldest_open_of_user(tx, user.id, limit + MOST_LISTED)?
        .into_iter()
        .filter(|owned| session::admit(&owned.session.life, &owned.standing(), moment.now).is_ok())
        .map(|owned| owned.session.id)
        .filter(|id| !replaced.contains(id))
        .collect();
    let live_count = i64::try_from(live.len()).unwrap_or(i64::MAX);
    if live_count < limit {
        return Ok(true);
    }
    if policy.at_session_limit == AtSessionLimit::Refuse {
        return Ok(false);
    }
    let excess = usize::try_from(live_count - limit + 1).unwrap_or(usize::MAX);
    let request = EndingRequest {
        scope: Scope::Selection(live.into_iter().take(excess).collect()),
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

fn sign_in_event(moment: &Moment, session: &Session, kind: EventKind) -> Event {
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
        detail: None,
    }
}
