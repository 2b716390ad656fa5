//! Trying a whole app out: every address at which it hears of logouts is called
//! ([`crate::outgoing::probe`]), and every address that people are sent to is judged as it
//! is registered (B6, C6, C8).
//!
//! Owns what is looked at and what is said of it. Browsers' addresses are never called:
//! what answers there is for people, and may act on being opened.

use nightlatch_domain::notice::{Channel, Envelope};
use nightlatch_domain::relying_party::{RegisteredUri, RelyingParty, RelyingPartyStatus};
use nightlatch_flows::Moment;
use nightlatch_flows::sealing::Sealer;
use nightlatch_storage::Store;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use url::{Host, Url};

use crate::oidc::backchannel::{Logout, forge};
use crate::outgoing::Outgoing;
use crate::outgoing::probe::{Stage, Step, Tokens, Verdict, probe};
use crate::signing_keys::{SigningKeys, SigningKeysError};

/// What a test works with.
#[derive(Debug, Clone, Copy)]
pub struct Bench<'a> {
    /// Where the keys are.
    pub store: &'a Store,
    /// Opens them.
    pub sealer: &'a Sealer,
    /// The keys as this process knows them.
    pub signing: &'a SigningKeys,
    /// Calls the app.
    pub outgoing: &'a Outgoing,
    /// Our own address.
    pub issuer: &'a str,
    /// Now.
    pub moment: &'a Moment,
}

/// What an address is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The app as a whole.
    App,
    /// We call it with logouts.
    BackChannelLogout,
    /// It asks us for logouts.
    Pull,
    /// People come back there with a code.
    Redirect,
    /// People come back there after a logout.
    PostLogoutRedirect,
    /// It is shown in a frame at logout.
    FrontChannelLogout,
    /// The app's start page.
    Home,
}

impl Purpose {
    /// The name that operators read.
    pub const fn words(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::BackChannelLogout => "back-channel logout",
            Self::Pull => "pull feed",
            Self::Redirect => "redirect",
            Self::PostLogoutRedirect => "post-logout redirect",
            Self::FrontChannelLogout => "front-channel logout",
            Self::Home => "home",
        }
    }
}

/// What was found out about one address, or about the lack of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// What it is for.
    pub purpose: Purpose,
    /// The address as it is registered; none where none is.
    pub address: Option<String>,
    /// The worst of its steps.
    pub verdict: Verdict,
    /// What was looked at, in order.
    pub steps: Vec<Step>,
}

impl Tried {
    fn new(purpose: Purpose, address: Option<String>, steps: Vec<Step>) -> Self {
        let verdict = steps.iter().map(|step| step.verdict).max();
        Self {
            purpose,
            address,
            verdict: verdict.unwrap_or_default(),
            steps,
        }
    }

    fn one(purpose: Purpose, verdict: Verdict, words: impl Into<String>) -> Self {
        Self::new(purpose, None, vec![step(verdict, words)])
    }
}

/// What was found out about an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The worst of all.
    pub verdict: Verdict,
    /// Each address in turn, those that are called first.
    pub tried: Vec<Tried>,
}

fn step(verdict: Verdict, words: impl Into<String>) -> Step {
    Step {
        stage: Stage::Address,
        verdict,
        words: words.into(),
    }
}

/// Tries an app out. All addresses at once: one that hangs makes nobody wait for the
/// others.
pub async fn run(bench: Bench<'_>, app: &RelyingParty) -> Result<Report, SigningKeysError> {
    let mut tried = Vec::new();
    if app.status == RelyingPartyStatus::Withdrawn {
        let words = "the app is withdrawn: nobody can enter it, and nothing that it holds is good; \
                     `app restore` lets people in again";
        tried.push(Tried::one(Purpose::App, Verdict::Failed, words));
    }
    tried.extend(call(bench, app).await?);
    tried.extend(judge_browser_addresses(bench, app).await);
    let verdict = tried.iter().map(|one| one.verdict).max();
    Ok(Report {
        verdict: verdict.unwrap_or_default(),
        tried,
    })
}

/// The ways in which the app hears of logouts.
async fn call(bench: Bench<'_>, app: &RelyingParty) -> Result<Vec<Tried>, SigningKeysError> {
    let mut tried = Vec::new();
    let mut calls = JoinSet::new();
    for (number, (channel, envelope)) in Envelope::all_of(app).into_iter().enumerate() {
        match channel {
            Channel::BackChannel => {
                let tokens = tokens(bench, app).await?;
                let (outgoing, now) = (bench.outgoing.clone(), bench.moment.now);
                let own = leads_to_us(envelope.address.as_deref(), bench.issuer);
                calls.spawn(async move {
                    let steps = match own {
                        Some(refusal) => vec![refusal],
                        None => probe(&outgoing, &envelope, &tokens, now).await,
                    };
                    let purpose = Purpose::BackChannelLogout;
                    (number, Tried::new(purpose, envelope.address, steps))
                });
            }
            Channel::Pull => tried.push(Tried::one(
                Purpose::Pull,
                Verdict::Good,
                format!(
                    "the app asks for logouts itself, at {}/oauth2/events/poll; `notice list` shows \
                     whether something waits for it",
                    bench.issuer
                ),
            )),
            Channel::AtEachRequest => tried.push(Tried::one(
                Purpose::BackChannelLogout,
                Verdict::Good,
                "its proxy asks at each request, so it is over with the session: nothing needs \
                 telling",
            )),
            Channel::None => tried.push(Tried::one(
                Purpose::BackChannelLogout,
                Verdict::Warning,
                format!(
                    "the app cannot be told of logouts: it may go on for {} minutes after each. \
                     Register --backchannel-logout-uri, or --pull where it cannot be reached",
                    envelope.worst_case_minutes
                ),
            )),
        }
    }
    let mut called = calls.join_all().await;
    called.sort_by_key(|(number, _)| *number);
    let called = called.into_iter().map(|(_, one)| one);
    Ok(called.chain(tried).collect())
}

/// Tokens of this address alone: an app may refuse an id that it has seen.
async fn tokens(bench: Bench<'_>, app: &RelyingParty) -> Result<Tokens, SigningKeysError> {
    let algorithm = app.registration.signing_algorithm;
    let (issuer, moment) = (bench.issuer, bench.moment);
    let keys = bench
        .signing
        .for_signing(bench.store, bench.sealer, moment, algorithm)
        .await?;
    let sign = || Logout::probe(issuer, app.id, algorithm, moment).sign(&keys, moment);
    let (genuine, other) = (sign()?, sign()?);
    Ok(Tokens {
        genuine,
        forged: forge(&other),
        content: format!(
            "iss {issuer}, aud {}, signed with {}; our keys are at {issuer}/oauth2/jwks",
            app.id,
            algorithm.name()
        ),
    })
}

fn leads_to_us(address: Option<&str>, issuer: &str) -> Option<Step> {
    let (own, other) = (Url::parse(issuer).ok()?, Url::parse(address?).ok()?);
    (own.origin() == other.origin()).then(|| {
        step(
            Verdict::Failed,
            "the address is Nightlatch's own; register the app's",
        )
    })
}

/// Addresses that browsers open.
async fn judge_browser_addresses(bench: Bench<'_>, app: &RelyingParty) -> Vec<Tried> {
    let registration = &app.registration;
    let of = |purpose| move |uri: &RegisteredUri| (purpose, uri.clone());
    let mut all: Vec<_> = registration
        .redirect_uris
        .iter()
        .map(of(Purpose::Redirect))
        .collect();
    let after = registration.post_logout_redirect_uris.iter();
    all.extend(after.map(of(Purpose::PostLogoutRedirect)));
    let frame = registration.frontchannel_logout_uri.iter();
    all.extend(frame.map(of(Purpose::FrontChannelLogout)));
    all.extend(registration.home.iter().map(of(Purpose::Home)));
    let mut looking = JoinSet::new();
    for (number, (purpose, uri)) in all.into_iter().enumerate() {
        let mut steps = judge_browser_address(purpose, &uri, app, bench.issuer);
        let outgoing = bench.outgoing.clone();
        looking.spawn(async move {
            steps.extend(look_up(&outgoing, &uri).await);
            let address = Some(uri.as_str().to_owned());
            (number, Tried::new(purpose, address, steps))
        });
    }
    let mut found = looking.join_all().await;
    found.sort_by_key(|(number, _)| *number);
    let mut tried: Vec<_> = found.into_iter().map(|(_, one)| one).collect();
    if registration.post_logout_redirect_uris.is_empty() {
        let landing = match &registration.home {
            Some(home) => format!("on our page, with a link to {home}"),
            None => "on our page, without a way back to the app".to_owned(),
        };
        tried.push(Tried::one(
            Purpose::PostLogoutRedirect,
            Verdict::Warning,
            format!(
                "none is registered: after a logout that the app begins, people stay {landing}. \
                 If the app sends `post_logout_redirect_uri`, register it letter by letter with \
                 --post-logout-redirect-uri; the server's log names each that it refuses"
            ),
        ));
    }
    tried
}

/// What can be said of an address without calling it.
fn judge_browser_address(
    purpose: Purpose,
    uri: &RegisteredUri,
    app: &RelyingParty,
    issuer: &str,
) -> Vec<Step> {
    let text = uri.as_str();
    let (Ok(url), Ok(own)) = (Url::parse(text), Url::parse(issuer)) else {
        return vec![step(Verdict::Failed, "this is no address")];
    };
    if let Some(refusal) = leads_to_us(Some(text), issuer) {
        return vec![refusal];
    }
    if !matches!(url.scheme(), "http" | "https") {
        let words = "opens the native app that has claimed this scheme on the person's device";
        return vec![step(Verdict::Good, words)];
    }
    let mut steps = Vec::new();
    let mut note = |verdict, words: String| steps.push(step(verdict, words));
    if text.contains('*') {
        let words = "addresses are compared letter by letter, so `*` stands for nothing but itself: \
                     register each address that the app uses";
        note(Verdict::Failed, words.to_owned());
    }
    if purpose == Purpose::Redirect {
        let taken = ["code", "state", "error", "iss"];
        if let Some((name, _)) = url.query_pairs().find(|(name, _)| taken.contains(&&**name)) {
            note(
                Verdict::Warning,
                format!(
                    "the address has a parameter `{name}` of its own, which our answer has too; most apps then read the wrong one"
                ),
            );
        }
    }
    if is_loopback(&url) && !is_loopback(&own) && !app.registration.is_public() {
        let words = "leads to the computer of whoever signs in; that is for trying out on one's own \
                     computer and for native apps";
        note(Verdict::Warning, words.to_owned());
    }
    let others = app.registration.redirect_uris.iter();
    let mut others = others.chain(app.registration.home.iter());
    if purpose == Purpose::PostLogoutRedirect && !others.any(|one| one.origin() == uri.origin()) {
        let words = "no other address of the app is on this host; look whether that is a slip";
        note(Verdict::Warning, words.to_owned());
    }
    if purpose == Purpose::FrontChannelLogout {
        note_frame(&url, &own, &mut note);
    }
    if steps.is_empty() {
        let words = match purpose {
            Purpose::Redirect => {
                "people come back here from signing in, if the app asks for exactly this address"
            }
            Purpose::PostLogoutRedirect => {
                "people come back here from logging out, if the app asks for exactly this address"
            }
            Purpose::FrontChannelLogout => {
                "is shown in a frame at logout, and never counts as confirmed"
            }
            _ => "the way back to the app",
        };
        steps.push(step(Verdict::Good, words));
    }
    steps
}

/// Whether a frame of ours can do anything there (FCL-01, FCL-02).
fn note_frame(url: &Url, own: &Url, note: &mut impl FnMut(Verdict, String)) {
    if own.scheme() == "https" && url.scheme() == "http" && !is_loopback(url) {
        let words = "browsers show nothing that begins with http:// in a page that is encrypted";
        note(Verdict::Failed, words.to_owned());
    }
    if site_of(url) != site_of(own) {
        note(
            Verdict::Warning,
            "is on another site than Nightlatch, so most browsers hold the app's cookies back in the \
             frame and nothing ends there: register --backchannel-logout-uri or --pull as well"
                .to_owned(),
        );
    }
}

/// The last two labels of a name, or the number: near enough to what browsers take for
/// one site to say that two are different ones.
fn site_of(url: &Url) -> String {
    match url.host() {
        Some(Host::Domain(name)) => {
            let mut labels: Vec<_> = name.rsplit('.').take(2).collect();
            labels.reverse();
            labels.join(".")
        }
        Some(host) => host.to_string(),
        None => String::new(),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Whether the name of a browser's address is known here. Where it is not, browsers
/// may know it all the same.
async fn look_up(outgoing: &Outgoing, uri: &RegisteredUri) -> Option<Step> {
    let url = Url::parse(uri.as_str()).ok()?;
    let name = match url.host() {
        Some(Host::Domain(name)) if matches!(url.scheme(), "http" | "https") => name.to_owned(),
        _ => return None,
    };
    if outgoing.knows(&name).await {
        return None;
    }
    Some(Step {
        stage: Stage::Dns,
        verdict: Verdict::Warning,
        words: format!(
            "the name {name} was not found from here; look whether people's browsers find it"
        ),
    })
}

#[cfg(test)]
mod tests;
