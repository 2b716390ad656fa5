//! Log out in an app: `standard_logout` as the app's own button does it (RP-Initiated
//! Logout), and everything that others would do with that address.

use nightlatch_domain::ending::Cause;
use nightlatch_domain::relying_party::{RegisteredUri, RelyingParty};
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Account, Answer, Browser, Jar, Site, TestDatabase, goodbye_of};
use serde_json::json;

use crate::{DAY, MINUTE};

on_both_databases!(
    b4_the_hint_of_this_session_logs_out_and_leads_home_without_a_question,
    b7_an_app_without_a_hint_is_asked_about_and_led_home,
    rpl_02_without_hint_and_app_there_is_a_question_and_a_page,
    rpl_04_the_hint_of_another_session_ends_nothing_by_itself,
    rpl_03_a_hint_that_is_not_ours_proves_nothing,
    rpl_07_b2_a_session_that_is_gone_is_no_error,
    rpl_05_b6_an_unregistered_address_logs_out_and_leads_nowhere,
    rpl_08_a_form_of_another_site_comes_back_with_the_cookie,
    b9_nothing_but_a_visit_logs_out,
    b9_a_forged_yes_changes_nothing,
    rpl_09_the_hint_goes_nowhere,
    rpl_06_nobody_waits_long_for_an_app,
    a_parked_request_is_of_this_browser_and_short,
    b2_nothing_that_comes_in_is_an_error,
);

const LOGOUT: &str = "/oauth2/logout";

struct Scene<'a> {
    site: &'a Site,
    ada: Account,
    wiki: RelyingParty,
    laptop: Browser<'a>,
}

impl<'a> Scene<'a> {
    /// Ada is signed in on her laptop, and in the wiki there. It cannot be told, so
    /// that nobody waits for it.
    fn new(site: &'a Site) -> Self {
        let ada = site.add_ada();
        let wiki = site.connect_app("Wiki", |wiki| wiki.backchannel_logout_uris.clear());
        let mut laptop = site.browser();
        laptop.sign_in(&ada);
        site.enter_app(&laptop, &wiki);
        Self {
            site,
            ada,
            wiki,
            laptop,
        }
    }

    fn hint(&self) -> String {
        self.site.id_token(&self.laptop, &self.wiki)
    }
}

fn query(pairs: &[(&str, &str)]) -> String {
    let pairs = serde_urlencoded::to_string(pairs).expect("pairs");
    format!("{LOGOUT}?{pairs}")
}

/// The app sends the browser there.
fn sent(browser: &mut Browser<'_>, path: &str) -> Answer {
    browser
        .ask("GET", path)
        .header("sec-fetch-site", "cross-site")
        .header("sec-fetch-mode", "navigate")
        .header("sec-fetch-dest", "document")
        .send()
}

/// The same, following our own redirects as the browser does.
fn arrives(browser: &mut Browser<'_>, path: &str) -> Answer {
    let first = sent(browser, path);
    match first.location() {
        Some(to) if to.starts_with('/') => browser.follow(first),
        _ => first,
    }
}

fn goodbye() -> String {
    goodbye_of("wiki")
}

fn b4_the_hint_of_this_session_logs_out_and_leads_home_without_a_question(which: TestDatabase) {
    let site = Site::new(which);
    let mut scene = Scene::new(&site);
    let mut phone = site.browser();
    phone.sign_in(&scene.ada);
    let saved = scene.laptop.steal_cookies();
    let row = scene.laptop.session_row().expect("a session");
    let path = query(&[
        ("id_token_hint", &scene.hint()),
        ("post_logout_redirect_uri", &goodbye()),
        ("state", "x y&z"),
        ("ui_locales", "tlh"),
        ("logout_hint", "somebody"),
    ]);
    let answer = sent(&mut scene.laptop, &path);
    drop(answer.expect_redirect(&format!("{}?state=x+y%26z", goodbye())));
    assert_eq!(site.causes_of(&scene.ada), [Some(Cause::LoggedOut), None]);
    assert_eq!(site.notices_of_session(row.id).len(), 1);
    assert!(!scene.laptop.is_signed_in());
    assert!(phone.is_signed_in(), "no collateral");
    // A1, A6: nothing is left of it, whoever kept its cookie.
    assert!(!site.browser().with_cookies(saved).is_signed_in());
    scene.laptop.open("/login").expect(200);
    assert!(scene.laptop.page().find_form("Sign in").is_some());
    // The receipt is there for whoever comes back.
    scene.laptop.open("/signed-out").expect(200);
    assert!(scene.laptop.page().says("Wiki"));
}

fn b7_an_app_without_a_hint_is_asked_about_and_led_home(which: TestDatabase) {
    let site = Site::new(which);
    let mut scene = Scene::new(&site);
    let id = scene.wiki.id.to_string();
    let path = query(&[
        ("client_id", &id),
        ("post_logout_redirect_uri", &goodbye()),
        ("state", "s"),
    ]);
    arrives(&mut scene.laptop, &path).expect(200);
    let page = scene.laptop.page();
    assert_eq!(page.heading, "Log out of this browser?");
    assert!(page.says("Wiki asks to log you out."));
    assert!(page.says("Ada Lovelace"), "it says whom it logs out");
    assert!(scene.laptop.is_signed_in(), "nothing happened yet");
    let answer = press_log_out(&mut scene.laptop);
    drop(answer.expect_redirect(&format!("{}?state=s", goodbye())));
    assert!(!scene.laptop.is_signed_in());
}

/// Says yes on the confirm page, not in the account menu.
fn press_log_out(browser: &mut Browser<'_>) -> Answer {
    let forms = &browser.page().forms;
    let form = forms
        .iter()
        .find(|form| form.action == "/oauth2/logout/continue")
        .expect("the question")
        .clone();
    browser.submit(&form)
}

fn rpl_02_without_hint_and_app_there_is_a_question_and_a_page(which: TestDatabase) {
    let site = Site::new(which);
    let mut scene = Scene::new(&site);
    arrives(&mut scene.laptop, LOGOUT).expect(200);
    assert_eq!(scene.laptop.page().heading, "Log out of this browser?");
    let answer = press_log_out(&mut scene.laptop).expect_redirect("/signed-out");
    scene.laptop.follow(answer).expect(200);
    assert_eq!(scene.laptop.page().heading, "You are logged out");
    // Again: nobody is signed in, and that is all.
    arrives(&mut scene.laptop, LOGOUT).expect(200);
    assert_eq!(scene.laptop.page().heading, "You are logged out");
    let mut stranger = site.browser();
    arrives(&mut stranger, LOGOUT).expect(200);
    assert_eq!(stranger.page().heading, "You are not signed in");
}

fn rpl_04_the_hint_of_another_session_ends_nothing_by_itself(which: TestDatabase) {
    let site = Site::new(which);
    let mut scene = Scene::new(&site);
    let grace = site.add_person("Grace Hopper", "grace@brightwater.example");
    let mut others = site.browser();
    others.sign_in(&grace);
    site.enter_app(&others, &scene.wiki);
    let mut phone = site.browser();
    phone.sign_in(&scene.ada);
    site.enter_app(&phone, &scene.wiki);
    let foreign = site.id_token(&others, &scene.wiki);
    let elsewhere = site.id_token(&phone, &scene.wiki);
    // The id of this session in the mouth of another person.
    let mixed = site.signed(&json!({
        "iss": site.origin(),
        "sub": grace.id.to_string(),
        "aud": scene.wiki.id.to_string(),
        "sid": scene.laptop.session_id(),
    }));
    for hint in [&foreign, &elsewhere, &mixed] {
        let path = query(&[
            ("id_token_hint", hint),
            ("post_logout_redirect_uri", &goodbye()),
        ]);
        arrives(&mut scene.laptop, &path).expect(200);
        assert_eq!(scene.laptop.page().heading, "Log out of this browser?");
        assert!(!scene.laptop.page().says("Grace"), "nobody else is named");
        for browser in [&mut scene.laptop, &mut others, &mut phone] {
            assert!(browser.is_signed_in());
        }
    }
    // Yes ends this browser's session, and never the one that the hint names.
    drop(press_log_out(&mut scene.laptop).expect_redirect(&goodbye()));
    assert!(!scene.laptop.is_signed_in());
    assert!(others.is_signed_in());
    assert!(phone.is_signed_in());
    // With nobody signed in here, a session in another browser goes on too.
    let path = query(&[
        ("id_token_hint", &elsewhere),
        ("post_logout_redirect_uri", &goodbye()),
    ]);
    let mut stranger = site.browser();
    arrives(&mut stranger, &path).expect(200);
    assert!(phone.is_signed_in());
}

fn rpl_03_a_hint_that_is_not_ours_proves_nothing(which: TestDatabase) {
    let (site, other) = (Site::new(which), Site::new(which));
    let mut scene = Scene::new(&site);
    let claims = json!({
        "iss": site.origin(),
        "sub": scene.ada.id.to_string(),
        "aud": scene.wiki.id.to_string(),
        "sid": scene.laptop.session_id(),
    });
    let mut foreign_issuer = claims.clone();
    foreign_issuer["iss"] = json!("https://login.evil.example");
    let good = scene.hint();
    // Another server's key, our names.
    let forged = other.signed(&claims);
    let unsigned = format!("{}.", good.rsplit_once('.').expect("a token").0);
    let issuer = site.signed(&foreign_issuer);
    for hint in [forged.as_str(), &unsigned, &issuer, "x", "..", "%"] {
        let path = query(&[
            ("id_token_hint", hint),
            ("post_logout_redirect_uri", &goodbye()),
        ]);
        arrives(&mut scene.laptop, &path).expect(200);
        assert_eq!(scene.laptop.page().heading, "Log out of this browser?");
        let forms = &scene.laptop.page().forms;
        assert!(
            forms
                .iter()
                .any(|form| form.action == "/oauth2/logout/continue")
        );
        assert!(scene.laptop.is_signed_in());
    }
    // The right hint beside another app's name.
    let crm = site.connect_app("Crm", |_| {});
    let path = query(&[
        ("id_token_hint", &good),
        ("client_id", &crm.id.to_string()),
        ("post_logout_redirect_uri", &goodbye_of("crm")),
    ]);
    arrives(&mut scene.laptop, &path).expect(200);
    assert!(scene.laptop.is_signed_in());
    drop(press_log_out(&mut scene.laptop).expect_redirect("/signed-out"));
}

fn rpl_07_b2_a_session_that_is_gone_is_no_error(which: TestDatabase) {
    let site = Site::new(which);
    let mut scene = Scene::new(&site);
    let hint = scene.hint();
    let id = scene.wiki.id.to_string();
    let cookies = scene.laptop.steal_cookies();
    scene.laptop.log_out();
    let with_hint = query(&[
        ("id_token_hint", &hint),
        ("post_logout_redirect_uri", &goodbye()),
        ("state", "s"),
    ]);
    let home = format!("{}?state=s", goodbye());
    // Without cookie, with the dead one, as a form, years later.
    drop(sent(&mut site.browser(), &with_hint).expect_redirect(&home));
    let mut dead = site.browser().with_cookies(cookies);
    drop(sent(&mut dead, &with_hint).expect_redirect(&home));
    site.advance(DAY * 300);
    drop(sent(&mut site.browser(), &with_hint).expect_redirect(&home));
    // Without a proof, a page with a link, and nobody is sent anywhere.
    let path = query(&[("client_id", &id), ("post_logout_redirect_uri", &goodbye())]);
    let mut stranger = site.browser();
    arrives(&mut stranger, &path).expect(200);
    assert_eq!(stranger.page().heading, "You are not signed in");
    assert_eq!(stranger.page().link("Back to Wiki"), goodbye());
}

fn rpl_05_b6_an_unregistered_address_logs_out_and_leads_nowhere(which: TestDatabase) {
    for evil in [
        "https://evil.example/",
        "https://wiki.example.net/goodbye/",
        "https://wiki.example.net.evil.example/goodbye",
        "//evil.example/goodbye",
        "javascript:alert(1)",
        "/login?return_to=/x",
    ] {
        let site = Site::new(which);
        let mut scene = Scene::new(&site);
        let hint = scene.hint();
        let path = query(&[("id_token_hint", &hint), ("post_logout_redirect_uri", evil)]);
        arrives(&mut scene.laptop, &path).expect(200);
        let page = scene.laptop.page();
        assert_eq!(page.heading, "You are logged out", "{evil}");
        assert_eq!(page.link("Back to Wiki"), "https://wiki.example.net/");
        assert!(!scene.laptop.is_signed_in(), "{evil}");
    }
}

fn rpl_08_a_form_of_another_site_comes_back_with_the_cookie(which: TestDatabase) {
    let site = Site::new(which);
    let mut scene = Scene::new(&site);
    let hint = scene.hint();
    let pairs = [
        ("id_token_hint", hint.as_str()),
        ("post_logout_redirect_uri", &goodbye()),
        ("state", "s"),
    ];
    let pairs = serde_urlencoded::to_string(pairs).expect("pairs");
    // Browsers keep the session cookie back here.
    let mut without = scene.laptop.clone().with_cookies(Jar::default());
    let answer = without
        .ask("POST", LOGOUT)
        .header("sec-fetch-site", "cross-site")
        .header("sec-fetch-mode", "navigate")
        .header("sec-fetch-dest", "document")
        .header("origin", "https://wiki.example.net")
        .form(&pairs)
        .send()
        .expect_redirect("/oauth2/logout/continue");
    assert!(scene.laptop.is_signed_in());
    for cookie in answer.cookies() {
        scene.laptop.jar.take(cookie, site.now());
    }
    let answer = sent(&mut scene.laptop, "/oauth2/logout/continue");
    drop(answer.expect_redirect(&format!("{}?state=s", goodbye())));
    assert!(!scene.laptop.is_signed_in());
    // The parked request is used up.
    assert!(scene.laptop.jar.get("__Host-nightlatch-log-out").is_none());
    // She is signed in again, and the form is that of before: without the hop, it would
    // look as if nobody were, and the app would say that she is logged out.
    scene.laptop.sign_in(&scene.ada);
    let mut without = scene.laptop.clone().with_cookies(Jar::default());
    let answer = without
        .ask("POST", LOGOUT)
        .header("sec-fetch-site", "cross-site")
        .form(&pairs)
        .send()
        .expect_redirect("/oauth2/logout/continue");
    for cookie in answer.cookies() {
        scene.laptop.jar.take(cookie, site.now());
    }
    drop(sent(&mut scene.laptop, "/oauth2/logout/continue").expect(200));
    assert!(scene.laptop.is_signed_in());
}

fn b9_nothing_but_a_visit_logs_out(which: TestDatabase) {
    let site = Site::new(which);
    let mut scene = Scene::new(&site);
    // Whoever does this has even got hold of the hint.
    let path = query(&[
        ("id_token_hint", &scene.hint()),
        ("post_logout_redirect_uri", &goodbye()),
    ]);
    let loads: [&[(&str, &str)]; 6] = [
        &[("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")],
        &[("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")],
        &[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")],
        &[
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
            ("sec-purpose", "prefetch;prerender"),
        ],
        &[("purpose", "prefetch")],
        &[("x-moz", "prefetch")],
    ];
    for address in [path.as_str(), "/oauth2/logout/continue"] {
        for headers in loads {
            let mut ask = scene.laptop.ask("GET", address);
            for (name, value) in headers {
                ask = ask.header(name, value);
            }
            let answer = ask.header("sec-fetch-site", "same-site").send().expect(204);
            assert!(answer.cookies().is_empty(), "{headers:?}");
            assert!(scene.laptop.is_signed_in(), "{headers:?}");
        }
        drop(scene.laptop.ask("HEAD", address).send());
        assert!(scene.laptop.is_signed_in());
    }
    let pairs = path.trim_start_matches("/oauth2/logout?").to_owned();
    let by_script = scene
        .laptop
        .ask("POST", LOGOUT)
        .header("sec-fetch-site", "same-site")
        .header("sec-fetch-mode", "no-cors")
        .header("sec-fetch-dest", "empty")
        .form(&pairs);
    drop(by_script.send().expect(204));
    assert!(scene.laptop.is_signed_in());
    // The guard of this story: a visit does it.
    drop(sent(&mut scene.laptop, &path).expect_redirect(&goodbye()));
    assert!(!scene.laptop.is_signed_in());
}

fn b9_a_forged_yes_changes_nothing(which: TestDatabase) {
    let site = Site::new(which);
    let mut scene = Scene::new(&site);
    let id = scene.wiki.id.to_string();
    arrives(&mut scene.laptop, &query(&[("client_id", &id)])).expect(200);
    let form = scene.laptop.page().forms.iter();
    let form = form
        .clone()
        .find(|form| form.action == "/oauth2/logout/continue");
    let pairs = form.expect("the question").pairs();
    let sealed = pairs.iter().find(|(name, _)| name == "request");
    let sealed = sealed.expect("a request").1.clone();
    for headers in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[],
    ] {
        let mut ask = scene.laptop.ask("POST", "/oauth2/logout/continue");
        for (name, value) in headers {
            ask = ask.header(name, value);
        }
        let body = serde_urlencoded::to_string([("request", &sealed)]).expect("pairs");
        drop(
            ask.form(&body)
                .send()
                .expect_redirect("/oauth2/logout/continue"),
        );
        assert!(scene.laptop.is_signed_in(), "{headers:?}");
    }
}

fn rpl_09_the_hint_goes_nowhere(which: TestDatabase) {
    let site = Site::new(which);
    let mut scene = Scene::new(&site);
    let mut phone = site.browser();
    phone.sign_in(&scene.ada);
    site.enter_app(&phone, &scene.wiki);
    // One that leads to a page.
    let hint = site.id_token(&phone, &scene.wiki);
    let path = query(&[("id_token_hint", &hint), ("state", "secret-state")]);
    let first = sent(&mut scene.laptop, &path).expect_redirect("/oauth2/logout/continue");
    let claims = hint.split('.').nth(1).expect("claims");
    for value in first.headers.values() {
        let text = String::from_utf8_lossy(value.as_bytes());
        assert!(!text.contains(claims), "{text}");
        assert!(!text.contains("secret-state"), "{text}");
    }
    let answer = scene.laptop.follow(first).expect(200);
    assert_eq!(scene.laptop.path(), "/oauth2/logout/continue");
    assert!(!answer.text().contains(claims));
    assert_eq!(answer.header("referrer-policy"), Some("same-origin"));
}

fn rpl_06_nobody_waits_long_for_an_app(which: TestDatabase) {
    let site = Site::new(which);
    let mut scene = Scene::new(&site);
    // It never answers.
    let crm = site.connect_app("Crm", |_| {});
    site.enter_app(&scene.laptop, &crm);
    let path = query(&[
        ("id_token_hint", &scene.hint()),
        ("post_logout_redirect_uri", &goodbye()),
    ]);
    let began = std::time::Instant::now();
    drop(sent(&mut scene.laptop, &path).expect_redirect(&goodbye()));
    let passed = began.elapsed();
    assert!(
        passed >= std::time::Duration::from_millis(650),
        "{passed:?}"
    );
    assert!(passed < std::time::Duration::from_secs(5), "{passed:?}");
}

fn a_parked_request_is_of_this_browser_and_short(which: TestDatabase) {
    let site = Site::new(which);
    let mut scene = Scene::new(&site);
    let id = scene.wiki.id.to_string();
    let path = query(&[("client_id", &id), ("post_logout_redirect_uri", &goodbye())]);
    arrives(&mut scene.laptop, &path).expect(200);
    assert!(scene.laptop.page().says("Wiki asks to log you out."));
    assert!(
        !scene
            .laptop
            .jar
            .persistent_names()
            .contains(&"__Host-nightlatch-log-out")
    );
    site.advance(MINUTE * 16);
    scene.laptop.open("/oauth2/logout/continue").expect(200);
    assert!(!scene.laptop.page().says("Wiki"), "that was too long ago");
    // What nobody sealed opens nothing.
    scene
        .laptop
        .jar
        .put("__Host-nightlatch-log-out", &"A".repeat(200));
    scene.laptop.open("/oauth2/logout/continue").expect(200);
    assert!(!scene.laptop.page().says("Wiki"));
    // An address of that kind is longer than a cookie may be with its state.
    let long = format!("https://wiki.example.net/{}", "x".repeat(1_900));
    let wiki = site.connect_app("Other", |other| {
        other.post_logout_redirect_uris = vec![RegisteredUri::parse(&long).expect("an address")];
    });
    let path = query(&[
        ("client_id", &wiki.id.to_string()),
        ("post_logout_redirect_uri", &long),
        ("state", &"y".repeat(1_900)),
    ]);
    arrives(&mut scene.laptop, &path).expect(200);
    drop(press_log_out(&mut scene.laptop).expect_redirect(&long));
}

fn b2_nothing_that_comes_in_is_an_error(which: TestDatabase) {
    let site = Site::new(which);
    let mut scene = Scene::new(&site);
    let long = format!("{LOGOUT}?state={}", "x".repeat(20_000));
    for path in [
        "/oauth2/logout?id_token_hint=",
        "/oauth2/logout?id_token_hint=%00",
        "/oauth2/logout?client_id=x&client_id=y",
        "/oauth2/logout?post_logout_redirect_uri=%ff%fe",
        "/oauth2/logout?&&&=",
        &long,
    ] {
        arrives(&mut scene.laptop, path).expect(200);
        arrives(&mut site.browser(), path).expect(200);
        let mut stranger = site.browser();
        let pairs = path.split_once('?').map_or("", |(_, query)| query);
        let answer = stranger.ask("POST", LOGOUT).form(pairs).send();
        drop(answer.expect_redirect("/oauth2/logout/continue"));
    }
    assert!(scene.laptop.is_signed_in());
    let mut stranger = site.browser();
    for body in [&b"{}"[..], b"\xff\xfe", b""] {
        let ask = stranger
            .ask("POST", LOGOUT)
            .header("content-type", "application/json");
        drop(
            ask.body(body)
                .send()
                .expect_redirect("/oauth2/logout/continue"),
        );
    }
}
