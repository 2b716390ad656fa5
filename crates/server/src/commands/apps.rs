//! `app …`: registering apps, changing and withdrawing them.
//!
//! Longer than 400 lines, since each command stands beside the words that it answers.

use nightlatch_domain::ending::{Actor, Cause};
use nightlatch_domain::ids::{ClientId, OrganizationId};
use nightlatch_domain::relying_party::{
    ClientAuthentication, LONGEST_NAME, RegisteredUri, Registration, RelyingParty, SigningAlgorithm,
};
use nightlatch_flows::app_health;
use nightlatch_flows::apps::{self, NewApp, RegisterOutcome};
use nightlatch_storage::{Tx, organizations, relying_parties};
use nightlatch_web::signals::Concern;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde::{Deserialize, Serialize};

use super::sessions::tidy;
use super::{AppLine, Context, Reply, Stop, get_organization, refused};

/// How many apps are listed.
const MOST_LISTED: i64 = 10_000;

/// What an operator wants registered; what is left out stays as it is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the fields are the options of the command line"
)]
pub struct AppWish {
    pub redirect_uris: Vec<String>,
    pub post_logout_redirect_uris: Vec<String>,
    pub backchannel_logout_uris: Vec<String>,
    pub frontchannel_logout_uri: Option<String>,
    pub home: Option<String>,
    pub public: bool,
    pub jwks: Option<String>,
    pub first_party: Option<bool>,
    pub allow_private_network: Option<bool>,
    pub offline_access: Option<bool>,
    pub pull: Option<bool>,
    pub without_sid: Option<bool>,
    pub signing_algorithm: Option<String>,
    pub ca_certificates: Option<String>,
    pub access_token_seconds: Option<u32>,
    pub worst_case_minutes: Option<u32>,
}

impl AppWish {
    /// What is registered once the wish is granted, or a sentence that says what is
    /// wrong with it.
    pub fn apply(&self, before: &Registration) -> Result<Registration, String> {
        let mut after = before.clone();
        set(&mut after.first_party, self.first_party);
        set(&mut after.allow_private_network, self.allow_private_network);
        set(&mut after.offline_access, self.offline_access);
        set(&mut after.pulls_logouts, self.pull);
        if let Some(without) = self.without_sid {
            after.backchannel_logout_session_required = !without;
        }
        let private = after.allow_private_network;
        let parse = |text: &String| named(text, RegisteredUri::parse(text));
        let parse_logout = |text: &String| named(text, RegisteredUri::parse_logout(text, private));
        replace(&mut after.redirect_uris, &self.redirect_uris, parse)?;
        replace(
            &mut after.post_logout_redirect_uris,
            &self.post_logout_redirect_uris,
            parse,
        )?;
        replace(
            &mut after.backchannel_logout_uris,
            &self.backchannel_logout_uris,
            parse_logout,
        )?;
        one(
            &mut after.frontchannel_logout_uri,
            self.frontchannel_logout_uri.as_ref(),
            parse_logout,
        )?;
        one(&mut after.home, self.home.as_ref(), parse)?;
        if self.public {
            after.authentication = ClientAuthentication::None;
        }
        if let Some(jwks) = &self.jwks {
            check_jwks(jwks)?;
            after.authentication = ClientAuthentication::PrivateKeyJwt { jwks: jwks.clone() };
        }
        if let Some(name) = &self.signing_algorithm {
            after.signing_algorithm = SigningAlgorithm::from_name(name).ok_or_else(|| {
                format!("{name} is no signing algorithm; there are RS256, ES256 and EdDSA.")
            })?;
        }
        if let Some(pem) = &self.ca_certificates {
            check_certificates(pem)?;
            after.ca_certificates = Some(pem.clone());
        }
        if let Some(seconds) = self.access_token_seconds {
            after.lifetimes.access_token_seconds = seconds;
        }
        if let Some(minutes) = self.worst_case_minutes {
            after.worst_case_minutes = Some(minutes);
        }
        after.judge().map_err(|problem| sentence(&problem))?;
        Ok(after)
    }
}

fn set(value: &mut bool, wanted: Option<bool>) {
    if let Some(wanted) = wanted {
        *value = wanted;
    }
}

/// Replaces a list, if another was given; doubles count once.
fn replace(
    list: &mut Vec<RegisteredUri>,
    wanted: &[String],
    parse: impl Fn(&String) -> Result<RegisteredUri, String>,
) -> Result<(), String> {
    if wanted.is_empty() {
        return Ok(());
    }
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
        .map_err(|_| "The file with the keys is no JSON; it must be a JWK set.".to_owned())?;
    let keys = set.get("keys").and_then(serde_json::Value::as_array);
    let keys = keys.filter(|keys| !keys.is_empty());
    let Some(keys) = keys else {
        return Err("The file with the keys must be a JWK set: {\"keys\": […]}.".to_owned());
    };
    let is_private = |key: &serde_json::Value| key.get("d").is_some() || key.get("k").is_some();
    if keys.iter().any(is_private) {
        return Err(
            "The file holds a private key. Export the public keys, and replace that key: it has been shown."
                .to_owned(),
        );
    }
    Ok(())
}

fn check_certificates(pem: &str) -> Result<(), String> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match read {
        Ok(found) if !found.is_empty() => Ok(()),
        _ => Err("The file with the certificates holds none in PEM format.".to_owned()),
    }
}

pub(super) async fn add(
    context: Context<'_>,
    name: &str,
    organization: Option<String>,
    wish: &AppWish,
) -> Result<Reply, Stop> {
    let name = parse_name(name)?;
    let registration = wish
        .apply(&Registration::default())
        .map_err(Stop::Refused)?;
    let moment = context.moment.clone();
    context
        .store
        .write(move |tx| {
            let organization = get_organization(tx, organization.as_deref())?;
            let new = NewApp {
                organization: organization.id,
                name: name.clone(),
                registration: registration.clone(),
            };
            let outcome = apps::register(tx, &moment, &new, Actor::Operator)?;
            tell(outcome, &name, &organization.name, true)
        })
        .await
}

pub(super) async fn change(
    context: Context<'_>,
    id: ClientId,
    name: Option<String>,
    wish: AppWish,
) -> Result<Reply, Stop> {
    let name = name.as_deref().map(parse_name).transpose()?;
    let moment = context.moment.clone();
    context
        .store
        .write(move |tx| {
            let before = get(tx, id)?;
            let registration = wish.apply(&before.registration).map_err(Stop::Refused)?;
            let name = name.as_deref().unwrap_or(&before.name);
            let place = (before.organization_id, id);
            let outcome = apps::change(tx, &moment, place, name, &registration, Actor::Operator)?;
            let organization = organizations::get(tx, before.organization_id)?.name;
            tell(outcome, name, &organization, false)
        })
        .await
}

pub(super) async fn replace_secret(context: Context<'_>, id: ClientId) -> Result<Reply, Stop> {
    let moment = context.moment.clone();
    context
        .store
        .write(move |tx| {
            let app = get(tx, id)?;
            let place = (app.organization_id, id);
            let outcome = apps::replace_secret(tx, &moment, place, Actor::Operator)?;
            if matches!(outcome, RegisterOutcome::NotFound) {
                return refused(format!("{} does not use a secret.", app.name));
            }
            let organization = organizations::get(tx, app.organization_id)?.name;
            tell(outcome, &app.name, &organization, false)
        })
        .await
}

pub(super) async fn list(
    context: Context<'_>,
    organization: Option<String>,
) -> Result<Reply, Stop> {
    let now = context.moment.now;
    context
        .store
        .read(move |tx| {
            let organization = get_organization(tx, organization.as_deref())?;
            let found = relying_parties::list_of_organization(tx, organization.id, MOST_LISTED)?;
            let mut apps = Vec::with_capacity(found.len());
            for app in &found {
                let overview = app_health::overview(tx, now, app.id)?;
                apps.push(AppLine {
                    delivery: Some(overview.into()),
                    ..AppLine::of(app, &organization.name)
                });
            }
            Ok(Reply::Apps { apps })
        })
        .await
}

pub(super) async fn withdraw(
    context: Context<'_>,
    id: ClientId,
    reason: Option<String>,
) -> Result<Reply, Stop> {
    let reason = tidy(reason)?;
    let moment = context.moment.clone();
    let (app, complete) = context
        .store
        .write(move |tx| {
            let app = get(tx, id)?;
            let place = (app.organization_id, id);
            let done = apps::withdraw(tx, &moment, place, Actor::Operator, reason.clone())?;
            match done {
                Some(done) => Ok((app, done.complete)),
                None => refused(format!("{} was withdrawn before.", app.name)),
            }
        })
        .await?;
    context.announce(
        Concern::Organization(app.organization_id),
        Cause::AppWithdrawn,
    );
    Ok(Reply::AppWithdrawn {
        client_id: app.id,
        name: app.name,
        complete,
    })
}

pub(super) async fn restore(context: Context<'_>, id: ClientId) -> Result<Reply, Stop> {
    let moment = context.moment.clone();
    context
        .store
        .write(move |tx| {
            let app = get(tx, id)?;
            let place: (OrganizationId, ClientId) = (app.organization_id, id);
            if !apps::restore(tx, &moment, place, Actor::Operator)? {
                return refused(format!("{} is not withdrawn.", app.name));
            }
            Ok(Reply::AppRestored {
                client_id: id,
                name: app.name,
            })
        })
        .await
}

fn get(tx: &mut Tx<'_>, id: ClientId) -> Result<RelyingParty, Stop> {
    match relying_parties::find(tx, id)? {
        Some(app) => Ok(app),
        None => refused(format!(
            "There is no app with the client id {id}. `nightlatch app list` shows all."
        )),
    }
}

fn parse_name(name: &str) -> Result<String, Stop> {
    let tidy: String = name.trim().chars().filter(|c| !c.is_control()).collect();
    if tidy.is_empty() || tidy.chars().count() > LONGEST_NAME {
        return refused(format!(
            "The name of an app has 1 to {LONGEST_NAME} characters."
        ));
    }
    Ok(tidy)
}

fn tell(
    outcome: RegisterOutcome,
    name: &str,
    organization: &str,
    is_new: bool,
) -> Result<Reply, Stop> {
    match outcome {
        RegisterOutcome::Done { app, secret } => Ok(Reply::App {
            is_new,
            client_id: app.id,
            client_secret: secret.map(|secret| secret.reveal()),
            app: Box::new(AppLine::of(&app, organization)),
        }),
        RegisterOutcome::NameTaken => {
            refused(format!("{organization} has an app called {name} already."))
        }
        RegisterOutcome::NotFound => refused("There is no such app any more."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(redirect: &str) -> AppWish {
        AppWish {
            redirect_uris: vec![redirect.to_owned()],
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
            backchannel_logout_uris: vec!["https://crm.example.com/bcl".to_owned(); 2],
            ..AppWish::default()
        };
        let second = change.apply(&first).expect("good");
        assert_eq!(second.redirect_uris, first.redirect_uris);
        assert!(second.first_party);
        assert_eq!(second.backchannel_logout_uris.len(), 1);
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
            jwks: Some(r#"{"keys":[{"kty":"EC","d":"x"}]}"#.to_owned()),
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
    }
}
