//! Tokens that tie a form to the session (or visitor) it was made for.
//!
//! The token is a random value and an HMAC over it and the holder (CSRF-04). It
//! is the second line behind fetch metadata and `Origin`, see
//! [`crate::same_origin`]. It never stands in an address.

use std::fmt;
use std::sync::{PoisonError, RwLock};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nightlatch_domain::Random;
use nightlatch_domain::ids::SessionId;
use nightlatch_domain::secret::TokenDigest;

const NONCE: usize = 16;
const TAG: usize = 32;

/// The keys of form tokens, the same on every node. The first makes tokens, all
/// of them verify: a form that is open while the key is changed stays good
/// (OPS-03).
pub struct FormKey(RwLock<Vec<hmac::Key>>);

/// For whom a form was made.
#[derive(Clone, Copy, Debug)]
pub enum FormHolder {
    /// Somebody who is not signed in, by the digest of the visitor cookie.
    Visitor(TokenDigest),
    /// A session. By its id and not its token, so that a form opened in one tab
    /// survives a proof given in another.
    Session(SessionId),
    /// A session, on a protected host. The app there can read the pages of its own host,
    /// ours included, and so must not learn a token that is good on our own address.
    OnHost(SessionId),
}

impl FormHolder {
    fn bytes(self) -> Vec<u8> {
        match self {
            Self::Visitor(digest) => [b"visitor".as_slice(), &digest.to_bytes()].concat(),
            Self::Session(id) => [b"session".as_slice(), &id.to_bytes()].concat(),
            Self::OnHost(id) => [b"on host".as_slice(), &id.to_bytes()].concat(),
        }
    }
}

impl FormKey {
    /// Takes the key that makes tokens and others that verify.
    pub fn new(current: &[u8; 32], others: &[&[u8; 32]]) -> Self {
        Self(RwLock::new(Self::derive_all(current, others)))
    }

    /// Takes other keys from now on.
    pub fn replace_keys(&self, current: &[u8; 32], others: &[&[u8; 32]]) {
        let new = Self::derive_all(current, others);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = new;
    }

    fn derive_all(current: &[u8; 32], others: &[&[u8; 32]]) -> Vec<hmac::Key> {
        std::iter::once(current)
            .chain(others.iter().copied())
            .map(Self::derive)
            .collect()
    }

    fn derive(key: &[u8; 32]) -> hmac::Key {
        // A key of its own for this purpose, so that the same secret may serve
        // others without one's output being another's input.
        let root = hmac::Key::new(hmac::HMAC_SHA256, key);
        let derived = hmac::sign(&root, b"nightlatch form tokens 1");
        hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref())
    }

    /// A fresh token for a form.
    pub fn issue(&self, holder: FormHolder, random: &dyn Random) -> String {
        let mut nonce = [0; NONCE];
        random.fill(&mut nonce);
        let keys = self.0.read().unwrap_or_else(PoisonError::into_inner);
        // There is always one; without it, a token that nothing accepts.
        let tag = keys.first().map_or_else(Vec::new, |key| {
            hmac::sign(key, &[nonce.as_slice(), &holder.bytes()].concat())
                .as_ref()
                .to_vec()
        });
        URL_SAFE_NO_PAD.encode([nonce.as_slice(), &tag].concat())
    }

    /// Whether a token was made for this holder; in constant time.
    pub fn is_valid(&self, holder: FormHolder, token: &str) -> bool {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(token) else {
            return false;
        };
        let Some((nonce, tag)) = bytes.split_at_checked(NONCE) else {
            return false;
        };
        let signed = [nonce, &holder.bytes()].concat();
        let keys = self.0.read().unwrap_or_else(PoisonError::into_inner);
        tag.len() == TAG
            && keys
                .iter()
                .any(|key| hmac::verify(key, &signed, tag).is_ok())
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
    fn csrf_04_a_token_is_good_for_its_holder_alone() {
        let (key, random) = (FormKey::new(&[7; 32], &[]), SeededRandom::new(1));
        let (one, other) = (SessionId::random(&random), SessionId::random(&random));
        let holders = [
            FormHolder::Session(one),
            FormHolder::Session(other),
            FormHolder::OnHost(one),
            FormHolder::OnHost(other),
            FormHolder::Visitor(TokenDigest::of(&one.to_bytes())),
        ];
        for (made, maker) in holders.iter().enumerate() {
            let token = key.issue(*maker, &random);
            for (tried, holder) in holders.iter().enumerate() {
                assert_eq!(key.is_valid(*holder, &token), made == tried, "{holder:?}");
            }
        }
    }

    #[test]
    fn ops_03_an_open_form_outlives_a_change_of_key() {
        let (key, random) = (FormKey::new(&[7; 32], &[]), SeededRandom::new(1));
        let holder = FormHolder::Session(SessionId::random(&random));
        let open = key.issue(holder, &random);
        key.replace_keys(&[8; 32], &[&[7; 32]]);
        assert!(key.is_valid(holder, &open));
        let fresh = key.issue(holder, &random);
        assert!(FormKey::new(&[8; 32], &[]).is_valid(holder, &fresh));
        key.replace_keys(&[8; 32], &[]);
        assert!(!key.is_valid(holder, &open));
    }

    #[test]
    fn csrf_04_a_token_serves_its_holder_only() {
        let (key, random) = (FormKey::new(&[7; 32], &[]), SeededRandom::new(1));
        let one = FormHolder::Session(SessionId::random(&random));
        let other = FormHolder::Session(SessionId::random(&random));
        let token = key.issue(one, &random);
        assert!(key.is_valid(one, &token));
        assert!(!key.is_valid(other, &token));
        assert!(!FormKey::new(&[8; 32], &[]).is_valid(one, &token));
        assert_ne!(token, key.issue(one, &random));
        for broken in ["", "x", &token[1..], &format!("{token}AA")] {
            assert!(!key.is_valid(one, broken));
        }
    }
}
