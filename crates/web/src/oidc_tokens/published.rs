//! What anybody can read of us: the discovery document and our public keys.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use nightlatch_domain::relying_party::SigningAlgorithm;
use nightlatch_protocols::oidc::discovery;
use nightlatch_protocols::signing_keys::SigningKeysError;

use super::for_any_site;
use crate::failure::Failure;
use crate::state::App;

/// `GET /.well-known/openid-configuration`.
pub(crate) async fn configuration(State(app): State<Arc<App>>) -> Response {
    for_any_site(Json(discovery::discovery(app.public_url.origin())).into_response())
}

/// `GET /oauth2/jwks`: as they stand in the database, since another node may have
/// made the first key a moment ago and signed with it. Without a database, as they
/// were known last.
pub(crate) async fn keys(State(app): State<Arc<App>>) -> Result<Response, Failure> {
    let moment = app.moment();
    let known = app.signing.current();
    let mut keys = match app.signing.read_public(&app.store).await {
        Ok(keys) => Arc::new(keys),
        Err(_) if !known.published(moment.now).is_empty() => known,
        Err(error) => return Err(failed(error)),
    };
    if keys.published(moment.now).is_empty() {
        let algorithm = SigningAlgorithm::default();
        let made = app
            .signing
            .for_signing(&app.store, &app.sealer, &moment, algorithm);
        keys = made.await.map_err(failed)?;
    }
    let published = discovery::published(&keys, moment.now);
    Ok(for_any_site(Json(published).into_response()))
}

fn failed(error: SigningKeysError) -> Failure {
    match error {
        SigningKeysError::Storage(error) => error.into(),
        other => Failure::internal(other.to_string()),
    }
}
