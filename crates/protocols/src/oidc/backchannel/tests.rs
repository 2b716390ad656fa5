//! Letter by letter what section 2.4 asks for, and nothing else.

use std::sync::Arc;

use nightlatch_domain::ids::SigningKeyId;
use nightlatch_domain::random::SeededRandom;
use serde_json::{Value, json};

use super::*;
use crate::jose::{NewKey, PublicKey, Signer};

fn moment() -> Moment {
    Moment {
        now: Timestamp::from_milliseconds(1_795_433_500_900),
        random: Arc::new(SeededRandom::new(3)),
        activity: Arc::default(),
    }
}

fn keys(algorithm: SigningAlgorithm) -> KeySet {
    let id = SigningKeyId::from_bytes([1; 16]);
    let made = NewKey::generate(algorithm, id).unwrap();
    let from = Timestamp::from_milliseconds(0);
    let public = PublicKey::new(id, algorithm, &made.public_jwk, from, None).unwrap();
    let signer = Signer::new(id, algorithm, &made.private).unwrap();
    KeySet::new(vec![public], vec![signer])
}

fn logout(subject: Subject) -> Logout<'static> {
    Logout {
        issuer: "https://id.example",
        client_id: ClientId::from_bytes([2; 16]),
        subject,
        ended_at: Timestamp::from_milliseconds(1_795_400_000_999),
        algorithm: SigningAlgorithm::Es256,
    }
}

fn claims(keys: &KeySet, logout: &Logout<'_>, moment: &Moment) -> Value {
    let token = logout.sign(keys, moment).unwrap();
    let verified = keys.verify::<Value>(TokenType::Logout, &token);
    // It is no ID token, and nobody may take it for one (TOK-08).
    assert!(keys.verify::<Value>(TokenType::Id, &token).is_err());
    verified.unwrap().claims
}

#[test]
fn bcl_02_a_logout_token_says_what_the_standard_asks_for_and_nothing_else() {
    let (keys, moment) = (keys(SigningAlgorithm::Es256), moment());
    let session = SessionId::from_bytes([3; 16]);
    let mut said = claims(&keys, &logout(Subject::Session(session)), &moment);
    let id = said["jti"].take();
    assert_eq!(id.as_str().unwrap().len(), 36);
    let expected = json!({
        "iss": "https://id.example",
        "aud": ClientId::from_bytes([2; 16]).to_string(),
        "iat": 1_795_433_500,
        "exp": 1_795_433_620,
        "jti": null,
        "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        "sid": session.to_string(),
        "toe": 1_795_400_000,
    });
    assert_eq!(said, expected);
    let again = claims(&keys, &logout(Subject::Session(session)), &moment);
    assert_ne!(again["jti"], id, "an id of its own each time (C5)");
}

#[test]
fn only_apps_without_sid_hear_of_the_person() {
    let (keys, moment) = (keys(SigningAlgorithm::Es256), moment());
    let person = UserId::from_bytes([4; 16]);
    let said = claims(&keys, &logout(Subject::Person(person)), &moment);
    assert_eq!(said["sub"], person.to_string());
    assert!(said.get("sid").is_none() && said.get("nonce").is_none());
    // A probe names a session that nobody has.
    let client = ClientId::from_bytes([2; 16]);
    let probe = Logout::probe(
        "https://id.example",
        client,
        SigningAlgorithm::Es256,
        &moment,
    );
    assert!(matches!(probe.subject, Subject::Session(_)));
    // Signed as the app's ID tokens are, or not at all.
    let other = Logout {
        algorithm: SigningAlgorithm::EdDsa,
        ..logout(Subject::Person(person))
    };
    assert_eq!(other.sign(&keys, &moment), Err(JoseError::NoKey("EdDSA")));
}
