//! Who the person is (OpenID Connect Core 5.3).

use std::sync::Arc;

use nightlatch_domain::grant::Scope;
use nightlatch_flows::grants::{HeldAccess, find_access};
use nightlatch_flows::token_key::Presented;
use nightlatch_storage::StorageError;
use serde::Serialize;

use super::Provider;

/// What the token's scopes let an app know. Only what we know: addresses were
/// entered by whoever runs the organization, and whether they were verified is not
/// recorded, so nothing is said about it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct UserInfo {
    sub: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
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
    Ok(found.map_or(Err(BearerProblem::Invalid), |access| claims(&access)))
}

fn claims(access: &HeldAccess) -> Result<UserInfo, BearerProblem> {
    let (scopes, user) = (access.held.scopes, &access.user);
    if !scopes.has(Scope::OpenId) {
        return Err(BearerProblem::InsufficientScope);
    }
    Ok(UserInfo {
        sub: user.id.to_string(),
        name: scopes.has(Scope::Profile).then(|| user.name.clone()),
        email: scopes.has(Scope::Email).then(|| user.email.to_string()),
    })
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
