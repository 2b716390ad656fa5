//! A whole site: the real router over a fresh database, a clock that is moved by
//! hand, and known dice.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};
use std::time::Duration;

use axum::body::Body;
use http::Request;
use http_body_util::BodyExt as _;
use ipnet::IpNet;
use nightlatch_domain::ids::OrganizationId;
use nightlatch_domain::random::SeededRandom;
use nightlatch_domain::time::SettableClock;
use nightlatch_domain::{Clock as _, Random, Timestamp};
use nightlatch_flows::Moment;
use nightlatch_flows::activity::Activity;
use nightlatch_flows::check_cache::CheckCache;
use nightlatch_flows::passkeys::Passkeys;
use nightlatch_flows::password_hashing::PasswordHashing;
use nightlatch_flows::places::Places;
use nightlatch_flows::sealing::Sealer;
use nightlatch_flows::token_key::TokenKey;
use nightlatch_storage::testing::{TestDatabase, TestStore, fresh_store};
use nightlatch_storage::{StorageError, Store, Tx};
use nightlatch_web::forms::FormKey;
use nightlatch_web::front::Front;
use nightlatch_web::house::House;
use nightlatch_web::link_key::LinkKey;
use nightlatch_web::mailing::Mailing;
use nightlatch_web::metrics::Metrics;
use nightlatch_web::public_url::PublicUrl;
use nightlatch_web::signals::Signals;
use nightlatch_web::state::App;
use nightlatch_web::streams::Streams;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

use crate::answer::Answer;
use crate::browser::{Browser, UserAgent};
use crate::invariants;
use crate::post::Post;
use crate::told::OUTGOING;
use crate::watch::Watch;

/// Threads of all sites of a test process.
pub(crate) static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
});

/// How a site differs from the usual one.
#[derive(Debug, Clone)]
pub struct SiteOptions {
    /// The address under which browsers reach it.
    pub public_url: String,
    /// Proxies whose forwarding headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether there is an organization already.
    pub has_organization: bool,
    /// Whether it sends mail.
    pub sends_mail: bool,
    /// How many sessions it keeps in memory for checks.
    pub cached_sessions: usize,
}

impl Default for SiteOptions {
    fn default() -> Self {
        Self {
            public_url: "http://localhost:8080".to_owned(),
            trusted_proxies: Vec::new(),
            has_organization: true,
            sends_mail: true,
            cached_sessions: 1_000,
        }
    }
}

/// What a process holds in memory, and loses when it stops.
struct Process {
    app: Arc<App>,
    front: Front,
}

/// A site.
pub struct Site {
    which: TestDatabase,
    /// One, or several over the same database; see [`Site::add_node`].
    nodes: RwLock<Vec<Process>>,
    pub(crate) store: TestStore,
    clock: Arc<SettableClock>,
    random: Arc<SeededRandom>,
    pub(crate) post: Arc<Post>,
    options: SiteOptions,
    pub(crate) watch: Watch,
    organization: Option<OrganizationId>,
    next_address: AtomicU16,
}

impl Site {
    /// The usual site: `http://localhost:8080`, no proxies, one organization
    /// called Brightwater Trading.
    pub fn new(which: TestDatabase) -> Self {
        Self::with(which, SiteOptions::default())
    }

    /// A site that differs from the usual one.
    ///
    /// # Panics
    ///
    /// If there is no database to be had.
    pub fn with(which: TestDatabase, options: SiteOptions) -> Self {
        let store = fresh_store(which);
        // Monday, November 23, 2026 at 11:31:40 UTC.
        let now = Timestamp::from_milliseconds(1_795_433_500_000);
        let clock = Arc::new(SettableClock::new(now));
        let random = Arc::new(SeededRandom::new(7));
        let again = store.open_again().expect("the store opens again");
        let post = Arc::new(Post::default());
        let process = start(&options, again, &clock, &random, &post);
        let mut site = Self {
            which,
            nodes: RwLock::new(vec![process]),
            store,
            clock,
            random,
            post,
            options,
            watch: Watch::default(),
            organization: None,
            next_address: AtomicU16::new(1),
        };
        if site.options.has_organization {
            site.organization = Some(site.add_organization("Brightwater Trading"));
        }
        site
    }

    /// Which database it runs on.
    pub fn database(&self) -> TestDatabase {
        self.which
    }

    /// The organization that the site began with.
    ///
    /// # Panics
    ///
    /// If it began without one.
    pub fn organization(&self) -> OrganizationId {
        self.organization.expect("a site with an organization")
    }

    /// What handlers share.
    ///
    /// # Panics
    ///
    /// Never.
    pub fn app(&self) -> Arc<App> {
        let nodes = self.nodes.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&nodes.first().expect("a node").app)
    }

    /// The site's origin.
    pub fn origin(&self) -> String {
        self.app().public_url.origin().to_owned()
    }

    /// The present instant.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Time passes.
    pub fn advance(&self, duration: Duration) {
        self.clock.advance(duration);
    }

    /// Time passes until this instant.
    ///
    /// # Panics
    ///
    /// If it is over: time does not go back.
    pub fn wait_until(&self, instant: Timestamp) {
        assert!(instant >= self.now(), "{instant} is over");
        self.clock.advance(instant.since(self.now()));
    }

    /// The present moment, for a flow.
    pub fn moment(&self) -> Moment {
        self.app().moment()
    }

    /// A browser that nobody has used yet, at an address of its own.
    pub fn browser(&self) -> Browser<'_> {
        let number = self.next_address.fetch_add(1, Ordering::Relaxed);
        let [high, low] = number.to_be_bytes();
        Browser::new(
            self,
            SocketAddr::from(([198, 18, high, low], 50_000)),
            UserAgent::FirefoxOnWindows,
        )
    }

    /// From now on one more process answers: with the same keys, over the same database,
    /// by a store and a memory of its own. Each browser stays with one of them, the next
    /// browser with the next.
    ///
    /// # Panics
    ///
    /// If the database does not open again.
    pub fn add_node(&self) {
        let again = self.store.open_again().expect("the store opens again");
        let process = start(&self.options, again, &self.clock, &self.random, &self.post);
        let mut nodes = self.nodes.write().unwrap_or_else(PoisonError::into_inner);
        nodes.push(process);
    }

    /// The process is killed and started again: what was only in its memory is
    /// gone.
    ///
    /// # Panics
    ///
    /// If the database does not open again.
    pub fn crash(&self) {
        let again = self.store.open_again().expect("the store opens again");
        let process = start(&self.options, again, &self.clock, &self.random, &self.post);
        *self.nodes.write().unwrap_or_else(PoisonError::into_inner) = vec![process];
    }

    /// The process is stopped in good order and started again.
    pub fn restart(&self) {
        self.flush_activity();
        self.crash();
    }

    /// Runs a flow and commits it.
    ///
    /// # Panics
    ///
    /// If it fails.
    pub fn write<T: Send + 'static>(
        &self,
        flow: impl FnMut(&mut Tx<'_>) -> Result<T, StorageError> + Send + 'static,
    ) -> T {
        let store = self.app().store.clone();
        self.block_on(async move { store.write(flow).await })
            .expect("a flow that works")
    }

    /// Runs a flow that only reads.
    ///
    /// # Panics
    ///
    /// If it fails.
    pub fn read<T: Send + 'static>(
        &self,
        flow: impl FnMut(&mut Tx<'_>) -> Result<T, StorageError> + Send + 'static,
    ) -> T {
        let store = self.app().store.clone();
        self.block_on(async move { store.read(flow).await })
            .expect("a flow that works")
    }

    /// Waits for something asynchronous.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        RUNTIME.block_on(future)
    }

    /// Hands a request in as it comes from the network, and returns the answer
    /// with its body still to be read.
    ///
    /// # Panics
    ///
    /// Never: the router has no error.
    pub async fn connect(&self, request: Request<Body>, peer: SocketAddr) -> http::Response<Body> {
        let front = {
            let nodes = self.nodes.read().unwrap_or_else(PoisonError::into_inner);
            let address = match peer.ip() {
                IpAddr::V4(address) => address.octets()[3],
                IpAddr::V6(address) => address.octets()[15],
            };
            let node = nodes.get(usize::from(address) % nodes.len());
            node.expect("a node").front.clone()
        };
        match front.for_peer(peer).oneshot(request).await {
            Ok(answer) => answer,
            Err(never) => match never {},
        }
    }

    /// Hands a request in and reads the answer to its end. Every answer that
    /// stories see comes this way, and is watched.
    ///
    /// # Panics
    ///
    /// If the body breaks off.
    pub async fn exchange(&self, request: Request<Body>, peer: SocketAddr) -> Answer {
        let method = request.method().clone();
        let path = request
            .uri()
            .path_and_query()
            .map_or_else(|| request.uri().to_string(), ToString::to_string);
        let (parts, body) = self.connect(request, peer).await.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        let answer = Answer {
            method,
            path,
            status: parts.status,
            headers: parts.headers,
            body,
        };
        self.watch.see(&answer, &self.origin());
        answer
    }
}

fn start(
    options: &SiteOptions,
    store: Store,
    clock: &Arc<SettableClock>,
    random: &Arc<SeededRandom>,
    post: &Arc<Post>,
) -> Process {
    let dice: Arc<dyn Random> = Arc::<SeededRandom>::clone(random);
    let public_url = PublicUrl::parse(&options.public_url).expect("an address");
    let app = Arc::new(App {
        check_cache: CheckCache::of(&store, options.cached_sessions),
        store,
        passkeys: Arc::new(Passkeys::new(public_url.origin())),
        hashing: PasswordHashing::new(2, Arc::clone(&dice)).expect("parameters that work"),
        activity: Arc::new(Activity::default()),
        clock: Arc::<SettableClock>::clone(clock),
        random: dice,
        places: Places::none(),
        public_url,
        trusted_proxies: options.trusted_proxies.clone(),
        form_key: FormKey::new(&[42; 32], &[]),
        signing: Arc::default(),
        outgoing: OUTGOING.clone(),
        token_key: Arc::new(TokenKey::new(&[42; 32], &[])),
        link_key: LinkKey::new(&[42; 32], &[]),
        sealer: Arc::new(Sealer::new(&[42; 32], &[]).expect("a key that works")),
        mailing: if options.sends_mail {
            Mailing::by(Arc::<Post>::clone(post))
        } else {
            Mailing::default()
        },
        signals: Signals::default(),
        streams: Streams::default(),
        metrics: Metrics::default(),
        house: House::default(),
    });
    Process {
        front: Front::new(Arc::clone(&app), nightlatch_web::router(Arc::clone(&app))),
        app,
    }
}

impl std::fmt::Debug for Site {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Site")
            .field("which", &self.which)
            .finish_non_exhaustive()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        invariants::check(self);
        let offenses = self.watch.offenses();
        assert!(
            offenses.is_empty(),
            "after the story, this does not hold:\n{}",
            offenses.join("\n")
        );
    }
}
