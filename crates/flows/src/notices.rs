//! Which apps are owed word of an ending.
//!
//! Only [`crate::log_out`] and [`crate::closing`] call this, in the transaction that
//! ends what the app is told of: neither is there without the other (DLV-01). An app
//! that cannot be told gets a row too, so that the receipt can say so (C9, C10).

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use nightlatch_domain::Timestamp;
use nightlatch_domain::ending::ScopeKind;
use nightlatch_domain::ids::{ClientId, EndingId, NoticeId, OrganizationId, SessionId, UserId};
use nightlatch_domain::notice::{Channel, Envelope, GIVE_UP_AFTER, Lane, Notice, NoticeState};
use nightlatch_domain::relying_party::RelyingParty;
use nightlatch_domain::session::Ended;
use nightlatch_storage::endings::Ending;
use nightlatch_storage::entries::Entry as OpenEntry;
use nightlatch_storage::sessions::OwnedSession;
use nightlatch_storage::{StorageError, Tx, entries, notices, relying_parties};

use crate::Moment;

/// What an app is told of.
struct News {
    ending_id: EndingId,
    at: Timestamp,
    session_id: SessionId,
    user_id: UserId,
    organization_id: OrganizationId,
    lane: Lane,
}

/// The lane of the notices that an ending of this scope writes at once.
pub(crate) fn lane(scope: ScopeKind) -> Lane {
    match scope {
        ScopeKind::Session
        | ScopeKind::Selection
        | ScopeKind::OthersOfUser
        | ScopeKind::AllOfUser
        | ScopeKind::AppInSession => Lane::Interactive,
        ScopeKind::Organization | ScopeKind::Deployment | ScopeKind::Client => Lane::Mass,
    }
}

/// Sessions ended: every app that one of them is in is owed a notice.
pub(crate) fn owe_for_sessions(
    tx: &mut Tx<'_>,
    moment: &Moment,
    closed: &[&OwnedSession],
    ended: &Ended,
    lane: Lane,
) -> Result<(), StorageError> {
    let ids: Vec<SessionId> = closed.iter().map(|owned| owned.session.id).collect();
    let mut apps_of: HashMap<SessionId, Vec<ClientId>> = HashMap::new();
    for (session, client) in entries::list_open_of_sessions(tx, &ids)? {
        apps_of.entry(session).or_default().push(client);
    }
    let mut apps: HashMap<ClientId, Option<RelyingParty>> = HashMap::new();
    for owned in closed {
        let session = &owned.session;
        let news = News {
            ending_id: ended.ending_id,
            at: ended.at,
            session_id: session.id,
            user_id: session.user_id,
            organization_id: session.organization_id,
            lane,
        };
        for client in apps_of.remove(&session.id).unwrap_or_default() {
            if let Entry::Vacant(place) = apps.entry(client) {
                place.insert(relying_parties::find(tx, client)?);
            }
            if let Some(Some(app)) = apps.get(&client) {
                owe(tx, moment, &news, app)?;
            }
        }
    }
    Ok(())
}

/// A session goes on without an app: that one is owed a notice.
pub(crate) fn owe_for_entry(
    tx: &mut Tx<'_>,
    moment: &Moment,
    ending: &Ending,
    entry: &OpenEntry,
) -> Result<(), StorageError> {
    let Some(app) = relying_parties::find(tx, entry.client_id)? else {
        return Ok(());
    };
    let news = News {
        ending_id: ending.id,
        at: ending.at,
        session_id: entry.session_id,
        user_id: entry.user_id,
        organization_id: app.organization_id,
        lane: lane(ending.scope),
    };
    owe(tx, moment, &news, &app)
}

fn owe(
    tx: &mut Tx<'_>,
    moment: &Moment,
    news: &News,
    app: &RelyingParty,
) -> Result<(), StorageError> {
    // Whoever closes the entry writes the notice: exactly one, whatever races.
    if !entries::leave(tx, news.session_id, app.id, news.at)? {
        return Ok(());
    }
    for (channel, envelope) in Envelope::all_of(app) {
        let (state, finished_at) = match channel {
            Channel::BackChannel | Channel::Pull => (NoticeState::Waiting, None),
            Channel::AtEachRequest => (NoticeState::Ended, Some(moment.now)),
            Channel::None => (NoticeState::CannotBeTold, Some(moment.now)),
        };
        let notice = Notice {
            id: NoticeId::sortable(moment.now, moment.random.as_ref()),
            ending_id: news.ending_id,
            client_id: app.id,
            session_id: news.session_id,
            user_id: news.user_id,
            organization_id: news.organization_id,
            channel,
            envelope,
            ended_at: news.at,
            lane: news.lane,
            state,
            attempts: 0,
            next_at: moment.now,
            created_at: moment.now,
            give_up_at: moment.now.plus(GIVE_UP_AFTER),
            finished_at,
            last_status: None,
            last_error: None,
        };
        notices::add(tx, &notice)?;
    }
    Ok(())
}
