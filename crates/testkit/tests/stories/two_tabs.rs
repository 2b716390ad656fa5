//! Several tabs of one browser at once: what one does while another's request
//! is under way, or its form is open.

use nightlatch_domain::ending::Cause;
use nightlatch_domain::policy::AtSessionLimit;
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Browser, Choices, Jar, PASSWORD, Site, TestDatabase};
use serde_json::json;

use crate::MINUTE;

on_both_databases!(
    h4_a_replaced_token_admits_nothing_and_still_logs_out,
    h4_it_also_resets_the_browser,
    h4_without_headers_the_form_of_the_session_decides,
    h4_a_token_older_than_the_last_one_is_worthless,
    h4_it_is_worthless_once_the_session_is_over,
    h4_all_others_and_a_new_password_keep_the_other_tabs_able_to_log_out,
    l7_two_sign_in_pages_of_a_new_browser_both_work,
    l7_of_two_that_came_at_once_each_signs_in_or_asks_kindly,
    l8_a_wrong_password_is_said_also_to_somebody_who_is_signed_in,
);

/// Another tab whose request left with the cookies of now.
fn in_flight<'a>(site: &'a Site, browser: &Browser<'_>) -> Browser<'a> {
    site.browser().with_cookies(browser.steal_cookies())
}

fn prove(browser: &mut Browser<'_>) {
    let body = json!({ "password": PASSWORD });
    drop(
        browser
            .api("POST", "/api/v1/proof", Some(&body))
            .expect(200),
    );
}

fn state(browser: &mut Browser<'_>) -> String {
    let answer = browser.ask("GET", "/session/status").by_script().send();
    answer.expect(200).json()["state"]
        .as_str()
        .expect("a state")
        .to_owned()
}

fn post_log_out(browser: &mut Browser<'_>) {
    let ask = browser.ask("POST", "/logout").by_own_page().form("");
    drop(ask.send().expect_redirect("/signed-out"));
}

fn h4_a_replaced_token_admits_nothing_and_still_logs_out(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let mut tab = in_flight(&site, &laptop);
    prove(&mut laptop);
    let active = laptop.session_row().expect("a session").last_active_at;
    site.advance(MINUTE);
    // No page, no API, no activity.
    for path in ["/", "/account/profile", "/account/sessions"] {
        let to = tab.open_once(path);
        assert!(to.location().is_some_and(|to| to.starts_with("/login")));
    }
    drop(tab.api("GET", "/api/v1/profile", None).expect(401));
    drop(tab.api("POST", "/session/stay", None).expect(401));
    site.flush_activity();
    let row = laptop.session_row().expect("a session");
    assert_eq!(row.last_active_at, active);
    // The page of that tab is not told that its session is over: it is not.
    assert_eq!(state(&mut tab), "replaced");
    assert_eq!(state(&mut laptop), "live");
    post_log_out(&mut tab);
    assert_eq!(state(&mut laptop), "ended");
    assert_eq!(site.causes_of(&ada), [Some(Cause::LoggedOut)]);
}

fn h4_it_also_resets_the_browser(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let mut tab = in_flight(&site, &laptop);
    prove(&mut laptop);
    let ask = tab.ask("POST", "/help/reset-browser").by_own_page();
    drop(ask.form("").send().expect_redirect("/signed-out"));
    assert!(!laptop.is_signed_in());
}

fn h4_without_headers_the_form_of_the_session_decides(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let form = serde_urlencoded::to_string(laptop.page().form("Log out").pairs()).expect("pairs");
    let mut tab = in_flight(&site, &laptop);
    prove(&mut laptop);
    drop(
        tab.ask("POST", "/logout")
            .form("csrf=AAAA")
            .send()
            .expect(200),
    );
    assert!(laptop.is_signed_in());
    let answer = tab.ask("POST", "/logout").form(&form).send();
    drop(answer.expect_redirect("/signed-out"));
    assert!(!laptop.is_signed_in());
}

fn h4_a_token_older_than_the_last_one_is_worthless(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let mut old = in_flight(&site, &laptop);
    prove(&mut laptop);
    prove(&mut laptop);
    assert_eq!(state(&mut old), "ended");
    post_log_out(&mut old);
    assert!(laptop.is_signed_in());
}

fn h4_it_is_worthless_once_the_session_is_over(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let mut tab = in_flight(&site, &laptop);
    prove(&mut laptop);
    // Over by the counter, before and after each row is written down.
    site.begin_sessions(&ada, 150);
    site.log_out_everybody(None, "a drill");
    assert_eq!(state(&mut tab), "ended");
    site.expand();
    assert_eq!(state(&mut tab), "ended");
    tab.open("/login").expect(200);
    assert!(!tab.page().says("a drill"));
    let kept = "SELECT count(*) FROM sessions WHERE previous_token_digest IS NOT NULL";
    assert_eq!(site.count_rows(kept), 0);
}

fn h4_all_others_and_a_new_password_keep_the_other_tabs_able_to_log_out(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let (mut laptop, mut phone) = (site.browser(), site.browser());
    laptop.sign_in(&ada);
    phone.sign_in(&ada);
    // A proof and the ending in one request: two tokens, of which the browser sees
    // the last.
    site.advance(MINUTE * 11);
    let mut tab = in_flight(&site, &laptop);
    laptop.open("/account/sessions/log-out-others").expect(200);
    laptop.fill("Your password", PASSWORD);
    laptop.press("Log out all other sessions").expect(200);
    assert_eq!(state(&mut tab), "replaced");
    post_log_out(&mut tab);
    assert!(!laptop.is_signed_in());

    laptop.sign_in(&ada);
    let mut tab = in_flight(&site, &laptop);
    let new = "nine kettles under a wooden bridge";
    laptop.change_password(PASSWORD, new).expect(200);
    assert!(laptop.is_signed_in());
    assert_eq!(state(&mut tab), "replaced");
    post_log_out(&mut tab);
    assert!(!laptop.is_signed_in());
}

fn l7_two_sign_in_pages_of_a_new_browser_both_work(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut browser = site.browser();
    browser.open("/login").expect(200);
    let mut first = browser.page().form("Sign in").clone();
    let visitor = browser
        .jar
        .get("__Host-nightlatch-visitor")
        .map(str::to_owned);
    browser.open("/login").expect(200);
    // The second tab leaves the cookie that the first one's form was made for.
    let still = browser.jar.get("__Host-nightlatch-visitor");
    assert_eq!(still, visitor.as_deref());
    first.fill("E-mail address", &ada.email);
    first.fill("Password", PASSWORD);
    drop(browser.submit(&first).expect(303));
    assert!(browser.is_signed_in());
}

fn l7_of_two_that_came_at_once_each_signs_in_or_asks_kindly(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    // Both requests left without a cookie, as when a browser opens its old tabs.
    let mut other = site.browser();
    other.open("/login").expect(200);
    let mut browser = site.browser();
    browser.open("/login").expect(200);
    let mut first = browser.page().form("Sign in").clone();
    let newer = other
        .jar
        .get("__Host-nightlatch-visitor")
        .expect("a cookie");
    browser.jar = Jar::with("__Host-nightlatch-visitor", newer);
    first.fill("E-mail address", &ada.email);
    first.fill("Password", PASSWORD);
    first.check("Stay signed in on this browser");
    let asked = browser.submit(&first).expect(403).page();
    assert!(asked.says("Please sign in once more."));
    let mut again = asked.form("Sign in").clone();
    assert_eq!(again.value("E-mail address"), ada.email);
    assert!(
        again
            .find("Stay signed in on this browser")
            .expect("a box")
            .checked
    );
    again.fill("Password", PASSWORD);
    drop(browser.submit(&again).expect(303));
    assert!(browser.is_signed_in());
}

fn l8_a_wrong_password_is_said_also_to_somebody_who_is_signed_in(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let grace = site.add_person("Grace Hopper", "grace@brightwater.example");
    let mut browser = site.browser();
    browser.sign_in(&ada);
    // As somebody else, and as herself once more.
    for email in [&grace.email, &ada.email] {
        let answer = browser.try_to_sign_in(email, "a wrong guess", Choices::default());
        let page = answer.expect(422).page();
        assert!(page.says("do not fit together"), "{email}");
        assert_eq!(page.form("Sign in").value("E-mail address"), *email);
    }
    // Also where the form says nothing of replacing: she signed in in another tab.
    let csrf = browser.page().form("Sign in").value("csrf").to_owned();
    let body = format!("csrf={csrf}&email={}&password=wrong", ada.email);
    let answer = browser
        .ask("POST", "/login")
        .by_own_page()
        .form(&body)
        .send();
    assert!(answer.expect(422).page().says("do not fit together"));
    // A refusal for another reason is said as well.
    site.change_settings(|settings| {
        settings.policy.session_limit = 1;
        settings.policy.at_session_limit = AtSessionLimit::Refuse;
    });
    site.browser().sign_in(&grace);
    let answer = browser.try_to_sign_in(&grace.email, PASSWORD, Choices::default());
    let page = answer.expect(409).page();
    assert!(page.says("as many devices as your organization allows"));
    assert!(browser.is_signed_in());
}
