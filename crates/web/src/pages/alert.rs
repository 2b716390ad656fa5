//! `/alert/{token}`: "This wasn't me", from a mail (H2). It works without signing
//! in, without cookies and without scripts. Opening it changes nothing, since mail
//! scanners open every link (AUTH-10).

use std::sync::Arc;

use axum::Extension;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use nightlatch_domain::ids::MailLinkId;
use nightlatch_domain::mail::{LinkKind, LinkRefusal};
use nightlatch_flows::disown::{self, Disowned, Extent, Reported};
use nightlatch_storage::StorageError;

use crate::cookies::Jar;
use crate::failure::Failure;
use crate::guard::Visit;
use crate::pages::Fields;
use crate::show;
use crate::signals::Concern;
use crate::views::{AlertPage, AlertSessionView, AlertState, AlertView, DisownedView, Nav};

fn find_link(visit: &Visit, token: &str) -> Option<MailLinkId> {
    visit.app.link_key.verify(LinkKind::Alert, token)
}

async fn answer(visit: &Visit, state: AlertState) -> Result<Response, Failure> {
    let status = match state {
        AlertState::Gone { .. } => StatusCode::GONE,
        AlertState::Asking(_) | AlertState::Done(_) => StatusCode::OK,
    };
    let mut frame = show::frame(visit, Nav::Elsewhere).await?;
    // What was done may have ended this browser's own session. A page that still
    // watched it would leave at once, and nobody could read what happened.
    if matches!(state, AlertState::Done(_)) {
        frame.person = None;
    }
    show::page_with(visit, status, &AlertPage { frame, state }, Jar::default())
}

fn gone(refusal: LinkRefusal) -> AlertState {
    let sentence = match refusal {
        LinkRefusal::Used => {
            "Somebody has used this link already; it works once. What it did stays done."
        }
        LinkRefusal::Expired => {
            "Links in such mails work for 24 hours, or for 7 days where they tell of a change to what opens the account. This one is older."
        }
        LinkRefusal::Unknown | LinkRefusal::Overtaken => {
            "This link does nothing any more. Please check that you opened all of it."
        }
    };
    AlertState::Gone { sentence }
}

/// `GET /alert/{token}`.
pub(crate) async fn get(
    Extension(visit): Extension<Arc<Visit>>,
    Path(token): Path<String>,
) -> Result<Response, Failure> {
    let Some(link) = find_link(&visit, &token) else {
        return answer(&visit, gone(LinkRefusal::Unknown)).await;
    };
    let moment = visit.app.moment();
    let found: Result<Reported, LinkRefusal> = visit
        .app
        .store
        .read(move |tx| -> Result<_, StorageError> { disown::show(tx, &moment, link) })
        .await?;
    let state = match found {
        Err(refusal) => gone(refusal),
        Ok(reported) => AlertState::Asking(Box::new(AlertView {
            action: format!("/alert/{token}"),
            name: reported.user.name.clone(),
            email: reported.address,
            session: reported.session.as_ref().map(|session| {
                let client = &session.client;
                let address = || client.address.map(|address| format!("address {address}"));
                AlertSessionView {
                    device: client.description().phrase(),
                    place: client.place.clone().or_else(address),
                    time: show::time(session.created_at, visit.now),
                    over: reported.over,
                    removes: reported.of_session.words(),
                }
            }),
            doubtful_since: show::time(reported.doubtful_since, visit.now),
            all_removes: reported.of_all.words(),
        })),
    };
    answer(&visit, state).await
}

/// `POST /alert/{token}`.
pub(crate) async fn post(
    Extension(visit): Extension<Arc<Visit>>,
    Path(token): Path<String>,
    fields: Fields,
) -> Result<Response, Failure> {
    let Some(link) = find_link(&visit, &token) else {
        return answer(&visit, gone(LinkRefusal::Unknown)).await;
    };
    let extent = match fields.get("extent") {
        "that" => Extent::ThatSession,
        _ => Extent::AllSessions,
    };
    let (moment, client) = (visit.app.moment(), visit.client.clone());
    let done: Result<Disowned, LinkRefusal> = visit
        .app
        .store
        .write(move |tx| -> Result<_, StorageError> {
            disown::disown(tx, &moment, link, extent, &client)
        })
        .await?;
    let state = match done {
        Err(refusal) => gone(refusal),
        Ok(disowned) => {
            visit.app.metrics.ending(disowned.cause);
            visit.app.signals.ended(Concern::User(disowned.user.id));
            AlertState::Done(DisownedView {
                sessions: disowned.done.sessions,
                removed: disowned.removed.words(),
                recovery_to: disowned
                    .recovery_sent
                    .then(|| disowned.user.email.to_string()),
            })
        }
    };
    answer(&visit, state).await
}
