//! What makes a logout token good, as one function (Back-Channel Logout 2.6).
//!
//! Anybody can send one: the address is public. Each check says what somebody gains
//! who gets past it. The signature is verified by `jsonwebtoken`.

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// How far clocks may differ, in seconds.
const LEEWAY: i64 = 60;

/// The oldest logout token that is taken, in seconds.
const OLDEST: i64 = 5 * 60;

/// The event of a logout token.
const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// What this app accepts with a signature.
const ALGORITHMS: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];

/// Whom tokens come from and are for.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// `iss`, letter by letter.
    pub issuer: &'a str,
    /// `aud`: this app.
    pub client_id: &'a str,
    /// Seconds since 1970.
    pub now: i64,
}

/// Why a token is not good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenProblem {
    /// It cannot be read, or is of another kind.
    #[error("it is no token of this kind")]
    Kind,
    /// It names no key of the provider.
    #[error("it names a key that the provider does not publish")]
    UnknownKey,
    /// The signature is wrong.
    #[error("its signature is wrong")]
    Signature,
    /// It comes from elsewhere.
    #[error("it was issued by somebody else")]
    Issuer,
    /// It is for another app.
    #[error("it is for another app")]
    Audience,
    /// It is over, or not yet.
    #[error("its time is over, or has not come")]
    Time,
    /// It says nothing about a logout, or more than it may.
    #[error("it is no notice of a logout")]
    Event,
    /// It names neither session nor person.
    #[error("it names neither session nor person")]
    Nobody,
}

/// What a logout token says.
#[derive(Debug, Clone, Deserialize)]
pub struct LogoutToken {
    /// The person, if everything of theirs ended.
    pub sub: Option<String>,
    /// The session that ended.
    pub sid: Option<String>,
    /// Names this notice; used once.
    pub jti: String,
    /// When it was made, in seconds since 1970.
    pub iat: i64,
    /// When the session ended, where the provider says it: a notice that is sent again
    /// is made anew, and later than what it is about.
    pub toe: Option<i64>,
    iss: String,
    aud: Value,
    exp: i64,
    events: Value,
    #[serde(default, deserialize_with = "present")]
    nonce: bool,
}

impl LogoutToken {
    /// What was authenticated later than this lives on (BCL-07).
    pub fn ended_at(&self) -> i64 {
        self.toe.map_or(self.iat, |toe| toe.min(self.iat))
    }
}

/// Whether there is a claim at all; `null` is one, too.
fn present<'de, D: Deserializer<'de>>(claim: D) -> Result<bool, D::Error> {
    serde::de::IgnoredAny::deserialize(claim).map(|_| true)
}

/// Checks a logout token that anybody may have sent. That its `jti` was not used
/// before is for the caller to know.
pub fn check(
    token: &str,
    keys: &JwkSet,
    expected: Expected<'_>,
) -> Result<LogoutToken, TokenProblem> {
    let claims = verified(token, keys)?;
    if claims.iss != expected.issuer {
        return Err(TokenProblem::Issuer);
    }
    // Else a notice for one app would end sessions in another.
    if !is_for(&claims.aud, expected.client_id) {
        return Err(TokenProblem::Audience);
    }
    // Else a token that was overheard once would work for ever.
    let now = expected.now;
    if now >= claims.exp + LEEWAY || claims.iat > now + LEEWAY || now - claims.iat > OLDEST + LEEWAY
    {
        return Err(TokenProblem::Time);
    }
    let event = claims.events.get(LOGOUT_EVENT);
    if !event.is_some_and(Value::is_object) {
        return Err(TokenProblem::Event);
    }
    // An ID token has one, a logout token never.
    if claims.nonce {
        return Err(TokenProblem::Event);
    }
    if claims.sub.is_none() && claims.sid.is_none() {
        return Err(TokenProblem::Nobody);
    }
    Ok(claims)
}

/// The claims, if a published key has signed them.
fn verified(token: &str, keys: &JwkSet) -> Result<LogoutToken, TokenProblem> {
    let header = decode_header(token).map_err(|_| TokenProblem::Kind)?;
    // Else an ID token, which every page may hold, would log people out.
    let kind = header.typ.as_deref().unwrap_or_default();
    if !kind.eq_ignore_ascii_case("logout+jwt") {
        return Err(TokenProblem::Kind);
    }
    // Else a token could be "signed" with what everybody knows: nothing, or a public key.
    if !ALGORITHMS.contains(&header.alg) {
        return Err(TokenProblem::Signature);
    }
    let key_id = header.kid.as_deref().ok_or(TokenProblem::UnknownKey)?;
    let key = keys.find(key_id).ok_or(TokenProblem::UnknownKey)?;
    // The key's own algorithm: the token must not choose (RFC 8725 section 3.1).
    let published = key.common.key_algorithm.map(|one| one.to_string());
    if published.is_some_and(|name| name != format!("{:?}", header.alg)) {
        return Err(TokenProblem::Signature);
    }
    let key = DecodingKey::from_jwk(key).map_err(|_| TokenProblem::UnknownKey)?;
    let mut validation = Validation::new(header.alg);
    // Time, issuer and audience are judged above, where each has a name.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    decode(token, &key, &validation)
        .map(|data| data.claims)
        .map_err(|_| TokenProblem::Signature)
}

fn is_for(audience: &Value, client_id: &str) -> bool {
    match audience {
        Value::String(one) => one == client_id,
        Value::Array(several) => several.iter().any(|one| one == client_id),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
