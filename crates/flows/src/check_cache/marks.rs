//! When each thing was last concerned by a commit.
//!
//! One number for each of many places, to which sessions, users, organizations and
//! apps are scattered, and one for everything. Telling costs a few writes, whether it
//! concerns one session or a million: nothing is searched and nothing removed. What
//! is kept in memory names its places and the number before which it was read, and is
//! worth nothing once a place of its bears a higher one. Two things at one place are
//! forgotten together, which costs a read and can never keep a yes alive.

use std::sync::atomic::{AtomicU64, Ordering};

use nightlatch_storage::Concern;

/// Where to look for what concerns something kept in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(u32);

impl Place {
    /// Where this concern is marked. Identifiers are random and made here, so nobody
    /// can choose one that shares a place with somebody else's.
    pub(super) fn of(concern: Concern) -> Self {
        let (kind, id) = match concern {
            Concern::Session(id) => (1, id.to_bytes()),
            Concern::User(id) => (2, id.to_bytes()),
            Concern::Organization(id) => (3, id.to_bytes()),
            Concern::Client(id) => (4, id.to_bytes()),
            Concern::Grant(id) => (5, id.to_bytes()),
            Concern::Deployment => (6, [0; 16]),
        };
        let (first, last) = id.split_at(8);
        let folded = number(first).wrapping_mul(0xd6e8_feb8_6659_fd93) ^ number(last) ^ kind;
        // The high bits of a product with a large odd number depend on all bits.
        let scattered = folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        Self(u32::try_from(scattered).unwrap_or(0))
    }
}

/// The places and their numbers.
#[derive(Debug)]
pub(super) struct Marks {
    everything: AtomicU64,
    places: Box<[AtomicU64]>,
}

impl Marks {
    /// So many places, rounded up to a power of two.
    pub(super) fn new(places: usize) -> Self {
        let places = places.clamp(1, 1 << 24).next_power_of_two();
        Self {
            everything: AtomicU64::new(0),
            places: (0..places).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Notes that a commit of this number concerns these.
    pub(super) fn mark(&self, number: u64, concerns: &[Concern]) {
        for concern in concerns {
            let mark = match concern {
                Concern::Deployment => &self.everything,
                other => self.at(Place::of(*other)),
            };
            mark.fetch_max(number, Ordering::Release);
        }
    }

    /// Whether nothing told since this number concerns any of these places.
    pub(super) fn stands(&self, since: u64, places: &[Place]) -> bool {
        self.everything.load(Ordering::Acquire) <= since
            && places
                .iter()
                .all(|place| self.at(*place).load(Ordering::Acquire) <= since)
    }

    fn at(&self, place: Place) -> &AtomicU64 {
        // A power of two, so the mask keeps every place inside.
        let index = place.0 as usize & (self.places.len() - 1);
        self.places.get(index).unwrap_or(&self.everything)
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use nightlatch_domain::ids::{Id, UserId};
    use nightlatch_domain::random::SeededRandom;

    use super::*;

    #[test]
    fn what_was_read_before_a_mark_falls_and_what_was_read_after_it_stands() {
        let marks = Marks::new(1024);
        let user = Concern::User(UserId::from_bytes([7; 16]));
        let other = Concern::User(UserId::from_bytes([8; 16]));
        let (here, there) = (Place::of(user), Place::of(other));
        assert_ne!(here, there);
        marks.mark(5, &[user]);
        assert!(!marks.stands(4, &[there, here]));
        assert!(marks.stands(5, &[there, here]));
        assert!(marks.stands(4, &[there]));
        // One that comes late takes nothing back.
        marks.mark(3, &[user]);
        assert!(!marks.stands(4, &[here]));
        marks.mark(6, &[Concern::Deployment]);
        assert!(!marks.stands(5, &[]) && marks.stands(6, &[here, there]));
    }

    #[test]
    fn identifiers_scatter() {
        let random = SeededRandom::new(3);
        let now = nightlatch_domain::Timestamp::from_milliseconds(1_795_433_500_000);
        let mut taken = std::collections::HashSet::new();
        for _ in 0..4096 {
            let session = Concern::Session(Id::sortable(now, &random));
            taken.insert(Place::of(session).0 & 4095);
        }
        // As many as chance alone would take: 1 − 1/e of them.
        assert!((2450..2750).contains(&taken.len()), "{}", taken.len());
    }
}
