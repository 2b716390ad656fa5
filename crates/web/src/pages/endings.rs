//! Ending sessions on behalf of a person: the one path from pages and API to the
//! flow.

use std::sync::Arc;

use nightlatch_flows::own_endings::{OwnEnding, OwnEndingOutcome, end_own};

use crate::failure::Failure;
use crate::guard::{Presence, Visit};
use crate::signals::Concern;

/// Ends what the holder of a session asks to end, and tells open pages.
pub(crate) async fn end(visit: &Visit, wanted: OwnEnding) -> Result<OwnEndingOutcome, Failure> {
    let (acting, user) = match &visit.presence {
        Presence::SignedIn(live) => (live.owned.session.id, live.owned.user.id),
        Presence::Over(over) => (over.session_id, over.user_id),
        Presence::Replaced {
            session_id,
            user_id,
        } if wanted == OwnEnding::This => (*session_id, *user_id),
        Presence::Replaced { .. } | Presence::Nobody => return Ok(OwnEndingOutcome::SessionOver),
    };
    let app = &visit.app;
    let (moment, activity) = (app.moment(), Arc::clone(&app.activity));
    let presented = visit.session_token;
    let outcome: OwnEndingOutcome = app
        .store
        .write_ending(move |tx| end_own(tx, &moment, &activity, acting, presented, &wanted))
        .await?;
    if let OwnEndingOutcome::Done(done) = &outcome {
        app.metrics.ending(done.cause);
        app.signals.ended(Concern::User(user));
    }
    Ok(outcome)
}
