//! What is deleted when its time is over, in small batches (E14, PRV-01).

use std::time::Duration;

use nightlatch_domain::Timestamp;
use nightlatch_storage::{
    StorageError, Tx, authenticator_apps, authorization_codes, authorization_requests, browsers,
    email_changes, endings, entries, feed, grants, host_sessions, mail_links, mails, notices,
    passkeys, pending_sign_ins, phone_sign_ins, remembered_factors, sessions, throttles,
    used_assertions,
};

use crate::audit;
use crate::factors::authenticator_app::SET_UP_LIFE;
use crate::feed::READER_RETENTION;
use crate::protected;

/// How long ended sessions and the history are kept: twelve months (PRV-01).
pub const RETENTION: Duration = Duration::from_hours(365 * 24);

/// How long a browser that nobody signs in from stays known.
pub const BROWSER_RETENTION: Duration = Duration::from_hours(400 * 24);

/// How long a counter of failures is kept after the last one, unless it says that
/// a password is off: that stays as long as the password.
pub const THROTTLE_RETENTION: Duration = Duration::from_hours(90 * 24);

/// How long mails are kept after they were sent or given up, and links in them
/// after they stopped working.
pub const MAIL_RETENTION: Duration = Duration::from_hours(30 * 24);

/// How long what an app was granted is kept after it was over, so that it can still
/// be said what became of it.
pub const GRANT_RETENTION: Duration = Duration::from_hours(30 * 24);

/// Deletes up to `batch` rows of each kind; returns how many went. Call again
/// until nothing goes.
pub fn prune(tx: &mut Tx<'_>, now: Timestamp, batch: i64) -> Result<u64, StorageError> {
    let mut gone = sessions::prune(tx, now.minus(RETENTION), batch)?;
    gone += endings::prune_receipts(tx, now, batch)?;
    gone += endings::prune(tx, now.minus(RETENTION), batch)?;
    gone += audit::prune(tx, now.minus(RETENTION), batch)?;
    gone += notices::prune(tx, now.minus(RETENTION), batch)?;
    gone += host_sessions::prune(tx, now, protected::KEPT_AFTER, batch)?;
    gone += entries::prune(tx, now.minus(RETENTION), batch)?;
    gone += feed::prune_readers(tx, now.minus(READER_RETENTION), batch)?;
    gone += throttles::prune(tx, now.minus(THROTTLE_RETENTION), batch)?;
    gone += pending_sign_ins::prune(tx, now, batch)?;
    gone += authorization_codes::prune(tx, now, batch)?;
    gone += authorization_requests::prune(tx, now, batch)?;
    gone += phone_sign_ins::prune(tx, now, batch)?;
    gone += remembered_factors::prune(tx, now, batch)?;
    gone += authenticator_apps::prune(tx, now.minus(SET_UP_LIFE), batch)?;
    gone += passkeys::prune_ceremonies(tx, now, batch)?;
    gone += mails::prune(tx, now.minus(MAIL_RETENTION), batch)?;
    gone += email_changes::prune(tx, now.minus(MAIL_RETENTION), batch)?;
    gone += mail_links::prune(tx, now.minus(MAIL_RETENTION), batch)?;
    gone += grants::prune(tx, now.minus(GRANT_RETENTION), batch)?;
    gone += used_assertions::prune(tx, now, batch)?;
    gone += browsers::prune(tx, now.minus(BROWSER_RETENTION), batch)?;
    Ok(gone)
}
