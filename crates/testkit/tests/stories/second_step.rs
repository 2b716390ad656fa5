//! The second step of signing in (SES-07, MFA-03, OUT-12, UI-06).
//!
//! Longer than 400 lines, since it is one story told in parts.

use nightlatch_domain::event::EventKind;
use nightlatch_domain::policy::AtSessionLimit;
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Account, Browser, Choices, Jar, PASSWORD, PhoneApp, Site, TestDatabase};
use nightlatch_web::routes::{self, Access};

use crate::{DAY, MINUTE, SECOND};

on_both_databases!(
    a_right_code_completes_the_sign_in_and_both_proofs_are_recorded,
    ses_07_a_sign_in_that_waits_reaches_nothing_and_stands_in_no_list,
    ses_07_it_waits_for_ten_minutes,
    out_12_it_dies_with_whatever_it_relied_on,
    mfa_03_wrong_codes_end_it_and_count_over_all_of_them,
    a_code_is_good_for_one_sign_in,
    ui_06_it_leads_to_where_one_wanted_to_go,
    not_you_starts_again,
    a_recovery_code_will_do_and_works_once,
    mfa_06_a_used_recovery_code_leads_to_new_ones,
    mfa_06_a_sign_in_that_leads_nowhere_takes_no_recovery_code,
    auth_07_nobody_learns_before_the_password_who_has_a_factor,
    csrf_a_form_of_somebody_else_gives_no_code,
    a_lost_phone_or_password_blocks_no_proof,
);

const PENDING: &str = "__Host-nightlatch-sign-in";

/// Ada, signed in on her laptop, with an app on her phone.
fn scene(site: &Site) -> (Account, Browser<'_>, PhoneApp) {
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let phone = laptop.set_up_app();
    (ada, laptop, phone)
}

fn a_right_code_completes_the_sign_in_and_both_proofs_are_recorded(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, _, phone) = scene(&site);
    let mut tablet = site.browser();
    tablet.come_to_second_step(&ada);
    assert!(!tablet.is_signed_in() && tablet.session_cookie().is_none());
    let answer = tablet.give_code(&phone.next_code(&site));
    drop(answer.expect_redirect("/"));
    assert!(tablet.is_signed_in());
    assert_eq!(tablet.jar.get(PENDING), None);
    assert_eq!(site.count_rows("SELECT count(*) FROM pending_sign_ins"), 0);
    let sessions = tablet
        .api("GET", "/api/v1/sessions", None)
        .expect(200)
        .json();
    let current = sessions["sessions"]
        .as_array()
        .expect("sessions")
        .iter()
        .find(|one| one["current"] == true)
        .expect("this one");
    assert_eq!(current["proofs"][0]["method"], "password");
    assert_eq!(current["proofs"][1]["method"], "authenticator_app");
    tablet.open("/account/security").expect(200);
    assert!(tablet.page().says("Password and authenticator app"));
}

fn ses_07_a_sign_in_that_waits_reaches_nothing_and_stands_in_no_list(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop, _) = scene(&site);
    let mut tablet = site.browser();
    tablet.come_to_second_step(&ada);
    assert_eq!(site.open_sessions_of(&ada), 1);
    laptop.open("/account/sessions").expect(200);
    assert_eq!(laptop.page().cards().len(), 1);
    let token = tablet.jar.get(PENDING).expect("a cookie").to_owned();
    // Under its own name, and where a session's cookie belongs.
    for name in [PENDING, "__Host-nightlatch", "__Host-nightlatch-trusted"] {
        for route in routes::list() {
            if route.path == "/session/events" || route.path.starts_with("/login/factor") {
                continue;
            }
            let path = route.path.replace("{id}", &laptop.session_id());
            let mut thief = site.browser().with_cookies(Jar::with(name, &token));
            let ask = thief.ask(route.method, &path).by_own_page();
            let ask = ask.header("x-nightlatch", "1");
            let answer = match route.method {
                "GET" | "DELETE" => ask.send(),
                _ if route.path.starts_with("/api/") => ask
                    .json(&serde_json::json!({ "password": PASSWORD }))
                    .send(),
                _ => ask.form("csrf=x&password=x").send(),
            };
            let what = format!("{name} at {} {}", route.method, route.path);
            let status = answer.status.as_u16();
            match route.rule.access {
                Access::People => {
                    assert_eq!(status, 303, "{what}");
                    let to = answer.location().unwrap_or_default();
                    assert!(to.starts_with("/login"), "{what}: {to}");
                }
                Access::Programs => assert_eq!(status, 401, "{what}"),
                Access::Everyone
                | Access::Operations
                | Access::Apps
                | Access::Proxies
                | Access::ProtectedHosts => {}
            }
            assert!(!answer.text().contains("Lovelace"), "{what}");
            assert!(!thief.is_signed_in(), "{what}");
        }
    }
    assert!(laptop.is_signed_in());
}

fn ses_07_it_waits_for_ten_minutes(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, _, phone) = scene(&site);
    let mut tablet = site.browser();
    tablet.come_to_second_step(&ada);
    let began = site.now();
    site.wait_until(began.plus(MINUTE * 10).minus(SECOND));
    tablet.open("/login/factor").expect(200);
    assert_eq!(tablet.page().heading, "One more step");
    let code = phone.next_code(&site);
    drop(tablet.give_code(&code).expect_redirect("/login"));
    tablet.open("/login").expect(200);
    assert!(tablet.page().says("That sign-in is not open any more"));
    assert!(!tablet.is_signed_in());
    assert_eq!(tablet.jar.get(PENDING), None);
    // Without one the page leads to the password, and says nothing.
    drop(
        site.browser()
            .open_once("/login/factor")
            .expect_redirect("/login"),
    );
    site.prune();
    assert_eq!(site.count_rows("SELECT count(*) FROM pending_sign_ins"), 0);
}

type Meanwhile = fn(&Site, &Account, &mut Browser<'_>, &PhoneApp);

const MEANWHILE: [(&str, Meanwhile); 8] = [
    ("log out of all sessions", |_, _, laptop, _| {
        laptop.open("/account/sessions/log-out-all").expect(200);
        laptop.press("Log out of all sessions").expect(200);
    }),
    ("a changed password", |_, _, laptop, _| {
        laptop.change_password(PASSWORD, "eleven herons over a silver estuary");
    }),
    ("a password set by the operator", |site, ada, _, _| {
        site.set_password(ada, "eleven herons over a silver estuary");
    }),
    ("being disabled", |site, ada, _, _| {
        site.disable(ada);
    }),
    ("being deleted", |site, ada, _, _| {
        site.delete(ada);
    }),
    ("the organization logged out", |site, ada, _, _| {
        site.log_out_everybody(Some(ada.organization), "a drill");
    }),
    ("everybody logged out", |site, _, _, _| {
        site.log_out_everybody(None, "a drill");
    }),
    ("the factor removed", |_, _, laptop, phone| {
        laptop.remove_app(phone);
    }),
];

fn out_12_it_dies_with_whatever_it_relied_on(which: TestDatabase) {
    for (what, happens) in MEANWHILE {
        let site = Site::new(which);
        let (ada, mut laptop, phone) = scene(&site);
        let mut tablet = site.browser();
        tablet.come_to_second_step(&ada);
        let before = site.sessions_of(&ada).len();
        happens(&site, &ada, &mut laptop, &phone);
        let code = phone.next_code(&site);
        let answer = tablet.give_code(&code);
        assert_eq!(answer.location(), Some("/login"), "{what}");
        assert!(!tablet.is_signed_in(), "{what}");
        assert_eq!(site.sessions_of(&ada).len(), before, "{what}");
    }
}

fn mfa_03_wrong_codes_end_it_and_count_over_all_of_them(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, _, phone) = scene(&site);
    let (mut thief, mut second) = (site.browser(), site.browser());
    thief.come_to_second_step(&ada);
    second.come_to_second_step(&ada);
    for _ in 0..4 {
        let answer = thief.give_code("000000").expect(422);
        assert!(answer.page().says("That code is not right"));
        thief.open("/login/factor").expect(200);
    }
    drop(thief.give_code("000000").expect_redirect("/login"));
    // Over for this sign-in, and the next one does not begin from nought.
    let code = phone.next_code(&site);
    for _ in 0..8 {
        second.open("/login/factor").expect(200);
        second.give_code("000000");
    }
    let answer = second.give_code(&code);
    assert_ne!(answer.status.as_u16(), 200);
    assert!(!second.is_signed_in());
    let lines: i64 = site
        .history_of(&ada)
        .iter()
        .filter(|event| event.kind == EventKind::SecondFactorFailed)
        .map(|event| event.count)
        .sum();
    assert!(lines >= 5, "{lines}");
    // Whoever waits gets in.
    site.advance(DAY);
    second.sign_in_with_code(&ada, &phone);
    assert!(second.is_signed_in());
    second.open("/account/history").expect(200);
    assert!(second.page().says("Right password, but"));
}

fn a_code_is_good_for_one_sign_in(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, _, phone) = scene(&site);
    let (mut tablet, mut thief) = (site.browser(), site.browser());
    tablet.come_to_second_step(&ada);
    thief.come_to_second_step(&ada);
    let code = phone.next_code(&site);
    drop(tablet.give_code(&code).expect_redirect("/"));
    drop(thief.give_code(&code).expect(422));
    assert!(tablet.is_signed_in() && !thief.is_signed_in());
    // The same token of the step again: it was used up.
    let mut again = site.browser().with_cookies(thief.steal_cookies());
    again.jar = tablet.steal_cookies();
    again.jar.remove("__Host-nightlatch");
    drop(again.open_once("/login/factor").expect_redirect("/login"));
}

fn ui_06_it_leads_to_where_one_wanted_to_go(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, _, phone) = scene(&site);
    let mut tablet = site.browser();
    tablet.open("/account/history?show=endings").expect(200);
    tablet.fill("E-mail address", &ada.email);
    tablet.fill("Password", PASSWORD);
    tablet.press("Sign in").expect(200);
    assert_eq!(tablet.page().heading, "One more step");
    tablet.give_code("000000").expect(422);
    tablet.open("/login/factor").expect(200);
    let answer = tablet.give_code(&phone.next_code(&site));
    drop(answer.expect_redirect("/account/history?show=endings"));
    // Also when it took too long: the way is kept.
    let mut slow = site.browser();
    slow.open("/account/security").expect(200);
    slow.fill("E-mail address", &ada.email);
    slow.fill("Password", PASSWORD);
    slow.press("Sign in").expect(200);
    site.advance(MINUTE * 11);
    let code = phone.next_code(&site);
    let answer = slow.give_code(&code);
    drop(answer.expect_redirect("/login?return_to=/account/security"));
}

fn not_you_starts_again(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, _, _) = scene(&site);
    let mut tablet = site.browser();
    tablet.come_to_second_step(&ada);
    let kept = tablet.steal_cookies();
    tablet.press("Not you? Start again").expect(200);
    assert_eq!(tablet.page().heading, "Sign in");
    assert_eq!(tablet.jar.get(PENDING), None);
    let mut thief = site.browser().with_cookies(kept);
    drop(thief.open_once("/login/factor").expect_redirect("/login"));
}

fn a_recovery_code_will_do_and_works_once(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop, _) = scene(&site);
    let codes = laptop.make_recovery_codes();
    let mut tablet = site.browser();
    tablet.come_to_second_step(&ada);
    tablet.click("Use a recovery code instead").expect(200);
    tablet.fill("Recovery code", "not one of them");
    let answer = tablet.press_once("Continue").expect(422);
    assert!(answer.page().says("none of your recovery codes"));
    tablet.open("/login/factor?way=recovery").expect(200);
    tablet.fill("Recovery code", &codes[0]);
    let answer = tablet.press_once("Continue");
    drop(answer.expect_redirect("/account/security/recovery-code-used"));
    assert!(tablet.is_signed_in());
    let mut thief = site.browser();
    thief.come_to_second_step(&ada);
    thief.open("/login/factor?way=recovery").expect(200);
    thief.fill("Recovery code", &codes[0]);
    drop(thief.press_once("Continue").expect(422));
    assert!(!thief.is_signed_in());
}

fn give_recovery_code(browser: &mut Browser<'_>, code: &str) -> nightlatch_testkit::Answer {
    browser.open("/login/factor?way=recovery").expect(200);
    browser.fill("Recovery code", code);
    browser.press_once("Continue")
}

fn mfa_06_a_used_recovery_code_leads_to_new_ones(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop, _) = scene(&site);
    let codes = laptop.make_recovery_codes();
    // Nobody who used none is told so.
    laptop
        .open("/account/security/recovery-code-used")
        .expect(200);
    assert_eq!(laptop.path(), "/account/security");
    let mut tablet = site.browser().at("203.0.113.8");
    tablet.open("/account/history?show=endings").expect(200);
    tablet.fill("E-mail address", &ada.email);
    tablet.fill("Password", PASSWORD);
    tablet.press("Sign in").expect(200);
    let answer = give_recovery_code(&mut tablet, &codes[0]).expect(303);
    tablet.follow(answer).expect(200);
    assert_eq!(tablet.page().heading, "You used a recovery code");
    assert!(tablet.page().says("You have 9 codes left."));
    assert_eq!(
        tablet.page().link("Look at my second steps"),
        "/account/security#two-step-heading"
    );
    let on = tablet.page().link("Continue").to_owned();
    assert_eq!(on, "/account/history?show=endings");
    // Its line says from where, and in which session.
    let history = site.history_of(&ada);
    let line = history
        .iter()
        .find(|line| line.kind == EventKind::RecoveryCodeUsed)
        .expect("a line");
    let row = tablet.session_row().expect("a session");
    assert_eq!(line.session_id, Some(row.id));
    assert!(line.browser_id.is_some());
    let address = line.client.address.map(|address| address.to_string());
    assert_eq!(address.as_deref(), Some("203.0.113.8"));
    assert!(!line.client.user_agent.is_empty());
    let letters = site.letters_to(&ada);
    let letter = letters
        .iter()
        .find(|letter| letter.subject.starts_with("A recovery code was used"))
        .expect("a letter");
    assert!(letter.text.contains("203.0.113.8") && letter.text.contains("Codes left: 9"));
    tablet.click("Make new recovery codes").expect(200);
    tablet.press("Make new recovery codes").expect(200);
    assert!(tablet.page().says("Keep these codes now"));
    // No page of another site follows.
    let hostile = "/account/security/recovery-code-used?return_to=//evil.test";
    tablet.open(hostile).expect(200);
    assert_eq!(tablet.page().link("Continue"), "/");
}

fn mfa_06_a_sign_in_that_leads_nowhere_takes_no_recovery_code(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop, _) = scene(&site);
    let codes = laptop.make_recovery_codes();
    site.change_settings(|settings| {
        settings.policy.session_limit = 1;
        settings.policy.at_session_limit = AtSessionLimit::Refuse;
    });
    // More tries than wrong codes would be allowed: right ones do not count.
    for _ in 0..8 {
        let mut tablet = site.browser();
        tablet.come_to_second_step(&ada);
        let answer = give_recovery_code(&mut tablet, &codes[0]);
        drop(answer.expect_redirect("/login"));
        assert!(!tablet.is_signed_in());
    }
    let unused = "SELECT count(*) FROM recovery_codes WHERE used_at IS NULL";
    assert_eq!(site.count_rows(unused), 10);
    assert_eq!(site.count_events(&ada, EventKind::RecoveryCodeUsed), 0);
    laptop.log_out();
    let mut tablet = site.browser();
    tablet.come_to_second_step(&ada);
    let answer = give_recovery_code(&mut tablet, &codes[0]);
    drop(answer.expect_redirect("/account/security/recovery-code-used"));
    assert_eq!(site.count_rows(unused), 9);
}

fn auth_07_nobody_learns_before_the_password_who_has_a_factor(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, _, _) = scene(&site);
    let grace = site.add_person("Grace Hopper", "grace@brightwater.example");
    let answers: Vec<_> = [&ada.email, &grace.email, "nobody@brightwater.example"]
        .into_iter()
        .map(|email| {
            let mut stranger = site.browser();
            let answer = stranger.try_to_sign_in(email, "not the password", Choices::default());
            let cookies: Vec<String> = answer
                .cookies()
                .iter()
                .filter_map(|cookie| cookie.split('=').next().map(str::to_owned))
                .collect();
            let page = answer.page();
            (answer.status, cookies, page.heading.clone())
        })
        .collect();
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
    assert_eq!(site.count_rows("SELECT count(*) FROM pending_sign_ins"), 0);
}

fn csrf_a_form_of_somebody_else_gives_no_code(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, _, phone) = scene(&site);
    let mut tablet = site.browser();
    tablet.come_to_second_step(&ada);
    let code = phone.next_code(&site);
    let form = format!("csrf=x&way=app&code={code}");
    let answer = tablet
        .ask("POST", "/login/factor")
        .by_own_page()
        .form(&form)
        .send();
    assert!(answer.expect(403).page().says("open for too long"));
    let answer = tablet
        .ask("POST", "/login/factor/start-again")
        .by_own_page()
        .form("csrf=x");
    drop(answer.send().expect(403));
    assert!(!tablet.is_signed_in());
    // What was refused was not used up.
    tablet.open("/login/factor").expect(200);
    drop(tablet.give_code(&code).expect_redirect("/"));
}

fn a_lost_phone_or_password_blocks_no_proof(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop, phone) = scene(&site);
    let mut thief = site.browser();
    thief.sign_in_with_code(&ada, &phone);
    site.advance(MINUTE * 11);
    laptop.open("/account/sessions/log-out-others").expect(200);
    laptop.fill("Or a code from your app", "000000");
    laptop.press_once("Log out all other sessions").expect(422);
    assert!(thief.is_signed_in());
    laptop.open("/account/sessions/log-out-others").expect(200);
    laptop.fill("Or a code from your app", &phone.next_code(&site));
    laptop.press("Log out all other sessions").expect(200);
    assert_eq!(laptop.path(), "/account/sessions");
    assert!(!thief.is_signed_in() && laptop.is_signed_in());
    // The password alone will do as well, and the API takes either.
    let mut tablet = site.browser();
    tablet.sign_in_with_code(&ada, &phone);
    site.advance(MINUTE * 11);
    laptop.open("/account/sessions/log-out-others").expect(200);
    laptop.fill("Your password", PASSWORD);
    laptop.press("Log out all other sessions").expect(200);
    assert!(!tablet.is_signed_in());
    let body = serde_json::json!({ "code": phone.next_code(&site) });
    drop(laptop.api("POST", "/api/v1/proof", Some(&body)).expect(200));
    drop(laptop.api("POST", "/api/v1/proof", Some(&body)).expect(403));
    let body = serde_json::json!({});
    drop(laptop.api("POST", "/api/v1/proof", Some(&body)).expect(400));
}
