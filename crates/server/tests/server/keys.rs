//! Changing the key: in a running server and without one.

use std::fmt::Write as _;
use std::fs;
use std::sync::Arc;

use nightlatch_domain::ids::{GrantId, UserId};
use nightlatch_domain::one_time_code::Seed;
use nightlatch_domain::relying_party::SigningAlgorithm;
use nightlatch_flows::activity::Activity;
use nightlatch_flows::factors::authenticator_app::{
    self, BeginOutcome, ConfirmOutcome, Finish, Setup,
};
use nightlatch_flows::factors::{Acting, Change, CodeVerdict};
use nightlatch_flows::token_key::{Presented, RefreshToken};
use nightlatch_server::commands::{Command, Reply};
use nightlatch_server::keys;
use nightlatch_storage::StorageError;
use nightlatch_web::forms::FormHolder;
use nightlatch_web::state::App;

use crate::running::{ADA, Place, add, sign_in};

/// Sets an app up as a person would, and returns its owner and its key.
async fn set_up(app: &App) -> (UserId, Seed) {
    let session = sign_in(app, ADA).await;
    let acting = Acting {
        activity: Arc::new(Activity::default()),
        session: session.id,
        log_out_others: false,
    };
    let (moment, sealer) = (app.moment(), Arc::clone(&app.sealer));
    let done: Result<Setup, StorageError> = app
        .store
        .write(move |tx| {
            let begun = authenticator_app::begin_setup(tx, &moment, &sealer, &acting, "Phone")?;
            let Change::Done(BeginOutcome::Begun(id)) = begun else {
                panic!("not begun: {begun:?}");
            };
            let found = authenticator_app::find_setup(tx, &moment, &sealer, &acting, id)?;
            let Change::Done(Some(setup)) = found else {
                panic!("not found");
            };
            let seed = read(&setup.text_key);
            let code = seed.code_at(moment.now).expect("a code");
            let finish = Finish {
                id,
                name: "Phone",
                code: &code,
            };
            let confirmed =
                authenticator_app::confirm_setup(tx, &moment, &sealer, &acting, &finish)?;
            assert!(matches!(
                confirmed,
                Change::Done(ConfirmOutcome::Confirmed { .. })
            ));
            Ok(setup)
        })
        .await;
    (
        session.user_id,
        read(&done.expect("the database answers").text_key),
    )
}

/// Base32 as an app reads it.
fn read(text_key: &str) -> Seed {
    let mut bits = String::new();
    for letter in text_key.bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            digit => digit - b'2' + 26,
        };
        write!(bits, "{value:05b}").expect("a string grows");
    }
    let bytes: Vec<u8> = bits
        .as_bytes()
        .chunks(8)
        .map(|byte| {
            u8::from_str_radix(std::str::from_utf8(byte).expect("digits"), 2).expect("a byte")
        })
        .collect();
    Seed::from_bytes(&bytes).expect("160 bits")
}

async fn accepts(place: &Place, app: &App, user: UserId, seed: &Seed) -> CodeVerdict {
    place.advance(std::time::Duration::from_secs(30));
    let (moment, sealer) = (app.moment(), Arc::clone(&app.sealer));
    let code = seed.code_at(moment.now).expect("a code");
    let verdict: Result<_, StorageError> = app
        .store
        .write(move |tx| authenticator_app::verify(tx, &moment, &sealer, user, &code))
        .await;
    verdict.expect("a seed that opens")
}

async fn reseal(place: &Place) -> (u64, u64, u64) {
    match place.done(Command::KeyReseal { after: None }).await {
        Reply::Resealing(batch) => (batch.seen, batch.changed, batch.unreadable),
        other => panic!("not resealed: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ops_03_a_running_server_takes_a_new_key_and_everything_stays_readable() {
    let place = Place::new();
    let server = place.start().await;
    place.done(add(ADA, None)).await;
    let app = server.app();
    let holder = FormHolder::Session(sign_in(app, ADA).await.id);
    let (user, seed) = set_up(app).await;
    let before = keys::load(&place.config.key_file).expect("keys");
    let form = app.form_key.issue(holder, app.random.as_ref());

    let rotate = Command::KeyRotate { only_node: false };
    assert_eq!(place.done(rotate.clone()).await, Reply::KeyRotated);
    let after = keys::load(&place.config.key_file).expect("keys");
    assert_ne!(after.current, before.current);
    assert_eq!(after.others(), [&*before.current]);
    assert!(app.form_key.is_valid(holder, &form), "an open form");
    assert_eq!(accepts(&place, app, user, &seed).await, CodeVerdict::Right);

    assert_eq!(reseal(&place).await, (1, 1, 0));
    assert_eq!(reseal(&place).await, (1, 0, 0), "done is done");
    assert_eq!(accepts(&place, app, user, &seed).await, CodeVerdict::Right);
    server.stop().await;

    // Without a server, and then with one that reads the file.
    assert_eq!(
        place.done(Command::KeyPrepare).await,
        Reply::KeyPrepared { is_new: true }
    );
    let prepared = keys::load(&place.config.key_file).expect("keys");
    assert_eq!(place.done(rotate).await, Reply::KeyRotated);
    let rotated = keys::load(&place.config.key_file).expect("keys");
    assert_eq!(Some(&rotated.current), prepared.prepared.as_ref());
    assert_eq!(reseal(&place).await, (1, 1, 0));
    let server = place.start().await;
    assert_eq!(
        accepts(&place, server.app(), user, &seed).await,
        CodeVerdict::Right
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_whose_key_is_lost_is_counted_and_left_alone() {
    let place = Place::new();
    let server = place.start().await;
    place.done(add(ADA, None)).await;
    let (_, _) = set_up(server.app()).await;
    server.stop().await;
    fs::remove_file(&place.config.key_file).expect("a key file");
    assert_eq!(reseal(&place).await, (1, 0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn ops_03_keys_that_sign_are_sealed_anew_and_tokens_of_apps_stay_good() {
    let place = Place::new();
    let server = place.start().await;
    let app = server.app();
    let (moment, algorithm) = (app.moment(), SigningAlgorithm::EdDsa);
    let only = [algorithm];
    let refreshed = app
        .signing
        .refresh(&app.store, &app.sealer, &moment, &only)
        .await;
    refreshed.expect("keys");
    let named = RefreshToken {
        grant: GrantId::from_bytes([1; 16]),
        generation: 0,
    };
    let token = app.token_key.refresh(&named, &[2; 32]);
    let rotate = Command::KeyRotate { only_node: false };
    assert_eq!(place.done(rotate).await, Reply::KeyRotated);
    let token = Presented::parse(&token).expect("one of ours");
    assert!(app.token_key.is_ours(&token, &[2; 32]));
    // The worker may have made the others by now.
    let (seen, changed, unreadable) = reseal(&place).await;
    assert!(seen >= 1 && changed >= 1 && unreadable == 0);
    let (again, changed, _) = reseal(&place).await;
    assert!(again >= seen && changed == 0, "done is done");
    server.stop().await;
    // Without the older key they open all the same.
    let server = place.start().await;
    let app = server.app();
    let moment = app.moment();
    let only = [algorithm];
    let refreshed = app
        .signing
        .refresh(&app.store, &app.sealer, &moment, &only)
        .await;
    refreshed.expect("keys that open");
    assert!(app.signing.current().can_sign(algorithm, moment.now));
    server.stop().await;
}
