use nightlatch_protocols::outgoing::Patience;

use super::*;

#[test]
fn an_app_gets_so_many_at_once_fewer_when_silent_and_of_a_mass_so_many_a_second() {
    let now = Timestamp::from_milliseconds(1_000_000);
    let mut standing = Standing::new();
    assert_eq!(standing.room(Lane::Mass, now), MOST_OF_AN_APP);
    standing.under_way = 1;
    assert_eq!(standing.room(Lane::Interactive, now), MOST_OF_AN_APP - 1);
    standing.in_trouble = true;
    assert_eq!(standing.room(Lane::Interactive, now), 0);
    standing.under_way = 0;
    assert_eq!(standing.room(Lane::Interactive, now), 1);
    standing.in_trouble = false;
    standing.begun = MASS_RATE - 1;
    assert_eq!(standing.room(Lane::Mass, now), 1);
    standing.begun = MASS_RATE;
    assert_eq!(standing.room(Lane::Mass, now), 0);
    assert_eq!(standing.room(Lane::Interactive, now), MOST_OF_AN_APP);
    standing.second = Instant::now() - Duration::from_secs(1);
    assert_eq!(standing.room(Lane::Mass, now), MOST_OF_AN_APP);
    // What it asked for counts for both lanes.
    standing.left_alone_until = Some(now.plus(Duration::from_secs(1)));
    assert_eq!(standing.room(Lane::Interactive, now), 0);
    let later = now.plus(Duration::from_secs(1));
    assert_eq!(standing.room(Lane::Interactive, later), MOST_OF_AN_APP);
}

/// Else so many apps that take a notice only after seconds would have all slots, and
/// everybody else's logout waited for them (BCL-04).
#[test]
fn bcl_04_apps_that_answer_late_leave_slots_for_the_others() {
    let now = Timestamp::from_milliseconds(1_000_000);
    let outgoing = Outgoing::new(Patience::default());
    let mut courier = Courier::new(Lane::Interactive, outgoing);
    let late = |number: u8, after| {
        let client_id = ClientId::from_bytes([number; 16]);
        let landed = Landed {
            client_id,
            attempt: Attempt::Answered {
                status: 200,
                retry_after: None,
            },
            at: now,
            after,
            happened: None,
        };
        (client_id, landed)
    };
    for number in 0..32 {
        let (client_id, landed) = late(number, LONG);
        courier.apps.insert(client_id, Standing::new());
        courier.note(landed);
    }
    let room: usize = courier.capacity(now).of_app.values().sum();
    assert_eq!(room, MOST_INTERACTIVE / 2);
    for standing in courier.apps.values_mut() {
        standing.under_way = 1;
    }
    let room: usize = courier.capacity(now).of_app.values().sum();
    assert_eq!(room, 0, "as many as may be are held");
    // One that is quick again is as good as any.
    let (client_id, landed) = late(1, Duration::from_millis(20));
    courier.note(landed);
    let room = courier.capacity(now).of_app.get(&client_id).copied();
    assert_eq!(room.unwrap_or(MOST_OF_AN_APP), MOST_OF_AN_APP);
}
