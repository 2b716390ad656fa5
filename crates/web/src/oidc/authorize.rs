//! `/oauth2/authorize`: where apps send people, and where those who had to do
//! something first come back to.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Extension;
use axum::extract::Path;
use axum::response::Response;
use nightlatch_domain::ids::SessionId;
use nightlatch_domain::secret::Token;
use nightlatch_flows::Moment;
use nightlatch_protocols::jose::KeySet;
use nightlatch_protocols::oidc::authorize::decide::{Decision, ProofWanted};
use nightlatch_protocols::oidc::authorize::{
    self as protocol, Endpoint, Outcome, Parameters, Question, ResponseMode,
};

use super::pages::{self, Asking};
use crate::cookies::Jar;
use crate::failure::Failure;
use crate::guard::{Person, Visit};
use crate::links;
use crate::pages::flash::Flash;
use crate::pages::proof::{Taken, Takes, take_proof};
use crate::pages::{Fields, Query};
use crate::show;
use crate::state::App;

/// Where a page may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// At its own address, after nothing was sent.
    Here,
    /// At the address that leads back to the request.
    There,
}

/// What an answer is made with.
struct Desk {
    moment: Moment,
    keys: Arc<KeySet>,
    address: Option<IpAddr>,
}

impl Desk {
    fn of(visit: &Visit) -> Self {
        Self {
            moment: visit.app.moment(),
            keys: visit.app.signing.current(),
            address: visit.client.address,
        }
    }

    fn endpoint<'a>(&'a self, app: &'a App) -> Endpoint<'a> {
        Endpoint {
            store: &app.store,
            keys: &self.keys,
            issuer: app.public_url.origin(),
            moment: &self.moment,
            address: self.address,
        }
    }
}

fn session(visit: &Visit) -> Option<SessionId> {
    visit.live().map(|live| live.owned.session.id)
}

/// `GET /oauth2/authorize`.
pub(crate) async fn get(
    Extension(visit): Extension<Arc<Visit>>,
    query: Query,
) -> Result<Response, Failure> {
    let (desk, parameters) = (Desk::of(&visit), Parameters::new(query.pairs()));
    let endpoint = desk.endpoint(&visit.app);
    let outcome = protocol::begin(endpoint, &parameters, session(&visit), false).await?;
    answer(&visit, outcome, Place::There).await
}

/// `POST /oauth2/authorize`: a form of the app's own page (Core 3.1.2.1). Browsers
/// hold our cookies back then, so the request waits one step, and is answered when
/// the browser comes back with them. It acts in nobody's name.
pub(crate) async fn post(
    Extension(visit): Extension<Arc<Visit>>,
    fields: Fields,
) -> Result<Response, Failure> {
    let (desk, parameters) = (Desk::of(&visit), Parameters::new(fields.pairs()));
    let endpoint = desk.endpoint(&visit.app);
    let outcome = protocol::begin(endpoint, &parameters, None, true).await?;
    answer(&visit, outcome, Place::There).await
}

/// `GET /oauth2/authorize/{token}`: goes on with a request that waited.
pub(crate) async fn resume(
    Extension(visit): Extension<Arc<Visit>>,
    Path(token): Path<String>,
) -> Result<Response, Failure> {
    let Some(token) = Token::parse(&token) else {
        return pages::gone(&visit).await;
    };
    let desk = Desk::of(&visit);
    let outcome = protocol::resume(desk.endpoint(&visit.app), &token, session(&visit)).await?;
    answer(&visit, outcome, Place::Here).await
}

/// The pages stand at the address of the request; reloading an answer to a form
/// leads there.
pub(crate) async fn to_page(Path(token): Path<String>) -> Response {
    show::see_other(&links::waiting_request(&token), Jar::default())
}

/// `POST /oauth2/authorize/{token}/account`: "Continue as …".
pub(crate) async fn choose(
    Extension(visit): Extension<Arc<Visit>>,
    Path(token): Path<String>,
    fields: Fields,
) -> Result<Response, Failure> {
    visit.check_form(fields.get("csrf"))?;
    let (Some(token), Some(session)) = (Token::parse(&token), session(&visit)) else {
        return Ok(to_page(Path(token)).await);
    };
    let desk = Desk::of(&visit);
    let outcome = protocol::choose(desk.endpoint(&visit.app), &token, session).await?;
    answer(&visit, outcome, Place::There).await
}

/// `POST /oauth2/authorize/{token}/consent`: "Allow".
pub(crate) async fn agree(
    Extension(visit): Extension<Arc<Visit>>,
    Path(token): Path<String>,
    fields: Fields,
) -> Result<Response, Failure> {
    visit.check_form(fields.get("csrf"))?;
    let (Some(token), Some(session)) = (Token::parse(&token), session(&visit)) else {
        return Ok(to_page(Path(token)).await);
    };
    let desk = Desk::of(&visit);
    let outcome = protocol::agree(desk.endpoint(&visit.app), &token, session).await?;
    answer(&visit, outcome, Place::There).await
}

/// `POST /oauth2/authorize/{token}/decline`: "Don't allow", and every other way of
/// not going on.
pub(crate) async fn decline(
    Extension(visit): Extension<Arc<Visit>>,
    Path(token): Path<String>,
    fields: Fields,
) -> Result<Response, Failure> {
    visit.check_form(fields.get("csrf"))?;
    let Some(token) = Token::parse(&token) else {
        return pages::gone(&visit).await;
    };
    let desk = Desk::of(&visit);
    let outcome = protocol::decline(desk.endpoint(&visit.app), &token).await?;
    answer(&visit, outcome, Place::There).await
}

/// `POST /oauth2/authorize/{token}/proof`: the proof that an app asked for.
pub(crate) async fn prove(
    Extension(visit): Extension<Arc<Visit>>,
    Path(token): Path<String>,
    fields: Fields,
) -> Result<Response, Failure> {
    visit.check_form(fields.get("csrf"))?;
    let (Some(token), Some(live)) = (Token::parse(&token), visit.live()) else {
        return Ok(to_page(Path(token)).await);
    };
    let person = Person {
        visit: Arc::clone(&visit),
        live: live.clone(),
    };
    let desk = Desk::of(&visit);
    let outcome = protocol::resume(desk.endpoint(&visit.app), &token, session(&visit)).await?;
    let question = match outcome {
        Outcome::Asked(question) => question,
        other => return answer(&visit, other, Place::There).await,
    };
    let Decision::Reauthenticate(wanted) = question.decision else {
        return ask(&visit, *question, Place::There).await;
    };
    // Anything else would be right, and not enough.
    let fits: &[&str] = match wanted {
        ProofWanted::Any => &[],
        ProofWanted::SecondFactor => &["proof_code", "proof_passkey"],
        ProofWanted::Passkey => &["proof_passkey"],
    };
    let is_missing = fits.iter().all(|name| fields.get(name).trim().is_empty());
    let error = if is_missing && !fits.is_empty() {
        Some(match wanted {
            ProofWanted::Passkey => "Please use a passkey this time.".to_owned(),
            _ => "Please use a code from your app, or a passkey, this time.".to_owned(),
        })
    } else {
        match take_proof(&person, Takes::AnyProof, &fields).await? {
            Taken::Yes(jar) => {
                let back = links::waiting_request(&token.reveal());
                return Ok(show::see_other(&back, jar));
            }
            Taken::SessionOver => return Ok(to_page(Path(token.reveal())).await),
            Taken::Ask(error) => error,
        }
    };
    pages::ask_for_proof(&person, &question, wanted, Asking::Again(error)).await
}

/// Writes what came of a request.
async fn answer(visit: &Arc<Visit>, outcome: Outcome, place: Place) -> Result<Response, Failure> {
    match outcome {
        Outcome::Shown(untrusted) => pages::untrusted(visit, &untrusted).await,
        Outcome::Gone => pages::gone(visit).await,
        Outcome::Asked(question) => ask(visit, *question, place).await,
        Outcome::Sent(sent) => match sent.mode {
            // 303, so that no browser repeats a form with a password in it over there
            // (OIDC-08).
            ResponseMode::Query => Ok(show::see_other(&sent.location(), Jar::default())),
            ResponseMode::FormPost => pages::form_post(visit, sent).await,
        },
    }
}

async fn ask(visit: &Arc<Visit>, question: Question, place: Place) -> Result<Response, Failure> {
    let back = links::waiting_request(&question.token.reveal());
    let mut jar = Jar::default();
    let to = match question.decision {
        Decision::SignIn => links::login_returning(&back, false),
        Decision::SignInAgain => links::login_returning(&back, true),
        Decision::SetUpFactor => {
            Flash::SetUpFactor.set(&mut jar);
            jar.set_way(&question.token);
            links::SECURITY.to_owned()
        }
        Decision::Reauthenticate(wanted) if place == Place::Here => {
            let Some(live) = visit.live() else {
                return Ok(show::see_other(&links::login_returning(&back, false), jar));
            };
            let person = Person {
                visit: Arc::clone(visit),
                live: live.clone(),
            };
            return pages::ask_for_proof(&person, &question, wanted, Asking::First).await;
        }
        Decision::ChooseAccount if place == Place::Here => {
            return pages::choose_account(visit, &question, true).await;
        }
        Decision::WrongAccount if place == Place::Here => {
            return pages::choose_account(visit, &question, false).await;
        }
        Decision::NoAccess if place == Place::Here => {
            return pages::no_access(visit, &question).await;
        }
        Decision::AskConsent if place == Place::Here => {
            return pages::consent(visit, &question).await;
        }
        _ => back,
    };
    Ok(show::see_other(&to, jar))
}
