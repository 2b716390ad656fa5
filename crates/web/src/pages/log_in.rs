//! `/login`: says truthfully whether this browser is signed in, and signs in.

use std::sync::Arc;

use axum::Extension;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use nightlatch_domain::policy::RememberRule;
use nightlatch_domain::session::SessionKind;
use nightlatch_domain::user::EmailKey;
use nightlatch_flows::sessions::find_receipt;
use nightlatch_flows::sign_in::{self, Attempt, SignInOutcome, SignedIn};
use nightlatch_protocols::oidc::authorize::{self, Expected};
use nightlatch_storage::{StorageError, browsers};

use crate::cookies::{self, Jar};
use crate::failure::Failure;
use crate::guard::{Presence, Visit};
use crate::links::{self, ReturnPath};
use crate::pages::flash::TOO_MANY_SESSIONS;
use crate::pages::{Fields, Query, seconds_until, wait_sentence};
use crate::show;
use crate::signals::Concern;
use crate::views::{
    Frame, LoginPage, LoginState, Nav, NoticeView, RememberChoice, ReplaceView, SharedChoice,
    SignInForm, WhyEnded,
};

/// What a form shows again.
#[derive(Default)]
struct Typed {
    email: String,
    remember: bool,
    shared: bool,
    return_to: String,
    error: Option<String>,
    switch: bool,
}

/// `GET /login`.
pub(crate) async fn get(
    Extension(visit): Extension<Arc<Visit>>,
    query: Query,
) -> Result<Response, Failure> {
    let return_to = ReturnPath::parse(query.get("return_to"), &visit.app.public_url);
    let return_to = return_to
        .map(|path| path.as_str().to_owned())
        .unwrap_or_default();
    let switch = query.get("switch") == "yes";
    let typed = Typed {
        return_to,
        switch,
        ..Typed::default()
    };
    show_form(&visit, StatusCode::OK, typed).await
}

/// `POST /login`.
pub(crate) async fn post(
    Extension(visit): Extension<Arc<Visit>>,
    fields: Fields,
) -> Result<Response, Failure> {
    let return_to = ReturnPath::parse(fields.get("return_to"), &visit.app.public_url);
    let mut typed = Typed {
        email: fields.get("email").trim().chars().take(254).collect(),
        remember: fields.is_checked("remember"),
        shared: fields.is_checked("shared"),
        return_to: return_to
            .map(|path| path.as_str().to_owned())
            .unwrap_or_default(),
        error: None,
        switch: !fields.get("replace").is_empty(),
    };
    if !visit.is_own_form(fields.get("csrf")) {
        typed.error = Some(
            "This page was no longer up to date, so we did not use what you sent. Please sign in once more."
                .to_owned(),
        );
        return show_form(&visit, StatusCode::FORBIDDEN, typed).await;
    }
    if is_somebody_else(&visit, &fields) {
        // Asks before replacing: the page says who is signed in.
        let asking = Typed {
            return_to: typed.return_to,
            ..Typed::default()
        };
        return show_form(&visit, StatusCode::OK, asking).await;
    }
    // Whatever is said from here on is said above the form, also to somebody who
    // is signed in meanwhile and would otherwise only read that they are.
    typed.switch = visit.live().is_some();
    let Some(password) = fields.password("password") else {
        typed.error = Some(refusal());
        return show_form(&visit, StatusCode::UNPROCESSABLE_ENTITY, typed).await;
    };
    let attempt = Attempt {
        email: EmailKey::of_typed(fields.get("email")),
        password,
        remember: typed.remember,
        shared: typed.shared,
        browser: visit.browser_token(),
        replaces: visit.session_token,
        trusted: visit.trusted_token,
        return_to: typed.return_to.clone(),
        client: visit.client.clone(),
    };
    let app = &visit.app;
    let outcome: Result<SignInOutcome, StorageError> =
        sign_in::with_password(&app.store, &app.hashing, &app.moment(), attempt).await;
    let (counted, status, error) = match outcome? {
        SignInOutcome::SignedIn(signed_in) => {
            app.metrics.sign_in("signed_in");
            return Ok(welcome(&visit, &signed_in, &typed.return_to));
        }
        SignInOutcome::MoreNeeded(token) => {
            app.metrics.sign_in("more_needed");
            let mut jar = Jar::default();
            jar.set_pending(&token);
            return Ok(show::see_other(links::FACTOR, jar));
        }
        SignInOutcome::Refused => ("refused", StatusCode::UNPROCESSABLE_ENTITY, refusal()),
        SignInOutcome::Wait(until) => {
            app.metrics.sign_in("throttled");
            typed.error = Some(wait_sentence(&visit, until));
            let mut answer = show_form(&visit, StatusCode::TOO_MANY_REQUESTS, typed).await?;
            let seconds = seconds_until(&visit, until);
            answer
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from(seconds));
            return Ok(answer);
        }
        SignInOutcome::Off => ("off", StatusCode::TOO_MANY_REQUESTS, off()),
        SignInOutcome::Overtaken => ("overtaken", StatusCode::CONFLICT, overtaken()),
        SignInOutcome::TooManySessions => (
            "too_many",
            StatusCode::CONFLICT,
            TOO_MANY_SESSIONS.to_owned(),
        ),
        SignInOutcome::Overloaded => (
            "overloaded",
            StatusCode::SERVICE_UNAVAILABLE,
            "Many people are signing in right now. Please try again in a moment.".to_owned(),
        ),
    };
    app.metrics.sign_in(counted);
    typed.error = Some(error);
    show_form(&visit, status, typed).await
}

/// One sentence for an unknown address, a wrong password and a disabled account
/// (AUTH-07).
fn refusal() -> String {
    "The e-mail address and the password do not fit together. Please check both and try again."
        .to_owned()
}

fn off() -> String {
    "There were very many wrong tries, so signing in with a password is off here. Use another browser \
     that you have signed in with before, or ask for a new password."
        .to_owned()
}

fn overtaken() -> String {
    "While you were signing in, this account was logged out everywhere. If that was you, please sign \
     in again."
        .to_owned()
}

/// Whether a form would replace another person's session without saying so (E3,
/// E10).
fn is_somebody_else(visit: &Visit, fields: &Fields) -> bool {
    visit.live().is_some_and(|live| {
        let same_person = live.owned.user.email.key() == EmailKey::of_typed(fields.get("email"));
        let agreed = fields.get("replace") == live.owned.session.id.to_string();
        !same_person && !agreed
    })
}

/// The answer to a sign-in that is complete, whatever its last step was.
pub(crate) fn welcome(visit: &Visit, signed_in: &SignedIn, return_to: &str) -> Response {
    let jar = arrive(visit, signed_in);
    let to = if return_to.is_empty() {
        links::START
    } else {
        return_to
    };
    show::see_other(to, jar)
}

/// The cookies of a session that began, once open pages know of what it replaced.
pub(crate) fn arrive(visit: &Visit, signed_in: &SignedIn) -> Jar {
    let mut jar = Jar::default();
    jar.set_session(&signed_in.token, &signed_in.session, visit.now);
    // Set again at each sign-in, so that a browser in use stays known.
    let known = visit
        .browser
        .as_ref()
        .filter(|_| signed_in.session.browser_id.is_some());
    if let Some(token) = signed_in.browser_token.as_ref().or(known) {
        jar.set_browser(token);
    }
    if let Some(trusted) = &signed_in.trusted {
        jar.set_trusted(trusted, visit.now);
    }
    jar.remove(cookies::VISITOR);
    jar.remove(cookies::RECEIPT);
    if visit.way.is_some() {
        jar.remove(cookies::WAY);
    }
    if visit.pending_token.is_some() {
        jar.remove(cookies::PENDING);
    }
    // Whatever this browser, or this person beyond the limit, held before ended.
    visit
        .app
        .signals
        .ended(Concern::User(signed_in.session.user_id));
    if let Some(live) = visit.live() {
        visit.app.signals.ended(Concern::User(live.owned.user.id));
    }
    // Also somebody else's session of which this browser had lost the cookie: its
    // pages may still be open here.
    if let Some(browser) = visit.browser_token() {
        visit.app.signals.ended(Concern::Browser(browser));
    }
    jar
}

async fn show_form(visit: &Visit, status: StatusCode, typed: Typed) -> Result<Response, Failure> {
    let mut frame = show::frame(visit, Nav::Elsewhere).await?;
    let mut jar = Jar::default();
    let replace = visit
        .live()
        .filter(|_| typed.switch)
        .map(|live| ReplaceView {
            id: live.owned.session.id.to_string(),
            name: live.owned.user.name.clone(),
        });
    if visit.live().is_some() && replace.is_none() {
        let switch_href = if typed.return_to.is_empty() {
            format!("{}?switch=yes", links::LOGIN)
        } else {
            links::login_returning(&typed.return_to, true)
        };
        let continue_href = if typed.return_to.is_empty() {
            links::START.to_owned()
        } else {
            typed.return_to
        };
        let page = LoginPage {
            frame,
            state: LoginState::SignedIn {
                continue_href,
                switch_href,
            },
        };
        return show::page_with(visit, status, &page, jar);
    }
    let notices = notices(visit, &mut frame, &mut jar).await?;
    let (remember, shared) = choices(visit, &typed).await?;
    let expected = expected(visit, &typed).await?;
    // Whatever page the person goes on to from here, it leads to the same place.
    match links::request_token(&typed.return_to).filter(|_| expected.is_some()) {
        Some(token) => jar.set_way(&token),
        None if visit.way.is_some() => jar.remove(cookies::WAY),
        None => {}
    }
    let (app, hint) = expected.map_or((None, None), |one| (Some(one.app), one.login_hint));
    // Whoever comes next must not find who tried (SHR-01).
    let is_shared = typed.shared || matches!(shared, SharedChoice::Forced { .. });
    let email = if is_shared {
        String::new()
    } else if typed.email.is_empty() {
        // It fills the field and proves nothing (A12).
        let hint = hint.unwrap_or_default();
        hint.chars().take(254).collect()
    } else {
        typed.email
    };
    let page = LoginPage {
        frame,
        state: LoginState::Form(SignInForm {
            csrf: visit.form_token(),
            return_to: typed.return_to,
            email,
            error: typed.error,
            notices,
            remember,
            shared,
            app,
            passkeys: visit.app.passkeys.are_possible(),
            can_recover: visit.app.mail_works(),
            replace,
        }),
    };
    show::page_with(visit, status, &page, jar)
}

/// What is known of the app that the person is on the way to.
async fn expected(visit: &Visit, typed: &Typed) -> Result<Option<Expected>, Failure> {
    match links::request_token(&typed.return_to) {
        None => Ok(None),
        Some(token) => Ok(authorize::expected(&visit.app.store, visit.now, &token).await?),
    }
}

/// Why this browser was signed out, told once (H6).
async fn notices(
    visit: &Visit,
    frame: &mut Frame,
    jar: &mut Jar,
) -> Result<Vec<NoticeView>, Failure> {
    if let Presence::Over(over) = &visit.presence {
        jar.remove(cookies::SESSION);
        frame.ended = Some(over.session_id.to_string());
        let mut notice = show::why(over.cause).notice(Some(show::time(over.at, visit.now)));
        // Nothing more is known there about an ending that happened elsewhere.
        notice.link = None;
        if let Some(reason) = &over.reason {
            notice.text = format!("{} The reason given: {reason}", notice.text);
        }
        return Ok(vec![notice]);
    }
    let Some(token) = visit.receipt_token.filter(|_| visit.live().is_none()) else {
        return Ok(Vec::new());
    };
    let now = visit.now;
    let found: Result<_, StorageError> = visit
        .app
        .store
        .read(move |tx| find_receipt(tx, token, now))
        .await;
    Ok(found?
        .map(|(_, ending)| {
            frame.ended = Some(String::new());
            WhyEnded::LoggedOutHere.notice(Some(show::time(ending.at, now)))
        })
        .into_iter()
        .collect())
}

/// Whether to offer "Stay signed in", and whether this computer is always shared.
async fn choices(visit: &Visit, typed: &Typed) -> Result<(RememberChoice, SharedChoice), Failure> {
    let house = visit.app.house.last_known();
    let policy = house.map(|organization| organization.settings.policy);
    let rule = policy
        .as_ref()
        .map_or(RememberRule::Ask, |policy| policy.remember);
    let shared_network = policy.is_some_and(|policy| {
        visit
            .client
            .address
            .is_some_and(|address| policy.is_shared_network(address))
    });
    let marked = match visit.browser_token() {
        Some(token) => {
            let found: Result<_, StorageError> = visit
                .app
                .store
                .read(move |tx| browsers::find_by_token(tx, token))
                .await;
            found?.is_some_and(|browser| browser.always_shared)
        }
        None => false,
    };
    let sentence = if marked {
        Some("An administrator has marked this computer as shared.")
    } else if shared_network {
        Some("Your organization treats every computer in this network as shared.")
    } else {
        None
    };
    let forced = sentence.is_some();
    let shared = match sentence {
        Some(sentence) => SharedChoice::Forced {
            sentence: sentence.to_owned(),
        },
        None => SharedChoice::Offered {
            checked: typed.shared || visit.is_shared(),
        },
    };
    let remember = if rule == RememberRule::Ask && !forced {
        RememberChoice::Asked {
            checked: typed.remember
                || visit
                    .live()
                    .is_some_and(|live| live.owned.session.life.kind == SessionKind::Remembered),
        }
    } else {
        RememberChoice::NotAsked
    };
    Ok((remember, shared))
}
