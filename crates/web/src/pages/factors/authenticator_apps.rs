//! `/account/security/authenticator-apps`: add, rename, remove.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use nightlatch_domain::ids::AuthenticatorAppId;
use nightlatch_domain::user::parse_name;
use nightlatch_flows::factors::authenticator_app::{
    self as flow, BeginOutcome, ConfirmOutcome, LONGEST_NAME, Setup,
};
use nightlatch_flows::factors::{Change, FactorOutcome, enrolled};
use nightlatch_storage::StorageError;

use super::{LOG_OUT_OTHERS, Question, acting, change, follow_up, to_security};
use crate::cookies::Jar;
use crate::failure::Failure;
use crate::guard::Person;
use crate::links;
use crate::pages::flash::{Flash, Others};
use crate::pages::proof::{asked_to_change, to_sign_in};
use crate::pages::{Fields, way_back};
use crate::qr_code::qr_code;
use crate::show;
use crate::views::{AddAppPage, Field, Nav, RemoveAppPage};

/// What an app is called until its owner says otherwise.
const USUAL_NAME: &str = "Authenticator app";

fn address(id: AuthenticatorAppId, act: &str) -> String {
    format!("{}/{id}/{act}", links::AUTHENTICATOR_APPS)
}

fn parse_id(id: &str) -> Result<AuthenticatorAppId, Failure> {
    id.parse().map_err(|_| Failure::not_found())
}

/// The person has no such app, or its set-up took too long: Security shows what
/// they have.
fn gone() -> Response {
    to_security(Flash::AppGone, Jar::default())
}

/// A name as typed; `None` if it is too long or no name.
fn read_name(typed: &str) -> Option<String> {
    parse_name(typed).filter(|name| name.chars().count() <= LONGEST_NAME)
}

fn name_error() -> String {
    format!("Please use a name of 1 to {LONGEST_NAME} characters.")
}

/// `POST /account/security/authenticator-apps`: begins to add one.
pub(crate) async fn begin(person: Person, fields: Fields) -> Result<Response, Failure> {
    let visit = &person.visit;
    visit.check_form(fields.get("csrf"))?;
    let question = Question {
        does: "This begins to add",
        what: "an authenticator app to your account".to_owned(),
        action: links::AUTHENTICATOR_APPS.to_owned(),
        button: "Continue",
        destructive: false,
        carries: &[],
    };
    let app = &visit.app;
    let act = || {
        let (moment, sealer, acting) = (app.moment(), app.sealer.clone(), acting(&person, false));
        async move {
            let begun: Result<_, StorageError> = app
                .store
                .write(move |tx| flow::begin_setup(tx, &moment, &sealer, &acting, USUAL_NAME))
                .await;
            Ok(begun?)
        }
    };
    let answer = change(&person, &fields, &question, act, |begun| async move {
        Ok(match begun {
            BeginOutcome::Begun(id) => show::see_other(&address(id, "set-up"), Jar::default()),
            BeginOutcome::TooMany => to_security(Flash::TooManyApps, Jar::default()),
        })
    });
    Ok(answer.await)
}

/// How the set-up page looks when it is shown.
struct Typed {
    status: StatusCode,
    name: Field,
    code_error: Option<String>,
    log_out_others: bool,
}

impl Typed {
    fn nothing() -> Self {
        Self {
            status: StatusCode::OK,
            name: Field::new(USUAL_NAME),
            code_error: None,
            log_out_others: true,
        }
    }

    /// The code or the name was wrong.
    fn wrong(fields: &Fields, is_named: bool, log_out_others: bool) -> Self {
        let wrong = "That code is not right, or not any more. Please enter the one that your app shows now.";
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            name: Field {
                value: fields.get("name").to_owned(),
                error: (!is_named).then(name_error),
            },
            code_error: is_named.then(|| wrong.to_owned()),
            log_out_others,
        }
    }
}

/// `GET /account/security/authenticator-apps/{id}/set-up`.
pub(crate) async fn set_up(person: Person, Path(id): Path<String>) -> Result<Response, Failure> {
    let id = parse_id(&id)?;
    show_set_up(&person, id, &Fields::empty(), Typed::nothing()).await
}

fn set_up_question(id: AuthenticatorAppId) -> Question {
    Question {
        does: "This goes on adding",
        what: "an authenticator app to your account".to_owned(),
        action: address(id, "set-up"),
        button: "Continue",
        destructive: false,
        carries: &["name", "code", LOG_OUT_OTHERS],
    }
}

/// Shows the picture and the key, if this session may see them.
async fn show_set_up(
    person: &Person,
    id: AuthenticatorAppId,
    fields: &Fields,
    typed: Typed,
) -> Result<Response, Failure> {
    let visit = &person.visit;
    let app = &visit.app;
    let (moment, sealer, acting) = (app.moment(), app.sealer.clone(), acting(person, false));
    let found: Result<Change<Option<Setup>>, StorageError> = app
        .store
        .read(move |tx| flow::find_setup(tx, &moment, &sealer, &acting, id))
        .await;
    let setup = match found? {
        Change::Done(Some(setup)) => setup,
        Change::Done(None) => return Ok(gone()),
        Change::ProofNeeded => return set_up_question(id).ask(person, fields, None).await,
        Change::SessionOver => return Ok(to_sign_in()),
    };
    let page = AddAppPage {
        frame: show::frame(visit, Nav::Security).await?,
        action: address(id, "set-up"),
        picture: qr_code(&setup.uri, "QR code for your authenticator app")?,
        key_groups: groups(&setup.text_key),
        name: typed.name,
        code_error: typed.code_error,
        log_out_others: typed.log_out_others,
    };
    show::page_with(visit, typed.status, &page, Jar::default())
}

fn groups(key: &str) -> Vec<String> {
    let characters: Vec<char> = key.chars().collect();
    characters
        .chunks(4)
        .map(|group| group.iter().collect())
        .collect()
}

/// `POST /account/security/authenticator-apps/{id}/set-up`: the first code.
pub(crate) async fn confirm(
    person: Person,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Failure> {
    let visit = &person.visit;
    visit.check_form(fields.get("csrf"))?;
    let id = parse_id(&id)?;
    let log_out_others = fields.is_checked(LOG_OUT_OTHERS);
    let name = read_name(fields.get("name"));
    let code = fields.get("code").to_owned();
    // The password alone came, since the page itself was asked for too late.
    let only_proof = fields.all("code").next().is_none();
    let app = &visit.app;
    let act = || {
        let (moment, sealer, acting) = (
            app.moment(),
            app.sealer.clone(),
            acting(&person, log_out_others),
        );
        let code = if name.is_some() {
            code.clone()
        } else {
            String::new()
        };
        let name = name.clone().unwrap_or_default();
        async move {
            let confirmed: Result<_, StorageError> = app
                .store
                .write(move |tx| {
                    let finish = flow::Finish {
                        id,
                        name: &name,
                        code: &code,
                    };
                    flow::confirm_setup(tx, &moment, &sealer, &acting, &finish)
                })
                .await;
            Ok(confirmed?)
        }
    };
    let answer = |outcome| async {
        match outcome {
            ConfirmOutcome::Confirmed {
                changed,
                needs_recovery_codes,
            } => {
                let mut jar = Jar::default();
                follow_up(&person, &mut jar, &changed);
                let to = if needs_recovery_codes {
                    links::RECOVERY_CODES.to_owned()
                } else {
                    way_back::or(visit, links::SECURITY, &mut jar).await?
                };
                // Said on a page of ours, or not at all.
                if to == links::SECURITY || needs_recovery_codes {
                    Flash::AppAdded(Others::of(&changed)).set(&mut jar);
                }
                Ok(show::see_other(&to, jar))
            }
            ConfirmOutcome::NotFound => Ok(gone()),
            ConfirmOutcome::Wrong => {
                let typed = if only_proof {
                    Typed::nothing()
                } else {
                    Typed::wrong(&fields, name.is_some(), log_out_others)
                };
                show_set_up(&person, id, &fields, typed).await
            }
        }
    };
    Ok(change(&person, &fields, &set_up_question(id), act, answer).await)
}

/// `POST /account/security/authenticator-apps/{id}/rename`.
pub(crate) async fn rename(
    person: Person,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Failure> {
    let visit = &person.visit;
    visit.check_form(fields.get("csrf"))?;
    let id = parse_id(&id)?;
    let Some(name) = read_name(fields.get("name")) else {
        return Ok(to_security(Flash::AppNameRefused, Jar::default()));
    };
    let question = Question {
        does: "This renames an authenticator app to",
        what: name.clone(),
        action: address(id, "rename"),
        button: "Save name",
        destructive: false,
        carries: &["name"],
    };
    let app = &visit.app;
    let act = || {
        let (moment, acting, name) = (app.moment(), acting(&person, false), name.clone());
        async move {
            let renamed: Result<_, StorageError> = app
                .store
                .write(move |tx| flow::rename(tx, &moment, &acting, id, &name))
                .await;
            Ok(renamed?)
        }
    };
    let answer = change(&person, &fields, &question, act, |outcome| async move {
        Ok(match outcome {
            FactorOutcome::NotFound => gone(),
            FactorOutcome::LastDemanded => to_security(Flash::LastFactorDemanded, Jar::default()),
            FactorOutcome::Done(_) => to_security(Flash::AppRenamed, Jar::default()),
        })
    });
    Ok(answer.await)
}

/// `GET /account/security/authenticator-apps/{id}/remove`.
pub(crate) async fn ask_to_remove(
    person: Person,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let id = parse_id(&id)?;
    let visit = &person.visit;
    let user = person.live.owned.user.id;
    let found: Result<_, StorageError> = visit.app.store.read(move |tx| enrolled(tx, user)).await;
    let apps = found?.authenticator_apps;
    let Some(app) = apps.iter().find(|app| app.id == id) else {
        return Ok(gone());
    };
    let page = RemoveAppPage {
        frame: show::frame(visit, Nav::Security).await?,
        action: address(id, "remove"),
        name: app.name.clone(),
        is_last: apps.len() == 1,
        log_out_others: true,
        proof: asked_to_change(&person).await?,
    };
    show::page(visit, &page)
}

/// `POST /account/security/authenticator-apps/{id}/remove`.
pub(crate) async fn remove(
    person: Person,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Failure> {
    let visit = &person.visit;
    visit.check_form(fields.get("csrf"))?;
    let id = parse_id(&id)?;
    let question = Question {
        does: "This removes",
        what: "an authenticator app from your account".to_owned(),
        action: address(id, "remove"),
        button: "Remove this app",
        destructive: true,
        carries: &[LOG_OUT_OTHERS],
    };
    let log_out_others = fields.is_checked(LOG_OUT_OTHERS);
    let app = &visit.app;
    let act = || {
        let (moment, acting) = (app.moment(), acting(&person, log_out_others));
        async move {
            let removed: Result<_, StorageError> = app
                .store
                .write(move |tx| flow::remove(tx, &moment, &acting, id))
                .await;
            Ok(removed?)
        }
    };
    let answer = |outcome| async {
        let changed = match outcome {
            FactorOutcome::Done(changed) => changed,
            FactorOutcome::NotFound => return Ok(gone()),
            FactorOutcome::LastDemanded => {
                return Ok(to_security(Flash::LastFactorDemanded, Jar::default()));
            }
        };
        let mut jar = Jar::default();
        follow_up(&person, &mut jar, &changed);
        Ok(to_security(Flash::AppRemoved(Others::of(&changed)), jar))
    };
    Ok(change(&person, &fields, &question, act, answer).await)
}
