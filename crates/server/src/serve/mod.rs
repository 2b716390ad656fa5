//! Starting and stopping a server.
//!
//! Owns the order: the ports are taken (nothing is accepted yet), then the data
//! directory, the key, the database; the command socket is up before the first
//! request is answered. Stopping goes the other way: no new requests, time for
//! those under way, the workers, what was noted is written, the directory is
//! free. The printing is the command line's, the wiring [`crate::wire`]'s.

mod listener;
mod metrics;
mod streams;
pub mod tls;

use std::convert::Infallible;
use std::future::ready;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum_server::Handle;
use nightlatch_domain::secret::Token;
use nightlatch_flows::set_up;
use nightlatch_storage::DatabaseKind;
use nightlatch_web::front::Front;
use nightlatch_web::public_url::PublicUrl;
use nightlatch_web::state::App;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::keys;
use crate::lock::{self, DirectoryLock};
use crate::socket::listen::CommandSocket;
use crate::trouble::Trouble;
use crate::wire::{self, World};
use crate::workers::{Workers, write_activity};

/// How long requests that are under way may take when the server stops.
pub const GRACE: Duration = Duration::from_secs(10);

/// A server that runs until [`Server::stop`].
#[derive(Debug)]
pub struct Server {
    app: Arc<App>,
    address: SocketAddr,
    metrics_address: Option<SocketAddr>,
    handle: Handle<SocketAddr>,
    metrics_handle: Handle<SocketAddr>,
    serving: Vec<JoinHandle<io::Result<()>>>,
    stopping: watch::Sender<bool>,
    workers: Workers,
    socket: CommandSocket,
    // The last to go: until here the database is ours.
    _lock: DirectoryLock,
}

/// Everything that is ready before anything runs. The demonstration fills the
/// database at this point.
#[derive(Debug)]
pub struct Prepared {
    app: Arc<App>,
    config: Config,
    listener: TcpListener,
    metrics_listener: Option<TcpListener>,
    tls: Option<tls::Certificate>,
    lock: DirectoryLock,
}

/// Takes everything that a server needs and opens the database.
pub async fn prepare(config: Config, world: &World) -> Result<Prepared, Trouble> {
    let listener = bind("listen", config.listen)?;
    let metrics_listener = match config.metrics_listen {
        Some(address) => Some(bind("metrics_listen", address)?),
        None => None,
    };
    let tls = match &config.tls {
        Some(files) => Some(tls::Certificate::load(files.clone())?),
        None => None,
    };
    let public_url = public_url(&config, &listener)?;
    lock::create_directory(&config.data_dir)?;
    // On PostgreSQL, too: the command socket belongs to one process.
    let lock = lock::acquire_for_server(&config.data_dir)?;
    let keys = keys::load_or_create(&config.key_file, world.random.as_ref())?;
    let store = wire::open_store(&config.database).await?;
    let app = wire::app(&config, public_url, store, &keys, world)?;
    Ok(Prepared {
        app: Arc::new(app),
        config,
        listener,
        metrics_listener,
        tls,
        lock,
    })
}

impl Prepared {
    /// What handlers will share.
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Starts: socket, workers, then HTTP.
    pub fn start(self) -> Result<Server, Trouble> {
        let Self {
            app,
            config,
            listener,
            metrics_listener,
            tls,
            lock,
        } = self;
        let trouble = |error: io::Error| Trouble::new(format!("listening failed: {error}"));
        let address = listener.local_addr().map_err(trouble)?;
        let metrics_address = match &metrics_listener {
            Some(listener) => Some(listener.local_addr().map_err(trouble)?),
            None => None,
        };
        let socket = CommandSocket::open(
            config.command_socket(),
            Arc::clone(&app),
            config.key_file.clone(),
        )?;
        let workers = Workers::start(&app);
        let (stopping, stopped) = watch::channel(false);
        let (handle, metrics_handle) = (Handle::new(), Handle::new());
        let router = streams::end_with(nightlatch_web::router(Arc::clone(&app)), &stopped);
        let front = Front::new(Arc::clone(&app), router);
        let visitors =
            tower::service_fn(move |peer| ready(Ok::<_, Infallible>(front.for_peer(peer))));
        let mut serving = Vec::new();
        if let Some(certificate) = &tls {
            tokio::spawn(certificate.clone().keep_fresh(stopped));
        }
        serving.push(tokio::spawn(
            listener::serve(listener, visitors, handle.clone(), tls).map_err(trouble)?,
        ));
        if let Some(listener) = metrics_listener {
            let router = metrics::router(Arc::clone(&app));
            let router = router.into_make_service_with_connect_info::<SocketAddr>();
            let serve = listener::serve(listener, router, metrics_handle.clone(), None);
            serving.push(tokio::spawn(serve.map_err(trouble)?));
        }
        tracing::info!(%address, public_url = %app.public_url, "listening");
        Ok(Server {
            app,
            address,
            metrics_address,
            handle,
            metrics_handle,
            serving,
            stopping,
            workers,
            socket,
            _lock: lock,
        })
    }
}

impl Server {
    /// Takes everything, opens the database and starts.
    pub async fn start(config: Config, world: &World) -> Result<Self, Trouble> {
        prepare(config, world).await?.start()
    }

    /// What handlers share.
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where `/metrics` is served, if anywhere.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_address
    }

    /// Stops in good order.
    pub async fn stop(self) {
        self.handle.graceful_shutdown(Some(GRACE));
        self.metrics_handle.graceful_shutdown(Some(GRACE));
        self.stopping.send_replace(true);
        for serving in self.serving {
            match serving.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%error, "a listener failed"),
                Err(error) => tracing::error!(%error, "a listener failed unexpectedly"),
            }
        }
        self.socket.close().await;
        self.workers.stop().await;
        if let Err(error) = write_activity::run_once(&self.app).await {
            tracing::error!(%error, "the last activity could not be written; sessions may end up to a few seconds early");
        }
        tracing::info!("stopped");
    }
}

/// The one-time link of a first start, as long as there is nobody.
pub async fn set_up_link(app: &App) -> Result<Option<String>, Trouble> {
    let moment = app.moment();
    let token: Option<Token> = app
        .store
        .write(move |tx| set_up::issue_link(tx, &moment))
        .await?;
    Ok(token.map(|token| format!("{}/set-up/{}", app.public_url, token.reveal())))
}

/// What an operator should know about the database of a server that starts.
pub fn note_on_database(app: &App) -> Option<&'static str> {
    (app.store.kind() == DatabaseKind::Postgres).then_some(
        "PostgreSQL: every check asks the database, so that several nodes agree; nothing is kept in memory for checks (`cached_sessions` has no effect).",
    )
}

fn bind(key: &str, address: SocketAddr) -> Result<TcpListener, Trouble> {
    let listener = TcpListener::bind(address).map_err(|error| {
        let remedy = match error.kind() {
            io::ErrorKind::AddrInUse => {
                "something else listens there; stop it or choose another port"
            }
            io::ErrorKind::PermissionDenied => {
                "this user may not; choose a port from 1024 on, or grant CAP_NET_BIND_SERVICE"
            }
            _ => "choose an address of this machine",
        };
        Trouble::new(format!(
            "cannot listen on {address} ({error}); {remedy} (`{key}`)"
        ))
    })?;
    Ok(listener)
}

fn public_url(config: &Config, listener: &TcpListener) -> Result<PublicUrl, Trouble> {
    if let Some(url) = &config.public_url {
        return Ok(url.clone());
    }
    let address = listener
        .local_addr()
        .map_err(|error| Trouble::new(format!("the port is not known: {error}")))?;
    let scheme = if config.tls.is_some() {
        "https"
    } else {
        "http"
    };
    PublicUrl::parse(&format!("{scheme}://localhost:{}", address.port())).map_err(Trouble::new)
}
