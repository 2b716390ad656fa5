//! Proving again who one is with a passkey.
//!
//! The challenge belongs to the session that asks and to its user, and goes with
//! the first answer. Wrong passwords of this session do not count here: a
//! signature cannot be guessed, and whoever guesses at an unlocked screen must not
//! keep its owner from throwing them out (F5).

use nightlatch_domain::ids::SessionId;
use nightlatch_domain::session::ProofMethod;
use nightlatch_storage::{StorageError, Tx};

use crate::Moment;
use crate::activity::Activity;
use crate::passkeys::Passkeys;
use crate::passkeys::known::{self, Asking, BegunKnown, KnownVerdict, PasskeyAnswer};
use crate::sessions::find_live;
use crate::step_up::{StepUpOutcome, finish, look, record_wrong};

/// Draws a challenge for the person in front of a session.
pub fn begin(
    tx: &mut Tx<'_>,
    moment: &Moment,
    activity: &Activity,
    passkeys: &Passkeys,
    id: SessionId,
) -> Result<BegunKnown, StorageError> {
    match find_live(tx, id, activity, moment.now)? {
        Some(owned) => known::begin(tx, moment, passkeys, Asking::step_up(owned.user.id, id)),
        None => Ok(BegunKnown::Over),
    }
}

/// Proves with a passkey that the person in front of a session is its owner.
pub fn with_passkey(
    tx: &mut Tx<'_>,
    moment: &Moment,
    activity: &Activity,
    passkeys: &Passkeys,
    id: SessionId,
    answer: &PasskeyAnswer,
) -> Result<StepUpOutcome, StorageError> {
    let Some(asked) = look(tx, moment, activity, id)? else {
        return Ok(StepUpOutcome::SessionOver);
    };
    let asking = Asking::step_up(asked.owned.user.id, id);
    match known::finish(tx, moment, passkeys, asking, answer)? {
        KnownVerdict::Right => finish(tx, moment, activity, &asked, ProofMethod::Passkey),
        KnownVerdict::Expired => Ok(StepUpOutcome::ChallengeOver),
        KnownVerdict::Refused => {
            record_wrong(tx, moment, &asked.owned.session)?;
            Ok(StepUpOutcome::Refused)
        }
    }
}
