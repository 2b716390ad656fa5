//! Sealing anew what older keys have sealed (OPS-03).
//!
//! One call is one batch and one transaction. Stopping in between loses nothing:
//! older keys go on opening what they have sealed, and what is done is recognized.

use nightlatch_domain::ids::AuthenticatorAppId;
use nightlatch_storage::{StorageError, Tx, authenticator_apps};
use serde::{Deserialize, Serialize};

use super::authenticator_app::place;
use crate::Moment;
use crate::sealing::Sealer;

/// How many rows one call looks at.
pub const BATCH: i64 = 200;

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resealed {
    /// Where to go on; `None` when everything was looked at.
    pub next: Option<AuthenticatorAppId>,
    /// Values looked at.
    pub seen: u64,
    /// Values sealed anew.
    pub changed: u64,
    /// Values that no key of this server opens. They were left as they are.
    pub unreadable: u64,
}

/// Seals the next batch anew with the current key.
pub fn reseal_next(
    tx: &mut Tx<'_>,
    moment: &Moment,
    sealer: &Sealer,
    after: Option<AuthenticatorAppId>,
) -> Result<Resealed, StorageError> {
    let rows = authenticator_apps::list_after(tx, after, BATCH)?;
    let mut done = Resealed {
        next: rows.last().map(|app| app.id),
        seen: rows.len() as u64,
        changed: 0,
        unreadable: 0,
    };
    for app in rows {
        if sealer.is_current(&app.sealed_seed) {
            continue;
        }
        let (row, owner) = (app.id.to_bytes(), app.user_id.to_bytes());
        let place = place(&row, &owner);
        let seed = match sealer.open(&place, &app.sealed_seed) {
            Ok(seed) => seed,
            Err(error) => {
                tracing::error!(app = %app.id, %error, "a seed could not be sealed anew");
                done.unreadable += 1;
                continue;
            }
        };
        let anew = sealer.seal(&place, moment.random.as_ref(), &seed)?;
        if authenticator_apps::replace_seed(tx, app.id, &app.sealed_seed, &anew)? {
            done.changed += 1;
        }
    }
    Ok(done)
}
