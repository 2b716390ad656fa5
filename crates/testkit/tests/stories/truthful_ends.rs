//! What an ending is recorded as, when a rule was tightened or activity is still
//! on its way to the database.

use std::sync::{Arc, Barrier};
use std::task::Poll;

use nightlatch_domain::ending::Cause;
use nightlatch_domain::policy::Policy;
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Account, Browser, Site, TestDatabase};

use crate::{HOUR, MINUTE, SECOND};

on_both_databases!(
    pol_02_what_a_tightened_rule_ended_is_recorded_as_that,
    what_is_noted_and_not_written_counts_for_every_ending,
    activity_counts_also_while_it_is_being_written,
);

fn begin(site: &Site) -> (Account, Browser<'_>) {
    let ada = site.add_ada();
    let mut browser = site.browser();
    browser.sign_in(&ada);
    (ada, browser)
}

fn pol_02_what_a_tightened_rule_ended_is_recorded_as_that(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, browser) = begin(&site);
    site.advance(HOUR * 2);
    site.change_settings(|settings| settings.policy.ordinary = Policy::NIST_AAL2);
    site.advance(MINUTE);
    site.log_out_everybody(None, "a drill");
    let row = &site.sessions_of(&ada)[0];
    assert_eq!(row.cause(), Some(Cause::Policy));
    assert_eq!(row.ended.expect("an end").at, site.now());
    drop(browser);
}

fn what_is_noted_and_not_written_counts_for_every_ending(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut browser) = begin(&site);
    let row = browser.session_row().expect("a session");
    site.wait_until(row.idle_deadline.minus(SECOND));
    browser.open("/").expect(200);
    site.advance(SECOND * 5);
    site.log_out_everybody(None, "a drill");
    // She was there a moment ago: it did not time out.
    assert_eq!(site.causes_of(&ada), [Some(Cause::EndedByAdministrator)]);
}

fn activity_counts_also_while_it_is_being_written(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut browser) = begin(&site);
    let row = browser.session_row().expect("a session");
    site.wait_until(row.idle_deadline.minus(SECOND));
    browser.open("/").expect(200);
    site.advance(SECOND * 5);
    let app = site.app();
    let (id, life) = site.read(move |tx| {
        let owned = nightlatch_storage::sessions::find(tx, row.id)?.expect("a session");
        Ok((owned.session.id, owned.session.life))
    });
    // On SQLite one thread writes. It is held, so the flush has begun and is not
    // done when the check comes. (PostgreSQL has a connection for each.)
    if site.database() != TestDatabase::Sqlite {
        return;
    }
    let gate = Arc::new(Barrier::new(2));
    std::thread::scope(|scope| {
        let held = Arc::clone(&gate);
        let site = &site;
        scope.spawn(move || {
            site.write(move |_| {
                held.wait();
                held.wait();
                Ok(())
            });
        });
        gate.wait();
        let mut flush = Box::pin(app.activity.flush(&app.store));
        site.block_on(std::future::poll_fn(|context| {
            assert!(flush.as_mut().poll(context).is_pending());
            Poll::Ready(())
        }));
        let seen = app.activity.overlay(id, life);
        gate.wait();
        assert!(seen.last_active_at > life.last_active_at);
        assert_eq!(site.block_on(flush).expect("a write"), 1);
    });
    assert_eq!(site.flush_activity(), 0);
    assert!(browser.is_signed_in());
}
