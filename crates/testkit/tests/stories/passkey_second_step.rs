//! A passkey as the second step of signing in (SES-07, WAN-01 … WAN-05).

use nightlatch_domain::event::EventKind;
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{
    Account, Browser, Lie, PasskeyDevice, Site, TestDatabase, passkey_problem,
};
use serde_json::{Value, json};

use crate::passkey_attacks::SIGN_IN_LIES;
use crate::passkeys::ada_with_key;
use crate::{DAY, MINUTE};

on_both_databases!(
    a_passkey_completes_the_sign_in_and_both_proofs_are_recorded,
    it_is_one_of_the_ways_that_the_person_has,
    this_browser_can_be_remembered_after_it,
    wan_02_every_lie_of_a_second_step_is_refused_and_counts,
    a_passkey_is_the_second_step_of_its_owner_only,
    wan_01_an_answer_in_the_second_step_is_good_once_and_for_five_minutes,
    wan_01_a_challenge_belongs_to_the_sign_in_that_asked,
    ses_07_a_challenge_of_the_second_step_opens_no_session_alone,
    out_12_the_challenge_dies_with_its_sign_in,
    auth_07_who_has_not_given_the_password_gets_no_challenge,
);

const BUTTON: &str = "way";

fn challenge(browser: &mut Browser<'_>) -> Value {
    browser.begin_passkey_second_step().expect(200).json()
}

/// Ada's key, and a tablet on which she has given her password.
fn scene(site: &Site) -> (Account, Browser<'_>, Browser<'_>, PasskeyDevice) {
    let (ada, laptop, key) = ada_with_key(site);
    let mut tablet = site.browser();
    tablet.come_to_second_step(&ada);
    (ada, laptop, tablet, key)
}

fn a_passkey_completes_the_sign_in_and_both_proofs_are_recorded(which: TestDatabase) {
    let site = Site::new(which);
    let (_, _, mut tablet, mut key) = scene(&site);
    assert!(tablet.page().says("Your passkey needs JavaScript"));
    assert!(!tablet.is_signed_in() && tablet.session_cookie().is_none());
    let begun = challenge(&mut tablet);
    assert_eq!(begun["publicKey"]["userVerification"], "required");
    let allowed = begun["publicKey"]["allowCredentials"].as_array();
    assert_eq!(allowed.map(Vec::len), Some(1));
    let answer = tablet.take_second_step_with(&mut key);
    drop(answer.expect_redirect("/"));
    assert!(tablet.is_signed_in());
    assert_eq!(site.count_rows("SELECT count(*) FROM pending_sign_ins"), 0);
    let listed = tablet
        .api("GET", "/api/v1/sessions", None)
        .expect(200)
        .json();
    let sessions = listed["sessions"].as_array().expect("sessions");
    let own = sessions.iter().find(|one| one["current"] == true);
    let proofs = &own.expect("this one")["proofs"];
    assert_eq!(proofs[0]["method"], "password");
    assert_eq!(proofs[1]["method"], "passkey");
    tablet.open("/account/security").expect(200);
    assert!(
        tablet.page().says("Password and passkey"),
        "{}",
        tablet.page().text
    );
}

fn it_is_one_of_the_ways_that_the_person_has(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop, _, mut key) = scene(&site);
    let phone = laptop.set_up_app();
    let mut tablet = site.browser();
    tablet.come_to_second_step(&ada);
    assert!(tablet.page().says("Code from your authenticator app"));
    tablet.click("Use a passkey instead").expect(200);
    let answer = tablet.take_second_step_with(&mut key);
    drop(answer.expect_redirect("/"));
    let mut other = site.browser();
    other.come_to_second_step(&ada);
    other.click("Use a passkey instead").expect(200);
    other.click("Use a code from your app instead").expect(200);
    let answer = other.give_code(&phone.next_code(&site));
    drop(answer.expect_redirect("/"));
}

fn this_browser_can_be_remembered_after_it(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, _, mut tablet, mut key) = scene(&site);
    tablet.check("Remember this browser for 30 days");
    let answer = tablet.take_second_step_with(&mut key);
    drop(answer.expect_redirect("/"));
    tablet.log_out();
    site.advance(DAY);
    tablet.sign_in(&ada);
    assert!(tablet.is_signed_in());
}

fn wan_02_every_lie_of_a_second_step_is_refused_and_counts(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, _, mut tablet, mut key) = scene(&site);
    let harmless = [Lie::NoHandle, Lie::Honest];
    let mut refused = 0;
    for lie in SIGN_IN_LIES {
        if harmless.contains(&lie) {
            continue;
        }
        tablet.come_to_second_step(&ada);
        let begun = challenge(&mut tablet);
        let answer = key.get(&begun, lie);
        let form = tablet.fill_in_passkey(BUTTON, &begun, &answer);
        tablet.submit(&form).expect(422);
        assert!(tablet.page().says("That passkey did not work."), "{lie:?}");
        assert!(!tablet.is_signed_in(), "{lie:?}");
        assert!(tablet.session_cookie().is_none(), "{lie:?}");
        refused += 1;
    }
    // Whoever failed knows the password: its owner is told.
    let failed = site.history_of(&ada);
    let lines = failed
        .iter()
        .filter(|line| line.kind == EventKind::SecondFactorFailed);
    assert!(lines.count() > 0 && refused == SIGN_IN_LIES.len() - harmless.len());
    // Five wrong answers, and the password is asked for again.
    tablet.come_to_second_step(&ada);
    for tries in 1..=5 {
        let begun = challenge(&mut tablet);
        let answer = key.get(&begun, Lie::Signature);
        let form = tablet.fill_in_passkey(BUTTON, &begun, &answer);
        let answer = tablet.submit(&form);
        assert_eq!(answer.status == 303, tries == 5, "{tries}");
    }
    drop(tablet.begin_passkey_second_step().expect(401));
    // The guard of this story: the same steps without a lie let in.
    for lie in harmless {
        tablet.come_to_second_step(&ada);
        let begun = challenge(&mut tablet);
        let answer = key.get(&begun, lie);
        let form = tablet.fill_in_passkey(BUTTON, &begun, &answer);
        drop(tablet.submit(&form).expect_redirect("/"));
        assert!(tablet.is_signed_in(), "{lie:?}");
        tablet.log_out();
    }
}

fn a_passkey_is_the_second_step_of_its_owner_only(which: TestDatabase) {
    let site = Site::new(which);
    let (_, _, mut tablet, mut key) = scene(&site);
    let bob = site.add_person("Bob Byron", "bob@brightwater.example");
    let mut his = site.browser();
    his.sign_in(&bob);
    let mut bobs = PasskeyDevice::security_key(&site.origin());
    his.add_passkey(&mut bobs, "Bob's");
    // Bob knows Ada's password, and has a key of his own.
    for lie in [Lie::Honest, Lie::NoHandle] {
        let begun = challenge(&mut tablet);
        let answer = bobs.get(&begun, lie);
        let form = tablet.fill_in_passkey(BUTTON, &begun, &answer);
        tablet.submit(&form).expect(422);
        assert!(!tablet.is_signed_in());
    }
    bobs.newest()
        .user_handle
        .clone_from(&key.newest().user_handle);
    let begun = challenge(&mut tablet);
    let answer = bobs.get(&begun, Lie::Honest);
    let form = tablet.fill_in_passkey(BUTTON, &begun, &answer);
    tablet.submit(&form).expect(422);
    assert!(!tablet.is_signed_in());
    drop(tablet.take_second_step_with(&mut key).expect_redirect("/"));
}

fn wan_01_an_answer_in_the_second_step_is_good_once_and_for_five_minutes(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, _, mut tablet, mut key) = scene(&site);
    let begun = challenge(&mut tablet);
    let cookies = tablet.steal_cookies();
    let answer = key.get(&begun, Lie::Honest);
    let form = tablet.fill_in_passkey(BUTTON, &begun, &answer);
    drop(tablet.submit(&form).expect_redirect("/"));
    // The sign-in is over with it, for whoever kept its cookie.
    let mut thief = site.browser().with_cookies(cookies);
    let led = thief.submit(&form).expect(303);
    assert_eq!(led.location(), Some("/login"));
    assert!(!thief.is_signed_in());
    // A wrong answer uses the challenge up; an old one counts as no try.
    let mut other = site.browser();
    other.come_to_second_step(&ada);
    let begun = challenge(&mut other);
    let wrong = key.get(&begun, Lie::Signature);
    let form = other.fill_in_passkey(BUTTON, &begun, &wrong);
    other.submit(&form).expect(422);
    let right = key.get(&begun, Lie::Honest);
    for _ in 0..6 {
        let form = other.fill_in_passkey(BUTTON, &begun, &right);
        other.submit(&form).expect(422);
        assert!(
            other
                .page()
                .says("That took too long, or was tried before.")
        );
    }
    let begun = challenge(&mut other);
    let answer = key.get(&begun, Lie::Honest);
    site.advance(MINUTE * 5);
    let form = other.fill_in_passkey(BUTTON, &begun, &answer);
    other.submit(&form).expect(422);
    assert!(!other.is_signed_in());
    drop(other.take_second_step_with(&mut key).expect_redirect("/"));
}

fn wan_01_a_challenge_belongs_to_the_sign_in_that_asked(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop, mut tablet, mut key) = scene(&site);
    // The thief knows the password, and has Ada answer the thief's challenge.
    let mut thief = site.browser();
    thief.come_to_second_step(&ada);
    let begun = challenge(&mut tablet);
    let answer = key.get(&begun, Lie::Honest);
    let form = thief.fill_in_passkey(BUTTON, &begun, &answer);
    thief.submit(&form).expect(422);
    assert!(!thief.is_signed_in());
    // Nor do challenges of a sign-in without a password, or of a proof.
    for begun in [
        site.browser().begin_passkey_sign_in(),
        laptop.begin_passkey_proof().expect(200).json(),
    ] {
        let answer = key.get(&begun, Lie::Honest);
        let form = thief.fill_in_passkey(BUTTON, &begun, &answer);
        thief.submit(&form).expect(422);
        assert!(
            thief
                .page()
                .says("That took too long, or was tried before.")
        );
    }
    assert!(!thief.is_signed_in());
}

fn ses_07_a_challenge_of_the_second_step_opens_no_session_alone(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut laptop, mut tablet, mut key) = scene(&site);
    let begun = challenge(&mut tablet);
    let answer = key.get(&begun, Lie::Honest);
    let refused = tablet.finish_passkey_sign_in(&begun, &answer, &json!({}));
    assert_eq!(passkey_problem(&refused), "passkey-expired");
    assert!(!tablet.is_signed_in());
    site.advance(MINUTE * 4);
    let begun = challenge(&mut tablet);
    let answer = key.get(&begun, Lie::Honest);
    drop(laptop.prove_with_passkey(&begun, &answer).expect(403));
}

fn out_12_the_challenge_dies_with_its_sign_in(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop, mut tablet, mut key) = scene(&site);
    let begun = challenge(&mut tablet);
    let answer = key.get(&begun, Lie::Honest);
    let form = tablet.fill_in_passkey(BUTTON, &begun, &answer);
    laptop.open("/account/sessions/log-out-all").expect(200);
    laptop.press("Log out of all sessions").expect(200);
    let led = tablet.submit(&form).expect(303);
    assert_eq!(led.location(), Some("/login"));
    assert!(!tablet.is_signed_in());
    assert_eq!(site.open_sessions_of(&ada), 0);
}

fn auth_07_who_has_not_given_the_password_gets_no_challenge(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut laptop, _, _) = scene(&site);
    let mut nobody = site.browser();
    nobody.open("/login").expect(200);
    for browser in [&mut nobody, &mut laptop] {
        let refused = browser.begin_passkey_second_step().expect(401);
        assert_eq!(passkey_problem(&refused), "not-signed-in");
    }
    // Nor without the header that only scripts write.
    let bare = nobody
        .ask("POST", "/login/passkey/second-step")
        .by_script()
        .json(&json!({}))
        .send();
    assert_eq!(passkey_problem(&bare), "header-missing");
}
