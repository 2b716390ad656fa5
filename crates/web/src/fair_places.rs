//! Places that organizations share: for what costs a connection as long as it takes.
//!
//! An organization may take another place as long as it holds fewer than are free. One
//! alone so gets half of all, and whoever holds many leaves some to whoever holds none:
//! nobody can take from others what they wait for.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use nightlatch_domain::ids::OrganizationId;

/// So many places.
#[derive(Debug)]
pub(crate) struct FairPlaces {
    most: usize,
    taken: Mutex<BTreeMap<OrganizationId, usize>>,
}

/// A place; dropped, it is free again.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    of: &'a FairPlaces,
    organization: OrganizationId,
}

impl FairPlaces {
    pub(crate) const fn new(most: usize) -> Self {
        Self {
            most,
            taken: Mutex::new(BTreeMap::new()),
        }
    }

    /// Takes a place, if there is one for this organization.
    pub(crate) fn take(&self, organization: OrganizationId) -> Option<Place<'_>> {
        let mut taken = self.taken();
        let all: usize = taken.values().sum();
        let own = taken.get(&organization).copied().unwrap_or(0);
        if own >= self.most.saturating_sub(all) {
            return None;
        }
        taken.insert(organization, own + 1);
        Some(Place {
            of: self,
            organization,
        })
    }

    fn taken(&self) -> MutexGuard<'_, BTreeMap<OrganizationId, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut taken = self.of.taken();
        match taken.get_mut(&self.organization) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(taken.remove(&self.organization)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_organization_leaves_places_to_the_others() {
        let places = FairPlaces::new(8);
        let [one, two, three] = [1, 2, 3].map(|id| OrganizationId::from_bytes([id; 16]));
        let take_all = |whose| std::iter::from_fn(|| places.take(whose)).collect::<Vec<_>>();
        let ones = take_all(one);
        let twos = take_all(two);
        let threes = take_all(three);
        assert_eq!((ones.len(), twos.len(), threes.len()), (4, 2, 1));
        drop((ones, twos));
        assert_eq!(take_all(two).len(), 4);
        drop(threes);
        assert!(
            places.taken().is_empty(),
            "nothing is kept of who holds none"
        );
    }
}
