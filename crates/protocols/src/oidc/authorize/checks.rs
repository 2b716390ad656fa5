//! What is checked of an authorization request, in this order.
//!
//! The first checks decide whether it is certain who asks and where the answer
//! goes. Only once all of them passed may an error be sent to the app (OIDC-03);
//! a test keeps the two kinds apart.

use nightlatch_domain::grant::{Scope, Scopes};
use nightlatch_domain::ids::UserId;
use nightlatch_domain::relying_party::{RelyingParty, RelyingPartyStatus};
use serde::Deserialize;

use super::request::{KNOWN, Parameters, Prompt, ResponseMode};
use crate::jose::{KeySet, TokenType};
use crate::oidc::claims::Claims;
use crate::oidc::error::OidcError;

/// What the checks look at.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The request.
    pub parameters: &'a Parameters,
    /// The app that it names, if there is one.
    pub client: Option<&'a RelyingParty>,
    /// Our own keys: a hint must be a token of ours.
    pub keys: &'a KeySet,
    /// Our own name in tokens.
    pub issuer: &'a str,
}

/// One check.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// The requirement that it keeps.
    pub requirement: &'static str,
    /// Judges.
    pub judge: fn(&Asked<'_>) -> Result<(), OidcError>,
}

const fn check(requirement: &'static str, judge: fn(&Asked<'_>) -> Result<(), OidcError>) -> Check {
    Check { requirement, judge }
}

/// How many of [`CHECKS`] come before anything may be sent to the app.
pub const UNTIL_TRUSTED: usize = 5;

/// All checks, in the order in which they are made.
pub const CHECKS: [Check; 17] = [
    check("OIDC-03", is_short_enough),
    check("OIDC-03", names_its_app_once),
    check("OIDC-03", is_of_a_known_app),
    check("OIDC-03", is_of_an_active_app),
    check("OIDC-03", has_a_registered_address),
    check("OIDC-15", repeats_nothing),
    check("OIDC-15", brings_no_request_object),
    check("OIDC-15", refers_to_no_request_object),
    check("OIDC-15", registers_nothing),
    check("OIDC-02", asks_for_a_code),
    check("OIDC-02", asks_for_a_known_mode),
    check("OIDC-04", has_a_challenge),
    check("OIDC-15", asks_for_openid),
    check("OIDC-09", has_a_sound_prompt),
    check("OIDC-10", has_a_sound_age),
    check("OIDC-12", has_sound_claims),
    check("OIDC-13", hints_with_a_token_of_ours),
];

/// Makes all checks; the first that fails decides.
pub fn judge(asked: &Asked<'_>) -> Result<(), OidcError> {
    CHECKS.iter().try_for_each(|check| (check.judge)(asked))
}

fn is_short_enough(asked: &Asked<'_>) -> Result<(), OidcError> {
    refuse_if(asked.parameters.is_too_long(), OidcError::TooLong)
}

fn names_its_app_once(asked: &Asked<'_>) -> Result<(), OidcError> {
    let twice = ["client_id", "redirect_uri"]
        .iter()
        .any(|name| asked.parameters.is_repeated(name));
    refuse_if(twice, OidcError::AmbiguousClient)
}

fn is_of_a_known_app(asked: &Asked<'_>) -> Result<(), OidcError> {
    refuse_if(asked.client.is_none(), OidcError::UnknownClient)
}

fn is_of_an_active_app(asked: &Asked<'_>) -> Result<(), OidcError> {
    let is_active = asked
        .client
        .is_some_and(|client| client.status == RelyingPartyStatus::Active);
    refuse_if(!is_active, OidcError::WithdrawnClient)
}

fn has_a_registered_address(asked: &Asked<'_>) -> Result<(), OidcError> {
    let Some(address) = asked.parameters.get("redirect_uri") else {
        return Err(OidcError::MissingRedirectUri);
    };
    let is_registered = asked
        .client
        .is_some_and(|client| client.registration.is_redirect_uri(address));
    refuse_if(!is_registered, OidcError::UnregisteredRedirectUri)
}

fn repeats_nothing(asked: &Asked<'_>) -> Result<(), OidcError> {
    let repeats = KNOWN.iter().any(|name| asked.parameters.is_repeated(name));
    let error = OidcError::InvalidRequest("a parameter came more than once");
    refuse_if(repeats, error)
}

fn brings_no_request_object(asked: &Asked<'_>) -> Result<(), OidcError> {
    let brings = asked.parameters.get("request").is_some();
    refuse_if(brings, OidcError::RequestNotSupported)
}

fn refers_to_no_request_object(asked: &Asked<'_>) -> Result<(), OidcError> {
    let refers = asked.parameters.get("request_uri").is_some();
    refuse_if(refers, OidcError::RequestUriNotSupported)
}

fn registers_nothing(asked: &Asked<'_>) -> Result<(), OidcError> {
    let registers = asked.parameters.get("registration").is_some();
    refuse_if(registers, OidcError::RegistrationNotSupported)
}

fn asks_for_a_code(asked: &Asked<'_>) -> Result<(), OidcError> {
    match asked.parameters.get("response_type") {
        None => Err(OidcError::InvalidRequest("response_type is missing")),
        Some(kind) => refuse_if(kind != "code", OidcError::UnsupportedResponseType),
    }
}

fn asks_for_a_known_mode(asked: &Asked<'_>) -> Result<(), OidcError> {
    let error = OidcError::InvalidRequest("response_mode must be query or form_post");
    refuse_if(ResponseMode::of(asked.parameters).is_none(), error)
}

/// From every client, also from one with a secret, unless it was registered as one that
/// knows nothing of it: without it, a code that somebody
/// else got hold of could be put into a sign-in that they began (BCP 2.1.1).
fn has_a_challenge(asked: &Asked<'_>) -> Result<(), OidcError> {
    let method = asked.parameters.get("code_challenge_method");
    let Some(challenge) = asked.parameters.get("code_challenge") else {
        let may = asked
            .client
            .is_some_and(|client| client.registration.without_pkce);
        if may && method.is_none() {
            return Ok(());
        }
        return Err(OidcError::InvalidRequest(
            "code_challenge is missing: PKCE is required",
        ));
    };
    // Missing means `plain`, which shows the verifier to whoever sees the address.
    let error = OidcError::InvalidRequest("code_challenge_method must be S256");
    refuse_if(method != Some("S256"), error)?;
    let is_digest = challenge.len() == 43
        && challenge
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    let error = OidcError::InvalidRequest("code_challenge must be a SHA-256 in base64url");
    refuse_if(!is_digest, error)
}

fn asks_for_openid(asked: &Asked<'_>) -> Result<(), OidcError> {
    let scope = asked.parameters.get("scope").unwrap_or_default();
    let has = Scopes::parse(scope).has(Scope::OpenId);
    refuse_if(!has, OidcError::InvalidScope)
}

fn has_a_sound_prompt(asked: &Asked<'_>) -> Result<(), OidcError> {
    let prompt = asked.parameters.get("prompt").unwrap_or_default();
    let error = OidcError::InvalidRequest(
        "prompt must be none alone, or some of login, consent and select_account",
    );
    refuse_if(Prompt::parse(prompt).is_none(), error)
}

fn has_a_sound_age(asked: &Asked<'_>) -> Result<(), OidcError> {
    let is_number = asked
        .parameters
        .get("max_age")
        .is_none_or(|text| text.parse::<u64>().is_ok());
    let error = OidcError::InvalidRequest("max_age must be a number of seconds");
    refuse_if(!is_number, error)
}

fn has_sound_claims(asked: &Asked<'_>) -> Result<(), OidcError> {
    let Some(text) = asked.parameters.get("claims") else {
        return Ok(());
    };
    let error = OidcError::InvalidRequest("claims is not what OpenID Connect Core 5.5 describes");
    let claims = Claims::parse(text).ok_or(error)?;
    let subject = claims.in_id_token("sub");
    // A subject that is none of ours is somebody else in any case.
    let is_ours = subject
        .and_then(|wish| wish.values.first())
        .is_none_or(|subject| subject.parse::<UserId>().is_ok());
    refuse_if(!is_ours, OidcError::LoginRequired)
}

fn hints_with_a_token_of_ours(asked: &Asked<'_>) -> Result<(), OidcError> {
    let Some(hinted) = hinted(asked)? else {
        return Ok(());
    };
    let claims = asked.parameters.get("claims").and_then(Claims::parse);
    let subject = claims.as_ref().and_then(|claims| claims.in_id_token("sub"));
    let wished = subject.and_then(|wish| wish.values.first());
    // Nobody is both, whichever of the two the app would look at (Core 5.5.1).
    let is_another = wished.is_some_and(|wished| wished.parse() != Ok(hinted));
    refuse_if(is_another, OidcError::LoginRequired)
}

#[derive(Deserialize)]
struct Hint {
    iss: String,
    sub: String,
}

/// Whom `id_token_hint` names. Signed by us is enough: how old it is says nothing
/// about whose it is (OIDC-13).
pub(super) fn hinted(asked: &Asked<'_>) -> Result<Option<UserId>, OidcError> {
    let Some(token) = asked.parameters.get("id_token_hint") else {
        return Ok(None);
    };
    let error = OidcError::InvalidRequest("id_token_hint is no ID token of this server");
    let verified = asked.keys.verify::<Hint>(TokenType::Id, token);
    let hint = verified.map_err(|_| error)?.claims;
    if hint.iss != asked.issuer {
        return Err(error);
    }
    hint.sub.parse().map(Some).map_err(|_| error)
}

fn refuse_if(is_wrong: bool, error: OidcError) -> Result<(), OidcError> {
    if is_wrong { Err(error) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
