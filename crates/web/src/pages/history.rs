//! `/account/history`: what happened to the account.

use axum::response::Response;
use nightlatch_domain::Timestamp;
use nightlatch_domain::event::{Event, EventKind};
use nightlatch_domain::ids::EventId;
use nightlatch_domain::session::ProofMethod;
use nightlatch_flows::history;
use nightlatch_storage::StorageError;
use nightlatch_storage::events::{EventFilter, EventPosition};

use crate::failure::Failure;
use crate::guard::Person;
use crate::links;
use crate::pages::Query;
use crate::pages::apps::ending_href;
use crate::show;
use crate::views::{HistoryEntryView, HistoryFilter, HistoryKind, HistoryPage, Nav};

/// Lines on one page.
const PAGE: u16 = 30;

/// A place in the history as it stands in an address: `milliseconds.id`.
pub(crate) fn write_position(position: EventPosition) -> String {
    format!("{}.{}", position.at.milliseconds(), position.id)
}

/// Reads it back; anything else begins at the top.
pub(crate) fn read_position(text: &str) -> Option<EventPosition> {
    let (at, id) = text.split_once('.')?;
    Some(EventPosition {
        at: Timestamp::from_milliseconds(at.parse().ok()?),
        id: id.parse::<EventId>().ok()?,
    })
}

/// The filter of storage for that of the page.
pub(crate) const fn filter(shown: HistoryFilter) -> EventFilter {
    match shown {
        HistoryFilter::All => EventFilter::All,
        HistoryFilter::SignIns => EventFilter::SignIns,
        HistoryFilter::Endings => EventFilter::Endings,
    }
}

/// `GET /account/history`.
pub(crate) async fn get(person: Person, query: Query) -> Result<Response, Failure> {
    let visit = &person.visit;
    let shown = HistoryFilter::from_value(query.get("show"));
    let after = read_position(query.get("after"));
    let user = person.live.owned.user.id;
    let found: Result<_, StorageError> = visit
        .app
        .store
        .read(move |tx| history::page(tx, user, filter(shown), after, PAGE))
        .await;
    let found = found?;
    let link = |position: Option<EventPosition>| {
        let after =
            position.map_or_else(String::new, |at| format!("&after={}", write_position(at)));
        format!("{}?show={}{after}", links::HISTORY, shown.value())
    };
    let page = HistoryPage {
        frame: show::frame(visit, Nav::History).await?,
        filter: shown,
        entries: found
            .events
            .iter()
            .filter_map(|event| entry(&person, event))
            .collect(),
        newer: after.map(|_| link(None)),
        older: found.next.map(|next| link(Some(next))),
        reviewed_until: may_review(&person, shown, after)
            .then(|| visit.now.milliseconds().to_string()),
        kept: Some("Entries are kept for 12 months.".to_owned()),
    };
    show::page(visit, &page)
}

/// Whether "All of this was me" is offered: where the newest sign-ins are on the page,
/// and not in a session that a phone let in, which must not be able to hide itself.
fn may_review(person: &Person, shown: HistoryFilter, after: Option<EventPosition>) -> bool {
    let shows_sign_ins = match shown {
        HistoryFilter::All | HistoryFilter::SignIns => true,
        HistoryFilter::Endings => false,
    };
    shows_sign_ins && after.is_none() && !person.live.owned.session.was_let_in_by_phone()
}

/// How a sign-in was proved, as its line has it. Lines of earlier versions do not
/// say; then there was nothing but passwords.
fn how(detail: Option<&str>) -> String {
    let named = detail.unwrap_or_default().split(',');
    match show::methods(named.filter_map(ProofMethod::from_name)) {
        words if words.is_empty() => "Password".to_owned(),
        words => words,
    }
}

/// As what a line is shown; lines that are for the audit only are left out.
fn kind(event: EventKind) -> Option<HistoryKind> {
    Some(match event {
        EventKind::SignedIn => HistoryKind::SignIn,
        EventKind::SignedInFromNewBrowser => HistoryKind::SignInNewDevice,
        EventKind::SignInFailed => HistoryKind::Failed,
        EventKind::SignInOverLimit => HistoryKind::OverLimit,
        EventKind::SignInOvertaken => HistoryKind::Overtaken,
        EventKind::ProofFailed => HistoryKind::WrongProof,
        EventKind::PhoneSignInApproved => HistoryKind::PhoneApproved,
        EventKind::SecondFactorFailed => HistoryKind::FactorFailed,
        EventKind::BrowserRemembered => HistoryKind::BrowserRemembered,
        EventKind::BrowserForgotten => HistoryKind::BrowserForgotten,
        EventKind::SessionEnded => HistoryKind::Ended,
        EventKind::PasswordChanged | EventKind::PasswordSetByOperator => {
            HistoryKind::PasswordChanged
        }
        EventKind::EmailChangeAsked => HistoryKind::EmailChangeAsked,
        EventKind::EmailChangeCancelled => HistoryKind::EmailChangeCancelled,
        EventKind::EmailChanged => HistoryKind::EmailChanged,
        EventKind::EmailChangeUndone => HistoryKind::EmailChangeUndone,
        EventKind::FactorsRemovedByOperator => HistoryKind::FactorsRemoved,
        EventKind::ProofGiven => HistoryKind::Proved,
        EventKind::PasskeyAdded => HistoryKind::PasskeyAdded,
        EventKind::PasskeyRemoved => HistoryKind::PasskeyRemoved,
        EventKind::PasskeySuspicious => HistoryKind::PasskeySuspicious,
        EventKind::ReportedByUser => HistoryKind::Reported,
        EventKind::UserCreated => HistoryKind::AccountCreated,
        EventKind::UserDisabled => HistoryKind::AccountDisabled,
        EventKind::UserEnabled => HistoryKind::AccountEnabled,
        EventKind::RoleChanged => HistoryKind::RoleChanged,
        EventKind::PasswordResetStarted => HistoryKind::ResetStarted,
        EventKind::NewCredentialsRequired => HistoryKind::NewCredentials,
        EventKind::BrowserMarkedShared => HistoryKind::ComputerMarked,
        EventKind::AuthenticatorAppAdded => HistoryKind::AppAdded,
        EventKind::AuthenticatorAppRenamed => HistoryKind::AppRenamed,
        EventKind::AuthenticatorAppRemoved => HistoryKind::AppRemoved,
        EventKind::RecoveryCodesMade => HistoryKind::RecoveryCodesMade,
        EventKind::RecoveryCodesRemoved => HistoryKind::RecoveryCodesRemoved,
        EventKind::RecoveryCodeUsed => HistoryKind::RecoveryCodeUsed,
        EventKind::ConsentGiven => HistoryKind::ConsentGiven,
        EventKind::AppEntered => HistoryKind::AppEntered,
        EventKind::TokenReused => HistoryKind::TokenReused,
        EventKind::AppLeft => HistoryKind::LeftApp,
        EventKind::AppAccessRemoved => HistoryKind::AppAccessRemoved,
        EventKind::ProfileChanged
        | EventKind::BrowserNamed
        | EventKind::SettingsChanged
        | EventKind::AppRegistered
        | EventKind::AppChanged
        | EventKind::AppSecretReplaced
        | EventKind::AppWithdrawn
        | EventKind::AppRestored
        | EventKind::GroupAdded
        | EventKind::GroupRemoved
        | EventKind::GroupMemberAdded
        | EventKind::GroupMemberRemoved
        | EventKind::AuditChecked
        | EventKind::AuditRead
        | EventKind::UserDeleted => return None,
    })
}

pub(crate) fn entry(person: &Person, event: &Event) -> Option<HistoryEntryView> {
    let kind = kind(event.kind)?;
    let client = &event.client;
    let is_sign_in = matches!(kind, HistoryKind::SignIn | HistoryKind::SignInNewDevice);
    // Nobody knows who that was.
    let is_refusal = matches!(
        kind,
        HistoryKind::Failed
            | HistoryKind::OverLimit
            | HistoryKind::Overtaken
            | HistoryKind::WrongProof
            | HistoryKind::FactorFailed
    );
    // An app, or an address.
    let names_what = matches!(
        kind,
        HistoryKind::AppAdded
            | HistoryKind::AppRenamed
            | HistoryKind::AppRemoved
            | HistoryKind::ConsentGiven
            | HistoryKind::AppEntered
            | HistoryKind::TokenReused
            | HistoryKind::LeftApp
            | HistoryKind::AppAccessRemoved
            | HistoryKind::RoleChanged
            | HistoryKind::EmailChangeAsked
            | HistoryKind::EmailChanged
            | HistoryKind::EmailChangeUndone
    );
    let current = Some(person.live.owned.session.id);
    let not_me = event
        .session_id
        .filter(|_| is_sign_in && event.session_id != current);
    Some(HistoryEntryView {
        kind,
        count: event.count.unsigned_abs(),
        detail: event
            .cause
            .map(|cause| show::why(cause).short().to_owned())
            .or_else(|| is_sign_in.then(|| how(event.detail.as_deref())))
            .or_else(|| names_what.then(|| event.detail.clone()).flatten()),
        who: (!is_sign_in && !is_refusal).then(|| show::who(event.actor, event.user_id)),
        reason: event.detail.clone().filter(|_| {
            matches!(
                event.kind,
                EventKind::SessionEnded
                    | EventKind::FactorsRemovedByOperator
                    | EventKind::NewCredentialsRequired
            )
        }),
        device_kind: show::device_kind(client),
        device: (!client.user_agent.is_empty()).then(|| client.description().phrase()),
        address: client.address.map(|address| address.to_string()),
        place: client.place.clone(),
        time: show::time(event.at, person.visit.now),
        details_href: event.ending_id.map(ending_href),
        not_me_href: not_me.map(|id| format!("{}/{id}/not-me", links::SESSIONS)),
    })
}
