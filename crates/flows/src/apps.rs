//! Registering apps, changing them, and withdrawing them.
//!
//! Who may do that is decided by the callers: the command line for operators, the
//! API for administrators. What is registered is judged by
//! `domain::relying_party`; everything that happens stands in the audit trail.

use nightlatch_domain::client::ClientDetails;
use nightlatch_domain::ending::{Actor, Cause, Scope};
use nightlatch_domain::event::{Event, EventKind};
use nightlatch_domain::ids::{ClientId, EventId, OrganizationId};
use nightlatch_domain::relying_party::protection::ProtectedHost;
use nightlatch_domain::relying_party::{Registration, RelyingParty, RelyingPartyStatus};
use nightlatch_domain::secret::Token;
use nightlatch_storage::{StorageError, Tx, events, organizations, relying_parties};

use crate::Moment;
use crate::log_out::{EndingDone, EndingRequest, end_sessions};

/// An app as its owner asks for it.
#[derive(Debug, Clone)]
pub struct NewApp {
    /// Whose people it signs in.
    pub organization: OrganizationId,
    /// What people call it.
    pub name: String,
    /// What is registered; judged before (`Registration::judge`).
    pub registration: Registration,
}

/// What came of registering or changing an app.
#[derive(Debug)]
pub enum RegisterOutcome {
    /// Done. The secret is shown this once and never again.
    Done {
        /// The app.
        app: Box<RelyingParty>,
        /// Its new secret, if it got one.
        secret: Option<Token>,
    },
    /// Another app of the organization has this name.
    NameTaken,
    /// Another app, of this organization or another, is reached at this host.
    HostTaken(ProtectedHost),
    /// There is no such app in that organization.
    NotFound,
    /// It would let an administrator of one of several organizations make us call
    /// addresses in the network of whoever runs the server: only the operator may.
    PrivateNetwork,
    /// The same of hosts: a proxy that guards one is the operator's, and what is not
    /// registered there is refused. Whoever could register it would open it.
    HostOfOperator,
}

/// Registers an app.
pub fn register(
    tx: &mut Tx<'_>,
    moment: &Moment,
    new: &NewApp,
    actor: Actor,
) -> Result<RegisterOutcome, StorageError> {
    if relying_parties::find_by_name(tx, new.organization, &new.name)?.is_some() {
        return Ok(RegisterOutcome::NameTaken);
    }
    if !may_call(tx, None, &new.registration, actor)? {
        return Ok(RegisterOutcome::PrivateNetwork);
    }
    if !may_protect(tx, None, &new.registration, actor)? {
        return Ok(RegisterOutcome::HostOfOperator);
    }
    if let Some(host) = taken_host(tx, &new.registration, None)? {
        return Ok(RegisterOutcome::HostTaken(host));
    }
    let secret = new
        .registration
        .uses_secret()
        .then(|| Token::generate(moment.random.as_ref()));
    let app = RelyingParty {
        id: ClientId::random(moment.random.as_ref()),
        organization_id: new.organization,
        name: new.name.clone(),
        registration: new.registration.clone(),
        secret: secret.as_ref().map(Token::digest),
        status: RelyingPartyStatus::Active,
        epoch: 0,
        created_at: moment.now,
    };
    relying_parties::add(tx, &app)?;
    record(tx, moment, &app, EventKind::AppRegistered, actor)?;
    let app = Box::new(app);
    Ok(RegisterOutcome::Done { app, secret })
}

/// Stores name and registration anew. An app that begins to prove itself with a
/// secret gets one; one that stops loses it.
pub fn change(
    tx: &mut Tx<'_>,
    moment: &Moment,
    (organization, id): (OrganizationId, ClientId),
    name: &str,
    registration: &Registration,
    actor: Actor,
) -> Result<RegisterOutcome, StorageError> {
    let Some(mut app) = find(tx, organization, id)? else {
        return Ok(RegisterOutcome::NotFound);
    };
    if let Some(other) = relying_parties::find_by_name(tx, organization, name)?
        && other.id != id
    {
        return Ok(RegisterOutcome::NameTaken);
    }
    if !may_call(tx, Some(&app.registration), registration, actor)? {
        return Ok(RegisterOutcome::PrivateNetwork);
    }
    if !may_protect(tx, Some(&app.registration), registration, actor)? {
        return Ok(RegisterOutcome::HostOfOperator);
    }
    if let Some(host) = taken_host(tx, registration, Some(id))? {
        return Ok(RegisterOutcome::HostTaken(host));
    }
    name.clone_into(&mut app.name);
    app.registration = registration.clone();
    relying_parties::update(tx, &app)?;
    let mut secret = None;
    match (registration.uses_secret(), app.secret) {
        (true, None) => secret = Some(give_secret(tx, moment, &mut app)?),
        (false, Some(_)) => {
            app.secret = None;
            relying_parties::set_secret(tx, id, None)?;
        }
        _ => {}
    }
    record(tx, moment, &app, EventKind::AppChanged, actor)?;
    let app = Box::new(app);
    Ok(RegisterOutcome::Done { app, secret })
}

/// Gives an app another secret; the one before is worth nothing from the commit
/// on.
pub fn replace_secret(
    tx: &mut Tx<'_>,
    moment: &Moment,
    (organization, id): (OrganizationId, ClientId),
    actor: Actor,
) -> Result<RegisterOutcome, StorageError> {
    let found = find(tx, organization, id)?;
    let Some(mut app) = found.filter(|app| app.registration.uses_secret()) else {
        return Ok(RegisterOutcome::NotFound);
    };
    let secret = Some(give_secret(tx, moment, &mut app)?);
    record(tx, moment, &app, EventKind::AppSecretReplaced, actor)?;
    let app = Box::new(app);
    Ok(RegisterOutcome::Done { app, secret })
}

/// Withdraws an app: nobody enters it any more, nothing that it holds is good, and
/// it is told of every session that it was in (OUT-13). The sessions go on.
/// Nothing if there is no such app, or it was withdrawn before.
pub fn withdraw(
    tx: &mut Tx<'_>,
    moment: &Moment,
    (organization, id): (OrganizationId, ClientId),
    actor: Actor,
    reason: Option<String>,
) -> Result<Option<EndingDone>, StorageError> {
    let active = find(tx, organization, id)?.filter(|app| app.status == RelyingPartyStatus::Active);
    let Some(app) = active else {
        return Ok(None);
    };
    relying_parties::set_status(tx, id, RelyingPartyStatus::Withdrawn)?;
    record(tx, moment, &app, EventKind::AppWithdrawn, actor)?;
    let request = EndingRequest {
        scope: Scope::Client(id),
        cause: Cause::AppWithdrawn,
        actor,
        reason,
    };
    end_sessions(tx, moment, &request).map(Some)
}

/// Lets people enter a withdrawn app again. Nothing that was ended comes back.
pub fn restore(
    tx: &mut Tx<'_>,
    moment: &Moment,
    (organization, id): (OrganizationId, ClientId),
    actor: Actor,
) -> Result<bool, StorageError> {
    let withdrawn =
        find(tx, organization, id)?.filter(|app| app.status == RelyingPartyStatus::Withdrawn);
    let Some(app) = withdrawn else {
        return Ok(false);
    };
    relying_parties::set_status(tx, id, RelyingPartyStatus::Active)?;
    record(tx, moment, &app, EventKind::AppRestored, actor)?;
    Ok(true)
}

/// The app of this organization; those of others do not exist for it.
pub fn find(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    id: ClientId,
) -> Result<Option<RelyingParty>, StorageError> {
    let found = relying_parties::find(tx, id)?;
    Ok(found.filter(|app| app.organization_id == organization))
}

/// Whether somebody may have us call what is registered (BCL-08). Where one company has
/// the server to itself, its administrators may open its network; where several share
/// one, the network is not theirs, and what an operator has allowed holds for the very
/// addresses that it was allowed for.
fn may_call(
    tx: &mut Tx<'_>,
    before: Option<&Registration>,
    after: &Registration,
    actor: Actor,
) -> Result<bool, StorageError> {
    if !after.allow_private_network || !matches!(actor, Actor::Administrator(_)) {
        return Ok(true);
    }
    let allowed = before.is_some_and(|before| {
        let known = &before.backchannel_logout_uris;
        before.allow_private_network
            && after
                .backchannel_logout_uris
                .iter()
                .all(|uri| known.contains(uri))
    });
    Ok(allowed || organizations::list(tx, 2)?.len() < 2)
}

/// Whether somebody may name these hosts. Where several organizations share a server,
/// the proxies in front of it are its operator's, and hosts are named by them alone; who
/// may enter, and how, stays with the organization.
fn may_protect(
    tx: &mut Tx<'_>,
    before: Option<&Registration>,
    after: &Registration,
    actor: Actor,
) -> Result<bool, StorageError> {
    let Some(rule) = &after.protection else {
        return Ok(true);
    };
    let known = before.and_then(|before| before.protection.as_ref());
    let mut hosts = rule.hosts.iter();
    let are_known = hosts.all(|host| known.is_some_and(|rule| rule.find_host(host).is_some()));
    if are_known || !matches!(actor, Actor::Administrator(_)) {
        return Ok(true);
    }
    Ok(organizations::list(tx, 2)?.len() < 2)
}

/// A host that belongs to another app. Two apps on one host could read each other's
/// cookies, and nobody could say which rules hold there.
fn taken_host(
    tx: &mut Tx<'_>,
    registration: &Registration,
    own: Option<ClientId>,
) -> Result<Option<ProtectedHost>, StorageError> {
    let hosts = registration.protection.iter().flat_map(|rule| &rule.hosts);
    for host in hosts {
        let owner = relying_parties::find_by_host(tx, host.authority())?;
        if owner.is_some_and(|app| Some(app.id) != own) {
            return Ok(Some(host.clone()));
        }
    }
    Ok(None)
}

fn give_secret(
    tx: &mut Tx<'_>,
    moment: &Moment,
    app: &mut RelyingParty,
) -> Result<Token, StorageError> {
    let secret = Token::generate(moment.random.as_ref());
    app.secret = Some(secret.digest());
    relying_parties::set_secret(tx, app.id, app.secret)?;
    Ok(secret)
}

fn record(
    tx: &mut Tx<'_>,
    moment: &Moment,
    app: &RelyingParty,
    kind: EventKind,
    actor: Actor,
) -> Result<(), StorageError> {
    events::add(
        tx,
        &Event {
            id: EventId::sortable(moment.now, moment.random.as_ref()),
            at: moment.now,
            organization_id: Some(app.organization_id),
            user_id: None,
            actor,
            kind,
            session_id: None,
            browser_id: None,
            ending_id: None,
            cause: None,
            client: ClientDetails::new(None, None, ""),
            count: 1,
            detail: Some(format!("{} ({})", app.name, app.id)),
        },
    )
}
