//! The keys in memory: which one signs now, and all that ever signed.

use std::fmt;

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::SigningKeyId;
use nightlatch_domain::relying_party::SigningAlgorithm;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{JoseError, TokenType, encoding_key, jws_algorithm, refused};

/// For how long the key set goes on publishing a key after it signed last: longer
/// than any token is checked by whoever caches keys.
const PUBLISHED_AFTERWARDS: std::time::Duration = std::time::Duration::from_hours(7 * 24);

/// The public half of a key.
pub struct PublicKey {
    id: SigningKeyId,
    algorithm: SigningAlgorithm,
    jwk: Jwk,
    key: DecodingKey,
    signs_from: Timestamp,
    signs_until: Option<Timestamp>,
}

impl PublicKey {
    /// Reads a stored key.
    pub fn new(
        id: SigningKeyId,
        algorithm: SigningAlgorithm,
        jwk: &str,
        signs_from: Timestamp,
        signs_until: Option<Timestamp>,
    ) -> Result<Self, JoseError> {
        let jwk: Jwk = serde_json::from_str(jwk).map_err(refused)?;
        let key = DecodingKey::from_jwk(&jwk).map_err(refused)?;
        Ok(Self {
            id,
            algorithm,
            jwk,
            key,
            signs_from,
            signs_until,
        })
    }
}

/// The private half of a key.
pub struct Signer {
    id: SigningKeyId,
    key: EncodingKey,
}

impl Signer {
    /// Takes an opened private key, PKCS#8 as DER.
    pub fn new(
        id: SigningKeyId,
        algorithm: SigningAlgorithm,
        private: &[u8],
    ) -> Result<Self, JoseError> {
        let key = encoding_key(algorithm, private)?;
        Ok(Self { id, key })
    }
}

/// What one of our own tokens says.
#[derive(Debug)]
pub struct Verified<Claims> {
    /// The claims. Whether they still hold is for the caller to judge.
    pub claims: Claims,
    /// With what it was signed.
    pub algorithm: SigningAlgorithm,
}

/// All keys.
#[derive(Default)]
pub struct KeySet {
    public: Vec<PublicKey>,
    signers: Vec<Signer>,
}

impl KeySet {
    /// A set of these keys.
    pub fn new(public: Vec<PublicKey>, signers: Vec<Signer>) -> Self {
        Self { public, signers }
    }

    /// Signs claims with the newest key of this algorithm whose time has come.
    pub fn sign<Claims: Serialize>(
        &self,
        algorithm: SigningAlgorithm,
        kind: TokenType,
        claims: &Claims,
        now: Timestamp,
    ) -> Result<String, JoseError> {
        let (public, signer) = self
            .public
            .iter()
            .filter(|key| key.algorithm == algorithm && key.signs_from <= now)
            .filter(|key| key.signs_until.is_none_or(|until| now < until))
            .filter_map(|key| Some((key, self.signers.iter().find(|one| one.id == key.id)?)))
            .max_by_key(|(key, _)| (key.signs_from, key.id))
            .ok_or(JoseError::NoKey(algorithm.name()))?;
        let mut header = Header::new(jws_algorithm(algorithm));
        header.typ = Some(kind.name().to_owned());
        header.kid = Some(public.id.to_string());
        encode(&header, claims, &signer.key).map_err(refused)
    }

    /// Checks that a token of this kind was signed by a key of ours, however old
    /// (RPL-03). Says nothing about its time, issuer or audience: an expired ID token
    /// is still good for logging out.
    pub fn verify<Claims: DeserializeOwned>(
        &self,
        kind: TokenType,
        token: &str,
    ) -> Result<Verified<Claims>, JoseError> {
        let header = decode_header(token).map_err(|_| JoseError::WrongKind)?;
        if header.typ.as_deref() != Some(kind.name()) {
            return Err(JoseError::WrongKind);
        }
        let key_id = header.kid.as_deref().and_then(|id| id.parse().ok());
        let key = self
            .public
            .iter()
            .find(|key| Some(key.id) == key_id)
            .ok_or(JoseError::NotOurs)?;
        // The algorithm is the key's and never the token's choice.
        let mut validation = Validation::new(jws_algorithm(key.algorithm));
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let data = decode(token, &key.key, &validation).map_err(|_| JoseError::NotOurs)?;
        Ok(Verified {
            claims: data.claims,
            algorithm: key.algorithm,
        })
    }

    /// Whether a key signs with this algorithm at that instant.
    pub fn can_sign(&self, algorithm: SigningAlgorithm, now: Timestamp) -> bool {
        self.public.iter().any(|key| {
            key.algorithm == algorithm
                && key.signs_from <= now
                && key.signs_until.is_none_or(|until| now < until)
                && self.signers.iter().any(|signer| signer.id == key.id)
        })
    }

    /// The public keys that others should know: those that sign, will sign, or
    /// signed lately (OIDC-01, OIDC-20).
    pub fn published(&self, now: Timestamp) -> Vec<&Jwk> {
        self.public
            .iter()
            .filter(|key| {
                key.signs_until
                    .is_none_or(|until| now < until.plus(PUBLISHED_AFTERWARDS))
            })
            .map(|key| &key.jwk)
            .collect()
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("KeySet")
            .field("public", &self.public.len())
            .field("signers", &self.signers.len())
            .finish()
    }
}

#[cfg(test)]
mod tests;
