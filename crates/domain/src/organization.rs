//! A company, and what it may set.

use serde::{Deserialize, Serialize};

use crate::ids::OrganizationId;
use crate::policy::Policy;
use crate::time::Timestamp;

/// Where people land after they logged out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterLogOut {
    /// The page that says what happened.
    #[default]
    SignedOutPage,
    /// The sign-in form, with a link to what happened.
    LoginPage,
}

/// A color that an organization gives its pages: `#rrggbb`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccentColor(String);

impl AccentColor {
    /// The color as CSS.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for AccentColor {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let digits = text.strip_prefix('#').unwrap_or_default();
        // Anything else could close the style element it is written into.
        if digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err("a color is written #rrggbb, for example #0b5fff")
        }
    }
}

impl From<AccentColor> for String {
    fn from(color: AccentColor) -> Self {
        color.0
    }
}

/// What an organization may set. Unset values take their defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The rules of its sessions.
    pub policy: Policy,
    /// Where people land after they logged out.
    pub after_log_out: AfterLogOut,
    /// Whom people may ask, in words that fit after "Please ask": a name, an
    /// address, a telephone number.
    pub contact: Option<String>,
    /// The one accent color of its pages.
    pub accent: Option<AccentColor>,
    /// After so many days people are reminded to look at their login history;
    /// zero for never.
    pub review_days: u32,
}

impl Settings {
    /// The most days between two reminders.
    pub const MOST_REVIEW_DAYS: u32 = 400;
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            after_log_out: AfterLogOut::default(),
            contact: None,
            accent: None,
            review_days: 90,
        }
    }
}

/// A company.
#[derive(Debug, Clone)]
pub struct Organization {
    /// Never reused.
    pub id: OrganizationId,
    /// Unique in the deployment.
    pub name: String,
    /// What it has set.
    pub settings: Settings,
    /// When it was made.
    pub created_at: Timestamp,
}
