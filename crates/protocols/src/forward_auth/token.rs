//! The signed variant of the identity headers, for apps that want to check that a
//! request came through the proxy and speaks for a live session.

use std::time::Duration;

use nightlatch_domain::Timestamp;
use nightlatch_domain::relying_party::SigningAlgorithm;
use nightlatch_flows::protected::{HostFacts, HostRule};
use serde::Serialize;

use crate::jose::{JoseError, KeySet, TokenType};

/// How long one is good: as long as a request may be on its way. It is no session.
pub const LIFE: Duration = Duration::from_mins(1);

/// How they are signed: the fastest of the three, since each request gets one.
pub const ALGORITHM: SigningAlgorithm = SigningAlgorithm::EdDsa;

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: String,
    aud: String,
    sid: String,
    iat: i64,
    exp: i64,
    auth_time: i64,
    email: &'a str,
    name: &'a str,
    groups: &'a [String],
}

/// Signs one for a request that may pass.
pub fn sign(
    keys: &KeySet,
    issuer: &str,
    (rule, facts): (&HostRule, &HostFacts),
    now: Timestamp,
) -> Result<String, JoseError> {
    let seconds = |at: Timestamp| at.milliseconds().div_euclid(1000);
    let claims = Claims {
        iss: issuer,
        sub: facts.user_id.to_string(),
        aud: rule.client_id.to_string(),
        sid: facts.session_id.to_string(),
        iat: seconds(now),
        exp: seconds(now.plus(LIFE)),
        auth_time: seconds(facts.proved_at),
        email: &facts.person.identity.email,
        name: &facts.person.identity.name,
        groups: &facts.person.identity.groups,
    };
    keys.sign(ALGORITHM, TokenType::Identity, &claims, now)
}
