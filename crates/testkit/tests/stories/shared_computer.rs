//! `shared_computer`: nothing is kept, and it ends soon (SHR-01 … SHR-04, G4, G6).

use nightlatch_domain::ending::Cause;
use nightlatch_domain::event::EventKind;
use nightlatch_domain::organization::AfterLogOut;
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Account, Browser, Choices, PASSWORD, Site, TestDatabase, UserAgent};

use crate::{MINUTE, SECOND};

on_both_databases!(
    shr_01_nothing_outlives_the_browser,
    shr_01_a_failed_sign_in_leaves_no_address_on_the_screen,
    shr_01_a_quarter_of_an_hour_without_use_to_the_second,
    shr_01_two_hours_in_any_case_to_the_second,
    shr_02_the_limits_hold_when_the_browser_restores_its_cookies,
    shr_03_log_out_clears_the_cache_and_names_nobody,
    shr_03_also_when_it_had_ended_before,
    shr_03_the_advice_to_close_the_window_comes_before_the_landing,
    shr_01_it_is_never_a_known_browser,
    shr_04_a_network_forces_it,
    shr_04_an_administrators_mark_forces_it,
    a_proof_does_not_stretch_it,
    an_organization_may_tighten_it,
);

const SHARED: Choices = Choices {
    remember: false,
    shared: true,
};

fn at_the_library(site: &Site) -> (Account, Browser<'_>) {
    let ada = site.add_ada();
    let mut library = site.browser();
    library.sign_in_with(&ada, SHARED);
    (ada, library)
}

fn shr_01_nothing_outlives_the_browser(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut library) = at_the_library(&site);
    assert_eq!(library.jar.names(), ["__Host-nightlatch"]);
    assert!(library.page().says("Shared computer"));
    // Whatever is done there leaves nothing that lasts.
    library.open("/account/profile").expect(200);
    library.press("Save name").expect(200);
    library.open("/account/security").expect(200);
    assert_eq!(library.jar.persistent_names(), Vec::<&str>::new());
    let mut elsewhere = site.browser();
    elsewhere.sign_in(&ada);
    library.open("/account/sessions/log-out-others").expect(200);
    library.press("Log out all other sessions").expect(200);
    assert_eq!(library.jar.persistent_names(), Vec::<&str>::new());
    library.log_out();
    assert_eq!(library.jar.persistent_names(), Vec::<&str>::new());
    library.restart();
    assert!(library.jar.names().is_empty());
    // Nobody is named to whoever comes next.
    library.open("/login").expect(200);
    assert!(!library.page().says("Ada") && !library.page().says(&ada.email));
    assert_eq!(library.page().form("Sign in").value("E-mail address"), "");
}

fn shr_01_a_failed_sign_in_leaves_no_address_on_the_screen(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut library = site.browser();
    let answer = library.try_to_sign_in(&ada.email, "a wrong guess", SHARED);
    let answer = answer.expect(422);
    assert!(!answer.text().contains(&ada.email));
    // The choice itself is not lost.
    let form = answer.page().form("Sign in").clone();
    let shared = form.find("This is a shared or public computer");
    assert!(shared.expect("a box").checked);
}

fn shr_01_a_quarter_of_an_hour_without_use_to_the_second(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut library) = at_the_library(&site);
    let row = library.session_row().expect("a session");
    assert_eq!(row.idle_deadline, row.created_at.plus(MINUTE * 15));
    site.wait_until(row.idle_deadline.minus(SECOND));
    assert!(library.is_signed_in());
    site.advance(SECOND);
    assert!(!library.is_signed_in());
    library.open("/account/profile").expect(200);
    assert!(library.page().says("was not used for a while"));
}

fn shr_01_two_hours_in_any_case_to_the_second(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut library) = at_the_library(&site);
    let row = library.session_row().expect("a session");
    assert_eq!(row.overall_deadline, row.created_at.plus(MINUTE * 120));
    for _ in 0..11 {
        site.advance(MINUTE * 10);
        library.open("/account/profile").expect(200);
        assert_eq!(library.path(), "/account/profile");
    }
    site.wait_until(row.overall_deadline.minus(SECOND));
    library.open("/account/profile").expect(200);
    assert_eq!(library.path(), "/account/profile");
    site.advance(SECOND);
    assert!(!library.is_signed_in());
    library.open("/account/profile").expect(200);
    assert!(library.page().says("a session lasts only so long"));
}

fn shr_02_the_limits_hold_when_the_browser_restores_its_cookies(which: TestDatabase) {
    let site = Site::new(which);
    let (_, library) = at_the_library(&site);
    // "Continue where you left off": session cookies come back.
    let mut restored = site.browser().with_cookies(library.steal_cookies());
    site.advance(MINUTE * 14);
    assert!(restored.is_signed_in());
    site.advance(MINUTE);
    assert!(!restored.is_signed_in());
    assert!(restored.open_once("/").location().is_some());
}

fn shr_03_log_out_clears_the_cache_and_names_nobody(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut library) = at_the_library(&site);
    library.open("/").expect(200);
    let answer = library.press_once("Log out").expect_redirect("/signed-out");
    assert_eq!(
        answer.header("clear-site-data"),
        Some("\"cache\", \"storage\"")
    );
    library.follow(answer).expect(200);
    assert_eq!(library.page().heading, "You are logged out");
    assert!(library.page().says("please close this window now"));
    assert!(!library.page().says("Ada") && !library.page().says(&ada.email));
    library.open("/login").expect(200);
    assert!(!library.page().says("Ada") && !library.page().says(&ada.email));
}

fn shr_03_also_when_it_had_ended_before(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut library) = at_the_library(&site);
    let open_page = library.page().form("Log out").clone();
    site.advance(MINUTE * 16);
    let answer = library.submit(&open_page).expect_redirect("/signed-out");
    assert_eq!(
        answer.header("clear-site-data"),
        Some("\"cache\", \"storage\"")
    );
    library.follow(answer).expect(200);
    assert!(!library.page().says("Ada"));
    assert_eq!(library.jar.persistent_names(), Vec::<&str>::new());
}

fn shr_03_the_advice_to_close_the_window_comes_before_the_landing(which: TestDatabase) {
    let site = Site::new(which);
    site.change_settings(|settings| settings.after_log_out = AfterLogOut::LoginPage);
    let (_, mut library) = at_the_library(&site);
    library.log_out();
    assert_eq!(library.path(), "/signed-out");
    assert!(library.page().says("please close this window now"));
}

fn shr_01_it_is_never_a_known_browser(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut library) = at_the_library(&site);
    library.log_out();
    let known = "SELECT count(*) FROM known_browsers";
    assert_eq!(site.count_rows(known), 0);
    assert_eq!(site.count_rows("SELECT count(*) FROM browsers"), 0);
    // Also in a browser that was known from before.
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    laptop.log_out();
    assert_eq!(site.count_rows(known), 1);
    laptop.sign_in_with(&ada, SHARED);
    // Strangers' failures delay it, as they would not on a known browser.
    let mut stranger = site.browser();
    stranger.open("/login");
    for _ in 0..5 {
        drop(stranger.try_to_sign_in(&ada.email, "wrong", Choices::default()));
    }
    let mut next = site.browser();
    let refused = next.try_to_sign_in(&ada.email, PASSWORD, SHARED);
    assert_eq!(refused.status.as_u16(), 429);
}

fn shr_04_a_network_forces_it(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    site.change_settings(|settings| {
        settings.policy.shared_networks = vec!["203.0.113.0/24".parse().expect("a network")];
    });
    let mut library = site.browser().at("203.0.113.7");
    library.open("/login").expect(200);
    let form = library.page().form("Sign in");
    let shared = form
        .find("This is a shared or public computer")
        .expect("a box");
    assert!(shared.checked && shared.disabled);
    // "Stay signed in" is not offered, and asking for it by hand does not help.
    assert!(form.find("Stay signed in on this browser").is_none());
    let mut form = form.clone();
    form.fields.retain(|field| field.name != "shared");
    form.fill("E-mail address", &ada.email);
    form.fill("Password", PASSWORD);
    let csrf = form.value("csrf").to_owned();
    let by_hand = serde_urlencoded::to_string([
        ("csrf", csrf.as_str()),
        ("email", ada.email.as_str()),
        ("password", PASSWORD),
        ("remember", "yes"),
        ("shared", "no"),
    ]);
    let ask = library.ask("POST", "/login").by_own_page();
    let answer = ask
        .form(&by_hand.expect("pairs"))
        .send()
        .expect_redirect("/");
    assert!(
        !answer
            .cookie("__Host-nightlatch")
            .expect("a cookie")
            .contains("Max-Age")
    );
    assert!(answer.cookie("__Host-nightlatch-browser").is_none());
    let row = library.session_row().expect("a session");
    assert_eq!(row.idle_deadline, row.created_at.plus(MINUTE * 15));
    // Elsewhere the person chooses.
    let mut home = site.browser().at("198.51.100.7");
    home.sign_in(&ada);
    assert!(home.jar.get("__Host-nightlatch-browser").is_some());
}

fn shr_04_an_administrators_mark_forces_it(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let grace = site.add_administrator("Grace Hopper", "grace@brightwater.example");
    let mut desk = site.browser();
    desk.sign_in(&grace);
    desk.open("/account/security").expect(200);
    desk.press("Mark this computer as shared").expect(200);
    assert!(desk.page().says("This computer is marked as shared."));
    assert_eq!(site.count_events(&grace, EventKind::BrowserMarkedShared), 1);
    desk.log_out();

    desk.open("/login").expect(200);
    assert!(
        desk.page()
            .says("An administrator has marked this computer as shared.")
    );
    // Leaving the box out of the form does not leave the mode out.
    let mut form = desk.page().form("Sign in").clone();
    form.fields.retain(|field| field.name != "shared");
    form.fill("E-mail address", &ada.email);
    form.fill("Password", PASSWORD);
    desk.submit(&form).expect_redirect("/");
    let row = desk.session_row().expect("a session");
    assert_eq!(row.idle_deadline, row.created_at.plus(MINUTE * 15));
    // Ada is no administrator: she sees no way to take the mark away, and there
    // is none.
    desk.open("/account/security").expect(200);
    assert!(
        desk.page()
            .find_form("This computer is no longer shared")
            .is_none()
    );
    let csrf = desk.page().form("Log out").value("csrf").to_owned();
    let ask = desk
        .ask("POST", "/account/security/mark-shared")
        .by_own_page();
    drop(
        ask.form(&format!("csrf={csrf}&shared=no"))
            .send()
            .expect(403),
    );
    desk.log_out();

    // Nor does resetting the browser take it away.
    desk.open("/help").expect(200);
    desk.press("Reset this browser").expect(200);
    // The mark outlives the browser's restart; Grace takes it away.
    desk.restart();
    desk.sign_in(&grace);
    assert!(desk.page().says("Shared computer"));
    desk.open("/account/security").expect(200);
    desk.press("This computer is no longer shared").expect(200);
    desk.log_out();
    desk.sign_in(&ada);
    assert!(!desk.page().says("Shared computer"));
}

fn a_proof_does_not_stretch_it(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut library) = at_the_library(&site);
    let before = library.session_row().expect("a session");
    site.advance(MINUTE * 14);
    let body = serde_json::json!({ "password": PASSWORD });
    drop(
        library
            .api("POST", "/api/v1/proof", Some(&body))
            .expect(200),
    );
    let after = library.session_row().expect("a session");
    assert_eq!(after.overall_deadline, before.overall_deadline);
    assert_eq!(after.idle_deadline, site.now().plus(MINUTE * 15));
}

fn an_organization_may_tighten_it(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut library) = at_the_library(&site);
    let mut laptop = site.browser().calling_itself(UserAgent::ChromeOnLinux);
    laptop.sign_in(&ada);
    // POL-02: it acts on sessions that exist already.
    site.change_settings(|settings| settings.policy.shared.idle_seconds = 60);
    site.wait_until(site.now().plus(MINUTE).minus(SECOND));
    assert!(library.is_signed_in());
    site.advance(SECOND);
    assert!(!library.is_signed_in() && laptop.is_signed_in());
    // A loosened one revives nothing.
    site.change_settings(|settings| settings.policy.shared.idle_seconds = 86_400);
    site.advance(MINUTE * 15);
    assert!(!library.is_signed_in());
    site.sweep();
    assert_eq!(site.sessions_of(&ada)[0].cause(), Some(Cause::IdleTimeout));
}
