//! What the official certification asks of a provider: the plan
//! `oidcc-config-certification-test-plan`, which has one module. See
//! `docs/conformance.md`.

use nightlatch_protocols::oidc::discovery::discovery;
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Site, TestDatabase, call};
use serde_json::{Value, json};

on_both_databases!(oidcc_discovery_endpoint_verification);

/// Metadata that some specification registered: OpenID Connect Discovery and RP-Initiated
/// and Back-Channel Logout, RFC 8414, RFC 9207.
const REGISTERED: [&str; 31] = [
    "acr_values_supported",
    "authorization_endpoint",
    "authorization_response_iss_parameter_supported",
    "backchannel_logout_session_supported",
    "backchannel_logout_supported",
    "claims_parameter_supported",
    "claims_supported",
    "code_challenge_methods_supported",
    "end_session_endpoint",
    "frontchannel_logout_session_supported",
    "frontchannel_logout_supported",
    "grant_types_supported",
    "id_token_signing_alg_values_supported",
    "introspection_endpoint",
    "introspection_endpoint_auth_methods_supported",
    "introspection_endpoint_auth_signing_alg_values_supported",
    "issuer",
    "jwks_uri",
    "request_parameter_supported",
    "request_uri_parameter_supported",
    "response_modes_supported",
    "response_types_supported",
    "revocation_endpoint",
    "revocation_endpoint_auth_methods_supported",
    "revocation_endpoint_auth_signing_alg_values_supported",
    "scopes_supported",
    "subject_types_supported",
    "token_endpoint",
    "token_endpoint_auth_methods_supported",
    "token_endpoint_auth_signing_alg_values_supported",
    "userinfo_endpoint",
];

fn oidcc_discovery_endpoint_verification(which: TestDatabase) {
    let site = Site::new(which);
    let path = "/.well-known/openid-configuration";
    let answer = call(&site, ("GET", path), &[], &[]).expect(200);
    assert_eq!(answer.media_type(), "application/json");
    let document = answer.json();
    assert_eq!(document["issuer"], site.origin());
    let members = document.as_object().expect("members");
    for (name, value) in members {
        assert!(REGISTERED.contains(&name.as_str()), "{name}");
        assert!(!value.is_null() && value != &json!([]), "{name}");
        if name.ends_with("_supported") && !value.is_boolean() {
            let list = value.as_array().expect("a list");
            assert!(list.iter().all(Value::is_string), "{name}");
        }
    }
    for needed in [
        "authorization_endpoint",
        "token_endpoint",
        "userinfo_endpoint",
        "jwks_uri",
    ] {
        let address = document[needed].as_str().expect("an address");
        assert!(address.starts_with(&site.origin()), "{needed}");
    }
    let has = |list: &str, value: &str| {
        let list = document[list].as_array().expect("a list");
        assert!(list.contains(&json!(value)), "{value}");
    };
    has("response_types_supported", "code");
    has("subject_types_supported", "public");
    has("id_token_signing_alg_values_supported", "RS256");
    has("scopes_supported", "openid");
    has("grant_types_supported", "authorization_code");
    has("code_challenge_methods_supported", "S256");
    for claim in ["sub", "iss", "auth_time", "acr", "name", "email"] {
        has("claims_supported", claim);
    }
    // What is said about parameters is what happens; see the basic plan.
    assert_eq!(document["claims_parameter_supported"], true);
    assert_eq!(document["request_parameter_supported"], false);
    assert_eq!(document["request_uri_parameter_supported"], false);
    let keys = document["jwks_uri"].as_str().expect("an address");
    let keys = keys.strip_prefix(&site.origin()).expect("ours");
    let keys = call(&site, ("GET", keys), &[], &[]).expect(200).json();
    let keys = keys["keys"].as_array().expect("keys");
    let mut names: Vec<_> = keys
        .iter()
        .map(|key| key["kid"].as_str().expect("kid"))
        .collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), keys.len(), "each key has a name of its own");
    for key in keys {
        assert_eq!(key["use"], "sig");
        assert!(key.get("d").is_none(), "the public half only");
    }
    // Here everything is loopback; where people are, all of it is HTTPS.
    let public = serde_json::to_value(discovery("https://login.example.com")).expect("JSON");
    for (name, value) in public.as_object().expect("members") {
        if name.ends_with("_endpoint") || name == "jwks_uri" || name == "issuer" {
            let address = value.as_str().expect("an address");
            assert!(address.starts_with("https://login.example.com"), "{name}");
        }
    }
}
