//! `notice …`: what apps were told of and what not, and telling them once more.

use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::{EndingId, NoticeId};
use nightlatch_domain::notice::Notice;
use nightlatch_flows::app_health;
use nightlatch_flows::delivery::{self, ResendOutcome};
use nightlatch_storage::{endings, notices};

use super::{Context, EndingLine, NoticeLine, Reply, Stop, WaitingAppLine, refused};

/// The most lines of each list, and the most notices that one command sends again.
const MOST: i64 = 1000;

pub(super) async fn list(context: Context<'_>) -> Result<Reply, Stop> {
    let now = context.moment.now;
    context
        .store
        .read(move |tx| -> Result<_, Stop> {
            let undelivered = notices::list_undelivered(tx, notices::last_id(), MOST)?;
            let mut waiting = Vec::new();
            for client in notices::count_waiting_by_client(tx, MOST)? {
                let oldest = notices::list_waiting_of_client(tx, client.client_id, 1)?;
                let overview = app_health::overview(tx, now, client.client_id)?;
                waiting.extend(oldest.into_iter().next().map(|oldest| WaitingAppLine {
                    client_id: client.client_id,
                    app: oldest.envelope.app,
                    notices: client.notices,
                    oldest_ended_at: oldest.ended_at.to_rfc3339(),
                    attempts: oldest.attempts,
                    last_error: oldest.last_error,
                    delivery: overview.into(),
                }));
            }
            Ok(Reply::Notices {
                undelivered: undelivered.into_iter().map(line).collect(),
                waiting,
            })
        })
        .await
}

pub(super) async fn show(context: Context<'_>, id: EndingId) -> Result<Reply, Stop> {
    context
        .store
        .read(move |tx| -> Result<_, Stop> {
            let Some(ending) = endings::find(tx, id)? else {
                return refused(format!("There is no ending {id}."));
            };
            let mut found = notices::list_of_ending(tx, id, MOST + 1)?;
            let most = usize::try_from(MOST).unwrap_or(usize::MAX);
            let more = found.len() > most;
            found.truncate(most);
            Ok(Reply::EndingTold {
                ending: EndingLine {
                    id,
                    cause: ending.cause,
                    at: ending.at.to_rfc3339(),
                    reason: ending.reason,
                    sessions: ending.sessions_ended,
                    complete: ending.expanded,
                },
                notices: found.into_iter().map(line).collect(),
                more,
            })
        })
        .await
}

fn line(notice: Notice) -> NoticeLine {
    NoticeLine {
        id: notice.id,
        session_id: notice.session_id,
        client_id: notice.client_id,
        app: notice.envelope.app,
        channel: notice.channel,
        address: notice.envelope.address,
        state: notice.state,
        attempts: notice.attempts,
        ended_at: notice.ended_at.to_rfc3339(),
        finished_at: notice.finished_at.map(Timestamp::to_rfc3339),
        last_error: notice.last_error,
    }
}

pub(super) async fn resend(context: Context<'_>, id: Option<NoticeId>) -> Result<Reply, Stop> {
    let moment = context.moment.clone();
    let count = context
        .store
        .write(move |tx| -> Result<_, Stop> {
            let Some(one) = id else {
                return Ok(delivery::resend_undelivered(tx, &moment, None, MOST)?);
            };
            match delivery::resend(tx, &moment, one)? {
                ResendOutcome::Due => Ok(1),
                ResendOutcome::Unknown => refused(format!(
                    "There is no notice {one}. `nightlatch notice list` shows those that can be \
                     sent again."
                )),
                ResendOutcome::NotUndelivered => refused(format!(
                    "The notice {one} is on its way or needs not be sent: only what failed or was \
                     given up can be sent again."
                )),
            }
        })
        .await?;
    context.signals.wake_delivery();
    Ok(Reply::NoticesResent { count })
}
