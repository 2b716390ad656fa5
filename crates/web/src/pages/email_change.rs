//! Another e-mail address: `/account/profile/email`, and the pages of the two links
//! in mails, `/email/confirm/{token}` and `/email/undo/{token}`. Those work without
//! signing in, and opening them changes nothing (AUTH-10).

use std::sync::Arc;

use axum::Extension;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use nightlatch_domain::email_change::{EmailChange, shortened};
use nightlatch_domain::ending::Cause;
use nightlatch_domain::ids::{MailLinkId, SessionId};
use nightlatch_domain::mail::{LinkKind, LinkRefusal};
use nightlatch_domain::user::{EmailAddress, User};
use nightlatch_flows::email_change::{self as flow, AskOutcome, ConfirmOutcome};
use nightlatch_flows::email_undo::{self, Undoable, Undone};
use nightlatch_storage::StorageError;

use crate::cookies::Jar;
use crate::failure::Failure;
use crate::guard::{Person, Visit};
use crate::links;
use crate::pages::Fields;
use crate::pages::flash::Flash;
use crate::pages::proof::{Takes, asked, asked_to_change, to_sign_in, with_proof};
use crate::show;
use crate::signals::Concern;
use crate::views::{
    EmailChangePage, EmailConfirmPage, EmailConfirmState, EmailRow, EmailUndoPage, EmailUndoState,
    Field, Nav, PendingEmailView, Proof,
};

/// Where people who cannot do it themselves turn to.
const NO_MAIL: &str = "This server sends no mail, so it cannot make sure that a new address is yours. Please ask an administrator of your organization to change it.";

const NOT_FROM_HERE: &str = "This is a shared computer, or a phone let you in here. Please change your address on a device of your own.";

const NOT_AN_ADDRESS: &str = "Please enter an e-mail address, like ada@example.com.";

/// What is wrong with asking.
pub(crate) const SAME: &str = "This is your address already.";

/// See [`SAME`].
pub(crate) const TOO_MANY: &str =
    "You have asked for several addresses today. Please try again tomorrow.";

/// Why a person cannot change their address here, if they cannot.
pub(crate) fn obstacle(person: &Person) -> Option<&'static str> {
    if !flow::is_own_device(&person.live.owned.session) {
        Some(NOT_FROM_HERE)
    } else if person.visit.app.mail_works() {
        None
    } else {
        Some(NO_MAIL)
    }
}

/// What Profile & Preferences offers.
pub(crate) fn row(person: &Person) -> EmailRow {
    obstacle(person).map_or(EmailRow::Changeable, EmailRow::Fixed)
}

/// The change of a person's address that waits.
pub(crate) async fn find_waiting(person: &Person) -> Result<Option<EmailChange>, Failure> {
    let app = &person.visit.app;
    let (moment, user) = (app.moment(), person.live.owned.user.clone());
    let found: Result<_, StorageError> = app
        .store
        .read(move |tx| flow::find_waiting(tx, &moment, &user))
        .await;
    Ok(found?)
}

/// The same, as Profile & Preferences shows it.
pub(crate) async fn pending(person: &Person) -> Result<Option<PendingEmailView>, Failure> {
    Ok(find_waiting(person).await?.map(|change| PendingEmailView {
        email: change.new.to_string(),
        until: show::time(change.confirm_until(), person.visit.now),
    }))
}

async fn show_ask(person: &Person, email: Field, proof: Proof) -> Result<Response, Failure> {
    let status = if proof.error().is_some() || email.error.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let page = EmailChangePage {
        frame: show::frame(&person.visit, Nav::Profile).await?,
        email,
        proof,
        not_here: obstacle(person),
    };
    show::page_with(&person.visit, status, &page, Jar::default())
}

/// `GET /account/profile/email`.
pub(crate) async fn get(person: Person) -> Result<Response, Failure> {
    let proof = match obstacle(&person) {
        Some(_) => Proof::Fresh,
        None => asked_to_change(&person).await?,
    };
    show_ask(&person, Field::default(), proof).await
}

/// Asks for an address; pages and API both come here.
pub(crate) async fn ask(person: &Person, email: EmailAddress) -> Result<AskOutcome, Failure> {
    let app = &person.visit.app;
    let (moment, activity) = (app.moment(), Arc::clone(&app.activity));
    let session = person.live.owned.session.id;
    let asked: Result<_, StorageError> = app
        .store
        .write(move |tx| flow::ask(tx, &moment, &activity, session, &email))
        .await;
    Ok(asked?)
}

/// `POST /account/profile/email`.
pub(crate) async fn post(person: Person, fields: Fields) -> Result<Response, Failure> {
    let person = &person;
    person.visit.check_form(fields.get("csrf"))?;
    let typed = &|error: Option<&str>| Field {
        value: fields.get("email").trim().chars().take(254).collect(),
        error: error.map(str::to_owned),
    };
    if obstacle(person).is_some() {
        return show_ask(person, typed(None), Proof::Fresh).await;
    }
    let Some(email) = EmailAddress::parse(fields.get("email")) else {
        let proof = asked_to_change(person).await?;
        return show_ask(person, typed(Some(NOT_AN_ADDRESS)), proof).await;
    };
    let act = || ask(person, email.clone());
    let once_more = |error| async {
        let proof = asked(person, Takes::TheHighest, error).await?;
        show_ask(person, typed(None), proof).await
    };
    let done = |asked| async move {
        match asked {
            AskOutcome::Waiting(_) => {
                let mut jar = Jar::default();
                Flash::EmailChangeAsked.set(&mut jar);
                Ok(show::see_other(links::PROFILE, jar))
            }
            // The proof that came along is fresh now.
            AskOutcome::Same => show_ask(person, typed(Some(SAME)), Proof::Fresh).await,
            AskOutcome::TooMany => show_ask(person, typed(Some(TOO_MANY)), Proof::Fresh).await,
            AskOutcome::NotFromHere => show_ask(person, typed(None), Proof::Fresh).await,
            AskOutcome::SessionOver | AskOutcome::ProofNeeded => Ok(to_sign_in()),
        }
    };
    Ok(with_proof(person, &fields, act, once_more, done).await)
}

/// Takes back what waits; pages and API both come here.
pub(crate) async fn take_back(person: &Person) -> Result<bool, Failure> {
    let app = &person.visit.app;
    let (moment, session) = (app.moment(), person.live.owned.session.clone());
    let cancelled: Result<_, StorageError> = app
        .store
        .write(move |tx| flow::cancel(tx, &moment, &session))
        .await;
    Ok(cancelled?)
}

/// `POST /account/profile/email/cancel`.
pub(crate) async fn cancel(person: Person, fields: Fields) -> Result<Response, Failure> {
    person.visit.check_form(fields.get("csrf"))?;
    take_back(&person).await?;
    let mut jar = Jar::default();
    Flash::EmailChangeCancelled.set(&mut jar);
    Ok(show::see_other(links::PROFILE, jar))
}

fn gone(refusal: LinkRefusal, life: &'static str) -> &'static str {
    match refusal {
        LinkRefusal::Used => "This link was used already; it works once. What it did stays done.",
        LinkRefusal::Expired => life,
        LinkRefusal::Overtaken => {
            "The account has changed since this mail was sent, so its link no longer does anything."
        }
        LinkRefusal::Unknown => {
            "This is not one of our links. Please check that you opened all of it."
        }
    }
}

/// The session of this browser, if it belongs to the account and goes on.
fn staying(visit: &Visit, user: &User) -> Option<SessionId> {
    let live = visit.live()?;
    let stays = live.owned.user.id == user.id && flow::is_own_device(&live.owned.session);
    stays.then_some(live.owned.session.id)
}

async fn answer_confirm(
    visit: &Visit,
    state: EmailConfirmState,
    jar: Jar,
) -> Result<Response, Failure> {
    let status = match state {
        EmailConfirmState::Asking { .. } | EmailConfirmState::Done { .. } => StatusCode::OK,
        EmailConfirmState::Taken => StatusCode::CONFLICT,
        EmailConfirmState::Gone { .. } => StatusCode::GONE,
    };
    let mut frame = show::frame(visit, Nav::Elsewhere).await?;
    // A page that watched an ended session would leave at once, unread.
    if matches!(state, EmailConfirmState::Done { .. }) {
        frame.person = None;
    }
    show::page_with(visit, status, &EmailConfirmPage { frame, state }, jar)
}

const CONFIRM_LIFE: &str =
    "Such links work for 24 hours, and this one is older. Please ask for the change again.";

async fn look_confirm(
    visit: &Visit,
    token: &str,
) -> Result<Result<(MailLinkId, EmailChange, User), LinkRefusal>, Failure> {
    let Some(link) = visit.app.link_key.verify(LinkKind::ConfirmEmail, token) else {
        return Ok(Err(LinkRefusal::Unknown));
    };
    let moment = visit.app.moment();
    let found: Result<Result<_, LinkRefusal>, StorageError> = visit
        .app
        .store
        .read(move |tx| flow::show_confirm(tx, &moment, link))
        .await;
    Ok(found?.map(|(change, user)| (link, change, user)))
}

/// `GET /email/confirm/{token}`.
pub(crate) async fn get_confirm(
    Extension(visit): Extension<Arc<Visit>>,
    Path(token): Path<String>,
) -> Result<Response, Failure> {
    let state = match look_confirm(&visit, &token).await? {
        Err(refusal) => EmailConfirmState::Gone {
            sentence: gone(refusal, CONFIRM_LIFE),
        },
        Ok((_, change, user)) => EmailConfirmState::Asking {
            action: format!("/email/confirm/{token}"),
            stays: staying(&visit, &user).is_some(),
            name: user.name,
            email: change.new.to_string(),
        },
    };
    answer_confirm(&visit, state, Jar::default()).await
}

/// `POST /email/confirm/{token}`.
pub(crate) async fn post_confirm(
    Extension(visit): Extension<Arc<Visit>>,
    Path(token): Path<String>,
) -> Result<Response, Failure> {
    let mut jar = Jar::default();
    let (link, user) = match look_confirm(&visit, &token).await? {
        Ok((link, _, user)) => (link, user),
        Err(refusal) => {
            let sentence = gone(refusal, CONFIRM_LIFE);
            return answer_confirm(&visit, EmailConfirmState::Gone { sentence }, jar).await;
        }
    };
    let app = &visit.app;
    let (moment, activity, client) = (
        app.moment(),
        Arc::clone(&app.activity),
        visit.client.clone(),
    );
    let keep = staying(&visit, &user);
    let outcome: Result<ConfirmOutcome, StorageError> = app
        .store
        .write(move |tx| flow::confirm(tx, &moment, &activity, link, keep, &client))
        .await;
    let state = match outcome? {
        ConfirmOutcome::Refused(refusal) => EmailConfirmState::Gone {
            sentence: gone(refusal, CONFIRM_LIFE),
        },
        ConfirmOutcome::Taken => EmailConfirmState::Taken,
        ConfirmOutcome::Done(confirmed) => {
            app.metrics.ending(Cause::EmailChanged);
            app.signals.ended(Concern::User(confirmed.user.id));
            if let Some(renewed) = &confirmed.done.kept {
                jar.renew_session(renewed, visit.now);
            }
            EmailConfirmState::Done {
                email: confirmed.user.email.to_string(),
                sessions: confirmed.done.sessions,
                stays: confirmed.done.kept.is_some(),
            }
        }
    };
    answer_confirm(&visit, state, jar).await
}

async fn answer_undo(visit: &Visit, state: EmailUndoState) -> Result<Response, Failure> {
    let status = match state {
        EmailUndoState::Asking { .. } | EmailUndoState::Done { .. } => StatusCode::OK,
        EmailUndoState::Gone { .. } => StatusCode::GONE,
    };
    let mut frame = show::frame(visit, Nav::Elsewhere).await?;
    // As above.
    if matches!(state, EmailUndoState::Done { .. }) {
        frame.person = None;
    }
    let page = EmailUndoPage { frame, state };
    show::page_with(visit, status, &page, Jar::default())
}

const UNDO_LIFE: &str = "Such links work for 7 days, and this one is older. Please ask an administrator of your organization.";

/// `GET /email/undo/{token}`.
pub(crate) async fn get_undo(
    Extension(visit): Extension<Arc<Visit>>,
    Path(token): Path<String>,
) -> Result<Response, Failure> {
    let Some(link) = visit.app.link_key.verify(LinkKind::UndoEmail, &token) else {
        let sentence = gone(LinkRefusal::Unknown, UNDO_LIFE);
        return answer_undo(&visit, EmailUndoState::Gone { sentence }).await;
    };
    let moment = visit.app.moment();
    let found: Result<Result<Undoable, LinkRefusal>, StorageError> = visit
        .app
        .store
        .read(move |tx| email_undo::show(tx, &moment, link))
        .await;
    let state = match found? {
        Err(refusal) => EmailUndoState::Gone {
            sentence: gone(refusal, UNDO_LIFE),
        },
        Ok(Undoable {
            change,
            user,
            planted,
        }) => EmailUndoState::Asking {
            action: format!("/email/undo/{token}"),
            name: user.name,
            old: change.old.to_string(),
            new: shortened(&change.new),
            asked: show::time(change.asked_at, visit.now),
            removes: planted.words(),
        },
    };
    answer_undo(&visit, state).await
}

/// `POST /email/undo/{token}`.
pub(crate) async fn post_undo(
    Extension(visit): Extension<Arc<Visit>>,
    Path(token): Path<String>,
) -> Result<Response, Failure> {
    let Some(link) = visit.app.link_key.verify(LinkKind::UndoEmail, &token) else {
        let sentence = gone(LinkRefusal::Unknown, UNDO_LIFE);
        return answer_undo(&visit, EmailUndoState::Gone { sentence }).await;
    };
    let (moment, client) = (visit.app.moment(), visit.client.clone());
    let undone: Result<Result<Undone, LinkRefusal>, StorageError> = visit
        .app
        .store
        .write(move |tx| email_undo::undo(tx, &moment, link, &client))
        .await;
    let state = match undone? {
        Err(refusal) => EmailUndoState::Gone {
            sentence: gone(refusal, UNDO_LIFE),
        },
        Ok(undone) => {
            visit.app.metrics.ending(undone.cause);
            visit.app.signals.ended(Concern::User(undone.user.id));
            EmailUndoState::Done {
                email: undone.user.email.to_string(),
                sessions: undone.done.sessions,
                removed: undone.removed.words(),
            }
        }
    };
    answer_undo(&visit, state).await
}
