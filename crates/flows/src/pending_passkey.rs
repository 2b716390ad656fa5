//! The second step of signing in, taken with a passkey.
//!
//! The challenge belongs to the sign-in that waits, so it dies with it, and an
//! answer to it opens no session on its own (SES-07, WAN-01). A refused answer
//! counts as a wrong code does: whoever gives it knows the password.

use nightlatch_domain::session::ProofMethod;
use nightlatch_storage::{StorageError, Tx};

use crate::Moment;
use crate::passkeys::Passkeys;
use crate::passkeys::known::{self, Asking, BegunKnown, KnownVerdict, PasskeyAnswer};
use crate::pending_sign_in::{Carried, Found, StepOutcome, asks_for_factor, complete, fail, find};

/// Draws a challenge for who has given the password.
pub fn begin(
    tx: &mut Tx<'_>,
    moment: &Moment,
    passkeys: &Passkeys,
    carried: &Carried,
) -> Result<BegunKnown, StorageError> {
    match find(tx, moment, carried)? {
        Found::Waiting(waiting) => {
            let asking = Asking::second_step(waiting.user.id, carried.token);
            known::begin(tx, moment, passkeys, asking)
        }
        Found::Over { .. } | Found::Unknown => Ok(BegunKnown::Over),
    }
}

/// Goes on with a passkey.
pub fn with_passkey(
    tx: &mut Tx<'_>,
    moment: &Moment,
    passkeys: &Passkeys,
    carried: &Carried,
    answer: &PasskeyAnswer,
    remember_browser: bool,
) -> Result<StepOutcome, StorageError> {
    let waiting = match asks_for_factor(find(tx, moment, carried)?) {
        Ok(waiting) => waiting,
        Err(over) => return Ok(over),
    };
    let asking = Asking::second_step(waiting.user.id, carried.token);
    match known::finish(tx, moment, passkeys, asking, answer)? {
        KnownVerdict::Right => {
            let method = ProofMethod::Passkey;
            complete(tx, moment, carried, &waiting, method, remember_browser)
        }
        KnownVerdict::Expired => Ok(StepOutcome::ChallengeOver),
        KnownVerdict::Refused => fail(tx, moment, carried, &waiting),
    }
}
