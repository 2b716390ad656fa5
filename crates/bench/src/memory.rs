//! A million answers in memory.

use std::sync::Arc;

use nightlatch_domain::Clock as _;
use nightlatch_domain::ids::{Id, UserId};
use nightlatch_domain::relying_party::protection::ProtectedHost;
use nightlatch_domain::secret::Token;
use nightlatch_domain::session::Standing;
use nightlatch_domain::user::UserStatus;
use nightlatch_flows::check_cache::{CheckCache, HostQuestion};
use nightlatch_flows::protected::{HostCheck, HostFacts, HostRule, Identity, Person, Presented};
use nightlatch_server::wire::{SystemClock, SystemRandom};
use nightlatch_storage::sessions::OwnedSession;
use nightlatch_storage::{DatabaseLocation, Store};
use tokio::runtime::Runtime;

use crate::machine::resident_bytes;
use crate::row;
use nightlatch_bench::population::{HOST, app, organization, person, session};

const SESSIONS: usize = 1_000_000;
const MEGABYTE: f64 = 1_000_000.0;

pub(crate) fn run(_: &Runtime) {
    let now = SystemClock.now();
    let random = &SystemRandom;
    let store = Store::open(&DatabaseLocation::SqliteInMemory).expect("a store");
    let before = resident_bytes("self");
    let sessions_only = CheckCache::of(&store, SESSIONS);
    let reading = sessions_only.begin(&store);
    for _ in 0..SESSIONS {
        let user = UserId::sortable(now, random);
        let owned = OwnedSession {
            session: session(user, now, random),
            user: person(user, now),
            organization: organization(now),
            epochs: session(user, now, random).life.epochs,
        };
        sessions_only.keep(reading, Token::generate(random).digest(), &owned, now);
    }
    let between = resident_bytes("self");
    row(
        "a million sessions, bytes each, beside the limit",
        (between - before) / sessions_only.length() as f64,
        160.0,
        "B",
    );
    let cookies = CheckCache::of(&store, SESSIONS);
    let host = ProtectedHost::parse(HOST).expect("a host");
    let rule = Arc::new(HostRule::of(app(now)).expect("a protected app"));
    let reading = cookies.begin(&store);
    for _ in 0..SESSIONS {
        let user = UserId::sortable(now, random);
        let life = session(user, now, random).life;
        let presented = Presented {
            own: Some(Token::generate(random).digest()),
            shared: Vec::new(),
        };
        let facts = HostFacts {
            session_id: Id::random(random),
            user_id: user,
            organization_id: rule.organization_id,
            life,
            standing: Standing {
                user_status: UserStatus::Active,
                epochs: life.epochs,
                limits: organization(now).settings.policy.limits(life.kind),
            },
            must_set_up_factor_from: None,
            has_two_factors: false,
            proved_at: now,
            issued_at_epoch: rule.epoch,
            cookie: presented.own.expect("a cookie"),
            person: Arc::new(Person {
                groups: Box::default(),
                identity: Identity {
                    email: "ada.lovelace@brightwater.example".into(),
                    name: "Ada Lovelace".into(),
                    groups: Box::default(),
                },
            }),
        };
        let question = HostQuestion {
            host: &host,
            path: "/",
            presented: &presented,
            now,
        };
        cookies.keep_on_host(
            reading,
            question,
            &HostCheck::Known(Arc::clone(&rule), Some(facts)),
        );
    }
    let after = resident_bytes("self");
    row(
        "a million cookies of apps with names, MB, beside the limit",
        (after - between) / MEGABYTE,
        250.0,
        "MB",
    );
    row(
        "a cookie of an app with names, bytes, beside a session",
        (after - between) / cookies.length() as f64,
        (between - before) / sessions_only.length() as f64,
        "B",
    );
}
