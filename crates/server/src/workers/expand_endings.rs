//! Writes down, session by session, what a wide ending has ended already.

use std::sync::Arc;
use std::time::Duration;

use nightlatch_flows::log_out::{self, Expansion};
use nightlatch_storage::StorageError;
use nightlatch_web::state::App;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::{Rounds, every, tick};

/// For endings of other processes, which wake nobody here.
const PERIOD: Duration = Duration::from_secs(5);

/// One batch.
pub async fn run_once(app: &App) -> Result<Expansion, StorageError> {
    let moment = app.moment();
    app.store
        .write(move |tx| log_out::expand_next(tx, &moment))
        .await
}

pub(super) async fn run(app: Arc<App>, mut rounds: Rounds) {
    let mut interval = every(PERIOD);
    let mut signals = app.signals.listen();
    loop {
        let beginning = async {
            tokio::select! {
                () = tick(&mut interval) => {}
                () = hear(&mut signals) => {}
            }
        };
        if !rounds.next(beginning).await {
            return;
        }
        // Between batches the server may stop; nothing is lost by that.
        while rounds.next(std::future::ready(())).await {
            let expanded = run_once(&app).await;
            rounds.judge(&expanded);
            // A batch writes notices.
            app.signals.wake_delivery();
            if !matches!(expanded, Ok(Expansion::Continue)) {
                break;
            }
        }
    }
}

async fn hear<T: Clone>(signals: &mut Receiver<T>) {
    // Whatever it was, looking is right; a closed channel says nothing more.
    if matches!(signals.recv().await, Err(RecvError::Closed)) {
        std::future::pending::<()>().await;
    }
}
