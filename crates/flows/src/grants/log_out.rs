//! A native app logs its person out with one call (B11).

use std::time::Duration;

use nightlatch_domain::Timestamp;
use nightlatch_domain::ending::{Actor, Cause, Scope};
use nightlatch_domain::grant::{GRACE, Grant, RevokedCause};
use nightlatch_domain::ids::UserId;
use nightlatch_storage::{StorageError, Tx, grants, relying_parties};

use super::find_anchor;
use crate::Moment;
use crate::log_out::{EndingDone, EndingRequest, end_sessions};
use crate::token_key::{Presented, TokenKey, TokenName};

/// What came of it.
#[derive(Debug)]
pub enum LoggedOut {
    /// The session that the token belongs to was ended, with all that follows.
    Ended(UserId, Box<EndingDone>),
    /// That session was over before; a long-lived grant gave itself back.
    EndedBefore,
    /// Not a token that may do anything.
    NotGood,
}

/// Ends the session that a token belongs to, with the same consequences as Log out
/// in a browser. Whoever holds a token gains by this what the person could do with
/// one click, and nothing more.
pub fn log_out(
    tx: &mut Tx<'_>,
    moment: &Moment,
    key: &TokenKey,
    token: &Presented,
) -> Result<LoggedOut, StorageError> {
    let Some(anchor) = find_anchor(tx, moment, key, token)? else {
        return Ok(LoggedOut::NotGood);
    };
    let grant = &anchor.owned.grant;
    let Some(client) = relying_parties::find(tx, grant.client_id)? else {
        return Ok(LoggedOut::NotGood);
    };
    let lifetime = client.registration.lifetimes.access_token();
    if !is_present(grant, token, lifetime, moment.now) {
        return Ok(LoggedOut::NotGood);
    }
    if !anchor.is_good(moment.now) {
        // Never trap anybody: what is over is logged out (OUT-03).
        return Ok(LoggedOut::EndedBefore);
    }
    if grant.offline {
        grants::revoke(tx, grant.id, moment.now, RevokedCause::ByClient)?;
    }
    let Some(owned) = &anchor.session else {
        return Ok(LoggedOut::EndedBefore);
    };
    let request = EndingRequest {
        scope: Scope::Session(owned.session.id),
        cause: Cause::LoggedOut,
        actor: Actor::User(grant.user_id),
        reason: None,
    };
    let done = end_sessions(tx, moment, &request)?;
    Ok(LoggedOut::Ended(grant.user_id, Box::new(done)))
}

/// Whether this is a token that the app would hold now: an old one that somebody
/// found must not log anybody out.
fn is_present(grant: &Grant, token: &Presented, lifetime: Duration, now: Timestamp) -> bool {
    match &token.name {
        TokenName::Refresh(name) => {
            let is_before = name.generation.checked_add(1) == Some(grant.generation);
            name.generation == grant.generation
                || (is_before && now.since(grant.rotated_at) < GRACE)
        }
        TokenName::Access(access) => {
            access.issued_at >= grant.access_from && now < access.issued_at.plus(lifetime)
        }
    }
}
