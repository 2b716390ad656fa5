//! Who the person is (OpenID Connect Core 5.3).

use std::sync::Arc;

use nightlatch_domain::grant::Scope;
use nightlatch_flows::grants::{HeldAccess, find_access};
use nightlatch_flows::token_key::Presented;
use nightlatch_storage::StorageError;
use serde::Serialize;

use super::Provider;
use super::authorize::RememberedRequest;
use super::person::PersonClaims;

/// What the token's scopes, and the claims that were asked for one by one, let an app
/// know.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct UserInfo {
    sub: String,
    #[serde(flatten)]
    person: PersonClaims,
}

/// Why there is no answer (RFC 6750 section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BearerProblem {
    /// None was sent: the answer names no error.
    Missing,
    /// It was sent in more than one way, or unreadably.
    Malformed,
    /// It is not good, or no longer.
    Invalid,
    /// It is good and allows something else.
    InsufficientScope,
}

impl BearerProblem {
    /// The header `WWW-Authenticate`.
    pub const fn challenge(self) -> &'static str {
        match self {
            Self::Missing => "Bearer realm=\"nightlatch\"",
            Self::Malformed => "Bearer realm=\"nightlatch\", error=\"invalid_request\"",
            Self::Invalid => "Bearer realm=\"nightlatch\", error=\"invalid_token\"",
            Self::InsufficientScope => {
                "Bearer realm=\"nightlatch\", error=\"insufficient_scope\", scope=\"openid\""
            }
        }
    }

    /// The status.
    pub const fn status(self) -> u16 {
        match self {
            Self::Missing | Self::Invalid => 401,
            Self::Malformed => 400,
            Self::InsufficientScope => 403,
        }
    }

    /// `error`, if one is named.
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::Missing => None,
            Self::Malformed => Some("invalid_request"),
            Self::Invalid => Some("invalid_token"),
            Self::InsufficientScope => Some("insufficient_scope"),
        }
    }
}

/// The token of a request: in the header or in the form, and not in both (RFC 6750
/// section 2). In an address it would end up in logs, and is not looked at.
pub fn bearer<'a>(
    authorization: Option<&'a str>,
    in_form: Option<&'a str>,
) -> Result<&'a str, BearerProblem> {
    let in_header = match authorization.map(|header| header.split_once(' ')) {
        None => None,
        Some(Some((scheme, token))) if scheme.eq_ignore_ascii_case("bearer") => Some(token.trim()),
        Some(_) => return Err(BearerProblem::Malformed),
    };
    match (in_header, in_form) {
        (Some(_), Some(_)) => Err(BearerProblem::Malformed),
        (Some(token), None) | (None, Some(token)) => Ok(token),
        (None, None) => Err(BearerProblem::Missing),
    }
}

/// Answers with what an access token lets its holder know. The outer error is the
/// database's, and never a refusal.
pub async fn userinfo(
    provider: &Provider<'_>,
    token: &str,
) -> Result<Result<UserInfo, BearerProblem>, StorageError> {
    let Some(presented) = Presented::parse(token) else {
        return Ok(Err(BearerProblem::Invalid));
    };
    let (moment, key) = (provider.moment.clone(), Arc::clone(provider.token_key));
    let found = provider
        .store
        .read::<_, StorageError, _>(move |tx| find_access(tx, &moment, &key, &presented))
        .await?;
    match found {
        Some(access) => claims(&access),
        None => Ok(Err(BearerProblem::Invalid)),
    }
}

fn claims(access: &HeldAccess) -> Result<Result<UserInfo, BearerProblem>, StorageError> {
    let scopes = access.held.scopes;
    if !scopes.has(Scope::OpenId) {
        return Ok(Err(BearerProblem::InsufficientScope));
    }
    let asked = RememberedRequest::of(&access.held.grant)?;
    Ok(Ok(UserInfo {
        sub: access.person.user.id.to_string(),
        person: PersonClaims::of(&access.person, |claim| {
            scopes.has(claim.scope()) || asked.claims.userinfo.contains_key(claim.name())
        }),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_sent_in_one_way() {
        assert_eq!(bearer(Some("Bearer x"), None), Ok("x"));
        assert_eq!(bearer(Some("bearer x"), None), Ok("x"));
        assert_eq!(bearer(None, Some("x")), Ok("x"));
        assert_eq!(bearer(None, None), Err(BearerProblem::Missing));
        for (header, form) in [("Bearer x", Some("x")), ("Basic x", None), ("Bearer", None)] {
            assert_eq!(bearer(Some(header), form), Err(BearerProblem::Malformed));
        }
    }
}
