//! `/account/security/recovery-code-used`: what comes after a sign-in with a recovery
//! code (MFA-06).

use axum::response::Response;
use nightlatch_domain::session::ProofMethod;
use nightlatch_flows::factors::enrolled;
use nightlatch_storage::StorageError;

use crate::cookies::Jar;
use crate::failure::Failure;
use crate::guard::Person;
use crate::links::{self, ReturnPath};
use crate::pages::Query;
use crate::show;
use crate::views::{Nav, RecoveryCodeUsedPage};

/// `GET /account/security/recovery-code-used`: says how many codes are left, leads to new
/// ones and to what the person has set up, and on to where they wanted to go.
pub(crate) async fn get(person: Person, query: Query) -> Result<Response, Failure> {
    let visit = &person.visit;
    let session = &person.live.owned.session;
    let is_one =
        |proof: &nightlatch_domain::session::Proof| proof.method == ProofMethod::RecoveryCode;
    if !session.proofs.iter().any(is_one) {
        return Ok(show::see_other(links::SECURITY, Jar::default()));
    }
    let user = session.user_id;
    let found: Result<_, StorageError> = visit.app.store.read(move |tx| enrolled(tx, user)).await;
    let on = ReturnPath::parse(query.get("return_to"), &visit.app.public_url);
    let page = RecoveryCodeUsedPage {
        frame: show::frame(visit, Nav::Security).await?,
        left: found?.recovery_codes_left,
        continue_href: on.map_or_else(|| links::START.to_owned(), |path| path.as_str().to_owned()),
    };
    show::page(visit, &page)
}
