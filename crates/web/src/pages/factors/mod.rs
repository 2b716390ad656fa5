//! Two-step sign-in in Security: authenticator apps and recovery codes.
//!
//! Owns the one path from these pages to the flows: a change that takes a proof
//! asks for it, carries along what was typed, and goes on (UI-06). Passkeys take
//! it too.

pub(crate) mod authenticator_apps;
pub(crate) mod code_used;
pub(crate) mod recovery_codes;

use std::sync::Arc;

use axum::response::Response;
use nightlatch_domain::ending::Cause;
use nightlatch_flows::factors::{Acting, Change, Changed, Enrolled};

use crate::cookies::Jar;
use crate::failure::Failure;
use crate::guard::Person;
use crate::links;
use crate::pages::confirm::status_of;
use crate::pages::flash::Flash;
use crate::pages::proof::{Takes, to_sign_in};
use crate::pages::{Fields, proof, with_proof};
use crate::show;
use crate::signals::Concern;
use crate::views::{AuthenticatorAppView, ConfirmItsYouPage, HiddenField, Nav, TwoStepView};

/// The name of the box, here and in the templates.
pub(crate) const LOG_OUT_OTHERS: &str = "log_out_others";

/// In whose name the flows act.
pub(crate) fn acting(person: &Person, log_out_others: bool) -> Acting {
    Acting {
        activity: Arc::clone(&person.visit.app.activity),
        session: person.live.owned.session.id,
        log_out_others,
    }
}

/// The section of Security.
pub(crate) fn two_step(person: &Person, enrolled: &Enrolled) -> TwoStepView {
    let now = person.visit.now;
    TwoStepView {
        apps: enrolled
            .authenticator_apps
            .iter()
            .map(|app| AuthenticatorAppView {
                id: app.id.to_string(),
                name: app.name.clone(),
                added: show::time(app.confirmed_at.unwrap_or(app.created_at), now),
                last_used: app.last_used_at.map(|at| show::time(at, now)),
            })
            .collect(),
        codes_left: enrolled.recovery_codes_left,
        codes_made: enrolled
            .recovery_codes_made_at
            .map(|at| show::time(at, now)),
    }
}

/// What a page says when it asks for the password before a change.
pub(crate) struct Question {
    pub(crate) does: &'static str,
    pub(crate) what: String,
    pub(crate) action: String,
    pub(crate) button: &'static str,
    pub(crate) destructive: bool,
    /// Names of the fields that are carried along.
    pub(crate) carries: &'static [&'static str],
}

impl Question {
    async fn ask(
        &self,
        person: &Person,
        fields: &Fields,
        error: Option<String>,
    ) -> Result<Response, Failure> {
        let status = status_of(error.as_ref());
        let proof = proof::asked(person, Takes::TheHighest, error).await?;
        let page = ConfirmItsYouPage {
            frame: show::frame(&person.visit, Nav::Security).await?,
            does: self.does.to_owned(),
            what: self.what.clone(),
            action: self.action.clone(),
            fields: self
                .carries
                .iter()
                .filter(|name| !fields.get(name).is_empty())
                .map(|name| HiddenField {
                    name: (*name).to_owned(),
                    value: fields.get(name).to_owned(),
                })
                .collect(),
            button: self.button.to_owned(),
            destructive: self.destructive,
            cancel_href: links::SECURITY.to_owned(),
            proof,
        };
        show::page_with(&person.visit, status, &page, Jar::default())
    }
}

/// Does a change, with the proof that came along if one is needed; `answer` is
/// told what came of it.
pub(crate) async fn change<T, Acting, Answering>(
    person: &Person,
    fields: &Fields,
    question: &Question,
    act: impl Fn() -> Acting + Send,
    answer: impl FnOnce(T) -> Answering + Send,
) -> Response
where
    T: Send,
    Acting: Future<Output = Result<Change<T>, Failure>> + Send,
    Answering: Future<Output = Result<Response, Failure>> + Send,
{
    let ask = |error| question.ask(person, fields, error);
    let done = |outcome| async {
        match outcome {
            Change::Done(done) => answer(done).await,
            Change::SessionOver | Change::ProofNeeded => Ok(to_sign_in()),
        }
    };
    with_proof(person, fields, act, ask, done).await
}

/// Back to Security, which says this.
pub(crate) fn to_security(says: Flash, mut jar: Jar) -> Response {
    says.set(&mut jar);
    show::see_other(links::SECURITY, jar)
}

/// Follows a change up: the kept session's new cookie, open pages, counters.
pub(crate) fn follow_up(person: &Person, jar: &mut Jar, changed: &Changed) {
    if let Some(renewed) = &changed.kept {
        jar.renew_session(renewed, person.visit.now);
    }
    if changed.ended {
        let app = &person.visit.app;
        app.metrics.ending(Cause::FactorChanged);
        app.signals.ended(Concern::User(person.live.owned.user.id));
    }
}
