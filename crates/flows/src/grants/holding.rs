//! What a token that somebody holds is worth, and giving it back.

use std::time::Duration;

use nightlatch_domain::Timestamp;
use nightlatch_domain::grant::{Grant, RevokedCause, Scopes};
use nightlatch_domain::ids::{ClientId, SessionId};
use nightlatch_domain::policy::Deadlines;
use nightlatch_domain::relying_party::RelyingParty;
use nightlatch_domain::session::effective_deadlines;
use nightlatch_storage::{StorageError, Tx, grants, relying_parties, users};

use super::{Described, find_anchor, is_of};
use crate::Moment;
use crate::activity::Activity;
use crate::token_key::{AccessToken, Presented, TokenKey, TokenName};

/// An app may say so often that a person is active; what comes in between changes
/// nothing (design 5).
const ACTIVITY_SPACING: Duration = Duration::from_secs(30);

/// A token that is good.
#[derive(Debug)]
pub struct Held {
    /// The grant behind it.
    pub grant: Grant,
    /// Whose grant.
    pub client: RelyingParty,
    /// What it allows.
    pub scopes: Scopes,
    /// For an access token: since when and until when.
    pub access: Option<(Timestamp, Timestamp)>,
}

/// Whether a token of either kind is good now, by everything that decides it.
pub fn find_held(
    tx: &mut Tx<'_>,
    moment: &Moment,
    key: &TokenKey,
    token: &Presented,
) -> Result<Option<Held>, StorageError> {
    let Some(anchor) = find_anchor(tx, moment, key, token)? else {
        return Ok(None);
    };
    if !anchor.is_good(moment.now) {
        return Ok(None);
    }
    let grant = anchor.owned.grant;
    let Some(client) = relying_parties::find(tx, grant.client_id)? else {
        return Ok(None);
    };
    let (scopes, access) = match &token.name {
        TokenName::Access(access) => {
            let Some(until) = access_ends(access, &grant, &client, moment.now) else {
                return Ok(None);
            };
            (access.scopes, Some((access.issued_at, until)))
        }
        TokenName::Refresh(refresh) if refresh.generation == grant.generation => {
            (grant.scopes, None)
        }
        TokenName::Refresh(_) => return Ok(None),
    };
    Ok(Some(Held {
        grant,
        client,
        scopes,
        access,
    }))
}

/// Until when an access token is good; nothing if it is not.
fn access_ends(
    access: &AccessToken,
    grant: &Grant,
    client: &RelyingParty,
    now: Timestamp,
) -> Option<Timestamp> {
    let until = access
        .issued_at
        .plus(client.registration.lifetimes.access_token());
    let allows = access.scopes.are_within(grant.scopes);
    (access.issued_at >= grant.access_from && now < until && allows).then_some(until)
}

/// A good access token, and the person in whose name it speaks.
#[derive(Debug)]
pub struct HeldAccess {
    /// The token.
    pub held: Held,
    /// The person.
    pub person: Described,
}

/// The person behind an access token, if it is good.
pub fn find_access(
    tx: &mut Tx<'_>,
    moment: &Moment,
    key: &TokenKey,
    token: &Presented,
) -> Result<Option<HeldAccess>, StorageError> {
    let held = find_held(tx, moment, key, token)?.filter(|held| held.access.is_some());
    let Some(held) = held else { return Ok(None) };
    let user = users::get(tx, held.grant.user_id)?;
    let person = Described::of(tx, user)?;
    Ok(Some(HeldAccess { held, person }))
}

/// An app gives a token back (RFC 7009). A refresh token takes its grant along; an
/// access token itself and those before it. Tokens of others are not touched, and
/// nobody learns whether there are any (TOK-06).
pub fn give_back(
    tx: &mut Tx<'_>,
    moment: &Moment,
    key: &TokenKey,
    (client, token): (ClientId, &Presented),
) -> Result<(), StorageError> {
    let (Some(anchor), Some(client)) = (
        find_anchor(tx, moment, key, token)?,
        relying_parties::find(tx, client)?,
    ) else {
        return Ok(());
    };
    if !is_of(&anchor, &client) {
        return Ok(());
    }
    let id = anchor.owned.grant.id;
    match &token.name {
        TokenName::Refresh(_) => {
            grants::revoke(tx, id, moment.now, RevokedCause::ByClient).map(|_| ())
        }
        TokenName::Access(access) => {
            let after = access.issued_at.plus(Duration::from_millis(1));
            grants::void_access_tokens(tx, id, after)
        }
    }
}

/// What an app is told when it reports activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActivityOutcome {
    /// The session is live until then, this activity included.
    Live(SessionId, Deadlines),
    /// The token is good, and the session in which it was made is over: a long-lived
    /// grant. There is nothing to be active in.
    SessionOver,
    /// The token is not good.
    NotGood,
}

/// A person is active in an app: their session goes on (SES-10). Only the access
/// token says so; a refresh never does.
pub fn report_activity(
    tx: &mut Tx<'_>,
    moment: &Moment,
    key: &TokenKey,
    token: &Presented,
) -> Result<ActivityOutcome, StorageError> {
    let Some(held) = find_held(tx, moment, key, token)?.filter(|held| held.access.is_some()) else {
        return Ok(ActivityOutcome::NotGood);
    };
    let id = held.grant.session_id;
    let activity: &Activity = &moment.activity;
    let Some(owned) = crate::sessions::find_live(tx, id, activity, moment.now)? else {
        return Ok(ActivityOutcome::SessionOver);
    };
    let (life, limits) = (owned.session.life, owned.standing().limits);
    if moment.now.since(life.last_active_at) >= ACTIVITY_SPACING {
        activity.note(id, &life, limits, moment.now);
    }
    let life = activity.overlay(id, life);
    Ok(ActivityOutcome::Live(
        id,
        effective_deadlines(&life, limits),
    ))
}
