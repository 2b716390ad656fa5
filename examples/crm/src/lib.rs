//! A small CRM that signs people in with OpenID Connect.
//!
//! It is the sample app of Nightlatch and uses none of its crates: everything goes
//! through public protocols, so that it can be read as a guide. What it shows is how
//! an app ends its own sessions: when a person logs out in it, when its provider
//! says so at the back-channel, and at once on pages that are open.
//!
//! Everything is in memory. A real app keeps its sessions in a database, and the
//! index by `sid` with them.

mod pages;
mod provider;
mod routes;
mod sessions;
pub mod tokens;

use std::fmt;
use std::sync::Arc;

use axum::Router;

use provider::Provider;
use sessions::Sessions;

/// What the CRM has to know to begin.
#[derive(Clone)]
pub struct Settings {
    /// The provider, as it names itself in its tokens.
    pub issuer: String,
    /// How the provider knows this app.
    pub client_id: String,
    /// What it proves itself with.
    pub client_secret: String,
    /// The address under which browsers reach this app, without a slash at the end.
    pub base_url: String,
}

impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Settings")
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .field("base_url", &self.base_url)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// Where people come back to with a code.
    pub fn redirect_uri(&self) -> String {
        format!("{}/callback", self.base_url)
    }

    /// Where people come back to after they logged out.
    pub fn post_logout_redirect_uri(&self) -> String {
        format!("{}/signed-out", self.base_url)
    }

    /// Where the provider tells of logouts.
    pub fn backchannel_logout_uri(&self) -> String {
        format!("{}/back-channel-logout", self.base_url)
    }
}

/// The running app.
#[derive(Clone)]
pub(crate) struct Crm {
    settings: Arc<Settings>,
    provider: Arc<Provider>,
    sessions: Arc<Sessions>,
}

/// The CRM, to be served at [`Settings::base_url`].
pub fn app(settings: Settings) -> Router {
    let settings = Arc::new(settings);
    routes::routes(Crm {
        provider: Arc::new(Provider::new(Arc::clone(&settings))),
        sessions: Arc::default(),
        settings,
    })
}

/// Random characters for states, nonces and cookies: 256 bits.
pub(crate) fn random_text() -> Result<String, Trouble> {
    use base64::Engine as _;
    let mut bytes = [0; 32];
    #[expect(
        clippy::disallowed_methods,
        reason = "an app of its own has no clock or dice handed in"
    )]
    getrandom::fill(&mut bytes).map_err(|_| Trouble::Randomness)?;
    Ok(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes))
}

/// Why something cannot be done. People read a sentence; the reason is logged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// The system gives no randomness.
    #[error("the system gives no randomness")]
    Randomness,
    /// The provider cannot be asked, or its answer makes no sense.
    #[error("the provider could not be asked: {0}")]
    Provider(String),
    /// The browser came back with something that this app did not begin.
    #[error("this sign-in was not begun here, or is too old")]
    NotBegunHere,
    /// The provider said no.
    #[error("the provider did not sign the person in: {0}")]
    Refused(String),
    /// A token is not good.
    #[error("a token is not good: {0}")]
    Token(#[from] tokens::TokenProblem),
}
