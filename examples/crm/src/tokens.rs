//! What makes an ID token or a logout token good, as functions.
//!
//! Sources: OpenID Connect Core 3.1.3.7 and Back-Channel Logout 2.6. Each check says
//! what somebody gains who gets past it.

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::Value;

/// How far clocks may differ, in seconds.
const LEEWAY: i64 = 60;

/// The oldest logout token that is taken, in seconds.
const OLDEST_LOGOUT: i64 = 5 * 60;

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
    /// It answers another sign-in.
    #[error("it belongs to another sign-in")]
    Nonce,
    /// It says nothing about a logout, or more than it may.
    #[error("it is no notice of a logout")]
    Event,
    /// It names neither session nor person.
    #[error("it names neither session nor person")]
    Nobody,
}

/// What an ID token says.
#[derive(Debug, Clone, Deserialize)]
pub struct IdToken {
    /// The person.
    pub sub: String,
    /// The session at the provider.
    pub sid: Option<String>,
    iss: String,
    aud: Value,
    azp: Option<String>,
    exp: i64,
    iat: i64,
    nonce: Option<String>,
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
    /// When it was made; what was signed in later lives on.
    pub iat: i64,
    iss: String,
    aud: Value,
    exp: i64,
    events: Value,
    nonce: Option<Value>,
}

/// The signed claims, if a published key has signed them.
fn verified<Claims: serde::de::DeserializeOwned>(
    token: &str,
    keys: &JwkSet,
    types: &[Option<&str>],
) -> Result<Claims, TokenProblem> {
    let header = decode_header(token).map_err(|_| TokenProblem::Kind)?;
    let kind = header.typ.as_deref().map(str::to_ascii_lowercase);
    // Else an ID token, which every page may hold, would log people out.
    if !types.contains(&kind.as_deref()) {
        return Err(TokenProblem::Kind);
    }
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
    // Time, issuer and audience are judged below, where each has a name.
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

/// Checks an ID token that came from the token endpoint.
pub fn check_id_token(
    token: &str,
    keys: &JwkSet,
    expected: Expected<'_>,
    nonce: &str,
) -> Result<IdToken, TokenProblem> {
    let claims: IdToken = verified(token, keys, &[None, Some("jwt")])?;
    if claims.iss != expected.issuer {
        return Err(TokenProblem::Issuer);
    }
    let several = matches!(&claims.aud, Value::Array(all) if all.len() > 1);
    let party = claims.azp.as_deref();
    if !is_for(&claims.aud, expected.client_id)
        || party.is_some_and(|party| party != expected.client_id)
        || (several && party.is_none())
    {
        return Err(TokenProblem::Audience);
    }
    if expected.now >= claims.exp + LEEWAY || claims.iat > expected.now + LEEWAY {
        return Err(TokenProblem::Time);
    }
    // Else a token of somebody else's sign-in could be slipped into this one.
    if claims.nonce.as_deref() != Some(nonce) {
        return Err(TokenProblem::Nonce);
    }
    Ok(claims)
}

/// Checks a logout token that anybody may have sent. That its `jti` was not used
/// before is for the caller to know.
pub fn check_logout_token(
    token: &str,
    keys: &JwkSet,
    expected: Expected<'_>,
) -> Result<LogoutToken, TokenProblem> {
    let claims: LogoutToken = verified(token, keys, &[Some("logout+jwt")])?;
    if claims.iss != expected.issuer {
        return Err(TokenProblem::Issuer);
    }
    if !is_for(&claims.aud, expected.client_id) {
        return Err(TokenProblem::Audience);
    }
    let now = expected.now;
    if now >= claims.exp + LEEWAY
        || claims.iat > now + LEEWAY
        || now - claims.iat > OLDEST_LOGOUT + LEEWAY
    {
        return Err(TokenProblem::Time);
    }
    if !claims
        .events
        .get(LOGOUT_EVENT)
        .is_some_and(Value::is_object)
    {
        return Err(TokenProblem::Event);
    }
    // An ID token has one, a logout token never.
    if claims.nonce.is_some() {
        return Err(TokenProblem::Event);
    }
    if claims.sub.is_none() && claims.sid.is_none() {
        return Err(TokenProblem::Nobody);
    }
    Ok(claims)
}

#[cfg(test)]
mod tests;
