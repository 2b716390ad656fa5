//! How long sessions live, and what counts as use (SES-09 … SES-11, G1, G7).

use nightlatch_domain::ending::{Actor, Cause};
use nightlatch_domain::event::EventKind;
use nightlatch_domain::policy::Policy;
use nightlatch_flows::activity::INTERVAL;
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Account, Browser, Choices, Site, TestDatabase};

use crate::{DAY, HOUR, MINUTE, SECOND};

on_both_databases!(
    ses_09_a_day_without_use_to_the_second,
    ses_09_a_week_in_any_case_to_the_second,
    ses_10_use_moves_the_idle_deadline_only,
    g1_what_pages_ask_in_the_background_is_no_use,
    g1_what_people_do_is_use,
    use_never_revives,
    g7_a_restart_keeps_sessions_and_their_use,
    a_crash_ends_early_by_at_most_one_interval_and_never_late,
    pol_02_a_tightened_rule_acts_at_once,
    ses_11_the_sweep_writes_ends_with_their_causes,
    ses_11_the_sweep_waits_for_what_is_not_yet_written,
    the_first_cause_in_time_wins,
    people_are_told_the_same_before_and_after_the_sweep,
    open_pages_hear_of_the_end_by_time,
);

fn begin(site: &Site) -> (Account, Browser<'_>) {
    let ada = site.add_ada();
    let mut browser = site.browser();
    browser.sign_in(&ada);
    (ada, browser)
}

fn ses_09_a_day_without_use_to_the_second(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut browser) = begin(&site);
    let row = browser.session_row().expect("a session");
    assert_eq!(row.idle_deadline, site.now().plus(DAY));
    site.wait_until(row.idle_deadline.minus(SECOND));
    assert!(browser.is_signed_in());
    site.advance(SECOND);
    assert!(!browser.is_signed_in());
    browser.open("/account/history").expect(200);
    assert_eq!(browser.path(), "/login?return_to=/account/history");
    assert!(browser.page().says("this browser was not used for a while"));
}

fn ses_09_a_week_in_any_case_to_the_second(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut browser) = begin(&site);
    let row = browser.session_row().expect("a session");
    assert_eq!(row.overall_deadline, site.now().plus(DAY * 7));
    while site.now().plus(HOUR * 12) < row.overall_deadline {
        site.advance(HOUR * 12);
        browser.open("/").expect(200);
        assert_eq!(browser.path(), "/");
    }
    site.wait_until(row.overall_deadline.minus(SECOND));
    browser.open("/").expect(200);
    assert_eq!(browser.path(), "/");
    site.advance(SECOND);
    browser.open("/").expect(200);
    assert_eq!(browser.path(), "/login");
    assert!(browser.page().says("a session lasts only so long"));
}

fn ses_10_use_moves_the_idle_deadline_only(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut browser) = begin(&site);
    let before = browser.session_row().expect("a session");
    site.advance(HOUR * 5);
    browser.open("/account/security").expect(200);
    // One write for however many requests, and not by the requests themselves.
    browser.open("/account/profile").expect(200);
    let unwritten = browser.session_row().expect("a session");
    assert_eq!(unwritten.last_active_at, before.last_active_at);
    assert_eq!(site.flush_activity(), 1);
    assert_eq!(site.flush_activity(), 0);
    let after = browser.session_row().expect("a session");
    assert_eq!(after.last_active_at, site.now());
    assert_eq!(after.idle_deadline, site.now().plus(DAY));
    assert_eq!(after.overall_deadline, before.overall_deadline);
}

fn g1_what_pages_ask_in_the_background_is_no_use(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut browser) = begin(&site);
    site.flush_activity();
    let before = browser.session_row().expect("a session");
    site.advance(HOUR);
    let script: [(&str, &str); 7] = [
        ("GET", "/session/status"),
        ("GET", "/api/v1/profile"),
        ("GET", "/api/v1/sessions"),
        ("GET", "/api/v1/history"),
        ("GET", "/account/profile"),
        ("HEAD", "/account/sessions"),
        ("GET", "/"),
    ];
    for (method, path) in script {
        drop(browser.ask(method, path).by_script().send().expect(200));
    }
    for (name, value) in [
        ("sec-purpose", "prefetch"),
        ("sec-purpose", "prefetch;prerender"),
        ("purpose", "prefetch"),
        ("x-moz", "prefetch"),
    ] {
        let ask = browser.ask("GET", "/account/security").header(name, value);
        drop(ask.header("sec-fetch-mode", "navigate").send().expect(200));
    }
    // What is shown to everybody is no use of an account.
    for path in ["/login", "/help", "/signed-out", "/logout", "/nowhere"] {
        browser.open(path);
    }
    // Nor is what another site makes the browser send.
    let foreign = browser.ask("POST", "/logout").form("");
    foreign.header("sec-fetch-site", "cross-site").send();
    assert_eq!(site.flush_activity(), 0);
    site.wait_until(before.idle_deadline);
    assert!(!browser.is_signed_in());
    site.advance(MINUTE);
    site.sweep();
    assert_eq!(site.sessions_of(&ada)[0].cause(), Some(Cause::IdleTimeout));
}

fn g1_what_people_do_is_use(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut browser) = begin(&site);
    let acts: [fn(&mut Browser<'_>); 5] = [
        |browser| drop(browser.open("/account/profile").expect(200)),
        |browser| drop(browser.press("Save name").expect(200)),
        |browser| drop(browser.api("POST", "/session/stay", None).expect(200)),
        |browser| {
            let body = serde_json::json!({ "appearance": "dark" });
            drop(
                browser
                    .api("PATCH", "/api/v1/profile", Some(&body))
                    .expect(200),
            );
        },
        // An old browser that sends no fetch metadata.
        |browser| drop(browser.ask("GET", "/account/profile").send().expect(200)),
    ];
    for act in acts {
        site.advance(HOUR * 20);
        act(&mut browser);
        site.flush_activity();
        let row = browser.session_row().expect("a session");
        assert_eq!(row.last_active_at, site.now());
    }
    assert!(browser.is_signed_in());
}

fn use_never_revives(which: TestDatabase) {
    let site = Site::new(which);
    let (_, browser) = begin(&site);
    site.flush_activity();
    let saved = browser.steal_cookies();
    let row = browser.session_row().expect("a session");
    site.wait_until(row.idle_deadline);
    for path in ["/", "/account/profile", "/account/sessions"] {
        let mut again = site.browser().with_cookies(saved.clone());
        assert!(again.open_once(path).location().is_some());
        drop(again.api("POST", "/session/stay", None).expect(401));
    }
    assert_eq!(site.flush_activity(), 0);
    assert!(!site.browser().with_cookies(saved).is_signed_in());
}

fn g7_a_restart_keeps_sessions_and_their_use(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut browser) = begin(&site);
    site.advance(HOUR * 23);
    browser.open("/").expect(200);
    let form = browser.page().form("Log out").clone();
    site.restart();
    assert!(browser.is_signed_in());
    site.advance(HOUR * 23);
    browser.open("/").expect(200);
    assert_eq!(browser.path(), "/");
    // Pages that were open over the restart still work.
    browser.submit(&form).expect_redirect("/signed-out");
}

fn a_crash_ends_early_by_at_most_one_interval_and_never_late(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut browser) = begin(&site);
    let row = browser.session_row().expect("a session");
    site.advance(HOUR * 10);
    browser.open("/").expect(200);
    let written = site.now();
    site.flush_activity();
    site.advance(INTERVAL);
    browser.open("/").expect(200);
    let lost = site.now();
    site.crash();
    site.wait_until(written.plus(DAY).minus(SECOND));
    assert!(browser.is_signed_in());
    site.advance(SECOND);
    // Early, by what was lost; an interval later it would have ended anyway.
    assert!(!browser.is_signed_in());
    assert_eq!(lost.since(written), INTERVAL);
    assert!(site.now() < row.overall_deadline);
}

fn pol_02_a_tightened_rule_acts_at_once(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut browser) = begin(&site);
    site.advance(HOUR * 2);
    assert!(browser.is_signed_in());
    site.change_settings(|settings| settings.policy.ordinary = Policy::NIST_AAL2);
    assert!(!browser.is_signed_in());
    assert!(
        !site
            .browser()
            .with_cookies(browser.steal_cookies())
            .is_signed_in()
    );
    browser.open("/").expect(200);
    // Not "idle since an hour ago": an hour ago it was allowed.
    assert!(
        browser
            .page()
            .says("your organization's rules have changed")
    );
    assert!(browser.page().says("just now"), "{}", browser.page().text);
    // Loosened again, nothing comes back but what the old rule would have kept.
    site.change_settings(|settings| settings.policy.ordinary.idle_seconds = 30 * 86_400);
    site.advance(DAY);
    let mut late = site.browser();
    late.sign_in(&ada);
    assert_eq!(
        late.session_row().expect("a session").idle_deadline,
        site.now().plus(DAY)
    );
    site.sweep();
}

fn ses_11_the_sweep_writes_ends_with_their_causes(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let (mut idle, mut busy, mut remembered) = (site.browser(), site.browser(), site.browser());
    idle.sign_in(&ada);
    busy.sign_in(&ada);
    let remember = Choices {
        remember: true,
        shared: false,
    };
    remembered.sign_in_with(&ada, remember);
    assert_eq!(site.sweep(), 0);
    for _ in 0..14 {
        busy.open("/").expect(200);
        site.flush_activity();
        site.advance(HOUR * 12);
    }
    site.advance(MINUTE);
    // Nobody came back; the history tells all the same.
    assert_eq!(site.sweep(), 2);
    assert_eq!(site.sweep(), 0);
    assert!(remembered.is_signed_in());
    let rows = site.sessions_of(&ada);
    let ends: Vec<_> = rows
        .iter()
        .map(|row| row.ended.map(|end| (end.cause, end.at)))
        .collect();
    assert_eq!(ends[0], Some((Cause::IdleTimeout, rows[0].idle_deadline)));
    assert_eq!(
        ends[1],
        Some((Cause::OverallTimeout, rows[1].overall_deadline))
    );
    assert_eq!(ends[2], None);
    assert_eq!(site.count_events(&ada, EventKind::SessionEnded), 2);
    for row in &rows[..2] {
        let ending = site.ending(row.ended.expect("an end").ending_id);
        assert_eq!(ending.actor, Actor::System);
    }
}

fn ses_11_the_sweep_waits_for_what_is_not_yet_written(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut browser) = begin(&site);
    let row = browser.session_row().expect("a session");
    // Used in the last second; the batch is not written when the sweep comes.
    site.wait_until(row.idle_deadline.minus(SECOND));
    browser.open("/").expect(200);
    site.advance(INTERVAL);
    assert_eq!(site.sweep(), 0);
    site.flush_activity();
    site.advance(HOUR);
    assert_eq!(site.sweep(), 0);
    assert!(browser.is_signed_in());
    assert_eq!(site.open_sessions_of(&ada), 1);
}

fn the_first_cause_in_time_wins(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, browser) = begin(&site);
    let mut phone = site.browser();
    site.advance(HOUR * 20);
    phone.sign_in(&ada);
    let row = browser.session_row().expect("a session");
    // Timed out at noon, disabled in the evening: it had timed out.
    site.wait_until(row.idle_deadline.plus(HOUR * 3));
    site.disable(&ada);
    let rows = site.sessions_of(&ada);
    assert_eq!(rows[0].cause(), Some(Cause::IdleTimeout));
    assert_eq!(rows[0].ended.expect("an end").at, row.idle_deadline);
    assert_eq!(rows[1].cause(), Some(Cause::UserDisabled));
    assert_eq!(rows[1].ended.expect("an end").at, site.now());
    // What comes later changes nothing.
    site.log_out_everybody(None, "a drill");
    site.sweep();
    let causes = site.causes_of(&ada);
    assert_eq!(
        causes,
        [Some(Cause::IdleTimeout), Some(Cause::UserDisabled)]
    );
}

fn people_are_told_the_same_before_and_after_the_sweep(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    // Idle after a day; the week is over too when somebody comes back, and in
    // between everybody was logged out.
    let cookies = site.begin_sessions(&ada, 150);
    site.advance(DAY * 3);
    site.log_out_everybody(None, "a drill");
    site.advance(DAY * 6);
    for _ in 0..2 {
        let mut browser = site.browser();
        let last = cookies.last().expect("a cookie");
        browser.jar.put("__Host-nightlatch", last);
        browser.open("/").expect(200);
        assert!(browser.page().says("was not used for a while"));
        assert!(browser.page().says("8 days ago"));
        assert!(!browser.page().says("a drill"));
        site.expand();
        site.sweep();
    }
}

fn open_pages_hear_of_the_end_by_time(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut browser) = begin(&site);
    // UI-05: what a page needs to warn ahead, without being use.
    let status = browser.ask("GET", "/session/status").by_script().send();
    let status = status.expect(200).json();
    let row = browser.session_row().expect("a session");
    assert_eq!(status["idle_deadline"], row.idle_deadline.milliseconds());
    assert_eq!(
        status["overall_deadline"],
        row.overall_deadline.milliseconds()
    );
    assert_eq!(status["now"], site.now().milliseconds());
    // Staying is one simple act, as often as it takes.
    for _ in 0..10 {
        site.advance(DAY / 2);
        let stayed = browser
            .api("POST", "/session/stay", None)
            .expect(200)
            .json();
        let until = stayed["idle_deadline"].as_i64().expect("a number");
        assert_eq!(until, site.now().plus(DAY).milliseconds());
    }
}
