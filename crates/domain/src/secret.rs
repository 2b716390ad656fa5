//! Values that must not leak: raw tokens, their digests, passwords.
//!
//! A [`Token`] is what a browser holds; a [`TokenDigest`] is what the database
//! holds. One cannot be used as the other, so a stolen row is not a cookie
//! (SES-02). None of them can be printed.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use crate::Random;

/// The length of a token as text: 32 bytes in base64url without padding.
pub const TOKEN_TEXT_LENGTH: usize = 43;

/// 256 random bits that authenticate their holder (SES-01).
#[derive(Clone)]
pub struct Token(Zeroizing<[u8; 32]>);

impl Token {
    /// A fresh token.
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        random.fill(bytes.as_mut());
        Self(bytes)
    }

    /// Reads a token that a browser sent; anything but exactly one canonical
    /// spelling is refused, so that oversized or odd values cost nothing more.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != TOKEN_TEXT_LENGTH {
            return None;
        }
        let mut bytes = Zeroizing::new([0; 32]);
        match URL_SAFE_NO_PAD.decode_slice(text, bytes.as_mut()) {
            Ok(32) => Some(Self(bytes)),
            _ => None,
        }
    }

    /// The text that goes into a cookie or a link, and nowhere else.
    pub fn reveal(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.as_ref())
    }

    /// What the database keeps of it.
    pub fn digest(&self) -> TokenDigest {
        TokenDigest::of(self.0.as_ref())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(…)")
    }
}

/// The SHA-256 of a token. A plain digest is enough for 256 random bits
/// (ASVS 6.5.2).
#[derive(Clone, Copy)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// The digest of any bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut value = [0; 32];
        value.copy_from_slice(digest(&SHA256, bytes).as_ref());
        Self(value)
    }

    /// The digest stored as these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes as they are stored.
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }
}

impl PartialEq for TokenDigest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for TokenDigest {}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TokenDigest(…)")
    }
}

/// A password as typed, brought to Unicode normalization form C and nothing
/// else (NIST SP 800-63B-4 3.1.1.2): no trimming, no truncation, no case change.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// The longest password accepted, in bytes as typed. It bounds the work of
    /// one sign-in attempt (AUTH-03) and is far above the 64 characters that
    /// must be possible (AUTH-01).
    pub const LONGEST: usize = 1024;

    /// Takes what was typed; `None` when it is longer than [`Self::LONGEST`].
    pub fn typed(text: &str) -> Option<Self> {
        (text.len() <= Self::LONGEST).then(|| Self(Zeroizing::new(text.nfc().collect())))
    }

    /// The characters, for hashing and for the rules of new passwords.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password(…)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::random::SeededRandom;

    #[test]
    fn ses_01_a_million_tokens_differ_and_have_one_length() {
        let random = SeededRandom::new(1);
        let mut seen = HashSet::with_capacity(1_000_000);
        for _ in 0..1_000_000 {
            let text = Token::generate(&random).reveal();
            assert_eq!(text.len(), TOKEN_TEXT_LENGTH);
            assert!(seen.insert(text));
        }
    }

    #[test]
    fn a_token_has_one_spelling() {
        let text = Token::generate(&SeededRandom::new(2)).reveal();
        assert!(Token::parse(&text).is_some());
        assert!(Token::parse(&text[..42]).is_none());
        assert!(Token::parse(&format!("{text}=")).is_none());
        assert!(Token::parse(&"!".repeat(43)).is_none());
        // The last character carries two spare bits; a second spelling of the
        // same bytes is refused.
        let mut other = text.clone();
        let last = other.pop().expect("43 characters");
        let position = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
            .find(last)
            .expect("base64url");
        other.push(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".as_bytes()
                [position + 1] as char,
        );
        assert!(Token::parse(&other).is_none());
    }

    #[test]
    fn secrets_do_not_print() {
        let token = Token::generate(&SeededRandom::new(3));
        assert_eq!(format!("{token:?}"), "Token(…)");
        assert_eq!(format!("{:?}", token.digest()), "TokenDigest(…)");
        let password = Password::typed("hunter2hunter2").expect("short enough");
        assert_eq!(format!("{password:?}"), "Password(…)");
    }

    #[test]
    fn passwords_are_compared_in_normal_form_and_kept_whole() {
        let composed = Password::typed("caf\u{e9}").expect("short");
        let decomposed = Password::typed("cafe\u{301}").expect("short");
        assert_eq!(composed.reveal(), decomposed.reveal());
        assert_eq!(Password::typed(" A ").expect("short").reveal(), " A ");
        assert!(Password::typed(&"x".repeat(1025)).is_none());
    }
}
