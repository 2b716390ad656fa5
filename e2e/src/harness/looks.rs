//! Size, color preference, pictures and the accessibility rules.

use super::begin;
use crate::browser::{Appearance, Options};
use crate::failure::Outcome;
use crate::stage::Stage;

pub(super) async fn pages_are_narrow_dark_and_long(stage: Stage) -> Outcome {
    let (site, browser) = begin(&stage).await?;
    browser.open("/looks").await?;
    browser.see("It is light").await?;
    browser.see("It is wide").await?;
    browser.resize(320, 700).await?;
    browser.see("It is narrow").await?;
    let (width, height) = crate::browser::picture_size(&browser.full_picture().await?)?;
    assert_eq!(width, 320);
    assert!(
        height > 3000,
        "the picture holds the whole page, not {height} pixels of it"
    );
    browser.close().await?;

    let dark = Options {
        appearance: Appearance::Dark,
        ..stage.options(&site.site())
    };
    let browser = stage.browser_with(dark).await?;
    browser.open("/looks").await?;
    browser.see("It is dark").await?;
    browser.new_tab().await?;
    browser.open("/looks").await?;
    browser.see("It is dark").await
}

pub(super) async fn a_planted_flaw_is_found(stage: Stage) -> Outcome {
    let (_site, browser) = begin(&stage).await?;
    browser.open("/strict").await?;
    browser.expect_accessible().await?;
    assert_eq!(browser.horizontal_overflow().await?, 0);

    browser.open("/flawed").await?;
    let found: Vec<String> = browser
        .accessibility_violations()
        .await?
        .into_iter()
        .map(|violation| violation.rule)
        .collect();
    for rule in ["image-alt", "label", "color-contrast"] {
        assert!(
            found.iter().any(|found| found == rule),
            "{rule} is missing from {found:?}"
        );
    }
    let report = browser
        .expect_accessible()
        .await
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default();
    assert!(
        report.contains("/flawed breaks") && report.contains("<img"),
        "{report}"
    );
    Ok(())
}
