//! Whatever happens, in whatever order: the list and the check agree (DEV-02),
//! and no session that was over ever lives again.

use std::collections::{BTreeMap, BTreeSet};

use nightlatch_domain::secret::Token;
use nightlatch_storage::on_both_databases;
use nightlatch_testkit::{Jar, Site, TestDatabase};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::random_world::{World, event};

on_both_databases!(dev_02_over_random_events_list_and_check_agree);

/// What must hold after each event. `dead` are the cookies that were found so once.
fn agrees(world: &World<'_>, dead: &mut BTreeSet<String>) {
    let mut live: BTreeMap<String, (String, usize)> = BTreeMap::new();
    for cookie in &world.cookies {
        let mut holder = world.site.browser();
        holder.jar = Jar::with("__Host-nightlatch", cookie);
        if holder.is_signed_in() {
            assert!(!dead.contains(cookie), "a dead session lives again");
            let row = holder.session_row().expect("a live session");
            let person = world.people.iter().position(|person| person.id == row.user);
            live.insert(
                row.id.to_string(),
                (cookie.clone(), person.expect("a person")),
            );
        } else {
            dead.insert(cookie.clone());
            assert!(Token::parse(cookie).is_some());
        }
    }
    for (cookie, person) in live.values() {
        let mut holder = world.site.browser();
        holder.jar = Jar::with("__Host-nightlatch", cookie);
        let answer = holder
            .api("GET", "/api/v1/sessions", None)
            .expect(200)
            .json();
        let listed: BTreeSet<&str> = answer["sessions"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|session| session["id"].as_str().expect("an id"))
            .collect();
        let of_person = live.iter().filter(|(_, (_, owner))| owner == person);
        let expected: BTreeSet<&str> = of_person.map(|(id, _)| id.as_str()).collect();
        assert_eq!(listed, expected);
    }
}

fn dev_02_over_random_events_list_and_check_agree(which: TestDatabase) {
    let config = Config {
        cases: 16,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..Config::default()
    };
    let events = prop::collection::vec(event(), 1..50);
    let result = TestRunner::new(config).run(&events, |events| {
        let site = Site::new(which);
        let mut world = World::new(&site);
        let mut dead = BTreeSet::new();
        for event in &events {
            world.happens(event);
            agrees(&world, &mut dead);
        }
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}
