use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::{ClientId, OrganizationId, SigningKeyId};
use nightlatch_domain::relying_party::{
    ClientAuthentication, RegisteredUri, Registration, SigningAlgorithm,
};
use serde_json::json;

use super::*;
use crate::jose::{NewKey, PublicKey, Signer};
use crate::oidc::authorize::request::LONGEST_REQUEST;

const ISSUER: &str = "https://login.example.com";
const ADDRESS: &str = "https://crm.example.com/callback";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_milliseconds(milliseconds)
}

fn client(authentication: ClientAuthentication) -> RelyingParty {
    RelyingParty {
        id: ClientId::from_bytes([1; 16]),
        organization_id: OrganizationId::from_bytes([2; 16]),
        name: "CRM".to_owned(),
        registration: Registration {
            authentication,
            redirect_uris: vec![RegisteredUri::parse(ADDRESS).expect("an address")],
            ..Registration::default()
        },
        secret: None,
        status: RelyingPartyStatus::Active,
        epoch: 0,
        created_at: at(0),
    }
}

fn good() -> Vec<(String, String)> {
    [
        (
            "client_id",
            client(ClientAuthentication::Secret).id.to_string().as_str(),
        ),
        ("redirect_uri", ADDRESS),
        ("response_type", "code"),
        ("scope", "openid email"),
        ("state", "s"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// The good request with one parameter replaced, taken away (empty) or added.
fn with(name: &str, value: &str) -> Vec<(String, String)> {
    let mut pairs = good();
    pairs.retain(|(found, _)| found != name);
    pairs.push((name.to_owned(), value.to_owned()));
    pairs
}

fn also(name: &str, value: &str) -> Vec<(String, String)> {
    let mut pairs = good();
    pairs.push((name.to_owned(), value.to_owned()));
    pairs
}

fn judged(pairs: Vec<(String, String)>, client: Option<&RelyingParty>) -> Result<(), OidcError> {
    let parameters = Parameters::new(pairs);
    judge(&Asked {
        parameters: &parameters,
        client,
        keys: &KeySet::default(),
        issuer: ISSUER,
    })
}

#[test]
fn a_good_request_passes_for_every_kind_of_client() {
    for kind in [ClientAuthentication::Secret, ClientAuthentication::None] {
        assert_eq!(judged(good(), Some(&client(kind))), Ok(()));
    }
}

#[test]
fn oidc_03_who_asks_and_where_the_answer_goes_comes_first() {
    let active = client(ClientAuthentication::Secret);
    let withdrawn = RelyingParty {
        status: RelyingPartyStatus::Withdrawn,
        ..active.clone()
    };
    // Everything else is wrong too, and is not looked at.
    let worse = |mut pairs: Vec<(String, String)>| {
        pairs.retain(|(name, _)| name != "code_challenge" && name != "response_type");
        pairs.push(("request".to_owned(), "x".to_owned()));
        pairs
    };
    let cases = [
        (good(), None, OidcError::UnknownClient),
        (good(), Some(&withdrawn), OidcError::WithdrawnClient),
        (
            with("redirect_uri", ""),
            Some(&active),
            OidcError::MissingRedirectUri,
        ),
        (
            with("redirect_uri", "https://evil.example/"),
            Some(&active),
            OidcError::UnregisteredRedirectUri,
        ),
        (
            with("redirect_uri", "https://crm.example.com/callback/"),
            Some(&active),
            OidcError::UnregisteredRedirectUri,
        ),
        (
            with("redirect_uri", "https://crm.example.com/callback?x=1"),
            Some(&active),
            OidcError::UnregisteredRedirectUri,
        ),
        (
            with("redirect_uri", "HTTPS://crm.example.com/callback"),
            Some(&active),
            OidcError::UnregisteredRedirectUri,
        ),
        (
            also("redirect_uri", ADDRESS),
            Some(&active),
            OidcError::AmbiguousClient,
        ),
        (
            also("client_id", &active.id.to_string()),
            Some(&active),
            OidcError::AmbiguousClient,
        ),
        (
            with("state", &"x".repeat(LONGEST_REQUEST)),
            Some(&active),
            OidcError::TooLong,
        ),
    ];
    for (pairs, client, error) in cases {
        assert_eq!(judged(pairs.clone(), client), Err(error));
        assert_eq!(judged(worse(pairs), client), Err(error));
        assert!(!error.may_be_returned());
    }
}

#[test]
fn what_the_app_is_told() {
    let active = client(ClientAuthentication::Secret);
    let cases = [
        (also("state", "t"), "invalid_request"),
        (also("scope", "openid"), "invalid_request"),
        (also("code_challenge", CHALLENGE), "invalid_request"),
        (also("request", "e30.e30."), "request_not_supported"),
        (
            also("request_uri", "https://x.example/"),
            "request_uri_not_supported",
        ),
        (also("registration", "{}"), "registration_not_supported"),
        (with("response_type", ""), "invalid_request"),
        (with("response_type", "token"), "unsupported_response_type"),
        (
            with("response_type", "code id_token"),
            "unsupported_response_type",
        ),
        (also("response_mode", "fragment"), "invalid_request"),
        (also("response_mode", "web_message"), "invalid_request"),
        // OIDC-04: none, the weak kind, and what is no digest.
        (with("code_challenge", ""), "invalid_request"),
        (with("code_challenge_method", ""), "invalid_request"),
        (with("code_challenge_method", "plain"), "invalid_request"),
        (with("code_challenge_method", "s256"), "invalid_request"),
        (with("code_challenge", "short"), "invalid_request"),
        (with("code_challenge", &"=".repeat(43)), "invalid_request"),
        (with("scope", ""), "invalid_scope"),
        (with("scope", "email profile"), "invalid_scope"),
        (also("prompt", "none login"), "invalid_request"),
        (also("prompt", "create"), "invalid_request"),
        (also("max_age", "-1"), "invalid_request"),
        (also("max_age", "soon"), "invalid_request"),
        (also("claims", "{"), "invalid_request"),
        (
            also("claims", r#"{"id_token":{"sub":{"value":"somebody"}}}"#),
            "login_required",
        ),
        (also("id_token_hint", "e30.e30.e30"), "invalid_request"),
    ];
    for (pairs, code) in cases {
        let error = judged(pairs.clone(), Some(&active)).expect_err("an error");
        assert_eq!(error.code(), code, "{pairs:?}");
        assert!(error.may_be_returned(), "{pairs:?}");
        // OIDC-07, OIDC-15: it goes back with state and `iss`, in the query.
        let parameters = Parameters::new(pairs.clone());
        let answer = super::super::Answer::refusal(&parameters, error, ISSUER).expect("an answer");
        let location = answer.location();
        assert!(location.starts_with(&format!("{ADDRESS}?error={code}&")));
        assert!(location.ends_with("&iss=https%3A%2F%2Flogin.example.com"));
        let keeps_state = !parameters.is_repeated("state");
        assert_eq!(location.contains("&state=s&"), keeps_state, "{location}");
    }
}

#[test]
fn oidc_15_what_never_is_an_error() {
    let active = client(ClientAuthentication::Secret);
    for (name, value) in [
        ("display", "popup"),
        ("display", "nonsense"),
        ("ui_locales", "xx-YY fr"),
        ("claims_locales", "de"),
        ("acr_values", "urn:example:gold 7"),
        ("login_hint", "nobody@nowhere.example"),
        ("scope", "openid address phone custom:read"),
        ("prompt", ""),
        ("max_age", "0"),
        ("max_age", "18446744073709551615"),
        ("request", ""),
        ("extra", "1"),
        ("claims", r#"{"userinfo":{"nonsense":{"essential":true}}}"#),
    ] {
        assert_eq!(judged(with(name, value), Some(&active)), Ok(()), "{name}");
    }
    let mut twice = also("extra", "1");
    twice.push(("extra".to_owned(), "2".to_owned()));
    assert_eq!(judged(twice, Some(&active)), Ok(()));
}

#[test]
fn oidc_13_a_hint_is_a_token_of_ours_however_old() {
    let id = SigningKeyId::from_bytes([9; 16]);
    let made = NewKey::generate(SigningAlgorithm::EdDsa, id).expect("a key");
    let public = PublicKey::new(
        id,
        SigningAlgorithm::EdDsa,
        &made.public_jwk,
        at(0),
        Some(at(10)),
    );
    let signer = Signer::new(id, SigningAlgorithm::EdDsa, &made.private).expect("a signer");
    let keys = KeySet::new(vec![public.expect("a key")], vec![signer]);
    let user = UserId::from_bytes([7; 16]);
    let token = |kind, issuer: &str, subject: &str| {
        let claims = json!({ "iss": issuer, "sub": subject, "exp": 1 });
        let signed = keys.sign(SigningAlgorithm::EdDsa, kind, &claims, at(5));
        signed.expect("a token")
    };
    let hinted_by = |token: String| {
        let parameters = Parameters::new(also("id_token_hint", &token));
        hinted(&Asked {
            parameters: &parameters,
            client: None,
            keys: &keys,
            issuer: ISSUER,
        })
    };
    let own = token(TokenType::Id, ISSUER, &user.to_string());
    assert_eq!(hinted_by(own.clone()), Ok(Some(user)));
    let mut forged = own;
    forged.truncate(forged.len() - 4);
    forged.push_str("AAAA");
    for bad in [
        forged,
        token(TokenType::Logout, ISSUER, &user.to_string()),
        token(TokenType::Id, "https://other.example", &user.to_string()),
        token(TokenType::Id, ISSUER, "somebody"),
    ] {
        let error = hinted_by(bad).expect_err("an error");
        assert_eq!(error.code(), "invalid_request");
    }
}

/// Nothing is sent to an address before it is certain whose it is.
#[test]
fn oidc_21_the_first_checks_are_those_that_nobody_is_redirected_for() {
    let names: Vec<_> = CHECKS.iter().map(|check| check.requirement).collect();
    assert!(names[..UNTIL_TRUSTED].iter().all(|name| *name == "OIDC-03"));
    assert!(names[UNTIL_TRUSTED..].iter().all(|name| *name != "OIDC-03"));
}
