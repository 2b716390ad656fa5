//! Recovery codes: made as a set, shown once, each good once.
//!
//! Hashing happens between transactions; what is written then holds under a
//! condition that is asked again.

use nightlatch_domain::alert::AlertKind;
use nightlatch_domain::check_up::FEW_CODES;
use nightlatch_domain::event::EventKind;
use nightlatch_domain::ids::{RecoveryCodeId, RecoveryCodeSetId, UserId};
use nightlatch_domain::recovery_code::RecoveryCode;
use nightlatch_domain::secret::{Password, TokenDigest};
use nightlatch_domain::session::Session;
use nightlatch_domain::throttle::{self, Lane};
use nightlatch_storage::recovery_codes::{self as stored, NewRecoveryCode};
use nightlatch_storage::{StorageError, Store, Tx, events, throttles, users};

use super::{Acting, Change, Changed, CodeVerdict, admit, count_attempt, end_others, record};
use crate::Moment;
use crate::alerts::tell_of;
use crate::password_hashing::{PasswordHashing, PasswordVerdict};
use crate::sign_in::uncount;
use crate::step_up::event;

/// A set that was just made: the only time that its codes are known (MFA-05).
#[derive(Debug)]
pub struct NewSet {
    /// The codes.
    pub codes: Vec<RecoveryCode>,
    /// What making them brought with it.
    pub changed: Changed,
}

fn for_hashing(code: &RecoveryCode) -> Result<Password, StorageError> {
    Password::typed(code.reveal()).ok_or_else(|| {
        StorageError::Other("a recovery code is longer than any password".to_owned())
    })
}

/// Makes a new set of codes and voids the old one.
pub async fn make_new_set(
    store: &Store,
    hashing: &PasswordHashing,
    moment: &Moment,
    acting: &Acting,
) -> Result<Change<NewSet>, StorageError> {
    // Asked before ten hashes are made, and again when they are written.
    let asked = {
        let (moment, acting) = (moment.clone(), acting.clone());
        store.read(move |tx| admit(tx, &moment, &acting)).await?
    };
    match asked {
        Change::Done(_) => {}
        Change::ProofNeeded => return Ok(Change::ProofNeeded),
        Change::SessionOver => return Ok(Change::SessionOver),
    }
    let random = moment.random.as_ref();
    let codes = RecoveryCode::generate_set(random);
    let set_id = RecoveryCodeSetId::random(random);
    let mut hashed = Vec::with_capacity(codes.len());
    for code in &codes {
        let hash = hashing.hash(for_hashing(code)?).await;
        hashed.push(NewRecoveryCode {
            id: RecoveryCodeId::random(random),
            label: code.label().to_owned(),
            hash: hash.map_err(|_| StorageError::Busy)?,
        });
    }
    let (moment, acting) = (moment.clone(), acting.clone());
    let written = store
        .write(move |tx| write_set(tx, &moment, &acting, set_id, &hashed))
        .await?;
    Ok(match written {
        Change::Done(changed) => Change::Done(NewSet { codes, changed }),
        Change::ProofNeeded => Change::ProofNeeded,
        Change::SessionOver => Change::SessionOver,
    })
}

fn write_set(
    tx: &mut Tx<'_>,
    moment: &Moment,
    acting: &Acting,
    set_id: RecoveryCodeSetId,
    codes: &[NewRecoveryCode],
) -> Result<Change<Changed>, StorageError> {
    let owned = match admit(tx, moment, acting)? {
        Change::Done(owned) => owned,
        Change::ProofNeeded => return Ok(Change::ProofNeeded),
        Change::SessionOver => return Ok(Change::SessionOver),
    };
    stored::replace_set(tx, owned.user.id, set_id, codes, moment.now)?;
    record(tx, moment, &owned, EventKind::RecoveryCodesMade, None)?;
    end_others(tx, moment, &owned, acting.log_out_others).map(Change::Done)
}

/// An attempt whose code is to be verified.
struct Counted {
    lane: TokenDigest,
    found: Option<(RecoveryCodeId, String)>,
}

/// A code that was right when it was looked at. It still works until [`spend`].
#[derive(Debug)]
pub struct RightCode {
    user: UserId,
    id: RecoveryCodeId,
    lane: TokenDigest,
}

/// Verifies a recovery code, and does not use it up: that happens in the transaction
/// of what it opens. An account without codes, a label that it does not have and a
/// wrong code take the same work; none of them says which it was.
pub async fn check(
    store: &Store,
    hashing: &PasswordHashing,
    moment: &Moment,
    user: UserId,
    code: &str,
) -> Result<Result<RightCode, CodeVerdict>, StorageError> {
    let typed = RecoveryCode::typed(code);
    let label = typed.as_ref().map(|code| code.label().to_owned());
    let now = moment.now;
    let begun = store
        .write(move |tx| begin(tx, now, user, label.as_deref()))
        .await?;
    let counted = match begun {
        Ok(counted) => counted,
        Err(refused) => return Ok(Err(refused)),
    };
    let password = match &typed {
        Some(code) => for_hashing(code)?,
        // Verified against nothing, so that it takes as long as a wrong code.
        None => for_hashing_nothing()?,
    };
    let record = counted.found.as_ref().map(|(_, hash)| hash.clone());
    let lane = counted.lane;
    let Ok(verdict) = hashing.verify(password, record).await else {
        // Not the person's fault: it does not count.
        store.write(move |tx| uncount(tx, lane)).await?;
        return Err(StorageError::Busy);
    };
    let (PasswordVerdict::Right { .. }, Some((id, _))) = (verdict, counted.found) else {
        return Ok(Err(CodeVerdict::Wrong));
    };
    Ok(Ok(RightCode { user, id, lane }))
}

fn for_hashing_nothing() -> Result<Password, StorageError> {
    Password::typed("").ok_or_else(|| StorageError::Other("nothing is too long".to_owned()))
}

fn begin(
    tx: &mut Tx<'_>,
    now: nightlatch_domain::Timestamp,
    user: UserId,
    label: Option<&str>,
) -> Result<Result<Counted, CodeVerdict>, StorageError> {
    let binding = users::find_password_set_at(tx, user)?;
    let lane = throttle::recovery_code_key(user, binding);
    if let Some(refused) = count_attempt(tx, Lane::RecoveryCode, lane, now)? {
        return Ok(Err(refused));
    }
    let found = match label {
        Some(label) => stored::find_unused(tx, user, label)?,
        None => None,
    };
    Ok(Ok(Counted { lane, found }))
}

/// Whether a right code still works: a sign-in that verified it at the same time may
/// have used it up, and a set made meanwhile has voided it.
pub(crate) fn still_works(tx: &mut Tx<'_>, code: &RightCode) -> Result<bool, StorageError> {
    stored::is_unused(tx, code.id, code.user)
}

/// The code was right and opened nothing, through no fault of its holder: it goes on
/// working, and the try does not count.
pub(crate) fn give_back(tx: &mut Tx<'_>, code: &RightCode) -> Result<(), StorageError> {
    uncount(tx, code.lane)
}

/// Uses a code up for the session that it opened, and tells the owner (MFA-06); false
/// if it had been used up before. The way out of a lane of one-time codes that is off:
/// it starts anew.
pub fn spend(
    tx: &mut Tx<'_>,
    moment: &Moment,
    code: &RightCode,
    session: &Session,
) -> Result<bool, StorageError> {
    let user = code.user;
    if !stored::spend(tx, code.id, user, moment.now)? {
        return Ok(false);
    }
    let binding = users::find_password_set_at(tx, user)?;
    throttles::clear(tx, code.lane)?;
    throttles::clear(tx, throttle::one_time_code_key(user, binding))?;
    let owner = users::get(tx, user)?;
    let left = stored::count_of_user(tx, user)?.left;
    let mut line = event(moment, session, EventKind::RecoveryCodeUsed);
    line.detail = Some(left.to_string());
    events::add(tx, &line)?;
    tell_of(tx, moment, &owner, AlertKind::RecoveryCodeUsed, &line)?;
    if left < FEW_CODES {
        tell_of(tx, moment, &owner, AlertKind::RecoveryCodesLow, &line)?;
    }
    Ok(true)
}
