//! Sealing what the database must keep and must not be able to read.
//!
//! Owns the keys in memory and the format of sealed bytes. Where keys come from
//! and where they are stored is the business of whoever makes the [`Sealer`];
//! that they never stand in the database is the point (MFA-01, OPS-03).
//!
//! A sealed value is bound to its place: purpose, table, row and owner are
//! authenticated with it. Whoever can write to the database but lacks the key
//! could otherwise copy the seed of their own authenticator app into the row of
//! somebody else and sign in with it.
//!
//! Format: version (1 byte), key id (8), nonce (12), ciphertext and tag
//! (AES-256-GCM-SIV, RFC 8452: a nonce that repeats reveals equality of two
//! values and nothing more).

use std::fmt;
use std::sync::{PoisonError, RwLock};

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use nightlatch_domain::Random;
use nightlatch_storage::StorageError;
use zeroize::Zeroizing;

const VERSION: u8 = 1;
const KEY_ID: usize = 8;
const HEADER: usize = 1 + KEY_ID + NONCE_LEN;

/// Where a sealed value stands. It opens there and nowhere else.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// What it is for: "seed of an authenticator app".
    pub purpose: &'static str,
    /// The table.
    pub table: &'static str,
    /// The key of its row.
    pub row: &'a [u8],
    /// Whose row it is.
    pub owner: &'a [u8],
}

impl Place<'_> {
    /// Every part with its length before it, so that no two places read alike.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        for part in [
            self.purpose.as_bytes(),
            self.table.as_bytes(),
            self.row,
            self.owner,
        ] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes
    }
}

/// Why something cannot be sealed or opened. It names no content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealingError {
    /// It was sealed with a key that this server does not have.
    #[error(
        "a sealed value needs a key that is not in the key file of this server; copy the key file \
         from the node on which the key was changed, or restore its older lines"
    )]
    KeyMissing,
    /// It is damaged, or stands where it was not sealed for.
    #[error("a sealed value is damaged or stands in a place that it was not sealed for")]
    DoesNotOpen,
    /// The cryptography refused to work.
    #[error("a value could not be sealed")]
    Refused,
}

impl From<SealingError> for StorageError {
    fn from(error: SealingError) -> Self {
        Self::Other(error.to_string())
    }
}

struct Ring {
    /// Seals; the first of those that open.
    current: SealingKey,
    others: Vec<SealingKey>,
}

struct SealingKey {
    id: [u8; KEY_ID],
    key: LessSafeKey,
}

/// Seals and opens. Holds the keys; the first seals, all of them open.
pub struct Sealer(RwLock<Ring>);

impl Sealer {
    /// A sealer for these root keys; `current` seals.
    pub fn new(current: &[u8; 32], others: &[&[u8; 32]]) -> Result<Self, SealingError> {
        ring(current, others).map(RwLock::new).map(Self)
    }

    /// Takes other root keys, from now on and for everybody who shares this
    /// sealer.
    pub fn replace_keys(
        &self,
        current: &[u8; 32],
        others: &[&[u8; 32]],
    ) -> Result<(), SealingError> {
        let new = ring(current, others)?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }

    /// Seals a value for its place, with the current key.
    pub fn seal(
        &self,
        place: &Place<'_>,
        random: &dyn Random,
        value: &[u8],
    ) -> Result<Vec<u8>, SealingError> {
        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut nonce);
        let mut content = Zeroizing::new(value.to_vec());
        let ring = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let tag = ring
            .current
            .key
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(place.bytes()),
                &mut content,
            )
            .map_err(|_| SealingError::Refused)?;
        let mut sealed = Vec::with_capacity(HEADER + content.len() + tag.as_ref().len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&ring.current.id);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&content);
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Opens what was sealed for this place, with whichever key it was.
    pub fn open(
        &self,
        place: &Place<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealingError> {
        let (id, rest) = split(sealed).ok_or(SealingError::DoesNotOpen)?;
        let (nonce, content) = rest
            .split_first_chunk::<NONCE_LEN>()
            .ok_or(SealingError::DoesNotOpen)?;
        let ring = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let key = std::iter::once(&ring.current)
            .chain(&ring.others)
            .find(|key| key.id == *id)
            .ok_or(SealingError::KeyMissing)?;
        let mut content = Zeroizing::new(content.to_vec());
        let length = key
            .key
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(place.bytes()),
                &mut content,
            )
            .map_err(|_| SealingError::DoesNotOpen)?
            .len();
        content.truncate(length);
        Ok(content)
    }

    /// Whether a value is sealed with the current key.
    pub fn is_current(&self, sealed: &[u8]) -> bool {
        let ring = self.0.read().unwrap_or_else(PoisonError::into_inner);
        split(sealed).is_some_and(|(id, _)| *id == ring.current.id)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Sealer(…)")
    }
}

fn split(sealed: &[u8]) -> Option<(&[u8; KEY_ID], &[u8])> {
    match sealed.split_first() {
        Some((&VERSION, rest)) => rest.split_first_chunk::<KEY_ID>(),
        _ => None,
    }
}

fn ring(current: &[u8; 32], others: &[&[u8; 32]]) -> Result<Ring, SealingError> {
    Ok(Ring {
        current: derive(current)?,
        others: others
            .iter()
            .map(|key| derive(key))
            .collect::<Result<_, _>>()?,
    })
}

/// How many bytes are to be derived.
struct Bytes(usize);

impl KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}

/// Keys of their own for this purpose (HKDF, RFC 5869), so that the same root may
/// serve others without one's output being another's input. The id is derived
/// too: it names the key and tells nothing about it.
fn derive(root: &[u8; 32]) -> Result<SealingKey, SealingError> {
    let pseudorandom = Salt::new(HKDF_SHA256, b"nightlatch").extract(root);
    let expand = |purpose: &[u8], into: &mut [u8]| {
        pseudorandom
            .expand(&[purpose], Bytes(into.len()))
            .and_then(|bytes| bytes.fill(into))
            .map_err(|_| SealingError::Refused)
    };
    let mut id = [0; KEY_ID];
    expand(b"sealing key id 1", &mut id)?;
    let mut key = Zeroizing::new([0; 32]);
    expand(b"sealing key 1", key.as_mut())?;
    let key = UnboundKey::new(&AES_256_GCM_SIV, key.as_ref()).map_err(|_| SealingError::Refused)?;
    Ok(SealingKey {
        id,
        key: LessSafeKey::new(key),
    })
}

#[cfg(test)]
mod tests {
    use nightlatch_domain::random::SeededRandom;

    use super::*;

    const SECRET: &[u8] = b"twenty bytes of seed";

    fn place<'a>(row: &'a [u8], owner: &'a [u8]) -> Place<'a> {
        Place {
            purpose: "test",
            table: "things",
            row,
            owner,
        }
    }

    #[test]
    fn a_sealed_value_opens_in_its_place_only() {
        let (sealer, random) = (
            Sealer::new(&[1; 32], &[]).expect("keys"),
            SeededRandom::new(1),
        );
        let home = place(b"row 1", b"ada");
        let kept = sealer.seal(&home, &random, SECRET).expect("sealed");
        assert_eq!(sealer.open(&home, &kept).expect("open").as_slice(), SECRET);
        assert!(
            !kept
                .windows(6)
                .any(|part| SECRET.windows(6).any(|clear| clear == part))
        );
        let elsewhere = [
            place(b"row 2", b"ada"),
            place(b"row 1", b"eve"),
            place(b"row 1a", b"da"),
            Place {
                table: "others",
                ..home
            },
            Place {
                purpose: "another",
                ..home
            },
        ];
        for other in elsewhere {
            assert_eq!(
                sealer.open(&other, &kept),
                Err(SealingError::DoesNotOpen),
                "{other:?}"
            );
        }
    }

    #[test]
    fn a_damaged_value_does_not_open() {
        let (sealer, random) = (
            Sealer::new(&[1; 32], &[]).expect("keys"),
            SeededRandom::new(1),
        );
        let home = place(b"row", b"ada");
        let kept = sealer.seal(&home, &random, SECRET).expect("sealed");
        for place_of_damage in 0..kept.len() {
            let mut damaged = kept.clone();
            damaged[place_of_damage] ^= 1;
            assert!(sealer.open(&home, &damaged).is_err(), "{place_of_damage}");
        }
        for length in 0..kept.len() {
            assert!(sealer.open(&home, &kept[..length]).is_err(), "{length}");
        }
        let twice = sealer.seal(&home, &random, SECRET).expect("sealed");
        assert_ne!(kept, twice, "equal values do not show");
    }

    #[test]
    fn ops_03_rotation_keeps_old_values_readable_and_tells_them_apart() {
        let random = SeededRandom::new(1);
        let home = place(b"row", b"ada");
        let sealer = Sealer::new(&[1; 32], &[]).expect("keys");
        let old = sealer.seal(&home, &random, SECRET).expect("sealed");
        assert!(sealer.is_current(&old));
        sealer.replace_keys(&[2; 32], &[&[1; 32]]).expect("keys");
        assert!(!sealer.is_current(&old));
        assert_eq!(sealer.open(&home, &old).expect("open").as_slice(), SECRET);
        let new = sealer.seal(&home, &random, SECRET).expect("sealed");
        assert!(sealer.is_current(&new));
        let behind = Sealer::new(&[1; 32], &[]).expect("keys");
        assert_eq!(behind.open(&home, &new), Err(SealingError::KeyMissing));
        let prepared = Sealer::new(&[1; 32], &[&[2; 32]]).expect("keys");
        assert_eq!(prepared.open(&home, &new).expect("open").as_slice(), SECRET);
    }

    #[test]
    fn keys_do_not_print() {
        let sealer = Sealer::new(&[1; 32], &[]).expect("keys");
        assert_eq!(format!("{sealer:?}"), "Sealer(…)");
    }
}
