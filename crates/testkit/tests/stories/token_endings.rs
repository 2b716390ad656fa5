//! Whatever ends a session ends what apps hold of it, at once and everywhere (A5,
//! A6, A8, TOK-04).

use nightlatch_domain::ending::{Actor, Cause, Scope};
use nightlatch_domain::relying_party::RelyingPartyStatus;
use nightlatch_flows::log_out::{EndingRequest, end_sessions};
use nightlatch_flows::operator_endings::end_for_operator;
use nightlatch_storage::on_both_databases;
use nightlatch_storage::relying_parties;
use nightlatch_testkit::{
    Account, Browser, PASSWORD, RegisteredApp, Site, TestDatabase, Tokens, with_token,
};

use crate::DAY;

on_both_databases!(
    a6_every_ending_ends_what_apps_hold,
    a8_long_lived_grants_end_with_what_leaves_no_choice,
    a_withdrawn_app_holds_nothing,
    e11_leaving_one_app_leaves_the_others,
);

type End = fn(&Site, &Account, &mut Browser<'_>);

/// What ends Ada's session, and whether her long-lived grants go with it.
const ENDINGS: [(&str, bool, End); 12] = [
    ("log out", false, |_, _, browser| {
        browser.log_out();
    }),
    (
        "log out from another device",
        false,
        |site, ada, browser| {
            let path = format!("/api/v1/sessions/{}", browser.session_id());
            other(site, ada).api("DELETE", &path, None).expect(200);
        },
    ),
    ("log out of all sessions", false, |site, ada, _| {
        let mut other = other(site, ada);
        other
            .api("POST", "/api/v1/sessions/log-out-all", None)
            .expect(200);
    }),
    ("log out all other sessions", false, |site, ada, _| {
        let mut other = other(site, ada);
        other
            .api("POST", "/api/v1/sessions/log-out-others", None)
            .expect(200);
    }),
    ("this wasn't me", true, |site, ada, browser| {
        let mut other = other(site, ada);
        let path = format!("/account/sessions/{}/not-me", browser.session_id());
        other.open(&path).expect(200);
        other.press("Log it out and change my password").expect(200);
    }),
    ("a changed password", true, |site, ada, _| {
        let mut other = other(site, ada);
        other.change_password(PASSWORD, "eleven herons over a silver estuary");
    }),
    ("a password set by the operator", true, |site, ada, _| {
        site.set_password(ada, "eleven herons over a silver estuary");
    }),
    ("being disabled", true, |site, ada, _| {
        site.disable(ada);
    }),
    ("being deleted", true, |site, ada, _| {
        site.delete(ada);
    }),
    ("the organization logged out", true, |site, ada, _| {
        site.log_out_everybody(Some(ada.organization), "a drill");
    }),
    ("everybody logged out", true, |site, _, _| {
        site.log_out_everybody(None, "a drill");
    }),
    ("a day without use", false, |site, _, _| site.advance(DAY)),
];

fn other<'a>(site: &'a Site, ada: &Account) -> Browser<'a> {
    let mut other = site.browser();
    other.sign_in(ada);
    other
}

/// Nobody gets anything for these any more, by any door.
fn are_dead(site: &Site, app: &RegisteredApp, tokens: &Tokens, what: &str) {
    for token in [&tokens.access, &tokens.refresh] {
        assert!(!app.is_active(site, token), "introspection after {what}");
    }
    let who = with_token(site, ("GET", "/oauth2/userinfo"), &tokens.access);
    assert_eq!(who.status.as_u16(), 401, "userinfo after {what}");
    assert!(
        who.header("www-authenticate")
            .is_some_and(|challenge| challenge.contains("error=\"invalid_token\"")),
        "{what}"
    );
    let refreshed = app.refresh(site, &tokens.refresh);
    assert_eq!(refreshed.status.as_u16(), 400, "refresh after {what}");
    assert_eq!(refreshed.json()["error"], "invalid_grant", "{what}");
    let active = with_token(site, ("POST", "/api/v1/activity"), &tokens.access);
    assert_eq!(active.status.as_u16(), 401, "activity after {what}");
}

fn a6_every_ending_ends_what_apps_hold(which: TestDatabase) {
    for (what, _, end) in ENDINGS {
        let site = Site::new(which);
        let ada = site.add_ada();
        let grace = site.add_person("Grace Hopper", "grace@brightwater.example");
        let (mut hers, mut gone) = (site.browser(), site.browser());
        hers.sign_in(&grace);
        gone.sign_in(&ada);
        let crm = site.add_app("CRM", |_| {});
        let tokens = site.enter(&gone, &crm, "openid profile email");
        let bystander = site.enter(&hers, &crm, "openid");
        let code = site.issue_code(&gone, &crm, "openid");
        assert!(crm.is_active(&site, &tokens.access), "before {what}");
        end(&site, &ada, &mut gone);
        are_dead(&site, &crm, &tokens, what);
        let late = crm.exchange(&site, &code);
        assert_eq!(late.status.as_u16(), 400, "a code after {what}");
        let concerns_all = what.contains("everybody") || what.contains("organization");
        let only_hers = !concerns_all && what != "a day without use";
        assert_eq!(crm.is_active(&site, &bystander.access), only_hers, "{what}");
        // A restart brings nothing back (A7).
        site.crash();
        are_dead(&site, &crm, &tokens, what);
    }
}

fn a8_long_lived_grants_end_with_what_leaves_no_choice(which: TestDatabase) {
    for (what, ends_them, end) in ENDINGS {
        let site = Site::new(which);
        let ada = site.add_ada();
        let mut gone = site.browser();
        gone.sign_in(&ada);
        let backup = site.add_app("Backup", |app| app.offline_access = true);
        let tokens = site.enter(&gone, &backup, "openid offline_access");
        end(&site, &ada, &mut gone);
        if ends_them {
            are_dead(&site, &backup, &tokens, what);
        } else {
            let answer = backup.refresh(&site, &tokens.refresh);
            assert_eq!(answer.status.as_u16(), 200, "{what}");
        }
    }
}

fn a_withdrawn_app_holds_nothing(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let crm = site.add_app("CRM", |app| app.offline_access = true);
    let wiki = site.add_app("Wiki", |_| {});
    let bound = site.enter(&laptop, &crm, "openid");
    let long = site.enter(&laptop, &crm, "openid offline_access");
    let code = site.issue_code(&laptop, &crm, "openid");
    let bystander = site.enter(&laptop, &wiki, "openid");
    let (moment, id) = (site.moment(), crm.id);
    site.write(move |tx| end_for_operator(tx, &moment, Scope::Client(id), None));
    are_dead(&site, &crm, &bound, "an ended app");
    are_dead(&site, &crm, &long, "an ended app");
    crm.exchange(&site, &code).expect(400);
    assert!(wiki.is_active(&site, &bystander.access));
    assert!(laptop.is_signed_in());
    // Who comes again gets in again, until the app itself is gone.
    let again = site.enter(&laptop, &crm, "openid");
    let code = site.issue_code(&laptop, &crm, "openid");
    site.write(move |tx| relying_parties::set_status(tx, id, RelyingPartyStatus::Withdrawn));
    let answer = crm.exchange(&site, &code).expect(401);
    assert_eq!(answer.json()["error"], "invalid_client");
    with_token(&site, ("GET", "/oauth2/userinfo"), &again.access).expect(401);
}

fn e11_leaving_one_app_leaves_the_others(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let crm = site.add_app("CRM", |_| {});
    let wiki = site.add_app("Wiki", |_| {});
    let left = site.enter(&laptop, &crm, "openid");
    let stays = site.enter(&laptop, &wiki, "openid");
    let session = laptop.session_row().expect("a session").id;
    let (moment, client) = (site.moment(), crm.id);
    site.write(move |tx| {
        let request = EndingRequest {
            scope: Scope::AppInSession { session, client },
            cause: Cause::LoggedOut,
            actor: Actor::User(ada.id),
            reason: None,
        };
        end_sessions(tx, &moment, &request)
    });
    are_dead(&site, &crm, &left, "leaving the app");
    assert!(wiki.is_active(&site, &stays.access));
    assert!(laptop.is_signed_in());
}
