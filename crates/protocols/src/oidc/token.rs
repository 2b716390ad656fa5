//! The token endpoint (RFC 6749 section 3.2).

use std::sync::Arc;

use nightlatch_domain::grant::{Scope, Scopes};
use nightlatch_domain::relying_party::RelyingParty;
use nightlatch_domain::secret::Token;
use nightlatch_flows::grants::{
    CodeUse, Described, ExchangeOutcome, Issued, RefreshOutcome, exchange, refresh,
};
use nightlatch_flows::token_key::Presented;
use nightlatch_storage::StorageError;
use serde::Serialize;

use super::parameters::Parameters;
use super::refusal::{EndpointError, Refusal, RefusalCode};
use super::{Provider, client_auth, id_token};

/// Verifiers shorter than this are refused, and longer ones than the next (RFC 7636
/// section 4.1).
const SHORTEST_VERIFIER: usize = 43;
const LONGEST_VERIFIER: usize = 128;

/// What an app is given.
#[derive(Debug, Serialize)]
pub struct TokenResponse {
    access_token: String,
    token_type: &'static str,
    /// How long the access token is good, in seconds.
    expires_in: u32,
    refresh_token: String,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
}

/// One answer for whatever is not good, so that nothing can be learned from it.
const NOT_GOOD: Refusal = Refusal::new(
    RefusalCode::InvalidGrant,
    "This is not good for this client, or no longer. Send the person through the sign-in again.",
);

/// Answers a request to the token endpoint.
pub async fn token(
    provider: &Provider<'_>,
    authorization: Option<&str>,
    parameters: &Parameters,
) -> Result<TokenResponse, EndpointError> {
    let client = client_auth::authenticate(provider, authorization, parameters).await?;
    match parameters.get("grant_type") {
        Some("authorization_code") => by_code(provider, &client, parameters).await,
        Some("refresh_token") => by_refresh(provider, &client, parameters).await,
        Some(_) => Err(Refusal::new(
            RefusalCode::UnsupportedGrantType,
            "grant_type must be authorization_code or refresh_token.",
        )
        .into()),
        None => Err(Refusal::request("grant_type is missing.").into()),
    }
}

async fn by_code(
    provider: &Provider<'_>,
    client: &RelyingParty,
    parameters: &Parameters,
) -> Result<TokenResponse, EndpointError> {
    let need = |name, missing| parameters.get(name).ok_or(Refusal::request(missing));
    let code = need("code", "code is missing.")?;
    let redirect_uri = need("redirect_uri", "redirect_uri is missing.")?;
    let verifier = parameters.get("code_verifier");
    if verifier.is_none() && !client.registration.without_pkce {
        return Err(Refusal::request(
            "code_verifier is missing; every code here was asked for with a code_challenge.",
        )
        .into());
    }
    if !verifier.is_none_or(is_verifier) {
        return Err(Refusal::request(
            "code_verifier must be 43 to 128 letters, digits, hyphens, periods, underscores or tildes.",
        )
        .into());
    }
    let presented = CodeUse {
        client: client.id,
        code: Token::parse(code).ok_or(NOT_GOOD)?,
        redirect_uri: redirect_uri.to_owned(),
        verifier: verifier.map(str::to_owned),
    };
    let (moment, key) = (provider.moment.clone(), Arc::clone(provider.token_key));
    let outcome = provider
        .store
        .write::<_, StorageError, _>(move |tx| exchange(tx, &moment, &key, &presented))
        .await?;
    match outcome {
        ExchangeOutcome::Exchanged(done) => {
            let whose = (done.issued, &done.person);
            respond(provider, &done.client, whose, done.nonce.as_deref()).await
        }
        ExchangeOutcome::Refused(why) => {
            tracing::info!(app = %client.id, why, "a code was refused");
            Err(NOT_GOOD.into())
        }
        ExchangeOutcome::UsedBefore => Err(NOT_GOOD.into()),
    }
}

fn is_verifier(text: &str) -> bool {
    (SHORTEST_VERIFIER..=LONGEST_VERIFIER).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

async fn by_refresh(
    provider: &Provider<'_>,
    client: &RelyingParty,
    parameters: &Parameters,
) -> Result<TokenResponse, EndpointError> {
    let text = parameters
        .get("refresh_token")
        .ok_or(Refusal::request("refresh_token is missing."))?;
    let presented = Presented::parse(text).ok_or(NOT_GOOD)?;
    let wanted = parameters.get("scope").map(Scopes::parse);
    let (moment, key) = (provider.moment.clone(), Arc::clone(provider.token_key));
    let id = client.id;
    let outcome = provider
        .store
        .write::<_, StorageError, _>(move |tx| refresh(tx, &moment, &key, id, (&presented, wanted)))
        .await?;
    match outcome {
        RefreshOutcome::Refreshed(done) => {
            respond(provider, &done.client, (done.issued, &done.person), None).await
        }
        RefreshOutcome::ScopeTooWide => Err(Refusal::new(
            RefusalCode::InvalidScope,
            "scope asks for more than was granted.",
        )
        .into()),
        RefreshOutcome::Refused | RefreshOutcome::Reused => Err(NOT_GOOD.into()),
    }
}

async fn respond(
    provider: &Provider<'_>,
    client: &RelyingParty,
    (issued, person): (Issued, &Described),
    nonce: Option<&str>,
) -> Result<TokenResponse, EndpointError> {
    let id_token = if issued.scopes.has(Scope::OpenId) {
        Some(id_token::sign(provider, client, (&issued, person), nonce).await?)
    } else {
        None
    };
    Ok(TokenResponse {
        access_token: issued.access_token,
        token_type: "Bearer",
        expires_in: client.registration.lifetimes.access_token_seconds,
        refresh_token: issued.refresh_token,
        scope: issued.scopes.to_string(),
        id_token,
    })
}
