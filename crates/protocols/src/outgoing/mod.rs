//! The one client with which the server calls apps.
//!
//! It follows no redirect, knows no proxy and keeps no cookie; it connects only to
//! addresses that were judged ([`address`]), ends every call in time, and reads a few
//! kilobytes of an answer at most (BCL-04, BCL-08). Each app may bring certificates of
//! its own (C6).

pub mod address;
pub mod probe;
mod resolver;
mod tls;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use nightlatch_domain::Timestamp;
use nightlatch_domain::notice::{Attempt, Envelope, read_retry_after};
use nightlatch_domain::secret::TokenDigest;
use reqwest::header::{ACCEPT, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, redirect};
use rustls::RootCertStore;
use url::Url;

pub use resolver::{LookUp, NameTrouble, OfThisMachine};
pub use tls::check_certificates;

/// How much of an answer is read, in bytes; only to say why an app refused.
const LONGEST_ANSWER: usize = 4 * 1024;

/// How much of an app's own words is passed on, in characters.
const LONGEST_WORDS: usize = 200;

/// Clients with certificates of an app that are kept ready.
const MOST_CLIENTS: usize = 32;

/// Connections that wait for the next call, for each app, and for how long: a mass
/// ending calls one app many times.
const IDLE_CONNECTIONS: usize = 4;
const IDLE_FOR: Duration = Duration::from_secs(5);

/// How long a call may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// To be connected, encryption included.
    pub connecting: Duration,
    /// From the beginning to the last byte that is read. It must be shorter than a
    /// claim, so that no notice is on its way twice.
    pub whole: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connecting: Duration::from_secs(3),
            whole: Duration::from_secs(8),
        }
    }
}

/// What this machine trusts, read once in the life of a process.
static ROOTS: LazyLock<Arc<RootCertStore>> =
    LazyLock::new(|| Arc::new(tls::roots_of_this_machine()));

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    /// What it came to.
    pub attempt: Attempt,
    /// Why it did not do, for administrators.
    pub words: Option<String>,
}

impl Called {
    fn not(attempt: Attempt, words: impl Into<String>) -> Self {
        Self {
            attempt,
            words: Some(words.into()),
        }
    }
}

/// Whether private addresses are allowed, and the digest of an app's own certificates:
/// what sets one app's connections apart from another's.
type Trust = (bool, Option<[u8; 32]>);

/// The client. Clones share connections.
#[derive(Clone)]
pub struct Outgoing {
    look_up: Arc<dyn LookUp>,
    patience: Patience,
    roots: Arc<RootCertStore>,
    clients: Arc<Mutex<HashMap<Trust, Client>>>,
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Outgoing")
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

impl Outgoing {
    /// A client that trusts what this machine trusts. The first of a process reads
    /// files: not for asynchronous threads in a hurry.
    pub fn new(patience: Patience) -> Self {
        Self::with(patience, Arc::new(OfThisMachine))
    }

    /// The same with another way to look names up.
    pub fn with(patience: Patience, look_up: Arc<dyn LookUp>) -> Self {
        Self {
            look_up,
            patience,
            roots: Arc::clone(&ROOTS),
            clients: Arc::default(),
        }
    }

    /// Hands a logout token over, as the app was registered when the session ended.
    pub async fn post_logout_token(
        &self,
        envelope: &Envelope,
        token: &str,
        now: Timestamp,
    ) -> Called {
        let allow = envelope.allow_private_network;
        let url = envelope.address.as_deref().map(Url::parse);
        let Some(Ok(url)) = url else {
            let refusal = address::Refusal::NotAnAddress;
            return Called::not(Attempt::Forbidden, refusal.to_string());
        };
        if let Err(refusal) = address::judge_url(&url, allow) {
            return Called::not(Attempt::Forbidden, refusal.to_string());
        }
        let client = match self.client(allow, envelope.ca_certificates.as_deref()) {
            Ok(client) => client,
            Err(words) => return Called::not(Attempt::Forbidden, words),
        };
        let call = async {
            let sent = client
                .post(url)
                .header(ACCEPT, "application/json")
                .form(&[("logout_token", token)])
                .send()
                .await;
            match sent {
                Ok(answer) => read(answer, now).await,
                Err(error) => Called::not(Attempt::NoAnswer, describe(&error)),
            }
        };
        match tokio::time::timeout(self.patience.whole, call).await {
            Ok(called) => called,
            Err(_) => Called::not(Attempt::NoAnswer, "no answer in time"),
        }
    }

    /// Whether a name stands for anything here; nothing is called.
    pub async fn knows(&self, name: &str) -> bool {
        let looking = self.look_up.look_up(name);
        let found = tokio::time::timeout(self.patience.connecting, looking).await;
        matches!(found, Ok(Ok(addresses)) if !addresses.is_empty())
    }

    fn client(&self, allow_private: bool, ca: Option<&str>) -> Result<Client, String> {
        let digest = |pem: &str| TokenDigest::of(pem.as_bytes()).to_bytes();
        let key = (allow_private, ca.map(digest));
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&key) {
            return Ok(client.clone());
        }
        let config = tls::config(&self.roots, ca)?;
        let client = Client::builder()
            .tls_backend_preconfigured(config)
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .user_agent(concat!("Nightlatch/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(self.patience.connecting)
            .timeout(self.patience.whole)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .pool_idle_timeout(IDLE_FOR)
            .dns_resolver(Arc::new(resolver::Judging {
                look_up: Arc::clone(&self.look_up),
                allow_private_network: allow_private,
            }))
            .build()
            .map_err(|error| format!("the client cannot be made: {error}"))?;
        if clients.len() >= MOST_CLIENTS {
            clients.clear();
        }
        clients.insert(key, client.clone());
        Ok(client)
    }
}

async fn read(mut answer: Response, now: Timestamp) -> Called {
    let status = answer.status();
    let retry_after = answer
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| read_retry_after(text, now));
    let attempt = Attempt::Answered {
        status: status.as_u16(),
        retry_after,
    };
    if attempt.is_success() {
        return Called {
            attempt,
            words: None,
        };
    }
    let mut body = Vec::new();
    while let Ok(Some(piece)) = answer.chunk().await {
        let room = LONGEST_ANSWER.saturating_sub(body.len());
        body.extend(piece.iter().take(room));
        if body.len() >= LONGEST_ANSWER {
            break;
        }
    }
    Called::not(attempt, explain(status, &body))
}

/// What a refusal says (Back-Channel Logout 2.8), and what usually is behind it.
fn explain(status: StatusCode, body: &[u8]) -> String {
    let error = serde_json::from_slice::<serde_json::Value>(body).ok();
    let said = error.as_ref().and_then(|error| {
        let text = |name: &str| error.get(name).and_then(serde_json::Value::as_str);
        text("error_description").or_else(|| text("error"))
    });
    // An app that repeats the token must not make us log it.
    let said = said.filter(|said| !said.contains("eyJ")).map(one_line);
    let hint = hint(status.as_u16());
    let status = status.as_u16();
    match said {
        Some(said) => format!("the app answered {status}: \"{said}\"{hint}"),
        None => format!("the app answered {status}{hint}"),
    }
}

/// Words of an app as one short line: they are shown in terminals and mails, where more
/// lines would pass for ours, and control characters do things.
fn one_line(said: &str) -> String {
    let visible = said.chars().filter(|character| !character.is_control());
    visible.take(LONGEST_WORDS).collect()
}

/// The usual cause of a status, in words (C8).
pub(crate) fn hint(status: u16) -> &'static str {
    match status {
        300..=399 => {
            "; it sends the call elsewhere, which is never followed: register the address where \
             the call belongs, often the same with or without a slash at its end, or with https"
        }
        400 => {
            "; it read the message and refused the token: compare the issuer and the client id \
             that the app has with what is registered"
        }
        401 => {
            "; it wants a signed-in user there: the address for logouts must be open, since the \
             token itself is the proof"
        }
        403 => {
            "; the usual cause is the app's own protection against forged forms (CSRF): exempt \
             the address for logouts from it"
        }
        404 | 410 => "; there is nothing at this address: compare it with the app's own",
        405 => "; the address exists and takes no POST: compare it with the app's own",
        413 | 414 | 431 => "; a limit of the app or of a proxy before it is too small",
        415 => "; it must take a form (application/x-www-form-urlencoded)",
        500..=599 => "; something is broken there, or a proxy does not reach it",
        _ => "",
    }
}

/// Why there was no answer, from the innermost cause that says something.
fn describe(error: &reqwest::Error) -> String {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut last = String::new();
    while let Some(current) = cause {
        if let Some(trouble) = current.downcast_ref::<NameTrouble>() {
            return trouble.to_string();
        }
        if let Some(trouble) = tls::find(current) {
            return tls::describe(trouble);
        }
        last = current.to_string();
        cause = current.source();
    }
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    if error.is_connect() {
        return format!("no connection: {last}");
    }
    format!("the call broke off: {last}")
}

#[cfg(test)]
mod tests;
