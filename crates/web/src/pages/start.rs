//! `/`: a signed-in person's apps, and their last sign-in.

use axum::response::Response;
use nightlatch_domain::event::EventKind;
use nightlatch_domain::relying_party::{RelyingParty, RelyingPartyStatus};
use nightlatch_flows::check_up;
use nightlatch_storage::{StorageError, events, relying_parties};

use crate::failure::Failure;
use crate::guard::Person;
use crate::pages::apps::page_of;
use crate::show;
use crate::views::{AppView, LastSignInView, Nav, StartPage};

/// How many apps of an organization are looked at.
const MOST_APPS: i64 = 500;

/// `GET /`.
pub(crate) async fn get(person: Person) -> Result<Response, Failure> {
    let visit = &person.visit;
    let user = person.live.owned.user.id;
    let since = person.live.owned.session.created_at;
    let (moment, owner) = (visit.app.moment(), person.live.owned.user.clone());
    let organization = owner.organization_id;
    let found: Result<_, StorageError> = visit
        .app
        .store
        .read(move |tx| {
            let review_due = check_up::is_review_due(tx, &moment, &owner)?;
            let apps = relying_parties::list_of_organization(tx, organization, None, MOST_APPS)?;
            let Some(last) = events::find_sign_in_before(tx, user, since)? else {
                return Ok((apps, None, review_due));
            };
            let failed = events::count_of_user(tx, user, EventKind::SignInFailed, last.at)?;
            Ok((apps, Some((last, failed)), review_due))
        })
        .await;
    let (apps, last, review_due) = found?;
    let last_sign_in = last.map(|(event, failed)| LastSignInView {
        time: show::time(event.at, visit.now),
        device: event.client.description().phrase(),
        place: event.client.place,
        failed_since: failed.unsigned_abs(),
    });
    let page = StartPage {
        frame: show::frame(visit, Nav::Elsewhere).await?,
        apps: apps.iter().filter_map(view).collect(),
        last_sign_in,
        review_due,
    };
    show::page(visit, &page)
}

/// An app that has a page to start from.
fn view(app: &RelyingParty) -> Option<AppView> {
    let home = app.registration.home.as_ref().and_then(page_of)?;
    (app.status == RelyingPartyStatus::Active).then(|| AppView {
        name: app.name.clone(),
        about: None,
        href: home,
    })
}
