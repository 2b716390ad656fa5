//! Keys that sign: the public half stays, the private one goes.

use nightlatch_domain::relying_party::SigningAlgorithm;
use nightlatch_storage::signing_keys::{self, SigningKey};
use nightlatch_storage::{Store, on_both_databases};

use super::rows::{at, id, write};

/// A key that signs from its number on.
pub(super) fn signing_key(number: u8) -> SigningKey {
    SigningKey {
        id: id(number),
        algorithm: SigningAlgorithm::Es256,
        public_jwk: "{}".to_owned(),
        sealed_private: Some(vec![number]),
        created_at: at(0),
        signs_from: at(i64::from(number)),
        signs_until: None,
    }
}

fn sealed(store: &Store) -> Vec<Option<Vec<u8>>> {
    let keys = write(store, signing_keys::list);
    keys.into_iter().map(|key| key.sealed_private).collect()
}

on_both_databases! {
    fn oidc_20_a_retired_key_loses_its_private_half_and_keeps_the_other(store) {
        for number in [2, 1] {
            write(store, move |tx| signing_keys::add(tx, &signing_key(number)));
        }
        assert_eq!(sealed(store), [Some(vec![1]), Some(vec![2])], "oldest first");
        write(store, |tx| signing_keys::retire(tx, id(1), at(9)));
        assert_eq!(write(store, |tx| signing_keys::forget_private(tx, at(8))), 0);
        assert_eq!(write(store, |tx| signing_keys::forget_private(tx, at(9))), 1);
        assert_eq!(write(store, |tx| signing_keys::forget_private(tx, at(9))), 0);
        assert_eq!(sealed(store), [None, Some(vec![2])]);
        let keys = write(store, signing_keys::list);
        assert_eq!((keys[0].public_jwk.as_str(), keys[0].signs_until), ("{}", Some(at(9))));
        assert_eq!((keys[0].algorithm, keys[0].signs_from), (SigningAlgorithm::Es256, at(1)));
    }

    fn ops_03_a_key_is_sealed_anew_unless_somebody_was_faster(store) {
        write(store, |tx| signing_keys::add(tx, &signing_key(1)));
        let reseal = |store: &Store, before: u8, after: u8| {
            write(store, move |tx| signing_keys::reseal(tx, id(1), &[before], &[after]))
        };
        assert!(reseal(store, 1, 7));
        assert!(!reseal(store, 1, 8));
        assert_eq!(sealed(store), [Some(vec![7])]);
    }
}
