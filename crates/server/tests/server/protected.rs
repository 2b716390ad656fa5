//! Apps behind a proxy and the groups that they let in, as they are typed.

use clap::Parser as _;
use nightlatch_domain::ids::ClientId;
use nightlatch_domain::relying_party::protection::{Entrance, Protection, RequiredLevel};
use nightlatch_server::command_line::arguments::{Action, Arguments, apps, groups};
use nightlatch_server::commands::{Command, Reply, show};

use crate::running::{ADA, Place, add};

/// The command that somebody types.
fn typed(words: &[&str]) -> Command {
    let line = ["nightlatch"].iter().chain(words);
    let arguments = Arguments::try_parse_from(line).expect("understood");
    match arguments.action {
        Action::App(app) => apps::command(*app).expect("files that can be read"),
        Action::Group(group) => groups::command(group),
        _ => panic!("another command"),
    }
}

async fn app(place: &Place, words: &[&str]) -> (ClientId, Option<Protection>) {
    match place.done(typed(words)).await {
        Reply::App { client_id, app, .. } => (client_id, app.registration.protection),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_option_of_a_protected_app_is_stored_and_can_be_taken_back() {
    let place = Place::new();
    place.done(add(ADA, None)).await;
    place.done(typed(&["group", "add", "--name", "Team"])).await;
    let (id, stored) = app(
        &place,
        &[
            "app",
            "add",
            "--name",
            "Wiki",
            "--protect",
            "https://wiki.example.test",
            "--protect",
            "https://wiki2.example.test",
            "--allow-user",
            ADA,
            "--allow-group",
            "team",
            "--require-second-factor",
            "--proof-age-seconds",
            "600",
            "--public-path",
            "/static/",
            "--public-path",
            "/robots.txt",
            "--quiet-path",
            "/poll",
            "--signed-headers",
            "--cookie-domain",
            "example.test",
            "--this-site-only",
            "false",
        ],
    )
    .await;
    let rule = stored.expect("protected");
    let hosts: Vec<_> = rule.hosts.iter().map(ToString::to_string).collect();
    assert_eq!(
        hosts,
        ["https://wiki.example.test", "https://wiki2.example.test"]
    );
    let Entrance::Named { users, groups } = &rule.entrance else {
        panic!("open to everybody");
    };
    assert_eq!((users.len(), groups.len()), (1, 1));
    assert_eq!(rule.level, RequiredLevel::SecondFactor);
    assert_eq!(rule.proof_age_seconds, Some(600));
    assert_eq!((rule.public_paths.len(), rule.quiet_paths.len()), (2, 1));
    assert!(rule.signed_headers && !rule.this_site_only);
    assert!(rule.cookie_domain.is_some());

    // What is not typed stays.
    let id = id.to_string();
    let set = ["app", "set", "--client-id", id.as_str()];
    let with = |more: &[&'static str]| [&set[..], more].concat();
    let (_, stored) = app(&place, &with(&["--name", "Wiki 2"])).await;
    assert_eq!(stored.as_ref(), Some(&rule));

    // An empty entry takes a list back; the last name, and everybody may enter.
    let (_, stored) = app(&place, &with(&["--allow-user", ""])).await;
    let stored = stored.expect("protected");
    assert!(matches!(&stored.entrance, Entrance::Named { users, groups }
        if users.is_empty() && groups.len() == 1));
    let more = [
        "--allow-group",
        "",
        "--require-second-factor",
        "false",
        "--proof-age-seconds",
        "0",
        "--public-path",
        "",
        "--quiet-path",
        "",
        "--signed-headers",
        "false",
        "--cookie-domain",
        "",
        "--this-site-only",
    ];
    let (_, stored) = app(&place, &with(&more)).await;
    let plain = Protection {
        hosts: rule.hosts,
        ..Protection::default()
    };
    assert_eq!(stored, Some(plain));
    let more = [
        "--protect",
        "",
        "--redirect-uri",
        "https://wiki.example.test/cb",
    ];
    let (_, stored) = app(&place, &with(&more)).await;
    assert_eq!(stored, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_protected_is_said() {
    let place = Place::new();
    place.done(add(ADA, None)).await;
    let (wiki, files) = ("https://wiki.example.test", "https://files.example.test");
    let added = place
        .done(typed(&["app", "add", "--name", "Wiki", "--protect", wiki]))
        .await;
    // It never comes to us itself, so there is no secret that it could lose.
    assert!(
        matches!(
            added,
            Reply::App {
                client_secret: None,
                ..
            }
        ),
        "{added:?}"
    );
    let Reply::Apps { apps } = place.done(typed(&["app", "list"])).await else {
        panic!("no list");
    };
    let told: Vec<_> = apps.iter().map(|app| app.told.as_str()).collect();
    assert_eq!(
        told,
        ["is asked about at each request and ends with the session: nothing needs telling"]
    );
    assert_eq!(apps[0].proof(), "none (its proxy asks)");
    let files = ["app", "add", "--name", "Files", "--protect", files];
    for (more, sentence) in [
        (&["--protect", wiki][..], "belongs to another app"),
        (
            &["--protect", "http://files.example.test"],
            "must begin with https://",
        ),
        (
            &["--allow-user", "nobody@example.test"],
            "no account with the address nobody",
        ),
        (&["--allow-group", "Nobody"], "no group called Nobody"),
        (&["--public-path", "/a/../b"], "/a/../b"),
        (&["--proof-age-seconds", "5"], "60 seconds"),
    ] {
        let refusal = place.refused(typed(&[&files[..], more].concat())).await;
        assert!(refusal.contains(sentence), "{refusal}");
    }
    let alone = ["app", "add", "--name", "Files", "--allow-user", ADA];
    let refusal = place.refused(typed(&alone)).await;
    assert!(refusal.contains("address to protect"), "{refusal}");
    // The server's own address, once it is known.
    let server = place.start().await;
    let own = server.app().public_url.origin().to_owned();
    let squat = ["app", "add", "--name", "Files", "--protect", own.as_str()];
    let refusal = place.refused(typed(&squat)).await;
    assert!(refusal.contains("address of this server"), "{refusal}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_are_made_filled_listed_and_removed() {
    let place = Place::new();
    place.done(add(ADA, None)).await;
    let one = |what: &'static str| ["group", what, "--name", "Team"];
    let member = |what: &'static str| ["group", what, "--name", "team", "--email", ADA];
    place.done(typed(&one("add"))).await;
    let again = place
        .refused(typed(&["group", "add", "--name", "TEAM"]))
        .await;
    assert!(again.contains("has a group called TEAM already"), "{again}");
    place.done(typed(&member("add-member"))).await;
    let again = place.refused(typed(&member("add-member"))).await;
    assert!(again.contains("is in Team already"), "{again}");
    let reply = place.done(typed(&["group", "list"])).await;
    let text = show::as_text(&reply);
    assert!(text.contains("Team") && text.contains(ADA), "{text}");
    let json = serde_json::to_value(&reply).expect("JSON");
    assert_eq!(json["groups"][0]["members"], serde_json::json!([ADA]));
    place.done(typed(&member("remove-member"))).await;
    let again = place.refused(typed(&member("remove-member"))).await;
    assert!(again.contains("is not in Team"), "{again}");
    place.done(typed(&one("remove"))).await;
    let again = place.refused(typed(&one("remove"))).await;
    assert!(again.contains("nightlatch group list"), "{again}");
}
