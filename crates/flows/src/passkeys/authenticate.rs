//! Answering a challenge with a passkey.
//!
//! Owns judging what comes back, whoever was asked: nobody in particular
//! ([`super::open_challenge`]), or somebody who is known by then
//! ([`super::known`]). Every challenge demands that the authenticator verifies its
//! person.

use nightlatch_domain::client::ClientDetails;
use nightlatch_domain::ending::Actor;
use nightlatch_domain::event::{Event, EventKind};
use nightlatch_domain::ids::{EventId, OrganizationId, PasskeyId, UserId};
use nightlatch_domain::passkey::{CEREMONY_LIFETIME, CeremonyKind};
use nightlatch_domain::secret::TokenDigest;
use nightlatch_storage::passkeys::{Ceremony, StoredPasskey};
use nightlatch_storage::{StorageError, Tx, events, passkeys, users};
use webauthn_rs::prelude::{
    AuthenticationResult, DiscoverableAuthentication, PublicKeyCredential, RequestChallengeResponse,
};
use webauthn_rs_proto::AllowCredentials;

use super::{CeremonyToken, Passkeys, credential_of, from_json, is_framed, to_json};
use crate::Moment;

/// What an answer proves.
#[derive(Debug)]
pub enum PasskeyVerdict {
    /// This person holds this passkey.
    Right {
        /// Whose it is. The caller still asks whether the account may be used.
        user: UserId,
        /// Which.
        passkey: PasskeyId,
        /// Whether the authenticator asked for a fingerprint, a face or a PIN.
        /// Only then it counts as two factors (WAN-03).
        user_verified: bool,
    },
    /// Nobody has such a passkey here; the browser may forget it (WAN-07).
    UnknownCredential,
    /// It proves nothing.
    Refused(Refused),
}

/// Why an answer proves nothing. People are told one sentence for all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    reason: Reason,
    owner: Option<UserId>,
}

impl Refused {
    /// The challenge is over, used, or was drawn for something else; a new one
    /// may work.
    pub fn is_expired(&self) -> bool {
        self.reason == Reason::Expired
    }

    /// Whose passkey was named, for their history; it proves nothing.
    pub const fn owner(&self) -> Option<UserId> {
        self.owner
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Reason {
    Expired,
    Framed,
    OtherOwner,
    OtherHandle,
    NotVerified(String),
}

/// Draws a challenge of this kind for this user, held by who asks; these
/// credentials will do.
pub(super) fn draw(
    tx: &mut Tx<'_>,
    moment: &Moment,
    passkeys: &Passkeys,
    (kind, user, holder): (CeremonyKind, UserId, TokenDigest),
    allowed: Vec<AllowCredentials>,
) -> Result<Option<(CeremonyToken, RequestChallengeResponse)>, StorageError> {
    let Some(webauthn) = passkeys.webauthn() else {
        return Ok(None);
    };
    let (mut challenge, state) = webauthn
        .start_discoverable_authentication()
        .map_err(|error| StorageError::Other(format!("no passkey can be asked for: {error}")))?;
    // The page decides how it asks.
    challenge.mediation = None;
    challenge.public_key.allow_credentials = allowed;
    let token = CeremonyToken::generate(moment);
    let ceremony = Ceremony {
        kind,
        user_id: Some(user),
        holder,
        state: to_json(&state)?,
        expires_at: moment.now.plus(CEREMONY_LIFETIME),
    };
    passkeys::add_ceremony(tx, token.digest(), &ceremony)?;
    Ok(Some((token, challenge)))
}

/// Judges an answer to a challenge that was taken out. Call it in the transaction
/// of whatever follows from it. For a challenge that was drawn for a user, a right
/// answer is that user's.
pub(super) fn judge(
    tx: &mut Tx<'_>,
    moment: &Moment,
    passkeys: &Passkeys,
    ceremony: Option<&Ceremony>,
    answer: &PublicKeyCredential,
) -> Result<PasskeyVerdict, StorageError> {
    let (Some(webauthn), Some(ceremony)) = (passkeys.webauthn(), ceremony) else {
        return Ok(refuse(Reason::Expired, None));
    };
    let Some(stored) = passkeys::find_by_credential_id(tx, &answer.raw_id)? else {
        return Ok(PasskeyVerdict::UnknownCredential);
    };
    let owner = Some(stored.user_id);
    if is_framed(&answer.response.client_data_json) {
        return Ok(refuse(Reason::Framed, owner));
    }
    if ceremony.user_id.is_some_and(|user| user != stored.user_id) {
        return Ok(refuse(Reason::OtherOwner, owner));
    }
    if !is_named_right(tx, ceremony, &stored, answer)? {
        return Ok(refuse(Reason::OtherHandle, owner));
    }
    let state: DiscoverableAuthentication = from_json(&ceremony.state)?;
    let credential = credential_of(&stored)?;
    match webauthn.finish_discoverable_authentication_v2(answer, state, &credential) {
        Ok(verified) => {
            let right = PasskeyVerdict::Right {
                user: stored.user_id,
                passkey: stored.id,
                user_verified: verified.user_verified(),
            };
            remember_use(tx, moment, stored, &verified)?;
            Ok(right)
        }
        Err(error) => Ok(refuse(Reason::NotVerified(error.to_string()), owner)),
    }
}

/// Whether the authenticator calls the account as we do (WebAuthn 7.2, step 6).
/// Who is not known before must be named.
fn is_named_right(
    tx: &mut Tx<'_>,
    ceremony: &Ceremony,
    stored: &StoredPasskey,
    answer: &PublicKeyCredential,
) -> Result<bool, StorageError> {
    let known = passkeys::find_handle(tx, stored.user_id)?;
    Ok(match (&answer.response.user_handle, known) {
        (Some(named), Some(known)) => named.as_slice() == known.as_bytes(),
        (Some(_), None) => false,
        (None, _) => ceremony.user_id.is_some(),
    })
}

fn refuse(reason: Reason, owner: Option<UserId>) -> PasskeyVerdict {
    tracing::info!(?reason, ?owner, "a passkey was refused");
    PasskeyVerdict::Refused(Refused { reason, owner })
}

/// Keeps what a use tells. A counter that does not grow may mean that somebody
/// holds a copy, or that an authenticator is badly made: it is logged, written
/// into the history and marked, and locks nobody out (WAN-05).
fn remember_use(
    tx: &mut Tx<'_>,
    moment: &Moment,
    mut stored: StoredPasskey,
    verified: &AuthenticationResult,
) -> Result<(), StorageError> {
    let counter = i64::from(verified.counter());
    let counts = counter > 0 || stored.counter > 0;
    if counts && counter <= stored.counter {
        tracing::warn!(
            user = %stored.user_id,
            passkey = %stored.id,
            counter,
            seen = stored.counter,
            "the counter of a passkey went backwards; there may be a copy of it"
        );
        stored.suspicious_at = Some(moment.now);
        let organization = users::get(tx, stored.user_id)?.organization_id;
        events::add(tx, &suspicion(moment, organization, &stored))?;
    }
    let mut credential = credential_of(&stored)?;
    credential.backup_state = verified.backup_state();
    stored.credential = to_json(&credential)?;
    stored.counter = stored.counter.max(counter);
    stored.backed_up = verified.backup_state();
    stored.last_used_at = Some(moment.now);
    passkeys::update_use(tx, &stored)
}

fn suspicion(moment: &Moment, organization: OrganizationId, stored: &StoredPasskey) -> Event {
    Event {
        id: EventId::sortable(moment.now, moment.random.as_ref()),
        at: moment.now,
        organization_id: Some(organization),
        user_id: Some(stored.user_id),
        actor: Actor::System,
        kind: EventKind::PasskeySuspicious,
        session_id: None,
        browser_id: None,
        ending_id: None,
        cause: None,
        client: ClientDetails::new(None, None, ""),
        count: 1,
        detail: Some(stored.name.clone()),
    }
}
