//! `/signed-out`: what happened, in the browser that made it happen.
//!
//! Public; opened by the receipt cookie and by nothing in the address. Without a
//! receipt it only says whether this browser is signed in. It names nobody: the
//! next person in front of this screen reads it too. It never starts a
//! sign-in by itself (OUT-16).

use std::sync::Arc;

use axum::Extension;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::Response;

use crate::envelope;
use crate::failure::Failure;
use crate::guard::{Presence, Visit};
use crate::receipts::{self, Reader};
use crate::show;
use crate::views::{LinkView, Nav, ReceiptApps, ReceiptView, SignedOutPage};

/// `GET /signed-out`.
pub(crate) async fn get(Extension(visit): Extension<Arc<Visit>>) -> Result<Response, Failure> {
    show(&visit, None).await
}

/// The page; `back` leads to the app from which somebody came.
pub(crate) async fn show(visit: &Visit, back: Option<LinkView>) -> Result<Response, Failure> {
    let mut frame = show::frame(visit, Nav::Elsewhere).await?;
    let found = receipts::find_after_answers(visit).await?;
    // The clock has moved on while the page waited.
    let now = visit.app.clock.now();
    let shared = found.as_ref().is_some_and(|opened| opened.receipt.shared);
    if found.is_some() {
        frame.ended = Some(String::new());
    }
    let elsewhere = match &visit.presence {
        // Ended elsewhere or by itself: told here too, if this is the next page.
        Presence::Over(over) if found.is_none() => Some(ReceiptView {
            why: show::why(over.cause).sentence().to_owned(),
            when: show::time(over.at, now),
            sessions: 1,
            browsers: 1,
            complete: true,
            apps: ReceiptApps::None,
            is_open: false,
        }),
        _ => None,
    };
    let frames = match &found {
        Some(opened) => receipts::frames(visit, opened).await?,
        None => Vec::new(),
    };
    let receipt = found.map(|opened| {
        let (receipt, ending) = (&opened.receipt, &opened.ending);
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
        let apps = if opened.apps.is_empty() {
            ReceiptApps::None
        } else if shared {
            ReceiptApps::Counted(receipts::counts(&opened.apps))
        } else {
            ReceiptApps::Named(receipts::lines(&opened.apps, Reader::Person, now))
        };
        ReceiptView {
            why: show::why(ending.cause).sentence().to_owned(),
            when: show::time(ending.at, now),
            sessions: sessions.unsigned_abs(),
            browsers: browsers.unsigned_abs(),
            complete,
            apps,
            is_open: opened.is_open(),
        }
    });
    let sources = receipts::frame_sources(&frames);
    let page = SignedOutPage {
        frame,
        receipt: receipt.or(elsewhere),
        shared,
        back,
        frames: frames.iter().map(ToString::to_string).collect(),
    };
    let mut answer = show::page(visit, &page)?;
    if !sources.is_empty() {
        let policy = envelope::policy(&visit.envelope.nonce);
        if let Ok(policy) = HeaderValue::try_from(format!("{policy}; frame-src {sources}")) {
            answer.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
        }
    }
    Ok(answer)
}
