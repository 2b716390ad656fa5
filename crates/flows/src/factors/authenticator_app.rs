//! Authenticator apps: set up, proved once, used, renamed, removed.
//!
//! The seed leaves its seal in three places: while it is shown at set-up, while
//! the first code is checked, and while a code is verified.

use std::fmt;
use std::time::Duration;

use nightlatch_domain::Timestamp;
use nightlatch_domain::event::EventKind;
use nightlatch_domain::ids::{AuthenticatorAppId, UserId};
use nightlatch_domain::one_time_code::{DIGITS, STEP_SECONDS, Seed};
use nightlatch_domain::session::ProofMethod;
use nightlatch_domain::throttle::{self, Lane};
use nightlatch_storage::authenticator_apps::{self as apps, AuthenticatorApp};
use nightlatch_storage::sessions::OwnedSession;
use nightlatch_storage::{StorageError, Tx, throttles, users};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

use super::{
    Acting, Change, Changed, CodeVerdict, FactorOutcome, MOST_APPS, admit, count_attempt,
    end_others, record,
};
use crate::Moment;
use crate::proof_level::must_keep_last;
use crate::sealing::{Place, Sealer, SealingError};
use crate::step_up::prove_set_up;

/// How long a set-up may take; one that is older is forgotten.
pub const SET_UP_LIFE: Duration = Duration::from_mins(15);

/// The longest name, in characters.
pub const LONGEST_NAME: usize = 60;

/// What a person needs to set an app up. It shows the seed, so it cannot be
/// printed and is made for one answer only (MFA-01).
pub struct Setup {
    /// The app.
    pub id: AuthenticatorAppId,
    /// What its owner calls it.
    pub name: String,
    /// For typing in: base32, 32 characters.
    pub text_key: Zeroizing<String>,
    /// For the QR code: `otpauth://totp/…`, as authenticator apps read it.
    pub uri: Zeroizing<String>,
}

impl fmt::Debug for Setup {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Setup")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// What came of beginning a set-up.
#[derive(Debug)]
pub enum BeginOutcome {
    /// It began; the app counts once its first code has proved right.
    Begun(AuthenticatorAppId),
    /// The account has as many apps as it may have.
    TooMany,
}

/// What finishes a set-up.
#[derive(Clone, Copy)]
pub struct Finish<'a> {
    /// The app.
    pub id: AuthenticatorAppId,
    /// What its owner calls it.
    pub name: &'a str,
    /// The first code, as typed.
    pub code: &'a str,
}

/// What came of the first code.
#[derive(Debug)]
pub enum ConfirmOutcome {
    /// Right: the app counts from now on.
    Confirmed {
        /// What it brought with it.
        changed: Changed,
        /// Whether the account has no recovery codes left, so that the person
        /// should make some next.
        needs_recovery_codes: bool,
    },
    /// Not a code of this app at this time.
    Wrong,
    /// There is no such set-up, or it took too long.
    NotFound,
}

/// Where a seed stands.
pub(crate) fn place<'a>(row: &'a [u8; 16], owner: &'a [u8; 16]) -> Place<'a> {
    Place {
        purpose: "seed of an authenticator app",
        table: "authenticator_apps",
        row,
        owner,
    }
}

fn open(sealer: &Sealer, app: &AuthenticatorApp) -> Result<Seed, SealingError> {
    let (row, owner) = (app.id.to_bytes(), app.user_id.to_bytes());
    let bytes = sealer.open(&place(&row, &owner), &app.sealed_seed)?;
    Seed::from_bytes(&bytes).ok_or(SealingError::DoesNotOpen)
}

/// Begins setting an app up. An unfinished one of the same account is forgotten.
pub fn begin_setup(
    tx: &mut Tx<'_>,
    moment: &Moment,
    sealer: &Sealer,
    acting: &Acting,
    name: &str,
) -> Result<Change<BeginOutcome>, StorageError> {
    let owned = match admit(tx, moment, acting)? {
        Change::Done(owned) => owned,
        Change::ProofNeeded => return Ok(Change::ProofNeeded),
        Change::SessionOver => return Ok(Change::SessionOver),
    };
    let user_id = owned.user.id;
    apps::delete_unconfirmed(tx, user_id)?;
    let present = apps::list_of_user(tx, user_id, MOST_APPS)?.len();
    if i64::try_from(present).unwrap_or(i64::MAX) >= MOST_APPS {
        return Ok(Change::Done(BeginOutcome::TooMany));
    }
    let random = moment.random.as_ref();
    let id = AuthenticatorAppId::random(random);
    let seed = Seed::generate(random);
    let sealed_seed = sealer.seal(
        &place(&id.to_bytes(), &user_id.to_bytes()),
        random,
        seed.reveal(),
    )?;
    apps::add(
        tx,
        &AuthenticatorApp {
            id,
            user_id,
            name: name.to_owned(),
            sealed_seed,
            last_used_step: None,
            created_at: moment.now,
            confirmed_at: None,
            last_used_at: None,
        },
    )?;
    Ok(Change::Done(BeginOutcome::Begun(id)))
}

/// What a set-up that is under way shows; nothing once it is finished or took too
/// long, so that a seed is never shown again (MFA-01).
pub fn find_setup(
    tx: &mut Tx<'_>,
    moment: &Moment,
    sealer: &Sealer,
    acting: &Acting,
    id: AuthenticatorAppId,
) -> Result<Change<Option<Setup>>, StorageError> {
    let owned = match admit(tx, moment, acting)? {
        Change::Done(owned) => owned,
        Change::ProofNeeded => return Ok(Change::ProofNeeded),
        Change::SessionOver => return Ok(Change::SessionOver),
    };
    let Some(app) = find_unfinished(tx, moment.now, owned.user.id, id)? else {
        return Ok(Change::Done(None));
    };
    let seed = open(sealer, &app)?;
    let text_key = seed.text_key();
    let uri = uri(&owned, &text_key);
    Ok(Change::Done(Some(Setup {
        id,
        name: app.name,
        text_key,
        uri,
    })))
}

fn find_unfinished(
    tx: &mut Tx<'_>,
    now: Timestamp,
    user: UserId,
    id: AuthenticatorAppId,
) -> Result<Option<AuthenticatorApp>, StorageError> {
    let found = apps::find_of_user(tx, user, id)?;
    Ok(found.filter(|app| app.confirmed_at.is_none() && now.since(app.created_at) < SET_UP_LIFE))
}

/// What stays readable in the address; `:` would end the issuer.
const IN_LABEL: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'@');

/// The address in the QR code: the de-facto `otpauth` form. The issuer is the
/// organization, by which the person will look for it among many.
fn uri(owned: &OwnedSession, text_key: &str) -> Zeroizing<String> {
    let organization = owned.organization.name.replace(':', " ");
    let issuer = utf8_percent_encode(&organization, IN_LABEL);
    let account = utf8_percent_encode(owned.user.email.as_str(), IN_LABEL);
    Zeroizing::new(format!(
        "otpauth://totp/{issuer}:{account}?secret={text_key}&issuer={issuer}\
         &algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}"
    ))
}

/// Finishes a set-up with the first code of the app (MFA-04). The code is spent
/// with it, and the account's lane of failures starts anew.
pub fn confirm_setup(
    tx: &mut Tx<'_>,
    moment: &Moment,
    sealer: &Sealer,
    acting: &Acting,
    finish: &Finish<'_>,
) -> Result<Change<ConfirmOutcome>, StorageError> {
    let owned = match admit(tx, moment, acting)? {
        Change::Done(owned) => owned,
        Change::ProofNeeded => return Ok(Change::ProofNeeded),
        Change::SessionOver => return Ok(Change::SessionOver),
    };
    let (user, id) = (owned.user.id, finish.id);
    let Some(app) = find_unfinished(tx, moment.now, user, id)? else {
        return Ok(Change::Done(ConfirmOutcome::NotFound));
    };
    let Some(step) = open(sealer, &app)?.matching_step(finish.code, moment.now) else {
        return Ok(Change::Done(ConfirmOutcome::Wrong));
    };
    if !apps::confirm(tx, user, id, step, moment.now)? {
        return Ok(Change::Done(ConfirmOutcome::NotFound));
    }
    apps::rename(tx, user, id, finish.name)?;
    let binding = users::find_password_set_at(tx, user)?;
    throttles::clear(tx, throttle::one_time_code_key(user, binding))?;
    let kind = EventKind::AuthenticatorAppAdded;
    record(tx, moment, &owned, kind, Some(finish.name))?;
    // Its owner has just shown that they have it.
    let method = ProofMethod::AuthenticatorApp;
    let renewed = prove_set_up(tx, moment, &owned, method, !acting.log_out_others)?;
    let mut changed = end_others(tx, moment, &owned, acting.log_out_others)?;
    changed.kept = changed.kept.or(renewed);
    let left = super::enrolled(tx, user)?.recovery_codes_left;
    Ok(Change::Done(ConfirmOutcome::Confirmed {
        changed,
        needs_recovery_codes: left == 0,
    }))
}

/// Verifies a code against all apps of an account, and spends it: the same code,
/// or an older one, is wrong from then on, on every node (MFA-02). Failures count
/// per account, whichever sign-in they come from (MFA-03).
pub fn verify(
    tx: &mut Tx<'_>,
    moment: &Moment,
    sealer: &Sealer,
    user: UserId,
    code: &str,
) -> Result<CodeVerdict, StorageError> {
    let binding = users::find_password_set_at(tx, user)?;
    let lane = throttle::one_time_code_key(user, binding);
    if let Some(refused) = count_attempt(tx, Lane::OneTimeCode, lane, moment.now)? {
        return Ok(refused);
    }
    let mut broken = None;
    let mut right = false;
    for app in apps::list_of_user(tx, user, MOST_APPS)? {
        if app.confirmed_at.is_none() {
            continue;
        }
        let seed = match open(sealer, &app) {
            Ok(seed) => seed,
            // The person's other apps go on working.
            Err(error) => {
                tracing::error!(app = %app.id, %error, "an authenticator app cannot be used");
                broken = Some(error);
                continue;
            }
        };
        if let Some(step) = seed.matching_step(code, moment.now)
            && apps::spend_step(tx, app.id, step, moment.now)?
        {
            right = true;
            break;
        }
    }
    if right {
        throttles::clear(tx, lane)?;
        return Ok(CodeVerdict::Right);
    }
    match broken {
        // Not the person's fault: nothing of this is committed, nothing counts.
        Some(error) => Err(error.into()),
        None => Ok(CodeVerdict::Wrong),
    }
}

/// Gives an app another name.
pub fn rename(
    tx: &mut Tx<'_>,
    moment: &Moment,
    acting: &Acting,
    id: AuthenticatorAppId,
    name: &str,
) -> Result<Change<FactorOutcome>, StorageError> {
    let owned = match admit(tx, moment, acting)? {
        Change::Done(owned) => owned,
        Change::ProofNeeded => return Ok(Change::ProofNeeded),
        Change::SessionOver => return Ok(Change::SessionOver),
    };
    if !apps::rename(tx, owned.user.id, id, name)? {
        return Ok(Change::Done(FactorOutcome::NotFound));
    }
    let kind = EventKind::AuthenticatorAppRenamed;
    record(tx, moment, &owned, kind, Some(name))?;
    Ok(Change::Done(FactorOutcome::Done(Changed::default())))
}

/// Removes an app (MFA-08).
pub fn remove(
    tx: &mut Tx<'_>,
    moment: &Moment,
    acting: &Acting,
    id: AuthenticatorAppId,
) -> Result<Change<FactorOutcome>, StorageError> {
    let owned = match admit(tx, moment, acting)? {
        Change::Done(owned) => owned,
        Change::ProofNeeded => return Ok(Change::ProofNeeded),
        Change::SessionOver => return Ok(Change::SessionOver),
    };
    let user = owned.user.id;
    let app = apps::find_of_user(tx, user, id)?.filter(|app| app.confirmed_at.is_some());
    let Some(app) = app else {
        return Ok(Change::Done(FactorOutcome::NotFound));
    };
    if must_keep_last(tx, &owned.user, &owned.organization, moment.now)? {
        return Ok(Change::Done(FactorOutcome::LastDemanded));
    }
    apps::delete(tx, user, id)?;
    let kind = EventKind::AuthenticatorAppRemoved;
    record(tx, moment, &owned, kind, Some(&app.name))?;
    let changed = end_others(tx, moment, &owned, acting.log_out_others)?;
    Ok(Change::Done(FactorOutcome::Done(changed)))
}
