//! Log out elsewhere: one, several, all others, all (`log_out_of_all_sessions`).

use nightlatch_domain::ending::{Actor, Cause};
use nightlatch_domain::secret::Token;
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Account, Browser, Site, TestDatabase, UserAgent};

use crate::MINUTE;

on_both_databases!(
    log_out_of_all_sessions_counts_ends_and_tells,
    out_12_all_sessions_are_one_increment_whatever_their_number,
    e8_all_others_keeps_this_one_under_a_new_cookie,
    all_others_with_no_others_changes_nothing_else,
    f5_all_others_without_others_and_proof_overtakes_nobody,
    one_other_session_ends_from_the_list,
    e7_the_current_session_ends_from_the_list,
    selected_sessions_end_together,
    selecting_nothing_is_said,
    selecting_the_current_one_too_signs_out,
    dev_03_what_is_not_ones_own_is_not_there,
    a_session_that_ended_meanwhile_is_no_error,
);

/// Ada on her laptop, her phone and at work.
fn three(site: &Site) -> (Account, Browser<'_>, Browser<'_>, Browser<'_>) {
    let ada = site.add_ada();
    let mut laptop = site.browser();
    let mut phone = site.browser().calling_itself(UserAgent::SafariOnIphone);
    let mut work = site.browser().calling_itself(UserAgent::ChromeOnLinux);
    for browser in [&mut phone, &mut work, &mut laptop] {
        browser.sign_in(&ada);
    }
    (ada, laptop, phone, work)
}

/// The next page tells this browser why it is signed out, once.
fn is_told(browser: &mut Browser<'_>, why: &str) {
    browser.open("/account/profile").expect(200);
    assert_eq!(browser.path(), "/login?return_to=/account/profile");
    assert!(browser.page().says(why), "{}", browser.page().text);
    assert_eq!(browser.session_cookie(), None);
    browser.open("/login").expect(200);
    assert!(!browser.page().says(why));
}

fn log_out_of_all_sessions_counts_ends_and_tells(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop, mut phone, mut work) = three(&site);
    let grace = site.add_person("Grace Hopper", "grace@brightwater.example");
    let mut hers = site.browser();
    hers.sign_in(&grace);

    laptop.open("/account/security").expect(200);
    assert!(
        laptop
            .page()
            .says("You have 3 sessions: this one and 2 others.")
    );
    laptop.press("Log out of all sessions").expect(200);
    // UI-09: the page names account and effect in numbers before anything happens.
    assert_eq!(laptop.path(), "/account/sessions/log-out-all");
    assert!(laptop.page().says("Account: Ada Lovelace"));
    assert!(laptop.page().says("This ends 3 sessions on 3 devices."));
    assert!(phone.is_signed_in());

    let answer = laptop
        .press_once("Log out of all sessions")
        .expect_redirect("/signed-out");
    assert_eq!(answer.header("clear-site-data"), Some("\"storage\""));
    laptop.follow(answer).expect(200);
    assert!(laptop.page().says("You logged out of all sessions"));
    assert!(laptop.page().says("Ended 3 sessions in 3 browsers"));

    for browser in [&mut laptop, &mut phone, &mut work] {
        assert!(!browser.is_signed_in());
    }
    is_told(&mut phone, "You logged out of all sessions");
    is_told(&mut work, "You logged out of all sessions");
    assert!(hers.is_signed_in());
    assert_eq!((site.epoch_of(&ada), site.epoch_of(&grace)), (1, 0));
    for row in site.sessions_of(&ada) {
        let ended = row.ended.expect("an end");
        assert_eq!(ended.cause, Cause::LoggedOutEverywhere);
        assert_eq!(site.ending(ended.ending_id).actor, Actor::User(ada.id));
    }
}

fn out_12_all_sessions_are_one_increment_whatever_their_number(which: TestDatabase) {
    for count in [0, 300] {
        let site = Site::new(which);
        let ada = site.add_ada();
        let cookies = site.begin_sessions(&ada, count);
        let mut laptop = site.browser();
        laptop.sign_in(&ada);
        laptop.open("/account/sessions/log-out-all").expect(200);
        assert!(
            laptop
                .page()
                .says(&format!("This ends {} session", count + 1))
        );
        laptop
            .press_once("Log out of all sessions")
            .expect_redirect("/signed-out");
        assert_eq!(site.epoch_of(&ada), 1);
        // At most a hundred rows were written; the rest is over all the same.
        let left = (count as usize + 1).saturating_sub(100);
        assert_eq!(site.open_sessions_of(&ada), left);
        for cookie in cookies.iter().step_by(37) {
            let mut other = site.browser();
            other.jar.put("__Host-nightlatch", cookie);
            assert!(!other.is_signed_in());
        }
        if let Some(cookie) = cookies.last() {
            let mut other = site.browser();
            other.jar.put("__Host-nightlatch", cookie);
            is_told(&mut other, "You logged out of all sessions");
        }
        // A sign-in during the expansion is not touched by it.
        let mut afterwards = site.browser();
        afterwards.sign_in(&ada);
        // DEV-02: what is over is not listed, written down or not.
        afterwards.open("/account/sessions").expect(200);
        let list = afterwards.page();
        assert!(list.says("You are signed in here and nowhere else."));
        assert_eq!(list.cards().len(), 1);
        assert_eq!(site.expand(), u32::from(left > 0));
        assert!(afterwards.is_signed_in());
        assert_eq!(site.open_sessions_of(&ada), 1);
        let first = &site.sessions_of(&ada)[0];
        let ending = site.ending(first.ended.expect("an end").ending_id);
        assert_eq!(ending.sessions_ended, i64::from(count) + 1);
    }
}

fn e8_all_others_keeps_this_one_under_a_new_cookie(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop, mut phone, mut work) = three(&site);
    let old = laptop.steal_cookies();
    let id = laptop.session_id();
    laptop.open("/account/sessions").expect(200);
    laptop.press("Log out all other sessions").expect(200);
    assert!(laptop.page().says("This ends 2 sessions on 2 devices."));
    laptop.press("Log out all other sessions").expect(200);
    assert_eq!(laptop.path(), "/account/sessions");
    assert!(laptop.page().says("2 sessions were logged out."));
    assert!(
        laptop
            .page()
            .says("You are signed in here and nowhere else.")
    );
    assert!(laptop.is_signed_in());
    // The same session under a new token; the old token is dead (SES-05).
    assert_eq!(laptop.session_id(), id);
    assert_ne!(laptop.session_cookie(), old.get("__Host-nightlatch"));
    assert!(!site.browser().with_cookies(old).is_signed_in());
    is_told(&mut phone, "you logged out of all other sessions");
    is_told(&mut work, "you logged out of all other sessions");
    assert_eq!(site.epoch_of(&ada), 1);
    // What was said is said once.
    laptop.open("/account/sessions").expect(200);
    assert!(!laptop.page().says("were logged out"));
}

fn all_others_with_no_others_changes_nothing_else(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    laptop.open("/account/sessions/log-out-others").expect(200);
    laptop.press("Log out all other sessions").expect(200);
    assert!(
        laptop
            .page()
            .says("There were no other sessions to log out.")
    );
    assert!(laptop.is_signed_in());
}

fn f5_all_others_without_others_and_proof_overtakes_nobody(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut thief = site.browser();
    thief.sign_in(&ada);
    site.advance(MINUTE * 11);
    // Else a thief could keep the owner from ever getting in.
    let held = site.hold_passwords();
    let mut owner = site.browser();
    owner.open("/login").expect(200);
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| owner.sign_in_here(&ada));
        site.wait_for_attempts(2);
        for _ in 0..3 {
            let path = "/api/v1/sessions/log-out-others";
            let answer = thief.api("POST", path, None).expect(200);
            assert_eq!(answer.json()["sessions"], 0);
            thief.open("/account/sessions/log-out-others").expect(200);
            thief.press("Log out all other sessions").expect(200);
        }
        drop(held);
        thread.join().expect("signed in");
    });
    assert!(owner.is_signed_in() && thief.is_signed_in());
}

fn one_other_session_ends_from_the_list(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop, mut phone, mut work) = three(&site);
    laptop.open("/account/sessions").expect(200);
    let page = laptop.page().clone();
    assert!(page.says("You have 3 sessions in 3 browsers, this one included."));
    let cards = page.cards();
    // E6: the one in use comes first and says so.
    assert!(cards[0].text.starts_with("Firefox on Windows This browser"));
    let card = page.card("Safari on iPhone");
    laptop
        .press_in(&card, "Log out Safari on iPhone")
        .expect(200);
    assert!(laptop.page().says("One session was logged out."));
    assert_eq!(laptop.page().cards().len(), 2);
    assert!(laptop.is_signed_in() && work.is_signed_in() && !phone.is_signed_in());
    is_told(&mut phone, "You were logged out from another device.");
    let causes = site.causes_of(&ada);
    assert_eq!(causes, [Some(Cause::EndedFromOtherDevice), None, None]);
}

fn e7_the_current_session_ends_from_the_list(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut laptop, mut phone, _) = three(&site);
    laptop.open("/account/sessions").expect(200);
    laptop
        .press("Log out Firefox on Windows, this browser")
        .expect(200);
    assert_eq!(laptop.page().heading, "You are logged out");
    assert_eq!(laptop.session_cookie(), None);
    // By the address of the others, too.
    phone.open("/account/sessions").expect(200);
    let token = phone.page().form("Log out").value("csrf").to_owned();
    let path = format!("/account/sessions/{}/log-out", phone.session_id());
    let answer = phone
        .ask("POST", &path)
        .by_own_page()
        .form(&format!("csrf={token}"))
        .send()
        .expect_redirect("/signed-out");
    assert!(
        answer
            .cookie("__Host-nightlatch")
            .expect("removal")
            .ends_with("Max-Age=0")
    );
    assert_eq!(answer.header("clear-site-data"), Some("\"storage\""));
}

fn selected_sessions_end_together(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop, mut phone, mut work) = three(&site);
    let mut tablet = site.browser();
    tablet.sign_in(&ada);
    laptop.open("/account/sessions").expect(200);
    let mut form = laptop.page().form("Log out selected").clone();
    assert_eq!(
        form.fields
            .iter()
            .filter(|field| field.name == "session")
            .count(),
        4
    );
    form.pick("session", &phone.session_id());
    form.pick("session", &work.session_id());
    let answer = laptop.submit(&form).expect_redirect("/account/sessions");
    laptop.follow(answer).expect(200);
    assert!(laptop.page().says("2 sessions were logged out."));
    assert!(laptop.is_signed_in() && tablet.is_signed_in());
    is_told(&mut phone, "You were logged out from another device.");
    is_told(&mut work, "You were logged out from another device.");
}

fn selecting_nothing_is_said(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop, ..) = three(&site);
    laptop.open("/account/sessions").expect(200);
    let answer = laptop.press_once("Log out selected").expect(422);
    assert!(
        answer
            .page()
            .says("Please choose at least one session first.")
    );
    assert_eq!(site.open_sessions_of(&ada), 3);
}

fn selecting_the_current_one_too_signs_out(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop, phone, mut work) = three(&site);
    laptop.open("/account/sessions").expect(200);
    let mut form = laptop.page().form("Log out selected").clone();
    form.pick("session", &phone.session_id());
    form.pick("session", &laptop.session_id());
    let answer = laptop.submit(&form).expect_redirect("/signed-out");
    laptop.follow(answer).expect(200);
    assert!(laptop.page().says("You logged out in this browser."));
    assert!(work.is_signed_in());
    assert_eq!(site.open_sessions_of(&ada), 1);
}

fn dev_03_what_is_not_ones_own_is_not_there(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut laptop, ..) = three(&site);
    let grace = site.add_person("Grace Hopper", "grace@brightwater.example");
    let mut hers = site.browser();
    hers.sign_in(&grace);
    laptop.open("/account/sessions").expect(200);
    let token = laptop.page().form("Log out").value("csrf").to_owned();
    let theirs = hers.session_id();
    let unknown = "00000000-0000-4000-8000-000000000000".to_owned();

    // With a fresh proof and with one that is too old.
    for _ in 0..2 {
        for (method, path) in [
            ("POST", "/account/sessions/{id}/log-out"),
            ("POST", "/account/sessions/{id}/name"),
            ("GET", "/account/sessions/{id}/not-me"),
            ("POST", "/account/sessions/{id}/not-me"),
            ("DELETE", "/api/v1/sessions/{id}"),
        ] {
            let mut answers = Vec::new();
            for id in [&theirs, &unknown] {
                let ask = laptop
                    .ask(method, &path.replace("{id}", id))
                    .by_own_page()
                    .header("x-nightlatch", "1")
                    .form(&format!("csrf={token}&name=mine"));
                let answer = ask.send();
                answers.push((answer.status.as_u16(), answer.text().len()));
            }
            // The references in them differ, nothing else does.
            assert_eq!(answers[0], answers[1], "{method} {path}");
            let asks_for_proof = answers[0].0 == 403 && method == "DELETE";
            assert!(
                answers[0].0 == 404 || asks_for_proof,
                "{method} {path}: {answers:?}"
            );
        }
        let ids = format!("csrf={token}&session={theirs}&session={unknown}");
        let ask = laptop.ask("POST", "/account/sessions/log-out-selected");
        ask.by_own_page().form(&ids).send();
        assert!(hers.is_signed_in());
        site.advance(MINUTE * 11);
    }
}

fn a_session_that_ended_meanwhile_is_no_error(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut laptop, mut phone, _) = three(&site);
    laptop.open("/account/sessions").expect(200);
    let page = laptop.page().clone();
    let card = page.card("Safari on iPhone");
    phone.log_out();
    laptop
        .press_in(&card, "Log out Safari on iPhone")
        .expect(200);
    assert!(laptop.page().says("That session had ended already."));
    // Its cookie names nothing any more, and nobody can guess one.
    assert!(Token::parse(phone.session_cookie().unwrap_or("")).is_none());
}
