//! The security check-up: gathers what `domain::check_up` judges.

use std::time::Duration;

use nightlatch_domain::Timestamp;
use nightlatch_domain::check_up::{self, Facts, Finding, OLD_SESSION};
use nightlatch_domain::event::EventKind;
use nightlatch_domain::session::Session;
use nightlatch_domain::user::User;
use nightlatch_storage::{StorageError, Tx, events, organizations, reviews};

use crate::Moment;
use crate::activity::Activity;
use crate::{factors, passkeys, remembered_browsers, sessions};

/// What to say about the account of the person in this session.
pub fn look(
    tx: &mut Tx<'_>,
    moment: &Moment,
    activity: &Activity,
    user: &User,
    session: &Session,
) -> Result<Vec<Finding>, StorageError> {
    let now = moment.now;
    let enrolled = factors::enrolled(tx, user.id)?;
    let keys = passkeys::manage::list(tx, user.id)?.len();
    let old = sessions::list_live(tx, user.id, activity, now)?
        .iter()
        .filter(|listed| listed.session.id != session.id)
        .filter(|listed| now.since(listed.session.life.last_active_at) >= OLD_SESSION)
        .count();
    let remembered = remembered_browsers::list(tx, user.id, now)?.len();
    let facts = Facts {
        authenticator_apps: number(enrolled.authenticator_apps.len()),
        passkeys: number(keys),
        recovery_codes: enrolled.recovery_codes_left,
        old_sessions: number(old),
        remembered_browsers: number(remembered),
        unseen_sign_ins: unseen(tx, user, session)?,
        review_due: is_review_due(tx, moment, user)?,
    };
    Ok(check_up::findings(&facts))
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Sign-ins in new browsers since the person last looked at the history; the one
/// that they are looking from is no news to them.
fn unseen(tx: &mut Tx<'_>, user: &User, session: &Session) -> Result<i64, StorageError> {
    let since = reviews::find(tx, user.id)?.unwrap_or(user.created_at);
    let kind = EventKind::SignedInFromNewBrowser;
    let all = events::count_of_user(tx, user.id, kind, since)?;
    let own = events::find_sign_in_of_session(tx, user.id, session.id)?
        .is_some_and(|event| event.kind == kind && event.at >= since);
    Ok(all - i64::from(own))
}

/// Whether the organization wants the person to look at their login history
/// again.
pub fn is_review_due(tx: &mut Tx<'_>, moment: &Moment, user: &User) -> Result<bool, StorageError> {
    let days = organizations::get(tx, user.organization_id)?
        .settings
        .review_days;
    let interval = Duration::from_hours(24 * u64::from(days));
    let reviewed_at = reviews::find(tx, user.id)?;
    Ok(check_up::review_due(
        reviewed_at,
        user.created_at,
        interval,
        moment.now,
    ))
}

/// The person has looked at their login history, as it stood at `until`. What came
/// later they cannot have seen: it stays news. A time to come counts as now, or
/// every later sign-in of a stranger would be looked at already.
pub fn review(
    tx: &mut Tx<'_>,
    moment: &Moment,
    user: &User,
    until: Timestamp,
) -> Result<(), StorageError> {
    reviews::record(tx, user.id, until.min(moment.now))
}
