//! What anybody sees, signed in or not.

use nightlatch_testkit::Choices;

use super::{Exhibit, Gallery, exhibit};
use crate::stories::steps::fill_in;

pub(super) fn exhibits() -> Vec<Exhibit> {
    vec![
        exhibit!("login", |browser, gallery| {
            browser.open("/login").await?;
            browser
                .see("You are not signed in on this browser.")
                .await?;
        }),
        exhibit!("login-refused", |browser, gallery| {
            fill_in(browser, gallery.ada(), "not my password", &[]).await?;
            browser.see("do not fit together").await?;
        }),
        exhibit!("login-too-many-tries", |browser, gallery| {
            let stranger = "zoe@brightwater.example";
            gallery
                .ground
                .with(move |site| {
                    let mut other = site.browser();
                    for _ in 0..8 {
                        drop(other.try_to_sign_in(stranger, "guess", Choices::default()));
                    }
                })
                .await?;
            browser.open("/login").await?;
            browser.fill("E-mail address", stranger).await?;
            browser.fill("Password", Gallery::password()).await?;
            browser.press("Sign in").await?;
            browser.see_no_more("You have").await?;
        }),
        exhibit!("login-on-a-shared-computer", |browser, gallery| {
            let shared = "127.0.0.0/8".parse()?;
            gallery
                .ground
                .change_settings(move |settings| settings.policy.shared_networks = vec![shared])
                .await?;
            browser.open("/login").await?;
            browser
                .see("treats every computer in this network as shared")
                .await?;
            gallery
                .ground
                .change_settings(|settings| settings.policy.shared_networks.clear())
                .await?;
        }),
        exhibit!("log-out-nobody", |browser, gallery| {
            browser.open("/logout").await?;
            browser.see("There is nothing to log out of here.").await?;
        }),
        exhibit!("signed-out-nobody", |browser, gallery| {
            browser.open("/signed-out").await?;
            browser
                .see("You are not signed in on this browser.")
                .await?;
        }),
        exhibit!("help", |browser, gallery| {
            browser.open("/help").await?;
            browser.see("Whom to ask").await?;
        }),
        exhibit!("problem-no-such-page", |browser, gallery| {
            browser.open("/account/nothing-here").await?;
            browser.see("This page does not exist").await?;
        }),
        exhibit!("problem-wrong-address", |browser, gallery| {
            let address = gallery
                .ground
                .site()
                .address("/")
                .replace("localhost", "127.0.0.1");
            browser.open(&address).await?;
            browser.see("This is not our address").await?;
        }),
        exhibit!("problem-set-up-link", |browser, gallery| {
            browser.open("/set-up/of-last-year").await?;
            browser.see("This set-up link has been used").await?;
        }),
        exhibit!("set-up", |browser, gallery| {
            browser.open(&gallery.set_up_address()).await?;
            browser.see("Set up Nightlatch").await?;
        }),
        exhibit!("set-up-refused", |browser, gallery| {
            browser.fill("Organization name", "Harbor & Sons").await?;
            browser.fill("Your name", "Grace Hopper").await?;
            browser
                .fill("E-mail address", "grace@harbor.example")
                .await?;
            browser.fill("Password", "short").await?;
            browser.fill("Password once more", "shorter").await?;
            browser.press("Create administrator account").await?;
            browser.see("The two passwords differ.").await?;
        }),
        exhibit!("login-by-nobody-set-up", |browser, gallery| {
            browser
                .open(&gallery.untouched.site().address("/login"))
                .await?;
            browser.see("Sign in").await?;
        }),
    ]
}
