//! Pictures of every page, light and dark, on a phone and on a desk: for people to look at.

use std::path::Path;

use crate::browser::{Appearance, Browser, Engine, Options, Scripts};
use crate::failure::{Failure, Outcome};
use crate::report;
use crate::site::Site;
use crate::stage::Database;
use crate::stories::ground::Ground;
use crate::stories::steps::sign_in;

/// A page to be pictured.
struct Page {
    /// The file's name.
    name: &'static str,
    /// Where it is.
    path: &'static str,
}

const fn page(name: &'static str, path: &'static str) -> Page {
    Page { name, path }
}

/// The pages that everybody can open.
const OPEN_TO_ALL: [Page; 5] = [
    page("sign-in", "/login"),
    page("log-out-nobody", "/logout"),
    page("signed-out-nobody", "/signed-out"),
    page("help", "/help"),
    page("not-found", "/nothing-here"),
];

/// The pages of somebody who is signed in.
const SIGNED_IN: [Page; 11] = [
    page("start", "/"),
    page("sign-in-somebody", "/login"),
    page("sign-in-as-somebody-else", "/login?switch=yes"),
    page("log-out", "/logout"),
    page("profile", "/account/profile"),
    page("security", "/account/security"),
    page("sessions", "/account/sessions"),
    page("log-out-of-all-sessions", "/account/sessions/log-out-all"),
    page("log-out-all-others", "/account/sessions/log-out-others"),
    page("history", "/account/history"),
    page("history-endings", "/account/history?show=endings"),
];

const WIDTHS: [(u32, u32); 2] = [(320, 700), (1280, 900)];

/// Takes the pictures and returns whether no page was wider than its window. A site that was named shows
/// the pages that everybody can open; one of our own also those of Ada.
pub async fn take(
    directory: &Path,
    site: Option<Site>,
    engine: Engine,
    filters: &[String],
) -> Outcome<bool> {
    let ground = match site {
        Some(_) => None,
        None => Some(Ground::new(Database::Sqlite).await?),
    };
    let site = match (&ground, site) {
        (Some(ground), _) => ground.site().clone(),
        (None, Some(site)) => site,
        (None, None) => return Err(Failure::new("there is no site to picture")),
    };
    let wanted = |page: &&Page| {
        filters
            .iter()
            .all(|filter| page.name.contains(filter.as_str()))
    };
    let mut fits = true;
    for appearance in [Appearance::Light, Appearance::Dark] {
        let options = Options {
            appearance,
            ..Options::new(engine, Scripts::On, &site)
        };
        let browser = Browser::start(options).await?;
        for page in OPEN_TO_ALL.iter().filter(wanted) {
            fits &= visit(&browser, directory, page, appearance).await?;
        }
        if let Some(ground) = &ground {
            let ada = ground.ada.clone();
            ground
                .with(move |site| drop(site.begin_sessions(&ada, 4)))
                .await?;
            sign_in(&browser, &ground.ada, &[]).await?;
            for page in SIGNED_IN.iter().filter(wanted) {
                fits &= visit(&browser, directory, page, appearance).await?;
            }
            ground.ada_logs_out_the_others_elsewhere().await?;
            fits &= visit(&browser, directory, &page("told-why", "/login"), appearance).await?;
        }
        browser.close().await?;
    }
    Ok(fits)
}

async fn visit(
    browser: &Browser,
    directory: &Path,
    page: &Page,
    appearance: Appearance,
) -> Outcome<bool> {
    browser
        .open(page.path)
        .await
        .map_err(|error| error.during(page.name))?;
    picture(browser, directory, page.name, appearance).await
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
