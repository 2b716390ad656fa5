//! Trying an app's logout address out, step by step, so that whoever connects an app
//! sees at which one it fails and what usually helps (B6, C6, C8).
//!
//! It sends a real logout token, for a session that nobody has, so that nobody is logged
//! out; and another with a signature that is not ours, since only the two answers together
//! tell an app that checks tokens from one that says yes to everything.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use nightlatch_domain::Timestamp;
use nightlatch_domain::notice::{Attempt, Envelope};
use rustls::pki_types::ServerName;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use super::{Called, Outgoing, address, resolver, tls};

/// One step on the way to an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The address as it is registered.
    Address,
    /// Its name.
    Dns,
    /// A connection.
    Tcp,
    /// Encryption, and whether it is the app.
    Tls,
    /// The answer to a form.
    Http,
    /// What it says of the token.
    Token,
    /// What it says of a token that somebody else made.
    Forgery,
}

impl Stage {
    /// The name that operators and programs read.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Dns => "dns",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Http => "http",
            Self::Token => "token",
            Self::Forgery => "forgery",
        }
    }
}

/// How good something is; the worst comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    #[default]
    Good,
    /// It may be meant so; somebody should look at it.
    Warning,
    /// It does not work.
    Failed,
}

impl Verdict {
    /// The name that operators and programs read.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// What a step came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Which.
    pub stage: Stage,
    /// How good that is.
    pub verdict: Verdict,
    /// What was seen, or what is wrong and what usually helps.
    pub words: String,
}

/// What an app is sent.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// Ours, from [`crate::oidc::backchannel::Logout::probe`].
    pub genuine: String,
    /// Another with a signature that is not ours.
    pub forged: String,
    /// What they say, for whoever compares it with what the app expects.
    pub content: String,
}

/// Tries an address out. The steps end with the first that fails.
pub async fn probe(
    outgoing: &Outgoing,
    envelope: &Envelope,
    tokens: &Tokens,
    now: Timestamp,
) -> Vec<Step> {
    let mut steps = Vec::new();
    // Nothing is lost by stopping early: the words of the last step say why.
    drop(walk(outgoing, envelope, tokens, now, &mut steps).await);
    steps
}

/// The end of the walk.
struct Stopped;

async fn walk(
    outgoing: &Outgoing,
    envelope: &Envelope,
    tokens: &Tokens,
    now: Timestamp,
    steps: &mut Vec<Step>,
) -> Result<(), Stopped> {
    let mut note = |stage, seen: Result<String, String>| {
        let verdict = match seen {
            Ok(_) => Verdict::Good,
            Err(_) => Verdict::Failed,
        };
        let words = seen.unwrap_or_else(|words| words);
        steps.push(Step {
            stage,
            verdict,
            words,
        });
        match verdict {
            Verdict::Failed => Err(Stopped),
            _ => Ok(()),
        }
    };
    let text = envelope.address.as_deref().unwrap_or_default();
    let allow = envelope.allow_private_network;
    let url = Url::parse(text).map_err(|_| address::Refusal::NotAnAddress);
    let judged = url.and_then(|url| address::judge_url(&url, allow).map(|()| url));
    let url = match judged {
        Ok(url) => url,
        Err(refusal) => return note(Stage::Address, Err(with_help(refusal))),
    };
    note(Stage::Address, Ok(format!("{text} may be called")))?;

    let found = addresses(outgoing, &url, allow).await;
    note(Stage::Dns, found.as_deref().map(list).map_err(Clone::clone))?;
    let port = url.port_or_known_default().unwrap_or_default();
    let Some(first) = found.ok().and_then(|found| found.first().copied()) else {
        return Err(Stopped);
    };
    let target = SocketAddr::new(first, port);

    let stream = connect(outgoing, target).await;
    let seen = stream.as_ref().map(|_| format!("{target} answers"));
    note(Stage::Tcp, seen.map_err(Clone::clone))?;
    let Ok(stream) = stream else {
        return Err(Stopped);
    };
    if url.scheme() == "https" {
        let seen = shake_hands(outgoing, envelope, &url, stream).await;
        note(Stage::Tls, seen)?;
    } else {
        // An app that serves one connection at a time must not wait for this one.
        drop(stream);
        let words = "not encrypted, as the address begins with http://";
        note(Stage::Tls, Ok(words.to_owned()))?;
    }

    let genuine = &tokens.genuine;
    let called = outgoing.post_logout_token(envelope, genuine, now).await;
    let (http, token) = judge(called, &tokens.content);
    note(Stage::Http, http)?;
    match token {
        Some(token) => note(Stage::Token, token)?,
        None => return Err(Stopped),
    }
    let forged = &tokens.forged;
    let called = outgoing.post_logout_token(envelope, forged, now).await;
    steps.push(judge_forgery(&called));
    Ok(())
}

fn with_help(refusal: address::Refusal) -> String {
    match refusal {
        address::Refusal::Private | address::Refusal::PlainHttp => {
            format!("{refusal}; if it belongs there, allow it with `--allow-private-network`")
        }
        other => other.to_string(),
    }
}

fn list(found: &[IpAddr]) -> String {
    let texts: Vec<_> = found.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

async fn addresses(outgoing: &Outgoing, url: &Url, allow: bool) -> Result<Vec<IpAddr>, String> {
    let name = match url.host() {
        Some(Host::Ipv4(address)) => return Ok(vec![address.into()]),
        Some(Host::Ipv6(address)) => return Ok(vec![address.into()]),
        Some(Host::Domain(name)) => name,
        None => return Err(address::Refusal::NotAnAddress.to_string()),
    };
    let looking = resolver::find(outgoing.look_up.as_ref(), name, allow);
    match tokio::time::timeout(outgoing.patience.connecting, looking).await {
        Err(_) => Err(format!("nobody told in time what {name} stands for")),
        Ok(Ok(found)) => Ok(found),
        Ok(Err(resolver::NameTrouble::Refused(refusal))) => Err(with_help(refusal)),
        Ok(Err(trouble)) => Err(format!(
            "{trouble}; names of containers are known inside of their network only: run the server in \
             that network, or register an address that is known here"
        )),
    }
}

async fn connect(outgoing: &Outgoing, target: SocketAddr) -> Result<TcpStream, String> {
    let patience = outgoing.patience.connecting;
    let too_late = || Err(ErrorKind::TimedOut.into());
    let done = tokio::time::timeout(patience, TcpStream::connect(target)).await;
    done.unwrap_or_else(|_| too_late())
        .map_err(|error| match error.kind() {
            ErrorKind::ConnectionRefused => {
                format!(
                    "{target} refuses connections: nothing listens there, or it is another port"
                )
            }
            ErrorKind::TimedOut | ErrorKind::WouldBlock => {
                format!("{target} does not answer: a firewall between, or the machine is off")
            }
            _ => format!("{target} cannot be reached: {error}"),
        })
}

async fn shake_hands(
    outgoing: &Outgoing,
    envelope: &Envelope,
    url: &Url,
    stream: TcpStream,
) -> Result<String, String> {
    let config = tls::config(&outgoing.roots, envelope.ca_certificates.as_deref())?;
    let host = url.host_str().unwrap_or_default();
    let name = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    let name = ServerName::try_from(name).map_err(|_| "the name fits no certificate".to_owned())?;
    let shaking = TlsConnector::from(Arc::new(config)).connect(name, stream);
    // Whoever sends one byte now and then must not hold us any longer.
    match tokio::time::timeout(outgoing.patience.connecting, shaking).await {
        Err(_) => Err("no encryption was agreed on in time; does TLS answer on this port?".into()),
        Ok(Ok(_)) => Ok(match &envelope.ca_certificates {
            None => "encrypted, and the certificate is good",
            Some(_) => "encrypted, and the certificate is good with those of --ca-file",
        }
        .to_owned()),
        Ok(Err(error)) => Err(tls::find(&error).map_or_else(
            || format!("the handshake broke off: {error}; does TLS answer on this port?"),
            tls::describe,
        )),
    }
}

/// What the answer says of the way, and of the token.
fn judge(
    called: Called,
    content: &str,
) -> (Result<String, String>, Option<Result<String, String>>) {
    let words = called.words.unwrap_or_default();
    match called.attempt {
        Attempt::Answered {
            status: status @ (200 | 204),
            ..
        } => (
            Ok(format!("the app answered {status}")),
            Some(Ok(format!(
                "the app took a logout ({status}) of a session that nobody has, so nobody was \
                 logged out; that is the right answer, and by itself it does not say that the \
                 token was checked"
            ))),
        ),
        // It was read, which is what the step before is about.
        Attempt::Answered { status: 400, .. } => (
            Ok("the app answered 400".to_owned()),
            Some(Err(format!(
                "{words}, its clock, and whether it can read our keys. The token said: {content}. \
                 Some apps answer so for a session that they do not know; then sign in to the app, \
                 log out, and look whether it is told"
            ))),
        ),
        _ => (Err(words), None),
    }
}

/// What the answer to a token that somebody else made says of the app.
fn judge_forgery(called: &Called) -> Step {
    let (verdict, words) = match called.attempt {
        attempt if attempt.is_success() => (
            Verdict::Warning,
            "the app also took a token whose signature is not ours: either it does not check \
             tokens, so that anybody can log people out there, or something before it says yes to \
             everything"
                .to_owned(),
        ),
        Attempt::Answered {
            status: status @ 400..=499,
            ..
        } if status != 408 && status != 429 => (
            Verdict::Good,
            format!(
                "the app refused a token whose signature is not ours ({status}): it checks tokens"
            ),
        ),
        _ => {
            let words = called.words.as_deref().unwrap_or("no answer");
            (
                Verdict::Warning,
                format!(
                    "whether the app refuses a token whose signature is not ours is not known: {words}"
                ),
            )
        }
    };
    Step {
        stage: Stage::Forgery,
        verdict,
        words,
    }
}
