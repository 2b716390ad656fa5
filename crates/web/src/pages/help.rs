//! `/help`: how to log out, and a way out when nothing else works.

use std::sync::Arc;

use axum::Extension;
use axum::http::HeaderValue;
use axum::response::Response;
use nightlatch_flows::own_endings::{OwnEnding, OwnEndingOutcome};
use nightlatch_storage::{StorageError, browsers};

use crate::cookies::{self, Jar};
use crate::failure::Failure;
use crate::guard::Visit;
use crate::links;
use crate::pages::{Fields, end};
use crate::show;
use crate::views::{HelpPage, Nav};

/// `GET /help`.
pub(crate) async fn get(Extension(visit): Extension<Arc<Visit>>) -> Result<Response, Failure> {
    let page = HelpPage {
        frame: show::frame(&visit, Nav::Elsewhere).await?,
        csrf: visit.form_token(),
    };
    show::page(&visit, &page)
}

/// `GET /help/reset-browser`.
pub(crate) async fn to_page() -> Response {
    show::see_other(links::HELP, Jar::default())
}

async fn is_marked_shared(visit: &Visit) -> Result<bool, Failure> {
    let Some(token) = visit.browser_token() else {
        return Ok(false);
    };
    let found: Result<_, StorageError> = visit
        .app
        .store
        .read(move |tx| browsers::find_by_token(tx, token))
        .await;
    Ok(found?.is_some_and(|browser| browser.always_shared))
}

/// `POST /help/reset-browser`: ends the session here and clears what this site
/// keeps in this browser. Like Log out it does not depend on the age of the form;
/// the guard has made sure that one of our own pages sent it.
pub(crate) async fn reset_browser(
    Extension(visit): Extension<Arc<Visit>>,
    _fields: Fields,
) -> Result<Response, Failure> {
    let ended = end(&visit, OwnEnding::This).await?;
    let mut jar = Jar::default();
    let marked = is_marked_shared(&visit).await?;
    for name in cookies::ALL {
        // An administrator's mark is not the visitor's to take away (G6).
        if name != cookies::BROWSER || !marked {
            jar.remove(name);
        }
    }
    if let OwnEndingOutcome::Done(done) = &ended
        && let Some(receipt) = &done.receipt
    {
        jar.set_receipt(receipt, done.shared);
    }
    let mut answer = show::see_other(links::SIGNED_OUT, jar);
    // The person asked for everything to go, so the cache goes too.
    answer.headers_mut().insert(
        "clear-site-data",
        HeaderValue::from_static("\"cache\", \"storage\""),
    );
    Ok(answer)
}
