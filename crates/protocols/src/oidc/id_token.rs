//! ID tokens (OpenID Connect Core 2).
//!
//! They say that somebody signed in, when and how, and in which session; they name
//! nobody, since they travel through addresses and logs (B8). Names come from
//! `userinfo`, unless the app asked for single claims here, or was registered as one
//! that reads nothing else.

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nightlatch_domain::Timestamp;
use nightlatch_domain::relying_party::{RelyingParty, SigningAlgorithm};
use nightlatch_flows::grants::{Described, Issued};
use serde::Serialize;

use super::Provider;
use super::acr::amr;
use super::authorize::RememberedRequest;
use super::person::PersonClaims;
use super::refusal::EndpointError;
use crate::jose::TokenType;
use crate::signing_keys::SigningKeysError;

/// The claims.
#[derive(Debug, Serialize)]
struct Claims<'a> {
    iss: &'a str,
    /// Never reassigned and no address (OIDC-14).
    sub: String,
    aud: String,
    exp: i64,
    iat: i64,
    /// The last active authentication; always there (OIDC-11).
    auth_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    acr: String,
    amr: Vec<&'static str>,
    sid: String,
    at_hash: String,
    #[serde(flatten)]
    person: PersonClaims,
}

/// Signs the ID token that goes with other tokens. A refresh has no `nonce`: it
/// answers no request of a browser (Core 12.2).
pub async fn sign(
    provider: &Provider<'_>,
    client: &RelyingParty,
    (issued, person): (&Issued, &Described),
    nonce: Option<&str>,
) -> Result<String, EndpointError> {
    let algorithm = client.registration.signing_algorithm;
    let now = provider.moment.now;
    let grant = &issued.grant;
    let asked = RememberedRequest::of(grant)?;
    let by_scope = client.registration.claims_in_id_token;
    let claims = Claims {
        iss: provider.issuer,
        sub: grant.user_id.to_string(),
        aud: client.id.to_string(),
        exp: seconds(now.plus(client.registration.lifetimes.id_token())),
        iat: seconds(now),
        auth_time: seconds(grant.authenticated_at),
        nonce,
        acr: asked.acr_of(&grant.proofs),
        amr: amr(&grant.proofs),
        sid: grant.session_id.to_string(),
        at_hash: at_hash(algorithm, &issued.access_token),
        person: PersonClaims::of(person, |claim| {
            asked.claims.id_token.contains_key(claim.name())
                || by_scope && issued.scopes.has(claim.scope())
        }),
    };
    let keys = provider
        .signing
        .for_signing(provider.store, provider.sealer, provider.moment, algorithm)
        .await?;
    let signed = keys.sign(algorithm, TokenType::Id, &claims, now);
    Ok(signed.map_err(SigningKeysError::from)?)
}

/// Binds the access token to the ID token: the left half of its digest, with the
/// hash of the signature (Core 3.1.3.6). Ed25519 hashes with SHA-512 inside.
fn at_hash(algorithm: SigningAlgorithm, access_token: &str) -> String {
    let hash = match algorithm {
        SigningAlgorithm::Rs256 | SigningAlgorithm::Es256 => &SHA256,
        SigningAlgorithm::EdDsa => &SHA512,
    };
    let whole = digest(hash, access_token.as_bytes());
    let bytes = whole.as_ref();
    let (left, _) = bytes.split_at(bytes.len() / 2);
    URL_SAFE_NO_PAD.encode(left)
}

/// Seconds since the epoch, as JWT counts.
pub(super) fn seconds(at: Timestamp) -> i64 {
    at.milliseconds().div_euclid(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Core, appendix A.3.
    #[test]
    fn at_hash_is_the_left_half_of_the_digest() {
        let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        let hashed = at_hash(SigningAlgorithm::Rs256, token);
        assert_eq!(hashed, "77QmUPtjPfzWtF2AnpK9RQ");
        assert_eq!(at_hash(SigningAlgorithm::EdDsa, token).len(), 43);
    }
}
