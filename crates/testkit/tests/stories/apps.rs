//! One's own apps: seeing them, leaving one, taking access away, and what "log out
//! of all sessions" does to those that go on by themselves.

use nightlatch_domain::event::EventKind;
use nightlatch_domain::grant::Scopes;
use nightlatch_domain::ids::GrantId;
use nightlatch_domain::relying_party::RelyingParty;
use nightlatch_storage::consents::{self, Consent};
use nightlatch_storage::{grants, on_both_databases};
use nightlatch_testkit::{Account, PASSWORD, Site, TestDatabase};
use serde_json::json;

use crate::{DAY, MINUTE};

on_both_databases!(
    e11_one_app_is_left_and_everything_else_goes_on,
    e12_every_app_that_holds_something_is_listed_and_can_be_removed,
    nobody_leaves_an_app_for_somebody_else,
    a8_log_out_of_all_sessions_asks_about_apps_that_go_on,
    the_start_page_and_the_sessions_show_apps,
);

/// Whether a long-lived grant is good, by everything but its session.
fn is_good(site: &Site, id: GrantId) -> bool {
    let found = site.read(move |tx| grants::find(tx, id));
    let owned = found.expect("a grant");
    owned.grant.revoked.is_none() && owned.grant.epochs == owned.epochs
}

fn agree(site: &Site, account: &Account, app: &RelyingParty) {
    let (user, consent) = (
        account.id,
        Consent {
            client_id: app.id,
            scopes: Scopes::parse("openid email"),
            given_at: site.now(),
        },
    );
    site.write(move |tx| consents::put(tx, user, &consent));
}

fn e11_one_app_is_left_and_everything_else_goes_on(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let (crm, wiki) = (
        site.connect_app("Crm", |_| {}),
        site.connect_app("Wiki", |_| {}),
    );
    let (mut laptop, mut phone) = (site.browser(), site.browser());
    laptop.sign_in(&ada);
    phone.sign_in(&ada);
    for browser in [&laptop, &phone] {
        site.enter_app(browser, &crm);
        site.enter_app(browser, &wiki);
    }
    let long_lived = site.grant_long_lived(&laptop, &crm);
    laptop.open("/account/apps").expect(200);
    assert!(
        laptop
            .page()
            .card("Crm")
            .text
            .contains("2 sessions, this one included")
    );
    laptop.press("Log out of Crm only").expect(200);
    assert!(laptop.page().says("You were logged out of that app."));
    assert!(laptop.page().says("Crm"), "its receipt is there");
    assert!(laptop.path().starts_with("/account/endings/"));
    let there = phone.session_row().expect("a session").id;
    assert_eq!(site.entered(&ada, &crm), [there]);
    assert_eq!(site.entered(&ada, &wiki).len(), 2);
    assert!(laptop.is_signed_in());
    assert!(phone.is_signed_in());
    assert!(is_good(&site, long_lived), "what it does alone goes on");
    let history = site.history_of(&ada);
    let line = history
        .iter()
        .find(|event| event.kind == EventKind::AppLeft);
    let line = line.expect("a line");
    assert_eq!(line.detail.as_deref(), Some("Crm"));
    let notices = site.notices(line.ending_id.expect("an ending"));
    assert_eq!(notices.len(), 1, "one notice for the one session and app");
    assert_eq!(notices[0].client_id, crm.id);
    laptop.open("/account/history").expect(200);
    assert!(laptop.page().says("Logged out of an app"));
    // Once more: it is not there any more.
    let path = format!("/api/v1/apps/{}/leave", crm.id);
    drop(laptop.api("POST", &path, None).expect(404));
}

fn e12_every_app_that_holds_something_is_listed_and_can_be_removed(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let (mut laptop, mut phone) = (site.browser(), site.browser());
    laptop.sign_in(&ada);
    phone.sign_in(&ada);
    let open = site.connect_app("Open", |_| {});
    let away = site.connect_app("Away", |_| {});
    let agreed = site.connect_app("Agreed", |_| {});
    let all = site.connect_app("All", |_| {});
    site.connect_app("Nothing", |_| {});
    site.enter_app(&phone, &open);
    let going_on = site.grant_long_lived(&laptop, &away);
    agree(&site, &ada, &agreed);
    site.enter_app(&laptop, &all);
    site.enter_app(&phone, &all);
    let of_all = site.grant_long_lived(&phone, &all);
    agree(&site, &ada, &all);

    laptop.open("/account/apps").expect(200);
    for name in ["Open", "Away", "Agreed", "All"] {
        assert!(
            laptop
                .page()
                .cards()
                .iter()
                .any(|card| card.text.starts_with(name)),
            "{name}"
        );
    }
    assert!(!laptop.page().says("Nothing"));
    assert!(
        laptop
            .page()
            .card("Agreed")
            .text
            .contains("your e-mail address")
    );
    let listed = laptop.api("GET", "/api/v1/apps", None).expect(200).json();
    let names = listed["apps"].as_array().expect("apps").iter();
    let names: Vec<_> = names.map(|app| app["name"].clone()).collect();
    assert_eq!(
        names,
        [json!("Agreed"), json!("All"), json!("Away"), json!("Open")]
    );

    laptop.press("Remove access of All").expect(200);
    assert!(
        laptop
            .page()
            .says("The app has no access to your account any more.")
    );
    assert!(site.entered(&ada, &all).is_empty(), "in no session");
    assert!(!is_good(&site, of_all));
    let (user, client) = (ada.id, all.id);
    assert_eq!(site.read(move |tx| consents::find(tx, user, client)), None);
    let told = site.count_rows("SELECT count(*) FROM notices");
    assert_eq!(told, 2, "once for each session");
    assert!(laptop.is_signed_in());
    assert!(phone.is_signed_in());
    laptop.open("/account/apps").expect(200);
    laptop.press("Remove access of Away").expect(200);
    assert!(!is_good(&site, going_on));
    drop(
        laptop
            .api("DELETE", &format!("/api/v1/apps/{}", agreed.id), None)
            .expect(200),
    );
    drop(
        laptop
            .api("DELETE", &format!("/api/v1/apps/{}", agreed.id), None)
            .expect(404),
    );
    // What is over by itself holds nothing.
    let short = site.grant_long_lived(&laptop, &away);
    site.advance(DAY * 31);
    let mut again = site.browser();
    again.sign_in(&ada);
    again.open("/account/apps").expect(200);
    assert!(!again.page().says("Away"));
    assert!(is_good(&site, short), "the guard of that");
}

fn nobody_leaves_an_app_for_somebody_else(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, grace) = (
        site.add_ada(),
        site.add_person("Grace Hopper", "grace@brightwater.example"),
    );
    let crm = site.connect_app("Crm", |_| {});
    let (mut hers, mut theirs) = (site.browser(), site.browser());
    hers.sign_in(&ada);
    theirs.sign_in(&grace);
    site.enter_app(&hers, &crm);
    let grant = site.grant_long_lived(&hers, &crm);
    drop(
        theirs
            .api("DELETE", &format!("/api/v1/apps/{}", crm.id), None)
            .expect(404),
    );
    drop(
        theirs
            .api("POST", &format!("/api/v1/apps/{}/leave", crm.id), None)
            .expect(404),
    );
    assert_eq!(site.entered(&ada, &crm).len(), 1);
    assert!(is_good(&site, grant));
    let listed = theirs.api("GET", "/api/v1/apps", None).expect(200).json();
    assert_eq!(listed["apps"], json!([]));
}

fn a8_log_out_of_all_sessions_asks_about_apps_that_go_on(which: TestDatabase) {
    for with_them in [false, true] {
        let site = Site::new(which);
        let ada = site.add_ada();
        let (mut laptop, mut phone) = (site.browser(), site.browser());
        laptop.sign_in(&ada);
        phone.sign_in(&ada);
        let backup = site.connect_app("Backup", |_| {});
        let grant = site.grant_long_lived(&laptop, &backup);
        laptop.open("/account/sessions/log-out-all").expect(200);
        let words = "Also end the access of 1 app when you are away";
        assert!(laptop.page().says(words));
        if with_them {
            laptop.check(words);
        }
        // The choice survives the proof on the way.
        site.advance(MINUTE * 11);
        laptop.press("Log out of all sessions").expect(200);
        laptop.fill("Your password", PASSWORD);
        laptop.press("Log out of all sessions").expect(200);
        assert_eq!(laptop.page().heading, "You are logged out");
        assert_eq!(is_good(&site, grant), !with_them);
    }
    for with_them in [false, true] {
        let site = Site::new(which);
        let ada = site.add_ada();
        let mut laptop = site.browser();
        laptop.sign_in(&ada);
        let backup = site.connect_app("Backup", |_| {});
        let grant = site.grant_long_lived(&laptop, &backup);
        let body = json!({ "long_lived_grants": true });
        let body = with_them.then_some(&body);
        drop(
            laptop
                .api("POST", "/api/v1/sessions/log-out-all", body)
                .expect(200),
        );
        assert_eq!(is_good(&site, grant), !with_them);
    }
    // Without any, nothing is asked; and the others' page never asks.
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    laptop.open("/account/sessions/log-out-all").expect(200);
    assert!(!laptop.page().says("when you are away"));
}

fn the_start_page_and_the_sessions_show_apps(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let crm = site.connect_app("Crm", |_| {});
    site.connect_app("Homeless", |app| app.home = None);
    let (mut laptop, mut phone) = (site.browser(), site.browser());
    laptop.sign_in(&ada);
    phone.sign_in(&ada);
    site.enter_app(&phone, &crm);
    laptop.open("/").expect(200);
    assert!(
        laptop
            .page()
            .links
            .iter()
            .any(|link| link.href == "https://crm.example.net/")
    );
    assert!(!laptop.page().says("Homeless"));
    laptop.open("/account/sessions").expect(200);
    let with: Vec<_> = laptop.page().cards();
    let with = with.iter().filter(|card| card.text.contains("Crm")).count();
    assert_eq!(with, 1, "the phone, and not the laptop");
    let listed = laptop
        .api("GET", "/api/v1/sessions", None)
        .expect(200)
        .json();
    let apps = listed["sessions"].as_array().expect("sessions").iter();
    let apps: usize = apps
        .map(|one| one["apps"].as_array().map_or(0, Vec::len))
        .sum();
    assert_eq!(apps, 1);
}
