//! `/.nightlatch/log-out`: one address on any protected host that logs out for good
//! (D2, D5).

use std::sync::Arc;

use axum::Extension;
use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use nightlatch_domain::ids::{SessionId, UserId};
use nightlatch_domain::secret::Token;
use nightlatch_domain::session::SessionKind;
use nightlatch_flows::own_apps::{self, AppOutcome};
use nightlatch_flows::own_endings::{OwnEnding, OwnEndingOutcome, end_own};
use nightlatch_flows::protected::{self as flow, HostRule};
use nightlatch_flows::receipts::take;
use nightlatch_flows::sessions::{Over, find_over};
use nightlatch_storage::StorageError;
use nightlatch_storage::sessions::OwnedSession;

use super::{HostVisit, Known, forget, gone, page, paths};
use crate::cookies::{self, Jar};
use crate::failure::Failure;
use crate::forms::FormHolder;
use crate::guard::Visit;
use crate::links;
use crate::pages::Fields;
use crate::pages::log_out::farewell;
use crate::same_origin::Provenance;
use crate::show;
use crate::signals::Concern;
use crate::views::{HostLeftPage, HostLogOutPage, WhyEnded};

/// `GET /.nightlatch/log-out`: asks, and changes nothing. Whoever has nothing to log
/// out of on this host is led to our own page, which knows whether there is anything
/// elsewhere in this browser.
pub(crate) async fn ask(Extension(visit): Extension<Arc<HostVisit>>) -> Result<Response, Failure> {
    let Some(known) = visit.check().await? else {
        return Err(gone());
    };
    question(&visit, &known).await
}

async fn question(visit: &HostVisit, known: &Known) -> Result<Response, Failure> {
    let Some(facts) = known.facts.as_ref().filter(|_| !is_over(known)) else {
        let to = visit.app.public_url.address_of(links::LOGOUT);
        return Ok(show::see_other(&to, Jar::default()));
    };
    let view = HostLogOutPage {
        frame: visit.frame().await,
        app: known.rule.name.clone(),
        name: facts.person.identity.name.to_string(),
        email: facts.person.identity.email.to_string(),
        csrf: form_token(visit, facts.session_id),
        this_site_only: known.rule.protection.this_site_only,
    };
    page(StatusCode::OK, &view, Jar::default())
}

fn is_over(known: &Known) -> bool {
    use nightlatch_domain::relying_party::protection::Verdict;
    matches!(
        known.verdict,
        Verdict::NoSession | Verdict::SessionOver(_) | Verdict::Withdrawn
    )
}

fn form_token(visit: &HostVisit, session: SessionId) -> String {
    let holder = FormHolder::OnHost(session);
    visit.app.form_key.issue(holder, visit.app.random.as_ref())
}

/// `POST /.nightlatch/log-out`. Headers that only a page of this host can produce are
/// enough, as at our own Log out (B10): the app's own button may post here. Without
/// such headers the form's token decides; another site gets the question.
pub(crate) async fn log_out(
    Extension(visit): Extension<Arc<HostVisit>>,
    fields: Result<Fields, Failure>,
) -> Result<Response, Failure> {
    let (host, presented) = (visit.host.clone(), visit.presented.clone());
    let found: Option<(HostRule, OwnedSession)> = visit
        .app
        .store
        .read(move |tx| flow::find_session(tx, &host, &presented))
        .await?;
    let Some((rule, owned)) = found else {
        let to = visit.app.public_url.address_of(links::LOGOUT);
        return Ok(show::see_other(&to, Jar::default()));
    };
    let session = owned.session.id;
    let fields = fields.ok();
    let field = |name: &str| fields.as_ref().map_or("", |fields| fields.get(name));
    let is_ours = match visit.provenance {
        Provenance::SameOrigin => true,
        Provenance::Foreign => false,
        Provenance::Unproven => {
            let holder = FormHolder::OnHost(session);
            visit.app.form_key.is_valid(holder, field("csrf"))
        }
    };
    if !is_ours {
        return Ok(show::see_other(paths::LOG_OUT, Jar::default()));
    }
    if field("scope") == "site" && rule.protection.this_site_only {
        return leave(&visit, &rule, session, owned.user.id).await;
    }
    end(&visit, &rule, &owned).await
}

/// Everything in this browser: the session ends, with all that follows.
async fn end(
    visit: &HostVisit,
    rule: &HostRule,
    owned: &OwnedSession,
) -> Result<Response, Failure> {
    let app = &visit.app;
    let (moment, activity) = (app.moment(), Arc::clone(&app.activity));
    let session = owned.session.id;
    let outcome: OwnEndingOutcome = app
        .store
        .write_ending(move |tx| end_own(tx, &moment, &activity, session, None, &OwnEnding::This))
        .await?;
    let mut jar = Jar::default();
    forget(&mut jar, rule);
    let mut to = links::SIGNED_OUT.to_owned();
    if let OwnEndingOutcome::Done(done) = outcome {
        app.metrics.ending(done.cause);
        app.signals.ended(Concern::User(owned.user.id));
        if let Some(receipt) = &done.receipt {
            to = links::take_receipt(&receipt.reveal());
        }
    }
    let mut answer = show::see_other(&app.public_url.address_of(&to), jar);
    if owned.session.life.kind == SessionKind::Shared {
        // What the app left in this browser is for nobody who comes next (SHR-03).
        let clear = HeaderValue::from_static("\"cache\", \"storage\"");
        answer.headers_mut().insert("clear-site-data", clear);
    }
    Ok(answer)
}

/// This site only: the app is left in this session, and the session goes on (E11).
async fn leave(
    visit: &HostVisit,
    rule: &HostRule,
    session: SessionId,
    user: UserId,
) -> Result<Response, Failure> {
    let app = &visit.app;
    let (moment, activity, client) = (app.moment(), Arc::clone(&app.activity), rule.client_id);
    let outcome: AppOutcome = app
        .store
        .write(move |tx| own_apps::leave(tx, &moment, &activity, session, client))
        .await?;
    let mut jar = Jar::default();
    forget(&mut jar, rule);
    if matches!(outcome, AppOutcome::Done(_)) {
        app.signals.ended(Concern::User(user));
    }
    Ok(show::see_other(paths::LEFT, jar))
}

/// `GET /.nightlatch/left`: what is so after this site was left, in any tab. Whoever was
/// brought here because the session is over reads why (H6); the page names nobody, since
/// somebody else may sit here by now.
pub(crate) async fn left(Extension(visit): Extension<Arc<HostVisit>>) -> Result<Response, Failure> {
    let Some(known) = visit.check().await? else {
        return Err(gone());
    };
    if known.is_in() {
        return Ok(show::see_other(&visit.host.address_of("/"), Jar::default()));
    }
    let view = HostLeftPage {
        frame: visit.frame().await,
        app: known.rule.name.clone(),
        over: why_over(&visit).await?,
        again: visit.host.address_of("/"),
        everything: visit.app.public_url.address_of(links::LOGOUT),
    };
    page(StatusCode::OK, &view, Jar::default())
}

/// Why the session is over for which this browser has a cookie here.
async fn why_over(visit: &HostVisit) -> Result<Option<WhyEnded>, StorageError> {
    let (host, presented) = (visit.host.clone(), visit.presented.clone());
    let (activity, now) = (Arc::clone(&visit.app.activity), visit.app.clock.now());
    let over: Option<Over> = visit
        .app
        .store
        .read(move |tx| {
            let Some((_, owned)) = flow::find_session(tx, &host, &presented)? else {
                return Ok::<_, StorageError>(None);
            };
            find_over(tx, &owned, &activity, now)
        })
        .await?;
    Ok(over.map(|over| show::why(over.cause)))
}

/// `GET /signed-out/take/{token}`, on our own address: the receipt of a Log out on a
/// protected host comes over with a token that is good once and for a minute; from then
/// on a cookie opens it, as any other.
pub(crate) async fn take_receipt(
    Extension(visit): Extension<Arc<Visit>>,
    Path(token): Path<String>,
) -> Result<Response, Failure> {
    let mut jar = Jar::default();
    let mut shared = false;
    if let Some(token) = Token::parse(&token) {
        let moment = visit.app.moment();
        let taken: Result<Option<(Token, bool)>, StorageError> = visit
            .app
            .store
            .write(move |tx| take(tx, &moment, &token))
            .await;
        if let Some((receipt, of_shared)) = taken? {
            jar.set_receipt(&receipt, of_shared);
            shared = of_shared;
        }
    }
    if visit.live().is_some() {
        // Somebody is signed in here; that page says so.
        return Ok(show::see_other(links::SIGNED_OUT, jar));
    }
    if visit.session_token.is_some() {
        jar.remove(cookies::SESSION);
    }
    Ok(farewell(jar, links::SIGNED_OUT, shared))
}
