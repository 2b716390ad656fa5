//! Apps that sign people in through the site, as stories see them: registered,
//! entered, and answering to a log-out or not.

use std::time::Duration;

use nightlatch_domain::Timestamp;
use nightlatch_domain::grant::{Grant, Scopes};
use nightlatch_domain::ids::{ClientId, EndingId, GrantId, NoticeId, SessionId};
use nightlatch_domain::notice::{Notice, NoticeState};
use nightlatch_domain::relying_party::{
    RegisteredUri, Registration, RelyingParty, RelyingPartyStatus, SigningAlgorithm,
};
use nightlatch_protocols::jose::TokenType;
use nightlatch_storage::{entries, grants, notices, relying_parties, sessions};
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::operator::Account;
use crate::site::Site;

/// Where the app of a name may send people after a log-out.
pub fn goodbye_of(name: &str) -> String {
    format!("https://{name}.example.net/goodbye")
}

impl Site {
    /// Registers an app of the site's organization; `change` says how it differs from
    /// one that has a start page, a return address and one logout address.
    ///
    /// # Panics
    ///
    /// If its name makes no address.
    pub fn connect_app(&self, name: &str, change: impl FnOnce(&mut Registration)) -> RelyingParty {
        let host = name.to_lowercase();
        let uri = |path: &str| {
            RegisteredUri::parse(&format!("https://{host}.example.net{path}")).expect("an address")
        };
        let mut registration = Registration {
            redirect_uris: vec![uri("/callback")],
            post_logout_redirect_uris: vec![uri("/goodbye")],
            backchannel_logout_uris: vec![uri("/logout")],
            home: Some(uri("/")),
            signing_algorithm: SigningAlgorithm::EdDsa,
            ..Registration::default()
        };
        change(&mut registration);
        let app = RelyingParty {
            id: ClientId::random(self.moment().random.as_ref()),
            organization_id: self.organization(),
            name: name.to_owned(),
            registration,
            secret: None,
            status: RelyingPartyStatus::Active,
            epoch: 0,
            created_at: self.now(),
        };
        let added = app.clone();
        self.write(move |tx| relying_parties::add(tx, &added));
        app
    }

    /// The app has got tokens in the session of this browser.
    ///
    /// # Panics
    ///
    /// If nobody is signed in there.
    pub fn enter_app(&self, browser: &Browser<'_>, app: &RelyingParty) {
        let row = browser.session_row().expect("a session");
        let (client, now) = (app.id, self.now());
        self.write(move |tx| entries::record(tx, row.id, client, row.user, now));
    }

    /// The app has got tokens in every session of an account that is open.
    pub fn enter_app_everywhere(&self, account: &Account, app: &RelyingParty) {
        let (client, now) = (app.id, self.now());
        for row in self.sessions_of(account) {
            if row.ended.is_none() {
                self.write(move |tx| entries::record(tx, row.id, client, row.user, now));
            }
        }
    }

    /// The ID token that the app got in the session of this browser, expired by now.
    ///
    /// # Panics
    ///
    /// If nobody is signed in there.
    pub fn id_token(&self, browser: &Browser<'_>, app: &RelyingParty) -> String {
        let row = browser.session_row().expect("a session");
        self.signed(&json!({
            "iss": self.origin(),
            "sub": row.user.to_string(),
            "aud": app.id.to_string(),
            "sid": row.id.to_string(),
            "iat": 0,
            "exp": 300,
        }))
    }

    /// An ID token with these claims.
    ///
    /// # Panics
    ///
    /// If it cannot be signed.
    pub fn signed(&self, claims: &Value) -> String {
        let (app, moment) = (self.app(), self.moment());
        let algorithm = SigningAlgorithm::EdDsa;
        let keys = app
            .signing
            .for_signing(&app.store, &app.sealer, &moment, algorithm);
        let keys = self.block_on(keys).expect("keys");
        keys.sign(algorithm, TokenType::Id, claims, moment.now)
            .expect("a token")
    }

    /// The app may go on when this person is not there; granted in the session of this
    /// browser.
    ///
    /// # Panics
    ///
    /// If nobody is signed in there.
    pub fn grant_long_lived(&self, browser: &Browser<'_>, app: &RelyingParty) -> GrantId {
        let row = browser.session_row().expect("a session");
        let (moment, client, user) = (self.moment(), app.id, row.user);
        let organization_id = self.organization();
        let id = GrantId::random(moment.random.as_ref());
        self.write(move |tx| {
            let epochs = grants::find_epochs(tx, user, client)?.expect("a person and an app");
            let grant = Grant {
                id,
                client_id: client,
                user_id: user,
                organization_id,
                session_id: row.id,
                offline: true,
                epochs,
                scopes: Scopes::parse("openid offline_access"),
                authenticated_at: moment.now,
                proofs: Vec::new(),
                request: "{}".to_owned(),
                seed: [9; 32],
                generation: 0,
                rotated_at: moment.now,
                idle_deadline: moment.now.plus(Duration::from_hours(30 * 24)),
                overall_deadline: moment.now.plus(Duration::from_hours(365 * 24)),
                access_from: moment.now,
                created_at: moment.now,
                last_used_at: moment.now,
                revoked: None,
            };
            grants::add(tx, &grant)
        });
        id
    }

    /// The sessions of an account that are in an app.
    pub fn entered(&self, account: &Account, app: &RelyingParty) -> Vec<SessionId> {
        let (user, client) = (account.id, app.id);
        let open = self.read(move |tx| entries::list_open_of_user(tx, user, 100));
        open.into_iter()
            .filter(|entry| entry.client_id == client)
            .map(|entry| entry.session_id)
            .collect()
    }

    /// The notices of an ending.
    pub fn notices(&self, ending: EndingId) -> Vec<Notice> {
        self.read(move |tx| notices::list_of_ending(tx, ending, 1_000))
    }

    /// The notices of the ending of a session.
    ///
    /// # Panics
    ///
    /// If it has not ended.
    pub fn notices_of_session(&self, id: SessionId) -> Vec<Notice> {
        let owned = self.read(move |tx| sessions::find(tx, id));
        let ended = owned.and_then(|owned| owned.session.life.ended);
        self.notices(ended.expect("a session that ended").ending_id)
    }

    /// The app has answered, or was given up, as the worker writes it down; open pages
    /// hear of it.
    pub fn settle(&self, notice: &Notice, state: NoticeState, status: Option<i64>) {
        let (id, now): (NoticeId, Timestamp) = (notice.id, self.now());
        let finished = (state != NoticeState::Waiting).then_some(now);
        self.write(move |tx| {
            tx.execute_one(
                "UPDATE notices SET state = $2, finished_at = $3, last_status = $4,
                        attempts = attempts + 1
                 WHERE id = $1",
                &[
                    id.into(),
                    state.name().into(),
                    finished.into(),
                    status.into(),
                ],
            )
        });
        self.app().signals.notice_changed(notice.ending_id);
    }
}
