//! Browser profiles that carry our cookie, and which accounts know them.
//!
//! A browser is a random identifier and nothing else (E4): never a fingerprint.

use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::{BrowserId, UserId};
use nightlatch_domain::secret::TokenDigest;

use crate::{StorageError, Tx};

/// A browser profile.
#[derive(Debug, Clone, Copy)]
pub struct Browser {
    /// Its random identifier.
    pub id: BrowserId,
    /// An administrator marked it: every sign-in here is on a shared computer.
    pub always_shared: bool,
}

/// Adds a browser that carries the token of this digest.
pub fn add(
    tx: &mut Tx<'_>,
    browser: &Browser,
    token: TokenDigest,
    now: Timestamp,
) -> Result<(), StorageError> {
    tx.execute_one(
        "INSERT INTO browsers (id, token_digest, always_shared, created_at, last_used_at)
         VALUES ($1, $2, $3, $4, $4)",
        &[
            browser.id.into(),
            token.into(),
            browser.always_shared.into(),
            now.into(),
        ],
    )
}

/// The browser that carries the token of this digest.
pub fn find_by_token(tx: &mut Tx<'_>, token: TokenDigest) -> Result<Option<Browser>, StorageError> {
    tx.query_optional(
        "SELECT id, always_shared FROM browsers WHERE token_digest = $1",
        &[token.into()],
        |row| {
            Ok(Browser {
                id: row.get(0)?,
                always_shared: row.get(1)?,
            })
        },
    )
}

/// Marks a browser as always shared, or no longer.
pub fn set_always_shared(
    tx: &mut Tx<'_>,
    id: BrowserId,
    always_shared: bool,
) -> Result<(), StorageError> {
    tx.execute_one(
        "UPDATE browsers SET always_shared = $2 WHERE id = $1",
        &[id.into(), always_shared.into()],
    )
}

/// Whether this account has signed in from this browser before.
pub fn is_known(
    tx: &mut Tx<'_>,
    user_id: UserId,
    browser_id: BrowserId,
) -> Result<bool, StorageError> {
    tx.query_optional(
        "SELECT first_used_at FROM known_browsers WHERE user_id = $1 AND browser_id = $2",
        &[user_id.into(), browser_id.into()],
        |row| row.get::<Timestamp>(0),
    )
    .map(|found| found.is_some())
}

/// Records a sign-in of this account in this browser. No time moves back: a node
/// whose clock is behind must not make a browser look unused.
pub fn remember_use(
    tx: &mut Tx<'_>,
    user_id: UserId,
    browser_id: BrowserId,
    now: Timestamp,
) -> Result<(), StorageError> {
    tx.execute_one(
        "UPDATE browsers SET last_used_at = CASE WHEN last_used_at < $2 THEN $2 ELSE last_used_at END
         WHERE id = $1",
        &[browser_id.into(), now.into()],
    )?;
    tx.execute_one(
        "INSERT INTO known_browsers (user_id, browser_id, name, first_used_at, last_used_at)
         VALUES ($1, $2, NULL, $3, $3)
         ON CONFLICT (user_id, browser_id) DO UPDATE SET last_used_at =
             CASE WHEN known_browsers.last_used_at < excluded.last_used_at
                  THEN excluded.last_used_at ELSE known_browsers.last_used_at END",
        &[user_id.into(), browser_id.into(), now.into()],
    )
}

/// Forgets that this account has used this browser, as after "This wasn't me".
pub fn forget(tx: &mut Tx<'_>, user_id: UserId, browser_id: BrowserId) -> Result<(), StorageError> {
    tx.execute(
        "DELETE FROM known_browsers WHERE user_id = $1 AND browser_id = $2",
        &[user_id.into(), browser_id.into()],
    )
    .map(|_| ())
}

/// Gives a browser the account's own name for it; false if the account does not
/// know it.
pub fn set_name(
    tx: &mut Tx<'_>,
    user_id: UserId,
    browser_id: BrowserId,
    name: Option<&str>,
) -> Result<bool, StorageError> {
    Ok(tx.execute(
        "UPDATE known_browsers SET name = $3 WHERE user_id = $1 AND browser_id = $2",
        &[user_id.into(), browser_id.into(), name.into()],
    )? == 1)
}

/// Up to `limit` names that an account has given to browsers.
pub fn list_names(
    tx: &mut Tx<'_>,
    user_id: UserId,
    limit: i64,
) -> Result<Vec<(BrowserId, String)>, StorageError> {
    tx.query(
        "SELECT browser_id, name FROM known_browsers WHERE user_id = $1 AND name IS NOT NULL
         ORDER BY browser_id LIMIT $2",
        &[user_id.into(), limit.into()],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Deletes up to `limit` browsers unused since `before` that hold no session.
pub fn prune(tx: &mut Tx<'_>, before: Timestamp, limit: i64) -> Result<u64, StorageError> {
    let stale: Vec<BrowserId> = tx.query(
        "SELECT b.id FROM browsers b
         WHERE b.last_used_at < $1 AND NOT b.always_shared
           AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.browser_id = b.id AND s.ended_at IS NULL)
         LIMIT $2",
        &[before.into(), limit.into()],
        |row| row.get(0),
    )?;
    for browser in &stale {
        tx.execute(
            "DELETE FROM known_browsers WHERE browser_id = $1",
            &[(*browser).into()],
        )?;
        tx.execute("DELETE FROM browsers WHERE id = $1", &[(*browser).into()])?;
    }
    Ok(stale.len() as u64)
}
