//! How many sessions one person may have (SES-14, F7).

use std::time::Duration;

use nightlatch_domain::ending::{Actor, Cause};
use nightlatch_domain::event::EventKind;
use nightlatch_domain::policy::AtSessionLimit;
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Account, Browser, Choices, PASSWORD, Site, TestDatabase};

use crate::MINUTE;

on_both_databases!(
    f7_of_a_hundred_parallel_sign_ins_exactly_the_limit_remain,
    f7_the_least_recently_used_goes_and_is_told_why,
    ses_14_or_the_sign_in_is_refused,
    who_is_active_on_this_node_is_not_the_least_recently_used,
    a_refused_sign_in_leaves_a_line,
    what_timed_out_takes_no_room,
    what_was_logged_out_takes_no_room,
);

fn limit(site: &Site, sessions: u32, then: AtSessionLimit) {
    site.change_settings(|settings| {
        settings.policy.session_limit = sessions;
        settings.policy.at_session_limit = then;
    });
}

fn who_is_active_on_this_node_is_not_the_least_recently_used(which: TestDatabase) {
    let site = Site::new(which);
    limit(&site, 2, AtSessionLimit::EndOldest);
    let ada = site.add_ada();
    let (mut laptop, mut phone, mut third) = (site.browser(), site.browser(), site.browser());
    laptop.sign_in(&ada);
    phone.sign_in(&ada);
    site.flush_activity();
    site.advance(MINUTE);
    laptop.open("/").expect(200);
    third.sign_in(&ada);
    assert!(laptop.is_signed_in() && third.is_signed_in());
    assert!(!phone.is_signed_in());
}

fn a_refused_sign_in_leaves_a_line(which: TestDatabase) {
    let site = Site::new(which);
    limit(&site, 1, AtSessionLimit::Refuse);
    let ada = site.add_ada();
    let (mut laptop, mut phone) = (site.browser(), site.browser());
    laptop.sign_in(&ada);
    for _ in 0..3 {
        let answer = phone.try_to_sign_in(&ada.email, PASSWORD, Choices::default());
        drop(answer.expect(409));
    }
    laptop.open("/account/history?show=sign-ins").expect(200);
    let words = "3 sign-ins refused: too many sessions at a time";
    assert!(laptop.page().says(words), "{}", laptop.page().text);
    assert_eq!(site.count_events(&ada, EventKind::SignInOverLimit), 1);
}

fn f7_of_a_hundred_parallel_sign_ins_exactly_the_limit_remain(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    // Browsers that she has used before: strangers in such numbers are slowed.
    let browsers: Vec<Browser<'_>> = site
        .begin_sessions_in_browsers(&ada, 100)
        .into_iter()
        .map(|cookies| site.browser().with_cookies(cookies))
        .collect();
    site.log_out_everybody(None, "a fresh start");
    limit(&site, 7, AtSessionLimit::EndOldest);
    let signed_in: Vec<Browser<'_>> = std::thread::scope(|scope| {
        let threads: Vec<_> = browsers
            .into_iter()
            .map(|mut browser| {
                let ada = &ada;
                scope.spawn(move || {
                    browser.sign_in_here(ada);
                    browser
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("an answer"))
            .collect()
    });
    let mut live = 0;
    for mut browser in signed_in {
        if browser.is_signed_in() {
            live += 1;
        } else {
            browser.open("/").expect(200);
            assert!(
                browser
                    .page()
                    .says("on more devices than your organization allows")
            );
        }
    }
    assert_eq!(live, 7);
    assert_eq!(site.open_sessions_of(&ada), 7);
}

fn f7_the_least_recently_used_goes_and_is_told_why(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    limit(&site, 3, AtSessionLimit::EndOldest);
    let (mut first, mut second, mut third) = (site.browser(), site.browser(), site.browser());
    for browser in [&mut first, &mut second, &mut third] {
        browser.sign_in(&ada);
        site.advance(MINUTE);
    }
    // The oldest is in use; the second is the one that rests.
    first.open("/account/profile").expect(200);
    site.flush_activity();
    site.advance(MINUTE);
    let mut fourth = site.browser();
    fourth.sign_in(&ada);
    assert!(first.is_signed_in() && third.is_signed_in() && fourth.is_signed_in());
    second.open("/account/profile").expect(200);
    assert!(
        second
            .page()
            .says("on more devices than your organization allows")
    );
    let ended = site.sessions_of(&ada)[1].ended.expect("an end");
    assert_eq!(ended.cause, Cause::SessionLimit);
    assert_eq!(site.ending(ended.ending_id).actor, Actor::System);
}

fn ses_14_or_the_sign_in_is_refused(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    limit(&site, 2, AtSessionLimit::Refuse);
    let (mut first, mut second, mut third) = (site.browser(), site.browser(), site.browser());
    first.sign_in(&ada);
    second.sign_in(&ada);
    let answer = third.try_to_sign_in(&ada.email, PASSWORD, Choices::default());
    assert_eq!(answer.status.as_u16(), 409);
    assert!(
        answer
            .page()
            .says("on as many devices as your organization allows")
    );
    assert!(first.is_signed_in() && second.is_signed_in() && !third.is_signed_in());
    // It cost no throttle, and in a browser that counts already there is room.
    for _ in 0..10 {
        drop(third.try_to_sign_in(&ada.email, PASSWORD, Choices::default()));
    }
    second.sign_in(&ada);
    first.log_out();
    third.sign_in(&ada);
}

fn what_timed_out_takes_no_room(which: TestDatabase) {
    let (site, ada) = two_of_two(which);
    site.advance(Duration::from_hours(25));
    let mut third = site.browser();
    third.sign_in(&ada);
    assert!(third.is_signed_in());
}

fn what_was_logged_out_takes_no_room(which: TestDatabase) {
    let (site, ada) = two_of_two(which);
    site.log_out_everybody(Some(site.organization()), "tidying up");
    let mut third = site.browser();
    third.sign_in(&ada);
    assert!(third.is_signed_in());
}

fn two_of_two(which: TestDatabase) -> (Site, Account) {
    let site = Site::new(which);
    let ada = site.add_ada();
    limit(&site, 2, AtSessionLimit::Refuse);
    site.begin_sessions(&ada, 2);
    (site, ada)
}
