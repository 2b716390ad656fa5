//! Every form of strong sign-in, sent once by a real browser (CSRF-03); the rest of them is in `forms`.

use std::sync::Arc;
use std::time::Duration;

use nightlatch_testkit::{Account, Authenticator, PASSWORD};

use super::forms::are_accepted;
use super::ground::Ground;
use super::steps::{fill_in, log_out_in_the_menu, sign_in};
use crate::browser::{Browser, Engine};
use crate::failure::{Failure, Outcome};
use crate::stage::Stage;

const SECURITY: &str = "/account/security";
/// One step of the codes of authenticator apps.
const STEP: Duration = Duration::from_secs(30);
const NEW_ADDRESS: &str = "ada@lovelace.example";
const NEW_PASSWORD: &str = "forty wooden boats on a slow green river";

/// What belongs here, of all forms.
pub(crate) fn is_told_here(path: &str, has_scripts: bool) -> bool {
    let passkeys = path.starts_with("/account/security/passkeys/");
    let strong = [
        "/account/history/reviewed",
        "/account/phone",
        "/account/profile/email",
        "/account/security/authenticator-apps",
        "/account/security/recovery-codes",
        "/account/security/remembered-browsers",
        "/alert/",
        "/email/",
        "/login/factor",
        "/login/phone",
        "/login/recover",
        "/login/reset/",
    ];
    (passkeys && has_scripts) || strong.iter().any(|start| path.starts_with(start))
}

/// The forms of factors, of the second step, of phones and of mails.
pub(crate) async fn every_strong_form_is_accepted(stage: Stage, ground: Arc<Ground>) -> Outcome {
    let browser = stage.browser(ground.site()).await?;
    sign_in(&browser, &ground.ada, &[]).await?;
    let app = factors(&browser, &ground).await?;
    remembered(&stage, &browser, &ground, &app).await?;
    browser.open(SECURITY).await?;
    browser.press("Remove Old phone").await?;
    browser.press("Remove this app").await?;
    browser.see_path(SECURITY).await?;
    if stage.has_scripts() {
        passkeys(&browser, &ground).await?;
    }
    phones(&stage, &browser, &ground).await?;
    browser.open("/account/history").await?;
    browser.press("All of this was me").await?;
    browser.see("Thank you for looking.").await?;
    mails(&browser, &ground).await?;
    addresses(&browser, &ground).await?;
    let here = |path: &str| is_told_here(path, stage.has_scripts());
    are_accepted(&ground, here)
}

async fn factors(browser: &Browser, ground: &Ground) -> Outcome<Authenticator> {
    browser.open(SECURITY).await?;
    browser.press("Add an authenticator app").await?;
    browser.see("Type this key into the app instead").await?;
    let app = Authenticator::reading_source(&browser.source().await?);
    fill_code(browser, ground, &app, "Code from the app").await?;
    browser.fill("Your name for this app", "Phone").await?;
    browser.press("Add this app").await?;
    browser.see_path("/account/security/recovery-codes").await?;
    browser.press("Make new recovery codes").await?;
    browser.see("Keep these codes now.").await?;
    browser.press("Download as a text file").await?;
    browser.follow("I have kept them").await?;
    browser.see("10 unused recovery codes").await?;
    browser.press("Rename Phone").await?;
    browser.fill("Your name for this app", "Old phone").await?;
    browser.press("Save name").await?;
    browser.see("The name was saved.").await?;
    Ok(app)
}

/// Types the code of the next time step.
async fn fill_code(
    browser: &Browser,
    ground: &Ground,
    app: &Authenticator,
    label: &str,
) -> Outcome {
    ground.advance(STEP)?;
    let app = app.clone();
    let code = ground.with(move |site| app.code(site)).await?;
    browser.fill(label, &code).await
}

async fn second_step(browser: &Browser, ground: &Ground, app: &Authenticator) -> Outcome {
    browser.open("/login").await?;
    fill_in(browser, &ground.ada, PASSWORD, &[]).await?;
    browser.see_path("/login/factor").await?;
    fill_code(browser, ground, app, "Code from your authenticator app").await?;
    browser.check("Remember this browser for 30 days").await?;
    browser.press("Continue").await?;
    browser.see("Your apps").await
}

async fn remembered(
    stage: &Stage,
    browser: &Browser,
    ground: &Ground,
    app: &Authenticator,
) -> Outcome {
    log_out_in_the_menu(browser, &ground.ada).await?;
    browser.see_path("/signed-out").await?;
    browser.open("/login").await?;
    fill_in(browser, &ground.ada, PASSWORD, &[]).await?;
    browser.see_path("/login/factor").await?;
    browser.press("Not you? Start again").await?;
    browser.see_path("/login").await?;
    second_step(browser, ground, app).await?;
    browser.open(SECURITY).await?;
    let name = match stage.engine {
        Engine::Chromium => "Forget Chrome on Linux",
        Engine::Firefox => "Forget Firefox on Linux",
    };
    browser.press(name).await?;
    browser.see("No browser is remembered.").await?;
    log_out_in_the_menu(browser, &ground.ada).await?;
    browser.see_path("/signed-out").await?;
    second_step(browser, ground, app).await?;
    browser.open(SECURITY).await?;
    browser.press("Forget all remembered browsers").await?;
    browser.see("No browser is remembered.").await
}

async fn passkeys(browser: &Browser, ground: &Ground) -> Outcome {
    let authenticator = browser.add_authenticator().await?;
    ground.advance(Duration::from_mins(11))?;
    browser.open(SECURITY).await?;
    browser.follow("Add a passkey").await?;
    browser.fill("Your password", PASSWORD).await?;
    browser.press("Continue").await?;
    browser.fill("Name of this passkey", "Blue key").await?;
    browser.press("Add a passkey").await?;
    browser.see("Your passkey was added.").await?;
    browser.press("Rename Blue key").await?;
    browser.fill("Name of this passkey", "Red key").await?;
    browser.press("Save name").await?;
    browser.see("The name was saved.").await?;
    browser.press("Remove Red key").await?;
    browser.press("Remove this passkey").await?;
    browser.see("The passkey was removed").await?;
    browser.remove_authenticator(&authenticator).await
}

/// Has a computer show a code, and reads it.
pub(crate) async fn code_on_screen(library: &Browser) -> Outcome<String> {
    library.open("/login/phone").await?;
    library.press("Show a code").await?;
    library.see("Type this code on your phone").await?;
    let source = library.source().await?;
    let shown = source.split("class=\"user-code\"").nth(1);
    let shown = shown.and_then(|rest| rest.split('>').nth(1));
    let shown = shown.and_then(|rest| rest.split('<').next());
    shown
        .map(str::to_owned)
        .ok_or_else(|| Failure::new("no code on the screen"))
}

async fn phones(stage: &Stage, browser: &Browser, ground: &Ground) -> Outcome {
    // The proof of a while ago is too old by now.
    ground.advance(Duration::from_mins(11))?;
    let library = stage.browser(ground.site()).await?;
    code_on_screen(&library).await?;
    library.press("Cancel").await?;
    library.see_path("/login").await?;
    let code = code_on_screen(&library).await?;
    type_code(browser, &code).await?;
    browser.press("No, this is not me").await?;
    browser.see_path(SECURITY).await?;
    library.see("The phone said no").await?;
    let code = code_on_screen(&library).await?;
    type_code(browser, &code).await?;
    browser.fill("Your password", PASSWORD).await?;
    browser.press("Sign in on that computer").await?;
    browser.see("You are signed in over there").await?;
    library.see("You will be signed in here as").await?;
    library.press("Continue").await?;
    library.see("Your apps").await?;
    library.see("Shared computer").await
}

/// Types the code on the phone, up to the question.
pub(crate) async fn type_code(browser: &Browser, code: &str) -> Outcome {
    browser.open("/account/phone").await?;
    browser.fill("Code on that computer", code).await?;
    browser.press("Go on").await?;
    browser.see("Sign in on this computer?").await
}

/// The path behind the link of the latest mail to Ada that has one of this kind.
pub(crate) async fn link(ground: &Ground, kind: &'static str) -> Outcome<String> {
    link_to(ground, ground.ada.clone(), kind).await
}

async fn link_to(ground: &Ground, mailbox: Account, kind: &'static str) -> Outcome<String> {
    let letters = ground.with(move |site| site.letters_to(&mailbox)).await?;
    let text = letters.iter().rev().find_map(|letter| {
        let at = letter.text.find(kind)?;
        letter
            .text
            .get(at..)?
            .split_whitespace()
            .next()
            .map(str::to_owned)
    });
    text.ok_or_else(|| Failure::new(format!("no mail with a link to {kind}")))
}

async fn mails(browser: &Browser, ground: &Ground) -> Outcome {
    browser.open(&link(ground, "/alert/").await?).await?;
    browser.press("Yes, throw them out").await?;
    browser.see("Thank you for telling us.").await?;
    browser.open("/login/recover").await?;
    browser.fill("E-mail address", &ground.ada.email).await?;
    browser.press("Send the link").await?;
    browser.see("a mail is on its way").await?;
    browser.open(&link(ground, "/login/reset/").await?).await?;
    browser.fill("New password", NEW_PASSWORD).await?;
    browser.fill("New password once more", NEW_PASSWORD).await?;
    browser.press("Set the new password").await?;
    browser
        .see("All sessions of your account were logged out.")
        .await
}

async fn ask_for_address(browser: &Browser) -> Outcome {
    browser.open("/account/profile").await?;
    browser.follow("Change e-mail address").await?;
    browser.fill("New e-mail address", NEW_ADDRESS).await?;
    browser.press("Send the link").await?;
    browser.see("Open its link and confirm").await
}

async fn addresses(browser: &Browser, ground: &Ground) -> Outcome {
    browser.open("/login").await?;
    fill_in(browser, &ground.ada, NEW_PASSWORD, &[]).await?;
    browser.see("Your apps").await?;
    ask_for_address(browser).await?;
    browser.press("Keep the present address").await?;
    browser.see("Your e-mail address stays as it is.").await?;
    ask_for_address(browser).await?;
    let mailbox = Account {
        email: NEW_ADDRESS.to_owned(),
        ..ground.ada.clone()
    };
    let confirm = link_to(ground, mailbox, "/email/confirm/").await?;
    browser.open(&confirm).await?;
    browser.press("Yes, use this address").await?;
    browser.see("From now on you sign in with").await?;
    browser.open(&link(ground, "/email/undo/").await?).await?;
    browser.press("This was not me: take it back").await?;
    browser.see("Thank you for telling us.").await
}
