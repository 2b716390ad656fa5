//! What the official certification asks of a provider: the plan
//! `oidcc-basic-certification-test-plan`, with one story for each of its modules and
//! under its name. `docs/conformance.md` says how far that goes, and how the real suite
//! is run.
//!
//! The suite sends no PKCE, except where it is about PKCE, so its app is registered as
//! one that may leave it out. Longer than 400 lines, since it is one plan.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use nightlatch_protocols::oidc::acr::ACR_VALUES;
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{PASSWORD, REDIRECT_URI, Site, TestDatabase, Tokens, call, with_token};
use serde_json::Value;

use crate::conformance_suite::{NONCE, Signed, Suite, UNSIGNED, error_in};
use crate::{MINUTE, SECOND};

on_both_databases!(
    oidcc_server,
    oidcc_response_type_missing,
    oidcc_idtoken_signature,
    oidcc_idtoken_unsigned,
    oidcc_userinfo_get,
    oidcc_userinfo_post_header,
    oidcc_userinfo_post_body,
    oidcc_ensure_request_without_nonce_succeeds_for_code_flow,
    oidcc_scope_profile,
    oidcc_scope_email,
    oidcc_scope_address,
    oidcc_scope_phone,
    oidcc_scope_all,
    oidcc_alternate_happy_flow,
    oidcc_display_page,
    oidcc_display_popup,
    oidcc_prompt_login,
    oidcc_prompt_none_not_logged_in,
    oidcc_prompt_none_logged_in,
    oidcc_max_age_1,
    oidcc_max_age_10000,
    oidcc_ensure_request_with_unknown_parameter_succeeds,
    oidcc_id_token_hint,
    oidcc_login_hint,
    oidcc_ui_locales,
    oidcc_claims_locales,
    oidcc_ensure_request_with_acr_values_succeeds,
    oidcc_codereuse,
    oidcc_codereuse_30seconds,
    oidcc_ensure_registered_redirect_uri,
    oidcc_ensure_post_request_succeeds,
    oidcc_server_client_secret_post,
    oidcc_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported,
    oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported,
    oidcc_claims_essential,
    oidcc_ensure_request_object_with_redirect_uri,
    oidcc_refresh_token,
    oidcc_ensure_request_with_valid_pkce_succeeds,
);

fn oidcc_server(which: TestDatabase) {
    let site = Site::new(which);
    let mut suite = Suite::new(&site);
    let signed = suite.run(&[]);
    // RFC 6749 10.10: 128 bits at least.
    assert!(signed.code.len() >= 22, "{}", signed.code);
    assert_eq!(signed.claims["nonce"], NONCE);
    let hashed = digest(&SHA256, signed.tokens.access.as_bytes());
    let half = URL_SAFE_NO_PAD.encode(&hashed.as_ref()[..16]);
    assert_eq!(signed.claims["at_hash"], half);
    let usual = [
        "acr",
        "amr",
        "at_hash",
        "aud",
        "auth_time",
        "exp",
        "iat",
        "iss",
        "nonce",
        "sid",
        "sub",
    ];
    for name in signed.claims.as_object().expect("claims").keys() {
        assert!(usual.contains(&name.as_str()), "{name} was not asked for");
    }
}

fn oidcc_response_type_missing(which: TestDatabase) {
    let site = Site::new(which);
    let mut suite = Suite::new(&site);
    let answer = suite.open(&[("response_type", "")]);
    assert_eq!(error_in(&site, &answer), "invalid_request");
}

fn oidcc_idtoken_signature(which: TestDatabase) {
    let site = Site::new(which);
    let signed = Suite::new(&site).run(&[]);
    let header = jsonwebtoken::decode_header(&signed.tokens.id).expect("a header");
    assert_eq!(header.alg, Algorithm::RS256);
    assert!(header.kid.is_some());
}

fn oidcc_idtoken_unsigned(which: TestDatabase) {
    let site = Site::new(which);
    // Nobody is offered one, so the suite skips it.
    let offered = Suite::new(&site).supported("id_token_signing_alg_values_supported");
    assert_eq!(offered, ["RS256", "ES256", "EdDSA"]);
}

fn oidcc_userinfo_get(which: TestDatabase) {
    let site = Site::new(which);
    let mut suite = Suite::new(&site);
    let signed = suite.run(&[]);
    assert_eq!(suite.userinfo(&signed.tokens)["sub"], signed.claims["sub"]);
}

fn oidcc_userinfo_post_header(which: TestDatabase) {
    let site = Site::new(which);
    let mut suite = Suite::new(&site);
    let tokens = suite.run(&[]).tokens;
    let answer = with_token(&site, ("POST", "/oauth2/userinfo"), &tokens.access);
    suite.check_userinfo(&answer.expect(200));
}

fn oidcc_userinfo_post_body(which: TestDatabase) {
    let site = Site::new(which);
    let mut suite = Suite::new(&site);
    let tokens = suite.run(&[]).tokens;
    let fields = [("access_token", tokens.access.as_str())];
    let answer = call(&site, ("POST", "/oauth2/userinfo"), &[], &fields);
    suite.check_userinfo(&answer.expect(200));
}

fn oidcc_ensure_request_without_nonce_succeeds_for_code_flow(which: TestDatabase) {
    let site = Site::new(which);
    let signed = Suite::new(&site).run(&[("nonce", "")]);
    assert!(signed.claims.get("nonce").is_none());
}

/// Which claims about the person the userinfo endpoint gave for these scopes; none of
/// them stands in the ID token.
fn given(which: TestDatabase, scopes: &str) -> Vec<String> {
    let site = Site::new(which);
    let mut suite = Suite::new(&site);
    let signed = suite.run(&[("scope", scopes)]);
    let said = suite.userinfo(&signed.tokens);
    let names: Vec<String> = said.as_object().expect("claims").keys().cloned().collect();
    for name in &names {
        assert!(name == "sub" || signed.claims.get(name).is_none(), "{name}");
    }
    assert!(said.get("updated_at").is_none_or(Value::is_i64));
    names
}

fn oidcc_scope_profile(which: TestDatabase) {
    let given = given(which, "openid profile");
    assert_eq!(given, ["name", "sub", "updated_at"]);
}

fn oidcc_scope_email(which: TestDatabase) {
    // `email_verified` too, once a link was opened; see the stories of claims.
    assert_eq!(given(which, "openid email"), ["email", "sub"]);
}

fn oidcc_scope_address(which: TestDatabase) {
    // Not offered, so the suite skips it; asking is no error.
    assert_eq!(given(which, "openid address"), ["sub"]);
}

fn oidcc_scope_phone(which: TestDatabase) {
    assert_eq!(given(which, "openid phone"), ["sub"]);
}

fn oidcc_scope_all(which: TestDatabase) {
    let given = given(which, "openid email phone address profile");
    assert_eq!(given, ["email", "name", "sub", "updated_at"]);
}

fn oidcc_alternate_happy_flow(which: TestDatabase) {
    assert_eq!(given(which, "email openid"), ["email", "sub"]);
}

fn oidcc_display_page(which: TestDatabase) {
    let site = Site::new(which);
    Suite::new(&site).run(&[("display", "page")]);
}

fn oidcc_display_popup(which: TestDatabase) {
    let site = Site::new(which);
    Suite::new(&site).run(&[("display", "popup")]);
}

/// Signs in, and once more under a demand that makes the person prove anew.
fn is_asked_again(which: TestDatabase, demand: &[(&str, &str)]) {
    let site = Site::new(which);
    let mut suite = Suite::new(&site);
    let first = suite.run(&[]);
    site.advance(SECOND * 2);
    suite.open(demand).expect(200);
    assert_eq!(suite.browser.page().heading, "Confirm it's you");
    site.advance(SECOND);
    suite.browser.fill("Your password", PASSWORD);
    let answer = suite.browser.press("Continue");
    let code = suite.code_in(&answer);
    let tokens = Tokens::of(&suite.exchange(&code, &[]));
    let second = suite.check_id_token(&tokens);
    assert_eq!(first.claims["sub"], second["sub"]);
    let times = [&first.claims, &second].map(|claims| claims["auth_time"].as_i64());
    assert!(times[1] > times[0], "{times:?}");
    assert_eq!(times[1], Some(site.now().milliseconds() / 1000));
}

fn oidcc_prompt_login(which: TestDatabase) {
    is_asked_again(which, &[("prompt", "login")]);
}

fn oidcc_max_age_1(which: TestDatabase) {
    is_asked_again(which, &[("max_age", "1")]);
}

fn oidcc_prompt_none_not_logged_in(which: TestDatabase) {
    let site = Site::new(which);
    let mut suite = Suite::new(&site);
    let answer = suite.open(&[("prompt", "none")]);
    assert_eq!(error_in(&site, &answer), "login_required");
}

/// Signs in, and once more without being asked for anything.
fn is_not_asked_again(
    suite: &mut Suite<'_>,
    first: &[(&str, &str)],
    second: impl FnOnce(&Signed) -> Vec<(&'static str, String)>,
) {
    let before = suite.run(first);
    suite.site.advance(MINUTE);
    let demand = second(&before);
    let demand: Vec<_> = demand
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let answer = suite.open(&demand);
    let code = suite.code_in(&answer);
    let tokens = Tokens::of(&suite.exchange(&code, &[]));
    let after = suite.check_id_token(&tokens);
    for same in ["sub", "auth_time"] {
        assert_eq!(before.claims[same], after[same], "{same}");
    }
}

fn oidcc_prompt_none_logged_in(which: TestDatabase) {
    let site = Site::new(which);
    let mut suite = Suite::new(&site);
    is_not_asked_again(&mut suite, &[], |_| vec![("prompt", "none".to_owned())]);
}

fn oidcc_max_age_10000(which: TestDatabase) {
    let site = Site::new(which);
    let mut suite = Suite::new(&site);
    is_not_asked_again(&mut suite, &[("max_age", "15000")], |_| {
        vec![("max_age", "10000".to_owned())]
    });
}

fn oidcc_id_token_hint(which: TestDatabase) {
    let site = Site::new(which);
    let mut suite = Suite::new(&site);
    is_not_asked_again(&mut suite, &[], |before| {
        let hint = before.tokens.id.clone();
        vec![("prompt", "none".to_owned()), ("id_token_hint", hint)]
    });
}

fn oidcc_ensure_request_with_unknown_parameter_succeeds(which: TestDatabase) {
    let site = Site::new(which);
    Suite::new(&site).run(&[("extra", "foobar")]);
}

fn oidcc_login_hint(which: TestDatabase) {
    let site = Site::new(which);
    Suite::new(&site).run(&[("login_hint", "buffy@login.example.com")]);
}

fn oidcc_ui_locales(which: TestDatabase) {
    let site = Site::new(which);
    Suite::new(&site).run(&[("ui_locales", "se")]);
}

fn oidcc_claims_locales(which: TestDatabase) {
    let site = Site::new(which);
    Suite::new(&site).run(&[("claims_locales", "se")]);
}

fn oidcc_ensure_request_with_acr_values_succeeds(which: TestDatabase) {
    let site = Site::new(which);
    let mut suite = Suite::new(&site);
    assert_eq!(suite.supported("acr_values_supported"), ACR_VALUES);
    let signed = suite.run(&[("acr_values", &ACR_VALUES.join(" "))]);
    assert_eq!(signed.claims["acr"], ACR_VALUES[0]);
}

/// Uses a code a second time after a while; says whether the first access token lives.
fn reuse(which: TestDatabase, after: std::time::Duration) -> bool {
    let site = Site::new(which);
    let mut suite = Suite::new(&site);
    let signed = suite.run(&[]);
    site.advance(after);
    let again = suite.exchange(&signed.code, &[]).expect(400);
    assert_eq!(again.media_type(), "application/json");
    assert_eq!(again.json()["error"], "invalid_grant");
    let userinfo = ("GET", "/oauth2/userinfo");
    let answer = with_token(&site, userinfo, &signed.tokens.access);
    answer.status.as_u16() == 200
}

fn oidcc_codereuse(which: TestDatabase) {
    assert!(!reuse(which, SECOND));
}

fn oidcc_codereuse_30seconds(which: TestDatabase) {
    assert!(!reuse(which, SECOND * 30));
}

fn oidcc_ensure_registered_redirect_uri(which: TestDatabase) {
    let site = Site::new(which);
    let mut suite = Suite::new(&site);
    let unregistered = format!("{REDIRECT_URI}/Xk29fm3ka");
    let answer = suite.open(&[("redirect_uri", &unregistered)]).expect(400);
    assert_eq!(answer.location(), None);
    assert!(suite.browser.page().says("not registered"));
}

fn oidcc_ensure_post_request_succeeds(which: TestDatabase) {
    let site = Site::new(which);
    let mut suite = Suite::new(&site);
    let form = suite.query(&[]);
    let ask = suite.browser.ask("POST", "/oauth2/authorize");
    let ask = ask.header("sec-fetch-site", "cross-site");
    let answer = ask.form(&form).send().expect(303);
    suite.browser.follow(answer).expect(200);
    let answer = suite.sign_in();
    let code = suite.code_in(&answer);
    suite.check_id_token(&Tokens::of(&suite.exchange(&code, &[])));
}

fn oidcc_server_client_secret_post(which: TestDatabase) {
    let site = Site::new(which);
    let mut suite = Suite::new(&site);
    let code = suite.code(&[]);
    let id = suite.app.id.to_string();
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", REDIRECT_URI),
        ("client_id", id.as_str()),
        (
            "client_secret",
            suite.app.secret.as_deref().expect("a secret"),
        ),
    ];
    let answer = call(&site, ("POST", "/oauth2/token"), &[], &fields);
    suite.check_id_token(&Tokens::of(&answer));
}

fn oidcc_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported(which: TestDatabase) {
    let site = Site::new(which);
    let mut suite = Suite::new(&site);
    let answer = suite.open(&[("request_uri", "https://suite.example/request.jwt")]);
    assert_eq!(error_in(&site, &answer), "request_uri_not_supported");
}

fn oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported(
    which: TestDatabase,
) {
    let site = Site::new(which);
    let mut suite = Suite::new(&site);
    let answer = suite.open(&[("request", UNSIGNED)]);
    assert_eq!(error_in(&site, &answer), "request_not_supported");
}

fn oidcc_ensure_request_object_with_redirect_uri(which: TestDatabase) {
    let site = Site::new(which);
    let mut suite = Suite::new(&site);
    // One inside, and another outside that is not registered.
    let wrong = [
        ("request", UNSIGNED),
        ("redirect_uri", "https://evil.example/"),
    ];
    assert_eq!(suite.open(&wrong).expect(400).location(), None);
}

fn oidcc_claims_essential(which: TestDatabase) {
    let site = Site::new(which);
    let mut suite = Suite::new(&site);
    let claims = r#"{"userinfo":{"name":{"essential":true}}}"#;
    let signed = suite.run(&[("claims", claims)]);
    assert_eq!(suite.userinfo(&signed.tokens)["name"], suite.ada.name);
    assert!(signed.claims.get("name").is_none());
}

fn oidcc_refresh_token(which: TestDatabase) {
    let site = Site::new(which);
    let mut suite = Suite::new(&site);
    assert!(
        suite
            .supported("scopes_supported")
            .contains(&"offline_access".to_owned())
    );
    let grants = suite.supported("grant_types_supported");
    assert!(grants.contains(&"refresh_token".to_owned()));
    let signed = suite.run(&[("scope", "openid offline_access"), ("prompt", "consent")]);
    let refresh = &signed.tokens.refresh;
    assert!(refresh.bytes().all(|byte| matches!(byte, 0x20..=0x7e)));
    // Not for another app.
    let other = site.add_app("Second client", |_| {});
    let refused = other.refresh(&site, refresh).expect(400);
    assert_eq!(refused.json()["error"], "invalid_grant");
    site.advance(SECOND);
    let tokens = Tokens::of(&suite.app.refresh(&site, refresh));
    let claims = suite.check_id_token(&tokens);
    for same in ["iss", "sub", "aud", "auth_time"] {
        assert_eq!(claims[same], signed.claims[same], "{same}");
    }
    assert_ne!(tokens.access, signed.tokens.access);
    suite.userinfo(&tokens);
}

fn oidcc_ensure_request_with_valid_pkce_succeeds(which: TestDatabase) {
    let site = Site::new(which);
    let mut suite = Suite::new(&site);
    let verifier = "v".repeat(64);
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()).as_ref());
    let demand = [
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    let code = suite.code(&demand);
    // Where it was sent, it counts; also for an app that may leave it out.
    let wrong = "w".repeat(64);
    suite.exchange(&code, &[]).expect(400);
    suite
        .exchange(&code, &[("code_verifier", &wrong)])
        .expect(400);
    let answer = suite.exchange(&code, &[("code_verifier", &verifier)]);
    suite.check_id_token(&Tokens::of(&answer));
}
