//! What somebody might try to get a code, or a person's browser, where it does not
//! belong.

use nightlatch_domain::ids::{ClientId, UserId};
use nightlatch_domain::relying_party::{RegisteredUri, RelyingPartyStatus, SigningAlgorithm};
use nightlatch_protocols::jose::TokenType;
use nightlatch_storage::{on_both_databases, relying_parties};
use nightlatch_testkit::{Browser, PASSWORD, RelyingPartyClient, Site, TestDatabase};
use serde_json::json;

use crate::{HOUR, SECOND};

on_both_databases!(
    oidc_03_nobody_is_sent_to_an_address_that_is_not_registered,
    oidc_04_pkce_cannot_be_taken_away,
    oidc_10_the_demand_cannot_be_taken_out_of_the_address,
    oidc_13_the_hint_of_another_person_gets_no_code,
    oidc_18_consent_cannot_be_forged,
    oidc_17_no_page_on_the_way_can_be_framed,
    oidc_21_b13_no_address_of_the_protocol_is_a_way_back,
    oidc_06_no_code_after_the_end_of_the_session,
    a_withdrawn_app_gets_nothing_that_waited,
    an_address_that_was_taken_away_gets_nothing_that_waited,
    a_request_is_answered_once,
    a_request_cannot_be_answered_by_another_person,
    a_flood_is_cut_short,
);

fn crm(site: &Site) -> RelyingPartyClient {
    RelyingPartyClient::register(site, "Harbor CRM", |_| {})
}

fn codes(site: &Site) -> i64 {
    site.count_rows("SELECT count(*) FROM authorization_codes")
}

fn consents(site: &Site) -> i64 {
    site.count_rows("SELECT count(*) FROM consents")
}

fn waiting(site: &Site) -> i64 {
    site.count_rows("SELECT count(*) FROM authorization_requests")
}

/// A page of ours, and nobody is sent anywhere.
fn is_shown(browser: &mut Browser<'_>, url: &str, heading: &str) {
    let answer = browser.open_once(url).expect(400);
    assert_eq!(answer.location(), None);
    assert_eq!(answer.page().heading, heading, "{url}");
    assert!(answer.page().says("Reference:"));
    assert!(!answer.text().contains("evil"), "{url}");
    assert!(!answer.text().contains("http-equiv"), "{url}");
}

fn oidc_03_nobody_is_sent_to_an_address_that_is_not_registered(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, app) = (site.add_ada(), crm(&site));
    let wrong = "The app sent us a wrong address";
    let long = "x".repeat(20_000);
    let mut laptop = site.browser();
    for signed_in in [false, true] {
        if signed_in {
            laptop.sign_in(&ada);
        }
        for address in [
            "https://evil.example/",
            "https://harbor-crm.example/callback/",
            "https://harbor-crm.example/callback?x=evil",
            "https://harbor-crm.example/callback#evil",
            "https://harbor-crm.example.evil.example/callback",
            "https://harbor-crm.example@evil.example/callback",
            "https://harbor-crm.example/callback/../evil",
            "http://harbor-crm.example/callback",
            "//evil.example",
            "javascript:alert('evil')",
            "/logout",
        ] {
            for (name, value) in [("", ""), ("prompt", "none"), ("response_type", "token")] {
                let url = app.authorize_url_with(&[("redirect_uri", address), (name, value)]);
                is_shown(&mut laptop, &url, wrong);
            }
        }
        let missing = app.authorize_url_with(&[("redirect_uri", "")]);
        is_shown(&mut laptop, &missing, wrong);
        let twice = format!("{}&redirect_uri=https://evil.example", app.authorize_url());
        is_shown(&mut laptop, &twice, wrong);
        let long = app.authorize_url_with(&[("state", &long)]);
        is_shown(&mut laptop, &long, wrong);
        let other = ClientId::from_bytes([9; 16]).to_string();
        for id in ["", "evil", "' OR 1=1 --", other.as_str()] {
            let url = app.authorize_url_with(&[("client_id", id)]);
            is_shown(&mut laptop, &url, "We do not know this app");
        }
    }
    assert_eq!((waiting(&site), codes(&site)), (0, 0));
}

fn oidc_04_pkce_cannot_be_taken_away(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let app = RelyingPartyClient::register(&site, "Time sheets", |app| app.first_party = true);
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    for changes in [
        &[("code_challenge", "")][..],
        &[("code_challenge", ""), ("code_challenge_method", "")],
        &[("code_challenge_method", "")],
        &[("code_challenge_method", "plain")],
        &[("code_challenge", "x")],
    ] {
        let answer = laptop.open_once(&app.authorize_url_with(changes));
        assert_eq!(app.error_from(&answer), "invalid_request", "{changes:?}");
    }
    for kind in ["token", "id_token", "code token", "code id_token", "none"] {
        let url = app.authorize_url_with(&[("response_type", kind)]);
        let error = app.error_from(&laptop.open_once(&url));
        assert_eq!(error, "unsupported_response_type");
    }
    assert_eq!(codes(&site), 0);
}

fn oidc_10_the_demand_cannot_be_taken_out_of_the_address(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let app = RelyingPartyClient::register(&site, "Time sheets", |app| app.first_party = true);
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    for demand in [("prompt", "login"), ("max_age", "0")] {
        site.advance(SECOND);
        laptop.open(&app.authorize_url_with(&[demand])).expect(200);
        let path = laptop.path().to_owned();
        let csrf = laptop.page().form("Continue").value("csrf").to_owned();
        // Neither by asking again, nor by answering questions that were not asked.
        for address in [
            path.clone(),
            format!("{path}?prompt=&max_age=99999999"),
            format!("{path}/proof"),
            format!("{path}/consent"),
        ] {
            laptop.open(&address).expect(200);
            assert_eq!(laptop.page().heading, "Confirm it's you", "{address}");
        }
        for act in ["account", "consent"] {
            let ask = laptop.ask("POST", &format!("{path}/{act}")).by_own_page();
            let answer = ask.form(&format!("csrf={csrf}")).send();
            drop(answer.expect_redirect(&path));
        }
        let ask = laptop.ask("POST", &format!("{path}/proof")).by_own_page();
        drop(ask.form(&format!("csrf={csrf}")).send().expect(422));
        // A proof that was given before the app asked is none.
        assert_eq!(codes(&site), 0);
    }
}

fn hint(site: &Site, issuer: &str, user: UserId) -> String {
    let app = site.app();
    let moment = site.moment();
    let keys = site.block_on(app.signing.for_signing(
        &app.store,
        &app.sealer,
        &moment,
        SigningAlgorithm::EdDsa,
    ));
    let claims = json!({ "iss": issuer, "sub": user.to_string(), "exp": 1 });
    let keys = keys.expect("keys");
    keys.sign(SigningAlgorithm::EdDsa, TokenType::Id, &claims, moment.now)
        .expect("a token")
}

fn oidc_13_the_hint_of_another_person_gets_no_code(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let zoe = site.add_person("Zoë Ærlig", "zoe@brightwater.example");
    let app = RelyingPartyClient::register(&site, "Time sheets", |app| app.first_party = true);
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let own = hint(&site, &site.origin(), ada.id);
    let hers = hint(&site, &site.origin(), zoe.id);
    // Expired long ago, and good.
    site.advance(HOUR);
    for prompt in ["", "none"] {
        let with =
            |hint: &str| app.authorize_url_with(&[("prompt", prompt), ("id_token_hint", hint)]);
        app.code_from(&laptop.open_once(&with(&own)));
        let answer = laptop.open_once(&with(&hers));
        assert_eq!(app.error_from(&answer), "login_required");
        let foreign = hint(&site, "https://other.example", ada.id);
        for bad in [foreign.as_str(), "x.y.z", "eyJhbGciOiJub25lIn0.e30."] {
            let answer = laptop.open_once(&with(bad));
            assert_eq!(app.error_from(&answer), "invalid_request");
        }
    }
    let wish = format!(r#"{{"id_token":{{"sub":{{"value":"{}"}}}}}}"#, zoe.id);
    let answer = laptop.open_once(&app.authorize_url_with(&[("claims", &wish)]));
    assert_eq!(app.error_from(&answer), "login_required");
    // Her hint and a wish for somebody else: nobody is both.
    let both = [("claims", wish.as_str()), ("id_token_hint", own.as_str())];
    let answer = laptop.open_once(&app.authorize_url_with(&both));
    assert_eq!(app.error_from(&answer), "login_required");
    // Nor for whoever signs in on the way.
    let mut tablet = site.browser();
    tablet
        .open(&app.authorize_url_with(&[("id_token_hint", &hers)]))
        .expect(200);
    tablet.fill("E-mail address", &ada.email);
    tablet.fill("Password", PASSWORD);
    let answer = tablet.press("Sign in");
    assert_eq!(app.error_from(&answer), "login_required");
    assert_eq!(codes(&site), 2);
}

fn oidc_18_consent_cannot_be_forged(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, app) = (site.add_ada(), crm(&site));
    let mallory = site.add_person("Mallory", "mallory@brightwater.example");
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    laptop.open(&app.authorize_url()).expect(200);
    let path = laptop.path().to_owned();
    let own = laptop.page().form("Allow").value("csrf").to_owned();
    let mut evil = site.browser();
    evil.sign_in(&mallory);
    evil.open(&app.authorize_url()).expect(200);
    let hers = evil.page().form("Allow").value("csrf").to_owned();
    for act in ["consent", "account", "proof", "decline"] {
        let address = format!("{path}/{act}");
        // From another site, with whatever token.
        for token in [own.as_str(), hers.as_str(), ""] {
            let ask = laptop.ask("POST", &address);
            let ask = ask.header("sec-fetch-site", "cross-site");
            let ask = ask.header("origin", "https://evil.example");
            let answer = ask.form(&format!("csrf={token}")).send().expect(403);
            assert_eq!(answer.location(), None);
        }
        // From our own page, with a token that is not theirs.
        for token in [hers.as_str(), "", "x"] {
            let ask = laptop.ask("POST", &address).by_own_page();
            drop(ask.form(&format!("csrf={token}")).send().expect(403));
        }
        // By an address in a link or picture.
        let answer = laptop.open(&address).expect(200);
        assert_eq!(answer.page().heading, "Allow Harbor CRM?");
    }
    assert_eq!((consents(&site), codes(&site)), (0, 0));
    // What is agreed to stands in the stored request, and not in the form.
    let ask = laptop.ask("POST", &format!("{path}/consent")).by_own_page();
    let body = format!("csrf={own}&scope=openid+offline_access&client_id=x");
    let code = app.code_from(&ask.form(&body).send());
    let scopes = app.stored(&site, &code).scopes.to_string();
    assert_eq!(scopes, "openid profile email");
}

fn oidc_17_no_page_on_the_way_can_be_framed(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, app) = (site.add_ada(), crm(&site));
    let mut laptop = site.browser();
    let mut seen = Vec::new();
    laptop.open(&app.authorize_url()).expect(200);
    seen.push(laptop.open(laptop.path().to_owned().as_str()));
    laptop.sign_in(&ada);
    site.advance(SECOND);
    for demand in ["", "login", "select_account"] {
        let url = app.authorize_url_with(&[("prompt", demand)]);
        seen.push(laptop.open_once(&url));
        seen.push(laptop.open(&url).expect(200));
    }
    seen.push(laptop.open_once(&app.authorize_url_with(&[("client_id", "x")])));
    let ask = laptop.ask("GET", &app.authorize_url());
    seen.push(ask.header("origin", "https://evil.example").send());
    for answer in seen {
        let policy = answer.header("content-security-policy").expect("a policy");
        assert!(policy.contains("frame-ancestors 'none'"));
        // HDR-02: the form of this page ends at the app.
        assert!(!policy.contains("form-action"));
        // OIDC-16: no script of another site reads it.
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
}

fn oidc_21_b13_no_address_of_the_protocol_is_a_way_back(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, app) = (site.add_ada(), crm(&site));
    for back in [
        "/oauth2/logout",
        "/oauth2/logout?post_logout_redirect_uri=https://evil.example/",
        "/oauth2/authorize",
        app.authorize_url().as_str(),
        "/oauth2/authorize/../logout",
        "/logout",
    ] {
        let back: String = url::form_urlencoded::byte_serialize(back.as_bytes()).collect();
        let mut laptop = site.browser();
        laptop.open(&format!("/login?return_to={back}")).expect(200);
        laptop.fill("E-mail address", &ada.email);
        laptop.fill("Password", PASSWORD);
        drop(laptop.press_once("Sign in").expect_redirect("/"));
    }
}

fn oidc_06_no_code_after_the_end_of_the_session(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, app) = (site.add_ada(), crm(&site));
    let (mut laptop, mut phone) = (site.browser(), site.browser());
    laptop.sign_in(&ada);
    phone.sign_in(&ada);
    laptop.open(&app.authorize_url()).expect(200);
    phone.open("/account/sessions/log-out-all").expect(200);
    phone.press("Log out of all sessions").expect(200);
    // The page stands open still; its form was made for the session that is over.
    laptop.press("Allow").expect(403);
    let path = laptop.path().trim_end_matches("/consent").to_owned();
    laptop.open(&path).expect(200);
    assert_eq!(laptop.page().heading, "Sign in");
    assert_eq!((consents(&site), codes(&site)), (0, 0));
    site.disable(&ada);
    let silent = app.authorize_url_with(&[("prompt", "none")]);
    assert_eq!(app.error_from(&laptop.open_once(&silent)), "login_required");
}

fn a_withdrawn_app_gets_nothing_that_waited(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, app) = (site.add_ada(), crm(&site));
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    laptop.open(&app.authorize_url()).expect(200);
    let id = app.id;
    site.write(move |tx| relying_parties::set_status(tx, id, RelyingPartyStatus::Withdrawn));
    for button in ["Allow", "Don't allow"] {
        let answer = laptop.press_once(button).expect(400);
        assert_eq!(answer.location(), None);
        assert_eq!(answer.page().heading, "This app is not in use any more");
        laptop.open("/").expect(200);
        let path = answer.path.trim_end_matches("/consent").to_owned();
        laptop.open(&path).expect(400);
        assert!(laptop.page().find_form("Allow").is_none());
        if button == "Allow" {
            // Its page is still open in another tab.
            site.write(move |tx| relying_parties::set_status(tx, id, RelyingPartyStatus::Active));
            laptop.open(&path).expect(200);
            site.write(move |tx| {
                relying_parties::set_status(tx, id, RelyingPartyStatus::Withdrawn)
            });
        }
    }
    assert_eq!((consents(&site), codes(&site)), (0, 0));
}

fn an_address_that_was_taken_away_gets_nothing_that_waited(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, app) = (site.add_ada(), crm(&site));
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    laptop.open(&app.authorize_url()).expect(200);
    let id = app.id;
    site.write(move |tx| {
        let mut row = relying_parties::find(tx, id)?.expect("an app");
        let new = RegisteredUri::parse("https://harbor-crm.example/new").expect("an address");
        row.registration.redirect_uris = vec![new];
        relying_parties::update(tx, &row)
    });
    let answer = laptop.press_once("Allow").expect(400);
    assert_eq!(answer.location(), None);
    assert_eq!(codes(&site), 0);
}

fn a_request_is_answered_once(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, app) = (site.add_ada(), crm(&site));
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    laptop.open(&app.authorize_url()).expect(200);
    let mut other_tab = laptop.clone();
    app.code_from(&laptop.press_once("Allow"));
    drop(other_tab.press("Allow").expect(410));
    assert_eq!((waiting(&site), codes(&site)), (0, 1));
}

/// A link to somebody's request is as good as a link to the app: whoever opens it
/// acts for themselves.
fn a_request_cannot_be_answered_by_another_person(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, app) = (site.add_ada(), crm(&site));
    let mallory = site.add_person("Mallory", "mallory@brightwater.example");
    let (mut laptop, mut evil) = (site.browser(), site.browser());
    evil.sign_in(&mallory);
    evil.open(&app.authorize_url_with(&[("prompt", "select_account")]))
        .expect(200);
    let path = evil.path().to_owned();
    evil.press("Continue as Mallory").expect(200);
    assert_eq!(evil.page().heading, "Allow Harbor CRM?");
    // Her choice is not Ada's, and neither is her consent.
    laptop.sign_in(&ada);
    site.advance(SECOND);
    let mut old = site.browser();
    old.open(&path).expect(200);
    assert_eq!(old.page().heading, "Sign in");
    laptop.open(&path).expect(200);
    assert!(!laptop.page().says("Mallory"));
    let code = app.code_from(&laptop.press_once("Allow"));
    assert_eq!(app.stored(&site, &code).user_id, ada.id);
    evil.press("Allow").expect(410);
    assert_eq!(consents(&site), 1);
}

fn a_flood_is_cut_short(which: TestDatabase) {
    let site = Site::new(which);
    let app = crm(&site);
    let mut nobody = site.browser();
    let body = app.authorize_form_with(&[("state", &"x".repeat(64 * 1024))]);
    let ask = nobody.ask("POST", "/oauth2/authorize");
    let answer = ask
        .header("sec-fetch-site", "cross-site")
        .form(&body)
        .send();
    drop(answer.expect_error("a body beyond the limit"));
    let body = app.authorize_form_with(&[("state", &"x".repeat(17 * 1024))]);
    let ask = nobody.ask("POST", "/oauth2/authorize");
    let answer = ask
        .header("sec-fetch-site", "cross-site")
        .form(&body)
        .send();
    drop(answer.expect_error("a request beyond the limit"));
    assert_eq!(waiting(&site), 0);
}
