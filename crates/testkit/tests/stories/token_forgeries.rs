//! Tokens that somebody made up, out of ids that stand in logs and of parts of real
//! ones. What is believed of a token is what its tag was made for (TOK-01).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nightlatch_domain::event::EventKind;
use nightlatch_domain::grant::Scopes;
use nightlatch_flows::authorize::{CodeOutcome, WantedCode, issue_code};
use nightlatch_storage::consents::{self, Consent};
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{REDIRECT_URI, Site, TestDatabase, Tokens, with_token};

use crate::SECOND;

on_both_databases!(
    tok_01_no_endpoint_believes_a_forged_token,
    a_consent_that_was_taken_back_meanwhile_gives_no_code,
);

/// Where the tag begins: after id, instant and scopes, and after id and generation.
const ACCESS_NAME: usize = 25;
const REFRESH_NAME: usize = 24;

fn bytes(token: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(&token[4..]).expect("one of ours")
}

fn text(prefix: &str, name: &[u8], tag: &[u8]) -> String {
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode([name, tag].concat()))
}

/// What can be made of the tokens of a grant, of which `mine` were refreshed once to
/// become `next`, and of those of another grant.
fn forgeries(mine: &Tokens, next: &Tokens, other: &Tokens) -> Vec<(&'static str, String)> {
    let (access, refresh) = (bytes(&next.access), bytes(&next.refresh));
    let (access, access_tag) = access.split_at(ACCESS_NAME);
    let (refresh, refresh_tag) = refresh.split_at(REFRESH_NAME);
    let access_with = |change: &dyn Fn(&mut [u8])| {
        let mut name = access.to_vec();
        change(&mut name);
        text("nla_", &name, access_tag)
    };
    let nearly = |tag: &[u8]| {
        let mut tag = tag.to_vec();
        tag[31] ^= 1;
        tag
    };
    let others_access = bytes(&other.access);
    let others_refresh = bytes(&other.refresh);
    let before = bytes(&mine.refresh);
    let all = Scopes::parse("openid profile email").to_byte();
    vec![
        (
            "an access token without tag",
            text("nla_", access, &[0; 32]),
        ),
        (
            "a refresh token without tag",
            text("nlr_", refresh, &[0; 32]),
        ),
        (
            "an access token but for a bit",
            text("nla_", access, &nearly(access_tag)),
        ),
        (
            "a refresh token but for a bit",
            text("nlr_", refresh, &nearly(refresh_tag)),
        ),
        (
            "an access token of another grant",
            text("nla_", access, &others_access[ACCESS_NAME..]),
        ),
        (
            "a refresh token of another grant",
            text("nlr_", refresh, &others_refresh[REFRESH_NAME..]),
        ),
        (
            "a refresh token that calls itself the next",
            text("nlr_", refresh, &before[REFRESH_NAME..]),
        ),
        (
            "a refresh token of long ago",
            text("nlr_", &[&refresh[..16], &[0xff; 8]].concat(), refresh_tag),
        ),
        (
            "an access token from later",
            access_with(&|name| name[23] = name[23].wrapping_add(1)),
        ),
        (
            "an access token that allows more",
            access_with(&|name| name[24] = all),
        ),
        (
            "a refresh token as access token",
            text("nla_", access, refresh_tag),
        ),
        (
            "an access token as refresh token",
            text("nlr_", refresh, access_tag),
        ),
    ]
}

fn tok_01_no_endpoint_believes_a_forged_token(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let crm = site.add_app("CRM", |_| {});
    let other = site.enter(&laptop, &crm, "openid profile email");
    let mut believed = Vec::new();
    let mut number = 0;
    loop {
        // A family for each, so that one that is believed hides no other.
        let mine = site.enter(&laptop, &crm, "openid profile email");
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", mine.refresh.as_str()),
            ("scope", "openid"),
        ];
        let next = Tokens::of(&crm.post(&site, "/oauth2/token", &fields));
        // An instant that lies ahead is none that could be from later.
        site.advance(SECOND);
        let all = forgeries(&mine, &next, &other);
        let Some((what, forged)) = all.get(number) else {
            assert_eq!(number, 12);
            break;
        };
        number += 1;
        let path = ("GET", "/oauth2/userinfo");
        if with_token(&site, path, forged).status.as_u16() != 401 {
            believed.push((*what, "userinfo"));
        }
        if crm.is_active(&site, forged) {
            believed.push((*what, "introspection"));
        }
        let answer = crm.refresh(&site, forged);
        if answer.status.as_u16() != 400 {
            believed.push((*what, "refresh"));
        }
        // Nor does it end anything: whoever knows an id could log others out.
        crm.revoke(&site, forged).expect(200);
        if !crm.is_active(&site, &next.access) || !crm.is_active(&site, &next.refresh) {
            believed.push((*what, "an end by refresh or revocation"));
        }
    }
    assert!(believed.is_empty(), "believed: {believed:#?}");
    assert_eq!(site.count_events(&ada, EventKind::TokenReused), 0);
    assert!(crm.is_active(&site, &other.access));
}

fn a_consent_that_was_taken_back_meanwhile_gives_no_code(which: TestDatabase) {
    let site = Site::new(which);
    let ada = site.add_ada();
    let mut laptop = site.browser();
    laptop.sign_in(&ada);
    let crm = site.add_app("CRM", |_| {});
    let session = laptop.session_row().expect("a session");
    let (user, client, now) = (ada.id, crm.id, site.now());
    let agree = |scopes| {
        let consent = Consent {
            client_id: client,
            scopes,
            given_at: now,
        };
        site.write(move |tx| consents::put(tx, user, &consent));
    };
    let scopes = Scopes::parse("openid email");
    // As it was decided upon when she agreed.
    let wanted = WantedCode {
        client_id: client,
        session_id: session.id,
        redirect_uri: REDIRECT_URI.to_owned(),
        scopes,
        disclosed: scopes,
        nonce: None,
        challenge: Some("A".repeat(43)),
        request: "{}".to_owned(),
        proved_at: session.created_at,
    };
    let outcome = || {
        let (moment, wanted) = (site.moment(), wanted.clone());
        site.write(move |tx| issue_code(tx, &moment, &wanted, None))
    };
    agree(scopes);
    assert!(matches!(outcome(), CodeOutcome::Issued(_)));
    // Taken back in another tab, in whole or in part, before the code was made.
    site.write(move |tx| consents::delete(tx, user, client));
    assert!(matches!(outcome(), CodeOutcome::Changed));
    agree(Scopes::parse("openid"));
    assert!(matches!(outcome(), CodeOutcome::Changed));
    agree(scopes);
    assert!(matches!(outcome(), CodeOutcome::Issued(_)));
    assert_eq!(
        site.count_rows("SELECT count(*) FROM authorization_codes"),
        2
    );
}
