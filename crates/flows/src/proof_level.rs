//! Which proof an act takes.
//!
//! Ending sessions takes any one of a person's factors, so that a lost phone never
//! keeps anybody from throwing an intruder out (F5). Changing what opens the account
//! takes the highest level that the person has (MFA-04): with a second factor set
//! up, a password alone is not enough, or whoever learned it could take the second
//! factor away. A recovery code counts as one, and leads out when the phone is lost.

use nightlatch_domain::Timestamp;
use nightlatch_domain::next_step::{self, Options};
use nightlatch_domain::organization::Organization;
use nightlatch_domain::policy::SecondFactorRule;
use nightlatch_domain::session::Session;
use nightlatch_domain::user::User;
use nightlatch_storage::{StorageError, Tx};

use crate::second_factor;

/// What is still to be proved before the account is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Nothing: the last proof is young enough and strong enough.
    Nothing,
    /// Any proof; the person has no second factor.
    Any,
    /// The second factor, by one of these.
    Second(Options),
}

/// What a session still has to prove before it may change what opens its account:
/// factors, and the address to which recovery goes.
pub fn missing(
    tx: &mut Tx<'_>,
    session: &Session,
    now: Timestamp,
) -> Result<Missing, StorageError> {
    let options = second_factor::available(tx, session.user_id)?;
    Ok(if options.has_factor() {
        if session.has_fresh_second_proof(now) {
            Missing::Nothing
        } else {
            Missing::Second(options)
        }
    } else if session.has_fresh_proof(now) {
        Missing::Nothing
    } else {
        Missing::Any
    })
}

/// Whether a session has proved enough to change what opens its account.
pub(crate) fn suffices(
    tx: &mut Tx<'_>,
    session: &Session,
    now: Timestamp,
) -> Result<bool, StorageError> {
    Ok(missing(tx, session, now)? == Missing::Nothing)
}

/// Whether a person must keep the only second factor that they have, since their
/// organization demands one of them now (MFA-08). They can add another first.
pub(crate) fn must_keep_last(
    tx: &mut Tx<'_>,
    user: &User,
    organization: &Organization,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let policy = organization.settings.policy.second_factor;
    if policy.rule == SecondFactorRule::Off {
        return Ok(false);
    }
    let from = next_step::demanded_from(&policy, user.role, user.created_at);
    Ok(from.is_some_and(|from| now >= from) && second_factor::count(tx, user.id)? <= 1)
}
