//! A refresh token becomes its successor (TOK-02, TOK-03).

use nightlatch_domain::alert::AlertKind;
use nightlatch_domain::grant::{GRACE, Grant, RevokedCause, Scopes};
use nightlatch_domain::ids::ClientId;
use nightlatch_domain::relying_party::RelyingParty;
use nightlatch_storage::{StorageError, Tx, events, grants, relying_parties, users};

use super::exchange::reused;
use super::{Described, Issued, find_anchor, is_of, issue};
use crate::Moment;
use crate::alerts::tell_of;
use crate::protected::lets_in;
use crate::token_key::{Presented, TokenKey, TokenName};

/// What came of a refresh.
#[derive(Debug)]
pub enum RefreshOutcome {
    /// Tokens.
    Refreshed(Box<Refreshed>),
    /// No refresh token of this app, or what it stands for is over: the same answer
    /// for all (A6).
    Refused,
    /// It asked for more than was granted, or for nothing that exists.
    ScopeTooWide,
    /// It was replaced long ago, so there are two who hold it: everything of its
    /// grant is revoked, and the owner of the account is told.
    Reused,
}

/// The tokens, and what the ID token says.
#[derive(Debug)]
pub struct Refreshed {
    /// The tokens.
    pub issued: Issued,
    /// Whose they are.
    pub person: Described,
    /// What was registered of the app.
    pub client: RelyingParty,
}

/// Refreshes. All who present one token within [`GRACE`] of its first use get the
/// same successor: an answer was lost, or two tabs asked at once (F6). Nothing else
/// that is older is ever answered.
pub fn refresh(
    tx: &mut Tx<'_>,
    moment: &Moment,
    key: &TokenKey,
    client: ClientId,
    (token, wanted): (&Presented, Option<Scopes>),
) -> Result<RefreshOutcome, StorageError> {
    let TokenName::Refresh(name) = &token.name else {
        return Ok(RefreshOutcome::Refused);
    };
    let (Some(anchor), Some(client)) = (
        find_anchor(tx, moment, key, token)?,
        relying_parties::find(tx, client)?,
    ) else {
        return Ok(RefreshOutcome::Refused);
    };
    if !is_of(&anchor, &client) || !anchor.is_good(moment.now) {
        return Ok(RefreshOutcome::Refused);
    }
    let grant = anchor.owned.grant;
    let user = users::get(tx, grant.user_id)?;
    // Asked at each refresh, so that who may not enter any more holds nothing for longer
    // than an access token lasts.
    if !lets_in(tx, &client, &user)? {
        return Ok(RefreshOutcome::Refused);
    }
    let is_present = name.generation == grant.generation;
    let is_before = name.generation.checked_add(1) == Some(grant.generation);
    let in_grace = moment.now.since(grant.rotated_at) < GRACE;
    if !(is_present || is_before && in_grace) {
        reuse(tx, moment, &grant, &client)?;
        return Ok(RefreshOutcome::Reused);
    }
    let scopes = wanted.unwrap_or(grant.scopes);
    // Only now: a fault in the request must not hide a token that was copied.
    let asks_for_nothing = wanted == Some(Scopes::default());
    if asks_for_nothing || !scopes.are_within(grant.scopes) {
        return Ok(RefreshOutcome::ScopeTooWide);
    }
    let grant = if is_present {
        rotate(tx, moment, grant, &client)?
    } else {
        grant
    };
    Ok(RefreshOutcome::Refreshed(Box::new(Refreshed {
        issued: issue(grant, scopes, key, moment.now),
        person: Described::of(tx, user)?,
        client,
    })))
}

/// Moves to the next generation, under the condition that nobody else has.
fn rotate(
    tx: &mut Tx<'_>,
    moment: &Moment,
    mut grant: Grant,
    client: &RelyingParty,
) -> Result<Grant, StorageError> {
    let before = grant.generation;
    grant.generation = before.saturating_add(1);
    grant.rotated_at = moment.now;
    grant.last_used_at = moment.now;
    if grant.offline {
        let idle = client.registration.lifetimes.offline_idle();
        grant.idle_deadline = moment.now.plus(idle).min(grant.overall_deadline);
    }
    if !grants::rotate(tx, &grant, before)? {
        // Both databases notice it before, and run the flow again. Rather no answer
        // than two different successors.
        return Err(StorageError::Conflict);
    }
    Ok(grant)
}

/// Ends the family, and says so in the history and by mail (TOK-02). Only the
/// family: a backup of a phone that is restored must not sign a person out of
/// everything.
fn reuse(
    tx: &mut Tx<'_>,
    moment: &Moment,
    grant: &Grant,
    client: &RelyingParty,
) -> Result<(), StorageError> {
    if !grants::revoke(tx, grant.id, moment.now, RevokedCause::TokenReused)? {
        return Ok(());
    }
    tracing::warn!(
        app = %client.id, grant = %grant.id, user = %grant.user_id,
        "a refresh token was used after its successor; its family is revoked"
    );
    let line = reused(moment, grant, client);
    events::add(tx, &line)?;
    let user = users::get(tx, grant.user_id)?;
    tell_of(tx, moment, &user, AlertKind::AppTokenReused, &line)
}
