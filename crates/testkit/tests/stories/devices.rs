//! Which sessions are one device, and what a browser remembers (E3 … E6, G4).

use nightlatch_domain::ending::Cause;
use nightlatch_domain::event::EventKind;
use nightlatch_domain::policy::RememberRule;
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Choices, PASSWORD, Site, TestDatabase, UserAgent};

use crate::{DAY, MINUTE, SECOND};

on_both_databases!(
    cook_04_only_a_remembered_session_outlives_the_browser,
    the_organization_decides_about_remembering,
    g8_nobody_chose_what_the_organization_decided,
    e3_ten_sign_ins_in_one_browser_are_one_device,
    e3_a_lost_session_cookie_leaves_no_ghost,
    e4_two_identical_browsers_are_two_devices,
    e5_a_new_version_is_the_same_device,
    e6_a_device_can_be_named,
    signing_in_as_somebody_else_asks_and_then_replaces,
    a_refused_sign_in_replaces_nobody,
    dev_04_the_list_says_where_and_when,
    a_long_list_has_pages,
);

const REMEMBER: Choices = Choices {
    remember: true,
    shared: false,
};

fn cook_04_only_a_remembered_session_outlives_the_browser(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let (mut ordinary, mut remembered) = (site.browser(), site.browser());
    ordinary.sign_in(&ada);
    let answer = remembered.try_to_sign_in(&ada.email, PASSWORD, REMEMBER);
    let cookie = answer.cookie("__Host-nightlatch").expect("a cookie");
    assert!(cookie.ends_with("; Max-Age=2592000"), "{cookie}");
    ordinary.restart();
    remembered.restart();
    assert!(!ordinary.is_signed_in());
    assert!(remembered.is_signed_in());
    // G8: a free month is no problem, but a month it is.
    let row = remembered.session_row().expect("a session");
    site.wait_until(row.overall_deadline.minus(SECOND));
    assert!(remembered.is_signed_in());
    // SES-09: it is the server that ends it, and not only the cookie's own end.
    let kept = remembered.session_cookie().expect("a cookie").to_owned();
    site.advance(SECOND);
    let mut keeper = site.browser();
    keeper.jar.put("__Host-nightlatch", &kept);
    assert!(!keeper.is_signed_in());
    site.sweep();
}

fn g8_nobody_chose_what_the_organization_decided(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut browser = site.browser();
    drop(browser.try_to_sign_in(&ada.email, PASSWORD, REMEMBER));
    let page = browser.open("/account/security").expect(200).page();
    assert!(page.says("You chose to stay signed in"));
    site.change_settings(|settings| settings.policy.remember = RememberRule::Always);
    let mut other = site.browser();
    other.sign_in(&ada);
    let page = other.open("/account/security").expect(200).page();
    assert!(!page.says("You chose to stay signed in"));
    assert!(page.says("Set by your organization"));
}

fn the_organization_decides_about_remembering(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    site.change_settings(|settings| settings.policy.remember = RememberRule::Never);
    let mut browser = site.browser();
    browser.open("/login").expect(200);
    let form = browser.page().form("Sign in");
    assert!(form.find("Stay signed in on this browser").is_none());
    let csrf = form.value("csrf").to_owned();
    let by_hand = [
        ("csrf", csrf.as_str()),
        ("email", ada.email.as_str()),
        ("password", PASSWORD),
        ("remember", "yes"),
    ];
    let ask = browser.ask("POST", "/login").by_own_page();
    let answer = ask.form(&serde_urlencoded::to_string(by_hand).expect("pairs"));
    let answer = answer.send().expect_redirect("/");
    assert!(
        !answer
            .cookie("__Host-nightlatch")
            .expect("a cookie")
            .contains("Max-Age")
    );

    site.change_settings(|settings| settings.policy.remember = RememberRule::Always);
    let mut browser = site.browser();
    let answer = browser.try_to_sign_in(&ada.email, PASSWORD, Choices::default());
    assert!(
        answer
            .cookie("__Host-nightlatch")
            .expect("a cookie")
            .contains("Max-Age")
    );
}

fn e3_ten_sign_ins_in_one_browser_are_one_device(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut browser = site.browser();
    let mut cookies = Vec::new();
    for _ in 0..10 {
        browser.sign_in(&ada);
        cookies.push(browser.session_cookie().expect("a cookie").to_owned());
    }
    browser.open("/account/sessions").expect(200);
    assert_eq!(browser.page().cards().len(), 1);
    assert!(
        browser
            .page()
            .says("You are signed in here and nowhere else.")
    );
    // SES-05: only the last cookie is good.
    let last = cookies.pop();
    assert_eq!(browser.session_cookie(), last.as_deref());
    for cookie in cookies {
        let mut keeper = site.browser();
        keeper.jar.put("__Host-nightlatch", &cookie);
        assert!(!keeper.is_signed_in());
    }
    assert_eq!(
        site.count_events(&ada, EventKind::SignedInFromNewBrowser),
        1
    );
    assert_eq!(site.count_events(&ada, EventKind::SignedIn), 9);
}

fn e3_a_lost_session_cookie_leaves_no_ghost(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut browser = site.browser();
    for _ in 0..3 {
        browser.sign_in(&ada);
        browser.restart();
    }
    browser.sign_in(&ada);
    browser.open("/account/sessions").expect(200);
    assert_eq!(browser.page().cards().len(), 1);
    let causes = site.causes_of(&ada);
    let replaced = Some(Cause::ReplacedByNewSignIn);
    assert_eq!(causes, [replaced, replaced, replaced, None]);
}

fn e4_two_identical_browsers_are_two_devices(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    // The same agent, the same address: two laptops of one model in one office.
    let mut one = site.browser().at("198.51.100.20");
    let mut other = site.browser().at("198.51.100.20");
    one.sign_in(&ada);
    other.sign_in(&ada);
    one.open("/account/sessions").expect(200);
    assert_eq!(one.page().cards().len(), 2);
    let card = one.page().cards()[1].clone();
    one.press_in(&card, "Log out").expect(200);
    assert!(one.is_signed_in() && !other.is_signed_in());
}

fn e5_a_new_version_is_the_same_device(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut browser = site.browser();
    browser.sign_in(&ada);
    browser.log_out();
    let mut updated = browser
        .clone()
        .calling_itself(UserAgent::NewerFirefoxOnWindows);
    updated.sign_in(&ada);
    assert_eq!(
        site.count_events(&ada, EventKind::SignedInFromNewBrowser),
        1
    );
    assert_eq!(site.count_rows("SELECT count(*) FROM browsers"), 1);
    updated.open("/account/sessions").expect(200);
    assert!(
        updated.page().cards()[0]
            .text
            .starts_with("Firefox on Windows")
    );
}

fn e6_a_device_can_be_named(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut tablet = site.browser().calling_itself(UserAgent::SafariOnIphone);
    tablet.sign_in(&ada);
    tablet.open("/account/sessions").expect(200);
    tablet.fill("Your name for it", "Galley tablet");
    tablet.press("Save name").expect(200);
    assert!(tablet.page().says("The name was saved."));
    let card = tablet.page().card("Galley tablet");
    assert!(card.text.starts_with("Galley tablet Safari on iPhone"));
    // It stays with the browser over log out and sign in, and for this account only.
    tablet.log_out();
    tablet.sign_in(&ada);
    tablet.open("/account/sessions").expect(200);
    assert!(tablet.page().says("Galley tablet"));
    let answer = tablet.api("GET", "/api/v1/sessions", None).expect(200);
    assert_eq!(answer.json()["sessions"][0]["name"], "Galley tablet");
    let grace = site.add_person("Grace Hopper", "grace@brightwater.example");
    tablet.log_out();
    tablet.sign_in(&grace);
    tablet.open("/account/sessions").expect(200);
    assert!(!tablet.page().says("Galley tablet"));
    // Too long is said; empty takes it away.
    tablet.fill("Your name for it", &"x".repeat(61));
    tablet.press("Save name").expect(422);
    assert!(tablet.page().says("at most 60 characters"));
}

fn signing_in_as_somebody_else_asks_and_then_replaces(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let grace = site.add_person("Grace Hopper", "grace@brightwater.example");
    let mut browser = site.browser();
    browser.open("/login").expect(200);
    let open_form = browser.page().form("Sign in").clone();
    browser.sign_in(&ada);
    // A form that was open since before does not replace her unasked.
    let mut form = open_form;
    form.fill("E-mail address", &grace.email);
    form.fill("Password", PASSWORD);
    let answer = browser.submit(&form);
    assert!(answer.status.as_u16() < 500 && answer.location().is_none());
    assert!(browser.is_signed_in());
    // Nor does one of hers that does not say whom it replaces, or says it wrong.
    browser.open("/login?switch=yes").expect(200);
    let mut form = browser.page().form("Sign in").clone();
    form.fill("E-mail address", &grace.email);
    form.fill("Password", PASSWORD);
    form.fill("replace", &site.sessions_of(&ada)[0].user.to_string());
    let asked = browser.submit(&form).expect(200).page();
    assert!(asked.says("You are signed in as Ada Lovelace"));
    form.fields.retain(|field| field.name != "replace");
    browser.submit(&form).expect(200);
    assert!(browser.is_signed_in());
    browser.open("/login").expect(200);
    assert!(browser.page().says("You are signed in as Ada Lovelace"));
    browser.click("Use another account").expect(200);
    assert!(browser.page().says("Ada Lovelace is logged out here"));
    browser.fill("E-mail address", &grace.email);
    browser.fill("Password", PASSWORD);
    browser.press("Sign in").expect(200);
    assert!(browser.page().says("Grace Hopper"));
    assert_eq!(
        site.sessions_of(&ada)[0].cause(),
        Some(Cause::ReplacedByNewSignIn)
    );
    // Her history tells the truth about who did it.
    let mut elsewhere = site.browser();
    elsewhere.sign_in(&ada);
    elsewhere.open("/account/history?show=endings").expect(200);
    let entries = elsewhere.page().entries("Session ended");
    assert!(entries[0].text.contains("Another person"), "{entries:?}");
}

fn a_refused_sign_in_replaces_nobody(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let grace = site.add_person("Grace Hopper", "grace@brightwater.example");
    site.change_settings(|settings| {
        settings.policy.session_limit = 1;
        settings.policy.at_session_limit = nightlatch_domain::policy::AtSessionLimit::Refuse;
    });
    let (mut hers, mut desk) = (site.browser(), site.browser());
    hers.sign_in(&ada);
    desk.sign_in(&grace);
    for (email, password, status) in [
        (&ada.email, "not her password", 422),
        (&ada.email, PASSWORD, 409),
    ] {
        let answer = desk.try_to_sign_in(email, password, Choices::default());
        assert_eq!(answer.status.as_u16(), status);
        assert!(hers.is_signed_in());
        assert!(
            desk.is_signed_in(),
            "Grace was thrown out by a refused sign-in"
        );
    }
    // In her own browser she replaces herself, and the limit is kept.
    hers.sign_in(&ada);
    assert_eq!(site.open_sessions_of(&ada), 1);
}

fn dev_04_the_list_says_where_and_when(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser().at("2001:db8::7");
    let mut phone = site.browser().at("198.51.100.9");
    laptop.sign_in(&ada);
    site.advance(MINUTE * 30);
    phone.sign_in(&ada);
    site.advance(DAY / 12);
    phone.open("/account/sessions").expect(200);
    let cards = phone.page().cards();
    assert!(cards[0].text.contains("198.51.100.9"));
    assert!(
        cards[0].text.contains("Last used just now"),
        "{}",
        cards[0].text
    );
    assert!(cards[0].text.contains("Signed in 2 hours ago · Password"));
    assert!(cards[1].text.contains("2001:db8::7"));
    assert!(
        cards[1].text.contains("Last used 3 hours ago"),
        "{}",
        cards[1].text
    );
}

fn a_long_list_has_pages(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    site.begin_sessions(&ada, 45);
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    laptop.open("/account/sessions").expect(200);
    assert!(laptop.page().says("You have 46 sessions in 46 browsers"));
    let mut seen = 0;
    loop {
        seen += laptop.page().cards().len();
        if laptop.page().find_link("Older").is_none() {
            break;
        }
        laptop.click("Older").expect(200);
    }
    assert_eq!(seen, 46);
    laptop
        .open("/account/sessions?page=99999999999999999999")
        .expect(200);
    laptop.open("/account/sessions?page=-1&page=x").expect(200);
}
