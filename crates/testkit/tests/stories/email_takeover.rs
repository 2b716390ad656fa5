//! Whoever takes a session over cannot take the account over by its address (F5).

use nightlatch_domain::ending::{Cause, Scope};
use nightlatch_domain::event::EventKind;
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{
    Account, Browser, Choices, PASSWORD, PasskeyDevice, Site, TestDatabase, UserAgent, link_in,
    passkey_problem,
};
use serde_json::json;

use super::email_change::{ask, at, confirm, last_letter};
use crate::{DAY, MINUTE, SECOND};

on_both_databases!(
    email_f5_the_old_mailbox_takes_it_all_back_without_signing_in,
    email_f2_what_the_thief_added_goes_with_it,
    email_f5_a_second_change_does_not_get_away,
    email_f5_undone_before_it_was_confirmed,
    email_f5_a_week_of_time_and_one_use,
    email_f5_the_old_address_is_kept_free,
    email_out_13_a_change_goes_with_the_session_that_asked,
    email_out_13_logging_out_in_time_saves_no_change,
    email_and_stays_when_its_owner_logged_out,
);

const THIEF: &str = "thief@evil.example";

/// A thief in Ada's session, whose change of the address is confirmed.
fn stolen(site: &Site) -> (Account, Browser<'_>, String) {
    let ada = site.add_ada();
    let mut thief = site.browser();
    thief.sign_in(&ada);
    ask(&mut thief, THIEF).expect(200);
    let link = link_in(&last_letter(site, &at(&ada, THIEF)));
    let undo = link_in(&last_letter(site, &ada));
    confirm(&mut thief, &link).expect(200);
    assert!(thief.is_signed_in());
    (ada, thief, undo)
}

fn undo(browser: &mut Browser<'_>, link: &str) {
    browser.open(link).expect(200);
    browser.press("This was not me: take it back").expect(200);
}

fn email_f5_the_old_mailbox_takes_it_all_back_without_signing_in(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut thief, link) = stolen(&site);
    let mut owner = site.browser();
    owner.open(&link).expect(200);
    assert!(
        owner
            .page()
            .says("gets the address ada@brightwater.example back")
    );
    assert!(owner.page().says("t…@evil.example"));
    assert!(thief.is_signed_in(), "looking changes nothing");
    undo(&mut owner, &link);
    assert!(owner.page().says("One session was logged out."));
    assert!(!thief.is_signed_in() && !owner.is_signed_in());
    assert!(site.causes_of(&ada).contains(&Some(Cause::ReportedByUser)));
    // The second mail, about the confirmed change, holds the same link.
    let letters = site.letters_to(&ada);
    let links = letters.iter().filter(|letter| letter.text.contains(&link));
    assert_eq!(links.count(), 2);
    assert_eq!(site.count_events(&ada, EventKind::EmailChangeUndone), 1);
    // Recovery goes to the old mailbox, and nowhere else.
    let reset = link_in(&last_letter(&site, &ada));
    assert!(reset.starts_with("/login/reset/"), "{reset}");
    let thiefs = site.letters_to(&at(&ada, THIEF));
    assert!(
        thiefs
            .iter()
            .all(|letter| !letter.text.contains("/login/reset/"))
    );
    let new = "eleven herons over a silver estuary";
    owner.open(&reset).expect(200);
    owner.fill("New password", new);
    owner.fill("New password once more", new);
    owner.press("Set the new password").expect(200);
    let answer = owner.try_to_sign_in(&ada.email, new, Choices::default());
    drop(answer.expect_redirect("/"));
    let locked_out = thief.try_to_sign_in(THIEF, PASSWORD, Choices::default());
    assert_eq!(locked_out.status.as_u16(), 422);
}

fn email_f2_what_the_thief_added_goes_with_it(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut key = PasskeyDevice::security_key(&site.origin());
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    laptop.add_passkey(&mut key, "Blue key");
    laptop.log_out();
    site.advance(DAY * 2);
    // The passkey was added in the session that asked, days before its owner looks.
    let mut thief = site.browser();
    drop(thief.sign_in_with_passkey(&mut key).expect(200));
    let mut planted = PasskeyDevice::security_key(&site.origin());
    thief.add_passkey(&mut planted, "Spare key");
    ask(&mut thief, THIEF).expect(200);
    let link = link_in(&last_letter(&site, &ada));
    site.advance(DAY * 2);
    let mut owner = site.browser();
    owner.open(&link).expect(200);
    assert!(owner.page().says("Passkey “Spare key”"));
    assert!(!owner.page().says("Blue key"));
    undo(&mut owner, &link);
    assert!(owner.page().says("Passkey “Spare key”"));
    let refused = site.browser().sign_in_with_passkey(&mut planted);
    assert_eq!(passkey_problem(&refused), "passkey-unknown");
    drop(owner.sign_in_with_passkey(&mut key).expect(200));
}

fn email_f5_a_second_change_does_not_get_away(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut thief, first) = stolen(&site);
    site.advance(SECOND);
    let further = "thief2@evil.example";
    ask(&mut thief, further).expect(200);
    let link = link_in(&last_letter(&site, &at(&ada, further)));
    let thiefs_undo = link_in(&last_letter(&site, &at(&ada, THIEF)));
    confirm(&mut thief, &link).expect(200);
    let mut owner = site.browser();
    undo(&mut owner, &first);
    assert!(
        owner
            .page()
            .says("has the address ada@brightwater.example again")
    );
    // The link that went to the thief's first mailbox gives nothing back to the thief.
    drop(thief.open_once(&thiefs_undo).expect(410));
    let forced = thief.ask("POST", &thiefs_undo).by_own_page().form("x=y");
    assert_eq!(forced.send().status.as_u16(), 410);
    let answer = owner.try_to_sign_in(&ada.email, PASSWORD, Choices::default());
    drop(answer.expect_redirect("/"));
}

fn email_f5_undone_before_it_was_confirmed(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let (mut thief, mut laptop) = (site.browser(), site.browser());
    thief.sign_in(&ada);
    laptop.sign_in(&ada);
    ask(&mut thief, THIEF).expect(200);
    let confirming = link_in(&last_letter(&site, &at(&ada, THIEF)));
    let link = link_in(&last_letter(&site, &ada));
    // Taking it back in the session does not take the owner's word away.
    thief.open("/account/profile").expect(200);
    thief.press("Keep the present address").expect(200);
    undo(&mut site.browser(), &link);
    assert!(!thief.is_signed_in() && !laptop.is_signed_in());
    let forced = thief.ask("POST", &confirming).by_own_page().form("x=y");
    assert_eq!(forced.send().status.as_u16(), 410);
    laptop.sign_in(&ada);
}

fn email_f5_a_week_of_time_and_one_use(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, _thief, link) = stolen(&site);
    site.wait_until(site.now().plus(DAY * 7).minus(SECOND));
    drop(site.browser().open_once(&link).expect(200));
    undo(&mut site.browser(), &link);
    let mut again = site.browser();
    let used = again.open_once(&link).expect(410);
    assert!(used.page().says("used already"));
    let forced = again.ask("POST", &link).by_own_page().form("x=y").send();
    assert_eq!(forced.status.as_u16(), 410);
    assert_eq!(site.count_events(&ada, EventKind::EmailChangeUndone), 1);
    let site = Site::new(which);
    let (_, _thief, link) = stolen(&site);
    site.advance(DAY * 7);
    let old = site.browser().open_once(&link).expect(410);
    assert!(old.page().says("7 days"));
}

fn email_f5_the_old_address_is_kept_free(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, _thief, link) = stolen(&site);
    // Nobody else gets it, or it could not be given back.
    let bob = site.add_person("Bob", "bob@brightwater.example");
    let mut bobs = site.browser();
    bobs.sign_in(&bob);
    ask(&mut bobs, &ada.email).expect(200);
    let letter = last_letter(&site, &ada);
    assert!(letter.subject.starts_with("This address has an account"));
    undo(&mut site.browser(), &link);
    site.browser().sign_in(&ada);
}

fn email_out_13_a_change_goes_with_the_session_that_asked(which: TestDatabase) {
    for how in ["one", "others", "password"] {
        let site = Site::new(which);
        let ada = site.add_ada();
        let (mut thief, mut laptop) = (site.browser(), site.browser());
        thief.sign_in(&ada);
        laptop.sign_in(&ada);
        ask(&mut thief, THIEF).expect(200);
        let link = link_in(&last_letter(&site, &at(&ada, THIEF)));
        match how {
            "one" => {
                let path = format!("/api/v1/sessions/{}", thief.session_id());
                drop(laptop.api("DELETE", &path, None).expect(200));
            }
            "others" => {
                let path = "/api/v1/sessions/log-out-others";
                drop(laptop.api("POST", path, Some(&json!({}))).expect(200));
            }
            _ => {
                let new = "eleven herons over a silver estuary";
                laptop.change_password(PASSWORD, new).expect(200);
            }
        }
        assert!(!thief.is_signed_in());
        drop(thief.open_once(&link).expect(410));
        let forced = thief.ask("POST", &link).by_own_page().form("x=y").send();
        assert_eq!(forced.status.as_u16(), 410, "{how}");
        assert_eq!(site.count_events(&ada, EventKind::EmailChanged), 0);
        laptop.open("/account/profile").expect(200);
        assert!(!laptop.page().says("To be changed"), "{how}");
    }
}

/// A thief who sees it coming logs out first, and keeps the link.
fn email_out_13_logging_out_in_time_saves_no_change(which: TestDatabase) {
    for how in ["all", "others", "not me", "that one", "operator"] {
        let site = Site::new(which);
        let ada = site.add_ada();
        let mut laptop = site.browser();
        laptop.sign_in(&ada);
        site.advance(MINUTE);
        let mut thief = site.browser().calling_itself(UserAgent::ChromeOnLinux);
        thief.sign_in(&ada);
        let told = link_in(&last_letter(&site, &ada));
        let session = thief.session_id();
        ask(&mut thief, THIEF).expect(200);
        let link = link_in(&last_letter(&site, &at(&ada, THIEF)));
        thief.log_out();
        match how {
            "all" => {
                let path = "/api/v1/sessions/log-out-all";
                drop(laptop.api("POST", path, Some(&json!({}))).expect(200));
            }
            "others" => {
                // There is nothing left to end but what is under way.
                let path = "/api/v1/sessions/log-out-others";
                drop(laptop.api("POST", path, Some(&json!({}))).expect(200));
            }
            "not me" => {
                laptop
                    .open(&format!("/account/sessions/{session}/not-me"))
                    .expect(200);
                laptop.press("Report it and change my password").expect(200);
            }
            "that one" => {
                let mut phone = site.browser();
                phone.open(&told).expect(200);
                phone.press("Yes, throw them out").expect(200);
            }
            _ => {
                let scope = Scope::AllOf(ada.id);
                drop(site.end_for(&ada, scope, Some("lost laptop")));
            }
        }
        drop(thief.open_once(&link).expect(410));
        let forced = thief.ask("POST", &link).by_own_page().form("x=y").send();
        assert_eq!(forced.status.as_u16(), 410, "{how}");
        assert_eq!(site.count_events(&ada, EventKind::EmailChanged), 0);
    }
}

fn email_and_stays_when_its_owner_logged_out(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    ask(&mut laptop, "ada@lovelace.example").expect(200);
    let moved = at(&ada, "ada@lovelace.example");
    let link = link_in(&last_letter(&site, &moved));
    laptop.log_out();
    site.advance(MINUTE * 60);
    confirm(&mut site.browser(), &link).expect(200);
    laptop.sign_in(&moved);
}
