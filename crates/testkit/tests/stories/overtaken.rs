//! A sign-in that was under way when everything ended (OUT-13).

use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Account, Answer, Choices, PASSWORD, Site, TestDatabase};

on_both_databases!(
    out_13_a_sign_in_overtaken_by_log_out_of_all_sessions_is_dead_at_birth,
    out_13_also_by_all_others,
    out_13_also_by_an_administrator,
    out_13_also_by_everybody,
    out_13_also_by_a_new_password,
    out_13_also_by_being_disabled,
    a_sign_in_after_it_is_not_concerned,
);

/// Ada's sign-in is held at her password while something happens; returns what
/// it is answered then.
fn meanwhile(site: &Site, ada: &Account, something: impl FnOnce()) -> Answer {
    let before = counted(site);
    let held = site.hold_passwords();
    std::thread::scope(|scope| {
        let mut slow = site.browser();
        let thread = scope.spawn(move || {
            let answer = slow.try_to_sign_in(&ada.email, PASSWORD, Choices::default());
            assert!(!slow.is_signed_in());
            answer
        });
        // It has read the counters of endings once it counts as an attempt.
        site.wait_for_attempts(before + 2);
        something();
        drop(held);
        thread.join().expect("an answer")
    })
}

fn counted(site: &Site) -> i64 {
    site.count_rows("SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) FROM throttles")
}

fn is_overtaken(answer: &Answer) {
    assert_eq!(answer.status.as_u16(), 409);
    assert!(answer.page().says("While you were signing in"));
    assert!(answer.cookie("__Host-nightlatch").is_none());
}

fn out_13_a_sign_in_overtaken_by_log_out_of_all_sessions_is_dead_at_birth(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let answer = meanwhile(&site, &ada, || {
        laptop.open("/account/sessions/log-out-all").expect(200);
        laptop.press("Log out of all sessions").expect(200);
    });
    is_overtaken(&answer);
    assert_eq!(site.open_sessions_of(&ada), 0);
}

fn out_13_also_by_all_others(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let answer = meanwhile(&site, &ada, || {
        laptop.open("/account/sessions/log-out-others").expect(200);
        laptop.press("Log out all other sessions").expect(200);
    });
    is_overtaken(&answer);
    assert!(laptop.is_signed_in());
}

fn out_13_also_by_an_administrator(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let answer = meanwhile(&site, &ada, || {
        site.log_out_everybody(Some(site.organization()), "a drill");
    });
    is_overtaken(&answer);
}

fn out_13_also_by_everybody(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let answer = meanwhile(&site, &ada, || {
        site.log_out_everybody(None, "a drill");
    });
    is_overtaken(&answer);
}

fn out_13_also_by_a_new_password(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let record = site.password_record("another harbor with eleven quiet lanterns");
    drop(record);
    let answer = meanwhile(&site, &ada, || {
        site.set_password(&ada, "another harbor with eleven quiet lanterns");
    });
    is_overtaken(&answer);
}

fn out_13_also_by_being_disabled(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let answer = meanwhile(&site, &ada, || {
        site.disable(&ada);
    });
    // AUTH-07: the same words as for a wrong password.
    assert_eq!(answer.status.as_u16(), 422);
    assert!(answer.page().says("do not fit together"));
    // Enabled again meanwhile, it is still overtaken.
    let answer = meanwhile(&site, &ada, || {
        site.disable(&ada);
        site.enable(&ada);
    });
    is_overtaken(&answer);
}

fn a_sign_in_after_it_is_not_concerned(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let cookies = site.begin_sessions(&ada, 150);
    site.log_out_everybody(None, "a drill");
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    site.expand();
    assert!(laptop.is_signed_in());
    for cookie in &cookies {
        let mut old = site.browser();
        old.jar.put("__Host-nightlatch", cookie);
        assert!(!old.is_signed_in());
    }
}
