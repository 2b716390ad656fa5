//! Ends what nobody ended: sessions past a deadline, also if their browser
//! never comes back (SES-11).

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use nightlatch_domain::ids::UserId;
use nightlatch_flows::activity::INTERVAL;
use nightlatch_flows::log_out;
use nightlatch_storage::StorageError;
use nightlatch_web::signals::Concern;
use nightlatch_web::state::App;

use super::{Rounds, every, tick};

const PERIOD: Duration = Duration::from_secs(30);
const BATCH: i64 = 500;

/// Batches of one round. If rows should ever stay overdue and yet be admitted,
/// the next round must not be the same one going on for ever.
const MOST_BATCHES: usize = 2_000;

/// Above so many people, all open pages look again, each at its own time: that
/// is less work than to tell so many one by one.
const MOST_TOLD: usize = 64;

/// One round; returns whether anything ended. It stays behind the present, so
/// that activity that another node has noted but not yet written saves its
/// session.
pub async fn run_once(app: &App) -> Result<bool, StorageError> {
    let mut people = HashSet::new();
    for _ in 0..MOST_BATCHES {
        let moment = app.moment();
        let before = moment.now.minus(INTERVAL * 3);
        let ended: Vec<UserId> = app
            .store
            .write(move |tx| log_out::end_overdue(tx, &moment, before, BATCH))
            .await?;
        // Also if rows are overdue and their sessions live, by activity that this
        // node has not been able to write.
        if ended.is_empty() {
            break;
        }
        people.extend(ended);
    }
    if people.len() > MOST_TOLD {
        app.signals.ended(Concern::Everybody);
    } else {
        for user in &people {
            app.signals.ended(Concern::User(*user));
        }
    }
    Ok(!people.is_empty())
}

pub(super) async fn run(app: Arc<App>, mut rounds: Rounds) {
    let mut interval = every(PERIOD);
    while rounds.next(tick(&mut interval)).await {
        rounds.judge(&run_once(&app).await);
    }
}
