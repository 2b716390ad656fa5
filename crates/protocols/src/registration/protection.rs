//! What somebody wants a proxy to protect of an app.

use nightlatch_domain::ids::OrganizationId;
use nightlatch_domain::relying_party::Registration;
use nightlatch_domain::relying_party::protection::{
    CookieDomain, PathRule, ProtectedHost, Protection, RequiredLevel,
};
use nightlatch_flows::groups::{self, Named, Unknown};
use nightlatch_storage::{StorageError, Tx};
use serde::{Deserialize, Serialize};

use super::named;

/// What is wanted; what is left out stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(
    missing_docs,
    reason = "the fields are the options of the command line"
)]
pub struct ProtectionWish {
    /// Its hosts; none takes the protection away.
    pub hosts: Option<Vec<String>>,
    pub require_second_factor: Option<bool>,
    /// Addresses of people who may enter; with nobody and no group named, everybody may.
    pub allow_users: Option<Vec<String>>,
    /// Names of groups whose members may.
    pub allow_groups: Option<Vec<String>>,
    /// Zero for any age.
    pub proof_age_seconds: Option<u32>,
    pub public_paths: Option<Vec<String>>,
    pub quiet_paths: Option<Vec<String>>,
    pub signed_headers: Option<bool>,
    /// Empty for a cookie on each host.
    pub cookie_domain: Option<String>,
    pub this_site_only: Option<bool>,
}

impl ProtectionWish {
    /// Writes what is wanted into a registration, or says what is wrong with it.
    pub(super) fn apply(&self, registration: &mut Registration) -> Result<(), String> {
        if *self == Self::default() {
            return Ok(());
        }
        if self.hosts.as_ref().is_some_and(Vec::is_empty) {
            registration.protection = None;
            return Ok(());
        }
        let mut rule = registration.protection.take().unwrap_or_default();
        self.change(&mut rule)?;
        registration.protection = Some(rule);
        Ok(())
    }

    /// Writes whom it lets in, which only the database knows by name.
    pub(super) fn name_people(
        &self,
        tx: &mut Tx<'_>,
        organization: OrganizationId,
        rule: &mut Protection,
    ) -> Result<Result<(), String>, StorageError> {
        let named = Named {
            users: self.allow_users.as_deref(),
            groups: self.allow_groups.as_deref(),
        };
        Ok(
            match groups::entrance(tx, organization, &rule.entrance, named)? {
                Ok(entrance) => {
                    rule.entrance = entrance;
                    Ok(())
                }
                Err(Unknown::User(text)) => Err(format!(
                    "There is no account with the address {text} in this organization."
                )),
                Err(Unknown::Group(text)) => Err(format!(
                    "There is no group called {text} in this organization."
                )),
            },
        )
    }

    fn change(&self, rule: &mut Protection) -> Result<(), String> {
        if let Some(hosts) = &self.hosts {
            let parsed = hosts
                .iter()
                .map(|text| named(text, ProtectedHost::parse(text)));
            rule.hosts = parsed.collect::<Result<_, _>>()?;
        }
        if let Some(required) = self.require_second_factor {
            rule.level = if required {
                RequiredLevel::SecondFactor
            } else {
                RequiredLevel::Any
            };
        }
        if let Some(age) = self.proof_age_seconds {
            rule.proof_age_seconds = (age > 0).then_some(age);
        }
        for (list, wanted) in [
            (&mut rule.public_paths, &self.public_paths),
            (&mut rule.quiet_paths, &self.quiet_paths),
        ] {
            if let Some(wanted) = wanted {
                let parsed = wanted.iter().map(|text| named(text, PathRule::parse(text)));
                *list = parsed.collect::<Result<_, _>>()?;
            }
        }
        if let Some(signed) = self.signed_headers {
            rule.signed_headers = signed;
        }
        match self.cookie_domain.as_deref() {
            None => {}
            Some("") => rule.cookie_domain = None,
            Some(text) => rule.cookie_domain = Some(named(text, CookieDomain::parse(text))?),
        }
        if let Some(only) = self.this_site_only {
            rule.this_site_only = only;
        }
        Ok(())
    }
}
