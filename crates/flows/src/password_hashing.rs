//! Hashing passwords: Argon2id, off the asynchronous threads, bounded.
//!
//! Parameters are in each record; a record with others than today's is replaced
//! at the next sign-in. Concurrency and queue are bounded, so that a flood of
//! sign-ins can exhaust neither memory nor patience (AUTH-03).

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{CustomizedPasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use nightlatch_domain::Random;
use nightlatch_domain::secret::Password;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::under_way::UnderWay;

/// Memory of one hash: 19 MiB, two passes, one lane (OWASP's first choice).
const MEMORY_KIBIBYTES: u32 = 19_456;
const PASSES: u32 = 2;

/// Sign-ins that may wait for a hashing thread before others are asked to come
/// back: with 20 ms each and two threads, two seconds.
const LONGEST_QUEUE: usize = 200;

/// The server is hashing as many passwords as it can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many sign-ins are waiting")]
pub struct Overloaded;

/// What verification says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasswordVerdict {
    /// It is the password. `rehashed` is set if the record should be replaced.
    Right {
        /// The same password under today's parameters.
        rehashed: Option<String>,
    },
    /// It is not, or there is no record.
    Wrong,
}

/// Hashes and verifies passwords.
pub struct PasswordHashing {
    running: Arc<Semaphore>,
    under_way: Arc<UnderWay>,
    waiting: AtomicUsize,
    random: Arc<dyn Random>,
    /// Verified in place of a record that does not exist, so that an unknown
    /// name costs the same (AUTH-07).
    nobody: String,
}

impl fmt::Debug for PasswordHashing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PasswordHashing")
            .field("running", &self.running)
            .finish_non_exhaustive()
    }
}

impl PasswordHashing {
    /// Hashing on at most `threads` threads at once.
    pub fn new(threads: usize, random: Arc<dyn Random>) -> Result<Self, argon2::Error> {
        // What cannot be computed later is found out now.
        parameters()?;
        let nobody = record_of_nobody(random.as_ref());
        Ok(Self {
            running: Arc::new(Semaphore::new(threads.max(1))),
            under_way: Arc::default(),
            waiting: AtomicUsize::new(0),
            random,
            nobody,
        })
    }

    /// The sign-ins that are being verified.
    pub(crate) fn under_way(&self) -> &Arc<UnderWay> {
        &self.under_way
    }

    /// Verifies a password against a record. Without a record it does the same
    /// work and says no.
    pub async fn verify(
        &self,
        password: Password,
        record: Option<String>,
    ) -> Result<PasswordVerdict, Overloaded> {
        let permit = self.wait().await?;
        let exists = record.is_some();
        let record = record.unwrap_or_else(|| self.nobody.clone());
        let random = Arc::clone(&self.random);
        self.run(permit, move || {
            let verdict = verify(&password, &record, random.as_ref());
            if exists {
                verdict
            } else {
                PasswordVerdict::Wrong
            }
        })
        .await
    }

    /// Makes the record of a new password.
    pub async fn hash(&self, password: Password) -> Result<String, Overloaded> {
        let permit = self.wait().await?;
        let random = Arc::clone(&self.random);
        self.run(permit, move || {
            hash(password.reveal().as_bytes(), random.as_ref())
        })
        .await?
        .map_err(|_| Overloaded)
    }

    /// Makes the record of a new password on this thread; for the command line.
    pub fn hash_blocking(&self, password: &Password) -> Result<String, argon2::Error> {
        hash(password.reveal().as_bytes(), self.random.as_ref())
    }

    /// Holds back every sign-in at the point where its password would be
    /// verified, until the guard is dropped; for tests of what happens meanwhile.
    pub async fn pause(&self) -> Result<OwnedSemaphorePermit, Overloaded> {
        let all = u32::try_from(self.running.available_permits()).unwrap_or(u32::MAX);
        Arc::clone(&self.running)
            .acquire_many_owned(all)
            .await
            .map_err(|_| Overloaded)
    }

    async fn wait(&self) -> Result<OwnedSemaphorePermit, Overloaded> {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= LONGEST_QUEUE {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(Overloaded);
        }
        let _leaving = Leaving(&self.waiting);
        Arc::clone(&self.running)
            .acquire_owned()
            .await
            .map_err(|_| Overloaded)
    }

    async fn run<T: Send + 'static>(
        &self,
        permit: OwnedSemaphorePermit,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Overloaded> {
        tokio::task::spawn_blocking(move || {
            let result = work();
            drop(permit);
            result
        })
        .await
        .map_err(|_| Overloaded)
    }
}

/// Leaves the queue, also when the browser that waited has hung up.
struct Leaving<'a>(&'a AtomicUsize);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A record that no password fits, and that takes as long to find out as of any other. It
/// is put together, not computed: that would take the memory of a hash at every start,
/// which a server of which nobody wants anything would then keep.
fn record_of_nobody(random: &dyn Random) -> String {
    let (mut salt, mut output) = ([0; 16], [0; Params::DEFAULT_OUTPUT_LEN]);
    random.fill(&mut salt);
    random.fill(&mut output);
    let [salt, output] = [salt.as_slice(), &output].map(|bytes| STANDARD_NO_PAD.encode(bytes));
    format!("$argon2id$v=19$m={MEMORY_KIBIBYTES},t={PASSES},p=1${salt}${output}")
}

fn parameters() -> Result<Params, argon2::Error> {
    Params::new(MEMORY_KIBIBYTES, PASSES, 1, None)
}

fn hash(password: &[u8], random: &dyn Random) -> Result<String, argon2::Error> {
    let mut salt = [0; 16];
    random.fill(&mut salt);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters()?);
    argon2
        .hash_password_with_params(password, &salt, parameters()?)
        .map(|record| record.to_string())
        .map_err(|_| argon2::Error::OutputTooShort)
}

fn verify(password: &Password, record: &str, random: &dyn Random) -> PasswordVerdict {
    let password = password.reveal().as_bytes();
    let Ok(parsed) = PasswordHash::new(record) else {
        return PasswordVerdict::Wrong;
    };
    if Argon2::default()
        .verify_password(password, &parsed)
        .is_err()
    {
        return PasswordVerdict::Wrong;
    }
    let rehashed = if is_current(&parsed) {
        None
    } else {
        hash(password, random).ok()
    };
    PasswordVerdict::Right { rehashed }
}

fn is_current(record: &PasswordHash) -> bool {
    record.algorithm.as_str() == "argon2id"
        && Params::try_from(record)
            .is_ok_and(|used| used.m_cost() >= MEMORY_KIBIBYTES && used.t_cost() >= PASSES)
}

#[cfg(test)]
mod tests {
    use nightlatch_domain::random::SeededRandom;

    use super::*;

    // AUTH-07: what an unknown name is compared with looks like what a known one is.
    #[test]
    fn the_record_of_nobody_is_made_like_every_other() {
        let random = SeededRandom::new(7);
        let nobody = record_of_nobody(&random);
        let somebody = hash(b"a password", &random).expect("a record");
        let shape = |record: &str| {
            let parsed = PasswordHash::new(record).expect("a record");
            let lengths = (
                parsed.salt.map(|salt| salt.len()),
                parsed.hash.map(|hash| hash.len()),
            );
            (parsed.algorithm, parsed.version, parsed.params, lengths)
        };
        assert_eq!(shape(&nobody), shape(&somebody));
        assert_ne!(nobody, record_of_nobody(&random));
    }
}
