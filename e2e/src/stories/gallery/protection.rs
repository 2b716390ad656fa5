//! What protects an account, and what brings it back: factors, phones, mails.

use std::sync::PoisonError;
use std::time::Duration;

use nightlatch_testkit::{Authenticator, PasskeyDevice};

use super::{Exhibit, Gallery, exhibit};
use crate::browser::Browser;
use crate::failure::{Failure, Outcome};
use crate::stories::factors::next_code;
use crate::stories::steps::{fill_in, log_out_in_the_menu};
use crate::stories::strong_forms::{code_on_screen, link, type_code};

const SECURITY: &str = "/account/security";

pub(super) fn exhibits() -> Vec<Exhibit> {
    let mut all = factors();
    all.extend(more_factors());
    all
}

/// What is shown to somebody who has all of that.
pub(super) fn ways_back() -> Vec<Exhibit> {
    let mut all = phones();
    all.extend(second_step());
    all.extend(mails());
    all
}

/// Ada sets up an authenticator app and a passkey, with a device that no browser of ours drives.
pub(super) async fn set_up_factors(gallery: &Gallery) -> Outcome {
    let ada = gallery.ada().clone();
    let app = gallery
        .ground
        .with(move |site| {
            let mut elsewhere = site.browser();
            elsewhere.sign_in(&ada);
            let app = elsewhere.add_authenticator_app("Phone");
            elsewhere.make_recovery_codes();
            let mut key = PasskeyDevice::phone(&site.origin());
            elsewhere.add_passkey(&mut key, "Blue security key");
            elsewhere.log_out();
            app
        })
        .await?;
    *gallery.app.lock().unwrap_or_else(PoisonError::into_inner) = Some(app);
    Ok(())
}

/// Sets this page's authenticator app aside for later.
async fn keep_app(browser: &Browser, gallery: &Gallery) -> Outcome {
    let app = Authenticator::reading_source(&browser.source().await?);
    *gallery.app.lock().unwrap_or_else(PoisonError::into_inner) = Some(app);
    Ok(())
}

/// What the app shows next.
async fn code(gallery: &Gallery) -> Outcome<String> {
    let app = gallery
        .app
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let app = app.ok_or_else(|| Failure::new("no app was set up"))?;
    next_code(&gallery.ground, &app).await
}

fn factors() -> Vec<Exhibit> {
    vec![
        exhibit!("check-up-to-do", |browser, gallery| {
            browser.open("/account/security/check-up").await?;
            browser.see("A password alone opens your account").await?;
        }),
        exhibit!("app-add", |browser, gallery| {
            browser.open(SECURITY).await?;
            browser.press("Add an authenticator app").await?;
            browser.see("Type this key into the app instead").await?;
        }),
        exhibit!("app-add-refused", |browser, gallery| {
            keep_app(browser, gallery).await?;
            browser.fill("Code from the app", "000000").await?;
            browser.fill("Your name for this app", "Phone").await?;
            browser.press("Add this app").await?;
            browser.see("That code").await?;
        }),
        exhibit!("recovery-codes-new", |browser, gallery| {
            let code = code(gallery).await?;
            browser.fill("Code from the app", &code).await?;
            browser.fill("Your name for this app", "Phone").await?;
            browser.press("Add this app").await?;
            browser.see("You get ten").await?;
        }),
        exhibit!("recovery-codes", |browser, gallery| {
            browser.press("Make new recovery codes").await?;
            browser.see("Keep these codes now.").await?;
        }),
        exhibit!("app-remove", |browser, gallery| {
            browser.open(SECURITY).await?;
            browser.press("Remove Phone").await?;
            browser.see("will no longer work").await?;
        }),
        exhibit!("app-add-with-password", |browser, gallery| {
            gallery.ground.advance(Duration::from_mins(11))?;
            browser.open(SECURITY).await?;
            browser.press("Add an authenticator app").await?;
            browser.see("Confirm it's you").await?;
        }),
        exhibit!("recovery-codes-with-second-step", |browser, gallery| {
            browser.open("/account/security/recovery-codes").await?;
            browser
                .see("The codes that you have now stop working.")
                .await?;
            browser.see("your password alone is not enough").await?;
        }),
        exhibit!("app-remove-with-second-step", |browser, gallery| {
            browser.open(SECURITY).await?;
            browser.press("Remove Phone").await?;
            browser.see("your password alone is not enough").await?;
        }),
        exhibit!("passkey-add-with-second-step", |browser, gallery| {
            browser.open("/account/security/passkeys/add").await?;
            browser.see("your password alone is not enough").await?;
        }),
    ]
}

/// Ada adds a passkey with a device that no browser of ours drives.
async fn add_passkey(gallery: &Gallery) -> Outcome {
    let (ada, code) = (gallery.ada().clone(), code(gallery).await?);
    gallery
        .ground
        .with(move |site| {
            let mut elsewhere = site.browser();
            elsewhere.come_to_second_step(&ada);
            elsewhere.give_code(&code).expect(303);
            let mut key = PasskeyDevice::phone(&site.origin());
            elsewhere.add_passkey(&mut key, "Blue security key");
            elsewhere.log_out();
        })
        .await
}

/// A device that no browser of ours drives adds a passkey and stays signed in; its session.
async fn plant_passkey(gallery: &Gallery) -> Outcome<String> {
    let (ada, code) = (gallery.ada().clone(), code(gallery).await?);
    gallery
        .ground
        .with(move |site| {
            let mut elsewhere = site.browser();
            elsewhere.come_to_second_step(&ada);
            elsewhere.give_code(&code).expect(303);
            let mut key = PasskeyDevice::phone(&site.origin());
            elsewhere.add_passkey(&mut key, "Spare key");
            elsewhere.session_id()
        })
        .await
}

fn more_factors() -> Vec<Exhibit> {
    vec![
        exhibit!("passkey-add", |browser, gallery| {
            let code = code(gallery).await?;
            browser.fill("A code from your app", &code).await?;
            browser.press("Continue").await?;
            browser
                .see_no_more("your password alone is not enough")
                .await?;
        }),
        exhibit!("security-with-factors", |browser, gallery| {
            add_passkey(gallery).await?;
            browser.open(SECURITY).await?;
            browser.see("Blue security key").await?;
            browser.see("10 unused recovery codes").await?;
        }),
        exhibit!("app-rename", |browser, gallery| {
            browser.press("Rename Phone").await?;
            browser.see("Your name for this app").await?;
        }),
        exhibit!("passkey-remove", |browser, gallery| {
            browser.open(SECURITY).await?;
            browser.press("Remove Blue security key").await?;
            browser.see("Nobody can sign in with").await?;
        }),
        exhibit!("history-with-factors", |browser, gallery| {
            browser.open("/account/history").await?;
            browser.see("All of this was me").await?;
        }),
        exhibit!("check-up-reviewed", |browser, gallery| {
            browser.press("All of this was me").await?;
            browser.see("Thank you for looking.").await?;
        }),
        exhibit!("not-me-with-second-step", |browser, gallery| {
            let planted = plant_passkey(gallery).await?;
            gallery.ground.advance(Duration::from_mins(11))?;
            let address = format!("/account/sessions/{planted}/not-me");
            browser.open(&address).await?;
            browser.see("Spare key").await?;
            browser.see("Only log that session out").await?;
        }),
        exhibit!("alert-of-second-step", |browser, gallery| {
            browser
                .open(&link(&gallery.ground, "/alert/").await?)
                .await?;
            browser.see("Added there, and removed with it").await?;
            browser.see("Spare key").await?;
        }),
    ]
}

/// A computer in the same network shows a code.
async fn another_computer_shows_a_code(gallery: &Gallery) -> Outcome<String> {
    gallery
        .ground
        .with(|site| {
            let mut library = site.browser().at("127.0.0.1");
            library.open("/login/phone").expect(200);
            let text = library.press("Show a code").text();
            text.split("class=\"user-code\"")
                .nth(1)
                .and_then(|rest| rest.split('>').nth(1))
                .and_then(|rest| rest.split('<').next())
                .map(str::to_owned)
        })
        .await?
        .ok_or_else(|| Failure::new("no code on the screen"))
}

fn phones() -> Vec<Exhibit> {
    vec![
        exhibit!("phone-code", |browser, gallery| {
            browser.open("/account/phone").await?;
            browser.see("Did somebody send or tell you a code?").await?;
        }),
        exhibit!("phone-code-refused", |browser, gallery| {
            browser.fill("Code on that computer", "BBBB-BBBB").await?;
            browser.press("Go on").await?;
            browser.see("No computer shows this code now.").await?;
        }),
        exhibit!("phone-confirm", |browser, gallery| {
            let code = another_computer_shows_a_code(gallery).await?;
            type_code(browser, &code).await?;
        }),
        exhibit!("phone-confirm-with-password", |browser, gallery| {
            gallery.ground.advance(Duration::from_mins(11))?;
            let code = another_computer_shows_a_code(gallery).await?;
            type_code(browser, &code).await?;
            browser.see("please confirm it's you").await?;
        }),
        exhibit!("phone-confirmed", |browser, gallery| {
            browser.fill("Your password", Gallery::password()).await?;
            browser.press("Sign in on that computer").await?;
            browser.see("You are signed in over there").await?;
        }),
        exhibit!("phone-begin", |browser, gallery| {
            log_out_in_the_menu(browser, gallery.ada()).await?;
            browser.see_path("/signed-out").await?;
            browser.open("/login/phone").await?;
            browser.see("You type no password here.").await?;
        }),
        exhibit!("phone-waiting", |browser, gallery| {
            let shown = code_on_screen(browser).await?;
            *gallery.code.lock().unwrap_or_else(PoisonError::into_inner) = shown;
        }),
        exhibit!("phone-approved", |browser, gallery| {
            let shown = gallery
                .code
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            let (ada, code) = (gallery.ada().clone(), code(gallery).await?);
            gallery
                .ground
                .with(move |site| {
                    let mut phone = site.browser().at("127.0.0.1");
                    phone.come_to_second_step(&ada);
                    phone.give_code(&code).expect(303);
                    phone.open("/account/phone").expect(200);
                    phone.fill("Code on that computer", &shown);
                    phone.press("Go on").expect(200);
                    phone.press("Sign in on that computer").expect(200);
                })
                .await?;
            browser.see("You will be signed in here as").await?;
        }),
        exhibit!("security-let-in-by-phone", |browser, gallery| {
            browser.press("Continue").await?;
            browser.see("Your apps").await?;
            browser.open(SECURITY).await?;
            browser.see("Shared computer").await?;
        }),
    ]
}

fn second_step() -> Vec<Exhibit> {
    vec![
        exhibit!("factor", |browser, gallery| {
            log_out_in_the_menu(browser, gallery.ada()).await?;
            browser.see_path("/signed-out").await?;
            browser.open("/login").await?;
            fill_in(browser, gallery.ada(), Gallery::password(), &[]).await?;
            browser.see("one more step").await?;
        }),
        exhibit!("factor-refused", |browser, gallery| {
            browser
                .fill("Code from your authenticator app", "000000")
                .await?;
            browser.press("Continue").await?;
            browser.see("That code").await?;
        }),
        exhibit!("factor-passkey", |browser, gallery| {
            browser.follow("Use a passkey instead").await?;
            browser.see("passkey").await?;
        }),
        exhibit!("factor-recovery", |browser, gallery| {
            browser.follow("Use a recovery code instead").await?;
            browser.see("One of the codes that you saved").await?;
        }),
        exhibit!("security-remembered", |browser, gallery| {
            browser.follow("Use a code from your app instead").await?;
            let code = code(gallery).await?;
            browser
                .fill("Code from your authenticator app", &code)
                .await?;
            browser.check("Remember this browser for 30 days").await?;
            browser.press("Continue").await?;
            browser.see("Your apps").await?;
            browser.open(SECURITY).await?;
            browser.see("this browser").await?;
        }),
    ]
}

fn mails() -> Vec<Exhibit> {
    vec![
        exhibit!("recover", |browser, gallery| {
            log_out_in_the_menu(browser, gallery.ada()).await?;
            browser.see_path("/signed-out").await?;
            browser.open("/login/recover").await?;
            browser.see("We send a link").await?;
        }),
        exhibit!("recover-noted", |browser, gallery| {
            browser.fill("E-mail address", &gallery.ada().email).await?;
            browser.press("Send the link").await?;
            browser.see("a mail is on its way").await?;
        }),
        exhibit!("reset", |browser, gallery| {
            browser
                .open(&link(&gallery.ground, "/login/reset/").await?)
                .await?;
            browser.see("All its sessions are logged out").await?;
        }),
        exhibit!("reset-refused", |browser, gallery| {
            browser.fill("New password", "short").await?;
            browser.fill("New password once more", "shorter").await?;
            browser.press("Set the new password").await?;
            browser.see("The two passwords differ").await?;
        }),
        exhibit!("alert", |browser, gallery| {
            browser
                .open(&link(&gallery.ground, "/alert/").await?)
                .await?;
            browser.see("If it was you, close this page").await?;
        }),
        exhibit!("alert-done", |browser, gallery| {
            browser
                .press("Log out all sessions of this account")
                .await?;
            browser.see("Thank you for telling us.").await?;
        }),
        exhibit!("alert-gone", |browser, gallery| {
            // The address of the form that was just sent.
            let address = browser.path().await?;
            browser.open(&address).await?;
            browser.see("Somebody has used this link already").await?;
        }),
        exhibit!("reset-done", |browser, gallery| {
            browser
                .open(&link(&gallery.ground, "/login/reset/").await?)
                .await?;
            let new = "forty wooden boats on a river";
            browser.fill("New password", new).await?;
            browser.fill("New password once more", new).await?;
            browser.press("Set the new password").await?;
            browser.see("All sessions of your account").await?;
        }),
        exhibit!("reset-gone", |browser, gallery| {
            browser
                .open(&link(&gallery.ground, "/login/reset/").await?)
                .await?;
            browser.see("Ask for a new link").await?;
        }),
    ]
}
