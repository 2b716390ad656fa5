//! `/logout`: ends this browser's session. It always answers (OUT-03, B2, B10).

use std::sync::Arc;

use axum::Extension;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use nightlatch_domain::organization::AfterLogOut;
use nightlatch_flows::own_endings::{OwnEnding, OwnEndingDone, OwnEndingOutcome};

use crate::cookies::{self, Jar};
use crate::failure::Failure;
use crate::guard::Visit;
use crate::links;
use crate::pages::{Fields, end};
use crate::same_origin::Provenance;
use crate::show;
use crate::views::{LogoutPage, Nav};

/// `GET /logout`: asks. It changes nothing, whoever made the browser come here.
pub(crate) async fn get(Extension(visit): Extension<Arc<Visit>>) -> Result<Response, Failure> {
    ask(&visit, StatusCode::OK).await
}

async fn ask(visit: &Visit, status: StatusCode) -> Result<Response, Failure> {
    let page = LogoutPage {
        frame: show::frame(visit, Nav::Elsewhere).await?,
    };
    show::page_with(visit, status, &page, Jar::default())
}

/// `POST /logout`.
///
/// Headers that only one of our own pages can produce are enough, however old
/// the form is: an aged token must not trap anybody (B10). Without such headers
/// the form's token decides; a foreign page gets the question and changes
/// nothing (B9). The question is asked at `GET /logout`: browsers send no session
/// cookie along with a foreign form, so here it would claim that nobody is signed
/// in.
pub(crate) async fn post(
    Extension(visit): Extension<Arc<Visit>>,
    fields: Result<Fields, Failure>,
) -> Result<Response, Failure> {
    if is_forged(&visit, fields.as_ref().ok()) {
        return match visit.provenance {
            Provenance::Foreign => Ok(show::see_other(links::LOGOUT, Jar::default())),
            _ => ask(&visit, StatusCode::OK).await,
        };
    }
    if let OwnEndingOutcome::Done(done) = end(&visit, OwnEnding::This).await? {
        return Ok(signed_out(&visit, &done));
    }
    // Nobody was signed in here, or no longer: that is no error (RPL-07).
    let mut jar = Jar::default();
    jar.remove(cookies::SESSION);
    Ok(farewell(jar, links::SIGNED_OUT, false))
}

/// Whether nothing proves that one of our own pages sent this form.
pub(crate) fn is_forged(visit: &Visit, fields: Option<&Fields>) -> bool {
    match visit.provenance {
        Provenance::SameOrigin => false,
        Provenance::Foreign => true,
        Provenance::Unproven => !fields
            .map(|fields| fields.get("csrf"))
            .is_some_and(|token| visit.is_own_form(token) || visit.is_form_of_replaced(token)),
    }
}

/// The answer after this browser's session ended, whichever act ended it.
pub(crate) fn signed_out(visit: &Visit, done: &OwnEndingDone) -> Response {
    let mut jar = Jar::default();
    jar.remove(cookies::SESSION);
    if let Some(receipt) = &done.receipt {
        jar.set_receipt(receipt, done.shared);
    }
    let after = visit
        .live()
        .map(|live| live.owned.organization.settings.after_log_out)
        .unwrap_or_default();
    let to = match after {
        // The page that advises to close the window (SHR-03).
        _ if visit.is_shared() => links::SIGNED_OUT,
        AfterLogOut::SignedOutPage => links::SIGNED_OUT,
        AfterLogOut::LoginPage => links::LOGIN,
    };
    farewell(jar, to, done.shared)
}

/// A redirect that also clears what pages of ours may have left in the browser:
/// storage always, the cache only on shared computers, where it is worth the
/// seconds that Chromium takes (OUT-05, OUT-06, SHR-03). Never cookies: that would
/// wipe those of sibling hosts.
pub(crate) fn farewell(jar: Jar, to: &str, shared: bool) -> Response {
    let mut answer = show::see_other(to, jar);
    let clear = if shared {
        "\"cache\", \"storage\""
    } else {
        "\"storage\""
    };
    answer
        .headers_mut()
        .insert("clear-site-data", HeaderValue::from_static(clear));
    answer
}
