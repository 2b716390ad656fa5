//! Every page in every state, in the order in which one browser visits them: for the accessibility rules and for
//! people who look at pictures.
//!
//! This file owns the site and the people; `visitors` holds what anybody sees, `account` what Ada sees,
//! `protection` what she protects her account with, `apps` the apps, `hosts` apps behind a proxy, and `moments` what
//! she sees seldom.

mod account;
mod apps;
mod hosts;
mod moments;
mod protection;
mod visitors;

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nightlatch_testkit::{Account, Authenticator, PASSWORD, Site};

use super::devices::{IPHONE, LIBRARY, MACBOOK, TABLET, WINDOWS};
use super::ground::{Ground, House};
use super::guarded_app::GuardedApp;
use super::steps::sign_in;
use crate::browser::Browser;
use crate::failure::{Failure, Outcome};
use crate::stage::Database;

const HOUR: Duration = Duration::from_hours(1);

/// The site of the gallery, and what its pages need.
pub(crate) struct Gallery {
    pub(crate) ground: Ground,
    administrator: Account,
    untouched: House,
    set_up_code: String,
    /// The authenticator app that Ada sets up on the way, and the code that another computer shows.
    app: Mutex<Option<Authenticator>>,
    code: Mutex<String>,
    /// The apps behind a proxy that are visited.
    guarded: Mutex<Vec<GuardedApp>>,
}

/// Brings the browser to a page.
type Reach = fn(Browser, Arc<Gallery>) -> Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// A page in some state.
pub(crate) struct Exhibit {
    /// The name of its picture.
    pub(crate) name: &'static str,
    /// How a person gets there from the one before.
    pub(crate) reach: Reach,
}

/// `exhibit!("name", |browser, gallery| { … })` with a block that may wait.
macro_rules! exhibit {
    ($name:literal, |$browser:ident, $gallery:ident| $reach:block) => {
        $crate::stories::gallery::Exhibit {
            name: $name,
            reach: |browser, gallery| {
                Box::pin(async move {
                    let ($browser, $gallery) = (&browser, &*gallery);
                    let _ = $gallery;
                    $reach
                    Ok(())
                })
            },
        }
    };
}
use exhibit;

/// A part of the gallery that can be visited by itself.
#[derive(Clone, Copy)]
pub(crate) enum Wing {
    /// What anybody sees.
    Visitors,
    /// What a signed-in person sees.
    Account,
    /// Second factors: what protects an account.
    Protection,
    /// Phones, the second step, mails: other ways in.
    WaysBack,
    /// Apps: the way in, the way out, and what they said to it.
    Apps,
    /// Apps behind a proxy.
    Hosts,
    /// What they see seldom.
    Moments,
}

impl Wing {
    /// All of it.
    pub(crate) const ALL: [Self; 7] = [
        Self::Visitors,
        Self::Account,
        Self::Protection,
        Self::WaysBack,
        Self::Apps,
        Self::Hosts,
        Self::Moments,
    ];

    /// Its name, for filters.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Visitors => "visitors",
            Self::Account => "account",
            Self::Protection => "protection",
            Self::WaysBack => "ways-back",
            Self::Apps => "apps",
            Self::Hosts => "hosts",
            Self::Moments => "moments",
        }
    }

    /// Its pages, in the order in which they can be reached.
    pub(crate) fn exhibits(self) -> Vec<Exhibit> {
        match self {
            Self::Visitors => visitors::exhibits(),
            Self::Account => account::exhibits(),
            Self::Protection => protection::exhibits(),
            Self::WaysBack => protection::ways_back(),
            Self::Apps => apps::exhibits(),
            Self::Hosts => hosts::exhibits(),
            Self::Moments => moments::exhibits(),
        }
    }

    /// Gets the browser ready for the first page.
    pub(crate) async fn enter(self, browser: &Browser, gallery: &Gallery) -> Outcome {
        match self {
            Self::Visitors | Self::Hosts => Ok(()),
            Self::Account | Self::Protection | Self::Apps | Self::Moments => {
                sign_in(browser, gallery.ada(), &[]).await
            }
            Self::WaysBack => {
                sign_in(browser, gallery.ada(), &[]).await?;
                protection::set_up_factors(gallery).await
            }
        }
    }
}

impl Gallery {
    /// Opens the gallery: five devices, a name of Ada's own for one of them, failures, endings.
    pub(crate) async fn open(database: Database) -> Outcome<Self> {
        let ground = Ground::behind_a_proxy(database).await?;
        ground
            .change_settings(|settings| {
                settings.contact = Some("the IT help desk (extension 200)".to_owned());
            })
            .await?;
        let administrator = ground
            .with(|site| site.add_administrator("Grace Hopper", "grace@brightwater.example"))
            .await?;
        let untouched = House::untouched(database).await?;
        let code = untouched.with(Site::issue_set_up_link).await?;
        let gallery = Self {
            ground,
            administrator,
            untouched,
            set_up_code: code.ok_or_else(|| Failure::new("no set-up link"))?,
            app: Mutex::default(),
            code: Mutex::default(),
            guarded: Mutex::default(),
        };
        gallery.live_a_little().await?;
        Ok(gallery)
    }

    fn ada(&self) -> &Account {
        &self.ground.ada
    }

    async fn live_a_little(&self) -> Outcome {
        let (ground, ada) = (&self.ground, self.ada());
        ground.sign_in_with(&MACBOOK, ada).await?;
        ground.advance(3 * HOUR)?;
        let library = ground.sign_in_with(&LIBRARY, ada).await?;
        ground.advance(HOUR)?;
        ground
            .with(move |site| {
                let mut browser = site.browser().with_cookies(library);
                browser.open("/");
                drop(browser.press("Log out").expect(200));
            })
            .await?;
        ground.advance(4 * HOUR)?;
        ground.sign_in_with(&WINDOWS, ada).await?;
        ground.advance(5 * HOUR)?;
        let tablet = ground.sign_in_with(&TABLET, ada).await?;
        ground.advance(2 * HOUR)?;
        ground
            .with(move |site| {
                let mut browser = site.browser().with_cookies(tablet);
                browser.open("/account/sessions");
                browser.fill("Your name for it", "Kitchen tablet");
                drop(browser.press("Save name").expect(200));
            })
            .await?;
        ground.sign_in_with(&IPHONE, ada).await?;
        ground.advance(HOUR)?;
        let email = ada.email.clone();
        ground
            .with(move |site| {
                let mut stranger = site.browser().at("192.0.2.9");
                for password in ["lovelace", "Lovelace1815", "analytical engine"] {
                    drop(stranger.try_to_sign_in(
                        &email,
                        password,
                        nightlatch_testkit::Choices::default(),
                    ));
                }
            })
            .await?;
        ground.advance(HOUR / 2)?;
        ground
            .learn_places(&[&MACBOOK, &LIBRARY, &WINDOWS, &TABLET, &IPHONE])
            .await
    }

    /// Ends both sites, which look over their databases.
    pub(crate) async fn close(self) -> Outcome {
        self.ground.take_answered()?;
        self.untouched.take_answered()?;
        self.ground.close().await?;
        self.untouched.close().await
    }

    /// The address of a page on the site that nobody has set up.
    fn set_up_address(&self) -> String {
        self.untouched
            .site()
            .address(&format!("/set-up/{}", self.set_up_code))
    }

    /// The password of everybody here.
    const fn password() -> &'static str {
        PASSWORD
    }
}
