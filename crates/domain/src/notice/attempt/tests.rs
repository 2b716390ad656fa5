use super::*;
use crate::random::SeededRandom;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_milliseconds(seconds * 1000)
}

fn answered(status: u16) -> Attempt {
    Attempt::Answered {
        status,
        retry_after: None,
    }
}

fn busy(seconds: u64) -> Attempt {
    Attempt::Answered {
        status: 429,
        retry_after: Some(Duration::from_secs(seconds)),
    }
}

fn judged(attempt: Attempt, attempts: i64, now: Timestamp) -> Verdict {
    let give_up_at = at(0).plus(GIVE_UP_AFTER);
    judge(attempt, attempts, give_up_at, now, &SeededRandom::new(1))
}

#[test]
fn bcl_05_only_what_may_mend_itself_is_tried_again() {
    for status in 100..=999 {
        let verdict = judged(answered(status), 1, at(0));
        match status {
            200 | 204 => assert_eq!(verdict, Verdict::Confirmed, "{status}"),
            408 | 429 | 500..=599 => {
                assert!(matches!(verdict, Verdict::RetryAt(_)), "{status}");
            }
            _ => assert_eq!(verdict, Verdict::Failed, "{status}"),
        }
    }
    let no_answer = judged(Attempt::NoAnswer, 1, at(0));
    assert!(matches!(no_answer, Verdict::RetryAt(_)));
    assert_eq!(judged(Attempt::Forbidden, 1, at(0)), Verdict::Failed);
}

#[test]
fn dlv_03_waits_begin_with_seconds_grow_wander_and_end_after_three_days() {
    let random = SeededRandom::new(1);
    let give_up_at = at(0).plus(GIVE_UP_AFTER);
    let (mut now, mut attempts, mut waits) = (at(0), 0, Vec::new());
    let last = loop {
        attempts += 1;
        match judge(Attempt::NoAnswer, attempts, give_up_at, now, &random) {
            Verdict::RetryAt(next) => {
                waits.push(next.since(now));
                now = next;
            }
            other => break other,
        }
        assert!(attempts < 200, "it ends");
    };
    assert_eq!(last, Verdict::GaveUp);
    let first_three: Duration = waits.iter().take(3).sum();
    assert!(first_three < Duration::from_secs(20), "{first_three:?}");
    assert!(
        waits.windows(2).take(7).all(|pair| pair[0] < pair[1]),
        "{waits:?}"
    );
    let longest = waits.iter().max().expect("waits");
    assert!(*longest <= LONGEST_WAIT * 120 / 100, "{longest:?}");
    let tried_for = now.since(at(0));
    assert!(
        tried_for <= GIVE_UP_AFTER
            && tried_for > GIVE_UP_AFTER.saturating_sub(Duration::from_hours(2)),
        "{tried_for:?}"
    );
    // The same attempt at the same time, elsewhere: not the same instant.
    let others: std::collections::HashSet<_> = (0..20)
        .map(|_| {
            format!(
                "{:?}",
                judge(Attempt::NoAnswer, 6, give_up_at, at(0), &random)
            )
        })
        .collect();
    assert!(others.len() > 10, "{others:?}");
}

#[test]
fn what_the_app_asks_for_is_honored_within_bounds() {
    let wait = |attempt, attempts| match judged(attempt, attempts, at(0)) {
        Verdict::RetryAt(next) => next.since(at(0)),
        other => panic!("{other:?}"),
    };
    let asked = wait(busy(30), 1);
    assert!((30..=32).contains(&asked.as_secs()), "{asked:?}");
    // Our own wait may be longer already.
    assert!(wait(busy(1), 8) > Duration::from_mins(10));
    // Nobody puts a logout off for a week.
    let longest = wait(busy(7 * 24 * 3600), 1);
    assert!(
        longest <= LONGEST_ASKED + Duration::from_secs(2),
        "{longest:?}"
    );
    assert!(wait(busy(u64::MAX), 1) <= LONGEST_ASKED + Duration::from_secs(2));
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    let now = at(784_111_777);
    let read = |text: &str| read_retry_after(text, now);
    assert_eq!(read("120"), Some(Duration::from_mins(2)));
    assert_eq!(read(" 0 "), Some(Duration::ZERO));
    assert_eq!(
        read("99999999999999999999999"),
        Some(Duration::from_secs(u64::MAX))
    );
    assert_eq!(
        read("Sun, 06 Nov 1994 08:50:37 GMT"),
        Some(Duration::from_mins(1))
    );
    assert_eq!(read("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
    for odd in ["", "-1", "1.5", "soon", "12s", "\u{0661}"] {
        assert_eq!(read(odd), None, "{odd}");
    }
}
