//! `/account/security/recovery-codes`: make, show once, download.

use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use nightlatch_domain::recovery_code::{RecoveryCode, SET_SIZE};
use nightlatch_flows::factors::{enrolled, recovery_codes as flow};
use nightlatch_storage::StorageError;
use zeroize::Zeroizing;

use super::{LOG_OUT_OTHERS, Question, acting, change, follow_up};
use crate::cookies::Jar;
use crate::failure::Failure;
use crate::guard::Person;
use crate::links;
use crate::pages::proof::asked_to_change;
use crate::pages::{Fields, way_back};
use crate::show;
use crate::views::{Nav, NewRecoveryCodesPage, Problem, RecoveryCodesPage};

/// `GET /account/security/recovery-codes`.
pub(crate) async fn get(person: Person) -> Result<Response, Failure> {
    let visit = &person.visit;
    let user = person.live.owned.user.id;
    let found: Result<_, StorageError> = visit.app.store.read(move |tx| enrolled(tx, user)).await;
    let page = NewRecoveryCodesPage {
        frame: show::frame(visit, Nav::Security).await?,
        has_set: found?.recovery_codes_left > 0,
        log_out_others: true,
        proof: asked_to_change(&person).await?,
    };
    show::page(visit, &page)
}

/// `POST /account/security/recovery-codes`: makes a set and shows it, in this one
/// answer and never again (MFA-05).
pub(crate) async fn make(person: Person, fields: Fields) -> Result<Response, Failure> {
    let person = &person;
    let visit = &person.visit;
    visit.check_form(fields.get("csrf"))?;
    let question = Question {
        does: "This makes",
        what: "new recovery codes, and those that you have now stop working".to_owned(),
        action: links::RECOVERY_CODES.to_owned(),
        button: "Make new recovery codes",
        destructive: false,
        carries: &[LOG_OUT_OTHERS],
    };
    let log_out_others = fields.is_checked(LOG_OUT_OTHERS);
    let app = &visit.app;
    let act = || {
        let (moment, acting) = (app.moment(), acting(person, log_out_others));
        async move {
            let made = flow::make_new_set(&app.store, &app.hashing, &moment, &acting).await;
            made.map_err(|error| match error {
                StorageError::Busy => Failure::new(Problem::Unavailable),
                other => other.into(),
            })
        }
    };
    let answer = |made: flow::NewSet| async move {
        let mut jar = Jar::default();
        follow_up(person, &mut jar, &made.changed);
        let page = RecoveryCodesPage {
            frame: show::frame(visit, Nav::Security).await?,
            way: way_back::find(visit).await?,
            codes: made
                .codes
                .iter()
                .map(|code| code.grouped().as_str().to_owned())
                .collect(),
        };
        show::page_with(visit, StatusCode::OK, &page, jar)
    };
    Ok(change(person, &fields, &question, act, answer).await)
}

/// `POST /account/security/recovery-codes/download`: the codes that the page just
/// showed come back as a file. The server does not know them any more; it hands
/// back only what has the form of a code.
pub(crate) async fn download(person: Person, fields: Fields) -> Result<Response, Failure> {
    let visit = &person.visit;
    visit.check_form(fields.get("csrf"))?;
    let codes: Vec<RecoveryCode> = fields
        .all("code")
        .take(SET_SIZE)
        .filter_map(RecoveryCode::typed)
        .collect();
    if codes.is_empty() {
        return Err(Failure::new(Problem::BadRequest));
    }
    let mut text = Zeroizing::new(format!(
        "Recovery codes of {} for {}\r\n\r\nEach works once. Keep them where only you look.\r\n\r\n",
        person.live.owned.user.email,
        visit.app.public_url.origin()
    ));
    for code in codes {
        text.push_str(&code.grouped());
        text.push_str("\r\n");
    }
    let mut answer = text.as_str().to_owned().into_response();
    let headers = answer.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    headers.insert(
        CONTENT_DISPOSITION,
        HeaderValue::from_static("attachment; filename=\"recovery-codes.txt\""),
    );
    Ok(answer)
}
