//! How it stands with each app is seen, and those who administer it hear when it fails
//! repeatedly: once, and once that it is mended (DLV-04).

use nightlatch_domain::ending::{Actor, Cause, Scope};
use nightlatch_domain::user::Role;
use nightlatch_flows::log_out::{EndingRequest, end_sessions};
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Account, LogoutReceiver, Manner, Site, TestDatabase, ToldApp};

use crate::{DAY, HOUR, MINUTE, SECOND};

on_both_databases!(
    dlv_04_administrators_hear_once_of_an_app_that_fails_and_once_that_it_is_mended,
    dlv_04_many_apps_that_fail_together_are_one_mail,
    dlv_04_an_app_that_nobody_hears_from_is_noticed,
    dlv_04_what_an_app_confirmed_and_missed_is_seen,
    dlv_04_an_app_writes_no_mail_of_its_own,
);

/// So many sessions of this person enter the app and end.
fn log_out(site: &Site, account: &Account, app: &ToldApp, sessions: u32) {
    for _ in 0..sessions {
        site.begin_sessions(account, 1);
        let id = site.sessions_of(account).last().expect("a session").id;
        site.record_entry(id, app);
        let moment = site.moment();
        let request = EndingRequest {
            scope: Scope::Session(id),
            cause: Cause::LoggedOut,
            actor: Actor::Operator,
            reason: None,
        };
        site.write(move |tx| end_sessions(tx, &moment, &request));
    }
}

/// Time passes, in forty steps, and apps are told what is due.
fn wait(site: &Site, minutes: u32) {
    for _ in 0..40 {
        site.advance(MINUTE * minutes / 40);
        site.deliver();
    }
}

fn subjects(site: &Site, account: &Account) -> Vec<String> {
    let letters = site.letters_to(account);
    letters.into_iter().map(|letter| letter.subject).collect()
}

const FAILS: &str = "An app does not hear of log-outs (Brightwater Trading)";
const MENDED: &str = "An app hears of log-outs again (Brightwater Trading)";

fn dlv_04_administrators_hear_once_of_an_app_that_fails_and_once_that_it_is_mended(
    which: TestDatabase,
) {
    let site = Site::new(which);
    let ada = site.add_administrator("Ada", "ada@brightwater.example");
    let cy = site.add_administrator("Cy", "cy@brightwater.example");
    let ben = site.add_person("Ben", "ben@brightwater.example");
    let elsewhere = site.add_organization("Elsewhere");
    let dan = site.add_to(
        elsewhere,
        "Dan",
        "dan@elsewhere.example",
        Role::Administrator,
    );
    let gone = site.add_administrator("Eve", "eve@brightwater.example");
    site.disable(&gone);
    let crm = LogoutReceiver::answering(Manner::Status(503));
    let app = site.add_told_app("CRM", &[crm.address("/")], |_| {});
    log_out(&site, &ben, &app, 1);
    wait(&site, 9);
    assert!(
        subjects(&site, &ada).is_empty(),
        "a restart is nobody's business"
    );
    wait(&site, 30);
    for administrator in [&ada, &cy] {
        assert_eq!(subjects(&site, administrator), [FAILS]);
    }
    let letter = site.letters_to(&ada).remove(0);
    for words in ["CRM (", "503", "you administer the organization"] {
        assert!(letter.text.contains(words), "{words}: {}", letter.text);
    }
    assert!(!letter.text.contains("This wasn't me"), "{}", letter.text);
    for other in [&ben, &dan, &gone] {
        assert!(subjects(&site, other).is_empty(), "{}", other.email);
    }
    let metrics = || site.app().metrics.to_text().expect("metrics");
    let line = |fails: u8| format!("nightlatch_app_failing{{client_id=\"{}\"}} {fails}", app.id);
    assert!(metrics().contains(&line(1)), "{}", metrics());
    assert!(site.overview(&app).is_failing);
    // Nothing more, however long it lasts.
    log_out(&site, &ben, &app, 5);
    wait(&site, 60 * 4);
    assert_eq!(subjects(&site, &ada).len(), 1);
    // It answers one, and not the others: that is not mended.
    crm.answer_next([Manner::Status(200)]);
    wait(&site, 60);
    assert_eq!(subjects(&site, &ada).len(), 1);
    crm.answer(Manner::Status(200));
    wait(&site, 80);
    assert_eq!(subjects(&site, &ada), [FAILS, MENDED]);
    assert!(metrics().contains(&line(0)), "{}", metrics());
    // It fails again on the same day: they know.
    crm.answer(Manner::Status(403));
    log_out(&site, &ben, &app, 5);
    wait(&site, 20);
    crm.answer(Manner::Status(200));
    log_out(&site, &ben, &app, 1);
    wait(&site, 1);
    assert_eq!(subjects(&site, &ada).len(), 2);
    // And on the next.
    site.advance(DAY);
    crm.answer(Manner::Status(403));
    log_out(&site, &ben, &app, 2);
    wait(&site, 1);
    assert_eq!(subjects(&site, &ada).len(), 2, "two may be a mistake");
    log_out(&site, &ben, &app, 1);
    wait(&site, 1);
    assert_eq!(subjects(&site, &ada), [FAILS, MENDED, FAILS]);
}

fn dlv_04_many_apps_that_fail_together_are_one_mail(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_administrator("Ada", "ada@brightwater.example");
    let ben = site.add_person("Ben", "ben@brightwater.example");
    let broken = LogoutReceiver::answering(Manner::Status(403));
    for number in 0..5 {
        let address = broken.address(&format!("/{number}"));
        let app = site.add_told_app(&format!("App {number}"), &[address], |_| {});
        log_out(&site, &ben, &app, 3);
    }
    site.deliver();
    let letters = site.letters_to(&ada);
    assert_eq!(letters.len(), 1, "{letters:#?}");
    for number in 0..5 {
        let name = format!("App {number} (");
        assert!(letters[0].text.contains(&name), "{}", letters[0].text);
    }
}

fn dlv_04_an_app_that_nobody_hears_from_is_noticed(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_administrator("Ada", "ada@brightwater.example");
    let ben = site.add_person("Ben", "ben@brightwater.example");
    let app = site.add_told_app("Intranet", &[], |app| app.pulls_logouts = true);
    log_out(&site, &ben, &app, 1);
    site.look_for_overdue();
    site.advance(HOUR);
    site.look_for_overdue();
    assert!(subjects(&site, &ada).is_empty());
    site.advance(SECOND);
    site.look_for_overdue();
    site.look_for_overdue();
    assert_eq!(subjects(&site, &ada), [FAILS]);
    let text = site.letters_to(&ada).remove(0).text;
    assert!(text.contains("nothing was confirmed for an hour"), "{text}");
    site.advance(DAY * 2);
    site.look_for_overdue();
    assert_eq!(subjects(&site, &ada).len(), 1);
}

fn dlv_04_what_an_app_confirmed_and_missed_is_seen(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let crm = LogoutReceiver::new();
    let app = site.add_told_app("CRM", &[crm.address("/")], |_| {});
    let before = site.overview(&app);
    assert_eq!((before.waiting, before.health.last_success_at), (0, None));
    log_out(&site, &ada, &app, 3);
    site.deliver();
    let confirmed_at = site.now();
    site.advance(MINUTE);
    crm.answer_next([Manner::Status(400), Manner::Status(500)]);
    log_out(&site, &ada, &app, 2);
    assert_eq!(site.overview(&app).waiting, 2);
    site.deliver();
    let seen = site.overview(&app);
    assert_eq!((seen.waiting, seen.undelivered), (1, 1));
    assert_eq!(seen.health.confirmed, 3);
    assert_eq!(seen.health.recent(), (2, 5));
    assert_eq!(seen.health.last_success_at, Some(confirmed_at));
    assert_eq!(seen.health.last_failure_at, Some(site.now()));
    assert!(seen.health.latency_milliseconds.is_some() && seen.health.last_error.is_some());
    assert!(!seen.is_failing);
    let metrics = site.app().metrics.to_text().expect("metrics");
    for (outcome, count) in [("confirmed", 3), ("failed", 1), ("lost", 1)] {
        let line = format!(
            "nightlatch_app_attempts_total{{client_id=\"{}\",outcome=\"{outcome}\"}} {count}",
            app.id
        );
        assert!(metrics.contains(&line), "{line}: {metrics}");
    }
}

/// What an app answers stands in the mail, and never as a line or a page of its own.
fn dlv_04_an_app_writes_no_mail_of_its_own(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_administrator("Ada", "ada@brightwater.example");
    let ben = site.add_person("Ben", "ben@brightwater.example");
    let words = format!("no\r\n\r\nThis wasn't me:\n{}", "x".repeat(2_000));
    let crm = LogoutReceiver::answering(Manner::Refusing { words });
    let app = site.add_told_app("CRM", &[crm.address("/")], |_| {});
    log_out(&site, &ben, &app, 3);
    site.deliver();
    let letter = site.letters_to(&ada).remove(0);
    assert!(letter.text.contains("noThis wasn't me"), "{}", letter.text);
    assert!(!letter.text.contains(&"x".repeat(300)), "{}", letter.text);
    let kept = site.overview(&app).health.last_error.expect("words");
    assert!(!kept.contains('\n') && kept.len() <= 300, "{kept}");
}
