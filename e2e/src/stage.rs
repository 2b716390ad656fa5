//! What a story gets: its place in the matrix, browsers on demand, and a journal.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::browser::{Browser, Engine, Options, Scripts};
use crate::failure::Outcome;
use crate::journal::Journal;
use crate::site::Site;

/// Which database the server of a story uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    /// A file of its own.
    Sqlite,
    /// A database of its own in the cluster at `NIGHTLATCH_TEST_POSTGRES`.
    Postgres,
    /// The story needs no server of ours.
    Unused,
}

impl Database {
    /// The databases of the product.
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];

    /// The name used in reports and filters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Unused => "no-database",
        }
    }
}

/// One run of one story. Clones are the same stage.
#[derive(Clone)]
pub struct Stage {
    /// The engine of every browser of this run.
    pub engine: Engine,
    /// Whether its pages may run scripts.
    pub scripts: Scripts,
    /// The database for the server.
    pub database: Database,
    journal: Journal,
    browsers: Arc<Mutex<Vec<Browser>>>,
}

impl Stage {
    /// An empty stage.
    pub fn new(engine: Engine, scripts: Scripts, database: Database) -> Self {
        Self {
            engine,
            scripts,
            database,
            journal: Journal::default(),
            browsers: Arc::default(),
        }
    }

    /// Whether pages may run scripts, for the few steps that differ.
    pub fn has_scripts(&self) -> bool {
        self.scripts == Scripts::On
    }

    /// A browser with an empty profile on this site. Each call is another device.
    pub async fn browser(&self, site: &Site) -> Outcome<Browser> {
        self.browser_with(self.options(site)).await
    }

    /// The options that `browser` uses, to be changed and given to `browser_with`.
    pub fn options(&self, site: &Site) -> Options {
        Options::new(self.engine, self.scripts, site)
    }

    /// A browser started in a special way.
    pub async fn browser_with(&self, options: Options) -> Outcome<Browser> {
        let number = self.browsers().len() + 1;
        let name = format!("{} {number}", options.engine.name());
        let browser = Browser::start_named(name, options, self.journal.clone()).await?;
        self.browsers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(browser.clone());
        Ok(browser)
    }

    /// Records something the browsers do not see, for example what an administrator did by API.
    pub fn note(&self, step: impl std::fmt::Display) {
        self.journal.note(step);
    }

    /// Starts the journal's clock; to be called before the stage is cloned.
    pub(crate) fn begin(&mut self) {
        self.journal.begin();
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    fn browsers(&self) -> Vec<Browser> {
        self.browsers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Saves what every open browser shows; returns the files.
    pub(crate) async fn save_evidence(&self, directory: &Path, name: &str) -> Vec<PathBuf> {
        let mut saved = Vec::new();
        if std::fs::create_dir_all(directory).is_err() {
            return saved;
        }
        for (number, browser) in self
            .browsers()
            .iter()
            .enumerate()
            .filter(|(_, browser)| !browser.is_closed())
        {
            let stem = format!("{}-{}", name.replace('/', "-"), number + 1);
            let picture = directory.join(format!("{stem}.png"));
            if browser.save_picture(&picture).await.is_ok() {
                saved.push(picture);
            }
            let page = directory.join(format!("{stem}.html"));
            let source = browser
                .source()
                .await
                .unwrap_or_else(|error| error.to_string());
            let address = browser
                .address()
                .await
                .unwrap_or_else(|error| error.to_string());
            if std::fs::write(&page, format!("<!-- {address} -->\n{source}")).is_ok() {
                saved.push(page);
            }
        }
        saved
    }

    /// Closes every browser.
    pub(crate) async fn close(&self) {
        let browsers =
            std::mem::take(&mut *self.browsers.lock().unwrap_or_else(PoisonError::into_inner));
        for browser in browsers {
            let _ = browser.close().await;
        }
    }
}
