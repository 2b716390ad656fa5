//! Sends mails: at once when something may have been put into the queue, when the
//! next one is due, and now and then for what other processes put there.

use std::sync::Arc;
use std::time::Duration;

use nightlatch_storage::StorageError;
use nightlatch_web::mailing;
use nightlatch_web::state::App;

use super::Rounds;

/// How long to rest after the database could not be asked.
const AFTER_TROUBLE: Duration = Duration::from_secs(5);

/// One round; returns how long the next one can wait.
pub async fn run_once(app: &App) -> Result<Duration, StorageError> {
    mailing::deliver_due(app).await
}

pub(super) async fn run(app: Arc<App>, mut rounds: Rounds) {
    let mut wait = Duration::ZERO;
    loop {
        let beginning = async {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = app.mailing.woken() => {}
            }
        };
        if !rounds.next(beginning).await {
            return;
        }
        let result = run_once(&app).await;
        rounds.judge(&result);
        wait = result.unwrap_or(AFTER_TROUBLE);
    }
}
