//! Apps behind a proxy: in, through, and out again (FWD-01 … FWD-08, D1 … D7).

use nightlatch_domain::ending::Scope;
use nightlatch_domain::notice::NoticeState;
use nightlatch_protocols::forward_auth::Proxy;
use nightlatch_storage::groups::{self, Group};
use nightlatch_storage::on_both_databases;
use nightlatch_storage::testing::{break_after, mend};
use nightlatch_testkit::{Account, Browser, Guest, PASSWORD, Site, TestDatabase, way_back};

use crate::{DAY, HOUR, MINUTE};

on_both_databases!(
    fwd_04_signing_in_comes_back_to_the_very_page,
    fwd_02_the_app_is_told_who_it_is_and_gets_none_of_our_cookies,
    d1_a_log_out_elsewhere_is_refused_at_the_next_request,
    d2_d5_one_address_on_the_host_logs_out_of_everything,
    d5_this_site_only_leaves_the_rest,
    d3_calls_are_told_and_not_led,
    d4_one_person_is_stopped_and_nobody_else,
    d7_the_database_stopped_is_no_answer,
    d7_two_thousand_checks_at_once_refuse_nobody,
    what_ends_with_the_session_is_in_apps_and_in_the_receipt,
    several_tabs_sign_in_at_once,
    a14_the_script_is_told_and_keeps_nobody_signed_in,
);

/// Signs in on the way to the app, and arrives.
pub(super) fn enter(guest: &mut Guest<'_>, account: &Account, path: &str) {
    assert_eq!(guest.open(path), None, "a page of ours");
    guest.at_home.fill("E-mail address", &account.email);
    guest.at_home.fill("Password", PASSWORD);
    let answer = guest.at_home.press("Sign in");
    let arrived = guest.goes_on_from(&answer);
    assert_eq!(arrived.as_deref(), Some(path));
    assert!(guest.is_in());
}

fn fwd_04_signing_in_comes_back_to_the_very_page(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let wiki = site.protect_app("Wiki", |_| ());
    for (number, proxy) in Proxy::ALL.into_iter().enumerate() {
        let mut guest = site.guest(&wiki);
        guest.proxy = proxy;
        let path = format!("/pages//{number}%2fa?q=%C3%A9&next=https://evil.example/");
        enter(&mut guest, &ada, &path);
        assert!(
            guest.at_home.page().text.contains("Wiki"),
            "the page names the app"
        );
        // Whoever is signed in is led through without a question.
        let mut again = guest.also_at(&wiki);
        assert!(!again.is_in());
        assert_eq!(again.open("/other?x").as_deref(), Some("/other?x"));
    }
}

fn fwd_02_the_app_is_told_who_it_is_and_gets_none_of_our_cookies(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_person("Ada \u{dc}mlaut, Countess", "ada@brightwater.example");
    let team = add_group(&site, "Back office, \u{2116} 1", &[&ada]);
    let wiki = site.protect_app("Wiki", |_| ());
    for proxy in Proxy::ALL {
        let mut guest = site.guest(&wiki);
        guest.proxy = proxy;
        enter(&mut guest, &ada, "/");
        guest.there.jar.put("theme", "dark");
        let passed = guest.asks_for_page("/").expect(200);
        let value = |name: &str| passed.header(name).unwrap_or_default().to_owned();
        assert_eq!(value("x-nightlatch-user"), ada.id.to_string());
        assert_eq!(value("x-nightlatch-email"), ada.email);
        assert_eq!(value("x-nightlatch-name"), "Ada %C3%9Cmlaut%2C Countess");
        assert_eq!(value("x-nightlatch-groups"), "Back office%2C %E2%84%96 1");
        assert_eq!(value("x-nightlatch-session"), guest.at_home.session_id());
        assert_eq!(value("remote-user"), ada.email);
        assert_eq!(value("remote-name"), value("x-nightlatch-name"));
        assert_eq!(value("remote-groups"), value("x-nightlatch-groups"));
        assert_eq!(value("x-nightlatch-token"), "");
        assert_eq!(value("cookie"), "theme=dark");
    }
    assert_eq!(team.name, "Back office, \u{2116} 1");
    // The signed variant says the same, for this app and for a minute.
    let files = site.protect_app("Files", |rule| rule.signed_headers = true);
    let mut guest = site.guest(&files);
    enter(&mut guest, &ada, "/");
    let passed = guest.asks_for_page("/").expect(200);
    let token = passed
        .header("x-nightlatch-token")
        .expect("a token")
        .to_owned();
    let keys = site.app().signing.current();
    let kind = nightlatch_protocols::jose::TokenType::Identity;
    let claims = keys
        .verify::<serde_json::Value>(kind, &token)
        .expect("our signature")
        .claims;
    assert_eq!(claims["aud"], files.app.id.to_string());
    assert_eq!(claims["sub"], ada.id.to_string());
    assert_eq!(claims["iss"], site.origin());
    assert_eq!(claims["sid"], guest.at_home.session_id());
    let (issued, expires) = (claims["iat"].as_i64(), claims["exp"].as_i64());
    assert_eq!(expires.zip(issued).map(|(to, from)| to - from), Some(60));
    let other = nightlatch_protocols::jose::TokenType::Id;
    assert!(keys.verify::<serde_json::Value>(other, &token).is_err());
}

pub(super) fn add_group(site: &Site, name: &str, members: &[&Account]) -> Group {
    let group = Group {
        id: nightlatch_domain::ids::GroupId::random(site.moment().random.as_ref()),
        organization_id: site.organization(),
        name: name.to_owned(),
        created_at: site.now(),
    };
    let (added, members) = (
        group.clone(),
        members.iter().map(|one| one.id).collect::<Vec<_>>(),
    );
    site.write(move |tx| {
        groups::add(tx, &added)?;
        for member in &members {
            groups::add_member(tx, added.id, *member)?;
        }
        Ok(())
    });
    group
}

type End = fn(&Site, &Account, &mut Guest<'_>, &mut Browser<'_>);

fn d1_a_log_out_elsewhere_is_refused_at_the_next_request(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let wiki = site.protect_app("Wiki", |_| ());
    let mut phone = site.browser();
    let ends: [(&str, End); 4] = [
        ("here", |_, _, guest, _| drop(guest.at_home.log_out())),
        ("from another device", |_, _, guest, phone| {
            let path = format!("/api/v1/sessions/{}", guest.at_home.session_id());
            drop(phone.api("DELETE", &path, None).expect(200));
        }),
        ("all others", |_, _, _, phone| {
            phone.open("/account/sessions/log-out-others").expect(200);
            phone.press("Log out all other sessions").expect(200);
        }),
        ("it timed out", |site, _, _, _| site.advance(DAY * 8)),
    ];
    for (what, end) in ends {
        phone.sign_in(&ada);
        let mut guest = site.guest(&wiki);
        enter(&mut guest, &ada, "/");
        end(&site, &ada, &mut guest, &mut phone);
        assert!(!guest.is_in(), "{what}");
        let led = guest.asks_for_page("/page").expect(302);
        assert_eq!(
            way_back(led.location().expect("a way")).as_deref(),
            Some("/page")
        );
        if what == "it timed out" {
            break;
        }
    }
    // The device that others were ended from goes on where it was.
    let mut kept = site.guest(&wiki);
    enter(&mut kept, &ada, "/");
    kept.at_home
        .open("/account/sessions/log-out-others")
        .expect(200);
    kept.at_home.press("Log out all other sessions").expect(200);
    assert!(kept.is_in());
}

fn d2_d5_one_address_on_the_host_logs_out_of_everything(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let (wiki, files) = (
        site.protect_app("Wiki", |_| ()),
        site.protect_app("Files", |_| ()),
    );
    let mut guest = site.guest(&wiki);
    enter(&mut guest, &ada, "/");
    let mut elsewhere = guest.also_at(&files);
    assert_eq!(elsewhere.open("/").as_deref(), Some("/"));
    // Asking changes nothing, and another site only gets the question.
    guest.there.open("/.nightlatch/log-out").expect(200);
    assert_eq!(guest.there.page().heading, "Log out of this browser?");
    assert!(guest.there.page().says("Wiki") && guest.there.page().says(&ada.email));
    for headers in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example")],
        &[("origin", "http://localhost:8080")],
        &[("referer", "https://wiki.example.net.evil.example/")],
        &[],
    ] {
        let mut ask = guest.there.ask("POST", "/.nightlatch/log-out");
        for (name, value) in headers {
            ask = ask.header(name, value);
        }
        let answer = ask.form("scope=browser").send();
        drop(answer.expect_redirect("/.nightlatch/log-out"));
        assert!(guest.is_in() && elsewhere.is_in(), "{headers:?}");
    }
    // The first choice is everything in this browser.
    let page = guest.there.page().clone();
    assert_eq!(page.forms.len(), 2, "two choices and no more");
    assert!(page.forms[0].has_button("Log out of everything in this browser"));
    let answer = guest
        .there
        .press_once("Log out of everything in this browser");
    let to = answer.location().expect("a way on").to_owned();
    assert!(!guest.is_in() && !elsewhere.is_in());
    assert!(guest.there.jar.get("__Host-nightlatch-app").is_none());
    assert_eq!(guest.goes_on(&to), None);
    assert_eq!(guest.at_home.path(), "/signed-out");
    assert_eq!(guest.at_home.page().heading, "You are logged out");
    for name in ["Wiki", "Files"] {
        assert!(guest.at_home.page().says(name), "{name}");
    }
    assert!(guest.at_home.page().says("Ended"));
    assert!(!guest.at_home.is_signed_in());
    // The address of the receipt is good once.
    let path = to
        .strip_prefix(&site.origin())
        .expect("our own address")
        .to_owned();
    let mut thief = site.browser();
    thief.open(&path).expect(200);
    assert_eq!(thief.page().heading, "You are not signed in");
    // With nothing to log out of here, our own page is asked.
    let answer = guest.there.open_once("/.nightlatch/log-out");
    drop(answer.expect_redirect("http://localhost:8080/logout"));
    // An old address of a receipt shows nothing either.
    let mut second = site.guest(&wiki);
    enter(&mut second, &ada, "/");
    second.there.open("/.nightlatch/log-out").expect(200);
    let answer = second
        .there
        .press_once("Log out of everything in this browser");
    let late = answer.location().expect("a way on").to_owned();
    site.advance(MINUTE);
    assert_eq!(second.goes_on(&late), None);
    assert!(second.at_home.page().find_link("Sign in").is_some());
    assert!(!second.at_home.page().says("Wiki"));
    // A stale page logs out all the same, and the app's own button may post there.
    let mut third = site.guest(&wiki);
    enter(&mut third, &ada, "/");
    let ask = third
        .there
        .ask("POST", "/.nightlatch/log-out")
        .by_own_page();
    assert_eq!(ask.send().status, 303);
    assert!(!third.is_in());
}

fn d5_this_site_only_leaves_the_rest(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let (wiki, files) = (
        site.protect_app("Wiki", |_| ()),
        site.protect_app("Files", |_| ()),
    );
    let strict = site.protect_app("Strict", |rule| rule.this_site_only = false);
    let mut guest = site.guest(&wiki);
    enter(&mut guest, &ada, "/");
    let stolen = guest.clone();
    let mut elsewhere = guest.also_at(&files);
    assert_eq!(elsewhere.open("/").as_deref(), Some("/"));
    guest.there.open("/.nightlatch/log-out").expect(200);
    guest.there.press("Log out of this site only").expect(200);
    assert_eq!(guest.there.path(), "/.nightlatch/left");
    assert_eq!(guest.there.page().heading, "You are logged out of Wiki");
    assert!(!guest.is_in() && !stolen.is_in());
    assert!(elsewhere.is_in() && elsewhere.at_home.is_signed_in());
    elsewhere.at_home.open("/account/apps").expect(200);
    assert!(!elsewhere.at_home.page().says("Wiki"));
    let mut third = elsewhere.also_at(&strict);
    assert_eq!(third.open("/").as_deref(), Some("/"));
    third.there.open("/.nightlatch/log-out").expect(200);
    assert_eq!(third.there.page().forms.len(), 1);
    let ask = third
        .there
        .ask("POST", "/.nightlatch/log-out")
        .by_own_page();
    let answer = ask.form("scope=site").send();
    assert!(
        answer
            .location()
            .is_some_and(|to| to.starts_with("http://localhost:8080/signed-out"))
    );
    assert!(
        !elsewhere.is_in(),
        "where it is not offered, it is not done"
    );
}

fn d3_calls_are_told_and_not_led(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let wiki = site.protect_app("Wiki", |_| ());
    for proxy in Proxy::ALL {
        let mut guest = site.guest(&wiki);
        guest.proxy = proxy;
        for (method, headers) in [
            ("GET", &[("sec-fetch-mode", "cors")][..]),
            ("POST", &[("accept", "text/html")]),
            (
                "GET",
                &[("sec-fetch-mode", "websocket"), ("upgrade", "websocket")],
            ),
            ("PROPFIND", &[]),
        ] {
            let told = guest.asks(method, "/api", headers).expect(401);
            assert_eq!(told.location(), None);
            let login = told
                .header("x-nightlatch-login")
                .expect("an address")
                .to_owned();
            assert_eq!(login, "https://wiki.example.net/.nightlatch/sign-in");
        }
        // From there, the script's page is come back to.
        let ask = guest.there.ask("GET", "/.nightlatch/sign-in");
        let away = ask
            .header("referer", "https://wiki.example.net/board?x=1")
            .send();
        let to = away.location().expect("a way").to_owned();
        assert_eq!(guest.goes_on(&to), None);
        guest.at_home.fill("E-mail address", &ada.email);
        guest.at_home.fill("Password", PASSWORD);
        let answer = guest.at_home.press("Sign in");
        assert_eq!(guest.goes_on_from(&answer).as_deref(), Some("/board?x=1"));
    }
}

fn d4_one_person_is_stopped_and_nobody_else(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let grace = site.add_person("Grace Hopper", "grace@brightwater.example");
    let wiki = site.protect_app("Wiki", |_| ());
    let (mut hers, mut graces) = (site.guest(&wiki), site.guest(&wiki));
    enter(&mut hers, &ada, "/");
    enter(&mut graces, &grace, "/");
    site.end_for(&ada, Scope::AllOf(ada.id), None);
    assert!(!hers.is_in());
    assert!(graces.is_in());
    site.disable(&grace);
    assert!(!graces.is_in());
}

fn d7_the_database_stopped_is_no_answer(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let wiki = site.protect_app("Wiki", |_| ());
    let mut guest = site.guest(&wiki);
    enter(&mut guest, &ada, "/");
    // What is known in memory needs no database; here nothing is known.
    site.crash();
    let store = site.app().store.clone();
    break_after(&store, 0);
    for proxy in Proxy::ALL {
        guest.proxy = proxy;
        for answer in [guest.asks_for_page("/"), guest.asks_for_call("/")] {
            let answer = answer.expect(503);
            assert!(answer.header("retry-after").is_some());
            assert_eq!(answer.header("x-nightlatch-login"), None);
            assert_eq!(answer.header("x-nightlatch-user"), None);
        }
    }
    for path in [
        "sign-in",
        "log-out",
        "left",
        "status",
        "events",
        "callback?code=x",
    ] {
        let answer = guest.there.open_once(&format!("/.nightlatch/{path}"));
        drop(answer.expect(503));
    }
    mend(&store);
    assert!(guest.is_in());
}

fn d7_two_thousand_checks_at_once_refuse_nobody(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let wiki = site.protect_app("Wiki", |_| ());
    let mut guest = site.guest(&wiki);
    enter(&mut guest, &ada, "/");
    let statuses = guest.asks_at_once(2_000);
    assert_eq!(statuses.len(), 2_000);
    let refused = statuses.iter().filter(|status| **status != 200).count();
    assert_eq!(refused, 0, "{statuses:?}");
}

fn what_ends_with_the_session_is_in_apps_and_in_the_receipt(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let wiki = site.protect_app("Wiki", |_| ());
    let mut guest = site.guest(&wiki);
    enter(&mut guest, &ada, "/");
    guest.at_home.open("/account/apps").expect(200);
    assert!(guest.at_home.page().says("Wiki"));
    guest.at_home.open("/account/history").expect(200);
    assert!(guest.at_home.page().says("Wiki"));
    let session = guest.at_home.session_id().parse().expect("an id");
    guest.at_home.press("Log out").expect(200);
    let page = guest.at_home.page().clone();
    assert!(page.says("Wiki") && page.says("Ended"));
    assert!(page.says("over with the session"));
    let states: Vec<NoticeState> = site
        .notices_of_session(session)
        .iter()
        .map(|one| one.state)
        .collect();
    assert_eq!(states, [NoticeState::Ended]);
    // Removing the access ends it in all sessions, at once.
    let (mut one, mut two) = (site.guest(&wiki), site.guest(&wiki));
    enter(&mut one, &ada, "/");
    enter(&mut two, &ada, "/");
    one.at_home.open("/account/apps").expect(200);
    one.at_home.press("Remove access of Wiki").expect(200);
    assert!(!one.is_in() && !two.is_in());
    assert!(one.at_home.is_signed_in() && two.at_home.is_signed_in());
}

fn several_tabs_sign_in_at_once(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let wiki = site.protect_app("Wiki", |_| ());
    let mut guest = site.guest(&wiki);
    assert_eq!(guest.open("/one"), None);
    let first = guest.at_home.path().to_owned();
    assert_eq!(guest.open("/two"), None);
    let second = guest.at_home.path().to_owned();
    assert_ne!(first, second);
    guest.at_home.open(&first).expect(200);
    guest.at_home.fill("E-mail address", &ada.email);
    guest.at_home.fill("Password", PASSWORD);
    let answer = guest.at_home.press("Sign in");
    assert_eq!(guest.goes_on_from(&answer).as_deref(), Some("/one"));
    // The other tab goes on to its own page.
    let waiting = way_of(&second);
    let answer = guest.at_home.open(&waiting);
    assert_eq!(guest.goes_on_from(&answer).as_deref(), Some("/two"));
}

/// The request that a sign-in page leads back to.
fn way_of(login: &str) -> String {
    let url = url::Url::parse(&format!("https://x.example{login}")).expect("an address");
    let mut pairs = url.query_pairs();
    let found = pairs.find(|(name, _)| name == "return_to");
    found.expect("a way back").1.into_owned()
}

fn a14_the_script_is_told_and_keeps_nobody_signed_in(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let wiki = site.protect_app("Wiki", |_| ());
    let mut guest = site.guest(&wiki);
    enter(&mut guest, &ada, "/");
    let script = guest.there.open_once("/.nightlatch/leave.js").expect(200);
    assert_eq!(script.media_type(), "text/javascript");
    let status = |guest: &mut Guest<'_>| {
        let answer = guest
            .there
            .ask("GET", "/.nightlatch/status")
            .by_script()
            .send();
        answer.expect(200).json()["state"]
            .as_str()
            .expect("a state")
            .to_owned()
    };
    let began = site.now();
    for _ in 0..10 {
        site.advance(HOUR * 2);
        assert_eq!(status(&mut guest), "live");
        site.flush_activity();
    }
    site.wait_until(began.plus(DAY));
    assert_eq!(status(&mut guest), "ended");
    let stream = guest
        .there
        .ask("GET", "/.nightlatch/events")
        .by_script()
        .send();
    assert_eq!(stream.text(), "event: ended\ndata: {}\n\n");
    guest.there.open("/.nightlatch/left").expect(200);
    let page = guest.there.page();
    assert_eq!(page.heading, "You are logged out of Wiki");
    // It is no longer claimed that other apps may be open: everything is over, and why.
    assert!(page.says("because this browser was not used for a while."));
    assert!(!page.says("You may still be signed in"));
}
