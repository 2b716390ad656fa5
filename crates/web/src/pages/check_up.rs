//! `/account/security/check-up`: what of the account is good, and what to do next.

use std::sync::Arc;

use axum::response::Response;
use nightlatch_domain::Timestamp;
use nightlatch_domain::check_up::Finding;
use nightlatch_flows::check_up;
use nightlatch_storage::StorageError;

use crate::cookies::Jar;
use crate::failure::Failure;
use crate::guard::Person;
use crate::links;
use crate::pages::Fields;
use crate::pages::flash::Flash;
use crate::show;
use crate::views::{CheckUpPage, CheckUpView, Nav, Problem};

/// `GET /account/security/check-up`.
pub(crate) async fn get(person: Person) -> Result<Response, Failure> {
    let visit = &person.visit;
    let (moment, activity) = (visit.app.moment(), Arc::clone(&visit.app.activity));
    let owned = &person.live.owned;
    let (user, session) = (owned.user.clone(), owned.session.clone());
    let found: Result<Vec<Finding>, StorageError> = visit
        .app
        .store
        .read(move |tx| check_up::look(tx, &moment, &activity, &user, &session))
        .await;
    let (to_do, good): (Vec<Finding>, Vec<Finding>) = found?
        .into_iter()
        .partition(|finding| finding.asks_for_action());
    let page = CheckUpPage {
        frame: show::frame(visit, Nav::Security).await?,
        to_do: to_do.into_iter().map(words).collect(),
        good: good.into_iter().map(words).collect(),
    };
    show::page(visit, &page)
}

/// `POST /account/history/reviewed`: the person has looked at the page that was made
/// at `until`. A sign-in that came while they read is not among what they saw.
pub(crate) async fn reviewed(person: Person, fields: Fields) -> Result<Response, Failure> {
    let visit = &person.visit;
    visit.check_form(fields.get("csrf"))?;
    let Some(until) = read_until(fields.get("until")) else {
        let sentence = "We could not tell which page you looked at. Please open your login history again and \
                        choose the button there.";
        return Err(Failure::saying(Problem::BadRequest, sentence).with_code("until"));
    };
    let (moment, user) = (visit.app.moment(), person.live.owned.user.clone());
    let done: Result<(), StorageError> = visit
        .app
        .store
        .write(move |tx| check_up::review(tx, &moment, &user, until))
        .await;
    done?;
    let mut jar = Jar::default();
    Flash::HistoryReviewed.set(&mut jar);
    Ok(show::see_other(links::CHECK_UP, jar))
}

/// The time that the form carries: milliseconds, as the page wrote them.
fn read_until(text: &str) -> Option<Timestamp> {
    let milliseconds: u64 = text.parse().ok()?;
    i64::try_from(milliseconds)
        .ok()
        .map(Timestamp::from_milliseconds)
}

/// `GET` of that form's address.
pub(crate) async fn to_history() -> Response {
    show::see_other(links::HISTORY, Jar::default())
}

fn words(finding: Finding) -> CheckUpView {
    let see_history = Some(("Look at the login history", links::HISTORY));
    let see_sessions = Some(("See your sessions", links::SESSIONS));
    let set_up = Some(("Set it up", "/account/security#two-step-heading"));
    let codes = Some((
        "Make new recovery codes",
        "/account/security/recovery-codes",
    ));
    let remembered = Some(("See them", "/account/security#remembered-heading"));
    let (title, text, button) = match finding {
        Finding::UnseenSignIns(1) => (
            "One sign-in from a new browser".to_owned(),
            "Please look whether it was you. If not, choose “This wasn't me” there.",
            see_history,
        ),
        Finding::UnseenSignIns(count) => (
            format!("{count} sign-ins from new browsers"),
            "Please look whether they were you. If not, choose “This wasn't me” there.",
            see_history,
        ),
        Finding::NoSecondFactor => (
            "A password alone opens your account".to_owned(),
            "With an authenticator app or a passkey, whoever learns your password does not get in.",
            set_up,
        ),
        Finding::NoWayBack => (
            "No way back if you lose your phone".to_owned(),
            "Recovery codes let you in when your phone is lost or broken.",
            codes,
        ),
        Finding::FewRecoveryCodes(count) => (
            format!("Only {count} of your recovery codes left"),
            "Each works once. Make a new set before you run out.",
            codes,
        ),
        Finding::OldSessions(1) => (
            "One session was not used for two weeks".to_owned(),
            "If you do not need it any more, log it out.",
            see_sessions,
        ),
        Finding::OldSessions(count) => (
            format!("{count} sessions were not used for two weeks"),
            "Log out those that you do not need any more.",
            see_sessions,
        ),
        Finding::RememberedBrowsers(1) => (
            "One browser is not asked for the second step".to_owned(),
            "You chose to remember it. You can have it forgotten at any time.",
            remembered,
        ),
        Finding::RememberedBrowsers(count) => (
            format!("{count} browsers are not asked for the second step"),
            "You chose to remember them. You can have them forgotten at any time.",
            remembered,
        ),
        Finding::ReviewDue => (
            "Your login history has not been looked at for a while".to_owned(),
            "A short look now and then shows whether anybody else has used your account.",
            see_history,
        ),
        Finding::HasSecondFactor => (
            "Your account has a second step".to_owned(),
            "A password alone does not open it.",
            None,
        ),
        Finding::HasWayBack => (
            "You have a way back".to_owned(),
            "If you lose one device, you can still sign in.",
            None,
        ),
        Finding::HistorySeen => (
            "Your login history has been looked at".to_owned(),
            "Nothing new there waits for you.",
            None,
        ),
    };
    CheckUpView {
        title,
        text: text.to_owned(),
        button,
    }
}
