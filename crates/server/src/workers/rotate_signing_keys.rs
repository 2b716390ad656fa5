//! Makes the keys that sign tokens, in time, and learns of those that other nodes
//! made (OIDC-20).

use std::sync::Arc;
use std::time::Duration;

use nightlatch_domain::relying_party::SigningAlgorithm;
use nightlatch_protocols::signing_keys::SigningKeysError;
use nightlatch_web::state::App;

use super::{Rounds, every, tick};

/// Far shorter than the time for which a key is published before it signs.
const PERIOD: Duration = Duration::from_mins(5);

/// Makes what is due, forgets the private halves of what is over, and reads all keys.
pub async fn run_once(app: &App) -> Result<(), SigningKeysError> {
    let moment = app.moment();
    app.signing.forget_retired(&app.store, moment.now).await?;
    app.signing
        .refresh(&app.store, &app.sealer, &moment, &SigningAlgorithm::ALL)
        .await
}

pub(super) async fn run(app: Arc<App>, mut rounds: Rounds) {
    let mut interval = every(PERIOD);
    while rounds.next(tick(&mut interval)).await {
        let result = run_once(&app).await;
        rounds.judge(&result);
    }
}
