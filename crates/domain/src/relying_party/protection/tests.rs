use std::time::Duration;

use super::*;
use crate::ids::Id;
use crate::policy::{Deadlines, Limits};
use crate::relying_party::RelyingPartyStatus;
use crate::session::{Epochs, Life, Refusal, SessionKind, Standing};
use crate::time::Timestamp;
use crate::user::UserStatus;

fn host(text: &str) -> ProtectedHost {
    ProtectedHost::parse(text).expect("a host")
}

#[test]
fn hosts_are_exact_origins() {
    for (text, origin) in [
        ("https://wiki.example.com", "https://wiki.example.com"),
        ("https://WIKI.example.com:443/", "https://wiki.example.com"),
        (
            "https://wiki.example.com:8443",
            "https://wiki.example.com:8443",
        ),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://app.localhost", "http://app.localhost"),
        ("https://[::1]:8", "https://[::1]:8"),
    ] {
        assert_eq!(host(text).origin(), origin);
    }
    for bad in [
        "wiki.example.com",
        "http://wiki.example.com",
        "https://wiki.example.com.",
        "https://wiki.example.com/path",
        "https://wiki.example.com?x",
        "https://wiki.example.com#x",
        "https://wiki.example.com\\@evil.example",
        "https://ada@wiki.example.com",
        "https://*.example.com",
        "ftp://wiki.example.com",
        "https://wiki example.com",
        "",
    ] {
        assert!(ProtectedHost::parse(bad).is_err(), "{bad}");
    }
    assert_eq!(host("https://[::1]:8").name(), "[::1]");
    assert_eq!(host("http://localhost:3000").name(), "localhost");
    assert!(host("https://wiki.example.com").is_named("WIKI.example.com:443"));
    assert!(!host("https://wiki.example.com").is_named("wiki.example.com:80"));
}

#[test]
fn fwd_03_what_a_proxy_says_is_parsed_and_never_repaired() {
    let wiki = host("https://wiki.example.com");
    assert_eq!(
        ProtectedHost::of("https", "wiki.example.com"),
        Some(wiki.clone())
    );
    assert_eq!(
        ProtectedHost::of("https", "Wiki.Example.Com:443"),
        Some(wiki.clone())
    );
    for (scheme, authority) in [
        ("http", "wiki.example.com"),
        ("https", "wiki.example.com."),
        ("https", "wiki.example.com/"),
        ("https", "wiki.example.com@evil.example"),
        ("https", "evil.example#wiki.example.com"),
        ("https", "wiki.example.com, evil.example"),
        ("https", " wiki.example.com"),
        ("https", "w\u{131}ki.example.com"),
        ("https", "wiki%2eexample.com"),
        ("https", ""),
        ("HTTPS", "wiki.example.com"),
        ("https,http", "wiki.example.com"),
        ("wss", "wiki.example.com"),
    ] {
        assert_ne!(
            ProtectedHost::of(scheme, authority),
            Some(wiki.clone()),
            "{scheme} {authority}"
        );
    }
}

#[test]
fn fwd_04_people_come_back_to_this_origin_only() {
    let wiki = host("https://wiki.example.com");
    for good in [
        "/",
        "/a?b=c",
        "/a%2f..%2fb?x=%0a",
        "//twice//",
        "/a?next=https://evil.example/",
    ] {
        assert_eq!(wiki.return_path(good).as_deref(), Some(good));
    }
    for bad in [
        "",
        "a",
        "https://evil.example/",
        "@evil.example/",
        ".evil.example/",
        ":8443/",
        "/\\evil.example",
        "/a\r\nX: y",
        "/a b",
        "/\u{e9}",
        "/a#b",
        "/.nightlatch/callback?code=x",
        "/x/../.nightlatch/log-out",
        "//.nightlatch/sign-in",
        "/.NIGHTLATCH/sign-in",
    ] {
        assert_eq!(wiki.return_path(bad), None, "{bad}");
    }
}

#[test]
fn fwd_07_a_path_that_could_be_read_otherwise_is_never_public() {
    let rule = Protection {
        public_paths: ["/static/", "/robots.txt"]
            .map(|text| PathRule::parse(text).expect("a rule"))
            .to_vec(),
        quiet_paths: vec![PathRule::parse("/poll").expect("a rule")],
        ..Protection::default()
    };
    for public in [
        "/static/",
        "/static/a/b.css",
        "/static/a%20b~!$&'()*+,=:@",
        "/robots.txt",
    ] {
        assert_eq!(rule.class_of(public), PathClass::Public, "{public}");
    }
    for not in [
        "/",
        "/static",
        "/STATIC/a",
        "/staticx/",
        "/robots.txt/",
        "/robots.txt/admin",
        "/static/../admin",
        "/static/..",
        "/static/./a",
        "/static//a",
        "//static/a",
        "/static/%2e%2e/admin",
        "/static/%2E./admin",
        "/static/..%2fadmin",
        "/static/%252e%252e/admin",
        "/static/..\\admin",
        "/static/..%5cadmin",
        "/static/..;/admin",
        "/static/..%3b/admin",
        "/static/%00",
        "/static/%ef%bc%8f",
        "/static/%c0%ae",
        "/static/%",
        "/static/%2",
        "/static/%zz",
        "/%73tatic/a",
        "/static/\u{ff0f}",
    ] {
        assert_ne!(rule.class_of(not), PathClass::Public, "{not}");
    }
    assert_eq!(rule.class_of("/poll"), PathClass::Quiet);
    for bad in ["static", "/a/../b", "/a%20b", "//", "/a?b", "/a;b", "/./"] {
        assert!(PathRule::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_cookie_for_a_domain_reaches_what_is_below_it() {
    let domain = CookieDomain::parse(".Apps.Example.com").expect("a domain");
    assert!(domain.covers(&host("https://wiki.apps.example.com:8443")));
    assert!(domain.covers(&host("https://apps.example.com")));
    assert!(!domain.covers(&host("https://evilapps.example.com")));
    assert!(!domain.covers(&host("https://example.com")));
    for bad in ["com", "", "a..b", "127.0.0.1", "a.b;Path=/", "."] {
        assert!(CookieDomain::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    let good = Protection {
        hosts: vec![host("https://wiki.example.com")],
        ..Protection::default()
    };
    assert_eq!(good.judge(), Ok(()));
    let with = |change: fn(&mut Protection)| {
        let mut other = good.clone();
        change(&mut other);
        other.judge()
    };
    assert_eq!(with(|p| p.hosts.clear()), Err(ProtectionProblem::NoHost));
    assert_eq!(
        with(|p| p.proof_age_seconds = Some(59)),
        Err(ProtectionProblem::ProofAge)
    );
    assert_eq!(
        with(|p| p.cookie_domain = CookieDomain::parse("example.org").ok()),
        Err(ProtectionProblem::CookieDomain)
    );
    let stored = serde_json::to_string(&good).expect("JSON");
    assert_eq!(
        serde_json::from_str::<Protection>(&stored).expect("a protection"),
        good
    );
}

fn facts(groups: &[GroupId]) -> Facts<'_> {
    let epochs = Epochs {
        user: 1,
        organization: 1,
        deployment: 1,
    };
    Facts {
        life: Life {
            epochs,
            kind: SessionKind::Ordinary,
            authenticated_at: Timestamp::from_milliseconds(0),
            last_active_at: Timestamp::from_milliseconds(0),
            deadlines: Deadlines {
                idle: Timestamp::from_milliseconds(1_000_000),
                overall: Timestamp::from_milliseconds(1_000_000),
            },
            ended: None,
        },
        standing: Standing {
            user_status: UserStatus::Active,
            epochs,
            limits: Limits {
                idle_seconds: 1_000,
                overall_seconds: 1_000,
            },
        },
        must_set_up_factor_from: None,
        is_of_one_organization: true,
        user: Id::from_bytes([1; 16]),
        groups,
        has_two_factors: false,
        proved_at: Timestamp::from_milliseconds(0),
        issued_at_epoch: 0,
    }
}

/// What each rule refuses, and that whoever may not enter hears that first.
#[test]
fn fwd_09_each_rule_refuses_by_itself() {
    let now = Timestamp::from_milliseconds(900_000);
    let active = (RelyingPartyStatus::Active, 0);
    let team: GroupId = Id::from_bytes([9; 16]);
    let open = Protection::default();
    let ask = |rule: &Protection, facts: &Facts<'_>| {
        decide(rule, active, Some(facts), PathClass::Ordinary, now)
    };
    let members = [team];
    let (member, other) = (facts(&members), facts(&[]));
    assert!(matches!(ask(&open, &other), Verdict::Allowed(_)));
    let named = Protection {
        entrance: Entrance::Named {
            users: vec![],
            groups: vec![team],
        },
        ..Protection::default()
    };
    assert!(matches!(ask(&named, &member), Verdict::Allowed(_)));
    assert_eq!(ask(&named, &other), Verdict::NotLetIn);
    let by_name = Protection {
        entrance: Entrance::Named {
            users: vec![other.user],
            groups: vec![],
        },
        ..Protection::default()
    };
    assert!(matches!(ask(&by_name, &other), Verdict::Allowed(_)));
    let nobody = Protection {
        entrance: Entrance::Named {
            users: vec![],
            groups: vec![],
        },
        ..Protection::default()
    };
    assert_eq!(ask(&nobody, &member), Verdict::NotLetIn);
    let strong = Protection {
        level: RequiredLevel::SecondFactor,
        ..Protection::default()
    };
    assert_eq!(ask(&strong, &member), Verdict::NotStrongEnough);
    let two = Facts {
        has_two_factors: true,
        ..member
    };
    assert!(matches!(ask(&strong, &two), Verdict::Allowed(_)));
    let young = Protection {
        proof_age_seconds: Some(900),
        ..Protection::default()
    };
    assert!(matches!(ask(&young, &member), Verdict::Allowed(_)));
    let later = now.plus(Duration::from_millis(1));
    assert_eq!(
        decide(&young, active, Some(&member), PathClass::Ordinary, later),
        Verdict::ProofTooOld
    );
    let elsewhere = Facts {
        is_of_one_organization: false,
        ..member
    };
    assert_eq!(ask(&open, &elsewhere), Verdict::NotLetIn);
    let due = Facts {
        must_set_up_factor_from: Some(now),
        ..member
    };
    assert_eq!(ask(&open, &due), Verdict::MustSetUpFactor);
    let old = Facts {
        issued_at_epoch: -1,
        ..member
    };
    assert_eq!(ask(&open, &old), Verdict::Withdrawn);
    let withdrawn = (RelyingPartyStatus::Withdrawn, 0);
    for path in [PathClass::Ordinary, PathClass::Public] {
        assert_eq!(
            decide(&open, withdrawn, Some(&member), path, now),
            Verdict::Withdrawn
        );
    }
    let over = Timestamp::from_milliseconds(1_000_000);
    assert_eq!(
        decide(&open, active, Some(&member), PathClass::Quiet, over),
        Verdict::SessionOver(Refusal::OverallTimeout)
    );
    assert_eq!(
        decide(&open, active, Some(&member), PathClass::Public, over),
        Verdict::Public
    );
    assert_eq!(
        decide(&open, active, None, PathClass::Ordinary, now),
        Verdict::NoSession
    );
    assert_eq!(
        decide(&open, active, None, PathClass::Public, now),
        Verdict::Public
    );
}
