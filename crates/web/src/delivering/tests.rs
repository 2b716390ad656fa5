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
