//! `/account/endings/{id}`: one ending of the person's sessions, and what their apps
//! said to it.

use axum::extract::Path;
use axum::response::Response;
use nightlatch_domain::ids::EndingId;
use nightlatch_domain::user::Role;
use nightlatch_flows::receipts::{self, EndingDetails};
use nightlatch_storage::StorageError;

use crate::failure::Failure;
use crate::guard::Person;
use crate::receipts::{Reader, lines};
use crate::show;
use crate::views::{EndingPage, Nav};

/// The ending of this id, if it concerned the person: others' are as good as none.
pub(crate) async fn find(person: &Person, id: &str) -> Result<EndingDetails, Failure> {
    let id: EndingId = id.parse().map_err(|_| Failure::not_found())?;
    let user = person.live.owned.user.id;
    let found: Result<_, StorageError> = person
        .visit
        .app
        .store
        .read(move |tx| receipts::of_ending(tx, user, id))
        .await;
    found?.ok_or_else(Failure::not_found)
}

/// For whom the words are: only administrators can mend an app (C8).
pub(crate) fn reader(person: &Person) -> Reader {
    match person.live.owned.user.role {
        Role::Owner | Role::Administrator | Role::Auditor => Reader::Administrator,
        Role::Member => Reader::Person,
    }
}

/// `GET /account/endings/{id}`.
pub(crate) async fn get(person: Person, Path(id): Path<String>) -> Result<Response, Failure> {
    let details = find(&person, &id).await?;
    let visit = &person.visit;
    let ending = &details.ending;
    let page = EndingPage {
        frame: show::frame(visit, Nav::History).await?,
        why: show::why(ending.cause).sentence().to_owned(),
        who: show::who(ending.actor, Some(person.live.owned.user.id)),
        reason: ending.reason.clone(),
        when: show::time(ending.at, visit.now),
        sessions: details.sessions.unsigned_abs(),
        is_open: details.apps.iter().any(receipts::AppOutcome::is_open),
        apps: lines(&details.apps, reader(&person), visit.now),
    };
    show::page(visit, &page)
}
