//! What apps get for a code, and what it is worth.

use std::collections::HashSet;

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use nightlatch_domain::ending::{Actor, Cause, Scope};
use nightlatch_domain::event::EventKind;
use nightlatch_domain::relying_party::{ClientAuthentication, SigningAlgorithm};
use nightlatch_flows::log_out::{EndingRequest, end_sessions};
use nightlatch_storage::{entries, on_both_databases};
use nightlatch_testkit::{
    Account, Browser, IssuedCode, REDIRECT_URI, RegisteredApp, Site, TestDatabase, Tokens, call,
    with_token,
};
use serde_json::Value;

use crate::{DAY, MINUTE, SECOND};

on_both_databases!(
    oidc_11_12_14_an_id_token_says_who_when_and_how_and_names_nobody,
    oidc_05_a_code_is_good_for_one_app_one_address_one_verifier_and_a_minute,
    oidc_05_a_second_use_revokes_what_the_first_issued,
    whoever_saw_a_code_can_neither_use_it_nor_end_anything_with_it,
    bcl_06_entering_an_app_is_recorded_and_told_once,
    tok_02_an_old_refresh_token_ends_its_family_and_is_told,
    tok_03_the_predecessor_gets_the_same_successor_for_twenty_seconds,
    scopes_are_narrowed_and_never_widened,
    tok_06_07_others_learn_and_revoke_nothing,
    tok_05_an_access_token_lasts_as_long_as_registered,
    tok_01_a_long_lived_grant_outlives_its_session_and_has_two_ends,
    shr_01_nothing_of_a_shared_computer_outlives_it,
    ops_01_a_raised_counter_ends_what_a_backup_brought_back,
    the_person_is_active_in_an_app_and_a_refresh_is_no_activity,
    b11_a_native_app_logs_out_with_one_call,
);

fn scene(site: &Site) -> (Account, Browser<'_>, RegisteredApp) {
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let crm = site.add_app("CRM", |_| {});
    (ada, laptop, crm)
}

fn is_invalid_grant(answer: &nightlatch_testkit::Answer) {
    assert_eq!(answer.status.as_u16(), 400, "{}", answer.text());
    assert_eq!(answer.json()["error"], "invalid_grant");
}

/// What an ID token says, checked as an app checks it.
pub(crate) fn read_id_token(site: &Site, token: &str, algorithm: Algorithm) -> Value {
    let keys = call(site, ("GET", "/oauth2/jwks"), &[], &[]).expect(200);
    let keys: JwkSet = serde_json::from_slice(&keys.body).expect("keys");
    let header = decode_header(token).expect("a header");
    let key = keys
        .find(header.kid.as_deref().expect("kid"))
        .expect("published");
    let mut rules = Validation::new(algorithm);
    // The story has its own clock.
    rules.validate_exp = false;
    rules.validate_aud = false;
    let key = DecodingKey::from_jwk(key).expect("a key");
    decode::<Value>(token, &key, &rules)
        .expect("our signature")
        .claims
}

fn oidc_11_12_14_an_id_token_says_who_when_and_how_and_names_nobody(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, laptop, _) = scene(&site);
    let signed_in_at = site.now().milliseconds() / 1000;
    let kinds = [
        (SigningAlgorithm::Rs256, Algorithm::RS256),
        (SigningAlgorithm::Es256, Algorithm::ES256),
        (SigningAlgorithm::EdDsa, Algorithm::EdDSA),
    ];
    for (registered, algorithm) in kinds {
        let app = site.add_app(registered.name(), |app| app.signing_algorithm = registered);
        site.advance(MINUTE);
        let tokens = site.enter(&laptop, &app, "openid profile email");
        let claims = read_id_token(&site, &tokens.id, algorithm);
        let now = site.now().milliseconds() / 1000;
        assert_eq!(claims["iss"], "http://localhost:8080");
        assert_eq!(claims["sub"], ada.id.to_string());
        assert_eq!(claims["aud"], app.id.to_string());
        assert_eq!(claims["iat"], now);
        assert_eq!(claims["exp"], now + 300);
        assert_eq!(claims["auth_time"], signed_in_at);
        assert_eq!(claims["nonce"], "n-0S6_WzA2Mj");
        assert_eq!(claims["acr"], "urn:nightlatch:acr:one-factor");
        assert_eq!(claims["amr"], serde_json::json!(["pwd"]));
        assert_eq!(claims["sid"], laptop.session_id());
        assert!(claims["at_hash"].is_string());
        let names: HashSet<&str> = claims
            .as_object()
            .expect("claims")
            .keys()
            .map(String::as_str)
            .collect();
        assert!(
            !names.contains("email") && !names.contains("name"),
            "B8: {names:?}"
        );
        // A refresh repeats when and how, and answers no request (OIDC-11).
        site.advance(MINUTE);
        let refreshed = Tokens::of(&app.refresh(&site, &tokens.refresh));
        let again = read_id_token(&site, &refreshed.id, algorithm);
        for same in ["iss", "sub", "aud", "auth_time", "acr", "amr", "sid"] {
            assert_eq!(again[same], claims[same], "{same}");
        }
        assert!(again.get("nonce").is_none());
        assert_ne!(again["at_hash"], claims["at_hash"]);
        // Names come from here.
        let who = with_token(&site, ("GET", "/oauth2/userinfo"), &refreshed.access).expect(200);
        let expected = serde_json::json!({
            "sub": ada.id.to_string(), "name": ada.name, "email": ada.email,
            "updated_at": signed_in_at,
        });
        assert_eq!(who.json(), expected);
    }
}

fn oidc_05_a_code_is_good_for_one_app_one_address_one_verifier_and_a_minute(which: TestDatabase) {
    let site = Site::new(which);
    let (_, laptop, crm) = scene(&site);
    let other = site.add_app("Wiki", |_| {});
    let code = site.issue_code(&laptop, &crm, "openid");
    is_invalid_grant(&other.exchange(&site, &code));
    let wrong = IssuedCode {
        verifier: "A".repeat(43),
        ..code.clone()
    };
    is_invalid_grant(&crm.exchange(&site, &wrong));
    for uri in ["https://crm.example.com/callback/", "https://evil.example/"] {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code.code.as_str()),
            ("redirect_uri", uri),
            ("code_verifier", code.verifier.as_str()),
        ];
        is_invalid_grant(&crm.post(&site, "/oauth2/token", &fields));
    }
    // Without a verifier, and with what the challenge is instead of what it is of.
    for verifier in ["", "short", &"!".repeat(43), &"A".repeat(129)] {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code.code.as_str()),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", verifier),
        ];
        let answer = crm.post(&site, "/oauth2/token", &fields).expect(400);
        assert_eq!(answer.json()["error"], "invalid_request");
    }
    // None of that has used it up.
    Tokens::of(&crm.exchange(&site, &code));
    let late = site.issue_code(&laptop, &crm, "openid");
    site.advance(MINUTE);
    is_invalid_grant(&crm.exchange(&site, &late));
}

fn oidc_05_a_second_use_revokes_what_the_first_issued(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, laptop, crm) = scene(&site);
    let code = site.issue_code(&laptop, &crm, "openid");
    let tokens = Tokens::of(&crm.exchange(&site, &code));
    let elsewhere = site.enter(&laptop, &crm, "openid");
    assert!(crm.is_active(&site, &tokens.access));
    is_invalid_grant(&crm.exchange(&site, &code));
    assert!(!crm.is_active(&site, &tokens.access));
    is_invalid_grant(&crm.refresh(&site, &tokens.refresh));
    assert!(crm.is_active(&site, &elsewhere.access), "nothing else ends");
    is_invalid_grant(&crm.exchange(&site, &code));
    assert_eq!(site.count_events(&ada, EventKind::TokenReused), 1);
}

fn whoever_saw_a_code_can_neither_use_it_nor_end_anything_with_it(which: TestDatabase) {
    let site = Site::new(which);
    let (_, laptop, crm) = scene(&site);
    let other = site.add_app("Wiki", |_| {});
    let code = site.issue_code(&laptop, &crm, "openid");
    let tokens = Tokens::of(&crm.exchange(&site, &code));
    let guess = IssuedCode {
        verifier: "A".repeat(43),
        ..code.clone()
    };
    is_invalid_grant(&crm.exchange(&site, &guess));
    is_invalid_grant(&other.exchange(&site, &code));
    assert!(crm.is_active(&site, &tokens.access));
}

fn bcl_06_entering_an_app_is_recorded_and_told_once(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop, crm) = scene(&site);
    let session = laptop.session_row().expect("a session").id;
    let entry = |site: &Site| {
        let id = crm.id;
        site.read(move |tx| entries::find(tx, session, id))
    };
    assert_eq!(entry(&site), None);
    site.enter(&laptop, &crm, "openid");
    let first = entry(&site).expect("an entry");
    site.advance(MINUTE);
    site.enter(&laptop, &crm, "openid");
    let again = entry(&site).expect("an entry");
    assert_eq!(again.first_at, first.first_at);
    assert_eq!(again.last_at, site.now());
    assert_eq!(site.count_events(&ada, EventKind::AppEntered), 1);
    let page = laptop.open("/account/history").expect(200).page();
    assert!(page.says("Signed in to an app") && page.says("CRM"));
    // The end owes the app exactly one notice.
    laptop.log_out();
    let notices = "SELECT count(*) FROM notices";
    assert_eq!(site.count_rows(notices), 1);
    assert!(entry(&site).expect("an entry").left_at.is_some());
}

fn tok_02_an_old_refresh_token_ends_its_family_and_is_told(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop, crm) = scene(&site);
    let first = site.enter(&laptop, &crm, "openid");
    let bystander = site.enter(&laptop, &crm, "openid");
    let second = Tokens::of(&crm.refresh(&site, &first.refresh));
    assert_ne!(second.refresh, first.refresh);
    // Two generations back, well within the time of grace.
    let third = Tokens::of(&crm.refresh(&site, &second.refresh));
    is_invalid_grant(&crm.refresh(&site, &first.refresh));
    is_invalid_grant(&crm.refresh(&site, &third.refresh));
    for token in [&first.access, &second.access, &third.access, &third.refresh] {
        assert!(!crm.is_active(&site, token));
    }
    assert_eq!(site.count_events(&ada, EventKind::TokenReused), 1);
    let mails = "SELECT count(*) FROM mails WHERE kind = 'alert_apps'";
    assert_eq!(site.count_rows(mails), 1);
    // Only the family.
    assert!(crm.is_active(&site, &bystander.access));
    assert!(laptop.is_signed_in());
    let page = laptop.open("/account/history").expect(200).page();
    assert!(page.says("There may be a copy of what keeps an app signed in"));
}

fn tok_03_the_predecessor_gets_the_same_successor_for_twenty_seconds(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, laptop, crm) = scene(&site);
    let first = site.enter(&laptop, &crm, "openid");
    let second = Tokens::of(&crm.refresh(&site, &first.refresh));
    site.advance(SECOND * 19);
    // It is answered for the sake of a lost answer; it is good for nothing else.
    assert!(!crm.is_active(&site, &first.refresh));
    assert!(crm.is_active(&site, &second.refresh));
    let again = Tokens::of(&crm.refresh(&site, &first.refresh));
    assert_eq!(again.refresh, second.refresh);
    assert!(crm.is_active(&site, &again.access));
    assert_eq!(site.count_events(&ada, EventKind::TokenReused), 0);
    site.advance(SECOND);
    is_invalid_grant(&crm.refresh(&site, &first.refresh));
    is_invalid_grant(&crm.refresh(&site, &second.refresh));
    assert_eq!(site.count_events(&ada, EventKind::TokenReused), 1);
}

fn scopes_are_narrowed_and_never_widened(which: TestDatabase) {
    let site = Site::new(which);
    let (_, laptop, crm) = scene(&site);
    let tokens = site.enter(&laptop, &crm, "openid email offline_access");
    assert_eq!(
        tokens.scope, "openid email",
        "offline_access is not registered"
    );
    let with = |token: &str, scope: &str| {
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
            ("scope", scope),
        ];
        crm.post(&site, "/oauth2/token", &fields)
    };
    let wider = with(&tokens.refresh, "openid profile").expect(400);
    assert_eq!(wider.json()["error"], "invalid_scope");
    let unknown = with(&tokens.refresh, "everything").expect(400);
    assert_eq!(unknown.json()["error"], "invalid_scope");
    let narrow = Tokens::of(&with(&tokens.refresh, "openid"));
    let who = with_token(&site, ("GET", "/oauth2/userinfo"), &narrow.access).expect(200);
    assert!(who.json().get("email").is_none());
    let whole = Tokens::of(&crm.refresh(&site, &narrow.refresh));
    assert_eq!(whole.scope, "openid email");
    // Without openid there is no ID token, and nobody to tell of.
    let code = site.issue_code(&laptop, &crm, "email");
    let plain = Tokens::of(&crm.exchange(&site, &code));
    assert_eq!(plain.id, "");
    with_token(&site, ("GET", "/oauth2/userinfo"), &plain.access).expect(403);
}

fn tok_06_07_others_learn_and_revoke_nothing(which: TestDatabase) {
    let site = Site::new(which);
    let (_, laptop, crm) = scene(&site);
    let other = site.add_app("Wiki", |_| {});
    let tokens = site.enter(&laptop, &crm, "openid");
    for token in [&tokens.access, &tokens.refresh] {
        assert!(!other.is_active(&site, token));
        other.revoke(&site, token).expect(200);
        assert!(crm.is_active(&site, token));
    }
    is_invalid_grant(&other.refresh(&site, &tokens.refresh));
    is_invalid_grant(&crm.refresh(&site, &tokens.access));
    for unknown in ["x", "nla_x", &tokens.access[4..], &laptop.session_id()] {
        assert!(!crm.is_active(&site, unknown));
        crm.revoke(&site, unknown).expect(200);
    }
    // One's own: an access token goes alone, a refresh token takes all along.
    crm.revoke(&site, &tokens.access).expect(200);
    assert!(!crm.is_active(&site, &tokens.access));
    let next = Tokens::of(&crm.refresh(&site, &tokens.refresh));
    assert!(
        crm.is_active(&site, &next.access),
        "in the same millisecond"
    );
    crm.revoke(&site, &next.refresh).expect(200);
    assert!(!crm.is_active(&site, &next.access));
    is_invalid_grant(&crm.refresh(&site, &next.refresh));
}

fn tok_05_an_access_token_lasts_as_long_as_registered(which: TestDatabase) {
    let site = Site::new(which);
    let (_, laptop, crm) = scene(&site);
    let tokens = site.enter(&laptop, &crm, "openid");
    let said = crm.introspect(&site, &tokens.access);
    let now = site.now().milliseconds() / 1000;
    assert_eq!(
        (&said["iat"], &said["exp"]),
        (&now.into(), &(now + 300).into())
    );
    assert_eq!(said["token_type"], "Bearer");
    assert_eq!(said["sid"], laptop.session_id());
    site.advance((MINUTE * 5).saturating_sub(SECOND));
    assert!(crm.is_active(&site, &tokens.access));
    site.advance(SECOND);
    assert!(!crm.is_active(&site, &tokens.access));
    with_token(&site, ("GET", "/oauth2/userinfo"), &tokens.access).expect(401);
}

fn tok_01_a_long_lived_grant_outlives_its_session_and_has_two_ends(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop, _) = scene(&site);
    let backup = site.add_app("Backup", |app| {
        app.offline_access = true;
        app.lifetimes.offline_idle_days = 10;
        app.lifetimes.offline_overall_days = 25;
    });
    let mut tokens = site.enter(&laptop, &backup, "openid offline_access");
    assert_eq!(tokens.scope, "openid offline_access");
    laptop.log_out();
    for _ in 0..2 {
        site.advance(DAY * 9);
        tokens = Tokens::of(&backup.refresh(&site, &tokens.refresh));
    }
    site.prune();
    // Seven days left in all, though it was used a moment ago.
    site.advance(DAY * 7);
    is_invalid_grant(&backup.refresh(&site, &tokens.refresh));
    laptop.sign_in(&ada);
    let idle = site.enter(&laptop, &backup, "openid offline_access");
    site.advance(DAY * 10);
    is_invalid_grant(&backup.refresh(&site, &idle.refresh));
}

fn shr_01_nothing_of_a_shared_computer_outlives_it(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut library = site.browser();
    let choices = nightlatch_testkit::Choices {
        shared: true,
        ..Default::default()
    };
    library.sign_in_with(&ada, choices);
    let backup = site.add_app("Backup", |app| app.offline_access = true);
    let tokens = site.enter(&library, &backup, "openid offline_access");
    assert_eq!(tokens.scope, "openid");
    library.log_out();
    is_invalid_grant(&backup.refresh(&site, &tokens.refresh));
}

fn ops_01_a_raised_counter_ends_what_a_backup_brought_back(which: TestDatabase) {
    let site = Site::new(which);
    let (_, laptop, crm) = scene(&site);
    let backup = site.add_app("Backup", |app| app.offline_access = true);
    let bound = site.enter(&laptop, &crm, "openid");
    let long = site.enter(&laptop, &backup, "openid offline_access");
    let code = site.issue_code(&laptop, &crm, "openid");
    // What `restore` does once the rows are back.
    let moment = site.moment();
    site.write(move |tx| {
        let request = EndingRequest {
            scope: Scope::Deployment,
            cause: Cause::RestoredFromBackup,
            actor: Actor::System,
            reason: None,
        };
        end_sessions(tx, &moment, &request)
    });
    assert!(!crm.is_active(&site, &bound.access));
    is_invalid_grant(&crm.refresh(&site, &bound.refresh));
    assert!(!backup.is_active(&site, &long.access));
    is_invalid_grant(&backup.refresh(&site, &long.refresh));
    is_invalid_grant(&crm.exchange(&site, &code));
}

fn the_person_is_active_in_an_app_and_a_refresh_is_no_activity(which: TestDatabase) {
    let site = Site::new(which);
    let (_, mut laptop, crm) = scene(&site);
    let mut tokens = site.enter(&laptop, &crm, "openid");
    let report = |site: &Site, token: &str| with_token(site, ("POST", "/api/v1/activity"), token);
    // A whole working day in the app, and nothing but that.
    for _ in 0..30 {
        site.advance(MINUTE * 60);
        tokens = Tokens::of(&crm.refresh(&site, &tokens.refresh));
        let said = report(&site, &tokens.access).expect(200).json();
        assert_eq!(said["live"], true);
        site.sweep();
    }
    assert!(laptop.is_signed_in());
    let before = report(&site, &tokens.access).expect(200).json();
    site.advance(SECOND * 29);
    let capped = report(&site, &tokens.access).expect(200).json();
    assert_eq!(capped, before, "more often than that changes nothing");
    report(&site, &tokens.refresh).expect(401);
    // Refreshes alone keep nobody signed in (SES-10).
    for _ in 0..24 {
        site.advance(MINUTE * 60);
        let answer = crm.refresh(&site, &tokens.refresh);
        if answer.status == 400 {
            break;
        }
        tokens = Tokens::of(&answer);
    }
    assert!(!laptop.is_signed_in());
    is_invalid_grant(&crm.refresh(&site, &tokens.refresh));
    report(&site, &tokens.access).expect(401);
}

fn b11_a_native_app_logs_out_with_one_call(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, mut laptop, crm) = scene(&site);
    let phone = site.add_app("Phone", |app| {
        app.authentication = ClientAuthentication::None;
        app.offline_access = true;
    });
    let log_out = |token: &str| with_token(&site, ("POST", "/api/v1/log-out"), token);
    let theirs = site.enter(&laptop, &crm, "openid");
    let first = site.enter(&laptop, &phone, "openid");
    let second = Tokens::of(&phone.refresh(&site, &first.refresh));
    let third = Tokens::of(&phone.refresh(&site, &second.refresh));
    // Neither a stranger nor a token from a drawer logs anybody out.
    for bad in ["x", "", &first.refresh] {
        log_out(bad).expect_error("a token that is not good");
    }
    assert!(laptop.is_signed_in());
    let said = log_out(&third.refresh).expect(200).json();
    assert_eq!(said["ended"], true);
    assert!(!laptop.is_signed_in());
    assert!(!crm.is_active(&site, &theirs.access));
    assert_eq!(
        site.count_rows("SELECT count(*) FROM notices"),
        2,
        "both apps"
    );
    let again = log_out(&third.refresh).expect(200).json();
    assert_eq!(again["ended"], false, "nobody is trapped");
    // A long-lived grant gives itself back, whatever became of the session.
    laptop.sign_in(&ada);
    let long = site.enter(&laptop, &phone, "openid offline_access");
    laptop.log_out();
    let said = log_out(&long.access).expect(200).json();
    assert_eq!(said["ended"], false);
    let public = phone.refresh(&site, &long.refresh);
    is_invalid_grant(&public);
}
