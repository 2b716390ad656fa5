use http::header::{ACCEPT, COOKIE, LOCATION};
use http::{HeaderName, HeaderValue, StatusCode};
use nightlatch_domain::relying_party::protection::{ProtectedHost, Verdict};

use super::answer::{answer, sign_in_address};
use super::request::{is_act, is_navigation, is_tunnel};
use super::*;

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| {
            let name = HeaderName::try_from(*name).expect("a name");
            (
                name,
                HeaderValue::from_bytes(value.as_bytes()).expect("a value"),
            )
        })
        .collect()
}

fn read(proxy: Proxy, path: &str, pairs: &[(&str, &str)]) -> Result<Target, Unreadable> {
    proxy.read(&Asked {
        method: &Method::GET,
        path_and_query: path,
        headers: &headers(pairs),
    })
}

const FORWARDED: [(&str, &str); 4] = [
    ("x-forwarded-method", "POST"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "wiki.example"),
    ("x-forwarded-uri", "/a%2fb//c?d=e&f"),
];

fn with(changes: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let kept = FORWARDED
        .into_iter()
        .filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    kept.chain(changes.iter().copied()).collect()
}

#[test]
fn each_proxy_says_the_same_in_its_own_way() {
    let wanted = Target {
        host: ProtectedHost::parse("https://wiki.example").expect("a host"),
        method: "POST".to_owned(),
        path_and_query: "/a%2fb//c?d=e&f".to_owned(),
    };
    let url = ("x-original-url", "https://wiki.example/a%2fb//c?d=e&f");
    let nginx = read(Proxy::Nginx, "/", &[url, ("x-original-method", "POST")]);
    assert_eq!(nginx, Ok(wanted.clone()));
    for proxy in [Proxy::Traefik, Proxy::Caddy] {
        assert_eq!(read(proxy, "/", &FORWARDED), Ok(wanted.clone()));
    }
    let socket = with(&[("x-forwarded-proto", "wss")]);
    assert_eq!(read(Proxy::Traefik, "/", &socket), Ok(wanted.clone()));
    let envoy = Proxy::Envoy.read(&Asked {
        method: &Method::POST,
        path_and_query: "/forward-auth/envoy/a%2fb//c?d=e&f",
        headers: &headers(&[("host", "wiki.example"), ("x-forwarded-proto", "https")]),
    });
    assert_eq!(envoy, Ok(wanted.clone()));
    assert_eq!(wanted.path(), "/a%2fb//c");
}

#[test]
fn fwd_03_what_cannot_be_understood_is_no_target() {
    for (name, _) in FORWARDED {
        let missing: Vec<_> = FORWARDED
            .iter()
            .filter(|(other, _)| *other != name)
            .copied()
            .collect();
        assert!(
            read(Proxy::Caddy, "/", &missing).is_err(),
            "{name} is missing"
        );
        let twice: Vec<_> = FORWARDED.iter().chain([&(name, "GET")]).copied().collect();
        assert!(
            read(Proxy::Caddy, "/", &twice).is_err(),
            "{name} is there twice"
        );
    }
    for change in [
        ("x-forwarded-host", "wiki.example, evil.example"),
        ("x-forwarded-host", ""),
        ("x-forwarded-host", "wiki.example/"),
        ("x-forwarded-proto", "https, http"),
        ("x-forwarded-proto", "ftp"),
        ("x-forwarded-uri", ""),
        ("x-forwarded-uri", "a"),
        ("x-forwarded-uri", "*"),
        ("x-forwarded-uri", "https://wiki.example/"),
        ("x-forwarded-uri", "/a b"),
        ("x-forwarded-uri", "/a#b"),
        ("x-forwarded-uri", "/\u{e9}"),
        ("x-forwarded-method", ""),
        ("x-forwarded-method", "GET POST"),
    ] {
        assert!(
            read(Proxy::Traefik, "/", &with(&[change])).is_err(),
            "{change:?}"
        );
    }
    for url in [
        "wiki.example/",
        "https://wiki.example",
        "//wiki.example/",
        "https:///a",
        "",
    ] {
        let pairs = [("x-original-url", url), ("x-original-method", "GET")];
        assert!(read(Proxy::Nginx, "/", &pairs).is_err(), "{url}");
    }
    for path in ["/forward-auth/envoy", "/forward-auth/envoyx/", "/x"] {
        let pairs = [("host", "wiki.example"), ("x-forwarded-proto", "https")];
        assert!(read(Proxy::Envoy, path, &pairs).is_err(), "{path}");
    }
}

fn target(method: &str) -> Target {
    let origin = ("https", "wiki.example");
    Target::new(origin, method, "/page?x=1&y=%2f").expect("a target")
}

#[test]
fn d3_only_pages_are_led_elsewhere() {
    let get = target("GET");
    let navigate = [
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ];
    let old = [("accept", "text/html,application/xhtml+xml,*/*;q=0.8")];
    for pairs in [&navigate[..], &old[..]] {
        assert!(is_navigation(&get, &headers(pairs)));
        assert!(!is_navigation(&target("POST"), &headers(pairs)));
        assert!(!is_navigation(&target("HEAD"), &headers(pairs)));
        assert!(is_act(&headers(pairs)));
    }
    for pairs in [
        &[("sec-fetch-mode", "cors"), ("accept", "text/html")][..],
        &[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")],
        &[("sec-fetch-mode", "websocket")],
        &[("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")],
        &[
            ("sec-fetch-mode", "navigate"),
            ("sec-purpose", "prefetch;prerender"),
        ],
        &[("accept", "*/*")],
        &[("accept", "application/json")],
        &[
            ("accept", "text/html"),
            ("x-requested-with", "XMLHttpRequest"),
        ],
        &[("accept", "text/html"), ("upgrade", "websocket")],
        &[],
    ] {
        assert!(!is_navigation(&get, &headers(pairs)), "{pairs:?}");
        assert!(!is_act(&headers(pairs)), "{pairs:?}");
    }
    assert!(is_act(&headers(&[("x-nightlatch-active", "1")])));
}

#[test]
fn fwd_01_refusals_in_the_words_of_each_proxy() {
    let page = headers(&[("accept", "text/html")]);
    let call = headers(&[("accept", "application/json")]);
    let way = "https://wiki.example/.nightlatch/sign-in?to=/page%3Fx%3D1%26y%3D%252f";
    for proxy in Proxy::ALL {
        let get = |headers: &HeaderMap, verdict| {
            answer(proxy, &target("GET"), headers, (verdict, None), None)
        };
        let find = |answer: &answer::Answer, name: &HeaderName| {
            let found = answer.headers.get(name);
            found.map(|value| value.to_str().expect("text").to_owned())
        };
        for verdict in [Verdict::NoSession, Verdict::NotLetIn, Verdict::ProofTooOld] {
            let led = get(&page, verdict);
            if proxy == Proxy::Nginx {
                assert_eq!(led.status, StatusCode::UNAUTHORIZED);
                assert_eq!(find(&led, &REDIRECT_HEADER).as_deref(), Some(way));
            } else {
                assert_eq!(led.status, StatusCode::FOUND);
                assert_eq!(find(&led, &LOCATION).as_deref(), Some(way));
            }
            let told = get(&call, verdict);
            let status = if verdict == Verdict::NotLetIn {
                403
            } else {
                401
            };
            assert_eq!(told.status.as_u16(), status);
            let login = find(&told, &LOGIN_HEADER);
            assert_eq!(
                login.as_deref(),
                Some("https://wiki.example/.nightlatch/sign-in")
            );
            assert_eq!(find(&told, &REDIRECT_HEADER), None);
            assert_eq!(find(&told, &HeaderName::from_static("remote-user")), None);
        }
        let public = get(&call, Verdict::Public);
        assert_eq!(public.status, StatusCode::OK);
        assert_eq!(
            find(&public, &HeaderName::from_static("remote-user")).as_deref(),
            Some("")
        );
    }
    let host = ProtectedHost::parse("https://wiki.example").expect("a host");
    let long = format!("/{}", "x".repeat(7_000));
    assert_eq!(
        sign_in_address(&host, Some(&long)),
        sign_in_address(&host, None)
    );
}

#[test]
fn fwd_07_another_protocol_is_no_way_around() {
    for pairs in [
        &[("upgrade", "h2c")][..],
        &[("upgrade", "h2c, websocket")],
        &[("upgrade", "websocket"), ("upgrade", "h2c")],
        &[("upgrade", "")],
        &[("http2-settings", "AAMAAABk")],
        &[("upgrade", "websocket"), ("http2-settings", "")],
    ] {
        assert!(is_tunnel(&headers(pairs)), "{pairs:?}");
    }
    assert!(!is_tunnel(&headers(&[("upgrade", "WebSocket")])));
    assert!(!is_tunnel(&headers(&[("upgrade-insecure-requests", "1")])));
}

#[test]
fn fwd_08_our_cookies_are_taken_out_and_the_others_stay_as_they_were() {
    for (sent, kept) in [
        ("a=1; __Host-nightlatch-app=x; b=2", "a=1; b=2"),
        ("__Host-nightlatch-app=x", ""),
        (
            "__Host-nightlatch-app=x;__Host-nightlatch-app-state=y;c=\"3;d\"",
            "c=\"3; d\"",
        ),
        (" __HOST-NIGHTLATCH-app =x; a==b; ;c", "a==b; c"),
        (
            "__Secure-nightlatch-app-0=x; __Host-nightlatch=z; n__Host-nightlatch=1",
            "n__Host-nightlatch=1",
        ),
        ("", ""),
    ] {
        assert_eq!(without_ours(&headers(&[("cookie", sent)])), kept, "{sent}");
    }
    let mut several = headers(&[
        ("cookie", "a=1"),
        ("cookie", "__Host-nightlatch-app=x; b=\u{e9}"),
    ]);
    assert_eq!(
        without_ours(&several).as_bytes(),
        "a=1; b=\u{e9}".as_bytes()
    );
    several.insert(
        COOKIE,
        HeaderValue::from_bytes(b"\xff=1; __Host-nightlatch-app=x").expect("bytes"),
    );
    assert_eq!(without_ours(&several).as_bytes(), b"\xff=1");
}

#[test]
fn fwd_02_identity_headers_in_any_spelling_are_noticed() {
    for name in [
        "x-nightlatch-user",
        "X-NIGHTLATCH-USER",
        "x_nightlatch_user",
        "X-Nightlatch_Groups",
        "remote-user",
        "Remote_User",
        "x-nightlatch-token",
    ] {
        assert!(identity::is_forged(&headers(&[(name, "ada")])), "{name}");
    }
    for name in [
        "x-nightlatch",
        "x-nightlatch-active",
        "x-remote-user",
        "accept",
    ] {
        assert!(!identity::is_forged(&headers(&[(name, "1")])), "{name}");
    }
    assert!(headers(&[("accept", "x")]).contains_key(ACCEPT));
}
