//! An app that signs people in: what its server sends us, written by hand.
//!
//! It shares no code with what it talks to. Codes are put into the database as the
//! authorization endpoint issues them.

use std::net::SocketAddr;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::Request;
use nightlatch_domain::grant::Scopes;
use nightlatch_domain::ids::{ClientId, SessionId};
use nightlatch_domain::relying_party::{
    ClientAuthentication, RegisteredUri, Registration, RelyingParty, RelyingPartyStatus,
};
use nightlatch_domain::secret::Token;
use nightlatch_storage::authorization_codes::{self, AuthorizationCode};
use nightlatch_storage::{relying_parties, sessions};
use serde_json::Value;

use crate::answer::Answer;
use crate::browser::Browser;
use crate::site::Site;

/// Where every app of the stories gets its codes.
pub const REDIRECT_URI: &str = "https://crm.example.com/callback";

/// A registered app, with its secret if it has one.
#[derive(Debug, Clone)]
pub struct RegisteredApp {
    /// `client_id`.
    pub id: ClientId,
    /// `client_secret`.
    pub secret: Option<String>,
}

/// A code, and the verifier that belongs to it.
#[derive(Debug, Clone)]
pub struct IssuedCode {
    /// The code.
    pub code: String,
    /// Its verifier.
    pub verifier: String,
}

/// What the token endpoint answered.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// `access_token`.
    pub access: String,
    /// `refresh_token`.
    pub refresh: String,
    /// `id_token`; empty if there is none.
    pub id: String,
    /// `scope`.
    pub scope: String,
}

impl Tokens {
    /// Reads an answer.
    ///
    /// # Panics
    ///
    /// If it is none with tokens.
    pub fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status.as_u16(), 200, "{}", answer.text());
        let json = answer.json();
        let text = |name: &str| {
            let value = json.get(name).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        Self {
            access: text("access_token"),
            refresh: text("refresh_token"),
            id: text("id_token"),
            scope: text("scope"),
        }
    }
}

impl Site {
    /// Registers an app of the site's organization.
    ///
    /// # Panics
    ///
    /// If that fails.
    pub fn add_app(&self, name: &str, change: impl FnOnce(&mut Registration)) -> RegisteredApp {
        let moment = self.moment();
        let mut registration = Registration {
            redirect_uris: vec![RegisteredUri::parse(REDIRECT_URI).expect("an address")],
            ..Registration::default()
        };
        change(&mut registration);
        let has_secret = registration.authentication == ClientAuthentication::Secret;
        let secret = has_secret.then(|| Token::generate(moment.random.as_ref()));
        let app = RelyingParty {
            id: ClientId::random(moment.random.as_ref()),
            organization_id: self.organization(),
            name: name.to_owned(),
            registration,
            secret: secret.as_ref().map(Token::digest),
            status: RelyingPartyStatus::Active,
            epoch: 0,
            created_at: moment.now,
        };
        let id = app.id;
        self.write(move |tx| relying_parties::add(tx, &app));
        RegisteredApp {
            id,
            secret: secret.map(|secret| secret.reveal()),
        }
    }

    /// Issues a code in the session of a browser.
    ///
    /// # Panics
    ///
    /// If the browser is not signed in.
    pub fn issue_code(
        &self,
        browser: &Browser<'_>,
        app: &RegisteredApp,
        scopes: &str,
    ) -> IssuedCode {
        let session = browser.session_row().expect("a session").id;
        self.issue_code_in(session, app, scopes)
    }

    /// Issues a code in a session.
    ///
    /// # Panics
    ///
    /// If there is no such session or app.
    pub fn issue_code_in(
        &self,
        session: SessionId,
        app: &RegisteredApp,
        scopes: &str,
    ) -> IssuedCode {
        let moment = self.moment();
        let code = Token::generate(moment.random.as_ref());
        let verifier = Token::generate(moment.random.as_ref()).reveal();
        let hashed = digest(&SHA256, verifier.as_bytes());
        let challenge = URL_SAFE_NO_PAD.encode(hashed.as_ref());
        let (id, scopes, key) = (app.id, Scopes::parse(scopes), code.digest());
        self.write(move |tx| {
            let owned = sessions::find(tx, session)?.expect("a session");
            let client = relying_parties::find(tx, id)?.expect("an app");
            let issued = AuthorizationCode {
                client_id: id,
                session_id: session,
                user_id: owned.user.id,
                client_epoch: client.epoch,
                redirect_uri: REDIRECT_URI.to_owned(),
                scopes,
                nonce: Some("n-0S6_WzA2Mj".to_owned()),
                challenge: Some(challenge.clone()),
                request: "{}".to_owned(),
                authenticated_at: owned.session.proved_at(),
                proofs: owned.session.proofs.clone(),
                created_at: moment.now,
                expires_at: moment.now.plus(Duration::from_mins(1)),
                used_at: None,
                grant_id: None,
            };
            authorization_codes::add(tx, &issued, key)
        });
        IssuedCode {
            code: code.reveal(),
            verifier,
        }
    }

    /// Signs a browser's person in to an app.
    pub fn enter(&self, browser: &Browser<'_>, app: &RegisteredApp, scopes: &str) -> Tokens {
        let code = self.issue_code(browser, app, scopes);
        Tokens::of(&app.exchange(self, &code))
    }
}

/// A request of an app's server, with these headers and fields.
///
/// # Panics
///
/// If it cannot be written.
pub fn call(
    site: &Site,
    (method, path): (&str, &str),
    headers: &[(&str, &str)],
    fields: &[(&str, &str)],
) -> Answer {
    let body = serde_urlencoded::to_string(fields).expect("fields");
    let host = site.origin().replace("http://", "");
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", host);
    if method == "POST" {
        request = request.header("content-type", "application/x-www-form-urlencoded");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body)).expect("a request");
    let peer = SocketAddr::from(([203, 0, 113, 9], 40_000));
    site.block_on(site.exchange(request, peer))
}

impl RegisteredApp {
    /// `Authorization: Basic …`.
    pub fn basic(&self) -> String {
        let secret = self.secret.as_deref().unwrap_or_default();
        format!("Basic {}", STANDARD.encode(format!("{}:{secret}", self.id)))
    }

    /// Posts fields, proved as it is registered.
    pub fn post(&self, site: &Site, path: &str, fields: &[(&str, &str)]) -> Answer {
        let id = self.id.to_string();
        if self.secret.is_some() {
            let header = self.basic();
            call(site, ("POST", path), &[("authorization", &header)], fields)
        } else {
            let fields = [fields, &[("client_id", id.as_str())]].concat();
            call(site, ("POST", path), &[], &fields)
        }
    }

    /// Exchanges a code.
    pub fn exchange(&self, site: &Site, issued: &IssuedCode) -> Answer {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", issued.code.as_str()),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", issued.verifier.as_str()),
        ];
        self.post(site, "/oauth2/token", &fields)
    }

    /// Refreshes.
    pub fn refresh(&self, site: &Site, token: &str) -> Answer {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.post(site, "/oauth2/token", &fields)
    }

    /// Asks about a token.
    pub fn introspect(&self, site: &Site, token: &str) -> Value {
        let answer = self.post(site, "/oauth2/introspect", &[("token", token)]);
        answer.expect(200).json()
    }

    /// Whether a token is good.
    ///
    /// # Panics
    ///
    /// If a token that is not good is told apart from any other.
    pub fn is_active(&self, site: &Site, token: &str) -> bool {
        let said = self.introspect(site, token);
        let active = said.get("active") == Some(&Value::Bool(true));
        assert!(
            active || said == serde_json::json!({ "active": false }),
            "{said}"
        );
        active
    }

    /// Gives a token back.
    pub fn revoke(&self, site: &Site, token: &str) -> Answer {
        self.post(site, "/oauth2/revoke", &[("token", token)])
    }
}

/// Calls with a token alone.
pub fn with_token(site: &Site, (method, path): (&str, &str), token: &str) -> Answer {
    let header = format!("Bearer {token}");
    call(site, (method, path), &[("authorization", &header)], &[])
}
