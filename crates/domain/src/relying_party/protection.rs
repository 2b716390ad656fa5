//! An app that a reverse proxy protects by asking us: where it is, and whom it lets in.
//!
//! Owns what may be registered of it, how hosts and paths are compared, and
//! [`decide()`], the one decision whether a request may pass. It knows neither proxies
//! nor headers; those are in `protocols::forward_auth`.

mod decide;
mod hosts;
mod paths;

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{GroupId, UserId};

pub use decide::{Facts, Verdict, decide};
pub use hosts::{CALLBACK_PATH, CookieDomain, HostProblem, OWN_PATHS, ProtectedHost, is_callback};
pub use paths::{PathClass, PathProblem, PathRule};

/// The most hosts of one app.
pub const MOST_HOSTS: usize = 50;

/// The most path rules of one kind.
pub const MOST_PATHS: usize = 100;

/// The most people and groups that one rule names.
pub const MOST_NAMED: usize = 1_000;

/// The longest that a proof may be demanded to be young, in seconds: 30 days.
const LONGEST_PROOF_AGE: u32 = 30 * 24 * 60 * 60;

/// The shortest: below it, people would prove again while the page still loads.
const SHORTEST_PROOF_AGE: u32 = 60;

/// What is registered of an app behind a proxy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Protection {
    /// Where browsers reach it. A host belongs to one app of the deployment.
    pub hosts: Vec<ProtectedHost>,
    /// Who may enter.
    pub entrance: Entrance,
    /// How strongly people must have proved who they are.
    pub level: RequiredLevel,
    /// How old their last proof may be, in seconds; any age if absent (FWD-09).
    pub proof_age_seconds: Option<u32>,
    /// Paths that anybody may read without signing in.
    pub public_paths: Vec<PathRule>,
    /// Paths that never count as activity of the person (G1).
    pub quiet_paths: Vec<PathRule>,
    /// Whether the app gets a signed token beside the plain identity headers.
    pub signed_headers: bool,
    /// The domain of one cookie for all hosts of the app, in place of one for each.
    /// Every host below that domain then sees it, so it is off by default (FWD-05).
    pub cookie_domain: Option<CookieDomain>,
    /// Whether people may log out of this site only, and stay signed in (D5).
    pub this_site_only: bool,
}

impl Default for Protection {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            entrance: Entrance::Everyone,
            level: RequiredLevel::Any,
            proof_age_seconds: None,
            public_paths: Vec::new(),
            quiet_paths: Vec::new(),
            signed_headers: false,
            cookie_domain: None,
            this_site_only: true,
        }
    }
}

impl Protection {
    /// Says what is wrong with it as a whole; hosts and paths were judged one by one
    /// when they were parsed.
    pub fn judge(&self) -> Result<(), ProtectionProblem> {
        use ProtectionProblem as Problem;
        if self.hosts.is_empty() {
            return Err(Problem::NoHost);
        }
        // `Host` does not say the scheme.
        let mut names: Vec<&str> = self.hosts.iter().map(ProtectedHost::authority).collect();
        names.sort_unstable();
        names.dedup();
        if names.len() < self.hosts.len() {
            return Err(Problem::Twice);
        }
        let paths = [&self.public_paths, &self.quiet_paths];
        let too_many = self.hosts.len() > MOST_HOSTS
            || paths.iter().any(|list| list.len() > MOST_PATHS)
            || self.entrance.count() > MOST_NAMED;
        if too_many {
            return Err(Problem::TooMany);
        }
        if self
            .proof_age_seconds
            .is_some_and(|age| !(SHORTEST_PROOF_AGE..=LONGEST_PROOF_AGE).contains(&age))
        {
            return Err(Problem::ProofAge);
        }
        if let Some(domain) = &self.cookie_domain
            && !self.hosts.iter().all(|host| domain.covers(host))
        {
            return Err(Problem::CookieDomain);
        }
        Ok(())
    }

    /// Its host that browsers call so, if it has one.
    pub fn find_host(&self, host: &ProtectedHost) -> Option<&ProtectedHost> {
        self.hosts.iter().find(|own| *own == host)
    }

    /// How old the last proof may be.
    pub fn proof_age(&self) -> Option<Duration> {
        self.proof_age_seconds
            .map(|seconds| Duration::from_secs(seconds.into()))
    }

    /// What a request for this path means.
    pub fn class_of(&self, path: &str) -> PathClass {
        if self.public_paths.iter().any(|rule| rule.allows(path)) {
            PathClass::Public
        } else if self.quiet_paths.iter().any(|rule| rule.covers(path)) {
            PathClass::Quiet
        } else {
            PathClass::Ordinary
        }
    }
}

/// Who may enter an app.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "who")]
pub enum Entrance {
    /// Everybody in the app's organization.
    #[default]
    Everyone,
    /// These people of it, and the members of these groups.
    Named {
        /// People, each by name.
        #[serde(default)]
        users: Vec<UserId>,
        /// Groups.
        #[serde(default)]
        groups: Vec<GroupId>,
    },
}

impl Entrance {
    /// Whether it lets in somebody of the organization who is in these groups.
    pub fn lets_in(&self, user: UserId, memberships: &[GroupId]) -> bool {
        match self {
            Self::Everyone => true,
            Self::Named { users, groups } => {
                users.contains(&user) || groups.iter().any(|group| memberships.contains(group))
            }
        }
    }

    fn count(&self) -> usize {
        match self {
            Self::Everyone => 0,
            Self::Named { users, groups } => users.len() + groups.len(),
        }
    }
}

/// How strongly people must have proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequiredLevel {
    /// One proof is enough.
    #[default]
    Any,
    /// Two proofs of different kinds, or a passkey.
    SecondFactor,
}

impl RequiredLevel {
    /// The stored and programmatic name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::SecondFactor => "second_factor",
        }
    }

    /// Reads a name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Any, Self::SecondFactor]
            .into_iter()
            .find(|level| level.name() == name)
    }
}

/// Why an app cannot be protected so; prints how to mend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProtectionProblem {
    /// It names no host.
    NoHost,
    /// One host is named twice.
    Twice,
    /// More hosts, paths or names than are kept.
    TooMany,
    /// An age that makes no sense.
    ProofAge,
    /// A host that a cookie of that domain would not reach.
    CookieDomain,
}

impl fmt::Display for ProtectionProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NoHost => "name at least one address to protect, for example https://wiki.example.com",
            Self::Twice => "name each host once",
            Self::TooMany => {
                "at most 50 hosts, 100 paths of a kind and 1000 people and groups can be named; put people into groups"
            }
            Self::ProofAge => "a proof can be demanded to be at most 60 seconds to 30 days old",
            Self::CookieDomain => "the cookie's domain must be a parent of every protected host",
        })
    }
}

impl std::error::Error for ProtectionProblem {}

#[cfg(test)]
mod tests;
