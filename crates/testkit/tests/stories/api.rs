//! The same abilities for programs (`/api/v1`).

use nightlatch_domain::ending::Cause;
use nightlatch_domain::event::EventKind;
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{
    Account, Browser, PASSWORD, PasskeyDevice, Site, TestDatabase, UserAgent,
};
use serde_json::{Value, json};

use crate::MINUTE;

on_both_databases!(
    the_profile_is_read_and_changed,
    the_sessions_are_those_of_the_page,
    one_session_is_ended,
    the_session_of_the_call_is_ended,
    selected_sessions_are_ended,
    all_others_are_ended_and_the_cookie_is_renewed,
    all_sessions_are_ended,
    a_session_of_somebody_else_is_reported,
    a_report_that_takes_second_steps_away_takes_one,
    others_need_a_proof_that_is_given_by_a_call,
    the_history_is_read_in_pages,
    a_reason_is_what_somebody_gave_for_an_ending_and_nothing_else,
    problems_are_documents,
    the_description_is_public_and_names_every_call,
);

fn two(site: &Site) -> (Account, Browser<'_>, Browser<'_>) {
    let ada = site.add_ada();
    let mut phone = site.browser().calling_itself(UserAgent::SafariOnIphone);
    phone.sign_in(&ada);
    let mut program = site.browser();
    program.sign_in(&ada);
    (ada, program, phone)
}

fn the_profile_is_read_and_changed(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut program, mut phone) = two(&site);
    let profile = program
        .api("GET", "/api/v1/profile", None)
        .expect(200)
        .json();
    let expected = json!({
        "id": ada.id.to_string(),
        "name": "Ada Lovelace",
        "email": "ada@brightwater.example",
        "pending_email": null,
        "organization": "Brightwater Trading",
        "role": "member",
        "appearance": "system",
    });
    assert_eq!(profile, expected);
    let change = json!({ "name": " Ada King ", "appearance": "dark" });
    let changed = program
        .api("PATCH", "/api/v1/profile", Some(&change))
        .expect(200)
        .json();
    assert_eq!(changed["name"], "Ada King");
    phone.open("/account/profile").expect(200);
    assert_eq!(phone.page().form("Save name").value("Name"), "Ada King");
    assert!(phone.open("/").text().contains("data-theme=\"dark\""));
    for (change, problem) in [
        (json!({ "name": "" }), "urn:nightlatch:problem:name"),
        (
            json!({ "appearance": "pink" }),
            "urn:nightlatch:problem:appearance",
        ),
        (
            json!({ "role": "administrator" }),
            "urn:nightlatch:problem:unreadable-body",
        ),
        (
            json!({ "email": "x@y.example" }),
            "urn:nightlatch:problem:unreadable-body",
        ),
    ] {
        let answer = program.api("PATCH", "/api/v1/profile", Some(&change));
        assert_eq!(answer.expect(400).json()["type"], problem);
    }
    drop(
        program
            .api("PATCH", "/api/v1/profile", Some(&json!({})))
            .expect(200),
    );
}

fn the_sessions_are_those_of_the_page(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut program, phone) = two(&site);
    let answer = program
        .api("GET", "/api/v1/sessions", None)
        .expect(200)
        .json();
    let sessions = answer["sessions"].as_array().expect("a list");
    assert_eq!(sessions.len(), 2);
    let current: Vec<&Value> = sessions
        .iter()
        .filter(|one| one["current"] == true)
        .collect();
    assert_eq!(current.len(), 1);
    assert_eq!(current[0]["id"], program.session_id());
    let other = sessions
        .iter()
        .find(|one| one["current"] == false)
        .expect("the phone");
    let row = phone.session_row().expect("a session");
    assert_eq!(other["id"], phone.session_id());
    assert_eq!(other["browser"], "Safari on iPhone");
    assert_eq!(other["kind"], "ordinary");
    assert_eq!(other["created_at"], row.created_at.to_rfc3339());
    assert_eq!(other["idle_deadline"], row.idle_deadline.to_rfc3339());
    assert_eq!(other["overall_deadline"], row.overall_deadline.to_rfc3339());
    assert_eq!(other["proofs"][0]["method"], "password");
    // Nothing in it is a credential (SES-03).
    for cookie in [phone.session_cookie(), program.session_cookie()] {
        assert!(!answer.to_string().contains(cookie.expect("a cookie")));
    }
}

fn one_session_is_ended(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut program, mut phone) = two(&site);
    let path = format!("/api/v1/sessions/{}", phone.session_id());
    let done = program.api("DELETE", &path, None).expect(200).json();
    assert_eq!(
        (&done["sessions"], &done["this_one_too"]),
        (&json!(1), &json!(false))
    );
    assert!(!phone.is_signed_in() && program.is_signed_in());
    // Once.
    let again = program.api("DELETE", &path, None).expect(404).json();
    assert_eq!(again["type"], "urn:nightlatch:problem:no-such-session");
}

fn the_session_of_the_call_is_ended(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut program, mut phone) = two(&site);
    let path = format!("/api/v1/sessions/{}", program.session_id());
    let answer = program.api("DELETE", &path, None).expect(200);
    assert_eq!(answer.json()["this_one_too"], true);
    assert!(
        answer
            .cookie("__Host-nightlatch")
            .expect("removal")
            .ends_with("Max-Age=0")
    );
    assert!(!program.is_signed_in() && phone.is_signed_in());
    drop(program.api("GET", "/api/v1/profile", None).expect(401));
}

fn selected_sessions_are_ended(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut program, mut phone) = two(&site);
    let mut tablet = site.browser();
    tablet.sign_in(&ada);
    let path = "/api/v1/sessions/log-out-selected";
    let unknown = "00000000-0000-4000-8000-000000000000";
    let ids = json!({ "ids": [phone.session_id(), unknown, phone.session_id()] });
    let done = program.api("POST", path, Some(&ids)).expect(200).json();
    assert_eq!(done["sessions"], 1);
    assert!(!phone.is_signed_in() && tablet.is_signed_in());
    drop(program.api("POST", path, Some(&ids)).expect(404));
    let none = program
        .api("POST", path, Some(&json!({ "ids": [] })))
        .expect(400)
        .json();
    assert_eq!(none["type"], "urn:nightlatch:problem:ids");
    drop(
        program
            .api("POST", path, Some(&json!({ "ids": ["x"] })))
            .expect(400),
    );
    drop(
        program
            .api("POST", path, Some(&json!({ "ids": [unknown] })))
            .expect(404),
    );
}

fn all_others_are_ended_and_the_cookie_is_renewed(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut program, mut phone) = two(&site);
    let old = program.steal_cookies();
    let answer = program
        .api("POST", "/api/v1/sessions/log-out-others", None)
        .expect(200);
    let done = answer.json();
    assert_eq!(
        (&done["sessions"], &done["complete"]),
        (&json!(1), &json!(true))
    );
    assert_ne!(program.session_cookie(), old.get("__Host-nightlatch"));
    assert!(program.is_signed_in() && !phone.is_signed_in());
    assert!(!site.browser().with_cookies(old).is_signed_in());
}

fn all_sessions_are_ended(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut program, mut phone) = two(&site);
    let done = program
        .api("POST", "/api/v1/sessions/log-out-all", None)
        .expect(200)
        .json();
    assert_eq!(
        (&done["sessions"], &done["this_one_too"]),
        (&json!(2), &json!(true))
    );
    assert!(!program.is_signed_in() && !phone.is_signed_in());
    assert_eq!(program.session_cookie(), None);
    let causes = site.causes_of(&ada);
    assert_eq!(causes, [Some(Cause::LoggedOutEverywhere); 2]);
}

fn not_me(id: &str) -> String {
    format!("/api/v1/sessions/{id}/not-me")
}

fn a_session_of_somebody_else_is_reported(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut program, mut thief) = two(&site);
    let mut key = PasskeyDevice::security_key(&site.origin());
    thief.add_passkey(&mut key, "Spare key");
    drop(program.sign_in_with_passkey(&mut key).expect(200));
    let session = thief.session_id();
    site.advance(MINUTE * 10);
    let refused = program.api("POST", &not_me(&session), None).expect(403);
    assert_eq!(
        refused.json()["type"],
        "urn:nightlatch:problem:proof-needed"
    );
    drop(program.prove_with_passkey_of(&mut key).expect(200));
    let done = program
        .api("POST", &not_me(&session), None)
        .expect(200)
        .json();
    assert_eq!(
        (&done["sessions"], &done["this_one_too"]),
        (&json!(1), &json!(false))
    );
    assert_eq!(done["removed"], json!(["Passkey “Spare key”"]));
    assert!(!thief.is_signed_in() && program.is_signed_in());
    assert_eq!(site.count_rows("SELECT count(*) FROM passkeys"), 0);
    assert_eq!(site.count_events(&ada, EventKind::ReportedByUser), 1);
    // One's own session is not somebody else's, nor is one of another person.
    let grace = site.add_person("Grace Hopper", "grace@brightwater.example");
    let mut other = site.browser();
    other.sign_in(&grace);
    for id in [program.session_id(), other.session_id(), "x".to_owned()] {
        let missing = program.api("POST", &not_me(&id), None).expect(404).json();
        assert_eq!(missing["type"], "urn:nightlatch:problem:no-such-session");
    }
    assert!(program.is_signed_in() && other.is_signed_in());
}

/// Otherwise a password would be enough to call the owner's own app an intruder's (MFA-04).
fn a_report_that_takes_second_steps_away_takes_one(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let phone = laptop.set_up_app();
    let mut thief = site.browser().calling_itself(UserAgent::ChromeOnLinux);
    thief.sign_in_with_code(&ada, &phone);
    site.advance(MINUTE * 11);
    let path = not_me(&laptop.session_id());
    let password = json!({ "password": PASSWORD });
    drop(
        thief
            .api("POST", "/api/v1/proof", Some(&password))
            .expect(200),
    );
    let refused = thief.api("POST", &path, None).expect(403).json();
    assert_eq!(refused["type"], "urn:nightlatch:problem:proof-needed");
    assert!(
        refused["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("by a second factor"))
    );
    assert!(laptop.is_signed_in());
    let code = json!({ "code": phone.next_code(&site) });
    drop(thief.api("POST", "/api/v1/proof", Some(&code)).expect(200));
    drop(thief.api("POST", &path, None).expect(200));
    assert!(!laptop.is_signed_in());
}

fn others_need_a_proof_that_is_given_by_a_call(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut program, mut phone) = two(&site);
    site.advance(MINUTE * 10);
    let ids = json!({ "ids": [phone.session_id()] });
    let path = format!("/api/v1/sessions/{}", phone.session_id());
    for (method, path, body) in [
        ("DELETE", path.as_str(), None),
        ("POST", "/api/v1/sessions/log-out-selected", Some(&ids)),
        ("POST", "/api/v1/sessions/log-out-others", None),
        ("POST", "/api/v1/sessions/log-out-all", None),
    ] {
        let refused = program.api(method, path, body).expect(403).json();
        assert_eq!(
            refused["type"], "urn:nightlatch:problem:proof-needed",
            "{path}"
        );
    }
    let wrong = program.api(
        "POST",
        "/api/v1/proof",
        Some(&json!({ "password": "wrong" })),
    );
    assert_eq!(
        wrong.expect(403).json()["type"],
        "urn:nightlatch:problem:proof-refused"
    );
    let old = program.steal_cookies();
    let proof = json!({ "password": PASSWORD });
    let given = program
        .api("POST", "/api/v1/proof", Some(&proof))
        .expect(200)
        .json();
    assert_eq!(given["at"], site.now().to_rfc3339());
    assert!(!site.browser().with_cookies(old).is_signed_in());
    drop(program.api("DELETE", &path, None).expect(200));
    assert!(!phone.is_signed_in());
}

fn the_history_is_read_in_pages(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    site.begin_sessions(&ada, 120);
    let mut program = site.browser();
    program.sign_in(&ada);
    let mut ids = Vec::new();
    let mut after = String::new();
    loop {
        let path = format!("/api/v1/history?show=sign-ins{after}");
        let page = program.api("GET", &path, None).expect(200).json();
        let entries = page["entries"].as_array().expect("a list");
        assert!(entries.len() <= 50);
        ids.extend(
            entries
                .iter()
                .map(|entry| entry["id"].as_str().expect("an id").to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(ids.len(), 121);
    let different: std::collections::HashSet<_> = ids.iter().collect();
    assert_eq!(different.len(), 121);
    let newest = program
        .api("GET", "/api/v1/history", None)
        .expect(200)
        .json();
    assert_eq!(newest["entries"][0]["session"], program.session_id());
    assert_eq!(newest["entries"][0]["browser"], "Firefox on Windows");
}

fn a_reason_is_what_somebody_gave_for_an_ending_and_nothing_else(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut browser = site.browser();
    browser.sign_in(&ada);
    // A line with a detail of another kind.
    browser.open("/account/sessions").expect(200);
    browser.fill("Your name for it", "Kitchen laptop");
    browser.press("Save name").expect(200);
    site.log_out_everybody(None, "a drill");
    browser.sign_in(&ada);
    let history = browser
        .api("GET", "/api/v1/history", None)
        .expect(200)
        .json();
    let entries = history["entries"].as_array().expect("a list");
    assert!(entries.iter().any(|entry| entry["kind"] == "browser_named"));
    for entry in entries {
        if entry["kind"] == "session_ended" {
            assert_eq!(entry["reason"], "a drill");
        } else {
            assert!(entry["reason"].is_null(), "{entry}");
        }
    }
}

fn problems_are_documents(which: TestDatabase) {
    let site = Site::new(which);
    let mut nobody = site.browser();
    for (method, path, status) in [
        ("GET", "/api/v1/profile", 401),
        ("GET", "/api/v1/sessions", 401),
        ("POST", "/api/v1/proof", 401),
        ("GET", "/api/v1/nothing", 404),
        ("PUT", "/api/v1/profile", 401),
        ("POST", "/session/stay", 401),
    ] {
        let answer = nobody.api(method, path, None).expect(status);
        assert_eq!(answer.media_type(), "application/problem+json");
        let problem = answer.json();
        assert_eq!(problem["status"], status);
        for member in ["type", "title", "detail", "reference"] {
            assert!(problem[member].is_string(), "{path}: {problem}");
        }
        if status == 401 {
            assert_eq!(problem["type"], "urn:nightlatch:problem:not-signed-in");
        }
    }
}

fn the_description_is_public_and_names_every_call(which: TestDatabase) {
    let site = Site::new(which);
    let document = site
        .browser()
        .api("GET", "/api/v1/openapi.json", None)
        .expect(200)
        .json();
    assert!(
        document["openapi"]
            .as_str()
            .is_some_and(|version| version.starts_with("3.1"))
    );
    let calls: usize = document["paths"]
        .as_object()
        .expect("paths")
        .values()
        .map(|path| path.as_object().expect("methods").len())
        .sum();
    let listed = nightlatch_web::routes::list();
    let listed = listed
        .iter()
        .filter(|route| route.path.starts_with("/api/v1/"));
    assert_eq!(calls, listed.count() - 1);
}
