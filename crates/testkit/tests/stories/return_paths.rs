//! Where people are led: to the sign-in page and back, and never elsewhere
//! (OIDC-21, B13, UI-06).

use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{PASSWORD, Site, TestDatabase};

on_both_databases!(
    ui_06_people_come_back_to_where_they_wanted_to_go,
    a_form_sent_too_late_leads_back_to_its_page,
    nobody_is_led_off_the_site,
    b13_nobody_is_led_back_to_log_out,
    continuing_goes_where_one_wanted_to_go,
);

fn ui_06_people_come_back_to_where_they_wanted_to_go(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    for path in [
        "/account/sessions?page=2",
        "/account/history?show=endings",
        "/account/sessions/log-out-all",
        "/account/security",
    ] {
        let mut browser = site.browser();
        browser.open(path).expect(200);
        assert!(browser.path().starts_with("/login?return_to="));
        // One wrong try does not lose the way.
        browser.fill("E-mail address", &ada.email);
        browser.fill("Password", "a wrong guess");
        browser.press("Sign in").expect(422);
        browser.fill("Password", PASSWORD);
        browser.press("Sign in").expect(200);
        assert_eq!(browser.path(), path);
    }
}

fn a_form_sent_too_late_leads_back_to_its_page(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut browser = site.browser();
    browser.sign_in(&ada);
    browser.open("/account/profile").expect(200);
    let form = browser.page().form("Save name").clone();
    site.log_out_everybody(None, "a drill");
    let answer = browser.submit(&form);
    drop(answer.expect_redirect("/login?return_to=/account/profile"));
    // A page of another site is no way back.
    let mut other = site.browser();
    let ask = other.ask("POST", "/account/profile/name").by_own_page();
    let answer = ask
        .header("referer", "https://evil.example/account/security")
        .form("");
    let to = answer.send().expect(303).location().map(str::to_owned);
    assert!(to.is_some_and(|to| to == "/login" || to == "/login?return_to=/account/security"));
}

fn nobody_is_led_off_the_site(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    for to in [
        "https://evil.example/",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/%09/evil.example",
        "http:evil.example",
        "javascript:alert(1)",
        "/..//evil.example",
        "/.//evil.example",
        "@evil.example",
        "/@evil.example/..//x",
        " //evil.example",
        "/account\r\nSet-Cookie: a=b",
        "%2f%2fevil.example",
    ] {
        let mut browser = site.browser();
        let query = serde_urlencoded::to_string([("return_to", to)]).expect("pairs");
        browser.open(&format!("/login?{query}")).expect(200);
        browser.fill("E-mail address", &ada.email);
        browser.fill("Password", PASSWORD);
        let mut form = browser.page().form("Sign in").clone();
        let answer = browser.submit(&form);
        // Where it leads at all, the watch has seen that it is on this site.
        assert!(
            answer
                .expect(303)
                .location()
                .expect("a way")
                .starts_with('/')
        );
        // Nor by the hidden field.
        let mut browser = site.browser();
        browser.open("/login").expect(200);
        let fresh = browser.page().form("Sign in").clone();
        form.fill("return_to", to);
        form.fill("csrf", fresh.value("csrf"));
        drop(browser.submit(&form).expect(303));
    }
}

fn b13_nobody_is_led_back_to_log_out(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    for to in [
        "/logout",
        "/logout?x=1",
        "/logout/",
        "/x/../logout",
        "/account/../logout#top",
        "/login",
        "/login?return_to=/logout",
        "/signed-out",
        "/session/events",
        "/api/v1/profile",
    ] {
        let mut browser = site.browser();
        let query = serde_urlencoded::to_string([("return_to", to)]).expect("pairs");
        browser.open(&format!("/login?{query}")).expect(200);
        assert_eq!(
            browser.page().form("Sign in").value("return_to"),
            "",
            "{to}"
        );
        browser.fill("E-mail address", &ada.email);
        browser.fill("Password", PASSWORD);
        browser.press("Sign in").expect(200);
        assert_eq!(browser.path(), "/", "{to}");
        assert!(browser.is_signed_in());
    }
    // Having been on the page that asks is no way back either.
    let mut browser = site.browser();
    browser.open("/logout").expect(200);
    browser.click("Sign in").expect(200);
    assert_eq!(browser.path(), "/login");
}

fn continuing_goes_where_one_wanted_to_go(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut browser = site.browser();
    browser.sign_in(&ada);
    browser
        .open("/login?return_to=/account/history")
        .expect(200);
    assert!(browser.page().says("You are signed in as Ada Lovelace"));
    browser.click("Continue").expect(200);
    assert_eq!(browser.path(), "/account/history");
    browser.open("/login?return_to=//evil.example").expect(200);
    assert_eq!(browser.page().link("Continue"), "/");
}
