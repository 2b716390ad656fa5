//! What became of telling the apps, for those whose sessions ended.
//!
//! Reads the notices of an ending; nothing here changes one. Of an ending that
//! concerns several people, everybody sees what concerns their own sessions.

use std::time::Duration;

use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::{ClientId, EndingId, UserId};
use nightlatch_domain::notice::{Channel, Notice, NoticeState};
use nightlatch_domain::relying_party::RegisteredUri;
use nightlatch_domain::secret::{Token, TokenDigest};
use nightlatch_storage::endings::{Ending, Receipt};
use nightlatch_storage::{StorageError, Tx, endings, entries, events, notices};

use crate::Moment;
use crate::own_endings::RECEIPT_LIFE;
use crate::sessions::find_receipt;

/// How many notices one receipt looks at. Beyond it apps are missing from the page,
/// and no notice is missing from the delivery.
pub const MOST_NOTICES: i64 = 1_000;

/// How many sessions of one person in an ending of many people are looked at.
const MOST_SESSIONS: i64 = 200;

/// What became of telling one app: it may have to be told of several sessions, and
/// at several addresses.
#[derive(Debug, Clone)]
pub struct AppOutcome {
    /// The notice that is furthest from being confirmed.
    pub notice: Notice,
    /// How many notices there are.
    pub notices: usize,
    /// How many of them are confirmed.
    pub confirmed: usize,
}

impl AppOutcome {
    /// Whether it may still change.
    pub fn is_open(&self) -> bool {
        self.notice.state == NoticeState::Waiting
    }
}

/// A receipt and what it opens.
#[derive(Debug)]
pub struct OpenedReceipt {
    /// The receipt.
    pub receipt: Receipt,
    /// The ending that it is about.
    pub ending: Ending,
    /// The apps, by name.
    pub apps: Vec<AppOutcome>,
}

impl OpenedReceipt {
    /// Whether an app that we call has not said anything yet. One that asks us
    /// itself may do so in a minute; nobody waits for that.
    pub fn awaits_first_answer(&self) -> bool {
        self.apps.iter().any(|app| {
            let notice = &app.notice;
            app.is_open()
                && notice.channel == Channel::BackChannel
                && notice.last_status.is_none()
                && notice.last_error.is_none()
        })
    }

    /// Whether anything may still change.
    pub fn is_open(&self) -> bool {
        !self.ending.expanded || self.apps.iter().any(AppOutcome::is_open)
    }
}

/// What the receipt of this token opens, while it is good.
pub fn open(
    tx: &mut Tx<'_>,
    token: TokenDigest,
    now: Timestamp,
) -> Result<Option<OpenedReceipt>, StorageError> {
    let Some((receipt, ending)) = find_receipt(tx, token, now)? else {
        return Ok(None);
    };
    let found = match (ending.user_id, receipt.session_id) {
        (Some(user), _) => notices::list_of_user_in_ending(tx, ending.id, user, MOST_NOTICES)?,
        (None, Some(session)) => {
            notices::list_of_session_in_ending(tx, ending.id, session, MOST_NOTICES)?
        }
        (None, None) => Vec::new(),
    };
    Ok(Some(OpenedReceipt {
        apps: by_app(found),
        receipt,
        ending,
    }))
}

/// For how long after it was issued a receipt can be taken over.
const TAKEN_WITHIN: Duration = Duration::from_mins(1);

/// Takes a receipt over from an address into a cookie: it is opened by a new token from
/// now on, and the one that stood in the address opens nothing. Says whether it is that
/// of a shared computer.
pub fn take(
    tx: &mut Tx<'_>,
    moment: &Moment,
    token: &Token,
) -> Result<Option<(Token, bool)>, StorageError> {
    let fresh = Token::generate(moment.random.as_ref());
    // Issued within the last minute, by the end that it was given.
    let good_until = moment.now.plus(RECEIPT_LIFE).minus(TAKEN_WITHIN);
    let taken = endings::replace_receipt_token(tx, token.digest(), fresh.digest(), good_until)?;
    if !taken {
        return Ok(None);
    }
    let receipt = endings::find_receipt(tx, fresh.digest(), moment.now)?;
    Ok(receipt.map(|receipt| (fresh, receipt.shared)))
}

/// The pages of apps that are to be loaded in frames for a session that just ended
/// (FCL-01).
pub fn front_channel(
    tx: &mut Tx<'_>,
    opened: &OpenedReceipt,
) -> Result<Vec<RegisteredUri>, StorageError> {
    let Some(session) = opened.receipt.session_id else {
        return Ok(Vec::new());
    };
    let left = entries::list_apps_left_at(tx, session, opened.ending.at)?;
    Ok(left
        .into_iter()
        .filter_map(|app| app.registration.frontchannel_logout_uri)
        .collect())
}

/// An ending with what became of telling the apps.
#[derive(Debug)]
pub struct EndingDetails {
    /// The ending.
    pub ending: Ending,
    /// How many sessions of this person it ended.
    pub sessions: i64,
    /// The apps, by name.
    pub apps: Vec<AppOutcome>,
}

/// An ending that concerned sessions of this user; nothing if it concerned none.
pub fn of_ending(
    tx: &mut Tx<'_>,
    user: UserId,
    id: EndingId,
) -> Result<Option<EndingDetails>, StorageError> {
    let Some(ending) = endings::find(tx, id)? else {
        return Ok(None);
    };
    if ending.user_id == Some(user) {
        let found = notices::list_of_user_in_ending(tx, id, user, MOST_NOTICES)?;
        return Ok(Some(EndingDetails {
            sessions: ending.sessions_ended,
            apps: by_app(found),
            ending,
        }));
    }
    // One of many people: nobody learns anything of the others.
    let sessions = events::list_sessions_of_ending(tx, user, id, MOST_SESSIONS)?;
    if sessions.is_empty() {
        return Ok(None);
    }
    let mut found = Vec::new();
    for session in &sessions {
        let own = notices::list_of_session_in_ending(tx, id, *session, MOST_NOTICES)?;
        found.extend(own.into_iter().filter(|notice| notice.user_id == user));
    }
    Ok(Some(EndingDetails {
        sessions: i64::try_from(sessions.len()).unwrap_or(i64::MAX),
        apps: by_app(found),
        ending,
    }))
}

/// How far a state is from what the person wants; an app is as far as its worst.
const fn distance(state: NoticeState) -> u8 {
    match state {
        NoticeState::Ended => 0,
        NoticeState::Confirmed => 1,
        NoticeState::Superseded => 2,
        NoticeState::CannotBeTold => 3,
        NoticeState::GaveUp => 4,
        NoticeState::Failed => 5,
        NoticeState::Waiting => 6,
    }
}

fn by_app(found: Vec<Notice>) -> Vec<AppOutcome> {
    let mut apps: Vec<(ClientId, AppOutcome)> = Vec::new();
    for notice in found {
        let confirmed = usize::from(notice.state == NoticeState::Confirmed);
        match apps.iter_mut().find(|(id, _)| *id == notice.client_id) {
            Some((_, app)) => {
                app.notices += 1;
                app.confirmed += confirmed;
                let (new, old) = (&notice, &app.notice);
                // Of several confirmed ones, the latest says when it was done.
                let further =
                    (distance(new.state), new.finished_at) > (distance(old.state), old.finished_at);
                if further {
                    app.notice = notice;
                }
            }
            None => apps.push((
                notice.client_id,
                AppOutcome {
                    notice,
                    notices: 1,
                    confirmed,
                },
            )),
        }
    }
    let mut apps: Vec<_> = apps.into_iter().map(|(_, app)| app).collect();
    apps.sort_by_cached_key(|app| app.notice.envelope.app.to_lowercase());
    apps
}
