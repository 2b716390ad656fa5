//! How it is written and read what a proxy protects of an app.

use nightlatch_domain::relying_party::protection::{
    Entrance, PathRule, ProtectedHost, Protection, RequiredLevel,
};
use nightlatch_protocols::registration::ProtectionWish;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is wanted; what is left out stays as it is, or takes its default.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ProtectionSettings {
    /// Its addresses, such as `https://wiki.example.com`; an empty list takes the protection
    /// away.
    hosts: Option<Vec<String>>,
    /// Who may enter: addresses of people, or ids of those that are named already. With
    /// neither people nor groups, everybody of the organization may.
    allow_users: Option<Vec<String>>,
    /// Whose members may enter: names of groups, or ids of those that are named already.
    allow_groups: Option<Vec<String>>,
    /// People must have proved a second factor.
    require_second_factor: Option<bool>,
    /// How old their last proof may be, in seconds; 0 for any age.
    proof_age_seconds: Option<u32>,
    /// Paths that anybody may read; with a slash at its end, everything below one.
    public_paths: Option<Vec<String>>,
    /// Paths that never count as activity of the person.
    quiet_paths: Option<Vec<String>>,
    /// The app gets a signed token beside the plain identity headers.
    signed_headers: Option<bool>,
    /// One cookie for all of its hosts below this domain; empty for one on each host.
    cookie_domain: Option<String>,
    /// People may log out of this site only.
    this_site_only: Option<bool>,
}

impl ProtectionSettings {
    /// The same as the command line asks for it.
    pub(super) fn into_wish(self) -> ProtectionWish {
        ProtectionWish {
            hosts: self.hosts,
            allow_users: self.allow_users,
            allow_groups: self.allow_groups,
            require_second_factor: self.require_second_factor,
            proof_age_seconds: self.proof_age_seconds,
            public_paths: self.public_paths,
            quiet_paths: self.quiet_paths,
            signed_headers: self.signed_headers,
            cookie_domain: self.cookie_domain,
            this_site_only: self.this_site_only,
        }
    }
}

/// What a proxy protects; it can be sent back as it is.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProtectionEntry {
    /// Its addresses.
    hosts: Vec<String>,
    /// Who may enter, by id.
    allow_users: Vec<String>,
    /// Whose members may enter, by id. With neither people nor groups, everybody of the
    /// organization may.
    allow_groups: Vec<String>,
    /// Whether people must have proved a second factor.
    require_second_factor: bool,
    /// How old their last proof may be, in seconds; 0 for any age.
    proof_age_seconds: u32,
    /// Paths that anybody may read.
    public_paths: Vec<String>,
    /// Paths that never count as activity of the person.
    quiet_paths: Vec<String>,
    /// Whether the app gets a signed token beside the plain identity headers.
    signed_headers: bool,
    /// The domain of one cookie for all of its hosts; empty for one on each host.
    cookie_domain: String,
    /// Whether people may log out of this site only.
    this_site_only: bool,
}

impl From<&Protection> for ProtectionEntry {
    fn from(rule: &Protection) -> Self {
        let (allow_users, allow_groups) = match &rule.entrance {
            Entrance::Everyone => (Vec::new(), Vec::new()),
            Entrance::Named { users, groups } => (
                users.iter().map(ToString::to_string).collect(),
                groups.iter().map(ToString::to_string).collect(),
            ),
        };
        let paths =
            |rules: &[PathRule]| rules.iter().map(|rule| rule.as_str().to_owned()).collect();
        let domain = rule.cookie_domain.as_ref();
        Self {
            hosts: rule.hosts.iter().map(ProtectedHost::to_string).collect(),
            allow_users,
            allow_groups,
            require_second_factor: rule.level == RequiredLevel::SecondFactor,
            proof_age_seconds: rule.proof_age_seconds.unwrap_or_default(),
            public_paths: paths(&rule.public_paths),
            quiet_paths: paths(&rule.quiet_paths),
            signed_headers: rule.signed_headers,
            cookie_domain: domain.map_or_else(String::new, |domain| domain.as_str().to_owned()),
            this_site_only: rule.this_site_only,
        }
    }
}
