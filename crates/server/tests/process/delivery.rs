//! `kill -9` between a logout and the word of it (DLV-01, promise 3): whatever was ended
//! is told, and nothing else.

use std::sync::mpsc;
use std::time::Duration;

use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::{ClientId, SessionId};
use nightlatch_domain::relying_party::{
    RegisteredUri, Registration, RelyingParty, RelyingPartyStatus, SigningAlgorithm,
};
use nightlatch_domain::secret::Token;
use nightlatch_storage::testing::TestDatabase;
use nightlatch_storage::{StorageError, Store, Tx, entries, relying_parties, sessions};

use crate::PASSWORD;
use crate::client::Client;
use crate::program::Program;
use crate::receiver::App;

/// How often the server is killed. More with NIGHTLATCH_KILLS in the environment.
const KILLS: usize = 20;

/// Longer than a claim lasts that died with its holder.
const PATIENCE: Duration = Duration::from_secs(40);

fn kills() -> usize {
    #[expect(
        clippy::disallowed_methods,
        reason = "how long a test takes is no configuration"
    )]
    let asked = std::env::var("NIGHTLATCH_KILLS").ok();
    asked.and_then(|asked| asked.parse().ok()).unwrap_or(KILLS)
}

/// The session of each cookie, and an app that all of them have entered.
fn enter_app(store: &Store, cookies: Vec<String>, address: &str) -> Vec<SessionId> {
    let uri = RegisteredUri::parse_logout(address, true).expect("an address");
    store
        .write_blocking(move |tx: &mut Tx<'_>| -> Result<_, StorageError> {
            let (mut ids, mut app) = (Vec::new(), None);
            for cookie in &cookies {
                let digest = Token::parse(cookie).expect("a token").digest();
                let session = sessions::find_by_token(tx, digest)?
                    .expect("a session")
                    .session;
                let now = session.created_at;
                if app.is_none() {
                    let new = an_app(&session, &uri, now);
                    relying_parties::add(tx, &new)?;
                    app = Some(new.id);
                }
                let client = app.expect("an app");
                entries::record(tx, session.id, client, session.user_id, now)?;
                ids.push(session.id);
            }
            Ok(ids)
        })
        .expect("entries")
}

fn an_app(
    session: &nightlatch_domain::session::Session,
    uri: &RegisteredUri,
    now: Timestamp,
) -> RelyingParty {
    RelyingParty {
        id: ClientId::from_bytes([7; 16]),
        organization_id: session.organization_id,
        name: "CRM".to_owned(),
        registration: Registration {
            backchannel_logout_uris: vec![uri.clone()],
            allow_private_network: true,
            signing_algorithm: SigningAlgorithm::Es256,
            ..Registration::default()
        },
        secret: None,
        status: RelyingPartyStatus::Active,
        epoch: 0,
        created_at: now,
    }
}

fn over(store: &Store, ids: &[SessionId]) -> Vec<bool> {
    let ids = ids.to_vec();
    store
        .read_blocking(move |tx: &mut Tx<'_>| -> Result<_, StorageError> {
            ids.iter()
                .map(|id| {
                    let owned = sessions::find(tx, *id)?.expect("a session");
                    Ok(owned.session.life.ended.is_some())
                })
                .collect()
        })
        .expect("a look")
}

pub(crate) fn dlv_01_what_was_ended_is_told_although_the_server_is_killed(which: TestDatabase) {
    let mut app = App::start();
    let mut program = Program::with_one_person(which, PASSWORD);
    program.start();
    let kills = kills();
    // Two that nobody ends: they are to be told of nothing.
    let mut clients: Vec<Client> = (0..kills + 2)
        .map(|_| Client::new(program.port()))
        .collect();
    for client in &mut clients {
        client.sign_in(PASSWORD);
    }
    program.stop();
    let cookies = clients.iter().map(Client::session_cookie).collect();
    let store = program.open_store();
    let ids = enter_app(&store, cookies, &app.address());
    drop(store);

    program.start();
    for (number, mut client) in clients.into_iter().take(kills).enumerate() {
        // Every other time from before the request is read on, and else from its answer
        // on; spread over the rounds, and wandering by themselves.
        let step = u32::try_from(number * 37 % 20).unwrap_or(0);
        let (say, said) = mpsc::channel();
        let leaving = std::thread::spawn(move || {
            say.send(()).expect("a listener");
            let answered = client.try_to_log_out();
            // Nobody listens any more if the server was killed first.
            let _ = say.send(());
            answered
        });
        said.recv().expect("the beginning");
        let wait = if number % 2 == 0 {
            Duration::from_millis(3) * step
        } else {
            said.recv().expect("an answer");
            Duration::from_micros(600) * step
        };
        // Either it is answered meanwhile or this only waits.
        let _ = said.recv_timeout(wait);
        program.kill();
        let answered = leaving.join().expect("the end of a request");
        program.start();
        if answered {
            let id = ids.get(number).expect("an id").to_string();
            // An answered logout is over for good (A7), so its app is owed the word.
            app.hear(&[id], Duration::ZERO);
        }
    }
    // Endings of which the app knows nothing yet, claims of the dead among them.
    let store = program.open_store();
    let ended = over(&store, &ids);
    let expected: Vec<String> = ids
        .iter()
        .zip(&ended)
        .filter(|(_, over)| **over)
        .map(|(id, _)| id.to_string())
        .collect();
    assert!(
        expected.len() > kills / 3,
        "only {} were ended",
        expected.len()
    );
    app.hear(&expected, PATIENCE);
    // And a while for what should not come.
    app.hear(&["nothing".to_owned()], Duration::from_millis(300));
    for (id, over) in ids.iter().zip(ended) {
        let told = app.sessions.get(&id.to_string()).copied().unwrap_or(0);
        assert_eq!(told > 0, over, "session {id} was told {told} times");
    }
    drop(store);
    program.stop();
}
