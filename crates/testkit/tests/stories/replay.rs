//! A saved cookie is worth nothing once its session has ended, on any route
//! (OUT-02, A10, SES-02 … SES-05).

use nightlatch_domain::secret::TokenDigest;
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Account, Browser, Choices, Jar, PASSWORD, Site, TestDatabase};
use nightlatch_web::routes::{self, Access, RouteFacts};

use crate::{DAY, MINUTE};

on_both_databases!(
    out_02_the_cookie_of_any_ended_session_is_refused_on_every_route,
    ses_03_what_is_no_cookie_of_ours_is_refused_on_every_route,
    every_route_that_needs_somebody_lets_somebody_in,
    a7_an_ended_session_stays_ended_over_a_restart,
);

const SECRETS: [&str; 3] = ["Ada", "Lovelace", "ada@brightwater.example"];

/// Asks for a route with a jar, as one of our own pages would.
fn ask(site: &Site, route: RouteFacts, jar: &Jar, id: &str) -> nightlatch_testkit::Answer {
    let path = route
        .path
        .replace("{id}", id)
        .replace("{version}", "1")
        .replace("{name}", "app.css")
        .replace("{code}", &"A".repeat(43));
    let mut browser = site.browser().with_cookies(jar.clone());
    let ask = browser
        .ask(route.method, &path)
        .by_own_page()
        .header("x-nightlatch", "1");
    match (route.method, route.path.starts_with("/api/")) {
        ("GET" | "DELETE", _) => ask.send(),
        (_, true) => ask
            .json(&serde_json::json!({ "password": PASSWORD, "ids": [id] }))
            .send(),
        (_, false) => ask.form("csrf=x&password=x&name=x").send(),
    }
}

/// Everything that a stranger finds behind a jar.
fn is_refused_everywhere(site: &Site, jar: &Jar, what: &str) {
    let id = "00000000-0000-4000-8000-000000000000";
    for route in routes::list() {
        if route.path == "/session/events" {
            continue;
        }
        let answer = ask(site, route, jar, id);
        let status = answer.status.as_u16();
        let name = format!("{} {} after {what}: {status}", route.method, route.path);
        match route.rule.access {
            Access::People => {
                assert_eq!(status, 303, "{name}");
                assert!(
                    answer.location().is_some_and(|to| to.starts_with("/login")),
                    "{name}"
                );
                assert!(answer.body.is_empty(), "{name}");
            }
            Access::Programs => {
                assert_eq!(status, 401, "{name}");
                assert_eq!(answer.media_type(), "application/problem+json", "{name}");
            }
            Access::Everyone
            | Access::Operations
            | Access::Apps
            | Access::Proxies
            | Access::ProtectedHosts => {}
        }
        let text = answer.text();
        for secret in SECRETS {
            assert!(!text.contains(secret), "{name} tells {secret}: {text}");
        }
        // Nobody is signed in by being refused.
        let cookie = answer.cookie("__Host-nightlatch");
        assert!(
            cookie.is_none_or(|header| header.ends_with("Max-Age=0")),
            "{name}"
        );
    }
    assert!(
        !site.browser().with_cookies(jar.clone()).is_signed_in(),
        "{what}"
    );
    // The stream says so at once and ends.
    let mut browser = site.browser().with_cookies(jar.clone());
    let stream = browser.ask("GET", "/session/events").by_script().send();
    assert_eq!(stream.text(), "event: ended\ndata: {}\n\n", "{what}");
}

/// Only the credential: other cookies are not what is replayed.
fn credential(browser: &Browser<'_>) -> Jar {
    Jar::with(
        "__Host-nightlatch",
        browser.session_cookie().expect("a cookie"),
    )
}

type Ending = fn(&Site, &Account, &mut Browser<'_>);

const ENDINGS: [(&str, Ending); 16] = [
    ("log out", |_, _, browser| {
        browser.log_out();
    }),
    ("reset this browser", |_, _, browser| {
        browser.open("/help").expect(200);
        browser.press("Reset this browser").expect(200);
    }),
    ("log out from another device", |site, ada, browser| {
        let path = format!("/api/v1/sessions/{}", browser.session_id());
        other(site, ada).api("DELETE", &path, None).expect(200);
    }),
    ("log out of all sessions", |site, ada, _| {
        other(site, ada)
            .api("POST", "/api/v1/sessions/log-out-all", None)
            .expect(200);
    }),
    ("log out all other sessions", |site, ada, _| {
        other(site, ada)
            .api("POST", "/api/v1/sessions/log-out-others", None)
            .expect(200);
    }),
    ("this wasn't me", |site, ada, browser| {
        let mut other = other(site, ada);
        let path = format!("/account/sessions/{}/not-me", browser.session_id());
        other.open(&path).expect(200);
        other.press("Log it out and change my password").expect(200);
    }),
    ("a changed password", |site, ada, _| {
        let mut other = other(site, ada);
        other.change_password(PASSWORD, "eleven herons over a silver estuary");
    }),
    ("a password set by the operator", |site, ada, _| {
        site.set_password(ada, "eleven herons over a silver estuary");
    }),
    ("a sign-in in the same browser", |_, ada, browser| {
        browser.sign_in(ada);
    }),
    ("the session limit", |site, ada, _| {
        site.change_settings(|settings| settings.policy.session_limit = 1);
        other(site, ada);
    }),
    ("being disabled", |site, ada, _| {
        site.disable(ada);
    }),
    ("being deleted", |site, ada, _| {
        site.delete(ada);
    }),
    ("the organization logged out", |site, ada, _| {
        site.log_out_everybody(Some(ada.organization), "a drill");
    }),
    ("everybody logged out", |site, _, _| {
        site.log_out_everybody(None, "a drill");
    }),
    ("a day without use", |site, _, _| site.advance(DAY)),
    ("a week in all", |site, _, browser| {
        for _ in 0..14 {
            browser.open("/").expect(200);
            site.advance(DAY / 2);
        }
    }),
];

fn other<'a>(site: &'a Site, ada: &Account) -> Browser<'a> {
    let mut other = site.browser();
    other.sign_in(ada);
    other
}

fn out_02_the_cookie_of_any_ended_session_is_refused_on_every_route(which: TestDatabase) {
    for (what, end) in ENDINGS {
        let site = Site::new(which);
        let ada = site.add_ada();
        let mut browser = site.browser();
        browser.sign_in(&ada);
        let saved = credential(&browser);
        assert!(site.browser().with_cookies(saved.clone()).is_signed_in());
        end(&site, &ada, &mut browser);
        is_refused_everywhere(&site, &saved, what);
        // And it stays so, whatever the workers do meanwhile.
        site.flush_activity();
        site.advance(MINUTE);
        site.sweep();
        site.expand();
        assert!(!site.browser().with_cookies(saved).is_signed_in(), "{what}");
    }
}

fn ses_03_what_is_no_cookie_of_ours_is_refused_on_every_route(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut browser = site.browser();
    browser.sign_in_with(&ada, Choices::default());
    let cookie = browser.session_cookie().expect("a cookie").to_owned();
    let row = browser.session_row().expect("a session");
    // A proof replaces the token; after another, the first names nothing any more.
    // (The one in between can log out, and nothing else: see the stories of H4.)
    let body = serde_json::json!({ "password": PASSWORD });
    for _ in 0..2 {
        let proved = browser.api("POST", "/api/v1/proof", Some(&body));
        drop(proved.expect(200));
    }
    let in_base64 = |bytes: &[u8]| base64(bytes);
    let digest = browser.session_row().expect("a session").token.to_bytes();
    let fakes = [
        ("a replaced token", cookie.clone()),
        (
            "a token never issued",
            in_base64(&TokenDigest::of(b"never").to_bytes()),
        ),
        ("the stored digest", in_base64(&digest)),
        ("the public id", row.id.to_string()),
        (
            "the public id, padded",
            format!("{:A<43}", row.id.to_string()),
        ),
        ("nothing", String::new()),
        ("one letter less", cookie[..42].to_owned()),
        ("one letter more", format!("{cookie}A")),
        ("odd letters", "!".repeat(43)),
        ("a cookie of 8 kB", "A".repeat(8192)),
        ("several in one", format!("{cookie}, {cookie}")),
    ];
    for (what, value) in fakes {
        is_refused_everywhere(&site, &Jar::with("__Host-nightlatch", &value), what);
    }
    // The right value under another name is no better.
    let right = browser.session_cookie().expect("a cookie").to_owned();
    for name in [
        "nightlatch",
        "__Secure-nightlatch",
        "__host-nightlatch",
        "__Host-nightlatch-visitor",
        "__Host-nightlatch-browser",
        "__Host-nightlatch-receipt",
    ] {
        is_refused_everywhere(&site, &Jar::with(name, &right), name);
    }
    assert!(browser.is_signed_in());
}

/// The guard of this story: a route that refuses everybody proves nothing.
fn every_route_that_needs_somebody_lets_somebody_in(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    for route in routes::list() {
        if !matches!(route.rule.access, Access::People | Access::Programs) {
            continue;
        }
        let mut browser = site.browser();
        browser.sign_in(&ada);
        let answer = ask(&site, route, &credential(&browser), &browser.session_id());
        let status = answer.status.as_u16();
        assert_ne!(status, 401, "{} {}", route.method, route.path);
        let to_login = answer.location().is_some_and(|to| to.starts_with("/login"));
        assert!(!to_login, "{} {}", route.method, route.path);
    }
}

fn a7_an_ended_session_stays_ended_over_a_restart(which: TestDatabase) {
    for crash in [false, true] {
        let site = Site::new(which);
        let ada = site.add_ada();
        let cookies = site.begin_sessions(&ada, 150);
        let mut laptop = site.browser();
        laptop.sign_in(&ada);
        let saved = credential(&laptop);
        laptop.open("/account/sessions/log-out-all").expect(200);
        laptop.press("Log out of all sessions").expect(200);
        if crash {
            site.crash();
        } else {
            site.restart();
        }
        assert!(!site.browser().with_cookies(saved).is_signed_in());
        for cookie in &cookies {
            let jar = Jar::with("__Host-nightlatch", cookie);
            assert!(!site.browser().with_cookies(jar).is_signed_in());
        }
        // What was not written down yet is written down by the next process.
        assert_eq!(site.expand(), 1);
        assert_eq!(site.open_sessions_of(&ada), 0);
    }
}

fn base64(bytes: &[u8]) -> String {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut word = [0; 4];
        word[1..=chunk.len()].copy_from_slice(chunk);
        let word = u32::from_be_bytes(word);
        for place in 0..=chunk.len() {
            let index = (word >> (18 - 6 * place)) & 63;
            text.push(char::from(letters[index as usize]));
        }
    }
    text
}
