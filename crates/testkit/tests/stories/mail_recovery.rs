//! A new password by mail (AUTH-07, AUTH-09, F2, F5).

use nightlatch_domain::ending::Cause;
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Account, Answer, Choices, PASSWORD, Site, TestDatabase, link_in};

use crate::{HOUR, MINUTE};

on_both_databases!(
    mail_f2_recovery_throws_out_everybody_and_signs_nobody_in,
    mail_auth_07_every_address_gets_the_same_answer,
    mail_auth_09_a_reset_link_works_once_for_an_hour,
    mail_auth_09_weak_passwords_and_typing_errors_use_nothing_up,
    mail_auth_09_a_link_is_void_after_another_password,
    mail_f5_a_thief_cannot_cancel_recovery,
    mail_auth_09_links_are_built_from_the_configured_origin,
    mail_asking_often_fills_no_mailbox,
);

const NEW: &str = "eleven herons over a silver estuary";

fn ask(site: &Site, email: &str) -> Answer {
    let mut browser = site.browser();
    browser.open("/login").expect(200);
    browser.click("Forgot your password?").expect(200);
    browser.fill("E-mail address", email);
    browser.press("Send the link")
}

fn reset_link(site: &Site, ada: &Account) -> String {
    drop(ask(site, &ada.email).expect(200));
    link_in(site.letters_to(ada).last().expect("a letter"))
}

fn reset(site: &Site, link: &str, password: &str, again: &str) -> Answer {
    let mut browser = site.browser();
    browser.open(link).expect(200);
    browser.fill("New password", password);
    browser.fill("New password once more", again);
    browser.press("Set the new password")
}

fn mail_f2_recovery_throws_out_everybody_and_signs_nobody_in(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let (mut thief, mut laptop) = (site.browser(), site.browser());
    thief.sign_in(&ada);
    laptop.sign_in(&ada);
    let link = reset_link(&site, &ada);
    let mut phone = site.browser();
    phone.open(&link).expect(200);
    assert!(phone.page().says("ada@brightwater.example"));
    phone.fill("New password", NEW);
    phone.fill("New password once more", NEW);
    phone.press("Set the new password").expect(200);
    assert!(phone.page().says("Please sign in with your new password."));
    for browser in [&mut thief, &mut laptop, &mut phone] {
        assert!(!browser.is_signed_in());
    }
    let recovered = Some(Cause::AccountRecovered);
    assert_eq!(site.causes_of(&ada), [recovered, recovered]);
    let old = thief.try_to_sign_in(&ada.email, PASSWORD, Choices::default());
    assert_eq!(old.status.as_u16(), 422);
    let answer = phone.try_to_sign_in(&ada.email, NEW, Choices::default());
    drop(answer.expect_redirect("/"));
    let letters = site.letters_to(&ada);
    let told = letters
        .iter()
        .any(|letter| letter.subject.starts_with("Your password was set anew"));
    assert!(told, "{letters:?}");
}

fn mail_auth_07_every_address_gets_the_same_answer(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let bob = site.add_person("Bob", "bob@brightwater.example");
    site.disable(&bob);
    let rows = |site: &Site| {
        let mails = site.count_rows("SELECT COUNT(*) FROM mails");
        let links = site.count_rows("SELECT COUNT(*) FROM mail_links");
        let counters = site.count_rows("SELECT COUNT(*) FROM throttles");
        (mails, links, counters)
    };
    let mut seen = Vec::new();
    for email in [
        ada.email.as_str(),
        "nobody@brightwater.example",
        bob.email.as_str(),
    ] {
        let before = rows(&site);
        let answer = ask(&site, email).expect(200);
        let after = rows(&site);
        let work = (after.0 - before.0, after.1 - before.1, after.2 - before.2);
        seen.push((answer.page().text, work));
    }
    // The same words, and the same rows written.
    assert!(seen.iter().all(|one| *one == seen[0]), "{seen:?}");
    site.deliver_mails();
    assert_eq!(
        site.mail_attempts(),
        1,
        "only to who has an account that works"
    );
    assert_eq!(site.letters_to(&ada).len(), 1);
    assert_eq!(
        site.count_rows("SELECT COUNT(*) FROM mails"),
        1,
        "the others are forgotten"
    );
    drop(ask(&site, "not an address").expect(422));
}

fn mail_auth_09_a_reset_link_works_once_for_an_hour(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let link = reset_link(&site, &ada);
    site.advance(MINUTE * 59);
    drop(site.browser().open_once(&link).expect(200));
    drop(reset(&site, &link, NEW, NEW).expect(200));
    let used = site.browser().open_once(&link).expect(410);
    assert!(used.page().says("This link was used already"));
    let mut browser = site.browser();
    let body = format!("password={PASSWORD}&password_again={PASSWORD}").replace(' ', "+");
    let again = browser.ask("POST", &link).by_own_page().form(&body).send();
    assert_eq!(again.status.as_u16(), 410);
    site.advance(HOUR * 2);
    let link = reset_link(&site, &ada);
    site.advance(HOUR);
    let old = site.browser().open_once(&link).expect(410);
    assert!(old.page().says("one hour"));
    let answer = site
        .browser()
        .try_to_sign_in(&ada.email, NEW, Choices::default());
    drop(answer.expect_redirect("/"));
}

fn mail_auth_09_weak_passwords_and_typing_errors_use_nothing_up(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let link = reset_link(&site, &ada);
    for (password, again, words) in [
        ("too short", "too short", "at least 15 characters"),
        ("ada lovelace 1815", "ada lovelace 1815", "your name"),
        (NEW, PASSWORD, "The two passwords differ"),
    ] {
        let answer = reset(&site, &link, password, again).expect(422);
        assert!(answer.page().says(words), "{}", answer.page().text);
    }
    drop(reset(&site, &link, NEW, NEW).expect(200));
}

fn mail_auth_09_a_link_is_void_after_another_password(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let link = reset_link(&site, &ada);
    let other = reset_link(&site, &ada);
    assert_ne!(link, other);
    site.advance(MINUTE);
    drop(reset(&site, &other, NEW, NEW).expect(200));
    let void = site.browser().open_once(&link).expect(410);
    assert!(void.page().says("no longer works"));
}

fn mail_f5_a_thief_cannot_cancel_recovery(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut thief = site.browser();
    thief.sign_in(&ada);
    let link = reset_link(&site, &ada);
    thief.open("/account/sessions/log-out-all").expect(200);
    thief.press("Log out of all sessions").expect(200);
    // Asking in the owner's name cancels nothing either.
    drop(ask(&site, &ada.email).expect(200));
    drop(reset(&site, &link, NEW, NEW).expect(200));
}

fn mail_auth_09_links_are_built_from_the_configured_origin(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut browser = site.browser();
    browser.forges("x-forwarded-host", "evil.test");
    browser.open("/login/recover").expect(200);
    browser.fill("E-mail address", &ada.email);
    browser.press("Send the link").expect(200);
    let letters = site.letters_to(&ada);
    assert!(!letters[0].text.contains("evil.test") && !letters[0].html.contains("evil.test"));
    assert!(
        letters[0]
            .text
            .contains("http://localhost:8080/login/reset/")
    );
}

fn mail_asking_often_fills_no_mailbox(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    for _ in 0..10 {
        let answer = ask(&site, &ada.email).expect(200);
        assert!(answer.page().says("a mail is on its way"));
    }
    assert_eq!(site.letters_to(&ada).len(), 3);
    // Nobody is kept from recovering for long.
    site.advance(MINUTE * 15);
    reset_link(&site, &ada);
    assert_eq!(site.letters_to(&ada).len(), 4);
}
