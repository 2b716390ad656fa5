//! `session …` and `log-out`: seeing and ending, as the operator does it.

use std::sync::Arc;

use nightlatch_domain::ending::{Cause, Scope, parse_reason};
use nightlatch_domain::ids::SessionId;
use nightlatch_flows::operator_endings::end_for_operator;
use nightlatch_flows::sessions::{ListedSession, list_live};
use nightlatch_storage::sessions;
use nightlatch_web::signals::Concern;

use super::{Context, Reply, SessionLine, Stop, Whom, get_organization, get_user, refused};

pub(super) async fn list(context: Context<'_>, email: String) -> Result<Reply, Stop> {
    let (now, activity) = (context.moment.now, Arc::clone(context.activity));
    context
        .store
        .read(move |tx| {
            let user = get_user(tx, &email)?;
            let live = list_live(tx, user.id, &activity, now)?;
            Ok(Reply::Sessions {
                email: user.email.to_string(),
                sessions: live.iter().map(line).collect(),
            })
        })
        .await
}

fn line(listed: &ListedSession) -> SessionLine {
    let session = &listed.session;
    let phrase = session.client.description().phrase();
    let deadlines = listed.admission.deadlines;
    SessionLine {
        id: session.id,
        kind: session.life.kind.name().to_owned(),
        browser: match &listed.browser_name {
            Some(name) => format!("{name} ({phrase})"),
            None => phrase,
        },
        address: session.client.address.map(|address| address.to_string()),
        place: session.client.place.clone(),
        signed_in_at: session.created_at.to_rfc3339(),
        last_active_at: session.life.last_active_at.to_rfc3339(),
        ends_at: deadlines.idle.min(deadlines.overall).to_rfc3339(),
    }
}

pub(super) async fn end(
    context: Context<'_>,
    id: SessionId,
    reason: Option<String>,
) -> Result<Reply, Stop> {
    let reason = tidy(reason.as_deref())?;
    let moment = context.moment.clone();
    let (user_id, done) = context
        .store
        .write(move |tx| {
            let Some(owned) = sessions::find(tx, id)? else {
                return refused(format!(
                    "There is no session {id}. `nightlatch session list --user …` shows them."
                ));
            };
            if owned.session.life.ended.is_some() {
                return refused(format!("The session {id} is over already."));
            }
            let done = end_for_operator(tx, &moment, Scope::Session(id), reason.clone())?;
            Ok((owned.session.user_id, (&done).into()))
        })
        .await?;
    context.announce(Concern::User(user_id), Cause::EndedByAdministrator);
    Ok(Reply::Ended(done))
}

pub(super) async fn log_out(
    context: Context<'_>,
    whom: Whom,
    reason: Option<String>,
) -> Result<Reply, Stop> {
    let reason = tidy(reason.as_deref())?;
    let moment = context.moment.clone();
    let (concern, done) = context
        .store
        .write(move |tx| -> Result<_, Stop> {
            let (scope, concern) = match &whom {
                Whom::User(email) => {
                    let id = get_user(tx, email)?.id;
                    (Scope::AllOf(id), Concern::User(id))
                }
                Whom::Organization(name) => {
                    let id = get_organization(tx, Some(name))?.id;
                    (Scope::Organization(id), Concern::Organization(id))
                }
                Whom::Everyone => (Scope::Deployment, Concern::Everybody),
            };
            let done = end_for_operator(tx, &moment, scope, reason.clone())?;
            Ok((concern, (&done).into()))
        })
        .await?;
    context.announce(concern, Cause::EndedByAdministrator);
    Ok(Reply::Ended(done))
}

/// A reason in one line of bounded length, or none.
pub(super) fn tidy(reason: Option<&str>) -> Result<Option<String>, Stop> {
    parse_reason(reason.unwrap_or_default()).map_err(Stop::Refused)
}
