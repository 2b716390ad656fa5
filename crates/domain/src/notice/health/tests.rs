use super::*;

fn at(minutes: i64) -> Timestamp {
    Timestamp::from_milliseconds(1_000_000_000_000 + minutes * 60_000)
}

/// What happens to an app in a row of the table.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// It confirms, and nothing waits for it any more.
    Good,
    /// It confirms, and a logout of this minute still waits.
    GoodOf(i64),
    /// An attempt fails, to be made again; a logout of minute zero waits.
    Bad,
    /// A logout is lost for good, and nothing else waits.
    Lost,
    /// Nothing happens; a logout of this minute waits.
    Waits(i64),
}

/// The steps, each with its minute, and the minutes of what administrators hear.
fn heard(steps: &[(i64, Step)]) -> Vec<(i64, News)> {
    let mut health = Health::default();
    let mut heard = Vec::new();
    for (minute, step) in steps {
        let now = at(*minute);
        let good = Happened::Confirmed {
            after: Duration::from_millis(20),
        };
        let waiting = match step {
            Step::Good => {
                health.note(&good, now);
                None
            }
            Step::GoodOf(waiting) => {
                health.note(&good, now);
                Some(at(*waiting))
            }
            Step::Bad => {
                health.note(&Happened::Failed("busy".to_owned()), now);
                Some(at(0))
            }
            Step::Lost => {
                health.note(&Happened::Lost("refused".to_owned()), now);
                None
            }
            Step::Waits(since) => Some(at(*since)),
        };
        heard.extend(health.news(waiting, now).map(|news| (*minute, news)));
    }
    heard
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table: the rule, case by case")]
fn dlv_04_administrators_hear_of_an_app_that_fails_repeatedly_and_once_that_it_is_mended() {
    use News::{Fails, Mended};
    use Step::{Bad, Good, GoodOf, Lost, Waits};
    const DAY: i64 = 24 * 60;
    type Row = (&'static str, Vec<(i64, Step)>, Vec<(i64, News)>);
    let table: [Row; 14] = [
        ("all is well", vec![(0, Good), (1, Good)], vec![]),
        (
            "a restart",
            vec![(0, Bad), (0, Bad), (0, Bad), (0, Bad), (9, Bad), (9, Good)],
            vec![],
        ),
        (
            "few failures, over hours, each mended",
            vec![(0, Bad), (5, Good), (30, Bad), (35, Good)],
            vec![],
        ),
        (
            "four failures, whenever they are",
            vec![(0, Bad), (10, Bad), (20, Bad), (40, Bad)],
            vec![],
        ),
        (
            "five in ten minutes",
            vec![(0, Bad), (1, Bad), (2, Bad), (3, Bad), (10, Bad)],
            vec![(10, Fails)],
        ),
        (
            "told once, however long it lasts",
            vec![
                (0, Bad),
                (1, Bad),
                (2, Bad),
                (3, Bad),
                (10, Bad),
                (30, Bad),
                (90, Bad),
                (3 * DAY, Bad),
            ],
            vec![(10, Fails)],
        ),
        (
            "a success begins it anew",
            vec![(0, Bad), (1, Bad), (2, Bad), (3, Bad), (9, Good), (10, Bad)],
            vec![],
        ),
        (
            "mended, told once",
            vec![
                (0, Bad),
                (1, Bad),
                (2, Bad),
                (3, Bad),
                (10, Bad),
                (20, Good),
                (21, Good),
            ],
            vec![(10, Fails), (20, Mended)],
        ),
        (
            "not mended while something waits",
            vec![
                (0, Bad),
                (1, Bad),
                (2, Bad),
                (3, Bad),
                (10, Bad),
                (20, GoodOf(0)),
                (21, Good),
            ],
            vec![(10, Fails), (21, Mended)],
        ),
        (
            "mended although something new always waits, and heard of the next time",
            vec![
                (0, Lost),
                (0, Lost),
                (0, Lost),
                (20, GoodOf(10)),
                (21, GoodOf(12)),
                (22, GoodOf(21)),
                (DAY, Lost),
                (DAY, Lost),
                (DAY, Lost),
            ],
            vec![(0, Fails), (21, Mended), (DAY, Fails)],
        ),
        (
            "two are lost, one is told, two are lost",
            vec![(0, Lost), (1, Lost), (2, Good), (3, Lost), (4, Lost)],
            vec![],
        ),
        (
            "three are lost",
            vec![(0, Lost), (0, Lost), (0, Lost), (5, Lost), (9, Good)],
            vec![(0, Fails), (9, Mended)],
        ),
        (
            "comes and goes: one report a day, and what was not reported is not called mended",
            vec![
                (0, Lost),
                (0, Lost),
                (0, Lost),
                (5, Good),
                (60, Lost),
                (60, Lost),
                (60, Lost),
                (65, Good),
                (DAY, Lost),
                (DAY, Lost),
                (DAY, Lost),
                (DAY + 5, Good),
            ],
            vec![(0, Fails), (5, Mended), (DAY, Fails), (DAY + 5, Mended)],
        ),
        (
            "nobody comes for it",
            vec![
                (0, Good),
                (60, Waits(1)),
                (61, Waits(1)),
                (62, Waits(1)),
                (63, GoodOf(2)),
                (64, Good),
            ],
            vec![(62, Fails), (64, Mended)],
        ),
    ];
    for (name, steps, expected) in table {
        assert_eq!(heard(&steps), expected, "{name}");
    }
    // Very much may wait for an app that is well: a mass ending takes its time.
    let busy = [(0, Good), (90, GoodOf(1)), (120, Waits(1)), (149, Waits(1))];
    assert_eq!(heard(&busy), []);
}

#[test]
fn the_last_attempts_and_the_usual_time_are_kept_in_one_size() {
    let mut health = Health::default();
    assert_eq!(
        (health.recent(), health.latency_milliseconds),
        ((0, 0), None)
    );
    let good = |milliseconds| Happened::Confirmed {
        after: Duration::from_millis(milliseconds),
    };
    health.note(&good(80), at(0));
    health.note(&Happened::Failed("no".to_owned()), at(1));
    assert_eq!(health.recent(), (1, 2));
    health.note(&good(160), at(2));
    assert_eq!(health.latency_milliseconds, Some(90));
    for _ in 0..63 {
        health.note(&good(90), at(3));
    }
    assert_eq!(health.recent(), (0, 64), "the failure is forgotten");
    for _ in 0..70 {
        health.note(&Happened::Lost("no".to_owned()), at(4));
    }
    assert_eq!(health.recent(), (64, 64));
    assert_eq!((health.confirmed, health.lost_in_a_row), (65, 70));
    let stored = serde_json::to_string(&health).expect("JSON");
    assert_eq!(serde_json::from_str::<Health>(&stored).ok(), Some(health));
}
