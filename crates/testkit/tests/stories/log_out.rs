//! Log out in this browser: `standard_logout`, `button_not_responding`.

use nightlatch_domain::ending::Cause;
use nightlatch_domain::organization::AfterLogOut;
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Choices, Jar, PASSWORD, Site, TestDatabase};

use crate::{DAY, MINUTE};

on_both_databases!(
    out_05_log_out_clears_the_cookie_and_says_what_happened,
    the_organization_says_where_people_land,
    out_02_the_session_is_dead_before_the_answer,
    out_02_a_body_that_comes_after_the_end_is_too_late,
    e9_log_out_leaves_other_devices_alone,
    b10_an_aged_or_missing_form_token_traps_nobody,
    b10_without_any_headers_the_form_token_decides,
    out_03_log_out_without_a_session_lands_on_signed_out,
    out_03_log_out_twice_tells_what_ended_the_session,
    a_session_that_timed_out_is_not_said_to_have_been_logged_out,
    b9_nothing_but_a_post_from_our_own_pages_logs_out,
    a11_log_out_works_after_a_restart_of_the_browser,
    log_out_takes_any_body,
);

const REMOVED: &str = "__Host-nightlatch=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0";

fn out_05_log_out_clears_the_cookie_and_says_what_happened(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut browser = site.browser();
    let set = browser.try_to_sign_in(&ada.email, PASSWORD, Choices::default());
    let (pair, attributes) = set
        .cookie("__Host-nightlatch")
        .and_then(|header| header.split_once("; "))
        .expect("a cookie");
    assert_eq!(pair.len(), "__Host-nightlatch=".len() + 43);
    // COOK-03, A10: the same attributes, and Max-Age=0.
    assert_eq!(
        REMOVED,
        format!("__Host-nightlatch=; {attributes}; Max-Age=0")
    );

    browser.open("/account/profile").expect(200);
    let answer = browser.press_once("Log out").expect_redirect("/signed-out");
    assert_eq!(answer.cookie("__Host-nightlatch"), Some(REMOVED));
    assert_eq!(answer.header("clear-site-data"), Some("\"storage\""));
    assert_eq!(answer.header("cache-control"), Some("no-store"));

    browser.follow(answer).expect(200);
    let page = browser.page();
    assert_eq!(page.heading, "You are logged out");
    assert!(page.says("You logged out in this browser."));
    assert!(page.says("Ended 1 session in 1 browser"));
    // The next person in front of this screen reads it too.
    assert!(!page.says("Ada Lovelace"));
    // OUT-16: nothing on it starts a sign-in by itself.
    assert!(page.forms.is_empty());

    // The next sign-in page tells the truth.
    browser.open("/login").expect(200);
    assert!(browser.page().says("You are logged out."));
    assert!(
        browser
            .page()
            .says("You are not signed in on this browser.")
    );
    assert_eq!(browser.session_cookie(), None);

    // And a new sign-in forgets it.
    browser.sign_in(&ada);
    assert_eq!(browser.page().heading, "Your apps");
    browser.open("/signed-out").expect(200);
    assert_eq!(browser.page().heading, "You are signed in");
    assert_eq!(site.sessions_of(&ada)[0].cause(), Some(Cause::LoggedOut));
}

fn the_organization_says_where_people_land(which: TestDatabase) {
    let site = Site::new(which);
    site.change_settings(|settings| settings.after_log_out = AfterLogOut::LoginPage);
    let ada = site.add_ada();
    let mut browser = site.browser();
    browser.sign_in(&ada);
    let answer = browser.press_once("Log out").expect_redirect("/login");
    assert_eq!(answer.header("clear-site-data"), Some("\"storage\""));
    browser.follow(answer).expect(200);
    assert_eq!(browser.page().heading, "Sign in");
    assert!(browser.page().says("You are logged out."));
    // Where one lands elsewhere, a link leads to what happened.
    browser.click("What happened?").expect(200);
    assert_eq!(browser.page().heading, "You are logged out");
}

fn out_02_the_session_is_dead_before_the_answer(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut browser = site.browser();
    browser.sign_in(&ada);
    let mut thief = site.browser().with_cookies(browser.steal_cookies());
    assert!(thief.is_signed_in());
    let answer = browser.press_once("Log out");
    assert!(!thief.is_signed_in());
    assert_eq!(thief.open_once("/").location(), Some("/login"));
    drop(answer);
}

fn out_02_a_body_that_comes_after_the_end_is_too_late(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut browser = site.browser();
    browser.sign_in(&ada);
    let csrf = browser.page().form("Log out").value("csrf").to_owned();
    let mut thief = site.browser().with_cookies(browser.steal_cookies());
    let ask = thief.ask("POST", "/account/profile/name").by_own_page();
    let body = format!("csrf={csrf}&name=Mallory");
    // The head arrives while the session lives, the last byte when it is over.
    let answer = ask.form(&body).send_slowly(|| {
        browser.log_out();
    });
    assert!(answer.location().is_some_and(|to| to.starts_with("/login")));
    let renamed = "SELECT count(*) FROM users WHERE name = 'Mallory'";
    assert_eq!(site.count_rows(renamed), 0);
}

fn e9_log_out_leaves_other_devices_alone(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, grace) = (
        site.add_ada(),
        site.add_person("Grace Hopper", "grace@brightwater.example"),
    );
    let (mut laptop, mut phone, mut hers) = (site.browser(), site.browser(), site.browser());
    laptop.sign_in(&ada);
    phone.sign_in(&ada);
    hers.sign_in(&grace);
    let before = phone.session_cookie().map(str::to_owned);
    laptop.log_out();
    assert!(!laptop.is_signed_in());
    assert!(phone.is_signed_in() && hers.is_signed_in());
    assert_eq!(phone.session_cookie(), before.as_deref());
    assert_eq!(site.epoch_of(&ada), 0);
}

fn b10_an_aged_or_missing_form_token_traps_nobody(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    for stale in ["csrf=", "csrf=AAAA", "", "csrf=of-another-session"] {
        let mut browser = site.browser();
        browser.sign_in(&ada);
        let answer = browser
            .ask("POST", "/logout")
            .by_own_page()
            .form(stale)
            .send()
            .expect_redirect("/signed-out");
        assert_eq!(answer.cookie("__Host-nightlatch"), Some(REMOVED), "{stale}");
        assert!(!browser.is_signed_in());
    }
    // An old page of a session that the browser no longer holds.
    let mut browser = site.browser();
    browser.sign_in(&ada);
    let old = browser.page().form("Log out").clone();
    browser.log_out();
    browser.sign_in(&ada);
    browser.submit(&old).expect_redirect("/signed-out");
    assert!(!browser.is_signed_in());
}

fn b10_without_any_headers_the_form_token_decides(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut browser = site.browser();
    browser.sign_in(&ada);
    let right = serde_urlencoded::to_string(browser.page().form("Log out").pairs()).expect("pairs");
    // An old browser that says nothing of itself, and a form of unknown origin.
    let asked = browser.ask("POST", "/logout").form("csrf=AAAA").send();
    let asked = asked.expect(200).page();
    assert_eq!(asked.heading, "Log out of this browser?");
    assert!(browser.is_signed_in());
    let answer = browser.ask("POST", "/logout").form(&right).send();
    drop(answer.expect_redirect("/signed-out"));
    assert!(!browser.is_signed_in());
}

fn out_03_log_out_without_a_session_lands_on_signed_out(which: TestDatabase) {
    let site = Site::new(which);
    let never_issued = Jar::with("__Host-nightlatch", &"A".repeat(43));
    for jar in [
        Jar::default(),
        never_issued,
        Jar::with("__Host-nightlatch", "broken"),
    ] {
        let mut browser = site.browser().with_cookies(jar);
        let answer = browser
            .ask("POST", "/logout")
            .by_own_page()
            .form("")
            .send()
            .expect_redirect("/signed-out");
        assert_eq!(answer.cookie("__Host-nightlatch"), Some(REMOVED));
        browser.follow(answer).expect(200);
        assert_eq!(browser.page().heading, "You are not signed in");
        // RPL-07, B2: also by the page that asks.
        browser.open("/logout").expect(200);
        assert_eq!(browser.page().heading, "You are not signed in");
    }
}

fn out_03_log_out_twice_tells_what_ended_the_session(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let (mut laptop, mut phone) = (site.browser(), site.browser());
    laptop.sign_in(&ada);
    phone.sign_in(&ada);
    let stale_page = phone.page().form("Log out").clone();
    laptop.open("/account/sessions/log-out-all").expect(200);
    laptop.press("Log out of all sessions").expect(200);
    // The button of a page that was open meanwhile.
    let answer = phone.submit(&stale_page).expect_redirect("/signed-out");
    phone.follow(answer).expect(200);
    assert_eq!(phone.page().heading, "You are logged out");
    assert!(phone.page().says("You logged out of all sessions"));
    let causes = site.causes_of(&ada);
    assert_eq!(causes, [Some(Cause::LoggedOutEverywhere); 2]);
}

fn a_session_that_timed_out_is_not_said_to_have_been_logged_out(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut browser = site.browser();
    browser.sign_in(&ada);
    let stale_page = browser.page().form("Log out").clone();
    site.advance(DAY + MINUTE);
    let answer = browser.submit(&stale_page).expect_redirect("/signed-out");
    browser.follow(answer).expect(200);
    assert!(browser.page().says("was not used for a while"));
    // The first cause in time wins, and is written down at its own time.
    let row = &site.sessions_of(&ada)[0];
    assert_eq!(row.cause(), Some(Cause::IdleTimeout));
    assert_eq!(row.ended.expect("an end").at, row.idle_deadline);
}

fn b9_nothing_but_a_post_from_our_own_pages_logs_out(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut browser = site.browser();
    browser.sign_in(&ada);
    let token = serde_urlencoded::to_string(browser.page().form("Log out").pairs()).expect("pairs");

    // OUT-01: looking changes nothing, whoever looks.
    for (method, headers) in [
        (
            "GET",
            vec![
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-dest", "image"),
            ],
        ),
        ("GET", vec![("sec-purpose", "prefetch;prerender")]),
        ("GET", vec![("purpose", "prefetch")]),
        ("HEAD", vec![]),
        ("GET", vec![]),
    ] {
        let mut ask = browser.ask(method, "/logout");
        for (name, value) in headers {
            ask = ask.header(name, value);
        }
        drop(ask.send().expect(200));
    }
    assert!(browser.is_signed_in());

    // A form of another site or a sibling host; even one that knows the token.
    let foreign: [&[(&str, &str)]; 6] = [
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("referer", "https://evil.example/page")],
    ];
    for headers in foreign {
        for form in ["", token.as_str()] {
            let mut ask = browser.ask("POST", "/logout").form(form);
            for (name, value) in headers {
                ask = ask.header(name, value);
            }
            let answer = ask.send().expect(303);
            // Without the session cookie, which browsers keep back from such a form,
            // an answer on the spot would claim that nobody is signed in.
            assert_eq!(answer.location(), Some("/logout"));
            assert!(answer.cookies().is_empty(), "{:?}", answer.cookies());
            browser.open("/logout").expect(200);
            assert_eq!(browser.page().heading, "Log out of this browser?");
        }
    }
    assert!(browser.is_signed_in());
    // It comes without them, and the redirect brings them along: the page tells
    // the truth, and one more click leads out.
    let mut without = site.browser();
    let ask = without.ask("POST", "/logout").form("");
    let sent = ask.header("sec-fetch-site", "cross-site").send();
    drop(sent.expect_redirect("/logout"));
    browser.open("/logout").expect(200);
    assert_eq!(browser.page().heading, "Log out of this browser?");
    browser.press("Log out").expect(200);
    assert!(!browser.is_signed_in());
}

fn a11_log_out_works_after_a_restart_of_the_browser(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut browser = site.browser();
    let remember = Choices {
        remember: true,
        shared: false,
    };
    browser.sign_in_with(&ada, remember);
    browser.restart();
    assert!(browser.is_signed_in());
    browser.log_out();
    assert!(!browser.is_signed_in());
    // Nothing that is left brings anybody back in.
    browser.restart();
    assert_eq!(browser.open_once("/").location(), Some("/login"));
    assert_eq!(
        browser.jar.names(),
        ["__Host-nightlatch-browser", "__Host-nightlatch-receipt"]
    );
}

fn log_out_takes_any_body(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let large = vec![b'x'; 10 * 1024 * 1024];
    for (media_type, body) in [
        ("application/json", b"{".as_slice()),
        (
            "application/x-www-form-urlencoded",
            b"csrf=%00&%ff=%fe".as_slice(),
        ),
        ("application/x-www-form-urlencoded", large.as_slice()),
        ("nonsense", b"\xff\xfe".as_slice()),
    ] {
        let mut browser = site.browser();
        browser.sign_in(&ada);
        let ask = browser.ask("POST", "/logout").by_own_page();
        let answer = ask.header("content-type", media_type).body(body).send();
        drop(answer.expect_redirect("/signed-out"));
        assert!(!browser.is_signed_in(), "{media_type}");
    }
}
