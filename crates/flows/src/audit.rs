//! The audit trail: giving the history's lines their places, and checking them (LOG-05).
//!
//! A line is written in the transaction of what it reports (LOG-06), and costs nothing
//! more there: its place comes a few seconds later, so that no sign-in and no logout
//! waits for the one head of a chain. Kinds that gather more of the same wait until
//! nothing can be added.

use std::collections::BTreeMap;
use std::time::Duration;

use nightlatch_domain::audit::{ChainKey, Flaw, Head, Salt};
use nightlatch_domain::client::ClientDetails;
use nightlatch_domain::ending::Actor;
use nightlatch_domain::event::{Event, EventKind};
use nightlatch_domain::ids::{Id, OrganizationId};
use nightlatch_domain::{Random, Timestamp};
use nightlatch_storage::audit::{self, Chained};
use nightlatch_storage::{StorageError, Tx, events};

use crate::Moment;
use crate::sign_in::GATHERED;

/// Beyond the hour in which a line gathers, for clocks that differ.
const MARGIN: Duration = Duration::from_mins(5);

/// Gives up to `batch` lines their places, in the order in which they happened; returns
/// how many.
pub fn seal(
    tx: &mut Tx<'_>,
    random: &dyn Random,
    now: Timestamp,
    batch: i64,
) -> Result<u64, StorageError> {
    let gathered_before = now.minus(GATHERED + MARGIN);
    let waiting = audit::list_unsealed(tx, gathered_before, batch)?;
    // In a fixed order, so that two nodes that seal at once wait for each other and never
    // in a circle.
    let mut chains = BTreeMap::<ChainKey, Vec<_>>::new();
    for event in waiting {
        let chain = ChainKey::of(event.organization_id);
        chains.entry(chain).or_default().push(event);
    }
    let mut sealed = 0;
    for (chain, events) in chains {
        let mut head = audit::lock_head(tx, chain)?;
        for event in events {
            if !audit::seal(tx, event.id)? {
                continue;
            }
            let link = head.append(&event, Salt::random(random));
            audit::append(tx, chain, event.id, &link)?;
            head = Head {
                number: link.number,
                digest: link.digest,
            };
            sealed += 1;
        }
        audit::set_head(tx, chain, head)?;
    }
    Ok(sealed)
}

/// How far a check has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    /// The last line that was found to be in order.
    pub upto: Head,
    /// How many this step looked at.
    pub lines: u64,
    /// What is wrong, and at which number; nothing after it was looked at.
    pub flaw: Option<(i64, Flaw)>,
    /// Whether the chain ends here.
    pub is_over: bool,
}

/// Checks up to `batch` lines of a chain behind those that were checked before; from its
/// beginning without any.
pub fn check(
    tx: &mut Tx<'_>,
    chain: ChainKey,
    checked: Option<Head>,
    batch: i64,
) -> Result<Checked, StorageError> {
    let Some(ends) = audit::find_ends(tx, chain)? else {
        return check_nothing(tx, chain);
    };
    // What was checked may be gone by now, because its time was over.
    let start = match checked {
        Some(head) if head.number >= ends.pruned.number => head,
        _ => ends.pruned,
    };
    let mut done = Checked {
        upto: start,
        lines: 0,
        flaw: None,
        is_over: false,
    };
    let links = audit::list_behind(tx, chain, start.number, batch)?;
    done.is_over = i64::try_from(links.len()).is_ok_and(|length| length < batch);
    for Chained { link, event } in &links {
        done.lines += 1;
        match done.upto.follow(link, event.as_ref()) {
            Ok(head) => done.upto = head,
            Err(flaw) => {
                done.flaw = Some((done.upto.number + 1, flaw));
                return Ok(done);
            }
        }
        if done.upto.number == ends.head.number && done.upto.digest != ends.head.digest {
            done.flaw = Some((done.upto.number, Flaw::Cut));
            return Ok(done);
        }
    }
    if done.is_over && done.upto.number != ends.head.number {
        // More may have been appended since the head was read, never less.
        let now = audit::find_ends(tx, chain)?;
        if now.is_none_or(|now| {
            done.upto.number < ends.head.number || done.upto.number > now.head.number
        }) {
            done.flaw = Some((done.upto.number + 1, Flaw::Cut));
        }
    }
    Ok(done)
}

/// A chain without a head has no line.
fn check_nothing(tx: &mut Tx<'_>, chain: ChainKey) -> Result<Checked, StorageError> {
    let stray = audit::list_behind(tx, chain, 0, 1)?;
    let is_stray = !stray.is_empty();
    Ok(Checked {
        upto: Head::BEGINNING,
        lines: 0,
        flaw: is_stray.then_some((1, Flaw::Cut)),
        is_over: true,
    })
}

/// Up to `batch` lines of a chain behind a number, for somebody to read. That they were
/// read becomes a line itself (LOG-05).
pub fn read(
    tx: &mut Tx<'_>,
    moment: &Moment,
    (organization, actor): (Option<OrganizationId>, Actor),
    behind: i64,
    batch: i64,
) -> Result<Vec<Chained>, StorageError> {
    let found = audit::list_behind(tx, ChainKey::of(organization), behind, batch)?;
    if let (Some(first), Some(last)) = (found.first(), found.last()) {
        let detail = format!("lines {} to {}", first.link.number, last.link.number);
        record(
            tx,
            moment,
            (organization, actor),
            EventKind::AuditRead,
            detail,
        )?;
    }
    Ok(found)
}

/// Writes down that a chain was checked to its end, and what came of it.
pub fn record_check(
    tx: &mut Tx<'_>,
    moment: &Moment,
    whose: (Option<OrganizationId>, Actor),
    checked: &Checked,
) -> Result<(), StorageError> {
    let detail = match checked.flaw {
        None => format!("in order up to line {}", checked.upto.number),
        Some((number, flaw)) => format!("line {number}: {}", flaw.sentence()),
    };
    record(tx, moment, whose, EventKind::AuditChecked, detail)
}

fn record(
    tx: &mut Tx<'_>,
    moment: &Moment,
    (organization, actor): (Option<OrganizationId>, Actor),
    kind: EventKind,
    detail: String,
) -> Result<(), StorageError> {
    events::add(
        tx,
        &Event {
            id: Id::sortable(moment.now, moment.random.as_ref()),
            at: moment.now,
            organization_id: organization,
            user_id: None,
            actor,
            kind,
            session_id: None,
            browser_id: None,
            ending_id: None,
            cause: None,
            client: ClientDetails::new(None, None, ""),
            count: 1,
            detail: Some(detail),
        },
    )
}

/// Deletes up to `batch` lines of each chain that are older than `before`; returns how
/// many. Only whole beginnings go, so that what is left can still be checked.
pub fn prune(tx: &mut Tx<'_>, before: Timestamp, batch: i64) -> Result<u64, StorageError> {
    let mut gone = 0;
    for chain in audit::list_chains_with_older(tx, before, batch)? {
        audit::lock_head(tx, chain)?;
        let Some(ends) = audit::find_ends(tx, chain)? else {
            continue;
        };
        let mut upto = ends.pruned;
        for Chained { link, event } in audit::list_behind(tx, chain, upto.number, batch)? {
            if event.as_ref().is_some_and(|event| event.at >= before) {
                break;
            }
            if let Some(event) = event {
                gone += audit::delete_event(tx, event.id)?;
            }
            upto = Head {
                number: link.number,
                digest: link.digest,
            };
        }
        if upto != ends.pruned {
            audit::cut_beginning(tx, chain, upto)?;
        }
    }
    Ok(gone)
}
