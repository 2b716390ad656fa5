//! The one dispatcher of signing in.
//!
//! Every step comes here when it is done; what comes next is decided by
//! `domain::next_step` from what stands in the database, never by the step
//! itself and never by the browser (AUTH-12). Either the session begins, or the
//! sign-in waits for its next step under a token that reaches nothing else
//! (SES-07).

use nightlatch_domain::next_step::{
    NextStep, Options, PENDING_LIFE, PendingLife, Progress, next_step,
};
use nightlatch_domain::policy::Policy;
use nightlatch_domain::secret::{Token, TokenDigest};
use nightlatch_domain::session::{Proof, SessionKind};
use nightlatch_domain::user::User;
use nightlatch_storage::pending_sign_ins::{self, PendingSignIn};
use nightlatch_storage::{StorageError, Tx, organizations, users};

use crate::Moment;
use crate::remembered_browsers;
use crate::second_factor;
use crate::session_start::{self, Start, session_kind};
use crate::sign_in::SignInOutcome;

/// What the decision is made from, and the decision.
pub(crate) struct Decision {
    pub(crate) step: NextStep,
    pub(crate) options: Options,
}

/// Decides what a sign-in with these proofs still needs.
pub(crate) fn decide(
    tx: &mut Tx<'_>,
    moment: &Moment,
    user: &User,
    policy: &Policy,
    proofs: &[Proof],
    is_remembered: bool,
) -> Result<Decision, StorageError> {
    let options = second_factor::available(tx, user.id)?;
    let progress = Progress {
        proofs,
        options,
        is_remembered,
        policy: policy.second_factor,
        role: user.role,
        account_since: user.created_at,
    };
    Ok(Decision {
        step: next_step(&progress, moment.now),
        options,
    })
}

/// Goes on after a right password or passkey.
pub(crate) fn after_first_step(
    tx: &mut Tx<'_>,
    moment: &Moment,
    start: Start<'_>,
    trusted: Option<TokenDigest>,
    return_to: &str,
) -> Result<SignInOutcome, StorageError> {
    let policy = organizations::get(tx, start.user.organization_id)?
        .settings
        .policy;
    // On a shared computer nothing stands in, also if it was remembered before
    // somebody said that it is one (SHR-01).
    let carried = start
        .browser
        .map(|browser| browser.id)
        .zip(trusted)
        .filter(|_| session_kind(&policy, &start) != SessionKind::Shared);
    let factor_policy = policy.second_factor;
    let remembered = remembered_browsers::find(tx, moment, start.user.id, carried, &factor_policy)?;
    let is_remembered = remembered.is_some();
    let decision = decide(
        tx,
        moment,
        start.user,
        &policy,
        &start.proofs,
        is_remembered,
    )?;
    match decision.step {
        // Such a session can set a factor up and log out; `sessions::check` sees to
        // that, since a demand that comes later must hold for it too.
        NextStep::Done | NextStep::SetUpFactor { .. } => {
            let mut outcome = session_start::start(tx, moment, start)?;
            let stands_in = remembered.filter(|_| decision.options.has_factor());
            if let (SignInOutcome::SignedIn(signed_in), Some(remembered), Some((_, old))) =
                (&mut outcome, stands_in, carried)
            {
                let trusted =
                    remembered_browsers::stand_in(tx, moment, &remembered, old, &factor_policy)?;
                signed_in.trusted = Some(trusted);
            }
            Ok(outcome)
        }
        NextStep::SecondFactor(_) => {
            wait(tx, moment, start, return_to).map(SignInOutcome::MoreNeeded)
        }
        NextStep::Password => Ok(SignInOutcome::Refused),
    }
}

/// Writes down how far a sign-in has come; returns the token that leads back to
/// it.
fn wait(
    tx: &mut Tx<'_>,
    moment: &Moment,
    start: Start<'_>,
    return_to: &str,
) -> Result<Token, StorageError> {
    let pending = PendingSignIn {
        user_id: start.user.id,
        life: PendingLife {
            epochs: start.epochs,
            password_set_at: users::find_password_set_at(tx, start.user.id)?,
            expires_at: moment.now.plus(PENDING_LIFE),
            wrong_codes: 0,
        },
        browser_id: start.browser.map(|browser| browser.id),
        replaces: start.replaces,
        remember: start.remember,
        shared: start.shared,
        return_to: return_to.to_owned(),
        proofs: start.proofs,
        created_at: moment.now,
    };
    let token = Token::generate(moment.random.as_ref());
    pending_sign_ins::add(tx, &pending, token.digest())?;
    Ok(token)
}
