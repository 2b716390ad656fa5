//! Where concrete things are put together.
//!
//! The only place that names the machine's clock, its randomness, the database
//! that was configured. Everything else receives them; a test hands in its own
//! through [`World`].

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use nightlatch_domain::{Clock, Random, Timestamp};
use nightlatch_flows::Moment;
use nightlatch_flows::activity::Activity;
use nightlatch_flows::check_cache::CheckCache;
use nightlatch_flows::passkeys::Passkeys;
use nightlatch_flows::password_hashing::PasswordHashing;
use nightlatch_flows::places::Places;
use nightlatch_flows::sealing::Sealer;
use nightlatch_flows::token_key::TokenKey;
use nightlatch_protocols::outgoing::{Outgoing, Patience};
use nightlatch_protocols::signing_keys::SigningKeys;
use nightlatch_storage::{DatabaseLocation, Store};
use nightlatch_web::forms::FormKey;
use nightlatch_web::house::House;
use nightlatch_web::link_key::LinkKey;
use nightlatch_web::metrics::Metrics;
use nightlatch_web::public_url::PublicUrl;
use nightlatch_web::signals::Signals;
use nightlatch_web::state::App;
use nightlatch_web::streams::Streams;

use crate::config::Config;
use crate::keys::Keys;
use crate::mail;
use crate::trouble::Trouble;

/// The machine's wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the wall clock"
    )]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_milliseconds(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// The operating system's generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that asks the system for randomness"
    )]
    fn fill(&self, bytes: &mut [u8]) {
        if getrandom::fill(bytes).is_err() {
            // Guessable tokens would be worse than no server.
            tracing::error!("the operating system gives no randomness");
            std::process::abort();
        }
    }
}

/// What a server may know of the world besides its configuration.
#[derive(Clone)]
pub struct World {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Rolls the dice.
    pub random: Arc<dyn Random>,
}

impl World {
    /// The real one.
    pub fn system() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
        }
    }

    /// The present moment, for a flow.
    pub fn moment(&self) -> Moment {
        Moment {
            now: self.clock.now(),
            random: Arc::clone(&self.random),
            // Nobody is served by this process yet.
            activity: Arc::default(),
        }
    }
}

impl fmt::Debug for World {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("World").finish_non_exhaustive()
    }
}

/// Opens the database and brings its schema up to date. Off the asynchronous
/// threads, since drivers block.
pub async fn open_store(location: &DatabaseLocation) -> Result<Store, Trouble> {
    let location = location.clone();
    let opened = tokio::task::spawn_blocking(move || {
        Store::open(&location).map_err(|error| {
            Trouble::new(format!(
                "the database cannot be opened: {error} ({location:?})"
            ))
        })
    });
    opened
        .await
        .unwrap_or_else(|_| Err(Trouble::new("opening the database failed unexpectedly")))
}

/// Password hashing on as many threads as there are processors.
pub fn hashing(world: &World) -> Result<PasswordHashing, Trouble> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    PasswordHashing::new(threads, Arc::clone(&world.random))
        .map_err(|error| Trouble::new(format!("passwords cannot be hashed: {error}")))
}

/// The place database, if one is configured.
pub fn places(file: Option<&Path>) -> Result<Places, Trouble> {
    match file {
        None => Ok(Places::none()),
        Some(path) => Places::open(path).map_err(|problem| {
            Trouble::new(format!(
                "the place database {} cannot be read ({problem}); `place_database` must name a file \
                 in MaxMind's format",
                path.display()
            ))
        }),
    }
}

/// What seals with these keys.
pub fn sealer(keys: &Keys) -> Result<Sealer, Trouble> {
    Sealer::new(&keys.current, &keys.others())
        .map_err(|error| Trouble::new(format!("the keys cannot be used: {error}")))
}

/// Everything a handler may use.
pub fn app(
    config: &Config,
    public_url: PublicUrl,
    store: Store,
    keys: &Keys,
    world: &World,
) -> Result<App, Trouble> {
    let mailing = mail::mailing(config.mail.as_ref(), &public_url)?;
    Ok(App {
        check_cache: CheckCache::of(&store, config.cached_sessions),
        store,
        hashing: hashing(world)?,
        passkeys: Arc::new(Passkeys::new(public_url.origin())),
        activity: Arc::new(Activity::default()),
        clock: Arc::clone(&world.clock),
        random: Arc::clone(&world.random),
        places: places(config.place_database.as_deref())?,
        public_url,
        trusted_proxies: config.trusted_proxies.clone(),
        form_key: FormKey::new(&keys.current, &keys.others()),
        token_key: Arc::new(TokenKey::new(&keys.current, &keys.others())),
        link_key: LinkKey::new(&keys.current, &keys.others()),
        sealer: Arc::new(sealer(keys)?),
        signing: Arc::new(SigningKeys::default()),
        outgoing: Outgoing::new(Patience::default()),
        mailing,
        signals: Signals::default(),
        streams: Streams::default(),
        metrics: Metrics::default(),
        house: House::default(),
    })
}
