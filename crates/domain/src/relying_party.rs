//! An app that signs people in through Nightlatch, as it was registered.
//!
//! OpenID Connect calls it a relying party or a client, and so do we: a [`RelyingParty`]
//! is known by its [`ClientId`]. On the screen it is an *app*. Owns what may be
//! registered and the exact comparison of addresses; who may register is decided
//! elsewhere.
//!
//! Longer than 400 lines, since what may be registered and how it is compared are one
//! rule.

mod problem;
pub mod protection;

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::ids::{ClientId, OrganizationId};
use crate::secret::TokenDigest;
use crate::time::Timestamp;
pub use problem::RegistrationProblem;
use protection::{Protection, is_callback};

/// The longest name of an app, in characters.
pub const LONGEST_NAME: usize = 80;

/// The longest address that can be registered, in bytes.
pub const LONGEST_URI: usize = 2048;

/// The most addresses of one kind.
pub const MOST_URIS: usize = 50;

/// An app of an organization.
#[derive(Debug, Clone)]
pub struct RelyingParty {
    /// `client_id` in the protocols; never reused.
    pub id: ClientId,
    /// Whose people it signs in.
    pub organization_id: OrganizationId,
    /// What people call it; unique in the organization.
    pub name: String,
    /// What was registered of it.
    pub registration: Registration,
    /// The digest of its secret, if it proves itself with one (OIDC-19).
    pub secret: Option<TokenDigest>,
    /// Whether people can enter it.
    pub status: RelyingPartyStatus,
    /// Raised when it is withdrawn; what carries an older number is dead.
    pub epoch: i64,
    /// When it was registered.
    pub created_at: Timestamp,
}

/// Whether people can enter an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelyingPartyStatus {
    /// They can.
    Active,
    /// It was withdrawn: nobody enters, and nothing that it holds is good.
    Withdrawn,
}

impl RelyingPartyStatus {
    /// The stored and programmatic name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// Reads a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "active" => Some(Self::Active),
            "withdrawn" => Some(Self::Withdrawn),
            _ => None,
        }
    }
}

/// What is registered of an app. Unset values take their defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a setting of its own, written and read by its name"
)]
pub struct Registration {
    /// How it proves itself at our endpoints.
    pub authentication: ClientAuthentication,
    /// Where people are sent back to with a code (OIDC-03).
    pub redirect_uris: Vec<RegisteredUri>,
    /// Where people may be sent after a logout that the app began (RPL-05).
    pub post_logout_redirect_uris: Vec<RegisteredUri>,
    /// Where it hears of logouts; each is told on its own (C7).
    pub backchannel_logout_uris: Vec<RegisteredUri>,
    /// Whether logout tokens name the session. Without, they name the person, which
    /// makes real clients end sessions that should live.
    pub backchannel_logout_session_required: bool,
    /// A page of the app that is loaded in a frame of ours at logout: works on the
    /// same site only, and is never counted as confirmed (FCL-01, FCL-02).
    pub frontchannel_logout_uri: Option<RegisteredUri>,
    /// It asks for logouts itself, because we cannot reach it or it has several
    /// replicas (C6, C7).
    pub pulls_logouts: bool,
    /// How its tokens are signed.
    pub signing_algorithm: SigningAlgorithm,
    /// An app of the company itself: nobody is asked for consent.
    pub first_party: bool,
    /// Its logout addresses may be private, loopback or plain HTTP (BCL-08).
    pub allow_private_network: bool,
    /// Certificates, as PEM, that its logout addresses are verified with in
    /// addition to those of the machine (C6).
    pub ca_certificates: Option<String>,
    /// Whether its ID tokens carry the claims of the scopes that it gets. ID tokens
    /// travel through addresses and logs, so this is for apps that read nothing else
    /// (B8).
    pub claims_in_id_token: bool,
    /// Whether it may leave PKCE out. For an app with a secret that knows nothing of it,
    /// and for the official conformance suite; for nobody by default (OIDC-04).
    pub without_pkce: bool,
    /// Whether it may keep long-lived grants (`offline_access`, OIDC-18).
    pub offline_access: bool,
    /// How long what it gets is good.
    pub lifetimes: Lifetimes,
    /// The app's start page, for the way back when a return address is not
    /// registered (B6), and for the list of apps.
    pub home: Option<RegisteredUri>,
    /// For how long the app itself goes on without asking us, in minutes, as far as
    /// whoever registered it knows; shown where it cannot be told of a logout (C10).
    pub worst_case_minutes: Option<u32>,
    /// The hosts that a proxy protects by asking us, and whom it lets in. Such an app
    /// needs no redirect address. Left out if absent, so that a release before this
    /// one reads all others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protection: Option<Protection>,
}

impl Default for Registration {
    fn default() -> Self {
        Self {
            authentication: ClientAuthentication::default(),
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            backchannel_logout_uris: Vec::new(),
            backchannel_logout_session_required: true,
            frontchannel_logout_uri: None,
            pulls_logouts: false,
            signing_algorithm: SigningAlgorithm::default(),
            first_party: false,
            allow_private_network: false,
            ca_certificates: None,
            claims_in_id_token: false,
            without_pkce: false,
            offline_access: false,
            lifetimes: Lifetimes::default(),
            home: None,
            worst_case_minutes: None,
            protection: None,
        }
    }
}

impl Registration {
    /// Says what is wrong with it as a whole, and how to mend it; addresses were
    /// judged one by one when they were parsed.
    pub fn judge(&self) -> Result<(), RegistrationProblem> {
        use RegistrationProblem as Problem;
        let lists = [
            &self.redirect_uris,
            &self.post_logout_redirect_uris,
            &self.backchannel_logout_uris,
        ];
        if lists.iter().any(|list| list.len() > MOST_URIS) {
            return Err(Problem::TooManyUris);
        }
        match &self.protection {
            Some(protection) => protection.judge().map_err(Problem::Protection)?,
            None if self.redirect_uris.is_empty() => return Err(Problem::NoRedirectUri),
            None => {}
        }
        // Codes that arrive there are for browsers, and never for an app to use.
        if self
            .redirect_uris
            .iter()
            .any(|uri| is_callback(uri.as_str()))
        {
            return Err(Problem::OwnPath);
        }
        // Anybody can claim a scheme of one's own; a code that arrives there is worth
        // nothing only to who has no secret to go with it.
        let own_scheme = |uri: &RegisteredUri| !uri.as_str().starts_with("http");
        if !self.is_public() && self.redirect_uris.iter().any(own_scheme) {
            return Err(Problem::OwnSchemeWithSecret);
        }
        for uri in &self.backchannel_logout_uris {
            let plain = uri.as_str().starts_with("http://");
            if plain && self.is_public() {
                return Err(Problem::PlainLogoutOfPublic);
            }
            if RegisteredUri::parse_logout(uri.as_str(), self.allow_private_network).is_err() {
                return Err(Problem::PlainLogout);
            }
        }
        // PKCE is all that protects its codes.
        if self.without_pkce && self.is_public() {
            return Err(Problem::PublicWithoutPkce);
        }
        // It would never be let in where it asks, and every logout would wait for it.
        if self.pulls_logouts && self.is_public() {
            return Err(Problem::PullsWithoutProof);
        }
        // A frame elsewhere would name the session to whoever listens there (FCL-01).
        if let Some(frame) = &self.frontchannel_logout_uri
            && !self
                .redirect_uris
                .iter()
                .any(|uri| uri.origin() == frame.origin())
        {
            return Err(Problem::FrameElsewhere);
        }
        self.lifetimes.judge()
    }

    /// Whether it keeps no secret: a native app, or one that runs in the browser.
    pub fn is_public(&self) -> bool {
        self.authentication == ClientAuthentication::None
    }

    /// Whether codes may be sent there. Exact, letter by letter; only the port of a
    /// loopback address of an app without secret is free (RFC 8252 section 7.3).
    pub fn is_redirect_uri(&self, presented: &str) -> bool {
        self.redirect_uris.iter().any(|registered| {
            registered.as_str() == presented
                || (self.is_public() && registered.is_same_but_for_loopback_port(presented))
        })
    }

    /// Whether that is where a code for one of its protected hosts arrives.
    pub fn is_host_callback(&self, uri: &str) -> bool {
        self.protection
            .as_ref()
            .is_some_and(|rule| rule.hosts.iter().any(|host| host.callback() == uri))
    }

    /// Whether it only is behind a proxy: it gets no token that could outlive a
    /// session, so its end needs no telling.
    pub fn is_only_protected(&self) -> bool {
        self.protection.is_some() && self.redirect_uris.is_empty()
    }

    /// Whether people may be sent there after a logout; exact (RPL-05).
    pub fn is_post_logout_redirect_uri(&self, presented: &str) -> bool {
        self.post_logout_redirect_uris
            .iter()
            .any(|registered| registered.as_str() == presented)
    }

    /// Whether it uses the secret that it has: for tokens, or to ask for logouts. What
    /// only is behind a proxy never comes to us itself, and a secret that nobody uses can
    /// only be lost.
    pub fn uses_secret(&self) -> bool {
        self.authentication == ClientAuthentication::Secret
            && (self.pulls_logouts || !self.is_only_protected())
    }

    /// Whether a logout reaches it for certain: it hears of each in a way that confirms it,
    /// or is asked about at each request, so that nothing needs telling.
    pub fn can_be_told(&self) -> bool {
        self.pulls_logouts || !self.backchannel_logout_uris.is_empty() || self.is_only_protected()
    }

    /// How it hears of logouts, in words that follow its name; with the longest time for
    /// which it may go on where it does not (C10).
    pub fn how_told(&self) -> String {
        match (self.backchannel_logout_uris.len(), self.pulls_logouts) {
            (0, false) if self.is_only_protected() => {
                "is asked about at each request and ends with the session: nothing needs telling"
                    .to_owned()
            }
            (0, true) => "asks for logouts".to_owned(),
            (0, false) => format!(
                "cannot be told of logouts; may go on for {} minutes",
                self.worst_case()
            ),
            (1, false) => "is told of logouts".to_owned(),
            (several, false) => format!("is told of logouts at {several} addresses"),
            (_, true) => "is told of logouts, and asks".to_owned(),
        }
    }

    /// For how long it may go on if it cannot be told, in minutes: what was
    /// registered, but never less than a token that it verifies by itself lasts. What only
    /// is behind a proxy gets no token, and goes on for no time.
    pub fn worst_case(&self) -> u32 {
        if self.is_only_protected() {
            return self.worst_case_minutes.unwrap_or(0);
        }
        let tokens = self.lifetimes.access_token_seconds.div_ceil(60);
        self.worst_case_minutes
            .map_or(tokens, |minutes| minutes.max(tokens))
    }
}

/// How an app proves itself (OIDC-19).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "method")]
pub enum ClientAuthentication {
    /// With a secret, as `client_secret_basic` or `client_secret_post`.
    #[default]
    Secret,
    /// With assertions that it signs (RFC 7523, `private_key_jwt`).
    PrivateKeyJwt {
        /// Its public keys, as the text of a JWK set.
        jwks: String,
    },
    /// Not at all: it could keep no secret. PKCE protects its codes.
    None,
}

/// How tokens are signed; `alg` in JOSE (RFC 7518, RFC 8037).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum SigningAlgorithm {
    /// RSA with SHA-256; every client can verify it (Core 15.1).
    #[default]
    #[serde(rename = "RS256")]
    Rs256,
    /// ECDSA on P-256.
    #[serde(rename = "ES256")]
    Es256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl SigningAlgorithm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Rs256, Self::Es256, Self::EdDsa];

    /// The name in JOSE, in the database and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// Reads a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}

/// How long what an app gets is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lifetimes {
    /// Of an access token, in seconds (TOK-05).
    pub access_token_seconds: u32,
    /// Of an ID token, in seconds.
    pub id_token_seconds: u32,
    /// A long-lived grant that is not used for so long is over, in days.
    pub offline_idle_days: u32,
    /// A long-lived grant is over after so long, in days.
    pub offline_overall_days: u32,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            access_token_seconds: 5 * 60,
            id_token_seconds: 5 * 60,
            offline_idle_days: 30,
            offline_overall_days: 365,
        }
    }
}

impl Lifetimes {
    fn judge(self) -> Result<(), RegistrationProblem> {
        let seconds = [self.access_token_seconds, self.id_token_seconds];
        let days = [self.offline_idle_days, self.offline_overall_days];
        let good = seconds.iter().all(|one| (60..=3600).contains(one))
            && days.iter().all(|one| (1..=3650).contains(one));
        good.then_some(()).ok_or(RegistrationProblem::Lifetime)
    }

    /// How long an access token is good.
    pub fn access_token(self) -> Duration {
        Duration::from_secs(self.access_token_seconds.into())
    }

    /// How long an ID token is good.
    pub fn id_token(self) -> Duration {
        Duration::from_secs(self.id_token_seconds.into())
    }

    /// How long a long-lived grant may rest.
    pub fn offline_idle(self) -> Duration {
        Duration::from_hours(24 * u64::from(self.offline_idle_days))
    }

    /// How long a long-lived grant lasts.
    pub fn offline_overall(self) -> Duration {
        Duration::from_hours(24 * u64::from(self.offline_overall_days))
    }
}

/// An address of an app, exactly as it was registered: comparing anything but the
/// letters is how open redirectors are made (BCP 4.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RegisteredUri(String);

impl RegisteredUri {
    /// Takes an absolute address without fragment.
    pub fn parse(text: &str) -> Result<Self, UriProblem> {
        if text.len() > LONGEST_URI {
            return Err(UriProblem::TooLong);
        }
        // What the parser would drop or repair is not what a client will send.
        if text
            .bytes()
            .any(|byte| byte <= b' ' || byte == 0x7f || byte == b'\\')
        {
            return Err(UriProblem::NotAbsolute);
        }
        let url = Url::parse(text).map_err(|_| UriProblem::NotAbsolute)?;
        if url.fragment().is_some() {
            return Err(UriProblem::Fragment);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UriProblem::Credentials);
        }
        match url.scheme() {
            "https" | "http" if url.host().is_none() => Err(UriProblem::NotAbsolute),
            "https" => Ok(Self(text.to_owned())),
            "http" if is_loopback(&url) => Ok(Self(text.to_owned())),
            "http" => Err(UriProblem::PlainHttp),
            // Names of their own, turned around: RFC 8252 section 7.1. Without the
            // dot it would be a scheme that browsers run, or that everybody claims.
            scheme if scheme.contains('.') => Ok(Self(text.to_owned())),
            _ => Err(UriProblem::Scheme),
        }
    }

    /// Takes an address at which an app hears of logouts: `https`, or `http` where an
    /// administrator allows the private network (BCL-01).
    pub fn parse_logout(text: &str, allow_private_network: bool) -> Result<Self, UriProblem> {
        let plain = text.starts_with("http://") && allow_private_network;
        let parsed = if plain {
            // All other rules hold as for the encrypted twin.
            let rest = text.trim_start_matches("http://");
            Self::parse(&format!("https://{rest}")).map(|_| Self(text.to_owned()))
        } else {
            Self::parse(text)
        }?;
        match text.split_once(':').map(|(scheme, _)| scheme) {
            Some("https") => Ok(parsed),
            Some("http") if allow_private_network => Ok(parsed),
            Some("http") => Err(UriProblem::PlainHttp),
            _ => Err(UriProblem::Scheme),
        }
    }

    /// As it was registered.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Scheme, host and port, as `Content-Security-Policy` names them; for a scheme
    /// of its own just that.
    pub fn origin(&self) -> String {
        match Url::parse(&self.0) {
            Ok(url) if url.host().is_some() && matches!(url.scheme(), "http" | "https") => {
                url.origin().ascii_serialization()
            }
            Ok(url) => format!("{}:", url.scheme()),
            Err(_) => String::new(),
        }
    }

    fn is_same_but_for_loopback_port(&self, presented: &str) -> bool {
        let (Ok(mut registered), Ok(mut other)) = (Url::parse(&self.0), Url::parse(presented))
        else {
            return false;
        };
        let is_literal = |url: &Url| matches!(url.host(), Some(Host::Ipv4(_) | Host::Ipv6(_)));
        if registered.scheme() != "http" || !is_loopback(&registered) || !is_literal(&registered) {
            return false;
        }
        // Compared as text once the ports are gone, and only if the parser changed
        // nothing of what was presented.
        let unchanged = other.as_str() == presented;
        let removed = registered.set_port(None).is_ok() && other.set_port(None).is_ok();
        unchanged && removed && registered == other
    }
}

impl TryFrom<String> for RegisteredUri {
    type Error = UriProblem;

    // Stored logout addresses may be plain HTTP; that was judged when they came.
    fn try_from(text: String) -> Result<Self, UriProblem> {
        match Self::parse(&text) {
            Err(UriProblem::PlainHttp) => Self::parse_logout(&text, true),
            result => result,
        }
    }
}

impl From<RegisteredUri> for String {
    fn from(uri: RegisteredUri) -> Self {
        uri.0
    }
}

impl fmt::Display for RegisteredUri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Why an address cannot be registered; prints how to mend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UriProblem {
    /// It has no scheme and host, or holds spaces.
    NotAbsolute,
    /// It is longer than [`LONGEST_URI`].
    TooLong,
    /// It has a part after `#`.
    Fragment,
    /// It names a user or password.
    Credentials,
    /// It is `http` and not loopback.
    PlainHttp,
    /// Its scheme is neither `https` nor the app's own.
    Scheme,
}

impl fmt::Display for UriProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NotAbsolute => "write the whole address, for example https://crm.example.com/callback",
            Self::TooLong => "the address is too long; at most 2048 characters are kept",
            Self::Fragment => "the address must have no part after #",
            Self::Credentials => "the address must hold no user name or password",
            Self::PlainHttp => "the address must begin with https://; http:// is for this machine only (127.0.0.1, [::1], localhost)",
            Self::Scheme => "the address must begin with https://, or with a scheme of the app's own such as com.example.app:/",
        })
    }
}

impl std::error::Error for UriProblem {}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address == Ipv4Addr::LOCALHOST,
        Some(Host::Ipv6(address)) => address == Ipv6Addr::LOCALHOST,
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests;
