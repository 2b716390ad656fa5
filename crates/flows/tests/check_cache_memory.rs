//! What answers kept in memory cost: at most 160 bytes for each live session, twice that for a cookie of a
//! protected app with the names it passes on, and no allocation to find one (design 11). Counted by an
//! allocator that counts, in these tests alone.
#![expect(clippy::expect_used, reason = "a test that meets the unexpected fails")]

use std::sync::Arc;

use nightlatch_domain::client::ClientDetails;
use nightlatch_domain::ids::{Id, OrganizationId, UserId};
use nightlatch_domain::organization::{Organization, Settings};
use nightlatch_domain::policy::Deadlines;
use nightlatch_domain::random::SeededRandom;
use nightlatch_domain::relying_party::protection::{ProtectedHost, Protection, Verdict};
use nightlatch_domain::relying_party::{Registration, RelyingParty, RelyingPartyStatus};
use nightlatch_domain::secret::TokenDigest;
use nightlatch_domain::session::{Epochs, Life, Session, SessionKind};
use nightlatch_domain::user::{Appearance, EmailAddress, Role, User, UserStatus};
use nightlatch_domain::{Random, Timestamp};
use nightlatch_flows::activity::Activity;
use nightlatch_flows::check_cache::{CheckCache, HostQuestion};
use nightlatch_flows::protected::{HostCheck, HostFacts, HostRule, Identity, Person, Presented};
use nightlatch_storage::sessions::OwnedSession;
use nightlatch_storage::testing::{TestDatabase, fresh_store};

const SESSIONS: usize = 100_000;

fn now() -> Timestamp {
    Timestamp::from_milliseconds(1_795_433_500_000)
}

fn live_session(random: &dyn Random) -> OwnedSession {
    let organization = OrganizationId::from_bytes([1; 16]);
    let user = UserId::sortable(now(), random);
    let day = std::time::Duration::from_hours(24);
    let epochs = Epochs {
        user: 1,
        organization: 2,
        deployment: 3,
    };
    OwnedSession {
        session: Session {
            id: Id::random(random),
            user_id: user,
            organization_id: organization,
            browser_id: None,
            created_at: now(),
            life: Life {
                epochs,
                kind: SessionKind::Ordinary,
                authenticated_at: now(),
                last_active_at: now(),
                deadlines: Deadlines {
                    idle: now().plus(day),
                    overall: now().plus(day * 7),
                },
                ended: None,
            },
            proofs: Vec::new(),
            client: ClientDetails {
                address: None,
                place: None,
                user_agent: String::new(),
            },
        },
        user: User {
            id: user,
            organization_id: organization,
            email: EmailAddress::parse("ada@example.com").expect("an address"),
            name: "Ada".to_owned(),
            role: Role::Member,
            status: UserStatus::Active,
            appearance: Appearance::System,
            picture_version: None,
            created_at: now(),
        },
        organization: Organization {
            id: organization,
            name: "Brightwater".to_owned(),
            settings: Settings::default(),
            created_at: now(),
        },
        epochs,
    }
}

fn digest(number: usize) -> TokenDigest {
    TokenDigest::of(&number.to_le_bytes())
}

#[test]
fn a_session_takes_at_most_160_bytes_and_finding_it_allocates_nothing() {
    let store = fresh_store(TestDatabase::Sqlite);
    let random = SeededRandom::new(5);
    let mut cache = None;
    let taken = allocation_counter::measure(|| {
        let kept = CheckCache::of(&store, SESSIONS);
        let reading = kept.begin(&store);
        for number in 0..SESSIONS {
            kept.keep(reading, digest(number), &live_session(&random), now());
        }
        cache = Some(kept);
    });
    let cache = cache.expect("a cache");
    let length = cache.length();
    // A shard that is full earlier than others lets some go.
    assert!(length * 100 > SESSIONS * 97, "{length} of {SESSIONS} fit");
    let each = taken.bytes_current / i64::try_from(length).expect("a number");
    assert!(each < 160, "{each} bytes for each of {length} sessions");

    let activity = Arc::new(Activity::default());
    let known = (0..SESSIONS)
        .filter(|number| cache.find(digest(*number), &activity, now()).is_some())
        .take(1_000)
        .map(digest)
        .collect::<Vec<_>>();
    assert_eq!(known.len(), 1_000);
    let found = allocation_counter::measure(|| {
        for token in &known {
            assert!(cache.find(*token, &activity, now()).is_some());
        }
    });
    assert_eq!(found.count_total, 0);
}

fn protected_app() -> Arc<HostRule> {
    let protection = Protection {
        hosts: vec![ProtectedHost::parse("https://wiki.example.net").expect("a host")],
        ..Protection::default()
    };
    let app = RelyingParty {
        id: Id::from_bytes([9; 16]),
        organization_id: OrganizationId::from_bytes([1; 16]),
        name: "Wiki".to_owned(),
        registration: Registration {
            protection: Some(protection),
            ..Registration::default()
        },
        secret: None,
        status: RelyingPartyStatus::Active,
        epoch: 0,
        created_at: now(),
    };
    Arc::new(HostRule::of(app).expect("a protected app"))
}

fn facts(rule: &HostRule, random: &dyn Random, cookie: TokenDigest) -> HostFacts {
    let owned = live_session(random);
    HostFacts {
        session_id: owned.session.id,
        user_id: owned.user.id,
        organization_id: rule.organization_id,
        life: owned.session.life,
        standing: owned.standing(),
        must_set_up_factor_from: None,
        has_two_factors: false,
        proved_at: now(),
        issued_at_epoch: rule.epoch,
        cookie,
        person: Arc::new(Person {
            groups: Box::default(),
            identity: Identity {
                email: "ada.lovelace@brightwater.example".into(),
                name: "Ada Lovelace".into(),
                groups: Box::default(),
            },
        }),
    }
}

fn question<'a>(host: &'a ProtectedHost, presented: &'a Presented) -> HostQuestion<'a> {
    HostQuestion {
        host,
        path: "/page",
        presented,
        now: now(),
    }
}

#[test]
fn a_cookie_of_an_app_takes_at_most_320_bytes_with_names_and_finding_it_allocates_nothing() {
    let store = fresh_store(TestDatabase::Sqlite);
    let random = SeededRandom::new(6);
    let rule = protected_app();
    let host = ProtectedHost::parse("https://wiki.example.net").expect("a host");
    let presented = |number| Presented {
        own: Some(digest(number)),
        shared: Vec::new(),
    };
    let mut cache = None;
    let taken = allocation_counter::measure(|| {
        let kept = CheckCache::of(&store, SESSIONS);
        let reading = kept.begin(&store);
        for number in 0..SESSIONS {
            let facts = facts(&rule, &random, digest(number));
            let read = HostCheck::Known(Arc::clone(&rule), Some(facts));
            kept.keep_on_host(reading, question(&host, &presented(number)), &read);
        }
        cache = Some(kept);
    });
    let cache = cache.expect("a cache");
    let length = cache.length();
    assert!(length * 100 > SESSIONS * 97, "{length} of {SESSIONS} fit");
    let each = taken.bytes_current / i64::try_from(length).expect("a number");
    assert!(
        (200..320).contains(&each),
        "{each} bytes for each of {length}"
    );

    let activity = Activity::default();
    let known: Vec<Presented> = (0..SESSIONS)
        .map(presented)
        .filter(|presented| {
            cache
                .find_on_host(question(&host, presented), &activity)
                .is_some()
        })
        .take(1_000)
        .collect();
    assert_eq!(known.len(), 1_000);
    let found = allocation_counter::measure(|| {
        for presented in &known {
            let found = cache.find_on_host(question(&host, presented), &activity);
            let Some(HostCheck::Known(rule, facts)) = &found else {
                panic!("not in memory");
            };
            let verdict = rule.decide(facts.as_ref(), "/page", now());
            assert!(matches!(verdict, Verdict::Allowed(_)));
        }
    });
    assert_eq!(found.count_total, 0);
}
