//! `/forward-auth/…`: the check that reverse proxies ask for each request.
//!
//! Every request of every protected app comes this way, so nothing is done here that
//! pages need: no nonce, no visitor, no frame. Who asks was established by the guard:
//! one of the proxies that the operator named (FWD-03).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request as AxumRequest, State};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, Request};
use axum::response::{IntoResponse, Response};
use nightlatch_domain::Timestamp;
use nightlatch_domain::relying_party::protection::{PathClass, Verdict};
use nightlatch_domain::secret::Token;
use nightlatch_flows::check_cache::HostQuestion;
use nightlatch_flows::protected::{HostCheck, HostFacts, HostRule, Presented};
use nightlatch_protocols::forward_auth::answer::{Answer, answer};
use nightlatch_protocols::forward_auth::request::{is_act, is_tunnel};
use nightlatch_protocols::forward_auth::{
    Asked, HOST_COOKIE, PATH, Proxy, Target, Unreadable, app_of_domain_cookie, identity, token,
};

use crate::cookies;
use crate::failure::Failure;
use crate::state::App;

/// How many cookies of apps with several hosts are looked at.
const MOST_SHARED: usize = 20;

/// A question of a proxy, as far as it can be understood by itself.
struct Question<'a> {
    proxy: Proxy,
    target: Target,
    headers: &'a HeaderMap,
    presented: Presented,
    now: Timestamp,
}

/// Why a question is not even looked up.
enum Senseless {
    /// We know no proxy of this name.
    Unknown,
    /// The proxy did not say what it must.
    Unreadable(Proxy, Unreadable),
    /// The request claims to be somebody.
    Forged(Target),
    /// The request asks for another protocol.
    Tunnel(Target),
}

impl<'a> Question<'a> {
    fn read<B>(app: &App, request: &'a Request<B>) -> Result<Self, Senseless> {
        let (uri, headers) = (request.uri(), request.headers());
        let name = uri.path().strip_prefix(PATH).unwrap_or_default();
        let name = name.split('/').next().unwrap_or_default();
        let proxy = Proxy::from_name(name).ok_or(Senseless::Unknown)?;
        let asked = Asked {
            method: request.method(),
            path_and_query: uri.path_and_query().map_or("", PathAndQuery::as_str),
            headers,
        };
        let target = proxy
            .read(&asked)
            .map_err(|unreadable| Senseless::Unreadable(proxy, unreadable))?;
        if identity::is_forged(headers) {
            return Err(Senseless::Forged(target));
        }
        if is_tunnel(headers) {
            return Err(Senseless::Tunnel(target));
        }
        Ok(Self {
            proxy,
            target,
            headers,
            presented: presented(headers),
            now: app.clock.now(),
        })
    }

    fn on_host(&self) -> HostQuestion<'_> {
        HostQuestion {
            host: &self.target.host,
            path: self.target.path(),
            presented: &self.presented,
            now: self.now,
        }
    }

    fn decide(&self, rule: &HostRule, facts: Option<&HostFacts>) -> Verdict {
        rule.decide(facts, self.target.path(), self.now)
    }

    /// Opening pages and sending forms keeps a session going; polls and what the app is
    /// registered to be quiet about does not (G1).
    fn note_activity(&self, app: &App, rule: &HostRule, facts: &HostFacts) {
        let class = rule.protection.class_of(self.target.path());
        if class == PathClass::Ordinary && is_act(self.headers) {
            let limits = facts.standing.limits;
            app.activity
                .note(facts.session_id, &facts.life, limits, self.now);
        }
    }

    fn answer(&self, decided: (Verdict, Option<&HostFacts>), token: Option<&str>) -> Response {
        write(answer(
            self.proxy,
            &self.target,
            self.headers,
            decided,
            token,
        ))
    }
}

/// The addresses of all proxies.
pub(crate) async fn check(State(app): State<Arc<App>>, request: AxumRequest) -> Response {
    let request = request.map(drop);
    let question = match Question::read(&app, &request) {
        Ok(question) => question,
        Err(senseless) => {
            senseless.log();
            return write(Answer::refused());
        }
    };
    match decide(&app, &question).await {
        Ok(answer) => answer,
        // 503, never a yes and never a no: nobody is let in, and nobody is told that
        // they are not signed in (D7, FWD-07).
        Err(failure) => failure.into_response(),
    }
}

/// The answer to a proxy's question, if memory knows it and it is a yes; for all others
/// there is [`check`].
pub(crate) fn from_memory<B>(app: &App, request: &Request<B>) -> Option<Response> {
    // Most of what comes is for somebody else.
    if !request.uri().path().starts_with(PATH) {
        return None;
    }
    let question = Question::read(app, request).ok()?;
    let known = app
        .check_cache
        .find_on_host(question.on_host(), &app.activity)?;
    let HostCheck::Known(rule, Some(facts)) = known else {
        return None;
    };
    let verdict = question.decide(&rule, Some(&facts));
    // A signature takes a key, which may have to be read.
    if !matches!(verdict, Verdict::Allowed(_)) || rule.protection.signed_headers {
        return None;
    }
    question.note_activity(app, &rule, &facts);
    Some(question.answer((verdict, Some(&facts)), None))
}

async fn decide(app: &Arc<App>, question: &Question<'_>) -> Result<Response, Failure> {
    let checked = app
        .check_cache
        .look_on_host(&app.store, question.on_host(), &app.activity)
        .await?;
    let HostCheck::Known(rule, facts) = checked else {
        let host = &question.target.host;
        tracing::debug!(%host, "a proxy asked about a host that no app has");
        return Ok(write(Answer::refused()));
    };
    let verdict = question.decide(&rule, facts.as_ref());
    let token = match (verdict, &facts) {
        (Verdict::Allowed(_), Some(facts)) => {
            question.note_activity(app, &rule, facts);
            if rule.protection.signed_headers {
                Some(sign(app, &rule, facts).await?)
            } else {
                None
            }
        }
        _ => None,
    };
    Ok(question.answer((verdict, facts.as_ref()), token.as_deref()))
}

impl Senseless {
    fn log(&self) {
        match self {
            Self::Unknown => {}
            Self::Unreadable(proxy, unreadable) => {
                tracing::warn!(proxy = proxy.name(), "{unreadable}; nobody was let in");
            }
            Self::Forged(target) => tracing::warn!(
                host = %target.host,
                "a request for a protected app claimed to be somebody in a header; it was refused"
            ),
            Self::Tunnel(target) => tracing::warn!(
                host = %target.host,
                "a request for a protected app asked for another protocol; it was refused"
            ),
        }
    }
}

/// The cookies that could let the browser in on a host.
pub(crate) fn presented(headers: &HeaderMap) -> Presented {
    let digest = |value: &str| Token::parse(value).map(|token| token.digest());
    let mut presented = Presented::default();
    for (name, value) in cookies::all(headers) {
        if name == HOST_COOKIE && presented.own.is_none() {
            presented.own = digest(value);
        } else if let Some(app) = app_of_domain_cookie(name)
            && presented.shared.len() < MOST_SHARED
        {
            presented
                .shared
                .extend(digest(value).map(|digest| (app, digest)));
        }
    }
    presented
}

async fn sign(app: &App, rule: &HostRule, facts: &HostFacts) -> Result<String, Failure> {
    let moment = app.moment();
    let keys = app
        .signing
        .for_signing(&app.store, &app.sealer, &moment, token::ALGORITHM)
        .await
        .map_err(|error| Failure::internal(error.to_string()))?;
    let issuer = app.public_url.origin();
    token::sign(&keys, issuer, (rule, facts), moment.now)
        .map_err(|error| Failure::internal(error.to_string()))
}

fn write(answer: Answer) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response
}
