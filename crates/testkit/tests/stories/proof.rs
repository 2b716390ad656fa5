//! Proving again who one is, before others are logged out (DEV-03, F5, SES-05).

use nightlatch_domain::ending::Cause;
use nightlatch_domain::event::EventKind;
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Account, Browser, PASSWORD, Site, TestDatabase, UserAgent};

use crate::{DAY, MINUTE, SECOND};

on_both_databases!(
    dev_03_a_proof_of_ten_minutes_is_asked_for_others,
    a_wrong_proof_is_refused_and_the_right_one_goes_on_to_exactly_that_act,
    wrong_proofs_are_one_line_in_the_history,
    a_selection_with_this_browser_counts_whole,
    a_selection_names_each_once_and_not_too_many,
    other_devices_are_told_that_all_others_were_logged_out,
    the_proof_goes_on_to_the_chosen_ones,
    the_proof_goes_on_to_all_others,
    the_proof_goes_on_to_all_sessions,
    ses_05_a_proof_replaces_the_token,
    ses_10_a_proof_moves_both_deadlines,
    f5_ending_ones_own_never_asks,
    f5_a_thief_cannot_throw_the_owner_out,
    wrong_proofs_are_slowed_and_stop_in_this_session_only,
    a_proof_for_nothing_of_ones_own_keeps_one_signed_in,
    a_proof_overtaken_by_an_ending_is_not_accepted,
);

fn two(site: &Site) -> (Account, Browser<'_>, Browser<'_>) {
    let ada = site.add_ada();
    let mut phone = site.browser().calling_itself(UserAgent::SafariOnIphone);
    phone.sign_in(&ada);
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    (ada, laptop, phone)
}

fn dev_03_a_proof_of_ten_minutes_is_asked_for_others(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut laptop, mut phone) = two(&site);
    site.wait_until(site.now().plus(MINUTE * 10).minus(SECOND));
    laptop.open("/account/sessions/log-out-others").expect(200);
    assert!(
        laptop
            .page()
            .form("Log out all other sessions")
            .find("Your password")
            .is_none()
    );
    site.advance(SECOND);
    laptop.open("/account/sessions/log-out-others").expect(200);
    assert!(
        laptop
            .page()
            .form("Log out all other sessions")
            .find("Your password")
            .is_some()
    );
    // Leaving the field out of the form does not leave the proof out.
    let mut form = laptop.page().form("Log out all other sessions").clone();
    form.fields.retain(|field| field.name != "password");
    assert!(
        laptop
            .submit(&form)
            .expect(200)
            .page()
            .says("please confirm it's you")
    );
    form.fields.retain(|field| field.name != "username");
    laptop.submit(&form).expect(200);
    assert!(phone.is_signed_in());
    // An empty one is asked for in words.
    laptop.open("/account/sessions/log-out-others").expect(200);
    let answer = laptop.press_once("Log out all other sessions").expect(422);
    assert!(answer.page().says("Please enter your password."));
    assert!(phone.is_signed_in());
}

fn a_wrong_proof_is_refused_and_the_right_one_goes_on_to_exactly_that_act(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop, mut phone) = two(&site);
    let mut tablet = site.browser();
    tablet.sign_in(&ada);
    site.advance(MINUTE * 11);
    laptop.open("/account/sessions").expect(200);
    let card = laptop.page().card("Safari on iPhone");
    laptop
        .press_in(&card, "Log out Safari on iPhone")
        .expect(200);
    assert_eq!(laptop.page().heading, "Confirm it's you");
    assert!(laptop.page().says("This logs out Safari on iPhone."));
    laptop.fill("Your password", "not the password at all");
    laptop.press_form("Log out", "Your password").expect(422);
    assert!(laptop.page().says("That is not your password."));
    assert!(phone.is_signed_in());
    laptop.fill("Your password", PASSWORD);
    laptop.press_form("Log out", "Your password").expect(200);
    assert_eq!(laptop.path(), "/account/sessions");
    assert!(laptop.page().says("One session was logged out."));
    assert!(!phone.is_signed_in() && tablet.is_signed_in() && laptop.is_signed_in());
    // The proof is fresh now; the next act does not ask.
    let card = laptop.page().cards()[1].clone();
    laptop.press_in(&card, "Log out Firefox").expect(200);
    assert!(!tablet.is_signed_in());
    assert_eq!(site.count_events(&ada, EventKind::ProofGiven), 1);
}

fn wrong_proofs_are_one_line_in_the_history(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop, mut phone) = two(&site);
    let wrong = serde_json::json!({ "password": "a wrong guess" });
    for _ in 0..2 {
        drop(phone.api("POST", "/api/v1/proof", Some(&wrong)).expect(403));
    }
    phone
        .change_password("a wrong guess", "nine kettles under a wooden bridge")
        .expect(422);
    laptop.open("/account/history").expect(200);
    assert!(
        laptop
            .page()
            .says("3 wrong answers when we asked who you are")
    );
    assert_eq!(site.count_events(&ada, EventKind::ProofFailed), 1);
    // Another session has a line of its own.
    drop(
        laptop
            .api("POST", "/api/v1/proof", Some(&wrong))
            .expect(403),
    );
    assert_eq!(site.count_events(&ada, EventKind::ProofFailed), 2);
}

fn a_selection_with_this_browser_counts_whole(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop, phone) = two(&site);
    let mut tablet = site.browser();
    tablet.sign_in(&ada);
    laptop.open("/account/sessions").expect(200);
    let mut form = laptop.page().form("Log out selected").clone();
    for id in [laptop.session_id(), phone.session_id(), tablet.session_id()] {
        form.pick("session", &id);
    }
    let answer = laptop.submit(&form).expect_redirect("/signed-out");
    laptop.follow(answer).expect(200);
    assert!(laptop.page().says("You logged out in this browser."));
    assert!(
        laptop.page().says("Ended 3 sessions in 3 browsers"),
        "{}",
        laptop.page().text
    );
}

fn a_selection_names_each_once_and_not_too_many(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut laptop, mut phone) = two(&site);
    let csrf = laptop.page().form("Log out").value("csrf").to_owned();
    let other = phone.session_id();
    let unknown = |number: usize| format!("{}{number:04x}", &other[..other.len() - 4]);
    let many: Vec<String> = (0..1001).map(unknown).collect();
    let body = serde_json::json!({ "ids": many });
    let path = "/api/v1/sessions/log-out-selected";
    let refused = laptop.api("POST", path, Some(&body)).expect(400).json();
    assert_eq!(refused["type"], "urn:nightlatch:problem:ids");
    let fields: Vec<String> = many.iter().map(|id| format!("&session={id}")).collect();
    let ask = laptop.ask("POST", "/account/sessions/log-out-selected");
    let body = format!("csrf={csrf}{}", fields.concat());
    let answer = ask.by_own_page().form(&body).send().expect(422);
    assert!(
        answer
            .page()
            .says("Please choose at most 1000 sessions at once.")
    );
    let body = serde_json::json!({ "ids": vec![other.clone(); 1001] });
    let done = laptop.api("POST", path, Some(&body)).expect(200).json();
    assert_eq!(done["sessions"], 1);
    assert!(!phone.is_signed_in() && laptop.is_signed_in());
}

fn other_devices_are_told_that_all_others_were_logged_out(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop, mut phone) = two(&site);
    laptop.open("/account/sessions/log-out-others").expect(200);
    laptop.press("Log out all other sessions").expect(200);
    phone.open("/").expect(200);
    let words = "On another device, you logged out of all other sessions.";
    assert!(phone.page().says(words), "{}", phone.page().text);
    let causes = site.causes_of(&ada);
    assert!(causes.contains(&Some(Cause::LoggedOutOfOthers)) && causes.contains(&None));
}

fn the_proof_goes_on_to_the_chosen_ones(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop, mut phone) = two(&site);
    let (mut tablet, mut work) = (site.browser(), site.browser());
    tablet.sign_in(&ada);
    work.sign_in(&ada);
    site.advance(MINUTE * 11);
    laptop.open("/account/sessions").expect(200);
    let mut form = laptop.page().form("Log out selected").clone();
    form.pick("session", &phone.session_id());
    form.pick("session", &tablet.session_id());
    laptop.submit(&form).expect(200);
    assert!(laptop.page().says("the 2 sessions that you chose"));
    laptop.fill("Your password", PASSWORD);
    laptop.press_form("Log out", "Your password").expect(200);
    assert!(laptop.page().says("2 sessions were logged out."));
    assert!(!phone.is_signed_in() && !tablet.is_signed_in());
    assert!(work.is_signed_in() && laptop.is_signed_in());
}

fn the_proof_goes_on_to_all_others(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut laptop, mut phone) = two(&site);
    site.advance(MINUTE * 11);
    laptop.open("/account/sessions/log-out-others").expect(200);
    laptop.fill("Your password", PASSWORD);
    laptop.press("Log out all other sessions").expect(200);
    assert!(laptop.is_signed_in() && !phone.is_signed_in());
}

fn the_proof_goes_on_to_all_sessions(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut laptop, mut phone) = two(&site);
    site.advance(MINUTE * 11);
    laptop.open("/account/sessions/log-out-all").expect(200);
    laptop.fill("Your password", PASSWORD);
    laptop.press("Log out of all sessions").expect(200);
    assert_eq!(laptop.page().heading, "You are logged out");
    assert!(!laptop.is_signed_in() && !phone.is_signed_in());
    assert_eq!(laptop.session_cookie(), None);
}

fn ses_05_a_proof_replaces_the_token(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut laptop, phone) = two(&site);
    site.advance(MINUTE * 11);
    let old = laptop.steal_cookies();
    let id = laptop.session_id();
    laptop.open("/account/sessions").expect(200);
    let mut form = laptop.page().form("Log out selected").clone();
    form.pick("session", &phone.session_id());
    laptop.submit(&form).expect(200);
    laptop.fill("Your password", PASSWORD);
    laptop.press_form("Log out", "Your password").expect(200);
    assert_ne!(laptop.session_cookie(), old.get("__Host-nightlatch"));
    assert_eq!(laptop.session_id(), id);
    let mut thief = site.browser().with_cookies(old);
    assert!(!thief.is_signed_in() && laptop.is_signed_in());
}

fn ses_10_a_proof_moves_both_deadlines(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut laptop, _) = two(&site);
    let before = laptop.session_row().expect("a session");
    site.advance(DAY / 2);
    let answer = laptop.api(
        "POST",
        "/api/v1/proof",
        Some(&serde_json::json!({ "password": PASSWORD })),
    );
    drop(answer.expect(200));
    let after = laptop.session_row().expect("a session");
    assert_eq!(
        after.overall_deadline,
        before.overall_deadline.plus(DAY / 2)
    );
    assert_eq!(after.idle_deadline, before.idle_deadline.plus(DAY / 2));
}

fn f5_ending_ones_own_never_asks(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop, mut phone) = two(&site);
    site.advance(MINUTE * 60);
    phone.open("/account/sessions").expect(200);
    phone
        .press("Log out Safari on iPhone, this browser")
        .expect(200);
    assert!(!phone.is_signed_in());
    // "All sessions" are one's own, if there is no other.
    laptop.open("/account/sessions/log-out-all").expect(200);
    laptop.press("Log out of all sessions").expect(200);
    assert!(!laptop.is_signed_in());
    // By the API too.
    let mut tablet = site.browser();
    tablet.sign_in(&ada);
    site.advance(MINUTE * 60);
    let path = format!("/api/v1/sessions/{}", tablet.session_id());
    let answer = tablet.api("DELETE", &path, None).expect(200);
    assert_eq!(answer.json()["this_one_too"], true);
    assert_eq!(tablet.session_cookie(), None);
}

fn f5_a_thief_cannot_throw_the_owner_out(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut laptop, mut phone) = two(&site);
    let mut thief = site.browser().with_cookies(phone.steal_cookies());
    site.advance(MINUTE * 10);
    for path in [
        "/account/sessions/log-out-all",
        "/account/sessions/log-out-others",
    ] {
        thief.open(path).expect(200);
        thief.fill("Your password", "a guess of the thief");
        let button = thief.page().heading.trim_end_matches('?').to_owned();
        thief.press(&button).expect(422);
    }
    let path = format!("/api/v1/sessions/{}", laptop.session_id());
    let answer = thief.api("DELETE", &path, None).expect(403);
    assert_eq!(answer.json()["type"], "urn:nightlatch:problem:proof-needed");
    assert!(laptop.is_signed_in() && phone.is_signed_in());
    // The owner ends what the thief holds, and the thief learns of it.
    laptop.open("/account/sessions/log-out-others").expect(200);
    laptop.fill("Your password", PASSWORD);
    laptop.press("Log out all other sessions").expect(200);
    assert!(!thief.is_signed_in() && laptop.is_signed_in());
}

fn wrong_proofs_are_slowed_and_stop_in_this_session_only(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop, mut phone) = two(&site);
    site.advance(MINUTE * 11);
    let prove = |browser: &mut Browser<'_>, password: &str| {
        let body = serde_json::json!({ "password": password });
        browser.api("POST", "/api/v1/proof", Some(&body))
    };
    for _ in 0..5 {
        let answer = prove(&mut laptop, "wrong").expect(403);
        assert!(answer.text().contains("That is not your password."));
    }
    // Even the right one has to wait now.
    let answer = prove(&mut laptop, PASSWORD).expect(403);
    assert!(
        answer.text().contains("Please wait 1 second"),
        "{}",
        answer.text()
    );
    // In another session of the same person it does not.
    drop(prove(&mut phone, PASSWORD).expect(200));
    site.advance(SECOND);
    drop(prove(&mut laptop, PASSWORD).expect(200));
    // AUTH-05: a hundred in a row, and no more in this session.
    for _ in 0..100 {
        site.advance(MINUTE);
        drop(prove(&mut laptop, "wrong").expect(403));
    }
    site.advance(MINUTE * 30);
    let answer = prove(&mut laptop, PASSWORD).expect(403);
    assert!(answer.text().contains("Log out and sign in again"));
    assert!(laptop.is_signed_in());
    laptop.log_out();
    laptop.sign_in(&ada);
    drop(prove(&mut laptop, PASSWORD).expect(200));
}

fn a_proof_for_nothing_of_ones_own_keeps_one_signed_in(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut laptop, _) = two(&site);
    site.advance(MINUTE * 11);
    laptop.open("/account/sessions").expect(200);
    let token = laptop.page().form("Log out").value("csrf").to_owned();
    let unknown = "00000000-0000-4000-8000-000000000000";
    let form = serde_urlencoded::to_string([
        ("csrf", token.as_str()),
        ("session", unknown),
        ("password", PASSWORD),
    ]);
    let ask = laptop.ask("POST", "/account/sessions/log-out-selected");
    let answer = ask.by_own_page().form(&form.expect("pairs")).send();
    drop(answer.expect(404));
    assert!(laptop.is_signed_in());
}

fn a_proof_overtaken_by_an_ending_is_not_accepted(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, laptop, mut phone) = two(&site);
    let held = site.hold_passwords();
    std::thread::scope(|scope| {
        let mut proving = laptop.clone();
        let thread = scope.spawn(move || {
            let body = serde_json::json!({ "password": PASSWORD });
            proving.api("POST", "/api/v1/proof", Some(&body))
        });
        site.wait_for_attempts(1);
        phone.open("/account/sessions/log-out-all").expect(200);
        phone.press("Log out of all sessions").expect(200);
        drop(held);
        drop(thread.join().expect("an answer").expect(401));
    });
    assert_eq!(site.open_sessions_of(&ada), 0);
}
