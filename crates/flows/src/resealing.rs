//! Sealing anew what older keys have sealed (OPS-03).
//!
//! One call is one batch and one transaction. Stopping in between loses nothing:
//! older keys go on opening what they have sealed, and what is done is recognized.

use nightlatch_domain::ids::AuthenticatorAppId;
use nightlatch_storage::{StorageError, Tx, authenticator_apps, signing_keys};
use serde::{Deserialize, Serialize};

use crate::Moment;
use crate::factors::authenticator_app::place;
use crate::sealing::{Place, Sealer};

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

/// Where the sealed half of a key that signs tokens stands.
pub fn signing_key_place(id: &[u8; 16]) -> Place<'_> {
    Place {
        purpose: "private key that signs tokens",
        table: "signing_keys",
        row: id,
        owner: b"",
    }
}

/// Seals the next batch anew with the current key: the seeds of authenticator apps,
/// and with the last, empty batch the keys that sign tokens, which are few.
pub fn reseal_next(
    tx: &mut Tx<'_>,
    moment: &Moment,
    sealer: &Sealer,
    after: Option<AuthenticatorAppId>,
) -> Result<Resealed, StorageError> {
    let rows = authenticator_apps::list_after(tx, after, BATCH)?;
    if rows.is_empty() {
        return reseal_signing_keys(tx, moment, sealer);
    }
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

fn reseal_signing_keys(
    tx: &mut Tx<'_>,
    moment: &Moment,
    sealer: &Sealer,
) -> Result<Resealed, StorageError> {
    let mut done = Resealed {
        next: None,
        seen: 0,
        changed: 0,
        unreadable: 0,
    };
    for key in signing_keys::list(tx)? {
        // Those that sign no longer have no private half.
        let Some(sealed) = key.sealed_private else {
            continue;
        };
        done.seen += 1;
        if sealer.is_current(&sealed) {
            continue;
        }
        let row = key.id.to_bytes();
        let place = signing_key_place(&row);
        let private = match sealer.open(&place, &sealed) {
            Ok(private) => private,
            Err(error) => {
                tracing::error!(key = %key.id, %error, "a signing key could not be sealed anew");
                done.unreadable += 1;
                continue;
            }
        };
        let anew = sealer.seal(&place, moment.random.as_ref(), &private)?;
        if signing_keys::reseal(tx, key.id, &sealed, &anew)? {
            done.changed += 1;
        }
    }
    Ok(done)
}
