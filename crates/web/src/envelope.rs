//! What wraps every request: a reference, a nonce, the check of `Host`, the
//! headers of every answer, the one error page, and one line in the log.

use std::sync::Arc;
use std::time::Instant;

use askama::Template as _;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use nightlatch_domain::relying_party::protection::OWN_PATHS;
use nightlatch_protocols::forward_auth;
use nightlatch_storage::StorageError;

use crate::failure::Failure;
use crate::links;
use crate::protected::{self, AtHost};
use crate::show;
use crate::state::App;
use crate::views::{Frame, Problem, ProblemPage, WayOn, WrongAddressPage};

/// What a request is called, and the nonce of its answer.
#[derive(Debug, Clone)]
pub(crate) struct Envelope {
    /// What support can look up in the log.
    pub(crate) reference: String,
    /// 128 bits, fresh for each answer (HDR-01).
    pub(crate) nonce: String,
}

/// What is known of whoever asked, for an error page: it names whom to ask, and
/// offers Log out to whom it concerns (OUT-04). An answer without it stands for
/// one of which nothing is known: the database did not say.
#[derive(Debug, Clone)]
pub(crate) enum Asker {
    /// Nobody is signed in.
    Nobody,
    /// Somebody is; the frame of their pages.
    SignedIn(Box<Frame>),
    /// It is asked on a protected host; the frame of pages there.
    OnHost(Box<Frame>),
}

impl Envelope {
    fn new(app: &App) -> Self {
        let mut bytes = [0; 16 + 9];
        app.random.fill(&mut bytes);
        let (nonce, reference) = bytes.split_at(16);
        Self {
            nonce: STANDARD_NO_PAD.encode(nonce),
            reference: URL_SAFE_NO_PAD.encode(reference),
        }
    }
}

/// In which form somebody expects to hear of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wants {
    Page,
    Json,
    Text,
}

impl Wants {
    fn at(path: &str) -> Self {
        if path.starts_with("/api/")
            || path.starts_with("/session/")
            || path.starts_with("/oauth2/events/")
            || path == protected::paths::STATUS
            || path == protected::paths::EVENTS
            || links::PASSKEY_CALLS.contains(&path)
            || links::FOR_APPS.contains(&path)
        {
            Self::Json
        } else if is_for_operators(path) {
            Self::Text
        } else {
            Self::Page
        }
    }
}

/// Addresses that a load balancer asks by number and not by name.
fn is_for_operators(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz")
}

/// Wraps a request.
pub(crate) async fn wrap(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    if request.uri().path().starts_with(forward_auth::PATH) {
        return for_proxy(request, next).await;
    }
    let began = Instant::now();
    let envelope = Envelope::new(&app);
    let wants = Wants::at(request.uri().path());
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "(no route)".to_owned(), |path| path.as_str().to_owned());
    request.extensions_mut().insert(envelope.clone());
    let placed = place(&app, &mut request).await;
    let at_host = request.extensions().get::<Arc<AtHost>>().is_some();
    let answer = match placed {
        Ok(true) => next.run(request).await,
        Ok(false) => {
            let sentence = format!("This server is reached at {}.", app.public_url);
            Failure::saying(Problem::WrongHost, sentence).into_response()
        }
        Err(error) => Failure::from(error).into_response(),
    };
    let mut answer = translate(&app, &envelope, (wants, at_host), answer).await;
    dress(&envelope, answer.headers_mut());
    // The pattern of the route and never the address: addresses carry codes and
    // hints (LOG-03).
    let status = answer.status().as_u16();
    let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::debug!(%method, route, status, milliseconds, reference = envelope.reference, "answered");
    answer
}

/// The check of a proxy: no page, and nothing that a page needs. Its `Host` is the one
/// of the request that it asks about, or none of anybody's.
async fn for_proxy(request: Request, next: Next) -> Response {
    let mut answer = next.run(request).await;
    if let Some(failure) = answer.extensions_mut().remove::<Failure>()
        && let Some(internal) = &failure.internal
    {
        tracing::error!("a proxy was not answered: {internal}");
    }
    let headers = answer.headers_mut();
    let no_store = HeaderValue::from_static("no-store");
    headers.entry(CACHE_CONTROL).or_insert(no_store);
    answer
}

/// Whether the request is for us: at our own address, or on a protected host below the
/// path that its proxy routes to us.
async fn place(app: &App, request: &mut Request) -> Result<bool, StorageError> {
    let path = request.uri().path();
    if is_for_operators(path) {
        return Ok(true);
    }
    let Some(host) = named_host(request.uri(), request.headers()) else {
        return Ok(false);
    };
    if app.public_url.is_host(host) {
        return Ok(true);
    }
    if !path.starts_with(OWN_PATHS) {
        return Ok(false);
    }
    let found = protected::find(app, host).await?;
    let is_known = found.is_some();
    if let Some(found) = found {
        request.extensions_mut().insert(Arc::new(found));
    }
    Ok(is_known)
}

/// The host that the request names, if it names one and no other.
fn named_host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let mut named = headers.get_all(HOST).iter();
    match (named.next(), named.next(), uri.authority()) {
        (Some(host), None, _) => host.to_str().ok(),
        // HTTP/2 names the host in the address.
        (None, None, Some(authority)) => Some(authority.as_str()),
        _ => None,
    }
}

/// Turns a failure, ours or the framework's, into what the caller can read, and
/// logs it once.
async fn translate(
    app: &App,
    envelope: &Envelope,
    (wants, at_host): (Wants, bool),
    mut answer: Response,
) -> Response {
    let status = answer.status();
    let readable = answer.headers().get(CONTENT_TYPE).is_some_and(|value| {
        value.as_bytes().starts_with(b"text/html") || value.as_bytes().starts_with(b"application/")
    });
    let failure = match answer.extensions_mut().remove::<Failure>() {
        Some(failure) => failure,
        None if status.as_u16() < 400 || readable || wants == Wants::Text => return answer,
        None => Failure::new(Problem::from_status(status.as_u16())),
    };
    if let Some(internal) = &failure.internal {
        tracing::error!(reference = envelope.reference, "{internal}");
    }
    let status = StatusCode::from_u16(failure.problem.status()).unwrap_or(status);
    let mut replaced = match wants {
        Wants::Page => {
            let asker = answer.extensions_mut().remove::<Asker>();
            let asker = if at_host {
                Some(Asker::OnHost(Box::new(
                    protected::frame(app, envelope).await,
                )))
            } else {
                asker
            };
            problem_page(app, envelope, &failure, asker).await
        }
        Wants::Json => problem_document(envelope, &failure),
        Wants::Text => failure.problem.status().to_string().into_response(),
    };
    *replaced.status_mut() = status;
    // Allow, Retry-After and the like stay.
    for (name, value) in answer.headers() {
        if name != CONTENT_TYPE && name.as_str() != "content-length" {
            replaced.headers_mut().append(name.clone(), value.clone());
        }
    }
    replaced
}

async fn problem_page(
    app: &App,
    envelope: &Envelope,
    failure: &Failure,
    asker: Option<Asker>,
) -> Response {
    if failure.problem == Problem::WrongHost {
        return wrong_address(app, envelope);
    }
    let way_on = match &asker {
        Some(Asker::Nobody) => WayOn::SignIn,
        Some(Asker::SignedIn(_) | Asker::OnHost(_)) => WayOn::Neither,
        None => WayOn::LogOut,
    };
    let frame = if let Some(Asker::SignedIn(frame) | Asker::OnHost(frame)) = asker {
        *frame
    } else {
        let organization = app.house.find_or_last_known(&app.store).await;
        show::plain_frame(envelope, organization.as_ref())
    };
    let page = ProblemPage {
        frame,
        problem: failure.problem,
        detail: failure.sentence.clone(),
        reference: envelope.reference.clone(),
        way_on,
    };
    match page.render() {
        Ok(html) => axum::response::Html(html).into_response(),
        Err(_) => "Something went wrong on our side.".into_response(),
    }
}

/// Under another name than ours there is neither a session nor a sign-in, and no
/// style either.
fn wrong_address(app: &App, envelope: &Envelope) -> Response {
    let page = WrongAddressPage {
        product: show::PRODUCT.to_owned(),
        nonce: envelope.nonce.clone(),
        address: app.public_url.to_string(),
        reference: envelope.reference.clone(),
    };
    match page.render() {
        Ok(html) => axum::response::Html(html).into_response(),
        Err(_) => "This is not our address.".into_response(),
    }
}

/// RFC 9457.
fn problem_document(envelope: &Envelope, failure: &Failure) -> Response {
    let page = ProblemPage {
        frame: Frame::default(),
        problem: failure.problem,
        detail: failure.sentence.clone(),
        reference: envelope.reference.clone(),
        way_on: WayOn::Neither,
    };
    let document = serde_json::json!({
        "type": failure.code.map_or_else(
            || "about:blank".to_owned(),
            |code| format!("urn:nightlatch:problem:{code}"),
        ),
        "title": page.title(),
        "status": failure.problem.status(),
        "detail": page.sentence(),
        "reference": envelope.reference,
    });
    (
        [(CONTENT_TYPE, "application/problem+json")],
        document.to_string(),
    )
        .into_response()
}

/// What a page may load and do. No form-action: Chromium applies it to the whole
/// chain of redirects, and a form of ours may lead to an app (HDR-02).
pub(crate) fn policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; \
         img-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; \
         frame-ancestors 'none'"
    )
}

/// The headers of every answer (HDR-01, HDR-03), errors included. Answers that
/// say nothing about caching are not stored (OUT-07).
fn dress(envelope: &Envelope, headers: &mut HeaderMap) {
    if let Ok(policy) = HeaderValue::try_from(policy(&envelope.nonce)) {
        headers.entry(CONTENT_SECURITY_POLICY).or_insert(policy);
    }
    let fixed: [(HeaderName, &'static str); 6] = [
        (
            STRICT_TRANSPORT_SECURITY,
            "max-age=31536000; includeSubDomains",
        ),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "same-origin"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in fixed {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
}
