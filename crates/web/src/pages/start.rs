//! `/`: a signed-in person's apps, and their last sign-in.

use axum::response::Response;
use nightlatch_domain::event::EventKind;
use nightlatch_flows::check_up;
use nightlatch_storage::{StorageError, events};

use crate::failure::Failure;
use crate::guard::Person;
use crate::show;
use crate::views::{LastSignInView, Nav, StartPage};

/// `GET /`.
pub(crate) async fn get(person: Person) -> Result<Response, Failure> {
    let visit = &person.visit;
    let user = person.live.owned.user.id;
    let since = person.live.owned.session.created_at;
    let (moment, owner) = (visit.app.moment(), person.live.owned.user.clone());
    let found: Result<_, StorageError> = visit
        .app
        .store
        .read(move |tx| {
            let review_due = check_up::is_review_due(tx, &moment, &owner)?;
            let Some(last) = events::find_sign_in_before(tx, user, since)? else {
                return Ok((None, review_due));
            };
            let failed = events::count_of_user(tx, user, EventKind::SignInFailed, last.at)?;
            Ok((Some((last, failed)), review_due))
        })
        .await;
    let (last, review_due) = found?;
    let last_sign_in = last.map(|(event, failed)| LastSignInView {
        time: show::time(event.at, visit.now),
        device: event.client.description().phrase(),
        place: event.client.place,
        failed_since: failed.unsigned_abs(),
    });
    let page = StartPage {
        frame: show::frame(visit, Nav::Elsewhere).await?,
        apps: Vec::new(),
        last_sign_in,
        review_due,
    };
    show::page(visit, &page)
}
