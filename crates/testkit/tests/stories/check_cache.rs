//! Answers to checks that are kept in memory: they are those of the database at every
//! moment, and a logout that was answered is known to the very next check (A5, SES-08,
//! POL-02, FWD-06).

use std::time::Duration;

use nightlatch_domain::secret::{Token, TokenDigest};
use nightlatch_flows::sessions::{self, Check};
use nightlatch_storage::on_both_databases;
use nightlatch_storage::testing::{break_after, mend};

use nightlatch_testkit::{Site, TestDatabase};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::random_world::{World, event};

on_both_databases!(
    pol_02_over_random_events_memory_and_database_agree,
    a5_a_logout_is_known_to_the_next_check_from_memory,
    pol_02_a_tightened_policy_is_known_to_the_next_check_from_memory,
    fwd_06_a_read_that_an_ending_overtakes_is_never_kept,
    status_of_a_live_session_needs_no_database,
);

fn digest_of(cookie: &str) -> TokenDigest {
    Token::parse(cookie).expect("a token").digest()
}

/// Compares all that is known of every cookie that there ever was; how many answers came from memory.
fn agrees(world: &World<'_>) -> usize {
    let app = world.site.app();
    let mut from_memory = 0;
    for cookie in &world.cookies {
        let (token, now) = (digest_of(cookie), app.clock.now());
        let activity = std::sync::Arc::clone(&app.activity);
        let read = world
            .site
            .read(move |tx| sessions::check(tx, token, &activity, now));
        let kept = app.check_cache.find(token, &app.activity, now);
        let looked = world
            .site
            .block_on(app.check_cache.look(&app.store, token, &app.activity, now))
            .expect("a database that answers");
        let Check::Live(live) = read else {
            assert_eq!(kept, None, "memory says yes and the database {read:?}");
            assert_eq!(looked, None);
            continue;
        };
        let again = app.check_cache.find(token, &app.activity, now);
        assert_eq!(again.is_some(), app.check_cache.is_on());
        for live_check in [kept, looked, again].into_iter().flatten() {
            assert_eq!(live_check.session_id, live.owned.session.id);
            let (known, truth) = (live_check.admission.deadlines, live.admission.deadlines);
            assert_eq!(known.overall, truth.overall);
            // Activity that was written since is not known here yet: earlier, never later.
            assert!(known.idle <= truth.idle);
        }
        assert!(looked.is_some(), "no false refusal (D7)");
        from_memory += usize::from(kept.is_some());
    }
    from_memory
}

fn pol_02_over_random_events_memory_and_database_agree(which: TestDatabase) {
    let config = Config {
        cases: 20,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..Config::default()
    };
    let events = prop::collection::vec(event(), 1..40);
    let from_memory = std::cell::Cell::new(0);
    let result = TestRunner::new(config).run(&events, |events| {
        let site = Site::new(which);
        assert_eq!(
            site.app().check_cache.is_on(),
            which == TestDatabase::Sqlite
        );
        let mut world = World::new(&site);
        for event in &events {
            world.happens(event);
            from_memory.set(from_memory.get() + agrees(&world));
        }
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
    // Otherwise nothing was compared.
    assert_eq!(from_memory.get() > 100, which == TestDatabase::Sqlite);
}

fn a5_a_logout_is_known_to_the_next_check_from_memory(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut browser = site.browser();
    browser.sign_in(&ada);
    browser.open("/account/profile");
    let token = digest_of(browser.session_cookie().expect("a cookie"));
    let app = site.app();
    let find = || app.check_cache.find(token, &app.activity, app.clock.now());
    assert_eq!(find().is_some(), which == TestDatabase::Sqlite);
    browser.ask("POST", "/logout").by_own_page().form("").send();
    assert_eq!(find(), None);
    let status = browser.ask("GET", "/session/status").send().json();
    assert_eq!(status["state"], "ended");
}

fn pol_02_a_tightened_policy_is_known_to_the_next_check_from_memory(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut browser = site.browser();
    browser.sign_in(&ada);
    browser.open("/account/profile");
    let token = digest_of(browser.session_cookie().expect("a cookie"));
    site.advance(Duration::from_hours(2));
    site.change_settings(|settings| settings.policy.ordinary.idle_seconds = 3_600);
    let app = site.app();
    let now = app.clock.now();
    assert_eq!(app.check_cache.find(token, &app.activity, now), None);
    let looked = app.check_cache.look(&app.store, token, &app.activity, now);
    assert_eq!(site.block_on(looked).expect("an answer"), None);
    // Nobody was ended by it: with the old rule the session lives again, and is read.
    site.change_settings(|settings| settings.policy.ordinary.idle_seconds = 86_400);
    assert_eq!(app.check_cache.find(token, &app.activity, now), None);
    let looked = app.check_cache.look(&app.store, token, &app.activity, now);
    assert!(site.block_on(looked).expect("an answer").is_some());
}

/// The read sees a live session, the ending is committed and answered, and only then is what was read kept.
fn fwd_06_a_read_that_an_ending_overtakes_is_never_kept(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut browser = site.browser();
    browser.sign_in(&ada);
    let token = digest_of(browser.session_cookie().expect("a cookie"));
    let app = site.app();
    let now = app.clock.now();
    let reading = app.check_cache.begin(&app.store);
    let read = site
        .read(move |tx| nightlatch_storage::sessions::find_by_token(tx, token))
        .expect("a session");
    site.disable(&ada);
    app.check_cache.keep(reading, token, &read, now);
    assert_eq!(app.check_cache.find(token, &app.activity, now), None);
    // What is read after the ending may be kept again, if it is live.
    site.enable(&ada);
    browser.sign_in(&ada);
    browser.open("/account/profile");
    let token = digest_of(browser.session_cookie().expect("a cookie"));
    let found = app.check_cache.find(token, &app.activity, now);
    assert_eq!(found.is_some(), which == TestDatabase::Sqlite);
}

fn status_of_a_live_session_needs_no_database(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut browser = site.browser();
    browser.sign_in(&ada);
    let page = browser.open("/account/profile");
    assert_eq!(page.status, 200);
    let app = site.app();
    break_after(&app.store, 0);
    let status = browser.ask("GET", "/session/status").send();
    if which == TestDatabase::Postgres {
        // Other nodes write there, so nothing is kept.
        assert_eq!(status.status, 503);
        mend(&app.store);
        return;
    }
    let known = status.expect(200).json();
    assert_eq!(known["state"], "live");
    // Shortly before it idles out it is read: there may have been activity elsewhere.
    site.advance(Duration::from_hours(23) + Duration::from_mins(55));
    let unknown = browser.ask("GET", "/session/status").send();
    assert_eq!(unknown.status, 503);
    mend(&app.store);
    let read = browser
        .ask("GET", "/session/status")
        .send()
        .expect(200)
        .json();
    assert_eq!(read["session"], known["session"]);
    assert_eq!(read["overall_deadline"], known["overall_deadline"]);
}
