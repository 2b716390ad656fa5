//! What pages that are open hear (OUT-10, OUT-11).

use std::time::Duration;

use nightlatch_domain::ending::{Actor, Cause};
use nightlatch_flows::log_out;
use nightlatch_storage::testing::{break_after, mend};
use nightlatch_storage::{on_both_databases, users};
use nightlatch_testkit::{PASSWORD, Site, TestDatabase};
use nightlatch_web::signals::Concern;
use nightlatch_web::streams::MOST_OF_A_SESSION;

on_both_databases!(
    out_11_open_pages_hear_of_the_end_at_once,
    out_11_a_page_of_nobody_is_told_so_at_once,
    out_11_the_stream_survives_a_proof_and_other_peoples_endings,
    out_11_pages_of_a_session_that_the_next_person_replaced_hear_of_it,
    out_11_a_stream_asks_again_soon_after_an_outage,
    streams_are_bounded_and_their_places_come_free,
);

/// Long enough to look once, and then to wait for a signal.
const MOMENT: Duration = Duration::from_millis(50);
/// Long enough for a busy machine, and shorter than the time after which a
/// stream looks by itself; the word comes within milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);
const ENDED: &str = "event: ended\ndata: {}\n\n";

fn out_11_open_pages_hear_of_the_end_at_once(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    for end in 0..5 {
        let (mut laptop, mut phone) = (site.browser(), site.browser());
        laptop.sign_in(&ada);
        phone.sign_in(&ada);
        let mut open_page = phone.listen();
        assert_eq!(open_page.hear(MOMENT), None);
        match end {
            0 => {
                phone.log_out();
            }
            1 => {
                let path = format!("/api/v1/sessions/{}", phone.session_id());
                laptop.api("DELETE", &path, None).expect(200);
            }
            2 => {
                let path = "/api/v1/sessions/log-out-others";
                laptop.api("POST", path, None).expect(200);
            }
            3 => {
                phone.sign_in(&ada);
            }
            _ => {
                site.log_out_everybody(None, "a drill");
            }
        }
        assert_eq!(open_page.hear(PATIENCE).as_deref(), Some(ENDED), "{end}");
        // And then it closes.
        assert_eq!(open_page.hear(PATIENCE), None);
    }
}

fn out_11_a_page_of_nobody_is_told_so_at_once(which: TestDatabase) {
    let site = Site::new(which);
    let mut browser = site.browser();
    assert_eq!(browser.listen().hear(PATIENCE).as_deref(), Some(ENDED));
}

fn out_11_the_stream_survives_a_proof_and_other_peoples_endings(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let grace = site.add_person("Grace Hopper", "grace@brightwater.example");
    let (mut laptop, mut phone, mut hers) = (site.browser(), site.browser(), site.browser());
    laptop.sign_in(&ada);
    phone.sign_in(&ada);
    hers.sign_in(&grace);
    let mut open_page = laptop.listen();
    assert_eq!(open_page.hear(MOMENT), None);
    hers.log_out();
    phone.log_out();
    let body = serde_json::json!({ "password": PASSWORD });
    laptop.api("POST", "/api/v1/proof", Some(&body)).expect(200);
    let path = "/api/v1/sessions/log-out-others";
    laptop.api("POST", path, None).expect(200);
    assert!(laptop.is_signed_in());
    // Nothing of that was about this session.
    assert_eq!(open_page.hear(MOMENT), None);
    laptop.log_out();
    assert_eq!(open_page.hear(PATIENCE).as_deref(), Some(ENDED));
}

/// The browser lost the cookie of Ada's session, and one of its windows still
/// shows her pages when Grace signs in.
fn out_11_pages_of_a_session_that_the_next_person_replaced_hear_of_it(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let grace = site.add_person("Grace Hopper", "grace@brightwater.example");
    let mut browser = site.browser();
    browser.sign_in(&ada);
    let mut open_page = browser.listen();
    assert_eq!(open_page.hear(MOMENT), None);
    browser.restart();
    browser.sign_in(&grace);
    assert_eq!(open_page.hear(PATIENCE).as_deref(), Some(ENDED));
}

fn out_11_a_stream_asks_again_soon_after_an_outage(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let store = site.app().store.clone();
    let mut browser = site.browser();
    browser.sign_in(&ada);
    let mut open_page = browser.listen();
    assert_eq!(open_page.hear(MOMENT), None);
    // What is known in memory of her needs no database; now nothing is.
    site.write(move |tx| {
        let user = users::get(tx, ada.id)?;
        users::update_profile(tx, &user, user.created_at)
    });
    break_after(&store, 0);
    site.app().signals.ended(Concern::User(ada.id));
    // It has heard, asked in vain, and goes on asking.
    assert_eq!(open_page.hear(MOMENT), None);
    mend(&store);
    let moment = site.moment();
    site.write(move |tx| {
        let cause = Cause::EndedByAdministrator;
        log_out::end_all_of(tx, &moment, ada.id, cause, Actor::Operator).map(drop)
    });
    // Nobody signals this: only its own asking again brings the word.
    assert_eq!(open_page.hear(PATIENCE).as_deref(), Some(ENDED));
}

fn streams_are_bounded_and_their_places_come_free(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let (mut laptop, mut phone) = (site.browser(), site.browser());
    laptop.sign_in(&ada);
    phone.sign_in(&ada);
    let mut open_pages: Vec<_> = (0..MOST_OF_A_SESSION).map(|_| laptop.listen()).collect();
    assert_eq!(site.app().streams.count(), MOST_OF_A_SESSION);
    let refused = laptop.ask("GET", "/session/events").by_script().send();
    assert!(refused.header("retry-after").is_some());
    let refused = refused.expect(429).json();
    assert_eq!(refused["type"], "urn:nightlatch:problem:too-many-streams");
    // The page asks instead, and other sessions have places of their own.
    laptop
        .ask("GET", "/session/status")
        .by_script()
        .send()
        .expect(200);
    open_pages.push(phone.listen());
    open_pages.remove(0);
    open_pages.push(laptop.listen());
    assert_eq!(site.app().streams.count(), MOST_OF_A_SESSION + 1);
    // One that has heard the end frees its place as well.
    phone.log_out();
    let theirs = MOST_OF_A_SESSION - 1;
    assert_eq!(open_pages[theirs].hear(PATIENCE).as_deref(), Some(ENDED));
    assert_eq!(site.app().streams.count(), MOST_OF_A_SESSION);
    drop(open_pages);
    assert_eq!(site.app().streams.count(), 0);
}
