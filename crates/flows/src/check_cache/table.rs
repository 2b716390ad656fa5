//! A bounded table in memory, by digest.
//!
//! Split into shards, each behind a lock of its own that readers share, so that many
//! processors look at once. It grows with what is in it and never beyond its bound;
//! nothing is allocated to find something. It does not know what its values mean,
//! or whether they still hold: whoever asks decides that.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use nightlatch_domain::secret::TokenDigest;

/// The most shards; a power of two. Enough for as many processors as a machine has.
const MOST_SHARDS: usize = 256;

/// How many entries a shard has at least before there is another shard.
const SMALLEST_SHARD: usize = 256;

/// Entries are allocated so many at a time.
const CHUNK: usize = 32;

/// How many entries are looked at for one that may go, before a new one is added.
const LOOKED_AT: usize = 8;

/// How many of a full shard; after that one goes that was used lately.
const LOOKED_AT_WHEN_FULL: usize = 64;

/// Marks the end of a chain.
const NONE: u32 = u32::MAX;

/// A table of at most so many values.
#[derive(Debug)]
pub(super) struct Table<V> {
    shards: Box<[RwLock<Shard<V>>]>,
}

#[derive(Debug)]
struct Shard<V> {
    /// The first entry of each chain.
    heads: Vec<u32>,
    chunks: Vec<Vec<Entry<V>>>,
    length: usize,
    limit: usize,
    /// Where the search for an entry that may go goes on.
    hand: usize,
    /// How often something was found. Each shard counts for itself, beside the lock that
    /// a reader has just taken: one counter for all would be passed between processors.
    found: AtomicU64,
}

#[derive(Debug)]
struct Entry<V> {
    key: [u8; 32],
    value: V,
    next: u32,
    /// Whether it was found since the hand last came by. Set by readers.
    used: AtomicBool,
}

impl<V: Clone> Table<V> {
    /// A table of at most `limit` values.
    pub(super) fn new(limit: usize) -> Self {
        let shards = (limit / SMALLEST_SHARD)
            .clamp(1, MOST_SHARDS)
            .next_power_of_two()
            .min(MOST_SHARDS);
        let limit = limit.div_ceil(shards).clamp(1, NONE as usize - 1);
        let shard = || {
            RwLock::new(Shard {
                heads: Vec::new(),
                chunks: Vec::new(),
                length: 0,
                limit,
                hand: 0,
                found: AtomicU64::new(0),
            })
        };
        Self {
            shards: (0..shards).map(|_| shard()).collect(),
        }
    }

    /// The value of a digest. Allocates nothing.
    pub(super) fn find(&self, digest: TokenDigest) -> Option<V> {
        let key = digest.to_bytes();
        let shard = self.shard(&key)?;
        let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
        let entry = shard.entry(shard.find(&key)?)?;
        shard.found.fetch_add(1, Ordering::Relaxed);
        // Written once, not by every reader: they would take the line from each other.
        if !entry.used.load(Ordering::Relaxed) {
            entry.used.store(true, Ordering::Relaxed);
        }
        Some(entry.value.clone())
    }

    /// Sets the value of a digest. Room is made by what `may_go` says is worth nothing
    /// any more; in a full table by what was not used lately, so that somebody who adds
    /// one after the other displaces their own before those of others.
    pub(super) fn put(&self, digest: TokenDigest, value: V, may_go: impl Fn(&V) -> bool) {
        let key = digest.to_bytes();
        if let Some(shard) = self.shard(&key) {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            shard.put(key, value, &may_go);
        }
    }

    /// How many values are in it, those that are worth nothing any more included.
    pub(super) fn length(&self) -> usize {
        self.of_each(|shard| shard.length).sum()
    }

    /// How often something was found.
    pub(super) fn found(&self) -> u64 {
        self.of_each(|shard| shard.found.load(Ordering::Relaxed))
            .sum()
    }

    fn of_each<T>(&self, ask: impl Fn(&Shard<V>) -> T) -> impl Iterator<Item = T> {
        let shards = self.shards.iter();
        shards.map(move |shard| ask(&shard.read().unwrap_or_else(PoisonError::into_inner)))
    }

    fn shard(&self, key: &[u8; 32]) -> Option<&RwLock<Shard<V>>> {
        // Other bits than those of the chain.
        let index = number(key, 8) & (self.shards.len() - 1);
        self.shards.get(index)
    }
}

/// Eight bytes of a digest as a number. They are as random as anything.
fn number(key: &[u8; 32], from: usize) -> usize {
    let bytes = key.get(from..from + 8).unwrap_or(&[0; 8]);
    let value = bytes
        .iter()
        .fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
    usize::try_from(value & u64::from(u32::MAX)).unwrap_or(0)
}

impl<V: Clone> Shard<V> {
    fn entry(&self, at: u32) -> Option<&Entry<V>> {
        let at = at as usize;
        self.chunks.get(at / CHUNK)?.get(at % CHUNK)
    }

    fn entry_mut(&mut self, at: u32) -> Option<&mut Entry<V>> {
        let at = at as usize;
        self.chunks.get_mut(at / CHUNK)?.get_mut(at % CHUNK)
    }

    /// The place of the head of the chain that this key belongs to.
    fn head(&self, key: &[u8; 32]) -> usize {
        // No head at all: index zero of nothing, which is no entry.
        number(key, 0) & self.heads.len().wrapping_sub(1)
    }

    fn find(&self, key: &[u8; 32]) -> Option<u32> {
        let mut at = *self.heads.get(self.head(key))?;
        while at != NONE {
            let entry = self.entry(at)?;
            if entry.key == *key {
                return Some(at);
            }
            at = entry.next;
        }
        None
    }

    fn put(&mut self, key: [u8; 32], value: V, may_go: &impl Fn(&V) -> bool) {
        if let Some(entry) = self.find(&key).and_then(|at| self.entry_mut(at)) {
            entry.value = value;
            return;
        }
        let entry = Entry {
            key,
            value,
            next: NONE,
            used: AtomicBool::new(false),
        };
        let full = self.length >= self.limit;
        if let Some(at) = self.find_room(full, may_go) {
            self.unlink(at);
            if let Some(place) = self.entry_mut(at) {
                *place = entry;
            }
            self.link(at);
        } else if !full {
            self.add(entry);
        }
    }

    /// An entry that may go. In a shard that may still grow only one that is worth
    /// nothing; what has ended makes room for what begins.
    fn find_room(&mut self, full: bool, may_go: &impl Fn(&V) -> bool) -> Option<u32> {
        let looks = if full { LOOKED_AT_WHEN_FULL } else { LOOKED_AT };
        let mut last = None;
        for _ in 0..looks.min(self.length) {
            self.hand = if self.hand >= self.length {
                0
            } else {
                self.hand
            };
            let at = u32::try_from(self.hand).ok()?;
            self.hand += 1;
            let entry = self.entry(at)?;
            if may_go(&entry.value) {
                return Some(at);
            }
            if full {
                if !entry.used.swap(false, Ordering::Relaxed) {
                    return Some(at);
                }
                last = Some(at);
            }
        }
        last
    }

    fn add(&mut self, entry: Entry<V>) {
        if self.length >= self.heads.len() {
            self.grow_heads();
        }
        let Ok(at) = u32::try_from(self.length) else {
            return;
        };
        if self.length.is_multiple_of(CHUNK) {
            let room = CHUNK.min(self.limit - self.length);
            self.chunks.push(Vec::with_capacity(room));
        }
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.push(entry);
            self.length += 1;
            self.link(at);
        }
    }

    fn grow_heads(&mut self) {
        let heads = (self.heads.len() * 2).max(CHUNK);
        self.heads = vec![NONE; heads];
        for at in 0..u32::try_from(self.length).unwrap_or(0) {
            self.link(at);
        }
    }

    fn link(&mut self, at: u32) {
        let Some(key) = self.entry(at).map(|entry| entry.key) else {
            return;
        };
        let head = self.head(&key);
        let Some(first) = self.heads.get_mut(head) else {
            return;
        };
        let next = std::mem::replace(first, at);
        if let Some(entry) = self.entry_mut(at) {
            entry.next = next;
        }
    }

    fn unlink(&mut self, at: u32) {
        let Some((key, next)) = self.entry(at).map(|entry| (entry.key, entry.next)) else {
            return;
        };
        let head = self.head(&key);
        let Some(first) = self.heads.get_mut(head) else {
            return;
        };
        if *first == at {
            *first = next;
            return;
        }
        let mut before = *first;
        while let Some(entry) = self.entry_mut(before) {
            if entry.next == at {
                entry.next = next;
                return;
            }
            before = entry.next;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn digest(number: u32) -> TokenDigest {
        TokenDigest::of(&number.to_le_bytes())
    }

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "as the table asks, whose values are larger"
    )]
    fn never(_: &u32) -> bool {
        false
    }

    #[test]
    fn what_was_put_is_found_and_nothing_else() {
        let table = Table::new(100_000);
        for number in 0..50_000 {
            table.put(digest(number), number, never);
        }
        for number in 0..50_000 {
            assert_eq!(table.find(digest(number)), Some(number));
            table.put(digest(number), number + 1, never);
        }
        assert_eq!(table.find(digest(60_000)), None);
        assert_eq!(table.find(digest(7)), Some(8));
        assert_eq!(table.length(), 50_000);
        assert_eq!(table.found(), 50_001);
    }

    #[test]
    fn a_full_table_stays_within_its_bound_and_keeps_what_is_used() {
        let table = Table::new(1_000);
        for number in 0..500 {
            table.put(digest(number), number, never);
        }
        // Somebody adds and adds, each used once at most; others use theirs now and then.
        for number in 1_000..101_000 {
            table.put(digest(number), number, never);
            if number % 50 == 0 {
                for mine in 0..500 {
                    table.find(digest(mine));
                }
            }
        }
        assert!(table.length() <= 1_024, "{}", table.length());
        let kept = (0..500).filter(|mine| table.find(digest(*mine)).is_some());
        assert!(kept.count() > 450);
    }

    #[test]
    fn what_is_worth_nothing_makes_room_before_the_table_grows() {
        let table = Table::new(1_000_000);
        for round in 0..20 {
            for number in 0..2_000 {
                // All of earlier rounds have ended.
                table.put(digest(round * 2_000 + number), round, |of| *of < round);
            }
        }
        assert!(table.length() < 6_000, "{}", table.length());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_small_table_never_says_what_was_not_put(
            acts in proptest::collection::vec((0_u32..40, 0_u32..1000, any::<bool>()), 1..400),
        ) {
            let table = Table::new(16);
            let mut truth = HashMap::new();
            for (key, value, look) in acts {
                if look {
                    let found = table.find(digest(key));
                    prop_assert!(found.is_none() || found == truth.get(&key).copied());
                } else {
                    table.put(digest(key), value, |value| value % 3 == 0);
                    truth.insert(key, value);
                    prop_assert_eq!(table.find(digest(key)), Some(value));
                }
                prop_assert!(table.length() <= 16);
            }
        }
    }
}
