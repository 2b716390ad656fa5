//! `/demo/mail`: what the demonstration would have sent. Registered by it alone.

use std::sync::Arc;

use axum::Extension;
use axum::response::Response;

use crate::failure::Failure;
use crate::guard::Visit;
use crate::mailing::Letter;
use crate::show;
use crate::views::{DemoLetterView, DemoLineView, DemoMailPage, Nav};

/// `GET /demo/mail`.
pub(crate) async fn get(Extension(visit): Extension<Arc<Visit>>) -> Result<Response, Failure> {
    let Some(outbox) = &visit.app.mailing.shown else {
        return Err(Failure::not_found());
    };
    let origin = visit.app.public_url.origin();
    let letters = outbox.letters();
    let page = DemoMailPage {
        frame: show::frame(&visit, Nav::Elsewhere).await?,
        letters: letters.iter().rev().map(|one| view(one, origin)).collect(),
    };
    show::page(&visit, &page)
}

fn view(letter: &Letter, origin: &str) -> DemoLetterView {
    let line = |text: &str| match text.strip_prefix(origin) {
        Some(path) => DemoLineView::Link(path.to_owned()),
        None => DemoLineView::Words(text.to_owned()),
    };
    let lines = letter.text.lines().filter(|text| !text.is_empty());
    DemoLetterView {
        recipient: letter.recipient.to_string(),
        subject: letter.subject.clone(),
        lines: lines.map(line).collect(),
    }
}
