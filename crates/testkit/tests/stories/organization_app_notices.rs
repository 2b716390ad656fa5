//! What an app was not told of, and trying an app out, by API.

use std::time::Duration;

use nightlatch_domain::ids::{ClientId, NoticeId, OrganizationId};
use nightlatch_domain::notice::NoticeState;
use nightlatch_domain::relying_party::RelyingParty;
use nightlatch_storage::{StorageError, on_both_databases, relying_parties};
use nightlatch_testkit::{Account, Browser, LogoutReceiver, Manner, Site, TestDatabase, ToldApp};
use serde_json::{Value, json};

use crate::organization_apps::administrator;

on_both_databases!(
    dlv_03_what_an_app_missed_is_listed_and_sent_again,
    c6_c8_a_test_tells_each_step_apart_and_logs_nobody_out,
    c6_a_test_sends_a_real_token_for_a_session_that_nobody_has,
    b6_a_test_judges_the_addresses_of_people_too,
);

const APPS: &str = "/api/v1/organization/apps";

fn app(site: &Site, id: &str) -> RelyingParty {
    let id: ClientId = id.parse().expect("an id");
    site.read(move |tx| relying_parties::find(tx, id))
        .expect("an app")
}

/// The session of this browser enters the app.
pub(crate) fn enter(site: &Site, browser: &Browser<'_>, id: &str) {
    site.enter_app(browser, &app(site, id));
}

/// A logout of the person that the app refused for good.
pub(crate) fn refused_notice(site: &Site, id: &str, whose: &Account) -> NoticeId {
    let mut browser = site.browser();
    browser.sign_in(whose);
    enter(site, &browser, id);
    let session = browser.session_id().parse().expect("an id");
    browser.log_out();
    let notices = site.notices_of_session(session);
    let notice = notices.first().expect("a notice");
    site.settle(notice, NoticeState::Failed, Some(403));
    notice.id
}

/// What was done to an organization: the kind, whose doing, and the words.
pub(crate) fn trail(site: &Site, organization: OrganizationId) -> Vec<(String, String, String)> {
    site.read(move |tx| -> Result<_, StorageError> {
        tx.query(
            "SELECT kind, actor_kind, detail FROM events
             WHERE organization_id = $1 AND detail IS NOT NULL ORDER BY id",
            &[organization.into()],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
    })
}

fn dlv_03_what_an_app_missed_is_listed_and_sent_again(which: TestDatabase) {
    let site = Site::new(which);
    let mut grace = administrator(&site, "grace@brightwater.example");
    let ada = site.add_ada();
    let receiver = LogoutReceiver::answering(Manner::Status(403));
    let register = |name: &str, grace: &mut Browser<'_>| {
        let body = json!({
            "name": name,
            "redirect_uris": [format!("https://{}.example/callback", name.to_lowercase())],
            "backchannel_logout_uris": [receiver.address("/out")],
            "allow_private_network": true,
            "signing_algorithm": "ES256",
        });
        let made = grace.api("POST", APPS, Some(&body)).expect(201).json();
        made["client_id"].as_str().expect("an id").to_owned()
    };
    let (orders, wiki) = (register("Orders", &mut grace), register("Wiki", &mut grace));
    for _ in 0..2 {
        let mut laptop = site.browser();
        laptop.sign_in(&ada);
        enter(&site, &laptop, &orders);
        laptop.log_out();
    }
    site.deliver();
    let path = format!("{APPS}/{orders}/notices");
    let list = |grace: &mut Browser<'_>| grace.api("GET", &path, None).expect(200).json();
    let found = list(&mut grace);
    let missed = found["undelivered"].as_array().expect("a list");
    assert_eq!((missed.len(), &found["waiting"]), (2, &json!(0)));
    for notice in missed {
        assert_eq!(
            (&notice["state"], &notice["last_status"]),
            (&json!("failed"), &json!(403))
        );
        // C8.
        assert!(
            notice["last_error"].to_string().contains("CSRF"),
            "{notice}"
        );
    }
    let id = missed[0]["id"].as_str().expect("an id").to_owned();
    let standing = grace
        .api("GET", &format!("{APPS}/{orders}"), None)
        .expect(200);
    assert_eq!(standing.json()["delivery"]["undelivered"], 2);
    // Nothing of this reaches it by the way of another app.
    let aside = format!("{APPS}/{wiki}/notices/{id}/resend");
    drop(grace.api("POST", &aside, None).expect(404));
    let others = grace.api("POST", &format!("{APPS}/{wiki}/notices/resend"), None);
    assert_eq!(others.expect(200).json()["count"], 0);

    receiver.answer(Manner::Status(200));
    let one = format!("{path}/{id}/resend");
    assert_eq!(grace.api("POST", &one, None).expect(200).json()["count"], 1);
    assert_eq!(list(&mut grace)["waiting"], 1);
    drop(grace.api("POST", &one, None).expect(400));
    let rest = grace
        .api("POST", &format!("{path}/resend"), None)
        .expect(200)
        .json();
    assert_eq!(rest["count"], 1);
    assert_eq!(site.deliver(), 2);
    let found = list(&mut grace);
    assert_eq!(
        (&found["undelivered"], &found["waiting"]),
        (&json!([]), &json!(0))
    );
}

/// An app at this address, and what a test says of it: its verdict, the steps of its
/// logout address and all the words of the last of them.
fn tested(grace: &mut Browser<'_>, name: &str, address: &str) -> (Value, Vec<String>, String) {
    let body = json!({
        "name": name,
        "redirect_uris": ["http://127.0.0.1:9/callback"],
        "post_logout_redirect_uris": ["http://127.0.0.1:9/bye"],
        "backchannel_logout_uris": [address],
        "allow_private_network": true,
        "signing_algorithm": "ES256",
    });
    let made = grace.api("POST", APPS, Some(&body)).expect(201).json();
    let path = format!("{APPS}/{}/test", made["client_id"].as_str().expect("an id"));
    let report = grace.api("POST", &path, None).expect(200).json();
    let first = &report["tried"][0];
    assert_eq!(first["purpose"], "back_channel_logout", "{report:#}");
    assert_eq!(first["address"], address);
    let steps = first["steps"].as_array().expect("steps");
    let stages = steps.iter().map(|step| {
        let text = |name: &str| step[name].as_str().unwrap_or_default().to_owned();
        format!("{} {}", text("stage"), text("verdict"))
    });
    let last = steps.last().expect("a step")["words"].to_string();
    (report["verdict"].clone(), stages.collect(), last)
}

fn c6_c8_a_test_tells_each_step_apart_and_logs_nobody_out(which: TestDatabase) {
    let site = Site::new(which);
    let mut grace = administrator(&site, "grace@brightwater.example");
    let elsewhere = LogoutReceiver::new();
    let to = elsewhere.address("/");
    let words = "wrong issuer".to_owned();
    let table = [
        (
            Manner::Status(200),
            "warning",
            "forgery warning",
            "anybody can log people out",
        ),
        (
            Manner::Status(204),
            "warning",
            "forgery warning",
            "anybody can log people out",
        ),
        (Manner::Status(403), "failed", "http failed", "CSRF"),
        (Manner::Status(500), "failed", "http failed", "broken there"),
        (Manner::Garbage, "failed", "http failed", ""),
        (
            Manner::Hanging,
            "failed",
            "http failed",
            "no answer in time",
        ),
        (
            Manner::Redirecting { to },
            "failed",
            "http failed",
            "never followed",
        ),
        (
            Manner::Refusing { words },
            "failed",
            "token failed",
            "wrong issuer",
        ),
    ];
    for (number, (manner, verdict, last, words)) in table.into_iter().enumerate() {
        let receiver = LogoutReceiver::answering(manner.clone());
        let address = receiver.address("/out");
        let (found, steps, said) = tested(&mut grace, &format!("App {number}"), &address);
        assert_eq!(found, verdict, "{manner:?}: {steps:?} {said}");
        assert_eq!(
            steps.last().map(String::as_str),
            Some(last),
            "{manner:?}: {said}"
        );
        assert!(said.contains(words), "{manner:?}: {said}");
        let before = ["address good", "dns good", "tcp good", "tls good"];
        assert_eq!(steps[..4], before, "{manner:?}");
    }
    assert!(elsewhere.received().is_empty(), "nothing is followed");
    for (number, (address, last, words)) in [
        (
            "http://169.254.169.254/latest",
            "address failed",
            "never called",
        ),
        ("https://crm.invalid/out", "dns failed", "containers"),
        (
            "http://localhost:8080/out",
            "address failed",
            "Nightlatch's own",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let (found, steps, said) = tested(&mut grace, &format!("Odd {number}"), address);
        assert_eq!(found, "failed", "{address}");
        assert_eq!(
            steps.last().map(String::as_str),
            Some(last),
            "{address}: {said}"
        );
        assert!(said.contains(words), "{address}: {said}");
    }
}

fn c6_a_test_sends_a_real_token_for_a_session_that_nobody_has(which: TestDatabase) {
    let site = Site::new(which);
    let mut grace = administrator(&site, "grace@brightwater.example");
    let receiver = LogoutReceiver::new();
    // It takes the first, and refuses the one that is not ours.
    receiver.answer_next([Manner::Status(200), Manner::Status(400)]);
    let (verdict, steps, said) = tested(&mut grace, "Orders", &receiver.address("/out"));
    assert_eq!(verdict, "good", "{steps:?} {said}");
    assert!(said.contains("it checks tokens"), "{said}");
    let received = receiver.received();
    assert_eq!(received.len(), 2);
    let list = grace.api("GET", APPS, None).expect(200).json();
    let id = list["apps"][0]["client_id"].as_str();
    let app = ToldApp {
        id: id.and_then(|id| id.parse().ok()).expect("an id"),
        secret: String::new(),
    };
    let mut spent = std::collections::HashSet::new();
    let judge = |token: &str, spent: &mut std::collections::HashSet<String>| {
        site.judge_logout_token(&app, token, spent)
    };
    let claims = judge(&received[0].token, &mut spent).expect("a token as it should be");
    assert!(
        judge(&received[1].token, &mut spent).is_err(),
        "a forgery is none of ours"
    );
    let session = claims["sid"]
        .as_str()
        .expect("a session")
        .parse()
        .expect("an id");
    let known = site.read(move |tx| nightlatch_storage::sessions::find(tx, session));
    assert!(known.is_none(), "nobody has this session");
    assert!(claims.get("sub").is_none());
    assert!(grace.is_signed_in());
}

fn b6_a_test_judges_the_addresses_of_people_too(which: TestDatabase) {
    let site = Site::new(which);
    let mut grace = administrator(&site, "grace@brightwater.example");
    let body = json!({
        "name": "Orders",
        "redirect_uris": ["https://orders.invalid/callback"],
        "home": "https://orders.invalid/",
    });
    let made = grace.api("POST", APPS, Some(&body)).expect(201).json();
    let path = format!("{APPS}/{}", made["client_id"].as_str().expect("an id"));
    let report = grace
        .api("POST", &format!("{path}/test"), None)
        .expect(200)
        .json();
    assert_eq!(report["verdict"], "warning");
    let tried = report["tried"].as_array().expect("a list");
    let of = |purpose: &str| {
        let found = tried.iter().find(|one| one["purpose"] == purpose);
        found.expect(purpose).to_string()
    };
    // C10: it cannot be told.
    assert!(of("back_channel_logout").contains("may go on for 5 minutes"));
    assert!(of("redirect").contains("orders.invalid was not found from here"));
    assert!(of("post_logout_redirect").contains("with a link to https://orders.invalid/"));
    site.advance(Duration::from_secs(1));
    drop(
        grace
            .api("POST", &format!("{path}/withdraw"), Some(&json!({})))
            .expect(200),
    );
    let report = grace
        .api("POST", &format!("{path}/test"), None)
        .expect(200)
        .json();
    assert_eq!(report["verdict"], "failed");
    assert!(report["tried"][0].to_string().contains("withdrawn"));
    // It tells what can be reached from where the server stands: whoever finds a browser
    // open does not learn that.
    site.advance(Duration::from_secs(601));
    let refused = grace.api("POST", &format!("{path}/test"), None).expect(403);
    assert_eq!(
        refused.json()["type"],
        "urn:nightlatch:problem:proof-needed"
    );
}
