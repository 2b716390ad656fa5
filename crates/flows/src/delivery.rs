//! Telling apps of logouts: whose turn it is, and what came of it.
//!
//! Whoever calls an app takes a claim first, so that several nodes do not call twice
//! at once (DLV-06); a process that dies holding one is forgotten when the claim is
//! over. A notice that would end what the person does now is not sent any more:
//! that is looked at in the very transaction that claims (DLV-05). The network is
//! never touched here.

use std::collections::HashMap;
use std::time::Duration;

use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::{ClientId, NoticeId};
use nightlatch_domain::notice::{
    Attempt, Channel, Envelope, GIVE_UP_AFTER, Happened, Lane, Notice, NoticeState, Verdict, judge,
};
use nightlatch_storage::notices::{self, Report};
use nightlatch_storage::{StorageError, Tx, entries, feed, relying_parties};

use crate::Moment;
use crate::app_health::{self, Noted};

/// How long one attempt may hold a notice: longer than an attempt takes, so that no
/// app is called twice at once, and short, so that a crash costs little.
pub const CLAIM: Duration = Duration::from_secs(10);

/// Apps that are looked at in turn in one round, where others have more to learn than
/// they can be told at once.
const MOST_HOPS: usize = 64;

/// Longest part of an error that is kept, in characters.
const LONGEST_ERROR: usize = 300;

/// What a worker can take on.
#[derive(Debug, Clone)]
pub struct Capacity {
    /// Whose turn it is.
    pub lane: Lane,
    /// How many notices in all.
    pub total: usize,
    /// How many for one app, unless `of_app` says otherwise.
    pub per_app: usize,
    /// How many for these apps, of which some are on their way, or which asked to be
    /// left alone.
    pub of_app: HashMap<ClientId, usize>,
    /// With which app the last round ended; the next begins behind it.
    pub after: ClientId,
}

impl Capacity {
    fn of(&self, app: ClientId) -> usize {
        let free = self.of_app.get(&app).copied().unwrap_or(self.per_app);
        free.min(self.total)
    }

    fn take(&mut self, app: ClientId) {
        let free = self.of_app.entry(app).or_insert(self.per_app);
        *free = free.saturating_sub(1);
        self.total = self.total.saturating_sub(1);
    }
}

/// What a worker has taken on.
#[derive(Debug, Default)]
pub struct Claimed {
    /// To be told now; `next_at` is the end of the claim.
    pub notices: Vec<Notice>,
    /// Not to be told any more.
    pub superseded: Vec<Notice>,
    /// With which app this round ended.
    pub after: Option<ClientId>,
}

/// Takes due notices into one's own hands, as many as there is room for. An app for
/// which more waits than it can be told at once takes no other's turn.
pub fn claim(
    tx: &mut Tx<'_>,
    moment: &Moment,
    mut room: Capacity,
) -> Result<Claimed, StorageError> {
    let mut claimed = Claimed::default();
    if room.total == 0 {
        return Ok(claimed);
    }
    let limit = count(room.total);
    let due = notices::list_due(tx, room.lane, moment.now, limit)?;
    let is_all = count(due.len()) < limit;
    for notice in due {
        take(tx, moment, &mut room, notice, &mut claimed)?;
    }
    if is_all {
        return Ok(claimed);
    }
    // The front of the queue belongs to apps that have no room: the others in turn.
    let mut cursor = room.after;
    for _ in 0..MOST_HOPS {
        if room.total == 0 {
            break;
        }
        let next = notices::find_waiting_client_after(tx, Channel::BackChannel, room.lane, cursor)?;
        let Some(app) = next else {
            cursor = first_client();
            break;
        };
        cursor = app;
        let limit = count(room.of(app));
        if limit > 0 {
            for notice in notices::list_due_of_client(tx, room.lane, app, moment.now, limit)? {
                take(tx, moment, &mut room, notice, &mut claimed)?;
            }
        }
    }
    claimed.after = Some(cursor);
    Ok(claimed)
}

/// Before every app.
pub fn first_client() -> ClientId {
    ClientId::from_bytes([0; 16])
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn take(
    tx: &mut Tx<'_>,
    moment: &Moment,
    room: &mut Capacity,
    mut notice: Notice,
    claimed: &mut Claimed,
) -> Result<(), StorageError> {
    if room.of(notice.client_id) == 0 {
        return Ok(());
    }
    if supersede(tx, moment, &notice)? {
        claimed.superseded.push(notice);
        return Ok(());
    }
    let until = moment.now.plus(CLAIM);
    if notices::claim(tx, notice.id, notice.next_at, until)? {
        room.take(notice.client_id);
        notice.attempts += 1;
        notice.next_at = until;
        claimed.notices.push(notice);
    }
    Ok(())
}

/// Finishes a notice that would end what the person does now; says whether it did.
///
/// One that names the session is overtaken once that session is in the app again: it
/// can only have left the app and come back. One that names the person is overtaken
/// by any later sign-in of theirs at the app.
pub(crate) fn supersede(
    tx: &mut Tx<'_>,
    moment: &Moment,
    notice: &Notice,
) -> Result<bool, StorageError> {
    let overtaken = if notice.envelope.by_subject {
        entries::is_in_since(tx, notice.user_id, notice.client_id, notice.ended_at)?
    } else {
        // No comparing of times, which two nodes may tell differently: the ending has
        // closed the entry, and only a sign-in opens it.
        entries::find(tx, notice.session_id, notice.client_id)?
            .is_some_and(|entry| entry.left_at.is_none())
    };
    if !overtaken {
        return Ok(false);
    }
    let report = Report {
        status: notice.last_status,
        error: Some("the person has signed in at this app again since"),
    };
    notices::finish(
        tx,
        notice.id,
        notice.next_at,
        NoticeState::Superseded,
        moment.now,
        report,
    )
}

/// When the next notice of a lane is due, if any waits.
pub fn next_due(tx: &mut Tx<'_>, lane: Lane) -> Result<Option<Timestamp>, StorageError> {
    notices::find_next_due(tx, lane)
}

/// Records what an attempt came to. `words` say for administrators why it failed.
/// Nothing, if the notice is in other hands or finished by now.
pub fn record(
    tx: &mut Tx<'_>,
    moment: &Moment,
    notice: &Notice,
    attempt: Attempt,
    words: Option<&str>,
) -> Result<Option<Verdict>, StorageError> {
    let verdict = judge(
        attempt,
        notice.attempts,
        notice.give_up_at,
        moment.now,
        moment.random.as_ref(),
    );
    let words = words.map(tidy);
    let report = Report {
        status: attempt.status(),
        error: words.as_deref(),
    };
    let (id, held_until) = (notice.id, notice.next_at);
    let done = match verdict {
        Verdict::Confirmed => notices::confirm(tx, id, moment.now, report.status)?,
        Verdict::RetryAt(next) => notices::postpone(tx, id, held_until, next, report)?,
        Verdict::Failed => {
            let state = NoticeState::Failed;
            notices::finish(tx, id, held_until, state, moment.now, report)?
        }
        Verdict::GaveUp => {
            let state = NoticeState::GaveUp;
            notices::finish(tx, id, held_until, state, moment.now, report)?
        }
    };
    Ok(done.then_some(verdict))
}

/// An error as it is kept: one line of bounded length.
pub(crate) fn tidy(words: &str) -> String {
    words
        .chars()
        .filter(|character| !character.is_control())
        .take(LONGEST_ERROR)
        .collect()
}

/// Gives up what no app has come for in time; returns what that was.
pub fn give_up_pulled(
    tx: &mut Tx<'_>,
    moment: &Moment,
    limit: i64,
) -> Result<Vec<Notice>, StorageError> {
    const WORDS: &str = "the app did not come for it in time";
    let late = notices::list_pulled_too_late(tx, moment.now, limit)?;
    let mut noted = Vec::new();
    for notice in &late {
        let report = Report {
            status: None,
            error: Some(WORDS),
        };
        let state = NoticeState::GaveUp;
        notices::finish(tx, notice.id, notice.next_at, state, moment.now, report)?;
        noted.push(Noted {
            client_id: notice.client_id,
            at: moment.now,
            happened: Happened::Lost(WORDS.to_owned()),
        });
    }
    app_health::write_down(tx, moment, &noted)?;
    Ok(late)
}

/// What came of asking to tell an app once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResendOutcome {
    /// It is due now.
    Due,
    /// There is no such notice.
    Unknown,
    /// It is on its way, or needs not be told: only what failed or was given up can be
    /// sent again.
    NotUndelivered,
}

/// Makes a notice that failed or was given up due again for another 72 hours. What has
/// been registered of the app since counts, if it still has this address: whoever
/// mended the registration must not be refused again for how it was.
pub fn resend(
    tx: &mut Tx<'_>,
    moment: &Moment,
    id: NoticeId,
) -> Result<ResendOutcome, StorageError> {
    let Some(notice) = notices::find(tx, id)? else {
        return Ok(ResendOutcome::Unknown);
    };
    let envelope = match relying_parties::find(tx, notice.client_id)? {
        Some(app) => Envelope::all_of(&app)
            .into_iter()
            .find(|(channel, envelope)| {
                *channel == notice.channel && envelope.address == notice.envelope.address
            })
            .map_or(notice.envelope, |(_, envelope)| envelope),
        None => notice.envelope,
    };
    let give_up_at = moment.now.plus(GIVE_UP_AFTER);
    if !notices::revive(tx, id, &envelope, moment.now, give_up_at)? {
        return Ok(ResendOutcome::NotUndelivered);
    }
    if notice.channel == Channel::Pull {
        feed::offer_again(tx, notice.client_id, id)?;
    }
    Ok(ResendOutcome::Due)
}

/// As [`resend`], if the notice is for this app.
pub fn resend_of(
    tx: &mut Tx<'_>,
    moment: &Moment,
    client_id: ClientId,
    id: NoticeId,
) -> Result<ResendOutcome, StorageError> {
    match notices::find(tx, id)? {
        Some(notice) if notice.client_id == client_id => resend(tx, moment, id),
        _ => Ok(ResendOutcome::Unknown),
    }
}

/// Sends up to `limit` of the newest notices again that failed or were given up, of one
/// app or of all; returns how many.
pub fn resend_undelivered(
    tx: &mut Tx<'_>,
    moment: &Moment,
    of: Option<ClientId>,
    limit: i64,
) -> Result<u64, StorageError> {
    let found = match of {
        Some(client_id) => {
            notices::list_undelivered_of_client(tx, client_id, notices::last_id(), limit)?
        }
        None => notices::list_undelivered(tx, notices::last_id(), limit)?,
    };
    let mut count = 0;
    for notice in found {
        if resend(tx, moment, notice.id)? == ResendOutcome::Due {
            count += 1;
        }
    }
    Ok(count)
}
