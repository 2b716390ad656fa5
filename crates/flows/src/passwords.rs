//! Changing one's password.
//!
//! It takes the present one (AUTH-08), and ends every other session in the same
//! transaction (F1): it is the one gesture by which everybody hopes to throw an
//! intruder out.

use std::sync::Arc;

use nightlatch_domain::Timestamp;
use nightlatch_domain::alert::AlertKind;
use nightlatch_domain::ending::{Actor, Cause, Scope};
use nightlatch_domain::event::EventKind;
use nightlatch_domain::ids::SessionId;
use nightlatch_domain::password::{PasswordProblem, check_new_password};
use nightlatch_domain::secret::Password;
use nightlatch_domain::session::ProofMethod;
use nightlatch_storage::{StorageError, Store, Tx, events, sessions, users};

use crate::Moment;
use crate::activity::Activity;
use crate::alerts::{Alert, raise};
use crate::log_out::{EndingRequest, Renewed, end_sessions};
use crate::password_hashing::{Overloaded, PasswordHashing, PasswordVerdict};
use crate::step_up::{Asked, Begun, add_proof, begin, event, note_wrong, still_holds, take_back};

/// What came of it.
#[derive(Debug)]
pub enum ChangeOutcome {
    /// Changed. This session goes on under a new token; so many others ended.
    Changed {
        /// This session.
        renewed: Box<Renewed>,
        /// Other sessions ended so far.
        others: i64,
    },
    /// The new one is not good enough.
    NotGoodEnough(PasswordProblem),
    /// The present one is wrong.
    Refused,
    /// Too many failures; not before this instant.
    Wait(Timestamp),
    /// Too many failures in a row in this session.
    Off,
    /// The session is over.
    SessionOver,
    /// The server is hashing as many passwords as it can.
    Overloaded,
}

/// Changes the password of a session's owner.
pub async fn change(
    store: &Store,
    hashing: &PasswordHashing,
    moment: &Moment,
    activity: &Arc<Activity>,
    id: SessionId,
    passwords: (Password, Password),
) -> Result<ChangeOutcome, StorageError> {
    let (present, new) = passwords;
    let begun = {
        let (moment, activity) = (moment.clone(), Arc::clone(activity));
        store
            .write(move |tx| begin(tx, &moment, &activity, id))
            .await?
    };
    let asked = match begun {
        Begun::Proceed(asked) => asked,
        Begun::Wait(until) => return Ok(ChangeOutcome::Wait(until)),
        Begun::Off => return Ok(ChangeOutcome::Off),
        Begun::SessionOver => return Ok(ChangeOutcome::SessionOver),
    };
    match hashing.verify(present, asked.record.clone()).await {
        Ok(PasswordVerdict::Right { .. }) => {}
        Ok(PasswordVerdict::Wrong) => {
            note_wrong(store, moment, &asked).await?;
            return Ok(ChangeOutcome::Refused);
        }
        Err(Overloaded) => {
            take_back(store, &asked).await?;
            return Ok(ChangeOutcome::Overloaded);
        }
    }
    let owner = &asked.owned.user;
    let context = [
        owner.name.as_str(),
        owner.email.as_str(),
        asked.owned.organization.name.as_str(),
    ];
    if let Err(problem) = check_new_password(&new, &context) {
        take_back(store, &asked).await?;
        return Ok(ChangeOutcome::NotGoodEnough(problem));
    }
    let Ok(hash) = hashing.hash(new).await else {
        take_back(store, &asked).await?;
        return Ok(ChangeOutcome::Overloaded);
    };
    let (moment, activity) = (moment.clone(), Arc::clone(activity));
    store
        .write(move |tx| finish(tx, &moment, &activity, &asked, &hash))
        .await
}

fn finish(
    tx: &mut Tx<'_>,
    moment: &Moment,
    activity: &Activity,
    asked: &Asked,
    hash: &str,
) -> Result<ChangeOutcome, StorageError> {
    let Some(mut session) = still_holds(tx, moment, activity, asked)? else {
        return Ok(ChangeOutcome::SessionOver);
    };
    users::set_password(tx, session.user_id, hash, moment.now)?;
    let limits = asked.owned.standing().limits;
    session.life = session.life.after_authentication(moment.now, limits);
    add_proof(&mut session, ProofMethod::Password, moment.now);
    // The ending below gives the kept session its new token.
    sessions::record_authentication(tx, &session)?;
    events::add(tx, &event(moment, &session, EventKind::PasswordChanged))?;
    let alert = Alert {
        kind: AlertKind::PasswordChanged,
        user: &asked.owned.user,
        session: Some(session.id),
        client: Some(&session.client),
        detail: None,
    };
    raise(tx, moment, &alert)?;
    let request = EndingRequest {
        scope: Scope::OthersOf {
            user: session.user_id,
            keep: session.id,
        },
        cause: Cause::PasswordChanged,
        actor: Actor::User(session.user_id),
        reason: None,
    };
    let done = end_sessions(tx, moment, &request)?;
    Ok(match done.kept {
        Some(renewed) => ChangeOutcome::Changed {
            renewed,
            others: done.sessions,
        },
        None => ChangeOutcome::SessionOver,
    })
}
