//! The security check-up, and the reminder to look at the login history.

use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Site, TestDatabase};

use crate::MINUTE;

on_both_databases!(
    a_new_account_is_told_what_to_do_next,
    what_was_done_is_good,
    a_sign_in_in_a_new_browser_waits_to_be_looked_at,
    a_stranger_who_comes_while_one_reads_is_not_looked_at,
    only_the_newest_sign_ins_can_be_looked_at,
    a_computer_that_a_phone_let_in_hides_nothing,
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

/// A thief who waits until the owner has the page open must not be waved through.
fn a_stranger_who_comes_while_one_reads_is_not_looked_at(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    site.advance(MINUTE);
    laptop.open("/account/history").expect(200);
    site.advance(MINUTE);
    site.browser().sign_in(&ada);
    site.advance(MINUTE);
    laptop.press("All of this was me").expect(200);
    assert!(laptop.page().says("One sign-in from a new browser"));
    // Nor by a time to come.
    laptop.open("/account/history").expect(200);
    let far = site.now().plus(DAY * 365).milliseconds().to_string();
    let mut form = laptop.page().form("All of this was me").clone();
    form.fill("until", &far);
    let sent = laptop.submit(&form);
    laptop.follow(sent).expect(200);
    assert!(!laptop.page().says("from a new browser"));
    site.advance(MINUTE);
    site.browser().sign_in(&ada);
    laptop.open(CHECK_UP).expect(200);
    assert!(laptop.page().says("One sign-in from a new browser"));
    // What is no time is refused kindly.
    for nonsense in ["", "yesterday", "-5", "99999999999999999999"] {
        laptop.open("/account/history").expect(200);
        let mut form = laptop.page().form("All of this was me").clone();
        form.fill("until", nonsense);
        let refused = laptop.submit(&form).expect(400).page();
        assert!(refused.says("Please open your login history again"));
    }
    laptop.open(CHECK_UP).expect(200);
    assert!(laptop.page().says("One sign-in from a new browser"));
}

fn only_the_newest_sign_ins_can_be_looked_at(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    for _ in 0..31 {
        laptop.sign_in(&ada);
    }
    let offers = |browser: &nightlatch_testkit::Browser<'_>| {
        browser.page().find_form("All of this was me").is_some()
    };
    for (address, offered) in [
        ("/account/history", true),
        ("/account/history?show=all", true),
        ("/account/history?show=sign-ins", true),
        ("/account/history?show=endings", false),
    ] {
        laptop.open(address).expect(200);
        assert_eq!(offers(&laptop), offered, "{address}");
    }
    laptop.open("/account/history?show=sign-ins").expect(200);
    laptop.click("Older").expect(200);
    assert!(!offers(&laptop));
}

fn a_computer_that_a_phone_let_in_hides_nothing(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let (_, mut library) = crate::phone_sign_in::at_the_library(&site, &ada);
    library.open("/account/history").expect(200);
    assert!(library.page().find_form("All of this was me").is_none());
    library.open("/account/profile").expect(200);
    let pairs = library.page().form("Save name").pairs();
    let csrf = pairs.into_iter().find(|(name, _)| name == "csrf");
    let until = ("until".to_owned(), site.now().milliseconds().to_string());
    let fields = [csrf.expect("a token"), until];
    let body = serde_urlencoded::to_string(fields).expect("pairs");
    let ask = library.ask("POST", "/account/history/reviewed");
    ask.by_own_page().form(&body).send().expect(403);
    assert_eq!(site.count_rows("SELECT count(*) FROM reviews"), 0);
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
