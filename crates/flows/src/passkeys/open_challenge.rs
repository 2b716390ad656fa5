//! Challenges for whoever opens the sign-in page, drawn without writing anything.
//!
//! Browsers ask for one on each visit, so that they can offer passkeys while an address
//! is typed, and most are never answered. A row for each would let anybody fill a table
//! by opening a page. So the challenge travels to the page and back, sealed with a key
//! that only this server has: nobody else makes one, reads one, or uses one that another
//! browser was given, which is what WAN-01 wants of a challenge "kept on the server". Only
//! an answer writes a row, and that row is what refuses the next (WAN-01).

use std::fmt;

use nightlatch_domain::Timestamp;
use nightlatch_domain::passkey::{CEREMONY_LIFETIME, CeremonyKind};
use nightlatch_domain::secret::TokenDigest;
use nightlatch_storage::passkeys::Ceremony;
use nightlatch_storage::{StorageError, Tx, passkeys};
use serde::{Deserialize, Serialize};
use webauthn_rs::prelude::RequestChallengeResponse;

use super::{Passkeys, from_json, to_json};
use crate::Moment;
use crate::sealing::{Place, Sealer};

/// A challenge as the page keeps it. It says nothing, and is worth nothing in another
/// browser.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedChallenge(Vec<u8>);

impl SealedChallenge {
    /// Takes what a page sent back, whatever it is.
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes for the page.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SealedChallenge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SealedChallenge(…)")
    }
}

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct Content {
    /// The challenge, in the verifier's own format.
    state: String,
    /// Not to be answered from then on; milliseconds.
    expires_at: i64,
}

/// Bound to the pre-session that asked: without that, an attacker could have somebody
/// answer a challenge of the attacker's own.
fn place(holder: &[u8; 32]) -> Place<'_> {
    Place {
        purpose: "challenge of a sign-in with a passkey",
        table: "",
        row: &[],
        owner: holder,
    }
}

/// Draws a challenge for the pre-session that asks. It names no account and no
/// credential, so it says nothing about anybody (AUTH-07), and nothing is written. `None`
/// if there can be no passkeys at this address.
pub fn draw(
    moment: &Moment,
    passkeys: &Passkeys,
    sealer: &Sealer,
    pre_session: TokenDigest,
) -> Result<Option<(SealedChallenge, RequestChallengeResponse)>, StorageError> {
    let Some(webauthn) = passkeys.webauthn() else {
        return Ok(None);
    };
    let (mut challenge, state) = webauthn
        .start_discoverable_authentication()
        .map_err(|error| StorageError::Other(format!("no passkey can be asked for: {error}")))?;
    // The page decides how it asks.
    challenge.mediation = None;
    let content = Content {
        state: to_json(&state)?,
        expires_at: moment.now.plus(CEREMONY_LIFETIME).milliseconds(),
    };
    let bytes = sealer.seal(
        &place(&pre_session.to_bytes()),
        moment.random.as_ref(),
        to_json(&content)?.as_bytes(),
    )?;
    Ok(Some((SealedChallenge(bytes), challenge)))
}

/// Opens what came back and uses it up, whatever the answer is worth; `None` if it is no
/// challenge of this pre-session, is over, or was answered before, on whichever node.
pub(super) fn take(
    tx: &mut Tx<'_>,
    now: Timestamp,
    sealer: &Sealer,
    carried: &SealedChallenge,
    pre_session: TokenDigest,
) -> Result<Option<Ceremony>, StorageError> {
    let Ok(opened) = sealer.open(&place(&pre_session.to_bytes()), &carried.0) else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(&opened);
    let content: Content = from_json(&text)?;
    let expires_at = Timestamp::from_milliseconds(content.expires_at);
    if now >= expires_at {
        return Ok(None);
    }
    // Of the content and not of the sealed bytes: it is the challenge that counts once.
    let digest = TokenDigest::of(format!("answered challenge\n{text}").as_bytes());
    // Kept for longer than it is good for: another node's clock may be behind.
    let keep_until = expires_at.plus(CEREMONY_LIFETIME);
    if !passkeys::use_up_challenge(tx, digest, pre_session, keep_until)? {
        return Ok(None);
    }
    Ok(Some(Ceremony {
        kind: CeremonyKind::SignIn,
        user_id: None,
        holder: pre_session,
        state: content.state,
        expires_at,
    }))
}
