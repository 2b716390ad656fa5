//! What others put into a browser, or into a request, to get at an app behind a proxy
//! (COOK-01, CSRF-04, FWD-05, FWD-07), and pages of ours where everything else is public.

use nightlatch_domain::relying_party::protection::PathRule;
use nightlatch_protocols::forward_auth::Proxy;
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Guest, Jar, PASSWORD, Site, TestDatabase};

use crate::protected::enter;
use crate::{DAY, HOUR};

on_both_databases!(
    cook_01_a_cookie_that_only_looks_like_ours_signs_nobody_in,
    fwd_07_no_other_protocol_gets_by,
    csrf_04_an_app_learns_no_token_for_our_own_pages,
    a14_where_everything_is_public_the_end_of_a_session_still_shows,
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
