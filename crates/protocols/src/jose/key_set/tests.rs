//! What we sign is ours, of one kind, and by the key that it names.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use super::*;
use crate::jose::NewKey;

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_milliseconds(milliseconds)
}

fn id(number: u8) -> SigningKeyId {
    SigningKeyId::from_bytes([number; 16])
}

/// A key that signs from an instant on.
fn key(
    number: u8,
    algorithm: SigningAlgorithm,
    from: i64,
    until: Option<i64>,
) -> (PublicKey, Signer) {
    let made = NewKey::generate(algorithm, id(number)).unwrap();
    let public = PublicKey::new(
        id(number),
        algorithm,
        &made.public_jwk,
        at(from),
        until.map(at),
    );
    let signer = Signer::new(id(number), algorithm, &made.private);
    (public.unwrap(), signer.unwrap())
}

fn set(keys: Vec<(PublicKey, Signer)>) -> KeySet {
    let (public, signers) = keys.into_iter().unzip();
    KeySet::new(public, signers)
}

fn with_header(token: &str, change: impl FnOnce(&mut Value)) -> String {
    let (header, rest) = token.split_once('.').unwrap();
    let decoded = URL_SAFE_NO_PAD.decode(header).unwrap();
    let mut header: Value = serde_json::from_slice(&decoded).unwrap();
    change(&mut header);
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
}

#[test]
fn every_algorithm_signs_and_verifies() {
    for algorithm in SigningAlgorithm::ALL {
        let set = set(vec![key(1, algorithm, 0, None)]);
        let claims = json!({"sub": "ada"});
        let token = set.sign(algorithm, TokenType::Id, &claims, at(1)).unwrap();
        let verified = set.verify::<Value>(TokenType::Id, &token).unwrap();
        assert_eq!(verified.claims, claims);
        assert_eq!(verified.algorithm, algorithm);
        let published = set.published(at(1));
        let jwk = serde_json::to_value(published[0]).unwrap();
        assert_eq!(jwk["use"], "sig");
        assert_eq!(jwk["kid"], id(1).to_string());
        assert_eq!(jwk["alg"], algorithm.name());
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(jwk.get(private).is_none(), "{private}");
        }
    }
}

#[test]
fn tok_08_one_kind_of_token_is_refused_in_the_place_of_another() {
    let set = set(vec![key(1, SigningAlgorithm::EdDsa, 0, None)]);
    let sign = |kind| set.sign(SigningAlgorithm::EdDsa, kind, &json!({}), at(1));
    let logout = sign(TokenType::Logout).unwrap();
    let refusal = set.verify::<Value>(TokenType::Id, &logout).unwrap_err();
    assert_eq!(refusal, JoseError::WrongKind);
    let id_token = sign(TokenType::Id).unwrap();
    assert!(set.verify::<Value>(TokenType::Logout, &id_token).is_err());
    // Without a kind it is of no kind.
    let bare = with_header(&id_token, |header| {
        header.as_object_mut().unwrap().remove("typ");
    });
    assert!(set.verify::<Value>(TokenType::Id, &bare).is_err());
}

#[test]
fn tok_08_no_token_chooses_how_it_is_checked() {
    let ours = set(vec![key(1, SigningAlgorithm::Es256, 0, None)]);
    let theirs = set(vec![key(1, SigningAlgorithm::Es256, 0, None)]);
    let sign = |set: &KeySet| {
        let algorithm = SigningAlgorithm::Es256;
        set.sign(algorithm, TokenType::Id, &json!({"sub": "eve"}), at(1))
            .unwrap()
    };
    let foreign = sign(&theirs);
    assert!(ours.verify::<Value>(TokenType::Id, &foreign).is_err());
    let jwk = serde_json::to_value(theirs.published(at(1))[0]).unwrap();
    let brings_key = with_header(&foreign, |header| header["jwk"] = jwk);
    assert!(ours.verify::<Value>(TokenType::Id, &brings_key).is_err());
    let good = sign(&ours);
    for algorithm in ["none", "HS256", "RS256", "EdDSA"] {
        let changed = with_header(&good, |header| header["alg"] = json!(algorithm));
        assert!(ours.verify::<Value>(TokenType::Id, &changed).is_err());
        let unsigned = format!("{}.", changed.rsplit_once('.').unwrap().0);
        assert!(ours.verify::<Value>(TokenType::Id, &unsigned).is_err());
    }
    for other in [json!("x"), json!(id(2).to_string()), Value::Null] {
        let changed = with_header(&good, |header| header["kid"] = other);
        assert!(ours.verify::<Value>(TokenType::Id, &changed).is_err());
    }
}

#[test]
fn tok_08_a_good_signature_by_our_own_key_is_judged_by_kind_and_algorithm() {
    let algorithm = SigningAlgorithm::Rs256;
    let made = NewKey::generate(algorithm, id(1)).unwrap();
    let public = PublicKey::new(id(1), algorithm, &made.public_jwk, at(0), None);
    let signer = Signer::new(id(1), algorithm, &made.private);
    let set = set(vec![(public.unwrap(), signer.unwrap())]);
    let key = encoding_key(algorithm, &made.private).unwrap();
    let verified = |jws, kind: Option<&str>| {
        let mut header = Header::new(jws);
        header.typ = kind.map(str::to_owned);
        header.kid = Some(id(1).to_string());
        let token = encode(&header, &json!({"sub": "eve"}), &key).unwrap();
        set.verify::<Value>(TokenType::Id, &token)
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    assert_eq!(verified(Algorithm::RS256, Some("JWT")), Ok(()));
    // The library would take these of the same key.
    for jws in [Algorithm::RS384, Algorithm::RS512, Algorithm::PS256] {
        let refusal = verified(jws, Some("JWT")).unwrap_err();
        assert_eq!(refusal, JoseError::NotOurs.to_string(), "{jws:?}");
    }
    for kind in [None, Some("logout+jwt"), Some("at+jwt")] {
        let refusal = verified(Algorithm::RS256, kind).unwrap_err();
        assert_eq!(refusal, JoseError::WrongKind.to_string(), "{kind:?}");
    }
}

#[test]
fn oidc_20_keys_are_published_before_they_sign_and_verify_ever_after() {
    let algorithm = SigningAlgorithm::EdDsa;
    let week = i64::try_from(PUBLISHED_AFTERWARDS.as_millis()).unwrap();
    let set = set(vec![
        key(1, algorithm, 0, Some(100)),
        key(2, algorithm, 90, None),
        key(3, algorithm, 1_000, None),
    ]);
    let sign = |now| {
        let token = set.sign(algorithm, TokenType::Id, &json!({}), at(now));
        let token = token.unwrap();
        let kid = decode_header(&token).unwrap().kid.unwrap();
        (token, kid)
    };
    let (old, kid) = sign(89);
    assert_eq!(kid, id(1).to_string());
    assert_eq!(sign(90).1, id(2).to_string());
    assert_eq!(sign(999).1, id(2).to_string());
    assert_eq!(sign(1_000).1, id(3).to_string());
    assert_eq!(set.published(at(0)).len(), 3);
    assert_eq!(set.published(at(99 + week)).len(), 3);
    assert_eq!(set.published(at(100 + week)).len(), 2);
    // B3: years later it still proves whose session it was.
    assert!(set.verify::<Value>(TokenType::Id, &old).is_ok());
    assert!(!set.can_sign(SigningAlgorithm::Rs256, at(1)));
    let nobody = set.sign(SigningAlgorithm::Rs256, TokenType::Id, &json!({}), at(1));
    assert_eq!(nobody.unwrap_err(), JoseError::NoKey("RS256"));
}
