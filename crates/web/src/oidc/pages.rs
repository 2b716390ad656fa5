//! The pages on the way into an app.

use axum::http::StatusCode;
use axum::response::Response;
use nightlatch_domain::grant::Scope;
use nightlatch_protocols::oidc::authorize::decide::ProofWanted;
use nightlatch_protocols::oidc::authorize::{Answer, Question, Untrusted};
use nightlatch_protocols::oidc::error::OidcError;
use url::Url;

use crate::cookies::Jar;
use crate::failure::Failure;
use crate::guard::{Person, Visit};
use crate::links;
use crate::pages::proof::{self, Takes};
use crate::show;
use crate::views::{
    AppProblem, AppProblemPage, AppProofPage, AppWay, ChooseAccountPage, ConsentPage, FormPostPage,
    HiddenField, Nav, NoAccessPage, Proof, ProofLevel,
};

fn way(question: &Question, act: &str) -> AppWay {
    let back = links::waiting_request(&question.token.reveal());
    let host = Url::parse(&question.redirect_uri)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned));
    AppWay {
        app: question.app.name.clone(),
        // A native app has no host; it goes by its name.
        host: host.unwrap_or_else(|| question.app.name.clone()),
        action: format!("{back}/{act}"),
        decline: format!("{back}/decline"),
        switch_href: links::login_returning(&back, true),
    }
}

/// Asks whether the app may have what it wants.
pub(super) async fn consent(visit: &Visit, question: &Question) -> Result<Response, Failure> {
    let scopes = question.scopes;
    let overall = question.app.registration.lifetimes.offline_overall();
    let page = ConsentPage {
        frame: show::frame(visit, Nav::Elsewhere).await?,
        way: way(question, "consent"),
        profile: scopes.has(Scope::Profile),
        email: scopes.has(Scope::Email),
        lasting: scopes
            .has(Scope::OfflineAccess)
            .then(|| show::length(overall)),
    };
    show::page(visit, &page)
}

/// Asks whether this is the right account, or says that it is not.
pub(super) async fn choose_account(
    visit: &Visit,
    question: &Question,
    fits: bool,
) -> Result<Response, Failure> {
    let page = ChooseAccountPage {
        frame: show::frame(visit, Nav::Elsewhere).await?,
        way: way(question, "account"),
        fits,
    };
    let status = if fits {
        StatusCode::OK
    } else {
        StatusCode::FORBIDDEN
    };
    show::page_with(visit, status, &page, Jar::default())
}

/// Says that the app does not let this person in, who they are, and how to go on as
/// somebody else, to the very page that they wanted (B12).
pub(super) async fn no_access(visit: &Visit, question: &Question) -> Result<Response, Failure> {
    let page = NoAccessPage {
        frame: show::frame(visit, Nav::Elsewhere).await?,
        way: way(question, "account"),
    };
    show::page_with(visit, StatusCode::FORBIDDEN, &page, Jar::default())
}

/// Whether a page asks for the first time.
pub(super) enum Asking {
    /// It does.
    First,
    /// The form came back; what was wrong, if anything was given.
    Again(Option<String>),
}

/// Asks for the proof that the app wants.
pub(super) async fn ask_for_proof(
    person: &Person,
    question: &Question,
    wanted: ProofWanted,
    asking: Asking,
) -> Result<Response, Failure> {
    let visit = &person.visit;
    let (status, error) = match asking {
        Asking::First => (StatusCode::OK, None),
        Asking::Again(error) => (StatusCode::UNPROCESSABLE_ENTITY, error),
    };
    let mut proof = proof::asked(person, Takes::AnyProof, error).await?;
    if let Proof::Needed { ways, .. } = &mut proof {
        if wanted != ProofWanted::Any {
            ways.level = ProofLevel::ForApp;
        }
        ways.code &= wanted != ProofWanted::Passkey;
    }
    let page = AppProofPage {
        frame: show::frame(visit, Nav::Elsewhere).await?,
        way: way(question, "proof"),
        wanted: match wanted {
            ProofWanted::Any => "",
            ProofWanted::SecondFactor => ", this time with your second step",
            ProofWanted::Passkey => ", this time with a passkey",
        },
        proof,
    };
    show::page_with(visit, status, &page, Jar::default())
}

/// Hands an answer to the app in a form.
pub(super) async fn form_post(visit: &Visit, answer: Answer) -> Result<Response, Failure> {
    let mut frame = show::frame(visit, Nav::Elsewhere).await?;
    // The page is gone at once; it neither names anybody nor listens.
    frame.person = None;
    let page = FormPostPage {
        frame,
        action: answer.redirect_uri,
        fields: answer
            .parameters
            .into_iter()
            .map(|(name, value)| HiddenField {
                name: name.to_owned(),
                value,
            })
            .collect(),
    };
    show::page(visit, &page)
}

/// Says why nobody is sent anywhere. What has to be corrected stands in the log and
/// not on the page: an address that anybody may write into a link is none of our
/// words.
pub(super) async fn untrusted(visit: &Visit, untrusted: &Untrusted) -> Result<Response, Failure> {
    let app = untrusted.app.as_ref();
    let received: Option<String> = untrusted
        .received
        .as_ref()
        .map(|address| address.chars().take(512).collect());
    tracing::warn!(
        reference = visit.envelope.reference,
        app = app.map(|app| app.name.as_str()),
        client_id = app.map(|app| tracing::field::display(app.id)),
        redirect_uri = received.as_ref().map(tracing::field::debug),
        nearest_registered = untrusted.nearest.as_deref(),
        "an app cannot sign people in: {}",
        untrusted.error.description()
    );
    let problem = match untrusted.error {
        OidcError::UnknownClient => AppProblem::Unknown,
        OidcError::WithdrawnClient => AppProblem::Withdrawn,
        OidcError::UnregisteredRedirectUri | OidcError::MissingRedirectUri => AppProblem::Address,
        _ => AppProblem::Request,
    };
    let home = app.and_then(|app| app.registration.home.as_ref());
    let page = AppProblemPage {
        frame: show::frame(visit, Nav::Elsewhere).await?,
        problem,
        app: app.map(|app| app.name.clone()),
        home: home.map(ToString::to_string),
        reference: visit.envelope.reference.clone(),
    };
    show::page_with(visit, StatusCode::BAD_REQUEST, &page, Jar::default())
}

/// Says that no request waits there any more.
pub(super) async fn gone(visit: &Visit) -> Result<Response, Failure> {
    let page = AppProblemPage {
        frame: show::frame(visit, Nav::Elsewhere).await?,
        problem: AppProblem::Gone,
        app: None,
        home: None,
        reference: visit.envelope.reference.clone(),
    };
    show::page_with(visit, StatusCode::GONE, &page, Jar::default())
}
