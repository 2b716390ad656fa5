//! What apps are told about a person (OpenID Connect Core 5.1, 5.4, 5.5).
//!
//! Only what we know. There is no user name here besides the address, so nothing is
//! said as `preferred_username`; nor is anything known of languages or time zones.
//! `email_verified` is said when a link that went to the address was opened, and left
//! out otherwise: an address that an administrator entered is not proved, and `false`
//! would turn people away at apps that look at nothing else.

use nightlatch_domain::grant::{Scope, Scopes};
use nightlatch_flows::grants::Described;
use serde::Serialize;

use super::claims::Wish;
use super::id_token::seconds;

/// A claim about a person that we can make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonClaim {
    /// `name`.
    Name,
    /// `updated_at`.
    UpdatedAt,
    /// `email`.
    Email,
    /// `email_verified`.
    EmailVerified,
}

impl PersonClaim {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Name,
        Self::UpdatedAt,
        Self::Email,
        Self::EmailVerified,
    ];

    /// The name in the protocol.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::UpdatedAt => "updated_at",
            Self::Email => "email",
            Self::EmailVerified => "email_verified",
        }
    }

    /// The scope that asks for it together with others. Asking for it by name takes the
    /// same consent.
    pub const fn scope(self) -> Scope {
        match self {
            Self::Name | Self::UpdatedAt => Scope::Profile,
            Self::Email | Self::EmailVerified => Scope::Email,
        }
    }

    /// The scopes that wishes for single claims amount to.
    pub fn scopes_of<'a>(wishes: impl Iterator<Item = (&'a String, &'a Wish)>) -> Scopes {
        wishes
            .filter_map(|(name, _)| Self::ALL.into_iter().find(|claim| claim.name() == name))
            .fold(Scopes::default(), |scopes, claim| {
                scopes.with(claim.scope())
            })
    }
}

/// Claims about a person.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct PersonClaims {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
}

impl PersonClaims {
    /// Those of a person that are wanted.
    pub fn of(person: &Described, wanted: impl Fn(PersonClaim) -> bool) -> Self {
        let (user, vouched) = (&person.user, person.vouched);
        Self {
            name: wanted(PersonClaim::Name).then(|| user.name.clone()),
            updated_at: wanted(PersonClaim::UpdatedAt).then(|| seconds(vouched.updated_at)),
            email: wanted(PersonClaim::Email).then(|| user.email.to_string()),
            email_verified: vouched
                .email_verified_at
                .filter(|_| wanted(PersonClaim::EmailVerified))
                .map(|_| true),
        }
    }
}
