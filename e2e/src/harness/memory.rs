//! What browsers keep and forget: cookies, history, tabs, profiles.

use std::path::PathBuf;

use super::throwaway::COOKIE;
use super::{begin, sign_in};
use crate::browser::{Browser, Engine, Startup};
use crate::failure::{Outcome, ensure};
use crate::stage::Stage;
use crate::wait;

pub(super) async fn cookies_of_localhost_are_kept(stage: Stage) -> Outcome {
    let (_site, browser) = begin(&stage).await?;
    sign_in(&browser, "Ada").await?;
    let cookie = browser.expect_cookie(COOKIE).await?;
    assert_eq!((cookie.value.as_str(), cookie.path.as_str()), ("Ada", "/"));
    assert!(cookie.secure && cookie.http_only && cookie.expiry.is_none());
    assert_eq!(cookie.same_site.as_deref(), Some("Lax"));

    browser.delete_cookie(COOKIE).await?;
    browser.open("/private").await?;
    browser.see_path("/").await?;

    // A thief's copy works on the throwaway site, so that a story can show that it does not on ours.
    browser.add_cookie(&cookie).await?;
    browser.open("/private").await?;
    browser.see("The secrets of Ada").await?;
    browser.delete_all_cookies().await?;
    assert_eq!(browser.cookies().await?, []);
    Ok(())
}

pub(super) async fn back_does_not_show_what_must_not_be_stored(stage: Stage) -> Outcome {
    let (_site, browser) = begin(&stage).await?;
    sign_in(&browser, "Ada").await?;
    browser.press("Sign out").await?;
    browser.see("You have left").await?;
    browser.back().await?;
    browser.see_path("/").await?;
    browser.does_not_see("The secrets of Ada").await?;
    browser.forward().await?;
    browser.does_not_see("The secrets of Ada").await
}

/// The harness must be able to see a leak. `no-store` and a deleted cookie are not enough in Chromium.
pub(super) async fn back_shows_what_a_careless_site_leaves(stage: Stage) -> Outcome {
    let (_site, browser) = begin(&stage).await?;
    sign_in(&browser, "Ada").await?;
    browser.press("Sign out carelessly").await?;
    browser.see("Password").await?;
    browser.back().await?;
    match stage.engine {
        Engine::Chromium => browser.see("The secrets of Ada").await,
        Engine::Firefox => browser.see_path("/").await,
    }
}

pub(super) async fn back_brings_a_page_back_alive(stage: Stage) -> Outcome {
    let (_site, browser) = begin(&stage).await?;
    browser.open("/kept").await?;
    browser.see("Shown anew").await?;
    browser.follow("Onward").await?;
    browser.see("Looks").await?;
    browser.back().await?;
    // A driver that switched this cache off would hide pages that come back after a logout.
    browser.see("Brought back alive").await
}

pub(super) async fn tabs_hear_each_other(stage: Stage) -> Outcome {
    let (_site, browser) = begin(&stage).await?;
    browser.open("/channel").await?;
    let first = browser.current_tab().await?;
    let second = browser.new_tab().await?;
    browser.open("/channel").await?;
    browser.press("Tell the others").await?;
    browser.see("Heard nothing").await?;
    browser.switch_to(&first).await?;
    browser.see("Heard a farewell").await?;
    let tabs = browser.tabs().await?;
    assert!(tabs.len() == 2 && tabs.contains(&second));
    Ok(())
}

pub(super) async fn a_second_profile_is_a_second_device(stage: Stage) -> Outcome {
    let (site, laptop) = begin(&stage).await?;
    sign_in(&laptop, "Ada").await?;
    let phone = stage.browser(&site.site()).await?;
    phone.open("/private").await?;
    phone.see_path("/").await?;
    assert_eq!(phone.cookies().await?, []);
    laptop.reload().await?;
    laptop.see("The secrets of Ada").await
}

pub(super) async fn a_restart_forgets_and_remembers(stage: Stage) -> Outcome {
    let (_site, browser) = begin(&stage).await?;
    sign_in(&browser, "Ada").await?;
    browser.restart(Startup::Empty).await?;
    browser.open("/private").await?;
    browser.see_path("/").await?;

    browser.check("Remember me").await?;
    sign_in(&browser, "Ada").await?;
    assert!(browser.expect_cookie(COOKIE).await?.expiry.is_some());
    browser.restart(Startup::Empty).await?;
    browser.open("/private").await?;
    browser.see("The secrets of Ada").await
}

pub(super) async fn windows_come_back(stage: Stage) -> Outcome {
    let (_site, browser) = begin(&stage).await?;
    sign_in(&browser, "Ada").await?;
    // The choice is made in the settings first, and counts from the next end on.
    browser.restart(Startup::PreviousWindows).await?;
    browser.open("/").await?;
    sign_in(&browser, "Ada").await?;
    browser.restart(Startup::PreviousWindows).await?;
    find_tab(&browser, "The secrets of Ada").await
}

/// Goes to the tab that shows this text.
async fn find_tab(browser: &Browser, text: &str) -> Outcome {
    wait::until(format!("a tab with “{text}”"), wait::PATIENCE, || async {
        for tab in browser.tabs().await? {
            browser.switch_to(&tab).await?;
            if browser.sees(text).await? {
                return Ok(Some(()));
            }
        }
        Ok(None)
    })
    .await
}

pub(super) async fn nothing_stays_behind(stage: Stage) -> Outcome {
    let (_site, browser) = begin(&stage).await?;
    let directory: PathBuf = browser.directory();
    ensure(Browser::processes_in(&directory) > 0, || {
        "a running browser has processes".to_owned()
    })?;
    browser.close().await?;
    assert!(browser.is_closed() && browser.text().await.is_err());
    let left = Browser::processes_in(&directory);
    ensure(left == 0, || {
        format!("{left} processes outlived the browser")
    })
}
