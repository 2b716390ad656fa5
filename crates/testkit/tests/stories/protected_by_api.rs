//! Administrators say by API what a proxy protects and who may enter; and what is refused
//! at registration (FWD-03, FWD-09, POL-02).

use nightlatch_domain::ending::Actor;
use nightlatch_domain::ids::ClientId;
use nightlatch_domain::relying_party::protection::{Entrance, ProtectedHost, RequiredLevel};
use nightlatch_domain::relying_party::{RegisteredUri, Registration};
use nightlatch_flows::groups::{self, AddOutcome, MemberOutcome};
use nightlatch_storage::{on_both_databases, relying_parties, users};
use nightlatch_testkit::{ProtectedApp, REDIRECT_URI, Site, TestDatabase, Tokens};
use serde_json::{Value, json};

use crate::MINUTE;
use crate::organization_apps::administrator;
use crate::protected::{add_group, enter};

on_both_databases!(
    what_a_proxy_protects_is_written_and_read_by_api,
    who_may_enter_is_named_by_address_and_group,
    fwd_03_a_host_is_of_one_app_and_never_our_own,
    fwd_03_hosts_of_a_shared_server_are_named_by_its_operator,
    who_may_not_enter_any_more_gets_no_new_tokens,
    groups_are_filled_by_the_operator_and_it_is_recorded,
);

const APPS: &str = "/api/v1/organization/apps";

fn registered(site: &Site, answer: &Value) -> ProtectedApp {
    let id: ClientId = answer["client_id"]
        .as_str()
        .and_then(|text| text.parse().ok())
        .expect("an id");
    let app = site
        .read(move |tx| relying_parties::find(tx, id))
        .expect("an app");
    let rule = app.registration.protection.as_ref().expect("protected");
    let host = rule.hosts.first().expect("a host").clone();
    ProtectedApp { app, host }
}

fn what_a_proxy_protects_is_written_and_read_by_api(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let mut grace = administrator(&site, "grace@brightwater.example");
    let body = json!({
        "name": "Wiki",
        "protection": {
            "hosts": ["https://wiki.example.net", "https://WIKI2.example.net:443/"],
            "require_second_factor": true,
            "proof_age_seconds": 600,
            "public_paths": ["/static/"],
            "quiet_paths": ["/poll"],
            "signed_headers": true,
            "cookie_domain": "example.net",
            "this_site_only": false,
        },
    });
    let made = grace.api("POST", APPS, Some(&body)).expect(201).json();
    let rule = &made["app"]["protection"];
    let wanted = json!({
        "hosts": ["https://wiki.example.net", "https://wiki2.example.net"],
        "allow_users": [],
        "allow_groups": [],
        "require_second_factor": true,
        "proof_age_seconds": 600,
        "public_paths": ["/static/"],
        "quiet_paths": ["/poll"],
        "signed_headers": true,
        "cookie_domain": "example.net",
        "this_site_only": false,
    });
    assert_eq!(rule, &wanted);
    // It never comes to us itself, so it gets no secret; and nothing needs telling.
    assert_eq!(made["client_secret"], Value::Null);
    let told = "is asked about at each request and ends with the session: nothing needs telling";
    assert_eq!(made["app"]["told"], told);
    assert_eq!(made["app"]["can_be_told"], true);
    assert_eq!(made["app"]["worst_case_minutes"], 0);
    let stored = registered(&site, &made).app.registration;
    let stored = stored.protection.expect("protected");
    assert_eq!(stored.level, RequiredLevel::SecondFactor);
    assert_eq!(stored.proof_age_seconds, Some(600));
    // It can be sent back as it was read, and changes member by member.
    let path = format!("{APPS}/{}", made["client_id"].as_str().expect("an id"));
    let same = json!({ "protection": rule });
    let again = grace.api("PATCH", &path, Some(&same)).expect(200).json();
    assert_eq!(&again["app"]["protection"], &wanted);
    let less = json!({ "protection": {
        "proof_age_seconds": 0, "cookie_domain": "", "public_paths": [],
    }});
    let answer = grace.api("PATCH", &path, Some(&less)).expect(200).json();
    let rule = &answer["app"]["protection"];
    assert_eq!(rule["proof_age_seconds"], 0);
    assert_eq!(rule["cookie_domain"], "");
    assert_eq!(rule["public_paths"], json!([]));
    assert_eq!(rule["quiet_paths"], json!(["/poll"]));
    // Without its hosts there is nothing left to protect, and nowhere else to enter.
    let none = json!({ "protection": { "hosts": [] } });
    grace.api("PATCH", &path, Some(&none)).expect(400);
    let none = json!({ "protection": { "hosts": [] }, "redirect_uris": [REDIRECT_URI] });
    let secret = format!("{path}/replace-secret");
    drop(grace.api("POST", &secret, None).expect(400));
    let answer = grace.api("PATCH", &path, Some(&none)).expect(200).json();
    assert_eq!(answer["app"]["protection"], Value::Null);
    // Now it comes for tokens, and gets what it proves itself with.
    assert!(answer["client_secret"].is_string());
    assert_eq!(answer["app"]["can_be_told"], false);
    // What is not a setting is no setting.
    for wrong in [
        json!({ "protection": { "host": ["https://a.example.net"] } }),
        json!({ "protection": { "hosts": ["http://a.example.net"] } }),
        json!({ "protection": { "hosts": ["https://a.example.net"], "public_paths": ["/../"] } }),
        json!({ "protection": { "allow_users": ["nobody@example.net"] } }),
    ] {
        drop(grace.api("PATCH", &path, Some(&wrong)).expect(400));
    }
}

fn who_may_enter_is_named_by_address_and_group(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let ben = site.add_person("Ben", "ben@brightwater.example");
    let cleo = site.add_person("Cleo", "cleo@brightwater.example");
    let team = add_group(&site, "Back office", &[&ben]);
    let mut grace = administrator(&site, "grace@brightwater.example");
    let body = json!({ "name": "Wiki", "protection": {
        "hosts": ["https://wiki.example.net"],
        "allow_users": [ada.email.to_uppercase(), ada.email],
        "allow_groups": ["back OFFICE"],
    }});
    let made = grace.api("POST", APPS, Some(&body)).expect(201).json();
    let rule = &made["app"]["protection"];
    assert_eq!(rule["allow_users"], json!([ada.id.to_string()]));
    assert_eq!(rule["allow_groups"], json!([team.id.to_string()]));
    let wiki = registered(&site, &made);
    let (mut hers, mut bens) = (site.guest(&wiki), site.guest(&wiki));
    enter(&mut hers, &ada, "/");
    enter(&mut bens, &ben, "/");
    let mut cleos = site.guest(&wiki);
    cleos.at_home.sign_in(&cleo);
    assert_eq!(cleos.open("/"), None);
    assert!(!cleos.is_in());
    let path = format!("{APPS}/{}", made["client_id"].as_str().expect("an id"));
    let mut change = |rule: Value| {
        let body = json!({ "protection": rule });
        grace.api("PATCH", &path, Some(&body))
    };
    // Read and sent back, it names the same; the next request knows what changed.
    drop(change(rule.clone()).expect(200));
    assert!(hers.is_in() && bens.is_in());
    drop(change(json!({ "allow_users": [] })).expect(200));
    assert!(!hers.is_in() && bens.is_in());
    // An id that the rule does not name opens nothing, whoever's it is.
    let strange = change(json!({ "allow_users": [cleo.id.to_string()] }));
    let sentence = strange.expect(400).json()["detail"].to_string();
    assert!(sentence.contains("no account"), "{sentence}");
    let strange = change(json!({ "allow_groups": ["Elsewhere"] }));
    let sentence = strange.expect(400).json()["detail"].to_string();
    assert!(sentence.contains("no group called Elsewhere"), "{sentence}");
    // With nobody named it is for everybody.
    drop(change(json!({ "allow_groups": [] })).expect(200));
    assert!(hers.is_in() && bens.is_in());
    assert_eq!(cleos.open("/").as_deref(), Some("/"));
    // Nobody of another organization can be named.
    let other = site.add_organization("Elsewhere Ltd");
    let member = nightlatch_domain::user::Role::Member;
    site.add_to(other, "Eve", "eve@elsewhere.example", member);
    let strange = change(json!({ "allow_users": ["eve@elsewhere.example"] }));
    drop(strange.expect(400));
}

fn fwd_03_a_host_is_of_one_app_and_never_our_own(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let mut grace = administrator(&site, "grace@brightwater.example");
    let wiki = site.protect_app("Wiki", |_| ());
    let mut post = |name: &str, host: &str| {
        let body = json!({ "name": name, "protection": { "hosts": [host] } });
        grace.api("POST", APPS, Some(&body))
    };
    for host in [
        "https://wiki.example.net",
        "https://WIKI.example.net:443",
        "https://wiki.example.net/",
    ] {
        let refused = post("Thief", host).expect(400).json();
        assert_eq!(
            refused["type"], "urn:nightlatch:problem:host-taken",
            "{host}"
        );
    }
    for host in [
        "http://localhost:8080",
        "https://localhost:8080",
        "http://LOCALHOST:8080/",
    ] {
        let refused = post("Thief", host).expect(400).json();
        assert_eq!(refused["type"], "urn:nightlatch:problem:registration");
        let sentence = refused["detail"].to_string();
        assert!(sentence.contains("address of this server"), "{sentence}");
    }
    // Nor by a change; and a withdrawn app keeps its host.
    let made = post("Files", "https://files.example.net")
        .expect(201)
        .json();
    let path = format!("{APPS}/{}", made["client_id"].as_str().expect("an id"));
    let (moment, place) = (site.moment(), (site.organization(), wiki.app.id));
    site.write(move |tx| {
        nightlatch_flows::apps::withdraw(tx, &moment, place, Actor::Operator, None).map(|_| ())
    });
    for host in ["https://wiki.example.net", "http://localhost:8080"] {
        let body = json!({ "protection": { "hosts": ["https://files.example.net", host] } });
        drop(grace.api("PATCH", &path, Some(&body)).expect(400));
    }
}

fn fwd_03_hosts_of_a_shared_server_are_named_by_its_operator(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let mut grace = administrator(&site, "grace@brightwater.example");
    let wiki = site.protect_app("Wiki", |_| ());
    site.add_organization("Elsewhere Ltd");
    let body = json!({ "name": "Thief", "protection": {
        "hosts": ["https://guarded.example.net"], "public_paths": ["/"],
    }});
    let refused = grace.api("POST", APPS, Some(&body)).expect(403).json();
    assert_eq!(refused["type"], "urn:nightlatch:problem:operator-only");
    let path = format!("{APPS}/{}", wiki.app.id);
    let more = json!({ "protection": {
        "hosts": ["https://wiki.example.net", "https://guarded.example.net"],
    }});
    drop(grace.api("PATCH", &path, Some(&more)).expect(403));
    // What is protected there, and for whom, stays theirs.
    let rule = json!({ "protection": {
        "hosts": ["https://wiki.example.net"], "public_paths": ["/static/"],
    }});
    drop(grace.api("PATCH", &path, Some(&rule)).expect(200));
}

fn who_may_not_enter_any_more_gets_no_new_tokens(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let team = add_group(&site, "Team", &[&ada]);
    let host = ProtectedHost::parse("https://crm.example.com").expect("a host");
    let app = site.add_app("CRM", |app| {
        *app = Registration {
            redirect_uris: vec![RegisteredUri::parse(REDIRECT_URI).expect("an address")],
            protection: Some(nightlatch_domain::relying_party::protection::Protection {
                hosts: vec![host],
                entrance: Entrance::Named {
                    users: Vec::new(),
                    groups: vec![team.id],
                },
                ..Default::default()
            }),
            ..Registration::default()
        };
    });
    let mut browser = site.browser();
    browser.sign_in(&ada);
    let tokens = site.enter(&browser, &app, "openid");
    let tokens = Tokens::of(&app.refresh(&site, &tokens.refresh));
    let late = site.issue_code(&browser, &app, "openid");
    let moment = site.moment();
    let id = ada.id;
    let group = team.clone();
    site.write(move |tx| {
        groups::remove_member(tx, &moment, (&group, id), Actor::Operator).map(|_| ())
    });
    // Neither by a refresh nor by a code that was on its way.
    let refused = app
        .refresh(&site, &tokens.refresh)
        .expect_error("invalid_grant");
    assert_eq!(refused.status, 400);
    app.exchange(&site, &late).expect_error("invalid_grant");
    site.advance(MINUTE * 5);
    assert!(!app.is_active(&site, &tokens.access));
    // Taken in again, they go on: nothing was ended.
    let moment = site.moment();
    site.write(move |tx| {
        let user = users::get(tx, id)?;
        groups::add_member(tx, &moment, (&team, &user), Actor::Operator).map(|_| ())
    });
    drop(Tokens::of(&app.refresh(&site, &tokens.refresh)));
}

fn groups_are_filled_by_the_operator_and_it_is_recorded(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let (moment, organization) = (site.moment(), site.organization());
    let made =
        site.write(move |tx| groups::add(tx, &moment, organization, "Team", Actor::Operator));
    let AddOutcome::Added(team) = made else {
        panic!("not made");
    };
    let moment = site.moment();
    let again =
        site.write(move |tx| groups::add(tx, &moment, organization, "TEAM", Actor::Operator));
    assert_eq!(again, AddOutcome::NameTaken);
    let wiki = site.protect_app("Wiki", |rule| {
        rule.entrance = Entrance::Named {
            users: Vec::new(),
            groups: vec![team.id],
        };
    });
    let (id, group) = (ada.id, team.clone());
    let join = move |site: &Site| {
        let (moment, group) = (site.moment(), group.clone());
        site.write(move |tx| {
            let user = users::get(tx, id)?;
            groups::add_member(tx, &moment, (&group, &user), Actor::Operator)
        })
    };
    assert_eq!(join(&site), MemberOutcome::Done);
    assert_eq!(join(&site), MemberOutcome::AsBefore);
    let other = site.add_organization("Elsewhere Ltd");
    let member = nightlatch_domain::user::Role::Member;
    let eve = site.add_to(other, "Eve", "eve@elsewhere.example", member);
    let (moment, group, stranger) = (site.moment(), team.clone(), eve.id);
    let refused = site.write(move |tx| {
        let user = users::get(tx, stranger)?;
        groups::add_member(tx, &moment, (&group, &user), Actor::Operator)
    });
    assert_eq!(refused, MemberOutcome::Stranger);
    let mut guest = site.guest(&wiki);
    enter(&mut guest, &ada, "/");
    // Without the group nobody is let in, and not everybody.
    let (moment, group) = (site.moment(), team.clone());
    site.write(move |tx| groups::remove(tx, &moment, &group, Actor::Operator));
    assert!(!guest.is_in());
    assert_eq!(guest.open("/"), None);
    for statement in [
        "SELECT count(*) FROM events WHERE kind = 'group_added'",
        "SELECT count(*) FROM events WHERE kind = 'group_member_added'",
        "SELECT count(*) FROM events WHERE kind = 'group_removed'",
    ] {
        assert_eq!(site.count_rows(statement), 1, "{statement}");
    }
}
