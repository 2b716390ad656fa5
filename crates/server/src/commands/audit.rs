//! `audit …`: checking the audit trail, and reading it.

use nightlatch_domain::audit::{ChainKey, Head};
use nightlatch_domain::ending::Actor;
use nightlatch_domain::ids::OrganizationId;
use nightlatch_flows::audit;
use nightlatch_storage::Tx;
use nightlatch_storage::audit::Chained;

use super::{AuditLine, Context, Reply, Stop, get_organization};

/// Lines that one step checks or reads; each step is a message on the command socket.
const BATCH: i64 = 500;

/// Checks a batch behind what was checked before; writes down what came of it once it is
/// over.
pub(super) async fn check(
    context: Context<'_>,
    organization: Option<String>,
    checked: Option<Head>,
) -> Result<Reply, Stop> {
    let moment = context.moment.clone();
    context
        .store
        .write(move |tx| {
            let whose = find(tx, organization.as_deref())?;
            let done = audit::check(tx, ChainKey::of(whose), checked, BATCH)?;
            if (done.is_over || done.flaw.is_some()) && done.upto.number > 0 {
                audit::record_check(tx, &moment, (whose, Actor::Operator), &done)?;
            }
            Ok(Reply::AuditChecking {
                upto: done.upto,
                lines: done.lines,
                flaw: done.flaw,
                is_over: done.is_over,
            })
        })
        .await
}

/// Reads a batch behind a number.
pub(super) async fn read(
    context: Context<'_>,
    organization: Option<String>,
    behind: i64,
) -> Result<Reply, Stop> {
    let moment = context.moment.clone();
    context
        .store
        .write(move |tx| {
            let whose = find(tx, organization.as_deref())?;
            let reader = (whose, Actor::Operator);
            let found = audit::read(tx, &moment, reader, behind, BATCH)?;
            Ok(Reply::AuditLines {
                more: i64::try_from(found.len()).is_ok_and(|length| length == BATCH),
                lines: found.iter().map(line).collect(),
            })
        })
        .await
}

/// Without a name: what concerns no organization.
fn find(tx: &mut Tx<'_>, organization: Option<&str>) -> Result<Option<OrganizationId>, Stop> {
    match organization {
        Some(name) => Ok(Some(get_organization(tx, Some(name))?.id)),
        None => Ok(None),
    }
}

fn line(chained: &Chained) -> AuditLine {
    let link = &chained.link;
    let event = chained.event.as_ref();
    AuditLine {
        number: link.number,
        digest: link.digest,
        id: event.map(|event| event.id),
        at: event.map(|event| event.at.to_rfc3339()),
        kind: event.map(|event| event.kind.name().to_owned()),
        actor: event.map(|event| event.actor.kind().to_owned()),
        actor_id: event.and_then(|event| event.actor.user_id()),
        user_id: event.and_then(|event| event.user_id),
        session_id: event.and_then(|event| event.session_id),
        browser_id: event.and_then(|event| event.browser_id),
        ending_id: event.and_then(|event| event.ending_id),
        cause: event
            .and_then(|event| event.cause)
            .map(|cause| cause.name().to_owned()),
        address: event
            .and_then(|event| event.client.address)
            .map(|address| address.to_string()),
        place: event.and_then(|event| event.client.place.clone()),
        user_agent: event
            .map(|event| event.client.user_agent.clone())
            .filter(|agent| !agent.is_empty()),
        count: event.map(|event| event.count),
        detail: event.and_then(|event| event.detail.clone()),
    }
}
