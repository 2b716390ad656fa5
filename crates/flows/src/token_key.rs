//! Tokens of apps, derived and never stored (TOK-01).
//!
//! A token is a name (grant, and generation or instant) and an HMAC over it with
//! the grant's seed. The key is not in the database and the seed is nowhere else:
//! whoever reads the database, a backup of it, or the key file alone can make none.
//! That is also why the successor of a refresh token can be given out twice (TOK-03).
//!
//! Tokens begin with `nla_` or `nlr_`, so that scanners for leaked secrets know
//! them.

use std::fmt;
use std::sync::{PoisonError, RwLock};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nightlatch_domain::Timestamp;
use nightlatch_domain::grant::Scopes;
use nightlatch_domain::ids::GrantId;

/// How access tokens begin.
pub const ACCESS_PREFIX: &str = "nla_";

/// How refresh tokens begin.
pub const REFRESH_PREFIX: &str = "nlr_";

const ID: usize = 16;
const NUMBER: usize = 8;
const TAG: usize = 32;

/// What a refresh token says; whether it may is for [`TokenKey::is_ours`] and
/// `flows::grants` to judge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// Of which grant.
    pub grant: GrantId,
    /// How many there were before it.
    pub generation: i64,
}

/// What an access token says; see [`RefreshToken`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// Of which grant.
    pub grant: GrantId,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// What it allows; never more than its grant.
    pub scopes: Scopes,
}

/// A token of one kind or the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenName {
    /// Access.
    Access(AccessToken),
    /// Refresh.
    Refresh(RefreshToken),
}

/// A token as somebody presented it, before anybody looked whether it is ours.
#[derive(Clone)]
pub struct Presented {
    /// What it says.
    pub name: TokenName,
    tag: [u8; TAG],
}

impl Presented {
    /// Reads a token; nothing if it cannot be one of ours. Exactly one spelling of
    /// each is read.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix(ACCESS_PREFIX) {
            let bytes = decode::<{ ID + NUMBER + 1 + TAG }>(rest)?;
            let (grant, rest) = bytes.split_first_chunk::<ID>()?;
            let (issued_at, rest) = rest.split_first_chunk::<NUMBER>()?;
            let (scopes, tag) = rest.split_first()?;
            let name = AccessToken {
                grant: GrantId::from_bytes(*grant),
                issued_at: Timestamp::from_milliseconds(i64::from_be_bytes(*issued_at)),
                scopes: Scopes::from_byte(*scopes)?,
            };
            return Some(Self {
                name: TokenName::Access(name),
                tag: tag.try_into().ok()?,
            });
        }
        let bytes = decode::<{ ID + NUMBER + TAG }>(text.strip_prefix(REFRESH_PREFIX)?)?;
        let (grant, rest) = bytes.split_first_chunk::<ID>()?;
        let (generation, tag) = rest.split_first_chunk::<NUMBER>()?;
        let name = RefreshToken {
            grant: GrantId::from_bytes(*grant),
            generation: i64::from_be_bytes(*generation),
        };
        Some(Self {
            name: TokenName::Refresh(name),
            tag: tag.try_into().ok()?,
        })
    }

    /// Of which grant.
    pub fn grant(&self) -> GrantId {
        match &self.name {
            TokenName::Access(token) => token.grant,
            TokenName::Refresh(token) => token.grant,
        }
    }
}

/// Without the tag, which is the secret part.
impl fmt::Debug for Presented {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Presented")
            .field(&self.name)
            .finish()
    }
}

fn decode<const LENGTH: usize>(text: &str) -> Option<[u8; LENGTH]> {
    // Before any work is done on whatever somebody sends.
    if text.len() != (LENGTH * 4).div_ceil(3) {
        return None;
    }
    let mut bytes = [0; LENGTH];
    let read = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
    (read == LENGTH).then_some(bytes)
}

struct Ring {
    current: hmac::Key,
    /// These made tokens before a rotation, or will after the next.
    others: Vec<hmac::Key>,
}

/// The key of tokens, 256 bits, the same on every node.
pub struct TokenKey(RwLock<Ring>);

impl TokenKey {
    /// Derives it from the keys of the deployment: the current one makes tokens,
    /// the others still verify theirs.
    pub fn new(current: &[u8; 32], others: &[&[u8; 32]]) -> Self {
        Self(RwLock::new(ring(current, others)))
    }

    /// Takes other keys, from now on and for everybody who shares this one.
    pub fn replace_keys(&self, current: &[u8; 32], others: &[&[u8; 32]]) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = ring(current, others);
    }

    /// The text of a refresh token.
    pub fn refresh(&self, token: &RefreshToken, seed: &[u8; 32]) -> String {
        self.text(&TokenName::Refresh(token.clone()), seed)
    }

    /// The text of an access token.
    pub fn access(&self, token: &AccessToken, seed: &[u8; 32]) -> String {
        self.text(&TokenName::Access(token.clone()), seed)
    }

    /// Whether a token was made here for the grant of this seed; in constant time.
    pub fn is_ours(&self, token: &Presented, seed: &[u8; 32]) -> bool {
        let message = message(&token.name, seed);
        let ring = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut keys = std::iter::once(&ring.current).chain(&ring.others);
        keys.any(|key| hmac::verify(key, &message, &token.tag).is_ok())
    }

    fn text(&self, name: &TokenName, seed: &[u8; 32]) -> String {
        let ring = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let tag = hmac::sign(&ring.current, &message(name, seed));
        let mut bytes = name_bytes(name);
        bytes.extend_from_slice(tag.as_ref());
        let prefix = match name {
            TokenName::Access(_) => ACCESS_PREFIX,
            TokenName::Refresh(_) => REFRESH_PREFIX,
        };
        format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes))
    }
}

fn name_bytes(name: &TokenName) -> Vec<u8> {
    match name {
        TokenName::Access(token) => {
            let mut bytes = token.grant.to_bytes().to_vec();
            bytes.extend_from_slice(&token.issued_at.milliseconds().to_be_bytes());
            bytes.push(token.scopes.to_byte());
            bytes
        }
        TokenName::Refresh(token) => {
            let mut bytes = token.grant.to_bytes().to_vec();
            bytes.extend_from_slice(&token.generation.to_be_bytes());
            bytes
        }
    }
}

/// What is authenticated: the kind first, so that one is never read as the other.
fn message(name: &TokenName, seed: &[u8; 32]) -> Vec<u8> {
    let kind: &[u8] = match name {
        TokenName::Access(_) => b"access\n",
        TokenName::Refresh(_) => b"refresh\n",
    };
    [kind, seed.as_slice(), &name_bytes(name)].concat()
}

fn ring(current: &[u8; 32], others: &[&[u8; 32]]) -> Ring {
    Ring {
        current: derive(current),
        others: others.iter().map(|key| derive(key)).collect(),
    }
}

fn derive(key: &[u8; 32]) -> hmac::Key {
    let root = hmac::Key::new(hmac::HMAC_SHA256, key);
    let derived = hmac::sign(&root, b"nightlatch tokens of apps 1");
    hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref())
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TokenKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: [u8; 32] = [9; 32];

    fn refresh(generation: i64) -> RefreshToken {
        RefreshToken {
            grant: GrantId::from_bytes([3; 16]),
            generation,
        }
    }

    fn access() -> AccessToken {
        AccessToken {
            grant: GrantId::from_bytes([3; 16]),
            issued_at: Timestamp::from_milliseconds(1_795_433_500_000),
            scopes: Scopes::parse("openid email"),
        }
    }

    #[test]
    fn tok_01_a_token_is_good_for_what_it_says_and_nothing_else() {
        let key = TokenKey::new(&[7; 32], &[]);
        for text in [
            key.refresh(&refresh(2), &SEED),
            key.access(&access(), &SEED),
        ] {
            let read = Presented::parse(&text).expect("one of ours");
            assert!(key.is_ours(&read, &SEED), "{text}");
            assert!(!key.is_ours(&read, &[8; 32]), "a backup's seed alone");
            assert!(!TokenKey::new(&[8; 32], &[]).is_ours(&read, &SEED));
            assert!(TokenKey::new(&[8; 32], &[&[7; 32]]).is_ours(&read, &SEED));
            for place in 0..text.len() {
                let mut bytes = text.clone().into_bytes();
                bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
                let changed = String::from_utf8(bytes).expect("text");
                let read = Presented::parse(&changed);
                assert!(
                    !read.is_some_and(|read| key.is_ours(&read, &SEED)),
                    "{place}"
                );
            }
            for broken in [&text[1..], &text[..text.len() - 1], &format!("{text}=")] {
                assert!(Presented::parse(broken).is_none());
            }
        }
        let read = Presented::parse(&key.access(&access(), &SEED)).expect("one of ours");
        assert_eq!(read.name, TokenName::Access(access()));
    }

    #[test]
    fn tok_03_the_same_name_is_the_same_token() {
        let key = TokenKey::new(&[7; 32], &[]);
        assert_eq!(
            key.refresh(&refresh(1), &SEED),
            key.refresh(&refresh(1), &SEED)
        );
        assert_ne!(
            key.refresh(&refresh(1), &SEED),
            key.refresh(&refresh(2), &SEED)
        );
    }

    #[test]
    fn ops_03_another_key_goes_in_front_while_the_server_runs() {
        let key = TokenKey::new(&[7; 32], &[]);
        let old = Presented::parse(&key.refresh(&refresh(1), &SEED)).expect("ours");
        key.replace_keys(&[8; 32], &[&[7; 32]]);
        assert!(key.is_ours(&old, &SEED));
        assert_eq!(format!("{key:?} {old:?}").matches('…').count(), 1);
    }
}
