//! Giving a token back (RFC 7009).

use std::sync::Arc;

use nightlatch_flows::grants::give_back;
use nightlatch_flows::token_key::Presented;
use nightlatch_storage::StorageError;

use super::parameters::Parameters;
use super::refusal::{EndpointError, Refusal};
use super::{Provider, client_auth};

/// Answers a request to the revocation endpoint. A token that is unknown, over or
/// another app's is answered like one that was given back (TOK-06).
pub async fn revoke(
    provider: &Provider<'_>,
    authorization: Option<&str>,
    parameters: &Parameters,
) -> Result<(), EndpointError> {
    let client = client_auth::authenticate(provider, authorization, parameters).await?;
    let text = parameters
        .get("token")
        .ok_or(Refusal::request("token is missing."))?;
    let Some(presented) = Presented::parse(text) else {
        return Ok(());
    };
    let (moment, key) = (provider.moment.clone(), Arc::clone(provider.token_key));
    let id = client.id;
    // Like any log-out it goes before other writes.
    provider
        .store
        .write_ending::<_, StorageError, _>(move |tx| {
            give_back(tx, &moment, &key, (id, &presented))
        })
        .await?;
    Ok(())
}
