//! Commands: through the socket of a running server, and without one.

use std::os::unix::fs::PermissionsExt as _;

use nightlatch_domain::session::admit;
use nightlatch_server::commands::{Command, FactorKind, Reply, UserChange, Whom};
use nightlatch_server::lock::{self, Lock};
use nightlatch_server::socket::reach;
use nightlatch_storage::{StorageError, sessions};
use nightlatch_web::signals::Concern;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::running::{ADA, PASSWORD, Place, add, password, sign_in};

#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_does_commands_and_its_pages_hear_of_it() {
    let place = Place::new();
    let server = place.start().await;
    let mode = std::fs::metadata(place.config.command_socket()).expect("a socket");
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);

    let Reply::UserAdded {
        id,
        organization,
        organization_is_new,
        ..
    } = place.done(add(ADA, None)).await
    else {
        panic!("not added");
    };
    assert_eq!(
        (organization.as_str(), organization_is_new),
        ("My organization", true)
    );

    let session = sign_in(server.app(), ADA).await;
    let Reply::Sessions {
        sessions: listed, ..
    } = place
        .done(Command::SessionList {
            email: ADA.to_owned(),
        })
        .await
    else {
        panic!("no list");
    };
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].id, session.id);

    let mut signals = server.app().signals.listen();
    let whom = Whom::User(ADA.to_owned());
    let reason = Some("lost laptop".to_owned());
    let Reply::Ended(ended) = place.done(Command::LogOut { whom, reason }).await else {
        panic!("not ended");
    };
    assert_eq!((ended.sessions, ended.complete), (1, true));
    assert_eq!(signals.try_recv(), Ok(Concern::User(id)));
    let now = place.world.clock.now();
    let found: Result<_, StorageError> = server
        .app()
        .store
        .read(move |tx| sessions::find(tx, session.id))
        .await;
    let owned = found.expect("an answer").expect("the row stays");
    assert!(admit(&owned.session.life, &owned.standing(), now).is_err());

    let again = Command::SessionEnd {
        id: session.id,
        reason: None,
    };
    assert!(place.refused(again).await.contains("over already"));
    server.stop().await;
    assert!(!place.config.command_socket().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_server_the_command_line_does_it_itself() {
    let place = Place::new();
    let nothing = place
        .command(Command::UserList)
        .await
        .expect_err("no database");
    assert!(nothing.to_string().contains("no database"), "{nothing}");
    place.done(add(ADA, Some("Brightwater"))).await;
    let Reply::Users { users } = place.done(Command::UserList).await else {
        panic!("no list");
    };
    assert_eq!(users.len(), 1);
    assert_eq!(users[0].organization, "Brightwater");
    // What was done without a server holds for the next one.
    let server = place.start().await;
    assert!(
        place
            .refused(add("ADA@example.test", None))
            .await
            .contains("already")
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_holds_the_data_directory() {
    let place = Place::new();
    let server = place.start().await;
    let second = nightlatch_server::serve::Server::start(place.config.clone(), &place.world).await;
    let refused = second.expect_err("held").to_string();
    assert!(refused.contains("another Nightlatch (process"), "{refused}");
    assert!(reach::migrate(&place.config).await.is_err());
    server.stop().await;

    // Held, and nobody answers: neither done behind its back nor silently not.
    let Ok(Lock::Ours(held)) = lock::acquire(&place.config.data_dir) else {
        panic!("free again");
    };
    let refused = place.command(Command::UserList).await.expect_err("held");
    assert!(refused.to_string().contains("does not answer"), "{refused}");
    drop(held);
    assert!(reach::migrate(&place.config).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_left_behind_by_a_killed_server_is_no_obstacle() {
    let place = Place::new();
    lock::create_directory(&place.config.data_dir).expect("made");
    drop(std::os::unix::net::UnixListener::bind(place.config.command_socket()).expect("bound"));
    assert!(place.config.command_socket().exists());
    place.done(add(ADA, None)).await;
    let server = place.start().await;
    assert!(place.refused(add(ADA, None)).await.contains("already"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_of_another_release_is_refused_with_a_remedy() {
    let place = Place::new();
    let server = place.start().await;
    for line in [
        "{\"version\":2,\"command\":{\"command\":\"user_list\"}}\n",
        "{\"version\":1,\"command\":{\"command\":\"fly\",\"password\":\"hunter2\"}}\n",
        "nonsense\n",
    ] {
        let mut stream = UnixStream::connect(place.config.command_socket())
            .await
            .expect("connected");
        stream.write_all(line.as_bytes()).await.expect("sent");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await.expect("answered");
        assert!(
            reply.contains("different releases") && !reply.contains("hunter2"),
            "{reply}"
        );
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_live_and_end_at_the_operators_word() {
    let place = Place::new();
    let server = place.start().await;
    place.done(add(ADA, None)).await;
    let email = || ADA.to_owned();

    sign_in(server.app(), ADA).await;
    let Reply::UserChanged { change, ended, .. } =
        place.done(Command::UserDisable { email: email() }).await
    else {
        panic!("not disabled");
    };
    assert_eq!(
        (change, ended.expect("ended").sessions),
        (UserChange::Disabled, 1)
    );
    assert!(
        place
            .refused(Command::UserDisable { email: email() })
            .await
            .contains("already")
    );
    place.done(Command::UserEnable { email: email() }).await;

    sign_in(server.app(), ADA).await;
    let new = "another harbor with nine slow lanterns";
    let set = |text: &str| Command::UserSetPassword {
        email: email(),
        password: password(text),
    };
    assert!(place.refused(set("short")).await.contains("15 characters"));
    assert!(
        place
            .refused(set("ada lovelace example"))
            .await
            .contains("name")
    );
    let Reply::UserChanged { ended, .. } = place.done(set(new)).await else {
        panic!("not set");
    };
    assert_eq!(ended.expect("ended").sessions, 1);
    place.done(set(PASSWORD)).await;
    sign_in(server.app(), ADA).await;
    place.done(Command::UserDelete { email: email() }).await;
    assert!(
        place
            .refused(Command::UserEnable { email: email() })
            .await
            .contains("no account")
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_and_factors_change_at_the_operators_word() {
    let place = Place::new();
    let server = place.start().await;
    place.done(add(ADA, None)).await;
    place.done(add("bob@example.test", None)).await;
    sign_in(server.app(), ADA).await;
    let new = "ada@elsewhere.test";
    let set = |email: &str, new_email: &str| Command::UserSetEmail {
        email: email.to_owned(),
        new_email: new_email.to_owned(),
    };
    let taken = place.refused(set(ADA, "BOB@example.test")).await;
    assert!(taken.contains("belongs to another account"), "{taken}");
    let wrong = place.refused(set(ADA, "nonsense")).await;
    assert!(wrong.contains("not an e-mail address"), "{wrong}");
    let Reply::UserChanged {
        email,
        change,
        ended,
    } = place.done(set(ADA, new)).await
    else {
        panic!("not set");
    };
    assert_eq!((email.as_str(), change), (new, UserChange::EmailSet));
    assert_eq!(ended.expect("ended").sessions, 1);
    let nobody = place.refused(set(ADA, new)).await;
    assert!(nobody.contains("no account"), "{nobody}");

    sign_in(server.app(), new).await;
    let remove = |only: &[FactorKind]| Command::UserRemoveFactors {
        email: new.to_owned(),
        only: only.to_vec(),
        reason: "lost phone".to_owned(),
    };
    for only in [&[][..], &[FactorKind::Passkeys]] {
        let refused = place.refused(remove(only)).await;
        assert!(refused.contains("has none of these"), "{refused}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn organizations_are_named_when_there_are_several_and_set_by_key() {
    let place = Place::new();
    let server = place.start().await;
    for name in ["Brightwater", "Calder"] {
        place
            .done(Command::OrganizationAdd {
                name: name.to_owned(),
            })
            .await;
    }
    let refused = place.refused(add(ADA, None)).await;
    assert!(
        refused.contains("--organization") && refused.contains("Calder"),
        "{refused}"
    );
    assert!(
        place
            .refused(add(ADA, Some("Nobody")))
            .await
            .contains("organization add")
    );
    place.done(add(ADA, Some("calder"))).await;

    let set = |changes: &[(&str, &str)]| Command::OrganizationSet {
        organization: Some("Calder".to_owned()),
        changes: changes
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
    };
    let Reply::SettingsChanged { changes, .. } = place
        .done(set(&[
            ("idle", "1h"),
            ("contact", "Bo"),
            ("remember", "ask"),
        ]))
        .await
    else {
        panic!("not set");
    };
    let shown: Vec<_> = changes
        .iter()
        .map(|change| format!("{}: {} → {}", change.key, change.before, change.after))
        .collect();
    assert_eq!(
        shown,
        [
            "contact:  → Bo",
            "limits: default → custom",
            "idle: 24h → 1h"
        ]
    );
    assert!(
        place
            .refused(set(&[("name", "brightwater")]))
            .await
            .contains("already")
    );
    assert!(
        place
            .refused(set(&[("idel", "1h")]))
            .await
            .contains("`idle`")
    );
    server.stop().await;
}
