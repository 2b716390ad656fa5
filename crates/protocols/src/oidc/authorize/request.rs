//! Reading an authorization request.
//!
//! [`Parameters`] are the pairs as they came. Whether they may be acted upon is
//! judged in [`super::checks`]; what passed is read into an
//! [`AuthorizationRequest`], which is also the form in which a request waits for
//! its person.

use nightlatch_domain::grant::Scopes;
use nightlatch_domain::ids::{ClientId, UserId};
use serde::{Deserialize, Serialize};

use crate::oidc::claims::Claims;

/// The most that is kept of one request, in bytes: whoever is not signed in may
/// send some.
pub const LONGEST_REQUEST: usize = 16 * 1024;

/// The parameters that are looked at; others are ignored (OIDC-15).
pub(super) const KNOWN: [&str; 18] = [
    "acr_values",
    "claims",
    "client_id",
    "code_challenge",
    "code_challenge_method",
    "id_token_hint",
    "login_hint",
    "max_age",
    "nonce",
    "prompt",
    "redirect_uri",
    "registration",
    "request",
    "request_uri",
    "response_mode",
    "response_type",
    "scope",
    "state",
];

/// The parameters of a request as they came.
#[derive(Debug, Clone, Default)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Takes pairs that were decoded. One without a value counts as not sent (RFC
    /// 6749 section 3.1).
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(
            pairs
                .into_iter()
                .filter(|(_, value)| !value.is_empty())
                .collect(),
        )
    }

    /// The first value of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether a name came more than once.
    pub fn is_repeated(&self, name: &str) -> bool {
        self.0.iter().filter(|(found, _)| found == name).count() > 1
    }

    /// Whether there is more than is kept.
    pub(super) fn is_too_long(&self) -> bool {
        let bytes: usize = self
            .0
            .iter()
            .filter(|(name, _)| KNOWN.contains(&name.as_str()))
            .map(|(_, value)| value.len())
            .sum();
        bytes > LONGEST_REQUEST
    }

    /// The app that is named, if that is a name of an app at all.
    pub fn client_id(&self) -> Option<ClientId> {
        self.get("client_id")?.parse().ok()
    }
}

/// How the answer gets to the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query of the redirect address.
    #[default]
    Query,
    /// In a form that the browser sends there (Form Post Response Mode).
    FormPost,
}

impl ResponseMode {
    /// Reads the parameter; `None` for one that is not offered.
    pub fn of(parameters: &Parameters) -> Option<Self> {
        match parameters.get("response_mode") {
            None | Some("query") => Some(Self::Query),
            Some("form_post") => Some(Self::FormPost),
            Some(_) => None,
        }
    }
}

/// What the app wants of the person (`prompt`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the words of a set, each there or not"
)]
pub struct Prompt {
    /// Nothing: no page may be shown (OIDC-09).
    pub none: bool,
    /// A proof of who they are, now.
    pub login: bool,
    /// Their consent, now.
    pub consent: bool,
    /// A choice of account.
    pub select_account: bool,
}

impl Prompt {
    /// Reads the parameter; `None` for words that nobody defined, and for `none`
    /// beside others.
    pub fn parse(text: &str) -> Option<Self> {
        let mut prompt = Self::default();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            match word {
                "none" => prompt.none = true,
                "login" => prompt.login = true,
                "consent" => prompt.consent = true,
                "select_account" => prompt.select_account = true,
                _ => return None,
            }
        }
        let asks = prompt.login || prompt.consent || prompt.select_account;
        (!(prompt.none && asks)).then_some(prompt)
    }
}

/// A request that passed the checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// The app.
    pub client_id: ClientId,
    /// Where the answer goes; registered.
    pub redirect_uri: String,
    /// How it gets there.
    pub response_mode: ResponseMode,
    /// What it asks for, as far as we know such things.
    pub scopes: Scopes,
    /// Comes back unchanged.
    pub state: Option<String>,
    /// Comes back in the ID token.
    pub nonce: Option<String>,
    /// S256 of the verifier (RFC 7636), unless the app may leave PKCE out.
    pub challenge: Option<String>,
    /// What it wants of the person.
    pub prompt: Prompt,
    /// How long ago the last proof may be, in seconds.
    pub max_age: Option<u64>,
    /// Who is expected, as the person would write it.
    pub login_hint: Option<String>,
    /// Who it must be and nobody else: from an ID token of ours, or a wish for this
    /// `sub` (OIDC-13).
    pub subject: Option<UserId>,
    /// Which claims it would like.
    pub claims: Claims,
    /// Which levels of proof it would like, the best first.
    pub acr_values: Vec<String>,
    /// It is for a protected host, and not an app's own request.
    #[serde(default)]
    pub host: Option<HostRequest>,
}

/// What a request for a protected host brings along.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostRequest {
    /// The path on that host to which the person was going; checked.
    pub return_to: String,
}

impl AuthorizationRequest {
    /// Reads a request that passed all checks; `None` if it did not.
    pub(super) fn read(parameters: &Parameters, hinted: Option<UserId>) -> Option<Self> {
        let text = |name: &str| parameters.get(name).map(str::to_owned);
        let claims = match parameters.get("claims") {
            None => Claims::default(),
            Some(text) => Claims::parse(text)?,
        };
        let wished = claims.in_id_token("sub");
        let wished = match wished.and_then(|wish| wish.values.first()) {
            None => None,
            Some(subject) => Some(subject.parse().ok()?),
        };
        Some(Self {
            client_id: parameters.client_id()?,
            redirect_uri: text("redirect_uri")?,
            response_mode: ResponseMode::of(parameters)?,
            scopes: Scopes::parse(parameters.get("scope").unwrap_or_default()),
            state: text("state"),
            nonce: text("nonce"),
            challenge: text("code_challenge"),
            prompt: Prompt::parse(parameters.get("prompt").unwrap_or_default())?,
            max_age: match parameters.get("max_age") {
                None => None,
                Some(text) => Some(text.parse().ok()?),
            },
            login_hint: text("login_hint"),
            subject: hinted.or(wished),
            claims,
            acr_values: parameters
                .get("acr_values")
                .unwrap_or_default()
                .split(' ')
                .filter(|value| !value.is_empty())
                .map(str::to_owned)
                .collect(),
            host: None,
        })
    }
}
