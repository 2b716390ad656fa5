//! What Ada sees of her account, with six sessions.

use std::time::Duration;

use super::{Exhibit, Gallery, exhibit};
use crate::stories::devices::{IPHONE, LIBRARY, WINDOWS};
use crate::stories::forms::picture_file;
use crate::stories::steps::account_menu;
use crate::tools;

pub(super) fn exhibits() -> Vec<Exhibit> {
    let mut all = pages();
    all.extend(questions());
    all
}

fn pages() -> Vec<Exhibit> {
    vec![
        exhibit!("start", |browser, gallery| {
            browser.open("/").await?;
            browser.see("3 failed sign-ins since then").await?;
        }),
        exhibit!("menu", |browser, gallery| {
            browser.press(&account_menu(gallery.ada())).await?;
            browser.see("Profile & Preferences").await?;
        }),
        exhibit!("login-signed-in", |browser, gallery| {
            browser.open("/login").await?;
            browser.see("You are signed in as").await?;
        }),
        exhibit!("login-as-someone-else", |browser, gallery| {
            browser.follow("Use another account").await?;
            browser.see("Sign in as someone else").await?;
        }),
        exhibit!("log-out", |browser, gallery| {
            browser.open("/logout").await?;
            browser.see("Log out of this browser?").await?;
        }),
        exhibit!("signed-out-signed-in", |browser, gallery| {
            browser.open("/signed-out").await?;
            browser.see("This browser is signed in as").await?;
        }),
        exhibit!("help-signed-in", |browser, gallery| {
            browser.open("/help").await?;
            browser.see("This browser is signed in as").await?;
        }),
        exhibit!("profile", |browser, gallery| {
            browser.open("/account/profile").await?;
            browser.see("Without a picture").await?;
        }),
        exhibit!("profile-picture-refused", |browser, gallery| {
            let text = tools::workspace().join("Cargo.toml").display().to_string();
            browser.fill("Choose a picture", &text).await?;
            browser.press("Upload picture").await?;
            browser
                .see("This is not a PNG, JPEG or WebP picture.")
                .await?;
        }),
        exhibit!("profile-picture", |browser, gallery| {
            let picture = picture_file()?.display().to_string();
            browser.fill("Choose a picture", &picture).await?;
            browser.press("Upload picture").await?;
            browser.see("Your picture was saved.").await?;
        }),
        exhibit!("profile-name-refused", |browser, gallery| {
            browser.fill("Name", &"Ada ".repeat(60)).await?;
            browser.press("Save name").await?;
            browser.see("Please enter a name of 1 to").await?;
        }),
        exhibit!("security", |browser, gallery| {
            browser.open("/account/security").await?;
            browser.see("Where you are signed in").await?;
        }),
        exhibit!("security-refused", |browser, gallery| {
            browser.fill("Current password", "not my password").await?;
            browser
                .fill("New password", "forty wooden boats on a river")
                .await?;
            browser
                .fill("New password once more", "forty wooden boats on a river")
                .await?;
            browser.press("Change password").await?;
            browser.see("That is not your password.").await?;
        }),
        exhibit!("sessions", |browser, gallery| {
            browser.open("/account/sessions").await?;
            browser.see("Kitchen tablet").await?;
        }),
        exhibit!("sessions-rename", |browser, gallery| {
            browser.press(&format!("Rename {}", WINDOWS.phrase)).await?;
            browser.see("Your name for it").await?;
        }),
        exhibit!("sessions-selected", |browser, gallery| {
            browser.check(&format!("Select {}", IPHONE.phrase)).await?;
            browser.check("Select Kitchen tablet").await?;
            browser.see("2 sessions selected.").await?;
        }),
        exhibit!("sessions-nothing-selected", |browser, gallery| {
            browser.open("/account/sessions").await?;
            browser.press("Log out selected").await?;
            browser
                .see("Please choose at least one session first.")
                .await?;
        }),
        exhibit!("history", |browser, gallery| {
            browser.open("/account/history").await?;
            browser.see("3 failed sign-ins").await?;
        }),
        exhibit!("history-endings", |browser, gallery| {
            browser.follow("Endings").await?;
            browser.see("Session ended").await?;
        }),
    ]
}

fn questions() -> Vec<Exhibit> {
    vec![
        exhibit!("log-out-all", |browser, gallery| {
            browser.open("/account/sessions/log-out-all").await?;
            browser.see("This browser is logged out too.").await?;
        }),
        exhibit!("log-out-others", |browser, gallery| {
            browser.open("/account/sessions/log-out-others").await?;
            browser.see("This browser stays signed in.").await?;
        }),
        exhibit!("not-me", |browser, gallery| {
            browser.open("/account/sessions").await?;
            browser
                .press_beside(WINDOWS.phrase, "This wasn't me")
                .await?;
            browser.see("That session is logged out at once.").await?;
        }),
        exhibit!("not-me-ended", |browser, gallery| {
            browser.open("/account/history").await?;
            browser
                .follow_beside(LIBRARY.place, "This wasn't me")
                .await?;
            browser.see("That session has ended already.").await?;
        }),
        exhibit!("log-out-all-with-password", |browser, gallery| {
            gallery.ground.advance(Duration::from_mins(11))?;
            browser.open("/account/sessions/log-out-all").await?;
            browser.see("please confirm it's you").await?;
        }),
        exhibit!("log-out-all-refused", |browser, gallery| {
            browser.fill("Your password", "not my password").await?;
            browser.press("Log out of all sessions").await?;
            browser.see("That is not your password").await?;
        }),
        exhibit!("log-out-others-with-password", |browser, gallery| {
            browser.open("/account/sessions/log-out-others").await?;
            browser.see("please confirm it's you").await?;
        }),
        exhibit!("not-me-with-password", |browser, gallery| {
            browser.open("/account/sessions").await?;
            browser
                .press_beside(WINDOWS.phrase, "This wasn't me")
                .await?;
            browser.see("please confirm it's you").await?;
        }),
        exhibit!("confirm-its-you", |browser, gallery| {
            browser.open("/account/sessions").await?;
            browser.press_beside(WINDOWS.phrase, "Log out").await?;
            browser.see("Confirm it's you").await?;
        }),
        exhibit!("confirm-its-you-refused", |browser, gallery| {
            browser.fill("Your password", "not my password").await?;
            browser.press("Log out").await?;
            browser.see("That is not your password").await?;
        }),
        exhibit!("sessions-one-ended", |browser, gallery| {
            browser.fill("Your password", Gallery::password()).await?;
            browser.press("Log out").await?;
            browser.see("One session was logged out.").await?;
        }),
        exhibit!("sessions-many", |browser, gallery| {
            let ada = gallery.ada().clone();
            gallery
                .ground
                .with(move |site| drop(site.begin_sessions(&ada, 25)))
                .await?;
            browser.open("/account/sessions").await?;
            browser.see("Older").await?;
        }),
        exhibit!("sessions-page-2", |browser, gallery| {
            browser.follow("Older").await?;
            browser.see("Newer").await?;
        }),
        exhibit!("history-long", |browser, gallery| {
            browser.open("/account/history?show=sign-ins").await?;
            browser.see("Signed in").await?;
        }),
    ]
}
