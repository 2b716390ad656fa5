//! Proving again with a passkey, and every way in which that must not work
//! (SES-05, UI-06, F5, WAN-01 … WAN-05).
//!
//! Longer than 400 lines, since each check takes an attack of its own.

use nightlatch_domain::event::EventKind;
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{
    Account, Browser, Lie, PASSWORD, PasskeyDevice, Site, SiteOptions, TestDatabase, UserAgent,
    passkey_problem,
};
use serde_json::{Value, json};

use crate::MINUTE;
use crate::passkey_attacks::SIGN_IN_LIES;
use crate::passkeys::ada_with_key;

on_both_databases!(
    a_passkey_is_a_proof_and_the_very_act_goes_on,
    every_page_that_asks_offers_the_passkey,
    who_has_no_passkey_is_offered_none,
    an_account_without_a_password_has_a_way_and_is_told_it,
    wan_02_every_lie_of_a_proof_is_refused,
    wan_02_a_passkey_of_somebody_else_proves_nothing,
    wan_01_a_proof_is_good_once_and_for_five_minutes,
    wan_01_a_challenge_belongs_to_the_session_that_asked,
    wan_01_a_challenge_of_another_ceremony_proves_nothing,
    wan_05_a_counter_that_goes_back_is_marked_in_a_proof_too,
    out_02_an_ended_session_is_not_proved,
    a_removed_passkey_proves_nothing,
    f5_who_guesses_passwords_does_not_keep_the_passkey_out,
    what_is_no_answer_proves_nothing_and_breaks_nothing,
);

const LOG_OUT_OTHERS: &str = "Log out all other sessions";

/// Ada on her laptop with a key in her hand, a second session on her phone, and
/// proofs that have grown too old.
fn scene(site: &Site) -> (Account, Browser<'_>, Browser<'_>, PasskeyDevice) {
    let (ada, laptop, mut key) = ada_with_key(site);
    let mut phone = site.browser().calling_itself(UserAgent::SafariOnIphone);
    drop(phone.sign_in_with_passkey(&mut key).expect(200));
    site.advance(MINUTE * 11);
    (ada, laptop, phone, key)
}

fn challenge(browser: &mut Browser<'_>) -> Value {
    browser.begin_passkey_proof().expect(200).json()
}

/// Whether the API would end other sessions without being given a proof first.
fn has_proved(browser: &mut Browser<'_>) -> bool {
    let unknown = "/api/v1/sessions/00000000-0000-4000-8000-000000000000";
    let answer = browser.api("DELETE", unknown, None);
    match passkey_problem(&answer).as_str() {
        "proof-needed" => false,
        "no-such-session" => true,
        other => panic!("{other}: {}", answer.text()),
    }
}

fn a_passkey_is_a_proof_and_the_very_act_goes_on(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop, mut phone, mut key) = scene(&site);
    let mut tablet = site.browser();
    drop(tablet.sign_in_with_passkey(&mut key).expect(200));
    let (before, id) = (laptop.steal_cookies(), laptop.session_id());
    laptop.open("/account/sessions").expect(200);
    let card = laptop.page().card("Safari on iPhone");
    laptop
        .press_in(&card, "Log out Safari on iPhone")
        .expect(200);
    assert_eq!(laptop.page().heading, "Confirm it's you");
    let begun = challenge(&mut laptop);
    assert_eq!(begun["publicKey"]["userVerification"], "required");
    let allowed = begun["publicKey"]["allowCredentials"].as_array();
    assert_eq!(allowed.map(Vec::len), Some(1));
    let answer = key.get(&begun, Lie::Honest);
    let form = laptop.fill_in_passkey("Your password", &begun, &answer);
    let answer = laptop.submit(&form).expect_redirect("/account/sessions");
    laptop.follow(answer).expect(200);
    assert!(laptop.page().says("One session was logged out."));
    assert!(!phone.is_signed_in() && tablet.is_signed_in() && laptop.is_signed_in());
    // SES-05: under a new token, in the same session; the old one is dead.
    assert_ne!(laptop.session_cookie(), before.get("__Host-nightlatch"));
    assert_eq!(laptop.session_id(), id);
    assert!(!site.browser().with_cookies(before).is_signed_in());
    // It counts like every proof: the next act does not ask.
    assert!(has_proved(&mut laptop));
    assert_eq!(site.count_events(&ada, EventKind::ProofGiven), 1);
    let listed = laptop
        .api("GET", "/api/v1/sessions", None)
        .expect(200)
        .json();
    let own = listed["sessions"].as_array().expect("sessions");
    let own = own.iter().find(|one| one["current"] == true);
    let proofs = &own.expect("this one")["proofs"];
    assert_eq!(proofs[1]["method"], "passkey", "{proofs}");
}

fn every_page_that_asks_offers_the_passkey(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut laptop, phone, mut key) = scene(&site);
    drop(laptop.prove_with_passkey_of(&mut key));
    laptop.add_authenticator_app("Phone");
    laptop.open("/account/security").expect(200);
    let app = laptop.page().form("Remove Phone").action.clone();
    let passkey = laptop.page().form("Remove Blue key").action.clone();
    site.advance(MINUTE * 11);
    let not_me = format!("/account/sessions/{}/not-me", phone.session_id());
    for path in [
        "/account/sessions/log-out-all",
        "/account/sessions/log-out-others",
        &not_me,
        "/account/security/passkeys/add",
        "/account/security/recovery-codes",
        &app,
        &passkey,
    ] {
        laptop.open(path).expect(200);
        let forms = &laptop.page().forms;
        let offers = forms
            .iter()
            .find(|form| form.find("proof_passkey").is_some());
        let form = offers.unwrap_or_else(|| panic!("{path} offers no passkey"));
        // Without scripts, the rest of the form does; a password where it is enough.
        let changes = path.starts_with("/account/security/");
        assert_eq!(form.find("Your password").is_none(), changes, "{path}");
        let code = if changes { "A code" } else { "Or a code" };
        let code = format!("{code} from your app");
        assert!(form.find(&code).is_some(), "{path}");
        assert_eq!(form.value("proof_passkey"), "", "{path}");
    }
    // Sent with nothing in it, it is said what to do.
    laptop.open("/account/sessions/log-out-others").expect(200);
    laptop.press(LOG_OUT_OTHERS).expect(422);
    let words = "Please enter your password or a code, or use a passkey.";
    assert!(laptop.page().says(words), "{}", laptop.page().text);
    // The acts behind them, one of each kind.
    let answer = laptop.use_passkey(LOG_OUT_OTHERS, &mut key);
    drop(answer.expect_redirect("/account/sessions"));
    site.advance(MINUTE * 11);
    laptop.open("/account/security/passkeys/add").expect(200);
    let answer = laptop.use_passkey("Continue", &mut key);
    drop(answer.expect_redirect("/account/security/passkeys/add"));
    site.advance(MINUTE * 11);
    laptop.open(&app).expect(200);
    let answer = laptop.use_passkey("Remove this app", &mut key);
    drop(answer.expect_redirect("/account/security"));
    site.advance(MINUTE * 11);
    laptop.open(&passkey).expect(200);
    let answer = laptop.use_passkey("Remove this passkey", &mut key);
    drop(answer.expect_redirect("/account/security"));
    assert_eq!(site.count_rows("SELECT count(*) FROM passkeys"), 0);
    assert!(laptop.is_signed_in());
}

fn who_has_no_passkey_is_offered_none(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    site.advance(MINUTE * 11);
    laptop.open("/account/security/passkeys/add").expect(200);
    let form = laptop.page().form("Continue");
    assert!(form.find("proof_passkey").is_none());
    let begun = laptop.begin_passkey_proof().expect(404);
    assert_eq!(passkey_problem(&begun), "no-passkey");
    let mut nobody = site.browser();
    let begun = nobody.begin_passkey_proof().expect(401);
    assert_eq!(passkey_problem(&begun), "not-signed-in");
    // Nor where there can be none.
    let options = SiteOptions {
        public_url: "http://127.0.0.1:8080".to_owned(),
        ..SiteOptions::default()
    };
    let site = Site::with(which, options);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    drop(laptop.begin_passkey_proof().expect(404));
}

fn an_account_without_a_password_has_a_way_and_is_told_it(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop, mut phone, mut key) = scene(&site);
    let id = ada.id;
    site.write(move |tx| tx.execute("DELETE FROM passwords WHERE user_id = $1", &[id.into()]));
    laptop.open("/account/sessions/log-out-others").expect(200);
    let page = laptop.page();
    assert!(page.form(LOG_OUT_OTHERS).find("Your password").is_none());
    assert!(page.says("Your account has no password"), "{}", page.text);
    assert!(page.says("needs JavaScript"), "{}", page.text);
    assert_eq!(page.link("set a password by mail"), "/login/recover");
    laptop.press(LOG_OUT_OTHERS).expect(422);
    assert!(laptop.page().says("Please use a passkey."));
    assert!(phone.is_signed_in());
    let answer = laptop.use_passkey(LOG_OUT_OTHERS, &mut key);
    drop(answer.expect_redirect("/account/sessions"));
    assert!(!phone.is_signed_in() && laptop.is_signed_in());
    // With nothing at all, the page says what to do first.
    laptop.open("/account/security").expect(200);
    laptop.press("Remove Blue key").expect(200);
    laptop.press("Remove this passkey").expect(200);
    site.advance(MINUTE * 11);
    laptop.open("/account/security/passkeys/add").expect(200);
    let page = laptop.page();
    assert!(
        page.says("Your account has no password yet"),
        "{}",
        page.text
    );
    assert_eq!(page.link("Set a password by mail"), "/login/recover");
    laptop.press("Continue").expect(200);
    assert!(laptop.page().says("Your account has no password yet"));
}

fn wan_02_every_lie_of_a_proof_is_refused(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop, mut phone, mut key) = scene(&site);
    let token = laptop.session_cookie().map(str::to_owned);
    // Who is known by then need not be named.
    let harmless = [Lie::NoHandle, Lie::Honest];
    for lie in SIGN_IN_LIES {
        if harmless.contains(&lie) {
            continue;
        }
        laptop.open("/account/sessions/log-out-others").expect(200);
        let begun = challenge(&mut laptop);
        let answer = key.get(&begun, lie);
        let form = laptop.fill_in_passkey(LOG_OUT_OTHERS, &begun, &answer);
        laptop.submit(&form).expect(422);
        assert!(laptop.page().says("That passkey did not work."), "{lie:?}");
        // The answer is not put into the form again.
        let form = laptop.page().form(LOG_OUT_OTHERS);
        assert_eq!(form.value("proof_passkey"), "", "{lie:?}");
        assert!(phone.is_signed_in() && !has_proved(&mut laptop), "{lie:?}");
        assert_eq!(laptop.session_cookie().map(str::to_owned), token, "{lie:?}");
    }
    assert_eq!(site.count_events(&ada, EventKind::ProofGiven), 0);
    assert_eq!(site.count_events(&ada, EventKind::ProofFailed), 1);
    laptop.open("/account/history").expect(200);
    let said = format!(
        "{} wrong answers when we asked who you are",
        SIGN_IN_LIES.len() - harmless.len()
    );
    assert!(laptop.page().says(&said), "{}", laptop.page().text);
    // The guard of this story: the same steps without a lie go on.
    for lie in harmless {
        let begun = challenge(&mut laptop);
        let answer = key.get(&begun, lie);
        drop(laptop.prove_with_passkey(&begun, &answer).expect(200));
        assert!(has_proved(&mut laptop), "{lie:?}");
        site.advance(MINUTE * 11);
    }
}

fn wan_02_a_passkey_of_somebody_else_proves_nothing(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut laptop, mut phone, mut key) = scene(&site);
    let bob = site.add_person("Bob Byron", "bob@brightwater.example");
    let mut his = site.browser();
    his.sign_in(&bob);
    let mut bobs = PasskeyDevice::security_key(&site.origin());
    his.add_passkey(&mut bobs, "Bob's");
    // Bob sits at Ada's unlocked screen, with a key of his own.
    let begun = challenge(&mut laptop);
    let answer = bobs.get(&begun, Lie::Honest);
    let refused = laptop.prove_with_passkey(&begun, &answer).expect(403);
    assert_eq!(passkey_problem(&refused), "proof-refused");
    // It calls itself Ada's, or nobody's.
    let begun = challenge(&mut laptop);
    let answer = bobs.get(&begun, Lie::NoHandle);
    drop(laptop.prove_with_passkey(&begun, &answer).expect(403));
    let handle = key.newest().user_handle.clone();
    bobs.newest().user_handle = handle;
    let begun = challenge(&mut laptop);
    let answer = bobs.get(&begun, Lie::Honest);
    drop(laptop.prove_with_passkey(&begun, &answer).expect(403));
    assert!(!has_proved(&mut laptop) && phone.is_signed_in());
}

fn wan_01_a_proof_is_good_once_and_for_five_minutes(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop, mut phone, mut key) = scene(&site);
    let begun = challenge(&mut laptop);
    let answer = key.get(&begun, Lie::Honest);
    drop(laptop.prove_with_passkey(&begun, &answer).expect(200));
    site.advance(MINUTE * 4);
    let replayed = laptop.prove_with_passkey(&begun, &answer).expect(403);
    assert!(
        replayed
            .text()
            .contains("That took too long, or was tried before.")
    );
    site.advance(MINUTE * 7);
    assert!(!has_proved(&mut laptop));
    // In a form too; it is no wrong answer of the person's, and counts as none.
    laptop.open("/account/sessions/log-out-others").expect(200);
    let form = laptop.fill_in_passkey(LOG_OUT_OTHERS, &begun, &answer);
    laptop.submit(&form).expect(422);
    assert!(laptop.page().says("Please use your passkey once more."));
    assert_eq!(site.count_events(&ada, EventKind::ProofFailed), 0);
    // A wrong answer uses the challenge up as well.
    let begun = challenge(&mut laptop);
    let wrong = key.get(&begun, Lie::Signature);
    drop(laptop.prove_with_passkey(&begun, &wrong).expect(403));
    let right = key.get(&begun, Lie::Honest);
    drop(laptop.prove_with_passkey(&begun, &right).expect(403));
    for (wait, status) in [(MINUTE * 5, 403), (MINUTE * 4, 200)] {
        let begun = challenge(&mut laptop);
        let answer = key.get(&begun, Lie::Honest);
        site.advance(wait);
        drop(laptop.prove_with_passkey(&begun, &answer).expect(status));
    }
    assert!(phone.is_signed_in());
}

fn wan_01_a_challenge_belongs_to_the_session_that_asked(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut laptop, mut phone, mut key) = scene(&site);
    // The thief of the laptop's cookies has Ada answer on her phone.
    let begun = challenge(&mut phone);
    let answer = key.get(&begun, Lie::Honest);
    let refused = laptop.prove_with_passkey(&begun, &answer).expect(403);
    assert!(refused.text().contains("That took too long"));
    assert!(!has_proved(&mut laptop));
    // And it is used up by that: it proves nothing over there either.
    drop(phone.prove_with_passkey(&begun, &answer).expect(403));
    // Nor does the session of somebody else answer it.
    let bob = site.add_person("Bob Byron", "bob@brightwater.example");
    let mut his = site.browser();
    his.sign_in(&bob);
    site.advance(MINUTE * 11);
    let begun = challenge(&mut laptop);
    let answer = key.get(&begun, Lie::Honest);
    drop(his.prove_with_passkey(&begun, &answer).expect(403));
    assert!(!has_proved(&mut his));
    // The token of the session may change meanwhile: it is the same session.
    let begun = challenge(&mut laptop);
    let answer = key.get(&begun, Lie::Honest);
    let password = json!({ "password": PASSWORD });
    drop(
        laptop
            .api("POST", "/api/v1/proof", Some(&password))
            .expect(200),
    );
    drop(laptop.prove_with_passkey(&begun, &answer).expect(200));
}

fn wan_01_a_challenge_of_another_ceremony_proves_nothing(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut laptop, _, mut key) = scene(&site);
    // One of a sign-in, asked for by the same session.
    let begun = laptop.begin_passkey_sign_in();
    let answer = key.get(&begun, Lie::Honest);
    drop(laptop.prove_with_passkey(&begun, &answer).expect(403));
    assert!(!has_proved(&mut laptop));
    // And one of a proof signs nobody in.
    let begun = challenge(&mut laptop);
    let answer = key.get(&begun, Lie::Honest);
    let refused = laptop.finish_passkey_sign_in(&begun, &answer, &json!({}));
    assert_eq!(passkey_problem(&refused), "passkey-expired");
    // One of a registration, which asks for a proof first.
    drop(laptop.prove_with_passkey_of(&mut key));
    let begun = laptop.begin_passkey().expect(200).json();
    site.advance(MINUTE * 4);
    let answer = key.get(&begun, Lie::Honest);
    drop(laptop.prove_with_passkey(&begun, &answer).expect(403));
}

fn wan_05_a_counter_that_goes_back_is_marked_in_a_proof_too(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop, mut phone, mut key) = scene(&site);
    key.newest().counter = 0;
    laptop.open("/account/sessions/log-out-others").expect(200);
    let answer = laptop.use_passkey(LOG_OUT_OTHERS, &mut key);
    drop(answer.expect_redirect("/account/sessions"));
    assert!(!phone.is_signed_in(), "it locks nobody out");
    assert_eq!(site.count_events(&ada, EventKind::PasskeySuspicious), 1);
    laptop.open("/account/security").expect(200);
    assert!(laptop.page().says("There may be a copy of this passkey."));
}

fn out_02_an_ended_session_is_not_proved(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop, mut phone, mut key) = scene(&site);
    laptop.open("/account/sessions/log-out-others").expect(200);
    let begun = challenge(&mut laptop);
    let answer = key.get(&begun, Lie::Honest);
    let form = laptop.fill_in_passkey(LOG_OUT_OTHERS, &begun, &answer);
    drop(phone.prove_with_passkey_of(&mut key));
    phone.open("/account/sessions/log-out-others").expect(200);
    phone.press(LOG_OUT_OTHERS).expect(200);
    let led = laptop.submit(&form).expect(303);
    assert!(led.location().unwrap_or_default().starts_with("/login"));
    drop(laptop.prove_with_passkey(&begun, &answer).expect(401));
    drop(laptop.begin_passkey_proof().expect(401));
    assert!(!laptop.is_signed_in() && phone.is_signed_in());
    assert_eq!(site.open_sessions_of(&ada), 1);
}

fn a_removed_passkey_proves_nothing(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut laptop, mut phone, mut key) = scene(&site);
    let begun = challenge(&mut laptop);
    let answer = key.get(&begun, Lie::Honest);
    drop(phone.prove_with_passkey_of(&mut key));
    phone.open("/account/security").expect(200);
    phone.press("Remove Blue key").expect(200);
    phone.uncheck(LOG_OUT_OTHERS);
    phone.press("Remove this passkey").expect(200);
    let refused = laptop.prove_with_passkey(&begun, &answer).expect(403);
    assert_eq!(passkey_problem(&refused), "proof-refused");
    assert!(!has_proved(&mut laptop));
}

fn f5_who_guesses_passwords_does_not_keep_the_passkey_out(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut laptop, mut phone, mut key) = scene(&site);
    let wrong = json!({ "password": "wrong" });
    for _ in 0..100 {
        site.advance(MINUTE);
        drop(
            laptop
                .api("POST", "/api/v1/proof", Some(&wrong))
                .expect(403),
        );
    }
    let right = json!({ "password": PASSWORD });
    let off = laptop
        .api("POST", "/api/v1/proof", Some(&right))
        .expect(403);
    assert!(
        off.text().contains("too many wrong tries"),
        "{}",
        off.text()
    );
    laptop.open("/account/sessions/log-out-others").expect(200);
    let answer = laptop.use_passkey(LOG_OUT_OTHERS, &mut key);
    drop(answer.expect_redirect("/account/sessions"));
    assert!(!phone.is_signed_in() && laptop.is_signed_in());
}

fn what_is_no_answer_proves_nothing_and_breaks_nothing(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut laptop, mut phone, mut key) = scene(&site);
    for text in [
        "x",
        "{}",
        "null",
        "[]",
        "{\"ceremony\":\"\",\"credential\":{}}",
    ] {
        laptop.open("/account/sessions/log-out-others").expect(200);
        let mut form = laptop.page().form(LOG_OUT_OTHERS).clone();
        form.fill("proof_passkey", text);
        laptop.submit(&form).expect(422);
        assert!(laptop.page().says("That passkey did not work."), "{text}");
    }
    // A challenge of nobody's.
    let begun = challenge(&mut laptop);
    let answer = key.get(&begun, Lie::Honest);
    let mut other = begun.clone();
    other["ceremony"] = json!("A".repeat(43));
    drop(laptop.prove_with_passkey(&other, &answer).expect(403));
    // Several proofs at once are none.
    let body = json!({ "password": PASSWORD, "code": "123456" });
    drop(laptop.api("POST", "/api/v1/proof", Some(&body)).expect(400));
    assert!(!has_proved(&mut laptop) && phone.is_signed_in());
    // A browser fills passwords in by itself: what the person used counts.
    laptop.open("/account/sessions/log-out-others").expect(200);
    laptop.fill("Your password", "what the browser remembered");
    let answer = laptop.use_passkey(LOG_OUT_OTHERS, &mut key);
    drop(answer.expect_redirect("/account/sessions"));
}
