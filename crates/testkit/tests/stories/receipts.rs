//! What the apps said to a log-out, and who may read it.

use std::time::{Duration, Instant};

use nightlatch_domain::notice::NoticeState;
use nightlatch_domain::relying_party::RegisteredUri;
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Browser, Choices, Jar, Site, TestDatabase};

use crate::MINUTE;

on_both_databases!(
    the_signed_out_page_says_what_each_app_said,
    c1_the_page_waits_a_moment_for_the_first_answers_and_no_longer,
    on_a_shared_computer_apps_are_counted_and_not_named,
    a_receipt_opens_in_its_browser_only_and_for_a_while,
    an_ending_of_many_people_shows_everybody_their_own,
    c8_only_administrators_read_what_they_alone_can_mend,
    an_open_page_hears_of_answers,
    fcl_01_02_frames_are_loaded_and_never_counted,
);

const EVENTS: &str = "/signed-out/events";

fn log_out(browser: &mut Browser<'_>) {
    browser.log_out();
    assert_eq!(browser.page().heading, "You are logged out");
}

fn the_signed_out_page_says_what_each_app_said(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    for name in ["Mail", "Crm", "Files", "Wiki"] {
        let app = site.connect_app(name, |_| {});
        site.enter_app(&laptop, &app);
    }
    let old = site.connect_app("Old", |old| {
        old.backchannel_logout_uris.clear();
        old.worst_case_minutes = Some(45);
    });
    site.enter_app(&laptop, &old);
    let id = laptop.session_row().expect("a session").id;
    log_out(&mut laptop);
    let page = laptop.page();
    assert_eq!(page.text.matches("Still telling it").count(), 4);
    assert!(page.card_says("Old", "Cannot be told"));
    assert!(page.card_says("Old", "up to 45 minutes"));
    assert!(
        laptop
            .open("/signed-out")
            .text()
            .contains("http-equiv=\"refresh\"")
    );

    site.advance(MINUTE);
    let notices = site.notices_of_session(id);
    assert_eq!(notices.len(), 5);
    let of = |name: &str| {
        let found = notices.iter().find(|one| one.envelope.app == name);
        found.expect("a notice").clone()
    };
    site.settle(&of("Mail"), NoticeState::Confirmed, Some(200));
    site.settle(&of("Crm"), NoticeState::Failed, Some(403));
    site.settle(&of("Files"), NoticeState::GaveUp, Some(503));
    laptop.open("/signed-out").expect(200);
    assert!(laptop.page().says("Still telling it"));
    site.settle(&of("Wiki"), NoticeState::Superseded, None);
    let settled = laptop.open("/signed-out").expect(200);
    let page = laptop.page();
    assert!(page.card_says("Mail", "Logged out"));
    assert!(page.card_says("Mail", "confirmed it just now"));
    assert!(page.card_says("Crm", "Could not be told"));
    assert!(!page.says("403"), "nobody here can mend that");
    assert!(page.card_says("Files", "Did not answer"));
    assert!(page.card_says("Wiki", "Opened again"));
    assert!(!settled.text().contains("http-equiv=\"refresh\""));
    // Nobody is named, whoever looks.
    assert!(!page.says("Ada"));
}

trait CardSays {
    fn card_says(&self, app: &str, words: &str) -> bool;
}

impl CardSays for nightlatch_testkit::Page {
    fn card_says(&self, app: &str, words: &str) -> bool {
        let cards = self.entries(app);
        cards.iter().any(|card| card.text.contains(words))
    }
}

fn c1_the_page_waits_a_moment_for_the_first_answers_and_no_longer(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let crm = site.connect_app("Crm", |_| {});
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    site.enter_app(&laptop, &crm);
    let id = laptop.session_row().expect("a session").id;
    let began = Instant::now();
    log_out(&mut laptop);
    assert!(began.elapsed() >= Duration::from_millis(650));
    assert!(laptop.page().says("Still telling it"));

    // One that answers is there at once.
    let mut phone = site.browser();
    phone.sign_in(&ada);
    site.enter_app(&phone, &crm);
    let id_there = phone.session_row().expect("a session").id;
    phone.open("/").expect(200);
    let answer = phone.press_once("Log out");
    let notice = site.notices_of_session(id_there).remove(0);
    std::thread::scope(|scope| {
        let page = scope.spawn(|| phone.follow(answer).expect(200));
        site.settle(&notice, NoticeState::Confirmed, Some(200));
        drop(page.join().expect("a page"));
    });
    assert!(phone.page().says("Logged out"));
    assert!(!phone.page().says("Still telling it"));
    // The other one has been waited for; its page comes at once now.
    site.advance(MINUTE);
    let began = Instant::now();
    laptop.open("/signed-out").expect(200);
    assert!(began.elapsed() < Duration::from_millis(600));
    assert_eq!(site.notices_of_session(id).len(), 1);
}

fn on_a_shared_computer_apps_are_counted_and_not_named(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut library = site.browser();
    let shared = Choices {
        shared: true,
        ..Choices::default()
    };
    library.sign_in_with(&ada, shared);
    for name in ["Clinic", "Payroll"] {
        let app = site.connect_app(name, |app| app.backchannel_logout_uris.clear());
        site.enter_app(&library, &app);
    }
    log_out(&mut library);
    let page = library.page();
    assert!(page.says("Cannot be told: 2 apps"));
    for name in ["Clinic", "Payroll", "Ada"] {
        assert!(!page.says(name), "{name}");
    }
}

fn a_receipt_opens_in_its_browser_only_and_for_a_while(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let wiki = site.connect_app("Wiki", |wiki| wiki.backchannel_logout_uris.clear());
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    site.enter_app(&laptop, &wiki);
    log_out(&mut laptop);
    assert!(laptop.page().says("Wiki"));
    // Somebody else opens the same address, with nothing or with a guess.
    let guess = Jar::with("__Host-nightlatch-receipt", &"A".repeat(43));
    for jar in [Jar::default(), guess] {
        let mut other = site.browser().with_cookies(jar);
        other.open("/signed-out").expect(200);
        assert_eq!(other.page().heading, "You are not signed in");
        assert!(!other.page().says("Wiki"));
        let events = other.ask("GET", EVENTS).by_script().send();
        drop(events.expect(204));
    }
    // The next person in this browser.
    let grace = site.add_person("Grace Hopper", "grace@brightwater.example");
    let mut next = laptop.clone();
    next.sign_in(&grace);
    // Signing in takes the receipt away; who kept it gains nothing.
    let receipt = laptop
        .jar
        .get("__Host-nightlatch-receipt")
        .expect("a receipt");
    next.jar.put("__Host-nightlatch-receipt", receipt);
    next.open("/signed-out").expect(200);
    assert!(!next.page().says("Wiki"));
    drop(next.ask("GET", EVENTS).by_script().send().expect(204));
    site.advance(MINUTE * 16);
    laptop.open("/signed-out").expect(200);
    assert!(!laptop.page().says("Wiki"));
}

fn an_ending_of_many_people_shows_everybody_their_own(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, grace) = (
        site.add_ada(),
        site.add_person("Grace Hopper", "grace@brightwater.example"),
    );
    let (mut hers, mut theirs) = (site.browser(), site.browser());
    hers.sign_in(&ada);
    theirs.sign_in(&grace);
    for (browser, name) in [(&hers, "Wiki"), (&theirs, "Payroll")] {
        let app = site.connect_app(name, |app| app.backchannel_logout_uris.clear());
        site.enter_app(browser, &app);
    }
    let session = hers.session_row().expect("a session").id;
    hers.open("/").expect(200);
    let done = site.log_out_everybody(Some(site.organization()), "Maintenance");
    // She presses Log out, and is told what became of hers.
    hers.press("Log out").expect(200);
    assert!(hers.page().says("Wiki"));
    assert!(!hers.page().says("Payroll"));
    assert_eq!(site.notices_of_session(session).len(), 2);
    hers.sign_in(&ada);
    let path = format!("/account/endings/{}", done.id);
    hers.open(&path).expect(200);
    assert!(hers.page().says("Wiki"));
    assert!(!hers.page().says("Payroll"));
    assert!(hers.page().says("1 session of yours"));
    let api = format!("/api/v1/endings/{}", done.id);
    let told = hers.api("GET", &api, None).expect(200).json();
    assert_eq!(told["apps"].as_array().map(Vec::len), Some(1));
    assert_eq!(told["apps"][0]["state"], "cannot_be_told");
    // Somebody whom it did not concern learns nothing.
    let mallory = site.add_person("Mallory", "mallory@brightwater.example");
    let mut other = site.browser();
    other.sign_in(&mallory);
    drop(other.open_once(&path).expect(404));
    drop(other.api("GET", &api, None).expect(404));
    drop(other.open_once("/account/endings/x").expect(404));
}

fn c8_only_administrators_read_what_they_alone_can_mend(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let grace = site.add_administrator("Grace Hopper", "grace@brightwater.example");
    let crm = site.connect_app("Crm", |_| {});
    for (account, is_told) in [(&ada, false), (&grace, true)] {
        let mut browser = site.browser();
        browser.sign_in(account);
        site.enter_app(&browser, &crm);
        let id = browser.session_row().expect("a session").id;
        log_out(&mut browser);
        let notice = site.notices_of_session(id).remove(0);
        site.settle(&notice, NoticeState::Failed, Some(403));
        browser.sign_in(account);
        browser.open("/account/history").expect(200);
        browser.click("Details: Session ended just now").expect(200);
        assert_eq!(
            browser.path(),
            format!("/account/endings/{}", notice.ending_id)
        );
        let page = browser.page();
        assert!(page.says("Could not be told"));
        assert_eq!(page.says("CSRF protection"), is_told);
        let api = format!("/api/v1/endings/{}", notice.ending_id);
        let told = browser.api("GET", &api, None).expect(200).json();
        assert_eq!(told["apps"][0]["last_status"] == 403, is_told);
        assert_eq!(told["apps"][0]["state"], "failed");
    }
}

fn an_open_page_hears_of_answers(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let (crm, wiki) = (
        site.connect_app("Crm", |_| {}),
        site.connect_app("Wiki", |_| {}),
    );
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    site.enter_app(&laptop, &crm);
    site.enter_app(&laptop, &wiki);
    let id = laptop.session_row().expect("a session").id;
    log_out(&mut laptop);
    let notices = site.notices_of_session(id);
    let mut stream = laptop.listen_at(EVENTS);
    let patience = Duration::from_secs(10);
    assert_eq!(
        stream.hear(patience).as_deref(),
        Some("event: changed\ndata: {}\n\n")
    );
    site.settle(&notices[0], NoticeState::Confirmed, Some(200));
    assert_eq!(
        stream.hear(patience).as_deref(),
        Some("event: changed\ndata: {}\n\n")
    );
    site.settle(&notices[1], NoticeState::Confirmed, Some(200));
    assert_eq!(
        stream.hear(patience).as_deref(),
        Some("event: settled\ndata: {}\n\n")
    );
    assert_eq!(stream.hear(patience), None, "nothing more will come");
}

fn fcl_01_02_frames_are_loaded_and_never_counted(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let front = RegisteredUri::parse("https://intranet.example.net/bye;x?a=b").expect("an address");
    let intranet = site.connect_app("Intranet", |app| {
        app.backchannel_logout_uris.clear();
        app.frontchannel_logout_uri = Some(front);
    });
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    site.enter_app(&laptop, &intranet);
    let id = laptop.session_id();
    laptop.open("/").expect(200);
    let answer = laptop.press_once("Log out");
    let page = laptop.follow(answer).expect(200);
    let address = format!(
        "https://intranet.example.net/bye;x?a=b&#38;iss=http%3A%2F%2Flocalhost%3A8080&#38;sid={id}"
    );
    assert!(
        page.text()
            .contains(&format!("<iframe hidden src=\"{address}\"")),
        "{}",
        page.text()
    );
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(
        policy.ends_with("; frame-src https://intranet.example.net/bye%3Bx"),
        "{policy}"
    );
    assert!(
        laptop.page().says("Cannot be told"),
        "loading is no confirmation"
    );
    // Opened again later, the page loads nothing.
    site.advance(MINUTE);
    let later = laptop.open("/signed-out").expect(200);
    assert!(!later.text().contains("<iframe"));
}
