//! Browsers that stand in for a person's second factor.
//!
//! Whether one still does is decided by `domain::next_step::RememberedLife` and by
//! what the person has set up now; a row alone decides nothing. The token is the
//! browser's: on a browser that several people use, their rows share it.

use std::sync::LazyLock;

use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::{BrowserId, RememberedFactorId, UserId};
use nightlatch_domain::next_step::RememberedLife;
use nightlatch_domain::secret::TokenDigest;
use nightlatch_domain::session::Epochs;

use crate::{Row, StorageError, Tx, Value, many};

/// A browser that stands in for a person's second factor.
#[derive(Debug, Clone)]
pub struct RememberedFactor {
    /// Its public name; authenticates nothing.
    pub id: RememberedFactorId,
    /// Whose factor.
    pub user_id: UserId,
    /// Which browser.
    pub browser_id: BrowserId,
    /// What decides whether it holds.
    pub life: RememberedLife,
    /// A digest of what the person had set up then.
    pub factors: TokenDigest,
    /// What the browser called itself.
    pub user_agent: String,
    /// When it last stood in.
    pub last_used_at: Timestamp,
}

fn read(row: &Row<'_>) -> Result<RememberedFactor, StorageError> {
    Ok(RememberedFactor {
        id: row.get(0)?,
        user_id: row.get(1)?,
        browser_id: row.get(2)?,
        life: RememberedLife {
            epochs: Epochs {
                user: row.get(3)?,
                organization: row.get(4)?,
                deployment: row.get(5)?,
            },
            password_set_at: row.get(6)?,
            created_at: row.get(9)?,
            expires_at: row.get(10)?,
        },
        factors: row.get(7)?,
        user_agent: row.get(8)?,
        last_used_at: row.get(11)?,
    })
}

/// Remembers a browser for a person, in place of what was remembered of the two.
pub fn put(
    tx: &mut Tx<'_>,
    remembered: &RememberedFactor,
    token: TokenDigest,
) -> Result<(), StorageError> {
    let life = &remembered.life;
    tx.execute_one(
        "INSERT INTO remembered_factors (id, token_digest, user_id, browser_id, user_epoch,
                                         organization_epoch, deployment_epoch, password_set_at,
                                         factors, user_agent, created_at, expires_at, last_used_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         ON CONFLICT (user_id, browser_id) DO UPDATE SET
             id = excluded.id, token_digest = excluded.token_digest,
             user_epoch = excluded.user_epoch, organization_epoch = excluded.organization_epoch,
             deployment_epoch = excluded.deployment_epoch,
             password_set_at = excluded.password_set_at, factors = excluded.factors,
             user_agent = excluded.user_agent, created_at = excluded.created_at,
             expires_at = excluded.expires_at, last_used_at = excluded.last_used_at",
        &[
            remembered.id.into(),
            token.into(),
            remembered.user_id.into(),
            remembered.browser_id.into(),
            life.epochs.user.into(),
            life.epochs.organization.into(),
            life.epochs.deployment.into(),
            life.password_set_at.into(),
            remembered.factors.into(),
            (&remembered.user_agent).into(),
            life.created_at.into(),
            life.expires_at.into(),
            remembered.last_used_at.into(),
        ],
    )
}

/// What is remembered of a person in the browser that carries this token.
pub fn find(
    tx: &mut Tx<'_>,
    user_id: UserId,
    browser_id: BrowserId,
    token: TokenDigest,
) -> Result<Option<RememberedFactor>, StorageError> {
    tx.query_optional(
        "SELECT id, user_id, browser_id, user_epoch, organization_epoch, deployment_epoch,
                password_set_at, factors, user_agent, created_at, expires_at, last_used_at
         FROM remembered_factors
         WHERE user_id = $1 AND browser_id = $2 AND token_digest = $3",
        &[user_id.into(), browser_id.into(), token.into()],
        read,
    )
}

/// Gives a browser a new token, for everybody who is remembered there: the old one
/// is worth nothing from this commit on (SES-13).
pub fn rotate(
    tx: &mut Tx<'_>,
    browser_id: BrowserId,
    old: TokenDigest,
    new: TokenDigest,
) -> Result<u64, StorageError> {
    tx.execute(
        "UPDATE remembered_factors SET token_digest = $3
         WHERE token_digest = $2 AND browser_id = $1",
        &[browser_id.into(), old.into(), new.into()],
    )
}

/// Records that one stood in.
pub fn record_use(
    tx: &mut Tx<'_>,
    id: RememberedFactorId,
    now: Timestamp,
) -> Result<(), StorageError> {
    tx.execute_one(
        "UPDATE remembered_factors SET last_used_at = $2 WHERE id = $1",
        &[id.into(), now.into()],
    )
}

/// Up to `limit` of a user, the most recently used first.
pub fn list_of_user(
    tx: &mut Tx<'_>,
    user_id: UserId,
    limit: i64,
) -> Result<Vec<RememberedFactor>, StorageError> {
    tx.query(
        "SELECT id, user_id, browser_id, user_epoch, organization_epoch, deployment_epoch,
                password_set_at, factors, user_agent, created_at, expires_at, last_used_at
         FROM remembered_factors WHERE user_id = $1 ORDER BY last_used_at DESC, id DESC LIMIT $2",
        &[user_id.into(), limit.into()],
        read,
    )
}

/// Forgets one of a user; false if the user has none of this id.
pub fn delete(
    tx: &mut Tx<'_>,
    user_id: UserId,
    id: RememberedFactorId,
) -> Result<bool, StorageError> {
    Ok(tx.execute(
        "DELETE FROM remembered_factors WHERE id = $2 AND user_id = $1",
        &[user_id.into(), id.into()],
    )? == 1)
}

/// Forgets what is remembered of a user in one browser.
pub fn delete_of_browser(
    tx: &mut Tx<'_>,
    user_id: UserId,
    browser_id: BrowserId,
) -> Result<u64, StorageError> {
    tx.execute(
        "DELETE FROM remembered_factors WHERE user_id = $1 AND browser_id = $2",
        &[user_id.into(), browser_id.into()],
    )
}

/// In which browsers these users are remembered.
pub fn list_browsers_of_users(
    tx: &mut Tx<'_>,
    ids: &[UserId],
) -> Result<Vec<(UserId, BrowserId)>, StorageError> {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT user_id, browser_id FROM remembered_factors WHERE user_id IN ({})",
            many::keys(1)
        )
    });
    let mut found = Vec::new();
    for ids in ids.chunks(many::KEYS) {
        let values: Vec<Value<'_>> = many::padded(ids).map(Value::from).collect();
        found.extend(tx.query(&SQL, &values, |row| Ok((row.get(0)?, row.get(1)?)))?);
    }
    Ok(found)
}

/// Forgets all of a user.
pub fn delete_of_user(tx: &mut Tx<'_>, user_id: UserId) -> Result<u64, StorageError> {
    tx.execute(
        "DELETE FROM remembered_factors WHERE user_id = $1",
        &[user_id.into()],
    )
}

/// Deletes up to `limit` that expired before `before`.
pub fn prune(tx: &mut Tx<'_>, before: Timestamp, limit: i64) -> Result<u64, StorageError> {
    tx.execute(
        "DELETE FROM remembered_factors
         WHERE id IN (SELECT id FROM remembered_factors WHERE expires_at < $1 LIMIT $2)",
        &[before.into(), limit.into()],
    )
}
