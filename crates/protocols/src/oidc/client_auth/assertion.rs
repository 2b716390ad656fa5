//! Assertions that an app signs with its own key (`private_key_jwt`, RFC 7523).
//!
//! Keys come from what was registered and never from the assertion itself; the
//! algorithm must be one of ours and fit the key (TOK-08). Only we may be the
//! audience: one that was made for another server must not be good here.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::ClientId;
use nightlatch_domain::secret::TokenDigest;
use serde::Deserialize;

/// The longest assertion that is looked at, in bytes.
const LONGEST: usize = 8 * 1024;

/// For how long an assertion may be good at most: it is remembered for so long.
const LONGEST_LIFE: Duration = Duration::from_mins(10);

/// By how much the clock of an app may be ahead or behind.
const SKEW: Duration = Duration::from_secs(30);

/// An assertion that is good, to be used up.
pub(super) struct Usable {
    pub(super) digest: TokenDigest,
    pub(super) remember_until: Timestamp,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: i64,
    iat: Option<i64>,
    nbf: Option<i64>,
    jti: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn is_only(&self, issuer: &str) -> bool {
        match self {
            Self::One(one) => one == issuer,
            Self::Several(several) => several.len() == 1 && several.iter().all(|one| one == issuer),
        }
    }
}

/// Which app an assertion says it is from. Nothing is proved by that.
pub(super) fn claimed_client(text: &str) -> Option<ClientId> {
    #[derive(Deserialize)]
    struct Subject {
        sub: String,
    }
    if text.len() > LONGEST {
        return None;
    }
    let payload = text.split('.').nth(1)?;
    let bytes = URL_SAFE_NO_PAD.decode(payload).ok()?;
    let claims: Subject = serde_json::from_slice(&bytes).ok()?;
    super::client_id(&claims.sub).ok()
}

/// Checks everything but whether it was used before. The error is for the log.
pub(super) fn verify(
    text: &str,
    jwks: &str,
    (client, issuer): (ClientId, &str),
    now: Timestamp,
) -> Result<Usable, &'static str> {
    let header = decode_header(text).map_err(|_| "it is no signed token")?;
    let algorithm = match header.alg {
        Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA => header.alg,
        _ => return Err("its algorithm is none of RS256, ES256 and EdDSA"),
    };
    if !matches!(
        header.typ.as_deref(),
        None | Some("JWT" | "jwt" | "client-authentication+jwt")
    ) {
        return Err("it is a token of another kind");
    }
    let keys: JwkSet = serde_json::from_str(jwks).map_err(|_| "the registered keys are broken")?;
    let claims = keys
        .keys
        .iter()
        .filter(|key| may_sign(key, header.kid.as_deref()))
        .find_map(|key| claims(text, key, algorithm))
        .ok_or("no registered key has signed it, or a claim is missing")?;
    let name = client.to_string();
    if claims.iss != name || claims.sub != name {
        return Err("iss and sub are not both the client");
    }
    if !claims.aud.is_only(issuer) {
        return Err("aud is not the issuer alone");
    }
    let seconds = |seconds: i64| Timestamp::from_milliseconds(seconds.saturating_mul(1000));
    let expires = seconds(claims.exp);
    if now >= expires.plus(SKEW) {
        return Err("it has expired");
    }
    if expires > now.plus(LONGEST_LIFE + SKEW) {
        return Err("exp is more than ten minutes ahead");
    }
    let begins = claims.iat.into_iter().chain(claims.nbf);
    if begins.map(seconds).any(|from| from > now.plus(SKEW)) {
        return Err("iat or nbf lie in the future");
    }
    if claims.iat.is_none() {
        return Err("iat is missing");
    }
    if claims.jti.is_empty() {
        return Err("jti is empty");
    }
    Ok(Usable {
        // The id of the app first, at its fixed length: no app can use up another's.
        digest: TokenDigest::of(format!("{name} {}", claims.jti).as_bytes()),
        remember_until: expires.plus(SKEW),
    })
}

fn may_sign(key: &Jwk, wanted: Option<&str>) -> bool {
    let is_for_signing = !matches!(
        key.common.public_key_use,
        Some(PublicKeyUse::Encryption | PublicKeyUse::Other(_))
    );
    // One without a name may be the one; one with another name is not.
    let is_named = match (wanted, key.common.key_id.as_deref()) {
        (Some(wanted), Some(id)) => wanted == id,
        _ => true,
    };
    is_for_signing && is_named
}

fn claims(text: &str, key: &Jwk, algorithm: Algorithm) -> Option<Claims> {
    let key = DecodingKey::from_jwk(key).ok()?;
    // The library refuses a key of another family than the algorithm's.
    let mut validation = Validation::new(algorithm);
    // Times are judged by our own clock, and the audience more strictly, above.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    decode(text, &key, &validation).ok().map(|data| data.claims)
}

#[cfg(test)]
mod tests;
