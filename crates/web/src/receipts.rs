//! The receipt of an ending as pages show it: what each app has answered, waiting a
//! moment for the first answers, and telling an open page of later ones.
//!
//! What opens a receipt is a cookie, so an address that somebody copies shows
//! nothing. Words for people leave out what only an administrator can act on.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::http::StatusCode;
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::EndingId;
use nightlatch_domain::notice::{Channel, NoticeState};
use nightlatch_domain::relying_party::RegisteredUri;
use nightlatch_domain::secret::TokenDigest;
use nightlatch_flows::receipts::{self, AppOutcome, OpenedReceipt};
use nightlatch_storage::StorageError;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until, timeout_at};
use url::Url;

use crate::failure::Failure;
use crate::guard::Visit;
use crate::live::{answer, no_place};
use crate::show;
use crate::state::App;
use crate::streams::{Listener, Place};
use crate::views::{AppCountsView, AppReceiptState, AppReceiptView};

/// The longest that anybody waits for the apps (RPL-06).
pub(crate) const LONGEST_WAIT: Duration = Duration::from_millis(700);

/// How often it is looked at again while waiting: another node may be the one that
/// hears of the answer.
const LOOK_AGAIN_WAITING: Duration = Duration::from_millis(100);

/// The same for an open page.
const LOOK_AGAIN_OPEN: Duration = Duration::from_secs(5);

/// A page is not told more often: a thousand apps may answer at once.
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);

/// What is tried again before this is not given a time.
const SOON: Duration = Duration::from_mins(1);

/// For how long after an ending its page loads frames of apps (FCL-01); a page that
/// is opened again has done so before.
const FRAMES_FOR: Duration = Duration::from_secs(20);

/// What the receipt of this browser opens. Not while somebody is signed in: it is
/// about whoever was here before.
pub(crate) async fn find(visit: &Visit) -> Result<Option<OpenedReceipt>, Failure> {
    let Some(token) = visit.receipt_token.filter(|_| visit.live().is_none()) else {
        return Ok(None);
    };
    Ok(open(&visit.app, token, visit.now).await?)
}

async fn open(
    app: &App,
    token: TokenDigest,
    now: Timestamp,
) -> Result<Option<OpenedReceipt>, StorageError> {
    app.store
        .read(move |tx| receipts::open(tx, token, now))
        .await
}

/// The same, waiting a moment for the first answers if the ending was just made
/// (design 7).
pub(crate) async fn find_after_answers(visit: &Visit) -> Result<Option<OpenedReceipt>, Failure> {
    let signals = visit.app.signals.listen_to_notices();
    let Some(opened) = find(visit).await? else {
        return Ok(None);
    };
    let passed = visit.now.since(opened.ending.at);
    let Some(token) = visit.receipt_token.filter(|_| passed < LONGEST_WAIT) else {
        return Ok(Some(opened));
    };
    let until = Instant::now() + LONGEST_WAIT.saturating_sub(passed);
    Ok(Some(wait(&visit.app, signals, token, opened, until).await?))
}

/// Waits at most [`LONGEST_WAIT`] until each app that was called has said something,
/// before the browser is sent on (RPL-06).
pub(crate) async fn wait_for_answers(app: &App, token: TokenDigest) -> Result<(), StorageError> {
    let until = Instant::now() + LONGEST_WAIT;
    let signals = app.signals.listen_to_notices();
    if let Some(opened) = open(app, token, app.clock.now()).await? {
        wait(app, signals, token, opened, until).await?;
    }
    Ok(())
}

async fn wait(
    app: &App,
    mut signals: Receiver<EndingId>,
    token: TokenDigest,
    mut opened: OpenedReceipt,
    until: Instant,
) -> Result<OpenedReceipt, StorageError> {
    while opened.awaits_first_answer() && Instant::now() < until {
        let look = until.min(Instant::now() + LOOK_AGAIN_WAITING);
        hear(&mut signals, opened.ending.id, look).await;
        match open(app, token, app.clock.now()).await? {
            Some(found) => opened = found,
            None => break,
        }
    }
    Ok(opened)
}

/// Returns once a notice of this ending has changed, or may have, or it is time.
async fn hear(signals: &mut Receiver<EndingId>, ending: EndingId, until: Instant) {
    loop {
        match timeout_at(until, signals.recv()).await {
            Ok(Ok(changed)) if changed != ending => {}
            // One of them was missed; it may have been ours.
            Ok(Ok(_) | Err(RecvError::Lagged(_))) | Err(_) => return,
            Ok(Err(RecvError::Closed)) => return sleep_until(until).await,
        }
    }
}

/// `GET /signed-out/events`: says `changed` whenever the receipt of this browser
/// looks different, and `settled` once it will stay as it is.
pub(crate) async fn events(Extension(visit): Extension<Arc<Visit>>) -> Result<Response, Failure> {
    let signals = visit.app.signals.listen_to_notices();
    let (Some(opened), Some(token)) = (find(&visit).await?, visit.receipt_token) else {
        // Browsers do not ask again after this.
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    let listener = Listener::Receipt(opened.ending.id);
    let Some(place) = visit.app.streams.take_place(listener) else {
        return Ok(no_place().into_response());
    };
    let watch = Watch {
        app: Arc::clone(&visit.app),
        signals,
        token,
        ending: opened.ending.id,
        // Something may have changed since the page was made.
        shown: None,
        is_over: false,
        _place: place,
    };
    Ok(answer(watch.tell()))
}

struct Watch {
    app: Arc<App>,
    signals: Receiver<EndingId>,
    token: TokenDigest,
    ending: EndingId,
    shown: Option<Vec<NoticeState>>,
    is_over: bool,
    _place: Place,
}

impl Watch {
    fn tell(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, |mut watch| async move {
            if watch.is_over {
                return None;
            }
            let word = watch.next_word().await;
            watch.is_over = word == "settled";
            Some((Ok(Event::default().event(word).data("{}")), watch))
        })
    }

    async fn next_word(&mut self) -> &'static str {
        loop {
            let began = Instant::now();
            let found = {
                let _turn = self.app.streams.turn_to_look().await;
                open(&self.app, self.token, self.app.clock.now()).await
            };
            match found {
                // The receipt is not good any more: nothing else will come.
                Ok(None) => return "settled",
                Ok(Some(opened)) => {
                    if !opened.is_open() {
                        return "settled";
                    }
                    let now: Vec<_> = opened.apps.iter().map(|app| app.notice.state).collect();
                    if self
                        .shown
                        .replace(now.clone())
                        .is_none_or(|before| before != now)
                    {
                        return "changed";
                    }
                }
                // A fault of the database says nothing about the apps.
                Err(_) => {}
            }
            hear(&mut self.signals, self.ending, began + LOOK_AGAIN_OPEN).await;
            sleep_until(began + SHORTEST_PAUSE).await;
        }
    }
}

/// For whom the words are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// Somebody who wants to know whether they are logged out.
    Person,
    /// Somebody who can mend an app that refuses.
    Administrator,
}

/// The lines of the apps.
pub(crate) fn lines(apps: &[AppOutcome], reader: Reader, now: Timestamp) -> Vec<AppReceiptView> {
    apps.iter()
        .map(|app| AppReceiptView {
            name: app.notice.envelope.app.clone(),
            text: words(app, reader, now),
            state: state(app),
        })
        .collect()
}

/// How many apps are how far: all that a shared computer shows.
pub(crate) fn counts(apps: &[AppOutcome]) -> AppCountsView {
    use AppReceiptState::{
        CannotBeTold, Confirmed, Ended, Failed, GaveUp, StillTelling, Superseded,
    };
    let count = |wanted: &[AppReceiptState]| {
        let wanted = apps.iter().filter(|app| wanted.contains(&state(app)));
        wanted.count()
    };
    AppCountsView {
        confirmed: count(&[Confirmed]),
        still_telling: count(&[StillTelling]),
        cannot_be_told: count(&[CannotBeTold]),
        failed: count(&[Failed, GaveUp]),
        superseded: count(&[Superseded]),
        ended: count(&[Ended]),
    }
}

const fn state(app: &AppOutcome) -> AppReceiptState {
    match app.notice.state {
        NoticeState::Waiting => AppReceiptState::StillTelling,
        NoticeState::Confirmed => AppReceiptState::Confirmed,
        NoticeState::Failed => AppReceiptState::Failed,
        NoticeState::GaveUp => AppReceiptState::GaveUp,
        NoticeState::Superseded => AppReceiptState::Superseded,
        NoticeState::CannotBeTold => AppReceiptState::CannotBeTold,
        NoticeState::Ended => AppReceiptState::Ended,
    }
}

fn words(app: &AppOutcome, reader: Reader, now: Timestamp) -> String {
    let notice = &app.notice;
    let minutes = u64::from(notice.envelope.worst_case_minutes);
    let worst = show::length(Duration::from_secs(minutes * 60));
    let mut words = match notice.state {
        NoticeState::Confirmed => {
            let at = notice.finished_at.unwrap_or(notice.ended_at);
            format!("The app confirmed it {}.", show::time(at, now).relative)
        }
        NoticeState::Waiting if notice.channel == Channel::Pull => {
            "It will hear of it when it asks us next.".to_owned()
        }
        NoticeState::Waiting if notice.attempts == 0 => "We are telling it now.".to_owned(),
        NoticeState::Waiting if notice.next_at > now.plus(SOON) => {
            let next = show::time(notice.next_at, now).relative;
            format!("It has not answered yet. We try again {next}, and go on for three days.")
        }
        NoticeState::Waiting => {
            "It has not answered yet. We keep trying, for three days.".to_owned()
        }
        NoticeState::Ended => {
            "It asks us at every request, so it was over with the session.".to_owned()
        }
        NoticeState::CannotBeTold => format!(
            "It has no way to hear of a log-out. It may stay open there for up to {worst}, or until you log out there."
        ),
        NoticeState::Failed => {
            format!("It may stay open there for up to {worst}, or until you log out there.")
        }
        NoticeState::GaveUp => {
            let at = notice.finished_at.unwrap_or(notice.ended_at);
            let since = show::time(at, now).relative;
            format!("We tried for three days and stopped {since}.")
        }
        NoticeState::Superseded => {
            "You have opened it again since, so it was left alone.".to_owned()
        }
    };
    if app.notices > 1 && app.confirmed < app.notices && app.confirmed > 0 {
        let (some, all) = (app.confirmed, app.notices);
        words = format!("{words} {some} of {all} confirmed.");
    }
    if reader == Reader::Administrator
        && let Some(cause) = cause(app)
    {
        words = format!("{words} {cause}");
    }
    words
}

/// What went wrong, for those who can mend it.
fn cause(app: &AppOutcome) -> Option<String> {
    let notice = &app.notice;
    if matches!(
        notice.state,
        NoticeState::Confirmed
            | NoticeState::Superseded
            | NoticeState::CannotBeTold
            | NoticeState::Ended
    ) {
        return None;
    }
    match (notice.last_status, &notice.last_error) {
        // C8: the app's own protection against forged forms takes our call for one.
        (Some(403), _) => Some(
            "It answered 403. The usual cause is the app's CSRF protection: exempt its logout address from it."
                .to_owned(),
        ),
        (_, Some(error)) => Some(format!("Last error: {error}")),
        (Some(status), None) => Some(format!("It answered {status}.")),
        (None, None) => None,
    }
}

/// The pages of apps that this page loads in frames, and the policy that lets it
/// load these and no others (FCL-01). What a browser makes of them is never counted
/// (FCL-02).
pub(crate) async fn frames(visit: &Visit, opened: &OpenedReceipt) -> Result<Vec<Url>, Failure> {
    if visit.now.since(opened.ending.at) > FRAMES_FOR {
        return Ok(Vec::new());
    }
    let (receipt, ending) = (opened.receipt, opened.ending.clone());
    let found: Result<Vec<RegisteredUri>, StorageError> = visit
        .app
        .store
        .read(move |tx| {
            let opened = OpenedReceipt {
                receipt,
                ending: ending.clone(),
                apps: Vec::new(),
            };
            receipts::front_channel(tx, &opened)
        })
        .await;
    let Some(session) = opened.receipt.session_id else {
        return Ok(Vec::new());
    };
    let issuer = visit.app.public_url.origin();
    Ok(found?
        .iter()
        .filter_map(|uri| Url::parse(uri.as_str()).ok())
        .filter(|url| matches!(url.scheme(), "https" | "http"))
        .map(|mut url| {
            url.query_pairs_mut()
                .append_pair("iss", issuer)
                .append_pair("sid", &session.to_string());
            url
        })
        .collect())
}

/// What `frame-src` lists for these pages. Their paths are compared too; what would
/// end the directive is written in its other form.
pub(crate) fn frame_sources(frames: &[Url]) -> String {
    let sources: Vec<String> = frames
        .iter()
        .map(|url| {
            let path = url.path().replace(';', "%3B").replace(',', "%2C");
            format!("{}{path}", url.origin().ascii_serialization())
        })
        .collect();
    sources.join(" ")
}
