//! Administrators manage the apps of their organization by API, and nobody else does.

use nightlatch_domain::ids::{ClientId, NoticeId, OrganizationId};
use nightlatch_domain::notice::NoticeState;
use nightlatch_domain::relying_party::RelyingParty;
use nightlatch_domain::user::Role;
use nightlatch_flows::administration::{self, Administered, Demand};
use nightlatch_storage::{on_both_databases, relying_parties};
use nightlatch_testkit::{Account, Browser, PASSWORD, Site, TestDatabase};
use nightlatch_web::routes;
use serde_json::{Value, json};

use crate::MINUTE;

on_both_databases!(
    pol_03_each_call_is_for_administrators_of_the_very_organization,
    the_role_and_the_session_are_asked_for_inside_of_the_transaction,
    an_app_is_registered_and_its_secret_shown_once,
    an_app_is_changed_member_by_member,
    what_is_wrong_is_said_and_registers_nothing,
    what_changes_an_app_takes_a_fresh_proof,
    an_app_is_withdrawn_told_and_restored,
    the_list_comes_in_pages_by_name,
    bcl_08_the_network_of_a_shared_server_is_the_operators,
    the_examples_of_the_documentation_work,
);

const APPS: &str = "/api/v1/organization/apps";

pub(crate) fn administrator<'a>(site: &'a Site, email: &str) -> Browser<'a> {
    let account = site.add_administrator("Grace Hopper", email);
    let mut browser = site.browser();
    browser.sign_in(&account);
    browser
}

fn problem(kind: &str) -> Value {
    json!(format!("urn:nightlatch:problem:{kind}"))
}

fn orders() -> Value {
    json!({
        "name": "Orders",
        "redirect_uris": ["https://orders.example.com/callback"],
        "backchannel_logout_uris": ["https://orders.example.com/logged-out"],
    })
}

/// Registers an app; returns its client id.
fn register(browser: &mut Browser<'_>, body: &Value) -> String {
    let made = browser.api("POST", APPS, Some(body)).expect(201).json();
    made["client_id"].as_str().expect("an id").to_owned()
}

fn stored(site: &Site, id: &str) -> RelyingParty {
    let id: ClientId = id.parse().expect("an id");
    site.read(move |tx| relying_parties::find(tx, id))
        .expect("an app")
}

fn count(site: &Site, organization: OrganizationId) -> usize {
    site.read(move |tx| relying_parties::list_of_organization(tx, organization, None, 100))
        .len()
}

#[expect(clippy::too_many_lines, reason = "one table: each call by each person")]
fn pol_03_each_call_is_for_administrators_of_the_very_organization(which: TestDatabase) {
    let site = Site::new(which);
    let elsewhere = site.add_organization("Elsewhere");
    let mut ours = administrator(&site, "grace@brightwater.example");
    let member = site.add_ada();
    let foreign = site.add_to(
        elsewhere,
        "Eve",
        "eve@elsewhere.example",
        Role::Administrator,
    );
    let id = register(&mut ours, &orders());
    let notice = undelivered(&site, &id, &member);
    let before = stored(&site, &id);

    let calls: Vec<_> = routes::list()
        .into_iter()
        .filter(|route| route.path.starts_with("/api/v1/organization/"))
        // These have a table of their own.
        .filter(|route| !route.path.starts_with("/api/v1/organization/groups"))
        .collect();
    assert_eq!(calls.len(), 11, "a call without a row in this table");
    let (mut visitor, mut members, mut foreigner) =
        (site.browser(), site.browser(), site.browser());
    members.sign_in(&member);
    foreigner.sign_in(&foreign);
    for route in &calls {
        let path = route
            .path
            .replace("{id}", &id)
            .replace("{notice}", &notice.to_string());
        let body = match (route.method, route.path) {
            ("POST", APPS) => Some(json!({
                "name": "Theirs", "redirect_uris": ["https://theirs.example.com/callback"],
            })),
            ("PATCH", _) => Some(json!({ "name": "Stolen" })),
            (_, path) if path.ends_with("/withdraw") => Some(json!({})),
            _ => None,
        };
        let what = format!("{} {path}", route.method);
        let call = |browser: &mut Browser<'_>| {
            let answer = browser.api(route.method, &path, body.as_ref());
            (answer.status.as_u16(), answer)
        };
        let (status, answer) = call(&mut visitor);
        assert_eq!(status, 401, "{what} by a visitor");
        assert_eq!(answer.json()["type"], problem("not-signed-in"), "{what}");
        let (status, answer) = call(&mut members);
        assert_eq!(status, 403, "{what} by a member");
        assert_eq!(
            answer.json()["type"],
            problem("administrators-only"),
            "{what}"
        );
        let (status, answer) = call(&mut foreigner);
        match (route.method, route.path) {
            ("GET", APPS) => {
                assert_eq!(status, 200, "{what}");
                assert_eq!(answer.json(), json!({ "apps": [], "next": null }));
            }
            // In an organization of their own, which has nothing of ours.
            ("POST", APPS) => assert_eq!(status, 201, "{what}"),
            _ => {
                assert_eq!(
                    status, 404,
                    "{what} by another organization's administrator"
                );
                assert_eq!(answer.json()["type"], problem("no-such-app"), "{what}");
            }
        }
        if route.path == APPS && route.method == "POST" {
            let own = foreigner.api("GET", APPS, None).expect(200).json();
            let own = own["apps"][0]["client_id"]
                .as_str()
                .expect("an id")
                .to_owned();
            assert_eq!(stored(&site, &own).organization_id, elsewhere);
            site.write(move |tx| {
                let id = own.parse().expect("an id");
                let mut app = relying_parties::find(tx, id)?.expect("an app");
                "Zzz".clone_into(&mut app.name);
                relying_parties::update(tx, &app)
            });
        }
    }
    // Nothing of ours has changed.
    let after = stored(&site, &id);
    assert_eq!(after.name, before.name);
    assert_eq!(after.registration, before.registration);
    assert_eq!((after.secret, after.status), (before.secret, before.status));
    assert_eq!(count(&site, site.organization()), 1);
    assert_eq!(state(&site, notice), NoticeState::Failed);

    // Ours may do each of them.
    for (method, path, body, status) in [
        ("GET", APPS.to_owned(), None, 200),
        ("GET", format!("{APPS}/{id}"), None, 200),
        ("PATCH", format!("{APPS}/{id}"), Some(json!({})), 200),
        ("POST", format!("{APPS}/{id}/replace-secret"), None, 200),
        ("GET", format!("{APPS}/{id}/notices"), None, 200),
        (
            "POST",
            format!("{APPS}/{id}/notices/{notice}/resend"),
            None,
            200,
        ),
        ("POST", format!("{APPS}/{id}/notices/resend"), None, 200),
        (
            "POST",
            format!("{APPS}/{id}/withdraw"),
            Some(json!({})),
            200,
        ),
        ("POST", format!("{APPS}/{id}/restore"), None, 200),
    ] {
        let answer = ours.api(method, &path, body.as_ref());
        assert_eq!(
            answer.status.as_u16(),
            status,
            "{method} {path}: {}",
            answer.text()
        );
    }
}

/// A logout of the person that the app refused for good.
fn undelivered(site: &Site, id: &str, whose: &Account) -> NoticeId {
    crate::organization_app_notices::refused_notice(site, id, whose)
}

fn state(site: &Site, notice: NoticeId) -> NoticeState {
    let found = site.read(move |tx| nightlatch_storage::notices::find(tx, notice));
    found.expect("a notice").state
}

fn the_role_and_the_session_are_asked_for_inside_of_the_transaction(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut member) = (site.add_ada(), site.browser());
    member.sign_in(&ada);
    let mut grace = administrator(&site, "grace@brightwater.example");
    let ask = |browser: &Browser<'_>, demand| {
        let (moment, session) = (site.moment(), browser.session_id().parse().expect("an id"));
        site.read(move |tx| {
            administration::act(tx, &moment, session, demand, |_, administrator| {
                Ok(administrator.organization)
            })
        })
    };
    assert!(matches!(
        ask(&member, Demand::READ),
        Administered::NotAllowed
    ));
    assert!(
        matches!(ask(&grace, Demand::PROVED), Administered::Done(id) if id == site.organization())
    );
    site.advance(MINUTE * 11);
    assert!(matches!(
        ask(&grace, Demand::PROVED),
        Administered::ProofNeeded
    ));
    assert!(matches!(ask(&grace, Demand::READ), Administered::Done(_)));
    let before = grace.clone();
    grace.log_out();
    assert!(matches!(
        ask(&before, Demand::READ),
        Administered::SessionOver
    ));
}

fn an_app_is_registered_and_its_secret_shown_once(which: TestDatabase) {
    let site = Site::new(which);
    let mut grace = administrator(&site, "grace@brightwater.example");
    let made = grace.api("POST", APPS, Some(&orders())).expect(201).json();
    let secret = made["client_secret"].as_str().expect("a secret").to_owned();
    let id = made["client_id"].as_str().expect("an id").to_owned();
    assert_eq!(secret.len(), 43);
    assert_eq!(made["app"]["told"], "is told of logouts");
    assert_eq!(made["app"]["can_be_told"], true);
    let path = format!("{APPS}/{id}");
    for path in [APPS, &path] {
        let text = grace.api("GET", path, None).expect(200).text();
        assert!(!text.contains(&secret), "{path}");
    }
    let again = grace.api("POST", &format!("{path}/replace-secret"), None);
    let again = again.expect(200).json();
    assert_ne!(again["client_secret"], secret);
    // All of it stands in the trail, with who it was.
    let organization = site.organization();
    let kinds = ["app_registered", "app_secret_replaced"];
    let rows = crate::organization_app_notices::trail(&site, organization);
    for kind in kinds {
        let row = rows.iter().find(|(found, ..)| found == kind).expect(kind);
        assert_eq!(row.1, "administrator", "{kind}");
        assert_eq!(row.2, format!("Orders ({id})"), "{kind}");
    }
    // Another of the name is refused, and a public app gets none.
    let twice = grace.api("POST", APPS, Some(&orders()));
    assert_eq!(twice.expect(400).json()["type"], problem("name-taken"));
    let native = json!({
        "name": "Native", "authentication": "none", "redirect_uris": ["com.example.native:/cb"],
    });
    let native = grace.api("POST", APPS, Some(&native)).expect(201).json();
    assert_eq!(native["client_secret"], Value::Null);
    let path = format!(
        "{APPS}/{}/replace-secret",
        native["client_id"].as_str().expect("an id")
    );
    drop(grace.api("POST", &path, None).expect(400));
}

fn an_app_is_changed_member_by_member(which: TestDatabase) {
    let site = Site::new(which);
    let mut grace = administrator(&site, "grace@brightwater.example");
    let path = format!("{APPS}/{}", register(&mut grace, &orders()));
    let mut change = |body: Value| grace.api("PATCH", &path, Some(&body)).expect(200).json();
    let changed = change(json!({ "access_token_seconds": 120, "first_party": true }));
    assert_eq!(changed["client_secret"], Value::Null);
    let app = &changed["app"];
    assert_eq!(app["first_party"], true);
    assert_eq!(
        app["redirect_uris"],
        json!(["https://orders.example.com/callback"])
    );
    // C10: what cannot be told says for how long it may go on.
    let app = &change(json!({ "backchannel_logout_uris": [], "worst_case_minutes": 45 }))["app"];
    assert_eq!(app["can_be_told"], false);
    assert_eq!(app["worst_case_minutes"], 45);
    assert_eq!(
        app["told"],
        "cannot be told of logouts; may go on for 45 minutes"
    );
    let app = &change(json!({ "access_token_seconds": 3600, "worst_case_minutes": 1 }))["app"];
    assert_eq!(
        app["worst_case_minutes"], 60,
        "never less than its tokens last"
    );
    // From a secret to keys and back: the secret is another one.
    let keys = json!({ "keys": [{ "kty": "EC", "crv": "P-256", "x": "x", "y": "y" }] });
    let signing = change(json!({ "jwks": keys }));
    assert_eq!(signing["app"]["authentication"], "private_key_jwt");
    assert_eq!(signing["app"]["jwks"], keys);
    let back = change(json!({ "authentication": "secret" }));
    assert!(back["client_secret"].is_string());
}

fn what_is_wrong_is_said_and_registers_nothing(which: TestDatabase) {
    let site = Site::new(which);
    let mut grace = administrator(&site, "grace@brightwater.example");
    let good = "https://orders.example.com/callback";
    for (body, kind, words) in [
        (
            json!({ "redirect_uris": [good] }),
            "registration",
            "1 to 80 characters",
        ),
        (
            json!({ "name": "X" }),
            "registration",
            "at least one redirect address",
        ),
        (
            json!({ "name": "X", "redirect_uris": ["http://orders.example.com/"] }),
            "registration",
            "must begin with https://",
        ),
        (
            json!({ "name": "X", "redirect_uris": [good], "authentication": "private_key_jwt" }),
            "registration",
            "`jwks`",
        ),
        (
            json!({ "name": "X", "redirect_uris": [good], "jwks": { "keys": [{ "d": "x" }] } }),
            "registration",
            "private key",
        ),
        (
            json!({ "name": "X", "redirect_uris": [good], "ca_certificates": "x" }),
            "registration",
            "PEM",
        ),
        (
            json!({ "name": "X", "secret": "mine" }),
            "unreadable-body",
            "line 1",
        ),
    ] {
        let answer = grace.api("POST", APPS, Some(&body)).expect(400).json();
        assert_eq!(answer["type"], problem(kind), "{body}");
        let said = answer["detail"].as_str().unwrap_or_default();
        assert!(said.contains(words), "{body}: {said}");
    }
    assert_eq!(count(&site, site.organization()), 0);
    let odd = grace.api("GET", &format!("{APPS}?after=x"), None);
    assert_eq!(odd.expect(400).json()["type"], problem("after"));
}

fn what_changes_an_app_takes_a_fresh_proof(which: TestDatabase) {
    let site = Site::new(which);
    let mut grace = administrator(&site, "grace@brightwater.example");
    let id = register(&mut grace, &orders());
    site.advance(MINUTE * 11);
    let one = format!("{APPS}/{id}");
    let sensitive = [
        (
            "POST",
            APPS.to_owned(),
            Some(json!({ "name": "X", "redirect_uris": ["https://x.example/cb"] })),
        ),
        ("PATCH", one.clone(), Some(json!({ "name": "Y" }))),
        ("POST", format!("{one}/replace-secret"), None),
        ("POST", format!("{one}/withdraw"), Some(json!({}))),
        ("POST", format!("{one}/restore"), None),
    ];
    let before = stored(&site, &id);
    for (method, path, body) in &sensitive {
        let answer = grace.api(method, path, body.as_ref()).expect(403).json();
        assert_eq!(answer["type"], problem("proof-needed"), "{method} {path}");
    }
    let after = stored(&site, &id);
    assert_eq!(
        (&after.name, after.secret, after.status),
        (&before.name, before.secret, before.status)
    );
    assert_eq!(count(&site, site.organization()), 1);
    // Looking takes none.
    for path in [APPS.to_owned(), one.clone(), format!("{one}/notices")] {
        drop(grace.api("GET", &path, None).expect(200));
    }
    let proof = json!({ "password": PASSWORD });
    drop(grace.api("POST", "/api/v1/proof", Some(&proof)).expect(200));
    drop(
        grace
            .api("PATCH", &one, Some(&json!({ "name": "Y" })))
            .expect(200),
    );
    assert_eq!(stored(&site, &id).name, "Y");
}

fn an_app_is_withdrawn_told_and_restored(which: TestDatabase) {
    let site = Site::new(which);
    let mut grace = administrator(&site, "grace@brightwater.example");
    let (ada, mut laptop) = (site.add_ada(), site.browser());
    laptop.sign_in(&ada);
    let id = register(&mut grace, &orders());
    crate::organization_app_notices::enter(&site, &laptop, &id);
    let path = format!("{APPS}/{id}");
    let reason = json!({ "reason": "replaced by another" });
    let done = grace.api("POST", &format!("{path}/withdraw"), Some(&reason));
    let done = done.expect(200).json();
    assert_eq!(done["complete"], true);
    assert!(laptop.is_signed_in(), "the sessions of people go on");
    let notices = grace
        .api("GET", &format!("{path}/notices"), None)
        .expect(200)
        .json();
    assert_eq!(notices["waiting"], 1);
    assert_eq!(notices["oldest_waiting"]["ending"], done["ending"]);
    let shown = grace.api("GET", &path, None).expect(200).json();
    assert_eq!(shown["status"], "withdrawn");
    let twice = grace.api("POST", &format!("{path}/withdraw"), Some(&reason));
    assert_eq!(
        twice.expect(400).json()["type"],
        problem("withdrawn-before")
    );
    let restored = grace.api("POST", &format!("{path}/restore"), None);
    assert_eq!(restored.expect(200).json()["status"], "active");
    let twice = grace.api("POST", &format!("{path}/restore"), None);
    assert_eq!(twice.expect(400).json()["type"], problem("not-withdrawn"));
}

fn the_list_comes_in_pages_by_name(which: TestDatabase) {
    let site = Site::new(which);
    let mut grace = administrator(&site, "grace@brightwater.example");
    for number in 0..101 {
        nightlatch_testkit::RelyingPartyClient::register(
            &site,
            &format!("App {number:03}"),
            |_| {},
        );
    }
    let (mut names, mut after, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = grace
            .api("GET", &format!("{APPS}{after}"), None)
            .expect(200)
            .json();
        pages += 1;
        let apps = page["apps"].as_array().expect("a list");
        assert!(apps.len() <= 50);
        names.extend(
            apps.iter()
                .map(|app| app["name"].as_str().unwrap_or_default().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => after = format!("?after={next}"),
            None => break,
        }
    }
    let all: Vec<_> = (0..101).map(|number| format!("App {number:03}")).collect();
    assert_eq!((names, pages), (all, 3));
}

fn bcl_08_the_network_of_a_shared_server_is_the_operators(which: TestDatabase) {
    let site = Site::new(which);
    let mut grace = administrator(&site, "grace@brightwater.example");
    let inside = json!({
        "name": "Inside",
        "redirect_uris": ["https://inside.example/callback"],
        "backchannel_logout_uris": ["http://10.1.2.3/out"],
        "allow_private_network": true,
    });
    // A company that has the server to itself.
    let path = format!("{APPS}/{}", register(&mut grace, &inside));
    site.add_organization("Elsewhere");
    let refused = |answer: nightlatch_testkit::Answer| {
        assert_eq!(answer.expect(403).json()["type"], problem("operator-only"));
    };
    let mut other = inside.clone();
    other["name"] = json!("Other");
    refused(grace.api("POST", APPS, Some(&other)));
    let elsewhere = json!({ "backchannel_logout_uris": ["http://10.1.2.4:5432/"] });
    refused(grace.api("PATCH", &path, Some(&elsewhere)));
    // What was allowed stays so, and can be given up.
    drop(
        grace
            .api("PATCH", &path, Some(&json!({ "name": "Inner" })))
            .expect(200),
    );
    let outside = json!({
        "allow_private_network": false, "backchannel_logout_uris": ["https://inside.example/out"],
    });
    drop(grace.api("PATCH", &path, Some(&outside)).expect(200));
    refused(grace.api(
        "PATCH",
        &path,
        Some(&json!({ "allow_private_network": true })),
    ));
}

/// A call of `curl` that a page of the documentation shows.
struct Example {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: String,
}

fn examples(page: &str) -> Vec<Example> {
    let joined = page.replace("\\\n", " ");
    let calls = joined.split("\ncurl ").skip(1);
    calls
        .filter(|call| call.contains("/api/v1/organization/"))
        .map(|call| {
            let call = call.split("\n\n").next().unwrap_or_default();
            let call = call.split("\n```").next().unwrap_or_default();
            let between = |open: &str, close: char| {
                let (_, rest) = call.split_once(open)?;
                rest.split_once(close).map(|(text, _)| text.to_owned())
            };
            let headers = call.split("-H \"").skip(1).filter_map(|rest| {
                let (name, value) = rest.split_once('"')?.0.split_once(": ")?;
                Some((name.to_lowercase(), value.to_owned()))
            });
            let (_, address) = call
                .split_once(" https://login.example.com/api/")
                .expect("an address");
            let path = address.split_whitespace().next().unwrap_or_default();
            Example {
                method: between("-X ", ' ').unwrap_or_else(|| "GET".to_owned()),
                path: format!("/api/{path}"),
                headers: headers.collect(),
                body: between("-d '", '\'').unwrap_or_default(),
            }
        })
        .collect()
}

fn the_examples_of_the_documentation_work(which: TestDatabase) {
    let site = Site::new(which);
    let mut grace = administrator(&site, "grace@brightwater.example");
    let page = include_str!("../../../../docs/apps.md");
    let found = examples(page);
    assert_eq!(found.len(), 13, "the examples are read");
    site.add_person("Ada Lovelace", "ada@example.com");
    let (mut id, mut group, mut member) = (String::new(), String::new(), String::new());
    for example in found {
        let (method, body) = (&example.method, &example.body);
        let path = example.path.replace("$CLIENT_ID", &id);
        let path = path.replace("$GROUP_ID", &group);
        let path = path.replace("$USER_ID", &member);
        let mut ask = grace.ask(method, &path);
        for (name, value) in &example.headers {
            let value = value.replace("https://login.example.com", &site.origin());
            ask = ask.header(name, &value);
        }
        let answer = ask.body(body.as_bytes()).send();
        assert!(
            answer.status.is_success(),
            "{method} {path}: {}",
            answer.text()
        );
        if let Some(made) = answer.json()["client_id"].as_str() {
            made.clone_into(&mut id);
        }
        if let Some(made) = answer.json()["id"].as_str() {
            let which = if path.ends_with("/groups") {
                &mut group
            } else {
                &mut member
            };
            made.clone_into(which);
        }
    }
    assert!(!id.is_empty());
}
