//! `/set-up/{code}`: the first start (AUTH-11).

use std::sync::Arc;

use axum::Extension;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use nightlatch_domain::password::{PasswordProblem, check_new_password};
use nightlatch_domain::secret::{Token, TokenDigest};
use nightlatch_domain::user::{EmailAddress, LONGEST_NAME, parse_name};
use nightlatch_flows::set_up::{self, Founding, FoundingOutcome};
use nightlatch_storage::StorageError;

use crate::cookies::Jar;
use crate::failure::Failure;
use crate::guard::Visit;
use crate::links;
use crate::pages::Fields;
use crate::pages::flash::Flash;
use crate::show;
use crate::views::{Field, Nav, Problem, SetUpPage};

/// The link's code, if it is one; everything else is a page that is not there.
async fn open_link(visit: &Visit, code: &str) -> Result<TokenDigest, Failure> {
    let closed = || {
        Failure::saying(
            Problem::NotFound,
            "This set-up link has been used, is too old, or was never valid. The server prints a new one when it starts and has no accounts yet.",
        )
    };
    let token = Token::parse(code).ok_or_else(closed)?.digest();
    let now = visit.now;
    let open: Result<bool, StorageError> = visit
        .app
        .store
        .read(move |tx| set_up::is_open(tx, token, now))
        .await;
    if open? { Ok(token) } else { Err(closed()) }
}

/// `GET /set-up/{code}`: shows the form and consumes nothing.
pub(crate) async fn get(
    Extension(visit): Extension<Arc<Visit>>,
    Path(code): Path<String>,
) -> Result<Response, Failure> {
    open_link(&visit, &code).await?;
    let page = empty_page(&visit, &code).await?;
    show::page(&visit, &page)
}

async fn empty_page(visit: &Visit, code: &str) -> Result<SetUpPage, Failure> {
    Ok(SetUpPage {
        frame: show::frame(visit, Nav::Elsewhere).await?,
        csrf: visit.form_token(),
        action: format!("/set-up/{code}"),
        error: None,
        organization: Field::default(),
        name: Field::default(),
        email: Field::default(),
        password_error: None,
        again_error: None,
    })
}

/// `POST /set-up/{code}`.
pub(crate) async fn post(
    Extension(visit): Extension<Arc<Visit>>,
    Path(code): Path<String>,
    fields: Fields,
) -> Result<Response, Failure> {
    let token = open_link(&visit, &code).await?;
    let mut page = empty_page(&visit, &code).await?;
    page.organization = Field::new(fields.get("organization"));
    page.name = Field::new(fields.get("name"));
    page.email = Field::new(fields.get("email"));
    if !visit.is_own_form(fields.get("csrf")) {
        page.error = Some(
            "This page had been open for too long. Please send the form once more.".to_owned(),
        );
        return show::page_with(&visit, StatusCode::FORBIDDEN, &page, Jar::default());
    }
    let name_error = || format!("Please enter a name of 1 to {LONGEST_NAME} characters.");
    let organization = parse_name(fields.get("organization"));
    let name = parse_name(fields.get("name"));
    let email = EmailAddress::parse(fields.get("email"));
    if organization.is_none() {
        page.organization.error = Some(name_error());
    }
    if name.is_none() {
        page.name.error = Some(name_error());
    }
    if email.is_none() {
        page.email.error = Some("Please enter an e-mail address, like ada@example.com.".to_owned());
    }
    let password = fields.password("password");
    let context = [
        fields.get("organization"),
        fields.get("name"),
        fields.get("email"),
    ];
    let problem = match &password {
        Some(password) => check_new_password(password, &context).err(),
        None => Some(PasswordProblem::TooLong),
    };
    page.password_error = problem.map(|problem| problem.sentence().to_owned());
    if fields.get("password") != fields.get("password_again") {
        page.again_error =
            Some("The two passwords differ. Please type the same one twice.".to_owned());
    }
    let (Some(organization), Some(name), Some(email), Some(password), None, None) = (
        organization,
        name,
        email,
        password,
        &page.password_error,
        &page.again_error,
    ) else {
        return refused(&visit, &page);
    };
    let Ok(password_record) = visit.app.hashing.hash(password).await else {
        return Err(Failure::new(Problem::Unavailable));
    };
    let founding = Founding {
        organization,
        email,
        name,
        password_record,
    };
    let moment = visit.app.moment();
    let outcome: Result<FoundingOutcome, StorageError> = visit
        .app
        .store
        .write(move |tx| set_up::found(tx, &moment, token, &founding))
        .await;
    match outcome? {
        FoundingOutcome::Founded(_) => {
            let mut jar = Jar::default();
            Flash::SetUpDone.set(&mut jar);
            Ok(show::see_other(links::LOGIN, jar))
        }
        FoundingOutcome::LinkClosed => Err(Failure::saying(
            Problem::NotFound,
            "Somebody has used this set-up link in the meantime.",
        )),
        FoundingOutcome::NameTaken => {
            let problem =
                "There is an organization of this name already. Please choose another name.";
            page.organization.error = Some(problem.to_owned());
            refused(&visit, &page)
        }
        FoundingOutcome::AddressTaken => {
            let problem = "There is an account with this address already. Please use another one.";
            page.email.error = Some(problem.to_owned());
            refused(&visit, &page)
        }
    }
}

/// The form again, with what was typed and what is wrong with it.
fn refused(visit: &Visit, page: &SetUpPage) -> Result<Response, Failure> {
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    show::page_with(visit, status, page, Jar::default())
}
