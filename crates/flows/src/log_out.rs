//! The one way in which sessions end.
//!
//! [`end_sessions`] is the only code that ends a session; every cause and every
//! surface goes through it, so that every ending leaves the same traces: the
//! row of the session, a line in the history, the row of the ending. It raises
//! the counter first for wide scopes, which makes "log out of all sessions" one
//! write however many there are; up to [`INLINE`] sessions are expanded at once,
//! the rest by [`expand_next`] in batches, resumable at any point.
//!
//! Each app that an ended session had entered is owed a notice, written in the same
//! transaction (`notices`); so is each that a person leaves while their session goes
//! on, and everybody whose app is withdrawn.
//!
//! It does not decide who may end what; that is [`crate::own_endings::end_own`] for
//! people and the command line for operators.

use nightlatch_domain::Timestamp;
use nightlatch_domain::ending::{Actor, Cause, Scope, ScopeKind};
use nightlatch_domain::grant::RevokedCause;
use nightlatch_domain::ids::{EndingId, SessionId, UserId};
use nightlatch_domain::notice::Lane;
use nightlatch_domain::secret::Token;
use nightlatch_domain::session::{self, Refusal, Session};
use nightlatch_storage::endings::{self, Ending};
use nightlatch_storage::sessions::OwnedSession;
use nightlatch_storage::{
    StorageError, Tx, authorization_codes, entries, epochs, grants, host_sessions, relying_parties,
    sessions,
};

use crate::Moment;
use crate::closing::close_all;
use crate::notices;

/// How many sessions are expanded in the transaction of a wide ending.
pub const INLINE: u16 = 100;

/// How many sessions one call of [`expand_next`] ends.
const BATCH: u16 = 500;

/// What is to end, why, and at whose word.
#[derive(Debug, Clone)]
pub struct EndingRequest {
    /// How far.
    pub scope: Scope,
    /// Why.
    pub cause: Cause,
    /// By whom.
    pub actor: Actor,
    /// A reason in words, shown to those concerned.
    pub reason: Option<String>,
}

/// What an ending did.
#[derive(Debug)]
pub struct EndingDone {
    /// The ending.
    pub id: EndingId,
    /// Sessions ended so far.
    pub sessions: i64,
    /// On how many browsers they were.
    pub browsers: i64,
    /// Whether that is all; if not, the rest is over already and is being
    /// written down.
    pub complete: bool,
    /// The session that was kept, if it was live, under its new token.
    pub kept: Option<Box<Renewed>>,
}

/// Ends sessions. The commit of this transaction is the instant from which
/// nothing that belonged to them is accepted any more (OUT-02).
pub fn end_sessions(
    tx: &mut Tx<'_>,
    moment: &Moment,
    request: &EndingRequest,
) -> Result<EndingDone, StorageError> {
    let mut ending = new_ending(moment, request);
    let mut kept = None;
    let targets = match &request.scope {
        Scope::Session(id) => sessions::find(tx, *id)?.into_iter().collect(),
        Scope::Selection(ids) => {
            let mut found = Vec::with_capacity(ids.len());
            for id in ids {
                found.extend(sessions::find(tx, *id)?);
            }
            found
        }
        Scope::OthersOf { user, keep } => {
            ending.epoch = Some(epochs::raise_user(tx, *user)?);
            kept = restamp(tx, moment, *keep)?;
            list_below(tx, &ending, INLINE)?
        }
        Scope::AllOf(user) => {
            ending.epoch = Some(epochs::raise_user(tx, *user)?);
            list_below(tx, &ending, INLINE)?
        }
        Scope::Organization(id) => {
            ending.epoch = Some(epochs::raise_organization(tx, *id)?);
            list_below(tx, &ending, INLINE)?
        }
        Scope::Deployment => {
            ending.epoch = Some(epochs::raise_deployment(tx)?);
            list_below(tx, &ending, INLINE)?
        }
        Scope::AppInSession { session, .. } => {
            return leave_app(tx, moment, ending, *session);
        }
        Scope::Client(client) => {
            ending.epoch = Some(relying_parties::raise_epoch(tx, *client)?);
            return withdraw(tx, moment, ending);
        }
    };
    if let Some(user) = ending.user_id
        && request.cause.ends_long_lived_grants()
    {
        end_long_lived_grants(tx, user)?;
    }
    // A narrow ending is named after whom it concerns, if that is one.
    if ending.epoch.is_none() {
        ending.user_id = shared_by_all(&targets, |owned| owned.session.user_id);
        ending.organization_id = shared_by_all(&targets, |owned| owned.session.organization_id);
    } else if ending.user_id.is_some() {
        ending.organization_id = targets.first().map(|owned| owned.session.organization_id);
    }
    ending.expanded = ending.epoch.is_none() || targets.len() < usize::from(INLINE);
    endings::add(tx, &ending)?;
    let lane = notices::lane(ending.scope);
    let closed = close_all(tx, moment, &ending, lane, &targets)?;
    endings::count(
        tx,
        ending.id,
        closed.sessions,
        closed.browsers,
        ending.expanded,
    )?;
    Ok(EndingDone {
        id: ending.id,
        sessions: closed.sessions,
        browsers: closed.browsers,
        complete: ending.expanded,
        kept,
    })
}

/// How far an expansion has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expansion {
    /// No ending is open.
    Nothing,
    /// A batch was written down; there may be more.
    Continue,
}

/// Writes down the next batch of sessions that a wide ending has ended.
/// Stopping in between loses nothing: they are over since the ending, by their
/// epochs.
pub fn expand_next(tx: &mut Tx<'_>, moment: &Moment) -> Result<Expansion, StorageError> {
    let Some(ending) = endings::list_open(tx, 1)?.into_iter().next() else {
        return Ok(Expansion::Nothing);
    };
    if ending.scope == ScopeKind::Client {
        let complete = leave_batch(tx, moment, &ending, BATCH)?;
        endings::count(tx, ending.id, 0, 0, complete)?;
        return Ok(Expansion::Continue);
    }
    let targets = list_below(tx, &ending, BATCH)?;
    let complete = targets.len() < usize::from(BATCH);
    let closed = close_all(tx, moment, &ending, Lane::Mass, &targets)?;
    endings::count(tx, ending.id, closed.sessions, closed.browsers, complete)?;
    Ok(Expansion::Continue)
}

/// Ends up to `limit` sessions whose deadline passed before `before`, each with
/// its own cause (SES-11). `before` lies one interval of written activity in the
/// past, so that activity not yet written saves its session. Returns whose they
/// were, one entry a session.
pub fn end_overdue(
    tx: &mut Tx<'_>,
    moment: &Moment,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<UserId>, StorageError> {
    let (mut idle, mut overall) = (Vec::new(), Vec::new());
    let mut owners = Vec::new();
    for owned in sessions::list_overdue(tx, before, limit)? {
        let life = moment
            .activity
            .overlay(owned.session.id, owned.session.life);
        match session::admit(&life, &owned.standing(), before) {
            Ok(_) => continue,
            Err(Refusal::OverallTimeout) => overall.push(owned.session.id),
            Err(_) => idle.push(owned.session.id),
        }
        owners.push(owned.session.user_id);
    }
    for (ids, cause) in [(idle, Cause::IdleTimeout), (overall, Cause::OverallTimeout)] {
        if !ids.is_empty() {
            let request = EndingRequest {
                scope: Scope::Selection(ids),
                cause,
                actor: Actor::System,
                reason: None,
            };
            end_sessions(tx, moment, &request)?;
        }
    }
    Ok(owners)
}

/// What all of them have in common, if anything.
fn shared_by_all<T: PartialEq>(
    targets: &[OwnedSession],
    of: impl Fn(&OwnedSession) -> T,
) -> Option<T> {
    let first = of(targets.first()?);
    targets
        .iter()
        .all(|owned| of(owned) == first)
        .then_some(first)
}

pub(crate) fn new_ending(moment: &Moment, request: &EndingRequest) -> Ending {
    let (organization_id, user_id, kept_session_id) = match &request.scope {
        Scope::OthersOf { user, keep } => (None, Some(*user), Some(*keep)),
        Scope::AllOf(user) => (None, Some(*user), None),
        Scope::Organization(id) => (Some(*id), None, None),
        Scope::Session(_)
        | Scope::Selection(_)
        | Scope::Deployment
        | Scope::AppInSession { .. }
        | Scope::Client(_) => (None, None, None),
    };
    let client_id = match &request.scope {
        Scope::AppInSession { client, .. } | Scope::Client(client) => Some(*client),
        _ => None,
    };
    Ending {
        client_id,
        id: EndingId::sortable(moment.now, moment.random.as_ref()),
        at: moment.now,
        scope: request.scope.kind(),
        organization_id,
        user_id,
        kept_session_id,
        epoch: None,
        cause: request.cause,
        actor: request.actor,
        reason: request.reason.clone(),
        sessions_ended: 0,
        browsers_ended: 0,
        expanded: true,
    }
}

/// Ends all long-lived grants of a user: apps that go on when the person is not
/// there. One counter, whatever their number (A8).
pub fn end_long_lived_grants(tx: &mut Tx<'_>, user: UserId) -> Result<(), StorageError> {
    grants::raise_offline_epoch(tx, user).map(|_| ())
}

/// One app in one session: its entry and grants end, and it is told; the session
/// goes on (E11).
fn leave_app(
    tx: &mut Tx<'_>,
    moment: &Moment,
    mut ending: Ending,
    session: SessionId,
) -> Result<EndingDone, StorageError> {
    if let Some(owned) = sessions::find(tx, session)? {
        ending.user_id = Some(owned.session.user_id);
        ending.organization_id = Some(owned.session.organization_id);
    }
    endings::add(tx, &ending)?;
    // A code that is under way would lead right back in.
    if let (Some(user), Some(client)) = (ending.user_id, ending.client_id) {
        authorization_codes::void_of_session(tx, user, session, client)?;
    }
    if let Some(client) = ending.client_id
        && let Some(entry) = entries::find(tx, session, client)?
    {
        let cause = RevokedCause::LeftApp;
        grants::revoke_of_session(tx, session, client, moment.now, cause)?;
        host_sessions::delete_of_entry(tx, session, client)?;
        notices::owe_for_entry(tx, moment, &ending, &entry)?;
    }
    Ok(nothing_ended(&ending))
}

/// One app everywhere. Its counter has ended what it holds; telling it, session by
/// session, is done here for the first and by [`expand_next`] for the rest.
fn withdraw(
    tx: &mut Tx<'_>,
    moment: &Moment,
    mut ending: Ending,
) -> Result<EndingDone, StorageError> {
    if let Some(client) = ending.client_id {
        let app = relying_parties::find(tx, client)?;
        ending.organization_id = app.map(|app| app.organization_id);
    }
    ending.expanded = false;
    endings::add(tx, &ending)?;
    ending.expanded = leave_batch(tx, moment, &ending, INLINE)?;
    endings::count(tx, ending.id, 0, 0, ending.expanded)?;
    Ok(nothing_ended(&ending))
}

/// Tells of up to `limit` entries into a withdrawn app; says whether these were
/// all.
fn leave_batch(
    tx: &mut Tx<'_>,
    moment: &Moment,
    ending: &Ending,
    limit: u16,
) -> Result<bool, StorageError> {
    let Some(client) = ending.client_id else {
        return Ok(true);
    };
    let open = entries::list_open_of_client(tx, client, i64::from(limit))?;
    for entry in &open {
        notices::owe_for_entry(tx, moment, ending, entry)?;
    }
    Ok(open.len() < usize::from(limit))
}

/// What an ending did that ended no session.
fn nothing_ended(ending: &Ending) -> EndingDone {
    EndingDone {
        id: ending.id,
        sessions: 0,
        browsers: 0,
        complete: ending.expanded,
        kept: None,
    }
}

/// A session that goes on under a new token; the old one is dead with the commit
/// (SES-05).
#[derive(Debug)]
pub struct Renewed {
    /// The session as it is now.
    pub session: Session,
    /// Its new token.
    pub token: Token,
}

/// Takes the kept session over the raised counter, under a new token. One that
/// was over before stays over: keeping must never revive.
fn restamp(
    tx: &mut Tx<'_>,
    moment: &Moment,
    keep: SessionId,
) -> Result<Option<Box<Renewed>>, StorageError> {
    let Some(owned) = sessions::find(tx, keep)? else {
        return Ok(None);
    };
    let mut session = owned.session;
    let was_current = session.life.epochs.user + 1 == owned.epochs.user;
    if !was_current || session.life.ended.is_some() {
        return Ok(None);
    }
    session.life.epochs.user = owned.epochs.user;
    let token = Token::generate(moment.random.as_ref());
    sessions::renew(tx, &session, token.digest())?;
    Ok(Some(Box::new(Renewed { session, token })))
}

/// Open sessions below the counter of a wide ending.
fn list_below(
    tx: &mut Tx<'_>,
    ending: &Ending,
    limit: u16,
) -> Result<Vec<OwnedSession>, StorageError> {
    let (limit, epoch) = (i64::from(limit), ending.epoch.unwrap_or_default());
    match (ending.scope, ending.user_id, ending.organization_id) {
        (ScopeKind::OthersOfUser | ScopeKind::AllOfUser, Some(id), _) => {
            sessions::list_open_of_user_below(tx, id, epoch, limit)
        }
        (ScopeKind::Organization, _, Some(id)) => {
            sessions::list_open_of_organization_below(tx, id, epoch, limit)
        }
        (ScopeKind::Deployment, _, _) => sessions::list_open_of_deployment_below(tx, epoch, limit),
        // Narrow endings have no counter.
        _ => Ok(Vec::new()),
    }
}

/// Ends everything of a user, for causes that leave no choice.
pub fn end_all_of(
    tx: &mut Tx<'_>,
    moment: &Moment,
    user: UserId,
    cause: Cause,
    actor: Actor,
) -> Result<EndingDone, StorageError> {
    let request = EndingRequest {
        scope: Scope::AllOf(user),
        cause,
        actor,
        reason: None,
    };
    end_sessions(tx, moment, &request)
}
