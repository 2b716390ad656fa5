//! What the script of `/login` calls to sign in with a passkey.
//!
//! Asking takes no address and answers everybody alike, so it tells nobody
//! whether an account or a passkey exists (AUTH-07).

use std::sync::Arc;

use axum::Extension;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nightlatch_domain::secret::TokenDigest;
use nightlatch_flows::passkeys::PublicKeyCredential;
use nightlatch_flows::passkeys::open_challenge::{SealedChallenge, draw};
use nightlatch_flows::passkeys::sign_in::{PasskeyAttempt, PasskeySignIn, Verifier, sign_in};
use nightlatch_flows::sign_in::SignInOutcome;
use nightlatch_storage::StorageError;
use serde::Deserialize;

use crate::api::body::{Body, answer};
use crate::cookies::Jar;
use crate::failure::Failure;
use crate::guard::Visit;
use crate::links::{self, ReturnPath};
use crate::pages::flash::TOO_MANY_SESSIONS;
use crate::pages::log_in::arrive;
use crate::pages::passkey_calls::{Begun, Next, Nothing, expired};
use crate::views::Problem;

/// Who asks: the session of this browser, or what it holds before one.
fn pre_session(visit: &Visit) -> TokenDigest {
    match visit.live() {
        Some(live) => TokenDigest::of(&live.owned.session.id.to_bytes()),
        None => visit.visitor.digest(),
    }
}

/// A script of ours asks: no form can write its header (CSRF-05).
pub(crate) struct ByScript;

impl<S: Send + Sync> FromRequestParts<S> for ByScript {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Failure> {
        if parts.headers.contains_key("x-nightlatch") {
            return Ok(Self);
        }
        let sentence = "Requests that change something need the header X-Nightlatch: 1.";
        Err(Failure::saying(Problem::Forbidden, sentence).with_code("header-missing"))
    }
}

/// `POST /login/passkey/begin`. Every visit of the sign-in page comes here, so it reads
/// and writes nothing.
pub(crate) async fn begin(
    Extension(visit): Extension<Arc<Visit>>,
    _: ByScript,
    Body(_): Body<Nothing>,
) -> Result<Response, Failure> {
    let app = &visit.app;
    let drawn = draw(
        &app.moment(),
        &app.passkeys,
        &app.sealer,
        pre_session(&visit),
    )?;
    let (sealed, challenge) = drawn.ok_or(Failure::not_found())?;
    let begun = Begun {
        ceremony: URL_SAFE_NO_PAD.encode(sealed.as_bytes()),
        challenge,
    };
    Ok(answer(begun, Jar::default()))
}

/// What the browser answered, and what the form says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Finish {
    ceremony: String,
    credential: PublicKeyCredential,
    #[serde(default)]
    remember: bool,
    #[serde(default)]
    shared: bool,
    #[serde(default)]
    return_to: String,
    #[serde(default)]
    replace: String,
}

/// `POST /login/passkey/finish`.
pub(crate) async fn finish(
    Extension(visit): Extension<Arc<Visit>>,
    _: ByScript,
    Body(finish): Body<Finish>,
) -> Result<Response, Failure> {
    let Ok(sealed) = URL_SAFE_NO_PAD.decode(&finish.ceremony) else {
        return Err(expired());
    };
    let sealed = SealedChallenge::from_bytes(sealed);
    let attempt = PasskeyAttempt {
        pre_session: pre_session(&visit),
        remember: finish.remember,
        shared: finish.shared,
        browser: visit.browser_token(),
        replaces: visit.session_token,
        keeps: visit
            .live()
            .filter(|live| finish.replace != live.owned.session.id.to_string())
            .map(|live| live.owned.user.id),
        client: visit.client.clone(),
    };
    let app = Arc::clone(&visit.app);
    let (moment, inner) = (app.moment(), Arc::clone(&app));
    let credential = finish.credential;
    let outcome: Result<PasskeySignIn, StorageError> = app
        .store
        .write(move |tx| {
            let verifier = Verifier {
                passkeys: &inner.passkeys,
                sealer: &inner.sealer,
            };
            sign_in(tx, &moment, verifier, &attempt, &sealed, &credential)
        })
        .await;
    let (counted, failure) = match outcome? {
        PasskeySignIn::Right(SignInOutcome::SignedIn(signed_in)) => {
            app.metrics.sign_in("signed_in");
            let to = ReturnPath::parse(&finish.return_to, &app.public_url)
                .map_or_else(|| links::START.to_owned(), |path| path.as_str().to_owned());
            return Ok(answer(Next { to }, arrive(&visit, &signed_in)));
        }
        PasskeySignIn::Right(SignInOutcome::TooManySessions) => (
            "too_many",
            Failure::saying(Problem::Forbidden, TOO_MANY_SESSIONS).with_code("too-many-sessions"),
        ),
        PasskeySignIn::SomebodyElse => (
            "somebody_else",
            Failure::new(Problem::StaleForm).with_code("somebody-else"),
        ),
        PasskeySignIn::UnknownCredential => (
            "refused",
            Failure::saying(
                Problem::Forbidden,
                "This passkey is not known here; it may have been removed. Please choose another one, or \
                 use your password.",
            )
            .with_code("passkey-unknown"),
        ),
        PasskeySignIn::Expired => ("expired", expired()),
        PasskeySignIn::Refused | PasskeySignIn::Right(_) => (
            "refused",
            Failure::saying(
                Problem::Forbidden,
                "That passkey did not work. Please try again, or use your password.",
            )
            .with_code("passkey-refused"),
        ),
    };
    app.metrics.sign_in(counted);
    Err(failure)
}
