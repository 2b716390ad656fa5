//! The site of a story, and who lives there.
//!
//! What the site does may wait for its database, which no async task may do: every such act runs on a thread
//! that may. At the end of a story, the site checks its whole database (see testkit), and this file checks that
//! no browser was ever shown an error page that the story did not expect.

use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use nightlatch_domain::organization::Settings;
use nightlatch_storage::testing::TestDatabase;
use nightlatch_testkit::{Account, Answered, ListeningSite, Site as TestSite, SiteOptions};

use crate::failure::{Failure, Outcome};
use crate::runner::panic_sentence;
use crate::site::Site;
use crate::stage::{Database, Stage};

/// A site that listens.
pub(crate) struct House {
    listening: Option<Arc<ListeningSite>>,
    address: Site,
}

/// A house with one organization, Brightwater Trading, in which Ada has an account.
pub(crate) struct Ground {
    house: House,
    /// Who has most of the stories.
    pub(crate) ada: Account,
}

/// Tells a story on a ground of its own, and looks at what is left when it is over.
pub(crate) async fn tell<R>(stage: Stage, story: impl FnOnce(Stage, Arc<Ground>) -> R) -> Outcome
where
    R: Future<Output = Outcome>,
{
    tell_at(Ground::new(stage.database).await?, stage, story).await
}

/// The same on a ground that believes proxies on this machine.
pub(crate) async fn tell_behind_a_proxy<R>(
    stage: Stage,
    story: impl FnOnce(Stage, Arc<Ground>) -> R,
) -> Outcome
where
    R: Future<Output = Outcome>,
{
    tell_at(Ground::behind_a_proxy(stage.database).await?, stage, story).await
}

async fn tell_at<R>(
    ground: Ground,
    stage: Stage,
    story: impl FnOnce(Stage, Arc<Ground>) -> R,
) -> Outcome
where
    R: Future<Output = Outcome>,
{
    let ground = Arc::new(ground);
    story(stage.clone(), Arc::clone(&ground)).await?;
    // Browsers first: what they still ask for would be asked of a site that is closing.
    stage.close().await;
    match Arc::into_inner(ground) {
        Some(ground) => ground.close().await,
        None => Err(Failure::new("the story is over, but holds on to its site")),
    }
}

/// Registers an `async fn(Stage, Arc<Ground>) -> Outcome` under its own name.
macro_rules! on_ground {
    ($($path:ident)::+) => {
        $crate::runner::Story::new(stringify!($($path)::+), |stage| {
            Box::pin($crate::stories::ground::tell(stage, $($path)::+))
        })
    };
}
pub(crate) use on_ground;

/// The same for a story with apps behind a proxy.
macro_rules! behind_a_proxy {
    ($($path:ident)::+) => {
        $crate::runner::Story::new(stringify!($($path)::+), |stage| {
            Box::pin($crate::stories::ground::tell_behind_a_proxy(stage, $($path)::+))
        })
    };
}
pub(crate) use behind_a_proxy;

impl Ground {
    /// The usual site.
    pub(crate) async fn new(database: Database) -> Outcome<Self> {
        Self::with_options(database, SiteOptions::default()).await
    }

    /// One that believes what proxies on this machine say.
    pub(crate) async fn behind_a_proxy(database: Database) -> Outcome<Self> {
        let options = SiteOptions {
            trusted_proxies: vec!["127.0.0.1/32".parse().expect("a network")],
            ..SiteOptions::default()
        };
        Self::with_options(database, options).await
    }

    async fn with_options(database: Database, options: SiteOptions) -> Outcome<Self> {
        let house = House::open(database, options).await?;
        let ada = house.with(TestSite::add_ada).await?;
        Ok(Self { house, ada })
    }

    /// Ends the site, which then looks over its whole database.
    pub(crate) async fn close(self) -> Outcome {
        self.house.close().await
    }

    /// Ada logs out all her other sessions, from a device that no story looks at. Returns when she pressed
    /// the button, by the clock of this machine.
    pub(crate) async fn ada_logs_out_the_others_elsewhere(&self) -> Outcome<SystemTime> {
        let ada = self.ada.clone();
        self.with(move |site| {
            let mut elsewhere = site.browser();
            elsewhere.sign_in(&ada);
            elsewhere.open("/account/sessions/log-out-others");
            let pressed = SystemTime::now();
            drop(elsewhere.press("Log out all other sessions").expect(200));
            pressed
        })
        .await
    }
}

impl Deref for Ground {
    type Target = House;

    fn deref(&self) -> &House {
        &self.house
    }
}

impl House {
    /// A site on a database of its own.
    pub(crate) async fn open(database: Database, options: SiteOptions) -> Outcome<Self> {
        let which = match database {
            Database::Postgres => TestDatabase::Postgres,
            Database::Sqlite | Database::Unused => TestDatabase::Sqlite,
        };
        let listening = blocking(move || ListeningSite::with(which, options)).await?;
        Ok(Self {
            address: Site::at(listening.origin()),
            listening: Some(Arc::new(listening)),
        })
    }

    /// A site that nobody has set up yet.
    pub(crate) async fn untouched(database: Database) -> Outcome<Self> {
        let options = SiteOptions {
            has_organization: false,
            ..SiteOptions::default()
        };
        Self::open(database, options).await
    }

    /// Where browsers find it.
    pub(crate) fn site(&self) -> &Site {
        &self.address
    }

    /// Does something with the site that may wait.
    pub(crate) async fn with<T: Send + 'static>(
        &self,
        act: impl FnOnce(&TestSite) -> T + Send + 'static,
    ) -> Outcome<T> {
        let site = self.listening()?;
        blocking(move || act(&site)).await
    }

    /// Time passes on the server. Browsers do not notice.
    pub(crate) fn advance(&self, duration: Duration) -> Outcome {
        self.listening()?.advance(duration);
        Ok(())
    }

    /// Changes the organization's settings.
    pub(crate) async fn change_settings(
        &self,
        change: impl FnOnce(&mut Settings) + Send + 'static,
    ) -> Outcome {
        self.with(move |site| site.change_settings(change)).await
    }

    /// Everything that browsers were answered since the last time this was asked.
    pub(crate) fn take_answered(&self) -> Outcome<Vec<Answered>> {
        Ok(self.listening()?.take_answered())
    }

    /// Fails if browsers were shown errors other than these, each as `POST /login 422`; forgets them all.
    pub(crate) fn expect_errors(&self, expected: &[&str]) -> Outcome {
        let mut found: Vec<String> = self
            .take_answered()?
            .iter()
            .filter(|answered| answered.status >= 400 && !is_told_to_a_proxy(answered))
            .map(|answered| {
                let path = without_ids(&answered.path);
                format!("{} {path} {}", answered.method, answered.status)
            })
            .collect();
        found.dedup();
        if found == expected {
            Ok(())
        } else {
            Err(Failure::new(format!(
                "browsers were answered with the errors {found:?}, expected are {expected:?}"
            )))
        }
    }

    /// Ends the site, which then looks over its whole database.
    pub(crate) async fn close(mut self) -> Outcome {
        self.expect_errors(&[])?;
        match self.listening.take().and_then(Arc::into_inner) {
            // What does not hold of the database is a panic of this thread.
            Some(listening) => blocking(move || drop(listening)).await,
            None => Err(Failure::new("something still uses the site")),
        }
    }

    fn listening(&self) -> Outcome<Arc<ListeningSite>> {
        self.listening
            .clone()
            .ok_or_else(|| Failure::new("the site is closed"))
    }
}

impl Drop for House {
    /// A story that was broken off leaves its site behind, to end where waiting is allowed.
    fn drop(&mut self) {
        if let Some(listening) = self.listening.take() {
            drop(std::thread::spawn(move || drop(listening)));
        }
    }
}

/// "Not signed in", as a proxy is told: what the browser gets is a redirect.
fn is_told_to_a_proxy(answered: &Answered) -> bool {
    answered.status == 401 && answered.path.starts_with("/forward-auth/")
}

/// A path with `{id}` for every id in it.
pub(crate) fn without_ids(path: &str) -> String {
    let segments: Vec<&str> = path
        .split('/')
        .map(|segment| {
            // No word of ours in an address is as long as an id or a code.
            if segment.starts_with('{') || segment.len() > 20 {
                "{id}"
            } else {
                segment
            }
        })
        .collect();
    segments.join("/")
}

/// Runs what may wait on a thread that may; a panic becomes a failure with its words.
async fn blocking<T: Send + 'static>(act: impl FnOnce() -> T + Send + 'static) -> Outcome<T> {
    match tokio::task::spawn_blocking(act).await {
        Ok(value) => Ok(value),
        Err(ended) => Err(match ended.try_into_panic() {
            Ok(panic) => Failure::new(panic_sentence(panic.as_ref())),
            Err(ended) => ended.into(),
        }),
    }
}
