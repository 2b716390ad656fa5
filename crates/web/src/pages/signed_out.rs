//! `/signed-out`: what happened, in the browser that made it happen.
//!
//! Public; opened by the receipt cookie and by nothing in the address. Without a
//! receipt it only says whether this browser is signed in. It never starts a
//! sign-in by itself (OUT-16).

use std::sync::Arc;

use axum::Extension;
use axum::response::Response;
use nightlatch_flows::sessions::find_receipt;
use nightlatch_storage::{StorageError, users};

use crate::failure::Failure;
use crate::guard::{Presence, Visit};
use crate::show;
use crate::views::{Nav, ReceiptView, SignedOutPage};

/// `GET /signed-out`.
pub(crate) async fn get(Extension(visit): Extension<Arc<Visit>>) -> Result<Response, Failure> {
    let mut frame = show::frame(&visit, Nav::Elsewhere).await?;
    let found = match visit.receipt_token.filter(|_| visit.live().is_none()) {
        Some(token) => {
            let now = visit.now;
            let found: Result<_, StorageError> = visit
                .app
                .store
                .read(move |tx| {
                    let Some((receipt, ending)) = find_receipt(tx, token, now)? else {
                        return Ok(None);
                    };
                    let person = match ending.user_id {
                        Some(id) if !receipt.shared => Some(users::get(tx, id)?.name),
                        _ => None,
                    };
                    Ok(Some((receipt, ending, person)))
                })
                .await;
            found?
        }
        None => None,
    };
    let shared = found.as_ref().is_some_and(|(receipt, _, _)| receipt.shared);
    if found.is_some() {
        frame.ended = Some(String::new());
    }
    let elsewhere = match &visit.presence {
        // Ended elsewhere or by itself: told here too, if this is the next page.
        Presence::Over(over) if found.is_none() => Some(ReceiptView {
            why: show::why(over.cause).sentence().to_owned(),
            when: show::time(over.at, visit.now),
            person: None,
            sessions: 1,
            browsers: 1,
            apps: Vec::new(),
        }),
        _ => None,
    };
    let receipt = found.map(|(_, ending, person)| ReceiptView {
        why: show::why(ending.cause).sentence().to_owned(),
        when: show::time(ending.at, visit.now),
        person,
        sessions: ending.sessions_ended.unsigned_abs(),
        browsers: ending.browsers_ended.unsigned_abs(),
        apps: Vec::new(),
    });
    let page = SignedOutPage {
        frame,
        receipt: receipt.or(elsewhere),
        shared,
    };
    show::page(&visit, &page)
}
