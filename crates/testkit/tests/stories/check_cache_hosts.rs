//! Checks of protected apps from memory: whatever happens, they are those of the
//! database, and a logout, a rule or a withdrawal that was answered is known to the
//! very next request (FWD-06, A5, POL-02).

use std::sync::Arc;
use std::time::Duration;

use nightlatch_domain::ending::{Actor, Scope};
use nightlatch_domain::ids::Id;
use nightlatch_domain::policy::SecondFactorRule;
use nightlatch_domain::relying_party::protection::{Entrance, RequiredLevel, Verdict};
use nightlatch_domain::secret::{Token, TokenDigest};
use nightlatch_flows::check_cache::HostQuestion;
use nightlatch_flows::protected::{self, HostCheck, HostFacts, HostRule, Presented};
use nightlatch_flows::{apps, sessions};
use nightlatch_storage::groups::{self, Group};
use nightlatch_storage::host_sessions::{self, HostSession};
use nightlatch_storage::testing::{break_after, mend};
use nightlatch_storage::{on_both_databases, relying_parties};
use nightlatch_testkit::{Account, ProtectedApp, Site, TestDatabase};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

on_both_databases!(
    fwd_06_over_random_events_memory_and_database_agree_on_hosts,
    fwd_06_what_ends_a_session_ends_it_for_the_next_request_from_memory,
    fwd_06_a_read_that_an_ending_overtakes_is_never_kept_for_a_host,
    a_request_that_is_known_needs_no_database,
    what_is_answered_from_memory_is_what_the_routes_answer,
);

const PEOPLE: usize = 2;
const APPS: usize = 2;

/// Something that happens. Numbers are taken modulo how many there are.
#[derive(Debug, Clone)]
enum Event {
    SignIn(usize),
    Enter { session: usize, app: usize },
    Leave(usize),
    EndOne(usize),
    EndAll(usize),
    EndEverybody(bool),
    Disable(usize),
    Enable(usize),
    Withdraw(usize),
    Restore(usize),
    Rule { app: usize, kind: u8 },
    Join(usize),
    Part(usize),
    DeleteGroup,
    Rename(usize),
    Tighten(u64),
    DemandFactor(bool),
    Act(usize),
    Flush,
    Sweep,
    Wait(u64),
}

fn event() -> impl Strategy<Value = Event> {
    let number = 0_usize..100;
    prop_oneof![
        4 => number.clone().prop_map(Event::SignIn),
        8 => (number.clone(), number.clone()).prop_map(|(session, app)| Event::Enter { session, app }),
        1 => number.clone().prop_map(Event::Leave),
        2 => number.clone().prop_map(Event::EndOne),
        1 => number.clone().prop_map(Event::EndAll),
        1 => any::<bool>().prop_map(Event::EndEverybody),
        1 => number.clone().prop_map(Event::Disable),
        2 => number.clone().prop_map(Event::Enable),
        1 => number.clone().prop_map(Event::Withdraw),
        2 => number.clone().prop_map(Event::Restore),
        3 => (number.clone(), 0_u8..5).prop_map(|(app, kind)| Event::Rule { app, kind }),
        2 => number.clone().prop_map(Event::Join),
        1 => number.clone().prop_map(Event::Part),
        1 => Just(Event::DeleteGroup),
        1 => number.clone().prop_map(Event::Rename),
        2 => prop_oneof![Just(60_u64), Just(3_600), Just(86_400)].prop_map(Event::Tighten),
        1 => any::<bool>().prop_map(Event::DemandFactor),
        3 => number.prop_map(Event::Act),
        2 => Just(Event::Flush),
        1 => Just(Event::Sweep),
        4 => prop_oneof![Just(1_u64), Just(61), Just(900), Just(40_000)].prop_map(Event::Wait),
    ]
}

struct World<'a> {
    site: &'a Site,
    people: Vec<Account>,
    apps: Vec<ProtectedApp>,
    group: Group,
    sessions: Vec<TokenDigest>,
    /// Every cookie that there ever was.
    cookies: Vec<TokenDigest>,
}

impl<'a> World<'a> {
    fn new(site: &'a Site) -> Self {
        let group = Group {
            id: Id::from_bytes([77; 16]),
            organization_id: site.organization(),
            name: "Editors".to_owned(),
            created_at: site.now(),
        };
        let added = group.clone();
        site.write(move |tx| groups::add(tx, &added));
        Self {
            site,
            people: vec![
                site.add_ada(),
                site.add_person("Grace Hopper", "grace@brightwater.example"),
            ],
            apps: vec![
                site.protect_app("Wiki", |_| ()),
                site.protect_app("Board", |_| ()),
            ],
            group,
            sessions: Vec::new(),
            cookies: Vec::new(),
        }
    }

    fn happens(&mut self, event: &Event) {
        let site = self.site;
        let moment = site.moment();
        let organization = site.organization();
        match *event {
            Event::SignIn(person) => {
                let person = &self.people[person % PEOPLE];
                let status = site.app().check_cache.is_on();
                assert_eq!(status, site.database() == TestDatabase::Sqlite);
                if self.sessions.len() < 12 && self.is_active(person) {
                    let token = site.begin_sessions(person, 1).remove(0);
                    self.sessions
                        .push(Token::parse(&token).expect("a token").digest());
                }
            }
            Event::Enter { session, app } => self.enter(session, app % APPS),
            Event::Leave(cookie) => {
                if let Some(cookie) = pick(&self.cookies, cookie) {
                    site.write(move |tx| host_sessions::delete(tx, cookie));
                }
            }
            Event::EndOne(session) => {
                if let Some(id) = self.session_id(session) {
                    let row = site.read(move |tx| nightlatch_storage::sessions::find(tx, id));
                    let user = row.expect("a session").session.user_id;
                    let person = self.people.iter().find(|person| person.id == user);
                    site.end_for(person.expect("a person"), Scope::Session(id), None);
                }
            }
            Event::EndAll(person) => {
                let person = &self.people[person % PEOPLE];
                site.end_for(person, Scope::AllOf(person.id), None);
            }
            Event::EndEverybody(whole) => {
                drop(site.log_out_everybody((!whole).then_some(organization), "a drill"));
            }
            Event::Disable(person) => drop(site.disable(&self.people[person % PEOPLE])),
            Event::Enable(person) => site.enable(&self.people[person % PEOPLE]),
            Event::Withdraw(app) => {
                let id = self.apps[app % APPS].app.id;
                site.write(move |tx| {
                    apps::withdraw(tx, &moment, (organization, id), Actor::Operator, None)
                });
            }
            Event::Restore(app) => {
                let id = self.apps[app % APPS].app.id;
                site.write(move |tx| {
                    apps::restore(tx, &moment, (organization, id), Actor::Operator)
                });
            }
            Event::Rule { app, kind } => self.rule(app % APPS, kind),
            Event::Join(person) => {
                let (group, user) = (self.group.id, self.people[person % PEOPLE].id);
                site.write(move |tx| match groups::find(tx, group)? {
                    Some(_) => groups::add_member(tx, group, user),
                    None => Ok(false),
                });
            }
            Event::Part(person) => {
                let (group, user) = (self.group.id, self.people[person % PEOPLE].id);
                site.write(move |tx| groups::remove_member(tx, group, user));
            }
            Event::DeleteGroup => {
                let id = self.group.id;
                site.write(move |tx| match groups::find(tx, id)? {
                    Some(group) => groups::delete(tx, &group),
                    None => Ok(()),
                });
            }
            Event::Rename(person) => {
                let id = self.people[person % PEOPLE].id;
                site.write(move |tx| {
                    let mut user = nightlatch_storage::users::get(tx, id)?;
                    user.name.push('x');
                    nightlatch_storage::users::update_profile(tx, &user, user.created_at)
                });
            }
            Event::Tighten(seconds) => site.change_settings(|settings| {
                settings.policy.ordinary.idle_seconds = seconds;
            }),
            Event::DemandFactor(now) => site.change_settings(|settings| {
                settings.policy.second_factor.rule = SecondFactorRule::Everybody;
                settings.policy.second_factor.grace_days = u32::from(!now);
            }),
            Event::Act(session) => self.act(session),
            Event::Flush => drop(site.flush_activity()),
            Event::Sweep => drop(site.sweep()),
            Event::Wait(seconds) => site.advance(Duration::from_secs(seconds)),
        }
    }

    fn is_active(&self, person: &Account) -> bool {
        let id = person.id;
        let user = self
            .site
            .read(move |tx| nightlatch_storage::users::get(tx, id));
        user.status == nightlatch_domain::user::UserStatus::Active
    }

    fn session_id(&self, session: usize) -> Option<nightlatch_domain::ids::SessionId> {
        let token = pick(&self.sessions, session)?;
        let row = self
            .site
            .read(move |tx| nightlatch_storage::sessions::find_by_token(tx, token));
        row.map(|owned| owned.session.id)
    }

    /// A cookie is issued, whatever its session is worth.
    fn enter(&mut self, session: usize, app: usize) {
        let Some(session_id) = self.session_id(session) else {
            return;
        };
        let (id, host) = (self.apps[app].app.id, self.apps[app].host.clone());
        let cookie = Token::generate(self.site.moment().random.as_ref()).digest();
        let now = self.site.now();
        self.site.write(move |tx| {
            let epoch = relying_parties::find(tx, id)?.expect("an app").epoch;
            let row = HostSession {
                session_id,
                client_id: id,
                host: host.clone(),
                client_epoch: epoch,
                created_at: now,
                keep_until: now.plus(Duration::from_hours(24 * 8)),
            };
            host_sessions::add(tx, &row, cookie)
        });
        self.cookies.push(cookie);
    }

    fn rule(&self, app: usize, kind: u8) {
        let (id, moment) = (self.apps[app].app.id, self.site.moment());
        let organization = self.site.organization();
        let (ada, group) = (self.people[0].id, self.group.id);
        self.site.write(move |tx| {
            let app = relying_parties::find(tx, id)?.expect("an app");
            let mut registration = app.registration;
            let rule = registration.protection.as_mut().expect("a rule");
            match kind {
                0 => rule.entrance = Entrance::Everyone,
                1 => {
                    rule.entrance = Entrance::Named {
                        users: vec![ada],
                        groups: vec![],
                    }
                }
                2 => {
                    rule.entrance = Entrance::Named {
                        users: vec![],
                        groups: vec![group],
                    }
                }
                3 => {
                    rule.proof_age_seconds = match rule.proof_age_seconds {
                        None => Some(900),
                        Some(_) => None,
                    }
                }
                _ => {
                    rule.level = match rule.level {
                        RequiredLevel::Any => RequiredLevel::SecondFactor,
                        RequiredLevel::SecondFactor => RequiredLevel::Any,
                    }
                }
            }
            let whose = (organization, id);
            apps::change(
                tx,
                &moment,
                whose,
                &app.name,
                &registration,
                Actor::Operator,
            )
        });
    }

    /// Activity of a live session.
    fn act(&self, session: usize) {
        let Some(id) = self.session_id(session) else {
            return;
        };
        let app = self.site.app();
        let (activity, now) = (Arc::clone(&app.activity), self.site.now());
        let live = self
            .site
            .read(move |tx| sessions::find_live(tx, id, &activity, now));
        if let Some(owned) = live {
            let limits = owned.standing().limits;
            app.activity.note(id, &owned.session.life, limits, now);
        }
    }

    /// Compares what is known of every cookie on every host; how many answers came from memory.
    fn agrees(&self) -> usize {
        let mut from_memory = 0;
        for protected_app in &self.apps {
            let nobody = std::iter::once(Presented::default());
            let somebody = self.cookies.iter().map(|cookie| Presented {
                own: Some(*cookie),
                shared: Vec::new(),
            });
            for presented in nobody.chain(somebody) {
                from_memory += usize::from(self.agrees_on(protected_app, &presented));
            }
        }
        from_memory
    }

    fn agrees_on(&self, protected_app: &ProtectedApp, presented: &Presented) -> bool {
        let app = self.site.app();
        let now = self.site.now();
        let host = &protected_app.host;
        let question = HostQuestion {
            host,
            path: "/page",
            presented,
            now,
        };
        let verdict = |checked: HostCheck| match checked {
            HostCheck::NoSuchHost => panic!("the host is an app's"),
            HostCheck::Known(rule, facts) => {
                (rule.decide(facts.as_ref(), "/page", now), rule, facts)
            }
        };
        let kept = app.check_cache.find_on_host(question, &app.activity);
        let looked = app
            .check_cache
            .look_on_host(&app.store, question, &app.activity);
        let looked = self.site.block_on(looked).expect("an answer");
        let (asked, shown) = (host.clone(), presented.clone());
        let activity = Arc::clone(&app.activity);
        let read = self
            .site
            .read(move |tx| protected::check(tx, &asked, &shown, &activity));
        let (truth, rule, facts) = verdict(read);
        let is_kept = kept.is_some();
        for known in kept.into_iter().chain([looked]) {
            let known = verdict(known);
            same(&known, &(truth, Arc::clone(&rule), facts.clone()));
        }
        is_kept && presented.own.is_some()
    }
}

type Decided = (Verdict, Arc<HostRule>, Option<HostFacts>);

fn same(known: &Decided, truth: &Decided) {
    match (known.0, truth.0) {
        (Verdict::Allowed(one), Verdict::Allowed(other)) => {
            assert_eq!(one.deadlines.overall, other.deadlines.overall);
            // Activity that was written since is not known in memory: earlier, never later.
            assert!(one.deadlines.idle <= other.deadlines.idle);
            let (one, other) = (known.2.as_ref(), truth.2.as_ref());
            let (one, other) = (one.expect("facts"), other.expect("facts"));
            assert_eq!(
                (one.session_id, one.user_id),
                (other.session_id, other.user_id)
            );
            assert_eq!(one.person, other.person);
            assert_eq!(known.1.protection, truth.1.protection);
        }
        (one, other) => assert_eq!(one, other),
    }
}

fn pick<T: Copy>(from: &[T], number: usize) -> Option<T> {
    from.get(number.checked_rem(from.len())?).copied()
}

fn fwd_06_over_random_events_memory_and_database_agree_on_hosts(which: TestDatabase) {
    let config = Config {
        cases: if which == TestDatabase::Sqlite { 40 } else { 4 },
        max_shrink_iters: 200,
        failure_persistence: None,
        ..Config::default()
    };
    let events = prop::collection::vec(event(), 10..60);
    let from_memory = std::cell::Cell::new(0);
    let result = TestRunner::new(config).run(&events, |events| {
        let site = Site::new(which);
        let mut world = World::new(&site);
        world.happens(&Event::SignIn(0));
        for app in 0..APPS {
            world.happens(&Event::Enter { session: 0, app });
        }
        for event in &events {
            world.happens(event);
            from_memory.set(from_memory.get() + world.agrees());
        }
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
    // Otherwise nothing was compared.
    assert_eq!(from_memory.get() > 500, which == TestDatabase::Sqlite);
}

/// Somebody with a cookie that was let in a moment ago.
fn somebody_inside(site: &Site) -> World<'_> {
    let mut world = World::new(site);
    world.happens(&Event::SignIn(0));
    world.happens(&Event::Enter { session: 0, app: 0 });
    world.agrees();
    world
}

fn fwd_06_what_ends_a_session_ends_it_for_the_next_request_from_memory(which: TestDatabase) {
    let endings = [
        Event::Leave(0),
        Event::EndOne(0),
        Event::EndAll(0),
        Event::EndEverybody(false),
        Event::EndEverybody(true),
        Event::Disable(0),
        Event::Withdraw(0),
        Event::Rule { app: 0, kind: 2 },
        Event::Rule { app: 0, kind: 4 },
        Event::DemandFactor(true),
    ];
    for ending in endings {
        let site = Site::new(which);
        let mut world = somebody_inside(&site);
        let app = site.app();
        let presented = Presented {
            own: Some(world.cookies[0]),
            shared: Vec::new(),
        };
        let host = world.apps[0].host.clone();
        let question = |now| HostQuestion {
            host: &host,
            path: "/",
            presented: &presented,
            now,
        };
        let find = || {
            app.check_cache
                .find_on_host(question(site.now()), &app.activity)
        };
        assert_eq!(find().is_some(), which == TestDatabase::Sqlite);
        world.happens(&ending);
        assert!(find().is_none(), "{ending:?}");
        world.agrees();
    }
}

fn fwd_06_a_read_that_an_ending_overtakes_is_never_kept_for_a_host(which: TestDatabase) {
    let site = Site::new(which);
    let mut world = World::new(&site);
    world.happens(&Event::SignIn(0));
    world.happens(&Event::Enter { session: 0, app: 0 });
    let app = site.app();
    let presented = Presented {
        own: Some(world.cookies[0]),
        shared: Vec::new(),
    };
    let host = world.apps[0].host.clone();
    let question = HostQuestion {
        host: &host,
        path: "/",
        presented: &presented,
        now: site.now(),
    };
    let reading = app.check_cache.begin(&app.store);
    let (asked, shown, activity) = (host.clone(), presented.clone(), Arc::clone(&app.activity));
    let read = site.read(move |tx| protected::check(tx, &asked, &shown, &activity));
    assert!(matches!(&read, HostCheck::Known(_, Some(_))));
    world.happens(&Event::EndAll(0));
    app.check_cache.keep_on_host(reading, question, &read);
    assert!(
        app.check_cache
            .find_on_host(question, &app.activity)
            .is_none()
    );
}

fn a_request_that_is_known_needs_no_database(which: TestDatabase) {
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let wiki = site.protect_app("Wiki", |_| ());
    let mut guest = site.guest(&wiki);
    guest.at_home.sign_in(&ada);
    let there = guest.open("/");
    assert!(there.is_some() && guest.is_in());
    let store = site.app().store.clone();
    break_after(&store, 0);
    let answer = guest.asks_for_page("/");
    let known = if which == TestDatabase::Sqlite {
        200
    } else {
        503
    };
    assert_eq!(answer.status, known);
    mend(&store);
}

/// The door answers what memory knows, and the routes the rest: whoever asks twice must
/// not see which of them it was.
fn what_is_answered_from_memory_is_what_the_routes_answer(which: TestDatabase) {
    use nightlatch_domain::relying_party::protection::PathRule;
    use nightlatch_protocols::forward_auth::Proxy;
    let site = Site::behind_proxy(which);
    let ada = site.add_ada();
    let wiki = site.protect_app("Wiki", |app| {
        app.public_paths = vec![PathRule::parse("/static/").expect("a rule")];
    });
    let mut guest = site.guest(&wiki);
    guest.at_home.sign_in(&ada);
    assert!(guest.open("/").is_some() && guest.is_in());
    for proxy in Proxy::ALL {
        guest.proxy = proxy;
        for path in ["/", "/page?id=7", "/static/app.css", "/a%2fb"] {
            for headers in [
                [("accept", "text/html"), ("sec-fetch-mode", "navigate")],
                [("accept", "*/*"), ("cookie", "theme=dark; lang=en")],
            ] {
                // A commit that concerns the person, so that what is kept is worth nothing.
                let id = ada.id;
                site.write(move |tx| {
                    let user = nightlatch_storage::users::get(tx, id)?;
                    nightlatch_storage::users::update_profile(tx, &user, user.created_at)
                });
                let [read, known] = [(); 2].map(|()| {
                    let mut answer = guest.asks("GET", path, &headers);
                    // The connection says it of an answer that does not.
                    answer.headers.remove("content-length");
                    answer
                });
                assert_eq!(read.status, 200, "{proxy:?} {path}");
                assert_eq!(known.status, read.status);
                assert_eq!(known.headers, read.headers, "{proxy:?} {path} {headers:?}");
            }
        }
    }
}
