//! From the queue of notices to the apps.
//!
//! Owns the rounds that a worker repeats: how much is on its way at once, in all and
//! for each app, and that an app which hangs or asks to be left alone takes nobody
//! else's turn. Which notices are due and what follows from an attempt is decided in
//! `flows::delivery`; how an app is called in `protocols::outgoing`.
//!
//! Longer than 400 lines, since the limits of a round and what every outcome of an
//! attempt changes of them are one matter.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::ClientId;
use nightlatch_domain::notice::{Attempt, Happened, Lane, News, Notice, Verdict};
use nightlatch_flows::app_health::{self, Noted, Standing as AppStanding};
use nightlatch_flows::delivery::{self, Capacity, Claimed};
use nightlatch_protocols::oidc::backchannel::Logout;
use nightlatch_protocols::outgoing::{Called, Outgoing};
use nightlatch_storage::{StorageError, Tx, notices};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::state::App;

/// Notices on their way at once. Interactive ones have slots of their own, so that a
/// mass ending never delays a person who just logged out.
const MOST_INTERACTIVE: usize = 64;
const MOST_MASS: usize = 16;

/// Notices on their way to one app at once.
const MOST_OF_AN_APP: usize = 4;

/// An app that takes longer than this holds its slots for long although it answers. Such
/// apps share what those share that do not answer: some slots are always left for others.
const LONG: Duration = Duration::from_secs(2);

/// Mass notices that one app gets in a second at most.
const MASS_RATE: usize = 200;

/// How long to wait for the next round at most: other processes write notices and
/// wake nobody here.
const PERIOD: Duration = Duration::from_secs(1);

/// How long to wait while something is due that has no room yet.
const NO_ROOM: Duration = Duration::from_millis(100);

/// How often what attempts say about apps is written down while more is on its way.
const WRITE_DOWN: Duration = Duration::from_secs(1);

/// Apps that are looked at for logouts that wait very long, at once.
const MOST_LOOKED_AT: usize = 10_000;

/// Up to how many waiting notices are counted.
const MOST_COUNTED: i64 = 10_000;

/// Pulled notices that are given up at once.
const GIVEN_UP_AT_ONCE: i64 = 500;

/// How it stands with an app, as far as this process knows.
#[derive(Debug)]
struct Standing {
    under_way: usize,
    /// Its last attempt got no answer: it gets one notice at a time until that
    /// changes, so that it does not hold many slots for nothing.
    in_trouble: bool,
    /// Its last attempt took [`LONG`], whatever came of it.
    takes_long: bool,
    left_alone_until: Option<Timestamp>,
    /// The second of the rate, and what began in it.
    second: Instant,
    begun: usize,
}

impl Standing {
    fn new() -> Self {
        Self {
            under_way: 0,
            in_trouble: false,
            takes_long: false,
            left_alone_until: None,
            second: Instant::now(),
            begun: 0,
        }
    }

    fn room(&mut self, lane: Lane, now: Timestamp) -> usize {
        if self.left_alone_until.is_some_and(|until| now < until) {
            return 0;
        }
        self.left_alone_until = None;
        if self.second.elapsed() >= Duration::from_secs(1) {
            self.second = Instant::now();
            self.begun = 0;
        }
        let most = if self.in_trouble { 1 } else { MOST_OF_AN_APP };
        let room = most.saturating_sub(self.under_way);
        match lane {
            Lane::Interactive => room,
            Lane::Mass => room.min(MASS_RATE.saturating_sub(self.begun)),
        }
    }

    /// Whether its notices hold their slots for long.
    fn holds_slots(&self) -> bool {
        self.in_trouble || self.takes_long
    }

    fn is_forgettable(&self) -> bool {
        self.under_way == 0
            && !self.holds_slots()
            && self.left_alone_until.is_none()
            && self.second.elapsed() >= Duration::from_secs(1)
    }
}

/// What came of an attempt.
#[derive(Debug)]
struct Landed {
    client_id: ClientId,
    attempt: Attempt,
    at: Timestamp,
    /// How long it took.
    after: Duration,
    /// What it says about the app; nothing, where the fault was ours or somebody else
    /// was faster.
    happened: Option<Happened>,
}

/// Whoever tells apps of the logouts of one lane.
#[derive(Debug)]
pub struct Courier {
    lane: Lane,
    outgoing: Outgoing,
    under_way: JoinSet<Landed>,
    apps: HashMap<ClientId, Standing>,
    after: ClientId,
    /// What is not yet written down about apps, and since when.
    noted: Vec<Noted>,
    written: Instant,
}

impl Courier {
    /// One that calls apps with this client.
    pub fn new(lane: Lane, outgoing: Outgoing) -> Self {
        Self {
            lane,
            outgoing,
            under_way: JoinSet::new(),
            apps: HashMap::new(),
            after: delivery::first_client(),
            noted: Vec::new(),
            written: Instant::now(),
        }
    }

    /// How many notices are on their way.
    pub fn under_way(&self) -> usize {
        self.under_way.len()
    }

    /// One round: sends what is due and has room on its way. Returns how long the next
    /// round can wait, unless something lands or somebody wakes before.
    pub async fn round(&mut self, app: &Arc<App>) -> Result<Duration, StorageError> {
        let wait = self.wait(app).await?;
        if !wait.is_zero() {
            self.write_down(app).await?;
            return Ok(wait);
        }
        let moment = app.moment();
        let room = self.capacity(moment.now);
        let claimed: Claimed = app
            .store
            .write(move |tx: &mut Tx<'_>| -> Result<_, StorageError> {
                delivery::claim(tx, &moment, room.clone())
            })
            .await?;
        if let Some(after) = claimed.after {
            self.after = after;
        }
        for notice in &claimed.superseded {
            tell_of(app, notice, "superseded");
        }
        for notice in claimed.notices {
            let standing = self
                .apps
                .entry(notice.client_id)
                .or_insert_with(Standing::new);
            standing.under_way += 1;
            standing.begun += 1;
            self.under_way
                .spawn(tell(Arc::clone(app), self.outgoing.clone(), notice));
        }
        // Nobody who waits for word of a logout waits for this.
        self.write_down(app).await?;
        let wait = self.wait(app).await?;
        Ok(if wait.is_zero() { NO_ROOM } else { wait })
    }

    /// Writes down what attempts say about the apps (DLV-04), now and then and when none is
    /// on its way.
    pub async fn write_down(&mut self, app: &App) -> Result<(), StorageError> {
        let is_due = self.under_way.is_empty() || self.written.elapsed() >= WRITE_DOWN;
        if self.noted.is_empty() || !is_due {
            return Ok(());
        }
        let (moment, noted) = (app.moment(), self.noted.clone());
        let standings: Vec<AppStanding> = app
            .store
            .write(move |tx| -> Result<_, StorageError> {
                app_health::write_down(tx, &moment, &noted)
            })
            .await?;
        self.noted.clear();
        self.written = Instant::now();
        for standing in &standings {
            announce(app, standing);
        }
        Ok(())
    }

    /// How long until something is due; nothing, if something is.
    async fn wait(&self, app: &App) -> Result<Duration, StorageError> {
        let lane = self.lane;
        let next: Option<Timestamp> = app
            .store
            .read(move |tx| -> Result<_, StorageError> { delivery::next_due(tx, lane) })
            .await?;
        let now = app.clock.now();
        Ok(next.map_or(PERIOD, |due| due.since(now).min(PERIOD)))
    }

    fn capacity(&mut self, now: Timestamp) -> Capacity {
        let most = match self.lane {
            Lane::Interactive => MOST_INTERACTIVE,
            Lane::Mass => MOST_MASS,
        };
        self.apps.retain(|_, standing| !standing.is_forgettable());
        // Apps that answer late or never hold each slot for as long as we are patient.
        // Some are always left for the others (BCL-04).
        let held: usize = self
            .apps
            .values()
            .filter(|standing| standing.holds_slots())
            .map(|standing| standing.under_way)
            .sum();
        let mut left = (most / 2).saturating_sub(held);
        let lane = self.lane;
        let of_app = self.apps.iter_mut().map(|(id, standing)| {
            let mut room = standing.room(lane, now);
            if standing.holds_slots() {
                room = room.min(left);
                left -= room;
            }
            (*id, room)
        });
        Capacity {
            lane,
            of_app: of_app.collect(),
            total: most.saturating_sub(self.under_way.len()),
            per_app: MOST_OF_AN_APP,
            after: self.after,
        }
    }

    /// Waits until one notice has landed; for ever, if none is on its way.
    pub async fn landed(&mut self) {
        match self.under_way.join_next().await {
            None => std::future::pending().await,
            Some(Ok(landed)) => self.note(landed),
            // The claim ends by itself, and the notice is told again.
            Some(Err(_)) => {
                tracing::error!("telling an app failed unexpectedly; it is tried again");
                self.recount();
            }
        }
    }

    /// Waits for everything that is on its way.
    pub async fn settle(&mut self) {
        while !self.under_way.is_empty() {
            self.landed().await;
        }
    }

    fn note(&mut self, landed: Landed) {
        self.noted.extend(landed.happened.map(|happened| Noted {
            client_id: landed.client_id,
            at: landed.at,
            happened,
        }));
        let Some(standing) = self.apps.get_mut(&landed.client_id) else {
            return;
        };
        standing.under_way = standing.under_way.saturating_sub(1);
        let silent = landed.attempt == Attempt::NoAnswer;
        if silent && !standing.in_trouble {
            tracing::warn!(client_id = %landed.client_id, "an app does not answer when it is told of logouts");
        } else if !silent && standing.in_trouble {
            tracing::info!(client_id = %landed.client_id, "the app answers again");
        }
        standing.in_trouble = silent;
        standing.takes_long = landed.after >= LONG;
        if let Some(wait) = landed.attempt.asked_wait()
            && landed.attempt.may_mend()
        {
            standing.left_alone_until = Some(landed.at.plus(wait));
        }
    }

    /// A task was lost and with it whose it was; the limits must not leak away.
    fn recount(&mut self) {
        if self.under_way.is_empty() {
            self.apps.clear();
        }
    }
}

async fn tell(app: Arc<App>, outgoing: Outgoing, notice: Notice) -> Landed {
    let began = Instant::now();
    let (called, is_ours) = match sign(&app, &notice).await {
        Ok(token) => {
            let now = app.clock.now();
            let called = outgoing.post_logout_token(&notice.envelope, &token, now);
            (called.await, false)
        }
        Err(words) => {
            let attempt = Attempt::NoAnswer;
            let words = Some(words);
            (Called { attempt, words }, true)
        }
    };
    let after = began.elapsed();
    let (client_id, attempt) = (notice.client_id, called.attempt);
    let words = called.words.clone().unwrap_or_default();
    let verdict = record(&app, notice, called).await;
    let happened = verdict.filter(|_| !is_ours).map(|verdict| match verdict {
        Verdict::Confirmed => Happened::Confirmed { after },
        Verdict::RetryAt(_) => Happened::Failed(words),
        Verdict::Failed | Verdict::GaveUp => Happened::Lost(words),
    });
    if let Some(happened) = &happened {
        app.metrics.app_attempt(client_id, outcome(happened));
    }
    Landed {
        client_id,
        attempt,
        at: app.clock.now(),
        after,
        happened,
    }
}

const fn outcome(happened: &Happened) -> &'static str {
    match happened {
        Happened::Confirmed { .. } => "confirmed",
        Happened::Failed(_) => "failed",
        Happened::Lost(_) => "lost",
    }
}

/// Counts and logs how it stands with an app, and has its administrators' mails sent.
fn announce(app: &App, standing: &AppStanding) {
    let (client_id, name) = (standing.client_id, &standing.app);
    app.metrics.app_fails(client_id, standing.is_failing);
    match standing.news {
        None => return,
        Some(News::Fails) => {
            tracing::error!(%client_id, app = name, "an app fails repeatedly when it is told of logouts; its administrators are told");
        }
        Some(News::Mended) => {
            tracing::info!(%client_id, app = name, "an app has learned of every logout that waited for it; its administrators are told");
        }
    }
    app.mailing.wake();
}

/// A token of this attempt alone (C5, DLV-02).
async fn sign(app: &App, notice: &Notice) -> Result<String, String> {
    let moment = app.moment();
    let keys = app
        .signing
        .for_signing(&app.store, &app.sealer, &moment, notice.envelope.algorithm)
        .await
        .map_err(|error| format!("the token could not be signed: {error}"))?;
    Logout::of(notice, app.public_url.origin())
        .sign(&keys, &moment)
        .map_err(|error| format!("the token could not be signed: {error}"))
}

/// Writes down what an attempt came to; nothing, if it was in other hands by then or could
/// not be written.
async fn record(app: &App, notice: Notice, called: Called) -> Option<Verdict> {
    let moment = app.moment();
    let written = (notice.clone(), called.clone());
    let recorded: Result<Option<Verdict>, StorageError> = app
        .store
        .write(move |tx| {
            let (notice, called) = &written;
            let words = called.words.as_deref();
            delivery::record(tx, &moment, notice, called.attempt, words)
        })
        .await;
    let words = called.words.as_deref().unwrap_or_default();
    match &recorded {
        Ok(Some(Verdict::Confirmed)) => {
            app.metrics.notice_took(moment_passed(app, &notice));
            tell_of(app, &notice, "confirmed");
        }
        Ok(Some(Verdict::RetryAt(next))) => {
            app.metrics.notice("retried");
            let (id, name, attempts) = (notice.id, &notice.envelope.app, notice.attempts);
            if attempts == 1 {
                tracing::warn!(notice = %id, app = name, error = words, %next, "an app could not be told of a logout and is told again");
                app.signals.notice_changed(notice.ending_id);
            } else {
                tracing::debug!(notice = %id, app = name, attempts, error = words, %next, "told again later");
            }
        }
        Ok(Some(verdict)) => {
            let outcome = match verdict {
                Verdict::GaveUp => "gave_up",
                _ => "failed",
            };
            let (id, name) = (notice.id, &notice.envelope.app);
            tracing::error!(notice = %id, app = name, attempts = notice.attempts, outcome, error = words, "an app was not told of a logout");
            app.metrics.notice(outcome);
            app.signals.notice_changed(notice.ending_id);
        }
        // It was in other hands by then.
        Ok(None) => app.metrics.notice("overtaken"),
        Err(error) => {
            // The claim ends by itself; the app is told once more rather than not.
            tracing::error!(notice = %notice.id, %error, "what an app answered could not be written down");
        }
    }
    recorded.ok().flatten()
}

/// For how long an app did not know of a logout.
fn moment_passed(app: &App, notice: &Notice) -> Duration {
    app.clock.now().since(notice.created_at)
}

/// Counts, logs and announces what became of a notice.
fn tell_of(app: &App, notice: &Notice, outcome: &'static str) {
    app.metrics.notice(outcome);
    app.signals.notice_changed(notice.ending_id);
    let (id, name, attempts) = (notice.id, &notice.envelope.app, notice.attempts);
    match notice.lane {
        Lane::Interactive => {
            tracing::info!(notice = %id, app = name, attempts, outcome, "a logout of an app is settled");
        }
        Lane::Mass => {
            tracing::debug!(notice = %id, app = name, attempts, outcome, "a logout of an app is settled");
        }
    }
}

/// Looks for apps that have not learned of a logout for very long although nothing is
/// tried: they should come for it and do not, or asked to be left alone (DLV-04). One app
/// after the other, each in a transaction of its own.
pub async fn look_for_overdue(app: &App) -> Result<(), StorageError> {
    let mut last: Option<ClientId> = None;
    for _ in 0..MOST_LOOKED_AT {
        let after = last;
        let next: Option<ClientId> = app
            .store
            .read(move |tx| -> Result<_, StorageError> { app_health::next_waiting(tx, after) })
            .await?;
        let Some(client_id) = next else { break };
        last = next;
        let moment = app.moment();
        let standing: Option<AppStanding> = app
            .store
            .write(move |tx| -> Result<_, StorageError> {
                app_health::look_for_overdue(tx, &moment, client_id)
            })
            .await?;
        if let Some(standing) = &standing {
            announce(app, standing);
        }
    }
    Ok(())
}

/// Gives up what was not pulled in time, and counts what waits.
pub async fn tidy_up(app: &App) -> Result<(), StorageError> {
    let moment = app.moment();
    let given_up: Vec<Notice> = app
        .store
        .write(move |tx| -> Result<_, StorageError> {
            delivery::give_up_pulled(tx, &moment, GIVEN_UP_AT_ONCE)
        })
        .await?;
    for notice in &given_up {
        tracing::error!(notice = %notice.id, app = notice.envelope.app, "an app did not come for a logout in time");
        app.metrics.notice("gave_up");
        app.signals.notice_changed(notice.ending_id);
    }
    let waiting: i64 = app
        .store
        .read(|tx| -> Result<_, StorageError> { notices::count_waiting(tx, MOST_COUNTED) })
        .await?;
    app.metrics.waiting_notices(waiting);
    Ok(())
}

#[cfg(test)]
mod tests;
