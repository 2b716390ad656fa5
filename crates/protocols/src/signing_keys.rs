//! The signing keys of the deployment: from the database into memory, made where
//! one is missing, and replaced in time.
//!
//! A new key is published before it signs, so that no app meets a signature that
//! it cannot check; an old one verifies ever after (OIDC-20). All nodes share the
//! rows; each holds the opened keys in memory and looks again now and then.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use nightlatch_domain::Timestamp;
use nightlatch_domain::ids::SigningKeyId;
use nightlatch_domain::relying_party::SigningAlgorithm;
use nightlatch_flows::Moment;
use nightlatch_flows::resealing::signing_key_place as place;
use nightlatch_flows::sealing::{Sealer, SealingError};
use nightlatch_storage::signing_keys::{self, SigningKey};
use nightlatch_storage::{StorageError, Store, Tx};

use crate::jose::{JoseError, KeySet, NewKey, PublicKey, Signer};

/// For how long a key signs before the next one takes over.
pub const SIGNS_FOR: Duration = Duration::from_hours(90 * 24);

/// For how long a key is published before it signs: longer than apps keep a copy
/// of the key set.
pub const PUBLISHED_BEFORE: Duration = Duration::from_hours(2 * 24);

/// Why the keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeysError {
    /// The database.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A sealed key does not open.
    #[error("a signing key cannot be opened: {0}")]
    Sealing(#[from] SealingError),
    /// A key cannot be made or read.
    #[error(transparent)]
    Jose(#[from] JoseError),
    /// The work was not done.
    #[error("making a key failed unexpectedly")]
    Interrupted,
}

/// The keys as this process knows them.
#[derive(Default)]
pub struct SigningKeys(RwLock<Arc<KeySet>>);

impl SigningKeys {
    /// The keys now; hold it for one answer, not longer.
    pub fn current(&self) -> Arc<KeySet> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The keys, of which one signs with this algorithm now. Made upon first need,
    /// if the worker that makes them in time has not been there yet.
    pub async fn for_signing(
        &self,
        store: &Store,
        sealer: &Sealer,
        moment: &Moment,
        algorithm: SigningAlgorithm,
    ) -> Result<Arc<KeySet>, SigningKeysError> {
        let current = self.current();
        if current.can_sign(algorithm, moment.now) {
            return Ok(current);
        }
        self.refresh(store, sealer, moment, &[algorithm]).await?;
        Ok(self.current())
    }

    /// The public halves as they stand in the database now, for whoever checks our
    /// signatures. They sign nothing.
    pub async fn read_public(&self, store: &Store) -> Result<KeySet, SigningKeysError> {
        let keys = list(store).await?;
        let public = keys.iter().map(public_half).collect::<Result<_, _>>()?;
        Ok(KeySet::new(public, Vec::new()))
    }

    /// Deletes the private halves of keys that have been retired: what cannot sign
    /// any more cannot be stolen either.
    pub async fn forget_retired(
        &self,
        store: &Store,
        now: Timestamp,
    ) -> Result<u64, SigningKeysError> {
        let flow = move |tx: &mut Tx<'_>| signing_keys::forget_private(tx, now);
        Ok(store.write::<_, StorageError, _>(flow).await?)
    }

    /// Reads the keys, and makes those of these algorithms that are missing or due.
    /// The server asks for all of them at start-up and now and then.
    pub async fn refresh(
        &self,
        store: &Store,
        sealer: &Sealer,
        moment: &Moment,
        algorithms: &[SigningAlgorithm],
    ) -> Result<(), SigningKeysError> {
        let mut keys = list(store).await?;
        for algorithm in algorithms {
            if let Some(signs_from) = next_due(&keys, *algorithm, moment.now) {
                make(store, sealer, moment, (*algorithm, signs_from)).await?;
            }
        }
        keys = list(store).await?;
        let set = open(&keys, sealer)?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(set);
        Ok(())
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("SigningKeys").finish()
    }
}

async fn list(store: &Store) -> Result<Vec<SigningKey>, StorageError> {
    store.read(signing_keys::list).await
}

/// From when on a key should sign that does not exist yet; nothing if none is due.
fn next_due(keys: &[SigningKey], algorithm: SigningAlgorithm, now: Timestamp) -> Option<Timestamp> {
    let newest = keys
        .iter()
        .filter(|key| key.algorithm == algorithm && key.signs_until.is_none())
        .max_by_key(|key| (key.signs_from, key.id));
    match newest {
        None => Some(now),
        Some(newest) => {
            let next = newest.signs_from.plus(SIGNS_FOR);
            (now.plus(PUBLISHED_BEFORE) >= next).then(|| next.max(now.plus(PUBLISHED_BEFORE)))
        }
    }
}

/// Makes a key, unless another node was faster.
async fn make(
    store: &Store,
    sealer: &Sealer,
    moment: &Moment,
    (algorithm, signs_from): (SigningAlgorithm, Timestamp),
) -> Result<(), SigningKeysError> {
    let id = SigningKeyId::sortable(moment.now, moment.random.as_ref());
    let made = tokio::task::spawn_blocking(move || NewKey::generate(algorithm, id));
    let made = made.await.map_err(|_| SigningKeysError::Interrupted)??;
    let private = sealer.seal(
        &place(&id.to_bytes()),
        moment.random.as_ref(),
        &made.private,
    )?;
    let key = SigningKey {
        id,
        algorithm,
        public_jwk: made.public_jwk,
        sealed_private: Some(private),
        created_at: moment.now,
        signs_from,
        signs_until: None,
    };
    let now = moment.now;
    let flow = move |tx: &mut Tx<'_>| -> Result<(), StorageError> {
        let known = signing_keys::list(tx)?;
        if next_due(&known, algorithm, now) != Some(signs_from) {
            return Ok(());
        }
        // Those before it sign until it does.
        let before = known
            .iter()
            .filter(|one| one.algorithm == algorithm && one.signs_until.is_none());
        for old in before {
            signing_keys::retire(tx, old.id, signs_from)?;
        }
        signing_keys::add(tx, &key)
    };
    Ok(store.write(flow).await?)
}

fn public_half(key: &SigningKey) -> Result<PublicKey, JoseError> {
    PublicKey::new(
        key.id,
        key.algorithm,
        &key.public_jwk,
        key.signs_from,
        key.signs_until,
    )
}

fn open(keys: &[SigningKey], sealer: &Sealer) -> Result<KeySet, SigningKeysError> {
    let (mut public, mut signers) = (Vec::new(), Vec::new());
    for key in keys {
        let (id, algorithm) = (key.id, key.algorithm);
        public.push(public_half(key)?);
        if let Some(sealed) = &key.sealed_private {
            let private = sealer.open(&place(&id.to_bytes()), sealed)?;
            signers.push(Signer::new(id, algorithm, &private)?);
        }
    }
    Ok(KeySet::new(public, signers))
}
