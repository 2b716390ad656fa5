//! Apps behind a proxy: whom they let in, and what counts (FWD-09, B12, G1).

use nightlatch_domain::relying_party::protection::{Entrance, PathRule, RequiredLevel};
use nightlatch_storage::{groups, on_both_databases};
use nightlatch_testkit::{PASSWORD, Site, TestDatabase};

use crate::protected::{add_group, enter};
use crate::{DAY, HOUR, MINUTE, SECOND};

on_both_databases!(
    g1_only_what_a_person_does_keeps_them_signed_in,
    b12_no_access_says_who_and_leads_as_another_to_the_very_page,
    fwd_09_level_and_age_are_asked_for_on_the_way_in,
    public_paths_are_open_and_nobody_is_named_there,
    a_domain_cookie_opens_the_hosts_of_its_app_and_nothing_else,
    an_app_that_is_withdrawn_lets_nobody_through,
);

fn g1_only_what_a_person_does_keeps_them_signed_in(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let quiet = |text: &str| PathRule::parse(text).expect("a rule");
    let wiki = site.protect_app("Wiki", |rule| rule.quiet_paths = vec![quiet("/poll/")]);
    let mut guest = site.guest(&wiki);
    enter(&mut guest, &ada, "/");
    for _ in 0..3 {
        site.advance(HOUR * 20);
        drop(guest.asks_for_page("/").expect(200));
        site.flush_activity();
    }
    let began = site.now();
    for _ in 0..4 {
        site.advance(HOUR * 5);
        drop(guest.asks_for_call("/api").expect(200));
        drop(guest.asks_for_page("/poll/x").expect(200));
        site.flush_activity();
    }
    site.wait_until(began.plus(DAY).minus(SECOND));
    assert!(guest.is_in());
    site.wait_until(began.plus(DAY));
    assert!(!guest.is_in());
    // A script may say that somebody works.
    let mut busy = site.guest(&wiki);
    enter(&mut busy, &ada, "/");
    site.advance(HOUR * 20);
    drop(
        busy.asks("POST", "/api", &[("x-nightlatch-active", "1")])
            .expect(200),
    );
    site.advance(HOUR * 20);
    assert!(busy.is_in());
}

fn b12_no_access_says_who_and_leads_as_another_to_the_very_page(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let grace = site.add_person("Grace Hopper", "grace@brightwater.example");
    let team = add_group(&site, "Team", &[&grace]);
    let wiki = site.protect_app("Wiki", |rule| {
        rule.entrance = Entrance::Named {
            users: Vec::new(),
            groups: vec![team.id],
        };
    });
    let mut guest = site.guest(&wiki);
    assert_eq!(guest.open("/plans?year=2027"), None);
    guest.at_home.fill("E-mail address", &ada.email);
    guest.at_home.fill("Password", PASSWORD);
    guest.at_home.press("Sign in").expect(403);
    let page = guest.at_home.page().clone();
    assert_eq!(page.heading, "You do not have access to this app");
    assert!(page.says("Ada Lovelace") && page.says("Wiki"));
    guest.at_home.click("Use another account").expect(200);
    guest.at_home.fill("E-mail address", &grace.email);
    guest.at_home.fill("Password", PASSWORD);
    let answer = guest.at_home.press("Sign in");
    assert_eq!(
        guest.goes_on_from(&answer).as_deref(),
        Some("/plans?year=2027")
    );
    assert!(guest.is_in());
    // Out of the group: the next request is refused, and told apart from not being
    // signed in.
    let (group, user) = (team.id, grace.id);
    site.write(move |tx| groups::remove_member(tx, group, user));
    drop(guest.asks_for_call("/").expect(403));
    assert_eq!(guest.open("/plans"), None);
    assert!(guest.at_home.page().says("Grace Hopper"));
    // Somebody of another organization does not get in either.
    let other = site.add_organization("Elsewhere Ltd");
    let eve = site.add_to(
        other,
        "Eve",
        "eve@elsewhere.example",
        nightlatch_domain::user::Role::Member,
    );
    let open = site.protect_app("Files", |_| ());
    let mut stranger = site.guest(&open);
    assert_eq!(stranger.open("/"), None);
    stranger.at_home.fill("E-mail address", &eve.email);
    stranger.at_home.fill("Password", PASSWORD);
    stranger.at_home.press("Sign in").expect(403);
    assert!(!stranger.is_in());
}

fn fwd_09_level_and_age_are_asked_for_on_the_way_in(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let strong = site.protect_app("Payroll", |rule| rule.level = RequiredLevel::SecondFactor);
    let fresh = site.protect_app("Vault", |rule| rule.proof_age_seconds = Some(600));
    let mut guest = site.guest(&strong);
    assert_eq!(guest.open("/"), None);
    guest.at_home.fill("E-mail address", &ada.email);
    guest.at_home.fill("Password", PASSWORD);
    let answer = guest.at_home.press("Sign in");
    // There is no second step to ask for: the page on the host says what to do.
    assert_eq!(guest.goes_on_from(&answer), None);
    assert_eq!(guest.there.page().heading, "This app needs a second step");
    assert!(!guest.is_in());
    guest.at_home.set_up_app();
    // Setting one up proved it.
    assert_eq!(guest.open("/").as_deref(), Some("/"));
    assert!(guest.is_in());
    // A proof that grew old: calls are told, pages ask, and then go on.
    let mut vault = guest.also_at(&fresh);
    assert_eq!(vault.open("/").as_deref(), Some("/"));
    site.advance(MINUTE * 10);
    assert!(vault.is_in());
    site.advance(std::time::Duration::from_millis(1));
    drop(vault.asks_for_call("/").expect(401));
    assert!(guest.is_in(), "elsewhere that is of no concern");
    let stolen = vault.clone();
    assert_eq!(vault.open("/safe"), None);
    assert_eq!(vault.at_home.page().heading, "Confirm it's you");
    site.advance(MINUTE);
    vault.at_home.fill("Your password", PASSWORD);
    let answer = vault.at_home.press("Continue");
    assert_eq!(vault.goes_on_from(&answer).as_deref(), Some("/safe"));
    assert!(vault.is_in());
    // SES-05: the cookie from before is worth nothing under the new proof.
    assert!(!stolen.is_in());
}

fn public_paths_are_open_and_nobody_is_named_there(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let wiki = site.protect_app("Wiki", |rule| {
        rule.public_paths = vec![PathRule::parse("/static/").expect("a rule")];
    });
    let mut guest = site.guest(&wiki);
    let open = guest.asks_for_call("/static/app.css").expect(200);
    assert_eq!(open.header("remote-user"), Some(""));
    for path in [
        "/static/../admin",
        "/static/%2e%2e/admin",
        "/static//x",
        "/STATIC/app.css",
    ] {
        drop(guest.asks_for_call(path).expect(401));
    }
    enter(&mut guest, &ada, "/");
    let named = guest.asks_for_call("/static/app.css").expect(200);
    assert_eq!(named.header("remote-user"), Some(ada.email.as_str()));
    guest.at_home.log_out();
    let open = guest.asks_for_call("/static/app.css").expect(200);
    assert_eq!(open.header("remote-user"), Some(""));
}

fn a_domain_cookie_opens_the_hosts_of_its_app_and_nothing_else(which: TestDatabase) {
    use nightlatch_domain::relying_party::protection::{CookieDomain, ProtectedHost};
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let more = ProtectedHost::parse("https://more.example.net").expect("a host");
    let suite = site.protect_app("Suite", |rule| {
        rule.hosts.push(more.clone());
        rule.cookie_domain = CookieDomain::parse("example.net").ok();
    });
    let wiki = site.protect_app("Wiki", |_| ());
    let mut guest = site.guest(&suite);
    enter(&mut guest, &ada, "/");
    let name = format!("__Secure-nightlatch-app-{}", suite.app.id);
    assert!(guest.there.jar.get(&name).is_some());
    assert!(guest.there.jar.get("__Host-nightlatch-app").is_none());
    let value = guest.there.jar.get(&name).expect("a cookie").to_owned();
    // On the app's other host it is in; on another app's, under whatever name, not.
    let sibling = nightlatch_testkit::ProtectedApp {
        app: suite.app.clone(),
        host: more,
    };
    let mut other = guest.also_at(&sibling);
    other.there.jar.put(&name, &value);
    assert!(other.is_in());
    let passed = other.asks_for_page("/").expect(200);
    assert_eq!(passed.header("cookie"), Some(""));
    for spelling in [name.as_str(), "__Host-nightlatch-app"] {
        let mut stranger = guest.also_at(&wiki);
        stranger.there.jar.put(spelling, &value);
        assert!(!stranger.is_in(), "{spelling}");
    }
    for spelling in [name.as_str(), "__Host-nightlatch"] {
        let mut account = site.browser();
        account.jar.put(spelling, &value);
        assert!(!account.is_signed_in(), "{spelling}");
    }
    guest.there.open("/.nightlatch/log-out").expect(200);
    guest
        .there
        .press_once("Log out of everything in this browser")
        .expect(303);
    assert!(!other.is_in() && guest.there.jar.get(&name).is_none());
}

fn an_app_that_is_withdrawn_lets_nobody_through(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let wiki = site.protect_app("Wiki", |rule| {
        rule.public_paths = vec![PathRule::parse("/static/").expect("a rule")];
    });
    let mut guest = site.guest(&wiki);
    enter(&mut guest, &ada, "/");
    let (moment, place) = (site.moment(), (site.organization(), wiki.app.id));
    let operator = nightlatch_domain::ending::Actor::Operator;
    site.write(move |tx| {
        nightlatch_flows::apps::withdraw(tx, &moment, place, operator, None).map(|_| ())
    });
    assert!(!guest.is_in());
    drop(guest.asks_for_call("/static/x").expect(401));
    assert_eq!(guest.open("/"), None);
    assert!(guest.at_home.page().says("not in use any more"));
    let moment = site.moment();
    site.write(move |tx| nightlatch_flows::apps::restore(tx, &moment, place, operator));
    assert!(!guest.is_in(), "nothing that was ended comes back");
    assert_eq!(guest.open("/").as_deref(), Some("/"));
}
