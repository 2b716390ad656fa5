//! Signed tokens: making keys, signing, and checking what we signed.
//!
//! The kinds of tokens are told apart by `typ`, and one is refused in the place of
//! another (TOK-08). Only the three algorithms of [`SigningAlgorithm`] exist here;
//! `none`, secrets as keys, and keys that a token brings along itself are unknown.

mod key_set;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, EncodingKey};
use nightlatch_domain::ids::SigningKeyId;
use nightlatch_domain::relying_party::SigningAlgorithm;
use zeroize::Zeroizing;

pub use key_set::{KeySet, PublicKey, Signer, Verified};

/// What a token is (`typ`, RFC 8725 section 3.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenType {
    /// An ID token.
    Id,
    /// A logout token (Back-Channel Logout 2.4).
    Logout,
    /// A security event token (RFC 8417).
    SecurityEvent,
    /// Who sends a request through a proxy; see [`crate::forward_auth`].
    Identity,
}

impl TokenType {
    /// The header.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Id => "JWT",
            Self::Logout => "logout+jwt",
            Self::SecurityEvent => "secevent+jwt",
            Self::Identity => "nightlatch-identity+jwt",
        }
    }
}

/// Why a token was not made or not accepted. It names no content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JoseError {
    /// No key signs with that algorithm at the moment.
    #[error("there is no key that signs with {0}")]
    NoKey(&'static str),
    /// The cryptography refused to work.
    #[error("a key could not be made or used")]
    Refused,
    /// It is no token, or not of this kind.
    #[error("this is not a token of the kind that belongs here")]
    WrongKind,
    /// No key of ours has signed it.
    #[error("the signature is not ours")]
    NotOurs,
}

/// A new key pair.
pub struct NewKey {
    /// PKCS#8, DER; to be sealed.
    pub private: Zeroizing<Vec<u8>>,
    /// A JWK with `kid`, `alg` and `use`.
    pub public_jwk: String,
}

impl NewKey {
    /// Makes one. RSA takes a second or so: never inside a transaction.
    pub fn generate(algorithm: SigningAlgorithm, id: SigningKeyId) -> Result<Self, JoseError> {
        let private = match algorithm {
            SigningAlgorithm::Rs256 => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(refused)?;
                Zeroizing::new(pair.as_der().map_err(refused)?.as_ref().to_vec())
            }
            SigningAlgorithm::Es256 => {
                let random = SystemRandom::new();
                let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
                Zeroizing::new(made.map_err(refused)?.as_ref().to_vec())
            }
            SigningAlgorithm::EdDsa => {
                // The library knows the curve by the length of the first version of the format.
                let made = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new());
                Zeroizing::new(made.map_err(refused)?.as_ref().to_vec())
            }
        };
        let key = encoding_key(algorithm, &private)?;
        let mut jwk = Jwk::from_encoding_key(&key, jws_algorithm(algorithm)).map_err(refused)?;
        jwk.common.key_id = Some(id.to_string());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        let public_jwk = serde_json::to_string(&jwk).map_err(refused)?;
        Ok(Self {
            private,
            public_jwk,
        })
    }
}

impl std::fmt::Debug for NewKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("NewKey(…)")
    }
}

fn refused<E>(_: E) -> JoseError {
    JoseError::Refused
}

const fn jws_algorithm(algorithm: SigningAlgorithm) -> Algorithm {
    match algorithm {
        SigningAlgorithm::Rs256 => Algorithm::RS256,
        SigningAlgorithm::Es256 => Algorithm::ES256,
        SigningAlgorithm::EdDsa => Algorithm::EdDSA,
    }
}

pub(crate) fn encoding_key(
    algorithm: SigningAlgorithm,
    private: &[u8],
) -> Result<EncodingKey, JoseError> {
    match algorithm {
        // The library takes the inner key of RSA, and unwraps it itself only from PEM.
        SigningAlgorithm::Rs256 => {
            let encoded = Zeroizing::new(STANDARD.encode(private));
            let pem = Zeroizing::new(format!(
                "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
                encoded.as_str()
            ));
            EncodingKey::from_rsa_pem(pem.as_bytes()).map_err(refused)
        }
        SigningAlgorithm::Es256 => Ok(EncodingKey::from_ec_der(private)),
        SigningAlgorithm::EdDsa => Ok(EncodingKey::from_ed_der(private)),
    }
}
