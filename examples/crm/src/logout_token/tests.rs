//! Every check of Back-Channel Logout 2.6, each broken once.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;

use super::*;

const NOW: i64 = 1_795_433_500;
const EXPECTED: Expected<'static> = Expected {
    issuer: "https://login.example.test",
    client_id: "crm",
    now: NOW,
};

struct Signer {
    key: EncodingKey,
    keys: JwkSet,
}

impl Signer {
    fn new() -> Self {
        let made = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).unwrap();
        let key = EncodingKey::from_ed_der(made.as_ref());
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::EdDSA).unwrap();
        jwk.common.key_id = Some("one".to_owned());
        let keys = JwkSet { keys: vec![jwk] };
        Self { key, keys }
    }

    fn sign(&self, kind: Option<&str>, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = kind.map(str::to_owned);
        header.kid = Some("one".to_owned());
        encode(&header, claims, &self.key).unwrap()
    }

    fn logout(&self, claims: &Value) -> Result<LogoutToken, TokenProblem> {
        let token = self.sign(Some("logout+jwt"), claims);
        check(&token, &self.keys, EXPECTED)
    }
}

fn logout() -> Value {
    json!({
        "iss": EXPECTED.issuer, "aud": "crm", "iat": NOW, "exp": NOW + 120, "jti": "a",
        "events": {LOGOUT_EVENT: {}}, "sid": "s1"
    })
}

fn changed(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    claims[name] = value;
    claims
}

fn without(claims: &Value, name: &str) -> Value {
    let mut claims = claims.clone();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

#[test]
fn a_good_logout_token_names_session_or_person() {
    let signer = Signer::new();
    assert_eq!(signer.logout(&logout()).unwrap().sid.as_deref(), Some("s1"));
    let of_person = changed(&without(&logout(), "sid"), "sub", json!("ada"));
    let token = signer.logout(&of_person).unwrap();
    assert_eq!((token.sub.as_deref(), token.sid), (Some("ada"), None));
    let list = changed(&logout(), "aud", json!(["other", "crm"]));
    assert!(signer.logout(&list).is_ok());
}

#[test]
fn each_broken_logout_token_is_refused() {
    let signer = Signer::new();
    let empty = json!({});
    for (claims, problem) in [
        (
            changed(&logout(), "iss", json!("https://login.example.test/")),
            TokenProblem::Issuer,
        ),
        (
            changed(&logout(), "aud", json!("other")),
            TokenProblem::Audience,
        ),
        (changed(&logout(), "aud", json!([])), TokenProblem::Audience),
        (
            changed(&logout(), "exp", json!(NOW - 61)),
            TokenProblem::Time,
        ),
        (
            changed(&logout(), "iat", json!(NOW + 61)),
            TokenProblem::Time,
        ),
        (
            changed(&logout(), "iat", json!(NOW - 400)),
            TokenProblem::Time,
        ),
        (
            changed(&logout(), "events", empty.clone()),
            TokenProblem::Event,
        ),
        (
            changed(&logout(), "events", json!({LOGOUT_EVENT: true})),
            TokenProblem::Event,
        ),
        (changed(&logout(), "nonce", json!("n")), TokenProblem::Event),
        (
            changed(&logout(), "nonce", Value::Null),
            TokenProblem::Event,
        ),
        (without(&logout(), "sid"), TokenProblem::Nobody),
        (without(&logout(), "jti"), TokenProblem::Signature),
        (without(&logout(), "iat"), TokenProblem::Signature),
        (without(&logout(), "exp"), TokenProblem::Signature),
        (without(&logout(), "events"), TokenProblem::Signature),
    ] {
        assert_eq!(signer.logout(&claims).unwrap_err(), problem, "{claims}");
    }
}

#[test]
fn another_kind_another_key_or_no_signature_is_refused() {
    let signer = Signer::new();
    for kind in [None, Some("JWT"), Some("at+jwt"), Some("secevent+jwt")] {
        let token = signer.sign(kind, &logout());
        let refusal = check(&token, &signer.keys, EXPECTED).unwrap_err();
        assert_eq!(refusal, TokenProblem::Kind, "{kind:?}");
    }
    let good = signer.sign(Some("logout+jwt"), &logout());
    let stranger = Signer::new();
    let refusal = check(&good, &stranger.keys, EXPECTED).unwrap_err();
    assert_eq!(refusal, TokenProblem::Signature);
    let nobody = JwkSet { keys: Vec::new() };
    let refusal = check(&good, &nobody, EXPECTED).unwrap_err();
    assert_eq!(refusal, TokenProblem::UnknownKey);
    // With no algorithm, and with one for which the published key would be the secret.
    let (header, rest) = good.split_once('.').unwrap();
    let (claims, signature) = rest.rsplit_once('.').unwrap();
    for algorithm in ["none", "HS256", "RS256"] {
        let forged = json!({"typ": "logout+jwt", "kid": "one", "alg": algorithm}).to_string();
        let forged = URL_SAFE_NO_PAD.encode(forged);
        assert_ne!(forged, header);
        for signature in ["", signature] {
            let token = format!("{forged}.{claims}.{signature}");
            assert!(
                check(&token, &signer.keys, EXPECTED).is_err(),
                "{algorithm}"
            );
        }
    }
    let unsigned = format!("{}.", good.rsplit_once('.').unwrap().0);
    assert!(check(&unsigned, &signer.keys, EXPECTED).is_err());
    assert!(check("", &signer.keys, EXPECTED).is_err());
}

#[test]
fn what_is_sent_again_is_about_the_same_instant() {
    let signer = Signer::new();
    assert_eq!(signer.logout(&logout()).unwrap().ended_at(), NOW);
    let again = changed(&logout(), "toe", json!(NOW - 3600));
    assert_eq!(signer.logout(&again).unwrap().ended_at(), NOW - 3600);
    // Nothing ends that has not been yet.
    let ahead = changed(&logout(), "toe", json!(NOW + 3600));
    assert_eq!(signer.logout(&ahead).unwrap().ended_at(), NOW);
}

impl LogoutToken {
    /// One that was checked.
    pub(crate) fn example(jti: &str, sid: Option<&str>, sub: Option<&str>, iat: i64) -> Self {
        Self {
            sub: sub.map(str::to_owned),
            sid: sid.map(str::to_owned),
            jti: jti.to_owned(),
            iat,
            toe: None,
            iss: EXPECTED.issuer.to_owned(),
            aud: json!(EXPECTED.client_id),
            exp: iat + 120,
            events: json!({LOGOUT_EVENT: {}}),
            nonce: false,
        }
    }
}
