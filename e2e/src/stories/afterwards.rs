//! What a browser still shows, and what it still can, after its session has ended.

use std::sync::Arc;

use super::ground::Ground;
use super::steps::{
    PRIVATE_PAGES, REMEMBER, is_signed_in, is_signed_out, log_out_in_the_menu, sees_nothing_of,
    sees_soon_nothing_of, sign_in,
};
use crate::browser::{Browser, Startup};
use crate::failure::Outcome;
use crate::stage::Stage;

/// Other tabs, reloading, Back, closing the browser: nothing signs back in, and /login tells the truth.
pub(crate) async fn still_signed_in(stage: Stage, ground: Arc<Ground>) -> Outcome {
    let ada = &ground.ada;
    let browser = stage.browser(ground.site()).await?;
    sign_in(&browser, ada, &[]).await?;
    is_signed_in(&browser, ada).await?;
    let first = browser.current_tab().await?;
    browser.open("/account/profile").await?;
    browser.new_tab().await?;
    browser.open("/account/security").await?;
    log_out_in_the_menu(&browser, ada).await?;
    browser.see_path("/signed-out").await?;
    browser.reload().await?;
    browser.see("You logged out in this browser.").await?;
    browser.back().await?;
    browser
        .see("You are not signed in on this browser.")
        .await?;

    // The next click in the tab that stayed open.
    browser.switch_to(&first).await?;
    if stage.has_scripts() {
        browser.see("You are logged out").await?;
        browser.follow("Sign in").await?;
        browser.see_path("/login").await?;
    } else {
        browser.follow("Sessions").await?;
        browser
            .see_path("/login?return_to=/account/sessions")
            .await?;
    }
    browser
        .see("You are not signed in on this browser.")
        .await?;
    sees_nothing_of(&browser, ada).await?;
    is_signed_out(&browser, ada).await?;
    browser.new_tab().await?;
    is_signed_out(&browser, ada).await?;

    // An ordinary session ends with the browser's windows, a remembered one does not.
    sign_in(&browser, ada, &[]).await?;
    browser.restart(Startup::Empty).await?;
    is_signed_out(&browser, ada).await?;
    sign_in(&browser, ada, &[REMEMBER]).await?;
    browser.restart(Startup::Empty).await?;
    is_signed_in(&browser, ada).await?;
    // A11: with nothing but the lasting cookie, the first Log out counts.
    log_out_in_the_menu(&browser, ada).await?;
    browser.see_path("/signed-out").await?;
    browser.restart(Startup::Empty).await?;
    is_signed_out(&browser, ada).await?;
    browser.restart(Startup::PreviousWindows).await?;
    is_signed_out(&browser, ada).await
}

/// Back, Forward and far jumps show nothing of the person, after Log out here and after an ending elsewhere.
pub(crate) async fn back_button_shows_nothing(stage: Stage, ground: Arc<Ground>) -> Outcome {
    let ada = &ground.ada;
    let browser = stage.browser(ground.site()).await?;
    sign_in(&browser, ada, &[]).await?;
    look_around(&browser).await?;
    log_out_in_the_menu(&browser, ada).await?;
    browser.see_path("/signed-out").await?;
    browser.see("You logged out in this browser.").await?;
    goes_back_and_forth_and_sees_nothing(&browser, &ground).await?;
    is_signed_out(&browser, ada).await?;

    // Log out in another tab; this one only goes Back.
    sign_in(&browser, ada, &[]).await?;
    look_around(&browser).await?;
    let first = browser.current_tab().await?;
    browser.new_tab().await?;
    browser.open("/").await?;
    log_out_in_the_menu(&browser, ada).await?;
    browser.see_path("/signed-out").await?;
    browser.close_tab().await?;
    browser.switch_to(&first).await?;
    goes_back_and_forth_and_sees_nothing(&browser, &ground).await?;

    // Ended elsewhere: no cookie of this browser changes before its next click (OUT-08).
    sign_in(&browser, ada, &[]).await?;
    look_around(&browser).await?;
    ground.ada_logs_out_the_others_elsewhere().await?;
    if stage.has_scripts() {
        sees_soon_nothing_of(&browser, ada).await?;
    } else {
        browser.follow("Profile").await?;
    }
    browser.see("E-mail address").await?;
    goes_back_and_forth_and_sees_nothing(&browser, &ground).await?;
    is_signed_out(&browser, ada).await
}

/// Opens every page that holds something private, the last one being Sessions.
async fn look_around(browser: &Browser) -> Outcome {
    for page in PRIVATE_PAGES {
        browser.open(page).await?;
    }
    browser.open("/account/sessions").await?;
    browser.see("This browser").await
}

async fn goes_back_and_forth_and_sees_nothing(browser: &Browser, ground: &Ground) -> Outcome {
    for _ in 0..PRIVATE_PAGES.len() {
        browser.back().await?;
        sees_soon_nothing_of(browser, &ground.ada).await?;
        for private in ["This browser", "Signed in", "Current password"] {
            browser.does_not_see(private).await?;
        }
    }
    for _ in 0..2 {
        browser.forward().await?;
        sees_soon_nothing_of(browser, &ground.ada).await?;
    }
    Ok(())
}
