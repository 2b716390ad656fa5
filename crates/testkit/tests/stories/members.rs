//! Administrators and the people of their organization, at the pages of `/admin`.

use nightlatch_domain::ending::Cause;
use nightlatch_domain::user::{EmailKey, Role, UserStatus};
use nightlatch_storage::{on_both_databases, users};
use nightlatch_testkit::{
    Account, Browser, Choices, PASSWORD, SessionRow, Site, TestDatabase, link_in,
};

use crate::MINUTE;

on_both_databases!(
    people_are_found_and_shown_with_their_sessions,
    e13_one_session_and_all_of_them_are_ended_and_the_person_sees_it,
    disabling_and_deleting_end_everything_and_say_how_much,
    the_act_goes_on_where_a_proof_was_asked_for,
    owners_are_beyond_administrators_and_the_last_one_stays,
    auth_11_a_reset_is_started_and_nobody_sees_a_password,
    auditors_look_and_change_nothing,
    pol_03_people_of_others_are_unknown,
);

fn with_role(site: &Site, role: Role) -> (Account, Browser<'_>) {
    let email = format!("{}@brightwater.example", role.name());
    let account = site.add_to(site.organization(), role.name(), &email, role);
    let mut browser = site.browser();
    browser.sign_in(&account);
    (account, browser)
}

fn at(account: &Account) -> String {
    format!("/admin/people/{}", account.id)
}

fn role_of(site: &Site, account: &Account) -> Role {
    let id = account.id;
    site.read(move |tx| users::get(tx, id)).role
}

fn causes(site: &Site, account: &Account) -> Vec<Option<Cause>> {
    let rows = site.sessions_of(account);
    rows.iter().map(SessionRow::cause).collect()
}

fn people_are_found_and_shown_with_their_sessions(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    drop(site.add_person("Charles Babbage", "charles@brightwater.example"));
    site.browser().sign_in(&ada);
    let (_, mut grace) = with_role(&site, Role::Administrator);
    grace.open("/").expect(200);
    grace.click("Administration").expect(200);
    assert_eq!(grace.path(), "/admin/people");
    grace.fill("Name or e-mail", "love");
    let found = grace.press("Search").expect(200).text();
    assert!(found.contains("Ada Lovelace") && !found.contains("Charles"));
    grace.click("Ada Lovelace").expect(200);
    assert_eq!(grace.path(), at(&ada));
    let page = grace.page();
    assert!(page.says("ada@brightwater.example") && page.says("Password"));
    assert!(page.says("1 session in 1 browser"));
    assert!(page.says("Signed in with a new browser") || page.says("Signed in"));
    grace.open("/admin/people?q=nobody").expect(200);
    assert!(grace.page().says("Nobody found"));
}

fn e13_one_session_and_all_of_them_are_ended_and_the_person_sees_it(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let (mut laptop, mut phone) = (site.browser(), site.browser());
    laptop.sign_in(&ada);
    let (_, mut grace) = with_role(&site, Role::Administrator);
    grace.open(&at(&ada)).expect(200);
    let page = grace.page();
    let of_session = page
        .forms
        .iter()
        .find(|form| form.action.contains("/sessions/"));
    let form = of_session.expect("a form").clone();
    grace.submit(&form).expect(303);
    grace.open(&at(&ada)).expect(200);
    assert_eq!(grace.path(), at(&ada));
    assert!(grace.page().says("One session was logged out"));
    assert!(!laptop.is_signed_in());
    laptop.sign_in(&ada);
    phone.sign_in(&ada);
    grace.open(&at(&ada)).expect(200);
    grace.press("Log out of all sessions").expect(200);
    assert!(grace.page().says("This ends 2 sessions on 2 devices"));
    grace.fill("Reason (optional)", "Lost badge");
    grace.press("Log out of all sessions").expect(200);
    assert!(grace.page().says("2 sessions were logged out"));
    assert!(!laptop.is_signed_in() && !phone.is_signed_in());
    assert!(
        causes(&site, &ada)
            .iter()
            .all(|cause| *cause == Some(Cause::EndedByAdministrator))
    );
    laptop.sign_in(&ada);
    laptop.open("/account/history").expect(200);
    assert!(laptop.page().says("Lost badge") && laptop.page().says("An administrator"));
}

fn disabling_and_deleting_end_everything_and_say_how_much(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let (_, mut grace) = with_role(&site, Role::Administrator);
    grace.open(&format!("{}/disable", at(&ada))).expect(200);
    assert!(grace.page().says("This ends 1 session on 1 device"));
    grace.press("Disable account").expect(200);
    assert!(grace.page().says("Their one session was logged out"));
    assert!(!laptop.is_signed_in());
    assert_eq!(causes(&site, &ada), [Some(Cause::UserDisabled)]);
    let refused = laptop.try_to_sign_in(&ada.email, PASSWORD, Choices::default());
    assert_ne!(refused.status.as_u16(), 303);
    grace.press("Enable account").expect(200);
    grace.press("Enable account").expect(200);
    laptop.sign_in(&ada);
    grace.open(&format!("{}/delete", at(&ada))).expect(200);
    grace.press("Delete account").expect(200);
    assert_eq!(grace.path(), "/admin/people");
    assert!(!laptop.is_signed_in());
    grace.open(&at(&ada)).expect(404);
    let key = EmailKey::of_typed(&ada.email);
    assert!(
        site.read(move |tx| users::find_by_email(tx, &key))
            .is_none()
    );
}

fn the_act_goes_on_where_a_proof_was_asked_for(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let (_, mut grace) = with_role(&site, Role::Administrator);
    site.advance(MINUTE * 11);
    grace
        .open(&format!("{}/role?role=auditor", at(&ada)))
        .expect(200);
    grace.fill("Your password", "wrong");
    grace.press("Change role").expect(422);
    assert_eq!(role_of(&site, &ada), Role::Member);
    grace.fill("Your password", PASSWORD);
    grace.press("Change role").expect(200);
    assert_eq!(grace.path(), at(&ada));
    assert_eq!(role_of(&site, &ada), Role::Auditor);
    assert!(grace.page().says("member to auditor"));
}

fn owners_are_beyond_administrators_and_the_last_one_stays(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let (owner, mut owners) = with_role(&site, Role::Owner);
    let (_, mut grace) = with_role(&site, Role::Administrator);
    let refused = |browser: &mut Browser<'_>, path: String, button: &str, words: &str| {
        browser.open(&path).expect(200);
        browser.press(button).expect(403);
        assert!(browser.page().says(words), "{path}");
    };
    for (act, button) in [
        ("disable", "Disable account"),
        ("delete", "Delete account"),
        ("log-out-all", "Log out of all sessions"),
        ("role?role=member", "Change role"),
    ] {
        refused(
            &mut grace,
            format!("{}/{act}", at(&owner)),
            button,
            "Only an owner",
        );
    }
    let make = format!("{}/role?role=owner", at(&ada));
    refused(&mut grace, make.clone(), "Change role", "Only an owner");
    assert_eq!(role_of(&site, &ada), Role::Member);
    let demote = format!("{}/role?role=member", at(&owner));
    refused(&mut owners, demote.clone(), "Change role", "only owner");
    owners.open(&make).expect(200);
    owners.press("Change role").expect(200);
    assert_eq!(role_of(&site, &ada), Role::Owner);
    owners.open(&demote).expect(200);
    owners.press("Change role");
    assert_eq!(role_of(&site, &owner), Role::Member);
    let id = owner.id;
    assert_eq!(
        site.read(move |tx| users::get(tx, id)).status,
        UserStatus::Active
    );
}

fn auth_11_a_reset_is_started_and_nobody_sees_a_password(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let (_, mut grace) = with_role(&site, Role::Administrator);
    grace.open(&format!("{}/reset", at(&ada))).expect(200);
    grace.press("Send link").expect(200);
    assert!(laptop.is_signed_in());
    let started = "SELECT COUNT(*) FROM events WHERE kind = 'password_reset_started'";
    assert_eq!(site.count_rows(started), 1);
    grace
        .open(&format!("{}/new-credentials", at(&ada)))
        .expect(200);
    grace.press("Require a new password").expect(200);
    assert!(grace.page().says("Their one session was logged out"));
    assert!(!laptop.is_signed_in());
    let refused = laptop.try_to_sign_in(&ada.email, PASSWORD, Choices::default());
    assert_ne!(refused.status.as_u16(), 303);
    let letter = site.letters_to(&ada).last().expect("a letter").clone();
    let link = link_in(&letter);
    assert!(!grace.page().says(&link));
    laptop.open(&link).expect(200);
}

fn auditors_look_and_change_nothing(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    site.browser().sign_in(&ada);
    let (_, mut auditor) = with_role(&site, Role::Auditor);
    auditor.open("/admin").expect(200);
    auditor.open(&at(&ada)).expect(200);
    for button in ["Log out of all sessions", "Change role", "Disable account"] {
        assert!(auditor.page().find_form(button).is_none(), "{button}");
    }
    auditor.open(&format!("{}/disable", at(&ada))).expect(403);
    let mut member = site.browser();
    member.sign_in(&ada);
    assert!(
        member
            .open("/")
            .expect(200)
            .page()
            .find_link("Administration")
            .is_none()
    );
    member.open("/admin/people").expect(403);
}

fn pol_03_people_of_others_are_unknown(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let session = laptop.session_id();
    let elsewhere = site.add_organization("Elsewhere");
    let eve = site.add_to(elsewhere, "Eve", "eve@elsewhere.example", Role::Owner);
    let mut browser = site.browser();
    browser.sign_in(&eve);
    browser.open(&at(&ada)).expect(404);
    browser.open("/admin/people?q=ada").expect(200);
    assert!(browser.page().says("Nobody found"));
    // Their own person, and a session of ours.
    let token = {
        let page = browser.open("/account/profile").text();
        let rest = page
            .split_once("name=\"csrf\" value=\"")
            .expect("a form")
            .1
            .to_owned();
        rest.split('"').next().expect("a token").to_owned()
    };
    for person in [&ada, &eve] {
        let path = format!("{}/sessions/{session}/log-out", at(person));
        let form = format!("csrf={token}");
        let answer = browser.ask("POST", &path).by_own_page().form(&form).send();
        assert_eq!(answer.status.as_u16(), 404, "{path}");
    }
    assert!(laptop.is_signed_in());
}
