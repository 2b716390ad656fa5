//! Pictures of every page, light and dark, on a phone and on a desk: for people to look at.

use std::path::Path;
use std::sync::Arc;

use crate::browser::{Appearance, Browser, Engine, Options, Scripts};
use crate::failure::{Failure, Outcome};
use crate::report;
use crate::stage::Database;
use crate::stories::gallery::{Gallery, Wing};

const WIDTHS: [(u32, u32); 2] = [(320, 700), (1280, 900)];

/// Takes the pictures and returns whether no page was wider than its window.
///
/// Every page of a wing is visited, since one leads to the next; the filters choose which are pictured, by
/// `wing/page`.
///
/// Without scripts, pages that only a script shows are left out, and nothing tells how wide a page is.
pub async fn take(
    directory: &Path,
    engine: Engine,
    scripts: Scripts,
    filters: &[String],
) -> Outcome<bool> {
    let mut fits = true;
    for appearance in [Appearance::Light, Appearance::Dark] {
        let mut number = 0;
        for wing in Wing::ALL {
            let exhibits = wing.exhibits();
            let chosen = |name: &str| {
                let name = format!("{}/{name}", wing.name());
                filters.iter().all(|filter| name.contains(filter.as_str()))
            };
            // Within a wing one page leads to the next; wings are visited by themselves.
            if !exhibits.iter().any(|exhibit| chosen(exhibit.name)) {
                number += exhibits.len();
                continue;
            }
            let gallery = Arc::new(Gallery::open(Database::Sqlite).await?);
            let options = Options {
                appearance,
                ..Options::new(engine, scripts, gallery.ground.site())
            };
            let browser = Browser::start(options).await?;
            wing.enter(&browser, &gallery).await?;
            for exhibit in &exhibits {
                let reached = (exhibit.reach)(browser.clone(), Arc::clone(&gallery)).await;
                number += 1;
                match (reached, scripts) {
                    (Ok(()), _) => {}
                    (Err(error), Scripts::On) => return Err(error.during(exhibit.name)),
                    (Err(error), Scripts::Off) => {
                        report::say(format_args!("left out: {}: {error}", exhibit.name));
                        continue;
                    }
                }
                if chosen(exhibit.name) {
                    let name = format!("{number:02}-{}", exhibit.name);
                    fits &= picture(&browser, directory, &name, appearance).await?;
                }
            }
            browser.close().await?;
            if let Some(gallery) = Arc::into_inner(gallery) {
                gallery.close().await?;
            }
        }
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
        if browser.options().scripts == Scripts::Off {
            continue;
        }
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
