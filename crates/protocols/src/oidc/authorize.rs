//! The authorization endpoint (OpenID Connect Core section 3.1.2), without HTTP.
//!
//! [`begin`] takes a request as it came, [`resume`] one that waited for its person.
//! Both read what is known, ask [`decide::decide`], and act on it in one more
//! transaction that looks at everything again.
//!
//! Longer than most files here: each step of a request can overtake or answer another
//! one, and they are to be read side by side.

pub mod checks;
pub mod decide;
pub mod host;
pub mod request;
pub mod respond;

use std::net::IpAddr;

use nightlatch_domain::Timestamp;
use nightlatch_domain::grant::{Grant, Scopes};
use nightlatch_domain::ids::{ClientId, SessionId};
use nightlatch_domain::nearest::nearest;
use nightlatch_domain::relying_party::{RegisteredUri, RelyingParty, RelyingPartyStatus};
use nightlatch_domain::secret::{Token, TokenDigest};
use nightlatch_domain::session::Proof;
use nightlatch_domain::throttle;
use nightlatch_flows::Moment;
use nightlatch_flows::authorize::{
    self as flow, CodeOutcome, ConsentOutcome, Standing, WantedCode,
};
use nightlatch_storage::{StorageError, Store, Tx, authorization_requests, relying_parties};
use serde::{Deserialize, Serialize};

use self::checks::Asked;
use self::decide::{Decision, SignedIn, Situation, decide, stated_acr};
pub use self::request::{AuthorizationRequest, Parameters, ResponseMode};
pub use self::respond::Answer;
use crate::jose::KeySet;
use crate::oidc::acr::acr;
use crate::oidc::claims::Claims;
use crate::oidc::error::OidcError;

/// How often a decision is made anew that was overtaken while it was acted upon.
const TRIES: usize = 3;

/// What a network left here is tidied after one request in so many.
const TIDIED_ONE_IN: u8 = 16;

/// What the endpoint works with.
#[derive(Debug, Clone, Copy)]
pub struct Endpoint<'a> {
    /// The database.
    pub store: &'a Store,
    /// Our own keys.
    pub keys: &'a KeySet,
    /// Our own name in tokens and answers.
    pub issuer: &'a str,
    /// The present moment.
    pub moment: &'a Moment,
    /// Where the browser is, if that is known: what waits is bounded by network.
    pub address: Option<IpAddr>,
}

/// What comes of a request.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "one lives at a time, for the length of a request"
)]
pub enum Outcome {
    /// The person is told on a page of ours; nobody is sent anywhere (OIDC-03).
    Shown(Untrusted),
    /// The browser carries this to the app.
    Sent(Answer),
    /// The person does something first.
    Asked(Box<Question>),
    /// No request waits there any more.
    Gone,
}

/// Why nobody is sent anywhere; for the page and for the log.
#[derive(Debug, Clone)]
pub struct Untrusted {
    /// What is wrong.
    pub error: OidcError,
    /// The app, if it is known.
    pub app: Option<RelyingParty>,
    /// The redirect address that was received.
    pub received: Option<String>,
    /// The registered one that looks most like it.
    pub nearest: Option<String>,
}

/// What the person does first.
#[derive(Debug)]
pub struct Question {
    /// Leads back to the request.
    pub token: Token,
    /// What.
    pub decision: Decision,
    /// The app.
    pub app: RelyingParty,
    /// What it learns, as far as it may: by scopes and by single claims. That is what
    /// the person is asked to agree to.
    pub scopes: Scopes,
    /// Where the person goes on to; registered.
    pub redirect_uri: String,
}

/// A request that waits, with what the person has answered so far.
#[derive(Debug, Serialize, Deserialize)]
struct Waiting {
    request: AuthorizationRequest,
    /// "Continue as …" was pressed in this session.
    chosen: Option<SessionId>,
}

/// What a code remembers of its request besides its own columns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RememberedRequest {
    /// Which claims the app would like.
    pub claims: Claims,
    /// The value of `acr` that the ID token states.
    pub acr: String,
    /// Where on a protected host the person was going.
    pub return_to: Option<String>,
}

impl RememberedRequest {
    /// What the request behind a grant asked for.
    pub(super) fn of(grant: &Grant) -> Result<Self, StorageError> {
        serde_json::from_str(&grant.request)
            .map_err(|_| StorageError::Other("the request of a grant cannot be read".to_owned()))
    }

    /// The value of `acr` that tokens state for these proofs.
    pub(super) fn acr_of(&self, proofs: &[Proof]) -> String {
        if self.acr.is_empty() {
            acr(proofs).to_owned()
        } else {
            self.acr.clone()
        }
    }
}

/// A request that is being answered.
struct Course {
    request: AuthorizationRequest,
    chosen: Option<SessionId>,
    asked_at: Timestamp,
    /// Under which token it waited.
    token: Option<Token>,
}

/// Takes a request as it came. One that is to wait in any case, because the browser
/// held back its cookies (a form of another site), is stored and comes back as
/// [`Decision::Respond`] to be resumed.
pub async fn begin(
    endpoint: Endpoint<'_>,
    parameters: &Parameters,
    session: Option<SessionId>,
    must_wait: bool,
) -> Result<Outcome, StorageError> {
    let client = match parameters.client_id() {
        Some(id) => find_client(endpoint, id).await?,
        None => None,
    };
    let asked = Asked {
        parameters,
        client: client.as_ref(),
        keys: endpoint.keys,
        issuer: endpoint.issuer,
    };
    let read = checks::judge(&asked).and_then(|()| {
        let hinted = checks::hinted(&asked)?;
        AuthorizationRequest::read(parameters, hinted)
            .ok_or(OidcError::InvalidRequest("the request cannot be read"))
    });
    let request = match read {
        Ok(request) => request,
        Err(error) => return Ok(refusal(endpoint, parameters, error, client)),
    };
    let course = Course {
        request,
        chosen: None,
        asked_at: endpoint.moment.now,
        token: None,
    };
    match client {
        Some(app) if must_wait => {
            let token = wait(endpoint, &course).await?;
            Ok(Outcome::Asked(Box::new(Question {
                token,
                decision: Decision::Respond,
                app,
                scopes: course.request.scopes,
                redirect_uri: course.request.redirect_uri,
            })))
        }
        _ => proceed(endpoint, course, session).await,
    }
}

/// Goes on with a request that waited.
pub async fn resume(
    endpoint: Endpoint<'_>,
    token: &Token,
    session: Option<SessionId>,
) -> Result<Outcome, StorageError> {
    match find_course(endpoint, token).await? {
        Some(course) => proceed(endpoint, course, session).await,
        None => Ok(Outcome::Gone),
    }
}

/// The person says that this session is the right one for a request, and goes on.
pub async fn choose(
    endpoint: Endpoint<'_>,
    token: &Token,
    session: SessionId,
) -> Result<Outcome, StorageError> {
    if let Some(course) = find_course(endpoint, token).await? {
        let text = write(&course.request, Some(session))?;
        let digest = token.digest();
        let update = move |tx: &mut Tx<'_>| authorization_requests::update(tx, digest, &text);
        endpoint.store.write(update).await?;
    }
    resume(endpoint, token, Some(session)).await
}

/// The person agrees to what a request asks for, and goes on. It is the stored
/// request that says what that is, and never the form.
pub async fn agree(
    endpoint: Endpoint<'_>,
    token: &Token,
    session: SessionId,
) -> Result<Outcome, StorageError> {
    let question = match resume(endpoint, token, Some(session)).await? {
        // Consent is given where it is asked for, once everything before it is done.
        Outcome::Asked(question) if question.decision == Decision::AskConsent => question,
        other => return Ok(other),
    };
    let (moment, client) = (endpoint.moment.clone(), question.app.id);
    let scopes = question.scopes;
    let given: ConsentOutcome = endpoint
        .store
        .write(move |tx| flow::give_consent(tx, &moment, session, client, scopes))
        .await?;
    if given == ConsentOutcome::Changed {
        tracing::debug!("a consent came too late to count");
    }
    resume(endpoint, token, Some(session)).await
}

/// The person says no; the app hears of it.
pub async fn decline(endpoint: Endpoint<'_>, token: &Token) -> Result<Outcome, StorageError> {
    let Some(course) = find_course(endpoint, token).await? else {
        return Ok(Outcome::Gone);
    };
    let Some(client) = find_client(endpoint, course.request.client_id).await? else {
        return Ok(Outcome::Gone);
    };
    match untrusted(&client, &course.request) {
        Some(untrusted) => Ok(Outcome::Shown(untrusted)),
        None => refuse(endpoint, &course, OidcError::AccessDenied).await,
    }
}

/// What the sign-in page says of a request that waits.
#[derive(Debug, Clone)]
pub struct Expected {
    /// The app that the person is on the way to.
    pub app: String,
    /// Whom the app expects; fills the field and proves nothing (A12).
    pub login_hint: Option<String>,
}

/// What the sign-in page says of a request that waits.
pub async fn expected(
    store: &Store,
    now: Timestamp,
    token: &Token,
) -> Result<Option<Expected>, StorageError> {
    let digest = token.digest();
    let found = store
        .read(move |tx| {
            let Some(waiting) = flow::find_waiting(tx, now, digest)? else {
                return Ok(None);
            };
            let client = relying_parties::find(tx, waiting.client_id)?;
            Ok::<_, StorageError>(client.map(|client| (client, waiting)))
        })
        .await?;
    let Some((client, waiting)) = found else {
        return Ok(None);
    };
    let waiting = read(&waiting.request)?;
    Ok(Some(Expected {
        app: client.name,
        login_hint: waiting.request.login_hint,
    }))
}

async fn find_client(
    endpoint: Endpoint<'_>,
    id: ClientId,
) -> Result<Option<RelyingParty>, StorageError> {
    endpoint
        .store
        .read(move |tx| relying_parties::find(tx, id))
        .await
}

async fn find_course(
    endpoint: Endpoint<'_>,
    token: &Token,
) -> Result<Option<Course>, StorageError> {
    let (now, digest) = (endpoint.moment.now, token.digest());
    let found = endpoint
        .store
        .read(move |tx| flow::find_waiting(tx, now, digest))
        .await?;
    let Some(row) = found else {
        return Ok(None);
    };
    let waiting = read(&row.request)?;
    Ok(Some(Course {
        request: waiting.request,
        chosen: waiting.chosen,
        asked_at: row.created_at,
        token: Some(token.clone()),
    }))
}

fn read(text: &str) -> Result<Waiting, StorageError> {
    serde_json::from_str(text)
        .map_err(|_| StorageError::Other("a request that waits cannot be read".to_owned()))
}

fn write(
    request: &AuthorizationRequest,
    chosen: Option<SessionId>,
) -> Result<String, StorageError> {
    let waiting = Waiting {
        request: request.clone(),
        chosen,
    };
    serde_json::to_string(&waiting)
        .map_err(|_| StorageError::Other("a request cannot be written down".to_owned()))
}

/// Decides and acts, anew if it was overtaken.
async fn proceed(
    endpoint: Endpoint<'_>,
    mut course: Course,
    session: Option<SessionId>,
) -> Result<Outcome, StorageError> {
    for _ in 0..TRIES {
        let (moment, client_id) = (endpoint.moment.clone(), course.request.client_id);
        let standing: Option<Standing> = endpoint
            .store
            .read(move |tx| flow::look(tx, &moment, client_id, session))
            .await?;
        let Some(standing) = standing else {
            return Ok(Outcome::Gone);
        };
        if let Some(untrusted) = untrusted(&standing.client, &course.request) {
            return Ok(Outcome::Shown(untrusted));
        }
        let scopes = standing.allowed(course.request.scopes);
        let disclosed = scopes.and(course.request.claims.disclosed());
        match decision(endpoint, &course, &standing, disclosed) {
            Decision::Respond => {
                match issue(endpoint, &course, &standing, (scopes, disclosed)).await? {
                    CodeOutcome::Issued(code) => {
                        let code = code.reveal();
                        let answer = Answer::code(&course.request, code, endpoint.issuer);
                        return Ok(Outcome::Sent(answer));
                    }
                    CodeOutcome::Answered => return Ok(Outcome::Gone),
                    CodeOutcome::Changed => {}
                }
            }
            Decision::Refuse(error) => return refuse(endpoint, &course, error).await,
            decision => {
                let token = match course.token.take() {
                    Some(token) => token,
                    None => wait(endpoint, &course).await?,
                };
                return Ok(Outcome::Asked(Box::new(Question {
                    token,
                    decision,
                    app: standing.client,
                    scopes: disclosed,
                    redirect_uri: course.request.redirect_uri,
                })));
            }
        }
    }
    refuse(endpoint, &course, OidcError::TemporarilyUnavailable).await
}

fn decision(
    endpoint: Endpoint<'_>,
    course: &Course,
    standing: &Standing,
    scopes: Scopes,
) -> Decision {
    let signed_in = standing.session.as_ref().map(|owned| SignedIn {
        session: owned.session.id,
        user: owned.user.id,
        is_of_one_organization: standing.is_of_one_organization(),
        began_at: owned.session.created_at,
        proved_at: owned.session.proved_at(),
        proofs: &owned.session.proofs,
        by_phone: owned.session.was_let_in_by_phone(),
        must_set_up_factor: standing.must_set_up_factor,
        has_authenticator_app: standing.options.authenticator_app,
        has_passkey: standing.options.passkey,
    });
    decide(&Situation {
        request: &course.request,
        asked_at: course.asked_at,
        signed_in,
        chosen: course.chosen,
        scopes,
        may_enter: standing.may_enter,
        is_agreed: standing.is_agreed(scopes),
        // A protected host gets no token, and what its app is told of the person was
        // decided by whoever put it behind the proxy.
        asks_consent: !standing.client.registration.first_party && course.request.host.is_none(),
        agreed_at: standing.consent.as_ref().map(|consent| consent.given_at),
        now: endpoint.moment.now,
    })
}

async fn issue(
    endpoint: Endpoint<'_>,
    course: &Course,
    standing: &Standing,
    (scopes, disclosed): (Scopes, Scopes),
) -> Result<CodeOutcome, StorageError> {
    let Some(owned) = &standing.session else {
        return Ok(CodeOutcome::Changed);
    };
    let request = &course.request;
    let remembered = RememberedRequest {
        claims: request.claims.clone(),
        acr: stated_acr(request, &owned.session.proofs).to_owned(),
        return_to: request.host.as_ref().map(|host| host.return_to.clone()),
    };
    let remembered = serde_json::to_string(&remembered)
        .map_err(|_| StorageError::Other("a request cannot be written down".to_owned()))?;
    let wanted = WantedCode {
        client_id: standing.client.id,
        session_id: owned.session.id,
        redirect_uri: request.redirect_uri.clone(),
        scopes,
        disclosed,
        nonce: request.nonce.clone(),
        challenge: request.challenge.clone(),
        request: remembered,
        proved_at: owned.session.proved_at(),
    };
    let (moment, digest) = (endpoint.moment.clone(), digest(course));
    endpoint
        .store
        .write(move |tx| flow::issue_code(tx, &moment, &wanted, digest))
        .await
}

fn digest(course: &Course) -> Option<TokenDigest> {
    course.token.as_ref().map(Token::digest)
}

async fn wait(endpoint: Endpoint<'_>, course: &Course) -> Result<Token, StorageError> {
    let text = write(&course.request, course.chosen)?;
    let (moment, client_id) = (endpoint.moment.clone(), course.request.client_id);
    let network = endpoint.address.map(throttle::waiting_requests_key);
    let token = endpoint
        .store
        .write(move |tx| flow::wait(tx, &moment, client_id, &text, network))
        .await?;
    // In a transaction of its own, and not after each: whoever looks at the others of a
    // network conflicts with whoever adds one there.
    if let Some(network) = network
        && token.digest().to_bytes()[0].is_multiple_of(TIDIED_ONE_IN)
    {
        let tidy = move |tx: &mut Tx<'_>| flow::drop_oldest_waiting(tx, network);
        endpoint.store.write(tidy).await?;
    }
    Ok(token)
}

/// Answers with an error; what waited does so no longer.
async fn refuse(
    endpoint: Endpoint<'_>,
    course: &Course,
    error: OidcError,
) -> Result<Outcome, StorageError> {
    if let Some(digest) = digest(course) {
        let delete = move |tx: &mut Tx<'_>| authorization_requests::delete(tx, digest);
        endpoint.store.write(delete).await?;
    }
    let answer = Answer::error(&course.request, error, endpoint.issuer);
    Ok(Outcome::Sent(answer))
}

fn refusal(
    endpoint: Endpoint<'_>,
    parameters: &Parameters,
    error: OidcError,
    app: Option<RelyingParty>,
) -> Outcome {
    match Answer::refusal(parameters, error, endpoint.issuer) {
        Some(answer) => Outcome::Sent(answer),
        None => Outcome::Shown(shown(error, app, parameters.get("redirect_uri"))),
    }
}

/// Whether app or address lost their trust while the request waited.
fn untrusted(client: &RelyingParty, request: &AuthorizationRequest) -> Option<Untrusted> {
    let error = if client.status != RelyingPartyStatus::Active {
        OidcError::WithdrawnClient
    } else if !is_known_address(client, request) {
        OidcError::UnregisteredRedirectUri
    } else {
        return None;
    };
    Some(shown(
        error,
        Some(client.clone()),
        Some(&request.redirect_uri),
    ))
}

fn is_known_address(client: &RelyingParty, request: &AuthorizationRequest) -> bool {
    let registration = &client.registration;
    match request.host {
        Some(_) => registration.is_host_callback(&request.redirect_uri),
        None => registration.is_redirect_uri(&request.redirect_uri),
    }
}

fn shown(error: OidcError, app: Option<RelyingParty>, received: Option<&str>) -> Untrusted {
    let nearest = app.as_ref().zip(received).and_then(|(app, received)| {
        let known = app.registration.redirect_uris.iter();
        nearest(received, known.map(RegisteredUri::as_str)).map(str::to_owned)
    });
    Untrusted {
        error,
        app,
        received: received.map(str::to_owned),
        nearest,
    }
}
