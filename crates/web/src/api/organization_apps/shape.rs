//! How an app is written and read.

use nightlatch_domain::Timestamp;
use nightlatch_domain::relying_party::{ClientAuthentication, RegisteredUri, RelyingParty};
use nightlatch_flows::app_health::Overview;
use nightlatch_protocols::registration::AppWish;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

mod protection;

use self::protection::{ProtectionEntry, ProtectionSettings};

/// How an app proves itself.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Authentication {
    /// With a secret.
    Secret,
    /// With assertions that it signs; `jwks` holds its public keys.
    PrivateKeyJwt,
    /// Not at all: a native app, or one that runs in the browser.
    None,
}

/// What is wanted of an app; what is left out stays as it is, or takes its default.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AppSettings {
    /// What people call it; unique in the organization. Needed to register it.
    pub(crate) name: Option<String>,
    /// How it proves itself; `secret` by default.
    authentication: Option<Authentication>,
    /// Its public keys as a JWK set, for `private_key_jwt`.
    #[schema(value_type = Option<Object>)]
    jwks: Option<Value>,
    /// Where people are sent back to with a code; at least one, compared letter by letter.
    redirect_uris: Option<Vec<String>>,
    /// Where people may be sent after a logout that the app began.
    post_logout_redirect_uris: Option<Vec<String>>,
    /// Where it hears of logouts; each is told on its own.
    backchannel_logout_uris: Option<Vec<String>>,
    /// A page of it that ends its session when it is shown in a frame; empty for none.
    frontchannel_logout_uri: Option<String>,
    /// Its start page; empty for none.
    home: Option<String>,
    /// An app of the company itself: nobody is asked for consent.
    first_party: Option<bool>,
    /// Its logout addresses may be private, loopback or plain HTTP. Where several
    /// organizations share a server, only whoever runs it can allow that.
    allow_private_network: Option<bool>,
    /// It may go on when the person is not there.
    offline_access: Option<bool>,
    /// Its ID tokens carry name and e-mail address, as its scopes say.
    claims_in_id_token: Option<bool>,
    /// It may leave PKCE out; for an app with a secret that knows nothing of it.
    without_pkce: Option<bool>,
    /// It asks for logouts itself.
    pull: Option<bool>,
    /// Its logout tokens name the person and not the session; rarely right.
    without_sid: Option<bool>,
    /// `RS256`, `ES256` or `EdDSA`.
    signing_algorithm: Option<String>,
    /// Certificates (PEM) that its logout addresses are verified with; empty for none.
    ca_certificates: Option<String>,
    /// How long an access token is good.
    access_token_seconds: Option<u32>,
    /// How long an ID token is good.
    id_token_seconds: Option<u32>,
    /// A long-lived grant that rests for so long is over.
    offline_idle_days: Option<u32>,
    /// A long-lived grant is over after so long.
    offline_overall_days: Option<u32>,
    /// For how long it goes on without asking, as far as you know.
    worst_case_minutes: Option<u32>,
    /// What a proxy protects of it by asking us.
    protection: Option<ProtectionSettings>,
}

impl AppSettings {
    /// The same as the command line asks for it.
    pub(super) fn into_wish(self) -> Result<AppWish, String> {
        let authentication = match (self.authentication, self.jwks) {
            (None | Some(Authentication::PrivateKeyJwt), Some(jwks)) => {
                let jwks = jwks.to_string();
                Some(ClientAuthentication::PrivateKeyJwt { jwks })
            }
            (Some(Authentication::PrivateKeyJwt), None) => {
                return Err("`private_key_jwt` needs the app's public keys in `jwks`.".to_owned());
            }
            (Some(_), Some(_)) => {
                return Err("`jwks` goes with `private_key_jwt` alone.".to_owned());
            }
            (Some(Authentication::Secret), None) => Some(ClientAuthentication::Secret),
            (Some(Authentication::None), None) => Some(ClientAuthentication::None),
            (None, None) => None,
        };
        Ok(AppWish {
            redirect_uris: self.redirect_uris,
            post_logout_redirect_uris: self.post_logout_redirect_uris,
            backchannel_logout_uris: self.backchannel_logout_uris,
            frontchannel_logout_uri: self.frontchannel_logout_uri,
            home: self.home,
            authentication,
            first_party: self.first_party,
            allow_private_network: self.allow_private_network,
            offline_access: self.offline_access,
            claims_in_id_token: self.claims_in_id_token,
            without_pkce: self.without_pkce,
            pull: self.pull,
            without_sid: self.without_sid,
            signing_algorithm: self.signing_algorithm,
            ca_certificates: self.ca_certificates,
            access_token_seconds: self.access_token_seconds,
            id_token_seconds: self.id_token_seconds,
            offline_idle_days: self.offline_idle_days,
            offline_overall_days: self.offline_overall_days,
            protection: self.protection.unwrap_or_default().into_wish(),
            worst_case_minutes: self.worst_case_minutes,
        })
    }
}

/// An app of the organization.
#[derive(Serialize, ToSchema)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a setting of its own, read by its name"
)]
pub(crate) struct AppEntry {
    /// `client_id` in OpenID Connect.
    client_id: String,
    /// What people call it.
    name: String,
    /// `active` or `withdrawn`.
    status: String,
    /// When it was registered (RFC 3339).
    created_at: String,
    /// How it hears of logouts, in words that follow its name.
    told: String,
    /// Whether a logout reaches it for certain: it hears of each in a way that confirms it,
    /// or a proxy asks us at each request, so that nothing needs telling.
    can_be_told: bool,
    /// For how long it may go on after a logout that it is not told of, in minutes: what
    /// was registered, but never less than its access tokens last.
    worst_case_minutes: u32,
    /// How it proves itself.
    authentication: Authentication,
    /// Its public keys as a JWK set, if it signs assertions.
    #[schema(value_type = Option<Object>)]
    jwks: Option<Value>,
    /// Where people are sent back to with a code.
    redirect_uris: Vec<String>,
    /// Where people may be sent after a logout that the app began.
    post_logout_redirect_uris: Vec<String>,
    /// Where it hears of logouts.
    backchannel_logout_uris: Vec<String>,
    /// A page of it that is shown in a frame at logout.
    frontchannel_logout_uri: Option<String>,
    /// Its start page.
    home: Option<String>,
    /// Whether it is an app of the company itself.
    first_party: bool,
    /// Whether its logout addresses may be private, loopback or plain HTTP.
    allow_private_network: bool,
    /// Whether it may go on when the person is not there.
    offline_access: bool,
    /// Whether its ID tokens carry name and e-mail address, as its scopes say.
    claims_in_id_token: bool,
    /// Whether it may leave PKCE out.
    without_pkce: bool,
    /// Whether it asks for logouts itself.
    pull: bool,
    /// Whether its logout tokens name the person and not the session.
    without_sid: bool,
    /// How its tokens are signed.
    signing_algorithm: String,
    /// Certificates (PEM) that its logout addresses are verified with.
    ca_certificates: Option<String>,
    /// How long an access token is good.
    access_token_seconds: u32,
    /// How long an ID token is good.
    id_token_seconds: u32,
    /// A long-lived grant that rests for so long is over.
    offline_idle_days: u32,
    /// A long-lived grant is over after so long.
    offline_overall_days: u32,
    /// What a proxy protects of it by asking us.
    protection: Option<ProtectionEntry>,
    /// How it stands with telling it of logouts; where one app is read.
    pub(super) delivery: Option<DeliveryEntry>,
}

/// How it stands with telling an app of logouts (DLV-04).
#[derive(Serialize, ToSchema)]
pub(crate) struct DeliveryEntry {
    /// Logouts that it has confirmed, ever.
    confirmed: i64,
    /// Logouts that it does not know yet, counted up to 10000.
    waiting: i64,
    /// Logouts that it refused or that were given up, counted up to 10000.
    undelivered: i64,
    /// The last attempts that are remembered, at most 64.
    recent_attempts: u32,
    /// How many of these failed.
    recent_failures: u32,
    /// How long it usually takes to confirm.
    latency_milliseconds: Option<u64>,
    /// When it last confirmed a logout (RFC 3339).
    last_success_at: Option<String>,
    /// When an attempt last failed (RFC 3339).
    last_failure_at: Option<String>,
    /// Why.
    last_error: Option<String>,
    /// Whether it fails repeatedly.
    failing: bool,
}

impl From<Overview> for DeliveryEntry {
    fn from(overview: Overview) -> Self {
        let health = overview.health;
        let (recent_failures, recent_attempts) = health.recent();
        let text = |at: Option<Timestamp>| at.map(Timestamp::to_rfc3339);
        Self {
            confirmed: health.confirmed,
            waiting: overview.waiting,
            undelivered: overview.undelivered,
            recent_attempts,
            recent_failures,
            latency_milliseconds: health.latency_milliseconds,
            last_success_at: text(health.last_success_at),
            last_failure_at: text(health.last_failure_at),
            last_error: health.last_error,
            failing: overview.is_failing,
        }
    }
}

impl AppEntry {
    /// The entry of an app.
    pub(super) fn of(app: &RelyingParty) -> Self {
        let registration = &app.registration;
        let (authentication, jwks) = match &registration.authentication {
            ClientAuthentication::Secret => (Authentication::Secret, None),
            ClientAuthentication::PrivateKeyJwt { jwks } => (
                Authentication::PrivateKeyJwt,
                serde_json::from_str(jwks).ok(),
            ),
            ClientAuthentication::None => (Authentication::None, None),
        };
        let texts = |uris: &[RegisteredUri]| uris.iter().map(ToString::to_string).collect();
        let text = |uri: &Option<RegisteredUri>| uri.as_ref().map(ToString::to_string);
        let lifetimes = registration.lifetimes;
        Self {
            client_id: app.id.to_string(),
            name: app.name.clone(),
            status: app.status.name().to_owned(),
            created_at: app.created_at.to_rfc3339(),
            told: registration.how_told(),
            can_be_told: registration.can_be_told(),
            worst_case_minutes: registration.worst_case(),
            authentication,
            jwks,
            redirect_uris: texts(&registration.redirect_uris),
            post_logout_redirect_uris: texts(&registration.post_logout_redirect_uris),
            backchannel_logout_uris: texts(&registration.backchannel_logout_uris),
            frontchannel_logout_uri: text(&registration.frontchannel_logout_uri),
            home: text(&registration.home),
            first_party: registration.first_party,
            allow_private_network: registration.allow_private_network,
            offline_access: registration.offline_access,
            claims_in_id_token: registration.claims_in_id_token,
            without_pkce: registration.without_pkce,
            pull: registration.pulls_logouts,
            without_sid: !registration.backchannel_logout_session_required,
            signing_algorithm: registration.signing_algorithm.name().to_owned(),
            ca_certificates: registration.ca_certificates.clone(),
            access_token_seconds: lifetimes.access_token_seconds,
            id_token_seconds: lifetimes.id_token_seconds,
            offline_idle_days: lifetimes.offline_idle_days,
            offline_overall_days: lifetimes.offline_overall_days,
            protection: registration.protection.as_ref().map(Into::into),
            delivery: None,
        }
    }
}
