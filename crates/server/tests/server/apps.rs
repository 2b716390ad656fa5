//! Apps: registered, changed and withdrawn at the command line.

use nightlatch_domain::ids::ClientId;
use nightlatch_domain::relying_party::ClientAuthentication;
use nightlatch_server::commands::{AppWish, Command, Reply, show};
use nightlatch_web::public_url::PublicUrl;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::running::{ADA, Place, add};

fn wish() -> AppWish {
    AppWish {
        redirect_uris: Some(vec!["https://crm.example.test/callback".to_owned()]),
        backchannel_logout_uris: Some(vec![
            "https://crm.example.test/logged-out?from=us".to_owned(),
        ]),
        ..AppWish::default()
    }
}

fn app_add(name: &str, wish: AppWish) -> Command {
    Command::AppAdd {
        name: name.to_owned(),
        organization: None,
        wish: Box::new(wish),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_registered_and_its_secret_shown_once() {
    let place = Place::new();
    place.done(add(ADA, None)).await;
    let Reply::App {
        is_new: true,
        client_id,
        client_secret: Some(secret),
        app,
    } = place.done(app_add("CRM", wish())).await
    else {
        panic!("not registered");
    };
    assert_eq!(secret.len(), 43);
    assert_eq!(app.told, "is told of logouts");
    let refusal = place.refused(app_add("crm", wish())).await;
    assert!(
        refusal.contains("has an app called crm already"),
        "{refusal}"
    );

    let Reply::Apps { apps } = place.done(Command::AppList { organization: None }).await else {
        panic!("no list");
    };
    assert_eq!(apps.len(), 1);
    let listed = serde_json::to_string(&apps).expect("JSON");
    assert!(!listed.contains(&secret));

    let Reply::App {
        client_secret: Some(second),
        ..
    } = place.done(Command::AppReplaceSecret { client_id }).await
    else {
        panic!("no other secret");
    };
    assert_ne!(second, secret);

    // An app that stops using a secret has none left over.
    let public = AppWish {
        authentication: Some(ClientAuthentication::None),
        ..AppWish::default()
    };
    let command = Command::AppSet {
        client_id,
        name: Some("Customers".to_owned()),
        wish: Box::new(public),
    };
    let Reply::App {
        is_new: false,
        client_secret: None,
        app,
        ..
    } = place.done(command).await
    else {
        panic!("not changed");
    };
    assert_eq!(
        (app.name.as_str(), app.proof()),
        ("Customers", "none (public)")
    );
    let refusal = place.refused(Command::AppReplaceSecret { client_id }).await;
    assert!(refusal.contains("does not use a secret"), "{refusal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_withdrawn_once_and_restored_once() {
    let place = Place::new();
    place.done(add(ADA, None)).await;
    let Reply::App { client_id, .. } = place.done(app_add("CRM", wish())).await else {
        panic!("not registered");
    };
    let withdraw = || Command::AppWithdraw {
        client_id,
        reason: Some("replaced by another".to_owned()),
    };
    let Reply::AppWithdrawn { complete: true, .. } = place.done(withdraw()).await else {
        panic!("not withdrawn");
    };
    assert!(place.refused(withdraw()).await.contains("withdrawn before"));
    place.done(Command::AppRestore { client_id }).await;
    let refusal = place.refused(Command::AppRestore { client_id }).await;
    assert!(refusal.contains("is not withdrawn"), "{refusal}");
    let unknown = Command::AppRestore {
        client_id: "00000000-0000-4000-8000-000000000000"
            .parse()
            .expect("an id"),
    };
    assert!(place.refused(unknown).await.contains("nightlatch app list"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_wrong_registers_nothing() {
    let place = Place::new();
    place.done(add(ADA, None)).await;
    let plain = AppWish {
        backchannel_logout_uris: Some(vec!["http://crm.internal/out".to_owned()]),
        ..wish()
    };
    let refusal = place.refused(app_add("CRM", plain.clone())).await;
    assert!(refusal.contains("http://crm.internal/out"), "{refusal}");
    let allowed = AppWish {
        allow_private_network: Some(true),
        ..plain
    };
    place.done(app_add("CRM", allowed)).await;
}

/// Answers each call with this status, for as long as the test runs.
async fn app_answering(status: u16) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut buffer, mut text) = (vec![0; 4096], String::new());
                while !text.contains("logout_token=") {
                    match stream.read(&mut buffer).await {
                        Ok(read @ 1..) => text.extend(buffer.iter().take(read).map(|b| *b as char)),
                        _ => return,
                    }
                }
                let head = format!("HTTP/1.1 {status} So\r\nConnection: close");
                let answer = format!("{head}\r\nContent-Length: 0\r\n\r\n");
                drop(stream.write_all(answer.as_bytes()).await);
            });
        }
    });
    format!("http://127.0.0.1:{port}/out")
}

/// Registers an app that answers so; returns the command that tests it.
async fn testing(place: &Place, status: u16) -> Command {
    let wish = AppWish {
        backchannel_logout_uris: Some(vec![app_answering(status).await]),
        allow_private_network: Some(true),
        signing_algorithm: Some("ES256".to_owned()),
        ..wish()
    };
    let name = format!("App {status}");
    let Reply::App { client_id, .. } = place.done(app_add(&name, wish)).await else {
        panic!("not registered");
    };
    Command::AppTest { client_id }
}

#[tokio::test(flavor = "multi_thread")]
async fn c6_an_app_is_tested_through_the_socket_and_a_failure_is_one() {
    let mut place = Place::new();
    place.done(add(ADA, None)).await;
    let (open, closed) = (testing(&place, 200).await, testing(&place, 403).await);
    // Nobody can know what the app expects as the issuer.
    let refusal = place.refused(open.clone()).await;
    assert!(refusal.contains("public_url"), "{refusal}");

    let server = place.start().await;
    let reply = place.done(open).await;
    let text = show::as_text(&reply);
    assert!(!show::has_failed(&reply), "warnings are no failure: {text}");
    for line in [
        "App 200: nothing fails",
        "  ok       token",
        "  warning  forgery",
    ] {
        assert!(text.contains(line), "{text}");
    }
    let json: serde_json::Value = serde_json::from_str(&show::as_json(&reply)).expect("JSON");
    let at = |path: &str| json.pointer(path).and_then(serde_json::Value::as_str);
    assert_eq!(at("/result"), Some("app_tested"));
    assert_eq!(at("/verdict"), Some("warning"));
    assert_eq!(at("/tried/0/steps/1/stage"), Some("dns"));

    let reply = place.done(closed.clone()).await;
    let text = show::as_text(&reply);
    assert!(show::has_failed(&reply), "{text}");
    assert!(
        text.contains("  FAILED   http     the app answered 403"),
        "{text}"
    );
    assert!(text.contains("CSRF"), "{text}");
    server.stop().await;
    // And without a server, where its address is configured.
    let url = PublicUrl::parse("https://login.example.test").expect("an address");
    place.config.public_url = Some(url);
    assert!(show::has_failed(&place.done(closed).await));
    let unknown = Command::AppTest {
        client_id: ClientId::from_bytes([9; 16]),
    };
    assert!(place.refused(unknown).await.contains("nightlatch app list"));
}
