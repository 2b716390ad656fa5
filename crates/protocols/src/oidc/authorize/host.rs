//! Requests for protected hosts: our own, in the form in which apps send theirs, so
//! that everything that people do on the way into an app is there once.
//!
//! The state that the browser keeps on the host stands in the place of PKCE's
//! verifier: a code is worth nothing in any other browser (login CSRF).

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nightlatch_domain::grant::Scopes;
use nightlatch_domain::relying_party::protection::{ProtectedHost, RequiredLevel};
use nightlatch_domain::secret::Token;
use nightlatch_flows::protected::HostRule;
use nightlatch_storage::StorageError;

use super::request::HostRequest;
use super::{AuthorizationRequest, Course, Endpoint, RememberedRequest, ResponseMode, wait};
use crate::oidc::acr::{PHISHING_RESISTANT, TWO_FACTOR};
use crate::oidc::authorize::request::Prompt;
use crate::oidc::claims::{Claims, Wish};

/// Lets a request for a host wait; the token leads to it. `state` is what the browser
/// keeps on the host, `return_to` a path there that was checked.
pub async fn begin(
    endpoint: Endpoint<'_>,
    rule: &HostRule,
    host: &ProtectedHost,
    state: &Token,
    return_to: String,
) -> Result<Token, StorageError> {
    let request = AuthorizationRequest {
        client_id: rule.client_id,
        redirect_uri: host.callback(),
        response_mode: ResponseMode::Query,
        scopes: Scopes::default(),
        state: None,
        nonce: None,
        challenge: Some(challenge(state)),
        prompt: Prompt::default(),
        max_age: rule.protection.proof_age_seconds.map(u64::from),
        login_hint: None,
        subject: None,
        claims: claims(rule.protection.level),
        acr_values: Vec::new(),
        host: Some(HostRequest { return_to }),
    };
    let course = Course {
        request,
        chosen: None,
        asked_at: endpoint.moment.now,
        token: None,
    };
    wait(endpoint, &course).await
}

/// Where the person was going, as a code remembers it.
pub fn return_to(remembered: &str) -> Option<String> {
    let remembered: RememberedRequest = serde_json::from_str(remembered).ok()?;
    remembered.return_to
}

/// S256 of the verifier (RFC 7636 section 4.2).
fn challenge(state: &Token) -> String {
    let hashed = digest(&SHA256, state.reveal().as_bytes());
    URL_SAFE_NO_PAD.encode(hashed.as_ref())
}

fn claims(level: RequiredLevel) -> Claims {
    let wish = Wish {
        essential: true,
        values: vec![TWO_FACTOR.to_owned(), PHISHING_RESISTANT.to_owned()],
    };
    Claims {
        id_token: match level {
            RequiredLevel::Any => BTreeMap::new(),
            RequiredLevel::SecondFactor => BTreeMap::from([("acr".to_owned(), wish)]),
        },
        userinfo: BTreeMap::new(),
    }
}
