//! Guessing passwords (AUTH-05 … AUTH-07).

use nightlatch_domain::event::EventKind;
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Answer, Browser, Choices, PASSWORD, Site, TestDatabase};

use crate::{DAY, MINUTE, SECOND};

on_both_databases!(
    auth_05_the_delay_grows_from_the_fifth_failure_on,
    auth_05_at_a_hundred_in_a_row_strangers_are_refused,
    auth_05_a_new_password_starts_anew,
    auth_05_failures_count_across_addresses_and_restarts,
    auth_05_parallel_guesses_are_counted,
    auth_05_time_alone_opens_nothing,
    auth_06_right_passwords_at_once_cost_each_other_nothing,
    auth_06_a_right_proof_in_a_session_opens_it_too,
    auth_03_a_flood_is_turned_away_and_that_counts_for_nobody,
    auth_05_success_clears_only_its_own_lane,
    auth_06_a_known_browser_is_not_delayed_by_strangers,
    auth_06_a_session_goes_on_while_strangers_guess,
    auth_06_a_network_is_slowed_and_forgotten,
    auth_07_known_and_unknown_addresses_are_answered_alike,
);

fn guess(browser: &mut Browser<'_>, email: &str) -> Answer {
    browser.try_to_sign_in(email, "a wrong guess", Choices::default())
}

fn knock(browser: &mut Browser<'_>, email: &str) -> u16 {
    let answer = browser.try_to_sign_in(email, PASSWORD, Choices::default());
    answer.status.as_u16()
}

fn auth_05_the_delay_grows_from_the_fifth_failure_on(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut browser = site.browser();
    for _ in 0..5 {
        let answer = guess(&mut browser, &ada.email).expect(422);
        assert!(answer.page().says("do not fit together"));
        assert_eq!(
            answer.page().form("Sign in").value("E-mail address"),
            ada.email
        );
        assert_eq!(answer.page().form("Sign in").value("Password"), "");
    }
    for (wait, words) in [
        (1, "1 second"),
        (2, "2 seconds"),
        (4, "4 seconds"),
        (8, "8 seconds"),
        (16, "16 seconds"),
        (32, "32 seconds"),
        (64, "64 seconds"),
        (128, "3 minutes"),
        (256, "5 minutes"),
        (512, "9 minutes"),
        (900, "15 minutes"),
        (900, "15 minutes"),
    ] {
        // Even the right password waits, and asking does not lengthen it.
        for _ in 0..3 {
            let answer = browser.try_to_sign_in(&ada.email, PASSWORD, Choices::default());
            let answer = answer.expect(429);
            assert_eq!(
                answer.header("retry-after"),
                Some(wait.to_string().as_str())
            );
            assert!(
                answer.page().says(&format!("Please wait {words}")),
                "{wait}"
            );
        }
        site.advance(SECOND * wait);
        drop(guess(&mut browser, &ada.email).expect(422));
    }
    site.advance(MINUTE * 15);
    assert_eq!(knock(&mut browser, &ada.email), 303);
    // Success cleared it.
    browser.log_out();
    for _ in 0..5 {
        drop(guess(&mut site.browser(), &ada.email).expect(422));
    }
}

fn fail(site: &Site, email: &str, times: u32) {
    for _ in 0..times {
        site.advance(MINUTE * 16);
        drop(guess(&mut site.browser(), email).expect(422));
    }
}

fn auth_05_at_a_hundred_in_a_row_strangers_are_refused(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut known = site.browser();
    known.sign_in(&ada);
    known.log_out();
    fail(&site, &ada.email, 100);
    site.advance(DAY * 30);
    let answer = site
        .browser()
        .try_to_sign_in(&ada.email, PASSWORD, Choices::default());
    let off = answer.expect(429).page();
    assert!(off.says("signing in with a password is off here"));
    // AUTH-07: an address that does not exist comes to the same end.
    let nobody = "nobody@brightwater.example";
    fail(&site, nobody, 100);
    let answer = site
        .browser()
        .try_to_sign_in(nobody, PASSWORD, Choices::default());
    assert_eq!(answer.expect(429).page().text, off.text);
    // AUTH-06: her own browser still works.
    assert_eq!(knock(&mut known, &ada.email), 303);
    // That ends the row: she gets a new browser in again, and strangers begin at
    // the longest wait.
    assert_eq!(knock(&mut site.browser(), &ada.email), 303);
    fail(&site, &ada.email, 100);
    assert_eq!(knock(&mut known, &ada.email), 303);
    let answer = guess(&mut site.browser(), &ada.email).expect(429);
    assert_eq!(answer.header("retry-after"), Some("900"));
}

fn auth_06_a_right_proof_in_a_session_opens_it_too(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    let remember = Choices {
        remember: true,
        shared: false,
    };
    laptop.sign_in_with(&ada, remember);
    fail(&site, &ada.email, 100);
    site.advance(MINUTE * 16);
    assert_eq!(knock(&mut site.browser(), &ada.email), 429);
    let body = serde_json::json!({ "password": PASSWORD });
    drop(laptop.api("POST", "/api/v1/proof", Some(&body)).expect(200));
    assert_eq!(knock(&mut site.browser(), &ada.email), 303);
}

fn auth_05_time_alone_opens_nothing(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let nobody = "nobody@brightwater.example";
    fail(&site, &ada.email, 100);
    fail(&site, nobody, 100);
    site.advance(DAY * 500);
    site.prune();
    for email in [ada.email.as_str(), nobody] {
        assert_eq!(knock(&mut site.browser(), email), 429, "{email}");
    }
    site.set_password(&ada, PASSWORD);
    assert_eq!(knock(&mut site.browser(), &ada.email), 303);
    // The old counter is gone with the old password; the other one stays.
    let off = "SELECT count(*) FROM throttles WHERE count >= 100";
    assert_eq!(site.count_rows(off), 1);
}

fn auth_06_right_passwords_at_once_cost_each_other_nothing(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut browsers: Vec<Browser<'_>> = (0..20).map(|_| site.browser()).collect();
    for browser in &mut browsers {
        browser.open("/login").expect(200);
    }
    let held = site.hold_passwords();
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let threads: Vec<_> = browsers
            .into_iter()
            .map(|mut browser| {
                let email = &ada.email;
                scope.spawn(move || {
                    browser.fill("E-mail address", email);
                    browser.fill("Password", PASSWORD);
                    browser.press_once("Sign in").status.as_u16()
                })
            })
            .collect();
        site.wait_for_attempts(10);
        drop(held);
        threads
            .into_iter()
            .map(|thread| thread.join().expect("an answer"))
            .collect()
    });
    assert_eq!(answers, [303; 20]);
}

fn auth_05_a_new_password_starts_anew(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    fail(&site, &ada.email, 100);
    assert_eq!(knock(&mut site.browser(), &ada.email), 429);
    site.advance(SECOND);
    site.set_password(&ada, PASSWORD);
    assert_eq!(knock(&mut site.browser(), &ada.email), 303);
}

fn auth_05_failures_count_across_addresses_and_restarts(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    for _ in 0..5 {
        // Each browser of this site has an address of its own.
        drop(guess(&mut site.browser(), &ada.email).expect(422));
    }
    site.crash();
    assert_eq!(knock(&mut site.browser(), &ada.email), 429);
    // Other spellings of the address are the same account.
    for spelling in ["ADA@brightwater.example", "  ada@BRIGHTWATER.example "] {
        assert_eq!(knock(&mut site.browser(), spelling), 429);
    }
}

fn auth_05_parallel_guesses_are_counted(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut browsers: Vec<Browser<'_>> = (0..40).map(|_| site.browser()).collect();
    for browser in &mut browsers {
        browser.open("/login").expect(200);
    }
    let held = site.hold_passwords();
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let threads: Vec<_> = browsers
            .into_iter()
            .map(|mut browser| {
                let email = &ada.email;
                scope.spawn(move || {
                    browser.fill("E-mail address", email);
                    browser.fill("Password", "a wrong guess");
                    browser.press_once("Sign in").status.as_u16()
                })
            })
            .collect();
        site.wait_for_attempts(10);
        drop(held);
        threads
            .into_iter()
            .map(|thread| thread.join().expect("an answer"))
            .collect()
    });
    // However many came at once, only five were looked at.
    assert_eq!(answers.iter().filter(|status| **status == 422).count(), 5);
    assert_eq!(answers.iter().filter(|status| **status == 429).count(), 35);
}

fn auth_03_a_flood_is_turned_away_and_that_counts_for_nobody(which: TestDatabase) {
    const WAITING: usize = 200;
    const TOO_MANY: usize = 10;
    let site = Site::new(which);
    let held = site.hold_passwords();
    let (said, heard) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        for number in 0..WAITING + TOO_MANY {
            let (mut browser, said) = (site.browser(), said.clone());
            scope.spawn(move || {
                let email = format!("person{number}@brightwater.example");
                said.send(guess(&mut browser, &email)).expect("a listener");
            });
        }
        for _ in 0..TOO_MANY {
            let answer = heard.recv().expect("an answer").expect(503);
            assert!(answer.page().says("Many people are signing in right now."));
        }
        drop(held);
        for _ in 0..WAITING {
            drop(heard.recv().expect("an answer").expect(422));
        }
    });
    // Those who waited count for their address and their network; the others
    // left nothing.
    let counted = "SELECT CAST(SUM(count) AS BIGINT) FROM throttles";
    assert_eq!(site.count_rows(counted), 2 * 200);
}

fn auth_05_success_clears_only_its_own_lane(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let grace = site.add_person("Grace Hopper", "grace@brightwater.example");
    let mut known = site.browser();
    known.sign_in(&ada);
    known.log_out();
    for _ in 0..5 {
        drop(guess(&mut site.browser(), &ada.email).expect(422));
        drop(guess(&mut site.browser(), &grace.email).expect(422));
    }
    assert_eq!(knock(&mut known, &ada.email), 303);
    assert_eq!(knock(&mut site.browser(), &ada.email), 429);
    assert_eq!(knock(&mut site.browser(), &grace.email), 429);
}

fn auth_06_a_known_browser_is_not_delayed_by_strangers(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut known = site.browser();
    known.sign_in(&ada);
    known.log_out();
    known.restart();
    fail(&site, &ada.email, 20);
    assert_eq!(knock(&mut site.browser(), &ada.email), 429);
    assert_eq!(knock(&mut known, &ada.email), 303);
    // A browser is known to an account, and not to every account.
    let grace = site.add_person("Grace Hopper", "grace@brightwater.example");
    known.log_out();
    for _ in 0..5 {
        drop(guess(&mut site.browser(), &grace.email).expect(422));
    }
    assert_eq!(knock(&mut known, &grace.email), 429);
    // And it has a lane of its own, which slows too.
    for _ in 0..5 {
        drop(guess(&mut known, &ada.email).expect(422));
    }
    assert_eq!(knock(&mut known, &ada.email), 429);
}

fn auth_06_a_session_goes_on_while_strangers_guess(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    for _ in 0..5 {
        drop(guess(&mut site.browser(), &ada.email).expect(422));
    }
    let body = serde_json::json!({ "password": PASSWORD });
    drop(laptop.api("POST", "/api/v1/proof", Some(&body)).expect(200));
    laptop.open("/account/sessions/log-out-all").expect(200);
    laptop.press("Log out of all sessions").expect(200);
}

fn auth_06_a_network_is_slowed_and_forgotten(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    // One machine tries one password on many accounts.
    let try_many = |count: u32, whose: &str| {
        for number in 0..count {
            let mut machine = site.browser().at("2001:db8:7::1");
            let email = format!("{whose}{number}@brightwater.example");
            drop(guess(&mut machine, &email).expect(422));
        }
    };
    try_many(50, "one");
    let mut neighbor = site.browser().at("2001:db8:7::2");
    assert_eq!(knock(&mut neighbor, &ada.email), 429);
    assert_eq!(
        knock(&mut site.browser().at("2001:db8:8::1"), &ada.email),
        303
    );
    // A little is forgotten in a minute, and a success does not clear the rest.
    site.advance(MINUTE);
    assert_eq!(knock(&mut neighbor, &ada.email), 303);
    try_many(6, "another");
    let mut other = site.browser().at("2001:db8:7::3");
    assert_eq!(knock(&mut other, &ada.email), 429);
    // All of it is forgotten in a while.
    site.advance(MINUTE * 15);
    try_many(50, "a third");
}

fn auth_07_known_and_unknown_addresses_are_answered_alike(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, off) = (
        site.add_ada(),
        site.add_person("Charles Babbage", "charles@brightwater.example"),
    );
    site.disable(&off);
    let tell = |email: &str, password: &str| {
        let mut browser = site.browser();
        let answer = browser.try_to_sign_in(email, password, Choices::default());
        let page = answer.page();
        let cookies: Vec<String> = answer.cookies().into_iter().map(str::to_owned).collect();
        (
            answer.status,
            page.title,
            page.text,
            page.forms.len(),
            cookies,
            answer.headers.get("retry-after").cloned(),
        )
    };
    // Through refusals and delays.
    for round in 0..14 {
        let wrong = tell(&ada.email, "a wrong guess");
        assert_eq!(
            wrong,
            tell("nobody@brightwater.example", "a wrong guess"),
            "{round}"
        );
        assert_eq!(wrong, tell("nobody at all", "a wrong guess"), "{round}");
        assert_eq!(wrong, tell(&off.email, PASSWORD), "{round}");
        site.advance(if round % 3 == 0 { SECOND } else { MINUTE * 16 });
    }
    // Only people themselves see what happened to their account.
    assert!(site.count_events(&ada, EventKind::SignInFailed) > 1);
}
