//! Ending sessions at the word of whoever runs the server, and telling whose they were.
//!
//! [`crate::log_out`] does the ending.

use nightlatch_domain::alert::AlertKind;
use nightlatch_domain::ending::{Actor, Cause, Scope};
use nightlatch_domain::ids::{SessionId, UserId};
use nightlatch_storage::{StorageError, Tx, sessions, users};

use crate::Moment;
use crate::alerts::{Alert, raise};
use crate::log_out::{EndingDone, EndingRequest, end_sessions};

/// Ends sessions at the word of whoever runs the server, with the reason that
/// those concerned will read. Whoever lost a session by it is told by mail, once
/// (ALR-01).
pub fn end_for_operator(
    tx: &mut Tx<'_>,
    moment: &Moment,
    scope: Scope,
    reason: Option<String>,
) -> Result<EndingDone, StorageError> {
    end_at_the_word_of(tx, moment, Actor::Operator, scope, reason)
}

/// The same at the word of an administrator, who has a say over all of the scope.
pub(crate) fn end_at_the_word_of(
    tx: &mut Tx<'_>,
    moment: &Moment,
    actor: Actor,
    scope: Scope,
    reason: Option<String>,
) -> Result<EndingDone, StorageError> {
    let concerned = match &scope {
        Scope::AllOf(user) | Scope::OthersOf { user, .. } => vec![*user],
        Scope::Session(id) => owners(tx, &[*id])?,
        Scope::Selection(ids) => owners(tx, ids)?,
        // Where an app leaves a session nobody is signed out; the session goes on
        // without it. An organization or the deployment is ended in constant time, however many
        // people there are; a mail to each would be neither cheap nor news, since the
        // page that they open next says why they were logged out (H6).
        Scope::AppInSession { .. }
        | Scope::Organization(_)
        | Scope::Deployment
        | Scope::Client(_) => Vec::new(),
    };
    let request = EndingRequest {
        scope,
        cause: Cause::EndedByAdministrator,
        actor,
        reason,
    };
    let done = end_sessions(tx, moment, &request)?;
    // Nobody lost anything: nothing to tell.
    if done.sessions > 0 {
        for user in concerned {
            let user = users::get(tx, user)?;
            let alert = Alert {
                kind: AlertKind::SignedOutByAdministrator,
                user: &user,
                session: None,
                client: None,
                detail: request.reason.clone(),
            };
            raise(tx, moment, &alert)?;
        }
    }
    Ok(done)
}

/// Whose sessions these are, each person once.
fn owners(tx: &mut Tx<'_>, ids: &[SessionId]) -> Result<Vec<UserId>, StorageError> {
    let mut owners = Vec::new();
    for id in ids {
        owners.extend(sessions::find(tx, *id)?.map(|owned| owned.session.user_id));
    }
    owners.sort_unstable();
    owners.dedup();
    Ok(owners)
}
