//! A provider that answers whatever a test wants, and a browser that reaches the CRM.

use std::sync::{Arc, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::Ed25519KeyPair;
use axum::Router;
use axum::body::Body;
use axum::http::header::{COOKIE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::routing::{get, post};
use crm_example::{Settings, app};
use http_body_util::BodyExt as _;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use url::Url;

pub(crate) const CLIENT_ID: &str = "crm";
pub(crate) const BASE_URL: &str = "http://127.0.0.1:1";
const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the app reads it, too")]
pub(crate) fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.unwrap().as_secs()).unwrap()
}

/// A key, and what is published of it.
pub(crate) struct Key {
    secret: EncodingKey,
    public: Jwk,
}

impl Key {
    pub(crate) fn new() -> Self {
        let made = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).unwrap();
        let secret = EncodingKey::from_ed_der(made.as_ref());
        let mut public = Jwk::from_encoding_key(&secret, Algorithm::EdDSA).unwrap();
        public.common.key_id = Some("one".to_owned());
        Self { secret, public }
    }

    pub(crate) fn sign(&self, kind: &str, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(kind.to_owned());
        header.kid = Some("one".to_owned());
        encode(&header, claims, &self.secret).unwrap()
    }
}

/// The provider, and the CRM that was told of it.
pub(crate) struct World {
    pub(crate) issuer: String,
    pub(crate) key: Arc<Key>,
    /// The ID token that the next code is exchanged for.
    id_token: Arc<Mutex<String>>,
    crm: Router,
}

impl World {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let key = Arc::new(Key::new());
        let id_token = Arc::new(Mutex::new(String::new()));
        let metadata = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "userinfo_endpoint": format!("{issuer}/userinfo"),
            "end_session_endpoint": format!("{issuer}/logout"),
            "jwks_uri": format!("{issuer}/jwks"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["EdDSA"],
        });
        let keys = json!({"keys": [key.public]});
        let next = Arc::clone(&id_token);
        let exchange = async move || {
            let id_token = next.lock().unwrap().clone();
            axum::Json(json!({
                "access_token": "a", "token_type": "Bearer", "id_token": id_token
            }))
        };
        let who = json!({"sub": "ada", "name": "Ada Lovelace", "email": "ada@example.com"});
        let router = Router::new()
            .route(
                "/.well-known/openid-configuration",
                get(async || axum::Json(metadata)),
            )
            .route("/jwks", get(async || axum::Json(keys)))
            .route("/token", post(exchange))
            .route("/userinfo", get(async || axum::Json(who)));
        drop(tokio::spawn(
            async move { axum::serve(listener, router).await },
        ));
        let crm = app(Settings {
            issuer: issuer.clone(),
            client_id: CLIENT_ID.to_owned(),
            client_secret: "secret".to_owned(),
            base_url: BASE_URL.to_owned(),
        });
        Self {
            issuer,
            key,
            id_token,
            crm,
        }
    }

    /// What an ID token says of this session.
    pub(crate) fn id_claims(&self, sid: &str) -> Value {
        json!({
            "iss": self.issuer, "aud": CLIENT_ID, "sub": "ada", "sid": sid,
            "iat": now(), "exp": now() + 300, "auth_time": now() - 60,
        })
    }

    /// What a notice of this session's end says.
    pub(crate) fn logout_claims(&self, jti: &str, sid: &str) -> Value {
        json!({
            "iss": self.issuer, "aud": CLIENT_ID, "sid": sid, "jti": jti,
            "iat": now(), "exp": now() + 120, "events": {LOGOUT_EVENT: {}},
        })
    }

    /// Sends a notice; returns how it was answered.
    pub(crate) async fn tell(&self, token: &str) -> StatusCode {
        let request = Request::post("/back-channel-logout")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(format!("logout_token={token}")))
            .unwrap();
        let answer = self.crm.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.headers()["cache-control"], "no-store");
        answer.status()
    }

    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser {
            world: self,
            cookies: Vec::new(),
        }
    }
}

/// An answer that was read.
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    headers: HeaderMap,
    pub(crate) text: String,
}

impl Page {
    pub(crate) fn location(&self) -> &str {
        let location = self.headers.get(LOCATION);
        location.map_or("", |location| location.to_str().unwrap())
    }
}

/// A browser with its cookies.
pub(crate) struct Browser<'a> {
    world: &'a World,
    cookies: Vec<(String, String)>,
}

impl Browser<'_> {
    async fn send(&mut self, mut request: Request<Body>) -> axum::response::Response {
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let headers = request.headers_mut();
        headers.insert(COOKIE, cookies.join("; ").parse().unwrap());
        let answer = self.world.crm.clone().oneshot(request).await.unwrap();
        for line in answer.headers().get_all(SET_COOKIE) {
            let line = line.to_str().unwrap();
            assert!(line.contains("HttpOnly") && line.contains("SameSite=Lax"));
            let (name, rest) = line.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            self.cookies.retain(|(known, _)| known != name);
            if !line.contains("Max-Age=0") {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        answer
    }

    async fn read(&mut self, request: Request<Body>) -> Page {
        let (parts, body) = self.send(request).await.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Page {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    pub(crate) async fn open(&mut self, path: &str) -> Page {
        self.read(Request::get(path).body(Body::empty()).unwrap())
            .await
    }

    /// Sends a form, as a page of this site would send it.
    pub(crate) async fn post(&mut self, path: &str, form: &[(&str, &str)], site: &str) -> Page {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(form);
        let request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", site)
            .body(Body::from(body.finish()))
            .unwrap();
        self.read(request).await
    }

    /// Opens the live stream.
    pub(crate) async fn stream(&mut self) -> Body {
        let request = Request::get("/events").body(Body::empty()).unwrap();
        self.send(request).await.into_body()
    }

    /// Begins to sign in; returns what the provider was asked.
    pub(crate) async fn leave(&mut self, path: &str) -> Asked {
        let page = self.open(path).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER);
        Asked(Url::parse(page.location()).unwrap())
    }

    /// Comes back with a code for this ID token.
    pub(crate) async fn come_back(&mut self, asked: &Asked, id_token: String) -> Page {
        *self.world.id_token.lock().unwrap() = id_token;
        let (state, issuer) = (asked.get("state"), &self.world.issuer);
        self.open(&format!("/callback?code=c&state={state}&iss={issuer}"))
            .await
    }

    /// Signs in, in this session at the provider.
    pub(crate) async fn sign_in(&mut self, sid: &str) -> Page {
        let asked = self.leave("/sign-in?to=/companies/1").await;
        let mut claims = self.world.id_claims(sid);
        claims["nonce"] = json!(asked.get("nonce"));
        let id_token = self.world.key.sign("JWT", &claims);
        self.come_back(&asked, id_token).await
    }

    pub(crate) async fn is_signed_in(&mut self) -> bool {
        self.open("/companies").await.status == StatusCode::OK
    }
}

/// What the provider was asked for.
pub(crate) struct Asked(pub(crate) Url);

impl Asked {
    pub(crate) fn get(&self, name: &str) -> String {
        let found = self.0.query_pairs().find(|(key, _)| key == name);
        found.map_or(String::new(), |(_, value)| value.into_owned())
    }
}
