//! What pages that are open hear (OUT-10, OUT-11).

use std::time::Duration;

use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{PASSWORD, Site, TestDatabase};

on_both_databases!(
    out_11_open_pages_hear_of_the_end_at_once,
    out_11_a_page_of_nobody_is_told_so_at_once,
    out_11_the_stream_survives_a_proof_and_other_peoples_endings,
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
