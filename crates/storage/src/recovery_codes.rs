//! Recovery codes: one set per account, each code hashed.

use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::{RecoveryCodeId, RecoveryCodeSetId, UserId};

use crate::{StorageError, Tx};

/// A code as it is stored.
#[derive(Debug, Clone)]
pub struct NewRecoveryCode {
    /// Names it.
    pub id: RecoveryCodeId,
    /// Its first character; no two codes of a set share it.
    pub label: String,
    /// A slow, salted hash of the code, a PHC string (MFA-05).
    pub hash: String,
}

/// What is left of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecoveryCodeCount {
    /// Codes that were not used.
    pub left: i64,
    /// When the set was made; `None` without one.
    pub made_at: Option<Timestamp>,
}

/// Stores a new set and voids the old one (MFA-05).
pub fn replace_set(
    tx: &mut Tx<'_>,
    user_id: UserId,
    set_id: RecoveryCodeSetId,
    codes: &[NewRecoveryCode],
    at: Timestamp,
) -> Result<(), StorageError> {
    delete_of_user(tx, user_id)?;
    for code in codes {
        tx.execute_one(
            "INSERT INTO recovery_codes (id, user_id, set_id, label, hash, created_at, used_at)
             VALUES ($1, $2, $3, $4, $5, $6, NULL)",
            &[
                code.id.into(),
                user_id.into(),
                set_id.into(),
                (&code.label).into(),
                (&code.hash).into(),
                at.into(),
            ],
        )?;
    }
    Ok(())
}

/// The unused code of a user with this label, and its hash.
pub fn find_unused(
    tx: &mut Tx<'_>,
    user_id: UserId,
    label: &str,
) -> Result<Option<(RecoveryCodeId, String)>, StorageError> {
    tx.query_optional(
        "SELECT id, hash FROM recovery_codes WHERE user_id = $1 AND label = $2 AND used_at IS NULL",
        &[user_id.into(), label.into()],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Whether a code of a user is there and unused.
pub fn is_unused(
    tx: &mut Tx<'_>,
    id: RecoveryCodeId,
    user_id: UserId,
) -> Result<bool, StorageError> {
    tx.query_optional(
        "SELECT id FROM recovery_codes WHERE id = $1 AND user_id = $2 AND used_at IS NULL",
        &[id.into(), user_id.into()],
        |row| row.get::<RecoveryCodeId>(0),
    )
    .map(|found| found.is_some())
}

/// Uses a code up. Says whether it was there and unused: of several that ask at
/// once, one hears yes.
pub fn spend(
    tx: &mut Tx<'_>,
    id: RecoveryCodeId,
    user_id: UserId,
    at: Timestamp,
) -> Result<bool, StorageError> {
    tx.execute(
        "UPDATE recovery_codes SET used_at = $3 WHERE id = $1 AND user_id = $2 AND used_at IS NULL",
        &[id.into(), user_id.into(), at.into()],
    )
    .map(|changed| changed > 0)
}

/// How many codes of a user are left, and when they were made.
pub fn count_of_user(tx: &mut Tx<'_>, user_id: UserId) -> Result<RecoveryCodeCount, StorageError> {
    tx.query_one(
        "SELECT coalesce(sum(CASE WHEN used_at IS NULL THEN 1 ELSE 0 END), 0), max(created_at)
         FROM recovery_codes WHERE user_id = $1",
        &[user_id.into()],
        |row| {
            Ok(RecoveryCodeCount {
                left: row.get(0)?,
                made_at: row.get(1)?,
            })
        },
    )
}

/// Deletes all codes of a user.
pub fn delete_of_user(tx: &mut Tx<'_>, user_id: UserId) -> Result<u64, StorageError> {
    tx.execute(
        "DELETE FROM recovery_codes WHERE user_id = $1",
        &[user_id.into()],
    )
}
