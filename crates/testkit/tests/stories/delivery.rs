//! Telling the apps: every logout reaches every app of the session, once and for this
//! session only, whatever the app does (BCL-01 … 08, DLV-01 … 06, C1 … C10).

use std::collections::HashSet;
use std::time::{Duration, Instant};

use nightlatch_domain::ending::{Actor, Cause, Scope};
use nightlatch_domain::ids::EndingId;
use nightlatch_domain::ids::SessionId;
use nightlatch_domain::notice::{Lane, Notice, NoticeState};
use nightlatch_domain::relying_party::{RegisteredUri, SigningAlgorithm};
use nightlatch_flows::delivery::{CLAIM, ResendOutcome};
use nightlatch_flows::log_out::{EndingRequest, end_sessions};
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Account, LogoutReceiver, Manner, Site, TestDatabase, ToldApp};

use crate::{DAY, HOUR, MINUTE, SECOND};

on_both_databases!(
    bcl_02_a_logout_reaches_every_app_of_the_session_and_names_it_alone,
    c5_each_attempt_is_a_token_of_its_own_and_waits_grow,
    bcl_05_an_app_that_refuses_is_not_asked_again_and_says_why,
    c4_after_three_days_it_is_given_up_and_can_be_sent_again,
    what_is_mended_in_the_registration_counts_when_it_is_sent_again,
    dlv_05_who_came_back_is_not_logged_out_by_old_news,
    a_late_notice_about_a_person_does_not_end_a_newer_sign_in,
    c2_one_hanging_app_makes_nobody_wait,
    a_mass_ending_delays_no_person,
    dlv_06_several_nodes_tell_each_app_once,
    dlv_01_a_notice_survives_whoever_held_it,
    a_notice_outlives_the_account_and_the_app,
    a_thousand_apps_in_one_session_take_bounded_connections,
    told_notices_are_kept_for_as_long_as_the_history,
);

fn end(site: &Site, scope: Scope, cause: Cause) -> EndingId {
    let moment = site.moment();
    let request = EndingRequest {
        scope,
        cause,
        actor: Actor::Operator,
        reason: None,
    };
    site.write(move |tx| end_sessions(tx, &moment, &request)).id
}

fn session(site: &Site, account: &Account) -> SessionId {
    site.begin_sessions(account, 1);
    site.sessions_of(account).last().expect("a session").id
}

/// The only notice of an ending.
fn only(site: &Site, ending: EndingId) -> Notice {
    let mut notices = site.notices_of(ending);
    assert_eq!(notices.len(), 1, "{notices:#?}");
    notices.remove(0)
}

fn told(receiver: &LogoutReceiver) -> usize {
    receiver.received().len()
}

fn bcl_02_a_logout_reaches_every_app_of_the_session_and_names_it_alone(which: TestDatabase) {
    let site = Site::new(which);
    let (crm, wiki) = (LogoutReceiver::new(), LogoutReceiver::new());
    wiki.answer(Manner::Status(204));
    let ada = site.add_ada();
    let one = site.add_told_app("CRM", &[crm.address("/logout?tenant=7")], |_| {});
    // Two stores of one app, each told on its own (C7).
    let addresses = [wiki.address("/a"), wiki.address("/b")];
    let two = site.add_told_app("Wiki", &addresses, |app| {
        app.signing_algorithm = SigningAlgorithm::EdDsa;
    });
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let session = site.sessions_of(&ada)[0].id;
    let other = self::session(&site, &ada);
    for id in [session, other] {
        site.record_entry(id, &one);
        site.record_entry(id, &two);
    }
    site.advance(MINUTE);
    let ended_at = site.now();
    laptop.log_out();
    site.advance(SECOND * 3);
    assert_eq!(site.deliver(), 3);
    let ending = site.sessions_of(&ada)[0].ended.expect("an end").ending_id;
    for notice in site.notices_of(ending) {
        assert_eq!(notice.state, NoticeState::Confirmed);
        assert_eq!(notice.session_id, session);
    }
    let received = crm.received();
    assert_eq!(received.len(), 1, "one session, one notice");
    assert_eq!(received[0].path, "/logout?tenant=7", "query parts are kept");
    assert!(!received[0].head.to_lowercase().contains("cookie"));
    let mut spent = HashSet::new();
    let claims = site
        .judge_logout_token(&one, &received[0].token, &mut spent)
        .expect("a good token");
    assert_eq!(claims["sid"], session.to_string());
    assert!(claims.get("sub").is_none() && claims.get("nonce").is_none());
    assert_eq!(claims["toe"], ended_at.milliseconds() / 1000);
    assert_eq!(claims["iat"], site.now().milliseconds() / 1000);
    let mut paths: Vec<_> = wiki.received().into_iter().map(|one| one.path).collect();
    paths.sort();
    assert_eq!(paths, ["/a", "/b"]);
    for received in wiki.received() {
        site.judge_logout_token(&two, &received.token, &mut spent)
            .expect("a good token");
    }
    // An app believes nothing that was made for another, that is old, or that it saw.
    let token = &received[0].token;
    let refuse = |app: &ToldApp, token: &str, spent: &mut HashSet<String>| {
        site.judge_logout_token(app, token, spent)
            .expect_err("refused")
    };
    refuse(&two, token, &mut HashSet::new());
    refuse(&one, &format!("{token}x"), &mut HashSet::new());
    assert!(refuse(&one, token, &mut spent).contains("used before"));
    site.advance(MINUTE * 2);
    assert!(refuse(&one, token, &mut HashSet::new()).contains("not good now"));
    assert_eq!(site.deliver(), 0, "nobody is told twice");
}

fn c5_each_attempt_is_a_token_of_its_own_and_waits_grow(which: TestDatabase) {
    let site = Site::new(which);
    let crm = LogoutReceiver::new();
    let ada = site.add_ada();
    let app = site.add_told_app("CRM", &[crm.address("/logout")], |_| {});
    let session = session(&site, &ada);
    site.record_entry(session, &app);
    let ended_at = site.now();
    let ending = end(&site, Scope::Session(session), Cause::LoggedOut);
    crm.answer_next([
        Manner::Status(500),
        Manner::Garbage,
        Manner::Status(503),
        Manner::Status(408),
    ]);
    let mut spent = HashSet::new();
    let mut last_wait = Duration::ZERO;
    for attempt in 1..=4 {
        assert_eq!(site.deliver(), 1, "attempt {attempt}");
        let notice = only(&site, ending);
        assert_eq!(notice.state, NoticeState::Waiting);
        assert_eq!(notice.attempts, attempt);
        assert!(notice.last_error.is_some());
        let wait = notice.next_at.since(site.now());
        assert!(wait > last_wait && wait < MINUTE, "{wait:?}");
        last_wait = wait;
        assert_eq!(site.deliver(), 0, "not before its time");
        site.wait_until(notice.next_at);
    }
    assert_eq!(site.deliver(), 1);
    let received = crm.received();
    assert_eq!(received.len(), 5);
    // All are for one logout, and none is good twice; only the last is not too old.
    for (number, received) in received.iter().enumerate() {
        let claims = site.judge_logout_token(&app, &received.token, &mut spent);
        let claims = claims.unwrap_or_else(|why| panic!("attempt {number}: {why}"));
        assert_eq!(claims["toe"], ended_at.milliseconds() / 1000);
        assert_eq!(claims["sid"], session.to_string());
    }
    let notice = only(&site, ending);
    assert_eq!(notice.state, NoticeState::Confirmed);
    assert_eq!((notice.last_status, notice.last_error), (Some(200), None));
}

fn bcl_05_an_app_that_refuses_is_not_asked_again_and_says_why(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let elsewhere = LogoutReceiver::new();
    let words = "the issuer eats no fish".to_owned();
    let to = elsewhere.address("/inside");
    let table = [
        (Manner::Status(400), "400"),
        (
            Manner::Refusing {
                words: words.clone(),
            },
            words.as_str(),
        ),
        (
            Manner::Refusing {
                words: "eyJhbGciOi".to_owned(),
            },
            "the app answered 400;",
        ),
        (Manner::Status(401), "signed-in user"),
        (Manner::Status(403), "CSRF"),
        (Manner::Status(404), "nothing at this address"),
        (Manner::Status(201), "201"),
        (Manner::Redirecting { to }, "never followed"),
    ];
    for (manner, hint) in table {
        let crm = LogoutReceiver::answering(manner.clone());
        let app = site.add_told_app(&format!("{manner:?}"), &[crm.address("/")], |_| {});
        let session = session(&site, &ada);
        site.record_entry(session, &app);
        let ending = end(&site, Scope::Session(session), Cause::LoggedOut);
        assert_eq!(site.deliver(), 1);
        let notice = only(&site, ending);
        assert_eq!(notice.state, NoticeState::Failed, "{manner:?}");
        let error = notice.last_error.expect("words");
        assert!(error.contains(hint), "{manner:?}: {error}");
        assert!(!error.contains("eyJ"), "a token is never repeated");
        site.advance(DAY * 4);
        assert_eq!(site.deliver(), 0, "it is final");
        assert_eq!(told(&crm), 1);
    }
    assert_eq!(told(&elsewhere), 0, "no redirect is followed");
}

fn c4_after_three_days_it_is_given_up_and_can_be_sent_again(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let crm = LogoutReceiver::answering(Manner::Status(502));
    let app = site.add_told_app("CRM", &[crm.address("/")], |_| {});
    let session = session(&site, &ada);
    site.record_entry(session, &app);
    let ending = end(&site, Scope::Session(session), Cause::LoggedOut);
    let began = site.now();
    while only(&site, ending).state == NoticeState::Waiting {
        site.wait_until(only(&site, ending).next_at.max(site.now()));
        assert_eq!(site.deliver(), 1);
        assert!(told(&crm) < 200, "it ends");
    }
    let notice = only(&site, ending);
    assert_eq!(notice.state, NoticeState::GaveUp);
    let tried_for = site.now().since(began);
    assert!(
        tried_for > (DAY * 3).saturating_sub(HOUR * 2) && tried_for <= DAY * 3,
        "{tried_for:?}"
    );
    site.advance(DAY * 30);
    assert_eq!(site.deliver(), 0);
    // The operator sends it once more, and it has all its time again.
    assert_eq!(site.resend(notice.id), ResendOutcome::Due);
    assert_eq!(site.resend(notice.id), ResendOutcome::NotUndelivered);
    assert_eq!(site.deliver(), 1);
    let notice = only(&site, ending);
    assert_eq!((notice.state, notice.attempts), (NoticeState::Waiting, 1));
    crm.answer(Manner::Status(200));
    site.wait_until(notice.next_at);
    assert_eq!(site.deliver(), 1);
    assert_eq!(only(&site, ending).state, NoticeState::Confirmed);
    assert_eq!(site.resend(notice.id), ResendOutcome::NotUndelivered);
    let nothing = nightlatch_domain::ids::NoticeId::from_bytes([9; 16]);
    assert_eq!(site.resend(nothing), ResendOutcome::Unknown);
}

fn what_is_mended_in_the_registration_counts_when_it_is_sent_again(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let crm = LogoutReceiver::new();
    let app = site.add_told_app("CRM", &[crm.address("/")], |app| {
        app.allow_private_network = false;
    });
    let session = session(&site, &ada);
    site.record_entry(session, &app);
    let ending = end(&site, Scope::Session(session), Cause::LoggedOut);
    assert_eq!(site.deliver(), 1);
    let notice = only(&site, ending);
    // BCL-08: an address of this machine, without leave.
    assert_eq!(notice.state, NoticeState::Failed);
    let error = notice.last_error.expect("words");
    assert!(error.contains("--allow-private-network"), "{error}");
    assert_eq!(told(&crm), 0, "nobody was called");
    site.change_told_app(&app, |app| app.allow_private_network = true);
    assert_eq!(site.resend(notice.id), ResendOutcome::Due);
    assert_eq!(site.deliver(), 1);
    assert_eq!(told(&crm), 1);
    assert_eq!(only(&site, ending).state, NoticeState::Confirmed);
}

fn dlv_05_who_came_back_is_not_logged_out_by_old_news(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let crm = LogoutReceiver::answering(Manner::Status(500));
    let app = site.add_told_app("CRM", &[crm.address("/")], |_| {});
    let session = session(&site, &ada);
    site.record_entry(session, &app);
    let scope = Scope::AppInSession {
        session,
        client: app.id,
    };
    let ending = end(&site, scope, Cause::LoggedOut);
    assert_eq!(site.deliver(), 1);
    // She enters again, in the same session, at the very same instant by the clock.
    site.record_entry(session, &app);
    crm.answer(Manner::Status(200));
    site.advance(MINUTE);
    assert_eq!(site.deliver(), 0);
    assert_eq!(only(&site, ending).state, NoticeState::Superseded);
    assert_eq!(told(&crm), 1);
    // What she does now still ends when the session ends.
    let ending = end(&site, Scope::Session(session), Cause::LoggedOut);
    assert_eq!(site.deliver(), 1);
    assert_eq!(only(&site, ending).state, NoticeState::Confirmed);
}

fn a_late_notice_about_a_person_does_not_end_a_newer_sign_in(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, ben) = (
        site.add_ada(),
        site.add_person("Ben", "ben@brightwater.example"),
    );
    let old = LogoutReceiver::answering(Manner::Status(500));
    let modern = LogoutReceiver::answering(Manner::Status(500));
    let by_subject = site.add_told_app("Old", &[old.address("/")], |app| {
        app.backchannel_logout_session_required = false;
    });
    let by_session = site.add_told_app("Modern", &[modern.address("/")], |_| {});
    let mut endings = Vec::new();
    for account in [&ada, &ben] {
        let first = session(&site, account);
        site.record_entry(first, &by_subject);
        site.record_entry(first, &by_session);
        endings.push(end(&site, Scope::Session(first), Cause::LoggedOut));
    }
    assert_eq!(site.deliver(), 4);
    // Ada is back in both; Ben is not.
    site.advance(SECOND * 30);
    let second = session(&site, &ada);
    site.record_entry(second, &by_subject);
    site.record_entry(second, &by_session);
    old.answer(Manner::Status(200));
    modern.answer(Manner::Status(200));
    site.advance(MINUTE);
    site.deliver();
    let state = |ending, app: &ToldApp| {
        let notices = site.notices_of(ending);
        let mut states = notices.iter().filter(|notice| notice.client_id == app.id);
        states.next().expect("a notice").state
    };
    assert_eq!(state(endings[0], &by_subject), NoticeState::Superseded);
    assert_eq!(state(endings[0], &by_session), NoticeState::Confirmed);
    assert_eq!(state(endings[1], &by_subject), NoticeState::Confirmed);
    assert_eq!(state(endings[1], &by_session), NoticeState::Confirmed);
    let last = old.received().pop().expect("a token");
    let claims = site.judge_logout_token(&by_subject, &last.token, &mut HashSet::new());
    let claims = claims.expect("a good token");
    assert_eq!(claims["sub"], ben.id.to_string());
    assert!(claims.get("sid").is_none());
}

fn c2_one_hanging_app_makes_nobody_wait(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let (hanging, good) = (
        LogoutReceiver::answering(Manner::Hanging),
        LogoutReceiver::new(),
    );
    let stuck = site.add_told_app("Stuck", &[hanging.address("/")], |_| {});
    let fine = site.add_told_app("Fine", &[good.address("/")], |_| {});
    // Much more for the hanging app than may be on its way at once, and older.
    site.begin_sessions(&ada, 99);
    for row in site.sessions_of(&ada) {
        site.record_entry(row.id, &stuck);
    }
    end(&site, Scope::AllOf(ada.id), Cause::EndedByAdministrator);
    site.advance(SECOND);
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let session = site.sessions_of(&ada).last().expect("a session").id;
    site.record_entry(session, &stuck);
    site.record_entry(session, &fine);
    let _courier = site.start_courier(Lane::Interactive);
    hanging.wait_for(4);
    let began = Instant::now();
    laptop.log_out();
    let answered = began.elapsed();
    assert!(answered < Duration::from_secs(1), "{answered:?}");
    good.wait_for(1);
    let reached = began.elapsed();
    assert!(reached < Duration::from_secs(1), "{reached:?}");
    assert!(hanging.most_open() <= 4, "{}", hanging.most_open());
}

fn a_mass_ending_delays_no_person(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let crm = LogoutReceiver::new();
    let app = site.add_told_app("CRM", &[crm.address("/")], |_| {});
    site.begin_sessions(&ada, 120);
    for row in site.sessions_of(&ada) {
        site.record_entry(row.id, &app);
    }
    site.log_out_everybody(None, "an exercise");
    site.expand();
    let session = session(&site, &ada);
    site.record_entry(session, &app);
    let ending = end(&site, Scope::Session(session), Cause::LoggedOut);
    assert_eq!(site.deliver_lane(Lane::Interactive), 1, "hers alone");
    assert_eq!(only(&site, ending).state, NoticeState::Confirmed);
    assert_eq!(site.deliver_lane(Lane::Mass), 120);
    assert_eq!(told(&crm), 121);
    assert_eq!(site.deliver(), 0);
}

fn dlv_06_several_nodes_tell_each_app_once(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let crm = LogoutReceiver::new();
    let app = site.add_told_app("CRM", &[crm.address("/")], |_| {});
    site.begin_sessions(&ada, 40);
    for row in site.sessions_of(&ada) {
        site.record_entry(row.id, &app);
    }
    let ending = end(&site, Scope::AllOf(ada.id), Cause::LoggedOutEverywhere);
    let attempts: usize = std::thread::scope(|scope| {
        let nodes: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| site.deliver_lane(Lane::Interactive)))
            .collect();
        nodes
            .into_iter()
            .map(|node| node.join().expect("a node"))
            .sum()
    });
    assert_eq!(attempts, 40);
    assert_eq!(told(&crm), 40);
    let mut spent = HashSet::new();
    let mut sessions = HashSet::new();
    for received in crm.received() {
        let claims = site.judge_logout_token(&app, &received.token, &mut spent);
        sessions.insert(claims.expect("a good token")["sid"].to_string());
    }
    assert_eq!(sessions.len(), 40, "each session once (A4)");
    let notices = site.notices_of(ending);
    assert!(
        notices
            .iter()
            .all(|notice| notice.state == NoticeState::Confirmed)
    );
}

fn dlv_01_a_notice_survives_whoever_held_it(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let crm = LogoutReceiver::new();
    let app = site.add_told_app("CRM", &[crm.address("/")], |_| {});
    let session = session(&site, &ada);
    site.record_entry(session, &app);
    let ending = end(&site, Scope::Session(session), Cause::LoggedOut);
    assert_eq!(site.claim_and_die(Lane::Interactive, 10), 1);
    site.crash();
    assert_eq!(site.deliver(), 0, "it is in other hands");
    site.advance(CLAIM.saturating_sub(SECOND));
    assert_eq!(site.deliver(), 0);
    site.advance(SECOND);
    assert_eq!(site.deliver(), 1);
    assert_eq!(only(&site, ending).state, NoticeState::Confirmed);
}

fn a_notice_outlives_the_account_and_the_app(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let crm = LogoutReceiver::answering(Manner::Status(503));
    let app = site.add_told_app("CRM", &[crm.address("/first")], |_| {});
    let first = session(&site, &ada);
    site.record_entry(first, &app);
    let deleted = site.delete(&ada).id;
    let ben = site.add_person("Ben", "ben@brightwater.example");
    let second = session(&site, &ben);
    site.record_entry(second, &app);
    let withdrawn = end(&site, Scope::Client(app.id), Cause::AppWithdrawn);
    assert_eq!(site.deliver(), 2);
    // Another address is registered by then: the old one is owed the word.
    site.change_told_app(&app, |app| {
        let other = RegisteredUri::parse_logout("https://elsewhere.example/", true);
        app.backchannel_logout_uris = vec![other.expect("an address")];
    });
    crm.answer(Manner::Status(200));
    site.advance(MINUTE);
    assert_eq!(site.deliver(), 2);
    for (ending, session) in [(deleted, first), (withdrawn, second)] {
        let notice = only(&site, ending);
        assert_eq!(notice.state, NoticeState::Confirmed);
        assert_eq!(notice.session_id, session);
    }
    assert!(
        crm.received()
            .iter()
            .all(|received| received.path == "/first")
    );
}

fn a_thousand_apps_in_one_session_take_bounded_connections(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let crm = LogoutReceiver::new();
    let session = session(&site, &ada);
    for number in 0..1000 {
        let address = crm.address(&format!("/{number}"));
        let app = site.add_told_app(&format!("App {number}"), &[address], |_| {});
        site.record_entry(session, &app);
    }
    let ending = end(&site, Scope::Session(session), Cause::LoggedOut);
    assert_eq!(site.deliver(), 1000);
    let paths: HashSet<_> = crm.received().into_iter().map(|one| one.path).collect();
    assert_eq!(paths.len(), 1000);
    assert!(crm.most_open() <= 64, "{}", crm.most_open());
    let notices = site.notices_of(ending);
    assert!(
        notices
            .iter()
            .all(|notice| notice.state == NoticeState::Confirmed)
    );
}

fn told_notices_are_kept_for_as_long_as_the_history(which: TestDatabase) {
    const NOTICES: &str = "SELECT count(*) FROM notices";
    const ENTRIES: &str = "SELECT count(*) FROM entries";
    let site = Site::new(which);
    let ada = site.add_ada();
    let crm = LogoutReceiver::new();
    let app = site.add_told_app("CRM", &[crm.address("/")], |_| {});
    let session = session(&site, &ada);
    site.record_entry(session, &app);
    end(&site, Scope::Session(session), Cause::LoggedOut);
    site.deliver();
    site.advance(nightlatch_flows::housekeeping::RETENTION);
    site.prune();
    assert_eq!((site.count_rows(NOTICES), site.count_rows(ENTRIES)), (1, 1));
    site.advance(SECOND);
    site.prune();
    assert_eq!((site.count_rows(NOTICES), site.count_rows(ENTRIES)), (0, 0));
}
