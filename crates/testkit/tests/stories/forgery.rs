//! Forms and calls that our own pages did not send (CSRF-01 … CSRF-05, B9).
//!
//! Longer than 400 lines, since it holds the one list of all forms.

use nightlatch_domain::ids::RememberedFactorId;
use nightlatch_domain::next_step::RememberedLife;
use nightlatch_domain::policy::SecondFactorRule;
use nightlatch_domain::secret::TokenDigest;
use nightlatch_storage::remembered_factors::{self, RememberedFactor};
use nightlatch_storage::{on_both_databases, sessions};
use nightlatch_testkit::{
    Account, Answer, Authenticator, Browser, PASSWORD, PasskeyDevice, Site, SiteOptions,
    TestDatabase,
};
use nightlatch_web::routes::{self, Access, RouteFacts};

on_both_databases!(
    csrf_01_02_a_foreign_page_changes_nothing_on_any_route,
    csrf_04_a_form_that_is_not_ones_own_changes_nothing,
    csrf_05_calls_need_the_header_and_the_media_type,
    what_is_refused_above_works_when_it_is_sent_properly,
    csrf_02_headers_of_old_browsers_are_enough,
    csrf_02_the_origin_is_the_configured_one_and_not_the_hosts,
    csrf_04_the_form_of_the_first_start_is_guarded_too,
);

const NEW: &str = "eleven herons over a silver estuary";
const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n and so on";

/// Ada, administrator, on her laptop and her phone.
struct Scene<'a> {
    site: &'a Site,
    ada: Account,
    laptop: Browser<'a>,
    phone: String,
    passkey: String,
    token: String,
    /// An app that her laptop is in.
    crm: String,
    app: String,
    app_begun: String,
    unfinished: Authenticator,
    /// Somebody over whom she has a say, and their session.
    member: (String, String),
}

impl<'a> Scene<'a> {
    fn new(site: &'a Site) -> Self {
        let ada = site.add_administrator("Ada Lovelace", "ada@brightwater.example");
        let (mut laptop, mut phone) = (site.browser(), site.browser());
        phone.sign_in(&ada);
        laptop.sign_in(&ada);
        let token = laptop.page().form("Log out").value("csrf").to_owned();
        remember_phone(site, &ada, &phone);
        let crm = site.connect_app("Crm", |crm| crm.backchannel_logout_uris.clear());
        site.enter_app(&laptop, &crm);
        drop(laptop.add_authenticator_app("Phone"));
        let unfinished = laptop.begin_authenticator_app();
        let id_in = |path: &str| path.split('/').nth(4).expect("an id").to_owned();
        let app_begun = id_in(laptop.path());
        let apps = laptop
            .api("GET", "/api/v1/factors", None)
            .expect(200)
            .json();
        let app = apps["authenticator_apps"][0]["id"].as_str();
        let app = app.expect("an id").to_owned();
        let mut key = PasskeyDevice::security_key(&site.origin());
        laptop.add_passkey(&mut key, "Blue key");
        laptop.open("/account/security").expect(200);
        let action = laptop.page().form("Remove Blue key").action.clone();
        let passkey = action.rsplit('/').nth(1).expect("an id").to_owned();
        let bob = site.add_person("Bob Hale", "bob@brightwater.example");
        let mut tablet = site.browser();
        tablet.sign_in(&bob);
        let address = serde_json::json!({ "email": "ada@elsewhere.example" });
        let waiting = laptop.api("POST", "/api/v1/profile/email", Some(&address));
        drop(waiting.expect(200));
        Self {
            crm: crm.id.to_string(),
            app,
            app_begun,
            unfinished,
            site,
            ada,
            phone: phone.session_id(),
            member: (bob.id.to_string(), tablet.session_id()),
            passkey,
            laptop,
            token,
        }
    }

    /// Everything that a request could have changed.
    fn state(&self) -> Vec<String> {
        let counts = [
            "SELECT count(*) FROM sessions WHERE ended_at IS NULL",
            "SELECT count(*) FROM events",
            "SELECT count(*) FROM endings",
            "SELECT count(*) FROM throttles",
            "SELECT count(*) FROM pictures",
            "SELECT count(*) FROM authenticator_apps",
            "SELECT count(*) FROM authenticator_apps WHERE confirmed_at IS NULL",
            "SELECT count(*) FROM recovery_codes",
            "SELECT count(*) FROM passkeys WHERE name = 'Blue key'",
            "SELECT count(*) FROM ceremonies",
            "SELECT count(*) FROM phone_sign_ins",
            "SELECT count(*) FROM reviews",
            "SELECT count(*) FROM email_changes",
            "SELECT count(*) FROM browsers WHERE always_shared",
            "SELECT count(*) FROM users WHERE name = 'Ada Lovelace'",
            "SELECT count(*) FROM remembered_factors",
            "SELECT count(*) FROM pending_sign_ins",
        ];
        let noted = self.site.flush_activity().to_string();
        let mut state: Vec<String> = counts
            .iter()
            .map(|count| self.site.count_rows(count).to_string())
            .collect();
        state.push(noted);
        state.push(format!(
            "{:?}",
            self.laptop.session_row().map(|row| row.ended)
        ));
        state.push(self.site.epoch_of(&self.ada).to_string());
        let mails = self.site.count_rows("SELECT COUNT(*) FROM mails");
        state.push(mails.to_string());
        state
    }

    /// Sends the route a request that would do something, with these headers,
    /// this form token and no other protection.
    fn send(&mut self, route: RouteFacts, headers: &[(&str, &str)], token: &str) -> Answer {
        let id = match route.path {
            path if path.ends_with("/set-up") => &self.app_begun,
            path if path.contains("authenticator-apps") => &self.app,
            path if path.contains("/passkeys/") => &self.passkey,
            path if path.contains("/apps/") => &self.crm,
            path if path.starts_with("/admin/people/") => &self.member.0,
            _ => &self.phone,
        };
        let path = route.path.replace("{id}", id);
        let path = path.replace("{session}", &self.member.1);
        let path = path.replace("{act}", "disable");
        let code = if route.path.ends_with("/download") {
            "0123-4567-89AB-CDEF".to_owned()
        } else {
            self.unfinished.code(self.site)
        };
        let mut ask = self.laptop.ask(route.method, &path);
        for (name, value) in headers {
            ask = ask.header(name, value);
        }
        if route.path.ends_with("/picture") {
            let body = [
                format!("--x\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{token}\r\n--x\r\nContent-Disposition: form-data; name=\"picture\"; filename=\"p\"\r\n\r\n").as_bytes(),
                PICTURE,
                b"\r\n--x--\r\n",
            ]
            .concat();
            let ask = ask.header("content-type", "multipart/form-data; boundary=x");
            return ask.body(&body).send();
        }
        if route.path.ends_with("/begin") {
            return ask.json(&serde_json::json!({})).send();
        }
        if route.path.starts_with("/api/") {
            let body = match route.path {
                "/api/v1/profile/email" => serde_json::json!({ "email": "eve@evil.example" }),
                "/api/v1/profile" => serde_json::json!({ "name": "Mallory" }),
                "/api/v1/sessions/log-out-selected" => serde_json::json!({ "ids": [self.phone] }),
                _ => serde_json::json!({ "password": PASSWORD }),
            };
            return ask
                .header("content-type", "application/json")
                .body(body.to_string().as_bytes())
                .send();
        }
        let email = match route.path {
            "/account/profile/email" => "eve@evil.example",
            _ => self.ada.email.as_str(),
        };
        let pairs = [
            ("csrf", token),
            ("code", &code),
            ("name", "Mallory"),
            ("theme", "dark"),
            ("shared", "yes"),
            ("session", self.phone.as_str()),
            ("email", email),
            ("password", PASSWORD),
            ("current_password", PASSWORD),
            ("new_password", NEW),
            ("new_password_again", NEW),
            ("until", "1"),
        ];
        let pairs = serde_urlencoded::to_string(pairs).expect("pairs");
        ask.form(&pairs).send()
    }
}

/// Her phone is remembered for the second step, under the id of its session, so
/// that forgetting it is something to forge.
fn remember_phone(site: &Site, ada: &Account, phone: &Browser<'_>) {
    let row = phone.session_row().expect("a session");
    let (user, now) = (ada.id, site.now());
    site.write(move |tx| {
        let session = sessions::find(tx, row.id)?.expect("a session").session;
        let remembered = RememberedFactor {
            id: RememberedFactorId::from_bytes(row.id.to_bytes()),
            user_id: user,
            browser_id: session.browser_id.expect("a browser"),
            life: RememberedLife {
                epochs: session.life.epochs,
                password_set_at: None,
                created_at: now,
                expires_at: now.plus(crate::DAY),
            },
            factors: TokenDigest::of(b""),
            user_agent: String::new(),
            last_used_at: now,
        };
        remembered_factors::put(tx, &remembered, TokenDigest::of(b"trusted"))
    });
}

fn unsafe_routes() -> Vec<RouteFacts> {
    let mut unsafe_ones = routes::list();
    // Apps call without cookies: there is nothing to borrow; see `tokens_http`.
    unsafe_ones.retain(|route| {
        route.method != "GET"
            && !route.path.starts_with("/set-up")
            && route.rule.access != Access::Apps
            // On hosts of their own; see `protected`.
            && route.rule.access != Access::ProtectedHosts
    });
    assert!(unsafe_ones.len() > 20);
    unsafe_ones
}

fn csrf_01_02_a_foreign_page_changes_nothing_on_any_route(which: TestDatabase) {
    let site = Site::new(which);
    let mut scene = Scene::new(&site);
    site.flush_activity();
    let before = scene.state();
    let token = scene.token.clone();
    let foreign: [&[(&str, &str)]; 12] = [
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
        &[("sec-fetch-site", "Same-Origin, cross-site")],
        &[
            ("sec-fetch-site", "same-site"),
            ("origin", "http://localhost:8080"),
        ],
        &[("origin", "https://evil.example")],
        &[("origin", "http://localhost:8081")],
        &[("origin", "https://localhost:8080")],
        &[("origin", "null")],
        &[("referer", "http://localhost:8080.evil.example/")],
        &[("referer", "http://localhost:8080@evil.example/")],
        &[],
    ];
    for route in unsafe_routes() {
        for headers in foreign {
            let by_token = ["/logout", "/oauth2/logout/continue"];
            if headers.is_empty() && by_token.contains(&route.path) {
                // Without any headers its token decides; see the story of B10.
                continue;
            }
            let with_header = [headers, &[("x-nightlatch", "1")]].concat();
            let answer = scene.send(route, &with_header, &token);
            let status = answer.status.as_u16();
            let is_question = route.path.ends_with("/logout") || route.path.ends_with("/continue");
            let expected = match route.path {
                // Apps may send this one; here it names no app.
                "/oauth2/authorize" => 400,
                // To the question; see the stories of B9.
                path if is_question && !path.starts_with("/login") => 303,
                _ => 403,
            };
            assert_eq!(
                status, expected,
                "{} {} {headers:?}",
                route.method, route.path
            );
            assert!(
                answer.cookies().is_empty(),
                "{} {}",
                route.method,
                route.path
            );
            assert_eq!(
                scene.state(),
                before,
                "{} {} {headers:?}",
                route.method,
                route.path
            );
        }
    }
}

fn csrf_04_a_form_that_is_not_ones_own_changes_nothing(which: TestDatabase) {
    let site = Site::new(which);
    let mut scene = Scene::new(&site);
    let grace = site.add_person("Grace Hopper", "grace@brightwater.example");
    let mut hers = site.browser();
    hers.sign_in(&grace);
    let foreign = hers.page().form("Log out").value("csrf").to_owned();
    let mut nobody = site.browser();
    nobody.open("/login").expect(200);
    let visitors = nobody.page().form("Sign in").value("csrf").to_owned();
    // One of an earlier session of the same browser.
    let stale = scene.token.clone();
    let ada = scene.ada.clone();
    site.change_settings(|settings| {
        settings.policy.second_factor.rule = SecondFactorRule::Off;
    });
    scene.laptop.sign_in(&ada);
    site.flush_activity();
    let before = scene.state();
    // Log out and reset do not depend on it; calls of programs and apps carry none.
    let exempt = [
        "/logout",
        "/help/reset-browser",
        "/oauth2/authorize",
        "/oauth2/logout",
        "/oauth2/logout/continue",
    ];
    for route in unsafe_routes() {
        if exempt.contains(&route.path) || route.rule.access == Access::Programs {
            continue;
        }
        // A link of a mail is its own proof, and works without cookies.
        if route.path.ends_with("/{token}") {
            continue;
        }
        for token in ["", "AAAA", &"A".repeat(64), &stale, &foreign, &visitors] {
            let headers = [("sec-fetch-site", "same-origin")];
            let answer = scene.send(route, &headers, token);
            let what = format!("{} {} {token}", route.method, route.path);
            assert_eq!(answer.status.as_u16(), 403, "{what}");
            site.flush_activity();
            assert_eq!(scene.state(), before, "{what}");
        }
    }
}

fn csrf_05_calls_need_the_header_and_the_media_type(which: TestDatabase) {
    let site = Site::new(which);
    let mut scene = Scene::new(&site);
    site.flush_activity();
    let before = scene.state();
    let token = scene.token.clone();
    let programs: Vec<_> = unsafe_routes()
        .into_iter()
        .filter(|route| route.rule.access == Access::Programs)
        .collect();
    assert!(programs.len() > 5);
    for route in &programs {
        let answer = scene.send(*route, &[("sec-fetch-site", "same-origin")], &token);
        let answer = answer.expect(403).json();
        assert_eq!(answer["type"], "urn:nightlatch:problem:header-missing");
        assert_eq!(scene.state(), before, "{}", route.path);
    }
    // What a form of another site could send is no body of a call.
    for media_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain; application/json",
        "",
    ] {
        let ask = scene.laptop.ask("PATCH", "/api/v1/profile");
        let ask = ask.by_own_page().header("x-nightlatch", "1");
        let answer = ask
            .header("content-type", media_type)
            .body(br#"{"name":"Mallory"}"#)
            .send();
        drop(answer.expect(415));
    }
    site.flush_activity();
    assert_eq!(scene.state(), before);
}

/// The guard of these stories: what was refused does something.
fn what_is_refused_above_works_when_it_is_sent_properly(which: TestDatabase) {
    // These take an authenticator, a code on another screen, or only a proof: their
    // own stories tell it.
    let told_elsewhere = [
        // Writes nothing at all: the challenge travels sealed.
        "/login/passkey/begin",
        "/login/passkey/finish",
        "/login/passkey/second-step",
        "/api/v1/proof/passkey",
        "/account/security/passkeys/finish",
        "/account/security/passkeys/add",
        "/login/phone/cancel",
        "/login/phone/continue",
        "/account/phone",
        "/account/phone/confirm",
        "/account/phone/refuse",
        // Proves nothing without a hint.
        "/oauth2/logout",
    ];
    for route in unsafe_routes() {
        // Links of mails, apps and administrators have stories of their own, and the second step does
        // nothing without a sign-in that waits; see `second_step`.
        if told_elsewhere.contains(&route.path)
            || route.path.starts_with("/login/factor")
            || route.path.starts_with("/oauth2/authorize")
            || route.path.starts_with("/api/v1/organization/")
            || route.path.ends_with("/{token}")
        {
            continue;
        }
        let site = Site::new(which);
        let mut scene = Scene::new(&site);
        site.flush_activity();
        let before = scene.state();
        let headers = [("sec-fetch-site", "same-origin"), ("x-nightlatch", "1")];
        let token = scene.token.clone();
        let answer = scene.send(route, &headers, &token);
        let what = format!("{} {}", route.method, route.path);
        assert!(answer.status.as_u16() < 400, "{what}: {}", answer.text());
        assert_ne!(scene.state(), before, "{what}");
    }
}

fn csrf_02_headers_of_old_browsers_are_enough(which: TestDatabase) {
    let site = Site::new(which);
    for headers in [
        [("origin", "http://localhost:8080")],
        [("origin", "HTTP://LOCALHOST:8080")],
        [("referer", "http://localhost:8080/account/profile?x=1")],
    ] {
        let mut browser = site.browser();
        browser.open("/login").expect(200);
        let csrf = browser.page().form("Sign in").value("csrf").to_owned();
        let form = format!("csrf={csrf}&email=nobody&password=x");
        let mut ask = browser.ask("POST", "/login").form(&form);
        for (name, value) in headers {
            ask = ask.header(name, value);
        }
        drop(ask.send().expect(422));
    }
}

fn csrf_02_the_origin_is_the_configured_one_and_not_the_hosts(which: TestDatabase) {
    let options = SiteOptions {
        public_url: "https://login.brightwater.example".to_owned(),
        ..SiteOptions::default()
    };
    let site = Site::with(which, options);
    let ada = site.add_ada();
    let mut browser = site.browser();
    browser.sign_in(&ada);
    for origin in [
        "http://login.brightwater.example",
        "https://login.brightwater.example:444",
        "https://app.brightwater.example",
    ] {
        let ask = browser
            .ask("POST", "/help/reset-browser")
            .header("origin", origin);
        drop(ask.form("").send().expect(403));
    }
    assert!(browser.is_signed_in());
    browser.log_out();
}

fn csrf_04_the_form_of_the_first_start_is_guarded_too(which: TestDatabase) {
    let options = SiteOptions {
        has_organization: false,
        ..SiteOptions::default()
    };
    let site = Site::with(which, options);
    let code = site.issue_set_up_link().expect("a link");
    let form = serde_urlencoded::to_string([
        ("organization", "Mallory & Co"),
        ("name", "Mallory"),
        ("email", "mallory@evil.example"),
        ("password", NEW),
        ("password_again", NEW),
    ])
    .expect("pairs");
    let path = format!("/set-up/{code}");
    let mut browser = site.browser();
    for ask in [
        browser.clone().ask("POST", &path).form(&form),
        browser
            .clone()
            .ask("POST", &path)
            .header("sec-fetch-site", "cross-site")
            .form(&form),
        browser.ask("POST", &path).by_own_page().form(&form),
    ] {
        drop(ask.send().expect(403));
    }
    assert_eq!(site.count_rows("SELECT count(*) FROM users"), 0);
}
