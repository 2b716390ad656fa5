use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::policy::Policy;

const EPOCHS: Epochs = Epochs {
    user: 3,
    organization: 2,
    deployment: 1,
};

fn start() -> Timestamp {
    Timestamp::from_milliseconds(1_700_000_000_000)
}

fn life(kind: SessionKind) -> Life {
    Life {
        epochs: EPOCHS,
        kind,
        authenticated_at: start(),
        last_active_at: start(),
        deadlines: Policy::default().limits(kind).deadlines(start(), start()),
        ended: None,
    }
}

fn standing(kind: SessionKind) -> Standing {
    Standing {
        user_status: UserStatus::Active,
        epochs: EPOCHS,
        limits: Policy::default().limits(kind),
    }
}

fn after(seconds: u64) -> Timestamp {
    start().plus(Duration::from_secs(seconds))
}

#[test]
fn ses_09_default_limits_to_the_millisecond() {
    for (kind, idle) in [(SessionKind::Ordinary, 86_400), (SessionKind::Shared, 900)] {
        let last = after(idle).minus(Duration::from_millis(1));
        assert!(admit(&life(kind), &standing(kind), last).is_ok());
        assert_eq!(
            admit(&life(kind), &standing(kind), after(idle)),
            Err(Refusal::IdleTimeout)
        );
    }
    let mut busy = life(SessionKind::Shared);
    busy.last_active_at = after(7_199);
    busy.deadlines = Policy::default().shared.deadlines(start(), after(7_199));
    assert_eq!(
        admit(&busy, &standing(SessionKind::Shared), after(7_200)),
        Err(Refusal::OverallTimeout)
    );
}

#[test]
fn out_13_any_epoch_that_moved_refuses() {
    for change in [
        Epochs { user: 4, ..EPOCHS },
        Epochs { user: 2, ..EPOCHS },
        Epochs {
            organization: 3,
            ..EPOCHS
        },
        Epochs {
            deployment: 2,
            ..EPOCHS
        },
    ] {
        let standing = Standing {
            epochs: change,
            ..standing(SessionKind::Ordinary)
        };
        assert_eq!(
            admit(&life(SessionKind::Ordinary), &standing, after(1)),
            Err(Refusal::EpochPassed)
        );
    }
}

#[test]
fn out_15_only_active_users() {
    for status in [UserStatus::Disabled, UserStatus::Deleted] {
        let standing = Standing {
            user_status: status,
            ..standing(SessionKind::Ordinary)
        };
        assert_eq!(
            admit(&life(SessionKind::Ordinary), &standing, after(1)),
            Err(Refusal::UserNotActive)
        );
    }
}

#[test]
fn pol_02_a_tightened_policy_acts_and_a_loosened_one_revives_nothing() {
    let mut tight = standing(SessionKind::Ordinary);
    tight.limits = Policy::NIST_AAL2;
    assert_eq!(
        admit(&life(SessionKind::Ordinary), &tight, after(3_600)),
        Err(Refusal::IdleTimeout)
    );
    let mut loose = standing(SessionKind::Ordinary);
    loose.limits = Limits {
        idle_seconds: 90 * 86_400,
        overall_seconds: 90 * 86_400,
    };
    assert_eq!(
        admit(&life(SessionKind::Ordinary), &loose, after(86_400)),
        Err(Refusal::IdleTimeout)
    );
}

#[test]
fn pol_02_what_a_tightened_policy_ended_is_not_called_idle_nor_dated_back() {
    let life = life(SessionKind::Ordinary);
    let tight = Policy::NIST_AAL2;
    let cause_at = |seconds| {
        let now = after(seconds);
        first_cause(&life, tight, (Cause::LoggedOut, now), now)
    };
    assert_eq!(cause_at(3_599), (Cause::LoggedOut, after(3_599)));
    assert_eq!(cause_at(3_600), (Cause::Policy, after(3_600)));
    assert_eq!(cause_at(80_000), (Cause::Policy, after(80_000)));
    // The deadline that was granted is a truth of its own.
    assert_eq!(cause_at(90_000), (Cause::IdleTimeout, after(86_400)));
    // An ending made before may be older than the rule.
    let earlier = (Cause::LoggedOutEverywhere, after(5_000));
    assert_eq!(first_cause(&life, tight, earlier, after(6_000)), earlier);
}

proptest! {
    #[test]
    fn once_refused_never_admitted_again(first in 0_u64..3_000_000, later in 0_u64..3_000_000) {
        let (life, standing) = (life(SessionKind::Remembered), standing(SessionKind::Remembered));
        if admit(&life, &standing, after(first)).is_err() {
            prop_assert!(admit(&life, &standing, after(first + later)).is_err());
        }
    }
}
