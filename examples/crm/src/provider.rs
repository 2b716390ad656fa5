//! The provider: where its endpoints are, its keys, and the exchange of codes.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::JwkSet;
use serde::Deserialize;
use tokio::sync::{OnceCell, RwLock};
use url::Url;

use crate::sessions::Pending;
use crate::tokens::{
    Expected, IdToken, LogoutToken, TokenProblem, check_id_token, check_logout_token,
};
use crate::{Settings, Trouble};

/// What the provider says of itself (OpenID Connect Discovery).
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: String,
    end_session_endpoint: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct Tokens {
    access_token: String,
    id_token: String,
}

#[derive(Deserialize)]
struct UserInfo {
    sub: String,
    name: Option<String>,
    email: Option<String>,
}

/// Who came back from the provider.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) claims: IdToken,
    pub(crate) name: String,
    pub(crate) id_token: String,
}

/// The provider, as far as it is known.
pub(crate) struct Provider {
    settings: Arc<Settings>,
    http: OnceCell<reqwest::Client>,
    metadata: OnceCell<Metadata>,
    keys: RwLock<JwkSet>,
}

impl Provider {
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        Self {
            settings,
            http: OnceCell::new(),
            metadata: OnceCell::new(),
            keys: RwLock::new(JwkSet { keys: Vec::new() }),
        }
    }

    async fn http(&self) -> Result<&reqwest::Client, Trouble> {
        let make = || async {
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            // Already there if this app runs inside another program.
            drop(Arc::unwrap_or_clone(provider).install_default());
            reqwest::Client::builder()
                .timeout(Duration::from_secs(10))
                .redirect(reqwest::redirect::Policy::none())
                .no_proxy()
                .build()
                .map_err(|error| Trouble::Provider(error.to_string()))
        };
        self.http.get_or_try_init(make).await
    }

    /// Asked upon first need, so that this app may start before its provider.
    async fn metadata(&self) -> Result<&Metadata, Trouble> {
        let ask = || async {
            let issuer = self.settings.issuer.trim_end_matches('/');
            let address = format!("{issuer}/.well-known/openid-configuration");
            let metadata: Metadata = self.get(&address).await?;
            // Letter by letter, or another server could speak for this one.
            if metadata.issuer != self.settings.issuer {
                return Err(Trouble::Provider(format!(
                    "it calls itself {}",
                    metadata.issuer
                )));
            }
            Ok(metadata)
        };
        self.metadata.get_or_try_init(ask).await
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, address: &str) -> Result<T, Trouble> {
        let answer = self.http().await?.get(address).send().await;
        let answer = answer.and_then(reqwest::Response::error_for_status);
        let answer = answer.map_err(|error| Trouble::Provider(error.to_string()))?;
        answer
            .json()
            .await
            .map_err(|error| Trouble::Provider(error.to_string()))
    }

    /// Where the browser goes to sign in.
    pub(crate) async fn sign_in_address(
        &self,
        state: &str,
        pending: &Pending,
    ) -> Result<String, Trouble> {
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, pending.verifier.as_bytes()));
        let mut address = parse(&self.metadata().await?.authorization_endpoint)?;
        address
            .query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", &self.settings.redirect_uri())
            .append_pair("scope", "openid profile email")
            .append_pair("state", state)
            .append_pair("nonce", &pending.nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        Ok(address.into())
    }

    /// Where the browser goes to log out everywhere, and comes back from.
    pub(crate) async fn log_out_address(&self, id_token: &str) -> Result<String, Trouble> {
        let mut address = parse(&self.metadata().await?.end_session_endpoint)?;
        address
            .query_pairs_mut()
            .append_pair("id_token_hint", id_token)
            .append_pair("client_id", &self.settings.client_id)
            .append_pair(
                "post_logout_redirect_uri",
                &self.settings.post_logout_redirect_uri(),
            );
        Ok(address.into())
    }

    /// Turns a code into a person.
    pub(crate) async fn exchange(
        &self,
        code: &str,
        issuer: Option<&str>,
        pending: &Pending,
        now: i64,
    ) -> Result<Arrived, Trouble> {
        // RFC 9207: the answer must come from the server that was asked.
        if issuer.is_some_and(|issuer| issuer != self.settings.issuer) {
            return Err(Trouble::Token(TokenProblem::Issuer));
        }
        let metadata = self.metadata().await?;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.settings.redirect_uri()),
            ("code_verifier", &pending.verifier),
        ];
        let answer = self
            .http()
            .await?
            .post(&metadata.token_endpoint)
            .basic_auth(&self.settings.client_id, Some(&self.settings.client_secret))
            .form(&form)
            .send()
            .await
            .and_then(reqwest::Response::error_for_status)
            .map_err(|error| Trouble::Provider(error.to_string()))?;
        let tokens: Tokens = answer
            .json()
            .await
            .map_err(|error| Trouble::Provider(error.to_string()))?;
        let check = |keys: &JwkSet| {
            check_id_token(&tokens.id_token, keys, self.expected(now), &pending.nonce)
        };
        let claims = self.with_keys(check).await?;
        let info: UserInfo = self
            .http()
            .await?
            .get(&metadata.userinfo_endpoint)
            .bearer_auth(&tokens.access_token)
            .send()
            .await
            .and_then(reqwest::Response::error_for_status)
            .map_err(|error| Trouble::Provider(error.to_string()))?
            .json()
            .await
            .map_err(|error| Trouble::Provider(error.to_string()))?;
        // Core 5.3.2: else one person's name could come with another's token.
        if info.sub != claims.sub {
            return Err(Trouble::Provider("it names two people".to_owned()));
        }
        let name = info.name.or(info.email).unwrap_or_else(|| info.sub.clone());
        Ok(Arrived {
            claims,
            name,
            id_token: tokens.id_token,
        })
    }

    /// Checks a notice of a logout.
    pub(crate) async fn check_logout(&self, token: &str, now: i64) -> Result<LogoutToken, Trouble> {
        let check = |keys: &JwkSet| check_logout_token(token, keys, self.expected(now));
        self.with_keys(check).await
    }

    fn expected(&self, now: i64) -> Expected<'_> {
        Expected {
            issuer: &self.settings.issuer,
            client_id: &self.settings.client_id,
            now,
        }
    }

    /// Checks with the keys at hand, and once more with fresh ones if the key is
    /// unknown: providers replace them.
    async fn with_keys<T>(
        &self,
        check: impl Fn(&JwkSet) -> Result<T, TokenProblem>,
    ) -> Result<T, Trouble> {
        match check(&*self.keys.read().await) {
            Err(TokenProblem::UnknownKey) => {}
            result => return Ok(result?),
        }
        let fresh: JwkSet = self.get(&self.metadata().await?.jwks_uri).await?;
        let result = check(&fresh);
        *self.keys.write().await = fresh;
        Ok(result?)
    }
}

fn parse(address: &str) -> Result<Url, Trouble> {
    Url::parse(address).map_err(|error| Trouble::Provider(error.to_string()))
}
