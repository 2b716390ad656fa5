//! How it stands with telling each app, and telling its administrators when it fails
//! (DLV-04).
//!
//! What attempts came to is handed over in batches, so that an app which is told very
//! much costs one small write now and then. The rule is `domain::notice::Health`'s; here
//! it is fed, and becomes a mail to each administrator of the app's organization, in the
//! same transaction: no two nodes tell of the same.

use std::time::Duration;

use nightlatch_domain::Timestamp;
use nightlatch_domain::alert::AlertKind;
use nightlatch_domain::ids::ClientId;
use nightlatch_domain::notice::{Channel, GIVE_UP_AFTER, Happened, Health, Lane, News};
use nightlatch_domain::relying_party::RelyingParty;
use nightlatch_storage::{StorageError, Tx, app_health, notices, relying_parties, users};

use crate::Moment;
use crate::alerts::{Alert, raise};
use crate::delivery::{first_client, tidy};

/// Administrators that hear of an app at most.
const MOST_ADMINISTRATORS: i64 = 50;

/// Up to how many notices of an app are counted.
pub const MOST_COUNTED: i64 = 10_000;

/// What came of one attempt to tell an app.
#[derive(Debug, Clone)]
pub struct Noted {
    /// Which app.
    pub client_id: ClientId,
    /// When.
    pub at: Timestamp,
    /// What.
    pub happened: Happened,
}

/// How it stands with an app after a batch was written down.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The app.
    pub client_id: ClientId,
    /// What people call it.
    pub app: String,
    /// Whether it fails repeatedly.
    pub is_failing: bool,
    /// What administrators were just told.
    pub news: Option<News>,
}

/// Writes down what came of attempts, in the order in which they are given.
pub fn write_down(
    tx: &mut Tx<'_>,
    moment: &Moment,
    noted: &[Noted],
) -> Result<Vec<Standing>, StorageError> {
    let mut clients: Vec<ClientId> = noted.iter().map(|noted| noted.client_id).collect();
    clients.sort_unstable();
    clients.dedup();
    let mut standings = Vec::new();
    for client in clients {
        let own = noted.iter().filter(|noted| noted.client_id == client);
        standings.extend(update(tx, moment, client, own)?);
    }
    Ok(standings)
}

/// Looks whether an app has not learned of a logout for so long that it counts as
/// failing although nothing was tried: it should come for it, or asked to be left alone.
pub fn look_for_overdue(
    tx: &mut Tx<'_>,
    moment: &Moment,
    client_id: ClientId,
) -> Result<Option<Standing>, StorageError> {
    update(tx, moment, client_id, std::iter::empty())
}

/// The next app that has something to learn, in the order of ids; in any way.
pub fn next_waiting(
    tx: &mut Tx<'_>,
    after: Option<ClientId>,
) -> Result<Option<ClientId>, StorageError> {
    let after = after.unwrap_or_else(first_client);
    let mut next: Option<ClientId> = None;
    for channel in [Channel::BackChannel, Channel::Pull] {
        for lane in [Lane::Interactive, Lane::Mass] {
            let found = notices::find_waiting_client_after(tx, channel, lane, after)?;
            next = next.into_iter().chain(found).min();
        }
    }
    Ok(next)
}

fn update<'a>(
    tx: &mut Tx<'_>,
    moment: &Moment,
    client_id: ClientId,
    noted: impl Iterator<Item = &'a Noted>,
) -> Result<Option<Standing>, StorageError> {
    let Some(app) = relying_parties::find(tx, client_id)? else {
        return Ok(None);
    };
    let before = app_health::find(tx, client_id)?.unwrap_or_default();
    let mut health = before.clone();
    for noted in noted {
        health.note(&tidied(&noted.happened), noted.at);
    }
    let waiting = told_since(tx, client_id)?;
    let news = health.news(waiting, moment.now);
    if let Some(news) = news {
        tell_administrators(tx, moment, &app, &health, news)?;
    }
    if health != before {
        app_health::put(tx, client_id, &health)?;
    }
    Ok(Some(Standing {
        client_id,
        is_failing: health.is_failing(waiting, moment.now),
        app: app.name,
        news,
    }))
}

/// With words of one line and of bounded length, since they go into mails.
fn tidied(happened: &Happened) -> Happened {
    match happened {
        Happened::Confirmed { after } => Happened::Confirmed { after: *after },
        Happened::Failed(words) => Happened::Failed(tidy(words)),
        Happened::Lost(words) => Happened::Lost(tidy(words)),
    }
}

/// Since when the oldest logout is being told that the app does not know yet. One that
/// is sent again counts from then.
fn told_since(tx: &mut Tx<'_>, client_id: ClientId) -> Result<Option<Timestamp>, StorageError> {
    let oldest = notices::list_waiting_of_client(tx, client_id, 1)?;
    Ok(oldest
        .first()
        .map(|notice| notice.give_up_at.minus(GIVE_UP_AFTER)))
}

fn tell_administrators(
    tx: &mut Tx<'_>,
    moment: &Moment,
    app: &RelyingParty,
    health: &Health,
    news: News,
) -> Result<(), StorageError> {
    let kind = match news {
        News::Fails => AlertKind::AppNotTold,
        News::Mended => AlertKind::AppToldAgain,
    };
    let why = match (news, &health.last_error) {
        (News::Mended, _) => None,
        (News::Fails, None) => Some("nothing was confirmed for an hour"),
        (News::Fails, Some(words)) => Some(words.as_str()),
    };
    let detail = match why {
        Some(why) => format!("{} ({why})", app.name),
        None => app.name.clone(),
    };
    for user in users::list_administrators(tx, app.organization_id, MOST_ADMINISTRATORS)? {
        let alert = Alert {
            kind,
            user: &user,
            session: None,
            client: None,
            detail: Some(detail.clone()),
        };
        raise(tx, moment, &alert)?;
    }
    Ok(())
}

/// How it stands with telling an app, as operators see it.
#[derive(Debug, Clone)]
pub struct Overview {
    /// The record of the app.
    pub health: Health,
    /// Whether it fails repeatedly.
    pub is_failing: bool,
    /// Logouts that it does not know yet, counted up to [`MOST_COUNTED`].
    pub waiting: i64,
    /// Logouts that it refused or that were given up, as they are kept, counted up to
    /// [`MOST_COUNTED`].
    pub undelivered: i64,
}

/// How it stands with telling an app.
pub fn overview(
    tx: &mut Tx<'_>,
    now: Timestamp,
    client_id: ClientId,
) -> Result<Overview, StorageError> {
    let health = app_health::find(tx, client_id)?.unwrap_or_default();
    let oldest = told_since(tx, client_id)?;
    Ok(Overview {
        is_failing: health.is_failing(oldest, now),
        waiting: notices::count_waiting_of_client(tx, client_id, MOST_COUNTED)?,
        undelivered: notices::count_undelivered_of_client(tx, client_id, MOST_COUNTED)?,
        health,
    })
}

/// For how long the app did not know of a logout that it confirms now.
pub(crate) fn waited(give_up_at: Timestamp, now: Timestamp) -> Duration {
    now.since(give_up_at.minus(GIVE_UP_AFTER))
}
