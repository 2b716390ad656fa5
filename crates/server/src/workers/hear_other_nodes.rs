//! Learns of the endings that other nodes did, so that pages open here hear of
//! them too.
//!
//! It only wakes; every check on PostgreSQL asks the database, so nothing is
//! admitted because this came late.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use nightlatch_domain::Timestamp;
use nightlatch_domain::ending::Cause;
use nightlatch_domain::ids::EndingId;
use nightlatch_storage::StorageError;
use nightlatch_storage::endings::{self, Ending};
use nightlatch_web::signals::Concern;
use nightlatch_web::state::App;

use super::{Rounds, every, tick};

const PERIOD: Duration = Duration::from_millis(500);

/// How far back to look: what others commit may carry an instant that lies
/// behind, by their transaction's time and by the difference of clocks.
const LOOK_BACK: Duration = Duration::from_secs(10);

/// How long a seen ending is remembered; longer than it can be listed.
const REMEMBERED: Duration = Duration::from_mins(1);

const MOST: i64 = 1000;

/// The endings that were seen, and when.
#[derive(Debug, Default)]
pub struct Heard(HashMap<EndingId, Timestamp>);

/// One round; returns how many endings were new.
pub async fn run_once(app: &App, heard: &mut Heard) -> Result<usize, StorageError> {
    let now = app.clock.now();
    let recent: Vec<Ending> = app
        .store
        .read(move |tx| endings::list_since(tx, now.minus(LOOK_BACK), MOST))
        .await?;
    // More than fit: rather wake everybody than miss somebody.
    let overflowing = i64::try_from(recent.len()).is_ok_and(|length| length >= MOST);
    let mut new = 0;
    for ending in &recent {
        if heard.0.insert(ending.id, now).is_none() {
            new += 1;
            if let Some(concern) = concern(ending) {
                app.signals.ended(concern);
            }
        }
    }
    if overflowing {
        app.signals.ended(Concern::Everybody);
    }
    heard.0.retain(|_, seen| now.since(*seen) < REMEMBERED);
    Ok(new)
}

fn concern(ending: &Ending) -> Option<Concern> {
    match (ending.user_id, ending.organization_id) {
        (Some(user), _) => Some(Concern::User(user)),
        // A batch of overdue sessions. Their deadlines are known here as well, and
        // waking everybody each half minute would be work for nothing.
        _ if matches!(ending.cause, Cause::IdleTimeout | Cause::OverallTimeout) => None,
        (None, Some(organization)) => Some(Concern::Organization(organization)),
        (None, None) => Some(Concern::Everybody),
    }
}

pub(super) async fn run(app: Arc<App>, mut rounds: Rounds) {
    let mut interval = every(PERIOD);
    let mut heard = Heard::default();
    while rounds.next(tick(&mut interval)).await {
        let result = run_once(&app, &mut heard).await;
        rounds.judge(&result);
    }
}
