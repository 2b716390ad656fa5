//! Tells apps of logouts: at once when one may have been written, when the next
//! attempt is due, and now and then for what other nodes wrote.
//!
//! Two workers, one for each lane: a mass ending delays nobody who just logged out.

use std::sync::Arc;
use std::time::Duration;

use nightlatch_domain::notice::Lane;
use nightlatch_web::delivering::{self, Courier};
use nightlatch_web::state::App;
use tokio::time::Instant;

use super::Rounds;

/// How long to rest after the database could not be asked.
const AFTER_TROUBLE: Duration = Duration::from_secs(1);

/// How long what is on its way is waited for when the server stops. What is cut off
/// is told again by whoever starts next.
const FAREWELL: Duration = Duration::from_secs(2);

/// How often what waits is counted, and what nobody came for is given up.
const TIDY_UP: Duration = Duration::from_secs(10);

/// How often apps are looked for that have not learned of anything for very long. Not
/// before the first period is over: where the server was down, they could not come.
const LOOK_FOR_OVERDUE: Duration = Duration::from_mins(10);

pub(super) async fn run_interactive(app: Arc<App>, rounds: Rounds) {
    run(app, rounds, Lane::Interactive).await;
}

pub(super) async fn run_mass(app: Arc<App>, rounds: Rounds) {
    run(app, rounds, Lane::Mass).await;
}

async fn run(app: Arc<App>, mut rounds: Rounds, lane: Lane) {
    let mut courier = Courier::new(lane, app.outgoing.clone());
    let mut wait = Duration::ZERO;
    let mut tidied: Option<Instant> = None;
    let mut looked = Instant::now();
    loop {
        let beginning = async {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = app.signals.delivery_woken(lane) => {}
                () = courier.landed() => {}
            }
        };
        if !rounds.next(beginning).await {
            break;
        }
        let result = courier.round(&app).await;
        rounds.judge(&result);
        wait = result.unwrap_or(AFTER_TROUBLE);
        if lane == Lane::Mass && tidied.is_none_or(|at| at.elapsed() >= TIDY_UP) {
            tidied = Some(Instant::now());
            rounds.judge(&delivering::tidy_up(&app).await);
        }
        if lane == Lane::Mass && looked.elapsed() >= LOOK_FOR_OVERDUE {
            looked = Instant::now();
            rounds.judge(&delivering::look_for_overdue(&app).await);
        }
    }
    let farewell = async {
        courier.settle().await;
        courier.write_down(&app).await
    };
    if let Ok(Err(error)) = tokio::time::timeout(FAREWELL, farewell).await {
        tracing::warn!(%error, "how it stands with apps could not be written down");
    }
}
