//! Attacks on the check of apps behind a proxy: who asks, for what, and in whose name
//! (FWD-02, FWD-03, FWD-05, FWD-07).

use nightlatch_protocols::forward_auth::{Proxy, identity};
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Guest, ProtectedApp, Site, TestDatabase, way_back};

use crate::protected::enter;

on_both_databases!(
    fwd_03_only_a_proxy_that_was_named_is_answered,
    fwd_02_whoever_claims_to_be_somebody_is_refused_in_any_spelling,
    fwd_03_a_host_is_the_registered_one_or_none,
    fwd_03_no_part_of_what_a_proxy_says_may_stand_there_twice,
    fwd_07_no_way_of_writing_a_path_makes_it_public,
    fwd_07_no_method_gets_by,
    fwd_07_size_gets_nobody_by,
    fwd_05_a_cookie_is_worth_nothing_on_another_host,
    our_own_address_is_never_an_apps,
);

fn public(site: &Site) -> ProtectedApp {
    use nightlatch_domain::relying_party::protection::PathRule;
    let rule = |text| PathRule::parse(text).expect("a rule");
    site.protect_app("Wiki", |app| {
        app.public_paths = vec![rule("/static/"), rule("/robots.txt")];
    })
}

/// What the check answers once the question was changed.
fn status_of(guest: &Guest<'_>, path: &str, changes: &[(&'static str, Option<&str>)]) -> u16 {
    let mut proxy = guest.there.clone().at("10.9.9.9");
    let mut ask = guest.question(&mut proxy, "GET", path, &[]);
    for (name, value) in changes {
        ask = match value {
            Some(value) => ask.without(name).header(name, value),
            None => ask.without(name),
        };
    }
    ask.send().status.as_u16()
}

fn fwd_03_only_a_proxy_that_was_named_is_answered(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let wiki = public(&site);
    let mut guest = site.guest(&wiki);
    enter(&mut guest, &ada, "/");
    for proxy in Proxy::ALL {
        guest.proxy = proxy;
        // Not even with a cookie that lets in, nor for what anybody may read; nor by
        // saying that the request comes from the proxy.
        for path in ["/", "/static/app.css"] {
            for (name, value) in [
                ("x-forwarded-for", "10.9.9.9"),
                ("forwarded", "for=10.9.9.9"),
                ("x-real-ip", "10.9.9.9"),
            ] {
                let mut stranger = guest.there.clone();
                let answer = guest
                    .question(&mut stranger, "GET", path, &[(name, value)])
                    .send();
                assert_eq!(answer.status, 403, "{proxy:?} {path} {name}");
                assert_eq!(answer.header("remote-user"), None);
                assert_eq!(answer.header("location"), None);
            }
        }
        assert_eq!(guest.asks_for_call("/").status, 200);
    }
    // Where nobody was named, nobody is asked for.
    let alone = Site::new(which);
    let ada = alone.add_ada();
    let wiki = alone.protect_app("Wiki", |_| ());
    let guest = alone.guest(&wiki);
    drop(ada);
    assert_eq!(guest.asks_for_call("/").status, 403);
}

fn fwd_02_whoever_claims_to_be_somebody_is_refused_in_any_spelling(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let wiki = public(&site);
    let mut guest = site.guest(&wiki);
    enter(&mut guest, &ada, "/");
    let visitor = site.guest(&wiki);
    for name in &identity::NAMES {
        let name = name.as_str();
        let spellings = [
            name.to_owned(),
            name.to_uppercase(),
            name.replace('-', "_"),
            name.replacen('-', "_", 1),
            // What some servers fold into one sign as well.
            name.replace('-', "."),
        ];
        for spelling in &spellings {
            for value in ["", "root", ada.email.as_str()] {
                let forged = [(spelling.as_str(), value)];
                for asker in [&guest, &visitor] {
                    for path in ["/", "/static/app.css"] {
                        let answer = asker.asks("GET", path, &forged);
                        assert_eq!(answer.status, 403, "{spelling}: {value} at {path}");
                    }
                }
            }
            let twice = [(spelling.as_str(), "a"), (spelling.as_str(), "b")];
            assert_eq!(
                guest.asks("GET", "/", &twice).status,
                403,
                "{spelling} twice"
            );
        }
    }
    assert!(guest.is_in());
    assert_eq!(
        guest.asks("GET", "/", &[("x-remote-user", "a")]).status,
        200
    );
}

fn fwd_03_a_host_is_the_registered_one_or_none(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let wiki = site.protect_app("Wiki", |_| ());
    let mut guest = site.guest(&wiki);
    enter(&mut guest, &ada, "/");
    let status = |guest: &Guest<'_>, scheme: &str, host: &str| match guest.proxy {
        Proxy::Nginx => {
            let url = format!("{scheme}://{host}/");
            status_of(guest, "/", &[("x-original-url", Some(&url))])
        }
        Proxy::Traefik | Proxy::Caddy => status_of(
            guest,
            "/",
            &[
                ("x-forwarded-proto", Some(scheme)),
                ("x-forwarded-host", Some(host)),
            ],
        ),
        Proxy::Envoy => status_of(
            guest,
            "/",
            &[("x-forwarded-proto", Some(scheme)), ("host", Some(host))],
        ),
    };
    for proxy in Proxy::ALL {
        guest.proxy = proxy;
        for host in [
            "wiki.example.net",
            "WIKI.Example.NET",
            "wiki.example.net:443",
        ] {
            assert_eq!(status(&guest, "https", host), 200, "{proxy:?} {host}");
        }
        for host in [
            "wiki.example.net.",
            "wiki.example.net..",
            "wiki.example.net:80",
            "wiki.example.net:8443",
            "wiki.example.net:443:443",
            "wiki.example.net, other.example.net",
            "ada@wiki.example.net",
            "wiki.example.net@evil.example",
            "wiki.example.net#evil.example",
            "wiki.example.net?evil.example",
            "wiki%2eexample.net",
            "files.example.net",
            "example.net",
            ".wiki.example.net",
            " ",
        ] {
            let is_allowed = status(&guest, "https", host) == 200;
            assert!(!is_allowed, "{proxy:?} {host}");
        }
        for scheme in ["http", "HTTPS", "ftp", "", "https,http"] {
            assert_eq!(
                status(&guest, scheme, "wiki.example.net"),
                403,
                "{proxy:?} {scheme}"
            );
        }
    }
}

fn fwd_03_no_part_of_what_a_proxy_says_may_stand_there_twice(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let wiki = public(&site);
    let mut guest = site.guest(&wiki);
    enter(&mut guest, &ada, "/");
    for proxy in Proxy::ALL {
        guest.proxy = proxy;
        let parts: &[(&str, &str)] = match proxy {
            Proxy::Nginx => &[
                ("x-original-url", "https://wiki.example.net/static/x"),
                ("x-original-method", "GET"),
            ],
            Proxy::Traefik | Proxy::Caddy => &[
                ("x-forwarded-proto", "https"),
                ("x-forwarded-host", "wiki.example.net"),
                ("x-forwarded-uri", "/static/x"),
                ("x-forwarded-method", "GET"),
            ],
            Proxy::Envoy => &[("x-forwarded-proto", "https"), ("host", "wiki.example.net")],
        };
        for (name, value) in parts {
            // The client's beside the proxy's: nobody can say which is which.
            let twice = guest.asks("GET", "/admin", &[(name, value)]);
            assert_eq!(twice.status, 403, "{proxy:?} {name} twice");
            let without = match *name {
                "x-original-url" => status_of(&guest, "/", &[("x-original-url", None)]),
                "x-original-method" => status_of(&guest, "/", &[("x-original-method", None)]),
                "x-forwarded-proto" => status_of(&guest, "/", &[("x-forwarded-proto", None)]),
                "x-forwarded-host" => status_of(&guest, "/", &[("x-forwarded-host", None)]),
                "x-forwarded-uri" => status_of(&guest, "/", &[("x-forwarded-uri", None)]),
                "x-forwarded-method" => status_of(&guest, "/", &[("x-forwarded-method", None)]),
                _ => status_of(&guest, "/", &[("host", None)]),
            };
            assert_eq!(without, 403, "{proxy:?} without {name}");
        }
        // What another proxy's words would say is not listened to.
        let words = match proxy {
            Proxy::Nginx => [
                ("x-forwarded-uri", "/static/x"),
                ("x-forwarded-host", "wiki.example.net"),
            ],
            _ => [
                ("x-original-url", "https://wiki.example.net/static/x"),
                ("x-rewrite-url", "/static/x"),
            ],
        };
        let mut visitor = site.guest(&wiki);
        visitor.proxy = proxy;
        assert_eq!(
            visitor.asks("GET", "/admin", &words).status,
            401,
            "{proxy:?}"
        );
    }
}

fn fwd_07_no_way_of_writing_a_path_makes_it_public(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let wiki = public(&site);
    let mut visitor = site.guest(&wiki);
    for proxy in Proxy::ALL {
        visitor.proxy = proxy;
        for path in [
            "/static/app.css",
            "/static/",
            "/robots.txt",
            "/static/a?x=../../b",
        ] {
            assert_eq!(visitor.asks_for_call(path).status, 200, "{proxy:?} {path}");
        }
        for path in [
            "/static",
            "/static/../admin",
            "/static/./../admin",
            "/static/..%2fadmin",
            "/static/..%2Fadmin",
            "/static/%2e%2e/admin",
            "/static/.%2E/admin",
            "/static/%2e./admin",
            "/static/%252e%252e/admin",
            "/static/%2e%2e%2fadmin",
            "/static/..%5cadmin",
            "/static/..;/admin",
            "/static/;/../admin",
            "/static/%3b/admin",
            "/static/a%00/../admin",
            "/static/%0d%0aX-A:b",
            "/static/%c0%ae%c0%ae/admin",
            "/static/%ef%bc%8e%ef%bc%8e/admin",
            "/static/%u002e%u002e/admin",
            "/static/%",
            "/static/%2",
            "/static//admin",
            "/static/..",
            "/static/.",
            "//static/app.css",
            "/./static/app.css",
            "/x/../static/app.css",
            "/%73tatic/app.css",
            "/%2fstatic/app.css",
            "/STATIC/app.css",
            "/static%2fapp.css",
            "/robots.txt/",
            "/robots.txt/../admin",
            "/robots.txt%2f..%2fadmin",
            "/robots.txt;a=/admin",
            "/robots.txt%3fadmin",
            "/robots%2etxt",
            "/Robots.txt",
            "/admin?/static/",
            "/admin?/../static/app.css",
            "/admin%3f/static/",
            "/admin/static/",
            "/",
        ] {
            let status = visitor.asks_for_call(path).status;
            assert_eq!(status, 401, "{proxy:?} {path}");
        }
    }
    // Envoy takes no such bytes in an address, whatever it is for.
    for proxy in [Proxy::Nginx, Proxy::Traefik, Proxy::Caddy] {
        visitor.proxy = proxy;
        let path = "/static\\..\\admin";
        assert_eq!(visitor.asks_for_call(path).status, 401, "{proxy:?}");
        for path in [
            "/static/a b",
            "/static/#x",
            "static/",
            "http://x/static/",
            "",
        ] {
            assert_ne!(visitor.asks_for_call(path).status, 200, "{proxy:?} {path}");
        }
    }
}

fn fwd_07_no_method_gets_by(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let wiki = public(&site);
    let mut guest = site.guest(&wiki);
    enter(&mut guest, &ada, "/");
    let mut visitor = site.guest(&wiki);
    let page = [
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ];
    for proxy in Proxy::ALL {
        guest.proxy = proxy;
        visitor.proxy = proxy;
        for method in [
            "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND",
            "M-SEARCH", "get", "FOO_BAR", "X",
        ] {
            // Nobody is let in by it, and nobody is led to a page that it would lose.
            let answer = visitor.asks(method, "/admin", &page);
            assert_eq!(answer.status, 401, "{proxy:?} {method}");
            assert_eq!(answer.location(), None);
            assert_eq!(answer.header("x-nightlatch-redirect"), None);
            assert_eq!(
                guest.asks(method, "/admin", &[]).status,
                200,
                "{proxy:?} {method}"
            );
        }
        if proxy != Proxy::Envoy {
            for method in ["", "GET POST", "G\u{c9}T", "A/B", "Q".repeat(33).as_str()] {
                assert_eq!(
                    guest.asks(method, "/", &[]).status,
                    403,
                    "{proxy:?} {method}"
                );
            }
        }
        for (name, value) in [
            ("x-http-method-override", "GET"),
            ("x-original-method", "GET"),
            ("x-method-override", "GET"),
        ] {
            let answer = visitor.asks("POST", "/static/../x", &[(name, value)]);
            assert_ne!(answer.status, 200, "{proxy:?} {name}");
        }
    }
}

fn fwd_07_size_gets_nobody_by(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let wiki = public(&site);
    let mut guest = site.guest(&wiki);
    enter(&mut guest, &ada, "/");
    let mut visitor = site.guest(&wiki);
    let long = |length: usize| format!("/static/{}", "a".repeat(length - "/static/".len()));
    for proxy in Proxy::ALL {
        guest.proxy = proxy;
        visitor.proxy = proxy;
        assert_eq!(visitor.asks_for_call(&long(32 * 1024)).status, 200);
        assert_eq!(visitor.asks_for_call(&long(32 * 1024 + 1)).status, 403);
        // A way back that proxies would not take is left out, and the way in stays.
        let page = format!("/{}", "b".repeat(20_000));
        let led = visitor.asks_for_page(&page);
        let to = led
            .location()
            .or_else(|| led.header("x-nightlatch-redirect"));
        assert_eq!(to, Some("https://wiki.example.net/.nightlatch/sign-in"));
        assert_eq!(way_back(to.unwrap_or_default()), None);
        let huge = "x".repeat(60_000);
        for name in [
            "cookie",
            "authorization",
            "x-app",
            "accept",
            "sec-fetch-mode",
        ] {
            assert_eq!(
                visitor.asks("GET", "/", &[(name, &huge)]).status,
                401,
                "{name}"
            );
        }
        // Nor do very many cookies hide the one that counts, or make one up.
        let many: Vec<String> = (0..2_000).map(|number| format!("c{number}=x; ")).collect();
        let many = many.concat();
        assert_eq!(guest.asks("GET", "/", &[("cookie", &many)]).status, 200);
        assert_eq!(visitor.asks("GET", "/", &[("cookie", &many)]).status, 401);
        let forged = format!("__Host-nightlatch-app={}; ", "A".repeat(43)).repeat(500);
        assert_eq!(visitor.asks("GET", "/", &[("cookie", &forged)]).status, 401);
    }
}

fn fwd_05_a_cookie_is_worth_nothing_on_another_host(which: TestDatabase) {
    use nightlatch_domain::relying_party::protection::ProtectedHost;
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let second = ProtectedHost::parse("https://wiki2.example.net").expect("a host");
    let wiki = site.protect_app("Wiki", |rule| rule.hosts.push(second.clone()));
    let files = site.protect_app("Files", |_| ());
    let mut guest = site.guest(&wiki);
    enter(&mut guest, &ada, "/");
    let name = "__Host-nightlatch-app";
    let cookie = guest.there.jar.get(name).expect("a cookie").to_owned();
    let same_app = ProtectedApp {
        app: wiki.app.clone(),
        host: second,
    };
    for other in [&files, &same_app] {
        let mut thief = site.guest(other);
        for spelling in [name, "__Host-nightlatch", "__Host-nightlatch-app-state"] {
            thief.there.jar.put(spelling, &cookie);
        }
        assert!(!thief.is_in(), "{}", other.host);
        // It logs nobody out from there either.
        let ask = thief
            .there
            .ask("POST", "/.nightlatch/log-out")
            .by_own_page();
        drop(ask.form("scope=browser").send());
        assert!(guest.is_in());
    }
    // Nor on our own pages, and ours opens no app.
    let mut account = site.browser();
    account.jar.put("__Host-nightlatch", &cookie);
    assert!(!account.is_signed_in());
    let ours = guest
        .at_home
        .jar
        .get("__Host-nightlatch")
        .expect("ours")
        .to_owned();
    let mut thief = site.guest(&wiki);
    thief.there.jar.put(name, &ours);
    assert!(!thief.is_in());
}

fn our_own_address_is_never_an_apps(which: TestDatabase) {
    use nightlatch_domain::relying_party::protection::ProtectedHost;
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    // Registered before the server got that address; registering it now is refused.
    let home = ProtectedHost::parse(&site.origin()).expect("a host");
    let app = site.protect_app("Squatter", |rule| rule.hosts = vec![home]);
    let mut browser = site.browser();
    browser.sign_in(&ada);
    browser.open("/account").expect(200);
    for path in [
        "/.nightlatch/sign-in",
        "/.nightlatch/callback",
        "/.nightlatch/log-out",
        "/.nightlatch/left",
        "/.nightlatch/status",
        "/.nightlatch/leave.js",
    ] {
        assert_eq!(browser.open_once(path).status, 404, "{path}");
    }
    drop(app);
}
