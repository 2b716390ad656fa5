use std::net::{IpAddr, Ipv4Addr};

use super::*;
use crate::client::ClientDetails;
use crate::ending::{Actor, Cause};
use crate::event::EventKind;
use crate::ids::{EventId, UserId};
use crate::random::SeededRandom;
use crate::time::Timestamp;

fn event(number: u8) -> Event {
    Event {
        id: EventId::from_bytes([number; 16]),
        at: Timestamp::from_milliseconds(1_000),
        organization_id: Some(OrganizationId::from_bytes([1; 16])),
        user_id: Some(UserId::from_bytes([2; 16])),
        actor: Actor::Operator,
        kind: EventKind::SessionEnded,
        session_id: None,
        browser_id: None,
        ending_id: None,
        cause: Some(Cause::LoggedOut),
        client: ClientDetails {
            address: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            place: Some("Graz".to_owned()),
            user_agent: "Firefox".to_owned(),
        },
        count: 1,
        detail: Some("Blue key".to_owned()),
    }
}

fn chain(events: &[Event]) -> Vec<Link> {
    let random = SeededRandom::new(1);
    let mut head = Head::BEGINNING;
    let mut links = Vec::new();
    for event in events {
        let link = head.append(event, Salt::random(&random));
        head = head
            .follow(&link, Some(event))
            .expect("what was just added");
        links.push(link);
    }
    links
}

fn first_flaw(links: &[Link], events: &[Event]) -> Option<(i64, Flaw)> {
    let mut head = Head::BEGINNING;
    for link in links {
        let event = events.iter().find(|event| {
            let number = usize::try_from(link.number).expect("a number");
            event.id == EventId::from_bytes([u8::try_from(number).expect("small"); 16])
        });
        match head.follow(link, event) {
            Ok(next) => head = next,
            Err(flaw) => return Some((link.number, flaw)),
        }
    }
    None
}

#[test]
fn log_05_every_change_of_every_field_is_found_at_its_place() {
    let events: Vec<Event> = (1..=4).map(event).collect();
    let links = chain(&events);
    assert_eq!(first_flaw(&links, &events), None);
    let changes: [fn(&mut Event); 13] = [
        |event| event.at = Timestamp::from_milliseconds(1_001),
        |event| event.organization_id = None,
        |event| event.user_id = Some(UserId::from_bytes([3; 16])),
        |event| event.actor = Actor::System,
        |event| event.kind = EventKind::SignedIn,
        |event| event.session_id = Some(crate::ids::SessionId::from_bytes([0; 16])),
        |event| event.browser_id = Some(crate::ids::BrowserId::from_bytes([0; 16])),
        |event| event.ending_id = Some(crate::ids::EndingId::from_bytes([0; 16])),
        |event| event.cause = None,
        |event| event.count = 2,
        |event| event.client.address = None,
        |event| event.client.user_agent.push('x'),
        |event| event.detail = None,
    ];
    for (index, change) in changes.iter().enumerate() {
        let mut changed = events.clone();
        change(&mut changed[2]);
        let flaw = first_flaw(&links, &changed);
        let expected = if index < 10 {
            Flaw::Changed
        } else {
            Flaw::PersonalChanged
        };
        assert_eq!(flaw, Some((3, expected)), "change {index}");
    }
}

#[test]
fn log_05_a_line_that_is_removed_exchanged_or_put_in_is_found() {
    let events: Vec<Event> = (1..=4).map(event).collect();
    let links = chain(&events);
    let without: Vec<Event> = [&events[..1], &events[2..]].concat();
    assert_eq!(first_flaw(&links, &without), Some((2, Flaw::Removed)));
    let mut gap = links.clone();
    gap.remove(1);
    assert_eq!(first_flaw(&gap, &events), Some((3, Flaw::Missing)));
    // Whoever also writes the chain anew from there ends at another head.
    let mut rewritten = events.clone();
    rewritten[1].count = 9;
    assert_ne!(
        chain(&rewritten).last().map(|link| link.digest),
        links.last().map(|link| link.digest)
    );
}

// PRV-02: addresses go when their time is over, and the chain still holds.
#[test]
fn what_was_personal_may_go_with_its_salt() {
    let mut events: Vec<Event> = (1..=2).map(event).collect();
    let mut links = chain(&events);
    events[0].client.address = None;
    assert_eq!(
        first_flaw(&links, &events),
        Some((1, Flaw::PersonalChanged))
    );
    links[0].salt = None;
    assert_eq!(first_flaw(&links, &events), None);
}

#[test]
fn fields_do_not_run_into_each_other() {
    let mut one = event(1);
    let mut other = event(1);
    one.client.place = Some("ab".to_owned());
    one.client.user_agent = "c".to_owned();
    other.client.place = Some("a".to_owned());
    other.client.user_agent = "bc".to_owned();
    let salt = Salt::from_bytes([7; 16]);
    assert_ne!(Commitment::to(&one, salt), Commitment::to(&other, salt));
    one.client.place = None;
    other.client.place = Some(String::new());
    other.client.user_agent = "c".to_owned();
    assert_ne!(Commitment::to(&one, salt), Commitment::to(&other, salt));
}
