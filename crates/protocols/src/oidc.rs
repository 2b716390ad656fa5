//! The messages of OpenID Connect, without HTTP.

pub mod acr;
pub mod authorize;
pub mod backchannel;
pub mod claims;
pub mod client_auth;
pub mod discovery;
pub mod end_session;
pub mod error;
pub mod id_token;
pub mod introspect;
pub mod parameters;
pub mod person;
pub mod refusal;
pub mod revoke;
pub mod token;
pub mod userinfo;

use std::fmt;
use std::sync::Arc;

use nightlatch_flows::Moment;
use nightlatch_flows::sealing::Sealer;
use nightlatch_flows::token_key::TokenKey;
use nightlatch_storage::Store;

use crate::signing_keys::SigningKeys;

/// What the endpoints that apps call work with.
#[derive(Clone, Copy)]
pub struct Provider<'a> {
    /// The database.
    pub store: &'a Store,
    /// Opens the keys that sign.
    pub sealer: &'a Sealer,
    /// Signs.
    pub signing: &'a SigningKeys,
    /// Makes and knows tokens.
    pub token_key: &'a Arc<TokenKey>,
    /// Who we are: `iss`, byte for byte the same everywhere (OIDC-01).
    pub issuer: &'a str,
    /// The present moment.
    pub moment: &'a Moment,
}

impl fmt::Debug for Provider<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Provider")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}
