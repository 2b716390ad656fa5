//! How a reply looks: for people as sentences and tables, for programs as JSON.

mod app_test;
mod audit;

use nightlatch_domain::notice::NoticeState;
use nightlatch_protocols::outgoing::probe::Verdict;

use super::{
    AppLine, ChangeLine, DeliveryLine, EndedLine, EndingLine, NoticeLine, OrganizationLine, Reply,
    UserChange, WaitingAppLine,
};

/// The reply for people. Refusals are not meant for the standard output.
#[expect(
    clippy::too_many_lines,
    reason = "one table: how each reply reads, in the order of the replies"
)]
pub fn as_text(reply: &Reply) -> String {
    match reply {
        Reply::UserAdded {
            email,
            role,
            organization,
            organization_is_new,
            ..
        } => {
            let role = role.name();
            if *organization_is_new {
                format!("Added {email} ({role}) in {organization}, an organization made for it.")
            } else {
                format!("Added {email} ({role}) in {organization}.")
            }
        }
        Reply::Users { users } => {
            let rows = users.iter().map(|user| {
                vec![
                    user.email.clone(),
                    user.name.clone(),
                    user.role.name().to_owned(),
                    user.status.name().to_owned(),
                    user.organization.clone(),
                ]
            });
            table(
                &["EMAIL", "NAME", "ROLE", "STATUS", "ORGANIZATION"],
                rows,
                "Nobody yet.",
            )
        }
        Reply::UserChanged {
            email,
            change,
            ended,
        } => {
            let change = match change {
                UserChange::Disabled => "is disabled",
                UserChange::Enabled => "is enabled and may sign in again",
                UserChange::Deleted => "is deleted",
                UserChange::PasswordSet => "has a new password",
                UserChange::EmailSet => "is the address of that account now",
            };
            match ended {
                Some(ended) => format!("{email} {change}. {}", ended_sentence(ended)),
                None => format!("{email} {change}."),
            }
        }
        Reply::FactorsRemoved { .. } => show_factors_removed(reply),
        Reply::Sessions { email, sessions } => {
            let rows = sessions.iter().map(|session| {
                let place = session.place.iter().chain(&session.address);
                vec![
                    session.id.to_string(),
                    session.browser.clone(),
                    place.cloned().collect::<Vec<_>>().join(", "),
                    session.kind.clone(),
                    short_time(&session.signed_in_at),
                    short_time(&session.last_active_at),
                    short_time(&session.ends_at),
                ]
            });
            let head = [
                "ID",
                "BROWSER",
                "FROM",
                "KIND",
                "SIGNED IN",
                "LAST ACTIVE",
                "ENDS BY",
            ];
            let nothing = format!("{email} is not signed in anywhere.");
            table(&head, rows, &nothing)
        }
        Reply::Ended(ended) => format!(
            "{} `nightlatch notice show {}` shows what the apps say.",
            ended_sentence(ended),
            ended.ending_id
        ),
        Reply::OrganizationAdded { name, .. } => format!("Added {name}."),
        Reply::Organizations { organizations } => show_organizations(organizations),
        Reply::SettingsChanged {
            organization,
            changes,
        } => show_changes(organization, changes),
        Reply::AuditChecking { .. } => String::new(),
        Reply::AuditChecked { chains } => audit::checked(chains),
        Reply::AuditLines { lines, .. } => audit::lines(lines),
        Reply::GroupAdded {
            name, organization, ..
        } => format!("Added the group {name} to {organization}."),
        Reply::Groups { groups } => {
            let rows = groups.iter().map(|group| {
                let members = group.members.join(", ");
                vec![group.name.clone(), group.members.len().to_string(), members]
            });
            table(&["GROUP", "PEOPLE", "WHO"], rows, "No group yet.")
        }
        Reply::GroupRemoved { name } => format!("Removed the group {name}."),
        Reply::GroupMemberChanged {
            name,
            email,
            is_member,
        } => {
            let change = if *is_member {
                "is in"
            } else {
                "is no longer in"
            };
            format!("{email} {change} {name}.")
        }
        Reply::App {
            is_new,
            client_secret,
            app,
            ..
        } => show_app(*is_new, client_secret.as_deref(), app),
        Reply::Apps { apps } => {
            let rows = apps.iter().map(|app| {
                vec![
                    app.client_id.to_string(),
                    app.name.clone(),
                    app.status.clone(),
                    app.proof().to_owned(),
                    app.told.clone(),
                    app.delivery.as_ref().map(counts).unwrap_or_default(),
                    app.delivery.as_ref().map(last_success).unwrap_or_default(),
                    app.delivery.as_ref().map(latency).unwrap_or_default(),
                    app.delivery.as_ref().map(failures).unwrap_or_default(),
                ]
            });
            let head = [
                "CLIENT ID",
                "NAME",
                "STATUS",
                "PROVES ITSELF BY",
                "LOGOUTS",
                "TOLD SO FAR",
                "LAST CONFIRMED",
                "TAKES",
                "FAILED LATELY",
            ];
            table(&head, rows, "No app yet.")
        }
        Reply::AppTested { name, report, .. } => app_test::as_text(name, report),
        Reply::AppWithdrawn { name, complete, .. } => {
            let rest = if *complete {
                ""
            } else {
                " The server goes on telling it."
            };
            format!(
                "{name} is withdrawn: nobody enters it, and nothing that it holds is good.{rest}"
            )
        }
        Reply::AppRestored { name, .. } => {
            format!("{name} can be entered again. What was ended stays ended.")
        }
        Reply::Notices {
            undelivered,
            waiting,
        } => show_notices(undelivered, waiting),
        Reply::EndingTold {
            ending,
            notices,
            more,
        } => show_ending(ending, notices, *more),
        Reply::NoticesResent { count: 1 } => "1 logout is sent again.".to_owned(),
        Reply::NoticesResent { count } => format!("{count} logouts are sent again."),
        Reply::KeyPrepared { is_new } => {
            let begin = if *is_new {
                "A key for the next rotation is in the key file."
            } else {
                "There was a key for the next rotation already."
            };
            format!(
                "{begin} Copy the key file to every node and restart each. Then run `nightlatch key \
                 rotate` on this one."
            )
        }
        Reply::KeyRotated => "The new key is in use.".to_owned(),
        Reply::Resealing(batch) => format!("{} looked at.", batch.seen),
        Reply::Resealed {
            rotated,
            changed,
            unreadable,
        } => show_resealed(*rotated, *changed, *unreadable),
        Reply::Refused { error } | Reply::Failed { error } => error.clone(),
    }
}

/// The reply for programs: one JSON object on one line.
pub fn as_json(reply: &Reply) -> String {
    serde_json::to_string(reply)
        .unwrap_or_else(|error| format!("{{\"result\":\"failed\",\"error\":\"{error}\"}}"))
}

/// The sentence of a refusal or failure.
pub fn error_of(reply: &Reply) -> Option<&str> {
    match reply {
        Reply::Refused { error } | Reply::Failed { error } => Some(error),
        _ => None,
    }
}

/// Whether a reply that is shown says that something does not work.
pub fn has_failed(reply: &Reply) -> bool {
    match reply {
        Reply::AppTested { report, .. } => report.verdict == Verdict::Failed,
        Reply::AuditChecked { chains } => chains.iter().any(|chain| chain.flaw.is_some()),
        _ => false,
    }
}

fn show_factors_removed(reply: &Reply) -> String {
    let Reply::FactorsRemoved {
        email,
        authenticator_apps,
        passkeys,
        recovery_codes,
        remembered_browsers,
        ended,
    } = reply
    else {
        return String::new();
    };
    format!(
        "Removed of {email}: authenticator apps {authenticator_apps}, passkeys {passkeys}, recovery codes \
         {recovery_codes}, remembered browsers {remembered_browsers}. {}",
        ended_sentence(ended)
    )
}

fn show_resealed(rotated: bool, changed: u64, unreadable: u64) -> String {
    let mut lines = vec![format!("{changed} stored secrets were sealed anew.")];
    if rotated {
        lines.insert(0, "The new key is in use.".to_owned());
        lines.push(
            "Copy the key file to every other node and restart each; until then they go on with the \
             key before. Keep the older lines in the file: they open backups, and forms that are \
             open in browsers."
                .to_owned(),
        );
    }
    if unreadable > 0 {
        lines.push(format!(
            "{unreadable} could not be opened with any key of this node and were left as they are. \
             Look for an older key file."
        ));
    }
    lines.join("\n")
}

fn show_app(is_new: bool, secret: Option<&str>, app: &AppLine) -> String {
    let done = if is_new { "Registered" } else { "Changed" };
    let mut lines = vec![
        format!(
            "{done} {} in {}. It {}.",
            app.name, app.organization, app.told
        ),
        format!("client_id      {}", app.client_id),
    ];
    if let Some(secret) = secret {
        lines.push(format!("client_secret  {secret}"));
        lines.push(
            "Keep the secret now: it is not shown again, and nobody can look it up.".to_owned(),
        );
    }
    lines.join("\n")
}

fn show_organizations(organizations: &[OrganizationLine]) -> String {
    if organizations.is_empty() {
        return "No organization yet.".to_owned();
    }
    let blocks = organizations.iter().map(|organization| {
        let lines: Vec<_> = organization
            .settings
            .iter()
            .filter(|(key, _)| key != "name")
            .map(|(key, value)| format!("  {key}={value}"))
            .collect();
        format!("{}\n{}", organization.name, lines.join("\n"))
    });
    blocks.collect::<Vec<_>>().join("\n\n")
}

fn show_notices(undelivered: &[NoticeLine], waiting: &[WaitingAppLine]) -> String {
    let failed = undelivered.iter().map(|notice| {
        vec![
            notice.id.to_string(),
            notice.app.clone(),
            notice.state.name().to_owned(),
            short_time(&notice.ended_at),
            notice.last_error.clone().unwrap_or_default(),
        ]
    });
    let failed = table(
        &["ID", "APP", "STATE", "LOGGED OUT", "WHY"],
        failed,
        "No app has missed a logout for good.",
    );
    let open = waiting.iter().map(|app| {
        vec![
            app.app.clone(),
            app.notices.to_string(),
            short_time(&app.oldest_ended_at),
            app.attempts.to_string(),
            last_success(&app.delivery),
            latency(&app.delivery),
            failures(&app.delivery),
            app.last_error.clone().unwrap_or_default(),
        ]
    });
    let open = table(
        &[
            "APP",
            "WAITING",
            "OLDEST",
            "TRIED",
            "LAST CONFIRMED",
            "TAKES",
            "FAILED LATELY",
            "WHY",
        ],
        open,
        "No app has a logout to learn of.",
    );
    format!("{failed}\n\n{open}")
}

/// How far telling an app is, in the words of the receipt.
const fn state_words(state: NoticeState) -> &'static str {
    match state {
        NoticeState::Waiting => "still telling",
        NoticeState::Confirmed => "confirmed",
        NoticeState::Failed => "failed",
        NoticeState::GaveUp => "gave up",
        NoticeState::Superseded => "opened again",
        NoticeState::CannotBeTold => "cannot be told",
        NoticeState::Ended => "ended",
    }
}

fn show_ending(ending: &EndingLine, notices: &[NoticeLine], more: bool) -> String {
    let (at, cause) = (short_time(&ending.at), ending.cause.name());
    let so_far = if ending.complete { "" } else { " so far" };
    let mut lines = vec![format!(
        "{at}: {cause}, sessions: {}{so_far}.{}",
        ending.sessions,
        ending
            .reason
            .as_ref()
            .map(|reason| format!(" Reason: {reason}"))
            .unwrap_or_default()
    )];
    let rows = notices.iter().map(|notice| {
        vec![
            notice.app.clone(),
            notice.session_id.to_string(),
            state_words(notice.state).to_owned(),
            notice
                .finished_at
                .as_deref()
                .map(short_time)
                .unwrap_or_default(),
            notice.attempts.to_string(),
            notice.last_error.clone().unwrap_or_default(),
        ]
    });
    let head = ["APP", "SESSION", "STATE", "SINCE", "TRIED", "WHY"];
    lines.push(table(&head, rows, "No app had to be told."));
    if more {
        lines.push("There are more; these are the first.".to_owned());
    }
    lines.join("\n")
}

/// "12 confirmed, 2 waiting, 1 missed".
fn counts(delivery: &DeliveryLine) -> String {
    let some = |count: i64, what: &str| (count > 0).then(|| format!("{count} {what}"));
    let parts = [
        some(delivery.confirmed, "confirmed"),
        some(delivery.waiting, "waiting"),
        some(delivery.undelivered, "missed"),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn last_success(delivery: &DeliveryLine) -> String {
    let last = delivery.last_success_at.as_deref();
    last.map_or_else(|| "never".to_owned(), short_time)
}

fn latency(delivery: &DeliveryLine) -> String {
    match delivery.latency_milliseconds {
        None => String::new(),
        Some(milliseconds @ ..10_000) => format!("{milliseconds} ms"),
        Some(milliseconds) => format!("{} s", milliseconds / 1000),
    }
}

/// "3 of 64", and whether that counts as failing.
fn failures(delivery: &DeliveryLine) -> String {
    let (failures, attempts) = (delivery.recent_failures, delivery.recent_attempts);
    match (attempts, delivery.failing) {
        (0, false) => String::new(),
        (0, true) => "FAILS".to_owned(),
        (_, false) => format!("{failures} of {attempts}"),
        (_, true) => format!("{failures} of {attempts}, FAILS"),
    }
}

fn show_changes(organization: &str, changes: &[ChangeLine]) -> String {
    if changes.is_empty() {
        return format!("{organization}: nothing to change.");
    }
    let lines: Vec<_> = changes
        .iter()
        .map(|change| {
            let (before, after) = (or_nothing(&change.before), or_nothing(&change.after));
            format!("{organization}: {} was {before}, is {after}.", change.key)
        })
        .collect();
    lines.join("\n")
}

fn or_nothing(value: &str) -> &str {
    if value.is_empty() { "not set" } else { value }
}

fn ended_sentence(ended: &EndedLine) -> String {
    let count = |number: i64, one: &str, many: &str| match number {
        1 => format!("1 {one}"),
        number => format!("{number} {many}"),
    };
    if ended.complete {
        if ended.sessions == 0 {
            return "No session was live.".to_owned();
        }
        return format!(
            "Ended {} on {}.",
            count(ended.sessions, "session", "sessions"),
            count(ended.browsers, "browser", "browsers"),
        );
    }
    format!(
        "Every session concerned is over. {} are written down so far; the server goes on with the rest.",
        count(ended.sessions, "ending", "endings")
    )
}

/// `2026-11-23T12:50:06.123Z` as `2026-11-23 12:50 UTC`.
fn short_time(rfc3339: &str) -> String {
    match (rfc3339.get(..10), rfc3339.get(11..16)) {
        (Some(date), Some(time)) => format!("{date} {time} UTC"),
        _ => rfc3339.to_owned(),
    }
}

/// Columns as wide as their widest cell, two spaces between.
pub(crate) fn table(
    head: &[&str],
    rows: impl Iterator<Item = Vec<String>>,
    nothing: &str,
) -> String {
    let mut lines: Vec<Vec<String>> = rows.collect();
    if lines.is_empty() {
        return nothing.to_owned();
    }
    lines.insert(0, head.iter().map(|&word| word.to_owned()).collect());
    let mut widths = vec![0; head.len()];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let lines: Vec<_> = lines
        .iter()
        .map(|line| {
            let cells = line.iter().zip(&widths);
            let padded: Vec<_> = cells
                .map(|(cell, width)| format!("{cell:<width$}"))
                .collect();
            padded.join("  ").trim_end().to_owned()
        })
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = [["é", "2"], ["three", "4"]];
        let rows = rows.iter().map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(
            table(&["A", "B"], rows, "none"),
            "A      B\né      2\nthree  4"
        );
        assert_eq!(table(&["A"], std::iter::empty(), "none"), "none");
    }

    #[test]
    fn refusals_are_objects_too() {
        let reply = Reply::Refused {
            error: "no".to_owned(),
        };
        assert_eq!(as_json(&reply), r#"{"result":"refused","error":"no"}"#);
        assert_eq!(error_of(&reply), Some("no"));
    }

    #[test]
    fn times_are_short_and_say_their_zone() {
        assert_eq!(
            short_time("2026-11-23T12:50:06.123Z"),
            "2026-11-23 12:50 UTC"
        );
    }
}
