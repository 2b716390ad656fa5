//! Addresses are compared letter by letter, and odd ones are not registered.

use super::*;

fn registration(redirects: &[&str], authentication: ClientAuthentication) -> Registration {
    let parse = |text: &&str| RegisteredUri::parse(text).unwrap();
    Registration {
        redirect_uris: redirects.iter().map(parse).collect(),
        post_logout_redirect_uris: redirects.iter().map(parse).collect(),
        authentication,
        ..Registration::default()
    }
}

#[test]
fn oidc_03_a_redirect_address_matches_letter_by_letter() {
    let web = registration(
        &["https://crm.example.com/cb?a=1", "http://127.0.0.1:9000/cb"],
        ClientAuthentication::Secret,
    );
    assert!(web.is_redirect_uri("https://crm.example.com/cb?a=1"));
    for other in [
        "https://crm.example.com/cb",
        "https://crm.example.com/cb?a=1&b=2",
        "https://crm.example.com/cb/?a=1",
        "https://CRM.example.com/cb?a=1",
        "https://crm.example.com:443/cb?a=1",
        "https://crm.example.com/x/../cb?a=1",
        "https://crm.example.com.evil.test/cb?a=1",
        "https://crm.example.com/cb?a=1#x",
        "http://crm.example.com/cb?a=1",
        // The port is free for native apps alone.
        "http://127.0.0.1:9001/cb",
        "",
    ] {
        assert!(!web.is_redirect_uri(other), "{other}");
        assert!(!web.is_post_logout_redirect_uri(other), "{other}");
    }
}

#[test]
fn oidc_03_only_the_port_of_a_native_loopback_address_is_free() {
    let native = registration(
        &[
            "http://127.0.0.1/cb",
            "http://[::1]/cb",
            "com.example.app:/cb",
        ],
        ClientAuthentication::None,
    );
    for good in [
        "http://127.0.0.1:51234/cb",
        "http://[::1]:51234/cb",
        "http://127.0.0.1/cb",
        "com.example.app:/cb",
    ] {
        assert!(native.is_redirect_uri(good), "{good}");
    }
    for bad in [
        "http://127.0.0.1:51234/cb/../x",
        "http://127.0.0.1:51234/CB",
        "http://127.0.0.2:51234/cb",
        "http://localhost:51234/cb",
        "http://2130706433:51234/cb",
        "https://127.0.0.1:51234/cb",
        "http://u@127.0.0.1:51234/cb",
        "http://127.0.0.1:51234/cb#f",
        "com.example.app:/cb2",
    ] {
        assert!(!native.is_redirect_uri(bad), "{bad}");
    }
    let by_name = registration(&["http://localhost/cb"], ClientAuthentication::None);
    assert!(!by_name.is_redirect_uri("http://localhost:1/cb"));
}

#[test]
fn odd_addresses_are_not_registered() {
    for (text, problem) in [
        ("crm.example.com/cb", UriProblem::NotAbsolute),
        ("/cb", UriProblem::NotAbsolute),
        ("https://crm.example.com/c b", UriProblem::NotAbsolute),
        ("https:\\\\crm.example.com/", UriProblem::NotAbsolute),
        ("https://crm.example.com/#x", UriProblem::Fragment),
        ("https://a:b@crm.example.com/", UriProblem::Credentials),
        ("http://crm.example.com/", UriProblem::PlainHttp),
        ("http://localhost.example.com/", UriProblem::PlainHttp),
        ("javascript:alert(1)", UriProblem::Scheme),
        ("data:text/html,x", UriProblem::Scheme),
        ("myapp:/cb", UriProblem::Scheme),
    ] {
        assert_eq!(RegisteredUri::parse(text), Err(problem), "{text}");
    }
    let long = format!("https://crm.example.com/{}", "x".repeat(LONGEST_URI));
    assert_eq!(RegisteredUri::parse(&long), Err(UriProblem::TooLong));
}

#[test]
fn bcl_01_plain_http_takes_the_word_of_an_administrator() {
    let plain = "http://crm.internal:8080/bcl?x=1";
    assert_eq!(
        RegisteredUri::parse_logout(plain, false),
        Err(UriProblem::PlainHttp)
    );
    let allowed = RegisteredUri::parse_logout(plain, true).unwrap();
    assert_eq!(allowed.as_str(), plain);
    // It comes back from the database as it was.
    assert_eq!(RegisteredUri::try_from(plain.to_owned()), Ok(allowed));
    assert_eq!(
        RegisteredUri::parse_logout("com.example.app:/x", true),
        Err(UriProblem::Scheme)
    );
    assert_eq!(
        RegisteredUri::parse_logout("http://127.0.0.1/x", false),
        Err(UriProblem::PlainHttp)
    );
}

#[test]
fn c10_the_worst_case_is_never_shorter_than_a_token() {
    let mut registration = Registration::default();
    assert_eq!(registration.worst_case(), 5);
    registration.worst_case_minutes = Some(1);
    assert_eq!(registration.worst_case(), 5);
    registration.worst_case_minutes = Some(480);
    assert_eq!(registration.worst_case(), 480);
}

#[test]
fn a_registration_is_judged_as_a_whole() {
    use RegistrationProblem as Problem;
    let good = registration(
        &["https://crm.example.com/cb"],
        ClientAuthentication::Secret,
    );
    assert_eq!(good.judge(), Ok(()));
    let refused = |change: &dyn Fn(&mut Registration)| {
        let mut changed = good.clone();
        change(&mut changed);
        changed.judge().unwrap_err()
    };
    let parse = |text: &str| RegisteredUri::parse(text).unwrap();
    let plain = || vec![RegisteredUri::parse_logout("http://crm.internal/x", true).unwrap()];
    assert_eq!(
        refused(&|r| r.redirect_uris.clear()),
        Problem::NoRedirectUri
    );
    assert_eq!(
        refused(&|r| r.redirect_uris = vec![parse("https://a.example/"); MOST_URIS + 1]),
        Problem::TooManyUris
    );
    assert_eq!(
        refused(&|r| r.redirect_uris.push(parse("com.example.app:/cb"))),
        Problem::OwnSchemeWithSecret
    );
    assert_eq!(
        refused(&|r| r.backchannel_logout_uris = plain()),
        Problem::PlainLogout
    );
    let plain_and_public = |r: &mut Registration| {
        r.backchannel_logout_uris = plain();
        r.allow_private_network = true;
        r.authentication = ClientAuthentication::None;
    };
    assert_eq!(refused(&plain_and_public), Problem::PlainLogoutOfPublic);
    let pulls = |authentication: ClientAuthentication| {
        move |r: &mut Registration| {
            r.pulls_logouts = true;
            r.authentication = authentication.clone();
        }
    };
    assert_eq!(
        refused(&pulls(ClientAuthentication::None)),
        Problem::PullsWithoutProof
    );
    let mut signing = good.clone();
    let jwks = String::new();
    pulls(ClientAuthentication::PrivateKeyJwt { jwks })(&mut signing);
    assert_eq!(signing.judge(), Ok(()));
    assert_eq!(
        refused(&|r| r.frontchannel_logout_uri = Some(parse("https://crm.example.com:444/out"))),
        Problem::FrameElsewhere
    );
    assert_eq!(
        refused(&|r| r.lifetimes.access_token_seconds = 59),
        Problem::Lifetime
    );
    assert_eq!(
        refused(&|r| r.lifetimes.offline_idle_days = 0),
        Problem::Lifetime
    );
    let allowed = Registration {
        backchannel_logout_uris: plain(),
        allow_private_network: true,
        frontchannel_logout_uri: Some(parse("https://crm.example.com/out?a=1")),
        ..good
    };
    assert_eq!(allowed.judge(), Ok(()));
}

#[test]
fn what_only_is_behind_a_proxy_needs_no_secret_and_no_telling() {
    let host = protection::ProtectedHost::parse("https://wiki.example").expect("a host");
    let behind = Registration {
        protection: Some(Protection {
            hosts: vec![host],
            ..Default::default()
        }),
        ..Registration::default()
    };
    assert!(!behind.uses_secret() && behind.can_be_told());
    assert!(behind.how_told().contains("nothing needs telling"));
    assert_eq!(behind.worst_case(), 0);
    // One that comes for tokens besides may hold some when the session is over.
    let both = Registration {
        redirect_uris: vec![RegisteredUri::parse("https://wiki.example/cb").expect("an address")],
        ..behind.clone()
    };
    assert!(both.uses_secret() && !both.can_be_told());
    assert!(
        both.how_told()
            .starts_with("cannot be told of logouts; may go on for")
    );
    // One that asks for logouts proves itself when it does.
    let pulls = Registration {
        pulls_logouts: true,
        ..behind
    };
    assert!(pulls.uses_secret() && pulls.can_be_told());
    assert_eq!(pulls.how_told(), "asks for logouts");
}
