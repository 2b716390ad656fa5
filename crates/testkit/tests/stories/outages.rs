//! A database that does not answer: people are told so, and nothing else
//! (design 8: neither yes nor "you are signed out").

use nightlatch_storage::on_both_databases;
use nightlatch_storage::testing::{break_after, mend};
use nightlatch_testkit::{PASSWORD, Site, TestDatabase};
use nightlatch_web::routes::{self, Access};

use crate::MINUTE;
use crate::passkeys::ada_with_key;
use crate::phone_sign_in::{LIBRARY, code_of};

on_both_databases!(
    without_a_database_every_route_answers_503_and_nobody_is_signed_out,
    an_outage_right_after_a_proof_costs_nobody_their_session,
    no_form_with_a_proof_loses_the_session_in_an_outage,
    out_04_error_pages_offer_log_out_to_whom_it_concerns,
);

fn without_a_database_every_route_answers_503_and_nobody_is_signed_out(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_administrator("Ada Lovelace", "ada@brightwater.example");
    let mut browser = site.browser();
    browser.sign_in(&ada);
    let session = browser.session_id();
    // What is known in memory needs no database; here nothing is known.
    site.crash();
    let store = site.app().store.clone();
    break_after(&store, 0);
    for route in routes::list() {
        // These are asked with what an app brings, or by a proxy and on hosts of its own;
        // see `tokens_http` and `protected`.
        if matches!(
            route.rule.access,
            Access::Apps | Access::Proxies | Access::ProtectedHosts
        ) {
            continue;
        }
        let path = route.path.replace("{id}", &session);
        let path = path.replace("{code}", &"A".repeat(43));
        let mut again = browser.clone();
        let ask = again.ask(route.method, &path).by_own_page();
        let answer = ask.header("x-nightlatch", "1").form("csrf=x").send();
        let what = format!("{} {}", route.method, route.path);
        if route.rule.access == Access::Operations {
            let status = answer.status.as_u16();
            assert_eq!(status == 503, path == "/readyz", "{what}: {status}");
            continue;
        }
        assert_eq!(answer.status, 503, "{what}");
        assert!(answer.header("retry-after").is_some(), "{what}");
        assert_eq!(answer.location(), None, "{what}");
        assert_eq!(answer.cookies(), Vec::<&str>::new(), "{what}");
        let text = answer.text().to_lowercase();
        for claim in ["signed out", "logged out", "not signed in", "\"ended\""] {
            assert!(!text.contains(claim), "{what} says “{claim}”");
        }
        if answer.is_html() {
            let page = answer.page();
            assert!(page.says("We cannot answer right now"), "{what}");
            assert!(page.says("Reference:"), "{what}");
            assert!(page.find_link("Sign in").is_none(), "{what}");
            assert_eq!(page.form("Log out").action, "/logout", "{what}");
        } else {
            assert_eq!(answer.media_type(), "application/problem+json", "{what}");
        }
    }
    mend(&store);
    assert!(browser.is_signed_in());
    assert_eq!(browser.session_id(), session);
}

/// The proof has replaced the token by then (SES-05); whatever fails afterwards,
/// the answer must carry the new one.
fn an_outage_right_after_a_proof_costs_nobody_their_session(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let (mut laptop, mut phone) = (site.browser(), site.browser());
    phone.sign_in(&ada);
    laptop.sign_in(&ada);
    let store = site.app().store.clone();
    let mut lost_after_the_proof = 0;
    for transactions in 0..8 {
        site.advance(MINUTE * 11);
        assert!(phone.is_signed_in());
        laptop.open("/account/sessions/log-out-others").expect(200);
        laptop.fill("Your password", PASSWORD);
        let before = laptop.session_cookie().map(str::to_owned);
        break_after(&store, transactions);
        let answer = laptop.press_once("Log out all other sessions");
        mend(&store);
        if answer.status == 503 && laptop.session_cookie().map(str::to_owned) != before {
            lost_after_the_proof += 1;
        }
        assert!(laptop.is_signed_in(), "after {transactions} transactions");
        if answer.status == 303 {
            break;
        }
        assert_eq!(answer.status, 503, "after {transactions} transactions");
    }
    assert_eq!(lost_after_the_proof, 1, "the outage that this is about");
    assert!(!phone.is_signed_in());
}

/// The same for every other form that takes a proof, whatever it does with it.
fn no_form_with_a_proof_loses_the_session_in_an_outage(which: TestDatabase) {
    let site = Site::new(which);
    let (_, laptop, mut key) = ada_with_key(&site);
    let mut laptop = laptop.at(LIBRARY);
    let phone = laptop.set_up_app();
    laptop.add_passkey(&mut key, "Red key");
    laptop.open("/account/security").expect(200);
    let removing = |name: &str| laptop.page().form(name).action.clone();
    let (app, passkey) = (removing("Remove Phone"), removing("Remove Red key"));
    let mut library = site.browser().at(LIBRARY);
    let store = site.app().store.clone();
    let forms = [
        (passkey.as_str(), "Remove this passkey"),
        (
            "/account/security/recovery-codes",
            "Make new recovery codes",
        ),
        (app.as_str(), "Remove this app"),
        ("/account/phone", "Sign in on that computer"),
    ];
    for (path, button) in forms {
        let mut lost_after_the_proof = 0;
        for transactions in 0..20 {
            site.advance(MINUTE * 11);
            if path == "/account/phone" {
                let code = code_of(&mut library);
                laptop.open(path).expect(200);
                laptop.fill("Code on that computer", &code);
                laptop.press("Go on").expect(200);
                laptop.fill("Your password", PASSWORD);
            } else {
                laptop.open(path).expect(200);
                laptop.fill("A code from your app", &phone.next_code(&site));
            }
            let before = laptop.session_cookie().map(str::to_owned);
            break_after(&store, transactions);
            let answer = laptop.press_once(button);
            mend(&store);
            let what = format!("{button} after {transactions} transactions");
            if answer.status == 503 && laptop.session_cookie().map(str::to_owned) != before {
                lost_after_the_proof += 1;
            }
            assert!(laptop.is_signed_in(), "{what}");
            if answer.status != 503 {
                assert!(matches!(answer.status.as_u16(), 200 | 303), "{what}");
                break;
            }
        }
        assert!(
            lost_after_the_proof > 0,
            "the outage that this is about: {button}"
        );
    }
}

fn out_04_error_pages_offer_log_out_to_whom_it_concerns(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let (mut hers, mut nobodys) = (site.browser(), site.browser());
    hers.sign_in(&ada);
    nobodys.open("/login").expect(200);
    let missing = "/account/sessions/00000000-0000-4000-8000-000000000000/not-me";
    for path in ["/nothing/here", missing] {
        let page = hers.open(path).expect(404).page();
        assert!(page.says("Account menu:"), "{path}");
        assert!(page.find_form("Log out").is_some(), "{path}");
        assert!(page.find_link("Sign in").is_none(), "{path}");
        assert!(page.says("Reference:"), "{path}");
    }
    let page = nobodys.open("/nothing/here").expect(404).page();
    assert!(page.find_form("Log out").is_none());
    assert_eq!(page.link("Sign in"), "/login");
    // A form that another site sent, and one that is too large.
    let ask = hers.ask("POST", "/account/profile/name");
    let forged = ask
        .header("sec-fetch-site", "cross-site")
        .form("name=x")
        .send();
    assert!(forged.expect(403).page().find_form("Log out").is_some());
    let ask = hers.ask("POST", "/account/profile/name").by_own_page();
    let large = ask.form(&"x".repeat(70_000)).send();
    assert!(large.expect(413).page().find_form("Log out").is_some());
    // The button on an error page works.
    hers.open("/nothing/here").expect(404);
    hers.press("Log out").expect(200);
    assert_eq!(hers.path(), "/signed-out");
    // Whoever is over is nobody.
    let page = hers.open("/nothing/here").expect(404).page();
    assert!(page.find_form("Log out").is_none());
}
