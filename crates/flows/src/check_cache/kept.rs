//! What is kept of a session that was live when it was read.
//!
//! Only a yes is kept, and the epochs, the status and the end of a session are not in
//! it: while nothing that concerns it was told, they are as they were, which is equal,
//! active and none. The rest is brought back into the shape that `session::admit`
//! takes, so that one decision serves both ways.

use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::{OrganizationId, SessionId, UserId};
use nightlatch_domain::policy::{Deadlines, Limits};
use nightlatch_domain::session::{
    self, Admission, Epochs, Life, SessionKind, Standing, effective_deadlines,
};
use nightlatch_domain::user::UserStatus;
use nightlatch_storage::Concern;
use nightlatch_storage::sessions::OwnedSession;

use super::marks::{Marks, Place};
use crate::activity::Activity;

/// Equal on both sides, whatever they are.
const EQUAL: Epochs = Epochs {
    user: 0,
    organization: 0,
    deployment: 0,
};

/// A session that was live, as short as it can be said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    /// The number told last before it was read.
    since: u64,
    pub(super) session: SessionId,
    pub(super) user: UserId,
    /// Of the organization.
    organization: Place,
    idle_seconds: u32,
    last_active_at: Timestamp,
    /// Granted and of today's policy, the earlier of each.
    idle: Timestamp,
    overall: Timestamp,
    kind: SessionKind,
}

impl Kept {
    /// Keeps a session that was read.
    pub(super) fn of(owned: &OwnedSession, since: u64, now: Timestamp) -> Option<Self> {
        let session = &owned.session;
        let whose = (session.id, session.user_id, session.organization_id);
        Self::new(whose, (&session.life, &owned.standing()), since, now)
    }

    /// Keeps what was read; nothing if the session is not live, or has limits beyond
    /// any that make sense. `since` is what was told last before the read began.
    pub(super) fn new(
        (session, user, organization): (SessionId, UserId, OrganizationId),
        (life, standing): (&Life, &Standing),
        since: u64,
        now: Timestamp,
    ) -> Option<Self> {
        session::admit(life, standing, now).ok()?;
        let deadlines = effective_deadlines(life, standing.limits);
        Some(Self {
            since,
            session,
            user,
            organization: Place::of(Concern::Organization(organization)),
            idle_seconds: u32::try_from(standing.limits.idle_seconds).ok()?,
            last_active_at: life.last_active_at,
            idle: deadlines.idle,
            overall: deadlines.overall,
            kind: life.kind,
        })
    }

    /// The number told last before it was read.
    pub(super) fn since(&self) -> u64 {
        self.since
    }

    /// Whether nothing has been told since that concerns it.
    pub(super) fn stands(&self, marks: &Marks) -> bool {
        let places = [
            Place::of(Concern::Session(self.session)),
            Place::of(Concern::User(self.user)),
            self.organization,
        ];
        marks.stands(self.since, &places)
    }

    /// Whether it will never say yes again. Activity that is noted elsewhere may have
    /// moved the idle deadline, so only the overall one counts.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        now >= self.overall
    }

    /// Its life. The deadlines hold today's policy already, and the instant of the
    /// authentication counts for nothing beside them.
    pub(super) fn life(&self, activity: &Activity) -> Life {
        let life = Life {
            epochs: EQUAL,
            kind: self.kind,
            authenticated_at: self.last_active_at,
            last_active_at: self.last_active_at,
            deadlines: Deadlines {
                idle: self.idle,
                overall: self.overall,
            },
            ended: None,
        };
        activity.overlay(self.session, life)
    }

    /// What that is measured against.
    pub(super) fn standing(&self) -> Standing {
        Standing {
            user_status: UserStatus::Active,
            epochs: EQUAL,
            limits: Limits {
                idle_seconds: u64::from(self.idle_seconds),
                // Within `overall` already.
                overall_seconds: u64::MAX,
            },
        }
    }

    /// Decides, by the one function that does. A no is not the last word: activity may
    /// have been written since this was read.
    pub(super) fn admit(&self, activity: &Activity, now: Timestamp) -> Option<Admission> {
        session::admit(&self.life(activity), &self.standing(), now).ok()
    }
}

#[cfg(test)]
mod tests {
    use nightlatch_domain::session::Session;
    use nightlatch_storage::sessions::OwnedSession;
    use proptest::prelude::*;

    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_milliseconds(milliseconds)
    }

    fn owned(life: Life, limits: Limits) -> OwnedSession {
        use nightlatch_domain::client::ClientDetails;
        use nightlatch_domain::ids::{OrganizationId, SessionId, UserId};
        use nightlatch_domain::organization::{Organization, Settings};
        use nightlatch_domain::user::{Appearance, EmailAddress, Role, User};
        let organization = OrganizationId::from_bytes([1; 16]);
        let user = UserId::from_bytes([2; 16]);
        let mut settings = Settings::default();
        settings.policy.ordinary = limits;
        settings.policy.remembered = limits;
        OwnedSession {
            session: Session {
                id: SessionId::from_bytes([3; 16]),
                user_id: user,
                organization_id: organization,
                browser_id: None,
                created_at: at(0),
                life,
                proofs: Vec::new(),
                client: ClientDetails {
                    address: None,
                    place: None,
                    user_agent: String::new(),
                },
            },
            user: User {
                id: user,
                organization_id: organization,
                email: EmailAddress::parse("ada@example.com").expect("an address"),
                name: String::new(),
                role: Role::Member,
                status: UserStatus::Active,
                appearance: Appearance::System,
                picture_version: None,
                created_at: at(0),
            },
            organization: Organization {
                id: organization,
                name: String::new(),
                settings,
                created_at: at(0),
            },
            epochs: life.epochs,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        // POL-02, SES-10: what is kept says the same as what was read, until the same
        // instant, whatever was granted, what today's policy is, and what is noted.
        #[test]
        fn what_is_kept_decides_as_what_was_read(
            kind in prop_oneof![Just(SessionKind::Ordinary), Just(SessionKind::Remembered)],
            authenticated in 0_i64..100_000,
            active_after in 0_i64..100_000,
            granted in (1_i64..300_000, 1_i64..300_000),
            limits in (1_u64..300, 1_u64..300),
            noted in proptest::option::of((0_i64..400_000, 1_u64..300)),
            read_at in 0_i64..400_000,
            steps in proptest::collection::vec(0_i64..700_000, 1..6),
        ) {
            let overall = authenticated + granted.1;
            let life = Life {
                epochs: Epochs { user: 4, organization: 5, deployment: 6 },
                kind,
                authenticated_at: at(authenticated),
                last_active_at: at(authenticated + active_after),
                deadlines: Deadlines {
                    idle: at((authenticated + active_after + granted.0).min(overall)),
                    overall: at(overall),
                },
                ended: None,
            };
            let limits = Limits { idle_seconds: limits.0, overall_seconds: limits.1 };
            let owned = owned(life, limits);
            let Some(kept) = Kept::of(&owned, 0, at(read_at)) else {
                let refused = session::admit(&life, &owned.standing(), at(read_at));
                prop_assert!(refused.is_err());
                return Ok(());
            };
            let activity = Activity::default();
            if let Some((when, idle)) = noted {
                let limits = Limits { idle_seconds: idle, overall_seconds: 1 };
                let life = Life { last_active_at: at(0), ..life };
                activity.note(owned.session.id, &life, limits, at(when));
            }
            // Clocks go both ways.
            for now in steps {
                let overlaid = activity.overlay(owned.session.id, life);
                let read = session::admit(&overlaid, &owned.standing(), at(now)).ok();
                prop_assert_eq!(kept.admit(&activity, at(now)), read);
                prop_assert_eq!(kept.is_over(at(now)), at(now) >= kept.overall);
                if kept.is_over(at(now)) {
                    prop_assert!(read.is_none());
                }
                // What a request of this instant would note is the same, too.
                if read.is_some() {
                    let one = kept.life(&activity).after_activity(at(now), kept.standing().limits);
                    let other = overlaid.after_activity(at(now), owned.standing().limits);
                    let effective = |life: &Life, standing: Standing| {
                        effective_deadlines(life, standing.limits)
                    };
                    prop_assert_eq!(
                        effective(&one, kept.standing()),
                        effective(&other, owned.standing())
                    );
                }
            }
        }
    }
}
