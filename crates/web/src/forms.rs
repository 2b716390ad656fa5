//! Tokens that tie a form to the session (or visitor) it was made for.
//!
//! The token is a random value and an HMAC over it and the holder (CSRF-04). It
//! is the second line behind fetch metadata and `Origin`, see
//! [`crate::same_origin`]. It never stands in an address.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nightlatch_domain::Random;
use nightlatch_domain::ids::SessionId;
use nightlatch_domain::secret::TokenDigest;

const NONCE: usize = 16;
const TAG: usize = 32;

/// The key of form tokens, 256 bits, the same on every node.
pub struct FormKey(hmac::Key);

/// For whom a form was made.
#[derive(Clone, Copy, Debug)]
pub enum FormHolder {
    /// Somebody who is not signed in, by the digest of the visitor cookie.
    Visitor(TokenDigest),
    /// A session. By its id and not its token, so that a form opened in one tab
    /// survives a proof given in another.
    Session(SessionId),
}

impl FormHolder {
    fn bytes(self) -> Vec<u8> {
        match self {
            Self::Visitor(digest) => [b"visitor".as_slice(), &digest.to_bytes()].concat(),
            Self::Session(id) => [b"session".as_slice(), &id.to_bytes()].concat(),
        }
    }
}

impl FormKey {
    /// Takes the key.
    pub fn new(key: &[u8; 32]) -> Self {
        // A key of its own for this purpose, so that the same secret may serve
        // others without one's output being another's input.
        let root = hmac::Key::new(hmac::HMAC_SHA256, key);
        let derived = hmac::sign(&root, b"nightlatch form tokens 1");
        Self(hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()))
    }

    /// A fresh token for a form.
    pub fn issue(&self, holder: FormHolder, random: &dyn Random) -> String {
        let mut nonce = [0; NONCE];
        random.fill(&mut nonce);
        let tag = hmac::sign(&self.0, &[nonce.as_slice(), &holder.bytes()].concat());
        URL_SAFE_NO_PAD.encode([nonce.as_slice(), tag.as_ref()].concat())
    }

    /// Whether a token was made for this holder; in constant time.
    pub fn is_valid(&self, holder: FormHolder, token: &str) -> bool {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(token) else {
            return false;
        };
        let Some((nonce, tag)) = bytes.split_at_checked(NONCE) else {
            return false;
        };
        tag.len() == TAG && hmac::verify(&self.0, &[nonce, &holder.bytes()].concat(), tag).is_ok()
    }
}

impl fmt::Debug for FormKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("FormKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use nightlatch_domain::random::SeededRandom;

    use super::*;

    #[test]
    fn csrf_04_a_token_serves_its_holder_only() {
        let (key, random) = (FormKey::new(&[7; 32]), SeededRandom::new(1));
        let one = FormHolder::Session(SessionId::random(&random));
        let other = FormHolder::Session(SessionId::random(&random));
        let token = key.issue(one, &random);
        assert!(key.is_valid(one, &token));
        assert!(!key.is_valid(other, &token));
        assert!(!FormKey::new(&[8; 32]).is_valid(one, &token));
        assert_ne!(token, key.issue(one, &random));
        for broken in ["", "x", &token[1..], &format!("{token}AA")] {
            assert!(!key.is_valid(one, broken));
        }
    }
}
