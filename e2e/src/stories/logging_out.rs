//! Log out, here and elsewhere: the everyday stories of the article.

use std::sync::Arc;
use std::time::Duration;

use nightlatch_domain::organization::AfterLogOut;
use nightlatch_testkit::PASSWORD;

use super::ground::Ground;
use super::steps::{
    PRIVATE_PAGES, REMEMBER, SESSION, account_menu, has_no_session_cookie, is_signed_in,
    is_signed_out, log_out_in_the_menu, sees_nothing_of, sign_in,
};
use crate::browser::{Browser, Engine, Key};
use crate::failure::{Failure, Outcome, ensure};
use crate::stage::Stage;

/// The account menu holds the name and Log out; afterwards a sentence says what happened, and it is true.
pub(crate) async fn standard_logout(stage: Stage, ground: Arc<Ground>) -> Outcome {
    let ada = &ground.ada;
    let browser = stage.browser(ground.site()).await?;
    sign_in(&browser, ada, &[]).await?;
    let stolen = browser.expect_cookie(SESSION).await?;
    let name_of_the_menu = browser.has_button(&account_menu(ada)).await?;
    assert!(
        name_of_the_menu,
        "the menu at the top right carries the name"
    );

    // By mouse.
    log_out_in_the_menu(&browser, ada).await?;
    browser.see_path("/signed-out").await?;
    browser.see("You logged out in this browser.").await?;
    browser.see("1 session in 1 browser").await?;
    assert_eq!(browser.title().await?, "You are logged out · Nightlatch");
    has_no_session_cookie(&browser).await?;
    is_signed_out(&browser, ada).await?;

    // Whoever kept the cookie has nothing.
    browser.add_cookie(&stolen).await?;
    is_signed_out(&browser, ada).await?;
    has_no_session_cookie(&browser).await?;

    // By keyboard, and to the place that the organization prefers.
    ground
        .change_settings(|settings| settings.after_log_out = AfterLogOut::LoginPage)
        .await?;
    sign_in(&browser, ada, &[]).await?;
    log_out_by_keyboard(&browser, &account_menu(ada)).await?;
    browser.see_path("/login").await?;
    browser.see("You are logged out.").await?;
    sees_nothing_of(&browser, ada).await?;
    has_no_session_cookie(&browser).await?;
    browser.follow("What happened?").await?;
    browser.see("You logged out in this browser.").await?;
    is_signed_out(&browser, ada).await
}

/// Tabs to the menu, opens it with Enter, tabs to Log out and presses Enter.
async fn log_out_by_keyboard(browser: &Browser, menu: &str) -> Outcome {
    tab_to(browser, menu).await?;
    browser.type_keys(&Key::Enter.to_string()).await?;
    browser.see("Profile & Preferences").await?;
    tab_to(browser, "Log out").await?;
    browser.type_keys(&Key::Enter.to_string()).await
}

/// Presses Tab until this has the keyboard's attention.
pub(crate) async fn tab_to(browser: &Browser, name: &str) -> Outcome {
    for _ in 0..12 {
        browser.type_keys(&Key::Tab.to_string()).await?;
        if browser.focused().await? == name {
            return Ok(());
        }
    }
    Err(Failure::new(format!("“{name}” cannot be reached with Tab")))
}

/// One confirmation, with the number, and every device is out.
pub(crate) async fn log_out_of_all_sessions(stage: Stage, ground: Arc<Ground>) -> Outcome {
    let ada = &ground.ada;
    let laptop = stage.browser(ground.site()).await?;
    let phone = stage.browser(ground.site()).await?;
    sign_in(&laptop, ada, &[]).await?;
    sign_in(&phone, ada, &[REMEMBER]).await?;
    phone.open("/account/profile").await?;

    laptop.press(&account_menu(ada)).await?;
    laptop
        .follow_beside("Brightwater Trading", "Security")
        .await?;
    laptop
        .see("You have 2 sessions: this one and 1 other.")
        .await?;
    laptop.press("Log out of all sessions").await?;
    laptop
        .see_path_beginning("/account/sessions/log-out-all")
        .await?;
    laptop.see("This ends 2 sessions on 2 devices.").await?;
    laptop.see("This browser is logged out too.").await?;
    laptop.press("Log out of all sessions").await?;
    laptop.see_path("/signed-out").await?;
    laptop.see("You logged out of all sessions").await?;
    laptop.see("2 sessions in 2 browsers").await?;
    has_no_session_cookie(&laptop).await?;

    is_led_to_the_reason(&stage, &phone, "You logged out of all sessions").await?;
    sees_nothing_of(&phone, ada).await?;
    has_no_session_cookie(&phone).await?;
    is_signed_out(&phone, ada).await?;
    is_signed_out(&laptop, ada).await
}

/// What comes after a remote ending, on the page `/account/profile`: the next click, or the page by itself.
pub(crate) async fn is_led_to_the_reason(
    stage: &Stage,
    browser: &Browser,
    reason: &str,
) -> Outcome {
    if stage.has_scripts() {
        browser.see_path_beginning("/login?return_to=").await?;
    } else {
        browser.see_path("/account/profile").await?;
        browser.follow("Sessions").await?;
        browser
            .see_path("/login?return_to=/account/sessions")
            .await?;
    }
    browser.see(reason).await
}

/// The others are out and told why; this one works on, under a new token (E8, SES-05).
pub(crate) async fn log_out_all_others(stage: Stage, ground: Arc<Ground>) -> Outcome {
    let ada = &ground.ada;
    let laptop = stage.browser(ground.site()).await?;
    let phone = stage.browser(ground.site()).await?;
    sign_in(&laptop, ada, &[REMEMBER]).await?;
    sign_in(&phone, ada, &[]).await?;
    phone.open("/account/profile").await?;
    let before = laptop.expect_cookie(SESSION).await?;

    laptop.open("/account/sessions").await?;
    laptop.see("You have 2 sessions in 2 browsers").await?;
    laptop.press("Log out all other sessions").await?;
    laptop.see("This ends 1 session on 1 device.").await?;
    laptop.see("This browser stays signed in.").await?;
    laptop.press("Log out all other sessions").await?;
    laptop.see_path("/account/sessions").await?;
    laptop
        .see("One session was logged out. It cannot be used any more.")
        .await?;
    laptop
        .see("You are signed in here and nowhere else.")
        .await?;

    let after = laptop.expect_cookie(SESSION).await?;
    ensure(after.value != before.value, || {
        "the token stays the same".to_owned()
    })?;
    ensure(after.expiry.is_some(), || {
        "this browser is remembered no more".to_owned()
    })?;
    for page in PRIVATE_PAGES {
        laptop.open(page).await?;
        laptop.see_path(page).await?;
    }
    is_signed_in(&laptop, ada).await?;

    is_led_to_the_reason(
        &stage,
        &phone,
        "On another device, you logged out of all other sessions.",
    )
    .await?;
    sees_nothing_of(&phone, ada).await?;
    is_signed_out(&phone, ada).await?;
    // The token from before is worth nothing, and using it harms nobody.
    phone.add_cookie(&before).await?;
    is_signed_out(&phone, ada).await?;
    is_signed_in(&laptop, ada).await
}

/// From the phone, the owner ends exactly the session of the laptop that was left on the train.
pub(crate) async fn lost_laptop(stage: Stage, ground: Arc<Ground>) -> Outcome {
    let ada = &ground.ada;
    let laptop = stage.browser(ground.site()).await?;
    let phone = stage.browser(ground.site()).await?;
    sign_in(&laptop, ada, &[REMEMBER]).await?;
    name_this_browser(&laptop, "Work laptop").await?;
    sign_in(&phone, ada, &[]).await?;
    let owner = ada.clone();
    let tablet = ground
        .with(move |site| {
            let mut tablet = site.browser();
            tablet.sign_in(&owner);
            tablet.steal_cookies()
        })
        .await?;
    laptop.open("/account/profile").await?;

    // The last proof is older than ten minutes.
    ground.advance(Duration::from_mins(11))?;
    phone.open("/account/sessions").await?;
    phone.see("You have 3 sessions in 3 browsers").await?;
    phone.press_beside("Work laptop", "Log out").await?;
    phone.see("Confirm it's you").await?;
    phone.see("This logs out Work laptop.").await?;
    phone
        .fill("Your password", "not my password at all")
        .await?;
    phone.press("Log out").await?;
    phone.see("Confirm it's you").await?;
    phone.see("This logs out Work laptop.").await?;
    phone.fill("Your password", PASSWORD).await?;
    phone.press("Log out").await?;
    phone.see_path("/account/sessions").await?;
    phone.see("One session was logged out.").await?;
    phone.see("You have 2 sessions in 2 browsers").await?;
    phone.does_not_see("Work laptop").await?;

    is_led_to_the_reason(&stage, &laptop, "You were logged out from another device.").await?;
    sees_nothing_of(&laptop, ada).await?;
    has_no_session_cookie(&laptop).await?;
    is_signed_out(&laptop, ada).await?;

    // Nobody else was touched.
    let still_there = ground
        .with(move |site| site.browser().with_cookies(tablet).is_signed_in())
        .await?;
    assert!(still_there, "the tablet went with the laptop");
    is_signed_in(&phone, ada).await?;
    // E7: the session in use ends from the list as well.
    phone.open("/account/sessions").await?;
    phone.press_beside("This browser", "Log out").await?;
    phone.see_path("/signed-out").await?;
    phone.see("You logged out in this browser.").await?;
    has_no_session_cookie(&phone).await?;
    is_signed_out(&phone, ada).await?;
    ground.expect_errors(&["POST /account/sessions/{id}/log-out 422"])
}

/// On the page Sessions: gives the browser in use a name.
async fn name_this_browser(browser: &Browser, name: &str) -> Outcome {
    browser.open("/account/sessions").await?;
    let device = match browser.options().engine {
        Engine::Chromium => "Chrome on Linux",
        Engine::Firefox => "Firefox on Linux",
    };
    browser.press(&format!("Rename {device}")).await?;
    browser.fill("Your name for it", name).await?;
    browser.press("Save name").await?;
    browser.see("The name was saved.").await?;
    browser.see(name).await
}
