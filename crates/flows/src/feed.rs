//! The pull feed: an app that cannot be called, or that has several replicas, comes
//! for its logouts (RFC 8936; C6, C7).
//!
//! Every replica reads under a name of its own and has a position of its own. The app
//! has confirmed a notice once each reader that is about has it: one that did not ask
//! for [`READER_IS_ABOUT`] holds up nobody, and is still offered what it missed when
//! it comes back.
//!
//! A poll looks at what is open behind the reader's position, and, until that reader has
//! it, at what was confirmed while it was away: never at all that the app was told.

use std::time::Duration;

use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::{ClientId, EndingId, NoticeId};
use nightlatch_domain::notice::{Channel, GIVE_UP_AFTER, Happened, Notice, NoticeState};
use nightlatch_storage::feed::{self, Missed, Reader};
use nightlatch_storage::notices::{self, Report};
use nightlatch_storage::{StorageError, Tx};

use crate::Moment;
use crate::app_health::{self, Noted, waited};
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

/// A reader that did not ask for so long may have missed something. Shorter than
/// [`READER_IS_ABOUT`], since the clocks of several nodes differ.
const MAY_HAVE_MISSED: Duration = Duration::from_mins(5);

/// Notices become visible in the order of their ids but for so much: transactions take
/// their time, and clocks of several nodes differ.
const SETTLED: Duration = Duration::from_mins(10);

/// The oldest open notices that are looked at for whether every reader has them by now.
const LOOKED_AT: i64 = 200;

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
    /// Whether a mail was written.
    pub has_mail: bool,
}

/// Records what a reader has, and returns what it has not.
pub fn poll(tx: &mut Tx<'_>, moment: &Moment, poll: &Poll) -> Result<PollOutcome, StorageError> {
    let Some(mut reader) = greet(tx, moment.now, poll)? else {
        return Ok(PollOutcome::TooManyReaders);
    };
    // Before anything is judged: it counts as one that is about.
    feed::put_reader(tx, poll.client_id, &reader)?;
    let mut page = Page::default();
    let mut noted = Vec::new();
    let just_acknowledged = acknowledge(tx, moment, poll)?;
    for refusal in poll.refused.iter().take(MOST_ACKNOWLEDGED) {
        noted.extend(refuse(tx, moment, poll, refusal, &mut page)?);
    }
    noted.extend(confirm_known_to_all(
        tx,
        moment,
        poll,
        just_acknowledged,
        &mut page,
    )?);
    let standings = app_health::write_down(tx, moment, &noted)?;
    page.has_mail = standings.iter().any(|standing| standing.news.is_some());
    let most = poll.most.min(MOST_EVENTS);
    if most > 0 {
        offer(tx, moment, &mut reader, (poll.client_id, most), &mut page)?;
        feed::put_reader(tx, poll.client_id, &reader)?;
    }
    Ok(PollOutcome::Answer(page))
}

/// The reader as it asks now; nothing, if the app has too many.
fn greet(tx: &mut Tx<'_>, now: Timestamp, poll: &Poll) -> Result<Option<Reader>, StorageError> {
    let Some(known) = feed::find_reader(tx, poll.client_id, &poll.reader)? else {
        let limit = count(MOST_READERS);
        if feed::count_readers(tx, poll.client_id, limit)? >= limit {
            return Ok(None);
        }
        return Ok(Some(Reader {
            name: poll.reader.clone(),
            first_at: now,
            last_at: now,
            has_until: None,
            missed: None,
        }));
    };
    let mut reader = Reader {
        last_at: now.max(known.last_at),
        ..known
    };
    if now.since(known.last_at) > MAY_HAVE_MISSED {
        let since = known
            .last_at
            .minus(SETTLED)
            .max(known.first_at)
            .max(now.minus(GIVE_UP_AFTER));
        let after = id_of(since);
        reader.missed = Some(Missed {
            after: known.missed.map_or(after, |missed| missed.after.min(after)),
            until: id_of(now.plus(SETTLED)),
        });
    }
    Ok(Some(reader))
}

/// What the reader lacks, oldest first; and where it stands now.
fn offer(
    tx: &mut Tx<'_>,
    moment: &Moment,
    reader: &mut Reader,
    (client_id, most): (ClientId, usize),
    page: &mut Page,
) -> Result<(), StorageError> {
    // One more than fits, to know whether there is more.
    let limit = count(most + 1);
    let after = reader
        .has_until
        .unwrap_or_else(|| id_of(Timestamp::from_milliseconds(0)));
    let mut found = feed::list_open_for_reader(tx, client_id, &reader.name, after, limit)?;
    let settled = id_of(moment.now.minus(SETTLED));
    let has_until = found
        .first()
        .map_or(settled, |first| before(first.id).min(settled));
    reader.has_until = Some(has_until.max(after));
    if let Some(missed) = reader.missed {
        let without = feed::list_missed_by_reader(tx, client_id, &reader.name, missed, limit)?;
        reader.missed = without.first().map(|first| Missed {
            after: before(first.id),
            ..missed
        });
        found.extend(without);
        found.sort_by_key(|notice| notice.id);
    }
    for notice in found {
        if notice.finished_at.is_none() && supersede(tx, moment, &notice)? {
            page.changed.push(notice.ending_id);
        } else if page.notices.len() == most {
            page.more = true;
            break;
        } else {
            page.notices.push(notice);
        }
    }
    Ok(())
}

/// Whether a reader has anything to learn: what a long poll asks now and then.
pub fn has_news(tx: &mut Tx<'_>, client_id: ClientId, reader: &str) -> Result<bool, StorageError> {
    let Some(reader) = feed::find_reader(tx, client_id, reader)? else {
        return Ok(false);
    };
    // What it missed while it was away was offered by the poll that waits now.
    let after = reader
        .has_until
        .unwrap_or_else(|| id_of(Timestamp::from_milliseconds(0)));
    let found = feed::list_open_for_reader(tx, client_id, &reader.name, after, 1)?;
    Ok(!found.is_empty())
}

/// Whether an app that was withdrawn is still owed anything: something is open, or a
/// replica of it may come back for what another has confirmed.
pub fn is_owed_anything(
    tx: &mut Tx<'_>,
    now: Timestamp,
    client_id: ClientId,
) -> Result<bool, StorageError> {
    feed::is_owed_anything(tx, client_id, id_of(now.minus(GIVE_UP_AFTER)))
}

/// Before every notice of an instant, and behind every earlier one. Ids sort by time.
fn id_of(at: Timestamp) -> NoticeId {
    let milliseconds = at.milliseconds().max(0).unsigned_abs();
    let mut bytes = [0; 16];
    for (byte, part) in bytes
        .iter_mut()
        .zip(milliseconds.to_be_bytes().iter().skip(2))
    {
        *byte = *part;
    }
    NoticeId::from_bytes(bytes)
}

/// Before this notice: what is between is of the same millisecond.
fn before(id: NoticeId) -> NoticeId {
    let mut bytes = [0; 16];
    for (byte, part) in bytes.iter_mut().zip(id.to_bytes().iter().take(6)) {
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

/// Records what a reader has; returns what of it the app as a whole does not know yet.
fn acknowledge(
    tx: &mut Tx<'_>,
    moment: &Moment,
    poll: &Poll,
) -> Result<Vec<NoticeId>, StorageError> {
    let mut open = Vec::new();
    for id in poll.acknowledged.iter().take(MOST_ACKNOWLEDGED) {
        if let Some(notice) = find_own(tx, poll.client_id, *id)? {
            feed::acknowledge(tx, *id, &poll.reader, moment.now)?;
            if notice.finished_at.is_none() {
                open.push(*id);
            }
        }
    }
    Ok(open)
}

fn refuse(
    tx: &mut Tx<'_>,
    moment: &Moment,
    poll: &Poll,
    refusal: &Refusal,
    page: &mut Page,
) -> Result<Option<Noted>, StorageError> {
    let Some(notice) = find_own(tx, poll.client_id, refusal.notice_id)? else {
        return Ok(None);
    };
    feed::acknowledge(tx, notice.id, &poll.reader, moment.now)?;
    let words = tidy(&refusal.words);
    let report = Report {
        status: None,
        error: Some(&words),
    };
    let state = NoticeState::Failed;
    if !notices::finish(tx, notice.id, notice.next_at, state, moment.now, report)? {
        return Ok(None);
    }
    page.changed.push(notice.ending_id);
    Ok(Some(Noted {
        client_id: poll.client_id,
        at: moment.now,
        happened: Happened::Lost(words),
    }))
}

/// Confirms what this reader has and every other that is about: of what it has just
/// acknowledged, and of the oldest that are open, since another may have gone.
fn confirm_known_to_all(
    tx: &mut Tx<'_>,
    moment: &Moment,
    poll: &Poll,
    just_acknowledged: Vec<NoticeId>,
    page: &mut Page,
) -> Result<Vec<Noted>, StorageError> {
    let client = poll.client_id;
    let mut half = just_acknowledged;
    half.extend(feed::list_half_acknowledged(
        tx,
        client,
        &poll.reader,
        LOOKED_AT,
    )?);
    half.sort_unstable();
    half.dedup();
    let about_since = moment.now.minus(READER_IS_ABOUT);
    let mut noted = Vec::new();
    for id in half {
        if feed::is_lacking(tx, client, id, about_since)?
            || !notices::confirm(tx, id, moment.now, None)?
        {
            continue;
        }
        if let Some(notice) = notices::find(tx, id)? {
            page.changed.push(notice.ending_id);
            let after = waited(notice.give_up_at, moment.now);
            noted.push(Noted {
                client_id: client,
                at: moment.now,
                happened: Happened::Confirmed { after },
            });
        }
    }
    Ok(noted)
}
