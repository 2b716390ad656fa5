//! A world in which anything may happen, in any order, for tests of what must hold all
//! the while.

use std::collections::BTreeSet;
use std::time::Duration;

use nightlatch_domain::policy::AtSessionLimit;
use nightlatch_testkit::{Account, Browser, Choices, PASSWORD, Site};
use proptest::prelude::*;
use serde_json::json;

/// People, and browsers that they share.
const PEOPLE: usize = 2;
const BROWSERS: usize = 4;
const OTHER: &str = "eleven herons over a silver estuary";

/// Something that happens. Numbers are taken modulo how many there are.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    SignIn {
        browser: usize,
        person: usize,
        kind: u8,
    },
    Use(usize),
    LogOut(usize),
    EndAnother {
        acting: usize,
        target: usize,
    },
    EndOthers(usize),
    EndAll(usize),
    Prove(usize),
    ChangePassword(usize),
    LoseCookies(usize),
    Disable(usize),
    Enable(usize),
    SetPassword(usize),
    EndOrganization,
    EndEverybody,
    Limit(u32),
    Tighten(u64),
    Wait(u64),
    Flush,
    Sweep,
    Expand,
    Crash,
    Prune,
}

/// Any event.
pub(crate) fn event() -> impl Strategy<Value = Event> {
    let browser = 0..BROWSERS;
    let person = 0..PEOPLE;
    prop_oneof![
        8 => (browser.clone(), person.clone(), 0_u8..4)
            .prop_map(|(browser, person, kind)| Event::SignIn { browser, person, kind }),
        4 => browser.clone().prop_map(Event::Use),
        2 => browser.clone().prop_map(Event::LogOut),
        3 => (browser.clone(), browser.clone())
            .prop_map(|(acting, target)| Event::EndAnother { acting, target }),
        2 => browser.clone().prop_map(Event::EndOthers),
        1 => browser.clone().prop_map(Event::EndAll),
        2 => browser.clone().prop_map(Event::Prove),
        1 => browser.clone().prop_map(Event::ChangePassword),
        1 => browser.prop_map(Event::LoseCookies),
        1 => person.clone().prop_map(Event::Disable),
        2 => person.clone().prop_map(Event::Enable),
        1 => person.prop_map(Event::SetPassword),
        1 => Just(Event::EndOrganization),
        1 => Just(Event::EndEverybody),
        1 => (1_u32..4).prop_map(Event::Limit),
        3 => prop_oneof![Just(60_u64), Just(3_600), Just(86_400)].prop_map(Event::Tighten),
        4 => prop_oneof![Just(1_u64), Just(30), Just(900), Just(40_000), Just(400_000)]
            .prop_map(Event::Wait),
        2 => Just(Event::Flush),
        2 => Just(Event::Sweep),
        1 => Just(Event::Expand),
        1 => Just(Event::Crash),
        1 => Just(Event::Prune),
    ]
}

/// The world.
pub(crate) struct World<'a> {
    pub(crate) site: &'a Site,
    pub(crate) people: Vec<Account>,
    passwords: Vec<&'static str>,
    browsers: Vec<Browser<'a>>,
    /// Every session cookie that there ever was.
    pub(crate) cookies: BTreeSet<String>,
}

impl<'a> World<'a> {
    /// One in which nothing has happened yet.
    pub(crate) fn new(site: &'a Site) -> Self {
        Self {
            site,
            people: vec![
                site.add_ada(),
                site.add_person("Grace Hopper", "grace@brightwater.example"),
            ],
            passwords: vec![PASSWORD; PEOPLE],
            browsers: (0..BROWSERS).map(|_| site.browser()).collect(),
            cookies: BTreeSet::new(),
        }
    }

    /// Something happens.
    pub(crate) fn happens(&mut self, event: &Event) {
        let site = self.site;
        match *event {
            Event::SignIn {
                browser,
                person,
                kind,
            } => {
                let choices = Choices {
                    remember: kind == 1,
                    shared: kind == 2,
                };
                let email = self.people[person].email.clone();
                let password = self.passwords[person];
                self.browsers[browser].try_to_sign_in(&email, password, choices);
            }
            Event::Use(browser) => {
                self.browsers[browser].open("/account/profile");
            }
            Event::LogOut(browser) => {
                let ask = self.browsers[browser].ask("POST", "/logout");
                ask.by_own_page().form("").send();
            }
            Event::EndAnother { acting, target } => {
                let id = self.browsers[target].session_row().map(|row| row.id);
                let id = id.map(|id| id.to_string()).unwrap_or_default();
                let path = format!("/api/v1/sessions/{id}");
                self.browsers[acting].api("DELETE", &path, None);
            }
            Event::EndOthers(browser) => {
                let path = "/api/v1/sessions/log-out-others";
                self.browsers[browser].api("POST", path, None);
            }
            Event::EndAll(browser) => {
                let path = "/api/v1/sessions/log-out-all";
                self.browsers[browser].api("POST", path, None);
            }
            Event::Prove(browser) => {
                let password = self.password_of(browser);
                let body = json!({ "password": password });
                self.browsers[browser].api("POST", "/api/v1/proof", Some(&body));
            }
            Event::ChangePassword(browser) => self.change_password(browser),
            Event::LoseCookies(browser) => self.browsers[browser].restart(),
            Event::Disable(person) => drop(site.disable(&self.people[person])),
            Event::Enable(person) => site.enable(&self.people[person]),
            Event::SetPassword(person) => {
                site.set_password(&self.people[person], PASSWORD);
                self.passwords[person] = PASSWORD;
            }
            Event::EndOrganization => {
                site.log_out_everybody(Some(site.organization()), "a drill");
            }
            Event::EndEverybody => drop(site.log_out_everybody(None, "a drill")),
            Event::Limit(sessions) => site.change_settings(|settings| {
                settings.policy.session_limit = sessions;
                settings.policy.at_session_limit = if sessions % 2 == 0 {
                    AtSessionLimit::EndOldest
                } else {
                    AtSessionLimit::Refuse
                };
            }),
            Event::Tighten(seconds) => site.change_settings(|settings| {
                settings.policy.ordinary.idle_seconds = seconds;
            }),
            Event::Wait(seconds) => site.advance(Duration::from_secs(seconds)),
            Event::Flush => drop(site.flush_activity()),
            Event::Sweep => drop(site.sweep()),
            Event::Expand => drop(site.expand()),
            Event::Crash => site.crash(),
            Event::Prune => drop(site.prune()),
        }
        for browser in &self.browsers {
            self.cookies
                .extend(browser.session_cookie().map(str::to_owned));
        }
    }

    /// Which person's password fits the session in a browser.
    fn person_in(&self, browser: usize) -> Option<usize> {
        let user = self.browsers[browser].session_row()?.user;
        self.people.iter().position(|person| person.id == user)
    }

    fn password_of(&self, browser: usize) -> &'static str {
        self.person_in(browser)
            .map_or("nobody's", |person| self.passwords[person])
    }

    fn change_password(&mut self, browser: usize) {
        let Some(person) = self.person_in(browser) else {
            return;
        };
        if !self.browsers[browser].is_signed_in() {
            return;
        }
        let present = self.passwords[person];
        let new = if present == PASSWORD { OTHER } else { PASSWORD };
        if self.browsers[browser].change_password(present, new).status == 200 {
            self.passwords[person] = new;
        }
    }
}
