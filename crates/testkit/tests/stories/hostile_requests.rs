//! Requests that no browser sends: an error, never a fault, and something that
//! support can look up (HDR-05).

use std::fmt::Write as _;

use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Answer, Browser, Site, TestDatabase};
use nightlatch_web::routes::{self, Access};

on_both_databases!(
    odd_bodies_are_errors_on_every_route,
    bodies_beyond_the_limit_are_refused,
    odd_headers_are_errors_or_nothing,
    odd_addresses_are_errors,
    odd_methods_are_errors,
    odd_pictures_are_refused,
    odd_json_is_refused_without_being_repeated,
    hdr_05_errors_carry_a_reference_and_nothing_internal,
    reloading_a_refused_form_leads_to_its_page,
);

fn signed_in(site: &Site) -> (Browser<'_>, String) {
    let ada = site.add_administrator("Ada Lovelace", "ada@brightwater.example");
    let mut browser = site.browser();
    browser.sign_in(&ada);
    let token = browser.page().form("Log out").value("csrf").to_owned();
    (browser, token)
}

/// An error that somebody can ask about; or no error.
fn is_no_fault(answer: &Answer, what: &str) {
    let status = answer.status.as_u16();
    assert!(status < 500, "{what}: {status} {}", answer.text());
    if status < 400 {
        return;
    }
    if answer.is_html() {
        let page = answer.page();
        // A form that came back with its errors needs no reference.
        let came_back = status == 422 || answer.path.starts_with("/login");
        // A link of a mail that does nothing any more explains itself.
        let came_back = came_back || status == 410;
        assert!(page.says("Reference:") || came_back, "{what}: {status}");
    } else if is_told_to_app(answer) {
        assert_eq!(answer.media_type(), "application/json", "{what}: {status}");
    } else if !["/healthz", "/readyz"].contains(&answer.path.as_str())
        && !answer.path.starts_with("/forward-auth/")
    {
        assert_eq!(
            answer.media_type(),
            "application/problem+json",
            "{what}: {status}"
        );
        assert!(answer.json()["reference"].is_string(), "{what}");
    }
}

/// In the words of RFC 6749 section 5.2, RFC 6750 section 3.1 or RFC 8935 section 2.4,
/// which are for programs.
fn is_told_to_app(answer: &Answer) -> bool {
    let path = answer.path.as_str();
    let with_token = ["/oauth2/userinfo", "/api/v1/activity", "/api/v1/log-out"].contains(&path);
    // Without a token no reason is given.
    let no_token = with_token && answer.status.as_u16() == 401;
    let name = if path.starts_with("/oauth2/events/") {
        "err"
    } else {
        "error"
    };
    no_token || ((with_token || path.starts_with("/oauth2/")) && answer.json()[name].is_string())
}

fn odd_bodies_are_errors_on_every_route(which: TestDatabase) {
    let site = Site::new(which);
    let (browser, token) = signed_in(&site);
    let large = vec![b'a'; 10 * 1024 * 1024];
    let many_fields = "a=b&".repeat(15_000);
    let with_nul = format!("csrf={token}&name=a%00b&password=%00&session=%00&email=%00");
    let not_utf8 = format!("csrf={token}&name=%ff%fe&password=%c3%28&theme=%80");
    let bodies: [(&str, &[u8]); 11] = [
        ("application/x-www-form-urlencoded", &large),
        ("application/x-www-form-urlencoded", many_fields.as_bytes()),
        ("application/x-www-form-urlencoded", with_nul.as_bytes()),
        ("application/x-www-form-urlencoded", not_utf8.as_bytes()),
        (
            "application/x-www-form-urlencoded",
            b"\xff\xfe\x00\x00%%%==&&&",
        ),
        ("application/json", &large),
        (
            "application/json",
            b"{\"password\":\"\\u0000\",\"name\":\"\\u0000\",\"ids\":[\"\\u0000\"]}",
        ),
        ("application/json", b"[[[[[[[[[["),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n\xff\r\n--x",
        ),
        ("multipart/form-data", b"no boundary"),
        ("\u{1f600}", b"?"),
    ];
    for route in routes::list() {
        if route.method == "GET" {
            continue;
        }
        let path = route.path.replace("{id}", &browser.session_id());
        let path = path.replace("{code}", &"A".repeat(43));
        for (media_type, body) in bodies {
            // Each with the session as it was: some of these end it, as they may.
            let mut again = browser.clone();
            let ask = again.ask(route.method, &path).by_own_page();
            let ask = ask.header("x-nightlatch", "1");
            let ask = ask.header_bytes("content-type", media_type.as_bytes());
            let answer = ask.body(body).send();
            let what = format!("{} {} {media_type}", route.method, route.path);
            is_no_fault(&answer, &what);
        }
    }
}

fn bodies_beyond_the_limit_are_refused(which: TestDatabase) {
    let site = Site::new(which);
    let (mut browser, token) = signed_in(&site);
    let name = "x".repeat(64 * 1024);
    for path in [
        "/account/profile/name",
        "/login",
        "/account/security/password",
    ] {
        let ask = browser.ask("POST", path).by_own_page();
        let answer = ask.form(&format!("csrf={token}&name={name}")).send();
        assert!(answer.expect(413).page().says("That was too large"));
    }
    let body = serde_json::json!({ "name": name });
    let answer = browser.api("PATCH", "/api/v1/profile", Some(&body));
    drop(answer.expect(413));
    assert!(browser.is_signed_in());
}

fn odd_headers_are_errors_or_nothing(which: TestDatabase) {
    let site = Site::new(which);
    let (browser, _) = signed_in(&site);
    let long = "x".repeat(60_000);
    let cookies = "a=b; ".repeat(10_000);
    for (name, value) in [
        ("cookie", cookies.as_bytes()),
        ("cookie", b"__Host-nightlatch=\xff\xfe"),
        ("cookie", b";;;=;=;__Host-nightlatch-flash==;"),
        (
            "cookie",
            b"__Host-nightlatch-flash=ended.99999999999999999999",
        ),
        ("cookie", b"__Host-nightlatch-flash=<script>"),
        ("user-agent", b"\xff\xfe\xfd"),
        ("accept-language", long.as_bytes()),
        ("referer", b"\xff"),
        ("referer", b"http://[::1"),
        ("origin", b"\xff"),
        ("sec-fetch-site", b"\xff"),
        ("sec-fetch-mode", b"\xff"),
        ("content-length", b"-1"),
        ("x-forwarded-for", b"\xff, 1.2.3.4"),
        ("range", b"bytes=0-0,-1"),
        ("if-none-match", b"*"),
        ("expect", b"100-continue"),
        ("transfer-encoding", b"chunked, chunked"),
        ("upgrade", b"websocket"),
        ("content-encoding", b"gzip"),
        ("x-http-method-override", b"DELETE"),
    ] {
        for (method, path) in [
            ("GET", "/account/sessions"),
            ("GET", "/login"),
            ("POST", "/login"),
            ("GET", "/api/v1/sessions"),
        ] {
            let mut again = browser.clone();
            let ask = again.ask(method, path).header_bytes(name, value);
            is_no_fault(&ask.send(), &format!("{method} {path} {name}"));
        }
    }
    // A flood of them.
    let mut again = browser.clone();
    let mut ask = again.ask("GET", "/account/sessions");
    for number in 0..2_000 {
        ask = ask
            .header(&format!("x-{number}"), "y")
            .header("cookie", "c=d");
    }
    is_no_fault(&ask.send(), "a flood of headers");
    let mut again = browser.clone();
    assert!(again.is_signed_in());
}

fn odd_addresses_are_errors(which: TestDatabase) {
    let site = Site::new(which);
    let (mut browser, _) = signed_in(&site);
    let mut long = "/".to_owned();
    for number in 0..500 {
        write!(long, "a{number}/").expect("memory");
    }
    for path in [
        "/%00",
        "/%ff%fe",
        "/..%2f..%2fetc/passwd",
        "/account/%2e%2e/",
        "/account//sessions",
        "/account/sessions/",
        "/ACCOUNT/sessions",
        "/assets/..%2fCargo.toml",
        "/assets/%00",
        "/assets/app.css",
        "/account/sessions/%00/not-me",
        "/account/sessions/%ff/not-me",
        "/account/sessions/x/not-me",
        "/account/picture/%ff",
        "/account/picture/1",
        "/set-up/%ff",
        "/set-up/%00",
        "/set-up/x",
        "/api/v1/nothing",
        "/session/nothing",
        long.as_str(),
    ] {
        let answer = browser.open_once(path).expect_error(path);
        is_no_fault(&answer, path);
    }
    for path in [
        "/login?%00",
        "/login?return_to=%00",
        "/account/history?after=%00",
        "/api/v1/history?after=%00",
    ] {
        drop(browser.open_once(path).expect(400));
    }
    for path in [
        "/account/history?after=1.2",
        "/account/history?after=-9223372036854775808.00000000-0000-4000-8000-000000000000",
        "/account/history?after=9223372036854775807.ffffffff-ffff-ffff-ffff-ffffffffffff",
        "/account/history?after=99999999999999999999.x&show=%ff",
        "/login?return_to=%ff&switch=%ff",
        "/?a&b=c&=",
        "/?x=%zz%",
    ] {
        drop(browser.open_once(path).expect(200));
    }
    assert!(browser.is_signed_in());
}

fn odd_methods_are_errors(which: TestDatabase) {
    let site = Site::new(which);
    let (mut browser, _) = signed_in(&site);
    let listed: Vec<_> = routes::list()
        .iter()
        .map(|route| (route.method, route.path))
        .collect();
    for route in routes::list() {
        let path = route.path.replace("{id}", &browser.session_id());
        for method in [
            "PUT",
            "DELETE",
            "TRACE",
            "OPTIONS",
            "PROPFIND",
            "GET\u{2d}X",
        ] {
            let ask = browser.ask(method, &path).by_own_page();
            let answer = ask.send();
            let is_listed = listed.contains(&(method, route.path));
            assert!(
                is_listed || [404, 405, 403].contains(&answer.status.as_u16()),
                "{method} {path}: {}",
                answer.status
            );
            is_no_fault(&answer, &format!("{method} {path}"));
        }
    }
    assert!(browser.is_signed_in());
}

fn odd_pictures_are_refused(which: TestDatabase) {
    let site = Site::new(which);
    let (mut browser, token) = signed_in(&site);
    let upload = |browser: &mut Browser<'_>, content: &[u8]| {
        let head = format!(
            "--x\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{token}\r\n--x\r\nContent-Disposition: \
             form-data; name=\"picture\"; filename=\"../../x.svg\"\r\nContent-Type: image/svg+xml\r\n\r\n"
        );
        let body = [head.as_bytes(), content, b"\r\n--x--\r\n"].concat();
        let ask = browser
            .ask("POST", "/account/profile/picture")
            .by_own_page();
        ask.header("content-type", "multipart/form-data; boundary=x")
            .body(&body)
            .send()
    };
    for (content, status) in [
        (b"".to_vec(), 422),
        (b"<svg onload=alert(1)>".to_vec(), 422),
        (b"GIF89a".to_vec(), 422),
        (b"<html>".to_vec(), 422),
        (
            [b"\x89PNG\r\n\x1a\n".as_slice(), &vec![0; 520 * 1024]].concat(),
            422,
        ),
        (
            [b"\x89PNG\r\n\x1a\n".as_slice(), &vec![0; 10 * 1024 * 1024]].concat(),
            413,
        ),
    ] {
        drop(upload(&mut browser, &content).expect(status));
    }
    // What is taken is shown as a picture and as nothing else.
    let polyglot = b"\x89PNG\r\n\x1a\n<script>alert(1)</script>";
    drop(upload(&mut browser, polyglot).expect_redirect("/account/profile"));
    let shown = browser.open_once("/account/picture/1").expect(200);
    assert_eq!(shown.media_type(), "image/png");
    assert_eq!(
        shown.header("content-disposition"),
        Some("inline; filename=\"picture\"")
    );
    assert_eq!(shown.body.as_ref(), polyglot);
    browser.open("/account/profile").expect(200);
    browser.press("Remove picture").expect(200);
    drop(browser.open_once("/account/picture/1").expect(404));
}

fn odd_json_is_refused_without_being_repeated(which: TestDatabase) {
    let site = Site::new(which);
    let (mut browser, _) = signed_in(&site);
    for body in [
        r#"{"password": 12345, "x": "hunter2hunter2"}"#,
        r#"{"password": "hunter2hunter2", "password": "hunter2hunter2"}"#,
        r#"{"password": "hunter2hunter2", "unknown": 1}"#,
        r#""hunter2hunter2""#,
        "",
        "null",
        "{",
    ] {
        let ask = browser.ask("POST", "/api/v1/proof").by_script();
        let ask = ask
            .header("x-nightlatch", "1")
            .header("content-type", "application/json");
        let answer = ask.body(body.as_bytes()).send().expect(400);
        assert_eq!(
            answer.json()["type"],
            "urn:nightlatch:problem:unreadable-body"
        );
        assert!(!answer.text().contains("hunter2"), "{}", answer.text());
    }
}

fn hdr_05_errors_carry_a_reference_and_nothing_internal(which: TestDatabase) {
    let site = Site::new(which);
    let (mut browser, _) = signed_in(&site);
    let mut references = std::collections::HashSet::new();
    for (method, path) in [
        ("GET", "/nowhere"),
        ("POST", "/account/profile/name"),
        ("PUT", "/login"),
        ("GET", "/api/v1/nowhere"),
        ("DELETE", "/api/v1/sessions/x"),
    ] {
        let answer = browser.ask(method, path).send();
        assert!(answer.status.is_client_error());
        let reference = if answer.is_html() {
            let text = answer.page().text;
            let (_, rest) = text.split_once("Reference: ").expect("a reference");
            rest.split(' ').next().expect("a word").to_owned()
        } else {
            answer.json()["reference"]
                .as_str()
                .expect("a reference")
                .to_owned()
        };
        assert!(
            reference.len() >= 12 && references.insert(reference),
            "{path}"
        );
        for internal in ["panicked", "src/", "rusqlite", "SELECT", "axum", "Error("] {
            assert!(!answer.text().contains(internal), "{path}: {internal}");
        }
    }
}

fn reloading_a_refused_form_leads_to_its_page(which: TestDatabase) {
    let site = Site::new(which);
    let (mut browser, _) = signed_in(&site);
    for route in routes::list() {
        let is_call = ["/api/", "/login/passkey/"]
            .iter()
            .any(|prefix| route.path.starts_with(prefix))
            || matches!(
                route.rule.access,
                Access::Programs | Access::Apps | Access::ProtectedHosts
            );
        let has_page = route.method == "POST" && !is_call;
        if !has_page
            || ["/session/stay", "/set-up/{code}", "/oauth2/authorize"].contains(&route.path)
            || route.path.contains("/{token}")
        {
            continue;
        }
        let path = route
            .path
            .replace("{id}", "00000000-0000-4000-8000-000000000000");
        let status = browser.open(&path).status.as_u16();
        if route.rule.power.is_some() {
            // To a member, the place for administrators is not there.
            assert_eq!(status, 404, "{path}");
            continue;
        }
        let asks_first = path.ends_with("/not-me") || path.ends_with("/remove");
        let is_gone = status == 404 && asks_first;
        assert!(status == 200 || is_gone, "{path}: {status}");
    }
}
