//! `app …`: registering apps, changing and withdrawing them.

use nightlatch_domain::ending::{Actor, Cause};
use nightlatch_domain::ids::{ClientId, OrganizationId};
use nightlatch_domain::relying_party::{Registration, RelyingParty};
use nightlatch_flows::app_health;
use nightlatch_flows::apps::{self, NewApp, RegisterOutcome};
use nightlatch_protocols::app_test::{self, Bench};
use nightlatch_protocols::registration::{AppWish, parse_name};
use nightlatch_storage::{Tx, organizations, relying_parties};
use nightlatch_web::signals::Concern;

use super::sessions::tidy;
use super::{AppLine, Context, Reply, Stop, get_organization, refused};

/// How many apps are listed.
const MOST_LISTED: i64 = 10_000;

pub(super) async fn add(
    context: Context<'_>,
    name: &str,
    organization: Option<String>,
    wish: &AppWish,
) -> Result<Reply, Stop> {
    let name = parse_name(name).map_err(Stop::Refused)?;
    let (moment, wish) = (context.moment.clone(), wish.clone());
    let own_address = context.issuer.map(str::to_owned);
    context
        .store
        .write(move |tx| {
            let organization = get_organization(tx, organization.as_deref())?;
            let before = Registration::default();
            let granted = wish.grant(tx, organization.id, &before, own_address.as_deref())?;
            let new = NewApp {
                organization: organization.id,
                name: name.clone(),
                registration: granted.map_err(Stop::Refused)?,
            };
            let outcome = apps::register(tx, &moment, &new, Actor::Operator)?;
            tell(outcome, &name, &organization.name, true)
        })
        .await
}

pub(super) async fn change(
    context: Context<'_>,
    id: ClientId,
    name: Option<String>,
    wish: AppWish,
) -> Result<Reply, Stop> {
    let name = name
        .as_deref()
        .map(parse_name)
        .transpose()
        .map_err(Stop::Refused)?;
    let moment = context.moment.clone();
    let own_address = context.issuer.map(str::to_owned);
    context
        .store
        .write(move |tx| {
            let before = get(tx, id)?;
            let organization = before.organization_id;
            let own_address = own_address.as_deref();
            let granted = wish.grant(tx, organization, &before.registration, own_address)?;
            let registration = granted.map_err(Stop::Refused)?;
            let name = name.as_deref().unwrap_or(&before.name);
            let place = (before.organization_id, id);
            let outcome = apps::change(tx, &moment, place, name, &registration, Actor::Operator)?;
            let organization = organizations::get(tx, before.organization_id)?.name;
            tell(outcome, name, &organization, false)
        })
        .await
}

pub(super) async fn replace_secret(context: Context<'_>, id: ClientId) -> Result<Reply, Stop> {
    let moment = context.moment.clone();
    context
        .store
        .write(move |tx| {
            let app = get(tx, id)?;
            let place = (app.organization_id, id);
            let outcome = apps::replace_secret(tx, &moment, place, Actor::Operator)?;
            if matches!(outcome, RegisterOutcome::NotFound) {
                return refused(format!("{} does not use a secret.", app.name));
            }
            let organization = organizations::get(tx, app.organization_id)?.name;
            tell(outcome, &app.name, &organization, false)
        })
        .await
}

pub(super) async fn list(
    context: Context<'_>,
    organization: Option<String>,
) -> Result<Reply, Stop> {
    let now = context.moment.now;
    context
        .store
        .read(move |tx| {
            let organization = get_organization(tx, organization.as_deref())?;
            let found =
                relying_parties::list_of_organization(tx, organization.id, None, MOST_LISTED)?;
            let mut apps = Vec::with_capacity(found.len());
            for app in &found {
                let overview = app_health::overview(tx, now, app.id)?;
                apps.push(AppLine {
                    delivery: Some(overview.into()),
                    ..AppLine::of(app, &organization.name)
                });
            }
            Ok(Reply::Apps { apps })
        })
        .await
}

pub(super) async fn withdraw(
    context: Context<'_>,
    id: ClientId,
    reason: Option<String>,
) -> Result<Reply, Stop> {
    let reason = tidy(reason.as_deref())?;
    let moment = context.moment.clone();
    let (app, complete) = context
        .store
        .write(move |tx| {
            let app = get(tx, id)?;
            let place = (app.organization_id, id);
            let done = apps::withdraw(tx, &moment, place, Actor::Operator, reason.clone())?;
            match done {
                Some(done) => Ok((app, done.complete)),
                None => refused(format!("{} was withdrawn before.", app.name)),
            }
        })
        .await?;
    context.announce(
        Concern::Organization(app.organization_id),
        Cause::AppWithdrawn,
    );
    Ok(Reply::AppWithdrawn {
        client_id: app.id,
        name: app.name,
        complete,
    })
}

pub(super) async fn restore(context: Context<'_>, id: ClientId) -> Result<Reply, Stop> {
    let moment = context.moment.clone();
    context
        .store
        .write(move |tx| {
            let app = get(tx, id)?;
            let place: (OrganizationId, ClientId) = (app.organization_id, id);
            if !apps::restore(tx, &moment, place, Actor::Operator)? {
                return refused(format!("{} is not withdrawn.", app.name));
            }
            Ok(Reply::AppRestored {
                client_id: id,
                name: app.name,
            })
        })
        .await
}

/// Tries an app out; the network is called between transactions.
pub(super) async fn test(context: Context<'_>, id: ClientId) -> Result<Reply, Stop> {
    let Some(issuer) = context.issuer else {
        return refused(
            "Nobody can say which address the app should expect: start the server, or set \
             `public_url`.",
        );
    };
    let app = context.store.read(move |tx| get(tx, id)).await?;
    let bench = Bench {
        store: context.store,
        sealer: context.sealer,
        signing: context.signing,
        outgoing: context.outgoing,
        issuer,
        moment: context.moment,
    };
    match app_test::run(bench, &app).await {
        Ok(report) => Ok(Reply::AppTested {
            client_id: app.id,
            name: app.name,
            report,
        }),
        Err(error) => refused(format!("No token could be signed for the test: {error}.")),
    }
}

fn get(tx: &mut Tx<'_>, id: ClientId) -> Result<RelyingParty, Stop> {
    match relying_parties::find(tx, id)? {
        Some(app) => Ok(app),
        None => refused(format!(
            "There is no app with the client id {id}. `nightlatch app list` shows all."
        )),
    }
}

fn tell(
    outcome: RegisterOutcome,
    name: &str,
    organization: &str,
    is_new: bool,
) -> Result<Reply, Stop> {
    match outcome {
        RegisterOutcome::Done { app, secret } => Ok(Reply::App {
            is_new,
            client_id: app.id,
            client_secret: secret.map(|secret| secret.reveal()),
            app: Box::new(AppLine::of(&app, organization)),
        }),
        RegisterOutcome::NameTaken => {
            refused(format!("{organization} has an app called {name} already."))
        }
        RegisterOutcome::HostTaken(host) => refused(format!(
            "{host} belongs to another app. A host can be protected for one app only."
        )),
        RegisterOutcome::NotFound => refused("There is no such app any more."),
        RegisterOutcome::HostOfOperator => {
            refused("Only whoever runs the server may say which hosts are protected.")
        }
        RegisterOutcome::PrivateNetwork => {
            refused("Only whoever runs the server may let an app be called in its network.")
        }
    }
}
