//! What a sign-in with a passkey does to sessions (SHR-01, E3, SES-14).

use nightlatch_domain::policy::AtSessionLimit;
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{
    Answer, Browser, Lie, PasskeyDevice, Site, SiteOptions, TestDatabase, passkey_problem,
    signed_in_to,
};
use serde_json::{Value, json};

use crate::MINUTE;
use crate::passkeys::ada_with_key;

on_both_databases!(
    shr_01_a_passkey_respects_a_shared_computer_and_staying_signed_in,
    e3_a_passkey_never_replaces_somebody_else_unasked,
    ses_14_a_passkey_keeps_to_the_session_limit,
    an_address_without_a_name_offers_no_passkeys,
);

fn sign_in_with(browser: &mut Browser<'_>, key: &mut PasskeyDevice, form: &Value) -> Answer {
    let begun = browser.begin_passkey_sign_in();
    let answer = key.get(&begun, Lie::Honest);
    browser.finish_passkey_sign_in(&begun, &answer, form)
}

fn shr_01_a_passkey_respects_a_shared_computer_and_staying_signed_in(which: TestDatabase) {
    let site = Site::new(which);
    let (_, _, mut key) = ada_with_key(&site);
    let form = json!({ "shared": true, "remember": true, "return_to": "/account/sessions" });
    let mut library = site.browser();
    let answer = sign_in_with(&mut library, &mut key, &form);
    assert_eq!(signed_in_to(&answer), "/account/sessions");
    site.advance(MINUTE * 15);
    assert!(!library.is_signed_in());
    let form = json!({ "remember": true, "return_to": "https://evil.test/" });
    let mut home = site.browser();
    let answer = sign_in_with(&mut home, &mut key, &form);
    assert_eq!(signed_in_to(&answer), "/");
    home.restart();
    assert!(home.is_signed_in());
    let mut ordinary = site.browser();
    signed_in_to(&sign_in_with(&mut ordinary, &mut key, &json!({})));
    ordinary.restart();
    assert!(!ordinary.is_signed_in());
}

fn e3_a_passkey_never_replaces_somebody_else_unasked(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, _, mut key) = ada_with_key(&site);
    let bob = site.add_person("Bob Byron", "bob@brightwater.example");
    let mut shared = site.browser();
    shared.sign_in(&bob);
    let unasked = sign_in_with(&mut shared, &mut key, &json!({}));
    assert_eq!(passkey_problem(&unasked), "somebody-else");
    assert_eq!(site.open_sessions_of(&bob), 1);
    let form = json!({ "replace": shared.session_id() });
    signed_in_to(&sign_in_with(&mut shared, &mut key, &form));
    assert_eq!(site.open_sessions_of(&bob), 0);
    assert_eq!(site.open_sessions_of(&ada), 2);
    // One's own session is renewed without a question.
    signed_in_to(&sign_in_with(&mut shared, &mut key, &json!({})));
    assert_eq!(site.open_sessions_of(&ada), 2);
}

fn ses_14_a_passkey_keeps_to_the_session_limit(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop, mut key) = ada_with_key(&site);
    site.change_settings(|settings| settings.policy.session_limit = 1);
    let mut other = site.browser();
    signed_in_to(&other.sign_in_with_passkey(&mut key));
    assert!(!laptop.is_signed_in());
    site.change_settings(|settings| {
        settings.policy.at_session_limit = AtSessionLimit::Refuse;
    });
    let refused = laptop.sign_in_with_passkey(&mut key);
    assert_eq!(passkey_problem(&refused), "too-many-sessions");
    assert!(other.is_signed_in());
    assert_eq!(site.open_sessions_of(&ada), 1);
}

fn an_address_without_a_name_offers_no_passkeys(which: TestDatabase) {
    let options = SiteOptions {
        public_url: "http://127.0.0.1:8080".to_owned(),
        ..SiteOptions::default()
    };
    let site = Site::with(which, options);
    let ada = site.add_ada();
    let mut browser = site.browser();
    browser.open("/login").expect(200);
    assert!(!browser.page().says("passkey"));
    let nothing = Some(json!({}));
    browser
        .api("POST", "/login/passkey/begin", nothing.as_ref())
        .expect(404);
    browser.sign_in(&ada);
    browser.open("/account/security").expect(200);
    assert!(!browser.page().says("Passkeys"));
    browser.begin_passkey().expect(404);
    browser.open("/account/security/passkeys/add").expect(404);
}
