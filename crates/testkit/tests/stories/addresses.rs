//! Under which name the site answers, and where requests come from
//! (DEV-04, E2).

use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Choices, Site, SiteOptions, TestDatabase};

on_both_databases!(
    another_name_is_answered_with_421,
    an_https_site_answers_under_its_name_with_or_without_the_port,
    dev_04_forged_addresses_are_ignored,
    e2_a_trusted_proxy_is_believed_and_nobody_behind_it,
    dev_04_guessing_is_counted_by_the_true_address,
);

fn another_name_is_answered_with_421(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut browser = site.browser();
    browser.sign_in(&ada);
    for host in [
        "localhost",
        "localhost:80",
        "evil.example",
        "127.0.0.1:8080",
        "localhost:8080.evil.example",
        "localhost:8080@evil.example",
        "localhost:8080, evil.example",
        "",
        "\u{e9}",
    ] {
        for (method, path) in [("GET", "/"), ("GET", "/login"), ("POST", "/logout")] {
            let ask = browser.ask(method, path).without("host").by_own_page();
            let answer = ask.header_bytes("host", host.as_bytes()).send().expect(421);
            assert!(answer.page().says("http://localhost:8080"), "{host}");
            assert!(answer.page().says("Reference:"));
            assert!(!answer.text().contains("evil"), "{host}");
        }
        let ask = browser.ask("GET", "/api/v1/profile").without("host");
        let answer = ask.header("host", "evil.example").send().expect(421);
        assert_eq!(answer.media_type(), "application/problem+json");
        // A load balancer asks by number.
        for path in ["/healthz", "/readyz"] {
            let ask = browser.ask("GET", path).without("host");
            let answer = ask.header_bytes("host", host.as_bytes()).send();
            assert_eq!(answer.expect(200).text(), "ok\n");
        }
    }
    // None, or two.
    drop(
        browser
            .ask("GET", "/login")
            .without("host")
            .send()
            .expect(421),
    );
    let two = browser
        .ask("GET", "/login")
        .header("host", "localhost:8080");
    drop(two.send().expect(421));
    assert!(browser.is_signed_in());
}

fn an_https_site_answers_under_its_name_with_or_without_the_port(which: TestDatabase) {
    let options = SiteOptions {
        public_url: "https://login.brightwater.example".to_owned(),
        ..SiteOptions::default()
    };
    let site = Site::with(which, options);
    for (host, status) in [
        ("login.brightwater.example", 200),
        ("LOGIN.BRIGHTWATER.EXAMPLE:443", 200),
        ("login.brightwater.example:80", 421),
        ("login.brightwater.example.", 421),
        ("brightwater.example", 421),
    ] {
        let mut browser = site.browser();
        let ask = browser
            .ask("GET", "/login")
            .without("host")
            .header("host", host);
        drop(ask.send().expect(status));
    }
    // HTTP/2 names the host in the address.
    let mut browser = site.browser();
    let ask = browser.ask("GET", "https://login.brightwater.example/login");
    drop(ask.without("host").send().expect(200));
}

fn dev_04_forged_addresses_are_ignored(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut browser = site.browser().at("198.51.100.7");
    browser.forges("x-forwarded-for", "203.0.113.66");
    browser.forges("forwarded", "for=203.0.113.66");
    browser.forges("x-real-ip", "203.0.113.66");
    drop(browser.try_to_sign_in(&ada.email, "a wrong guess", Choices::default()));
    browser.sign_in(&ada);
    for path in ["/account/sessions", "/account/history"] {
        browser.open(path).expect(200);
        assert!(browser.page().says("198.51.100.7"), "{path}");
        assert!(!browser.page().says("203.0.113.66"), "{path}");
    }
}

fn behind_proxies(which: TestDatabase) -> Site {
    let options = SiteOptions {
        trusted_proxies: vec!["10.0.0.0/8".parse().expect("a network")],
        ..SiteOptions::default()
    };
    Site::with(which, options)
}

fn e2_a_trusted_proxy_is_believed_and_nobody_behind_it(which: TestDatabase) {
    let site = behind_proxies(which);
    let ada = site.add_ada();
    for (peer, header, expected) in [
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "6.6.6.6, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("::ffff:10.0.0.1", "[2001:db8::9]:4711", "2001:db8::9"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("198.51.100.7", "203.0.113.9", "198.51.100.7"),
    ] {
        let mut browser = site.browser().at(peer);
        browser.forges("x-forwarded-for", header);
        browser.sign_in(&ada);
        browser.open("/account/sessions").expect(200);
        let card = browser.page().cards()[0].text.clone();
        assert!(card.contains(expected), "{header}: {card}");
        assert!(!card.contains("6.6.6.6"));
        browser.open("/account/history").expect(200);
        let newest = browser.page().entries("Signed in")[0].text.clone();
        assert!(newest.contains(expected), "{header}: {newest}");
    }
}

fn dev_04_guessing_is_counted_by_the_true_address(which: TestDatabase) {
    let site = behind_proxies(which);
    // A machine that claims to be another one with each guess.
    for number in 0..50 {
        let mut machine = site.browser().at("10.0.0.1");
        let forged = format!("198.51.100.{number}, 203.0.113.9");
        machine.forges("x-forwarded-for", &forged);
        let email = format!("person{number}@brightwater.example");
        let answer = machine.try_to_sign_in(&email, "a wrong guess", Choices::default());
        drop(answer.expect(422));
    }
    let mut machine = site.browser().at("10.0.0.1");
    machine.forges("x-forwarded-for", "6.6.6.6, 203.0.113.9");
    let answer = machine.try_to_sign_in("one@brightwater.example", "x", Choices::default());
    drop(answer.expect(429));
    // Its neighbors behind the same proxy are not slowed.
    let mut neighbor = site.browser().at("10.0.0.1");
    neighbor.forges("x-forwarded-for", "203.0.113.10");
    let answer = neighbor.try_to_sign_in("one@brightwater.example", "x", Choices::default());
    drop(answer.expect(422));
}
