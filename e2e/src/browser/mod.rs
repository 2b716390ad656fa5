//! A real browser with a profile of its own, driven through WebDriver.
//!
//! This file owns starting, ending and starting again. What a person does with a browser is in `person`,
//! what only a developer could do with it is in `tabs`, `cookies`, `pictures`, `accessibility` and
//! `authenticator`.

mod accessibility;
mod authenticator;
mod commands;
mod cookies;
mod driver;
mod engine;
mod find;
mod person;
mod pictures;
mod profile;
mod tabs;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;

pub use self::accessibility::Violation;
pub use self::cookies::Cookie;
pub use self::engine::{Appearance, Engine, Options, Scripts, Startup};
pub use self::pictures::dimensions as picture_size;
pub use self::tabs::Tab;
pub use fantoccini::key::Key;

use self::driver::Driver;
use self::profile::ProfileDirectory;
use crate::failure::{Failure, Outcome};
use crate::journal::Journal;

/// A browser. Clones are the same browser; it ends with the last of them, or with `close`.
#[derive(Clone)]
pub struct Browser {
    inner: Arc<Inner>,
}

struct Inner {
    name: String,
    options: Mutex<Options>,
    journal: Journal,
    // Before the directory: the browser must be gone when its profile goes.
    running: Mutex<Option<Running>>,
    directory: ProfileDirectory,
}

struct Running {
    client: Client,
    // Dropping it closes the session and ends the processes.
    _driver: Driver,
}

impl Browser {
    /// Starts a browser with an empty profile.
    pub async fn start(options: Options) -> Outcome<Self> {
        let name = options.engine.name().to_owned();
        Self::start_named(name, options, Journal::default()).await
    }

    /// Starts a browser that writes its steps, under its name, into a story's journal.
    pub async fn start_named(name: String, options: Options, journal: Journal) -> Outcome<Self> {
        let directory = ProfileDirectory::new()?;
        let running = launch(&options, &directory).await?;
        journal.note(format_args!("{name}: started"));
        let inner = Inner {
            name,
            options: Mutex::new(options),
            journal,
            running: Mutex::new(Some(running)),
            directory,
        };
        let browser = Self {
            inner: Arc::new(inner),
        };
        browser.settle().await?;
        Ok(browser)
    }

    /// Closes the browser as a person does and starts it again with the same profile.
    pub async fn restart(&self, startup: Startup) -> Outcome {
        self.note(format_args!(
            "close the browser and start it again ({startup:?})"
        ));
        self.close().await?;
        let options = {
            let mut options = lock(&self.inner.options);
            options.startup = startup;
            options.clone()
        };
        let running = launch(&options, &self.inner.directory).await?;
        *lock(&self.inner.running) = Some(running);
        self.settle().await
    }

    /// Closes the browser; its profile stays until the last clone is dropped.
    pub async fn close(&self) -> Outcome {
        let running = lock(&self.inner.running).take();
        // Ending processes blocks for a moment, which must not hold up another story.
        tokio::task::spawn_blocking(move || drop(running)).await?;
        Ok(())
    }

    /// Whether the browser has been closed.
    pub fn is_closed(&self) -> bool {
        lock(&self.inner.running).is_none()
    }

    /// How the browser was started.
    pub fn options(&self) -> Options {
        lock(&self.inner.options).clone()
    }

    /// The name under which its steps are recorded.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The directory that all its processes carry on their command lines.
    pub fn directory(&self) -> PathBuf {
        self.inner.directory.root().to_owned()
    }

    /// How many processes belong to a browser's directory.
    pub fn processes_in(directory: &std::path::Path) -> usize {
        driver::processes_of(directory).len()
    }

    /// Applies what must be said again to every new window.
    async fn settle(&self) -> Outcome {
        self.apply_size().await?;
        self.apply_appearance().await
    }

    fn client(&self) -> Outcome<Client> {
        lock(&self.inner.running)
            .as_ref()
            .map(|running| running.client.clone())
            .ok_or_else(|| Failure::new(format!("{} is closed", self.inner.name)))
    }

    pub(crate) fn note(&self, step: impl std::fmt::Display) {
        self.inner
            .journal
            .note(format_args!("{}: {step}", self.inner.name));
    }
}

/// Starts driver and browser. A driver that does not come up is tried once more: that says nothing
/// about the product.
async fn launch(options: &Options, directory: &ProfileDirectory) -> Outcome<Running> {
    match launch_once(options, directory).await {
        Ok(running) => Ok(running),
        Err(_) => launch_once(options, directory).await,
    }
}

async fn launch_once(options: &Options, directory: &ProfileDirectory) -> Outcome<Running> {
    let mut driver = Driver::start(options.engine, directory).await?;
    let connected = ClientBuilder::new(HttpConnector::new())
        .capabilities(options.capabilities(&directory.profile())?)
        .connect(&driver.address())
        .await;
    let client = connected.map_err(|error| {
        let tail = driver::log_tail(directory);
        Failure::from(error).during(format!("starting {} ({tail})", options.engine.name()))
    })?;
    // The driver's drop closes the session; fantoccini would do so from a task that may run too late.
    client.persist().await?;
    driver.serves(client.session_id().await?);
    Ok(Running {
        client,
        _driver: driver,
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
