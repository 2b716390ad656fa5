//! The steps of the workers, each under a moved clock.

use std::time::Duration;

use nightlatch_flows::log_out::Expansion;
use nightlatch_server::commands::{Command, Reply, Whom};
use nightlatch_server::workers::hear_other_nodes::{self, Heard};
use nightlatch_server::workers::{end_overdue, expand_endings, prune, write_activity};
use nightlatch_web::signals::Concern;

use crate::running::{ADA, Place, add, sign_in};

async fn live(place: &Place) -> usize {
    let listed = place
        .done(Command::SessionList {
            email: ADA.to_owned(),
        })
        .await;
    match listed {
        Reply::Sessions { sessions, .. } => sessions.len(),
        other => panic!("no list: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ses_11_overdue_sessions_end_although_nobody_comes_back() {
    let place = Place::new();
    // Its own sweep comes every 30 seconds, long after this test.
    let server = place.start().await;
    let app = server.app();
    place.done(add(ADA, None)).await;
    sign_in(app, ADA).await;
    assert_eq!(end_overdue::run_once(app).await, Ok(false));
    let mut signals = app.signals.listen();
    place.advance(Duration::from_hours(24) + Duration::from_mins(1));
    assert_eq!(end_overdue::run_once(app).await, Ok(true));
    assert!(
        matches!(signals.try_recv(), Ok(Concern::User(_))),
        "her open pages look again"
    );
    assert!(signals.try_recv().is_err(), "and nobody else's");
    assert_eq!(end_overdue::run_once(app).await, Ok(false));
    assert_eq!(live(&place).await, 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn noted_activity_is_written_when_the_server_stops() {
    let place = Place::new();
    let server = place.start().await;
    place.done(add(ADA, None)).await;
    let session = sign_in(server.app(), ADA).await;
    place.advance(Duration::from_hours(20));
    let limits = nightlatch_domain::policy::Policy::default().ordinary;
    let app = std::sync::Arc::clone(server.app());
    app.activity
        .note(session.id, &session.life, limits, app.clock.now());
    server.stop().await;
    assert_eq!(
        write_activity::run_once(&app).await,
        Ok(0),
        "all was written"
    );
    drop(app);
    place.advance(Duration::from_hours(20));
    assert_eq!(live(&place).await, 1, "idle counts from the noted activity");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wide_ending_is_written_down_and_old_rows_go() {
    let place = Place::new();
    let server = place.start().await;
    place.done(add(ADA, None)).await;
    sign_in(server.app(), ADA).await;
    let reason = Some("exercise".to_owned());
    let whom = Whom::Everyone;
    let Reply::Ended(ended) = place.done(Command::LogOut { whom, reason }).await else {
        panic!("not ended");
    };
    assert!(ended.complete);
    assert_eq!(
        expand_endings::run_once(server.app()).await,
        Ok(Expansion::Nothing)
    );
    assert_eq!(prune::run_once(server.app()).await, Ok(0));
    place.advance(Duration::from_hours(24 * 500));
    let mut gone = 0;
    loop {
        match prune::run_once(server.app()).await.expect("pruned") {
            0 => break,
            rows => gone += rows,
        }
    }
    assert!(gone > 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn endings_of_others_are_heard_once() {
    let place = Place::new();
    let server = place.start().await;
    place.done(add(ADA, None)).await;
    sign_in(server.app(), ADA).await;
    let whom = Whom::User(ADA.to_owned());
    place.done(Command::LogOut { whom, reason: None }).await;
    let mut heard = Heard::default();
    let mut signals = server.app().signals.listen();
    assert_eq!(
        hear_other_nodes::run_once(server.app(), &mut heard).await,
        Ok(1)
    );
    assert!(signals.try_recv().is_ok());
    assert_eq!(
        hear_other_nodes::run_once(server.app(), &mut heard).await,
        Ok(0)
    );
    assert!(signals.try_recv().is_err());
    server.stop().await;
}
