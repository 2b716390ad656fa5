//! Passkeys, what authenticators call their owners, and challenges that are answered once.

use nightlatch_domain::ids::PasskeyId;
use nightlatch_domain::passkey::{CeremonyKind, UserHandle};
use nightlatch_storage::passkeys::{self, Ceremony, StoredPasskey};
use nightlatch_storage::{StorageError, Store, Value, on_both_databases, users};

use super::rows::{
    ODD_TEXT, at, constraint, digest, id, long_text, numbers, people, refusal, write,
};

pub(super) fn passkey(number: u8, user: u8) -> StoredPasskey {
    StoredPasskey {
        id: id(number),
        user_id: id(user),
        credential_id: vec![number; 1023],
        credential: long_text(),
        format: 1,
        name: ODD_TEXT.to_owned(),
        counter: i64::from(u32::MAX),
        backup_eligible: true,
        backed_up: true,
        discoverable: true,
        created_at: at(i64::from(number)),
        last_used_at: Some(at(7)),
        suspicious_at: Some(at(8)),
    }
}

pub(super) fn ceremony(kind: CeremonyKind, expires_at: i64) -> Ceremony {
    Ceremony {
        kind,
        user_id: Some(id(1)),
        holder: digest(200),
        state: long_text(),
        expires_at: at(expires_at),
    }
}

fn add(store: &Store, passkey: &StoredPasskey) {
    let passkey = passkey.clone();
    write(store, move |tx| passkeys::add(tx, &passkey));
}

fn list(store: &Store, user: u8) -> Vec<u8> {
    let found = write(store, move |tx| passkeys::list_of_user(tx, id(user), 50));
    numbers(found.into_iter().map(|passkey| passkey.id))
}

fn find(store: &Store, user: u8, number: u8) -> Option<StoredPasskey> {
    write(store, move |tx| passkeys::find(tx, id(user), id(number)))
}

fn handle(first: u8) -> UserHandle {
    UserHandle::from_bytes([first; UserHandle::LENGTH])
}

on_both_databases! {
    fn a_passkey_comes_back_as_it_was_stored(store) {
        people(store);
        let full = passkey(1, 1);
        add(store, &full);
        let bare = StoredPasskey {
            backup_eligible: false,
            backed_up: false,
            discoverable: false,
            last_used_at: None,
            suspicious_at: None,
            counter: 0,
            ..passkey(2, 1)
        };
        add(store, &bare);
        for stored in [full, bare] {
            let wanted = stored.credential_id.clone();
            let found = write(store, move |tx| passkeys::find_by_credential_id(tx, &wanted));
            assert_eq!(found.as_ref(), Some(&stored));
            let number = stored.id.to_bytes()[0];
            assert_eq!(find(store, 1, number).as_ref(), Some(&stored));
        }
        assert_eq!(write(store, |tx| passkeys::find_by_credential_id(tx, &[1; 1022])), None);
    }

    fn a_credential_id_belongs_to_one_passkey(store) {
        people(store);
        add(store, &passkey(1, 1));
        let mut other = passkey(2, 2);
        other.credential_id = vec![1; 1023];
        let error = refusal(store, move |tx| passkeys::add(tx, &other));
        assert_eq!(error, constraint("passkeys_credential_id"));
        let nobody = passkey(3, 99);
        assert_eq!(refusal(store, move |tx| passkeys::add(tx, &nobody)), constraint("foreign_key"));
    }

    fn a_list_holds_ones_own_in_order_and_stops_early(store) {
        people(store);
        for (number, user) in [(3, 1), (1, 1), (2, 2), (4, 1)] {
            add(store, &passkey(number, user));
        }
        assert_eq!(list(store, 1), [1, 3, 4]);
        assert_eq!(list(store, 2), [2]);
        let few = write(store, |tx| passkeys::list_of_user(tx, id(1), 2));
        assert_eq!(numbers(few.into_iter().map(|passkey| passkey.id)), [1, 3]);
    }

    fn a_use_changes_what_a_use_changes(store) {
        people(store);
        add(store, &passkey(1, 1));
        add(store, &passkey(2, 1));
        let used = StoredPasskey {
            credential: "other".to_owned(),
            counter: 0,
            backed_up: false,
            last_used_at: Some(at(99)),
            suspicious_at: None,
            ..passkey(1, 1)
        };
        // What a use does not change is not written, whatever stands in the row in memory.
        let written = StoredPasskey { name: "x".to_owned(), backup_eligible: false, ..used.clone() };
        write(store, move |tx| passkeys::update_use(tx, &written));
        assert_eq!(find(store, 1, 1), Some(used));
        assert_eq!(find(store, 1, 2), Some(passkey(2, 1)));
        let missing = passkey(3, 1);
        let error = refusal(store, move |tx| passkeys::update_use(tx, &missing));
        assert!(matches!(error, StorageError::WrongRowCount { .. }));
    }

    fn names_and_removals_reach_ones_own_only(store) {
        people(store);
        add(store, &passkey(1, 1));
        let rename = |user: u8, number: u8| write(store, move |tx| passkeys::rename(tx, id(user), id(number), "Phone"));
        assert!(!rename(2, 1));
        assert!(!rename(1, 2));
        assert_eq!(find(store, 1, 1), Some(passkey(1, 1)));
        assert!(rename(1, 1));
        assert_eq!(find(store, 1, 1).map(|found| found.name).as_deref(), Some("Phone"));
        assert_eq!(find(store, 2, 1), None);
        let remove = |user: u8| {
            let target: PasskeyId = id(1);
            write(store, move |tx| passkeys::remove(tx, id(user), target))
        };
        assert!(!remove(2));
        assert_eq!(list(store, 1), [1]);
        assert!(remove(1));
        assert!(!remove(1));
        assert_eq!(list(store, 1), [0_u8; 0]);
    }

    fn a_handle_is_settled_once_and_belongs_to_one(store) {
        people(store);
        let find = |user: u8| write(store, move |tx| passkeys::find_handle(tx, id(user)));
        assert_eq!(find(1), None);
        write(store, |tx| passkeys::add_handle(tx, id(1), &handle(1)));
        assert_eq!(find(1), Some(handle(1)));
        assert_eq!(
            refusal(store, |tx| passkeys::add_handle(tx, id(1), &handle(2))),
            constraint("user_handles_pkey")
        );
        assert_eq!(
            refusal(store, |tx| passkeys::add_handle(tx, id(2), &handle(1))),
            constraint("user_handles_handle")
        );
        assert_eq!(find(2), None);
    }

    fn a_deleted_account_leaves_no_passkey(store) {
        people(store);
        for user in [1, 2] {
            add(store, &passkey(user, user));
            write(store, move |tx| passkeys::add_handle(tx, id(user), &handle(user)));
        }
        write(store, |tx| users::erase(tx, id(1)));
        assert_eq!(list(store, 1), [0_u8; 0]);
        assert_eq!(write(store, |tx| passkeys::find_handle(tx, id(1))), None);
        assert_eq!(list(store, 2), [2]);
        assert_eq!(write(store, |tx| passkeys::find_handle(tx, id(2))), Some(handle(2)));
    }

    fn wan_01_a_challenge_is_taken_out_once(store) {
        let kinds = [CeremonyKind::Registration, CeremonyKind::SignIn, CeremonyKind::SecondFactor];
        for (number, kind) in (1..).zip(kinds) {
            let mut stored = ceremony(kind, 5);
            if kind == CeremonyKind::SignIn {
                stored.user_id = None;
            }
            let added = stored.clone();
            write(store, move |tx| passkeys::add_ceremony(tx, digest(number), &added));
            assert_eq!(write(store, |tx| passkeys::take_ceremony(tx, digest(99))), None);
            let take = || write(store, move |tx| passkeys::take_ceremony(tx, digest(number)));
            assert_eq!(take(), Some(stored));
            assert_eq!(take(), None);
        }
        let stored = ceremony(CeremonyKind::SignIn, 5);
        let again = stored.clone();
        write(store, move |tx| passkeys::add_ceremony(tx, digest(1), &stored));
        assert_eq!(
            refusal(store, move |tx| passkeys::add_ceremony(tx, digest(1), &again)),
            constraint("ceremonies_pkey")
        );
    }

    fn challenges_are_pruned_at_their_deadline_and_in_batches(store) {
        for number in 1..=5 {
            let stored = ceremony(CeremonyKind::SignIn, i64::from(number));
            write(store, move |tx| passkeys::add_ceremony(tx, digest(number), &stored));
        }
        let prune = |now: i64, limit: i64| write(store, move |tx| passkeys::prune_ceremonies(tx, at(now), limit));
        assert_eq!(prune(3, 2), 2);
        assert_eq!(prune(3, 2), 1);
        assert_eq!(prune(3, 2), 0);
        assert_eq!(write(store, |tx| passkeys::take_ceremony(tx, digest(3))), None);
        assert!(write(store, |tx| passkeys::take_ceremony(tx, digest(4))).is_some());
        // One that stands in no row is used up once, and is nobody's to take.
        let use_up = || write(store, |tx| passkeys::use_up_challenge(tx, digest(77), digest(2), at(90)));
        assert_eq!([use_up(), use_up()], [true, false]);
        assert_eq!(write(store, |tx| passkeys::take_ceremony(tx, digest(77))), None);
        assert!(!use_up(), "looking for it gives it back to nobody");
        assert_eq!((prune(89, 9), prune(90, 9)), (1, 1));
    }

    fn corrupt_passkeys_and_challenges_are_errors(store) {
        people(store);
        add(store, &passkey(1, 1));
        write(store, |tx| passkeys::add_handle(tx, id(1), &handle(1)));
        let stored = ceremony(CeremonyKind::SignIn, 5);
        write(store, move |tx| passkeys::add_ceremony(tx, digest(1), &stored));
        write(store, |tx| {
            tx.execute("UPDATE ceremonies SET kind = 'garbage'", &[])?;
            tx.execute("UPDATE user_handles SET handle = $1", &[Value::from(vec![1, 2, 3])])
        });
        let column = |error: StorageError| match error {
            StorageError::Corrupt { column, .. } => column,
            other => panic!("{other:?}"),
        };
        assert_eq!(column(refusal(store, |tx| passkeys::take_ceremony(tx, digest(1)))), "kind");
        assert_eq!(column(refusal(store, |tx| passkeys::find_handle(tx, id(1)))), "handle");
    }
}
