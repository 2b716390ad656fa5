//! A person's account.
//!
//! Owns e-mail addresses, roles and whether an account may be used. What an
//! account can prove (its password, later its factors) is stored apart.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

use crate::ids::{OrganizationId, UserId};
use crate::time::Timestamp;

/// An e-mail address that looks deliverable: one `@`, something on both sides,
/// no spaces or control characters, at most 254 bytes (RFC 5321 4.5.3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// Reads an address as typed; surrounding spaces do not count.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (local, host) = text.rsplit_once('@')?;
        let plausible = text.len() <= 254
            && !local.is_empty()
            && !local.contains('@')
            && !host.is_empty()
            && !host.starts_with('.')
            && !host.ends_with('.')
            && !text
                .chars()
                .any(|c| c.is_whitespace() || c.is_control() || "<>\"(),;".contains(c));
        plausible.then(|| Self(text.nfc().collect()))
    }

    /// The address as the person writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What two spellings of one address share; unique in the deployment.
    pub fn key(&self) -> EmailKey {
        EmailKey(self.0.to_lowercase())
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The form in which addresses are compared and looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailKey(String);

impl EmailKey {
    /// The key of whatever was typed into a sign-in form, address or not: an
    /// impossible address must cost the same as an unknown one (AUTH-07).
    pub fn of_typed(text: &str) -> Self {
        Self(text.trim().nfc().collect::<String>().to_lowercase())
    }

    /// The key as stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a person may do in their organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything, and says who the other owners are. There is always one.
    Owner,
    /// Sets the rules, sees and ends everyone's sessions; has no say over owners.
    Administrator,
    /// Sees what administrators see, and changes nothing.
    Auditor,
    /// Has an account and nothing more.
    Member,
}

/// What something asks of whoever does it to an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    /// To see other people's things.
    Read,
    /// To change something.
    Administer,
    /// To decide over those who administer.
    Own,
}

impl Role {
    /// Every role, the one with most power first.
    pub const ALL: [Self; 4] = [
        Self::Owner,
        Self::Administrator,
        Self::Auditor,
        Self::Member,
    ];

    /// The stored and programmatic name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Administrator => "administrator",
            Self::Auditor => "auditor",
            Self::Member => "member",
        }
    }

    /// Reads a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// The one place that says what each role may do.
    pub const fn has(self, power: Power) -> bool {
        match self {
            Self::Owner => true,
            Self::Administrator => matches!(power, Power::Read | Power::Administer),
            Self::Auditor => matches!(power, Power::Read),
            Self::Member => false,
        }
    }

    /// Whether it may change something of an account that has the role `other`, or give
    /// or take that role. Administrators have no say over owners: one whose sign-in was
    /// stolen could make the thief an owner, or shut the owners out.
    pub const fn has_say_over(self, other: Self) -> bool {
        match other {
            Self::Owner => self.has(Power::Own),
            Self::Administrator | Self::Auditor | Self::Member => self.has(Power::Administer),
        }
    }
}

/// Whether an account may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserStatus {
    /// May sign in.
    Active,
    /// Kept, but nobody can sign in with it.
    Disabled,
    /// Removed; only a nameless row remains, for what the history refers to.
    Deleted,
}

impl UserStatus {
    /// The stored and programmatic name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Deleted => "deleted",
        }
    }

    /// Reads a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "active" => Some(Self::Active),
            "disabled" => Some(Self::Disabled),
            "deleted" => Some(Self::Deleted),
            _ => None,
        }
    }
}

/// How pages look to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Appearance {
    /// As the system says.
    #[default]
    System,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

impl Appearance {
    /// The stored and programmatic name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// Reads a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "system" => Some(Self::System),
            "light" => Some(Self::Light),
            "dark" => Some(Self::Dark),
            _ => None,
        }
    }
}

/// A person's account.
#[derive(Debug, Clone)]
pub struct User {
    /// Never reused.
    pub id: UserId,
    /// Every user belongs to exactly one organization.
    pub organization_id: OrganizationId,
    /// As the person writes it.
    pub email: EmailAddress,
    /// What people call them; 1 to 200 characters.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Whether the account may be used.
    pub status: UserStatus,
    /// How pages look to them.
    pub appearance: Appearance,
    /// Changes whenever the picture does; `None` without a picture.
    pub picture_version: Option<i64>,
    /// When the account was made.
    pub created_at: Timestamp,
}

/// What is known about what an account says of itself; apps are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vouched {
    /// When the present address was confirmed by a link that went to it; `None` if it
    /// was entered by somebody and never confirmed.
    pub email_verified_at: Option<Timestamp>,
    /// When name, picture or address last changed.
    pub updated_at: Timestamp,
}

/// The longest name of a person, organization or device, in characters.
pub const LONGEST_NAME: usize = 200;

/// Reads a name: control characters, surrounding spaces, and the marks that turn
/// the direction of the text around it go; one to [`LONGEST_NAME`] characters
/// remain, or it is refused.
pub fn parse_name(text: &str) -> Option<String> {
    // With such a mark a name could rewrite the sentence that it stands in.
    let turns_direction = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let name: String = text
        .trim()
        .chars()
        .filter(|c| !c.is_control() && !turns_direction(*c))
        .collect();
    let length = name.chars().count();
    (1..=LONGEST_NAME).contains(&length).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_compared_without_case_and_kept_as_typed() {
        let address = EmailAddress::parse(" Ada@Example.Test ").expect("an address");
        assert_eq!(address.as_str(), "Ada@Example.Test");
        assert_eq!(address.key(), EmailKey::of_typed("ada@example.test"));
        for wrong in [
            "",
            "ada",
            "@example.test",
            "ada@",
            "a b@example.test",
            "a@b@c",
            "a@.test",
        ] {
            assert!(EmailAddress::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn what_each_role_may_do() {
        let may =
            |role: Role| [Power::Read, Power::Administer, Power::Own].map(|power| role.has(power));
        assert_eq!(may(Role::Owner), [true, true, true]);
        assert_eq!(may(Role::Administrator), [true, true, false]);
        assert_eq!(may(Role::Auditor), [true, false, false]);
        assert_eq!(may(Role::Member), [false, false, false]);
        assert!(Role::Owner.has_say_over(Role::Owner));
        assert!(!Role::Administrator.has_say_over(Role::Owner));
        assert!(Role::Administrator.has_say_over(Role::Administrator));
        assert!(!Role::Auditor.has_say_over(Role::Member));
        for role in Role::ALL {
            assert_eq!(Role::from_name(role.name()), Some(role));
        }
    }

    #[test]
    fn names_lose_control_characters_and_have_bounds() {
        assert_eq!(parse_name(" A\u{0}da\r\n "), Some("Ada".to_owned()));
        assert_eq!(parse_name("A\u{202e}da"), Some("Ada".to_owned()));
        assert_eq!(parse_name("   "), None);
        assert_eq!(parse_name(&"x".repeat(201)), None);
    }
}
