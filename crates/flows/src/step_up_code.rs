//! Proving again who one is with a code: from an authenticator app, or from the list
//! of recovery codes.
//!
//! Any one of a person's factors is enough, so that a forgotten password or a
//! lost phone never keeps anybody from throwing an intruder out. Wrong codes count
//! in this session as wrong passwords do, and on the account.

use std::sync::Arc;

use nightlatch_domain::ids::SessionId;
use nightlatch_domain::session::ProofMethod;
use nightlatch_storage::{StorageError, Store, Tx};

use crate::Moment;
use crate::activity::Activity;
use crate::factors::recovery_codes::{self, RightCode};
use crate::password_hashing::PasswordHashing;
use crate::sealing::Sealer;
use crate::second_factor::{self, CodeVerdict, TypedCode};
use crate::step_up::{
    Asked, Begun, StepUpOutcome, begin, finish, forgive, note_wrong, record_wrong, take_back,
};

/// Proves with a code that the person in front of a session is its owner. One
/// transaction: a code that is used up always counts.
pub async fn with_code(
    store: &Store,
    sealer: &Arc<Sealer>,
    moment: &Moment,
    activity: &Arc<Activity>,
    id: SessionId,
    code: TypedCode,
) -> Result<StepUpOutcome, StorageError> {
    let (moment, activity) = (moment.clone(), Arc::clone(activity));
    let sealer = Arc::clone(sealer);
    store
        .write(move |tx| {
            let asked = match begin(tx, &moment, &activity, id)? {
                Begun::Proceed(asked) => asked,
                Begun::Wait(until) => return Ok(StepUpOutcome::Wait(until)),
                Begun::Off => return Ok(StepUpOutcome::Off),
                Begun::SessionOver => return Ok(StepUpOutcome::SessionOver),
            };
            let user = asked.owned.user.id;
            match second_factor::verify_app_code(tx, &moment, &sealer, user, &code)? {
                CodeVerdict::Right => {
                    let method = ProofMethod::AuthenticatorApp;
                    finish(tx, &moment, &activity, &asked, method)
                }
                CodeVerdict::Wrong => {
                    record_wrong(tx, &moment, &asked.owned.session)?;
                    Ok(StepUpOutcome::Refused)
                }
                // Nothing was tried, so nothing counts in this session.
                CodeVerdict::Wait(until) => {
                    forgive(tx, &asked)?;
                    Ok(StepUpOutcome::Wait(until))
                }
                CodeVerdict::Off => {
                    forgive(tx, &asked)?;
                    Ok(StepUpOutcome::CodesOff)
                }
            }
        })
        .await
}

/// Proves with a recovery code, and uses it up: the way to take a lost phone out of
/// the account. Looking at it takes several transactions, so it counts as wrong
/// until it was right.
pub async fn with_recovery_code(
    store: &Store,
    hashing: &PasswordHashing,
    moment: &Moment,
    activity: &Arc<Activity>,
    id: SessionId,
    code: TypedCode,
) -> Result<StepUpOutcome, StorageError> {
    let begun = {
        let (moment, activity) = (moment.clone(), Arc::clone(activity));
        store
            .write(move |tx| begin(tx, &moment, &activity, id))
            .await?
    };
    let asked = match begun {
        Begun::Proceed(asked) => asked,
        Begun::Wait(until) => return Ok(StepUpOutcome::Wait(until)),
        Begun::Off => return Ok(StepUpOutcome::Off),
        Begun::SessionOver => return Ok(StepUpOutcome::SessionOver),
    };
    let user = asked.owned.user.id;
    match second_factor::check_recovery_code(store, hashing, moment, user, &code).await {
        Ok(Ok(right)) => {
            let (moment, activity) = (moment.clone(), Arc::clone(activity));
            store
                .write(move |tx| with_right_code(tx, &moment, &activity, &asked, &right))
                .await
        }
        Ok(Err(CodeVerdict::Right | CodeVerdict::Wrong)) => {
            note_wrong(store, moment, &asked).await?;
            Ok(StepUpOutcome::Refused)
        }
        // Nothing was tried, so nothing counts in this session.
        Ok(Err(CodeVerdict::Wait(until))) => {
            take_back(store, &asked).await?;
            Ok(StepUpOutcome::Wait(until))
        }
        Ok(Err(CodeVerdict::Off)) => {
            take_back(store, &asked).await?;
            Ok(StepUpOutcome::CodesOff)
        }
        Err(StorageError::Busy) => {
            take_back(store, &asked).await?;
            Ok(StepUpOutcome::Overloaded)
        }
        Err(error) => Err(error),
    }
}

/// Proves and uses the code up, in one transaction: no code proves twice, and one
/// whose session ended meanwhile goes on working.
fn with_right_code(
    tx: &mut Tx<'_>,
    moment: &Moment,
    activity: &Activity,
    asked: &Asked,
    code: &RightCode,
) -> Result<StepUpOutcome, StorageError> {
    if !recovery_codes::still_works(tx, code)? {
        record_wrong(tx, moment, &asked.owned.session)?;
        return Ok(StepUpOutcome::Refused);
    }
    let outcome = finish(tx, moment, activity, asked, ProofMethod::RecoveryCode)?;
    match &outcome {
        StepUpOutcome::Proved(renewed) => {
            if !recovery_codes::spend(tx, moment, code, &renewed.session)? {
                // It worked a moment ago in this transaction; nothing of it is kept.
                return Err(StorageError::Conflict);
            }
        }
        _ => recovery_codes::give_back(tx, code)?,
    }
    Ok(outcome)
}
