//! What a request to log out proves, and what follows, line by line.

use nightlatch_domain::ids::{OrganizationId, SigningKeyId};
use nightlatch_domain::relying_party::{RegisteredUri, Registration, SigningAlgorithm};
use serde_json::{Value, json};

use super::*;
use crate::jose::{NewKey, PublicKey, Signer};

const ISSUER: &str = "https://login.example.com";
const HOME: &str = "https://wiki.example.com/bye";

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_milliseconds(milliseconds)
}

fn session(number: u8) -> SessionId {
    SessionId::from_bytes([number; 16])
}

fn user(number: u8) -> UserId {
    UserId::from_bytes([number; 16])
}

fn client(number: u8) -> ClientId {
    ClientId::from_bytes([number; 16])
}

/// Keys of which the first was retired long ago.
fn key_set() -> KeySet {
    let key = |number: u8, from, until: Option<i64>| {
        let id = SigningKeyId::from_bytes([number; 16]);
        let made = NewKey::generate(SigningAlgorithm::EdDsa, id).unwrap();
        let algorithm = SigningAlgorithm::EdDsa;
        let public = PublicKey::new(id, algorithm, &made.public_jwk, at(from), until.map(at));
        let signer = Signer::new(id, algorithm, &made.private);
        (public.unwrap(), signer.unwrap())
    };
    let (public, signers) = [key(1, 0, Some(10)), key(2, 10, None)].into_iter().unzip();
    KeySet::new(public, signers)
}

fn claims() -> Value {
    json!({
        "iss": ISSUER,
        "sub": user(1).to_string(),
        "aud": client(1).to_string(),
        "sid": session(1).to_string(),
        // Long over.
        "exp": 1,
        "iat": 0,
    })
}

fn sign(keys: &KeySet, claims: &Value, now: i64) -> String {
    let algorithm = SigningAlgorithm::EdDsa;
    keys.sign(algorithm, TokenType::Id, claims, at(now))
        .unwrap()
}

fn ask(keys: &KeySet, pairs: &[(&str, &str)]) -> Asked {
    let encoded: String = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish();
    Asked::of(EndSessionRequest::parse(encoded.as_bytes()), keys, ISSUER)
}

fn app() -> RelyingParty {
    RelyingParty {
        id: client(1),
        organization_id: OrganizationId::from_bytes([1; 16]),
        name: "Wiki".to_owned(),
        registration: Registration {
            post_logout_redirect_uris: [
                HOME,
                "https://wiki.example.com/out?a=b",
                "com.example.wiki:/out",
            ]
            .map(|uri| RegisteredUri::parse(uri).unwrap())
            .to_vec(),
            ..Registration::default()
        },
        secret: None,
        status: RelyingPartyStatus::Active,
        epoch: 0,
        created_at: at(0),
    }
}

fn known(hinted: Hinted) -> Facts {
    Facts {
        app: Some(app()),
        hinted,
    }
}

fn hint() -> Hint {
    Hint {
        session: Some(session(1)),
        user: user(1),
        client: client(1),
    }
}

fn asked(hint: Option<Hint>) -> Asked {
    Asked {
        client: Some(client(1)),
        hint,
        return_to: Some(HOME.to_owned()),
        state: Some("a b&c=ü".to_owned()),
    }
}

fn home() -> Way {
    Way::Return(format!("{HOME}?state=a+b%26c%3D%C3%BC"))
}

#[test]
fn rpl_02_04_07_every_line_of_the_table() {
    let (mine, own) = (session(1), user(1));
    let other_session = Hint {
        session: Some(session(2)),
        ..hint()
    };
    let other_user = Hint {
        user: user(2),
        ..hint()
    };
    let nameless = Hint {
        session: None,
        ..hint()
    };
    let here = Here::SignedIn(mine, own);
    let lines = [
        // The hint proves this very session.
        (Some(hint()), here, Hinted::Live, Decision::End(home())),
        // Another session of the same person, here, elsewhere, over or unknown.
        (Some(other_session), here, Hinted::Live, Decision::Ask),
        (Some(other_session), here, Hinted::Over, Decision::Ask),
        (Some(other_session), here, Hinted::Unknown, Decision::Ask),
        // RPL-04: another person, even with the id of this session.
        (Some(other_user), here, Hinted::Unknown, Decision::Ask),
        (Some(nameless), here, Hinted::Unknown, Decision::Ask),
        // B7: no hint.
        (None, here, Hinted::Unknown, Decision::Ask),
        // RPL-07, B2: gone already, as this browser's cookie says or as we know.
        (
            Some(hint()),
            Here::Over(mine, own),
            Hinted::Over,
            Decision::Leave(home()),
        ),
        (
            Some(hint()),
            Here::Nobody,
            Hinted::Over,
            Decision::Leave(home()),
        ),
        (
            Some(other_session),
            Here::Over(mine, own),
            Hinted::Over,
            Decision::Leave(home()),
        ),
        // It lives in another browser, and goes on there.
        (
            Some(hint()),
            Here::Nobody,
            Hinted::Live,
            Decision::Leave(Way::Page),
        ),
        (
            Some(hint()),
            Here::Nobody,
            Hinted::Unknown,
            Decision::Leave(Way::Page),
        ),
        // Without a proof nobody is sent anywhere.
        (
            None,
            Here::Over(mine, own),
            Hinted::Unknown,
            Decision::Leave(Way::Page),
        ),
        (
            None,
            Here::Nobody,
            Hinted::Unknown,
            Decision::Leave(Way::Page),
        ),
    ];
    for (number, (hint, here, hinted, expected)) in lines.into_iter().enumerate() {
        let decision = decide(&asked(hint), here, &known(hinted));
        assert_eq!(decision, expected, "line {number}");
    }
}

#[test]
fn rpl_03_a_hint_counts_by_its_signature_and_never_by_its_age() {
    let keys = key_set();
    // B1, B3: expired, and signed by a key that is retired.
    for now in [5, 50] {
        let token = sign(&keys, &claims(), now);
        let asked = ask(&keys, &[("id_token_hint", &token)]);
        assert_eq!(asked.hint, Some(hint()), "signed at {now}");
        assert_eq!(asked.client, Some(client(1)));
    }
    let mut listed = claims();
    listed["aud"] = json!([client(1).to_string()]);
    let token = sign(&keys, &listed, 50);
    assert_eq!(ask(&keys, &[("id_token_hint", &token)]).hint, Some(hint()));
}

#[test]
fn rpl_03_what_is_not_ours_proves_nothing() {
    let (keys, theirs) = (key_set(), key_set());
    let foreign = sign(&theirs, &claims(), 50);
    let good = sign(&keys, &claims(), 50);
    let changed = {
        let (start, end) = good.split_at(good.len() - 4);
        format!("{start}{}", if end == "AAAA" { "BBBB" } else { "AAAA" })
    };
    let algorithm = SigningAlgorithm::EdDsa;
    let logout = keys
        .sign(algorithm, TokenType::Logout, &claims(), at(50))
        .unwrap();
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        sign(&keys, &claims, 50)
    };
    let unnamed = with("iss", json!("https://login.example.com.evil.test"));
    let several = with("aud", json!([client(1).to_string(), client(2).to_string()]));
    let odd = with("sub", json!("ada"));
    for token in [
        &foreign, &changed, &logout, &unnamed, &several, &odd, "", "x", "a.b.c", "..",
    ] {
        let asked = ask(&keys, &[("id_token_hint", token)]);
        assert_eq!((asked.hint, asked.client), (None, None), "{token}");
    }
}

#[test]
fn rpl_03_another_app_in_client_id_voids_both() {
    let keys = key_set();
    let token = sign(&keys, &claims(), 50);
    let own = client(1).to_string();
    let other = client(2).to_string();
    let both = |client: &str| ask(&keys, &[("id_token_hint", &token), ("client_id", client)]);
    assert_eq!(both(&own).hint, Some(hint()));
    for wrong in [other.as_str(), "not-an-id"] {
        assert_eq!((both(wrong).hint, both(wrong).client), (None, None));
    }
    // B7: without a hint it names the app and proves nothing.
    let alone = ask(&keys, &[("client_id", &other)]);
    assert_eq!((alone.client, alone.hint), (Some(client(2)), None));
}

#[test]
fn rpl_05_nobody_is_sent_to_an_address_that_is_not_registered() {
    let facts = known(Hinted::Live);
    for evil in [
        "https://wiki.example.com/bye/",
        "https://wiki.example.com/bye?",
        "https://wiki.example.com/bye#x",
        "https://wiki.example.com/BYE",
        "https://WIKI.example.com/bye",
        "https://wiki.example.com/bye/../bye",
        "https://wiki.example.com/bye ",
        "https://wiki.example.com.evil.test/bye",
        "https://wiki.example.com@evil.test/bye",
        "//wiki.example.com/bye",
        "http://wiki.example.com/bye",
        "javascript:alert(1)",
        "https://evil.test/",
    ] {
        let asked = Asked {
            return_to: Some(evil.to_owned()),
            ..asked(Some(hint()))
        };
        assert_eq!(way_home(&asked, &facts), Way::Page, "{evil}");
        let here = Here::SignedIn(session(1), user(1));
        // It logs out all the same (B6).
        assert_eq!(decide(&asked, here, &facts), Decision::End(Way::Page));
    }
    let nobody = Facts {
        app: None,
        hinted: Hinted::Live,
    };
    assert_eq!(way_home(&asked(Some(hint())), &nobody), Way::Page);
}

#[test]
fn the_state_goes_back_and_the_address_keeps_what_it_has() {
    let facts = known(Hinted::Live);
    let to = |address: &str, state: Option<&str>| {
        let asked = Asked {
            return_to: Some(address.to_owned()),
            state: state.map(str::to_owned),
            ..asked(None)
        };
        way_home(&asked, &facts)
    };
    let with_query = "https://wiki.example.com/out?a=b";
    assert_eq!(to(HOME, None), Way::Return(HOME.to_owned()));
    assert_eq!(
        to(with_query, Some("x")),
        Way::Return(format!("{with_query}&state=x"))
    );
    assert_eq!(
        to("com.example.wiki:/out", Some("x\r\ny")),
        Way::Return("com.example.wiki:/out?state=x%0D%0Ay".to_owned())
    );
}

#[test]
fn b6_the_operator_learns_the_nearest_address_and_nothing_else() {
    let facts = known(Hinted::Live);
    let refused = |address: &str| {
        let asked = Asked {
            return_to: Some(address.to_owned()),
            ..asked(None)
        };
        unregistered(&asked, &facts)
    };
    assert_eq!(refused(HOME), None);
    let found = refused("https://wiki.example.com/byebye?person=ada#x").unwrap();
    assert_eq!(
        found,
        Unregistered {
            app: "Wiki".to_owned(),
            received: "https://wiki.example.com/byebye".to_owned(),
            nearest: Some(HOME.to_owned()),
        }
    );
}

#[test]
fn what_comes_twice_or_is_odd_is_as_good_as_absent() {
    let keys = key_set();
    let own = client(1).to_string();
    let twice = ask(
        &keys,
        &[
            ("client_id", &own),
            ("post_logout_redirect_uri", HOME),
            ("post_logout_redirect_uri", "https://evil.test/"),
            ("state", "a\0b"),
            ("ui_locales", "tlh"),
            ("logout_hint", "ada"),
        ],
    );
    assert_eq!((twice.return_to, twice.state), (None, None));
    assert_eq!(twice.client, Some(client(1)));
    let long = "x".repeat(LONGEST_STATE + 1);
    assert_eq!(ask(&keys, &[("state", &long)]).state, None);
    for odd in [&b"%ff%fe=%00&&&==%"[..], b"", b"\xff\xff"] {
        let asked = Asked::of(EndSessionRequest::parse(odd), &keys, ISSUER);
        assert_eq!(asked, Asked::default());
    }
}
