//! `/signed-out`: what happened, in the browser that made it happen.
//!
//! Public; opened by the receipt cookie and by nothing in the address. Without a
//! receipt it only says whether this browser is signed in. It names nobody: the
//! next person in front of this screen reads it too. It never starts a
//! sign-in by itself (OUT-16).

use std::sync::Arc;

use axum::Extension;
use axum::response::Response;
use nightlatch_flows::sessions::find_receipt;
use nightlatch_storage::StorageError;

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
                .read(move |tx| find_receipt(tx, token, now))
                .await;
            found?
        }
        None => None,
    };
    let shared = found.as_ref().is_some_and(|(receipt, _)| receipt.shared);
    if found.is_some() {
        frame.ended = Some(String::new());
    }
    let elsewhere = match &visit.presence {
        // Ended elsewhere or by itself: told here too, if this is the next page.
        Presence::Over(over) if found.is_none() => Some(ReceiptView {
            why: show::why(over.cause).sentence().to_owned(),
            when: show::time(over.at, visit.now),
            sessions: 1,
            browsers: 1,
            complete: true,
            apps: Vec::new(),
        }),
        _ => None,
    };
    let receipt = found.map(|(receipt, ending)| {
        // An ending of several people's sessions counts here as what it was for
        // this browser: how many others there were is nobody's business.
        let (sessions, browsers, complete) = match ending.user_id {
            Some(_) => (
                ending.sessions_ended + receipt.more_sessions,
                ending.browsers_ended + receipt.more_browsers,
                ending.expanded,
            ),
            None => (1, 1, true),
        };
        ReceiptView {
            why: show::why(ending.cause).sentence().to_owned(),
            when: show::time(ending.at, visit.now),
            sessions: sessions.unsigned_abs(),
            browsers: browsers.unsigned_abs(),
            complete,
            apps: Vec::new(),
        }
    });
    let page = SignedOutPage {
        frame,
        receipt: receipt.or(elsewhere),
        shared,
    };
    show::page(&visit, &page)
}
