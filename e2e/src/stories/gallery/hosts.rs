//! Apps behind a proxy: the way in, what stops people there, and the way out.

use std::sync::PoisonError;
use std::time::Duration;

use nightlatch_domain::relying_party::protection::{Entrance, Protection, RequiredLevel};

use super::{Exhibit, Gallery, exhibit};
use crate::failure::Outcome;
use crate::stories::guarded_app::GuardedApp;
use crate::stories::steps::fill_in;

pub(super) fn exhibits() -> Vec<Exhibit> {
    let mut all = on_the_way_in();
    all.extend(on_the_way_out());
    all
}

/// An app that is there from now on; where it is.
async fn open_app(
    gallery: &Gallery,
    named: (&'static str, &'static str),
    change: fn(&mut Protection),
) -> Outcome<String> {
    let app = GuardedApp::start(&gallery.ground, named, change).await?;
    let origin = app.origin.clone();
    let mut all = gallery
        .guarded
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    all.push(app);
    Ok(origin)
}

/// An address of the app that was opened first.
fn wiki(gallery: &Gallery, path: &str) -> String {
    let all = gallery
        .guarded
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    all.first()
        .map_or_else(String::new, |app| app.address(path))
}

fn on_the_way_in() -> Vec<Exhibit> {
    vec![
        exhibit!("login-for-host", |browser, gallery| {
            let app = open_app(gallery, ("Wiki", "wiki.localhost"), |_| {}).await?;
            browser.open(&format!("{app}/pages/1")).await?;
            browser.see("Sign in to go on to Wiki.").await?;
        }),
        exhibit!("host-problem-did-not-work", |browser, gallery| {
            fill_in(browser, gallery.ada(), Gallery::password(), &[]).await?;
            browser.see("Hello Ada Lovelace").await?;
            // Another window was faster, and its session is over meanwhile.
            let archive = open_app(gallery, ("Archive", "archive.localhost"), |_| {}).await?;
            let code = "A".repeat(43);
            browser
                .open(&format!("{archive}/.nightlatch/callback?code={code}"))
                .await?;
            browser.see("Signing in did not work").await?;
        }),
        exhibit!("host-problem-second-step", |browser, gallery| {
            let strong = |rule: &mut Protection| rule.level = RequiredLevel::SecondFactor;
            let app = open_app(gallery, ("Payroll", "payroll.localhost"), strong).await?;
            browser.open(&app).await?;
            browser.see("This app needs a second step").await?;
        }),
        exhibit!("host-proof", |browser, gallery| {
            let fresh = |rule: &mut Protection| rule.proof_age_seconds = Some(60);
            let app = open_app(gallery, ("Safe", "safe.localhost"), fresh).await?;
            gallery.ground.advance(Duration::from_mins(5))?;
            browser.open(&app).await?;
            browser.see("Safe asks you to confirm it's you").await?;
        }),
        exhibit!("host-problem-not-signed-in", |browser, gallery| {
            browser.press("Cancel").await?;
            browser.see("You did not go on to the app").await?;
        }),
        exhibit!("no-access", |browser, gallery| {
            let nobody = |rule: &mut Protection| {
                rule.entrance = Entrance::Named {
                    users: Vec::new(),
                    groups: Vec::new(),
                };
            };
            let app = open_app(gallery, ("Minutes", "board.localhost"), nobody).await?;
            browser.open(&app).await?;
            browser.see("You do not have access to this app").await?;
        }),
        exhibit!("host-not-found", |browser, gallery| {
            browser
                .open(&wiki(gallery, "/.nightlatch/nothing-here"))
                .await?;
            browser.see("This page does not exist").await?;
        }),
    ]
}

fn on_the_way_out() -> Vec<Exhibit> {
    vec![
        exhibit!("host-log-out", |browser, gallery| {
            browser.open(&wiki(gallery, "/.nightlatch/log-out")).await?;
            browser.see("Log out of this browser?").await?;
            browser.see("Log out of this site only").await?;
        }),
        exhibit!("host-left", |browser, gallery| {
            browser.press("Log out of this site only").await?;
            browser.see("You are logged out of Wiki").await?;
        }),
        exhibit!("host-log-out-everything", |browser, gallery| {
            let strict = |rule: &mut Protection| rule.this_site_only = false;
            let app = open_app(gallery, ("Clinic", "clinic.localhost"), strict).await?;
            browser.open(&app).await?;
            browser.see("Hello Ada Lovelace").await?;
            browser.follow("Leave…").await?;
            browser.see("Log out of this browser?").await?;
            browser.does_not_see("Log out of this site only").await?;
        }),
        exhibit!("receipt-of-host", |browser, gallery| {
            browser
                .press("Log out of everything in this browser")
                .await?;
            browser.see("You logged out in this browser.").await?;
            browser.see("Clinic").await?;
        }),
        exhibit!("host-log-out-nobody", |browser, gallery| {
            browser.open(&wiki(gallery, "/.nightlatch/log-out")).await?;
            browser
                .see("You are not signed in on this browser.")
                .await?;
        }),
        exhibit!("host-left-over", |browser, gallery| {
            browser.open(&wiki(gallery, "/pages/1")).await?;
            fill_in(browser, gallery.ada(), Gallery::password(), &[]).await?;
            browser.see("Hello Ada Lovelace").await?;
            gallery.ground.ada_logs_out_the_others_elsewhere().await?;
            browser.open(&wiki(gallery, "/.nightlatch/left")).await?;
            browser.see("This browser was one of them.").await?;
        }),
    ]
}
