//! The apps of a person: those that their sessions are in, those that may go on
//! when they are not there, and those that they agreed to; leaving one, and taking
//! all of its access away (E11, E12, OIDC-18).

use nightlatch_domain::Timestamp;
use nightlatch_domain::ending::{Actor, Cause, Scope};
use nightlatch_domain::event::{Event, EventKind};
use nightlatch_domain::grant::{self, Grant, GrantStanding, RevokedCause};
use nightlatch_domain::ids::{ClientId, EndingId, EventId, SessionId, UserId};
use nightlatch_domain::relying_party::{RelyingParty, RelyingPartyStatus};
use nightlatch_domain::user::User;
use nightlatch_storage::consents::Consent;
use nightlatch_storage::sessions::OwnedSession;
use nightlatch_storage::{
    StorageError, Tx, authorization_codes, consents, entries, events, grants, relying_parties,
};

use crate::Moment;
use crate::activity::Activity;
use crate::log_out::{EndingRequest, end_sessions};
use crate::sessions::{find_live, list_live};

/// How many entries, grants and consents of one person are looked at.
const MOST: i64 = 1_000;

/// An app, and what holds it open for a person.
#[derive(Debug)]
pub struct OwnApp {
    /// The app.
    pub app: RelyingParty,
    /// The live sessions that are in it.
    pub sessions: Vec<SessionId>,
    /// When one of them entered it last.
    pub last_entered_at: Option<Timestamp>,
    /// What it may do when the person is not there; only grants that are good.
    pub long_lived: Vec<Grant>,
    /// What the person agreed to.
    pub consent: Option<Consent>,
}

impl OwnApp {
    fn new(app: RelyingParty) -> Self {
        Self {
            app,
            sessions: Vec::new(),
            last_entered_at: None,
            long_lived: Vec::new(),
            consent: None,
        }
    }
}

/// Every app that a person is in, or that holds a good grant or a consent of theirs,
/// by name (E12).
pub fn list(
    tx: &mut Tx<'_>,
    activity: &Activity,
    user: &User,
    now: Timestamp,
) -> Result<Vec<OwnApp>, StorageError> {
    let mut apps = Vec::new();
    let live: Vec<SessionId> = list_live(tx, user.id, activity, now)?
        .iter()
        .map(|listed| listed.session.id)
        .collect();
    for entry in entries::list_open_of_user(tx, user.id, MOST)? {
        if !live.contains(&entry.session_id) {
            continue;
        }
        if let Some(own) = app_of(tx, &mut apps, entry.client_id)? {
            own.sessions.push(entry.session_id);
            own.last_entered_at = own.last_entered_at.max(Some(entry.last_at));
        }
    }
    for grant in good_long_lived(tx, user, now)? {
        if let Some(own) = app_of(tx, &mut apps, grant.client_id)? {
            own.long_lived.push(grant);
        }
    }
    for consent in consents::list_of_user(tx, user.id, MOST)? {
        if let Some(own) = app_of(tx, &mut apps, consent.client_id)? {
            own.consent = Some(consent);
        }
    }
    // A withdrawn app holds nothing.
    apps.retain(|own| own.app.status == RelyingPartyStatus::Active);
    apps.sort_by_cached_key(|own| own.app.name.to_lowercase());
    Ok(apps)
}

fn app_of<'a>(
    tx: &mut Tx<'_>,
    apps: &'a mut Vec<OwnApp>,
    id: ClientId,
) -> Result<Option<&'a mut OwnApp>, StorageError> {
    if !apps.iter().any(|own| own.app.id == id) {
        let Some(app) = relying_parties::find(tx, id)? else {
            return Ok(None);
        };
        apps.push(OwnApp::new(app));
    }
    Ok(apps.iter_mut().find(|own| own.app.id == id))
}

/// The long-lived grants of a person that are good now.
fn good_long_lived(
    tx: &mut Tx<'_>,
    user: &User,
    now: Timestamp,
) -> Result<Vec<Grant>, StorageError> {
    let mut good = Vec::new();
    for grant in grants::list_offline_of_user(tx, user.id, MOST)? {
        let Some(epochs) = grants::find_epochs(tx, user.id, grant.client_id)? else {
            continue;
        };
        let Some(app) = relying_parties::find(tx, grant.client_id)? else {
            continue;
        };
        let standing = GrantStanding {
            epochs,
            user_status: user.status,
            client_status: app.status,
            // Not asked for these.
            session_is_live: false,
        };
        if grant::admit(&grant, &standing, now).is_ok() {
            good.push(grant);
        }
    }
    Ok(good)
}

/// How many apps may go on when the person is not there (A8).
pub fn count_long_lived(tx: &mut Tx<'_>, user: &User, now: Timestamp) -> Result<u64, StorageError> {
    let mut apps: Vec<ClientId> = good_long_lived(tx, user, now)?
        .iter()
        .map(|grant| grant.client_id)
        .collect();
    apps.sort_unstable();
    apps.dedup();
    Ok(apps.len() as u64)
}

/// The apps that each live session of a person is in.
pub fn list_of_sessions(
    tx: &mut Tx<'_>,
    user: UserId,
) -> Result<Vec<(SessionId, String)>, StorageError> {
    let mut names: Vec<(ClientId, String)> = Vec::new();
    let mut found = Vec::new();
    for entry in entries::list_open_of_user(tx, user, MOST)? {
        if !names.iter().any(|(id, _)| *id == entry.client_id) {
            let Some(app) = relying_parties::find(tx, entry.client_id)? else {
                continue;
            };
            names.push((app.id, app.name));
        }
        let named = names.iter().find(|(id, _)| *id == entry.client_id);
        found.extend(named.map(|(_, name)| (entry.session_id, name.clone())));
    }
    found.sort_by_cached_key(|(_, name)| name.to_lowercase());
    Ok(found)
}

/// What came of leaving an app or taking its access away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppOutcome {
    /// Done; the ending says what the app was told, if it had to be told.
    Done(Option<EndingId>),
    /// The person is not in this app, and it holds nothing of theirs.
    NotFound,
    /// The session that asked is over.
    SessionOver,
}

/// The person leaves an app in the session that asks, and stays signed in (E11).
pub fn leave(
    tx: &mut Tx<'_>,
    moment: &Moment,
    activity: &Activity,
    acting: SessionId,
    client: ClientId,
) -> Result<AppOutcome, StorageError> {
    let Some(owned) = find_live(tx, acting, activity, moment.now)? else {
        return Ok(AppOutcome::SessionOver);
    };
    let (Some(entry), Some(app)) = (
        entries::find(tx, acting, client)?,
        relying_parties::find(tx, client)?,
    ) else {
        return Ok(AppOutcome::NotFound);
    };
    if entry.left_at.is_some() {
        return Ok(AppOutcome::NotFound);
    }
    let ending = leave_in(tx, moment, &owned, acting, client)?;
    let kind = EventKind::AppLeft;
    events::add(tx, &event(moment, &owned, kind, &app, Some(ending)))?;
    Ok(AppOutcome::Done(Some(ending)))
}

/// The person takes everything from an app: it is left in all of their sessions,
/// goes on nowhere when they are not there, and asks again when they come back
/// (E12, OIDC-18).
pub fn remove_access(
    tx: &mut Tx<'_>,
    moment: &Moment,
    activity: &Activity,
    acting: SessionId,
    client: ClientId,
) -> Result<AppOutcome, StorageError> {
    let Some(owned) = find_live(tx, acting, activity, moment.now)? else {
        return Ok(AppOutcome::SessionOver);
    };
    let Some(app) = relying_parties::find(tx, client)? else {
        return Ok(AppOutcome::NotFound);
    };
    let user = owned.session.user_id;
    let mut last = None;
    for entry in entries::list_open_of_user(tx, user, MOST)? {
        if entry.client_id == client {
            last = Some(leave_in(tx, moment, &owned, entry.session_id, client)?);
        }
    }
    // Also in sessions that were not in it yet.
    authorization_codes::void_of_user(tx, user, client)?;
    let cause = RevokedCause::LeftApp;
    let revoked = grants::revoke_offline_of_client(tx, user, client, moment.now, cause)?;
    let agreed = consents::delete(tx, user, client)?;
    if last.is_none() && revoked == 0 && !agreed {
        return Ok(AppOutcome::NotFound);
    }
    let kind = EventKind::AppAccessRemoved;
    events::add(tx, &event(moment, &owned, kind, &app, last))?;
    Ok(AppOutcome::Done(last))
}

fn leave_in(
    tx: &mut Tx<'_>,
    moment: &Moment,
    acting: &OwnedSession,
    session: SessionId,
    client: ClientId,
) -> Result<EndingId, StorageError> {
    let request = EndingRequest {
        scope: Scope::AppInSession { session, client },
        cause: Cause::LoggedOut,
        actor: Actor::User(acting.session.user_id),
        reason: None,
    };
    end_sessions(tx, moment, &request).map(|done| done.id)
}

fn event(
    moment: &Moment,
    acting: &OwnedSession,
    kind: EventKind,
    app: &RelyingParty,
    ending_id: Option<EndingId>,
) -> Event {
    let session = &acting.session;
    Event {
        id: EventId::sortable(moment.now, moment.random.as_ref()),
        at: moment.now,
        organization_id: Some(session.organization_id),
        user_id: Some(session.user_id),
        actor: Actor::User(session.user_id),
        kind,
        session_id: Some(session.id),
        browser_id: session.browser_id,
        ending_id,
        cause: None,
        client: session.client.clone(),
        count: 1,
        detail: Some(app.name.clone()),
    }
}
