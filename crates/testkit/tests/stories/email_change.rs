//! Another e-mail address for one's account (AUTH-09, AUTH-10, ALR-01, F1).
//!
//! Longer than 400 lines, since it is one story from the question to the second
//! mailbox.

use nightlatch_domain::ending::Cause;
use nightlatch_domain::event::EventKind;
use nightlatch_flows::email_by_operator::{SetOutcome, set_by_operator};
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{
    Account, Answer, Browser, Choices, PASSWORD, Site, SiteOptions, TestDatabase, link_in,
};
use nightlatch_web::mailing::Letter;
use serde_json::json;

use crate::{DAY, HOUR, MINUTE, SECOND};

on_both_databases!(
    email_a_change_counts_once_the_new_mailbox_has_confirmed,
    email_f1_confirmed_elsewhere_it_ends_every_session,
    email_auth_10_scanners_change_nothing,
    email_auth_07_a_taken_address_is_told_to_its_mailbox_only,
    email_auth_09_the_link_works_once_for_a_day,
    email_a_change_is_taken_back_or_replaced,
    email_auth_09_older_reset_links_are_void,
    email_auth_08_a_change_takes_a_proof_and_a_device_of_ones_own,
    email_without_mail_it_says_who_can,
    email_nobody_sends_mails_to_strangers_all_day,
    email_the_api_asks_and_takes_back,
    email_an_operators_word_is_final,
);

pub(crate) const NEW: &str = "ada@lovelace.example";

/// The account at another mailbox.
pub(crate) fn at(account: &Account, email: &str) -> Account {
    Account {
        email: email.to_owned(),
        ..account.clone()
    }
}

/// Asks for another address on Profile & Preferences.
pub(crate) fn ask(browser: &mut Browser<'_>, email: &str) -> Answer {
    browser.open("/account/profile").expect(200);
    browser.click("Change e-mail address").expect(200);
    browser.fill("New e-mail address", email);
    browser.press("Send the link")
}

pub(crate) fn last_letter(site: &Site, mailbox: &Account) -> Letter {
    let letters = site.letters_to(mailbox);
    letters.last().expect("a letter").clone()
}

fn asked(site: &Site, browser: &mut Browser<'_>, ada: &Account) -> String {
    ask(browser, NEW).expect(200);
    assert_eq!(browser.path(), "/account/profile");
    link_in(&last_letter(site, &at(ada, NEW)))
}

pub(crate) fn confirm(browser: &mut Browser<'_>, link: &str) -> Answer {
    browser.open(link).expect(200);
    browser.press("Yes, use this address")
}

fn may_sign_in(site: &Site, email: &str) -> bool {
    let mut browser = site.browser();
    let answer = browser.try_to_sign_in(email, PASSWORD, Choices::default());
    answer.status.as_u16() == 303
}

fn email_a_change_counts_once_the_new_mailbox_has_confirmed(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let (mut laptop, mut phone) = (site.browser(), site.browser());
    phone.sign_in(&ada);
    laptop.sign_in(&ada);
    let link = asked(&site, &mut laptop, &ada);
    assert!(laptop.page().says("Open its link and confirm"));
    assert!(laptop.page().says("To be changed to ada@lovelace.example"));
    // The old mailbox hears of it at once: account, browser, place, time, and what to do.
    let told = last_letter(&site, &ada);
    assert!(
        told.subject
            .starts_with("Your e-mail address is to be changed")
    );
    for words in [
        "Ada Lovelace",
        "ada@brightwater.example",
        "Firefox on Windows",
        "Monday, November 23, 2026",
        "address 198.18.",
        "a…@lovelace.example",
        "This wasn't me",
        "/email/undo/",
    ] {
        assert!(told.text.contains(words), "{words}: {}", told.text);
    }
    // Until then nothing has changed.
    assert!(may_sign_in(&site, &ada.email) && !may_sign_in(&site, NEW));
    let before = laptop.session_cookie().map(str::to_owned);
    confirm(&mut laptop, &link).expect(200);
    assert!(laptop.page().says("2 other sessions were logged out."));
    assert!(laptop.is_signed_in() && !phone.is_signed_in());
    assert_ne!(laptop.session_cookie().map(str::to_owned), before);
    phone.open("/").expect(200);
    let words = "the e-mail address of your account was changed";
    assert!(phone.page().says(words), "{}", phone.page().text);
    let causes = site.causes_of(&ada);
    let changed = |cause: &&Option<Cause>| **cause == Some(Cause::EmailChanged);
    assert_eq!(causes.iter().filter(changed).count(), 2, "{causes:?}");
    assert!(may_sign_in(&site, NEW) && !may_sign_in(&site, &ada.email));
    // Both mailboxes are told, and the history has it.
    for mailbox in [&ada, &at(&ada, NEW)] {
        let letters = site.letters_to(mailbox);
        let told = |letter: &&Letter| {
            letter
                .subject
                .starts_with("Your e-mail address was changed")
        };
        assert_eq!(letters.iter().filter(told).count(), 1, "{letters:?}");
    }
    assert_eq!(site.count_events(&ada, EventKind::EmailChangeAsked), 1);
    assert_eq!(site.count_events(&ada, EventKind::EmailChanged), 1);
    laptop.open("/account/history").expect(200);
    assert!(laptop.page().says("E-mail address changed"));
    laptop.open("/account/profile").expect(200);
    assert!(laptop.page().says("You sign in with ada@lovelace.example"));
    assert!(!laptop.page().says("To be changed"));
}

fn email_f1_confirmed_elsewhere_it_ends_every_session(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let link = asked(&site, &mut laptop, &ada);
    let mut phone = site.browser();
    confirm(&mut phone, &link).expect(200);
    assert!(phone.page().says("One session was logged out."));
    assert!(
        !laptop.is_signed_in() && !phone.is_signed_in(),
        "a link signs nobody in"
    );
    // Somebody else who is signed in there stays so.
    let bob = site.add_person("Bob", "bob@brightwater.example");
    let mut shared = site.browser();
    shared.sign_in(&bob);
    laptop.sign_in(&at(&ada, NEW));
    let back = "ada@brightwater.example";
    ask(&mut laptop, back).expect(200);
    let link = link_in(&last_letter(&site, &ada));
    confirm(&mut shared, &link).expect(200);
    assert!(shared.is_signed_in() && !laptop.is_signed_in());
}

fn email_auth_10_scanners_change_nothing(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let link = asked(&site, &mut laptop, &ada);
    let undo = link_in(&last_letter(&site, &ada));
    let mut scanner = site.browser();
    for path in [&link, &undo] {
        for method in ["GET", "HEAD", "GET"] {
            drop(scanner.ask(method, path).send().expect(200));
        }
        // A form of another site is refused.
        let forged = scanner.ask("POST", path).form("x=y").send();
        assert_eq!(forged.status.as_u16(), 403, "{path}");
    }
    assert!(laptop.is_signed_in() && may_sign_in(&site, &ada.email));
    assert_eq!(site.count_events(&ada, EventKind::EmailChanged), 0);
    assert_eq!(site.count_events(&ada, EventKind::EmailChangeUndone), 0);
    confirm(&mut laptop, &link).expect(200);
}

fn email_auth_07_a_taken_address_is_told_to_its_mailbox_only(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let bob = site.add_person("Bob", "bob@brightwater.example");
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let rows = |site: &Site| {
        [
            "SELECT COUNT(*) FROM mails",
            "SELECT COUNT(*) FROM mail_links",
            "SELECT COUNT(*) FROM email_changes",
            "SELECT COUNT(*) FROM events",
        ]
        .map(|count| site.count_rows(count))
    };
    let mut seen = Vec::new();
    for email in ["nobody@elsewhere.example", "BOB@brightwater.example"] {
        let before = rows(&site);
        let page = ask(&mut laptop, email).expect(200).page();
        let after = rows(&site);
        let work: Vec<_> = after.iter().zip(before).map(|(a, b)| a - b).collect();
        seen.push((page.text.replace(email, "…"), work));
    }
    // The same words, and the same rows written.
    assert_eq!(seen[0], seen[1]);
    let bobs = at(&bob, "BOB@brightwater.example");
    let letter = last_letter(&site, &bobs);
    assert!(letter.subject.starts_with("This address has an account"));
    assert!(!letter.text.contains("http://"), "{}", letter.text);
    // Taken meanwhile: its mailbox is told, since it asks.
    ask(&mut laptop, NEW).expect(200);
    let link = link_in(&last_letter(&site, &at(&ada, NEW)));
    site.add_person("Other Ada", NEW);
    let answer = confirm(&mut site.browser(), &link).expect(409);
    assert!(answer.page().says("Another account uses this address"));
    assert!(laptop.is_signed_in() && may_sign_in(&site, &ada.email));
}

fn email_auth_09_the_link_works_once_for_a_day(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    let choices = Choices {
        remember: true,
        ..Choices::default()
    };
    laptop.sign_in_with(&ada, choices);
    let link = asked(&site, &mut laptop, &ada);
    site.advance(DAY);
    let old = site.browser().open_once(&link).expect(410);
    assert!(old.page().says("24 hours"));
    laptop.open("/account/profile").expect(200);
    assert!(!laptop.page().says("To be changed"));
    site.advance(SECOND);
    laptop.open("/account/profile/email").expect(200);
    laptop.fill("New e-mail address", NEW);
    laptop.fill("Your password", PASSWORD);
    laptop.press("Send the link").expect(200);
    let link = link_in(&last_letter(&site, &at(&ada, NEW)));
    let undo = link_in(&last_letter(&site, &ada));
    // The token of one link is worth nothing as another.
    let token = link.rsplit('/').next().expect("a token");
    for other in ["/email/undo", "/alert", "/login/reset"] {
        drop(
            site.browser()
                .open_once(&format!("{other}/{token}"))
                .expect(410),
        );
    }
    let swapped = undo.replace("/undo/", "/confirm/");
    drop(site.browser().open_once(&swapped).expect(410));
    confirm(&mut laptop, &link).expect(200);
    let again = laptop.ask("POST", &link).by_own_page().form("x=y").send();
    assert_eq!(again.status.as_u16(), 410);
    assert_eq!(site.count_events(&ada, EventKind::EmailChanged), 1);
}

fn email_a_change_is_taken_back_or_replaced(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let first = asked(&site, &mut laptop, &ada);
    ask(&mut laptop, "other@lovelace.example").expect(200);
    assert!(laptop.page().says("other@lovelace.example"));
    drop(site.browser().open_once(&first).expect(410));
    let second = link_in(&last_letter(&site, &at(&ada, "other@lovelace.example")));
    laptop.press("Keep the present address").expect(200);
    assert!(laptop.page().says("Your e-mail address stays as it is."));
    drop(site.browser().open_once(&second).expect(410));
    assert_eq!(site.count_events(&ada, EventKind::EmailChangeCancelled), 1);
    assert!(may_sign_in(&site, &ada.email));
    let answer = ask(&mut laptop, "ADA@brightwater.example").expect(422);
    assert!(answer.page().says("This is your address already."));
    drop(ask(&mut laptop, "not an address").expect(422));
}

fn email_auth_09_older_reset_links_are_void(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let link = asked(&site, &mut laptop, &ada);
    let mut anybody = site.browser();
    anybody.open("/login/recover").expect(200);
    anybody.fill("E-mail address", &ada.email);
    anybody.press("Send the link").expect(200);
    let reset = link_in(&last_letter(&site, &ada));
    confirm(&mut laptop, &link).expect(200);
    drop(anybody.open_once(&reset).expect(410));
}

fn email_auth_08_a_change_takes_a_proof_and_a_device_of_ones_own(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    site.advance(MINUTE * 11);
    laptop.open("/account/profile/email").expect(200);
    laptop.fill("New e-mail address", NEW);
    laptop.fill("Your password", "a wrong guess");
    laptop.press("Send the link").expect(422);
    assert!(site.letters_to(&at(&ada, NEW)).is_empty());
    laptop.fill("Your password", PASSWORD);
    laptop.press("Send the link").expect(200);
    // With a second factor, the password alone is not enough (MFA-04).
    let phone_app = laptop.set_up_app();
    site.advance(MINUTE * 11);
    laptop.open("/account/profile/email").expect(200);
    let mut form = laptop.page().form("Send the link").clone();
    assert!(form.find("Your password").is_none());
    let csrf = form.value("csrf").to_owned();
    form.fields.clear();
    let body = format!("csrf={csrf}&email=x%40y.example&password={PASSWORD}").replace(' ', "+");
    let ask = laptop.ask("POST", "/account/profile/email").by_own_page();
    let refused = ask.form(&body).send().expect(422);
    assert!(refused.page().says("Your password alone is not enough"));
    laptop.open("/account/profile/email").expect(200);
    laptop.fill("New e-mail address", "second@lovelace.example");
    laptop.fill("A code from your app", &phone_app.next_code(&site));
    laptop.press("Send the link").expect(200);
    assert_eq!(laptop.path(), "/account/profile");
    // Not on a shared computer, even after a fresh sign-in.
    let mut library = site.browser();
    let bob = site.add_person("Bob", "bob@brightwater.example");
    let choices = Choices {
        shared: true,
        ..Choices::default()
    };
    library.sign_in_with(&bob, choices);
    library.open("/account/profile").expect(200);
    assert!(library.page().find_link("Change e-mail address").is_none());
    let page = library.open("/account/profile/email").expect(200).page();
    assert!(page.says("on a device of your own"));
    let body = json!({ "email": NEW });
    let refused = library.api("POST", "/api/v1/profile/email", Some(&body));
    assert_eq!(refused.status.as_u16(), 403);
    assert_eq!(site.count_events(&bob, EventKind::EmailChangeAsked), 0);
}

fn email_without_mail_it_says_who_can(which: TestDatabase) {
    let options = SiteOptions {
        sends_mail: false,
        ..SiteOptions::default()
    };
    let site = Site::with(which, options);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    laptop.open("/account/profile").expect(200);
    assert!(laptop.page().find_link("Change e-mail address").is_none());
    assert!(laptop.page().says("Please ask an administrator"));
    laptop.open("/account/profile/email").expect(200);
    assert!(laptop.page().find_form("Send the link").is_none());
    let body = json!({ "email": NEW });
    drop(
        laptop
            .api("POST", "/api/v1/profile/email", Some(&body))
            .expect(503),
    );
    assert_eq!(site.count_events(&ada, EventKind::EmailChangeAsked), 0);
}

fn email_nobody_sends_mails_to_strangers_all_day(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    for number in 0..5 {
        ask(&mut laptop, &format!("stranger{number}@elsewhere.example")).expect(200);
    }
    let answer = ask(&mut laptop, NEW).expect(422);
    assert!(answer.page().says("Please try again tomorrow."));
    assert!(site.letters_to(&at(&ada, NEW)).is_empty());
    site.advance(DAY);
    laptop.sign_in(&ada);
    ask(&mut laptop, NEW).expect(200);
    assert_eq!(site.letters_to(&at(&ada, NEW)).len(), 1);
}

fn email_the_api_asks_and_takes_back(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let path = "/api/v1/profile/email";
    let body = json!({ "email": NEW });
    let answer = laptop.api("POST", path, Some(&body)).expect(200).json();
    assert_eq!(answer["email"], NEW);
    let profile = laptop
        .api("GET", "/api/v1/profile", None)
        .expect(200)
        .json();
    assert_eq!(profile["email"], "ada@brightwater.example");
    assert_eq!(profile["pending_email"]["email"], NEW);
    let link = link_in(&last_letter(&site, &at(&ada, NEW)));
    let cancelled = laptop.api("DELETE", path, None).expect(200).json();
    assert_eq!(cancelled["cancelled"], true);
    let cancelled = laptop.api("DELETE", path, None).expect(200).json();
    assert_eq!(cancelled["cancelled"], false);
    drop(laptop.open_once(&link).expect(410));
    for wrong in ["ada@brightwater.example", "nonsense"] {
        let body = json!({ "email": wrong });
        drop(laptop.api("POST", path, Some(&body)).expect(400));
    }
    site.advance(MINUTE * 11);
    let refused = laptop.api("POST", path, Some(&body)).expect(403).json();
    assert_eq!(refused["type"], "urn:nightlatch:problem:proof-needed");
}

fn email_an_operators_word_is_final(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let link = asked(&site, &mut laptop, &ada);
    let undo = link_in(&last_letter(&site, &ada));
    confirm(&mut laptop, &link).expect(200);
    let set = |email: &str| {
        let (moment, id) = (site.moment(), ada.id);
        let email = nightlatch_domain::user::EmailAddress::parse(email).expect("an address");
        site.write(move |tx| set_by_operator(tx, &moment, id, &email))
    };
    let alert = link_in(&last_letter(&site, &at(&ada, NEW)));
    assert!(alert.starts_with("/alert/"), "{alert}");
    let bob = site.add_person("Bob", "bob@brightwater.example");
    assert!(matches!(set(&bob.email), SetOutcome::Taken));
    assert!(matches!(set(NEW), SetOutcome::Same));
    site.advance(HOUR);
    let SetOutcome::Set(done) = set("third@lovelace.example") else {
        panic!("not set");
    };
    assert_eq!(done.sessions, 1);
    assert!(!laptop.is_signed_in() && may_sign_in(&site, "third@lovelace.example"));
    // Nothing that was sent before changes it back.
    drop(site.browser().open_once(&undo).expect(410));
    let mut anybody = site.browser();
    for link in [&undo, &alert] {
        let forced = anybody.ask("POST", link).by_own_page().form("x=y").send();
        assert_eq!(forced.status.as_u16(), 410, "{link}");
    }
    for mailbox in [NEW, "third@lovelace.example"] {
        let letters = site.letters_to(&at(&ada, mailbox));
        let told = |letter: &&Letter| letter.text.contains("The people who run the sign-in");
        let letter = letters.iter().find(told).expect("a letter");
        assert!(!letter.text.contains("/email/undo/"), "{mailbox}");
    }
}
