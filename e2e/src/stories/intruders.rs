//! Somebody else is in the account: the owner learns of it, and wins.

use std::sync::Arc;
use std::time::Duration;

use nightlatch_testkit::PASSWORD;

use super::factors::{
    NEW_PASSWORD, add_app, ask_for_a_new_password, come_to_the_second_step, give_code,
    use_the_reset_link,
};
use super::ground::Ground;
use super::logging_out::is_led_to_the_reason;
use super::steps::{
    SESSION, fill_in, is_signed_in, is_signed_out, log_out_in_the_menu, sees_nothing_of, sign_in,
};
use super::strong_forms::link;
use crate::browser::{Browser, Engine};
use crate::failure::{Outcome, ensure};
use crate::stage::Stage;

/// Alert, "this wasn't me", intruder out (H1, H2, ALR-03): in two browser profiles.
pub(crate) async fn suspicious_sign_in(stage: Stage, ground: Arc<Ground>) -> Outcome {
    let ada = &ground.ada;
    let owner = stage.browser(ground.site()).await?;
    let intruder = stage.browser(ground.site()).await?;
    sign_in(&owner, ada, &[]).await?;
    sign_in(&intruder, ada, &[]).await?;
    intruder.open("/account/profile").await?;
    intruder.see(&ada.email).await?;

    // The mail names account, browser and time, and has one link.
    let letters = {
        let ada = ada.clone();
        ground.with(move |site| site.letters_to(&ada)).await?
    };
    let [alert] = letters.as_slice() else {
        return ensure(false, || format!("one mail, not {letters:?}"));
    };
    let phrase = match stage.engine {
        Engine::Chromium => "Chrome on Linux",
        Engine::Firefox => "Firefox on Linux",
    };
    for words in [&ada.name, &ada.email, phrase, "November 23, 2026"] {
        for text in [&alert.text, &alert.html] {
            ensure(text.contains(words), || format!("no {words} in {text}"))?;
        }
    }

    // Looking is not pressing: a scanner of the owner's mail changes nothing (AUTH-10).
    let address = link(&ground, "/alert/").await?;
    let phone = stage.browser(ground.site()).await?;
    phone.open(&address).await?;
    phone.see(phrase).await?;
    intruder.reload().await?;
    intruder.see(&ada.email).await?;

    // The owner is not signed in on the phone that reads mail, and need not be.
    phone.press("Yes, throw them out").await?;
    phone.see("One session was logged out.").await?;
    phone.see("Next, choose a new password").await?;
    is_led_to_the_reason(&stage, &intruder, "this session was reported as not yours").await?;
    sees_nothing_of(&intruder, ada).await?;
    is_signed_out(&intruder, ada).await?;
    is_signed_out(&phone, ada).await?;
    // Nobody else was thrown out.
    is_signed_in(&owner, ada).await?;
    // The link is spent; opened again it says so, and does nothing.
    phone.open(&address).await?;
    phone.see("Somebody has used this link already").await?;
    ground.expect_errors(&["GET /alert/{id} 410"])?;

    // Recovery has begun, by mail: a new password, and the intruder's is worth nothing.
    use_the_reset_link(&phone, &ground).await?;
    intruder.open("/login").await?;
    fill_in(&intruder, ada, PASSWORD, &[]).await?;
    intruder.see("do not fit together").await?;
    ground.expect_errors(&["POST /login 422"])?;
    is_signed_out(&owner, ada).await?;
    owner.open("/login").await?;
    fill_in(&owner, ada, NEW_PASSWORD, &[]).await?;
    owner.see("Your apps").await?;
    is_signed_in(&owner, ada).await
}

/// A copied cookie opens pages, and that is all: whatever would shut the owner out takes a proof that the thief does
/// not have, and recovery wins over everything the thief can do (F5).
pub(crate) async fn thief_with_live_session_cannot_lock_out_the_owner(
    stage: Stage,
    ground: Arc<Ground>,
) -> Outcome {
    let ada = &ground.ada;
    let owner = stage.browser(ground.site()).await?;
    sign_in(&owner, ada, &[]).await?;
    let app = add_app(&owner, &ground, "Phone").await?;
    let elsewhere = stage.browser(ground.site()).await?;
    come_to_the_second_step(&elsewhere, ada, PASSWORD).await?;
    give_code(&elsewhere, &ground, &app).await?;
    elsewhere.open("/account/profile").await?;

    ground.advance(Duration::from_mins(11))?;
    let thief = stage.browser(ground.site()).await?;
    thief.open("/help").await?;
    thief
        .add_cookie(&owner.expect_cookie(SESSION).await?)
        .await?;
    opens_the_account(&thief, &ground).await?;
    cannot_lock_out(&thief, &ground).await?;
    opens_the_account(&elsewhere, &ground).await?;
    opens_the_account(&owner, &ground).await?;

    // Asking for a new password is the owner's right, while the thief looks on and logs out what there is.
    let phone = stage.browser(ground.site()).await?;
    ask_for_a_new_password(&phone, &ground).await?;
    log_out_in_the_menu(&thief, ada).await?;
    thief.see_path("/signed-out").await?;
    use_the_reset_link(&phone, &ground).await?;
    for browser in [&thief, &elsewhere] {
        browser.open("/account/profile").await?;
        browser.see_path_beginning("/login").await?;
        sees_nothing_of(browser, ada).await?;
    }
    come_to_the_second_step(&phone, ada, NEW_PASSWORD).await?;
    give_code(&phone, &ground, &app).await?;
    opens_the_account(&phone, &ground).await
}

/// The session of this browser is live.
async fn opens_the_account(browser: &Browser, ground: &Ground) -> Outcome {
    browser.open("/account/profile").await?;
    browser.see(&ground.ada.email).await
}

/// Everything that a thief would try; none of it may work.
async fn cannot_lock_out(thief: &Browser, ground: &Ground) -> Outcome {
    ground.take_answered()?;
    // The others.
    thief.open("/account/sessions/log-out-others").await?;
    thief.fill("Your password", "a guess of the thief").await?;
    thief.press("Log out all other sessions").await?;
    thief.see("That is not your password").await?;
    // All of them.
    thief.open("/account/sessions/log-out-all").await?;
    thief.fill("Your password", "another guess").await?;
    thief.press("Log out of all sessions").await?;
    thief.see("That is not your password").await?;
    // The password.
    thief.open("/account/security").await?;
    thief.fill("Current password", "a third guess").await?;
    thief.fill("New password", NEW_PASSWORD).await?;
    thief.fill("New password once more", NEW_PASSWORD).await?;
    thief.press("Change password").await?;
    thief.see("That is not your password.").await?;
    // The second step: the owner's is kept, and no other is added.
    thief.open("/account/security").await?;
    thief.press("Remove Phone").await?;
    thief.see("will no longer work").await?;
    thief.does_not_see("Your password").await?;
    thief.fill("A code from your app", "135 792").await?;
    thief.press("Remove this app").await?;
    thief.see("That code is not right").await?;
    thief.open("/account/security").await?;
    thief.press("Add an authenticator app").await?;
    thief.see("Confirm it's you").await?;
    thief.does_not_see("Type this key into the app").await?;
    thief.open("/account/security/recovery-codes").await?;
    thief.see("your password alone is not enough").await?;
    thief.press("Make new recovery codes").await?;
    thief.see_no_more("Keep these codes now.").await?;
    let refused = ground.take_answered()?;
    let refused = refused.iter().filter(|one| one.status >= 400).count();
    ensure(refused >= 4, || format!("{refused} refusals"))
}
