//! Trying an app's logout address out, step by step, so that whoever connects an app
//! sees at which one it fails and what usually helps (B6, C6, C8).
//!
//! It sends a real logout token, for a session that nobody has.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;

use nightlatch_domain::Timestamp;
use nightlatch_domain::notice::{Attempt, Envelope};
use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use serde::{Deserialize, Serialize};
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
        }
    }
}

/// What a step came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Which.
    pub stage: Stage,
    /// Whether it did.
    pub good: bool,
    /// What was seen, or what is wrong and what usually helps.
    pub words: String,
}

/// Tries an address out with a token from [`crate::oidc::backchannel::Logout::probe`].
/// The steps end with the first that is not good.
pub async fn probe(
    outgoing: &Outgoing,
    envelope: &Envelope,
    token: &str,
    now: Timestamp,
) -> Vec<Step> {
    let mut steps = Vec::new();
    // Nothing is lost by stopping early: the words of the last step say why.
    drop(walk(outgoing, envelope, token, now, &mut steps).await);
    steps
}

/// The end of the walk.
struct Stopped;

async fn walk(
    outgoing: &Outgoing,
    envelope: &Envelope,
    token: &str,
    now: Timestamp,
    steps: &mut Vec<Step>,
) -> Result<(), Stopped> {
    let mut note = |stage, seen: Result<String, String>| {
        let good = seen.is_ok();
        let words = seen.unwrap_or_else(|words| words);
        steps.push(Step { stage, good, words });
        if good { Ok(()) } else { Err(Stopped) }
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
    if url.scheme() == "https" {
        let Ok(stream) = stream else {
            return Err(Stopped);
        };
        note(
            Stage::Tls,
            shake_hands(outgoing, envelope, &url, stream).await,
        )?;
    } else {
        // An app that serves one connection at a time must not wait for this one.
        drop(stream);
        let words = "not encrypted, as the address begins with http://";
        note(Stage::Tls, Ok(words.to_owned()))?;
    }

    let called = outgoing.post_logout_token(envelope, token, now).await;
    let (http, token) = judge(called);
    note(Stage::Http, http)?;
    match token {
        Some(token) => note(Stage::Token, token),
        None => Err(Stopped),
    }
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
            "{trouble}; names of containers are known inside of their network only"
        )),
    }
}

async fn connect(outgoing: &Outgoing, target: SocketAddr) -> Result<TcpStream, String> {
    let patience = outgoing.patience.connecting;
    let whole = outgoing.patience.whole;
    let work = move || {
        let stream = TcpStream::connect_timeout(&target, patience)?;
        stream.set_read_timeout(Some(whole))?;
        stream.set_write_timeout(Some(whole))?;
        Ok(stream)
    };
    let done: std::io::Result<TcpStream> = tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(ErrorKind::Other.into()));
    done.map_err(|error| match error.kind() {
        ErrorKind::ConnectionRefused => {
            format!("{target} refuses connections: nothing listens there, or it is another port")
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
    mut stream: TcpStream,
) -> Result<String, String> {
    let config = tls::config(&outgoing.roots, envelope.ca_certificates.as_deref())?;
    let host = url.host_str().unwrap_or_default();
    let name = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    let name = ServerName::try_from(name).map_err(|_| "the name fits no certificate".to_owned())?;
    let mut connection =
        ClientConnection::new(Arc::new(config), name).map_err(|error| tls::describe(&error))?;
    let work = move || {
        while connection.is_handshaking() {
            connection.complete_io(&mut stream)?;
        }
        Ok(())
    };
    let done: std::io::Result<()> = tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(ErrorKind::Other.into()));
    match done {
        Ok(()) => Ok("encrypted, and the certificate is good".to_owned()),
        Err(error) => Err(tls::find(&error).map_or_else(
            || format!("the handshake broke off: {error}; does TLS answer on this port?"),
            tls::describe,
        )),
    }
}

/// What the answer says of the way, and of the token.
fn judge(called: Called) -> (Result<String, String>, Option<Result<String, String>>) {
    let words = called.words.unwrap_or_default();
    match called.attempt {
        Attempt::Answered {
            status: status @ (200 | 204),
            ..
        } => (
            Ok(format!("the app answered {status}")),
            Some(Ok(
                "the app took a logout of a session that it does not know".to_owned(),
            )),
        ),
        // It was read, which is what the step before is about.
        Attempt::Answered { status: 400, .. } => (
            Ok("the app answered 400".to_owned()),
            Some(Err(format!(
                "{words}. Some apps answer so for a session that they do not know; then sign in \
                 to the app, log out, and look whether it is told"
            ))),
        ),
        _ => (Err(words), None),
    }
}
