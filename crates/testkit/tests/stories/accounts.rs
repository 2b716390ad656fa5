//! Accounts that are disabled or deleted, and endings by those who run the site
//! (`administrator_asks_to_refresh`; OUT-15, F4, H6).

use nightlatch_domain::ending::{Actor, Cause};
use nightlatch_domain::user::Role;
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Browser, Choices, PASSWORD, Site, TestDatabase};

use crate::MINUTE;

on_both_databases!(
    f4_a_disabled_account_is_dead_at_once,
    f4_enabling_it_brings_nothing_back,
    f4_a_deleted_account_is_dead_and_nameless,
    out_15_everybody_of_an_organization_is_told_the_reason,
    out_15_everybody_of_the_site_is_told_the_reason,
    two_wide_endings_are_told_apart,
    an_expansion_that_stops_halfway_goes_on,
    a_password_set_by_the_operator_ends_everything,
);

fn two(site: &Site, name: &str, email: &str) -> (nightlatch_testkit::Account, Vec<String>) {
    let account = site.add_person(name, email);
    let cookies = site.begin_sessions(&account, 2);
    (account, cookies)
}

fn holds<'a>(site: &'a Site, cookie: &str) -> Browser<'a> {
    let mut browser = site.browser();
    browser.jar.put("__Host-nightlatch", cookie);
    browser
}

fn f4_a_disabled_account_is_dead_at_once(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, cookies) = two(&site, "Ada Lovelace", "ada@brightwater.example");
    let done = site.disable(&ada);
    assert_eq!((done.sessions, done.complete), (2, true));
    for cookie in &cookies {
        let mut browser = holds(&site, cookie);
        browser.open("/account/profile").expect(200);
        assert!(
            browser
                .page()
                .says("your account is not active at the moment")
        );
    }
    // AUTH-07: signing in fails with the words of a wrong password.
    let mut browser = site.browser();
    let disabled = browser.try_to_sign_in(&ada.email, PASSWORD, Choices::default());
    assert_eq!(disabled.status.as_u16(), 422);
    assert!(disabled.page().says("do not fit together"));
}

fn f4_enabling_it_brings_nothing_back(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, cookies) = two(&site, "Ada Lovelace", "ada@brightwater.example");
    site.disable(&ada);
    site.enable(&ada);
    for cookie in &cookies {
        assert!(!holds(&site, cookie).is_signed_in());
    }
    let mut browser = site.browser();
    browser.sign_in(&ada);
    assert!(browser.is_signed_in());
}

fn f4_a_deleted_account_is_dead_and_nameless(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, cookies) = two(&site, "Ada Lovelace", "ada@brightwater.example");
    let mut receipt = site.browser();
    receipt.sign_in(&ada);
    receipt.log_out();
    site.delete(&ada);
    for cookie in &cookies {
        assert!(!holds(&site, cookie).is_signed_in());
    }
    for table in [
        "SELECT count(*) FROM passwords",
        "SELECT count(*) FROM known_browsers",
        "SELECT count(*) FROM users WHERE name = 'Ada Lovelace'",
    ] {
        assert_eq!(site.count_rows(table), 0, "{table}");
    }
    // What was open to her does not name her any more.
    receipt.open("/signed-out").expect(200);
    assert!(!receipt.page().says("Ada"));
    // The address is free, for somebody with none of her sessions.
    let other = site.add_person("Ada Byron", "ada@brightwater.example");
    let mut browser = site.browser();
    browser.sign_in(&other);
    browser.open("/account/history").expect(200);
    assert_eq!(browser.page().entries("Signed in").len(), 1);
}

fn out_15_everybody_of_an_organization_is_told_the_reason(which: TestDatabase) {
    let site = Site::new(which);
    let elsewhere = site.add_organization("Harbor Freight Forwarding");
    let (_, brightwater) = two(&site, "Ada Lovelace", "ada@brightwater.example");
    let grace = site.add_to(
        elsewhere,
        "Grace Hopper",
        "grace@harbor.example",
        Role::Member,
    );
    let harbor = site.begin_sessions(&grace, 2);
    let reason = "We replaced the door cards. <b>Please</b> sign in again.";
    site.log_out_everybody(Some(site.organization()), reason);
    for cookie in &brightwater {
        let mut browser = holds(&site, cookie);
        browser.open("/account/profile").expect(200);
        assert!(browser.page().says("An administrator logged you out."));
        assert!(browser.page().says(reason));
    }
    for cookie in &harbor {
        assert!(holds(&site, cookie).is_signed_in());
    }
}

fn out_15_everybody_of_the_site_is_told_the_reason(which: TestDatabase) {
    let site = Site::new(which);
    let elsewhere = site.add_organization("Harbor Freight Forwarding");
    let (ada, brightwater) = two(&site, "Ada Lovelace", "ada@brightwater.example");
    let grace = site.add_to(
        elsewhere,
        "Grace Hopper",
        "grace@harbor.example",
        Role::Member,
    );
    let harbor = site.begin_sessions(&grace, 150);
    site.log_out_everybody(None, "We moved to a new building.");
    for cookie in brightwater.iter().chain(harbor.iter().step_by(29)) {
        let mut browser = holds(&site, cookie);
        browser.open("/account/profile").expect(200);
        assert!(browser.page().says("We moved to a new building."));
    }
    assert_eq!(site.expand(), 1);
    assert_eq!(
        site.open_sessions_of(&ada) + site.open_sessions_of(&grace),
        0
    );
    // H5: by whom and why stands in each history.
    for account in [&ada, &grace] {
        let ended = site.sessions_of(account)[0].ended.expect("an end");
        assert_eq!(ended.cause, Cause::EndedByAdministrator);
        let ending = site.ending(ended.ending_id);
        assert_eq!(ending.actor, Actor::Operator);
        assert_eq!(
            ending.reason.as_deref(),
            Some("We moved to a new building.")
        );
    }
}

fn two_wide_endings_are_told_apart(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let first = site.begin_sessions(&ada, 150);
    site.log_out_everybody(Some(site.organization()), "the first");
    site.advance(MINUTE);
    let second = site.begin_sessions(&ada, 150);
    site.log_out_everybody(None, "the second");
    site.advance(MINUTE);
    for (cookies, reason) in [(&first, "the first"), (&second, "the second")] {
        let mut browser = holds(&site, cookies.last().expect("a cookie"));
        browser.open("/account/profile").expect(200);
        assert!(browser.page().says(reason), "{}", browser.page().text);
    }
    site.expand();
    let rows = site.sessions_of(&ada);
    let reason = |row: &nightlatch_testkit::SessionRow| {
        let ending = site.ending(row.ended.expect("an end").ending_id);
        ending.reason.expect("a reason")
    };
    assert!(rows[..150].iter().all(|row| reason(row) == "the first"));
    assert!(rows[150..].iter().all(|row| reason(row) == "the second"));
    assert!(
        rows[..150]
            .iter()
            .all(|row| row.ended.expect("an end").at < site.now().minus(MINUTE))
    );
}

fn an_expansion_that_stops_halfway_goes_on(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let cookies = site.begin_sessions(&ada, 700);
    site.log_out_everybody(None, "a drill");
    assert!(site.expand_once());
    assert_eq!(site.open_sessions_of(&ada), 100);
    site.crash();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    assert!(site.expand_once());
    assert!(!site.expand_once());
    assert_eq!(site.open_sessions_of(&ada), 1);
    assert!(laptop.is_signed_in() && !holds(&site, &cookies[699]).is_signed_in());
}

fn a_password_set_by_the_operator_ends_everything(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, cookies) = two(&site, "Ada Lovelace", "ada@brightwater.example");
    site.set_password(&ada, "eleven herons over a silver estuary");
    for cookie in &cookies {
        let mut browser = holds(&site, cookie);
        browser.open("/").expect(200);
        assert!(browser.page().says("your password was changed"));
    }
    let mut browser = site.browser();
    let old = browser.try_to_sign_in(&ada.email, PASSWORD, Choices::default());
    assert_eq!(old.status.as_u16(), 422);
    let new = "eleven herons over a silver estuary";
    let new = browser.try_to_sign_in(&ada.email, new, Choices::default());
    drop(new.expect_redirect("/"));
}
