//! A running server tells apps by itself, and the operator sees what they missed.

use std::time::Duration;

use nightlatch_domain::ids::{ClientId, EndingId, NoticeId, SessionId, UserId};
use nightlatch_domain::notice::NoticeState;
use nightlatch_domain::relying_party::{
    RegisteredUri, Registration, RelyingParty, RelyingPartyStatus, SigningAlgorithm,
};
use nightlatch_server::commands::{Command, Reply};
use nightlatch_storage::{StorageError, Tx, entries, relying_parties, sessions};
use nightlatch_web::state::App;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::running::{ADA, Place, add, sign_in};

/// An app at this address, as one that may not be called there.
fn app_at(organization: nightlatch_domain::ids::OrganizationId, address: &str) -> RelyingParty {
    let uri = RegisteredUri::parse_logout(address, true).expect("an address");
    RelyingParty {
        id: ClientId::from_bytes([7; 16]),
        organization_id: organization,
        name: "CRM".to_owned(),
        registration: Registration {
            backchannel_logout_uris: vec![uri],
            signing_algorithm: SigningAlgorithm::Es256,
            ..Registration::default()
        },
        secret: None,
        status: RelyingPartyStatus::Active,
        epoch: 0,
        created_at: nightlatch_domain::Timestamp::from_milliseconds(0),
    }
}

async fn store(app: &App, client: &RelyingParty, session: SessionId, user: UserId) {
    let (client, now) = (client.clone(), app.clock.now());
    let stored: Result<(), StorageError> = app
        .store
        .write(move |tx: &mut Tx<'_>| {
            if relying_parties::find(tx, client.id)?.is_none() {
                relying_parties::add(tx, &client)?;
            }
            relying_parties::update(tx, &client)?;
            entries::record(tx, session, client.id, user, now)
        })
        .await;
    stored.expect("stored");
}

async fn sessions_ending(app: &App, id: SessionId) -> EndingId {
    let found: Result<_, StorageError> = app
        .store
        .read(move |tx: &mut Tx<'_>| sessions::find(tx, id))
        .await;
    let life = found.expect("a look").expect("a session").session.life;
    life.ended.expect("an end").ending_id
}

#[tokio::test(flavor = "multi_thread")]
async fn dlv_03_what_an_app_missed_is_listed_and_sent_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let place = Place::new();
    let server = place.start().await;
    place.done(add(ADA, None)).await;
    let session = sign_in(server.app(), ADA).await;
    let mut client = app_at(
        session.organization_id,
        &format!("http://127.0.0.1:{port}/"),
    );
    store(server.app(), &client, session.id, session.user_id).await;
    let mut heard = server.app().signals.listen_to_notices();
    let (id, reason) = (session.id, None);
    place.done(Command::SessionEnd { id, reason }).await;
    // Nobody asked the worker for anything.
    let patience = Duration::from_secs(30);
    let ending = tokio::time::timeout(patience, heard.recv()).await;
    ending.expect("in time").expect("an ending");
    let Reply::Notices {
        undelivered,
        waiting,
    } = place.done(Command::NoticeList).await
    else {
        panic!("no list");
    };
    assert!(waiting.is_empty());
    assert_eq!(undelivered.len(), 1);
    let notice = undelivered.first().expect("a line");
    assert_eq!(notice.state, NoticeState::Failed);
    let why = notice.last_error.as_deref().unwrap_or_default();
    assert!(why.contains("--allow-private-network"), "{why}");

    // The same beside everything else that was told of this ending.
    let ended = sessions_ending(server.app(), session.id).await;
    let Reply::EndingTold {
        ending, notices, ..
    } = place.done(Command::NoticeShow { ending: ended }).await
    else {
        panic!("no ending");
    };
    assert_eq!((ending.sessions, ending.complete), (1, true));
    assert_eq!(notices.first(), Some(notice));
    let unknown = EndingId::from_bytes([9; 16]);
    let refused = Command::NoticeShow { ending: unknown };
    assert!(place.refused(refused).await.contains("no ending"));

    client.registration.allow_private_network = true;
    store(server.app(), &client, session.id, session.user_id).await;
    // That she has entered it once more would overtake the notice.
    let (client_id, at) = (client.id, server.app().clock.now());
    let left: Result<bool, StorageError> = server
        .app()
        .store
        .write(move |tx: &mut Tx<'_>| entries::leave(tx, id, client_id, at))
        .await;
    assert_eq!(left, Ok(true));
    let nobody = NoticeId::from_bytes([9; 16]);
    let unknown = Command::NoticeResend { id: Some(nobody) };
    assert!(place.refused(unknown).await.contains("notice list"));
    let all = Command::NoticeResend { id: None };
    assert_eq!(place.done(all).await, Reply::NoticesResent { count: 1 });
    let (mut stream, _) = tokio::time::timeout(patience, listener.accept())
        .await
        .expect("in time")
        .expect("a call");
    let mut buffer = [0; 4096];
    let read = stream.read(&mut buffer).await.expect("a request");
    let head = String::from_utf8_lossy(&buffer[..read]).into_owned();
    assert!(head.starts_with("POST / HTTP/1.1"), "{head}");
    let good = b"HTTP/1.1 204 Good\r\n\r\n";
    stream.write_all(good).await.expect("an answer");
    let ending = tokio::time::timeout(patience, heard.recv()).await;
    ending.expect("in time").expect("an ending");
    let empty = Reply::Notices {
        undelivered: Vec::new(),
        waiting: Vec::new(),
    };
    assert_eq!(place.done(Command::NoticeList).await, empty);
    let again = Command::NoticeResend {
        id: Some(notice.id),
    };
    assert!(place.refused(again).await.contains("on its way"));
    server.stop().await;
}
