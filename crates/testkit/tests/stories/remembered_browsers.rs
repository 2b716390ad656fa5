//! Browsers that are remembered for the second step (SES-13, F3).

use nightlatch_domain::event::EventKind;
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Account, Browser, Choices, Jar, PASSWORD, PhoneApp, Site, TestDatabase};

use crate::{DAY, MINUTE};

on_both_databases!(
    ses_13_a_remembered_browser_is_asked_for_the_password_only,
    ses_13_the_cookie_alone_gives_nothing,
    ses_13_a_copied_cookie_is_worth_nothing_after_the_next_use,
    ses_13_f3_it_is_forgotten_by_whatever_it_relied_on,
    logging_out_here_forgets_nothing,
    shr_01_nothing_is_remembered_on_a_shared_computer,
    two_people_share_a_browser_and_no_trust,
    a_browser_is_not_remembered_unasked_or_against_the_rule,
    they_are_listed_and_forgotten_one_by_one,
);

const TRUSTED: &str = "__Host-nightlatch-trusted";
const NEW: &str = "eleven herons over a silver estuary";

/// Ada, on a laptop that is remembered, and on her tablet.
struct Scene<'a> {
    ada: Account,
    laptop: Browser<'a>,
    tablet: Browser<'a>,
    phone: PhoneApp,
}

fn scene(site: &Site) -> Scene<'_> {
    let ada = site.add_ada();
    let mut tablet = site.browser();
    tablet.sign_in(&ada);
    let phone = tablet.set_up_app();
    let mut laptop = site.browser();
    laptop.sign_in_and_be_remembered(&ada, &phone);
    Scene {
        ada,
        laptop,
        tablet,
        phone,
    }
}

/// Whether the right password in this browser leads to the second step.
fn is_asked(browser: &mut Browser<'_>, ada: &Account, password: &str) -> bool {
    browser.jar.remove("__Host-nightlatch");
    let answer = browser.try_to_sign_in(&ada.email, password, Choices::default());
    match answer.location() {
        Some("/login/factor") => true,
        Some("/") => false,
        _ => panic!("neither in nor asked: {} {}", answer.status, answer.text()),
    }
}

fn ses_13_a_remembered_browser_is_asked_for_the_password_only(which: TestDatabase) {
    let site = Site::new(which);
    let mut it = scene(&site);
    assert_eq!(site.count_events(&it.ada, EventKind::BrowserRemembered), 1);
    for _ in 0..3 {
        site.advance(DAY * 9);
        assert!(!is_asked(&mut it.laptop, &it.ada, PASSWORD));
        assert!(it.laptop.is_signed_in());
    }
    // Thirty days from the beginning, however often it is used.
    site.advance(DAY * 3);
    assert!(is_asked(&mut it.laptop, &it.ada, PASSWORD));
    site.prune();
    assert_eq!(
        site.count_rows("SELECT count(*) FROM remembered_factors"),
        0
    );
}

fn ses_13_the_cookie_alone_gives_nothing(which: TestDatabase) {
    let site = Site::new(which);
    let it = scene(&site);
    let trusted = it.laptop.jar.get(TRUSTED).expect("a cookie").to_owned();
    let own = it.laptop.jar.get("__Host-nightlatch-browser");
    let own = own.expect("a cookie").to_owned();
    let mut thief = site.browser().with_cookies(Jar::with(TRUSTED, &trusted));
    thief.jar.put("__Host-nightlatch-browser", &own);
    assert!(!thief.is_signed_in());
    thief.open("/account/profile").expect(200);
    assert_eq!(thief.page().heading, "Sign in");
    let answer = thief.try_to_sign_in(&it.ada.email, "not the password", Choices::default());
    drop(answer.expect(422));
    // Without the browser's own identity it does not stand in for anything.
    let mut other = site.browser().with_cookies(Jar::with(TRUSTED, &trusted));
    assert!(is_asked(&mut other, &it.ada, PASSWORD));
    let mut tablet = it.tablet.clone();
    tablet.jar.put(TRUSTED, &trusted);
    assert!(is_asked(&mut tablet, &it.ada, PASSWORD));
    // Nor does the identity without it.
    let jar = Jar::with("__Host-nightlatch-browser", &own);
    assert!(is_asked(
        &mut site.browser().with_cookies(jar),
        &it.ada,
        PASSWORD
    ));
}

fn ses_13_a_copied_cookie_is_worth_nothing_after_the_next_use(which: TestDatabase) {
    let site = Site::new(which);
    let mut it = scene(&site);
    let copied = it.laptop.steal_cookies();
    assert!(!is_asked(&mut it.laptop, &it.ada, PASSWORD));
    assert_ne!(it.laptop.jar.get(TRUSTED), copied.get(TRUSTED));
    let mut thief = site.browser().with_cookies(copied);
    assert!(is_asked(&mut thief, &it.ada, PASSWORD));
    assert!(!is_asked(&mut it.laptop, &it.ada, PASSWORD));
}

type Happens = fn(&Site, &mut Scene<'_>) -> &'static str;

const FORGETS: [(&str, Happens); 13] = [
    ("log out of all sessions", |_, it| {
        it.laptop.open("/account/sessions/log-out-all").expect(200);
        it.laptop.press("Log out of all sessions").expect(200);
        PASSWORD
    }),
    ("log out all other sessions", |_, it| {
        let (tablet, button) = (&mut it.tablet, "Log out all other sessions");
        tablet.open("/account/sessions/log-out-others").expect(200);
        tablet.press(button).expect(200);
        PASSWORD
    }),
    ("log out from another device", |_, it| {
        let path = format!("/api/v1/sessions/{}", it.laptop.session_id());
        drop(it.tablet.api("DELETE", &path, None).expect(200));
        PASSWORD
    }),
    ("this wasn't me", |_, it| {
        let path = format!("/account/sessions/{}/not-me", it.laptop.session_id());
        it.tablet.open(&path).expect(200);
        it.tablet
            .press("Log it out and change my password")
            .expect(200);
        PASSWORD
    }),
    ("a changed password", |_, it| {
        it.laptop.change_password(PASSWORD, NEW);
        NEW
    }),
    ("a password set by the operator", |site, it| {
        site.set_password(&it.ada, NEW);
        NEW
    }),
    ("being disabled and enabled", |site, it| {
        site.disable(&it.ada);
        site.enable(&it.ada);
        PASSWORD
    }),
    ("everybody logged out", |site, _| {
        site.log_out_everybody(None, "a drill");
        PASSWORD
    }),
    ("the organization logged out", |site, it| {
        site.log_out_everybody(Some(it.ada.organization), "a drill");
        PASSWORD
    }),
    ("a factor removed", |_, it| {
        // Another one stays, so that there is something to ask for.
        it.tablet.set_up_app();
        it.tablet.remove_app(&it.phone);
        PASSWORD
    }),
    ("Forget", |_, it| {
        it.tablet.open("/account/security").expect(200);
        it.tablet.press("Forget Firefox on Windows").expect(200);
        assert!(it.tablet.page().says("That browser is forgotten."));
        PASSWORD
    }),
    ("Forget all", |_, it| {
        it.tablet.open("/account/security").expect(200);
        it.tablet
            .press("Forget all remembered browsers")
            .expect(200);
        PASSWORD
    }),
    ("a rule that allows it no more", |site, _| {
        site.change_settings(|settings| settings.policy.second_factor.remember_days = 0);
        PASSWORD
    }),
];

fn ses_13_f3_it_is_forgotten_by_whatever_it_relied_on(which: TestDatabase) {
    for (what, happens) in FORGETS {
        let site = Site::new(which);
        let mut it = scene(&site);
        let password = happens(&site, &mut it);
        assert!(is_asked(&mut it.laptop, &it.ada, password), "{what}");
    }
}

fn logging_out_here_forgets_nothing(which: TestDatabase) {
    let site = Site::new(which);
    let mut it = scene(&site);
    it.laptop.log_out();
    assert!(!is_asked(&mut it.laptop, &it.ada, PASSWORD));
}

fn shr_01_nothing_is_remembered_on_a_shared_computer(which: TestDatabase) {
    let site = Site::new(which);
    let mut it = scene(&site);
    let shared = Choices {
        remember: false,
        shared: true,
    };
    let mut desk = site.browser();
    let answer = desk.try_to_sign_in(&it.ada.email, PASSWORD, shared);
    drop(answer.expect_redirect("/login/factor"));
    desk.open("/login/factor").expect(200);
    assert!(!desk.page().says("Remember this browser"));
    // Sending the field nevertheless changes nothing.
    let csrf = desk.page().form("Continue").value("csrf").to_owned();
    let code = it.phone.next_code(&site);
    let form = format!("csrf={csrf}&way=app&code={code}&remember_browser=yes");
    let answer = desk
        .ask("POST", "/login/factor")
        .by_own_page()
        .form(&form)
        .send();
    drop(answer.expect_redirect("/"));
    assert_eq!(desk.jar.get(TRUSTED), None);
    assert_eq!(
        site.count_rows("SELECT count(*) FROM remembered_factors"),
        1
    );
    // What is remembered does not stand in where somebody says that it is shared.
    it.laptop.jar.remove("__Host-nightlatch");
    let answer = it.laptop.try_to_sign_in(&it.ada.email, PASSWORD, shared);
    drop(answer.expect_redirect("/login/factor"));
}

fn two_people_share_a_browser_and_no_trust(which: TestDatabase) {
    let site = Site::new(which);
    let mut it = scene(&site);
    let grace = site.add_person("Grace Hopper", "grace@brightwater.example");
    let mut hers = site.browser();
    hers.sign_in(&grace);
    let her_phone = hers.set_up_app();
    it.laptop.log_out();
    assert!(is_asked(&mut it.laptop, &grace, PASSWORD));
    it.laptop.sign_in_and_be_remembered(&grace, &her_phone);
    // Both are remembered, and each use changes the cookie of both.
    assert!(!is_asked(&mut it.laptop, &it.ada, PASSWORD));
    assert!(!is_asked(&mut it.laptop, &grace, PASSWORD));
    assert!(!is_asked(&mut it.laptop, &it.ada, PASSWORD));
}

fn a_browser_is_not_remembered_unasked_or_against_the_rule(which: TestDatabase) {
    let site = Site::new(which);
    let it = scene(&site);
    let mut desk = site.browser();
    desk.sign_in_with_code(&it.ada, &it.phone);
    assert_eq!(desk.jar.get(TRUSTED), None);
    assert!(is_asked(&mut desk, &it.ada, PASSWORD));
    site.change_settings(|settings| settings.policy.second_factor.remember_days = 0);
    desk.come_to_second_step(&it.ada);
    assert!(!desk.page().says("Remember this browser"));
    let csrf = desk.page().form("Continue").value("csrf").to_owned();
    let code = it.phone.next_code(&site);
    let form = format!("csrf={csrf}&way=app&code={code}&remember_browser=yes");
    let answer = desk
        .ask("POST", "/login/factor")
        .by_own_page()
        .form(&form)
        .send();
    drop(answer.expect_redirect("/"));
    assert_eq!(desk.jar.get(TRUSTED), None);
}

fn they_are_listed_and_forgotten_one_by_one(which: TestDatabase) {
    let site = Site::new(which);
    let mut it = scene(&site);
    site.advance(MINUTE);
    let mut second = site.browser();
    second.sign_in_and_be_remembered(&it.ada, &it.phone);
    second.open("/account/security").expect(200);
    assert!(second.page().says("this browser"));
    let action = second
        .page()
        .form("Forget Firefox on Windows")
        .action
        .clone();
    // Another person's are as good as none.
    let grace = site.add_person("Grace Hopper", "grace@brightwater.example");
    let mut hers = site.browser();
    hers.sign_in(&grace);
    hers.open("/account/security").expect(200);
    assert!(hers.page().says("No browser is remembered."));
    let csrf = hers.page().form("Log out").value("csrf").to_owned();
    let ask = hers.ask("POST", &action).by_own_page();
    drop(ask.form(&format!("csrf={csrf}")).send().expect(303));
    assert_eq!(
        site.count_rows("SELECT count(*) FROM remembered_factors"),
        2
    );
    // The most recently used stands first.
    second.press("Forget Firefox on Windows").expect(200);
    assert!(is_asked(&mut second, &it.ada, PASSWORD));
    assert!(!is_asked(&mut it.laptop, &it.ada, PASSWORD));
    assert_eq!(site.count_events(&it.ada, EventKind::BrowserForgotten), 1);
}
