//! What somebody wants registered of an app, read and judged.
//!
//! The command line and the API ask for the same things in the same words, and get the
//! same refusals. The rules of a registration as a whole stand in
//! `domain::relying_party`; who may register is decided by the callers.

use nightlatch_domain::ids::OrganizationId;
use nightlatch_domain::relying_party::protection::{ProtectedHost, Protection};
use nightlatch_domain::relying_party::{
    ClientAuthentication, LONGEST_NAME, RegisteredUri, Registration, SigningAlgorithm,
};
use nightlatch_storage::{StorageError, Tx};
use serde::{Deserialize, Serialize};

mod protection;

pub use protection::ProtectionWish;

use crate::outgoing;

/// What is wanted; what is left out stays as it is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the fields are the options of the command line and the members of the API"
)]
pub struct AppWish {
    pub redirect_uris: Option<Vec<String>>,
    pub post_logout_redirect_uris: Option<Vec<String>>,
    pub backchannel_logout_uris: Option<Vec<String>>,
    pub frontchannel_logout_uri: Option<String>,
    pub home: Option<String>,
    pub authentication: Option<ClientAuthentication>,
    pub first_party: Option<bool>,
    pub allow_private_network: Option<bool>,
    pub offline_access: Option<bool>,
    pub claims_in_id_token: Option<bool>,
    pub without_pkce: Option<bool>,
    pub pull: Option<bool>,
    pub without_sid: Option<bool>,
    pub signing_algorithm: Option<String>,
    pub ca_certificates: Option<String>,
    pub access_token_seconds: Option<u32>,
    pub id_token_seconds: Option<u32>,
    pub offline_idle_days: Option<u32>,
    pub offline_overall_days: Option<u32>,
    pub worst_case_minutes: Option<u32>,
    #[serde(default)]
    pub protection: ProtectionWish,
}

impl AppWish {
    /// What is registered once the wish is granted, or a sentence that says what is
    /// wrong with it. `own_address` is the server's, which no app can have, if it is known
    /// (FWD-03).
    pub fn grant(
        &self,
        tx: &mut Tx<'_>,
        organization: OrganizationId,
        before: &Registration,
        own_address: Option<&str>,
    ) -> Result<Result<Registration, String>, StorageError> {
        let mut after = match self.apply(before) {
            Ok(after) => after,
            Err(sentence) => return Ok(Err(sentence)),
        };
        if let Some(rule) = &mut after.protection {
            if let Some(host) = own_host(rule, own_address) {
                return Ok(Err(format!(
                    "{host} is the address of this server. An app needs a host of its own."
                )));
            }
            if let Err(sentence) = self.protection.name_people(tx, organization, rule)? {
                return Ok(Err(sentence));
            }
        }
        Ok(after
            .judge()
            .map(|()| after)
            .map_err(|problem| sentence(&problem)))
    }

    /// The same without what only the database knows.
    fn apply(&self, before: &Registration) -> Result<Registration, String> {
        let mut after = before.clone();
        set(&mut after.first_party, self.first_party);
        set(&mut after.allow_private_network, self.allow_private_network);
        set(&mut after.offline_access, self.offline_access);
        set(&mut after.claims_in_id_token, self.claims_in_id_token);
        set(&mut after.without_pkce, self.without_pkce);
        set(&mut after.pulls_logouts, self.pull);
        if let Some(without) = self.without_sid {
            after.backchannel_logout_session_required = !without;
        }
        self.apply_addresses(&mut after)?;
        if let Some(authentication) = &self.authentication {
            if let ClientAuthentication::PrivateKeyJwt { jwks } = authentication {
                check_jwks(jwks)?;
            }
            after.authentication = authentication.clone();
        }
        if let Some(name) = &self.signing_algorithm {
            after.signing_algorithm = SigningAlgorithm::from_name(name).ok_or_else(|| {
                format!("{name} is no signing algorithm; there are RS256, ES256 and EdDSA.")
            })?;
        }
        match self.ca_certificates.as_deref() {
            None => {}
            Some("") => after.ca_certificates = None,
            Some(pem) => {
                outgoing::check_certificates(pem)?;
                after.ca_certificates = Some(pem.to_owned());
            }
        }
        let lifetimes = &mut after.lifetimes;
        set(
            &mut lifetimes.access_token_seconds,
            self.access_token_seconds,
        );
        set(&mut lifetimes.id_token_seconds, self.id_token_seconds);
        set(&mut lifetimes.offline_idle_days, self.offline_idle_days);
        set(
            &mut lifetimes.offline_overall_days,
            self.offline_overall_days,
        );
        if let Some(minutes) = self.worst_case_minutes {
            after.worst_case_minutes = Some(minutes);
        }
        self.protection.apply(&mut after)?;
        after.judge().map_err(|problem| sentence(&problem))?;
        Ok(after)
    }

    fn apply_addresses(&self, after: &mut Registration) -> Result<(), String> {
        let private = after.allow_private_network;
        let parse = |text: &String| named(text, RegisteredUri::parse(text));
        let parse_logout = |text: &String| named(text, RegisteredUri::parse_logout(text, private));
        replace(
            &mut after.redirect_uris,
            self.redirect_uris.as_deref(),
            parse,
        )?;
        replace(
            &mut after.post_logout_redirect_uris,
            self.post_logout_redirect_uris.as_deref(),
            parse,
        )?;
        replace(
            &mut after.backchannel_logout_uris,
            self.backchannel_logout_uris.as_deref(),
            parse_logout,
        )?;
        one(
            &mut after.frontchannel_logout_uri,
            self.frontchannel_logout_uri.as_ref(),
            parse_logout,
        )?;
        one(&mut after.home, self.home.as_ref(), parse)
    }
}

/// A host of a rule that is the server's own. `Host` does not say the scheme, so that does
/// not count.
fn own_host<'a>(rule: &'a Protection, own_address: Option<&str>) -> Option<&'a ProtectedHost> {
    let own = ProtectedHost::parse(own_address?).ok()?;
    let mut hosts = rule.hosts.iter();
    hosts.find(|host| host.authority() == own.authority())
}

/// What people call an app, without what cannot be seen.
pub fn parse_name(name: &str) -> Result<String, String> {
    let tidy: String = name.trim().chars().filter(|c| !c.is_control()).collect();
    if tidy.is_empty() || tidy.chars().count() > LONGEST_NAME {
        return Err(format!(
            "The name of an app has 1 to {LONGEST_NAME} characters."
        ));
    }
    Ok(tidy)
}

fn set<T: Copy>(value: &mut T, wanted: Option<T>) {
    if let Some(wanted) = wanted {
        *value = wanted;
    }
}

/// Replaces a list, if another was given; doubles count once.
fn replace(
    list: &mut Vec<RegisteredUri>,
    wanted: Option<&[String]>,
    parse: impl Fn(&String) -> Result<RegisteredUri, String>,
) -> Result<(), String> {
    let Some(wanted) = wanted else {
        return Ok(());
    };
    list.clear();
    for text in wanted {
        let uri = parse(text)?;
        if !list.contains(&uri) {
            list.push(uri);
        }
    }
    Ok(())
}

/// Replaces one address; an empty one takes it away.
fn one(
    value: &mut Option<RegisteredUri>,
    wanted: Option<&String>,
    parse: impl Fn(&String) -> Result<RegisteredUri, String>,
) -> Result<(), String> {
    match wanted {
        None => {}
        Some(text) if text.is_empty() => *value = None,
        Some(text) => *value = Some(parse(text)?),
    }
    Ok(())
}

fn named<T, E: std::fmt::Display>(text: &str, parsed: Result<T, E>) -> Result<T, String> {
    parsed.map_err(|problem| format!("{text}: {problem}."))
}

fn sentence(problem: &impl std::fmt::Display) -> String {
    let text = problem.to_string();
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), letters.as_str()),
        None => text,
    }
}

/// Public keys only: a private one would be readable by whoever reads the database.
fn check_jwks(text: &str) -> Result<(), String> {
    let set: serde_json::Value = serde_json::from_str(text)
        .map_err(|_| "The keys are no JSON; they must be a JWK set.".to_owned())?;
    let keys = set.get("keys").and_then(serde_json::Value::as_array);
    let keys = keys.filter(|keys| !keys.is_empty());
    let Some(keys) = keys else {
        return Err("The keys must be a JWK set: {\"keys\": […]}.".to_owned());
    };
    let is_private = |key: &serde_json::Value| key.get("d").is_some() || key.get("k").is_some();
    if keys.iter().any(is_private) {
        return Err(
            "There is a private key among the keys. Export the public keys, and replace that key: it has been shown."
                .to_owned(),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(redirect: &str) -> AppWish {
        AppWish {
            redirect_uris: Some(vec![redirect.to_owned()]),
            ..AppWish::default()
        }
    }

    #[test]
    fn what_is_not_named_stays() {
        let first = wish("https://crm.example.com/cb")
            .apply(&Registration::default())
            .expect("good");
        let change = AppWish {
            first_party: Some(true),
            backchannel_logout_uris: Some(vec!["https://crm.example.com/bcl".to_owned(); 2]),
            id_token_seconds: Some(120),
            ..AppWish::default()
        };
        let second = change.apply(&first).expect("good");
        assert_eq!(second.redirect_uris, first.redirect_uris);
        assert!(second.first_party);
        assert_eq!(second.backchannel_logout_uris.len(), 1);
        assert_eq!(second.lifetimes.id_token_seconds, 120);
        assert_eq!(second.lifetimes.access_token_seconds, 300);
        // An empty list takes the addresses away.
        let none = AppWish {
            backchannel_logout_uris: Some(Vec::new()),
            ..AppWish::default()
        };
        let third = none.apply(&second).expect("good");
        assert!(third.backchannel_logout_uris.is_empty());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_cure() {
        let refusal = |wish: AppWish| wish.apply(&Registration::default()).expect_err("wrong");
        let plain = refusal(wish("http://crm.example.com/cb"));
        assert!(
            plain.starts_with("http://crm.example.com/cb: the address must begin with https://"),
            "{plain}"
        );
        assert!(refusal(AppWish::default()).starts_with("Name at least one redirect address"));
        let private = AppWish {
            authentication: Some(ClientAuthentication::PrivateKeyJwt {
                jwks: r#"{"keys":[{"kty":"EC","d":"x"}]}"#.to_owned(),
            }),
            ..wish("https://crm.example.com/cb")
        };
        assert!(refusal(private).contains("private key"));
        let algorithm = AppWish {
            signing_algorithm: Some("none".to_owned()),
            ..wish("https://crm.example.com/cb")
        };
        assert!(refusal(algorithm).contains("RS256, ES256 and EdDSA"));
        let certificates = AppWish {
            ca_certificates: Some("nothing".to_owned()),
            ..wish("https://crm.example.com/cb")
        };
        assert!(refusal(certificates).contains("PEM"));
        assert!(parse_name(" \u{7} ").is_err());
        assert_eq!(parse_name(" CRM\n"), Ok("CRM".to_owned()));
    }
}
