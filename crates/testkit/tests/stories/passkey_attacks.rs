//! What an attacker does to passkeys, each check on its own (WAN-01, WAN-02,
//! WAN-03, WAN-06).
//!
//! Longer than 400 lines, since each check takes an attack of its own.

use nightlatch_domain::event::EventKind;
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{
    Browser, Lie, PasskeyDevice, Site, TestDatabase, passkey_problem, signed_in_to,
};
use serde_json::{Value, json};

use crate::MINUTE;
use crate::passkeys::ada_with_key;

on_both_databases!(
    wan_02_every_lie_of_a_sign_in_is_refused,
    wan_02_every_lie_of_a_registration_is_refused,
    wan_04_eligibility_for_backup_never_changes_and_backup_may,
    wan_01_an_answer_is_good_once,
    wan_01_a_challenge_is_used_up_by_a_wrong_answer,
    wan_01_a_challenge_lives_five_minutes,
    wan_01_a_challenge_belongs_to_the_browser_that_asked,
    wan_01_a_challenge_is_good_for_its_ceremony_only,
    wan_06_a_credential_of_somebody_else_cannot_be_bound,
    wan_06_passkeys_of_others_cannot_be_reached,
    out_02_an_ended_session_plants_no_passkey,
    out_13_everything_ended_meanwhile_stays_ended,
    what_is_no_answer_is_refused_and_breaks_nothing,
    used_up_challenges_are_cleared_away,
    wan_01_a_challenge_cannot_be_altered_or_made,
);

pub(crate) const SIGN_IN_LIES: [Lie; 17] = [
    Lie::Type,
    Lie::Challenge,
    Lie::Origin,
    Lie::Port,
    Lie::Subdomain,
    Lie::CrossOrigin,
    Lie::TopOrigin,
    Lie::RelyingParty,
    Lie::NotPresent,
    Lie::NotVerified,
    Lie::BackedUpOnly,
    Lie::EligibilityChanged,
    Lie::Signature,
    Lie::Altered,
    Lie::NoHandle,
    Lie::Handle,
    Lie::Honest,
];

const REGISTRATION_LIES: [Lie; 13] = [
    Lie::Type,
    Lie::Challenge,
    Lie::Origin,
    Lie::Port,
    Lie::Subdomain,
    Lie::CrossOrigin,
    Lie::TopOrigin,
    Lie::RelyingParty,
    Lie::NotPresent,
    Lie::NotVerified,
    Lie::BackedUpOnly,
    Lie::Algorithm,
    Lie::Honest,
];

fn wan_02_every_lie_of_a_sign_in_is_refused(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, _, mut key) = ada_with_key(&site);
    for lie in SIGN_IN_LIES {
        let mut browser = site.browser();
        let begun = browser.begin_passkey_sign_in();
        let answer = key.get(&begun, lie);
        let outcome = browser.finish_passkey_sign_in(&begun, &answer, &json!({}));
        if lie == Lie::Honest {
            // The guard of this story: the same steps without a lie let in.
            signed_in_to(&outcome);
            continue;
        }
        assert_eq!(passkey_problem(&outcome), "passkey-refused", "{lie:?}");
        assert_eq!(outcome.status.as_u16(), 403);
        assert!(browser.session_cookie().is_none(), "{lie:?}");
        assert!(!browser.is_signed_in(), "{lie:?}");
    }
    let failed = site.count_events(&ada, EventKind::SignInFailed);
    assert_eq!(failed, SIGN_IN_LIES.len() - 1, "the owner can see them");
}

fn wan_02_every_lie_of_a_registration_is_refused(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    for lie in REGISTRATION_LIES {
        let mut key = PasskeyDevice::security_key(&site.origin());
        let begun = laptop.begin_passkey().expect(200).json();
        let made = key.create(&begun, lie);
        let outcome = laptop.finish_passkey(&begun, &made, "Key");
        if lie == Lie::Honest {
            outcome.expect(200);
            continue;
        }
        assert_eq!(passkey_problem(&outcome), "passkey-refused", "{lie:?}");
        assert_eq!(
            site.count_rows("SELECT count(*) FROM passkeys"),
            0,
            "{lie:?}"
        );
    }
    assert_eq!(site.count_rows("SELECT count(*) FROM passkeys"), 1);
}

fn wan_04_eligibility_for_backup_never_changes_and_backup_may(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut laptop, _) = ada_with_key(&site);
    let mut phone = PasskeyDevice::phone(&site.origin());
    laptop.add_passkey(&mut phone, "Phone");
    let mut browser = site.browser();
    let begun = browser.begin_passkey_sign_in();
    // BE is set from now on, or no longer: both are somebody else's key.
    let answer = phone.get(&begun, Lie::EligibilityChanged);
    let refused = browser.finish_passkey_sign_in(&begun, &answer, &json!({}));
    assert_eq!(passkey_problem(&refused), "passkey-refused");
    signed_in_to(&browser.sign_in_with_passkey(&mut phone));
    let stored = "SELECT count(*) FROM passkeys WHERE backup_eligible AND backed_up";
    assert_eq!(site.count_rows(stored), 1);
    let bound = "SELECT count(*) FROM passkeys WHERE NOT backup_eligible AND NOT backed_up";
    assert_eq!(site.count_rows(bound), 1);
}

fn wan_01_an_answer_is_good_once(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut laptop, mut key) = ada_with_key(&site);
    let mut browser = site.browser();
    let begun = browser.begin_passkey_sign_in();
    let cookies = browser.steal_cookies();
    let answer = key.get(&begun, Lie::Honest);
    signed_in_to(&browser.finish_passkey_sign_in(&begun, &answer, &json!({})));
    let mut thief = site.browser().with_cookies(cookies);
    let replayed = thief.finish_passkey_sign_in(&begun, &answer, &json!({}));
    assert_eq!(passkey_problem(&replayed), "passkey-expired");
    assert!(!thief.is_signed_in());
    let mut second = PasskeyDevice::security_key(&site.origin());
    let begun = laptop.begin_passkey().expect(200).json();
    let made = second.create(&begun, Lie::Honest);
    laptop.finish_passkey(&begun, &made, "").expect(200);
    let replayed = laptop.finish_passkey(&begun, &made, "");
    assert_eq!(passkey_problem(&replayed), "passkey-expired");
}

fn wan_01_a_challenge_is_used_up_by_a_wrong_answer(which: TestDatabase) {
    let site = Site::new(which);
    let (_, _, mut key) = ada_with_key(&site);
    let mut browser = site.browser();
    let begun = browser.begin_passkey_sign_in();
    let wrong = key.get(&begun, Lie::Signature);
    let first = browser.finish_passkey_sign_in(&begun, &wrong, &json!({}));
    assert_eq!(passkey_problem(&first), "passkey-refused");
    let right = key.get(&begun, Lie::Honest);
    let second = browser.finish_passkey_sign_in(&begun, &right, &json!({}));
    assert_eq!(passkey_problem(&second), "passkey-expired");
    // An unknown credential uses it up as well.
    let begun = browser.begin_passkey_sign_in();
    key.newest().credential_id[0] ^= 1;
    let unknown = key.get(&begun, Lie::Honest);
    let first = browser.finish_passkey_sign_in(&begun, &unknown, &json!({}));
    assert_eq!(passkey_problem(&first), "passkey-unknown");
    key.newest().credential_id[0] ^= 1;
    let right = key.get(&begun, Lie::Honest);
    let second = browser.finish_passkey_sign_in(&begun, &right, &json!({}));
    assert_eq!(passkey_problem(&second), "passkey-expired");
}

fn wan_01_a_challenge_lives_five_minutes(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut laptop, mut key) = ada_with_key(&site);
    for (wait, outcome) in [(MINUTE * 4, ""), (MINUTE * 5, "passkey-expired")] {
        let mut browser = site.browser();
        let begun = browser.begin_passkey_sign_in();
        let answer = key.get(&begun, Lie::Honest);
        site.advance(wait);
        let finished = browser.finish_passkey_sign_in(&begun, &answer, &json!({}));
        assert_eq!(passkey_problem(&finished), outcome);
        assert_eq!(browser.is_signed_in(), outcome.is_empty());
    }
    drop(laptop.api(
        "POST",
        "/api/v1/proof",
        Some(&json!({ "password": nightlatch_testkit::PASSWORD })),
    ));
    let begun = laptop.begin_passkey().expect(200).json();
    let made = key.create(&begun, Lie::Honest);
    site.advance(MINUTE * 5);
    let finished = laptop.finish_passkey(&begun, &made, "");
    assert_eq!(passkey_problem(&finished), "passkey-expired");
}

fn wan_01_a_challenge_belongs_to_the_browser_that_asked(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut laptop, mut key) = ada_with_key(&site);
    // The attacker's page has the victim answer the attacker's challenge.
    let mut attacker = site.browser();
    let begun = attacker.begin_passkey_sign_in();
    let answer = key.get(&begun, Lie::Honest);
    let mut victim = site.browser();
    victim.open("/login").expect(200);
    let refused = victim.finish_passkey_sign_in(&begun, &answer, &json!({}));
    assert_eq!(passkey_problem(&refused), "passkey-expired");
    let mut nobody = site.browser();
    let refused = nobody.finish_passkey_sign_in(&begun, &answer, &json!({}));
    assert_eq!(passkey_problem(&refused), "passkey-expired");
    // Nor does a challenge cross from one session of a person to another.
    let mut phone = site.browser();
    let begun = phone.begin_passkey_sign_in();
    let answer = key.get(&begun, Lie::Honest);
    drop(
        phone
            .finish_passkey_sign_in(&begun, &answer, &json!({}))
            .expect(200),
    );
    let begun = phone.begin_passkey().expect(200).json();
    let mut other = PasskeyDevice::security_key(&site.origin());
    let made = other.create(&begun, Lie::Honest);
    let refused = laptop.finish_passkey(&begun, &made, "");
    assert_eq!(passkey_problem(&refused), "passkey-expired");
}

fn wan_01_a_challenge_is_good_for_its_ceremony_only(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut laptop, mut key) = ada_with_key(&site);
    // Asked for by the same session, in the same browser.
    let begun = laptop.begin_passkey().expect(200).json();
    let answer = key.get(&begun, Lie::Honest);
    let refused = laptop.finish_passkey_sign_in(&begun, &answer, &json!({}));
    assert_eq!(passkey_problem(&refused), "passkey-expired");
    let begun = laptop.begin_passkey_sign_in();
    let mut asked: Value = begun.clone();
    asked["publicKey"]["rp"] = json!({ "id": "localhost" });
    asked["publicKey"]["user"] = json!({ "id": "AAAA" });
    let mut other = PasskeyDevice::security_key(&site.origin());
    let made = other.create(&asked, Lie::Honest);
    let refused = laptop.finish_passkey(&begun, &made, "");
    assert_eq!(passkey_problem(&refused), "passkey-expired");
}

fn bob_in(site: &Site) -> Browser<'_> {
    let bob = site.add_person("Bob Byron", "bob@brightwater.example");
    let mut browser = site.browser();
    browser.sign_in(&bob);
    browser
}

fn wan_06_a_credential_of_somebody_else_cannot_be_bound(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, _, mut key) = ada_with_key(&site);
    let mut bob = bob_in(&site);
    let taken = key.newest().credential_id.clone();
    let begun = bob.begin_passkey().expect(200).json();
    let mut his = PasskeyDevice::security_key(&site.origin());
    let made = his.create_called(&begun, &taken, Lie::Honest);
    let refused = bob.finish_passkey(&begun, &made, "Mine");
    assert_eq!(passkey_problem(&refused), "passkey-in-use");
    // His key under her id opens neither account, whatever it says of itself.
    let mut thief = site.browser();
    let refused = thief.sign_in_with_passkey(&mut his);
    assert_eq!(passkey_problem(&refused), "passkey-refused");
    his.newest()
        .user_handle
        .clone_from(&key.newest().user_handle);
    let refused = thief.sign_in_with_passkey(&mut his);
    assert_eq!(passkey_problem(&refused), "passkey-refused");
    let mut hers = site.browser();
    signed_in_to(&hers.sign_in_with_passkey(&mut key));
    assert_eq!(hers.session_row().map(|row| row.user), Some(ada.id));
}

fn wan_06_passkeys_of_others_cannot_be_reached(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut laptop, mut key) = ada_with_key(&site);
    laptop.open("/account/security").expect(200);
    let path = laptop.page().form("Save name").action.clone();
    let mut bob = bob_in(&site);
    let mut his = PasskeyDevice::phone(&site.origin());
    bob.add_passkey(&mut his, "Phone");
    bob.open("/account/security").expect(200);
    for (button, address) in [
        ("Save name", path.clone()),
        ("Remove Phone", path.replace("/name", "/remove")),
    ] {
        let mut form = bob.page().form(button).clone();
        form.action = address;
        bob.submit(&form).expect(404);
        bob.open("/account/security").expect(200);
    }
    bob.open(&path.replace("/name", "/remove")).expect(404);
    bob.open("/account/security").expect(200);
    let mut form = bob.page().form("Save name").clone();
    form.action = path.replace("/name", "/remove");
    bob.submit(&form).expect(404);
    laptop.open("/account/security").expect(200);
    assert!(laptop.page().says("Blue key"));
    signed_in_to(&site.browser().sign_in_with_passkey(&mut key));
}

fn out_02_an_ended_session_plants_no_passkey(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut laptop, _) = ada_with_key(&site);
    let begun = laptop.begin_passkey().expect(200).json();
    let cookies = laptop.steal_cookies();
    laptop.log_out();
    let mut thief = site.browser().with_cookies(cookies);
    let mut his = PasskeyDevice::security_key(&site.origin());
    let made = his.create(&begun, Lie::Honest);
    let refused = thief.finish_passkey(&begun, &made, "Mine");
    assert_eq!(passkey_problem(&refused), "not-signed-in");
    assert_eq!(site.count_rows("SELECT count(*) FROM passkeys"), 1);
}

fn out_13_everything_ended_meanwhile_stays_ended(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop, mut key) = ada_with_key(&site);
    let mut other = site.browser();
    signed_in_to(&other.sign_in_with_passkey(&mut key));
    laptop.open("/account/sessions/log-out-all").expect(200);
    laptop.press("Log out of all sessions").expect(200);
    assert!(!other.is_signed_in());
    assert_eq!(site.open_sessions_of(&ada), 0);
    // A new one is of the new epoch, and lives.
    signed_in_to(&other.sign_in_with_passkey(&mut key));
    assert!(other.is_signed_in());
}

fn what_is_no_answer_is_refused_and_breaks_nothing(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut laptop, mut key) = ada_with_key(&site);
    let mut browser = site.browser();
    let garbage = ["", "AAAA", "!", "e30", "oA", "_____w"];
    for field in [
        "authenticatorData",
        "clientDataJSON",
        "signature",
        "userHandle",
    ] {
        for text in garbage {
            let begun = browser.begin_passkey_sign_in();
            let mut answer = key.get(&begun, Lie::Honest);
            answer["response"][field] = json!(text);
            let refused = browser.finish_passkey_sign_in(&begun, &answer, &json!({}));
            let status = refused.status.as_u16();
            assert!(matches!(status, 400 | 403), "{field} {text}: {status}");
        }
    }
    for field in ["attestationObject", "clientDataJSON"] {
        for text in garbage {
            let begun = laptop.begin_passkey().expect(200).json();
            let mut made = PasskeyDevice::phone(&site.origin()).create(&begun, Lie::Honest);
            made["response"][field] = json!(text);
            let refused = laptop.finish_passkey(&begun, &made, "");
            let status = refused.status.as_u16();
            assert!(matches!(status, 400 | 403), "{field} {text}: {status}");
        }
    }
    // Nor without the header that only scripts write.
    for path in ["/login/passkey/begin", "/login/passkey/finish"] {
        let bare = browser
            .ask("POST", path)
            .by_script()
            .json(&json!({}))
            .send();
        assert!(matches!(bare.status.as_u16(), 400 | 403), "{path}");
        let foreign = browser
            .ask("POST", path)
            .header("sec-fetch-site", "cross-site")
            .header("x-nightlatch", "1")
            .json(&json!({}))
            .send();
        assert_eq!(passkey_problem(&foreign), "not-same-origin", "{path}");
    }
    assert!(!browser.is_signed_in());
}

/// Whoever only opens the page leaves nothing behind, and what an answer leaves behind
/// stays for longer than the challenge is good for.
fn used_up_challenges_are_cleared_away(which: TestDatabase) {
    let site = Site::new(which);
    let (_, _, mut key) = ada_with_key(&site);
    let count = "SELECT count(*) FROM ceremonies";
    let before = site.count_rows(count);
    let mut browser = site.browser();
    for _ in 0..3 {
        browser.begin_passkey_sign_in();
    }
    assert_eq!(site.count_rows(count), before, "a visit costs no row");
    let begun = browser.begin_passkey_sign_in();
    let cookies = browser.steal_cookies();
    let answer = key.get(&begun, Lie::Honest);
    signed_in_to(&browser.finish_passkey_sign_in(&begun, &answer, &json!({})));
    assert_eq!(site.count_rows(count), before + 1);
    site.advance(MINUTE * 4);
    site.prune();
    let mut thief = site.browser().with_cookies(cookies);
    let replayed = thief.finish_passkey_sign_in(&begun, &answer, &json!({}));
    assert_eq!(passkey_problem(&replayed), "passkey-expired");
    site.advance(MINUTE * 4);
    site.prune();
    assert_eq!(
        site.count_rows(count),
        before + 1,
        "another clock may be behind"
    );
    site.advance(MINUTE * 2);
    site.prune();
    assert_eq!(site.count_rows(count), before);
    let replayed = thief.finish_passkey_sign_in(&begun, &answer, &json!({}));
    assert_eq!(passkey_problem(&replayed), "passkey-expired");
}

/// The page keeps the challenge, and cannot change it: neither what it is, nor for how
/// long, nor for whom.
fn wan_01_a_challenge_cannot_be_altered_or_made(which: TestDatabase) {
    let site = Site::new(which);
    let (_, _, mut key) = ada_with_key(&site);
    let mut browser = site.browser();
    let begun = browser.begin_passkey_sign_in();
    let sealed = begun["ceremony"].as_str().expect("text").to_owned();
    let asked = begun["publicKey"]["challenge"].as_str().expect("text");
    assert!(!sealed.contains(asked));
    let answer = key.get(&begun, Lie::Honest);
    for place in [0, 8, 20, 40, sealed.len() / 2, sealed.len() - 2] {
        let old = sealed.as_bytes()[place];
        let new = if old == b'A' { "B" } else { "A" };
        let mut altered = sealed.clone();
        altered.replace_range(place..=place, new);
        let mut forged = begun.clone();
        forged["ceremony"] = json!(altered);
        let refused = browser.finish_passkey_sign_in(&forged, &answer, &json!({}));
        assert_eq!(passkey_problem(&refused), "passkey-expired", "{place}");
    }
    for nonsense in ["", "AAAA", "!", &"A".repeat(4000)] {
        let mut forged = begun.clone();
        forged["ceremony"] = json!(nonsense);
        let refused = browser.finish_passkey_sign_in(&forged, &answer, &json!({}));
        assert_eq!(passkey_problem(&refused), "passkey-expired");
    }
    // None of that used the real one up.
    signed_in_to(&browser.finish_passkey_sign_in(&begun, &answer, &json!({})));
}
