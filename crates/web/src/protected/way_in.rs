//! The way into a protected app: away to our own sign-in, back with a code, and on to
//! the very page (FWD-04, FWD-05).

use std::sync::Arc;

use axum::Extension;
use axum::http::StatusCode;
use axum::response::Response;
use nightlatch_domain::secret::Token;
use nightlatch_flows::protected::{self as flow, Arrival, ArrivalOutcome};
use nightlatch_protocols::forward_auth::STATE_COOKIE;
use nightlatch_protocols::forward_auth::answer::sign_in_address;
use nightlatch_protocols::oidc::authorize::{Endpoint, host as waiting};
use nightlatch_storage::StorageError;

use super::{HostVisit, gone, page};
use crate::cookies::Jar;
use crate::failure::Failure;
use crate::links;
use crate::pages::Query;
use crate::show;
use crate::views::{HostProblem, HostProblemPage};

/// `GET /.nightlatch/sign-in?to=…`: away to sign in. Without a way back it is the page
/// from which the browser comes: a script may lead here.
pub(crate) async fn sign_in(
    Extension(visit): Extension<Arc<HostVisit>>,
    query: Query,
) -> Result<Response, Failure> {
    let Some(known) = visit.check().await? else {
        return Err(gone());
    };
    let return_to = visit.way_back(query.get("to"));
    let mut jar = Jar::default();
    if known.is_in() {
        return Ok(show::see_other(&visit.host.address_of(&return_to), jar));
    }
    // One for all tabs of this browser: each waits for a request of its own.
    let state = match &visit.state {
        Some(state) => state.clone(),
        None => Token::generate(visit.app.random.as_ref()),
    };
    jar.set_state(&state);
    let (moment, keys) = (visit.app.moment(), visit.app.signing.current());
    let endpoint = Endpoint {
        store: &visit.app.store,
        keys: &keys,
        issuer: visit.app.public_url.origin(),
        moment: &moment,
        address: visit.address,
    };
    let token = waiting::begin(endpoint, &known.rule, &visit.host, &state, return_to).await?;
    let to = links::waiting_request(&token.reveal());
    Ok(show::see_other(&visit.app.public_url.address_of(&to), jar))
}

/// `GET /.nightlatch/callback`: back with a code.
pub(crate) async fn callback(
    Extension(visit): Extension<Arc<HostVisit>>,
    query: Query,
) -> Result<Response, Failure> {
    let Some(code) = Token::parse(query.get("code")) else {
        let problem = match query.get("error") {
            "unmet_authentication_requirements" => HostProblem::NeedsSecondStep,
            _ => HostProblem::NotSignedIn,
        };
        return trouble(&visit, problem, "/").await;
    };
    let why = match &visit.state {
        None => "the browser was given no state",
        Some(state) => match arrive(&visit, &code, state).await? {
            Ok(answer) => return Ok(answer),
            Err(why) => why,
        },
    };
    // Another tab was faster, or the answer was loaded again: whoever is in goes on.
    let (host, presented) = (visit.host.clone(), code);
    let remembered: Option<String> = visit
        .app
        .store
        .read(move |tx| flow::remembered(tx, &host, &presented))
        .await?;
    let return_to = remembered.and_then(|text| waiting::return_to(&text));
    let return_to = visit.way_back(return_to.as_deref().unwrap_or("/"));
    if visit.check().await?.is_some_and(|known| known.is_in()) {
        let to = visit.host.address_of(&return_to);
        return Ok(show::see_other(&to, Jar::default()));
    }
    tracing::info!(
        reference = visit.envelope.reference,
        host = %visit.host,
        "a code for a protected host was refused: {why}"
    );
    trouble(&visit, HostProblem::DidNotWork, &return_to).await
}

/// Uses the code, and sends the person on; or says why not.
async fn arrive(
    visit: &HostVisit,
    code: &Token,
    state: &Token,
) -> Result<Result<Response, &'static str>, StorageError> {
    let arrival = Arrival {
        host: visit.host.clone(),
        code: code.clone(),
        state: state.clone(),
        before: visit.presented.clone(),
    };
    let moment = visit.app.moment();
    let outcome: ArrivalOutcome = visit
        .app
        .store
        .write(move |tx| flow::enter(tx, &moment, &arrival))
        .await?;
    let (cookie, rule, request) = match outcome {
        ArrivalOutcome::Entered {
            cookie,
            rule,
            request,
        } => (cookie, rule, request),
        ArrivalOutcome::Refused(why) => return Ok(Err(why)),
    };
    let mut jar = Jar::default();
    jar.remove(STATE_COOKIE);
    match &rule.protection.cookie_domain {
        Some(domain) => jar.set_domain(rule.client_id, domain, Some(&cookie)),
        None => jar.set_host(&cookie),
    }
    // It was checked before it was stored; nobody is sent anywhere unchecked.
    let return_to = waiting::return_to(&request).unwrap_or_default();
    let return_to = visit.way_back(&return_to);
    Ok(Ok(show::see_other(&visit.host.address_of(&return_to), jar)))
}

async fn trouble(
    visit: &HostVisit,
    problem: HostProblem,
    return_to: &str,
) -> Result<Response, Failure> {
    let view = HostProblemPage {
        frame: visit.frame().await,
        problem,
        app: visit.name.clone(),
        again: sign_in_address(&visit.host, Some(return_to)),
        security: visit.app.public_url.address_of(links::SECURITY),
        reference: visit.envelope.reference.clone(),
    };
    let status = match problem {
        HostProblem::DidNotWork => StatusCode::BAD_REQUEST,
        HostProblem::NotSignedIn | HostProblem::NeedsSecondStep => StatusCode::FORBIDDEN,
    };
    page(status, &view, Jar::default())
}
