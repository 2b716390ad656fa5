//! What the login history tells (DEV-06, DEV-07, H3, H5).

use nightlatch_domain::ending::Cause;
use nightlatch_domain::event::EventKind;
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Choices, PASSWORD, Page, Site, TestDatabase, UserAgent};

use crate::{DAY, HOUR, MINUTE};

on_both_databases!(
    dev_06_sign_ins_and_endings_with_cause_and_actor,
    dev_06_failures_are_gathered,
    dev_06_the_last_sign_in_is_shown,
    dev_07_this_was_not_me_ends_it_and_leads_to_the_password,
    dev_07_it_is_asked_for_with_a_proof,
    dev_07_a_session_that_is_over_can_be_reported_too,
    dev_07_ones_own_session_cannot_be_reported,
    the_history_has_filters_and_pages,
    ones_history_is_ones_own,
);

fn texts(page: &Page) -> Vec<String> {
    let entries = page.entries("");
    let of_history = entries.iter().filter(|entry| {
        entry.text.contains("ago")
            || entry.text.contains("just now")
            || entry.text.contains("yesterday")
    });
    of_history.map(|entry| entry.text.clone()).collect()
}

fn dev_06_sign_ins_and_endings_with_cause_and_actor(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let (mut laptop, mut phone) = (
        site.browser(),
        site.browser().calling_itself(UserAgent::SafariOnIphone),
    );
    phone.sign_in(&ada);
    site.advance(MINUTE);
    laptop.sign_in(&ada);
    site.advance(MINUTE);
    laptop.log_out();
    site.advance(MINUTE);
    laptop.sign_in(&ada);
    site.advance(MINUTE);
    laptop.open("/account/sessions/log-out-others").expect(200);
    laptop.press("Log out all other sessions").expect(200);
    site.advance(MINUTE);
    site.log_out_everybody(None, "We replaced the door cards.");
    laptop.sign_in(&ada);
    laptop.open("/account/history").expect(200);
    let entries = texts(laptop.page());
    let expected: [&[&str]; 8] = [
        &["Signed in", "Password", "Firefox on Windows"],
        &[
            "Session ended",
            "Ended by an administrator",
            "The people who run this server",
            "Reason: We replaced the door cards.",
            "Firefox on Windows",
        ],
        &[
            "Session ended",
            "Logged out of all other sessions",
            "You",
            "Safari on iPhone",
        ],
        &["Signed in", "Firefox on Windows"],
        &[
            "Session ended",
            "Logged out in that browser",
            "You",
            "Firefox on Windows",
        ],
        &["Signed in with a new browser", "Firefox on Windows"],
        &["Signed in with a new browser", "Safari on iPhone"],
        &["Account created", "The people who run this server"],
    ];
    assert_eq!(entries.len(), expected.len(), "{entries:#?}");
    for (entry, words) in entries.iter().zip(expected) {
        for word in words {
            assert!(entry.contains(word), "{word} in {entry}");
        }
    }
}

fn dev_06_failures_are_gathered(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut stranger = site.browser().at("203.0.113.66");
    for _ in 0..4 {
        drop(stranger.try_to_sign_in(&ada.email, "a wrong guess", Choices::default()));
        site.advance(MINUTE * 10);
    }
    let mut other = site.browser().at("203.0.113.67");
    drop(other.try_to_sign_in(&ada.email, "a wrong guess", Choices::default()));
    let mut laptop = site.browser();
    site.advance(MINUTE);
    laptop.sign_in(&ada);
    laptop.open("/account/history?show=sign-ins").expect(200);
    let gathered = laptop.page().entries("4 failed sign-ins");
    assert_eq!(gathered.len(), 1);
    assert!(gathered[0].text.contains("203.0.113.66"));
    let single = laptop.page().entries("Failed sign-in");
    assert_eq!(single.len(), 1);
    assert!(single[0].text.contains("203.0.113.67"));
    assert_eq!(site.count_events(&ada, EventKind::SignInFailed), 2);
    // An hour later it is another line.
    site.advance(HOUR);
    drop(stranger.try_to_sign_in(&ada.email, "a wrong guess", Choices::default()));
    assert_eq!(site.count_events(&ada, EventKind::SignInFailed), 3);
    // What was tried is nowhere.
    assert_eq!(
        site.count_rows("SELECT count(*) FROM events WHERE detail LIKE '%guess%'"),
        0
    );
}

fn dev_06_the_last_sign_in_is_shown(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut phone = site.browser().calling_itself(UserAgent::SafariOnIphone);
    phone.sign_in(&ada);
    assert!(!phone.page().says("Last sign-in"));
    site.advance(DAY);
    for _ in 0..3 {
        let mut stranger = site.browser();
        drop(stranger.try_to_sign_in(&ada.email, "a wrong guess", Choices::default()));
    }
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    assert!(
        laptop
            .page()
            .says("Last sign-in: yesterday, Safari on iPhone")
    );
    // Of three addresses, three lines; each counts.
    assert!(
        laptop.page().says("3 failed sign-ins since then."),
        "{}",
        laptop.page().text
    );
    site.advance(HOUR);
    let mut tablet = site.browser();
    tablet.sign_in(&ada);
    assert!(
        tablet
            .page()
            .says("Last sign-in: 1 hour ago, Firefox on Windows")
    );
    assert!(!tablet.page().says("failed"));
}

fn dev_07_this_was_not_me_ends_it_and_leads_to_the_password(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let (mut laptop, mut thief) = (
        site.browser(),
        site.browser()
            .calling_itself(UserAgent::ChromeOnLinux)
            .at("203.0.113.66"),
    );
    thief.sign_in(&ada);
    laptop.sign_in(&ada);
    laptop.open("/account/history").expect(200);
    let entry = laptop.page().entries("Chrome on Linux")[0].clone();
    let link = laptop.page().links_in(&entry)[0].clone();
    assert!(link.words.starts_with("This wasn't me"));
    laptop.click(&link.words).expect(200);
    assert!(laptop.page().says("with Chrome on Linux, 203.0.113.66"));
    assert!(laptop.page().says("That session is logged out at once."));
    laptop
        .press("Log it out and change my password")
        .expect(200);
    assert_eq!(laptop.path(), "/account/security");
    assert!(laptop.page().says("Please change your password now"));
    thief.open("/account/profile").expect(200);
    assert!(thief.page().says("this session was reported as not yours"));
    // Its browser is a stranger's again, and the history keeps the report.
    assert_eq!(
        site.sessions_of(&ada)[0].cause(),
        Some(Cause::ReportedByUser)
    );
    assert_eq!(site.count_events(&ada, EventKind::ReportedByUser), 1);
    assert_eq!(site.count_rows("SELECT count(*) FROM known_browsers"), 1);
    laptop.open("/account/history").expect(200);
    assert_eq!(laptop.page().entries("Reported as not yours").len(), 2);
    // From the list it is the same.
    thief.sign_in(&ada);
    laptop.open("/account/sessions").expect(200);
    let card = laptop.page().card("Chrome on Linux");
    laptop.press_in(&card, "This wasn't me").expect(200);
    laptop
        .press("Log it out and change my password")
        .expect(200);
    assert!(!thief.is_signed_in());
}

fn dev_07_it_is_asked_for_with_a_proof(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let (mut laptop, mut thief) = (site.browser(), site.browser());
    thief.sign_in(&ada);
    laptop.sign_in(&ada);
    site.advance(MINUTE * 10);
    let path = format!("/account/sessions/{}/not-me", thief.session_id());
    laptop.open(&path).expect(200);
    laptop.fill("Your password", "not my password");
    laptop
        .press("Log it out and change my password")
        .expect(422);
    assert!(thief.is_signed_in());
    assert_eq!(site.count_events(&ada, EventKind::ReportedByUser), 0);
    laptop.fill("Your password", PASSWORD);
    laptop
        .press("Log it out and change my password")
        .expect(200);
    assert_eq!(laptop.path(), "/account/security");
    assert!(!thief.is_signed_in() && laptop.is_signed_in());
}

fn dev_07_a_session_that_is_over_can_be_reported_too(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let (mut laptop, mut thief) = (site.browser(), site.browser());
    thief.sign_in(&ada);
    let path = format!("/account/sessions/{}/not-me", thief.session_id());
    thief.log_out();
    site.advance(HOUR);
    laptop.sign_in(&ada);
    laptop.open(&path).expect(200);
    assert!(laptop.page().says("That session has ended already."));
    laptop.press("Report it and change my password").expect(200);
    assert_eq!(laptop.path(), "/account/security");
    // What ended it stays what it was.
    assert_eq!(site.sessions_of(&ada)[0].cause(), Some(Cause::LoggedOut));
    assert_eq!(site.count_events(&ada, EventKind::ReportedByUser), 1);
    // Its browser is not known any more: strangers' failures slow it.
    for _ in 0..5 {
        let mut stranger = site.browser();
        drop(stranger.try_to_sign_in(&ada.email, "a wrong guess", Choices::default()));
    }
    let answer = thief.try_to_sign_in(&ada.email, PASSWORD, Choices::default());
    assert_eq!(answer.status.as_u16(), 429);
}

fn dev_07_ones_own_session_cannot_be_reported(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    for path in ["/account/history", "/account/sessions"] {
        laptop.open(path).expect(200);
        assert!(!laptop.page().says("This wasn't me"));
    }
    let csrf = laptop.page().form("Log out").value("csrf").to_owned();
    let path = format!("/account/sessions/{}/not-me", laptop.session_id());
    let ask = laptop.ask("POST", &path).by_own_page();
    drop(
        ask.form(&format!("csrf={csrf}"))
            .send()
            .expect_error("one's own"),
    );
    assert!(laptop.is_signed_in());
    assert_eq!(site.count_events(&ada, EventKind::ReportedByUser), 0);
}

fn the_history_has_filters_and_pages(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    site.begin_sessions(&ada, 70);
    site.log_out_everybody(None, "a drill");
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    for (words, count) in [("Sign-ins", 71), ("Endings", 70), ("All", 142)] {
        laptop.open("/account/history").expect(200);
        laptop.click(words).expect(200);
        let mut seen = 0;
        let mut pages = 0;
        loop {
            seen += laptop.page().entries("just now").len();
            pages += 1;
            if laptop.page().find_link("Older").is_none() {
                break;
            }
            laptop.click("Older").expect(200);
        }
        assert_eq!(seen, count, "{words}");
        assert_eq!(pages, count.div_ceil(30));
        laptop.click("Newer").expect(200);
    }
}

fn ones_history_is_ones_own(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let grace = site.add_person("Grace Hopper", "grace@brightwater.example");
    let (mut hers, mut laptop) = (
        site.browser().calling_itself(UserAgent::SafariOnIphone),
        site.browser(),
    );
    hers.sign_in(&grace);
    laptop.sign_in(&ada);
    laptop.open("/account/history").expect(200);
    assert!(!laptop.page().says("Safari on iPhone"));
    let answer = laptop.api("GET", "/api/v1/history", None).expect(200);
    assert!(!answer.text().contains(&hers.session_id()));
}
