//! Apps: registered, changed and withdrawn at the command line.

use nightlatch_server::commands::{AppWish, Command, Reply};

use crate::running::{ADA, Place, add};

fn wish() -> AppWish {
    AppWish {
        redirect_uris: vec!["https://crm.example.test/callback".to_owned()],
        backchannel_logout_uris: vec!["https://crm.example.test/logged-out?from=us".to_owned()],
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
        public: true,
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
        backchannel_logout_uris: vec!["http://crm.internal/out".to_owned()],
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
