//! Administrators manage the groups of their organization by API, and nobody else does;
//! what they change counts for the next request of a protected app (POL-02, POL-03).

use nightlatch_domain::ids::GroupId;
use nightlatch_domain::relying_party::protection::Entrance;
use nightlatch_domain::user::Role;
use nightlatch_storage::groups::{self, Group};
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Browser, PASSWORD, Site, TestDatabase};
use nightlatch_web::routes;
use serde_json::{Value, json};

use crate::MINUTE;
use crate::organization_apps::administrator;
use crate::protected::enter;

on_both_databases!(
    pol_03_each_call_on_groups_is_for_administrators_of_the_very_organization,
    groups_are_made_filled_and_removed_by_api,
    who_is_taken_out_of_a_group_is_refused_at_the_next_request,
    what_changes_a_group_takes_a_fresh_proof,
    groups_and_members_come_in_pages,
);

const GROUPS: &str = "/api/v1/organization/groups";

fn make(browser: &mut Browser<'_>, name: &str) -> String {
    let body = json!({ "name": name });
    let made = browser.api("POST", GROUPS, Some(&body)).expect(201).json();
    assert_eq!(made["name"], name);
    made["id"].as_str().expect("an id").to_owned()
}

fn join(browser: &mut Browser<'_>, group: &str, email: &str) -> Value {
    let (path, body) = (
        format!("{GROUPS}/{group}/members"),
        json!({ "email": email }),
    );
    browser.api("POST", &path, Some(&body)).expect(201).json()
}

fn problem(kind: &str) -> Value {
    json!(format!("urn:nightlatch:problem:{kind}"))
}

fn pol_03_each_call_on_groups_is_for_administrators_of_the_very_organization(which: TestDatabase) {
    let site = Site::new(which);
    let elsewhere = site.add_organization("Elsewhere");
    let mut ours = administrator(&site, "grace@brightwater.example");
    let ada = site.add_ada();
    let eve = site.add_to(
        elsewhere,
        "Eve",
        "eve@elsewhere.example",
        Role::Administrator,
    );
    let team = make(&mut ours, "Team");
    join(&mut ours, &team, &ada.email);
    let (mut visitor, mut member, mut foreigner) = (site.browser(), site.browser(), site.browser());
    member.sign_in(&ada);
    foreigner.sign_in(&eve);

    let calls: Vec<_> = routes::list()
        .into_iter()
        .filter(|route| route.path.starts_with(GROUPS))
        .collect();
    assert_eq!(calls.len(), 6, "a call without a row in this table");
    for route in &calls {
        let path = route
            .path
            .replace("{id}", &team)
            .replace("{user}", &ada.id.to_string());
        let body = match (route.method, route.path) {
            ("POST", GROUPS) => Some(json!({ "name": "Theirs" })),
            ("POST", _) => Some(json!({ "email": eve.email })),
            _ => None,
        };
        let what = format!("{} {path}", route.method);
        let call = |browser: &mut Browser<'_>| browser.api(route.method, &path, body.as_ref());
        let answer = call(&mut visitor);
        assert_eq!(answer.status, 401, "{what} by a visitor");
        let answer = call(&mut member);
        assert_eq!(answer.status, 403, "{what} by a member");
        assert_eq!(
            answer.json()["type"],
            problem("administrators-only"),
            "{what}"
        );
        let answer = call(&mut foreigner);
        match (route.method, route.path) {
            ("GET", GROUPS) => {
                let nothing = json!({ "groups": [], "next": null });
                assert_eq!(answer.expect(200).json(), nothing, "{what}");
            }
            // In an organization of their own, which has nothing of ours.
            ("POST", GROUPS) => assert_eq!(answer.status, 201, "{what}"),
            _ => {
                assert_eq!(answer.status, 404, "{what} by a foreign administrator");
                assert_eq!(answer.json()["type"], problem("no-such-group"), "{what}");
            }
        }
    }
    let one = format!("{GROUPS}/{team}/members");
    let members = ours.api("GET", &one, None).expect(200).json();
    assert_eq!(members["members"][0]["email"], ada.email);
    assert_eq!(members["members"].as_array().map(Vec::len), Some(1));
    let list = ours.api("GET", GROUPS, None).expect(200).json();
    assert_eq!(list["groups"].as_array().map(Vec::len), Some(1));
    // Nor is anybody of another organization taken in, or told apart from nobody.
    for email in [eve.email.as_str(), "nobody@brightwater.example"] {
        let body = json!({ "email": email });
        let answer = ours.api("POST", &one, Some(&body)).expect(400).json();
        assert_eq!(answer["type"], problem("no-such-user"), "{email}");
    }
    let theirs = format!("{GROUPS}/{team}/members/{}", eve.id);
    let answer = ours.api("DELETE", &theirs, None).expect(404).json();
    assert_eq!(answer["type"], problem("no-such-member"));
}

fn groups_are_made_filled_and_removed_by_api(which: TestDatabase) {
    let site = Site::new(which);
    let mut grace = administrator(&site, "grace@brightwater.example");
    let ada = site.add_ada();
    let team = make(&mut grace, "Back office");
    for (name, kind) in [("BACK OFFICE", "name-taken"), ("", "name")] {
        let body = json!({ "name": name });
        let answer = grace.api("POST", GROUPS, Some(&body)).expect(400).json();
        assert_eq!(answer["type"], problem(kind), "{name}");
    }
    let unknown = json!({ "name": "Other", "members": [] });
    drop(grace.api("POST", GROUPS, Some(&unknown)).expect(400));

    let joined = join(&mut grace, &team, "ADA@brightwater.example");
    let wanted = json!({ "id": ada.id.to_string(), "email": ada.email, "name": ada.name });
    assert_eq!(joined, wanted);
    let members = format!("{GROUPS}/{team}/members");
    let again = json!({ "email": ada.email });
    let answer = grace.api("POST", &members, Some(&again)).expect(400).json();
    assert_eq!(answer["type"], problem("member-already"));
    let listed = grace.api("GET", &members, None).expect(200).json();
    assert_eq!(listed, json!({ "members": [wanted], "next": null }));

    let one = format!("{members}/{}", ada.id);
    let answer = grace.api("DELETE", &one, None).expect(200).json();
    assert_eq!(answer, json!({ "id": ada.id.to_string() }));
    let answer = grace.api("DELETE", &one, None).expect(404).json();
    assert_eq!(answer["type"], problem("no-such-member"));
    join(&mut grace, &team, &ada.email);
    let group = format!("{GROUPS}/{team}");
    let answer = grace.api("DELETE", &group, None).expect(200).json();
    assert_eq!(answer, json!({ "id": team }));
    let answer = grace.api("DELETE", &group, None).expect(404).json();
    assert_eq!(answer["type"], problem("no-such-group"));
    drop(grace.api("GET", &members, None).expect(404));
    let by_her =
        "SELECT count(*) FROM events WHERE kind LIKE 'group_%' AND actor_kind = 'administrator'";
    assert_eq!(site.count_rows(by_her), 5);
    let joined = "SELECT count(*) FROM events WHERE kind = 'group_member_added'";
    assert_eq!(site.count_rows(joined), 2);
}

fn who_is_taken_out_of_a_group_is_refused_at_the_next_request(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let mut grace = administrator(&site, "grace@brightwater.example");
    let team = make(&mut grace, "Team");
    join(&mut grace, &team, &ada.email);
    let group: GroupId = team.parse().expect("an id");
    let wiki = site.protect_app("Wiki", |rule| {
        rule.entrance = Entrance::Named {
            users: Vec::new(),
            groups: vec![group],
        };
    });
    let mut guest = site.guest(&wiki);
    enter(&mut guest, &ada, "/");
    // From memory too, where there is one.
    assert!(guest.is_in() && guest.is_in());
    let one = format!("{GROUPS}/{team}/members/{}", ada.id);
    drop(grace.api("DELETE", &one, None).expect(200));
    assert!(!guest.is_in());
    assert!(guest.at_home.is_signed_in());
    join(&mut grace, &team, &ada.email);
    assert!(guest.is_in() && guest.is_in());
    // A rule that loses what it names lets nobody in, not everybody.
    drop(
        grace
            .api("DELETE", &format!("{GROUPS}/{team}"), None)
            .expect(200),
    );
    assert!(!guest.is_in());
}

fn what_changes_a_group_takes_a_fresh_proof(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut grace = administrator(&site, "grace@brightwater.example");
    let team = make(&mut grace, "Team");
    join(&mut grace, &team, &ada.email);
    site.advance(MINUTE * 11);
    let members = format!("{GROUPS}/{team}/members");
    let sensitive = [
        ("POST", GROUPS.to_owned(), Some(json!({ "name": "Other" }))),
        (
            "POST",
            members.clone(),
            Some(json!({ "email": "grace@brightwater.example" })),
        ),
        ("DELETE", format!("{members}/{}", ada.id), None),
        ("DELETE", format!("{GROUPS}/{team}"), None),
    ];
    for (method, path, body) in &sensitive {
        let answer = grace.api(method, path, body.as_ref()).expect(403).json();
        assert_eq!(answer["type"], problem("proof-needed"), "{method} {path}");
    }
    // Looking takes none, and finds everything as it was.
    let listed = grace.api("GET", GROUPS, None).expect(200).json();
    assert_eq!(listed["groups"].as_array().map(Vec::len), Some(1));
    let listed = grace.api("GET", &members, None).expect(200).json();
    assert_eq!(listed["members"][0]["email"], ada.email);
    assert_eq!(listed["members"].as_array().map(Vec::len), Some(1));
    let proof = json!({ "password": PASSWORD });
    drop(grace.api("POST", "/api/v1/proof", Some(&proof)).expect(200));
    for (method, path, body) in &sensitive {
        let answer = grace.api(method, path, body.as_ref());
        assert!(
            answer.status.is_success(),
            "{method} {path}: {}",
            answer.text()
        );
    }
}

fn groups_and_members_come_in_pages(which: TestDatabase) {
    let site = Site::new(which);
    let mut grace = administrator(&site, "grace@brightwater.example");
    let team = make(&mut grace, "The team");
    let group: GroupId = team.parse().expect("an id");
    let organization = site.organization();
    let people: Vec<_> = (0..60)
        .map(|number| {
            site.add_person("Somebody", &format!("p{number}@brightwater.example"))
                .id
        })
        .collect();
    let (moment, members) = (site.moment(), people.clone());
    site.write(move |tx| {
        for number in 0..60 {
            let group = Group {
                id: GroupId::random(moment.random.as_ref()),
                organization_id: organization,
                name: format!("Group {number:02}"),
                created_at: moment.now,
            };
            groups::add(tx, &group)?;
        }
        for member in &members {
            groups::add_member(tx, group, *member)?;
        }
        Ok(())
    });
    let mut read = |path: &str, list: &str| {
        let first = grace.api("GET", path, None).expect(200).json();
        let next = first["next"].as_str().expect("more").to_owned();
        let rest = format!("{path}?after={next}");
        let second = grace.api("GET", &rest, None).expect(200).json();
        assert_eq!(second["next"], Value::Null);
        let of = |page: &Value| page[list].as_array().expect("a list").clone();
        let (first, second) = (of(&first), of(&second));
        assert_eq!(first.len(), 50);
        [first, second].concat()
    };
    let names: Vec<Value> = read(GROUPS, "groups")
        .iter()
        .map(|group| group["name"].clone())
        .collect();
    let mut wanted: Vec<String> = (0..60).map(|number| format!("Group {number:02}")).collect();
    wanted.push("The team".to_owned());
    assert_eq!(json!(names), json!(wanted));
    let mut found: Vec<String> = read(&format!("{GROUPS}/{team}/members"), "members")
        .iter()
        .map(|member| member["id"].as_str().expect("an id").to_owned())
        .collect();
    found.sort();
    let mut wanted: Vec<String> = people.iter().map(ToString::to_string).collect();
    wanted.sort();
    assert_eq!(found, wanted);
    for wrong in [
        format!("{GROUPS}?after=nothing"),
        format!("{GROUPS}?after={}", people[0]),
    ] {
        drop(grace.api("GET", &wrong, None).expect(400));
    }
}
