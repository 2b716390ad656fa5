//! `/forward-auth/…`: the check that reverse proxies ask for each request.
//!
//! Every request of every protected app comes this way, so nothing is done here that
//! pages need: no nonce, no visitor, no frame. Who asks was established by the guard:
//! one of the proxies that the operator named (FWD-03).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use nightlatch_domain::Timestamp;
use nightlatch_domain::relying_party::protection::{PathClass, Verdict};
use nightlatch_domain::secret::Token;
use nightlatch_flows::check_cache::HostQuestion;
use nightlatch_flows::protected::{HostCheck, HostFacts, HostRule, Presented};
use nightlatch_protocols::forward_auth::answer::{Answer, answer};
use nightlatch_protocols::forward_auth::request::is_act;
use nightlatch_protocols::forward_auth::{
    Asked, HOST_COOKIE, PATH, Proxy, Target, app_of_domain_cookie, identity, token,
};

use crate::cookies;
use crate::failure::Failure;
use crate::state::App;

/// How many cookies of apps with several hosts are looked at.
const MOST_SHARED: usize = 20;

/// The addresses of all proxies.
pub(crate) async fn check(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    match decide(&app, &parts).await {
        Ok(answer) => write(answer),
        // 503, never a yes and never a no: nobody is let in, and nobody is told that
        // they are not signed in (D7, FWD-07).
        Err(failure) => failure.into_response(),
    }
}

async fn decide(app: &Arc<App>, request: &Parts) -> Result<Answer, Failure> {
    let Some((proxy, target)) = read(request) else {
        return Ok(Answer::refused());
    };
    let headers = &request.headers;
    if identity::is_forged(headers) {
        tracing::warn!(
            host = %target.host,
            "a request for a protected app claimed to be somebody in a header; it was refused"
        );
        return Ok(Answer::refused());
    }
    let presented = presented(headers);
    let now = app.clock.now();
    let question = HostQuestion {
        host: &target.host,
        path: target.path(),
        presented: &presented,
        now,
    };
    let checked = app
        .check_cache
        .look_on_host(&app.store, question, &app.activity)
        .await?;
    let HostCheck::Known(rule, facts) = checked else {
        tracing::debug!(host = %target.host, "a proxy asked about a host that no app has");
        return Ok(Answer::refused());
    };
    let verdict = rule.decide(facts.as_ref(), target.path(), now);
    if let (Verdict::Allowed(_), Some(facts)) = (verdict, &facts) {
        note_activity(app, &rule, facts, (&target, headers), now);
    }
    let token = match (verdict, &facts) {
        (Verdict::Allowed(_), Some(facts)) if rule.protection.signed_headers => {
            Some(sign(app, &rule, facts).await?)
        }
        _ => None,
    };
    let decided = (verdict, facts.as_ref());
    Ok(answer(proxy, &target, headers, decided, token.as_deref()))
}

fn read(request: &Parts) -> Option<(Proxy, Target)> {
    let name = request.uri.path().strip_prefix(PATH)?.split('/').next()?;
    let proxy = Proxy::from_name(name)?;
    let asked = Asked {
        method: &request.method,
        path_and_query: request.uri.path_and_query()?.as_str(),
        headers: &request.headers,
    };
    match proxy.read(&asked) {
        Ok(target) => Some((proxy, target)),
        Err(unreadable) => {
            tracing::warn!(proxy = proxy.name(), "{unreadable}; nobody was let in");
            None
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

/// Opening pages and sending forms keeps a session going; polls and what the app is
/// registered to be quiet about does not (G1).
fn note_activity(
    app: &App,
    rule: &HostRule,
    facts: &HostFacts,
    (target, headers): (&Target, &HeaderMap),
    now: Timestamp,
) {
    let class = rule.protection.class_of(target.path());
    if class == PathClass::Ordinary && is_act(headers) {
        let limits = facts.standing.limits;
        app.activity
            .note(facts.session_id, &facts.life, limits, now);
    }
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
    let mut response = answer.status.into_response();
    for (name, value) in answer.headers {
        response.headers_mut().insert(name, value);
    }
    response
}
