//! Deletes what has been kept long enough, a little at a time (PRV-01).

use std::sync::Arc;
use std::time::Duration;

use nightlatch_flows::housekeeping;
use nightlatch_storage::StorageError;
use nightlatch_web::state::App;

use super::{Rounds, every, tick};

const PERIOD: Duration = Duration::from_hours(1);
const BATCH: i64 = 500;

/// One batch; returns how many rows went.
pub async fn run_once(app: &App) -> Result<u64, StorageError> {
    let now = app.clock.now();
    app.store
        .write(move |tx| housekeeping::prune(tx, now, BATCH))
        .await
}

pub(super) async fn run(app: Arc<App>, mut rounds: Rounds) {
    let mut interval = every(PERIOD);
    while rounds.next(tick(&mut interval)).await {
        while rounds.next(std::future::ready(())).await {
            let gone = run_once(&app).await;
            rounds.judge(&gone);
            if !matches!(gone, Ok(1..)) {
                break;
            }
        }
    }
}
