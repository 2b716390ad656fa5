//! Who may say that a second step is an intruder's, with which proof, and for how long
//! (MFA-04, MFA-07, F2, F5).

use nightlatch_domain::event::EventKind;
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{
    Account, Browser, Choices, PASSWORD, PasskeyDevice, Site, TestDatabase, UserAgent, link_in,
    passkey_problem,
};

use super::email_change::{ask, at, last_letter};
use crate::{DAY, HOUR, MINUTE, SECOND};

on_both_databases!(
    mfa_04_a_password_alone_calls_nobodys_second_step_an_intruders,
    mfa_07_a_mailed_link_leaves_the_only_second_step_that_has_settled,
    mfa_07_and_so_does_the_old_mailbox,
    mfa_07_what_has_settled_goes_where_another_stays,
    f5_a_week_to_read_of_a_planted_second_step,
    f2_the_old_mailbox_takes_along_what_other_sessions_planted,
    prv_an_old_mailbox_does_not_learn_the_new_address,
);

/// Lives for weeks.
const REMEMBERED: Choices = Choices {
    remember: true,
    shared: false,
};

const SECOND_STEPS: &str =
    "SELECT (SELECT count(*) FROM passkeys) + (SELECT count(*) FROM authenticator_apps)";

fn letter_link(site: &Site, account: &Account, subject: &str) -> String {
    let letters = site.letters_to(account);
    let letter = letters
        .iter()
        .rev()
        .find(|letter| letter.subject.starts_with(subject));
    link_in(letter.expect("a letter"))
}

/// A session in which Ada set up her app long ago, and one in a thief's hands who
/// knows her password.
fn password_and_cookie(site: &Site) -> (Account, Browser<'_>, Browser<'_>) {
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let phone = laptop.set_up_app();
    let mut tablet = site.browser().calling_itself(UserAgent::ChromeOnLinux);
    tablet.sign_in_with_code(&ada, &phone);
    site.advance(MINUTE * 11);
    (ada, laptop, tablet)
}

fn mfa_04_a_password_alone_calls_nobodys_second_step_an_intruders(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut laptop, mut thief) = password_and_cookie(&site);
    let path = format!("/account/sessions/{}/not-me", laptop.session_id());
    thief.open(&path).expect(200);
    assert!(thief.page().says("your password alone is not enough"));
    // Who has none of them at hand is told what else there is.
    assert!(thief.page().says("in the mail that told you of it"));
    let form = thief.page().form("Log it out and change my password");
    let csrf = form.value("csrf").to_owned();
    let body = format!("csrf={csrf}&password={PASSWORD}").replace(' ', "+");
    let forced = thief.ask("POST", &path).by_own_page().form(&body).send();
    drop(forced.expect(422));
    // Nor with a password that was just proved elsewhere.
    let password = serde_json::json!({ "password": PASSWORD });
    drop(
        thief
            .api("POST", "/api/v1/proof", Some(&password))
            .expect(200),
    );
    let again = thief.ask("POST", &path).by_own_page().form(&body).send();
    drop(again.expect(422));
    assert_eq!(site.count_rows(SECOND_STEPS), 1);
    assert!(laptop.is_signed_in());
    // Ending it takes any proof, as ever (F5).
    let path = format!("/api/v1/sessions/{}", laptop.session_id());
    drop(thief.api("DELETE", &path, None).expect(200));
    assert_eq!(site.count_rows(SECOND_STEPS), 1);
}

/// Whoever reads the mailbox says of the owner's own session that it was not them.
fn mfa_07_a_mailed_link_leaves_the_only_second_step_that_has_settled(which: TestDatabase) {
    for (age, left) in [(HOUR * 167, 0), (DAY * 8, 1)] {
        let site = Site::new(which);
        let ada = site.add_ada();
        let mut laptop = site.browser();
        laptop.sign_in_with(&ada, REMEMBERED);
        let phone = laptop.set_up_app();
        site.advance(age);
        let code = serde_json::json!({ "code": phone.next_code(&site) });
        drop(laptop.api("POST", "/api/v1/proof", Some(&code)).expect(200));
        laptop.make_recovery_codes();
        let link = letter_link(&site, &ada, "New recovery codes");
        let mut reader = site.browser();
        reader.open(&link).expect(200);
        assert_eq!(reader.page().says("Authenticator app “Phone”"), left == 0);
        reader.press("Yes, throw them out").expect(200);
        assert_eq!(site.count_rows(SECOND_STEPS), left);
        let answer = reader.try_to_sign_in(&ada.email, PASSWORD, Choices::default());
        let to = if left == 0 { "/" } else { "/login/factor" };
        drop(answer.expect_redirect(to));
    }
}

fn mfa_07_and_so_does_the_old_mailbox(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in_with(&ada, REMEMBERED);
    let phone = laptop.set_up_app();
    site.advance(DAY * 8);
    let code = serde_json::json!({ "code": phone.next_code(&site) });
    drop(laptop.api("POST", "/api/v1/proof", Some(&code)).expect(200));
    ask(&mut laptop, "ada@lovelace.example").expect(200);
    let undo = link_in(&last_letter(&site, &ada));
    let mut reader = site.browser();
    reader.open(&undo).expect(200);
    assert!(!reader.page().says("Authenticator app"));
    reader.press("This was not me: take it back").expect(200);
    assert_eq!(site.count_rows(SECOND_STEPS), 1);
}

/// What is left asks for more than the mailbox at the next sign-in.
fn mfa_07_what_has_settled_goes_where_another_stays(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let own = laptop.set_up_app();
    let mut thief = site.browser().calling_itself(UserAgent::ChromeOnLinux);
    let asked = thief.try_to_sign_in(&ada.email, PASSWORD, REMEMBERED);
    thief.follow(asked).expect(200);
    let answer = thief.give_code(&own.next_code(&site));
    drop(answer.expect_redirect("/"));
    let mut planted = PasskeyDevice::security_key(&site.origin());
    thief.add_passkey(&mut planted, "Spare key");
    site.advance(DAY * 8);
    drop(thief.prove_with_passkey_of(&mut planted).expect(200));
    thief.make_recovery_codes();
    let link = letter_link(&site, &ada, "New recovery codes");
    let mut owner = site.browser();
    owner.open(&link).expect(200);
    owner.press("Yes, throw them out").expect(200);
    assert!(owner.page().says("Passkey “Spare key”"));
    assert_eq!(site.count_rows(SECOND_STEPS), 1);
    let refused = thief.sign_in_with_passkey(&mut planted);
    assert_eq!(passkey_problem(&refused), "passkey-unknown");
}

/// The owner was on holiday. Their password alone does not lead past the thief's
/// passkey; the mail about it does.
fn f5_a_week_to_read_of_a_planted_second_step(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    site.browser().sign_in(&ada);
    site.advance(MINUTE);
    let mut thief = site.browser().calling_itself(UserAgent::ChromeOnLinux);
    thief.sign_in(&ada);
    let mut planted = PasskeyDevice::security_key(&site.origin());
    thief.add_passkey(&mut planted, "Spare key");
    let link = letter_link(&site, &ada, "A second step was added");
    let signed_in = letter_link(&site, &ada, "New sign-in");
    let told = last_letter(&site, &ada);
    assert!(told.text.contains("It works for 7 days"), "{}", told.text);
    thief.log_out();
    site.advance(HOUR * 167);
    let mut owner = site.browser();
    let answer = owner.try_to_sign_in(&ada.email, PASSWORD, Choices::default());
    drop(answer.expect_redirect("/login/factor"));
    drop(owner.open_once(&signed_in).expect(410));
    owner.open(&link).expect(200);
    // From another session of theirs, or of this one: whichever button.
    owner
        .press("Log out all sessions of this account")
        .expect(200);
    assert!(owner.page().says("Passkey “Spare key”"));
    assert_eq!(site.count_rows(SECOND_STEPS), 0);
    let reset = letter_link(&site, &ada, "Set a new password");
    let new = "eleven herons over a silver estuary";
    owner.open(&reset).expect(200);
    owner.fill("New password", new);
    owner.fill("New password once more", new);
    owner.press("Set the new password").expect(200);
    let answer = owner.try_to_sign_in(&ada.email, new, Choices::default());
    drop(answer.expect_redirect("/"));
    let refused = thief.sign_in_with_passkey(&mut planted);
    assert_eq!(passkey_problem(&refused), "passkey-unknown");
    site.advance(HOUR + SECOND);
    let old = site.browser().open_once(&link).expect(410);
    assert!(old.page().says("used this link already"));
}

/// The passkey came from a second session of the thief's, and the owner reads the
/// mail about the address days later.
fn f2_the_old_mailbox_takes_along_what_other_sessions_planted(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let (mut thief, mut second) = (site.browser(), site.browser());
    thief.sign_in(&ada);
    second.sign_in(&ada);
    let mut planted = PasskeyDevice::security_key(&site.origin());
    ask(&mut thief, "thief@evil.example").expect(200);
    let undo = link_in(&last_letter(&site, &ada));
    second.add_passkey(&mut planted, "Spare key");
    site.advance(DAY * 4);
    let mut owner = site.browser();
    owner.open(&undo).expect(200);
    assert!(owner.page().says("Passkey “Spare key”"));
    owner.press("This was not me: take it back").expect(200);
    assert_eq!(site.count_rows(SECOND_STEPS), 0);
    assert_eq!(site.count_events(&ada, EventKind::PasskeyRemoved), 1);
}

fn prv_an_old_mailbox_does_not_learn_the_new_address(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    site.advance(MINUTE);
    let mut tablet = site.browser().calling_itself(UserAgent::ChromeOnLinux);
    tablet.sign_in(&ada);
    let alert = letter_link(&site, &ada, "New sign-in");
    ask(&mut laptop, "ada@lovelace.example").expect(200);
    let moved = at(&ada, "ada@lovelace.example");
    let link = link_in(&last_letter(&site, &moved));
    super::email_change::confirm(&mut laptop, &link).expect(200);
    let mut reader = site.browser();
    let shown = reader.open_once(&alert).expect(200);
    assert!(shown.page().says("a…@lovelace.example"));
    assert!(!shown.page().says("ada@lovelace.example"));
}
