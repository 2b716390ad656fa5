//! Whether a token is good, for the app that holds it (RFC 7662).

use std::sync::Arc;

use nightlatch_flows::grants::{Held, find_held};
use nightlatch_flows::token_key::Presented;
use nightlatch_storage::StorageError;
use serde::Serialize;

use super::authorize::RememberedRequest;
use super::id_token::seconds;
use super::parameters::Parameters;
use super::refusal::{EndpointError, Refusal};
use super::{Provider, client_auth};

/// The answer. Whatever is not good looks the same: `{"active":false}` (TOK-07).
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Introspection {
    /// Good, at this very moment.
    Active(Box<Active>),
    /// Not.
    Inactive {
        /// Always false.
        active: bool,
    },
}

/// What is said of a good token.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "the names of RFC 7662")]
pub struct Active {
    active: bool,
    iss: String,
    sub: String,
    aud: String,
    client_id: String,
    scope: String,
    sid: String,
    auth_time: i64,
    acr: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
}

/// Answers a request to the introspection endpoint. Its caller proves itself, and
/// learns only of its own tokens.
pub async fn introspect(
    provider: &Provider<'_>,
    authorization: Option<&str>,
    parameters: &Parameters,
) -> Result<Introspection, EndpointError> {
    let client =
        client_auth::authenticate_confidential(provider, authorization, parameters).await?;
    let text = parameters
        .get("token")
        .ok_or(Refusal::request("token is missing."))?;
    let Some(presented) = Presented::parse(text) else {
        return Ok(Introspection::Inactive { active: false });
    };
    let (moment, key) = (provider.moment.clone(), Arc::clone(provider.token_key));
    let held = provider
        .store
        .read::<_, StorageError, _>(move |tx| find_held(tx, &moment, &key, &presented))
        .await?;
    Ok(match held.filter(|held| held.client.id == client.id) {
        Some(held) => Introspection::Active(Box::new(describe(provider, &held)?)),
        None => Introspection::Inactive { active: false },
    })
}

fn describe(provider: &Provider<'_>, held: &Held) -> Result<Active, StorageError> {
    let grant = &held.grant;
    let client = held.client.id.to_string();
    Ok(Active {
        active: true,
        iss: provider.issuer.to_owned(),
        sub: grant.user_id.to_string(),
        aud: client.clone(),
        client_id: client,
        scope: held.scopes.to_string(),
        sid: grant.session_id.to_string(),
        auth_time: seconds(grant.authenticated_at),
        acr: RememberedRequest::of(grant)?.acr_of(&grant.proofs),
        token_type: held.access.map(|_| "Bearer"),
        iat: held.access.map(|(from, _)| seconds(from)),
        exp: held.access.map(|(_, until)| seconds(until)),
    })
}
