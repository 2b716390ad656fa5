//! `/.nightlatch/…` on protected hosts: the way in, Log out, and the script that leaves
//! a page when its session is over.
//!
//! The proxy in front routes these paths to us without asking. The cookies that come
//! along are that host's: none of them opens anything on our own pages, and none of ours
//! comes here. What a request may do follows from the host that it names, which was
//! looked up before (`envelope`).

mod leaving;
mod log_out;
mod way_in;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use nightlatch_domain::relying_party::protection::{ProtectedHost, Verdict};
use nightlatch_domain::secret::Token;
use nightlatch_flows::protected::{self as flow, HostCheck, HostFacts, HostRule, Presented};
use nightlatch_protocols::forward_auth::{HOST_COOKIE, STATE_COOKIE};
use nightlatch_storage::{StorageError, relying_parties};

use crate::assets;
use crate::cookies::{self, Jar};
use crate::envelope::Envelope;
use crate::failure::Failure;
use crate::forward_auth::presented;
use crate::guard::{is_safe, read_body};
use crate::routes::{Forgery, Rule};
use crate::same_origin::{Provenance, provenance};
use crate::show;
use crate::state::App;
use crate::views::{Frame, Problem};

pub(crate) use leaving::{events, script, status};
pub(crate) use log_out::{ask, left, log_out, take_receipt};
pub(crate) use way_in::{callback, sign_in};

/// The pages on a protected host.
pub(crate) mod paths {
    pub(crate) const SIGN_IN: &str = nightlatch_protocols::forward_auth::SIGN_IN_PATH;
    pub(crate) const CALLBACK: &str = nightlatch_domain::relying_party::protection::CALLBACK_PATH;
    pub(crate) const LOG_OUT: &str = "/.nightlatch/log-out";
    pub(crate) const LEFT: &str = "/.nightlatch/left";
    pub(crate) const SCRIPT: &str = "/.nightlatch/leave.js";
    pub(crate) const STATUS: &str = "/.nightlatch/status";
    pub(crate) const EVENTS: &str = "/.nightlatch/events";
    pub(crate) const ASSETS: &str = "/.nightlatch/assets/{name}";
}

/// What stands before the address of a style or script on a protected host.
const ASSETS_BELOW: &str = "/.nightlatch";

/// The protected host that a request names.
#[derive(Debug)]
pub(crate) struct AtHost {
    /// The host, as it was registered.
    pub(crate) host: ProtectedHost,
    /// What people call the app.
    pub(crate) app: String,
}

/// The protected host of this name. The port may be written or not where it is the
/// usual one.
pub(crate) async fn find(app: &App, named: &str) -> Result<Option<AtHost>, StorageError> {
    let lower = named.to_ascii_lowercase();
    let mut names = vec![lower.clone()];
    names.extend(
        [":443", ":80"]
            .into_iter()
            .filter_map(|port| lower.strip_suffix(port).map(str::to_owned)),
    );
    let found = app
        .store
        .read(move |tx| {
            for name in &names {
                if let Some(found) = relying_parties::find_by_host(tx, name)? {
                    return Ok::<_, StorageError>(Some(found));
                }
            }
            Ok(None)
        })
        .await?;
    Ok(found.and_then(|app| {
        let rule = app.registration.protection?;
        let host = rule.hosts.into_iter().find(|host| host.is_named(named))?;
        Some(AtHost {
            host,
            app: app.name,
        })
    }))
}

/// One request on a protected host, as handlers see it.
pub(crate) struct HostVisit {
    pub(crate) app: Arc<App>,
    pub(crate) envelope: Envelope,
    pub(crate) host: ProtectedHost,
    /// What people call the app.
    pub(crate) name: String,
    pub(crate) provenance: Provenance,
    pub(crate) presented: Presented,
    /// What this browser was given when it was sent away to sign in.
    pub(crate) state: Option<Token>,
    /// Where the browser is, as far as the proxy vouches for it.
    pub(crate) address: Option<IpAddr>,
    /// The page from which it comes.
    pub(crate) referer: Option<String>,
}

impl fmt::Debug for HostVisit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HostVisit")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

impl HostVisit {
    /// What the cookies of this browser are worth on a page of the app.
    async fn check(&self) -> Result<Option<Known>, StorageError> {
        let (host, presented) = (self.host.clone(), self.presented.clone());
        let activity = Arc::clone(&self.app.activity);
        let checked: HostCheck = self
            .app
            .store
            .read(move |tx| flow::check(tx, &host, &presented, &activity))
            .await?;
        let HostCheck::Known(rule, facts) = checked else {
            return Ok(None);
        };
        let verdict = rule.decide_there(facts.as_ref(), self.app.clock.now());
        Ok(Some(Known {
            rule,
            facts,
            verdict,
        }))
    }

    /// The frame of a page here: it names nobody, and its style comes this way too.
    async fn frame(&self) -> Frame {
        frame(&self.app, &self.envelope).await
    }

    /// A path on this host that somebody may be sent to.
    fn way_back(&self, asked: &str) -> String {
        let by_referer = || {
            let url = url::Url::parse(self.referer.as_deref()?).ok()?;
            let is_here = url.origin().ascii_serialization() == self.host.origin();
            let path = match url.query() {
                Some(query) => format!("{}?{query}", url.path()),
                None => url.path().to_owned(),
            };
            self.host.return_path(&path).filter(|_| is_here)
        };
        self.host
            .return_path(asked)
            .or_else(by_referer)
            .unwrap_or_else(|| "/".to_owned())
    }
}

/// What is known of the cookies of a browser.
struct Known {
    rule: Arc<HostRule>,
    facts: Option<HostFacts>,
    verdict: Verdict,
}

impl Known {
    fn is_in(&self) -> bool {
        matches!(self.verdict, Verdict::Allowed(_))
    }
}

/// The frame of a page on a protected host.
pub(crate) async fn frame(app: &App, envelope: &Envelope) -> Frame {
    let organization = app.house.find_or_last_known(&app.store).await;
    let mut frame = show::plain_frame(envelope, organization.as_ref());
    frame.css_url = format!("{ASSETS_BELOW}{}", assets::style_url());
    frame.js_url.clear();
    app.public_url.origin().clone_into(&mut frame.site);
    frame
}

/// Lets a request on a protected host through to its handler.
pub(crate) async fn guard(app: &Arc<App>, rule: Rule, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let Some(at) = parts.extensions.get::<Arc<AtHost>>().cloned() else {
        // Our own address has no such pages.
        return Failure::not_found().into_response();
    };
    let Some(envelope) = parts.extensions.get::<Envelope>().cloned() else {
        return Failure::internal("a route stands outside of the envelope").into_response();
    };
    let acts = !is_safe(&parts.method);
    let body = if acts {
        match read_body(body, rule.body_limit).await {
            Ok(body) => body,
            // Log out works with any body.
            Err(_) if rule.forgery == Forgery::AskedAbout => Bytes::new(),
            Err(failure) => return failure.into_response(),
        }
    } else {
        Bytes::new()
    };
    let headers = &parts.headers;
    let visit = HostVisit {
        app: Arc::clone(app),
        envelope,
        provenance: provenance(headers, at.host.origin()),
        presented: presented(headers),
        state: cookies::find_token(headers, STATE_COOKIE),
        address: crate::client::details(app, headers, &parts.extensions).address,
        referer: headers
            .get("referer")
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned),
        host: at.host.clone(),
        name: at.app.clone(),
    };
    parts.extensions.insert(Arc::new(visit));
    let answer = next.run(Request::from_parts(parts, Body::from(body))).await;
    if acts {
        app.mailing.wake();
        app.signals.wake_delivery();
    }
    answer
}

/// A page as an answer.
fn page<T: Template>(status: StatusCode, page: &T, jar: Jar) -> Result<Response, Failure> {
    let mut answer = (status, page.render()?).into_response();
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, html);
    jar.apply(answer.headers_mut());
    Ok(answer)
}

/// Takes the cookies of this app from the browser.
fn forget(jar: &mut Jar, rule: &HostRule) {
    jar.remove(HOST_COOKIE);
    if let Some(domain) = &rule.protection.cookie_domain {
        jar.set_domain(rule.client_id, domain, None);
    }
}

/// A page that does not exist here.
fn gone() -> Failure {
    Failure::new(Problem::NotFound)
}
