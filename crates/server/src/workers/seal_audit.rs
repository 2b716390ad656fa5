//! Gives the lines of the history their places in the audit trail (LOG-05).

use std::sync::Arc;
use std::time::Duration;

use nightlatch_flows::audit;
use nightlatch_storage::StorageError;
use nightlatch_web::state::App;

use super::{Rounds, every, tick};

/// A line waits this long for its place, and no longer.
const PERIOD: Duration = Duration::from_secs(5);
/// Small, since it holds up who wants to write.
const BATCH: i64 = 200;

/// One batch; returns how many lines got their place.
pub async fn run_once(app: &App) -> Result<u64, StorageError> {
    let (now, random) = (app.clock.now(), Arc::clone(&app.random));
    app.store
        .write(move |tx| audit::seal(tx, random.as_ref(), now, BATCH))
        .await
}

pub(super) async fn run(app: Arc<App>, mut rounds: Rounds) {
    let mut interval = every(PERIOD);
    while rounds.next(tick(&mut interval)).await {
        while rounds.next(std::future::ready(())).await {
            let sealed = run_once(&app).await;
            rounds.judge(&sealed);
            if !matches!(sealed, Ok(1..)) {
                break;
            }
        }
    }
}
