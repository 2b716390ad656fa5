//! What must hold of the whole database after any story.
//!
//! * Every session began once and, if it is over, ended once, with the same
//!   cause and actor in its row, its line of the history and its ending (H5).
//! * What the list shows and what the check admits are the same (DEV-02).
//! * Nothing that a wide ending has ended is left open once it is expanded.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use nightlatch_domain::Timestamp;
use nightlatch_domain::event::EventKind;
use nightlatch_domain::ids::{EndingId, SessionId};
use nightlatch_flows::activity::Activity;
use nightlatch_flows::housekeeping::RETENTION;
use nightlatch_flows::sessions::{Check, check as check_token, list_live};
use nightlatch_storage::{StorageError, Tx, endings, sessions};

use crate::rows::{SessionRow, all_sessions};
use crate::site::Site;

/// Checks all of it, and says what does not hold.
pub(crate) fn check(site: &Site) {
    site.expand();
    let (activity, now) = (Arc::clone(&site.app().activity), site.now());
    for offense in site.read(move |tx| offenses(tx, &activity, now)) {
        site.watch.offend(offense);
    }
}

fn offenses(
    tx: &mut Tx<'_>,
    activity: &Activity,
    now: Timestamp,
) -> Result<Vec<String>, StorageError> {
    let mut found = Vec::new();
    let rows = all_sessions(tx)?;
    // Housekeeping takes the oldest lines; what they belonged to went with them.
    let begins = lines(
        tx,
        &[EventKind::SignedIn, EventKind::SignedInFromNewBrowser],
    )?;
    let ends = lines(tx, &[EventKind::SessionEnded])?;
    let mut ended_by: HashMap<EndingId, i64> = HashMap::new();
    for row in &rows {
        let beginnings = begins.get(&row.id).map_or(0, Vec::len);
        let is_kept = now.since(row.created_at) < RETENTION;
        if beginnings != 1 && is_kept {
            found.push(format!("session {} began {beginnings} times", row.id));
        }
        let lines = ends.get(&row.id).map(Vec::as_slice).unwrap_or_default();
        judge_end(tx, row, lines, &mut found)?;
        if let Some(ended) = row.ended {
            *ended_by.entry(ended.ending_id).or_default() += 1;
        }
    }
    for (id, count) in ended_by {
        if let Some(ending) = endings::find(tx, id)?
            && (ending.sessions_ended != count || ending.browsers_ended > count)
        {
            found.push(format!("{ending:?} counts wrong: it ended {count}"));
        }
    }
    compare_list_with_check(tx, &rows, activity, now, &mut found)?;
    Ok(found)
}

struct Line {
    cause: Option<String>,
    actor: String,
    at: Timestamp,
    ending: Option<EndingId>,
}

fn lines(
    tx: &mut Tx<'_>,
    kinds: &[EventKind],
) -> Result<HashMap<SessionId, Vec<Line>>, StorageError> {
    let mut by_session: HashMap<SessionId, Vec<Line>> = HashMap::new();
    for kind in kinds {
        let found = tx.query(
            "SELECT session_id, cause, actor_kind, at, ending_id FROM events
             WHERE kind = $1 AND session_id IS NOT NULL",
            &[kind.name().into()],
            |row| {
                let line = Line {
                    cause: row.get(1)?,
                    actor: row.get(2)?,
                    at: row.get(3)?,
                    ending: row.get(4)?,
                };
                Ok((row.get::<SessionId>(0)?, line))
            },
        )?;
        for (id, line) in found {
            by_session.entry(id).or_default().push(line);
        }
    }
    Ok(by_session)
}

fn judge_end(
    tx: &mut Tx<'_>,
    row: &SessionRow,
    lines: &[Line],
    found: &mut Vec<String>,
) -> Result<(), StorageError> {
    let id = row.id;
    let Some(ended) = row.ended else {
        if !lines.is_empty() {
            found.push(format!(
                "session {id} is open, but its history says it ended"
            ));
        }
        return Ok(());
    };
    let [line] = lines else {
        found.push(format!("session {id} ended {} times", lines.len()));
        return Ok(());
    };
    let Some(ending) = endings::find(tx, ended.ending_id)? else {
        found.push(format!("session {id} names an ending that is not there"));
        return Ok(());
    };
    let cause = Some(ended.cause.name());
    if ending.cause != ended.cause || line.cause.as_deref() != cause {
        found.push(format!(
            "session {id} ended for {cause:?}, its ending says {:?}, its history {:?}",
            ending.cause, line.cause
        ));
    }
    if line.actor != ending.actor.kind() {
        found.push(format!(
            "session {id} was ended by {:?}, its history says {}",
            ending.actor, line.actor
        ));
    }
    if line.at != ended.at || line.ending != Some(ended.ending_id) {
        found.push(format!(
            "session {id} and its history differ in when or what"
        ));
    }
    Ok(())
}

fn compare_list_with_check(
    tx: &mut Tx<'_>,
    rows: &[SessionRow],
    activity: &Activity,
    now: Timestamp,
    found: &mut Vec<String>,
) -> Result<(), StorageError> {
    let users: HashSet<_> = rows.iter().map(|row| row.user).collect();
    let mut listed = HashSet::new();
    for user in users {
        for session in list_live(tx, user, activity, now)? {
            listed.insert(session.session.id);
        }
    }
    for row in rows {
        let live = matches!(check_token(tx, row.token, activity, now)?, Check::Live(_));
        if live != listed.contains(&row.id) {
            found.push(format!(
                "session {}: live is {live}, listed is {}",
                row.id, !live
            ));
        }
        let owned = sessions::find(tx, row.id)?;
        let overtaken = owned.is_some_and(|owned| owned.session.life.epochs != owned.epochs);
        if overtaken && row.ended.is_none() {
            found.push(format!(
                "session {} is over and was not written down",
                row.id
            ));
        }
    }
    Ok(())
}
