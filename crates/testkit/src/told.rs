//! Apps that are told of logouts: registered, entered, told, and what they make of a
//! logout token.

use std::collections::HashSet;
use std::sync::LazyLock;
use std::time::Duration;

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::{ClientId, EndingId, NoticeId, SessionId};
use nightlatch_domain::notice::{Lane, Notice};
use nightlatch_domain::relying_party::{
    RegisteredUri, Registration, RelyingParty, RelyingPartyStatus, SigningAlgorithm,
};
use nightlatch_domain::secret::Token;
use nightlatch_flows::app_health::{self, Overview};
use nightlatch_flows::delivery::{self, ResendOutcome};
use nightlatch_protocols::outgoing::{Outgoing, Patience};
use nightlatch_storage::{entries, notices, relying_parties};
use nightlatch_web::delivering::{self, Courier};
use serde_json::Value;

use crate::site::{RUNTIME, Site};

/// How long apps of stories are waited for.
const PATIENCE: Patience = Patience {
    connecting: Duration::from_secs(1),
    whole: Duration::from_millis(1500),
};

pub(crate) static OUTGOING: LazyLock<Outgoing> = LazyLock::new(|| Outgoing::new(PATIENCE));

/// An app that was registered for a story.
#[derive(Debug, Clone)]
pub struct ToldApp {
    /// Its client id.
    pub id: ClientId,
    /// Its secret.
    pub secret: String,
}

impl ToldApp {
    /// How it proves itself (RFC 6749 section 2.3.1).
    pub fn authorization(&self) -> String {
        use base64::Engine as _;
        let pair = format!("{}:{}", self.id, self.secret);
        let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
        format!("Basic {encoded}")
    }
}

impl Site {
    /// Registers an app of the site's organization that hears of logouts at these
    /// addresses, on this machine too. It signs with ES256, whose keys cost nothing.
    ///
    /// # Panics
    ///
    /// If an address cannot be registered.
    pub fn add_told_app(
        &self,
        name: &str,
        addresses: &[String],
        change: impl FnOnce(&mut Registration),
    ) -> ToldApp {
        let uris = addresses
            .iter()
            .map(|text| RegisteredUri::parse_logout(text, true).expect("an address"));
        let mut registration = Registration {
            backchannel_logout_uris: uris.collect(),
            allow_private_network: true,
            signing_algorithm: SigningAlgorithm::Es256,
            ..Registration::default()
        };
        change(&mut registration);
        let moment = self.moment();
        let secret = Token::generate(moment.random.as_ref());
        let app = RelyingParty {
            id: ClientId::random(moment.random.as_ref()),
            organization_id: self.organization(),
            name: name.to_owned(),
            registration,
            secret: Some(secret.digest()),
            status: RelyingPartyStatus::Active,
            epoch: 0,
            created_at: moment.now,
        };
        let id = app.id;
        self.write(move |tx| relying_parties::add(tx, &app));
        ToldApp {
            id,
            secret: secret.reveal(),
        }
    }

    /// Changes what is registered of an app.
    ///
    /// # Panics
    ///
    /// If there is no such app.
    pub fn change_told_app(&self, app: &ToldApp, change: impl FnOnce(&mut Registration)) {
        let id = app.id;
        let found = self.read(move |tx| relying_parties::find(tx, id));
        let mut found = found.expect("an app");
        change(&mut found.registration);
        self.write(move |tx| relying_parties::update(tx, &found));
    }

    /// A session enters an app, as it does when the app gets tokens in it.
    ///
    /// # Panics
    ///
    /// If there is no such session.
    pub fn record_entry(&self, session: SessionId, app: &ToldApp) {
        let (client, now) = (app.id, self.now());
        self.write(move |tx| {
            let owned = nightlatch_storage::sessions::find(tx, session)?;
            let user = owned.expect("a session").session.user_id;
            entries::record(tx, session, client, user, now)
        });
    }

    /// Tells apps everything that is due, as the workers do; returns how many attempts
    /// were made.
    pub fn deliver(&self) -> usize {
        self.deliver_lane(Lane::Interactive) + self.deliver_lane(Lane::Mass)
    }

    /// The same for one lane.
    ///
    /// # Panics
    ///
    /// If the database does not answer.
    pub fn deliver_lane(&self, lane: Lane) -> usize {
        let app = self.app();
        self.block_on(async move {
            let mut courier = Courier::new(lane, OUTGOING.clone());
            let mut attempts = 0;
            loop {
                courier.round(&app).await.expect("a round");
                if courier.under_way() == 0 {
                    return attempts;
                }
                attempts += courier.under_way();
                courier.settle().await;
            }
        })
    }

    /// A courier that goes on by itself until it is dropped, as the worker does.
    pub fn start_courier(&self, lane: Lane) -> RunningCourier {
        let app = self.app();
        RunningCourier(RUNTIME.spawn(async move {
            let mut courier = Courier::new(lane, OUTGOING.clone());
            loop {
                let wait = courier
                    .round(&app)
                    .await
                    .unwrap_or(Duration::from_millis(50));
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = app.signals.delivery_woken(lane) => {}
                    () = courier.landed() => {}
                }
            }
        }))
    }

    /// Takes due notices as a worker does that dies before it calls anybody.
    pub fn claim_and_die(&self, lane: Lane, most: usize) -> usize {
        let moment = self.moment();
        let room = delivery::Capacity {
            lane,
            total: most,
            per_app: most,
            of_app: std::collections::HashMap::new(),
            after: delivery::first_client(),
        };
        self.write(move |tx| delivery::claim(tx, &moment, room.clone()))
            .notices
            .len()
    }

    /// Gives up what nobody came for, and counts what waits.
    ///
    /// # Panics
    ///
    /// If the database does not answer.
    pub fn tidy_up_notices(&self) {
        let app = self.app();
        self.block_on(async move { delivering::tidy_up(&app).await })
            .expect("an answer");
    }

    /// Looks for apps that learn of nothing for very long, as a worker does now and then.
    ///
    /// # Panics
    ///
    /// If the database does not answer.
    pub fn look_for_overdue(&self) {
        let app = self.app();
        self.block_on(async move { delivering::look_for_overdue(&app).await })
            .expect("an answer");
    }

    /// How it stands with telling an app.
    pub fn overview(&self, app: &ToldApp) -> Overview {
        let (now, id) = (self.now(), app.id);
        self.read(move |tx| app_health::overview(tx, now, id))
    }

    /// Sends a notice again, as the operator asks.
    pub fn resend(&self, id: NoticeId) -> ResendOutcome {
        let moment = self.moment();
        self.write(move |tx| delivery::resend(tx, &moment, id))
    }

    /// The notices of an ending, oldest first.
    pub fn notices_of(&self, ending: EndingId) -> Vec<Notice> {
        self.read(move |tx| notices::list_of_ending(tx, ending, 10_000))
    }

    /// What an app that checks everything makes of a logout token (Back-Channel Logout
    /// 2.6), with a library of its own and the published keys. `spent` are the ids that
    /// it has seen.
    ///
    /// # Panics
    ///
    /// Never.
    pub fn judge_logout_token(
        &self,
        app: &ToldApp,
        token: &str,
        spent: &mut HashSet<String>,
    ) -> Result<Value, String> {
        let keys = self.app().signing.current();
        let published = serde_json::json!({ "keys": keys.published(self.now()) });
        let keys: JwkSet = serde_json::from_value(published).expect("a key set");
        judge_logout_token(&keys, &self.origin(), app, token, (self.now(), spent))
    }
}

/// A courier in the background.
#[derive(Debug)]
pub struct RunningCourier(tokio::task::JoinHandle<()>);

impl Drop for RunningCourier {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The steps of Back-Channel Logout 2.6, one after the other.
fn judge_logout_token(
    keys: &JwkSet,
    issuer: &str,
    app: &ToldApp,
    token: &str,
    (now, spent): (Timestamp, &mut HashSet<String>),
) -> Result<Value, String> {
    let header = decode_header(token).map_err(|error| format!("no token: {error}"))?;
    if header.typ.as_deref() != Some("logout+jwt") {
        return Err("it is not typed as a logout token".to_owned());
    }
    let kid = header.kid.ok_or("it names no key")?;
    let key = keys.find(&kid).ok_or("its key is not published")?;
    let algorithm = key
        .common
        .key_algorithm
        .and_then(|algorithm| algorithm.to_string().parse().ok())
        .ok_or("the key names no algorithm")?;
    let mut validation = Validation::new(algorithm);
    // The clock of stories is another one.
    validation.validate_exp = false;
    validation.set_issuer(&[issuer]);
    validation.set_audience(&[app.id.to_string()]);
    validation.set_required_spec_claims(&["iss", "aud", "exp"]);
    let key = DecodingKey::from_jwk(key).map_err(|error| error.to_string())?;
    let claims = decode::<Value>(token, &key, &validation)
        .map_err(|error| error.to_string())?
        .claims;
    let number = |name: &str| claims.get(name).and_then(Value::as_i64);
    let seconds = now.milliseconds() / 1000;
    let (issued, expires) = (
        number("iat").ok_or("no iat")?,
        number("exp").ok_or("no exp")?,
    );
    if expires <= seconds || issued > seconds || expires - issued > 120 {
        return Err("it is not good now".to_owned());
    }
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("sid").is_none() && text("sub").is_none() {
        return Err("it names neither session nor person".to_owned());
    }
    let event = claims
        .get("events")
        .and_then(|events| events.get("http://schemas.openid.net/event/backchannel-logout"));
    if event.and_then(Value::as_object).is_none() {
        return Err("it tells of no logout".to_owned());
    }
    if claims.get("nonce").is_some() {
        return Err("it holds a nonce".to_owned());
    }
    let id = text("jti").ok_or("no jti")?;
    if !spent.insert(id.to_owned()) {
        return Err("it was used before".to_owned());
    }
    Ok(claims)
}
