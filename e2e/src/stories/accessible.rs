//! Every page keeps the accessibility rules, in light and dark, on a phone and on a desk (UI-08, OUT-04).

use std::sync::Arc;

use serde_json::Value;

use super::gallery::{Gallery, Wing};
use crate::browser::{Appearance, Browser, Options};
use crate::failure::{Failure, Outcome, ensure};
use crate::stage::Stage;

pub(crate) async fn visitors_pages_are_accessible(stage: Stage) -> Outcome {
    is_accessible(stage, Wing::Visitors).await
}

pub(crate) async fn account_pages_are_accessible(stage: Stage) -> Outcome {
    is_accessible(stage, Wing::Account).await
}

pub(crate) async fn protecting_pages_are_accessible(stage: Stage) -> Outcome {
    is_accessible(stage, Wing::Protection).await
}

pub(crate) async fn other_ways_in_are_accessible(stage: Stage) -> Outcome {
    is_accessible(stage, Wing::WaysBack).await
}

pub(crate) async fn pages_of_apps_are_accessible(stage: Stage) -> Outcome {
    is_accessible(stage, Wing::Apps).await
}

pub(crate) async fn pages_on_protected_hosts_are_accessible(stage: Stage) -> Outcome {
    is_accessible(stage, Wing::Hosts).await
}

pub(crate) async fn rare_pages_are_accessible(stage: Stage) -> Outcome {
    is_accessible(stage, Wing::Moments).await
}

async fn is_accessible(stage: Stage, wing: Wing) -> Outcome {
    let [light, dark] = [Appearance::Light, Appearance::Dark].map(|appearance| {
        let stage = stage.clone();
        tokio::spawn(async move { walk(stage, wing, appearance).await })
    });
    let (light, dark) = (light.await?, dark.await?);
    match (light, dark) {
        (Ok(()), Ok(())) => Ok(()),
        (Err(light), Err(dark)) => Err(Failure::new(format!("light: {light}\ndark: {dark}"))),
        (Err(light), Ok(())) => Err(light.during("light")),
        (Ok(()), Err(dark)) => Err(dark.during("dark")),
    }
}

/// Visits every page of a wing and goes on after a broken one, so that one run tells everything.
async fn walk(stage: Stage, wing: Wing, appearance: Appearance) -> Outcome {
    let gallery = Arc::new(Gallery::open(stage.database).await?);
    let options = Options {
        appearance,
        ..stage.options(gallery.ground.site())
    };
    let browser = stage.browser_with(options).await?;
    wing.enter(&browser, &gallery).await?;
    let mut broken = Vec::new();
    for (number, exhibit) in wing.exhibits().iter().enumerate() {
        (exhibit.reach)(browser.clone(), Arc::clone(&gallery))
            .await
            .map_err(|error| error.during(exhibit.name))?;
        let (narrow, wide) = ((320, 700), (1280, 900));
        // Every second page the other way round: resizing takes time.
        let sizes = if number % 2 == 0 {
            [wide, narrow]
        } else {
            [narrow, wide]
        };
        for (width, height) in sizes {
            if browser.options().width != width {
                browser.resize(width, height).await?;
            }
            if let Err(error) = keeps_the_rules(&browser).await {
                broken.push(format!("{} at {width} pixels: {error}", exhibit.name));
            }
        }
    }
    browser.close().await?;
    if let Some(gallery) = Arc::into_inner(gallery) {
        gallery.close().await?;
    }
    ensure(broken.is_empty(), || broken.join("\n"))
}

/// What is said about the page that a browser shows: headings, title, and how to log out.
const FACTS: &str = "
const headings = Array.from(document.querySelectorAll('h1'), (heading) => heading.textContent.trim().replace(/\\s+/g, ' '));
const menu = document.querySelector('details.menu');
const log_out = Array.from(document.querySelectorAll('form[action=\"/logout\"] button'));
return {
  headings, title: document.title, signed_in: document.body.dataset.session !== undefined,
  log_out: log_out.some((button) => menu?.contains(button) && button.tabIndex === 0 && !button.disabled),
  menu: menu?.querySelector('summary')?.tabIndex === 0,
};";

async fn keeps_the_rules(browser: &Browser) -> Outcome {
    browser.expect_accessible().await?;
    let overflow = browser.horizontal_overflow().await?;
    ensure(overflow <= 0, || {
        format!("wider than its window by {overflow} pixels")
    })?;
    let facts = browser.evaluate(FACTS).await?;
    let headings: Vec<&str> = facts["headings"]
        .as_array()
        .map(|all| all.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let title = facts["title"].as_str().unwrap_or_default();
    ensure(
        headings.len() == 1 && title == format!("{} · Nightlatch", headings[0]),
        || format!("headings {headings:?} under the title “{title}”"),
    )?;
    let reachable = facts["log_out"] == Value::Bool(true) && facts["menu"] == Value::Bool(true);
    ensure(
        reachable || facts["signed_in"] == Value::Bool(false),
        || "Log out cannot be reached by keyboard".to_owned(),
    )
}
