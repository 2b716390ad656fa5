//! Pictures of every page, light and dark, on a phone and on a desk: for people to look at.

use std::path::Path;
use std::pin::Pin;

use crate::browser::{Appearance, Browser, Engine, Options, Scripts};
use crate::failure::{Failure, Outcome};
use crate::harness::throwaway;
use crate::report;
use crate::site::Site;

/// Brings the browser to a page.
type Reach = fn(Browser) -> Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// A page to be pictured.
pub struct Page {
    /// The file's name.
    pub name: &'static str,
    /// How a person gets there, from anywhere.
    pub reach: Reach,
}

/// The pages, in the order in which one browser visits them: it stays signed in from one to the next.
fn pages() -> Vec<Page> {
    vec![Page {
        name: "start",
        reach: |browser| Box::pin(async move { browser.open("/").await }),
    }]
}

const WIDTHS: [(u32, u32); 2] = [(320, 700), (1280, 900)];

/// Takes the pictures and returns whether no page was wider than its window.
pub async fn take(
    directory: &Path,
    site: Option<Site>,
    engine: Engine,
    filters: &[String],
) -> Outcome<bool> {
    let throwaway;
    let site = if let Some(site) = site {
        site
    } else {
        throwaway = throwaway::Throwaway::start().await?;
        throwaway.site()
    };
    let mut fits = true;
    for appearance in [Appearance::Light, Appearance::Dark] {
        let options = Options {
            appearance,
            ..Options::new(engine, Scripts::On, &site)
        };
        let browser = Browser::start(options).await?;
        for page in pages().iter().filter(|page| {
            filters
                .iter()
                .all(|filter| page.name.contains(filter.as_str()))
        }) {
            (page.reach)(browser.clone())
                .await
                .map_err(|error| error.during(page.name))?;
            fits &= picture(&browser, directory, page.name, appearance).await?;
        }
        browser.close().await?;
    }
    Ok(fits)
}

async fn picture(
    browser: &Browser,
    directory: &Path,
    name: &str,
    appearance: Appearance,
) -> Outcome<bool> {
    let mut fits = true;
    for (width, height) in WIDTHS {
        browser.resize(width, height).await?;
        let path = directory.join(format!("{name}-{}-{width}.png", appearance.name()));
        browser
            .save_picture(&path)
            .await
            .map_err(|error: Failure| error.during(name))?;
        report::say(path.display());
        let overflow = browser.horizontal_overflow().await?;
        if overflow > 0 {
            report::say(format_args!(
                "    wider than its window by {overflow} pixels"
            ));
            fits = false;
        }
    }
    Ok(fits)
}
