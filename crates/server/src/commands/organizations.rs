//! `organization …`: companies and what they have set.

use nightlatch_domain::ending::Actor;
use nightlatch_domain::organization::Organization;
use nightlatch_domain::user::parse_name;
use nightlatch_flows::people::{self, AddOrganizationOutcome};
use nightlatch_storage::organizations;
use nightlatch_web::signals::Concern;

use super::{
    ChangeLine, Context, OrganizationLine, Reply, Stop, get_organization, refused, settings,
};

/// How many organizations are listed.
const MOST_LISTED: i64 = 10_000;

pub(super) async fn add(context: Context<'_>, name: String) -> Result<Reply, Stop> {
    let Some(name) = parse_name(&name) else {
        return refused("The name of an organization has 1 to 200 characters.");
    };
    let moment = context.moment.clone();
    context
        .store
        .write(
            move |tx| match people::add_organization(tx, &moment, &name)? {
                AddOrganizationOutcome::Added(id) => Ok(Reply::OrganizationAdded {
                    id,
                    name: name.clone(),
                }),
                AddOrganizationOutcome::NameTaken => {
                    refused(format!("There is an organization called {name} already."))
                }
            },
        )
        .await
}

pub(super) async fn list(context: Context<'_>) -> Result<Reply, Stop> {
    let found = context
        .store
        .read(|tx| -> Result<_, Stop> { Ok(organizations::list(tx, MOST_LISTED)?) })
        .await?;
    Ok(Reply::Organizations {
        organizations: found.iter().map(line).collect(),
    })
}

fn line(organization: &Organization) -> OrganizationLine {
    OrganizationLine {
        id: organization.id,
        name: organization.name.clone(),
        settings: settings::show_all(organization),
    }
}

pub(super) async fn set(
    context: Context<'_>,
    name: Option<String>,
    wanted: Vec<(String, String)>,
) -> Result<Reply, Stop> {
    let moment = context.moment.clone();
    let (organization, changes) = context
        .store
        .write(move |tx| {
            let before = get_organization(tx, name.as_deref())?;
            let after = settings::apply(&before, &wanted).map_err(Stop::Refused)?;
            let changes = compare(&before, &after);
            if changes.is_empty() {
                return Ok((after, changes));
            }
            if let Some(other) = organizations::find_by_name(tx, &after.name)?
                && other.id != after.id
            {
                return refused(format!(
                    "There is an organization called {} already.",
                    other.name
                ));
            }
            let words: Vec<_> = changes
                .iter()
                .map(|change| format!("{}: {} → {}", change.key, change.before, change.after))
                .collect();
            let text = words.join("; ");
            people::set_settings(tx, &moment, &after, Actor::Operator, text)?;
            Ok((after, changes))
        })
        .await?;
    if !changes.is_empty() {
        // Tighter limits may have ended sessions whose pages are open.
        context
            .signals
            .ended(Concern::Organization(organization.id));
    }
    Ok(Reply::SettingsChanged {
        organization: organization.name,
        changes,
    })
}

fn compare(before: &Organization, after: &Organization) -> Vec<ChangeLine> {
    settings::show_all(before)
        .into_iter()
        .zip(settings::show_all(after))
        .filter(|((_, old), (_, new))| old != new)
        .map(|((key, before), (_, after))| ChangeLine { key, before, after })
        .collect()
}
