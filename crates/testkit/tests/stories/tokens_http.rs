//! The endpoints that apps call, as HTTP: who may, what is said, and how no is said.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use nightlatch_domain::ids::SigningKeyId;
use nightlatch_domain::relying_party::{ClientAuthentication, SigningAlgorithm};
use nightlatch_protocols::jose::NewKey;
use nightlatch_storage::on_both_databases;
use nightlatch_storage::testing::{break_after, mend};
use nightlatch_testkit::{
    Answer, IssuedCode, REDIRECT_URI, RegisteredApp, Site, TestDatabase, Tokens, call, with_token,
};
use serde_json::{Value, json};

use crate::{DAY, MINUTE};

on_both_databases!(
    oidc_01_the_discovery_document_tells_the_truth,
    oidc_16_scripts_of_any_site_may_read_some_and_nothing_is_stored,
    oidc_19_an_app_proves_itself_in_the_one_way_it_was_registered_for,
    tok_08_an_assertion_is_signed_by_a_registered_key_for_us_and_used_once,
    errors_are_those_of_the_protocol,
    without_a_database_no_token_is_called_bad,
    no_cookie_is_read_where_apps_call,
    oidc_20_keys_roll_and_old_ones_stay_for_a_while,
);

const TOKEN: (&str, &str) = ("POST", "/oauth2/token");

fn is_refused(answer: &Answer, status: u16, error: &str, what: &str) {
    assert_eq!(answer.status.as_u16(), status, "{what}: {}", answer.text());
    assert_eq!(answer.media_type(), "application/json", "{what}");
    assert_eq!(answer.json()["error"], error, "{what}");
}

fn oidc_01_the_discovery_document_tells_the_truth(which: TestDatabase) {
    let site = Site::new(which);
    let path = "/.well-known/openid-configuration";
    let answer = call(&site, ("GET", path), &[], &[]).expect(200);
    assert_eq!(answer.media_type(), "application/json");
    let document = answer.json();
    assert_eq!(document["issuer"], site.origin());
    for (name, value) in document.as_object().expect("members") {
        assert_ne!(value, &json!([]), "{name}");
        assert_ne!(value, &Value::Null, "{name}");
        let text = value.as_str().unwrap_or_default();
        if name.ends_with("_endpoint") || name == "jwks_uri" {
            assert!(
                text.starts_with(&format!("{}/oauth2/", site.origin())),
                "{name}"
            );
        }
    }
    for flag in [
        "backchannel_logout_supported",
        "backchannel_logout_session_supported",
        "authorization_response_iss_parameter_supported",
    ] {
        assert_eq!(document[flag], true, "{flag}");
    }
    for flag in [
        "request_uri_parameter_supported",
        "request_parameter_supported",
    ] {
        assert_eq!(document[flag], false, "{flag}");
    }
    assert_eq!(
        document["code_challenge_methods_supported"],
        json!(["S256"])
    );
    assert_eq!(document["response_types_supported"], json!(["code"]));
    let path = document["jwks_uri"].as_str().expect("an address");
    let path = path.strip_prefix(&site.origin()).expect("ours");
    let keys = call(&site, ("GET", path), &[], &[]).expect(200).json();
    let keys = keys["keys"].as_array().expect("keys");
    assert!(!keys.is_empty());
    for key in keys {
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(key.get(private).is_none(), "{private}");
        }
        assert_eq!(key["use"], "sig");
        assert!(key["kid"].is_string() && key["alg"].is_string());
    }
}

fn oidc_16_scripts_of_any_site_may_read_some_and_nothing_is_stored(which: TestDatabase) {
    let site = Site::new(which);
    let origin = ("origin", "https://spa.example");
    let open = [
        ("GET", "/.well-known/openid-configuration"),
        ("GET", "/oauth2/jwks"),
        ("POST", "/oauth2/token"),
        ("GET", "/oauth2/userinfo"),
        ("POST", "/oauth2/userinfo"),
    ];
    let closed = [("POST", "/oauth2/introspect"), ("POST", "/oauth2/revoke")];
    for (method, path) in open.into_iter().chain(closed) {
        let answer = call(&site, (method, path), &[origin], &[]);
        let is_open = open.contains(&(method, path));
        let allowed = answer.header("access-control-allow-origin");
        assert_eq!(allowed, is_open.then_some("*"), "{path}");
        assert_eq!(answer.header("access-control-allow-credentials"), None);
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert!(answer.cookies().is_empty());
    }
    for path in ["/oauth2/token", "/oauth2/userinfo"] {
        let answer = call(&site, ("OPTIONS", path), &[origin], &[]).expect(204);
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        let headers = answer.header("access-control-allow-headers");
        assert!(headers.is_some_and(|names| names.contains("authorization")));
    }
}

fn with_fields(
    app: &RegisteredApp,
    code: &IssuedCode,
    more: &[(&str, &str)],
) -> Vec<(String, String)> {
    let id = app.id.to_string();
    let mut fields: Vec<(String, String)> = [
        ("grant_type", "authorization_code"),
        ("code", code.code.as_str()),
        ("redirect_uri", REDIRECT_URI),
        ("code_verifier", code.verifier.as_str()),
        ("client_id", id.as_str()),
    ]
    .iter()
    .chain(more)
    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
    .collect();
    fields.retain(|(_, value)| value != "-");
    fields
}

fn post(site: &Site, headers: &[(&str, &str)], fields: &[(String, String)]) -> Answer {
    let fields: Vec<_> = fields
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    call(site, TOKEN, headers, &fields)
}

fn oidc_19_an_app_proves_itself_in_the_one_way_it_was_registered_for(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let crm = site.add_app("CRM", |_| {});
    let phone = site.add_app("Phone", |app| {
        app.authentication = ClientAuthentication::None;
    });
    let secret = crm.secret.clone().expect("a secret");
    let code = site.issue_code(&laptop, &crm, "openid");
    let basic = crm.basic();
    let unknown = RegisteredApp {
        id: site.add_app("Gone", |_| {}).id,
        secret: Some("A".repeat(43)),
    };
    let plain = with_fields(&crm, &code, &[]);
    let posted = with_fields(&crm, &code, &[("client_secret", &secret)]);
    let wrong = with_fields(&crm, &code, &[("client_secret", &"A".repeat(43))]);
    is_refused(
        &post(&site, &[], &plain),
        401,
        "invalid_client",
        "no secret",
    );
    is_refused(
        &post(&site, &[], &wrong),
        401,
        "invalid_client",
        "a wrong secret",
    );
    let both = post(&site, &[("authorization", &basic)], &posted);
    is_refused(&both, 400, "invalid_request", "two ways at once");
    // Whoever does not exist is answered like whoever has another secret.
    let theirs = unknown.basic();
    let mut without = plain.clone();
    without.retain(|(name, _)| name != "client_id");
    let stranger = post(&site, &[("authorization", &theirs)], &without);
    let guess = format!("Basic {}", {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(format!("{}:{}", crm.id, "A".repeat(43)))
    });
    let guessed = post(&site, &[("authorization", &guess)], &without);
    is_refused(&stranger, 401, "invalid_client", "a stranger");
    assert_eq!(stranger.text(), guessed.text());
    assert!(
        guessed
            .header("www-authenticate")
            .is_some_and(|value| value.starts_with("Basic"))
    );
    // An app without secret that shows one, and one that asks where it may not.
    let hers = site.issue_code(&laptop, &phone, "openid");
    let odd = with_fields(&phone, &hers, &[("client_secret", &secret)]);
    is_refused(
        &post(&site, &[], &odd),
        401,
        "invalid_client",
        "a secret of nobody",
    );
    let asked = phone.post(&site, "/oauth2/introspect", &[("token", "x")]);
    is_refused(&asked, 401, "invalid_client", "an app without secret asks");
    // And each in its own way.
    Tokens::of(&post(&site, &[], &posted));
    let code = site.issue_code(&laptop, &crm, "openid");
    let again = with_fields(&crm, &code, &[]);
    Tokens::of(&post(&site, &[("authorization", &basic)], &again));
    Tokens::of(&post(&site, &[], &with_fields(&phone, &hers, &[])));
}

/// An app that signs, and its key.
struct Signer {
    app: RegisteredApp,
    key: EncodingKey,
    public: String,
}

impl Signer {
    fn new(site: &Site, name: &str) -> Self {
        let id = SigningKeyId::from_bytes([5; 16]);
        let made = NewKey::generate(SigningAlgorithm::EdDsa, id).expect("a key");
        let jwks = format!("{{\"keys\":[{}]}}", made.public_jwk);
        Self {
            app: site.add_app(name, |app| {
                app.authentication = ClientAuthentication::PrivateKeyJwt { jwks };
            }),
            key: EncodingKey::from_ed_der(&made.private),
            public: made.public_jwk,
        }
    }

    fn claims(&self, site: &Site, id: &str) -> Value {
        let now = site.now().milliseconds() / 1000;
        let name = self.app.id.to_string();
        json!({"iss": name, "sub": name, "aud": site.origin(), "iat": now, "exp": now + 60, "jti": id})
    }

    fn sign(&self, claims: &Value) -> String {
        encode(&Header::new(Algorithm::EdDSA), claims, &self.key).expect("signed")
    }
}

/// Asks about nothing, to be known by this assertion.
fn introspect_with(site: &Site, assertion: &str) -> Answer {
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let fields = [
        ("token", "x"),
        ("client_assertion_type", kind),
        ("client_assertion", assertion),
    ];
    call(site, ("POST", "/oauth2/introspect"), &[], &fields)
}

type Change = fn(&mut Value, &Site, &str);

fn tok_08_an_assertion_is_signed_by_a_registered_key_for_us_and_used_once(which: TestDatabase) {
    let site = Site::new(which);
    let signer = Signer::new(&site, "Signs");
    let good = signer.sign(&signer.claims(&site, "1"));
    introspect_with(&site, &good).expect(200);
    let again = introspect_with(&site, &good);
    is_refused(&again, 401, "invalid_client", "a second time");
    let crm = site.add_app("CRM", |_| {});
    let changes: [(&str, Change); 16] = [
        ("another audience", |claims, _, _| {
            claims["aud"] = json!("https://other.example");
        }),
        ("the token endpoint as audience", |claims, site, _| {
            claims["aud"] = json!(format!("{}/oauth2/token", site.origin()));
        }),
        ("two audiences", |claims, site, _| {
            claims["aud"] = json!([site.origin(), "https://other.example"]);
        }),
        ("the right audience twice", |claims, site, _| {
            claims["aud"] = json!([site.origin(), site.origin()]);
        }),
        ("an audience of nobody", |claims, _, _| {
            claims["aud"] = json!([]);
        }),
        ("no audience", |claims, _, _| claims["aud"] = Value::Null),
        ("expired", |claims, site, _| {
            claims["exp"] = json!(site.now().milliseconds() / 1000 - 31);
        }),
        ("good for a day", |claims, site, _| {
            claims["exp"] = json!(site.now().milliseconds() / 1000 + 86_400);
        }),
        ("no expiry", |claims, _, _| claims["exp"] = Value::Null),
        ("from tomorrow", |claims, site, _| {
            claims["iat"] = json!(site.now().milliseconds() / 1000 + 86_400);
        }),
        ("no iat", |claims, _, _| claims["iat"] = Value::Null),
        ("not yet", |claims, site, _| {
            claims["nbf"] = json!(site.now().milliseconds() / 1000 + 86_400);
        }),
        ("no jti", |claims, _, _| claims["jti"] = Value::Null),
        ("an empty jti", |claims, _, _| claims["jti"] = json!("")),
        ("another issuer", |claims, _, other| {
            claims["iss"] = json!(other);
        }),
        ("another subject", |claims, _, other| {
            claims["sub"] = json!(other);
        }),
    ];
    let other = crm.id.to_string();
    for (number, (what, change)) in changes.into_iter().enumerate() {
        let mut claims = signer.claims(&site, &format!("c{number}"));
        change(&mut claims, &site, &other);
        let answer = introspect_with(&site, &signer.sign(&claims));
        is_refused(&answer, 401, "invalid_client", what);
    }
    // Other keys: a symmetric one made of the public key, none at all, a stranger's,
    // one that the token brings along.
    let claims = signer.claims(&site, "k");
    let public = EncodingKey::from_secret(signer.public.as_bytes());
    let confused = encode(&Header::new(Algorithm::HS256), &claims, &public).expect("signed");
    let stranger = Signer::new(&site, "Stranger");
    let foreign = stranger.sign(&claims);
    let mut carrying = Header::new(Algorithm::EdDSA);
    carrying.jwk = serde_json::from_str(&stranger.public).ok();
    let carrying = encode(&carrying, &claims, &stranger.key).expect("signed");
    let mut logout = Header::new(Algorithm::EdDSA);
    logout.typ = Some("logout+jwt".to_owned());
    let logout = encode(&logout, &claims, &signer.key).expect("signed");
    let payload = good.split('.').nth(1).expect("a payload");
    let unsigned = format!("eyJhbGciOiJub25lIn0.{payload}.");
    for (what, text) in [
        ("a symmetric key", confused),
        ("a foreign key", foreign),
        ("a key of its own", carrying),
        ("a token of another kind", logout),
        ("no signature", unsigned),
        ("nonsense", "a.b.c".to_owned()),
    ] {
        is_refused(&introspect_with(&site, &text), 401, "invalid_client", what);
    }
    // The same id of another app is another one; the same after its time is refused.
    introspect_with(&site, &signer.sign(&claims)).expect(200);
    introspect_with(&site, &stranger.sign(&stranger.claims(&site, "k"))).expect(200);
    site.advance(MINUTE * 2);
    site.prune();
    is_refused(
        &introspect_with(&site, &good),
        401,
        "invalid_client",
        "late",
    );
    assert_eq!(site.count_rows("SELECT count(*) FROM used_assertions"), 0);
}

fn errors_are_those_of_the_protocol(which: TestDatabase) {
    let site = Site::new(which);
    let crm = site.add_app("CRM", |_| {});
    let basic = crm.basic();
    let authorization = [("authorization", basic.as_str())];
    let cases: [(&[(&str, &str)], &str); 6] = [
        (&[], "invalid_request"),
        (&[("grant_type", "password")], "unsupported_grant_type"),
        (&[("grant_type", "implicit")], "unsupported_grant_type"),
        (&[("grant_type", "authorization_code")], "invalid_request"),
        (&[("grant_type", "refresh_token")], "invalid_request"),
        (
            &[("grant_type", "refresh_token"), ("refresh_token", "x")],
            "invalid_grant",
        ),
    ];
    for (fields, error) in cases {
        is_refused(
            &call(&site, TOKEN, &authorization, fields),
            400,
            error,
            error,
        );
    }
    let twice = [
        ("grant_type", "refresh_token"),
        ("grant_type", "refresh_token"),
    ];
    is_refused(
        &call(&site, TOKEN, &authorization, &twice),
        400,
        "invalid_request",
        "twice",
    );
    for path in ["/oauth2/introspect", "/oauth2/revoke"] {
        let answer = call(&site, ("POST", path), &authorization, &[]);
        is_refused(&answer, 400, "invalid_request", path);
        is_refused(
            &call(&site, ("POST", path), &[], &[]),
            401,
            "invalid_client",
            path,
        );
        call(&site, ("GET", path), &authorization, &[]).expect(405);
    }
    let bare = call(&site, ("GET", "/oauth2/userinfo"), &[], &[]).expect(401);
    assert_eq!(
        bare.header("www-authenticate"),
        Some("Bearer realm=\"nightlatch\"")
    );
    let in_address = call(&site, ("GET", "/oauth2/userinfo?access_token=x"), &[], &[]);
    assert_eq!(in_address.status.as_u16(), 401);
}

fn without_a_database_no_token_is_called_bad(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let crm = site.add_app("CRM", |_| {});
    let tokens = site.enter(&laptop, &crm, "openid");
    let code = site.issue_code(&laptop, &crm, "openid");
    call(&site, ("GET", "/oauth2/jwks"), &[], &[]).expect(200);
    let store = site.app().store.clone();
    break_after(&store, 0);
    let answers = [
        crm.refresh(&site, &tokens.refresh),
        crm.exchange(&site, &code),
        crm.revoke(&site, &tokens.refresh),
        crm.post(&site, "/oauth2/introspect", &[("token", &tokens.access)]),
        with_token(&site, ("GET", "/oauth2/userinfo"), &tokens.access),
        with_token(&site, ("POST", "/api/v1/activity"), &tokens.access),
        with_token(&site, ("POST", "/api/v1/log-out"), &tokens.access),
    ];
    for answer in answers {
        let answer = answer.expect(503);
        assert!(answer.header("retry-after").is_some(), "{}", answer.path);
        assert_eq!(answer.header("www-authenticate"), None, "{}", answer.path);
        assert_eq!(answer.media_type(), "application/problem+json");
    }
    // What anybody can read is read from memory.
    call(
        &site,
        ("GET", "/.well-known/openid-configuration"),
        &[],
        &[],
    )
    .expect(200);
    let keys = call(&site, ("GET", "/oauth2/jwks"), &[], &[]).expect(200);
    assert!(keys.text().contains("kid"));
    mend(&store);
    assert!(crm.is_active(&site, &tokens.access));
    Tokens::of(&crm.exchange(&site, &code));
}

fn no_cookie_is_read_where_apps_call(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    for (method, path) in [
        ("GET", "/oauth2/userinfo"),
        ("POST", "/oauth2/userinfo"),
        ("POST", "/api/v1/activity"),
        ("POST", "/api/v1/log-out"),
    ] {
        let ask = laptop.ask(method, path).by_script();
        let answer = ask.header("x-nightlatch", "1").send().expect(401);
        assert!(!answer.text().contains("Lovelace"));
    }
    assert!(laptop.is_signed_in());
}

fn oidc_20_keys_roll_and_old_ones_stay_for_a_while(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let crm = site.add_app("CRM", |app| app.signing_algorithm = SigningAlgorithm::Es256);
    let kid = |token: &str| jsonwebtoken::decode_header(token).expect("a header").kid;
    let published = |site: &Site| {
        call(site, ("GET", "/oauth2/jwks"), &[], &[])
            .expect(200)
            .text()
    };
    let rotate = |site: &Site| {
        let (app, moment) = (site.app(), site.moment());
        site.block_on(async move {
            let only = [SigningAlgorithm::Es256];
            app.signing.forget_retired(&app.store, moment.now).await?;
            app.signing
                .refresh(&app.store, &app.sealer, &moment, &only)
                .await
        })
        .expect("keys");
    };
    rotate(&site);
    let old = kid(&site.enter(&laptop, &crm, "openid").id).expect("kid");
    // The next is published before it signs.
    site.advance(DAY * 89);
    rotate(&site);
    laptop.sign_in(&ada);
    assert_eq!(
        kid(&site.enter(&laptop, &crm, "openid").id),
        Some(old.clone())
    );
    assert_eq!(published(&site).matches("\"kid\"").count(), 2);
    site.advance(DAY * 3);
    laptop.sign_in(&ada);
    let new = kid(&site.enter(&laptop, &crm, "openid").id).expect("kid");
    assert_ne!(new, old);
    assert!(published(&site).contains(&old) && published(&site).contains(&new));
    rotate(&site);
    let private = "SELECT count(*) FROM signing_keys WHERE sealed_private IS NOT NULL";
    assert_eq!(
        site.count_rows(private),
        1,
        "what cannot sign cannot be stolen"
    );
    site.advance(DAY * 8);
    assert!(!published(&site).contains(&old));
}
