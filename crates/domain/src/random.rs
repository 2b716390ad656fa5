//! Randomness as an argument.
//!
//! The binary passes the operating system's generator; tests pass a seeded one,
//! so that every token and identifier of a test run is known.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::digest::{SHA256, digest};

/// A source of random bytes. In production it must be cryptographically secure
/// (SES-01): session tokens are drawn from it.
pub trait Random: Send + Sync {
    /// Fills the whole buffer.
    fn fill(&self, bytes: &mut [u8]);
}

/// A repeatable source for tests. Never use it for anything that must not be
/// guessed.
#[derive(Debug, Default)]
pub struct SeededRandom {
    seed: u64,
    counter: AtomicU64,
}

impl SeededRandom {
    /// A source whose whole output follows from the seed.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            counter: AtomicU64::new(0),
        }
    }
}

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let mut input = [0; 16];
            let counter = self.counter.fetch_add(1, Ordering::Relaxed);
            let (seed_half, counter_half) = input.split_at_mut(8);
            seed_half.copy_from_slice(&self.seed.to_le_bytes());
            counter_half.copy_from_slice(&counter.to_le_bytes());
            for (byte, random) in chunk.iter_mut().zip(digest(&SHA256, &input).as_ref()) {
                *byte = *random;
            }
        }
    }
}
