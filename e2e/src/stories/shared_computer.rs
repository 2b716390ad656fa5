//! The computer in the library.

use std::sync::Arc;
use std::time::Duration;

use super::ground::Ground;
use super::steps::{
    PRIVATE_PAGES, SHARED, has_no_session_cookie, is_signed_out, press_log_out_in_the_open_menu,
    sees_nothing_of, sign_in,
};
use crate::browser::{Browser, Options, Startup};
use crate::failure::{Outcome, ensure};
use crate::stage::Stage;

/// The short sentence that every page carries in this mode.
const BADGE: &str = "Shared computer";

/// Nothing is kept, nothing comes back, and the server's limits end it (G4, G5, SHR-01 … SHR-03).
pub(crate) async fn shared_computer(stage: Stage, ground: Arc<Ground>) -> Outcome {
    let ada = &ground.ada;
    // A browser that brings windows and their cookies back, as many do.
    let options = Options {
        startup: Startup::PreviousWindows,
        ..stage.options(ground.site())
    };
    let browser = stage.browser_with(options).await?;
    sign_in(&browser, ada, &[SHARED]).await?;
    for page in PRIVATE_PAGES.into_iter().chain([
        "/account/sessions/log-out-all",
        "/help",
        "/login",
        "/logout",
    ]) {
        browser.open(page).await?;
        browser.see(BADGE).await?;
    }
    keeps_nothing(&browser).await?;

    // Log out: nobody is named, and Back shows nothing.
    browser.open("/account/profile").await?;
    browser.see(&ada.email).await?;
    browser.press_beside(BADGE, "Log out").await?;
    browser.see_path("/signed-out").await?;
    browser.see("please close this window now").await?;
    sees_nothing_of(&browser, ada).await?;
    keeps_nothing(&browser).await?;
    for _ in 0..3 {
        browser.back().await?;
        browser
            .see("You are not signed in on this browser.")
            .await?;
        sees_nothing_of(&browser, ada).await?;
    }
    browser.restart(Startup::PreviousWindows).await?;
    for tab in browser.tabs().await? {
        browser.switch_to(&tab).await?;
        sees_nothing_of(&browser, ada).await?;
    }
    is_signed_out(&browser, ada).await?;

    // Walking away: the browser brings the session back, the limit ends it all the same (SHR-02).
    sign_in(&browser, ada, &[SHARED]).await?;
    browser.restart(Startup::PreviousWindows).await?;
    ground.advance(Duration::from_secs(15 * 60 - 1))?;
    browser.open("/help").await?;
    browser
        .see(&format!("This browser is signed in as {}", ada.name))
        .await?;
    ground.advance(Duration::from_secs(1))?;
    browser.open("/account/sessions").await?;
    browser.see_path_beginning("/login").await?;
    browser.see("this browser was not used for a while").await?;
    assert_eq!(browser.value_of("E-mail address").await?, "");
    sees_nothing_of(&browser, ada).await?;
    has_no_session_cookie(&browser).await?;
    keeps_nothing(&browser).await?;
    is_signed_out(&browser, ada).await?;

    // Whoever mistypes leaves no trace either.
    browser.open("/login").await?;
    super::steps::fill_in(&browser, ada, "seven lanterns", &[SHARED]).await?;
    browser.see("do not fit together").await?;
    assert_eq!(browser.value_of("E-mail address").await?, "");
    sees_nothing_of(&browser, ada).await?;
    ground.expect_errors(&["POST /login 422"])?;

    // The menu's Log out does the same as the bar's.
    sign_in(&browser, ada, &[SHARED]).await?;
    browser.press(&super::steps::account_menu(ada)).await?;
    press_log_out_in_the_open_menu(&browser).await?;
    browser.see("please close this window now").await?;
    sees_nothing_of(&browser, ada).await
}

/// No cookie outlives the browser.
async fn keeps_nothing(browser: &Browser) -> Outcome {
    for cookie in browser.cookies().await? {
        ensure(cookie.expiry.is_none(), || {
            format!("SHR-01: {} outlives the browser", cookie.name)
        })?;
    }
    Ok(())
}
