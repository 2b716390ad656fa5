//! Whole days in people's lives: `lost_laptop`, `suspicious_activity`,
//! `still_signed_in`, `button_not_responding`.

use nightlatch_domain::ending::Cause;
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Browser, Choices, PASSWORD, Site, TestDatabase, UserAgent};

use crate::{DAY, HOUR};

on_both_databases!(
    lost_laptop,
    suspicious_activity,
    still_signed_in,
    button_not_responding,
    out_04_log_out_is_on_every_page,
);

const REMEMBER: Choices = Choices {
    remember: true,
    shared: false,
};
const SHARED: Choices = Choices {
    remember: false,
    shared: true,
};

fn lost_laptop(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser().calling_itself(UserAgent::ChromeOnLinux);
    laptop.sign_in_with(&ada, REMEMBER);
    let mut phone = site.browser().calling_itself(UserAgent::SafariOnIphone);
    phone.sign_in(&ada);
    site.advance(HOUR * 20);

    // On the train she borrows a computer.
    let mut borrowed = site.browser();
    borrowed.sign_in_with(&ada, SHARED);
    borrowed.open("/account/sessions").expect(200);
    let card = borrowed.page().card("Chrome on Linux");
    assert!(card.text.contains("Last used 20 hours ago"));
    borrowed
        .press_in(&card, "Log out Chrome on Linux")
        .expect(200);
    assert!(borrowed.page().says("One session was logged out."));
    borrowed
        .change_password(PASSWORD, "eleven herons over a silver estuary")
        .expect(200);
    assert!(
        borrowed
            .page()
            .says("your one other session was logged out")
    );
    borrowed.log_out();

    // Whoever opens the laptop, days later, after closing and opening the browser.
    site.advance(DAY);
    laptop.restart();
    laptop.open("/").expect(200);
    assert_eq!(laptop.path(), "/login");
    assert!(
        laptop
            .page()
            .says("You were logged out from another device.")
    );
    let text = &laptop.page().text;
    assert!(!text.contains("Ada") && !text.contains(&ada.email));
    // The password saved in it is of no use either.
    let saved = laptop.try_to_sign_in(&ada.email, PASSWORD, Choices::default());
    drop(saved.expect(422));
    phone.open("/").expect(200);
    assert!(phone.page().says("your password was changed"));
    assert_eq!(site.open_sessions_of(&ada), 0);
}

fn suspicious_activity(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut phone = site.browser().calling_itself(UserAgent::SafariOnIphone);
    phone.sign_in(&ada);
    site.advance(HOUR);
    let mut thief = site.browser().calling_itself(UserAgent::ChromeOnLinux);
    for _ in 0..3 {
        drop(thief.try_to_sign_in(&ada.email, "summer in the harbor", REMEMBER));
    }
    thief.sign_in_with(&ada, REMEMBER);
    let copied = phone.steal_cookies();
    site.advance(HOUR);

    phone.open("/account/history").expect(200);
    assert_eq!(phone.page().entries("3 failed sign-ins").len(), 1);
    let entry = phone.page().entries("Signed in with a new browser")[0].clone();
    assert!(entry.text.contains("Chrome on Linux"));
    let link = phone.page().links_in(&entry)[0].words.clone();
    phone.click(&link).expect(200);
    phone.fill("Your password", PASSWORD);
    phone.press("Log it out and change my password").expect(200);
    phone
        .change_password(PASSWORD, "eleven herons over a silver estuary")
        .expect(200);
    assert!(phone.page().says("Your password was changed."));

    assert!(phone.is_signed_in() && !thief.is_signed_in());
    assert!(!site.browser().with_cookies(copied).is_signed_in());
    let again = thief.try_to_sign_in(&ada.email, PASSWORD, REMEMBER);
    drop(again.expect(422));
}

fn still_signed_in(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut browser = site.browser();
    let truth = |browser: &mut Browser<'_>, signed_in: bool| {
        browser.open("/help").expect(200);
        assert_eq!(
            browser
                .page()
                .says("This browser is signed in as Ada Lovelace"),
            signed_in
        );
        browser.open("/login").expect(200);
        assert_eq!(
            browser.page().says("You are signed in as Ada Lovelace"),
            signed_in
        );
        assert_eq!(
            browser
                .page()
                .says("You are not signed in on this browser."),
            !signed_in
        );
    };
    truth(&mut browser, false);
    browser.sign_in(&ada);
    truth(&mut browser, true);
    browser.log_out();
    truth(&mut browser, false);
    // A page that the browser still shows is a picture of the past: nothing on it
    // works.
    browser.sign_in(&ada);
    browser.open("/account/profile").expect(200);
    let picture = browser.page().clone();
    browser.log_out();
    for button in ["Save name", "Save appearance", "Upload picture"] {
        let answer = browser.submit(picture.form(button));
        assert!(
            answer.location().is_some_and(|to| to.starts_with("/login")),
            "{button}"
        );
    }
    truth(&mut browser, false);
}

fn button_not_responding(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    // Pressing it several times does no harm.
    let mut browser = site.browser();
    browser.sign_in(&ada);
    let form = browser.page().form("Log out").clone();
    for _ in 0..3 {
        let answer = browser.submit(&form).expect_redirect("/signed-out");
        browser.follow(answer).expect(200);
        assert_eq!(browser.page().heading, "You are logged out");
    }
    // The page that asks is the second way, reset the third.
    browser.sign_in(&ada);
    browser.open("/logout").expect(200);
    assert!(browser.page().says("You are signed in as Ada Lovelace"));
    browser.press("Log out").expect(200);
    browser.sign_in(&ada);
    browser.open("/help").expect(200);
    let answer = browser
        .press_once("Reset this browser")
        .expect_redirect("/signed-out");
    assert_eq!(
        answer.header("clear-site-data"),
        Some("\"cache\", \"storage\"")
    );
    browser.follow(answer).expect(200);
    assert_eq!(browser.page().heading, "You are logged out");
    // Only what says what happened is left, and what a stranger gets.
    let kept = ["__Host-nightlatch-receipt", "__Host-nightlatch-visitor"];
    assert_eq!(browser.jar.names(), kept);
    assert_eq!(site.open_sessions_of(&ada), 0);
    let causes = site.causes_of(&ada);
    assert_eq!(causes, [Some(Cause::LoggedOut); 3]);
    // Without a session it clears all the same.
    browser.open("/help").expect(200);
    browser.press("Reset this browser").expect(200);
    assert_eq!(browser.page().heading, "You are not signed in");
}

fn out_04_log_out_is_on_every_page(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut other = site.browser();
    other.sign_in(&ada);
    let mut browser = site.browser();
    browser.sign_in(&ada);
    for route in nightlatch_web::routes::list() {
        if route.method != "GET" || route.rule.access != nightlatch_web::routes::Access::People {
            continue;
        }
        let path = route.path.replace("{id}", &other.session_id());
        let answer = browser.open(&path);
        if !answer.is_html() || answer.status != 200 {
            continue;
        }
        let form = browser.page().form("Log out");
        assert_eq!(
            (form.method.as_str(), form.action.as_str()),
            ("post", "/logout"),
            "{path}"
        );
        for words in ["Profile & Preferences", "Security"] {
            assert!(
                browser.page().find_link(words).is_some(),
                "{words} on {path}"
            );
        }
        assert!(browser.page().says("Brightwater Trading"), "{path}");
    }
}
