//! Which algorithms and kinds of tokens an assertion may have, whoever signed it.

use jsonwebtoken::{Header, encode};
use nightlatch_domain::ids::SigningKeyId;
use nightlatch_domain::relying_party::SigningAlgorithm;
use serde_json::json;

use super::*;
use crate::jose::{NewKey, encoding_key};

const ISSUER: &str = "https://id.example.com";

#[test]
fn tok_08_a_good_signature_by_another_algorithm_or_in_another_kind_is_none() {
    let client = ClientId::from_bytes([7; 16]);
    let id = SigningKeyId::from_bytes([5; 16]);
    let made = NewKey::generate(SigningAlgorithm::Rs256, id).unwrap();
    let key = encoding_key(SigningAlgorithm::Rs256, &made.private).unwrap();
    let jwks = format!("{{\"keys\":[{}]}}", made.public_jwk);
    let name = client.to_string();
    let claims = json!({
        "iss": name, "sub": name, "aud": ISSUER, "iat": 1_000, "exp": 1_060, "jti": "1",
    });
    let said = |algorithm, kind: Option<&str>| {
        let mut header = Header::new(algorithm);
        header.typ = kind.map(str::to_owned);
        let text = encode(&header, &claims, &key).unwrap();
        let now = Timestamp::from_milliseconds(1_000_000);
        verify(&text, &jwks, (client, ISSUER), now).map(|_| ())
    };
    for kind in [
        None,
        Some("JWT"),
        Some("jwt"),
        Some("client-authentication+jwt"),
    ] {
        assert_eq!(said(Algorithm::RS256, kind), Ok(()), "{kind:?}");
    }
    // The library would take these of the same key.
    for algorithm in [
        Algorithm::RS384,
        Algorithm::RS512,
        Algorithm::PS256,
        Algorithm::PS384,
        Algorithm::PS512,
    ] {
        let refusal = said(algorithm, Some("JWT")).unwrap_err();
        assert!(refusal.starts_with("its algorithm"), "{algorithm:?}");
    }
    for kind in ["logout+jwt", "secevent+jwt", "at+jwt", ""] {
        let refusal = said(Algorithm::RS256, Some(kind)).unwrap_err();
        assert_eq!(refusal, "it is a token of another kind", "{kind}");
    }
}
