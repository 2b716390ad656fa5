//! The first start: a one-time link that makes the first administrator (AUTH-11).

use std::time::Duration;

use nightlatch_domain::user::Role;
use nightlatch_storage::{on_both_databases, organizations, users};
use nightlatch_testkit::{Account, Browser, PASSWORD, Site, SiteOptions, TestDatabase};

use crate::{DAY, SECOND};

on_both_databases!(
    auth_11_the_link_makes_the_first_administrator_once,
    auth_10_opening_the_link_consumes_nothing,
    auth_11_the_link_expires_to_the_second,
    auth_11_a_newer_link_voids_the_older,
    auth_11_the_link_is_dead_once_anybody_exists,
    auth_02_what_is_wrong_is_said_field_by_field,
    a_name_that_exists_is_said_and_nothing_typed_is_lost,
    of_two_at_once_one_wins,
    there_is_no_default_account,
);

fn empty(which: TestDatabase) -> Site {
    let options = SiteOptions {
        has_organization: false,
        ..SiteOptions::default()
    };
    Site::with(which, options)
}

fn fill(browser: &mut Browser<'_>) {
    for (label, value) in [
        ("Organization name", "Brightwater Trading"),
        ("Your name", "Ada Lovelace"),
        ("E-mail address", "ada@brightwater.example"),
        ("Password", PASSWORD),
        ("Password once more", PASSWORD),
    ] {
        browser.fill(label, value);
    }
}

fn auth_11_the_link_makes_the_first_administrator_once(which: TestDatabase) {
    let site = empty(which);
    let code = site.issue_set_up_link().expect("a link");
    assert_eq!(code.len(), 43);
    let mut browser = site.browser();
    browser.open(&format!("/set-up/{code}")).expect(200);
    fill(&mut browser);
    browser.press("Create administrator account").expect(200);
    assert_eq!(browser.path(), "/login");
    assert!(browser.page().says("Everything is set up."));
    let found = site.read(|tx| {
        let organization = organizations::find_by_name(tx, "brightwater trading")?;
        let email = nightlatch_domain::user::EmailKey::of_typed("ada@brightwater.example");
        Ok((organization, users::find_by_email(tx, &email)?))
    });
    let (Some(organization), Some(user)) = found else {
        panic!("nobody was made");
    };
    assert_eq!(
        (user.role, user.organization_id),
        (Role::Owner, organization.id)
    );
    let ada = Account {
        id: user.id,
        organization: organization.id,
        name: user.name,
        email: user.email.to_string(),
    };
    browser.sign_in(&ada);
    // Once.
    drop(browser.open(&format!("/set-up/{code}")).expect(404));
    assert_eq!(site.issue_set_up_link(), None);
}

fn auth_10_opening_the_link_consumes_nothing(which: TestDatabase) {
    let site = empty(which);
    let code = site.issue_set_up_link().expect("a link");
    let path = format!("/set-up/{code}");
    for _ in 0..3 {
        let mut scanner = site.browser();
        drop(scanner.open(&path).expect(200));
        drop(scanner.ask("HEAD", &path).send().expect(200));
    }
    let mut browser = site.browser();
    browser.open(&path).expect(200);
    fill(&mut browser);
    browser.press("Create administrator account").expect(200);
}

fn auth_11_the_link_expires_to_the_second(which: TestDatabase) {
    let site = empty(which);
    let code = site.issue_set_up_link().expect("a link");
    let path = format!("/set-up/{code}");
    site.wait_until(site.now().plus(DAY).minus(SECOND));
    let mut browser = site.browser();
    browser.open(&path).expect(200);
    fill(&mut browser);
    site.advance(SECOND);
    let answer = browser
        .press_once("Create administrator account")
        .expect(404);
    assert!(
        answer
            .page()
            .says("This set-up link has been used, is too old")
    );
    drop(browser.open(&path).expect(404));
    assert_eq!(site.count_rows("SELECT count(*) FROM users"), 0);
}

fn auth_11_a_newer_link_voids_the_older(which: TestDatabase) {
    let site = empty(which);
    let older = site.issue_set_up_link().expect("a link");
    site.advance(Duration::from_secs(1));
    let newer = site.issue_set_up_link().expect("a link");
    let mut browser = site.browser();
    drop(browser.open(&format!("/set-up/{older}")).expect(404));
    drop(browser.open(&format!("/set-up/{newer}")).expect(200));
    // What was never a link answers the same.
    for code in ["x", &"A".repeat(43), &newer[..42], &newer.to_lowercase()] {
        drop(browser.open(&format!("/set-up/{code}")).expect(404));
    }
}

fn auth_11_the_link_is_dead_once_anybody_exists(which: TestDatabase) {
    let site = empty(which);
    let code = site.issue_set_up_link().expect("a link");
    let mut browser = site.browser();
    browser.open(&format!("/set-up/{code}")).expect(200);
    fill(&mut browser);
    // Meanwhile the operator adds somebody at the command line.
    let organization = site.add_organization("Harbor Freight Forwarding");
    site.add_to(
        organization,
        "Grace Hopper",
        "grace@harbor.example",
        Role::Member,
    );
    drop(
        browser
            .press_once("Create administrator account")
            .expect(404),
    );
    drop(browser.open(&format!("/set-up/{code}")).expect(404));
    assert_eq!(site.count_rows("SELECT count(*) FROM users"), 1);
}

fn auth_02_what_is_wrong_is_said_field_by_field(which: TestDatabase) {
    let site = empty(which);
    let code = site.issue_set_up_link().expect("a link");
    let mut browser = site.browser();
    let path = format!("/set-up/{code}");
    // AUTH-01: the hint and the rule say the same.
    browser.open(&path).expect(200);
    assert!(
        browser.page().says("At least 15 characters"),
        "{}",
        browser.page().text
    );
    for (label, wrong, reason) in [
        (
            "Organization name",
            " ",
            "Please enter a name of 1 to 200 characters.",
        ),
        (
            "Your name",
            "",
            "Please enter a name of 1 to 200 characters.",
        ),
        (
            "E-mail address",
            "ada at brightwater",
            "Please enter an e-mail address",
        ),
        ("Password", "too short", "at least 15 characters"),
        (
            "Password",
            "brightwater ada lovelace",
            "your company's name",
        ),
        (
            "Password once more",
            "another one altogether",
            "The two passwords differ.",
        ),
    ] {
        browser.open(&path).expect(200);
        fill(&mut browser);
        browser.fill(label, wrong);
        let answer = browser
            .press_once("Create administrator account")
            .expect(422);
        assert!(
            answer.page().says(reason),
            "{label}: {}",
            answer.page().text
        );
        // What was right stays; passwords never come back.
        let form = answer.page().form("Create administrator account").clone();
        assert_eq!(form.value("Password"), "");
        if label != "Your name" {
            assert_eq!(form.value("Your name"), "Ada Lovelace");
        }
    }
    browser.open(&path).expect(200);
    fill(&mut browser);
    browser.press("Create administrator account").expect(200);
}

fn a_name_that_exists_is_said_and_nothing_typed_is_lost(which: TestDatabase) {
    let site = empty(which);
    // The operator has made an organization, and nobody in it yet.
    site.add_organization("BRIGHTWATER trading");
    let code = site.issue_set_up_link().expect("a link");
    let mut browser = site.browser();
    browser.open(&format!("/set-up/{code}")).expect(200);
    fill(&mut browser);
    browser.press("Create administrator account").expect(422);
    let page = browser.page();
    assert!(page.says("There is an organization of this name already."));
    let form = page.form("Create administrator account");
    assert_eq!(form.value("Organization name"), "Brightwater Trading");
    assert_eq!(form.value("Your name"), "Ada Lovelace");
    assert_eq!(form.value("E-mail address"), "ada@brightwater.example");
    // With another name the same link works.
    fill(&mut browser);
    browser.fill("Organization name", "Brightwater");
    browser.press("Create administrator account").expect(200);
    assert_eq!(browser.path(), "/login");
}

fn of_two_at_once_one_wins(which: TestDatabase) {
    let site = empty(which);
    let code = site.issue_set_up_link().expect("a link");
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|number| {
                let (site, code) = (&site, &code);
                scope.spawn(move || {
                    let mut browser = site.browser();
                    browser.open(&format!("/set-up/{code}")).expect(200);
                    fill(&mut browser);
                    let email = format!("person{number}@brightwater.example");
                    browser.fill("E-mail address", &email);
                    let company = format!("Company number {number}");
                    browser.fill("Organization name", &company);
                    browser
                        .press_once("Create administrator account")
                        .status
                        .as_u16()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("an answer"))
            .collect()
    });
    let won = statuses.iter().filter(|status| **status == 303).count();
    assert_eq!(won, 1, "{statuses:?}");
    assert_eq!(site.count_rows("SELECT count(*) FROM users"), 1);
    assert_eq!(site.count_rows("SELECT count(*) FROM organizations"), 1);
}

fn there_is_no_default_account(which: TestDatabase) {
    let site = empty(which);
    for table in [
        "SELECT count(*) FROM users",
        "SELECT count(*) FROM passwords",
    ] {
        assert_eq!(site.count_rows(table), 0);
    }
    let mut browser = site.browser();
    for (email, password) in [
        ("admin", "admin"),
        ("admin@localhost", "password"),
        ("", ""),
    ] {
        let answer =
            browser.try_to_sign_in(email, password, nightlatch_testkit::Choices::default());
        drop(answer.expect(422));
    }
}
