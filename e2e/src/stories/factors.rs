//! Living with a second factor: the lost phone, the forgotten password.

use std::sync::Arc;
use std::time::Duration;

use nightlatch_testkit::{Account, Authenticator, PASSWORD};

use super::ground::Ground;
use super::steps::{fill_in, is_signed_in, is_signed_out, log_out_in_the_menu, sign_in};
use super::strong_forms::link;
use crate::browser::Browser;
use crate::failure::{Failure, Outcome, ensure};
use crate::stage::Stage;

const SECURITY: &str = "/account/security";
/// Where a sign-in waits for its second step.
pub(crate) const FACTOR: &str = "/login/factor";
/// One step of the codes of authenticator apps.
const STEP: Duration = Duration::from_secs(30);
/// What people choose after a reset.
pub(crate) const NEW_PASSWORD: &str = "forty wooden boats on a slow green river";

/// The code that an app shows next; time goes on by one step, since a code counts once.
pub(crate) async fn next_code(ground: &Ground, app: &Authenticator) -> Outcome<String> {
    ground.advance(STEP)?;
    let app = app.clone();
    ground.with(move |site| app.code(site)).await
}

/// Adds an authenticator app on Security, with a proof that is fresh. Ends on the page that follows.
pub(crate) async fn add_app(
    browser: &Browser,
    ground: &Ground,
    name: &str,
) -> Outcome<Authenticator> {
    browser.open(SECURITY).await?;
    browser.press("Add an authenticator app").await?;
    browser.see("Type this key into the app instead").await?;
    let app = Authenticator::reading_source(&browser.source().await?);
    let code = next_code(ground, &app).await?;
    browser.fill("Code from the app", &code).await?;
    browser.fill("Your name for this app", name).await?;
    browser.press("Add this app").await?;
    browser.see_no_more("Code from the app").await?;
    Ok(app)
}

/// Makes a set of recovery codes and reads them from the screen.
async fn make_recovery_codes(browser: &Browser) -> Outcome<Vec<String>> {
    browser.open("/account/security/recovery-codes").await?;
    browser.press("Make new recovery codes").await?;
    browser.see("Keep these codes now.").await?;
    let source = browser.source().await?;
    let codes: Vec<String> = source
        .split("<code>")
        .skip(1)
        .filter_map(|rest| rest.split("</code>").next())
        .map(str::to_owned)
        .collect();
    ensure(codes.len() == 10, || {
        format!("{} recovery codes on the page", codes.len())
    })?;
    browser.follow("I have kept them").await?;
    browser.see("10 unused recovery codes").await?;
    Ok(codes)
}

/// Signs in with this password, up to the page of the second step.
pub(crate) async fn come_to_the_second_step(
    browser: &Browser,
    account: &Account,
    password: &str,
) -> Outcome {
    browser.open("/login").await?;
    fill_in(browser, account, password, &[]).await?;
    browser.see_path(FACTOR).await?;
    browser.see("one more step").await
}

/// Types a code of the app on the page of the second step, and is in.
pub(crate) async fn give_code(browser: &Browser, ground: &Ground, app: &Authenticator) -> Outcome {
    let code = next_code(ground, app).await?;
    browser
        .fill("Code from your authenticator app", &code)
        .await?;
    browser.press("Continue").await?;
    browser.see("Your apps").await
}

/// The phone with the app is gone: a recovery code lets in, the lost app is removed, a new one takes its place
/// (MFA-06, MFA-08).
pub(crate) async fn lost_phone_with_the_authenticator(
    stage: Stage,
    ground: Arc<Ground>,
) -> Outcome {
    let ada = &ground.ada;
    let laptop = stage.browser(ground.site()).await?;
    sign_in(&laptop, ada, &[]).await?;
    let lost = add_app(&laptop, &ground, "Old phone").await?;
    let codes = make_recovery_codes(&laptop).await?;
    let code = codes.first().ok_or_else(|| Failure::new("no code"))?;
    log_out_in_the_menu(&laptop, ada).await?;
    laptop.see_path("/signed-out").await?;

    // A typing error says so; then the code lets in, once.
    come_to_the_second_step(&laptop, ada, PASSWORD).await?;
    laptop.follow("Use a recovery code instead").await?;
    laptop
        .fill("Recovery code", "bcdfg-hjkmn-pqrst-vwxyz")
        .await?;
    laptop.press("Continue").await?;
    laptop.see("That is none of your recovery codes").await?;
    ground.expect_errors(&["POST /login/factor 422"])?;
    laptop.fill("Recovery code", code).await?;
    laptop.press("Continue").await?;
    laptop.see_no_more("Recovery code").await?;
    is_signed_in(&laptop, ada).await?;
    expect_letter(&ground, "A recovery code was used").await?;

    // The lost app goes; nothing of it works any more.
    laptop.open(SECURITY).await?;
    laptop.see("You have 9 unused recovery codes").await?;
    laptop.press("Remove Old phone").await?;
    laptop.see("will no longer work").await?;
    laptop.press("Remove this app").await?;
    laptop.see_path(SECURITY).await?;
    laptop.see("You have not set up an app yet.").await?;
    let new = add_app(&laptop, &ground, "New phone").await?;
    laptop.open(SECURITY).await?;
    laptop.see("New phone").await?;
    laptop.does_not_see("Old phone").await?;
    log_out_in_the_menu(&laptop, ada).await?;
    laptop.see_path("/signed-out").await?;
    come_to_the_second_step(&laptop, ada, PASSWORD).await?;
    let of_the_lost = next_code(&ground, &lost).await?;
    laptop
        .fill("Code from your authenticator app", &of_the_lost)
        .await?;
    laptop.press("Continue").await?;
    laptop.see("That code").await?;
    laptop.see_path(FACTOR).await?;
    ground.expect_errors(&["POST /login/factor 422"])?;
    is_not_yet_in(&laptop).await?;
    laptop.open(FACTOR).await?;
    laptop.follow("Use a recovery code instead").await?;
    laptop.fill("Recovery code", code).await?;
    laptop.press("Continue").await?;
    laptop.see("That is none of your recovery codes").await?;
    ground.expect_errors(&["POST /login/factor 422"])?;
    laptop.follow("Use a code from your app instead").await?;
    give_code(&laptop, &ground, &new).await?;
    is_signed_in(&laptop, ada).await
}

/// A sign-in that waits for its second step opens no page of the account (SES-07).
async fn is_not_yet_in(browser: &Browser) -> Outcome {
    browser.open("/account/profile").await?;
    browser
        .see_path("/login?return_to=/account/profile")
        .await?;
    browser.see("E-mail address").await
}

/// Ada got a mail with this in its subject.
pub(crate) async fn expect_letter(ground: &Ground, subject: &'static str) -> Outcome {
    let ada = ground.ada.clone();
    let letters = ground.with(move |site| site.letters_to(&ada)).await?;
    let subjects: Vec<String> = letters.into_iter().map(|letter| letter.subject).collect();
    ensure(subjects.iter().any(|one| one.starts_with(subject)), || {
        format!("no mail “{subject}” among {subjects:?}")
    })
}

/// Asks for a mail, opens its link, and sets a new password.
pub(crate) async fn reset_password(browser: &Browser, ground: &Ground) -> Outcome {
    ask_for_a_new_password(browser, ground).await?;
    use_the_reset_link(browser, ground).await
}

/// Asks for the mail.
pub(crate) async fn ask_for_a_new_password(browser: &Browser, ground: &Ground) -> Outcome {
    browser.open("/login").await?;
    browser.follow("Forgot your password?").await?;
    browser.fill("E-mail address", &ground.ada.email).await?;
    browser.press("Send the link").await?;
    browser.see("a mail is on its way").await
}

/// Opens the link of the latest mail about it, and sets a new password.
pub(crate) async fn use_the_reset_link(browser: &Browser, ground: &Ground) -> Outcome {
    browser.open(&link(ground, "/login/reset/").await?).await?;
    browser.fill("New password", NEW_PASSWORD).await?;
    browser.fill("New password once more", NEW_PASSWORD).await?;
    browser.press("Set the new password").await?;
    browser
        .see("All sessions of your account were logged out.")
        .await
}

/// A mail gives a new password and nothing more: the second step is still asked for (AUTH-09, MFA-07).
pub(crate) async fn forgot_password_with_second_factor(
    stage: Stage,
    ground: Arc<Ground>,
) -> Outcome {
    let ada = &ground.ada;
    let laptop = stage.browser(ground.site()).await?;
    sign_in(&laptop, ada, &[]).await?;
    let app = add_app(&laptop, &ground, "Phone").await?;
    log_out_in_the_menu(&laptop, ada).await?;
    laptop.see_path("/signed-out").await?;

    reset_password(&laptop, &ground).await?;
    // The link signed nobody in.
    is_signed_out(&laptop, ada).await?;
    laptop.open("/login").await?;
    fill_in(&laptop, ada, PASSWORD, &[]).await?;
    laptop.see("do not fit together").await?;
    ground.expect_errors(&["POST /login 422"])?;

    // Whoever reads her mail has the new password, and stops here.
    come_to_the_second_step(&laptop, ada, NEW_PASSWORD).await?;
    laptop
        .fill("Code from your authenticator app", "000000")
        .await?;
    laptop.press("Continue").await?;
    laptop.see("That code").await?;
    ground.expect_errors(&["POST /login/factor 422"])?;
    is_not_yet_in(&laptop).await?;

    come_to_the_second_step(&laptop, ada, NEW_PASSWORD).await?;
    give_code(&laptop, &ground, &app).await?;
    is_signed_in(&laptop, ada).await
}
