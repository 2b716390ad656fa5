//! What is deleted when its time is over, and what is not (E14, PRV-01).

use std::time::Duration;

use nightlatch_flows::housekeeping::{BROWSER_RETENTION, RETENTION, THROTTLE_RETENTION};
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Account, Choices, Site, TestDatabase};

use crate::{DAY, HOUR, MINUTE, SECOND};

on_both_databases!(
    e14_only_what_is_old_is_pruned,
    e14_what_lives_is_never_pruned,
    a_receipt_goes_with_its_time,
    counters_of_failures_go_when_nobody_fails_any_more,
    a_browser_that_nobody_uses_is_forgotten,
);

const SESSIONS: &str = "SELECT count(*) FROM sessions";
const EVENTS: &str = "SELECT count(*) FROM events";
const ENDINGS: &str = "SELECT count(*) FROM endings";
const RECEIPTS: &str = "SELECT count(*) FROM receipts";
const THROTTLES: &str = "SELECT count(*) FROM throttles";
const BROWSERS: &str = "SELECT count(*) FROM browsers";

fn counts(site: &Site) -> [i64; 3] {
    [SESSIONS, EVENTS, ENDINGS].map(|count| site.count_rows(count))
}

fn e14_only_what_is_old_is_pruned(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    site.begin_sessions(&ada, 120);
    site.log_out_everybody(None, "the old days");
    site.expand();
    site.advance(DAY * 30);
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    laptop.log_out();
    assert_eq!(counts(&site), [121, 1 + 121 * 2, 2]);
    // To the second: twelve months after its end.
    site.wait_until(
        site.sessions_of(&ada)[0]
            .ended
            .expect("an end")
            .at
            .plus(RETENTION),
    );
    site.prune();
    assert_eq!(counts(&site)[0], 121);
    site.advance(SECOND);
    assert!(site.prune() > 0);
    assert_eq!(counts(&site), [1, 2, 1]);
    assert_eq!(site.prune(), 0);
    // The page of what is left still works.
    laptop.sign_in(&ada);
    laptop.open("/account/history").expect(200);
    assert_eq!(laptop.page().entries("Session ended").len(), 1);
}

fn e14_what_lives_is_never_pruned(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    site.change_settings(|settings| {
        settings.policy.remembered.idle_seconds = 1_000 * 86_400;
        settings.policy.remembered.overall_seconds = 1_000 * 86_400;
    });
    let mut laptop = site.browser();
    let remember = Choices {
        remember: true,
        shared: false,
    };
    laptop.sign_in_with(&ada, remember);
    let cookie = laptop.session_cookie().expect("a cookie").to_owned();
    site.advance(BROWSER_RETENTION + DAY);
    site.prune();
    let mut later = site.browser();
    later.jar.put("__Host-nightlatch", &cookie);
    assert!(later.is_signed_in());
    assert_eq!(
        (site.count_rows(SESSIONS), site.count_rows(BROWSERS)),
        (1, 1)
    );
    later.log_out();
}

fn a_receipt_goes_with_its_time(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    laptop.log_out();
    let kept = laptop.steal_cookies();
    let receipt = kept
        .get("__Host-nightlatch-receipt")
        .expect("a receipt")
        .to_owned();
    site.advance(Duration::from_secs(15 * 60 - 1));
    site.prune();
    laptop.open("/signed-out").expect(200);
    assert!(laptop.page().says("You logged out in this browser."));
    // On the server as well, whatever the browser keeps.
    site.advance(SECOND);
    let mut keeper = site.browser();
    keeper.jar.put("__Host-nightlatch-receipt", &receipt);
    keeper.open("/signed-out").expect(200);
    assert_eq!(keeper.page().heading, "You are not signed in");
    assert_eq!(site.count_rows(RECEIPTS), 1);
    site.prune();
    assert_eq!(site.count_rows(RECEIPTS), 0);
}

fn counters_of_failures_go_when_nobody_fails_any_more(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    for _ in 0..6 {
        let mut stranger = site.browser();
        drop(stranger.try_to_sign_in(&ada.email, "a wrong guess", Choices::default()));
        site.advance(MINUTE);
    }
    assert!(site.count_rows(THROTTLES) > 1);
    let last = site.now();
    site.wait_until(last.plus(THROTTLE_RETENTION).minus(HOUR));
    assert_eq!(site.prune(), 0);
    site.advance(HOUR);
    site.prune();
    assert_eq!(site.count_rows(THROTTLES), 0);
}

fn a_browser_that_nobody_uses_is_forgotten(which: TestDatabase) {
    let site = Site::new(which);
    let ada: Account = site.add_administrator("Ada Lovelace", "ada@brightwater.example");
    let (mut laptop, mut desk) = (site.browser(), site.browser());
    laptop.sign_in(&ada);
    desk.sign_in(&ada);
    // A computer marked as shared keeps its mark, however rarely it is used.
    desk.open("/account/security").expect(200);
    desk.press("Mark this computer as shared").expect(200);
    desk.log_out();
    laptop.log_out();
    let last = site.now();
    site.wait_until(last.plus(BROWSER_RETENTION).minus(SECOND));
    site.prune();
    assert_eq!(site.count_rows(BROWSERS), 2);
    site.advance(SECOND * 2);
    site.prune();
    assert_eq!(site.count_rows(BROWSERS), 1);
    assert_eq!(site.count_rows("SELECT count(*) FROM known_browsers"), 1);
}
