//! The security check-up, and the reminder to look at the login history.

use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Site, TestDatabase};

use crate::MINUTE;

on_both_databases!(
    a_new_account_is_told_what_to_do_next,
    what_was_done_is_good,
    a_sign_in_in_a_new_browser_waits_to_be_looked_at,
    old_sessions_are_named,
    the_reminder_comes_when_the_organization_wants_it,
);

const DAY: std::time::Duration = std::time::Duration::from_hours(24);
const CHECK_UP: &str = "/account/security/check-up";

fn a_new_account_is_told_what_to_do_next(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut browser = site.browser();
    browser.sign_in(&ada);
    browser.open("/account/security").expect(200);
    browser.click("Security check-up").expect(200);
    assert_eq!(browser.path(), CHECK_UP);
    assert!(browser.page().says("1 thing to look at."));
    assert!(browser.page().says("A password alone opens your account"));
    // Whoever has no second step needs no way around it.
    assert!(!browser.page().says("No way back"));
}

fn what_was_done_is_good(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut browser = site.browser();
    browser.sign_in(&ada);
    drop(browser.add_authenticator_app("Phone"));
    browser.open(CHECK_UP).expect(200);
    assert!(browser.page().says("No way back if you lose your phone"));
    browser.make_recovery_codes();
    browser.open(CHECK_UP).expect(200);
    assert!(browser.page().says("There is nothing to do."));
    assert!(browser.page().says("Your account has a second step"));
    assert!(browser.page().says("You have a way back"));
}

fn a_sign_in_in_a_new_browser_waits_to_be_looked_at(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    laptop.open(CHECK_UP).expect(200);
    assert!(!laptop.page().says("from a new browser"));
    site.advance(MINUTE);
    let mut stranger = site.browser();
    stranger.sign_in(&ada);
    laptop.open(CHECK_UP).expect(200);
    assert!(laptop.page().says("One sign-in from a new browser"));
    site.advance(MINUTE);
    laptop.open("/account/history").expect(200);
    laptop.press("All of this was me").expect(200);
    assert_eq!(laptop.path(), CHECK_UP);
    assert!(laptop.page().says("Thank you for looking."));
    assert!(!laptop.page().says("from a new browser"));
    assert!(laptop.page().says("Your login history has been looked at"));
}

fn old_sessions_are_named(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let remember = nightlatch_testkit::Choices {
        remember: true,
        shared: false,
    };
    let mut old = site.browser();
    old.sign_in_with(&ada, remember);
    site.advance(DAY * 14);
    let mut browser = site.browser();
    browser.sign_in(&ada);
    browser.open(CHECK_UP).expect(200);
    assert!(
        browser
            .page()
            .says("One session was not used for two weeks")
    );
    old.open("/account/profile").expect(200);
    browser.open(CHECK_UP).expect(200);
    assert!(!browser.page().says("not used for two weeks"));
}

fn the_reminder_comes_when_the_organization_wants_it(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let reminded = |site: &Site| {
        let mut browser = site.browser();
        browser.sign_in(&ada);
        browser.open("/").expect(200);
        browser.page().says("It has been a while since you looked")
    };
    assert!(!reminded(&site));
    site.advance(DAY * 90);
    assert!(reminded(&site));
    site.change_settings(|settings| settings.review_days = 0);
    assert!(!reminded(&site));
    site.change_settings(|settings| settings.review_days = 100);
    assert!(!reminded(&site));
    site.advance(DAY * 10);
    assert!(reminded(&site));
    let mut browser = site.browser();
    browser.sign_in(&ada);
    browser.open("/account/history").expect(200);
    browser.press("All of this was me").expect(200);
    assert!(!reminded(&site));
}
