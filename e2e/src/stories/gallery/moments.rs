//! What people see seldom: warnings, errors, and pages whose session is over.

use std::time::Duration;

use super::{Exhibit, Gallery, exhibit};
use crate::stories::open_pages::{PAGE, WAKE, page_clock_ahead};
use crate::stories::steps::{SHARED, fill_in, log_out_in_the_menu, sign_in};
use crate::tools;

pub(super) fn exhibits() -> Vec<Exhibit> {
    let mut all = of_the_session();
    all.extend(of_others());
    all
}

fn of_the_session() -> Vec<Exhibit> {
    vec![
        exhibit!("problem-old-form", |browser, gallery| {
            browser.open("/account/profile").await?;
            let spoil = "for (const field of document.querySelectorAll('[name=csrf]')) field.value = 'old';";
            browser.evaluate(spoil).await?;
            browser.press("Save name").await?;
            browser.see("Please try that once more").await?;
        }),
        exhibit!("problem-too-large", |browser, gallery| {
            browser.open("/account/profile").await?;
            let path = tools::workspace().join("target/too-large.png");
            std::fs::write(&path, vec![0; 700 * 1024])?;
            browser
                .fill("Choose a picture", &path.display().to_string())
                .await?;
            browser.press("Upload picture").await?;
            browser.see("That was too large").await?;
        }),
        exhibit!("problem-signed-in", |browser, gallery| {
            browser.open("/account/nothing-here").await?;
            browser.see("This page does not exist").await?;
        }),
        exhibit!("idle-warning", |browser, gallery| {
            gallery
                .ground
                .advance(Duration::from_secs(24 * 3600 - 100))?;
            browser.open("/help").await?;
            browser.see("Are you still there?").await?;
        }),
        exhibit!("page-cleared", |browser, gallery| {
            browser.press("Stay signed in").await?;
            browser.open("/account/sessions").await?;
            let ended = "new BroadcastChannel('nightlatch').postMessage({ type: 'ended', session: document.body.dataset.session });";
            browser.evaluate(ended).await?;
            browser.see("This page has been cleared.").await?;
        }),
        exhibit!("page-cannot-be-checked", |browser, gallery| {
            browser.open("/account/sessions").await?;
            let later = page_clock_ahead(Duration::from_hours(24 * 8));
            let offline =
                "page.fetch = () => page.Promise.reject(new page.TypeError('no network'));";
            browser
                .evaluate(&format!("{PAGE}{later}{offline}{WAKE}"))
                .await?;
            browser.see("We cannot show this page right now").await?;
        }),
        exhibit!("signed-out", |browser, gallery| {
            browser.open("/").await?;
            log_out_in_the_menu(browser, gallery.ada()).await?;
            browser.see("You logged out in this browser.").await?;
        }),
        exhibit!("login-after-log-out", |browser, gallery| {
            browser.open("/login").await?;
            browser.see("You are logged out.").await?;
        }),
    ]
}

fn of_others() -> Vec<Exhibit> {
    vec![
        exhibit!("login-ended-by-operator", |browser, gallery| {
            sign_in(browser, gallery.ada(), &[]).await?;
            browser.open("about:blank").await?;
            gallery
                .ground
                .with(|site| {
                    let everybody = Some(site.organization());
                    site.log_out_everybody(everybody, "We are moving to a new server tonight.");
                })
                .await?;
            browser.open("/account/profile").await?;
            browser
                .see("We are moving to a new server tonight.")
                .await?;
        }),
        exhibit!("start-shared", |browser, gallery| {
            sign_in(browser, gallery.ada(), &[SHARED]).await?;
            browser.see("Shared computer").await?;
        }),
        exhibit!("sessions-shared", |browser, gallery| {
            browser.open("/account/sessions").await?;
            browser
                .see("You are signed in here and nowhere else.")
                .await?;
        }),
        exhibit!("session-ends-soon", |browser, gallery| {
            for _ in 0..9 {
                gallery.ground.advance(Duration::from_mins(13))?;
                browser.open("/").await?;
            }
            browser.see("This session ends soon").await?;
        }),
        exhibit!("signed-out-shared", |browser, gallery| {
            browser.press("OK").await?;
            browser.press_beside("Shared computer", "Log out").await?;
            browser.see("please close this window now").await?;
        }),
        exhibit!("security-administrator", |browser, gallery| {
            browser.open("/login").await?;
            fill_in(browser, &gallery.administrator, Gallery::password(), &[]).await?;
            browser.see("Your apps").await?;
            browser.open("/account/security").await?;
            browser.see("Mark this computer as shared").await?;
        }),
        exhibit!("security-marked", |browser, gallery| {
            browser.press("Mark this computer as shared").await?;
            browser.see("This computer is marked as shared.").await?;
        }),
        exhibit!("start-quiet", |browser, gallery| {
            browser.open("/").await?;
            browser.see("No apps here yet").await?;
        }),
    ]
}
