//! The list of remembered browsers on Security, and forgetting them (SES-13, F3).

use axum::extract::Path;
use axum::response::Response;
use nightlatch_domain::client::ClientDetails;
use nightlatch_domain::ids::RememberedFactorId;
use nightlatch_domain::next_step::demanded_from;
use nightlatch_flows::remembered_browsers;
use nightlatch_flows::second_factor;
use nightlatch_flows::sessions::MOST_NAMES;
use nightlatch_storage::{StorageError, browsers};

use crate::cookies::Jar;
use crate::failure::Failure;
use crate::guard::Person;
use crate::links;
use crate::pages::Fields;
use crate::pages::flash::Flash;
use crate::show;
use crate::views::RememberedBrowserView;

/// The browsers that are not asked for the second step.
pub(crate) async fn list(person: &Person) -> Result<Vec<RememberedBrowserView>, Failure> {
    let (user, now) = (person.live.owned.user.id, person.visit.now);
    let found: Result<_, StorageError> = person
        .visit
        .app
        .store
        .read(move |tx| {
            let listed = remembered_browsers::list(tx, user, now)?;
            Ok((listed, browsers::list_names(tx, user, MOST_NAMES)?))
        })
        .await;
    let (listed, names) = found?;
    let here = person.live.owned.session.browser_id;
    let view = |one: remembered_browsers::Listed| {
        let remembered = one.remembered;
        let own_name = names
            .iter()
            .find(|(browser, _)| *browser == remembered.browser_id)
            .map(|(_, name)| name.clone());
        let client = ClientDetails::new(None, None, &remembered.user_agent);
        RememberedBrowserView {
            id: remembered.id.to_string(),
            label: own_name.unwrap_or_else(|| client.description().phrase()),
            is_this: Some(remembered.browser_id) == here,
            since: show::time(remembered.life.created_at, now),
            last_used: show::time(remembered.last_used_at, now),
            until: show::time(one.until, now),
        }
    };
    Ok(listed.into_iter().map(view).collect())
}

/// From when on the organization demands a second step, if it does and none is set
/// up (POL-04).
pub(crate) async fn notice(person: &Person) -> Result<Option<String>, Failure> {
    let owned = &person.live.owned;
    let policy = &owned.organization.settings.policy.second_factor;
    let demanded = demanded_from(policy, owned.user.role, owned.user.created_at);
    let Some(from) = demanded else {
        return Ok(None);
    };
    let user = owned.user.id;
    let available: Result<_, StorageError> = person
        .visit
        .app
        .store
        .read(move |tx| second_factor::available(tx, user))
        .await;
    if available?.has_factor() {
        return Ok(None);
    }
    if person.visit.now >= from {
        return Ok(Some(
            "Your organization asks you for a second step when you sign in. Until you have set one up, \
             only this page opens."
                .to_owned(),
        ));
    }
    let day = show::time(from, person.visit.now).exact;
    Ok(Some(format!(
        "Your organization asks you for a second step when you sign in. Please set one up before {day}."
    )))
}

/// `POST /account/security/remembered-browsers/{id}/forget`.
pub(crate) async fn forget_one(
    person: Person,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Failure> {
    person.visit.check_form(fields.get("csrf"))?;
    let id: RememberedFactorId = id.parse().map_err(|_| Failure::not_found())?;
    forget(&person, Some(id)).await
}

/// `POST /account/security/remembered-browsers/forget-all`.
pub(crate) async fn forget_all(person: Person, fields: Fields) -> Result<Response, Failure> {
    person.visit.check_form(fields.get("csrf"))?;
    forget(&person, None).await
}

async fn forget(person: &Person, which: Option<RememberedFactorId>) -> Result<Response, Failure> {
    let (moment, session) = (person.visit.app.moment(), person.live.owned.session.clone());
    let forgotten: Result<u64, StorageError> = person
        .visit
        .app
        .store
        .write(move |tx| remembered_browsers::forget(tx, &moment, &session, which))
        .await;
    let browsers = forgotten?;
    let mut jar = Jar::default();
    Flash::BrowsersForgotten { browsers }.set(&mut jar);
    Ok(show::see_other(links::SECURITY, jar))
}
