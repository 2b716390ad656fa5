//! Passkeys: adding them, signing in with them, looking after them.
//!
//! Each ceremony takes two requests. The first draws a challenge and keeps it
//! beside who asked; the second takes it out, whatever comes of the answer, so
//! that no answer is tried twice (WAN-01). Any node can serve the second. What anybody
//! may ask for is kept sealed in the page instead ([`open_challenge`]). The
//! cryptography, and most checks of WebAuthn 7.1 and 7.2, are webauthn-rs's; what
//! it leaves to its caller is checked in [`authenticate`] and [`register`].

pub mod authenticate;
pub mod known;
pub mod manage;
pub mod open_challenge;
pub mod register;
pub mod sign_in;

use std::fmt;

use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::SessionId;
use nightlatch_domain::passkey::CeremonyKind;
use nightlatch_domain::secret::{Token, TokenDigest};
use nightlatch_storage::passkeys::{Ceremony, StoredPasskey};
use nightlatch_storage::{StorageError, Tx, passkeys};
use serde::{Deserialize, Serialize};
use url::Url;
use webauthn_rs::prelude::{Credential, Webauthn, WebauthnBuilder};

use crate::Moment;

/// What a browser needs to make a passkey.
pub use webauthn_rs::prelude::CreationChallengeResponse;
/// What answers a sign-in, as browsers write it.
pub use webauthn_rs::prelude::PublicKeyCredential;
/// What answers a registration, as browsers write it.
pub use webauthn_rs::prelude::RegisterPublicKeyCredential;
/// What a browser needs to use a passkey.
pub use webauthn_rs::prelude::RequestChallengeResponse;

/// The version of the format in which credentials are stored: webauthn-rs 0.6's
/// `Credential`, with a counter of zero (see [`StoredPasskey::counter`]).
const FORMAT: i64 = 1;

/// What passkeys are bound to here: the host of the public address.
///
/// A host that is only a number has none: WebAuthn knows names (5.1.2).
pub struct Passkeys(Option<Webauthn>, String);

impl Passkeys {
    /// For the server at this origin, such as `https://login.example.com`. No
    /// other origin is accepted, not even a host below it (WAN-02).
    pub fn new(origin: &str) -> Self {
        let built = Url::parse(origin).ok().and_then(|origin| {
            let host = origin.domain()?.to_owned();
            let builder = WebauthnBuilder::new(&host, &origin).ok()?;
            let verifier = builder.rp_name("Nightlatch").build().ok()?;
            Some((verifier, host))
        });
        match built {
            Some((verifier, host)) => Self(Some(verifier), host),
            None => Self(None, String::new()),
        }
    }

    /// Whether there can be passkeys at this address.
    pub const fn are_possible(&self) -> bool {
        self.0.is_some()
    }

    /// What passkeys are bound to (the RP ID); empty where there can be none.
    pub fn relying_party(&self) -> &str {
        &self.1
    }

    fn webauthn(&self) -> Option<&Webauthn> {
        self.0.as_ref()
    }
}

impl fmt::Debug for Passkeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Passkeys").field(&self.1).finish()
    }
}

/// Names a challenge that waits for its answer. Only the page that asked gets
/// it, and it is worth nothing in another browser.
#[derive(Debug, Clone)]
pub struct CeremonyToken(Token);

impl CeremonyToken {
    fn generate(moment: &Moment) -> Self {
        Self(Token::generate(moment.random.as_ref()))
    }

    /// Reads what a page sent back.
    pub fn parse(text: &str) -> Option<Self> {
        Token::parse(text).map(Self)
    }

    /// The text for the page.
    pub fn reveal(&self) -> String {
        self.0.reveal()
    }

    fn digest(&self) -> TokenDigest {
        self.0.digest()
    }
}

/// Who asks, where a session does.
fn holder_of(session: SessionId) -> TokenDigest {
    TokenDigest::of(&session.to_bytes())
}

/// Takes the challenge out, and returns it if this is what it was drawn for.
/// Without the binding to the browser, an attacker could have somebody answer a
/// challenge of the attacker's own.
fn take(
    tx: &mut Tx<'_>,
    now: Timestamp,
    token: &CeremonyToken,
    holder: TokenDigest,
    kinds: &[CeremonyKind],
) -> Result<Option<Ceremony>, StorageError> {
    let found = passkeys::take_ceremony(tx, token.digest())?;
    Ok(found.filter(|ceremony| {
        ceremony.holder == holder && kinds.contains(&ceremony.kind) && now < ceremony.expires_at
    }))
}

/// Whether the browser says that our page stood inside another one. A site that
/// frames ours, or lends us its permission, could have people sign in without
/// knowing where (WAN-02); we never ask from inside a frame. What cannot be read
/// is treated alike.
fn is_framed(client_data: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct ClientData {
        #[serde(rename = "crossOrigin", default)]
        cross_origin: Option<bool>,
        #[serde(rename = "topOrigin", default)]
        top_origin: Option<String>,
    }
    match serde_json::from_slice::<ClientData>(client_data) {
        Ok(data) => data.cross_origin == Some(true) || data.top_origin.is_some(),
        Err(_) => true,
    }
}

fn to_json<T: Serialize>(value: &T) -> Result<String, StorageError> {
    serde_json::to_string(value)
        .map_err(|error| StorageError::Other(format!("a passkey has no JSON form: {error}")))
}

fn from_json<T: for<'a> Deserialize<'a>>(text: &str) -> Result<T, StorageError> {
    // Not the message of the reader: it may repeat what it read.
    serde_json::from_str(text)
        .map_err(|_| StorageError::Other("the stored state of a passkey is unreadable".to_owned()))
}

/// The verifier's form of a stored passkey.
fn credential_of(stored: &StoredPasskey) -> Result<Credential, StorageError> {
    if stored.format != FORMAT {
        return Err(StorageError::Other(format!(
            "a passkey is stored in format {}, and this program reads format {FORMAT}",
            stored.format
        )));
    }
    from_json(&stored.credential)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_need_a_host_with_a_name() {
        for (origin, host) in [
            ("https://login.example.com", "login.example.com"),
            ("https://login.example.com:8443", "login.example.com"),
            ("http://localhost:8080", "localhost"),
        ] {
            let passkeys = Passkeys::new(origin);
            assert!(passkeys.are_possible(), "{origin}");
            assert_eq!(passkeys.relying_party(), host);
        }
        for origin in ["http://127.0.0.1:8080", "https://[::1]", "nonsense"] {
            assert!(!Passkeys::new(origin).are_possible(), "{origin}");
        }
    }

    #[test]
    fn wan_02_framed_pages_are_noticed() {
        for plain in [
            r#"{"type":"webauthn.get"}"#,
            r#"{"crossOrigin":false}"#,
            r#"{"crossOrigin":null,"topOrigin":null}"#,
        ] {
            assert!(!is_framed(plain.as_bytes()), "{plain}");
        }
        for framed in [
            r#"{"crossOrigin":true}"#,
            r#"{"crossOrigin":false,"topOrigin":"https://localhost"}"#,
            r#"{"crossOrigin":"no"}"#,
            r#"{"crossOrigin":false,"crossOrigin":true}"#,
            "",
        ] {
            assert!(is_framed(framed.as_bytes()), "{framed}");
        }
    }
}
