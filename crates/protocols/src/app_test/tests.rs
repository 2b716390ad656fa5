//! Judging the addresses that people are sent to.

use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::{ClientId, OrganizationId};
use nightlatch_domain::relying_party::{ClientAuthentication, Registration};

use super::*;

const ISSUER: &str = "https://login.brightwater.example";

fn app() -> RelyingParty {
    let uri = |text: &str| RegisteredUri::parse(text).unwrap();
    RelyingParty {
        id: ClientId::from_bytes([7; 16]),
        organization_id: OrganizationId::from_bytes([1; 16]),
        name: "CRM".to_owned(),
        registration: Registration {
            redirect_uris: vec![uri("https://crm.brightwater.example/callback")],
            home: Some(uri("https://www.brightwater.example/")),
            ..Registration::default()
        },
        secret: None,
        status: RelyingPartyStatus::Active,
        epoch: 0,
        created_at: Timestamp::from_milliseconds(0),
    }
}

fn judged(purpose: Purpose, address: &str, app: &RelyingParty) -> (Verdict, String) {
    let uri = RegisteredUri::parse_logout(address, true)
        .or_else(|_| RegisteredUri::parse(address))
        .unwrap();
    let steps = judge_browser_address(purpose, &uri, app, ISSUER);
    let tried = Tried::new(purpose, None, steps);
    let words: Vec<_> = tried.steps.into_iter().map(|step| step.words).collect();
    (tried.verdict, words.join("; "))
}

#[test]
fn b6_addresses_that_people_are_sent_to_are_judged_in_plain_words() {
    use Purpose::{FrontChannelLogout, Home, PostLogoutRedirect, Redirect};
    use Verdict::{Failed, Good, Warning};
    let app = app();
    let table = [
        (
            Redirect,
            "https://crm.brightwater.example/callback",
            Good,
            "exactly",
        ),
        (Redirect, "com.example.crm:/callback", Good, "native app"),
        (
            Redirect,
            "https://login.brightwater.example/callback",
            Failed,
            "Nightlatch's own",
        ),
        (
            Redirect,
            "https://crm.brightwater.example/*",
            Failed,
            "letter by letter",
        ),
        (
            Redirect,
            "https://crm.brightwater.example/cb?state=1",
            Warning,
            "`state`",
        ),
        (
            Redirect,
            "http://localhost:3000/cb",
            Warning,
            "whoever signs in",
        ),
        (
            PostLogoutRedirect,
            "https://crm.brightwater.example/bye",
            Good,
            "exactly",
        ),
        (
            PostLogoutRedirect,
            "https://www.brightwater.example/bye",
            Good,
            "exactly",
        ),
        (
            PostLogoutRedirect,
            "https://cmr.brightwater.example/bye",
            Warning,
            "slip",
        ),
        (
            FrontChannelLogout,
            "https://crm.brightwater.example/out",
            Good,
            "never counts",
        ),
        (
            FrontChannelLogout,
            "http://crm.brightwater.example/out",
            Failed,
            "encrypted",
        ),
        (
            FrontChannelLogout,
            "https://crm.elsewhere.example/out",
            Warning,
            "another site",
        ),
        (
            Home,
            "https://www.brightwater.example/",
            Good,
            "the way back",
        ),
    ];
    for (purpose, address, verdict, words) in table {
        let (found, said) = judged(purpose, address, &app);
        assert_eq!(found, verdict, "{address}: {said}");
        assert!(said.contains(words), "{address}: {said}");
    }
    // A native app listens on the person's own device; that is what it is for.
    let mut native = app;
    native.registration.authentication = ClientAuthentication::None;
    let (found, said) = judged(Redirect, "http://127.0.0.1/cb", &native);
    assert_eq!(found, Good, "{said}");
}
