//! Passkeys as people use them (WAN-03 … WAN-08, AUTH-06, AUTH-07, MFA-08).

use nightlatch_domain::event::EventKind;
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{
    Account, Answer, Browser, Choices, PASSWORD, PasskeyDevice, Site, TestDatabase, UserAgent,
    passkey_problem, signed_in_to,
};
use serde_json::{Value, json};

use crate::MINUTE;

on_both_databases!(
    a_passkey_signs_in_without_a_password,
    mfa_08_a_removed_passkey_opens_nothing_and_the_others_go_on,
    auth_08_passkeys_change_only_under_a_fresh_proof,
    a_passkey_has_a_name_of_ones_own,
    wan_06_authenticators_are_told_a_random_handle_and_keys_that_need_no_address,
    wan_08_pages_tell_authenticators_the_whole_list,
    auth_07_asking_for_a_passkey_tells_nobody_anything,
    auth_06_a_passkey_works_while_strangers_guess,
    wan_05_a_counter_that_goes_back_is_marked_and_locks_nobody_out,
    a_disabled_or_deleted_account_has_no_way_in,
);

/// Ada in a browser of hers, just signed in, and a security key in her hand.
pub(crate) fn ada_with_key(site: &Site) -> (Account, Browser<'_>, PasskeyDevice) {
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let mut key = PasskeyDevice::security_key(&site.origin());
    laptop.add_passkey(&mut key, "Blue key");
    (ada, laptop, key)
}

fn a_passkey_signs_in_without_a_password(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    laptop.open("/account/security").expect(200);
    assert!(laptop.page().says("You have no passkey yet."));
    laptop.click("Add a passkey").expect(200);
    assert!(laptop.page().says("Adding a passkey needs JavaScript"));
    let mut phone = PasskeyDevice::phone(&site.origin());
    laptop.add_passkey(&mut phone, " Kitchen\u{202e} phone ");
    laptop.open("/account/security").expect(200);
    assert!(laptop.page().says("Your passkey was added."));
    assert!(laptop.page().says("log out all other sessions"));
    assert!(laptop.page().says("Kitchen phone"));
    assert!(laptop.page().says("Synced"));
    assert!(laptop.page().says("Not yet"));
    let mut tablet = site.browser().calling_itself(UserAgent::SafariOnIphone);
    tablet.open("/login").expect(200);
    let answer = tablet.sign_in_with_passkey(&mut phone);
    assert_eq!(signed_in_to(&answer), "/");
    assert!(tablet.is_signed_in());
    tablet.open("/account/security").expect(200);
    assert!(tablet.page().says("(Passkey)"));
    let listed = tablet.api("GET", "/api/v1/sessions", None).expect(200);
    assert_eq!(
        listed.json()["sessions"][0]["proofs"][0]["method"],
        "passkey"
    );
    laptop.open("/account/history").expect(200);
    assert!(laptop.page().says("Passkey added"));
    assert!(laptop.page().says("Signed in with a new browser"));
    // It was a full authentication: what takes a fresh proof goes on at once.
    tablet.begin_passkey().expect(200);
}

fn mfa_08_a_removed_passkey_opens_nothing_and_the_others_go_on(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop, mut key) = ada_with_key(&site);
    let mut phone = PasskeyDevice::phone(&site.origin());
    laptop.add_passkey(&mut phone, "Phone");
    let mut thief = site.browser();
    signed_in_to(&thief.sign_in_with_passkey(&mut key));
    laptop.open("/account/security").expect(200);
    assert!(laptop.page().says("Blue key") && laptop.page().says("Phone"));
    laptop.press("Remove Blue key").expect(200);
    assert!(
        laptop
            .page()
            .says("Nobody can sign in with Blue key any more.")
    );
    laptop.press("Remove this passkey").expect(200);
    assert!(laptop.page().says("The passkey was removed"));
    assert!(
        laptop
            .page()
            .says("All your other sessions were logged out.")
    );
    assert!(!thief.is_signed_in());
    assert!(!laptop.page().says("Blue key"));
    assert_eq!(site.count_events(&ada, EventKind::PasskeyRemoved), 1);
    let mut again = site.browser();
    let refused = again.sign_in_with_passkey(&mut key);
    assert_eq!(passkey_problem(&refused), "passkey-unknown");
    assert!(!again.is_signed_in());
    signed_in_to(&again.sign_in_with_passkey(&mut phone));
    assert!(again.is_signed_in());
}

fn auth_08_passkeys_change_only_under_a_fresh_proof(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let mut key = PasskeyDevice::security_key(&site.origin());
    site.advance(MINUTE * 10);
    assert_eq!(passkey_problem(&laptop.begin_passkey()), "proof-needed");
    laptop.open("/account/security/passkeys/add").expect(200);
    laptop.fill("Your password", "something else entirely");
    let wrong = laptop.press_once("Continue").expect(422);
    assert!(wrong.page().says("That is not your password."));
    assert_eq!(passkey_problem(&laptop.begin_passkey()), "proof-needed");
    laptop.fill("Your password", PASSWORD);
    laptop.press("Continue").expect(200);
    assert!(laptop.page().says("Your browser will ask for"));
    laptop.add_passkey(&mut key, "Blue key");
    // Removing asks as well: for more than the password now (MFA-04).
    site.advance(MINUTE * 10);
    laptop.open("/account/security").expect(200);
    laptop.press("Remove Blue key").expect(200);
    let empty = laptop.press_once("Remove this passkey").expect(422);
    assert!(empty.page().says("Please use a passkey."));
    signed_in_to(&site.browser().sign_in_with_passkey(&mut key));
    let answer = laptop.use_passkey("Remove this passkey", &mut key);
    drop(answer.expect_redirect("/account/security"));
    let refused = site.browser().sign_in_with_passkey(&mut key);
    assert_eq!(passkey_problem(&refused), "passkey-unknown");
}

fn a_passkey_has_a_name_of_ones_own(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut laptop, _) = ada_with_key(&site);
    laptop.open("/account/security").expect(200);
    laptop.fill("Name of this passkey", "  ");
    let wrong = laptop.press_once("Save name").expect(422);
    assert!(
        wrong
            .page()
            .says("Please use a name of 1 to 60 characters.")
    );
    laptop.open("/account/security").expect(200);
    laptop.fill("Name of this passkey", "Green key <b>");
    laptop.press("Save name").expect(200);
    assert!(laptop.page().says("The name was saved."));
    assert!(laptop.page().says("Green key <b>"));
    assert!(!laptop.page().says("Blue key"));
    // Without a name it gets one.
    let mut phone = PasskeyDevice::phone(&site.origin());
    laptop.add_passkey(&mut phone, " ");
    laptop.open("/account/security").expect(200);
    assert!(laptop.page().says("Passkey"));
}

fn wan_06_authenticators_are_told_a_random_handle_and_keys_that_need_no_address(
    which: TestDatabase,
) {
    let site = Site::new(which);
    let (_, mut laptop, key) = ada_with_key(&site);
    let begun = laptop.begin_passkey().expect(200).json();
    let wanted = &begun["publicKey"];
    assert_eq!(key.held[0].user_handle.len(), 64);
    let again: Value = wanted["user"]["id"].clone();
    let mut second = PasskeyDevice::phone(&site.origin());
    laptop.add_passkey(&mut second, "Phone");
    assert_eq!(
        second.held[0].user_handle, key.held[0].user_handle,
        "{again}"
    );
    assert_eq!(wanted["rp"]["id"], "localhost");
    let selection = &wanted["authenticatorSelection"];
    assert_eq!(selection["residentKey"], "required");
    assert_eq!(selection["requireResidentKey"], true);
    assert_eq!(selection["userVerification"], "required");
    assert_eq!(wanted["attestation"], "none");
    let excluded = wanted["excludeCredentials"].as_array().expect("a list");
    assert_eq!(excluded.len(), 1);
    // 32 bytes of challenge (WAN-01).
    assert_eq!(wanted["challenge"].as_str().map(str::len), Some(43));
    // Another person is called something else.
    let bob = site.add_person("Bob Byron", "bob@brightwater.example");
    let mut other = site.browser();
    other.sign_in(&bob);
    let mut bobs = PasskeyDevice::security_key(&site.origin());
    other.add_passkey(&mut bobs, "Bob's");
    assert_ne!(bobs.held[0].user_handle, key.held[0].user_handle);
}

fn wan_08_pages_tell_authenticators_the_whole_list(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    let path = "/account/security/passkeys/accepted";
    assert_eq!(
        passkey_problem(&laptop.api("GET", path, None)),
        "not-signed-in"
    );
    laptop.sign_in(&ada);
    let nothing = laptop.api("GET", path, None).expect(200).json();
    assert_eq!(nothing["user_id"], Value::Null);
    let mut devices = [
        PasskeyDevice::security_key(&site.origin()),
        PasskeyDevice::phone(&site.origin()),
    ];
    for device in &mut devices {
        laptop.add_passkey(device, "One");
    }
    let told = laptop.api("GET", path, None).expect(200).json();
    assert_eq!(told["rp_id"], "localhost");
    assert_eq!(told["name"], "ada@brightwater.example");
    assert_eq!(told["display_name"], "Ada Lovelace");
    assert_eq!(told["user_id"].as_str().map(str::len), Some(86));
    assert_eq!(told["credential_ids"].as_array().map(Vec::len), Some(2));
    // The script is told to: right after a proof, and where things change.
    let tells = |answer: &Answer| answer.text().contains("data-tells-authenticators");
    assert!(tells(&laptop.open("/")));
    site.advance(MINUTE);
    assert!(!tells(&laptop.open("/")));
    assert!(tells(&laptop.open("/account/security")));
    assert!(tells(&laptop.open("/account/profile")));
    assert!(!tells(&site.browser().open("/login")));
}

fn auth_07_asking_for_a_passkey_tells_nobody_anything(which: TestDatabase) {
    let site = Site::new(which);
    let shape = |browser: &mut Browser<'_>| {
        let mut begun = browser.begin_passkey_sign_in();
        assert_eq!(begun["publicKey"]["allowCredentials"], json!([]));
        begun["ceremony"] = json!(begun["ceremony"].as_str().map(str::len));
        begun["publicKey"]["challenge"] =
            json!(begun["publicKey"]["challenge"].as_str().map(str::len));
        begun
    };
    let before = shape(&mut site.browser());
    let (ada, mut laptop, _) = ada_with_key(&site);
    assert_eq!(shape(&mut site.browser()), before);
    laptop.log_out();
    // Neither in the browser of somebody who has one, nor with an address.
    assert_eq!(shape(&mut laptop), before);
    let asked = json!({ "email": ada.email });
    laptop
        .api("POST", "/login/passkey/begin", Some(&asked))
        .expect(400);
}

fn auth_06_a_passkey_works_while_strangers_guess(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, _, mut key) = ada_with_key(&site);
    let mut stranger = site.browser();
    for _ in 0..20 {
        stranger.try_to_sign_in(&ada.email, "a wrong guess indeed", Choices::default());
    }
    let waits = stranger.try_to_sign_in(&ada.email, PASSWORD, Choices::default());
    assert_eq!(waits.status.as_u16(), 429);
    signed_in_to(&stranger.sign_in_with_passkey(&mut key));
    assert!(stranger.is_signed_in());
}

fn wan_05_a_counter_that_goes_back_is_marked_and_locks_nobody_out(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop, mut key) = ada_with_key(&site);
    signed_in_to(&site.browser().sign_in_with_passkey(&mut key));
    laptop.open("/account/security").expect(200);
    assert!(!laptop.page().says("There may be a copy"));
    key.newest().counter = 0;
    let mut copy = site.browser();
    signed_in_to(&copy.sign_in_with_passkey(&mut key));
    assert!(copy.is_signed_in());
    assert_eq!(site.count_events(&ada, EventKind::PasskeySuspicious), 1);
    laptop.open("/account/security").expect(200);
    assert!(laptop.page().says("There may be a copy of this passkey."));
    laptop.open("/account/history").expect(200);
    assert!(laptop.page().says("There may be a copy of a passkey"));
    // Those that do not count are as they should be.
    let mut phone = PasskeyDevice::phone(&site.origin());
    laptop.add_passkey(&mut phone, "Phone");
    for _ in 0..3 {
        signed_in_to(&site.browser().sign_in_with_passkey(&mut phone));
    }
    assert_eq!(site.count_events(&ada, EventKind::PasskeySuspicious), 1);
}

fn a_disabled_or_deleted_account_has_no_way_in(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, _, mut key) = ada_with_key(&site);
    site.disable(&ada);
    let mut browser = site.browser();
    let disabled = browser.sign_in_with_passkey(&mut key);
    assert_eq!(passkey_problem(&disabled), "passkey-refused");
    assert!(!browser.is_signed_in());
    assert_eq!(site.count_events(&ada, EventKind::SignInFailed), 1);
    site.enable(&ada);
    signed_in_to(&browser.sign_in_with_passkey(&mut key));
    site.delete(&ada);
    let deleted = site.browser().sign_in_with_passkey(&mut key);
    assert_eq!(passkey_problem(&deleted), "passkey-unknown");
    assert_eq!(site.count_rows("SELECT count(*) FROM passkeys"), 0);
    assert_eq!(site.count_rows("SELECT count(*) FROM user_handles"), 0);
}
