//! Alerts by mail (ALR-01 … ALR-04, H1, H2, AUTH-10).
//!
//! Longer than 400 lines, since each alert takes a story of its own.

use nightlatch_domain::ending::{Cause, Scope};
use nightlatch_domain::event::EventKind;
use nightlatch_flows::mail::NotAccepted;
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{
    Account, Browser, Choices, PASSWORD, Site, TestDatabase, UserAgent, link_in,
};

use crate::{DAY, HOUR, MINUTE, SECOND};

on_both_databases!(
    mail_h1_only_a_new_browser_is_told_and_the_first_ever_is_not,
    mail_h1_many_sign_ins_are_one_mail_in_ten_minutes,
    mail_alr_01_the_shared_mode_is_no_way_around_alerts,
    mail_alr_01_the_right_password_after_many_wrong_ones,
    mail_alr_01_a_right_password_and_a_wrong_second_step,
    mail_alr_01_a_changed_password_and_all_sessions,
    mail_alr_01_an_administrator_who_ends_ones_sessions_is_told_of_once,
    mail_h2_one_link_throws_the_thief_out_without_signing_in,
    mail_h2_or_all_sessions,
    mail_auth_10_scanners_change_nothing,
    mail_links_that_are_old_used_changed_or_of_another_kind_do_nothing,
    mail_a_dead_mail_server_holds_up_nobody_and_is_tried_again,
    mail_a_refused_address_is_not_tried_again,
    mail_survives_a_crash_in_the_middle_of_sending,
    mail_goes_with_the_account_and_when_it_is_old,
);

/// Ada on her laptop, with the first sign-in behind her.
fn begin(site: &Site) -> (Account, Browser<'_>) {
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    (ada, laptop)
}

fn mail_h1_only_a_new_browser_is_told_and_the_first_ever_is_not(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop) = begin(&site);
    assert!(site.letters_to(&ada).is_empty(), "the first ever");
    // The same browser: again, elsewhere, and after an update.
    laptop.log_out();
    laptop.sign_in(&ada);
    laptop.log_out();
    let mut laptop = laptop
        .at("203.0.113.9")
        .calling_itself(UserAgent::NewerFirefoxOnWindows);
    laptop.sign_in(&ada);
    assert!(site.letters_to(&ada).is_empty(), "a known browser");
    let mut phone = site.browser().calling_itself(UserAgent::SafariOnIphone);
    phone.sign_in(&ada);
    let letters = site.letters_to(&ada);
    assert_eq!(letters.len(), 1);
    let letter = &letters[0];
    assert_eq!(
        letter.subject,
        "New sign-in to your account (Brightwater Trading)"
    );
    for words in [
        "Hello Ada Lovelace",
        "ada@brightwater.example",
        "Safari on iPhone",
        "Monday, November 23, 2026",
        "198.18.0.2",
        "This wasn't me",
    ] {
        assert!(letter.text.contains(words), "{words}: {}", letter.text);
    }
}

fn mail_h1_many_sign_ins_are_one_mail_in_ten_minutes(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, _laptop) = begin(&site);
    site.browser().sign_in(&ada);
    assert_eq!(site.letters_to(&ada).len(), 1);
    for _ in 0..3 {
        site.advance(MINUTE);
        site.browser().sign_in(&ada);
        assert_eq!(site.letters_to(&ada).len(), 1, "gathered");
    }
    site.advance(MINUTE * 10);
    let letters = site.letters_to(&ada);
    assert_eq!(letters.len(), 2, "the rest in one");
    assert_eq!(letters[1].text.matches("When:").count(), 3);
    // A link about several ends all.
    let mut anybody = site.browser();
    anybody.open(&link_in(&letters[1])).expect(200);
    assert!(anybody.page().find_form("Yes, throw them out").is_none());
    anybody
        .press("Log out all sessions of this account")
        .expect(200);
    assert_eq!(site.open_sessions_of(&ada), 0);
}

fn mail_alr_01_the_shared_mode_is_no_way_around_alerts(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, _laptop) = begin(&site);
    let choices = Choices {
        shared: true,
        ..Choices::default()
    };
    site.browser().sign_in_with(&ada, choices);
    assert_eq!(site.letters_to(&ada).len(), 1);
}

fn mail_alr_01_the_right_password_after_many_wrong_ones(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, _laptop) = begin(&site);
    let mut thief = site.browser();
    for _ in 0..12 {
        site.advance(MINUTE * 16);
        drop(
            thief
                .try_to_sign_in(&ada.email, "a wrong guess", Choices::default())
                .expect(422),
        );
    }
    // ALR-02: wrong passwords alone are no mail.
    assert!(site.letters_to(&ada).is_empty());
    site.advance(MINUTE * 16);
    thief.sign_in(&ada);
    let letters = site.letters_to(&ada);
    assert_eq!(letters.len(), 1, "one sign-in, one mail");
    assert!(
        letters[0]
            .subject
            .starts_with("Sign-in after many wrong passwords")
    );
    assert!(letters[0].text.contains("Wrong passwords before: 12"));
}

fn mail_alr_01_a_right_password_and_a_wrong_second_step(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop) = begin(&site);
    drop(laptop.set_up_app());
    site.advance(HOUR);
    let mut thief = site.browser().calling_itself(UserAgent::ChromeOnLinux);
    thief.come_to_second_step(&ada);
    // However often: one mail an hour (ALR-02).
    for code in ["000000", "000001"] {
        drop(thief.give_code(code).expect(422));
    }
    let letters = site.letters_to(&ada);
    let told = letters
        .iter()
        .filter(|letter| letter.subject == "Somebody has your password (Brightwater Trading)");
    assert_eq!(told.count(), 1);
}

fn mail_alr_01_a_changed_password_and_all_sessions(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop) = begin(&site);
    site.browser().sign_in(&ada);
    laptop
        .change_password(PASSWORD, "eleven herons over a silver estuary")
        .expect(200);
    let subjects = |site: &Site| -> Vec<String> {
        site.letters_to(&ada)
            .into_iter()
            .map(|letter| letter.subject)
            .collect()
    };
    assert_eq!(
        subjects(&site)[1],
        "Your password was changed (Brightwater Trading)"
    );
    site.set_password(&ada, PASSWORD);
    assert_eq!(
        subjects(&site)[2],
        "Your password was set anew (Brightwater Trading)"
    );
    laptop.sign_in(&ada);
    site.advance(MINUTE);
    site.browser().sign_in(&ada);
    laptop.open("/account/sessions/log-out-others").expect(200);
    laptop.press("Log out all other sessions").expect(200);
    assert!(
        subjects(&site).contains(&"Your sessions were logged out (Brightwater Trading)".to_owned())
    );
}

fn mail_alr_01_an_administrator_who_ends_ones_sessions_is_told_of_once(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop) = begin(&site);
    for _ in 0..2 {
        site.browser().sign_in(&ada);
    }
    let told = |site: &Site| -> Vec<String> {
        let letters = site.letters_to(&ada).into_iter();
        letters
            .filter(|letter| {
                letter
                    .subject
                    .starts_with("An administrator logged you out")
            })
            .map(|letter| letter.text)
            .collect()
    };
    site.end_for(&ada, Scope::AllOf(ada.id), Some("A laptop was stolen"));
    assert!(!laptop.is_signed_in());
    assert_eq!(told(&site).len(), 1, "three sessions, one ending, one mail");
    assert!(told(&site)[0].contains("Reason: A laptop was stolen"));
    // Whoever is not signed in loses nothing, and is not told.
    site.end_for(&ada, Scope::AllOf(ada.id), None);
    assert_eq!(told(&site).len(), 1);
    laptop.sign_in(&ada);
    let session = laptop.session_row().expect("a session").id;
    site.end_for(&ada, Scope::Session(session), None);
    assert_eq!(told(&site).len(), 2);
    assert!(!told(&site)[1].contains("Reason"));
    // A mass ending writes to nobody; the page says why.
    laptop.sign_in(&ada);
    site.log_out_everybody(Some(site.organization()), "An upgrade");
    laptop.open("/login").expect(200);
    assert!(laptop.page().says("An upgrade"));
    laptop.sign_in(&ada);
    site.log_out_everybody(None, "Another upgrade");
    assert_eq!(told(&site).len(), 2);
}

fn mail_h2_one_link_throws_the_thief_out_without_signing_in(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop) = begin(&site);
    let mut thief = site.browser().calling_itself(UserAgent::ChromeOnLinux);
    thief.sign_in(&ada);
    let link = link_in(&site.letters_to(&ada)[0]);
    let mut phone = site.browser();
    phone.open(&link).expect(200);
    for words in [
        "Ada Lovelace",
        "ada@brightwater.example",
        "Chrome on Linux",
        "November 23, 2026",
    ] {
        assert!(phone.page().says(words), "{words}: {}", phone.page().text);
    }
    assert!(thief.is_signed_in());
    // No cookie is needed: whatever the page set is thrown away.
    phone.jar = nightlatch_testkit::Jar::default();
    phone.press("Yes, throw them out").expect(200);
    assert!(
        phone.page().says("One session was logged out."),
        "{}",
        phone.page().text
    );
    assert!(!thief.is_signed_in());
    assert!(!phone.is_signed_in(), "it signs nobody in");
    assert!(laptop.is_signed_in(), "no collateral");
    assert!(site.causes_of(&ada).contains(&Some(Cause::ReportedByUser)));
    assert_eq!(site.count_events(&ada, EventKind::ReportedByUser), 1);
    // Recovery was started, by mail and not on the page.
    let letters = site.letters_to(&ada);
    assert_eq!(letters.len(), 2);
    assert!(link_in(&letters[1]).starts_with("/login/reset/"));
    assert!(!phone.page().text.contains("/login/reset/"));
    // The thief's browser is a stranger again: its next sign-in is told.
    site.advance(HOUR);
    thief.sign_in(&ada);
    assert_eq!(site.letters_to(&ada).len(), 3);
}

fn mail_h2_or_all_sessions(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop) = begin(&site);
    site.browser().sign_in(&ada);
    let mut phone = site.browser();
    phone.open(&link_in(&site.letters_to(&ada)[0])).expect(200);
    phone
        .press("Log out all sessions of this account")
        .expect(200);
    assert!(phone.page().says("2 sessions were logged out."));
    assert!(!laptop.is_signed_in());
}

fn mail_auth_10_scanners_change_nothing(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, _laptop) = begin(&site);
    let mut thief = site.browser();
    thief.sign_in(&ada);
    let link = link_in(&site.letters_to(&ada)[0]);
    for _ in 0..5 {
        drop(site.browser().open_once(&link).expect(200));
        drop(site.browser().ask("HEAD", &link).send().expect(200));
    }
    // A form on another site presses nothing either.
    let mut victim = site.browser();
    let foreign = victim
        .ask("POST", &link)
        .header("sec-fetch-site", "cross-site")
        .form("extent=all")
        .send();
    assert_eq!(foreign.status.as_u16(), 403);
    assert_eq!(site.open_sessions_of(&ada), 2);
    assert_eq!(site.letters_to(&ada).len(), 1);
    let mut phone = site.browser();
    phone.open(&link).expect(200);
    phone.press("Yes, throw them out").expect(200);
    assert!(!thief.is_signed_in());
}

fn mail_links_that_are_old_used_changed_or_of_another_kind_do_nothing(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, _laptop) = begin(&site);
    site.browser().sign_in(&ada);
    let link = link_in(&site.letters_to(&ada)[0]);
    let post = |path: &str| {
        let mut browser = site.browser();
        let answer = browser
            .ask("POST", path)
            .by_own_page()
            .form("extent=all")
            .send();
        answer.status.as_u16()
    };
    let token = link.trim_start_matches("/alert/");
    let flipped = if token.starts_with('A') { 'B' } else { 'A' };
    let tail = if token.ends_with('A') { 'Q' } else { 'A' };
    for changed in [
        format!("/alert/{flipped}{}", &token[1..]),
        format!("/alert/{}{tail}", &token[..63]),
        format!("/alert/{}", &token[..62]),
        format!("/alert/{token}A"),
        "/alert/x".to_owned(),
        format!("/login/reset/{token}"),
    ] {
        assert_eq!(post(&changed), 410, "{changed}");
        drop(site.browser().open_once(&changed).expect(410));
    }
    assert_eq!(site.open_sessions_of(&ada), 2);
    // After a day it only explains.
    site.advance(DAY);
    let old = site.browser().open_once(&link).expect(410);
    assert!(old.page().says("Links in such mails work for 24 hours, or"));
    assert_eq!(old.page().link("Help"), "/help");
    assert_eq!(post(&link), 410);
    // One that is used ends nothing of what comes later.
    site.browser().sign_in(&ada);
    let letters = site.letters_to(&ada);
    let link = link_in(letters.last().expect("a letter"));
    assert_eq!(post(&link), 200);
    site.browser().sign_in(&ada);
    assert_eq!(post(&link), 410);
    assert_eq!(site.open_sessions_of(&ada), 1);
}

fn mail_a_dead_mail_server_holds_up_nobody_and_is_tried_again(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, _laptop) = begin(&site);
    site.mail_server_says(Some(NotAccepted {
        permanent: false,
        error: "connection refused".to_owned(),
    }));
    // Signing in asks no mail server.
    site.browser().sign_in(&ada);
    assert_eq!(site.mail_attempts(), 0);
    for round in 1..=4 {
        site.deliver_mails();
        assert_eq!(site.mail_attempts(), round, "tried once a round");
        site.deliver_mails();
        assert_eq!(site.mail_attempts(), round, "and not before its time");
        site.advance(MINUTE * 20);
    }
    site.mail_server_says(None);
    site.advance(HOUR);
    assert_eq!(site.letters_to(&ada).len(), 1);
    site.advance(DAY);
    assert_eq!(site.letters_to(&ada).len(), 1, "once");
}

fn mail_a_refused_address_is_not_tried_again(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, _laptop) = begin(&site);
    site.mail_server_says(Some(NotAccepted {
        permanent: true,
        error: "550 no such mailbox".to_owned(),
    }));
    site.browser().sign_in(&ada);
    for _ in 0..3 {
        site.deliver_mails();
        site.advance(HOUR);
    }
    assert_eq!(site.mail_attempts(), 1);
    let failed = "SELECT COUNT(*) FROM mails WHERE state = 'failed' AND last_error LIKE '550%'";
    assert_eq!(site.count_rows(failed), 1);
}

fn mail_survives_a_crash_in_the_middle_of_sending(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, _laptop) = begin(&site);
    site.browser().sign_in(&ada);
    // A process takes the mail into its hands, and dies.
    let moment = site.moment();
    let claimed = site.write(move |tx| nightlatch_flows::mail::claim_due(tx, &moment, 10));
    assert_eq!(claimed.len(), 1);
    site.crash();
    assert!(
        site.letters_to(&ada).is_empty(),
        "while the lease lasts, nobody sends twice"
    );
    site.advance(MINUTE * 2 + SECOND);
    assert_eq!(site.letters_to(&ada).len(), 1);
}

fn mail_goes_with_the_account_and_when_it_is_old(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, _laptop) = begin(&site);
    site.browser().sign_in(&ada);
    assert_eq!(site.letters_to(&ada).len(), 1);
    site.prune();
    let (mails, links) = (
        "SELECT COUNT(*) FROM mails",
        "SELECT COUNT(*) FROM mail_links",
    );
    assert_eq!((site.count_rows(mails), site.count_rows(links)), (1, 1));
    site.advance(DAY * 32);
    site.prune();
    assert_eq!((site.count_rows(mails), site.count_rows(links)), (0, 0));
    site.browser().sign_in(&ada);
    assert_eq!((site.count_rows(mails), site.count_rows(links)), (1, 1));
    site.delete(&ada);
    assert_eq!((site.count_rows(mails), site.count_rows(links)), (0, 0));
}
