//! A small CRM that signs people in with OpenID Connect.
//!
//! It is the sample app of Nightlatch and uses none of its crates: everything goes
//! through public protocols and kept libraries, so that it can be read as a guide
//! (`docs/connect-your-app.md`). What it shows is how an app ends its own sessions:
//! when a person logs out in it, when its provider says so at the back-channel, and
//! at once on pages that are open.
//!
//! `provider` signs people in, `logout_token` checks a notice, `sessions` ends what
//! it names, `live` empties open pages. `book` and `records` are the CRM itself.
//!
//! Everything is in memory. A real app keeps its sessions in a database, and the
//! index by `sid` with them.

mod answers;
mod book;
mod live;
pub mod logout_token;
mod made_up;
mod pages;
mod provider;
mod records;
mod routes;
mod sessions;

use std::fmt;
use std::sync::Arc;

use axum::Router;

use book::Book;
use live::Live;
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
    book: Arc<Book>,
    live: Live,
}

/// The CRM, to be served at [`Settings::base_url`].
pub fn app(settings: Settings) -> Router {
    let settings = Arc::new(settings);
    let live = Live::default();
    routes::routes(Crm {
        provider: Arc::new(Provider::new(Arc::clone(&settings))),
        sessions: Arc::new(Sessions::new(live.clone())),
        book: Arc::new(Book::new(made_up::records(now()), live.clone())),
        live,
        settings,
    })
}

/// Seconds since 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "an app of its own has no clock handed in"
)]
pub(crate) fn now() -> i64 {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Why somebody cannot be signed in. People read a sentence; the reason is logged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// The provider cannot be asked, or its answer makes no sense.
    #[error("the provider could not be asked: {0}")]
    Provider(String),
    /// The browser came back with something that this app did not begin.
    #[error("this sign-in was not begun here, or is too old")]
    NotBegunHere,
    /// The provider said no.
    #[error("the provider did not sign the person in: {0}")]
    Refused(String),
    /// The answer comes from another server than the one that was asked (RFC 9207).
    #[error("the answer comes from another provider")]
    OtherProvider,
    /// The ID token is not good.
    #[error("the ID token is not good: {0}")]
    IdToken(String),
}
