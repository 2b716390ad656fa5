//! What apps learn about people: by scopes, by single claims, and in ID tokens (OIDC-18,
//! B8).

use jsonwebtoken::Algorithm;
use nightlatch_domain::relying_party::{ClientAuthentication, SigningAlgorithm};
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{
    REDIRECT_URI, RegisteredApp, RelyingPartyClient, Site, TestDatabase, Tokens, link_in,
    with_token,
};
use serde_json::{Value, json};

use crate::SECOND;
use crate::tokens::read_id_token;

on_both_databases!(
    single_claims_are_given_where_they_were_asked_for,
    oidc_18_single_claims_take_the_consent_of_their_scope,
    b8_an_id_token_names_nobody_unless_the_app_is_registered_so,
    an_address_is_verified_once_a_link_to_it_was_opened,
    oidc_12_the_level_that_was_asked_for_is_stated_in_every_token,
    oidc_04_pkce_is_left_out_only_by_an_app_that_was_registered_so,
);

/// An app with EdDSA, which is quick, and no secret.
fn spa(site: &Site, name: &str) -> RelyingPartyClient {
    RelyingPartyClient::register(site, name, |app| {
        app.authentication = ClientAuthentication::None;
        app.signing_algorithm = SigningAlgorithm::EdDsa;
        app.first_party = true;
    })
}

fn exchange(site: &Site, app: &RelyingPartyClient, code: &str) -> Tokens {
    let id = app.id.to_string();
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", app.redirect_uri.as_str()),
        ("code_verifier", app.verifier.as_str()),
        ("client_id", id.as_str()),
    ];
    Tokens::of(&nightlatch_testkit::call(
        site,
        ("POST", "/oauth2/token"),
        &[],
        &fields,
    ))
}

fn refresh(site: &Site, app: &RelyingPartyClient, tokens: &Tokens) -> Tokens {
    let without_secret = RegisteredApp {
        id: app.id,
        secret: None,
    };
    Tokens::of(&without_secret.refresh(site, &tokens.refresh))
}

fn userinfo(site: &Site, tokens: &Tokens) -> Value {
    with_token(site, ("GET", "/oauth2/userinfo"), &tokens.access)
        .expect(200)
        .json()
}

fn id_token(site: &Site, tokens: &Tokens) -> Value {
    read_id_token(site, &tokens.id, Algorithm::EdDSA)
}

fn single_claims_are_given_where_they_were_asked_for(which: TestDatabase) {
    let site = Site::new(which);
    let (ada, app) = (site.add_ada(), spa(&site, "Reports"));
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let claims = r#"{"id_token":{"email":{"essential":true},"auth_time":null,"phone_number":null},
                     "userinfo":{"name":null,"zoneinfo":{"essential":true}}}"#;
    let url = app.authorize_url_with(&[("scope", "openid"), ("claims", claims)]);
    let code = app.code_from(&laptop.open_once(&url));
    let tokens = exchange(&site, &app, &code);
    assert_eq!(tokens.scope, "openid");
    let later = refresh(&site, &app, &tokens);
    for tokens in [&tokens, &later] {
        let said = id_token(&site, tokens);
        assert_eq!(said["email"], ada.email);
        assert!(said.get("name").is_none() && said.get("phone_number").is_none());
        let said = userinfo(&site, tokens);
        assert_eq!(said, json!({"sub": ada.id.to_string(), "name": ada.name}));
    }
    // Without, the next sign-in is as plain as before.
    let plain = app.authorize_url_with(&[("scope", "openid")]);
    let code = app.code_from(&laptop.open_once(&plain));
    let tokens = exchange(&site, &app, &code);
    assert!(id_token(&site, &tokens).get("email").is_none());
    assert_eq!(userinfo(&site, &tokens), json!({"sub": ada.id.to_string()}));
}

fn oidc_18_single_claims_take_the_consent_of_their_scope(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let app = RelyingPartyClient::register(&site, "Raffle", |_| {});
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let plain = app.authorize_url_with(&[("scope", "openid")]);
    laptop.open(&plain).expect(200);
    assert!(!laptop.page().says("your e-mail address"));
    site.advance(SECOND);
    app.code_from(&laptop.press_once("Allow"));
    app.code_from(&laptop.open_once(&plain));
    // What was agreed to is not enough for the address, by whichever name.
    for section in ["id_token", "userinfo"] {
        let claims = format!(r#"{{"{section}":{{"email":null}}}}"#);
        let asking = [("scope", "openid"), ("claims", claims.as_str())];
        let silent = [&asking[..], &[("prompt", "none")]].concat();
        let answer = laptop.open_once(&app.authorize_url_with(&silent));
        assert_eq!(app.error_from(&answer), "consent_required");
        laptop.open(&app.authorize_url_with(&asking)).expect(200);
        assert!(laptop.page().says("your e-mail address"));
    }
    site.advance(SECOND);
    app.code_from(&laptop.press_once("Allow"));
    let asking = [
        ("scope", "openid"),
        ("claims", r#"{"userinfo":{"email":null}}"#),
    ];
    let code = app.code_from(&laptop.open_once(&app.authorize_url_with(&asking)));
    assert_eq!(app.stored(&site, &code).scopes.to_string(), "openid");
}

fn b8_an_id_token_names_nobody_unless_the_app_is_registered_so(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    for in_id_token in [false, true] {
        let name = format!("Dashboard {in_id_token}");
        let app = site.add_app(&name, |app| {
            app.signing_algorithm = SigningAlgorithm::EdDsa;
            app.claims_in_id_token = in_id_token;
        });
        let tokens = site.enter(&laptop, &app, "openid profile email");
        let later = Tokens::of(&app.refresh(&site, &tokens.refresh));
        for tokens in [&tokens, &later] {
            let said = id_token(&site, tokens);
            let expected = |value: &str| {
                if in_id_token {
                    json!(value)
                } else {
                    Value::Null
                }
            };
            assert_eq!(said["name"], expected(&ada.name));
            assert_eq!(said["email"], expected(&ada.email));
        }
        // Never more than its scopes.
        let tokens = site.enter(&laptop, &app, "openid profile");
        assert!(id_token(&site, &tokens).get("email").is_none());
    }
}

fn an_address_is_verified_once_a_link_to_it_was_opened(which: TestDatabase) {
    const NEW: &str = "eleven herons over a silver estuary";
    let site = Site::new(which);
    let (ada, app) = (site.add_ada(), spa(&site, "Newsletter"));
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let code = app.code_from(&laptop.open_once(&app.authorize_url()));
    let said = userinfo(&site, &exchange(&site, &app, &code));
    assert!(said["email"].is_string() && said.get("email_verified").is_none());
    // A new password by mail shows that the mailbox is theirs.
    laptop.log_out();
    laptop.open("/login/recover").expect(200);
    laptop.fill("E-mail address", &ada.email);
    laptop.press("Send the link").expect(200);
    let link = link_in(site.letters_to(&ada).last().expect("a letter"));
    laptop.open(&link).expect(200);
    laptop.fill("New password", NEW);
    laptop.fill("New password once more", NEW);
    laptop.press("Set the new password").expect(200);
    laptop.open(&app.authorize_url()).expect(200);
    laptop.fill("E-mail address", &ada.email);
    laptop.fill("Password", NEW);
    let answer = laptop.press("Sign in");
    let tokens = exchange(&site, &app, &app.code_from(&answer));
    assert_eq!(userinfo(&site, &tokens)["email_verified"], true);
    // An address that an operator enters is nobody's word but theirs.
    let new = nightlatch_domain::user::EmailAddress::parse("countess@brightwater.example");
    let (new, moment) = (new.expect("an address"), site.moment());
    let at = moment.now;
    site.write(move |tx| nightlatch_storage::users::set_email(tx, ada.id, &new, None, at));
    let said = userinfo(&site, &tokens);
    assert_eq!(said["email"], "countess@brightwater.example");
    assert!(said.get("email_verified").is_none());
    assert_eq!(said["updated_at"], at.milliseconds() / 1000);
}

fn oidc_12_the_level_that_was_asked_for_is_stated_in_every_token(which: TestDatabase) {
    use nightlatch_protocols::oidc::acr::{ONE_FACTOR, TWO_FACTOR};
    let site = Site::new(which);
    let (ada, app) = (site.add_ada(), spa(&site, "Payroll"));
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    laptop.set_up_app();
    let mut stated = |values: &str| {
        let url = app.authorize_url_with(&[("acr_values", values)]);
        let tokens = exchange(&site, &app, &app.code_from(&laptop.open_once(&url)));
        let later = refresh(&site, &app, &tokens);
        let said = [&tokens, &later].map(|one| id_token(&site, one)["acr"].clone());
        assert_eq!(said[0], said[1]);
        said[0].clone()
    };
    assert_eq!(stated(""), TWO_FACTOR);
    assert_eq!(stated(ONE_FACTOR), ONE_FACTOR);
    assert_eq!(stated(TWO_FACTOR), TWO_FACTOR);
}

fn oidc_04_pkce_is_left_out_only_by_an_app_that_was_registered_so(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let may = |may: bool| {
        site.add_app(&format!("Old {may}"), |app| {
            app.without_pkce = may;
            app.first_party = true;
        })
    };
    let (old, usual) = (may(true), may(false));
    let url = |app: &RegisteredApp, more: &str| {
        format!(
            "/oauth2/authorize?client_id={}&redirect_uri={REDIRECT_URI}&response_type=code&scope=openid{more}",
            app.id
        )
    };
    let location = |answer: nightlatch_testkit::Answer| {
        answer
            .expect(303)
            .location()
            .expect("an address")
            .to_owned()
    };
    let refused = location(laptop.open_once(&url(&usual, "")));
    assert!(refused.contains("error=invalid_request"), "{refused}");
    // Half of it is no way to leave it out.
    let half = location(laptop.open_once(&url(&old, "&code_challenge_method=plain")));
    assert!(half.contains("error=invalid_request"), "{half}");
    let given = location(laptop.open_once(&url(&old, "")));
    let code = given.split_once("code=").expect("a code").1;
    let code = code.split('&').next().expect("a code").to_owned();
    let verifier = "v".repeat(43);
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", REDIRECT_URI),
        ("code_verifier", verifier.as_str()),
    ];
    // A verifier without a challenge: somebody took the challenge out on the way.
    let answer = old.post(&site, "/oauth2/token", &fields).expect(400);
    assert_eq!(answer.json()["error"], "invalid_grant");
    // The permission may be taken back while a code is under way.
    let set = |may: bool| {
        site.write(move |tx| {
            let mut app = nightlatch_storage::relying_parties::find(tx, old.id)?.expect("an app");
            app.registration.without_pkce = may;
            nightlatch_storage::relying_parties::update(tx, &app)
        });
    };
    set(false);
    let refused = old.post(&site, "/oauth2/token", &fields[..3]).expect(400);
    assert_eq!(refused.json()["error"], "invalid_request");
    set(true);
    Tokens::of(&old.post(&site, "/oauth2/token", &fields[..3]));
}
