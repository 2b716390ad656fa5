//! The official suite as far as our stories need it: its app, the browser of whoever runs
//! it, and the checks that it makes in every module.

use jsonwebtoken::Algorithm;
use nightlatch_testkit::{
    Account, Answer, Browser, PASSWORD, REDIRECT_URI, RegisteredApp, Site, Tokens, call, with_token,
};
use serde_json::Value;

use crate::tokens::read_id_token;

pub(crate) const STATE: &str = "xyz-\u{e9} &=#";
pub(crate) const NONCE: &str = "n-0S6_WzA2Mj";

/// A request without signature that says where the answer goes (Core 6.1).
pub(crate) const UNSIGNED: &str =
    "eyJhbGciOiJub25lIn0.eyJyZWRpcmVjdF91cmkiOiJodHRwczovL2V2aWwuZXhhbXBsZS8ifQ.";

/// The suite with its app and the browser of whoever runs it.
pub(crate) struct Suite<'a> {
    pub(crate) site: &'a Site,
    pub(crate) ada: Account,
    pub(crate) app: RegisteredApp,
    pub(crate) browser: Browser<'a>,
}

/// What one run through the flow brought.
pub(crate) struct Signed {
    pub(crate) code: String,
    pub(crate) tokens: Tokens,
    pub(crate) claims: Value,
}

impl<'a> Suite<'a> {
    pub(crate) fn new(site: &'a Site) -> Self {
        let app = site.add_app("Conformance suite", |app| {
            app.without_pkce = true;
            app.offline_access = true;
            app.first_party = true;
        });
        Self {
            site,
            ada: site.add_ada(),
            app,
            browser: site.browser(),
        }
    }

    /// The parameters of its requests, some replaced or added; empty ones are left out.
    pub(crate) fn query(&self, changes: &[(&str, &str)]) -> String {
        let id = self.app.id.to_string();
        let usual = [
            ("client_id", id.as_str()),
            ("redirect_uri", REDIRECT_URI),
            ("scope", "openid"),
            ("state", STATE),
            ("nonce", NONCE),
            ("response_type", "code"),
        ];
        let kept = usual
            .into_iter()
            .filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
        let pairs = kept.chain(changes.iter().copied());
        let pairs: Vec<_> = pairs.filter(|(_, value)| !value.is_empty()).collect();
        serde_urlencoded::to_string(pairs).expect("pairs of text")
    }

    pub(crate) fn open(&mut self, changes: &[(&str, &str)]) -> Answer {
        let url = format!("/oauth2/authorize?{}", self.query(changes));
        self.browser.open(&url)
    }

    /// Fills the sign-in form that is on the screen.
    pub(crate) fn sign_in(&mut self) -> Answer {
        assert_eq!(self.browser.page().heading, "Sign in");
        self.browser.fill("E-mail address", &self.ada.email);
        self.browser.fill("Password", PASSWORD);
        self.browser.press("Sign in")
    }

    /// Gets a code, signing in on the way if nobody is.
    pub(crate) fn code(&mut self, changes: &[(&str, &str)]) -> String {
        let mut answer = self.open(changes);
        if answer.status.as_u16() == 200 {
            answer = self.sign_in();
        }
        self.code_in(&answer)
    }

    /// The code in an answer that leads to the app, with everything that must be beside it.
    pub(crate) fn code_in(&self, answer: &Answer) -> String {
        let pairs = returned(answer);
        let names: Vec<_> = pairs.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["code", "state", "iss"]);
        assert_eq!(pairs[1].1, STATE);
        assert_eq!(pairs[2].1, self.site.origin());
        pairs[0].1.clone()
    }

    pub(crate) fn exchange(&self, code: &str, more: &[(&str, &str)]) -> Answer {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT_URI),
        ];
        self.app
            .post(self.site, "/oauth2/token", &[&fields, more].concat())
    }

    /// The whole flow, with the checks that are made in every module.
    pub(crate) fn run(&mut self, changes: &[(&str, &str)]) -> Signed {
        let code = self.code(changes);
        let answer = self.exchange(&code, &[]).expect(200);
        assert_eq!(answer.json()["token_type"], "Bearer");
        assert!(answer.json()["expires_in"].is_u64());
        let tokens = Tokens::of(&answer);
        let claims = self.check_id_token(&tokens);
        self.userinfo(&tokens);
        Signed {
            code,
            tokens,
            claims,
        }
    }

    pub(crate) fn check_id_token(&self, tokens: &Tokens) -> Value {
        let claims = read_id_token(self.site, &tokens.id, Algorithm::RS256);
        let now = self.site.now().milliseconds() / 1000;
        assert_eq!(claims["iss"], self.site.origin());
        assert_eq!(claims["aud"], self.app.id.to_string());
        assert_eq!(claims["sub"], self.ada.id.to_string());
        assert_eq!(claims["iat"], now);
        assert!(claims["exp"].as_i64().is_some_and(|exp| exp > now));
        assert!(claims["auth_time"].is_i64());
        claims
    }

    pub(crate) fn userinfo(&self, tokens: &Tokens) -> Value {
        let answer = with_token(self.site, ("GET", "/oauth2/userinfo"), &tokens.access);
        self.check_userinfo(&answer.expect(200))
    }

    pub(crate) fn check_userinfo(&self, answer: &Answer) -> Value {
        assert_eq!(answer.media_type(), "application/json");
        let said = answer.json();
        assert_eq!(said["sub"], self.ada.id.to_string());
        said
    }

    pub(crate) fn supported(&self, list: &str) -> Vec<String> {
        let path = "/.well-known/openid-configuration";
        let document = call(self.site, ("GET", path), &[], &[]).expect(200).json();
        let found = document[list].as_array().expect("a list").clone();
        let text = |value: Value| value.as_str().map(str::to_owned).expect("text");
        found.into_iter().map(text).collect()
    }
}

/// What the app gets in its address.
fn returned(answer: &Answer) -> Vec<(String, String)> {
    assert_eq!(answer.status.as_u16(), 303, "{}", answer.text());
    let location = answer.location().expect("an address");
    let query = location.strip_prefix(REDIRECT_URI).expect("to the app");
    serde_urlencoded::from_str(query.strip_prefix('?').expect("a query")).expect("pairs")
}

/// The error in an answer that leads to the app, with everything that must be beside it.
pub(crate) fn error_in(site: &Site, answer: &Answer) -> String {
    let pairs = returned(answer);
    let names: Vec<_> = pairs.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["error", "error_description", "state", "iss"]);
    let plain = |text: &str| {
        text.bytes()
            .all(|byte| matches!(byte, 0x20..=0x7e) && byte != b'"' && byte != b'\\')
    };
    assert!(plain(&pairs[1].1), "{}", pairs[1].1);
    assert_eq!(pairs[2].1, STATE);
    assert_eq!(pairs[3].1, site.origin());
    pairs[0].1.clone()
}
