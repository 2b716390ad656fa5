//! Writes noted activity, so that idle deadlines move for every node.

use std::sync::Arc;

use nightlatch_flows::activity::INTERVAL;
use nightlatch_storage::StorageError;
use nightlatch_web::state::App;

use super::{Rounds, every, tick};

/// One round; returns for how many sessions. Also the server's last act.
pub async fn run_once(app: &App) -> Result<usize, StorageError> {
    app.activity.flush(&app.store).await
}

pub(super) async fn run(app: Arc<App>, mut rounds: Rounds) {
    let mut interval = every(INTERVAL);
    while rounds.next(tick(&mut interval)).await {
        rounds.judge(&run_once(&app).await);
    }
}
