//! Browsers that stand in for a person's second factor.
//!
//! Never a factor by themselves (SES-13): they are asked only after a right
//! password. A thief needs the password, the browser's identity and the latest
//! token of a cookie of its own that changes at each use. What was remembered
//! ends with "log out of all sessions", with a new password and with any change
//! of the factors, in the same transaction, since it is measured against all of
//! them each time (F3).

use nightlatch_domain::Timestamp;
use nightlatch_domain::event::EventKind;
use nightlatch_domain::ids::{BrowserId, RememberedFactorId, UserId};
use nightlatch_domain::next_step::{Present, RememberedLife};
use nightlatch_domain::policy::SecondFactorPolicy;
use nightlatch_domain::secret::{Token, TokenDigest};
use nightlatch_domain::session::Session;
use nightlatch_storage::remembered_factors::{self, RememberedFactor};
use nightlatch_storage::{StorageError, Tx, epochs, events, organizations, users};

use crate::Moment;
use crate::second_factor;
use crate::step_up::event;

/// How many a page lists; nobody has more browsers.
const MOST_LISTED: i64 = 200;

/// The token of a browser that stands in for a second factor.
#[derive(Debug)]
pub struct Trusted {
    /// For the cookie.
    pub token: Token,
    /// When it stops counting.
    pub expires_at: Timestamp,
}

/// What pending sign-ins and remembered browsers are measured against; `None` if
/// there is no such user.
pub(crate) fn present(tx: &mut Tx<'_>, user: UserId) -> Result<Option<Present>, StorageError> {
    let Some(epochs) = epochs::find_of_user(tx, user)? else {
        return Ok(None);
    };
    Ok(Some(Present {
        epochs,
        password_set_at: users::find_password_set_at(tx, user)?,
        status: users::get(tx, user)?.status,
    }))
}

/// Whether one still stands in for the factors that the person has now.
fn holds(
    tx: &mut Tx<'_>,
    remembered: &RememberedFactor,
    policy: &SecondFactorPolicy,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let Some(present) = present(tx, remembered.user_id)? else {
        return Ok(false);
    };
    Ok(remembered.life.holds(&present, policy, now)
        && second_factor::fingerprint(tx, remembered.user_id)? == remembered.factors)
}

/// What stands in for a person's factor in the browser that a sign-in comes
/// from.
pub(crate) fn find(
    tx: &mut Tx<'_>,
    moment: &Moment,
    user: UserId,
    carried: Option<(BrowserId, TokenDigest)>,
    policy: &SecondFactorPolicy,
) -> Result<Option<RememberedFactor>, StorageError> {
    let Some((browser, token)) = carried else {
        return Ok(None);
    };
    match remembered_factors::find(tx, user, browser, token)? {
        Some(found) if holds(tx, &found, policy, moment.now)? => Ok(Some(found)),
        Some(_) | None => Ok(None),
    }
}

/// Records that a browser stood in, and gives it a new token: whoever copied the
/// old one has nothing from this commit on.
pub(crate) fn stand_in(
    tx: &mut Tx<'_>,
    moment: &Moment,
    remembered: &RememberedFactor,
    old: TokenDigest,
    policy: &SecondFactorPolicy,
) -> Result<Trusted, StorageError> {
    let token = Token::generate(moment.random.as_ref());
    remembered_factors::rotate(tx, remembered.browser_id, old, token.digest())?;
    remembered_factors::record_use(tx, remembered.id, moment.now)?;
    let expires_at = remembered
        .life
        .deadline(policy)
        .unwrap_or(remembered.life.expires_at);
    Ok(Trusted { token, expires_at })
}

/// Remembers the browser of a session that has just begun with a second factor.
/// Nothing is remembered on a shared computer: such a session knows no browser
/// (SHR-01).
pub(crate) fn remember(
    tx: &mut Tx<'_>,
    moment: &Moment,
    session: &Session,
    old: Option<TokenDigest>,
    policy: &SecondFactorPolicy,
) -> Result<Option<Trusted>, StorageError> {
    let (Some(browser_id), Some(length)) = (session.browser_id, policy.remembered_for()) else {
        return Ok(None);
    };
    let token = Token::generate(moment.random.as_ref());
    if let Some(old) = old {
        remembered_factors::rotate(tx, browser_id, old, token.digest())?;
    }
    let expires_at = moment.now.plus(length);
    let remembered = RememberedFactor {
        id: RememberedFactorId::random(moment.random.as_ref()),
        user_id: session.user_id,
        browser_id,
        life: RememberedLife {
            epochs: session.life.epochs,
            password_set_at: users::find_password_set_at(tx, session.user_id)?,
            created_at: moment.now,
            expires_at,
        },
        factors: second_factor::fingerprint(tx, session.user_id)?,
        user_agent: session.client.user_agent.clone(),
        last_used_at: moment.now,
    };
    remembered_factors::put(tx, &remembered, token.digest())?;
    events::add(tx, &event(moment, session, EventKind::BrowserRemembered))?;
    Ok(Some(Trusted { token, expires_at }))
}

/// A browser in the list of a person.
#[derive(Debug)]
pub struct Listed {
    /// What is remembered.
    pub remembered: RememberedFactor,
    /// Until when it counts.
    pub until: Timestamp,
}

/// The browsers that stand in for a person's second factor now, the most
/// recently used first.
pub fn list(tx: &mut Tx<'_>, user: UserId, now: Timestamp) -> Result<Vec<Listed>, StorageError> {
    let organization = users::get(tx, user)?.organization_id;
    let policy = organizations::get(tx, organization)?
        .settings
        .policy
        .second_factor;
    let mut listed = Vec::new();
    for remembered in remembered_factors::list_of_user(tx, user, MOST_LISTED)? {
        if !holds(tx, &remembered, &policy, now)? {
            continue;
        }
        if let Some(until) = remembered.life.deadline(&policy) {
            listed.push(Listed { remembered, until });
        }
    }
    Ok(listed)
}

/// Forgets one browser of the session's owner, or all; returns how many. It only
/// takes trust away, so it asks for no proof.
pub fn forget(
    tx: &mut Tx<'_>,
    moment: &Moment,
    session: &Session,
    which: Option<RememberedFactorId>,
) -> Result<u64, StorageError> {
    let user = session.user_id;
    let gone = match which {
        Some(id) => u64::from(remembered_factors::delete(tx, user, id)?),
        None => remembered_factors::delete_of_user(tx, user)?,
    };
    if gone > 0 {
        events::add(tx, &event(moment, session, EventKind::BrowserForgotten))?;
    }
    Ok(gone)
}
