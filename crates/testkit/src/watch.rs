//! What must hold of every answer, whatever the story.
//!
//! Offenses are collected while a story runs and reported when its site is
//! dropped, so that a story reads as a story.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use http::Method;

use crate::answer::Answer;
use crate::jar;

/// The headers that every answer carries, errors included (HDR-03).
const ALWAYS: [(&str, &str); 5] = [
    (
        "strict-transport-security",
        "max-age=31536000; includeSubDomains",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// Collects what is wrong with answers.
#[derive(Debug, Default)]
pub(crate) struct Watch(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    nonces: HashSet<String>,
    offenses: Vec<String>,
    answers: usize,
}

impl Watch {
    /// Looks at an answer. `origin` is the site's.
    pub(crate) fn see(&self, answer: &Answer, origin: &str) {
        if answer.path.starts_with("/forward-auth/") {
            self.see_check(answer);
            return;
        }
        let mut found = Vec::new();
        let status = answer.status.as_u16();
        if status == 500 {
            found.push(format!("a fault of ours: {}", answer.text()));
        }
        for (name, value) in ALWAYS {
            let given: Vec<_> = answer.headers.get_all(name).iter().collect();
            if given != [value] {
                found.push(format!("{name} is {given:?}"));
            }
        }
        judge_caching(answer, &mut found);
        judge_cookies(answer, &mut found);
        judge_clearing(answer, &mut found);
        judge_location(answer, origin, &mut found);
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.answers += 1;
        match nonce(answer) {
            None => found.push(format!(
                "the policy is {:?}",
                answer.headers.get("content-security-policy")
            )),
            Some(nonce) if !seen.nonces.insert(nonce.clone()) => {
                found.push(format!("the nonce {nonce} was used before"));
            }
            Some(nonce) if answer.is_html() && answer.method != Method::HEAD => {
                judge_page(answer, &nonce, &mut found);
            }
            Some(_) => {}
        }
        seen.offenses.extend(
            found
                .into_iter()
                .map(|what| format!("{} {} → {status}: {what}", answer.method, answer.path)),
        );
    }

    /// What a proxy is answered becomes no page: it is not stored, has no body, and sets
    /// nothing in anybody's browser.
    fn see_check(&self, answer: &Answer) {
        let status = answer.status.as_u16();
        let is_known = [200, 302, 401, 403, 503].contains(&status);
        let is_bare = answer.body.is_empty() && answer.cookies().is_empty();
        if !is_known || !is_bare || answer.header("cache-control") != Some("no-store") {
            self.offend(format!("{} → {status}: an odd check", answer.path));
        }
    }

    /// Says that something is wrong.
    pub(crate) fn offend(&self, what: String) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.offenses.push(what);
    }

    /// Everything that was wrong.
    pub(crate) fn offenses(&self) -> Vec<String> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.offenses.clone()
    }
}

/// The nonce of an answer whose policy is, but for it, exactly ours (HDR-01).
fn nonce(answer: &Answer) -> Option<String> {
    let policy = answer.header("content-security-policy")?;
    let nonce: String = policy
        .split_once("script-src 'nonce-")?
        .1
        .split('\'')
        .next()?
        .to_owned();
    let exact = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; \
         img-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    // Only the page after a log-out loads anything else, and says what (FCL-01).
    let frames = policy.strip_prefix(&exact)?;
    let shows_frames = ["/signed-out", "/oauth2/logout/continue"].contains(&answer.path.as_str())
        && frames.starts_with("; frame-src https://");
    // 128 bits in base64 without padding.
    ((frames.is_empty() || shows_frames) && nonce.len() == 22).then_some(nonce)
}

/// Nothing about an account is stored anywhere; only hashed assets are (OUT-07).
fn judge_caching(answer: &Answer, found: &mut Vec<String>) {
    let caching = answer.header("cache-control");
    let is_asset = ["/assets/", "/.nightlatch/assets/"]
        .iter()
        .any(|prefix| answer.path.starts_with(prefix))
        && answer.status.is_success();
    let right = if is_asset {
        "public, max-age=31536000, immutable"
    } else {
        "no-store"
    };
    if caching != Some(right) {
        found.push(format!("Cache-Control is {caching:?}"));
    }
}

fn judge_cookies(answer: &Answer, found: &mut Vec<String>) {
    let mut names = HashSet::new();
    for header in answer.cookies() {
        if let Err(problem) = jar::read(header) {
            found.push(problem);
        }
        if !names.insert(header.split('=').next().unwrap_or_default()) {
            found.push(format!("a cookie is set twice: {:?}", answer.cookies()));
        }
    }
}

/// Never cookies of sibling hosts (OUT-05).
fn judge_clearing(answer: &Answer, found: &mut Vec<String>) {
    match answer.header("clear-site-data") {
        None | Some("\"storage\"" | "\"cache\", \"storage\"") => {}
        Some(other) => found.push(format!("Clear-Site-Data is {other}")),
    }
}

/// Whether this is the answer to an app, which alone leads off-site; it says who
/// answers (OIDC-07).
fn is_answer_to_app(answer: &Answer, location: &str) -> bool {
    answer.path.starts_with("/oauth2/authorize")
        && location
            .split('&')
            .filter(|part| part.starts_with("iss="))
            .count()
            == 1
}

/// Never off-site but from the protocols of apps, and never to an address that logs
/// out (B13); but a foreign form
/// that was sent to Log out is led to its question.
fn judge_location(answer: &Answer, origin: &str, found: &mut Vec<String>) {
    let Some(location) = answer.location() else {
        return;
    };
    if location.contains("id_token_hint=") {
        found.push(format!("a hint travels on in {location}"));
    }
    if is_answer_to_app(answer, location) {
        return;
    }
    // Between a protected host and our own address; to which host is what its stories
    // are about.
    if answer.path.starts_with("/.nightlatch/") {
        return;
    }
    let is_question = answer.path == "/logout" && location == "/logout";
    // To an app that was registered: which, is what their own stories are about.
    if answer.path.starts_with("/oauth2/") && location.contains(':') {
        return;
    }
    let resolved = url::Url::parse(origin).and_then(|base| base.join(location));
    let ours = resolved.as_ref().is_ok_and(|url| {
        url.origin().ascii_serialization() == origin
            && (is_question || !url.path().starts_with("/logout"))
    });
    if !ours || !location.starts_with('/') {
        found.push(format!("leads to {location}"));
    }
}

fn judge_page(answer: &Answer, nonce: &str, found: &mut Vec<String>) {
    let page = answer.page();
    found.extend(page.offenses.iter().cloned());
    for given in &page.nonces {
        if given.as_deref() != Some(nonce) {
            found.push(format!("a script or style with the nonce {given:?}"));
        }
    }
    if page.title.is_empty() || !page.title.starts_with(&page.heading) {
        found.push(format!(
            "the title “{}” does not begin with the heading “{}”",
            page.title, page.heading
        ));
    }
}
