//! Apps that are down, slow, or ask for time: each hears of every logout as soon as it can,
//! and nobody waits for it (BCL-05, DLV-03, C2, C4, C5). What is refused for good is told
//! in `delivery`.

use std::collections::HashSet;
use std::time::Duration;

use nightlatch_domain::Timestamp;
use nightlatch_domain::ending::{Actor, Cause, Scope};
use nightlatch_domain::ids::EndingId;
use nightlatch_domain::notice::{Notice, NoticeState};
use nightlatch_flows::log_out::{EndingRequest, end_sessions};
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Account, LogoutReceiver, Manner, Site, TestDatabase, ToldApp};

use crate::{HOUR, MINUTE, SECOND};

on_both_databases!(
    c4_an_app_that_is_down_for_hours_hears_when_it_is_back,
    c2_a_slow_app_is_waited_for_but_not_for_long,
    dlv_03_an_app_that_asks_for_time_gets_it_within_reason,
    c5_whatever_an_app_answers_is_tried_again_or_not,
);

fn log_out_once(site: &Site, account: &Account, app: &ToldApp) -> EndingId {
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
    site.write(move |tx| end_sessions(tx, &moment, &request)).id
}

fn notice(site: &Site, ending: EndingId) -> Notice {
    site.notices_of(ending).remove(0)
}

fn c4_an_app_that_is_down_for_hours_hears_when_it_is_back(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    // Nobody listens at an address that was somebody's a moment ago.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = gone.local_addr().expect("an address").port();
    drop(gone);
    let address = format!("http://127.0.0.1:{port}/logout");
    let app = site.add_told_app("CRM", &[address], |_| {});
    let ended_at = site.now();
    let ending = log_out_once(&site, &ada, &app);
    let mut attempts = 0;
    while site.now().since(ended_at) < HOUR * 5 {
        attempts += site.deliver();
        let found = notice(&site, ending);
        assert_eq!(found.state, NoticeState::Waiting);
        let words = found.last_error.expect("words");
        assert!(words.contains("no connection"), "{words}");
        site.wait_until(found.next_at);
    }
    assert!(
        (8..16).contains(&attempts),
        "{attempts} attempts in five hours"
    );
    let crm = LogoutReceiver::back_at(port);
    assert_eq!(site.deliver(), 1);
    let found = notice(&site, ending);
    assert_eq!(
        (found.state, found.last_error),
        (NoticeState::Confirmed, None)
    );
    let received = crm.received();
    let claims = site
        .judge_logout_token(&app, &received[0].token, &mut HashSet::new())
        .expect("a good token, hours later");
    assert_eq!(claims["toe"], ended_at.milliseconds() / 1000);
    assert_eq!(claims["iat"], site.now().milliseconds() / 1000);
}

fn c2_a_slow_app_is_waited_for_but_not_for_long(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let crm = LogoutReceiver::answering(Manner::Slow(Duration::from_millis(400)));
    let app = site.add_told_app("CRM", &[crm.address("/")], |_| {});
    let slow = log_out_once(&site, &ada, &app);
    assert_eq!(site.deliver(), 1);
    assert_eq!(notice(&site, slow).state, NoticeState::Confirmed);
    // Stories have less patience than the server.
    crm.answer(Manner::Slow(Duration::from_mins(1)));
    let slower = log_out_once(&site, &ada, &app);
    assert_eq!(site.deliver(), 1);
    let found = notice(&site, slower);
    assert_eq!(found.state, NoticeState::Waiting);
    assert_eq!(found.last_error.as_deref(), Some("no answer in time"));
    crm.answer(Manner::Status(204));
    site.wait_until(found.next_at);
    assert_eq!(site.deliver(), 1);
    assert_eq!(notice(&site, slower).state, NoticeState::Confirmed);
}

/// A date as HTTP writes it (RFC 9110 section 5.6.7).
fn http_date(at: Timestamp) -> String {
    let at = at.to_calendar();
    let (day, month) = (at.weekday().to_string(), at.month().to_string());
    let (day, month) = (&day[..3], &month[..3]);
    let (hour, minute, second) = at.time().as_hms();
    format!(
        "{day}, {:02} {month} {} {hour:02}:{minute:02}:{second:02} GMT",
        at.day(),
        at.year()
    )
}

fn dlv_03_an_app_that_asks_for_time_gets_it_within_reason(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let at = |seconds: u64| {
        http_date(
            site.now()
                .plus(SECOND.saturating_mul(u32::try_from(seconds).unwrap_or(1))),
        )
    };
    // Status, what it asks, and from when to when it is told again, in seconds.
    let table: [(u16, String, u64, u64); 9] = [
        (429, "90".to_owned(), 90, 92),
        (429, at(300), 299, 302),
        (503, "45".to_owned(), 45, 47),
        (503, at(600), 599, 602),
        // Nobody puts a logout off for days.
        (429, "999999999999999999999".to_owned(), 3600, 3602),
        (429, at(86_400 * 3), 3600, 3602),
        // Less than we wait anyway, long ago, or nonsense: as always.
        (429, "0".to_owned(), 0, 2),
        (429, "Mon, 02 Jan 2006 15:04:05 GMT".to_owned(), 0, 2),
        (429, "when you like".to_owned(), 0, 2),
    ];
    for (status, retry_after, least, most) in table {
        let crm = LogoutReceiver::answering(Manner::Busy {
            status,
            retry_after: retry_after.clone(),
        });
        let name = format!("{status} {retry_after}");
        let app = site.add_told_app(&name, &[crm.address("/")], |_| {});
        let ending = log_out_once(&site, &ada, &app);
        assert_eq!(site.deliver(), 1);
        let wait = notice(&site, ending).next_at.since(site.now());
        let range =
            SECOND * u32::try_from(least).unwrap_or(0)..=SECOND * u32::try_from(most).unwrap_or(0);
        assert!(range.contains(&wait), "{name}: {wait:?}");
        // Nor is it told of anything else meanwhile, by whoever asked it.
        crm.answer(Manner::Status(200));
    }
    site.advance(HOUR * 2);
    assert_eq!(site.deliver(), 9);
}

fn c5_whatever_an_app_answers_is_tried_again_or_not(which: TestDatabase) {
    use NoticeState::{Confirmed, Failed, Waiting};
    let site = Site::new(which);
    let ada = site.add_ada();
    let elsewhere = LogoutReceiver::new();
    let to = elsewhere.address("/inside");
    let busy = |status: u16| Manner::Busy {
        status,
        retry_after: "30".to_owned(),
    };
    let table = [
        (Manner::Status(200), Confirmed),
        (Manner::Status(204), Confirmed),
        (Manner::Status(201), Failed),
        (Manner::Status(202), Failed),
        (Manner::Redirecting { to }, Failed),
        (Manner::Status(400), Failed),
        (Manner::Status(401), Failed),
        (Manner::Status(403), Failed),
        (Manner::Status(404), Failed),
        (Manner::Status(410), Failed),
        // What it asks for does not make a refusal less final.
        (busy(403), Failed),
        (Manner::Status(408), Waiting),
        (Manner::Status(429), Waiting),
        (Manner::Status(500), Waiting),
        (Manner::Status(502), Waiting),
        (Manner::Status(503), Waiting),
        (Manner::Status(504), Waiting),
        (Manner::Garbage, Waiting),
    ];
    for (manner, expected) in table {
        let crm = LogoutReceiver::answering(manner.clone());
        let app = site.add_told_app(&format!("{manner:?}"), &[crm.address("/")], |_| {});
        let ending = log_out_once(&site, &ada, &app);
        assert_eq!(site.deliver(), 1, "{manner:?}");
        assert_eq!(notice(&site, ending).state, expected, "{manner:?}");
        crm.answer(Manner::Status(200));
        site.advance(MINUTE);
        let again = usize::from(expected == Waiting);
        assert_eq!(site.deliver(), again, "{manner:?}");
        assert_eq!(crm.received().len(), 1 + again, "{manner:?}");
    }
    assert!(elsewhere.received().is_empty(), "no redirect is followed");
}
