//! The pull feed: an app that cannot be called, or that has several replicas, comes
//! for its logouts (RFC 8936; C6, C7).
//!
//! Every replica reads under a name of its own and has a position of its own. The app
//! has confirmed a notice once each reader that is about has it: one that did not ask
//! for [`READER_IS_ABOUT`] holds up nobody, and is still offered what it missed when
//! it comes back.

use std::time::Duration;

use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::{ClientId, EndingId, NoticeId};
use nightlatch_domain::notice::{Channel, GIVE_UP_AFTER, Notice, NoticeState};
use nightlatch_storage::feed::{self, Reader};
use nightlatch_storage::notices::{self, Report};
use nightlatch_storage::{StorageError, Tx};

use crate::Moment;
use crate::delivery::{supersede, tidy};

/// For how long after it asked a reader counts as one that must know.
pub const READER_IS_ABOUT: Duration = Duration::from_mins(10);

/// For how long a reader that does not ask is remembered.
pub const READER_RETENTION: Duration = GIVE_UP_AFTER;

/// The most readers that an app may have.
pub const MOST_READERS: usize = 200;

/// The most notices in one answer.
pub const MOST_EVENTS: usize = 100;

/// The most acknowledgements in one request.
pub const MOST_ACKNOWLEDGED: usize = 1000;

/// The longest name of a reader, in bytes.
pub const LONGEST_READER: usize = 100;

/// A refusal of a notice by a reader (RFC 8936 section 2.4.4).
#[derive(Debug, Clone)]
pub struct Refusal {
    /// Which.
    pub notice_id: NoticeId,
    /// Why, in the reader's words.
    pub words: String,
}

/// What a reader says and asks.
#[derive(Debug, Clone)]
pub struct Poll {
    /// Which app; it has proved itself.
    pub client_id: ClientId,
    /// Which of its replicas.
    pub reader: String,
    /// What it has.
    pub acknowledged: Vec<NoticeId>,
    /// What it refuses.
    pub refused: Vec<Refusal>,
    /// How many notices it takes at most; none if it only acknowledges.
    pub most: usize,
}

/// What came of it.
#[derive(Debug)]
pub enum PollOutcome {
    /// The app has too many readers already.
    TooManyReaders,
    /// What the reader is to learn.
    Answer(Page),
}

/// What a reader is to learn.
#[derive(Debug, Default)]
pub struct Page {
    /// Oldest first.
    pub notices: Vec<Notice>,
    /// Whether there is more.
    pub more: bool,
    /// Endings of which the app has just confirmed or refused a notice; for whoever
    /// shows them.
    pub changed: Vec<EndingId>,
}

/// Records what a reader has, and returns what it has not.
pub fn poll(tx: &mut Tx<'_>, moment: &Moment, poll: &Poll) -> Result<PollOutcome, StorageError> {
    let now = moment.now;
    let client = poll.client_id;
    if feed::find_reader(tx, client, &poll.reader)?.is_none()
        && feed::list_readers(tx, client, count(MOST_READERS))?.len() >= MOST_READERS
    {
        return Ok(PollOutcome::TooManyReaders);
    }
    feed::record_reader(tx, client, &poll.reader, now)?;
    let mut page = Page::default();
    for id in poll.acknowledged.iter().take(MOST_ACKNOWLEDGED) {
        if find_own(tx, client, *id)?.is_some() {
            feed::acknowledge(tx, *id, &poll.reader, now)?;
        }
    }
    for refusal in poll.refused.iter().take(MOST_ACKNOWLEDGED) {
        refuse(tx, moment, poll, refusal, &mut page)?;
    }
    confirm_known_to_all(tx, moment, poll, &mut page)?;
    let Some(reader) = feed::find_reader(tx, client, &poll.reader)? else {
        return Ok(PollOutcome::Answer(page));
    };
    let most = poll.most.min(MOST_EVENTS);
    if most == 0 {
        return Ok(PollOutcome::Answer(page));
    }
    let since = oldest_offered(now);
    // One more than fits, to know whether there is more.
    for notice in feed::list_for_reader(tx, client, &reader, since, count(most + 1))? {
        if notice.finished_at.is_none() && supersede(tx, moment, &notice)? {
            page.changed.push(notice.ending_id);
        } else if page.notices.len() == most {
            page.more = true;
        } else {
            page.notices.push(notice);
        }
    }
    Ok(PollOutcome::Answer(page))
}

/// Whether a reader has anything to learn: what a long poll asks now and then.
pub fn has_news(
    tx: &mut Tx<'_>,
    now: Timestamp,
    client_id: ClientId,
    reader: &str,
) -> Result<bool, StorageError> {
    let Some(reader) = feed::find_reader(tx, client_id, reader)? else {
        return Ok(false);
    };
    let found = feed::list_for_reader(tx, client_id, &reader, oldest_offered(now), 1)?;
    Ok(!found.is_empty())
}

/// Before every notice that is still offered. Ids sort by time.
fn oldest_offered(now: Timestamp) -> NoticeId {
    let milliseconds = now.minus(GIVE_UP_AFTER).milliseconds().unsigned_abs();
    let mut bytes = [0; 16];
    for (byte, part) in bytes
        .iter_mut()
        .zip(milliseconds.to_be_bytes().iter().skip(2))
    {
        *byte = *part;
    }
    NoticeId::from_bytes(bytes)
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A notice that this app may speak about: nobody confirms another's (RFC 8936
/// section 4).
fn find_own(
    tx: &mut Tx<'_>,
    client_id: ClientId,
    id: NoticeId,
) -> Result<Option<Notice>, StorageError> {
    let found = notices::find(tx, id)?;
    Ok(found.filter(|notice| notice.client_id == client_id && notice.channel == Channel::Pull))
}

fn refuse(
    tx: &mut Tx<'_>,
    moment: &Moment,
    poll: &Poll,
    refusal: &Refusal,
    page: &mut Page,
) -> Result<(), StorageError> {
    let Some(notice) = find_own(tx, poll.client_id, refusal.notice_id)? else {
        return Ok(());
    };
    feed::acknowledge(tx, notice.id, &poll.reader, moment.now)?;
    let words = tidy(&refusal.words);
    let report = Report {
        status: None,
        error: Some(&words),
    };
    let state = NoticeState::Failed;
    if notices::finish(tx, notice.id, notice.next_at, state, moment.now, report)? {
        page.changed.push(notice.ending_id);
    }
    Ok(())
}

/// Confirms what this reader has and every other that is about.
fn confirm_known_to_all(
    tx: &mut Tx<'_>,
    moment: &Moment,
    poll: &Poll,
    page: &mut Page,
) -> Result<(), StorageError> {
    let client = poll.client_id;
    let half = feed::list_half_acknowledged(tx, client, &poll.reader, count(MOST_ACKNOWLEDGED))?;
    if half.is_empty() {
        return Ok(());
    }
    let about_since = moment.now.minus(READER_IS_ABOUT);
    let mut others = feed::list_readers(tx, client, count(MOST_READERS))?;
    others.retain(|reader: &Reader| reader.name != poll.reader && reader.last_at >= about_since);
    for id in half {
        let mut known_to_all = true;
        for reader in &others {
            known_to_all = known_to_all && feed::has_acknowledged(tx, id, &reader.name)?;
        }
        if known_to_all && notices::confirm(tx, id, moment.now, None)? {
            page.changed
                .extend(notices::find(tx, id)?.map(|notice| notice.ending_id));
        }
    }
    Ok(())
}
