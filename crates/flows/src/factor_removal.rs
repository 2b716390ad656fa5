//! Second factors taken away by whoever runs the server (MFA-08): for somebody who
//! has lost everything, and as an answer to a factor that an intruder added.
//!
//! The operator has made sure who asks; nothing here can. Where a second factor is
//! demanded, the next sign-in leads to setting one up and to nothing else.

use nightlatch_domain::alert::AlertKind;
use nightlatch_domain::ending::{Actor, Cause, Scope};
use nightlatch_domain::event::EventKind;
use nightlatch_domain::ids::UserId;
use nightlatch_domain::throttle;
use nightlatch_storage::{
    StorageError, Tx, authenticator_apps, passkeys, recovery_codes, remembered_factors, throttles,
    users,
};

use crate::Moment;
use crate::alerts::{Alert, raise};
use crate::log_out::{EndingDone, EndingRequest, end_sessions};
use crate::people::record;
use crate::{factors, second_factor};

/// What can be taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Authenticator apps, also those that are being set up.
    AuthenticatorApps,
    /// Passkeys.
    Passkeys,
    /// Recovery codes.
    RecoveryCodes,
    /// Browsers that are not asked for the second step.
    RememberedBrowsers,
}

impl Kind {
    /// All of it.
    pub const ALL: [Self; 4] = [
        Self::AuthenticatorApps,
        Self::Passkeys,
        Self::RecoveryCodes,
        Self::RememberedBrowsers,
    ];
}

/// What was taken away, and what ended with it.
#[derive(Debug)]
pub struct Removed {
    /// Authenticator apps that were in use.
    pub authenticator_apps: usize,
    /// Passkeys.
    pub passkeys: u64,
    /// Recovery codes that were not used up.
    pub recovery_codes: i64,
    /// Remembered browsers.
    pub remembered_browsers: u64,
    /// The sessions.
    pub done: EndingDone,
}

/// Takes second factors away and ends all sessions of the account in the same
/// transaction: some of them may belong to whoever had the factor.
pub fn remove_factors(
    tx: &mut Tx<'_>,
    moment: &Moment,
    id: UserId,
    kinds: &[Kind],
    reason: &str,
) -> Result<Removed, StorageError> {
    let user = users::get(tx, id)?;
    let had = factors::enrolled(tx, id)?;
    let mut removed = (0, 0, 0, 0);
    if kinds.contains(&Kind::AuthenticatorApps) {
        authenticator_apps::delete_all_of_user(tx, id)?;
        removed.0 = had.authenticator_apps.len();
    }
    if kinds.contains(&Kind::Passkeys) {
        removed.1 = passkeys::remove_all_of_user(tx, id)?;
    }
    if kinds.contains(&Kind::RecoveryCodes) {
        recovery_codes::delete_of_user(tx, id)?;
        removed.2 = had.recovery_codes_left;
    }
    if kinds.contains(&Kind::RememberedBrowsers) {
        removed.3 = remembered_factors::delete_of_user(tx, id)?;
    }
    // What is set up next begins with no failures of what is gone.
    let binding = users::find_password_set_at(tx, id)?;
    throttles::clear(tx, throttle::one_time_code_key(id, binding))?;
    throttles::clear(tx, throttle::recovery_code_key(id, binding))?;
    let kind = EventKind::FactorsRemovedByOperator;
    let detail = Some(reason.to_owned());
    record(tx, moment, &user, kind, Actor::Operator, detail.clone())?;
    let alert = Alert {
        kind: AlertKind::FactorsRemovedByOperator,
        user: &user,
        session: None,
        client: None,
        detail,
    };
    raise(tx, moment, &alert)?;
    let request = EndingRequest {
        scope: Scope::AllOf(id),
        cause: Cause::FactorChanged,
        actor: Actor::Operator,
        reason: Some(reason.to_owned()),
    };
    let done = end_sessions(tx, moment, &request)?;
    Ok(Removed {
        authenticator_apps: removed.0,
        passkeys: removed.1,
        recovery_codes: removed.2,
        remembered_browsers: removed.3,
        done,
    })
}

/// Whether an account has anything of these kinds.
pub fn has_any(tx: &mut Tx<'_>, id: UserId, kinds: &[Kind]) -> Result<bool, StorageError> {
    let options = second_factor::available(tx, id)?;
    let remembered = remembered_factors::list_of_user(tx, id, 1)?;
    Ok(
        (kinds.contains(&Kind::AuthenticatorApps) && options.authenticator_app)
            || (kinds.contains(&Kind::Passkeys) && options.passkey)
            || (kinds.contains(&Kind::RecoveryCodes) && options.recovery_code)
            || (kinds.contains(&Kind::RememberedBrowsers) && !remembered.is_empty()),
    )
}
