//! What others put into a browser, or into a request, to get at an app behind a proxy
//! (COOK-01, CSRF-04, FWD-05, FWD-07), and pages of ours where everything else is public.

use nightlatch_domain::relying_party::protection::PathRule;
use nightlatch_domain::secret::Token;
use nightlatch_flows::check_cache::HostQuestion;
use nightlatch_flows::protected::{self, HostCheck, Presented};
use nightlatch_protocols::forward_auth::Proxy;
use nightlatch_storage::{on_both_databases, relying_parties};
use std::sync::Arc;

use nightlatch_testkit::{Guest, Jar, PASSWORD, Site, TestDatabase};

use crate::protected::enter;
use crate::{DAY, HOUR};

on_both_databases!(
    cook_01_a_cookie_that_only_looks_like_ours_signs_nobody_in,
    fwd_07_no_other_protocol_gets_by,
    csrf_04_an_app_learns_no_token_for_our_own_pages,
    a14_where_everything_is_public_the_end_of_a_session_still_shows,
    fwd_06_a_read_that_the_end_of_an_app_overtakes_is_never_kept,
    fwd_03_our_own_pages_are_at_our_own_address_alone,
    fwd_03_the_same_name_over_another_scheme_is_another_host,
    b12_a_group_of_another_organization_is_no_group_here,
    d7_a_cookie_lasts_as_long_as_a_session_that_was_proved_anew,
);

// A host beside the app's may set a cookie for their common domain under any name that a
// browser does not take for `__Host-…`. Whoever cuts off more than blanks takes it for
// ours, and somebody works in the attacker's name.
fn cook_01_a_cookie_that_only_looks_like_ours_signs_nobody_in(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let (ada, eve) = (
        site.add_ada(),
        site.add_person("Eve", "eve@brightwater.example"),
    );
    let wiki = site.protect_app("Wiki", |_| ());
    let mut attacker = site.guest(&wiki);
    enter(&mut attacker, &eve, "/");
    let theirs = |jar: &Jar, name: &str| jar.get(name).expect("a cookie").to_owned();
    let on_host = theirs(&attacker.there.jar, "__Host-nightlatch-app");
    let at_home = theirs(&attacker.at_home.jar, "__Host-nightlatch");
    let mut victim = site.guest(&wiki);
    enter(&mut victim, &ada, "/");
    for space in ["\u{a0}", "\u{85}", "\u{2003}", "\u{3000}"] {
        let planted = format!("{space}__Host-nightlatch-app={on_host}");
        let visitor = site.guest(&wiki);
        let answer = visitor.asks("GET", "/", &[("cookie", &planted)]);
        assert_eq!(answer.status, 401, "{space:?}");
        let mut browser = site.browser();
        let planted = format!("{space}__Host-nightlatch={at_home}");
        let ask = browser.ask("GET", "/account/security");
        drop(ask.header("cookie", &planted).send().expect(303));
    }
    assert!(attacker.is_in() && victim.is_in());
}

fn fwd_07_no_other_protocol_gets_by(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let wiki = site.protect_app("Wiki", |rule| {
        rule.public_paths = vec![PathRule::parse("/static/").expect("a rule")];
    });
    let mut guest = site.guest(&wiki);
    enter(&mut guest, &ada, "/");
    for proxy in Proxy::ALL {
        guest.proxy = proxy;
        for path in ["/", "/static/app.css"] {
            for other in [
                &[("upgrade", "h2c"), ("http2-settings", "AAMAAABk")][..],
                &[("upgrade", "h2c")],
                &[("http2-settings", "AAMAAABk")],
                &[("upgrade", "websocket"), ("upgrade", "h2c")],
            ] {
                assert_eq!(guest.asks("GET", path, other).status, 403, "{other:?}");
            }
            let socket = guest.asks("GET", path, &[("upgrade", "websocket")]);
            assert_eq!(socket.status, 200);
        }
    }
}

// The page at which Log out asks is on the app's own origin, so the app can read it.
fn csrf_04_an_app_learns_no_token_for_our_own_pages(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let wiki = site.protect_app("Wiki", |_| ());
    let mut guest = site.guest(&wiki);
    enter(&mut guest, &ada, "/");
    guest.there.open("/.nightlatch/log-out").expect(200);
    let form = guest.there.page().forms[0].clone();
    let pairs = form.pairs();
    let found = pairs.iter().find(|(name, _)| name == "csrf");
    let token = found.expect("a token").1.clone();
    // An old browser says nothing of where a form comes from; then the token decides.
    let ask = guest.at_home.ask("POST", "/logout");
    drop(ask.form(&format!("csrf={token}")).send());
    assert!(guest.at_home.is_signed_in() && guest.is_in());
    let ask = guest.there.ask("POST", "/.nightlatch/log-out");
    drop(ask.form(&format!("csrf={token}")).send().expect(303));
    assert!(!guest.is_in(), "where it was made, it is good");
}

fn a14_where_everything_is_public_the_end_of_a_session_still_shows(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let wiki = site.protect_app("Wiki", |rule| {
        rule.public_paths = vec![PathRule::parse("/").expect("a rule")];
    });
    let mut guest = site.guest(&wiki);
    let state = |guest: &mut Guest<'_>| {
        let ask = guest.there.ask("GET", "/.nightlatch/status").by_script();
        ask.send().expect(200).json()["state"].clone()
    };
    assert_eq!(state(&mut guest), "ended");
    assert_eq!(
        guest.goes_on("https://wiki.example.net/.nightlatch/sign-in?to=/x"),
        None
    );
    guest.at_home.fill("E-mail address", &ada.email);
    guest.at_home.fill("Password", PASSWORD);
    let answer = guest.at_home.press("Sign in");
    assert_eq!(guest.goes_on_from(&answer).as_deref(), Some("/x"));
    assert_eq!(state(&mut guest), "live");
    guest.at_home.log_out();
    assert_eq!(state(&mut guest), "ended");
    let stream = guest.there.ask("GET", "/.nightlatch/events").by_script();
    assert_eq!(stream.send().text(), "event: ended\ndata: {}\n\n");
    // There is nothing to log out of here, and our own page is asked.
    let answer = guest.there.open_once("/.nightlatch/log-out");
    drop(answer.expect_redirect("http://localhost:8080/logout"));
}

fn d7_a_cookie_lasts_as_long_as_a_session_that_was_proved_anew(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let wiki = site.protect_app("Wiki", |_| ());
    let mut guest = site.guest(&wiki);
    enter(&mut guest, &ada, "/");
    for day in 1..=12 {
        site.advance(HOUR * 23);
        drop(guest.asks_for_page("/").expect(200));
        site.flush_activity();
        if day == 6 {
            site.browser().sign_in(&ada);
            let path = "/account/sessions/log-out-others";
            guest.at_home.open(path).expect(200);
            guest.at_home.fill("Your password", PASSWORD);
            let button = "Log out all other sessions";
            guest.at_home.press(button).expect(200);
        }
        site.prune();
        assert!(guest.is_in(), "after {day} days");
    }
    site.advance(DAY * 9);
    site.prune();
    assert!(!guest.is_in());
}

fn fwd_03_our_own_pages_are_at_our_own_address_alone(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let wiki = site.protect_app("Wiki", |_| ());
    let mut guest = site.guest(&wiki);
    enter(&mut guest, &ada, "/");
    for path in [
        "/login",
        "/account/security",
        "/api/v1/sessions",
        "/.nightlatch",
        "/.nightlatch/../login",
        "//.nightlatch/status",
    ] {
        let answer = guest.there.open_once(path);
        assert!(answer.status.is_client_error(), "{path}: {}", answer.status);
        assert!(!answer.text().contains("Password"), "{path}");
    }
}

fn fwd_03_the_same_name_over_another_scheme_is_another_host(which: TestDatabase) {
    use nightlatch_domain::relying_party::protection::ProtectedHost;
    let site = Site::behind_proxy(which);
    let plain = ProtectedHost::parse("http://localhost:3000").expect("a host");
    let local = site.protect_app("Local", |rule| {
        rule.hosts = vec![plain];
        rule.public_paths = vec![PathRule::parse("/").expect("a rule")];
    });
    let status = |scheme: &str| {
        let guest = site.guest(&local);
        let mut proxy = guest.there.clone().at("10.9.9.9");
        let ask = guest.question(&mut proxy, "GET", "/", &[]);
        let ask = ask.without("x-forwarded-proto").without("x-forwarded-host");
        let ask = ask.header("x-forwarded-host", "localhost:3000");
        ask.header("x-forwarded-proto", scheme).send().status
    };
    assert_eq!(status("http"), 200);
    assert_eq!(status("https"), 403);
}

fn b12_a_group_of_another_organization_is_no_group_here(which: TestDatabase) {
    use nightlatch_domain::ids::GroupId;
    use nightlatch_storage::groups::{self, Group};
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let other = site.add_organization("Elsewhere Ltd");
    let wiki = site.protect_app("Wiki", |_| ());
    let mut guest = site.guest(&wiki);
    enter(&mut guest, &ada, "/");
    let group = Group {
        id: GroupId::random(site.moment().random.as_ref()),
        organization_id: other,
        name: "Foreign".to_owned(),
        created_at: site.now(),
    };
    let user = ada.id;
    site.write(move |tx| {
        groups::add(tx, &group)?;
        groups::add_member(tx, group.id, user)
    });
    let passed = guest.asks_for_page("/").expect(200);
    assert_eq!(passed.header("x-nightlatch-groups"), Some(""));
}

// The cookie is read, everything in the app ends, somebody else has the app's rule read
// anew, and only then is the cookie kept: under the new rule, with whose counter it would
// count as issued.
fn fwd_06_a_read_that_the_end_of_an_app_overtakes_is_never_kept(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let wiki = site.protect_app("Wiki", |_| ());
    let mut guest = site.guest(&wiki);
    enter(&mut guest, &ada, "/");
    let cookie = guest.there.jar.get("__Host-nightlatch-app");
    let token = cookie.and_then(Token::parse).expect("a token");
    let (app, host) = (site.app(), wiki.host.clone());
    let (hers, nobodys) = (
        Presented {
            own: Some(token.digest()),
            shared: Vec::new(),
        },
        Presented::default(),
    );
    let question = |presented| HostQuestion {
        host: &host,
        path: "/",
        presented,
        now: site.now(),
    };
    let read = |presented: &Presented| {
        let (host, presented) = (host.clone(), presented.clone());
        let activity = Arc::clone(&app.activity);
        let reading = app.check_cache.begin(&app.store);
        let read = site.read(move |tx| protected::check(tx, &host, &presented, &activity));
        (reading, read)
    };
    let before = read(&hers);
    let client = wiki.app.id;
    site.write(move |tx| relying_parties::raise_epoch(tx, client));
    let after = read(&nobodys);
    let keep = |presented, (reading, read): &(_, HostCheck)| {
        app.check_cache
            .keep_on_host(*reading, question(presented), read);
    };
    keep(&nobodys, &after);
    keep(&hers, &before);
    let found = app.check_cache.find_on_host(question(&hers), &app.activity);
    assert!(found.is_none());
}
