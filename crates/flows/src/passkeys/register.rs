//! Adding a passkey to the account of a session.

use nightlatch_domain::event::EventKind;
use nightlatch_domain::ids::PasskeyId;
use nightlatch_domain::passkey::{
    CEREMONY_LIFETIME, CeremonyKind, MOST_PASSKEYS, UNNAMED_PASSKEY, UserHandle,
};
use nightlatch_domain::session::{ProofMethod, Session};
use nightlatch_domain::user::User;
use nightlatch_storage::passkeys::{Ceremony, StoredPasskey};
use nightlatch_storage::sessions::OwnedSession;
use nightlatch_storage::{StorageError, Tx, passkeys};
use webauthn_rs::prelude::{
    CreationChallengeResponse, Credential, PasskeyRegistration, RegisterPublicKeyCredential, Uuid,
};
use webauthn_rs_proto::ResidentKeyRequirement;

use super::{CeremonyToken, FORMAT, Passkeys, from_json, holder_of, is_framed, take, to_json};
use crate::Moment;
use crate::factors::{Acting, Change, Changed, admit, end_others, record};
use crate::sessions::find_live;
use crate::step_up::prove_set_up;

/// What came of asking for a challenge.
#[derive(Debug)]
pub enum BegunRegistration {
    /// The browser may make a passkey.
    Begun(CeremonyToken, Box<CreationChallengeResponse>),
    /// The account has as many as it may.
    TooMany,
    /// There can be none at this address.
    NotPossible,
}

/// What a page sends once the browser has made a passkey.
#[derive(Debug, Clone)]
pub struct NewPasskey {
    /// The challenge that it answers.
    pub token: CeremonyToken,
    /// What the browser made.
    pub credential: RegisterPublicKeyCredential,
    /// What its owner calls it, already read by
    /// [`nightlatch_domain::passkey::parse_passkey_name`].
    pub name: Option<String>,
}

/// What came of an answer.
#[derive(Debug)]
pub enum Registered {
    /// The account has this passkey now, and the session has shown it; what that
    /// brought with it.
    Added(PasskeyId, Changed),
    /// Somebody, perhaps the same person, has it already (WAN-06).
    AlreadyBound,
    /// The challenge is over, used, or another session's. Ask for a new one.
    Expired,
    /// The account has as many as it may.
    TooMany,
    /// It does not prove what it has to; the log says what is missing.
    Refused,
}

/// Draws a challenge for the signed-in person; no other account can be named
/// (WAN-06). It takes a fresh proof of the highest level (MFA-04, AUTH-08).
pub fn begin_registration(
    tx: &mut Tx<'_>,
    moment: &Moment,
    passkeys: &Passkeys,
    acting: &Acting,
) -> Result<Change<BegunRegistration>, StorageError> {
    let owned = match admit(tx, moment, acting)? {
        Change::Done(owned) => owned,
        Change::ProofNeeded => return Ok(Change::ProofNeeded),
        Change::SessionOver => return Ok(Change::SessionOver),
    };
    draw(tx, moment, passkeys, &owned.user, &owned.session).map(Change::Done)
}

fn draw(
    tx: &mut Tx<'_>,
    moment: &Moment,
    passkeys: &Passkeys,
    user: &User,
    session: &Session,
) -> Result<BegunRegistration, StorageError> {
    let Some(webauthn) = passkeys.webauthn() else {
        return Ok(BegunRegistration::NotPossible);
    };
    let present = passkeys::list_of_user(tx, user.id, MOST_PASSKEYS)?;
    if is_full(&present) {
        return Ok(BegunRegistration::TooMany);
    }
    let handle = if let Some(handle) = passkeys::find_handle(tx, user.id)? {
        handle
    } else {
        let handle = UserHandle::random(moment.random.as_ref());
        passkeys::add_handle(tx, user.id, &handle)?;
        handle
    };
    // So that an authenticator says at once that it holds one already.
    let exclude = present.into_iter().map(|held| held.credential_id).collect();
    let (mut challenge, state) = webauthn
        .start_passkey_registration(Uuid::nil(), user.email.as_str(), &user.name, Some(exclude))
        .map_err(|error| StorageError::Other(format!("no passkey can be made: {error}")))?;
    let wanted = &mut challenge.public_key;
    // The library would call the account by 16 bytes of its own.
    wanted.user.id = handle.as_bytes().to_vec();
    // It would also ask for keys that cannot sign in without an address.
    if let Some(selection) = &mut wanted.authenticator_selection {
        selection.resident_key = Some(ResidentKeyRequirement::Required);
        selection.require_resident_key = true;
    }
    let token = CeremonyToken::generate(moment);
    let ceremony = Ceremony {
        kind: CeremonyKind::Registration,
        user_id: Some(user.id),
        holder: holder_of(session.id),
        state: to_json(&state)?,
        expires_at: moment.now.plus(CEREMONY_LIFETIME),
    };
    passkeys::add_ceremony(tx, token.digest(), &ceremony)?;
    Ok(BegunRegistration::Begun(token, Box::new(challenge)))
}

/// Adds the passkey if it answers this session's challenge. The challenge was
/// drawn under a fresh proof; five minutes later that may have grown too old, and
/// the person did not dawdle. A session that ended meanwhile plants no passkey
/// (OUT-02).
pub fn finish_registration(
    tx: &mut Tx<'_>,
    moment: &Moment,
    passkeys: &Passkeys,
    acting: &Acting,
    new: &NewPasskey,
) -> Result<Change<Registered>, StorageError> {
    let Some(owned) = find_live(tx, acting.session, &acting.activity, moment.now)? else {
        return Ok(Change::SessionOver);
    };
    let added = match verify(tx, moment, passkeys, &owned, new)? {
        Ok(added) => added,
        Err(refused) => return Ok(Change::Done(refused)),
    };
    passkeys::add(tx, &added)?;
    let kind = EventKind::PasskeyAdded;
    record(tx, moment, &owned, kind, Some(&added.name))?;
    // Its owner has just shown that they have it: it asked for a fingerprint, a face
    // or a PIN.
    let method = ProofMethod::Passkey;
    let renewed = prove_set_up(tx, moment, &owned, method, !acting.log_out_others)?;
    let mut changed = end_others(tx, moment, &owned, acting.log_out_others)?;
    changed.kept = changed.kept.or(renewed);
    Ok(Change::Done(Registered::Added(added.id, changed)))
}

/// The passkey that a right answer makes, or why it makes none.
fn verify(
    tx: &mut Tx<'_>,
    moment: &Moment,
    passkeys: &Passkeys,
    owned: &OwnedSession,
    new: &NewPasskey,
) -> Result<Result<StoredPasskey, Registered>, StorageError> {
    let (user, session) = (&owned.user, &owned.session);
    let kinds = [CeremonyKind::Registration];
    let ceremony = take(tx, moment.now, &new.token, holder_of(session.id), &kinds)?;
    let (Some(webauthn), Some(ceremony)) = (passkeys.webauthn(), ceremony) else {
        return Ok(Err(Registered::Expired));
    };
    if ceremony.user_id != Some(user.id) {
        return Ok(Err(Registered::Expired));
    }
    let state: PasskeyRegistration = from_json(&ceremony.state)?;
    if is_framed(&new.credential.response.client_data_json) {
        tracing::info!(user = %user.id, reason = "framed", "a new passkey was refused");
        return Ok(Err(Registered::Refused));
    }
    let verified = match webauthn.finish_passkey_registration(&new.credential, &state) {
        Ok(verified) => Credential::from(verified),
        Err(error) => {
            tracing::info!(user = %user.id, reason = %error, "a new passkey was refused");
            return Ok(Err(Registered::Refused));
        }
    };
    if passkeys::find_by_credential_id(tx, &verified.cred_id)?.is_some() {
        return Ok(Err(Registered::AlreadyBound));
    }
    if is_full(&passkeys::list_of_user(tx, user.id, MOST_PASSKEYS)?) {
        return Ok(Err(Registered::TooMany));
    }
    stored(moment, user, new, verified).map(Ok)
}

fn stored(
    moment: &Moment,
    user: &User,
    new: &NewPasskey,
    mut verified: Credential,
) -> Result<StoredPasskey, StorageError> {
    let counter = i64::from(verified.counter);
    // The library refuses a counter that goes back; we mark it (WAN-05). So the
    // counter is kept beside the credential and not in it.
    verified.counter = 0;
    let properties = new.credential.extensions.cred_props.as_ref();
    Ok(StoredPasskey {
        id: PasskeyId::random(moment.random.as_ref()),
        user_id: user.id,
        credential_id: verified.cred_id.clone(),
        format: FORMAT,
        name: new
            .name
            .clone()
            .unwrap_or_else(|| UNNAMED_PASSKEY.to_owned()),
        counter,
        backup_eligible: verified.backup_eligible,
        backed_up: verified.backup_state,
        // It was demanded; only a browser that says no is believed.
        discoverable: properties.and_then(|known| known.rk) != Some(false),
        created_at: moment.now,
        last_used_at: None,
        suspicious_at: None,
        credential: to_json(&verified)?,
    })
}

fn is_full(present: &[StoredPasskey]) -> bool {
    i64::try_from(present.len()).is_ok_and(|count| count >= MOST_PASSKEYS)
}
