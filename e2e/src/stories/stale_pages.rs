//! When the Log out button does not respond: pages that are older than what they show.

use std::sync::Arc;
use std::time::Duration;

use super::ground::Ground;
use super::steps::{
    account_menu, has_no_session_cookie, is_signed_out, log_out_in_the_menu,
    press_log_out_in_the_open_menu, sees_nothing_of, sees_soon_nothing_of, sign_in,
};
use crate::browser::Browser;
use crate::failure::Outcome;
use crate::stage::Stage;

/// Whatever happened to the session, the cookie or the form meanwhile: Log out lands on a page that says the
/// truth, and never on an error (B2, B10).
pub(crate) async fn button_not_responding(stage: Stage, ground: Arc<Ground>) -> Outcome {
    let ada = &ground.ada;
    let browser = stage.browser(ground.site()).await?;

    // The session has passed its limit.
    sign_in(&browser, ada, &[]).await?;
    browser.press(&account_menu(ada)).await?;
    ground.advance(Duration::from_hours(24))?;
    press_log_out_in_the_open_menu(&browser).await?;
    lands(&browser, "this browser was not used for a while").await?;
    is_signed_out(&browser, ada).await?;

    // Even the longest one.
    sign_in(&browser, ada, &[]).await?;
    browser.press(&account_menu(ada)).await?;
    ground.advance(Duration::from_hours(24 * 400))?;
    press_log_out_in_the_open_menu(&browser).await?;
    lands(&browser, "this browser was not used for a while").await?;

    // The cookies are gone, and with them all knowledge of a session.
    sign_in(&browser, ada, &[]).await?;
    browser.press(&account_menu(ada)).await?;
    browser.delete_all_cookies().await?;
    press_log_out_in_the_open_menu(&browser).await?;
    lands(&browser, "You are not signed in on this browser.").await?;
    is_signed_out(&browser, ada).await?;

    // It ended elsewhere. With scripts the page has noticed and offers no button any more.
    sign_in(&browser, ada, &[]).await?;
    browser.press(&account_menu(ada)).await?;
    ground.ada_logs_out_the_others_elsewhere().await?;
    if stage.has_scripts() {
        sees_soon_nothing_of(&browser, ada).await?;
        browser.see("you logged out of all other sessions").await?;
    } else {
        press_log_out_in_the_open_menu(&browser).await?;
        lands(&browser, "you logged out of all other sessions").await?;
    }
    is_signed_out(&browser, ada).await?;
    a_form_of_a_session_before(&stage, &ground, &browser).await?;

    // When nothing else helps, with and without a session.
    sign_in(&browser, ada, &[]).await?;
    for _ in 0..2 {
        browser.open("/help").await?;
        browser.press("Reset this browser").await?;
        browser.see_path("/signed-out").await?;
        has_no_session_cookie(&browser).await?;
        assert!(
            browser.cookie("__Host-nightlatch-browser").await?.is_none(),
            "the browser's identity is still there"
        );
    }
    is_signed_out(&browser, ada).await?;

    // The account itself is gone.
    sign_in(&browser, ada, &[]).await?;
    browser.open("/account/sessions").await?;
    browser.press(&account_menu(ada)).await?;
    let gone = ada.clone();
    ground.with(move |site| site.disable(&gone)).await?;
    if stage.has_scripts() {
        sees_soon_nothing_of(&browser, ada).await?;
    } else {
        press_log_out_in_the_open_menu(&browser).await?;
        lands(&browser, "your account is not active").await?;
    }
    sees_nothing_of(&browser, ada).await
}

/// A tab from before the last sign-in; its form carries the token of a session that is over.
async fn a_form_of_a_session_before(stage: &Stage, ground: &Ground, browser: &Browser) -> Outcome {
    let ada = &ground.ada;
    sign_in(browser, ada, &[]).await?;
    let old = browser.current_tab().await?;
    browser.press(&account_menu(ada)).await?;
    browser.new_tab().await?;
    browser.open("/").await?;
    log_out_in_the_menu(browser, ada).await?;
    browser.see_path("/signed-out").await?;
    sign_in(browser, ada, &[]).await?;
    browser.switch_to(&old).await?;
    if stage.has_scripts() {
        // The old page has been emptied. A form as old as that is sent all the same.
        browser.see("You are logged out").await?;
        browser.open("/account/profile").await?;
        browser.see(&ada.email).await?;
        let spoil = "for (const field of document.querySelectorAll('[name=csrf]')) field.value = 'of another session';";
        browser.evaluate(spoil).await?;
        browser.press(&account_menu(ada)).await?;
    }
    press_log_out_in_the_open_menu(browser).await?;
    lands(browser, "You logged out in this browser.").await?;
    is_signed_out(browser, ada).await?;
    browser.close_tab().await
}

/// The page after Log out: says this, and the cookie is gone.
async fn lands(browser: &Browser, sentence: &str) -> Outcome {
    browser.see_path("/signed-out").await?;
    browser.see(sentence).await?;
    has_no_session_cookie(browser).await
}
