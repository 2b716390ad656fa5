//! What apps can read of us (OpenID Connect Discovery 3, RFC 8414).
//!
//! Only what is true, and nothing that is empty (OIDC-01).

use jsonwebtoken::jwk::Jwk;
use nightlatch_domain::Timestamp;
use nightlatch_domain::grant::Scope;
use nightlatch_domain::relying_party::SigningAlgorithm;
use serde::Serialize;

use super::acr::ACR_VALUES;
use super::person::PersonClaim;
use crate::jose::KeySet;

/// Where the endpoints are, under the issuer.
pub mod paths {
    /// People are sent here.
    pub const AUTHORIZE: &str = "/oauth2/authorize";
    /// Codes and refresh tokens become tokens.
    pub const TOKEN: &str = "/oauth2/token";
    /// Who the person is.
    pub const USERINFO: &str = "/oauth2/userinfo";
    /// Whether a token is good.
    pub const INTROSPECT: &str = "/oauth2/introspect";
    /// Giving tokens back.
    pub const REVOKE: &str = "/oauth2/revoke";
    /// Our public keys.
    pub const JWKS: &str = "/oauth2/jwks";
    /// People are sent here to log out.
    pub const LOGOUT: &str = "/oauth2/logout";
    /// This document.
    pub const DISCOVERY: &str = "/.well-known/openid-configuration";
}

const WITH_SECRET: [&str; 3] = [
    "client_secret_basic",
    "client_secret_post",
    "private_key_jwt",
];
const WITH_OR_WITHOUT: [&str; 4] = [
    "client_secret_basic",
    "client_secret_post",
    "private_key_jwt",
    "none",
];

/// The document.
#[derive(Debug, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the document has them (Discovery 3)"
)]
pub struct Discovery {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: String,
    jwks_uri: String,
    revocation_endpoint: String,
    introspection_endpoint: String,
    end_session_endpoint: String,
    scopes_supported: Vec<&'static str>,
    response_types_supported: [&'static str; 1],
    response_modes_supported: [&'static str; 2],
    grant_types_supported: [&'static str; 2],
    acr_values_supported: [&'static str; 3],
    subject_types_supported: [&'static str; 1],
    id_token_signing_alg_values_supported: Vec<&'static str>,
    token_endpoint_auth_methods_supported: [&'static str; 4],
    token_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    revocation_endpoint_auth_methods_supported: [&'static str; 4],
    revocation_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    introspection_endpoint_auth_methods_supported: [&'static str; 3],
    introspection_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    claims_supported: Vec<&'static str>,
    code_challenge_methods_supported: [&'static str; 1],
    authorization_response_iss_parameter_supported: bool,
    backchannel_logout_supported: bool,
    backchannel_logout_session_supported: bool,
    claims_parameter_supported: bool,
    request_parameter_supported: bool,
    // The default is true.
    request_uri_parameter_supported: bool,
}

/// The document of this issuer.
pub fn discovery(issuer: &str) -> Discovery {
    let at = |path: &str| format!("{issuer}{path}");
    let algorithms = || SigningAlgorithm::ALL.map(SigningAlgorithm::name).to_vec();
    Discovery {
        issuer: issuer.to_owned(),
        authorization_endpoint: at(paths::AUTHORIZE),
        token_endpoint: at(paths::TOKEN),
        userinfo_endpoint: at(paths::USERINFO),
        jwks_uri: at(paths::JWKS),
        revocation_endpoint: at(paths::REVOKE),
        introspection_endpoint: at(paths::INTROSPECT),
        end_session_endpoint: at(paths::LOGOUT),
        scopes_supported: Scope::ALL.map(Scope::name).to_vec(),
        response_types_supported: ["code"],
        response_modes_supported: ["query", "form_post"],
        grant_types_supported: ["authorization_code", "refresh_token"],
        acr_values_supported: ACR_VALUES,
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: algorithms(),
        token_endpoint_auth_methods_supported: WITH_OR_WITHOUT,
        token_endpoint_auth_signing_alg_values_supported: algorithms(),
        revocation_endpoint_auth_methods_supported: WITH_OR_WITHOUT,
        revocation_endpoint_auth_signing_alg_values_supported: algorithms(),
        introspection_endpoint_auth_methods_supported: WITH_SECRET,
        introspection_endpoint_auth_signing_alg_values_supported: algorithms(),
        claims_supported: claims(),
        code_challenge_methods_supported: ["S256"],
        authorization_response_iss_parameter_supported: true,
        backchannel_logout_supported: true,
        backchannel_logout_session_supported: true,
        claims_parameter_supported: true,
        request_parameter_supported: false,
        request_uri_parameter_supported: false,
    }
}

/// What ID tokens and `userinfo` can say.
fn claims() -> Vec<&'static str> {
    let of_tokens = [
        "iss",
        "sub",
        "aud",
        "exp",
        "iat",
        "auth_time",
        "nonce",
        "acr",
        "amr",
        "sid",
        "at_hash",
    ];
    let of_people = PersonClaim::ALL.map(PersonClaim::name);
    of_tokens.into_iter().chain(of_people).collect()
}

/// Our public keys (RFC 7517 section 5).
#[derive(Debug, Serialize)]
pub struct PublishedKeys<'a> {
    keys: Vec<&'a Jwk>,
}

/// The keys that apps should know now.
pub fn published(keys: &KeySet, now: Timestamp) -> PublishedKeys<'_> {
    PublishedKeys {
        keys: keys.published(now),
    }
}
