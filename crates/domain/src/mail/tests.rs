use super::*;
use crate::random::SeededRandom;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_milliseconds(seconds * 1000)
}

#[test]
fn retries_grow_wander_and_end_after_three_days() {
    let random = SeededRandom::new(1);
    let (mut now, mut attempts, mut waits) = (at(0), 0, Vec::new());
    loop {
        attempts += 1;
        let Some(next) = next_attempt(at(0), GIVE_UP_AFTER, attempts, now, &random) else {
            break;
        };
        waits.push(next.since(now));
        now = next;
        assert!(attempts < 100, "it ends");
    }
    for (wait, delay) in waits.iter().zip(DELAYS) {
        assert!(
            *wait >= delay * 80 / 100 && *wait <= delay * 120 / 100,
            "{wait:?} for {delay:?}"
        );
    }
    assert!(
        waits.windows(2).take(5).all(|pair| pair[0] < pair[1]),
        "{waits:?}"
    );
    let tried_for = now.since(at(0));
    assert!(
        tried_for <= GIVE_UP_AFTER
            && tried_for > GIVE_UP_AFTER.saturating_sub(Duration::from_hours(8))
    );
    // The same attempt at the same time, elsewhere: not the same instant.
    let others: std::collections::HashSet<_> = (0..20)
        .filter_map(|_| next_attempt(at(0), GIVE_UP_AFTER, 3, at(0), &random))
        .collect();
    assert!(others.len() > 10, "{others:?}");
}

#[test]
fn a_link_that_no_longer_works_is_not_sent() {
    let random = SeededRandom::new(1);
    let life = Message::RecoveryAsked.life();
    assert!(next_attempt(at(0), life, 4, at(30 * 60), &random).is_some());
    assert!(next_attempt(at(0), life, 4, at(50 * 60), &random).is_none());
}

fn link(kind: LinkKind) -> MailLink {
    MailLink {
        id: MailLinkId::from_bytes([1; 16]),
        kind,
        user_id: UserId::from_bytes([2; 16]),
        recipient: EmailAddress::parse("ada@example.test").expect("an address"),
        session_id: None,
        password_set_at: Some(at(1)),
        created_at: at(10),
        expires_at: at(20),
        used_at: None,
    }
}

fn standing() -> LinkStanding {
    LinkStanding {
        email: EmailAddress::parse("Ada@example.test").expect("an address"),
        password_set_at: Some(at(1)),
    }
}

#[test]
fn auth_09_links_work_once_and_not_for_ever() {
    for kind in LinkKind::ALL {
        assert_eq!(LinkKind::from_name(kind.name()), Some(kind));
        let mut link = link(kind);
        assert_eq!(link.admit(&standing(), at(19)), Ok(()));
        assert_eq!(link.admit(&standing(), at(20)), Err(LinkRefusal::Expired));
        link.used_at = Some(at(11));
        assert_eq!(link.admit(&standing(), at(12)), Err(LinkRefusal::Used));
    }
}

#[test]
fn f5_ending_sessions_cancels_no_recovery_and_a_new_password_does() {
    let admitted = |change: fn(&mut LinkStanding)| {
        let mut changed = standing();
        change(&mut changed);
        LinkKind::ALL.map(|kind| link(kind).admit(&changed, at(12)).is_ok())
    };
    // An alert, a reset, a new address, the old one. No counter of sessions is among what
    // they depend on.
    assert_eq!(admitted(|_| ()), [true; 4]);
    assert_eq!(
        admitted(|now| now.password_set_at = Some(at(11))),
        [true, false, false, true]
    );
    let moved = |now: &mut LinkStanding| {
        now.email = EmailAddress::parse("thief@example.test").expect("an address");
    };
    assert_eq!(admitted(moved), [true, false, true, true]);
}

#[test]
fn two_reports_of_one_sign_in_are_one_and_the_graver() {
    let session = Some(SessionId::from_bytes([1; 16]));
    let occurrence = |kind, session| Occurrence {
        kind,
        at: at(1),
        session,
        client: None,
        detail: None,
    };
    let mut alert = AlertMail {
        class: AlertClass::SignIn,
        account: AccountWords {
            name: String::new(),
            email: String::new(),
            organization: String::new(),
        },
        occurrences: vec![occurrence(AlertKind::NewBrowser, session)],
        more: 0,
        link: None,
    };
    alert.gather(occurrence(AlertKind::AfterManyFailures, session));
    alert.gather(occurrence(AlertKind::NewBrowser, session));
    assert_eq!(alert.occurrences.len(), 1);
    assert_eq!(alert.occurrences[0].kind, AlertKind::AfterManyFailures);
    assert_eq!(alert.only_session(), session);
    for number in 2..=14 {
        let session = Some(SessionId::from_bytes([number; 16]));
        alert.gather(occurrence(AlertKind::NewBrowser, session));
    }
    assert_eq!((alert.occurrences.len(), alert.more), (MOST_LISTED, 4));
    assert_eq!(alert.only_session(), None);
}
