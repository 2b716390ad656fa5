//! Two processes over one database: what one has accepted, the other does not accept
//! again (MFA-02, MFA-03, MFA-05).

use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Account, Browser, PASSWORD, PhoneApp, Site, TestDatabase};
use serde_json::json;

use crate::{DAY, MINUTE};

on_both_databases!(
    mfa_02_a_code_that_one_node_took_is_wrong_on_the_other,
    mfa_02_two_nodes_asked_at_the_same_time_let_one_in,
    mfa_05_a_recovery_code_opens_one_session_on_two_nodes,
    mfa_03_wrong_codes_count_over_both_nodes,
    out_12_what_one_node_ended_is_over_on_the_other,
);

/// Ada with an app, and a browser at each of two nodes.
fn scene(site: &Site) -> (Account, Browser<'_>, PhoneApp, Browser<'_>, Browser<'_>) {
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let phone = laptop.set_up_app();
    site.add_node();
    site.advance(MINUTE);
    let (first, second) = (site.browser(), site.browser());
    (ada, laptop, phone, first, second)
}

fn mfa_02_a_code_that_one_node_took_is_wrong_on_the_other(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, _, phone, mut first, mut second) = scene(&site);
    first.come_to_second_step(&ada);
    second.come_to_second_step(&ada);
    let code = phone.next_code(&site);
    drop(first.give_code(&code).expect_redirect("/"));
    drop(second.give_code(&code).expect(422));
    assert!(!second.is_signed_in());
    // The one before it as well, which the clock would still allow.
    drop(
        second
            .give_code(&phone.next_code(&site))
            .expect_redirect("/"),
    );
    // And as a proof in a session.
    let used = json!({ "code": code });
    drop(second.api("POST", "/api/v1/proof", Some(&used)).expect(403));
}

/// Whichever comes first, and however often the database has to try again.
fn mfa_02_two_nodes_asked_at_the_same_time_let_one_in(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, _, phone, mut first, mut second) = scene(&site);
    for round in 0..8 {
        site.advance(MINUTE);
        first.come_to_second_step(&ada);
        second.come_to_second_step(&ada);
        let code = phone.next_code(&site);
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let both = [&mut first, &mut second].map(|browser| {
                let code = code.clone();
                scope.spawn(move || browser.give_code(&code).status.as_u16())
            });
            both.into_iter()
                .map(|one| one.join().expect("an answer"))
                .collect()
        });
        let mut sorted = statuses.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [303, 422], "round {round}: {statuses:?}");
        let signed_in = [first.is_signed_in(), second.is_signed_in()];
        assert_eq!(signed_in.iter().filter(|one| **one).count(), 1);
        for browser in [&mut first, &mut second] {
            if browser.is_signed_in() {
                browser.log_out();
            }
            browser.restart();
        }
    }
}

fn mfa_05_a_recovery_code_opens_one_session_on_two_nodes(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop, _, mut first, mut second) = scene(&site);
    let code = laptop.make_recovery_codes()[0].clone();
    first.come_to_second_step(&ada);
    second.come_to_second_step(&ada);
    let give = |browser: &mut Browser<'_>, code: &str| {
        browser.open("/login/factor?way=recovery").expect(200);
        browser.fill("Recovery code", code);
        browser.press_once("Continue").status.as_u16()
    };
    let mut statuses: Vec<u16> = std::thread::scope(|scope| {
        let both = [&mut first, &mut second].map(|browser| {
            let code = code.clone();
            scope.spawn(move || give(browser, &code))
        });
        both.into_iter()
            .map(|one| one.join().expect("an answer"))
            .collect()
    });
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 422]);
    assert_eq!(
        site.count_rows("SELECT count(*) FROM recovery_codes WHERE used_at IS NOT NULL"),
        1
    );
}

fn mfa_03_wrong_codes_count_over_both_nodes(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, _, phone, mut first, mut second) = scene(&site);
    let mut refused = None;
    for tried in 0..40 {
        let browser = if tried % 2 == 0 {
            &mut first
        } else {
            &mut second
        };
        browser.come_to_second_step(&ada);
        browser.give_code("000000");
        if browser.page().says("Please wait") {
            refused = Some(tried);
            break;
        }
        browser.restart();
    }
    let tried = refused.expect("a wait");
    // The other node waits too.
    let other = if tried % 2 == 0 {
        &mut second
    } else {
        &mut first
    };
    other.come_to_second_step(&ada);
    other.give_code("000000");
    assert!(other.page().says("Please wait"));
    site.advance(DAY);
    other.come_to_second_step(&ada);
    drop(
        other
            .give_code(&phone.next_code(&site))
            .expect_redirect("/"),
    );
}

fn out_12_what_one_node_ended_is_over_on_the_other(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, _, phone, mut first, mut second) = scene(&site);
    first.sign_in_with_code(&ada, &phone);
    second.come_to_second_step(&ada);
    assert!(first.is_signed_in());
    let proof = json!({ "password": PASSWORD });
    drop(first.api("POST", "/api/v1/proof", Some(&proof)).expect(200));
    let path = "/api/v1/sessions/log-out-all";
    drop(first.api("POST", path, Some(&json!({}))).expect(200));
    // A sign-in that waited at the other node is over too.
    site.advance(MINUTE);
    drop(second.give_code(&phone.next_code(&site)));
    assert!(!first.is_signed_in() && !second.is_signed_in());
    second.sign_in_with_code(&ada, &phone);
}
