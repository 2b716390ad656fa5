//! The provider: signing in and logging out with the library `openidconnect`, which
//! reads discovery, makes the requests and checks ID tokens.
//!
//! Owns the keys of the provider and when to ask for fresh ones. What a notice of a
//! logout must be is in [`crate::logout_token`]; the library has nothing for it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::jwk::JwkSet;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreResponseType,
    CoreRevocableToken, CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
    CoreUserInfoClaims,
};
use openidconnect::{
    AsyncHttpClient, AuthenticationFlow, AuthorizationCode, Client, ClientId, ClientSecret,
    CsrfToken, EmptyExtraTokenFields, EndSessionUrl, EndpointMaybeSet, EndpointNotSet, EndpointSet,
    HttpRequest, HttpResponse, IdTokenFields, IssuerUrl, LogoutRequest, Nonce,
    OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, PostLogoutRedirectUrl,
    ProviderMetadataWithLogout, RedirectUrl, Scope, StandardErrorResponse, StandardTokenResponse,
    TokenResponse as _,
};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::logout_token::{self, Expected, LogoutToken, TokenProblem};
use crate::{Settings, Trouble};

/// How often the provider's keys are asked for at most, in seconds. Anybody can send a
/// token that names an unknown key.
const KEYS_AT_MOST_EVERY: i64 = 10;

/// What this provider adds to an ID token: its session.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(crate) struct SessionClaim {
    sid: Option<String>,
}

impl openidconnect::AdditionalClaims for SessionClaim {}

type Fields = IdTokenFields<
    SessionClaim,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

type Tokens = StandardTokenResponse<Fields, CoreTokenType>;

type IdToken = openidconnect::IdToken<
    SessionClaim,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

/// The library's client with `sid` in the ID token, and the endpoints of discovery.
type OurClient = Client<
    SessionClaim,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// What the provider says of itself, with its keys.
struct Known {
    client: OurClient,
    end_session: Option<EndSessionUrl>,
    /// The same keys, as the library that checks logout tokens takes them.
    keys: JwkSet,
    asked: i64,
}

/// What the browser is sent away with, and what has to come back.
pub(crate) struct Journey {
    /// Where it goes.
    pub(crate) address: String,
    /// Comes back with it.
    pub(crate) state: String,
    /// What proves that the answer belongs to this journey.
    pub(crate) ticket: Ticket,
}

/// What proves that an answer belongs to a journey that began here.
pub(crate) struct Ticket {
    nonce: Nonce,
    verifier: PkceCodeVerifier,
}

#[cfg(test)]
impl Ticket {
    /// One that no provider has seen.
    pub(crate) fn example() -> Self {
        Self {
            nonce: Nonce::new("n".to_owned()),
            verifier: PkceCodeVerifier::new("v".repeat(43)),
        }
    }
}

/// Who came back from the provider.
pub(crate) struct Arrived {
    /// The person, as the provider names them.
    pub(crate) subject: String,
    /// The session at the provider.
    pub(crate) sid: Option<String>,
    /// When they proved there who they are, in seconds since 1970.
    pub(crate) authenticated: i64,
    /// What to call them.
    pub(crate) name: String,
    /// Their address, if the provider tells it.
    pub(crate) email: String,
    /// Proves at logout whose session it was.
    pub(crate) id_token: String,
}

/// The provider, as far as it is known.
pub(crate) struct Provider {
    settings: Arc<Settings>,
    known: Mutex<Option<Arc<Known>>>,
}

impl Provider {
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        Self {
            settings,
            known: Mutex::default(),
        }
    }

    /// Asked upon first need, so that this app may start before its provider.
    async fn known(&self, now: i64) -> Result<Arc<Known>, Trouble> {
        self.known_since(i64::MIN, now).await
    }

    /// What was asked for at this instant or later.
    async fn known_since(&self, since: i64, now: i64) -> Result<Arc<Known>, Trouble> {
        let mut known = self.known.lock().await;
        if let Some(known) = known.as_ref().filter(|known| known.asked >= since) {
            return Ok(Arc::clone(known));
        }
        let fresh = Arc::new(self.discover(now).await?);
        *known = Some(Arc::clone(&fresh));
        Ok(fresh)
    }

    /// Discovery. The library compares the issuer letter by letter, or another server could
    /// speak for this one.
    async fn discover(&self, now: i64) -> Result<Known, Trouble> {
        let issuer = IssuerUrl::new(self.settings.issuer.clone()).map_err(provider_trouble)?;
        let metadata = ProviderMetadataWithLogout::discover_async(issuer, &Http::new()?)
            .await
            .map_err(provider_trouble)?;
        let end_session = metadata.additional_metadata().end_session_endpoint.clone();
        let keys = serde_json::to_value(metadata.jwks())
            .and_then(serde_json::from_value)
            .map_err(provider_trouble)?;
        let redirect_uri =
            RedirectUrl::new(self.settings.redirect_uri()).map_err(provider_trouble)?;
        let client = Client::from_provider_metadata(
            metadata,
            ClientId::new(self.settings.client_id.clone()),
            Some(ClientSecret::new(self.settings.client_secret.clone())),
        )
        .set_redirect_uri(redirect_uri);
        Ok(Known {
            client,
            end_session,
            keys,
            asked: now,
        })
    }

    /// Where the browser goes to sign in; with `choose`, the provider asks which account to use.
    pub(crate) async fn journey(&self, choose: bool, now: i64) -> Result<Journey, Trouble> {
        let known = self.known(now).await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let mut request = known
            .client
            .authorize_url(
                AuthenticationFlow::<CoreResponseType>::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .add_scope(Scope::new("profile".to_owned()))
            .add_scope(Scope::new("email".to_owned()))
            .set_pkce_challenge(challenge);
        if choose {
            request = request.add_prompt(CoreAuthPrompt::SelectAccount);
        }
        let (address, state, nonce) = request.url();
        Ok(Journey {
            address: address.into(),
            state: state.into_secret(),
            ticket: Ticket { nonce, verifier },
        })
    }

    /// Turns a code into a person.
    pub(crate) async fn exchange(
        &self,
        code: String,
        issuer: Option<&str>,
        ticket: Ticket,
        now: i64,
    ) -> Result<Arrived, Trouble> {
        // RFC 9207: else another provider's code could be slipped in.
        if issuer.is_some_and(|issuer| issuer != self.settings.issuer) {
            return Err(Trouble::OtherProvider);
        }
        let known = self.known(now).await?;
        let http = Http::new()?;
        let tokens = known
            .client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(provider_trouble)?
            .set_pkce_verifier(ticket.verifier)
            .request_async(&http)
            .await
            .map_err(provider_trouble)?;
        let id_token = tokens
            .id_token()
            .ok_or_else(|| Trouble::IdToken("there is none".to_owned()))?;
        let arrived = self.read(&known, id_token, &ticket.nonce, now).await?;
        // The library compares `sub` (Core 5.3.2): else one person's name could come with
        // another's token.
        let subject = openidconnect::SubjectIdentifier::new(arrived.subject.clone());
        let info: CoreUserInfoClaims = known
            .client
            .user_info(tokens.access_token().clone(), Some(subject))
            .map_err(provider_trouble)?
            .request_async(&http)
            .await
            .map_err(provider_trouble)?;
        let name = info.name().and_then(|name| name.get(None));
        let email = info.email().map_or("", |email| email.as_str());
        let name = name.map_or(email, |name| name.as_str());
        Ok(Arrived {
            name: if name.is_empty() { "You" } else { name }.to_owned(),
            email: email.to_owned(),
            ..arrived
        })
    }

    /// Checks an ID token, with fresh keys if it names an unknown one.
    async fn read(
        &self,
        known: &Known,
        id_token: &IdToken,
        nonce: &Nonce,
        now: i64,
    ) -> Result<Arrived, Trouble> {
        use openidconnect::{ClaimsVerificationError, SignatureVerificationError};
        let unknown = ClaimsVerificationError::SignatureVerification(
            SignatureVerificationError::NoMatchingKey,
        );
        let fresh;
        let verifier = known.client.id_token_verifier();
        let claims = match id_token.claims(&verifier, nonce) {
            Err(problem) if problem == unknown => {
                fresh = self.known_since(now - KEYS_AT_MOST_EVERY, now).await?;
                id_token.claims(&fresh.client.id_token_verifier(), nonce)
            }
            result => result,
        };
        let claims = claims.map_err(|problem| Trouble::IdToken(problem.to_string()))?;
        let authenticated = claims.auth_time().unwrap_or_else(|| claims.issue_time());
        Ok(Arrived {
            subject: claims.subject().to_string(),
            sid: claims.additional_claims().sid.clone(),
            authenticated: authenticated.timestamp(),
            name: String::new(),
            email: String::new(),
            id_token: id_token.to_string(),
        })
    }

    /// Where the browser goes to log out everywhere, and comes back from.
    pub(crate) async fn log_out_address(
        &self,
        id_token: &str,
        now: i64,
    ) -> Result<String, Trouble> {
        let known = self.known(now).await?;
        let end_session = known
            .end_session
            .clone()
            .ok_or_else(|| Trouble::Provider("it has no way to log out".to_owned()))?;
        let back = PostLogoutRedirectUrl::new(self.settings.post_logout_redirect_uri())
            .map_err(provider_trouble)?;
        let hint: IdToken = id_token.parse().map_err(provider_trouble)?;
        let request = LogoutRequest::from(end_session)
            .set_id_token_hint(&hint)
            .set_client_id(ClientId::new(self.settings.client_id.clone()))
            .set_post_logout_redirect_uri(back);
        Ok(request.http_get_url().into())
    }

    /// Checks a notice of a logout, with fresh keys if it names an unknown one: providers
    /// replace theirs.
    pub(crate) async fn check_logout(
        &self,
        token: &str,
        now: i64,
    ) -> Result<Result<LogoutToken, TokenProblem>, Trouble> {
        let expected = Expected {
            issuer: &self.settings.issuer,
            client_id: &self.settings.client_id,
            now,
        };
        let known = self.known(now).await?;
        match logout_token::check(token, &known.keys, expected) {
            Err(TokenProblem::UnknownKey) => {
                let fresh = self.known_since(now - KEYS_AT_MOST_EVERY, now).await?;
                Ok(logout_token::check(token, &fresh.keys, expected))
            }
            result => Ok(result),
        }
    }
}

fn provider_trouble(error: impl std::error::Error) -> Trouble {
    let mut sentence = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        sentence = format!("{sentence}: {inner}");
        cause = inner.source();
    }
    Trouble::Provider(sentence)
}

/// Calls to the provider: no redirects, and no waiting for ever.
struct Http(reqwest::Client);

/// Why a call did not work.
#[derive(Debug, thiserror::Error)]
enum HttpTrouble {
    #[error(transparent)]
    Call(#[from] reqwest::Error),
    #[error(transparent)]
    Shape(#[from] openidconnect::http::Error),
}

impl Http {
    fn new() -> Result<Self, Trouble> {
        // Already there if this app runs inside another program.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        reqwest::Client::builder()
            .timeout(Duration::from_secs(10))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map(Self)
            .map_err(provider_trouble)
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpTrouble> {
        let answer = self.0.execute(request.try_into()?).await?;
        let mut response = openidconnect::http::Response::builder().status(answer.status());
        if let Some(headers) = response.headers_mut() {
            headers.clone_from(answer.headers());
        }
        Ok(response.body(answer.bytes().await?.to_vec())?)
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpTrouble;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpTrouble>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}
