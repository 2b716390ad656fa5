//! Which proof takes a factor away or adds one, and who can when everything is lost
//! (MFA-04, MFA-08, F5).

use nightlatch_domain::ending::Cause;
use nightlatch_domain::event::EventKind;
use nightlatch_domain::policy::SecondFactorRule;
use nightlatch_flows::factor_removal::{Kind, has_any, remove_factors};
use nightlatch_flows::factors::enrolled;
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{
    Account, Choices, PASSWORD, PasskeyDevice, Site, TestDatabase, UserAgent,
};
use serde_json::json;

use crate::MINUTE;

on_both_databases!(
    mfa_04_a_password_alone_changes_no_factor,
    mfa_04_nor_where_a_browser_is_remembered,
    mfa_04_a_passkey_counts_and_is_guarded_alike,
    f5_a_lost_phone_keeps_nobody_from_ending_sessions,
    mfa_04_a_recovery_code_takes_the_lost_phone_out,
    mfa_08_the_last_factor_stays_while_it_is_demanded,
    mfa_08_the_operator_removes_what_was_lost,
    mfa_08_only_what_was_asked_for,
);

fn demand(site: &Site) {
    site.change_settings(|settings| {
        settings.policy.second_factor.rule = SecondFactorRule::Everybody;
        settings.policy.second_factor.grace_days = 0;
    });
}

fn apps(site: &Site, account: &Account) -> usize {
    let id = account.id;
    site.read(move |tx| enrolled(tx, id))
        .authenticator_apps
        .len()
}

const PROOF: &str = "/api/v1/proof";

fn mfa_04_a_password_alone_changes_no_factor(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let phone = laptop.set_up_app();
    // It has just been shown, so what belongs to it goes on without a question.
    laptop.make_recovery_codes();
    site.advance(MINUTE * 11);
    let path = format!("/api/v1/factors/authenticator-apps/{}", phone.id);
    let password = json!({ "password": PASSWORD });
    drop(laptop.api("POST", PROOF, Some(&password)).expect(200));
    let refused = laptop.api("DELETE", &path, None).expect(403).json();
    assert_eq!(refused["type"], "urn:nightlatch:problem:proof-needed");
    let removal = format!("/account/security/authenticator-apps/{}/remove", phone.id);
    for page in [
        &removal,
        "/account/security/recovery-codes",
        "/account/security/passkeys/add",
    ] {
        laptop.open(page).expect(200);
        let text = &laptop.page().text;
        assert!(
            text.contains("your password alone is not enough"),
            "{page}: {text}"
        );
        assert!(!text.contains("Your password "), "{page}: {text}");
    }
    let begun = laptop.begin_passkey();
    assert_eq!(begun.status.as_u16(), 403);
    laptop.open("/account/security").expect(200);
    laptop.press("Add an authenticator app").expect(200);
    assert_eq!(laptop.page().heading, "Confirm it's you");
    // Nor with a form that was made up.
    laptop.open(&removal).expect(200);
    let csrf = laptop
        .page()
        .form("Remove this app")
        .value("csrf")
        .to_owned();
    let body = format!("csrf={csrf}&password={PASSWORD}").replace(' ', "+");
    let answer = laptop
        .ask("POST", &removal)
        .by_own_page()
        .form(&body)
        .send();
    assert!(
        answer
            .expect(422)
            .page()
            .says("Your password alone is not enough here")
    );
    laptop.open(&removal).expect(200);
    laptop.press("Remove this app").expect(422);
    assert!(laptop.page().says("Please enter a code."));
    laptop.fill("A code from your app", "000000");
    laptop.press("Remove this app").expect(422);
    assert_eq!(apps(&site, &ada), 1);
    laptop.fill("A code from your app", &phone.next_code(&site));
    laptop.press("Remove this app").expect(200);
    assert_eq!(apps(&site, &ada), 0);
}

fn mfa_04_nor_where_a_browser_is_remembered(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let phone = laptop.set_up_app();
    laptop.log_out();
    laptop.sign_in_and_be_remembered(&ada, &phone);
    laptop.log_out();
    laptop.sign_in(&ada);
    let path = format!("/api/v1/factors/authenticator-apps/{}", phone.id);
    drop(laptop.api("DELETE", &path, None).expect(403));
    assert_eq!(laptop.begin_passkey().status.as_u16(), 403);
    assert_eq!(apps(&site, &ada), 1);
}

fn mfa_04_a_passkey_counts_and_is_guarded_alike(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let before = laptop.session_cookie().map(str::to_owned);
    let mut device = PasskeyDevice::security_key(&site.origin());
    laptop.add_passkey(&mut device, "Blue key");
    // It has been shown, and the session goes on under a new token (SES-05).
    assert_ne!(laptop.session_cookie().map(str::to_owned), before);
    laptop.open("/account/security/recovery-codes").expect(200);
    assert!(!laptop.page().says("is not enough"));
    site.advance(MINUTE * 11);
    let password = json!({ "password": PASSWORD });
    drop(laptop.api("POST", PROOF, Some(&password)).expect(200));
    assert_eq!(laptop.begin_passkey().status.as_u16(), 403);
    laptop.open("/account/security").expect(200);
    laptop.press("Remove Blue key").expect(200);
    assert!(laptop.page().says("your password alone is not enough"));
    assert!(laptop.page().says("That needs JavaScript"));
    drop(laptop.press("Remove this passkey").expect(422));
    // Shown here, it is proof enough, and so is a sign-in with it.
    laptop.open("/account/security/passkeys/add").expect(200);
    let answer = laptop.use_passkey("Continue", &mut device);
    drop(answer.expect_redirect("/account/security/passkeys/add"));
    laptop.begin_passkey().expect(200);
    let mut again = site.browser();
    drop(again.sign_in_with_passkey(&mut device).expect(200));
    again.open("/account/security").expect(200);
    again.press("Remove Blue key").expect(200);
    again.press("Remove this passkey").expect(200);
    assert!(again.page().says("The passkey was removed"));
}

fn f5_a_lost_phone_keeps_nobody_from_ending_sessions(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let phone = laptop.set_up_app();
    let mut thief = site.browser().calling_itself(UserAgent::SafariOnIphone);
    thief.sign_in_with_code(&ada, &phone);
    site.advance(MINUTE * 11);
    // No code, no recovery code: the password is enough to throw an intruder out.
    laptop.open("/account/sessions/log-out-others").expect(200);
    laptop.fill("Your password", PASSWORD);
    laptop.press("Log out all other sessions").expect(200);
    assert!(laptop.is_signed_in() && !thief.is_signed_in());
    laptop.open("/account/sessions/log-out-all").expect(200);
    laptop.press("Log out of all sessions").expect(200);
    assert!(!laptop.is_signed_in());
}

fn mfa_04_a_recovery_code_takes_the_lost_phone_out(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let phone = laptop.set_up_app();
    let codes = laptop.make_recovery_codes();
    site.advance(MINUTE * 11);
    let removal = format!("/account/security/authenticator-apps/{}/remove", phone.id);
    laptop.open(&removal).expect(200);
    laptop.fill("Or one of your recovery codes", "AAAA-AAAA-AAAA-AAAA");
    laptop.press("Remove this app").expect(422);
    assert!(
        laptop.page().says("That recovery code is not right"),
        "{}",
        laptop.page().text
    );
    laptop.fill("Or one of your recovery codes", &codes[0]);
    laptop.press("Remove this app").expect(200);
    assert_eq!(apps(&site, &ada), 0);
    assert_eq!(site.count_events(&ada, EventKind::RecoveryCodeUsed), 1);
    // By the API too, and each once.
    let used = json!({ "recovery_code": codes[0] });
    drop(laptop.api("POST", PROOF, Some(&used)).expect(403));
    let next = json!({ "recovery_code": codes[1] });
    drop(laptop.api("POST", PROOF, Some(&next)).expect(200));
    let both = json!({ "recovery_code": codes[2], "password": PASSWORD });
    drop(laptop.api("POST", PROOF, Some(&both)).expect(400));
}

fn mfa_08_the_last_factor_stays_while_it_is_demanded(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let phone = laptop.set_up_app();
    demand(&site);
    let path = format!("/api/v1/factors/authenticator-apps/{}", phone.id);
    let refused = laptop.api("DELETE", &path, None).expect(403).json();
    assert_eq!(refused["type"], "urn:nightlatch:problem:last-factor");
    let removal = format!("/account/security/authenticator-apps/{}/remove", phone.id);
    laptop.open(&removal).expect(200);
    laptop.press("Remove this app").expect(200);
    assert!(laptop.page().says("Please add another first"));
    assert_eq!(apps(&site, &ada), 1);
    // With another one it may go, and then that one stays.
    let mut device = PasskeyDevice::security_key(&site.origin());
    laptop.add_passkey(&mut device, "Blue key");
    laptop.open(&removal).expect(200);
    laptop.press("Remove this app").expect(200);
    assert_eq!(apps(&site, &ada), 0);
    laptop.open("/account/security").expect(200);
    laptop.press("Remove Blue key").expect(200);
    laptop.press("Remove this passkey").expect(200);
    assert!(laptop.page().says("Please add another first"));
    // No longer demanded, it may go.
    site.change_settings(|settings| {
        settings.policy.second_factor.rule = SecondFactorRule::Optional;
    });
    laptop.press("Remove Blue key").expect(200);
    laptop.press("Remove this passkey").expect(200);
    assert!(laptop.page().says("The passkey was removed"));
}

fn mfa_08_the_operator_removes_what_was_lost(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let phone = laptop.set_up_app();
    let codes = laptop.make_recovery_codes();
    laptop.add_passkey(&mut PasskeyDevice::security_key(&site.origin()), "Blue key");
    laptop.log_out();
    laptop.sign_in_and_be_remembered(&ada, &phone);
    let mut pending = site.browser();
    pending.come_to_second_step(&ada);
    demand(&site);
    let (moment, id) = (site.moment(), ada.id);
    let removed = site.write(move |tx| remove_factors(tx, &moment, id, &Kind::ALL, "lost phone"));
    assert_eq!((removed.authenticator_apps, removed.passkeys), (1, 1));
    assert_eq!(
        removed.recovery_codes,
        i64::try_from(codes.len()).expect("few")
    );
    assert_eq!((removed.remembered_browsers, removed.done.sessions), (1, 1));
    assert!(!site.read(move |tx| has_any(tx, id, &Kind::ALL)));
    assert!(!laptop.is_signed_in());
    assert!(site.causes_of(&ada).contains(&Some(Cause::FactorChanged)));
    assert_eq!(
        site.count_events(&ada, EventKind::FactorsRemovedByOperator),
        1
    );
    let letters = site.letters_to(&ada);
    let letter = letters.last().expect("a letter");
    assert!(letter.subject.starts_with("Your second steps were removed"));
    assert!(
        letter.text.contains("Reason: lost phone"),
        "{}",
        letter.text
    );
    // A sign-in that was under way is over; a new one leads to setting one up.
    let late = pending.give_code(&phone.next_code(&site));
    assert_ne!(late.location(), Some("/"));
    assert!(!pending.is_signed_in());
    let answer = laptop.try_to_sign_in(&ada.email, PASSWORD, Choices::default());
    laptop.follow(answer);
    laptop.open("/account/profile").expect(200);
    assert_eq!(laptop.path(), "/account/security");
    laptop.set_up_app();
    laptop.open("/account/history").expect(200);
    assert!(laptop.page().says("Second steps removed"));
    assert!(laptop.page().says("Reason: lost phone"));
}

fn mfa_08_only_what_was_asked_for(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let phone = laptop.set_up_app();
    laptop.make_recovery_codes();
    let only = [Kind::Passkeys, Kind::RecoveryCodes];
    let (moment, id) = (site.moment(), ada.id);
    let removed = site.write(move |tx| remove_factors(tx, &moment, id, &only, "list was stolen"));
    assert_eq!((removed.authenticator_apps, removed.passkeys), (0, 0));
    assert_eq!(removed.recovery_codes, 10);
    assert_eq!(apps(&site, &ada), 1);
    laptop.sign_in_with_code(&ada, &phone);
}
