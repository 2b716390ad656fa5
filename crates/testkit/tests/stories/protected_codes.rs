//! Attacks on the way into an app behind a proxy: its codes, where it leads, and what is
//! asked for on it (FWD-04, FWD-05, FWD-09, B12).

use nightlatch_domain::relying_party::protection::{
    CALLBACK_PATH, Entrance, ProtectedHost, Protection, RequiredLevel,
};
use nightlatch_domain::relying_party::{RegisteredUri, Registration};
use nightlatch_storage::{groups, on_both_databases, relying_parties};
use nightlatch_testkit::{
    Account, Answer, Guest, PASSWORD, ProtectedApp, REDIRECT_URI, RegisteredApp, Site, TestDatabase,
};

use crate::protected::add_group;
use crate::{MINUTE, SECOND};

on_both_databases!(
    fwd_05_a_code_is_good_once,
    fwd_05_a_code_is_good_in_the_browser_that_asked,
    fwd_05_a_code_is_good_on_its_host,
    fwd_05_a_code_is_good_for_a_minute,
    fwd_05_a_code_is_good_while_the_session_is,
    fwd_05_a_code_is_good_while_the_app_lets_its_person_in,
    fwd_05_a_code_for_a_host_gets_no_tokens,
    fwd_05_a_code_of_an_app_opens_no_host,
    fwd_04_no_address_leads_to_another_place,
    fwd_09_a_second_step_is_asked_for_and_leads_to_the_very_page,
    b12_whoever_is_in_no_group_is_told_so,
);

const STATE: &str = "__Host-nightlatch-app-state";
const COOKIE: &str = "__Host-nightlatch-app";

/// Signs in on the way to the app, up to the address with the code.
fn come_to_callback(guest: &mut Guest<'_>, account: &Account, path: &str) -> String {
    assert_eq!(guest.open(path), None, "a page of ours");
    guest.at_home.fill("E-mail address", &account.email);
    guest.at_home.fill("Password", PASSWORD);
    callback_in(&guest.at_home.press("Sign in"))
}

/// The path with the code, in an answer that leads to a host.
fn callback_in(answer: &Answer) -> String {
    let to = answer.location().expect("a way on");
    let at = to.find(CALLBACK_PATH).expect("the host's callback");
    to.split_at(at).1.to_owned()
}

/// Opens an address with a code that must not do.
fn is_refused(guest: &mut Guest<'_>, callback: &str) {
    let answer = guest.there.open_once(callback).expect(400);
    assert_eq!(answer.cookie(COOKIE), None);
    assert_eq!(answer.location(), None);
    assert!(guest.there.jar.get(COOKIE).is_none());
    assert!(!guest.is_in());
}

fn fwd_05_a_code_is_good_once(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let wiki = site.protect_app("Wiki", |_| ());
    let mut guest = site.guest(&wiki);
    let callback = come_to_callback(&mut guest, &ada, "/page");
    // Somebody copied all of it, the browser's state included.
    let mut thief = guest.clone();
    let answer = guest.there.open_once(&callback);
    drop(answer.expect_redirect("https://wiki.example.net/page"));
    assert!(guest.is_in());
    assert!(guest.there.jar.get(STATE).is_none());
    is_refused(&mut thief, &callback);
    assert!(guest.is_in(), "it takes nothing from whoever was first");
}

fn fwd_05_a_code_is_good_in_the_browser_that_asked(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let eve = site.add_person("Eve", "eve@brightwater.example");
    let wiki = site.protect_app("Wiki", |_| ());
    let mut attacker = site.guest(&wiki);
    let callback = come_to_callback(&mut attacker, &eve, "/");
    // Login CSRF: Ada would work under Eve's name. A browser that asked for nothing, and
    // one that asked for something of its own.
    let mut victim = site.guest(&wiki);
    is_refused(&mut victim, &callback);
    assert_eq!(victim.open("/"), None);
    assert!(victim.there.jar.get(STATE).is_some());
    is_refused(&mut victim, &callback);
    for state in ["", "x", &"A".repeat(43)] {
        victim.there.jar.put(STATE, state);
        is_refused(&mut victim, &callback);
    }
    // None of that used it up.
    attacker.there.open_once(&callback).expect(303);
    assert!(attacker.is_in());
}

fn fwd_05_a_code_is_good_on_its_host(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let second = ProtectedHost::parse("https://wiki2.example.net").expect("a host");
    let wiki = site.protect_app("Wiki", |rule| rule.hosts.push(second.clone()));
    let files = site.protect_app("Files", |_| ());
    let same_app = ProtectedApp {
        app: wiki.app.clone(),
        host: second,
    };
    let mut guest = site.guest(&wiki);
    let callback = come_to_callback(&mut guest, &ada, "/");
    let state = guest.there.jar.get(STATE).expect("a state").to_owned();
    for other in [&files, &same_app] {
        let mut thief = site.guest(other);
        thief.there.jar.put(STATE, &state);
        is_refused(&mut thief, &callback);
    }
    guest.there.open_once(&callback).expect(303);
}

fn fwd_05_a_code_is_good_for_a_minute(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let wiki = site.protect_app("Wiki", |_| ());
    let (mut quick, mut slow) = (site.guest(&wiki), site.guest(&wiki));
    let callback = come_to_callback(&mut quick, &ada, "/");
    site.advance(MINUTE.saturating_sub(SECOND));
    quick.there.open_once(&callback).expect(303);
    let callback = come_to_callback(&mut slow, &ada, "/");
    site.advance(MINUTE);
    is_refused(&mut slow, &callback);
}

fn fwd_05_a_code_is_good_while_the_session_is(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let wiki = site.protect_app("Wiki", |_| ());
    let mut guest = site.guest(&wiki);
    let callback = come_to_callback(&mut guest, &ada, "/");
    let mut phone = site.browser();
    phone.sign_in(&ada);
    phone.open("/account/sessions/log-out-others").expect(200);
    phone.press("Log out all other sessions").expect(200);
    is_refused(&mut guest, &callback);
}

fn fwd_05_a_code_is_good_while_the_app_lets_its_person_in(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let team = add_group(&site, "Team", &[&ada]);
    let wiki = site.protect_app("Wiki", |rule| {
        rule.entrance = Entrance::Named {
            users: Vec::new(),
            groups: vec![team.id],
        };
    });
    let mut guest = site.guest(&wiki);
    let callback = come_to_callback(&mut guest, &ada, "/");
    let (group, user) = (team.id, ada.id);
    site.write(move |tx| groups::remove_member(tx, group, user));
    is_refused(&mut guest, &callback);
    // And while the app is there.
    let files = site.protect_app("Files", |_| ());
    let mut guest = site.guest(&files);
    let callback = come_to_callback(&mut guest, &ada, "/");
    let (moment, place) = (site.moment(), (site.organization(), files.app.id));
    let operator = nightlatch_domain::ending::Actor::Operator;
    site.write(move |tx| {
        nightlatch_flows::apps::withdraw(tx, &moment, place, operator, None)?;
        nightlatch_flows::apps::restore(tx, &moment, place, operator)
    });
    is_refused(&mut guest, &callback);
}

/// An app that speaks OpenID Connect, and that a proxy protects besides.
fn both(site: &Site, change: impl FnOnce(&mut Protection)) -> (RegisteredApp, ProtectedApp) {
    let host = ProtectedHost::parse("https://crm.example.com").expect("a host");
    let mut rule = Protection {
        hosts: vec![host.clone()],
        ..Protection::default()
    };
    change(&mut rule);
    let registered = site.add_app("CRM", |app| {
        *app = Registration {
            redirect_uris: vec![RegisteredUri::parse(REDIRECT_URI).expect("an address")],
            protection: Some(rule),
            first_party: true,
            ..Registration::default()
        };
    });
    let id = registered.id;
    let app = site
        .read(move |tx| relying_parties::find(tx, id))
        .expect("an app");
    (registered, ProtectedApp { app, host })
}

fn fwd_05_a_code_for_a_host_gets_no_tokens(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let (registered, app) = both(&site, |_| ());
    let mut guest = site.guest(&app);
    let callback = come_to_callback(&mut guest, &ada, "/");
    // The app's own server sees codes pass, and knows its secret; it can even have the
    // browser's state, which is sent to it where a proxy is set up carelessly.
    let state = guest.there.jar.get(STATE).expect("a state").to_owned();
    let code = callback.split_once("code=").expect("a code").1;
    let code = code.split('&').next().unwrap_or_default();
    for uri in [app.host.callback().as_str(), REDIRECT_URI, ""] {
        for verifier in [state.as_str(), ""] {
            let mut fields = vec![("grant_type", "authorization_code"), ("code", code)];
            for pair in [("redirect_uri", uri), ("code_verifier", verifier)] {
                if !pair.1.is_empty() {
                    fields.push(pair);
                }
            }
            let answer = registered.post(&site, "/oauth2/token", &fields);
            assert_eq!(answer.status, 400, "{uri} {verifier}: {}", answer.text());
            assert!(answer.json().get("access_token").is_none());
        }
    }
    // None of that used it up, or ended anything.
    guest.there.open_once(&callback).expect(303);
    assert!(guest.is_in());
}

fn fwd_05_a_code_of_an_app_opens_no_host(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let (registered, app) = both(&site, |_| ());
    let mut guest = site.guest(&app);
    guest.at_home.sign_in(&ada);
    let issued = site.issue_code(&guest.at_home, &registered, "openid");
    // Whoever has the verifier puts it where the state is.
    guest.there.jar.put(STATE, &issued.verifier);
    let callback = format!("{CALLBACK_PATH}?code={}", issued.code);
    is_refused(&mut guest, &callback);
    assert_eq!(registered.exchange(&site, &issued).status, 200);
}

fn fwd_04_no_address_leads_to_another_place(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let wiki = site.protect_app("Wiki", |_| ());
    let mut guest = site.guest(&wiki);
    let home = wiki.host.origin();
    let places = [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example/",
        "/\\evil.example/",
        "\\\\evil.example/",
        "/\t/evil.example/",
        "https:evil.example",
        "https://wiki.example.net@evil.example/",
        "https://wiki.example.net.evil.example/",
        ".evil.example/",
        "@evil.example/",
        ":443@evil.example/",
        "javascript:alert(1)",
        "data:text/html,x",
        "/a\r\nset-cookie: x=y",
        "/.nightlatch/sign-in",
        "/.NIGHTLATCH/log-out",
        "//.nightlatch/log-out",
        "/x/../.nightlatch/log-out",
        "/%2e/.nightlatch/log-out",
        "/page#fragment",
        "",
    ];
    let leads_home = |to: &str, what: &str| {
        let rest = to
            .strip_prefix(home)
            .unwrap_or_else(|| panic!("{what}: {to}"));
        assert!(rest.starts_with('/'), "{what}: {to}");
        let url = url::Url::parse(to).expect("an address");
        assert_eq!(url.origin().ascii_serialization(), home, "{what}");
        assert!(!url.path().contains("nightlatch/log-out"), "{what}: {to}");
        assert_eq!(url.fragment(), None, "{what}");
    };
    let asks_for = |guest: &mut Guest<'_>, place: &str| {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("to", place)
            .finish();
        let path = format!("/.nightlatch/sign-in?{query}");
        let ask = guest.there.ask("GET", &path);
        ask.header("referer", "https://evil.example/page").send()
    };
    // The whole way in.
    for place in [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
    ] {
        let mut guest = site.guest(&wiki);
        let to = asks_for(&mut guest, place).expect(303);
        assert_eq!(guest.goes_on_from(&to), None);
        guest.at_home.fill("E-mail address", &ada.email);
        guest.at_home.fill("Password", PASSWORD);
        let callback = callback_in(&guest.at_home.press("Sign in"));
        let answer = guest.there.open_once(&callback).expect(303);
        leads_home(answer.location().expect("a way"), place);
        assert!(guest.is_in());
    }
    // Whoever is in already is sent on at once.
    crate::protected::enter(&mut guest, &ada, "/");
    for place in places {
        let answer = asks_for(&mut guest, place).expect(303);
        leads_home(answer.location().expect("a way"), place);
    }
    // What the proxy says is a path as well, and never an address.
    let mut visitor = site.guest(&wiki);
    for proxy in nightlatch_protocols::forward_auth::Proxy::ALL {
        visitor.proxy = proxy;
        let led = visitor.asks_for_page("//evil.example/x");
        let to = led
            .location()
            .or_else(|| led.header("x-nightlatch-redirect"));
        assert_eq!(
            to,
            Some("https://wiki.example.net/.nightlatch/sign-in?to=//evil.example/x")
        );
    }
}

fn fwd_09_a_second_step_is_asked_for_and_leads_to_the_very_page(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let payroll = site.protect_app("Payroll", |rule| rule.level = RequiredLevel::SecondFactor);
    let mut guest = site.guest(&payroll);
    // Signed in with a password alone, before there was a second step.
    guest.at_home.sign_in(&ada);
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let phone = laptop.set_up_app();
    let page = "/salaries/2027?of=everybody";
    assert_eq!(guest.open(page), None);
    assert!(!guest.is_in());
    assert_eq!(guest.at_home.page().heading, "Confirm it's you");
    let label = "A code from your app";
    guest.at_home.fill(label, "000000");
    guest.at_home.press("Continue").expect(422);
    assert!(!guest.is_in());
    guest.at_home.fill(label, &phone.next_code(&site));
    let answer = guest.at_home.press("Continue");
    assert_eq!(guest.goes_on_from(&answer).as_deref(), Some(page));
    assert!(guest.is_in());
}

fn b12_whoever_is_in_no_group_is_told_so(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let grace = site.add_person("Grace Hopper", "grace@brightwater.example");
    let other = site.add_organization("Elsewhere Ltd");
    let nobody = |_: &Site| Entrance::Named {
        users: Vec::new(),
        groups: Vec::new(),
    };
    let closed = site.protect_app("Closed", |rule| rule.entrance = nobody(&site));
    let hers = site.protect_app("Hers", |rule| {
        rule.entrance = Entrance::Named {
            users: vec![grace.id],
            groups: Vec::new(),
        };
    });
    // A group of another organization opens nothing, even if somebody got into it.
    let foreign = groups::Group {
        id: nightlatch_domain::ids::GroupId::random(site.moment().random.as_ref()),
        organization_id: other,
        name: "Foreign".to_owned(),
        created_at: site.now(),
    };
    let (added, user) = (foreign.clone(), ada.id);
    site.write(move |tx| {
        groups::add(tx, &added)?;
        groups::add_member(tx, added.id, user)
    });
    let theirs = site.protect_app("Theirs", |rule| {
        rule.entrance = Entrance::Named {
            users: Vec::new(),
            groups: vec![foreign.id],
        };
    });
    let mut guest = site.guest(&closed);
    guest.at_home.sign_in(&ada);
    for app in [&closed, &hers, &theirs] {
        let mut at = guest.also_at(app);
        assert_eq!(at.open("/page"), None, "{}", app.app.name);
        assert_eq!(
            at.at_home.page().heading,
            "You do not have access to this app"
        );
        assert!(at.at_home.page().says("Ada Lovelace"));
        assert!(!at.is_in());
        assert!(at.there.jar.get(COOKIE).is_none());
    }
    let mut her = site.guest(&hers);
    crate::protected::enter(&mut her, &grace, "/");
}
