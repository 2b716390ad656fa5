//! What is done to a person: the page that asks, and the form that does it.
//!
//! The page names the person and says what will happen, with numbers (UI-09), takes a
//! fresh proof where the flow wants one, and leads back to the person (UI-06).

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use nightlatch_domain::ending::parse_reason;
use nightlatch_domain::user::{Role, User};
use nightlatch_flows::administration::Administered;
use nightlatch_flows::members::{self, Act, ActOutcome};

use super::person::{Seen, see};
use super::{href, parse_user};
use crate::administering::{attempt, not_allowed};
use crate::cookies::Jar;
use crate::failure::Failure;
use crate::guard::Person;
use crate::pages::flash::Flash;
use crate::pages::proof::{MayTakeProof, Takes, asked, asked_to_change, to_sign_in, with_proof};
use crate::pages::sessions::count;
use crate::pages::{Fields, Query, profile};
use crate::signals::Concern;
use crate::views::{MemberActPage, Nav, Problem, Proof};
use crate::{links, show};

impl<T> MayTakeProof for Administered<T> {
    fn needs(&self) -> Option<Takes> {
        matches!(self, Self::ProofNeeded).then_some(Takes::TheHighest)
    }
}

/// Reads the act of an address.
fn parse_act(word: &str, role: &str) -> Result<Act, Failure> {
    Ok(match word {
        "log-out-all" => Act::EndAll,
        "role" => Act::SetRole(Role::from_name(role).ok_or_else(Failure::not_found)?),
        "disable" => Act::Disable,
        "enable" => Act::Enable,
        "delete" => Act::Delete,
        "reset" => Act::StartReset,
        "new-credentials" => Act::RequireNewCredentials,
        _ => return Err(Failure::not_found()),
    })
}

const fn takes_reason(act: &Act) -> bool {
    matches!(act, Act::EndAll | Act::RequireNewCredentials)
}

/// Title, button, and whether it takes something away.
const fn words(act: &Act) -> (&'static str, &'static str, bool) {
    match act {
        Act::EndSession(_) => ("Log out of this session?", "Log out", true),
        Act::EndAll => ("Log out of all sessions?", "Log out of all sessions", true),
        Act::SetRole(_) => ("Change the role?", "Change role", false),
        Act::Disable => ("Disable this account?", "Disable account", true),
        Act::Enable => ("Enable this account?", "Enable account", false),
        Act::Delete => ("Delete this account?", "Delete account", true),
        Act::StartReset => ("Send a link for a new password?", "Send link", false),
        Act::RequireNewCredentials => ("Require a new password?", "Require a new password", true),
    }
}

/// What will happen, the first line with numbers.
fn effects(seen: &Seen, act: &Act) -> Vec<String> {
    let (sessions, browsers) = count(&seen.sessions);
    let plural = |count: u64| if count == 1 { "" } else { "s" };
    let ends = format!(
        "This ends {sessions} session{} on {browsers} device{}, at once, and in every app.",
        plural(sessions),
        plural(browsers)
    );
    let lines: &[&str] = match act {
        Act::EndSession(_) | Act::EndAll => &[
            "They can sign in again.",
            "They are told by mail and on the page that they open next.",
        ],
        Act::Disable => &[
            "Nobody can sign in with the account until it is enabled again.",
            "Nothing in it is deleted.",
        ],
        Act::Delete => &[
            "Name, address, password and second steps are removed for good. This cannot be undone.",
            "What the account did stays in the records, without a name.",
        ],
        Act::RequireNewCredentials => &[
            "The present password opens nothing any more.",
            "A link for a new password goes to their address. You never see it.",
            "Their passkeys and second steps stay.",
        ],
        Act::Enable => {
            return vec![
                "They can sign in again, with the same password and second steps.".to_owned(),
                "Nothing that was ended comes back.".to_owned(),
            ];
        }
        Act::StartReset => {
            return vec![
                "A link for a new password goes to their address. It works once, for an hour."
                    .to_owned(),
                "Until they use it, everything stays as it is. You never see the password."
                    .to_owned(),
            ];
        }
        Act::SetRole(role) => {
            return vec![
                format!(
                    "From {} to {}, from their next click on.",
                    profile::role(seen.user.role),
                    profile::role(*role)
                ),
                what_it_may(*role).to_owned(),
            ];
        }
    };
    std::iter::once(ends)
        .chain(lines.iter().map(|line| (*line).to_owned()))
        .collect()
}

const fn what_it_may(role: Role) -> &'static str {
    match role {
        Role::Owner => "An owner may do everything, and says who the other owners are.",
        Role::Administrator => {
            "An administrator sees everybody's sessions and changes everything, but has no say over owners."
        }
        Role::Auditor => "An auditor sees what administrators see, and changes nothing.",
        Role::Member => "A member has their own account and nothing more.",
    }
}

async fn show_question(
    person: &Person,
    word: &str,
    (seen, act): (&Seen, &Act),
    proof: Proof,
    (reason, reason_error): (&str, Option<String>),
) -> Result<Response, Failure> {
    let user: &User = &seen.user;
    let (title, button, destructive) = words(act);
    let status = if proof.error().is_some() || reason_error.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let page = MemberActPage {
        frame: show::frame(&person.visit, Nav::People).await?,
        title,
        name: user.name.clone(),
        email: user.email.to_string(),
        effects: effects(seen, act),
        action: format!("{}/{word}", href(user.id)),
        role: match act {
            Act::SetRole(role) => Some(role.name()),
            _ => None,
        },
        reason: takes_reason(act).then(|| reason.to_owned()),
        reason_error,
        button: button.to_owned(),
        destructive,
        cancel_href: href(user.id),
        proof,
    };
    show::page_with(&person.visit, status, &page, Jar::default())
}

/// `GET /admin/people/{id}/{act}`.
pub(crate) async fn ask(
    person: Person,
    Path((id, word)): Path<(String, String)>,
    query: Query,
) -> Result<Response, Failure> {
    let act = parse_act(&word, query.get("role"))?;
    let seen = see(&person, &id, None).await?;
    let proof = asked_to_change(&person).await?;
    show_question(&person, &word, (&seen, &act), proof, ("", None)).await
}

/// `POST /admin/people/{id}/{act}`.
pub(crate) async fn post(
    person: Person,
    Path((id, word)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response, Failure> {
    person.visit.check_form(fields.get("csrf"))?;
    let act = parse_act(&word, fields.get("role"))?;
    do_it(&person, &id, (&word, &act), &fields).await
}

/// `POST /admin/people/{id}/sessions/{session}/log-out`.
pub(crate) async fn log_out_one(
    person: Person,
    Path((id, session)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response, Failure> {
    person.visit.check_form(fields.get("csrf"))?;
    let session = session.parse().map_err(|_| Failure::not_found())?;
    do_it(&person, &id, ("", &Act::EndSession(session)), &fields).await
}

/// `GET` of the address of that form.
pub(crate) async fn to_person(Path((id, _)): Path<(String, String)>) -> Result<Response, Failure> {
    Ok(show::see_other(&href(parse_user(&id)?), Jar::default()))
}

async fn do_it(
    person: &Person,
    id: &str,
    (word, act): (&str, &Act),
    fields: &Fields,
) -> Result<Response, Failure> {
    let typed: String = fields.get("reason").chars().take(1_000).collect();
    let reason = match parse_reason(&typed) {
        Ok(reason) => reason.filter(|_| takes_reason(act)),
        Err(sentence) => {
            let seen = see(person, id, None).await?;
            let proof = asked_to_change(person).await?;
            let reason = (typed.as_str(), Some(sentence));
            return show_question(person, word, (&seen, act), proof, reason).await;
        }
    };
    let sends = matches!(act, Act::StartReset | Act::RequireNewCredentials);
    if sends && !person.visit.app.mail_works() {
        let sentence = "This server sends no mail, so it can send no link for a new password.";
        return Err(Failure::saying(Problem::BadRequest, sentence));
    }
    let user = parse_user(id)?;
    let acting = || {
        let (act, reason) = (act.clone(), reason.clone());
        attempt(person, act.demand(), move |tx, moment, administrator| {
            members::act(tx, moment, administrator, user, (&act, reason.clone()))
        })
    };
    let once_more = |error| {
        let typed = &typed;
        async move {
            let seen = see(person, id, None).await?;
            let proof = asked(person, Takes::TheHighest, error).await?;
            show_question(person, word, (&seen, act), proof, (typed, None)).await
        }
    };
    let done = |outcome| async move { settle(person, user, act, outcome) };
    Ok(with_proof(person, fields, acting, once_more, done).await)
}

fn settle(
    person: &Person,
    user: nightlatch_domain::ids::UserId,
    act: &Act,
    outcome: Administered<ActOutcome>,
) -> Result<Response, Failure> {
    let refused = |sentence| Err(Failure::saying(Problem::Forbidden, sentence));
    let outcome = match outcome {
        Administered::Done(outcome) => outcome,
        Administered::NotAllowed => return Err(not_allowed(act.demand().power)),
        Administered::SessionOver | Administered::ProofNeeded => return Ok(to_sign_in()),
    };
    let ending = match outcome {
        ActOutcome::Done(ending) => ending,
        ActOutcome::AsBefore => {
            let mut jar = Jar::default();
            Flash::MemberAsBefore.set(&mut jar);
            return Ok(show::see_other(&href(user), jar));
        }
        ActOutcome::NotFound => return Err(Failure::not_found()),
        ActOutcome::OwnersOnly => {
            return refused(
                "Only an owner of your organization decides over owners. Please ask one of them.",
            );
        }
        ActOutcome::LastOwner => {
            return refused(
                "This is the only owner of your organization. Make somebody else an owner first.",
            );
        }
        ActOutcome::Oneself => {
            return refused("You cannot do this to your own account. Another administrator can.");
        }
        ActOutcome::NotActive => {
            return refused(
                "This account is disabled, so a new password would open nothing. Enable it first.",
            );
        }
    };
    if let Some(cause) = act.cause() {
        person.visit.app.metrics.ending(cause);
        person.visit.app.signals.ended(Concern::User(user));
    }
    let sessions = ending.as_ref().map_or(0, |done| done.sessions);
    let flash = match act {
        Act::EndSession(_) | Act::EndAll => Flash::Ended {
            sessions,
            complete: ending.is_none_or(|done| done.complete),
        },
        Act::SetRole(_) => Flash::RoleChanged,
        Act::Disable => Flash::MemberDisabled { sessions },
        Act::Enable => Flash::MemberEnabled,
        Act::Delete => Flash::MemberDeleted { sessions },
        Act::StartReset => Flash::ResetStarted,
        Act::RequireNewCredentials => Flash::NewCredentialsRequired { sessions },
    };
    let mut jar = Jar::default();
    flash.set(&mut jar);
    let to = if *act == Act::Delete {
        links::ADMIN_PEOPLE.to_owned()
    } else {
        href(user)
    };
    Ok(show::see_other(&to, jar))
}
